//! Rows that cannot be read: a library writes its state otherwise since an upgrade, or a disk has lost something.
//!
//! They are never read as something else. A step that needs one is refused, and lists pass it over. A change that takes
//! it away does so by what the indexes say, as the sweep does when its time is over.

use std::collections::BTreeSet;

use super::batch::Batch;
use super::fault::RedbFault;
use super::view::{View as _, dangling};
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::{Row, after_account, after_digest, after_time};
use crate::store::records::table::Table;

impl Batch<'_, '_> {
    /// Takes away rows that are there or that an index names, readable or not, and out of every index. Returns how
    /// many.
    pub(super) fn discard<R: Row>(&mut self, keys: impl IntoIterator<Item = Vec<u8>>) -> Result<usize, RedbFault> {
        let (mut count, mut broken) = (0, BTreeSet::new());
        for key in keys {
            let fault = match self.remove::<R>(&key) {
                Ok(Some(_)) => None,
                // It was named by an index when it was looked for, and has gone with another since, as a session with
                // the head of its family.
                Ok(None) if self.is_gone(R::TABLE, &key) => None,
                Ok(None) => Some(dangling(R::TABLE)),
                Err(fault @ RedbFault::Record(RecordFault::Unreadable { .. })) => Some(fault),
                Err(fault) => return Err(fault),
            };
            if let Some(fault) = fault {
                tracing::error!(error = &fault as &dyn std::error::Error, "a broken row is taken away");
                broken.insert(key);
            }
            count += 1;
        }
        self.forget(R::TABLE, &broken)?;
        Ok(count)
    }

    /// Takes a row away, where there is one, readable or not.
    pub(super) fn discard_if_there<R: Row>(&mut self, key: &[u8]) -> Result<(), RedbFault> {
        if self.get(R::TABLE, key)?.is_some() {
            self.discard::<R>([key.to_vec()])?;
        }
        Ok(())
    }

    /// Takes away rows that cannot say by what they are found: their indexes are read through, each once.
    fn forget(&mut self, table: Table, keys: &BTreeSet<Vec<u8>>) -> Result<(), RedbFault> {
        if keys.is_empty() {
            return Ok(());
        }
        for &index in indexes(table) {
            // What this commit has written itself can be read, and names nothing that cannot.
            for key in self.held_keys(index, |key, value| keys.contains(named(index, key, value)))? {
                self.unset(index, key);
            }
        }
        keys.iter().try_for_each(|key| self.drop_row(table, key))
    }
}

/// The tables by which a table's rows are found otherwise.
const fn indexes(table: Table) -> &'static [Table] {
    match table {
        Table::Ceremonies => &[Table::CeremoniesByExpiry],
        Table::Registrations => &[Table::RegistrationsByEmail, Table::RegistrationsByExpiry],
        Table::Accounts => &[Table::AccountsByEmail],
        Table::Passkeys => &[Table::PasskeysByAccount],
        Table::Sessions => {
            &[Table::SessionsByAccount, Table::SessionsByCreation, Table::SessionsByLastUse, Table::SessionsByHead]
        }
        Table::TokenFamilies => &[Table::RefreshTokens],
        Table::Links => &[Table::LinksByCode, Table::LinksByAccount, Table::LinksByExpiry],
        Table::Recoveries => &[Table::RecoveriesByAccount, Table::RecoveriesByEmail, Table::RecoveriesByExpiry],
        Table::Holds => &[Table::HoldsByExpiry],
        Table::Moves => &[Table::MovesByFormer, Table::MovesByExpiry],
        Table::AdminCodes => &[Table::AdminCodesByExpiry],
        Table::Bookmarks => &[Table::BookmarksByExpiry],
        Table::Events => &[Table::EventsByAccount, Table::EventsByExpiry],
        Table::Letters => &[Table::LettersByDue, Table::LettersByExpiry],
        Table::Counters => &[Table::CountersByEnd],
        Table::Meta
        | Table::SigningKeys
        | Table::Invitations
        | Table::AccountsByEmail
        | Table::RefreshTokens
        | Table::LinksByCode
        | Table::RegistrationsByEmail
        | Table::PasskeysByAccount
        | Table::EventsByAccount
        | Table::SessionsByAccount
        | Table::LinksByAccount
        | Table::RecoveriesByAccount
        | Table::RecoveriesByEmail
        | Table::CeremoniesByExpiry
        | Table::RegistrationsByExpiry
        | Table::SessionsByCreation
        | Table::SessionsByLastUse
        | Table::SessionsByHead
        | Table::LinksByExpiry
        | Table::RecoveriesByExpiry
        | Table::HoldsByExpiry
        | Table::MovesByFormer
        | Table::MovesByExpiry
        | Table::AdminCodesByExpiry
        | Table::BookmarksByExpiry
        | Table::EventsByExpiry
        | Table::LettersByDue
        | Table::LettersByExpiry
        | Table::CountersByEnd => &[],
    }
}

/// The key of the row that a row of an index names.
fn named<'a>(index: Table, key: &'a [u8], value: &'a [u8]) -> &'a [u8] {
    match index {
        Table::AccountsByEmail | Table::RefreshTokens | Table::LinksByCode => value,
        // What follows may have a zero byte; the address before the first one has none.
        Table::RegistrationsByEmail | Table::RecoveriesByEmail | Table::MovesByFormer => {
            key.splitn(2, |byte| *byte == 0).nth(1).unwrap_or_default()
        }
        Table::PasskeysByAccount | Table::EventsByAccount => after_time(after_account(key)),
        Table::SessionsByHead => after_digest(key),
        Table::SessionsByAccount | Table::LinksByAccount | Table::RecoveriesByAccount => after_account(key),
        Table::CeremoniesByExpiry
        | Table::RegistrationsByExpiry
        | Table::SessionsByCreation
        | Table::SessionsByLastUse
        | Table::LinksByExpiry
        | Table::RecoveriesByExpiry
        | Table::HoldsByExpiry
        | Table::MovesByExpiry
        | Table::AdminCodesByExpiry
        | Table::BookmarksByExpiry
        | Table::EventsByExpiry
        | Table::LettersByDue
        | Table::LettersByExpiry
        | Table::CountersByEnd => after_time(key),
        // No index: nothing is named by its rows.
        Table::Meta
        | Table::SigningKeys
        | Table::Ceremonies
        | Table::Registrations
        | Table::Accounts
        | Table::Passkeys
        | Table::Sessions
        | Table::TokenFamilies
        | Table::Links
        | Table::Recoveries
        | Table::Holds
        | Table::Moves
        | Table::AdminCodes
        | Table::Bookmarks
        | Table::Invitations
        | Table::Events
        | Table::Letters
        | Table::Counters => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use ::redb::Database;
    use ::redb::backends::InMemoryBackend;

    use super::super::batch::Tables;
    use super::*;
    use crate::domain::secret::SecretDigest;
    use crate::domain::session::Session;

    #[derive(Clone, Default)]
    struct CapturedLog(Arc<Mutex<Vec<u8>>>);

    impl Write for CapturedLog {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn session(n: u8, head: Option<u8>) -> Session {
        Session { head: head.map(|head| SecretDigest::from_bytes([head; 32])), ..Session::numbered(n) }
    }

    #[test]
    fn a_family_that_goes_at_once_has_no_broken_row() {
        let paper = CapturedLog::default();
        let writer = paper.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        tracing::callsite::rebuild_interest_cache();

        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut tables = Tables::new(&transaction);
        let mut batch = Batch::new(&mut tables);
        let written = || String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        for (n, head) in [(1, None), (2, Some(1)), (3, Some(1))] {
            batch.put(&session(n, head)).unwrap();
        }
        batch.write().unwrap();
        let mut batch = Batch::new(&mut tables);
        let all = [1, 2, 3].map(|n| vec![n; 32]);
        assert_eq!(batch.discard::<Session>(all).unwrap(), 3);
        assert_eq!(written(), "");
        // One that no commit took away is.
        assert_eq!(batch.discard::<Session>([vec![9; 32]]).unwrap(), 1);
        assert!(written().contains("a broken row is taken away"));
    }
}
