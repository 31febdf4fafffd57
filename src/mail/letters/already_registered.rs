//! Sent to the owner of an address with which someone tried to register.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// "You already have an account with Acme Notes".
#[derive(Clone, Copy, Debug)]
pub struct AlreadyRegistered<'a> {
    /// When someone tried, as people read it.
    pub when: &'a str,
    /// The browser they used, as people know it.
    pub browser: &'a str,
    /// The sign-in page, from `public_url`.
    pub sign_in_url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/already_registered.txt")]
struct AlreadyRegisteredText<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a AlreadyRegistered<'a>,
}

#[derive(Template)]
#[template(path = "mail/already_registered.html")]
struct AlreadyRegisteredHtml<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a AlreadyRegistered<'a>,
}

impl AlreadyRegistered<'_> {
    /// The mail in a language, for an app.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let subject = sheet.words.say("mail-registered-subject");
        Sheet::finish(
            subject,
            &AlreadyRegisteredText { sheet, letter: self },
            &AlreadyRegisteredHtml { sheet, letter: self },
        )
    }
}
