//! Documents for machines: the key set, and what browsers look up about our passkeys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;

use super::Portal;
use super::caller::Caller;
use super::handler::PageError;
use crate::domain::origin::Origin;
use crate::domain::own_paths::REGISTER;
use crate::gate::refusal::GateRefusal;

/// The keys that verify identity tokens (RFC 7517 §5).
pub async fn jwks(State(portal): State<Arc<Portal>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json"),
        // A key is published a day before it signs.
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, portal.auth.identity().jwks()).into_response()
}

/// That the gateway is there. A load balancer asks by whatever name or address it has for it.
pub async fn healthz() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

/// Where a password manager sends people to make a passkey (W3C passkey endpoints).
pub async fn passkey_endpoints(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    #[derive(Serialize)]
    struct Endpoints {
        enroll: String,
    }
    if !on_public_host(&portal, &caller) {
        return Err(GateRefusal::NotFound.into());
    }
    let enroll = format!("{}{REGISTER}", portal.public_url.origin().ascii_serialization());
    Ok(Json(Endpoints { enroll }).into_response())
}

/// The other origins that may use our passkeys (WebAuthn L3 §5.11).
pub async fn related_origins(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    #[derive(Serialize)]
    struct Related<'a> {
        origins: Vec<&'a str>,
    }
    if caller.peer.authority.host != portal.rp_id && !on_public_host(&portal, &caller) {
        return Err(GateRefusal::NotFound.into());
    }
    Ok(Json(Related { origins: portal.origins.iter().map(Origin::as_str).collect() }).into_response())
}

fn on_public_host(portal: &Portal, caller: &Caller) -> bool {
    portal.public_url.host_str() == Some(caller.peer.authority.host.as_str())
}
