//! The way to the database breaks, or falls silent, at the worst moment; and many are in each other's way.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bmauth::domain::plan::{
    AccountChange, AccountConflict, CeremonyChange, Change, Conflict, CounterChange, Durability, LetterChange,
    PasskeyChange, SessionChange, TokensChange,
};
use bmauth::domain::token_family::TokenFamily;
use bmauth::store::postgres::{PostgresStore, Target, Tls, migrate};
use bmauth::store::{CommitError, Records as _, Store as _};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::server::server;
use crate::shared;

/// Everything passes.
const PASS: u8 = 0;
/// The next commit gets to the server, and its answer does not get back.
const KEPT: u8 = 1;
/// The next commit does not get there.
const LOST: u8 = 2;
/// From the next commit on nothing gets anywhere, and no connection ends.
const SILENT: u8 = 3;

/// A way to the database that breaks when it is told to.
struct Way {
    mode: Arc<AtomicU8>,
    _folder: tempfile::TempDir,
}

/// A store by that way.
async fn by_a_way() -> (PostgresStore, Way) {
    let target = shared::fresh();
    migrate(&target).await.unwrap();
    let (folder, mode) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU8::new(PASS)));
    let upstream = server().socket();
    let listener = UnixListener::bind(folder.path().join(upstream.file_name().unwrap())).unwrap();
    let theirs = Arc::clone(&mode);
    let (here, there) = (folder.path().display().to_string(), upstream.parent().unwrap().display().to_string());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, upstream.clone(), Arc::clone(&theirs)));
        }
    });
    let encoded = |path: String| path.replace('/', "%2F");
    let url = target.url.replace(&encoded(there), &encoded(here));
    (shared::open(&Target { url, tls: Tls::Off }).await, Way { mode, _folder: folder })
}

async fn carry(mut client: UnixStream, upstream: PathBuf, mode: Arc<AtomicU8>) {
    let mut server = UnixStream::connect(upstream).await.unwrap();
    let (mut sent, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let Ok(read @ 1..) = read else { return };
                let sent = sent.get(..read).unwrap();
                if sent.windows(7).any(|part| part == b"COMMIT\0") {
                    match mode.swap(PASS, Ordering::SeqCst) {
                        KEPT => {
                            server.write_all(sent).await.unwrap();
                            // Once it answers, it is kept.
                            assert!(server.read(&mut answered).await.unwrap() > 0);
                            return;
                        }
                        LOST => return,
                        SILENT => std::future::pending().await,
                        _ => {}
                    }
                }
                server.write_all(sent).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(answered.get(..read).unwrap()).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn sign_in() -> [Change; 2] {
    [CeremonyChange::Spend(ceremony_id(1)).into(), SessionChange::Add(session(1, 1, 1)).into()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_end_is_not_known_is_looked_for() {
    for mode in [KEPT, LOST, SILENT] {
        let (store, way) = by_a_way().await;
        keeps(&store, person(1).into_iter().chain([CeremonyChange::Add(ceremony(1)).into()]).collect::<Vec<_>>()).await;
        way.mode.store(mode, Ordering::SeqCst);
        keeps(&store, sign_in()).await;
        assert_eq!(way.mode.load(Ordering::SeqCst), PASS, "it broke");
        assert_eq!(store.session(digest(1)).await.unwrap(), Some(session(1, 1, 1)), "{mode}");
        // It is spent once all the same.
        refuses(&store, sign_in(), Conflict::CeremonySpent).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_commit_was_to_make_of_something_is_looked_for_too() {
    let (store, way) = by_a_way().await;
    keeps(&store, person(1).into_iter().chain([SessionChange::Add(session(1, 1, 1)).into()]).collect::<Vec<_>>()).await;
    keeps(&store, [LetterChange::Add(letter(1, 10)).into()]).await;
    let (groups, was) = (vec!["night".to_owned()], account(1).groups);
    let put_off = LetterChange::Delay { id: letter_id(1), was: at(10), due_at: at(310), failures: 1 };
    let changes: [(Change, Conflict); 4] = [
        (TokensChange::Add(tokens(1, 1, 0)).into(), Conflict::TokensChanged),
        (TokensChange::Advance(TokenFamily { revision: 1, ..tokens(1, 2, 1) }).into(), Conflict::TokensChanged),
        (put_off.into(), Conflict::LetterTaken),
        (AccountChange::SetGroups { account: account_id(1), was, groups }.into(), AccountConflict::Changed.into()),
    ];
    for (change, conflict) in changes {
        way.mode.store(KEPT, Ordering::SeqCst);
        keeps(&store, [change.clone()]).await;
        assert_eq!(way.mode.load(Ordering::SeqCst), PASS, "it broke");
        // Who comes second is told so all the same.
        refuses(&store, [change], conflict).await;
    }
    assert_eq!(store.account(account_id(1)).await.unwrap().unwrap().groups, ["night"]);
    // Another gateway has it, as far as this one can tell.
    let other = LetterChange::Delay { id: letter_id(1), was: at(10), due_at: at(311), failures: 1 };
    way.mode.store(LOST, Ordering::SeqCst);
    refuses(&store, [other.into()], Conflict::LetterTaken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_looked_for_is_refused_and_counts_rather_twice_than_not() {
    let (store, way) = by_a_way().await;
    keeps(&store, [CeremonyChange::Add(ceremony(1)).into()]).await;
    way.mode.store(KEPT, Ordering::SeqCst);
    refuses(&store, [CeremonyChange::Spend(ceremony_id(1)).into()], Conflict::CeremonySpent).await;
    let window = std::time::Duration::from_secs(60);
    let count = CounterChange::Count { counter: counter(1), limit: 9, window, now: at(1) };
    for (mode, counted) in [(KEPT, 2), (LOST, 3)] {
        way.mode.store(mode, Ordering::SeqCst);
        keeps(&store, [count.clone().into()]).await;
        assert_eq!(store.counted(counter(1), window, at(1)).await.unwrap(), counted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_commit_fails_for_being_in_anothers_way() {
    const ACCOUNTS: u32 = 3;
    let store = Arc::new(shared::store().await);
    for n in 0..ACCOUNTS {
        keeps(&*store, person(n)).await;
    }
    let all = (0..240).map(|n| {
        let (store, of) = (Arc::clone(&store), n % ACCOUNTS);
        let changes: Vec<Change> = match n / ACCOUNTS % 4 {
            0 => vec![SessionChange::Add(session(n, of, of)).into()],
            1 => {
                let remove = PasskeyChange::Remove { credential: credential(of), account: account_id(of), last: true };
                vec![remove.into(), PasskeyChange::Add(passkey(of, of)).into()]
            }
            2 => {
                let (account, groups) = (account_id(of), account(of).groups);
                vec![AccountChange::SetGroups { account, was: groups.clone(), groups }.into()]
            }
            // Of two accounts, in the order that is the other's.
            _ => vec![
                SessionChange::EndAll { account: account_id(of), except: None }.into(),
                SessionChange::EndAll { account: account_id((of + 1) % ACCOUNTS), except: None }.into(),
            ],
        };
        tokio::spawn(async move { store.commit(changes, Durability::Relaxed).await })
    });
    for committed in join_all(all).await {
        if let Err(CommitError::Store(error)) = committed.unwrap() {
            panic!("{error}: {:?}", error.source);
        }
    }
}
