//! Links as written.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::rows::{Row, at};
use super::super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::destination::Destination;
use crate::domain::link::id::LinkId;
use crate::domain::link::{Approval, Closed, Link, LinkCodeDigest, Offer, Party, Stage};
use crate::domain::secret::SecretDigest;

#[derive(Serialize, Deserialize)]
struct LinkV1 {
    revision: u32,
    scan_code: [u8; 32],
    short_code: [u8; 32],
    number: u8,
    wrong_numbers: u8,
    waiting: Option<PartyV1>,
    approving: Option<PartyV1>,
    offer: Option<OfferV1>,
    stage: StageV1,
    return_to: String,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
struct PartyV1 {
    browser: [u8; 32],
    description: String,
    address: Option<IpAddr>,
    at: u64,
}

#[derive(Serialize, Deserialize)]
struct OfferV1 {
    account: [u8; 16],
    session: [u8; 32],
}

#[derive(Serialize, Deserialize)]
enum StageV1 {
    Shown,
    Found,
    Approved { account: [u8; 16], credential_id: Vec<u8>, session: Option<[u8; 32]> },
    Denied,
    WrongNumbers,
}

impl Row for Link {
    const TABLE: Table = Table::Links;

    fn key(&self) -> Vec<u8> {
        self.id.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let id = self.id.0.as_bytes();
        let mut rows = vec![
            (Table::LinksByCode, self.scan_code.0.to_vec(), id.to_vec()),
            (Table::LinksByCode, self.short_code.0.to_vec(), id.to_vec()),
            (Table::LinksByExpiry, at(self.expires_at, id), Vec::new()),
        ];
        let approval = match &self.stage {
            Stage::Approved(approval) => Some(approval.account),
            Stage::Shown | Stage::Found | Stage::Closed(_) => None,
        };
        let accounts = self.offer.map(|offer| offer.account).into_iter().chain(approval);
        rows.extend(accounts.map(|account| (Table::LinksByAccount, [*account.0.as_bytes(), *id].concat(), Vec::new())));
        rows
    }

    fn encode(&self) -> Result<Vec<u8>, Fault> {
        let Self {
            id: _,
            revision,
            scan_code,
            short_code,
            number,
            wrong_numbers,
            waiting,
            approving,
            offer,
            stage,
            return_to,
            expires_at,
        } = self;
        let record = LinkV1 {
            revision: *revision,
            scan_code: scan_code.0,
            short_code: short_code.0,
            number: *number,
            wrong_numbers: *wrong_numbers,
            waiting: waiting.as_ref().map(PartyV1::of),
            approving: approving.as_ref().map(PartyV1::of),
            offer: offer.map(|Offer { account, session }| OfferV1 {
                account: account.0.into_bytes(),
                session: *session.bytes(),
            }),
            stage: StageV1::of(stage),
            return_to: return_to.as_str().to_owned(),
            expires_at: expires_at.unix(),
        };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let LinkV1 {
                    revision,
                    scan_code,
                    short_code,
                    number,
                    wrong_numbers,
                    waiting,
                    approving,
                    offer,
                    stage,
                    return_to,
                    expires_at,
                } = super::record(Self::TABLE, bytes)?;
                Ok(Self {
                    id: LinkId(super::uuid_key(Self::TABLE, key)?),
                    revision,
                    scan_code: LinkCodeDigest(scan_code),
                    short_code: LinkCodeDigest(short_code),
                    number,
                    wrong_numbers,
                    waiting: waiting.map(PartyV1::read),
                    approving: approving.map(PartyV1::read),
                    offer: offer.map(|OfferV1 { account, session }| Offer {
                        account: AccountId(Uuid::from_bytes(account)),
                        session: SecretDigest::from_bytes(session),
                    }),
                    stage: stage.read()?,
                    return_to: Destination::try_from(return_to).unwrap_or_default(),
                    expires_at: Timestamp::from_unix(expires_at),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}

impl PartyV1 {
    fn of(party: &Party) -> Self {
        let Party { browser, description, address, at } = party;
        Self { browser: *browser.bytes(), description: description.clone(), address: *address, at: at.unix() }
    }

    fn read(self) -> Party {
        let Self { browser, description, address, at } = self;
        Party { browser: SecretDigest::from_bytes(browser), description, address, at: Timestamp::from_unix(at) }
    }
}

impl StageV1 {
    fn of(stage: &Stage) -> Self {
        match stage {
            Stage::Shown => Self::Shown,
            Stage::Found => Self::Found,
            Stage::Approved(Approval { account, credential, session }) => Self::Approved {
                account: account.0.into_bytes(),
                credential_id: credential.bytes().to_vec(),
                session: session.map(|session| *session.bytes()),
            },
            Stage::Closed(Closed::Denied) => Self::Denied,
            Stage::Closed(Closed::WrongNumbers) => Self::WrongNumbers,
        }
    }

    fn read(self) -> Result<Stage, Fault> {
        Ok(match self {
            Self::Shown => Stage::Shown,
            Self::Found => Stage::Found,
            Self::Approved { account, credential_id, session } => Stage::Approved(Approval {
                account: AccountId(Uuid::from_bytes(account)),
                credential: super::credential_id(Table::Links, &credential_id)?,
                session: session.map(SecretDigest::from_bytes),
            }),
            Self::Denied => Stage::Closed(Closed::Denied),
            Self::WrongNumbers => Stage::Closed(Closed::WrongNumbers),
        })
    }
}
