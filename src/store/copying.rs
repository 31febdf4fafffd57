//! Copies a store, from a file to a database or back, and looks whether all of it has arrived.
//!
//! Rows go over in the order of their keys, some at a time. Then both sides are read, and have to have the same rows.
//! The master secret is written last, and nothing is kept of the copy unless all of it is well.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::StoreError;
use super::contents::{Blank, Source, of_row};
use super::postgres::columns::Columns;
use super::postgres::contents::DatabaseContents;
use super::postgres::{PostgresTarget, migrate};
use super::records::kinds::kinds;
use super::redb::contents::FileContents;
use crate::domain::clock::Entropy;
use crate::domain::secret::Secret;

/// After how many rows of a kind it is told again how many there were.
const TOLD_EACH: u64 = 50_000;

/// A database as one side of a copy.
#[derive(Clone, Debug)]
pub struct CopyDatabase {
    /// Where the database is.
    pub target: PostgresTarget,
    /// The same as whom its tables are made.
    pub owner: PostgresTarget,
    /// What the gateway's own keys are wrapped with there.
    pub key: Secret,
}

/// From where to where.
#[derive(Clone, Debug)]
pub enum Copy {
    /// A file is copied to a database.
    ToDatabase(PathBuf, CopyDatabase),
    /// A database is copied to a file, which must not be there yet.
    ToFile(CopyDatabase, PathBuf),
}

/// How many rows of a kind were copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The kind: the name of its table.
    pub kind: &'static str,
    /// How many rows it has, on both sides.
    pub rows: u64,
    /// The SHA-256 of keys and rows in their order, the same on both sides.
    pub digest: [u8; 32],
}

/// What is told while it is copied: so many rows of a kind so far.
pub type CopyProgress<'a> = &'a (dyn Fn(&'static str, u64) + Sync);

/// Copies a store. No gateway may run on either side.
///
/// # Errors
/// One sentence for the operator: a side cannot be opened or is in use, the target has something already, a row cannot
/// be read or written, or has not arrived as it was. The target is as it was then, but for tables that a database
/// lacked.
pub async fn copy(
    copy: &Copy,
    entropy: Arc<dyn Entropy>,
    progress: CopyProgress<'_>,
) -> Result<Vec<Copied>, StoreError> {
    match copy {
        Copy::ToDatabase(file, CopyDatabase { target, owner, key }) => {
            let from = FileContents::existing(file)?;
            migrate(owner).await?;
            all(from, DatabaseContents::open(target, key, entropy).await?, progress).await
        }
        Copy::ToFile(CopyDatabase { target, key, .. }, file) => {
            let from = DatabaseContents::open(target, key, entropy).await?;
            all(from, FileContents::blank(file)?, progress).await
        }
    }
}

async fn all(mut from: impl Source, mut to: impl Blank, progress: CopyProgress<'_>) -> Result<Vec<Copied>, StoreError> {
    if to.own().await?.is_some() {
        return Err(refusal(
            "the target is the store of a gateway already: it has a master secret. Name one that is empty",
        ));
    }
    let Some(own) = from.own().await? else {
        return Err(refusal("the source has no master secret: no gateway has served it, or it is half of a copy"));
    };
    let mut copied = Vec::new();
    macro_rules! each {
        ($($kind:path)*) => { $(copied.push(kind::<$kind>(&mut from, &mut to, progress).await?);)* };
    }
    kinds!(each);
    to.put_own(&own).await?;
    if to.own().await?.as_ref() != Some(&own) {
        return Err(refusal("the gateway's own keys have not arrived as they were; nothing was kept of the copy"));
    }
    to.keep().await?;
    Ok(copied)
}

async fn kind<R: Columns>(
    from: &mut impl Source,
    to: &mut impl Blank,
    progress: CopyProgress<'_>,
) -> Result<Copied, StoreError> {
    let kind = R::TABLE.name();
    to.begin::<R>().await?;
    if !to.next::<R>().await?.is_empty() {
        return Err(refusal(format!("the target has {kind} already: name a store that is empty")));
    }
    let mut sent = Tally::default();
    from.begin::<R>().await?;
    to.open::<R>().await?;
    loop {
        let rows = from.next::<R>().await?;
        if rows.is_empty() {
            break;
        }
        sent.add(&rows)?;
        to.put(&rows).await?;
        if sent.rows.is_multiple_of(TOLD_EACH) {
            progress(kind, sent.rows);
        }
    }
    to.close::<R>().await?;
    let mut arrived = Tally::default();
    to.begin::<R>().await?;
    loop {
        let rows = to.next::<R>().await?;
        if rows.is_empty() {
            break;
        }
        arrived.add(&rows)?;
    }
    let (sent, arrived) = (sent.sum(kind), arrived.sum(kind));
    if sent != arrived {
        return Err(refusal(format!(
            "of “{kind}” {} rows were read, and {} have arrived{}; nothing was kept of the copy",
            sent.rows,
            arrived.rows,
            if sent.rows == arrived.rows { ", which are not the same" } else { "" }
        )));
    }
    progress(kind, sent.rows);
    Ok(sent)
}

/// What was read of a kind.
#[derive(Default)]
struct Tally {
    rows: u64,
    digest: Sha256,
}

impl Tally {
    fn add<R: Columns>(&mut self, rows: &[R]) -> Result<(), StoreError> {
        for row in rows {
            let key = row.key();
            let value = row.encode().map_err(|fault| of_row(R::TABLE, &key, &fault))?;
            for part in [key, value] {
                // Its length first: no two rows are the same bytes.
                self.digest.update(part.len().to_be_bytes());
                self.digest.update(part);
            }
            self.rows += 1;
        }
        Ok(())
    }

    fn sum(self, kind: &'static str) -> Copied {
        Copied { kind, rows: self.rows, digest: self.digest.finalize().into() }
    }
}

fn refusal(problem: impl Into<String>) -> StoreError {
    StoreError { problem: problem.into(), source: None }
}
