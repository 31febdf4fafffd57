//! WebSockets, event streams and long transfers: they pass, and they end with their session.

use bmauth::domain::route::Access;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{self, *};

/// An app that accepts a WebSocket, as it is to be asked for one.
async fn echo() -> String {
    harness::echo(|seen| {
        assert_eq!(seen.field("upgrade"), Some("websocket"));
        assert_eq!(seen.field("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
        assert_eq!(seen.field("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    })
    .await
}

#[tokio::test]
async fn a_websocket_of_the_apps_own_page_is_passed_through() {
    let world = world(&echo().await);
    let secret = world.keeper.sign_in(1);
    let (mut client, answer) =
        open_socket(&world, "/socket", &[&cookie(&secret), "Origin: https://notes.example.com"]).await;
    assert_eq!((answer.status, answer.field("upgrade")), (101, Some("websocket")));
    assert_eq!(answer.field("x-who"), Some("token.user1@example.com.notes.example.com"));
    for message in [&b"\x81\x05hello"[..], b"again", b"\r\n\r\n"] {
        client.send(message).await;
        client.expect(message).await;
    }
}

#[tokio::test]
async fn a_websocket_of_another_sites_page_is_refused() {
    let world = world(&echo().await);
    let secret = world.keeper.sign_in(1);
    for origin in [
        "Origin: https://evil.example",
        "Origin: http://notes.example.com",
        "Origin: https://notes.example.com:8443",
        "Origin: https://sub.notes.example.com",
        "Origin: null",
        "X-No-Origin: 1",
    ] {
        let (_, answer) = open_socket(&world, "/socket", &[&cookie(&secret), origin]).await;
        assert_eq!(answer.status, 403, "{origin}");
    }
}

#[tokio::test]
async fn a_websocket_without_a_session_passes_on_a_public_route_alone() {
    let url = echo().await;
    let world = plan().route("/", Access::Public, &url).route("/socket", Access::SignedIn, &url).start();
    let (_, answer) = open_socket(&world, "/socket", &["Origin: https://notes.example.com"]).await;
    assert_eq!(answer.status, 401);
    let world = plan().route("/", Access::Public, &url).start();
    let (_, answer) = open_socket(&world, "/socket", &["Origin: https://other.example"]).await;
    assert_eq!((answer.status, answer.field("x-who")), (101, Some("nobody")));
}

#[tokio::test]
async fn no_other_protocol_is_upgraded_to() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let lines = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"];
    assert_eq!(world.get("/", &lines).await.status, 200);
    let seen = app.saw();
    assert_eq!((seen.field("upgrade"), seen.field("http2-settings")), (None, None));
}

#[tokio::test]
async fn an_app_cannot_switch_to_what_was_not_asked_for() {
    for (protocol, asked) in [("websocket", &[][..]), ("h2c", &UPGRADE[..]), ("websocket, h2c", &UPGRADE[..])] {
        let url = raw_app(move |_, mut stream| async move {
            let head =
                format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            std::future::pending().await
        })
        .await;
        let world = plan().route("/", Access::Public, &url).start();
        let mut client = world.connect();
        client.send(get("/", asked)).await;
        assert_eq!(client.answer_head().await.status, 502, "{protocol} {asked:?}");
    }
}

#[tokio::test]
async fn an_open_websocket_ends_with_its_session_and_others_go_on() {
    let world = world(&echo().await);
    let (mine, other) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    let origin = "Origin: https://notes.example.com";
    let (mut ends, _) = open_socket(&world, "/socket", &[&cookie(&mine), origin]).await;
    let (mut goes_on, _) = open_socket(&world, "/socket", &[&cookie(&other), origin]).await;
    ends.send("x").await;
    ends.expect(b"x").await;
    world.keeper.end(&mine);
    assert_eq!(ends.closes().await, "");
    goes_on.send("y").await;
    goes_on.expect(b"y").await;
}

/// An app that says one event and then nothing; tells when its client is gone.
async fn events() -> (String, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (note, gone) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_app(move |_, mut stream| {
        let note = note.clone();
        async move {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            let _ = note.send(());
        }
    })
    .await;
    (url, gone)
}

#[tokio::test]
async fn an_event_stream_that_is_silent_ends_with_its_session_at_both_ends() {
    let (url, mut gone) = events().await;
    let world = world(&url);
    let secret = world.keeper.sign_in(1);
    let mut client = world.connect();
    client.send(get("/events", &[&cookie(&secret), "Accept: text/event-stream"])).await;
    assert_eq!(client.answer_head().await.status, 200);
    client.expect(b"9\r\ndata: 1\n\n\r\n").await;
    world.keeper.end(&secret);
    assert_eq!(client.closes().await, "", "an answer cut short has no last chunk");
    tokio::time::timeout(PATIENCE, gone.recv()).await.unwrap();
}

#[tokio::test]
async fn an_event_stream_without_a_session_goes_on() {
    let (url, _gone) = events().await;
    let world = plan().route("/", Access::Optional, &url).start();
    let secret = world.keeper.sign_in(1);
    let mut client = world.connect();
    client.send(get("/events", &[])).await;
    client.answer_head().await;
    client.expect(b"9\r\ndata: 1\n\n\r\n").await;
    world.keeper.end(&secret);
    tokio::task::yield_now().await;
    let more = tokio::time::timeout(std::time::Duration::from_millis(200), client.io.read_u8()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn an_upload_ends_with_its_session_even_while_the_app_takes_nothing() {
    let url = raw_app(async |_, _stream| std::future::pending().await).await;
    let world = world(&url);
    let secret = world.keeper.sign_in(1);
    let mut client = world.connect();
    client.send(request("PUT", "/", &[&cookie(&secret), "Content-Length: 1000000000"], "")).await;
    let piece = vec![7; 64 * 1024];
    // Until everything between here and there is full.
    while tokio::time::timeout(std::time::Duration::from_millis(300), client.io.write_all(&piece)).await.is_ok() {}
    world.keeper.end(&secret);
    client.closes().await;
}

#[tokio::test]
async fn a_download_ends_with_its_session_even_while_the_client_takes_nothing() {
    let (note, mut gone) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_app(move |_, mut stream| {
        let note = note.clone();
        async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await.unwrap();
            while stream.write_all(&[7; 65536]).await.is_ok() {}
            let _ = note.send(());
        }
    })
    .await;
    let world = world(&url);
    let secret = world.keeper.sign_in(1);
    let mut client = world.connect();
    client.send(get("/", &[&cookie(&secret)])).await;
    assert_eq!(client.answer_head().await.status, 200);
    world.keeper.end(&secret);
    tokio::time::timeout(PATIENCE, gone.recv()).await.unwrap();
    client.closes().await;
}

#[tokio::test]
async fn a_request_that_is_not_answered_yet_ends_with_its_session() {
    let (url, mut arrived) = silent().await;
    let world = world(&url);
    let secret = world.keeper.sign_in(1);
    let mut client = world.connect();
    client.send(get("/", &[&cookie(&secret)])).await;
    arrived.recv().await.unwrap();
    world.keeper.end(&secret);
    assert_eq!(client.closes().await, "");
}
