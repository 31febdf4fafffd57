//! Getting back in: e-mail → code → a passkey on this device → "Keep your account safe".
//!
//! Unknown addresses take the same steps with the same answers, and no code opens them. What a proved code is worth is
//! the operator's stated policy: [`Mode`].

use std::time::Duration;

use webauthn_rs::prelude::PasskeyRegistration;

use super::account::{Account, AccountId};
use super::activity::{Event, What};
use super::ceremony::{self, Ceremony, CeremonyId, Leave, Purpose, Stale};
use super::clock::Timestamp;
use super::code::{self, CodeId};
use super::destination::Destination;
use super::email::Email;
use super::letter::{Letter, LetterId, Message};
use super::passkey::{NewPasskey, Passkey};
use super::plan::{
    AccountConflict, CeremonyChange, Change, Conflict, CounterChange, Durability, EventChange, HoldChange,
    LetterChange, PasskeyChange, PasskeyConflict, Plan, RecoveryChange, SessionChange, SessionConflict,
};
use super::recovery::{self, Hold, HoldId, Recovery, Stage};
use super::register::{Counters, count_letter, letter_to};
use super::session::{Method, NewSession, Session};
use super::visitor::Visitor;
use uuid::Uuid;

/// What a proved code is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
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

/// Why a step was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no recovery here.
    Off,
    /// There is no unfinished recovery of this browser.
    NoRecovery,
    /// What was typed is not a code.
    NotACode,
    /// The code is wrong.
    WrongCode {
        /// How often this code may still be tried.
        tries_left: u32,
    },
    /// The code is too old.
    CodeTooOld,
    /// The code was tried too often; another must be asked for.
    TriesSpent,
    /// Another code was asked for too soon.
    TooSoon {
        /// How long to wait.
        wait: Duration,
    },
    /// The address was sent, or tried with, too many codes lately.
    TooMany,
    /// The page was open too long, or was answered already.
    Stale,
    /// What the device sent is not a passkey we can keep.
    BadPasskey,
    /// The account is disabled. Told only to whoever proved the address.
    Disabled,
    /// The held recovery is over, or was cancelled.
    NoHold,
    /// Nothing is to be reviewed in this session.
    NoReview,
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
            Conflict::Limit(_) => Self::TooMany,
            Conflict::Passkey(PasskeyConflict::Taken) => Self::BadPasskey,
            Conflict::Account(AccountConflict::Disabled) => Self::Disabled,
            Conflict::HoldChanged => Self::NoHold,
            Conflict::Session(SessionConflict::Ended)
            | Conflict::Passkey(PasskeyConflict::Last | PasskeyConflict::Changed) => Self::NoReview,
            Conflict::Account(
                AccountConflict::EmailTaken
                | AccountConflict::Exists
                | AccountConflict::Gone
                | AccountConflict::Changed,
            )
            | Conflict::Session(SessionConflict::Tied)
            | Conflict::Registration(_)
            | Conflict::AdminCodeSpent
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::LetterTaken
            | Conflict::Key(_) => Self::NoRecovery,
        }
    }
}

/// Random names for what a step makes.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// For a code.
    pub code: CodeId,
    /// For a letter.
    pub letter: LetterId,
    /// For a hold.
    pub hold: HoldId,
    /// For an event.
    pub event: Uuid,
}

/// Who takes a step, when, under which policy, and with which random names for what it makes.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The operator's policy.
    pub mode: Mode,
    /// The names.
    pub fresh: Fresh,
    /// The browser.
    pub visitor: &'a Visitor,
    /// When.
    pub now: Timestamp,
}

/// Step 1: an address was typed. A code goes out where it has an account and the operator lets e-mail be enough.
///
/// # Errors
/// [`Refusal::Off`].
pub fn begin(
    moment: Moment<'_>,
    email: Email,
    account: Option<&Account>,
    return_to: Destination,
    counters: Counters,
) -> Result<Plan<()>, Refusal> {
    let Moment { mode, fresh, visitor, now } = moment;
    if mode == Mode::Off {
        return Err(Refusal::Off);
    }
    let account = account.filter(|account| !account.disabled).map(|account| account.id);
    let recovery = Recovery {
        browser: visitor.browser,
        revision: 0,
        email,
        account,
        stage: Stage::Code,
        code: fresh.code,
        tries: 0,
        code_sent_at: now,
        claim: visitor.claim(),
        return_to,
        expires_at: now.after(recovery::LIFETIME),
    };
    let mut changes = count_letter(counters, now).to_vec();
    changes.extend(code_letter(mode, &recovery, fresh, visitor, now));
    changes.push(Change::Recovery(RecoveryChange::Put(recovery)));
    Ok(Plan { changes, durability: Durability::Durable, then: () })
}

/// Another code takes the place of the one that is out.
///
/// # Errors
/// [`Refusal::NoRecovery`], [`Refusal::TooSoon`].
pub fn resend(moment: Moment<'_>, recovery: Recovery, counters: Counters) -> Result<Plan<()>, Refusal> {
    let Moment { mode, fresh, visitor, now } = moment;
    let recovery = with_code_out(recovery, now)?;
    let again = recovery.code_sent_at.after(code::RESEND_AFTER);
    if now < again {
        return Err(Refusal::TooSoon { wait: again.since(now) });
    }
    let recovery = Recovery {
        revision: recovery.revision.saturating_add(1),
        code: fresh.code,
        tries: 0,
        code_sent_at: now,
        ..recovery
    };
    let mut changes = count_letter(counters, now).to_vec();
    changes.extend(code_letter(mode, &recovery, fresh, visitor, now));
    changes.push(Change::Recovery(RecoveryChange::Advance(recovery)));
    Ok(Plan { changes, durability: Durability::Durable, then: () })
}

/// A try that the store has counted; only with one of these is a code compared.
#[derive(Debug)]
pub struct CountedTry(Recovery);

impl CountedTry {
    /// The recovery as counted.
    pub fn recovery(&self) -> &Recovery {
        &self.0
    }
}

/// Step 2, first half: the try is counted, before anything is compared.
///
/// # Errors
/// [`Refusal::NoRecovery`], [`Refusal::CodeTooOld`], [`Refusal::TriesSpent`].
pub fn count_try(
    mode: Mode,
    recovery: Recovery,
    counters: Counters,
    now: Timestamp,
) -> Result<Plan<CountedTry>, Refusal> {
    let recovery = with_code_out(recovery, now)?;
    // The operator's code has a life of its own.
    if mode != Mode::Admin && now >= recovery.code_sent_at.after(code::LIFETIME) {
        return Err(Refusal::CodeTooOld);
    }
    if recovery.tries >= code::TRIES {
        return Err(Refusal::TriesSpent);
    }
    let recovery =
        Recovery { revision: recovery.revision.saturating_add(1), tries: recovery.tries.saturating_add(1), ..recovery };
    let count = Change::Counter(CounterChange::Count {
        counter: counters.tries,
        limit: code::TRIES_PER_ADDRESS,
        window: code::ADDRESS_WINDOW,
        now,
    });
    let changes = vec![count, Change::Recovery(RecoveryChange::Advance(recovery.clone()))];
    Ok(Plan { changes, durability: Durability::Durable, then: CountedTry(recovery) })
}

/// What a proved code leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// A passkey may be made now.
    SetUp,
    /// It may be made from this moment on, by whoever proves a code then.
    Held(Timestamp),
}

/// Step 2, second half: what the code is worth, if it is `right`. `spends` is what takes a code of the operator's away.
///
/// # Errors
/// [`Refusal::WrongCode`] or [`Refusal::TriesSpent`] for any other code, and for every code of an unknown address.
pub fn prove(
    moment: Moment<'_>,
    counted: CountedTry,
    right: bool,
    spends: Option<Change>,
    hold: Option<Hold>,
) -> Result<Plan<Proved>, Refusal> {
    let Moment { mode, fresh, visitor, now } = moment;
    let CountedTry(recovery) = counted;
    let Some(account) = recovery.account.filter(|_| right) else {
        let tries_left = code::TRIES.saturating_sub(recovery.tries);
        return Err(if tries_left == 0 { Refusal::TriesSpent } else { Refusal::WrongCode { tries_left } });
    };
    let mut changes: Vec<Change> = spends.into_iter().collect();
    let (hold, over) = match hold {
        Some(hold) if now >= hold.expires_at() => (None, Some(hold)),
        hold => (hold, None),
    };
    // One that nobody finished and no sweep has met yet makes room.
    changes.extend(over.map(|over| Change::Hold(HoldChange::Spend { account, id: over.id })));
    let then = match (mode, hold) {
        (Mode::Off, _) => return Err(Refusal::Off),
        (Mode::Delayed(delay), None) => {
            let until = now.after(delay);
            let hold = Hold { id: fresh.hold, account, asked_at: now, until, browser: visitor.description.clone() };
            let told = Message::RecoveryHeld { account, hold: fresh.hold, until };
            let useful_for = delay.saturating_add(recovery::HOLD_OPEN);
            changes.extend([
                spend(&recovery),
                Change::Hold(HoldChange::Add(hold)),
                Change::Letter(LetterChange::Add(letter_to(
                    &recovery.email,
                    told,
                    fresh.letter,
                    visitor,
                    now,
                    useful_for,
                ))),
                Change::Event(EventChange::Add(Event::by(visitor, account, What::RecoveryHeld, fresh.event, now))),
            ]);
            Proved::Held(until)
        }
        (Mode::Delayed(_), Some(hold)) if now < hold.until => {
            changes.push(spend(&recovery));
            Proved::Held(hold.until)
        }
        (Mode::Delayed(_) | Mode::Email | Mode::Admin, _) => {
            changes.push(Change::Recovery(RecoveryChange::Advance(Recovery {
                revision: recovery.revision.saturating_add(1),
                stage: if mode == Mode::Admin { Stage::Vouched } else { Stage::Proved },
                expires_at: now.after(recovery::LIFETIME),
                ..recovery
            })));
            Proved::SetUp
        }
    };
    Ok(Plan { changes, durability: Durability::Durable, then })
}

/// The account of a recovery whose code was proved by this browser.
///
/// # Errors
/// [`Refusal::NoRecovery`].
pub fn proved_account(recovery: &Recovery, now: Timestamp) -> Result<AccountId, Refusal> {
    match recovery {
        Recovery { stage: Stage::Proved | Stage::Vouched, account: Some(account), expires_at, .. }
            if now < *expires_at =>
        {
            Ok(*account)
        }
        _ => Err(Refusal::NoRecovery),
    }
}

/// Step 3: a challenge was made for the new passkey.
pub fn begin_passkey(
    account: AccountId,
    id: CeremonyId,
    state: PasskeyRegistration,
    visitor: &Visitor,
    now: Timestamp,
) -> Plan<()> {
    let ceremony = Ceremony {
        id,
        browser: visitor.binding(),
        purpose: Purpose::AddPasskey { account, leave: Leave::Recovery, state },
        return_to: Destination::root(),
        expires_at: now.after(ceremony::LIFETIME),
    };
    Plan { changes: vec![Change::Ceremony(CeremonyChange::Add(ceremony))], durability: Durability::Relaxed, then: () }
}

/// An answered challenge of a recovery, opened by the browser that began it.
#[derive(Debug)]
pub struct Opened {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// The challenge the device's answer is verified against.
    pub state: PasskeyRegistration,
    account: AccountId,
}

/// Opens a ceremony for its answer.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open(ceremony: Ceremony, visitor: &Visitor, now: Timestamp) -> Result<Opened, Refusal> {
    let (id, purpose, _) = ceremony.open(visitor, now)?;
    match purpose {
        Purpose::AddPasskey { account, leave: Leave::Recovery, state } => Ok(Opened { id, state, account }),
        Purpose::AddPasskey { .. }
        | Purpose::Register { .. }
        | Purpose::ApproveLink { .. }
        | Purpose::Confirm { .. }
        | Purpose::SignIn { .. } => Err(Refusal::Stale),
    }
}

/// What a finished recovery comes to.
#[derive(Debug)]
pub struct Finished {
    /// The new session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// Step 4: the device's verified passkey is the account's, every session from before ends, and the new one is asked to
/// review what else can sign in, where there is anything (`others`).
///
/// # Errors
/// [`Refusal::NoRecovery`] where the code was not proved in this browser, for another account, or under a policy that
/// the operator has changed since: a mailed code is worth nothing where theirs is asked for, and the other way round.
pub fn finish(
    moment: Moment<'_>,
    opened: Opened,
    recovery: &Recovery,
    hold: Option<&Hold>,
    passkey: NewPasskey,
    others: bool,
    session: NewSession,
) -> Result<Plan<Finished>, Refusal> {
    let Moment { fresh, visitor, now, .. } = moment;
    let Leaving { account, mut changes, also } = leave(moment, recovery, hold)?;
    if account != opened.account {
        return Err(Refusal::NoRecovery);
    }
    changes.insert(0, Change::Ceremony(CeremonyChange::Spend(opened.id)));
    let session = session.begin(account, &passkey, also, now);
    let session = Session { recovered_at: Some(now), review: others, ..session };
    let passkey = Passkey {
        account,
        key: passkey,
        name: None,
        browser: visitor.description.clone(),
        created_at: now,
        last_used_at: Some(now),
    };
    changes.extend([
        Change::Session(SessionChange::EndAll { account, except: None }),
        Change::Passkey(PasskeyChange::Add(passkey)),
        Change::Session(SessionChange::Add(session.clone())),
    ]);
    changes.extend(tell_done(recovery, account, fresh, visitor, now));
    // The browser's own from before may be another account's.
    changes.extend(visitor.session.map(SessionChange::End).map(Change::from));
    let then = Finished { session, return_to: recovery.return_to.clone() };
    Ok(Plan { changes, durability: Durability::Durable, then })
}

/// Step 4 for a client of the API, which has its session at once and makes the passkey then. It is nobody's leave to do
/// what asks for a passkey, but to make one ([`super::manage::MayAdd::over_api`]).
///
/// # Errors
/// As [`finish`].
pub fn finish_by_code(
    moment: Moment<'_>,
    recovery: &Recovery,
    hold: Option<&Hold>,
    session: NewSession,
) -> Result<Plan<Session>, Refusal> {
    let Moment { fresh, visitor, now, .. } = moment;
    let Leaving { account, mut changes, also } = leave(moment, recovery, hold)?;
    let session = Session { recovered_at: Some(now), ..session.begin_by_code(account, also, now) };
    changes.extend([
        Change::Session(SessionChange::EndAll { account, except: None }),
        Change::Session(SessionChange::Add(session.clone())),
    ]);
    changes.extend(tell_done(recovery, account, fresh, visitor, now));
    Ok(Plan { changes, durability: Durability::Durable, then: session })
}

/// What a proved recovery allows under the operator's policy of now.
struct Leaving {
    account: AccountId,
    /// What uses it up.
    changes: Vec<Change>,
    /// How the person was authenticated by it.
    also: &'static [Method],
}

fn leave(moment: Moment<'_>, recovery: &Recovery, hold: Option<&Hold>) -> Result<Leaving, Refusal> {
    let Moment { mode, now, .. } = moment;
    let account = proved_account(recovery, now)?;
    if (recovery.stage == Stage::Vouched) != (mode == Mode::Admin) {
        return Err(Refusal::NoRecovery);
    }
    // Whoever else proved a code before must not undo this one: they prove another, and the owner hears of it.
    let mut changes = vec![spend(recovery), Change::Recovery(RecoveryChange::DropAll(account))];
    let also: &[Method] = match mode {
        Mode::Off => return Err(Refusal::Off),
        // The operator vouched, not the mailbox.
        Mode::Admin => &[],
        Mode::Email => &[Method::EmailCode],
        Mode::Delayed(_) => {
            // Cancelled meanwhile, it is gone, and with it the leave.
            let hold = hold.filter(|hold| hold.account == account && now >= hold.until);
            changes.push(Change::Hold(HoldChange::Spend { account, id: hold.ok_or(Refusal::NoHold)?.id }));
            &[Method::EmailCode]
        }
    };
    Ok(Leaving { account, changes, also })
}

/// The owner is told, by letter and in the account.
fn tell_done(recovery: &Recovery, account: AccountId, fresh: Fresh, visitor: &Visitor, now: Timestamp) -> [Change; 2] {
    let letter = letter_to(&recovery.email, Message::RecoveryDone, fresh.letter, visitor, now, LETTER_LIFE);
    [
        Change::Letter(LetterChange::Add(letter)),
        Change::Event(EventChange::Add(Event::by(visitor, account, What::Recovered, fresh.event, now))),
    ]
}

/// "Keep your account safe" is answered: the passkeys named are removed with their sessions, all others stay.
///
/// # Errors
/// [`Refusal::NoReview`] where the session is not asked, or its own passkey is named.
pub fn review(
    session: &Session,
    email: &Email,
    remove: &[&Passkey],
    mut fresh: impl FnMut() -> Fresh,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Plan<()>, Refusal> {
    let own = |passkey: &&&Passkey| {
        passkey.account == session.account && Some(&passkey.key.id) != session.credential.as_ref()
    };
    if !session.review || !remove.iter().all(|passkey| own(&passkey)) {
        return Err(Refusal::NoReview);
    }
    let mut changes = vec![Change::Session(SessionChange::Require(session.token))];
    for passkey in remove {
        let Fresh { letter, event, .. } = fresh();
        let told = Message::PasskeyRemoved { aaguid: passkey.key.aaguid };
        changes.extend([
            Change::Passkey(PasskeyChange::Remove {
                credential: passkey.key.id.clone(),
                account: session.account,
                last: false,
            }),
            Change::Letter(LetterChange::Add(letter_to(email, told, letter, visitor, now, LETTER_LIFE))),
            Change::Event(EventChange::Add(Event::by(visitor, session.account, What::PasskeyRemoved, event, now))),
        ]);
    }
    changes.push(Change::Session(SessionChange::AnswerReview(session.token)));
    Ok(Plan { changes, durability: Durability::Durable, then: () })
}

/// A held recovery is cancelled: by the link in its letter, or by a signed-in browser of the account.
///
/// # Errors
/// [`Refusal::NoHold`] where it is over, or is not the one that was named.
pub fn cancel(moment: Moment<'_>, hold: Option<Hold>, named: HoldId, email: &Email) -> Result<Plan<()>, Refusal> {
    let Moment { fresh, visitor, now, .. } = moment;
    let hold = hold.filter(|hold| hold.id == named && hold.is_open(now)).ok_or(Refusal::NoHold)?;
    let letter = letter_to(email, Message::RecoveryCancelled, fresh.letter, visitor, now, LETTER_LIFE);
    let changes = vec![
        Change::Hold(HoldChange::Spend { account: hold.account, id: hold.id }),
        Change::Letter(LetterChange::Add(letter)),
        Change::Event(EventChange::Add(Event::by(visitor, hold.account, What::RecoveryCancelled, fresh.event, now))),
    ];
    Ok(Plan { changes, durability: Durability::Durable, then: () })
}

/// How long a notice is worth sending.
const LETTER_LIFE: Duration = Duration::from_secs(3 * 24 * 3600);

fn with_code_out(recovery: Recovery, now: Timestamp) -> Result<Recovery, Refusal> {
    if now >= recovery.expires_at || recovery.stage != Stage::Code { Err(Refusal::NoRecovery) } else { Ok(recovery) }
}

fn spend(recovery: &Recovery) -> Change {
    Change::Recovery(RecoveryChange::Spend { browser: recovery.browser, revision: recovery.revision })
}

fn code_letter(mode: Mode, recovery: &Recovery, fresh: Fresh, visitor: &Visitor, now: Timestamp) -> Option<Change> {
    let sent = recovery.account.is_some() && mode != Mode::Admin;
    let letter = || -> Letter {
        letter_to(&recovery.email, Message::RecoveryCode(fresh.code), fresh.letter, visitor, now, code::LIFETIME)
    };
    sent.then(|| Change::Letter(LetterChange::Add(letter())))
}
