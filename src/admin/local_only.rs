//! What keeps the admin listener local: only peers with a local address are answered, and the metrics only under a local
//! host name.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::HOST;

use super::listener::AdminPeer;
use crate::domain::host::{Authority, Host};
use crate::domain::network::is_local;

/// The host names under which the metrics may be asked for, beside those that are local anyway: `server.admin_hosts`.
#[derive(Clone, Debug, Default)]
pub struct MetricsHosts(pub Arc<[Host]>);

impl MetricsHosts {
    /// Whether the metrics may be asked for under that host name: an IP address, a name that no domain registry gives
    /// out, or one of the configuration.
    ///
    /// A web site that is open in a visitor's browser can let its own name resolve to an address here (DNS rebinding).
    /// The browser then lets it read the answer, but names the site's host, which is a registered name.
    fn allow(&self, host: &Host) -> bool {
        let name = host.as_str();
        let is_local = [".internal", ".local", ".svc", ".svc.cluster.local"].iter().any(|end| name.ends_with(end));
        host.ip().is_some() || !name.contains('.') || is_local || self.0.contains(host)
    }
}

/// Answers 403 to a client with a public address.
pub async fn refuse_public_peer(
    ConnectInfo(AdminPeer(peer)): ConnectInfo<AdminPeer>,
    request: Request,
    next: Next,
) -> Response {
    if is_local(peer.ip()) {
        return next.run(request).await;
    }
    tracing::warn!(%peer, "the admin listener was asked from a public address");
    (StatusCode::FORBIDDEN, "only loopback and private addresses may ask here\n").into_response()
}

/// Answers 421 to a request that may be a web site's: its host is none that the metrics may be asked for under, or it has
/// no `Host` header or several.
pub async fn refuse_foreign_host(State(allowed): State<MetricsHosts>, request: Request, next: Next) -> Response {
    let host = match request.uri().authority() {
        // A whole URL as request target counts before `Host` (RFC 9112 §3.2.2).
        Some(named) => Some(named.as_str().as_bytes()),
        None => {
            let mut hosts = request.headers().get_all(HOST).iter();
            hosts.next().filter(|_| hosts.next().is_none()).map(|host| host.as_bytes())
        }
    };
    let authority = host.and_then(|host| Authority::parse(host).ok());
    if authority.is_some_and(|authority| allowed.allow(&authority.host)) {
        return next.run(request).await;
    }
    let why = "ask by an address, by a name without a dot, or by one in server.admin_hosts\n";
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    /// The status of the answer to a request for the metrics under these hosts, several with spaces between them; for
    /// `/livez` without a host where there is none.
    async fn status(peer: &str, host: Option<&str>) -> u16 {
        let by_name = axum::middleware::from_fn_with_state(MetricsHosts::default(), refuse_foreign_host);
        let router = Router::new()
            .route("/metrics", get(|| async { "counts" }))
            .route_layer(by_name)
            .route("/livez", get(|| async { "ok" }))
            .layer(axum::middleware::from_fn(refuse_public_peer));
        let path = if host.is_some() { "/metrics" } else { "/livez" };
        let mut request = http::Request::get(path).body(Body::empty()).unwrap();
        for host in host.into_iter().flat_map(|host| host.split(' ')) {
            request.headers_mut().append(HOST, host.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(AdminPeer(format!("{peer}:1").parse().unwrap())));
        router.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn only_local_peers_are_answered_and_the_metrics_only_under_local_names() {
        for (peer, host, expected) in [
            ("127.0.0.1", None, 200),
            ("172.17.0.1", Some("bmauth:9091"), 200),
            ("[::ffff:10.0.0.1]", Some("10.0.0.2:9091"), 200),
            ("[fd00::1]", Some("localhost"), 200),
            ("203.0.113.9", None, 403),
            ("[2001:db8::1]", Some("localhost"), 403),
            ("127.0.0.1", Some("rebound.example:9091"), 421),
            ("127.0.0.1", Some("localhost localhost"), 421),
            ("127.0.0.1", Some(""), 421),
        ] {
            assert_eq!(status(peer, host).await, expected, "{peer} {host:?}");
        }
    }

    #[test]
    fn names_that_can_be_registered_are_told_from_others() {
        let allowed = MetricsHosts([Host::parse("metrics.example.com").expect("a host")].into());
        for (host, is_allowed) in [
            ("127.0.0.1", true),
            ("[::1]", true),
            ("203.0.113.9", true),
            ("localhost", true),
            ("bmauth", true),
            ("bmauth.auth.svc", true),
            ("bmauth.auth.svc.cluster.local", true),
            ("nas.local", true),
            ("vm.internal", true),
            ("metrics.example.com", true),
            ("evil.example", false),
            ("x.metrics.example.com", false),
            ("local.evil.example", false),
            ("127.0.0.1.evil.example", false),
        ] {
            assert_eq!(allowed.allow(&Host::parse(host).expect("a host")), is_allowed, "{host}");
        }
    }
}
