//! How messages are framed on their way, in both directions, and what becomes of apps that break the rules.

use std::time::Duration;

use bmauth::domain::route::Access;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::harness::*;

fn public(url: &str) -> World {
    plan().route("/", Access::Public, url).start()
}

/// An app that says those bytes, and then closes or waits.
async fn saying(bytes: &'static [u8], closes: bool) -> String {
    raw_app(move |_, mut stream| async move {
        stream.write_all(bytes).await.unwrap();
        stream.flush().await.unwrap();
        if !closes {
            std::future::pending::<()>().await;
        }
    })
    .await
}

/// An app that records all that comes behind a request's head until nothing more comes for a moment, and answers then.
async fn recorder() -> (String, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (note, seen) = mpsc::unbounded_channel();
    let url = raw_app(move |_, mut stream| {
        let note = note.clone();
        async move {
            let (mut all, mut piece) = (Vec::new(), [0; 4096]);
            while let Ok(Ok(read @ 1..)) =
                tokio::time::timeout(Duration::from_millis(150), stream.read(&mut piece)).await
            {
                all.extend_from_slice(&piece[..read]);
            }
            note.send(all).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            std::future::pending::<()>().await;
        }
    })
    .await;
    (url, seen)
}

#[tokio::test]
async fn an_answer_is_framed_anew_and_its_hop_by_hop_fields_end_here() {
    let url = saying(
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTrailer: X-Sum\r\n\
          Transfer-Encoding: chunked\r\nX-End: 1\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n",
        false,
    )
    .await;
    let answer = public(&url).get("/", &[]).await;
    assert_eq!((answer.text().as_str(), answer.field("x-end")), ("hello", Some("1")));
    for hop in ["x-hop", "keep-alive", "trailer", "x-sum", "content-length"] {
        assert_eq!(answer.field(hop), None, "{hop}");
    }
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
}

#[tokio::test]
async fn of_two_ways_to_say_where_a_body_ends_one_goes_on() {
    let both = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let answer = public(&saying(both, false).await).get("/", &[]).await;
    assert_eq!((answer.text().as_str(), answer.field("content-length")), ("hello", None));
    for alike in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    ] {
        let answer = public(&saying(alike, false).await).get("/", &[]).await;
        assert_eq!((answer.text().as_str(), answer.field("content-length")), ("hello", Some("5")));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_the_rules_is_none() {
    let large = {
        let mut head = b"HTTP/1.1 200 OK\r\nX-Large: ".to_vec();
        head.resize(1024 * 1024, b'a');
        head.extend_from_slice(b"\r\n\r\n");
        &*head.leak()
    };
    for broken in [
        &b"garbage\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX Y: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 20",
        b"",
        large,
    ] {
        let answer = public(&saying(broken, true).await).get("/", &[]).await;
        assert_eq!(answer.status, 502, "{}", broken[..broken.len().min(60)].escape_ascii());
    }
}

#[tokio::test]
async fn an_answer_that_is_broken_off_is_not_taken_for_whole() {
    for (broken, framed) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"[..], "hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "5\r\nhello\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n", "5\r\nhello\r\n"),
    ] {
        let world = public(&saying(broken, true).await);
        let mut client = world.connect();
        client.send(get("/", &[])).await;
        assert_eq!(client.answer_head().await.status, 200);
        assert_eq!(client.closes().await, framed, "no last chunk, and no other answer");
    }
}

#[tokio::test]
async fn bytes_behind_an_answer_reach_no_client() {
    for stray in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"[..],
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let world = public(&saying(stray, false).await);
        for _ in 0..3 {
            let answer = world.get("/", &[]).await;
            assert!(answer.status != 502 && !answer.text().contains("evil"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn what_an_app_said_is_not_held_back_until_there_is_more() {
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let (say, said) = mpsc::unbounded_channel::<&'static str>();
        let said = std::sync::Arc::new(tokio::sync::Mutex::new(said));
        let url = raw_app(move |_, mut stream| {
            let said = said.clone();
            async move {
                stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes()).await.unwrap();
                while let Some(piece) = said.lock().await.recv().await {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                }
            }
        })
        .await;
        let world = public(&url);
        let mut client = world.connect();
        client.send(get("/", &[])).await;
        let pieces =
            if head.starts_with("Content") { ["hello", "world"] } else { ["5\r\nhello\r\n", "5\r\nworld\r\n"] };
        assert_eq!(client.answer_head().await.status, 200, "the head at once");
        for piece in pieces {
            say.send(piece).unwrap();
            client.expect(piece.as_bytes()).await;
        }
    }
}

#[tokio::test]
async fn early_hints_and_the_apps_leave_to_continue_are_passed_on() {
    let url = raw_app(async |_, mut stream| {
        stream
            .write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nSet-Cookie: __Host-bmauth=x\r\n\r\n")
            .await
            .unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").await.unwrap();
        stream.write_all(&body).await.unwrap();
    })
    .await;
    let world = public(&url);
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 4", "Expect: 100-continue"], "")).await;
    let hints = client.answer_head().await;
    assert_eq!((hints.status, hints.field("link"), hints.field("set-cookie")), (103, Some("</a.css>"), None));
    assert_eq!(client.answer_head().await.status, 100);
    client.send("body").await;
    let answer = client.answer().await;
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("body", Some("keep-alive")));
    // Without leave the body may not come, and what comes then would not be one.
    let hinting = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let world = public(&saying(hinting, false).await);
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 4", "Expect: 100-continue"], "")).await;
    assert_eq!(client.answer_head().await.status, 103);
    assert_eq!(client.answer().await.field("connection"), Some("close"));
}

#[tokio::test]
async fn only_the_app_asks_a_client_to_continue() {
    let world = public(&saying(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", false).await);
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 4", "Expect: 100-continue"], "")).await;
    assert_eq!(client.answer_head().await.status, 417);
}

#[tokio::test]
async fn an_answer_may_come_before_the_end_of_the_request() {
    let url = saying(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig", false).await;
    let world = public(&url);
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 1000000"], "")).await;
    client.send("a").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text().as_str()), (413, "big"));
}

#[tokio::test]
async fn a_request_that_is_broken_off_is_not_taken_for_whole() {
    for (lines, sent, received) in
        [("Content-Length: 9", "hello", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n", "5\r\nhello\r\n")]
    {
        let (url, mut seen) = recorder().await;
        let world = public(&url);
        let mut client = world.connect();
        client.send(request("POST", "/", &[lines], "")).await;
        client.send(sent).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(client);
        let seen = seen.recv().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&seen), received, "{lines}");
    }
}

#[tokio::test]
async fn an_upload_over_http2_that_ends_in_an_empty_frame_ends_once() {
    let (url, mut seen) = recorder().await;
    let world = public(&url);
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post(format!("https://{HOST}/")).body(()).unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    body.send_data("hello".into(), false).unwrap();
    body.send_data(bytes::Bytes::new(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!(String::from_utf8_lossy(&seen.recv().await.unwrap()), "5\r\nhello\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_get_has_its_body_too_however_its_end_is_told() {
    let (url, mut seen) = recorder().await;
    let world = public(&url);
    let mut client = world.connect();
    client.send(request("GET", "/", &["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(String::from_utf8_lossy(&seen.recv().await.unwrap()), "5\r\nhello\r\n0\r\n\r\n");

    let (url, mut seen) = recorder().await;
    let world = public(&url);
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("https://{HOST}/")).body(()).unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    body.send_data("hello".into(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!(String::from_utf8_lossy(&seen.recv().await.unwrap()), "5\r\nhello\r\n0\r\n\r\n");
}

#[tokio::test]
async fn trailers_go_on_over_http2_without_those_of_the_connection() {
    let url = saying(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 9\r\n\
          Transfer-Encoding: chunked\r\nConnection: close\r\nKeep-Alive: 1\r\nContent-Length: 3\r\nTE: x\r\n\
          Set-Cookie: __Host-bmauth=x\r\n\r\n",
        false,
    )
    .await;
    let world = public(&url);
    let (client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("https://{HOST}/")).body(()).unwrap();
    let (answer, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let mut all = Vec::new();
    while let Some(piece) = body.data().await {
        all.extend_from_slice(&piece.unwrap());
    }
    let trailers = body.trailers().await.unwrap().unwrap_or_default();
    let names: Vec<&str> = trailers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!((all.as_slice(), names), (&b"ok"[..], vec!["x-sum"]));
}

#[tokio::test]
async fn an_answer_that_switches_sets_no_cookie_of_ours_and_waits_for_the_request_to_end() {
    let switching =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\
        Set-Cookie: bmauth=x\r\nSet-Cookie: __Host-bmauth=x; Path=/; Secure\r\nSet-Cookie: theirs=1\r\n\r\n";
    let asking = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"];
    let origin = format!("Origin: https://{HOST}");
    let lines: Vec<&str> = asking.into_iter().chain([origin.as_str()]).collect();
    let world = public(&saying(switching, false).await);
    let mut client = world.connect();
    client.send(request("GET", "/", &lines, "")).await;
    let head = client.answer_head().await;
    assert_eq!((head.status, head.field("set-cookie")), (101, Some("theirs=1")));
    assert_eq!(head.field("content-length"), None);

    let mut client = world.connect();
    let lines: Vec<&str> = lines.into_iter().chain(["Content-Length: 5"]).collect();
    client.send(request("GET", "/", &lines, "")).await;
    assert_eq!(client.answer_head().await.status, 502);
}

#[tokio::test]
async fn of_informational_answers_without_end_some_are_passed_on_and_the_answer_comes() {
    let url = raw_app(async |_, mut stream| {
        let flood = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(1000);
        stream.write_all(&flood).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let world = public(&url);
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    let mut hints = 0;
    while client.answer_head().await.status == 103 {
        hints += 1;
    }
    assert!((1..1000).contains(&hints), "{hints}");

    let mut old = world.connect();
    old.send(format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!(old.answer_head().await.status, 200);
}

#[tokio::test]
async fn a_coding_of_the_transfer_besides_chunks_is_refused_on_both_ways() {
    for coding in ["gzip", "gzip, chunked", "chunked, gzip", "chunked\r\nTransfer-Encoding: chunked", "identity"] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        let world = public(&saying(answer.leak().as_bytes(), true).await);
        assert_eq!(world.get("/", &[]).await.status, 502, "{coding}");
        let answer = world.ask(&request("POST", "/", &[&format!("Transfer-Encoding: {coding}")], "")).await;
        assert_eq!(answer.status, 400, "{coding}");
    }
}

#[tokio::test]
async fn a_connection_whose_app_may_still_send_a_body_that_is_none_is_not_used_again() {
    let url = raw_app(async |seen, mut stream| {
        let head = match seen.method.as_str() {
            "HEAD" => &b"HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n"[..],
            _ => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 45\r\n\r\n",
        };
        stream.write_all(head).await.unwrap();
        // Behind the next request's head, so that it cannot be seen before.
        let mut next = [0; 4096];
        if matches!(stream.read(&mut next).await, Ok(1..)) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").await;
        }
    })
    .await;
    let world = public(&url);
    for method in ["HEAD", "GET"] {
        for _ in 0..3 {
            let mut client = world.connect();
            client.send(request(method, "/", &[], "")).await;
            assert_eq!(client.answer_head().await.status, if method == "HEAD" { 200 } else { 304 });
        }
    }
}

#[tokio::test]
async fn to_http_1_0_the_end_of_the_connection_is_that_of_the_answer() {
    let world =
        public(&saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false).await);
    let mut client = world.connect();
    client.send(format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).await;
    let head = client.answer_head().await;
    assert_eq!((head.status, head.field("transfer-encoding")), (200, None));
    assert_eq!(client.closes().await, "ok");
}

#[tokio::test]
async fn an_apps_own_words_for_a_status_go_on() {
    let world = public(&saying(b"HTTP/1.1 200 Very Good\r\nContent-Length: 0\r\n\r\n", false).await);
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    client.expect(b"HTTP/1.1 200 Very Good\r\n").await;
}

/// An app that echoes bodies, and keeps its connections.
async fn echo() -> String {
    let app = axum::Router::new().fallback(async |body: bytes::Bytes| body);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_message_is_cut_the_same_bytes_arrive(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..5),
        cuts in prop::collection::vec(1..80_usize, 1..40),
        chunked in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = public(&echo().await);
            let mut client = world.connect();
            // One after another on one connection: what one leaves behind would be found by the next.
            for body in &bodies {
                let mut bytes = Vec::new();
                if chunked {
                    bytes.extend(request("POST", "/", &["Transfer-Encoding: chunked"], "").into_bytes());
                    for piece in body.chunks(cuts[0]) {
                        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
                        bytes.extend_from_slice(piece);
                        bytes.extend_from_slice(b"\r\n");
                    }
                    bytes.extend_from_slice(b"0\r\n\r\n");
                } else {
                    bytes.extend(request("POST", "/", &[&format!("Content-Length: {}", body.len())], "").into_bytes());
                    bytes.extend_from_slice(body);
                }
                let (mut rest, mut cut) = (&bytes[..], cuts.iter().cycle());
                while !rest.is_empty() {
                    let (piece, behind) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
                    client.send(piece).await;
                    tokio::task::yield_now().await;
                    rest = behind;
                }
                let answer = client.answer().await;
                assert_eq!((answer.status, &answer.body), (200, body));
            }
        });
    }
}
