//! What connections to apps are made of: Unix sockets, HTTP/2 in clear, TLS with authorities and certificates of one's
//! own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bmauth::domain::host::Host;
use bmauth::domain::route::Access;
use bmauth::domain::upstream::{ClientCertificate, HostHeader, UpstreamTls};
use bytes::Bytes;
use http::{Request, Response, Version};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::harness::*;

#[tokio::test]
async fn an_app_on_a_unix_socket_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let (note, mut seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let note = note.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
                    if head.ends_with(b"\r\n\r\n") {
                        note.send(String::from_utf8(std::mem::take(&mut head)).unwrap()).unwrap();
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                    }
                }
            });
        }
    });
    let url = format!("unix:{}", path.display());
    let world = plan().route("/", Access::Public, &url).start();
    for _ in 0..3 {
        assert_eq!(world.get("/a?b", &[]).await.text(), "ok");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1, "it is kept like any other");
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n") && head.contains(&format!("host: {HOST}\r\n")), "{head}");

    let world = plan().route("/", Access::Public, &url).app(|app| app.host_header = HostHeader::Upstream).start();
    assert_eq!(world.get("/", &[]).await.text(), "ok");
    let head = std::iter::from_fn(|| seen.try_recv().ok()).last().unwrap();
    assert!(head.contains("host: localhost\r\n"), "{head}");

    drop(folder);
    let gone = plan().route("/", Access::Public, "unix:/nowhere/app.sock").start();
    assert_eq!(gone.get("/", &[]).await.status, 502);
}

/// What an app that speaks HTTP/2 in clear saw.
struct Seen2 {
    head: http::request::Parts,
    body: Bytes,
}

async fn h2c() -> (String, mpsc::UnboundedReceiver<Seen2>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    let (note, seen) = mpsc::unbounded_channel();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let note = note.clone();
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let note = note.clone();
                    tokio::spawn(async move {
                        let (head, mut body) = request.into_parts();
                        let mut all = Vec::new();
                        while let Some(Ok(piece)) = body.data().await {
                            let _ = body.flow_control().release_capacity(piece.len());
                            all.extend_from_slice(&piece);
                        }
                        let answer = Response::builder().header("set-cookie", "a=1").body(()).unwrap();
                        let mut answer = respond.send_response(answer, all.is_empty()).unwrap();
                        if !all.is_empty() {
                            answer.send_data(all.clone().into(), true).unwrap();
                        }
                        note.send(Seen2 { head, body: all.into() }).unwrap();
                    });
                }
            });
        }
    });
    (url, seen, connections)
}

#[tokio::test]
async fn an_app_that_speaks_http2_in_clear_gets_every_request_so() {
    let (url, mut seen, connections) = h2c().await;
    let world = plan().route("/", Access::Public, &url).start();
    let answer = world.get("/a?b", &["Connection: keep-alive, X-Hop", "X-Hop: 1", "TE: trailers", "Cookie: a=1"]).await;
    assert_eq!((answer.status, answer.field("set-cookie")), (200, Some("a=1")));
    let head = seen.recv().await.unwrap().head;
    assert_eq!((head.version, head.uri.to_string()), (Version::HTTP_2, format!("https://{HOST}/a?b")));
    assert_eq!(head.headers["x-forwarded-for"], "192.0.2.1");
    for hop in ["connection", "x-hop", "te", "host", "transfer-encoding"] {
        assert_eq!(head.headers.get(hop), None, "{hop}");
    }
    assert_eq!(head.headers["cookie"], "a=1");

    let answer = world.ask(&request("POST", "/", &[], "with a length")).await;
    assert_eq!(answer.text(), "with a length");
    assert_eq!(seen.recv().await.unwrap().head.headers["content-length"], "13");
    let chunked = request("POST", "/", &["Transfer-Encoding: chunked"], "");
    let answer = world.ask(&format!("{chunked}7\r\nwithout\r\n0\r\n\r\n")).await;
    assert_eq!(answer.text(), "without");
    assert_eq!(&seen.recv().await.unwrap().body[..], b"without");
    let head = world.ask(&request("HEAD", "/", &["Connection: close"], "")).await;
    assert_eq!(head.status, 200);
    assert_eq!(seen.recv().await.unwrap().head.method, "HEAD");
    assert_eq!(connections.load(Ordering::SeqCst), 1, "one after the other they share a connection");
}

fn certificate(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/gateway/certificate/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn trusting(name: &str) -> UpstreamTls {
    let authority = CertificateDer::from_pem_slice(&certificate(name)).unwrap().to_vec().into_boxed_slice();
    UpstreamTls { authorities: Some([authority].into()), ..UpstreamTls::default() }
}

/// An https upstream: another gateway in front of an app.
async fn https(app: &App) -> (World, String) {
    let behind = plan().route_to(HOST, "/", Access::Public, &[&app.url]).start();
    let address = crate::tls::listen(&behind).await;
    (behind, format!("https://127.0.0.1:{}", address.port()))
}

#[tokio::test]
async fn https_is_believed_where_the_authority_and_the_name_are_right() {
    let app = hello().await;
    let (_behind, url) = https(&app).await;
    let asked = async |tls: UpstreamTls| {
        let world = plan().route("/", Access::Public, &url).app(|app| app.tls = tls).start();
        world.get("/", &[]).await.status
    };
    assert_eq!(asked(trusting("cert.pem")).await, 200);
    let named = |name: &str| UpstreamTls { name: Some(Host::parse(name).unwrap()), ..trusting("cert.pem") };
    assert_eq!(asked(named("notes.example.com")).await, 200);
    assert_eq!(app.seen().len(), 2);
    for refused in [named("other.example.com"), named("127.0.0.2"), trusting("other-cert.pem"), UpstreamTls::default()]
    {
        assert_eq!(asked(refused).await, 502);
    }
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn to_https_http2_is_spoken_where_it_is_offered_and_websockets_go_by_http1() {
    let app = app(|seen| match seen.field("upgrade") {
        None => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
        Some(_) => b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi".to_vec(),
    })
    .await;
    let (_behind, url) = https(&app).await;
    let world = plan().route("/", Access::Public, &url).app(|app| app.tls = trusting("cert.pem")).start();
    for _ in 0..2 {
        assert_eq!(world.get("/", &[]).await.text(), "hello");
    }
    let (mut client, answer) = open_socket(&world, "/", &[&format!("Origin: https://{HOST}")]).await;
    assert_eq!(answer.status, 101);
    client.expect(b"hi").await;

    // A server that offers nothing speaks HTTP/1.1.
    let (url, seen) = tls_server(ServerConfig::builder_with_provider(ring()), None, b"").await;
    let world = plan().route("/", Access::Public, &url).app(|app| app.tls = trusting("cert.pem")).start();
    assert_eq!(world.get("/", &[]).await.text(), "ok");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

fn ring() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A server of HTTP/1.1 over TLS that may ask for a certificate. Counts the requests that it got.
async fn tls_server(
    builder: rustls::ConfigBuilder<ServerConfig, rustls::WantsVersions>,
    clients: Option<RootCertStore>,
    alpn: &[u8],
) -> (String, Arc<AtomicUsize>) {
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), ring()).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(&certificate("cert.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&certificate("key.pem")).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    if !alpn.is_empty() {
        config.alpn_protocols = vec![alpn.to_vec()];
    }
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut head = Vec::new();
                while stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        count.fetch_add(1, Ordering::SeqCst);
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                        let _ = stream.flush().await;
                    }
                }
            });
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_the_routes_own() {
    let own = rcgen::generate_simple_self_signed(["gateway.example.com".to_owned()]).unwrap();
    let mut clients = RootCertStore::empty();
    clients.add(own.cert.der().clone()).unwrap();
    let (url, seen) = tls_server(ServerConfig::builder_with_provider(ring()), Some(clients), b"http/1.1").await;
    let asked = async |tls: UpstreamTls| {
        let world = plan().route("/", Access::Public, &url).app(|app| app.tls = tls).start();
        world.get("/", &[]).await.status
    };
    let with = |chain: Vec<u8>, key: Vec<u8>| {
        let client = ClientCertificate { chain: vec![chain.into()], key: key.into() };
        UpstreamTls { client: Some(Arc::new(client)), ..trusting("cert.pem") }
    };
    assert_eq!(asked(with(own.cert.der().to_vec(), own.signing_key.serialize_der())).await, 200);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    let other = rcgen::generate_simple_self_signed(["gateway.example.com".to_owned()]).unwrap();
    assert_eq!(asked(with(other.cert.der().to_vec(), other.signing_key.serialize_der())).await, 502);
    assert_eq!(asked(trusting("cert.pem")).await, 502);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn http2_to_an_app_is_never_spoken_where_it_was_not_agreed() {
    let (url, seen) = tls_server(ServerConfig::builder_with_provider(ring()), None, b"http/1.1").await;
    let world = plan().route("/", Access::Public, &url).app(|app| app.tls = trusting("cert.pem")).start();
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let call = Request::post(format!("https://{HOST}/x")).header("content-type", "application/grpc").body(()).unwrap();
    let (answer, _) = client.send_request(call, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 502);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_fell_silent_over_http2_gets_nothing_more_by_that_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("h2c://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut is_first = true;
        while let Ok((stream, _)) = listener.accept().await {
            let silent = std::mem::take(&mut is_first);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                let mut held = Vec::new();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    match silent {
                        true => held.push(respond),
                        false => drop(respond.send_response(Response::new(()), true).unwrap()),
                    }
                }
            });
        }
    });
    let timeout = std::time::Duration::from_secs(5);
    let world = plan().route("/", Access::Public, &url).app(|app| app.timeout = timeout).start();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    assert_eq!(client.answer_within(timeout * 4).await.status, 504);
    for _ in 0..2 {
        assert_eq!(world.get("/", &[]).await.status, 200);
    }
}
