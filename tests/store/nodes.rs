//! The gateways of one database: who waits for whom, what one of them does for all, and which may not run.

use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::plan::{Counter, SessionChange};
use bmauth::store::postgres::{PostgresStore, PostgresTarget, migrate};
use bmauth::store::{BucketLevel, BucketTaken, CommitError, InForce, Records as _, Store as _, StoreNotification};

use crate::claims::atomic::keeps;
use crate::sample::*;
use crate::server::server;
use crate::shared;

const AT_ONCE: Duration = Duration::ZERO;
const AT_LEISURE: Duration = Duration::from_secs(60);

/// Two gateways' stores, and where they are.
async fn two() -> (PostgresStore, PostgresStore, PostgresTarget) {
    let target = shared::fresh();
    migrate(&target).await.unwrap();
    (shared::open(&target).await, shared::open(&target).await, target)
}

/// A connection of the tests' own to the schema of a store.
async fn beside(target: &PostgresTarget) -> tokio_postgres::Client {
    let schema = target.url.rsplit("%3D").next().unwrap();
    let (client, connection) = tokio_postgres::connect(&server().url_of(schema), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_is_in_force_once_every_gateway_that_runs_has_heard_of_it() {
    let (one, other, target) = two().await;
    keeps(&one, person(1)).await;
    keeps(&one, [SessionChange::End(digest(7)).into()]).await;
    let InForce { gateways, waited_for } = one.in_force(AT_ONCE).await.unwrap();
    assert_eq!((gateways, waited_for.len()), (2, 1), "the other does not listen: {waited_for:?}");
    let listening = Arc::new(other);
    let hearing = tokio::spawn({
        let listening = Arc::clone(&listening);
        async move { while let Ok(StoreNotification::Effects(_)) = listening.hear().await {} }
    });
    let everywhere = |gateways| InForce { gateways, waited_for: Vec::new() };
    assert_eq!(one.in_force(AT_LEISURE).await.unwrap(), everywhere(2));
    // What it heard is not in force there as long as it says so, however well it hears.
    listening.set_in_force(false);
    keeps(&one, [SessionChange::End(digest(8)).into()]).await;
    assert_eq!(one.in_force(Duration::from_secs(2)).await.unwrap().waited_for.len(), 1);
    listening.set_in_force(true);
    assert_eq!(one.in_force(AT_LEISURE).await.unwrap(), everywhere(2));
    hearing.abort();
    // One that hears nothing any more goes on for its grace, and is waited for so long.
    let earlier = "UPDATE nodes SET seen_at = seen_at - interval '40 s', until = until - interval '40 s'";
    beside(&target).await.batch_execute(earlier).await.unwrap();
    keeps(&one, [SessionChange::End(digest(8)).into()]).await;
    assert_eq!(one.in_force(AT_ONCE).await.unwrap().waited_for.len(), 1);
    listening.leave().await.unwrap();
    keeps(&one, [SessionChange::End(digest(8)).into()]).await;
    assert_eq!(one.in_force(AT_ONCE).await.unwrap(), everywhere(1), "one that has stopped is not waited for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_is_swept_by_one_and_by_the_next_when_that_stops() {
    let (one, other, _) = two().await;
    let sweep = async |store: &PostgresStore| store.sweep(at(1_000_000), at(0), at(0), 9).await.unwrap();
    keeps(&one, [bmauth::domain::plan::CeremonyChange::Add(ceremony(1)).into()]).await;
    assert_eq!(sweep(&one).await, 1);
    keeps(&one, [bmauth::domain::plan::CeremonyChange::Add(ceremony(2)).into()]).await;
    assert_eq!(sweep(&other).await, 0, "the first one does it");
    assert_eq!(other.set_back(at(0), 9).await.unwrap(), 0);
    one.leave().await.unwrap();
    assert_eq!(sweep(&other).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_all_take_out_of_a_bucket_is_added_up() {
    let (one, other, _) = two().await;
    let taken = |n, more| BucketTaken { bucket: Counter([n; 32]), more, per_second: 0 };
    let shared = |total: u32| BucketLevel { total: total.into(), level: total };
    assert_eq!(one.share(&[taken(1, 5), taken(2, 7)]).await.unwrap(), [5, 7].map(shared));
    assert_eq!(other.share(&[taken(2, 1), taken(1, 40), taken(3, 0)]).await.unwrap(), [8, 45, 0].map(shared));
    assert_eq!(one.share(&[taken(1, 0)]).await.unwrap(), [45].map(shared));
    assert_eq!(one.share(&[]).await.unwrap(), []);
    // It leaks, and what is added afterwards is all there.
    let leaking = BucketTaken { per_second: 1_000_000_000, ..taken(1, 2) };
    assert_eq!(one.share(&[leaking]).await.unwrap(), [BucketLevel { total: 47, level: 2 }]);
    let alone = bmauth::store::memory::MemoryStore::new();
    assert_eq!(alone.share(&[taken(1, 5)]).await.unwrap(), [], "there are no others");
}

/// Makes the database another's that this program does not know.
const NEWER: [&str; 2] = ["UPDATE gateway SET oldest = 99", "UPDATE gateway SET writes = 99"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_too_old_does_not_start() {
    for newer in NEWER {
        let (_, _, target) = two().await;
        beside(&target).await.batch_execute(newer).await.unwrap();
        let refused = shared::try_open(&target).await.unwrap_err();
        assert!(refused.to_string().contains("this one is too old for it: install the newer one"), "{refused}");
        assert!(!PostgresStore::is_behind(&refused), "no migration of its own helps");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_becomes_too_old_refuses_everything_from_then_on() {
    for newer in NEWER {
        let (one, _other, target) = two().await;
        keeps(&one, person(1)).await;
        assert!(one.is_shared());
        let told = "INSERT INTO changes (origin, kind, subject) VALUES (gen_random_uuid(), 'version', '')";
        beside(&target).await.batch_execute(&format!("BEGIN; {newer}; {told}; COMMIT")).await.unwrap();
        let mut refused = None;
        for _ in 0..1000 {
            // What it knew is doubted, and cannot be looked up any more.
            one.hear().await.ok();
            refused = one.account(account_id(1)).await.err();
            if refused.is_some() {
                break;
            }
        }
        let source = refused.expect("it refuses").source.unwrap().to_string();
        assert!(source.contains("this one is too old for it"), "{source}");
        let committed =
            one.commit(vec![SessionChange::End(digest(7)).into()], bmauth::domain::plan::Durability::Durable);
        assert!(matches!(committed.await, Err(CommitError::Store(_))));
        assert!(one.hear().await.is_err());
        assert!(!one.is_shared(), "a load balancer may leave it out: the others answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_down_when_a_session_was_last_used_touches_no_index() {
    let (one, other, target) = two().await;
    keeps(&one, person(1)).await;
    keeps(&one, [SessionChange::Add(session(1, 1, 1)).into()]).await;
    for use_ in 1..=20 {
        keeps(&one, [SessionChange::Touch(vec![(digest(1), at(5000 + use_))]).into()]).await;
    }
    // Connections tell what they did when they end at the latest.
    drop((one, other));
    let client = beside(&target).await;
    let counts = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables \
                  WHERE schemaname = current_schema() AND relname = 'sessions'";
    for _ in 0..1000 {
        let row = client.query_one(counts, &[]).await.unwrap();
        let (all, within_the_page): (i64, i64) = (row.get(0), row.get(1));
        if all == 20 {
            assert_eq!(within_the_page, 20);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server does not tell what was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_used_since_is_looked_at_again_when_that_is_long_ago() {
    let (store, _, target) = two().await;
    keeps(&store, person(1)).await;
    keeps(&store, [SessionChange::Add(session(1, 1, 1)).into()]).await;
    keeps(&store, [SessionChange::Touch(vec![(digest(1), at(9000))]).into()]).await;
    assert_eq!(store.sweep(at(9000), at(0), at(8000), 9).await.unwrap(), 0);
    let client = beside(&target).await;
    let looked_at = async || client.query_one("SELECT looked_at FROM sessions", &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(looked_at().await, 9000, "until then it needs no other look");
    // One that a clock ahead wrote down is found without an index.
    keeps(&store, [SessionChange::Touch(vec![(digest(1), at(90_000))]).into()]).await;
    assert_eq!(store.set_back(at(10_000), 9).await.unwrap(), 1);
    assert_eq!(store.session(digest(1)).await.unwrap().unwrap().last_seen_at, at(10_000));
    assert_eq!(store.set_back(at(10_000), 9).await.unwrap(), 0);
    assert_eq!(store.sweep(at(20_000), at(0), at(10_001), 9).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_passes_over_used_sessions_ends_no_more_than_it_may() {
    let (store, _, _) = two().await;
    keeps(&store, person(1)).await;
    for n in 1..=4 {
        let session = bmauth::domain::session::Session { last_seen_at: at(2000 + u64::from(n)), ..session(n, 1, 1) };
        keeps(&store, [SessionChange::Add(session).into()]).await;
    }
    keeps(&store, [SessionChange::Touch(vec![(digest(1), at(9000))]).into()]).await;
    let sweep = async || store.sweep(at(9000), at(0), at(8000), 2).await.unwrap();
    assert_eq!((sweep().await, sweep().await, sweep().await), (2, 1, 0));
    assert!(store.session(digest(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_with_the_database_is_counted() {
    let (one, other, _) = two().await;
    keeps(&one, person(1)).await;
    keeps(&other, [SessionChange::End(digest(7)).into()]).await;
    while one.hear().await.unwrap() == StoreNotification::Effects(bmauth::domain::plan::Effects::default()) {}
    one.account(account_id(1)).await.unwrap();
    let text = bmauth::counts::Counts::default().text_with(one.counts());
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
        line.unwrap_or_else(|| panic!("no {name} in\n{text}"))
    };
    assert!(value("bmauth_store_seconds_count{operation=\"commit\"}") >= 1.0);
    assert!(value("bmauth_store_seconds_count{operation=\"read\"}") >= 1.0);
    assert!(value("bmauth_store_feed_delay_seconds_count") >= 1.0);
    assert!(value("bmauth_store_connections{state=\"idle\"}") >= 1.0);
    assert_eq!(value("bmauth_store_connections{state=\"busy\"}"), 0.0);
    assert_eq!(value("bmauth_store_waiting"), 0.0);
    assert_eq!(value("bmauth_store_unknown_outcomes_total"), 0.0);
    assert_eq!(value("bmauth_store_failures_total{operation=\"commit\"}"), 0.0);
    assert!(value("bmauth_store_nodes") >= 1.0 && value("bmauth_store_feed_age_seconds") >= 0.0);
    assert!(value("bmauth_store_feed_rows") >= 1.0);
    assert!(bmauth::store::memory::MemoryStore::new().counts().is_none());
}
