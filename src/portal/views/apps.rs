//! `/_bmauth/apps`: what the signed-in person may open.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// The page "Your apps".
#[derive(Clone, Debug)]
pub struct AppsPage<'a> {
    /// Who is signed in.
    pub email: &'a str,
    /// What they may open, in the order it is shown.
    pub apps: Vec<AppRow>,
}

/// An app that may be opened, as a link.
#[derive(Clone, Debug)]
pub struct AppRow {
    /// What it is called.
    pub name: String,
    /// Its whole address.
    pub address: String,
}

#[derive(Template)]
#[template(path = "pages/apps.html")]
struct AppsTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a AppsPage<'a>,
    devices_url: &'static str,
    account_url: &'static str,
    sign_out_url: String,
}

impl AppsPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        finish(&AppsTemplate {
            frame: Frame::new(chrome, words.say("apps-heading"), own_paths::APPS),
            words,
            page: self,
            devices_url: own_paths::DEVICES,
            account_url: own_paths::ACCOUNT,
            sign_out_url: detour::returning(own_paths::SIGN_OUT, Some(own_paths::APPS)),
        })
    }
}
