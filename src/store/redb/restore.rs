//! Puts a copy of the file in its place, without what a copy from the past must not bring back.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use ::redb::{Database, Durability, ReadableDatabase as _, ReadableTable as _};

use super::backup::count;
use super::batch::{Batch, Tables};
use super::fault::{RedbFault, refusal};
use super::file::{self, New};
use super::panics::catch_panic;
use super::view::definition;
use crate::domain::account::Account;
use crate::domain::address::Move;
use crate::domain::email::Email;
use crate::domain::invitation::Invitation;
use crate::store::records::kinds::kinds;
use crate::store::records::rows::Row;
use crate::store::records::table::{MASTER, Table};
use crate::store::{RowCount, StoreError};

/// What is added to the name of the file that was there.
const KEPT: &str = ".before-restore";

/// What ends, or was under way: it may have ended, or have been used, since the copy was written.
const ENDED: [Table; 8] = [
    Table::Sessions,
    Table::TokenFamilies,
    Table::Ceremonies,
    Table::Registrations,
    Table::Links,
    Table::Recoveries,
    Table::Holds,
    Table::AdminCodes,
];
/// By which those are found.
const INDEXES: [Table; 16] = [
    Table::SessionsByAccount,
    Table::SessionsByCreation,
    Table::SessionsByLastUse,
    Table::SessionsByHead,
    Table::RefreshTokens,
    Table::CeremoniesByExpiry,
    Table::RegistrationsByEmail,
    Table::RegistrationsByExpiry,
    Table::LinksByCode,
    Table::LinksByAccount,
    Table::LinksByExpiry,
    Table::RecoveriesByAccount,
    Table::RecoveriesByEmail,
    Table::RecoveriesByExpiry,
    Table::HoldsByExpiry,
    Table::AdminCodesByExpiry,
];

/// What is restored, and how.
#[derive(Clone, Copy, Debug)]
pub struct Restoring<'a> {
    /// The copy. It is left as it is.
    pub from: &'a Path,
    /// The file of the store.
    pub to: &'a Path,
    /// Whether a store that is there may be replaced.
    pub replace: bool,
    /// Whether people who were invited stay so.
    pub keep_invitations: bool,
}

/// A store that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What was in the copy.
    pub in_copy: Vec<RowCount>,
    /// What is in the store.
    pub in_store: Vec<RowCount>,
    /// Those of its rows that cannot be read. They are kept as they are.
    pub unreadable: Vec<RowCount>,
    /// The accounts that are disabled.
    pub disabled: Vec<Email>,
    /// Who is not invited any more.
    pub uninvited: Vec<Email>,
    /// What the file that was there is called now.
    pub kept_as: Option<PathBuf>,
}

/// Restores a store that no gateway has.
///
/// # Errors
/// The copy cannot be read or is in use, the store is in use or may not be replaced, or the disk failed: one sentence
/// for the operator. What was there is there still.
pub fn restore(restoring: Restoring<'_>) -> Result<Restored, StoreError> {
    let Restoring { from, to, replace, keep_invitations } = restoring;
    let to = &file::followed(to);
    // Held until the end: no gateway has what is there, or begins to.
    let there = locked(to)?;
    if there.is_some() && !replace {
        return Err(refusal(format!(
            "there is a store at “{}” already: say --replace to put the copy in its place. It is kept beside it",
            to.display()
        )));
    }
    if there.is_some() && same(from, to) {
        return Err(refusal(format!("“{}” is the store itself", from.display())));
    }
    let mut copy = locked(from)?.ok_or_else(|| refusal(format!("there is no file at “{}”", from.display())))?;
    let new = New::at(to)?;
    io::copy(&mut copy, &mut new.file()?).map_err(|error| file::failed("copying", from, error))?;
    drop(copy);
    // All of it is looked through: no visitor waits for a gateway that is not running.
    let database = file::of_file(new.file()?, from, u64::MAX)?;
    let made = catch_panic(|| {
        let in_copy = count(&database)?;
        if is_without_master(&database)? && in_copy.iter().any(|counted| counted.rows > 0) {
            return Ok(None);
        }
        let uninvited = remove_grants(&database, keep_invitations)?;
        let (in_store, unreadable) = (count(&database)?, unreadable(&database)?);
        let disabled = chosen(&database, |account: Account| account.disabled.then_some(account.email))?;
        Ok(Some(Restored { in_copy, in_store, unreadable, disabled, uninvited, kept_as: None }))
    });
    let failed = |fault: RedbFault| fault.during(&format!("“{}” could not be restored", from.display()));
    let restored = made.map_err(failed)?.ok_or_else(|| {
        refusal(format!("“{}” has accounts and no master secret: it is a part of a store", from.display()))
    })?;
    drop(database);
    new.file()?.sync_all().map_err(|error| file::failed("writing", to, error))?;
    let kept_as = there.is_some().then(|| {
        let mut name = OsString::from(to);
        name.push(KEPT);
        PathBuf::from(name)
    });
    match &kept_as {
        Some(kept) => new.take_the_place(kept)?,
        None if new.give_its_name()? => {}
        None => return Err(refusal(format!("“{}” was made meanwhile: is a gateway running?", to.display()))),
    }
    Ok(Restored { kept_as, ..restored })
}

/// A file that is there, and that no other process has open as a store.
fn locked(path: &Path) -> Result<Option<File>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file::failed("opening", path, error)),
    };
    match file::once_free(|error| matches!(error, TryLockError::WouldBlock), || file.try_lock()) {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(refusal(format!("a bmauth is using “{}”: stop it first", path.display()))),
        Err(TryLockError::Error(error)) => Err(file::failed("locking", path, error)),
    }
}

fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn is_without_master(database: &Database) -> Result<bool, RedbFault> {
    Ok(database.begin_read()?.open_table(definition(Table::Meta))?.get(MASTER)?.is_none())
}

/// Takes away what the past must not bring back. Returns who is not invited any more.
fn remove_grants(database: &Database, keep_invitations: bool) -> Result<Vec<Email>, RedbFault> {
    let asked = chosen(database, |moving: Move| moving.asked_for().is_some().then(|| moving.key()))?;
    let uninvited = chosen(database, |invitation: Invitation| (!keep_invitations).then_some(invitation.email))?;
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    let invitations = (!keep_invitations).then_some(Table::Invitations);
    for table in ENDED.into_iter().chain(INDEXES).chain(invitations) {
        transaction.delete_table(definition(table))?;
        transaction.open_table(definition(table))?;
    }
    let mut tables = Tables::new(&transaction);
    let mut batch = Batch::new(&mut tables);
    // One that has given its address up already stays: by it the owner undoes the change, also one that was not theirs.
    for key in asked {
        batch.remove::<Move>(&key)?;
    }
    batch.write()?;
    drop(tables);
    transaction.commit()?;
    Ok(uninvited)
}

/// What is chosen of the rows of a kind that can be read.
fn chosen<R: Row, T>(database: &Database, choose: impl Fn(R) -> Option<T>) -> Result<Vec<T>, RedbFault> {
    let mut chosen = Vec::new();
    for row in database.begin_read()?.open_table(definition(R::TABLE))?.iter()? {
        let (key, value) = row?;
        chosen.extend(R::decode(key.value(), value.value()).ok().and_then(&choose));
    }
    Ok(chosen)
}

/// How many rows of each kind cannot be read, of those kinds that have any.
fn unreadable(database: &Database) -> Result<Vec<RowCount>, RedbFault> {
    fn of<R: Row>(database: &Database) -> Result<RowCount, RedbFault> {
        let mut rows = 0;
        for row in database.begin_read()?.open_table(definition(R::TABLE))?.iter()? {
            let (key, value) = row?;
            rows += u64::from(R::decode(key.value(), value.value()).is_err());
        }
        Ok(RowCount { kind: R::TABLE.name().to_owned(), rows })
    }
    let mut all = Vec::new();
    macro_rules! each {
        ($($kind:path)*) => { $(all.push(of::<$kind>(database)?);)* };
    }
    kinds!(each);
    all.retain(|counted| counted.rows > 0);
    Ok(all)
}
