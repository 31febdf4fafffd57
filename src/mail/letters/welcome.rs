//! Sent once the address is proved and the account exists.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// "Welcome to Acme Notes".
#[derive(Clone, Copy, Debug)]
pub struct Welcome<'a> {
    /// When the account was created, as people read it.
    pub when: &'a str,
    /// The browser it was created in, as people know it.
    pub browser: &'a str,
    /// The app: `public_url`.
    pub app_url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/welcome.txt")]
struct WelcomeText<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Welcome<'a>,
}

#[derive(Template)]
#[template(path = "mail/welcome.html")]
struct WelcomeHtml<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Welcome<'a>,
}

impl Welcome<'_> {
    /// The mail in a language, for an app.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let subject = sheet.words.say("mail-welcome-subject");
        Sheet::finish(subject, &WelcomeText { sheet, letter: self }, &WelcomeHtml { sheet, letter: self })
    }
}
