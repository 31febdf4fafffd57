//! What happened to an account, told to its address.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// What a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeEvent<'a> {
    /// A person with a code wants to get back in; it can be finished at that moment unless it is cancelled.
    RecoveryHeld {
        /// The moment, as people read it.
        until: &'a str,
    },
    /// The account was recovered.
    RecoveryDone,
    /// A held recovery was cancelled.
    RecoveryCancelled,
    /// A recovery was contested.
    RecoveryContested,
    /// A contested recovery was undone.
    RecoveryUndone,
    /// The operator alone lets this person back in.
    AskOperator,
    /// Codes were tried so often that letters carry long ones today.
    CodesTried,
    /// A passkey was added.
    PasskeyAdded {
        /// Who keeps it, and where it was made.
        passkey: &'a str,
    },
    /// More passkeys were added after the one of which there was a mail.
    MorePasskeysAdded,
    /// A passkey was removed.
    PasskeyRemoved {
        /// Who keeps it, and where it was made.
        passkey: &'a str,
    },
    /// A passkey was refused because it may have been copied.
    PasskeyCopied {
        /// Who keeps it, and where it was made.
        passkey: &'a str,
    },
    /// A person wanted to make this the address of another account.
    AddressWanted,
    /// A person wanted an account of this address, which is kept for the account that had it.
    AddressKept,
    /// The account has another address, which can be undone.
    AddressChanged {
        /// Until then, as people read it.
        until: &'a str,
    },
    /// A change of address was undone.
    AddressRestored,
    /// The account was deleted.
    AccountDeleted,
    /// A passkey was used that seems to have been moved to another manager.
    PasskeyMoved {
        /// Who kept it when it was made, and where that was.
        passkey: &'a str,
    },
}

/// A mail that says what happened, and leads to where it can be undone.
#[derive(Clone, Copy, Debug)]
pub struct NoticeLetter<'a> {
    /// The event that the mail tells of.
    pub told: NoticeEvent<'a>,
    /// When, as people read it.
    pub when: &'a str,
    /// The browser it happened in, as people know it.
    pub browser: &'a str,
    /// Where it can be undone, from `public_url`.
    pub undo_url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/notice.txt")]
struct NoticeText<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a NoticeLetter<'a>,
    says: &'a NoticeSentences,
}

#[derive(Template)]
#[template(path = "mail/notice.html")]
struct NoticeHtml<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a NoticeLetter<'a>,
    says: &'a NoticeSentences,
}

struct NoticeSentences {
    text: String,
    button: String,
    ignore: String,
}

impl NoticeLetter<'_> {
    /// The mail in a language, for an app.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let words = sheet.words;
        let (subject, text, button, ignore) = match self.told {
            NoticeEvent::RecoveryHeld { until } => (
                "mail-held-subject",
                words.with("mail-held-text", "until", until.to_owned()),
                "mail-held-button",
                "mail-held-ignore",
            ),
            NoticeEvent::RecoveryDone => (
                "mail-recovered-subject",
                words.say("mail-recovered-text"),
                "mail-devices-button",
                "mail-recovered-ignore",
            ),
            NoticeEvent::RecoveryCancelled => {
                ("mail-cancelled-subject", words.say("mail-cancelled-text"), "mail-devices-button", "mail-undo-ignore")
            }
            NoticeEvent::RecoveryContested => (
                "mail-contested-subject",
                words.say("mail-contested-text"),
                "mail-contested-button",
                "mail-contested-ignore",
            ),
            NoticeEvent::RecoveryUndone => {
                ("mail-undone-subject", words.say("mail-undone-text"), "mail-devices-button", "mail-undo-ignore")
            }
            NoticeEvent::AskOperator => (
                "mail-operator-subject",
                words.say("mail-operator-text"),
                "mail-devices-button",
                "mail-operator-ignore",
            ),
            NoticeEvent::CodesTried => {
                ("mail-tried-subject", words.say("mail-tried-text"), "mail-devices-button", "mail-tried-ignore")
            }
            NoticeEvent::PasskeyAdded { passkey } => (
                "mail-added-subject",
                words.with("mail-added-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
            NoticeEvent::MorePasskeysAdded => (
                "mail-more-added-subject",
                words.say("mail-more-added-text"),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
            NoticeEvent::PasskeyRemoved { passkey } => (
                "mail-removed-subject",
                words.with("mail-removed-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
            NoticeEvent::PasskeyCopied { passkey } => (
                "mail-copied-subject",
                words.with("mail-copied-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-copied-ignore",
            ),
            NoticeEvent::AddressWanted => {
                ("mail-wanted-subject", words.say("mail-wanted-text"), "mail-devices-button", "mail-wanted-ignore")
            }
            NoticeEvent::AddressKept => {
                ("mail-kept-subject", words.say("mail-kept-text"), "mail-devices-button", "mail-wanted-ignore")
            }
            NoticeEvent::AddressChanged { until } => (
                "mail-moved-away-subject",
                words.with("mail-moved-away-text", "until", until.to_owned()),
                "mail-moved-away-button",
                "mail-moved-away-ignore",
            ),
            NoticeEvent::AddressRestored => (
                "mail-restored-subject",
                words.say("mail-restored-text"),
                "mail-devices-button",
                "mail-restored-ignore",
            ),
            NoticeEvent::AccountDeleted => {
                ("mail-deleted-subject", words.say("mail-deleted-text"), "mail-deleted-button", "mail-deleted-ignore")
            }
            NoticeEvent::PasskeyMoved { passkey } => (
                "mail-moved-subject",
                words.with("mail-moved-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
        };
        let says = &NoticeSentences { text, button: words.say(button), ignore: words.say(ignore) };
        let subject = words.say(subject);
        Sheet::finish(subject, &NoticeText { sheet, letter: self, says }, &NoticeHtml { sheet, letter: self, says })
    }
}
