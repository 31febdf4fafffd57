//! Which requests are sent a second time, and with what: those that change nothing twice, where a kept connection
//! closed before a byte of an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bmauth::domain::route::Access;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An app that answers the first request of its first connection, and to the second says `last` and closes. On later
/// connections it answers everything. It notes each request whole.
async fn fickle(last: &'static [u8]) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (note, seen) = mpsc::unbounded_channel();
    let is_first = Arc::new(AtomicBool::new(true));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (note, is_first) = (note.clone(), is_first.swap(false, Ordering::SeqCst));
            tokio::spawn(async move {
                for turn in 0.. {
                    let mut all = Vec::new();
                    while !is_whole(&all) {
                        match stream.read_buf(&mut all).await {
                            Ok(1..) => {}
                            _ => return,
                        }
                    }
                    note.send(String::from_utf8(all).unwrap()).unwrap();
                    if is_first && turn == 1 {
                        let _ = stream.write_all(last).await;
                        return;
                    }
                    stream.write_all(OK).await.unwrap();
                }
            });
        }
    });
    (url, seen)
}

/// Whether a request with a length or chunks is there to its end.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
    match length {
        Some(length) => body.len() >= length,
        None => !head.contains("transfer-encoding: chunked") || body.ends_with("0\r\n\r\n"),
    }
}

/// Sends a first request, and then another on the same connection to the app; what becomes of that one, and what the
/// app saw of it.
async fn second(last: &'static [u8], second: String) -> (u16, Vec<String>) {
    let (url, mut seen) = fickle(last).await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(second).await;
    let mut answer = client.answer_head().await;
    while answer.status < 200 {
        answer = client.answer_head().await;
    }
    let bodies = std::iter::from_fn(|| seen.try_recv().ok()).skip(1);
    let bodies = bodies.map(|request| request.split_once("\r\n\r\n").unwrap().1.to_owned());
    (answer.status, bodies.collect())
}

#[tokio::test]
async fn what_changes_nothing_twice_is_sent_again_with_its_body() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "MKCOL"] {
        let (status, bodies) = second(b"", request(method, "/", &["Content-Length: 0"], "")).await;
        assert_eq!((status, bodies.len()), (200, 2), "{method}");
    }
    for method in ["PUT", "DELETE", "PROPFIND"] {
        let (status, bodies) = second(b"", request(method, "/", &[], "hello")).await;
        assert_eq!((status, bodies), (200, vec!["hello".to_owned(); 2]), "{method}");
    }
    let chunked = request("PUT", "/", &["Transfer-Encoding: chunked"], "");
    let (status, bodies) = second(b"", format!("{chunked}5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n")).await;
    assert_eq!(status, 200);
    assert!(bodies.iter().all(|body| body.ends_with("0\r\n\r\n") && body.contains("you")), "{bodies:?}");
    let held = "x".repeat(64 * 1024);
    let (status, bodies) = second(b"", request("PUT", "/", &[], &held)).await;
    assert_eq!((status, bodies), (200, vec![held; 2]));
}

#[tokio::test]
async fn what_may_change_something_twice_is_not_sent_again() {
    for method in ["POST", "PATCH", "LOCK"] {
        let (status, bodies) = second(b"", request(method, "/", &["Content-Length: 0"], "")).await;
        assert_eq!((status, bodies.len()), (502, 1), "{method}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_held_is_not_sent_again() {
    let long = "x".repeat(64 * 1024 + 1);
    let (status, bodies) = second(b"", request("PUT", "/", &[], &long)).await;
    assert_eq!((status, bodies.len()), (502, 1));
}

#[tokio::test]
async fn where_the_app_has_begun_to_answer_nothing_is_sent_again() {
    for begun in [&b"H"[..], b"HTTP/1.1 200 O", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", b"HTTP/1.1 103 Ea"] {
        for method in ["GET", "PUT"] {
            let (status, bodies) = second(begun, request(method, "/", &["Content-Length: 0"], "")).await;
            assert_eq!((status, bodies.len()), (502, 1), "{method} {}", begun.escape_ascii());
        }
    }
}
