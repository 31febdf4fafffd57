//! What is known of one connection for as long as it lasts: who is at its other end, and what comes by it.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::watch;

use super::chunks::Chunks;
use super::first_line::FirstLine;
use super::named::NamedHost;
use crate::gate::refusal::GateRefusal;

/// What is known of one connection for as long as it lasts.
#[derive(Debug)]
pub(super) struct ClientConnection {
    /// Tells it from others of this run.
    pub(super) id: u64,
    peer: Option<IpAddr>,
    /// The peer's address as it stands in `X-Forwarded-For`, made once.
    pub(super) forwarded_for: Option<HeaderValue>,
    /// Whether the connection itself is encrypted.
    pub(super) tls: bool,
    /// Whether it speaks plain HTTP where TLS is spoken.
    pub(super) is_astray: bool,
    /// The host that the first request named; nearly always all of them name it.
    named: OnceLock<Arc<NamedHost>>,
    /// The [`ConnectionTurn`], as a number.
    turn: AtomicU32,
    /// What comes of the request that is awaited, or was last.
    raw: Mutex<Raw>,
    /// Whether its body comes in chunks that are looked at.
    has_chunks: AtomicBool,
    /// How many requests are being served, on HTTP/2.
    running: Option<watch::Sender<usize>>,
}

/// The bytes of one request over HTTP/1.1, before Pingora reads them.
#[derive(Debug, Default)]
struct Raw {
    first_line: FirstLine,
    /// How many bytes have come while its head was awaited.
    length: usize,
    /// Those of the last time: what follows the head is among them.
    last: Vec<u8>,
    chunks: Chunks,
}

impl Raw {
    fn read_head(&mut self, bytes: &[u8]) {
        self.first_line.read(bytes);
        self.length += bytes.len();
        self.last.clear();
        self.last.extend_from_slice(bytes);
    }
}

/// A request that is being served.
#[derive(Debug)]
pub(super) struct Serving(Arc<ClientConnection>);

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(running) = &self.0.running {
            running.send_modify(|count| *count -= 1);
        }
    }
}

impl ClientConnection {
    pub(super) fn of(arrival: Arrival) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let peer = arrival.peer.map(|peer| peer.ip().to_canonical());
        let forwarded_for = peer.and_then(|peer| HeaderValue::from_str(&peer.to_string()).ok());
        let running = arrival.http2.then(watch::Sender::default);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            peer,
            forwarded_for,
            tls: arrival.tls,
            is_astray: arrival.is_astray,
            named: OnceLock::new(),
            turn: AtomicU32::new(ConnectionTurn::FIRST.number()),
            raw: Mutex::default(),
            has_chunks: AtomicBool::new(false),
            running,
        }
    }

    /// Who is at the other end of the connection.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The host and port that a request names.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn named(&self, raw: &[u8]) -> Result<Arc<NamedHost>, GateRefusal> {
        match self.named.get() {
            Some(named) if named.is(raw) => Ok(Arc::clone(named)),
            Some(_) => NamedHost::read(raw).map(Arc::new),
            None => {
                let named = Arc::new(NamedHost::read(raw)?);
                // Another request of this connection may have been first, with another name.
                let _ = self.named.set(Arc::clone(&named));
                Ok(named)
            }
        }
    }

    /// A request is served until what is returned is dropped.
    pub(super) fn serving(self: &Arc<Self>) -> Serving {
        if let Some(running) = &self.running {
            running.send_modify(|count| *count += 1);
        }
        Serving(Arc::clone(self))
    }

    /// Returns once there has been no request for so long. On HTTP/1 never: the wait for each head ends by itself
    /// there.
    pub(super) async fn unused(&self, time: Duration) {
        let Some(running) = &self.running else { return std::future::pending().await };
        let mut running = running.subscribe();
        // Neither wait fails, because what is waited for is kept here.
        while running.wait_for(|count| *count == 0).await.is_ok() {
            if tokio::time::timeout(time, running.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Whether no request is served by it.
    pub(super) fn is_idle(&self) -> bool {
        match &self.running {
            Some(running) => *running.borrow() == 0,
            None => matches!(self.turn(), ConnectionTurn::Head(_)),
        }
    }

    /// What comes by it now.
    pub(super) fn turn(&self) -> ConnectionTurn {
        ConnectionTurn::from_number(self.turn.load(Ordering::Relaxed))
    }

    /// The next thing to come is a head.
    pub(super) fn await_head(&self) {
        if let ConnectionTurn::Request(count) = self.turn() {
            self.turn.store(ConnectionTurn::Head(count.wrapping_add(1)).number(), Ordering::Relaxed);
        }
    }

    fn raw(&self) -> MutexGuard<'_, Raw> {
        self.raw.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another request begins with what came behind the last one.
    pub(super) fn begin_head(&self, begun: &[u8]) {
        let mut raw = self.raw();
        (raw.first_line, raw.length, raw.chunks) = (FirstLine::default(), 0, Chunks::default());
        raw.read_head(begun);
        self.has_chunks.store(false, Ordering::Relaxed);
    }

    /// More of a head has come, and with it perhaps the start of its body.
    pub(super) fn read_head(&self, bytes: &[u8]) {
        self.raw().read_head(bytes);
    }

    /// What has come of the first line of this head.
    pub(super) fn first_line(&self) -> FirstLine {
        self.raw().first_line
    }

    /// Behind the head, which has so many bytes, its body comes in chunks. Returns whether those are well so far.
    pub(super) fn begin_chunks(&self, head: usize) -> bool {
        let mut raw = self.raw();
        let begun = raw.last.len().saturating_sub(raw.length.saturating_sub(head));
        let mut chunks = Chunks::default();
        let is_well = raw.last.get(begun..).is_none_or(|begun| chunks.read(begun));
        raw.chunks = chunks;
        self.has_chunks.store(true, Ordering::Relaxed);
        is_well
    }

    /// More of a request has come behind its head. Returns whether its chunks, if it has any, are well so far.
    pub(super) fn read_body(&self, bytes: &[u8]) -> bool {
        !self.has_chunks.load(Ordering::Relaxed) || self.raw().chunks.read(bytes)
    }

    /// The head is there; what comes is not limited by the guard.
    pub(super) fn head_is_read(&self) {
        if let ConnectionTurn::Head(count) = self.turn() {
            self.turn.store(ConnectionTurn::Request(count).number(), Ordering::Relaxed);
        }
    }
}

/// What comes by a connection, and how many requests went before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionTurn {
    /// A head is awaited, which has a deadline and a size.
    Head(u32),
    /// A request is served.
    Request(u32),
}

impl ConnectionTurn {
    /// That of a new connection.
    pub(super) const FIRST: Self = Self::Head(0);

    /// As one number, for an atomic: even for a head.
    const fn number(self) -> u32 {
        match self {
            Self::Head(count) => count.wrapping_mul(2),
            Self::Request(count) => count.wrapping_mul(2) | 1,
        }
    }

    const fn from_number(number: u32) -> Self {
        if number.is_multiple_of(2) { Self::Head(number / 2) } else { Self::Request(number / 2) }
    }
}

/// How a connection came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Who is at the other end.
    pub peer: Option<SocketAddr>,
    /// Whether it is encrypted.
    pub tls: bool,
    /// Whether its ends agreed on HTTP/2.
    pub http2: bool,
    /// Whether it speaks plain HTTP where TLS is spoken, and is to hear of that alone.
    pub is_astray: bool,
}

/// The connection that a request came by.
pub(super) fn connection_of(session: &pingora::protocols::http::ServerSession) -> Option<Arc<ClientConnection>> {
    let digest = session.digest()?.proxy_digest.as_ref()?;
    digest.user_data.as_ref()?.downcast_ref::<Arc<ClientConnection>>().cloned()
}
