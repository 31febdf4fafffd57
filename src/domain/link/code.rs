//! The codes of a link, scanned or typed, and the number that is read from one screen and typed on the other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::LinkCodeDigest;
use crate::domain::clock::Entropy;
use crate::domain::secret::MacKey;

/// Crockford's base 32: digits and capitals without I, L, O and U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many of them a typed code has.
const TYPED: usize = 8;
/// How many letters of base64url a scanned code has.
const SCANNED: usize = 22;

/// The code in the picture: 128 random bits, which nobody guesses.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ScanCode([u8; 16]);

/// The code to be typed: 40 random bits. Tries are limited, or it could be searched for.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ShortCode([u8; 5]);

/// A code that somebody brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brought {
    /// Scanned, or followed as a link.
    Scan(ScanCode),
    /// Typed.
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
            text.push(char::from(*LETTERS.get(index).expect("there are 32 letters")));
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
        let mut letters = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2014}'));
        let mut bits = 0_u64;
        for _ in 0..TYPED {
            bits = (bits << 5) | value_of(letters.next()?)?;
        }
        if letters.next().is_some() {
            return None;
        }
        let [_, _, _, bytes @ ..] = bits.to_be_bytes();
        Some(Self(bytes))
    }
}

/// What a letter stands for; those that look like digits stand for them.
fn value_of(letter: char) -> Option<u64> {
    let meant = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let index = LETTERS.iter().position(|known| char::from(*known) == meant)?;
    u64::try_from(index).ok()
}

impl Brought {
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

/// Draws a number from 10 to 99, each as likely as any other.
pub fn number(entropy: &dyn Entropy) -> u8 {
    loop {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        // 180 is the largest multiple of the 90 numbers that fits into a byte.
        if let Some(byte) = bytes.into_iter().find(|byte| *byte < 180) {
            return 10 + byte % 90;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use sha2::{Digest as _, Sha256};

    use super::*;
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
            assert_eq!(Brought::parse(&scan.text()), Some(Brought::Scan(scan)));
            assert_eq!(short.text().len(), 9);
            assert_eq!(Brought::parse(&short.text()), Some(Brought::Short(short)));
        }
    }

    #[test]
    fn a_typed_code_forgives_what_people_do() {
        let code = Brought::Short(ShortCode::parse("10K7-QF3M").expect("a code"));
        for typed in
            ["10k7qf3m", " 10K7 QF3M ", "IOK7-QF3M", "lok7\u{2013}qf3m", "1-0-K-7-Q-F-3-M", "i o k 7 - q f 3 m"]
        {
            assert_eq!(Brought::parse(typed).as_ref(), Some(&code), "{typed}");
        }
        // As long as a scanned code.
        let long = "1 - 0 - K - 7 QF3M    ";
        assert_eq!((long.len(), Brought::parse(long).as_ref()), (SCANNED, Some(&code)));
        for typed in ["", "10K7-QF3", "10K7-QF3MX", "10K7-QF3U", "10K7_QF3M", "１０K7QF3M", "10K7QF3M!"] {
            assert_eq!(Brought::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_scanned_code_has_one_spelling() {
        let text = ScanCode([0xff; 16]).text();
        // The last letter carries four bits that no code sets.
        for bad in
            [format!("{}x", &text[..21]), format!("{}=", &text[..21]), format!("{text}=="), text[..21].to_owned()]
        {
            assert_eq!(Brought::parse(&bad), None, "{bad}");
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
        assert_eq!(Brought::Short(short.clone()).digest(&key), short.digest(&key));
    }

    #[test]
    fn every_number_is_as_likely_as_any_other() {
        let entropy = seeded();
        let mut drawn = [0_u32; 100];
        for _ in 0..90_000 {
            drawn[usize::from(number(&entropy))] += 1;
        }
        assert!(drawn[..10].iter().all(|count| *count == 0));
        assert!(drawn[10..].iter().all(|count| (850..1150).contains(count)), "{drawn:?}");
    }

    #[test]
    fn debug_shows_no_code() {
        let shown = format!("{:?} {:?}", ScanCode([1; 16]), Brought::Short(ShortCode([1; 5])));
        assert_eq!(shown, "ScanCode(…) Short(ShortCode(…))");
    }
}
