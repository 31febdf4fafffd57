use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::aftermath::Aftermath;
use bmauth::domain::link::{Link, LinkStage};
use bmauth::domain::plan::{
    AccountChange, AccountConflict, CeremonyChange, Change, Conflict, CounterChange, Durability, EventChange,
    HoldChange, KeyChange, LetterChange, LinkChange, MoveChange, PasskeyChange, RecoveryChange, RegistrationChange,
    SessionChange, SessionConflict, TokensChange,
};
use bmauth::domain::recovery::Recovery;
use bmauth::domain::registration::Registration;
use bmauth::domain::secret::Secret;
use bmauth::domain::token_family::TokenFamily;
use bmauth::store::{CommitError, Store};
use futures_util::future::join_all;

use crate::random::everything;
use crate::sample::*;

/// The changes are made.
#[track_caller]
pub fn keeps(store: &impl Store, changes: impl Into<Vec<Change>>) -> impl Future<Output = ()> {
    let (changes, caller) = (changes.into(), std::panic::Location::caller());
    async move {
        let outcome = store.commit(changes, Durability::Durable).await;
        assert!(outcome.is_ok(), "{outcome:?} at {caller}");
    }
}

/// The changes are refused, for that reason.
#[track_caller]
pub fn refuses(store: &impl Store, changes: impl Into<Vec<Change>>, expected: Conflict) -> impl Future<Output = ()> {
    let (changes, caller) = (changes.into(), std::panic::Location::caller());
    async move {
        let outcome = store.commit(changes, Durability::Durable).await;
        let fits = matches!(outcome, Err(CommitError::Conflict(conflict)) if conflict == expected);
        assert!(fits, "{outcome:?} instead of {expected:?} at {caller}");
    }
}

pub async fn a_commit_that_conflicts_leaves_nothing(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let window = Duration::from_secs(60);
    keeps(
        &*store,
        [
            Change::Session(SessionChange::Add(session(1, 1, 1))),
            Change::Registration(RegistrationChange::Put(registration(1, 1, 1))),
            Change::Registration(RegistrationChange::Put(registration(2, 2, 2))),
            Change::Ceremony(CeremonyChange::Add(ceremony(1))),
            Change::Letter(LetterChange::Add(letter(1, 3000))),
            Change::Letter(LetterChange::Add(letter(2, 3000))),
            Change::Key(KeyChange::Put(signing_key("one", 1))),
            Change::Counter(CounterChange::Count { counter: counter(1), limit: 2, window, now: at(1000) }),
        ],
    )
    .await;
    let mut used = new_passkey(1);
    used.counter = 9;
    let tried = Registration { revision: 1, code: mailed(1, 1), ..registration(1, 1, 1) };
    let changes = vec![
        Change::Ceremony(CeremonyChange::Add(ceremony(2))),
        Change::Ceremony(CeremonyChange::Spend(ceremony_id(1))),
        Change::Registration(RegistrationChange::Advance(tried)),
        Change::Registration(RegistrationChange::Put(registration(3, 3, 3))),
        Change::Registration(RegistrationChange::DropAll(email(2))),
        Change::Account(AccountChange::Add(account(2))),
        Change::Passkey(PasskeyChange::Add(passkey(2, 2))),
        Change::Session(SessionChange::Add(session(2, 2, 2))),
        Change::Passkey(PasskeyChange::Use { was_counter: 1, key: used, at: at(1) }),
        Change::Session(SessionChange::Touch(vec![(digest(1), at(2900))])),
        Change::Session(SessionChange::End(digest(1))),
        Change::Letter(LetterChange::Add(letter(3, 3000))),
        Change::Letter(LetterChange::Delay { id: letter_id(1), was: at(3000), due_at: at(3001), failures: 1 }),
        Change::Key(KeyChange::Advance { was: 0 }),
        Change::Letter(LetterChange::Drop(letter_id(2))),
        Change::Counter(CounterChange::Count { counter: counter(1), limit: 2, window, now: at(1000) }),
        Change::Key(KeyChange::SetMaster(Secret::from_bytes([1; 32]))),
        Change::Key(KeyChange::Put(signing_key("two", 2))),
        Change::Key(KeyChange::Drop("one".to_owned())),
        // The one that does not hold.
        Change::Registration(RegistrationChange::Spend { browser: digest(1), revision: 7 }),
    ];
    refuses(&*store, changes, Conflict::RegistrationChanged).await;

    assert!(store.ceremony(ceremony_id(2)).await.unwrap().is_none());
    assert!(store.ceremony(ceremony_id(1)).await.unwrap().is_some());
    assert_eq!(store.registration(digest(1)).await.unwrap().unwrap().code.tries, 0);
    assert!(store.registration(digest(2)).await.unwrap().is_some());
    assert!(store.registration(digest(3)).await.unwrap().is_none());
    assert!(store.account(account_id(2)).await.unwrap().is_none());
    assert!(store.account_by_email(&email(2)).await.unwrap().is_none());
    assert!(store.passkey(&credential(2)).await.unwrap().is_none());
    assert!(store.passkeys(account_id(2)).await.unwrap().is_empty());
    assert!(store.session(digest(2)).await.unwrap().is_none());
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().key.counter, 1);
    assert_eq!(store.session(digest(1)).await.unwrap(), Some(session(1, 1, 1)));
    let letters = store.letters_due(at(9999), 9).await.unwrap();
    assert_eq!(letters, [letter(1, 3000), letter(2, 3000)]);
    assert!(store.master().await.unwrap().is_none());
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["one"]);
    // One of two is counted: there is room for one more, and no other.
    let count = [Change::Counter(CounterChange::Count { counter: counter(1), limit: 2, window, now: at(1000) })];
    keeps(&*store, count.clone()).await;
    refuses(&*store, count, full(1, window.as_secs())).await;
}

pub async fn a_later_change_sees_the_earlier_ones_of_its_commit(store: Arc<impl Store>) {
    let mut changes = person(1);
    changes.push(Change::Session(SessionChange::Add(session(1, 1, 1))));
    keeps(&*store, changes).await;
    assert!(store.session(digest(1)).await.unwrap().is_some());

    let mut wrong_order = person(2);
    wrong_order.insert(0, Change::Session(SessionChange::Add(session(2, 2, 2))));
    refuses(&*store, wrong_order, Conflict::Account(AccountConflict::Gone)).await;

    let mut twice = person(2);
    twice.extend(person(2));
    refuses(&*store, twice, Conflict::Account(AccountConflict::Exists)).await;
    assert!(store.account(account_id(2)).await.unwrap().is_none());
}

pub async fn what_a_commit_took_away_is_gone_for_its_later_changes(store: Arc<impl Store>) {
    keeps(
        &*store,
        [
            Change::Ceremony(CeremonyChange::Add(ceremony(1))),
            Change::Registration(RegistrationChange::Put(registration(1, 1, 1))),
        ],
    )
    .await;
    let twice = vec![Change::Ceremony(CeremonyChange::Spend(ceremony_id(1))); 2];
    refuses(&*store, twice, Conflict::CeremonySpent).await;
    assert!(store.ceremony(ceremony_id(1)).await.unwrap().is_some());

    let spend = Change::Registration(RegistrationChange::Spend { browser: digest(1), revision: 0 });
    refuses(
        &*store,
        [Change::Registration(RegistrationChange::DropAll(email(1))), spend.clone()],
        Conflict::RegistrationChanged,
    )
    .await;
    keeps(
        &*store,
        [
            // One that only this commit has put is dropped with the others.
            Change::Registration(RegistrationChange::Put(registration(2, 1, 2))),
            spend,
            Change::Registration(RegistrationChange::DropAll(email(1))),
            Change::Registration(RegistrationChange::Put(registration(3, 1, 3))),
        ],
    )
    .await;
    for (browser, there) in [(1, false), (2, false), (3, true)] {
        assert_eq!(store.registration(digest(browser)).await.unwrap().is_some(), there, "browser {browser}");
    }
}

pub async fn no_change_leaves_anything_where_a_later_one_conflicts(store: Arc<impl Store>) {
    for n in 1..=2 {
        keeps(&*store, person(n)).await;
    }
    keeps(&*store, [Change::Passkey(PasskeyChange::Add(passkey(3, 1))), Change::Hold(HoldChange::Add(hold(1, 1)))])
        .await;
    let sessions = [(1, 1, 1), (2, 1, 3), (3, 2, 2)].map(|(n, of, with)| session(n, of, with));
    keeps(&*store, sessions.map(|session| Change::Session(SessionChange::Add(session)))).await;
    keeps(
        &*store,
        [
            Change::Link(LinkChange::Add(link(1))),
            Change::Link(LinkChange::Add(link(2))),
            Change::Recovery(RecoveryChange::Put(recovery(1, 1))),
        ],
    )
    .await;
    keeps(&*store, [Change::Event(EventChange::Add(event(1, 1, 50)))]).await;
    keeps(
        &*store,
        [
            Change::Session(SessionChange::Add(session_by_code(0, 1))),
            Change::Tokens(TokensChange::Add(tokens(0, 1, 0))),
        ],
    )
    .await;
    let before = everything(&*store).await;

    let (first, second) = (account_id(1), account_id(2));
    let changes = [
        Change::Account(AccountChange::Aftermath { account: first, was: Aftermath::default(), is: aftermath(1) }),
        Change::Tokens(TokensChange::Add(tokens(1, 1, 0))),
        Change::Tokens(TokensChange::Advance(TokenFamily { revision: 1, ..tokens(0, 2, 1) })),
        Change::Session(SessionChange::Tie {
            session: digest(0),
            credential: credential(3),
            authentication: session_by_code(0, 0).authentication,
        }),
        Change::Account(AccountChange::SetGroups { account: second, was: account(2).groups, groups: Vec::new() }),
        Change::Session(SessionChange::EndAll { account: first, except: Some(digest(1)) }),
        Change::Passkey(PasskeyChange::Rename {
            credential: credential(1),
            account: first,
            name: Some("Key".to_owned()),
        }),
        Change::Passkey(PasskeyChange::Remove { credential: credential(1), account: first, last: false }),
        Change::Link(LinkChange::Add(link(0))),
        Change::Link(LinkChange::Advance(Link { revision: 1, stage: LinkStage::Found, ..link(1) })),
        Change::Link(LinkChange::Spend { id: link_id(2), revision: 0 }),
        Change::Recovery(RecoveryChange::Advance(Recovery { revision: 1, ..recovery(1, 2) })),
        Change::Recovery(RecoveryChange::Spend { browser: digest(1), revision: 1 }),
        Change::Recovery(RecoveryChange::Put(recovery(2, 2))),
        Change::Hold(HoldChange::Spend { account: first, id: hold_id(1) }),
        Change::Hold(HoldChange::Add(hold(2, 2))),
        Change::Account(AccountChange::SetProfile { account: first, name: Some("Zoe".to_owned()), locale: None }),
        Change::Account(AccountChange::SetEmail { account: first, was: email(1), is: email(7), now: at(1000) }),
        Change::Move(MoveChange::put(None, moving(2, 1))),
        Change::Move(MoveChange::put(None, moving(1, 2))),
        Change::Move(MoveChange::DropAsked(second)),
        Change::Event(EventChange::Add(event(2, 2, 60))),
        Change::Account(AccountChange::SetDisabled { account: second, disabled: true }),
        Change::Account(AccountChange::Remove(first)),
    ];
    // The one that does not hold.
    let last = Change::Session(SessionChange::Require(digest(9)));
    let mut some = Vec::new();
    for change in &changes {
        some.push(change.clone());
        refuses(
            &*store,
            [some.as_slice(), std::slice::from_ref(&last)].concat(),
            Conflict::Session(SessionConflict::Ended),
        )
        .await;
        assert_eq!(everything(&*store).await, before, "after {change:?}");
    }
    // Each of them does something, so that something could have been left.
    for change in changes {
        let before = everything(&*store).await;
        keeps(&*store, [change.clone()]).await;
        assert_ne!(everything(&*store).await, before, "after {change:?}");
    }
}

pub async fn the_first_conflict_is_told(store: Arc<impl Store>) {
    let changes = vec![
        Change::Ceremony(CeremonyChange::Spend(ceremony_id(1))),
        Change::Passkey(PasskeyChange::Add(passkey(1, 1))),
    ];
    refuses(&*store, changes.clone(), Conflict::CeremonySpent).await;
    refuses(&*store, changes.into_iter().rev().collect::<Vec<_>>(), Conflict::Account(AccountConflict::Gone)).await;
}

pub async fn a_whole_registration_is_one_commit(store: Arc<impl Store>) {
    for browser in [1, 2] {
        keeps(&*store, [Change::Registration(RegistrationChange::Put(registration(browser, 1, browser)))]).await;
    }
    let finish = |browser| {
        let mut changes = vec![
            Change::Registration(RegistrationChange::Spend { browser: digest(browser), revision: 0 }),
            Change::Registration(RegistrationChange::DropAll(email(1))),
        ];
        changes.extend(person(1));
        changes.extend([
            Change::Session(SessionChange::Add(session(browser, 1, 1))),
            Change::Letter(LetterChange::Add(letter(browser, 3000))),
        ]);
        changes
    };
    keeps(&*store, finish(2)).await;
    refuses(&*store, finish(1), Conflict::RegistrationChanged).await;
    assert_eq!(store.account_by_email(&email(1)).await.unwrap(), Some(account(1)));
    assert!(store.session(digest(2)).await.unwrap().is_some());
    assert!(store.session(digest(1)).await.unwrap().is_none());
    assert_eq!(store.letters_due(at(3000), 9).await.unwrap(), [letter(2, 3000)]);
}

pub async fn parallel_commits_are_all_kept(store: Arc<impl Store>) {
    let commits = (1..=100).map(|n| {
        let store = Arc::clone(&store);
        let durability = if n % 3 == 0 { Durability::Durable } else { Durability::Relaxed };
        tokio::spawn(async move { store.commit(person(n), durability).await })
    });
    for outcome in join_all(commits).await {
        outcome.unwrap().unwrap();
    }
    for n in 1..=100 {
        assert_eq!(store.account_by_email(&email(n)).await.unwrap(), Some(account(n)));
        assert_eq!(store.passkeys(account_id(n)).await.unwrap().len(), 1);
    }
}
