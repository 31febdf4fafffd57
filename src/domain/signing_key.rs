//! The keys that sign identity tokens, as the store keeps them.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::clock::Timestamp;

/// A private key that signs identity tokens, as stored.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Its name in tokens and in the JWKS.
    pub kid: String,
    /// `ES256` or `EdDSA`.
    pub algorithm: Algorithm,
    /// The private key, PKCS #8 DER.
    pub pkcs8: PrivateKey,
    /// When it was made; it is published from then on.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub active_from: Timestamp,
}

/// PKCS #8 bytes that no log shows.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PrivateKey(pub Vec<u8>);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// A signature algorithm of identity tokens (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    Es256,
    /// EdDSA with Ed25519 keys.
    EdDsa,
}

impl Algorithm {
    /// Each algorithm that keys may be for.
    pub const ALL: [Self; 2] = [Self::Es256, Self::EdDsa];

    /// The name in JOSE.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}
