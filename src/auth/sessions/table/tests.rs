use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use uuid::Uuid;

use super::super::token_cache::CAPACITY;
use super::*;
use crate::domain::access::Standing as _;
use crate::domain::account::Account;
use crate::domain::email::Email;
use crate::domain::secret::Secret;
use crate::domain::session::{Authentication, Method, SessionId};
use crate::domain::token_family::Cut;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const LIMITS: SessionLimits = SessionLimits { idle: HOUR, absolute: Duration::from_secs(10 * 3600) };

fn person(number: u128) -> SignedIn {
    let id = AccountId(Uuid::from_u128(number));
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(&number.to_be_bytes());
    let account = Account {
        id,
        email: Email::parse(&format!("person{number}@example.com")).unwrap(),
        name: Some("Maria Muster".to_owned()),
        locale: None,
        metadata: None,
        groups: vec!["staff".to_owned(), "org:admins".to_owned()],
        disabled: false,
        created_at: NOW,
        aftermath: crate::domain::aftermath::Aftermath::default(),
    };
    let session = Session {
        token: Secret::from_bytes(secret).digest(),
        id: SessionId(Uuid::from_u128(number + 1)),
        account: id,
        credential: None,
        authentication: Authentication { at: NOW, methods: vec![Method::SoftwareKey, Method::UserVerified] },
        created_at: NOW,
        last_seen_at: NOW,
        browser: "Firefox on Linux".to_owned(),
        address: None,
        recovered_at: Some(NOW),
        host: None,
        bound_for: crate::domain::destination::Destination::root(),
        head: None,
    };
    SignedIn { session, account, absolute_end: NOW.after(LIMITS.absolute) }
}

fn admit(sessions: &SessionTable, signed_in: &SignedIn) -> LiveSession {
    let generation = sessions.generation(signed_in.session.token);
    sessions.admit(generation, signed_in, NOW).unwrap().unwrap()
}

fn token(audience: &str, value: &'static str) -> CachedToken {
    let value = HeaderValue::from_static(value);
    CachedToken { audience: audience.into(), in_place_of: None, value, fresh_from: NOW, fresh_until: NOW.after(HOUR) }
}

#[test]
fn an_app_is_told_of_a_live_session_what_it_would_be_told_of_the_stored_one() {
    let sessions = SessionTable::new(LIMITS);
    let mut plain = person(1);
    (plain.account.name, plain.session.recovered_at) = (None, None);
    plain.account.groups.clear();
    for signed_in in [person(0), plain] {
        let live = admit(&sessions, &signed_in);
        assert_eq!(live.facts(), signed_in.facts());
        assert_eq!((live.token(), live.review()), (signed_in.session.token, false));
    }
}

#[test]
fn a_group_is_found_among_those_asked_for() {
    let live = admit(&SessionTable::new(LIMITS), &person(0));
    let is_in = |groups: &[&str]| live.is_in_one_of(&groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>());
    assert!(is_in(&["staff"]) && is_in(&["nobody", "org:admins"]));
    assert!(!is_in(&["org"]) && !is_in(&["Staff"]) && !is_in(&[]));
}

#[test]
fn a_disabled_account_and_a_session_whose_time_is_up_are_not_admitted() {
    let sessions = SessionTable::new(LIMITS);
    let mut disabled = person(0);
    disabled.account.disabled = true;
    for (signed_in, now) in [(disabled, NOW), (person(1), NOW.after(HOUR))] {
        let generation = sessions.generation(signed_in.session.token);
        assert!(sessions.admit(generation, &signed_in, now).unwrap().is_none());
        assert!(sessions.peek(signed_in.session.token).is_none());
    }
}

#[test]
fn a_session_ends_by_the_clock_at_the_nearer_of_its_limits() {
    let sessions = SessionTable::new(LIMITS);
    let used = admit(&sessions, &person(0));
    let unused = admit(&sessions, &person(1));
    let at = |minutes: u64| NOW.after(Duration::from_secs(60 * minutes));
    assert!(sessions.get(used.token(), at(59)).is_some());
    sessions.end_expired(at(60));
    assert!(unused.has_ended() && !used.has_ended() && used.is_live(at(60)));
    // A session that comes later is looked at in its turn, too.
    let late = admit(&sessions, &person(2));
    sessions.end_expired(at(100));
    assert!(late.has_ended() && !used.has_ended());
    sessions.end_expired(at(119));
    assert!(used.has_ended() && !used.is_live(at(60)));
    let busy = admit(&sessions, &person(3));
    for turn in 0..=10 {
        assert!(sessions.get(busy.token(), at(59 * turn)).is_some(), "turn {turn}");
    }
    assert!(!busy.is_live(at(600)) && sessions.get(busy.token(), at(600)).is_none() && busy.has_ended());
}

/// A session in the part of the table where all of these are, which ends in so many minutes however much it is used.
fn in_one_shard(number: u64, minutes: u64) -> SignedIn {
    let mut signed_in = person(number.into());
    let mut token = [0; 32];
    token[8..16].copy_from_slice(&number.to_le_bytes());
    signed_in.session.token = SecretDigest::from_bytes(token);
    signed_in.session.created_at = NOW.after(Duration::from_secs(60 * minutes)).before(LIMITS.absolute);
    signed_in.absolute_end = signed_in.session.created_at.after(LIMITS.absolute);
    signed_in
}

#[test]
fn a_session_that_comes_while_others_are_looked_through_is_looked_at_in_its_turn() {
    let minutes = |minutes: u64| NOW.after(Duration::from_secs(60 * minutes));
    let known: Vec<_> = (0..300).map(|number| in_one_shard(number, 600)).collect();
    let coming: Vec<_> = (300..330).map(|number| in_one_shard(number, 10)).collect();
    for _ in 0..100 {
        let sessions = SessionTable::new(LIMITS);
        for signed_in in known.iter().chain([&in_one_shard(400, 1)]) {
            admit(&sessions, signed_in);
        }
        let start = std::sync::Barrier::new(2);
        let come = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                sessions.end_expired(minutes(2));
            });
            start.wait();
            let come = coming.iter().map(|signed_in| {
                loop {
                    let generation = sessions.generation(signed_in.session.token);
                    if let Ok(live) = sessions.admit(generation, signed_in, NOW) {
                        return live.unwrap();
                    }
                }
            });
            come.collect::<Vec<_>>()
        });
        assert!(come.iter().all(|live| !live.has_ended()));
        sessions.end_expired(minutes(10));
        assert!(come.iter().all(LiveSession::has_ended));
    }
}

#[test]
fn uses_are_written_down_in_the_order_of_the_store() {
    let sessions = SessionTable::new(LIMITS);
    for number in 0..2000_u16 {
        let mut signed_in = person(number.into());
        let mut token = [7; 32];
        // Spread over all parts of the table.
        token[..2].copy_from_slice(&number.wrapping_mul(40_503).to_be_bytes());
        signed_in.session.token = SecretDigest::from_bytes(token);
        let live = admit(&sessions, &signed_in);
        assert!(sessions.get(live.token(), NOW.after(HOUR / 2)).is_some());
    }
    let used: Vec<_> = sessions.unwritten_uses(Duration::ZERO).flatten().map(|(token, _)| token).collect();
    assert_eq!(used.len(), 2000);
    assert!(used.is_sorted());
}

#[test]
fn a_session_that_two_requests_read_at_once_is_one_and_ends_for_both() {
    let sessions = SessionTable::new(LIMITS);
    let signed_in = person(0);
    let generation = sessions.generation(signed_in.session.token);
    let [one, other] = [0, 1].map(|_| sessions.admit(generation, &signed_in, NOW).unwrap().unwrap());
    assert!(one.is(&other) && one.is(&sessions.peek(one.token()).unwrap()));
    sessions.end(one.token());
    assert!(one.has_ended() && other.has_ended());
}

#[test]
fn a_use_that_is_noted_late_forgets_no_other() {
    let sessions = SessionTable::new(LIMITS);
    let live = admit(&sessions, &person(0));
    let listed = || sessions.unwritten_uses(Duration::ZERO).flatten().collect::<Vec<_>>();
    let at = |minutes: u64| NOW.after(Duration::from_secs(60 * minutes));
    assert!(sessions.get(live.token(), at(30)).is_some());
    for minutes in [30, 10] {
        sessions.note_written(&[(live.token(), at(minutes))]);
    }
    assert_eq!(listed(), []);
    sessions.end_expired(at(89));
    assert!(!live.has_ended());
    sessions.end_expired(at(90));
    assert!(live.has_ended());
}

#[test]
fn a_clock_that_is_set_back_makes_no_session_last_longer_than_from_then_on() {
    let years = Duration::from_secs(10 * 365 * 24 * 3600);
    for ahead in [Duration::from_secs(30), HOUR, years] {
        for is_used in [false, true] {
            let sessions = SessionTable::new(LIMITS);
            let mut signed_in = person(0);
            let future = NOW.after(ahead);
            signed_in.session.created_at = future;
            signed_in.session.last_seen_at = future;
            signed_in.absolute_end = future.after(LIMITS.absolute);
            let generation = sessions.generation(signed_in.session.token);
            let live = sessions.admit(generation, &signed_in, future).unwrap().unwrap();
            // Beside one that nothing is wrong with, whichever shard they are in.
            admit(&sessions, &person(1));
            if is_used {
                assert!(sessions.get(live.token(), NOW).is_some());
                assert_eq!(sessions.end_if_used(&live, NOW.after(LIMITS.absolute)), NOW.after(LIMITS.absolute));
            }
            sessions.end_expired(NOW);
            assert!(!live.has_ended());
            sessions.end_expired(NOW.after(HOUR).before(Duration::from_secs(1)));
            assert!(!live.has_ended());
            // It is not used any more.
            sessions.end_expired(NOW.after(HOUR));
            assert!(live.has_ended(), "{ahead:?} {is_used}");
        }
    }
}

#[test]
fn a_session_of_the_future_is_admitted_and_ends_within_its_limits_from_now() {
    let sessions = SessionTable::new(LIMITS);
    let mut signed_in = person(0);
    let future = NOW.after(LIMITS.absolute * 1000);
    signed_in.session.created_at = future;
    signed_in.session.last_seen_at = future;
    signed_in.absolute_end = future.after(LIMITS.absolute);
    let live = admit(&sessions, &signed_in);
    assert!(live.is_live(NOW));
    for half_hours in 1..=20 {
        let is_there = sessions.get(live.token(), NOW.after(HOUR / 2 * half_hours)).is_some();
        assert_eq!(is_there, half_hours < 20, "{half_hours}");
    }
    assert!(!live.is_live(NOW.after(LIMITS.absolute)));
    assert!(sessions.get(live.token(), NOW.after(LIMITS.absolute)).is_none());
}

#[test]
fn a_use_in_the_future_is_written_down_again_once_the_clock_is_right() {
    let sessions = SessionTable::new(LIMITS);
    let live = admit(&sessions, &person(0));
    let at = |minutes: u64| NOW.after(Duration::from_secs(60 * minutes));
    let listed = || sessions.unwritten_uses(Duration::ZERO).flatten().collect::<Vec<_>>();
    assert!(sessions.get(live.token(), at(30)).is_some());
    sessions.note_written(&listed());
    assert!(sessions.get(live.token(), at(10)).is_some());
    assert!(sessions.get(live.token(), at(11)).is_some());
    assert_eq!(listed(), [(live.token(), at(11))]);
    sessions.note_written(&listed());
    assert_eq!(listed(), []);
    sessions.end_expired(at(70));
    assert!(!live.has_ended());
    sessions.end_expired(at(71));
    assert!(live.has_ended());
}

#[test]
fn what_is_made_for_a_session_ends_with_it_at_the_nearer_of_its_limits() {
    let sessions = SessionTable::new(LIMITS);
    let live = admit(&sessions, &person(0));
    assert_eq!(sessions.end_if_used(&live, NOW), NOW.after(HOUR));
    let late = NOW.after(LIMITS.absolute).before(HOUR / 2);
    assert_eq!(sessions.end_if_used(&live, late), NOW.after(LIMITS.absolute));
}

#[test]
fn a_moment_past_all_counting_ends_a_session_and_keeps_none() {
    let sessions = SessionTable::new(SessionLimits { idle: Duration::MAX, absolute: Duration::MAX });
    let mut signed_in = person(0);
    signed_in.absolute_end = Timestamp::from_unix(u64::MAX);
    let live = admit(&sessions, &signed_in);
    assert!(live.is_live(Timestamp::from_unix(u64::from(u32::MAX) - 1)));
    assert!(!live.is_live(Timestamp::from_unix(u64::from(u32::MAX))));
    assert!(sessions.get(live.token(), Timestamp::from_unix(u64::MAX)).is_none());
    // Nor is it taken for one at the beginning of all counting.
    let mut next = person(1);
    next.absolute_end = Timestamp::from_unix(u64::from(u32::MAX) + 1);
    assert!(admit(&sessions, &next).is_live(NOW));
}

#[test]
fn only_uses_that_are_not_written_down_are_listed() {
    let sessions = SessionTable::new(LIMITS);
    let (one, two) = (admit(&sessions, &person(0)), admit(&sessions, &person(1)));
    let listed = || sessions.unwritten_uses(Duration::ZERO).flatten().collect::<Vec<_>>();
    assert_eq!(listed(), [], "the store knows when they began");
    let later = NOW.after(Duration::from_secs(60));
    sessions.get(one.token(), later).unwrap();
    assert_eq!(listed(), [(one.token(), later)]);
    assert_eq!(listed().len(), 1, "until it is written");
    sessions.note_written(&listed());
    assert_eq!(listed(), []);
    sessions.get(two.token(), later).unwrap();
    sessions.get(one.token(), later.after(HOUR / 2)).unwrap();
    assert_eq!(listed().len(), 2);
}

#[test]
fn a_cached_token_is_its_sessions_for_its_audience_while_it_is_fresh() {
    let sessions = SessionTable::new(LIMITS);
    let (one, two) = (admit(&sessions, &person(0)), admit(&sessions, &person(1)));
    sessions.cache_token(&one, token("notes", "1"));
    sessions.cache_token(&one, token("wiki", "2"));
    let cached = |session, audience| sessions.cached_token(session, audience, NOW);
    assert_eq!(
        (cached(&one, "notes").unwrap(), cached(&one, "wiki").unwrap()),
        ("1".parse().unwrap(), "2".parse().unwrap())
    );
    assert_eq!((cached(&one, "other"), cached(&two, "notes")), (None, None));
    sessions.cache_token(&one, token("notes", "3"));
    assert_eq!(cached(&one, "notes").unwrap(), "3");
    assert_eq!(sessions.cached_token(&one, "notes", NOW.after(HOUR)), None);
    assert_eq!(sessions.token_cache.len(), 2);
    sessions.end_expired(NOW.after(HOUR));
    assert_eq!(sessions.token_cache.len(), 0, "what is not handed out any more takes no memory");
}

#[test]
fn a_cached_token_from_the_future_is_not_handed_out() {
    let sessions = SessionTable::new(LIMITS);
    let live = admit(&sessions, &person(0));
    sessions.cache_token(&live, token("notes", "a token"));
    assert!(sessions.cached_token(&live, "notes", NOW).is_some());
    assert!(
        sessions.cached_token(&live, "notes", NOW.before(Duration::from_secs(1))).is_none(),
        "the clock was set back"
    );
}

#[test]
fn no_more_tokens_are_cached_than_there_is_room_for() {
    let sessions = SessionTable::new(LIMITS);
    let live = admit(&sessions, &person(0));
    let audiences: Vec<Arc<str>> = (0..100).map(|number: u8| number.to_string().into()).collect();
    for (audience, minutes) in audiences.iter().zip(1..) {
        let fresh_until = NOW.after(Duration::from_secs(60 * minutes));
        let value = HeaderValue::from_static("a token");
        sessions.cache_token(
            &live,
            CachedToken { audience: Arc::clone(audience), in_place_of: None, value, fresh_from: NOW, fresh_until },
        );
    }
    let cached: Vec<_> =
        audiences.iter().filter(|audience| sessions.cached_token(&live, audience, NOW).is_some()).collect();
    assert_eq!(cached, audiences.iter().rev().take(8).rev().collect::<Vec<_>>(), "the last ones stay");
    for number in 1..3 * CAPACITY as u128 {
        sessions
            .cache_token(&LiveSession::new(&person(number), None, None, Cut::NONE, LIMITS), token("notes", "a token"));
    }
    assert!(sessions.token_cache.len() <= CAPACITY && sessions.token_cache.len() > CAPACITY / 2);
}

#[test]
fn a_session_that_ends_gives_up_its_tokens_and_gets_no_others() {
    let sessions = SessionTable::new(LIMITS);
    let (ending, staying) = (admit(&sessions, &person(0)), admit(&sessions, &person(1)));
    for live in [&ending, &staying] {
        sessions.cache_token(live, token("notes", "a token"));
        sessions.cache_token(live, token("wiki", "a token"));
    }
    sessions.end(ending.token());
    assert_eq!((sessions.cached_token(&ending, "notes", NOW), sessions.token_cache.len()), (None, 2));
    // A request that was admitted before, and makes its token only now.
    sessions.cache_token(&ending, token("notes", "late"));
    assert_eq!((sessions.cached_token(&ending, "notes", NOW), sessions.token_cache.len()), (None, 2));
    // The same session, read again from the store with what has changed of it.
    let again = admit(&sessions, &person(0));
    assert_eq!(sessions.cached_token(&again, "notes", NOW), None);
    assert!(sessions.cached_token(&staying, "notes", NOW).is_some());
}

#[test]
fn a_token_made_while_its_session_ends_is_not_cached() {
    let sessions = SessionTable::new(LIMITS);
    let start = std::sync::Barrier::new(2);
    let ending: Vec<_> = (0..1000).map(|number| admit(&sessions, &person(number))).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for live in &ending {
                start.wait();
                sessions.end(live.token());
            }
        });
        for live in &ending {
            start.wait();
            sessions.cache_token(live, token("notes", "a token"));
        }
    });
    assert_eq!(sessions.token_cache.len(), 0);
}

#[test]
fn a_session_read_before_another_of_its_shard_ended_is_read_again() {
    let sessions = SessionTable::new(LIMITS);
    let signed_in = person(0);
    let token = signed_in.session.token;
    let generation = sessions.generation(token);
    sessions.end(token);
    assert_eq!(sessions.admit(generation, &signed_in, NOW).err(), Some(Raced));
    assert!(sessions.peek(token).is_none());
}

#[tokio::test]
async fn a_task_that_waits_for_an_end_is_woken_by_that_one_alone() {
    let sessions = SessionTable::new(LIMITS);
    let (ending, staying) = (admit(&sessions, &person(0)), admit(&sessions, &person(1)));
    assert!(ending.ended().now_or_never().is_none());
    let (other, waiting) = (
        ending.clone(),
        tokio::spawn({
            let ending = ending.clone();
            async move { ending.ended().await }
        }),
    );
    sessions.end(ending.token());
    waiting.await.unwrap();
    other.ended().await;
    assert!(staying.ended().now_or_never().is_none());
}

#[test]
fn an_end_is_noticed_by_a_task_that_begins_to_wait_while_it_happens() {
    for _ in 0..500 {
        let sessions = SessionTable::new(LIMITS);
        let ending = admit(&sessions, &person(0));
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    start.wait();
                    // Never ends where the ring is missed.
                    wait_for(ending.ended());
                });
            }
            start.wait();
            sessions.end(ending.token());
        });
    }
}

fn wait_for(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
}

/// A member of the family of `head`, which is in the table.
fn member_of(sessions: &SessionTable, head: &LiveSession, number: u128) -> LiveSession {
    let mut signed_in = person(number);
    signed_in.session.head = Some(head.token());
    let generation = sessions.generation(signed_in.session.token);
    sessions.admit_with(generation, &signed_in, Some(head.clone()), Cut::NONE, NOW).unwrap().unwrap()
}

#[test]
fn a_member_whose_head_ends_while_it_is_read_is_read_again() {
    let sessions = SessionTable::new(LIMITS);
    let head = admit(&sessions, &person(0));
    let mut member = person(1);
    member.session.head = Some(head.token());
    let generation = sessions.generation(member.session.token);
    // As where groups change: the store has it still, and the next request reads both anew.
    sessions.end(head.token());
    let admitted = sessions.admit_with(generation, &member, Some(head.clone()), Cut::NONE, NOW);
    assert_eq!(admitted.err(), Some(Raced));
    assert!(sessions.peek(member.session.token).is_none());
    let head = admit(&sessions, &person(0));
    let admitted = sessions.admit_with(generation, &member, Some(head), Cut::NONE, NOW).unwrap().unwrap();
    assert!(admitted.is_live(NOW));
}

#[test]
fn whichever_of_a_family_is_used_all_are() {
    let sessions = SessionTable::new(LIMITS);
    let head = admit(&sessions, &person(0));
    let member = member_of(&sessions, &head, 1);
    assert_eq!((head.family(), member.family()), (head.token(), head.token()));
    for half_hours in 1..=6_u32 {
        let now = NOW.after(HOUR / 2 * half_hours);
        assert!(sessions.get(member.token(), now).is_some());
    }
    let later = NOW.after(HOUR * 3 + HOUR / 2);
    sessions.end_expired(later);
    assert!(sessions.get(head.token(), later).is_some());
    // Written down is the use of the head.
    assert_eq!(sessions.unwritten_uses(Duration::ZERO).flatten().collect::<Vec<_>>(), [(head.token(), later)]);
    sessions.end_expired(later.after(HOUR));
    assert!(sessions.peek(head.token()).is_none() && sessions.peek(member.token()).is_none());
}

#[test]
fn a_family_ends_with_its_head_and_what_is_open_in_any_of_it() {
    let sessions = SessionTable::new(LIMITS);
    let head = admit(&sessions, &person(0));
    let (member, other) = (member_of(&sessions, &head, 1), admit(&sessions, &person(2)));
    let mut open = Box::pin(member.ended());
    assert!(open.as_mut().now_or_never().is_none());
    sessions.end(head.token());
    assert!(open.as_mut().now_or_never().is_some());
    assert!(member.has_ended() && !other.has_ended());
    assert!(!member.is_live(NOW) && sessions.get(member.token(), NOW).is_none());
    assert!(sessions.get(other.token(), NOW).is_some());
}

#[test]
fn in_doubt_every_session_ends_and_one_being_read_is_read_again() {
    let sessions = SessionTable::new(LIMITS);
    let all: Vec<_> = (1..40).map(|number| admit(&sessions, &person(number << 64 | number << 112))).collect();
    let late = person(99);
    let generation = sessions.generation(late.session.token);
    sessions.end_all();
    for live in &all {
        assert!(live.ended().now_or_never().is_some() && sessions.peek(live.token()).is_none());
    }
    assert_eq!(sessions.admit(generation, &late, NOW).map(drop), Err(Raced));
    admit(&sessions, &late);
}

#[test]
fn whatever_requests_or_apps_could_tell_is_held_against_the_store() {
    let sessions = SessionTable::new(LIMITS);
    let read = person(1);
    let live = admit(&sessions, &read);
    assert_eq!(sessions.all().len(), 1);
    assert!(live.is_still(&read, Cut::NONE, LIMITS));
    // When it was used last is no matter: others write that down.
    let mut used = read.clone();
    used.session.last_seen_at = NOW.after(HOUR);
    assert!(live.is_still(&used, Cut::NONE, LIMITS));
    type ChangeSignedIn = fn(&mut SignedIn);
    let changes: [(&str, ChangeSignedIn); 9] = [
        ("disabled", |is| is.account.disabled = true),
        ("groups", |is| is.account.groups.push("more".to_owned())),
        ("name", |is| is.account.name = None),
        ("email", |is| is.account.email = Email::parse("other@example.com").unwrap()),
        ("review", |is| is.account.aftermath = is.account.aftermath.of_recovery(None, "Firefox", true, NOW)),
        ("passkey", |is| is.session.credential = crate::domain::passkey::CredentialId::new(&[1; 16])),
        ("authentication", |is| is.session.authentication.methods.clear()),
        ("host", |is| is.session.host = Some(Host::parse("notes.example.com").unwrap())),
        ("head", |is| is.session.head = Some(Secret::from_bytes([9; 32]).digest())),
    ];
    for (what, change) in changes {
        let mut is = read.clone();
        change(&mut is);
        assert!(!live.is_still(&is, Cut::NONE, LIMITS), "{what}");
    }
    assert!(!live.is_still(&read, Cut { elevated: NOW, plain: NOW }, LIMITS));
}

#[test]
fn only_what_the_store_is_behind_with_by_much_is_written_down() {
    let sessions = SessionTable::new(LIMITS);
    let live = admit(&sessions, &person(0));
    let listed = |lag| sessions.unwritten_uses(lag).flatten().count();
    assert!(sessions.get(live.token(), NOW.after(HOUR / 4)).is_some());
    assert_eq!((listed(Duration::ZERO), listed(HOUR / 4), listed(HOUR / 2)), (1, 1, 0));
    sessions.note_written(&[(live.token(), NOW.after(HOUR / 4))]);
    assert_eq!(listed(Duration::ZERO), 0);
}

#[test]
fn a_session_with_an_open_stream_goes_on_while_it_is_used_elsewhere() {
    let sessions = SessionTable::new(LIMITS);
    let (held, member) = {
        let held = admit(&sessions, &person(0));
        admit(&sessions, &person(1));
        let head = admit(&sessions, &person(2));
        (held, member_of(&sessions, &head, 3))
    };
    let idle = NOW.after(HOUR);
    assert_eq!(sessions.idle_with_streams(NOW.after(HOUR / 2)), []);
    let mut expected = [held.token(), member.family()];
    expected.sort_unstable();
    assert_eq!(
        sessions.idle_with_streams(idle),
        expected,
        "the other has no stream, and is read again with its next request"
    );
    sessions.used_elsewhere(held.token(), NOW.after(HOUR / 2));
    sessions.used_elsewhere(member.family(), NOW);
    sessions.end_expired(idle);
    assert!(!held.has_ended() && member.has_ended());
    assert_eq!(sessions.unwritten_uses(Duration::ZERO).flatten().count(), 0, "the store knows of that use");
    sessions.end_expired(idle.after(HOUR / 2));
    assert!(held.has_ended());
}
