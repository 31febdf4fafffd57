//! What each change means for the rows, and what must hold for it.

mod accounts;
mod letters;
mod progress;
mod sessions;

use super::batch::Batch;
use super::fault::RedbFault;
use crate::domain::plan::Change;
use crate::store::stop;

/// Why a commit is dropped.
pub(super) type RedbStop = stop::Stop<RedbFault>;

impl From<RedbFault> for RedbStop {
    fn from(fault: RedbFault) -> Self {
        Self::Fault(fault)
    }
}

impl Batch<'_, '_> {
    /// Adds one change to the commit.
    ///
    /// # Errors
    /// Its precondition does not hold, or the store failed; then the whole commit must be dropped.
    pub(super) fn make(&mut self, change: Change) -> Result<(), RedbStop> {
        match change {
            Change::Account(change) => self.make_account(change),
            Change::Passkey(change) => self.make_passkey(change),
            Change::Event(change) => self.make_event(change),
            Change::AdminCode(change) => self.make_admin_code(change),
            Change::Session(change) => self.make_session(change),
            Change::Tokens(change) => self.make_tokens(change),
            Change::Ceremony(change) => self.make_ceremony(change),
            Change::Registration(change) => self.make_registration(change),
            Change::Link(change) => self.make_link(change),
            Change::Recovery(change) => self.make_recovery(change),
            Change::Hold(change) => self.make_hold(change),
            Change::Move(change) => self.make_move(change),
            Change::Bookmark(change) => self.make_bookmark(change),
            Change::Invitation(change) => self.make_invitation(change),
            Change::Letter(change) => self.make_letter(change),
            Change::Counter(change) => self.make_counter(change),
            Change::Key(change) => self.make_key(change),
        }
    }
}
