//! A commit that the database was made not to wait for, so that no standby may have it: PostgreSQL acknowledges it with
//! a warning, and its caller is not told that it was made.

use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::plan::{CeremonyChange, Change, CounterChange, Durability, RegistrationChange, SessionChange};
use bmauth::store::postgres::{PostgresStore, PostgresTarget, PostgresTls, migrate};
use bmauth::store::{CommitError, Records as _, Store as _};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::claims::atomic::keeps;
use crate::sample::*;
use crate::server::Server;
use crate::shared;

const BETWEEN: Duration = Duration::from_millis(20);
const LOOKS: u32 = 500;

/// Cancels what waits for a standby, and says how many that were.
const CANCEL: &str = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

/// A store whose database waits for a standby that does not exist, and its server. A person is signed in, and signs in
/// once more.
async fn waiting() -> (Arc<PostgresStore>, Server) {
    let server = Server::start();
    let target = PostgresTarget { url: server.fresh_schema(), tls: PostgresTls::Prefer };
    migrate(&target).await.unwrap();
    let store = Arc::new(shared::open(&target).await);
    let more: [Change; 3] = [
        SessionChange::Add(session(1, 1, 1)).into(),
        CeremonyChange::Add(ceremony(1)).into(),
        RegistrationChange::Put(registration(1, 1, 1)).into(),
    ];
    keeps(&*store, person(1).into_iter().chain(more).collect::<Vec<_>>()).await;
    server.run("ALTER SYSTEM SET synchronous_standby_names = 'nowhere'");
    server.run("SELECT pg_reload_conf()");
    // What keeps the list of standbys hears of it a moment later: until then commits wait for none.
    for n in 9..99 {
        let committing = commit(&store, vec![CeremonyChange::Add(ceremony(n)).into()]);
        while !committing.is_finished() {
            if server.run(CANCEL) != "0" {
                committing.abort();
                return (store, server);
            }
            sleep(BETWEEN).await;
        }
    }
    panic!("no commit waits for a standby");
}

fn commit(store: &Arc<PostgresStore>, changes: Vec<Change>) -> JoinHandle<Result<(), CommitError>> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.commit(changes, Durability::Durable).await })
}

/// Waits until a commit waits, and has it wait no more.
async fn cancel(server: &Server) {
    for _ in 0..LOOKS {
        if server.run(CANCEL) != "0" {
            return;
        }
        sleep(BETWEEN).await;
    }
    panic!("no commit waits for a standby");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_standby_has_is_never_acknowledged() {
    let (store, server) = waiting().await;
    let window = Duration::from_secs(60);
    let plans: [Vec<Change>; 4] = [
        // Made again, it conflicts with itself, and is found.
        vec![CeremonyChange::Spend(ceremony_id(1)).into(), SessionChange::Add(session(2, 1, 1)).into()],
        // Made again, there is nothing left to do.
        vec![SessionChange::End(digest(1)).into()],
        vec![RegistrationChange::DropAll(email(1)).into()],
        vec![CounterChange::Count { counter: counter(1), limit: 9, window, now: at(1) }.into()],
    ];
    for changes in plans {
        let committing = commit(&store, changes.clone());
        while !committing.is_finished() {
            server.run(CANCEL);
            sleep(BETWEEN).await;
        }
        let outcome = committing.await.unwrap();
        assert!(matches!(outcome, Err(CommitError::Store(_))), "{outcome:?} of {changes:?}");
    }
    assert_eq!(store.session(digest(2)).await.unwrap(), Some(session(2, 1, 1)), "it is kept here all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_standbys_have_after_all_is_acknowledged() {
    let (store, server) = waiting().await;
    let changes: [Change; 2] =
        [CeremonyChange::Spend(ceremony_id(1)).into(), SessionChange::Add(session(2, 1, 1)).into()];
    let committing = commit(&store, changes.into());
    cancel(&server).await;
    // From here on as where one comes that has all of it.
    server.run("ALTER SYSTEM RESET synchronous_standby_names");
    server.run("SELECT pg_reload_conf()");
    let outcome = committing.await.unwrap();
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(store.session(digest(2)).await.unwrap(), Some(session(2, 1, 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_lost_waits_for_no_standby() {
    let (store, _server) = waiting().await;
    let outcome = store.commit(vec![CeremonyChange::Add(ceremony(2)).into()], Durability::Relaxed).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}
