//! One server behind a route: where it listens, whether it is well, and the connections to it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use pingora::{Error, ErrorType};
use tokio::time::Instant;

use super::dial::{Certified, ProtocolOffer, Speaks, Trust, UpstreamAddress, UpstreamSocket, why};
use super::link::{CallerKey, KeptLinks, UpstreamLink};
use super::names::{Resolve, ResolvedName};
use crate::counts::Counts;
use crate::domain::host::Host;
use crate::domain::upstream::{UpstreamPlace, UpstreamScheme, UpstreamUrl};
use crate::gate::kind::RequestKind;

/// How long a server that did not accept a connection is left out while others are there.
const LEFT_OUT: Duration = Duration::from_secs(5);

/// One server of a route: where it is, and how it fares.
#[derive(Debug)]
pub(super) struct UpstreamServer {
    url: UpstreamUrl,
    /// What requests name as its host where they do not name the visitor's.
    pub(super) authority: HeaderValue,
    whereabouts: Whereabouts,
    /// What its certificate has to name; `None` without TLS.
    certified: Option<Certified>,
    down_until: Mutex<Option<Instant>>,
    /// What its health checks say.
    is_unwell: AtomicBool,
    /// How many requests are under way.
    busy: AtomicUsize,
    /// Which of the name's addresses is used; the next one after each that did not answer.
    turn: AtomicUsize,
    kept: KeptLinks,
    counts: Arc<Counts>,
}

/// How it is known where a server listens.
#[derive(Debug)]
enum Whereabouts {
    /// Its URL says it.
    Fixed(UpstreamAddress),
    /// Its URL has a name, which is looked up.
    Named(Arc<ResolvedName>),
}

/// A server that serves a request until this is dropped.
#[derive(Debug)]
pub(super) struct Serves(Arc<UpstreamServer>);

impl Serves {
    pub(super) fn by(server: &Arc<UpstreamServer>) -> Self {
        server.busy.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(server))
    }
}

impl Deref for Serves {
    type Target = UpstreamServer;

    fn deref(&self) -> &UpstreamServer {
        &self.0
    }
}

impl Drop for Serves {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl UpstreamServer {
    /// The server at that URL. With `trust`, TLS is spoken, and its certificate has to name `name`, where there is one,
    /// in the place of the URL's host. At most so many unused connections are kept.
    pub(super) fn new(
        url: UpstreamUrl,
        trust: Option<&Arc<Trust>>,
        name: Option<&Host>,
        most_unused: usize,
        counts: Arc<Counts>,
        resolver: &Arc<dyn Resolve>,
    ) -> Self {
        let (whereabouts, certified) = match url.place() {
            UpstreamPlace::Tcp { host, port } => {
                let ip = host.ip();
                let named = name.unwrap_or(host);
                // A certificate names an address without brackets.
                let named = named.ip().map_or_else(|| named.as_str().to_owned(), |ip| ip.to_string());
                let certified = trust.filter(|_| url.is_tls()).map(|trust| Certified::by(trust, named));
                let whereabouts = match ip {
                    Some(ip) => Whereabouts::Fixed(UpstreamAddress::Tcp(SocketAddr::new(ip, port))),
                    None => {
                        let names = ResolvedName::new(host.as_str().to_owned(), port, Arc::clone(resolver));
                        Whereabouts::Named(Arc::new(names))
                    }
                };
                (whereabouts, certified)
            }
            UpstreamPlace::Unix(path) => (Whereabouts::Fixed(UpstreamAddress::Unix(path.into())), None),
        };
        let authority = HeaderValue::try_from(url.authority()).expect("a host and a port are visible ASCII");
        Self {
            url,
            authority,
            whereabouts,
            certified,
            down_until: Mutex::default(),
            is_unwell: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            kept: KeptLinks::new(most_unused),
            counts,
        }
    }

    /// Whether it is not left out, neither for a while nor for its health.
    pub(super) fn is_up(&self, now: Instant) -> bool {
        !self.is_unwell.load(Ordering::Relaxed)
            && self.down_until.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| now >= until)
    }

    /// How strongly it is the one for `whom` among several.
    pub(super) fn weight_for(&self, whom: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (whom, &self.url).hash(&mut hasher);
        hasher.finish()
    }

    /// How many requests are under way.
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Leaves the server out for a while: it did not accept a connection.
    pub(super) fn leave_out(&self) {
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + LEFT_OUT);
        self.turn.fetch_add(1, Ordering::Relaxed);
        if let Whereabouts::Named(names) = &self.whereabouts {
            names.doubt();
        }
    }

    /// What its health checks say from now on; returns whether that is news.
    pub(super) fn set_well(&self, is_well: bool) -> bool {
        if is_well {
            *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.is_unwell.swap(!is_well, Ordering::Relaxed) == is_well
    }

    /// How many addresses it has, as far as that is known by now.
    pub(super) fn addresses_known(&self) -> usize {
        match &self.whereabouts {
            Whereabouts::Fixed(_) => 1,
            Whereabouts::Named(names) => names.count(),
        }
    }

    /// Looks its name up again where it is time.
    pub(super) fn keep_fresh(&self) {
        if let Whereabouts::Named(names) = &self.whereabouts {
            names.keep_fresh();
        }
    }

    /// What may be spoken for a request of that kind.
    fn offer(&self, kind: RequestKind) -> ProtocolOffer {
        match (kind, self.url.speaks()) {
            // RFC 6455 §4.1.
            (RequestKind::WebSocket, _) => ProtocolOffer::Only(Speaks::Http1),
            (RequestKind::Grpc, _) | (_, UpstreamScheme::H2c) => ProtocolOffer::Only(Speaks::Http2),
            (_, UpstreamScheme::Https) => ProtocolOffer::Either,
            (_, UpstreamScheme::Http | UpstreamScheme::Unix) => ProtocolOffer::Only(Speaks::Http1),
        }
    }

    /// A connection for one request of that kind: one that there is, unless it has to be `new`, or another.
    ///
    /// # Errors
    /// The server's name has no address, or it accepts no connection.
    pub(super) async fn link(&self, kind: RequestKind, caller: CallerKey, new: bool) -> pingora::Result<UpstreamLink> {
        let no_address = |error| Error::because(ErrorType::HTTPStatus(502), format!("{self} has no address"), error);
        let address = self.address().await.map_err(no_address)?;
        let offer = self.offer(kind);
        if !new && let Some(link) = self.kept_link(&address, offer, caller) {
            return Ok(link);
        }
        // Apart, since most requests find one that is kept: what is awaited here would lie in the way of all of them.
        Box::pin(self.new_link(address, offer, caller)).await.map_err(|error| {
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
            Error::because(kind, why(&error), error).into_up()
        })
    }

    fn kept_link(&self, address: &UpstreamAddress, offer: ProtocolOffer, caller: CallerKey) -> Option<UpstreamLink> {
        match offer {
            ProtocolOffer::Only(Speaks::Http1) => self.kept.take(address),
            ProtocolOffer::Only(Speaks::Http2) => self.kept.shared(address, caller),
            ProtocolOffer::Either => self.kept.shared(address, caller).or_else(|| self.kept.take(address)),
        }
    }

    async fn new_link(
        &self,
        address: UpstreamAddress,
        offer: ProtocolOffer,
        caller: CallerKey,
    ) -> io::Result<UpstreamLink> {
        let (socket, speaks) = UpstreamSocket::open(&address, self.certified.as_ref(), offer, &self.counts).await?;
        let link = match speaks {
            Speaks::Http1 => UpstreamLink::http1(socket, address).await,
            Speaks::Http2 => self.kept.share(socket, address, caller).await,
        };
        link.map_err(io::Error::other)
    }

    /// A connection that nothing else uses.
    ///
    /// # Errors
    /// The server's name has no address, or it accepts no connection.
    pub(super) async fn link_apart(&self) -> io::Result<UpstreamLink> {
        let (socket, speaks) = self.dial(self.offer(RequestKind::Other)).await?;
        let address = self.address().await?;
        let link = match speaks {
            Speaks::Http1 => UpstreamLink::http1(socket, address).await,
            Speaks::Http2 => KeptLinks::new(0).share(socket, address, CallerKey::GATEWAY).await,
        };
        link.map_err(io::Error::other)
    }

    /// An open socket, before anything of HTTP is said.
    ///
    /// # Errors
    /// The server's name has no address, or it accepts no connection.
    pub(super) async fn dial(&self, offer: ProtocolOffer) -> io::Result<(UpstreamSocket, Speaks)> {
        UpstreamSocket::open(&self.address().await?, self.certified.as_ref(), offer, &self.counts).await
    }

    /// Keeps a connection for another request.
    pub(super) fn keep(&self, link: UpstreamLink) {
        self.kept.keep(link);
    }

    /// Closes connections that were not used for too long.
    pub(super) fn close_idle(&self) {
        self.kept.close_idle();
    }

    async fn address(&self) -> io::Result<UpstreamAddress> {
        match &self.whereabouts {
            Whereabouts::Fixed(address) => Ok(address.clone()),
            // Apart: what is awaited here would lie in the way of all that have nothing to look up.
            Whereabouts::Named(names) => Box::pin(self.next_of(names)).await.map(UpstreamAddress::Tcp),
        }
    }

    async fn next_of(&self, names: &Arc<ResolvedName>) -> io::Result<SocketAddr> {
        let addresses = names.addresses().await?;
        let place = self.turn.load(Ordering::Relaxed) % addresses.len().max(1);
        addresses.get(place).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl std::fmt::Display for UpstreamServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.url.fmt(f)
    }
}
