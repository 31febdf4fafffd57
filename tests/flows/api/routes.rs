//! What every route has in common: its errors, the bodies it reads, and who may ask.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::{Client, error, maria, refused};
use crate::browser::Answer;
use crate::world::World;

/// The routes that take a body, with a body that lacks nothing but sense, and whether a token is asked for before.
const BODIES: [(&str, &str, bool); 11] = [
    ("/signup/webauthn", r#"{"email":"maria@example.com"}"#, false),
    ("/signup/webauthn/verify", r#"{"credential":{}}"#, false),
    ("/signin/webauthn", r#"{"email":"maria@example.com"}"#, false),
    ("/signin/webauthn/verify", r#"{"credential":{}}"#, false),
    ("/signin/otp/email", r#"{"email":"maria@example.com"}"#, false),
    ("/signin/otp/email/verify", r#"{"email":"maria@example.com","otp":"123456"}"#, false),
    ("/user/webauthn/verify", r#"{"credential":{}}"#, true),
    ("/elevate/webauthn/verify", r#"{"credential":{}}"#, true),
    ("/token", r#"{"refreshToken":"x"}"#, false),
    ("/token/verify", "{}", false),
    ("/signout", "{}", false),
];
const POSTS: [&str; 13] = [
    "/signup/webauthn",
    "/signup/webauthn/verify",
    "/signin/webauthn",
    "/signin/webauthn/verify",
    "/signin/otp/email",
    "/signin/otp/email/verify",
    "/user/webauthn/add",
    "/user/webauthn/verify",
    "/elevate/webauthn",
    "/elevate/webauthn/verify",
    "/token",
    "/token/verify",
    "/signout",
];
const GETS: [&str; 5] = ["/user", "/healthz", "/version", "/openapi.json", "/.well-known/jwks.json"];

/// Sends a body as it is, with these content types.
async fn send(client: &mut Client, path: &str, types: &[&str], body: &str) -> Answer {
    let mut request = Request::post(format!("/_bmauth/v1{path}"));
    for kind in types {
        request = request.header(header::CONTENT_TYPE, *kind);
    }
    if let Some(access) = &client.access {
        request = request.header(header::AUTHORIZATION, format!("Bearer {access}"));
    }
    client.browser.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_body_is_json_and_says_so() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    for (path, body, _) in BODIES {
        for types in [
            &[][..],
            &["text/plain"],
            &["text/json"],
            &["application/x-www-form-urlencoded"],
            &["multipart/form-data; boundary=x"],
            &["application/jsonx"],
            &["text/plain; application/json"],
            &["application/json, text/plain"],
            &["application/json", "application/json"],
        ] {
            let answer = send(&mut client, path, types, body).await;
            assert_eq!(error(&answer), (400, "invalid-request".into()), "{path} {types:?}");
            assert!(answer.text.contains("application/json"), "{path} {types:?} {}", answer.text);
        }
    }
    for right in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"] {
        let answer = send(&mut client, "/signin/webauthn", &[right], "{}").await;
        assert_eq!(answer.status, StatusCode::OK, "{right}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_in_a_sentence_that_quotes_nothing_of_it() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    for (path, _, _) in BODIES {
        for body in ["{", "nul", "[1]", "\"secret\"", "{\"secret\":}", "{\"a\":1}}", "{\"a\":\"\u{1}\"}", "7", "null x"]
        {
            let answer = send(&mut client, path, &["application/json"], body).await;
            assert_eq!(error(&answer), (400, "invalid-request".into()), "{path} {body}");
            assert!(!answer.text.contains("secret"), "{path} {}", answer.text);
        }
    }
    let number = json!(7);
    for (path, field) in [
        ("/signup/webauthn", "email"),
        ("/signin/webauthn", "email"),
        ("/signin/otp/email", "email"),
        ("/token", "refreshToken"),
        ("/token/verify", "token"),
        ("/signout", "refreshToken"),
        ("/signout", "all"),
    ] {
        let answer = client.post(path, &json!({ field: number, "password": "secret" })).await;
        refused(&answer, 400, "invalid-request");
        assert!(!answer.text.contains("secret"), "{path} {}", answer.text);
    }
}

#[tokio::test]
async fn fields_that_are_missing_are_asked_for() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    for path in [
        "/signup/webauthn",
        "/signup/webauthn/verify",
        "/signin/webauthn/verify",
        "/signin/otp/email",
        "/signin/otp/email/verify",
        "/user/webauthn/verify",
        "/elevate/webauthn/verify",
        "/token",
        "/signout",
    ] {
        for body in ["{}", "", "{\"credential\":null}", "{\"credential\":{\"id\":\"x\"}}"] {
            let answer = send(&mut client, path, &["application/json"], body).await;
            assert_eq!(error(&answer), (400, "invalid-request".into()), "{path} {body}");
        }
    }
    for body in [json!({ "email": "maria@example.com" }), json!({ "otp": "123456" })] {
        refused(&client.post("/signin/otp/email/verify", &body).await, 400, "invalid-request");
    }
}

#[tokio::test]
async fn a_client_with_nothing_to_say_may_send_nothing() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    for (path, types) in [
        ("/signin/webauthn", &["application/json"][..]),
        ("/token/verify", &["application/json"]),
        ("/elevate/webauthn", &["application/json"]),
        ("/elevate/webauthn", &[]),
    ] {
        let answer = send(&mut client, path, types, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path} {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    for path in ["/signup/webauthn", "/signin/webauthn", "/signin/otp/email"] {
        for email in
            ["", "maria", "a@b@example.com", "maria@", "@example.com", "maria@example.com\r\nBcc: x@example.com"]
        {
            let answer = client.post(path, &json!({ "email": email })).await;
            assert_eq!(error(&answer), (400, "invalid-request".into()), "{path} {email:?}");
        }
    }
    refused(&client.enter("maria", "123456").await, 400, "invalid-request");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    for (path, _, _) in BODIES {
        let body = format!("{{\"email\":\"maria@example.com\",\"more\":\"{}\"}}", "x".repeat(64 * 1024));
        let answer = send(&mut client, path, &["application/json"], &body).await;
        assert_eq!(error(&answer), (413, "invalid-request".into()), "{path}");
    }
}

#[tokio::test]
async fn another_method_is_refused_and_told_which_one_there_is() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    for (paths, allowed, others) in [
        (&POSTS[..], "POST", [Method::GET, Method::PUT, Method::DELETE, Method::PATCH]),
        (&GETS, "GET,HEAD", [Method::POST, Method::PUT, Method::DELETE, Method::PATCH]),
    ] {
        for path in paths {
            for method in &others {
                let answer = client.call(method.clone(), path, None).await;
                assert_eq!(error(&answer), (405, "method-not-allowed".into()), "{method} {path}");
                assert_eq!(answer.headers[header::ALLOW], allowed, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_route_is_told_in_json() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    for path in
        ["", "/", "/nothing", "/signin", "/user/", "/signup/webauthn/", "/SIGNUP/webauthn", "/token/x", "//user"]
    {
        for method in [Method::GET, Method::POST] {
            let answer = client.call(method.clone(), path, None).await;
            assert!(answer.text.starts_with('{'), "{method} {path}");
            assert_eq!(error(&answer), (404, "route-not-found".into()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_the_users_takes_an_access_token_in_its_one_form() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let (access, refresh) = (client.access.take().unwrap(), client.refresh.clone().unwrap());
    let bearer = |text: &str| vec![format!("Bearer {text}")];
    let mut forged = access.clone().into_bytes();
    let place = forged.len() - 10;
    forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for (method, path) in [
        (Method::GET, "/user"),
        (Method::POST, "/user/webauthn/add"),
        (Method::POST, "/user/webauthn/verify"),
        (Method::POST, "/elevate/webauthn"),
        (Method::POST, "/elevate/webauthn/verify"),
    ] {
        for fields in [
            vec![],
            bearer(""),
            bearer("x"),
            bearer("a.b.c"),
            bearer(&refresh),
            bearer(&forged),
            bearer(&format!("{access}.")),
            bearer(&access[..access.len() - 1]),
            vec![access.clone()],
            vec![format!("Basic {access}")],
            vec![format!("Bearer\t{access}")],
            [bearer(&access), bearer(&access)].concat(),
            [vec!["Basic eDp5".to_owned()], bearer(&access)].concat(),
        ] {
            let mut request = Request::builder().method(method.clone()).uri(format!("/_bmauth/v1{path}"));
            for field in &fields {
                request = request.header(header::AUTHORIZATION, field);
            }
            // The token is asked for before anything is read.
            let answer = client.browser.send(request.body(Body::from("{")).unwrap()).await;
            assert_eq!(error(&answer), (401, "unauthenticated-user".into()), "{path} {fields:?}");
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer", "{path}");
        }
    }
    client.access = Some(access);
    assert!(client.is_signed_in().await);
}

#[tokio::test]
async fn the_gateway_tells_of_itself() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    assert_eq!(client.get("/healthz").await.json(), "OK");
    assert_eq!(client.get("/version").await.json(), json!({ "version": env!("CARGO_PKG_VERSION") }));
    assert_eq!(client.get("/openapi.json").await.headers[header::CONTENT_TYPE], "application/json");
    let keys = client.get("/.well-known/jwks.json").await;
    assert_eq!(keys.text, world.browser().get("/_bmauth/jwks.json").await.text);
    assert!(!keys.text.contains("\"d\""), "{}", keys.text);
}

#[tokio::test]
async fn no_answer_is_kept_in_any_cache() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let answers: [Answer; 4] = [
        client.refresh().await,
        client.get("/user").await,
        client.post("/signin/webauthn", &json!({})).await,
        client.post("/token", &json!({ "refreshToken": "x" })).await,
    ];
    for answer in answers {
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{}", answer.text);
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{}", answer.text);
        assert!(answer.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("application/json"));
        assert_ne!(answer.json(), Value::Null);
    }
}
