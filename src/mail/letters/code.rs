//! The code that proves an address.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// "482 139 is your Acme Notes code".
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    /// The six digits, without a space.
    pub code: &'a str,
    /// When it was asked for, as people read it.
    pub when: &'a str,
    /// The browser that asked, as people know it.
    pub browser: &'a str,
}

#[derive(Template)]
#[template(path = "mail/code.txt")]
struct Text<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Code<'a>,
    code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/code.html")]
struct Html<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Code<'a>,
    code: &'a str,
}

impl Code<'_> {
    /// The mail in a language, for an app. The code stands first in the subject, so that it is read without opening.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let code = &grouped(self.code);
        let subject = sheet.words.with("mail-code-subject", "code", code.clone());
        Sheet::finish(subject, &Text { sheet, letter: self, code }, &Html { sheet, letter: self, code })
    }
}

/// `482139` as `482 139`; anything that is not six characters stays as it is.
fn grouped(code: &str) -> String {
    match code.split_at_checked(3) {
        Some((first, second)) if code.len() == 6 => format!("{first} {second}"),
        _ => code.to_owned(),
    }
}
