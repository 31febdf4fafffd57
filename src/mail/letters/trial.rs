//! Sent by `bmauth check --mail-to`, to see whether letters arrive.

use askama::Template;

use super::{Rendered, Sheet};
use crate::domain::brand::Brand;
use crate::domain::language::Language;

/// "A test mail from Acme Notes".
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// When it was sent, as people read it.
    pub when: &'a str,
}

#[derive(Template)]
#[template(path = "mail/trial.txt")]
struct TrialText<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Trial<'a>,
}

#[derive(Template)]
#[template(path = "mail/trial.html")]
struct TrialHtml<'a> {
    sheet: &'a Sheet<'a>,
    letter: &'a Trial<'a>,
}

impl Trial<'_> {
    /// The mail in a language, for an app.
    pub fn render(&self, language: Language, brand: &Brand) -> Rendered {
        let sheet = &Sheet::new(language, brand);
        let subject = sheet.words.say("mail-trial-subject");
        Sheet::finish(subject, &TrialText { sheet, letter: self }, &TrialHtml { sheet, letter: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_is_in_both_versions_and_asks_for_nothing() {
        let brand = Brand::new("<Acme>").unwrap();
        let mail = Trial { when: "21 Nov 2026, 23:58 UTC" }.render(Language::English, &brand);
        assert_eq!(mail.subject, "A test mail from <Acme>");
        assert_eq!(
            mail.text,
            "Hello,\n\nMail from <Acme> arrives. Codes are sent the same way. There is nothing you need to do.\n\n\
             When: 21 Nov 2026, 23:58 UTC\n\nNot you? Whoever runs <Acme> typed this address to see whether mail arrives. Ignore \
             this mail.\n\n-- \n<Acme>\n"
        );
        assert!(
            mail.html.contains("Mail from &#60;Acme&#62; arrives") && !mail.html.contains("<Acme>"),
            "{}",
            mail.html
        );
        let german = Trial { when: "x" }.render(Language::German, &brand);
        assert!(german.subject.starts_with("Testmail") && german.text.contains("nichts"), "{german:?}");
        assert!(!german.text.contains("Browser") && !german.html.contains("Browser"), "no browser asked for it");
    }
}
