//! The claims of an identity token: CONTRACT.md 4.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::clock::Timestamp;
use crate::domain::session::{Method, SignedIn};

/// The payload of the token that a backend reads.
#[derive(Debug, Serialize)]
pub struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    email: &'a str,
    /// Always true: an account exists only once its address has been proved.
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    groups: &'a [String],
    sid: Uuid,
    amr: Vec<&'static str>,
    acr: &'static str,
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered_at: Option<u64>,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: Uuid,
}

impl<'a> Claims<'a> {
    /// What `audience` is told of a session from `now` to `expires`.
    pub fn new(
        issuer: &'a str,
        audience: &'a str,
        signed_in: &'a SignedIn,
        jti: Uuid,
        now: Timestamp,
        expires: Timestamp,
    ) -> Self {
        let SignedIn { session, account, .. } = signed_in;
        Self {
            iss: issuer,
            aud: audience,
            sub: account.id.0,
            email: account.email.as_str(),
            email_verified: true,
            name: account.name.as_deref(),
            groups: &account.groups,
            sid: session.id.0,
            amr: session.authentication.methods.iter().copied().map(Method::amr).collect(),
            acr: session.authentication.acr(),
            auth_time: session.authentication.at.unix(),
            recovered_at: session.recovered_at.map(Timestamp::unix),
            iat: now.unix(),
            nbf: now.unix(),
            exp: expires.unix(),
            jti,
        }
    }
}
