//! The code that proves an address.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeLetterPurpose {
    /// A code for creating an account.
    Registration,
    /// Getting back into one.
    Recovery,
    /// Giving one another address.
    Address,
}

/// "482 139 is your Acme Notes code".
#[derive(Clone, Copy, Debug)]
pub struct CodeLetter<'a> {
    /// What it is for.
    pub purpose: CodeLetterPurpose,
    /// The code, as it is told.
    pub code: &'a str,
    /// When it was asked for, as people read it.
    pub when: &'a str,
    /// The browser that asked, as people know it.
    pub browser: &'a str,
}

#[derive(Template)]
#[template(path = "mail/code.txt")]
struct CodeText<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a CodeLetter<'a>,
    code: &'a str,
    says: &'a CodeSentences,
}

#[derive(Template)]
#[template(path = "mail/code.html")]
struct CodeHtml<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a CodeLetter<'a>,
    code: &'a str,
    says: &'a CodeSentences,
}

struct CodeSentences {
    text: String,
    ignore: String,
}

impl CodeLetter<'_> {
    /// The mail in a language, for an app. The code stands first in the subject, so that it is read without opening.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let code = self.code;
        let subject = sheet.words.with("mail-code-subject", "code", code.to_owned());
        let (text, ignore) = match self.purpose {
            CodeLetterPurpose::Registration => ("mail-code-text", "mail-code-ignore"),
            CodeLetterPurpose::Recovery => ("mail-recovery-text", "mail-recovery-ignore"),
            CodeLetterPurpose::Address => ("mail-address-text", "mail-address-ignore"),
        };
        let says = &CodeSentences { text: sheet.words.say(text), ignore: sheet.words.say(ignore) };
        Sheet::finish(
            subject,
            &CodeText { sheet, letter: self, code, says },
            &CodeHtml { sheet, letter: self, code, says },
        )
    }
}
