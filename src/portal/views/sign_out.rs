//! `/_bmauth/sign-out` and `/_bmauth/signed-out`.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// Asks before signing out: a GET changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct SignOutPage<'a> {
    /// Who is signed in.
    pub email: &'a str,
    /// Where "Go back" leads: a relative path, `/` for the app's front page.
    pub return_to: &'a str,
    /// Whether there are several hosts, of which every one is signed out of.
    pub everywhere: bool,
    /// Whether what an app kept in the browser goes, too.
    pub clears: bool,
    /// Whether it is done in order to sign in with another account, and come back.
    pub another: bool,
}

/// Says that the session has ended.
#[derive(Clone, Copy, Debug)]
pub struct SignedOutPage<'a> {
    /// Where signing in again leads.
    pub return_to: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "pages/sign_out.html")]
struct SignOutTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a SignOutPage<'a>,
    sign_out_url: &'static str,
}

#[derive(Template)]
#[template(path = "pages/signed_out.html")]
struct SignedOutTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    sign_in_url: String,
}

impl SignOutPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let path = if self.another { own_paths::SIGN_OUT_FOR_ANOTHER } else { own_paths::SIGN_OUT };
        let here = detour::with(path, "return_to", self.return_to);
        let heading = if self.another { "error-forbidden-another" } else { "sign-out-heading" };
        let frame = Frame::new(chrome, words.say(heading), &here);
        finish(&SignOutTemplate { frame, words, page: self, sign_out_url: own_paths::SIGN_OUT })
    }
}

impl SignedOutPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let here = detour::returning(own_paths::SIGNED_OUT, self.return_to);
        let frame = Frame::new(chrome, words.say("signed-out-heading"), &here);
        finish(&SignedOutTemplate { frame, words, sign_in_url: detour::returning(own_paths::SIGN_IN, self.return_to) })
    }
}
