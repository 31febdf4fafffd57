//! Moments as people read them, in UTC on pages. The page's script, where there is one, puts them into the reader's time
//! zone. A mail has no script: it is written in the reader's time zone, where that is known.

use time::OffsetDateTime;
use time::macros::format_description;

use super::Words;
use crate::domain::clock::Timestamp;
use crate::domain::utc_offset::UtcOffset;

/// A moment in UTC, for the element `<time>`.
#[derive(Debug, PartialEq, Eq)]
pub struct WordedMoment {
    /// For the attribute `datetime`: `2026-11-23T09:40:00Z`.
    pub iso: String,
    /// The moment as the reader reads it.
    pub text: String,
}

/// The day of a moment, in UTC: "23 Nov 2026".
pub fn day(words: Words<'_>, at: Timestamp) -> WordedMoment {
    let at = date_time(at);
    let text = words.with_all(
        "moment-day",
        // The day is a number, as a language may write the first of a month otherwise: "1er janv.".
        [("day", at.day().into()), ("month", month_name(words, at).into()), ("year", at.year().to_string().into())],
    );
    WordedMoment { iso: iso(at), text }
}

/// Day and minute of a moment, for what may be read much later, as a mail: "23 Nov 2026, 09:40 UTC". Where the reader's
/// offset is known, by the reader's clock: "23 Nov 2026, 10:40 (UTC+1)".
pub fn in_full(words: Words<'_>, at: Timestamp, offset: Option<UtcOffset>) -> String {
    let offset = offset.filter(|offset| offset.minutes() != 0);
    let seconds_ahead = offset.map_or(0, |offset| i64::from(offset.minutes()) * 60);
    // No true timestamp: the moment at which a clock in UTC shows what the reader's clock shows at `at`.
    let local = Timestamp::from_unix(at.unix().saturating_add_signed(seconds_ahead));
    let zone = offset.map_or_else(|| "UTC".to_owned(), |offset| format!("({offset})"));
    format!("{}, {} {zone}", day(words, local).text, hour_and_minute(date_time(local)))
}

/// Day and minute of a moment, in UTC and without its year, which is this one or next to it: "23 Nov at 09:40 UTC".
pub fn minute(words: Words<'_>, at: Timestamp) -> WordedMoment {
    let at = date_time(at);
    let text = words.with_all(
        "moment-at",
        [("day", at.day().into()), ("month", month_name(words, at).into()), ("time", hour_and_minute(at).into())],
    );
    WordedMoment { iso: iso(at), text }
}

// Formatting cannot fail: a date with its time has every component that the descriptions name.
fn hour_and_minute(at: OffsetDateTime) -> String {
    at.format(format_description!("[hour]:[minute]")).unwrap_or_default()
}

fn month_name(words: Words<'_>, at: OffsetDateTime) -> String {
    words.with("moment-month", "month", u8::from(at.month()))
}

fn iso(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z")).unwrap_or_default()
}

/// The moment in UTC. One past the year 9999, which has no date, is shown as the epoch.
fn date_time(at: Timestamp) -> OffsetDateTime {
    i64::try_from(at.unix())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;

    const AT: Timestamp = Timestamp::from_unix(1_795_426_801);

    #[test]
    fn moments_are_worded_in_each_language() {
        for language in Language::ALL {
            let (day_text, minute_text, full) = match language {
                Language::English => ("23 Nov 2026", "23 Nov at 09:40 UTC", "23 Nov 2026, 09:40 UTC"),
                Language::German => ("23. Nov. 2026", "23. Nov. um 09:40 UTC", "23. Nov. 2026, 09:40 UTC"),
            };
            let words = Words::new(language, "Acme Notes");
            assert_eq!(
                day(words, AT),
                WordedMoment { iso: "2026-11-23T09:40:01Z".to_owned(), text: day_text.to_owned() }
            );
            assert_eq!(minute(words, AT).text, minute_text);
            assert_eq!(in_full(words, AT, None), full);
            assert_eq!(in_full(words, AT, UtcOffset::of_minutes(0)), full);
        }
    }

    #[test]
    fn a_reader_is_told_the_time_of_their_own_clock_and_which_that_is() {
        let words = Words::new(Language::English, "");
        for (minutes, told) in [
            (60, "23 Nov 2026, 10:40 (UTC+1)"),
            (-600, "22 Nov 2026, 23:40 (UTC-10)"),
            (14 * 60 + 30, "24 Nov 2026, 00:10 (UTC+14:30)"),
        ] {
            assert_eq!(in_full(words, AT, UtcOffset::of_minutes(minutes)), told);
        }
        assert_eq!(in_full(words, Timestamp::from_unix(0), UtcOffset::of_minutes(-60)), "1 Jan 1970, 00:00 (UTC-1)");
        assert!(in_full(words, Timestamp::from_unix(u64::MAX), UtcOffset::of_minutes(60)).contains("1970"));
    }

    #[test]
    fn every_month_has_its_name() {
        for language in Language::ALL {
            let words = Words::new(language, "");
            let names: Vec<_> = (1..=12).map(|month| words.with("moment-month", "month", month)).collect();
            for name in &names {
                assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
            }
        }
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        assert_eq!(day(Words::new(Language::English, ""), Timestamp::from_unix(u64::MAX)).text, "1 Jan 1970");
    }
}
