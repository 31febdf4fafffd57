//! Operators' codes as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::admin_code::{AdminCode, CodeDigest};
use crate::domain::clock::Timestamp;

#[derive(Serialize, Deserialize)]
struct AdminCodeV1 {
    digest: [u8; 32],
    expires_at: u64,
}

impl Row for AdminCode {
    const TABLE: Table = Table::AdminCodes;

    fn key(&self) -> Vec<u8> {
        self.account.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::AdminCodesByExpiry, at(self.expires_at, self.account.0.as_bytes()), Vec::new())]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { account: _, digest, expires_at } = self;
        super::encode(Self::TABLE, 1, &AdminCodeV1 { digest: digest.0, expires_at: expires_at.unix() })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let AdminCodeV1 { digest, expires_at } = super::record(Self::TABLE, bytes)?;
                Ok(Self {
                    account: AccountId(super::uuid_key(Self::TABLE, key)?),
                    digest: CodeDigest(digest),
                    expires_at: Timestamp::from_unix(expires_at),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
