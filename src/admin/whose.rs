//! Who may ask the admin listener for what: by the address they come from, and by the name they know it by.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::HOST;

use super::listener::AdminPeer;
use crate::domain::host::{Authority, Host};
use crate::domain::network::is_local;

/// The names by which the metrics may be asked for.
#[derive(Clone, Debug, Default)]
pub struct MetricsHosts(pub Arc<[Host]>);

impl MetricsHosts {
    /// Whether that is the name of an address here and not of a web site. A site in a visitor's browser can have its
    /// name lead here (DNS rebinding), but only a name that can be registered.
    fn hold(&self, host: &Host) -> bool {
        let name = host.as_str();
        let is_inside = [".internal", ".local", ".svc", ".svc.cluster.local"].iter().any(|end| name.ends_with(end));
        host.ip().is_some() || !name.contains('.') || is_inside || self.0.contains(host)
    }
}

/// Refuses clients with a public address.
pub async fn only_local(
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

/// Refuses requests that name a web site's host.
pub async fn only_by_name(State(names): State<MetricsHosts>, request: Request, next: Next) -> Response {
    let host = match request.uri().authority() {
        Some(named) => Some(named.as_str().as_bytes()),
        None => {
            let mut hosts = request.headers().get_all(HOST).iter();
            hosts.next().filter(|_| hosts.next().is_none()).map(|host| host.as_bytes())
        }
    };
    let authority = host.and_then(|host| Authority::parse(host).ok());
    if authority.is_some_and(|authority| names.hold(&authority.host)) {
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

    async fn asked(peer: &str, host: Option<&str>) -> u16 {
        let by_name = axum::middleware::from_fn_with_state(MetricsHosts::default(), only_by_name);
        let router = Router::new()
            .route("/metrics", get(|| async { "counts" }))
            .route_layer(by_name)
            .route("/livez", get(|| async { "ok" }))
            .layer(axum::middleware::from_fn(only_local));
        let path = if host.is_some() { "/metrics" } else { "/livez" };
        let mut request = http::Request::get(path).body(Body::empty()).unwrap();
        for host in host.into_iter().flat_map(|host| host.split(' ')) {
            request.headers_mut().append(HOST, host.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(AdminPeer(format!("{peer}:1").parse().unwrap())));
        router.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn only_neighbours_are_answered_and_the_counts_only_by_names_of_the_inside() {
        for (peer, host, status) in [
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
            assert_eq!(asked(peer, host).await, status, "{peer} {host:?}");
        }
    }

    #[test]
    fn names_that_can_be_registered_are_told_from_others() {
        let names = MetricsHosts([Host::parse("metrics.example.com").expect("a host")].into());
        for (host, is_held) in [
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
            assert_eq!(names.hold(&Host::parse(host).expect("a host")), is_held, "{host}");
        }
    }
}
