//! The servers behind the routes: which one a request goes to, and how long each may take.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pingora::upstreams::peer::{ALPN, HttpPeer};
use pingora::{Error, ErrorType};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::kept::{KeptLinks, Link};
use crate::domain::route::{RouteId, Routes, UpstreamUrl};
use crate::gate::kind::Kind;

/// How long a server has to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long connecting may take with TLS.
const CONNECT_WITH_TLS: Duration = Duration::from_secs(10);
/// How long a server may be silent within an answer, or before it.
const SILENCE: Duration = Duration::from_secs(5 * 60);
/// How long a WebSocket or an event stream may be silent: they are made for waiting. TCP's own keep-alive finds the
/// dead among them sooner.
pub(super) const STREAM_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a server may take to accept a piece of a request.
const WRITE: Duration = Duration::from_secs(60);
/// How long an unused connection is kept. Shorter than the five seconds after which common app servers close theirs, so
/// that a POST, which is never sent twice, does not meet a closing one.
const IDLE: Duration = Duration::from_secs(4);
/// How many calls of gRPC share a connection.
const HTTP2_STREAMS: usize = 100;
/// How long a server that did not accept a connection is left out while others are there.
const LEFT_OUT: Duration = Duration::from_secs(5);
/// How long a name's addresses are used before it is looked up again.
const NAMES_KEPT: Duration = Duration::from_secs(30);

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
    /// What its certificate has to name; empty without TLS.
    certified: String,
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

impl Upstreams {
    pub(super) fn new(routes: &Routes) -> Self {
        let pools = routes.iter().map(|route| {
            let servers = route.upstream.iter().cloned().map(Server::new).map(Arc::new).collect();
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
        let ip = url.host().ip();
        let certified = match ip {
            _ if !url.is_tls() => String::new(),
            // A certificate names an address without brackets.
            Some(ip) => ip.to_string(),
            None => url.host().as_str().to_owned(),
        };
        let fixed = ip.map(|ip| SocketAddr::new(ip, url.port()));
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

    /// Whether requests of that kind go to it over a connection of our own; the others go by Pingora's.
    pub(super) fn is_plain(&self, kind: Kind) -> bool {
        !self.url.is_tls() && !matches!(kind, Kind::WebSocket | Kind::Grpc)
    }

    /// A connection for one request: one that is kept, unless it has to be `new`, or another.
    ///
    /// # Errors
    /// The server's name has no address, or it accepts no connection.
    pub(super) async fn link(&self, new: bool) -> pingora::Result<Link> {
        let address = self
            .address()
            .await
            .map_err(|error| Error::because(ErrorType::HTTPStatus(502), format!("{self} has no address"), error))?;
        if let Some(link) = self.kept.take(address).filter(|_| !new) {
            return Ok(link);
        }
        let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
        let refused = |kind, error: std::io::Error| Error::because(kind, "connecting", error).into_up();
        let socket = match connecting {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return Err(refused(ErrorType::ConnectError, error)),
            Err(late) => return Err(refused(ErrorType::ConnectTimedout, late.into())),
        };
        socket.set_nodelay(true).map_err(|error| refused(ErrorType::ConnectError, error))?;
        Link::open(socket, address)
            .await
            .map_err(|error| Error::because(ErrorType::ConnectError, "connecting", error).into_up())
    }

    /// Keeps a connection for another request.
    pub(super) fn keep(&self, link: Link) {
        self.kept.keep(link);
    }

    /// How long it may say and take nothing.
    pub(super) fn patience(kind: Kind) -> Duration {
        match kind {
            Kind::WebSocket | Kind::EventStream | Kind::Grpc => STREAM_SILENCE,
            Kind::Navigation | Kind::Preflight | Kind::Other => SILENCE,
        }
    }

    async fn address(&self) -> std::io::Result<SocketAddr> {
        match self.fixed {
            Some(address) => Ok(address),
            None => self.look_up_or_remember().await,
        }
    }

    /// Where to connect to, and with what patience.
    ///
    /// # Errors
    /// The server's name has no address.
    pub(super) async fn peer(&self, kind: Kind) -> std::io::Result<Box<HttpPeer>> {
        let address = self.address().await?;
        let mut peer = Box::new(HttpPeer::new(address, self.url.is_tls(), self.certified.clone()));
        let options = &mut peer.options;
        options.connection_timeout = Some(CONNECT);
        options.total_connection_timeout = Some(CONNECT_WITH_TLS);
        options.read_timeout = Some(Self::patience(kind));
        options.write_timeout = Some(WRITE);
        options.idle_timeout = Some(IDLE);
        options.verify_cert = true;
        options.verify_hostname = true;
        options.alpn = if kind == Kind::Grpc { ALPN::H2 } else { ALPN::H1 };
        options.max_h2_streams = HTTP2_STREAMS;
        Ok(peer)
    }

    fn addresses_known(&self) -> usize {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(1, |names| names.addresses.len())
    }

    async fn look_up_or_remember(&self) -> std::io::Result<SocketAddr> {
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
        addresses.get(place).copied().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    }

    /// IPv4 first: an app on `localhost` listens there more often than not.
    async fn look_up(&self) -> std::io::Result<Vec<SocketAddr>> {
        let found = tokio::net::lookup_host((self.url.host().as_str(), self.url.port())).await?;
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
