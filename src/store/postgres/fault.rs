//! What can go wrong below a [`StoreError`].

use std::error::Error;

use tokio_postgres::error::SqlState;

use crate::store::StoreError;
use crate::store::records::fault::RecordFault;

/// A failure of the database, of the way to it, or of what is in it.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum PostgresFault {
    /// The transaction met another and was rolled back: made again, it may pass.
    #[error("another transaction was in the way")]
    Met(#[source] tokio_postgres::Error),
    /// The database, or the way to it, is gone, or it does not write any more.
    #[error("the database cannot be reached")]
    Lost(#[source] tokio_postgres::Error),
    /// It did not answer in time.
    #[error("the database did not answer in time")]
    Deadline,
    /// As many operations wait for a connection as are answered in time.
    #[error("more operations are waiting than it can take")]
    Busy,
    /// It acknowledged a commit with a warning: a standby may not have it.
    #[error("the database was made to stop waiting for its standby")]
    Warned,
    /// It is being copied, and no gateway may use it.
    #[error("it is being copied by bmauth store copy: start the gateway when that has ended")]
    Copied,
    /// A newer program has made it its own.
    #[error("a newer bmauth has changed the database, and this one is too old for it: install the newer one")]
    TooOld,
    /// It refused a statement.
    #[error("the database refused a statement")]
    Refused(#[source] tokio_postgres::Error),
    /// A row cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// A key that is kept there cannot be unwrapped.
    #[error("{0}")]
    Wrapped(&'static str),
}

impl PostgresFault {
    /// Whether connections that are there may be of no use any more.
    pub(super) const fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Deadline | Self::Warned => true,
            Self::Met(_)
            | Self::Busy
            | Self::Copied
            | Self::TooOld
            | Self::Refused(_)
            | Self::Record(_)
            | Self::Wrapped(_) => false,
        }
    }

    /// Whether a statement failed by itself: the connection can go on.
    pub(super) fn leaves_the_connection(&self) -> bool {
        match self {
            Self::Met(_) | Self::Refused(_) => true,
            // Insufficient resources: a full disk, most of all.
            Self::Lost(error) => error.code().is_some_and(|code| code.code().starts_with("53")),
            Self::Deadline
            | Self::Busy
            | Self::Warned
            | Self::Copied
            | Self::TooOld
            | Self::Record(_)
            | Self::Wrapped(_) => false,
        }
    }

    /// Whether it cannot be answered now because the database is away.
    pub(super) const fn is_away(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Deadline)
    }

    /// The error for the caller, with what was being done for them.
    pub(super) fn during(self, problem: &str) -> StoreError {
        StoreError { problem: problem.to_owned(), source: Some(Box::new(self)) }
    }

    /// All that is known of it, in one line.
    pub(super) fn described(&self) -> String {
        let (mut told, mut cause) = (self.to_string(), self.source());
        while let Some(error) = cause {
            told = format!("{told}: {error}");
            cause = error.source();
        }
        told
    }
}

impl From<tokio_postgres::Error> for PostgresFault {
    fn from(error: tokio_postgres::Error) -> Self {
        // Without a code it came from no server: the connection is gone, or was never there.
        let Some(code) = error.code() else { return Self::Lost(error) };
        // A row that was not there when it was looked for, and is now, or the other way about: made again, it is seen.
        const MEETINGS: [&SqlState; 5] = [
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::LOCK_NOT_AVAILABLE,
            &SqlState::UNIQUE_VIOLATION,
            &SqlState::FOREIGN_KEY_VIOLATION,
        ];
        // A transaction that was silent for too long; not a primary any more; a pooler, or a migration, has made a
        // prepared statement useless.
        const OF_THE_SESSION: [&SqlState; 4] = [
            &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            &SqlState::READ_ONLY_SQL_TRANSACTION,
            &SqlState::INVALID_SQL_STATEMENT_NAME,
            &SqlState::FEATURE_NOT_SUPPORTED,
        ];
        // Connection exceptions, insufficient resources, operator intervention, system errors, invalid authorization.
        const CLASSES: [&str; 5] = ["08", "53", "57", "58", "28"];
        if MEETINGS.contains(&code) {
            Self::Met(error)
        } else if OF_THE_SESSION.contains(&code) || CLASSES.iter().any(|class| code.code().starts_with(class)) {
            Self::Lost(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// A failure of the caller's moment, or of the configuration.
pub(super) fn refusal(problem: impl Into<String>) -> StoreError {
    StoreError { problem: problem.into(), source: None }
}
