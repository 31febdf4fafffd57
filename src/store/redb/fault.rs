//! What can go wrong below a [`StoreError`].

use std::sync::Arc;

use crate::store::StoreError;
use crate::store::records::fault::RecordFault;

/// A failure of the database or of what is in it. It can be told to all callers whose commits were in one group.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum RedbFault {
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Arc<::redb::Error>),
    /// The database panicked: its file is not as it wrote it.
    #[error("the database failed: {0}")]
    Panicked(String),
    /// The disk failed, and the database is not open again yet.
    #[error("the disk failed, and the database is being opened again")]
    Closed,
    /// A row cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordFault),
}

impl RedbFault {
    /// Whether the database may be of no use until it is opened again. A part of it that cannot be understood is no
    /// reason: it would be the same part again.
    pub(super) fn may_have_stopped_it(&self) -> bool {
        match self {
            Self::Database(error) => !matches!(**error, ::redb::Error::Corrupted(_)),
            Self::Panicked(_) => true,
            Self::Closed | Self::Record(_) => false,
        }
    }

    /// Whether the file is not as the database wrote it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a library's errors, most of which are told alike")]
    pub(super) fn is_damage(&self) -> bool {
        use std::io::ErrorKind;
        match self {
            Self::Database(error) => match &**error {
                ::redb::Error::Io(error) => {
                    matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::InvalidInput)
                }
                ::redb::Error::PreviousIo => false,
                _ => true,
            },
            Self::Panicked(_) | Self::Record(RecordFault::Unreadable { .. }) => true,
            Self::Closed | Self::Record(RecordFault::Unwritable { .. }) => false,
        }
    }

    /// The error for the caller, with what was being done for them.
    pub(super) fn during(self, problem: &str) -> StoreError {
        StoreError { problem: problem.to_owned(), source: Some(Box::new(self)) }
    }
}

/// A failure of the caller's moment: nothing is wrong with the database.
pub(super) fn refusal(problem: impl Into<String>) -> StoreError {
    StoreError { problem: problem.into(), source: None }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<::redb::$error> for RedbFault {
            fn from(error: ::redb::$error) -> Self {
                Self::Database(Arc::new(error.into()))
            }
        })*
    };
}
from_redb!(CommitError, SetDurabilityError, StorageError, TableError, TransactionError);
