//! A whole file, read or written from one end to the other.

use std::ops::Bound;
use std::path::Path;

use ::redb::{Database, Durability, ReadableDatabase as _};

use super::batch::{Batch, Tables};
use super::fault::{RedbFault, refusal};
use super::file::{self, New};
use super::panics::catch_panic;
use super::view::definition;
use crate::domain::secret::Secret;
use crate::store::StoreError;
use crate::store::contents::{AT_ONCE, Blank, Own, Source, of_row};
use crate::store::postgres::columns::Columns;
use crate::store::records;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::key_generation;
use crate::store::records::table::{KEY_GENERATION, MASTER, RP_ID, Table};

/// The file of a store that no gateway has meanwhile.
pub(in crate::store) struct FileContents {
    database: Database,
    /// The last key that was read.
    after: Option<Vec<u8>>,
    /// Where it is written, if it is new.
    new: Option<New>,
}

impl FileContents {
    /// A file to read.
    ///
    /// # Errors
    /// As [`RedbStore::open`](super::RedbStore::open); there is none.
    pub(in crate::store) fn existing(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: file::open_existing(&file::followed(path))?, after: None, new: None })
    }

    /// A file to write, which gets its name at the end.
    ///
    /// # Errors
    /// There is one already, or it cannot be made.
    pub(in crate::store) fn blank(path: &Path) -> Result<Self, StoreError> {
        if path.symlink_metadata().is_ok() {
            return Err(taken(path));
        }
        let new = New::at(path)?;
        Ok(Self { database: new.database()?, after: None, new: Some(new) })
    }

    fn write(&self, write: impl FnOnce(&mut Batch<'_, '_>) -> Result<(), RedbFault>) -> Result<(), StoreError> {
        let written = catch_panic(|| {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.set_two_phase_commit(true);
            transaction.set_quick_repair(true);
            let mut tables = Tables::new(&transaction);
            let mut batch = Batch::new(&mut tables);
            write(&mut batch)?;
            batch.write()?;
            drop(tables);
            transaction.commit()?;
            Ok(())
        });
        written.map_err(|fault: RedbFault| fault.during("the file could not be written"))
    }
}

fn taken(path: &Path) -> StoreError {
    refusal(format!("“{}” is there already: name a file that is not", path.display()))
}

impl Source for FileContents {
    async fn begin<R: Columns>(&mut self) -> Result<(), StoreError> {
        self.after = None;
        Ok(())
    }

    async fn next<R: Columns>(&mut self) -> Result<Vec<R>, StoreError> {
        let from = self.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let read = catch_panic(|| {
            let table = self.database.begin_read()?.open_table(definition(R::TABLE))?;
            let rows = table.range::<&[u8]>((from, Bound::Unbounded))?.take(AT_ONCE);
            let rows = rows.map(|row| row.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())));
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let read =
            read.map_err(|fault: RedbFault| fault.during(&format!("“{}” could not be read", R::TABLE.name())))?;
        let decoded =
            read.iter().map(|(key, value)| R::decode(key, value).map_err(|fault| of_row(R::TABLE, key, &fault)));
        let decoded = decoded.collect::<Result<Vec<_>, _>>()?;
        if let Some((key, _)) = read.into_iter().next_back() {
            self.after = Some(key);
        }
        Ok(decoded)
    }

    async fn own(&mut self) -> Result<Option<Own>, StoreError> {
        let read = catch_panic(|| {
            let meta = self.database.begin_read()?.open_table(definition(Table::Meta))?;
            let value = |key: &[u8]| Ok::<_, RedbFault>(meta.get(key)?.map(|value| value.value().to_vec()));
            let Some(master) = value(MASTER)? else { return Ok(None) };
            let master = master.try_into().map_err(|_| RecordFault::Unreadable {
                table: Table::Meta,
                why: "the master secret is not 32 bytes long".to_owned(),
            })?;
            let rp_id = value(RP_ID)?.map(|rp_id| records::read_host(Table::Meta, &String::from_utf8_lossy(&rp_id)));
            Ok(Some(Own {
                master: Secret::from_bytes(master),
                key_generation: key_generation(value(KEY_GENERATION)?.as_deref())?,
                rp_id: rp_id.transpose()?,
            }))
        });
        read.map_err(|fault: RedbFault| fault.during("the gateway's own keys could not be read"))
    }
}

impl Blank for FileContents {
    async fn open<R: Columns>(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn put<R: Columns>(&mut self, rows: &[R]) -> Result<(), StoreError> {
        self.write(|batch| rows.iter().try_for_each(|row| batch.put(row)))
    }

    async fn close<R: Columns>(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn put_own(&mut self, own: &Own) -> Result<(), StoreError> {
        let Own { master, key_generation, rp_id } = own;
        self.write(|batch| {
            batch.set(Table::Meta, MASTER.to_vec(), master.bytes().to_vec());
            batch.set(Table::Meta, KEY_GENERATION.to_vec(), key_generation.to_be_bytes().to_vec());
            if let Some(rp_id) = rp_id {
                batch.set(Table::Meta, RP_ID.to_vec(), rp_id.as_str().into());
            }
            Ok(())
        })
    }

    async fn keep(self) -> Result<(), StoreError> {
        let Self { database, new, .. } = self;
        drop(database);
        let Some(new) = new else { return Ok(()) };
        let path = new.path().to_owned();
        new.file()?.sync_all().map_err(|error| file::failed("writing", &path, error))?;
        if new.give_its_name()? { Ok(()) } else { Err(taken(&path)) }
    }
}
