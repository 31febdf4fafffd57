//! `/_bmauth/link/start`: the new device.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;

use super::{show, to_script_refusal};
use crate::domain::user_agent::UserAgent;
use crate::gate::headers::WITH_CAMERA;
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, ScriptBody, ScriptError, worded};
use crate::portal::views::link::{DeviceKind, LinkStartPage};
use crate::portal::{Portal, answer};

/// The page; a signed-in visitor goes on to where they wanted.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, headers: HeaderMap) -> Result<Response, PageError> {
    let path = portal.link_path.as_deref().ok_or(GateRefusal::NotFound)?;
    if caller.session(&portal).await?.is_some() {
        return Ok(answer::go_on(&portal, &caller, &caller.destination()));
    }
    let address = format!("{}{path}", authority(&portal));
    let view = LinkStartPage {
        return_to: caller.return_path(),
        kind: device_kind(&headers),
        address: &address,
        recover: portal.recovers(),
    };
    let mut response = answer::page(&portal, &caller, |chrome| view.render(chrome));
    response.headers_mut().insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(WITH_CAMERA));
    Ok(response)
}

/// The host of `public_url`, and its port where it is not the scheme's own.
fn authority(portal: &Portal) -> String {
    let host = portal.public_url.host_str().unwrap_or_default();
    portal.public_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What kind of device says that of itself. Either page leads to the other one, so a wrong guess costs a tap.
fn device_kind(headers: &HeaderMap) -> DeviceKind {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match UserAgent::parse(agent).system {
        Some("iPhone" | "iPad" | "Android") => DeviceKind::Phone,
        _ => DeviceKind::Computer,
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
    ScriptBody(Ask { return_to }): ScriptBody<Ask>,
) -> Result<Response, ScriptError> {
    let return_to = caller.destination_or_root(return_to.as_deref(), &portal);
    let asked = portal.auth.link.ask(return_to, &caller.visitor).await;
    let shown = asked.map_err(worded(to_script_refusal))?;
    Ok(answer::moved_on(&portal, &caller, show(&portal, &shown)))
}
