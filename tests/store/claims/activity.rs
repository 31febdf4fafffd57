use std::sync::Arc;

use bmauth::domain::activity::Event;
use bmauth::domain::plan::{AccountChange, Change, EventChange};
use bmauth::store::Store;

use crate::claims::atomic::keeps;
use crate::sample::*;

async fn add(store: &impl Store, events: &[Event]) {
    keeps(store, events.iter().cloned().map(EventChange::Add).map(Change::from).collect::<Vec<_>>()).await;
}

pub async fn an_event_reads_as_it_was_added(store: Arc<impl Store>) {
    keeps(&*store, [Change::Account(AccountChange::Add(account(1)))]).await;
    let mut added: Vec<_> = (0..12).map(|n| event(n, 1, 100 + u64::from(n))).collect();
    add(&*store, &added).await;
    added.reverse();
    assert_eq!(store.events(account_id(1), 99).await.unwrap(), added);
}

pub async fn the_newest_events_come_first_for_their_account_only(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Add(account(n))))).await;
    let added = [event(1, 1, 200), event(2, 1, 400), event(3, 2, 300), event(4, 1, 300), event(5, 1, 0)];
    add(&*store, &added).await;
    let [third, first, others, second, last] = added;
    let of_one = [first, second, third, last];
    for limit in [0, 1, 3, 4, 99, usize::MAX] {
        let expected: Vec<_> = of_one.iter().take(limit).cloned().collect();
        assert_eq!(store.events(account_id(1), limit).await.unwrap(), expected, "limit {limit}");
    }
    assert_eq!(store.events(account_id(2), 9).await.unwrap(), [others]);
}

pub async fn of_events_of_one_second_the_later_name_comes_first(store: Arc<impl Store>) {
    keeps(&*store, [Change::Account(AccountChange::Add(account(1)))]).await;
    add(&*store, &[2, 3, 1].map(|n| event(n, 1, 100))).await;
    assert_eq!(store.events(account_id(1), 9).await.unwrap(), [3, 2, 1].map(|n| event(n, 1, 100)));
}

pub async fn an_event_of_an_account_that_is_gone_is_passed_over(store: Arc<impl Store>) {
    // The rest of the commit is kept all the same.
    keeps(
        &*store,
        [Change::Event(EventChange::Add(event(1, 1, 100))), Change::Account(AccountChange::Add(account(1)))],
    )
    .await;
    assert!(store.events(account_id(1), 9).await.unwrap().is_empty());
    add(&*store, &[event(2, 1, 100)]).await;
    keeps(
        &*store,
        [Change::Account(AccountChange::Remove(account_id(1))), Change::Event(EventChange::Add(event(3, 1, 100)))],
    )
    .await;
    keeps(&*store, [Change::Account(AccountChange::Add(account(1)))]).await;
    assert!(store.events(account_id(1), 9).await.unwrap().is_empty());
    let end = at(u64::MAX);
    assert_eq!(store.sweep(end, end, end, 99).await.unwrap(), 0);
}
