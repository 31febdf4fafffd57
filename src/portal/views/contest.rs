//! `/_bmauth/contest`.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::clock::Timestamp;
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::moment::{self, WordedMoment};
use crate::wording::{SplitSentence, Words};

/// "This account was recovered", for the owner of an older passkey.
#[derive(Clone, Copy, Debug)]
pub struct ContestPage<'a> {
    /// Names the question that stands for the proof of that passkey.
    pub question: &'a str,
    /// The account's address, where the code went.
    pub email: &'a str,
    /// Codes come from the operator, and not by mail.
    pub by_hand: bool,
    /// The browser that recovered, in words.
    pub browser: &'a str,
    /// What the passkey is called that was made; `None` where none is yet.
    pub made: Option<&'a str>,
    /// What the older passkey is called that was used.
    pub older: Option<&'a str>,
    /// When the account was recovered.
    pub recovered_at: Timestamp,
    /// A recovery was stopped before.
    pub is_again: bool,
    /// This one was stopped meanwhile.
    pub is_stopped: bool,
}

#[derive(Template)]
#[template(path = "pages/contest.html")]
struct ContestTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a ContestPage<'a>,
    /// The browser that recovered, where the passkey's name does not say it.
    browser: Option<&'a str>,
    who: SplitSentence,
    when: WordedMoment,
    sign_in_url: &'static str,
}

impl ContestPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let heading = if self.is_stopped { "contest-stopped-heading" } else { "contest-heading" };
        let here = detour::with(own_paths::CONTEST, "question", self.question);
        let who = if self.by_hand { "contest-who-by-hand" } else { "contest-who" };
        finish(&ContestTemplate {
            frame: Frame::new(chrome, words.say(heading), &here),
            browser: self.made.filter(|made| !made.contains(self.browser)).map(|_| self.browser),
            who: words.around(who, "email"),
            words,
            page: self,
            when: moment::minute(words, self.recovered_at),
            sign_in_url: own_paths::SIGN_IN,
        })
    }
}
