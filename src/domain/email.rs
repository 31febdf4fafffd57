//! An e-mail address as the identity of an account.

use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _};

use super::code_letters::is_unseen;

/// The longest address SMTP can carry between its angle brackets, in bytes (RFC 5321 §4.5.3.1.3).
const LONGEST: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321 §4.5.3.1.1).
const LONGEST_LOCAL_PART: usize = 64;

/// An e-mail address in the one spelling under which its account is known.
///
/// The whole address is lowercase, and letters outside ASCII stand in one form of Unicode. RFC 5321 §2.4 lets a mail
/// host tell `Ann@` from `ann@`, but none in use does, and a person types either; two accounts for one mailbox would be
/// a trap. `Debug` does not show the address, so that it cannot slip into a log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email {
    text: String,
    /// Where the `@` stands.
    at: usize,
}

/// Why a text is not an address that can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EmailError {
    /// Nothing but space was typed.
    #[error("Enter an e-mail address.")]
    Empty,
    /// Longer than 254 bytes.
    #[error("This address is longer than the 254 characters an e-mail address may have.")]
    TooLong,
    /// No `@`, or more than one.
    #[error("An e-mail address has exactly one “@”, like name@example.com.")]
    At,
    /// The part before the `@` is empty, too long, or has a character or dot out of place.
    #[error("The part before the “@” is not one that a mailbox can have.")]
    LocalPart,
    /// The part after the `@` is not a full domain name.
    #[error("The part after the “@” is not a full domain name, like example.com.")]
    Domain,
}

impl Email {
    /// Reads an address as a person types it: space around it and case do not matter, nor what typed its letters, and
    /// both parts may be written in their own script (RFC 6531).
    ///
    /// # Errors
    /// One sentence for the person who typed it. Quoted local parts, comments and address literals are refused: no
    /// ordinary mailbox needs them; and what looks like another address.
    pub fn parse(typed: &str) -> Result<Self, EmailError> {
        let typed = typed.trim_matches(|c: char| c.is_whitespace() || is_unseen(c));
        if typed.is_empty() {
            return Err(EmailError::Empty);
        }
        if typed.len() > LONGEST {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = typed.split_once(is_at).ok_or(EmailError::At)?;
        if domain.contains(is_at) {
            return Err(EmailError::At);
        }
        let local = local_part(local).ok_or(EmailError::LocalPart)?;
        let domain = ascii_domain(domain).ok_or(EmailError::Domain)?;

        let mut text = local;
        let at = text.len();
        text.push('@');
        text.push_str(&domain);
        // A domain in its own script can grow when it becomes ASCII.
        if text.len() > LONGEST {
            return Err(EmailError::TooLong);
        }
        Ok(Self { text, at })
    }

    /// The whole address: the key of its account, and where to write to.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part after the `@`, in lowercase ASCII.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// Whether a mail server has to know SMTPUTF8 to take letters for it (RFC 6531 §3.1).
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }

    /// The part before the `@`, in lowercase.
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }
}

/// A domain of an address, as `Email::domain` gives it, or `None` where a mailbox cannot be there.
pub fn ascii_domain(typed: &str) -> Option<String> {
    let domain = idna::domain_to_ascii_cow(typed.as_bytes(), AsciiDenyList::STD3).ok()?;
    let mut labels = 0;
    for label in domain.split('.') {
        let fits = (1..=63).contains(&label.len());
        if !fits || label.starts_with('-') || label.ends_with('-') {
            return None;
        }
        labels += 1;
    }
    let top = domain.rsplit('.').next()?;
    // A last label of digits alone is an IP address or nothing (RFC 3696 §2).
    let is_name = labels >= 2 && !top.bytes().all(|byte| byte.is_ascii_digit());
    (is_name && domain.len() <= 253).then(|| domain.into_owned())
}

/// The sign in the middle, also as keyboards of full width type it.
fn is_at(c: char) -> bool {
    matches!(c, '@' | '\u{ff20}')
}

/// The part before the `@` in its one spelling: a dot-atom (RFC 5322 §3.2.3, RFC 6531 §3.3) of a length that SMTP
/// carries.
fn local_part(typed: &str) -> Option<String> {
    let local = if typed.is_ascii() { typed.to_ascii_lowercase() } else { of_all_scripts(typed)? };
    let is_dot_atom = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
    (is_dot_atom && local.len() <= LONGEST_LOCAL_PART).then_some(local)
}

/// A local part with letters outside ASCII, as names are compared: in lowercase and one form of Unicode (UTS #46).
/// `None` for characters that are not seen, and for look-alikes: letters of scripts that are not written together (UTS
/// #39 §5.2).
fn of_all_scripts(typed: &str) -> Option<String> {
    let reading = Uts46::new();
    let read = |text: &str| {
        let (read, result) = reading.to_unicode(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
        result.is_ok().then(|| read.into_owned())
    };
    let passes_over = |c: char| is_unseen(c) || read(c.encode_utf8(&mut [0; 4])).is_some_and(|read| read.is_empty());
    if typed.chars().any(passes_over) {
        return None;
    }
    let local = read(typed)?;
    let letters: String = local.chars().filter(|c| !c.is_ascii() || c.is_ascii_alphanumeric()).collect();
    // Read again it has to be the same, or there were two spellings of one address.
    let is_one_spelling = read(&local).as_ref() == Some(&local);
    (is_one_spelling && letters.check_restriction_level(RestrictionLevel::HighlyRestrictive)).then_some(local)
}

fn is_atext(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn reads(typed: &str, address: &str) {
        let email = Email::parse(typed).expect("an address");
        assert_eq!(email.as_str(), address);
    }

    #[track_caller]
    fn refuses(typed: &str, why: EmailError) {
        assert_eq!(Email::parse(typed), Err(why), "{typed:?}");
    }

    #[test]
    fn space_and_case_do_not_make_another_account() {
        reads("  Ann.Lee@Example.COM\n", "ann.lee@example.com");
        reads("ann+notes@example.com", "ann+notes@example.com");
        reads("o'hara_1@sub.example.co.uk", "o'hara_1@sub.example.co.uk");
    }

    #[test]
    fn a_domain_in_its_own_script_becomes_ascii() {
        reads("ann@Bücher.example", "ann@xn--bcher-kva.example");
        reads("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example");
        assert_eq!(
            Email::parse("ann@Bücher.example").map(|email| email.domain().to_owned()),
            Ok("xn--bcher-kva.example".to_owned())
        );
    }

    #[test]
    fn what_no_mailbox_has_is_refused() {
        refuses("   ", EmailError::Empty);
        refuses("ann", EmailError::At);
        refuses("ann@b@example.com", EmailError::At);
        refuses("@example.com", EmailError::LocalPart);
        refuses(".ann@example.com", EmailError::LocalPart);
        refuses("ann.@example.com", EmailError::LocalPart);
        refuses("a..b@example.com", EmailError::LocalPart);
        refuses("an n@example.com", EmailError::LocalPart);
        refuses("an\rn@example.com", EmailError::LocalPart);
        refuses("\"ann\"@example.com", EmailError::LocalPart);
        refuses("<ann@example.com>", EmailError::LocalPart);
        refuses("ann@", EmailError::Domain);
        refuses("ann@example", EmailError::Domain);
        refuses("ann@.example", EmailError::Domain);
        refuses("ann@example.com.", EmailError::Domain);
        refuses("ann@-a.example", EmailError::Domain);
        refuses("ann@a_b.example", EmailError::Domain);
        refuses("ann@exa mple.com", EmailError::Domain);
        refuses("ann@192.0.2.1", EmailError::Domain);
        refuses("ann@[192.0.2.1]", EmailError::Domain);
        refuses("ann@example.com\nbcc:b@example.com", EmailError::At);
        refuses("ann@example.com\nx", EmailError::Domain);
        refuses(&format!("{}@example.com", "a".repeat(65)), EmailError::LocalPart);
        refuses(&format!("a@{}.com", "a".repeat(64)), EmailError::Domain);
        refuses(&format!("a@{}com", "abc.".repeat(80)), EmailError::TooLong);
    }

    #[test]
    fn letters_of_any_script_have_one_spelling() {
        for (typed, address) in [
            ("jörg@example.com", "jörg@example.com"),
            ("JÖRG@Example.com", "jörg@example.com"),
            ("jo\u{308}rg@example.com", "jörg@example.com"),
            ("\u{feff}jörg@example.com\u{200e}", "jörg@example.com"),
            ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
            ("ｊｏｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "joe@example.com"),
            ("Ｊörg+ｎews@example.com", "jörg+news@example.com"),
            ("иван.иванов@example.com", "иван.иванов@example.com"),
            ("उपयोगकर्ता@example.com", "उपयोगकर्ता@example.com"),
            ("山田taro@example.jp", "山田taro@example.jp"),
            ("محمد@example.com", "محمد@example.com"),
            ("straße@example.com", "straße@example.com"),
        ] {
            reads(typed, address);
        }
    }

    #[test]
    fn what_is_not_seen_or_looks_like_another_is_refused() {
        for typed in [
            "jö\u{200b}rg@example.com",
            "jörg\u{ad}@example.com",
            "jö\u{202e}rg@example.com",
            "mar\u{2066}ía@example.com",
            "jö\u{34f}rg@example.com",
            "jö\u{3164}rg@example.com",
            "jö\u{e0041}rg@example.com",
            "jö\u{200d}rg@example.com",
            "ann\u{200b}@example.com",
            "ann\u{202e}x@example.com",
            "m\u{430}ria@example.com",
            "ραul@example.com",
            "jö\u{0}rg@example.com",
            "jö rg@example.com",
            "jö\u{a0}rg@example.com",
            "jö\u{85}rg@example.com",
            "jö..rg@example.com",
            ".jörg@example.com",
            "jörg\u{3002}@example.com",
            "😀@example.com",
            "jörg☃@example.com",
            "\u{308}rg@example.com",
            "xn--jrg-sna.ö\u{ffff}@example.com",
            "\"jörg\"@example.com",
            "<jörg@example.com>",
        ] {
            assert!(Email::parse(typed).is_err(), "{typed:?}");
        }
        refuses(&format!("{}@example.com", "ö".repeat(33)), EmailError::LocalPart);
        reads(&format!("{}@example.com", "ö".repeat(32)), &format!("{}@example.com", "ö".repeat(32)));
        refuses("jö@rg＠example.com", EmailError::At);
    }

    #[test]
    fn debug_does_not_show_the_address() {
        let email = Email::parse("ann@example.com").expect("an address");
        assert_eq!(format!("{email:?}"), "Email(…)");
    }

    #[test]
    fn its_parts_are_what_stands_around_the_at() {
        let email = Email::parse("Ann@Example.com").expect("an address");
        assert_eq!((email.local_part(), email.domain()), ("ann", "example.com"));
    }

    proptest! {
        #[test]
        fn reading_an_address_again_changes_nothing(typed in "\\PC{0,20}@\\PC{0,20}|\\PC{1,6}@example.com|[a-zA-Z0-9.+öÖßжשǅﬁ]{1,9}@[a-zA-Z0-9ü.-]{1,12}") {
            if let Ok(email) = Email::parse(&typed) {
                prop_assert!(email.domain().is_ascii());
                prop_assert!(email.as_str().len() <= LONGEST);
                prop_assert!(!email.as_str().chars().any(|c| c.is_control() || c.is_whitespace() || is_unseen(c)));
                prop_assert_eq!(email.as_str().to_lowercase(), email.as_str());
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                let stored = serde_json::to_string(&email).expect("a string");
                prop_assert_eq!(serde_json::from_str::<Email>(&stored).expect("the same"), email);
            }
        }
    }
}
