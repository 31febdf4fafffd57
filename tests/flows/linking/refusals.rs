//! Who gets nothing, and when it is too late.

use bmauth::domain::email::Email;
use bmauth::domain::plan::{AccountChange, Change, Durability, PasskeyChange, SessionChange};

use super::*;

/// Everything that a browser may ask of a link, each with what it is told.
async fn asks_everything(browser: &mut Browser, shown: &Shown) -> Vec<(&'static str, String)> {
    browser.get("/_bmauth/link").await;
    let link = &shown.link;
    vec![
        ("state", browser.link_state(link).await.refusal()),
        ("events", browser.get(&format!("/_bmauth/link/events?link={}", link.as_str().unwrap())).await.refusal()),
        ("number", browser.number(link, shown.number).await.refusal()),
        ("deny", browser.deny(link).await.refusal()),
        ("set up", browser.set_up_options(link).await.refusal()),
    ]
}

#[tokio::test]
async fn a_third_browser_that_knows_the_links_name_gets_nothing_nor_with_its_code_once_it_is_approved() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    let mut third = world.browser();
    for round in ["found", "approved"] {
        assert_eq!(computer.stage(&shown.link).await, round);
        for code in [&shown.scan, &shown.short].into_iter().filter(|_| round == "approved") {
            assert_eq!(third.find(code).await.refusal(), "no-link");
        }
        for (name, refusal) in asks_everything(&mut third, &shown).await {
            assert_eq!(refusal, "no-link", "{round} {name}");
        }
        if round == "found" {
            phone.approve(&shown.link, shown.number, &mut passkey).await;
        }
    }
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
    for (name, refusal) in asks_everything(&mut third, &shown).await {
        assert_eq!(refusal, "no-link", "finished {name}");
    }
}

#[tokio::test]
async fn a_third_browser_cannot_be_told_before_the_code_is_used_either() {
    let (world, mut signed_in, _) = maria().await;
    let asked = world.browser().ask().await;
    let offered = signed_in.offer().await;
    for shown in [&asked, &offered] {
        for (name, refusal) in asks_everything(&mut world.browser(), shown).await {
            assert_eq!(refusal, "no-link", "{name}");
        }
    }
}

#[tokio::test]
async fn neither_browser_can_do_what_is_the_others() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    assert_eq!(computer.number(&shown.link, shown.number).await.refusal(), "no-link", "no browser approves itself");
    assert_eq!(computer.set_up_options(&shown.link).await.refusal(), "not-approved");
    let challenge = phone.number(&shown.link, shown.number).await.json();
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(computer.prove(&challenge, &credential).await.refusal(), "expired-ceremony");
    assert_eq!(phone.prove(&challenge, &credential).await.status, StatusCode::OK);
    assert_eq!(phone.set_up_options(&shown.link).await.refusal(), "no-link", "only who waits finishes");
    let challenge = computer.set_up_options(&shown.link).await.json();
    assert_eq!(phone.set_up_with(&challenge, &mut Passkey::new(b"x")).await.refusal(), "expired-ceremony");
    assert_eq!(computer.set_up_with(&challenge, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_browser_cannot_use_the_code_it_shows() {
    let (world, mut signed_in, _) = maria().await;
    let mut computer = world.browser();
    let (asked, offered) = (computer.ask().await, signed_in.offer().await);
    for code in [&asked.scan, &asked.short] {
        assert_eq!(computer.find(code).await.refusal(), "no-link");
    }
    assert_eq!(signed_in.find(&offered.scan).await.refusal(), "no-link");
    assert_eq!(computer.stage(&asked.link).await, "shown", "and it is not used up");
    assert_eq!(signed_in.find(&asked.scan).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_code_is_told_as_one_that_is_not_known() {
    let (world, _, _) = maria().await;
    let mut browser = world.browser();
    let almost = format!("{}A", &world.browser().ask().await.scan[..21]);
    for code in ["", "x", "K7QF-3MXP", "U7QF-3MXP", "AAAAAAAAAAAAAAAAAAAAAA", &almost] {
        assert_eq!(browser.find(code).await.refusal(), "no-link", "{code}");
    }
}

#[tokio::test]
async fn three_wrong_numbers_close_the_link_for_both() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    for (wrong, refusal, message) in
        [(0, "wrong-number", "2"), (shown.number + 256, "wrong-number", "1"), (100, "numbers-spent", "")]
    {
        let answer = phone.number(&shown.link, wrong).await;
        let message_told = answer.json()["message"].as_str().unwrap().to_owned();
        assert_eq!(answer.refusal(), refusal);
        assert!(message_told.contains(message), "{message_told}");
    }
    for browser in [&mut phone, &mut computer] {
        assert_eq!(browser.stage(&shown.link).await, "numbers-spent");
    }
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.refusal(), "numbers-spent");
    assert_eq!(computer.set_up_options(&shown.link).await.refusal(), "numbers-spent");
    assert_eq!(phone.deny(&shown.link).await.json()["stage"], "numbers-spent", "and stays so");
}

#[tokio::test]
async fn a_right_number_does_not_forgive_the_wrong_ones() {
    let (world, mut phone, _) = maria().await;
    let shown = world.browser().ask().await;
    phone.find(&shown.scan).await;
    for (number, is) in [(0, false), (shown.number, true), (0, false), (shown.number, true)] {
        assert_eq!(phone.number(&shown.link, number).await.status.is_success(), is);
    }
    assert_eq!(phone.number(&shown.link, 0).await.refusal(), "numbers-spent");
}

#[tokio::test]
async fn a_challenge_from_before_the_link_closed_approves_nothing() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    let challenge = phone.number(&shown.link, shown.number).await.json();
    for _ in 0..3 {
        phone.number(&shown.link, 0).await;
    }
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(phone.prove(&challenge, &credential).await.refusal(), "numbers-spent");
    assert_eq!(computer.stage(&shown.link).await, "numbers-spent");
}

#[tokio::test]
async fn either_side_may_say_no_at_any_time() {
    for who in ["phone", "computer"] {
        for when in ["shown", "found", "asked", "approved", "making"] {
            if who == "phone" && when == "shown" {
                continue;
            }
            let (world, mut phone, mut passkey) = maria().await;
            let mut computer = world.browser();
            let shown = computer.ask().await;
            let (mut proof, mut making) = (None, None);
            if when != "shown" {
                phone.find(&shown.scan).await;
            }
            if when == "asked" {
                proof = Some(phone.number(&shown.link, shown.number).await.json());
            }
            if when == "approved" || when == "making" {
                phone.approve(&shown.link, shown.number, &mut passkey).await;
            }
            if when == "making" {
                making = Some(computer.set_up_options(&shown.link).await.json());
            }
            let denied = if who == "phone" { &mut phone } else { &mut computer }.deny(&shown.link).await;
            assert_eq!(denied.json()["stage"], "denied", "{who} {when}");
            assert_eq!(computer.stage(&shown.link).await, "denied", "{who} {when}");
            assert_eq!(computer.deny(&shown.link).await.json()["stage"], "denied", "again changes nothing");
            let late = match (proof, making) {
                (Some(challenge), _) => {
                    let credential = passkey.get(&challenge["options"]);
                    phone.prove(&challenge, &credential).await.refusal()
                }
                (_, Some(challenge)) => computer.set_up_with(&challenge, &mut Passkey::new(b"new")).await.refusal(),
                _ => computer.set_up_options(&shown.link).await.refusal(),
            };
            assert_eq!(late, "link-denied", "{who} {when}");
            assert_eq!(world.browser().find(&shown.scan).await.refusal(), "no-link");
            assert_eq!(activity(&world).await.contains(&What::LinkDenied), who == "phone", "{who} {when}");
            assert_eq!(computer.who().await, None);
        }
    }
}

#[tokio::test]
async fn each_stage_has_its_end() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    // A code.
    let shown = computer.ask().await;
    world.wait(300);
    assert_eq!(computer.link_state(&shown.link).await.json()["stage"], "too-old");
    assert_eq!(computer.link_state(&shown.link).await.json()["seconds"], 0);
    assert_eq!(phone.find(&shown.scan).await.refusal(), "no-link");
    // A number.
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    world.wait(300);
    assert_eq!(phone.number(&shown.link, shown.number).await.refusal(), "link-too-old");
    assert_eq!(phone.deny(&shown.link).await.json()["stage"], "too-old");
    // A proof: it gets no more time than the link had left.
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    world.wait(200);
    let challenge = phone.number(&shown.link, shown.number).await.json();
    world.wait(100);
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(phone.prove(&challenge, &credential).await.refusal(), "expired-ceremony");
    // The passkey: five minutes from the approval, and in the last second there is still time.
    for (wait, refusal) in [(299, None), (300, Some("link-too-old"))] {
        let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
        world.wait(wait);
        let answer = computer.set_up(&shown.link, &mut Passkey::new(b"new")).await;
        match refusal {
            None => assert_eq!(answer.status, StatusCode::OK, "{}", answer.text),
            Some(refusal) => assert_eq!(answer.refusal(), refusal),
        }
    }
    let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    world.wait(200);
    let challenge = computer.set_up_options(&shown.link).await.json();
    world.wait(100);
    assert_eq!(computer.set_up_with(&challenge, &mut Passkey::new(b"late")).await.refusal(), "expired-ceremony");
    assert_eq!(computer.who().await, None);
}

/// How the approver may be gone before the end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gone {
    SignedOut,
    SignedOutElsewhere,
    PasskeyRemoved,
    Disabled,
    AccountRemoved,
}

#[tokio::test]
async fn a_browser_that_is_gone_has_approved_nothing() {
    for gone in [Gone::SignedOut, Gone::SignedOutElsewhere, Gone::PasskeyRemoved, Gone::Disabled, Gone::AccountRemoved]
    {
        for while_making in [false, true] {
            let (world, mut phone, mut passkey) = maria().await;
            let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
            let challenge = computer.set_up_options(&shown.link).await;
            let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap().id;
            let credential = world.store.passkeys(account).await.unwrap().remove(0).key.id;
            let change = match gone {
                Gone::SignedOut => Change::Session(SessionChange::End(phone.session())),
                Gone::SignedOutElsewhere => Change::Session(SessionChange::EndAll { account, except: None }),
                Gone::PasskeyRemoved => Change::Passkey(PasskeyChange::Remove { credential, account, last: true }),
                Gone::Disabled => Change::Account(AccountChange::SetDisabled { account, disabled: true }),
                Gone::AccountRemoved => Change::Account(AccountChange::Remove(account)),
            };
            world.store.commit(vec![change], Durability::Durable).await.unwrap();
            let mut new = Passkey::new(b"new");
            let answer = if while_making {
                computer.set_up_with(&challenge.json(), &mut new).await
            } else {
                computer.set_up(&shown.link, &mut new).await
            };
            let told = answer.refusal();
            if gone == Gone::AccountRemoved {
                assert_eq!(told, "no-link", "the link went with it");
            } else {
                assert_eq!(told, "link-denied", "{gone:?} {while_making}");
                assert_eq!(computer.stage(&shown.link).await, "denied", "{gone:?}");
            }
            assert_eq!(computer.who().await, None);
            assert!(world.mails(MARIA).await.is_empty());
        }
    }
}

#[tokio::test]
async fn an_offer_ends_with_the_session_it_was_made_in() {
    for when in ["shown", "found", "asked"] {
        let (world, mut computer, mut passkey) = maria().await;
        let shown = computer.offer().await;
        let mut phone = world.browser();
        let mut challenge = None;
        if when != "shown" {
            let number = phone.find(&shown.scan).await.json()["number"].as_u64().unwrap();
            if when == "asked" {
                challenge = Some(computer.number(&shown.link, number).await.json());
            }
        }
        world.auth.sessions.sign_out(computer.session()).await.unwrap();
        assert_eq!(computer.stage(&shown.link).await, "denied", "{when}");
        if when == "shown" {
            assert_eq!(phone.find(&shown.scan).await.refusal(), "no-link");
        } else {
            assert_eq!(phone.stage(&shown.link).await, "denied", "{when}");
            assert_eq!(computer.number(&shown.link, 10).await.refusal(), "link-denied");
        }
        if let Some(challenge) = challenge {
            let credential = passkey.get(&challenge["options"]);
            assert_eq!(computer.prove(&challenge, &credential).await.refusal(), "link-denied");
        }
    }
}

#[tokio::test]
async fn another_session_does_not_approve_what_the_first_one_offered() {
    let (world, mut computer, mut passkey) = maria().await;
    let shown = computer.offer().await;
    let mut phone = world.browser();
    let number = phone.find(&shown.scan).await.json()["number"].as_u64().unwrap();
    // The flow cookie is kept, the session is another one of the same account.
    let mut other = world.browser();
    other.sign_in(None, &mut passkey).await;
    let mut mixed = computer.tab(&world);
    mixed.cookies.insert("__Host-bmauth".to_owned(), other.cookies["__Host-bmauth"].clone());
    mixed.get("/_bmauth/link").await;
    assert_eq!(mixed.number(&shown.link, number).await.refusal(), "not-signed-in");
    let challenge = computer.number(&shown.link, number).await.json();
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(mixed.prove(&challenge, &credential).await.refusal(), "not-signed-in");
    assert_eq!(computer.approve(&shown.link, number, &mut passkey).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_who_is_signed_in_offers() {
    let (world, _, _) = maria().await;
    let mut visitor = world.browser();
    visitor.get("/_bmauth/link").await;
    assert_eq!(visitor.post("/_bmauth/link/offer", &json!({})).await.refusal(), "not-signed-in");
}

#[tokio::test]
async fn a_person_who_signed_out_before_approving_is_asked_again() {
    let (world, mut phone, mut passkey) = maria().await;
    let shown = world.browser().ask().await;
    phone.find(&shown.scan).await;
    let challenge = phone.number(&shown.link, shown.number).await.json();
    world.auth.sessions.sign_out(phone.session()).await.unwrap();
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(phone.prove(&challenge, &credential).await.refusal(), "not-signed-in");
}

#[tokio::test]
async fn nothing_is_changed_for_another_site() {
    let (world, mut phone, _) = maria().await;
    let shown = world.browser().ask().await;
    phone.find(&shown.scan).await;
    phone.csrf = String::new();
    assert_eq!(phone.deny(&shown.link).await.refusal(), "refused-form");
    assert_eq!(phone.number(&shown.link, shown.number).await.refusal(), "refused-form");
    assert_eq!(phone.stage(&shown.link).await, "found");
}
