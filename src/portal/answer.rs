//! How answers are made.

use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use http::header::{self, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::Portal;
use super::caller::Caller;
use super::views::chrome::Chrome;
use super::views::failure::Failure;
use super::views::refusal::ScriptRefusal;
use crate::wording::Words;

/// A page, with the flow cookie that its form or script needs.
pub fn page(portal: &Portal, caller: &Caller, render: impl FnOnce(&Chrome<'_>) -> String) -> Response {
    page_with(StatusCode::OK, portal, caller, render)
}

/// A page with another status.
pub fn page_with(
    status: StatusCode,
    portal: &Portal,
    caller: &Caller,
    render: impl FnOnce(&Chrome<'_>) -> String,
) -> Response {
    let csrf = portal.auth.form_token(caller.visitor.browser);
    let html = render(&caller.chrome(portal, &csrf));
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    // Set again each time, so that a page that is in use does not lose it.
    headers.append(SET_COOKIE, portal.cookies.set_flow(&caller.flow));
    if caller.chose_language {
        headers.append(SET_COOKIE, portal.cookies.set_language(caller.language.tag()));
    }
    response
}

/// A page that says what is in the way.
pub fn failure(portal: &Portal, caller: &Caller, failure: Failure<'_>) -> Response {
    let csrf = portal.auth.form_token(caller.visitor.browser);
    let html = failure.render(&caller.chrome(portal, &csrf));
    (failure.status(), Html(html)).into_response()
}

/// A refusal, for our own script.
pub fn refuse_script(refusal: ScriptRefusal, words: Words<'_>) -> Response {
    let mut response = (refusal.status(), Json(refusal.body(words))).into_response();
    if refusal == ScriptRefusal::Unavailable {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// Sends the visitor to a relative path, with GET (RFC 9110 §15.4.4).
pub fn go_to(path: &str) -> Response {
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// An RFC 9457 problem, for scripts of the app.
pub fn problem(status: StatusCode, title: &str) -> Response {
    #[derive(Serialize)]
    struct Problem<'a> {
        #[serde(rename = "type")]
        type_: &'static str,
        title: &'a str,
        status: u16,
    }
    let body = Json(Problem { type_: "about:blank", title, status: status.as_u16() });
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Whether the request was sent by our own script, which wants JSON back.
pub fn is_script(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}
