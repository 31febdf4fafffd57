//! What stands in front: how it says where a visitor comes from, by which scheme and to which host.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::route::Access;
use bmauth::proxy::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::harness::*;
use crate::tls;

const PROXY: &str = "10.0.0.1";

fn behind_a_proxy(app: &str) -> Plan {
    plan()
        .route("/", Access::Public, app)
        .route("/private", Access::SignedIn, app)
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
}

async fn through_proxy(world: &World, request: &str) -> Answer {
    let mut client = world.connect_from(PROXY);
    client.send(request).await;
    client.answer().await
}

#[tokio::test]
async fn a_visitor_over_http_is_led_to_https_and_nothing_else_of_theirs_is_taken() {
    let app = hello().await;
    let world = behind_a_proxy(&app.url).start();
    let http = "X-Forwarded-Proto: http";
    for (target, host, location) in [
        ("/a?b=c", HOST, "https://notes.example.com/a?b=c"),
        ("//evil.example/", HOST, "https://notes.example.com//evil.example/"),
        ("/_bmauth/sign-in", "Notes.Example.com:80", "https://notes.example.com/_bmauth/sign-in"),
    ] {
        let asked = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{http}\r\n\r\n");
        let answer = through_proxy(&world, &asked).await;
        assert_eq!((answer.status, answer.field("location")), (308, Some(location)));
    }
    for method in ["POST", "DELETE", "BREW"] {
        let answer = through_proxy(&world, &request(method, "/a", &[http, "Content-Length: 0"], "")).await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.json()["type"], "urn:bmauth:problem:plain-http");
    }
    let unknown = format!("GET / HTTP/1.1\r\nHost: other.example\r\n{http}\r\n\r\n");
    assert_eq!(through_proxy(&world, &unknown).await.status, 421);
    for target in ["/_bmauth/healthz", "/_bmauth/jwks.json"] {
        assert_eq!(through_proxy(&world, &get(target, &[http])).await.status, 200, "{target}");
    }
    assert!(app.seen().is_empty());
    // What a browser sends on https alone is believed over the proxy.
    for proof in ["Sec-Fetch-Mode: navigate", "Cookie: __Host-bmauth=x"] {
        assert_eq!(through_proxy(&world, &get("/a", &[http, proof])).await.status, 200, "{proof}");
        assert_eq!(app.saw().field("x-forwarded-proto"), Some("https"));
    }
    // Nor does it matter what a peer says that is no proxy of ours.
    assert_eq!(world.get("/a", &[http]).await.status, 200);
    assert_eq!(app.saw().field("x-forwarded-proto"), Some("https"));
}

#[tokio::test]
async fn the_app_is_told_the_scheme_that_the_browser_shows() {
    let app = hello().await;
    let world = behind_a_proxy(&app.url).start();
    for lines in [&["X-Forwarded-Proto: wss"][..], &["X-Forwarded-Proto: https, WSS"], &["X-Forwarded-Proto: odd"], &[]]
    {
        // The proxy itself speaks plain HTTP with us.
        let mut client = Client { io: world.pipe(PROXY, false, false) };
        client.send(get("/", lines)).await;
        assert_eq!(client.answer().await.status, 200, "{lines:?}");
        assert_eq!(app.saw().field("x-forwarded-proto"), Some("https"), "{lines:?}");
    }
}

#[tokio::test]
async fn the_host_that_a_trusted_proxy_names_counts_where_its_own_is_none_of_ours() {
    let (app, other) = (hello().await, hello().await);
    let plan = behind_a_proxy(&app.url).route_to("other.example.com", "/", Access::Public, &[&other.url]);
    let world = plan.start();
    let asked = |host: &str, said: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {said}\r\n\r\n");
    for said in ["other.example.com", "evil.example, other.example.com", "OTHER.example.com:443"] {
        assert_eq!(through_proxy(&world, &asked("bmauth:8443", said)).await.status, 200, "{said}");
        assert!(other.saw().field("host").unwrap().starts_with("other.example.com"));
    }
    // Where Host names one of ours, that is the one.
    assert_eq!(through_proxy(&world, &asked(HOST, "other.example.com")).await.status, 200);
    assert_eq!(app.saw().field("x-forwarded-host"), Some(HOST));
    for said in ["evil.example", "other.example.com, evil.example", "", "a b"] {
        assert_eq!(through_proxy(&world, &asked("bmauth:8443", said)).await.status, 421, "{said}");
    }
    assert_eq!(world.ask(&asked("bmauth:8443", "other.example.com")).await.status, 421, "no proxy of ours says so");
}

#[tokio::test]
async fn a_websocket_of_ours_is_known_where_the_proxy_leaves_the_port_out() {
    let app = hello().await;
    let world = behind_a_proxy(&app.url).set(|settings| settings.public_port = Some(8443)).start();
    let secret = world.keeper.sign_in(7);
    let asked = |origin: &str| {
        let origin = format!("Origin: {origin}");
        let lines =
            ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", &cookie(&secret), &origin];
        get("/private", &lines)
    };
    assert_eq!(through_proxy(&world, &asked("https://notes.example.com:8443")).await.status, 200);
    assert_eq!(through_proxy(&world, &asked("https://notes.example.com")).await.status, 200);
    assert_eq!(through_proxy(&world, &asked("https://notes.example.com:9443")).await.status, 403);
    assert_eq!(through_proxy(&world, &asked("https://evil.example:8443")).await.status, 403);
}

#[tokio::test]
async fn plain_http_where_tls_is_spoken_is_led_to_https() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let address = tls::listen(&world).await;
    let ask = async |asked: String| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut said = vec![0; 4096];
        let length = stream.read(&mut said).await.unwrap();
        String::from_utf8_lossy(&said[..length]).into_owned()
    };
    let port = address.port();
    let told = ask(format!("GET /a?b HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n")).await;
    let location = format!("https://{HOST}:{port}/a?b\r\n");
    assert!(told.starts_with("HTTP/1.1 308 ") && told.contains(&location), "{told}");
    let proofs = format!("Sec-Fetch-Mode: navigate\r\nCookie: {COOKIE}=x\r\nX-Forwarded-Proto: https");
    let told = ask(format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\n{proofs}\r\nContent-Length: 0\r\n\r\n")).await;
    assert!(told.starts_with("HTTP/1.1 403 "), "{told}");
    let told = ask("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n".to_owned()).await;
    assert!(told.starts_with("HTTP/1.1 421 "), "{told}");
    assert!(app.seen().is_empty());
}

/// A world behind a proxy that speaks the PROXY protocol.
async fn announced(app: &str) -> (World, SocketAddr) {
    let world = plan()
        .route("/", Access::Public, app)
        .set(|settings| {
            settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
            settings.proxy_protocol = true;
        })
        .start();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = listener.address().unwrap();
    tokio::spawn(Arc::clone(&world.proxy).serve(vec![listener], CancellationToken::new()));
    (world, address)
}

async fn say(address: SocketAddr, said: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut heard = vec![0; 12];
    match stream.read_exact(&mut heard).await {
        Ok(_) => heard,
        Err(_) => Vec::new(),
    }
}

#[tokio::test]
async fn a_proxy_says_by_the_proxy_protocol_whose_connection_it_is() {
    let app = hello().await;
    let (_world, address) = announced(&app.url).await;
    let (asked, forged) = (get("/", &[]), get("/", &["X-Forwarded-For: 6.6.6.6"]));
    for (line, request, forwarded) in [
        ("PROXY TCP4 203.0.113.9 127.0.0.1 5000 443\r\n", &asked, "203.0.113.9"),
        ("PROXY TCP6 2001:db8::7 ::1 5000 443\r\n", &asked, "2001:db8::7"),
        // The client has no more connections than others of that address.
        ("PROXY TCP4 203.0.113.9 127.0.0.1 5000 443\r\n", &forged, "203.0.113.9"),
        ("PROXY TCP4 10.0.0.9 127.0.0.1 5000 443\r\n", &forged, "6.6.6.6, 10.0.0.9"),
        ("PROXY UNKNOWN\r\n", &asked, "127.0.0.1"),
    ] {
        assert_eq!(say(address, format!("{line}{request}").as_bytes()).await, b"HTTP/1.1 200", "{line}");
        assert_eq!(app.saw().field("x-forwarded-for"), Some(forwarded), "{line}");
    }
    for none in
        [asked.clone(), format!("PROXY TCP4 odd\r\n{asked}"), format!("PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n{asked}")]
    {
        assert_eq!(say(address, none.as_bytes()).await, b"", "{none}");
    }
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn a_peer_that_is_no_proxy_of_ours_announces_no_client() {
    let app = hello().await;
    let (world, _) = announced(&app.url).await;
    let mut client = world.connect_from("192.0.2.1");
    client.send(format!("PROXY TCP4 203.0.113.9 127.0.0.1 5000 443\r\n{}", get("/", &[]))).await;
    assert_eq!(client.answer().await.status, 400);
    assert!(app.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_as_long_as_the_operator_says() {
    let world = plan()
        .route("/", Access::SignedIn, "http://127.0.0.1:9")
        .set(|settings| settings.keep_alive = Duration::from_secs(7))
        .start();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 401);
    let begun = tokio::time::Instant::now();
    assert_eq!(client.closes_slowly(Duration::from_secs(100)).await, "");
    assert_eq!(begun.elapsed().as_secs(), 7);
}
