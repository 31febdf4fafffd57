//! What is counted of mailed codes: by address, by network, and by browser where the account knows it.

use std::time::Duration;

use super::account::Account;
use super::clock::Timestamp;
use super::code::{self, CodeId, CodeKind};
use super::email::Email;
use super::letter::Message;
use super::moment::Moment;
use super::plan::{Change, Counter, CounterChange, Plan};

/// The counters of codes for one address.
#[derive(Clone, Copy, Debug)]
pub struct CodeCounters {
    /// Letters with codes to the address that the visitor's network caused, or its browser, where the account knows it:
    /// by the hour and by the day.
    pub letters_from_there: [Counter; 2],
    /// All letters with codes to the address; `None` for a browser that the account knows, which others cannot keep
    /// out.
    pub letters: Option<[Counter; 2]>,
    /// Letters with codes that the visitor's network caused, to any address.
    pub network: Counter,
    /// Codes of six digits that were tried; the browsers that the account knows have tries of their own, between them.
    pub tries: Counter,
    /// Codes of the operator that were tried.
    pub operators_tries: Counter,
    /// How the next code is to be written, by how often those of six digits were tried.
    pub kind: CodeKind,
}

impl CodeCounters {
    /// A name for the next code.
    pub fn name(&self, moment: Moment<'_>) -> CodeId {
        CodeId::new(self.kind, moment.uuid())
    }

    /// Counts a letter with a code.
    pub fn letter(self, now: Timestamp) -> Vec<Change> {
        let each = |counters: [Counter; 2], limits: [u32; 2]| {
            let [hourly, daily] = counters;
            let [an_hour, a_day] = limits;
            // The longer one first, since it says how long to wait where both are full.
            [count(daily, a_day, code::DAY, now), count(hourly, an_hour, code::HOUR, now)]
        };
        let mut changes = each(self.letters_from_there, code::LETTERS_PER_ADDRESS_AND_NETWORK).to_vec();
        changes.extend(self.letters.into_iter().flat_map(|letters| each(letters, code::LETTERS_PER_ADDRESS)));
        changes.extend(self.unsent_letter(now));
        changes
    }

    /// Counts a request whose letter is not sent, since the code comes from the operator: it counts for the network,
    /// not for the address.
    pub fn unsent_letter(self, now: Timestamp) -> Vec<Change> {
        vec![count(self.network, code::LETTERS_PER_NETWORK, code::HOUR, now)]
    }

    /// Counts a try of the code of that name. One of letters has no limit but its own.
    pub fn try_of_code(self, id: CodeId, now: Timestamp) -> Option<Change> {
        (id.kind() == CodeKind::Digits).then(|| self.try_of_digits(now))
    }

    /// Counts a try of a code of six digits.
    pub fn try_of_digits(self, now: Timestamp) -> Change {
        count(self.tries, code::TRIES_PER_ADDRESS, code::DAY, now)
    }

    /// Counts a try of a code of the operator.
    pub fn try_of_operators(self, now: Timestamp) -> Change {
        count(self.operators_tries, code::OPERATORS_TRIES_PER_ADDRESS, code::HOUR, now)
    }
}

/// The owner is told, once a day as `told` counts, that codes were tried so often that letters carry long ones. Where
/// no account has the address, as much is written.
pub fn tell_of_tries(account: Option<&Account>, email: &Email, told: Counter, moment: Moment<'_>) -> Plan<()> {
    let letter = match account.filter(|account| !account.disabled) {
        Some(account) => moment.notice_to(account, Message::CodesTried),
        None => moment.notice(email, Message::Nothing),
    };
    Plan::durable(vec![count(told, 1, code::DAY, moment.now), letter], ())
}

fn count(counter: Counter, limit: u32, window: Duration, now: Timestamp) -> Change {
    CounterChange::Count { counter, limit, window, now }.into()
}
