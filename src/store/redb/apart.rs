//! What tests try of the store, and nothing else calls. They write one row by itself, to see which bytes read as one,
//! and open a file that passes for a large one.

use std::fmt::Debug;
use std::path::Path;

use super::RedbStore;
use super::fault::RedbFault;
use crate::domain::account::Account;
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::Ceremony;
use crate::domain::invitation::Invitation;
use crate::domain::letter::Letter;
use crate::domain::link::Link;
use crate::domain::passkey::Passkey;
use crate::domain::plan::{CeremonyChange, Change, LetterChange, MoveChange, RecoveryChange, RegistrationChange};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::token_family::TokenFamily;
use crate::store::StoreError;
use crate::store::records::CountRow;
use crate::store::records::rows::Row;
use crate::store::records::table::Table;

/// Opens a store as one that is too large to be looked through for damage.
///
/// # Errors
/// As [`RedbStore::open`].
pub fn open_large(path: &Path) -> Result<RedbStore, StoreError> {
    RedbStore::open_looking(path, 0)
}

/// A row as it is written: its key, its value, and the rows by which it is found otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRow {
    /// The key it is stored under.
    pub key: Vec<u8>,
    /// The value that is stored.
    pub value: Vec<u8>,
    /// Table, key and value of each row by which it is found.
    pub index: Vec<(&'static str, Vec<u8>, Vec<u8>)>,
    /// What it was, in words: what writing it leaves out is seen by reading it again.
    pub shown: String,
}

/// What a change writes: table and length of key and value of each row. Nothing of a change that reads rows first.
pub fn written_by(change: &Change) -> Vec<(&'static str, usize, usize)> {
    match change {
        Change::Ceremony(CeremonyChange::Add(row)) => lengths(row),
        Change::Registration(RegistrationChange::Put(row) | RegistrationChange::Advance(row)) => lengths(row),
        Change::Recovery(RecoveryChange::Put(row) | RecoveryChange::Advance(row)) => lengths(row),
        Change::Letter(LetterChange::Add(row)) => lengths(row),
        Change::Move(MoveChange::Set { is: Some(row), .. }) => lengths(&**row),
        Change::Ceremony(CeremonyChange::Spend(_))
        | Change::Registration(_)
        | Change::Recovery(_)
        | Change::Letter(_)
        | Change::Account(_)
        | Change::Passkey(_)
        | Change::Session(_)
        | Change::Tokens(_)
        | Change::Link(_)
        | Change::Hold(_)
        | Change::Move(_)
        | Change::AdminCode(_)
        | Change::Bookmark(_)
        | Change::Invitation(_)
        | Change::Event(_)
        | Change::Counter(_)
        | Change::Key(_) => Vec::new(),
    }
}

fn lengths<R: Row>(row: &R) -> Vec<(&'static str, usize, usize)> {
    let index = row.index_rows().into_iter().map(|(table, key, value)| (table.name(), key.len(), value.len()));
    let own = row.encode().map(|value| (R::TABLE.name(), row.key().len(), value.len()));
    own.into_iter().chain(index).collect()
}

/// Reads a row and writes it again; `None` where it is none.
type RewriteRow = fn(key: &[u8], value: &[u8]) -> Option<Result<WrittenRow, StoreError>>;

/// The tables that rows are kept in, by their names, and what reads a row of each and writes it again.
pub const TABLES: [(&str, RewriteRow); 17] = [
    table::<Ceremony>(),
    table::<Registration>(),
    table::<Account>(),
    table::<Passkey>(),
    table::<Session>(),
    table::<TokenFamily>(),
    table::<Link>(),
    table::<Recovery>(),
    table::<Hold>(),
    table::<AdminCode>(),
    table::<Event>(),
    table::<Letter>(),
    table::<CountRow>(),
    table::<SigningKey>(),
    table::<Bookmark>(),
    table::<Invitation>(),
    table::<Move>(),
];

const fn table<R: Row + Debug>() -> (&'static str, RewriteRow) {
    (Table::name(R::TABLE), rewrite_row::<R>)
}

fn rewrite_row<R: Row + Debug>(key: &[u8], value: &[u8]) -> Option<Result<WrittenRow, StoreError>> {
    let row = R::decode(key, value).ok()?;
    let index = row.index_rows().into_iter().map(|(table, key, value)| (table.name(), key, value)).collect();
    let shown = format!("{row:?}");
    let value = row.encode().map_err(|fault| RedbFault::from(fault).during("writing a row"));
    Some(value.map(|value| WrittenRow { key: row.key(), value, index, shown }))
}
