//! The servers behind the routes: which one a request goes to, and how long each may take.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use pingora::{Error, ErrorType};
use tokio::time::Instant;

use super::dial::{Certified, Socket, Speaks, Trust};
use super::link::{Caller, KeptLinks, Link};
use crate::domain::route::{RouteId, Routes};
use crate::domain::upstream::{UpstreamPlace, UpstreamUrl};
use crate::gate::kind::Kind;

/// How long a server may be silent within an answer, or before it.
const SILENCE: Duration = Duration::from_secs(5 * 60);
/// How long a WebSocket or an event stream may be silent: they are made for waiting. TCP's own keep-alive finds the
/// dead among them sooner.
pub(super) const STREAM_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a server that did not accept a connection is left out while others are there.
const LEFT_OUT: Duration = Duration::from_secs(5);
/// How long a name's addresses are used before it is looked up again.
const NAMES_KEPT: Duration = Duration::from_secs(30);

/// Who vouches for the certificates of servers. Read once it is needed.
static TRUST: LazyLock<Arc<Trust>> = LazyLock::new(|| Arc::new(Trust::of_system()));

/// The servers of all routes.
#[derive(Debug)]
pub(super) struct Upstreams(HashMap<RouteId, Pool>);

#[derive(Debug)]
struct Pool {
    servers: Vec<Arc<Server>>,
    turn: AtomicUsize,
}

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    url: UpstreamUrl,
    /// Where it listens, where its URL has no name that would have to be looked up.
    fixed: Option<SocketAddr>,
    /// What its certificate has to name; `None` without TLS.
    certified: Option<Certified>,
    down_until: Mutex<Option<Instant>>,
    names: Mutex<Option<Names>>,
    /// Which of the name's addresses is used; the next one after each that did not answer.
    turn: AtomicUsize,
    kept: KeptLinks,
}

#[derive(Clone, Debug)]
struct Names {
    addresses: Arc<[SocketAddr]>,
    until: Instant,
}

/// How long a server may say and take nothing while it serves a request of that kind.
pub(super) fn silence(kind: Kind) -> Duration {
    match kind {
        Kind::EventStream | Kind::Grpc => STREAM_SILENCE,
        // That of a WebSocket once it is open is another.
        Kind::Navigation | Kind::Preflight | Kind::WebSocket | Kind::Other => SILENCE,
    }
}

impl Upstreams {
    pub(super) fn new(routes: &Routes) -> Self {
        let pools = routes.iter().map(|route| {
            let servers = route.upstream.servers.iter().cloned().map(Server::new).map(Arc::new).collect();
            (route.id, Pool { servers, turn: AtomicUsize::new(0) })
        });
        Self(pools.collect())
    }

    /// The server whose turn it is, leaving out those that lately did not answer as long as one is left.
    pub(super) fn choose(&self, route: RouteId) -> Option<Arc<Server>> {
        let Pool { servers, turn } = self.0.get(&route)?;
        if let [only] = servers.as_slice() {
            return Some(Arc::clone(only));
        }
        let first = turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || (0..servers.len()).filter_map(|next| servers.get(first.wrapping_add(next) % servers.len()));
        let now = Instant::now();
        in_turn().find(|server| server.is_up(now)).or_else(|| in_turn().next()).cloned()
    }

    /// Closes connections that nobody used for too long.
    pub(super) fn close_idle(&self) {
        for server in self.0.values().flat_map(|pool| &pool.servers) {
            server.kept.close_idle();
        }
    }

    /// Whether a route has another server, or another address of its one server, to try.
    pub(super) fn has_another(&self, route: RouteId) -> bool {
        self.0.get(&route).is_some_and(|pool| match pool.servers.as_slice() {
            [only] => only.addresses_known() > 1,
            servers => servers.len() > 1,
        })
    }
}

impl Server {
    fn new(url: UpstreamUrl) -> Self {
        let (fixed, certified) = match url.place() {
            UpstreamPlace::Tcp { host, port } => {
                let ip = host.ip();
                // A certificate names an address without brackets.
                let name = || ip.map_or_else(|| host.as_str().to_owned(), |ip| ip.to_string());
                let certified = url.is_tls().then(|| Certified::by(&TRUST, name()));
                (ip.map(|ip| SocketAddr::new(ip, port)), certified)
            }
            UpstreamPlace::Unix(_) => (None, None),
        };
        Self {
            url,
            fixed,
            certified,
            down_until: Mutex::default(),
            names: Mutex::default(),
            turn: AtomicUsize::new(0),
            kept: KeptLinks::default(),
        }
    }

    fn is_up(&self, now: Instant) -> bool {
        self.down_until.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| now >= until)
    }

    /// Leaves the server out for a while: it did not accept a connection.
    pub(super) fn leave_out(&self) {
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + LEFT_OUT);
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection for one request of that kind: one that there is, unless it has to be `new`, or another.
    ///
    /// # Errors
    /// The server's name has no address, or it accepts no connection.
    pub(super) async fn link(&self, kind: Kind, caller: Caller, new: bool) -> pingora::Result<Link> {
        let no_address = |error| Error::because(ErrorType::HTTPStatus(502), format!("{self} has no address"), error);
        let address = self.address().await.map_err(no_address)?;
        let is_call = kind == Kind::Grpc;
        let kept = if is_call { self.kept.shared(address, caller) } else { self.kept.take(address) };
        if let Some(link) = kept.filter(|_| !new) {
            return Ok(link);
        }
        let speaks = if is_call { Speaks::Http2 } else { Speaks::Http1 };
        let socket = Socket::open(address, self.certified.as_ref(), speaks).await.map_err(|error| {
            let is = |kind| error.kind() == kind;
            let kind = if is(io::ErrorKind::TimedOut) {
                ErrorType::ConnectTimedout
            } else if is(io::ErrorKind::ConnectionRefused) {
                ErrorType::ConnectRefused
            } else if is(io::ErrorKind::InvalidData) {
                ErrorType::TLSHandshakeFailure
            } else {
                ErrorType::ConnectError
            };
            Error::because(kind, "connecting", error).into_up()
        })?;
        let link = match is_call {
            true => self.kept.share(socket, address, caller).await,
            false => Link::http1(socket, address).await,
        };
        link.map_err(|error| Error::because(ErrorType::ConnectError, "connecting", error).into_up())
    }

    /// Keeps a connection for another request.
    pub(super) fn keep(&self, link: Link) {
        self.kept.keep(link);
    }

    async fn address(&self) -> io::Result<SocketAddr> {
        match self.fixed {
            Some(address) => Ok(address),
            None => self.look_up_or_remember().await,
        }
    }

    fn addresses_known(&self) -> usize {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(1, |names| names.addresses.len())
    }

    async fn look_up_or_remember(&self) -> io::Result<SocketAddr> {
        let now = Instant::now();
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let addresses = match known {
            Some(names) if now < names.until => names.addresses,
            _ => {
                let found: Arc<[SocketAddr]> = self.look_up().await?.into();
                let names = Names { addresses: Arc::clone(&found), until: now + NAMES_KEPT };
                *self.names.lock().unwrap_or_else(PoisonError::into_inner) = Some(names);
                found
            }
        };
        let place = self.turn.load(Ordering::Relaxed) % addresses.len().max(1);
        addresses.get(place).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// IPv4 first: an app on `localhost` listens there more often than not.
    async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let UpstreamPlace::Tcp { host, port } = self.url.place() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let found = tokio::net::lookup_host((host.as_str(), port)).await?;
        let mut addresses: Vec<SocketAddr> = found.collect();
        addresses.sort_by_key(|address| matches!(address.ip(), IpAddr::V6(_)));
        addresses.dedup();
        Ok(addresses)
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.url.fmt(f)
    }
}
