//! How answers are made.

use std::time::Duration;

use axum::body::Body;
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::header::{self, HeaderName, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::Portal;
use super::assets::{Asset, CACHE_CONTROL};
use super::caller::Caller;
use super::views::chrome::Chrome;
use super::views::hand_off::LeadOnPage;
use super::views::step_refusal::StepRefusal;
use crate::auth::starting::SignedInBrowser;
use crate::domain::destination::Destination;
use crate::domain::host::Host;
use crate::gate::refusal::{GateRefusal, LoggedRefusal};

/// The header that scripts carry the page's token in; forms use the field `csrf`.
pub const TOKEN_HEADER: &str = "x-bmauth-csrf";
/// The header in which scripts say which press of theirs it is.
pub const PRESS_HEADER: &str = "x-bmauth-press";

/// A page, with the flow cookie that its form or script needs.
pub fn page(portal: &Portal, caller: &Caller, render: impl FnOnce(&Chrome<'_>) -> String) -> Response {
    page_again(None, portal, caller, render)
}

/// A page that comes again after a refusal, or for the first time.
pub fn page_again(
    refusal: Option<StepRefusal>,
    portal: &Portal,
    caller: &Caller,
    render: impl FnOnce(&Chrome<'_>) -> String,
) -> Response {
    let csrf = portal.auth.form_token(&caller.visitor);
    let html = render(&caller.chrome(portal, &csrf));
    let mut response = Html(html).into_response();
    if let Some(refusal) = refusal {
        *response.status_mut() = refusal.status();
        response.extensions_mut().insert(LoggedRefusal { name: refusal.name(), why: refusal.why().into() });
        if let Some(wait) = refusal.wait() {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
        }
    }
    let headers = response.headers_mut();
    // Set again each time, so that a page that is in use does not lose it.
    headers.append(SET_COOKIE, portal.cookies.set_flow(&caller.flow));
    if caller.chose_language {
        headers.append(SET_COOKIE, portal.cookies.set_language(caller.language.tag()));
    }
    response
}

/// In how many seconds it is worth asking again, and not before (RFC 9110 §10.2.3).
pub fn retry_after(wait: Duration) -> HeaderValue {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1).into()
}

/// Sends the visitor to one of our own pages, or on to a whole address, with GET (RFC 9110 §15.4.4).
pub fn go_to(address: &str) -> Response {
    let location = HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Sends the visitor on to where they wanted to go.
pub fn go_on(portal: &Portal, caller: &Caller, destination: &Destination) -> Response {
    go_to(&caller.address(destination, portal))
}

/// The same after a form of one of our pages.
fn go_on_from_form(portal: &Portal, caller: &Caller, destination: &Destination) -> Response {
    match destination.elsewhere(&portal.origins) {
        Some((to, _)) => lead_on(portal, caller, to.host(), &caller.address(destination, portal)),
        None => go_on(portal, caller, destination),
    }
}

/// A page that leads on to `url`, for a visitor who wants to be at `host`.
pub fn lead_on(portal: &Portal, caller: &Caller, host: &Host, url: &str) -> Response {
    page(portal, caller, |chrome| LeadOnPage { host, url }.render(chrome))
}

/// Where a page's script goes on to.
#[derive(Debug, Serialize)]
pub struct GoOn {
    /// One of our own pages, or where the visitor wanted to go.
    pub location: String,
}

impl GoOn {
    /// Leads the script on to that address.
    pub fn to(location: impl Into<String>) -> axum::Json<Self> {
        axum::Json(Self { location: location.into() })
    }
}

/// A refusal as RFC 9457 writes it, for scripts of the app.
pub fn problem(refusal: GateRefusal, caller: &Caller) -> Response {
    let status = refusal.status();
    let (headers, body) = refusal.problem(status, caller.peer.request_id, None);
    to_response(refusal, headers, body)
}

/// The refusal of a visitor who is not signed in, as RFC 9457 writes it, with where to sign in.
pub fn sign_in_required(portal: &Portal, caller: &Caller, headers: &HeaderMap) -> Response {
    let refusal = GateRefusal::SignInRequired;
    let leaving = portal.hand_offs.redirect_script_to_sign_in(&caller.peer.authority.host, headers);
    let (headers, body) = refusal.problem(refusal.status(), caller.peer.request_id, Some(&leaving.address));
    let mut response = to_response(refusal, headers, body);
    append_cookie(&mut response, leaving.set_cookie);
    response
}

fn to_response(refusal: GateRefusal, headers: Vec<(HeaderName, HeaderValue)>, body: Bytes) -> Response {
    let mut response = (refusal.status(), Body::from(body)).into_response();
    response.headers_mut().extend(headers);
    response.extensions_mut().insert(LoggedRefusal::from(refusal));
    response
}

/// A file of ours.
pub fn asset(asset: Asset) -> Response {
    let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, CACHE_CONTROL)];
    (headers, asset.bytes).into_response()
}

/// Gives the browser its session after a form of one of our pages, and sends the visitor on to where they wanted to go.
pub fn signed_in_from_form(portal: &Portal, caller: &Caller, signed_in: &SignedInBrowser) -> Response {
    with_session(portal, caller, signed_in, go_on_from_form(portal, caller, &signed_in.return_to))
}

/// Gives the browser its session, and takes back the secret of the flow that is over.
pub fn with_session(
    portal: &Portal,
    caller: &Caller,
    signed_in: &SignedInBrowser,
    answer: impl IntoResponse,
) -> Response {
    let mut response = with_member(portal, signed_in, answer);
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, portal.cookies.clear(portal.cookies.flow));
    let device = portal.auth.known_device(&caller.visitor, signed_in);
    headers.append(SET_COOKIE, portal.cookies.set_device(&device));
    response
}

/// Gives the browser its session at a host that it was handed over to.
pub fn with_member(portal: &Portal, signed_in: &SignedInBrowser, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let set = portal.cookies.set_session(&signed_in.token, portal.auth.sessions.limits().absolute);
    response.headers_mut().append(SET_COOKIE, set);
    response
}

/// Gives the browser the flow cookie that it goes on with after what it pressed, and its script a token to go with it.
pub fn moved_on(portal: &Portal, caller: &Caller, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    if let Some(press) = &caller.visitor.press {
        let token = HeaderValue::try_from(portal.auth.form_token(&caller.visitor.moved_on()));
        let headers = response.headers_mut();
        headers.append(SET_COOKIE, portal.cookies.set_flow(&press.flow()));
        headers.insert(TOKEN_HEADER, token.expect("a token is visible ASCII"));
    }
    response
}

/// Sets one more cookie with an answer, where there is one to set.
pub fn append_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Makes the browser forget its session.
pub fn without_session(portal: &Portal, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().append(SET_COOKIE, portal.cookies.clear(portal.cookies.session));
    response
}
