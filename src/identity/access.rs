//! Access tokens: what the API gives to apps that have no cookie. Only the gateway that signed one takes it, by its own
//! clock and its own published keys. An app can verify it verifies identity tokens.
//!
//! Forwarded tokens: what an app behind gets in the place of its visitor's access token, where its route says so. They
//! say the same, for that app alone, and open nothing here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::claims::{BEHIND, Claims};
use super::{Identity, IdentityError, Key, Ring, jws_name};
use crate::domain::account::AccountId;
use crate::domain::api::Grants;
use crate::domain::clock::Timestamp;
use crate::domain::session::{SessionFacts, SessionId, SignedIn};

/// How long an access token is good. Revocation does not wait for it: the gateway asks for its session each time.
pub const LIFETIME: Duration = Duration::from_secs(900);
/// The longest token that is read, in bytes; those with a few hundred groups stay below.
pub const LONGEST: usize = 16 * 1024;

/// How access tokens are made.
#[derive(Clone, Debug)]
pub struct AccessTokenSettings {
    /// `aud`; never the audience of a route.
    pub audience: String,
    /// What they grant.
    pub grants: Grants,
}

/// A signed access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The compact form (RFC 7515 §3.1).
    pub text: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What an access token says. It is true once the signature is verified; whether the session still lives is another
/// question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedAccess {
    /// The session that it was given to.
    pub session: SessionId,
    /// The account that the session is of.
    pub account: AccountId,
    /// Whether a passkey was used again a short while ago.
    pub elevated: bool,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Why a text is no access token that is good now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It is not in the one form in which they are made.
    #[error("it is no access token")]
    Malformed,
    /// It names no key, or one that is not published.
    #[error("its key is not known")]
    Key,
    /// It names another algorithm than that of its key.
    #[error("its algorithm is not that of its key")]
    Algorithm,
    /// Another issuer made it, or it was made for another audience.
    #[error("it is not from here for here")]
    Audience,
    /// It is not good any more.
    #[error("it has expired")]
    Expired,
    /// It is not good yet.
    #[error("it is not good yet")]
    NotYet,
    /// It was not signed by its key.
    #[error("its signature is wrong")]
    Signature,
}

/// A token of which everything is right but the signature, which is not looked at yet.
pub struct Unsigned<'a> {
    claimed: VerifiedAccess,
    message: &'a str,
    signature: &'a str,
    ring: arc_swap::Guard<std::sync::Arc<Ring>>,
    /// Its key's place in the ring.
    key: usize,
}

impl Unsigned<'_> {
    /// What it says of itself: for finding out whether exactly this text was verified before.
    pub fn claimed(&self) -> VerifiedAccess {
        self.claimed
    }

    /// Verifies the signature by the key that the token names.
    ///
    /// # Errors
    /// [`AccessError::Signature`].
    pub fn verify(&self) -> Result<VerifiedAccess, AccessError> {
        let key = self.ring.keys.get(self.key).ok_or(AccessError::Key)?;
        match jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            &key.public,
            jws_name(key.algorithm),
        ) {
            Ok(true) => Ok(self.claimed),
            Ok(false) | Err(_) => Err(AccessError::Signature),
        }
    }
}

impl Identity {
    /// An access token for a session. It expires with the session, at `session_end`, and with its elevation, where that
    /// is sooner than [`LIFETIME`].
    ///
    /// # Errors
    /// [`IdentityError::NoKey`], [`IdentityError::Sign`].
    pub fn mint_access(
        &self,
        signed_in: &SignedIn,
        elevated_until: Option<Timestamp>,
        session_end: Timestamp,
        jti: Uuid,
        now: Timestamp,
    ) -> Result<AccessToken, IdentityError> {
        let ring = self.ring.load();
        let key = ring.signing(self.settings.algorithm, now)?;
        let elevated_until = elevated_until.filter(|until| now < *until);
        let expires_at = [Some(now.after(LIFETIME)), Some(session_end), elevated_until].into_iter().flatten().min();
        let expires_at = expires_at.unwrap_or(now);
        let AccessTokenSettings { audience, grants } = &self.settings.access;
        let told = signed_in.facts();
        let claims = AccessClaims {
            identity: Claims::new(&self.settings.issuer, audience, &told, jti, now, expires_at),
            forwarded: false,
            hasura: HasuraClaims::new(grants, &told, elevated_until.is_some()),
        };
        Ok(AccessToken { text: key.signer.sign(&claims)?, expires_at })
    }

    /// What an app is handed in the place of the access token that `presented` was: the same for its own `audience`,
    /// and marked, so that it is never taken for an access token. It ends with that one, or with the session at
    /// `session_end`.
    ///
    /// # Errors
    /// [`IdentityError::NoKey`], [`IdentityError::Sign`].
    pub fn mint_forwarded(
        &self,
        told: &SessionFacts<'_>,
        presented: VerifiedAccess,
        audience: &str,
        session_end: Timestamp,
        jti: Uuid,
        now: Timestamp,
    ) -> Result<AccessToken, IdentityError> {
        let ring = self.ring.load();
        let key = ring.signing(self.settings.algorithm, now)?;
        let expires_at = presented.expires_at.min(session_end);
        let claims = AccessClaims {
            identity: Claims::new(&self.settings.issuer, audience, told, jti, now, expires_at),
            forwarded: true,
            hasura: HasuraClaims::new(&self.settings.access.grants, told, presented.elevated),
        };
        Ok(AccessToken { text: key.signer.sign(&claims)?, expires_at })
    }

    /// Verifies an access token at `now`.
    ///
    /// # Errors
    /// Any [`AccessError`].
    pub fn verify_access(&self, text: &str, now: Timestamp) -> Result<VerifiedAccess, AccessError> {
        self.read_access(text, now)?.verify()
    }

    /// Checks all of an access token but its signature, which costs more than the rest together.
    ///
    /// # Errors
    /// Any [`AccessError`] but [`AccessError::Signature`].
    pub fn read_access<'a>(&self, text: &'a str, now: Timestamp) -> Result<Unsigned<'a>, AccessError> {
        if text.len() > LONGEST {
            return Err(AccessError::Malformed);
        }
        let Compact { message, header, payload, signature } = Compact::split(text).ok_or(AccessError::Malformed)?;
        let header: AccessHeader = read_json(header)?;
        if header.typ != "JWT" {
            return Err(AccessError::Malformed);
        }
        let ring = self.ring.load();
        let named = |key: &Key| key.kid == *header.kid;
        let place = ring.keys.iter().position(named).ok_or(AccessError::Key)?;
        let key = ring.keys.get(place).ok_or(AccessError::Key)?;
        if header.alg != key.algorithm.as_str() {
            return Err(AccessError::Algorithm);
        }
        let payload: AccessPayload = read_json(payload)?;
        if payload.iss != self.settings.issuer || payload.aud != self.settings.access.audience {
            return Err(AccessError::Audience);
        }
        if payload.forwarded.is_some() {
            return Err(AccessError::Audience);
        }
        // An identity token has none of these claims, whatever audience some route had before.
        let elevated = match payload.hasura {
            HasuraPayload { user, .. } if user != payload.sub => return Err(AccessError::Malformed),
            HasuraPayload { elevated: Some(user), .. } if user != payload.sub => return Err(AccessError::Malformed),
            HasuraPayload { elevated, .. } => elevated.is_some(),
        };
        if now < Timestamp::from_unix(payload.nbf) {
            return Err(AccessError::NotYet);
        }
        let expires_at = Timestamp::from_unix(payload.exp);
        if now >= expires_at {
            return Err(AccessError::Expired);
        }
        let issued_at = Timestamp::from_unix(payload.iat).after(BEHIND);
        let (session, account) = (SessionId(payload.sid), AccountId(payload.sub));
        let claimed = VerifiedAccess { session, account, elevated, issued_at, expires_at };
        Ok(Unsigned { claimed, message, signature, ring, key: place })
    }

    /// Whether a text says of itself that it is an access token of ours, good or not, or one that we forwarded, which
    /// is good for nothing here. Such a text alone decides who asks, and no app is to see it. Nothing about it is
    /// verified.
    pub fn is_access_token(&self, text: &str) -> bool {
        let Some(Compact { payload, .. }) = Compact::split(text) else { return false };
        let Ok(json) = LAX.decode(payload) else { return false };
        let Ok(claims) = serde_json::from_slice::<Unverified<'_>>(&json) else { return false };
        let audience = self.settings.access.audience.as_str();
        let for_us = match claims.aud {
            Audience::One(aud) => aud == audience,
            Audience::Several(auds) => auds.iter().any(|aud| aud == audience),
        };
        (for_us || claims.forwarded.is_some()) && claims.iss == self.settings.issuer
    }
}

/// Reads as much as the laxest library would.
const LAX: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The parts of a signed token in its compact form (RFC 7515 §7.1).
struct Compact<'a> {
    /// What is signed.
    message: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        (!payload.contains('.')).then_some(Self { message, header, payload, signature })
    }
}

fn read_json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, AccessError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| AccessError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| AccessError::Malformed)
}

/// The header of a token that is read: what we write, and nothing else that could ask for another treatment (`crit`,
/// `jwk`, `jku`, `zip`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessHeader {
    typ: String,
    alg: String,
    kid: String,
}

/// The claims of a token that is read, as far as they decide. An `aud` that is a list is no text, so it is refused.
#[derive(Deserialize)]
struct AccessPayload {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    iat: u64,
    nbf: u64,
    exp: u64,
    forwarded: Option<IgnoredAny>,
    #[serde(rename = "https://hasura.io/jwt/claims")]
    hasura: HasuraPayload,
}

#[derive(Deserialize)]
struct HasuraPayload {
    #[serde(rename = "x-hasura-user-id")]
    user: Uuid,
    #[serde(rename = "x-hasura-auth-elevated")]
    elevated: Option<Uuid>,
}

#[derive(Deserialize)]
struct Unverified<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Audience<'a>,
    forwarded: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Several(Vec<Cow<'a, str>>),
}

/// The payload of an access token: that of an identity token, and what Hasura reads.
#[derive(Serialize)]
struct AccessClaims<'a> {
    #[serde(flatten)]
    identity: Claims<'a>,
    /// It was made for an app in the place of an access token.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    forwarded: bool,
    #[serde(rename = "https://hasura.io/jwt/claims")]
    hasura: HasuraClaims<'a>,
}

/// Hasura's claims: texts, but for the list of roles.
#[derive(Serialize)]
struct HasuraClaims<'a> {
    #[serde(rename = "x-hasura-user-id")]
    user: AccountId,
    #[serde(rename = "x-hasura-default-role")]
    default_role: &'a str,
    #[serde(rename = "x-hasura-allowed-roles")]
    roles: Vec<&'a str>,
    /// Always "false": every account here has proved an address.
    #[serde(rename = "x-hasura-user-is-anonymous")]
    anonymous: &'static str,
    #[serde(rename = "x-hasura-auth-elevated", skip_serializing_if = "Option::is_none")]
    elevated: Option<AccountId>,
    #[serde(flatten)]
    extra: BTreeMap<&'a str, Cow<'a, str>>,
}

impl<'a> HasuraClaims<'a> {
    fn new(grants: &'a Grants, told: &'a SessionFacts<'_>, elevated: bool) -> Self {
        Self {
            user: told.account,
            default_role: grants.default_role.as_str(),
            roles: grants.roles_of(told.groups.iter().copied()),
            anonymous: "false",
            elevated: elevated.then_some(told.account),
            extra: grants
                .extra
                .iter()
                .map(|(name, value)| (name.as_str(), value.of(told.email, &told.groups)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
