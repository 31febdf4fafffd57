//! Which request is asked about: read from exactly one family of headers, once and strictly.
//!
//! The headers of the client's request come along, so a client can add the headers of a family that its proxy does not
//! use. What is not said once, in one spelling and by one family alone, is therefore not believed but refused.

use http::header::{CONTENT_LENGTH, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use super::ForwardAuthQuestion;
use crate::domain::header_name::{self, IdentityNames, Tells};
use crate::domain::host::Authority;
use crate::domain::own_paths::FORWARD_AUTH;
use crate::domain::path::{PathError, RequestPath, RequestTarget};
use crate::domain::route::Scheme;
use crate::gate::kind::{self, RequestKind};
use crate::gate::refusal::GateRefusal;

/// Who asks, by the headers it says the request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFamily {
    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`: Traefik and Caddy.
    Forwarded,
    /// `X-Original-URL` and `X-Original-Method`: nginx.
    Original,
    /// The path behind ours, `Host`, the method of the question and `X-Forwarded-Proto`: Envoy.
    Suffix,
}

/// The request that is asked about.
#[derive(Debug)]
pub(super) struct Original {
    pub(super) family: HeaderFamily,
    pub(super) method: Method,
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) target: RequestTarget,
    pub(super) kind: RequestKind,
}

impl Original {
    /// Reads what is asked about.
    ///
    /// # Errors
    /// The question is refused.
    pub(super) fn read(question: &ForwardAuthQuestion<'_>, names: &KnownHeaderNames) -> Result<Self, GateRefusal> {
        let said = OriginalHeaders::read(question.headers, names)?;
        let suffix = question.target.path.as_str().strip_prefix(FORWARD_AUTH).unwrap_or_default();
        // `X-Forwarded-Proto`, `-Host` and `-For` ride along with every proxy and make no family.
        let family = match (
            said.uri.is_some() || said.method.is_some(),
            said.original_url.is_some() || said.original_method.is_some(),
            !suffix.is_empty(),
        ) {
            (true, false, false) => HeaderFamily::Forwarded,
            (false, true, false) => HeaderFamily::Original,
            (false, false, true) => HeaderFamily::Suffix,
            (false, false, false) => return Err(GateRefusal::NothingAsked),
            _ => return Err(GateRefusal::AskedTwice),
        };
        let forwarded_scheme = said.proto.map(scheme).transpose()?;
        let forwarded_host = said.host.map(|host| authority(host.as_bytes())).transpose()?;
        let (method, spoken, authority, target) = match family {
            HeaderFamily::Forwarded => {
                let method = method(said.method.ok_or(GateRefusal::PartMissing)?)?;
                let target = target(said.uri.ok_or(GateRefusal::PartMissing)?.as_bytes())?;
                (
                    method,
                    forwarded_scheme.ok_or(GateRefusal::PartMissing)?,
                    forwarded_host.ok_or(GateRefusal::PartMissing)?,
                    target,
                )
            }
            HeaderFamily::Original => {
                let method = method(said.original_method.ok_or(GateRefusal::PartMissing)?)?;
                let (spoken, authority, target) = url(said.original_url.ok_or(GateRefusal::PartMissing)?)?;
                if forwarded_scheme.is_some_and(|forwarded| forwarded.scheme != spoken.scheme) {
                    return Err(GateRefusal::Contradiction);
                }
                agree(forwarded_host.as_ref(), &authority)?;
                (method, spoken, authority, target)
            }
            HeaderFamily::Suffix => {
                let path = RequestPath::parse(suffix.as_bytes()).map_err(GateRefusal::MalformedPath)?;
                let target = RequestTarget { path, query: question.target.query.clone() };
                let spoken = forwarded_scheme.ok_or(GateRefusal::PartMissing)?;
                agree(forwarded_host.as_ref(), question.authority)?;
                (question.method.clone(), spoken, question.authority.clone(), target)
            }
        };
        if !kind::is_let_through(&method) {
            return Err(GateRefusal::MethodNotAllowed);
        }
        if said.original_uri.is_some_and(|uri| family != HeaderFamily::Original || !target.is_written(uri.as_bytes())) {
            return Err(GateRefusal::OtherTarget);
        }
        let kind = kind_asked_about(&method, spoken.is_websocket, question.headers);
        Ok(Self { family, method, scheme: spoken.scheme, authority, target, kind })
    }
}

/// What is known of the headers' names before any request.
#[derive(Debug)]
pub(super) struct KnownHeaderNames {
    /// Those that tell who asks.
    identity: Vec<HeaderName>,
    /// The same, folded.
    folded: IdentityNames,
}

impl KnownHeaderNames {
    pub(super) fn new(identity: &[HeaderName]) -> Self {
        let folded = IdentityNames::of(identity.iter().map(HeaderName::as_str));
        Self { identity: identity.to_vec(), folded }
    }

    /// Refuses a header that an app, or a lax reader on the way, may take for one that is believed here, though its name is
    /// spelled otherwise.
    fn check(&self, name: &HeaderName) -> Result<(), GateRefusal> {
        let tells = header_name::tells(name.as_str());
        let is_identity = || self.folded.has(name.as_str());
        // Most headers end here.
        if (tells.is_none() && !is_identity()) || self.identity.contains(name) {
            return Ok(());
        }
        if is_identity() || header_name::reads_as_any(name.as_str(), &FOLDED) {
            return Err(GateRefusal::HeaderMisspelled);
        }
        match tells {
            Some(Tells::Target) if !PROXYS_OWN.contains(&name.as_str()) => Err(GateRefusal::OtherTarget),
            Some(Tells::Target | Tells::Identity | Tells::Method | Tells::Way) | None => Ok(()),
        }
    }
}

/// The headers of all families, folded.
const FOLDED: [&[u8]; 6] =
    [b"xforwardedmethod", b"xforwardedproto", b"xforwardedhost", b"xforwardeduri", b"xoriginalurl", b"xoriginalmethod"];

/// Headers by which a proxy in front tells apps of the target that it asks about.
const PROXYS_OWN: [&str; 2] = ["x-envoy-original-path", "x-envoy-original-dst-host"];

/// The headers of all families, each at most once.
#[derive(Default)]
struct OriginalHeaders<'a> {
    method: Option<&'a HeaderValue>,
    proto: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    uri: Option<&'a HeaderValue>,
    original_url: Option<&'a HeaderValue>,
    original_method: Option<&'a HeaderValue>,
    /// What ingress-nginx says besides where its annotation `auth-method` is set: the target once more.
    original_uri: Option<&'a HeaderValue>,
}

impl<'a> OriginalHeaders<'a> {
    fn read(headers: &'a HeaderMap, names: &KnownHeaderNames) -> Result<Self, GateRefusal> {
        let mut said = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                "x-forwarded-method" => &mut said.method,
                "x-forwarded-proto" => &mut said.proto,
                "x-forwarded-host" => &mut said.host,
                "x-forwarded-uri" => &mut said.uri,
                "x-original-url" => &mut said.original_url,
                "x-original-method" => &mut said.original_method,
                "x-original-uri" => &mut said.original_uri,
                _ => {
                    names.check(name)?;
                    continue;
                }
            };
            if place.replace(value).is_some() {
                return Err(GateRefusal::HeaderRepeated);
            }
        }
        Ok(said)
    }
}

/// A scheme as a proxy says it.
#[derive(Clone, Copy)]
struct Spoken {
    scheme: Scheme,
    /// Whether it is that of a WebSocket: Traefik writes `wss` for one.
    is_websocket: bool,
}

fn scheme(value: &HeaderValue) -> Result<Spoken, GateRefusal> {
    let (scheme, is_websocket) = match value.as_bytes() {
        b"https" => (Scheme::Https, false),
        b"http" => (Scheme::Http, false),
        b"wss" => (Scheme::Https, true),
        b"ws" => (Scheme::Http, true),
        _ => return Err(GateRefusal::SchemeUnknown),
    };
    Ok(Spoken { scheme, is_websocket })
}

fn method(value: &HeaderValue) -> Result<Method, GateRefusal> {
    Method::from_bytes(value.as_bytes()).map_err(|_| GateRefusal::MethodNotAllowed)
}

fn authority(value: &[u8]) -> Result<Authority, GateRefusal> {
    Authority::parse(value).map_err(GateRefusal::MalformedHost)
}

fn target(value: &[u8]) -> Result<RequestTarget, GateRefusal> {
    RequestTarget::parse(value).map_err(GateRefusal::MalformedPath)
}

/// Reads an absolute URL of http or https (RFC 9110 §4.2) with nothing but a host, a port, a path and a query.
fn url(value: &HeaderValue) -> Result<(Spoken, Authority, RequestTarget), GateRefusal> {
    let url = value.as_bytes();
    let (scheme, rest) = match (url.strip_prefix(b"https://"), url.strip_prefix(b"http://")) {
        (Some(rest), _) => (Scheme::Https, rest),
        (None, Some(rest)) => (Scheme::Http, rest),
        (None, None) => return Err(GateRefusal::SchemeUnknown),
    };
    let end_of_host =
        rest.iter().position(|&byte| byte == b'/').ok_or(GateRefusal::MalformedPath(PathError::NotAbsolute))?;
    let (host, path) = rest.split_at_checked(end_of_host).ok_or(GateRefusal::MalformedPath(PathError::NotAbsolute))?;
    Ok((Spoken { scheme, is_websocket: false }, authority(host)?, target(path)?))
}

/// Refuses an `X-Forwarded-Host` that names another host. Some proxies leave the port out.
fn agree(forwarded: Option<&Authority>, authority: &Authority) -> Result<(), GateRefusal> {
    let Some(forwarded) = forwarded else { return Ok(()) };
    let ports = forwarded.port.zip(authority.port);
    let same = forwarded.host == authority.host && ports.is_none_or(|(one, other)| one == other);
    if same { Ok(()) } else { Err(GateRefusal::Contradiction) }
}

/// The kind of the request that is asked about. [`RequestKind::of`] reads it off the request itself; of this one, the proxy has
/// left out a part of the head. A preflight is only what has nothing but its question, since the gateway cannot take the
/// rest out of it.
fn kind_asked_about(method: &Method, websocket_scheme: bool, headers: &HeaderMap) -> RequestKind {
    if websocket_scheme || asks_for_websocket(headers) {
        return RequestKind::WebSocket;
    }
    let kind = RequestKind::of(method, Version::HTTP_11, headers);
    if kind == RequestKind::Preflight && !only_asks(headers) { RequestKind::Other } else { kind }
}

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Proxies leave `Upgrade` out when they ask (RFC 9110 §7.6.1), and over HTTP/2 there is none (RFC 8441 §5), so the rest
/// of the handshake tells as well.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    kind::has_token(headers, UPGRADE, b"websocket")
        || headers.get(&SEC_FETCH_MODE).is_some_and(|mode| mode == "websocket")
        || headers.keys().any(|name| name.as_str().starts_with("sec-websocket-"))
}

/// Whether a preflight has no cookie or other credential, no other method's name and no body.
fn only_asks(headers: &HeaderMap) -> bool {
    let is_question = |name: &str| {
        kind::is_in_preflight(name)
            || ON_THE_WAY.contains(&name)
            || ON_THE_WAY_FAMILIES.iter().any(|family| name.starts_with(family))
    };
    let empty = |length: &HeaderValue| length == "0";
    headers.keys().all(|name| is_question(name.as_str())) && headers.get_all(CONTENT_LENGTH).iter().all(empty)
}

/// Headers that proxies add to a preflight on its way here.
const ON_THE_WAY: [&str; 31] = [
    "b3",
    "cdn-loop",
    "connection",
    "content-length",
    "dnt",
    "forwarded",
    "priority",
    "te",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "via",
    "x-amzn-trace-id",
    "x-client-ip",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-auth-request-redirect",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-scheme",
    "x-sent-from",
];
/// What the names of the other headers begin with that proxies add.
const ON_THE_WAY_FAMILIES: [&str; 3] = ["cf-", "x-b3-", "x-envoy-"];
