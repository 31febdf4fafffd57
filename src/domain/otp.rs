//! E-mailed codes over the API: a client sends an address and a code, and nothing says what it began. So the code finds
//! its own entry among those that wait for the address, and a wrong one counts against each.

use super::claim::Claim;
use super::clock::Timestamp;
use super::code;
use super::code_counters::CodeCounters;
use super::plan::{Change, Counter, CounterChange, Plan};
use super::recover::{self, Mode, TypedCode};
use super::recovery::{Recovery, Stage};
use super::register;
use super::registration::Registration;
use super::visitor::{Client, Visitor};

/// Something that waits for a code.
#[derive(Clone, Debug)]
pub enum Pending {
    /// A sign-up.
    SignUp(Box<Registration>),
    /// A recovery.
    Recovery(Recovery),
}

impl Pending {
    fn claim(&self) -> &Claim {
        match self {
            Self::SignUp(registration) => &registration.claim,
            Self::Recovery(recovery) => &recovery.claim,
        }
    }

    /// Whether this visitor began it, as far as that can be told: by the cookie, or without one by the network.
    pub fn is_of(&self, visitor: &Visitor) -> bool {
        match visitor.client {
            Client::Pages | Client::Api { cookie: true } => self.is_visitors(visitor),
            // A network that is not known is nobody's.
            Client::Api { cookie: false } => visitor.address.is_some() && *self.claim() == visitor.claim(),
        }
    }

    fn is_visitors(&self, visitor: &Visitor) -> bool {
        visitor.browser
            == match self {
                Self::SignUp(registration) => registration.browser,
                Self::Recovery(recovery) => recovery.browser,
            }
    }

    /// Whether a code can open it: its letter went out, and it is not over.
    fn is_open(&self, now: Timestamp) -> bool {
        match self {
            Self::SignUp(registration) => !registration.taken && registration.is_open(now),
            Self::Recovery(recovery) => {
                recovery.account.is_some() && recovery.stage == Stage::Code && recovery.is_open(now)
            }
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

/// Those of the entries waiting for an address that this visitor's code may be for: with a cookie, what was begun with
/// it; without one, what was begun without one.
///
/// A sign-up then counts only in the network it was begun from. Whoever types the code of somebody else's sign-up into
/// their own client would make an account that the other's key opens, and nothing else tells the two apart. A recovery is
/// worth something to nobody but who types its code, so it may be finished elsewhere, unless others wait elsewhere too.
pub fn candidates(mut waiting: Vec<Pending>, visitor: &Visitor, now: Timestamp) -> Vec<Pending> {
    waiting.retain(|pending| pending.is_open(now));
    if matches!(visitor.client, Client::Api { cookie: false }) {
        waiting.retain(|pending| matches!(pending.claim(), Claim::Code { .. }));
        let several = has_several_networks(&waiting);
        waiting.retain(|pending| pending.is_of(visitor) || matches!(pending, Pending::Recovery(_)) && !several);
    } else {
        waiting.retain(|pending| pending.is_of(visitor));
    }
    waiting
}

/// Somebody asks for a code: at most once in half a minute, whatever the address is.
pub fn ask(asks: Vec<Counter>, now: Timestamp) -> Plan<()> {
    let count = |counter| CounterChange::Count { counter, limit: 1, window: code::RESEND_AFTER, now }.into();
    Plan::durable(asks.into_iter().map(count).collect(), ())
}

/// A letter was asked for that is not sent: it counts as one that is.
pub fn in_vain(counters: CodeCounters, now: Timestamp) -> Plan<()> {
    Plan::durable(counters.letter(now).to_vec(), ())
}

fn has_several_networks(waiting: &[Pending]) -> bool {
    waiting.first().is_some_and(|first| waiting.iter().any(|other| other.claim() != first.claim()))
}

/// Tries that the store has counted; only with these is a code compared.
#[derive(Debug)]
pub enum Counted {
    /// Of a sign-up.
    SignUp(Box<register::CountedTry>),
    /// Of a recovery.
    Recovery(recover::CountedTry),
}

/// A code was sent for one of `candidates`: a try of each is counted, for itself and for the address, before anything
/// is compared. What is tried out, or is too old, is left out; nothing may be left.
pub fn count_try(
    candidates: Vec<Pending>,
    typed: &str,
    mode: Mode,
    counters: CodeCounters,
    now: Timestamp,
) -> Plan<Vec<Counted>> {
    let mut changes: Vec<Change> = Vec::new();
    let mut then = Vec::new();
    for pending in candidates {
        let counted = match pending {
            Pending::SignUp(registration) => register::count_try(*registration, typed, counters, now)
                .ok()
                .map(|Plan { changes, then, .. }| (changes, Counted::SignUp(Box::new(then)))),
            Pending::Recovery(recovery) => {
                recover::count_try(mode, recovery, TypedCode::parse(mode, typed), counters, now)
                    .ok()
                    .map(|Plan { changes, then, .. }| (changes, Counted::Recovery(then)))
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
