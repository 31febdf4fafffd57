//! `/_bmauth/sign-in`.

use askama::Template;

use super::RegistrationOffer;
use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// The sign-in page. What goes wrong on it is shown by its script.
#[derive(Clone, Copy, Debug)]
pub struct SignInPage<'a> {
    /// The page that asked for a sign-in; `None` for a visitor who came on their own.
    pub return_to: Option<&'a str>,
    /// Whether "Create an account" is offered.
    pub registration: RegistrationOffer,
    /// Whether "Use another device" is offered.
    pub link: bool,
    /// Whether "Lost my device" is offered.
    pub recover: bool,
}

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a SignInPage<'a>,
    register_url: String,
    link_url: String,
    recover_url: String,
}

impl SignInPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let here = detour::returning(own_paths::SIGN_IN, self.return_to);
        finish(&SignInTemplate {
            frame: Frame::new(chrome, words.say("sign-in-heading"), &here),
            words,
            page: self,
            register_url: detour::returning(own_paths::REGISTER, self.return_to),
            link_url: detour::returning(own_paths::LINK_START, self.return_to),
            recover_url: detour::returning(own_paths::RECOVER, self.return_to),
        })
    }
}
