//! The schema of the database: numbered steps, each made once and by one at a time.

use std::time::Duration;

use tokio::time::timeout;

use super::fault::{PostgresFault, refusal};
use super::pool::PooledConnection;
use super::target::PostgresTarget;
use crate::store::StoreError;

/// The steps, in order: the first one is number 1.
const STEPS: [&str; 1] = [include_str!("migrations/0001.sql")];

/// The step that this program needs, and the last one that it knows.
pub(super) const NEEDED: i32 = STEPS.len() as i32;

/// The version of records that this program reads, and writes: one step ahead of what is written it refuses to run.
pub(super) const READS: i32 = 1;

/// How long all steps together may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a step is tried that another program is in the way of.
const TRIES: u32 = 10;

/// One at a time, in each schema of a database.
const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtext('bmauth migrate'), hashtext(current_schema()))";
const IS_THERE: &str = "SELECT to_regclass('gateway') IS NOT NULL";
const STANDS_AT: &str = "SELECT schema, oldest FROM gateway";
const DEMANDS: &str = "SELECT oldest, writes FROM gateway";
/// Gateways that run look whether they are too old now.
const TELL: &str = "INSERT INTO changes (origin, kind, subject) VALUES (gen_random_uuid(), 'version', '')";

/// What a migration came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The step the schema was at; 0 where there was none.
    pub from: i32,
    /// The step it is at.
    pub to: i32,
}

/// Makes the steps that have not been made.
///
/// # Errors
/// The database cannot be reached, a step fails (it leaves nothing behind), or a newer bmauth has been here.
pub async fn migrate(target: &PostgresTarget) -> Result<Migrated, StoreError> {
    let connecting = target.connecting()?;
    let made = async {
        let connection = PooledConnection::open(&connecting).await?;
        // What reads and writes meanwhile is not kept waiting behind a step for longer than this.
        connection.run("SET lock_timeout = '2s'; SET statement_timeout = 0").await?;
        let mut from = None;
        loop {
            let stands_at = step(&connection).await?;
            let first = *from.get_or_insert(stands_at.0);
            if stands_at.0 == stands_at.1 {
                return Ok(fits(&connection).await.map(|()| Migrated { from: first, to: stands_at.1 }));
            }
        }
    };
    match timeout(PATIENCE, made).await {
        Ok(Ok(fits)) => fits,
        Ok(Err(fault)) => Err(PostgresFault::during(fault, "its schema could not be brought up to date")),
        Err(_) => Err(PostgresFault::Deadline.during("its schema could not be brought up to date")),
    }
}

/// Makes the next step, where there is one: from where to where.
async fn step(connection: &PooledConnection) -> Result<(i32, i32), PostgresFault> {
    let mut tries = 0;
    loop {
        let made = try_step(connection).await;
        match made {
            Err(PostgresFault::Met(_)) if tries < TRIES => {
                tries += 1;
                connection.run("ROLLBACK").await?;
            }
            made => return made,
        }
    }
}

async fn try_step(connection: &PooledConnection) -> Result<(i32, i32), PostgresFault> {
    connection.run("BEGIN").await?;
    connection.rows(ALONE, &[]).await?;
    let (at, _) = stands_at(connection).await?.unwrap_or((0, 0));
    let next = usize::try_from(at).ok().and_then(|at| STEPS.get(at));
    let Some(next) = next else {
        connection.run("ROLLBACK").await?;
        return Ok((at, at));
    };
    connection.run(next).await?;
    let to = at + 1;
    connection.change("UPDATE gateway SET schema = $1", &[&to]).await?;
    connection.change(TELL, &[]).await?;
    connection.run("COMMIT").await?;
    Ok((at, to))
}

/// The step that the schema is at, and the one that a program has to know; `None` where there is no schema.
async fn stands_at(connection: &PooledConnection) -> Result<Option<(i32, i32)>, PostgresFault> {
    let is_there = connection.row(IS_THERE, &[]).await?.is_some_and(|row| row.get(0));
    if !is_there {
        return Ok(None);
    }
    Ok(connection.row(STANDS_AT, &[]).await?.map(|row| (row.get(0), row.get(1))))
}

/// Whether this program can use the database as it is.
///
/// # Errors
/// A sentence that says what to do.
pub(super) async fn fits(connection: &PooledConnection) -> Result<(), StoreError> {
    let during = |fault: PostgresFault| fault.during("the database could not be looked at");
    let (schema, _) = stands_at(connection).await.map_err(during)?.ok_or_else(|| behind(Behind::Empty))?;
    if schema < NEEDED {
        return Err(behind(Behind::Older));
    }
    match is_young_enough(connection).await {
        Err(PostgresFault::TooOld) => Err(refusal(PostgresFault::TooOld.to_string())),
        fits => fits.map_err(during),
    }
}

/// Whether this program may go on with the database.
///
/// # Errors
/// [`PostgresFault::TooOld`].
pub(super) async fn is_young_enough(connection: &PooledConnection) -> Result<(), PostgresFault> {
    let demands = connection.row(DEMANDS, &[]).await?;
    let is_too_old = demands.is_some_and(|row| is_too_old(row.get(0), row.get(1)));
    if is_too_old { Err(PostgresFault::TooOld) } else { Ok(()) }
}

/// Whether this program is too old for a database that demands that migration to be known, and has records of that
/// version.
pub(super) const fn is_too_old(oldest: i32, writes: i32) -> bool {
    oldest > NEEDED || writes > READS
}

/// Its tables are not what this program needs, and can be made so.
#[derive(Debug, thiserror::Error)]
pub(super) enum Behind {
    /// There are no tables yet.
    #[error("it has no tables yet: run bmauth migrate, or set storage.migrate = true")]
    Empty,
    /// An older bmauth made them.
    #[error("they were made by an older bmauth: run bmauth migrate, or set storage.migrate = true")]
    Older,
}

fn behind(behind: Behind) -> StoreError {
    StoreError { problem: "the tables of the database are not up to date".to_owned(), source: Some(Box::new(behind)) }
}
