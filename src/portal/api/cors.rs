//! Which pages may call the API from elsewhere.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::error::ApiError;
use crate::domain::origin::Origin;
use crate::gate::peer::PeerInfo;
use crate::portal::Portal;

/// How long a browser may remember what a preflight said.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Answers preflights and marks answers for the configured origins; no other one may read anything. Cookies are never
/// asked for: tokens are enough.
pub(super) fn layer(allowed: &[Origin]) -> CorsLayer {
    let origins = allowed.iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([RETRY_AFTER])
        .max_age(REMEMBERED)
}

/// Refuses what pages of other origins send, also where they could not read the answer.
pub(super) async fn refuse_foreign(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<PeerInfo>();
    if peer.is_some_and(|peer| may_call(&portal, peer, request.headers())) {
        next.run(request).await
    } else {
        ApiError::ForeignOrigin.into_response()
    }
}

/// Only browsers send `Origin`; whatever sends none is no page.
fn may_call(portal: &Portal, peer: &PeerInfo, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin.to_str().is_ok_and(|origin| {
            portal.is_own_origin(peer, origin)
                || portal.api.allowed_origins.iter().any(|allowed| allowed.as_str() == origin)
        }),
        (Some(_), Some(_)) => false,
    }
}
