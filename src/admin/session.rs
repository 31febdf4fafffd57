//! The sessions of a browser, as they are told to operators.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::Auth;
use crate::domain::account::Account;
use crate::domain::clock::Timestamp;
use crate::domain::family::Family;

/// The sessions of a browser, as operators see them: one entry, also where it is signed in at several hosts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminSession {
    /// The public id of the session that the browser signed in to. Tokens for apps at its host carry it as `sid`.
    pub id: Uuid,
    /// The public ids of all its sessions, this one and those at other hosts, whose tokens carry theirs. Whichever of them
    /// is given to be ended, all of them end.
    pub sids: Vec<Uuid>,
    /// The address of its account.
    pub email: String,
    /// The browser and system in words.
    pub browser: String,
    /// The hosts it is good at; of a client of the API, none.
    pub hosts: Vec<String>,
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

impl AdminSession {
    /// The sessions of a browser as operators see them.
    pub(super) fn of(auth: &Auth, account: &Account, family: &Family) -> Self {
        let (now, session) = (auth.now(), &family.head);
        Self {
            id: session.id.0,
            sids: family.sessions().map(|session| session.id.0).collect(),
            email: account.email.as_str().to_owned(),
            browser: session.browser.clone(),
            hosts: family.hosts().into_iter().map(|host| host.as_str().to_owned()).collect(),
            address: session.address,
            amr: session.authentication.methods.iter().map(|method| method.amr().to_owned()).collect(),
            created_at: session.created_at.rfc3339(),
            last_seen_at: session.last_seen_at.rfc3339(),
            ends_at: auth.sessions.limits().end(session.created_at.min(now), session.last_seen_at.min(now)).rfc3339(),
            recovered_at: session.recovered_at.map(Timestamp::rfc3339),
        }
    }
}
