//! Getting back in: e-mail → code → a passkey on this device → "Keep your account safe".
//!
//! Unknown addresses take the same steps with the same answers, and no code opens them. What a proved code is worth is
//! the operator's stated policy: [`RecoveryMode`].

use std::time::Duration;

use super::account::{Account, AccountId};
use super::activity::What;
use super::admin_code;
use super::aftermath::Aftermath;
use super::assertion::{AssertionChallenge, AssertionRefusal, Proof};
use super::attestation::{AttestationChallenge, BadPasskey, MadePasskey};
use super::ceremony::{Ceremony, Leave, Makes, Proves, Stale};
use super::clock::Timestamp;
use super::code::{self, Code, CodeId};
use super::code_counters::CodeCounters;
use super::destination::Destination;
use super::email::Email;
use super::letter::Message;
use super::mailed_code::{CodeRefusal, MailedCode};
use super::moment::Moment;
use super::passkey::{CredentialId, Naming, Passkey};
use super::plan::{
    AccountChange, AccountConflict, Change, Conflict, HoldChange, LinkChange, PasskeyChange, PasskeyConflict, Plan,
    RecoveryChange, SessionChange, SessionConflict,
};
use super::recovery::{self, Hold, HoldId, Recovery, RecoveryStage};
use super::session::{Method, NewSession, Session};

/// What a proved code is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecoveryMode {
    /// A new passkey, at once.
    #[default]
    Email,
    /// A new passkey after this long, unless it is cancelled meanwhile.
    Delayed(Duration),
    /// Nothing: the code comes from the operator.
    Admin,
    /// Nothing: there is no recovery.
    Off,
}

/// How people get back in, as the operator has it.
#[derive(Clone, Debug)]
pub struct RecoveryPolicy {
    /// What a proved code is worth, as every page says.
    pub mode: RecoveryMode,
    /// How long a recovery is held where one is held only of some: after one that was contested.
    pub delay: Duration,
    /// The group of the administrators. What they may do is too much for a stranger who reads their mail.
    pub admins: Option<String>,
}

impl RecoveryPolicy {
    /// How the owner gets back into that account. Administrators do so by an operator's code alone. After a contest the
    /// owner waits, also where others need not.
    pub fn mode_for(&self, account: Option<&Account>) -> RecoveryMode {
        let Self { mode, delay, admins } = self;
        let is_admin = || account.zip(admins.as_ref()).is_some_and(|(account, admins)| account.groups.contains(admins));
        let is_contested = || account.is_some_and(|account| account.aftermath.is_contested());
        match mode {
            RecoveryMode::Off | RecoveryMode::Admin => *mode,
            RecoveryMode::Email | RecoveryMode::Delayed(_) if is_admin() => RecoveryMode::Admin,
            RecoveryMode::Email if is_contested() => RecoveryMode::Delayed(*delay),
            RecoveryMode::Email | RecoveryMode::Delayed(_) => *mode,
        }
    }

    /// The policy for an address that no mail can be written to, with an account or without: the operator's code is
    /// left.
    #[must_use]
    pub fn without_mail(&self) -> Self {
        let mode = match self.mode {
            RecoveryMode::Email | RecoveryMode::Delayed(_) | RecoveryMode::Admin => RecoveryMode::Admin,
            RecoveryMode::Off => RecoveryMode::Off,
        };
        Self { mode, ..self.clone() }
    }
}

/// Why a step was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoverRefusal {
    /// There is no recovery here.
    Off,
    /// There is no unfinished recovery of this browser.
    NoRecovery,
    /// The code opens nothing, or no other is sent.
    Code(CodeRefusal),
    /// The page was open too long, or was answered already.
    Stale,
    /// What the device sent is not a passkey we can keep.
    BadPasskey,
    /// The account is disabled. Told only to a person who proved the address.
    Disabled,
    /// The held recovery is over, or was cancelled.
    NoHold,
    /// There is no review to be answered or contested.
    NoReview,
    /// The passkey does not prove what was asked.
    NotProved,
    /// The passkey contradicts what is known of it.
    Doubted,
}

impl From<Stale> for RecoverRefusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<BadPasskey> for RecoverRefusal {
    fn from(BadPasskey: BadPasskey) -> Self {
        Self::BadPasskey
    }
}

impl From<AssertionRefusal> for RecoverRefusal {
    fn from(refusal: AssertionRefusal) -> Self {
        match refusal {
            AssertionRefusal::CounterWentBack | AssertionRefusal::NoLongerEligible => Self::Doubted,
            AssertionRefusal::NotProved
            | AssertionRefusal::UnknownPasskey
            | AssertionRefusal::Unfinished
            | AssertionRefusal::Rests => Self::NotProved,
        }
    }
}

impl From<CodeRefusal> for RecoverRefusal {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Code(refusal)
    }
}

impl From<NoHold> for RecoverRefusal {
    fn from(NoHold: NoHold) -> Self {
        Self::NoHold
    }
}

impl From<Conflict> for RecoverRefusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::CeremonySpent => Self::Stale,
            Conflict::Limit { wait, .. } => Self::Code(CodeRefusal::TooMany { wait }),
            Conflict::Passkey(PasskeyConflict::Taken) => Self::BadPasskey,
            Conflict::Account(AccountConflict::Disabled) => Self::Disabled,
            Conflict::HoldChanged => Self::NoHold,
            Conflict::Session(SessionConflict::Ended)
            | Conflict::Passkey(
                PasskeyConflict::Last | PasskeyConflict::Changed | PasskeyConflict::NotNone | PasskeyConflict::Full,
            ) => Self::NoReview,
            Conflict::Account(AccountConflict::Changed) => Self::Stale,
            Conflict::Account(AccountConflict::EmailTaken | AccountConflict::Exists | AccountConflict::Gone)
            | Conflict::Session(SessionConflict::Tied)
            | Conflict::RegistrationChanged
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::MoveChanged
            | Conflict::LetterTaken
            | Conflict::Key(_) => Self::NoRecovery,
        }
    }
}

/// An address was typed. A code goes out where it has an account and the operator lets e-mail be enough for it.
///
/// # Errors
/// [`RecoverRefusal::Off`].
pub fn begin(
    policy: &RecoveryPolicy,
    email: Email,
    account: Option<&Account>,
    return_to: Destination,
    counters: CodeCounters,
    moment: Moment<'_>,
) -> Result<Plan<()>, RecoverRefusal> {
    let mode = policy.mode;
    if mode == RecoveryMode::Off {
        return Err(RecoverRefusal::Off);
    }
    let account = account.filter(|account| !account.disabled);
    let id = account.map(|account| account.id);
    let recovery = begun(email, id, counters.name(moment), return_to, moment);
    let mut changes = letter_counts(mode, counters, moment.now);
    changes.extend(code_letter(mode, policy.mode_for(account), &recovery, moment));
    changes.push(RecoveryChange::Put(recovery).into());
    Ok(Plan::durable(changes, ()))
}

/// What a letter counts as. Where the operator's code is asked for, none goes out, and strangers who ask often must not
/// keep its owner from typing it.
fn letter_counts(mode: RecoveryMode, counters: CodeCounters, now: Timestamp) -> Vec<Change> {
    if mode == RecoveryMode::Admin { counters.unsent_letter(now) } else { counters.letter(now) }
}

/// A visitor asks for a code that is not sent, and waits for it: no code opens this.
pub fn begin_in_vain(email: Email, moment: Moment<'_>) -> Plan<()> {
    let id = CodeId(moment.uuid());
    Plan::durable(vec![RecoveryChange::Put(begun(email, None, id, Destination::root(), moment)).into()], ())
}

fn begun(
    email: Email,
    account: Option<AccountId>,
    code: CodeId,
    return_to: Destination,
    moment: Moment<'_>,
) -> Recovery {
    Recovery {
        browser: moment.visitor.browser,
        revision: moment.first_revision(),
        email,
        account,
        stage: RecoveryStage::Code,
        code: MailedCode::new(code, moment.now),
        claim: moment.visitor.claim(),
        beside: None,
        return_to,
        expires_at: moment.now.after(recovery::LIFETIME),
    }
}

/// The recovery that `plan` begins takes the place of `others`, which must not have changed.
pub fn in_place_of(others: &[Recovery], mut plan: Plan<()>) -> Plan<()> {
    plan.changes.extend(others.iter().map(spend));
    plan
}

/// An older passkey of a contested account was proved, which opens it together with a code: one goes out, whatever the
/// operator lets e-mail be enough for otherwise.
///
/// # Errors
/// [`RecoverRefusal::NoRecovery`] where the account is not contested, or the passkey was made by a recovery that was
/// not reviewed.
pub fn begin_beside(
    proof: &Proof<Destination>,
    account: &Account,
    counters: CodeCounters,
    moment: Moment<'_>,
) -> Result<Plan<()>, RecoverRefusal> {
    let used = &proof.used().id;
    let is_older = account.id == proof.account() && account.aftermath.is_older(used);
    if !is_older || !account.aftermath.is_contested() || account.disabled {
        return Err(RecoverRefusal::NoRecovery);
    }
    let recovery = Recovery {
        browser: moment.visitor.moved_on().browser,
        revision: moment.first_revision(),
        email: account.email.clone(),
        account: Some(account.id),
        stage: RecoveryStage::Code,
        code: MailedCode::new(counters.name(moment), moment.now),
        claim: moment.visitor.claim(),
        beside: Some(used.clone()),
        return_to: proof.asked_for().clone(),
        expires_at: moment.now.after(recovery::LIFETIME),
    };
    let mut changes = vec![proof.spend()];
    changes.extend(proof.note_use(moment.now));
    changes.extend(counters.letter(moment.now));
    changes.push(moment.letter(&recovery.email, Message::RecoveryCode(recovery.code.id), code::LIFETIME));
    changes.push(RecoveryChange::Put(recovery).into());
    Ok(Plan::durable(changes, ()))
}

/// Another code takes the place of the one that is out.
///
/// # Errors
/// [`RecoverRefusal::NoRecovery`], [`CodeRefusal::TooSoon`].
pub fn resend(
    policy: &RecoveryPolicy,
    recovery: Recovery,
    account: Option<&Account>,
    counters: CodeCounters,
    moment: Moment<'_>,
) -> Result<Plan<()>, RecoverRefusal> {
    let recovery = with_code_out(recovery, moment.now)?;
    let code = recovery.code.replaced(counters.name(moment), moment.now)?;
    let recovery = advanced(Recovery { code, ..recovery });
    let [mode, own] = [policy.mode, policy.mode_for(account)].map(|mode| mode_of_code(mode, &recovery));
    let mut changes = letter_counts(mode, counters, moment.now);
    changes.extend(code_letter(mode, own, &recovery, moment));
    changes.push(RecoveryChange::Advance(recovery).into());
    Ok(Plan::durable(changes, ()))
}

/// The policy that the code of a recovery comes under: beside an older passkey it is mailed under each.
pub fn mode_of_code(mode: RecoveryMode, recovery: &Recovery) -> RecoveryMode {
    if recovery.beside.is_some() { RecoveryMode::Email } else { mode }
}

/// A code as typed: where it came from is the operator's policy.
#[derive(Debug)]
pub enum TypedCode {
    /// A code that came by mail.
    Mailed(Code),
    /// A code that the operator handed out.
    FromOperator(admin_code::AdminCodeText),
}

impl TypedCode {
    /// Reads what was typed; `None` where it is no such code.
    pub fn parse(mode: RecoveryMode, typed: &str) -> Option<Self> {
        match mode {
            RecoveryMode::Admin => admin_code::AdminCodeText::parse(typed).map(Self::FromOperator),
            // An operator may give a code for a contested account everywhere.
            RecoveryMode::Email | RecoveryMode::Delayed(_) | RecoveryMode::Off => {
                match (Code::parse(typed), admin_code::AdminCodeText::parse(typed)) {
                    (Some(mailed), None) => Some(Self::Mailed(mailed)),
                    (None, Some(given)) => Some(Self::FromOperator(given)),
                    // "482139 code" has ten letters of a code too: nothing tells which is meant.
                    (Some(_), Some(_)) | (None, None) => None,
                }
            }
        }
    }
}

/// A try that the store has counted; only with one of these is a code compared.
#[derive(Debug)]
pub struct CountedRecoveryTry {
    recovery: Recovery,
    typed: Option<TypedCode>,
}

impl CountedRecoveryTry {
    /// The recovery as counted.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// The same try of the recovery as it is by now, where it lost a race: others may have been counted meanwhile.
    /// `None` where its code is not out any more.
    pub fn reread(self, recovery: Option<Recovery>) -> Option<Self> {
        let same = |other: &Recovery| other.stage == RecoveryStage::Code && other.code.id == self.recovery.code.id;
        let recovery = recovery.filter(same)?;
        Some(Self { recovery, typed: self.typed })
    }

    /// What was typed; `None` where it is no code, and right for nothing.
    pub fn typed(&self) -> Option<&TypedCode> {
        self.typed.as_ref()
    }
}

/// A code was typed: the try is counted, before anything is compared.
///
/// # Errors
/// [`RecoverRefusal::NoRecovery`]; [`CodeRefusal::TooOld`], [`CodeRefusal::TriesSpent`].
pub fn count_try(
    mode: RecoveryMode,
    recovery: Recovery,
    typed: Option<TypedCode>,
    counters: CodeCounters,
    now: Timestamp,
) -> Result<Plan<CountedRecoveryTry>, RecoverRefusal> {
    let recovery = with_code_out(recovery, now)?;
    // The operator's code has a life of its own.
    let is_operators = mode == RecoveryMode::Admin || matches!(typed, Some(TypedCode::FromOperator(_)));
    let (code, count) = if is_operators {
        (recovery.code.tried_beside()?, Some(counters.try_of_operators(now)))
    } else {
        (recovery.code.in_time(now)?.tried(counters.kind)?, counters.try_of_code(recovery.code.id, now))
    };
    let recovery = advanced(Recovery { code, ..recovery });
    let mut changes = vec![RecoveryChange::Advance(recovery.clone()).into()];
    changes.extend(count);
    Ok(Plan::durable(changes, CountedRecoveryTry { recovery, typed }))
}

/// What a proved code leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// A passkey may be made now.
    SetUp,
    /// It may be made from this moment on, by a person who proves a code then.
    Held(Timestamp),
}

/// What the code of a counted try is worth to the `owner` of the account. `right` says what else a right code uses up;
/// it is `None` for any other code.
///
/// # Errors
/// [`CodeRefusal::Wrong`] or [`CodeRefusal::TriesSpent`] for any other code, and for every code of an unknown address.
pub fn prove(
    mode: RecoveryMode,
    counted: &CountedRecoveryTry,
    right: Option<Vec<Change>>,
    owner: Option<&Account>,
    hold: Option<Hold>,
    moment: Moment<'_>,
) -> Result<Plan<Proved>, RecoverRefusal> {
    let Moment { visitor, now, .. } = moment;
    let recovery = counted.recovery.clone();
    let owner = owner.filter(|owner| recovery.account == Some(owner.id));
    let is_contested = owner.is_some_and(|owner| owner.aftermath.is_contested());
    let is_vouched = matches!(counted.typed, Some(TypedCode::FromOperator(_)));
    let is_enough = if is_vouched { mode == RecoveryMode::Admin || is_contested } else { mode != RecoveryMode::Admin };
    let (Some(owner), Some(mut changes), None) = (owner, right.filter(|_| is_enough), &recovery.beside) else {
        return Err(recovery.code.wrong().into());
    };
    let account = owner.id;
    let (hold, over) = match hold {
        Some(hold) if !hold.is_open(now) => (None, Some(hold)),
        hold => (hold, None),
    };
    // A hold that was never finished, and that no sweep has met yet, makes room.
    changes.extend(over.map(|over| HoldChange::Spend { account, id: over.id }.into()));
    let then = match (mode, hold) {
        (RecoveryMode::Off, _) if !is_vouched => return Err(RecoverRefusal::Off),
        (RecoveryMode::Delayed(delay), None) if !is_vouched => {
            let (id, until) = (HoldId(moment.uuid()), now.after(delay));
            let hold = Hold { id, account, asked_at: now, until, browser: visitor.description.clone() };
            let told = Message::RecoveryHeld { account, hold: id, until };
            let useful_for = delay.saturating_add(recovery::HOLD_OPEN);
            changes.extend([
                spend(&recovery),
                HoldChange::Add(hold).into(),
                moment.letter_to(owner, told, useful_for),
                moment.event(account, What::RecoveryHeld),
            ]);
            Proved::Held(until)
        }
        (RecoveryMode::Delayed(_), Some(hold)) if !is_vouched && now < hold.until => {
            changes.push(spend(&recovery));
            Proved::Held(hold.until)
        }
        (RecoveryMode::Delayed(_) | RecoveryMode::Email | RecoveryMode::Admin | RecoveryMode::Off, _) => {
            let stage = if is_vouched { RecoveryStage::Vouched } else { RecoveryStage::Proved };
            let expires_at = now.after(recovery::LIFETIME);
            let proved = Recovery { stage, expires_at, ..recovery };
            if visitor.press.is_none() {
                changes.push(RecoveryChange::Advance(advanced(proved)).into());
            } else {
                // Another party may know the flow cookie that the code was asked for with, but has not proved the code.
                let next = Recovery {
                    browser: visitor.moved_on().browser,
                    revision: moment.first_revision(),
                    ..proved.clone()
                };
                changes.extend([spend(&proved), RecoveryChange::Put(next).into()]);
            }
            Proved::SetUp
        }
    };
    Ok(Plan::durable(changes, then))
}

/// The account of a recovery whose code was proved by this browser.
///
/// # Errors
/// [`RecoverRefusal::NoRecovery`].
pub fn proved_account(recovery: &Recovery, now: Timestamp) -> Result<AccountId, RecoverRefusal> {
    match recovery {
        Recovery { stage: RecoveryStage::Proved | RecoveryStage::Vouched, account: Some(account), .. }
            if recovery.is_open(now) =>
        {
            Ok(*account)
        }
        _ => Err(RecoverRefusal::NoRecovery),
    }
}

/// A passkey is made to get back in.
#[derive(Clone, Copy, Debug)]
pub struct Recovering;

/// Opens a ceremony for the new passkey.
///
/// # Errors
/// [`RecoverRefusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open(ceremony: Ceremony, moment: Moment<'_>) -> Result<AttestationChallenge<Recovering>, RecoverRefusal> {
    Ok(AttestationChallenge::open(ceremony, moment, |makes, _, _| match makes {
        Makes::Another(Leave::Recovery) => Some(Recovering),
        Makes::Another(Leave::Link(_) | Leave::Session(_)) | Makes::Registration { .. } => None,
    })?)
}

/// What a finished recovery comes to.
#[derive(Debug)]
pub struct FinishedRecovery {
    /// The new session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// The device's verified passkey is the account's, every session from before ends, and the new one is asked to review
/// what else can sign in, where there is anything.
///
/// # Errors
/// [`RecoverRefusal::NoRecovery`] where the code was not proved in this browser, or for another account, or under a
/// policy that the operator has changed since. A mailed code is worth nothing where the operator's is asked for, and
/// the other way round.
pub fn finish(
    mode: RecoveryMode,
    made: MadePasskey<Recovering>,
    account: &Account,
    (recovery, hold): (&Recovery, Option<&Hold>),
    naming: Naming<'_>,
    session: NewSession,
    moment: Moment<'_>,
) -> Result<Plan<FinishedRecovery>, RecoverRefusal> {
    let Moment { visitor, now, .. } = moment;
    let ProvedRecovery { changes: leaving, also } = check_policy(mode, account, recovery, hold, now)?;
    if account.id != made.account {
        return Err(RecoverRefusal::NoRecovery);
    }
    let (owner, account) = (account, account.id);
    let session = session.begin(account, &made.key, also, now);
    let bound_for = recovery.return_to.clone();
    let session = Session { recovered_at: Some(now), bound_for, ..session };
    let others = !naming.others.is_empty();
    let aftermath = owner.aftermath.of_recovery(Some(made.key.id.clone()), &visitor.description, others, now);
    let mut changes = vec![made.spend()];
    changes.extend(leaving);
    changes.extend([
        SessionChange::EndAll { account, except: None }.into(),
        LinkChange::DropAll(account).into(),
        AccountChange::leaving(owner, aftermath).into(),
        PasskeyChange::Add(made.key.of(account, naming, visitor, now)).into(),
        SessionChange::Add(session.clone()).into(),
    ]);
    changes.extend(moment.record_and_notify(owner, What::Recovered, Message::RecoveryDone));
    // The browser's own from before may be another account's.
    changes.extend(visitor.session.map(SessionChange::End).map(Change::from));
    let return_to = recovery.return_to.clone();
    Ok(Plan::durable(changes, FinishedRecovery { session, return_to }))
}

/// The end for a client of the API, which has its session at once and makes the passkey then. It gives leave to make a
/// passkey, and to do nothing else that asks for one ([`super::manage::MayAdd::over_api`]).
///
/// # Errors
/// As [`finish`].
pub fn finish_by_code(
    mode: RecoveryMode,
    owner: &Account,
    recovery: &Recovery,
    hold: Option<&Hold>,
    others: bool,
    session: NewSession,
    moment: Moment<'_>,
) -> Result<Plan<Session>, RecoverRefusal> {
    let ProvedRecovery { mut changes, also } = check_policy(mode, owner, recovery, hold, moment.now)?;
    let aftermath = owner.aftermath.of_recovery(None, &moment.visitor.description, others, moment.now);
    let account = owner.id;
    changes.extend([LinkChange::DropAll(account).into(), AccountChange::leaving(owner, aftermath).into()]);
    let session = session.begin_by_code(account, also, moment.now);
    let session = Session { recovered_at: Some(moment.now), ..session };
    changes
        .extend([SessionChange::EndAll { account, except: None }.into(), SessionChange::Add(session.clone()).into()]);
    changes.extend(moment.record_and_notify(owner, What::Recovered, Message::RecoveryDone));
    Ok(Plan::durable(changes, session))
}

/// What a proved recovery allows under the operator's policy of now.
struct ProvedRecovery {
    /// What uses it up.
    changes: Vec<Change>,
    /// How the person was authenticated by it.
    also: &'static [Method],
}

fn check_policy(
    mode: RecoveryMode,
    account: &Account,
    recovery: &Recovery,
    hold: Option<&Hold>,
    now: Timestamp,
) -> Result<ProvedRecovery, RecoverRefusal> {
    let is_vouched = recovery.stage == RecoveryStage::Vouched;
    let may_be = if is_vouched {
        mode == RecoveryMode::Admin || account.aftermath.is_contested()
    } else {
        mode != RecoveryMode::Admin
    };
    if proved_account(recovery, now)? != account.id || !may_be {
        return Err(RecoverRefusal::NoRecovery);
    }
    // Other browsers that proved a code before must not undo this one: they prove another, and the owner hears of it.
    let mut changes = vec![spend(recovery), RecoveryChange::DropAll(account.id).into()];
    let also: &[Method] = match mode {
        // The operator vouched, not the mailbox.
        _ if is_vouched => &[],
        RecoveryMode::Off | RecoveryMode::Admin => return Err(RecoverRefusal::Off),
        RecoveryMode::Email => &[Method::EmailCode],
        RecoveryMode::Delayed(_) => {
            // Cancelled meanwhile, it is gone, and with it the leave.
            let hold = hold.filter(|hold| hold.account == account.id && now >= hold.until);
            changes.push(HoldChange::Spend { account: account.id, id: hold.ok_or(RecoverRefusal::NoHold)?.id }.into());
            &[Method::EmailCode]
        }
    };
    Ok(ProvedRecovery { changes, also })
}

/// A recovery is contested, opened for its answer.
#[derive(Debug)]
pub struct Contesting {
    account: AccountId,
    credential: CredentialId,
}

/// Opens the question whether a recovery was not the owner's.
///
/// # Errors
/// [`RecoverRefusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open_contest(ceremony: Ceremony, moment: Moment<'_>) -> Result<AssertionChallenge<Contesting>, RecoverRefusal> {
    Ok(AssertionChallenge::open(ceremony, moment, |proves, _| match proves {
        Proves::Contest { account, credential } => Some(Contesting { account, credential }),
        Proves::SignIn(_) | Proves::Link { .. } | Proves::Confirm { .. } => None,
    })?)
}

/// An older passkey says that the recovery was not the owner's. Then what it made rests too, and its sessions end. The
/// account opens by an older passkey and a code together, by the operator, or by another recovery that waits.
///
/// # Errors
/// [`RecoverRefusal::NoReview`] where there is nothing to contest any more, or the passkey was made by a recovery that
/// was not reviewed.
pub fn contest(
    proof: &Proof<Contesting>,
    owner: &Account,
    hold: Option<&Hold>,
    moment: Moment<'_>,
) -> Result<Plan<()>, RecoverRefusal> {
    let Contesting { account, credential } = proof.asked_for();
    let review =
        owner.aftermath.review.as_ref().filter(|review| !review.is_contested).ok_or(RecoverRefusal::NoReview)?;
    let is_older = owner.aftermath.is_older(credential);
    if (*account, credential) != (owner.id, &proof.used().id) || !is_older || owner.disabled {
        return Err(RecoverRefusal::NoReview);
    }
    let mut changes = vec![proof.spend()];
    changes.extend(proof.note_use(moment.now));
    let contested = Aftermath { review: Some(review.contested()), ..owner.aftermath.clone() };
    changes.push(AccountChange::leaving(owner, contested).into());
    changes.extend(all_else_ends(owner.id, hold));
    changes.extend(moment.record_and_notify(owner, What::RecoveryContested, Message::RecoveryContested));
    Ok(Plan::durable(changes, ()))
}

/// An older passkey and a code together open a contested account: the recovery is undone, and those before it that were
/// not reviewed; the passkeys they `made` are removed.
///
/// # Errors
/// [`CodeRefusal::Wrong`] or [`CodeRefusal::TriesSpent`]; [`RecoverRefusal::NoRecovery`] where the account is not
/// contested.
pub fn open_beside(
    counted: &CountedRecoveryTry,
    is_right: bool,
    owner: &Account,
    (older, made): (&Passkey, &[Passkey]),
    hold: Option<&Hold>,
    session: NewSession,
    moment: Moment<'_>,
) -> Result<Plan<FinishedRecovery>, RecoverRefusal> {
    let (recovery, now) = (&counted.recovery, moment.now);
    if !is_right {
        return Err(recovery.code.wrong().into());
    }
    let is_of = recovery.account == Some(owner.id) && recovery.email == owner.email;
    let is_it = is_of && recovery.beside.as_ref() == Some(&older.key.id);
    let is_older = owner.aftermath.is_older(&older.key.id);
    if !is_it || !is_older || older.account != owner.id || !owner.aftermath.is_contested() || owner.disabled {
        return Err(RecoverRefusal::NoRecovery);
    }
    let session = session.begin(owner.id, &older.key, &[Method::EmailCode], now);
    let session = Session { bound_for: recovery.return_to.clone(), ..session };
    let mut changes = vec![spend(recovery), AccountChange::leaving(owner, owner.aftermath.settled()).into()];
    changes.extend(all_else_ends(owner.id, hold));
    for made in made.iter().filter(|made| made.account == owner.id) {
        let credential = made.key.id.clone();
        changes.push(PasskeyChange::Remove { credential, account: owner.id, last: false }.into());
    }
    changes.push(SessionChange::Add(session.clone()).into());
    changes.extend(moment.record_and_notify(owner, What::RecoveryUndone, Message::RecoveryUndone));
    changes.extend(moment.visitor.session.map(SessionChange::End).map(Change::from));
    Ok(Plan::durable(changes, FinishedRecovery { session, return_to: recovery.return_to.clone() }))
}

/// Sessions, links and recoveries of an account, held or not, come to nothing.
fn all_else_ends(account: AccountId, hold: Option<&Hold>) -> Vec<Change> {
    let mut changes = vec![
        SessionChange::EndAll { account, except: None }.into(),
        LinkChange::DropAll(account).into(),
        RecoveryChange::DropAll(account).into(),
    ];
    changes.extend(hold.map(|hold| HoldChange::Spend { account, id: hold.id }.into()));
    changes
}

/// The held recovery is over, was cancelled, or is not the one that was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHold;

/// A held recovery is cancelled by the link in its letter, which names it.
///
/// # Errors
/// [`NoHold`].
pub fn cancel(hold: Option<Hold>, named: HoldId, owner: &Account, moment: Moment<'_>) -> Result<Plan<()>, NoHold> {
    Ok(Plan::durable(stop(hold.filter(|hold| hold.id == named), owner, moment)?.into(), ()))
}

/// What stops a held recovery of an account, and tells its owner.
///
/// # Errors
/// [`NoHold`].
pub(super) fn stop(hold: Option<Hold>, owner: &Account, moment: Moment<'_>) -> Result<[Change; 3], NoHold> {
    let hold = hold.filter(|hold| hold.account == owner.id && hold.is_open(moment.now)).ok_or(NoHold)?;
    let [event, letter] = moment.record_and_notify(owner, What::RecoveryCancelled, Message::RecoveryCancelled);
    Ok([HoldChange::Spend { account: owner.id, id: hold.id }.into(), event, letter])
}

fn with_code_out(recovery: Recovery, now: Timestamp) -> Result<Recovery, RecoverRefusal> {
    if !recovery.is_open(now) || recovery.stage != RecoveryStage::Code {
        Err(RecoverRefusal::NoRecovery)
    } else {
        Ok(recovery)
    }
}

fn advanced(recovery: Recovery) -> Recovery {
    Recovery { revision: recovery.revision.saturating_add(1), ..recovery }
}

fn spend(recovery: &Recovery) -> Change {
    RecoveryChange::Spend { browser: recovery.browser, revision: recovery.revision }.into()
}

/// The letter that brings the code, or says why none does; `mode` is what the pages say, `own` what holds for the
/// account. Where the pages let visitors wait for a mail, one is written for every address.
fn code_letter(mode: RecoveryMode, own: RecoveryMode, recovery: &Recovery, moment: Moment<'_>) -> Option<Change> {
    let message = match recovery.account {
        None => Message::Nothing,
        Some(_) if own == RecoveryMode::Admin => Message::AskOperator,
        Some(_) => Message::RecoveryCode(recovery.code.id),
    };
    (mode != RecoveryMode::Admin).then(|| moment.letter(&recovery.email, message, code::LIFETIME))
}
