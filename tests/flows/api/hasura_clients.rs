//! What hasura-auth's own clients send, each in its own way.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::json;

use super::{Client, refused};
use crate::authenticator::Passkey;
use crate::world::World;

#[tokio::test]
async fn no_body_is_an_object_without_fields() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    for with_type in [true, false] {
        let send = |path: &str| {
            let request = Request::post(format!("/_bmauth/v1{path}"));
            if with_type { request.header(header::CONTENT_TYPE, "application/json") } else { request }
        };
        let begun = client.browser.send(send("/signin/webauthn").body(Body::empty()).unwrap()).await;
        assert_eq!((begun.status, &begun.json()["allowCredentials"]), (StatusCode::OK, &json!([])));
        let verified = client.browser.send(send("/token/verify").body(Body::empty()).unwrap()).await;
        refused(&verified, 401, "unauthenticated-user");
        let named = client.browser.send(send("/signup/webauthn").body(Body::empty()).unwrap()).await;
        refused(&named, 400, "invalid-request");
    }
    // A page elsewhere can send these without being asked for leave.
    for foreign in ["text/plain", "application/x-www-form-urlencoded", ""] {
        for body in ["", "{}"] {
            let request = Request::post("/_bmauth/v1/signin/webauthn").header(header::CONTENT_TYPE, foreign);
            let answer = client.browser.send(request.body(Body::from(body)).unwrap()).await;
            refused(&answer, 400, "invalid-request");
        }
    }
    let untyped = Request::post("/_bmauth/v1/signin/webauthn").body(Body::from("{}")).unwrap();
    refused(&client.browser.send(untyped).await, 400, "invalid-request");
}

#[tokio::test]
async fn a_nickname_among_the_options_is_the_keys() {
    let world = World::new().await;
    for (email, beside, among, kept) in [
        ("a@example.com", None, Some("Phone"), Some("Phone")),
        ("b@example.com", Some("Desk"), Some("Phone"), Some("Desk")),
        ("c@example.com", None, None, None),
    ] {
        let (mut key, mut client) = (Passkey::new(email.as_bytes()), Client::app(&world));
        let options = client.post("/signup/webauthn", &json!({ "email": email })).await;
        let credential = key.create(&options.json());
        let body = json!({ "credential": credential, "nickname": beside, "options": { "nickname": among } });
        assert_eq!(client.post("/signup/webauthn/verify", &body).await.status, StatusCode::OK);
        let otp = world.code(email).await;
        let done = client.post("/signin/otp/email/verify", &json!({ "email": email, "otp": otp })).await;
        client.keep(&done);
        let account = world.store.account_by_email(&email.to_owned().try_into().unwrap()).await.unwrap().unwrap();
        let passkeys = world.store.passkeys(account.id).await.unwrap();
        let names: Vec<_> = passkeys.iter().map(|passkey| passkey.name.as_deref()).collect();
        if let Some(kept) = kept {
            assert_eq!(names, [Some(kept)]);
        } else {
            assert!(!names.contains(&Some("Phone")) && names.len() == 1, "{names:?}");
        }
    }
}
