//! Sessions: see who is signed in where, and end it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Operating;
use super::answer::NotDone;
use super::users::{Page, User, UserChanged, find};
use crate::auth::Auth;
use crate::domain::account::Account;
use crate::domain::clock::Timestamp;
use crate::domain::session::{self, SessionId};

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

/// Sessions by the address of their account, the newest first; of one account, or of a page of accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sessions {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// What to give as `after` for the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A session that was ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionEnded {
    /// As it was.
    pub session: Session,
}

impl Session {
    /// A session as operators see it.
    pub(super) fn of(auth: &Auth, account: &Account, session: &session::Session) -> Self {
        Self {
            id: session.id.0,
            email: account.email.as_str().to_owned(),
            browser: session.browser.clone(),
            address: session.address,
            amr: session.authentication.methods.iter().map(|method| method.amr().to_owned()).collect(),
            created_at: session.created_at.rfc3339(),
            last_seen_at: session.last_seen_at.rfc3339(),
            ends_at: auth.limits().end(session.created_at, session.last_seen_at).rfc3339(),
            recovered_at: session.recovered_at.map(Timestamp::rfc3339),
        }
    }
}

/// Whose sessions.
#[derive(Debug, Deserialize)]
pub(super) struct Whose {
    user: Option<String>,
    // Named again: `flatten` reads every value of a query as text, and numbers are none.
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /sessions?user=` or `GET /sessions?after=&limit=`, which pages by accounts.
pub(super) async fn list(
    State(operating): State<Arc<Operating>>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Sessions>, NotDone> {
    let Query(Whose { user, after, limit }) = whose?;
    let (accounts, next) = match user {
        Some(who) => (vec![find(&operating, &who).await?], None),
        None => Page { after, limit }.read(&operating).await?,
    };
    let mut sessions = Vec::new();
    for account in &accounts {
        let theirs = operating.auth.sessions_of(account.id).await?;
        sessions.extend(theirs.iter().map(|session| Session::of(&operating.auth, account, session)));
    }
    Ok(Json(Sessions { sessions, next }))
}

/// `POST /sessions/{public id}/end`
pub(super) async fn end(
    State(operating): State<Arc<Operating>>,
    Path(id): Path<String>,
) -> Result<Json<SessionEnded>, NotDone> {
    let public = Uuid::try_parse(&id)
        .map_err(|_| NotDone::unreadable(format!("{id:?} is not the id of a session, as sessions list shows it.")))?;
    let ended = operating.auth.end_any_session(SessionId(public)).await;
    let (account, session) = ended.map_err(|failure| NotDone::about(&id, failure))?;
    Ok(Json(SessionEnded { session: Session::of(&operating.auth, &account, &session) }))
}

/// `POST /users/{email or id}/sessions/end`
pub(super) async fn end_all(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
) -> Result<Json<UserChanged>, NotDone> {
    let account = find(&operating, &who).await?;
    let ended = operating.auth.end_sessions(&account).await;
    let sessions_ended = ended.map_err(|failure| NotDone::about(&who, failure))?;
    Ok(Json(UserChanged { user: User::of(&account), sessions_ended }))
}
