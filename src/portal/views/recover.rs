//! `/_bmauth/recover`, and what the code page says once a recovery is held. All of it works without a script.

use std::time::Duration;

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use super::moment::{self, WordedMoment};
use crate::domain::clock::Timestamp;
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// How the operator lets people back in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoverPageMode {
    /// With a code by mail.
    Email,
    /// With a code by mail, after a while.
    Delayed,
    /// With a code that the operator hands out.
    Admin,
    /// Not at all.
    Off,
}

/// The page that asks whose account it is.
#[derive(Clone, Copy, Debug)]
pub struct RecoverPage<'a> {
    /// How it works here.
    pub mode: RecoverPageMode,
    /// What was typed last; empty at first.
    pub email: &'a str,
    /// Where the visitor goes once back in; `None` for the app's front page.
    pub return_to: Option<&'a str>,
    /// What happened last.
    pub state: RecoverState,
}

/// What happened last on the page that asks whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoverState {
    /// Nothing was typed yet.
    Fresh,
    /// What was typed is no address.
    InvalidEmail,
    /// No more codes for now.
    TooMany {
        /// Until there may be another.
        wait: Duration,
    },
}

/// The code was right; now the owner has time to say no.
#[derive(Clone, Copy, Debug)]
pub struct RecoverHeldPage {
    /// When it can be finished.
    pub until: Timestamp,
}

#[derive(Template)]
#[template(path = "pages/recover.html")]
struct RecoverTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a RecoverPage<'a>,
    lead: String,
    alert: Option<String>,
    button: String,
    recover_url: &'static str,
    sign_in_url: String,
    unsupported_url: String,
}

#[derive(Template)]
#[template(path = "pages/recover_held.html")]
struct RecoverHeldTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    until: WordedMoment,
    sign_in_url: &'static str,
}

impl RecoverPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let here = detour::returning(own_paths::RECOVER, self.return_to);
        let (lead, button) = match self.mode {
            RecoverPageMode::Email => ("recover-lead", "recover-button"),
            RecoverPageMode::Delayed => ("recover-delayed", "recover-button"),
            RecoverPageMode::Admin => ("recover-admin", "continue"),
            RecoverPageMode::Off => ("recover-off", "error-home"),
        };
        let alert = match self.state {
            RecoverState::Fresh => None,
            RecoverState::InvalidEmail => Some(words.say("email-invalid")),
            RecoverState::TooMany { wait } => Some(words.with("code-too-many", "wait", words.wait(wait))),
        };
        finish(&RecoverTemplate {
            frame: Frame::new(chrome, words.say("recover-heading"), &here),
            words,
            page: self,
            lead: words.say(lead),
            alert,
            button: words.say(button),
            recover_url: own_paths::RECOVER,
            sign_in_url: detour::returning(own_paths::SIGN_IN, self.return_to),
            unsupported_url: detour::with(
                &detour::returning(own_paths::UNSUPPORTED, self.return_to),
                "from",
                own_paths::RECOVER,
            ),
        })
    }
}

impl RecoverHeldPage {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let frame = Frame::new(chrome, words.say("recover-heading"), own_paths::RECOVER);
        let until = moment::minute(words, self.until);
        finish(&RecoverHeldTemplate { frame, words, until, sign_in_url: own_paths::SIGN_IN })
    }
}
