//! The gateway's own keys as they stand in the database: wrapped, so that a copy of it signs nothing by itself.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::fault::PostgresFault;
use crate::domain::clock::Entropy;
use crate::domain::secret::Secret;
use crate::store::records::fault::RecordFault;
use crate::store::records::table::Table;

/// The form that is written now: this byte, a nonce, and what was wrapped with its tag (AES-256-GCM).
const FORM: u8 = 1;

/// What is wrapped: what was wrapped as one cannot be put in the place of another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrapped<'a> {
    /// The master secret.
    Master,
    /// The signing key of that `kid`.
    SigningKey(&'a str),
}

impl Wrapped<'_> {
    fn name(self) -> Vec<u8> {
        match self {
            Self::Master => b"bmauth storage: master secret".to_vec(),
            Self::SigningKey(kid) => [b"bmauth storage: signing key ", kid.as_bytes()].concat(),
        }
    }

    const fn table(self) -> Table {
        match self {
            Self::Master => Table::Meta,
            Self::SigningKey(_) => Table::SigningKeys,
        }
    }
}

/// Wraps and unwraps with the key of `storage.key_file`.
pub(in crate::store) struct Wrapping {
    key: LessSafeKey,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapping(…)")
    }
}

impl Wrapping {
    /// With that key; nonces are drawn from `entropy`.
    pub(super) fn new(key: &Secret, entropy: Arc<dyn Entropy>) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key.bytes()).expect("a secret has as many bytes as a key of AES-256");
        Self { key: LessSafeKey::new(key), entropy }
    }

    /// Wraps something. There are a few keys in a year, so random nonces never meet (NIST SP 800-38D §8.3).
    pub(super) fn wrap(&self, what: Wrapped<'_>, plain: &[u8]) -> Result<Vec<u8>, PostgresFault> {
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut sealed = plain.to_vec();
        let aad = Aad::from(what.name());
        let tag = self.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed);
        let tag =
            tag.map_err(|_| RecordFault::Unwritable { table: what.table(), why: "it cannot be wrapped".to_owned() })?;
        Ok([&[FORM][..], &nonce, &sealed, tag.as_ref()].concat())
    }

    /// Unwraps what [`Wrapping::wrap`] wrapped as the same thing.
    pub(super) fn unwrap(&self, what: Wrapped<'_>, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, PostgresFault> {
        let unreadable = |why: &str| RecordFault::Unreadable { table: what.table(), why: why.to_owned() };
        let (form, rest) = wrapped.split_first().ok_or_else(|| unreadable("it is empty"))?;
        if *form != FORM {
            return Err(unreadable("it is wrapped in a way that this bmauth does not know").into());
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(|| unreadable("it is too short"))?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(what.name());
        let length = match self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut opened) {
            Ok(plain) => plain.len(),
            Err(_) => {
                return Err(PostgresFault::Wrapped(
                    "the keys in the database were wrapped with another key than that of storage.key_file: put that file back",
                ));
            }
        };
        opened.truncate(length);
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Zeros;

    fn wrapping(key: u8) -> Wrapping {
        Wrapping::new(&Secret::from_bytes([key; 32]), Arc::new(Zeros))
    }

    #[test]
    fn what_was_wrapped_is_unwrapped_as_the_same_thing_with_the_same_key_alone() {
        let wrapped = wrapping(1).wrap(Wrapped::SigningKey("a"), b"private").unwrap();
        assert!(!wrapped.windows(7).any(|part| part == b"private"));
        assert_eq!(**wrapping(1).unwrap(Wrapped::SigningKey("a"), &wrapped).unwrap(), *b"private");
        for (key, what) in [(2, Wrapped::SigningKey("a")), (1, Wrapped::SigningKey("b")), (1, Wrapped::Master)] {
            let refused = wrapping(key).unwrap(what, &wrapped).unwrap_err();
            assert!(refused.to_string().contains("storage.key_file"), "{key} {what:?}: {refused}");
        }
        for byte in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[byte] ^= 1;
            assert!(wrapping(1).unwrap(Wrapped::SigningKey("a"), &changed).is_err(), "byte {byte}");
            assert!(wrapping(1).unwrap(Wrapped::SigningKey("a"), &wrapped[..byte]).is_err(), "{byte} bytes");
        }
    }
}
