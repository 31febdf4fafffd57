//! What a person says of themselves when they register over the API. None of it is proved, so none of it decides
//! anything or becomes a claim by which an app may.

use thiserror::Error;

use super::language::Language;

/// The most that metadata may take as compact JSON, in bytes.
pub const LARGEST_METADATA: usize = 4096;
/// The longest locale, in characters.
const LONGEST_LOCALE: usize = 35;

/// What a person says of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What they want to be called.
    pub name: Option<String>,
    /// The language they read, as a BCP 47 tag.
    pub locale: Option<Locale>,
    /// Whatever the app's own client wants to be kept.
    pub metadata: Option<Metadata>,
}

impl Profile {
    /// What was said now, and of what was left out, what was said before.
    #[must_use]
    pub fn over(self, before: Self) -> Self {
        Self {
            name: self.name.or(before.name),
            locale: self.locale.or(before.locale),
            metadata: self.metadata.or(before.metadata),
        }
    }
}

/// A language tag (BCP 47), as far as its letters go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(String);

/// A JSON object, as compact text.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata(String);

/// Why something said is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// The locale is no language tag.
    #[error("a locale is a language tag like “en” or “de-AT”")]
    Locale,
    /// The metadata is too large.
    #[error("metadata is one JSON object of at most 4096 bytes")]
    Metadata,
}

impl Locale {
    /// Reads a language tag, as a client sends it.
    ///
    /// # Errors
    /// [`ProfileError::Locale`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let mut parts = text.split('-');
        let language = parts
            .next()
            .is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let rest =
            parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if language && rest && text.len() <= LONGEST_LOCALE {
            Ok(Self(text.to_owned()))
        } else {
            Err(ProfileError::Locale)
        }
    }

    /// The language tag, as it was checked.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language of ours that it is, if it is one.
    pub fn language(&self) -> Option<Language> {
        Language::from_tag(&self.0)
    }

    /// What is kept of a choice among our languages: the locale from `before`, which may say more, where it means the
    /// same.
    pub fn chosen(before: Option<Self>, choice: Option<Language>) -> Option<Self> {
        if before.as_ref().and_then(Self::language) == choice {
            return before;
        }
        choice.map(|language| Self(language.tag().to_owned()))
    }
}

impl Metadata {
    /// Takes the compact text of an object whose syntax the caller has read.
    ///
    /// # Errors
    /// [`ProfileError::Metadata`] where it is too large or no object.
    pub fn from_object(compact: String) -> Result<Self, ProfileError> {
        let is_object = compact.starts_with('{') && compact.ends_with('}');
        if is_object && compact.len() <= LARGEST_METADATA { Ok(Self(compact)) } else { Err(ProfileError::Metadata) }
    }

    /// The metadata as compact JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an app's client keeps here may be anything, so no log is shown it.
impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metadata(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_a_language_tag() {
        for right in ["en", "de-AT", "zh-Hant-TW", "es-419"] {
            assert_eq!(Locale::parse(right).map(|locale| locale.0), Ok(right.to_owned()));
        }
        for wrong in ["", "e", "en_US", "en-", "-en", "en--US", "12", "en US", &"en-".repeat(20)] {
            assert_eq!(Locale::parse(wrong), Err(ProfileError::Locale), "{wrong}");
        }
    }

    #[test]
    fn a_choice_of_language_takes_nothing_away_that_it_does_not_contradict() {
        let locale = |tag: &str| Locale::parse(tag).ok();
        let chosen = |before: &str, choice| Locale::chosen(locale(before), choice).map(|locale| locale.0);
        for (before, choice, after) in [
            ("", None, None),
            ("", Some(Language::German), Some("de")),
            ("de-AT", Some(Language::German), Some("de-AT")),
            ("de-AT", Some(Language::English), Some("en")),
            ("de-AT", None, None),
            // A person whose language is not offered makes no choice, and it stays.
            ("tlh-CA", None, Some("tlh-CA")),
            ("tlh-CA", Some(Language::English), Some("en")),
        ] {
            assert_eq!(chosen(before, choice).as_deref(), after, "{before} {choice:?}");
        }
    }

    #[test]
    fn what_is_said_again_counts_and_what_is_left_out_stays() {
        let locale = |tag| Locale::parse(tag).ok();
        let before = Profile { name: Some("Maria".to_owned()), locale: locale("de"), metadata: None };
        let now =
            Profile { name: Some("Mia".to_owned()), locale: None, metadata: Metadata::from_object("{}".into()).ok() };
        let both = now.clone().over(before.clone());
        assert_eq!((both.name, both.locale, both.metadata), (now.name, before.locale.clone(), now.metadata));
        assert_eq!(Profile::default().over(before.clone()), before);
    }

    #[test]
    fn metadata_is_a_small_object() {
        assert!(Metadata::from_object("{\"a\":1}".to_owned()).is_ok());
        for wrong in ["[]", "1", "\"{}\""] {
            assert_eq!(Metadata::from_object(wrong.to_owned()), Err(ProfileError::Metadata));
        }
        assert_eq!(format!("{:?}", Metadata::from_object("{\"pin\":1}".to_owned()).unwrap()), "Metadata(…)");
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST_METADATA));
        assert_eq!(Metadata::from_object(large), Err(ProfileError::Metadata));
    }
}
