//! Where the gateway of a configuration remembers, and where its commands reach it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::pki_types::CertificateDer;

use super::system::SystemEntropy;
use crate::admin::socket;
use crate::config::Config;
use crate::config::storage::database::{DatabaseAddress, DatabaseTls};
use crate::config::storage::{DatabaseSettings, Storage};
use crate::domain::secret::Secret;
use crate::store::postgres::{self, Migrated, PostgresStore, PostgresTarget, PostgresTls};
use crate::store::redb::RedbStore;
use crate::store::{Store, StoreError, copying};

/// Where the admin socket is of a gateway that has no file of its own beside which it could be.
const RUNTIME_SOCKET: &str = "/run/bmauth/bmauth.sock";

/// The store of a configuration, opened.
///
/// # Errors
/// One sentence for the operator.
pub async fn open_store(storage: &Storage) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match storage {
        Storage::File(path) => Arc::new(RedbStore::open(path)?),
        Storage::Database(database) => {
            if database.migrate {
                let Migrated { from, to } = migrate(database).await.context("storage.migrate")?;
                if from != to {
                    tracing::info!(from, to, "the tables of the database were brought up to date");
                }
            }
            Arc::new(open_database(database).await?)
        }
    })
}

/// The database of a configuration, opened as it is.
///
/// # Errors
/// One sentence for the operator.
pub async fn open_database(database: &DatabaseSettings) -> Result<PostgresStore, StoreError> {
    let target = target(&database.address);
    PostgresStore::open(&target, &database.key, database.grace, Arc::new(SystemEntropy)).await
}

/// Brings the tables of a database up to date, as their owner.
///
/// # Errors
/// One sentence for the operator.
pub async fn migrate(database: &DatabaseSettings) -> Result<Migrated, StoreError> {
    postgres::migrate(&target(database.owner.as_ref().unwrap_or(&database.address))).await
}

/// One side of a copy that is a database.
pub fn copied_database(
    address: &DatabaseAddress,
    owner: Option<&DatabaseAddress>,
    key: Secret,
) -> copying::CopyDatabase {
    copying::CopyDatabase { target: target(address), owner: target(owner.unwrap_or(address)), key }
}

fn target(address: &DatabaseAddress) -> PostgresTarget {
    let certificates =
        |authorities: &Arc<[Box<[u8]>]>| authorities.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    PostgresTarget {
        url: address.url.expose().to_owned(),
        tls: match &address.tls {
            DatabaseTls::Off => PostgresTls::Off,
            DatabaseTls::Prefer => PostgresTls::Prefer,
            DatabaseTls::Require => PostgresTls::Require,
            DatabaseTls::VerifyFull { authorities } => {
                PostgresTls::VerifyFull(authorities.as_ref().map(certificates).unwrap_or_default())
            }
        },
    }
}

/// Where the commands reach the gateway of a configuration: the socket that it names, else the one beside the store's
/// file.
pub fn admin_socket(config: &Config) -> PathBuf {
    match (&config.server.admin_socket, &config.storage) {
        (Some(socket), _) => socket.clone(),
        (None, Storage::File(store)) => socket::beside(store),
        (None, Storage::Database(_)) => PathBuf::from(RUNTIME_SOCKET),
    }
}

/// The key of a configuration by which the place of its admin socket can be changed.
pub fn admin_socket_key(config: &Config) -> &'static str {
    match (&config.server.admin_socket, &config.storage) {
        (None, Storage::File(_)) => "storage.path",
        (Some(_), _) | (None, Storage::Database(_)) => "server.admin_socket",
    }
}

/// For how long known sessions go on while nothing is heard of the store. A file is never unheard of.
pub(super) fn grace(storage: &Storage) -> Duration {
    match storage {
        Storage::File(_) => Duration::MAX,
        Storage::Database(database) => database.grace,
    }
}

/// The file of the store, where it is one.
pub(super) fn file(storage: &Storage) -> Option<&Path> {
    match storage {
        Storage::File(path) => Some(path),
        Storage::Database(_) => None,
    }
}
