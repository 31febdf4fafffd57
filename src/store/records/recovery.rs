//! Recoveries as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::profile::{claim, network_of};
use super::rows::{Row, at, of_email};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::destination::Destination;
use crate::domain::mailed_code::MailedCode;
use crate::domain::recovery::{Recovery, RecoveryStage};

/// Written where there is no account, so that such a row is as long as another; no account is called so.
const NO_ACCOUNT: [u8; 16] = [0; 16];

#[derive(Serialize, Deserialize)]
struct RecoveryV1 {
    revision: u32,
    email: String,
    account: Option<[u8; 16]>,
    stage: RecoveryStageV1,
    code: [u8; 16],
    tries: u32,
    code_sent_at: u64,
    return_to: String,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
struct RecoveryV2 {
    was: RecoveryV1,
    network: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct RecoveryV3 {
    was: RecoveryV2,
    /// Empty for `None`, since no credential id is empty.
    beside: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct RecoveryV4 {
    was: RecoveryV3,
    earlier: Option<[u8; 16]>,
}

#[derive(Serialize, Deserialize)]
enum RecoveryStageV1 {
    Code,
    Proved,
    Vouched,
}

impl Row for Recovery {
    const TABLE: Table = Table::Recoveries;

    fn key(&self) -> Vec<u8> {
        self.browser.bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let browser = &self.browser.bytes()[..];
        let of_owner = [self.owner().0.as_bytes(), browser].concat();
        vec![
            (Table::RecoveriesByExpiry, at(self.expires_at, browser), Vec::new()),
            (Table::RecoveriesByEmail, of_email(self.email.as_str(), browser), Vec::new()),
            (Table::RecoveriesByAccount, of_owner, Vec::new()),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { browser: _, revision, email, account, stage, code, claim, beside, return_to, expires_at } = self;
        let was = RecoveryV1 {
            revision: *revision,
            email: email.as_str().to_owned(),
            account: Some(account.map_or(NO_ACCOUNT, |account| account.0.into_bytes())),
            stage: match stage {
                RecoveryStage::Code => RecoveryStageV1::Code,
                RecoveryStage::Proved => RecoveryStageV1::Proved,
                RecoveryStage::Vouched => RecoveryStageV1::Vouched,
            },
            code: code.id.0.into_bytes(),
            tries: code.tries,
            code_sent_at: code.sent_at.unix(),
            return_to: return_to.as_str().to_owned(),
            expires_at: expires_at.unix(),
        };
        let beside = beside.as_ref().map(|id| id.bytes().to_vec()).unwrap_or_default();
        let was = RecoveryV3 { was: RecoveryV2 { was, network: network_of(claim) }, beside };
        let earlier = code.earlier.map(|earlier| earlier.0.into_bytes());
        super::encode(Self::TABLE, 4, &RecoveryV4 { was, earlier })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let first = |was| RecoveryV4 { was, earlier: None };
        let alone = |was| first(RecoveryV3 { was, beside: Vec::new() });
        let RecoveryV4 { was, earlier } = match super::version(Self::TABLE, value)? {
            (1, bytes) => alone(RecoveryV2 { was: super::record(Self::TABLE, bytes)?, network: None }),
            (2, bytes) => alone(super::record(Self::TABLE, bytes)?),
            (3, bytes) => first(super::record(Self::TABLE, bytes)?),
            (4, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        let RecoveryV3 { was: RecoveryV2 { was, network }, beside } = was;
        let RecoveryV1 { revision, email, account, stage, code, tries, code_sent_at, return_to, expires_at } = was;
        Ok(Self {
            browser: super::secret_key(Self::TABLE, key)?,
            revision,
            email: super::email(Self::TABLE, &email)?,
            account: account.filter(|id| *id != NO_ACCOUNT).map(|id| AccountId(Uuid::from_bytes(id))),
            stage: match stage {
                RecoveryStageV1::Code => RecoveryStage::Code,
                RecoveryStageV1::Proved => RecoveryStage::Proved,
                RecoveryStageV1::Vouched => RecoveryStage::Vouched,
            },
            code: MailedCode {
                id: CodeId(Uuid::from_bytes(code)),
                tries,
                sent_at: Timestamp::from_unix(code_sent_at),
                earlier: earlier.map(|earlier| CodeId(Uuid::from_bytes(earlier))),
            },
            claim: claim(network),
            beside: match beside.as_slice() {
                [] => None,
                id => Some(super::credential_id(Self::TABLE, id)?),
            },
            return_to: Destination::try_from(return_to).unwrap_or_default(),
            expires_at: Timestamp::from_unix(expires_at),
        })
    }
}
