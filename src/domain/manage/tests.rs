use uuid::Uuid;

use super::*;
use crate::domain::session::{Authentication, Method};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

fn session(number: u8, account: u128) -> Session {
    Session {
        token: SecretDigest::from_bytes([number; 32]),
        id: SessionId(Uuid::from_u128(u128::from(number))),
        account: AccountId(Uuid::from_u128(account)),
        credential: CredentialId::new(b"key"),
        authentication: Authentication { at: at(1000), methods: vec![Method::SoftwareKey, Method::UserVerified] },
        created_at: at(1000),
        last_seen_at: at(1000),
        browser: "Firefox on Linux".to_owned(),
        address: None,
        recovered_at: None,
        host: None,
        bound_for: Destination::root(),
        head: None,
    }
}

#[test]
fn only_a_session_of_the_account_is_ended() {
    let mine = session(1, 1);
    let theirs = [session(1, 1), session(2, 1), session(3, 2)];
    let end = |number: u128| end_session(SessionId(Uuid::from_u128(number)), &mine, &theirs);
    for (number, this_session) in [(1, true), (2, false)] {
        let plan = end(number).unwrap();
        assert_eq!(plan.then, EndedSession { this_session });
        let [Change::Session(SessionChange::Require(asking)), Change::Session(SessionChange::End(ended))] =
            plan.changes.as_slice()
        else {
            panic!("{:?}", plan.changes)
        };
        assert_eq!((*asking, u128::from(ended.bytes()[0])), (mine.token, number));
    }
    for number in [3, 4] {
        assert_eq!(end(number).map(|plan| plan.then), Err(ManageRefusal::Unknown), "{number}");
    }
}

#[test]
fn names_are_one_short_line_that_can_be_seen() {
    for (typed, kept) in [
        ("My phone", Some("My phone")),
        ("  My \t phone\r\n", Some("My phone")),
        ("", None),
        (" \u{200b}\u{feff} ", None),
        ("pho\u{202e}en\u{0}\u{7}", Some("phoen")),
        ("<script>alert(1)</script>", Some("<script>alert(1)</script>")),
        ("Téléphone 📱", Some("Téléphone 📱")),
    ] {
        assert_eq!(name(typed).as_deref(), kept, "{typed:?}");
    }
    assert_eq!(name(&"é".repeat(1000)), Some("é".repeat(LONGEST_NAME)));
    assert_eq!(name(&format!("{} b", "a".repeat(LONGEST_NAME - 1))), Some("a".repeat(LONGEST_NAME - 1)));
}

#[test]
fn what_a_lost_race_means() {
    for (conflict, refusal) in [
        (Conflict::CeremonySpent, ManageRefusal::Stale),
        (Conflict::Session(SessionConflict::Ended), ManageRefusal::SignedOut),
        (Conflict::Account(AccountConflict::Disabled), ManageRefusal::SignedOut),
        (Conflict::Account(AccountConflict::Gone), ManageRefusal::SignedOut),
        (Conflict::Passkey(PasskeyConflict::Changed), ManageRefusal::Unknown),
        (Conflict::HoldChanged, ManageRefusal::Unknown),
        (Conflict::Passkey(PasskeyConflict::Last), ManageRefusal::LastPasskey),
        (Conflict::Passkey(PasskeyConflict::Taken), ManageRefusal::BadPasskey),
    ] {
        assert_eq!(ManageRefusal::from(conflict), refusal, "{conflict:?}");
    }
}
