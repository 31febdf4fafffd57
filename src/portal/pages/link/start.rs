//! `/_bmauth/link/start`: the new device.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;

use super::{malformed, refuse, show};
use crate::domain::return_to::ReturnTo;
use crate::domain::user_agent::UserAgent;
use crate::gate::headers::WITH_CAMERA;
use crate::portal::caller::Caller;
use crate::portal::pages::unavailable;
use crate::portal::views::failure::Failure;
use crate::portal::views::link::{Kind, LinkStart};
use crate::portal::{Portal, answer};

/// The page; whoever is signed in goes on to where they wanted.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(path) = &portal.link_path else { return answer::failure(&portal, &caller, Failure::NotFound) };
    match caller.session(&portal).await {
        Ok(Some(_)) => return answer::go_to(caller.destination().as_str()),
        Ok(None) => {}
        Err(error) => return unavailable(&portal, &caller, &error),
    }
    let address = format!("{}{path}", authority(&portal));
    let view = LinkStart {
        return_to: caller.return_path(),
        kind: kind(&headers),
        address: &address,
        recover: portal.recovers(),
    };
    let mut response = answer::page(&portal, &caller, |chrome| view.render(chrome));
    response.headers_mut().insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(WITH_CAMERA));
    response
}

/// The host of `public_url`, and its port where it is not the scheme's own.
fn authority(portal: &Portal) -> String {
    let host = portal.public_url.host_str().unwrap_or_default();
    portal.public_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What kind of device says that of itself. Either page leads to the other one, so a wrong guess costs a tap.
fn kind(headers: &HeaderMap) -> Kind {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match UserAgent::parse(agent).system {
        Some("iPhone" | "iPad" | "Android") => Kind::Phone,
        _ => Kind::Computer,
    }
}

/// What the script sends to begin.
#[derive(Deserialize)]
pub struct Ask {
    return_to: Option<String>,
}

/// A new link with its codes and its number.
pub async fn ask(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Ask>, JsonRejection>,
) -> Response {
    let Ok(Json(Ask { return_to })) = body else { return malformed(&portal, &caller) };
    let return_to = ReturnTo::parse_or_root(return_to.as_deref());
    match portal.auth.ask_for_link(return_to, &caller.visitor).await {
        Ok(shown) => show(&portal, &shown),
        Err(failure) => refuse(&portal, &caller, failure),
    }
}
