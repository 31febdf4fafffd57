use uuid::Uuid;

use super::*;
use crate::domain::code::CodeId;
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::mailed_code::MailedCode;
use crate::domain::plan::{Counter, CounterChange, RecoveryChange};
use crate::domain::secret::SecretDigest;

const NOW: Timestamp = Timestamp::from_unix(1000);

fn visitor(browser: u8, cookie: bool, address: &str) -> Visitor {
    Visitor {
        browser: SecretDigest::from_bytes([browser; 32]),
        description: String::new(),
        address: Some(address.parse().unwrap()),
        language: "en".to_owned(),
        session: None,
        origin: None,
        press: None,
        client: Client::Api { cookie },
    }
}

/// A recovery that this visitor began.
fn begun_by(visitor: &Visitor) -> Recovery {
    Recovery {
        browser: visitor.browser,
        revision: 0,
        email: Email::parse("ann@example.com").unwrap(),
        account: Some(super::super::account::AccountId(Uuid::from_u128(1))),
        stage: Stage::Code,
        code: MailedCode { id: CodeId(Uuid::from_bytes([visitor.browser.bytes()[0]; 16])), tries: 0, sent_at: NOW },
        claim: visitor.claim(),
        beside: None,
        return_to: Destination::root(),
        expires_at: Timestamp::from_unix(2000),
    }
}

/// Who of those that began one may have their codes tried by `who`.
fn tried_by(who: &Visitor, begun: &[&Visitor]) -> Vec<u8> {
    let waiting = begun.iter().map(|visitor| Pending::Recovery(begun_by(visitor))).collect();
    let of = |pending: Pending| match pending {
        Pending::Recovery(recovery) => recovery.browser.bytes()[0],
        Pending::SignUp(registration) => registration.browser.bytes()[0],
    };
    candidates(waiting, who, NOW).into_iter().map(of).collect()
}

#[test]
fn a_client_with_a_cookie_opens_what_it_began_and_nothing_else() {
    let (own, other) = (visitor(1, true, "192.0.2.1"), visitor(2, true, "192.0.2.1"));
    let without = visitor(3, false, "192.0.2.1");
    assert_eq!(tried_by(&own, &[&other, &own, &without]), [1]);
    assert_eq!(tried_by(&own, &[&other, &without]), [0; 0]);
}

#[test]
fn a_first_request_without_a_cookie_is_claimed_by_the_cookie_it_was_given() {
    let first = visitor(1, false, "192.0.2.1");
    assert_eq!(tried_by(&visitor(1, true, "198.51.100.7"), &[&first]), [1]);
}

#[test]
fn a_client_without_a_cookie_opens_what_was_begun_without_one() {
    let (one, other) = (visitor(1, false, "192.0.2.1"), visitor(2, false, "192.0.2.1"));
    let with = visitor(3, true, "192.0.2.1");
    let again = visitor(9, false, "192.0.2.1");
    assert_eq!(tried_by(&again, &[&one, &other, &with]), [1, 2]);
    // A telephone may leave its network between two requests.
    assert_eq!(tried_by(&visitor(9, false, "198.51.100.7"), &[&one, &other]), [1, 2]);
}

#[test]
fn where_somebody_elsewhere_waits_for_the_same_address_the_network_decides() {
    let (owner, stranger) = (visitor(1, false, "192.0.2.1"), visitor(2, false, "198.51.100.7"));
    assert_eq!(tried_by(&visitor(9, false, "192.0.2.1"), &[&owner, &stranger]), [1]);
    assert_eq!(tried_by(&visitor(9, false, "203.0.113.9"), &[&owner, &stranger]), [0; 0]);
}

#[test]
fn what_is_over_or_opened_by_no_code_is_left_out() {
    let own = visitor(1, true, "192.0.2.1");
    let left = |recovery: Recovery| candidates(vec![Pending::Recovery(recovery)], &own, NOW).len();
    assert_eq!(left(begun_by(&own)), 1);
    assert_eq!(left(Recovery { expires_at: NOW, ..begun_by(&own) }), 0);
    assert_eq!(left(Recovery { account: None, ..begun_by(&own) }), 0);
    assert_eq!(left(Recovery { stage: Stage::Proved, ..begun_by(&own) }), 0);
}

#[test]
fn a_code_counts_for_each_it_may_be_for_and_as_often_for_the_address() {
    let counter = |n| Counter([n; 32]);
    let counters =
        CodeCounters { letters: counter(1), letters_from_network: counter(2), network: counter(3), tries: counter(4) };
    let begun = [1, 2].map(|n| begun_by(&visitor(n, false, "192.0.2.1")));
    let spent = begun_by(&visitor(3, false, "192.0.2.1"));
    let spent = Recovery { code: MailedCode { tries: code::TRIES, ..spent.code }, ..spent };
    let waiting = begun.into_iter().chain([spent]).map(Pending::Recovery).collect();
    let plan = count_try(waiting, "123456", Mode::Email, counters, NOW);
    assert_eq!(plan.then.len(), 2);
    let of_address =
        plan.changes.iter().filter(|change| matches!(change, Change::Counter(CounterChange::Count { .. }))).count();
    let advanced =
        plan.changes.iter().filter(|change| matches!(change, Change::Recovery(RecoveryChange::Advance(_)))).count();
    assert_eq!((of_address, advanced), (2, 2));
}
