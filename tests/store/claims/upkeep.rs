use std::sync::Arc;

use bmauth::domain::clock::Timestamp;
use bmauth::domain::letter::{Letter, LetterId, Message};
use bmauth::domain::plan::{
    AccountChange, Change, Conflict, Durability, KeyChange, KeyConflict, LetterChange, PasskeyChange,
};
use bmauth::domain::secret::Secret;
use bmauth::domain::utc_offset::UtcOffset;
use bmauth::store::{CommitError, Store};

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::shown::Shown as _;

pub async fn letters_come_when_they_are_due_longest_due_first(store: Arc<impl Store>) {
    let added = [letter(1, 300), letter(2, 100), letter(3, 200), letter(4, u64::MAX)];
    keeps(&*store, added.clone().map(LetterChange::Add).map(Change::from)).await;
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
    let offset = |n: u32| i16::try_from(n).ok().filter(|n| *n > 0).and_then(|n| UtcOffset::of_minutes(n * 60 - 420));
    let added: Vec<_> = (0..13).map(|n| Letter { offset: offset(n), ..letter(n, 100 + u64::from(n)) }).collect();
    keeps(&*store, added.iter().cloned().map(LetterChange::Add).map(Change::from).collect::<Vec<_>>()).await;
    assert_eq!(store.letters_due(at(999), 99).await.unwrap().shown(), added.shown());
}

pub async fn a_delayed_letter_counts_its_failure_and_comes_later(store: Arc<impl Store>) {
    keeps(&*store, [Change::Letter(LetterChange::Add(letter(1, 100)))]).await;
    for (failures, was, due_at) in [(1, 100, 500), (1, 500, 50), (2, 50, 900)] {
        let delay = LetterChange::Delay { id: letter_id(1), was: at(was), due_at: at(due_at), failures };
        keeps(&*store, [delay.into()]).await;
        assert!(store.letters_due(at(due_at - 1), 9).await.unwrap().is_empty());
        let expected = Letter { due_at: at(due_at), failures, ..letter(1, 100) };
        assert_eq!(store.letters_due(at(due_at), 9).await.unwrap(), [expected]);
    }
}

pub async fn a_dropped_letter_is_not_delayed_back(store: Arc<impl Store>) {
    keeps(
        &*store,
        [Change::Letter(LetterChange::Add(letter(1, 100))), Change::Letter(LetterChange::Add(letter(2, 100)))],
    )
    .await;
    for _ in 0..2 {
        keeps(&*store, [Change::Letter(LetterChange::Drop(letter_id(1)))]).await;
        let delay = LetterChange::Delay { id: letter_id(1), was: at(100), due_at: at(100), failures: 1 };
        refuses(&*store, [delay.into()], Conflict::LetterTaken).await;
        assert_eq!(store.letters_due(at(999), 9).await.unwrap(), [letter(2, 100)]);
    }
}

/// Something that happened, of which the letter of that number tells; more of it is told at 900.
fn happens(n: u32, now: u64) -> Change {
    let first = Letter { message: Message::Welcome, created_at: at(now), ..letter(n, now) };
    let waits = Letter { message: Message::Nothing, created_at: at(now), ..letter(1, 900) };
    LetterChange::Gather { first: Box::new(first), waits: Box::new(waits), rest: Message::RecoveryDone }.into()
}

/// The names and messages of the letters, and when they are due.
async fn waiting(store: &impl Store) -> Vec<(LetterId, Message, Timestamp)> {
    let letters = store.letters_due(at(u64::MAX), 99).await.unwrap();
    letters.into_iter().map(|letter| (letter.id, letter.message, letter.due_at)).collect()
}

pub async fn what_happens_together_is_told_by_two_letters(store: Arc<impl Store>) {
    keeps(&*store, [happens(2, 300)]).await;
    let first = (letter_id(2), Message::Welcome, at(300));
    assert_eq!(waiting(&*store).await, [first.clone(), (letter_id(1), Message::Nothing, at(900))]);
    for (n, now) in [(3, 300), (4, 500), (5, 899)] {
        keeps(&*store, [happens(n, now)]).await;
        assert_eq!(waiting(&*store).await, [first.clone(), (letter_id(1), Message::RecoveryDone, at(901))]);
    }
    let told = store.letters_due(at(901), 9).await.unwrap().pop().unwrap();
    assert_eq!((told.created_at, told.failures), (at(300), 0));
    // When it is gone, it begins anew.
    keeps(&*store, [Change::Letter(LetterChange::Drop(letter_id(1)))]).await;
    keeps(&*store, [happens(6, 899)]).await;
    assert_eq!(waiting(&*store).await.len(), 3);
}

pub async fn a_gathering_letter_that_is_being_sent_gathers_no_more(store: Arc<impl Store>) {
    keeps(&*store, [happens(2, 300)]).await;
    // It is due.
    keeps(&*store, [happens(3, 900)]).await;
    let delay = LetterChange::Delay { id: letter_id(1), was: at(900), due_at: at(2000), failures: 1 };
    keeps(&*store, [delay.into()]).await;
    keeps(&*store, [happens(4, 950)]).await;
    let alone = |n, now| (letter_id(n), Message::Welcome, at(now));
    let silent = (letter_id(1), Message::Nothing, at(2000));
    assert_eq!(waiting(&*store).await, [alone(2, 300), alone(3, 900), alone(4, 950), silent]);
}

pub async fn a_gathering_letter_that_was_read_before_it_had_to_tell_is_not_sent_as_it_was(store: Arc<impl Store>) {
    keeps(&*store, [happens(2, 300)]).await;
    let read = store.letters_due(at(900), 9).await.unwrap().pop().unwrap();
    keeps(&*store, [happens(3, 899)]).await;
    let delay = LetterChange::Delay { id: read.id, was: read.due_at, due_at: at(2000), failures: 1 };
    refuses(&*store, [delay.into()], Conflict::LetterTaken).await;
    let told = (letter_id(1), Message::RecoveryDone, at(901));
    assert_eq!(waiting(&*store).await.last(), Some(&told));
}

pub async fn of_several_that_would_send_a_letter_one_does(store: Arc<impl Store>) {
    keeps(&*store, [Change::Letter(LetterChange::Add(letter(1, 100)))]).await;
    let claim = || async {
        let delay = LetterChange::Delay { id: letter_id(1), was: at(100), due_at: at(500), failures: 1 };
        store.commit(vec![delay.into()], Durability::Relaxed).await
    };
    let claims = futures_util::future::join_all((0..8).map(|_| claim())).await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    let taken = |error: &CommitError| matches!(error, CommitError::Conflict(Conflict::LetterTaken));
    assert!(claims.iter().filter_map(|claim| claim.as_ref().err()).all(taken));
    assert_eq!(store.letters_due(at(500), 9).await.unwrap().first().map(|letter| letter.failures), Some(1));
}

pub async fn of_several_that_would_change_the_keys_one_does(store: Arc<impl Store>) {
    assert_eq!(store.key_generation().await.unwrap(), 0);
    for was in 0..3_u64 {
        let change = |n: u64| {
            let changes =
                vec![KeyChange::Advance { was }.into(), KeyChange::Put(signing_key(&format!("{was} {n}"), was)).into()];
            store.commit(changes, Durability::Durable)
        };
        let changed = futures_util::future::join_all((0..8).map(change)).await;
        assert_eq!(changed.iter().filter(|changed| changed.is_ok()).count(), 1);
        let late = |error: &CommitError| matches!(error, CommitError::Conflict(Conflict::Key(KeyConflict::Changed)));
        assert!(changed.iter().filter_map(|changed| changed.as_ref().err()).all(late));
        assert_eq!(store.key_generation().await.unwrap(), was + 1);
    }
    assert_eq!(store.signing_keys().await.unwrap().len(), 3);
}

pub async fn the_master_secret_is_set_once(store: Arc<impl Store>) {
    let (one, two) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
    keeps(&*store, [Change::Key(KeyChange::SetMaster(one.clone()))]).await;
    refuses(&*store, [Change::Key(KeyChange::SetMaster(two))], Conflict::Key(KeyConflict::MasterExists)).await;
    assert_eq!(store.master().await.unwrap().unwrap().bytes(), one.bytes());
}

pub async fn the_first_rp_id_that_is_noted_stays(store: Arc<impl Store>) {
    assert_eq!(store.rp_id().await.unwrap(), None);
    for text in ["notes.example.com", "example.com"] {
        keeps(&*store, [Change::Key(KeyChange::NoteRpId(rp_id(text)))]).await;
        assert_eq!(store.rp_id().await.unwrap(), Some(rp_id("notes.example.com")));
    }
}

pub async fn passkeys_are_locked_out_by_every_rp_id_but_their_own(store: Arc<impl Store>) {
    let locked_out = async |text: &str| {
        let found = store.locked_out(&rp_id(text)).await.unwrap();
        (found.passkeys, found.accounts(), found.unknown)
    };
    assert_eq!(locked_out("example.com").await, (0, 0, 0));
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Add(account(n))))).await;
    // More than are looked at at once; of three, one says what it was made for.
    let of = |n: u32| Change::Passkey(PasskeyChange::Add(passkey(n, 1 + n % 2)));
    for part in 0..21 {
        keeps(&*store, (part * 100..(part + 1) * 100).map(of).collect::<Vec<_>>()).await;
    }
    assert_eq!(locked_out("notes.example.com").await, (0, 0, 1400));
    assert_eq!(locked_out("example.com").await, (700, 2, 1400));
    keeps(&*store, [Change::Key(KeyChange::NoteRpId(rp_id("example.com")))]).await;
    assert_eq!(locked_out("notes.example.com").await, (1400, 2, 0));
    assert_eq!(locked_out("example.com").await, (700, 2, 0));
    assert_eq!(locked_out("example.org").await, (2100, 2, 0));
}

pub async fn signing_keys_are_listed_oldest_first_replaced_and_dropped(store: Arc<impl Store>) {
    let (a, b, ed) = (signing_key("a", 300), signing_key("b", 100), signing_key("ed", 200));
    keeps(&*store, [a.clone(), b.clone(), ed.clone()].map(KeyChange::Put).map(Change::from)).await;
    assert_eq!(store.signing_keys().await.unwrap().shown(), vec![b, ed.clone(), a.clone()].shown());
    let newer = signing_key("b", 400);
    keeps(&*store, [Change::Key(KeyChange::Put(newer.clone()))]).await;
    assert_eq!(store.signing_keys().await.unwrap().shown(), vec![ed.clone(), a, newer.clone()].shown());
    for _ in 0..2 {
        keeps(&*store, [Change::Key(KeyChange::Drop("a".to_owned()))]).await;
        assert_eq!(store.signing_keys().await.unwrap().shown(), vec![ed.clone(), newer.clone()].shown());
    }
}

pub async fn a_fresh_store_is_ready(store: Arc<impl Store>) {
    store.ready().await.unwrap();
}
