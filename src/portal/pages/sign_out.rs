//! `/_bmauth/sign-out` and `/_bmauth/signed-out`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{HeaderName, SET_COOKIE};

use crate::domain::own_paths::SIGNED_OUT;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::views::sign_out::{SignOut, SignedOut};
use crate::portal::{Portal, answer};
use crate::store::{CommitError, StoreError};

/// Asks; changes nothing.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    let Some(session) = caller.session(&portal).await? else { return Ok(answer::go_to(SIGNED_OUT)) };
    let (destination, told) = (caller.destination(), session.told());
    let view = SignOut { email: told.email, return_to: &caller.address(&destination, &portal) };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// Ends the session on the server and in the browser.
pub async fn post(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    if let Some(token) = caller.visitor.session {
        portal.auth.sessions.sign_out(token).await.map_err(|error| match error {
            CommitError::Store(error) => error,
            CommitError::Conflict(conflict) => {
                StoreError { problem: format!("a session did not end: {conflict:?}"), source: None }
            }
        })?;
    }
    let mut response = answer::without_session(&portal, answer::go_to(SIGNED_OUT));
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, portal.cookies.clear(portal.cookies.flow));
    // What the app left in the browser's cache must not show after signing out.
    headers.insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// Says that it is done.
pub async fn done(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    answer::page(&portal, &caller, |chrome| SignedOut.render(chrome))
}
