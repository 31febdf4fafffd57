//! Ceremonies: one question to one browser's authenticator, answered at most once.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyRegistration};

use super::account::AccountId;
use super::clock::Timestamp;
use super::destination::Destination;
use super::email::Email;
use super::link::id::LinkId;
use super::origin::Origin;
use super::passkey::CredentialId;
use super::profile::Profile;
use super::secret::SecretDigest;
use super::visitor::{ClientKind, Visitor};

/// How long a challenge may be answered.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// A ceremony's name, which the page sends back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CeremonyId(pub Uuid);

impl CeremonyId {
    /// The name of the ceremony of that challenge. A client that sends nothing but its device's answer says so which
    /// one it belongs to (WebAuthn L3 §5.8.1 `challenge`). Challenges are random, and so are names.
    pub fn of_challenge(challenge: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(challenge).into();
        let (head, _) = digest.split_first_chunk::<16>().expect("a digest has 32 bytes");
        Self(uuid::Builder::from_random_bytes(*head).into_uuid())
    }
}

/// What a ceremony was begun for; its answer serves nothing else.
#[derive(Clone, Debug)]
pub enum CeremonyPurpose {
    /// To prove a passkey that an account has.
    Prove {
        /// What the passkey is proved for.
        proves: Proves,
        /// The state of the challenge, by which its answer is verified.
        state: DiscoverableAuthentication,
    },
    /// To make a passkey.
    Make {
        /// Whose it will be; the authenticator keeps it as the user handle.
        account: AccountId,
        /// What the passkey is made for.
        makes: Makes,
        /// The state of the challenge, by which its answer is verified.
        state: PasskeyRegistration,
    },
}

/// What a passkey is proved for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proves {
    /// To sign in.
    SignIn(CeremonySubject),
    /// To approve one link with one of the browsers that wait, and no other.
    Link {
        /// The link to be approved.
        link: LinkId,
        /// The waiting browser whose number was typed.
        waiting: SecretDigest,
        /// Whose passkey may approve.
        subject: CeremonySubject,
    },
    /// To say, with an older passkey, that a recovery was not the owner's.
    Contest {
        /// The account that was recovered.
        account: AccountId,
        /// The older passkey, which opens nothing else meanwhile.
        credential: CredentialId,
    },
    /// To confirm one act of a signed-in person, and no other.
    Confirm {
        /// The account whose passkey may confirm.
        account: AccountId,
        /// The session in which it is done.
        session: SecretDigest,
        /// The act that is confirmed.
        act: Act,
    },
}

impl Proves {
    /// Whose passkey may answer.
    pub fn subject(&self) -> CeremonySubject {
        match self {
            Self::SignIn(subject) | Self::Link { subject, .. } => *subject,
            Self::Confirm { account, .. } | Self::Contest { account, .. } => CeremonySubject::Account(*account),
        }
    }
}

/// What a passkey is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Makes {
    /// The first one of a new account.
    Registration {
        /// The address that was typed, not yet proved.
        email: Email,
        /// What the person says of themselves.
        profile: Profile,
    },
    /// Another one of an account.
    Another(Leave),
}

/// Whose passkey may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CeremonySubject {
    /// Any account's: no address was typed.
    Anyone,
    /// The account of the address that was typed.
    Account(AccountId),
    /// No account's: the address that was typed has none, and the visitor must not learn it.
    NoAccount,
}

/// What allows a passkey to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// A link that was approved.
    Link(LinkId),
    /// A recovery whose code was proved, by the browser that began it.
    Recovery,
    /// A session that confirmed it with a passkey.
    Session(SecretDigest),
}

/// What a person confirms with a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Adding a passkey.
    AddPasskey,
    /// Removing a passkey; the last one only where its owner has typed the address.
    RemovePasskey {
        /// The passkey to be removed.
        credential: CredentialId,
        /// Whether the address was typed.
        last: bool,
    },
    /// Answering "Keep your account safe".
    AnswerReview {
        /// The older passkeys to be removed; all others are kept.
        remove: Vec<CredentialId>,
        /// All that there were to choose from.
        listed: Vec<CredentialId>,
    },
    /// Stopping a recovery that is held.
    StopRecovery,
    /// Elevating the session: what not every session may do is allowed for a while.
    Elevate,
    /// Downloading what is kept of the account.
    Download,
    /// Getting another address, if its code is proved.
    ChangeAddress(Email),
    /// Deleting the account.
    DeleteAccount,
}

/// A ceremony as stored. Steps take it by value: an answered one is gone.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// The name by which the page refers to it.
    pub id: CeremonyId,
    /// The browser it was begun for; `None` where a client of the API began it that keeps no cookie.
    pub browser: Option<SecretDigest>,
    /// The origin of the page it was begun on, and the only one it is answered at; `None` where a client of the API
    /// began it that is no browser.
    pub origin: Option<Origin>,
    /// What it was begun for.
    pub purpose: CeremonyPurpose,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// From this moment on it is too old.
    pub expires_at: Timestamp,
}

/// A ceremony that its browser goes on with in time.
#[derive(Debug)]
pub struct OpenedCeremony {
    /// The name by which the page refers to it.
    pub id: CeremonyId,
    /// What it was begun for.
    pub purpose: CeremonyPurpose,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
    /// Where and when it was posed.
    pub posed: Posed,
}

/// Where and when a question was posed. It binds every answer to that question.
#[derive(Clone, Debug)]
pub struct Posed {
    /// The origin of the page that asked.
    pub origin: Option<Origin>,
    /// The moment it was asked.
    pub at: Timestamp,
}

impl Posed {
    /// Whether an answer that was given on a page of `origin` is one to this (WebAuthn L3 §7.1 step 9, §7.2 step 12).
    /// It is compared byte for byte: browsers have one spelling.
    pub fn is_answered_at(&self, origin: &str) -> bool {
        self.origin.as_ref().is_none_or(|own| own.as_str() == origin)
    }
}

/// Why a ceremony does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl Ceremony {
    /// A question to the visitor's browser, which is answered in time or not at all.
    pub fn ask(
        id: CeremonyId,
        purpose: CeremonyPurpose,
        return_to: Destination,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Self {
        let (browser, origin) = (visitor.binding(), visitor.origin.clone());
        Self { id, browser, origin, purpose, return_to, begun_at: now, expires_at: now.after(LIFETIME) }
    }

    /// The same, with less time where what allows it ends sooner.
    #[must_use]
    pub fn until(self, end: Timestamp) -> Self {
        Self { expires_at: self.expires_at.min(end), ..self }
    }

    /// Hands out the purpose to the browser that began it, in time. Where a client of the API without a cookie began
    /// it, any client of the API may go on, but no browser on our pages: what is shown there was asked for there.
    ///
    /// # Errors
    /// [`Stale`] for another browser or a later moment; the visitor is told the same for both.
    pub fn open(self, visitor: &Visitor, now: Timestamp) -> Result<OpenedCeremony, Stale> {
        let fits = match self.browser {
            Some(browser) => browser == visitor.browser,
            None => matches!(visitor.client, ClientKind::Api { .. }),
        };
        if !fits || !self.expires_at.is_ahead(now, LIFETIME) {
            return Err(Stale);
        }
        let Self { id, purpose, return_to, origin, begun_at, .. } = self;
        Ok(OpenedCeremony { id, purpose, return_to, posed: Posed { origin, at: begun_at } })
    }
}
