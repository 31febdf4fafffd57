//! The socket of a connection of HTTP/1.1 as it is read and written: what it adds is what an app's last words need.
//!
//! An app that has heard enough says so and closes. What is still written to it then fails, while its answer may
//! already be here, unread. So a failed write is not an error: it waits, and what there is to read decides.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::dial::UpstreamSocket;

/// Whether a byte has come since the last request began.
#[derive(Clone, Debug, Default)]
pub(super) struct HeardByte(Arc<AtomicBool>);

/// The socket of a connection of HTTP/1.1.
#[derive(Debug)]
pub(super) struct Wire {
    socket: UpstreamSocket,
    heard: HeardByte,
    /// Whether the app takes nothing any more.
    is_deaf: bool,
}

impl HeardByte {
    /// Whether nothing has come.
    pub(super) fn is_silent(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    /// The next request begins.
    pub(super) fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Wire {
    pub(super) fn new(socket: UpstreamSocket, heard: HeardByte) -> Self {
        Self { socket, heard, is_deaf: false }
    }

    pub(super) fn into_socket(self) -> UpstreamSocket {
        self.socket
    }

    fn unless_deaf<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut UpstreamSocket>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if !self.is_deaf {
            let written = write(Pin::new(&mut self.socket), cx);
            if !matches!(written, Poll::Ready(Err(_))) {
                return written;
            }
            self.is_deaf = true;
        }
        // Nothing wakes this: whatever still happens on the connection is read.
        Poll::Pending
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.heard.0.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().unless_deaf(cx, |socket, cx| socket.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().unless_deaf(cx, |socket, cx| socket.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().unless_deaf(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().unless_deaf(cx, AsyncWrite::poll_shutdown)
    }
}
