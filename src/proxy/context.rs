//! What the phases of one request share, from its head to its line in the log.

use std::sync::Arc;

use http::HeaderValue;

use super::incoming::Incoming;
use super::logging::AccessLogLine;
use super::streams::Surroundings;
use crate::auth::principal::Principal;
use crate::counts::{Counts, Open, StaysOpen};
use crate::domain::access::Admission;
use crate::gate::peer::RequestId;

/// What the phases of one request share.
pub(super) struct Context {
    /// The connection it came by, and what stops it.
    pub(super) surroundings: Surroundings,
    /// Its head, once that has been read.
    pub(super) incoming: Option<Incoming>,
    /// Whose request it is, once that is known: also where that one may not see what was asked for.
    pub(super) principal: Option<Principal>,
    /// Leave to forward it.
    pub(super) admission: Option<Admission<Principal>>,
    /// The token that tells the app whose request it is.
    pub(super) identity: Option<HeaderValue>,
    /// What is said to it in `Authorization` in the place of an access token.
    pub(super) forwarded: Option<HeaderValue>,
    /// What the log will say of it.
    pub(super) line: AccessLogLine,
    /// Counts it while it is served.
    _open: StaysOpen,
}

impl Context {
    /// That of a request whose head is there.
    pub(super) fn new(surroundings: Surroundings, counts: Arc<Counts>) -> Self {
        surroundings.connection.head_is_read();
        let _open = counts.open(Open::Requests);
        let line = AccessLogLine::new(counts);
        Self {
            surroundings,
            incoming: None,
            principal: None,
            admission: None,
            identity: None,
            forwarded: None,
            line,
            _open,
        }
    }

    /// Its name in the log.
    pub(super) fn request_id(&self) -> RequestId {
        self.surroundings.served.id
    }

    /// Its head has been read.
    pub(super) fn set_incoming(&mut self, incoming: Incoming) {
        self.surroundings.served.is_for(&incoming.authority);
        self.incoming = Some(incoming);
    }

    /// It is known whose it is.
    pub(super) fn set_principal(&mut self, principal: Principal) {
        self.surroundings.served.is_from(&principal);
        self.principal = Some(principal);
    }

    /// It is let through: it stops when the standing of the one it is let through for ends.
    pub(super) fn admit(&mut self, admission: Admission<Principal>) {
        if let Some(principal) = admission.principal() {
            // It is set once a request, and this is the once.
            let _ = self.surroundings.served.stop.set(principal.clone());
        }
        self.admission = Some(admission);
    }
}

impl Drop for Context {
    /// Writes the line, so also for a request that was stopped.
    fn drop(&mut self) {
        self.line.write(self.request_id(), self.incoming.as_ref(), self.principal.as_ref());
    }
}
