//! Changes are made by our own pages only: same origin, and with the token that the page was given.

use std::sync::Arc;

use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use url::form_urlencoded;

use super::caller::Caller;
use super::handler::{self, PageError};
use super::views::script_refusal::ScriptRefusal;
use super::{MAX_BODY, Portal};
use crate::domain::own_paths::DEVICES;
use crate::gate::peer::PeerInfo;
use crate::gate::refusal::GateRefusal;

/// The header that scripts carry the page's token in; forms use the field `csrf`.
pub const TOKEN_HEADER: &str = "x-bmauth-csrf";

/// Refuses with 403 what our own pages did not send.
pub async fn require(State(portal): State<Arc<Portal>>, caller: Caller, request: Request, next: Next) -> Response {
    let script = handler::is_script(request.headers());
    let retry = page_of(request.uri().path()).to_owned();
    match fits(&portal, &caller, request, script).await {
        Ok(request) => next.run(request).await,
        Err(_) if script => ScriptRefusal::RefusedForm.into_response(),
        Err(refusal) => PageError::Refused { refusal, retry: Some(retry) }.into_response(),
    }
}

/// The request, where a page of ours sent it.
///
/// # Errors
/// None did.
async fn fits(portal: &Portal, caller: &Caller, request: Request, script: bool) -> Result<Request, GateRefusal> {
    if !comes_from_us(portal, &caller.peer, request.headers()) {
        return Err(GateRefusal::RefusedForm);
    }
    if !caller.has_flow {
        return Err(GateRefusal::CookieLoop);
    }
    let (parts, body) = request.into_parts();
    let bytes = body::to_bytes(body, MAX_BODY).await;
    let bytes = bytes.map_err(|_| GateRefusal::MalformedRequest("the form is too large, or was cut off"))?;
    let token = match parts.headers.get(TOKEN_HEADER) {
        Some(token) => token.to_str().ok().map(str::to_owned),
        None if script => None,
        None => form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf").map(|(_, value)| value.into_owned()),
    };
    if !token.is_some_and(|token| portal.auth.form_token_fits(caller.visitor.browser, &token)) {
        return Err(GateRefusal::RefusedForm);
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// The page that has the form which is sent to `path`.
fn page_of(path: &str) -> &str {
    if path.strip_prefix(DEVICES).is_some_and(|rest| rest.starts_with('/')) {
        return DEVICES;
    }
    path.strip_suffix("/resend").unwrap_or(path)
}

/// Whether the browser says that the request comes from a page of the host it goes to: by `Sec-Fetch-Site`, which no
/// page can set, and by `Origin`. Our pages send no referrer, and forms of such pages have the origin `null` (Fetch
/// §3.1), which says nothing; then `Sec-Fetch-Site` has to be there. A browser that says neither is refused.
fn comes_from_us(portal: &Portal, peer: &PeerInfo, headers: &HeaderMap) -> bool {
    let same_site_says = match one(headers, "sec-fetch-site") {
        Sent::Nothing => None,
        Sent::Once(site) => Some(site == "same-origin"),
        Sent::Odd => return false,
    };
    let origin_says = match one(headers, header::ORIGIN.as_str()) {
        Sent::Nothing | Sent::Once("null") => None,
        Sent::Once(origin) => Some(portal.is_own_origin(peer, origin)),
        Sent::Odd => return false,
    };
    match (same_site_says, origin_says) {
        (Some(site), Some(origin)) => site && origin,
        (Some(says), None) | (None, Some(says)) => says,
        (None, None) => false,
    }
}

impl Portal {
    /// Whether `origin` is that of our own pages on the host that the request is for.
    pub(super) fn is_own_origin(&self, peer: &PeerInfo, origin: &str) -> bool {
        self.origins.find(origin).is_some_and(|ours| *ours.host() == peer.authority.host)
    }
}

enum Sent<'a> {
    Nothing,
    Once(&'a str),
    Odd,
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Sent<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Sent::Nothing,
        (Some(value), None) => value.to_str().map_or(Sent::Odd, Sent::Once),
        (Some(_), Some(_)) => Sent::Odd,
    }
}
