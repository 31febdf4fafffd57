//! The access token that a request carries.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::error::ApiError;
use crate::auth::sessions::LiveSession;
use crate::portal::Portal;

/// A signed-in client.
pub(super) struct SignedInClient {
    /// The session that its access token names.
    pub(super) session: LiveSession,
    /// Whether its access token says that the session is elevated.
    pub(super) elevated: bool,
}

impl FromRequestParts<Arc<Portal>> for SignedInClient {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, ApiError> {
        let token = token(&parts.headers).ok_or(ApiError::Unauthenticated)?;
        read(portal, token).await
    }
}

/// Whose access token that is.
///
/// # Errors
/// [`ApiError::Unauthenticated`]; a failure of the store.
pub(super) async fn read(portal: &Portal, token: &str) -> Result<SignedInClient, ApiError> {
    let auth = &portal.auth;
    let claimed = auth.identity().read_access(token, auth.now()).map_err(|_| ApiError::Unauthenticated)?.claimed();
    // Whether it was signed here is found out now: until then, what it claims is worth nothing.
    let session = auth.sessions.of_access_token(token).await?.ok_or(ApiError::Unauthenticated)?;
    Ok(SignedInClient { session, elevated: claimed.elevated })
}

/// The one token of `Authorization: Bearer` (RFC 6750 §2.1).
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(one), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' ')).filter(|token| !token.is_empty())
}
