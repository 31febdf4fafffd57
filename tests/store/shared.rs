//! Stores in a PostgreSQL of the tests' own, each in a schema of its own.

use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::secret::Secret;
use bmauth::store::StoreError;
use bmauth::store::postgres::{PostgresStore, PostgresTarget, PostgresTls, migrate};
use bmauth::wire::system::SystemEntropy;

use crate::server::server;

/// Where a store can be made that nothing else is in.
pub fn fresh() -> PostgresTarget {
    PostgresTarget { url: server().fresh_schema(), tls: PostgresTls::Off }
}

/// The store there, which another gateway may have, too.
pub async fn open(target: &PostgresTarget) -> PostgresStore {
    try_open(target).await.unwrap()
}

/// The same where there may be none.
pub async fn try_open(target: &PostgresTarget) -> Result<PostgresStore, StoreError> {
    let (key, grace) = (Secret::from_bytes([9; 32]), Duration::from_secs(60));
    PostgresStore::open(target, &key, grace, Arc::new(SystemEntropy)).await
}

/// An empty store.
pub async fn store() -> PostgresStore {
    let target = fresh();
    migrate(&target).await.unwrap();
    open(&target).await
}
