//! Time and randomness as parameters, so that expiry is arithmetic and every run can be repeated.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// By how much a clock may be set back without consequence: what was made up to so long from now still counts as made
/// just now.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// A moment, in whole seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `seconds` after the Unix epoch.
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the Unix epoch.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// This moment moved forward by the whole seconds of `by`; it stops at the end of time.
    #[must_use]
    pub const fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.as_secs()))
    }

    /// This moment moved back by the whole seconds of `by`; it stops at the epoch.
    #[must_use]
    pub const fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by.as_secs()))
    }

    /// How long it is from `earlier` to this moment; zero where `earlier` is later. Where that must not pass for "just
    /// now", ask [`Timestamp::has_come`] as well.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// Whether something made at this moment was made by `now`, give or take [`LEEWAY`]. What was not was made by a
    /// clock that was ahead and has been set right since, so its age is unknown.
    pub const fn has_come(self, now: Self) -> bool {
        self.0 <= now.after(LEEWAY).0
    }

    /// Whether something that ends at this moment is good at `now`, where it had `lifetime` when it was made. What
    /// would be good for longer than that was made by a clock that was ahead, and counts as over.
    pub const fn is_ahead(self, now: Self, lifetime: Duration) -> bool {
        now.0 < self.0 && self.0 <= now.after(lifetime).after(LEEWAY).0
    }
}

impl Timestamp {
    /// The moment as text (RFC 3339), in UTC; nothing past the year 9999, which has none.
    pub fn rfc3339(self) -> String {
        let time = i64::try_from(self.0).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Draws nothing but zeros, for tests of what does not depend on it.
#[cfg(test)]
pub(crate) struct Zeros;

#[cfg(test)]
impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// A cryptographically secure source of random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// A random name (RFC 9562 §5.4).
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_good_for_longer_than_it_had_when_it_was_made() {
        let (at, hour) = (Timestamp::from_unix, Duration::from_secs(3600));
        for (now, is_good) in [(0, false), (939, false), (940, true), (1000, true), (4599, true), (4600, false)] {
            assert_eq!(at(1000).after(hour).is_ahead(at(now), hour), is_good, "{now}");
        }
        assert!(!at(u64::MAX).is_ahead(at(1000), hour));
        assert!(at(u64::MAX).is_ahead(at(u64::MAX - 1), hour), "the end of time is no clock that was ahead");
        assert_eq!((at(1060).has_come(at(1000)), at(1061).has_come(at(1000))), (true, false));
    }
}
