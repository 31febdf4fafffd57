//! Reading rows, from a snapshot or from a commit in the making.

use std::ops::RangeInclusive;
use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTable, TableDefinition};

use super::fault::RedbFault;
use crate::store::passed_over::PassedOver;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::Row;
use crate::store::records::table::Table;

/// Somewhere rows can be read.
pub(super) trait View {
    /// The value of a key.
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, RedbFault>;

    /// The first keys of a range, in order, at most `limit`.
    fn keys(&mut self, table: Table, range: RangeInclusive<Vec<u8>>, limit: usize) -> Result<Vec<Vec<u8>>, RedbFault>;

    /// The row of a key.
    fn load<R: Row>(&mut self, key: &[u8]) -> Result<Option<R>, RedbFault> {
        Ok(self.get(R::TABLE, key)?.map(|value| R::decode(key, &value)).transpose()?)
    }

    /// The row that an index names.
    ///
    /// # Errors
    /// There is none: the index is wrong.
    fn load_indexed<R: Row>(&mut self, key: &[u8]) -> Result<R, RedbFault> {
        self.load(key)?.ok_or_else(|| dangling(R::TABLE))
    }
}

/// The table as redb knows it.
pub(super) const fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

/// An index names a row that is not there.
pub(super) fn dangling(table: Table) -> RedbFault {
    RecordFault::Unreadable { table, why: "an index names it, and it is not there".to_owned() }.into()
}

/// The state that some commit left.
pub(super) struct Snapshot {
    transaction: ReadTransaction,
    passed_over: Arc<PassedOver>,
}

impl View for Snapshot {
    fn get(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, RedbFault> {
        let table = self.transaction.open_table(definition(table))?;
        let value = table.get(key)?.map(|value| value.value().to_vec());
        Ok(value)
    }

    fn keys(&mut self, table: Table, range: RangeInclusive<Vec<u8>>, limit: usize) -> Result<Vec<Vec<u8>>, RedbFault> {
        let table = self.transaction.open_table(definition(table))?;
        first_keys(&table, &range, limit)
    }
}

impl Snapshot {
    /// What the transaction sees. `passed_over` remembers what the log was told.
    pub(super) const fn new(transaction: ReadTransaction, passed_over: Arc<PassedOver>) -> Self {
        Self { transaction, passed_over }
    }

    /// The row that an index names, unless it cannot be read: one that waits must not hold up the others.
    pub(super) fn load_readable<R: Row>(&mut self, key: &[u8]) -> Result<Option<R>, RedbFault> {
        match self.load_indexed(key) {
            Err(fault @ RedbFault::Record(RecordFault::Unreadable { .. })) => {
                self.passed_over.log_unreadable(R::TABLE, key, &fault);
                Ok(None)
            }
            row => row.map(Some),
        }
    }

    /// The last keys of a range, the last one first, at most `limit`.
    pub(super) fn last_keys(
        &mut self,
        table: Table,
        range: RangeInclusive<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, RedbFault> {
        let table = self.transaction.open_table(definition(table))?;
        let rows = table.range::<&[u8]>(range.start().as_slice()..=range.end().as_slice())?;
        rows.rev().take(limit).map(|row| Ok(row?.0.value().to_vec())).collect()
    }
}

/// The first keys of a table's range.
pub(super) fn first_keys(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    range: &RangeInclusive<Vec<u8>>,
    limit: usize,
) -> Result<Vec<Vec<u8>>, RedbFault> {
    let rows = table.range::<&[u8]>(range.start().as_slice()..=range.end().as_slice())?;
    rows.take(limit).map(|row| Ok(row?.0.value().to_vec())).collect()
}
