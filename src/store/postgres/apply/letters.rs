//! Changes of letters, counters and the gateway's own keys.

use std::time::Duration;

use super::super::values::{decode, number, time};
use super::super::wrapping::Wrapped;
use super::{PostgresCommit, PostgresStop, held};
use crate::domain::clock::Timestamp;
use crate::domain::letter::Letter;
use crate::domain::plan::{Conflict, Counter, CounterChange, KeyChange, KeyConflict, LetterChange};
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::Row as _;

const PUT_LETTER: &str = "INSERT INTO letters (id, due_at, expires_at, record) VALUES ($1, $2, $3, $4) \
                          ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, expires_at = excluded.expires_at, \
                          record = excluded.record";
const ADD_LETTER: &str = "INSERT INTO letters (id, due_at, expires_at, record) VALUES ($1, $2, $3, $4) \
                          ON CONFLICT (id) DO NOTHING";
const LETTER: &str = "SELECT record FROM letters WHERE id = $1 FOR UPDATE";
// Of several that would send it, one finds it was read.
const LETTER_DUE: &str = "SELECT record FROM letters WHERE id = $1 AND due_at = $2 FOR UPDATE";
const DROP_LETTER: &str = "DELETE FROM letters WHERE id = $1";

const COUNT: &str = "INSERT INTO counters (name, count, ends_at) SELECT $1::bytea, 1, $3::bigint WHERE $4::bigint > 0 \
                     ON CONFLICT (name) DO UPDATE SET \
                     count = CASE WHEN counters.ends_at > $2 AND counters.ends_at <= $3 THEN counters.count + 1 ELSE 1 END, \
                     ends_at = CASE WHEN counters.ends_at > $2 AND counters.ends_at <= $3 THEN counters.ends_at ELSE $3 END \
                     WHERE counters.count < $4 OR counters.ends_at <= $2 OR counters.ends_at > $3";
const ENDS_AT: &str = "SELECT ends_at FROM counters WHERE name = $1 AND ends_at > $2 AND ends_at <= $3";

const SET_MASTER: &str = "UPDATE gateway SET master = $1 WHERE master IS NULL";
const ADVANCE_KEYS: &str = "UPDATE gateway SET key_generation = $2 WHERE key_generation = $1";
const PUT_KEY: &str = "INSERT INTO signing_keys (kid, created_at, record) VALUES ($1, $2, $3) \
                       ON CONFLICT (kid) DO UPDATE SET created_at = excluded.created_at, record = excluded.record";
const DROP_KEY: &str = "DELETE FROM signing_keys WHERE kid = $1";
const NOTE_RP_ID: &str = "UPDATE gateway SET rp_id = $1 WHERE rp_id IS NULL";

impl PostgresCommit<'_> {
    pub(super) async fn make_letter(self, change: &LetterChange) -> Result<(), PostgresStop> {
        match change {
            LetterChange::Add(letter) => self.write_letter(PUT_LETTER, letter).await.map(drop),
            LetterChange::Gather { first, waits, rest } => {
                // Added before it is looked for: of two that happen at once, one adds it, and the other finds it.
                if self.write_letter(ADD_LETTER, waits).await? > 0 {
                    if first.id != waits.id {
                        self.write_letter(PUT_LETTER, first).await?;
                    }
                    return Ok(());
                }
                let waiting = self.on.row(LETTER, &[&waits.id.0]).await?;
                match waiting.map(|row| decode::<Letter>(waits.id.0.as_bytes(), &row)) {
                    Some(Ok(waiting)) if waiting.still_waits(waits.created_at) => {
                        self.write_letter(PUT_LETTER, &waiting.telling(rest.clone())).await?;
                    }
                    Some(Ok(_)) => {
                        self.write_letter(PUT_LETTER, first).await?;
                    }
                    // What cannot be read tells of nothing any more.
                    Some(Err(RecordFault::Unreadable { .. })) | None => {
                        self.write_letter(PUT_LETTER, first).await?;
                        self.write_letter(PUT_LETTER, waits).await?;
                    }
                    Some(Err(fault)) => return Err(fault.into()),
                }
                Ok(())
            }
            LetterChange::Delay { id, was, due_at, failures } => {
                let letter = self.on.row(LETTER_DUE, &[&id.0, &time(*was)]).await?.ok_or(Conflict::LetterTaken)?;
                let letter: Letter = decode(id.0.as_bytes(), &letter)?;
                let later = Letter { due_at: *due_at, failures: *failures, ..letter };
                self.write_letter(PUT_LETTER, &later).await.map(drop)
            }
            LetterChange::Drop(id) => {
                self.on.change(DROP_LETTER, &[&id.0]).await?;
                Ok(())
            }
        }
    }

    async fn write_letter(self, statement: &'static str, letter: &Letter) -> Result<u64, PostgresStop> {
        let (due_at, expires_at) = (time(letter.due_at), time(letter.expires_at));
        Ok(self.on.change(statement, &[&letter.id.0, &due_at, &expires_at, &letter.encode()?]).await?)
    }

    pub(super) async fn make_counter(self, change: &CounterChange) -> Result<(), PostgresStop> {
        match change {
            CounterChange::Count { counter, limit, window, now } => self.count(*counter, *limit, *window, *now).await,
        }
    }

    async fn count(self, counter: Counter, limit: u32, window: Duration, now: Timestamp) -> Result<(), PostgresStop> {
        let (name, from, to) = (&counter.0[..], time(now), time(now.after(window)));
        let counted = self.on.change(COUNT, &[&name, &from, &to, &i64::from(limit)]).await?;
        if counted > 0 {
            return Ok(());
        }
        let ends_at = self.on.row(ENDS_AT, &[&name, &from, &to]).await?.map(|row| row.get::<_, i64>(0));
        let ends_at = ends_at.and_then(|at| u64::try_from(at).ok()).map(Timestamp::from_unix);
        let wait = ends_at.unwrap_or(now.after(window)).since(now);
        Err(Conflict::Limit { counter, wait }.into())
    }

    pub(super) async fn make_key(self, change: &KeyChange) -> Result<(), PostgresStop> {
        match change {
            KeyChange::SetMaster(master) => {
                let wrapped = self.wrapping.wrap(Wrapped::Master, master.bytes())?;
                held(self.on.change(SET_MASTER, &[&wrapped]).await?, KeyConflict::MasterExists)
            }
            KeyChange::Advance { was } => {
                let (was, is) = (number(*was), number(was.saturating_add(1)));
                held(self.on.change(ADVANCE_KEYS, &[&was, &is]).await?, KeyConflict::Changed)
            }
            KeyChange::Put(key) => {
                let wrapped = self.wrapping.wrap(Wrapped::SigningKey(&key.kid), &key.encode()?)?;
                self.on.change(PUT_KEY, &[&key.kid, &time(key.created_at), &wrapped]).await?;
                Ok(())
            }
            KeyChange::Drop(kid) => {
                self.on.change(DROP_KEY, &[kid]).await?;
                Ok(())
            }
            KeyChange::NoteRpId(rp_id) => {
                self.on.change(NOTE_RP_ID, &[&rp_id.as_str()]).await?;
                Ok(())
            }
        }
    }
}
