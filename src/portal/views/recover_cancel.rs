//! `/_bmauth/recover/cancel`: where the link in the mail about a held recovery leads.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::wording::Words;

/// Asks before it stops a recovery: mail scanners open links. Which one, stands in the fragment of the address; the
/// script moves it into the fields `hold` and `word`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoverCancel {
    /// Asks.
    Ask,
    /// It was stopped.
    Done,
    /// No such recovery: stopped before, finished, or the link is not whole.
    Gone,
}

#[derive(Template)]
#[template(path = "pages/recover_cancel.html")]
struct AskPage<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    cancel_url: &'static str,
    devices_url: &'static str,
}

#[derive(Template)]
#[template(path = "pages/recover_cancelled.html")]
struct OverPage<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    text: String,
    devices_url: &'static str,
}

impl RecoverCancel {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        // Without languages: a link to another one would lose the fragment.
        let frame = |key| Frame::without_languages(chrome, words.say(key));
        let (heading, text) = match self {
            Self::Ask => {
                let (cancel_url, devices_url) = (own_paths::RECOVER_CANCEL, own_paths::DEVICES);
                return finish(&AskPage { frame: frame("recover-cancel-heading"), words, cancel_url, devices_url });
            }
            Self::Done => ("recover-cancelled-heading", "recover-cancelled-text"),
            Self::Gone => ("recover-gone-heading", "recover-gone-text"),
        };
        finish(&OverPage { frame: frame(heading), words, text: words.say(text), devices_url: own_paths::DEVICES })
    }
}
