//! Opening the database file: who may read it, who has it, and which bmauth wrote it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use ::redb::backends::FileBackend;
use ::redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase as _, ReadableTable as _, StorageError, TableError,
};
use tempfile::NamedTempFile;

use super::fault::{RedbFault, refusal};
use super::panics::catch_panic;
use super::view::definition;
use crate::store::StoreError;
use crate::store::records::table::{SCHEMA, Table};

/// The arrangement of tables that this bmauth reads and writes. A changed record is no new schema: records have their
/// own versions.
///
/// Version 2 has links, recoveries, holds and events beside what version 1 has. Version 3 has operators' codes, too.
/// Version 4 has the tokens of sessions of the API, bookmarks, invitations, and recoveries by their address. Recoveries
/// from before are not found by their address: none of them is of the API, and they last half an hour.
pub(super) const VERSION: u32 = 4;
/// How much of the file is kept in memory, in bytes. The kernel keeps what it has room for besides: each session is
/// read once and is in memory from then on.
const CACHE: usize = 32 << 20;

/// Up to how many bytes a file is looked through for damage whenever it is opened. That takes a few tenths of a second;
/// of what is larger, damage is found when it is met.
pub(super) const LOOKED_THROUGH: u64 = 64 << 20;
/// How often it is tried to open or make a file that another process makes at the same time.
const RACES: usize = 8;
/// How often a file is tried that another process has, and how long after each try.
const TRIES_OF_A_LOCK: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(25);

/// Which file a store is in, to open it again.
#[derive(Clone, Debug)]
pub(super) struct FilePlace {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Opens a file, trying for half a second where `is_in_use` says that another process has it. The system takes a moment
/// to release the locks of a process that was killed, and of one that was being started while the file was open.
///
/// # Errors
/// Those of `open`.
pub(super) fn once_free<T, E>(is_in_use: impl Fn(&E) -> bool, open: impl Fn() -> Result<T, E>) -> Result<T, E> {
    for _ in 1..TRIES_OF_A_LOCK {
        match open() {
            Err(error) if is_in_use(&error) => sleep(BETWEEN_TRIES),
            opened => return opened,
        }
    }
    open()
}

/// Opens the file, or makes it, and checks that it is ours. One of up to `looked_through` bytes is looked through.
///
/// # Errors
/// One sentence for the operator.
pub(super) fn open(path: &Path, looked_through: u64) -> Result<(Database, FilePlace), StoreError> {
    let path = &followed(path);
    let directory = folder(path)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| failed("making the directory of", path, error))?;
    for _ in 0..RACES {
        let made = match open_private(path)? {
            Some(file) => {
                let place = FilePlace::of(path, &file)?;
                return Ok((of_file(file, path, looked_through)?, place));
            }
            None => make(path, directory)?,
        };
        if let Some((database, place)) = made {
            return Ok((database, place));
        }
    }
    Err(refusal(format!("“{}” comes and goes; no other program may create or remove it", path.display())))
}

impl FilePlace {
    fn of(path: &Path, file: &File) -> Result<Self, StoreError> {
        let metadata = file.metadata().map_err(|error| failed("looking at", path, error))?;
        Ok(Self { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() })
    }

    fn is_of(&self, metadata: &Metadata) -> bool {
        (metadata.dev(), metadata.ino()) == (self.device, self.inode)
    }

    /// Opens the same file again.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub(super) fn open_again(&self) -> Result<Database, StoreError> {
        let path = &self.path;
        let file = open_private(path)?.filter(|file| file.metadata().is_ok_and(|metadata| self.is_of(&metadata)));
        // Those who are signed in here are not in another one.
        let file = file.ok_or_else(|| {
            refusal(format!("“{}” is gone, or another file than it was; restart bmauth", path.display()))
        })?;
        of_file(file, path, 0)
    }
}

pub(super) fn failed(doing: &str, path: &Path, error: std::io::Error) -> StoreError {
    StoreError { problem: format!("{doing} “{}” failed: {error}", path.display()), source: Some(Box::new(error)) }
}

/// The file that a symbolic link leads to, also one that is not there yet: the link stays what it is.
pub(super) fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..RACES {
        let Ok(to) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| to.clone(), |parent| parent.join(&to));
    }
    path
}

/// A file that is there, as a database of ours.
pub(super) fn of_file(file: File, path: &Path, looked_through: u64) -> Result<Database, StoreError> {
    let mut head = [0; 10];
    let length = file.metadata().map_err(|error| failed("looking at", path, error))?.len();
    if length == 0 {
        return Err(refusal(format!(
            "“{}” is empty: if it is meant to become a new store, delete it; if not, put back a copy of it that is whole",
            path.display()
        )));
    }
    let was_closed = file.read_exact_at(&mut head, 0).is_ok() && head[9] & NOT_CLOSED == 0;
    let looks_through = length <= looked_through;
    let opened = catch_panic(|| {
        let mut builder = builder(path, !looks_through);
        builder.set_check_integrity_on_open(looks_through);
        let database = FileBackend::new(file).and_then(|backend| builder.create_with_backend(backend));
        // A file that another bmauth has open is not closed either, and that is no fault.
        if looks_through && !was_closed && !database.as_ref().is_err_and(is_in_use) {
            tell_not_closed(path);
        }
        let database = database.map_err(|error| Opening::Told(explain(path, error)))?;
        check_schema(&database, path).map_err(Opening::Told)?;
        check_ends(&database)?;
        Ok(database)
    });
    opened.map_err(|opening| match opening {
        Opening::Told(error) => error,
        Opening::Failed(fault) if fault.is_damage() => fault.during(&damaged(path)),
        Opening::Failed(fault) => fault.during(&format!("“{}” could not be read", path.display())),
    })
}

/// Set in the tenth byte of a redb file while it is open to be written.
const NOT_CLOSED: u8 = 2;

/// Why a file does not open.
enum Opening {
    /// In the words for the operator.
    Told(StoreError),
    /// These are still to be found.
    Failed(RedbFault),
}

impl From<RedbFault> for Opening {
    fn from(fault: RedbFault) -> Self {
        Self::Failed(fault)
    }
}

fn damaged(path: &Path) -> String {
    format!("“{}” is damaged; put back a copy of it that is whole", path.display())
}

fn tell_not_closed(path: &Path) {
    tracing::warn!(path = %path.display(), "the store was not closed in order, so it is checked");
}

fn builder(path: &Path, tells: bool) -> Builder {
    let mut builder = Builder::new();
    let path = path.to_owned();
    let told = std::cell::Cell::new(!tells);
    builder.set_cache_size(CACHE).set_repair_callback(move |_| {
        if !told.replace(true) {
            tell_not_closed(&path);
        }
    });
    builder
}

/// Opens a file that is there, so that only its owner can read it from then on.
fn open_private(path: &Path) -> Result<Option<File>, StoreError> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("opening", path, error)),
    };
    let mode = file.metadata().map_err(|error| failed("looking at", path, error))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others than its owner could read the store; now they cannot");
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(|error| failed("closing to others", path, error))?;
    }
    Ok(Some(file))
}

/// Makes a new store; `None` where another process has made one of that name meanwhile.
fn make(path: &Path, directory: &Path) -> Result<Option<(Database, FilePlace)>, StoreError> {
    let new = New::beside(path, directory)?;
    let place = FilePlace::of(path, new.file.as_file())?;
    let database = new.database()?;
    Ok(new.give_its_name()?.then_some((database, place)))
}

/// A store in the making. It has its name only once it is whole, so that none is left half made: where this ends early
/// it is gone. Its owner alone can read it.
#[derive(Debug)]
pub(super) struct New {
    file: NamedTempFile,
    path: PathBuf,
    directory: PathBuf,
}

impl New {
    /// One that is to be at `path`, whose folder is there.
    pub(super) fn at(path: &Path) -> Result<Self, StoreError> {
        let path = followed(path);
        Self::beside(&path, folder(&path)?)
    }

    fn beside(path: &Path, directory: &Path) -> Result<Self, StoreError> {
        let new = tempfile::Builder::new().prefix(".bmauth-").suffix(".new").tempfile_in(directory);
        let file = new.map_err(|error| failed("making", path, error))?;
        Ok(Self { file, path: path.to_owned(), directory: directory.to_owned() })
    }

    /// Where it is to be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it is now.
    pub(super) fn file(&self) -> Result<File, StoreError> {
        self.file.as_file().try_clone().map_err(|error| failed("making", &self.path, error))
    }

    /// An empty store in it.
    pub(super) fn database(&self) -> Result<Database, StoreError> {
        let (file, path) = (self.file()?, &self.path);
        let made = catch_panic(|| {
            let database = FileBackend::new(file).and_then(|backend| builder(path, false).create_with_backend(backend));
            let database = database.map_err(|error| Opening::Told(explain(path, error)))?;
            set_up(&database)?;
            Ok(database)
        });
        made.map_err(|opening| match opening {
            Opening::Told(error) => error,
            Opening::Failed(fault) => fault.during(&format!("“{}” could not be set up", path.display())),
        })
    }

    /// Gives it its name, for good; `false` where something has that name.
    pub(super) fn give_its_name(self) -> Result<bool, StoreError> {
        let Self { file, path, directory } = self;
        match file.persist_noclobber(&path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(failed("making", &path, error.error)),
        }
        keep_names(&path, &directory).map(|()| true)
    }

    /// Gives it its name in place of the file that has it, which is called `kept` from then on. At no moment is there
    /// none of that name.
    pub(super) fn take_the_place(self, kept: &Path) -> Result<(), StoreError> {
        let Self { file, path, directory } = self;
        fs::hard_link(&path, kept).map_err(|error| {
            if error.kind() != ErrorKind::AlreadyExists {
                return failed("keeping what was there as", kept, error);
            }
            refusal(format!(
                "“{}” is there already, of an earlier restore: look whether it is still needed, and move it away",
                kept.display()
            ))
        })?;
        file.persist(&path).map_err(|error| failed("replacing", &path, error.error))?;
        keep_names(&path, &directory)
    }
}

/// A new name survives a loss of power only once its directory has been written.
fn keep_names(path: &Path, directory: &Path) -> Result<(), StoreError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| failed("writing the directory of", path, error))
}

/// The folder of a file.
fn folder(path: &Path) -> Result<&Path, StoreError> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(parent) => Ok(parent),
        None => Err(refusal(format!("“{}” is no name for a file; set [storage] path to one", path.display()))),
    }
}

/// Opens a store that is there.
///
/// # Errors
/// One sentence for the operator.
pub(super) fn open_existing(path: &Path) -> Result<Database, StoreError> {
    let file = open_private(path)?.ok_or_else(|| refusal(format!("there is no store at “{}”", path.display())))?;
    of_file(file, path, LOOKED_THROUGH)
}

/// Looks at the ends of each table, so that damage is said at the start where it is met at the start.
fn check_ends(database: &Database) -> Result<(), RedbFault> {
    let snapshot = database.begin_read()?;
    for table in Table::ALL {
        let table = snapshot.open_table(definition(table))?;
        for end in [table.first()?, table.last()?] {
            end.map(|(key, value)| (key.value().len(), value.value().len()));
        }
    }
    Ok(())
}

const fn is_in_use(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a library's errors, most of which are told alike")]
fn explain(path: &Path, error: DatabaseError) -> StoreError {
    let damaged = damaged(path);
    let path = path.display();
    let problem = match &error {
        // `RedbStore::is_in_use` knows it by its source.
        _ if is_in_use(&error) => {
            format!("another bmauth is using “{path}”; stop it, or give this one another [storage] path")
        }
        DatabaseError::UpgradeRequired(_) => format!("“{path}” was written by something older than any bmauth"),
        DatabaseError::Storage(StorageError::Io(io)) if io.kind() == ErrorKind::InvalidData => {
            format!(
                "“{path}” is not a store of bmauth, or is damaged; put back a copy of it that is whole, or set [storage] \
                 path to a store, or to a file that is not there yet"
            )
        }
        DatabaseError::Storage(StorageError::Io(io)) if io.kind() == ErrorKind::UnexpectedEof => damaged,
        DatabaseError::Storage(StorageError::Corrupted(_)) => damaged,
        _ => format!("opening “{path}” failed: {error}"),
    };
    StoreError { problem, source: Some(Box::new(error)) }
}

/// Checks who wrote the file; a new or older one is given the tables it lacks.
fn check_schema(database: &Database, path: &Path) -> Result<(), StoreError> {
    let failed = |fault: RedbFault| {
        if fault.is_damage() {
            return fault.during(&damaged(path));
        }
        fault.during(&format!("“{}” could not be read", path.display()))
    };
    match found_schema(database).map_err(failed)? {
        FoundFile::Nothing | FoundFile::Version(1..VERSION) => {
            set_up(database).map_err(|fault| fault.during(&format!("“{}” could not be set up", path.display())))
        }
        FoundFile::Version(VERSION) => Ok(()),
        FoundFile::Version(version) => Err(refusal(format!(
            "“{}” has version {version}, and this bmauth knows version {VERSION}; run the bmauth that wrote it, or a \
             newer one",
            path.display()
        ))),
        FoundFile::SomethingElse => Err(refusal(format!(
            "“{}” is a database of another program; set [storage] path to a file that is not there yet",
            path.display()
        ))),
    }
}

enum FoundFile {
    Nothing,
    Version(u32),
    SomethingElse,
}

fn found_schema(database: &Database) -> Result<FoundFile, RedbFault> {
    let snapshot = database.begin_read()?;
    let meta = match snapshot.open_table(definition(Table::Meta)) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) if snapshot.list_tables()?.next().is_none() => {
            return Ok(FoundFile::Nothing);
        }
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Ok(FoundFile::SomethingElse),
    };
    let version = meta.get(SCHEMA)?.and_then(|version| version.value().try_into().ok());
    Ok(version.map_or(FoundFile::SomethingElse, |version| FoundFile::Version(u32::from_be_bytes(version))))
}

/// Makes the tables that are not there yet, and says so.
fn set_up(database: &Database) -> Result<(), RedbFault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    for table in Table::ALL {
        transaction.open_table(definition(table))?;
    }
    transaction.open_table(definition(Table::Meta))?.insert(SCHEMA, VERSION.to_be_bytes().as_slice())?;
    transaction.commit()?;
    Ok(())
}
