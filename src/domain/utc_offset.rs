//! How far a reader's clock is from UTC, as the script of our pages notes it in a cookie.

use std::fmt;

/// Local time minus UTC, in whole minutes. It is the offset of the moment at which the browser noted it, which summer
/// time may have changed since. So a time that is written with it also tells the offset, and is true either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset(i16);

impl UtcOffset {
    /// The largest offset, in minutes, to either side. Those in use are from UTC-12 to UTC+14.
    const LARGEST: i16 = 15 * 60;

    /// An offset of so many minutes; `None` where it is larger than any in use.
    pub fn of_minutes(minutes: i16) -> Option<Self> {
        (-Self::LARGEST..=Self::LARGEST).contains(&minutes).then_some(Self(minutes))
    }

    /// Reads the minutes as our script writes them, like `-210`. Anything else is `None`, as are spellings that Rust
    /// reads as a number too: `+60`, `00060`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_as_written = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        is_as_written.then(|| text.parse().ok()).flatten().and_then(Self::of_minutes)
    }

    /// Local time minus UTC, in minutes.
    pub fn minutes(self) -> i16 {
        self.0
    }
}

/// `UTC`, `UTC+1`, `UTC-3:30`.
impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("UTC");
        }
        let (sign, minutes) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "UTC{sign}{}", minutes / 60)?;
        if minutes % 60 == 0 { Ok(()) } else { write!(f, ":{:02}", minutes % 60) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_minutes_that_a_clock_shows() {
        for (text, shown) in [
            ("0", "UTC"),
            ("60", "UTC+1"),
            ("-210", "UTC-3:30"),
            ("345", "UTC+5:45"),
            ("840", "UTC+14"),
            ("-30", "UTC-0:30"),
        ] {
            assert_eq!(UtcOffset::parse(text).map(|offset| offset.to_string()).as_deref(), Some(shown), "{text}");
        }
        for text in ["", "-", "+60", "1e2", " 60", "901", "-901", "9999", "60; a", "NaN", "00060"] {
            assert_eq!(UtcOffset::parse(text), None, "{text}");
        }
    }
}
