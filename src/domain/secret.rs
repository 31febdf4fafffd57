//! Random secrets that people's browsers carry, and the digests by which the store knows them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::clock::Entropy;

/// 256 random bits, as carried by a cookie: 43 letters of unpadded base64url.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Draws a new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads the text form; `None` for anything that [`Secret::text`] does not write.
    pub fn parse(text: &str) -> Option<Self> {
        // 43 letters carry 258 bits: the decoder refuses the two that must be zero.
        if text.len() != 43 {
            return None;
        }
        let mut bytes = [0; 32];
        let read = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (read == bytes.len()).then_some(Self(bytes))
    }

    /// The text form, safe in cookies, forms and URLs.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the store keeps in its place.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest(Sha256::digest(self.0).into())
    }

    /// The bytes, for use as a key.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A secret from its bytes, as the store kept them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a [`Secret`]. The secret has 256 random bits, so a plain digest cannot be guessed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest's bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A digest from its bytes, as the store kept them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A key for digests of things too short to stand a plain digest, and for tokens bound to a browser.
#[derive(Clone, ZeroizeOnDrop)]
pub struct MacKey([u8; 32]);

impl MacKey {
    /// The key for one `purpose`, derived from the gateway's master secret.
    pub fn derive(master: &Secret, purpose: &str) -> Self {
        Self(mac(master.bytes(), &[b"bmauth key", purpose.as_bytes()]))
    }

    /// HMAC-SHA256 over `parts`, each prefixed by its length so that no two lists collide.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.0, parts)
    }

    /// Whether `given` is [`MacKey::mac`] of `parts` in unpadded base64url; takes the same time for any answer.
    pub fn verify_text(&self, parts: &[&[u8]], given: &str) -> bool {
        let expected = self.mac_text(parts);
        expected.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The same for a text whose letters may have lost their case: more than 200 bits are left of it.
    pub fn verify_text_in_any_case(&self, parts: &[&[u8]], given: &str) -> bool {
        let expected = self.mac_text(parts).to_ascii_lowercase();
        expected.as_bytes().ct_eq(given.to_ascii_lowercase().as_bytes()).into()
    }

    /// [`MacKey::mac`] in unpadded base64url.
    pub fn mac_text(&self, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(parts))
    }

    /// The key's bytes, for parts that do their own keyed derivation.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    use hmac::Mac as _;
    let mut mac = hmac::Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn text_round_trips() {
        let secret = Secret::generate(&Counting(7.into()));
        assert_eq!(Secret::parse(&secret.text()), Some(secret));
    }

    #[test]
    fn only_the_exact_text_form_is_read() {
        let text = Secret::from_bytes([0xff; 32]).text();
        for bad in [
            String::new(),
            text[..42].to_owned(),
            format!("{text}="),
            format!("{text}A"),
            format!("{}+", &text[..42]),
            // The last letter carries two bits that no secret sets.
            format!("{}9", &text[..42]),
        ] {
            assert_eq!(Secret::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Secret::from_bytes([1; 32])), "Secret(…)");
    }

    #[test]
    fn keys_differ_by_purpose_and_parts_do_not_run_together() {
        let master = Secret::from_bytes([1; 32]);
        let (one, two) = (MacKey::derive(&master, "one"), MacKey::derive(&master, "two"));
        assert_ne!(one.mac(&[b"a"]), two.mac(&[b"a"]));
        assert_ne!(one.mac(&[b"ab", b"c"]), one.mac(&[b"a", b"bc"]));
        assert!(one.verify_text(&[b"a"], &one.mac_text(&[b"a"])));
        assert!(!one.verify_text(&[b"a"], &one.mac_text(&[b"b"])));
        assert!(!one.verify_text(&[b"a"], ""));
        let text = one.mac_text(&[b"a"]);
        for given in [text.clone(), text.to_lowercase(), text.to_uppercase()] {
            assert!(one.verify_text_in_any_case(&[b"a"], &given));
            assert!(!one.verify_text_in_any_case(&[b"b"], &given) && !two.verify_text_in_any_case(&[b"a"], &given));
        }
        assert!(!one.verify_text_in_any_case(&[b"a"], ""));
    }
}
