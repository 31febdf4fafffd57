use std::sync::Arc;

use bmauth::domain::account::AccountId;
use bmauth::domain::plan::{
    AccountChange, AccountConflict, AdminCodeChange, Change, Conflict, EventChange, HoldChange, PasskeyChange,
    RecoveryChange,
};
use bmauth::domain::recovery::{Hold, Recovery, RecoveryStage};
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::claims::counting::race;
use crate::sample::*;
use crate::shown::Shown as _;

fn spend(browser: u32, revision: u32) -> [Change; 1] {
    [Change::Recovery(RecoveryChange::Spend { browser: digest(browser), revision })]
}

fn advanced(browser: u32, revision: u32) -> Recovery {
    Recovery {
        revision: revision + 1,
        stage: RecoveryStage::Proved,
        code: mailed(browser, revision),
        ..recovery(browser, 1)
    }
}

fn spend_hold(n: u32, account: u32) -> [Change; 1] {
    [Change::Hold(HoldChange::Spend { account: account_id(account), id: hold_id(n) })]
}

pub async fn a_recovery_reads_as_it_was_put(store: Arc<impl Store>) {
    for n in 0..6 {
        keeps(&*store, [Change::Recovery(RecoveryChange::Put(recovery(n, n + 1)))]).await;
    }
    for n in 0..6 {
        assert_eq!(store.recovery(digest(n)).await.unwrap().shown(), Some(recovery(n, n + 1)).shown());
    }
    for stage in [RecoveryStage::Code, RecoveryStage::Proved, RecoveryStage::Vouched] {
        let one = Recovery { stage, ..recovery(7, 1) };
        keeps(&*store, [Change::Recovery(RecoveryChange::Put(one.clone()))]).await;
        assert_eq!(store.recovery(digest(7)).await.unwrap(), Some(one));
    }
    let by_code = Recovery { claim: claim(8), ..recovery(8, 1) };
    keeps(&*store, [Change::Recovery(RecoveryChange::Put(by_code.clone()))]).await;
    assert_eq!(store.recovery(digest(8)).await.unwrap(), Some(by_code));
}

pub async fn a_browser_has_one_recovery(store: Arc<impl Store>) {
    keeps(
        &*store,
        [Change::Recovery(RecoveryChange::Put(recovery(1, 1))), Change::Recovery(RecoveryChange::Put(recovery(2, 2)))],
    )
    .await;
    let other = Recovery { revision: 7, ..recovery(1, 3) };
    keeps(&*store, [Change::Recovery(RecoveryChange::Put(other.clone()))]).await;
    assert_eq!(store.recovery(digest(1)).await.unwrap(), Some(other));
    assert_eq!(store.recovery(digest(2)).await.unwrap(), Some(recovery(2, 2)));
    // What took its place goes on by its own revision.
    refuses(&*store, spend(1, 0), Conflict::RecoveryChanged).await;
    keeps(&*store, spend(1, 7)).await;
}

pub async fn a_recovery_goes_on_from_the_revision_before_only(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Recovery(RecoveryChange::Put(recovery(n, 1))))).await;
    for revision in [1, 2, u32::MAX - 1] {
        refuses(&*store, [Change::Recovery(RecoveryChange::Advance(advanced(1, revision)))], Conflict::RecoveryChanged)
            .await;
    }
    refuses(&*store, [Change::Recovery(RecoveryChange::Advance(recovery(1, 1)))], Conflict::RecoveryChanged).await;
    for revision in 0..3 {
        keeps(&*store, [Change::Recovery(RecoveryChange::Advance(advanced(1, revision)))]).await;
        refuses(&*store, [Change::Recovery(RecoveryChange::Advance(advanced(1, revision)))], Conflict::RecoveryChanged)
            .await;
        assert_eq!(store.recovery(digest(1)).await.unwrap(), Some(advanced(1, revision)));
    }
    assert_eq!(store.recovery(digest(2)).await.unwrap(), Some(recovery(2, 1)));
    // No browser goes on with what another one began.
    refuses(&*store, [Change::Recovery(RecoveryChange::Advance(advanced(3, 0)))], Conflict::RecoveryChanged).await;
    let last = Recovery { revision: u32::MAX, ..recovery(1, 1) };
    keeps(&*store, [Change::Recovery(RecoveryChange::Put(last.clone()))]).await;
    for revision in [0, u32::MAX] {
        let next = Recovery { revision, ..recovery(1, 1) };
        refuses(&*store, [Change::Recovery(RecoveryChange::Advance(next))], Conflict::RecoveryChanged).await;
    }
}

pub async fn a_recovery_is_spent_once_and_only_in_its_revision(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Recovery(RecoveryChange::Put(recovery(n, 1))))).await;
    keeps(&*store, [Change::Recovery(RecoveryChange::Advance(advanced(1, 0)))]).await;
    for revision in [0, 2] {
        refuses(&*store, spend(1, revision), Conflict::RecoveryChanged).await;
    }
    assert!(store.recovery(digest(1)).await.unwrap().is_some());
    keeps(&*store, spend(1, 1)).await;
    assert!(store.recovery(digest(1)).await.unwrap().is_none());
    refuses(&*store, spend(1, 1), Conflict::RecoveryChanged).await;
    refuses(&*store, [Change::Recovery(RecoveryChange::Advance(advanced(1, 1)))], Conflict::RecoveryChanged).await;
    assert!(store.recovery(digest(2)).await.unwrap().is_some());
}

pub async fn parallel_tries_of_a_recovery_are_counted_exactly(store: Arc<impl Store>) {
    keeps(&*store, [Change::Recovery(RecoveryChange::Put(recovery(1, 1)))]).await;
    for revision in 0..3 {
        let commits = vec![vec![Change::Recovery(RecoveryChange::Advance(advanced(1, revision)))]; 30];
        assert_eq!(race(&store, commits, Conflict::RecoveryChanged).await, 1);
    }
    let commits = vec![spend(1, 3).to_vec(); 30];
    assert_eq!(race(&store, commits, Conflict::RecoveryChanged).await, 1);
    assert!(store.recovery(digest(1)).await.unwrap().is_none());
}

pub async fn an_account_has_one_hold(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Add(account(n))))).await;
    keeps(&*store, [Change::Hold(HoldChange::Add(hold(1, 1))), Change::Hold(HoldChange::Add(hold(2, 2)))]).await;
    for again in [hold(1, 1), hold(3, 1), Hold { until: at(9), ..hold(1, 1) }] {
        refuses(&*store, [Change::Hold(HoldChange::Add(again))], Conflict::HoldChanged).await;
    }
    for n in [1, 2] {
        assert_eq!(store.hold(account_id(n)).await.unwrap(), Some(hold(n, n)));
    }
    let commits = (10..40).map(|n| vec![Change::Hold(HoldChange::Add(hold(n, 3)))]).collect();
    keeps(&*store, [Change::Account(AccountChange::Add(account(3)))]).await;
    assert_eq!(race(&store, commits, Conflict::HoldChanged).await, 1);
}

pub async fn a_hold_needs_its_account(store: Arc<impl Store>) {
    refuses(&*store, [Change::Hold(HoldChange::Add(hold(1, 1)))], Conflict::Account(AccountConflict::Gone)).await;
    assert!(store.hold(account_id(1)).await.unwrap().is_none());
}

pub async fn a_hold_is_spent_once_and_only_by_its_name(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Add(account(n))))).await;
    keeps(&*store, [Change::Hold(HoldChange::Add(hold(1, 1))), Change::Hold(HoldChange::Add(hold(2, 2)))]).await;
    for (n, account) in [(2, 1), (1, 2), (9, 1), (1, 9)] {
        refuses(&*store, spend_hold(n, account), Conflict::HoldChanged).await;
    }
    keeps(&*store, spend_hold(1, 1)).await;
    assert!(store.hold(account_id(1)).await.unwrap().is_none());
    assert_eq!(store.hold(account_id(2)).await.unwrap(), Some(hold(2, 2)));
    refuses(&*store, spend_hold(1, 1), Conflict::HoldChanged).await;
    // Another can take its place, within one commit too.
    keeps(&*store, [Change::Hold(HoldChange::Add(hold(3, 1)))]).await;
    keeps(&*store, [&spend_hold(3, 1)[..], &[Change::Hold(HoldChange::Add(hold(4, 1)))]].concat()).await;
    assert_eq!(store.hold(account_id(1)).await.unwrap(), Some(hold(4, 1)));
}

pub async fn a_hold_is_either_cancelled_or_finished(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(&*store, [Change::Hold(HoldChange::Add(hold(1, 1))), Change::Recovery(RecoveryChange::Put(recovery(1, 1)))])
        .await;
    let cancel = [&spend_hold(1, 1)[..], &[Change::Event(EventChange::Add(event(1, 1, 50)))]].concat();
    let finish = [&spend_hold(1, 1)[..], &spend(1, 0), &[Change::Passkey(PasskeyChange::Add(passkey(2, 1)))]].concat();
    let commits = (0..40).map(|n| if n % 2 == 0 { cancel.clone() } else { finish.clone() }).collect();
    assert_eq!(race(&store, commits, Conflict::HoldChanged).await, 1);
    let cancelled = !store.events(account_id(1), 9).await.unwrap().is_empty();
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), if cancelled { 1 } else { 2 });
    assert_eq!(store.recovery(digest(1)).await.unwrap().is_some(), cancelled);
}

pub async fn the_recoveries_of_an_account_are_found_of_every_browser(store: Arc<impl Store>) {
    // Of the browsers, 3 has typed an address without an account.
    let by_code = Recovery { claim: claim(2), ..recovery(2, 1) };
    let put = [recovery(1, 1), by_code.clone(), recovery(3, 1), recovery(4, 2), recovery(5, 1)];
    keeps(&*store, put.map(RecoveryChange::Put).map(Change::from)).await;
    let found = async |of: u32| store.recoveries_of(account_id(of)).await.unwrap();
    assert_eq!(found(1).await, [recovery(1, 1), by_code.clone(), recovery(5, 1)]);
    assert_eq!(found(2).await, [recovery(4, 2)]);
    assert_eq!(found(9).await, []);
    let of_nobody = store.recoveries_of(AccountId::stand_in(&email(1))).await.unwrap();
    assert_eq!(of_nobody, [recovery(3, 1)]);
    // One goes on, one is finished, and one browser recovers another account.
    keeps(
        &*store,
        [
            Change::Recovery(RecoveryChange::Advance(advanced(1, 0))),
            Change::Recovery(RecoveryChange::Put(recovery(5, 2))),
        ],
    )
    .await;
    assert_eq!(found(1).await, [advanced(1, 0), by_code.clone()]);
    assert_eq!(found(2).await, [recovery(4, 2), recovery(5, 2)]);
    keeps(&*store, spend(1, 1)).await;
    assert_eq!(found(1).await, [by_code]);
    keeps(&*store, [Change::Recovery(RecoveryChange::DropAll(account_id(1)))]).await;
    assert_eq!(found(1).await, []);
    assert_eq!(store.sweep(at(u64::MAX), at(0), at(0), 9).await.unwrap(), 3);
    assert_eq!(found(2).await, []);
}

pub async fn the_recoveries_of_an_account_go_together_and_no_others(store: Arc<impl Store>) {
    // Of the browsers, 3 has typed an address without an account.
    let put = [1, 2, 3, 4].map(|n| Change::Recovery(RecoveryChange::Put(recovery(n, 1 + u32::from(n == 4)))));
    let left = async |store: &dyn Store| {
        let mut left = Vec::new();
        for n in 1..=4 {
            left.extend(store.recovery(digest(n)).await.unwrap().map(|_| n));
        }
        left
    };
    for _ in 0..2 {
        keeps(&*store, put.clone()).await;
        keeps(&*store, [Change::Recovery(RecoveryChange::DropAll(account_id(1)))]).await;
        assert_eq!(left(&*store).await, [3, 4]);
    }
    keeps(&*store, [Change::Recovery(RecoveryChange::DropAll(account_id(9)))]).await;
    assert_eq!(left(&*store).await, [3, 4]);
}

pub async fn disabling_an_account_takes_away_what_would_let_it_in_later(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Add(account(n))))).await;
    for n in [1, 2] {
        let open =
            [Change::Hold(HoldChange::Add(hold(n, n))), Change::AdminCode(AdminCodeChange::Put(admin_code(n, n)))];
        keeps(&*store, [&open[..], &[Change::Recovery(RecoveryChange::Put(recovery(n, n)))]].concat()).await;
    }
    let disable = |disabled| [Change::Account(AccountChange::SetDisabled { account: account_id(1), disabled })];
    keeps(&*store, disable(false)).await;
    assert!(store.hold(account_id(1)).await.unwrap().is_some(), "enabling takes nothing");
    keeps(&*store, disable(true)).await;
    for (n, left) in [(1, false), (2, true)] {
        assert_eq!(store.hold(account_id(n)).await.unwrap().is_some(), left);
        assert_eq!(store.admin_code(account_id(n)).await.unwrap().is_some(), left);
        assert_eq!(store.recovery(digest(n)).await.unwrap().is_some(), left);
    }
}

pub async fn the_recoveries_for_an_address_are_found_whether_or_not_it_has_an_account(store: Arc<impl Store>) {
    let to = |n: u32, of: u32, address: u32| Recovery { email: email(address), ..recovery(n, of) };
    // Of the browsers, 3 has typed an address without an account.
    let put = [to(1, 1, 1), Recovery { claim: claim(2), ..to(2, 1, 1) }, to(3, 1, 1), to(4, 2, 2)];
    assert_eq!(put[2].account, None);
    keeps(&*store, put.clone().map(RecoveryChange::Put).map(Change::from)).await;
    let found = async |of: u32| store.recoveries_for(&email(of)).await.unwrap();
    assert_eq!(found(1).await, put[..3]);
    assert_eq!(found(2).await, put[3..]);
    assert_eq!(found(9).await, []);
    // One goes on, and one browser asks for another address.
    let next = Recovery { revision: 1, ..put[0].clone() };
    let other = to(2, 2, 2);
    keeps(&*store, [RecoveryChange::Advance(next.clone()), RecoveryChange::Put(other.clone())].map(Change::from)).await;
    assert_eq!(found(1).await, [next, put[2].clone()]);
    assert_eq!(found(2).await, [other, put[3].clone()]);
    keeps(&*store, [Change::Recovery(RecoveryChange::DropAll(account_id(1)))]).await;
    assert_eq!(found(1).await, put[2..3]);
    assert_eq!(store.sweep(at(u64::MAX), at(0), at(0), 9).await.unwrap(), 3);
    assert!(found(1).await.is_empty() && found(2).await.is_empty());
}
