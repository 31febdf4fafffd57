//! Signing in: a challenge, answered by a passkey of the account it was made for. And signing out.
//!
//! An address without an account gets a challenge too, with made-up credential ids; nothing can answer it.

use uuid::Uuid;
use webauthn_rs::prelude::DiscoverableAuthentication;

use super::account::Account;
use super::activity::{Event, What};
use super::ceremony::{self, Ceremony, CeremonyId, Purpose, Stale, Subject};
use super::clock::Timestamp;
use super::destination::Destination;
use super::passkey::{NewPasskey, Passkey};
use super::plan::{
    AccountConflict, CeremonyChange, Change, Conflict, Durability, EventChange, PasskeyChange, Plan, SessionChange,
};
use super::secret::SecretDigest;
use super::session::{NewSession, Session};
use super::visitor::Visitor;

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The page was open too long, or was answered already.
    Stale,
    /// No account has this passkey (any more). The browser may be told to forget it.
    UnknownPasskey,
    /// The passkey is the one of this browser's registration, which waits for its code.
    Unfinished,
    /// The answer does not prove what was asked: another account's passkey, a wrong signature, another site.
    NotProved,
    /// The signature counter went back: the key may have been copied (WebAuthn L3 §6.1.1).
    CounterWentBack,
    /// The account is disabled. Told only to whoever proved to be its owner.
    Disabled,
}

impl Refusal {
    /// A short name, for logs and counts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::UnknownPasskey => "unknown-passkey",
            Self::Unfinished => "unfinished",
            Self::NotProved => "not-proved",
            Self::CounterWentBack => "counter-went-back",
            Self::Disabled => "disabled",
        }
    }
}

impl From<Stale> for Refusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<Conflict> for Refusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::CeremonySpent => Self::Stale,
            Conflict::Account(AccountConflict::Disabled) => Self::Disabled,
            Conflict::Account(
                AccountConflict::EmailTaken
                | AccountConflict::Exists
                | AccountConflict::Gone
                | AccountConflict::Changed,
            )
            | Conflict::Registration(_)
            | Conflict::Passkey(_)
            | Conflict::Session(_)
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::HoldChanged
            | Conflict::AdminCodeSpent
            | Conflict::LetterTaken
            | Conflict::Limit(_)
            | Conflict::Key(_) => Self::NotProved,
        }
    }
}

/// Step 1: a challenge was made. The answer is the same whoever has the address that was typed.
pub fn begin(
    subject: Subject,
    id: CeremonyId,
    state: DiscoverableAuthentication,
    return_to: Destination,
    visitor: &Visitor,
    now: Timestamp,
) -> Plan<()> {
    let ceremony = Ceremony {
        id,
        browser: visitor.binding(),
        purpose: Purpose::SignIn { subject, state },
        return_to,
        expires_at: now.after(ceremony::LIFETIME),
    };
    Plan { changes: vec![Change::Ceremony(CeremonyChange::Add(ceremony))], durability: Durability::Relaxed, then: () }
}

/// A sign-in ceremony opened by the browser that began it.
#[derive(Debug)]
pub struct Opened {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// The challenge the device's answer is verified against.
    pub state: DiscoverableAuthentication,
    subject: Subject,
    return_to: Destination,
}

/// Opens a ceremony for its answer.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open(ceremony: Ceremony, visitor: &Visitor, now: Timestamp) -> Result<Opened, Refusal> {
    let (id, purpose, return_to) = ceremony.open(visitor, now)?;
    match purpose {
        Purpose::SignIn { subject, state } => Ok(Opened { id, state, subject, return_to }),
        Purpose::Register { .. }
        | Purpose::AddPasskey { .. }
        | Purpose::ApproveLink { .. }
        | Purpose::Confirm { .. } => Err(Refusal::Stale),
    }
}

impl Opened {
    /// Whether the passkey that answers is one that may, by the account it belongs to and the user handle its
    /// authenticator sent (WebAuthn L3 §7.2 steps 5 and 6).
    ///
    /// # Errors
    /// [`Refusal::NotProved`].
    pub fn accepts(&self, passkey: &Passkey, user_handle: Option<&[u8]>) -> Result<(), Refusal> {
        let owner = passkey.account;
        let expected = match self.subject {
            Subject::Anyone => user_handle.is_some(),
            Subject::Account(account) => account == owner,
            Subject::Nobody => false,
        };
        let handle_fits = user_handle.is_none_or(|handle| Uuid::from_slice(handle).is_ok_and(|id| id == owner.0));
        if expected && handle_fits { Ok(()) } else { Err(Refusal::NotProved) }
    }
}

/// What a sign-in comes to.
#[derive(Debug)]
pub struct Finished {
    /// Who signed in.
    pub account: Account,
    /// The new session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// Step 2: the answer has been verified, and `used` is the passkey after it. The ceremony, the passkey's use, the
/// session and the event that tells of it are one commit. The browser's session from before ends.
///
/// # Errors
/// [`Refusal::Disabled`].
pub fn finish(
    opened: Opened,
    passkey: &Passkey,
    used: NewPasskey,
    account: Account,
    session: NewSession,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Plan<Finished>, Refusal> {
    if account.disabled {
        return Err(Refusal::Disabled);
    }
    let session = session.begin(account.id, &used, &[], now);
    // Named as the session it tells of.
    let event = Event::by(visitor, account.id, What::SignedIn, session.id.0, now);
    let mut changes = vec![
        Change::Ceremony(CeremonyChange::Spend(opened.id)),
        Change::Passkey(PasskeyChange::Use { was_counter: passkey.key.counter, key: used, at: now }),
        Change::Session(SessionChange::Add(session.clone())),
        Change::Event(EventChange::Add(event)),
    ];
    changes.extend(visitor.session.map(SessionChange::End).map(Change::from));
    let then = Finished { account, session, return_to: opened.return_to };
    Ok(Plan { changes, durability: Durability::Durable, then })
}

/// A refused answer has used its ceremony up too.
pub fn give_up(ceremony: CeremonyId) -> Plan<()> {
    Plan { changes: vec![Change::Ceremony(CeremonyChange::Spend(ceremony))], durability: Durability::Durable, then: () }
}

/// Ends the browser's session.
pub fn sign_out(token: SecretDigest) -> Plan<()> {
    Plan { changes: vec![Change::Session(SessionChange::End(token))], durability: Durability::Durable, then: () }
}
