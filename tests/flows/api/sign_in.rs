//! Sign-in: what is refused when, what an answer changes, and what no answer reveals.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bmauth::domain::activity::What;
use bmauth::domain::passkey::CredentialId;
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::{Value, json};

use super::{BOB, Client, MARIA, account, claims, error, events, looks, maria, refused, registered, sessions};
use crate::authenticator::{BE, BS, Cheat, Passkey, UP, UV, decode};
use crate::edge::Fragile;
use crate::world::{CONFIG, World};

const UNKNOWN: &str = "nobody@example.com";

async fn revealing() -> World {
    World::with(&format!("{CONFIG}\n[api]\nreveal_accounts = true"), Arc::new(MemoryStore::new())).await
}

async fn kept(world: &World, key: &Passkey) -> bmauth::domain::passkey::Passkey {
    world.store.passkey(&CredentialId::new(&key.id).unwrap()).await.unwrap().unwrap()
}

#[tokio::test]
async fn request_options_are_bare_and_name_the_keys_of_the_address() {
    let world = World::new().await;
    let (mut client, key) = maria(&world).await;
    let options = client.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
    assert_eq!(options["publicKey"], Value::Null);
    assert!(decode(&options["challenge"]).len() >= 16);
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("notes.example.com"), &json!("required")));
    let [allowed] = options["allowCredentials"].as_array().unwrap().as_slice() else { panic!("{options}") };
    assert_eq!((decode(&allowed["id"]), &allowed["type"]), (key.id, &json!("public-key")));
    for without_address in [json!({}), json!({ "email": null })] {
        let options = client.begin("/signin/webauthn", &without_address).await;
        assert!(options["allowCredentials"].as_array().is_none_or(Vec::is_empty), "{options}");
    }
}

#[tokio::test]
async fn an_unknown_address_gets_a_stable_challenge_and_is_refused_like_a_bad_key() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    key.id = vec![7; 32];
    let known_key = kept(&world, &Passkey::new(b"key of maria@example.com")).await.key.id;
    for page in [false, true] {
        let client = || if page { Client::page(&world) } else { Client::app(&world) };
        let mut seen = Vec::new();
        for email in [MARIA, UNKNOWN] {
            let begun = client().post("/signin/webauthn", &json!({ "email": email })).await;
            let again = client().post("/signin/webauthn", &json!({ "email": email })).await;
            assert_eq!(begun.json()["allowCredentials"], again.json()["allowCredentials"]);
            let ids = begun.json()["allowCredentials"].as_array().unwrap().clone();
            assert!(!ids.is_empty() && ids.iter().all(|id| decode(&id["id"]).len() >= 16));
            let (status, headers, mut body) = looks(&begun);
            for id in body["allowCredentials"].as_array_mut().unwrap() {
                id["id"] = json!("…");
            }
            body["allowCredentials"].as_array_mut().unwrap().truncate(1);
            // A key for one of the ids that the challenge names, and one for another id.
            let mut for_id = Passkey::new(&decode(&ids[0]["id"]));
            for_id.user_handle = Some(vec![7; 16]);
            let answers = [
                looks(&client().sign_in(Some(email), &mut for_id).await),
                looks(&client().sign_in(Some(email), &mut key).await),
            ];
            assert_eq!((answers[0].0, &answers[0].2["error"]), (401, &json!("invalid-email-password")));
            assert_eq!(answers[0], answers[1]);
            // Lengths of answers are told as headers only where there are several ids; one real key has one.
            let headers: Vec<_> = headers.into_iter().filter(|(name, _)| name != "content-length").collect();
            seen.push((status, headers, body, answers));
        }
        assert_eq!(seen[0], seen[1]);
    }
    assert_eq!(kept(&world, &Passkey::new(known_key.bytes())).await.key.id, known_key);
}

#[tokio::test]
async fn a_disabled_user_gets_a_challenge_and_is_told_only_with_the_right_key() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    let mut before = Client::app(&world);
    let begun = before.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
    let account = account(&world, MARIA).await;
    world.auth.operate.set_disabled(&account, true).await.unwrap();
    key.counter = 9;
    for email in [Some(MARIA), None] {
        let mut client = Client::app(&world);
        refused(&client.sign_in(email, &mut key).await, 401, "disabled-user");
        let mut forged = Passkey::new(&key.id);
        forged.user_handle.clone_from(&key.user_handle);
        refused(&client.sign_in(email, &mut forged).await, 401, "invalid-email-password");
    }
    // One that was disabled between challenge and answer.
    let credential = key.get(&begun);
    refused(&before.post("/signin/webauthn/verify", &json!({ "credential": credential })).await, 401, "disabled-user");
    assert_eq!((sessions(&world, MARIA).await, kept(&world, &key).await.key.counter), (0, 0), "nothing was changed");
    world.auth.operate.set_disabled(&account, false).await.unwrap();
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut key).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unverified_user_is_told_in_the_client_that_made_the_key_alone() {
    let world = World::new().await;
    let (mut page, mut key) = (Client::page(&world), Passkey::new(b"key"));
    page.ask_to_sign_up(MARIA, &mut key).await;
    for email in [Some(MARIA), None] {
        refused(&page.sign_in(email, &mut key).await, 401, "unverified-user");
        for mut other in [Client::page(&world), Client::app(&world)] {
            refused(&other.sign_in(email, &mut key).await, 401, "invalid-email-password");
        }
        assert!(page.access.is_none());
    }
}

#[tokio::test]
async fn our_pages_ask_no_browser_to_forget_a_key_that_waits_for_its_code_over_the_api() {
    let world = World::new().await;
    let (mut page, mut key) = (Client::page(&world), Passkey::new(b"key"));
    page.ask_to_sign_up(MARIA, &mut key).await;
    for email in [Some(MARIA), None] {
        assert_eq!(page.browser.sign_in(email, &mut key).await.refusal(), "not-accepted");
        assert_eq!(world.browser().sign_in(email, &mut key).await.refusal(), "unknown-passkey");
    }
    let otp = world.code(MARIA).await;
    let done = page.enter(MARIA, &otp).await;
    page.keep(&done);
    assert_eq!(page.browser.sign_in(None, &mut key).await.status, StatusCode::OK);
}

#[tokio::test]
async fn where_accounts_are_revealed_the_challenge_is_refused_early() {
    let world = revealing().await;
    let (mut client, mut key) = maria(&world).await;
    client.ask_to_sign_up(BOB, &mut Passkey::new(b"bob")).await;
    for (email, code) in [(UNKNOWN, "invalid-email-password"), (BOB, "unverified-user")] {
        refused(&client.post("/signin/webauthn", &json!({ "email": email })).await, 401, code);
    }
    let begun = client.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
    world.auth.operate.set_disabled(&account(&world, MARIA).await, true).await.unwrap();
    refused(&client.post("/signin/webauthn", &json!({ "email": MARIA })).await, 401, "disabled-user");
    // And again before the session.
    let credential = key.get(&begun);
    refused(&client.post("/signin/webauthn/verify", &json!({ "credential": credential })).await, 401, "disabled-user");
    // A sign-up that is over belongs to no one.
    world.wait(30 * 60);
    refused(&client.post("/signin/webauthn", &json!({ "email": BOB })).await, 401, "invalid-email-password");
}

#[tokio::test]
async fn an_answer_updates_the_key_with_the_session() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    let before = kept(&world, &key).await;
    assert_eq!((before.key.counter, before.key.backed_up), (0, true));
    world.wait(100);
    (key.counter, key.flags) = (7, UP | UV | BE);
    let mut client = Client::app(&world);
    let done = client.sign_in(Some(MARIA), &mut key).await;
    client.keep(&done);
    let after = kept(&world, &key).await;
    assert_eq!(
        (after.key.counter, after.key.backed_up, after.last_used_at),
        (7, false, Some(world.auth.now())),
        "counter, flags, last use"
    );
    assert_eq!(events(&world, MARIA).await[0], What::SignedIn);
    let says = claims(&client.access.unwrap());
    assert_eq!((&says["amr"], &says["acr"]), (&json!(["swk", "user"]), &json!("phr")));
    assert_eq!(says["auth_time"], world.auth.now().unix());
}

#[tokio::test]
async fn an_answer_that_cannot_be_kept_changes_nothing() {
    let store = Arc::new(Fragile::default());
    let (full, commits) = (Arc::clone(&store.full), Arc::clone(&store.commits));
    let world = World::with(CONFIG, store).await;
    let (mut client, mut key) = maria(&world).await;
    let begun = client.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
    key.counter = 7;
    let body = json!({ "credential": key.get(&begun) });
    full.store(true, Ordering::SeqCst);
    refused(&client.post("/signin/webauthn/verify", &body).await, 503, "service-unavailable");
    full.store(false, Ordering::SeqCst);
    assert_eq!((kept(&world, &key).await.key.counter, sessions(&world, MARIA).await), (0, 1));
    let before = commits[0].load(Ordering::SeqCst);
    let done = client.post("/signin/webauthn/verify", &body).await;
    client.keep(&done);
    assert_eq!((kept(&world, &key).await.key.counter, sessions(&world, MARIA).await), (7, 2));
    assert_eq!(commits[0].load(Ordering::SeqCst), before + 1, "one commit for all of it");
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused_and_told_to_the_owner() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    key.counter = 9;
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut key).await.status, StatusCode::OK);
    for counter in [9, 8, 2] {
        key.counter = counter;
        refused(&Client::app(&world).sign_in(Some(MARIA), &mut key).await, 401, "invalid-email-password");
    }
    assert_eq!((kept(&world, &key).await.key.counter, sessions(&world, MARIA).await), (9, 2));
    assert_eq!(events(&world, MARIA).await.iter().filter(|what| **what == What::PasskeyCopied).count(), 3);
    assert_eq!(world.mails(MARIA).await.len(), 3);
}

#[tokio::test]
async fn a_key_signs_in_its_own_account_alone() {
    let world = World::new().await;
    let (_, mut marias) = maria(&world).await;
    let (_, mut bobs) = registered(&world, BOB).await;
    let before = (sessions(&world, MARIA).await, sessions(&world, BOB).await);
    // The address at the beginning, the one at the end.
    for (begun, ended) in [
        (Some(MARIA), Some(MARIA)),
        (Some(MARIA), None),
        (Some(MARIA), Some(BOB)),
        (Some(UNKNOWN), Some(BOB)),
        (Some(UNKNOWN), None),
        (Some(BOB), Some(MARIA)),
        (Some(BOB), Some(UNKNOWN)),
        (None, Some(MARIA)),
        (None, Some(UNKNOWN)),
    ] {
        let mut client = Client::app(&world);
        let options = client.begin("/signin/webauthn", &json!({ "email": begun })).await;
        let body = json!({ "credential": bobs.get(&options), "email": ended });
        let answer = client.post("/signin/webauthn/verify", &body).await;
        assert_eq!(error(&answer), (401, "invalid-email-password".into()), "{begun:?} {ended:?}");
        // The try is over, also for the right one.
        let again = json!({ "credential": bobs.get(&options) });
        refused(&client.post("/signin/webauthn/verify", &again).await, 401, "invalid-email-password");
    }
    // Another's user handle, or none where no address was named.
    let own = bobs.user_handle.clone();
    for handle in [marias.user_handle.clone(), Some(vec![]), Some(vec![7; 15]), None] {
        bobs.user_handle = handle;
        refused(&Client::app(&world).sign_in(None, &mut bobs).await, 401, "invalid-email-password");
    }
    assert_eq!((sessions(&world, MARIA).await, sessions(&world, BOB).await), before);
    bobs.user_handle = own;
    for (begun, ended) in [(Some("BOB@Example.com"), None), (Some(BOB), Some("Bob@EXAMPLE.com")), (None, Some(BOB))] {
        let mut client = Client::app(&world);
        let options = client.begin("/signin/webauthn", &json!({ "email": begun })).await;
        let body = json!({ "credential": bobs.get(&options), "email": ended });
        let done = client.post("/signin/webauthn/verify", &body).await;
        let session = client.keep(&done);
        assert_eq!(
            session["user"]["email"].as_str().map(str::to_lowercase).as_deref(),
            Some(BOB),
            "{begun:?} {ended:?}"
        );
    }
    assert_eq!(Client::app(&world).sign_in(None, &mut marias).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_cheating_device_gets_no_tokens() {
    let cheats: [(&str, Cheat); 10] = [
        ("unverified", |key| key.flags = UP | BE),
        ("absent", |key| key.flags = UV | BE),
        ("backed up, and not eligible for it", |key| key.flags = UP | UV | BS),
        ("another ceremony", |key| key.client_data = json!({ "type": "webauthn.create" })),
        ("another origin", |key| key.origin = "https://evil.example".into()),
        ("another domain", |key| key.rp_id = "evil.example".into()),
        ("a frame", |key| key.client_data = json!({ "crossOrigin": true })),
        ("a top origin", |key| key.client_data = json!({ "topOrigin": "https://notes.example.com" })),
        ("another type", |key| key.kind = "password".into()),
        ("no challenge of ours", |key| {
            key.client_data = json!({ "challenge": "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xk" })
        }),
    ];
    let world = World::new().await;
    let (_, key) = maria(&world).await;
    let (id, handle) = (key.id.clone(), key.user_handle.clone());
    let mut key = key;
    for (name, cheat) in cheats {
        let honest = (key.flags, key.origin.clone(), key.rp_id.clone());
        cheat(&mut key);
        let answer = Client::app(&world).sign_in(Some(MARIA), &mut key).await;
        assert_eq!(error(&answer), (401, "invalid-email-password".into()), "{name}");
        (key.flags, key.origin, key.rp_id) = honest;
        (key.client_data, key.kind) = (json!({}), "public-key".into());
    }
    assert_eq!((key.id.clone(), key.user_handle.clone()), (id, handle));
    assert_eq!(sessions(&world, MARIA).await, 1);
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut key).await.status, StatusCode::OK);
}
