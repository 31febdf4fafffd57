//! `bmauth serve`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::{Failed, load};
use crate::auth::verifying::Verifying;
use crate::store::redb::RedbStore;
use crate::wire::system::{SystemClock, SystemEntropy};
use crate::wire::{self, Running, World};
use crate::{config::Config, telemetry};

/// Runs the gateway until it is told to stop.
pub(super) fn run(file: Option<PathBuf>) -> Result<(), Failed> {
    let config = load(file)?;
    let _log = telemetry::start().context("no thread could be started")?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for fault in &config.faults {
        tracing::error!("{fault}");
    }
    let running = start(&config)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = ?config.server.listen,
        admin = %running.admin(),
        "serving {}",
        config.public_url.origin()
    );
    Ok(running.wait()?)
}

/// Opens the store and starts everything.
pub(super) fn start(config: &Config) -> anyhow::Result<Running> {
    Running::start(config, || {
        Ok(World {
            store: Arc::new(RedbStore::open(&config.storage.path)?),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            transport: wire::transport(config)?,
            verifying: Arc::new(Verifying::start().context("no thread could be started")?),
        })
    })
}
