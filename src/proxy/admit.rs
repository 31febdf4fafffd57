//! What is to be done with a request. Any doubt refuses.

use http::HeaderMap;

use super::Parts;
use super::answers::Problem;
use super::incoming::Incoming;
use super::settings::Settings;
use crate::auth::sessions::LiveSession;
use crate::domain::access::Admission;
use crate::gate::decide;
use crate::gate::forward_auth;
use crate::gate::kind::Kind;

/// What is to be done with a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It goes to the app.
    Forward(Admission<LiveSession>),
    /// The gateway's own pages answer it.
    Portal,
    /// A proxy in front asks about another request.
    Question,
    /// A person who has to sign in first.
    SignIn,
    /// A person who has to answer "Keep your account safe".
    Review,
    /// A person in none of the groups that the route asks for.
    Forbid(LiveSession),
    /// It is refused.
    Refuse(Problem),
}

/// Decides about a request.
pub(super) async fn decide(incoming: &Incoming, head: &HeaderMap, parts: &Parts) -> Verdict {
    let Parts { routes, settings, gatekeeper, .. } = parts;
    // Before the host is looked at: a proxy in front may ask by any name it has for the gateway.
    if forward_auth::is_asked(incoming.target.path.as_str()) {
        return Verdict::Question;
    }
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
    if route.upstream.is_empty() {
        return Verdict::Refuse(Problem::AskedOnly);
    }
    let asked = decide::Asked {
        kind: incoming.kind,
        credentials: &incoming.credentials,
        headers: head,
        authority: &incoming.authority,
        public_scheme: settings.public_scheme,
    };
    match decide::decide(route, asked, &**gatekeeper).await {
        decide::Verdict::Admit(admission) => Verdict::Forward(admission),
        decide::Verdict::SignIn if incoming.kind == Kind::Navigation => Verdict::SignIn,
        decide::Verdict::SignIn => Verdict::Refuse(Problem::SignInRequired),
        decide::Verdict::Review if incoming.kind == Kind::Navigation => Verdict::Review,
        decide::Verdict::Review => Verdict::Refuse(Problem::ReviewRequired),
        decide::Verdict::Forbid(live) => Verdict::Forbid(live),
        decide::Verdict::ForeignOrigin => Verdict::Refuse(Problem::ForeignOrigin),
        decide::Verdict::Unavailable => Verdict::Refuse(Problem::Unavailable),
    }
}

fn is_own_path(incoming: &Incoming, settings: &Settings) -> bool {
    let path = &incoming.target.path;
    path.is_reserved()
        || settings.well_known.iter().any(|known| known == path.as_str())
            && settings.well_known_hosts.contains(&incoming.authority.host)
        || settings.link_path.as_deref() == Some(path.as_str()) && incoming.authority.host == settings.public_host
}
