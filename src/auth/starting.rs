//! Sessions about to be.

use super::core::Core;
use crate::domain::destination::Destination;
use crate::domain::plan::{Change, Plan};
use crate::domain::secret::Secret;
use crate::domain::session::{NewSession, Session, SessionId};
use crate::domain::visitor::Visitor;

/// A fresh session and the token that its browser gets.
#[derive(Debug)]
pub struct SignedInBrowser {
    /// The session's cookie value, which is told once.
    pub token: Secret,
    /// The session as it was stored.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// A session about to be, and what is kept beside it.
pub(super) struct Starting {
    pub(super) session: NewSession,
    pub(super) with: Vec<Change>,
}

impl Starting {
    /// A plan that begins the session, with what is kept beside it.
    pub(super) fn along<T>(&self, mut plan: Plan<T>) -> Plan<T> {
        plan.changes.extend(self.with.iter().cloned());
        plan
    }
}

impl Core {
    /// A session of the visitor's browser, and the token that it will carry: the same for the same press.
    pub(super) fn start_in_browser(&self, visitor: &Visitor) -> (Secret, NewSession) {
        let token = match &visitor.press {
            Some(press) => press.session(),
            None => Secret::generate(&*self.entropy),
        };
        let session = NewSession::new(token.digest(), SessionId(self.entropy.uuid()), visitor);
        (token, session)
    }
}
