//! What the phases of one request share, from its head to its line in the log.

use std::sync::Arc;

use http::HeaderValue;

use super::incoming::Incoming;
use super::logging::Line;
use super::streams::Surroundings;
use super::upstreams::Server;
use crate::auth::principal::Principal;
use crate::counts::Counts;
use crate::domain::access::Admission;
use crate::gate::peer::RequestId;

/// What the phases of one request share.
pub(super) struct Context {
    /// The connection it came by, and what stops it.
    pub(super) surroundings: Surroundings,
    /// Its name in the log.
    pub(super) request_id: RequestId,
    /// Its head, once that has been read.
    pub(super) incoming: Option<Incoming>,
    /// Whose request it is, once that is known: also where that one may not see what was asked for.
    pub(super) principal: Option<Principal>,
    /// Leave to forward it.
    pub(super) admission: Option<Admission<Principal>>,
    /// The token that tells the app whose request it is.
    pub(super) identity: Option<HeaderValue>,
    /// The server it was sent to.
    pub(super) server: Option<Arc<Server>>,
    /// What the log will say of it.
    pub(super) line: Line,
}

impl Context {
    /// That of a request whose head is there.
    pub(super) fn new(surroundings: Surroundings, request_id: RequestId, counts: Arc<Counts>) -> Self {
        surroundings.connection.head_is_read();
        Self {
            surroundings,
            request_id,
            incoming: None,
            principal: None,
            admission: None,
            identity: None,
            server: None,
            line: Line::new(counts),
        }
    }
}

impl Drop for Context {
    /// Writes the line, so also for a request that was stopped.
    fn drop(&mut self) {
        self.line.write(self.request_id, self.incoming.as_ref(), self.principal.as_ref());
    }
}
