//! The decision about one request: the same one whether it is passed on from here or a proxy in front asks about it.

use std::sync::Arc;

use http::HeaderMap;
use http::header::ORIGIN;

use super::credentials::Credentials;
use super::gatekeeper::Gatekeeper;
use super::kind::Kind;
use super::refusal::GateRefusal;
use crate::auth::principal::Principal;
use crate::domain::access::{self, Admission, NotAdmitted};
use crate::domain::bearer::Bearer;
use crate::domain::host::Authority;
use crate::domain::route::{Access, Route, Scheme};

/// What is decided by, besides the route.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The kind of the request.
    pub kind: Kind,
    /// Who it says it is from.
    pub credentials: &'a Credentials,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// The host and port it is for.
    pub authority: &'a Authority,
    /// The scheme of `public_url`, which is what the visitor's browser sees whoever ends its TLS.
    pub public_scheme: Scheme,
}

/// Why a request may not go on.
#[derive(Debug)]
pub struct Denied {
    /// Why.
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
    asked: Asked<'_>,
    gatekeeper: &dyn Gatekeeper,
) -> Result<Admission<Principal>, Denied> {
    if asked.kind == Kind::Preflight {
        return Ok(access::admit_preflight(route));
    }
    let principal = match route.demands.access {
        // Nobody is asked who they are where the app is told of nobody.
        Access::Public => None,
        Access::Optional | Access::SignedIn => principal(asked.credentials, gatekeeper).await?,
    };
    let admission = access::decide(route, principal, gatekeeper.now())?;
    // Browsers send cookies along with any site's WebSocket and let that site read what comes back. Where the app is
    // told of nobody, whom it talks to is its own affair. No browser sends a `Bearer` by itself, and the apps that do
    // have no origin.
    let by_bearer = admission.principal().is_some() && matches!(asked.credentials.bearer, Bearer::Token(_));
    if asked.kind == Kind::WebSocket
        && route.demands.access != Access::Public
        && !by_bearer
        && !is_own_origin(asked.headers, asked.authority, asked.public_scheme)
    {
        return Err(GateRefusal::ForeignOrigin.into());
    }
    Ok(admission)
}

/// The principal that a request names.
///
/// # Errors
/// The store could not be asked, so it is not known who asks.
async fn principal(credentials: &Credentials, gatekeeper: &dyn Gatekeeper) -> Result<Option<Principal>, GateRefusal> {
    let asked = match (&credentials.bearer, credentials.token) {
        (Bearer::Token(text), _) => gatekeeper.bearer(text).await,
        (Bearer::Unclear, _) | (Bearer::NotOurs, None) => return Ok(None),
        (Bearer::NotOurs, Some(token)) => match gatekeeper.live(token) {
            Some(principal) => return Ok(Some(principal)),
            None => gatekeeper.load(token).await,
        },
    };
    asked.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the store could not be asked for a session");
        GateRefusal::Unavailable
    })
}

/// Whether the one `Origin` of a request is the scheme, host and port it is for.
fn is_own_origin(headers: &HeaderMap, authority: &Authority, scheme: Scheme) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let Ok(origin) = origin.to_str() else { return false };
    let Some((its_scheme, its_authority)) = origin.split_once("://") else { return false };
    let Ok(its_authority) = Authority::parse(its_authority.as_bytes()) else { return false };
    let port = |authority: &Authority| authority.port.unwrap_or(scheme.default_port());
    its_scheme == scheme.as_str() && its_authority.host == authority.host && port(&its_authority) == port(authority)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_origin_is_compared_by_scheme_host_and_port() {
        let own = |origins: &[&'static str], authority: &str, scheme| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(ORIGIN, HeaderValue::from_static(origin));
            }
            is_own_origin(&headers, &Authority::parse(authority.as_bytes()).unwrap(), scheme)
        };
        let https = Scheme::Https;
        assert!(own(&["https://a.example"], "a.example", https));
        assert!(own(&["https://a.example"], "a.example:443", https));
        assert!(own(&["https://a.example:8443"], "A.example:8443", https));
        assert!(own(&["http://localhost:8080"], "localhost:8080", Scheme::Http));
        for origins in [
            &["http://a.example"][..],
            &["https://a.example:8443"],
            &["https://b.example"],
            &["https://a.example.evil.example"],
            &["https://x.a.example"],
            &["https://a.example/"],
            &["https://user@a.example"],
            &["null"],
            &[],
            &["https://a.example", "https://a.example"],
            &["https://a.example https://b.example"],
        ] {
            assert!(!own(origins, "a.example", https), "{origins:?}");
        }
    }
}
