//! `/_bmauth/account/undo`: where the link in the mail to an address from before leads.

use super::chrome::Chrome;
use super::word_link::{WordLinkQuestion, over};
use crate::domain::own_paths;

/// Where a change of address is undone by the link in its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountUndoPage {
    /// Asks before anything is undone.
    Ask,
    /// Nothing that was brought is a whole link: asks for it again.
    NotWhole,
    /// What was brought is whole, and none of ours: asks for it again.
    NotRight,
    /// It was undone.
    Done,
    /// It was undone before, or is too old for that.
    Gone,
}

impl AccountUndoPage {
    /// The page as HTML.
    pub fn render(self, chrome: &Chrome<'_>) -> String {
        let asks = |heading, text, cut| WordLinkQuestion {
            here: own_paths::ACCOUNT_UNDO,
            heading,
            text,
            button: "account-undo-button",
            cut,
            otherwise: "account-undo-otherwise",
        };
        let again = |text| asks("account-not-undone-heading", text, None).render(chrome);
        let over = |heading, text| over(chrome, heading, vec![chrome.words().say(text)]);
        match self {
            Self::Ask => asks("account-undo-heading", "account-undo-text", Some("account-undo-cut")).render(chrome),
            Self::NotWhole => again("account-undo-not-whole"),
            Self::NotRight => again("account-undo-not-right"),
            Self::Done => over("account-undone-heading", "account-undone-text"),
            Self::Gone => over("account-undo-gone-heading", "account-undo-gone-text"),
        }
    }
}
