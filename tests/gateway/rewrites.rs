//! What a route changes on the way to its app and back, and what it does not let through.

use bmauth::domain::host::Authority;
use bmauth::domain::origin::Origin;
use bmauth::domain::route::Access;
use bmauth::domain::upstream::{HostHeader, Upstream};

use crate::harness::*;

fn behind(path: &str, app: &App, change: impl FnOnce(&mut Upstream)) -> World {
    plan().route(path, Access::Public, &app.url).app(change).start()
}

#[tokio::test]
async fn the_app_is_told_the_host_that_the_route_says() {
    let app = hello().await;
    let port = app.url.rsplit(':').next().unwrap().to_owned();
    let named = HostHeader::Named(Authority::parse(b"app.internal:8443").unwrap());
    for (said, host) in [
        (HostHeader::Visitor, HOST.to_owned()),
        (HostHeader::Upstream, format!("127.0.0.1:{port}")),
        (named, "app.internal:8443".to_owned()),
    ] {
        let world = behind("/", &app, |app| app.host_header = said);
        world.get("/", &["X-Forwarded-Host: evil.example"]).await;
        let seen = app.saw();
        assert_eq!((seen.field("host"), seen.field("x-forwarded-host")), (Some(&*host), Some(HOST)));
    }
}

#[tokio::test]
async fn the_routes_path_is_cut_off_byte_by_byte() {
    let app = hello().await;
    let world = behind("/api", &app, |app| app.strip_prefix = true);
    for (asked, received) in
        [("/api/", "/"), ("/api/x?y=/api/z", "/x?y=/api/z"), ("/api/api/x/", "/api/x/"), ("/api/a%20b", "/a%20b")]
    {
        assert_eq!(world.get(asked, &["X-Forwarded-Prefix: /evil"]).await.status, 200, "{asked}");
        let seen = app.saw();
        assert_eq!((&*seen.target, seen.field("x-forwarded-prefix")), (received, Some("/api")), "{asked}");
    }
    for (asked, address) in [("/api", "/api/"), ("/api?x=/y", "/api/?x=/y")] {
        for method in ["GET", "POST"] {
            let answer = world.ask(&request(method, asked, &["Content-Length: 0"], "")).await;
            assert_eq!((answer.status, answer.field("location")), (308, Some(address)), "{asked}");
        }
    }
    let spelled = behind("/@api", &app, |app| app.strip_prefix = true);
    assert_eq!(spelled.get("/@api/x", &[]).await.status, 200);
    assert_eq!(app.saw().target, "/x");
    assert_eq!(spelled.get("/%40api/x", &[]).await.status, 400, "another spelling of it");
    for double in ["/api//x", "/api//", "/api/%2fx"] {
        assert_eq!(world.get(double, &[]).await.status, 400, "{double}");
    }
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn what_the_app_says_of_its_own_paths_gets_the_prefix_that_it_lacks() {
    async fn answered(line: &str, name: &str) -> Vec<String> {
        let answer = format!("HTTP/1.1 302 Found\r\n{line}\r\nContent-Length: 0\r\n\r\n");
        let app = app_saying(answer.leak()).await;
        let world = behind("/api", &app, |app| app.strip_prefix = true);
        world.get("/api/x", &[]).await.all(name).into_iter().map(ToOwned::to_owned).collect()
    }
    for (said, passed_on) in [
        ("/", "/api/"),
        ("/login?next=/x", "/api/login?next=/x"),
        ("/api", "/api"),
        ("/api/x", "/api/x"),
        ("/api?x", "/api?x"),
        ("/apix", "/api/apix"),
        ("x", "x"),
        ("../x", "../x"),
        ("?q", "?q"),
        ("//other.example/x", "//other.example/x"),
        ("https://other.example/x", "https://other.example/x"),
        ("https://notes.example.com/x", "https://notes.example.com/api/x"),
        ("https://notes.example.com", "https://notes.example.com/api/"),
        ("http://NOTES.example.com/api/x", "http://NOTES.example.com/api/x"),
        ("https://notes.example.com.evil.example/x", "https://notes.example.com.evil.example/x"),
        ("https://notes.example.com@evil.example/x", "https://notes.example.com@evil.example/x"),
        ("mailto:a@b", "mailto:a@b"),
    ] {
        assert_eq!(answered(&format!("Location: {said}"), "location").await, [passed_on], "{said}");
    }
    let cookies = "Set-Cookie: a=1; Path=/; Secure\r\nSet-Cookie: b=/;path=/sub ;HttpOnly\r\nSet-Cookie: c=1\r\n\
        Set-Cookie: __Host-d=1; Path=/; Secure\r\nSet-Cookie: e=1; Path=/api/x\r\nSet-Cookie: f=1; Path=relative";
    assert_eq!(
        answered(cookies, "set-cookie").await,
        [
            "a=1; Path=/api/; Secure",
            "b=/;path=/api/sub;HttpOnly",
            "c=1",
            "__Host-d=1; Path=/; Secure",
            "e=1; Path=/api/x",
            "f=1; Path=relative"
        ]
    );
}

#[tokio::test]
async fn headers_are_set_and_removed_as_the_route_says() {
    let app = app_saying("HTTP/1.1 200 OK\r\nServer: app/1\r\nX-Old: 1\r\nContent-Length: 0\r\n\r\n").await;
    let world = behind("/", &app, |app| {
        app.request_headers.add("X-Env", Some("prod")).unwrap();
        app.request_headers.add("Accept-Encoding", None).unwrap();
        app.response_headers.add("Server", None).unwrap();
        app.response_headers.add("X-Old", Some("2")).unwrap();
        app.response_headers.add("X-New", Some("a b")).unwrap();
    });
    let answer = world.get("/", &["X-Env: dev", "X-Env: test", "Accept-Encoding: gzip"]).await;
    assert_eq!(answer.field("server"), None);
    assert_eq!((answer.field("x-old"), answer.field("x-new")), (Some("2"), Some("a b")));
    let seen = app.saw();
    assert_eq!((seen.field("x-env"), seen.field("accept-encoding")), (Some("prod"), None));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read_or_cut_off() {
    let app = hello().await;
    let world = behind("/", &app, |app| app.max_body = Some(5));
    assert_eq!(world.ask(&request("POST", "/", &[], "12345")).await.status, 200);
    assert_eq!(app.saw().body, b"12345");
    // Nothing of it has to be sent to be refused.
    for length in ["6", "9223372036854775807"] {
        let mut client = world.connect();
        client.send(request("POST", "/", &[&format!("Content-Length: {length}")], "")).await;
        assert_eq!(client.answer_head().await.status, 413, "{length}");
    }
    let chunked = request("POST", "/", &["Transfer-Encoding: chunked"], "");
    assert_eq!(world.ask(&format!("{chunked}5\r\n12345\r\n0\r\n\r\n")).await.status, 200);
    app.saw();
    let mut client = world.connect();
    client.send(format!("{chunked}3\r\n123\r\n3\r\n456\r\n")).await;
    assert_eq!(client.answer_head().await.status, 413);
    assert!(app.seen().is_empty(), "it is not taken for whole");
}

#[tokio::test]
async fn a_route_without_websockets_refuses_them() {
    let app = hello().await;
    let world = behind("/", &app, |app| app.upgrade = false);
    let origin = format!("Origin: https://{HOST}");
    let upgrade =
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x", &origin];
    let answer = world.get("/", &upgrade).await;
    assert_eq!((answer.status, answer.json()["type"].as_str()), (403, Some("urn:bmauth:problem:no-websockets")));
    assert!(app.seen().is_empty());
    assert_eq!(world.get("/", &[]).await.status, 200);
}

#[tokio::test]
async fn a_route_lets_pages_of_named_origins_open_websockets() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .app(|app| app.websocket_origins = vec![Origin::parse("https://app.example.com").unwrap()])
        .start();
    let own = cookie(&world.keeper.sign_in(1));
    for (origin, status) in
        [("https://app.example.com", 200), ("https://notes.example.com", 200), ("https://evil.example", 403)]
    {
        let origin = format!("Origin: {origin}");
        let upgrade = ["Upgrade: websocket", "Connection: Upgrade", &origin, &own];
        assert_eq!(world.get("/", &upgrade).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn an_app_takes_nothing_away_that_the_route_sets() {
    let app =
        app_saying("HTTP/1.1 200 OK\r\nConnection: X-Frame-Options\r\nX-Frame-Options: x\r\nContent-Length: 0\r\n\r\n")
            .await;
    let world = behind("/", &app, |app| app.response_headers.add("X-Frame-Options", Some("DENY")).unwrap());
    assert_eq!(world.get("/", &[]).await.field("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn a_client_that_sends_too_much_hears_why_once_it_has_sent_all() {
    let app = hello().await;
    let world = behind("/", &app, |app| app.max_body = Some(5));
    let (mut reads, mut writes) = tokio::io::split(world.connect().io);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let upload = format!("{}{}0\r\n\r\n", request("POST", "/", &["Transfer-Encoding: chunked"], ""), chunk.repeat(40));
    tokio::io::AsyncWriteExt::write_all(&mut writes, upload.as_bytes()).await.unwrap();
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut reads, &mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
}
