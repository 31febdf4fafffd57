//! The decision about one request: the same one whether it is passed on from here or a proxy in front asks about it.

use std::sync::Arc;

use http::HeaderMap;
use http::header::ORIGIN;

use super::credentials::Credentials;
use super::gatekeeper::Gatekeeper;
use super::kind::RequestKind;
use super::refusal::GateRefusal;
use crate::auth::principal::Principal;
use crate::domain::access::{self, Admission, NotAdmitted};
use crate::domain::bearer::Bearer;
use crate::domain::host::{Authority, Host};
use crate::domain::route::{Access, Route, Scheme};

/// What is decided by, besides the route.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    /// The kind of the request.
    pub kind: RequestKind,
    /// Who it says it is from.
    pub credentials: &'a Credentials,
    /// Its headers, of which `Origin` is read.
    pub headers: &'a HeaderMap,
    /// Where it was sent.
    pub address: OwnAddress<'a>,
}

/// An address of ours that a request was sent to.
#[derive(Clone, Copy, Debug)]
pub struct OwnAddress<'a> {
    /// The host and port.
    pub authority: &'a Authority,
    /// The scheme of `public_url`, which is what the visitor's browser sees even where a proxy in front ends its TLS.
    pub public_scheme: Scheme,
    /// The port of `public_url`, where it is not the scheme's own: proxies in front may leave it out of the host.
    pub public_port: Option<u16>,
}

/// Why a request may not go on.
#[derive(Debug)]
pub struct Denied {
    /// The reason, which decides the answer.
    pub refusal: GateRefusal,
    /// Who may not, where it is for being that one.
    pub principal: Option<Principal>,
}

impl From<GateRefusal> for Denied {
    fn from(refusal: GateRefusal) -> Self {
        Self { refusal, principal: None }
    }
}

impl From<NotAdmitted<Principal>> for Denied {
    fn from(not_admitted: NotAdmitted<Principal>) -> Self {
        match not_admitted {
            NotAdmitted::SignIn => GateRefusal::SignInRequired.into(),
            NotAdmitted::Review => GateRefusal::ReviewRequired.into(),
            NotAdmitted::Forbidden(who) => Self { refusal: GateRefusal::Forbidden, principal: Some(who) },
        }
    }
}

/// Decides about a request on its route. The table of live sessions is asked without waiting; the store only where it
/// has none.
///
/// # Errors
/// The request may not go on to the app.
pub async fn decide(
    route: &Arc<Route>,
    asked: AccessRequest<'_>,
    gatekeeper: &dyn Gatekeeper,
) -> Result<Admission<Principal>, Denied> {
    if asked.kind == RequestKind::Preflight {
        return Ok(access::admit_preflight(route));
    }
    let principal = match route.demands.access {
        // Where the app is not told who asks, it is not looked up either.
        Access::Public => None,
        Access::Optional | Access::SignedIn => principal(asked.credentials, &route.host, gatekeeper).await?,
    };
    let admission = access::decide(route, principal, gatekeeper.now())?;
    // Browsers send cookies along with any site's WebSocket and let that site read what comes back. An app that is told
    // no principal decides for itself whom it talks to. No browser sends a `Bearer` by itself, and the apps that do
    // have no origin.
    let by_bearer = admission.principal().is_some() && matches!(asked.credentials.bearer, Bearer::Token(_));
    if asked.kind == RequestKind::WebSocket
        && route.demands.access != Access::Public
        && !by_bearer
        && !comes_from_a_page_let_in(route, &asked)
    {
        return Err(GateRefusal::ForeignOrigin.into());
    }
    Ok(admission)
}

/// The principal that a request names.
///
/// # Errors
/// The store could not be asked, so it is not known who asks.
async fn principal(
    credentials: &Credentials,
    host: &Host,
    gatekeeper: &dyn Gatekeeper,
) -> Result<Option<Principal>, GateRefusal> {
    let asked = match (&credentials.bearer, credentials.token) {
        (Bearer::Token(text), _) => gatekeeper.bearer(text).await,
        (Bearer::Unclear, _) | (Bearer::NotOurs, None) => return Ok(None),
        (Bearer::NotOurs, Some(token)) => match gatekeeper.live(token, host) {
            Some(principal) => return Ok(Some(principal)),
            None => gatekeeper.load(token, host).await,
        },
    };
    asked.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the store could not be asked for a session");
        GateRefusal::Unavailable
    })
}

/// Whether the one `Origin` of a request is its own, or one of those that its route names.
fn comes_from_a_page_let_in(route: &Route, asked: &AccessRequest<'_>) -> bool {
    let mut origins = asked.headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let Ok(origin) = origin.to_str() else { return false };
    is_own_origin(origin, asked.address)
        || route.upstream.websocket_origins.iter().any(|known| known.as_str() == origin)
}

/// Whether an origin is the scheme, host and port that a request is for.
pub(super) fn is_own_origin(origin: &str, address: OwnAddress<'_>) -> bool {
    let OwnAddress { authority, public_scheme: scheme, public_port } = address;
    let Some((its_scheme, its_authority)) = origin.split_once("://") else { return false };
    let Ok(its_authority) = Authority::parse(its_authority.as_bytes()) else { return false };
    let port = |authority: &Authority| authority.port.unwrap_or(scheme.default_port());
    let is_left_out = authority.port.is_none() && its_authority.port.is_some() && its_authority.port == public_port;
    its_scheme == scheme.as_str()
        && its_authority.host == authority.host
        && (port(&its_authority) == port(authority) || is_left_out)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http::HeaderValue;

    use super::*;
    use crate::domain::origin::Origin;
    use crate::domain::path::RoutePath;
    use crate::domain::route::{Demands, Methods, RouteId};
    use crate::domain::upstream::{Upstream, UpstreamUrl};
    use crate::gate::gatekeeper::NoneSignedIn;

    /// Whether a WebSocket with these origins gets through to that route, at `a.example` over https.
    fn is_let_in(route: &Arc<Route>, origins: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_static(origin));
        }
        let asked = AccessRequest {
            kind: RequestKind::WebSocket,
            credentials: &Credentials::read(&headers, "session", |_| false),
            headers: &headers,
            address: OwnAddress {
                authority: &Authority::parse(b"a.example").unwrap(),
                public_scheme: Scheme::Https,
                public_port: None,
            },
        };
        let decided = decide(route, asked, &NoneSignedIn).now_or_never().expect("nothing here waits");
        match decided {
            Ok(_) => true,
            Err(denied) => {
                assert_eq!(denied.refusal, GateRefusal::ForeignOrigin);
                false
            }
        }
    }

    #[test]
    fn a_route_lets_pages_of_its_websocket_origins_in_passed_on_or_asked_about() {
        let host = Host::parse("a.example").unwrap();
        let servers = vec![UpstreamUrl::parse("http://127.0.0.1:8000").unwrap()];
        for (servers, access) in [
            (servers.clone(), Access::Optional),
            (Vec::new(), Access::Optional),
            (servers, Access::Public),
            (Vec::new(), Access::Public),
        ] {
            let named = ["https://b.example", "http://localhost:3000"];
            let route = |origins: &[&str]| {
                let websocket_origins = origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect();
                Arc::new(Route {
                    id: RouteId(0),
                    host: host.clone(),
                    path: RoutePath::parse("/").unwrap(),
                    exact: false,
                    methods: Methods::default(),
                    upstream: Upstream { websocket_origins, ..Upstream::of(servers.clone()) },
                    demands: Demands { access, groups: Vec::new(), audience: "a".into(), forward_authorization: false },
                })
            };
            let is_public = access == Access::Public;
            let (open, own_alone) = (route(&named), route(&[]));
            for origin in ["https://a.example", "https://a.example:443"] {
                assert!(is_let_in(&open, &[origin]) && is_let_in(&own_alone, &[origin]), "{origin}");
            }
            for origin in named {
                assert!(is_let_in(&open, &[origin]), "{origin}");
                assert_eq!(is_let_in(&own_alone, &[origin]), is_public, "{origin}");
            }
            for origins in [
                &["https://b.example", "https://b.example"][..],
                &["https://a.example", "https://b.example"],
                &["https://b.example https://a.example"],
                &["http://b.example"],
                &["https://b.example:8443"],
                &["https://b.example/"],
                &["https://B.example"],
                &["https://x.b.example"],
                &["http://localhost"],
                &["null"],
                &[],
            ] {
                assert_eq!(is_let_in(&open, origins), is_public, "{origins:?}");
            }
        }
    }

    #[test]
    fn an_origin_is_compared_by_scheme_host_and_port() {
        let with_port = |origin: &str, authority: &str, public_scheme, public_port| {
            let authority = &Authority::parse(authority.as_bytes()).unwrap();
            is_own_origin(origin, OwnAddress { authority, public_scheme, public_port })
        };
        let own = |origin: &str, authority: &str, scheme| with_port(origin, authority, scheme, None);
        // A proxy in front may leave the port of public_url out.
        assert!(with_port("https://a.example:8443", "a.example", Scheme::Https, Some(8443)));
        for (origin, authority) in [
            ("https://a.example:8444", "a.example"),
            ("https://a.example:8443", "a.example:9443"),
            ("https://b.example:8443", "a.example"),
            ("http://a.example:8443", "a.example"),
        ] {
            assert!(!with_port(origin, authority, Scheme::Https, Some(8443)), "{origin} {authority}");
        }
        let https = Scheme::Https;
        assert!(own("https://a.example", "a.example", https));
        assert!(own("https://a.example", "a.example:443", https));
        assert!(own("https://a.example:8443", "A.example:8443", https));
        assert!(own("http://localhost:8080", "localhost:8080", Scheme::Http));
        for origin in [
            "http://a.example",
            "https://a.example:8443",
            "https://b.example",
            "https://a.example.evil.example",
            "https://x.a.example",
            "https://a.example/",
            "https://user@a.example",
            "null",
            "https://a.example https://b.example",
        ] {
            assert!(!own(origin, "a.example", https), "{origin}");
        }
    }
}
