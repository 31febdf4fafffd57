//! A code that several browsers enter: a scanner's own, a wrong one, the right one, or those of people who looked on.

use super::*;

#[tokio::test]
async fn a_code_that_another_browser_opened_first_still_lets_the_right_one_approve() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    // The scanner of some app, which has no passkeys and no session.
    let mut scanner = world.browser();
    let seen = scanner.find(&shown.scan).await.json();
    assert_eq!((seen["role"].as_str(), seen["stage"].as_str()), (Some("approving"), Some("found")));
    assert!(seen.get("number").is_none() && seen.get("account").is_none(), "{seen}");
    assert_eq!(seen["devices"].as_array().unwrap().len(), 1, "it sees who asks");
    assert_eq!(phone.find(&shown.scan).await.json()["account"], MARIA);
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.json()["stage"], "approved");
    // What the first one is told is true, and it gets nothing.
    let told = scanner.link_state(&shown.link).await.json();
    assert_eq!((told["stage"].as_str(), told["seconds"].as_u64()), (Some("elsewhere"), Some(0)));
    assert_eq!(scanner.number(&shown.link, shown.number).await.refusal(), "link-elsewhere");
    assert_eq!(scanner.find(&shown.scan).await.json()["stage"], "elsewhere");
    assert_eq!(scanner.set_up_options(&shown.link).await.refusal(), "no-link", "only who waits finishes");
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
    assert_eq!(computer.who().await.as_deref(), Some(MARIA));
    assert_eq!(scanner.link_state(&shown.link).await.refusal(), "no-link");
}

#[tokio::test]
async fn an_offer_that_two_browsers_opened_is_for_the_one_whose_number_was_typed() {
    for first in [true, false] {
        let (world, mut computer, mut passkey) = maria().await;
        let shown = computer.offer().await;
        let (mut one, mut two) = (world.browser(), world.browser());
        (one.address, two.address) = ("192.0.2.10".parse().unwrap(), "198.51.100.7".parse().unwrap());
        let a = one.find(&shown.scan).await.json()["number"].as_u64().unwrap();
        let b = two.find(&shown.scan).await.json()["number"].as_u64().unwrap();
        assert_ne!(a, b);
        let state = computer.link_state(&shown.link).await.json();
        let devices = state["devices"].as_array().unwrap();
        assert_eq!(devices.len(), 2, "the approver is told that two came");
        assert!(!state.to_string().contains("\"number\""), "{state}");

        let (typed, mut chosen, mut other) = if first { (a, one, two) } else { (b, two, one) };
        let challenge = computer.number(&shown.link, typed).await.json();
        assert_eq!(challenge["device"], devices[usize::from(!first)], "and whom the number is of");
        let credential = passkey.get(&challenge["options"]);
        let told = computer.prove(&challenge, &credential).await.json();
        assert_eq!((told["stage"].as_str(), told["devices"].as_array().unwrap().len()), (Some("approved"), 1));

        assert_eq!(other.stage(&shown.link).await, "elsewhere");
        assert!(other.link_state(&shown.link).await.json().get("number").is_none());
        assert_eq!(other.set_up_options(&shown.link).await.refusal(), "link-elsewhere");
        let making = chosen.set_up_options(&shown.link).await.json();
        assert_eq!(other.set_up_with(&making, &mut Passkey::new(b"x")).await.refusal(), "expired-ceremony");
        assert_eq!(chosen.set_up_with(&making, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
        assert_eq!((chosen.who().await.as_deref(), other.who().await), (Some(MARIA), None));
    }
}

#[tokio::test]
async fn a_proof_is_for_the_browser_whose_number_was_typed_before_it() {
    let (world, mut computer, mut passkey) = maria().await;
    let shown = computer.offer().await;
    let (mut mine, mut eves) = (world.browser(), world.browser());
    let my_number = mine.find(&shown.scan).await.json()["number"].as_u64().unwrap();
    let her_number = eves.find(&shown.scan).await.json()["number"].as_u64().unwrap();
    // Two tabs of the computer: whatever else is typed, the touch approves what it was asked for.
    let for_mine = computer.number(&shown.link, my_number).await.json();
    let for_hers = computer.number(&shown.link, her_number).await.json();
    let credential = passkey.get(&for_mine["options"]);
    assert_eq!(computer.prove(&for_hers, &credential).await.refusal(), "not-accepted");
    assert_eq!(computer.prove(&for_mine, &credential).await.json()["stage"], "approved");
    assert_eq!((mine.stage(&shown.link).await, eves.stage(&shown.link).await), ("approved".into(), "elsewhere".into()));
    assert_eq!(eves.set_up_options(&shown.link).await.refusal(), "link-elsewhere");
}

#[tokio::test]
async fn each_visitor_of_an_offer_goes_on_to_where_they_wanted() {
    let (world, mut computer, mut passkey) = maria().await;
    let shown = computer.offer().await;
    let (mut one, mut two) = (world.browser(), world.browser());
    one.find(&shown.scan).await;
    two.get("/_bmauth/link").await;
    let found = two.post("/_bmauth/link/find", &json!({ "code": shown.scan, "return_to": "/mine" })).await.json();
    computer.approve(&shown.link, found["number"].as_u64().unwrap(), &mut passkey).await;
    let done = two.set_up(&shown.link, &mut Passkey::new(b"new")).await;
    assert_eq!(done.json(), json!({ "location": "https://notes.example.com/mine" }));
}

#[tokio::test]
async fn a_fifth_browser_is_told_that_there_are_too_many() {
    for offers in [false, true] {
        let (world, mut signed_in, _) = maria().await;
        let mut new = world.browser();
        let shown = if offers { signed_in.offer().await } else { new.ask().await };
        let mut fourth = world.browser();
        for browser in [&mut world.browser(), &mut world.browser(), &mut world.browser(), &mut fourth] {
            assert_eq!(browser.find(&shown.scan).await.status, StatusCode::OK);
        }
        let mut fifth = world.browser();
        let told = fifth.find(&shown.scan).await;
        assert_eq!((told.status, told.refusal()), (StatusCode::CONFLICT, "link-crowded".to_owned()));
        assert_eq!(fifth.link_state(&shown.link).await.refusal(), "no-link");
        assert_eq!(fourth.find(&shown.scan).await.status, StatusCode::OK, "it is in already");
    }
}

#[tokio::test]
async fn an_onlooker_gets_no_more_tries_by_more_browsers() {
    for offers in [false, true] {
        let (world, mut signed_in, mut passkey) = maria().await;
        let mut new = world.browser();
        let shown = if offers { signed_in.offer().await } else { new.ask().await };
        let mut others: Vec<_> = (0..3).map(|_| world.browser()).collect();
        for other in &mut others {
            other.find(&shown.scan).await;
        }
        let right = if offers {
            new.find(&shown.scan).await.json()["number"].as_u64().unwrap()
        } else {
            signed_in.find(&shown.scan).await;
            shown.number
        };
        if offers {
            // Those that wait type nothing at all.
            for other in &mut others {
                assert_eq!(other.number(&shown.link, right).await.refusal(), "no-link");
            }
            for _ in 0..3 {
                signed_in.number(&shown.link, 9).await;
            }
        } else {
            for (other, refusal) in others.iter_mut().zip(["wrong-number", "wrong-number", "numbers-spent"]) {
                assert_eq!(other.number(&shown.link, 9).await.refusal(), refusal);
            }
        }
        for browser in others.iter_mut().chain([&mut signed_in, &mut new]) {
            assert_eq!(browser.stage(&shown.link).await, "numbers-spent");
        }
        assert_eq!(signed_in.approve(&shown.link, right, &mut passkey).await.refusal(), "numbers-spent");
        assert_eq!(new.set_up_options(&shown.link).await.refusal(), "numbers-spent");
    }
}

#[tokio::test]
async fn any_browser_that_has_the_code_may_say_no_until_it_is_finished() {
    for offers in [false, true] {
        for when in ["found", "approved"] {
            let (world, mut signed_in, mut passkey) = maria().await;
            let (mut new, mut other) = (world.browser(), world.browser());
            let shown = if offers { signed_in.offer().await } else { new.ask().await };
            other.find(&shown.scan).await;
            let number = if offers {
                new.find(&shown.scan).await.json()["number"].as_u64().unwrap()
            } else {
                signed_in.find(&shown.scan).await;
                shown.number
            };
            if when == "approved" {
                signed_in.approve(&shown.link, number, &mut passkey).await;
            }
            assert_eq!(other.deny(&shown.link).await.json()["stage"], "denied", "{offers} {when}");
            assert_eq!(new.set_up_options(&shown.link).await.refusal(), "link-denied");
            assert!(!activity(&world).await.contains(&What::LinkDenied), "no one of the account said it");
        }
    }
}

#[tokio::test]
async fn another_browsers_number_and_proof_are_worth_nothing_in_this_one() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    let mut other = world.browser();
    other.find(&shown.scan).await;
    phone.find(&shown.scan).await;
    let challenge = phone.number(&shown.link, shown.number).await.json();
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(other.prove(&challenge, &credential).await.refusal(), "expired-ceremony");
    assert_eq!(phone.prove(&challenge, &credential).await.json()["stage"], "approved");
    assert_eq!(phone.prove(&challenge, &credential).await.refusal(), "expired-ceremony", "a replay");
}
