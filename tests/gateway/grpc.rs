//! gRPC: HTTP/2 on both sides, and trailers.

use bmauth::domain::route::Access;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::*;

/// An app that answers every call with what it was sent and then trailers.
async fn app() -> (String, mpsc::UnboundedReceiver<http::request::Parts>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (note, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let note = note.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let (head, mut body) = request.into_parts();
                    let _ = note.send(head);
                    tokio::spawn(async move {
                        let mut answer = respond.send_response(Response::new(()), false).unwrap();
                        while let Some(Ok(piece)) = body.data().await {
                            let _ = body.flow_control().release_capacity(piece.len());
                            answer.send_data(piece, false).unwrap();
                        }
                        let mut trailers = HeaderMap::new();
                        trailers.insert("grpc-status", "0".parse().unwrap());
                        trailers.insert("set-cookie", "__Host-bmauth=evil".parse().unwrap());
                        answer.send_trailers(trailers).unwrap();
                    });
                }
            });
        }
    });
    (url, seen)
}

#[tokio::test]
async fn a_call_is_forwarded_with_its_user_and_its_trailers_come_back() {
    let (url, mut seen) = app().await;
    let world = world(&url);
    let secret = world.keeper.sign_in(1);
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("https://{HOST}/notes.Notes/List"))
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .header("x.bmauth.jwt", "evil")
        .header("cookie", format!("{COOKIE}={}", secret.text()))
        .header("cookie", "a=1")
        .body(())
        .unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(b"ping"), true).unwrap();
    let mut answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body_mut().data().await.unwrap().unwrap(), "ping");
    let trailers = answer.body_mut().trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers.get("set-cookie"), None);
    let head = seen.recv().await.unwrap();
    assert_eq!(head.headers["x-bmauth-jwt"], "token.user1@example.com.notes.example.com");
    assert_eq!(
        (&head.headers["cookie"], head.headers.get("x.bmauth.jwt")),
        (&http::HeaderValue::from_static("a=1"), None)
    );
    assert_eq!(head.uri.authority().unwrap(), HOST);

    let visitor = Request::post(format!("https://{HOST}/notes.Notes/List")).header("content-type", "application/grpc");
    let (answer, _) = client.send_request(visitor.body(()).unwrap(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 401);
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn an_app_that_speaks_no_http2_is_down_for_a_call() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::post(format!("https://{HOST}/x")).header("content-type", "application/grpc").body(()).unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 502);
}

/// An app that takes one call at a time on each connection, and answers what is called "/quick".
async fn one_at_a_time() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let connection =
                    h2::server::Builder::new().max_concurrent_streams(1).handshake::<_, Bytes>(stream).await;
                let (mut connection, mut held) = (connection.unwrap(), Vec::new());
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    if request.uri().path() == "/quick" {
                        respond.send_response(Response::new(()), true).unwrap();
                    } else {
                        held.push((request, respond));
                    }
                }
            });
        }
    });
    url
}

fn call(path: &str) -> Request<()> {
    let request = Request::post(format!("https://{HOST}{path}")).header("content-type", "application/grpc");
    request.body(()).unwrap()
}

async fn caller(world: &World, address: &str) -> h2::client::SendRequest<Bytes> {
    let (client, connection) = h2::client::handshake(world.pipe(address, true, true)).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_call_does_not_wait_for_those_of_another_caller() {
    let world = plan().route("/", Access::Public, &one_at_a_time().await).start();
    let mut first = caller(&world, "192.0.2.1").await;
    // Once this is over there is a connection that others may take.
    let (answer, _) = first.send_request(call("/quick"), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    let held: Vec<_> = (0..3).map(|_| first.send_request(call("/long"), true).unwrap()).collect();
    for address in ["192.0.2.1", "192.0.2.2"] {
        let mut other = caller(&world, address).await;
        for _ in 0..2 {
            let (answer, _) = other.send_request(call("/quick"), true).unwrap();
            let answer = tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time");
            assert_eq!(answer.unwrap().status(), 200);
        }
    }
    drop(held);
}

#[tokio::test]
async fn a_caller_that_leaves_a_call_cancels_it_at_the_app() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (note, mut ends) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let note = note.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let (note, answers) = (note.clone(), request.uri().path() == "/answered");
                    tokio::spawn(async move {
                        if answers {
                            respond.send_response(Response::new(()), true).unwrap();
                        }
                        let mut body: h2::RecvStream = request.into_body();
                        let end = loop {
                            match body.data().await {
                                Some(Ok(piece)) => body.flow_control().release_capacity(piece.len()).unwrap(),
                                Some(Err(error)) => break error.reason(),
                                None => break None,
                            }
                        };
                        note.send(end).unwrap();
                        drop(respond);
                    });
                }
            });
        }
    });
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = caller(&world, "192.0.2.1").await;
    // The first is answered before the end of its upload, the second never.
    for path in ["/answered", "/left"] {
        let (answer, mut upload) = client.send_request(call(path), false).unwrap();
        upload.send_data(Bytes::from_static(b"ping"), false).unwrap();
        if path == "/answered" {
            assert_eq!(answer.await.unwrap().status(), 200);
        } else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            upload.send_reset(h2::Reason::CANCEL);
        }
        let end = tokio::time::timeout(PATIENCE, ends.recv()).await.expect("an end in time");
        assert_eq!(end, Some(Some(h2::Reason::CANCEL)), "{path}");
    }
}

#[tokio::test]
async fn a_head_that_ends_an_answer_ends_it_here_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let refused = Response::builder().header("grpc-status", "5").body(()).unwrap();
                    respond.send_response(refused, true).unwrap();
                }
            });
        }
    });
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = caller(&world, "192.0.2.1").await;
    let (answer, _) = client.send_request(call("/x"), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "5");
    // It did not take another frame to say so, which gRPC would take for a broken answer.
    assert!(answer.body().is_end_stream());
}
