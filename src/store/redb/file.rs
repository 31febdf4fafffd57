//! Opening the database file: who may read it, who has it, and which bmauth wrote it.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, DatabaseError, Durability, ReadableDatabase as _, StorageError, TableError};

use super::fault::{Fault, refusal};
use super::table::{SCHEMA, Table};
use crate::store::StoreError;

/// The arrangement of tables that this bmauth reads and writes. A changed record is no new schema: records have their
/// own versions.
///
/// Version 2 has links, recoveries, holds and events beside what version 1 has; version 3 has operators' codes, too, and
/// version 4 the tokens of sessions of the API.
pub(super) const VERSION: u32 = 4;
/// How much of the file is kept in memory, in bytes. The kernel keeps what it has room for besides: each session is read
/// once and is in memory from then on.
const CACHE: usize = 32 << 20;

/// Opens the file, or makes it, and checks that it is ours.
///
/// # Errors
/// One sentence for the operator.
pub(super) fn open(path: &Path) -> Result<Database, StoreError> {
    let file = open_private(path)?;
    let database = FileBackend::new(file)
        .and_then(|backend| builder(path).create_with_backend(backend))
        .map_err(|error| explain(path, error))?;
    check_schema(&database, path)?;
    Ok(database)
}

fn builder(path: &Path) -> Builder {
    let mut builder = Builder::new();
    let path = path.to_owned();
    let told = std::cell::Cell::new(false);
    builder.set_cache_size(CACHE).set_repair_callback(move |_| {
        if !told.replace(true) {
            tracing::warn!(path = %path.display(), "the store was not closed in order; checking it");
        }
    });
    builder
}

/// Opens a file that only its owner can read, in a directory that exists from then on.
fn open_private(path: &Path) -> Result<File, StoreError> {
    let failed = |doing: &str, error: std::io::Error| StoreError {
        problem: format!("{doing} “{}” failed: {error}", path.display()),
        source: Some(Box::new(error)),
    };
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(refusal(format!("“{}” is no name for a file; set [storage] path to one", path.display()))),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| failed("making the directory of", error))?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed("opening", error))?;
    let mode = file.metadata().map_err(|error| failed("looking at", error))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others than its owner could read the store; now they cannot");
        file.set_permissions(Permissions::from_mode(0o600)).map_err(|error| failed("closing to others", error))?;
    }
    // A new file survives a loss of power only once its directory has been written.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| failed("writing the directory of", error))?;
    Ok(file)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a library's errors, most of which are told alike")]
fn explain(path: &Path, error: DatabaseError) -> StoreError {
    let path = path.display();
    let problem = match &error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            format!("another bmauth is using “{path}”; stop it, or give this one another [storage] path")
        }
        DatabaseError::UpgradeRequired(_) => format!("“{path}” was written by something older than any bmauth"),
        DatabaseError::Storage(StorageError::Io(io)) if io.kind() == std::io::ErrorKind::InvalidData => {
            format!("“{path}” is not a store of bmauth; set [storage] path to one, or to a file that is not there yet")
        }
        DatabaseError::Storage(StorageError::Corrupted(_)) => {
            format!("“{path}” is damaged; put back a copy of it that is whole")
        }
        _ => format!("opening “{path}” failed: {error}"),
    };
    StoreError { problem, source: Some(Box::new(error)) }
}

/// Checks who wrote the file; a new or older one is given the tables it lacks.
fn check_schema(database: &Database, path: &Path) -> Result<(), StoreError> {
    let failed = |fault: Fault| fault.during(&format!("“{}” could not be read", path.display()));
    match found_schema(database).map_err(failed)? {
        Found::Nothing | Found::Version(1..VERSION) => {
            set_up(database).map_err(|fault| fault.during(&format!("“{}” could not be set up", path.display())))
        }
        Found::Version(VERSION) => Ok(()),
        Found::Version(version) => Err(refusal(format!(
            "“{}” has version {version}, and this bmauth knows version {VERSION}; run the bmauth that wrote it, or a \
             newer one",
            path.display()
        ))),
        Found::SomethingElse => Err(refusal(format!(
            "“{}” is a database of another program; set [storage] path to a file that is not there yet",
            path.display()
        ))),
    }
}

enum Found {
    Nothing,
    Version(u32),
    SomethingElse,
}

fn found_schema(database: &Database) -> Result<Found, Fault> {
    let snapshot = database.begin_read()?;
    let meta = match snapshot.open_table(Table::Meta.definition()) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) if snapshot.list_tables()?.next().is_none() => return Ok(Found::Nothing),
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Ok(Found::SomethingElse),
    };
    let version = meta.get(SCHEMA)?.and_then(|version| version.value().try_into().ok());
    Ok(version.map_or(Found::SomethingElse, |version| Found::Version(u32::from_be_bytes(version))))
}

/// Makes the tables that are not there yet, and says so.
fn set_up(database: &Database) -> Result<(), Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    for table in Table::ALL {
        transaction.open_table(table.definition())?;
    }
    transaction.open_table(Table::Meta.definition())?.insert(SCHEMA, VERSION.to_be_bytes().as_slice())?;
    transaction.commit()?;
    Ok(())
}
