//! When a line was written: `2026-11-22T06:18:04.123456Z` (RFC 3339).

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::macros::format_description;

/// Up to the point before the microseconds.
type Second = [u8; 20];

thread_local! {
    /// The last second that was written by this thread. Most lines are of the same second as the one before.
    static LAST: Cell<(u64, Second)> = const { Cell::new((0, *b"1970-01-01T00:00:00.")) };
}

/// A moment as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineTime([u8; 27]);

impl LineTime {
    #[expect(clippy::disallowed_methods, reason = "lines tell the real time, whatever the rest is told")]
    pub(super) fn now() -> Self {
        Self::of(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn of(since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs();
        let (last, mut second) = LAST.get();
        if last != seconds {
            second = to_second(seconds).unwrap_or(second);
            LAST.set((seconds, second));
        }
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let (start, fraction) = text.split_at_mut(second.len());
        start.copy_from_slice(&second);
        let mut micros = since_1970.subsec_micros();
        for digit in fraction.iter_mut().take(6).rev() {
            *digit = b'0' + u8::try_from(micros % 10).expect("a digit is small");
            micros /= 10;
        }
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("it is made of ASCII")
    }
}

/// `None` after the year 9999.
fn to_second(seconds: u64) -> Option<Second> {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].");
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    let mut text = Second::default();
    moment.format_into(&mut text.as_mut_slice(), format).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_to_the_microsecond() {
        for (seconds, nanoseconds, text) in [
            (1_795_328_284, 123_456_789, "2026-11-22T06:18:04.123456Z"),
            (1_795_328_284, 999, "2026-11-22T06:18:04.000000Z"),
            (1_795_328_285, 7_000, "2026-11-22T06:18:05.000007Z"),
            (1_795_328_284, 999_999_999, "2026-11-22T06:18:04.999999Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000000Z"),
            (0, 0, "1970-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(LineTime::of(Duration::new(seconds, nanoseconds)).as_str(), text);
        }
    }
}
