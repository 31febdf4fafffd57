//! The database while it is open. After a fault of the disk redb does nothing more with a file until it is opened
//! again.

use std::sync::{PoisonError, RwLock};

use ::redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};

use super::fault::RedbFault;
use super::panics::catch_panic;
use crate::store::StoreError;

/// How the database is opened again, by the same name.
type ReopenDatabase = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// The database while it is open.
pub(super) struct HeldDatabase {
    // Held for the moment in which a transaction begins; transactions stand by themselves.
    database: RwLock<Option<Database>>,
    again: Option<ReopenDatabase>,
}

impl HeldDatabase {
    /// An open database, and how it is opened again.
    pub(super) fn new(
        database: Database,
        again: impl Fn() -> Result<Database, StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self { database: RwLock::new(Some(database)), again: Some(Box::new(again)) }
    }

    /// A database that is never opened again.
    #[cfg(test)]
    pub(super) fn once(database: Database) -> Self {
        Self { database: RwLock::new(Some(database)), again: None }
    }

    /// Begins to read what the last commit left.
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, RedbFault> {
        self.with(|database| Ok(database.begin_read()?))
    }

    /// Begins to write, once no other transaction does.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction, RedbFault> {
        self.with(|database| Ok(database.begin_write()?))
    }

    fn with<T>(&self, begin: impl FnOnce(&Database) -> Result<T, RedbFault>) -> Result<T, RedbFault> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        begin(database.as_ref().ok_or(RedbFault::Closed)?)
    }

    /// Whether it can be opened again at all.
    pub(super) fn can_reopen(&self) -> bool {
        self.again.is_some()
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.database.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Closes it, where it is open, and opens it again. Reads that are under way fail.
    ///
    /// # Errors
    /// It could not be opened, and stays closed.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let Some(again) = &self.again else { return Ok(()) };
        // The file has one owner: the old one has to be gone first.
        self.close();
        let database = again()?;
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        Ok(())
    }

    fn close(&self) {
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        let closed = catch_panic(|| {
            drop(database);
            Ok::<_, RedbFault>(())
        });
        if let Err(fault) = closed {
            tracing::error!(error = &fault as &dyn std::error::Error, "the store was not closed in order");
        }
    }
}

impl Drop for HeldDatabase {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for HeldDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeldDatabase").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}
