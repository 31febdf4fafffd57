//! Removing what has expired, and setting back what is from the future.
//!
//! One gateway does it for all, by a lease. Several may do it at once all the same: rows that another is at are passed
//! over.

use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row as PgRow;

use super::apply::put_session;
use super::fault::PostgresFault;
use super::nodes::SWEEPING;
use super::pool::{Parameters, PooledConnection};
use super::values::{limit as at_most, session, time};
use super::{DEADLINE, Inner};
use crate::counts::store::Operation;
use crate::domain::clock::{LEEWAY, Timestamp};
use crate::domain::session::Session;
use crate::domain::{address, admin_code, bookmark, ceremony, link, recovery, registration};

/// Deletes the first rows of a table, by its key, whose time compares like that with `$1`.
macro_rules! delete {
    ($table:literal, $key:literal, $time:literal $compared:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $time,
            $compared,
            " ORDER BY ",
            $time,
            " LIMIT $2 FOR UPDATE SKIP LOCKED)"
        )
    };
}

/// How often a sweep looks at as many sessions as it may end.
const LOOKS: usize = 100;

/// What has expired, but for sessions.
const OVER: [&str; 11] = [
    delete!("ceremonies", "id", "expires_at" "<= $1"),
    delete!("registrations", "browser", "expires_at" "<= $1"),
    delete!("links", "id", "expires_at" "<= $1"),
    delete!("recoveries", "browser", "expires_at" "<= $1"),
    delete!("holds", "account", "expires_at" "<= $1"),
    delete!("moves", "account", "expires_at" "<= $1"),
    delete!("admin_codes", "account", "expires_at" "<= $1"),
    delete!("bookmarks", "name", "expires_at" "<= $1"),
    delete!("events", "id", "expires_at" "<= $1"),
    delete!("letters", "id", "expires_at" "<= $1"),
    delete!("counters", "name", "ends_at" "<= $1"),
];
const SESSIONS_MADE_BEFORE: &str = delete!("sessions", "token", "created_at" "< $1");
// A member of a family is idle when its head is. Those that were used since the last look are looked at again when that
// use is as long ago.
const SESSIONS_TO_LOOK_AT: &str = "SELECT token, last_seen_at < $1 FROM sessions WHERE head IS NULL AND looked_at < $1 \
                                   ORDER BY looked_at LIMIT $2 FOR UPDATE SKIP LOCKED";
const END_IDLE: &str = "DELETE FROM sessions WHERE token = ANY ($1)";
const NOTE_LOOK: &str = "UPDATE sessions SET looked_at = last_seen_at WHERE token = ANY ($1)";
/// A gateway that has not looked for so long doubts all it knows anyway.
const CHANGES_TOLD: &str = "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes \
                            WHERE at < now() - interval '1 hour' ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED)";
const NODES_GONE: &str = "DELETE FROM nodes WHERE seen_at < now() - interval '1 hour'";
const BUCKETS_FULL: &str = "DELETE FROM buckets WHERE name IN (SELECT name FROM buckets \
                            WHERE at < now() - interval '10 minutes' ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED)";

/// What would last for longer than it was to, with how long that is.
const AHEAD: [(&str, std::time::Duration); 7] = [
    (delete!("ceremonies", "id", "expires_at" "> $1"), ceremony::LIFETIME),
    (delete!("registrations", "browser", "expires_at" "> $1"), registration::LIFETIME),
    (delete!("links", "id", "expires_at" "> $1"), link::LIFETIME),
    (delete!("recoveries", "browser", "expires_at" "> $1"), recovery::LIFETIME),
    (delete!("moves", "account", "expires_at" "> $1"), address::UNDO),
    (delete!("admin_codes", "account", "expires_at" "> $1"), admin_code::LIFETIME),
    (delete!("bookmarks", "name", "expires_at" "> $1"), bookmark::LIFETIME),
];
const SESSIONS_MADE_AHEAD: &str = "SELECT token, record, last_seen_at FROM sessions \
                                   WHERE created_at > $1 OR (head IS NULL AND looked_at > $1) \
                                   LIMIT $2 FOR UPDATE SKIP LOCKED";
// No index has the last use. They are looked through a part at a time, by the first byte of their key.
const SESSIONS_USED_AHEAD: &str = "SELECT token, record, last_seen_at FROM sessions \
                                   WHERE head IS NULL AND last_seen_at > $1 \
                                   AND token >= $3 AND ($4::bytea IS NULL OR token < $4) \
                                   LIMIT $2 FOR UPDATE";
const LATEST_USE: &str = "SELECT latest_use FROM gateway WHERE latest_use > $1";
const NOTHING_IS_AHEAD: &str = "UPDATE gateway SET latest_use = $2 WHERE latest_use = $1";

impl Inner {
    /// Removes what has expired, at most `limit` of each kind. Returns how many rows that were.
    pub(super) async fn sweep(
        &self,
        now: Timestamp,
        created_before: Timestamp,
        seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, PostgresFault> {
        if !self.has_lease(SWEEPING).await? {
            return Ok(0);
        }
        let old = self.delete(SESSIONS_MADE_BEFORE, &[&time(created_before), &at_most(limit)]).await?;
        let mut count = old + self.end_idle(time(seen_before), limit.saturating_sub(old)).await?;
        for statement in OVER {
            count += self.delete(statement, &[&time(now), &at_most(limit)]).await?;
        }
        // They are none of what is counted, and there may be many more.
        for statement in [CHANGES_TOLD, BUCKETS_FULL] {
            for _ in 0..LOOKS {
                if self.delete(statement, &[&at_most(limit)]).await? < limit {
                    break;
                }
            }
        }
        self.delete(NODES_GONE, &[]).await?;
        Ok(count)
    }

    /// Sets back the sessions that were made or used after `now`, but for the leeway, and removes what would last for
    /// too long, at most `limit` of each kind. Returns how many rows that were.
    pub(super) async fn set_back(&self, now: Timestamp, limit: usize) -> Result<usize, PostgresFault> {
        if !self.has_lease(SWEEPING).await? {
            return Ok(0);
        }
        let mut count = self.set_back_sessions(now, limit).await?;
        for (statement, lifetime) in AHEAD {
            let last = time(now.after(lifetime).after(LEEWAY));
            count += self.delete(statement, &[&last, &at_most(limit)]).await?;
        }
        Ok(count)
    }

    /// Where this gateway cannot do it, another one is to try.
    pub(super) async fn or_let_others(&self, done: Result<usize, PostgresFault>) -> Result<usize, PostgresFault> {
        if done.is_err() {
            // What fails here, too, ends by itself.
            self.drop_lease(SWEEPING).await.ok();
        }
        done
    }

    /// Ends at most `limit` sessions that were last used before `seen_before`. Returns how many these were.
    async fn end_idle(&self, seen_before: i64, limit: usize) -> Result<usize, PostgresFault> {
        let mut ended = 0;
        // Of those that are looked at, many may have been used since; what is left waits for the next sweep.
        for _ in 0..LOOKS {
            let left = limit.saturating_sub(ended);
            if left == 0 {
                break;
            }
            let looked_at = self
                .tidy(async |on| {
                    let due = on.rows(SESSIONS_TO_LOOK_AT, &[&seen_before, &at_most(left)]).await?;
                    let (idle, used): (Vec<_>, Vec<_>) = due.iter().partition(|row| row.get(1));
                    let tokens = |rows: &[&PgRow]| rows.iter().map(|row| row.get(0)).collect::<Vec<Vec<u8>>>();
                    let (idle, used) = (tokens(&idle), tokens(&used));
                    if !idle.is_empty() {
                        on.change(END_IDLE, &[&idle]).await?;
                    }
                    if !used.is_empty() {
                        on.change(NOTE_LOOK, &[&used]).await?;
                    }
                    Ok((idle.len(), due.len()))
                })
                .await?;
            ended += looked_at.0;
            if looked_at.1 < left {
                break;
            }
        }
        Ok(ended)
    }

    async fn delete(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<usize, PostgresFault> {
        let rows = self.tidy(async |on| on.change(statement, parameters).await).await?;
        Ok(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    async fn set_back_sessions(&self, now: Timestamp, limit: usize) -> Result<usize, PostgresFault> {
        let ahead = time(now.after(LEEWAY));
        let mut count = self.set_back_those(now, SESSIONS_MADE_AHEAD, &[&ahead, &at_most(limit)]).await?;
        let latest = self.rows_until(Instant::now() + DEADLINE, LATEST_USE, &[&ahead]).await?;
        let Some(latest) = latest.first().map(|row| row.get::<_, i64>(0)) else { return Ok(count) };
        for part in 0..=u8::MAX {
            let (from, to) = (vec![part], part.checked_add(1).map(|next| vec![next]));
            let left = at_most(limit.saturating_sub(count));
            if left == 0 {
                return Ok(count);
            }
            count += self.set_back_those(now, SESSIONS_USED_AHEAD, &[&ahead, &left, &from, &to]).await?;
        }
        if count < limit {
            self.delete(NOTHING_IS_AHEAD, &[&latest, &time(now)]).await?;
        }
        Ok(count)
    }

    async fn set_back_those(
        &self,
        now: Timestamp,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<usize, PostgresFault> {
        self.tidy(async |on| {
            let mut count = 0;
            for row in &on.rows(statement, parameters).await? {
                // One that cannot be read is of no account.
                let Ok(mut session): Result<Session, _> = session(row) else { continue };
                session.set_back(now);
                put_session(on, &session).await?;
                count += 1;
            }
            Ok(count)
        })
        .await
    }

    /// Does something in a transaction that may be lost with the server: it is done again with the next round.
    async fn tidy<T>(
        &self,
        work: impl AsyncFnOnce(&PooledConnection) -> Result<T, PostgresFault>,
    ) -> Result<T, PostgresFault> {
        let began = Instant::now();
        let done = self.tidy_in_turn(began + DEADLINE, work).await;
        self.counts.operation(Operation::Sweep, began.elapsed(), done.is_err());
        done
    }

    async fn tidy_in_turn<T>(
        &self,
        until: Instant,
        work: impl AsyncFnOnce(&PooledConnection) -> Result<T, PostgresFault>,
    ) -> Result<T, PostgresFault> {
        let _turn = self.turn(until).await?;
        let done = timeout_at(until, async {
            let lease = self.pool.lease().await?;
            lease.run("BEGIN; SET LOCAL synchronous_commit = off").await?;
            match work(&lease).await {
                Ok(done) => {
                    lease.run("COMMIT").await?;
                    lease.give_back();
                    Ok(done)
                }
                Err(fault) => Err(fault),
            }
        });
        let done = done.await.unwrap_or(Err(PostgresFault::Deadline));
        self.note(done.as_ref().err());
        done
    }
}
