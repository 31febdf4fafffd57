//! What a browser is known by to the accounts that were signed in to with it. A known browser has tries of codes, and
//! letters with them, of its own, for when strangers have used up the others. It proves nothing beside that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::account::AccountId;
use super::secret::{MacKey, Secret};

const LENGTH: usize = 16;
/// Of so many accounts a browser is known; of more, those that were signed in to last.
const MOST: usize = 4;

/// A browser's name, and what the gateway wrote for each account. That is a keyed digest: the gateway alone can write
/// it, and it does not give away which accounts there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    id: [u8; LENGTH],
    seals: Vec<[u8; LENGTH]>,
}

impl KnownDevice {
    /// A browser that no account knows yet. Its name tells nothing about the token it follows from.
    pub fn named_after(token: &Secret, key: &MacKey) -> Self {
        Self { id: first_of(&key.mac(&[b"name", token.bytes()])), seals: Vec::new() }
    }

    /// Reads what [`Self::text`] wrote.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = (text.len() <= 128).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        let (parts, rest) = bytes.as_chunks::<LENGTH>();
        let (id, seals) = parts.split_first()?;
        (rest.is_empty() && seals.len() <= MOST).then(|| Self { id: *id, seals: seals.to_vec() })
    }

    /// As its cookie carries it.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.id].iter().chain(&self.seals).copied().flatten().collect::<Vec<u8>>())
    }

    /// The browser's name, with which its cookie begins.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// Whether the account was signed in to with it.
    pub fn is_known_to(&self, account: AccountId, key: &MacKey) -> bool {
        let seal = self.seal(account, key);
        self.seals.iter().any(|other| bool::from(other.ct_eq(&seal)))
    }

    /// The account was signed in to with it.
    #[must_use]
    pub fn known_to(mut self, account: AccountId, key: &MacKey) -> Self {
        let seal = self.seal(account, key);
        self.seals.retain(|other| *other != seal);
        self.seals.insert(0, seal);
        self.seals.truncate(MOST);
        self
    }

    fn seal(&self, account: AccountId, key: &MacKey) -> [u8; LENGTH] {
        first_of(&key.mac(&[b"seal", &self.id, account.0.as_bytes()]))
    }
}

fn first_of(digest: &[u8; 32]) -> [u8; LENGTH] {
    *digest.first_chunk().expect("a digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn fresh() -> KnownDevice {
        KnownDevice { id: [7; 16], seals: Vec::new() }
    }

    #[test]
    fn only_the_gateway_makes_a_browser_known_and_to_one_account_each() {
        let key = |n| MacKey::derive(&Secret::from_bytes([n; 32]), "devices");
        let account = |n| AccountId(Uuid::from_u128(n));
        let device = fresh().known_to(account(1), &key(1));
        assert_eq!(KnownDevice::read(&device.text()), Some(device.clone()));
        assert!(device.is_known_to(account(1), &key(1)));
        assert!(!device.is_known_to(account(2), &key(1)) && !device.is_known_to(account(1), &key(2)));
        let renamed = KnownDevice { id: [8; 16], ..device.clone() };
        assert!(!renamed.is_known_to(account(1), &key(1)));
        assert!(!fresh().is_known_to(account(1), &key(1)));
    }

    #[test]
    fn the_last_four_accounts_are_kept() {
        let key = MacKey::derive(&Secret::from_bytes([1; 32]), "devices");
        let account = |n| AccountId(Uuid::from_u128(n));
        let device = [1, 2, 1, 3, 4, 5, 5].into_iter().fold(fresh(), |device, n| device.known_to(account(n), &key));
        let known: Vec<_> = (1..=5).filter(|n| device.is_known_to(account(*n), &key)).collect();
        assert_eq!(known, [1, 3, 4, 5]);
    }

    #[test]
    fn what_is_not_one_is_none() {
        let long = "A".repeat(22 * 7);
        for text in ["", "AAAA", "A", "!", "AAAAAAAAAAAAAAAAAAAAAAA", &long] {
            assert_eq!(KnownDevice::read(text), None, "{text}");
        }
    }
}
