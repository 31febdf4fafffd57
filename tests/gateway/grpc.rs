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

    let stranger = Request::post(format!("https://{HOST}/notes.Notes/List")).header("content-type", "application/grpc");
    let (answer, _) = client.send_request(stranger.body(()).unwrap(), true).unwrap();
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
