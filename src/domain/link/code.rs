//! The codes of a link, scanned or typed, and the number that is read from one screen and typed on the other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::LinkCodeDigest;
use crate::domain::clock::Entropy;
use crate::domain::code_letters::{self, ALPHABET};
use crate::domain::secret::MacKey;

/// How many of them a typed code has.
const TYPED: usize = 8;
/// How many letters of base64url a scanned code has.
const SCANNED: usize = 22;

/// The code in the picture: 128 random bits, which cannot be guessed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ScanCode([u8; 16]);

/// The code to be typed: 40 random bits. Tries are limited, or it could be searched for.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ShortCode([u8; 5]);

/// A code as a browser brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BroughtCode {
    /// Scanned, or followed as a link.
    Scan(ScanCode),
    /// Typed by hand, from the other screen.
    Short(ShortCode),
}

impl ScanCode {
    /// Draws a new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The text in the picture's address: 22 letters of unpadded base64url.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the store keeps in its place.
    pub fn digest(&self, key: &MacKey) -> LinkCodeDigest {
        LinkCodeDigest(key.mac(&[b"scan", &self.0]))
    }
}

impl ShortCode {
    /// Draws a new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 5];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Eight letters and digits with a dash in the middle: "K7QF-3MXP".
    pub fn text(&self) -> String {
        let bits = self.0.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        let mut text = String::with_capacity(TYPED + 1);
        for place in (0..TYPED).rev() {
            let index = usize::try_from((bits >> (5 * place)) & 31).expect("five bits are below 32");
            text.push(char::from(*ALPHABET.get(index).expect("there are 32 letters")));
            if place == TYPED / 2 {
                text.push('-');
            }
        }
        text
    }

    /// What the store keeps in its place. Keyed, as 40 bits behind a plain digest could be searched.
    pub fn digest(&self, key: &MacKey) -> LinkCodeDigest {
        LinkCodeDigest(key.mac(&[b"typed", &self.0]))
    }

    fn parse(text: &str) -> Option<Self> {
        let letters = code_letters::read::<TYPED>(text)?;
        let value =
            |letter: &u8| ALPHABET.iter().position(|known| known == letter).and_then(|at| u64::try_from(at).ok());
        let bits = letters.iter().try_fold(0_u64, |bits, letter| Some((bits << 5) | value(letter)?))?;
        let [_, _, _, bytes @ ..] = bits.to_be_bytes();
        Some(Self(bytes))
    }
}

impl BroughtCode {
    /// Reads either kind; `None` for what is neither. No text is both: their lengths differ.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != SCANNED {
            return ShortCode::parse(text).map(Self::Short);
        }
        let mut bytes = [0; 16];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(16) => Some(Self::Scan(ScanCode(bytes))),
            // A typed code in many spaces and dashes.
            _ => ShortCode::parse(text).map(Self::Short),
        }
    }

    /// What the store knows it by.
    pub fn digest(&self, key: &MacKey) -> LinkCodeDigest {
        match self {
            Self::Scan(code) => code.digest(key),
            Self::Short(code) => code.digest(key),
        }
    }
}

impl std::fmt::Debug for ScanCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScanCode(…)")
    }
}

impl std::fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShortCode(…)")
    }
}

/// Reads a number as it was typed, in the digits of any script; 0, which is never right, for any that is too large.
pub fn read_number(typed: &str) -> Option<u8> {
    let digits: String = code_letters::plain(typed).collect();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(0))
}

/// Draws a number from 10 to 99 that no slip makes of one that is `shown` already. Neither of its digits stands at the
/// same place there, nor is it such a number the other way round. Each that is left is as likely as any other.
pub fn number(entropy: &dyn Entropy, shown: impl Iterator<Item = u8>) -> u8 {
    let mut numbers: Vec<u8> = (10..=99).collect();
    for other in shown {
        let (tens, ones) = (other / 10, other % 10);
        numbers.retain(|number| {
            let digits = (number / 10, number % 10);
            digits.0 != tens && digits.1 != ones && digits != (ones, tens)
        });
    }
    let many = u8::try_from(numbers.len()).expect("there are 90 at most");
    // The largest multiple of so many numbers that fits into a byte.
    let even = u8::MAX / many * many;
    loop {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        if let Some(byte) = bytes.into_iter().find(|byte| *byte < even) {
            return *numbers.get(usize::from(byte % many)).expect("a remainder is below what it was divided by");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::domain::link::FINDERS;
    use crate::domain::secret::Secret;

    struct Seeded(AtomicU64);

    impl Entropy for Seeded {
        fn fill(&self, bytes: &mut [u8]) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            bytes.copy_from_slice(&block[..bytes.len()]);
        }
    }

    fn seeded() -> Seeded {
        Seeded(AtomicU64::new(0))
    }

    #[test]
    fn codes_are_read_as_they_are_written() {
        let entropy = seeded();
        for _ in 0..200 {
            let (scan, short) = (ScanCode::generate(&entropy), ShortCode::generate(&entropy));
            assert_eq!(scan.text().len(), SCANNED);
            assert_eq!(BroughtCode::parse(&scan.text()), Some(BroughtCode::Scan(scan)));
            assert_eq!(short.text().len(), 9);
            assert_eq!(BroughtCode::parse(&short.text()), Some(BroughtCode::Short(short)));
        }
    }

    #[test]
    fn a_typed_code_forgives_what_people_do() {
        let code = BroughtCode::Short(ShortCode::parse("10K7-QF3M").expect("a code"));
        for typed in
            ["10k7qf3m", " 10K7 QF3M ", "IOK7-QF3M", "lok7\u{2013}qf3m", "1-0-K-7-Q-F-3-M", "i o k 7 - q f 3 m"]
        {
            assert_eq!(BroughtCode::parse(typed).as_ref(), Some(&code), "{typed}");
        }
        // As long as a scanned code.
        let long = "1 - 0 - K - 7 QF3M    ";
        assert_eq!((long.len(), BroughtCode::parse(long).as_ref()), (SCANNED, Some(&code)));
        for typed in ["１０K7-QF3M", "\u{200e}10K7\u{2212}QF3M\u{200e}", "١٠K٧QF٣M", "10K7\u{a0}QF3M\u{feff}"] {
            assert_eq!(BroughtCode::parse(typed).as_ref(), Some(&code), "{typed}");
        }
        for typed in ["", "10K7-QF3", "10K7-QF3MX", "10K7-QF3U", "10K7_QF3M", "10K7QF3M!", "1½K7QF3M"] {
            assert_eq!(BroughtCode::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_scanned_code_has_one_spelling() {
        let text = ScanCode([0xff; 16]).text();
        // The last letter carries four bits that no code sets.
        for bad in
            [format!("{}x", &text[..21]), format!("{}=", &text[..21]), format!("{text}=="), text[..21].to_owned()]
        {
            assert_eq!(BroughtCode::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn digests_differ_by_key_and_kind() {
        let key = MacKey::derive(&Secret::from_bytes([1; 32]), "links");
        let other = MacKey::derive(&Secret::from_bytes([2; 32]), "links");
        let (scan, short) = (ScanCode([7; 16]), ShortCode([7; 5]));
        assert_ne!(scan.digest(&key), scan.digest(&other));
        assert_ne!(short.digest(&key), short.digest(&other));
        assert_ne!(scan.digest(&key), short.digest(&key));
        assert_eq!(BroughtCode::Short(short.clone()).digest(&key), short.digest(&key));
    }

    #[test]
    fn a_number_is_read_in_the_digits_of_any_script() {
        for typed in ["47", " 4 7\n", "٤٧", "۴۷", "４７", "\u{200f}47"] {
            assert_eq!(read_number(typed), Some(47), "{typed:?}");
        }
        assert_eq!(read_number("4747"), Some(0));
        for typed in ["", " ", "4a", "+47", "4.7"] {
            assert_eq!(read_number(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn every_number_is_as_likely_as_any_other() {
        let entropy = seeded();
        let mut drawn = [0_u32; 100];
        for _ in 0..90_000 {
            drawn[usize::from(number(&entropy, std::iter::empty()))] += 1;
        }
        assert!(drawn[..10].iter().all(|count| *count == 0));
        assert!(drawn[10..].iter().all(|count| (850..1150).contains(count)), "{drawn:?}");
    }

    #[test]
    fn no_slip_of_a_digit_makes_one_number_of_another() {
        let entropy = seeded();
        for _ in 0..2_000 {
            let mut shown = Vec::new();
            for _ in 0..FINDERS {
                shown.push(number(&entropy, shown.iter().copied()));
            }
            for (at, one) in shown.iter().enumerate() {
                for other in &shown[..at] {
                    let is_apart = one / 10 != other / 10 && one % 10 != other % 10;
                    assert!(is_apart && (one / 10, one % 10) != (other % 10, other / 10), "{shown:?}");
                }
            }
        }
    }

    #[test]
    fn debug_shows_no_code() {
        let shown = format!("{:?} {:?}", ScanCode([1; 16]), BroughtCode::Short(ShortCode([1; 5])));
        assert_eq!(shown, "ScanCode(…) Short(ShortCode(…))");
    }
}
