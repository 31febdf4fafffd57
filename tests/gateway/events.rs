//! Event streams of our own pages: each event goes out as it comes, and the stream ends with either end.

use std::convert::Infallible;

use axum::Router;
use axum::routing::get as answers_get;
use bmauth::domain::route::Access;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::harness::*;

/// Says what is sent into `say`; `gone` ends when the stream was dropped.
struct Page {
    say: mpsc::Sender<Bytes>,
    router: Router,
}

fn page() -> Page {
    let (say, said) = mpsc::channel::<Bytes>(8);
    let said = std::sync::Arc::new(tokio::sync::Mutex::new(Some(said)));
    let router = Router::new().route(
        "/_bmauth/events",
        answers_get(move || async move {
            let said = said.lock().await.take();
            let events = stream::unfold(said, |said| async {
                let mut said = said?;
                let event = said.recv().await?;
                Some((Ok::<_, Infallible>(event), Some(said)))
            });
            // A length would be a lie, and is not passed on.
            let fields = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (CONTENT_LENGTH, "3")];
            (fields, axum::body::Body::from_stream(events))
        }),
    );
    Page { say, router }
}

async fn opened() -> (World, Client, Answer, mpsc::Sender<Bytes>) {
    let Page { say, router } = page();
    let world = plan().route("/", Access::Public, &no_listener().await).portal(router).start();
    let mut client = world.connect();
    client.send(get("/_bmauth/events", &["Accept: text/event-stream"])).await;
    let head = client.answer_head().await;
    (world, client, head, say)
}

#[tokio::test]
async fn each_event_goes_out_as_it_comes_and_the_connection_is_used_again() {
    let (_world, mut client, head, say) = opened().await;
    assert_eq!((head.status, head.field("content-type")), (200, Some("text/event-stream")));
    assert_eq!((head.field("transfer-encoding"), head.field("content-length")), (Some("chunked"), None));
    assert_eq!(head.field("cache-control"), Some("no-store"));
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        say.send(Bytes::from(event)).await.unwrap();
        client.expect(format!("9\r\n{event}\r\n").as_bytes()).await;
    }
    drop(say);
    client.expect(b"0\r\n\r\n").await;
    client.send(get("/_bmauth/nothing", &[])).await;
    assert_eq!(client.answer_head().await.status, 404);
}

#[tokio::test]
async fn a_client_that_goes_is_noticed_while_nothing_happens() {
    let (_world, client, _, say) = opened().await;
    drop(client);
    tokio::time::timeout(PATIENCE, say.closed()).await.expect("the page is told in time");
}

#[tokio::test]
async fn a_client_that_sends_more_meanwhile_is_let_go() {
    let (_world, mut client, _, say) = opened().await;
    client.send(get("/_bmauth/nothing", &[])).await;
    tokio::time::timeout(PATIENCE, say.closed()).await.expect("the page is told in time");
    client.closes().await;
}

#[tokio::test]
async fn at_shutdown_streams_end_without_being_waited_for() {
    let (world, mut client, _, say) = opened().await;
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let serving = tokio::spawn(std::sync::Arc::clone(&world.proxy).serve(Vec::new(), shutdown));
    client.expect(b"0\r\n\r\n").await;
    tokio::time::timeout(PATIENCE, say.closed()).await.expect("the page is told in time");
    tokio::time::timeout(PATIENCE, serving).await.expect("it stops in time").unwrap();
}

#[tokio::test]
async fn http_1_0_gets_no_chunks() {
    let Page { say, router } = page();
    let world = plan().route("/", Access::Public, &no_listener().await).portal(router).start();
    let mut client = world.connect();
    client.send(format!("GET /_bmauth/events HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).await;
    let head = client.answer_head().await;
    assert_eq!((head.status, head.field("transfer-encoding")), (200, None));
    say.send(Bytes::from("data: 1\n\n")).await.unwrap();
    client.expect(b"data: 1\n\n").await;
    drop(say);
    assert_eq!(client.closes().await, "");
}

#[tokio::test]
async fn a_head_request_is_answered_at_once() {
    let Page { say: _say, router } = page();
    let world = plan().route("/", Access::Public, &no_listener().await).portal(router).start();
    let mut client = world.connect();
    client.send(request("HEAD", "/_bmauth/events", &[], "")).await;
    assert_eq!(client.answer_head().await.status, 200);
    client.send(get("/_bmauth/nothing", &[])).await;
    assert_eq!(client.answer_head().await.status, 404);
}

#[tokio::test]
async fn over_http2_events_are_frames_and_a_reset_ends_the_stream() {
    let Page { say, router } = page();
    let world = plan().route("/", Access::Public, &no_listener().await).portal(router).start();
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("https://{HOST}/_bmauth/events")).body(()).unwrap();
    let answer = client.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("transfer-encoding") && !answer.headers().contains_key(CONTENT_LENGTH));
    let mut body = answer.into_body();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        say.send(Bytes::from(event)).await.unwrap();
        assert_eq!(body.data().await.unwrap().unwrap(), event);
    }
    // Dropping it resets the stream; the connection goes on.
    drop(body);
    tokio::time::timeout(PATIENCE, say.closed()).await.expect("the page is told in time");
    let request = http::Request::get(format!("https://{HOST}/_bmauth/nothing")).body(()).unwrap();
    assert_eq!(client.send_request(request, true).unwrap().0.await.unwrap().status(), 404);
}

/// Time goes on by itself once no task has anything to do.
#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_let_go() {
    let Page { say, router } = page();
    let world = plan().route("/", Access::Public, &no_listener().await).portal(router).start();
    let mut no_room = h2::client::Builder::new();
    no_room.initial_window_size(0);
    let (mut client, connection) = no_room.handshake::<_, Bytes>(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("https://{HOST}/_bmauth/events")).body(()).unwrap();
    let answer = client.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), 200);
    say.send(Bytes::from("data: 1\n\n")).await.unwrap();
    let gone = tokio::time::timeout(std::time::Duration::from_secs(60), say.closed()).await;
    gone.expect("the page does not wait for ever");
}
