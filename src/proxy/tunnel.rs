//! What comes after a switch of protocols: bytes in both directions, until either side is gone. Neither waits for the
//! other, so an app that says much for each word it hears is read while it is spoken to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::future::Either;
use pingora::protocols::http::ServerSession;
use pingora::{Error, ErrorType};
use tokio::io::{AsyncWrite as _, AsyncWriteExt as _};
use tokio_util::io::poll_read_buf;

use super::broken::{late, of_client};
use super::dial::UpstreamSocket;
use super::patience::{Patience, TurnSide};
use super::upstreams;

/// How much of what an app says is taken at a time, in bytes.
const PIECE: usize = 16 * 1024;
/// How long an app may take nothing of what is said to it.
const TAKES: Duration = Duration::from_secs(60);
/// How long an app may go on where its client has said its last word. Whether the client still listens shows only when
/// something is said to it.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The app's side of the tunnel.
struct AppSide {
    socket: UpstreamSocket,
    heard: BytesMut,
    /// What it has not taken yet.
    to_say: Bytes,
    /// Whether all that it took is on its way.
    is_flushed: bool,
    /// Whether the last that became of it was that it took something: it is heard first then.
    took_last: bool,
}

/// What became of the app's side.
enum AppStep {
    Took,
    Said(Bytes),
    Ended,
}

/// Passes on what either side says; `said` is what the app said behind its switch.
///
/// # Errors
/// One side broke off, or the app was silent, or took nothing, for too long.
pub(super) async fn join(session: &mut ServerSession, socket: UpstreamSocket, said: Bytes) -> pingora::Result<()> {
    if !said.is_empty() {
        session.write_response_body(said, false).await.map_err(of_client)?;
    }
    let mut app = AppSide::of(socket);
    let (mut silent, mut stuck) = (Patience::new(upstreams::STREAM_SILENCE), Patience::new(TAKES));
    let (mut turn, mut client_is_done) = (TurnSide::Client, false);
    loop {
        let app_takes = app.has_taken_all();
        let client = async {
            match app_takes && !client_is_done {
                true => session.read_request_body().await,
                false => std::future::pending().await,
            }
        };
        let come = tokio::select! {
            biased;
            come = turn.next(client, app.step()) => come,
            () = stuck.out(), if !app_takes => return Err(late()),
            () = silent.out() => return if client_is_done { Ok(()) } else { Err(late()) },
        };
        match come {
            Either::Left(said) => match said.map_err(of_client)? {
                Some(said) => {
                    (app.to_say, app.is_flushed) = (said, false);
                    silent.moved();
                }
                None => {
                    client_is_done = true;
                    silent = Patience::new(LAST_WORDS);
                    if app.socket.shutdown().await.is_err() {
                        return Ok(());
                    }
                }
            },
            Either::Right(step) => match step.map_err(of_app)? {
                AppStep::Took => silent.moved(),
                AppStep::Said(said) => {
                    silent.moved();
                    match session.write_response_body(said, false).await {
                        // It has gone after its last word.
                        Err(_) if client_is_done => return Ok(()),
                        written => written.map_err(of_client)?,
                    }
                }
                AppStep::Ended => {
                    let written = session.write_response_body(Bytes::new(), true).await.map_err(of_client);
                    return if client_is_done { Ok(()) } else { written };
                }
            },
        }
        if app.has_taken_all() != app_takes {
            stuck.moved();
        }
    }
}

impl AppSide {
    fn of(socket: UpstreamSocket) -> Self {
        let heard = BytesMut::with_capacity(PIECE);
        Self { socket, heard, to_say: Bytes::new(), is_flushed: true, took_last: false }
    }

    fn has_taken_all(&self) -> bool {
        self.to_say.is_empty() && self.is_flushed
    }

    /// Waits for it to take something, or to say something.
    async fn step(&mut self) -> io::Result<AppStep> {
        std::future::poll_fn(|cx| {
            let hears_first = self.took_last;
            let first = if hears_first { self.poll_hear(cx) } else { self.poll_say(cx) };
            let step = match first {
                Poll::Pending if hears_first => self.poll_say(cx),
                Poll::Pending => self.poll_hear(cx),
                ready => ready,
            };
            if let Poll::Ready(Ok(step)) = &step {
                self.took_last = matches!(step, AppStep::Took);
            }
            step
        })
        .await
    }

    /// Ready once it has taken all that there was.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<AppStep>> {
        if self.has_taken_all() {
            return Poll::Pending;
        }
        while !self.to_say.is_empty() {
            let taken = std::task::ready!(Pin::new(&mut self.socket).poll_write(cx, &self.to_say))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.to_say.advance(taken);
        }
        std::task::ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.is_flushed = true;
        Poll::Ready(Ok(AppStep::Took))
    }

    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<AppStep>> {
        self.heard.reserve(PIECE);
        poll_read_buf(Pin::new(&mut self.socket), cx, &mut self.heard).map_ok(|length| match length {
            0 => AppStep::Ended,
            _ => AppStep::Said(self.heard.split().freeze()),
        })
    }
}

fn of_app(error: io::Error) -> Box<Error> {
    Error::because(ErrorType::ReadError, "the app's tunnel", error).into_up()
}
