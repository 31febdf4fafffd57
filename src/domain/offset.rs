//! How far a person's clock is from UTC, as their browser says it.

use std::fmt;

/// Whole minutes that local time is ahead of UTC. It is of the moment when the browser said it; what is written with it
/// says it too, and stays true where a clock changes in summer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset(i16);

impl Offset {
    /// The largest and the smallest that are in use anywhere, with room.
    const MOST: i16 = 15 * 60;

    /// An offset of so many minutes; `None` of what no clock on earth shows.
    pub fn of_minutes(minutes: i16) -> Option<Self> {
        (-Self::MOST..=Self::MOST).contains(&minutes).then_some(Self(minutes))
    }

    /// Reads what our script writes: minutes, `-210`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        text.parse().ok().filter(|_| is_number).and_then(Self::of_minutes)
    }

    /// The minutes that local time is ahead of UTC.
    pub fn minutes(self) -> i16 {
        self.0
    }
}

/// `UTC`, `UTC+1`, `UTC-3:30`.
impl fmt::Display for Offset {
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
            assert_eq!(Offset::parse(text).map(|offset| offset.to_string()).as_deref(), Some(shown), "{text}");
        }
        for text in ["", "-", "+60", "1e2", " 60", "901", "-901", "9999", "60; a", "NaN", "00060"] {
            assert_eq!(Offset::parse(text), None, "{text}");
        }
    }
}
