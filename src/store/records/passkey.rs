//! Passkeys as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::Row;
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::host::Host;
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

#[derive(Serialize, Deserialize)]
struct PasskeyV3 {
    was: PasskeyV2,
    rp_id: Option<String>,
}

/// A key without its id and what it was made for, which stand elsewhere in what holds it.
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
    pub(super) fn of(table: Table, key: &NewPasskey) -> Result<Self, RecordFault> {
        let NewPasskey { id: _, credential, counter, aaguid, backup_eligible, backed_up, rp_id: _ } = key;
        Ok(Self {
            credential_json: super::to_json(table, credential)?,
            counter: *counter,
            aaguid: *aaguid.as_bytes(),
            backup_eligible: *backup_eligible,
            backed_up: *backed_up,
        })
    }

    /// The key of that id, made for that `rp_id`.
    pub(super) fn read(self, table: Table, id: CredentialId, rp_id: Option<&str>) -> Result<NewPasskey, RecordFault> {
        let Self { credential_json, counter, aaguid, backup_eligible, backed_up } = self;
        Ok(NewPasskey {
            id,
            credential: super::from_json(table, &credential_json)?,
            counter,
            aaguid: Uuid::from_bytes(aaguid),
            backup_eligible,
            backed_up,
            rp_id: rp_id.map(|text| super::read_host(table, text)).transpose()?,
        })
    }
}

/// What is written of what a key was made for.
pub(super) fn rp_id_of(key: &NewPasskey) -> Option<String> {
    key.rp_id.as_ref().map(|rp_id| rp_id.as_str().to_owned())
}

impl PasskeyV3 {
    fn read(value: &[u8]) -> Result<Self, RecordFault> {
        const TABLE: Table = Passkey::TABLE;
        let before = |was| Self { was, rp_id: None };
        Ok(match super::version(TABLE, value)? {
            (1, bytes) => before(PasskeyV2 { was: super::record(TABLE, bytes)?, name: None, browser: String::new() }),
            (2, bytes) => before(super::record(TABLE, bytes)?),
            (3, bytes) => super::record(TABLE, bytes)?,
            (version, _) => return Err(super::newer(TABLE, version)),
        })
    }
}

/// Whose a passkey is, and what it was made for. The key itself is left unread: that takes far longer, and all passkeys
/// are looked at when the gateway starts.
pub(in crate::store) fn made_for(value: &[u8]) -> Result<(AccountId, Option<Host>), RecordFault> {
    let PasskeyV3 { was, rp_id } = PasskeyV3::read(value)?;
    let account = AccountId(Uuid::from_bytes(was.was.account));
    Ok((account, rp_id.map(|text| super::read_host(Passkey::TABLE, &text)).transpose()?))
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

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { account, key, name, browser, created_at, last_used_at } = self;
        let was = PasskeyV1 {
            account: *account.0.as_bytes(),
            key: KeyV1::of(Self::TABLE, key)?,
            created_at: created_at.unix(),
            last_used_at: last_used_at.map(Timestamp::unix),
        };
        let was = PasskeyV2 { was, name: name.clone(), browser: browser.clone() };
        super::encode(Self::TABLE, 3, &PasskeyV3 { was, rp_id: rp_id_of(key) })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let id = super::credential_id(Self::TABLE, key)?;
        let PasskeyV3 { was, rp_id } = PasskeyV3::read(value)?;
        let PasskeyV2 { was, name, browser } = was;
        let PasskeyV1 { account, key, created_at, last_used_at } = was;
        Ok(Self {
            account: AccountId(Uuid::from_bytes(account)),
            key: key.read(Self::TABLE, id, rp_id.as_deref())?,
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
