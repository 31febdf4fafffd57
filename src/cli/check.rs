//! `bmauth check`: is the configuration right, and can everything that it names be reached?

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use super::{Failed, load, shared_host};
use crate::config::Config;
use crate::config::email::Transport;
use crate::domain::route::Route;
use crate::domain::upstream::{Upstream, UpstreamTls, UpstreamUrl};
use crate::proxy::probe;
use crate::store::Records as _;
use crate::store::redb::RedbStore;
use crate::wire;

const PATIENCE: Duration = Duration::from_secs(10);

/// Prints a line for each thing that was tried.
pub(super) fn run(config: Option<PathBuf>, offline: bool) -> Result<(), Failed> {
    let config = load(config)?;
    for warning in &config.warnings {
        println!("warning  {warning}");
    }
    println!("ok       configuration");
    for note in shared_host::of(&config) {
        println!("note     {note}");
    }
    for route in config.routes.iter().filter(|route| route.upstream.servers.is_empty()) {
        let Route { host, path, demands, .. } = &**route;
        println!(
            "ok       route: {host}{path} has no upstream, so a proxy in front asks about it ({})",
            demands.access.as_str()
        );
    }
    if offline {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    let well = runtime.block_on(async {
        let mut well = say("store", store(&config).await);
        well &= say("mail", mail(&config).await);
        let mut seen: Vec<(&UpstreamUrl, &UpstreamTls)> = Vec::new();
        for Upstream { servers, tls, .. } in config.routes.iter().map(|route| &route.upstream) {
            for server in servers {
                if !seen.contains(&(server, tls)) {
                    seen.push((server, tls));
                    well &= say("upstream", reach(server, tls).await);
                }
            }
        }
        well
    });
    if well { Ok(()) } else { Err(Failed::Said) }
}

fn say(what: &str, result: Result<String, String>) -> bool {
    match result {
        Ok(how) => {
            println!("ok       {what}: {how}");
            true
        }
        Err(why) => {
            println!("FAILED   {what}: {why}");
            false
        }
    }
}

async fn store(config: &Config) -> Result<String, String> {
    let path = &config.storage.path;
    if !path.exists() {
        return Ok(format!("{} will be made at the first start", path.display()));
    }
    let store = RedbStore::open(path).map_err(|error| error.to_string())?;
    store.ready().await.map_err(|error| error.to_string())?;
    Ok(format!("{} opens", path.display()))
}

async fn mail(config: &Config) -> Result<String, String> {
    if matches!(config.email.transport, Transport::Log) {
        return Ok("printed to the terminal; nobody gets one".to_owned());
    }
    let transport = wire::transport(config).map_err(|error| format!("{error:#}"))?;
    match timeout(PATIENCE, transport.ready()).await {
        Ok(Ok(())) => Ok("the mail server answers".to_owned()),
        Ok(Err(error)) => Err(format!("{error} ({}). Check email.smtp_url.", error.source)),
        Err(_) => Err("the mail server takes too long to answer. Check email.smtp_url.".to_owned()),
    }
}

async fn reach(upstream: &UpstreamUrl, tls: &UpstreamTls) -> Result<String, String> {
    match timeout(PATIENCE, probe(upstream, tls)).await {
        Ok(said) => said,
        Err(_) => Err(format!("{upstream} takes too long to take a connection. Is the app running?")),
    }
}
