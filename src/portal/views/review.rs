//! `/_bmauth/recover/review`. Works without a script.

use askama::Template;

use super::chrome::Chrome;
use super::devices::{PasskeyRow, ShownPasskey, shown_passkeys};
use super::frame::{Frame, finish};
use super::paths;
use crate::wording::Words;

/// "Keep your account safe": which of the older passkeys are lost.
#[derive(Clone, Debug)]
pub struct Review<'a> {
    /// The passkeys from before the recovery.
    pub passkeys: Vec<PasskeyRow<'a>>,
}

#[derive(Template)]
#[template(path = "pages/review.html")]
struct Page<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    passkeys: Vec<ShownPasskey<'a>>,
    review_url: &'static str,
}

impl Review<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        finish(&Page {
            frame: Frame::new(chrome, words.say("review-heading"), paths::RECOVER_REVIEW),
            words,
            passkeys: shown_passkeys(words, &self.passkeys),
            review_url: paths::RECOVER_REVIEW,
        })
    }
}
