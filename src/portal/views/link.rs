//! `/_bmauth/link/start` and `/_bmauth/link`: a new device beside one that can sign in.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// What the new device is, as its browser says. Either page can do what the other does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// It shows a code.
    Computer,
    /// It scans one: a phone or tablet.
    Phone,
}

/// The page of the new device. Needs `camera=(self)` in its Permissions-Policy.
#[derive(Clone, Copy, Debug)]
pub struct LinkStartPage<'a> {
    /// Where the visitor goes once signed in; `None` for the app's front page.
    pub return_to: Option<&'a str>,
    /// What is shown first.
    pub kind: DeviceKind,
    /// Where the other device goes, without a scheme: `notes.example.com/link`.
    pub address: &'a str,
    /// Whether "Can't approve?" is offered.
    pub recover: bool,
}

/// The page of the device that can sign in, and of a new one that has scanned its code. What it shows first depends on
/// the fragment of its address, which only the script sees.
#[derive(Clone, Copy, Debug)]
pub struct LinkPage<'a> {
    /// Whether this browser is signed in: then it may offer a code of its own.
    pub signed_in: bool,
    /// Where this page has its short address, such as `/link`.
    pub path: &'a str,
    /// Whether "Can't approve?" is offered.
    pub recover: bool,
}

#[derive(Template)]
#[template(path = "pages/link_start.html")]
struct LinkStartTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a LinkStartPage<'a>,
    sign_in_url: String,
    recover_url: String,
}

#[derive(Template)]
#[template(path = "pages/link.html")]
struct LinkTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a LinkPage<'a>,
    sign_in_url: String,
    recover_url: String,
}

impl LinkStartPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let here = detour::returning(own_paths::LINK_START, self.return_to);
        finish(&LinkStartTemplate {
            frame: Frame::new(chrome, words.say("link-start-heading"), &here),
            words,
            page: self,
            sign_in_url: detour::returning(own_paths::SIGN_IN, self.return_to),
            recover_url: detour::returning(own_paths::RECOVER, self.return_to),
        })
    }
}

impl LinkPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        finish(&LinkTemplate {
            // What it goes on with is in the browser's history, which its script takes along to another language.
            frame: Frame::new(chrome, words.say("link-heading"), own_paths::LINK),
            words,
            page: self,
            sign_in_url: detour::returning(own_paths::SIGN_IN, Some(self.path)),
            recover_url: own_paths::RECOVER.to_owned(),
        })
    }
}

/// How long ago the other device came, for the state that the page's script reads.
pub fn ago(words: Words<'_>, seconds: u64) -> String {
    match seconds / 60 {
        0 => words.say("link-just-now"),
        minutes => words.with("link-minutes-ago", "minutes", minutes),
    }
}
