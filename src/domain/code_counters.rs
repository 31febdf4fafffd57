//! What is counted of mailed codes, by address and by network.

use super::clock::Timestamp;
use super::code;
use super::plan::{Change, Counter, CounterChange};

/// The counters of codes for one address.
#[derive(Clone, Copy, Debug)]
pub struct CodeCounters {
    /// Letters with codes to the address.
    pub letters: Counter,
    /// Those of them that the visitor's network caused.
    pub letters_from_network: Counter,
    /// Letters with codes that the visitor's network caused, to any address.
    pub network: Counter,
    /// Codes tried.
    pub tries: Counter,
}

impl CodeCounters {
    /// Counts a letter with a code.
    pub fn letter(self, now: Timestamp) -> [Change; 3] {
        [
            count(self.letters_from_network, code::LETTERS_PER_ADDRESS_AND_NETWORK, now),
            count(self.letters, code::LETTERS_PER_ADDRESS, now),
            count(self.network, code::LETTERS_PER_NETWORK, now),
        ]
    }

    /// Counts a try of a code.
    pub fn try_of_code(self, now: Timestamp) -> Change {
        count(self.tries, code::TRIES_PER_ADDRESS, now)
    }
}

fn count(counter: Counter, limit: u32, now: Timestamp) -> Change {
    CounterChange::Count { counter, limit, window: code::ADDRESS_WINDOW, now }.into()
}
