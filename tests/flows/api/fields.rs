//! What clients write in the fields of a body, and what they are told of those that cannot be read.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::{Client, MARIA, maria, refused};
use crate::authenticator::{Passkey, encode};
use crate::world::World;

/// A key and its assertion, as a client writes them.
async fn written(world: &World) -> (Client, Value, Value) {
    let (mut client, mut key) = maria(world).await;
    let options = client.begin("/signin/webauthn", &json!({ "email": MARIA })).await;
    let assertion = key.get(&options);
    let options = client.begin("/signup/webauthn", &json!({ "email": "bob@example.com" })).await;
    (client, Passkey::new(b"new").create(&options), assertion)
}

/// The message of a refused body.
async fn told(client: &mut Client, path: &str, body: &Value) -> String {
    let answer = client.post(path, body).await;
    refused(&answer, 400, "invalid-request");
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    answer.json()["message"].as_str().unwrap().to_owned()
}

/// The body with that credential, and something else in one of its places; nothing, where that is missing.
fn with(credential: &Value, place: &str, value: Option<Value>) -> Value {
    let mut body = json!({ "credential": credential });
    let (parent, name) = place.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    body
}

#[tokio::test]
async fn bytes_are_read_with_padding_and_without_it() {
    let world = World::new().await;
    for pads in [true, false] {
        // An id, a challenge, signatures and what else there is, of every length that padding depends on.
        for length in 3..9 {
            let email = format!("maria{length}{pads}@example.com");
            let mut key = Passkey::new(&vec![b'k' + u8::from(pads); length]);
            key.pads = pads;
            let mut client = Client::app(&world);
            client.sign_up(&world, &email, &mut key).await;
            let signed_in = client.sign_in(Some(&email), &mut key).await;
            client.keep(&signed_in);
            let elevated = client.elevate(&mut key).await;
            client.keep(&elevated);
            let mut second = Passkey::new(&vec![b'x' + u8::from(pads); length]);
            second.pads = pads;
            let added = client.add(&mut second).await;
            assert_eq!(added.status, StatusCode::OK, "{}", added.text);
            assert_eq!(added.json()["id"], encode(&second.id), "written without");
            let signed_in = world.browser().sign_in(Some(&email), &mut key).await;
            assert_eq!(signed_in.status, StatusCode::OK, "our own pages read it too: {}", signed_in.text);
            world.mails(&email).await;
        }
    }
}

#[tokio::test]
async fn a_field_that_is_missing_or_cannot_be_read_is_named() {
    let world = World::new().await;
    let (mut client, new, assertion) = written(&world).await;
    let verify = [("/signup/webauthn/verify", &new), ("/signin/webauthn/verify", &assertion)];
    for (path, credential) in verify {
        let fields: &[&str] = if path.contains("signup") {
            &["clientDataJSON", "attestationObject"]
        } else {
            &["clientDataJSON", "authenticatorData", "signature"]
        };
        let of_response = fields.iter().map(|field| format!("/credential/response/{field}"));
        let places = of_response.chain(["/credential/rawId".to_owned()]);
        for place in places {
            let name = place.trim_start_matches('/').replace('/', ".");
            for value in [None, Some(Value::Null)] {
                let said = told(&mut client, path, &with(credential, &place, value)).await;
                assert_eq!(said, format!("`{name}` is missing."));
            }
            for text in ["secret+/", "sec ret", "secret!", "QUJ", "AA=A", "AAA===", "c2VjcmV0\n"] {
                let said = told(&mut client, path, &with(credential, &place, Some(json!(text)))).await;
                assert_eq!(said, format!("`{name}` is no base64url."), "{text}");
            }
            for value in [json!(7), json!(["secret"]), json!({ "secret": 1 }), json!(true)] {
                let said = told(&mut client, path, &with(credential, &place, Some(value))).await;
                assert!(said.starts_with(&format!("`{name}` is of another type")), "{said}");
            }
        }
        let missing = ["/credential/id", "/credential/type", "/credential/response", "/credential"];
        for place in missing {
            let name = place.trim_start_matches('/').replace('/', ".");
            let said = told(&mut client, path, &with(credential, place, None)).await;
            assert_eq!(said, format!("`{name}` is missing."));
        }
        for text in ["secret+/", "AAA===", "QUJ"] {
            let said = told(&mut client, path, &with(credential, "/credential/id", Some(json!(text)))).await;
            assert_eq!(said, "`credential.id` is no base64url.");
        }
    }
    let odd = with(&assertion, "/credential/response/userHandle", Some(json!("secret!")));
    assert_eq!(
        told(&mut client, "/signin/webauthn/verify", &odd).await,
        "`credential.response.userHandle` is no base64url."
    );
    let odd = with(&new, "/credential/response/clientDataJSON", Some(json!(encode(b"secret"))));
    assert_eq!(
        told(&mut client, "/signup/webauthn/verify", &odd).await,
        "`credential.response.clientDataJSON` names no challenge."
    );
}

#[tokio::test]
async fn other_fields_are_named_too() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let body = |options: Value| json!({ "email": MARIA, "options": options });
    for (path, sent, said) in [
        ("/signin/webauthn", json!({ "email": "secret" }), "`email` is no e-mail address."),
        ("/signin/webauthn", json!({ "email": 7 }), "`email` is of another type"),
        ("/signup/webauthn", json!({}), "`email` is missing."),
        ("/signup/webauthn", body(json!("secret")), "`options` is of another type"),
        ("/signup/webauthn", body(json!({ "displayName": [] })), "`options.displayName` is of another type"),
        ("/signup/webauthn", body(json!({ "locale": "secret!" })), "`options.locale` is not kept"),
        ("/signup/webauthn", body(json!({ "metadata": "secret" })), "`options.metadata` is of another type"),
        ("/signup/webauthn", body(json!({ "metadata": { "a": "x".repeat(5000) } })), "`options.metadata` is not kept"),
        ("/signin/otp/email/verify", json!({ "email": MARIA }), "`otp` is missing."),
        ("/token", json!({}), "`refreshToken` is missing."),
        ("/token", json!({ "refreshToken": { "secret": 1 } }), "`refreshToken` is of another type"),
        ("/token/verify", json!({ "token": 7 }), "`token` is of another type"),
        ("/signout", json!({ "all": "secret" }), "`all` is of another type"),
        ("/signout", json!({}), "`refreshToken` is missing"),
    ] {
        let answer = told(&mut client, path, &sent).await;
        assert!(answer.starts_with(said), "{path} {sent}: {answer}");
    }
    for (text, said) in [
        (r#"{"email":"a@b.example","email":"secret@b.example"}"#, "`email` is there twice."),
        (r#"["secret"]"#, "The body is no JSON object: see openapi.json."),
        (r#" "secret""#, "The body is no JSON object: see openapi.json."),
        (r#"{"email":"a@b.example"} {"secret":1}"#, "The body is no JSON (line 1, column 25)."),
    ] {
        let request = Request::post("/_bmauth/v1/signin/webauthn").header(header::CONTENT_TYPE, "application/json");
        let answer = client.browser.send(request.body(Body::from(text)).unwrap()).await;
        refused(&answer, 400, "invalid-request");
        assert_eq!(answer.json()["message"], said, "{text}");
    }
}
