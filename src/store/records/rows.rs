//! Keys and rows: how each kind of thing is found again.
//!
//! Every index row is derived from the row itself ([`Row::index_rows`]), so that writing or removing a row always
//! leaves its index right. Numbers in keys are big-endian: the order of bytes is the order of time.

use std::ops::RangeInclusive;

use super::fault::RecordFault;
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::credential::MAX_CREDENTIAL_ID;
use crate::domain::email::Email;

/// Something kept in one table, and found through others.
pub(in crate::store) trait Row: Sized {
    /// Where it is kept.
    const TABLE: Table;

    /// The key that it has there.
    fn key(&self) -> Vec<u8>;
    /// The rows by which it is found otherwise: table, key, value.
    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)>;
    /// All but the key, as written.
    fn encode(&self) -> Result<Vec<u8>, RecordFault>;
    /// Reads what some version of [`Row::encode`] wrote.
    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault>;
}

/// The keys of an index by account that begin with that account.
pub(in crate::store) fn of_account(account: AccountId) -> RangeInclusive<Vec<u8>> {
    let account = account.0.as_bytes();
    // No key is as long as this one, or as late: a time and a credential id are the most that follows.
    account.to_vec()..=[&account[..], &[0xff; 9 + MAX_CREDENTIAL_ID]].concat()
}

/// What follows the account in a key of an index by account.
pub(in crate::store) fn after_account(key: &[u8]) -> &[u8] {
    key.get(16..).unwrap_or_default()
}

/// The keys of an index by a digest that begin with that digest.
pub(in crate::store) fn of_digest(digest: &[u8]) -> RangeInclusive<Vec<u8>> {
    // Another digest is all that follows.
    digest.to_vec()..=[digest, &[0xff; 32]].concat()
}

/// What follows the digest in a key of an index by a digest.
pub(in crate::store) fn after_digest(key: &[u8]) -> &[u8] {
    key.get(32..).unwrap_or_default()
}

/// The key of an index by time.
pub(in crate::store) fn at(time: Timestamp, key: &[u8]) -> Vec<u8> {
    [&time.unix().to_be_bytes(), key].concat()
}

/// The last key that an index by time may have at `time`: no key indexed so is longer than a digest.
pub(in crate::store) fn end_of(time: Timestamp) -> Vec<u8> {
    at(time, &[0xff; 32])
}

/// What follows the time in a key of an index by time.
pub(in crate::store) fn after_time(key: &[u8]) -> &[u8] {
    key.get(8..).unwrap_or_default()
}

/// The key of a browser in [`Table::RegistrationsByEmail`] and [`Table::RecoveriesByEmail`], which begin with an
/// address; no address has a zero byte.
pub(in crate::store) fn of_email(email: &str, browser: &[u8]) -> Vec<u8> {
    [email.as_bytes(), &[0], browser].concat()
}

/// The keys of [`Table::MovesByFormer`] that begin with that address.
pub(in crate::store) fn kept_for(email: &Email) -> RangeInclusive<Vec<u8>> {
    of_email(email.as_str(), &[])..=of_email(email.as_str(), &[0xff; 16])
}

/// The account in a key of [`Table::MovesByFormer`].
pub(in crate::store) fn account_in(key: &[u8]) -> &[u8] {
    key.last_chunk::<16>().map_or(&[], |account| account)
}

/// Reads the generation of the signing keys; it is not there before the keys are first changed with it.
pub(in crate::store) fn key_generation(value: Option<&[u8]>) -> Result<u64, RecordFault> {
    let Some(value) = value else { return Ok(0) };
    value.try_into().map(u64::from_be_bytes).map_err(|_| RecordFault::Unreadable {
        table: Table::Meta,
        why: "the number of the signing keys' state is not 8 bytes long".to_owned(),
    })
}
