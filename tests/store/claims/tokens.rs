use std::sync::Arc;

use bmauth::domain::plan::{
    AccountChange, Change, Conflict, PasskeyChange, SessionChange, SessionConflict, TokensChange,
};
use bmauth::domain::session::Session;
use bmauth::domain::token_family::{SPENT_KEPT, Spent, TokenFamily};
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::claims::counting::race;
use crate::sample::*;

/// Two people, each with a passkey; sessions 1 and 2 of the first, 3 of the second, each with tokens.
async fn three_families(store: &impl Store) {
    keeps(store, [person(1), person(2)].concat()).await;
    keeps(store, [(1, 1), (2, 1), (3, 2)].map(|(n, of)| Change::Session(SessionChange::Add(session(n, of, of))))).await;
    keeps(store, [1, 2, 3].map(|n| Change::Tokens(TokensChange::Add(tokens(n, 1, 1))))).await;
}

/// Whose tokens are there, of sessions 1 to 3: those found by session are found by each of their tokens as well.
async fn families(store: &impl Store) -> Vec<u32> {
    let mut there = Vec::new();
    for n in 1..=3 {
        let family = store.tokens(digest(n)).await.unwrap();
        for token in [refresh(n, 0), refresh(n, 100)] {
            assert_eq!(store.tokens_by_refresh(token).await.unwrap(), family, "session {n}");
        }
        there.extend(family.map(|_| n));
    }
    there
}

fn advanced(session: u32, revision: u32, out: u32, spent: u32) -> TokenFamily {
    TokenFamily { revision: revision + 1, ..tokens(session, out, spent) }
}

fn advance(session: u32, revision: u32) -> [Change; 1] {
    [Change::Tokens(TokensChange::Advance(advanced(session, revision, 1, revision)))]
}

pub async fn tokens_are_found_by_their_session_and_by_each_of_them(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let all = u32::try_from(SPENT_KEPT).unwrap();
    let added = [(1, 1, 0), (2, 3, 2), (3, 8, all), (4, 0, 1)].map(|(n, out, spent)| tokens(n, out, spent));
    for (n, family) in (1..).zip(&added) {
        keeps(
            &*store,
            [Change::Session(SessionChange::Add(session(n, 1, 1))), Change::Tokens(TokensChange::Add(family.clone()))],
        )
        .await;
    }
    for family in added {
        assert_eq!(store.tokens(family.session).await.unwrap(), Some(family.clone()));
        for token in family.spent.iter().map(|spent| spent.token).chain(family.out.iter().copied()) {
            assert_eq!(store.tokens_by_refresh(token).await.unwrap(), Some(family.clone()));
        }
    }
    // A session's own token is no refresh token, and the other way round.
    assert_eq!(store.tokens_by_refresh(digest(1)).await.unwrap(), None);
    assert_eq!(store.tokens(refresh(1, 100)).await.unwrap(), None);
    assert_eq!(store.tokens_by_refresh(refresh(1, 101)).await.unwrap(), None);
}

pub async fn tokens_need_their_session(store: Arc<impl Store>) {
    let add = [Change::Tokens(TokensChange::Add(tokens(1, 1, 1)))];
    refuses(&*store, add.clone(), Conflict::Session(SessionConflict::Ended)).await;
    keeps(&*store, person(1)).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session(1, 1, 1)))]).await;
    refuses(
        &*store,
        [&[Change::Session(SessionChange::End(digest(1)))], &add[..]].concat(),
        Conflict::Session(SessionConflict::Ended),
    )
    .await;
    keeps(&*store, [Change::Session(SessionChange::End(digest(1)))]).await;
    refuses(&*store, add, Conflict::Session(SessionConflict::Ended)).await;
    assert!(families(&*store).await.is_empty());
}

pub async fn a_session_has_one_family_of_tokens(store: Arc<impl Store>) {
    three_families(&*store).await;
    for again in [tokens(1, 1, 1), tokens(1, 2, 0), advanced(1, 0, 1, 1)] {
        refuses(&*store, [Change::Tokens(TokensChange::Add(again))], Conflict::TokensChanged).await;
    }
    assert_eq!(store.tokens(digest(1)).await.unwrap(), Some(tokens(1, 1, 1)));
}

pub async fn tokens_go_on_from_the_revision_before_only(store: Arc<impl Store>) {
    three_families(&*store).await;
    for revision in [1, 2, u32::MAX - 1] {
        let family = advanced(1, revision, 1, 1);
        refuses(&*store, [Change::Tokens(TokensChange::Cut(family.clone()))], Conflict::TokensChanged).await;
        refuses(&*store, [Change::Tokens(TokensChange::Advance(family))], Conflict::TokensChanged).await;
    }
    refuses(&*store, [Change::Tokens(TokensChange::Advance(tokens(1, 2, 0)))], Conflict::TokensChanged).await;
    for revision in 0..3 {
        keeps(&*store, advance(1, revision)).await;
        refuses(&*store, advance(1, revision), Conflict::TokensChanged).await;
        assert_eq!(store.tokens(digest(1)).await.unwrap(), Some(advanced(1, revision, 1, revision)));
    }
    keeps(&*store, [Change::Tokens(TokensChange::Cut(advanced(1, 3, 1, 0)))]).await;
    assert_eq!(store.tokens(digest(1)).await.unwrap(), Some(advanced(1, 3, 1, 0)));
    assert_eq!(store.tokens(digest(2)).await.unwrap(), Some(tokens(2, 1, 1)));
    // A session without tokens is given none so.
    keeps(&*store, [Change::Session(SessionChange::Add(session(4, 1, 1)))]).await;
    refuses(&*store, advance(4, 0), Conflict::TokensChanged).await;
    // The last revision there is has no next.
    keeps(&*store, [Change::Tokens(TokensChange::Add(TokenFamily { revision: u32::MAX, ..tokens(4, 1, 0) }))]).await;
    for revision in [0, u32::MAX] {
        let next = TokenFamily { revision, ..tokens(4, 1, 0) };
        refuses(&*store, [Change::Tokens(TokensChange::Advance(next))], Conflict::TokensChanged).await;
    }
}

pub async fn no_refresh_token_leads_to_two_sessions(store: Arc<impl Store>) {
    three_families(&*store).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session(4, 1, 1)))]).await;
    let spent_of_1 = tokens(1, 0, 1).spent;
    let taken = [
        TokenFamily { out: vec![refresh(4, 100), refresh(1, 100)], ..tokens(4, 0, 0) },
        TokenFamily { out: vec![refresh(1, 0)], ..tokens(4, 0, 0) },
        TokenFamily { spent: spent_of_1, ..tokens(4, 1, 0) },
    ];
    for family in taken {
        refuses(&*store, [Change::Tokens(TokensChange::Add(family.clone()))], Conflict::TokensChanged).await;
        // Nor does one get there later.
        let later = TokenFamily { revision: 1, ..family };
        let changes =
            [Change::Tokens(TokensChange::Add(tokens(4, 1, 0))), Change::Tokens(TokensChange::Advance(later))];
        refuses(&*store, changes, Conflict::TokensChanged).await;
    }
    assert_eq!(families(&*store).await, [1, 2, 3]);
    assert_eq!(store.tokens(digest(4)).await.unwrap(), None);
    // What ended with its session may come again: no other session has it.
    let another = TokenFamily { out: vec![refresh(1, 100)], ..tokens(4, 0, 0) };
    keeps(
        &*store,
        [Change::Session(SessionChange::End(digest(1))), Change::Tokens(TokensChange::Add(another.clone()))],
    )
    .await;
    assert_eq!(store.tokens_by_refresh(refresh(1, 100)).await.unwrap(), Some(another));
}

pub async fn a_token_that_its_family_has_forgotten_leads_nowhere(store: Arc<impl Store>) {
    three_families(&*store).await;
    // What was out is spent, what was spent is forgotten, and another is out.
    let spent = tokens(1, 0, 1).spent.into_iter().map(|spent| Spent { token: refresh(1, 100), ..spent }).collect();
    let next = TokenFamily { revision: 1, out: vec![refresh(1, 101)], spent, ..tokens(1, 0, 0) };
    keeps(&*store, [Change::Tokens(TokensChange::Advance(next.clone()))]).await;
    assert_eq!(store.tokens_by_refresh(refresh(1, 0)).await.unwrap(), None);
    for token in [100, 101] {
        assert_eq!(store.tokens_by_refresh(refresh(1, token)).await.unwrap(), Some(next.clone()), "token {token}");
    }
    let bare = TokenFamily { revision: 2, ..tokens(1, 0, 0) };
    keeps(&*store, [Change::Tokens(TokensChange::Advance(bare.clone()))]).await;
    for token in [0, 100, 101] {
        assert_eq!(store.tokens_by_refresh(refresh(1, token)).await.unwrap(), None, "token {token}");
    }
    assert_eq!(store.tokens(digest(1)).await.unwrap(), Some(bare));
    assert_eq!(store.tokens_by_refresh(refresh(2, 100)).await.unwrap(), Some(tokens(2, 1, 1)));
}

pub async fn tokens_go_with_their_session_however_it_ends(store: Arc<impl Store>) {
    let (account, credential) = (account_id(1), credential(1));
    let endings: [(Change, &[u32]); 7] = [
        (Change::Session(SessionChange::End(digest(1))), &[2, 3]),
        (Change::Session(SessionChange::EndAll { account, except: None }), &[3]),
        (Change::Session(SessionChange::EndAll { account, except: Some(digest(2)) }), &[2, 3]),
        (Change::Passkey(PasskeyChange::Remove { credential, account, last: true }), &[3]),
        (Change::Account(AccountChange::SetDisabled { account, disabled: true }), &[3]),
        (Change::Account(AccountChange::SetDisabled { account, disabled: false }), &[1, 2, 3]),
        (Change::Account(AccountChange::Remove(account)), &[3]),
    ];
    for (ending, left) in endings {
        three_families(&*store).await;
        keeps(&*store, [ending.clone()]).await;
        assert_eq!(families(&*store).await, left, "after {ending:?}");
        for account in [1, 2].map(account_id) {
            if store.account(account).await.unwrap().is_some() {
                keeps(&*store, [Change::Account(AccountChange::Remove(account))]).await;
            }
        }
        assert!(families(&*store).await.is_empty(), "after {ending:?}");
    }
}

pub async fn swept_sessions_take_their_tokens_along(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    for (n, created_at, last_seen_at) in [(1, 100, 900), (2, 500, 600), (3, 500, 700)] {
        let session = Session { created_at: at(created_at), last_seen_at: at(last_seen_at), ..session(n, 1, 1) };
        keeps(
            &*store,
            [Change::Session(SessionChange::Add(session)), Change::Tokens(TokensChange::Add(tokens(n, 1, 1)))],
        )
        .await;
    }
    // They have no time of their own, and do not count.
    assert_eq!(store.sweep(at(u64::MAX), at(0), at(0), 99).await.unwrap(), 0);
    assert_eq!(families(&*store).await, [1, 2, 3]);
    assert_eq!(store.sweep(at(0), at(101), at(0), 99).await.unwrap(), 1);
    assert_eq!(families(&*store).await, [2, 3]);
    assert_eq!(store.sweep(at(0), at(0), at(700), 99).await.unwrap(), 1);
    assert_eq!(families(&*store).await, [3]);
}

pub async fn a_session_begun_anew_has_no_tokens(store: Arc<impl Store>) {
    three_families(&*store).await;
    keeps(&*store, [Change::Session(SessionChange::End(digest(1)))]).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session(1, 1, 1)))]).await;
    assert_eq!(families(&*store).await, [2, 3]);
    // Within one commit too.
    keeps(
        &*store,
        [Change::Session(SessionChange::End(digest(2))), Change::Session(SessionChange::Add(session(2, 1, 1)))],
    )
    .await;
    assert_eq!(families(&*store).await, [3]);
    keeps(&*store, [1, 2].map(|n| Change::Tokens(TokensChange::Add(tokens(n, 1, 1))))).await;
    assert_eq!(families(&*store).await, [1, 2, 3]);
}

pub async fn what_changes_a_session_leaves_its_tokens(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    keeps(
        &*store,
        [
            Change::Session(SessionChange::Add(session_by_code(1, 1))),
            Change::Tokens(TokensChange::Add(tokens(1, 1, 1))),
        ],
    )
    .await;
    for change in [
        Change::Session(SessionChange::Tie {
            session: digest(1),
            credential: credential(1),
            authentication: session_by_code(1, 1).authentication,
        }),
        Change::Session(SessionChange::Touch(vec![(digest(1), at(5000))])),
        Change::Session(SessionChange::Require(digest(1))),
    ] {
        keeps(&*store, [change.clone()]).await;
        assert_eq!(families(&*store).await, [1], "after {change:?}");
    }
    assert_eq!(store.tokens(digest(1)).await.unwrap(), Some(tokens(1, 1, 1)));
}

pub async fn one_of_many_parallel_refreshes_wins(store: Arc<impl Store>) {
    three_families(&*store).await;
    let refreshed = |n| TokenFamily { out: vec![refresh(1, 200 + n)], ..advanced(1, 0, 0, 1) };
    let commits = (0..50).map(|n| {
        vec![Change::Session(SessionChange::Require(digest(1))), Change::Tokens(TokensChange::Advance(refreshed(n)))]
    });
    assert_eq!(race(&store, commits.collect(), Conflict::TokensChanged).await, 1);
    let mut out = Vec::new();
    for n in 0..50 {
        out.extend(store.tokens_by_refresh(refresh(1, 200 + n)).await.unwrap().map(|_| n));
    }
    let &[winner] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!(store.tokens(digest(1)).await.unwrap(), Some(refreshed(winner)));
}

pub async fn tokens_of_an_ended_session_do_not_go_on(store: Arc<impl Store>) {
    three_families(&*store).await;
    let end = [Change::Session(SessionChange::End(digest(1)))];
    refuses(&*store, [&end[..], &advance(1, 0)].concat(), Conflict::TokensChanged).await;
    keeps(&*store, [&advance(1, 0)[..], &end].concat()).await;
    assert_eq!(families(&*store).await, [2, 3]);
    refuses(&*store, advance(1, 1), Conflict::TokensChanged).await;
    assert_eq!(families(&*store).await, [2, 3]);
}

pub async fn tokens_are_required_in_one_state(store: Arc<impl Store>) {
    three_families(&*store).await;
    let require = |n, revision| Change::Tokens(TokensChange::Require { session: digest(n), revision });
    keeps(&*store, [require(1, 0)]).await;
    refuses(&*store, [require(1, 1)], Conflict::TokensChanged).await;
    refuses(&*store, [require(9, 0)], Conflict::TokensChanged).await;
    keeps(&*store, [&advance(1, 0)[..], &[require(1, 1), require(2, 0)]].concat()).await;
    refuses(&*store, [require(1, 0)], Conflict::TokensChanged).await;
    assert_eq!(store.tokens(digest(1)).await.unwrap(), Some(advanced(1, 0, 1, 0)));
    let end = Change::Session(SessionChange::End(digest(2)));
    refuses(&*store, [end, require(2, 0)], Conflict::TokensChanged).await;
}
