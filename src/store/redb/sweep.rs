//! Removing what has expired, found by indexes so that no table is read through.

use std::collections::BTreeSet;

use super::batch::Batch;
use super::fault::RedbFault;
use super::view::View as _;
use crate::domain::activity::Event;
use crate::domain::address::{self, Move};
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::Ceremony;
use crate::domain::clock::{LEEWAY, Timestamp};
use crate::domain::letter::Letter;
use crate::domain::link::Link;
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::session::Session;
use crate::domain::{admin_code, bookmark, ceremony, link, recovery, registration};
use crate::store::records::CountRow;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::{Row, after_time, at, end_of};
use crate::store::records::table::Table;

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
    pub(super) fn sweep(&mut self, sweep: &Sweep) -> Result<usize, RedbFault> {
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
            + self.remove_first::<Move>(Table::MovesByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<AdminCode>(Table::AdminCodesByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Bookmark>(Table::BookmarksByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Event>(Table::EventsByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<Letter>(Table::LettersByExpiry, Some(end_of(now)), limit)?
            + self.remove_first::<CountRow>(Table::CountersByEnd, Some(end_of(now)), limit)?)
    }

    /// Sets back the sessions that an index names as made or used after `now`, but for the leeway, and removes what
    /// would last for too long. A session that cannot be read opens nothing. Returns how many rows that were.
    pub(super) fn set_back(&mut self, now: Timestamp, limit: usize) -> Result<usize, RedbFault> {
        let mut ahead = BTreeSet::new();
        for index in [Table::SessionsByCreation, Table::SessionsByLastUse] {
            ahead.extend(self.keys_ahead(index, now, limit)?);
        }
        let mut count = 0;
        for token in ahead.into_iter().take(limit) {
            match self.load_indexed::<Session>(&token) {
                Err(RedbFault::Record(RecordFault::Unreadable { .. })) => {}
                session => {
                    let mut session = session?;
                    session.set_back(now);
                    self.put(&session)?;
                    count += 1;
                }
            }
        }
        Ok(count
            + self.remove_ahead::<Ceremony>(Table::CeremoniesByExpiry, now.after(ceremony::LIFETIME), limit)?
            + self.remove_ahead::<Registration>(
                Table::RegistrationsByExpiry,
                now.after(registration::LIFETIME),
                limit,
            )?
            + self.remove_ahead::<Link>(Table::LinksByExpiry, now.after(link::LIFETIME), limit)?
            + self.remove_ahead::<Recovery>(Table::RecoveriesByExpiry, now.after(recovery::LIFETIME), limit)?
            + self.remove_ahead::<Move>(Table::MovesByExpiry, now.after(address::UNDO), limit)?
            + self.remove_ahead::<AdminCode>(Table::AdminCodesByExpiry, now.after(admin_code::LIFETIME), limit)?
            + self.remove_ahead::<Bookmark>(Table::BookmarksByExpiry, now.after(bookmark::LIFETIME), limit)?)
    }

    /// Removes the rows that an index by time names after `last`, but for the leeway.
    fn remove_ahead<R: Row>(&mut self, index: Table, last: Timestamp, limit: usize) -> Result<usize, RedbFault> {
        let keys = self.keys_ahead(index, last, limit)?;
        self.discard::<R>(keys)
    }

    /// The rows that an index by time names after `time`, but for the leeway.
    fn keys_ahead(&mut self, index: Table, time: Timestamp, limit: usize) -> Result<Vec<Vec<u8>>, RedbFault> {
        // No key indexed so is as long as this one.
        let first = at(time.after(LEEWAY), &[0xff; 33]);
        let keys = self.keys(index, first..=end_of(Timestamp::from_unix(u64::MAX)), limit)?;
        Ok(keys.iter().map(|key| after_time(key).to_vec()).collect())
    }

    /// Removes the rows that an index by time names first, up to the key `last`: also what cannot be read, which would
    /// hold up the rest for ever.
    fn remove_first<R: Row>(&mut self, index: Table, last: Option<Vec<u8>>, limit: usize) -> Result<usize, RedbFault> {
        let Some(last) = last else { return Ok(0) };
        let keys = self.keys(index, at(Timestamp::from_unix(0), &[])..=last, limit)?;
        self.discard::<R>(keys.iter().map(|key| after_time(key).to_vec()))
    }
}

/// The last key that an index by time may have before `time`.
fn end_before(time: Timestamp) -> Option<Vec<u8>> {
    time.unix().checked_sub(1).map(|unix| end_of(Timestamp::from_unix(unix)))
}
