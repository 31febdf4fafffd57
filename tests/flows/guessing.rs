//! Codes by mail that are guessed at: what stops it, and locks no one out.

use std::sync::Arc;

use bmauth::store::memory::MemoryStore;
use http::StatusCode;

use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::world::{CONFIG, World};

const MARIA: &str = "maria@example.com";
const TRIED: &str = "Many codes were tried for your Acme Notes account";

async fn maria(world: &World) -> (Browser, Passkey) {
    let (mut browser, mut key) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(world, MARIA, &mut key).await;
    world.mails(MARIA).await;
    (browser, key)
}

fn visitor(world: &World, n: u32) -> Browser {
    let mut browser = world.browser();
    browser.address = format!("198.51.{}.{}", n / 200, n % 200 + 1).parse().unwrap();
    browser
}

async fn ask(browser: &mut Browser, email: &str) -> Answer {
    browser.get("/_bmauth/recover").await;
    browser.submit("/_bmauth/recover", &[("email", email)]).await
}

async fn enter(browser: &mut Browser, code: &str) -> Answer {
    browser.get("/_bmauth/recover/code").await;
    browser.submit("/_bmauth/recover/code", &[("code", code)]).await
}

/// A code that has as many characters as this one, and is another.
fn another(code: &str) -> String {
    let last = if code.ends_with('7') { '8' } else { '7' };
    format!("{}{last}", &code[..code.len() - 1])
}

/// Guesses `times` at codes of an address, from a network for each code; hands over what it was told and the last
/// browser.
async fn guess(world: &World, email: &str, times: usize, from: u32) -> (Vec<(StatusCode, usize)>, Browser) {
    let (mut told, mut browser) = (Vec::new(), visitor(world, from));
    for n in 0..times {
        if n % 5 == 0 {
            browser = visitor(world, from + n as u32 / 5);
            assert_eq!(ask(&mut browser, email).await.status, StatusCode::SEE_OTHER);
        }
        let answer = enter(&mut browser, "000 000").await;
        let tries = answer.text.matches("tries left").count() + answer.text.matches("try left").count();
        told.push((answer.status, tries));
    }
    (told, browser)
}

#[tokio::test]
async fn an_owner_is_told_of_many_tries_in_their_own_language() {
    let world = World::new().await;
    let (mut browser, _) = maria(&world).await;
    browser.choose_german().await;
    world.wait(24 * 3600);
    guess(&world, MARIA, 20, 0).await;
    ask(&mut visitor(&world, 100), MARIA).await;
    let mails = world.mails(MARIA).await;
    let told = "Für Ihr Konto bei Acme Notes wurden viele Codes versucht";
    assert_eq!(mails.iter().filter(|mail| mail.subject == told).count(), 1, "{mails:?}");
    // A code goes to an address, with or without an account: in the language of the browser that asked.
    assert!(mails.iter().any(|mail| mail.subject.contains(" is your ")));
    assert!(!mails.iter().any(|mail| mail.subject.contains("ist Ihr Code")));
}

#[tokio::test]
async fn past_twenty_tries_a_day_letters_carry_long_codes_and_the_owner_is_told_once() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    world.wait(24 * 3600);
    // A code that was sent before opens nothing any more either, though it is right.
    let mut early = visitor(&world, 100);
    ask(&mut early, MARIA).await;
    let right = world.code_as_told(MARIA).await;
    assert_eq!(right.len(), 7);
    guess(&world, MARIA, 20, 0).await;
    let refused = enter(&mut early, &right).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("That code has been tried too many times. Send a new code"), "{}", refused.text);

    // The code that comes in its place does, and is asked for as what it is.
    world.wait(30);
    early.get("/_bmauth/recover/code").await;
    assert_eq!(early.submit("/_bmauth/recover/code/resend", &[]).await.status, StatusCode::SEE_OTHER);
    let mails = world.mails(MARIA).await;
    assert_eq!(mails.iter().filter(|mail| mail.subject == TRIED).count(), 1);
    let long =
        mails.iter().find_map(|mail| mail.subject.strip_suffix(" is your Acme Notes code").filter(|it| it.len() == 17));
    let long = long.expect("a long code").to_owned();
    let page = early.get("/_bmauth/recover/code").await.text;
    assert!(page.contains("a code of 15 letters and digits") && page.contains("Code from the mail"), "{page}");
    assert!(enter(&mut early, "123456").await.text.contains("tries left"));
    assert!(enter(&mut early, "12345").await.text.contains("Enter the 15 letters and digits from the mail."));

    // It has five tries like any other, and others' tries take nothing from it.
    guess(&world, MARIA, 60, 20).await;
    assert_eq!(enter(&mut early, &another(&long)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(enter(&mut early, &long).await.location(), "/_bmauth/recover/device");
    let told = world.mails(MARIA).await;
    assert_eq!(told.iter().filter(|mail| mail.subject == TRIED).count(), 0, "once a day");
    // The passkey has nothing to do with any of it.
    let mut elsewhere = world.browser();
    elsewhere.sign_in(None, &mut key).await;
    assert_eq!(elsewhere.who().await.as_deref(), Some(MARIA));

    // A day later, six digits are enough again.
    world.wait(24 * 3600);
    ask(&mut visitor(&world, 200), MARIA).await;
    assert_eq!(world.code_as_told(MARIA).await.len(), 7);
}

#[tokio::test]
async fn a_long_code_has_five_tries() {
    let world = World::new().await;
    maria(&world).await;
    guess(&world, MARIA, 20, 0).await;
    let mut browser = visitor(&world, 100);
    ask(&mut browser, MARIA).await;
    let long = world.code_as_told(MARIA).await;
    for _ in 0..5 {
        assert_eq!(enter(&mut browser, &another(&long)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let refused = enter(&mut browser, &long).await;
    assert!(refused.text.contains("That code has been tried too many times"), "{}", refused.text);
}

#[tokio::test]
async fn an_address_without_an_account_is_told_of_in_no_mail_and_looks_the_same() {
    let world = World::new().await;
    maria(&world).await;
    let (known, mut of_known) = guess(&world, MARIA, 25, 0).await;
    let (unknown, mut of_unknown) = guess(&world, "nobody@example.com", 25, 100).await;
    // One of Maria's tries was her own.
    assert_eq!(known[..19], unknown[..19]);
    assert_eq!(known[20..], unknown[20..]);
    let pages = [&mut of_known, &mut of_unknown].map(|browser| browser.get("/_bmauth/recover/code"));
    let [one, other] = pages;
    let (one, other) = (one.await.text, other.await.text);
    assert!(one.contains("15 letters and digits") && other.contains("15 letters and digits"));
    assert!(world.mails("nobody@example.com").await.is_empty());
}

#[tokio::test]
async fn a_browser_that_was_signed_in_to_the_account_keeps_tries_and_letters_of_its_own() {
    let world = World::new().await;
    let (mut own, _) = maria(&world).await;
    assert!(own.cookies.contains_key("__Host-bmauth-device"), "{:?}", own.cookies.keys());
    own.submit("/_bmauth/signout", &[]).await;
    // Others use up all that the address has: tries, and letters by the hour, of which one was her own.
    guess(&world, MARIA, 95, 0).await;
    let mut elsewhere = visitor(&world, 500);
    assert_eq!(ask(&mut elsewhere, MARIA).await.status, StatusCode::TOO_MANY_REQUESTS);
    world.mails(MARIA).await;
    // The same network, without what the browser is known by.
    let mut beside = world.browser();
    assert_eq!(beside.address, own.address);
    assert_eq!(ask(&mut beside, MARIA).await.status, StatusCode::TOO_MANY_REQUESTS);

    assert_eq!(ask(&mut own, MARIA).await.status, StatusCode::SEE_OTHER);
    let code = world.code_as_told(MARIA).await;
    assert_eq!(code.len(), 7, "{code}");
    assert_eq!(enter(&mut own, &code).await.location(), "/_bmauth/recover/device");

    // It is known to that account alone, and has its limits too.
    let mut browser = world.browser();
    browser.cookies.insert("__Host-bmauth-device".to_owned(), own.cookies["__Host-bmauth-device"].clone());
    for n in 0..6 {
        let asked = ask(&mut browser, MARIA).await.status;
        assert_eq!(asked, if n < 5 { StatusCode::SEE_OTHER } else { StatusCode::TOO_MANY_REQUESTS }, "{n}");
        browser.cookies.remove("__Host-bmauth-flow");
        world.wait(30);
    }
    let device = own.cookies["__Host-bmauth-device"].clone();
    let mut forged = visitor(&world, 501);
    let first = if device.starts_with('A') { "B" } else { "A" };
    forged.cookies.insert("__Host-bmauth-device".to_owned(), format!("{first}{}", &device[1..]));
    assert_eq!(ask(&mut forged, MARIA).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn letters_are_counted_by_network_and_by_day() {
    let world = World::new().await;
    maria(&world).await;
    world.wait(24 * 3600);
    let mut sent = 0;
    for _ in 0..12 {
        for _ in 0..8 {
            sent += usize::from(ask(&mut visitor(&world, 0), MARIA).await.status == StatusCode::SEE_OTHER);
        }
        world.wait(3600);
    }
    assert_eq!(sent, 20, "six an hour, and twenty a day");
    // Another network is not kept out by that.
    for n in 0..2 {
        assert_eq!(ask(&mut visitor(&world, 1 + n), MARIA).await.status, StatusCode::SEE_OTHER);
    }
    let mut sent = 22;
    for n in 0..80 {
        sent += usize::from(ask(&mut visitor(&world, 10 + n), MARIA).await.status == StatusCode::SEE_OTHER);
        world.wait(300);
    }
    assert_eq!(sent, 60, "of all networks");
    world.wait(24 * 3600);
    assert_eq!(ask(&mut visitor(&world, 0), MARIA).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn browsers_that_the_account_knows_have_twenty_tries_between_them() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    // An attacker who had the passkey for a while signed in with as many browsers as they liked.
    let mut devices = Vec::new();
    for _ in 0..4 {
        let mut browser = world.browser();
        browser.sign_in(None, &mut key).await;
        devices.push(browser.cookies["__Host-bmauth-device"].clone());
    }
    let mut digits = 0;
    for (n, device) in devices.iter().enumerate() {
        for m in 0..4_u32 {
            let mut browser = visitor(&world, 10 * n as u32 + m);
            browser.cookies.insert("__Host-bmauth-device".to_owned(), device.clone());
            assert_eq!(ask(&mut browser, MARIA).await.status, StatusCode::SEE_OTHER);
            if world.code_as_told(MARIA).await.len() == 7 {
                digits += 5;
            }
            for _ in 0..5 {
                enter(&mut browser, "000 000").await;
            }
        }
    }
    assert_eq!(digits, 20);
}

#[tokio::test]
async fn nineteen_tries_of_others_keep_no_client_of_the_api_out_that_waits_for_two_codes() {
    let world = World::new().await;
    maria(&world).await;
    world.wait(24 * 3600);
    guess(&world, MARIA, 19, 0).await;
    world.mails(MARIA).await;
    // A sign-up of hers, and a code that is asked for: a code that she types is tried for both.
    let (mut client, mut another) = (crate::api::Client::page(&world), Passkey::new(b"another"));
    client.ask_to_sign_up(MARIA, &mut another).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        world.wait(30);
        client.ask_for_code(MARIA).await;
        let code = world.code_as_told(MARIA).await;
        told.push((code.len(), client.enter(MARIA, &code).await.status));
        if told.last().is_some_and(|(_, status)| *status == StatusCode::OK) {
            return;
        }
    }
    panic!("{told:?}");
}

#[tokio::test]
async fn no_owner_is_kept_from_typing_the_operators_code_by_what_others_asked_for() {
    let text = format!("{CONFIG}\n[accounts]\nrecovery = \"admin\"");
    let world = World::with(&text, Arc::new(MemoryStore::default())).await;
    maria(&world).await;
    for n in 0..100 {
        assert_eq!(ask(&mut visitor(&world, n), MARIA).await.status, StatusCode::SEE_OTHER, "{n}");
    }
    assert!(world.mails(MARIA).await.is_empty());
}
