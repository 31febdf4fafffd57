//! Both sides of an exchange talk at once: neither is drowned out, and last words are heard.

use std::time::Duration;

use bmauth::domain::route::Access;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::harness::*;

/// Long enough for every machine, so that only what hangs fails.
const LONG: Duration = Duration::from_secs(30);

fn public(url: &str) -> World {
    plan().route("/", Access::Public, url).start()
}

/// A world whose app switches to WebSocket and then does as it is told, and a client for whom it has switched.
async fn switched<F, Done>(then: F) -> (World, Client)
where
    F: Fn(TcpStream) -> Done + Clone + Send + Sync + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let url = raw_app(move |_, mut stream| {
        let then = then.clone();
        async move {
            let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            stream.write_all(switch).await.unwrap();
            then(stream).await;
        }
    })
    .await;
    let world = public(&url);
    let (client, answer) = open_socket(&world, "/", &[&format!("Origin: https://{HOST}")]).await;
    assert_eq!(answer.status, 101);
    (world, client)
}

#[tokio::test]
async fn an_app_that_says_much_for_each_word_it_hears_is_heard_while_it_is_spoken_to() {
    const HEARD: usize = 4 * 1024 * 1024;
    let (_world, client) = switched(async |mut stream| {
        let mut piece = [0; 8192];
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            if stream.write_all(&piece[..read].repeat(8)).await.is_err() {
                return;
            }
        }
    })
    .await;
    let (mut reads, mut writes) = tokio::io::split(client.io);
    let said = tokio::spawn(async move {
        writes.write_all(&vec![b'x'; HEARD]).await.unwrap();
        writes
    });
    let mut answered = vec![0; 8 * HEARD];
    tokio::time::timeout(LONG, reads.read_exact(&mut answered)).await.expect("all of it in time").unwrap();
    assert!(answered.iter().all(|byte| *byte == b'x'));
    said.await.unwrap();
}

/// Talks until it hears a word, says that it did, and is done.
async fn talks_until_told(mut stream: TcpStream, word: &[u8], piece: Vec<u8>, done: &'static [u8]) {
    let (mut hears, mut says) = stream.split();
    let mut heard = vec![0; word.len()];
    let mut hearing = std::pin::pin!(hears.read_exact(&mut heard));
    while futures_util::poll!(&mut hearing).is_pending() {
        says.write_all(&piece).await.unwrap();
    }
    says.write_all(done).await.unwrap();
    says.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_a_client_says_arrives_while_the_app_talks_without_pause() {
    let (_world, mut client) = switched(async |stream| {
        talks_until_told(stream, b"STOP", vec![b'.'; 8192], b"DONE").await;
    })
    .await;
    client.send("STOP").await;
    assert!(client.closes_slowly(LONG).await.ends_with("DONE"));
}

#[tokio::test]
async fn an_upload_goes_on_while_the_app_talks_without_pause() {
    let url = raw_app(async |_, mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        let piece = [&b"2000\r\n"[..], &[b'.'; 0x2000], b"\r\n"].concat();
        talks_until_told(stream, b"9\r\nSTOP-STOP\r\n", piece, b"4\r\nDONE\r\n0\r\n\r\n").await;
    })
    .await;
    let world = public(&url);
    let mut client = world.connect();
    client.send(request("POST", "/", &["Transfer-Encoding: chunked"], "")).await;
    client.expect(b"HTTP/1.1 200 OK\r\n").await;
    client.send("9\r\nSTOP-STOP\r\n").await;
    let answer = tokio::time::timeout(LONG, async {
        let mut all = Vec::new();
        while !all.ends_with(b"DONE\r\n0\r\n\r\n") {
            assert_ne!(client.io.read_buf(&mut all).await.unwrap(), 0);
        }
    });
    answer.await.expect("the last word in time");
}

#[tokio::test]
async fn an_app_that_answers_early_and_closes_is_heard_every_time() {
    let url = raw_app(async |_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
    })
    .await;
    let world = public(&url);
    for _ in 0..30 {
        let client = world.connect();
        let (mut reads, mut writes) = tokio::io::split(client.io);
        let saying = tokio::spawn(async move {
            let _ = writes.write_all(request("POST", "/", &["Content-Length: 4000000"], "").as_bytes()).await;
            let _ = writes.write_all(&vec![b'x'; 4_000_000]).await;
            writes
        });
        let mut answer = vec![0; 16];
        tokio::time::timeout(LONG, reads.read_exact(&mut answer)).await.expect("an answer in time").unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413 Con");
        drop((reads, saying));
    }
}

#[tokio::test]
async fn the_rest_of_an_upload_that_the_app_refused_is_read_and_the_connection_goes_on() {
    let url = raw_app(async |seen, mut stream| {
        let answer = match seen.method.as_str() {
            "POST" => &b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"[..],
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
        let _ = stream.write_all(answer).await;
    })
    .await;
    let world = public(&url);
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 600000"], "")).await;
    client.send(vec![b'x'; 100_000]).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.field("connection")), (413, Some("keep-alive")));
    client.send(vec![b'x'; 500_000]).await;
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.text(), "ok");
}

#[tokio::test]
async fn an_app_says_its_last_words_to_a_client_that_has_said_its_own() {
    let (_world, client) = switched(async |mut stream| {
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        stream.write_all(&[&heard[..], b" and good bye"].concat()).await.unwrap();
    })
    .await;
    let (mut reads, mut writes) = tokio::io::split(client.io);
    writes.write_all(b"good night").await.unwrap();
    writes.shutdown().await.unwrap();
    let mut last = String::new();
    tokio::time::timeout(LONG, reads.read_to_string(&mut last)).await.expect("an end in time").unwrap();
    assert_eq!(last, "good night and good bye");
}

#[tokio::test]
async fn a_client_that_left_a_tunnel_leaves_nothing_open_at_the_app() {
    let (ended, mut ends) = mpsc::unbounded_channel();
    let (_world, client) = switched(move |mut stream| {
        let ended = ended.clone();
        async move {
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard).await;
            ended.send(heard).unwrap();
        }
    })
    .await;
    drop(client);
    let heard = tokio::time::timeout(LONG, ends.recv()).await.expect("an end in time");
    assert_eq!(heard.as_deref(), Some(&b""[..]));
}
