//! E-mailed codes over the API: a client sends an address and a code, and nothing says what it began. So the code finds
//! its own entry among those that wait for the address, and a wrong one counts against each it may be for.

use super::claim::Claim;
use super::clock::Timestamp;
use super::code;
use super::code_counters::CodeCounters;
use super::plan::{Change, Counter, CounterChange, Plan};
use super::recover::{self, RecoveryMode, TypedCode};
use super::recovery::{Recovery, RecoveryStage};
use super::register;
use super::registration::Registration;
use super::visitor::Visitor;

/// Something that waits for a code.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "an address has a handful of them, each of which is moved once")]
pub enum Pending {
    /// A sign-up, to be finished with its code.
    SignUp(Box<Registration>),
    /// A recovery, to be proved with its code.
    Recovery(Recovery),
}

impl Pending {
    fn claim(&self) -> &Claim {
        match self {
            Self::SignUp(registration) => &registration.claim,
            Self::Recovery(recovery) => &recovery.claim,
        }
    }

    fn is_visitors(&self, visitor: &Visitor) -> bool {
        visitor.browser
            == match self {
                Self::SignUp(registration) => registration.browser,
                Self::Recovery(recovery) => recovery.browser,
            }
    }

    /// Whether it was begun by a client that is bound to nothing.
    fn is_unbound(&self) -> bool {
        matches!(self.claim(), Claim::Code { .. })
    }

    /// Whether a visitor waits for a code with it, so that a code that is typed may be meant for it. That holds also
    /// where none can come, since the address has no account. To a sign-up that can come to nothing, none comes.
    fn waits(&self, now: Timestamp) -> bool {
        !matches!(self, Self::SignUp(registration) if !registration.outlook.has_code()) && self.is_open(now)
    }

    /// Whether it is at the step of a code and is not over. Some open by none: the sign-up of an address that has an
    /// account or may have none, the recovery of one that has none. They are looked at and counted all the same, or the
    /// time that a code takes would tell which of the two the address is.
    fn is_open(&self, now: Timestamp) -> bool {
        match self {
            Self::SignUp(registration) => registration.is_open(now),
            Self::Recovery(recovery) => recovery.stage == RecoveryStage::Code && recovery.is_open(now),
        }
    }

    /// When its code was sent.
    pub fn sent_at(&self) -> Timestamp {
        match self {
            Self::SignUp(registration) => registration.code.sent_at,
            Self::Recovery(recovery) => recovery.code.sent_at,
        }
    }
}

/// What a code that a visitor types may be for.
#[derive(Debug)]
pub struct Candidates {
    /// Against what the try counts.
    pub entries: Vec<Pending>,
    /// Whether the code may open one of them.
    pub open: bool,
}

/// What a code of this visitor may be for, of all that waits for the address: with a cookie or a ticket, what was begun
/// with it.
///
/// Without either, what was begun so too, and only where nothing else at all waits for the address. Nothing tells two
/// such clients apart: not the network, which they may share, and which a client may change on its way. A person who
/// typed the code of a stranger's sign-up into their own client would make an account that the stranger's key opens.
/// But a person who types a code has begun something for it to come; so where one of two waits, it may be the other's.
pub fn candidates(mut entries: Vec<Pending>, visitor: &Visitor, now: Timestamp) -> Candidates {
    let is_bound = visitor.binding().is_some();
    let open = is_bound || entries.iter().filter(|pending| pending.waits(now)).count() == 1;
    let may_be_theirs = |pending: &Pending| if is_bound { pending.is_visitors(visitor) } else { pending.is_unbound() };
    entries.retain(|pending| pending.is_open(now) && may_be_theirs(pending));
    Candidates { entries, open }
}

/// The newest sign-up that is this visitor's own, by its cookie or its ticket. One that is bound to neither is not gone
/// on with: its code would come to any caller who asks.
pub fn own_sign_up(entries: Vec<Pending>, visitor: &Visitor, now: Timestamp) -> Option<Registration> {
    visitor.binding()?;
    let own = candidates(entries, visitor, now).entries.into_iter().filter_map(|pending| match pending {
        Pending::SignUp(registration) => Some(*registration),
        Pending::Recovery(_) => None,
    });
    own.max_by_key(|registration| registration.code.sent_at)
}

/// The recoveries that another one replaces, for which this visitor asks. A client without cookie and ticket is taken
/// to have begun those from the same network, since its own would shut it out otherwise. All that another client loses
/// by it is a code that is replaced by a newer one. A sign-up is never gone on with so.
pub fn replaced(entries: Vec<Pending>, visitor: &Visitor, now: Timestamp) -> Vec<Recovery> {
    let is_theirs = |pending: &Pending| {
        let is_of_network = visitor.address.is_some() && *pending.claim() == visitor.claim();
        visitor.binding().is_none() && is_of_network && pending.waits(now)
    };
    entries
        .into_iter()
        .filter(is_theirs)
        .filter_map(|pending| match pending {
            Pending::Recovery(recovery) => Some(recovery),
            Pending::SignUp(_) => None,
        })
        .collect()
}

/// A visitor asks for a code: at most once in half a minute, whatever the address is.
pub fn ask(asks: Vec<Counter>, now: Timestamp) -> Plan<()> {
    let count = |counter| CounterChange::Count { counter, limit: 1, window: code::RESEND_AFTER, now }.into();
    Plan::durable(asks.into_iter().map(count).collect(), ())
}

/// A code was asked for: one to get back in, and, where a sign-up waits too, another one for that. Only one of the two
/// can be for an address, and is mailed; both are kept, so that it does not show which.
///
/// `again` sends another code for the sign-up, by which the letter is counted, and says whether the address is taken.
pub fn send(recovery: Plan<()>, again: Option<(Plan<()>, bool)>) -> Plan<()> {
    let Some((again, taken)) = again else { return recovery };
    let is_letter = |change: &Change| matches!(change, Change::Letter(_));
    let is_counted = |change: &Change| matches!(change, Change::Counter(_));
    let (of_recovery, rest): (Vec<_>, Vec<_>) = recovery.changes.into_iter().partition(is_letter);
    let (of_sign_up, mut changes): (Vec<_>, Vec<_>) = again.changes.into_iter().partition(is_letter);
    changes.extend(rest.into_iter().filter(|change| !is_counted(change)));
    changes.extend(if taken && !of_recovery.is_empty() { of_recovery } else { of_sign_up });
    Plan::durable(changes, ())
}

/// A letter was asked for that is not sent: it counts as one that is.
pub fn in_vain(counters: CodeCounters, now: Timestamp) -> Plan<()> {
    Plan::durable(counters.letter(now), ())
}

/// A code that was compared with nothing counts as one try of the address.
pub fn one_try_less(counters: CodeCounters, now: Timestamp) -> Plan<()> {
    Plan::durable(vec![counters.try_of_digits(now)], ())
}

/// Tries that the store has counted; only with these is a code compared.
#[derive(Debug)]
pub enum CountedOtpTry {
    /// A try of the code of a sign-up.
    SignUp(Box<register::CountedRegisterTry>),
    /// A try of the code of a recovery.
    Recovery(Box<recover::CountedRecoveryTry>),
}

/// A code was sent for one of `candidates`: a try of each is counted, for itself and for the address, before anything
/// is compared. What is tried out, or is too old, is left out; nothing may be left.
pub fn count_try(
    candidates: Vec<Pending>,
    typed: &str,
    mode: RecoveryMode,
    counters: CodeCounters,
    now: Timestamp,
) -> Plan<Vec<CountedOtpTry>> {
    let mut changes: Vec<Change> = Vec::new();
    let mut then = Vec::new();
    for pending in candidates {
        let counted = match pending {
            Pending::SignUp(registration) => register::count_try(*registration, typed, counters, now)
                .ok()
                .map(|Plan { changes, then, .. }| (changes, CountedOtpTry::SignUp(Box::new(then)))),
            Pending::Recovery(recovery) => {
                recover::count_try(mode, recovery, TypedCode::parse(mode, typed), counters, now)
                    .ok()
                    .map(|Plan { changes, then, .. }| (changes, CountedOtpTry::Recovery(Box::new(then))))
            }
        };
        let Some((its, counted)) = counted else { continue };
        // Each comparison is a chance to be right, and counts for the address as one.
        changes.extend(its);
        then.push(counted);
    }
    Plan::durable(changes, then)
}

#[cfg(test)]
mod tests;
