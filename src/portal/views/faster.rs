//! `/_bmauth/faster`.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// Offers a passkey on this device, after a sign-in with another one's. Its script goes on at once where the offer was
/// turned down before, or where the device can keep no passkey.
#[derive(Clone, Copy, Debug)]
pub struct FasterPage<'a> {
    /// Where the visitor goes either way: a whole address.
    pub return_to: &'a str,
}

#[derive(Template)]
#[template(path = "pages/faster.html")]
struct FasterTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a FasterPage<'a>,
}

impl FasterPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let here = detour::with(own_paths::FASTER, "return_to", self.return_to);
        finish(&FasterTemplate { frame: Frame::new(chrome, words.say("faster-heading"), &here), words, page: self })
    }
}
