//! What is to be done with a request. Any doubt refuses.

use std::sync::Arc;

use http::{HeaderMap, Method};

use super::ProxyParts;
use super::incoming::{self, Incoming};
use super::settings::ProxySettings;
use crate::auth::principal::Principal;
use crate::domain::access::Admission;
use crate::domain::own_paths::{self, ASSETS, HAND_OFF, PREFIX};
use crate::domain::route::{Nowhere, Route, Scheme};
use crate::gate::decide::{self, Denied};
use crate::gate::forward_auth;
use crate::gate::kind::RequestKind;
use crate::gate::reach::{self, Reaching};
use crate::gate::refusal::GateRefusal;

/// Where a request goes.
#[derive(Debug)]
pub(super) enum RequestDestination<'a> {
    /// To the app behind this route, if it may.
    App(&'a Arc<Route>),
    /// To the gateway's own pages.
    Portal,
    /// To where people sign in now: it came to where they signed in before, and nothing else is there any more.
    Moved,
    /// To the same place at `http://localhost`: it came by the address of that, where passkeys do not work.
    ToLocalhost,
    /// Nowhere: a proxy in front asks about another request.
    Question,
}

/// Finds where a request goes.
///
/// # Errors
/// It goes nowhere.
pub(super) fn way<'a>(
    head: &http::request::Parts,
    incoming: &Incoming,
    parts: &'a ProxyParts,
) -> Result<RequestDestination<'a>, GateRefusal> {
    let ProxyParts { routes, settings, .. } = parts;
    // Before the host is looked at: a proxy in front may ask by any name it has for the gateway.
    if forward_auth::is_asked(incoming.target.path.as_str()) {
        return Ok(RequestDestination::Question);
    }
    let host = &incoming.authority.host;
    if incoming::is_for_any_host(head, incoming.target.path.as_str()) {
        return Ok(RequestDestination::Portal);
    }
    let has_moved = !routes.knows_host(host) && settings.former_hosts.contains(host);
    let is_well_known = is_well_known(incoming, settings);
    if !routes.knows_host(host) && *host != settings.public_host && !has_moved && !is_well_known {
        let is_page = incoming.kind == RequestKind::Navigation && matches!(head.method, Method::GET | Method::HEAD);
        let is_localhost = is_page && settings.means_localhost(&incoming.authority);
        return if is_localhost { Ok(RequestDestination::ToLocalhost) } else { Err(GateRefusal::Misdirected) };
    }
    if incoming.scheme != settings.public_scheme && settings.public_scheme == Scheme::Https {
        return Err(GateRefusal::PlainHttp);
    }
    if has_moved && !is_well_known && !hands_over(incoming.target.path.as_str()) {
        return Ok(RequestDestination::Moved);
    }
    if let Some(is_as_written) = own_path(incoming, settings) {
        return if is_as_written { Ok(RequestDestination::Portal) } else { Err(GateRefusal::NotFound) };
    }
    let route = match routes.find(host, &incoming.target.path, head.method.as_str()) {
        Err(Nowhere::Unknown) if is_free_root(head, incoming, settings) => return Ok(RequestDestination::Portal),
        found => found?,
    };
    let request = Reaching {
        method: &head.method,
        authority: &incoming.authority,
        target: &incoming.target,
        headers: &head.headers,
    };
    reach::check(routes, route, request)?;
    if route.upstream.servers.is_empty() { Err(GateRefusal::AskedOnly) } else { Ok(RequestDestination::App(route)) }
}

/// Decides whether a request may go to the app behind `route`.
///
/// # Errors
/// It may not.
pub(super) async fn decide(
    route: &Arc<Route>,
    incoming: &Incoming,
    headers: &HeaderMap,
    parts: &ProxyParts,
) -> Result<Admission<Principal>, Denied> {
    let asked = decide::AccessRequest {
        kind: incoming.kind,
        credentials: &incoming.credentials,
        headers,
        address: parts.settings.own_address(&incoming.authority),
    };
    decide::decide(route, asked, &*parts.gatekeeper).await
}

/// Whether this path is still answered at a host where people signed in before, to hand over those who are still signed
/// in there.
fn hands_over(path: &str) -> bool {
    path == HAND_OFF || path.starts_with(ASSETS)
}

/// Whether the root of `public_url`'s host is asked for, which leads people to their apps where no route takes it.
fn is_free_root(head: &http::request::Parts, incoming: &Incoming, settings: &ProxySettings) -> bool {
    incoming.authority.host == settings.public_host
        && incoming.target.path.as_str() == "/"
        && (head.method == Method::GET || head.method == Method::HEAD)
}

/// Whether a document is asked for that browsers and systems look for on the host of the passkey domain, be there a
/// route or not: some of them follow no redirect.
fn is_well_known(incoming: &Incoming, settings: &ProxySettings) -> bool {
    settings.well_known.iter().any(|known| known == incoming.target.path.as_str())
        && settings.well_known_hosts.contains(&incoming.authority.host)
}

/// Whether the path is one of the gateway's own in some reading, and if so, whether that is how it is written: in
/// another spelling there is nothing.
fn own_path(incoming: &Incoming, settings: &ProxySettings) -> Option<bool> {
    let path = &incoming.target.path;
    if path.is_reserved() {
        let is_as_written = path.is_plain() && path.as_str().starts_with(PREFIX);
        return Some(is_as_written || own_paths::mangled_word_link(path.as_str()).is_some());
    }
    let is_ours = is_well_known(incoming, settings)
        || settings.link_path.as_deref() == Some(path.as_str()) && incoming.authority.host == settings.public_host;
    is_ours.then_some(true)
}
