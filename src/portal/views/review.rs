//! `/_bmauth/recover/review`.

use askama::Template;

use super::chrome::Chrome;
use super::devices::{PasskeyRow, ShownPasskey, shown_passkeys};
use super::frame::{Frame, finish};
use crate::domain::clock::Timestamp;
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// "Keep your account safe": which of the older passkeys are lost.
#[derive(Clone, Debug)]
pub struct ReviewPage<'a> {
    /// The passkeys from before the recovery.
    pub passkeys: Vec<PasskeyRow<'a>>,
    /// Where the visitor goes afterwards; `None` for the app's front page.
    pub return_to: Option<&'a str>,
    /// The present moment.
    pub now: Timestamp,
}

#[derive(Template)]
#[template(path = "pages/review.html")]
struct ReviewTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    passkeys: Vec<ShownPasskey<'a>>,
    return_to: Option<&'a str>,
}

impl ReviewPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let here = detour::returning(own_paths::RECOVER_REVIEW, self.return_to);
        finish(&ReviewTemplate {
            return_to: self.return_to,
            frame: Frame::new(chrome, words.say("review-heading"), &here),
            words,
            passkeys: shown_passkeys(words, &self.passkeys, self.now),
        })
    }
}
