//! The servers behind: which one is asked, and what is said when none answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bmauth::domain::route::Access;
use bmauth::proxy::Resolve;
use tokio::io::AsyncReadExt;

use crate::harness::*;

#[tokio::test]
async fn an_app_that_is_down_is_told_to_people_and_scripts() {
    let world = world(&no_listener().await);
    let secret = world.keeper.sign_in(1);
    let page = world.get_as(&secret, "/", &["Sec-Fetch-Mode: navigate"]).await;
    assert_eq!((page.status, page.field("content-type")), (502, Some("text/html; charset=utf-8")));
    let problem = world.get_as(&secret, "/", &[]).await;
    assert_eq!((problem.status, problem.json()["status"].as_u64()), (502, Some(502)));
    assert_eq!(world.ask(&request("POST", "/", &[&cookie(&secret)], "x")).await.status, 502);
}

#[tokio::test]
async fn a_name_without_an_address_is_an_app_that_is_down() {
    let world = plan().route("/", Access::Public, "http://nowhere.invalid").start();
    assert_eq!(world.get("/", &[]).await.status, 502);
}

#[tokio::test]
async fn an_app_is_found_by_its_name() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url.replace("127.0.0.1", "localhost")).start();
    assert_eq!(world.get("/", &[]).await.text(), "hello");
    assert_eq!(app.saw().field("host"), Some(HOST), "the app is told the host that the client asked for");
}

/// Knows where an app is, until it is told otherwise; and how many wait for it.
#[derive(Debug, Default)]
struct Scripted {
    knows: Mutex<Option<Vec<SocketAddr>>>,
    hangs: AtomicBool,
    waiting: Arc<AtomicUsize>,
}

struct Waits(Arc<AtomicUsize>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Resolve for Scripted {
    async fn look_up(&self, host: &str, _port: u16) -> std::io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "app.internal");
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waits = Waits(Arc::clone(&self.waiting));
        while self.hangs.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        self.knows.lock().unwrap().clone().ok_or_else(|| std::io::ErrorKind::TimedOut.into())
    }
}

impl Scripted {
    fn know(&self, app: Option<&App>) {
        let address = |app: &App| app.url.strip_prefix("http://").unwrap().parse().unwrap();
        *self.knows.lock().unwrap() = app.map(|app| vec![address(app)]);
    }
}

/// Lets time pass, until what is known of a name is old.
async fn a_while() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn an_app_is_reached_while_the_resolver_is_away_and_followed_when_it_is_back() {
    let (one, other) = (hello().await, hello().await);
    let resolver = Arc::new(Scripted::default());
    let to_resolver = Arc::clone(&resolver) as Arc<dyn Resolve>;
    let world = plan()
        .route("/", Access::Public, "http://app.internal")
        .set(|settings| settings.resolver = to_resolver)
        .start();
    assert_eq!(world.get("/", &[]).await.status, 502, "it was never found");
    resolver.know(Some(&one));
    assert_eq!(world.get("/", &[]).await.text(), "hello");
    resolver.know(None);
    for _ in 0..20 {
        a_while().await;
        assert_eq!(world.get("/", &[]).await.text(), "hello", "it cannot be looked up");
    }
    resolver.hangs.store(true, Ordering::SeqCst);
    a_while().await;
    while resolver.waiting.load(Ordering::SeqCst) == 0 {
        assert_eq!(world.get("/", &[]).await.text(), "hello");
    }
    assert_eq!(world.get("/", &[]).await.text(), "hello", "the resolver does not answer");
    assert_eq!(resolver.waiting.load(Ordering::SeqCst), 1, "no request waited until it was given up");
    assert!(other.seen().is_empty());
    resolver.know(Some(&other));
    resolver.hangs.store(false, Ordering::SeqCst);
    let moved = async {
        while other.seen().is_empty() {
            world.get("/", &[]).await;
        }
    };
    tokio::time::timeout(PATIENCE, moved).await.expect("it is followed");
}

#[tokio::test]
async fn an_app_that_was_never_found_is_down_and_not_waited_for_for_ever() {
    let resolver = Arc::new(Scripted::default());
    resolver.hangs.store(true, Ordering::SeqCst);
    let to_resolver = Arc::clone(&resolver) as Arc<dyn Resolve>;
    let world = plan()
        .route("/", Access::Public, "http://app.internal")
        .set(|settings| settings.resolver = to_resolver)
        .start();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    while resolver.waiting.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    a_while().await;
    assert_eq!(client.answer().await.status, 502);
}

#[tokio::test]
async fn an_app_that_does_not_speak_http_is_down() {
    for answer in ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"] {
        let app = app_saying(answer).await;
        let world = plan().route("/", Access::Public, &app.url).start();
        assert_eq!(world.get("/", &[]).await.status, 502, "{answer:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_no_authority_vouches_for_is_not_taken() {
    let app = hello().await;
    let behind = plan().route_to("localhost", "/", Access::Public, &[&app.url]).start();
    let address = crate::tls::listen(&behind).await;
    let world = plan().route("/", Access::Public, &format!("https://localhost:{}", address.port())).start();
    assert_eq!(world.get("/", &[]).await.status, 502);
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn several_servers_take_turns() {
    let (one, two) = (hello().await, hello().await);
    let world = plan().route_to(HOST, "/", Access::Public, &[&one.url, &two.url]).start();
    for _ in 0..6 {
        assert_eq!(world.get("/", &[]).await.status, 200);
    }
    assert_eq!((one.seen().len(), two.seen().len()), (3, 3));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_out() {
    let (up, down) = (hello().await, no_listener().await);
    let world = plan().route_to(HOST, "/", Access::Public, &[&down, &up.url]).start();
    for number in 0..6 {
        // Nothing of the first one has been sent anywhere, so even a POST goes on to the other.
        assert_eq!(world.ask(&request("POST", "/", &[], "x")).await.status, 200, "{number}");
    }
    let seen = up.seen();
    assert!(seen.len() == 6 && seen.iter().all(|seen| seen.body == b"x"));
}

/// An app that answers the first request of a connection and closes it at the second; counts both.
async fn fickle() -> (String, Arc<AtomicUsize>) {
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    let url = raw_app(move |_, mut stream| {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
            let mut second = [0; 1];
            if stream.read_exact(&mut second).await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    (url, received)
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let (url, received) = fickle().await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 0"], "")).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(request("POST", "/", &["Content-Length: 0"], "")).await;
    assert_eq!(client.answer().await.status, 502);
    assert_eq!(received.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_get_on_a_kept_connection_that_closes_is_sent_again() {
    let (url, received) = fickle().await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(received.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn connections_to_the_app_are_kept() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = world.connect();
    for _ in 0..3 {
        client.send(get("/", &[])).await;
        assert_eq!(client.answer().await.text(), "hello");
    }
    assert_eq!(app.connections(), 1);
}

/// An app that hands out its connections once a request has come, and says nothing.
async fn silent() -> (String, tokio::sync::mpsc::UnboundedReceiver<tokio::net::TcpStream>) {
    let (note, asked) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_app(move |_, stream| {
        let note = note.clone();
        async move {
            let _ = note.send(stream);
        }
    })
    .await;
    (url, asked)
}

#[tokio::test]
async fn an_app_that_stays_silent_is_told_to_have_taken_too_long() {
    let (url, mut asked) = silent().await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(get("/", &[])).await;
    let _open = asked.recv().await.unwrap();
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let answer = client.answer_within(Duration::from_secs(400)).await;
    // It was asked a moment before time stood still.
    assert_eq!((answer.status, begun.elapsed().as_secs().div_ceil(5)), (504, 60));
}

#[tokio::test]
async fn a_client_that_pauses_within_a_body_is_not_waited_for() {
    let (url, mut asked) = silent().await;
    let world = plan().route("/", Access::Public, &url).start();
    let mut client = world.connect();
    client.send(request("POST", "/", &["Content-Length: 9"], "")).await;
    let _open = asked.recv().await.unwrap();
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let answer = client.answer_within(Duration::from_secs(400)).await;
    assert_eq!((answer.status, begun.elapsed().as_secs().div_ceil(5)), (408, 12));
}

#[tokio::test]
async fn a_connection_to_the_app_is_not_used_again_after_a_pause() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let mut client = world.connect();
    for (pause, connections) in [(0, 1), (3, 1), (5, 2)] {
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(pause)).await;
        tokio::time::resume();
        client.send(get("/", &[])).await;
        assert_eq!(client.answer().await.text(), "hello");
        assert_eq!(app.connections(), connections, "after {pause} s");
    }
}
