//! Codes that an operator gives to a person who lost their devices, in place of an e-mailed one.
//!
//! Tries are counted by address, not by code: with a limit of its own, a stranger who knows an address could burn its
//! code. The 1000 tries that an address has in an hour find one of 2^50 codes in its day with a chance of one in 10^10.

use std::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::account::AccountId;
use super::clock::{Entropy, Timestamp};
use super::code_letters;
use super::secret::MacKey;

/// How long such a code may be entered.
pub const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

const LETTERS: usize = 10;

/// Ten letters, 50 random bits.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AdminCodeText([u8; LETTERS]);

impl AdminCodeText {
    /// Draws a new code.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut letters = [0; LETTERS];
        entropy.fill(&mut letters);
        Self(code_letters::spell(letters))
    }

    /// Reads what a person typed or pasted: in uppercase or lowercase, with spaces and dashes anywhere, O for 0, I and
    /// L for 1.
    pub fn parse(typed: &str) -> Option<Self> {
        code_letters::read(typed).map(Self)
    }

    /// As it is told to a person: `ABCDE-FGHJK`.
    pub fn text(&self) -> String {
        code_letters::grouped(&self.0)
    }

    /// What the store keeps in its place. It is of that account alone: the same code of another one has another digest.
    pub fn digest(&self, key: &MacKey, account: AccountId) -> CodeDigest {
        CodeDigest(key.mac(&[account.0.as_bytes(), &self.0]))
    }
}

impl std::fmt::Debug for AdminCodeText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminCodeText(…)")
    }
}

/// The keyed digest of a [`AdminCodeText`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeDigest(pub [u8; 32]);

impl CodeDigest {
    /// Whether both are the same; takes the same time for any answer.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A code that is out, as stored: an account has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminCode {
    /// Whose account it opens.
    pub account: AccountId,
    /// The digest of the code.
    pub digest: CodeDigest,
    /// From this moment on it is gone.
    pub expires_at: Timestamp,
}

impl AdminCode {
    /// A fresh code of an account.
    pub fn new(account: AccountId, digest: CodeDigest, now: Timestamp) -> Self {
        Self { account, digest, expires_at: now.after(LIFETIME) }
    }

    /// Whether it can still be entered.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.expires_at.is_ahead(now, LIFETIME)
    }

    /// Whether `typed` is it.
    pub fn is(&self, typed: &AdminCodeText, key: &MacKey) -> bool {
        self.digest.matches(&typed.digest(key, self.account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;
    use uuid::Uuid;

    struct Bytes(u8);

    impl Entropy for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, n) in bytes.iter_mut().zip(self.0..) {
                *byte = n;
            }
        }
    }

    #[test]
    fn a_code_reads_as_it_was_told() {
        for start in [0, 10, 22, 200] {
            let code = AdminCodeText::generate(&Bytes(start));
            assert_eq!(code.text().len(), 11);
            assert_eq!(AdminCodeText::parse(&code.text()).unwrap().0, code.0);
        }
        assert_eq!(AdminCodeText::generate(&Bytes(10)).text(), "ABCDE-FGHJK");
    }

    #[test]
    fn people_may_type_a_code_as_they_heard_it() {
        let code = AdminCodeText::parse("10ABC-DEF01").unwrap();
        for typed in [
            "10abcdef01",
            " IOABC DEFOL ",
            "l0abc\u{2013}def0i",
            "1-0-A-B-C-D-E-F-O-I\n",
            "１０ＡＢＣ－ＤＥＦ０１",
            "\u{2067}١٠abc\u{a0}def٠١\u{2069}",
        ] {
            assert_eq!(AdminCodeText::parse(typed).map(|typed| typed.0), Some(code.0), "{typed:?}");
        }
        for typed in ["", "10ABC-DEF0", "10ABC-DEF011", "10ABC-DEF0U", "10ABC-DEF0Ä", "10ABC_DEF01", "½0ABC-DEF01"] {
            assert!(AdminCodeText::parse(typed).is_none(), "{typed:?}");
        }
    }

    #[test]
    fn a_digest_is_of_one_code_one_account_and_one_key() {
        let key = |n| MacKey::derive(&Secret::from_bytes([n; 32]), "codes");
        let account = |n| AccountId(Uuid::from_u128(n));
        let (one, other) = (AdminCodeText::generate(&Bytes(1)), AdminCodeText::generate(&Bytes(2)));
        let digest = one.digest(&key(1), account(1));
        assert!(digest.matches(&one.digest(&key(1), account(1))));
        for wrong in
            [other.digest(&key(1), account(1)), one.digest(&key(2), account(1)), one.digest(&key(1), account(2))]
        {
            assert!(!digest.matches(&wrong));
        }
    }

    #[test]
    fn a_code_closes_with_its_day() {
        let at = Timestamp::from_unix;
        let code = AdminCode::new(AccountId(Uuid::nil()), CodeDigest([0; 32]), at(1000));
        assert!(code.is_open(at(1000 + 24 * 3600 - 1)));
        assert!(!code.is_open(at(1000 + 24 * 3600)));
    }

    #[test]
    fn only_the_right_code_is_it() {
        let key = MacKey::derive(&Secret::from_bytes([1; 32]), "codes");
        let (account, told) = (AccountId(Uuid::from_u128(1)), AdminCodeText::generate(&Bytes(1)));
        let code = AdminCode::new(account, told.digest(&key, account), Timestamp::from_unix(0));
        assert!(code.is(&told, &key));
        assert!(!code.is(&AdminCodeText::generate(&Bytes(2)), &key));
    }
}
