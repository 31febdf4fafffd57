//! `/user`: who is signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::bearer::Bearer;
use super::error::ApiError;
use super::session::User;
use crate::portal::Portal;

/// The signed-in user.
pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Bearer { session, .. }: Bearer,
) -> Result<Json<User>, ApiError> {
    let signed_in = portal.auth.sessions.signed_in(&session).await?.ok_or(ApiError::Unauthenticated)?;
    Ok(Json(User::of(&signed_in.account, &portal.api.grants)))
}
