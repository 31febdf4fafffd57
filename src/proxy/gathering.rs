//! Writes that belong together leave together: a head waits for its body, and a body that is large takes the head along
//! in the same call of the system.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Enough for most heads and small bodies to leave in one write, in bytes.
const ROOM: usize = 4096;

/// A stream whose small writes are held until it is flushed, or until there is more than it holds.
#[derive(Debug)]
pub(super) struct Gathering<S> {
    io: S,
    held: Vec<u8>,
    /// How much of what is held has left.
    left: usize,
}

impl<S> Gathering<S> {
    pub(super) fn new(io: S) -> Self {
        Self { io, held: Vec::with_capacity(ROOM), left: 0 }
    }

    /// Whether something waits to be flushed.
    pub(super) fn holds_something(&self) -> bool {
        !self.held.is_empty()
    }

    /// So much of what is held has left.
    fn has_left(&mut self, length: usize) {
        self.left += length;
        if self.left >= self.held.len() {
            self.held.clear();
            self.left = 0;
        }
    }
}

impl<S: AsyncWrite + Unpin> Gathering<S> {
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.holds_something() {
            let held = self.held.get(self.left..).unwrap_or_default();
            match ready!(Pin::new(&mut self.io).poll_write(cx, held))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.has_left(length),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is held and `more` behind it; returns how much of `more` has left.
    fn poll_together(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        while self.holds_something() {
            let held = self.held.get(self.left..).unwrap_or_default();
            let together = [IoSlice::new(held), IoSlice::new(more)];
            let (held, length) = (held.len(), ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &together))?);
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.has_left(length.min(held));
            if length > held {
                return Poll::Ready(Ok(length - held));
            }
        }
        Pin::new(&mut self.io).poll_write(cx, more)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathering<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathering<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.held.len() + buf.len() <= ROOM {
            this.held.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        if this.io.is_write_vectored() {
            return this.poll_together(cx, buf);
        }
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// Takes at most so many bytes at a time, and every other time none.
    #[derive(Default)]
    struct Reluctant {
        taken: Vec<u8>,
        calls: usize,
        most: usize,
        is_vectored: bool,
    }

    impl Reluctant {
        fn take(&mut self, cx: &Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
            self.calls += 1;
            if self.most < usize::MAX && self.calls.is_multiple_of(2) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).take(self.most).collect();
            self.taken.extend_from_slice(&all);
            Poll::Ready(Ok(all.len()))
        }
    }

    impl AsyncWrite for Reluctant {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.get_mut().take(cx, &[IoSlice::new(buf)])
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.get_mut().take(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            self.is_vectored
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_head_leaves_with_its_body() {
        let mut io = Gathering::new(Reluctant { most: usize::MAX, is_vectored: true, ..Reluctant::default() });
        io.write_all(b"a head").await.unwrap();
        assert!(io.holds_something() && io.io.calls == 0);
        io.write_all(&[b'x'; 2 * ROOM]).await.unwrap();
        assert_eq!((io.io.calls, io.io.taken.len(), io.holds_something()), (1, 6 + 2 * ROOM, false));
    }

    proptest! {
        #[test]
        fn everything_leaves_once_and_in_order(
            writes in proptest::collection::vec((0..9000_usize, any::<bool>()), 1..12),
            most in 1..6000_usize,
            is_vectored in any::<bool>(),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut io = Gathering::new(Reluctant { most, is_vectored, ..Reluctant::default() });
            let mut all = Vec::new();
            runtime.block_on(async {
                for (number, (length, flushes)) in writes.into_iter().enumerate() {
                    let piece: Vec<u8> = (0..length).map(|place| (place * 7 + number) as u8).collect();
                    io.write_all(&piece).await.unwrap();
                    all.extend_from_slice(&piece);
                    if flushes {
                        io.flush().await.unwrap();
                        assert_eq!(io.io.taken, all);
                    }
                }
                io.shutdown().await.unwrap();
            });
            prop_assert_eq!(io.io.taken, all);
        }
    }
}
