//! The page that says why something goes no further.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::gate::refusal::{GateRefusal, PageWords, RefusalDetails, WayOn};
use crate::wording::Words;

/// A page that says why something goes no further, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedPage<'a> {
    /// The reason, which decides what the page says.
    pub refusal: GateRefusal,
    /// What the page says beside it.
    pub details: RefusalDetails<'a>,
}

/// What a person is shown of what only a program can have caused, and is to be told about.
const FOR_PROGRAMS: PageWords =
    PageWords { heading: "error-bad-request-heading", text: "error-bad-request-text", way_on: WayOn::Nowhere };

#[derive(Template)]
#[template(path = "pages/refused.html")]
struct RefusedTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    text: String,
    action: Option<Action>,
    /// What else there is to do.
    others: Vec<Action>,
}

/// A button of the page.
struct Action {
    label: String,
    url: String,
}

impl RefusedPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let PageWords { heading, text, way_on } = self.refusal.page().unwrap_or(FOR_PROGRAMS);
        let frame = match self.details.here {
            Some(here) => Frame::new(chrome, words.say(heading), here),
            None => Frame::without_languages(chrome, words.say(heading)),
        };
        let (text, action) = (self.text(text, words), self.action(way_on, words));
        let others = if way_on == WayOn::AnotherAccount { self.ways_without_access(chrome) } else { Vec::new() };
        finish(&RefusedTemplate { frame, words, text, action, others })
    }

    /// Who is signed in, where that is what is in the way.
    fn signed_in_as(&self) -> Option<&str> {
        self.details.email.filter(|_| self.refusal == GateRefusal::Forbidden)
    }

    fn text(&self, key: &str, words: Words<'_>) -> String {
        if let Some(email) = self.signed_in_as() {
            return words.with("error-forbidden-who", "email", email.to_owned());
        }
        match self.details.wait {
            Some(wait) if self.refusal == GateRefusal::TooManyTries => {
                words.with("error-too-many-text", "wait", words.wait(wait))
            }
            Some(_) | None => words.say(key),
        }
    }

    /// What a person without access can do besides signing in with another account: ask for it, or open what is open to
    /// them.
    fn ways_without_access(&self, chrome: &Chrome<'_>) -> Vec<Action> {
        let words = chrome.words();
        let action = |label, url: &str| Action { label: words.say(label), url: url.to_owned() };
        let ask = chrome.brand.support_url().map(|url| action("error-forbidden-ask", url));
        let apps = self.details.has_apps.then(|| action("apps-heading", own_paths::APPS));
        ask.into_iter().chain(apps).collect()
    }

    fn action(&self, way_on: WayOn, words: Words<'_>) -> Option<Action> {
        let (label, url) = match way_on {
            WayOn::Nowhere => return None,
            WayOn::Home => ("error-home", "/".to_owned()),
            // An empty address is the page itself, asked for again with GET.
            WayOn::Again => ("try-again", self.details.retry.unwrap_or_default().to_owned()),
            WayOn::AnotherAccount => {
                let url = own_paths::SIGN_OUT_FOR_ANOTHER;
                let url = self.details.return_to.map_or(url.to_owned(), |to| detour::with(url, "return_to", to));
                ("error-forbidden-another", url)
            }
            WayOn::SignIn => ("try-again", own_paths::SIGN_IN.to_owned()),
            WayOn::BeginAgain(page) => ("error-ended-again", page.to_owned()),
        };
        Some(Action { label: words.say(label), url })
    }
}
