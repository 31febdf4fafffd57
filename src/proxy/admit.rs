//! What is to be done with a request. Any doubt refuses.

use http::HeaderMap;

use super::Parts;
use super::incoming::Incoming;
use super::settings::Settings;
use crate::auth::principal::Principal;
use crate::domain::access::Admission;
use crate::gate::decide::{self, Denied};
use crate::gate::forward_auth;
use crate::gate::refusal::GateRefusal;

/// Where a request goes.
#[derive(Debug)]
pub(super) enum Way {
    /// To the app.
    App(Admission<Principal>),
    /// To the gateway's own pages.
    Portal,
    /// Nowhere: a proxy in front asks about another request.
    Question,
}

/// Decides about a request.
///
/// # Errors
/// It goes nowhere.
pub(super) async fn decide(incoming: &Incoming, headers: &HeaderMap, parts: &Parts) -> Result<Way, Denied> {
    let Parts { routes, settings, gatekeeper, .. } = parts;
    // Before the host is looked at: a proxy in front may ask by any name it has for the gateway.
    if forward_auth::is_asked(incoming.target.path.as_str()) {
        return Ok(Way::Question);
    }
    let host = &incoming.authority.host;
    if !routes.knows_host(host) && *host != settings.public_host {
        return Err(GateRefusal::Misdirected.into());
    }
    if is_own_path(incoming, settings) {
        return Ok(Way::Portal);
    }
    let route = routes.find(host, &incoming.target.path).ok_or(GateRefusal::NotFound)?;
    if route.upstream.is_empty() {
        return Err(GateRefusal::AskedOnly.into());
    }
    let asked = decide::Asked {
        kind: incoming.kind,
        credentials: &incoming.credentials,
        headers,
        authority: &incoming.authority,
        public_scheme: settings.public_scheme,
    };
    decide::decide(route, asked, &**gatekeeper).await.map(Way::App)
}

fn is_own_path(incoming: &Incoming, settings: &Settings) -> bool {
    let path = &incoming.target.path;
    path.is_reserved()
        || settings.well_known.iter().any(|known| known == path.as_str())
            && settings.well_known_hosts.contains(&incoming.authority.host)
        || settings.link_path.as_deref() == Some(path.as_str()) && incoming.authority.host == settings.public_host
}
