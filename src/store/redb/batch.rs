//! A commit in the making: what it writes is kept aside until all its preconditions have held.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ::redb::{ReadableTable as _, WriteTransaction};

use super::fault::Fault;
use super::rows::{Row, Table};
use super::view::{View, dangling, first_keys};
use crate::domain::tokens::TokenFamily;

type OpenTable<'txn> = ::redb::Table<'txn, &'static [u8], &'static [u8]>;

/// The tables of a write transaction, opened as they are needed.
pub struct Tables<'txn> {
    transaction: &'txn WriteTransaction,
    open: BTreeMap<Table, OpenTable<'txn>>,
}

impl<'txn> Tables<'txn> {
    /// The tables of that transaction.
    pub fn new(transaction: &'txn WriteTransaction) -> Self {
        Self { transaction, open: BTreeMap::new() }
    }

    fn table(&mut self, table: Table) -> Result<&mut OpenTable<'txn>, Fault> {
        use std::collections::btree_map::Entry;
        Ok(match self.open.entry(table) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(closed) => closed.insert(self.transaction.open_table(table.definition())?),
        })
    }
}

/// What one commit has written so far, on top of what the transaction holds. It reads its own writes; dropped, it
/// leaves no trace.
pub struct Batch<'a, 'txn> {
    tables: &'a mut Tables<'txn>,
    /// New values; `None` removes.
    writes: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
}

impl<'a, 'txn> Batch<'a, 'txn> {
    /// Begins a commit.
    pub fn new(tables: &'a mut Tables<'txn>) -> Self {
        Self { tables, writes: BTreeMap::new() }
    }

    /// Writes a value.
    pub fn set(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert((table, key), Some(value));
    }

    /// Keeps a row in place of any other of its key, and its index right.
    pub fn put<R: Row>(&mut self, row: &R) -> Result<(), Fault> {
        let key = row.key();
        let (was, is) = (self.load::<R>(&key)?.map_or_else(Vec::new, |row| row.index_rows()), row.index_rows());
        // What stays the same is not written again: a page that is not touched is not copied.
        for (table, key, _) in was.iter().filter(|row| !is.contains(row)) {
            self.writes.insert((*table, key.clone()), None);
        }
        for (table, key, value) in is.into_iter().filter(|row| !was.contains(row)) {
            self.set(table, key, value);
        }
        self.set(R::TABLE, key, row.encode()?);
        Ok(())
    }

    /// Takes a row away, and out of its index. Returns it, where there was one.
    pub fn remove<R: Row>(&mut self, key: &[u8]) -> Result<Option<R>, Fault> {
        let row = self.load::<R>(key)?;
        if let Some(row) = &row {
            self.writes.insert((R::TABLE, key.to_vec()), None);
            for (table, key, _) in row.index_rows() {
                self.writes.insert((table, key), None);
            }
            // A session's tokens go with it, however it ends.
            if R::TABLE == Table::Sessions {
                self.remove::<TokenFamily>(key)?;
            }
        }
        Ok(row)
    }

    /// Takes away a row that an index names.
    ///
    /// # Errors
    /// There is none: the index is wrong.
    pub fn remove_indexed<R: Row>(&mut self, key: &[u8]) -> Result<(), Fault> {
        self.remove::<R>(key)?.map(drop).ok_or_else(|| dangling(R::TABLE))
    }

    /// Hands the writes to the transaction. Nothing is left to be decided here; where it fails, the transaction must
    /// be aborted.
    pub fn write(self) -> Result<(), Fault> {
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
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(written) = self.writes.get(&(table, key.to_vec())) {
            return Ok(written.clone());
        }
        let value = self.tables.table(table)?.get(key)?.map(|value| value.value().to_vec());
        Ok(value)
    }

    fn keys(&mut self, table: Table, range: RangeInclusive<Vec<u8>>, limit: usize) -> Result<Vec<Vec<u8>>, Fault> {
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
