//! A whole copy of the file, written while it is in use.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::{
    Database, Durability, ReadTransaction, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
};

use super::fault::{RedbFault, refusal};
use super::file::{self, New};
use super::held::HeldDatabase;
use super::panics::catch_panic;
use super::view::definition;
use crate::store::records::table::Table;
use crate::store::{RowCount, StoreError};

/// Writes what the last commit left to a new file; given up as soon as `ends`.
///
/// # Errors
/// One sentence for the operator. There is no such file then.
pub(super) fn write(held: &HeldDatabase, to: &Path, ends: &AtomicBool) -> Result<Vec<RowCount>, StoreError> {
    let taken = || refusal(format!("“{}” is there already: name a file that is not", to.display()));
    // Said before all the work, and looked at again after it.
    if to.symlink_metadata().is_ok() {
        return Err(taken());
    }
    let new = New::at(to)?;
    let database = new.database()?;
    let copied = catch_panic(|| {
        let from = held.begin_read()?;
        copy(&from, &database, ends)
    });
    let is_whole = copied.map_err(|fault| fault.during(&format!("“{}” could not be written", to.display())))?;
    if !is_whole {
        return Err(refusal("the gateway ended before the copy was whole"));
    }
    let counted = count(&database).map_err(|fault| fault.during(&format!("“{}” could not be read", to.display())))?;
    // Closed in order, and then written to the end.
    drop(database);
    new.file()?.sync_all().map_err(|error| file::failed("writing", to, error))?;
    if new.give_its_name()? { Ok(counted) } else { Err(taken()) }
}

/// Copies all tables as they are; `false` where it was given up.
fn copy(from: &ReadTransaction, to: &Database, ends: &AtomicBool) -> Result<bool, RedbFault> {
    let mut transaction = to.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    for table in Table::ALL {
        let mut copied = transaction.open_table(definition(table))?;
        for row in from.open_table(definition(table))?.iter()? {
            if ends.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let (key, value) = row?;
            copied.insert(key.value(), value.value())?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

/// How many rows of each kind there are.
pub(super) fn count(database: &Database) -> Result<Vec<RowCount>, RedbFault> {
    let snapshot = database.begin_read()?;
    let count = |table: Table| {
        let rows = snapshot.open_table(definition(table))?.len()?;
        Ok(RowCount { kind: table.name().to_owned(), rows })
    };
    Table::OF_ROWS.into_iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use ::redb::backends::InMemoryBackend;

    use super::*;

    #[test]
    fn a_copy_is_given_up_when_its_store_ends() {
        let folder = tempfile::tempdir().unwrap();
        let database = New::at(&folder.path().join("store")).unwrap().database().unwrap();
        let held = HeldDatabase::once(database);
        let to = folder.path().join("copy");
        for (ends, is_there) in [(true, false), (false, true)] {
            let written = write(&held, &to, &AtomicBool::new(ends));
            assert_eq!((written.is_ok(), to.exists()), (is_there, is_there), "{written:?}");
        }
        // What cannot be read is no copy.
        let foreign = HeldDatabase::once(Database::builder().create_with_backend(InMemoryBackend::new()).unwrap());
        let failed = write(&foreign, &folder.path().join("other"), &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(failed.contains("other”"), "{failed}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
