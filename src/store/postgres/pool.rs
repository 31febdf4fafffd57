//! Connections to the database: a few that are kept, and let go all at once when one of them was of no use.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::AbortHandle;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Row, SimpleQueryMessage, Statement};

use super::fault::PostgresFault;
use super::target::Connecting;
use crate::counts::store::Connections;

/// How many connections a gateway has at most. PostgreSQL writes what commits at the same time together, so few go far.
const CONNECTIONS: usize = 16;

/// What each connection is told first. Where the gateway, or the way to it, is gone, the server lets go of what a
/// transaction holds before our own deadline is over. So the same commit, made again, does not wait for itself. A lock
/// that takes so long is told as such, and tried again.
const GREETING: &str = "SET lock_timeout = '3s'; SET statement_timeout = '10s'; \
                        SET idle_in_transaction_session_timeout = '3s'; \
                        SET default_transaction_isolation = 'read committed'";

/// Who uses a schema of the database: gateways together, or something alone. The lock is the connection's.
const WITH_OTHERS: &str = "SELECT pg_try_advisory_lock_shared(hashtext('bmauth gateway'), hashtext(current_schema()))";
const ALONE: &str = "SELECT pg_advisory_lock(hashtext('bmauth gateway'), hashtext(current_schema()))";

/// The parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The connections to one database. Each is made when it is needed.
pub(super) struct ConnectionPool {
    connecting: Connecting,
    permits: Semaphore,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Raised whenever all are let go.
    generation: u64,
    connections: Vec<PooledConnection>,
}

impl ConnectionPool {
    /// A pool without any connection yet.
    pub(super) fn new(connecting: Connecting) -> Self {
        Self { connecting, permits: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its connections are made with.
    pub(super) const fn connecting(&self) -> &Connecting {
        &self.connecting
    }

    /// Waits for a turn to use a connection.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, PostgresFault> {
        self.permits.acquire().await.map_err(|_| PostgresFault::Busy)
    }

    /// A connection, one that is kept or a new one. A caller that is done with it gives it back ([`Lease::give_back`]).
    /// Dropped, it is closed, since it is not known what it was in the middle of.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, PostgresFault> {
        let (kept, generation) = {
            let mut idle = self.idle();
            let kept = std::iter::from_fn(|| idle.connections.pop()).find(|one| !one.client.is_closed());
            (kept, idle.generation)
        };
        let connection = match kept {
            Some(connection) => connection,
            None => PooledConnection::open(&self.connecting).await?,
        };
        Ok(Lease { pool: self, connection, generation })
    }

    /// How its connections stand.
    pub(super) fn connections(&self) -> Connections {
        let busy = CONNECTIONS.saturating_sub(self.permits.available_permits());
        Connections { busy, idle: self.idle().connections.len() }
    }

    /// Lets all connections go, those too that are in use, as soon as they are given back.
    pub(super) fn empty(&self) {
        let mut idle = self.idle();
        idle.generation += 1;
        idle.connections.clear();
    }
}

/// A connection in use.
pub(super) struct Lease<'a> {
    pool: &'a ConnectionPool,
    connection: PooledConnection,
    generation: u64,
}

impl Lease<'_> {
    /// Keeps the connection for the next one. It must be in no transaction.
    pub(super) fn give_back(self) {
        let mut idle = self.pool.idle();
        if idle.generation == self.generation {
            idle.connections.push(self.connection);
        }
    }
}

impl std::ops::Deref for Lease<'_> {
    type Target = PooledConnection;

    fn deref(&self) -> &PooledConnection {
        &self.connection
    }
}

/// One connection. Statements are prepared once on each.
pub(super) struct PooledConnection {
    client: Client,
    prepared: Mutex<HashMap<&'static str, Statement>>,
    /// Whether the server has sent a warning since this was last asked.
    warned: Arc<AtomicBool>,
    /// Told of each notification, and of the end of the connection.
    notified: Arc<Notify>,
    driver: AbortHandle,
}

impl PooledConnection {
    pub(super) async fn open(connecting: &Connecting) -> Result<Self, PostgresFault> {
        let (client, mut connection) = connecting.connect().await?;
        let warned = Arc::new(AtomicBool::new(false));
        let notified = Arc::new(Notify::new());
        let (noted, told) = (Arc::clone(&warned), Arc::clone(&notified));
        let driver = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    // It comes before the answer it is about, and so is noted before that is seen.
                    Ok(AsyncMessage::Notice(notice)) if *notice.code() == SqlState::WARNING => {
                        noted.store(true, Ordering::Release);
                    }
                    Ok(AsyncMessage::Notification(_)) => told.notify_one(),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a connection to the database ended");
                        break;
                    }
                }
            }
            told.notify_one();
        });
        let connection = Self { client, prepared: Mutex::default(), warned, notified, driver: driver.abort_handle() };
        connection.run(GREETING).await?;
        Ok(connection)
    }

    /// Runs statements that answer nothing, without preparing them.
    pub(super) async fn run(&self, statements: &str) -> Result<(), PostgresFault> {
        Ok(self.client.batch_execute(statements).await?)
    }

    /// The rows that a statement answers.
    pub(super) async fn rows(
        &self,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, PostgresFault> {
        let statement = self.prepared(statement).await?;
        Ok(self.client.query(&statement, parameters).await?)
    }

    /// The one row that a statement answers, where there is one.
    pub(super) async fn row(
        &self,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, PostgresFault> {
        Ok(self.rows(statement, parameters).await?.into_iter().next())
    }

    /// The rows of a statement that is made up for once.
    pub(super) async fn ask(&self, statement: &str) -> Result<Vec<Row>, PostgresFault> {
        Ok(self.client.query(statement, &[]).await?)
    }

    /// The first value of what a statement answers, as text, without preparing it.
    pub(super) async fn ask_simply(&self, statement: &str) -> Result<Option<String>, PostgresFault> {
        let answers = self.client.simple_query(statement).await?;
        let value = |answer| {
            let SimpleQueryMessage::Row(row) = answer else { return None };
            row.get(0).map(str::to_owned)
        };
        Ok(answers.into_iter().find_map(value))
    }

    /// What takes the rows of a table to come, until it is finished.
    pub(super) async fn writer(&self, table: &str, columns: &str) -> Result<BinaryCopyInWriter, PostgresFault> {
        let shape = self.client.prepare(&format!("SELECT {columns} FROM {table}")).await?;
        let types: Vec<_> = shape.columns().iter().map(|column| column.type_().clone()).collect();
        let sink = self.client.copy_in(&format!("COPY {table} ({columns}) FROM STDIN BINARY")).await?;
        Ok(BinaryCopyInWriter::new(sink, &types))
    }

    /// Says that a gateway uses the database, until the connection ends. Whether it may: nothing has it
    /// [alone](Self::alone).
    pub(super) async fn with_others(&self) -> Result<bool, PostgresFault> {
        Ok(self.row(WITH_OTHERS, &[]).await?.is_some_and(|row| row.get(0)))
    }

    /// Has the database alone until the connection ends: no gateway uses it, or begins to.
    ///
    /// # Errors
    /// [`PostgresFault::Met`] where one goes on using it.
    pub(super) async fn alone(&self) -> Result<(), PostgresFault> {
        self.rows(ALONE, &[]).await.map(drop)
    }

    /// Whether a statement answers anything.
    pub(super) async fn finds(
        &self,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<bool, PostgresFault> {
        Ok(!self.rows(statement, parameters).await?.is_empty())
    }

    /// How many rows a statement wrote or took away.
    pub(super) async fn change(
        &self,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<u64, PostgresFault> {
        let statement = self.prepared(statement).await?;
        Ok(self.client.execute(&statement, parameters).await?)
    }

    /// Whether the server has sent a warning since this was last asked.
    pub(super) fn was_warned(&self) -> bool {
        self.warned.swap(false, Ordering::Acquire)
    }

    /// Waits for the next notification, or the end of the connection.
    pub(super) async fn notified(&self) {
        self.notified.notified().await;
    }

    async fn prepared(&self, text: &'static str) -> Result<Statement, PostgresFault> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(text).await?;
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(text, statement.clone());
        Ok(statement)
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        // The socket closes with it: a server that does not answer would be waited for otherwise.
        self.driver.abort();
    }
}
