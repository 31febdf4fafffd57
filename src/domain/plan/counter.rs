//! Changes of counters.

use std::time::Duration;

use super::effects::Effects;
use crate::domain::clock::Timestamp;

/// The name of a counter: a keyed digest of what is counted, so that the store lists no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter(pub [u8; 32]);

/// A change of a counter.
#[derive(Clone, Debug)]
pub enum CounterChange {
    /// Counts something within a fixed window of time. The count must be below the limit.
    Count {
        /// The counter that is counted up.
        counter: Counter,
        /// How many there may be in a window.
        limit: u32,
        /// How long the window lasts from the first one counted; see [`CounterChange::runs`].
        window: Duration,
        /// The present moment.
        now: Timestamp,
    },
}

impl CounterChange {
    /// Whether a `window` that ends then is the one of `now`. One that began in the future did so by a clock that has
    /// been set right since. It is over, or it would keep its owner out for as long as that clock was ahead.
    pub fn runs(ends_at: Timestamp, window: Duration, now: Timestamp) -> bool {
        now < ends_at && ends_at <= now.after(window)
    }

    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Count { .. } => {}
        }
    }
}
