//! Which request is asked about: read from exactly one family of fields, once and strictly.
//!
//! The fields of the client's request come along, so a client can add the fields of a family that its proxy does not
//! use. What is not said once, in one spelling and by one family alone, is therefore not believed but refused.

use http::header::{CONTENT_LENGTH, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use super::Question;
use crate::domain::field_name::Folded;
use crate::domain::host::Authority;
use crate::domain::own_paths::FORWARD_AUTH;
use crate::domain::path::{CanonicalPath, RequestTarget};
use crate::domain::route::Scheme;
use crate::gate::fields;
use crate::gate::kind::{self, Kind, Passage};

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Who asks, by the fields it says the request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
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
    pub(super) family: Family,
    pub(super) method: Method,
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) target: RequestTarget,
    pub(super) kind: Kind,
}

/// Why a question is answered with 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// It does not come from a proxy in `server.trusted_proxies`.
    Untrusted,
    /// Its own head has no meaning, or two.
    Malformed,
    /// No family of fields says what it is about.
    NothingSaid,
    /// Two families do.
    SaidTwice,
    /// A part is missing.
    Missing,
    /// A field comes twice.
    Repeated,
    /// A field that says who or what is asked about, in a spelling that only some servers take for it.
    Spelling,
    /// A field that some servers take for the target, and by which nothing is decided here.
    OtherTarget,
    /// Two fields name different hosts or schemes.
    Contradiction,
    /// The method is none that is let through.
    Method,
    /// The scheme is neither http nor https.
    Scheme,
    /// The host is none.
    Host,
    /// The path or query has more than one reading, or is none.
    Path,
    /// It is about one of the gateway's own paths.
    OwnPath,
    /// No route has that host.
    UnknownHost,
    /// No route has that path.
    NoRoute,
    /// "Keep your account safe" has to be answered first.
    ReviewRequired,
    /// Whoever is signed in is in none of the groups that the route asks for.
    Forbidden,
    /// A WebSocket that another site's page asks for.
    ForeignOrigin,
    /// It cannot be known who asks.
    Unavailable,
    /// A mistake of ours.
    Fault,
}

impl Odd {
    /// The last part of its `type` (RFC 9457 §3.1).
    pub const fn name(self) -> &'static str {
        self.words().0
    }

    /// What it is, in a sentence.
    pub(super) const fn title(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Untrusted => ("proxy-not-trusted", "Only proxies named in server.trusted_proxies may ask here"),
            Self::Malformed => ("malformed-request", "The request is malformed"),
            Self::NothingSaid => ("nothing-asked", "The proxy does not say which request it asks about"),
            Self::SaidTwice => ("asked-twice", "Two kinds of header fields say which request is asked about"),
            Self::Missing => ("part-missing", "The proxy says the method, scheme, host or path only in part"),
            Self::Repeated => ("field-repeated", "A header field about the request comes twice"),
            Self::Spelling => ("field-misspelled", "A header field is written in a way that could deceive an app"),
            Self::OtherTarget => ("other-target", "A header field names another target"),
            Self::Contradiction => ("contradiction", "Header fields name different hosts or schemes"),
            Self::Method => ("method-not-allowed", "This method is not allowed"),
            Self::Scheme => ("scheme-unknown", "The scheme is neither http nor https"),
            Self::Host => ("malformed-host", "The host is malformed"),
            Self::Path => ("malformed-path", "The path is malformed"),
            Self::OwnPath => ("own-path", "This path belongs to the gateway"),
            Self::UnknownHost => ("misdirected-request", "This host is not served here"),
            Self::NoRoute => ("not-found", "There is nothing here"),
            Self::ReviewRequired => ("review-required", "Please look through your devices to continue"),
            Self::Forbidden => ("forbidden", "This account cannot open this page"),
            Self::ForeignOrigin => ("foreign-origin", "A page of another site cannot open a WebSocket here"),
            Self::Unavailable => ("sign-in-unavailable", "Signing in is not working right now"),
            Self::Fault => ("fault", "Something went wrong in the gateway"),
        }
    }
}

/// What is known of the fields' names before any request.
#[derive(Debug)]
pub(super) struct Names {
    identity: HeaderName,
    identity_folded: Folded,
}

/// The fields of all families, folded.
const FOLDED: [&[u8]; 6] =
    [b"xforwardedmethod", b"xforwardedproto", b"xforwardedhost", b"xforwardeduri", b"xoriginalurl", b"xoriginalmethod"];
/// The plain identity fields, folded.
const PLAIN_FOLDED: [&[u8]; 4] = [b"remoteuser", b"remoteemail", b"remotename", b"remotegroups"];

/// Fields that proxies add to a preflight on its way here.
const ON_THE_WAY: [&str; 27] = [
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
    "x-original-method",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
];
/// What the names of others begin with.
const ON_THE_WAY_FAMILIES: [&str; 3] = ["cf-", "x-b3-", "x-envoy-"];

impl Names {
    pub(super) fn new(identity: &HeaderName) -> Self {
        Self { identity: identity.clone(), identity_folded: Folded::of(identity.as_str()) }
    }

    fn is_ours(&self, name: &HeaderName) -> bool {
        *name == self.identity || fields::PLAIN.contains(name)
    }

    /// Refuses a name that reads like one that is believed here, or that an app may believe, and is none.
    fn check(&self, name: &HeaderName) -> Result<(), Odd> {
        // Nothing below begins with another letter; most fields end here. Names are in lower case already.
        let first = name.as_str().bytes().find(u8::is_ascii_alphanumeric);
        if !matches!(first, Some(b'x' | b'r')) && first != self.identity_folded.start().first().copied() {
            return Ok(());
        }
        if self.is_ours(name) {
            return Ok(());
        }
        let folded = Folded::of(name.as_str());
        if folded.is(self.identity_folded.start()) || folded.is_any(&PLAIN_FOLDED) || folded.is_any(&FOLDED) {
            return Err(Odd::Spelling);
        }
        if folded.is_any(&fields::OTHER_TARGET) {
            return Err(Odd::OtherTarget);
        }
        Ok(())
    }
}

/// The fields of all families, each at most once.
#[derive(Default)]
struct Said<'a> {
    method: Option<&'a HeaderValue>,
    proto: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    uri: Option<&'a HeaderValue>,
    original_url: Option<&'a HeaderValue>,
    original_method: Option<&'a HeaderValue>,
}

impl<'a> Said<'a> {
    fn read(headers: &'a HeaderMap, names: &Names) -> Result<Self, Odd> {
        let mut said = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                "x-forwarded-method" => &mut said.method,
                "x-forwarded-proto" => &mut said.proto,
                "x-forwarded-host" => &mut said.host,
                "x-forwarded-uri" => &mut said.uri,
                "x-original-url" => &mut said.original_url,
                "x-original-method" => &mut said.original_method,
                _ => {
                    names.check(name)?;
                    continue;
                }
            };
            if place.replace(value).is_some() {
                return Err(Odd::Repeated);
            }
        }
        Ok(said)
    }
}

impl Original {
    /// Reads what is asked about.
    ///
    /// # Errors
    /// The question is refused.
    pub(super) fn read(question: &Question<'_>, names: &Names) -> Result<Self, Odd> {
        let said = Said::read(question.headers, names)?;
        let suffix = question.target.path.as_str().strip_prefix(FORWARD_AUTH).unwrap_or_default();
        // `X-Forwarded-Proto`, `-Host` and `-For` ride along with every proxy and make no family.
        let family = match (
            said.uri.is_some() || said.method.is_some(),
            said.original_url.is_some() || said.original_method.is_some(),
            !suffix.is_empty(),
        ) {
            (true, false, false) => Family::Forwarded,
            (false, true, false) => Family::Original,
            (false, false, true) => Family::Suffix,
            (false, false, false) => return Err(Odd::NothingSaid),
            _ => return Err(Odd::SaidTwice),
        };
        let forwarded_scheme = said.proto.map(scheme).transpose()?;
        let forwarded_host = said.host.map(|host| authority(host.as_bytes())).transpose()?;
        let (method, spoken, authority, target) = match family {
            Family::Forwarded => {
                let method = method(said.method.ok_or(Odd::Missing)?)?;
                let target = target(said.uri.ok_or(Odd::Missing)?.as_bytes())?;
                (method, forwarded_scheme.ok_or(Odd::Missing)?, forwarded_host.ok_or(Odd::Missing)?, target)
            }
            Family::Original => {
                let method = method(said.original_method.ok_or(Odd::Missing)?)?;
                let (spoken, authority, target) = url(said.original_url.ok_or(Odd::Missing)?)?;
                if forwarded_scheme.is_some_and(|forwarded| forwarded.0 != spoken.0) {
                    return Err(Odd::Contradiction);
                }
                agree(forwarded_host.as_ref(), &authority)?;
                (method, spoken, authority, target)
            }
            Family::Suffix => {
                let path = CanonicalPath::parse(suffix.as_bytes()).map_err(|_| Odd::Path)?;
                let target = RequestTarget { path, query: question.target.query.clone() };
                let spoken = forwarded_scheme.ok_or(Odd::Missing)?;
                agree(forwarded_host.as_ref(), question.authority)?;
                (question.method.clone(), spoken, question.authority.clone(), target)
            }
        };
        if kind::passage(&method) != Passage::Allowed {
            return Err(Odd::Method);
        }
        let kind = kind_of(&method, spoken.1, question.headers);
        Ok(Self { family, method, scheme: spoken.0, authority, target, kind })
    }
}

/// A scheme, and whether it is that of a WebSocket: Traefik writes `wss` for one.
type Spoken = (Scheme, bool);

fn scheme(value: &HeaderValue) -> Result<Spoken, Odd> {
    match value.as_bytes() {
        b"https" => Ok((Scheme::Https, false)),
        b"http" => Ok((Scheme::Http, false)),
        b"wss" => Ok((Scheme::Https, true)),
        b"ws" => Ok((Scheme::Http, true)),
        _ => Err(Odd::Scheme),
    }
}

fn method(value: &HeaderValue) -> Result<Method, Odd> {
    Method::from_bytes(value.as_bytes()).map_err(|_| Odd::Method)
}

fn authority(value: &[u8]) -> Result<Authority, Odd> {
    Authority::parse(value).map_err(|_| Odd::Host)
}

fn target(value: &[u8]) -> Result<RequestTarget, Odd> {
    RequestTarget::parse(value).map_err(|_| Odd::Path)
}

/// Reads an absolute URL of http or https (RFC 9110 §4.2) with nothing but a host, a port, a path and a query.
fn url(value: &HeaderValue) -> Result<(Spoken, Authority, RequestTarget), Odd> {
    let url = value.as_bytes();
    let (spoken, rest) = match (url.strip_prefix(b"https://"), url.strip_prefix(b"http://")) {
        (Some(rest), _) => ((Scheme::Https, false), rest),
        (None, Some(rest)) => ((Scheme::Http, false), rest),
        (None, None) => return Err(Odd::Scheme),
    };
    let end_of_host = rest.iter().position(|&byte| byte == b'/').ok_or(Odd::Path)?;
    let (host, path) = rest.split_at_checked(end_of_host).ok_or(Odd::Path)?;
    Ok((spoken, authority(host)?, target(path)?))
}

/// Refuses an `X-Forwarded-Host` that names another host. Some proxies leave the port out.
fn agree(forwarded: Option<&Authority>, authority: &Authority) -> Result<(), Odd> {
    let Some(forwarded) = forwarded else { return Ok(()) };
    let ports = forwarded.port.zip(authority.port);
    let same = forwarded.host == authority.host && ports.is_none_or(|(one, other)| one == other);
    if same { Ok(()) } else { Err(Odd::Contradiction) }
}

/// The kind of the request that is asked about. What proxies leave out of its head is made up for, and a preflight is
/// only what has nothing but its question: nobody can take the rest out of it behind us.
fn kind_of(method: &Method, websocket_scheme: bool, headers: &HeaderMap) -> Kind {
    if websocket_scheme || asks_for_websocket(headers) {
        return Kind::WebSocket;
    }
    match Kind::of(method, Version::HTTP_11, headers) {
        Kind::Preflight if !only_asks(headers) => Kind::Other,
        kind => kind,
    }
}

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
