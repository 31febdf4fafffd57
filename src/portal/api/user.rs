//! `/user`: who is signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::bearer::Bearer;
use super::session::User;
use crate::portal::Portal;

/// The signed-in user.
pub(super) async fn get(State(portal): State<Arc<Portal>>, Bearer { session, .. }: Bearer) -> Json<User> {
    Json(User::of(&session.signed_in().account, &portal.api.grants))
}
