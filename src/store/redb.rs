//! A store in one file of this machine (redb): one process owns it, one thread writes to it.
//!
//! Reads see a snapshot and run on a few threads of their own, because they may wait for the disk. Commits go to the
//! `writer`, which groups them; `apply` says what each change means for the rows, `records` how rows are written.

#[doc(hidden)]
pub mod apart;
mod apply;
mod backup;
mod batch;
mod broken;
pub(in crate::store) mod contents;
mod fault;
mod file;
mod held;
mod panics;
pub mod restore;
mod sweep;
mod view;
mod writer;

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use self::fault::{RedbFault, refusal};
use self::held::HeldDatabase;
use self::panics::catch_panic;
use self::sweep::Sweep;
use self::view::{Snapshot, View as _, dangling};
use self::writer::{StoreWriter, Work};
use super::passed_over::PassedOver;
use super::records::fault::RecordFault;
use super::{CommitError, Records, RowCount, Store, StoreError, records};
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::{Ceremony, CeremonyId};
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::invitation::Invitation;
use crate::domain::letter::Letter;
use crate::domain::link::id::LinkId;
use crate::domain::link::{Link, LinkCodeDigest};
use crate::domain::passkey::{CredentialId, LockedOut, Passkey};
use crate::domain::plan::{Change, Counter, CounterChange, Durability};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::token_family::TokenFamily;
use crate::store::records::CountRow;
use crate::store::records::rows::{
    Row, account_in, after_account, after_time, at, end_of, kept_for, key_generation, of_account, of_email,
};
use crate::store::records::table::{KEY_GENERATION, MASTER, RP_ID, SCHEMA, Table};
use crate::threads::{ThreadPlan, Threads};

/// How many reads can wait for the disk at once. Each takes microseconds where it need not wait.
const READERS: usize = 4;

/// A store in a redb file. Dropping it waits until every commit that was asked for is written.
#[derive(Debug)]
pub struct RedbStore {
    // Before the database: writer and readers have to finish with it.
    writer: StoreWriter,
    readers: Threads,
    held: Arc<HeldDatabase>,
    passed_over: Arc<PassedOver>,
    backups: Threads,
    /// A copy that is being written is given up.
    ends: Arc<AtomicBool>,
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

impl RedbStore {
    /// Opens the store in the file at `path`; makes the file, and its directory, where there is none. Its owner alone
    /// can read it then. It blocks, and may read through the whole file: one that is not large is looked through for
    /// damage, and any other after a crash.
    ///
    /// Where the disk fails later, the file is opened again as soon as that works.
    ///
    /// # Errors
    /// Another process has it, a newer bmauth wrote it, it is empty, damaged or something else, or the disk failed: one
    /// sentence for the operator.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_looking(path, file::LOOKED_THROUGH)
    }

    /// The same for a file that is there.
    ///
    /// # Errors
    /// As [`RedbStore::open`]; there is none.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(refusal(format!("there is no store at “{}”", path.display())));
        }
        Self::open(path)
    }

    /// Whether a store does not open because another process has it.
    pub fn is_in_use(error: &StoreError) -> bool {
        let source = error.source.as_deref().and_then(|source| source.downcast_ref::<::redb::DatabaseError>());
        matches!(source, Some(::redb::DatabaseError::DatabaseAlreadyOpen | ::redb::DatabaseError::LockProtocolMismatch))
    }

    fn open_looking(path: &Path, looked_through: u64) -> Result<Self, StoreError> {
        let (database, place) = file::once_free(Self::is_in_use, || file::open(path, looked_through))?;
        Self::of(HeldDatabase::new(database, move || file::once_free(Self::is_in_use, || place.open_again()))).map_err(
            |error| StoreError {
                problem: "its threads could not be started".to_owned(),
                source: Some(Box::new(error)),
            },
        )
    }

    fn of(held: HeldDatabase) -> std::io::Result<Self> {
        let held = Arc::new(held);
        let writer = StoreWriter::start(Arc::clone(&held))?;
        let plan = ThreadPlan { name: "store-reader", threads: READERS, waiting: usize::MAX, background: false };
        let readers = Threads::start(plan)?;
        let plan = ThreadPlan { name: "store-backup", threads: 1, waiting: 1, background: true };
        let backups = Threads::start(plan)?;
        Ok(Self { writer, readers, held, passed_over: Arc::default(), backups, ends: Arc::default() })
    }

    /// Has work written that has no preconditions; returns how many rows it was about.
    async fn tidy(&self, work: Work) -> Result<usize, StoreError> {
        match self.writer.write(work).await {
            Ok(rows) => Ok(rows),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Conflict(conflict)) => Err(refusal(format!("a sweep met a conflict: {conflict:?}"))),
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Snapshot) -> Result<T, RedbFault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let held = Arc::clone(&self.held);
        let passed_over = Arc::clone(&self.passed_over);
        let reading = move || catch_panic(|| read(&mut Snapshot::new(held.begin_read()?, passed_over)));
        match self.readers.run(reading).await {
            Ok(read) => read.map_err(|fault| {
                if fault.may_have_stopped_it() {
                    self.writer.probe_writing();
                }
                fault.during("it could not be read")
            }),
            Err(error) => {
                Err(StoreError { problem: "a read was broken off".to_owned(), source: Some(Box::new(error)) })
            }
        }
    }
}

impl RedbStore {
    /// The rows that an index by address and browser names.
    async fn begun_for<R: Row + Send + 'static>(&self, index: Table, email: &Email) -> Result<Vec<R>, StoreError> {
        let (first, last) = (of_email(email.as_str(), &[]), of_email(email.as_str(), &[0xff; 32]));
        self.read(move |view| {
            let prefix = first.len();
            let keys = view.keys(index, first..=last, usize::MAX)?;
            let load = |key: &Vec<u8>| view.load_readable(key.get(prefix..).unwrap_or_default()).transpose();
            keys.iter().filter_map(load).collect()
        })
        .await
    }
}

/// A byte that no UTF-8 text has: it comes after every address.
const NO_TEXT: u8 = 0xff;

/// The least that comes after an address, which has no zero byte.
fn first_after(email: Option<&Email>) -> Vec<u8> {
    email.map_or_else(Vec::new, |email| [email.as_str().as_bytes(), &[0]].concat())
}

/// How many keys are in memory at once where all of a table are looked at.
const AT_ONCE: usize = 1000;

/// What the passkeys were made for that do not say so.
fn older_rp_id(view: &mut Snapshot) -> Result<Option<Host>, RedbFault> {
    let noted = view.get(Table::Meta, RP_ID)?;
    Ok(noted.map(|noted| records::read_host(Table::Meta, &String::from_utf8_lossy(&noted))).transpose()?)
}

#[async_trait]
impl Records for RedbStore {
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError> {
        self.read(move |view| view.load(id.0.as_bytes())).await
    }

    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError> {
        self.read(move |view| view.load(browser.bytes())).await
    }

    async fn registrations_of(&self, email: &Email) -> Result<Vec<Registration>, StoreError> {
        self.begun_for(Table::RegistrationsByEmail, email).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(move |view| view.load(id.0.as_bytes())).await
    }

    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        let email = email.clone();
        self.read(move |view| {
            match view.get(Table::AccountsByEmail, email.as_str().as_bytes())? {
                Some(id) => view.load_indexed(&id).map(Some),
                // Looked for all the same: a lookup less would take less time.
                None => view.load(AccountId::stand_in(&email).0.as_bytes()),
            }
        })
        .await
    }

    async fn passkey(&self, id: &CredentialId) -> Result<Option<Passkey>, StoreError> {
        let id = id.clone();
        self.read(move |view| view.load(id.bytes())).await
    }

    async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, StoreError> {
        self.read(move |view| {
            let keys = view.keys(Table::PasskeysByAccount, of_account(account), usize::MAX)?;
            keys.iter().map(|key| view.load_indexed(after_time(after_account(key)))).collect()
        })
        .await
    }

    async fn passkey_ids(&self, account: AccountId) -> Result<Vec<CredentialId>, StoreError> {
        self.read(move |view| {
            let keys = view.keys(Table::PasskeysByAccount, of_account(account), usize::MAX)?;
            let id = |key: &Vec<u8>| {
                CredentialId::new(after_time(after_account(key))).ok_or_else(|| dangling(Table::PasskeysByAccount))
            };
            keys.iter().map(id).collect()
        })
        .await
    }

    async fn session(&self, token: SecretDigest) -> Result<Option<Session>, StoreError> {
        self.read(move |view| view.load(token.bytes())).await
    }

    async fn tokens(&self, session: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        self.read(move |view| view.load(session.bytes())).await
    }

    async fn tokens_by_refresh(&self, token: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        self.read(move |view| {
            let session = view.get(Table::RefreshTokens, token.bytes())?;
            session.map(|session| view.load_indexed(&session)).transpose()
        })
        .await
    }

    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        self.read(move |view| {
            let keys = view.keys(Table::SessionsByAccount, of_account(account), usize::MAX)?;
            let sessions = keys.iter().map(|key| view.load_indexed(after_account(key)));
            let mut sessions = sessions.collect::<Result<Vec<Session>, _>>()?;
            sessions.sort_by_key(|session| Reverse(session.created_at));
            Ok(sessions)
        })
        .await
    }

    async fn events(&self, account: AccountId, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.read(move |view| {
            let keys = view.last_keys(Table::EventsByAccount, of_account(account), limit)?;
            keys.iter().map(|key| view.load_indexed(after_time(after_account(key)))).collect()
        })
        .await
    }

    async fn accounts(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let first = first_after(after);
        self.read(move |view| {
            let emails = view.keys(Table::AccountsByEmail, first..=vec![NO_TEXT], limit)?;
            let account = |email: &Vec<u8>| {
                let id = view.get(Table::AccountsByEmail, email)?.ok_or_else(|| dangling(Table::AccountsByEmail))?;
                view.load_indexed(&id)
            };
            emails.iter().map(account).collect()
        })
        .await
    }

    async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        self.read(move |view| view.load(id.0.as_bytes())).await
    }

    async fn link_by_code(&self, code: LinkCodeDigest) -> Result<Option<Link>, StoreError> {
        self.read(move |view| {
            let id = view.get(Table::LinksByCode, &code.0)?;
            id.map(|id| view.load_indexed(&id)).transpose()
        })
        .await
    }

    async fn recovery(&self, browser: SecretDigest) -> Result<Option<Recovery>, StoreError> {
        self.read(move |view| view.load(browser.bytes())).await
    }

    async fn recoveries_of(&self, account: AccountId) -> Result<Vec<Recovery>, StoreError> {
        self.read(move |view| {
            let keys = view.keys(Table::RecoveriesByAccount, of_account(account), usize::MAX)?;
            keys.iter().filter_map(|key| view.load_readable(after_account(key)).transpose()).collect()
        })
        .await
    }

    async fn recoveries_for(&self, email: &Email) -> Result<Vec<Recovery>, StoreError> {
        self.begun_for(Table::RecoveriesByEmail, email).await
    }

    async fn hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        self.read(move |view| view.load(account.0.as_bytes())).await
    }

    async fn moving(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        self.read(move |view| view.load(account.0.as_bytes())).await
    }

    async fn moves_from(&self, email: &Email) -> Result<Vec<Move>, StoreError> {
        let email = email.clone();
        self.read(move |view| {
            let keys = view.keys(Table::MovesByFormer, kept_for(&email), usize::MAX)?;
            if keys.is_empty() {
                // Looked for all the same: a lookup less would take less time.
                return Ok(view.load::<Move>(AccountId::stand_in(&email).0.as_bytes())?.into_iter().collect());
            }
            keys.iter().map(|key| view.load_indexed(account_in(key))).collect()
        })
        .await
    }

    async fn admin_code(&self, account: AccountId) -> Result<Option<AdminCode>, StoreError> {
        self.read(move |view| view.load(account.0.as_bytes())).await
    }

    async fn bookmark(&self, name: SecretDigest) -> Result<Option<Bookmark>, StoreError> {
        self.read(move |view| view.load(name.bytes())).await
    }

    async fn invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        let key = email.as_str().as_bytes().to_vec();
        self.read(move |view| view.load(&key)).await
    }

    async fn invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError> {
        let mut first = first_after(after);
        self.read(move |view| {
            let mut invitations = Vec::new();
            while invitations.len() < limit {
                let emails = view.keys(Table::Invitations, first..=vec![NO_TEXT], limit - invitations.len())?;
                let Some(last) = emails.last() else { break };
                first = [last.as_slice(), &[0]].concat();
                for email in &emails {
                    invitations.extend(view.load_readable(email)?);
                }
            }
            Ok(invitations)
        })
        .await
    }

    async fn has_invitations(&self) -> Result<bool, StoreError> {
        let first = first_after(None);
        self.read(move |view| Ok(!view.keys(Table::Invitations, first..=vec![NO_TEXT], 1)?.is_empty())).await
    }

    async fn counted(&self, counter: Counter, window: Duration, now: Timestamp) -> Result<u32, StoreError> {
        let running: Option<CountRow> = self.read(move |view| view.load(&counter.0)).await?;
        Ok(running.filter(|count| CounterChange::runs(count.ends_at, window, now)).map_or(0, |count| count.count))
    }

    async fn letters_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.read(move |view| {
            let (mut from, mut letters) = (at(Timestamp::from_unix(0), &[]), Vec::new());
            while letters.len() < limit {
                let keys = view.keys(Table::LettersByDue, from..=end_of(now), limit - letters.len())?;
                let Some(last) = keys.last() else { break };
                // The least that comes after it.
                from = [last.as_slice(), &[0]].concat();
                for key in &keys {
                    letters.extend(view.load_readable(after_time(key))?);
                }
            }
            Ok(letters)
        })
        .await
    }

    async fn master(&self) -> Result<Option<Secret>, StoreError> {
        self.read(move |view| {
            let Some(master) = view.get(Table::Meta, MASTER)? else { return Ok(None) };
            let bytes = master.try_into().map_err(|_| RecordFault::Unreadable {
                table: Table::Meta,
                why: "the master secret is not 32 bytes long".to_owned(),
            })?;
            Ok(Some(Secret::from_bytes(bytes)))
        })
        .await
    }

    async fn key_generation(&self) -> Result<u64, StoreError> {
        self.read(|view| Ok(key_generation(view.get(Table::Meta, KEY_GENERATION)?.as_deref())?)).await
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.read(move |view| {
            // No UTF-8 text has this byte.
            let kids = view.keys(Table::SigningKeys, Vec::new()..=vec![0xff], usize::MAX)?;
            let mut keys = kids.iter().map(|kid| view.load_indexed(kid)).collect::<Result<Vec<SigningKey>, _>>()?;
            keys.sort_by_key(|key| key.created_at);
            Ok(keys)
        })
        .await
    }

    async fn rp_id(&self) -> Result<Option<Host>, StoreError> {
        self.read(older_rp_id).await
    }

    async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError> {
        let rp_id = rp_id.clone();
        self.read(move |view| {
            let (older, mut locked_out) = (older_rp_id(view)?, LockedOut::default());
            let mut from = Vec::new();
            loop {
                // Longer than any credential id.
                let keys = view.keys(Table::Passkeys, from..=vec![0xff; 1024], AT_ONCE)?;
                let Some(last) = keys.last() else { return Ok(locked_out) };
                // The least that comes after it.
                from = [last.as_slice(), &[0]].concat();
                for key in &keys {
                    let value = view.get(Table::Passkeys, key)?.ok_or_else(|| dangling(Table::Passkeys))?;
                    let (account, made_for) = records::made_for(&value)?;
                    locked_out.look(&rp_id, older.as_ref(), account, made_for.as_ref());
                }
            }
        })
        .await
    }

    async fn back_up(&self, to: &Path) -> Result<Vec<RowCount>, StoreError> {
        let (held, ends, to) = (Arc::clone(&self.held), Arc::clone(&self.ends), to.to_owned());
        let written = self.backups.run(move || backup::write(&held, &to, &ends)).await;
        written.unwrap_or_else(|error| {
            Err(StoreError { problem: "the copy was broken off".to_owned(), source: Some(Box::new(error)) })
        })
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.ready()?;
        self.read(|view| view.get(Table::Meta, SCHEMA)).await.map(drop)
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn commit(&self, changes: Vec<Change>, durability: Durability) -> Result<(), CommitError> {
        self.writer.write(Work::Commit(changes, durability)).await.map(drop)
    }

    async fn set_back(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.tidy(Work::SetBack { now, limit }).await
    }

    async fn sweep(
        &self,
        now: Timestamp,
        session_created_before: Timestamp,
        session_seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.tidy(Work::Sweep(Sweep { now, session_created_before, session_seen_before, limit })).await
    }
}
