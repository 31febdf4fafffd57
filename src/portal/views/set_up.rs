//! `/_bmauth/recover/device`.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::wording::Words;

/// "Set up this device", once a recovery's code was proved.
#[derive(Clone, Copy, Debug)]
pub struct SetUpPage<'a> {
    /// The address that the code was sent to, for the browser to remember.
    pub email: &'a str,
}

#[derive(Template)]
#[template(path = "pages/set_up.html")]
struct SetUpTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    email: &'a str,
    sign_in_url: &'static str,
}

impl SetUpPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let frame = Frame::new(chrome, words.say("set-up-heading"), own_paths::RECOVER_DEVICE);
        finish(&SetUpTemplate { frame, words, email: self.email, sign_in_url: own_paths::SIGN_IN })
    }
}
