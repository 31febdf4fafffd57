use std::sync::Arc;

use bmauth::domain::admin_code::AdminCode;
use bmauth::domain::plan::{AccountChange, AccountConflict, AdminCodeChange, Change, Conflict, Durability};
use bmauth::store::Store;
use futures_util::future::join_all;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;

fn put(account: u32, n: u32) -> [Change; 1] {
    [Change::AdminCode(AdminCodeChange::Put(admin_code(n, account)))]
}

fn spend(account: u32, n: u32) -> [Change; 1] {
    [Change::AdminCode(AdminCodeChange::Spend { account: account_id(account), digest: code_digest(n) })]
}

pub async fn an_operators_code_needs_its_account_and_reads_as_it_was_put(store: Arc<impl Store>) {
    refuses(&*store, put(1, 1), Conflict::Account(AccountConflict::Gone)).await;
    keeps(&*store, [person(1), person(2)].concat()).await;
    assert_eq!(store.admin_code(account_id(1)).await.unwrap(), None);
    keeps(&*store, put(1, 1)).await;
    assert_eq!(store.admin_code(account_id(1)).await.unwrap(), Some(admin_code(1, 1)));
    assert_eq!(store.admin_code(account_id(2)).await.unwrap(), None);
}

pub async fn a_new_operators_code_takes_the_place_of_the_one_before(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(&*store, put(1, 1)).await;
    keeps(&*store, put(1, 2)).await;
    assert_eq!(store.admin_code(account_id(1)).await.unwrap(), Some(admin_code(2, 1)));
    refuses(&*store, spend(1, 1), Conflict::AdminCodeSpent).await;
    assert_eq!(
        store.admin_code(account_id(1)).await.unwrap(),
        Some(admin_code(2, 1)),
        "a wrong one takes nothing away"
    );
}

pub async fn an_operators_code_is_spent_once(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(&*store, put(1, 1)).await;
    let spending = (0..8).map(|_| store.commit(spend(1, 1).to_vec(), Durability::Durable));
    assert_eq!(join_all(spending).await.into_iter().filter(Result::is_ok).count(), 1);
    assert_eq!(store.admin_code(account_id(1)).await.unwrap(), None);
}

pub async fn an_operators_code_goes_with_its_time_and_with_its_account(store: Arc<impl Store>) {
    keeps(&*store, [person(1), person(2)].concat()).await;
    keeps(&*store, [Change::AdminCode(AdminCodeChange::Put(AdminCode { expires_at: at(4000), ..admin_code(1, 1) }))])
        .await;
    // The one put last counts, with its own time.
    keeps(&*store, put(1, 2)).await;
    keeps(&*store, put(2, 3)).await;
    assert_eq!(store.sweep(at(4999), at(0), at(0), 9).await.unwrap(), 0);
    keeps(&*store, [Change::Account(AccountChange::Remove(account_id(2)))]).await;
    assert_eq!(store.admin_code(account_id(2)).await.unwrap(), None);
    assert_eq!(store.sweep(at(5000), at(0), at(0), 9).await.unwrap(), 1);
    assert_eq!(store.admin_code(account_id(1)).await.unwrap(), None);
}
