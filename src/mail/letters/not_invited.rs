//! Sent to an address with which someone tried to register, and for which there is no account without an invitation.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// "New accounts with Acme Notes are by invitation".
#[derive(Clone, Copy, Debug)]
pub struct NotInvited<'a> {
    /// When someone tried, as people read it.
    pub when: &'a str,
    /// The browser they used, as people know it.
    pub browser: &'a str,
}

#[derive(Template)]
#[template(path = "mail/not_invited.txt")]
struct NotInvitedText<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a NotInvited<'a>,
}

#[derive(Template)]
#[template(path = "mail/not_invited.html")]
struct NotInvitedHtml<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a NotInvited<'a>,
}

impl NotInvited<'_> {
    /// The mail in a language, for an app.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let subject = sheet.words.say("mail-uninvited-subject");
        Sheet::finish(subject, &NotInvitedText { sheet, letter: self }, &NotInvitedHtml { sheet, letter: self })
    }
}
