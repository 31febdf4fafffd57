//! What each change means for the rows, and what must hold for it.
//!
//! A statement that has a precondition says it itself. The number of rows it was about tells whether the precondition
//! held, so none raises an error in the normal course. A row that has to be read first is read under its lock.

mod accounts;
mod letters;
mod progress;
mod sessions;

pub(super) use sessions::put_session;

use super::fault::PostgresFault;
use super::pool::PooledConnection;
use super::wrapping::Wrapping;
use crate::domain::plan::{Change, Conflict};
use crate::store::records::fault::RecordFault;
use crate::store::stop;

/// Why a commit is dropped.
pub(super) type PostgresStop = stop::Stop<PostgresFault>;

impl From<PostgresFault> for PostgresStop {
    fn from(fault: PostgresFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<RecordFault> for PostgresStop {
    fn from(fault: RecordFault) -> Self {
        Self::Fault(fault.into())
    }
}

/// Goes on where a statement was about a row, and stops with the conflict where there was none.
fn held(rows: u64, conflict: impl Into<Conflict>) -> Result<(), PostgresStop> {
    if rows == 0 { Err(PostgresStop::Conflict(conflict.into())) } else { Ok(()) }
}

/// A commit in the making, within a transaction that holds its locks.
#[derive(Clone, Copy)]
pub(super) struct PostgresCommit<'a> {
    pub(super) on: &'a PooledConnection,
    pub(super) wrapping: &'a Wrapping,
}

impl PostgresCommit<'_> {
    /// Makes one change.
    ///
    /// # Errors
    /// Its precondition does not hold, or the database failed; then the transaction must be rolled back.
    pub(super) async fn make(self, change: &Change) -> Result<(), PostgresStop> {
        match change {
            Change::Account(change) => self.make_account(change).await,
            Change::Passkey(change) => self.make_passkey(change).await,
            Change::Event(change) => self.make_event(change).await,
            Change::AdminCode(change) => self.make_admin_code(change).await,
            Change::Session(change) => self.make_session(change).await,
            Change::Tokens(change) => self.make_tokens(change).await,
            Change::Ceremony(change) => self.make_ceremony(change).await,
            Change::Registration(change) => self.make_registration(change).await,
            Change::Link(change) => self.make_link(change).await,
            Change::Recovery(change) => self.make_recovery(change).await,
            Change::Hold(change) => self.make_hold(change).await,
            Change::Move(change) => self.make_move(change).await,
            Change::Bookmark(change) => self.make_bookmark(change).await,
            Change::Invitation(change) => self.make_invitation(change).await,
            Change::Letter(change) => self.make_letter(change).await,
            Change::Counter(change) => self.make_counter(change).await,
            Change::Key(change) => self.make_key(change).await,
        }
    }
}
