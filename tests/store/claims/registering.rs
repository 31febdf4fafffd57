use std::sync::Arc;

use bmauth::domain::plan::{CeremonyChange, Change, Conflict, RegistrationChange};
use bmauth::domain::registration::Registration;
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::shown::Shown as _;

/// The next state of a registration.
fn advance(registration: Registration) -> [Change; 1] {
    [Change::Registration(RegistrationChange::Advance(registration))]
}

fn spend(browser: u32, revision: u32) -> [Change; 1] {
    [Change::Registration(RegistrationChange::Spend { browser: digest(browser), revision })]
}

async fn put(store: &impl Store, registration: Registration) {
    keeps(store, [Change::Registration(RegistrationChange::Put(registration))]).await;
}

pub async fn a_ceremony_reads_as_it_was_added(store: Arc<impl Store>) {
    for n in 0..12 {
        let added = ceremony(n);
        keeps(&*store, [Change::Ceremony(CeremonyChange::Add(added.clone()))]).await;
        assert_eq!(store.ceremony(ceremony_id(n)).await.unwrap().unwrap().shown(), added.shown());
    }
}

pub async fn a_ceremony_is_spent_once(store: Arc<impl Store>) {
    keeps(
        &*store,
        [Change::Ceremony(CeremonyChange::Add(ceremony(1))), Change::Ceremony(CeremonyChange::Add(ceremony(2)))],
    )
    .await;
    keeps(&*store, [Change::Ceremony(CeremonyChange::Spend(ceremony_id(1)))]).await;
    assert!(store.ceremony(ceremony_id(1)).await.unwrap().is_none());
    for spent_or_unknown in [1, 3] {
        let change = Change::Ceremony(CeremonyChange::Spend(ceremony_id(spent_or_unknown)));
        refuses(&*store, [change], Conflict::CeremonySpent).await;
    }
    assert!(store.ceremony(ceremony_id(2)).await.unwrap().is_some());
}

pub async fn a_browser_has_one_registration(store: Arc<impl Store>) {
    put(&*store, registration(1, 1, 1)).await;
    put(&*store, registration(1, 2, 2)).await;
    let found = store.registration(digest(1)).await.unwrap().unwrap();
    assert_eq!(found.shown(), registration(1, 2, 2).shown());
}

pub async fn a_registration_reads_as_it_was_put(store: Arc<impl Store>) {
    let added = [registration(1, 1, 1), registration(2, 2, 2)];
    let added = added.into_iter().chain((3..6).map(|n| registration_of_api(n, n, n)));
    let added = added.chain((6..8).map(|n| registration_again(n, n, n))).collect::<Vec<_>>();
    for registration in &added {
        put(&*store, registration.clone()).await;
    }
    for registration in added {
        let found = store.registration(registration.browser).await.unwrap().unwrap();
        assert_eq!(found.shown(), registration.shown());
    }
}

pub async fn the_registrations_of_an_address_are_found_from_any_browser(store: Arc<impl Store>) {
    // The addresses 0 to 2 are beginnings of each other.
    for (browser, of) in [(1, 1), (2, 0), (4, 1), (5, 2)] {
        put(&*store, registration(browser, of, browser)).await;
    }
    put(&*store, registration_of_api(3, 1, 3)).await;
    let found = async |of: u32| store.registrations_of(&email(of)).await.unwrap().shown();
    let of_1 = vec![registration(1, 1, 1), registration_of_api(3, 1, 3), registration(4, 1, 4)];
    assert_eq!(found(1).await, of_1.shown());
    assert_eq!(found(0).await, vec![registration(2, 0, 2)].shown());
    assert_eq!(found(2).await, vec![registration(5, 2, 5)].shown());
    assert_eq!(found(3).await, "");
    // One takes another address, one is finished, and one expires.
    put(&*store, registration(1, 2, 1)).await;
    keeps(&*store, spend(3, 0)).await;
    assert_eq!(found(1).await, vec![registration(4, 1, 4)].shown());
    assert_eq!(found(2).await, vec![registration(1, 2, 1), registration(5, 2, 5)].shown());
    put(&*store, Registration { expires_at: at(9), ..registration(4, 1, 4) }).await;
    assert_eq!(store.sweep(at(9), at(0), at(0), 9).await.unwrap(), 1);
    assert_eq!(found(1).await, "");
    keeps(&*store, [Change::Registration(RegistrationChange::DropAll(email(2)))]).await;
    assert_eq!(found(2).await, "");
    assert_eq!(found(0).await, vec![registration(2, 0, 2)].shown());
}

pub async fn what_was_said_at_the_beginning_of_a_registration_stays_while_codes_are_tried_and_replaced(
    store: Arc<impl Store>,
) {
    put(&*store, registration_of_api(1, 1, 1)).await;
    for (revision, code) in [(1, mailed(1, 1)), (2, mailed(2, 0))] {
        let next = Registration { revision, code, ..registration_of_api(1, 1, 1) };
        keeps(&*store, advance(next.clone())).await;
        assert_eq!(store.registration(digest(1)).await.unwrap().shown(), Some(next.clone()).shown());
        assert_eq!(store.registrations_of(&email(1)).await.unwrap().shown(), vec![next].shown());
    }
}

pub async fn a_registration_advances_from_the_revision_before_it_alone(store: Arc<impl Store>) {
    let at_revision = |revision| Registration { revision, code: mailed(1, revision), ..registration(1, 1, 1) };
    refuses(&*store, advance(at_revision(1)), Conflict::RegistrationChanged).await;
    put(&*store, registration(1, 1, 1)).await;
    put(&*store, registration(2, 1, 2)).await;
    for wrong in [0, 2, u32::MAX] {
        refuses(&*store, advance(at_revision(wrong)), Conflict::RegistrationChanged).await;
    }
    for revision in 1..=3 {
        keeps(&*store, advance(at_revision(revision))).await;
        refuses(&*store, advance(at_revision(revision)), Conflict::RegistrationChanged).await;
        assert_eq!(store.registration(digest(1)).await.unwrap().unwrap().code.tries, revision);
    }
    assert_eq!(store.registration(digest(2)).await.unwrap().unwrap().shown(), registration(2, 1, 2).shown());
}

pub async fn a_registration_is_spent_once_and_only_in_its_revision(store: Arc<impl Store>) {
    put(&*store, Registration { revision: 5, ..registration(1, 1, 1) }).await;
    for wrong in [0, 4, 6] {
        refuses(&*store, spend(1, wrong), Conflict::RegistrationChanged).await;
    }
    assert!(store.registration(digest(1)).await.unwrap().is_some());
    keeps(&*store, spend(1, 5)).await;
    assert!(store.registration(digest(1)).await.unwrap().is_none());
    refuses(&*store, spend(1, 5), Conflict::RegistrationChanged).await;
}

pub async fn a_registration_is_dropped_whatever_became_of_it_and_no_other_is(store: Arc<impl Store>) {
    for n in 1..=3 {
        put(&*store, registration(n, 1, n)).await;
    }
    keeps(&*store, advance(Registration { revision: 1, ..registration(1, 1, 1) })).await;
    for _ in 0..2 {
        keeps(&*store, [Change::Registration(RegistrationChange::Drop(digest(1)))]).await;
        assert!(store.registration(digest(1)).await.unwrap().is_none());
        let left = vec![registration(2, 1, 2), registration(3, 1, 3)];
        assert_eq!(store.registrations_of(&email(1)).await.unwrap().shown(), left.shown());
    }
    assert_eq!(store.sweep(at(4000), at(0), at(0), 9).await.unwrap(), 2);
}

pub async fn a_proved_address_drops_its_registrations_and_no_others(store: Arc<impl Store>) {
    for (browser, of_email) in [(1, 0), (2, 0), (3, 1), (4, 2), (5, 0)] {
        put(&*store, registration(browser, of_email, browser)).await;
    }
    for _ in 0..2 {
        keeps(&*store, [Change::Registration(RegistrationChange::DropAll(email(0)))]).await;
        for (browser, there) in [(1, false), (2, false), (3, true), (4, true), (5, false)] {
            let found = store.registration(digest(browser)).await.unwrap();
            assert_eq!(found.is_some(), there, "browser {browser}");
        }
    }
}

pub async fn a_browser_that_took_another_address_is_not_dropped_with_the_first(store: Arc<impl Store>) {
    put(&*store, registration(1, 1, 1)).await;
    put(&*store, registration(1, 2, 2)).await;
    keeps(&*store, [Change::Registration(RegistrationChange::DropAll(email(1)))]).await;
    assert!(store.registration(digest(1)).await.unwrap().is_some());
    keeps(&*store, [Change::Registration(RegistrationChange::DropAll(email(2)))]).await;
    assert!(store.registration(digest(1)).await.unwrap().is_none());
}
