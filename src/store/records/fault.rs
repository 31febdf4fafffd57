//! What can be wrong with one row.

use super::table::Table;

/// A row cannot be read or written. Nothing is wrong with the database.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::store) enum RecordFault {
    /// A row cannot be understood.
    #[error("a row of “{}” cannot be read: {why}", table.name())]
    Unreadable {
        /// The table that it stands in.
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
