//! "My devices": looking after one's passkeys and signed-in browsers.
//!
//! Whatever gives or takes a passkey is confirmed with one, at that moment. A confirmation names the account, the
//! session and the act, so that it serves for nothing else.

use std::time::Duration;

use super::account::{Account, AccountId};
use super::activity::What;
use super::address::{Move, MoveOutlook};
use super::aftermath::Aftermath;
use super::assertion::{AssertionChallenge, AssertionRefusal, Proof};
use super::attestation::{AttestationChallenge, BadPasskey, MadePasskey};
use super::ceremony::{Act, Ceremony, Leave, Makes, Proves, Stale};
use super::clock::Timestamp;
use super::code_counters::CodeCounters;
use super::destination::Destination;
use super::email::Email;
use super::language::Language;
use super::letter::Message;
use super::moment::Moment;
use super::moving::{self, NotNow};
use super::passkey::{self, CredentialId, Naming, Passkey};
use super::plan::{
    AccountChange, AccountConflict, CeremonyChange, Change, Conflict, MoveChange, PasskeyChange, PasskeyConflict, Plan,
    SessionChange, SessionConflict, TokensChange,
};
use super::profile::Locale;
use super::recover::{self, NoHold};
use super::recovery::{self, Hold};
use super::secret::SecretDigest;
use super::session::{Session, SessionId, SignedIn};
use super::token_family::TokenFamily;

/// The longest name of a passkey, or of a person who types it on our pages, in characters.
pub const LONGEST_NAME: usize = 64;

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManageRefusal {
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
    /// It is for "My account", and that is why.
    Account(AccountRefusal),
}

/// Why an account gets no other address, or is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRefusal {
    /// What was typed is no address.
    NoAddress,
    /// It is the account's address already.
    OwnAddress,
    /// The address may not have an account.
    AddressNotAllowed,
    /// The mail server cannot write to that address.
    NoMailTo,
    /// Nothing of that is changed now.
    NotNow(NotNow),
    /// Too many codes were sent there lately.
    TooManyCodes {
        /// Until there may be another.
        wait: Duration,
    },
}

impl From<AccountRefusal> for ManageRefusal {
    fn from(refusal: AccountRefusal) -> Self {
        Self::Account(refusal)
    }
}

impl From<Stale> for ManageRefusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<AssertionRefusal> for ManageRefusal {
    fn from(refusal: AssertionRefusal) -> Self {
        match refusal {
            AssertionRefusal::CounterWentBack => Self::CounterWentBack,
            AssertionRefusal::NoLongerEligible => Self::NoLongerEligible,
            // The person who confirms is signed in, so this can only be a passkey of another account, of none, or one
            // that rests.
            AssertionRefusal::NotProved
            | AssertionRefusal::UnknownPasskey
            | AssertionRefusal::Unfinished
            | AssertionRefusal::Rests => Self::NotProved,
        }
    }
}

impl From<BadPasskey> for ManageRefusal {
    fn from(BadPasskey: BadPasskey) -> Self {
        Self::BadPasskey
    }
}

impl From<NotNow> for ManageRefusal {
    fn from(not_now: NotNow) -> Self {
        Self::Account(AccountRefusal::NotNow(not_now))
    }
}

impl From<NoHold> for ManageRefusal {
    fn from(NoHold: NoHold) -> Self {
        Self::Unknown
    }
}

impl From<Conflict> for ManageRefusal {
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
            Conflict::Limit { wait, .. } => Self::Account(AccountRefusal::TooManyCodes { wait }),
            Conflict::CeremonySpent
            | Conflict::Account(AccountConflict::EmailTaken | AccountConflict::Exists | AccountConflict::Changed)
            | Conflict::RegistrationChanged
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::MoveChanged
            | Conflict::LetterTaken
            | Conflict::Key(_) => Self::Stale,
        }
    }
}

/// What a person asks to confirm.
#[derive(Clone, Debug)]
pub enum RequestedAct {
    /// To add a passkey.
    Add,
    /// To stop the recovery that is held.
    StopRecovery,
    /// To elevate the session.
    Elevate,
    /// To download what is kept of the account.
    Download,
    /// To get another address.
    ChangeAddress {
        /// What was typed as the new one.
        to: String,
    },
    /// To delete the account.
    DeleteAccount {
        /// What was typed as the account's address.
        email: String,
    },
    /// To remove a passkey.
    Remove {
        /// The passkey to be removed.
        credential: CredentialId,
        /// What was typed as the account's address, where something was.
        email: Option<String>,
    },
}

impl RequestedAct {
    /// The act to be confirmed, by an owner of `passkeys`.
    ///
    /// # Errors
    /// [`ManageRefusal::Unknown`] for a passkey that is not among them; [`ManageRefusal::LastPasskey`] or
    /// [`ManageRefusal::WrongEmail`] for the only one, and for the account itself, where `email` was not typed;
    /// [`ManageRefusal::TooManyPasskeys`] where there is no room for another; [`AccountRefusal::NoAddress`].
    pub fn act(self, passkeys: &[Passkey], email: &Email) -> Result<Act, ManageRefusal> {
        let is_it = |typed: &str| Email::parse(typed).is_ok_and(|typed| typed == *email);
        match self {
            Self::Add => {
                room_among(passkeys)?;
                Ok(Act::AddPasskey)
            }
            Self::StopRecovery => Ok(Act::StopRecovery),
            Self::Elevate if passkeys.is_empty() => Err(ManageRefusal::Unknown),
            Self::Elevate => Ok(Act::Elevate),
            Self::Download => Ok(Act::Download),
            Self::ChangeAddress { to } => {
                Email::parse(&to).map(Act::ChangeAddress).map_err(|_| AccountRefusal::NoAddress.into())
            }
            Self::DeleteAccount { email: typed } if is_it(&typed) => Ok(Act::DeleteAccount),
            Self::DeleteAccount { .. } => Err(ManageRefusal::WrongEmail),
            Self::Remove { credential, email: typed } => {
                if !passkeys.iter().any(|passkey| passkey.key.id == credential) {
                    return Err(ManageRefusal::Unknown);
                }
                if passkeys.len() > 1 {
                    return Ok(Act::RemovePasskey { credential, last: false });
                }
                let typed = typed.filter(|typed| !typed.trim().is_empty()).ok_or(ManageRefusal::LastPasskey)?;
                if is_it(&typed) {
                    Ok(Act::RemovePasskey { credential, last: true })
                } else {
                    Err(ManageRefusal::WrongEmail)
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
pub struct OpenedConfirmation {
    /// What is confirmed.
    pub act: Act,
    session: SecretDigest,
    return_to: Destination,
}

/// Opens a confirmation for its answer.
///
/// # Errors
/// [`ManageRefusal::Stale`] where it is another browser's or session's, too old, or was begun for something else.
pub fn open_confirmation(
    ceremony: Ceremony,
    session: &Session,
    moment: Moment<'_>,
) -> Result<AssertionChallenge<OpenedConfirmation>, ManageRefusal> {
    Ok(AssertionChallenge::open(ceremony, moment, |proves, return_to| match proves {
        Proves::Confirm { account, session: token, act } => {
            let is_its_own = (account, token) == (session.account, session.token);
            is_its_own.then_some(OpenedConfirmation { act, session: token, return_to })
        }
        Proves::SignIn(_) | Proves::Link { .. } | Proves::Contest { .. } => None,
    })?)
}

impl OpenedConfirmation {
    /// Where the visitor wanted to go.
    pub fn return_to(&self) -> &Destination {
        &self.return_to
    }
}

impl Proof<OpenedConfirmation> {
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

    /// "Keep your account safe" is answered: the passkeys that were named are removed with their sessions, all others
    /// are awake again. `older` are those of the account but the one that the recovery made, as they are now.
    ///
    /// # Errors
    /// [`ManageRefusal::Unknown`] where there is no review, or its list has changed since it was asked.
    pub fn answer_review(
        &self,
        owner: &Account,
        older: &[Passkey],
        session: &Session,
        moment: Moment<'_>,
    ) -> Result<Plan<Destination>, ManageRefusal> {
        let Act::AnswerReview { remove, listed } = &self.asked_for().act else { return Err(ManageRefusal::Stale) };
        let is_theirs = may_review(owner, session) && owner.aftermath.made() == Some(&self.used().id);
        let is_listed = |passkey: &Passkey| listed.contains(&passkey.key.id);
        if !is_theirs || older.len() != listed.len() || !older.iter().all(is_listed) {
            return Err(ManageRefusal::Unknown);
        }
        let mut changes = self.confirmed(moment.now);
        changes.push(AccountChange::leaving(owner, owner.aftermath.settled()).into());
        for passkey in older.iter().filter(|passkey| remove.contains(&passkey.key.id)) {
            let (credential, account) = (passkey.key.id.clone(), owner.id);
            changes.push(PasskeyChange::Remove { credential, account, last: false }.into());
            let message = Message::PasskeyRemoved { aaguid: passkey.key.aaguid, made_in: passkey.browser.clone() };
            changes.extend(moment.record_and_notify(owner, What::PasskeyRemoved, message));
        }
        changes.push(moment.event(owner.id, What::ReviewAnswered));
        Ok(Plan::durable(changes, self.asked_for().return_to.clone()))
    }

    /// Stops the recovery that is held, and tells its `owner`.
    ///
    /// # Errors
    /// [`ManageRefusal::Unknown`] where none is.
    pub fn stop_recovery(
        &self,
        hold: Option<Hold>,
        owner: &Account,
        moment: Moment<'_>,
    ) -> Result<Plan<()>, ManageRefusal> {
        let mut changes = self.confirmed(moment.now);
        changes.extend(recover::stop(hold, owner, moment)?);
        Ok(Plan::durable(changes, ()))
    }

    /// Hands out what is kept of the account, and nothing is changed.
    pub fn download(&self, now: Timestamp) -> Plan<()> {
        Plan::durable(self.confirmed(now), ())
    }

    /// A code goes out to the new address that was confirmed; see `moving::ask`.
    pub fn ask_for_address(
        &self,
        owner: &Account,
        to: (Email, MoveOutlook),
        session: &Session,
        last: Option<&Move>,
        counters: CodeCounters,
        moment: Moment<'_>,
    ) -> Plan<()> {
        let mut changes = self.confirmed(moment.now);
        changes.extend(moving::ask(owner, to, (session, &self.used().id), last, counters, moment));
        Plan::durable(changes, ())
    }

    /// Deletes the account with everything of it, and writes to its `owner` a last time. It must not have been
    /// recovered since it was read, nor got another change of address than the `last`, which holds it up no more.
    ///
    /// # Errors
    /// [`NotNow::ChangedLately`]: a person with the link that undoes a change must find the account still there.
    pub fn delete_account(
        &self,
        owner: &Account,
        last: Option<&Move>,
        moment: Moment<'_>,
    ) -> Result<Plan<()>, ManageRefusal> {
        moving::is_settled(last, moment.now)?;
        let mut changes = self.confirmed(moment.now);
        changes.extend([
            AccountChange::still(owner).into(),
            MoveChange::take(owner.id, last).into(),
            AccountChange::Remove(owner.id).into(),
            moment.notice_to(owner, Message::AccountDeleted),
        ]);
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
        let message = Message::PasskeyRemoved { aaguid: target.key.aaguid, made_in: target.browser.clone() };
        changes.extend(moment.record_and_notify(owner, What::PasskeyRemoved, message));
        Plan::durable(changes, Removed { ends_this_session: session.credential.as_ref() == Some(&target.key.id) })
    }
}

/// Whether a session is the one that answers "Keep your account safe": it was begun with the passkey that the recovery
/// made, and that is not contested.
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

/// Leave to add a passkey in a session. What it was given for must still hold in the commit that adds the passkey,
/// since each of many that ask at once is given leave for what the others are about to change.
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

    /// Over the API there are three grounds. The session is elevated, by its tokens where there are any to say so. Or
    /// the account has no passkey that could elevate it. Or the session came of a recovery, whose user has no passkey
    /// at hand, and has not made its one passkey yet.
    ///
    /// # Errors
    /// [`ManageRefusal::ConfirmNeeded`] for any other.
    pub fn over_api(
        session: &Session,
        passkeys: &[Passkey],
        elevated: Option<&TokenFamily>,
        now: Timestamp,
    ) -> Result<Self, ManageRefusal> {
        let within = |at: Timestamp| at.after(recovery::LIFETIME).is_ahead(now, recovery::LIFETIME);
        if let Some(family) = elevated.filter(|family| family.is_elevated(now)) {
            Ok(Self(Ground::Elevated(Box::new(family.clone()))))
        } else if session.credential.is_none() && session.recovered_at.is_some_and(within) {
            Ok(Self(Ground::Recovered))
        } else if passkeys.is_empty() {
            Ok(Self(Ground::None))
        } else {
            Err(ManageRefusal::ConfirmNeeded)
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
/// [`ManageRefusal::TooManyPasskeys`].
pub fn room_among(passkeys: &[Passkey]) -> Result<(), ManageRefusal> {
    if passkeys.len() < passkey::MOST { Ok(()) } else { Err(ManageRefusal::TooManyPasskeys) }
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
/// [`ManageRefusal::Stale`] where it is another browser's or session's, too old, or was begun for something else.
pub fn open_adding(
    ceremony: Ceremony,
    session: &Session,
    moment: Moment<'_>,
) -> Result<AttestationChallenge<Adding>, ManageRefusal> {
    Ok(AttestationChallenge::open(ceremony, moment, |makes, account, return_to| match makes {
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
    made: &MadePasskey<Adding>,
    may: &MayAdd,
    naming: Naming<'_>,
    SignedIn { session, account: owner, .. }: &SignedIn,
    moment: Moment<'_>,
) -> Plan<Destination> {
    let token = made.made_for.session;
    let mut changes = vec![made.spend(), SessionChange::Require(token).into()];
    changes.extend(may.holds(session, moment.now));
    let account = made.account;
    let is_by_recovery = session.credential.is_none();
    changes.extend((!is_by_recovery).then(|| PasskeyChange::RequireRoom { account, most: passkey::MOST }.into()));
    let passkey = made.key.clone().of(made.account, naming, moment.visitor, moment.now);
    // It has not signed its owner in yet.
    changes.push(PasskeyChange::Add(Passkey { last_used_at: None, ..passkey }).into());
    // So that a recovery is leave for one passkey, not for as many as one likes; from then on the session is one that
    // was begun with it.
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

/// What a person calls a passkey, or wants to be called: what was typed on one line, at most [`LONGEST_NAME`]
/// characters of it; nothing where nothing is left. Signs that turn the direction of text or cannot be seen are left
/// out: a name must not pass for something else.
pub fn name(typed: &str) -> Option<String> {
    let unseen = |c: &char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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

/// The signed-in person wants to be called that, and to be written to in that language. Their sessions say so from the
/// next request on.
pub fn describe(
    name: Option<String>,
    language: Option<Language>,
    SignedIn { session, account, .. }: &SignedIn,
) -> Plan<()> {
    let locale = Locale::chosen(account.locale.clone(), language);
    let described = AccountChange::SetProfile { account: account.id, name, locale };
    Plan::durable(vec![SessionChange::Require(session.token).into(), described.into()], ())
}

/// Ends the session called `id` among those of the signed-in person, with all of its family.
///
/// # Errors
/// [`ManageRefusal::Unknown`] where there is none of that name.
pub fn end_session(id: SessionId, session: &Session, theirs: &[Session]) -> Result<Plan<EndedSession>, ManageRefusal> {
    let ending =
        theirs.iter().find(|other| other.id == id && other.account == session.account).ok_or(ManageRefusal::Unknown)?;
    let changes = vec![SessionChange::Require(session.token).into(), SessionChange::End(ending.token).into()];
    Ok(Plan::durable(changes, EndedSession { this_session: ending.family() == session.family() }))
}

/// A session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// It was the one that asked, or of the same browser.
    pub this_session: bool,
}

/// Ends every other session of the signed-in person, but for those of the same browser.
pub fn sign_out_everywhere(session: &Session, moment: Moment<'_>) -> Plan<()> {
    let (account, token) = (session.account, session.token);
    let changes = vec![
        SessionChange::Require(token).into(),
        SessionChange::EndAll { account, except: Some(token) }.into(),
        // Also what this session has asked for: the person who presses this trusts none of it.
        MoveChange::DropAsked(account).into(),
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
