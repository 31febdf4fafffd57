//! How long a connection may take, and how many there may be. Time is moved by hand.

use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::route::Access;
use bmauth::proxy::{Listener, Proxy, Room};
use bmauth::wire::CannotListen;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::harness::*;

fn alone() -> World {
    plan().route("/", Access::SignedIn, "http://127.0.0.1:9").start()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let (world, begun) = (alone(), Instant::now());
    assert_eq!(world.connect().closes().await, "");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

async fn is_cut_off_while_dripping(mut client: Client) {
    let begun = Instant::now();
    let head = get("/", &[&format!("X-Slow: {}", "a".repeat(1000))]);
    for byte in head.as_bytes() {
        if client.io.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(client.closes().await, "");
    assert!((10..12).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_cut_off_in_time() {
    let world = alone();
    let client = world.connect();
    is_cut_off_while_dripping(client).await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_first_head_begins_with_the_connection() {
    let (world, begun) = (alone(), Instant::now());
    let mut client = world.connect();
    tokio::time::sleep(Duration::from_secs(9)).await;
    client.send("GET / HTTP/1.1\r\nX").await;
    assert_eq!(client.closes().await, "");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_in_pieces_within_its_time_is_read() {
    let world = alone();
    let mut client = world.connect();
    for piece in get("/", &["X-Slow: 1"]).as_bytes().chunks(12) {
        client.send(piece).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(client.answer().await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_is_closed_when_nothing_more_comes() {
    let world = alone();
    let mut client = world.connect();
    for _ in 0..3 {
        client.send(get("/", &[])).await;
        assert_eq!(client.answer().await.status, 401);
        tokio::time::sleep(Duration::from_secs(70)).await;
    }
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 401);
    let begun = Instant::now();
    assert_eq!(client.closes_slowly(Duration::from_secs(100)).await, "");
    assert_eq!(begun.elapsed().as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_later_head_begins_with_its_first_byte() {
    let world = alone();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 401);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let begun = Instant::now();
    client.send("GET / HTTP/1.1\r\nX").await;
    assert_eq!(client.closes_slowly(Duration::from_secs(100)).await, "");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_later_head_that_drips_is_cut_off_in_time() {
    let world = alone();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 401);
    tokio::time::sleep(Duration::from_secs(70)).await;
    is_cut_off_while_dripping(client).await;
}

#[tokio::test(start_paused = true)]
async fn empty_lines_before_a_head_keep_no_connection_open() {
    let world = alone();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 401);
    let begun = Instant::now();
    while client.io.write_all(b"\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() < Duration::from_secs(12), "it is still open");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_of_http_1_0_is_closed_when_nothing_more_comes() {
    let world = alone();
    let mut client = world.connect();
    client.send(format!("GET / HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 401);
    let begun = Instant::now();
    assert_eq!(client.closes_slowly(Duration::from_secs(100)).await, "");
    assert_eq!(begun.elapsed().as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn after_a_body_that_was_read_a_connection_is_closed_when_nothing_more_comes() {
    let world = alone();
    let mut client = world.connect();
    client.send(request("POST", "/_bmauth/x", &[], "read")).await;
    assert_eq!(client.answer().await.status, 200);
    let begun = Instant::now();
    assert_eq!(client.closes_slowly(Duration::from_secs(100)).await, "");
    assert_eq!(begun.elapsed().as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn after_a_body_that_was_not_read_a_connection_is_closed_at_once() {
    let world = alone();
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 9"], "")).await;
    let begun = Instant::now();
    assert_eq!(client.answer().await.status, 401);
    assert_eq!(client.closes().await, "");
    assert_eq!(begun.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_answer_is_let_go() {
    let world = alone();
    let mut client = world.connect();
    // More answers than fit into the pipe, each asked for when the one before is written.
    for _ in 0..300 {
        client.send(get("/", &["Accept: text/html"])).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(200)).await;
    let sent = client.io.write_all(b"x").await;
    assert_eq!(sent.map_err(|error| error.kind()), Err(std::io::ErrorKind::BrokenPipe));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_its_answers_slowly_is_waited_for() {
    let world = alone();
    let mut client = world.connect();
    for _ in 0..300 {
        client.send(get("/", &["Accept: text/html"])).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(100)).await;
    let said = client.closes_slowly(Duration::from_secs(100)).await;
    assert!(said.len() > 64 * 1024 && said.ends_with("\r\n\r\n"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn an_http2_connection_without_its_preface_is_closed() {
    let (world, begun) = (alone(), Instant::now());
    let mut client = Client { io: world.pipe("192.0.2.1", true, true) };
    client.send("PRI * HTTP/2.0\r\n").await;
    client.closes().await;
    assert_eq!(begun.elapsed().as_secs(), 10);
}

async fn listening(world: &World) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let (address, shutdown) = (listener.address().unwrap(), CancellationToken::new());
    let proxy: Arc<Proxy> = world.proxy.clone();
    let serving = tokio::spawn(proxy.serve(vec![listener], shutdown.clone()));
    (address, shutdown, serving)
}

async fn dial(address: std::net::SocketAddr) -> Socket {
    Socket(tokio::net::TcpStream::connect(address).await.unwrap())
}

struct Socket(tokio::net::TcpStream);

impl Socket {
    async fn ask(&mut self) -> String {
        use tokio::io::AsyncReadExt;
        let _ = self.0.write_all(get("/_bmauth/x", &[]).as_bytes()).await;
        let mut said = vec![0; 12];
        match self.0.read_exact(&mut said).await {
            Ok(_) => String::from_utf8(said).unwrap(),
            Err(_) => String::new(),
        }
    }
}

/// An app that says when it was asked, and answers when it may.
async fn waiting_app(go_on: &Arc<Notify>, arrived: &Arc<Notify>) -> String {
    let (go_on, arrived) = (Arc::clone(go_on), Arc::clone(arrived));
    raw_app(move |_, mut stream| {
        let (go_on, arrived) = (Arc::clone(&go_on), Arc::clone(&arrived));
        async move {
            arrived.notify_one();
            go_on.notified().await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn where_there_is_no_room_an_idle_connection_makes_some_and_busy_ones_go_on() {
    let (go_on, arrived) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let url = waiting_app(&go_on, &arrived).await;
    let world = plan()
        .route("/", Access::Public, &url)
        .set(|settings| settings.room = Room { connections: 4, connections_of_network: 2, ..settings.room })
        .start();
    let (address, _, _) = listening(&world).await;
    let mut idle = dial(address).await;
    assert_eq!(idle.ask().await, "HTTP/1.1 200");
    let mut busy = dial(address).await;
    busy.0.write_all(get("/", &[]).as_bytes()).await.unwrap();
    arrived.notified().await;
    let mut newcomer = dial(address).await;
    assert_eq!(newcomer.ask().await, "HTTP/1.1 200");
    // It made room.
    tokio::io::AsyncReadExt::read_to_end(&mut idle.0, &mut Vec::new()).await.unwrap();
    newcomer.0.write_all(get("/", &[]).as_bytes()).await.unwrap();
    arrived.notified().await;
    assert_eq!(dial(address).await.ask().await, "", "none is idle");
    go_on.notify_one();
    let mut said = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut busy.0, &mut said).await.unwrap();
    assert_eq!(said, *b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_network_whose_requests_are_too_many_is_told_so_and_others_are_served() {
    let arrived = Arc::new(Notify::new());
    let url = raw_app({
        let arrived = arrived.clone();
        move |_, stream| {
            let arrived = arrived.clone();
            async move {
                arrived.notify_one();
                std::future::pending::<()>().await;
                drop(stream);
            }
        }
    })
    .await;
    let app = hello().await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .route("/slow", Access::Public, &url)
        .set(|settings| {
            settings.room = Room { requests: 3, requests_of_network: 2, ..settings.room };
            settings.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()];
        })
        .start();
    let of = |address: &str| format!("X-Forwarded-For: {address}");
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut client = world.connect();
        client.send(get("/slow", &[&of("2001:db8::1")])).await;
        arrived.notified().await;
        slow.push(client);
    }
    let told = world.get("/", &[&of("2001:db8::2")]).await;
    assert_eq!((told.status, told.field("retry-after")), (429, Some("5")));
    assert_eq!(told.json()["type"], "urn:bmauth:problem:too-many-open");
    assert_eq!(world.get("/", &[&of("192.0.2.7")]).await.status, 200);
    assert_eq!(world.get("/_bmauth/x", &[&of("2001:db8::2")]).await.status, 200, "our own pages need no app");
    let mut third = world.connect();
    third.send(get("/slow", &[&of("192.0.2.7")])).await;
    arrived.notified().await;
    assert_eq!(world.get("/", &[&of("192.0.2.8")]).await.status, 503);
    // A client that leaves makes room.
    drop(third);
    while world.get("/", &[&of("192.0.2.8")]).await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_taken_address_is_an_error_before_anything_runs() {
    let taken = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = taken.address().unwrap();
    let error = Listener::bind(address, None).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let told = CannotListen::because("server.listen", address, &error).to_string();
    let expected = format!(
        "server.listen: {address} is taken already. Is another bmauth running? Stop it, or choose another port."
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn shutting_down_lets_a_running_request_end_and_takes_no_new_one() {
    let (go_on, wait) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let url = waiting_app(&go_on, &wait).await;
    let world = plan().route("/", Access::Public, &url).start();
    let (address, shutdown, serving) = listening(&world).await;
    let mut running = dial(address).await;
    let mut idle = dial(address).await;
    assert_eq!(idle.ask().await, "HTTP/1.1 200");
    running.0.write_all(get("/", &[]).as_bytes()).await.unwrap();
    wait.notified().await;
    shutdown.cancel();
    // The socket is closed at once, so no client waits in vain.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut running.0, &mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_runs_longer_than_the_grace_time_is_cut_off() {
    let (go_on, wait) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let url = waiting_app(&go_on, &wait).await;
    let world =
        plan().route("/", Access::Public, &url).set(|settings| settings.grace = Duration::from_secs(60)).start();
    let (address, shutdown, serving) = listening(&world).await;
    let mut running = dial(address).await;
    running.0.write_all(get("/", &[]).as_bytes()).await.unwrap();
    wait.notified().await;
    // Time is moved by hand from here on: by itself it would run on while the sockets are waited for.
    tokio::time::pause();
    shutdown.cancel();
    for _ in 0..59 {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    assert!(!serving.is_finished(), "it is waited for");
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    let mut said = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut running.0, &mut said).await;
    assert_eq!(String::from_utf8_lossy(&said), "", "no part of an answer looks like one");
    serving.await.unwrap();
}

#[tokio::test]
async fn a_refused_upload_is_read_on_so_that_its_client_hears_why() {
    let world = alone();
    let client = world.connect();
    let (mut reads, mut writes) = tokio::io::split(client.io);
    // A client that looks for the answer only when it has sent everything.
    writes.write_all(request("POST", "/", &["Content-Length: 3000000"], "").as_bytes()).await.unwrap();
    writes.write_all(&vec![b'x'; 3_000_000]).await.unwrap();
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut reads, &mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 401 ") && said.contains("Connection: close"), "{said}");
}
