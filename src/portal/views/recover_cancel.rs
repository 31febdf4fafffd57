//! `/_bmauth/recover/cancel`: where the link in the mail about a held recovery leads.

use super::chrome::Chrome;
use super::word_link::{WordLinkQuestion, over};
use crate::domain::own_paths;
use crate::domain::recovery::Over;
use crate::domain::utc_offset::UtcOffset;
use crate::wording::{Words, moment};

/// Where a held recovery is stopped by the link in its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoverCancelPage {
    /// Asks before anything is stopped.
    Ask,
    /// Nothing that was brought is a whole link: asks for it again.
    NotWhole,
    /// What was brought is whole, and none of ours: asks for it again.
    NotRight,
    /// It was stopped.
    Done,
    /// It is over.
    Over {
        /// What is known of that.
        over: Over,
        /// How far the reader's clock is from UTC.
        offset: Option<UtcOffset>,
    },
}

impl RecoverCancelPage {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let asks = |heading, text, cut| WordLinkQuestion {
            here: own_paths::RECOVER_CANCEL,
            heading,
            text,
            button: "recover-cancel-button",
            cut,
            otherwise: "recover-cancel-otherwise",
        };
        let again = |text| asks("recover-not-stopped-heading", text, None).render(chrome);
        match self {
            Self::Ask => asks("recover-cancel-heading", "recover-cancel-text", Some("recover-link-cut")).render(chrome),
            Self::NotWhole => again("recover-link-not-whole"),
            Self::NotRight => again("recover-link-not-right"),
            Self::Done => over(chrome, "recover-cancelled-heading", vec![words.say("recover-cancelled-text")]),
            Self::Over { over: what, offset } => {
                let (heading, texts) = what_became(words, what, *offset);
                over(chrome, heading, texts)
            }
        }
    }
}

/// What can be said of a recovery that is over, by what is known of the account since.
fn what_became(words: Words<'_>, over: &Over, offset: Option<UtcOffset>) -> (&'static str, Vec<String>) {
    let Over { another_waits, recovered, stopped } = *over;
    let at = |key, at| words.with(key, "when", moment::in_full(words, at, offset));
    if another_waits {
        return ("recover-not-stopped-heading", vec![words.say("recover-another-waits")]);
    }
    match (recovered, stopped) {
        (Some(recovered), stopped) if stopped.is_none_or(|stopped| stopped <= recovered) => {
            ("recover-too-late-heading", vec![at("recover-too-late-text", recovered), words.say("recover-too-late-do")])
        }
        (recovered, Some(stopped)) => {
            let mut texts = vec![at("recover-stopped-before-text", stopped)];
            // It may be the one of this link.
            texts.extend(recovered.map(|recovered| at("recover-also-recovered", recovered)));
            ("recover-stopped-before-heading", texts)
        }
        (_, None) => ("recover-over-heading", vec![words.say("recover-over-text")]),
    }
}
