//! The 6-digit codes that prove an e-mail address.
//!
//! A code is not stored, not even as a digest: it is the keyed digest of its own random name, computed when the
//! letter is written and again when an answer is compared.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::secret::MacKey;

/// How long a code may be entered.
pub const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How often a code may be tried.
pub const TRIES: u32 = 5;
/// How often codes of one address may be tried wrongly within [`ADDRESS_WINDOW`], over all codes and browsers.
pub const TRIES_PER_ADDRESS: u32 = 50;
/// How many letters with a code one address gets within [`ADDRESS_WINDOW`].
pub const LETTERS_PER_ADDRESS: u32 = 20;
/// How many of those one network may cause.
pub const LETTERS_PER_ADDRESS_AND_NETWORK: u32 = 6;
/// How many letters with codes one network may cause within [`ADDRESS_WINDOW`], to any addresses.
pub const LETTERS_PER_NETWORK: u32 = 150;
/// The window of the counters of an address.
pub const ADDRESS_WINDOW: Duration = Duration::from_secs(60 * 60);
/// How long a visitor waits before asking for another code.
pub const RESEND_AFTER: Duration = Duration::from_secs(30);

/// A code's name: random, so that the code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CodeId(pub Uuid);

/// Six digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code([u8; 6]);

impl Code {
    /// The code of that name under the gateway's `key`.
    pub fn derive(key: &MacKey, id: CodeId) -> Self {
        let digest = key.mac(&[id.0.as_bytes()]);
        let (head, _) = digest.split_first_chunk::<8>().expect("a digest has 32 bytes");
        // 2^64 values over a million codes: the bias is below one in 10^13.
        let mut rest = u64::from_be_bytes(*head) % 1_000_000;
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).expect("a digit is below ten");
            rest /= 10;
        }
        Self(digits)
    }

    /// Reads what a person typed or pasted: six digits, with spaces and dashes anywhere.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut digits = typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2014}'));
        let mut code = [0; 6];
        for slot in &mut code {
            *slot = u8::try_from(digits.next()?).ok().filter(u8::is_ascii_digit)?;
        }
        digits.next().is_none().then_some(Self(code))
    }

    /// The digits as text.
    pub fn text(&self) -> String {
        self.0.iter().map(|digit| char::from(*digit)).collect()
    }

    /// Whether both are the same; takes the same time for any answer.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
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
        let code = Code(*b"482139");
        for typed in ["482139", "482 139", " 482-139\n", "4 8 2 1 3 9", "482\u{2013}139"] {
            assert_eq!(Code::parse(typed), Some(code), "{typed:?}");
        }
        for typed in ["", "48213", "4821390", "48213a", "４８２１３９", "482139x", "+48213"] {
            assert_eq!(Code::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_code_is_fixed_by_key_and_name_and_evenly_spread() {
        let key = MacKey::derive(&Secret::from_bytes([3; 32]), "codes");
        let other = MacKey::derive(&Secret::from_bytes([4; 32]), "codes");
        let id = |n| CodeId(Uuid::from_u128(n));
        assert_eq!(Code::derive(&key, id(1)), Code::derive(&key, id(1)));
        assert_ne!(Code::derive(&key, id(1)), Code::derive(&other, id(1)));
        let mut first_digits = [0_u32; 10];
        for n in 0..10_000 {
            first_digits[usize::from(Code::derive(&key, id(n)).0[0] - b'0')] += 1;
        }
        assert!(first_digits.iter().all(|count| (850..1150).contains(count)), "{first_digits:?}");
    }
}
