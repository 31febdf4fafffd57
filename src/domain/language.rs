//! The languages our pages and mails speak, and which one a visitor gets.

use serde::{Deserialize, Serialize};

/// A language with a whole catalogue under `templates/locales/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English: the first language, and the one for visitors whose languages we do not speak.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German, whose catalogue is `templates/locales/de.ftl`.
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// Every language, in the order they are offered.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The BCP 47 tag, as in `<html lang>` and `?lang=`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language's own name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// The writing direction, as in `<html dir>`.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
        }
    }

    /// The language of a tag such as `de`, `de-AT` or `DE_ch`; `None` where we do not speak it.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// Chooses the language: `?lang=` wins over the remembered cookie, which wins over what the browser asks for
    /// in `Accept-Language` (RFC 9110 §12.5.4). A value we do not understand counts as absent.
    pub fn negotiate(query: Option<&str>, cookie: Option<&str>, header: Option<&str>) -> Self {
        query
            .and_then(Self::from_tag)
            .or_else(|| cookie.and_then(Self::from_tag))
            .or_else(|| header.and_then(Self::preferred))
            .unwrap_or_default()
    }

    /// The language of the highest weight in an `Accept-Language` value; the first of equals.
    fn preferred(header: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for range in header.split(',').take(MOST_RANGES) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let (Some(language), Some(weight)) = (Self::from_tag(tag), weight(parameters)) else {
                continue;
            };
            if weight > 0 && best.is_none_or(|(heaviest, _)| weight > heaviest) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// Browsers send a handful of ranges; the rest of a longer list is not read.
const MOST_RANGES: usize = 32;

/// The weight `q=0.8` in thousandths (RFC 9110 §12.4.2): 1000 where there is none, `None` where it is malformed.
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let value = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::Language::{self, English, German};

    #[track_caller]
    fn check(query: Option<&str>, cookie: Option<&str>, header: Option<&str>, expected: Language) {
        assert_eq!(Language::negotiate(query, cookie, header), expected, "{query:?} {cookie:?} {header:?}");
    }

    #[test]
    fn the_query_wins_over_the_cookie_and_the_cookie_over_the_header() {
        check(Some("de"), Some("en"), Some("en"), German);
        check(None, Some("de"), Some("en"), German);
        check(None, None, Some("de"), German);
        check(None, None, None, English);
    }

    #[test]
    fn a_language_we_do_not_speak_counts_as_absent() {
        check(Some("tlh"), Some("de"), None, German);
        check(Some(""), Some("tlh"), Some("de"), German);
        check(Some("<script>"), None, Some("tlh, sjn;q=0.5"), English);
    }

    #[test]
    fn regions_and_case_do_not_matter() {
        check(Some("de-AT"), None, None, German);
        check(Some("DE_ch"), None, None, German);
        check(None, None, Some("DE-de"), German);
        check(None, None, Some("deu"), English);
    }

    #[test]
    fn the_heaviest_language_of_the_header_wins_and_the_first_of_equals() {
        check(None, None, Some("en;q=0.5, de;q=0.8"), German);
        check(None, None, Some("tlh, de;q=0.9, en;q=0.8"), German);
        check(None, None, Some("en, de"), English);
        check(None, None, Some("de;q=0.700,en;q=0.7"), German);
        check(None, None, Some("de;q=0, en;q=0.001"), English);
        check(None, None, Some("de; q=1.000 , en;q=0.999"), German);
    }

    #[test]
    fn malformed_weights_are_passed_over() {
        for header in ["de;q=2", "de;q=1.5", "de;q=0.1234", "de;q=x", "de;level=1", "de;q=", "de;q=0.-1", ";;;", ""] {
            check(None, None, Some(header), English);
        }
    }

    #[test]
    fn every_language_is_offered() {
        // From one to the next: a language that is not here does not compile.
        let next = |language: &Language| match language {
            English => Some(German),
            German => None,
        };
        let there: Vec<_> = iter::successors(Some(English), next).collect();
        assert_eq!(Language::ALL.as_slice(), there);
    }

    #[test]
    fn every_tag_names_its_own_language() {
        for language in Language::ALL {
            assert_eq!(Language::from_tag(language.tag()), Some(language));
            assert_eq!(serde_json::to_value(language).unwrap(), language.tag(), "what is stored is another tag");
        }
    }
}
