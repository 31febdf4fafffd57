//! The tables of the embedded store's file; those of them that hold rows name the kinds of rows there are.

/// A table of the database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Table {
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
    Moves,
    /// The address that is kept, a zero byte, account id.
    MovesByFormer,
    /// Expiry, account id.
    MovesByExpiry,
    /// By account id.
    AdminCodes,
    /// Expiry, account id.
    AdminCodesByExpiry,
    /// By the name's digest.
    Bookmarks,
    /// Expiry, name's digest.
    BookmarksByExpiry,
    /// By the invited address.
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
    /// By the key's `kid`.
    SigningKeys,
}

/// The key in [`Table::Meta`] of the gateway's master secret.
pub(in crate::store) const MASTER: &[u8] = b"master";
/// The number of the state that the signing keys are in.
pub(in crate::store) const KEY_GENERATION: &[u8] = b"key generation";
/// The key in [`Table::Meta`] of what the passkeys were made for that do not say so.
pub(in crate::store) const RP_ID: &[u8] = b"rp id";
/// The key in [`Table::Meta`] of the schema version, four bytes, big-endian.
pub(in crate::store) const SCHEMA: &[u8] = b"schema";

impl Table {
    /// Every table there is; a new store has all of them.
    pub(in crate::store) const ALL: [Self; 44] = [
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
        Self::Moves,
        Self::MovesByFormer,
        Self::MovesByExpiry,
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

    /// Those that rows are kept in; the others are found again from them.
    pub(in crate::store) const OF_ROWS: [Self; 17] = [
        Self::Accounts,
        Self::Passkeys,
        Self::Sessions,
        Self::TokenFamilies,
        Self::Ceremonies,
        Self::Registrations,
        Self::Links,
        Self::Recoveries,
        Self::Holds,
        Self::Moves,
        Self::AdminCodes,
        Self::Bookmarks,
        Self::Invitations,
        Self::Events,
        Self::Letters,
        Self::Counters,
        Self::SigningKeys,
    ];

    /// Its name in the file. Names are never changed: files have them.
    pub(in crate::store) const fn name(self) -> &'static str {
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
            Self::Moves => "moves",
            Self::MovesByFormer => "moves-by-former-address",
            Self::MovesByExpiry => "moves-by-expiry",
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
}
