//! What can go wrong below a [`StoreError`].

use std::sync::Arc;

use super::table::Table;
use crate::store::StoreError;

/// A failure of the database or of what is in it. It can be told to everybody whose commit was in one group.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Arc<::redb::Error>),
    /// A row cannot be understood.
    #[error("a row of “{}” cannot be read: {why}", table.name())]
    Unreadable {
        /// Where it is.
        table: Table,
        /// What is wrong with it.
        why: String,
    },
    /// A row cannot be written down.
    #[error("a row of “{}” cannot be written: {why}", table.name())]
    Unwritable {
        /// Where it would be.
        table: Table,
        /// What is wrong with it.
        why: String,
    },
}

impl Fault {
    /// The error for whoever asked, with what was being done for them.
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
        $(impl From<::redb::$error> for Fault {
            fn from(error: ::redb::$error) -> Self {
                Self::Database(Arc::new(error.into()))
            }
        })*
    };
}
from_redb!(CommitError, SetDurabilityError, StorageError, TableError, TransactionError);
