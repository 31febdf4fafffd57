//! A store in a PostgreSQL database, which many gateways share.
//!
//! Rows are the same versioned `records` as in the embedded store, with the columns beside them that
//! preconditions, lists and sweeps need (`migrations/0001.sql`). A commit is one transaction (`commit`). It locks what
//! it is about, always in one order (`locks`). Then it makes each change with statements that say themselves what must
//! hold (`apply`), and writes down what other gateways are to hear (`feed`). Every operation has a deadline of our own,
//! since a server that has stopped keeps its connections open.

mod apply;
pub(in crate::store) mod columns;
mod commit;
pub(in crate::store) mod contents;
mod fault;
mod feed;
mod locks;
mod migrate;
mod nodes;
mod pool;
mod share;
mod sweep;
mod target;
mod values;
mod wrapping;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row as PgRow;
use uuid::Uuid;

pub use self::migrate::{Migrated, migrate};
pub use self::target::{PostgresTarget, PostgresTls};

use self::fault::{PostgresFault, refusal};
use self::feed::Listening;
use self::migrate::Behind;
use self::pool::{ConnectionPool, Parameters, PooledConnection};
use self::values::{decode, limit as at_most, time};
use self::wrapping::{Wrapped, Wrapping};
use super::passed_over::PassedOver;
use super::records::fault::RecordFault;
use super::records::rows::Row;
use super::records::table::Table;
use super::{BucketLevel, BucketTaken, CommitError, InForce, Records, Store, StoreError, StoreNotification, records};
use crate::counts::store::{Operation, StoreCounts};
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::{Ceremony, CeremonyId};
use crate::domain::clock::{Entropy, Timestamp};
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

/// How long an operation may take, waiting for a connection included.
const DEADLINE: Duration = Duration::from_secs(5);
/// By how many seconds the database's clock may differ from ours before that is told of.
const CLOCKS_APART: u64 = 2;
/// How many rows are in memory at once where all of a table are looked at.
const AT_ONCE: usize = 1000;

/// A store in a PostgreSQL database. Connections are made as they are needed.
#[derive(Debug)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    pool: ConnectionPool,
    wrapping: Wrapping,
    entropy: Arc<dyn Entropy>,
    passed_over: PassedOver,
    /// By what its news are told from others'.
    origin: Uuid,
    /// Told when there are news to tell.
    news: Notify,
    /// What hears those of others, once it does.
    listening: tokio::sync::Mutex<Option<Listening>>,
    /// Whether the database is away, as far as the last operation told.
    away: AtomicBool,
    /// Whether a newer program has made the database its own, so that nothing of it may be read or written any more.
    too_old: AtomicBool,
    /// What this gateway is called among the others.
    name: String,
    /// How long it goes on with what it knows where it hears nothing.
    grace: Duration,
    /// Whether all that was heard is in force here.
    is_in_force: AtomicBool,
    counts: StoreCounts,
    /// When it was last looked for what others did.
    looked_at: Mutex<Instant>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("away", &self.away).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects to the database, which must have the schema of this program ([`migrate()`]). `key` wraps the gateway's own keys
    /// there; `grace` is how long this gateway goes on with what it knows where it hears nothing; randomness is for that, and for how long commits that met wait for each other.
    ///
    /// # Errors
    /// The database cannot be reached, has another schema, or its keys were wrapped with another key: one sentence for
    /// the operator.
    pub async fn open(
        target: &PostgresTarget,
        key: &Secret,
        grace: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let connecting = target.connecting()?;
        let inner = Inner {
            pool: ConnectionPool::new(connecting),
            wrapping: Wrapping::new(key, Arc::clone(&entropy)),
            origin: entropy.uuid(),
            entropy,
            news: Notify::new(),
            listening: tokio::sync::Mutex::default(),
            passed_over: PassedOver::default(),
            away: AtomicBool::new(false),
            too_old: AtomicBool::new(false),
            is_in_force: AtomicBool::new(true),
            name: nodes::own_name(),
            grace,
            counts: StoreCounts::default(),
            looked_at: Mutex::new(Instant::now()),
        };
        let looked = async {
            let lease = inner.pool.lease().await.map_err(|fault| fault.during("it could not be opened"))?;
            migrate::fits(&lease).await?;
            lease.give_back();
            // Nothing is known yet that could have been missed.
            let listening = async {
                let mut listening = Listening::begin(&inner).await?;
                listening.write_down(&inner).await?;
                Ok(listening)
            };
            let listening = listening.await.map_err(|fault: PostgresFault| fault.during("it could not be opened"))?;
            *inner.listening.lock().await = Some(listening);
            Ok(())
        };
        let looked = timeout_at(Instant::now() + DEADLINE, looked).await;
        looked.unwrap_or_else(|_| Err(PostgresFault::Deadline.during("it could not be opened")))?;
        let store = Self(Arc::new(inner));
        store.master().await?;
        Ok(store)
    }

    /// Whether a store does not open because its tables have to be brought up to date first ([`migrate()`]).
    pub fn is_behind(error: &StoreError) -> bool {
        error.source.as_deref().is_some_and(|source| source.is::<Behind>())
    }

    /// What of the database's settings can lose what was acknowledged, or is wrong otherwise, as seen at `now`; a
    /// sentence each.
    ///
    /// # Errors
    /// It could not be asked.
    pub async fn risks(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let settings = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
                        current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), \
                        extract(epoch FROM clock_timestamp())::bigint";
        let Some(row) = self.row(settings, &[]).await? else { return Ok(Vec::new()) };
        let pooled =
            timeout_at(Instant::now() + DEADLINE, self.is_pooled()).await.unwrap_or(Err(PostgresFault::Deadline));
        let pooled = pooled.map_err(|fault| fault.during("it could not be read"))?;
        let setting = |column: usize| row.get::<_, String>(column);
        let apart = row.get::<_, i64>(4).abs_diff(time(now));
        let risks = [
            (setting(0) == "off", "fsync is off: a crash of its machine can lose everything".to_owned()),
            (setting(1) == "off", "full_page_writes is off: a crash of its machine can damage it".to_owned()),
            (
                setting(2) == "off",
                "synchronous_commit is off: a crash loses what was acknowledged just before".to_owned(),
            ),
            (
                setting(2) == "local",
                "synchronous_commit is local: a fail-over can lose what was acknowledged".to_owned(),
            ),
            (
                setting(3).is_empty(),
                "it has no synchronous standby (synchronous_standby_names): a fail-over can lose what was acknowledged"
                    .to_owned(),
            ),
            (
                pooled,
                "a pooler stands before it that gives connections to others between transactions: notifications and locks \
                 are lost on it. Connect directly, or use a pool of sessions"
                    .to_owned(),
            ),
            (apart > CLOCKS_APART, format!("its clock and this machine's are {apart} seconds apart")),
        ];
        Ok(risks.into_iter().filter_map(|(is_so, risk)| is_so.then_some(risk)).collect())
    }

    /// Whether what seem to be two connections are one at the server: each is in no transaction while the other is
    /// asked.
    async fn is_pooled(&self) -> Result<bool, PostgresFault> {
        let connecting = self.0.pool.connecting();
        let (one, other) = (PooledConnection::open(connecting).await?, PooledConnection::open(connecting).await?);
        let mut backends = [0, 0];
        for (connection, backend) in [&one, &other].into_iter().zip(&mut backends) {
            // Not prepared: poolers of that kind may not know the statements of others.
            let row = connection.ask_simply("SELECT pg_backend_pid()").await?;
            *backend = row.and_then(|pid| pid.parse().ok()).unwrap_or_default();
        }
        let [one, other]: [i32; 2] = backends;
        Ok(one == other)
    }

    async fn rows(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<Vec<PgRow>, StoreError> {
        let rows = self.0.rows_until(Instant::now() + DEADLINE, statement, parameters).await;
        rows.map_err(|fault| fault.during("it could not be read"))
    }

    async fn row(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<Option<PgRow>, StoreError> {
        Ok(self.rows(statement, parameters).await?.into_iter().next())
    }

    /// The row of a key, which is the one parameter.
    async fn load<R: Row>(
        &self,
        statement: &'static str,
        key: &[u8],
        parameter: &(dyn tokio_postgres::types::ToSql + Sync),
    ) -> Result<Option<R>, StoreError> {
        let row = self.row(statement, &[parameter]).await?;
        row.map(|row| decode(key, &row)).transpose().map_err(unreadable)
    }

    /// The rows whose key is the column `key`, all of them.
    async fn list<R: Row>(
        &self,
        statement: &'static str,
        parameters: Parameters<'_>,
        key: impl Fn(&PgRow) -> Vec<u8> + Send,
    ) -> Result<Vec<R>, StoreError> {
        let rows = self.rows(statement, parameters).await?;
        rows.iter().map(|row| decode(&key(row), row)).collect::<Result<_, _>>().map_err(unreadable)
    }

    /// The same without those that cannot be read: one that waits must not hold up the others.
    async fn list_readable<R: Row>(
        &self,
        statement: &'static str,
        parameters: Parameters<'_>,
        key: impl Fn(&PgRow) -> Vec<u8> + Send,
    ) -> Result<Vec<R>, StoreError> {
        let rows = self.rows(statement, parameters).await?;
        rows.iter().filter_map(|row| self.readable(&key(row), row).transpose()).collect()
    }

    fn readable<R: Row>(&self, key: &[u8], row: &PgRow) -> Result<Option<R>, StoreError> {
        match decode(key, row) {
            Err(fault @ RecordFault::Unreadable { .. }) => {
                self.0.passed_over.log_unreadable(R::TABLE, key, &fault);
                Ok(None)
            }
            row => row.map(Some).map_err(unreadable),
        }
    }
}

fn unreadable(fault: RecordFault) -> StoreError {
    PostgresFault::from(fault).during("it could not be read")
}

fn bytes(row: &PgRow) -> Vec<u8> {
    row.get(0)
}

fn uuid(row: &PgRow) -> Vec<u8> {
    row.get::<_, Uuid>(0).into_bytes().to_vec()
}

fn text(row: &PgRow) -> Vec<u8> {
    row.get::<_, String>(0).into_bytes()
}

impl Inner {
    /// The rows that a statement answers, which changes nothing, or the same however often it is made: where a
    /// connection was of no use, another one is tried once.
    async fn rows_until(
        &self,
        until: Instant,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<PgRow>, PostgresFault> {
        let began = Instant::now();
        let answered = self.rows_in_turn(until, statement, parameters).await;
        self.counts.operation(Operation::Read, began.elapsed(), answered.is_err());
        answered
    }

    async fn rows_in_turn(
        &self,
        until: Instant,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<PgRow>, PostgresFault> {
        let _turn = self.turn(until).await?;
        let mut is_first = true;
        loop {
            let answered = timeout_at(until, async {
                let lease = self.pool.lease().await?;
                let rows = lease.rows(statement, parameters).await?;
                lease.give_back();
                Ok(rows)
            });
            let answered = answered.await.unwrap_or(Err(PostgresFault::Deadline));
            let again = is_first && matches!(answered, Err(PostgresFault::Lost(_)));
            if again {
                self.pool.empty();
                is_first = false;
                continue;
            }
            self.note(answered.as_ref().err());
            return answered;
        }
    }

    /// Waits for a turn to use a connection, until then.
    async fn turn(&self, until: Instant) -> Result<SemaphorePermit<'_>, PostgresFault> {
        if self.is_too_old() {
            return Err(PostgresFault::TooOld);
        }
        let _waits = self.counts.waits();
        let turn = timeout_at(until, self.pool.turn()).await.map_err(|_| PostgresFault::Busy)??;
        // It may have become so meanwhile.
        if self.is_too_old() { Err(PostgresFault::TooOld) } else { Ok(turn) }
    }

    /// Uses the database no more: a newer program has made it its own.
    fn give_up(&self) {
        self.too_old.store(true, Ordering::Relaxed);
        self.pool.empty();
        tracing::error!("{}; until then this gateway refuses whatever needs the database", PostgresFault::TooOld);
    }

    fn is_too_old(&self) -> bool {
        self.too_old.load(Ordering::Relaxed)
    }

    /// It was looked for what others did.
    fn looked(&self) {
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Notes what an operation told of the database: what is of no use any more is let go, and the log is told once.
    fn note(&self, fault: Option<&PostgresFault>) {
        match fault {
            None => {
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::warn!("the database answers again; everything works as before");
                }
            }
            Some(fault) => {
                if fault.is_of_the_connection() {
                    self.pool.empty();
                }
                if fault.is_away() && !self.away.swap(true, Ordering::Relaxed) {
                    tracing::error!(
                        why = fault.described(),
                        "the database cannot be reached, so new sign-ins fail; known sessions go on. Each request tries again"
                    );
                }
            }
        }
    }
}

#[async_trait]
impl Records for PostgresStore {
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError> {
        self.load("SELECT record FROM ceremonies WHERE id = $1", id.0.as_bytes(), &id.0).await
    }

    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError> {
        let key = &browser.bytes()[..];
        self.load("SELECT record FROM registrations WHERE browser = $1", key, &key).await
    }

    async fn registrations_of(&self, email: &Email) -> Result<Vec<Registration>, StoreError> {
        let all = "SELECT browser, record FROM registrations WHERE email = $1 ORDER BY browser";
        self.list_readable(all, &[&email.as_str()], bytes).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.load("SELECT record FROM accounts WHERE id = $1", id.0.as_bytes(), &id.0).await
    }

    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        let found = self.list("SELECT id, record FROM accounts WHERE email = $1", &[&email.as_str()], uuid).await?;
        Ok(found.into_iter().next())
    }

    async fn passkey(&self, id: &CredentialId) -> Result<Option<Passkey>, StoreError> {
        self.load("SELECT record FROM passkeys WHERE id = $1", id.bytes(), &id.bytes()).await
    }

    async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, StoreError> {
        let all = "SELECT id, record FROM passkeys WHERE account = $1 ORDER BY created_at, id";
        self.list(all, &[&account.0], bytes).await
    }

    async fn passkey_ids(&self, account: AccountId) -> Result<Vec<CredentialId>, StoreError> {
        let all = "SELECT id FROM passkeys WHERE account = $1 ORDER BY created_at, id";
        let rows = self.rows(all, &[&account.0]).await?;
        let id = |row: &PgRow| {
            let too_long = || refusal("a passkey in the database has an id of impossible length");
            CredentialId::new(row.get::<_, &[u8]>(0)).ok_or_else(too_long)
        };
        rows.iter().map(id).collect()
    }

    async fn session(&self, token: SecretDigest) -> Result<Option<Session>, StoreError> {
        let one = "SELECT token, record, last_seen_at FROM sessions WHERE token = $1";
        let row = self.row(one, &[&&token.bytes()[..]]).await?;
        row.map(|row| values::session(&row)).transpose().map_err(unreadable)
    }

    async fn session_and_account(&self, token: SecretDigest) -> Result<Option<(Session, Account)>, StoreError> {
        let both = "SELECT token, sessions.record, last_seen_at, accounts.record AS account_record FROM sessions \
                    JOIN accounts ON accounts.id = sessions.account WHERE token = $1";
        let Some(row) = self.row(both, &[&&token.bytes()[..]]).await? else { return Ok(None) };
        let session = values::session(&row).map_err(unreadable)?;
        let account = Account::decode(session.account.0.as_bytes(), row.get("account_record")).map_err(unreadable)?;
        Ok(Some((session, account)))
    }

    async fn tokens(&self, session: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        let key = &session.bytes()[..];
        self.load("SELECT record FROM token_families WHERE session = $1", key, &key).await
    }

    async fn tokens_by_refresh(&self, token: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        let one = "SELECT session, record FROM refresh_tokens JOIN token_families USING (session) WHERE token = $1";
        Ok(self.list(one, &[&&token.bytes()[..]], bytes).await?.into_iter().next())
    }

    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        let all = "SELECT token, record, last_seen_at FROM sessions WHERE account = $1 ORDER BY created_at DESC, token";
        let rows = self.rows(all, &[&account.0]).await?;
        rows.iter().map(values::session).collect::<Result<_, _>>().map_err(unreadable)
    }

    async fn events(&self, account: AccountId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let newest = "SELECT id, record FROM events WHERE account = $1 ORDER BY at DESC, id DESC LIMIT $2";
        self.list(newest, &[&account.0, &at_most(limit)], uuid).await
    }

    async fn accounts(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let next = "SELECT id, record FROM accounts WHERE email > $1 ORDER BY email LIMIT $2";
        // No address is empty.
        let after = after.map_or("", Email::as_str);
        self.list(next, &[&after, &at_most(limit)], uuid).await
    }

    async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        self.load("SELECT record FROM links WHERE id = $1", id.0.as_bytes(), &id.0).await
    }

    async fn link_by_code(&self, code: LinkCodeDigest) -> Result<Option<Link>, StoreError> {
        let one = "SELECT id, record FROM link_codes JOIN links ON id = link WHERE code = $1";
        Ok(self.list(one, &[&&code.0[..]], uuid).await?.into_iter().next())
    }

    async fn recovery(&self, browser: SecretDigest) -> Result<Option<Recovery>, StoreError> {
        let key = &browser.bytes()[..];
        self.load("SELECT record FROM recoveries WHERE browser = $1", key, &key).await
    }

    async fn recoveries_of(&self, account: AccountId) -> Result<Vec<Recovery>, StoreError> {
        let all = "SELECT browser, record FROM recoveries WHERE owner = $1 ORDER BY browser";
        self.list_readable(all, &[&account.0], bytes).await
    }

    async fn recoveries_for(&self, email: &Email) -> Result<Vec<Recovery>, StoreError> {
        let all = "SELECT browser, record FROM recoveries WHERE email = $1 ORDER BY browser";
        self.list_readable(all, &[&email.as_str()], bytes).await
    }

    async fn hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        self.load("SELECT record FROM holds WHERE account = $1", account.0.as_bytes(), &account.0).await
    }

    async fn moving(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        self.load("SELECT record FROM moves WHERE account = $1", account.0.as_bytes(), &account.0).await
    }

    async fn moves_from(&self, email: &Email) -> Result<Vec<Move>, StoreError> {
        let all = "SELECT account, record FROM moves WHERE former = $1 ORDER BY account";
        self.list(all, &[&email.as_str()], uuid).await
    }

    async fn admin_code(&self, account: AccountId) -> Result<Option<AdminCode>, StoreError> {
        self.load("SELECT record FROM admin_codes WHERE account = $1", account.0.as_bytes(), &account.0).await
    }

    async fn bookmark(&self, name: SecretDigest) -> Result<Option<Bookmark>, StoreError> {
        let key = &name.bytes()[..];
        self.load("SELECT record FROM bookmarks WHERE name = $1", key, &key).await
    }

    async fn invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        let key = email.as_str();
        self.load("SELECT record FROM invitations WHERE email = $1", key.as_bytes(), &key).await
    }

    async fn invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError> {
        let next = "SELECT email, record FROM invitations WHERE email > $1 ORDER BY email LIMIT $2";
        let mut after = after.map_or("", Email::as_str).to_owned();
        let mut invitations = Vec::new();
        while invitations.len() < limit {
            let rows = self.rows(next, &[&after, &at_most(limit - invitations.len())]).await?;
            let Some(last) = rows.last() else { break };
            after = last.get(0);
            for row in &rows {
                invitations.extend(self.readable(&text(row), row)?);
            }
        }
        Ok(invitations)
    }

    async fn has_invitations(&self) -> Result<bool, StoreError> {
        Ok(self.row("SELECT 1 FROM invitations LIMIT 1", &[]).await?.is_some())
    }

    async fn counted(&self, counter: Counter, window: Duration, now: Timestamp) -> Result<u32, StoreError> {
        let row = self.row("SELECT count, ends_at FROM counters WHERE name = $1", &[&&counter.0[..]]).await?;
        let Some(row) = row else { return Ok(0) };
        let count = u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX);
        let ends_at = Timestamp::from_unix(u64::try_from(row.get::<_, i64>(1)).unwrap_or_default());
        Ok(if CounterChange::runs(ends_at, window, now) { count } else { 0 })
    }

    async fn letters_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let next = "SELECT id, record, due_at FROM letters WHERE due_at <= $1 AND (due_at, id) > ($2, $3) \
                    ORDER BY due_at, id LIMIT $4";
        let (mut due_at, mut id, mut letters) = (i64::MIN, Uuid::nil(), Vec::new());
        while letters.len() < limit {
            let rows = self.rows(next, &[&time(now), &due_at, &id, &at_most(limit - letters.len())]).await?;
            let Some(last) = rows.last() else { break };
            (due_at, id) = (last.get("due_at"), last.get("id"));
            for row in &rows {
                letters.extend(self.readable(&uuid(row), row)?);
            }
        }
        Ok(letters)
    }

    async fn master(&self) -> Result<Option<Secret>, StoreError> {
        let row = self.row("SELECT master FROM gateway", &[]).await?;
        let Some(wrapped) = row.and_then(|row| row.get::<_, Option<Vec<u8>>>(0)) else { return Ok(None) };
        let master = self.0.wrapping.unwrap(Wrapped::Master, &wrapped);
        let master = master.map_err(|fault| fault.during("it could not be read"))?;
        let bytes = master.as_slice().try_into().map_err(|_| {
            let why = "the master secret is not 32 bytes long".to_owned();
            unreadable(RecordFault::Unreadable { table: Table::Meta, why })
        })?;
        Ok(Some(Secret::from_bytes(bytes)))
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let rows = self.rows("SELECT kid, record FROM signing_keys ORDER BY created_at, kid", &[]).await?;
        let key = |row: &PgRow| {
            let (kid, wrapped): (String, Vec<u8>) = (row.get(0), row.get(1));
            let record = self.0.wrapping.unwrap(Wrapped::SigningKey(&kid), &wrapped)?;
            Ok(SigningKey::decode(kid.as_bytes(), &record)?)
        };
        rows.iter().map(key).collect::<Result<_, PostgresFault>>().map_err(|fault| fault.during("it could not be read"))
    }

    async fn key_generation(&self) -> Result<u64, StoreError> {
        let row = self.row("SELECT key_generation FROM gateway", &[]).await?;
        Ok(row.and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok()).unwrap_or_default())
    }

    async fn rp_id(&self) -> Result<Option<Host>, StoreError> {
        let row = self.row("SELECT rp_id FROM gateway", &[]).await?;
        let noted = row.and_then(|row| row.get::<_, Option<String>>(0));
        noted.map(|noted| records::read_host(Table::Meta, &noted)).transpose().map_err(unreadable)
    }

    async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError> {
        let next = "SELECT id, record FROM passkeys WHERE id > $1 ORDER BY id LIMIT $2";
        let (older, mut locked_out, mut after) = (self.rp_id().await?, LockedOut::default(), Vec::new());
        loop {
            let rows = self.rows(next, &[&after, &at_most(AT_ONCE)]).await?;
            let Some(last) = rows.last() else { return Ok(locked_out) };
            after = bytes(last);
            for row in &rows {
                let (account, made_for) = records::made_for(row.get("record")).map_err(unreadable)?;
                locked_out.look(rp_id, older.as_ref(), account, made_for.as_ref());
            }
        }
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.row("SELECT schema FROM gateway", &[]).await.map(drop)
    }

    fn is_shared(&self) -> bool {
        // One that is too old is so by itself: the others answer.
        !self.0.is_too_old()
    }

    fn counts(&self) -> Option<&StoreCounts> {
        let Inner { pool, counts, looked_at, .. } = &*self.0;
        let looked = looked_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        counts.set_now(pool.connections(), looked);
        Some(counts)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, changes: Vec<Change>, durability: Durability) -> Result<(), CommitError> {
        let inner = Arc::clone(&self.0);
        // A caller that stops waiting does not stop it.
        let committed = tokio::spawn(async move { inner.commit(&changes, durability).await });
        committed.await.unwrap_or_else(|error| {
            Err(StoreError { problem: "a commit was broken off".to_owned(), source: Some(Box::new(error)) }.into())
        })
    }

    async fn hear(&self) -> Result<StoreNotification, StoreError> {
        self.0.hear().await.map_err(|fault| fault.during("what other gateways did could not be heard"))
    }

    fn set_in_force(&self, is_in_force: bool) {
        self.0.is_in_force.store(is_in_force, Ordering::Relaxed);
    }

    async fn in_force(&self, patience: Duration) -> Result<InForce, StoreError> {
        let waited = self.0.in_force(patience).await;
        waited.map_err(|fault| fault.during("whether other gateways have heard of it could not be read"))
    }

    async fn share(&self, taken: &[BucketTaken]) -> Result<Vec<BucketLevel>, StoreError> {
        self.0.share(taken).await.map_err(|fault| fault.during("what networks ask could not be added up"))
    }

    async fn leave(&self) -> Result<(), StoreError> {
        self.0.leave().await.map_err(|fault| fault.during("that this gateway stops could not be written down"))
    }

    async fn set_back(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let done = self.0.set_back(now, limit).await;
        self.0.or_let_others(done).await.map_err(|fault| fault.during("what is from the future was not set back"))
    }

    async fn sweep(
        &self,
        now: Timestamp,
        session_created_before: Timestamp,
        session_seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let swept = self.0.sweep(now, session_created_before, session_seen_before, limit).await;
        self.0.or_let_others(swept).await.map_err(|fault| fault.during("what has expired was not removed"))
    }
}
