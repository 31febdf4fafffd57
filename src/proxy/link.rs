//! Connections to one server: in use, and kept for the next request. One of HTTP/1.1 that is kept costs no task and no
//! timer. It is looked at when it is taken, and those that were not taken are closed by one round over all. One of
//! HTTP/2 is shared by the calls of one caller, so that no caller waits for the streams that another one holds. How
//! many streams there may be is the app's to say, and it says it to the connection.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body::RequestBody;
use super::dial::{UpstreamAddress, UpstreamSocket};
use super::wire::{HeardByte, Wire};

/// How long an unused connection is kept. Shorter than the five seconds after which common app servers close theirs, so
/// that a POST, which is never sent twice, does not meet a closing one.
const IDLE: Duration = Duration::from_secs(4);
/// How much of an app's answer is read ahead of a client that takes it slowly, in bytes; the largest head of an answer
/// over HTTP/1.1 too.
const READ_AHEAD: usize = 64 * 1024;
/// The same of one answer over HTTP/2, and of all of a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How long an app may say nothing over HTTP/2 while it has calls, until it is asked whether it is there, and how long
/// it has to answer.
const ASK_AFTER: Duration = Duration::from_secs(20);
const ASK_FOR: Duration = Duration::from_secs(10);
/// The largest head of an answer over HTTP/2, in bytes as they are counted there (RFC 9113 §6.5.2).
const LARGEST_HEAD: u32 = 256 * 1024;
/// A connection to an app, for one request.
pub(super) struct UpstreamLink {
    pub(super) sender: RequestSender,
    /// What moves its bytes; `None` where a task of its own does. It stays where it is while the link is handed around.
    pub(super) line: Option<Box<Http1Driver>>,
    /// Whether a byte of the answer has come, which is not known of a connection that is shared.
    pub(super) heard: HeardByte,
    address: UpstreamAddress,
    /// Whether a request was served by it before.
    pub(super) is_used: bool,
    idle_since: Instant,
    /// What is shared; it is open as long as a call has it.
    shared: Option<Arc<SharedConnection>>,
}

/// Whose calls share a connection: those of one address that come by one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallerKey {
    pub(super) connection: u64,
    pub(super) client: Option<IpAddr>,
}

impl CallerKey {
    /// The gateway itself.
    pub(super) const GATEWAY: Self = Self { connection: u64::MAX, client: None };
}

/// What requests are sent by, in the version that the connection speaks.
pub(super) enum RequestSender {
    Http1(http1::SendRequest<RequestBody>),
    Http2(http2::SendRequest<RequestBody>),
}

/// What moves the bytes of a connection of HTTP/1.1, while it is polled in the task of the request that it serves.
pub(super) struct Http1Driver {
    connection: http1::Connection<TokioIo<Wire>, RequestBody>,
    is_over: bool,
}

/// The connections to one server that may serve another request, the newest last.
pub(super) struct KeptLinks {
    /// How many of HTTP/1.1 are kept.
    most: usize,
    unused: Mutex<Vec<UpstreamLink>>,
    shared: Mutex<Vec<KeptShared>>,
}

/// A connection of HTTP/2 that is kept.
struct KeptShared {
    connection: Arc<SharedConnection>,
    address: UpstreamAddress,
    used_at: Instant,
    /// Whose it is while there are calls.
    caller: CallerKey,
}

/// A connection of HTTP/2, and the tasks that move its bytes.
struct SharedConnection {
    sender: http2::SendRequest<RequestBody>,
    tasks: Tasks,
    /// Whether a call waited in vain: no other one is made by it.
    is_retired: AtomicBool,
}

impl Drop for SharedConnection {
    /// The tasks would go on as long as an app takes nothing of what is written to it.
    fn drop(&mut self) {
        self.tasks.stop.cancel();
    }
}

/// The tasks of one connection, which end together.
#[derive(Clone, Default)]
struct Tasks {
    running: TaskTracker,
    stop: CancellationToken,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let stop = self.stop.clone();
        self.running.spawn(async move { stop.run_until_cancelled(task).await });
    }
}

impl UpstreamLink {
    /// A connection of HTTP/1.1 over an open socket.
    ///
    /// # Errors
    /// It was closed at once.
    pub(super) async fn http1(socket: UpstreamSocket, address: UpstreamAddress) -> hyper::Result<Self> {
        let heard = HeardByte::default();
        let wire = Wire::new(socket, heard.clone());
        let (sender, connection) = http1::Builder::new().max_buf_size(READ_AHEAD).handshake(TokioIo::new(wire)).await?;
        let line = Some(Box::new(Http1Driver { connection, is_over: false }));
        let sender = RequestSender::Http1(sender);
        Ok(Self { sender, line, heard, address, is_used: false, idle_since: Instant::now(), shared: None })
    }

    /// A call by a connection of HTTP/2.
    fn call(shared: &KeptShared, is_used: bool) -> Self {
        Self {
            sender: RequestSender::Http2(shared.connection.sender.clone()),
            line: None,
            heard: HeardByte::default(),
            address: shared.address.clone(),
            is_used,
            idle_since: Instant::now(),
            shared: Some(Arc::clone(&shared.connection)),
        }
    }

    /// Nothing else is sent by it: the app was silent for too long, and may be gone.
    pub(super) fn retire(&self) {
        if let Some(shared) = &self.shared {
            shared.is_retired.store(true, Ordering::Relaxed);
        }
    }

    /// Whether another request can be sent by it now.
    fn is_ready(&mut self) -> bool {
        match (&mut self.sender, &mut self.line) {
            (RequestSender::Http1(sender), Some(line)) => {
                // Nothing waits for this: whatever the socket has to say is known by now.
                line.poll(&mut Context::from_waker(Waker::noop()));
                !line.is_over && sender.is_ready()
            }
            (RequestSender::Http1(_), None) | (RequestSender::Http2(_), _) => false,
        }
    }
}

impl Http1Driver {
    /// Moves what can be moved now. Its end is told by what came through it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        self.is_over = self.is_over || self.connection.poll_without_shutdown(cx).is_ready();
    }

    /// The socket, once HTTP is over on it, and what was read of it beyond.
    pub(super) async fn into_socket(mut self) -> (UpstreamSocket, Bytes) {
        poll_fn(|cx| {
            self.poll(cx);
            if self.is_over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let http1::Parts { io, read_buf, .. } = self.connection.into_parts();
        (io.into_inner().into_socket(), read_buf)
    }
}

impl KeptLinks {
    pub(super) fn new(most: usize) -> Self {
        Self { most, unused: Mutex::default(), shared: Mutex::default() }
    }

    /// The connection to that address that was used last, if it is still good.
    pub(super) fn take(&self, address: &UpstreamAddress) -> Option<UpstreamLink> {
        let now = Instant::now();
        loop {
            let mut link = {
                let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
                let newest = unused.iter().rposition(|link| link.address == *address)?;
                unused.remove(newest)
            };
            if now.duration_since(link.idle_since) < IDLE && link.is_ready() {
                return Some(link);
            }
        }
    }

    /// Keeps a connection whose answer has ended, where it can be used again.
    pub(super) fn keep(&self, mut link: UpstreamLink) {
        if !link.is_ready() {
            return;
        }
        (link.is_used, link.idle_since) = (true, Instant::now());
        link.heard.forget();
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        if unused.len() >= self.most.max(1) {
            unused.remove(0);
        }
        unused.push(link);
    }

    /// Closes those that were not used for too long.
    pub(super) fn close_idle(&self) {
        let now = Instant::now();
        let idle: Vec<UpstreamLink> = {
            let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
            let first_left = unused.partition_point(|link| now.duration_since(link.idle_since) >= IDLE);
            unused.drain(..first_left).collect()
        };
        drop(idle);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain_mut(|shared| {
            if !shared.is_quiet() {
                shared.used_at = now;
            }
            now.duration_since(shared.used_at) < IDLE && shared.is_good()
        });
    }

    /// A connection of HTTP/2 to that address that is still good: the caller's own, or one that has no calls now.
    pub(super) fn shared(&self, address: &UpstreamAddress, caller: CallerKey) -> Option<UpstreamLink> {
        let mut all = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |shared: &KeptShared| shared.address == *address && shared.is_good();
        let own = all.iter().rposition(|shared| is_good(shared) && shared.caller == caller);
        let place = own.or_else(|| all.iter().rposition(|shared| is_good(shared) && shared.is_quiet()))?;
        let shared = all.get_mut(place)?;
        (shared.used_at, shared.caller) = (Instant::now(), caller);
        Some(UpstreamLink::call(shared, true))
    }

    /// A connection of HTTP/2 over an open socket, which the caller's next calls share.
    ///
    /// # Errors
    /// The app does not speak it.
    pub(super) async fn share(
        &self,
        socket: UpstreamSocket,
        address: UpstreamAddress,
        caller: CallerKey,
    ) -> hyper::Result<UpstreamLink> {
        let tasks = Tasks::default();
        let mut builder = http2::Builder::new(tasks.clone());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(LARGEST_HEAD)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(READ_AHEAD)
            .keep_alive_interval(ASK_AFTER)
            .keep_alive_timeout(ASK_FOR);
        let (sender, connection) = builder.handshake(TokioIo::new(socket)).await?;
        tasks.execute(connection);
        let connection = Arc::new(SharedConnection { sender, tasks, is_retired: AtomicBool::new(false) });
        let shared = KeptShared { connection, address, used_at: Instant::now(), caller };
        let link = UpstreamLink::call(&shared, false);
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).push(shared);
        Ok(link)
    }
}

impl KeptShared {
    fn is_quiet(&self) -> bool {
        Arc::strong_count(&self.connection) == 1
    }

    fn is_good(&self) -> bool {
        !self.connection.is_retired.load(Ordering::Relaxed) && !self.connection.sender.is_closed()
    }
}

impl std::fmt::Debug for KeptLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("KeptLinks").field("unused", &unused).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use tokio::net::TcpListener;

    use super::super::body::Piece;
    use super::super::dial::{ProtocolOffer, Speaks};
    use super::*;
    use crate::counts::Counts;

    #[tokio::test]
    async fn a_connection_without_calls_is_closed_whatever_its_app_has_not_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = UpstreamAddress::Tcp(listener.local_addr().unwrap());
        let (socket, _) =
            UpstreamSocket::open(&address, None, ProtocolOffer::Only(Speaks::Http2), &Counts::default()).await.unwrap();
        // It reads nothing.
        let _app = listener.accept().await.unwrap();
        let kept = KeptLinks::new(1);
        let mut link = kept.share(socket, address.clone(), CallerKey::GATEWAY).await.unwrap();
        let tasks = link.shared.as_ref().unwrap().tasks.clone();
        let (to_app, body) = RequestBody::piped();
        let RequestSender::Http2(sender) = &mut link.sender else { unreachable!("it is one of HTTP/2") };
        let call = sender.send_request(Request::post("http://a/").body(body).unwrap());
        to_app.send(Piece { data: vec![0; 10_000_000].into(), is_last: true }).await.unwrap();
        tokio::task::yield_now().await;
        drop((call, link));
        assert!(kept.shared(&address, CallerKey::GATEWAY).is_some(), "another call may come");
        tokio::time::pause();
        tokio::time::advance(IDLE).await;
        kept.close_idle();
        assert!(kept.shared(&address, CallerKey::GATEWAY).is_none());
        while !tasks.running.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_connection_of_a_call_that_waited_in_vain_takes_no_other() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = UpstreamAddress::Tcp(listener.local_addr().unwrap());
        let (socket, _) =
            UpstreamSocket::open(&address, None, ProtocolOffer::Only(Speaks::Http2), &Counts::default()).await.unwrap();
        let kept = KeptLinks::new(1);
        let link = kept.share(socket, address.clone(), CallerKey::GATEWAY).await.unwrap();
        let another = kept.shared(&address, CallerKey::GATEWAY).unwrap();
        link.retire();
        assert!(kept.shared(&address, CallerKey::GATEWAY).is_none());
        drop(another);
    }
}
