//! The body of a request on its way to the app.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// The body of a request on its way to the app: nothing, or what is handed over piece by piece.
#[derive(Debug)]
pub(super) struct RequestBody(Option<mpsc::Receiver<Piece>>);

/// A piece of a body. A body whose pieces stop before the last one was broken off, and the app must not take it for
/// whole.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// What is in it; nothing where only the end is told.
    pub(super) data: Bytes,
    /// Whether there is no more behind it.
    pub(super) is_last: bool,
}

/// The rest of the body does not come: the client did not send it, or it is not needed any more.
#[derive(Debug, thiserror::Error)]
#[error("the body was broken off")]
pub(super) struct BrokenOff {
    /// What an app is told over HTTP/2 (RFC 9113 §7): nothing is wrong on this side.
    #[from]
    reason: h2::Error,
}

impl RequestBody {
    /// A request without a body.
    pub(super) fn empty() -> Self {
        Self(None)
    }

    /// One that is handed over: a piece at a time, so that a slow app slows the client.
    pub(super) fn piped() -> (mpsc::Sender<Piece>, Self) {
        let (sender, receiver) = mpsc::channel(1);
        (sender, Self(Some(receiver)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let Some(pieces) = &mut self.0 else { return Poll::Ready(None) };
        let Some(Piece { data, is_last }) = ready!(pieces.poll_recv(cx)) else {
            return Poll::Ready(Some(Err(h2::Error::from(h2::Reason::CANCEL).into())));
        };
        if is_last {
            self.0 = None;
        }
        // An empty piece would end a body in chunks, and then its end would come a second time.
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.0.is_none() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}
