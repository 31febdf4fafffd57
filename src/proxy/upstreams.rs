//! The servers behind each route, and which of them a request goes to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use super::dial::Trust;
use super::names::Resolve;
use super::patience::Pace;
use super::rewrites::Rewrites;
use super::server::{Serves, UpstreamServer};
use super::settings::ProxySettings;
use super::{CLIENT_LEAST, CLIENT_PAUSE};
use crate::counts::Counts;
use crate::domain::route::{Route, RouteId, Routes};
use crate::domain::upstream::{Balance, HealthCheck, UpstreamUrl};
use crate::gate::kind::RequestKind;

/// How long a WebSocket or a stream may be silent: they are made for waiting. TCP's own keep-alive finds the dead among
/// them sooner.
pub(super) const STREAM_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many servers are tried for one request at most, since each of them may take its time to be found down.
const MOST_TRIES: usize = 4;

/// The servers of all routes.
#[derive(Debug)]
pub(super) struct Upstreams(HashMap<RouteId, Arc<ServerPool>>);

/// What is behind one route.
#[derive(Debug)]
pub(super) struct ServerPool {
    servers: Vec<Arc<UpstreamServer>>,
    balance: Balance,
    turn: AtomicUsize,
    timeout: Duration,
    /// What is changed on the way to them and back.
    pub(super) rewrites: Rewrites,
    /// The longest body of a request, in bytes.
    pub(super) max_body: Option<u64>,
    /// Whether WebSockets are let through.
    pub(super) takes_websockets: bool,
    /// What the servers are asked from time to time.
    pub(super) health: Option<HealthCheck>,
    /// The route's host.
    pub(super) host: HeaderValue,
}

impl Upstreams {
    /// Those of all routes.
    ///
    /// # Errors
    /// A certificate or key that a route is configured with cannot be used.
    pub(super) fn new(routes: &Routes, settings: &ProxySettings, counts: &Arc<Counts>) -> Result<Self, rustls::Error> {
        let servers = routes.iter().map(|route| route.upstream.servers.len()).sum::<usize>();
        let most_unused = settings.room.unused / servers.max(1);
        let resolver = &settings.resolver;
        let pool = |route| ServerPool::new(route, routes, most_unused, counts, resolver).map(Arc::new);
        let pools = routes.iter().map(|route| Ok((route.id, pool(route)?)));
        pools.collect::<Result<_, _>>().map(Self)
    }

    /// What is behind a route.
    pub(super) fn of(&self, route: RouteId) -> Option<&Arc<ServerPool>> {
        self.0.get(&route)
    }

    /// What is behind each route.
    pub(super) fn pools(&self) -> impl Iterator<Item = &Arc<ServerPool>> {
        self.0.values()
    }

    /// Closes connections that were not used for too long, and looks names up again where it is time.
    pub(super) fn tend(&self) {
        for server in self.0.values().flat_map(|pool| &pool.servers) {
            server.close_idle();
            server.keep_fresh();
        }
    }
}

impl ServerPool {
    fn new(
        route: &Route,
        routes: &Routes,
        most_unused: usize,
        counts: &Arc<Counts>,
        resolver: &Arc<dyn Resolve>,
    ) -> Result<Self, rustls::Error> {
        let upstream = &route.upstream;
        let asks_for_trust = upstream.servers.iter().any(UpstreamUrl::is_tls);
        let trust = asks_for_trust.then(|| Trust::of(&upstream.tls)).transpose()?.map(Arc::new);
        let name = upstream.tls.name.as_ref();
        let server = |url: &UpstreamUrl| {
            UpstreamServer::new(url.clone(), trust.as_ref(), name, most_unused, Arc::clone(counts), resolver)
        };
        let servers = upstream.servers.iter().map(|url| Arc::new(server(url)));
        Ok(Self {
            servers: servers.collect(),
            balance: upstream.balance,
            turn: AtomicUsize::new(0),
            timeout: upstream.timeout,
            rewrites: Rewrites::of(route, routes),
            max_body: upstream.max_body,
            takes_websockets: upstream.upgrade,
            health: upstream.health.clone(),
            host: HeaderValue::from_str(route.host.as_str()).expect("a host is visible ASCII"),
        })
    }

    /// The server of a request from `whom`, leaving out those that are unwell as long as one is left.
    pub(super) fn choose(&self, whom: impl FnOnce() -> u64) -> Option<Serves> {
        if let [only] = self.servers.as_slice() {
            return Some(Serves::by(only));
        }
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || {
            (0..self.servers.len()).filter_map(|next| self.servers.get(first.wrapping_add(next) % self.servers.len()))
        };
        let now = Instant::now();
        let none_is_up = !in_turn().any(|server| server.is_up(now));
        let mut candidates = in_turn().filter(|server| none_is_up || server.is_up(now));
        let chosen = match self.balance {
            Balance::RoundRobin => candidates.next(),
            // The first of those that are alike, so the turn decides between them.
            Balance::LeastRequests => candidates.min_by_key(|server| server.busy()),
            Balance::Session => {
                let whom = whom();
                // Highest random weight: a server that is left out moves only its own visitors.
                candidates.max_by_key(|server| server.weight_for(whom))
            }
        };
        chosen.map(Serves::by)
    }

    /// How many servers, or addresses of the one server, are tried for a request until one accepts a connection.
    pub(super) fn tries(&self) -> usize {
        match self.servers.as_slice() {
            [only] => only.addresses_known().min(MOST_TRIES),
            servers => servers.len().min(MOST_TRIES),
        }
    }

    /// All of its servers.
    pub(super) fn servers(&self) -> &[Arc<UpstreamServer>] {
        &self.servers
    }

    /// How fast a client has to send its request's body.
    pub(super) fn pace(kind: RequestKind) -> Pace {
        match kind {
            // Its messages are sent as they come about.
            RequestKind::Grpc => Pace { pause: STREAM_SILENCE, least: 1 },
            RequestKind::Navigation
            | RequestKind::Preflight
            | RequestKind::WebSocket
            | RequestKind::WorkerScript
            | RequestKind::Other => Pace { pause: CLIENT_PAUSE, least: CLIENT_LEAST },
        }
    }

    /// How long a server may be silent before its answer. What it answers may be a stream then, which waits longer.
    pub(super) fn patience(&self, kind: RequestKind) -> Duration {
        match kind {
            // A call has a deadline of its own.
            RequestKind::Grpc => self.timeout.max(STREAM_SILENCE),
            RequestKind::Navigation
            | RequestKind::Preflight
            | RequestKind::WebSocket
            | RequestKind::WorkerScript
            | RequestKind::Other => self.timeout,
        }
    }
}
