//! `/_bmauth/hand-off`: what stands between two hosts, and is mostly not seen.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::host::Host;
use crate::domain::origin::Origin;
use crate::domain::own_paths::{HAND_OFF, HAND_OFF_CONFIRM, LANGUAGE, SIGN_IN};
use crate::gate::detour;
use crate::wording::Words;

/// Sends a code to another host: by itself, or where scripts do not run, at a press.
#[derive(Clone, Copy, Debug)]
pub struct HandOffPage<'a> {
    /// The origin of the other host.
    pub to: &'a Origin,
    /// The code that stands for the session.
    pub code: &'a str,
    /// The name of the state that the browser has there.
    pub state: &'a str,
    /// Where the visitor goes on to there.
    pub return_to: &'a str,
    /// Whether it was begun again once already.
    pub again: bool,
}

/// Asks a person who was handed over by the host of an app, where people signed in before, whether that is who they
/// are.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmHandOffPage<'a> {
    /// Who was handed over.
    pub email: &'a str,
    /// The code that stands for the session.
    pub code: &'a str,
    /// The name of the state that the browser has here.
    pub state: &'a str,
    /// Where the visitor goes on to.
    pub return_to: &'a str,
}

/// Leads on to another host, after a form: by itself, or at a press. A browser holds the policy of the page that has the
/// form against every redirect that follows, so that one to another host would lead nowhere, without a word.
#[derive(Clone, Copy, Debug)]
pub struct LeadOnPage<'a> {
    /// The host that the visitor wants to be at.
    pub host: &'a Host,
    /// Where the button leads.
    pub url: &'a str,
}

#[derive(Template)]
#[template(path = "pages/hand_off.html")]
struct HandOffTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a HandOffPage<'a>,
    action: String,
    next: String,
}

#[derive(Template)]
#[template(path = "pages/hand_off_confirm.html")]
struct ConfirmHandOffTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a ConfirmHandOffPage<'a>,
    confirm_url: &'static str,
    sign_in_url: String,
}

#[derive(Template)]
#[template(path = "pages/lead_on.html")]
struct LeadOnTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    url: &'a str,
}

impl HandOffPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        finish(&HandOffTemplate {
            frame: frame(chrome, heading(chrome, self.to.host()), &format!("{}{}", self.to, self.return_to)),
            words,
            page: self,
            action: format!("{}{HAND_OFF}", self.to),
            next: format!("{}{}", self.to, self.return_to),
        })
    }
}

impl ConfirmHandOffPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        finish(&ConfirmHandOffTemplate {
            frame: frame(chrome, words.say("hand-off-confirm-heading"), self.return_to),
            words,
            page: self,
            confirm_url: HAND_OFF_CONFIRM,
            sign_in_url: detour::returning(SIGN_IN, Some(self.return_to)),
        })
    }
}

impl LeadOnPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        finish(&LeadOnTemplate {
            frame: frame(chrome, heading(chrome, self.host), self.url),
            words: chrome.words(),
            url: self.url,
        })
    }
}

fn heading(chrome: &Chrome<'_>, host: &Host) -> String {
    chrome.words().with("hand-off-heading", "host", host.as_str().to_owned())
}

/// A frame for a page that cannot be asked for again: in another language, its visitor is led on to `return_to`.
fn frame<'a>(chrome: &'a Chrome<'_>, heading: String, return_to: &str) -> Frame<'a> {
    Frame::new(chrome, heading, &detour::with(LANGUAGE, "return_to", return_to))
}
