//! From a letter as stored to a mail that can be sent.

use url::Url;

use super::letters::{
    AlreadyRegistered, CodeLetter, CodeLetterPurpose, NotInvited, NoticeEvent, NoticeLetter, Rendered, Welcome,
};
use crate::domain::address::{self, UndoLink};
use crate::domain::brand::Brand;
use crate::domain::clock::Timestamp;
use crate::domain::code::{self, CodeId};
use crate::domain::language::Language;
use crate::domain::letter::{Letter, Message};
use crate::domain::own_paths::{ACCOUNT_UNDO, DEVICES, RECOVER_CANCEL, SIGN_IN};
use crate::domain::recovery::CancelLink;
use crate::domain::secret::MacKey;
use crate::wording::{Words, moment};

/// The keys that sign links in mails. Such a link acts by itself, for any person who has it.
#[derive(Debug)]
pub struct LinkKeys {
    /// Signs each [`CancelLink`].
    pub cancel: MacKey,
    /// Signs each [`UndoLink`].
    pub undo: MacKey,
}

/// Writes letters for one app. Links are built from the configured address, never from a request.
#[derive(Debug)]
pub struct LetterWriter {
    brand: Brand,
    codes: MacKey,
    links: LinkKeys,
    app_url: String,
    sign_in_url: String,
    devices_url: String,
}

impl LetterWriter {
    /// A writer of letters from the app at `public_url`, with the keys of e-mailed codes and of links.
    pub fn new(brand: Brand, codes: MacKey, links: LinkKeys, public_url: &Url) -> Self {
        let app_url = public_url.as_str().to_owned();
        let page = |path: &str| format!("{}{path}", app_url.trim_end_matches('/'));
        Self { brand, codes, links, sign_in_url: page(SIGN_IN), devices_url: page(DEVICES), app_url }
    }

    /// The mail; `None` of a letter that never leaves. Only here is a code turned into digits.
    pub fn write(&self, letter: &Letter) -> Option<Rendered> {
        let language = Language::from_tag(&letter.language).unwrap_or_default();
        let words = Words::new(language, self.brand.name());
        let moment = |at: Timestamp| moment::in_full(words, at, letter.offset);
        let (when, browser) = (&*moment(letter.created_at), &*letter.browser);
        Some(match &letter.message {
            Message::Code(id) => self.code(CodeLetterPurpose::Registration, *id, when, browser, language),
            Message::RecoveryCode(id) => self.code(CodeLetterPurpose::Recovery, *id, when, browser, language),
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
                let link = CancelLink { account: *account, hold: *hold }.text(&self.links.cancel);
                let undo_url = &*self.link(RECOVER_CANCEL, &link);
                let told = NoticeEvent::RecoveryHeld { until: &moment(*until) };
                NoticeLetter { told, when, browser, undo_url }.render(language, &self.brand)
            }
            Message::RecoveryDone => self.notice(NoticeEvent::RecoveryDone, when, browser, language),
            Message::RecoveryCancelled => self.notice(NoticeEvent::RecoveryCancelled, when, browser, language),
            Message::RecoveryContested => self.notice(NoticeEvent::RecoveryContested, when, browser, language),
            Message::AskOperator => self.notice(NoticeEvent::AskOperator, when, browser, language),
            Message::CodesTried => self.notice(NoticeEvent::CodesTried, when, browser, language),
            Message::AddressCode(id) => self.code(CodeLetterPurpose::Address, *id, when, browser, language),
            Message::AddressWanted => self.notice(NoticeEvent::AddressWanted, when, browser, language),
            Message::AddressKept => self.notice(NoticeEvent::AddressKept, when, browser, language),
            Message::AddressChanged { account, undo } => {
                let link = UndoLink { account: *account, undoes: *undo }.text(&self.links.undo);
                let undo_url = &*self.link(ACCOUNT_UNDO, &link);
                let told = NoticeEvent::AddressChanged { until: &moment(letter.created_at.after(address::UNDO)) };
                NoticeLetter { told, when, browser, undo_url }.render(language, &self.brand)
            }
            Message::AddressRestored => self.notice(NoticeEvent::AddressRestored, when, browser, language),
            Message::AccountDeleted => {
                let undo_url = &*self.app_url;
                NoticeLetter { told: NoticeEvent::AccountDeleted, when, browser, undo_url }
                    .render(language, &self.brand)
            }
            Message::RecoveryUndone => self.notice(NoticeEvent::RecoveryUndone, when, browser, language),
            // Where it was made stands below, as the browser that this was done in.
            Message::PasskeyAdded { aaguid } => {
                self.notice(NoticeEvent::PasskeyAdded { passkey: &words.passkey(*aaguid, "") }, when, browser, language)
            }
            Message::MorePasskeysAdded => self.notice(NoticeEvent::MorePasskeysAdded, when, browser, language),
            Message::PasskeyRemoved { aaguid, made_in } => self.notice(
                NoticeEvent::PasskeyRemoved { passkey: &words.passkey(*aaguid, made_in) },
                when,
                browser,
                language,
            ),
            Message::PasskeyCopied { aaguid, made_in } => self.notice(
                NoticeEvent::PasskeyCopied { passkey: &words.passkey(*aaguid, made_in) },
                when,
                browser,
                language,
            ),
            Message::PasskeyMoved { aaguid, made_in } => self.notice(
                NoticeEvent::PasskeyMoved { passkey: &words.passkey(*aaguid, made_in) },
                when,
                browser,
                language,
            ),
        })
    }

    /// A link that acts for the person who has it. What it says is in the fragment, which no server's log shows and no
    /// scanner of mails can act on.
    fn link(&self, page: &str, says: &str) -> String {
        format!("{}{page}#{says}", self.app_url.trim_end_matches('/'))
    }

    fn code(&self, purpose: CodeLetterPurpose, id: CodeId, when: &str, browser: &str, language: Language) -> Rendered {
        let code = &*code::Code::derive(&self.codes, id).text();
        CodeLetter { purpose, code, when, browser }.render(language, &self.brand)
    }

    fn notice(&self, told: NoticeEvent<'_>, when: &str, browser: &str, language: Language) -> Rendered {
        NoticeLetter { told, when, browser, undo_url: &self.devices_url }.render(language, &self.brand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::Email;
    use crate::domain::letter::LetterId;
    use crate::domain::secret::Secret;
    use crate::domain::utc_offset::UtcOffset;

    #[test]
    fn the_code_in_the_letter_is_the_one_that_is_compared() {
        let key = MacKey::derive(&Secret::from_bytes([5; 32]), "e-mail codes");
        let url = Url::parse("https://notes.example.com").unwrap();
        let links = LinkKeys { cancel: key.clone(), undo: key.clone() };
        let writer = LetterWriter::new(Brand::new("Acme Notes").unwrap(), key.clone(), links, &url);
        let id = CodeId(uuid::Uuid::from_u128(11));
        let letter = Letter {
            id: LetterId(uuid::Uuid::nil()),
            to: Email::parse("maria@example.com").unwrap(),
            message: Message::Code(id),
            language: "en".to_owned(),
            offset: None,
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
        let there = writer.write(&Letter { offset: UtcOffset::of_minutes(60), ..letter }).unwrap();
        assert!(there.text.contains("22 Nov 2026, 00:58 (UTC+1)"), "{}", there.text);
    }
}
