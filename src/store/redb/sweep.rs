//! Removing what has expired, found by indexes so that no table is read through.

use super::batch::Batch;
use super::fault::Fault;
use super::records::Count;
use super::rows::{Row, after_time, at, end_of};
use super::table::Table;
use super::view::View as _;
use crate::domain::activity::Event;
use crate::domain::admin_code::AdminCode;
use crate::domain::ceremony::Ceremony;
use crate::domain::clock::Timestamp;
use crate::domain::letter::Letter;
use crate::domain::link::Link;
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::session::Session;

/// What is to be removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    /// What has expired by now.
    pub now: Timestamp,
    /// Sessions created before.
    pub session_created_before: Timestamp,
    /// Sessions last seen before.
    pub session_seen_before: Timestamp,
    /// How many of each kind at most.
    pub limit: usize,
}

impl Batch<'_, '_> {
    /// Removes it; returns how many rows that were.
    pub(super) fn sweep(&mut self, sweep: &Sweep) -> Result<usize, Fault> {
        let Sweep { now, session_created_before, session_seen_before, limit } = *sweep;
        let sessions =
            self.remove_first::<Session>(Table::SessionsByCreation, end_before(session_created_before), limit)?;
        let idle = self.remove_first::<Session>(
            Table::SessionsByLastUse,
            end_before(session_seen_before),
            limit.saturating_sub(sessions),
        )?;
        Ok(sessions
            + idle
            + self.remove_first::<Ceremony>(Table::CeremoniesByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Registration>(Table::RegistrationsByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Link>(Table::LinksByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Recovery>(Table::RecoveriesByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Hold>(Table::HoldsByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<AdminCode>(Table::AdminCodesByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Event>(Table::EventsByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Letter>(Table::LettersByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Count>(Table::CountersByEnd, Some(end_of(now)), limit)?)
    }

    /// Removes the rows that an index by time names first, up to the key `last`: also what cannot be read, which would
    /// hold up the rest for ever.
    fn remove_first<R: Row>(&mut self, index: Table, last: Option<Vec<u8>>, limit: usize) -> Result<usize, Fault> {
        let Some(last) = last else { return Ok(0) };
        let keys = self.keys(index, at(Timestamp::from_unix(0), &[])..=last, limit)?;
        self.discard::<R>(keys.iter().map(|key| after_time(key).to_vec()))
    }
}

/// The last key that an index by time may have before `time`.
fn end_before(time: Timestamp) -> Option<Vec<u8>> {
    time.unix().checked_sub(1).map(|unix| end_of(Timestamp::from_unix(unix)))
}
