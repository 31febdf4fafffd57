//! What is to be done with a request. Any doubt refuses.

use http::HeaderMap;
use http::header::ORIGIN;

use super::answers::Problem;
use super::bearer::Bearer;
use super::incoming::{Incoming, Kind};
use super::settings::Settings;
use super::{Gatekeeper, Parts};
use crate::auth::sessions::LiveSession;
use crate::domain::access::{self, Admission, Decision};
use crate::domain::host::Authority;
use crate::domain::route::{Access, Scheme};

/// What is to be done with a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It goes to the app.
    Forward(Admission<LiveSession>),
    /// The gateway's own pages answer it.
    Portal,
    /// A person who has to sign in first.
    SignIn,
    /// A person who has to answer "Keep your account safe".
    Review,
    /// It is refused.
    Refuse(Problem),
}

/// Decides about a request. The table of live sessions is asked without waiting; the store only where it has none.
pub(super) async fn decide(incoming: &Incoming, head: &HeaderMap, parts: &Parts) -> Verdict {
    let Parts { routes, settings, gatekeeper, .. } = parts;
    let host = &incoming.authority.host;
    if !routes.knows_host(host) && *host != settings.public_host {
        return Verdict::Refuse(Problem::Misdirected);
    }
    if is_own_path(incoming, settings) {
        return Verdict::Portal;
    }
    let Some(route) = routes.find(host, &incoming.target.path) else {
        return Verdict::Refuse(Problem::NotFound);
    };
    if incoming.kind == Kind::Preflight {
        return Verdict::Forward(access::admit_preflight(route));
    }
    let session = match route.access {
        // Nobody is asked who they are where the app is told of nobody.
        Access::Public => None,
        Access::Optional | Access::SignedIn => match session(incoming, &**gatekeeper).await {
            Ok(session) => session,
            Err(problem) => return Verdict::Refuse(problem),
        },
    };
    let admission = match access::decide(route, session, gatekeeper.now()) {
        Decision::Admit(admission) => admission,
        Decision::SignIn if incoming.kind == Kind::Navigation => return Verdict::SignIn,
        Decision::SignIn => return Verdict::Refuse(Problem::SignInRequired),
        Decision::Review if incoming.kind == Kind::Navigation => return Verdict::Review,
        Decision::Review => return Verdict::Refuse(Problem::ReviewRequired),
    };
    // Browsers send cookies along with any site's WebSocket and let that site read what comes back. Where the app is
    // told of nobody, whom it talks to is its own affair. No browser sends a `Bearer` by itself, and the apps that do
    // have no origin.
    let by_bearer = admission.session().is_some() && matches!(incoming.bearer, Bearer::Token(_));
    if incoming.kind == Kind::WebSocket
        && route.access != Access::Public
        && !by_bearer
        && !is_own_origin(head, &incoming.authority, settings.public_scheme)
    {
        return Verdict::Refuse(Problem::ForeignOrigin);
    }
    Verdict::Forward(admission)
}

async fn session(incoming: &Incoming, gatekeeper: &dyn Gatekeeper) -> Result<Option<LiveSession>, Problem> {
    let asked = match (&incoming.bearer, incoming.token) {
        (Bearer::Token(text), _) => gatekeeper.bearer(text).await,
        (Bearer::Unclear, _) | (Bearer::NotOurs, None) => return Ok(None),
        (Bearer::NotOurs, Some(token)) => match gatekeeper.live(token) {
            Some(live) => return Ok(Some(live)),
            None => gatekeeper.load(token).await,
        },
    };
    asked.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the store could not be asked for a session");
        Problem::Unavailable
    })
}

fn is_own_path(incoming: &Incoming, settings: &Settings) -> bool {
    let path = &incoming.target.path;
    path.is_reserved()
        || settings.well_known.iter().any(|known| known == path.as_str())
            && settings.well_known_hosts.contains(&incoming.authority.host)
        || settings.link_path.as_deref() == Some(path.as_str()) && incoming.authority.host == settings.public_host
}

/// Whether the one `Origin` of a request is the scheme, host and port it is for. The scheme is that of `public_url`,
/// which is what the visitor's browser sees whoever ends its TLS.
fn is_own_origin(head: &HeaderMap, authority: &Authority, scheme: Scheme) -> bool {
    let mut origins = head.get_all(ORIGIN).iter();
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
            let mut head = HeaderMap::new();
            for origin in origins {
                head.append(ORIGIN, HeaderValue::from_static(origin));
            }
            is_own_origin(&head, &Authority::parse(authority.as_bytes()).unwrap(), scheme)
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
