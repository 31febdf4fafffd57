//! `/user`: who is signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::bearer::SignedInClient;
use super::error::ApiError;
use super::session::ApiUser;
use crate::portal::Portal;

/// The user whose session the access token names.
pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    SignedInClient { session, .. }: SignedInClient,
) -> Result<Json<ApiUser>, ApiError> {
    let signed_in = portal.auth.sessions.signed_in(&session).await?.ok_or(ApiError::Unauthenticated)?;
    Ok(Json(ApiUser::of(&signed_in.account, &portal.api.grants)))
}
