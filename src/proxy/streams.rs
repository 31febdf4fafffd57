//! Serves one request after another, and stops one at once when the standing of the principal it was admitted with
//! ends.
//!
//! A request is one future, however long its WebSocket, event stream or download lasts, so dropping that future stops
//! it in every state: while it waits, reads or writes. On HTTP/1.1 that closes the connection; on HTTP/2 it resets the
//! one stream and leaves the others, among them the answer to the sign-out itself.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v1::server::HttpSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::server::ShutdownWatch;

use super::ProxyPhases;
use super::connection::{ClientConnection, connection_of};
use super::served::{RequestIds, Served};
use crate::telemetry::span;

/// What surrounds a request.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// The connection it came by.
    pub(super) connection: Arc<ClientConnection>,
    /// The request itself, as far as it is known.
    pub(super) served: Arc<Served>,
}

/// The application that connections are handed to.
pub(super) struct Requests {
    pub(super) gateway: ProxyPhases,
    pub(super) ids: RequestIds,
}

impl Requests {
    /// Serves the requests of a connection of HTTP/1, one after another. Pingora would do that too, but put the state
    /// of each request into memory of its own first.
    pub(super) async fn serve_http1(&self, stream: Stream, shutdown: &ShutdownWatch) {
        let mut session = ServerSession::new_http1(stream);
        session.set_keepalive((!*shutdown.borrow()).then_some(60));
        // What comes behind a request is the next one (RFC 9112 §9.3.2), not the end of the first.
        session.set_pipelining_enabled(true);
        while let Some((stream, settings)) = self.serve(session, shutdown).await.map(ReusedHttpStream::consume) {
            session = ServerSession::new_http1(stream);
            if let Some(settings) = settings {
                settings.apply_to_session(&mut session);
            }
        }
    }

    /// Serves one request; returns the connection where another may follow.
    async fn serve(&self, mut session: ServerSession, shutdown: &ShutdownWatch) -> Option<ReusedHttpStream> {
        let connection = connection_of(&session)?;
        if !session.is_http2() {
            connection.await_head();
        }
        let _serving = connection.serving();
        let served = Arc::new(Served::new(self.ids.next()));
        let surroundings = Surroundings { connection: Arc::clone(&connection), served: Arc::clone(&served) };
        let serve = async {
            if !self.gateway.is_asked(&mut session).await {
                return None;
            }
            let mut context = self.gateway.context(surroundings);
            if *shutdown.borrow() {
                session.set_keepalive(None);
            }
            if !self.gateway.serve(&mut session, &mut context).await {
                return None;
            }
            if let ServerSession::H1(http1) = &mut session
                && !http1.will_keepalive()
                && !http1.is_body_done()
            {
                close_slowly(http1).await;
                return None;
            }
            let mut settings = HttpPersistentSettings::for_session(&session);
            let (stream, begun) = session.finish().await.ok()??.into_parts();
            connection.begin_head(begun.as_deref().unwrap_or_default());
            if let Some(begun) = begun {
                settings.set_pipelined_prefix(begun);
            }
            Some(ReusedHttpStream::new(stream, Some(settings)))
        };
        let serve = span::within(Arc::clone(&served) as _, serve);
        // Only `serve` sets it, and it is polled first each time, so this needs no waking.
        let ended = async {
            let principal = poll_fn(|_| served.stop.get().map_or(Poll::Pending, Poll::Ready)).await;
            principal.ended().await;
        };
        tokio::select! {
            biased;
            next = serve => next,
            () = ended => None,
        }
    }
}

/// Says that nothing more is said, and reads what the client still sends for a while. To close on what is not read
/// could cost the client the answer, which it has not read either.
async fn close_slowly(http1: &mut HttpSession) {
    let closed = async {
        http1.finish_body().await?;
        http1.shutdown().await;
        http1.drain_request_body().await
    };
    if let Err(error) = closed.await {
        tracing::debug!(%error, "a client whose request was not read was not waited for any longer");
    }
}

#[async_trait]
impl HttpServerApp for Requests {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.serve(session, shutdown).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(http2_options())
    }
}

/// What one HTTP/2 connection may take.
fn http2_options() -> H2Options {
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(128)
        .max_header_list_size(64 * 1024)
        .max_frame_size(16 * 1024)
        .initial_window_size(512 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buffer_size(64 * 1024)
        // Streams that are opened and reset at once cost us more than the client (CVE-2023-44487).
        .max_concurrent_reset_streams(16)
        .max_pending_accept_reset_streams(16)
        .max_local_error_reset_streams(Some(64));
    options
}
