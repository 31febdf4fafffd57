//! How many passkeys an account may have, and how often its owner is written to about new ones.

use bmauth::domain::email::Email;
use bmauth::domain::passkey::{CredentialId, MOST, NewPasskey, Passkey as Kept};
use bmauth::domain::plan::{Durability, PasskeyChange};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::{Client, refused};
use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::recovering;
use crate::world::World;

const MARIA: &str = "maria@example.com";

/// Maria, whose account has so many passkeys; the first is that of her device.
async fn maria(passkeys: usize) -> (World, Browser, Passkey) {
    let world = World::new().await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(&world, MARIA, &mut passkey).await;
    fill(&world, passkeys).await;
    browser.get("/_bmauth/devices").await;
    (world, browser, passkey)
}

/// Gives Maria's account passkeys of made-up devices, until it has so many.
pub async fn fill(world: &World, passkeys: usize) {
    let first = kept(world).await.remove(0);
    for n in 1..passkeys {
        let id = CredentialId::new(format!("key {n}").as_bytes()).unwrap();
        let another = Kept { key: NewPasskey { id, ..first.key.clone() }, ..first.clone() };
        world.store.commit(vec![PasskeyChange::Add(another).into()], Durability::Durable).await.unwrap();
    }
}

async fn kept(world: &World) -> Vec<Kept> {
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap().id;
    world.store.passkeys(account).await.unwrap()
}

async fn make(browser: &mut Browser, begun: &Value, passkey: &mut Passkey) -> Answer {
    let body = json!({ "ceremony": begun["ceremony"], "credential": passkey.create(&begun["options"]) });
    browser.post("/_bmauth/devices/passkey/verify", &body).await
}

#[track_caller]
pub fn is_full(answer: &Answer) {
    assert_eq!((answer.status, answer.refusal()), (StatusCode::CONFLICT, "too-many-passkeys".to_owned()));
    let sentence = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(sentence.contains("as many passkeys as it can have"), "{sentence}");
}

#[tokio::test]
async fn on_my_devices_there_is_room_for_twenty() {
    let (world, mut browser, mut key) = maria(MOST - 1).await;
    // Two are asked for while there is room for one.
    let begun = [browser.begin_adding(&mut key, None).await, browser.begin_adding(&mut key, None).await];
    assert_eq!(make(&mut browser, &begun[0], &mut Passkey::new(b"one")).await.status, StatusCode::OK);
    is_full(&make(&mut browser, &begun[1], &mut Passkey::new(b"two")).await);
    // From now on no device is asked.
    is_full(&browser.post("/_bmauth/devices/confirm", &json!({ "act": "add" })).await);
    assert_eq!(kept(&world).await.len(), MOST);
}

#[tokio::test]
async fn a_confirmation_from_before_the_account_was_full_asks_no_device() {
    let (world, mut browser, mut key) = maria(MOST - 1).await;
    let early = browser.post("/_bmauth/devices/confirm", &json!({ "act": "add" })).await.json();
    let begun = browser.begin_adding(&mut key, None).await;
    assert_eq!(make(&mut browser, &begun, &mut Passkey::new(b"one")).await.status, StatusCode::OK);
    let body = json!({ "ceremony": early["ceremony"], "credential": key.get(&early["options"]) });
    is_full(&browser.post("/_bmauth/devices/confirm/verify", &body).await);
    assert_eq!(kept(&world).await.len(), MOST);
}

#[tokio::test]
async fn over_the_api_there_is_room_for_twenty() {
    let (world, _, mut key) = maria(MOST - 1).await;
    let mut client = Client::app(&world);
    let signed_in = client.sign_in(Some(MARIA), &mut key).await;
    client.keep(&signed_in);
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    let late = client.post("/user/webauthn/add", &json!({})).await;
    assert_eq!(client.add(&mut Passkey::new(b"one")).await.status, StatusCode::OK);
    let late = json!({ "credential": Passkey::new(b"two").create(&late.json()) });
    refused(&client.post("/user/webauthn/verify", &late).await, 409, "too-many-keys");
    refused(&client.post("/user/webauthn/add", &json!({})).await, 409, "too-many-keys");
    assert_eq!(kept(&world).await.len(), MOST);
}

#[tokio::test]
async fn a_recovery_makes_one_more_and_asks_which_are_lost() {
    let (world, _, _) = maria(MOST).await;
    let mut browser = world.browser();
    recovering::recover(&world, &mut browser, &mut Passkey::new(b"new")).await;
    assert_eq!(kept(&world).await.len(), MOST + 1);
    assert_eq!(browser.get("/_bmauth/recover/review").await.status, StatusCode::OK);

    // So does one over the API.
    world.wait(3600);
    world.mails(MARIA).await;
    let mut client = Client::app(&world);
    client.recover(&world, MARIA).await;
    assert_eq!(client.add(&mut Passkey::new(b"newer")).await.status, StatusCode::OK);
    assert_eq!(kept(&world).await.len(), MOST + 2);
}

/// Adds a passkey on My devices.
async fn add(browser: &mut Browser, key: &mut Passkey, id: &str) -> Passkey {
    let begun = browser.begin_adding(key, None).await;
    let mut added = Passkey::new(id.as_bytes());
    assert_eq!(make(browser, &begun, &mut added).await.status, StatusCode::OK);
    added
}

/// The subjects of Maria's mails since the last look.
async fn subjects(world: &World) -> Vec<String> {
    world.mails(MARIA).await.into_iter().map(|mail| mail.subject).collect()
}

const ONE: &str = "A passkey was added to your Acme Notes account";
const MORE: &str = "More passkeys were added to your Acme Notes account";

#[tokio::test]
async fn the_first_is_told_at_once_and_the_others_together() {
    let (world, mut browser, mut key) = maria(1).await;
    let none: Vec<String> = Vec::new();
    add(&mut browser, &mut key, "one").await;
    assert_eq!(subjects(&world).await, [ONE]);
    for (wait, id) in [(1, "two"), (200, "three"), (398, "four")] {
        world.wait(wait);
        add(&mut browser, &mut key, id).await;
        assert_eq!(subjects(&world).await, none, "{id}");
    }
    // At the end of ten minutes from the first.
    world.wait(2);
    assert_eq!(subjects(&world).await, [MORE]);
    world.wait(3600);
    assert_eq!(subjects(&world).await, none);
    // Then it begins anew, and one alone is told once.
    add(&mut browser, &mut key, "five").await;
    assert_eq!(subjects(&world).await, [ONE]);
    world.wait(601);
    assert_eq!(subjects(&world).await, none);
    let left = world.store.letters_due(bmauth::domain::clock::Timestamp::from_unix(u64::MAX), 9).await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn adding_and_removing_again_and_again_is_told_of_no_more_often() {
    let (world, mut browser, mut key) = maria(2).await;
    let mut told = Vec::new();
    for n in 0..10 {
        let added = add(&mut browser, &mut key, &format!("again {n}")).await;
        let act = json!({ "act": "remove", "passkey": crate::authenticator::encode(&added.id) });
        let asked = browser.post("/_bmauth/devices/confirm", &act).await.json();
        let body = json!({ "ceremony": asked["ceremony"], "credential": key.get(&asked["options"]) });
        assert_eq!(browser.post("/_bmauth/devices/confirm/verify", &body).await.status, StatusCode::OK);
        told.extend(subjects(&world).await);
    }
    world.wait(601);
    told.extend(subjects(&world).await);
    assert_eq!(told.iter().filter(|subject| *subject == ONE).count(), 1);
    assert_eq!(told.iter().filter(|subject| *subject == MORE).count(), 1);
}

#[tokio::test]
async fn what_is_added_while_the_others_are_told_is_told_too() {
    let (world, mut browser, mut key) = maria(1).await;
    add(&mut browser, &mut key, "one").await;
    add(&mut browser, &mut key, "two").await;
    assert_eq!(subjects(&world).await, [ONE]);
    world.wait(601);
    world.mailbox.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(subjects(&world).await.is_empty());
    add(&mut browser, &mut key, "three").await;
    world.mailbox.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    world.wait(10);
    let mut told = subjects(&world).await;
    told.sort();
    assert_eq!(told, [ONE, MORE]);
}
