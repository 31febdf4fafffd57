//! What a device reports of a passkey may change in some ways and not in others.

use bmauth::domain::activity::What;
use bmauth::domain::passkey::{CredentialId, Passkey as Kept};
use http::StatusCode;
use serde_json::json;

use crate::api::{self, Client, events};
use crate::authenticator::{BE, BS, Passkey, UP, UV, encode};
use crate::browser::Answer;
use crate::recovering;
use crate::world::World;

const MARIA: &str = "maria@example.com";
/// On one device for good.
const BOUND: u8 = UP | UV;
/// Copied to other devices.
const SYNCED: u8 = UP | UV | BE | BS;

/// Maria's passkey, which she has registered with.
async fn maria(world: &World, flags: u8, counter: u32) -> Passkey {
    let mut passkey = Passkey::new(b"key of maria");
    (passkey.flags, passkey.counter) = (flags, counter);
    world.browser().register(world, MARIA, &mut passkey).await;
    passkey
}

async fn kept(world: &World, passkey: &Passkey) -> Kept {
    world.store.passkey(&CredentialId::new(&passkey.id).unwrap()).await.unwrap().unwrap()
}

async fn sign_in(world: &World, email: Option<&str>, passkey: &mut Passkey, report: (u8, u32)) -> Answer {
    (passkey.flags, passkey.counter) = report;
    world.wait(1);
    world.browser().sign_in(email, passkey).await
}

async fn count(world: &World, wanted: What) -> usize {
    events(world, MARIA).await.into_iter().filter(|what| *what == wanted).count()
}

#[tokio::test]
async fn a_key_that_becomes_one_that_syncs_is_taken_and_noted() {
    for email in [Some(MARIA), None] {
        let world = World::new().await;
        let mut passkey = maria(&world, BOUND, 0).await;
        for _ in 0..2 {
            assert_eq!(sign_in(&world, email, &mut passkey, (SYNCED, 0)).await.status, StatusCode::OK);
            assert_eq!(count(&world, What::PasskeyCanSync).await, 1, "once");
        }
        let now = kept(&world, &passkey).await.key;
        assert!(now.backup_eligible && now.backed_up);
        assert!(world.mails(MARIA).await.is_empty());
        // And now it stays one.
        let answer = sign_in(&world, email, &mut passkey, (BOUND, 0)).await;
        assert_eq!(answer.refusal(), "not-accepted");
        assert!(kept(&world, &passkey).await.key.backup_eligible);
        assert_eq!(sign_in(&world, email, &mut passkey, (UP | UV | BE, 0)).await.status, StatusCode::OK);
        assert!(!kept(&world, &passkey).await.key.backed_up);
    }
}

#[tokio::test]
async fn over_the_api_it_is_the_same() {
    let world = World::new().await;
    let mut passkey = maria(&world, BOUND, 5).await;
    passkey.flags = SYNCED;
    passkey.counter = 6;
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    passkey.counter = 0;
    assert_eq!(Client::app(&world).sign_in(None, &mut passkey).await.status, StatusCode::OK);
    assert_eq!((count(&world, What::PasskeyCanSync).await, count(&world, What::PasskeyMoved).await), (1, 1));
    passkey.flags = BOUND;
    api::refused(&Client::app(&world).sign_in(Some(MARIA), &mut passkey).await, 401, "invalid-email-password");
}

#[tokio::test]
async fn a_refused_report_says_more_than_a_wrong_answer() {
    let world = World::new().await;
    let mut passkey = maria(&world, SYNCED, 5).await;
    for report in [(BOUND, 6), (SYNCED, 5), (SYNCED, 4), (BOUND, 0)] {
        let answer = sign_in(&world, Some(MARIA), &mut passkey, report).await;
        assert_eq!(answer.refusal(), "not-accepted", "{report:?}");
        assert!(answer.json()["message"].as_str().unwrap().contains("Use another device"), "{}", answer.text);
    }
    let script = world.browser().get("/_bmauth/sign-in").await.text;
    assert!(script.contains(r#"<template id="elsewhere">"#), "what the script shows then");
}

#[tokio::test]
async fn a_key_that_was_moved_to_another_manager_is_taken_noted_and_told() {
    for counter in [0, 1] {
        let world = World::new().await;
        let mut passkey = maria(&world, SYNCED, 5).await;
        // An unknown client's answer with that counter causes no mail.
        let mut forged = Passkey::new(&passkey.id);
        forged.user_handle.clone_from(&passkey.user_handle);
        let answer = sign_in(&world, Some(MARIA), &mut forged, (SYNCED, counter)).await;
        assert_eq!((answer.refusal(), count(&world, What::PasskeyMoved).await), ("not-accepted".to_owned(), 0));
        assert!(world.mails(MARIA).await.is_empty());

        assert_eq!(sign_in(&world, None, &mut passkey, (SYNCED, counter)).await.status, StatusCode::OK);
        assert_eq!(count(&world, What::PasskeyMoved).await, 1);
        let mails = world.mails(MARIA).await;
        let [mail] = &mails[..] else { panic!("{mails:?}") };
        assert!(mail.subject.contains("moved") && mail.text.contains("/_bmauth/devices"), "{mail:?}");
        assert_eq!(kept(&world, &passkey).await.key.counter, counter);
        // From there it goes on.
        let next = if counter == 0 { 0 } else { 2 };
        assert_eq!(sign_in(&world, None, &mut passkey, (SYNCED, next)).await.status, StatusCode::OK);
        assert!(world.mails(MARIA).await.is_empty());
    }
}

#[tokio::test]
async fn an_owner_is_told_of_a_moved_key_in_their_own_language() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"key of maria");
    (passkey.flags, passkey.counter) = (SYNCED, 5);
    let mut browser = world.browser();
    browser.register(&world, MARIA, &mut passkey).await;
    browser.choose_german().await;
    assert_eq!(sign_in(&world, None, &mut passkey, (SYNCED, 0)).await.status, StatusCode::OK);
    let [mail] = world.mails(MARIA).await.try_into().unwrap();
    assert_eq!(mail.subject, "Ein Passkey Ihres Kontos bei Acme Notes ist anscheinend umgezogen");
}

#[tokio::test]
async fn a_key_that_was_moved_confirms_and_approves_too() {
    let world = World::new().await;
    let mut passkey = maria(&world, SYNCED, 5).await;
    let mut client = Client::app(&world);
    let session = client.sign_in(Some(MARIA), passkey_counting(&mut passkey, 6)).await;
    client.keep(&session);
    let elevated = client.elevate(passkey_counting(&mut passkey, 0)).await;
    client.keep(&elevated);
    assert_eq!((count(&world, What::PasskeyMoved).await, world.mails(MARIA).await.len()), (1, 1));
    assert_eq!(kept(&world, &passkey).await.key.counter, 0);
}

#[tokio::test]
async fn a_report_is_weighed_at_a_confirmation_too() {
    let world = World::new().await;
    let mut browser = world.browser();
    let mut passkey = Passkey::new(b"key of maria");
    browser.register(&world, MARIA, &mut passkey).await;
    for (flags, counter, status) in [(BOUND, 0, 401), (SYNCED, 7, 200), (SYNCED, 7, 401), (SYNCED, 1, 200)] {
        (passkey.flags, passkey.counter) = (flags, counter);
        browser.get("/_bmauth/devices").await;
        let begun = browser.post("/_bmauth/devices/confirm", &json!({ "act": "add" })).await.json();
        let credential = passkey.get(&begun["options"]);
        let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let done = browser.post("/_bmauth/devices/confirm/verify", &body).await;
        assert_eq!(done.status, status, "{counter}: {}", done.text);
        let says_so = done.text.contains("Use another device");
        assert_eq!(says_so, status != 200, "{}", done.text);
    }
    assert_eq!((count(&world, What::PasskeyMoved).await, count(&world, What::PasskeyCopied).await), (1, 1));
}

fn passkey_counting(passkey: &mut Passkey, counter: u32) -> &mut Passkey {
    passkey.counter = counter;
    passkey
}

#[tokio::test]
async fn a_key_of_one_device_that_begins_anew_was_copied() {
    let world = World::new().await;
    let mut passkey = maria(&world, BOUND, 5).await;
    for report in [(BOUND, 0), (BOUND, 1), (SYNCED, 0)] {
        let answer = sign_in(&world, Some(MARIA), &mut passkey, report).await;
        assert_eq!(answer.refusal(), "not-accepted", "{report:?}");
    }
    assert_eq!((count(&world, What::PasskeyCopied).await, count(&world, What::PasskeyMoved).await), (3, 0));
    assert_eq!(world.mails(MARIA).await.len(), 3);
    assert_eq!(kept(&world, &passkey).await.key.counter, 5);
}

#[tokio::test]
async fn two_managers_with_one_key_do_not_fill_the_mailbox_and_sign_in() {
    let world = World::new().await;
    let mut passkey = maria(&world, SYNCED, 5).await;
    for counter in 6..14 {
        assert_eq!(sign_in(&world, None, &mut passkey, (SYNCED, counter)).await.status, StatusCode::OK);
        assert_eq!(sign_in(&world, None, &mut passkey, (SYNCED, 0)).await.status, StatusCode::OK);
    }
    assert_eq!((count(&world, What::PasskeyMoved).await, world.mails(MARIA).await.len()), (8, 5));
}

#[tokio::test]
async fn an_empty_user_handle_counts_as_none() {
    let world = World::new().await;
    let mut passkey = maria(&world, BOUND, 0).await;
    passkey.user_handle = Some(Vec::new());
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn a_recovery_excludes_no_device() {
    let world = World::new().await;
    let mut passkey = maria(&world, SYNCED, 0).await;
    assert_eq!(sign_in(&world, None, &mut passkey, (BOUND, 0)).await.refusal(), "not-accepted");
    let mut browser = world.browser();
    recovering::ask(&mut browser, MARIA).await;
    recovering::enter(&mut browser, &world.code(MARIA).await).await;
    browser.get("/_bmauth/recover/device").await;
    let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    let excluded = &begun["options"]["excludeCredentials"];
    assert!(excluded.as_array().is_none_or(Vec::is_empty), "{begun}");
    assert_eq!(
        begun["options"]["user"]["id"],
        encode(passkey.user_handle.as_ref().unwrap()),
        "it replaces the old one"
    );
    let mut another = Passkey::new(b"another key of the same device");
    let credential = another.create(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    assert_eq!(browser.post("/_bmauth/recover/passkey/verify", &body).await.status, StatusCode::OK);
    assert_eq!(world.browser().sign_in(None, &mut another).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_recovery_over_the_api_excludes_no_device_either() {
    let world = World::new().await;
    maria(&world, SYNCED, 0).await;
    let mut client = Client::app(&world);
    client.recover(&world, MARIA).await;
    let options = client.begin("/user/webauthn/add", &json!({})).await;
    assert_eq!(options["excludeCredentials"], json!([]));
}
