//! `bmauth serve`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::CommandError;
use crate::auth::verifying::Verifying;
use crate::config::{self, Config, ConfigSource};
use crate::telemetry;
use crate::wire::keeping;
use crate::wire::system::{SystemClock, SystemEntropy};
use crate::wire::{self, Reread, Running, Supervisor, World};

/// Runs the gateway until it is told to stop.
pub(super) fn run(file: Option<PathBuf>) -> Result<(), CommandError> {
    let source = ConfigSource::file(file).with_process_environment();
    let config = config::load(source.clone())?;
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
    Ok(running.wait(Reread::of(&config, source), Supervisor::of_this_process())?)
}

/// Opens the store and starts everything.
pub(super) fn start(config: &Config) -> anyhow::Result<Running> {
    Running::start(config, async || {
        Ok(World {
            store: keeping::open_store(&config.storage).await?,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            transport: wire::transport(config)?,
            verifying: Arc::new(Verifying::start().context("no thread could be started")?),
        })
    })
}
