//! `/_bmauth/account`: what a person may change about their account, and its end.

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use super::moment::{self, WordedMoment};
use crate::domain::clock::Timestamp;
use crate::domain::language::Language;
use crate::domain::own_paths;
use crate::wording::Words;

/// "My account". Name and language are changed without a script.
#[derive(Clone, Copy, Debug)]
pub struct AccountPage<'a> {
    /// The account's proved address.
    pub email: &'a str,
    /// What the person wants to be called; empty where they have not said.
    pub name: &'a str,
    /// The language of ours that they chose.
    pub language: Option<Language>,
    /// What was changed just now.
    pub news: Option<AccountNews>,
    /// A change of its address that is not over.
    pub moving: Option<MoveRow<'a>>,
    /// The relying party's id, for what the browser's passkeys are called (WebAuthn L3 §5.1.10).
    pub rp_id: &'a str,
    /// The account's user handle in base64url, for the same.
    pub user_id: &'a str,
}

/// What was changed just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNews {
    /// Name and language.
    Saved,
    /// The address was changed.
    AddressChanged,
}

/// A change of address that is not over.
#[derive(Clone, Copy, Debug)]
pub enum MoveRow<'a> {
    /// It waits for its code.
    Asked {
        /// The new address.
        to: &'a str,
    },
    /// It can be undone.
    Done {
        /// The address from before.
        from: &'a str,
        /// Until when it can be undone.
        until: Timestamp,
    },
    /// It was undone, and there is no other.
    Undone {
        /// Until when there is no other change.
        until: Timestamp,
    },
}

/// An account was deleted by its owner.
#[derive(Clone, Copy, Debug)]
pub struct AccountDeletedPage;

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a AccountPage<'a>,
    languages: [Language; Language::ALL.len()],
    news: Option<String>,
    moved: Option<Moved>,
    code_url: &'static str,
    profile_url: &'static str,
    devices_url: &'static str,
    apps_url: &'static str,
}

/// A change of address that can be undone, or was, in words.
struct Moved {
    text: String,
    until_key: &'static str,
    until: WordedMoment,
}

#[derive(Template)]
#[template(path = "pages/account_deleted.html")]
struct AccountDeletedTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
}

impl AccountPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        finish(&AccountTemplate {
            frame: Frame::new(chrome, words.say("account-heading"), own_paths::ACCOUNT),
            words,
            page: self,
            languages: Language::ALL,
            news: self.news.map(|news| {
                words.say(match news {
                    AccountNews::Saved => "account-saved",
                    AccountNews::AddressChanged => "account-changed",
                })
            }),
            moved: match self.moving {
                Some(MoveRow::Done { from, until }) => Some(Moved {
                    text: words.with("account-moved", "email", from.to_owned()),
                    until_key: "account-moved-until",
                    until: moment::minute(words, until),
                }),
                Some(MoveRow::Undone { until }) => Some(Moved {
                    text: words.say("account-undone-lately"),
                    until_key: "account-undone-until",
                    until: moment::minute(words, until),
                }),
                Some(MoveRow::Asked { .. }) | None => None,
            },
            code_url: own_paths::ACCOUNT_ADDRESS,
            profile_url: own_paths::ACCOUNT_PROFILE,
            devices_url: own_paths::DEVICES,
            apps_url: own_paths::APPS,
        })
    }
}

impl AccountDeletedPage {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let frame = Frame::new(chrome, words.say("account-deleted-heading"), own_paths::ACCOUNT_DELETED);
        finish(&AccountDeletedTemplate { frame, words })
    }
}
