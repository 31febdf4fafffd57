//! Who is let through to an app.

use std::fmt;

use super::sessions::live::LiveSession;
use crate::domain::access::Standing;
use crate::domain::clock::Timestamp;
use crate::domain::session::{SessionFacts, SessionId};

/// Who is let through: what an app is told, what the log names and what ends an open stream are all its own. Copies are
/// handles on the same one.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A person with a session.
    Person(LiveSession),
}

/// The public name of a principal, for the log: it opens nothing, and is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalId {
    /// A person, by their session (`sid` in tokens).
    Session(SessionId),
}

impl Principal {
    /// Its public name.
    pub fn id(&self) -> PrincipalId {
        match self {
            Self::Person(live) => PrincipalId::Session(live.id()),
        }
    }

    /// What an app may be told of it.
    pub fn facts(&self) -> SessionFacts<'_> {
        match self {
            Self::Person(live) => live.facts(),
        }
    }

    /// Waits until its standing ends, however that ends; what is open for it stops then.
    pub async fn ended(&self) {
        match self {
            Self::Person(live) => live.ended().await,
        }
    }
}

impl Standing for Principal {
    fn is_live(&self, now: Timestamp) -> bool {
        match self {
            Self::Person(live) => live.is_live(now),
        }
    }

    fn review(&self) -> bool {
        match self {
            Self::Person(live) => Standing::review(live),
        }
    }

    fn is_by_code_alone(&self) -> bool {
        match self {
            Self::Person(live) => live.is_by_code_alone(),
        }
    }

    fn is_in_one_of(&self, groups: &[String]) -> bool {
        match self {
            Self::Person(live) => live.is_in_one_of(groups),
        }
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => id.0.fmt(f),
        }
    }
}
