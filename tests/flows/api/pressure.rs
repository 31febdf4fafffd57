//! Too many requests, too many keys to verify at once, and a store that is down.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Client, MARIA, error, maria, refused, sessions};
use crate::authenticator::{Passkey, decode};
use crate::edge::Fragile;
use crate::world::{CONFIG, World};

#[tokio::test]
async fn a_network_that_asks_too_often_waits_and_others_do_not() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let mut refusal = None;
    for _ in 0..2000 {
        let answer = client.post("/token", &json!({ "refreshToken": "x" })).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refusal = Some(answer);
            break;
        }
    }
    let refusal = refusal.unwrap();
    assert_eq!(error(&refusal), (429, "too-many-requests".into()));
    assert_eq!(refusal.headers[header::RETRY_AFTER], "1", "twenty come free a second");
    // Every client of it, whatever it asks; no client elsewhere; and what changes nothing goes on.
    let mut asked = 0;
    for _ in 0..40 {
        let answer = Client::page(&world).post("/signin/webauthn", &json!({})).await;
        asked += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(asked > 0);
    assert_eq!(
        Client::app(&world).at("198.51.100.7").post("/signin/webauthn", &json!({})).await.status,
        StatusCode::OK
    );
    assert!(client.is_signed_in().await);
}

#[tokio::test]
async fn more_keys_than_can_be_verified_are_put_off() {
    let world = World::new().await;
    let (client, mut key) = maria(&world).await;
    let mut waiting = Vec::new();
    for n in 0..300 {
        let mut tab = client.tab(&world).at(&format!("10.0.{}.{}", n / 100, n % 100));
        let options = tab.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
        waiting.push((tab, json!({ "credential": key.get(&options) })));
    }
    let mut page = world.browser();
    let challenge = page.challenge(None).await;
    let credential = key.get(&challenge["options"]);
    let let_go = world.hold_verifying().await;
    let tasks: Vec<_> = waiting
        .into_iter()
        .map(|(mut tab, body)| {
            tokio::spawn(async move {
                let answer = tab.post("/signin/webauthn/verify", &body).await;
                (tab, body, answer)
            })
        })
        .collect();
    // Those that find no place are answered while the others wait.
    let mut answers = Vec::new();
    let mut tasks = tasks.into_iter();
    let (first, rest): (Vec<_>, Vec<_>) = (tasks.by_ref().take(256).collect(), tasks.collect());
    for task in rest {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers.len(), 44);
    for (_, _, answer) in &answers {
        refused(answer, 503, "service-unavailable");
        assert_eq!(answer.headers[header::RETRY_AFTER], "5");
    }
    // An account's key and one that was made up are put off alike.
    let mut visitor = Client::app(&world).at("198.51.100.7");
    for email in [MARIA, "nobody@example.com"] {
        let options = visitor.begin("/signin/webauthn", &json!({ "email": email })).await;
        let mut forged = Passkey::new(&decode(&options["allowCredentials"][0]["id"]));
        let body = json!({ "credential": forged.get(&options) });
        refused(&visitor.post("/signin/webauthn/verify", &body).await, 503, "service-unavailable");
    }
    // So is a person who signs in on our own page.
    let put_off = page.answer(&challenge, &credential).await;
    assert_eq!((put_off.status, put_off.refusal()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable".to_owned()));
    assert_eq!(put_off.headers[header::RETRY_AFTER], "5");
    drop(let_go);
    for task in first {
        let (_, _, answer) = task.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    assert_eq!(sessions(&world, MARIA).await, 257);
    // Nothing of theirs was used up.
    let (mut tab, body, _) = answers.pop().unwrap();
    assert_eq!(tab.post("/signin/webauthn/verify", &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_store_that_is_down_makes_and_ends_no_session_and_says_so() {
    let store = Arc::new(Fragile::default());
    let (down, full) = (Arc::clone(&store.down), Arc::clone(&store.full));
    let world = World::with(CONFIG, store).await;
    let (mut client, mut key) = maria(&world).await;
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    // A session that is in no table of live ones.
    let mut fresh = Client::app(&world);
    let done = fresh.sign_in(None, &mut key).await;
    fresh.keep(&done);
    let mut visitor = Client::app(&world);
    let sign_up = visitor.begin("/signup/webauthn", &json!({ "email": "new@example.com" })).await;
    let sign_in = visitor.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
    let adding = client.begin("/user/webauthn/add", &json!({})).await;
    let elevating = client.begin("/elevate/webauthn", &json!({})).await;
    let made = |options: &Value| json!({ "credential": Passkey::new(b"new").create(options) });
    let bodies: [(&str, Value); 13] = [
        ("/signup/webauthn", json!({ "email": "other@example.com" })),
        ("/signup/webauthn/verify", made(&sign_up)),
        ("/signin/webauthn", json!({})),
        ("/signin/webauthn/verify", json!({ "credential": key.get(&sign_in) })),
        ("/signin/otp/email", json!({ "email": MARIA })),
        ("/signin/otp/email/verify", json!({ "email": MARIA, "otp": "123456" })),
        ("/user/webauthn/add", json!({})),
        ("/user/webauthn/verify", made(&adding)),
        ("/elevate/webauthn", json!({})),
        ("/elevate/webauthn/verify", json!({ "credential": key.get(&elevating) })),
        ("/token", json!({ "refreshToken": client.refresh.clone() })),
        ("/signout", json!({ "refreshToken": client.refresh.clone() })),
        ("/signout", json!({ "all": true })),
    ];
    for (what, only_writing) in [(&down, false), (&full, true)] {
        what.store(true, Ordering::SeqCst);
        for (path, body) in &bodies {
            let answer = client.post(path, body).await;
            assert_eq!(error(&answer), (503, "service-unavailable".into()), "{path}, only writing: {only_writing}");
            assert_eq!(answer.headers[header::RETRY_AFTER], "5", "{path}");
        }
        if !only_writing {
            refused(&fresh.call(Method::GET, "/user", None).await, 503, "service-unavailable");
            refused(&fresh.post("/token/verify", &json!({})).await, 503, "service-unavailable");
        }
        assert_eq!(visitor.get("/healthz").await.status, StatusCode::OK);
        what.store(false, Ordering::SeqCst);
    }
    // Nothing was used up, and no one was signed out.
    for (path, body) in bodies {
        if path != "/signin/otp/email/verify" {
            let answer = client.post(path, &body).await;
            // `/signout` has just ended the session that would end all.
            let expected = if body["all"] == true { 401 } else { 200 };
            assert_eq!(answer.status.as_u16(), expected, "{path} {}", answer.text);
        }
    }
}
