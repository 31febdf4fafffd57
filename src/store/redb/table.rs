//! The tables of the database file.

/// A table of the database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// [`MASTER`], [`KEY_GENERATION`], [`RP_ID`] and [`SCHEMA`].
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
    /// The token's digest of the head of a family, a member's token's digest.
    SessionsByHead,
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
    /// Address, a zero byte, browser's digest.
    RecoveriesByEmail,
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
    /// By the name's digest.
    Bookmarks,
    /// Expiry, name's digest.
    BookmarksByExpiry,
    /// By address.
    Invitations,
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
/// The key in [`Table::Meta`] of what the passkeys were made for that do not say so.
pub(super) const RP_ID: &[u8] = b"rp id";
/// The key in [`Table::Meta`] of the schema version, four bytes, big-endian.
pub(super) const SCHEMA: &[u8] = b"schema";

impl Table {
    /// Every table there is; a new store has all of them.
    pub(super) const ALL: [Self; 41] = [
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
        Self::SessionsByHead,
        Self::TokenFamilies,
        Self::RefreshTokens,
        Self::Links,
        Self::LinksByCode,
        Self::LinksByAccount,
        Self::LinksByExpiry,
        Self::Recoveries,
        Self::RecoveriesByAccount,
        Self::RecoveriesByEmail,
        Self::RecoveriesByExpiry,
        Self::Holds,
        Self::HoldsByExpiry,
        Self::AdminCodes,
        Self::AdminCodesByExpiry,
        Self::Bookmarks,
        Self::BookmarksByExpiry,
        Self::Invitations,
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
            Self::SessionsByHead => "sessions-by-head",
            Self::TokenFamilies => "token-families",
            Self::RefreshTokens => "refresh-tokens",
            Self::Links => "links",
            Self::LinksByCode => "links-by-code",
            Self::LinksByAccount => "links-by-account",
            Self::LinksByExpiry => "links-by-expiry",
            Self::Recoveries => "recoveries",
            Self::RecoveriesByAccount => "recoveries-by-account",
            Self::RecoveriesByEmail => "recoveries-by-email",
            Self::RecoveriesByExpiry => "recoveries-by-expiry",
            Self::Holds => "holds",
            Self::HoldsByExpiry => "holds-by-expiry",
            Self::AdminCodes => "admin-codes",
            Self::AdminCodesByExpiry => "admin-codes-by-expiry",
            Self::Bookmarks => "bookmarks",
            Self::BookmarksByExpiry => "bookmarks-by-expiry",
            Self::Invitations => "invitations",
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
