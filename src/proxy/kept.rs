//! Connections to one server, kept for the next request. What is kept costs no task and no timer: it is looked at when it
//! is taken, and those that nobody took are closed by one round over all.

use std::future::Future as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::body::RequestBody;

/// How long an unused connection is kept. Shorter than the five seconds after which common app servers close theirs, so
/// that a POST, which is never sent twice, does not meet a closing one.
const IDLE: Duration = Duration::from_secs(4);
/// How many unused connections to one server are kept.
const MOST: usize = 1024;

/// A connection to an app. It moves only while it is polled, in the task of the request that it serves.
pub(super) struct Link {
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) line: Line,
    address: SocketAddr,
    /// Whether a request was served by it before.
    pub(super) is_used: bool,
    idle_since: Instant,
}

/// What moves the bytes of a [`Link`], while it is polled.
pub(super) struct Line {
    connection: http1::Connection<TokioIo<TcpStream>, RequestBody>,
    is_over: bool,
}

impl Line {
    /// Moves what can be moved now. Its end is told by what came through it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        self.is_over = self.is_over || Pin::new(&mut self.connection).poll(cx).is_ready();
    }
}

/// The unused connections to one server, the newest last.
#[derive(Default)]
pub(super) struct KeptLinks(Mutex<Vec<Link>>);

impl Link {
    /// A connection over an open socket.
    ///
    /// # Errors
    /// It was closed at once.
    pub(super) async fn open(socket: TcpStream, address: SocketAddr) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new().handshake(TokioIo::new(socket)).await?;
        let line = Line { connection, is_over: false };
        Ok(Self { sender, line, address, is_used: false, idle_since: Instant::now() })
    }

    /// Whether another request can be sent by it now.
    fn is_ready(&mut self) -> bool {
        // Nothing waits for this: whatever the socket has to say is known by now.
        self.line.poll(&mut Context::from_waker(Waker::noop()));
        !self.line.is_over && self.sender.is_ready()
    }
}

impl KeptLinks {
    /// The connection to that address that was used last, if it is still good.
    pub(super) fn take(&self, address: SocketAddr) -> Option<Link> {
        let now = Instant::now();
        loop {
            let mut link = {
                let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let newest = kept.iter().rposition(|link| link.address == address)?;
                kept.remove(newest)
            };
            if now.duration_since(link.idle_since) < IDLE && link.is_ready() {
                return Some(link);
            }
        }
    }

    /// Keeps a connection whose answer has ended, where it can be used again.
    pub(super) fn keep(&self, mut link: Link) {
        if !link.is_ready() {
            return;
        }
        (link.is_used, link.idle_since) = (true, Instant::now());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push(link);
    }

    /// Closes those that nobody used for too long.
    pub(super) fn close_idle(&self) {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = kept.partition_point(|link| now.duration_since(link.idle_since) >= IDLE);
        drop(kept.drain(..first).collect::<Vec<_>>());
    }
}

impl std::fmt::Debug for KeptLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_tuple("KeptLinks").field(&kept).finish()
    }
}
