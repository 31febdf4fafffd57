//! From a letter as stored to a mail that can be sent.

use url::Url;

use super::letters::{AlreadyRegistered, Code, CodeFor, NotInvited, Notice, Rendered, Told, Welcome};
use crate::domain::brand::Brand;
use crate::domain::clock::Timestamp;
use crate::domain::code::{self, CodeId};
use crate::domain::language::Language;
use crate::domain::letter::{Letter, Message};
use crate::domain::own_paths::{DEVICES, RECOVER_CANCEL, SIGN_IN};
use crate::domain::provider;
use crate::domain::recovery::CancelLink;
use crate::domain::secret::MacKey;
use crate::wording::{Words, moment};

/// Writes letters for one app. Links are built from the configured address, never from a request.
#[derive(Debug)]
pub struct Writer {
    brand: Brand,
    codes: MacKey,
    holds: MacKey,
    app_url: String,
    sign_in_url: String,
    devices_url: String,
}

impl Writer {
    /// A writer of letters from the app at `public_url`, with the keys of e-mailed codes and of cancelling links.
    pub fn new(brand: Brand, codes: MacKey, holds: MacKey, public_url: &Url) -> Self {
        let app_url = public_url.as_str().to_owned();
        let page = |path: &str| format!("{}{path}", app_url.trim_end_matches('/'));
        Self { brand, codes, holds, sign_in_url: page(SIGN_IN), devices_url: page(DEVICES), app_url }
    }

    /// The mail; `None` of a letter that never leaves. Only here is a code turned into digits.
    pub fn write(&self, letter: &Letter) -> Option<Rendered> {
        let language = Language::from_tag(&letter.language).unwrap_or_default();
        let words = Words::new(language, self.brand.name());
        let moment = |at: Timestamp| moment::in_full(words, at);
        let (when, browser) = (&*moment(letter.created_at), &*letter.browser);
        Some(match letter.message {
            Message::Code(id) => self.code(CodeFor::Registration, id, when, browser, language),
            Message::RecoveryCode(id) => self.code(CodeFor::Recovery, id, when, browser, language),
            Message::Nothing => return None,
            Message::AlreadyRegistered => {
                let sign_in_url = &*self.sign_in_url;
                AlreadyRegistered { when, browser, sign_in_url }.render(language, &self.brand)
            }
            Message::NotInvited => NotInvited { when, browser }.render(language, &self.brand),
            Message::Welcome => {
                let app_url = &*self.app_url;
                Welcome { when, browser, app_url }.render(language, &self.brand)
            }
            Message::RecoveryHeld { account, hold, until } => {
                // In the fragment, which no server's log shows and no scanner of mails can act on.
                let undo_url = &*format!(
                    "{}{RECOVER_CANCEL}#{}",
                    self.app_url.trim_end_matches('/'),
                    CancelLink { account, hold }.text(&self.holds)
                );
                let told = Told::RecoveryHeld { until: &moment(until) };
                Notice { told, when, browser, undo_url }.render(language, &self.brand)
            }
            Message::RecoveryDone => self.notice(Told::RecoveryDone, when, browser, language),
            Message::RecoveryCancelled => self.notice(Told::RecoveryCancelled, when, browser, language),
            Message::RecoveryContested => self.notice(Told::RecoveryContested, when, browser, language),
            Message::AskOperator => self.notice(Told::AskOperator, when, browser, language),
            Message::CodesTried => self.notice(Told::CodesTried, when, browser, language),
            Message::RecoveryUndone => self.notice(Told::RecoveryUndone, when, browser, language),
            Message::PasskeyAdded { aaguid } => {
                self.notice(Told::PasskeyAdded { provider: provider::name(aaguid) }, when, browser, language)
            }
            Message::MorePasskeysAdded => self.notice(Told::MorePasskeysAdded, when, browser, language),
            Message::PasskeyRemoved { aaguid } => {
                self.notice(Told::PasskeyRemoved { provider: provider::name(aaguid) }, when, browser, language)
            }
            Message::PasskeyCopied { aaguid } => {
                self.notice(Told::PasskeyCopied { provider: provider::name(aaguid) }, when, browser, language)
            }
            Message::PasskeyMoved { aaguid } => {
                self.notice(Told::PasskeyMoved { provider: provider::name(aaguid) }, when, browser, language)
            }
        })
    }

    fn code(&self, purpose: CodeFor, id: CodeId, when: &str, browser: &str, language: Language) -> Rendered {
        let code = &*code::Code::derive(&self.codes, id).text();
        Code { purpose, code, when, browser }.render(language, &self.brand)
    }

    fn notice(&self, told: Told<'_>, when: &str, browser: &str, language: Language) -> Rendered {
        Notice { told, when, browser, undo_url: &self.devices_url }.render(language, &self.brand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::Email;
    use crate::domain::letter::LetterId;
    use crate::domain::secret::Secret;

    #[test]
    fn the_code_in_the_letter_is_the_one_that_is_compared() {
        let key = MacKey::derive(&Secret::from_bytes([5; 32]), "e-mail codes");
        let url = Url::parse("https://notes.example.com").unwrap();
        let writer = Writer::new(Brand::new("Acme Notes").unwrap(), key.clone(), key.clone(), &url);
        let id = CodeId(uuid::Uuid::from_u128(11));
        let letter = Letter {
            id: LetterId(uuid::Uuid::nil()),
            to: Email::parse("maria@example.com").unwrap(),
            message: Message::Code(id),
            language: "en".to_owned(),
            browser: "Firefox on Windows".to_owned(),
            created_at: Timestamp::from_unix(1_795_305_480),
            due_at: Timestamp::from_unix(0),
            failures: 0,
            expires_at: Timestamp::from_unix(u64::MAX),
        };
        let mail = writer.write(&letter).unwrap();
        let digits: String = mail.subject.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits, code::Code::derive(&key, id).text().replace(' ', ""));
        assert!(mail.text.contains("21 Nov 2026, 23:58 UTC"), "{}", mail.text);
        assert!(mail.text.contains("Firefox on Windows"));
    }
}
