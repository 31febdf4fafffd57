//! `/_bmauth/register`.

use askama::Template;

use super::RegistrationOffer;
use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// The page that creates an account, or says that it cannot.
#[derive(Clone, Copy, Debug)]
pub struct RegisterPage<'a> {
    /// Where the visitor goes once the account is ready; `None` for the app's front page.
    pub return_to: Option<&'a str>,
    /// Whether accounts can be created.
    pub registration: RegistrationOffer,
}

#[derive(Template)]
#[template(path = "pages/register.html")]
struct RegisterTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a RegisterPage<'a>,
    sign_in_url: String,
}

#[derive(Template)]
#[template(path = "pages/register_closed.html")]
struct RegisterClosedTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    sign_in_url: String,
}

impl RegisterPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let here = detour::returning(own_paths::REGISTER, self.return_to);
        let sign_in_url = detour::returning(own_paths::SIGN_IN, self.return_to);
        let frame = Frame::new(chrome, words.say("register-heading"), &here);
        match self.registration {
            RegistrationOffer::Open | RegistrationOffer::Invite => {
                finish(&RegisterTemplate { frame, words, page: self, sign_in_url })
            }
            RegistrationOffer::Closed => finish(&RegisterClosedTemplate { frame, words, sign_in_url }),
        }
    }
}
