//! Ceremonies as written.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::rows::{Row, Table, at};
use crate::domain::account::AccountId;
use crate::domain::ceremony::{Ceremony, CeremonyId, Purpose, Subject};
use crate::domain::clock::Timestamp;
use crate::domain::return_to::ReturnTo;
use crate::domain::secret::SecretDigest;

#[derive(Serialize, Deserialize)]
struct CeremonyV1 {
    browser: [u8; 32],
    purpose: PurposeV1,
    return_to: String,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
enum PurposeV1 {
    Register { email: String, account: [u8; 16], state_json: Vec<u8> },
    SignIn { subject: SubjectV1, state_json: Vec<u8> },
}

#[derive(Serialize, Deserialize)]
enum SubjectV1 {
    Anyone,
    Account([u8; 16]),
    Nobody,
}

impl Row for Ceremony {
    const TABLE: Table = Table::Ceremonies;

    fn key(&self) -> Vec<u8> {
        self.id.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::CeremoniesByExpiry, at(self.expires_at, self.id.0.as_bytes()), Vec::new())]
    }

    fn encode(&self) -> Result<Vec<u8>, Fault> {
        let Self { id: _, browser, purpose, return_to, expires_at } = self;
        let record = CeremonyV1 {
            browser: *browser.bytes(),
            purpose: match purpose {
                Purpose::Register { email, account, state } => PurposeV1::Register {
                    email: email.as_str().to_owned(),
                    account: *account.0.as_bytes(),
                    state_json: super::to_json(Self::TABLE, state)?,
                },
                Purpose::SignIn { subject, state } => PurposeV1::SignIn {
                    subject: match subject {
                        Subject::Anyone => SubjectV1::Anyone,
                        Subject::Account(account) => SubjectV1::Account(*account.0.as_bytes()),
                        Subject::Nobody => SubjectV1::Nobody,
                    },
                    state_json: super::to_json(Self::TABLE, state)?,
                },
            },
            return_to: return_to.as_str().to_owned(),
            expires_at: expires_at.unix(),
        };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let CeremonyV1 { browser, purpose, return_to, expires_at } = super::record(Self::TABLE, bytes)?;
                Ok(Self {
                    id: CeremonyId(super::uuid_key(Self::TABLE, key)?),
                    browser: SecretDigest::from_bytes(browser),
                    purpose: purpose.read()?,
                    return_to: ReturnTo::parse_or_root(Some(&return_to)),
                    expires_at: Timestamp::from_unix(expires_at),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}

impl PurposeV1 {
    fn read(self) -> Result<Purpose, Fault> {
        let account = |bytes| AccountId(Uuid::from_bytes(bytes));
        Ok(match self {
            Self::Register { email, account: id, state_json } => Purpose::Register {
                email: super::email(Table::Ceremonies, &email)?,
                account: account(id),
                state: super::from_json(Table::Ceremonies, &state_json)?,
            },
            Self::SignIn { subject, state_json } => Purpose::SignIn {
                subject: match subject {
                    SubjectV1::Anyone => Subject::Anyone,
                    SubjectV1::Account(id) => Subject::Account(account(id)),
                    SubjectV1::Nobody => Subject::Nobody,
                },
                state: super::from_json(Table::Ceremonies, &state_json)?,
            },
        })
    }
}
