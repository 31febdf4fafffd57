//! What stands between a connection and the HTTP parser: how long a head may take, how large it may be, and how long a
//! client may take nothing.
//!
//! Pingora bounds each read of a head, but neither the whole of it nor the wait between two requests, and lets it grow
//! to a mebibyte. It waits for ever until the end of an answer is taken. So the stream itself refuses to go on.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connection::{Arrival, ClientConnection, ConnectionTurn};
use super::gathering::Gathering;
use super::logging;
use crate::gate::refusal::GateRefusal;

/// How long a request's head may take from its first byte, and on a new connection from the start.
pub(super) const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what is written to it. Pingora bounds only the writing of bodies, and sooner:
/// not that of heads, nor of what is still buffered at the end of an answer.
const TAKE_DEADLINE: Duration = Duration::from_secs(150);
/// How many bytes may come in before a head is complete; the connection is closed then. Heads that are complete and
/// over [`super::incoming::LARGEST_HEAD`] are answered.
const HEAD_BYTES: usize = 64 * 1024;
/// An HTTP/2 connection opens with this many bytes (RFC 9113 §3.4); what follows has limits of its own.
const PREFACE_BYTES: usize = 24;

/// What is wrong with a body whose chunks are not well.
pub(super) const BROKEN_CHUNK: &str = "a chunk of the body is malformed";

/// A connection whose heads have a deadline and a size.
#[derive(Debug)]
pub(super) struct Guarded<S: AsyncWrite> {
    io: Gathering<S>,
    connection: Arc<ClientConnection>,
    /// Carries the connection to where the requests are served.
    digest: Arc<ProxyDigest>,
    http2: bool,
    id: UniqueIDType,
    /// The turn that the fields below are about.
    turn: ConnectionTurn,
    head_bytes: usize,
    /// How long it is kept for the next request.
    keep_alive: Duration,
    /// When the head must be complete, or while not a byte of it has come, when it must have begun.
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    /// Whether the client was waited for in vain. Nothing is written any more then, also not what would say so.
    gone: bool,
    /// Whether a head has been refused, after which the connection is not used again.
    refused: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    pub(super) fn new(io: S, arrival: Arrival, keep_alive: Duration) -> Self {
        static IDS: AtomicI32 = AtomicI32::new(0);
        let connection = Arc::new(ClientConnection::of(arrival));
        let response = ResponseHeader::build_no_case(200, Some(0)).expect("200 is a status");
        let digest = ProxyDigest::new(Box::new(response), Some(Box::new(Arc::clone(&connection))));
        Self {
            io: Gathering::new(io),
            connection,
            digest: Arc::new(digest),
            http2: arrival.http2,
            id: IDS.fetch_add(1, Ordering::Relaxed),
            turn: ConnectionTurn::FIRST,
            head_bytes: 0,
            keep_alive,
            deadline: Some(Instant::now() + HEAD_DEADLINE),
            timer: None,
            stuck: None,
            gone: false,
            refused: false,
        }
    }

    /// What is known of it.
    pub(super) fn connection(&self) -> Arc<ClientConnection> {
        Arc::clone(&self.connection)
    }

    /// Reads a piece of a head.
    fn poll_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.head_bytes > HEAD_BYTES {
            self.note_refusal(GateRefusal::HeadTooLarge, None);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the head is too large")));
        }
        let begun = self.head_bytes;
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        self.head_bytes += buf.filled().len() - before;
        if !self.http2 {
            self.connection.read_head(buf.filled().get(before..).unwrap_or_default());
        }
        if self.http2 && self.head_bytes >= PREFACE_BYTES {
            self.connection.head_is_read();
        }
        let now = Instant::now();
        if begun == 0 && self.head_bytes > 0 && self.turn != ConnectionTurn::FIRST {
            self.deadline = Some(now + HEAD_DEADLINE);
        }
        let deadline = *self.deadline.get_or_insert_with(|| now + self.keep_alive);
        match read {
            // One byte now and then is always ready, so the timer below would never be asked.
            Poll::Ready(_) if now >= deadline => Poll::Ready(Err(self.late())),
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => {
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
                if timer.deadline() != deadline {
                    timer.as_mut().reset(deadline);
                }
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Err(self.late()))
            }
        }
    }

    /// The head did not come in time. Where not a byte of it came, nothing was asked and nothing is refused.
    fn late(&mut self) -> io::Error {
        if self.head_bytes > 0 {
            self.note_refusal(GateRefusal::RequestTimeout, None);
        }
        io::Error::new(io::ErrorKind::TimedOut, "the head took too long")
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Logs once that this head is refused before it is a request. `status` is what the client is told, if anything.
    fn note_refusal(&mut self, refusal: GateRefusal, status: Option<StatusCode>) {
        if !std::mem::replace(&mut self.refused, true) {
            logging::head_refused(self.connection.peer(), refusal, status);
        }
    }

    /// Does a piece of writing, unless the client has taken nothing for too long.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Gathering<S>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let gone = || Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")));
        if self.gone {
            return gone();
        }
        let written = write(Pin::new(&mut self.io), cx);
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let timer = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(TAKE_DEADLINE)));
        ready!(timer.as_mut().poll(cx));
        self.gone = true;
        gone()
    }
}

/// What Pingora says while a head is still awaited is about a head that is none. It would name its maker, so ours is
/// said in its place.
fn refusal(said: &[u8]) -> (GateRefusal, StatusCode, &'static [u8]) {
    if said.starts_with(b"HTTP/1.1 405") {
        let answer = b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n\
          Cache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        (GateRefusal::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED, answer)
    } else {
        let answer =
            b"HTTP/1.1 400 Bad Request\r\nCache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let refusal = GateRefusal::MalformedRequest("the head is not HTTP, or breaks its rules");
        (refusal, StatusCode::BAD_REQUEST, answer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let turn = this.connection.turn();
        if turn != this.turn {
            (this.turn, this.head_bytes, this.deadline) = (turn, 0, None);
        }
        match turn {
            ConnectionTurn::Head(_) => this.poll_head(cx, buf),
            ConnectionTurn::Request(_) => {
                let before = buf.filled().len();
                let read = Pin::new(&mut this.io).poll_read(cx, buf);
                if !this.connection.read_body(buf.filled().get(before..).unwrap_or_default()) {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, BROKEN_CHUNK)));
                }
                // A reader that waits for the client has nothing more to say for now, so what was said is not held back
                // meanwhile.
                if read.is_pending()
                    && this.io.holds_something()
                    && let Poll::Ready(Err(error)) = this.in_time(cx, AsyncWrite::poll_flush)
                {
                    return Poll::Ready(Err(error));
                }
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.http2 || matches!(this.connection.turn(), ConnectionTurn::Request(_)) {
            return this.in_time(cx, |io, cx| io.poll_write(cx, buf));
        }
        if !this.refused {
            let (refusal, status, answer) = refusal(buf);
            // It fits into the buffer, which is empty between requests.
            ready!(Pin::new(&mut this.io).poll_write(cx, answer))?;
            this.note_refusal(refusal, Some(status));
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().in_time(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().in_time(cx, AsyncWrite::poll_shutdown)
    }
}

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Shutdown for Guarded<S> {
    async fn shutdown(&mut self) {
        // The other end may be gone already; then there is no reader to tell.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl<S: AsyncWrite> UniqueID for Guarded<S> {
    fn id(&self) -> UniqueIDType {
        self.id
    }
}

impl<S: AsyncWrite> Ssl for Guarded<S> {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        Some(if self.http2 { ALPN::H2 } else { ALPN::H1 })
    }
}

impl<S: AsyncWrite> GetTimingDigest for Guarded<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<S: AsyncWrite> GetProxyDigest for Guarded<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.digest))
    }
}

impl<S: AsyncWrite> GetSocketDigest for Guarded<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

impl<S: AsyncWrite> Peek for Guarded<S> {}
