//! What happened to an account, told to its address.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// What a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
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
pub struct Notice<'a> {
    /// The event that the mail tells of.
    pub told: Told<'a>,
    /// When, as people read it.
    pub when: &'a str,
    /// The browser it happened in, as people know it.
    pub browser: &'a str,
    /// Where it can be undone, from `public_url`.
    pub undo_url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/notice.txt")]
struct Text<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Notice<'a>,
    says: &'a Says,
}

#[derive(Template)]
#[template(path = "mail/notice.html")]
struct Html<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Notice<'a>,
    says: &'a Says,
}

struct Says {
    text: String,
    button: String,
    ignore: String,
}

impl Notice<'_> {
    /// The mail in a language, for an app.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let words = sheet.words;
        let (subject, text, button, ignore) = match self.told {
            Told::RecoveryHeld { until } => (
                "mail-held-subject",
                words.with("mail-held-text", "until", until.to_owned()),
                "mail-held-button",
                "mail-held-ignore",
            ),
            Told::RecoveryDone => (
                "mail-recovered-subject",
                words.say("mail-recovered-text"),
                "mail-devices-button",
                "mail-recovered-ignore",
            ),
            Told::RecoveryCancelled => {
                ("mail-cancelled-subject", words.say("mail-cancelled-text"), "mail-devices-button", "mail-undo-ignore")
            }
            Told::RecoveryContested => (
                "mail-contested-subject",
                words.say("mail-contested-text"),
                "mail-contested-button",
                "mail-contested-ignore",
            ),
            Told::RecoveryUndone => {
                ("mail-undone-subject", words.say("mail-undone-text"), "mail-devices-button", "mail-undo-ignore")
            }
            Told::AskOperator => (
                "mail-operator-subject",
                words.say("mail-operator-text"),
                "mail-devices-button",
                "mail-operator-ignore",
            ),
            Told::CodesTried => {
                ("mail-tried-subject", words.say("mail-tried-text"), "mail-devices-button", "mail-tried-ignore")
            }
            Told::PasskeyAdded { passkey } => (
                "mail-added-subject",
                words.with("mail-added-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
            Told::MorePasskeysAdded => (
                "mail-more-added-subject",
                words.say("mail-more-added-text"),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
            Told::PasskeyRemoved { passkey } => (
                "mail-removed-subject",
                words.with("mail-removed-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
            Told::PasskeyCopied { passkey } => (
                "mail-copied-subject",
                words.with("mail-copied-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-copied-ignore",
            ),
            Told::AddressWanted => {
                ("mail-wanted-subject", words.say("mail-wanted-text"), "mail-devices-button", "mail-wanted-ignore")
            }
            Told::AddressKept => {
                ("mail-kept-subject", words.say("mail-kept-text"), "mail-devices-button", "mail-wanted-ignore")
            }
            Told::AddressChanged { until } => (
                "mail-moved-away-subject",
                words.with("mail-moved-away-text", "until", until.to_owned()),
                "mail-moved-away-button",
                "mail-moved-away-ignore",
            ),
            Told::AddressRestored => (
                "mail-restored-subject",
                words.say("mail-restored-text"),
                "mail-devices-button",
                "mail-restored-ignore",
            ),
            Told::AccountDeleted => {
                ("mail-deleted-subject", words.say("mail-deleted-text"), "mail-deleted-button", "mail-deleted-ignore")
            }
            Told::PasskeyMoved { passkey } => (
                "mail-moved-subject",
                words.with("mail-moved-text", "passkey", passkey.to_owned()),
                "mail-devices-button",
                "mail-undo-ignore",
            ),
        };
        let says = &Says { text, button: words.say(button), ignore: words.say(ignore) };
        let subject = words.say(subject);
        Sheet::finish(subject, &Text { sheet, letter: self, says }, &Html { sheet, letter: self, says })
    }
}
