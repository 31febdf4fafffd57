//! The card around every page.

use askama::Template;

use super::chrome::Chrome;
use crate::domain::language::Language;
use crate::gate::detour;
use crate::portal::script_texts::Speaker;

/// What `templates/pages/frame.html` shows around a page.
pub(super) struct Frame<'a> {
    pub(super) chrome: &'a Chrome<'a>,
    /// The page's one heading, also its title.
    pub(super) heading: String,
    /// The same page in each language; empty where a page cannot be asked for again.
    pub(super) languages: Vec<Choice>,
}

/// A language that can be chosen.
pub(super) struct Choice {
    pub(super) language: Language,
    pub(super) url: String,
    pub(super) current: bool,
}

impl<'a> Frame<'a> {
    /// A frame for a page that lives at `here` (path and query), so that it can be had in another language.
    pub(super) fn new(chrome: &'a Chrome<'a>, heading: String, here: &str) -> Self {
        let choice = |language: Language| Choice {
            language,
            url: detour::with(here, "lang", language.tag()),
            current: language == chrome.language,
        };
        Self { chrome, heading, languages: Language::ALL.into_iter().map(choice).collect() }
    }

    /// A frame for a page that stands in for another one, such as an error.
    pub(super) fn without_languages(chrome: &'a Chrome<'a>, heading: String) -> Self {
        Self { chrome, heading, languages: Vec::new() }
    }

    /// The address of what the scripts of a link say.
    pub(super) fn link_texts(&self) -> &str {
        self.chrome.assets.texts(Speaker::Link, self.chrome.language)
    }

    /// The address of what the scripts that add and remove passkeys say.
    pub(super) fn passkey_texts(&self) -> &str {
        self.chrome.assets.texts(Speaker::Passkeys, self.chrome.language)
    }

    /// The icon of the browser's tab.
    pub(super) fn icon(&self) -> String {
        self.chrome.assets.logo().map_or_else(|| self.chrome.assets.url("icon.svg"), str::to_owned)
    }
}

/// The finished page.
pub(super) fn finish<P: Template>(page: &P) -> String {
    #[cfg(test)]
    super::shown::note::<P>();
    page.render().expect("writing to a String cannot fail, and no page of ours returns an error")
}
