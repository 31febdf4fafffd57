//! `/_bmauth/whoami`: who is signed in, for the page's own scripts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use uuid::Uuid;

use super::caller::Caller;
use super::{Portal, answer};
use crate::auth::failure::WorldFailure;
use crate::gate::refusal::GateRefusal;

/// The answer. Its fields are named as the claims of the identity token are.
#[derive(Serialize)]
struct WhoAmI<'a> {
    sub: Uuid,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    groups: &'a [&'a str],
    sid: Uuid,
    auth_time: u64,
}

/// The signed-in user, or 401. A session that has still to answer "Keep your account safe" counts as none here, as it
/// does for apps.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, headers: HeaderMap) -> Response {
    match caller.session(&portal).await {
        Ok(Some(session)) if !session.review() => {
            let told = session.facts();
            Json(WhoAmI {
                sub: told.account.0,
                email: told.email,
                name: told.name,
                groups: &told.groups,
                sid: told.session.0,
                auth_time: told.authentication.at.unix(),
            })
            .into_response()
        }
        Ok(_) => answer::sign_in_required(&portal, &caller, &headers),
        Err(error) => {
            WorldFailure::from(error).log();
            answer::problem(GateRefusal::Unavailable, &caller)
        }
    }
}
