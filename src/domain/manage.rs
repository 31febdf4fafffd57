//! "My devices": looking after one's passkeys and signed-in browsers.
//!
//! Whatever gives or takes a passkey is confirmed with one, at that moment. A confirmation names the account, the
//! session and the act, so that it serves for nothing else.

use super::account::{Account, AccountId};
use super::activity::What;
use super::aftermath::Aftermath;
use super::assertion::{AssertionRefusal, Proof, Question};
use super::attestation::{BadPasskey, Made, Making};
use super::ceremony::{Act, Ceremony, Leave, Makes, Proves, Stale};
use super::clock::Timestamp;
use super::destination::Destination;
use super::email::Email;
use super::letter::Message;
use super::moment::Moment;
use super::passkey::{self, CredentialId, Passkey};
use super::plan::{
    AccountChange, AccountConflict, CeremonyChange, Change, Conflict, PasskeyChange, PasskeyConflict, Plan,
    SessionChange, SessionConflict, TokensChange,
};
use super::recover::{self, NoHold};
use super::recovery::{self, Hold};
use super::secret::SecretDigest;
use super::session::{Session, SessionId, SignedIn};
use super::token_family::TokenFamily;

/// The longest name of a passkey, in characters.
pub const LONGEST_NAME: usize = 64;

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
    /// The key could be copied to other devices, and now says that it cannot (WebAuthn L3 §6.1.3).
    NoLongerEligible,
    /// What the device sent is not a passkey we can keep.
    BadPasskey,
    /// The account has as many passkeys as it may have.
    TooManyPasskeys,
}

impl From<Stale> for Refusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<AssertionRefusal> for Refusal {
    fn from(refusal: AssertionRefusal) -> Self {
        match refusal {
            AssertionRefusal::CounterWentBack => Self::CounterWentBack,
            AssertionRefusal::NoLongerEligible => Self::NoLongerEligible,
            // Whoever confirms is signed in: it is nothing but a passkey of another account, or of none, or one that rests.
            AssertionRefusal::NotProved
            | AssertionRefusal::UnknownPasskey
            | AssertionRefusal::Unfinished
            | AssertionRefusal::Rests => Self::NotProved,
        }
    }
}

impl From<BadPasskey> for Refusal {
    fn from(BadPasskey: BadPasskey) -> Self {
        Self::BadPasskey
    }
}

impl From<NoHold> for Refusal {
    fn from(NoHold: NoHold) -> Self {
        Self::Unknown
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
            Conflict::Session(SessionConflict::Tied) | Conflict::Passkey(PasskeyConflict::NotNone) => {
                Self::ConfirmNeeded
            }
            Conflict::Passkey(PasskeyConflict::Full) => Self::TooManyPasskeys,
            Conflict::CeremonySpent
            | Conflict::Account(AccountConflict::EmailTaken | AccountConflict::Exists | AccountConflict::Changed)
            | Conflict::RegistrationChanged
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::LetterTaken
            | Conflict::Limit(_)
            | Conflict::Key(_) => Self::Stale,
        }
    }
}

/// What a person asks to confirm.
#[derive(Clone, Debug)]
pub enum Asked {
    /// To add a passkey.
    Add,
    /// To stop the recovery that is held.
    StopRecovery,
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
    /// for the only one, where `email` was not typed; [`Refusal::TooManyPasskeys`] where there is no room for another.
    pub fn act(self, passkeys: &[Passkey], email: &Email) -> Result<Act, Refusal> {
        match self {
            Self::Add => {
                room_among(passkeys)?;
                Ok(Act::AddPasskey)
            }
            Self::StopRecovery => Ok(Act::StopRecovery),
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

impl Act {
    /// What a passkey of the signed-in person is proved for, to confirm this and nothing else.
    pub fn proved_in(self, session: &Session) -> Proves {
        Proves::Confirm { account: session.account, session: session.token, act: self }
    }
}

/// A confirmation, opened by the session that asked for it.
#[derive(Debug)]
pub struct Confirming {
    /// What is confirmed.
    pub act: Act,
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
    moment: Moment<'_>,
) -> Result<Question<Confirming>, Refusal> {
    Ok(Question::open(ceremony, moment, |proves, return_to| match proves {
        Proves::Confirm { account, session: token, act } => {
            let is_its_own = (account, token) == (session.account, session.token);
            is_its_own.then_some(Confirming { act, session: token, return_to })
        }
        Proves::SignIn(_) | Proves::Link { .. } | Proves::Contest { .. } => None,
    })?)
}

impl Confirming {
    /// Where the visitor wanted to go.
    pub fn return_to(&self) -> &Destination {
        &self.return_to
    }
}

impl Proof<Confirming> {
    /// Everything to be changed before the confirmed act itself.
    fn confirmed(&self, now: Timestamp) -> Vec<Change> {
        let mut changes = vec![self.spend(), SessionChange::Require(self.asked_for().session).into()];
        changes.extend(self.note_use(now));
        changes
    }

    /// The confirmed passkey may be made: the challenge for it is kept in place of this one.
    pub fn begin_adding(&self, ceremony: Ceremony, now: Timestamp) -> Plan<()> {
        let mut changes = self.confirmed(now);
        changes.push(CeremonyChange::Add(ceremony).into());
        Plan::durable(changes, ())
    }

    /// The session gets its `elevated` tokens.
    pub fn elevate(&self, elevated: TokenFamily, now: Timestamp) -> Plan<()> {
        let mut changes = self.confirmed(now);
        changes.push(TokensChange::Advance(elevated).into());
        Plan::durable(changes, ())
    }

    /// "Keep your account safe" is answered: the passkeys that were named are removed with their sessions, all others are
    /// awake again. `older` are those of the account but the one that the recovery made, as they are now.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] where there is no review, or its list has changed since it was asked.
    pub fn answer_review(
        &self,
        owner: &Account,
        older: &[Passkey],
        session: &Session,
        moment: Moment<'_>,
    ) -> Result<Plan<Destination>, Refusal> {
        let Act::AnswerReview { remove, listed } = &self.asked_for().act else { return Err(Refusal::Stale) };
        let is_theirs = may_review(owner, session) && owner.aftermath.made() == Some(&self.used().id);
        let is_listed = |passkey: &Passkey| listed.contains(&passkey.key.id);
        if !is_theirs || older.len() != listed.len() || !older.iter().all(is_listed) {
            return Err(Refusal::Unknown);
        }
        let mut changes = self.confirmed(moment.now);
        changes.push(AccountChange::leaving(owner, owner.aftermath.settled()).into());
        for passkey in older.iter().filter(|passkey| remove.contains(&passkey.key.id)) {
            let (credential, account) = (passkey.key.id.clone(), owner.id);
            changes.push(PasskeyChange::Remove { credential, account, last: false }.into());
            let message = Message::PasskeyRemoved { aaguid: passkey.key.aaguid };
            changes.extend(moment.tell(owner, What::PasskeyRemoved, message));
        }
        changes.push(moment.event(owner.id, What::ReviewAnswered));
        Ok(Plan::durable(changes, self.asked_for().return_to.clone()))
    }

    /// Stops the recovery that is held, and tells its `owner`.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] where none is.
    pub fn stop_recovery(&self, hold: Option<Hold>, owner: &Account, moment: Moment<'_>) -> Result<Plan<()>, Refusal> {
        let mut changes = self.confirmed(moment.now);
        changes.extend(recover::stop(hold, owner, moment)?);
        Ok(Plan::durable(changes, ()))
    }

    /// Removes the confirmed passkey `target`, and with it the sessions it made. Its `owner` is written to.
    pub fn remove(
        &self,
        target: &Passkey,
        last: bool,
        session: &Session,
        owner: &Account,
        moment: Moment<'_>,
    ) -> Plan<Removed> {
        let mut changes = self.confirmed(moment.now);
        let (credential, account) = (target.key.id.clone(), self.account());
        changes.push(PasskeyChange::Remove { credential, account, last }.into());
        let message = Message::PasskeyRemoved { aaguid: target.key.aaguid };
        changes.extend(moment.tell(owner, What::PasskeyRemoved, message));
        Plan::durable(changes, Removed { ends_this_session: session.credential.as_ref() == Some(&target.key.id) })
    }
}

/// Whether a session is the one that answers "Keep your account safe": it was begun with the passkey that the recovery
/// made, and nobody has contested that.
pub fn may_review(owner: &Account, session: &Session) -> bool {
    let made = owner.aftermath.made();
    !owner.aftermath.is_contested() && made.is_some() && session.credential.as_ref() == made
}

/// A passkey was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// It was the one that the asking session was made with, which has ended too.
    pub ends_this_session: bool,
}

/// Leave to add a passkey in a session. What it was given for must still hold in the commit that
/// adds the passkey: of many that ask at once, each is given leave for what the others are about to change.
#[derive(Clone, Debug)]
pub struct MayAdd(Ground);

/// What leave is given for.
#[derive(Clone, Debug)]
enum Ground {
    /// It was confirmed with a passkey, which made the challenge.
    Confirmed,
    /// It is elevated, as its tokens say, which go on by its use.
    Elevated(Box<TokenFamily>),
    /// The account has no passkey.
    None,
    /// It came of a recovery, and has no passkey.
    Recovered,
}

impl MayAdd {
    /// On our pages, where each passkey is confirmed with one: the confirmation has made the challenge.
    pub fn was_confirmed() -> Self {
        Self(Ground::Confirmed)
    }

    /// Over the API: the session is elevated, by its tokens where there are any to say so; or the account has no passkey
    /// that could elevate it; or it came of a recovery, whose user has none of them at hand, and has not made its one
    /// passkey yet.
    ///
    /// # Errors
    /// [`Refusal::ConfirmNeeded`] for any other.
    pub fn over_api(
        session: &Session,
        passkeys: &[Passkey],
        elevated: Option<&TokenFamily>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let within = |at: Timestamp| at.after(recovery::LIFETIME).is_ahead(now, recovery::LIFETIME);
        if let Some(family) = elevated.filter(|family| family.is_elevated(now)) {
            Ok(Self(Ground::Elevated(Box::new(family.clone()))))
        } else if session.credential.is_none() && session.recovered_at.is_some_and(within) {
            Ok(Self(Ground::Recovered))
        } else if passkeys.is_empty() {
            Ok(Self(Ground::None))
        } else {
            Err(Refusal::ConfirmNeeded)
        }
    }

    /// What must hold, and what is changed, so that it still does. Whether a session has a passkey is asked by the tie
    /// that each passkey gets which is made in one without.
    fn holds(&self, session: &Session, now: Timestamp) -> Option<Change> {
        match &self.0 {
            Ground::Confirmed | Ground::Recovered => None,
            Ground::None => Some(PasskeyChange::RequireNone(session.account).into()),
            Ground::Elevated(family) => Some(match family.used(now) {
                Some(used) => TokensChange::Cut(used).into(),
                None => TokensChange::Require { session: session.token, revision: family.revision }.into(),
            }),
        }
    }
}

/// Whether an account with these passkeys may have another one.
///
/// # Errors
/// [`Refusal::TooManyPasskeys`].
pub fn room_among(passkeys: &[Passkey]) -> Result<(), Refusal> {
    if passkeys.len() < passkey::MOST { Ok(()) } else { Err(Refusal::TooManyPasskeys) }
}

/// A challenge for another passkey was made in a session that may add one.
pub fn begin_adding(MayAdd(_): &MayAdd, ceremony: Ceremony, session: &Session) -> Plan<()> {
    Plan::relaxed(vec![SessionChange::Require(session.token).into(), CeremonyChange::Add(ceremony).into()], ())
}

/// Adding a passkey, opened by the session that may.
#[derive(Debug)]
pub struct Adding {
    session: SecretDigest,
    return_to: Destination,
}

/// Opens the ceremony of a new passkey for its answer.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's or session's, too old, or was begun for something else.
pub fn open_adding(ceremony: Ceremony, session: &Session, moment: Moment<'_>) -> Result<Making<Adding>, Refusal> {
    Ok(Making::open(ceremony, moment, |makes, account, return_to| match makes {
        Makes::Another(Leave::Session(token)) => {
            let is_its_own = (account, token) == (session.account, session.token);
            is_its_own.then_some(Adding { session: token, return_to })
        }
        Makes::Another(Leave::Link(_) | Leave::Recovery) | Makes::Registration { .. } => None,
    })?)
}

/// The new passkey becomes the account's, which is written to. The session must be as it was read when leave was given,
/// and there must be room for one more, unless a recovery adds it.
pub fn add(
    made: &Made<Adding>,
    may: &MayAdd,
    name: Option<String>,
    SignedIn { session, account: owner, .. }: &SignedIn,
    moment: Moment<'_>,
) -> Plan<Destination> {
    let token = made.made_for.session;
    let mut changes = vec![made.spend(), SessionChange::Require(token).into()];
    changes.extend(may.holds(session, moment.now));
    let account = made.account;
    let is_by_recovery = session.credential.is_none();
    changes.extend((!is_by_recovery).then(|| PasskeyChange::RequireRoom { account, most: passkey::MOST }.into()));
    let passkey = made.key.clone().of(made.account, name, moment.visitor, moment.now);
    // It has signed nobody in yet.
    changes.push(PasskeyChange::Add(Passkey { last_used_at: None, ..passkey }).into());
    // So that a recovery is leave for one passkey, not for as many as one likes; from then on the session is one that was
    // begun with it.
    changes.extend(session.credential.is_none().then(|| {
        let credential = made.key.id.clone();
        let authentication = session.authenticated_with(&made.key, moment.now);
        SessionChange::Tie { session: token, credential, authentication }.into()
    }));
    // Over the API, the recovery comes to its passkey only now.
    let review = owner.aftermath.review.as_ref().filter(|review| review.credential.is_none());
    if session.credential.is_none()
        && let Some(review) = review
    {
        let review = Some(review.with(made.key.id.clone()));
        changes.push(AccountChange::leaving(owner, Aftermath { review, ..owner.aftermath.clone() }).into());
    }
    changes.extend(moment.tell_added(owner, made.key.aaguid));
    Plan::durable(changes, made.made_for.return_to.clone())
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
    let rename = PasskeyChange::Rename { credential, account: session.account, name };
    Plan::durable(vec![SessionChange::Require(session.token).into(), rename.into()], ())
}

/// Ends the session called `id` among those of the signed-in person, with all of its family.
///
/// # Errors
/// [`Refusal::Unknown`] where there is none of that name.
pub fn end_session(id: SessionId, session: &Session, theirs: &[Session]) -> Result<Plan<Ended>, Refusal> {
    let ending =
        theirs.iter().find(|other| other.id == id && other.account == session.account).ok_or(Refusal::Unknown)?;
    let changes = vec![SessionChange::Require(session.token).into(), SessionChange::End(ending.token).into()];
    Ok(Plan::durable(changes, Ended { this_session: ending.family() == session.family() }))
}

/// A session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// It was the one that asked, or of the same browser.
    pub this_session: bool,
}

/// Ends every other session of the signed-in person, but for those of the same browser.
pub fn sign_out_everywhere(session: &Session, moment: Moment<'_>) -> Plan<()> {
    let (account, token) = (session.account, session.token);
    let changes = vec![
        SessionChange::Require(token).into(),
        SessionChange::EndAll { account, except: Some(token) }.into(),
        moment.event(account, What::SignedOutEverywhere),
    ];
    Plan::durable(changes, ())
}

/// Ends every session of an account.
pub fn sign_out_all(account: AccountId, moment: Moment<'_>) -> Plan<()> {
    let changes =
        vec![SessionChange::EndAll { account, except: None }.into(), moment.event(account, What::SignedOutEverywhere)];
    Plan::durable(changes, ())
}

#[cfg(test)]
mod tests;
