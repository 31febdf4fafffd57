//! What kind of request it is, as far as that changes how it is decided and answered. The proxy tells it of the
//! requests that it passes on, and forward-auth of those it is asked about.

use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, AsHeaderName, CONTENT_TYPE, HeaderName, ORIGIN, UPGRADE};
use http::{HeaderMap, Method, Version};

use crate::domain::route;

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");

/// What may reach an app twice besides the methods of RFC 9110: most of WebDAV's and its relatives' (RFC 4918, 3253,
/// 4791, 5323, 3744), and QUERY.
const OTHER_IDEMPOTENT: [&str; 15] = [
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MKCALENDAR",
    "ACL",
    "BIND",
    "UNBIND",
    "REBIND",
    "VERSION-CONTROL",
    "QUERY",
];

/// What a browser may send with a preflight (the Fetch standard's CORS-preflight fetch): its question, and what it
/// sends with every request. The last are the starts of names.
const PREFLIGHT: [&str; 6] = ["host", "origin", "referer", "user-agent", "cache-control", "pragma"];
const PREFLIGHT_FAMILIES: [&str; 3] = ["access-control-request-", "accept", "sec-"];

/// The kinds of requests that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A person goes to a page.
    Navigation,
    /// A browser asks whether another site's script may call (CORS).
    Preflight,
    /// A WebSocket is to be opened.
    WebSocket,
    /// A browser asks for the script of a service worker (the Service Workers standard's header `Service-Worker`).
    WorkerScript,
    /// A call of gRPC, which exists over HTTP/2 alone, to the app too.
    Grpc,
    /// Anything else, scripts above all.
    Other,
}

impl RequestKind {
    /// The kind of a request with this head.
    pub fn of(method: &Method, version: Version, headers: &HeaderMap) -> Self {
        // RFC 6455 §4.1: a GET of HTTP/1.1. Of others, this is left unheard (RFC 9110 §7.8).
        if version == Version::HTTP_11 && *method == Method::GET && has_token(headers, UPGRADE, b"websocket") {
            return Self::WebSocket;
        }
        if *method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        {
            return Self::Preflight;
        }
        if version == Version::HTTP_2 && is_grpc(headers) {
            return Self::Grpc;
        }
        // A browser that says how the request came about is believed over what it accepts: a script may fetch HTML too.
        let navigates = match headers.get(&SEC_FETCH_MODE) {
            Some(mode) => mode == "navigate",
            None => matches!(*method, Method::GET | Method::HEAD) && accepts(headers, b"text/html"),
        };
        match () {
            () if navigates => Self::Navigation,
            () if is_for_worker(method, headers) => Self::WorkerScript,
            () => Self::Other,
        }
    }
}

/// Whether `method` is let through: whatever an app may understand, but not what is about the way itself.
pub fn is_let_through(method: &Method) -> bool {
    let is_common = matches!(*method, Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH);
    is_common || !route::is_about_the_way(method.as_str())
}

/// Whether a request with that method may reach an app twice: it changes nothing, or nothing more the second time
/// (RFC 9110 §9.2.2, and the documents of the other methods).
pub fn is_idempotent(method: &Method) -> bool {
    method.is_idempotent() || OTHER_IDEMPOTENT.contains(&method.as_str())
}

/// Whether a header of that name, in lowercase, is part of a preflight's question, or goes with every request.
pub fn is_in_preflight(name: &str) -> bool {
    PREFLIGHT.contains(&name) || PREFLIGHT_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether a list of words in the headers called `name` has `token`.
pub fn has_token(headers: &HeaderMap, name: impl AsHeaderName, token: &[u8]) -> bool {
    let mut items = headers.get_all(name).into_iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    items.any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

fn is_for_worker(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && headers.get(&SERVICE_WORKER).is_some_and(|value| value == "script")
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

fn accepts(headers: &HeaderMap, wanted: &[u8]) -> bool {
    let mut ranges = headers.get_all(ACCEPT).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    ranges.any(|range| {
        let media_type = range.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        media_type.eq_ignore_ascii_case(wanted)
    })
}
