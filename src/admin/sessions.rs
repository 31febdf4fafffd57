//! Sessions: see who is signed in where, and end it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Operating;
use super::answer::NotDone;
use super::paging::PageQuery;
use super::session::AdminSession;
use super::users::{self, AdminUser, UserChanged, find};
use crate::domain::session::SessionId;
use crate::store::InForce;

/// Sessions by the address of their account, the newest first; of one account, or of a page of accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminSessions {
    /// The sessions of this page of the list.
    pub sessions: Vec<AdminSession>,
    /// What to give as `after` for the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A session that was ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionEnded {
    /// The session as it was before it ended.
    pub session: AdminSession,
}

/// Which sessions to list: those of one account, or of a page of accounts.
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
) -> Result<Json<AdminSessions>, NotDone> {
    let Query(Whose { user, after, limit }) = whose?;
    let (accounts, next) = match user {
        Some(who) => (vec![find(&operating, &who).await?], None),
        None => users::read(&PageQuery { after, limit }, &operating).await?,
    };
    let mut sessions = Vec::new();
    for account in &accounts {
        let theirs = operating.auth.sessions.of_account(account.id).await?;
        sessions.extend(theirs.iter().map(|family| AdminSession::of(&operating.auth, account, family)));
    }
    Ok(Json(AdminSessions { sessions, next }))
}

/// `POST /sessions/{public id}/end`
pub(super) async fn end(
    State(operating): State<Arc<Operating>>,
    Path(id): Path<String>,
) -> Result<Json<SessionEnded>, NotDone> {
    let public = Uuid::try_parse(&id)
        .map_err(|_| NotDone::unreadable(format!("{id:?} is not the id of a session, as sessions list shows it.")))?;
    let ended = operating.auth.operate.end_any_session(SessionId(public)).await;
    let (account, family) = ended.map_err(|failure| NotDone::about(&id, failure))?;
    Ok(Json(SessionEnded { session: AdminSession::of(&operating.auth, &account, &family) }))
}

/// How long a gateway is waited for that has not heard yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// `POST /in-force`: waits until what was done before is in force at every gateway of the store.
pub(super) async fn in_force(State(operating): State<Arc<Operating>>) -> Result<Json<InForce>, NotDone> {
    Ok(Json(operating.auth.ledger().in_force(PATIENCE).await?))
}

/// `POST /users/{email or id}/sessions/end`
pub(super) async fn end_all(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
) -> Result<Json<UserChanged>, NotDone> {
    let account = find(&operating, &who).await?;
    let ended = operating.auth.operate.end_sessions(&account).await;
    let sessions_ended = ended.map_err(|failure| NotDone::about(&who, failure))?;
    Ok(Json(UserChanged { user: AdminUser::of(&account), sessions_ended }))
}
