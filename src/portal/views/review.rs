//! `/_bmauth/recover/review`. Works without a script.

use askama::Template;

use super::chrome::Chrome;
use super::devices::{PasskeyRow, ShownPasskey, shown_passkeys};
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::wording::Words;

/// "Keep your account safe": which of the older passkeys are lost.
#[derive(Clone, Debug)]
pub struct Review<'a> {
    /// The passkeys from before the recovery.
    pub passkeys: Vec<PasskeyRow<'a>>,
    /// Where the visitor goes afterwards; `None` for the app's front page.
    pub return_to: Option<&'a str>,
    /// What happened last.
    pub state: ReviewState,
}

/// What happened last on the review page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewState {
    /// Nothing yet.
    Asking,
    /// "Remove selected" without any selected.
    NothingChosen,
    /// What was selected is not there any more.
    Changed,
}

#[derive(Template)]
#[template(path = "pages/review.html")]
struct Page<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    passkeys: Vec<ShownPasskey<'a>>,
    return_to: Option<&'a str>,
    alert: Option<String>,
    review_url: &'static str,
}

impl Review<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let alert = match self.state {
            ReviewState::Asking => None,
            ReviewState::NothingChosen => Some(words.say("review-nothing-chosen")),
            ReviewState::Changed => Some(words.say("review-changed")),
        };
        finish(&Page {
            return_to: self.return_to,
            alert,
            frame: Frame::new(chrome, words.say("review-heading"), own_paths::RECOVER_REVIEW),
            words,
            passkeys: shown_passkeys(words, &self.passkeys),
            review_url: own_paths::RECOVER_REVIEW,
        })
    }
}
