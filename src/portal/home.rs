//! People's pages are at one host, that of `public_url`. A visitor who asks another host of ours for one is sent there.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{Method, Uri};
use url::form_urlencoded;

use super::caller::{Caller, RETURN_TO};
use super::handler::PageError;
use super::{Portal, answer};
use crate::domain::own_paths;
use crate::gate::refusal::GateRefusal;

/// What every host of ours answers itself: what its app's scripts ask, and the way to where people sign in and back.
fn is_everywhere(path: &str) -> bool {
    const PATHS: [&str; 10] = [
        own_paths::SIGN_IN,
        own_paths::HAND_OFF,
        own_paths::SIGN_OUT,
        own_paths::SIGNED_OUT,
        own_paths::BACK,
        own_paths::LANGUAGE,
        own_paths::WHOAMI,
        own_paths::HEALTHZ,
        own_paths::JWKS,
        own_paths::FORWARD_AUTH,
    ];
    PATHS.contains(&path)
        || path.starts_with(own_paths::ASSETS)
        || path.starts_with(own_paths::FORWARD_AUTH_ROOT)
        || own_paths::is_of_api(path.as_bytes())
        // The well-known documents say themselves where they are, and nothing else is outside.
        || !path.starts_with(own_paths::FRONT)
}

/// Sends a visitor who asks for a page to the host where it is, with where they want to go as a whole address. Requests
/// that are no page loads go nowhere: what a page sends comes from that host too.
pub async fn require(State(portal): State<Arc<Portal>>, caller: Caller, request: Request, next: Next) -> Response {
    if portal.hand_offs.is_home(&caller.peer.authority.host) || is_everywhere(request.uri().path()) {
        return next.run(request).await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return PageError::from(GateRefusal::NotFound).into_response();
    }
    let there = there(&portal, &caller, request.uri());
    let from_former = portal.hand_offs.from_former(&caller.peer.authority.host, &there);
    match from_former.filter(|_| caller.visitor.session.is_some() && request.uri().path() == own_paths::DEVICES) {
        Some(sign_in) => answer::go_to(&sign_in),
        None => answer::go_to(&there),
    }
}

fn there(portal: &Portal, caller: &Caller, uri: &Uri) -> String {
    let mut address = format!("{}{}", portal.origins.public(), uri.path());
    let query = uri.query().unwrap_or_default().as_bytes();
    let others = form_urlencoded::parse(query).filter(|(name, _)| !RETURN_TO.contains(&name.as_ref()));
    let mut there = form_urlencoded::Serializer::new(String::new());
    there.extend_pairs(others);
    if let Some(destination) = &caller.return_to {
        there.append_pair("return_to", &caller.address(destination, portal));
    }
    let query = there.finish();
    if !query.is_empty() {
        address.push('?');
        address.push_str(&query);
    }
    address
}
