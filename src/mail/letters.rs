//! The mails we send: each a struct with everything it says, and `render`.
//!
//! Text and a small HTML version say the same. Links are built by the caller from `public_url`, never from a request.

mod already_registered;
mod code;
mod not_invited;
mod notice;
mod trial;
mod welcome;

pub use already_registered::AlreadyRegistered;
pub use code::{CodeLetter, CodeLetterPurpose};
pub use not_invited::NotInvited;
pub use notice::{NoticeEvent, NoticeLetter};
pub use trial::Trial;
pub use welcome::Welcome;

use crate::domain::brand::Brand;
use crate::domain::language::Language;
use crate::wording::Words;

/// A mail ready to be addressed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, in one line.
    pub subject: String,
    /// The plain text version.
    pub text: String,
    /// The HTML version.
    pub html: String,
}

/// What every letter's template uses besides its own content.
struct Sheet<'a> {
    brand: &'a Brand,
    language: Language,
    words: Words<'a>,
}

impl<'a> Sheet<'a> {
    fn new(language: Language, brand: &'a Brand) -> Self {
        Self { brand, language, words: Words::new(language, brand.name()) }
    }

    /// The three parts, with line ends and the empty lines around the text tidied.
    fn finish(subject: String, text: &impl askama::Template, html: &impl askama::Template) -> Rendered {
        let write = |template: Result<String, askama::Error>| {
            template.expect("writing to a String cannot fail, and no letter of ours returns an error")
        };
        Rendered { subject, text: format!("{}\n", write(text.render()).trim()), html: write(html.render()) }
    }
}

#[cfg(test)]
mod tests;
