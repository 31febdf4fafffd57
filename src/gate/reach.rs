//! What a request touches besides the path it is for: WebDAV's methods name a second path, or take everything below
//! theirs along (RFC 4918 §9). Who may not go there by the straight way may not go there by this one.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};

use super::refusal::GateRefusal;
use crate::domain::header_name::{self, Tells};
use crate::domain::host::Authority;
use crate::domain::path::RequestTarget;
use crate::domain::route::{Reach, Route, Routes};

static DESTINATION: HeaderName = HeaderName::from_static("destination");
static DEPTH: HeaderName = HeaderName::from_static("depth");

/// A request whose route has been found.
#[derive(Clone, Copy, Debug)]
pub struct Reaching<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// The host and port it is for.
    pub authority: &'a Authority,
    /// Its path and query.
    pub target: &'a RequestTarget,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
}

/// Refuses a request that would also touch what its route does not lead to.
///
/// # Errors
/// It touches a part of the app that asks for more than its own route, or does not say clearly what it touches.
pub fn check(routes: &Routes, route: &Arc<Route>, request: Reaching<'_>) -> Result<(), GateRefusal> {
    let Reaching { method, authority, target, headers } = request;
    let is_one_of = |told: &[u8], names: &[&str]| names.iter().any(|name| told.eq_ignore_ascii_case(name.as_bytes()));
    // Some apps take another method than that of the first line from a header of a POST.
    let may_tell = *method == Method::POST;
    let tells = |name: &HeaderName| header_name::tells(name.as_str()) == Some(Tells::Method);
    let told = |names: &[&str]| {
        headers.iter().any(|(name, value)| tells(name) && is_one_of(value.as_bytes().trim_ascii(), names))
    };
    let is = |names: &[&str]| is_one_of(method.as_str().as_bytes(), names) || may_tell && told(names);
    let some_ask_more =
        || routes.iter().any(|other| other.host == route.host && other.demands.ask_more_than(&route.demands));
    // To other methods a header of that name may mean anything, which matters only where it could lead further.
    let has_destination = is(&["COPY", "MOVE"]) || headers.contains_key(&DESTINATION) && some_ask_more();
    // A collection is deleted, moved and copied with all that is in it; the others look as far as they say, and where
    // they say nothing, to the end.
    let is_shallow = || {
        headers
            .get_all(&DEPTH)
            .iter()
            .all(|depth| depth == "0" || depth == "1" && is(&["PROPFIND", "REPORT", "SEARCH"]))
    };
    let says_depth = headers.contains_key(&DEPTH);
    // Methods of extensions have a depth too, where they say one (RFC 3253 §3.6).
    let is_deep = is(&["DELETE", "MOVE"])
        || is(&["COPY", "LOCK", "PROPFIND"]) && !(says_depth && is_shallow())
        || says_depth && !is_shallow() && !is(&["GET", "HEAD"]);
    if !has_destination && !is_deep {
        return Ok(());
    }
    let destination = if has_destination { destination(headers, authority)? } else { None };
    let reach = Reach { destination: destination.as_ref().map(|target| &target.path), is_deep };
    // Where all of a host asks for the same, it does not matter what such a request leaves out.
    let names_none = has_destination && destination.is_none();
    let asks_more =
        if names_none { some_ask_more() } else { routes.ask_more(route, &target.path, method.as_str(), reach) };
    if asks_more { Err(GateRefusal::ReachesFurther) } else { Ok(()) }
}

/// The one `Destination`: an address on this host, or a path (RFC 4918 §10.3).
fn destination(headers: &HeaderMap, authority: &Authority) -> Result<Option<RequestTarget>, GateRefusal> {
    let mut values = headers.get_all(&DESTINATION).iter();
    let Some(written) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(GateRefusal::MalformedRequest("Destination comes twice"));
    }
    let written = written.as_bytes();
    let is_http = |scheme: &[u8]| scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    let scheme_end = written.windows(3).position(|part| part == b"://");
    let target = match scheme_end.and_then(|end| Some((written.get(..end)?, written.get(end + 3..)?))) {
        Some((scheme, rest)) if is_http(scheme) => {
            let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            let (host, target) = rest.split_at_checked(end).unwrap_or((rest, b""));
            let host = Authority::parse(host).map_err(GateRefusal::MalformedHost)?;
            if host.host != authority.host {
                return Err(GateRefusal::MalformedRequest("Destination names another host"));
            }
            if target.is_empty() { b"/" } else { target }
        }
        _ => written,
    };
    RequestTarget::parse(target).map(Some).map_err(GateRefusal::MalformedPath)
}
