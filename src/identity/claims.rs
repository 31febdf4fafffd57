//! The claims of an identity token, as README.md lists them.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::domain::clock::Timestamp;
use crate::domain::session::{Method, SessionFacts};

/// How far the clock of an upstream may be behind: it would refuse a token from its future (RFC 7519 §4.1.5).
pub(super) const BEHIND: Duration = Duration::from_secs(30);

/// The payload of the token that an upstream reads.
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
    groups: &'a [&'a str],
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
        told: &'a SessionFacts<'_>,
        jti: Uuid,
        now: Timestamp,
        expires: Timestamp,
    ) -> Self {
        let SessionFacts { session, account, email, name, groups, authentication, recovered_at } = told;
        Self {
            iss: issuer,
            aud: audience,
            sub: account.0,
            email,
            email_verified: true,
            name: *name,
            groups,
            sid: session.0,
            amr: authentication.methods.iter().copied().map(Method::amr).collect(),
            acr: authentication.acr(),
            // A clock that was ahead may have written these: no upstream is told of its future.
            auth_time: authentication.at.min(now).unix(),
            recovered_at: recovered_at.map(|at| at.min(now).unix()),
            iat: now.before(BEHIND).unix(),
            nbf: now.before(BEHIND).unix(),
            exp: expires.unix(),
            jti,
        }
    }
}
