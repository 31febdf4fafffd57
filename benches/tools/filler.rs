//! Fills a store, through its own interface, with more people and sessions than could sign in by hand; and measures
//! what is done with a store as a whole. Each command prints one JSON value.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bmauth::auth::sessions::table::SessionTable;
use bmauth::auth::sessions::{CachedToken, TOKEN_CACHE_CAPACITY};
use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::aftermath::Aftermath;
use bmauth::domain::clock::{Clock as _, Timestamp};
use bmauth::domain::destination::Destination;
use bmauth::domain::email::Email;
use bmauth::domain::host::Host;
use bmauth::domain::passkey::{CredentialId, Passkey};
use bmauth::domain::plan::{AccountChange, Change, Durability, PasskeyChange, SessionChange};
use bmauth::domain::secret::Secret;
use bmauth::domain::session::{Authentication, Method, Session, SessionId, SessionLimits, SignedIn};
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store};
use bmauth::wire::system::SystemClock;
use clap::{Parser, Subcommand};
use http::HeaderValue;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The gateway's allocator, so that what is weighed here weighs the same there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many rows are committed at a time.
const PART: usize = 2000;

#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Adds people, with the passkey that the first of them registered, and sessions of theirs.
    Fill {
        /// The store, which no gateway has open.
        #[arg(long)]
        store: PathBuf,
        /// What `visitors register` wrote down; those who are added are written there, too.
        #[arg(long)]
        people: PathBuf,
        /// How many people there are then.
        #[arg(long)]
        accounts: usize,
        /// How many sessions are added.
        #[arg(long)]
        sessions: usize,
        /// Where the sessions' secrets are written, 43 letters and a line feed each.
        #[arg(long)]
        secrets: PathBuf,
    },
    /// Signs in that many people in memory, each once, as each has an account of their own; and says what a session
    /// takes there, and what a kept token, of which there is a fixed number at most.
    Weigh {
        /// How many.
        #[arg(long)]
        sessions: usize,
    },
    /// Opens a store, sweeps it once while nothing has expired, and once a part of what has.
    Sweep {
        /// The store, which no gateway has open.
        #[arg(long)]
        store: PathBuf,
    },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> anyhow::Result<()> {
    let printed = match Command::parse().what {
        What::Fill { store, people, accounts, sessions, secrets } => {
            fill(&store, &people, accounts, sessions, &secrets).await?
        }
        What::Weigh { sessions } => weigh(sessions)?,
        What::Sweep { store } => sweep(&store).await?,
    };
    println!("{printed}");
    Ok(())
}

async fn fill(store: &Path, people: &Path, accounts: usize, sessions: usize, secrets: &Path) -> anyhow::Result<Value> {
    let store = RedbStore::open(store)?;
    let mut written: Value = serde_json::from_slice(&fs::read(people)?)?;
    let list = written["people"].as_array_mut().context("a list of people")?;
    let read = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
    let first = CredentialId::new(&read(&list[0]["credential"])).context("the first person's credential")?;
    let first = store.passkey(&first).await?.context("the first person is not in this store")?;
    let now = SystemClock.now();

    let mut known: Vec<(AccountId, CredentialId)> = vec![(first.account, first.key.id.clone())];
    let began = Instant::now();
    let mut changes = Vec::with_capacity(2 * PART);
    for number in 1..accounts {
        let id = AccountId(uuid("account", number));
        let passkey = like(&first, id, &hash("credential", number))?;
        list.push(json!({ "credential": STANDARD.encode(passkey.key.id.bytes()), "handle": STANDARD.encode(id.0) }));
        known.push((id, passkey.key.id.clone()));
        let account = account(id, number, now)?;
        changes.extend([Change::Account(AccountChange::Add(account)), Change::Passkey(PasskeyChange::Add(passkey))]);
        commit(&store, &mut changes, 2 * PART).await?;
    }
    commit(&store, &mut changes, 0).await?;

    let mut out = BufWriter::new(fs::File::create(secrets)?);
    for number in 0..sessions {
        let secret = Secret::from_bytes(hash("session", number));
        let (account, credential) = &known[number % known.len()];
        changes.push(Change::Session(SessionChange::Add(session(&secret, number, *account, credential, now))));
        writeln!(out, "{}", secret.text())?;
        commit(&store, &mut changes, PART).await?;
    }
    commit(&store, &mut changes, 0).await?;
    out.flush()?;
    store.commit(Vec::new(), Durability::Durable).await?;
    fs::write(people, serde_json::to_vec(&written)?)?;
    Ok(json!({ "accounts": accounts, "sessions": sessions, "seconds": began.elapsed().as_secs_f64() }))
}

async fn commit(store: &RedbStore, changes: &mut Vec<Change>, from: usize) -> anyhow::Result<()> {
    if changes.len() > from {
        store.commit(std::mem::take(changes), Durability::Relaxed).await?;
    }
    Ok(())
}

async fn sweep(path: &Path) -> anyhow::Result<Value> {
    let began = Instant::now();
    let store = RedbStore::open(path)?;
    let opened = began.elapsed().as_secs_f64();
    let (now, never) = (SystemClock.now(), Timestamp::from_unix(0));
    let began = Instant::now();
    let nothing = store.sweep(now, never, never, 1000).await?;
    let idle = began.elapsed().as_secs_f64();
    // To this clock every session has ended.
    let later = Timestamp::from_unix(u64::MAX / 2);
    let began = Instant::now();
    let removed = store.sweep(now, later, later, 1000).await?;
    let busy = began.elapsed().as_secs_f64();
    Ok(json!({
        "open_seconds": opened, "removed_at_first": nothing, "sweep_of_nothing_seconds": idle,
        "removed": removed, "sweep_seconds": busy,
    }))
}

fn weigh(number: usize) -> anyhow::Result<Value> {
    let (now, day) = (SystemClock.now(), Duration::from_secs(24 * 60 * 60));
    let sessions = SessionTable::new(SessionLimits { idle: day, absolute: 30 * day });
    let empty = resident()?;
    for number in 0..number {
        let secret = Secret::from_bytes(hash("session", number));
        let id = AccountId(uuid("account", number));
        let credential = CredentialId::new(&hash("credential", number)).context("32 bytes are a name")?;
        let account = account(id, number, now)?;
        let session = session(&secret, number, id, &credential, now);
        let generation = sessions.generation(secret.digest());
        let admitted =
            sessions.admit(generation, &SignedIn { session, account, absolute_end: now.after(30 * day) }, now);
        admitted.ok().flatten().context("a new session is live")?;
    }
    let live = resident()?;
    let audience: Arc<str> = "localhost".into();
    // As long as a token is that carries an address, and as random.
    let token = HeaderValue::try_from("t".repeat(620))?;
    for number in 0..number {
        let secret = Secret::from_bytes(hash("session", number));
        let session = sessions.get(secret.digest(), now).context("it is live")?;
        let value = HeaderValue::from_bytes(token.as_bytes())?;
        let (audience, in_place_of) = (Arc::clone(&audience), None);
        sessions.cache_token(&session, CachedToken { audience, in_place_of, value, fresh_from: now, fresh_until: now });
    }
    let cached = resident()?;
    let each = |from: usize, to: usize, number: usize| to.saturating_sub(from) / number;
    let tokens = number.min(TOKEN_CACHE_CAPACITY);
    Ok(json!({
        "sessions": number, "bytes_a_session": each(empty, live, number),
        "kept_tokens": tokens, "bytes_a_kept_token": each(live, cached, tokens),
    }))
}

/// The memory that this process has in use, in bytes.
fn resident() -> anyhow::Result<usize> {
    let pages: usize = fs::read_to_string("/proc/self/statm")?.split(' ').nth(1).context("two numbers")?.parse()?;
    Ok(pages * 4096)
}

/// The same key under another name, for another person.
fn like(first: &Passkey, account: AccountId, id: &[u8]) -> anyhow::Result<Passkey> {
    let mut passkey = first.clone();
    let mut credential = serde_json::to_value(&first.key.credential)?;
    let id = CredentialId::new(id).context("32 bytes are a name")?;
    *credential.pointer_mut("/cred/cred_id").context("how webauthn-rs writes a credential has changed")? =
        json!(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.bytes()));
    passkey.key.credential = serde_json::from_value(credential)?;
    (passkey.account, passkey.key.id) = (account, id);
    Ok(passkey)
}

fn account(id: AccountId, number: usize, now: Timestamp) -> anyhow::Result<Account> {
    let email = Email::parse(&format!("person{number}@example.com"))?;
    let (name, locale, metadata, groups) = (None, None, None, Vec::new());
    Ok(Account {
        id,
        email,
        name,
        locale,
        metadata,
        groups,
        disabled: false,
        created_at: now,
        aftermath: Aftermath::default(),
    })
}

fn session(secret: &Secret, number: usize, account: AccountId, credential: &CredentialId, now: Timestamp) -> Session {
    Session {
        token: secret.digest(),
        id: SessionId(uuid("session", number)),
        account,
        credential: Some(credential.clone()),
        authentication: Authentication { at: now, methods: vec![Method::SoftwareKey, Method::UserVerified] },
        created_at: now,
        last_seen_at: now,
        browser: "Firefox on Linux".to_owned(),
        address: None,
        recovered_at: None,
        host: Host::parse("notes.example.com").ok(),
        bound_for: Destination::root(),
        head: None,
    }
}

fn hash(what: &str, number: usize) -> [u8; 32] {
    Sha256::digest(format!("bench {what} {number}")).into()
}

fn uuid(what: &str, number: usize) -> Uuid {
    let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = hash(what, number);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
