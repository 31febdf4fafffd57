//! The headers on every answer of ours.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::Portal;
use crate::domain::origin::Origin;
use crate::gate::headers::PageHeaders;

/// The form of an answer goes to that origin, and to no other.
#[derive(Clone, Debug)]
pub struct HandsTo(pub Origin);

/// Adds them; no camera and `no-store` only where the handler did not say otherwise.
pub async fn add(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let hands_to = response.extensions_mut().remove::<HandsTo>();
    portal.page_headers.set(response.headers_mut());
    if let Some(HandsTo(origin)) = hands_to {
        PageHeaders::hand_to(&origin, response.headers_mut());
    }
    response
}
