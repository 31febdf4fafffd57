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

/// A POST in chunks with that body, and another request behind it.
fn smuggling(chunks: &str) -> String {
    format!("{}{chunks}{}", request("POST", "/a", &["Transfer-Encoding: chunked"], ""), get("/smuggled", &[]))
}

#[tokio::test]
async fn a_chunk_that_servers_read_differently_ends_the_connection() {
    let (note, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_app(move |seen, mut stream| {
        let note = note.clone();
        async move {
            note.send(seen.target).unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    for chunks in [
        "\r\n\r\n",
        "\r\n0\r\n\r\n",
        ";x\r\n\r\n",
        "5\r\nhello\r\n\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "0\r\nX: a\nb\r\n\r\n",
    ] {
        let all = smuggling(chunks);
        let head = all.find("\r\n\r\n").unwrap() + 4;
        // At once, and with a pause behind the head or within the chunks.
        for cut in [0, head, head + 1, head + 3] {
            let mut client = world.connect();
            client.send(&all[..cut]).await;
            tokio::task::yield_now().await;
            // It may have been refused by now.
            let _ = client.io.write_all(&all.as_bytes()[cut..]).await;
            assert!(client.closes().await.starts_with("HTTP/1.1 400 "), "{chunks:?} {cut}");
        }
    }
    while let Ok(target) = asked.try_recv() {
        assert_eq!(target, "/a");
    }
    // So it is towards our own pages.
    let mut client = world.connect();
    client.send(request("POST", "/_bmauth/x", &["Transfer-Encoding: chunked"], "")).await;
    client.send("5\r\nhel").await;
    tokio::task::yield_now().await;
    client.send("loXX\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
}

#[tokio::test]
async fn well_formed_chunks_pass_byte_for_byte_and_the_next_request_behind_them_too() {
    let url = raw_app(async |_, mut stream| {
        let mut body = Vec::new();
        while !body.ends_with(b"0\r\n\r\n") {
            let mut piece = [0; 256];
            let length = stream.read(&mut piece).await.unwrap();
            body.extend_from_slice(&piece[..length]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
    })
    .await;
    let app = hello().await;
    let world = plan().route("/", Access::Public, &url).route("/smuggled", Access::Public, &app.url).start();
    for chunks in
        ["5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n000\r\nX: a\r\n\r\n", "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"]
    {
        let mut client = world.connect();
        client.send(smuggling(chunks)).await;
        assert_eq!((client.answer().await.status, client.answer().await.status), (200, 200), "{chunks:?}");
    }
}

#[tokio::test]
async fn an_upgrade_is_for_get_alone() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    for method in ["POST", "PUT", "PATCH"] {
        let lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Content-Length: 5"];
        let mut client = world.connect();
        client.send(format!("{}hello{}", request(method, "/a", &lines, ""), get("/next", &[]))).await;
        assert_eq!(client.answer().await.status, 200);
        let seen = app.saw();
        assert_eq!((seen.field("upgrade"), seen.field("connection")), (None, None), "{seen:?}");
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(app.saw().target, "/next");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_only_drips_is_not_waited_for() {
    let (note, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_app(move |_, stream| {
        let note = note.clone();
        async move { note.send(stream).unwrap() }
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 1000000"], "")).await;
    client.send("x").await;
    let held = asked.recv().await.unwrap();
    let began = tokio::time::Instant::now();
    let (mut reads, mut writes) = tokio::io::split(client.io);
    let dripping = tokio::spawn(async move {
        while writes.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    });
    let mut said = [0; 12];
    reads.read_exact(&mut said).await.unwrap();
    assert_eq!((&said, began.elapsed().as_secs()), (b"HTTP/1.1 408", 60));
    dripping.abort();
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_an_app_takes_slowly_is_waited_for() {
    let url = raw_app(async |_, mut stream| {
        let mut left = 16_000_000;
        while left > 0 {
            tokio::time::sleep(Duration::from_secs(100)).await;
            let mut piece = vec![0; 8_000_000.min(left)];
            stream.read_exact(&mut piece).await.unwrap();
            left -= piece.len();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 16000000"], "")).await;
    let (mut reads, mut writes) = tokio::io::split(client.io);
    let upload = tokio::spawn(async move {
        writes.write_all(&vec![b'x'; 16_000_000]).await.unwrap();
        writes
    });
    let mut said = [0; 12];
    reads.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 200");
    drop(upload.await);
}
