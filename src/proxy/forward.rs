//! What the app receives: the client's request without what only the gateway may say, and with what it says.

use http::header::{
    AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, TE, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, OrErr as _};

use super::connection::ClientConnection;
use super::hop_by_hop;
use super::incoming::Incoming;
use super::rewrites::Rewrites;
use super::settings::ProxySettings;
use crate::auth::principal::Principal;
use crate::domain::cookies::AppCookies;
use crate::domain::header_name::{self, IdentityNames, Tells};
use crate::gate::kind::RequestKind;
use crate::gate::{credentials, kind};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The spellings in which a trusted proxy says it; any other was passed on from its client.
const WAY_PLAIN: [&str; 12] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-original-method",
    "x-real-ip",
    "true-client-ip",
];

/// Which headers of a client's request are not passed on.
#[derive(Debug)]
pub(super) struct Spoofable {
    /// The names by which the identity is told here.
    identity: IdentityNames,
}

impl Spoofable {
    pub(super) fn new(settings: &ProxySettings) -> Self {
        Self { identity: settings.plain_headers.identity_names(&settings.identity_header) }
    }

    fn is(&self, name: &HeaderName, from_trusted: bool, rewrites: &Rewrites) -> bool {
        let text = name.as_str();
        // To CGI and WSGI a name with `_` is the one with `-`, and an app there cannot tell which of both came.
        let is_unclear = || text.contains('_') && !rewrites.underscored.contains(name);
        match header_name::tells(text) {
            None => is_unclear() || self.identity.has(text),
            Some(Tells::Method) => rewrites.tells_methods_apart || is_unclear(),
            Some(Tells::Identity | Tells::Target) => true,
            Some(Tells::Way) => !(from_trusted && WAY_PLAIN.contains(&text)),
        }
    }

    /// The names of those in `headers`, on a route with these `rewrites`.
    pub(super) fn found_in(&self, headers: &HeaderMap, from_trusted: bool, rewrites: &Rewrites) -> Vec<HeaderName> {
        headers.keys().filter(|name| self.is(name, from_trusted, rewrites)).cloned().collect()
    }
}

/// What is said to the app about one request.
pub(super) struct Saying<'a> {
    pub(super) incoming: &'a Incoming,
    pub(super) connection: &'a ClientConnection,
    pub(super) settings: &'a ProxySettings,
    pub(super) spoofable: &'a Spoofable,
    /// What is said in `Authorization` in the place of an access token of ours.
    pub(super) forwarded: Option<HeaderValue>,
    /// Whether it was let through for being a preflight, without a look at who sent it.
    pub(super) only_asks: bool,
    /// Whose request it is, and the token that says so.
    pub(super) identity: Option<(&'a Principal, HeaderValue)>,
    /// The app that it goes to, and what the route changes on the way.
    pub(super) to: ForwardDestination<'a>,
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub(super) struct ForwardDestination<'a> {
    /// What the route changes on the way.
    pub(super) rewrites: &'a Rewrites,
    /// The target at the app, where it is not the one that the client asked for.
    pub(super) target: Option<&'a PathAndQuery>,
    /// What the server is called.
    pub(super) server: &'a HeaderValue,
}

/// The request to the app, made of the client's.
///
/// # Errors
/// `Connection` names what it may not; a value could not be written; or the target is not the one that was decided
/// about, which refuses the request.
pub(super) fn request(head: &RequestHeader, saying: Saying<'_>) -> pingora::Result<Request<()>> {
    let (target, kind) = (&saying.incoming.target, saying.incoming.kind);
    let written = head.uri.path_and_query().filter(|written| target.is_written(written.as_str().as_bytes()));
    let Some(written) = written else {
        return Error::e_explain(ErrorType::InternalError, "the target cannot be written as it came");
    };
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(saying.to.target.unwrap_or(written).clone());
    let mut headers = head.headers.clone();
    hop_by_hop::drop_from_request(&mut headers)?;
    let ForwardDestination { rewrites, server, .. } = saying.to;
    rewrite_headers(&mut headers, saying).or_err(ErrorType::InternalError, "a field could not be written")?;
    rewrites.apply_to_request(&mut headers, server);
    match kind {
        RequestKind::Grpc => {
            // Without this an app may leave out what became of the call (RFC 9110 §10.1.4).
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        RequestKind::WebSocket => {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        RequestKind::Navigation | RequestKind::Preflight | RequestKind::WorkerScript | RequestKind::Other => {}
    }
    *request.headers_mut() = headers;
    Ok(request)
}

/// The same request for HTTP/2, which has no Host (RFC 9113 §8.3.1).
///
/// # Errors
/// The host cannot be written there.
pub(super) fn for_http2(request: &mut Request<()>, scheme: &str) -> Result<(), http::Error> {
    let host = request.headers_mut().remove(HOST);
    let mut uri = request.uri().clone().into_parts();
    uri.scheme = Some(Scheme::try_from(scheme)?);
    uri.authority = host.map(|host| Authority::try_from(host.as_bytes())).transpose()?;
    *request.uri_mut() = Uri::from_parts(uri)?;
    Ok(())
}

fn rewrite_headers(headers: &mut HeaderMap, saying: Saying<'_>) -> Result<(), InvalidHeaderValue> {
    let Saying { incoming, connection, settings, spoofable, forwarded, only_asks, identity, to } = saying;
    for name in spoofable.found_in(headers, incoming.from_trusted, to.rewrites) {
        headers.remove(&name);
    }
    if incoming.credentials.bearer.is_withheld() {
        headers.remove(AUTHORIZATION);
    }
    if let Some(forwarded) = forwarded {
        headers.insert(AUTHORIZATION, forwarded);
    }
    if only_asks {
        keep_the_question(headers);
    }
    match incoming.credentials.cookies {
        AppCookies::AsItCame => {}
        AppCookies::Nothing => {
            headers.remove(COOKIE);
        }
        // They went with the headers that were not to be passed on.
        AppCookies::Some if !headers.contains_key(COOKIE) => {}
        AppCookies::Some => {
            let line = credentials::cookies_without_ours(headers);
            headers.insert(COOKIE, HeaderValue::try_from(line)?);
        }
    }

    let host = &incoming.authority.written;
    if headers.get(HOST) != Some(host) {
        headers.insert(HOST, host.clone());
    }
    forwarded_for(headers, connection)?;
    headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static(incoming.scheme.as_str()));
    headers.insert(&X_FORWARDED_HOST, host.clone());

    if let Some((principal, token)) = identity {
        headers.insert(&settings.identity_header, token);
        for (name, value) in settings.plain_headers.of(principal) {
            headers.insert(name, value);
        }
    }
    Ok(())
}

/// The sender of a preflight was not looked up, so nothing is passed on by which an app could take this for more: no
/// cookie or other credential, no other method's name.
fn keep_the_question(headers: &mut HeaderMap) {
    let is_question = |name: &str| kind::is_in_preflight(name) || WAY_PLAIN.contains(&name);
    let others: Vec<HeaderName> = headers.keys().filter(|name| !is_question(name.as_str())).cloned().collect();
    for name in others {
        headers.remove(&name);
    }
}

fn forwarded_for(headers: &mut HeaderMap, connection: &ClientConnection) -> Result<(), InvalidHeaderValue> {
    let Some(peer) = &connection.forwarded_for else { return Ok(()) };
    // Only a trusted proxy's is still here.
    let before: Vec<&[u8]> = headers.get_all(&X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    let list = match before.as_slice() {
        [] => peer.clone(),
        before => HeaderValue::try_from([before, &[peer.as_bytes()]].concat().join(&b", "[..]))?,
    };
    headers.insert(&X_FORWARDED_FOR, list);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::host::Host;
    use crate::domain::route::Scheme;

    fn spoofable(identity: &str) -> Spoofable {
        let host = Host::parse("notes.example.com").unwrap();
        let identity_header = HeaderName::from_bytes(identity.as_bytes()).unwrap();
        Spoofable::new(&ProxySettings { identity_header, ..ProxySettings::new(Scheme::Https, host) })
    }

    #[test]
    fn ordinary_headers_are_passed_on() {
        let spoofable = spoofable("x-bmauth-jwt");
        for name in
            ["accept", "range", "referer", "te", "x-requested-with", "x-csrf-token", "cf-ray", "remote", "x", "-"]
        {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert!(!spoofable.is(&name, false, &Rewrites::default()), "{name}");
        }
    }

    #[test]
    fn a_name_that_only_begins_like_ours_is_another_one() {
        let long = format!("x-bmauth-jwt{}", "a".repeat(100));
        let name = HeaderName::from_bytes(long.as_bytes()).unwrap();
        assert!(!spoofable("x-bmauth-jwt").is(&name, false, &Rewrites::default()));
        // A family is known by its beginning, however long the rest.
        let long = format!("x-auth-request-{}", "a".repeat(100));
        let name = HeaderName::from_bytes(long.as_bytes()).unwrap();
        assert!(spoofable("x-bmauth-jwt").is(&name, true, &Rewrites::default()));
    }

    proptest! {
        #[test]
        fn no_separator_and_no_uppercase_letter_makes_another_name(
            separators in proptest::collection::vec("[-_.~!#$%&'*+^`|]{0,2}", 14),
            uppercase in any::<u16>(),
            identity in prop_oneof![Just("x-bmauth-jwt"), Just("acme-user"), Just("q")],
            from_trusted in any::<bool>(),
        ) {
            for known in [identity, "remote-user", "x-forwarded-email", "x-auth-request-user"] {
                let letters = known.bytes().filter(u8::is_ascii_alphanumeric).enumerate();
                let spelled: String = letters
                    .flat_map(|(place, byte)| {
                        let letter = char::from(byte);
                        let letter = if uppercase >> (place % 16) & 1 == 1 { letter.to_ascii_uppercase() } else { letter };
                        separators[place % separators.len()].chars().chain([letter]).collect::<Vec<_>>()
                    })
                    .collect();
                let name = HeaderName::from_bytes(spelled.as_bytes()).unwrap();
                prop_assert!(spoofable(identity).is(&name, from_trusted, &Rewrites::default()), "{}", spelled);
            }
        }
    }
}
