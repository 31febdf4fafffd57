//! Changing an account's address: a passkey used for that → a code to the new address → the change, which a link in the
//! letter to the address from before undoes for a day.
//!
//! An address that is another account's takes the same steps with the same answers, and no code is right. A second
//! change, and a deletion, have to wait until the first one cannot be undone any more. Where it was undone, they wait
//! for another day, in which its owner gets back in: an attacker who made the change may have a passkey still, and must
//! not shake off the owner either way.

use super::account::Account;
use super::activity::What;
use super::address::{AskedMove, LIFETIME, Move, MoveId, MoveOutlook, MoveStage, UNDO};
use super::admin_code::AdminCode;
use super::clock::Timestamp;
use super::code::{self, Code};
use super::code_counters::CodeCounters;
use super::email::Email;
use super::invitation::Invitation;
use super::letter::Message;
use super::mailed_code::{CodeRefusal, MailedCode};
use super::moment::Moment;
use super::passkey::CredentialId;
use super::plan::{
    AccountChange, AccountConflict, AdminCodeChange, Change, Conflict, HoldChange, InvitationChange, LinkChange,
    MoveChange, PasskeyChange, Plan, RecoveryChange, RegistrationChange, SessionChange, SessionConflict,
};
use super::recovery::{Hold, Recovery, RecoveryStage};
use super::register::RegisterAnswer;
use super::session::Session;

/// Why a step was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovingRefusal {
    /// The session has ended.
    SignedOut,
    /// No code of this session is out, or there is nothing to undo.
    NoMove,
    /// The code is right, and the account is not changed now.
    NotNow(NotNow),
    /// The code opens nothing, or no other is sent.
    Code(CodeRefusal),
}

impl From<NotNow> for MovingRefusal {
    fn from(not_now: NotNow) -> Self {
        Self::NotNow(not_now)
    }
}

impl From<CodeRefusal> for MovingRefusal {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Code(refusal)
    }
}

impl From<Conflict> for MovingRefusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Limit { wait, .. } => Self::Code(CodeRefusal::TooMany { wait }),
            Conflict::Session(SessionConflict::Ended) | Conflict::Account(AccountConflict::Gone) => Self::SignedOut,
            // Another person proved the address first, or something came up that a change must not pass over.
            Conflict::MoveChanged
            | Conflict::Account(
                AccountConflict::EmailTaken
                | AccountConflict::Exists
                | AccountConflict::Changed
                | AccountConflict::Disabled,
            )
            | Conflict::Session(SessionConflict::Tied)
            | Conflict::Passkey(_)
            | Conflict::CeremonySpent
            | Conflict::RegistrationChanged
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::HoldChanged
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::LetterTaken
            | Conflict::Key(_) => Self::NoMove,
        }
    }
}

/// Why an account is not changed now, whatever its owner confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Its address was changed, and that can still be undone; or it was undone.
    ChangedLately,
    /// A recovery of it is under way, or has not been reviewed.
    Recovering,
}

/// Nothing that ends what the owner can undo may happen before that time is over, nor within a day of the undoing.
///
/// # Errors
/// [`NotNow::ChangedLately`].
pub fn is_settled(last: Option<&Move>, now: Timestamp) -> Result<(), NotNow> {
    let was_changed = |last: &Move| last.asked_for().is_none() && last.is_open(now);
    if last.is_some_and(was_changed) { Err(NotNow::ChangedLately) } else { Ok(()) }
}

/// Whether an account may get another address. A recovery of which a code is only out blocks nothing: any stranger can
/// ask for one.
///
/// # Errors
/// [`NotNow`].
pub fn may_change(
    owner: &Account,
    last: Option<&Move>,
    hold: Option<&Hold>,
    recoveries: &[Recovery],
    now: Timestamp,
) -> Result<(), NotNow> {
    is_settled(last, now)?;
    let is_proved = |recovery: &Recovery| recovery.stage != RecoveryStage::Code && recovery.is_open(now);
    let is_recovering = hold.is_some_and(|hold| hold.is_open(now))
        || owner.aftermath.review.is_some()
        || recoveries.iter().any(is_proved);
    if is_recovering { Err(NotNow::Recovering) } else { Ok(()) }
}

/// What a change to an address can come to that is another account's, or kept for one.
pub fn outlook(is_taken: bool, is_kept: bool, answer: RegisterAnswer) -> MoveOutlook {
    match (is_taken, is_kept, answer) {
        (true, _, _) => MoveOutlook::Taken,
        (false, true, _) => MoveOutlook::Kept,
        (false, false, RegisterAnswer::Welcome) => MoveOutlook::Address,
        (false, false, RegisterAnswer::ByLetter) => MoveOutlook::NotAllowed,
    }
}

/// A change was confirmed with that passkey, in that session: a code goes out, and what was asked for before is given
/// up.
pub(super) fn ask(
    owner: &Account,
    (to, outlook): (Email, MoveOutlook),
    (session, credential): (&Session, &CredentialId),
    last: Option<&Move>,
    counters: CodeCounters,
    moment: Moment<'_>,
) -> Vec<Change> {
    let code = MailedCode::new(counters.name(moment), moment.now);
    let asked = AskedMove { to, outlook, session: session.token, credential: credential.clone(), code };
    let mut changes = counters.letter(moment.now);
    changes.push(code_letter(&asked, moment));
    let (id, revision) = (MoveId(moment.uuid()), moment.first_revision());
    let expires_at = moment.now.after(LIFETIME);
    let begun = Move { account: owner.id, id, revision, stage: MoveStage::Asked(asked), expires_at };
    changes.extend([
        AccountChange::still(owner).into(),
        MoveChange::put(last, begun).into(),
        moment.event(owner.id, What::AddressAsked),
    ]);
    changes
}

/// A change that waits for its code, opened by the session that asked for it.
#[derive(Clone, Debug)]
pub struct WaitingMove {
    read: Move,
    asked: AskedMove,
}

impl WaitingMove {
    /// Opens the move that was found, for the session that asked for it.
    ///
    /// # Errors
    /// [`MovingRefusal::NoMove`] where there is none, or it is another session's, or over.
    pub fn open(found: Option<Move>, session: &Session, now: Timestamp) -> Result<Self, MovingRefusal> {
        let read = found.filter(|found| found.is_open(now)).ok_or(MovingRefusal::NoMove)?;
        match &read.stage {
            MoveStage::Asked(asked) if asked.session == session.token => Ok(Self { asked: asked.clone(), read }),
            MoveStage::Asked(_) | MoveStage::Done { .. } | MoveStage::Undone => Err(MovingRefusal::NoMove),
        }
    }

    /// The new address.
    pub fn to(&self) -> &Email {
        &self.asked.to
    }

    /// The code that is out.
    pub fn code(&self) -> MailedCode {
        self.asked.code
    }

    /// The same with another code, or another try of it.
    fn with(&self, asked: AskedMove) -> Self {
        let revision = self.read.revision.saturating_add(1);
        Self { read: Move { revision, stage: MoveStage::Asked(asked.clone()), ..self.read.clone() }, asked }
    }
}

/// Another code takes the place of the one that is out. Who has the address may have changed since.
///
/// # Errors
/// [`CodeRefusal::TooSoon`] within half a minute of the last code.
pub fn resend(
    waiting: &WaitingMove,
    outlook: MoveOutlook,
    counters: CodeCounters,
    moment: Moment<'_>,
) -> Result<Plan<()>, MovingRefusal> {
    let code = waiting.code().replaced(counters.name(moment), moment.now)?;
    let next = waiting.with(AskedMove { outlook, code, ..waiting.asked.clone() });
    let mut changes = counters.letter(moment.now);
    changes.extend([
        SessionChange::Require(waiting.asked.session).into(),
        code_letter(&next.asked, moment),
        MoveChange::put(Some(&waiting.read), next.read).into(),
    ]);
    Ok(Plan::durable(changes, ()))
}

/// A try that the store has counted; only with one of these is a code compared.
#[derive(Clone, Debug)]
pub struct CountedMoveTry {
    waiting: WaitingMove,
    typed: Code,
}

/// A code was typed: the try is counted, before anything is compared.
///
/// # Errors
/// [`CodeRefusal::NotACode`] (not counted), [`CodeRefusal::TooOld`], [`CodeRefusal::TriesSpent`].
pub fn count_try(
    waiting: &WaitingMove,
    typed: &str,
    counters: CodeCounters,
    now: Timestamp,
) -> Result<Plan<CountedMoveTry>, MovingRefusal> {
    let code = waiting.code().in_time(now)?.tried(counters.kind)?;
    let typed = Code::parse(typed).ok_or(CodeRefusal::NotACode)?;
    let next = waiting.with(AskedMove { code, ..waiting.asked.clone() });
    let mut changes = vec![MoveChange::put(Some(&waiting.read), next.read.clone()).into()];
    changes.extend(counters.try_of_code(code.id, now));
    Ok(Plan::durable(changes, CountedMoveTry { waiting: next, typed }))
}

impl CountedMoveTry {
    /// The change as counted.
    pub fn waiting(&self) -> &WaitingMove {
        &self.waiting
    }

    /// What was typed.
    pub fn typed(&self) -> &Code {
        &self.typed
    }

    /// The same try of the change as it is by now, where it lost a race: others may have been counted meanwhile. `None`
    /// where its code is not the one that is out any more.
    pub fn reread(self, found: Option<Move>) -> Option<Self> {
        let read = found?;
        let MoveStage::Asked(asked) = read.stage.clone() else { return None };
        let is_same = asked.code.id == self.waiting.asked.code.id;
        is_same.then_some(Self { waiting: WaitingMove { read, asked }, typed: self.typed })
    }

    /// Compares what was typed with the code that was sent. A wrong one costs the same work for every address, so that
    /// time does not tell whose it is: nothing more is looked up before this.
    ///
    /// # Errors
    /// [`CodeRefusal::Wrong`] for any other code, and for every code where none was sent.
    pub fn compare(&self, code: &Code) -> Result<(), MovingRefusal> {
        let AskedMove { code: mailed, outlook, .. } = &self.waiting.asked;
        let is_right = self.typed.matches(code) && *outlook == MoveOutlook::Address;
        if is_right { Ok(()) } else { Err(mailed.wrong().into()) }
    }
}

/// The right code gives the account its new address, and its owner has a day to undo it. Everything else that was
/// pending for that address dies, no matter who began it, and so does what was begun to get back in by the address from
/// before.
///
/// # Errors
/// [`CodeRefusal::Wrong`] for any other code, and for one whose address may not have an account any more;
/// [`MovingRefusal::NotNow`] where a person has proved meanwhile that they get back in, as it would throw them out.
pub fn prove(
    counted: &CountedMoveTry,
    code: &Code,
    owner: &Account,
    (answer, invitation): (RegisterAnswer, Option<Invitation>),
    (hold, recoveries): (Option<&Hold>, &[Recovery]),
    moment: Moment<'_>,
) -> Result<Plan<()>, MovingRefusal> {
    counted.compare(code)?;
    let WaitingMove { read, asked } = &counted.waiting;
    if answer != RegisterAnswer::Welcome {
        return Err(asked.code.wrong().into());
    }
    may_change(owner, Some(read), hold, recoveries, moment.now)?;
    let (now, account) = (moment.now, owner.id);
    let id = MoveId(moment.uuid());
    let done = Move {
        account,
        id,
        revision: moment.first_revision(),
        stage: MoveStage::Done { from: owner.email.clone() },
        expires_at: now.after(UNDO),
    };
    let mut changes = vec![
        SessionChange::Require(asked.session).into(),
        PasskeyChange::Require { credential: asked.credential.clone(), account }.into(),
        AccountChange::still(owner).into(),
    ];
    // A hold that was never finished, and that no sweep has met yet, is not in the way.
    changes
        .extend(hold.filter(|hold| !hold.is_open(now)).map(|hold| HoldChange::Spend { account, id: hold.id }.into()));
    changes.extend([
        HoldChange::RequireNone(account).into(),
        MoveChange::put(Some(read), done).into(),
        AccountChange::SetEmail { account, was: owner.email.clone(), is: asked.to.clone(), now }.into(),
        RecoveryChange::DropAll(account).into(),
        RegistrationChange::DropAll(asked.to.clone()).into(),
        use_up(&asked.to, invitation),
        moment.event(account, What::AddressChanged),
        moment.letter_to(owner, Message::AddressChanged { account, undo: id }, UNDO),
    ]);
    Ok(Plan::durable(changes, ()))
}

/// The person with the link in the letter to the address from before undoes the change. The account has that address
/// again, and everything that was begun since ends, with all of its sessions and an operator's code. For a day the
/// address is neither changed again nor is the account deleted, so that its owner has time to get back in. Both
/// addresses are written to.
///
/// # Errors
/// [`MovingRefusal::NoMove`] where there is nothing to undo by that name.
pub fn undo(
    found: Option<&Move>,
    named: MoveId,
    owner: &Account,
    (hold, operators): (Option<&Hold>, Option<&AdminCode>),
    invitation: Option<Invitation>,
    moment: Moment<'_>,
) -> Result<Plan<()>, MovingRefusal> {
    let found = found.filter(|found| found.id == named && found.is_open(moment.now)).ok_or(MovingRefusal::NoMove)?;
    let from = found.former().ok_or(MovingRefusal::NoMove)?;
    let (account, revision) = (owner.id, found.revision.saturating_add(1));
    let undone = Move { revision, stage: MoveStage::Undone, expires_at: moment.now.after(UNDO), ..found.clone() };
    let restored = Account { email: from.clone(), ..owner.clone() };
    let mut changes = vec![
        MoveChange::put(Some(found), undone).into(),
        AccountChange::SetEmail { account, was: owner.email.clone(), is: from.clone(), now: moment.now }.into(),
        SessionChange::EndAll { account, except: None }.into(),
        LinkChange::DropAll(account).into(),
        RecoveryChange::DropAll(account).into(),
        RegistrationChange::DropAll(from.clone()).into(),
        use_up(from, invitation),
    ];
    changes.extend(hold.map(|hold| HoldChange::Spend { account, id: hold.id }.into()));
    // The operator may have given it to the person who has the other address.
    changes.extend(operators.map(|code| AdminCodeChange::Spend { account, digest: code.digest }.into()));
    changes.extend(moment.record_and_notify(&restored, What::AddressRestored, Message::AddressRestored));
    changes.push(moment.notice_to(owner, Message::AddressRestored));
    Ok(Plan::durable(changes, ()))
}

/// A person who has an account is not invited any more.
fn use_up(email: &Email, invitation: Option<Invitation>) -> Change {
    InvitationChange::Use { email: email.clone(), read: invitation.map(|invitation| invitation.id) }.into()
}

fn code_letter(asked: &AskedMove, moment: Moment<'_>) -> Change {
    let message = match asked.outlook {
        MoveOutlook::Address => Message::AddressCode(asked.code.id),
        MoveOutlook::Taken => Message::AddressWanted,
        MoveOutlook::Kept => Message::AddressKept,
        MoveOutlook::NotAllowed => Message::Nothing,
    };
    moment.letter(&asked.to, message, code::LIFETIME)
}
