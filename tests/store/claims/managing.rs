use std::sync::Arc;

use bmauth::domain::account::Account;
use bmauth::domain::aftermath::{Aftermath, Review};
use bmauth::domain::host::Host;
use bmauth::domain::link::{Approval, Link, LinkOffer, LinkStage};
use bmauth::domain::passkey::Passkey;
use bmauth::domain::plan::{
    AccountChange, AccountConflict, Change, Conflict, EventChange, HoldChange, LinkChange, PasskeyChange,
    PasskeyConflict, RecoveryChange, SessionChange, SessionConflict, TokensChange,
};
use bmauth::domain::session::{Authentication, Method, Session};
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::claims::counting::race;
use crate::random::everything_of;
use crate::sample::*;
use crate::shown::Shown as _;

fn end_sessions(account: u32, except: Option<u32>) -> [Change; 1] {
    [Change::Session(SessionChange::EndAll { account: account_id(account), except: except.map(digest) })]
}

fn rename(n: u32, account: u32, name: Option<&str>) -> [Change; 1] {
    let name = name.map(str::to_owned);
    [Change::Passkey(PasskeyChange::Rename { credential: credential(n), account: account_id(account), name })]
}

fn remove(n: u32, account: u32, last: bool) -> [Change; 1] {
    [Change::Passkey(PasskeyChange::Remove { credential: credential(n), account: account_id(account), last })]
}

fn require(n: u32, account: u32) -> [Change; 1] {
    [Change::Passkey(PasskeyChange::Require { credential: credential(n), account: account_id(account) })]
}

fn disable(account: u32, disabled: bool) -> [Change; 1] {
    [Change::Account(AccountChange::SetDisabled { account: account_id(account), disabled })]
}

/// Two people, 1 and 2; the first has the passkeys 1 and 3 as well as the sessions 1 and 4 of the one and 3 of the
/// other, the second has passkey 2 and session 2.
async fn two_people(store: &impl Store) {
    keeps(store, person(1)).await;
    keeps(store, person(2)).await;
    keeps(store, [Change::Passkey(PasskeyChange::Add(passkey(3, 1)))]).await;
    let sessions = [session(1, 1, 1), session(2, 2, 2), session(3, 1, 3), session(4, 1, 1)];
    keeps(store, sessions.map(SessionChange::Add).map(Change::from)).await;
}

/// Which of the sessions 1 to 4 are there, by name and in the list of their account.
async fn open_sessions(store: &impl Store) -> Vec<u32> {
    let mut open = Vec::new();
    for n in 1..=4 {
        if store.session(digest(n)).await.unwrap().is_some() {
            open.push(n);
        }
    }
    let mut listed = Vec::new();
    for account in [1, 2] {
        listed.extend(store.sessions(account_id(account)).await.unwrap().into_iter().map(|session| session.token));
    }
    listed.sort_unstable();
    assert_eq!(listed, open.iter().copied().map(digest).collect::<Vec<_>>());
    open
}

pub async fn ending_the_sessions_of_an_account_ends_those_and_no_others(store: Arc<impl Store>) {
    two_people(&*store).await;
    for _ in 0..2 {
        keeps(&*store, end_sessions(1, None)).await;
        assert_eq!(open_sessions(&*store).await, [2]);
    }
    // There is none to end, and it is not asked whether there is such an account.
    keeps(&*store, end_sessions(9, None)).await;
    assert_eq!(open_sessions(&*store).await, [2]);
}

pub async fn one_session_can_be_left_when_the_others_end(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, end_sessions(1, Some(4))).await;
    assert_eq!(open_sessions(&*store).await, [2, 4]);
    // Another account's session is none to be left.
    keeps(&*store, end_sessions(1, Some(2))).await;
    assert_eq!(open_sessions(&*store).await, [2]);
}

pub async fn a_recovery_is_reviewed_where_it_is_still_as_it_was_read(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let set = |n, was: &Aftermath, is: &Aftermath| {
        let (was, is) = (was.clone(), is.clone());
        [Change::Account(AccountChange::Aftermath { account: account_id(n), was, is })]
    };
    let (none, open) = (Aftermath::default(), aftermath(1));
    let contested = Aftermath { review: open.review.as_ref().map(Review::contested), ..open.clone() };
    for (was, is) in [(&none, &none), (&none, &open), (&open, &open), (&open, &contested)] {
        keeps(&*store, set(1, was, is)).await;
        let kept = store.account(account_id(1)).await.unwrap().unwrap();
        assert_eq!(kept, Account { aftermath: is.clone(), ..account(1) });
    }
    for was in [&none, &open, &contested.settled()] {
        refuses(&*store, set(1, was, was), Conflict::Account(AccountConflict::Changed)).await;
        refuses(&*store, set(1, was, &none), Conflict::Account(AccountConflict::Changed)).await;
    }
    refuses(&*store, set(2, &none, &open), Conflict::Account(AccountConflict::Gone)).await;
    keeps(&*store, set(1, &contested, &contested.settled())).await;
}

/// Session 1 with the members 5 and 6.
async fn a_family(store: &impl Store) {
    two_people(store).await;
    for n in [5, 6] {
        keeps(store, [Change::Session(SessionChange::Add(member(n, 1, 1)))]).await;
    }
}

/// Member `n` of the family of session `head`.
fn member(n: u32, head: u32, account: u32) -> Session {
    Session { head: Some(digest(head)), ..session(n, account, 1) }
}

/// Which of the sessions 1 to 7 are there.
async fn there(store: &impl Store) -> Vec<u32> {
    let mut there = Vec::new();
    for n in 1..=7 {
        there.extend(store.session(digest(n)).await.unwrap().map(|_| n));
    }
    there
}

pub async fn a_family_ends_whichever_of_it_does(store: Arc<impl Store>) {
    for ends in [1, 5, 6] {
        a_family(&*store).await;
        assert_eq!(there(&*store).await, [1, 2, 3, 4, 5, 6]);
        keeps(&*store, [Change::Session(SessionChange::End(digest(ends)))]).await;
        assert_eq!(there(&*store).await, [2, 3, 4], "{ends}");
        keeps(&*store, [1, 2].map(|account| Change::Account(AccountChange::Remove(account_id(account))))).await;
    }
}

pub async fn a_member_is_released_alone(store: Arc<impl Store>) {
    a_family(&*store).await;
    let release = |n| [Change::Session(SessionChange::Release(digest(n)))];
    keeps(&*store, release(5)).await;
    assert_eq!(there(&*store).await, [1, 2, 3, 4, 6]);
    for no_member in [1, 2, 5, 9] {
        keeps(&*store, release(no_member)).await;
    }
    assert_eq!(there(&*store).await, [1, 2, 3, 4, 6]);
}

pub async fn a_family_stays_whole_when_the_others_end(store: Arc<impl Store>) {
    for stays in [1, 5, 6] {
        a_family(&*store).await;
        keeps(&*store, end_sessions(1, Some(stays))).await;
        assert_eq!(there(&*store).await, [1, 2, 5, 6], "{stays}");
        keeps(&*store, [1, 2].map(|account| Change::Account(AccountChange::Remove(account_id(account))))).await;
    }
}

pub async fn a_member_is_of_a_head_of_its_account_that_has_not_ended(store: Arc<impl Store>) {
    a_family(&*store).await;
    let ended = Conflict::Session(SessionConflict::Ended);
    for refused in [member(7, 2, 1), member(7, 5, 1), member(7, 9, 1), member(7, 7, 1)] {
        refuses(&*store, [Change::Session(SessionChange::Add(refused))], ended).await;
    }
    let end_and_add = [SessionChange::End(digest(5)), SessionChange::Add(member(7, 1, 1))];
    refuses(&*store, end_and_add.map(Change::from), ended).await;
    assert_eq!(there(&*store).await, [1, 2, 3, 4, 5, 6]);
}

pub async fn members_are_idle_when_their_head_is(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let head = Session { created_at: at(500), last_seen_at: at(900), ..session(1, 1, 1) };
    let of_it = Session { created_at: at(500), last_seen_at: at(600), ..member(5, 1, 1) };
    keeps(&*store, [head, of_it].map(SessionChange::Add).map(Change::from)).await;
    assert_eq!(store.sweep(at(0), at(100), at(900), 9).await.unwrap(), 0);
    assert_eq!(there(&*store).await, [1, 5]);
    assert_eq!(store.sweep(at(0), at(100), at(901), 9).await.unwrap(), 1);
    assert!(there(&*store).await.is_empty() && store.sessions(account_id(1)).await.unwrap().is_empty());
}

pub async fn a_session_is_bound_to_one_host(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let host = |name: &str| Host::parse(name).unwrap();
    let unbound = Session { host: None, ..session(1, 1, 1) };
    keeps(&*store, [Change::Session(SessionChange::Add(unbound.clone()))]).await;
    let bind = |n, name: &str| [Change::Session(SessionChange::Bind { session: digest(n), host: host(name) })];
    keeps(&*store, bind(1, "a.example.com")).await;
    refuses(&*store, bind(1, "b.example.com"), Conflict::Session(SessionConflict::Tied)).await;
    refuses(&*store, bind(2, "b.example.com"), Conflict::Session(SessionConflict::Ended)).await;
    let bound = Session { host: Some(host("a.example.com")), ..unbound };
    assert_eq!(store.session(digest(1)).await.unwrap(), Some(bound));
}

/// A link that stands on nothing.
fn shown(n: u32) -> Link {
    Link { offer: None, stage: LinkStage::Shown, ..link(n) }
}

pub async fn links_that_an_account_offers_or_has_approved_are_dropped_together(store: Arc<impl Store>) {
    for n in 1..=2 {
        keeps(&*store, person(n)).await;
    }
    let offers =
        |n: u32, of: u32| Link { offer: Some(LinkOffer { account: account_id(of), session: digest(of) }), ..shown(n) };
    let approved = |n: u32, by: u32| {
        let approval = Approval { session: None, ..approval(by) };
        Link { stage: LinkStage::Approved(approval), offer: None, ..shown(n) }
    };
    let links = [offers(1, 1), approved(2, 1), offers(3, 2), approved(4, 2), Link { offer: None, ..shown(5) }];
    for link in links {
        keeps(&*store, [Change::Link(LinkChange::Add(link))]).await;
    }
    for _ in 0..2 {
        keeps(&*store, [Change::Link(LinkChange::DropAll(account_id(1)))]).await;
        for (n, is_there) in [(1, false), (2, false), (3, true), (4, true), (5, true)] {
            assert_eq!(store.link(link_id(n)).await.unwrap().is_some(), is_there, "{n}");
        }
    }
}

pub async fn a_passkey_is_renamed_by_its_own_account_only(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, rename(1, 1, Some("Küche"))).await;
    let expected = Passkey { name: Some("Küche".to_owned()), ..passkey(1, 1) };
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().shown(), expected.shown());
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().shown(), vec![expected.clone(), passkey(3, 1)].shown());
    for (n, account) in [(1, 2), (2, 1), (9, 1), (1, 9)] {
        refuses(&*store, rename(n, account, Some("Mine")), Conflict::Passkey(PasskeyConflict::Changed)).await;
    }
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().shown(), expected.shown());
    keeps(&*store, rename(1, 1, None)).await;
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().name, None);
}

pub async fn a_removed_passkey_ends_exactly_its_sessions(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, remove(1, 1, false)).await;
    assert!(store.passkey(&credential(1)).await.unwrap().is_none());
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().shown(), vec![passkey(3, 1)].shown());
    assert_eq!(open_sessions(&*store).await, [2, 3]);
    // It opens nothing any more.
    refuses(
        &*store,
        [Change::Session(SessionChange::Add(session(1, 1, 1)))],
        Conflict::Passkey(PasskeyConflict::Changed),
    )
    .await;
    refuses(&*store, remove(1, 1, true), Conflict::Passkey(PasskeyConflict::Changed)).await;
    let used = Change::Passkey(PasskeyChange::Use { was_counter: 1, key: new_passkey(1), at: at(1) });
    refuses(&*store, [used], Conflict::Passkey(PasskeyConflict::Changed)).await;
}

pub async fn no_account_removes_the_passkey_of_another(store: Arc<impl Store>) {
    two_people(&*store).await;
    for last in [false, true] {
        for (n, account) in [(2, 1), (1, 2), (9, 1), (1, 9)] {
            refuses(&*store, remove(n, account, last), Conflict::Passkey(PasskeyConflict::Changed)).await;
        }
    }
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 2);
    assert_eq!(open_sessions(&*store).await, [1, 2, 3, 4]);
}

pub async fn the_last_passkey_of_an_account_is_removed_only_on_purpose(store: Arc<impl Store>) {
    two_people(&*store).await;
    // That another account has passkeys does not help.
    refuses(&*store, remove(2, 2, false), Conflict::Passkey(PasskeyConflict::Last)).await;
    assert_eq!(open_sessions(&*store).await, [1, 2, 3, 4]);
    // Both at once: the second of them is the last.
    let both = [remove(1, 1, false), remove(3, 1, false)].concat();
    refuses(&*store, both, Conflict::Passkey(PasskeyConflict::Last)).await;
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 2);
    // One that comes in the same commit takes its place.
    keeps(&*store, [&[Change::Passkey(PasskeyChange::Add(passkey(4, 2)))], &remove(2, 2, false)[..]].concat()).await;
    refuses(&*store, remove(4, 2, false), Conflict::Passkey(PasskeyConflict::Last)).await;
    keeps(&*store, remove(4, 2, true)).await;
    assert!(store.passkeys(account_id(2)).await.unwrap().is_empty());
    assert_eq!(store.account(account_id(2)).await.unwrap(), Some(account(2)));
}

pub async fn passkeys_removed_at_the_same_time_leave_one(store: Arc<impl Store>) {
    keeps(&*store, [Change::Account(AccountChange::Add(account(1)))]).await;
    keeps(&*store, (1..=20).map(|n| Change::Passkey(PasskeyChange::Add(passkey(n, 1)))).collect::<Vec<_>>()).await;
    let commits = (1..=20).map(|n| remove(n, 1, false).to_vec()).collect();
    assert_eq!(race(&store, commits, Conflict::Passkey(PasskeyConflict::Last)).await, 19);
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 1);
}

pub async fn a_removed_passkey_can_be_another_accounts_later(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, remove(1, 1, false)).await;
    keeps(&*store, [Change::Passkey(PasskeyChange::Add(passkey(1, 2)))]).await;
    assert_eq!(store.passkey(&credential(1)).await.unwrap().unwrap().account, account_id(2));
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().shown(), vec![passkey(3, 1)].shown());
}

pub async fn disabling_an_account_ends_its_sessions_and_enabling_it_brings_none_back(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, disable(1, true)).await;
    assert_eq!(store.account(account_id(1)).await.unwrap(), Some(Account { disabled: true, ..account(1) }));
    assert_eq!(store.account_by_email(&email(1)).await.unwrap(), Some(Account { disabled: true, ..account(1) }));
    assert_eq!(open_sessions(&*store).await, [2]);
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 2, "it keeps its passkeys");
    refuses(
        &*store,
        [Change::Session(SessionChange::Add(session(1, 1, 1)))],
        Conflict::Account(AccountConflict::Disabled),
    )
    .await;
    keeps(&*store, disable(1, false)).await;
    assert_eq!(store.account(account_id(1)).await.unwrap(), Some(account(1)));
    assert_eq!(open_sessions(&*store).await, [2]);
    keeps(&*store, [Change::Session(SessionChange::Add(session(1, 1, 1)))]).await;
    // Enabling what is enabled ends nothing.
    keeps(&*store, disable(1, false)).await;
    assert_eq!(open_sessions(&*store).await, [1, 2]);
    for disabled in [false, true] {
        refuses(&*store, disable(9, disabled), Conflict::Account(AccountConflict::Gone)).await;
    }
}

fn set_groups(account: u32, was: &[&str], groups: &[&str]) -> [Change; 1] {
    let [was, groups] = [was, groups].map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    [Change::Account(AccountChange::SetGroups { account: account_id(account), was, groups })]
}

pub async fn groups_are_changed_from_those_that_were_read_only(store: Arc<impl Store>) {
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Add(account_of_api(n))))).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session_by_code(2, 2)))]).await;
    refuses(&*store, set_groups(9, &[], &["a"]), Conflict::Account(AccountConflict::Gone)).await;
    // The sample is in “group 0” and “group 1”, in that order.
    let was = ["group 0", "group 1"];
    for stale in [&[][..], &["group 0"], &["group 1", "group 0"], &["group 0", "group 1", "x"]] {
        refuses(&*store, set_groups(2, stale, &["admins"]), Conflict::Account(AccountConflict::Changed)).await;
    }
    assert_eq!(store.account(account_id(2)).await.unwrap(), Some(account_of_api(2)));
    keeps(&*store, set_groups(2, &was, &["admins"])).await;
    let expected = Account { groups: vec!["admins".to_owned()], ..account_of_api(2) };
    assert_eq!(store.account(account_id(2)).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.account_by_email(&email(2)).await.unwrap(), Some(expected));
    assert!(store.session(digest(2)).await.unwrap().is_some());
    assert_eq!(store.account(account_id(1)).await.unwrap(), Some(account_of_api(1)));
    // Of many that read the same, one is kept.
    let commits = (0..20).map(|n| set_groups(2, &["admins"], &["admins", &n.to_string()]).to_vec()).collect();
    assert_eq!(race(&store, commits, Conflict::Account(AccountConflict::Changed)).await, 1);
    assert_eq!(store.account(account_id(2)).await.unwrap().unwrap().groups.len(), 2);
}

/// As in a session that a passkey began.
fn authenticated() -> Authentication {
    Authentication { at: at(2500), methods: vec![Method::SoftwareKey, Method::UserVerified, Method::EmailCode] }
}

fn tie(n: u32, with: u32) -> [Change; 1] {
    let (session, credential) = (digest(n), credential(with));
    [Change::Session(SessionChange::Tie { session, credential, authentication: authenticated() })]
}

pub async fn a_session_without_a_passkey_is_tied_once_to_one_of_its_account(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, [Change::Session(SessionChange::Add(session_by_code(5, 1)))]).await;
    for nobodys_or_anothers in [9, 2] {
        refuses(&*store, tie(5, nobodys_or_anothers), Conflict::Passkey(PasskeyConflict::Changed)).await;
    }
    assert_eq!(store.session(digest(5)).await.unwrap(), Some(session_by_code(5, 1)));
    refuses(&*store, tie(9, 1), Conflict::Session(SessionConflict::Ended)).await;
    refuses(
        &*store,
        [&[Change::Session(SessionChange::End(digest(5)))], &tie(5, 3)[..]].concat(),
        Conflict::Session(SessionConflict::Ended),
    )
    .await;
    keeps(&*store, tie(5, 3)).await;
    let tied = Session { credential: Some(credential(3)), authentication: authenticated(), ..session_by_code(5, 1) };
    assert_eq!(store.session(digest(5)).await.unwrap(), Some(tied.clone()));
    // Neither that one nor one that had a passkey from the beginning is tied to another, or again.
    for (n, with) in [(5, 1), (5, 3), (1, 3), (1, 1)] {
        refuses(&*store, tie(n, with), Conflict::Session(SessionConflict::Tied)).await;
    }
    assert_eq!(store.session(digest(5)).await.unwrap(), Some(tied));
    assert_eq!(store.session(digest(1)).await.unwrap(), Some(session(1, 1, 1)));
    // As it is done: the passkey and the tie are one commit.
    keeps(&*store, [Change::Session(SessionChange::Add(session_by_code(6, 2)))]).await;
    keeps(&*store, [&[Change::Passkey(PasskeyChange::Add(passkey(4, 2)))], &tie(6, 4)[..]].concat()).await;
    assert_eq!(store.session(digest(6)).await.unwrap().unwrap().credential, Some(credential(4)));
}

pub async fn a_tied_session_ends_with_its_passkey_and_an_untied_one_with_none(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, [5, 6].map(|n| Change::Session(SessionChange::Add(session_by_code(n, 1))))).await;
    keeps(&*store, [5, 6].map(|n| Change::Tokens(TokensChange::Add(tokens(n, 1, 0))))).await;
    keeps(&*store, tie(5, 3)).await;
    keeps(&*store, remove(1, 1, false)).await;
    for n in [5, 6] {
        assert!(store.session(digest(n)).await.unwrap().is_some(), "session {n}");
    }
    keeps(&*store, remove(3, 1, true)).await;
    for (n, there) in [(5, false), (6, true)] {
        assert_eq!(store.session(digest(n)).await.unwrap().is_some(), there, "session {n}");
        assert_eq!(store.tokens(digest(n)).await.unwrap().is_some(), there, "session {n}");
    }
}

pub async fn a_required_passkey_must_be_there_and_be_the_accounts(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, require(1, 1)).await;
    keeps(&*store, require(3, 1)).await;
    for (n, account) in [(1, 2), (2, 1), (9, 1), (1, 9)] {
        refuses(&*store, require(n, account), Conflict::Passkey(PasskeyConflict::Changed)).await;
    }
    refuses(&*store, [remove(1, 1, false), require(1, 1)].concat(), Conflict::Passkey(PasskeyConflict::Changed)).await;
    keeps(&*store, [require(1, 1), remove(1, 1, false)].concat()).await;
    refuses(&*store, require(1, 1), Conflict::Passkey(PasskeyConflict::Changed)).await;
}

pub async fn what_takes_an_account_without_a_passkey_is_done_once(store: Arc<impl Store>) {
    let none = |account| [Change::Passkey(PasskeyChange::RequireNone(account_id(account)))];
    two_people(&*store).await;
    refuses(&*store, none(1), Conflict::Passkey(PasskeyConflict::NotNone)).await;
    refuses(&*store, none(2), Conflict::Passkey(PasskeyConflict::NotNone)).await;
    keeps(&*store, none(9)).await;
    let without = [&remove(1, 1, false)[..], &remove(3, 1, true)].concat();
    keeps(&*store, [&without[..], &none(1)].concat()).await;
    refuses(&*store, none(2), Conflict::Passkey(PasskeyConflict::NotNone)).await;
    let added = |n| Change::Passkey(PasskeyChange::Add(passkey(n, 1)));
    refuses(&*store, [&[added(10)], &none(1)[..]].concat(), Conflict::Passkey(PasskeyConflict::NotNone)).await;
    let commits = (20..40).map(|n| [&none(1)[..], &[added(n)]].concat()).collect();
    assert_eq!(race(&store, commits, Conflict::Passkey(PasskeyConflict::NotNone)).await, 1);
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 1);
}

fn room(account: u32, most: usize) -> Change {
    Change::Passkey(PasskeyChange::RequireRoom { account: account_id(account), most })
}

pub async fn an_account_has_room_up_to_its_limit(store: Arc<impl Store>) {
    two_people(&*store).await;
    let full = Conflict::Passkey(PasskeyConflict::Full);
    // The first has two, the second one.
    for (account, most, there_is) in [(1, 1, false), (1, 2, false), (1, 3, true), (2, 1, false), (2, 2, true)] {
        match there_is {
            true => keeps(&*store, [room(account, most)]).await,
            false => refuses(&*store, [room(account, most)], full).await,
        }
    }
    refuses(&*store, [room(9, 0)], full).await;
    // What the same commit adds counts too.
    let add = |n| Change::Passkey(PasskeyChange::Add(passkey(n, 1)));
    refuses(&*store, [room(1, 3), add(5), room(1, 3), add(6)], full).await;
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 2);
    keeps(&*store, [room(1, 3), add(5)]).await;
    refuses(&*store, [room(1, 3), add(6)], full).await;
    keeps(&*store, remove(5, 1, false)).await;
    keeps(&*store, [room(1, 3), add(6)]).await;
}

pub async fn parallel_devices_do_not_share_the_last_room(store: Arc<impl Store>) {
    keeps(&*store, person(1)).await;
    let add = |n| vec![room(1, 5), Change::Passkey(PasskeyChange::Add(passkey(n, 1)))];
    let commits = (10..30).map(add).collect();
    assert_eq!(race(&store, commits, Conflict::Passkey(PasskeyConflict::Full)).await, 4);
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 5);
}

pub async fn a_required_session_must_not_have_ended(store: Arc<impl Store>) {
    two_people(&*store).await;
    keeps(&*store, [Change::Session(SessionChange::Require(digest(1)))]).await;
    assert_eq!(open_sessions(&*store).await, [1, 2, 3, 4]);
    for ended_how in [
        Change::Session(SessionChange::End(digest(1))),
        Change::Session(SessionChange::EndAll { account: account_id(1), except: None }),
    ] {
        refuses(
            &*store,
            [ended_how, Change::Session(SessionChange::Require(digest(1)))],
            Conflict::Session(SessionConflict::Ended),
        )
        .await;
    }
    keeps(&*store, [Change::Session(SessionChange::End(digest(1)))]).await;
    refuses(&*store, [Change::Session(SessionChange::Require(digest(1)))], Conflict::Session(SessionConflict::Ended))
        .await;
    refuses(&*store, [Change::Session(SessionChange::Require(digest(9)))], Conflict::Session(SessionConflict::Ended))
        .await;
}

pub async fn a_removed_account_leaves_nothing_and_takes_nothing_of_others(store: Arc<impl Store>) {
    two_people(&*store).await;
    // Account 1 has approved link 7 and offers link 6; account 2 offers and has approved link 2; 4 belongs to neither.
    let mut approved = link(7);
    approved.stage = LinkStage::Approved(approval(1));
    let mut offered = link(6);
    offered.offer = Some(LinkOffer { account: account_id(1), session: digest(1) });
    let links = [link(2), link(4), offered.clone(), approved.clone()];
    keeps(&*store, links.map(LinkChange::Add).map(Change::from)).await;
    for n in [1, 2] {
        let events = [event(10 * n, n, 10), event(10 * n + 1, n, 20)];
        keeps(&*store, events.map(EventChange::Add).map(Change::from)).await;
        keeps(
            &*store,
            [Change::Hold(HoldChange::Add(hold(n, n))), Change::Recovery(RecoveryChange::Put(recovery(n, n)))],
        )
        .await;
    }
    let nobodys = recovery(3, 1);
    keeps(&*store, [Change::Recovery(RecoveryChange::Put(nobodys.clone()))]).await;
    let others = everything_of(&*store, 2).await;

    keeps(&*store, [Change::Account(AccountChange::Remove(account_id(1)))]).await;
    assert!(store.account(account_id(1)).await.unwrap().is_none());
    assert!(store.account_by_email(&email(1)).await.unwrap().is_none());
    assert_eq!(store.accounts(None, 9).await.unwrap(), [account(2)]);
    for n in [1, 3] {
        assert!(store.passkey(&credential(n)).await.unwrap().is_none());
    }
    assert!(store.passkeys(account_id(1)).await.unwrap().is_empty());
    assert_eq!(open_sessions(&*store).await, [2]);
    assert!(store.events(account_id(1), 9).await.unwrap().is_empty());
    assert!(store.hold(account_id(1)).await.unwrap().is_none());
    assert!(store.recovery(digest(1)).await.unwrap().is_none());
    for gone in [&approved, &offered] {
        assert!(store.link(gone.id).await.unwrap().is_none());
        assert!(store.link_by_code(gone.short_code).await.unwrap().is_none());
    }
    assert_eq!(store.link(link_id(4)).await.unwrap(), Some(link(4)));
    assert_eq!(store.recovery(digest(3)).await.unwrap(), Some(nobodys), "it names no account");
    assert_eq!(everything_of(&*store, 2).await, others);

    refuses(&*store, [Change::Account(AccountChange::Remove(account_id(1)))], Conflict::Account(AccountConflict::Gone))
        .await;
    // A person who registers with the address begins with nothing.
    keeps(&*store, person(1)).await;
    assert_eq!(store.passkeys(account_id(1)).await.unwrap().len(), 1);
    assert!(store.sessions(account_id(1)).await.unwrap().is_empty());
    assert!(store.events(account_id(1), 9).await.unwrap().is_empty());
    keeps(&*store, [Change::Hold(HoldChange::Add(hold(5, 1))), Change::Link(LinkChange::Add(approved))]).await;
    keeps(&*store, [1, 2].map(|n| Change::Account(AccountChange::Remove(account_id(n))))).await;
    let end = at(u64::MAX);
    assert_eq!(store.sweep(end, end, end, 99).await.unwrap(), 2, "link 4 and the recovery without an account");
}
