//! Changes of address as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::{Row, at, of_email};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::address::{AskedMove, Move, MoveId, MoveOutlook, MoveStage};
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::mailed_code::MailedCode;
use crate::domain::secret::SecretDigest;

#[derive(Serialize, Deserialize)]
struct MoveV1 {
    id: [u8; 16],
    revision: u32,
    stage: MoveStageV1,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
enum MoveStageV1 {
    Asked(AskedV1),
    Done { from: String },
    Undone,
}

#[derive(Serialize, Deserialize)]
struct AskedV1 {
    to: String,
    outlook: OutlookV1,
    session: [u8; 32],
    credential_id: Vec<u8>,
    code: [u8; 16],
    tries: u32,
    code_sent_at: u64,
    earlier_code: Option<[u8; 16]>,
}

#[derive(Serialize, Deserialize)]
enum OutlookV1 {
    Address,
    Taken,
    Kept,
    NotAllowed,
}

impl Row for Move {
    const TABLE: Table = Table::Moves;

    fn key(&self) -> Vec<u8> {
        self.account.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let account = &self.account.0.as_bytes()[..];
        let former = self.former().map(|from| (Table::MovesByFormer, of_email(from.as_str(), account), Vec::new()));
        let expiry = (Table::MovesByExpiry, at(self.expires_at, account), Vec::new());
        [expiry].into_iter().chain(former).collect()
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { account: _, id, revision, stage, expires_at } = self;
        let stage = match stage {
            MoveStage::Asked(asked) => MoveStageV1::Asked(AskedV1::of(asked)),
            MoveStage::Done { from } => MoveStageV1::Done { from: from.as_str().to_owned() },
            MoveStage::Undone => MoveStageV1::Undone,
        };
        let record = MoveV1 { id: id.0.into_bytes(), revision: *revision, stage, expires_at: expires_at.unix() };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let MoveV1 { id, revision, stage, expires_at } = match super::version(Self::TABLE, value)? {
            (1, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        Ok(Self {
            account: AccountId(super::uuid_key(Self::TABLE, key)?),
            id: MoveId(Uuid::from_bytes(id)),
            revision,
            stage: match stage {
                MoveStageV1::Asked(asked) => MoveStage::Asked(asked.read()?),
                MoveStageV1::Done { from } => MoveStage::Done { from: super::email(Self::TABLE, &from)? },
                MoveStageV1::Undone => MoveStage::Undone,
            },
            expires_at: Timestamp::from_unix(expires_at),
        })
    }
}

impl AskedV1 {
    fn of(asked: &AskedMove) -> Self {
        let AskedMove { to, outlook, session, credential, code } = asked;
        Self {
            to: to.as_str().to_owned(),
            outlook: match outlook {
                MoveOutlook::Address => OutlookV1::Address,
                MoveOutlook::Taken => OutlookV1::Taken,
                MoveOutlook::Kept => OutlookV1::Kept,
                MoveOutlook::NotAllowed => OutlookV1::NotAllowed,
            },
            session: *session.bytes(),
            credential_id: credential.bytes().to_vec(),
            code: code.id.0.into_bytes(),
            tries: code.tries,
            code_sent_at: code.sent_at.unix(),
            earlier_code: code.earlier.map(|earlier| earlier.0.into_bytes()),
        }
    }

    fn read(self) -> Result<AskedMove, RecordFault> {
        let Self { to, outlook, session, credential_id, code, tries, code_sent_at, earlier_code } = self;
        Ok(AskedMove {
            to: super::email(Table::Moves, &to)?,
            outlook: match outlook {
                OutlookV1::Address => MoveOutlook::Address,
                OutlookV1::Taken => MoveOutlook::Taken,
                OutlookV1::Kept => MoveOutlook::Kept,
                OutlookV1::NotAllowed => MoveOutlook::NotAllowed,
            },
            session: SecretDigest::from_bytes(session),
            credential: super::credential_id(Table::Moves, &credential_id)?,
            code: MailedCode {
                id: CodeId(Uuid::from_bytes(code)),
                tries,
                sent_at: Timestamp::from_unix(code_sent_at),
                earlier: earlier_code.map(|earlier| CodeId(Uuid::from_bytes(earlier))),
            },
        })
    }
}
