//! One line a request, at info, and one count. The line has no query, no cookie, no token and nothing of the visitor's
//! account; the count has nothing but what became of the request.

use std::sync::Arc;

use http::Method;
use tokio::time::Instant;

use super::answers::Problem;
use super::incoming::Incoming;
use crate::counts::{Counts, Outcome};
use crate::domain::host::Host;
use crate::domain::path::CanonicalPath;
use crate::domain::route::RouteId;
use crate::domain::session::SessionId;
use crate::gate::forward_auth::About;
use crate::gate::peer::RequestId;

/// What the line says; it is written when this is dropped, so also for a request that was stopped.
#[derive(Debug)]
pub(super) struct Line {
    counts: Arc<Counts>,
    pub(super) outcome: Outcome,
    pub(super) request_id: RequestId,
    pub(super) begun: Instant,
    pub(super) method: Option<Method>,
    pub(super) incoming: Option<Incoming>,
    pub(super) route: Option<RouteId>,
    pub(super) session: Option<SessionId>,
    /// What a proxy in front asked about, in place of the question itself.
    asked_about: Option<(Host, CanonicalPath)>,
    pub(super) status: Option<u16>,
    pub(super) sent: usize,
    /// The kind of error that ended it, in a word or two, or why a question was refused.
    pub(super) error: Option<String>,
    pub(super) is_complete: bool,
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::SignInRequired => Self::SignIn,
            Problem::UpstreamDown | Problem::UpstreamTimeout => Self::UpstreamDown,
            Problem::Unavailable => Self::Unavailable,
            Problem::Fault => Self::Fault,
            Problem::BadRequest
            | Problem::ReviewRequired
            | Problem::Forbidden
            | Problem::ForeignOrigin
            | Problem::NotFound
            | Problem::AskedOnly
            | Problem::MethodNotAllowed
            | Problem::RequestTimeout
            | Problem::BodyTooLarge
            | Problem::Misdirected
            | Problem::HeadTooLarge
            | Problem::NotImplemented => Self::Refused,
        }
    }
}

impl Line {
    pub(super) fn new(request_id: RequestId, counts: Arc<Counts>) -> Self {
        Self {
            counts,
            outcome: Outcome::Unanswered,
            request_id,
            begun: Instant::now(),
            method: None,
            incoming: None,
            route: None,
            session: None,
            asked_about: None,
            status: None,
            sent: 0,
            error: None,
            is_complete: false,
        }
    }
}

impl Line {
    /// Notes what a proxy in front asked about.
    pub(super) fn about(&mut self, about: About) {
        let About { target, route, session, why: _ } = about;
        (self.route, self.session) = (route, session);
        if let Some((method, host, path)) = target {
            self.method = Some(method);
            self.asked_about = Some((host, path));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.counts.request(self.outcome);
        let incoming = self.incoming.as_ref();
        let target = match &self.asked_about {
            Some((host, path)) => Some((host, path)),
            None => incoming.map(|incoming| (&incoming.authority.host, &incoming.target.path)),
        };
        // What stands in here is worked out only where the line is wanted.
        tracing::info!(
            request = %self.request_id,
            client = incoming.and_then(|incoming| incoming.client).map(tracing::field::display),
            method = self.method.as_ref().map(Method::as_str),
            host = target.map(|(host, _)| host.as_str()),
            path = target.map(|(_, path)| path.as_str()),
            route = self.route.map(|route| route.0),
            session = self.session.map(|session| tracing::field::display(session.0)),
            status = self.status,
            sent = self.sent,
            milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            error = self.error.as_deref(),
            stopped = !self.is_complete,
            "request"
        );
    }
}
