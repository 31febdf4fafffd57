//! Which of several servers gets a request, and when one is left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bmauth::domain::route::Access;
use bmauth::domain::upstream::{Balance, HealthCheck, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::harness::*;

fn several(urls: &[&str], change: impl FnOnce(&mut Upstream)) -> World {
    plan().route_to(HOST, "/", Access::Optional, urls).app(change).start()
}

#[tokio::test]
async fn the_least_busy_server_is_asked() {
    let (quick, slow) = (hello().await, raw_app(async |_, mut stream| drop(stream.read(&mut [0; 1]).await)).await);
    let world = several(&[&slow, &quick.url], |app| app.balance = Balance::LeastRequests);
    // The first to come waits at the slow one, and no other follows it there.
    let mut waiting = world.connect();
    waiting.send(get("/", &[])).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..5 {
        assert_eq!(world.get("/", &[]).await.text(), "hello");
    }
}

#[tokio::test]
async fn a_session_stays_with_its_server_and_other_visitors_by_their_address() {
    let apps = [hello().await, hello().await, hello().await];
    let urls = [apps[0].url.as_str(), &apps[1].url, &apps[2].url];
    let world = several(&urls, |app| app.balance = Balance::Session);
    let mut used = std::collections::BTreeSet::new();
    let mut once = |seen: Vec<usize>| {
        let by: Vec<usize> = (0..3).filter(|place| seen[*place] > 0).collect();
        assert_eq!(by.len(), 1, "{seen:?}");
        used.insert(by[0]);
    };
    for person in 1..=12 {
        let secret = world.keeper.sign_in(person);
        for _ in 0..4 {
            assert_eq!(world.get_as(&secret, "/", &[]).await.status, 200);
        }
        once(apps.iter().map(|app| app.seen().len()).collect());
    }
    for last in 1..=12 {
        for _ in 0..4 {
            let mut client = world.connect_from(&format!("192.0.2.{last}"));
            client.send(get("/", &[])).await;
            assert_eq!(client.answer().await.status, 200);
        }
        once(apps.iter().map(|app| app.seen().len()).collect());
    }
    assert_eq!(used.len(), 3, "and all of them have a request");
}

#[tokio::test]
async fn a_session_whose_server_is_down_goes_to_another() {
    let (up, down) = (hello().await, no_listener().await);
    let world = several(&[&down, &up.url], |app| app.balance = Balance::Session);
    for person in 1..=6 {
        let secret = world.keeper.sign_in(person);
        assert_eq!(world.get_as(&secret, "/", &[]).await.status, 200);
    }
}

/// An app whose health is what `status` says, and the paths it was asked for.
async fn patient(status: &Arc<AtomicU16>) -> App {
    let status = Arc::clone(status);
    app(move |seen| {
        let status = if seen.target == "/healthz" { status.load(Ordering::SeqCst) } else { 200 };
        format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes()
    })
    .await
}

/// Waits for a server's share of requests to be as it should, and asks meanwhile.
async fn until(world: &World, apps: [&App; 2], is_so: impl Fn([usize; 2]) -> bool) {
    let looking = async {
        loop {
            apps.iter().for_each(|app| drop(app.seen()));
            for _ in 0..4 {
                assert_eq!(world.get("/page", &[]).await.status, 200);
            }
            if is_so(apps.map(|app| app.seen().iter().filter(|seen| seen.target == "/page").count())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("in time");
}

#[tokio::test]
async fn an_unwell_server_is_left_out_until_it_is_well_and_where_all_are_all_are_tried() {
    let health = [Arc::new(AtomicU16::new(200)), Arc::new(AtomicU16::new(200))];
    let (one, two) = (patient(&health[0]).await, patient(&health[1]).await);
    let every = Duration::from_millis(20);
    let check = HealthCheck { path: "/healthz".to_owned(), every };
    let world = several(&[&one.url, &two.url], |app| app.health = Some(check));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(Arc::clone(&world.proxy).serve(Vec::new(), stop.clone()));

    until(&world, [&one, &two], |shares| shares == [2, 2]).await;
    health[0].store(503, Ordering::SeqCst);
    until(&world, [&one, &two], |shares| shares == [0, 4]).await;
    health[1].store(404, Ordering::SeqCst);
    until(&world, [&one, &two], |shares| shares == [2, 2]).await;
    health[0].store(302, Ordering::SeqCst);
    until(&world, [&one, &two], |shares| shares == [4, 0]).await;
    health[1].store(204, Ordering::SeqCst);
    until(&world, [&one, &two], |shares| shares == [2, 2]).await;

    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test]
async fn the_health_of_a_server_is_asked_as_a_visitor_would_ask() {
    let one = hello().await;
    let check = HealthCheck { path: "/up?x=1".to_owned(), every: Duration::from_secs(60) };
    let world = several(&[&one.url], |app| {
        app.health = Some(check);
        app.request_headers.add("X-Env", Some("prod")).unwrap();
    });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(Arc::clone(&world.proxy).serve(Vec::new(), stop.clone()));
    let asked = async {
        loop {
            if let Some(seen) = one.seen().pop() {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let seen = tokio::time::timeout(PATIENCE, asked).await.expect("a question in time");
    assert_eq!((&*seen.target, seen.field("host"), seen.field("x-env")), ("/up?x=1", Some(HOST), Some("prod")));
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_is_measured_by_the_route_and_a_stream_may_wait_longer() {
    async fn asked(content_type: &'static str) -> (u16, String) {
        let url = raw_app(move |_, mut stream| async move {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 4\r\n\r\n12");
            stream.write_all(head.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(20)).await;
            let _ = stream.write_all(b"34").await;
            std::future::pending::<()>().await;
        })
        .await;
        let world = plan().route("/", Access::Public, &url).app(|app| app.timeout = Duration::from_secs(5)).start();
        let mut client = world.connect();
        client.send(get("/", &["Accept: text/event-stream", "Connection: close"])).await;
        let status = client.answer_head().await.status;
        (status, client.closes_slowly(Duration::from_secs(100)).await)
    }
    for stream in [
        "text/event-stream",
        "Text/Event-Stream; charset=utf-8",
        "application/x-ndjson",
        "multipart/x-mixed-replace; boundary=x",
        "application/grpc+proto",
    ] {
        assert_eq!(asked(stream).await, (200, "1234".to_owned()), "{stream}");
    }
    for other in ["text/plain", "application/json", "text/event-streams"] {
        assert_eq!(asked(other).await, (200, "12".to_owned()), "{other}");
    }
    let silent = raw_app(async |_, mut stream| drop(stream.read(&mut [0; 1]).await)).await;
    let world = plan().route("/", Access::Public, &silent).app(|app| app.timeout = Duration::from_secs(5)).start();
    let mut client = world.connect();
    client.send(get("/", &["Accept: text/event-stream"])).await;
    assert_eq!(client.answer_within(Duration::from_secs(100)).await.status, 504);
}

#[tokio::test]
async fn a_request_finds_the_one_server_that_is_up() {
    let (up, down) = (hello().await, [no_listener().await, no_listener().await, no_listener().await]);
    for balance in Balance::ALL {
        let world = several(&[&down[0], &down[1], &up.url, &down[2]], |app| app.balance = balance);
        for _ in 0..4 {
            assert_eq!(world.ask(&request("POST", "/", &[], "x")).await.status, 200, "{balance:?}");
        }
    }
}
