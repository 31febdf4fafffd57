//! `/_bmauth/unsupported`.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// What to do in a browser without passkeys.
#[derive(Clone, Copy, Debug)]
pub struct UnsupportedPage<'a> {
    /// The whole address to open in another browser.
    pub address: &'a str,
    /// The path of the same page, for a visitor who tries again in this browser, say after an update.
    pub path: &'a str,
}

#[derive(Template)]
#[template(path = "pages/unsupported.html")]
struct UnsupportedTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a UnsupportedPage<'a>,
    text: String,
}

impl UnsupportedPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let (heading, text) = match chrome.inside_app {
            true => ("inside-heading", "inside-text"),
            false => ("unsupported-heading", "unsupported-text"),
        };
        let here = detour::with(own_paths::UNSUPPORTED, "from", self.path);
        finish(&UnsupportedTemplate {
            frame: Frame::new(chrome, words.say(heading), &here),
            words,
            page: self,
            text: words.say(text),
        })
    }
}
