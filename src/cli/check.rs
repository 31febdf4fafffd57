//! `bmauth check`: is the configuration right, and can everything that it names be reached?

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use super::{Failed, load, shared_host};
use crate::config::Config;
use crate::config::email::Transport;
use crate::domain::host::Host;
use crate::domain::passkey::LockedOut;
use crate::domain::route::Route;
use crate::domain::upstream::{Upstream, UpstreamTls, UpstreamUrl};
use crate::proxy::probe;
use crate::store::redb::RedbStore;
use crate::store::{Records as _, StoreError};
use crate::wire;

/// What is said where the passkeys could not be looked at.
const NOT_LOOKED: &str = "passkeys: whether passkeys.rp_id locks somebody out was not looked at";

const PATIENCE: Duration = Duration::from_secs(10);

/// Prints a line for each thing that was tried.
pub(super) fn run(config: Option<PathBuf>, offline: bool, yes_lock_out: bool) -> Result<(), Failed> {
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
        println!("note     {NOT_LOOKED}: that needs the store");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    let well = runtime.block_on(async {
        let mut well = store(&config, yes_lock_out).await;
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

async fn store(config: &Config, yes_lock_out: bool) -> bool {
    let path = &config.storage.path;
    if !path.exists() {
        return say("store", Ok(format!("{} will be made at the first start", path.display())));
    }
    let opened = async {
        let store = RedbStore::open(path)?;
        store.ready().await?;
        Ok::<_, StoreError>(store)
    };
    match opened.await {
        Ok(store) => {
            say("store", Ok(format!("{} opens", path.display())));
            let looked = store.locked_out(&config.passkeys.rp_id).await;
            passkeys(&config.passkeys.rp_id, looked, yes_lock_out)
        }
        Err(error) => {
            say("store", Err(error.to_string()));
            println!("note     {NOT_LOOKED}: the store did not open");
            false
        }
    }
}

/// Says whether the passkeys that people have can be used with this `rp_id`.
fn passkeys(rp_id: &Host, looked: Result<LockedOut, StoreError>, yes_lock_out: bool) -> bool {
    let locked_out = match looked {
        Ok(locked_out) => locked_out,
        Err(error) => return say("passkeys", Err(error.to_string())),
    };
    if locked_out.unknown > 0 {
        println!(
            "note     passkeys: {} of them do not say which rp_id they were made for, and no gateway that notes it has served \
             this store yet: whether passkeys.rp_id = \"{rp_id}\" locks them out is not known",
            locked_out.unknown
        );
    }
    if locked_out.passkeys == 0 {
        return say("passkeys", Ok(format!("none is known to be for another passkeys.rp_id than {rp_id}")));
    }
    let why = format!(
        "passkeys.rp_id is {rp_id}, but {locked_out}: browsers offer them for nothing else, so they can no longer be used"
    );
    if yes_lock_out {
        println!("warning  passkeys: {why}");
        return true;
    }
    say("passkeys", Err(format!("{why}. Put passkeys.rp_id back, or say --yes-lock-out")))
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
