//! Bodies stream, in both directions.

use std::time::Duration;

use bmauth::domain::route::Access;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::*;

const PIECE: usize = 64 * 1024;
const PIECES: usize = 512;

#[tokio::test]
async fn a_large_upload_arrives_whole() {
    let url = raw_app(async |_, mut stream| {
        let mut total = 0;
        let mut piece = vec![0; PIECE];
        while total < PIECE * PIECES {
            total += stream.read(&mut piece).await.unwrap();
        }
        let said = total.to_string();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("PUT", "/", &[&format!("Content-Length: {}", PIECE * PIECES)], "")).await;
    let piece = vec![7; PIECE];
    for _ in 0..PIECES {
        client.send(&piece).await;
    }
    assert_eq!(client.answer().await.text(), (PIECE * PIECES).to_string());
}

#[tokio::test]
async fn a_large_download_arrives_whole() {
    let url = raw_app(async |_, mut stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PIECE * PIECES);
        stream.write_all(head.as_bytes()).await.unwrap();
        let piece = vec![7; PIECE];
        for _ in 0..PIECES {
            stream.write_all(&piece).await.unwrap();
        }
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    let answer = world.get("/", &[]).await;
    assert_eq!(answer.body.len(), PIECE * PIECES);
    assert!(answer.body.iter().all(|&byte| byte == 7));
}

/// What the proxy and the sockets between may hold at most: far less than the whole.
const HELD: usize = 32 * 1024 * 1024;

#[tokio::test]
async fn an_upload_that_the_app_does_not_take_is_held_back() {
    let url = raw_app(async |_, _stream| std::future::pending().await).await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("PUT", "/", &["Content-Length: 1000000000"], "")).await;
    let piece = vec![7; PIECE];
    let mut taken = 0;
    while tokio::time::timeout(Duration::from_millis(500), client.io.write_all(&piece)).await.is_ok() {
        taken += piece.len();
        assert!(taken < HELD, "{taken} bytes were taken");
    }
}

#[tokio::test]
async fn a_download_that_the_client_does_not_take_is_held_back() {
    let (note, mut notes) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_app(move |_, mut stream| {
        let note = note.clone();
        async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await.unwrap();
            let piece = vec![7; PIECE];
            let mut given = 0;
            while tokio::time::timeout(Duration::from_millis(500), stream.write_all(&piece)).await.is_ok() {
                given += piece.len();
                if given >= HELD {
                    break;
                }
            }
            let _ = note.send(given);
        }
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    client.answer_head().await;
    let given = notes.recv().await.unwrap();
    assert!(given < HELD, "{given} bytes were taken");
}

#[tokio::test]
async fn a_piece_of_an_answer_is_passed_on_before_the_next_one_is_there() {
    let url = raw_app(async |_, mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await.unwrap();
        // The second comes only when the client has the first.
        let mut go_on = [0; 1];
        stream.read_exact(&mut go_on).await.unwrap();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 1"], "")).await;
    assert_eq!(client.answer_head().await.status, 200);
    client.expect(b"5\r\nfirst\r\n").await;
    client.send("x").await;
    client.expect(b"6\r\nsecond\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_hears_the_app() {
    let url = raw_app(async |seen, mut stream| {
        assert_eq!(seen.field("expect"), Some("100-continue"));
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        let mut body = [0; 2];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await.unwrap();
        stream.write_all(&body).await.unwrap();
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("POST", "/", &["Expect: 100-continue", "Content-Length: 2"], "")).await;
    assert_eq!(client.answer_head().await.status, 100);
    client.send("hi").await;
    assert_eq!(client.answer().await.text(), "hi");
}
