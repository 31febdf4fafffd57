use uuid::Uuid;

use super::*;
use crate::domain::code::{CodeId, CodeKind};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::mailed_code::MailedCode;
use crate::domain::plan::{Counter, CounterChange, RecoveryChange};
use crate::domain::secret::SecretDigest;
use crate::domain::visitor::ClientKind;

const NOW: Timestamp = Timestamp::from_unix(1000);

fn visitor(browser: u8, cookie: bool, address: &str) -> Visitor {
    Visitor {
        browser: SecretDigest::from_bytes([browser; 32]),
        description: String::new(),
        address: Some(address.parse().unwrap()),
        language: "en".to_owned(),
        offset: None,
        session: None,
        origin: None,
        device: None,
        press: None,
        client: ClientKind::Api { cookie },
    }
}

/// A recovery that this visitor began.
fn begun_by(visitor: &Visitor) -> Recovery {
    Recovery {
        browser: visitor.browser,
        revision: 0,
        email: Email::parse("ann@example.com").unwrap(),
        account: Some(super::super::account::AccountId(Uuid::from_u128(1))),
        stage: RecoveryStage::Code,
        code: MailedCode {
            id: CodeId(Uuid::from_bytes([visitor.browser.bytes()[0]; 16])),
            tries: 0,
            sent_at: NOW,
            earlier: None,
        },
        claim: visitor.claim(),
        beside: None,
        return_to: Destination::root(),
        expires_at: Timestamp::from_unix(2000),
    }
}

/// What is tried by `who` of what these began, and whether it opens.
fn tried_by(who: &Visitor, begun: &[&Visitor]) -> (Vec<u8>, bool) {
    tried_of(who, begun.iter().map(|visitor| Pending::Recovery(begun_by(visitor))).collect())
}

fn tried_of(who: &Visitor, waiting: Vec<Pending>) -> (Vec<u8>, bool) {
    let of = |pending: Pending| match pending {
        Pending::Recovery(recovery) => recovery.browser.bytes()[0],
        Pending::SignUp(registration) => registration.browser.bytes()[0],
    };
    let Candidates { entries, open } = candidates(waiting, who, NOW);
    (entries.into_iter().map(of).collect(), open)
}

#[test]
fn a_client_with_a_cookie_or_a_ticket_opens_what_it_began_and_nothing_else() {
    let (own, other) = (visitor(1, true, "192.0.2.1"), visitor(2, true, "192.0.2.1"));
    let without = visitor(3, false, "192.0.2.1");
    assert_eq!(tried_by(&own, &[&other, &own, &without]), (vec![1], true));
    assert_eq!(tried_by(&own, &[&other, &without]), (vec![], true));
    let ticket = without.with_ticket(SecretDigest::from_bytes([7; 32]));
    assert_eq!((ticket.claim(), ticket.binding()), (Claim::Cookie, Some(ticket.browser)));
    assert_eq!(tried_by(&ticket, &[&own, &without]), (vec![], true));
    let elsewhere = visitor(4, true, "2001:db8::1").with_ticket(SecretDigest::from_bytes([7; 32]));
    assert_eq!(tried_by(&elsewhere, &[&own, &ticket]).0, [ticket.browser.bytes()[0]]);
    // What is on our pages, or in a cookie, is another thing than the same ticket.
    assert_ne!(ticket.browser, SecretDigest::from_bytes([7; 32]));
}

#[test]
fn a_first_request_without_a_cookie_is_claimed_by_the_cookie_it_was_given() {
    let first = visitor(1, false, "192.0.2.1");
    assert_eq!(tried_by(&visitor(1, true, "198.51.100.7"), &[&first]), (vec![1], true));
}

#[test]
fn a_client_without_either_opens_the_only_thing_that_waits_from_wherever() {
    let (one, other) = (visitor(1, false, "192.0.2.1"), visitor(2, false, "192.0.2.1"));
    let hidden = Visitor { address: None, ..visitor(9, false, "192.0.2.1") };
    for who in [visitor(9, false, "192.0.2.1"), visitor(9, false, "2001:db8::1"), hidden] {
        assert_eq!(tried_by(&who, &[&one]), (vec![1], true));
        // A try counts against both, and opens neither.
        assert_eq!(tried_by(&who, &[&one, &other]), (vec![1, 2], false));
        assert_eq!(tried_by(&who, &[]), (vec![], false));
    }
}

#[test]
fn whatever_waits_beside_it_keeps_it_shut_and_what_is_over_does_not() {
    let (one, who) = (visitor(1, false, "192.0.2.1"), visitor(9, false, "192.0.2.1"));
    let beside = |other: Recovery| tried_of(&who, vec![Pending::Recovery(begun_by(&one)), Pending::Recovery(other)]);
    let bound = begun_by(&visitor(3, true, "198.51.100.7"));
    // What is bound is not tried by who is not; what has no account is, so that it does not show.
    assert_eq!(beside(bound.clone()), (vec![1], false));
    assert_eq!(beside(Recovery { account: None, ..begun_by(&visitor(4, false, "192.0.2.1")) }), (vec![1, 4], false));
    assert_eq!(beside(Recovery { expires_at: NOW, ..bound.clone() }), (vec![1], true));
    assert_eq!(beside(Recovery { stage: RecoveryStage::Proved, ..bound.clone() }), (vec![1], true));
    // Alone, it is still not opened by who is not bound.
    assert_eq!(tried_of(&who, vec![Pending::Recovery(bound)]), (vec![], true));
}

#[test]
fn a_client_without_either_replaces_what_was_asked_for_in_its_network_alone() {
    let of = |visitor: &Visitor| Pending::Recovery(begun_by(visitor));
    let begun = || {
        vec![
            of(&visitor(1, false, "192.0.2.1")),
            of(&visitor(2, false, "198.51.100.7")),
            of(&visitor(3, true, "192.0.2.1")),
        ]
    };
    let by =
        |who: &Visitor| replaced(begun(), who, NOW).iter().map(|other| other.browser.bytes()[0]).collect::<Vec<_>>();
    assert_eq!(by(&visitor(9, false, "192.0.2.1")), [1]);
    assert_eq!(by(&visitor(9, false, "203.0.113.9")), [0; 0]);
    assert_eq!(by(&visitor(9, true, "192.0.2.1")), [0; 0]);
    let hidden = Visitor { address: None, ..visitor(9, false, "192.0.2.1") };
    assert!(replaced(vec![of(&hidden)], &hidden, NOW).is_empty(), "a network that is not known is nobody's");
}

#[test]
fn what_is_over_is_left_out_and_what_no_code_opens_is_not() {
    let own = visitor(1, true, "192.0.2.1");
    let left = |recovery: Recovery| candidates(vec![Pending::Recovery(recovery)], &own, NOW).entries.len();
    assert_eq!(left(begun_by(&own)), 1);
    assert_eq!(left(Recovery { expires_at: NOW, ..begun_by(&own) }), 0);
    // It is counted like any other, so that it does not show that the address has no account.
    assert_eq!(left(Recovery { account: None, ..begun_by(&own) }), 1);
    assert_eq!(left(Recovery { stage: RecoveryStage::Proved, ..begun_by(&own) }), 0);
}

#[test]
fn a_code_counts_for_each_it_may_be_for_and_as_often_for_the_address() {
    let counter = |n| Counter([n; 32]);
    let counters = CodeCounters {
        letters_from_there: [counter(1), counter(2)],
        letters: None,
        network: counter(3),
        tries: counter(4),
        operators_tries: counter(5),
        kind: CodeKind::Digits,
    };
    let begun = [1, 2].map(|n| begun_by(&visitor(n, false, "192.0.2.1")));
    let spent = begun_by(&visitor(3, false, "192.0.2.1"));
    let spent = Recovery { code: MailedCode { tries: code::TRIES, ..spent.code }, ..spent };
    let waiting = begun.into_iter().chain([spent]).map(Pending::Recovery).collect();
    let plan = count_try(waiting, "123456", RecoveryMode::Email, counters, NOW);
    assert_eq!(plan.then.len(), 2);
    let of_address =
        plan.changes.iter().filter(|change| matches!(change, Change::Counter(CounterChange::Count { .. }))).count();
    let advanced =
        plan.changes.iter().filter(|change| matches!(change, Change::Recovery(RecoveryChange::Advance(_)))).count();
    assert_eq!((of_address, advanced), (2, 2));
}
