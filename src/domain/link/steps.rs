//! The steps of a link, each a function of what is known to the changes it asks for.

use std::time::Duration;

use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyRegistration};

use super::{Approval, Closed, Found, Link, LinkId, NumberTried, Policy, Refusal, Stage, WRONG_NUMBERS};
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::{Event, What};
use crate::domain::ceremony::{self, Ceremony, CeremonyId, Leave, Purpose, Subject};
use crate::domain::clock::Timestamp;
use crate::domain::destination::Destination;
use crate::domain::letter::{Letter, LetterId, Message};
use crate::domain::passkey::{NewPasskey, Passkey};
use crate::domain::plan::{
    CeremonyChange, Change, Conflict, Counter, CounterChange, Durability, EventChange, LetterChange, LinkChange,
    PasskeyChange, PasskeyConflict, Plan, RegistrationConflict, SessionChange,
};
use crate::domain::secret::SecretDigest;
use crate::domain::session::{NewSession, Session};
use crate::domain::visitor::Visitor;

/// How many codes one network may type within [`CODES_PER_NETWORK_WINDOW`]: an office at one address may link a few
/// devices, a guesser gets nowhere.
pub const CODES_PER_NETWORK: u32 = 20;
/// The window of [`CODES_PER_NETWORK`].
pub const CODES_PER_NETWORK_WINDOW: Duration = Duration::from_secs(10 * 60);
/// How many codes may be typed in all within [`CODES_WINDOW`]. With a thousand links open, guessing that fast from any
/// number of networks meets one of the 2^40 codes once in twenty years. The window is short so that whoever uses it up
/// keeps others from typing for a minute at most; scanning goes on.
pub const CODES: u32 = 100;
/// The window of [`CODES`].
pub const CODES_WINDOW: Duration = Duration::from_secs(60);
/// How long the letter about the new passkey is worth sending.
const LETTER_USEFUL: Duration = Duration::from_secs(24 * 3600);

/// The counters of typed codes.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Those from the visitor's network.
    pub network: Counter,
    /// Those from anywhere.
    pub all: Counter,
}

/// A code is shown. A link that is lost with the process can be asked for again.
pub fn show(link: Link) -> Plan<Link> {
    Plan { changes: vec![Change::Link(LinkChange::Add(link.clone()))], durability: Durability::Relaxed, then: link }
}

/// A typed code is counted, before it is looked up.
pub fn count_code(counters: Counters, now: Timestamp) -> Plan<()> {
    let count = |counter, limit, window| Change::Counter(CounterChange::Count { counter, limit, window, now });
    let changes = vec![
        count(counters.network, CODES_PER_NETWORK, CODES_PER_NETWORK_WINDOW),
        count(counters.all, CODES, CODES_WINDOW),
    ];
    Plan { changes, durability: Durability::Durable, then: () }
}

/// A code was brought. The same browser may bring it again, which changes nothing.
///
/// # Errors
/// See [`Link::find`].
pub fn find(
    link: Link,
    visitor: &Visitor,
    return_to: Destination,
    policy: Policy,
    now: Timestamp,
) -> Result<Plan<Link>, Refusal> {
    Ok(match link.find(visitor, policy, now)? {
        // Whoever waits goes on to where they wanted; whoever approves goes nowhere.
        Found::Now(link) if link.is_awaited_by(visitor.browser) => advance(Link { return_to, ..link }),
        Found::Now(link) => advance(link),
        Found::Before(link) => Plan { changes: Vec::new(), durability: Durability::Relaxed, then: link },
    })
}

fn advance(link: Link) -> Plan<Link> {
    Plan { changes: vec![Change::Link(LinkChange::Advance(link.clone()))], durability: Durability::Durable, then: link }
}

/// A number that was right, and has been counted: only with one of these is a passkey asked for.
#[derive(Debug)]
pub struct RightNumber {
    link: LinkId,
    expires_at: Timestamp,
}

/// A number was typed: it is counted before anything is told, the right one too.
///
/// # Errors
/// See [`Link::try_number`]. The plan's own refusal is told once it is committed.
pub fn try_number(
    link: Link,
    visitor: &Visitor,
    policy: Policy,
    typed: u8,
    now: Timestamp,
) -> Result<Plan<Result<RightNumber, Refusal>>, Refusal> {
    let (link, then) = match link.try_number(visitor, policy, typed, now)? {
        NumberTried::Right(link) => {
            let right = RightNumber { link: link.id, expires_at: link.expires_at };
            (link, Ok(right))
        }
        NumberTried::Wrong(link) => {
            let refusal = match link.stage {
                Stage::Closed(Closed::WrongNumbers) => Refusal::NumbersSpent,
                Stage::Shown | Stage::Found | Stage::Approved(_) | Stage::Closed(_) => {
                    Refusal::WrongNumber { tries_left: WRONG_NUMBERS.saturating_sub(link.wrong_numbers) }
                }
            };
            (link, Err(refusal))
        }
    };
    Ok(Plan { changes: vec![Change::Link(LinkChange::Advance(link))], durability: Durability::Durable, then })
}

/// The approving browser is asked for a passkey, for this link and no other.
pub fn challenge(
    right: RightNumber,
    subject: Subject,
    id: CeremonyId,
    state: DiscoverableAuthentication,
    visitor: &Visitor,
    now: Timestamp,
) -> Plan<()> {
    let ceremony = Ceremony {
        id,
        browser: visitor.binding(),
        purpose: Purpose::ApproveLink { link: right.link, subject, state },
        return_to: Destination::root(),
        expires_at: now.after(ceremony::LIFETIME).min(right.expires_at),
    };
    Plan { changes: vec![Change::Ceremony(CeremonyChange::Add(ceremony))], durability: Durability::Relaxed, then: () }
}

/// An approving ceremony opened by the browser that began it.
#[derive(Debug)]
pub struct Proof {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// The link it approves.
    pub link: LinkId,
    /// The challenge the device's answer is verified against.
    pub state: DiscoverableAuthentication,
    subject: Subject,
}

/// Opens a ceremony for the answer of the approving browser.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open_proof(ceremony: Ceremony, visitor: &Visitor, now: Timestamp) -> Result<Proof, Refusal> {
    let (id, purpose, _) = ceremony.open(visitor, now)?;
    match purpose {
        Purpose::ApproveLink { link, subject, state } => Ok(Proof { id, link, state, subject }),
        Purpose::Register { .. } | Purpose::AddPasskey { .. } | Purpose::Confirm { .. } | Purpose::SignIn { .. } => {
            Err(Refusal::Stale)
        }
    }
}

impl Proof {
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

/// Whose session the approving browser has now: the account, and the digest of its token.
pub type SignedInAs = Option<(AccountId, SecretDigest)>;

/// The answer has been verified, and `used` is the passkey after it: the link is approved.
///
/// # Errors
/// [`Refusal::Disabled`]; [`Refusal::NotSignedIn`] where the number was typed in a session that has ended since; see
/// [`Link::approve`].
#[expect(clippy::too_many_arguments, reason = "each is a fact of its own, read by the caller")]
pub fn approve(
    proof: Proof,
    link: Link,
    passkey: &Passkey,
    used: NewPasskey,
    account: &Account,
    signed_in: SignedInAs,
    event: Uuid,
    visitor: &Visitor,
    policy: Policy,
    now: Timestamp,
) -> Result<Plan<Link>, Refusal> {
    if link.id != proof.link || account.id != passkey.account {
        return Err(Refusal::NotProved);
    }
    if account.disabled {
        return Err(Refusal::Disabled);
    }
    let session = signed_in.filter(|(owner, _)| *owner == account.id).map(|(_, session)| session);
    if session.is_none() && matches!(proof.subject, Subject::Account(_)) {
        return Err(Refusal::NotSignedIn);
    }
    let approval = Approval { account: account.id, credential: used.id.clone(), session };
    let link = link.approve(visitor, policy, approval, now)?;
    let mut changes = vec![
        Change::Ceremony(CeremonyChange::Spend(proof.id)),
        Change::Passkey(PasskeyChange::Use { was_counter: passkey.key.counter, key: used, at: now }),
    ];
    changes.extend(session.map(SessionChange::Require).map(Change::from));
    changes.extend([
        Change::Link(LinkChange::Advance(link.clone())),
        Change::Event(EventChange::Add(Event::by(visitor, account.id, What::LinkApproved, event, now))),
    ]);
    Ok(Plan { changes, durability: Durability::Durable, then: link })
}

/// Either browser says no. Where the link is over already, nothing changes.
///
/// # Errors
/// [`Refusal::NoLink`] for any other browser.
pub fn deny(
    link: Link,
    signed_in: SignedInAs,
    event: Uuid,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Plan<Link>, Refusal> {
    let told = link.clone();
    let link = match link.deny(visitor.browser, now) {
        Ok(link) => link,
        Err(Refusal::NoLink) => return Err(Refusal::NoLink),
        Err(_over) => return Ok(Plan { changes: Vec::new(), durability: Durability::Relaxed, then: told }),
    };
    let mut plan = advance(link);
    // Only whoever approves turns a device down for an account; the other one just gives up.
    if told.is_approved_by(visitor.browser)
        && let Some((account, _)) = signed_in
    {
        plan.changes.push(Change::Event(EventChange::Add(Event::by(visitor, account, What::LinkDenied, event, now))));
    }
    Ok(plan)
}

/// The waiting browser is asked to make its passkey.
///
/// # Errors
/// [`Refusal::Denied`] where the account is disabled; see [`Link::approval`].
pub fn begin_passkey(
    link: &Link,
    account: &Account,
    id: CeremonyId,
    state: PasskeyRegistration,
    visitor: &Visitor,
    policy: Policy,
    now: Timestamp,
) -> Result<Plan<()>, Refusal> {
    let approval = link.approval(visitor, policy, now)?;
    if account.disabled || account.id != approval.account {
        return Err(Refusal::Denied);
    }
    let ceremony = Ceremony {
        id,
        browser: visitor.binding(),
        purpose: Purpose::AddPasskey { account: account.id, leave: Leave::Link(link.id), state },
        return_to: link.return_to.clone(),
        expires_at: now.after(ceremony::LIFETIME).min(link.expires_at),
    };
    Ok(Plan {
        changes: vec![Change::Ceremony(CeremonyChange::Add(ceremony))],
        durability: Durability::Relaxed,
        then: (),
    })
}

/// A ceremony for the new passkey, opened by the waiting browser.
#[derive(Debug)]
pub struct Making {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// The link that allows it.
    pub link: LinkId,
    /// The challenge the device's answer is verified against.
    pub state: PasskeyRegistration,
    account: AccountId,
}

/// Opens a ceremony for the new passkey.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open_making(ceremony: Ceremony, visitor: &Visitor, now: Timestamp) -> Result<Making, Refusal> {
    let (id, purpose, _) = ceremony.open(visitor, now)?;
    match purpose {
        Purpose::AddPasskey { account, leave: Leave::Link(link), state } => Ok(Making { id, link, state, account }),
        Purpose::AddPasskey { .. }
        | Purpose::Register { .. }
        | Purpose::ApproveLink { .. }
        | Purpose::Confirm { .. }
        | Purpose::SignIn { .. } => Err(Refusal::Stale),
    }
}

/// Random names for what finishing makes.
#[derive(Debug)]
pub struct Fresh {
    /// For the letter.
    pub letter: LetterId,
    /// For the event.
    pub event: Uuid,
    /// For the session.
    pub session: NewSession,
}

/// What a finished link comes to.
#[derive(Debug)]
pub struct Finished {
    /// The new session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// The new passkey has been verified: it is kept, a session begins, the account's owner is written to, and the link is
/// gone. All that the approval stands on must still hold.
///
/// # Errors
/// [`Refusal::Denied`] where the account is disabled; see [`Link::approval`].
#[expect(clippy::too_many_arguments, reason = "each is a fact of its own, read by the caller")]
pub fn finish(
    making: Making,
    link: Link,
    key: NewPasskey,
    account: &Account,
    fresh: Fresh,
    visitor: &Visitor,
    policy: Policy,
    now: Timestamp,
) -> Result<Plan<Finished>, Refusal> {
    let approval = link.approval(visitor, policy, now)?;
    if link.id != making.link || account.disabled || account.id != approval.account || account.id != making.account {
        return Err(Refusal::Denied);
    }
    let session = fresh.session.begin(account.id, &key, &[], now);
    let letter = Letter {
        id: fresh.letter,
        to: account.email.clone(),
        message: Message::PasskeyAdded { aaguid: key.aaguid },
        language: visitor.language.clone(),
        browser: visitor.description.clone(),
        created_at: now,
        due_at: now,
        failures: 0,
        expires_at: now.after(LETTER_USEFUL),
    };
    let mut changes = vec![
        Change::Ceremony(CeremonyChange::Spend(making.id)),
        Change::Link(LinkChange::Spend { id: link.id, revision: link.revision }),
        Change::Passkey(PasskeyChange::Require { credential: approval.credential.clone(), account: account.id }),
    ];
    changes.extend(approval.session.map(SessionChange::Require).map(Change::from));
    let passkey = Passkey {
        account: account.id,
        key,
        name: None,
        browser: visitor.description.clone(),
        created_at: now,
        last_used_at: Some(now),
    };
    changes.extend([
        Change::Passkey(PasskeyChange::Add(passkey)),
        Change::Session(SessionChange::Add(session.clone())),
        Change::Letter(LetterChange::Add(letter)),
        Change::Event(EventChange::Add(Event::by(visitor, account.id, What::PasskeyAdded, fresh.event, now))),
    ]);
    changes.extend(visitor.session.map(SessionChange::End).map(Change::from));
    Ok(Plan { changes, durability: Durability::Durable, then: Finished { session, return_to: link.return_to } })
}

impl From<Conflict> for Refusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::CeremonySpent => Self::Stale,
            Conflict::Passkey(PasskeyConflict::Taken) => Self::BadPasskey,
            Conflict::Limit(_) | Conflict::Registration(RegistrationConflict::TriesSpent) => Self::TooMany,
            Conflict::LinkChanged => Self::NoLink,
            // What the link stood on is gone.
            Conflict::Session(_)
            | Conflict::Passkey(PasskeyConflict::Changed | PasskeyConflict::Last)
            | Conflict::Account(_)
            | Conflict::Registration(RegistrationConflict::Spent)
            | Conflict::Key(_)
            | Conflict::AdminCodeSpent
            | Conflict::RecoveryChanged
            | Conflict::TokensChanged
            | Conflict::HoldChanged
            | Conflict::LetterTaken => Self::Denied,
        }
    }
}
