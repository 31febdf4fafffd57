use std::sync::Arc;

use bmauth::domain::letter::Letter;
use bmauth::domain::plan::{Change, Conflict};
use bmauth::domain::secret::Secret;
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::shown::Shown as _;

pub async fn letters_come_when_they_are_due_longest_due_first(store: Arc<impl Store>) {
    let added = [letter(1, 300), letter(2, 100), letter(3, 200), letter(4, u64::MAX)];
    keeps(&*store, added.clone().map(Change::AddLetter)).await;
    let [third, first, second, last] = added;
    for (now, limit, expected) in [
        (99, 9, vec![]),
        (100, 9, vec![first.clone()]),
        (250, 9, vec![first.clone(), second.clone()]),
        (u64::MAX, 2, vec![first.clone(), second.clone()]),
        (u64::MAX, 0, vec![]),
        (u64::MAX, 9, vec![first, second, third, last]),
    ] {
        assert_eq!(store.letters_due(at(now), limit).await.unwrap().shown(), expected.shown(), "at {now}");
    }
}

pub async fn a_letter_reads_as_it_was_added(store: Arc<impl Store>) {
    let added: Vec<_> = (0..10).map(|n| letter(n, 100 + u64::from(n))).collect();
    keeps(&*store, added.iter().cloned().map(Change::AddLetter).collect::<Vec<_>>()).await;
    assert_eq!(store.letters_due(at(999), 99).await.unwrap().shown(), added.shown());
}

pub async fn a_delayed_letter_counts_its_failure_and_comes_later(store: Arc<impl Store>) {
    keeps(&*store, [Change::AddLetter(letter(1, 100))]).await;
    for (failures, due_at) in [(1, 500), (2, 50), (3, 900)] {
        keeps(&*store, [Change::DelayLetter { id: letter_id(1), due_at: at(due_at) }]).await;
        assert!(store.letters_due(at(due_at - 1), 9).await.unwrap().is_empty());
        let expected = Letter { due_at: at(due_at), failures, ..letter(1, 100) };
        assert_eq!(store.letters_due(at(due_at), 9).await.unwrap(), [expected]);
    }
}

pub async fn a_dropped_letter_is_not_delayed_back(store: Arc<impl Store>) {
    keeps(&*store, [Change::AddLetter(letter(1, 100)), Change::AddLetter(letter(2, 100))]).await;
    for _ in 0..2 {
        keeps(&*store, [Change::DropLetter(letter_id(1))]).await;
        keeps(&*store, [Change::DelayLetter { id: letter_id(1), due_at: at(100) }]).await;
        assert_eq!(store.letters_due(at(999), 9).await.unwrap(), [letter(2, 100)]);
    }
}

pub async fn the_master_secret_is_set_once(store: Arc<impl Store>) {
    let (one, two) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
    keeps(&*store, [Change::SetMaster(one.clone())]).await;
    refuses(&*store, [Change::SetMaster(two)], Conflict::MasterExists).await;
    assert_eq!(store.master().await.unwrap().unwrap().bytes(), one.bytes());
}

pub async fn signing_keys_are_listed_oldest_first_replaced_and_dropped(store: Arc<impl Store>) {
    let (a, b, ed) = (signing_key("a", 300), signing_key("b", 100), signing_key("ed", 200));
    keeps(&*store, [a.clone(), b.clone(), ed.clone()].map(Change::PutSigningKey)).await;
    assert_eq!(store.signing_keys().await.unwrap().shown(), vec![b, ed.clone(), a.clone()].shown());
    let newer = signing_key("b", 400);
    keeps(&*store, [Change::PutSigningKey(newer.clone())]).await;
    assert_eq!(store.signing_keys().await.unwrap().shown(), vec![ed.clone(), a, newer.clone()].shown());
    for _ in 0..2 {
        keeps(&*store, [Change::DropSigningKey("a".to_owned())]).await;
        assert_eq!(store.signing_keys().await.unwrap().shown(), vec![ed.clone(), newer.clone()].shown());
    }
}

pub async fn a_fresh_store_is_ready(store: Arc<impl Store>) {
    store.ready().await.unwrap();
}
