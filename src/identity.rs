//! What upstreams are told: signing keys and their rotation, the JWKS, the identity token, and the API's access token.

pub mod access;
pub mod claims;
pub mod rotation;
mod signer;

use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{DecodingKey, EncodingKey};
use uuid::Uuid;

use crate::domain::clock::Timestamp;
use crate::domain::session::SessionFacts;
use crate::domain::signing_key::{Algorithm, SigningKey};
use claims::Claims;
use signer::Signer;

/// How tokens are made.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// The issuer that tokens name (`iss`).
    pub issuer: String,
    /// How they are signed.
    pub algorithm: Algorithm,
    /// How long an identity token is valid.
    pub lifetime: Duration,
    /// The API's access tokens.
    pub access: access::AccessTokenSettings,
}

/// Signs identity tokens and publishes the keys that verify them.
#[derive(Debug)]
pub struct Identity {
    settings: TokenSettings,
    ring: ArcSwap<Ring>,
}

#[derive(Debug)]
struct Ring {
    /// The signing keys, oldest first.
    keys: Vec<Key>,
    jwks: Bytes,
}

struct Key {
    kid: String,
    algorithm: Algorithm,
    active_from: Timestamp,
    signer: Signer,
    public: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Why no token could be made. The request it was for is refused.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no key of the configured algorithm.
    #[error("there is no signing key")]
    NoKey,
    /// The key did not load, or the signature failed.
    #[error("an identity token could not be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// A token or the JWKS could not be written.
    #[error("a token or the key set could not be written")]
    Write(#[from] serde_json::Error),
}

/// An identity token, signed.
#[derive(Clone, Debug)]
pub struct Token {
    /// The compact form (RFC 7515 §3.1).
    pub text: String,
    /// Until when it may be handed to an upstream: from then on less than half of its life is left.
    pub fresh_until: Timestamp,
}

impl Identity {
    /// An identity that signs with the newest active of `keys`.
    ///
    /// # Errors
    /// A key that does not load.
    pub fn new(settings: TokenSettings, keys: &[SigningKey]) -> Result<Self, IdentityError> {
        Ok(Self { settings, ring: ArcSwap::from_pointee(Ring::load(keys)?) })
    }

    /// Takes other keys in place of those it has, after a rotation.
    ///
    /// # Errors
    /// A key that does not load; the old keys stay.
    pub fn replace_keys(&self, keys: &[SigningKey]) -> Result<(), IdentityError> {
        self.ring.store(Ring::load(keys)?.into());
        Ok(())
    }

    /// How tokens are made.
    pub fn settings(&self) -> &TokenSettings {
        &self.settings
    }

    /// The published keys, as a JSON Web Key Set (RFC 7517 §5).
    pub fn jwks(&self) -> Bytes {
        self.ring.load().jwks.clone()
    }

    /// A token that tells `audience` who is signed in. It ends with the session, at `session_end`, if that is sooner
    /// than its lifetime.
    ///
    /// # Errors
    /// [`IdentityError::NoKey`], [`IdentityError::Sign`].
    pub fn mint(
        &self,
        told: &SessionFacts<'_>,
        audience: &str,
        session_end: Timestamp,
        jti: Uuid,
        now: Timestamp,
    ) -> Result<Token, IdentityError> {
        let ring = self.ring.load();
        let key = ring.signing(self.settings.algorithm, now)?;
        let expires = now.after(self.settings.lifetime).min(session_end);
        let claims = Claims::new(&self.settings.issuer, audience, told, jti, now, expires);
        let text = key.signer.sign(&claims)?;
        Ok(Token { text, fresh_until: now.after(self.settings.lifetime / 2).min(expires) })
    }
}

/// What RFC 7518 §3.1 and RFC 8037 §3.1 call it.
const fn jws_name(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

impl Ring {
    fn load(keys: &[SigningKey]) -> Result<Self, IdentityError> {
        let mut loaded = Vec::with_capacity(keys.len());
        let mut published = Vec::with_capacity(keys.len());
        for key in keys {
            let encoding = match key.algorithm {
                Algorithm::Es256 => EncodingKey::from_ec_der(&key.pkcs8.0),
                Algorithm::EdDsa => EncodingKey::from_ed_der(&key.pkcs8.0),
            };
            let mut jwk = Jwk::from_encoding_key(&encoding, jws_name(key.algorithm))?;
            jwk.common.key_id = Some(key.kid.clone());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            let public = DecodingKey::from_jwk(&jwk)?;
            published.push(jwk);
            let signer = Signer::load(key)?;
            let (kid, algorithm, active_from) = (key.kid.clone(), key.algorithm, key.active_from);
            loaded.push(Key { kid, algorithm, active_from, signer, public });
        }
        loaded.sort_by_key(|key| key.active_from);
        let jwks = serde_json::to_vec(&JwkSet { keys: published })?.into();
        Ok(Self { keys: loaded, jwks })
    }

    /// The newest key that may sign; where the clock was set back to before all of them, the one published longest. All
    /// are published, so what it signs can be verified, and the next rotation sets it back.
    fn signing(&self, algorithm: Algorithm, now: Timestamp) -> Result<&Key, IdentityError> {
        let mut keys = self.keys.iter().filter(|key| key.algorithm == algorithm);
        let first = keys.next().ok_or(IdentityError::NoKey)?;
        Ok(keys.rev().find(|key| key.active_from <= now).unwrap_or(first))
    }
}

#[cfg(test)]
mod tests;
