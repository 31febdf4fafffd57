//! Links as the stores keep them; see [`super`] for how a version follows another.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::destination::Destination;
use crate::domain::link::id::LinkId;
use crate::domain::link::{Approval, Closed, Link, LinkCodeDigest, LinkOffer, LinkStage, Party, WaitingBrowser};
use crate::domain::secret::SecretDigest;

/// No browser is known to have this digest.
const NO_BROWSER: [u8; 32] = [0; 32];

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
    stage: LinkStageV1,
    return_to: String,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
struct LinkV2 {
    revision: u32,
    scan_code: [u8; 32],
    short_code: [u8; 32],
    wrong_numbers: u8,
    waiting: Vec<WaitingV2>,
    approving: Vec<PartyV1>,
    offer: Option<OfferV1>,
    stage: LinkStageV1,
    /// Where it is approved, the two browsers it is between.
    between: Option<([u8; 32], [u8; 32])>,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
struct WaitingV2 {
    party: PartyV1,
    number: u8,
    return_to: String,
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
enum LinkStageV1 {
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
            LinkStage::Approved(approval) => Some(approval.account),
            LinkStage::Shown | LinkStage::Found | LinkStage::Closed(_) => None,
        };
        let accounts = self.offer.map(|offer| offer.account).into_iter().chain(approval);
        rows.extend(accounts.map(|account| (Table::LinksByAccount, [*account.0.as_bytes(), *id].concat(), Vec::new())));
        rows
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self {
            id: _,
            revision,
            scan_code,
            short_code,
            wrong_numbers,
            waiting,
            approving,
            offer,
            stage,
            expires_at,
        } = self;
        let between = match stage {
            LinkStage::Approved(Approval { approving, waiting, .. }) => Some((*approving.bytes(), *waiting.bytes())),
            LinkStage::Shown | LinkStage::Found | LinkStage::Closed(_) => None,
        };
        let record = LinkV2 {
            revision: *revision,
            scan_code: scan_code.0,
            short_code: short_code.0,
            wrong_numbers: *wrong_numbers,
            waiting: waiting.iter().map(WaitingV2::of).collect(),
            approving: approving.iter().map(PartyV1::of).collect(),
            offer: offer.map(|LinkOffer { account, session }| OfferV1 {
                account: account.0.into_bytes(),
                session: *session.bytes(),
            }),
            stage: LinkStageV1::of(stage),
            between,
            expires_at: expires_at.unix(),
        };
        super::encode(Self::TABLE, 2, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let LinkV2 {
            revision,
            scan_code,
            short_code,
            wrong_numbers,
            waiting,
            approving,
            offer,
            stage,
            between,
            expires_at,
        } = match super::version(Self::TABLE, value)? {
            (1, bytes) => super::record::<LinkV1>(Self::TABLE, bytes)?.into(),
            (2, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        Ok(Self {
            id: LinkId(super::uuid_key(Self::TABLE, key)?),
            revision,
            scan_code: LinkCodeDigest(scan_code),
            short_code: LinkCodeDigest(short_code),
            wrong_numbers,
            waiting: waiting.into_iter().map(WaitingV2::read).collect(),
            approving: approving.into_iter().map(PartyV1::read).collect(),
            offer: offer.map(|OfferV1 { account, session }| LinkOffer {
                account: AccountId(Uuid::from_bytes(account)),
                session: SecretDigest::from_bytes(session),
            }),
            stage: stage.read(between)?,
            expires_at: Timestamp::from_unix(expires_at),
        })
    }
}

impl From<LinkV1> for LinkV2 {
    /// A link of one browser on either side.
    fn from(was: LinkV1) -> Self {
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
        } = was;
        let browser = |party: &Option<PartyV1>| party.as_ref().map_or(NO_BROWSER, |party| party.browser);
        let between = match stage {
            LinkStageV1::Approved { .. } => Some((browser(&approving), browser(&waiting))),
            LinkStageV1::Shown | LinkStageV1::Found | LinkStageV1::Denied | LinkStageV1::WrongNumbers => None,
        };
        Self {
            revision,
            scan_code,
            short_code,
            wrong_numbers,
            waiting: waiting.map(|party| WaitingV2 { party, number, return_to }).into_iter().collect(),
            approving: approving.into_iter().collect(),
            offer,
            stage,
            between,
            expires_at,
        }
    }
}

impl WaitingV2 {
    fn of(waiting: &WaitingBrowser) -> Self {
        let WaitingBrowser { party, number, return_to } = waiting;
        Self { party: PartyV1::of(party), number: *number, return_to: return_to.as_str().to_owned() }
    }

    fn read(self) -> WaitingBrowser {
        let Self { party, number, return_to } = self;
        WaitingBrowser { party: party.read(), number, return_to: Destination::try_from(return_to).unwrap_or_default() }
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

impl LinkStageV1 {
    fn of(stage: &LinkStage) -> Self {
        match stage {
            LinkStage::Shown => Self::Shown,
            LinkStage::Found => Self::Found,
            LinkStage::Approved(Approval { account, credential, session, approving: _, waiting: _ }) => {
                Self::Approved {
                    account: account.0.into_bytes(),
                    credential_id: credential.bytes().to_vec(),
                    session: session.map(|session| *session.bytes()),
                }
            }
            LinkStage::Closed(Closed::Denied) => Self::Denied,
            LinkStage::Closed(Closed::WrongNumbers) => Self::WrongNumbers,
        }
    }

    fn read(self, between: Option<([u8; 32], [u8; 32])>) -> Result<LinkStage, RecordFault> {
        let (approving, waiting) = between.unwrap_or((NO_BROWSER, NO_BROWSER));
        Ok(match self {
            Self::Shown => LinkStage::Shown,
            Self::Found => LinkStage::Found,
            Self::Approved { account, credential_id, session } => LinkStage::Approved(Approval {
                account: AccountId(Uuid::from_bytes(account)),
                credential: super::credential_id(Table::Links, &credential_id)?,
                session: session.map(SecretDigest::from_bytes),
                approving: SecretDigest::from_bytes(approving),
                waiting: SecretDigest::from_bytes(waiting),
            }),
            Self::Denied => LinkStage::Closed(Closed::Denied),
            Self::WrongNumbers => LinkStage::Closed(Closed::WrongNumbers),
        })
    }
}
