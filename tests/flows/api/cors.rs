//! Which pages may call the API, by origin; and that no cookie is asked for.

use std::sync::Arc;

use axum::body::Body;
use bmauth::store::memory::MemoryStore;
use http::{Method, Request, StatusCode, header};
use serde_json::json;

use super::{Client, error, maria};
use crate::authenticator::ORIGIN;
use crate::browser::Answer;
use crate::world::{CONFIG, World};

const APP: &str = "https://app.notes.example.com";
const ROUTES: [(Method, &str); 19] = [
    (Method::POST, "/signup/webauthn"),
    (Method::POST, "/signup/webauthn/verify"),
    (Method::POST, "/signin/webauthn"),
    (Method::POST, "/signin/webauthn/verify"),
    (Method::POST, "/signin/otp/email"),
    (Method::POST, "/signin/otp/email/verify"),
    (Method::POST, "/user/webauthn/add"),
    (Method::POST, "/user/webauthn/verify"),
    (Method::POST, "/elevate/webauthn"),
    (Method::POST, "/elevate/webauthn/verify"),
    (Method::POST, "/token"),
    (Method::POST, "/token/verify"),
    (Method::POST, "/signout"),
    (Method::GET, "/user"),
    (Method::GET, "/healthz"),
    (Method::GET, "/version"),
    (Method::GET, "/openapi.json"),
    (Method::GET, "/.well-known/jwks.json"),
    (Method::GET, "/nothing"),
];

async fn world() -> World {
    World::with(&format!("{CONFIG}\n[api]\nallowed_origins = [\"{APP}\"]"), Arc::new(MemoryStore::new())).await
}

async fn send(client: &mut Client, method: &Method, path: &str, origins: &[&str]) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("/_bmauth/v1{path}"));
    for origin in origins {
        request = request.header(header::ORIGIN, *origin);
    }
    if let Some(access) = &client.access {
        request = request.header(header::AUTHORIZATION, format!("Bearer {access}"));
    }
    let request = request.header(header::CONTENT_TYPE, "application/json");
    client.browser.send(request.body(Body::from("{}")).unwrap()).await
}

async fn preflight(client: &mut Client, path: &str, origin: &str) -> Answer {
    let request = Request::options(format!("/_bmauth/v1{path}"))
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
    client.browser.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route() {
    let world = world().await;
    let (mut client, _) = maria(&world).await;
    for (method, path) in &ROUTES {
        for origins in [
            &["https://evil.example"][..],
            &["null"],
            &[""],
            &["http://app.notes.example.com"],
            &["https://app.notes.example.com:8443"],
            &["https://x.app.notes.example.com"],
            &["https://app.notes.example.com.evil.example"],
            &["https://app.notes.example.com/"],
            &["https://APP.notes.example.com"],
            &["http://notes.example.com"],
            &["https://notes.example.com:8443"],
            &[ORIGIN, ORIGIN],
            &[APP, "https://evil.example"],
        ] {
            let answer = send(&mut client, method, path, origins).await;
            assert_eq!(error(&answer), (403, "invalid-request".into()), "{method} {path} {origins:?}");
            assert!(!answer.headers.contains_key(header::SET_COOKIE), "{path}");
            let allowed = answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert!(allowed.is_none() || origins[0] == APP, "{path} {origins:?}");
        }
    }
}

#[tokio::test]
async fn a_configured_origin_may_call_and_read_and_ours_needs_no_leave() {
    let world = world().await;
    let (mut client, _) = maria(&world).await;
    for (method, path) in &ROUTES {
        let theirs = send(&mut client, method, path, &[APP]).await;
        // Adding a key takes more than an origin.
        let is_let_in =
            |answer: &Answer| answer.status != StatusCode::FORBIDDEN || error(answer).1 == "elevated-claim-required";
        assert!(is_let_in(&theirs), "{method} {path} {}", theirs.text);
        assert_eq!(theirs.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], APP, "{path}");
        for origins in [&[ORIGIN][..], &[]] {
            let ours = send(&mut client, method, path, origins).await;
            assert!(is_let_in(&ours), "{path}");
            assert!(!ours.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{path}");
        }
    }
}

#[tokio::test]
async fn a_preflight_allows_what_the_api_takes_and_no_credentials() {
    let world = world().await;
    let (mut client, _) = maria(&world).await;
    client.access = None;
    for (_, path) in &ROUTES {
        let asked = preflight(&mut client, path, APP).await;
        assert_eq!(asked.status, StatusCode::OK, "{path}");
        let field = |name: header::HeaderName| asked.headers[name].to_str().unwrap().to_lowercase();
        assert_eq!(field(header::ACCESS_CONTROL_ALLOW_ORIGIN), APP);
        assert_eq!(field(header::ACCESS_CONTROL_ALLOW_METHODS), "get,post");
        assert_eq!(field(header::ACCESS_CONTROL_ALLOW_HEADERS), "authorization,content-type");
        assert_eq!(field(header::ACCESS_CONTROL_MAX_AGE), "600");
        assert!(field(header::VARY).contains("origin"), "{path}");
        assert!(!asked.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "{path}");
        assert!(!asked.headers.contains_key(header::SET_COOKIE), "{path}");
        let foreign = preflight(&mut client, path, "https://evil.example").await;
        assert!(!foreign.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{path}");
    }
    // The pages are for no other origin.
    let page = Request::options("/_bmauth/sign-in/options").header(header::ORIGIN, APP);
    let page = client.browser.send(page.body(Body::empty()).unwrap()).await;
    assert!(!page.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn without_configured_origins_no_page_elsewhere_may_call() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    for (method, path) in &ROUTES {
        let answer = send(&mut client, method, path, &[APP]).await;
        assert_eq!(error(&answer), (403, "invalid-request".into()), "{method} {path}");
        assert!(!preflight(&mut client, path, APP).await.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }
    assert_eq!(client.post("/signin/webauthn", &json!({})).await.status, StatusCode::OK);
}
