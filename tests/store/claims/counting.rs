use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::plan::{
    AccountChange, AccountConflict, CeremonyChange, Change, Conflict, CounterChange, Durability, PasskeyChange,
    RegistrationChange, SessionChange,
};
use bmauth::store::{CommitError, Store};
use futures_util::future::join_all;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use bmauth::domain::registration::Registration;

fn count(of: u8, limit: u32, now: u64) -> [Change; 1] {
    [Change::Counter(CounterChange::Count {
        counter: counter(of),
        limit,
        window: Duration::from_secs(60),
        now: at(now),
    })]
}

/// Commits all of them at the same time; returns how many were kept. All others must conflict as told.
pub async fn race(store: &Arc<impl Store>, commits: Vec<Vec<Change>>, otherwise: Conflict) -> usize {
    let commits = commits.into_iter().enumerate().map(|(n, changes)| {
        let store = Arc::clone(store);
        let durability = if n % 2 == 0 { Durability::Relaxed } else { Durability::Durable };
        tokio::spawn(async move { store.commit(changes, durability).await })
    });
    let mut kept = 0;
    for outcome in join_all(commits).await {
        match outcome.unwrap() {
            Ok(()) => kept += 1,
            Err(CommitError::Conflict(conflict)) => assert_eq!(conflict, otherwise),
            Err(CommitError::Store(error)) => panic!("{error}"),
        }
    }
    kept
}

pub async fn a_counter_stops_at_its_limit(store: Arc<impl Store>) {
    for _ in 0..3 {
        keeps(&*store, count(1, 3, 1000)).await;
    }
    refuses(&*store, count(1, 3, 1059), full(1, 1)).await;
    // What was refused has not been counted.
    keeps(&*store, count(1, 4, 1059)).await;
    refuses(&*store, count(1, 4, 1059), full(1, 1)).await;
}

pub async fn a_counter_starts_again_when_its_window_is_over(store: Arc<impl Store>) {
    keeps(&*store, count(1, 1, 1000)).await;
    refuses(&*store, count(1, 1, 1059), full(1, 1)).await;
    keeps(&*store, count(1, 1, 1060)).await;
    refuses(&*store, count(1, 1, 1119), full(1, 1)).await;
    keeps(&*store, count(1, 1, 5000)).await;
}

pub async fn a_window_does_not_move_while_it_runs(store: Arc<impl Store>) {
    keeps(&*store, count(1, 2, 1000)).await;
    keeps(&*store, count(1, 2, 1050)).await;
    refuses(&*store, count(1, 2, 1059), full(1, 1)).await;
    keeps(&*store, count(1, 2, 1060)).await;
}

pub async fn a_window_that_began_in_the_future_is_none(store: Arc<impl Store>) {
    for (now, ahead) in [(10_000, 1), (20_000, 59), (30_000, 60), (40_000, 61), (50_000, 1 << 40)] {
        keeps(&*store, count(1, 1, now + ahead)).await;
        keeps(&*store, count(1, 1, now)).await;
        refuses(&*store, count(1, 1, now + 59), full(1, 1)).await;
        keeps(&*store, count(1, 2, now + 59)).await;
    }
}

pub async fn counters_do_not_touch_each_other(store: Arc<impl Store>) {
    keeps(&*store, count(1, 1, 1000)).await;
    keeps(&*store, count(2, 1, 1000)).await;
    refuses(&*store, count(1, 1, 1000), full(1, 60)).await;
}

pub async fn a_limit_of_none_lets_nothing_through(store: Arc<impl Store>) {
    refuses(&*store, count(1, 0, 1000), full(1, 60)).await;
}

pub async fn parallel_tries_of_a_registration_are_counted_exactly(store: Arc<impl Store>) {
    keeps(&*store, [Change::Registration(RegistrationChange::Put(registration(1, 1, 1)))]).await;
    for tries in 1..=3 {
        let next = Registration { revision: tries, code: mailed(1, tries), ..registration(1, 1, 1) };
        let one = Change::Registration(RegistrationChange::Advance(next));
        assert_eq!(race(&store, vec![vec![one]; 60], Conflict::RegistrationChanged).await, 1);
        assert_eq!(store.registration(digest(1)).await.unwrap().unwrap().code.tries, tries);
    }
}

pub async fn parallel_counts_stop_exactly_at_the_limit(store: Arc<impl Store>) {
    let commits = vec![count(1, 20, 1000).to_vec(); 200];
    assert_eq!(race(&store, commits, full(1, 60)).await, 20);
}

pub async fn one_of_many_parallel_answers_spends_a_ceremony(store: Arc<impl Store>) {
    keeps(&*store, [Change::Ceremony(CeremonyChange::Add(ceremony(1)))]).await;
    let commits = vec![vec![Change::Ceremony(CeremonyChange::Spend(ceremony_id(1)))]; 50];
    assert_eq!(race(&store, commits, Conflict::CeremonySpent).await, 1);
}

pub async fn one_of_many_parallel_registrations_gets_the_address(store: Arc<impl Store>) {
    let commits = (1..=50)
        .map(|n| {
            let mut account = account(n);
            account.email = email(0);
            vec![
                Change::Account(AccountChange::Add(account)),
                Change::Passkey(PasskeyChange::Add(passkey(n, n))),
                Change::Session(SessionChange::Add(session(n, n, n))),
            ]
        })
        .collect();
    assert_eq!(race(&store, commits, Conflict::Account(AccountConflict::EmailTaken)).await, 1);
    let winner = store.account_by_email(&email(0)).await.unwrap().unwrap();
    for n in 1..=50 {
        let won = account_id(n) == winner.id;
        assert_eq!(store.account(account_id(n)).await.unwrap().is_some(), won, "account {n}");
        assert_eq!(store.passkey(&credential(n)).await.unwrap().is_some(), won, "passkey {n}");
        assert_eq!(store.session(digest(n)).await.unwrap().is_some(), won, "session {n}");
    }
}
