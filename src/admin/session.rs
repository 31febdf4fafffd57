//! A session, as it is told to operators.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::Auth;
use crate::domain::account::Account;
use crate::domain::clock::Timestamp;
use crate::domain::session;

/// A session, as operators see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Its public name: `sid` in tokens.
    pub id: Uuid,
    /// The address of its account.
    pub email: String,
    /// The browser and system in words.
    pub browser: String,
    /// Where it was made from.
    pub address: Option<IpAddr>,
    /// How it was proved, as `amr` in tokens.
    pub amr: Vec<String>,
    /// When it began (RFC 3339, as every moment here).
    pub created_at: String,
    /// When it was last used, to the minute.
    pub last_seen_at: String,
    /// When it ends if it is not used again.
    pub ends_at: String,
    /// When the account was recovered, where the session came of that.
    pub recovered_at: Option<String>,
}

impl Session {
    /// A session as operators see it.
    pub(super) fn of(auth: &Auth, account: &Account, session: &session::Session) -> Self {
        let now = auth.now();
        Self {
            id: session.id.0,
            email: account.email.as_str().to_owned(),
            browser: session.browser.clone(),
            address: session.address,
            amr: session.authentication.methods.iter().map(|method| method.amr().to_owned()).collect(),
            created_at: session.created_at.rfc3339(),
            last_seen_at: session.last_seen_at.rfc3339(),
            ends_at: auth.sessions.limits().end(session.created_at.min(now), session.last_seen_at.min(now)).rfc3339(),
            recovered_at: session.recovered_at.map(Timestamp::rfc3339),
        }
    }
}
