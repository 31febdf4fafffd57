//! All that a store keeps, kind by kind: what is copied from one to another.

use super::StoreError;
use super::postgres::columns::Columns;
use super::records::fault::RecordFault;
use super::records::table::Table;
use crate::domain::host::Host;
use crate::domain::secret::Secret;

/// How many rows are in memory at once.
pub(in crate::store) const AT_ONCE: usize = 1000;

/// What is the gateway's own, and of no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Own {
    /// The master secret.
    pub master: Secret,
    /// The number of the state that the signing keys are in.
    pub key_generation: u64,
    /// What the passkeys were made for that do not say so.
    pub rp_id: Option<Host>,
}

/// A store that is read from one end to the other, and nothing else happens to meanwhile.
pub(in crate::store) trait Source {
    /// Goes to the beginning of a kind.
    async fn begin<R: Columns>(&mut self) -> Result<(), StoreError>;
    /// Its next rows in the order of their keys, [`AT_ONCE`] at most; none after the last.
    ///
    /// # Errors
    /// The store failed, or a row cannot be read: the error names it.
    async fn next<R: Columns>(&mut self) -> Result<Vec<R>, StoreError>;
    /// What is the gateway's own; `None` where no gateway has served the store yet.
    async fn own(&mut self) -> Result<Option<Own>, StoreError>;
}

/// A store in the making, which is there as a whole or not at all: dropped before [`Blank::keep`], it leaves nothing.
pub(in crate::store) trait Blank: Source {
    /// Takes the rows of a kind to come.
    async fn open<R: Columns>(&mut self) -> Result<(), StoreError>;
    /// Writes some of them.
    async fn put<R: Columns>(&mut self, rows: &[R]) -> Result<(), StoreError>;
    /// There are no more of that kind.
    async fn close<R: Columns>(&mut self) -> Result<(), StoreError>;
    /// Writes what is the gateway's own, as the last of all.
    async fn put_own(&mut self, own: &Own) -> Result<(), StoreError>;
    /// Keeps all of it.
    async fn keep(self) -> Result<(), StoreError>;
}

/// The error that names a row which cannot be read or written.
pub(in crate::store) fn of_row(table: Table, key: &[u8], fault: &RecordFault) -> StoreError {
    let (RecordFault::Unreadable { why, .. } | RecordFault::Unwritable { why, .. }) = fault;
    let doing = if matches!(fault, RecordFault::Unreadable { .. }) { "read" } else { "written" };
    let problem = format!("the row {} of “{}” cannot be {doing}: {why}", shown(key), table.name());
    StoreError { problem, source: None }
}

/// A key as an operator can look for it.
fn shown(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => text.to_owned(),
        _ => key.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
