//! How rows are written, to the file of the embedded store and to PostgreSQL alike: one byte of version, then postcard.
//!
//! The types here are the stores', not the program's: old files have them. A field or variant is never removed, moved
//! or given another meaning; its name may change, since postcard writes none. A changed record gets the next version
//! number and a type of its own, which often holds the one before it as `was`, and `decode` goes on reading the old one.
//! A variant added after all others needs no new version, since what is old still reads. Every
//! conversion names every field, so that one forgotten does not compile.

mod account;
mod admin_code;
mod bookmark;
mod ceremony;
mod count;
mod event;
pub(in crate::store) mod fault;
mod hold;
mod invitation;
pub(in crate::store) mod kinds;
mod letter;
mod link;
mod moving;
mod passkey;
mod profile;
mod recovery;
mod registration;
pub(in crate::store) mod rows;
mod session;
mod signing_key;
pub(in crate::store) mod table;
mod tokens;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use self::fault::RecordFault;
use self::table::Table;
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::passkey::CredentialId;
use crate::domain::secret::SecretDigest;

pub(in crate::store) use count::CountRow;
pub(in crate::store) use passkey::made_for;

/// Writes the version and the record.
fn encode(table: Table, version: u8, record: &impl Serialize) -> Result<Vec<u8>, RecordFault> {
    postcard::to_extend(record, vec![version])
        .map_err(|error| RecordFault::Unwritable { table, why: error.to_string() })
}

/// Splits what was written into its version and the record's bytes.
fn version(table: Table, value: &[u8]) -> Result<(u8, &[u8]), RecordFault> {
    let (version, record) = value.split_first().ok_or_else(|| unreadable(table, "it is empty"))?;
    Ok((*version, record))
}

/// Reads a record; nothing may be left over.
fn record<T: DeserializeOwned>(table: Table, bytes: &[u8]) -> Result<T, RecordFault> {
    match postcard::take_from_bytes(bytes) {
        Ok((record, [])) => Ok(record),
        Ok(_) => Err(unreadable(table, "it is too long")),
        Err(error) => Err(unreadable(table, error)),
    }
}

fn unreadable(table: Table, why: impl std::fmt::Display) -> RecordFault {
    RecordFault::Unreadable { table, why: why.to_string() }
}

fn newer(table: Table, version: u8) -> RecordFault {
    unreadable(table, format_args!("it has version {version}, which this bmauth does not know"))
}

/// webauthn-rs keeps its states readable as JSON; their fields are not ours to name.
fn to_json(table: Table, state: &impl Serialize) -> Result<Vec<u8>, RecordFault> {
    serde_json::to_vec(state).map_err(|error| RecordFault::Unwritable { table, why: error.to_string() })
}

fn from_json<T: DeserializeOwned>(table: Table, json: &[u8]) -> Result<T, RecordFault> {
    // The parser's own words would quote what it read.
    serde_json::from_slice(json)
        .map_err(|error| unreadable(table, format_args!("{:?} at column {}", error.classify(), error.column())))
}

fn uuid_key(table: Table, key: &[u8]) -> Result<Uuid, RecordFault> {
    Uuid::from_slice(key).map_err(|error| unreadable(table, error))
}

fn digest_key(table: Table, key: &[u8]) -> Result<[u8; 32], RecordFault> {
    key.try_into().map_err(|_| unreadable(table, "its key is not 32 bytes long"))
}

fn secret_key(table: Table, key: &[u8]) -> Result<SecretDigest, RecordFault> {
    digest_key(table, key).map(SecretDigest::from_bytes)
}

fn credential_id(table: Table, bytes: &[u8]) -> Result<CredentialId, RecordFault> {
    CredentialId::new(bytes).ok_or_else(|| unreadable(table, "it has a credential id of impossible length"))
}

fn email(table: Table, text: &str) -> Result<Email, RecordFault> {
    Email::parse(text).map_err(|error| unreadable(table, error))
}

pub(in crate::store) fn read_host(table: Table, text: &str) -> Result<Host, RecordFault> {
    Host::parse(text).map_err(|error| unreadable(table, error))
}
