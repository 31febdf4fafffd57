use std::sync::Arc;

use bmauth::domain::account::Account;
use bmauth::domain::passkey::Passkey;
use bmauth::domain::plan::{
    AccountChange, AccountConflict, Change, Conflict, PasskeyChange, PasskeyConflict, SessionChange,
};
use bmauth::domain::session::Session;
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::shown::Shown as _;

pub async fn what_was_never_added_is_not_there(store: Arc<impl Store>) {
    assert!(store.ceremony(ceremony_id(1)).await.unwrap().is_none());
    assert!(store.registration(digest(1)).await.unwrap().is_none());
    assert!(store.account(account_id(1)).await.unwrap().is_none());
    assert!(store.account_by_email(&email(1)).await.unwrap().is_none());
    assert!(store.passkey(&credential(1)).await.unwrap().is_none());
    assert!(store.passkeys(account_id(1)).await.unwrap().is_empty());
    assert!(store.passkey_ids(account_id(1)).await.unwrap().is_empty());
    assert!(store.session(digest(1)).await.unwrap().is_none());
    assert!(store.sessions(account_id(1)).await.unwrap().is_empty());
    assert!(store.tokens(digest(1)).await.unwrap().is_none());
    assert!(store.tokens_by_refresh(refresh(1, 100)).await.unwrap().is_none());
    assert!(store.registrations_of(&email(1)).await.unwrap().is_empty());
    assert!(store.recoveries_of(account_id(1)).await.unwrap().is_empty());
    assert!(store.events(account_id(1), 9).await.unwrap().is_empty());
    assert!(store.accounts(None, 9).await.unwrap().is_empty());
    assert!(store.link(link_id(1)).await.unwrap().is_none());
    assert!(store.link_by_code(link_code(1)).await.unwrap().is_none());
    assert!(store.recovery(digest(1)).await.unwrap().is_none());
    assert!(store.hold(account_id(1)).await.unwrap().is_none());
    assert!(store.letters_due(at(u64::MAX), 9).await.unwrap().is_empty());
    assert!(store.master().await.unwrap().is_none());
    assert!(store.signing_keys().await.unwrap().is_empty());
}

pub async fn an_account_is_found_by_id_and_by_address(store: Arc<impl Store>) {
    for n in 0..4 {
        keeps(&*store, [Change::Account(AccountChange::Add(account(n)))]).await;
    }
    for n in 0..4 {
        assert_eq!(store.account(account_id(n)).await.unwrap(), Some(account(n)));
        assert_eq!(store.account_by_email(&email(n)).await.unwrap(), Some(account(n)));
    }
}

pub async fn an_account_keeps_what_its_owner_said_of_themselves(store: Arc<impl Store>) {
    keeps(&*store, (0..3).map(|n| Change::Account(AccountChange::Add(account_of_api(n)))).collect::<Vec<_>>()).await;
    for n in 0..3 {
        assert_eq!(store.account(account_id(n)).await.unwrap(), Some(account_of_api(n)));
        assert_eq!(store.account_by_email(&email(n)).await.unwrap(), Some(account_of_api(n)));
    }
    assert_eq!(store.accounts(None, 9).await.unwrap(), [0, 1, 2].map(account_of_api));
    for disabled in [true, false] {
        keeps(&*store, [Change::Account(AccountChange::SetDisabled { account: account_id(0), disabled })]).await;
        assert_eq!(store.account(account_id(0)).await.unwrap(), Some(Account { disabled, ..account_of_api(0) }));
    }
}

pub async fn accounts_are_listed_by_address_from_where_the_last_list_ended(store: Arc<impl Store>) {
    // Added neither in the order of their addresses nor in that of their ids.
    for n in [12, 3, 0, 2, 11, 1] {
        keeps(&*store, [Change::Account(AccountChange::Add(account(n)))]).await;
    }
    // The addresses: ann11@…, ann12@…, ann@example.co, ann@example.com, ann@example.comm, ann@example.commm.
    for (after, limit, expected) in [
        (None, 99, vec![11, 12, 0, 1, 2, 3]),
        (None, 3, vec![11, 12, 0]),
        (Some(0), 2, vec![1, 2]),
        (Some(2), 2, vec![3]),
        (Some(3), 2, vec![]),
        // One that no account has: what comes after it is listed all the same.
        (Some(10), 1, vec![11]),
        (Some(4), 9, vec![]),
        (None, 0, vec![]),
    ] {
        let listed = store.accounts(after.map(email).as_ref(), limit).await.unwrap();
        assert_eq!(listed, expected.into_iter().map(account).collect::<Vec<_>>(), "after {after:?}");
    }
}

pub async fn an_account_id_is_used_once(store: Arc<impl Store>) {
    keeps(&*store, [Change::Account(AccountChange::Add(account(1)))]).await;
    let mut other = account(1);
    other.email = email(2);
    refuses(&*store, [Change::Account(AccountChange::Add(other))], Conflict::Account(AccountConflict::Exists)).await;
    assert!(store.account_by_email(&email(2)).await.unwrap().is_none());
}

pub async fn an_address_has_one_account(store: Arc<impl Store>) {
    keeps(&*store, [Change::Account(AccountChange::Add(account(1)))]).await;
    let mut other = account(2);
    other.email = email(1);
    refuses(&*store, [Change::Account(AccountChange::Add(other))], Conflict::Account(AccountConflict::EmailTaken))
        .await;
    assert_eq!(store.account_by_email(&email(1)).await.unwrap(), Some(account(1)));
    assert!(store.account(account_id(2)).await.unwrap().is_none());
}

pub async fn a_passkey_needs_its_account(store: Arc<impl Store>) {
    refuses(&*store, [Change::Passkey(PasskeyChange::Add(passkey(1, 1)))], Conflict::Account(AccountConflict::Gone))
        .await;
    assert!(store.passkey(&credential(1)).await.unwrap().is_none());
}

pub async fn a_credential_id_is_used_once_over_all_accounts(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(&*store, person(2)).await;
    for owner in [1, 2] {
        refuses(
            &*store,
            [Change::Passkey(PasskeyChange::Add(passkey(1, owner)))],
            Conflict::Passkey(PasskeyConflict::Taken),
        )
        .await;
    }
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().account, account_id(1));
    assert_eq!(store.passkeys(account_id(2)).await.unwrap().len(), 1);
}

pub async fn passkeys_are_listed_oldest_first_for_their_account_only(store: Arc<impl Store>) {
    keeps(&*store, [Change::Account(AccountChange::Add(account(1))), Change::Account(AccountChange::Add(account(2)))])
        .await;
    let made = |n, account, created_at| Passkey { created_at: at(created_at), ..passkey(n, account) };
    let added = [made(5, 1, 300), made(6, 1, 100), made(7, 2, 200), made(39, 1, 200), made(8, 1, u64::MAX)];
    for passkey in &added {
        keeps(&*store, [Change::Passkey(PasskeyChange::Add(passkey.clone()))]).await;
    }
    let [third, first, others, second, last] = added;
    let listed = store.passkeys(account_id(1)).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|passkey| passkey.key.id.clone()).collect();
    assert_eq!(store.passkey_ids(account_id(1)).await.unwrap(), ids);
    assert_eq!(listed.shown(), vec![first, second, third, last].shown());
    assert_eq!(store.passkeys(account_id(2)).await.unwrap().shown(), vec![others].shown());
}

pub async fn a_used_passkey_has_its_new_counter_and_time(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let mut key = new_passkey(1);
    key.counter = 17;
    key.backed_up = true;
    keeps(&*store, [Change::Passkey(PasskeyChange::Use { was_counter: 1, key: key.clone(), at: at(5000) })]).await;
    let expected = Passkey { key, last_used_at: Some(at(5000)), ..passkey(1, 1) };
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().shown(), expected.shown());
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().shown(), vec![expected].shown());
}

pub async fn a_passkey_used_meanwhile_is_not_used_again(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let used = |was_counter, counter| {
        let mut key = new_passkey(1);
        key.counter = counter;
        [Change::Passkey(PasskeyChange::Use { was_counter, key, at: at(5000) })]
    };
    keeps(&*store, used(1, 2)).await;
    refuses(&*store, used(1, 2), Conflict::Passkey(PasskeyConflict::Changed)).await;
    refuses(&*store, used(3, 4), Conflict::Passkey(PasskeyConflict::Changed)).await;
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().key.counter, 2);
    let gone = Change::Passkey(PasskeyChange::Use { was_counter: 9, key: new_passkey(9), at: at(1) });
    refuses(&*store, [gone], Conflict::Passkey(PasskeyConflict::Changed)).await;
}

pub async fn a_session_reads_as_it_was_added(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    for n in 1..=3 {
        keeps(&*store, [Change::Session(SessionChange::Add(session(n, 1, 1)))]).await;
    }
    for n in 1..=3 {
        assert_eq!(store.session(digest(n)).await.unwrap(), Some(session(n, 1, 1)));
    }
}

pub async fn sessions_are_listed_newest_first_for_their_account_only(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(&*store, person(2)).await;
    let made = |n, of, created_at| Session { created_at: at(created_at), ..session(n, of, of) };
    let added = [made(1, 1, 300), made(2, 1, u64::MAX), made(3, 2, 200), made(4, 1, 0), made(5, 1, 400)];
    keeps(&*store, added.clone().map(SessionChange::Add).map(Change::from)).await;
    let [third, first, others, last, second] = added;
    assert_eq!(store.sessions(account_id(1)).await.unwrap(), [first, second, third, last]);
    assert_eq!(store.sessions(account_id(2)).await.unwrap(), [others]);
    assert!(store.sessions(account_id(3)).await.unwrap().is_empty());
}

pub async fn a_session_needs_its_account(store: Arc<impl Store>) {
    refuses(&*store, [Change::Session(SessionChange::Add(session(1, 1, 1)))], Conflict::Account(AccountConflict::Gone))
        .await;
    assert!(store.session(digest(1)).await.unwrap().is_none());
}

pub async fn a_disabled_account_gets_no_session(store: Arc<impl Store>) {
    let mut disabled = account(1);
    disabled.disabled = true;
    keeps(&*store, [Change::Account(AccountChange::Add(disabled)), Change::Passkey(PasskeyChange::Add(passkey(1, 1)))])
        .await;
    refuses(
        &*store,
        [Change::Session(SessionChange::Add(session(1, 1, 1)))],
        Conflict::Account(AccountConflict::Disabled),
    )
    .await;
    assert!(store.session(digest(1)).await.unwrap().is_none());
}

pub async fn a_session_needs_a_passkey_of_its_own_account(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(&*store, person(2)).await;
    for nobodys_or_anothers in [9, 2] {
        let session = session(1, 1, nobodys_or_anothers);
        refuses(&*store, [Change::Session(SessionChange::Add(session))], Conflict::Passkey(PasskeyConflict::Changed))
            .await;
    }
    assert!(store.session(digest(1)).await.unwrap().is_none());
}

pub async fn a_session_without_a_passkey_needs_its_account_only(store: Arc<impl Store>) {
    refuses(
        &*store,
        [Change::Session(SessionChange::Add(session_by_code(1, 1)))],
        Conflict::Account(AccountConflict::Gone),
    )
    .await;
    keeps(&*store, [Change::Account(AccountChange::Add(account(1)))]).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session_by_code(1, 1)))]).await;
    assert_eq!(store.session(digest(1)).await.unwrap(), Some(session_by_code(1, 1)));
    assert_eq!(store.sessions(account_id(1)).await.unwrap(), [session_by_code(1, 1)]);
    keeps(&*store, [Change::Account(AccountChange::SetDisabled { account: account_id(1), disabled: true })]).await;
    assert!(store.session(digest(1)).await.unwrap().is_none());
    refuses(
        &*store,
        [Change::Session(SessionChange::Add(session_by_code(1, 1)))],
        Conflict::Account(AccountConflict::Disabled),
    )
    .await;
}

pub async fn an_ended_session_is_gone_and_ending_it_again_is_fine(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(
        &*store,
        [Change::Session(SessionChange::Add(session(1, 1, 1))), Change::Session(SessionChange::Add(session(2, 1, 1)))],
    )
    .await;
    for _ in 0..2 {
        keeps(&*store, [Change::Session(SessionChange::End(digest(1)))]).await;
        assert!(store.session(digest(1)).await.unwrap().is_none());
    }
    assert!(store.session(digest(2)).await.unwrap().is_some());
}

pub async fn last_use_moves_forward_only_and_ended_sessions_stay_ended(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(
        &*store,
        [Change::Session(SessionChange::Add(session(1, 1, 1))), Change::Session(SessionChange::Add(session(2, 1, 1)))],
    )
    .await;
    keeps(&*store, [Change::Session(SessionChange::End(digest(2)))]).await;
    for (touched, expected) in [(2600, 2600), (2500, 2600), (2700, 2700)] {
        keeps(
            &*store,
            [Change::Session(SessionChange::Touch(vec![(digest(2), at(touched)), (digest(1), at(touched))]))],
        )
        .await;
        let expected = Session { last_seen_at: at(expected), ..session(1, 1, 1) };
        assert_eq!(store.session(digest(1)).await.unwrap(), Some(expected.clone()));
        let account = store.account(account_id(1)).await.unwrap().unwrap();
        assert_eq!(store.session_and_account(digest(1)).await.unwrap(), Some((expected, account)));
    }
    assert!(store.session(digest(2)).await.unwrap().is_none());
    assert!(store.session_and_account(digest(2)).await.unwrap().is_none());
}
