//! Sessions of the API among the others: shown, ended, and never opened by a page's cookie.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BOB, Client, MARIA, account, events, maria, refused, registered, sessions};
use crate::authenticator::Passkey;
use crate::browser::Browser;
use crate::revoking::Gateway;
use crate::world::World;
use bmauth::domain::activity::What;

const BEARER: [(Method, &str); 5] = [
    (Method::GET, "/user"),
    (Method::POST, "/user/webauthn/add"),
    (Method::POST, "/user/webauthn/verify"),
    (Method::POST, "/elevate/webauthn"),
    (Method::POST, "/elevate/webauthn/verify"),
];

/// A signed-in page of Maria's, with her key.
async fn page(world: &World, key: &mut Passkey) -> Browser {
    let mut browser = world.browser();
    assert_eq!(browser.sign_in(None, key).await.status, StatusCode::OK);
    browser
}

/// The session's public name.
async fn sid(client: &mut Client) -> String {
    super::claims(client.access.as_deref().unwrap())["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn signing_out_ends_one_session_and_all_of_them_where_it_says_so() {
    for all in [false, true] {
        let world = World::new().await;
        let (mut one, mut key) = maria(&world).await;
        let mut other = Client::app(&world);
        let done = other.sign_in(None, &mut key).await;
        other.keep(&done);
        let mut browser = page(&world, &mut key).await;
        let (mut bob, _) = registered(&world, BOB).await;
        let body = json!({ "refreshToken": one.refresh.clone(), "all": all });
        assert_eq!(one.post("/signout", &body).await.json(), "OK");
        assert!(!one.is_signed_in().await);
        refused(&one.refresh().await, 401, "invalid-refresh-token");
        assert_eq!((other.is_signed_in().await, browser.who().await.is_some()), (!all, !all));
        assert_eq!(sessions(&world, MARIA).await, if all { 0 } else { 2 });
        assert_eq!(events(&world, MARIA).await.contains(&What::SignedOutEverywhere), all);
        assert!(bob.is_signed_in().await);
    }
}

#[tokio::test]
async fn signing_out_takes_the_refresh_token_and_for_all_the_access_token() {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    let mut other = Client::app(&world);
    let done = other.sign_in(None, &mut key).await;
    other.keep(&done);
    let refresh = client.refresh.clone();
    let access = client.access.take();
    for body in [json!({ "all": true }), json!({ "all": true, "refreshToken": refresh })] {
        refused(&client.post("/signout", &body).await, 401, "unauthenticated-user");
    }
    client.access = access.clone();
    for body in [json!({}), json!({ "all": false }), json!({ "refreshToken": null })] {
        refused(&client.post("/signout", &body).await, 400, "invalid-request");
    }
    client.access = Some("x".into());
    refused(&client.post("/signout", &json!({ "all": true })).await, 401, "unauthenticated-user");
    assert_eq!(sessions(&world, MARIA).await, 2);
    // The refresh token is enough for its own session, whatever became of the access token.
    assert_eq!(client.post("/signout", &json!({ "refreshToken": refresh })).await.json(), "OK");
    client.access = access;
    assert!(!client.is_signed_in().await && other.is_signed_in().await);
    world.wait(901);
    let body = json!({ "refreshToken": other.refresh.clone() });
    assert_eq!(other.post("/signout", &body).await.json(), "OK", "its access token has expired");
    assert_eq!(sessions(&world, MARIA).await, 0);
}

#[tokio::test]
async fn a_tab_signs_out_with_a_token_that_another_tab_has_spent() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let spent = json!({ "refreshToken": client.refresh.clone() });
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    // Presented at /token it would end the session as well.
    assert_eq!(Client::app(&world).post("/signout", &spent).await.json(), "OK");
    assert!(!client.is_signed_in().await);
    refused(&Client::app(&world).post("/signout", &spent).await, 401, "invalid-refresh-token");
}

#[tokio::test]
async fn a_pages_cookie_never_authorises_the_api() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    let mut client = Client::page(&world);
    client.browser = page(&world, &mut key).await;
    assert!(client.browser.cookies.contains_key("__Host-bmauth"));
    for (method, path) in BEARER {
        let body = json!({ "credential": {} });
        let answer = client.call(method.clone(), path, (method == Method::POST).then_some(&body)).await;
        refused(&answer, 401, "unauthenticated-user");
    }
    refused(&client.post("/token/verify", &json!({})).await, 401, "unauthenticated-user");
    refused(&client.post("/signout", &json!({ "all": true })).await, 401, "unauthenticated-user");
    assert!(client.browser.who().await.is_some());
}

#[tokio::test]
async fn a_sign_in_over_the_api_leaves_the_pages_session_alone_and_the_other_way_round() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    let mut client = Client::page(&world);
    client.browser = page(&world, &mut key).await;
    let cookie = client.browser.cookies["__Host-bmauth"].clone();
    let done = client.sign_in(Some(MARIA), &mut key).await;
    client.keep(&done);
    assert_eq!(client.browser.cookies["__Host-bmauth"], cookie);
    assert!(client.browser.who().await.is_some());
    client.browser.get("/_bmauth/devices").await;
    assert_eq!(client.browser.sign_in(None, &mut key).await.status, StatusCode::OK);
    assert_ne!(client.browser.cookies["__Host-bmauth"], cookie);
    assert!(client.is_signed_in().await, "the page's old session alone ended");
    assert_eq!(sessions(&world, MARIA).await, 3);
}

#[tokio::test]
async fn a_session_of_the_api_is_shown_among_ones_devices_and_ended_there() {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    client.agent = Some("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0");
    let done = client.sign_in(None, &mut key).await;
    client.keep(&done);
    let mut browser = page(&world, &mut key).await;
    let shown = browser.get("/_bmauth/devices").await.text;
    let id = sid(&mut client).await;
    assert!(shown.contains("Firefox on Android") && shown.contains(&id), "{shown}");
    let ended = browser.submit("/_bmauth/devices/sign-out", &[("session", &id)]).await;
    assert_eq!(ended.location(), "/_bmauth/devices");
    assert!(!client.is_signed_in().await && browser.who().await.is_some());
    refused(&client.refresh().await, 401, "invalid-refresh-token");
}

/// Lets something happen to the sessions of a signed-in app.
async fn ends(act: impl AsyncFnOnce(&World, &mut Browser, String)) {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    let mut browser = page(&world, &mut key).await;
    browser.get("/_bmauth/devices").await;
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    let (mut bob, _) = registered(&world, BOB).await;
    let id = sid(&mut client).await;
    act(&world, &mut browser, id).await;
    assert!(!client.is_signed_in().await && bob.is_signed_in().await);
    refused(&client.post("/user/webauthn/add", &json!({})).await, 401, "unauthenticated-user");
    refused(&client.post("/token/verify", &json!({})).await, 401, "unauthenticated-user");
    refused(&client.refresh().await, 401, "invalid-refresh-token");
    let out = json!({ "refreshToken": client.refresh.clone() });
    refused(&client.post("/signout", &out).await, 401, "invalid-refresh-token");
}

#[tokio::test]
async fn whatever_ends_a_session_ends_its_tokens() {
    ends(async |world, _, _| {
        world.auth.operate.set_disabled(&account(world, MARIA).await, true).await.unwrap();
    })
    .await;
    ends(async |world, _, _| {
        world.auth.operate.remove_account(&account(world, MARIA).await).await.unwrap();
    })
    .await;
    ends(async |world, _, _| {
        world.auth.operate.end_sessions(&account(world, MARIA).await).await.unwrap();
    })
    .await;
    ends(async |world, _, id| {
        let id = bmauth::domain::session::SessionId(id.parse().unwrap());
        world.auth.operate.end_any_session(id).await.unwrap();
    })
    .await;
    ends(async |_, browser, _| {
        let done = browser.submit("/_bmauth/devices/sign-out-everywhere", &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER);
    })
    .await;
    ends(async |world, _, _| Client::app(world).recover(world, MARIA).await).await;
}

#[tokio::test]
async fn an_access_token_opens_the_app_and_is_refused_there_at_once_when_its_session_has_ended() {
    let gateway = Gateway::new().await;
    let world = &gateway.world;
    let (mut client, _) = maria(world).await;
    let visitor = world.browser();
    let status = async |access: &str| {
        let (head, _) = gateway.get(&visitor, "/", &format!("Authorization: Bearer {access}\r\n")).await;
        head.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    let access = client.access.clone().unwrap();
    assert_eq!(status(&access).await, 200);
    let api = async |path: &str, access: &str| {
        let (head, _) = gateway.get(&visitor, path, &format!("Authorization: Bearer {access}\r\n")).await;
        head
    };
    // Through the listener the API sees the token as well.
    assert!(api("/_bmauth/v1/user", &access).await.starts_with("HTTP/1.1 200"));
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    let newer = client.access.clone().unwrap();
    assert_eq!((status(&access).await, status(&newer).await), (200, 200));
    let body = json!({ "refreshToken": client.refresh.clone() });
    assert_eq!(client.post("/signout", &body).await.json(), "OK");
    assert_eq!((status(&access).await, status(&newer).await), (401, 401));
    assert!(api("/_bmauth/v1/user", &newer).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn a_users_answer_has_no_secrets() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let user: Value = client.get("/user").await.json();
    let text = user.to_string();
    for secret in [client.access.as_deref().unwrap(), client.refresh.as_deref().unwrap()] {
        assert!(!text.contains(secret));
    }
    let id = sid(&mut client).await;
    assert!(!text.contains(&id));
}
