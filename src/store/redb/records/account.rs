//! Accounts as written.

use serde::{Deserialize, Serialize};

use super::super::fault::Fault;
use super::super::rows::Row;
use super::super::table::Table;
use crate::domain::account::{Account, AccountId};
use crate::domain::clock::Timestamp;
use crate::domain::profile::{Locale, Metadata};

#[derive(Serialize, Deserialize)]
struct AccountV1 {
    email: String,
    name: Option<String>,
    groups: Vec<String>,
    disabled: bool,
    created_at: u64,
}

#[derive(Serialize, Deserialize)]
struct AccountV2 {
    was: AccountV1,
    locale: Option<String>,
    metadata: Option<String>,
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
        let Self { id: _, email, name, locale, metadata, groups, disabled, created_at } = self;
        let was = AccountV1 {
            email: email.as_str().to_owned(),
            name: name.clone(),
            groups: groups.clone(),
            disabled: *disabled,
            created_at: created_at.unix(),
        };
        let locale = locale.as_ref().map(|locale| locale.as_str().to_owned());
        let metadata = metadata.as_ref().map(|metadata| metadata.as_str().to_owned());
        super::encode(Self::TABLE, 2, &AccountV2 { was, locale, metadata })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault> {
        let AccountV2 { was, locale, metadata } = match super::version(Self::TABLE, value)? {
            (1, bytes) => AccountV2 { was: super::record(Self::TABLE, bytes)?, locale: None, metadata: None },
            (2, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        let AccountV1 { email, name, groups, disabled, created_at } = was;
        let broken = |error| super::unreadable(Self::TABLE, error);
        Ok(Self {
            id: AccountId(super::uuid_key(Self::TABLE, key)?),
            email: super::email(Self::TABLE, &email)?,
            name,
            locale: locale.map(|text| Locale::parse(&text)).transpose().map_err(broken)?,
            metadata: metadata.map(Metadata::from_object).transpose().map_err(broken)?,
            groups,
            disabled,
            created_at: Timestamp::from_unix(created_at),
        })
    }
}
