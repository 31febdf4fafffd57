//! The listener for health and metrics: few connections at a time, and none that only stands there. It is for
//! neighbours, but their connections take from the same limit of open files as visitors' do.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// How many connections there are at a time; more wait until one ends.
const MOST: usize = 32;
/// How long one may say nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// Accepts the connections of the listener.
#[derive(Debug)]
pub struct AdminListener {
    socket: TcpListener,
    room: Arc<Semaphore>,
}

/// One connection to the listener.
#[derive(Debug)]
pub struct AdminStream {
    io: TcpStream,
    silence: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

/// Who is at its other end.
#[derive(Clone, Copy, Debug)]
pub struct AdminPeer(pub SocketAddr);

impl AdminListener {
    /// A listener on a bound socket.
    pub fn new(socket: TcpListener) -> Self {
        Self { socket, room: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Listener for AdminListener {
    type Io = AdminStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (AdminStream, SocketAddr) {
        let place = Arc::clone(&self.room).acquire_owned().await.expect("nobody closes it");
        let (io, peer) = Listener::accept(&mut self.socket).await;
        (AdminStream { io, silence: None, _place: place }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl Connected<IncomingStream<'_, AdminListener>> for AdminPeer {
    fn connect_info(stream: IncomingStream<'_, AdminListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl AsyncRead for AdminStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.io).poll_read(cx, buf);
        if read.is_ready() {
            this.silence = None;
            return read;
        }
        let silence = this.silence.get_or_insert_with(|| Box::pin(sleep(SILENCE)));
        ready!(silence.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for AdminStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn connections_that_only_stand_there_make_room_and_are_closed() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let router = axum::Router::new().route("/livez", axum::routing::get(|| async { "ok" }));
        tokio::spawn(async move { axum::serve(AdminListener::new(socket), router).await });
        let mut idle = Vec::new();
        for _ in 0..MOST + 5 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let mut asking = TcpStream::connect(address).await.unwrap();
        asking.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        while idle.len() > MOST {
            tokio::task::yield_now().await;
            idle.pop();
        }
        // Time passes, and they are told to go.
        tokio::time::pause();
        let mut said = String::new();
        asking.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        assert_eq!(idle[0].read(&mut [0]).await.unwrap(), 0);
    }
}
