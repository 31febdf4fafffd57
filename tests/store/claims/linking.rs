use std::sync::Arc;

use bmauth::domain::link::{Closed, Link, LinkStage};
use bmauth::domain::plan::{CeremonyChange, Change, Conflict, LinkChange, PasskeyChange, SessionChange};
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::claims::counting::race;
use crate::sample::*;

fn spend(n: u32, revision: u32) -> [Change; 1] {
    [Change::Link(LinkChange::Spend { id: link_id(n), revision })]
}

/// The link in the next state after `revision`.
fn advanced(n: u32, revision: u32, stage: LinkStage) -> Link {
    Link { revision: revision + 1, stage, ..link(n) }
}

pub async fn a_link_is_found_by_name_and_by_either_code(store: Arc<impl Store>) {
    for n in 0..15 {
        keeps(&*store, [Change::Link(LinkChange::Add(link(n)))]).await;
    }
    for n in 0..15 {
        assert_eq!(store.link(link_id(n)).await.unwrap(), Some(link(n)));
        for code in [link(n).scan_code, link(n).short_code] {
            assert_eq!(store.link_by_code(code).await.unwrap(), Some(link(n)));
        }
    }
}

pub async fn no_code_leads_to_two_links(store: Arc<impl Store>) {
    keeps(&*store, [Change::Link(LinkChange::Add(link(1)))]).await;
    let (scan_code, short_code) = (link(1).scan_code, link(1).short_code);
    for other in [
        Link { scan_code, ..link(2) },
        Link { short_code, ..link(2) },
        Link { scan_code: short_code, ..link(2) },
        Link { short_code: scan_code, ..link(2) },
        // Nor does a name.
        Link { id: link_id(1), ..link(2) },
        link(1),
    ] {
        refuses(&*store, [Change::Link(LinkChange::Add(other))], Conflict::LinkChanged).await;
    }
    assert!(store.link(link_id(2)).await.unwrap().is_none());
    assert_eq!(store.link_by_code(scan_code).await.unwrap(), Some(link(1)));
    assert!(store.link_by_code(link(2).scan_code).await.unwrap().is_none());
    assert!(store.link_by_code(link(2).short_code).await.unwrap().is_none());
}

pub async fn a_link_goes_on_from_the_revision_before_only(store: Arc<impl Store>) {
    keeps(&*store, [Change::Link(LinkChange::Add(link(0))), Change::Link(LinkChange::Add(link(1)))]).await;
    for revision in [1, 2, 5, u32::MAX - 1] {
        refuses(
            &*store,
            [Change::Link(LinkChange::Advance(advanced(0, revision, LinkStage::Found)))],
            Conflict::LinkChanged,
        )
        .await;
    }
    refuses(&*store, [Change::Link(LinkChange::Advance(link(0)))], Conflict::LinkChanged).await;
    for (revision, stage) in
        [(0, LinkStage::Found), (1, LinkStage::Approved(approval(3))), (2, LinkStage::Closed(Closed::Denied))]
    {
        let next = advanced(0, revision, stage);
        keeps(&*store, [Change::Link(LinkChange::Advance(next.clone()))]).await;
        refuses(&*store, [Change::Link(LinkChange::Advance(next.clone()))], Conflict::LinkChanged).await;
        assert_eq!(store.link(next.id).await.unwrap(), Some(next.clone()));
        assert_eq!(store.link_by_code(next.scan_code).await.unwrap(), Some(next.clone()));
        assert_eq!(store.link_by_code(next.short_code).await.unwrap(), Some(next));
    }
    assert_eq!(store.link(link_id(1)).await.unwrap(), Some(link(1)));
    refuses(&*store, [Change::Link(LinkChange::Advance(advanced(2, 0, LinkStage::Found)))], Conflict::LinkChanged)
        .await;
}

pub async fn the_last_revision_there_is_has_no_next(store: Arc<impl Store>) {
    keeps(&*store, [Change::Link(LinkChange::Add(Link { revision: u32::MAX, ..link(0) }))]).await;
    for revision in [0, u32::MAX] {
        refuses(&*store, [Change::Link(LinkChange::Advance(Link { revision, ..link(0) }))], Conflict::LinkChanged)
            .await;
    }
}

pub async fn a_link_keeps_its_codes(store: Arc<impl Store>) {
    keeps(&*store, [0, 1].map(|n| Change::Link(LinkChange::Add(link(n))))).await;
    let next = advanced(0, 0, LinkStage::Found);
    for other in [
        Link { scan_code: link_code(50), ..next.clone() },
        Link { short_code: link_code(50), ..next.clone() },
        Link { scan_code: link(1).scan_code, ..next.clone() },
        Link { scan_code: next.short_code, short_code: next.scan_code, ..next.clone() },
    ] {
        refuses(&*store, [Change::Link(LinkChange::Advance(other))], Conflict::LinkChanged).await;
    }
    keeps(&*store, [Change::Link(LinkChange::Advance(next))]).await;
}

pub async fn a_link_is_spent_once_and_only_in_its_revision(store: Arc<impl Store>) {
    keeps(&*store, [0, 1].map(|n| Change::Link(LinkChange::Add(link(n))))).await;
    keeps(&*store, [Change::Link(LinkChange::Advance(advanced(0, 0, LinkStage::Found)))]).await;
    for revision in [0, 2] {
        refuses(&*store, spend(0, revision), Conflict::LinkChanged).await;
    }
    assert!(store.link(link_id(0)).await.unwrap().is_some());
    keeps(&*store, spend(0, 1)).await;
    assert!(store.link(link_id(0)).await.unwrap().is_none());
    for code in [link(0).scan_code, link(0).short_code] {
        assert!(store.link_by_code(code).await.unwrap().is_none());
    }
    refuses(&*store, spend(0, 1), Conflict::LinkChanged).await;
    refuses(&*store, [Change::Link(LinkChange::Advance(advanced(0, 1, LinkStage::Found)))], Conflict::LinkChanged)
        .await;
    assert_eq!(store.link(link_id(1)).await.unwrap(), Some(link(1)));
    // Its codes are free again.
    keeps(&*store, [Change::Link(LinkChange::Add(Link { id: link_id(9), ..link(0) }))]).await;
    assert_eq!(store.link_by_code(link(0).scan_code).await.unwrap().unwrap().id, link_id(9));
}

pub async fn one_of_many_parallel_answers_to_a_link_wins(store: Arc<impl Store>) {
    keeps(&*store, [Change::Link(LinkChange::Add(link(1)))]).await;
    let commits = (0..50).map(|n| {
        let stage = if n % 2 == 0 { LinkStage::Approved(approval(n)) } else { LinkStage::Closed(Closed::Denied) };
        vec![
            Change::Link(LinkChange::Advance(advanced(1, 0, stage))),
            Change::Ceremony(CeremonyChange::Add(ceremony(n))),
        ]
    });
    assert_eq!(race(&store, commits.collect(), Conflict::LinkChanged).await, 1);
    let mut winners = Vec::new();
    for n in 0..50 {
        winners.extend(store.ceremony(ceremony_id(n)).await.unwrap().map(|_| n));
    }
    let &[winner] = winners.as_slice() else { panic!("{winners:?}") };
    let stage = if winner % 2 == 0 { LinkStage::Approved(approval(winner)) } else { LinkStage::Closed(Closed::Denied) };
    assert_eq!(store.link(link_id(1)).await.unwrap(), Some(advanced(1, 0, stage)));
}

pub async fn one_of_many_parallel_devices_finishes_a_link(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session(1, 1, 1))), Change::Link(LinkChange::Add(link(1)))])
        .await;
    let finish = |n| {
        let account = account_id(1);
        let credential = credential(1);
        let mut changes = vec![
            Change::Passkey(PasskeyChange::Require { credential, account }),
            Change::Session(SessionChange::Require(digest(1))),
        ];
        changes.extend(spend(1, 0));
        changes.extend([
            Change::Passkey(PasskeyChange::Add(passkey(n, 1))),
            Change::Session(SessionChange::Add(session(n, 1, n))),
        ]);
        changes
    };
    assert_eq!(race(&store, (2..52).map(finish).collect(), Conflict::LinkChanged).await, 1);
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 2);
    assert_eq!(store.sessions(account_id(1)).await.unwrap().len(), 2);
}
