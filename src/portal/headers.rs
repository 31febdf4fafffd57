//! The headers on every answer of ours.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::Portal;
/// Adds them; no camera and `no-store` only where the handler did not say otherwise.
pub async fn add(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    portal.page_headers.set(response.headers_mut());
    response
}
