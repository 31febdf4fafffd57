//! `bmauth check`: is the configuration right, and can everything that it names be reached?

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

use super::gateway::{AdminClient, escaped};
use super::table::plain;
use super::who::parse_email;
use super::{CommandError, describe_error, load, newcomers, shared_host};
use crate::admin::check::{LockOut, StoreChecked, StoreFile};
use crate::config::Config;
use crate::config::email::{EmailSettings, TransportSettings};
use crate::config::server::certificate::{self, Validity};
use crate::config::storage::{DatabaseSettings, Storage};
use crate::domain::clock::{Clock as _, Entropy as _, Timestamp};
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::language::Language;
use crate::domain::letter::Stamp;
use crate::domain::route::{Access, Route};
use crate::domain::upstream::{Upstream, UpstreamTls, UpstreamUrl};
use crate::mail::letters::{Rendered, Trial};
use crate::mail::smtp::NotTaken;
use crate::proxy::probe;
use crate::store::postgres::PostgresStore;
use crate::store::redb::RedbStore;
use crate::store::{Records as _, Store as _, StoreError};
use crate::wire::keeping;
use crate::wire::system::{SystemClock, SystemEntropy};
use crate::wire::{self, mail_server};
use crate::wording::{Words, moment};

/// What is said where the passkeys could not be looked at.
const NOT_LOOKED: &str = "passkeys: whether passkeys.rp_id locks people out was not checked";

const PATIENCE: Duration = Duration::from_secs(10);
/// A mail server may let strangers wait before it greets them, and access tokens have to be asked for.
const PATIENCE_FOR_GREETING: Duration = Duration::from_secs(30);
/// A mail server may look at a letter, and at whom it comes from, for a while before it takes it.
const PATIENCE_FOR_LETTER: Duration = Duration::from_secs(90);
/// How long before its end a certificate is told of: one that renews itself has done so by then.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// What is to be checked.
#[derive(Debug, Args)]
pub(super) struct Scope {
    /// Check only the configuration
    #[arg(long)]
    offline: bool,
    /// Send a test mail to this address, and show the mail server's answer
    #[arg(long, value_name = "ADDRESS", value_parser = parse_email, conflicts_with = "offline")]
    mail_to: Option<Email>,
    /// Accept a change of passkeys.rp_id that makes existing passkeys unusable
    #[arg(long)]
    yes_lock_out: bool,
}

/// Prints a line for each thing that was tried.
pub(super) fn run(config: Option<PathBuf>, scope: Scope) -> Result<(), CommandError> {
    let Scope { offline, mail_to, yes_lock_out } = scope;
    let config = load(config)?;
    for warning in &config.warnings {
        println!("warning  {warning}");
    }
    for fault in &config.faults {
        println!("FAILED   {fault}");
    }
    if config.faults.is_empty() {
        println!("ok       configuration");
    }
    for note in shared_host::of(&config) {
        println!("note     {note}");
    }
    println!("ok       accounts: {}", newcomers::of(&config.policy));
    let routes = in_order(&config);
    say_open(&routes);
    for route in routes.iter().filter(|route| route.upstream.servers.is_empty()) {
        let Route { host, path, demands, .. } = route;
        println!(
            "ok       route: {host}{path} has no upstream, so a proxy in front asks about it ({})",
            demands.access.as_str()
        );
    }
    let mut well = certificate(&config, SystemClock.now());
    if offline {
        println!("note     {NOT_LOOKED}: that needs the store");
    } else {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
        well &= runtime.block_on(reach_all(&config, &routes, mail_to.as_ref(), yes_lock_out));
    }
    match (config.faults.is_empty(), well) {
        (true, true) => Ok(()),
        (true, false) => Err(CommandError::Said),
        (false, _) => Err(CommandError::SaidOfConfig),
    }
}

/// The routes as they were written.
fn in_order(config: &Config) -> Vec<&Route> {
    let mut routes: Vec<&Route> = config.routes.iter().map(|route| &**route).collect();
    routes.sort_by_key(|route| route.id);
    routes
}

/// Says which routes are open to strangers.
fn say_open(routes: &[&Route]) {
    let open = |route: &&&Route| matches!(route.demands.access, Access::Public | Access::Optional);
    let open: Vec<String> = routes
        .iter()
        .filter(open)
        .map(|route| format!("{}{} ({})", route.host, route.path, route.demands.access.as_str()))
        .collect();
    if !open.is_empty() {
        println!("note     routes: open to everyone, signed in or not: {}", open.join(", "));
    }
}

async fn reach_all(config: &Config, routes: &[&Route], mail_to: Option<&Email>, yes_lock_out: bool) -> bool {
    let mut well = store(config, yes_lock_out).await;
    well &= mail(config, mail_to).await;
    let mut seen: Vec<(&UpstreamUrl, &UpstreamTls)> = Vec::new();
    for Upstream { servers, tls, .. } in routes.iter().map(|route| &route.upstream) {
        for server in servers {
            if !seen.contains(&(server, tls)) {
                seen.push((server, tls));
                well &= print_check("upstream", reach(server, tls).await);
            }
        }
    }
    well
}

fn print_check(what: &str, result: Result<String, String>) -> bool {
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

/// Says whether browsers take the certificate for every host that the gateway answers for, and for how long.
fn certificate(config: &Config, now: Timestamp) -> bool {
    let Some(tls) = &config.server.tls else { return true };
    let loaded = tls.load();
    let own = match loaded.as_ref().map(|certified| certified.cert.first()) {
        Ok(Some(own)) => own,
        // The configuration was read with both files; one has changed since.
        Ok(None) => return print_check("certificate", Err("server.tls.cert has none".to_owned())),
        Err(error) => return print_check("certificate", Err(format!("server.tls: {error}"))),
    };
    let mut hosts = vec![config.public_url.host()];
    hosts.extend(config.routes.hosts().filter(|host| *host != config.public_url.host()));
    let strange: Vec<&str> =
        hosts.into_iter().map(Host::as_str).filter(|host| !certificate::is_for(own, host)).collect();
    let mut well = true;
    if !strange.is_empty() {
        let why = format!("server.tls.cert is not for {}, so browsers refuse it there", strange.join(", "));
        // What stands in front has one of its own.
        if config.server.trusted_proxies.is_empty() {
            well = print_check("certificate", Err(why));
        } else {
            println!("warning  certificate: {why}, unless the proxy in front has another one");
        }
    }
    match certificate::validity(own) {
        Some(validity) => lasts(validity, now, well),
        None => print_check("certificate", Err("server.tls.cert does not say until when it counts".to_owned())),
    }
}

/// Says for how long a certificate counts; `well` is whether all else of it is.
fn lasts(Validity { from, until }: Validity, now: Timestamp, well: bool) -> bool {
    let when = |at| moment::in_full(Words::new(Language::default(), ""), at, None);
    if until < now {
        return print_check("certificate", Err(format!("server.tls.cert has expired on {}. Renew it", when(until))));
    }
    if now < from {
        let why = format!("server.tls.cert counts only from {} on. Is this machine's clock right?", when(from));
        return print_check("certificate", Err(why));
    }
    if until < now.after(SOON) {
        println!("warning  certificate: server.tls.cert expires on {}. Renew it", when(until));
        return well;
    }
    well && print_check("certificate", Ok(format!("for every host, until {}", when(until))))
}

async fn store(config: &Config, yes_lock_out: bool) -> bool {
    match &config.storage {
        Storage::File(path) => store_in(path, config, yes_lock_out).await,
        Storage::Database(database) => database_of(database, config, yes_lock_out).await,
    }
}

async fn database_of(database: &DatabaseSettings, config: &Config, yes_lock_out: bool) -> bool {
    let opened = async {
        let store = keeping::open_database(database).await?;
        store.ready().await?;
        Ok::<_, StoreError>(store)
    };
    let shown = plain(&database.address.shown);
    match opened.await {
        Ok(store) => {
            print_check("store", Ok(format!("the database {shown} answers, and its tables are up to date")));
            match store.risks(SystemClock.now()).await {
                Ok(risks) => risks.iter().for_each(|risk| println!("warning  store: {risk}")),
                Err(error) => {
                    println!("warning  store: its settings were not looked at ({})", describe_error(&error.into()))
                }
            }
            let looked = store.locked_out(&config.passkeys.rp_id).await;
            // It was no gateway, which others would wait for.
            store.leave().await.ok();
            check_passkeys(
                &config.passkeys.rp_id,
                looked.map(LockOut::from).map_err(|error| error.to_string()),
                yes_lock_out,
            )
        }
        Err(error) if database.migrate && PostgresStore::is_behind(&error) => print_check(
            "store",
            Ok(format!("the database {shown} answers, and its tables will be brought up to date at the next start")),
        ),
        Err(error) => {
            print_check("store", Err(format!("{shown}: {}", describe_error(&error.into()))));
            println!("note     {NOT_LOOKED}: the database was not opened");
            false
        }
    }
}

async fn store_in(path: &Path, config: &Config, yes_lock_out: bool) -> bool {
    if !path.exists() {
        return print_check("store", Ok(format!("{} will be made at the first start", path.display())));
    }
    let opened = async {
        let store = RedbStore::open(path)?;
        store.ready().await?;
        Ok::<_, StoreError>(store)
    };
    match opened.await {
        Ok(store) => {
            print_check("store", Ok(format!("{} opens", path.display())));
            let looked = store.locked_out(&config.passkeys.rp_id).await;
            check_passkeys(
                &config.passkeys.rp_id,
                looked.map(LockOut::from).map_err(|error| error.to_string()),
                yes_lock_out,
            )
        }
        Err(error) => {
            // The gateway that has the file open is asked, and no other process: a socket alone may have been left by a
            // dead one.
            let why = if RedbStore::is_in_use(&error) {
                match beside(path, config).await {
                    Ok(lock_out) => {
                        print_check(
                            "store",
                            Ok(format!("the running gateway has {}, and says that it is well", path.display())),
                        );
                        return check_passkeys(&config.passkeys.rp_id, Ok(lock_out), yes_lock_out);
                    }
                    Err(why) => format!("{error}. {why}"),
                }
            } else {
                error.to_string()
            };
            print_check("store", Err(why));
            println!("note     {NOT_LOOKED}: the store did not open");
            false
        }
    }
}

/// What the running gateway says of its store, and of the `rp_id` of this configuration.
async fn beside(path: &Path, config: &Config) -> Result<LockOut, String> {
    let gateway = AdminClient::at(config);
    let target = format!("/check?rp_id={}", escaped(config.passkeys.rp_id.as_str()));
    let checked: StoreChecked = gateway.get_within(&target).await.map_err(|error| format!("{error:#}"))?;
    let file = StoreFile::at(path);
    if file.is_none() || checked.file != file {
        return Err(format!("The gateway that answers at {} has another store.", gateway.socket().display()));
    }
    Ok(checked.lock_out)
}

/// Says whether the passkeys that people have can be used with this `rp_id`.
fn check_passkeys(rp_id: &Host, looked: Result<LockOut, String>, yes_lock_out: bool) -> bool {
    let LockOut { passkeys, unknown, words } = match looked {
        Ok(lock_out) => lock_out,
        Err(error) => return print_check("passkeys", Err(error)),
    };
    if unknown > 0 {
        println!(
            "note     passkeys: {unknown} of them do not say which rp_id they were made for, and no gateway that notes it has served \
             this store yet: whether passkeys.rp_id = \"{rp_id}\" locks them out is not known"
        );
    }
    if passkeys == 0 {
        return print_check("passkeys", Ok(format!("none is known to be for another passkeys.rp_id than {rp_id}")));
    }
    let why = format!(
        "passkeys.rp_id is {rp_id}, but {}: browsers offer them for nothing else, so they can no longer be used",
        plain(&words)
    );
    if yes_lock_out {
        println!("warning  passkeys: {why}");
        return true;
    }
    print_check("passkeys", Err(format!("{why}. Put passkeys.rp_id back, or say --yes-lock-out")))
}

/// Reaches the mail server, and sends a letter where one is wanted.
async fn mail(config: &Config, mail_to: Option<&Email>) -> bool {
    let EmailSettings { transport, server_key, .. } = &config.email;
    let smtp = match transport {
        TransportSettings::Log => {
            print_check("mail", Ok("printed to the terminal, not sent".to_owned()));
            return match mail_to {
                Some(to) => print_letter(config, to).await,
                None => true,
            };
        }
        TransportSettings::Smtp(smtp) => smtp,
    };
    let server = match mail_server(smtp, &config.email) {
        Ok(server) => server,
        Err(error) => return print_check("mail", Err(format!("{error} ({})", error.source))),
    };
    let failed = |NotTaken { said, means, key }: NotTaken| {
        format!(
            "{}. {}Check {}.",
            plain(said.trim_end_matches('.')),
            means.map(|means| format!("{means} ")).unwrap_or_default(),
            key.unwrap_or(server_key)
        )
    };
    let Some(to) = mail_to else {
        let greeted = match timeout(PATIENCE_FOR_GREETING, server.greet()).await {
            Ok(greeted) => greeted.map_err(failed),
            Err(_) => Err(format!("the mail server takes too long to answer. Check {server_key}.")),
        };
        return print_check("mail", greeted.map(|()| "the mail server answers".to_owned()));
    };
    let sent = match timeout(PATIENCE_FOR_LETTER, server.try_out(to, &letter(config), stamp())).await {
        Ok(Ok(said)) => Ok(format!("the letter to {} was taken: {}", to.as_str(), plain(&said))),
        Ok(Err(why)) => Err(format!("the letter to {} was not taken: {}", to.as_str(), failed(why))),
        Err(_) => Err(format!("the mail server takes too long over a letter. Check {server_key}.")),
    };
    print_check("mail", sent)
}

async fn print_letter(config: &Config, to: &Email) -> bool {
    let sent = match wire::transport(config) {
        Ok(transport) => transport.send(to, &letter(config), stamp()).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("{error:#}")),
    };
    print_check("mail", sent.map(|()| format!("the letter to {} was printed, and not sent", to.as_str())))
}

/// What the letter is known by that is sent to see whether letters arrive.
fn stamp() -> Stamp {
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    Stamp { id: uuid::Builder::from_random_bytes(random).into_uuid(), at: SystemClock.now() }
}

/// The letter that is sent to see whether letters arrive.
fn letter(config: &Config) -> Rendered {
    let language = Language::default();
    let when = moment::in_full(Words::new(language, config.brand.name()), SystemClock.now(), None);
    Trial { when: &when }.render(language, &config.brand)
}

async fn reach(upstream: &UpstreamUrl, tls: &UpstreamTls) -> Result<String, String> {
    match timeout(PATIENCE, probe(upstream, tls)).await {
        Ok(said) => said,
        Err(_) => Err(format!("{upstream} takes too long to take a connection. Is the app running?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_does_not_count_now_fails_and_one_that_ends_soon_is_told_of() {
        let day = |days: u64| Timestamp::from_unix(1_800_000_000 + days * 24 * 3600);
        let validity = Validity { from: day(0), until: day(90) };
        for (now, is_well) in [(day(0), true), (day(80), true), (day(90), true), (day(91), false)] {
            assert_eq!(lasts(validity, now, true), is_well, "{now}");
        }
        assert!(!lasts(validity, day(0).before(Duration::from_secs(1)), true));
        assert!(!lasts(validity, day(10), false), "what was wrong with it stays wrong");
    }
}
