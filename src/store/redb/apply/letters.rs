//! Changes of letters, counters and the gateway's own keys.

use super::super::batch::Batch;
use super::super::fault::RedbFault;
use super::super::view::View as _;
use super::RedbStop;
use crate::domain::letter::Letter;
use crate::domain::plan::{Conflict, CounterChange, KeyChange, KeyConflict, LetterChange};
use crate::domain::signing_key::SigningKey;
use crate::store::records::CountRow;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::key_generation;
use crate::store::records::table::{KEY_GENERATION, MASTER, RP_ID, Table};

impl Batch<'_, '_> {
    pub(super) fn make_letter(&mut self, change: LetterChange) -> Result<(), RedbStop> {
        match change {
            LetterChange::Add(letter) => self.put(&letter)?,
            LetterChange::Gather { first, waits, rest } => {
                let waiting = match self.load::<Letter>(waits.id.0.as_bytes()) {
                    // What cannot be read tells of nothing any more.
                    Err(RedbFault::Record(RecordFault::Unreadable { .. })) => None,
                    waiting => waiting?,
                };
                match waiting {
                    Some(waiting) if waiting.still_waits(waits.created_at) => self.put(&waiting.telling(rest))?,
                    Some(_) => self.put(&*first)?,
                    None => {
                        self.put(&*first)?;
                        self.put(&*waits)?;
                    }
                }
            }
            LetterChange::Delay { id, was, due_at, failures } => {
                let letter = self.load::<Letter>(id.0.as_bytes())?.filter(|letter| letter.due_at == was);
                let letter = letter.ok_or(Conflict::LetterTaken)?;
                self.put(&Letter { due_at, failures, ..letter })?;
            }
            LetterChange::Drop(id) => {
                self.remove::<Letter>(id.0.as_bytes())?;
            }
        }
        Ok(())
    }

    pub(super) fn make_counter(&mut self, change: CounterChange) -> Result<(), RedbStop> {
        match change {
            CounterChange::Count { counter, limit, window, now } => {
                let running =
                    self.load::<CountRow>(&counter.0)?.filter(|count| CounterChange::runs(count.ends_at, window, now));
                let count = running.unwrap_or(CountRow { counter, count: 0, ends_at: now.after(window) });
                if count.count >= limit {
                    return Err(Conflict::Limit { counter, wait: count.ends_at.since(now) }.into());
                }
                self.put(&CountRow { count: count.count.saturating_add(1), ..count })?;
            }
        }
        Ok(())
    }

    pub(super) fn make_key(&mut self, change: KeyChange) -> Result<(), RedbStop> {
        match change {
            KeyChange::SetMaster(master) => {
                if self.get(Table::Meta, MASTER)?.is_some() {
                    return Err(KeyConflict::MasterExists.into());
                }
                self.set(Table::Meta, MASTER.to_vec(), master.bytes().to_vec());
            }
            KeyChange::Advance { was } => {
                let now = key_generation(self.get(Table::Meta, KEY_GENERATION)?.as_deref()).map_err(RedbFault::from)?;
                if now != was {
                    return Err(KeyConflict::Changed.into());
                }
                self.set(Table::Meta, KEY_GENERATION.to_vec(), was.saturating_add(1).to_be_bytes().to_vec());
            }
            KeyChange::Put(key) => self.put(&key)?,
            KeyChange::Drop(kid) => {
                self.remove::<SigningKey>(kid.as_bytes())?;
            }
            KeyChange::NoteRpId(rp_id) => {
                if self.get(Table::Meta, RP_ID)?.is_none() {
                    self.set(Table::Meta, RP_ID.to_vec(), rp_id.as_str().as_bytes().to_vec());
                }
            }
        }
        Ok(())
    }
}
