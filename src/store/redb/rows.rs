//! Tables, keys and rows: how each kind of thing is found again.
//!
//! Every index row is derived from the row itself ([`Row::index_rows`]), so that writing or removing a row always
//! leaves its index right. Numbers in keys are big-endian: the order of bytes is the order of time.

use std::ops::RangeInclusive;

use super::fault::Fault;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::passkey::MAX_CREDENTIAL_ID;

/// A table of the database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// [`MASTER`], [`KEY_GENERATION`] and [`SCHEMA`].
    Meta,
    /// By ceremony id.
    Ceremonies,
    /// Expiry, ceremony id.
    CeremoniesByExpiry,
    /// By the browser's digest.
    Registrations,
    /// Address, a zero byte, browser's digest.
    RegistrationsByEmail,
    /// Expiry, browser's digest.
    RegistrationsByExpiry,
    /// By account id.
    Accounts,
    /// Address; its value is the account id.
    AccountsByEmail,
    /// By credential id.
    Passkeys,
    /// Account id, time of creation, credential id.
    PasskeysByAccount,
    /// By the token's digest.
    Sessions,
    /// Account id, token's digest.
    SessionsByAccount,
    /// Time of creation, token's digest.
    SessionsByCreation,
    /// Time of last use, token's digest.
    SessionsByLastUse,
    /// By the session's token's digest.
    TokenFamilies,
    /// A refresh token's digest; its value is the session's token's digest.
    RefreshTokens,
    /// By link id.
    Links,
    /// A code's digest; its value is the link id.
    LinksByCode,
    /// Account id of who offers or approves, link id.
    LinksByAccount,
    /// Expiry, link id.
    LinksByExpiry,
    /// By the browser's digest.
    Recoveries,
    /// Account id, browser's digest.
    RecoveriesByAccount,
    /// Expiry, browser's digest.
    RecoveriesByExpiry,
    /// By account id.
    Holds,
    /// Expiry, account id.
    HoldsByExpiry,
    /// By account id.
    AdminCodes,
    /// Expiry, account id.
    AdminCodesByExpiry,
    /// By event id.
    Events,
    /// Account id, time, event id.
    EventsByAccount,
    /// Expiry, event id.
    EventsByExpiry,
    /// By letter id.
    Letters,
    /// When due, letter id.
    LettersByDue,
    /// Expiry, letter id.
    LettersByExpiry,
    /// By the counter's name.
    Counters,
    /// End of the window, counter's name.
    CountersByEnd,
    /// By `kid`.
    SigningKeys,
}

/// The key in [`Table::Meta`] of the gateway's master secret.
pub(super) const MASTER: &[u8] = b"master";
/// The number of the state that the signing keys are in.
pub(super) const KEY_GENERATION: &[u8] = b"key generation";

/// Reads [`KEY_GENERATION`]; it is not there before the keys are first changed with it.
pub(super) fn key_generation(value: Option<&[u8]>) -> Result<u64, Fault> {
    let Some(value) = value else { return Ok(0) };
    value.try_into().map(u64::from_be_bytes).map_err(|_| Fault::Unreadable {
        table: Table::Meta,
        why: "the number of the signing keys' state is not 8 bytes long".to_owned(),
    })
}
/// The key in [`Table::Meta`] of the schema version, four bytes, big-endian.
pub(super) const SCHEMA: &[u8] = b"schema";

impl Table {
    /// Every table there is; a new store has all of them.
    pub(super) const ALL: [Self; 36] = [
        Self::Meta,
        Self::Ceremonies,
        Self::CeremoniesByExpiry,
        Self::Registrations,
        Self::RegistrationsByEmail,
        Self::RegistrationsByExpiry,
        Self::Accounts,
        Self::AccountsByEmail,
        Self::Passkeys,
        Self::PasskeysByAccount,
        Self::Sessions,
        Self::SessionsByAccount,
        Self::SessionsByCreation,
        Self::SessionsByLastUse,
        Self::TokenFamilies,
        Self::RefreshTokens,
        Self::Links,
        Self::LinksByCode,
        Self::LinksByAccount,
        Self::LinksByExpiry,
        Self::Recoveries,
        Self::RecoveriesByAccount,
        Self::RecoveriesByExpiry,
        Self::Holds,
        Self::HoldsByExpiry,
        Self::AdminCodes,
        Self::AdminCodesByExpiry,
        Self::Events,
        Self::EventsByAccount,
        Self::EventsByExpiry,
        Self::Letters,
        Self::LettersByDue,
        Self::LettersByExpiry,
        Self::Counters,
        Self::CountersByEnd,
        Self::SigningKeys,
    ];

    /// Its name in the file. Names are never changed: files have them.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Ceremonies => "ceremonies",
            Self::CeremoniesByExpiry => "ceremonies-by-expiry",
            Self::Registrations => "registrations",
            Self::RegistrationsByEmail => "registrations-by-email",
            Self::RegistrationsByExpiry => "registrations-by-expiry",
            Self::Accounts => "accounts",
            Self::AccountsByEmail => "accounts-by-email",
            Self::Passkeys => "passkeys",
            Self::PasskeysByAccount => "passkeys-by-account",
            Self::Sessions => "sessions",
            Self::SessionsByAccount => "sessions-by-account",
            Self::SessionsByCreation => "sessions-by-creation",
            Self::SessionsByLastUse => "sessions-by-last-use",
            Self::TokenFamilies => "token-families",
            Self::RefreshTokens => "refresh-tokens",
            Self::Links => "links",
            Self::LinksByCode => "links-by-code",
            Self::LinksByAccount => "links-by-account",
            Self::LinksByExpiry => "links-by-expiry",
            Self::Recoveries => "recoveries",
            Self::RecoveriesByAccount => "recoveries-by-account",
            Self::RecoveriesByExpiry => "recoveries-by-expiry",
            Self::Holds => "holds",
            Self::HoldsByExpiry => "holds-by-expiry",
            Self::AdminCodes => "admin-codes",
            Self::AdminCodesByExpiry => "admin-codes-by-expiry",
            Self::Events => "events",
            Self::EventsByAccount => "events-by-account",
            Self::EventsByExpiry => "events-by-expiry",
            Self::Letters => "letters",
            Self::LettersByDue => "letters-by-due",
            Self::LettersByExpiry => "letters-by-expiry",
            Self::Counters => "counters",
            Self::CountersByEnd => "counters-by-end",
            Self::SigningKeys => "signing-keys",
        }
    }

    /// The table as redb knows it.
    pub(super) const fn definition(self) -> ::redb::TableDefinition<'static, &'static [u8], &'static [u8]> {
        ::redb::TableDefinition::new(self.name())
    }
}

/// Something kept in one table, and found through others.
pub(super) trait Row: Sized {
    /// Where it is kept.
    const TABLE: Table;

    /// Its key there.
    fn key(&self) -> Vec<u8>;
    /// The rows by which it is found otherwise: table, key, value.
    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)>;
    /// All but the key, as written to the file.
    fn encode(&self) -> Result<Vec<u8>, Fault>;
    /// Reads what some version of [`Row::encode`] wrote.
    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault>;
}

/// The keys of an index by account that begin with that account.
pub(super) fn of_account(account: AccountId) -> RangeInclusive<Vec<u8>> {
    let account = account.0.as_bytes();
    // No key is as long as this one, or as late: a time and a credential id are the most that follows.
    account.to_vec()..=[&account[..], &[0xff; 9 + MAX_CREDENTIAL_ID]].concat()
}

/// What follows the account in a key of an index by account.
pub(super) fn after_account(key: &[u8]) -> &[u8] {
    key.get(16..).unwrap_or_default()
}

/// The key of an index by time.
pub(super) fn at(time: Timestamp, key: &[u8]) -> Vec<u8> {
    [&time.unix().to_be_bytes(), key].concat()
}

/// The last key that an index by time may have at `time`: no key indexed so is longer than a digest.
pub(super) fn end_of(time: Timestamp) -> Vec<u8> {
    at(time, &[0xff; 32])
}

/// What follows the time in a key of an index by time.
pub(super) fn after_time(key: &[u8]) -> &[u8] {
    key.get(8..).unwrap_or_default()
}

/// The first key in [`Table::RegistrationsByEmail`] of an address; no address has a zero byte.
pub(super) fn of_email(email: &str, browser: &[u8]) -> Vec<u8> {
    [email.as_bytes(), &[0], browser].concat()
}
