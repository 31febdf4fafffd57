//! The gateways of a database: each writes down that it runs and what it has heard, so that others can wait for it; and
//! what one of them does for all.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Row as PgRow;

use super::fault::PostgresFault;
use super::migrate::{self, NEEDED, READS};
use super::pool::{Parameters, PooledConnection};
use super::{DEADLINE, Inner};
use crate::store::InForce;

/// How often a gateway writes itself down that has heard nothing.
const EVERY: Duration = Duration::from_secs(5);
/// How often at most, however much it hears.
const AT_MOST_EVERY: Duration = Duration::from_millis(250);
/// How often those that are waited for are looked at, and told to look.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// By how much a gateway that hears nothing may go on for longer than it is to: until it notices, and between two
/// looks.
const NOTICING: Duration = Duration::from_secs(10);

/// The lease of sweeping.
pub(super) const SWEEPING: &str = "sweeping";

const WRITE_DOWN: &str = "INSERT INTO nodes (id, name, program, schema, reads, applied, until) \
                          VALUES ($1, $2, $3, $4, $5, $6::text::xid8, \
                          clock_timestamp() + make_interval(secs => $7)) \
                          ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(), until = excluded.until, \
                          applied = excluded.applied \
                          RETURNING (SELECT oldest FROM gateway), (SELECT writes FROM gateway), \
                          (SELECT count(*) FROM nodes \
                           WHERE id <> $1 AND seen_at > clock_timestamp() - interval '15 seconds') + 1";
const NEXT_TRANSACTION: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text";
// One that does not write any more may not reach the database, and yet go on.
const OTHERS: &str = "SELECT name, applied >= $2::text::xid8 FROM nodes \
                      WHERE id <> $1 AND until > clock_timestamp() ORDER BY name";
const FORGET: &str = "WITH lease AS (DELETE FROM leases WHERE holder = $1) DELETE FROM nodes WHERE id = $1";
const DROP_LEASE: &str = "DELETE FROM leases WHERE name = $1 AND holder = $2";
const TAKE_LEASE: &str = "INSERT INTO leases AS lease (name, holder, until) \
                          VALUES ($1, $2, clock_timestamp() + interval '150 seconds') \
                          ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
                          WHERE lease.until < clock_timestamp() OR lease.holder = excluded.holder \
                          RETURNING 1";

/// When this gateway wrote itself down, and whether it has heard something since.
#[derive(Debug, Default)]
pub(super) struct WrittenDown {
    at: Option<Instant>,
    has_heard: bool,
}

impl WrittenDown {
    /// It has heard something, or was told to look: others may wait for what it makes of that.
    pub(super) const fn has_heard(&mut self) {
        self.has_heard = true;
    }

    fn is_due(&self) -> bool {
        let after = if self.has_heard { AT_MOST_EVERY } else { EVERY };
        self.at.is_none_or(|at| at.elapsed() >= after)
    }

    /// Writes down, where that is due, that all that was told before the transaction `applied` is in force here.
    ///
    /// Where it cannot be written (no room, a lock), nothing depends on it but that others wait in vain.
    ///
    /// # Errors
    /// [`PostgresFault::TooOld`] where a newer program has made the database its own meanwhile; the connection is of no
    /// use.
    pub(super) async fn now(
        &mut self,
        inner: &Inner,
        on: &PooledConnection,
        applied: &str,
    ) -> Result<(), PostgresFault> {
        if !self.is_due() {
            return Ok(());
        }
        let (program, until) = (env!("CARGO_PKG_VERSION"), (inner.grace + NOTICING).as_secs_f64());
        let parameters: Parameters<'_> = &[&inner.origin, &inner.name, &program, &NEEDED, &READS, &applied, &until];
        let written = on.row(WRITE_DOWN, parameters).await;
        *self = Self { at: Some(Instant::now()), has_heard: false };
        let row = match written {
            Err(fault) if fault.leaves_the_connection() => {
                tracing::debug!(why = fault.described(), "that this gateway runs was not written down");
                return Ok(());
            }
            row => row?,
        };
        let Some(row) = row else { return Ok(()) };
        inner.counts.set_nodes(row.get(2));
        // An update from a migration may have come with it: then no row may be as this program takes it to be.
        if migrate::is_too_old(row.get(0), row.get(1)) { Err(PostgresFault::TooOld) } else { Ok(()) }
    }
}

impl Inner {
    /// Waits until what was committed before is in force at every gateway that runs, for at most `patience`.
    pub(super) async fn in_force(&self, patience: Duration) -> Result<InForce, PostgresFault> {
        let until = Instant::now() + patience;
        let next = self.rows_until(Instant::now() + DEADLINE, NEXT_TRANSACTION, &[]).await?;
        let next: String = next.first().map(|row| row.get(0)).unwrap_or_default();
        loop {
            let others = self.rows_until(Instant::now() + DEADLINE, OTHERS, &[&self.origin, &next]).await?;
            let waited_for: Vec<_> = others.iter().filter(|row| !row.get::<_, bool>(1)).map(name).collect();
            // This gateway knows what it was told itself.
            if waited_for.is_empty() || Instant::now() >= until {
                return Ok(InForce { gateways: others.len() + 1, waited_for });
            }
            self.news.notify_one();
            sleep(LOOK_EVERY).await;
        }
    }

    /// Says that this gateway runs no more.
    pub(super) async fn leave(&self) -> Result<(), PostgresFault> {
        self.rows_until(Instant::now() + DEADLINE, FORGET, &[&self.origin]).await.map(drop)
    }

    /// Leaves what the lease is for to others.
    pub(super) async fn drop_lease(&self, lease: &str) -> Result<(), PostgresFault> {
        self.rows_until(Instant::now() + DEADLINE, DROP_LEASE, &[&lease, &self.origin]).await.map(drop)
    }

    /// Whether this gateway is the one that does what the lease is for, now and for a while.
    pub(super) async fn has_lease(&self, lease: &str) -> Result<bool, PostgresFault> {
        let taken = self.rows_until(Instant::now() + DEADLINE, TAKE_LEASE, &[&lease, &self.origin]).await?;
        Ok(!taken.is_empty())
    }
}

fn name(row: &PgRow) -> String {
    row.get(0)
}

/// What a gateway is called among those of its database: its host, and its process there.
pub(super) fn own_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}", std::process::id())
}
