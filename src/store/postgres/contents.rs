//! A whole database, read or written from one end to the other within one transaction.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::ToSql;

use super::columns::{Columns, key_of};
use super::fault::{PostgresFault, refusal};
use super::migrate;
use super::pool::PooledConnection;
use super::target::PostgresTarget;
use super::values::number;
use super::wrapping::{Wrapped, Wrapping};
use crate::domain::clock::Entropy;
use crate::domain::host::Host;
use crate::domain::secret::Secret;
use crate::store::StoreError;
use crate::store::contents::{AT_ONCE, Blank, Own, Source, of_row};
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::Row;
use crate::store::records::table::Table;

/// How long connecting, and waiting for what uses the database to let go of it, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A whole table takes its time, and so does the other side. A server that has lost us lets go in the end.
const SETTINGS: &str = "SET lock_timeout = '3s'; SET statement_timeout = 0; \
                        SET idle_in_transaction_session_timeout = '10min'";
/// One state is seen, whatever else happens.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";
const OWN: &str = "SELECT master, key_generation, rp_id FROM gateway";
const PUT_OWN: &str =
    "UPDATE gateway SET master = $1, key_generation = $2, rp_id = $3 WHERE master IS NULL AND key_generation = 0";

/// A database that no gateway uses meanwhile.
pub(in crate::store) struct DatabaseContents {
    connection: PooledConnection,
    wrapping: Wrapping,
    writing: Option<Pin<Box<BinaryCopyInWriter>>>,
}

impl DatabaseContents {
    /// The database, which no gateway uses from now on.
    ///
    /// # Errors
    /// It cannot be reached, is not up to date, or a gateway uses it: one sentence for the operator.
    pub(in crate::store) async fn open(
        target: &PostgresTarget,
        key: &Secret,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let connecting = target.connecting()?;
        let opened = async {
            let opening = |fault: PostgresFault| fault.during("the database could not be opened");
            let connection = PooledConnection::open(&connecting).await.map_err(opening)?;
            connection.run(SETTINGS).await.map_err(opening)?;
            migrate::fits(&connection).await?;
            let alone = connection.alone().await;
            if matches!(alone, Err(PostgresFault::Met(_))) {
                return Err(refusal("a gateway is running on the database: stop all of them first"));
            }
            alone.map_err(opening)?;
            connection.run(BEGIN).await.map_err(opening)?;
            Ok(Self { connection, wrapping: Wrapping::new(key, entropy), writing: None })
        };
        let opened = timeout(PATIENCE, opened).await;
        opened.unwrap_or_else(|_| Err(PostgresFault::Deadline.during("the database could not be opened")))
    }
}

/// The table of a kind.
fn table<R: Row>() -> String {
    R::TABLE.name().replace('-', "_")
}

async fn during<T>(
    table: Table,
    doing: &str,
    done: impl Future<Output = Result<T, PostgresFault>>,
) -> Result<T, StoreError> {
    done.await.map_err(|fault| {
        // Nothing else is at work: what is refused would be refused again.
        let fault = if let PostgresFault::Met(error) = fault { PostgresFault::Refused(error) } else { fault };
        fault.during(&format!("“{}” could not be {doing}", table.name()))
    })
}

/// The error of one row, by its key.
fn of_key(table: Table, key: &[u8], fault: PostgresFault) -> StoreError {
    if let PostgresFault::Record(fault) = &fault {
        return of_row(table, key, fault);
    }
    fault.during(&format!("a row of “{}” could not be read or written", table.name()))
}

impl Source for DatabaseContents {
    async fn begin<R: Columns>(&mut self) -> Result<(), StoreError> {
        let (table, columns) = (table::<R>(), R::COLUMNS);
        // The key is the first column; its index has that order.
        let declare = format!("CLOSE ALL; DECLARE kind NO SCROLL CURSOR FOR SELECT {columns} FROM {table} ORDER BY 1");
        during(R::TABLE, "read", self.connection.run(&declare)).await
    }

    async fn next<R: Columns>(&mut self) -> Result<Vec<R>, StoreError> {
        let fetch = format!("FETCH {AT_ONCE} FROM kind");
        let rows = during(R::TABLE, "read", self.connection.ask(&fetch)).await?;
        let read = |row| R::read(row, &self.wrapping).map_err(|fault| of_key(R::TABLE, &key_of(row), fault));
        rows.iter().map(read).collect()
    }

    async fn own(&mut self) -> Result<Option<Own>, StoreError> {
        let row = during(Table::Meta, "read", self.connection.row(OWN, &[])).await?;
        let Some(row) = row else { return Ok(None) };
        let Some(wrapped) = row.get::<_, Option<Vec<u8>>>(0) else { return Ok(None) };
        let unreadable = |why: &str| {
            of_row(Table::Meta, b"gateway", &RecordFault::Unreadable { table: Table::Meta, why: why.to_owned() })
        };
        let master =
            self.wrapping.unwrap(Wrapped::Master, &wrapped).map_err(|fault| fault.during("it could not be read"))?;
        let master = master.as_slice().try_into().map_err(|_| unreadable("the master secret is not 32 bytes long"))?;
        let rp_id = row.get::<_, Option<String>>(2).map(|text| Host::parse(&text)).transpose();
        Ok(Some(Own {
            master: Secret::from_bytes(master),
            key_generation: u64::try_from(row.get::<_, i64>(1)).map_err(|_| unreadable("it counts backwards"))?,
            rp_id: rp_id.map_err(|error| unreadable(&error.to_string()))?,
        }))
    }
}

impl Blank for DatabaseContents {
    async fn open<R: Columns>(&mut self) -> Result<(), StoreError> {
        let table = table::<R>();
        let writing = self.connection.writer(&table, R::COLUMNS);
        self.writing = Some(Box::pin(during(R::TABLE, "written", writing).await?));
        Ok(())
    }

    async fn put<R: Columns>(&mut self, rows: &[R]) -> Result<(), StoreError> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        for row in rows {
            let values = row.values(&self.wrapping).map_err(|fault| of_key(R::TABLE, &row.key(), fault))?;
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
            let written = async { Ok(writing.as_mut().write(&values).await?) };
            during(R::TABLE, "written", written).await?;
        }
        Ok(())
    }

    async fn close<R: Columns>(&mut self) -> Result<(), StoreError> {
        if let Some(mut writing) = self.writing.take() {
            during(R::TABLE, "written", async { Ok(writing.as_mut().finish().await?) }).await?;
        }
        let Some(naming) = R::NAMING else { return Ok(()) };
        self.begin::<R>().await?;
        loop {
            let rows = self.next::<R>().await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let values = row.values(&self.wrapping).map_err(|fault| of_key(R::TABLE, &row.key(), fault))?;
                let Some(key) = values.first() else { continue };
                let names = row.names();
                let parameters: [&(dyn ToSql + Sync); 2] = [&**key, &names];
                during(R::TABLE, "written", self.connection.change(naming, &parameters)).await?;
            }
        }
    }

    async fn put_own(&mut self, own: &Own) -> Result<(), StoreError> {
        let Own { master, key_generation, rp_id } = own;
        let put = async {
            let wrapped = self.wrapping.wrap(Wrapped::Master, master.bytes())?;
            let rp_id = rp_id.as_ref().map(Host::as_str);
            self.connection.change(PUT_OWN, &[&wrapped, &number(*key_generation), &rp_id]).await
        };
        during(Table::Meta, "written", put).await.map(drop)
    }

    async fn keep(self) -> Result<(), StoreError> {
        self.connection.was_warned();
        let kept = self.connection.run("COMMIT").await;
        let kept = kept.and_then(|()| if self.connection.was_warned() { Err(PostgresFault::Warned) } else { Ok(()) });
        kept.map_err(|fault| {
            fault.during("whether the copy was kept is not known: look whether the target has accounts")
        })
    }
}
