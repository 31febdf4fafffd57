//! One line a request, at info. It has no query, no cookie, no token and nothing of the visitor's account.

use http::Method;
use tokio::time::Instant;

use super::incoming::Incoming;
use crate::domain::route::RouteId;
use crate::domain::session::SessionId;
use crate::portal::peer::RequestId;

/// What the line says; it is written when this is dropped, so also for a request that was stopped.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) request_id: RequestId,
    pub(super) begun: Instant,
    pub(super) method: Option<Method>,
    pub(super) incoming: Option<Incoming>,
    pub(super) route: Option<RouteId>,
    pub(super) session: Option<SessionId>,
    pub(super) status: Option<u16>,
    pub(super) sent: usize,
    /// The kind of error that ended it, in a word or two.
    pub(super) error: Option<String>,
    pub(super) is_complete: bool,
}

impl Line {
    pub(super) fn new(request_id: RequestId) -> Self {
        Self {
            request_id,
            begun: Instant::now(),
            method: None,
            incoming: None,
            route: None,
            session: None,
            status: None,
            sent: 0,
            error: None,
            is_complete: false,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let incoming = self.incoming.as_ref();
        let milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            request = %self.request_id,
            client = incoming.and_then(|incoming| incoming.client).map(tracing::field::display),
            method = self.method.as_ref().map(Method::as_str),
            host = incoming.map(|incoming| incoming.authority.host.as_str()),
            path = incoming.map(|incoming| incoming.target.path.as_str()),
            route = self.route.map(|route| route.0),
            session = self.session.map(|session| tracing::field::display(session.0)),
            status = self.status,
            sent = self.sent,
            milliseconds,
            error = self.error.as_deref(),
            stopped = !self.is_complete,
            "request"
        );
    }
}
