//! Reading one key: its kind, its range, and the sentence where it is neither.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::{ParseError, Url};

use super::problem::{Checks, SettingPlace};
use super::tree::{Node, SettingTable, SettingValue};
use crate::domain::origin::Origin;

/// The value of a key that was written.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The whole key, as a person would name it: `server.listen`.
    pub key: String,
    /// Where the key itself was written.
    pub key_place: SettingPlace,
    /// The value and its place.
    pub node: Node,
}

impl Setting {
    /// Where the value was written.
    pub(super) fn place(&self) -> &SettingPlace {
        &self.node.place
    }

    /// A problem with this key's value.
    pub(super) fn refuse(&self, checks: &mut Checks, message: impl fmt::Display) {
        checks.refuse(self.place(), format!("`{}` {message}", self.key));
    }

    /// The value as text.
    pub(super) fn text(self, checks: &mut Checks) -> Option<String> {
        let told = format!("`{}` is {}; it must be text in quotes.", self.key, describe_kind(&self.node.value));
        let place = self.node.place.clone();
        let text = self.text_if_it_is();
        if text.is_none() {
            checks.refuse(&place, told);
        }
        text
    }

    /// The value where it is text; for what no message may show.
    pub(super) fn text_if_it_is(self) -> Option<String> {
        match (self.node.value, self.node.written) {
            (SettingValue::Text(text), _) | (_, Some(text)) => Some(text),
            (_, None) => None,
        }
    }

    /// The value, read from its text by `read`, which says what is allowed where it fails.
    pub(super) fn parsed<T>(self, checks: &mut Checks, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (key, place) = (self.key.clone(), self.place().clone());
        let text = self.text(checks)?;
        read(&text)
            .map_err(|why| checks.refuse(&place, format!("`{key}` is {:?}: {why}", without_password(&text))))
            .ok()
    }

    /// The value as an origin that none of those `before` it in its list is.
    pub(super) fn another_origin(self, before: &[Origin], checks: &mut Checks) -> Option<Origin> {
        self.parsed(checks, |text| {
            let like = "It must be like \"https://app.example.com\".";
            let origin = Origin::parse(text).map_err(|why| format!("{why}. {like}"))?;
            if before.contains(&origin) { Err("it is there twice.".to_owned()) } else { Ok(origin) }
        })
    }

    /// The values of a list, each with its own place. One text stands for a list of one.
    pub(super) fn list(self, checks: &mut Checks) -> Option<Vec<Self>> {
        let Self { key, key_place, node } = self;
        match node.value {
            SettingValue::List(items) => {
                let items = items.into_iter().map(|node| Self { key: key.clone(), key_place: key_place.clone(), node });
                Some(items.collect())
            }
            SettingValue::Text(_) => Some(vec![Self { key, key_place, node }]),
            other @ (SettingValue::Boolean(_) | SettingValue::Other(_) | SettingValue::Table(_)) => {
                let message = format!("`{key}` is {}; it must be a list, like [\"…\"].", describe_kind(&other));
                checks.refuse(&node.place, message);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(self, checks: &mut Checks) -> Option<bool> {
        match self.node.value {
            SettingValue::Boolean(boolean) => Some(boolean),
            ref other @ (SettingValue::Text(_)
            | SettingValue::Other(_)
            | SettingValue::List(_)
            | SettingValue::Table(_)) => {
                self.refuse(checks, format_args!("is {}; it must be true or false.", describe_kind(other)));
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Clone>(self, checks: &mut Checks, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(checks, |text| {
            if let Some((_, meant)) = choices.iter().find(|(word, _)| *word == text) {
                return Ok(meant.clone());
            }
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            Err(format!("it must be {}.{}", one_of(&words), did_you_mean(text, &words)))
        })
    }

    /// A length of time within a range, such as `"5m"`.
    pub(super) fn duration(self, checks: &mut Checks, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.parsed(checks, |text| {
            let duration = parse_duration(text)?;
            if range.contains(&duration) {
                return Ok(duration);
            }
            let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
            Err(format!("it must be from {least} to {most}."))
        })
    }

    /// A number of bytes, such as `"64KiB"`, of which there must be at least `least`.
    pub(super) fn size(self, checks: &mut Checks, least: u64) -> Option<u64> {
        self.parsed(checks, |text| {
            let bytes = parse_size(text)?;
            if bytes < least { Err(format!("it must be at least {}.", show_size(least))) } else { Ok(bytes) }
        })
    }

    /// Refuses a key whose feature is not built: starting would let people believe in something that is not
    /// there. `instead` says what holds until then.
    pub(super) fn not_built(self, checks: &mut Checks, instead: &str) {
        let message = format!("`{}` is not built yet; remove it. {instead}", self.key);
        checks.refuse(&self.key_place, message);
    }

    /// The table below the key.
    pub(super) fn table(self, checks: &mut Checks) -> Option<SettingTable> {
        match self.node.value {
            SettingValue::Table(table) => Some(table),
            ref other @ (SettingValue::Text(_)
            | SettingValue::Boolean(_)
            | SettingValue::Other(_)
            | SettingValue::List(_)) => {
                self.refuse(checks, format_args!("is {}; it must be a table.", describe_kind(other)));
                None
            }
        }
    }
}

/// A URL as it may be shown: what stands between `://` and `@` is left out; also where the scheme was forgotten.
pub fn without_password(text: &str) -> String {
    let at = text.rfind('@');
    let no_scheme = || at.and_then(|at| text.get(..at)).filter(|before| before.contains(':')).map(|_| 0);
    let secret = text.find("://").map(|scheme| scheme + 3).or_else(no_scheme).zip(at);
    match secret {
        Some((start, end)) if start < end => {
            let (before, after) = (text.get(..start), text.get(end..));
            format!("{}…{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

/// `"30s"`, `"5m"`, `"12h"` or `"30d"`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let allowed = "it must be a whole number and s, m, h or d, like \"30s\", \"5m\", \"12h\" or \"30d\".";
    let digits_end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(allowed.to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| allowed.to_owned())?;
    let seconds = number.checked_mul(seconds).ok_or_else(|| allowed.to_owned())?;
    Ok(Duration::from_secs(seconds))
}

/// The units of sizes, the largest first.
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `"64KiB"`, `"10MiB"` or `"1GiB"`.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits_end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, written) = text.split_at(digits_end);
    let number: Option<u64> = digits.parse().ok();
    let unit = SIZES.iter().find(|(unit, _)| *unit == written);
    if let (Some(number), Some((_, size))) = (number, unit)
        && let Some(bytes) = number.checked_mul(*size)
    {
        return Ok(bytes);
    }
    // As other programs write it: 10M, 10mb, 10 MB.
    let letters = written.trim().to_ascii_lowercase();
    let meant = SIZES.iter().find(|(unit, _)| {
        let unit = unit.to_ascii_lowercase();
        [unit.as_str(), &unit.replace('i', ""), &unit.replace("ib", "")].contains(&letters.as_str())
    });
    let meant = number.zip(meant).filter(|(_, (unit, _))| *unit != written);
    let help = meant.map(|(number, (unit, _))| format!(" Did you mean \"{number}{unit}\"?"));
    let help = help.unwrap_or_default();
    Err(format!("it must be a whole number and B, KiB, MiB or GiB, like \"64KiB\", \"10MiB\" or \"1GiB\".{help}"))
}

/// A number of bytes as the configuration writes it, in the largest unit that fits.
fn show_size(bytes: u64) -> String {
    let fits = |size: u64| bytes >= size && bytes.is_multiple_of(size);
    match SIZES.iter().find(|(_, size)| fits(*size)) {
        Some((unit, size)) => format!("\"{}{unit}\"", bytes / size),
        None => format!("\"{bytes}B\""),
    }
}

/// A length of time as the configuration writes it, in the largest unit that fits.
pub(super) fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, length) in [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60)] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("\"{}{unit}\"", seconds / length);
        }
    }
    format!("\"{seconds}s\"")
}

fn describe_kind(value: &SettingValue) -> String {
    match value {
        SettingValue::Text(text) => format!("{text:?}"),
        SettingValue::Boolean(boolean) => boolean.to_string(),
        SettingValue::Other(written) => written.clone(),
        SettingValue::List(_) => "a list".to_owned(),
        SettingValue::Table(_) => "a table".to_owned(),
    }
}

/// Reads a URL of one of these schemes. `begins` says how it begins, and `example` how it is written.
///
/// # Errors
/// A sentence that says both.
pub(super) fn parse_url(written: &str, schemes: [&str; 2], begins: &str, example: &str) -> Result<Url, String> {
    let no_scheme = || format!("it does not start with {begins}; {example}");
    let url = Url::parse(written).map_err(|why| {
        // "notes.example.com", as a browser shows it.
        let is_bare = why == ParseError::RelativeUrlWithoutBase;
        let fault = if is_bare { no_scheme() } else { format!("{why}; {example}") };
        format!("it is not a URL: {fault}")
    })?;
    if schemes.contains(&url.scheme()) { Ok(url) } else { Err(no_scheme()) }
}

/// `"a"`, `"b"` or `"c"`.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// ` Did you mean "…"?` where one of the words is near, else nothing.
pub(super) fn did_you_mean(found: &str, words: &[&str]) -> String {
    match nearest(found, words) {
        Some(word) => format!(" Did you mean {word:?}?"),
        None => String::new(),
    }
}

/// The word that is most like what was found, if it is like it at all.
pub(super) fn nearest<'a>(found: &str, words: &[&'a str]) -> Option<&'a str> {
    let found = found.to_ascii_lowercase().replace(['-', ' '], "_");
    words
        .iter()
        .map(|word| {
            let plain = word.to_ascii_lowercase().replace(['-', ' '], "_");
            (strsim::damerau_levenshtein(&found, &plain), *word)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, word)| *distance <= (word.len() / 3).max(1))
        .map(|(_, word)| word)
}

/// The keys of one section.
#[derive(Debug)]
pub(super) struct WrittenSection<T> {
    /// The section's header, where what is missing is missing.
    pub place: SettingPlace,
    /// The keys, as they were written.
    pub keys: T,
}

/// Declares the file's shape of one section: every key that may stand there, as it was written. Keys after `not_built`
/// are planned, but not part of this version: each is refused with what holds until then, and never suggested.
macro_rules! section {
    (
        $(#[$doc:meta])*
        struct $name:ident { $($key:ident),* $(,)? }
        not_built { $($later:ident: $instead:literal),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::config) struct $name {
            $(pub(in crate::config) $key: Option<$crate::config::setting::Setting>,)*
        }

        impl $name {
            /// Takes the section's keys; what else stands there is reported. `prefix` is `"server."`, or
            /// empty for the whole file.
            pub(in crate::config) fn read(
                prefix: &str,
                mut table: $crate::config::tree::SettingTable,
                checks: &mut $crate::config::problem::Checks,
            ) -> $crate::config::setting::WrittenSection<Self> {
                use $crate::config::setting::{WrittenSection, refuse_unknown, take};
                let keys = Self {
                    $($key: take(&mut table, prefix, stringify!($key)),)*
                };
                $(if let Some(later) = take(&mut table, prefix, stringify!($later)) {
                    later.not_built(checks, $instead);
                })*
                refuse_unknown(&table, prefix, &[$(stringify!($key)),*], checks);
                WrittenSection { place: table.place, keys }
            }
        }
    };
}
pub(super) use section;

/// Takes a key out of a table.
pub(super) fn take(table: &mut SettingTable, prefix: &str, key: &str) -> Option<Setting> {
    let entry = table.entries.remove(key)?;
    Some(Setting { key: format!("{prefix}{key}"), key_place: entry.key_place, node: entry.node })
}

/// Reports the keys that are left in a table.
pub(super) fn refuse_unknown(table: &SettingTable, prefix: &str, known: &'static [&'static str], checks: &mut Checks) {
    if prefix.is_empty() {
        checks.root_keys = known;
    }
    for (key, entry) in &table.entries {
        let help = match nearest(key, known) {
            // In TOML, whatever stands below a header belongs to it.
            _ if checks.root_keys.contains(&key.as_str()) => {
                format!("`{key}` belongs to the whole file: write it above the first line in brackets.")
            }
            Some(meant) => format!("Did you mean `{prefix}{meant}`?"),
            None => format!("The keys here are {}.", known.join(", ")),
        };
        checks.refuse(&entry.key_place, format!("`{prefix}{key}` is not a key. {help}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("12h", 43_200), ("30d", 2_592_000), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)));
        }
        for bad in [
            "",
            "5",
            "m",
            "5 m",
            "1.5h",
            "-5m",
            "+5m",
            "5M",
            "5min",
            "1h30m",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_are_written() {
        for text in ["30s", "5m", "12h", "30d", "90s"] {
            let shown = parse_duration(text).map(show_duration);
            assert_eq!(shown, Ok(format!("{text:?}")));
        }
    }

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        for (text, bytes) in [
            ("0B", 0),
            ("1B", 1),
            ("64KiB", 65_536),
            ("10MiB", 10_485_760),
            ("1GiB", 1_073_741_824),
            ("17179869183GiB", 18_446_744_072_635_809_792),
        ] {
            assert_eq!(parse_size(text), Ok(bytes));
            assert_eq!(show_size(bytes), format!("{text:?}"));
        }
        for (bad, meant) in [
            ("", None),
            ("5", None),
            ("KiB", None),
            ("1.5MiB", None),
            ("-1B", None),
            ("+1B", None),
            ("1TiB", None),
            ("17179869184GiB", None),
            ("99999999999999999999B", None),
            ("10M", Some("10MiB")),
            ("10 MiB", Some("10MiB")),
            ("64kb", Some("64KiB")),
            ("1g", Some("1GiB")),
            ("512b", Some("512B")),
        ] {
            let told = parse_size(bad).expect_err(bad);
            let said = told.split_once(" Did you mean ").map(|(_, meant)| meant);
            assert_eq!(said, meant.map(|meant| format!("{meant:?}?")).as_deref(), "{bad}: {told}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let words = ["listen", "trusted_proxies", "signed-in"];
        assert_eq!(nearest("lisen", &words), Some("listen"));
        assert_eq!(nearest("trusted-proxies", &words), Some("trusted_proxies"));
        assert_eq!(nearest("signed_in", &words), Some("signed-in"));
        assert_eq!(nearest("port", &words), None);
    }
}
