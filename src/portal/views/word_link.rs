//! The pages that the links in mails lead to which stop or undo something.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::{own_paths, word_link};
use crate::wording::Words;

/// Asks before anything is done, since scanners of mails open links. What the link is about stands in the fragment of
/// the address; the script moves it into the field `link`, where it can be pasted too.
pub(super) struct WordLinkQuestion {
    /// The page, which its form is sent to.
    pub(super) here: &'static str,
    /// The keys of its words.
    pub(super) heading: &'static str,
    pub(super) text: &'static str,
    pub(super) button: &'static str,
    /// What is said where only a part of the link has arrived; `None` once something was brought.
    pub(super) cut: Option<&'static str>,
    /// What else can be done.
    pub(super) otherwise: &'static str,
}

#[derive(Template)]
#[template(path = "pages/word_link.html")]
struct WordLinkAskTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    asks: &'a WordLinkQuestion,
    /// How many letters, digits, `-` and `_` there are in a whole link's fragment.
    least: usize,
    devices_url: &'static str,
}

#[derive(Template)]
#[template(path = "pages/word_link_over.html")]
struct WordLinkOverTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    /// The texts of the page, each a paragraph.
    texts: Vec<String>,
    devices_url: &'static str,
}

impl WordLinkQuestion {
    /// The page as HTML.
    pub(super) fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let frame = Frame::new(chrome, words.say(self.heading), self.here);
        finish(&WordLinkAskTemplate {
            frame,
            words,
            asks: self,
            least: word_link::LEAST,
            devices_url: own_paths::DEVICES,
        })
    }
}

/// What became of it. That is not asked for again in another language: there, its button's page is shown.
pub(super) fn over(chrome: &Chrome<'_>, heading: &str, texts: Vec<String>) -> String {
    let (words, devices_url) = (chrome.words(), own_paths::DEVICES);
    finish(&WordLinkOverTemplate {
        frame: Frame::new(chrome, words.say(heading), devices_url),
        words,
        texts,
        devices_url,
    })
}
