//! `/_bmauth/sign-out` and `/_bmauth/signed-out`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::{HeaderName, SET_COOKIE};
use http::{HeaderValue, Uri};
use serde::Deserialize;

use crate::domain::own_paths::{SIGN_IN, SIGN_OUT, SIGNED_OUT};
use crate::gate::detour;
use crate::portal::caller::{Caller, query};
use crate::portal::handler::{PageError, PageForm};
use crate::portal::views::sign_out::{SignOutPage, SignedOutPage};
use crate::portal::{Portal, answer};
use crate::store::{CommitError, StoreError};

/// Asks whether to sign out, and changes nothing.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, uri: Uri) -> Result<Response, PageError> {
    let another = query(&uri, "another").is_some();
    let Some(session) = caller.session(&portal).await? else {
        return Ok(if another { to_sign_in(caller.return_path()) } else { without(&portal, &caller) });
    };
    let (destination, told) = (caller.destination(), session.facts());
    let clears = has_an_app(&portal, &caller);
    let return_to = &caller.address(&destination, &portal);
    let everywhere = portal.origins.iter().nth(1).is_some();
    let view = SignOutPage { email: told.email, return_to, everywhere, clears, another };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// Where the visitor is not signed in. At another host than that where people sign in, they may be signed in there all
/// the same and have not been handed over yet: that page asks, or says that they are not.
fn without(portal: &Portal, caller: &Caller) -> Response {
    if portal.hand_offs.is_home(&caller.peer.authority.host) {
        return answer::go_to(SIGNED_OUT);
    }
    let here = caller.address(&caller.destination(), portal);
    answer::go_to(&format!("{}{}", portal.origins.public(), detour::returning(SIGN_OUT, Some(&here))))
}

/// Where another account is signed in to.
fn to_sign_in(return_to: Option<&str>) -> Response {
    answer::go_to(&detour::returning(SIGN_IN, return_to))
}

/// What the form of the page sends.
#[derive(Deserialize)]
pub struct SignOutForm {
    /// Where to come back to with another account, if one is to be signed in to.
    return_to: Option<String>,
}

/// Ends the session on the server and in the browser.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    PageForm(SignOutForm { return_to }): PageForm<SignOutForm>,
) -> Result<Response, PageError> {
    if let Some(token) = caller.visitor.session {
        portal.auth.sessions.sign_out(token).await.map_err(|error| match error {
            CommitError::Store(error) => error,
            CommitError::Conflict(conflict) => {
                StoreError { problem: format!("a session did not end: {conflict:?}"), source: None }
            }
        })?;
    }
    let destination = return_to.map(|text| caller.destination_or_root(Some(&text), &portal));
    let next = destination.map_or_else(|| answer::go_to(SIGNED_OUT), |to| to_sign_in(to.unless_root()));
    let mut response = answer::without_session(&portal, next);
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, portal.cookies.clear(portal.cookies.flow));
    headers.insert(HeaderName::from_static("clear-site-data"), cleared(has_an_app(&portal, &caller)));
    Ok(response)
}

/// What the browser is to forget of this origin (the W3C's Clear Site Data), so that the next person at it sees nothing
/// of who signed out.
///
/// Of an app that is all it kept: its service worker, the pages that it answers from, databases and `localStorage` are
/// as private as the pages. A person who signs out asks for that, and is told before. On a host that our pages have to
/// themselves there is nothing of an app, and the address that the sign-in page fills in stays. Never `"cookies"`: it
/// takes those of the whole registrable domain, other sites' too, and with them what the browser is known by.
/// `"executionContexts"` no browser does.
fn cleared(has_an_app: bool) -> HeaderValue {
    HeaderValue::from_static(if has_an_app { "\"cache\", \"storage\"" } else { "\"cache\"" })
}

/// Whether an app shares the origin of the page that was asked for.
fn has_an_app(portal: &Portal, caller: &Caller) -> bool {
    let host = &caller.peer.authority.host;
    portal.beside_an_app || !portal.hand_offs.is_home(host)
}

/// Says that it is done. Where it was done at another host, this browser still shows the token that has ended with it.
pub async fn done(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    let view = SignedOutPage { return_to: caller.return_path() };
    let page = answer::page(&portal, &caller, |chrome| view.render(chrome));
    let is_over = caller.visitor.session.is_some() && caller.session(&portal).await?.is_none();
    Ok(if is_over { answer::without_session(&portal, page) } else { page })
}
