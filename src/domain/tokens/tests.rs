use std::net::IpAddr;

use uuid::Uuid;

use super::*;
use crate::domain::account::AccountId;
use crate::domain::clock::{Timestamp, Zeros};
use crate::domain::plan::{Change, EventChange};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::{Authentication, SessionId};
use crate::domain::token_family::{OUT_KEPT, SPENT_KEPT};
use crate::domain::visitor::{Client, Visitor};

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
    }
}

fn visitor(description: &str, address: &str) -> Visitor {
    Visitor {
        browser: SecretDigest::from_bytes([2; 32]),
        description: description.to_owned(),
        address: Some(address.parse::<IpAddr>().unwrap()),
        language: "en".to_owned(),
        session: None,
        origin: None,
        press: None,
        client: Client::Api { cookie: false },
    }
}

fn app() -> Visitor {
    visitor("Firefox on Linux", "192.0.2.1")
}

fn ask(token: RefreshToken, family: &TokenFamily, who: &Visitor, now: u64) -> Result<Presented, Refusal> {
    let moment = Moment { visitor: who, now: at(now), entropy: &Zeros };
    present(token, family.clone(), &session(), &key(), moment)
}

/// Spends the token and returns the next one.
#[track_caller]
fn spend(token: RefreshToken, family: &mut TokenFamily, who: &Visitor, now: u64) -> RefreshToken {
    let Ok(Presented::Next(next, plan)) = ask(token, family, who, now) else { panic!("not exchanged") };
    let next_family = plan.changes.into_iter().find_map(|change| match change {
        Change::Tokens(TokensChange::Advance(family)) => Some(family),
        _ => None,
    });
    *family = next_family.unwrap();
    next
}

fn family() -> TokenFamily {
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
    let mut family = family();
    let next = spend(first(), &mut family, &app(), 100);
    assert_ne!(next, first());
    assert_eq!((family.out.as_slice(), family.revision), (&[next.digest()][..], 1));
    assert!(!format!("{family:?}").contains(&next.text()));
}

#[test]
fn the_same_client_that_asks_again_at_once_gets_the_same_answer() {
    let mut family = family();
    let next = spend(first(), &mut family, &app(), 100);
    for now in [100, 110] {
        assert!(matches!(ask(first(), &family, &app(), now), Ok(Presented::Again(again)) if again == next), "{now}");
    }
}

#[test]
fn a_spent_token_ends_the_session_later_and_for_anybody_else() {
    let mut family = family();
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
    let mut family = family();
    let mut token = first();
    for n in 0..90 {
        token = spend(token, &mut family, &app(), 100 + n);
    }
    assert!(matches!(ask(first(), &family, &app(), 200), Ok(Presented::Copied(_))));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut family = family();
    let mut token = first();
    for n in 0..300 {
        token = spend(token, &mut family, &app(), 100 + 600 * n);
    }
    assert_eq!((family.spent.len(), family.out.len()), (SPENT_KEPT, 1));
    assert_eq!(ask(first(), &family, &app(), 200_000).map(|_| ()), Err(Refusal::Unknown));
    for n in 0..20 {
        family = family.elevated(at(1000), RefreshToken::new(Uuid::from_u128(50 + n)));
    }
    assert_eq!(family.out.len(), OUT_KEPT);
}

#[test]
fn nobody_refreshes_so_often_that_a_spent_token_of_this_hour_is_forgotten() {
    let mut family = family();
    let mut token = first();
    for n in 0..100 {
        token = spend(token, &mut family, &app(), 100 + n);
    }
    for now in [200, 3699] {
        assert_eq!(ask(token, &family, &app(), now).map(|_| ()), Err(Refusal::TooOften), "{now}");
        assert!(matches!(ask(first(), &family, &app(), now), Ok(Presented::Copied(_))), "{now}");
    }
    spend(token, &mut family, &app(), 3700);
    assert_eq!(family.spent.len(), SPENT_KEPT);
}

#[test]
fn the_tab_that_did_not_elevate_goes_on_with_its_own_token() {
    let another = RefreshToken::new(Uuid::from_u128(2));
    let mut family = family().elevated(at(1000), another);
    let of_old = spend(first(), &mut family, &app(), 100);
    let of_new = spend(another, &mut family, &app(), 101);
    assert!(matches!(ask(first(), &family, &app(), 102), Ok(Presented::Again(again)) if again == of_old));
    assert!(matches!(ask(another, &family, &app(), 102), Ok(Presented::Again(again)) if again == of_new));
    assert_eq!((family.elevation(at(999)), family.elevation(at(1000))), (Some(at(1000)), None));
}

#[test]
fn nobody_elses_token_is_answered() {
    assert_eq!(ask(RefreshToken::new(Uuid::from_u128(9)), &family(), &app(), 100).map(|_| ()), Err(Refusal::Unknown));
    let other = TokenFamily { session: SecretDigest::from_bytes([9; 32]), ..family() };
    assert_eq!(ask(first(), &other, &app(), 100).map(|_| ()), Err(Refusal::Unknown));
}
