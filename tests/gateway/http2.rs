//! The same promises over HTTP/2.

use std::time::Duration;

use bmauth::domain::route::Access;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request, StatusCode};
use tokio::io::AsyncWriteExt;

use crate::harness::*;

async fn connect(world: &World) -> SendRequest<Bytes> {
    let (client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    client
}

fn to(path: &str) -> http::request::Builder {
    Request::get(format!("https://{HOST}{path}"))
}

fn ask(client: &mut SendRequest<Bytes>, request: http::request::Builder) -> ResponseFuture {
    client.send_request(request.body(()).unwrap(), true).unwrap().0
}

async fn status(client: &mut SendRequest<Bytes>, request: http::request::Builder) -> StatusCode {
    ask(client, request).await.unwrap().status()
}

#[tokio::test]
async fn crumbs_of_cookies_are_read_and_reach_the_app_as_one_line() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let mut client = connect(&world).await;
    let own = format!("{COOKIE}={}", secret.text());
    let request = to("/")
        .header("cookie", "a=1")
        .header("cookie", &own)
        .header("cookie", "b=2")
        .header("cookie", "bmauth-lang=de");
    assert_eq!(status(&mut client, request).await, 200);
    let seen = app.saw();
    assert_eq!((seen.field("cookie"), seen.field("host")), (Some("a=1; b=2"), Some(HOST)));
    assert_eq!(seen.field("x-bmauth-jwt"), Some("token.user1@example.com.notes.example.com"));

    let twice = to("/").header("cookie", &own).header("cookie", &own);
    assert_eq!(status(&mut client, twice).await, 401);
}

#[tokio::test]
async fn a_question_over_http2_is_answered_alike() {
    let world = plan()
        .route_to(HOST, "/", Access::SignedIn, &[])
        .set(|settings| settings.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()])
        .start();
    let own = format!("{COOKIE}={}", world.keeper.sign_in(1).text());
    let mut client = connect(&world).await;
    let envoys = |path: &str| to(&format!("/_bmauth/forward-auth{path}")).header("x-forwarded-proto", "https");
    let request = envoys("/notes").header("cookie", "a=1").header("cookie", &own).header("cookie", "b=2");
    let answer = ask(&mut client, request).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cookie"], "a=1; b=2");
    assert_eq!(answer.headers()["x-bmauth-jwt"], "token.user1@example.com.notes.example.com");
    assert_eq!(status(&mut client, envoys("/notes")).await, 401);
    assert_eq!(status(&mut client, envoys("/notes").header("accept", "text/html")).await, 303);
    assert_eq!(status(&mut client, envoys("/a/../b").header("cookie", &own)).await, 403);
    let forwarded = to("/_bmauth/forward-auth")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", HOST)
        .header("x-forwarded-uri", "/notes")
        .header("cookie", &own);
    assert_eq!(status(&mut client, forwarded).await, 200);
}

#[tokio::test]
async fn no_spelling_of_an_identity_header_gets_through() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = connect(&world).await;
    for name in [
        "x-bmauth-jwt",
        "x_bmauth_jwt",
        "x.bmauth.jwt",
        "x-bmauth_jwt",
        "remote.user",
        "x_forwarded_user",
        "x.auth.request.email",
    ] {
        assert_eq!(status(&mut client, to("/").header(name, "evil")).await, 200);
        let seen = app.saw();
        assert!(!seen.fields.iter().any(|(_, value)| value == "evil"), "{name} {seen:?}");
    }
}

#[tokio::test]
async fn the_authority_and_the_host_field_say_the_same_or_the_request_is_refused() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = connect(&world).await;
    assert_eq!(status(&mut client, to("/").header("host", HOST)).await, 200);
    assert_eq!(app.saw().field("host"), Some(HOST));
    assert_eq!(status(&mut client, to("/").header("host", "evil.example")).await, 400);
    assert_eq!(status(&mut client, Request::get("https://evil.example/")).await, 421);
    assert_eq!(status(&mut client, Request::get("https://notes.example.com:8443/")).await, 200);
    assert_eq!(app.saw().field("host"), Some("notes.example.com:8443"));
}

#[tokio::test]
async fn streams_at_the_same_time_go_each_by_their_own_host() {
    let (notes, other) = (hello().await, hello().await);
    let world = plan()
        .route("/", Access::Public, &notes.url)
        .route_to("other.example.com", "/", Access::Public, &[&other.url])
        .start();
    let mut client = connect(&world).await;
    let hosts = ["other.example.com", HOST, "evil.example", "NOTES.example.com:443", "other.example.com:1"].repeat(6);
    let answers: Vec<ResponseFuture> =
        hosts.iter().map(|host| ask(&mut client, Request::get(format!("https://{host}/{host}")))).collect();
    for (host, answer) in hosts.iter().zip(answers) {
        let expected = if *host == "evil.example" { 421 } else { 200 };
        assert_eq!(answer.await.unwrap().status(), expected, "{host}");
    }
    for (app, name, count) in [(&notes, "notes.example.com", 12), (&other, "other.example.com", 12)] {
        let seen = app.seen();
        assert_eq!(seen.len(), count);
        for seen in seen {
            assert!(seen.target.to_lowercase().starts_with(&format!("/{name}")), "{seen:?}");
            assert!(seen.field("host").unwrap().starts_with(name), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn targets_and_methods_are_held_to_the_same_rules() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = connect(&world).await;
    for path in ["//..", "/a/../b", "/%2e%2e/b", "/a%2f..%2fb", "/a%5cb"] {
        assert_eq!(status(&mut client, to(path)).await, 400, "{path}");
    }
    for method in ["TRACE", "trace", "PRI"] {
        assert_eq!(status(&mut client, to("/").method(method)).await, 405);
    }
    assert!(app.seen().is_empty());
    for (method, path) in [("BREW", "/"), ("MERGE", "/a%2fb"), ("GET", "/a//b"), ("GET", "//a")] {
        assert_eq!(status(&mut client, to(path).method(method)).await, 200, "{method} {path}");
        let seen = app.saw();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, path));
    }
}

#[tokio::test]
async fn visitors_without_a_session_are_answered_and_the_portal_is_reached() {
    let world = world(&dead_address().await);
    let mut client = connect(&world).await;
    let sent = ask(&mut client, to("/a?b").header("accept", "text/html")).await.unwrap();
    assert_eq!(
        (sent.status().as_u16(), sent.headers()["location"].to_str().unwrap()),
        (303, "/_bmauth/sign-in?return_to=/a%3Fb")
    );
    assert_eq!(status(&mut client, to("/a")).await, 401);
    let crumbs = to("/_bmauth/x").header("cookie", "a=1").header("cookie", "b=2");
    let mut answer = ask(&mut client, crumbs).await.unwrap();
    assert_eq!(answer.headers()["x-portal"], "yes");
    let mut body = Vec::new();
    while let Some(piece) = answer.body_mut().data().await {
        body.extend(piece.unwrap());
    }
    let said = String::from_utf8(body).unwrap();
    assert!(said.contains("cookie: a=1; b=2") && said.contains("host: notes.example.com"), "{said}");
    let head = ask(&mut client, to("/_bmauth/x").method("HEAD")).await.unwrap();
    assert_eq!(head.status(), 200);
    let mut body = head.into_body();
    while let Some(piece) = body.data().await {
        assert_eq!(piece.unwrap(), "");
    }
}

#[tokio::test]
async fn what_has_a_body_is_no_preflight() {
    let app = hello().await;
    let world = world(&app.url);
    let mut client = connect(&world).await;
    let question = || {
        let options = to("/api").method("OPTIONS").header("origin", "https://other.example");
        options.header("access-control-request-method", "PUT")
    };
    assert_eq!(status(&mut client, question()).await, 200);
    app.saw();
    let (answer, mut body) = client.send_request(question().body(()).unwrap(), false).unwrap();
    body.send_data(Bytes::from_static(b"x"), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 401);
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn trailers_of_a_request_do_not_arrive() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = connect(&world).await;
    let (answer, mut body) = client.send_request(to("/").method("POST").body(()).unwrap(), false).unwrap();
    body.send_data(Bytes::from_static(b"hi"), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-bmauth-jwt", "evil".parse().unwrap());
    body.send_trailers(trailers).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    let seen = app.saw();
    assert_eq!((seen.body.as_slice(), seen.field("x-bmauth-jwt")), (&b"hi"[..], None));
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_its_neighbours_go_on() {
    let url = raw_app(async |_, mut stream| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
        stream.write_all(head).await.unwrap();
        std::future::pending().await
    })
    .await;
    let world = plan().route("/events", Access::SignedIn, &url).start();
    let secret = world.keeper.sign_in(1);
    let mut client = connect(&world).await;
    let events = to("/events").header("cookie", format!("{COOKIE}={}", secret.text()));
    let answer = ask(&mut client, events).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "data: 1\n\n");
    world.keeper.end(&secret);
    let end = tokio::time::timeout(PATIENCE, body.data()).await.expect("an end in time");
    assert!(end.is_some_and(|end| end.is_err()), "the answer is cut short, not complete");
    assert_eq!(status(&mut client, to("/_bmauth/x")).await, 200, "the connection goes on");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_when_nothing_more_is_asked() {
    let world = plan().route("/", Access::SignedIn, "http://127.0.0.1:9").start();
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    let mut connection = tokio::spawn(connection);
    for _ in 0..3 {
        assert_eq!(status(&mut client, to("/")).await, 401);
        assert!(tokio::time::timeout(Duration::from_secs(70), &mut connection).await.is_err(), "closed too early");
    }
    let end = tokio::time::timeout(Duration::from_secs(10), &mut connection).await;
    assert!(end.is_ok(), "it is still open");
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_request_lasts_is_not_closed() {
    let portal = axum::Router::new().fallback(async || {
        tokio::time::sleep(Duration::from_secs(200)).await;
        "late"
    });
    let world = plan().route("/", Access::SignedIn, "http://127.0.0.1:9").portal(portal).start();
    let mut client = connect(&world).await;
    assert_eq!(status(&mut client, to("/_bmauth/x")).await, 200);
    assert_eq!(status(&mut client, to("/")).await, 401);
}

#[tokio::test]
async fn a_head_over_its_limit_is_refused() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let mut client = connect(&world).await;
    let big = "a".repeat(40_000);
    assert_eq!(status(&mut client, to("/").header("x-big", &big)).await, 431);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pauses_within_a_body_is_not_waited_for() {
    let (url, mut asked) = {
        let (note, asked) = tokio::sync::mpsc::unbounded_channel();
        let url = raw_app(move |_, stream| {
            let note = note.clone();
            async move { note.send(stream).unwrap() }
        });
        (url.await, asked)
    };
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = connect(&world).await;
    let request = Request::post(format!("https://{HOST}/")).body(()).unwrap();
    let (answer, mut upload) = client.send_request(request, false).unwrap();
    upload.send_data(Bytes::from_static(b"some"), false).unwrap();
    let held = asked.recv().await.unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(answer.await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(began.elapsed().as_secs(), 60);
    drop((held, upload));
    // Nor is one that sends a byte now and then.
    let (answer, mut upload) =
        client.send_request(Request::post(format!("https://{HOST}/")).body(()).unwrap(), false).unwrap();
    upload.send_data(Bytes::from_static(b"some"), false).unwrap();
    let held = asked.recv().await.unwrap();
    let began = tokio::time::Instant::now();
    let dripping = tokio::spawn(async move {
        while upload.send_data(Bytes::from_static(b"x"), false).is_ok() {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    });
    assert_eq!(answer.await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(began.elapsed().as_secs(), 60);
    dripping.abort();
    drop(held);
}
