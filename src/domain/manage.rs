//! "My devices": looking after one's passkeys and signed-in browsers.
//!
//! Whatever gives or takes a passkey is confirmed with one, at that moment. A confirmation names the account, the
//! session and the act, so that it serves for nothing else.

use std::time::Duration;

use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyRegistration};

use super::account::{Account, AccountId};
use super::activity::{Event, What};
use super::ceremony::{self, Act, Ceremony, CeremonyId, Leave, Purpose, Stale};
use super::clock::Timestamp;
use super::destination::Destination;
use super::email::Email;
use super::letter::{LetterId, Message};
use super::passkey::{CredentialId, NewPasskey, Passkey};
use super::plan::{
    AccountConflict, CeremonyChange, Change, Conflict, Counter, CounterChange, Durability, EventChange, HoldChange,
    LetterChange, PasskeyChange, PasskeyConflict, Plan, SessionChange, SessionConflict, TokensChange,
};
use super::recovery::{self, Hold};
use super::register::letter_to;
use super::secret::SecretDigest;
use super::session::{Method, Session, SessionId};
use super::token_family::TokenFamily;
use super::visitor::Visitor;

/// For how long the passkey that began a session also allows another one to be added.
pub const FRESH: Duration = Duration::from_secs(5 * 60);
/// The longest name of a passkey, in characters.
pub const LONGEST_NAME: usize = 64;
/// How often the owner is told of copied passkeys within [`COPIES_WINDOW`]: whoever has a copy must not be able to fill
/// a mailbox with it.
pub const COPIES_TOLD: u32 = 5;
/// The window of [`COPIES_TOLD`].
pub const COPIES_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// For how long a notice is worth delivering.
const NOTICE: Duration = Duration::from_secs(3 * 24 * 3600);

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The page was open too long, or was answered already, or by another session.
    Stale,
    /// The session has ended.
    SignedOut,
    /// It takes a passkey first.
    ConfirmNeeded,
    /// The account has no such passkey, session or held recovery (any more); another account's are told no different.
    Unknown,
    /// It is the last passkey: the address must be typed.
    LastPasskey,
    /// It is the last passkey, and what was typed is not the account's address.
    WrongEmail,
    /// The answer does not prove what was asked.
    NotProved,
    /// The signature counter went back: the key may have been copied (WebAuthn L3 §6.1.1).
    CounterWentBack,
    /// What the device sent is not a passkey we can keep.
    BadPasskey,
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
            Conflict::Session(SessionConflict::Ended)
            | Conflict::Account(AccountConflict::Gone | AccountConflict::Disabled) => Self::SignedOut,
            Conflict::Passkey(PasskeyConflict::Changed) | Conflict::HoldChanged => Self::Unknown,
            Conflict::Passkey(PasskeyConflict::Last) => Self::LastPasskey,
            Conflict::Passkey(PasskeyConflict::Taken) => Self::BadPasskey,
            Conflict::Session(SessionConflict::Tied) => Self::ConfirmNeeded,
            Conflict::CeremonySpent
            | Conflict::Account(AccountConflict::EmailTaken | AccountConflict::Exists | AccountConflict::Changed)
            | Conflict::Registration(_)
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::AdminCodeSpent
            | Conflict::LetterTaken
            | Conflict::Limit(_)
            | Conflict::Key(_) => Self::Stale,
        }
    }
}

/// Random names for what a step makes.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// For an event.
    pub event: Uuid,
    /// For a letter.
    pub letter: LetterId,
}

/// What a person asks to confirm.
#[derive(Clone, Debug)]
pub enum Asked {
    /// To add a passkey.
    Add,
    /// To elevate the session.
    Elevate,
    /// To remove one.
    Remove {
        /// Which.
        credential: CredentialId,
        /// What was typed as the account's address, where something was.
        email: Option<String>,
    },
}

impl Asked {
    /// The act to be confirmed, by an owner of `passkeys`.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] for a passkey that is not among them; [`Refusal::LastPasskey`] or [`Refusal::WrongEmail`]
    /// for the only one, where `email` was not typed.
    pub fn act(self, passkeys: &[Passkey], email: &Email) -> Result<Act, Refusal> {
        match self {
            Self::Add => Ok(Act::AddPasskey),
            Self::Elevate if passkeys.is_empty() => Err(Refusal::Unknown),
            Self::Elevate => Ok(Act::Elevate),
            Self::Remove { credential, email: typed } => {
                if !passkeys.iter().any(|passkey| passkey.key.id == credential) {
                    return Err(Refusal::Unknown);
                }
                if passkeys.len() > 1 {
                    return Ok(Act::RemovePasskey { credential, last: false });
                }
                let typed = typed.filter(|typed| !typed.trim().is_empty()).ok_or(Refusal::LastPasskey)?;
                if Email::parse(&typed).is_ok_and(|typed| typed == *email) {
                    Ok(Act::RemovePasskey { credential, last: true })
                } else {
                    Err(Refusal::WrongEmail)
                }
            }
        }
    }
}

/// A challenge for a passkey of the signed-in person was made, to confirm `act` and nothing else.
pub fn begin_confirmation(
    act: Act,
    id: CeremonyId,
    state: DiscoverableAuthentication,
    session: &Session,
    return_to: Destination,
    visitor: &Visitor,
    now: Timestamp,
) -> Plan<()> {
    let purpose = Purpose::Confirm { account: session.account, session: session.token, act, state };
    Plan {
        changes: vec![Change::Ceremony(CeremonyChange::Add(ceremony(id, purpose, return_to, visitor, now)))],
        durability: Durability::Relaxed,
        then: (),
    }
}

fn ceremony(id: CeremonyId, purpose: Purpose, return_to: Destination, visitor: &Visitor, now: Timestamp) -> Ceremony {
    Ceremony { id, browser: visitor.binding(), purpose, return_to, expires_at: now.after(ceremony::LIFETIME) }
}

/// A confirmation opened by the session that asked for it.
#[derive(Debug)]
pub struct Confirming {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// What is confirmed.
    pub act: Act,
    /// The challenge the device's answer is verified against.
    pub state: DiscoverableAuthentication,
    account: AccountId,
    session: SecretDigest,
    return_to: Destination,
}

/// Opens a confirmation for its answer.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's or session's, too old, or was begun for something else.
pub fn open_confirmation(
    ceremony: Ceremony,
    session: &Session,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Confirming, Refusal> {
    let (id, purpose, return_to) = ceremony.open(visitor, now)?;
    match purpose {
        Purpose::Confirm { account, session: token, act, state }
            if account == session.account && token == session.token =>
        {
            Ok(Confirming { id, act, state, account, session: token, return_to })
        }
        Purpose::Confirm { .. }
        | Purpose::Register { .. }
        | Purpose::AddPasskey { .. }
        | Purpose::ApproveLink { .. }
        | Purpose::SignIn { .. } => Err(Refusal::Stale),
    }
}

impl Confirming {
    /// Whether the passkey that answers is one of the person who asked, by its account and the user handle its
    /// authenticator sent (WebAuthn L3 §7.2 steps 5 and 6).
    ///
    /// # Errors
    /// [`Refusal::NotProved`].
    pub fn accepts(&self, passkey: &Passkey, user_handle: Option<&[u8]>) -> Result<(), Refusal> {
        let handle_fits =
            user_handle.is_none_or(|handle| Uuid::from_slice(handle).is_ok_and(|id| id == self.account.0));
        if passkey.account == self.account && handle_fits { Ok(()) } else { Err(Refusal::NotProved) }
    }

    /// The answer is verified, and `used` is the passkey after it: everything to be changed before the act itself.
    fn proved(&self, was_counter: u32, used: NewPasskey, now: Timestamp) -> Vec<Change> {
        vec![
            Change::Ceremony(CeremonyChange::Spend(self.id)),
            Change::Session(SessionChange::Require(self.session)),
            Change::Passkey(PasskeyChange::Use { was_counter, key: used, at: now }),
        ]
    }

    /// The confirmed passkey may be made: its challenge is kept in place of this one.
    pub fn begin_adding(
        self,
        was_counter: u32,
        used: NewPasskey,
        id: CeremonyId,
        state: PasskeyRegistration,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Plan<()> {
        let mut changes = self.proved(was_counter, used, now);
        let purpose = Purpose::AddPasskey { account: self.account, leave: Leave::Session(self.session), state };
        changes.push(Change::Ceremony(CeremonyChange::Add(ceremony(id, purpose, self.return_to, visitor, now))));
        Plan { changes, durability: Durability::Durable, then: () }
    }

    /// The session gets its `elevated` tokens.
    pub fn elevate(&self, was_counter: u32, used: NewPasskey, elevated: TokenFamily, now: Timestamp) -> Plan<()> {
        let mut changes = self.proved(was_counter, used, now);
        changes.push(Change::Tokens(TokensChange::Advance(elevated)));
        Plan { changes, durability: Durability::Durable, then: () }
    }

    /// Removes the confirmed passkey `target`, and with it the sessions it made. Its owner is written to.
    pub fn remove(
        self,
        was_counter: u32,
        used: NewPasskey,
        target: &Passkey,
        last: bool,
        session: &Session,
        deed: Deed<'_>,
    ) -> Plan<Removed> {
        let mut changes = self.proved(was_counter, used, deed.now);
        let aaguid = target.key.aaguid;
        changes.push(Change::Passkey(PasskeyChange::Remove {
            credential: target.key.id.clone(),
            account: self.account,
            last,
        }));
        changes.extend(deed.tell(What::PasskeyRemoved, Some(Message::PasskeyRemoved { aaguid })));
        let then = Removed { ends_this_session: session.credential.as_ref() == Some(&target.key.id) };
        Plan { changes, durability: Durability::Durable, then }
    }
}

/// A passkey was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// It was the one that the asking session was made with, which has ended too.
    pub ends_this_session: bool,
}

/// What a notice of a step is made of: who did it to which account, and when.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// Whose account.
    pub account: &'a Account,
    /// The browser that did it.
    pub visitor: &'a Visitor,
    /// Random names.
    pub fresh: Fresh,
    /// When.
    pub now: Timestamp,
}

impl Deed<'_> {
    /// The event, and the letter where there is one to write.
    pub fn tell(&self, what: What, message: Option<Message>) -> Vec<Change> {
        let event = Event::by(self.visitor, self.account.id, what, self.fresh.event, self.now);
        let letter = message
            .map(|message| letter_to(&self.account.email, message, self.fresh.letter, self.visitor, self.now, NOTICE));
        [Change::Event(EventChange::Add(event))]
            .into_iter()
            .chain(letter.map(LetterChange::Add).map(Change::from))
            .collect()
    }

    /// A passkey that answered `ceremony` rightly but for its counter, which went back: the try is over, and the
    /// owner is told (WebAuthn L3 §7.2 step 22), as often as [`COPIES_TOLD`] allows.
    pub fn copied(&self, ceremony: CeremonyId, aaguid: Uuid, told: Counter) -> Plan<()> {
        let count = Change::Counter(CounterChange::Count {
            counter: told,
            limit: COPIES_TOLD,
            window: COPIES_WINDOW,
            now: self.now,
        });
        let mut changes = vec![count, Change::Ceremony(CeremonyChange::Spend(ceremony))];
        changes.extend(self.tell(What::PasskeyCopied, Some(Message::PasskeyCopied { aaguid })));
        Plan { changes, durability: Durability::Durable, then: () }
    }
}

/// Leave to add a passkey in a session without another proof.
#[derive(Clone, Copy, Debug)]
pub struct MayAdd(());

impl MayAdd {
    /// On our pages: the session was begun with a passkey just now.
    ///
    /// # Errors
    /// [`Refusal::ConfirmNeeded`] for any other.
    pub fn on_pages(session: &Session, now: Timestamp) -> Result<Self, Refusal> {
        if is_fresh(session, now) { Ok(Self(())) } else { Err(Refusal::ConfirmNeeded) }
    }

    /// Over the API: the session is elevated; or the account has no passkey that could elevate it; or it came of a
    /// recovery, whose user has none of them at hand, and has not made its one passkey yet.
    ///
    /// # Errors
    /// [`Refusal::ConfirmNeeded`] for any other.
    pub fn over_api(session: &Session, passkeys: &[Passkey], elevated: bool, now: Timestamp) -> Result<Self, Refusal> {
        let recovers = session.credential.is_none() && now < session.created_at.after(recovery::LIFETIME);
        if elevated || passkeys.is_empty() || recovers { Ok(Self(())) } else { Err(Refusal::ConfirmNeeded) }
    }
}

/// Whether a passkey may be added in this session without another proof: it was begun with one just now.
pub fn is_fresh(session: &Session, now: Timestamp) -> bool {
    let by_passkey = |method: &Method| matches!(method, Method::HardwareKey | Method::SoftwareKey);
    session.authentication.methods.iter().any(by_passkey) && now.since(session.authentication.at) <= FRESH
}

/// A challenge for another passkey was made in a session that may add one.
pub fn begin_adding(
    MayAdd(()): MayAdd,
    id: CeremonyId,
    state: PasskeyRegistration,
    session: &Session,
    return_to: Destination,
    visitor: &Visitor,
    now: Timestamp,
) -> Plan<()> {
    let purpose = Purpose::AddPasskey { account: session.account, leave: Leave::Session(session.token), state };
    let changes = vec![
        Change::Session(SessionChange::Require(session.token)),
        Change::Ceremony(CeremonyChange::Add(ceremony(id, purpose, return_to, visitor, now))),
    ];
    Plan { changes, durability: Durability::Relaxed, then: () }
}

/// A new passkey's ceremony, opened by the session that may add it.
#[derive(Debug)]
pub struct Adding {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// The challenge the device's answer is verified against.
    pub state: PasskeyRegistration,
    session: SecretDigest,
    /// The session has no passkey yet, and gets this one.
    ties: bool,
    return_to: Destination,
}

/// Opens the ceremony of a new passkey for its answer.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's or session's, too old, or was begun for something else.
pub fn open_adding(
    ceremony: Ceremony,
    session: &Session,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Adding, Refusal> {
    let (id, purpose, return_to) = ceremony.open(visitor, now)?;
    match purpose {
        Purpose::AddPasskey { account, leave: Leave::Session(token), state }
            if account == session.account && token == session.token =>
        {
            Ok(Adding { id, state, session: token, ties: session.credential.is_none(), return_to })
        }
        Purpose::AddPasskey { .. }
        | Purpose::Confirm { .. }
        | Purpose::Register { .. }
        | Purpose::ApproveLink { .. }
        | Purpose::SignIn { .. } => Err(Refusal::Stale),
    }
}

/// The new passkey becomes the account's, which is written to.
pub fn add(adding: Adding, key: NewPasskey, name: Option<String>, deed: Deed<'_>) -> Plan<Destination> {
    let (aaguid, credential) = (key.aaguid, key.id.clone());
    let passkey = Passkey {
        account: deed.account.id,
        key,
        name,
        browser: deed.visitor.description.clone(),
        created_at: deed.now,
        last_used_at: None,
    };
    let mut changes = vec![
        Change::Ceremony(CeremonyChange::Spend(adding.id)),
        Change::Session(SessionChange::Require(adding.session)),
        Change::Passkey(PasskeyChange::Add(passkey)),
    ];
    // So that a recovery is leave for one passkey, not for as many as one likes.
    changes.extend(adding.ties.then_some(Change::Session(SessionChange::Tie { session: adding.session, credential })));
    changes.extend(deed.tell(What::PasskeyAdded, Some(Message::PasskeyAdded { aaguid })));
    Plan { changes, durability: Durability::Durable, then: adding.return_to }
}

/// What a person calls a passkey: what was typed on one line, at most [`LONGEST_NAME`] characters of it; nothing where
/// nothing is left. Signs that turn the direction of text or cannot be seen are left out: a name must not pass for
/// something else.
pub fn name(typed: &str) -> Option<String> {
    let unseen = |c: &char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown: String = typed.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !unseen(c)).collect();
    let words: Vec<&str> = shown.split(' ').filter(|word| !word.is_empty()).collect();
    let short: String = words.join(" ").chars().take(LONGEST_NAME).collect();
    let name = short.trim_end();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Gives a passkey of the signed-in person another name.
pub fn rename(credential: CredentialId, name: Option<String>, session: &Session) -> Plan<()> {
    let changes = vec![
        Change::Session(SessionChange::Require(session.token)),
        Change::Passkey(PasskeyChange::Rename { credential, account: session.account, name }),
    ];
    Plan { changes, durability: Durability::Durable, then: () }
}

/// Ends the session called `id` among those of the signed-in person.
///
/// # Errors
/// [`Refusal::Unknown`] where there is none of that name.
pub fn end_session(id: SessionId, session: &Session, theirs: &[Session]) -> Result<Plan<Ended>, Refusal> {
    let ending =
        theirs.iter().find(|other| other.id == id && other.account == session.account).ok_or(Refusal::Unknown)?;
    let changes =
        vec![Change::Session(SessionChange::Require(session.token)), Change::Session(SessionChange::End(ending.token))];
    let then = Ended { this_session: ending.token == session.token };
    Ok(Plan { changes, durability: Durability::Durable, then })
}

/// A session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// It was the one that asked.
    pub this_session: bool,
}

/// Ends every other session of the signed-in person.
pub fn sign_out_everywhere(session: &Session, deed: Deed<'_>) -> Plan<()> {
    let mut changes = vec![
        Change::Session(SessionChange::Require(session.token)),
        Change::Session(SessionChange::EndAll { account: session.account, except: Some(session.token) }),
    ];
    changes.extend(deed.tell(What::SignedOutEverywhere, None));
    Plan { changes, durability: Durability::Durable, then: () }
}

/// Ends every session of an account.
pub fn sign_out_all(deed: Deed<'_>) -> Plan<()> {
    let mut changes = vec![Change::Session(SessionChange::EndAll { account: deed.account.id, except: None })];
    changes.extend(deed.tell(What::SignedOutEverywhere, None));
    Plan { changes, durability: Durability::Durable, then: () }
}

/// Cancels the held recovery of the signed-in person's account.
///
/// # Errors
/// [`Refusal::Unknown`] where there is none, or it is over.
pub fn cancel_hold(hold: Option<Hold>, session: &Session, deed: Deed<'_>) -> Result<Plan<()>, Refusal> {
    let hold = hold.filter(|hold| hold.is_open(deed.now)).ok_or(Refusal::Unknown)?;
    let mut changes = vec![
        Change::Session(SessionChange::Require(session.token)),
        Change::Hold(HoldChange::Spend { account: session.account, id: hold.id }),
    ];
    changes.extend(deed.tell(What::RecoveryCancelled, Some(Message::RecoveryCancelled)));
    Ok(Plan { changes, durability: Durability::Durable, then: () })
}

#[cfg(test)]
mod tests;
