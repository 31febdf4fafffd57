//! Signs tokens with a key that was read once: `jsonwebtoken` reads it anew, and checks it, for each token.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, Signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use jsonwebtoken::errors::{Error, ErrorKind};
use serde::Serialize;

use super::{IdentityError, jws_name};
use crate::domain::signing_key::{Algorithm, SigningKey};

/// A key that signs, and what its tokens begin with.
pub(super) struct Signer {
    pair: SigningPair,
    /// The header, encoded, and its dot.
    start: String,
}

enum SigningPair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    /// Reads and checks a key.
    ///
    /// # Errors
    /// It is none of its algorithm.
    pub(super) fn load(key: &SigningKey) -> Result<Self, IdentityError> {
        let pair = match key.algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.pkcs8.0);
                SigningPair::Es256(pair.map_err(|_| Error::from(ErrorKind::InvalidEcdsaKey))?)
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(&key.pkcs8.0);
                SigningPair::EdDsa(pair.map_err(|_| Error::from(ErrorKind::InvalidEddsaKey))?)
            }
        };
        let mut header = Header::new(jws_name(key.algorithm));
        header.kid = Some(key.kid.clone());
        let mut start = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        start.push('.');
        Ok(Self { pair, start })
    }

    /// A token with these claims in the compact form (RFC 7515 §3.1).
    ///
    /// # Errors
    /// The claims could not be written, or the signature failed.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, IdentityError> {
        let claims = serde_json::to_vec(claims)?;
        // Base64 makes four letters of three bytes. The signature with its dot has 87, and what is over is for rounding.
        let mut text = String::with_capacity(self.start.len() + claims.len() * 4 / 3 + 96);
        text.push_str(&self.start);
        URL_SAFE_NO_PAD.encode_string(claims, &mut text);
        let signature = self.pair.sign(text.as_bytes())?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text)
    }
}

impl SigningPair {
    fn sign(&self, message: &[u8]) -> Result<Signature, IdentityError> {
        match self {
            Self::Es256(pair) => pair.sign(&SystemRandom::new(), message).map_err(|_| {
                let why = "the signature could not be made".to_owned();
                IdentityError::Sign(ErrorKind::Signing(why).into())
            }),
            Self::EdDsa(pair) => Ok(pair.sign(message)),
        }
    }
}
