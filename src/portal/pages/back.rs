//! `/_bmauth/back`: on to where a visitor wanted to go, where that is kept as a bookmark.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::domain::destination::Destination;
use crate::domain::secret::Secret;
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::{Portal, answer};

/// The query that names a bookmark.
#[derive(Deserialize)]
pub struct NamedBookmark {
    to: String,
}

/// On to what is kept; to the root where that is over. A visitor who comes there is decided about like any other.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    named: Result<Query<NamedBookmark>, QueryRejection>,
) -> Result<Response, PageError> {
    let name = named.ok().and_then(|Query(NamedBookmark { to })| Secret::parse(&to)).ok_or(GateRefusal::NotFound)?;
    let Some(bookmark) = portal.auth.bookmarks.find(&name).await? else {
        return Ok(answer::go_on(&portal, &caller, &Destination::root()));
    };
    if bookmark.host != caller.peer.authority.host {
        return Err(GateRefusal::NotFound.into());
    }
    Ok(answer::go_to(&format!("{}{}", portal.origins.at(&bookmark.host), bookmark.target)))
}
