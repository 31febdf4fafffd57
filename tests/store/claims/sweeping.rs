use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::ceremony::Ceremony;
use bmauth::domain::letter::Letter;
use bmauth::domain::link::Link;
use bmauth::domain::plan::{
    AccountChange, CeremonyChange, Change, CounterChange, EventChange, HoldChange, LetterChange, LinkChange,
    RecoveryChange, RegistrationChange, SessionChange,
};
use bmauth::domain::recovery::{Hold, Recovery};
use bmauth::domain::registration::Registration;
use bmauth::domain::session::Session;
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;

pub async fn a_sweep_removes_what_has_expired_and_nothing_else(store: Arc<impl Store>) {
    for (n, expires_at) in [(1, at(4999)), (2, at(5000)), (3, at(5001))] {
        keeps(
            &*store,
            [
                Change::Ceremony(CeremonyChange::Add(Ceremony { expires_at, ..ceremony(n) })),
                Change::Registration(RegistrationChange::Put(Registration { expires_at, ..registration(n, n, n) })),
                Change::Letter(LetterChange::Add(Letter { expires_at, ..letter(n, 10) })),
                Change::Link(LinkChange::Add(Link { expires_at, ..link(n) })),
                Change::Recovery(RecoveryChange::Put(Recovery { expires_at, ..recovery(n, n) })),
            ],
        )
        .await;
    }
    keeps(&*store, person(1)).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session(1, 1, 1)))]).await;
    // What expires at a moment is gone from that moment on.
    assert_eq!(store.sweep(at(5000), at(0), at(0), 100).await.unwrap(), 10);
    for (n, there) in [(1, false), (2, false), (3, true)] {
        assert_eq!(store.ceremony(ceremony_id(n)).await.unwrap().is_some(), there, "ceremony {n}");
        assert_eq!(store.registration(digest(n)).await.unwrap().is_some(), there, "registration {n}");
        assert_eq!(store.link(link_id(n)).await.unwrap().is_some(), there, "link {n}");
        assert_eq!(store.link_by_code(link_code(n)).await.unwrap().is_some(), there, "code of link {n}");
        assert_eq!(store.recovery(digest(n)).await.unwrap().is_some(), there, "recovery {n}");
    }
    let letters = store.letters_due(at(9999), 9).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.id).collect::<Vec<_>>(), [letter_id(3)]);
    assert!(store.session(digest(1)).await.unwrap().is_some());
    assert!(store.account(account_id(1)).await.unwrap().is_some());
    assert_eq!(store.sweep(at(5000), at(0), at(0), 100).await.unwrap(), 0);
    // The index by address has forgotten them too.
    keeps(
        &*store,
        [
            Change::Registration(RegistrationChange::DropAll(email(1))),
            Change::Registration(RegistrationChange::DropAll(email(3))),
        ],
    )
    .await;
    assert!(store.registration(digest(3)).await.unwrap().is_none());
}

pub async fn holds_and_events_are_swept_when_their_time_is_over(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Add(account(n))))).await;
    let holds = [(1, 100), (2, 101)].map(|(n, until)| Hold { until: at(until), ..hold(n, n) });
    keeps(&*store, holds.clone().map(HoldChange::Add).map(Change::from)).await;
    let events = [event(1, 1, 100), event(2, 1, 101)];
    keeps(&*store, events.clone().map(EventChange::Add).map(Change::from)).await;
    let week = holds[0].expires_at();
    assert_eq!(store.sweep(week.before(Duration::from_secs(1)), at(0), at(0), 9).await.unwrap(), 0);
    assert_eq!(store.sweep(week, at(0), at(0), 9).await.unwrap(), 1);
    assert!(store.hold(account_id(1)).await.unwrap().is_none());
    assert_eq!(store.hold(account_id(2)).await.unwrap(), Some(holds[1].clone()));
    // An account whose hold was swept can have another.
    keeps(&*store, [Change::Hold(HoldChange::Add(Hold { until: at(u64::MAX), ..hold(3, 1) }))]).await;
    let quarter = events[0].expires_at();
    assert_eq!(store.sweep(quarter, at(0), at(0), 9).await.unwrap(), 2, "the other hold and the first event");
    assert_eq!(store.events(account_id(1), 9).await.unwrap(), events[1..]);
}

pub async fn old_and_unused_sessions_are_swept(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    for (n, created_at, last_seen_at) in [(1, 100, 900), (2, 500, 600), (3, 500, 700), (4, 100, 100)] {
        let session = Session { created_at: at(created_at), last_seen_at: at(last_seen_at), ..session(n, 1, 1) };
        keeps(&*store, [Change::Session(SessionChange::Add(session))]).await;
    }
    assert_eq!(store.sweep(at(0), at(100), at(100), 100).await.unwrap(), 0);
    assert_eq!(store.sweep(at(0), at(101), at(700), 100).await.unwrap(), 3);
    for (n, there) in [(1, false), (2, false), (3, true), (4, false)] {
        assert_eq!(store.session(digest(n)).await.unwrap().is_some(), there, "session {n}");
    }
}

pub async fn sessions_that_are_old_and_unused_do_not_hide_one_that_is_only_unused(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    for (n, created_at, last_seen_at) in [(1, 100, 100), (2, 100, 100), (3, 100, 100), (4, 500, 150)] {
        let session = Session { created_at: at(created_at), last_seen_at: at(last_seen_at), ..session(n, 1, 1) };
        keeps(&*store, [Change::Session(SessionChange::Add(session))]).await;
    }
    assert_eq!(store.sweep(at(0), at(200), at(200), 4).await.unwrap(), 4);
}

pub async fn a_sweep_stays_within_its_limit_and_comes_to_an_end(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    for n in 0..10 {
        keeps(
            &*store,
            [Change::Ceremony(CeremonyChange::Add(ceremony(n))), Change::Session(SessionChange::Add(session(n, 1, 1)))],
        )
        .await;
    }
    let mut removed = Vec::new();
    loop {
        // Every session is both too old and unused too long; it counts once.
        let now = store.sweep(at(9000), at(9000), at(9000), 4).await.unwrap();
        removed.push(now);
        if now == 0 {
            break;
        }
    }
    assert_eq!(removed, [8, 8, 4, 0]);
    for n in 0..10 {
        assert!(store.ceremony(ceremony_id(n)).await.unwrap().is_none());
        assert!(store.session(digest(n)).await.unwrap().is_none());
    }
}

pub async fn a_swept_counter_would_have_started_again_anyway(store: Arc<impl Store>) {
    let count = |now| {
        [Change::Counter(CounterChange::Count {
            counter: counter(1),
            limit: 1,
            window: Duration::from_secs(60),
            now: at(now),
        })]
    };
    keeps(&*store, count(1000)).await;
    assert_eq!(store.sweep(at(1059), at(0), at(0), 9).await.unwrap(), 0);
    refuses(&*store, count(1059), full(1, 1)).await;
    assert_eq!(store.sweep(at(1060), at(0), at(0), 9).await.unwrap(), 1);
    keeps(&*store, count(1060)).await;
    // The window that began again is swept by its own end.
    assert_eq!(store.sweep(at(1119), at(0), at(0), 9).await.unwrap(), 0);
    assert_eq!(store.sweep(at(1120), at(0), at(0), 9).await.unwrap(), 1);
}

pub async fn what_was_prolonged_is_not_swept(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let prolonged = Registration { expires_at: at(6000), ..registration(1, 1, 1) };
    keeps(
        &*store,
        [
            Change::Session(SessionChange::Add(session(1, 1, 1))),
            Change::Registration(RegistrationChange::Put(registration(1, 1, 1))),
            Change::Registration(RegistrationChange::Put(prolonged)),
            Change::Link(LinkChange::Add(link(1))),
            Change::Link(LinkChange::Advance(Link { revision: 1, expires_at: at(6000), ..link(1) })),
            Change::Recovery(RecoveryChange::Put(recovery(1, 1))),
            Change::Recovery(RecoveryChange::Advance(Recovery { revision: 1, expires_at: at(6000), ..recovery(1, 1) })),
        ],
    )
    .await;
    keeps(&*store, [Change::Session(SessionChange::Touch(vec![(digest(1), at(5000))]))]).await;
    assert_eq!(store.sweep(at(5000), at(0), at(5000), 9).await.unwrap(), 0);
    assert!(store.session(digest(1)).await.unwrap().is_some());
    assert!(store.registration(digest(1)).await.unwrap().is_some());
    assert_eq!(store.sweep(at(6000), at(0), at(5001), 9).await.unwrap(), 4);
}

pub async fn what_is_from_the_future_is_set_back_or_removed(store: Arc<impl Store>) {
    let now = 1_000_000;
    keeps(&*store, person(1)).await;
    for (n, ahead) in [(1, 0), (2, 60), (3, 61), (4, 1 << 40)] {
        let from = |lifetime: Duration| at(now + ahead).after(lifetime);
        let session = Session { created_at: at(now + ahead), last_seen_at: at(now + ahead), ..session(n, 1, 1) };
        keeps(
            &*store,
            [
                Change::Ceremony(CeremonyChange::Add(Ceremony { expires_at: from(minutes(5)), ..ceremony(n) })),
                RegistrationChange::Put(Registration { expires_at: from(minutes(30)), ..registration(n, n, n) }).into(),
                Change::Link(LinkChange::Add(Link { expires_at: from(minutes(5)), ..link(n) })),
                Change::Recovery(RecoveryChange::Put(Recovery { expires_at: from(minutes(30)), ..recovery(n, n) })),
                Change::Session(SessionChange::Add(session)),
            ],
        )
        .await;
    }
    // One that is old and was used while the clock was ahead.
    let old = Session { created_at: at(7), last_seen_at: at(u64::MAX), ..session(5, 1, 1) };
    keeps(&*store, [Change::Session(SessionChange::Add(old))]).await;
    let mut rows = 0;
    loop {
        match store.set_back(at(now), 1).await.unwrap() {
            0 => break,
            some => rows += some,
        }
    }
    assert_eq!(rows, 3 + 4 * 2);
    for (n, there) in [(1, true), (2, true), (3, false), (4, false)] {
        assert_eq!(store.ceremony(ceremony_id(n)).await.unwrap().is_some(), there, "ceremony {n}");
        assert_eq!(store.registration(digest(n)).await.unwrap().is_some(), there, "registration {n}");
        assert_eq!(store.link(link_id(n)).await.unwrap().is_some(), there, "link {n}");
        assert_eq!(store.recovery(digest(n)).await.unwrap().is_some(), there, "recovery {n}");
    }
    for (n, created_at, last_seen_at) in
        [(1, now, now), (2, now + 60, now + 60), (3, now, now), (4, now, now), (5, 7, now)]
    {
        let session = store.session(digest(n)).await.unwrap().unwrap();
        assert_eq!((session.created_at, session.last_seen_at), (at(created_at), at(last_seen_at)), "session {n}");
        assert!(session.authentication.at <= session.created_at.max(at(now)));
    }
    // The indexes know it.
    assert_eq!(store.sweep(at(0), at(now + 1), at(0), 99).await.unwrap(), 4);
    assert_eq!(store.sweep(at(0), at(0), at(now + 61), 99).await.unwrap(), 1);
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}
