//! Held recoveries as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::recovery::{Hold, HoldId};

#[derive(Serialize, Deserialize)]
struct HoldV1 {
    id: [u8; 16],
    asked_at: u64,
    until: u64,
    browser: String,
}

impl Row for Hold {
    const TABLE: Table = Table::Holds;

    fn key(&self) -> Vec<u8> {
        self.account.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::HoldsByExpiry, at(self.expires_at(), self.account.0.as_bytes()), Vec::new())]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { id, account: _, asked_at, until, browser } = self;
        let record =
            HoldV1 { id: id.0.into_bytes(), asked_at: asked_at.unix(), until: until.unix(), browser: browser.clone() };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let HoldV1 { id, asked_at, until, browser } = super::record(Self::TABLE, bytes)?;
                Ok(Self {
                    id: HoldId(Uuid::from_bytes(id)),
                    account: AccountId(super::uuid_key(Self::TABLE, key)?),
                    asked_at: Timestamp::from_unix(asked_at),
                    until: Timestamp::from_unix(until),
                    browser,
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
