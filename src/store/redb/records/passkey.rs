//! Passkeys as written.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::rows::Row;
use super::super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::passkey::{CredentialId, NewPasskey, Passkey};

#[derive(Serialize, Deserialize)]
struct PasskeyV1 {
    account: [u8; 16],
    key: KeyV1,
    created_at: u64,
    last_used_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct PasskeyV2 {
    was: PasskeyV1,
    name: Option<String>,
    browser: String,
}

/// A key without its id, which stands elsewhere in what holds it.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyV1 {
    credential_json: Vec<u8>,
    counter: u32,
    aaguid: [u8; 16],
    backup_eligible: bool,
    backed_up: bool,
}

impl KeyV1 {
    /// What is written of a key in that table.
    pub(super) fn of(table: Table, key: &NewPasskey) -> Result<Self, Fault> {
        let NewPasskey { id: _, credential, counter, aaguid, backup_eligible, backed_up } = key;
        Ok(Self {
            credential_json: super::to_json(table, credential)?,
            counter: *counter,
            aaguid: *aaguid.as_bytes(),
            backup_eligible: *backup_eligible,
            backed_up: *backed_up,
        })
    }

    /// The key of that id.
    pub(super) fn read(self, table: Table, id: CredentialId) -> Result<NewPasskey, Fault> {
        let Self { credential_json, counter, aaguid, backup_eligible, backed_up } = self;
        Ok(NewPasskey {
            id,
            credential: super::from_json(table, &credential_json)?,
            counter,
            aaguid: Uuid::from_bytes(aaguid),
            backup_eligible,
            backed_up,
        })
    }
}

impl Row for Passkey {
    const TABLE: Table = Table::Passkeys;

    fn key(&self) -> Vec<u8> {
        self.key.id.bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let key = Self::index_key(self.account, self.created_at, self.key.id.bytes());
        vec![(Table::PasskeysByAccount, key, Vec::new())]
    }

    fn encode(&self) -> Result<Vec<u8>, Fault> {
        let Self { account, key, name, browser, created_at, last_used_at } = self;
        let was = PasskeyV1 {
            account: *account.0.as_bytes(),
            key: KeyV1::of(Self::TABLE, key)?,
            created_at: created_at.unix(),
            last_used_at: last_used_at.map(Timestamp::unix),
        };
        super::encode(Self::TABLE, 2, &PasskeyV2 { was, name: name.clone(), browser: browser.clone() })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault> {
        let id = super::credential_id(Self::TABLE, key)?;
        let PasskeyV2 { was, name, browser } = match super::version(Self::TABLE, value)? {
            (1, bytes) => PasskeyV2 { was: super::record(Self::TABLE, bytes)?, name: None, browser: String::new() },
            (2, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        let PasskeyV1 { account, key, created_at, last_used_at } = was;
        Ok(Self {
            account: AccountId(Uuid::from_bytes(account)),
            key: key.read(Self::TABLE, id)?,
            name,
            browser,
            created_at: Timestamp::from_unix(created_at),
            last_used_at: last_used_at.map(Timestamp::from_unix),
        })
    }
}

impl Passkey {
    /// The key in [`Table::PasskeysByAccount`].
    fn index_key(account: AccountId, created_at: Timestamp, id: &[u8]) -> Vec<u8> {
        [account.0.as_bytes(), &created_at.unix().to_be_bytes()[..], id].concat()
    }
}
