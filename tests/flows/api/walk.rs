//! The whole way of a client: sign-up, sign-in, another key, refresh, sign-out, a lost key.

use http::StatusCode;
use serde_json::json;

use super::{Client, MARIA, refused};
use crate::authenticator::Passkey;
use crate::world::World;

#[tokio::test]
async fn a_client_signs_up_in_and_out() {
    let world = World::new().await;
    let (mut key, mut client) = (Passkey::new(b"key"), Client::app(&world));
    let session = client.sign_up(&world, MARIA, &mut key).await;
    assert_eq!(session["accessTokenExpiresIn"], 900);
    let user = &session["user"];
    assert_eq!((user["email"].as_str(), user["emailVerified"].as_bool()), (Some(MARIA), Some(true)));
    assert_eq!(user["roles"], json!(["user", "me"]));
    assert_eq!(client.get("/user").await.json(), *user);

    let mut phone = Client::app(&world);
    for email in [Some(MARIA), None] {
        let answer = phone.sign_in(email, &mut key).await;
        phone.keep(&answer);
        assert_eq!(phone.get("/user").await.json()["email"], MARIA);
    }
    let refreshed = phone.post("/token", &json!({ "refreshToken": phone.refresh.clone() })).await;
    let before = phone.refresh.clone();
    phone.keep(&refreshed);
    assert_ne!(phone.refresh, before);
    assert_eq!(phone.post("/token/verify", &json!({})).await.json(), "OK");

    let body = json!({ "refreshToken": phone.refresh.clone() });
    assert_eq!(phone.post("/signout", &body).await.json(), "OK");
    refused(&phone.get("/user").await, 401, "unauthenticated-user");
    refused(&phone.post("/token", &body).await, 401, "invalid-refresh-token");
    assert_eq!(client.get("/user").await.status, StatusCode::OK, "another session goes on");
}

#[tokio::test]
async fn another_key_takes_an_elevated_session() {
    let world = World::new().await;
    let (mut key, mut client) = (Passkey::new(b"key"), Client::page(&world));
    client.sign_up(&world, MARIA, &mut key).await;
    refused(&client.post("/user/webauthn/add", &json!({})).await, 403, "elevated-claim-required");
    let plain = client.access.clone();
    let elevated = client.elevate(&mut key).await;
    let session = client.keep(&elevated);
    assert_eq!(session["accessTokenExpiresIn"], 300);
    let options = client.post("/user/webauthn/add", &json!({})).await;
    assert_eq!(options.json()["excludeCredentials"].as_array().unwrap().len(), 1);
    let mut second = Passkey::new(b"second");
    let credential = second.create(&options.json());
    let added = client.post("/user/webauthn/verify", &json!({ "credential": credential, "nickname": "Desk" })).await;
    assert_eq!(added.json(), json!({ "id": credential["id"], "nickname": "Desk" }));
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut second).await.status, StatusCode::OK);
    // The token from before is dead since.
    client.access = plain;
    refused(&client.post("/user/webauthn/add", &json!({})).await, 401, "unauthenticated-user");
}

#[tokio::test]
async fn a_lost_key_is_recovered_by_code_and_replaced_once() {
    let world = World::new().await;
    let (mut key, mut client) = (Passkey::new(b"key"), Client::app(&world));
    client.sign_up(&world, MARIA, &mut key).await;
    let mut phone = Client::app(&world);
    assert_eq!(phone.post("/signin/otp/email", &json!({ "email": MARIA })).await.json(), "OK");
    let otp = world.code(MARIA).await;
    let done = phone.post("/signin/otp/email/verify", &json!({ "email": MARIA, "otp": otp })).await;
    phone.keep(&done);
    refused(&client.get("/user").await, 401, "unauthenticated-user");

    let mut new = Passkey::new(b"new");
    let options = phone.post("/user/webauthn/add", &json!({})).await;
    let credential = new.create(&options.json());
    let added = phone.post("/user/webauthn/verify", &json!({ "credential": credential })).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.text);
    refused(&phone.post("/user/webauthn/add", &json!({})).await, 403, "elevated-claim-required");
}
