//! What is to be done with a request. Any doubt refuses.

use std::sync::Arc;

use http::HeaderMap;

use super::Parts;
use super::incoming::Incoming;
use super::settings::Settings;
use crate::auth::principal::Principal;
use crate::domain::access::Admission;
use crate::domain::route::Route;
use crate::gate::decide::{self, Denied};
use crate::gate::forward_auth;
use crate::gate::refusal::GateRefusal;

/// Where a request goes.
#[derive(Debug)]
pub(super) enum Way<'a> {
    /// To the app behind this route, if it may.
    App(&'a Arc<Route>),
    /// To the gateway's own pages.
    Portal,
    /// Nowhere: a proxy in front asks about another request.
    Question,
}

/// Finds where a request goes.
///
/// # Errors
/// It goes nowhere.
pub(super) fn way<'a>(incoming: &Incoming, parts: &'a Parts) -> Result<Way<'a>, GateRefusal> {
    let Parts { routes, settings, .. } = parts;
    // Before the host is looked at: a proxy in front may ask by any name it has for the gateway.
    if forward_auth::is_asked(incoming.target.path.as_str()) {
        return Ok(Way::Question);
    }
    let host = &incoming.authority.host;
    if !routes.knows_host(host) && *host != settings.public_host {
        return Err(GateRefusal::Misdirected);
    }
    if is_own_path(incoming, settings) {
        return Ok(Way::Portal);
    }
    let route = routes.find(host, &incoming.target.path).ok_or(GateRefusal::NotFound)?;
    if route.upstream.servers.is_empty() { Err(GateRefusal::AskedOnly) } else { Ok(Way::App(route)) }
}

/// Decides whether a request may go to the app behind `route`.
///
/// # Errors
/// It may not.
pub(super) async fn decide(
    route: &Arc<Route>,
    incoming: &Incoming,
    headers: &HeaderMap,
    parts: &Parts,
) -> Result<Admission<Principal>, Denied> {
    let asked = decide::Asked {
        kind: incoming.kind,
        credentials: &incoming.credentials,
        headers,
        authority: &incoming.authority,
        public_scheme: parts.settings.public_scheme,
    };
    decide::decide(route, asked, &*parts.gatekeeper).await
}

fn is_own_path(incoming: &Incoming, settings: &Settings) -> bool {
    let path = &incoming.target.path;
    path.is_reserved()
        || settings.well_known.iter().any(|known| known == path.as_str())
            && settings.well_known_hosts.contains(&incoming.authority.host)
        || settings.link_path.as_deref() == Some(path.as_str()) && incoming.authority.host == settings.public_host
}
