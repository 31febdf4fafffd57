use std::net::IpAddr;
use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::domain::account::AccountId;
use crate::domain::clock::{Timestamp, Zeros};
use crate::domain::plan::{Change, EventChange};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::{Authentication, SessionId};
use crate::domain::token_family::{Cut, OUT_KEPT, SPENT_KEPT};
use crate::domain::visitor::{ClientKind, Visitor};

fn key() -> MacKey {
    MacKey::derive(&Secret::from_bytes([7; 32]), "refresh tokens")
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

fn first() -> RefreshToken {
    RefreshToken::new(Uuid::from_u128(1))
}

fn session() -> Session {
    Session {
        token: SecretDigest::from_bytes([1; 32]),
        id: SessionId(Uuid::from_u128(5)),
        account: AccountId(Uuid::from_u128(6)),
        credential: None,
        authentication: Authentication { at: at(0), methods: Vec::new() },
        created_at: at(0),
        last_seen_at: at(0),
        browser: String::new(),
        address: None,
        recovered_at: None,
        host: None,
        bound_for: crate::domain::destination::Destination::root(),
        head: None,
    }
}

fn visitor(description: &str, address: &str) -> Visitor {
    Visitor {
        browser: SecretDigest::from_bytes([2; 32]),
        description: description.to_owned(),
        address: Some(address.parse::<IpAddr>().unwrap()),
        language: "en".to_owned(),
        offset: None,
        session: None,
        origin: None,
        device: None,
        press: None,
        client: ClientKind::Api { cookie: false },
    }
}

fn app() -> Visitor {
    visitor("Firefox on Linux", "192.0.2.1")
}

fn ask(token: RefreshToken, family: &TokenFamily, who: &Visitor, now: u64) -> Result<Presented, TokensRefusal> {
    let moment = Moment { visitor: who, now: at(now), entropy: &Zeros };
    present(token, family.clone(), &session(), &key(), moment)
}

/// Spends the token and returns the next one.
#[track_caller]
fn spend(token: RefreshToken, family: &mut TokenFamily, who: &Visitor, now: u64) -> RefreshToken {
    let Ok(Presented::Next(RefreshAnswer { refresh: next, .. }, plan)) = ask(token, family, who, now) else {
        panic!("not exchanged")
    };
    let next_family = plan.changes.into_iter().find_map(|change| match change {
        Change::Tokens(TokensChange::Advance(family) | TokensChange::Cut(family)) => Some(family),
        _ => None,
    });
    *family = next_family.unwrap();
    next
}

fn begun() -> TokenFamily {
    TokenFamily::begin(session().token, first())
}

#[test]
fn only_a_version_4_uuid_with_its_dashes_is_a_refresh_token() {
    let text = first().text();
    assert_eq!(RefreshToken::parse(&text), Some(first()));
    let plain = text.replace('-', "");
    let version_1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846".to_owned();
    for other in [plain, format!("{{{text}}}"), format!("urn:uuid:{text}"), String::new(), version_1] {
        assert_eq!(RefreshToken::parse(&other), None, "{other}");
    }
}

#[test]
fn a_token_is_answered_with_another_and_neither_is_kept() {
    let mut family = begun();
    let next = spend(first(), &mut family, &app(), 100);
    assert_ne!(next, first());
    assert_eq!((family.out.as_slice(), family.revision), (&[next.digest()][..], 1));
    assert!(!format!("{family:?}").contains(&next.text()));
}

#[test]
fn the_same_client_that_asks_again_at_once_gets_the_same_answer() {
    let mut family = begun();
    let next = spend(first(), &mut family, &app(), 100);
    for now in [100, 110] {
        assert!(
            matches!(ask(first(), &family, &app(), now), Ok(Presented::Again(again)) if again.refresh == next),
            "{now}"
        );
    }
}

#[test]
fn a_spent_token_ends_the_session_later_and_for_another_client() {
    let mut family = begun();
    spend(first(), &mut family, &app(), 100);
    for (who, now) in
        [(app(), 111), (visitor("Firefox on Linux", "192.0.2.2"), 101), (visitor("Chrome on Linux", "192.0.2.1"), 101)]
    {
        let Ok(Presented::Copied(plan)) = ask(first(), &family, &who, now) else { panic!("was answered") };
        assert!(
            plan.changes.iter().any(
                |change| matches!(change, Change::Session(SessionChange::End(token)) if *token == session().token)
            )
        );
        assert!(
            plan.changes.iter().any(
                |change| matches!(change, Change::Event(EventChange::Add(event)) if event.what == What::TokenCopied)
            )
        );
    }
}

#[test]
fn a_token_of_long_ago_ends_the_session_too() {
    let mut family = begun();
    let mut token = first();
    for n in 0..90 {
        token = spend(token, &mut family, &app(), 100 + n);
    }
    assert!(matches!(ask(first(), &family, &app(), 200), Ok(Presented::Copied(_))));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut family = begun();
    let mut token = first();
    for n in 0..300 {
        token = spend(token, &mut family, &app(), 100 + 600 * n);
    }
    assert_eq!((family.spent.len(), family.out.len()), (SPENT_KEPT, 1));
    assert_eq!(ask(first(), &family, &app(), 200_000).map(|_| ()), Err(TokensRefusal::Unknown));
    for n in 0..20 {
        family = family.elevated(at(500), at(1000), RefreshToken::new(Uuid::from_u128(50 + n)));
    }
    assert_eq!(family.out.len(), OUT_KEPT);
}

#[test]
fn no_client_refreshes_so_often_that_a_spent_token_of_this_hour_is_forgotten() {
    let mut family = begun();
    let mut token = first();
    for n in 0..100 {
        token = spend(token, &mut family, &app(), 100 + n);
    }
    for now in [200, 3699] {
        let wait = Duration::from_secs(3700 - now);
        assert_eq!(ask(token, &family, &app(), now).map(|_| ()), Err(TokensRefusal::TooOften { wait }), "{now}");
        assert!(matches!(ask(first(), &family, &app(), now), Ok(Presented::Copied(_))), "{now}");
    }
    spend(token, &mut family, &app(), 3700);
    assert_eq!(family.spent.len(), SPENT_KEPT);
}

fn another(number: u128) -> RefreshToken {
    RefreshToken::new(Uuid::from_u128(number))
}

/// Until when the line is elevated whose token that is, at `now`.
fn elevated_until(token: RefreshToken, family: &TokenFamily, now: u64) -> Option<Timestamp> {
    match ask(token, family, &app(), now).unwrap() {
        Presented::Next(answered, _) | Presented::Again(answered) => answered.elevated_until,
        Presented::Copied(_) => panic!("it was no copy"),
    }
}

#[test]
fn an_elevation_is_that_of_its_line_and_of_no_other() {
    let mut family = begun().elevated(at(90), at(1000), another(2));
    let of_old = spend(first(), &mut family, &app(), 100);
    assert_eq!((elevated_until(of_old, &family, 101), elevated_until(first(), &family, 101)), (None, None));
    assert_eq!(elevated_until(another(2), &family, 101), Some(at(1000)));
    let of_new = spend(another(2), &mut family, &app(), 101);
    assert_eq!(elevated_until(of_new, &family, 102), Some(at(1000)));
    // The lost answer too.
    assert_eq!(elevated_until(another(2), &family, 102), Some(at(1000)));
    assert_eq!((elevated_until(of_new, &family, 999), elevated_until(of_new, &family, 1000)), (Some(at(1000)), None));
    // Another one takes its place, and its line goes on as a plain one.
    let family = family.elevated(at(500), at(2000), another(3));
    assert_eq!(
        (elevated_until(of_new, &family, 501), elevated_until(another(3), &family, 501)),
        (None, Some(at(2000)))
    );
}

#[test]
fn an_elevation_that_is_used_leaves_no_other_token_and_a_dead_one_ends_nothing() {
    let mut family = begun();
    let second = spend(first(), &mut family, &app(), 100);
    let family = family.elevated(at(110), at(410), another(2));
    let revision = family.revision;
    let used = family.used(at(120)).unwrap();
    let mut rotated = family.clone();
    let next = spend(another(2), &mut rotated, &app(), 120);
    assert_eq!((used.revision, rotated.revision), (revision + 1, revision + 1));
    for (family, of_line) in [(used.clone(), another(2)), (rotated, next)] {
        for dead in [first(), second] {
            for now in [120, 121, 1000] {
                assert_eq!(ask(dead, &family, &app(), now).map(|_| ()), Err(TokensRefusal::Unknown));
            }
        }
        assert_eq!(family.out, [of_line.digest()]);
        assert_eq!(family.cut, Cut { elevated: at(110), plain: at(121) });
        assert!(family.used(at(130)).is_none(), "it was used");
    }
    // The next one is used anew.
    let again = used.elevated(at(200), at(500), another(3)).used(at(210)).unwrap();
    assert_eq!((again.out, again.cut), (vec![another(3).digest()], Cut { elevated: at(200), plain: at(211) }));
}

#[test]
fn a_line_that_was_elevated_cuts_off_the_others_when_the_elevation_is_over_too() {
    let mut family = begun().elevated(at(90), at(390), another(2));
    let mut plain = spend(first(), &mut family, &app(), 390);
    spend(another(2), &mut family, &app(), 400);
    assert_eq!(ask(plain, &family, &app(), 400).map(|_| ()), Err(TokensRefusal::Unknown));
    // What this answer brings is plain, too, and good.
    assert_eq!(family.cut, Cut { elevated: at(90), plain: at(400) });
    assert!(family.cut.is_before(at(399), false) && !family.cut.is_before(at(400), false));
    // A copy that is refreshed as often as it goes does not keep the line from going on.
    family = begun().elevated(at(90), at(390), another(2));
    plain = first();
    for n in 0..100 {
        plain = spend(plain, &mut family, &app(), 100 + n);
    }
    assert_eq!(
        ask(plain, &family, &app(), 200).map(|_| ()),
        Err(TokensRefusal::TooOften { wait: Duration::from_secs(3500) })
    );
    spend(another(2), &mut family, &app(), 200);
}

#[test]
fn a_line_that_is_not_elevated_uses_nothing() {
    let mut family = begun().elevated(at(90), at(390), another(2)).elevated(at(95), at(395), another(3));
    spend(another(2), &mut family, &app(), 100);
    spend(first(), &mut family, &app(), 101);
    assert_eq!((family.out.len(), family.cut, family.elevation.unwrap().used), (3, Cut::NONE, false));
}

#[test]
fn no_token_of_another_is_answered() {
    assert_eq!(
        ask(RefreshToken::new(Uuid::from_u128(9)), &begun(), &app(), 100).map(|_| ()),
        Err(TokensRefusal::Unknown)
    );
    let other = TokenFamily { session: SecretDigest::from_bytes([9; 32]), ..begun() };
    assert_eq!(ask(first(), &other, &app(), 100).map(|_| ()), Err(TokensRefusal::Unknown));
}
