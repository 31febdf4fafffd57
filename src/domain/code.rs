//! The codes that prove an e-mail address: of six digits, or, where those were tried too often, of fifteen letters.
//!
//! A code is not stored, not even as a digest: it is the keyed digest of its own random name, computed when the
//! letter is written and again when an answer is compared.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::code_letters;
use super::secret::MacKey;

/// How long a code may be entered.
pub const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How often a code may be tried.
pub const TRIES: u32 = 5;
/// How often codes of six digits of one address may be tried within [`DAY`], over all codes and browsers. Past that,
/// letters carry codes that cannot be guessed and need no limit, so strangers' tries do not keep an owner out (NIST SP
/// 800-63B-4 §3.2.2 wants a limit over the account for what is shorter than 64 bits).
pub const TRIES_PER_ADDRESS: u32 = 20;
/// How often codes of the operator may be tried for one address within [`HOUR`]. It is more often than strangers can
/// with as many letters as the address gets, and five tries of each, so they keep no holder of such a code out.
pub const OPERATORS_TRIES_PER_ADDRESS: u32 = 1000;
/// How many letters with a code one address gets within [`HOUR`], and within [`DAY`].
pub const LETTERS_PER_ADDRESS: [u32; 2] = [20, 60];
/// How many of those one network may cause. As many may a browser that is known to the account, beside the others.
pub const LETTERS_PER_ADDRESS_AND_NETWORK: [u32; 2] = [6, 20];
/// How many letters with codes one network may cause within [`HOUR`], to any addresses.
pub const LETTERS_PER_NETWORK: u32 = 150;
/// The shorter window of counters.
pub const HOUR: Duration = Duration::from_secs(60 * 60);
/// The longer of the two windows in which letters and tries are counted.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a visitor waits before asking for another code.
pub const RESEND_AFTER: Duration = Duration::from_secs(30);

/// How a code is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// Six digits, which are limited in tries.
    Digits,
    /// Fifteen letters and digits: 75 bits.
    Letters,
}

/// A code's name: random, so that the code is. It says of which kind the code is: of six digits by version 4, of
/// letters by version 8 (RFC 9562 §5.4, §5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CodeId(pub Uuid);

impl CodeId {
    /// The name of a code of that kind, from a random one.
    pub fn new(kind: CodeKind, random: Uuid) -> Self {
        Self(match kind {
            CodeKind::Digits => random,
            CodeKind::Letters => uuid::Builder::from_custom_bytes(random.into_bytes()).into_uuid(),
        })
    }

    /// How its code is written.
    pub fn kind(self) -> CodeKind {
        if self.0.get_version_num() == 8 { CodeKind::Letters } else { CodeKind::Digits }
    }
}

/// Six digits, or fifteen letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(WrittenCode);

#[derive(Clone, Copy, PartialEq, Eq)]
enum WrittenCode {
    Digits([u8; 6]),
    Letters([u8; 15]),
}

impl Code {
    /// The code of that name under the gateway's `key`.
    pub fn derive(key: &MacKey, id: CodeId) -> Self {
        let digest = key.mac(&[id.0.as_bytes()]);
        Self(match id.kind() {
            CodeKind::Digits => WrittenCode::Digits(digits(&digest)),
            CodeKind::Letters => {
                let (head, _) = digest.split_first_chunk::<15>().expect("a digest has 32 bytes");
                WrittenCode::Letters(code_letters::spell(*head))
            }
        })
    }

    /// Reads what a person typed or pasted, with spaces and dashes anywhere and in any script's digits: six digits, or
    /// fifteen letters in uppercase or lowercase, with O for 0, I and L for 1. Or a text in which a code stands as it
    /// is told, such as the subject of its letter; `None` where there are two in it, as nothing tells which is meant.
    pub fn parse(typed: &str) -> Option<Self> {
        Self::parse_alone(typed).or_else(|| Self::find(typed))
    }

    fn parse_alone(typed: &str) -> Option<Self> {
        let is_short = code_letters::plain(typed).take(7).count() == 6;
        Some(Self(if is_short {
            let digits = code_letters::read::<6>(typed)?;
            let are_typed = code_letters::plain(typed).all(|c| c.is_ascii_digit());
            are_typed.then_some(WrittenCode::Digits(digits))?
        } else {
            WrittenCode::Letters(code_letters::read(typed)?)
        }))
    }

    /// The one code that stands in a text: six digits, also in two groups of three, that no other digits go on; or
    /// letters in groups joined by dashes. An app's name may have digits too.
    fn find(text: &str) -> Option<Self> {
        let mut found = None;
        let text: String = code_letters::ascii(text).collect();
        // What stands between signs; what is only parted by space or dashes may belong together.
        for part in text.split(|c: char| !c.is_alphanumeric() && !c.is_whitespace() && !code_letters::is_dash(c)) {
            let words: Vec<&str> = part
                .split_whitespace()
                .map(|word| word.trim_matches(code_letters::is_dash))
                .filter(|word| !word.is_empty())
                .collect();
            let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit() || code_letters::is_dash(c));
            for run in words.chunk_by(|word, next| is_number(word) && is_number(next)) {
                let groups: Vec<&str> = run.iter().flat_map(|word| word.split(code_letters::is_dash)).collect();
                let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
                let code = match run {
                    [word] if !is_number(word) => code_letters::grouped_in(word).map(WrittenCode::Letters),
                    _ if matches!(lengths[..], [6] | [3, 3]) => {
                        code_letters::read(&groups.concat()).map(WrittenCode::Digits)
                    }
                    _ => None,
                };
                match (found, code.map(Self)) {
                    (_, None) => {}
                    (None, some) => found = some,
                    (Some(one), Some(other)) if one == other => {}
                    (Some(_), Some(_)) => return None,
                }
            }
        }
        found
    }

    /// As it is told to a person: `482 139`, or `ABCDE-FGHJK-MNPQR`.
    pub fn text(&self) -> String {
        match &self.0 {
            WrittenCode::Digits(digits) => {
                let (first, second) = digits.split_at(3);
                format!("{} {}", String::from_utf8_lossy(first), String::from_utf8_lossy(second))
            }
            WrittenCode::Letters(letters) => code_letters::grouped(letters),
        }
    }

    /// Whether both are the same; takes the same time for any answer.
    pub fn matches(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (WrittenCode::Digits(one), WrittenCode::Digits(other)) => one.ct_eq(other).into(),
            (WrittenCode::Letters(one), WrittenCode::Letters(other)) => one.ct_eq(other).into(),
            (WrittenCode::Digits(_), WrittenCode::Letters(_)) | (WrittenCode::Letters(_), WrittenCode::Digits(_)) => {
                false
            }
        }
    }
}

fn digits(digest: &[u8; 32]) -> [u8; 6] {
    let (head, _) = digest.split_first_chunk::<8>().expect("a digest has 32 bytes");
    // 2^64 values over a million codes: the bias is below one in 10^13.
    let mut rest = u64::from_be_bytes(*head) % 1_000_000;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).expect("a digit is below ten");
        rest /= 10;
    }
    digits
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn people_may_type_a_code_with_spaces_and_dashes() {
        let code = Code(WrittenCode::Digits(*b"482139"));
        for typed in ["482139", "482 139", " 482-139\n", "4 8 2 1 3 9", "482\u{2013}139"] {
            assert_eq!(Code::parse(typed), Some(code), "{typed:?}");
        }
        for typed in ["", "48213", "4821390", "48213a", "482139x", "+48213", "O82I39", "½82139", "４８２１３"] {
            assert_eq!(Code::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn people_may_type_a_code_on_the_keyboard_they_have() {
        let code = Code(WrittenCode::Digits(*b"482139"));
        for typed in [
            "４８２１３９",
            "٤٨٢١٣٩",
            "۴۸۲ ۱۳۹",
            "४८२१३९",
            "৪৮২১৩৯",
            "๔๘๒ ๑๓๙",
            "\u{200f}٤٨٢ ١٣٩\u{200e}",
            "\u{202b}482139\u{202c}",
            "\u{2068}482 139\u{2069}",
            "\u{feff}482\u{200b}139",
            "482\u{a0}139",
            "482\u{202f}139",
            "４８２　１３９",
            "482\u{2212}139",
            "482\u{2011}139",
            "482\u{ff0d}139",
            "48\u{ad}2139",
        ] {
            assert_eq!(Code::parse(typed), Some(code), "{typed:?}");
        }
        let letters = Code::parse("ABCDE-FGHJK-MNPQ7").unwrap();
        for typed in ["ＡＢＣＤＥ－ＦＧＨＪＫ－ＭＮＰＱ７", "\u{2067}abcde\u{2013}fghjk\u{2013}mnpq٧\u{2069}"]
        {
            assert_eq!(Code::parse(typed), Some(letters), "{typed:?}");
        }
    }

    #[test]
    fn the_subject_of_a_letter_is_its_code() {
        let code = Code(WrittenCode::Digits(*b"482139"));
        for typed in [
            "482 139 is your Acme Notes code",
            "482 139 ist Ihr Code für Acme Notes",
            "Re: 482 139 is your Acme Notes code",
            "AW: Fwd: 482 139 ist Ihr Code für Area 51",
            "482 139 is your Area 51 code",
            "482 139 is your 1 2 3 code",
            "482139 is your Notes-2000 code.",
            "Subject: \u{2068}482 139\u{2069} is your Acme Notes code",
            "٤٨٢ ١٣٩ is your Acme Notes code",
            "“482-139”",
            "code:482139",
            "482 139 is your code. Again: 482139",
            "482 139 is your Notes 12:05:33 code",
        ] {
            assert_eq!(Code::parse(typed), Some(code), "{typed:?}");
        }
        for typed in [
            "482 139 is your 123456 code",
            "482 139 500 is your code",
            "Area 51 482 139",
            "4821 39 is your code",
            "482 is your 139 code",
            "1.482.139",
            "482139x is your code",
            "482-139-ABC is your code",
            "ABCDE-FGHJK-MNPQR and 482 139",
            "Acme Notes Maria writes daily",
        ] {
            assert_eq!(Code::parse(typed), None, "{typed:?}");
        }
        let letters = Code::parse("ABCDE-FGHJK-MNPQR").unwrap();
        for typed in [
            "ABCDE-FGHJK-MNPQR is your Acme Notes code",
            "Re: abcde\u{2011}fghjk\u{2011}mnpqr ist Ihr Code für Area 51",
        ] {
            assert_eq!(Code::parse(typed), Some(letters), "{typed:?}");
        }
    }

    #[test]
    fn a_code_is_fixed_by_key_and_name_and_evenly_spread() {
        let key = MacKey::derive(&Secret::from_bytes([3; 32]), "codes");
        let other = MacKey::derive(&Secret::from_bytes([4; 32]), "codes");
        let id = |n| CodeId::new(CodeKind::Digits, uuid::Builder::from_random_bytes(u128::to_be_bytes(n)).into_uuid());
        assert_eq!(Code::derive(&key, id(1)), Code::derive(&key, id(1)));
        assert_ne!(Code::derive(&key, id(1)), Code::derive(&other, id(1)));
        let mut first_digits = [0_u32; 10];
        for n in 0..10_000 {
            let WrittenCode::Digits(digits) = Code::derive(&key, id(n)).0 else { panic!("letters") };
            first_digits[usize::from(digits[0] - b'0')] += 1;
        }
        assert!(first_digits.iter().all(|count| (850..1150).contains(count)), "{first_digits:?}");
    }

    #[test]
    fn a_long_code_reads_as_it_was_told_and_is_no_short_one() {
        let key = MacKey::derive(&Secret::from_bytes([3; 32]), "codes");
        for n in 0..100 {
            let random = uuid::Builder::from_random_bytes(u128::to_be_bytes(n)).into_uuid();
            let [short, long] = [CodeKind::Digits, CodeKind::Letters].map(|kind| CodeId::new(kind, random));
            assert_eq!([short.kind(), long.kind()], [CodeKind::Digits, CodeKind::Letters]);
            let [short, long] = [short, long].map(|id| Code::derive(&key, id));
            assert_eq!([short.text().len(), long.text().len()], [7, 17]);
            for code in [short, long] {
                let typed = code.text().to_lowercase().replace('0', "o").replace('1', "l");
                let as_told = Code::parse(&code.text()).unwrap();
                assert!(as_told.matches(&code));
                assert!(code == short || Code::parse(&typed).unwrap().matches(&code), "{typed}");
            }
            assert!(!long.matches(&short) && !short.matches(&long));
        }
        for typed in ["ABCDE-FGHJK", "ABCDE-FGHJK-MNPQ", "ABCDE-FGHJK-MNPQRS", "ABCDE-FGHJK-MNPQU", "123456789012345x"]
        {
            assert!(Code::parse(typed).is_none(), "{typed}");
        }
    }
}
