//! A commit in the making: what it writes is kept aside until all its preconditions have held.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ::redb::{ReadableTable as _, WriteTransaction};

use super::fault::RedbFault;
use super::view::{View, definition, first_keys};
use crate::domain::session::Session;
use crate::domain::token_family::TokenFamily;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::{Row, after_digest, of_digest};
use crate::store::records::table::Table;

type OpenTable<'txn> = ::redb::Table<'txn, &'static [u8], &'static [u8]>;

/// The tables of a write transaction, opened as they are needed.
pub(super) struct Tables<'txn> {
    transaction: &'txn WriteTransaction,
    open: BTreeMap<Table, OpenTable<'txn>>,
}

impl<'txn> Tables<'txn> {
    /// The tables of that transaction.
    pub(super) fn new(transaction: &'txn WriteTransaction) -> Self {
        Self { transaction, open: BTreeMap::new() }
    }

    fn table(&mut self, table: Table) -> Result<&mut OpenTable<'txn>, RedbFault> {
        use std::collections::btree_map::Entry;
        Ok(match self.open.entry(table) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(closed) => closed.insert(self.transaction.open_table(definition(table))?),
        })
    }
}

/// What one commit has written so far, on top of what the transaction holds. It reads its own writes; dropped, it
/// leaves no trace.
pub(super) struct Batch<'a, 'txn> {
    tables: &'a mut Tables<'txn>,
    /// New values; `None` removes.
    writes: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
}

impl<'a, 'txn> Batch<'a, 'txn> {
    /// A batch of changes to these tables.
    pub(super) fn new(tables: &'a mut Tables<'txn>) -> Self {
        Self { tables, writes: BTreeMap::new() }
    }

    /// Writes a value with the batch.
    pub(super) fn set(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert((table, key), Some(value));
    }

    /// Removes a value with the batch.
    pub(super) fn unset(&mut self, table: Table, key: Vec<u8>) {
        self.writes.insert((table, key), None);
    }

    /// Whether this commit has taken that value away.
    pub(super) fn is_gone(&self, table: Table, key: &[u8]) -> bool {
        self.writes.get(&(table, key.to_vec())).is_some_and(Option::is_none)
    }

    /// Keeps a row in place of any other of its key, readable or not, and its index right.
    pub(super) fn put<R: Row>(&mut self, row: &R) -> Result<(), RedbFault> {
        let key = row.key();
        let was = match self.load::<R>(&key) {
            Err(RedbFault::Record(RecordFault::Unreadable { .. })) => {
                self.discard_if_there::<R>(&key)?;
                Vec::new()
            }
            was => was?.map_or_else(Vec::new, |row| row.index_rows()),
        };
        let is = row.index_rows();
        // What stays the same is not written again: a page that is not touched is not copied.
        for (table, key, _) in was.iter().filter(|row| !is.contains(row)) {
            self.unset(*table, key.clone());
        }
        for (table, key, value) in is.into_iter().filter(|row| !was.contains(row)) {
            self.set(table, key, value);
        }
        self.set(R::TABLE, key, row.encode()?);
        Ok(())
    }

    /// Takes a row away, and out of its index. Returns it, where there was one.
    pub(super) fn remove<R: Row>(&mut self, key: &[u8]) -> Result<Option<R>, RedbFault> {
        let row = self.load::<R>(key)?;
        if let Some(row) = &row {
            for (table, key, _) in row.index_rows() {
                self.unset(table, key);
            }
            self.drop_row(R::TABLE, key)?;
        }
        Ok(row)
    }

    /// Takes away a row that its index does not name any more.
    pub(super) fn drop_row(&mut self, table: Table, key: &[u8]) -> Result<(), RedbFault> {
        self.unset(table, key.to_vec());
        if table != Table::Sessions {
            return Ok(());
        }
        // A session's tokens go with it, however it ends, and so do the members of its family.
        self.discard_if_there::<TokenFamily>(key)?;
        let members = self.keys(Table::SessionsByHead, of_digest(key), usize::MAX)?;
        self.discard::<Session>(members.iter().map(|key| after_digest(key).to_vec())).map(drop)
    }

    /// The keys of those rows of a table, as the transaction holds it, that are like that. The table is read through.
    pub(super) fn held_keys(
        &mut self,
        table: Table,
        like: impl Fn(&[u8], &[u8]) -> bool,
    ) -> Result<Vec<Vec<u8>>, RedbFault> {
        let mut keys = Vec::new();
        for row in self.tables.table(table)?.iter()? {
            let (key, value) = row?;
            if like(key.value(), value.value()) {
                keys.push(key.value().to_vec());
            }
        }
        Ok(keys)
    }

    /// Hands the writes to the transaction. Nothing is left to be decided here; where it fails, the transaction must
    /// be aborted.
    pub(super) fn write(self) -> Result<(), RedbFault> {
        for ((table, key), value) in self.writes {
            let table = self.tables.table(table)?;
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                None => table.remove(key.as_slice())?,
            };
        }
        Ok(())
    }
}

impl View for Batch<'_, '_> {
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, RedbFault> {
        if let Some(written) = self.writes.get(&(table, key.to_vec())) {
            return Ok(written.clone());
        }
        let value = self.tables.table(table)?.get(key)?.map(|value| value.value().to_vec());
        Ok(value)
    }

    fn keys(&mut self, table: Table, range: RangeInclusive<Vec<u8>>, limit: usize) -> Result<Vec<Vec<u8>>, RedbFault> {
        let (start, end) = range.clone().into_inner();
        let written: Vec<_> = self
            .writes
            .range((table, start)..=(table, end))
            .map(|((_, key), value)| (key.clone(), value.is_some()))
            .collect();
        // Each written key can hide one that the transaction holds.
        let held = first_keys(self.tables.table(table)?, &range, limit.saturating_add(written.len()))?;
        let mut keys: BTreeMap<_, _> = held.into_iter().map(|key| (key, true)).collect();
        keys.extend(written);
        Ok(keys.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).take(limit).collect())
    }
}
