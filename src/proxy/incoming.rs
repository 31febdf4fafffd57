//! Reads a request's head, once and strictly: what stands here is what is decided by and what is sent on.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Version};

use super::connection::ClientConnection;
use super::hop_by_hop;
use super::named::NamedHost;
use super::settings::ProxySettings;
use crate::domain::own_paths::{ASSETS, HEALTHZ, JWKS};
use crate::domain::path::RequestTarget;
use crate::domain::route::Scheme;
use crate::gate::credentials::Credentials;
use crate::gate::kind::{self, RequestKind};
use crate::gate::refusal::GateRefusal;

/// The most that the names and values of a request's headers and its target may take, in bytes.
pub(super) const LARGEST_HEAD: usize = 32 * 1024;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A request whose head can have only one meaning.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    /// The host and port it is for.
    pub(super) authority: Arc<NamedHost>,
    /// The path and query.
    pub(super) target: RequestTarget,
    /// Who it says it is from.
    pub(super) credentials: Credentials,
    /// The visitor's address; `None` where a trusted proxy in front does not say.
    pub(super) client: Option<IpAddr>,
    /// Whether the peer is a trusted proxy, whose `X-Forwarded-*` is believed.
    pub(super) from_trusted: bool,
    /// How the visitor came, as far as the connection or a trusted proxy says.
    pub(super) scheme: Scheme,
    /// What kind of request it is, where that changes how it is treated.
    pub(super) kind: RequestKind,
}

impl Incoming {
    /// Reads the head. `raw_target` is the request target as it came in; `is_ours` says whether a text calls itself an
    /// access token of ours.
    ///
    /// # Errors
    /// The request is refused.
    pub(super) fn read(
        head: &Parts,
        raw_target: &[u8],
        connection: &ClientConnection,
        settings: &ProxySettings,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<Self, GateRefusal> {
        let raw_path = raw_target.split(|&byte| byte == b'?').next().unwrap_or_default();
        // The page that says so has a stylesheet, which is asked for with the same cookies.
        if size(&head.headers) + raw_target.len() > LARGEST_HEAD && !is_asset(raw_path) {
            return Err(GateRefusal::HeadTooLarge);
        }
        allow(&head.method)?;
        one_framing(&head.headers)?;
        let named = requested_host(head).and_then(|raw| connection.named(raw));
        let authority = match named {
            Err(GateRefusal::MalformedHost(_) | NO_HOST) if is_for_any_host(head, raw_path) => {
                connection.named(settings.public_host.as_str().as_bytes())?
            }
            named => named?,
        };
        let target = RequestTarget::parse(raw_target).map_err(GateRefusal::MalformedPath)?;
        let from_trusted = connection.peer().is_some_and(|peer| settings.trusts(peer));
        let client = if from_trusted { forwarded_for(&head.headers, settings) } else { connection.peer() };
        let scheme = scheme(head, connection, settings, from_trusted);
        let credentials = Credentials::read(&head.headers, settings.session_cookie(), is_ours);
        Ok(Self { authority, target, credentials, client, from_trusted, scheme, kind: request_kind(head) })
    }
}

const NO_HOST: GateRefusal = GateRefusal::MalformedRequest("no host is named");

/// Whether a request is answered by whatever name it is asked. That holds for the gateway's health, its public keys,
/// and the assets of the pages, one of which says that a name is none of ours. The check that HAProxy makes by default
/// (`OPTIONS /` of HTTP/1.0, without a host) can only mean the first.
pub(super) fn is_for_any_host(head: &Parts, path: impl AsRef<[u8]>) -> bool {
    let path = path.as_ref();
    let is_bare_check = || {
        head.method == Method::OPTIONS
            && head.version == Version::HTTP_10
            && path == b"/"
            && !head.headers.contains_key(HOST)
    };
    path == HEALTHZ.as_bytes() || path == JWKS.as_bytes() || is_asset(path) || is_bare_check()
}

/// Whether it is the path of such a file, as we write them; in another spelling there is nothing.
fn is_asset(path: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    path.strip_prefix(ASSETS.as_bytes())
        .is_some_and(|rest| rest.split(|&byte| byte == b'/').all(|part| !part.is_empty() && part.iter().all(is_plain)))
}

/// Whether `target` is all of what stands in the first line of an HTTP/1.1 head: parsing it drops a `#` and what
/// follows.
pub(super) fn is_whole_target(raw_head: &[u8], target: &[u8]) -> bool {
    let line = raw_head.trim_ascii_start().split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    words.nth(1) == Some(target)
}

fn size(headers: &HeaderMap) -> usize {
    // Two for the colon and the space, two for the end of the line.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn allow(method: &Method) -> Result<(), GateRefusal> {
    if kind::is_let_through(method) { Ok(()) } else { Err(GateRefusal::MethodNotAllowed) }
}

/// A length that is said twice is refused also where both are alike: it would be passed on so, and not every server
/// takes it for one (RFC 9110 §8.6). So is a coding of the transfer that is not undone here: the app would not be told
/// of it (RFC 9112 §6.1).
fn one_framing(headers: &HeaderMap) -> Result<(), GateRefusal> {
    if !hop_by_hop::is_plain_or_chunked(headers) {
        return Err(GateRefusal::MalformedRequest("Transfer-Encoding is more, or other, than chunked"));
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().iter().all(u8::is_ascii_digit) => Ok(()),
        (Some(_), _) => Err(GateRefusal::MalformedRequest("Content-Length comes twice, or is no number")),
    }
}

/// Whether a request says that its body has more than `most` bytes.
pub(super) fn is_longer(head: &Parts, most: Option<u64>) -> bool {
    let Some(most) = most else { return false };
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    // Digits that are no number are too many.
    length.is_some_and(|length| length.parse().map_or(true, |length: u64| length > most))
}

/// The one host: of `Host`, of `:authority`, or of both where they say the same (RFC 9113 §8.3.1).
fn requested_host(head: &Parts) -> Result<&[u8], GateRefusal> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(GateRefusal::MalformedRequest("Host comes twice"));
    }
    let pseudo = match head.version {
        Version::HTTP_2 => head.uri.authority().map(|authority| authority.as_str().as_bytes()),
        _ => None,
    };
    match (host.map(HeaderValue::as_bytes), pseudo) {
        (Some(host), Some(pseudo)) if host != pseudo => {
            Err(GateRefusal::MalformedRequest("Host and :authority name different hosts"))
        }
        (Some(written), _) | (None, Some(written)) => Ok(written),
        (None, None) => Err(NO_HOST),
    }
}

/// The last address in `X-Forwarded-For` that no trusted proxy added for another trusted proxy. What stands before it
/// was written by the visitor.
fn forwarded_for(headers: &HeaderMap, settings: &ProxySettings) -> Option<IpAddr> {
    let values = headers.get_all(&X_FORWARDED_FOR).iter().rev();
    let mut said = None;
    for item in values.flat_map(|value| value.as_bytes().rsplit(|&byte| byte == b',')) {
        let address = parse_client(item.trim_ascii())?;
        said = Some(address);
        if !settings.trusts(address) {
            break;
        }
    }
    said
}

/// An address, with or without a port, as proxies write it.
fn parse_client(item: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(item).ok()?;
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    address.ok().map(|address| address.to_canonical())
}

/// The scheme that the visitor's browser shows: that of `public_url`, unless a trusted proxy says another.
fn scheme(head: &Parts, connection: &ClientConnection, settings: &ProxySettings, from_trusted: bool) -> Scheme {
    let said = from_trusted.then(|| forwarded_proto(&head.headers)).flatten();
    let seen = if connection.tls { Scheme::Https } else { settings.public_scheme };
    match said {
        _ if connection.is_astray => Scheme::Http,
        Some(Scheme::Http) if settings.public_scheme == Scheme::Https && comes_by_https(&head.headers) => {
            static IS_SAID: AtomicBool = AtomicBool::new(false);
            if !IS_SAID.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "a trusted proxy says X-Forwarded-Proto: http of requests that came by https; have it say https"
                );
            }
            Scheme::Https
        }
        Some(said) => said,
        None => seen,
    }
}

/// Whether only a browser on an https page can have sent this: the cookies and the headers that there are only there.
fn comes_by_https(headers: &HeaderMap) -> bool {
    let is_secure = |cookie: &[u8]| cookie.trim_ascii_start().starts_with(b"__Host-");
    let mut cookies =
        headers.get_all(COOKIE).into_iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b';'));
    cookies.any(is_secure) || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
}

/// What the nearest trusted proxy says; `None` where it does not say.
fn forwarded_proto(headers: &HeaderMap) -> Option<Scheme> {
    let item = last_item(headers, &X_FORWARDED_PROTO)?;
    let is = |scheme: &[u8]| item.eq_ignore_ascii_case(scheme);
    match () {
        () if is(b"https") || is(b"wss") => Some(Scheme::Https),
        () if is(b"http") || is(b"ws") => Some(Scheme::Http),
        () => None,
    }
}

/// The host that the nearest trusted proxy says the visitor asked for.
pub(super) fn forwarded_host(headers: &HeaderMap) -> Option<&[u8]> {
    last_item(headers, &X_FORWARDED_HOST)
}

fn last_item<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let last = headers.get_all(name).iter().next_back()?;
    last.as_bytes().rsplit(|&byte| byte == b',').next().map(<[u8]>::trim_ascii)
}

/// The kind of a request with this head.
pub(super) fn request_kind(head: &Parts) -> RequestKind {
    RequestKind::of(&head.method, head.version, &head.headers)
}

#[cfg(test)]
mod tests {
    use super::super::connection::{Arrival, ClientConnection};
    use super::*;
    use crate::domain::host::Host;
    use crate::domain::secret::Secret;

    fn settings() -> ProxySettings {
        ProxySettings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            ..ProxySettings::new(Scheme::Https, Host::parse("notes.example.com").unwrap())
        }
    }

    struct TestRequest(http::request::Builder, &'static str);

    fn get(target: &'static str) -> TestRequest {
        TestRequest(http::Request::get("/"), target).with("host", "notes.example.com")
    }

    impl TestRequest {
        fn with(self, name: &str, value: &str) -> Self {
            Self(self.0.header(name, value), self.1)
        }

        fn method(self, method: &str) -> Self {
            Self(self.0.method(method), self.1)
        }

        fn read_from(self, peer: &str) -> Result<Incoming, GateRefusal> {
            let peer = Some(format!("{peer}:5000").parse().unwrap());
            let connection = ClientConnection::of(Arrival { peer, tls: false, http2: false, is_astray: false });
            let (head, ()) = self.0.body(()).unwrap().into_parts();
            Incoming::read(&head, self.1.as_bytes(), &connection, &settings(), |_| false)
        }

        fn read(self) -> Result<Incoming, GateRefusal> {
            self.read_from("192.0.2.1")
        }
    }

    fn bare() -> TestRequest {
        TestRequest(http::Request::get("/"), "/")
    }

    #[test]
    fn exactly_one_well_formed_host_is_asked_for() {
        assert_eq!(bare().read().unwrap_err(), GateRefusal::MalformedRequest("no host is named"));
        let twice = get("/").with("host", "notes.example.com");
        assert_eq!(twice.read().unwrap_err(), GateRefusal::MalformedRequest("Host comes twice"));
        for host in ["", "a b", "user@notes.example.com", "notes.example.com/x", "a,b", "notes.example.com:0", "127.1"]
        {
            let refused = bare().with("host", host).read().unwrap_err();
            assert!(matches!(refused, GateRefusal::MalformedHost(_)), "{host}: {refused:?}");
        }
        let read = bare().with("host", "Notes.Example.com.:8443").read().unwrap();
        assert_eq!(read.authority.to_string(), "notes.example.com:8443");
    }

    #[test]
    fn a_path_that_is_dangerous_in_some_reading_is_refused() {
        for target in [
            "",
            "*",
            "a",
            "http://notes.example.com/",
            "//..",
            "/a/../b",
            "/.",
            "/a/%2e%2E/b",
            "/a%2f..%2fb",
            "/a%5Cb",
            "/a\\b",
            "/%00",
            "/a\u{e9}",
        ] {
            let refused = get(target).read().unwrap_err();
            assert!(matches!(refused, GateRefusal::MalformedPath(_)), "{target}: {refused:?}");
        }
    }

    #[test]
    fn every_method_is_let_through_but_those_about_the_way_itself() {
        for method in
            ["GET", "get", "POST", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "MERGE", "M-SEARCH", "BREW", "TRACK"]
        {
            assert!(get("/").method(method).read().is_ok(), "{method}");
        }
        for method in ["TRACE", "CONNECT", "trace", "Connect", "PRI"] {
            assert_eq!(get("/").method(method).read().unwrap_err(), GateRefusal::MethodNotAllowed, "{method}");
        }
    }

    #[test]
    fn a_head_over_its_limit_is_refused() {
        let big = "a".repeat(LARGEST_HEAD);
        assert_eq!(get("/").with("x-big", &big).read().unwrap_err(), GateRefusal::HeadTooLarge);
    }

    #[test]
    fn a_stranger_cannot_say_where_they_come_from() {
        let read = get("/").with("x-forwarded-for", "203.0.113.9").with("x-forwarded-proto", "https").read().unwrap();
        assert_eq!((read.client, read.scheme), (Some("192.0.2.1".parse().unwrap()), Scheme::Https));
        let read = get("/").with("x-forwarded-proto", "http").read().unwrap();
        assert_eq!(read.scheme, Scheme::Https, "the one of public_url, where nobody who knows says another");
    }

    #[track_caller]
    fn client(values: &[&str]) -> Option<String> {
        let request = values.iter().fold(get("/"), |request, value| request.with("x-forwarded-for", value));
        request.read_from("10.0.0.1").unwrap().client.map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_a_trusted_proxy_saw_is_the_visitor() {
        assert_eq!(client(&["203.0.113.9"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(client(&["198.51.100.1, 203.0.113.9, 10.2.3.4"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(client(&["198.51.100.1", "203.0.113.9:4711, fd00::1"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(client(&["[2001:db8::7]:443"]).as_deref(), Some("2001:db8::7"));
        assert_eq!(client(&["[2001:db8::7]"]).as_deref(), Some("2001:db8::7"));
        assert_eq!(client(&["::ffff:203.0.113.9"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(client(&["10.1.1.1, 10.2.2.2"]).as_deref(), Some("10.1.1.1"));
        assert_eq!(client(&[]), None);
        assert_eq!(client(&["203.0.113.9, unknown"]), None);
    }

    #[test]
    fn a_trusted_proxy_says_whether_it_was_https() {
        let scheme = |value: &str| get("/").with("x-forwarded-proto", value).read_from("10.0.0.1").unwrap().scheme;
        assert_eq!(scheme("https"), Scheme::Https);
        assert_eq!(scheme("http, HTTPS"), Scheme::Https);
        assert_eq!(scheme("https, http"), Scheme::Http);
        assert_eq!((scheme("wss"), scheme("WS")), (Scheme::Https, Scheme::Http));
        assert_eq!((scheme(""), scheme("gopher")), (Scheme::Https, Scheme::Https));
        // A browser sends these on https alone.
        for (name, value) in [("sec-fetch-site", "none"), ("cookie", "a=1; __Host-bmauth=x")] {
            let read = get("/").with("x-forwarded-proto", "http").with(name, value).read_from("10.0.0.1").unwrap();
            assert_eq!(read.scheme, Scheme::Https, "{name}");
        }
        for cookie in ["x__Host-bmauth=1", "bmauth=__Host-x"] {
            let read = get("/").with("x-forwarded-proto", "http").with("cookie", cookie).read_from("10.0.0.1").unwrap();
            assert_eq!(read.scheme, Scheme::Http, "{cookie}");
        }
    }

    #[test]
    fn a_page_navigation_is_told_from_a_script() {
        let kind = |request: TestRequest| request.read().unwrap().kind;
        assert_eq!(kind(get("/").with("sec-fetch-mode", "navigate")), RequestKind::Navigation);
        assert_eq!(kind(get("/").method("POST").with("sec-fetch-mode", "navigate")), RequestKind::Navigation);
        assert_eq!(kind(get("/").with("accept", "text/html,application/xhtml+xml;q=0.9")), RequestKind::Navigation);
        assert_eq!(kind(get("/").with("accept", "text/html").with("sec-fetch-mode", "cors")), RequestKind::Other);
        assert_eq!(kind(get("/").method("POST").with("accept", "text/html")), RequestKind::Other);
        assert_eq!(kind(get("/").with("accept", "application/json, text/htmlx")), RequestKind::Other);
        assert_eq!(kind(get("/").with("accept", "*/*")), RequestKind::Other);
        assert_eq!(kind(get("/")), RequestKind::Other);
        let for_worker = |request: TestRequest| request.with("service-worker", "script");
        assert_eq!(kind(for_worker(get("/")).with("sec-fetch-mode", "same-origin")), RequestKind::WorkerScript);
        assert_eq!(kind(for_worker(get("/")).method("HEAD").with("accept", "*/*")), RequestKind::WorkerScript);
        assert_eq!(kind(for_worker(get("/")).with("sec-fetch-mode", "navigate")), RequestKind::Navigation);
        assert_eq!(kind(for_worker(get("/")).method("POST")), RequestKind::Other);
        assert_eq!(kind(get("/").with("service-worker", "scripts")), RequestKind::Other);
        assert_eq!(kind(get("/").with("upgrade", "h2c, WebSocket")), RequestKind::WebSocket);
        let options = || get("/").method("OPTIONS").with("origin", "https://a.example");
        assert_eq!(kind(options().with("access-control-request-method", "PUT")), RequestKind::Preflight);
        assert_eq!(kind(options()), RequestKind::Other);
    }

    #[test]
    fn one_session_cookie_is_read() {
        let secret = Secret::from_bytes([7; 32]);
        let cookie = |value: &str| get("/").with("cookie", value).read().unwrap().credentials.token;
        assert_eq!(cookie(&format!("a=1; __Host-bmauth={}", secret.text())), Some(secret.digest()));
        assert_eq!(cookie(&format!("bmauth={}", secret.text())), None);
        assert_eq!(cookie(&format!("__Host-bmauth={0}; __Host-bmauth={0}", secret.text())), None);
        assert_eq!(cookie("__Host-bmauth=short"), None);
    }
}
