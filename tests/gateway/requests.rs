//! What is refused before anything is decided about it.

use bmauth::domain::route::Access;
use tokio::io::AsyncWriteExt;

use crate::harness::*;

async fn refused(request: &str, status: u16) {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let answer = world.ask(request).await;
    assert_eq!(answer.status, status, "{request:?}");
    assert!(app.seen().is_empty(), "{request:?}");
}

#[tokio::test]
async fn a_request_without_exactly_one_good_host_is_refused() {
    for hosts in [
        "",
        "Host:\r\n",
        "Host: \r\n",
        "Host: notes.example.com\r\nHost: notes.example.com\r\n",
        "Host: notes.example.com\r\nHost: evil.example\r\n",
        "Host: notes.example.com, evil.example\r\n",
        "Host: user@notes.example.com\r\n",
        "Host: notes.example.com/\r\n",
        "Host: notes.example.com#\r\n",
        "Host: notes.example.com:80:80\r\n",
        "Host: notes.example.com:x\r\n",
        "Host: notes_.example.com..\r\n",
        "Host: notes.example.com\\evil\r\n",
        "Host : notes.example.com\r\n",
    ] {
        refused(&format!("GET / HTTP/1.1\r\n{hosts}\r\n"), 400).await;
        refused(&format!("GET /_bmauth/sign-in HTTP/1.1\r\n{hosts}\r\n"), 400).await;
    }
    refused("GET / HTTP/1.0\r\n\r\n", 400).await;
}

#[tokio::test]
async fn a_target_that_is_dangerous_in_some_reading_is_refused() {
    for target in [
        "//..",
        "/.",
        "/..",
        "/a/../b",
        "/a/./b",
        "/a/..;x/b",
        "/%2e%2e/b",
        "/a%2f..%2fb",
        "/%252e%252e/b",
        "/a%5cb",
        "/a\\b",
        "/a%00b",
        "/a%0d%0ab",
        "/a%",
        "/a%zz",
        "/a%c0%af",
        "/a\"b",
        "/a<b",
        "/a#b",
        "/a?b#c",
        "*",
        "a",
        "http://notes.example.com/",
        "http://evil.example/",
    ] {
        refused(&get(target, &[]), 400).await;
    }
}

#[tokio::test]
async fn what_is_no_request_at_all_is_refused_without_naming_a_server() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    for (nonsense, status) in [
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n folded: line\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405),
    ] {
        let mut client = world.connect();
        client.send(nonsense).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.field("server")), (status, None), "{nonsense:?}");
        assert_eq!(client.closes().await, "");
    }
    let mut client = world.connect();
    client.send(get("/_bmauth/x", &[])).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("nonsense\r\n\r\n").await;
    assert_eq!((client.answer().await.status, client.closes().await.as_str()), (400, ""));
}

#[tokio::test]
async fn a_client_of_http_1_0_is_served_and_closed() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = world.connect();
    client.send(format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).await;
    assert!(client.closes().await.ends_with("hello"));
}

#[tokio::test]
async fn a_target_is_sent_byte_for_byte_as_it_was_decided() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    for target in [
        "/",
        "/a/",
        "/a%20b",
        "/%C3%A4?x=%2F..//&y=a+b;c",
        "/a;b=1",
        "/a?",
        "/a??",
        "/~u/-._",
        "/a'(b)*!$&,=:@",
        "//",
        "//evil.example/",
        "/a//b/",
        "/@babel%2fcore",
        "/api/queues/%2F/my%2Fqueue",
        "/%7Eann/%41%5F%2D",
        "/caf%E9",
        "/100%25?%",
    ] {
        assert_eq!(world.get(target, &[]).await.status, 200, "{target}");
        assert_eq!(app.saw().target, target);
    }
}

#[tokio::test]
async fn methods_that_are_about_the_way_itself_are_refused() {
    refused("CONNECT notes.example.com:443 HTTP/1.1\r\nHost: notes.example.com:443\r\n\r\n", 405).await;
    for method in ["TRACE", "trace", "connect", "PRI", "pri"] {
        refused(&request(method, "/", &[], ""), 405).await;
    }
    for method in ["GE/T", "GE{T", "G\u{c9}T"] {
        refused(&request(method, "/", &[], ""), 400).await;
    }
}

#[tokio::test]
async fn the_methods_of_apps_pass() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "MERGE", "CHECKOUT", "PURGE",
        "M-SEARCH", "get",
    ] {
        assert_eq!(world.ask(&request(method, "/", &[], "")).await.status, 200, "{method}");
        assert_eq!(app.saw().method, method);
    }
}

#[tokio::test]
async fn a_head_that_is_large_is_answered_and_one_that_is_huge_is_not() {
    refused(&get("/", &[&format!("X-Big: {}", "a".repeat(40_000))]), 431).await;
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    assert_eq!(world.get("/", &[&format!("X-Big: {}", "a".repeat(30_000))]).await.status, 200);
    app.saw();
    let mut client = world.connect();
    // It may be closed before all of it is taken.
    let huge = get("/", &[&format!("X-Big: {}", "a".repeat(900_000))]);
    let _ = AsyncWriteExt::write_all(&mut client.io, huge.as_bytes()).await;
    let said = client.closes().await;
    assert!(!said.contains("200 OK"), "{said}");
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn lengths_that_can_be_read_in_two_ways_are_refused_or_end_the_connection() {
    for framing in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ] {
        refused(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\nhello"), 400).await;
    }
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = world.connect();
    let both = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    );
    client.send(both).await;
    client.closes().await;
    let seen = app.saw();
    assert_eq!((seen.body.as_slice(), seen.field("content-length")), (&b"ab"[..], None));
}

#[tokio::test]
async fn each_request_of_a_connection_goes_by_its_own_host() {
    let (notes, other) = (hello().await, hello().await);
    let world = plan()
        .route("/", Access::Public, &notes.url)
        .route_to("other.example.com", "/", Access::Public, &[&other.url])
        .start();
    let mut client = world.connect();
    for (host, status) in [
        (HOST, 200),
        ("other.example.com", 200),
        ("notes.example.com:8443", 200),
        ("Notes.Example.COM.", 200),
        ("evil.example", 421),
        ("other.example.com", 200),
        (HOST, 200),
    ] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, status, "{host}");
        let told = |app: &App| app.seen().iter().map(|seen| seen.field("host").unwrap().to_owned()).collect::<Vec<_>>();
        let canonical = host.to_lowercase().trim_end_matches('.').to_owned();
        let (notes, other) = (told(&notes), told(&other));
        match host {
            "evil.example" => assert!(notes.is_empty() && other.is_empty(), "{notes:?} {other:?}"),
            "other.example.com" => assert_eq!((notes, other), (vec![], vec![canonical])),
            _ => assert_eq!((notes, other), (vec![canonical], vec![])),
        }
    }
    client.send("GET / HTTP/1.1\r\nHost: notes.example.com, evil.example\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
}

#[tokio::test]
async fn requests_that_are_sent_before_the_answers_are_answered_in_their_order() {
    let app = app(|seen| {
        let body = format!("{} {}", seen.method, seen.target);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    })
    .await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = world.connect();
    // In one packet, with bodies, with stray line ends behind them, and beyond any buffer.
    let many: String =
        (0..200).map(|number| get(&format!("/{number}"), &["X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])).collect();
    client.send(format!("{}{}\r\n{many}", request("POST", "/a", &[], "one"), request("PUT", "/b", &[], "two"))).await;
    for expected in ["POST /a", "PUT /b"] {
        assert_eq!(client.answer().await.text(), expected);
    }
    for number in 0..200 {
        assert_eq!(client.answer().await.text(), format!("GET /{number}"));
    }
    assert_eq!(app.seen().len(), 202);
}

#[tokio::test]
async fn a_request_that_comes_while_another_waits_spoils_neither() {
    let (go, wait) = tokio::sync::watch::channel(false);
    let url = raw_app(move |seen, mut stream| {
        let mut wait = wait.clone();
        async move {
            if seen.target == "/slow" {
                wait.wait_for(|go| *go).await.unwrap();
            }
            let body = seen.target;
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let world = plan().route("/", Access::Public, &url).start();
    for first in [request("POST", "/slow", &[], "body"), get("/slow", &[])] {
        go.send_replace(false);
        let mut client = world.connect();
        client.send(first).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        client.send(format!("\r\n{}", get("/next", &[]))).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        go.send_replace(true);
        assert_eq!(client.answer().await.text(), "/slow");
        assert_eq!(client.answer().await.text(), "/next");
    }
}
