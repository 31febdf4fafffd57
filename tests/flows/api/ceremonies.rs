//! A challenge is answered once, in time, for its purpose, and by the client that it was made for.

use http::StatusCode;
use serde_json::{Value, json};

use super::{BOB, Client, MARIA, error, keys, maria, refused, registered, sessions, worlds};
use crate::authenticator::{Passkey, encode};
use crate::world::World;

/// What a challenge can be asked for.
const KINDS: [&str; 4] = ["/signup/webauthn", "/signin/webauthn", "/user/webauthn/add", "/elevate/webauthn"];
/// Where each is answered.
fn answered_at(kind: &str) -> &'static str {
    match kind {
        "/signup/webauthn" => "/signup/webauthn/verify",
        "/signin/webauthn" => "/signin/webauthn/verify",
        "/user/webauthn/add" => "/user/webauthn/verify",
        _ => "/elevate/webauthn/verify",
    }
}

/// Asks for a challenge of that kind and answers it as its kind wants.
async fn credential(client: &mut Client, kind: &str, own: &mut Passkey, new: &mut Passkey) -> Value {
    let options = client.begin(kind, &json!({ "email": if kind.contains("signup") { BOB } else { MARIA } })).await;
    if matches!(kind, "/signup/webauthn" | "/user/webauthn/add") { new.create(&options) } else { own.get(&options) }
}

/// Maria, elevated.
async fn elevated(world: &World) -> (Client, Passkey) {
    let (mut client, mut key) = maria(world).await;
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    (client, key)
}

#[tokio::test]
async fn an_answer_counts_once() {
    let world = World::new().await;
    for (kind, refusal) in KINDS.into_iter().zip([400, 401, 400, 401]) {
        let (mut client, mut own) = registered(&world, MARIA).await;
        let elevated = client.elevate(&mut own).await;
        client.keep(&elevated);
        let body = json!({ "credential": credential(&mut client, kind, &mut own, &mut Passkey::new(b"new")).await });
        let path = answered_at(kind);
        let first = client.post(path, &body).await;
        assert_eq!(first.status, StatusCode::OK, "{kind} {}", first.text);
        let before = (sessions(&world, MARIA).await, keys(&world, MARIA).await, world.mails(BOB).await.len());
        let again = client.post(path, &body).await;
        assert_eq!(error(&again).0, refusal, "{kind}");
        assert_eq!((sessions(&world, MARIA).await, keys(&world, MARIA).await), (before.0, before.1), "{kind}");
        assert_eq!(world.mails(BOB).await.len(), 0, "{kind}");
        let account = super::account(&world, MARIA).await;
        world.auth.operate.remove_account(&account).await.unwrap();
        world.mails(MARIA).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_answers_to_one_challenge_at_once_one_wins() {
    for (world, _kept) in worlds().await {
        let (mut client, mut own) = elevated(&world).await;
        for (kind, counted) in [("/signin/webauthn", 1), ("/user/webauthn/add", 0), ("/elevate/webauthn", 0)] {
            let body =
                json!({ "credential": credential(&mut client, kind, &mut own, &mut Passkey::new(b"new")).await });
            let before = (sessions(&world, MARIA).await, keys(&world, MARIA).await.len());
            let answers: Vec<_> = (0..50)
                .map(|_| (client.tab(&world), body.clone()))
                .map(|(mut tab, body)| tokio::spawn(async move { tab.post(answered_at(kind), &body).await }))
                .collect();
            let mut won = 0;
            for answer in answers {
                let answer = answer.await.unwrap();
                match answer.status {
                    StatusCode::OK => won += 1,
                    _ => assert!(matches!(error(&answer).0, 400 | 401), "{kind} {}", answer.text),
                }
            }
            assert_eq!(won, 1, "{kind}");
            assert_eq!(sessions(&world, MARIA).await, before.0 + counted, "{kind}");
            assert_eq!(keys(&world, MARIA).await.len(), before.1 + usize::from(kind == "/user/webauthn/add"), "{kind}");
        }
    }
}

#[tokio::test]
async fn a_challenge_serves_for_nothing_else() {
    let world = World::new().await;
    let (mut client, mut own) = elevated(&world).await;
    for asked in KINDS {
        for answered in KINDS.into_iter().filter(|kind| *kind != asked) {
            let mut new = Passkey::new(b"new");
            let as_asked = credential(&mut client, asked, &mut own, &mut new).await;
            // The same challenge, answered as the other kind wants.
            let options =
                client.begin(asked, &json!({ "email": if asked.contains("signup") { BOB } else { MARIA } })).await;
            let makes_key = matches!(answered, "/signup/webauthn" | "/user/webauthn/add");
            let handle = own.user_handle.clone();
            let options = json!({
                "challenge": options["challenge"],
                "user": { "id": encode(handle.as_deref().unwrap()) },
            });
            let as_answered = if makes_key { new.create(&options) } else { own.get(&options) };
            let before = (sessions(&world, MARIA).await, keys(&world, MARIA).await);
            for credential in [as_asked, as_answered] {
                let body = json!({ "credential": credential, "email": MARIA });
                let answer = client.post(answered_at(answered), &body).await;
                assert!(matches!(error(&answer).0, 400 | 401), "{asked} at {answered}: {}", answer.text);
            }
            assert_eq!((sessions(&world, MARIA).await, keys(&world, MARIA).await), before, "{asked} at {answered}");
        }
    }
    assert_eq!((world.mails(BOB).await.len(), world.mails(MARIA).await.len()), (0, 0));
}

#[tokio::test]
async fn what_a_page_began_is_not_finished_over_the_api_and_the_other_way_round() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    for same_browser in [true, false] {
        // A sign-in.
        let mut browser = world.browser();
        let asked = browser.challenge(Some(MARIA)).await;
        let mut client = Client::page(&world);
        if same_browser {
            client.browser.cookies.clone_from(&browser.cookies);
        }
        let body = json!({ "credential": key.get(&asked["options"]) });
        refused(&client.post("/signin/webauthn/verify", &body).await, 401, "invalid-email-password");
        let options = client.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
        if same_browser {
            browser.cookies.clone_from(&client.browser.cookies);
        }
        let challenge = bmauth::auth::passkeys::ceremony_of(&crate::authenticator::decode(
            &key.get(&options)["response"]["clientDataJSON"],
        ));
        let ceremony = json!({ "ceremony": challenge.unwrap() });
        assert_eq!(browser.answer(&ceremony, &key.get(&options)).await.refusal(), "expired-ceremony");
        // A sign-up.
        browser.get("/_bmauth/register").await;
        let asked = browser.post("/_bmauth/register/options", &json!({ "email": BOB })).await.json();
        let body = json!({ "credential": Passkey::new(b"bob").create(&asked["options"]) });
        refused(&client.post("/signup/webauthn/verify", &body).await, 400, "invalid-request");
        let options = client.begin("/signup/webauthn", &json!({ "email": BOB })).await;
        let credential = Passkey::new(b"bob").create(&options);
        let challenge = bmauth::auth::passkeys::ceremony_of(&crate::authenticator::decode(
            &credential["response"]["clientDataJSON"],
        ));
        let body = json!({ "ceremony": challenge.unwrap(), "credential": credential });
        assert_eq!(browser.post("/_bmauth/register/verify", &body).await.refusal(), "expired-ceremony");
    }
    assert_eq!(world.mails(BOB).await.len(), 0);
    assert_eq!(sessions(&world, MARIA).await, 1);
}

#[tokio::test]
async fn what_was_begun_with_a_cookie_is_answered_with_it() {
    let world = World::new().await;
    let (mut owner, mut own) = elevated(&world).await;
    owner.keeps_cookies = true;
    owner.begin("/signin/webauthn", &json!({})).await;
    for kind in KINDS {
        let body = json!({ "credential": credential(&mut owner, kind, &mut own, &mut Passkey::new(b"new")).await });
        let mut without = owner.tab(&world);
        without.browser.cookies.clear();
        let mut other = without.tab(&world);
        other.begin("/signin/webauthn", &json!({})).await;
        assert!(!other.browser.cookies.is_empty());
        for mut client in [without, other] {
            let answer = client.post(answered_at(kind), &body).await;
            assert!(matches!(error(&answer).0, 400 | 401), "{kind}: {}", answer.text);
        }
        let answer = owner.post(answered_at(kind), &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}: another client's try uses nothing up: {}", answer.text);
    }
}

#[tokio::test]
async fn a_challenge_is_good_for_five_minutes() {
    let world = World::new().await;
    for (kind, refusal) in KINDS.into_iter().zip([400, 401, 400, 401]) {
        for (seconds, in_time) in [(299, true), (300, false)] {
            let (mut client, mut own) = registered(&world, MARIA).await;
            let mut elevated = client.elevate(&mut own).await;
            client.keep(&elevated);
            let body =
                json!({ "credential": credential(&mut client, kind, &mut own, &mut Passkey::new(b"new")).await });
            world.wait(seconds);
            if !in_time {
                // What is over is the challenge, not the token.
                let refreshed = client.refresh().await;
                client.keep(&refreshed);
                elevated = client.elevate(&mut own).await;
                client.keep(&elevated);
            }
            let answer = client.post(answered_at(kind), &body).await;
            assert_eq!(answer.status.as_u16(), if in_time { 200 } else { refusal }, "{kind} {seconds} {}", answer.text);
            let account = super::account(&world, MARIA).await;
            world.auth.operate.remove_account(&account).await.unwrap();
            world.wait(3600);
            for email in [BOB, MARIA] {
                world.mails(email).await;
            }
        }
    }
}

#[tokio::test]
async fn a_challenge_of_one_session_is_not_answered_in_another() {
    let world = World::new().await;
    let (mut one, mut own) = elevated(&world).await;
    let mut other = Client::app(&world);
    let signed_in = other.sign_in(Some(MARIA), &mut own).await;
    other.keep(&signed_in);
    let elevated = other.elevate(&mut own).await;
    other.keep(&elevated);
    let (mut bob, mut bobs) = registered(&world, BOB).await;
    let elevated = bob.elevate(&mut bobs).await;
    bob.keep(&elevated);
    for kind in ["/user/webauthn/add", "/elevate/webauthn"] {
        let body = json!({ "credential": credential(&mut one, kind, &mut own, &mut Passkey::new(b"new")).await });
        for client in [&mut other, &mut bob] {
            let answer = client.post(answered_at(kind), &body).await;
            assert!(matches!(error(&answer).0, 400 | 401), "{kind}: {}", answer.text);
        }
        assert_eq!(one.post(answered_at(kind), &body).await.status, StatusCode::OK, "{kind}");
    }
    assert_eq!((keys(&world, MARIA).await.len(), keys(&world, BOB).await.len()), (2, 1));
}
