//! Where a question is answered, and where a session is good: at the origin and the host they were begun at.

use std::sync::Arc;

use bmauth::domain::plan::{Durability, SessionChange};
use bmauth::domain::secret::Secret;
use bmauth::domain::session::Session;
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::json;

use crate::api::Client;
use crate::authenticator::{ORIGIN, Passkey};
use crate::browser::Browser;
use crate::world::{CONFIG, World};

const MARIA: &str = "maria@example.com";
const WIKI: &str = "wiki.notes.example.com";
const APP: &str = "https://app.notes.example.com";
const AT_WIKI: &str = "https://wiki.notes.example.com";

/// Two hosts of one passkey domain, and a page elsewhere in it that may call the API.
async fn world() -> World {
    let text = format!(
        "{CONFIG}\n[[route]]\nhost = \"{WIKI}\"\nupstream = [\"http://127.0.0.1:8001\"]\n[api]\nallowed_origins = [\"{APP}\"]"
    );
    World::with(&text, Arc::new(MemoryStore::new())).await
}

async fn maria(world: &World) -> (Browser, Passkey) {
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(world, MARIA, &mut passkey).await;
    (browser, passkey)
}

fn at(world: &World, host: &str) -> Browser {
    let mut browser = world.browser();
    host.clone_into(&mut browser.host);
    browser
}

#[tokio::test]
async fn a_question_is_answered_at_the_origin_where_it_was_put() {
    let world = world().await;
    let (_, mut passkey) = maria(&world).await;

    for origin in [ORIGIN, AT_WIKI, APP] {
        let mut browser = world.browser();
        let challenge = browser.challenge(None).await;
        passkey.origin = origin.to_owned();
        let credential = passkey.get(&challenge["options"]);
        let answer = browser.answer(&challenge, &credential).await;
        let expected = if origin == ORIGIN { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(answer.status, expected, "{origin}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_new_passkey_is_made_where_it_was_asked_for() {
    let world = world().await;
    let mut passkey = Passkey::new(b"key of maria");
    passkey.origin = APP.to_owned();
    let mut browser = world.browser();
    assert_eq!(browser.ask_to_register(MARIA, &mut passkey).await.refusal(), "not-accepted");
    assert!(world.mails(MARIA).await.is_empty());
}

#[tokio::test]
async fn a_page_elsewhere_answers_what_it_asked_over_the_api_and_nothing_else() {
    let world = world().await;
    let (_, mut passkey) = maria(&world).await;
    for (asked_at, answered_at, expected) in [
        (Some(APP), APP, StatusCode::OK),
        (Some(APP), ORIGIN, StatusCode::UNAUTHORIZED),
        (Some(ORIGIN), APP, StatusCode::UNAUTHORIZED),
        // No browser: whatever pages may answer here at all.
        (None, ORIGIN, StatusCode::OK),
        (None, APP, StatusCode::OK),
        (None, "https://evil.example.com", StatusCode::UNAUTHORIZED),
    ] {
        let mut client = Client { origin: asked_at, ..Client::app(&world) };
        let options = client.begin("/signin/webauthn", &json!({})).await;
        passkey.origin = answered_at.to_owned();
        let credential = passkey.get(&options);
        let answer = client.post("/signin/webauthn/verify", &json!({ "credential": credential })).await;
        assert_eq!(answer.status, expected, "{asked_at:?} {answered_at}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_session_is_good_on_its_own_host() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let mut elsewhere = at(&world, WIKI);
    elsewhere.cookies.clone_from(&browser.cookies);
    assert_eq!(elsewhere.who().await, None);
    let leaves = elsewhere.get("/_bmauth/sign-in").await;
    assert!(leaves.location().starts_with("https://notes.example.com/_bmauth/sign-in?"), "{}", leaves.location());
    let signs_out = elsewhere.get("/_bmauth/sign-out").await;
    assert!(
        signs_out.location().starts_with("https://notes.example.com/_bmauth/sign-out?"),
        "{}",
        signs_out.location()
    );
    assert_eq!(browser.who().await.as_deref(), Some(MARIA), "it is none the worse for it");
}

#[tokio::test]
async fn a_session_from_before_is_bound_to_the_first_host_that_shows_it() {
    let world = world().await;
    let (browser, _) = maria(&world).await;
    let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    let session = world.store.session(token).await.unwrap().unwrap();
    assert_eq!(session.host.as_ref().map(bmauth::domain::host::Host::as_str), Some("notes.example.com"));
    // As an older gateway kept it.
    let old = Secret::from_bytes([7; 32]);
    let was = Session { token: old.digest(), host: None, ..session };
    world.store.commit(vec![SessionChange::Add(was).into()], Durability::Durable).await.unwrap();
    let (mut first, mut second) = (at(&world, WIKI), world.browser());
    for browser in [&mut first, &mut second] {
        browser.cookies.insert("__Host-bmauth".to_owned(), old.text());
    }
    assert_eq!(first.who().await.as_deref(), Some(MARIA));
    assert_eq!(second.who().await, None);
    assert_eq!(first.who().await.as_deref(), Some(MARIA));
    assert_eq!(world.store.session(old.digest()).await.unwrap().unwrap().host.unwrap().as_str(), WIKI);
}
