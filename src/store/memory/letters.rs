//! Changes of letters, counters and the gateway's own keys.

use super::state::{MemoryCount, MemoryState};
use crate::domain::plan::{Conflict, CounterChange, KeyChange, KeyConflict, LetterChange};

impl MemoryState {
    pub(super) fn make_letter(&mut self, change: LetterChange) -> Result<(), Conflict> {
        match change {
            LetterChange::Add(letter) => {
                self.letters.insert(letter.id, letter);
            }
            LetterChange::Gather { first, waits, rest } => match self.letters.get_mut(&waits.id) {
                Some(waiting) if waiting.still_waits(waits.created_at) => *waiting = waiting.clone().telling(rest),
                Some(_) => {
                    self.letters.insert(first.id, *first);
                }
                None => {
                    self.letters.insert(first.id, *first);
                    self.letters.insert(waits.id, *waits);
                }
            },
            LetterChange::Delay { id, was, due_at, failures } => {
                let letter = self.letters.get_mut(&id).filter(|letter| letter.due_at == was);
                let letter = letter.ok_or(Conflict::LetterTaken)?;
                letter.due_at = due_at;
                letter.failures = failures;
            }
            LetterChange::Drop(id) => {
                self.letters.remove(&id);
            }
        }
        Ok(())
    }

    pub(super) fn make_counter(&mut self, change: CounterChange) -> Result<(), Conflict> {
        match change {
            CounterChange::Count { counter, limit, window, now } => {
                let running = self
                    .counters
                    .get(&counter)
                    .copied()
                    .filter(|count| CounterChange::runs(count.ends_at, window, now));
                let count = running.unwrap_or(MemoryCount { count: 0, ends_at: now.after(window) });
                if count.count >= limit {
                    return Err(Conflict::Limit { counter, wait: count.ends_at.since(now) });
                }
                self.counters.insert(counter, MemoryCount { count: count.count + 1, ..count });
            }
        }
        Ok(())
    }

    pub(super) fn make_key(&mut self, change: KeyChange) -> Result<(), Conflict> {
        match change {
            KeyChange::SetMaster(master) => {
                if self.master.is_some() {
                    return Err(KeyConflict::MasterExists.into());
                }
                self.master = Some(master);
            }
            KeyChange::Advance { was } => {
                if self.key_generation != was {
                    return Err(KeyConflict::Changed.into());
                }
                self.key_generation = was.saturating_add(1);
            }
            KeyChange::Put(key) => {
                self.signing_keys.insert(key.kid.clone(), key);
            }
            KeyChange::Drop(kid) => {
                self.signing_keys.remove(&kid);
            }
            KeyChange::NoteRpId(rp_id) => {
                self.rp_id.get_or_insert(rp_id);
            }
        }
        Ok(())
    }
}
