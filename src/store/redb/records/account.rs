//! Accounts as written.

use serde::{Deserialize, Serialize};

use super::super::fault::Fault;
use super::super::rows::{Row, Table};
use crate::domain::account::{Account, AccountId};
use crate::domain::clock::Timestamp;

#[derive(Serialize, Deserialize)]
struct AccountV1 {
    email: String,
    name: Option<String>,
    groups: Vec<String>,
    disabled: bool,
    created_at: u64,
}

impl Row for Account {
    const TABLE: Table = Table::Accounts;

    fn key(&self) -> Vec<u8> {
        self.id.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::AccountsByEmail, self.email.as_str().into(), self.key())]
    }

    fn encode(&self) -> Result<Vec<u8>, Fault> {
        let Self { id: _, email, name, groups, disabled, created_at } = self;
        let record = AccountV1 {
            email: email.as_str().to_owned(),
            name: name.clone(),
            groups: groups.clone(),
            disabled: *disabled,
            created_at: created_at.unix(),
        };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let AccountV1 { email, name, groups, disabled, created_at } = super::record(Self::TABLE, bytes)?;
                Ok(Self {
                    id: AccountId(super::uuid_key(Self::TABLE, key)?),
                    email: super::email(Self::TABLE, &email)?,
                    name,
                    groups,
                    disabled,
                    created_at: Timestamp::from_unix(created_at),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
