//! Promise 3: what was decided is byte for byte what is sent, and one request is one request to every server (CWE-444).

use bmauth::domain::route::Access;

use crate::harness::*;

/// Bytes that hold a second request to a server that reads their framing otherwise.
async fn smuggles_nothing(head_and_body: &str) {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).route("/public", Access::Public, &app.url).start();
    let mut client = world.connect();
    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.io, head_and_body.as_bytes()).await;
    let _ = tokio::time::timeout(std::time::Duration::from_millis(300), client.closes_or_answers()).await;
    drop(client);
    let seen = app.seen();
    assert!(seen.iter().all(|seen| seen.target == "/public"), "{seen:?} of {head_and_body:?}");
    assert!(seen.len() < 2, "{seen:?}");
}

/// CL.TE, TE.CL, TE.TE and their relatives.
#[tokio::test]
async fn two_framings_are_none() {
    let inner = "GET /admin HTTP/1.1\r\nHost: notes.example.com\r\n\r\n";
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "Content-Length: 0, 44\r\n\r\n",
        "Content-Length: +0\r\n\r\n",
        "Content-Length: 0x0\r\n\r\n",
        "Content-Length : 44\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        "Transfer_Encoding: chunked\r\nContent-Length: 44\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 44\r\n\r\n",
        " folded: 1\r\nContent-Length: 0\r\n\r\n",
    ] {
        smuggles_nothing(&format!("POST /public HTTP/1.1\r\nHost: notes.example.com\r\n{lines}{inner}")).await;
    }
}

/// A first line with more than a method, a target and a version.
#[tokio::test]
async fn a_first_line_has_one_reading() {
    for line in [
        "GET /public HTTP/1.1 /admin HTTP/1.1",
        "GET /public /admin HTTP/1.1",
        "GET\t/admin\tHTTP/1.1",
        "GET http://notes.example.com/admin HTTP/1.1",
        "GET /public\rGET /admin HTTP/1.1",
        "GET /admin HTTP/1.1\rx",
        "GET /admin HTTP/9.9",
    ] {
        smuggles_nothing(&format!("{line}\r\nHost: notes.example.com\r\n\r\n")).await;
    }
}
