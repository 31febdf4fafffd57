//! A browser asks for the script of an app's service worker.

use std::time::Duration;

use bmauth::domain::route::Access;
use bmauth::proxy::LAST_WORKER;

use crate::harness::*;

/// What browsers say when they fetch the script of a service worker, at first and to see whether it has changed.
const FOR_WORKER: [&str; 4] =
    ["Service-Worker: script", "Sec-Fetch-Dest: serviceworker", "Sec-Fetch-Mode: same-origin", "Accept: */*"];
const OF_APP: &str = "/* the worker of the app */";

/// An app whose worker's script lies at every address.
async fn worker_app() -> App {
    app(|_| {
        let length = OF_APP.len();
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: {length}\r\n\r\n{OF_APP}")
            .into_bytes()
    })
    .await
}

#[track_caller]
fn is_last_worker(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (200, String::from_utf8_lossy(LAST_WORKER).into_owned()));
    for (name, value) in [
        ("content-type", "text/javascript; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("service-worker-allowed", "/"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{name}");
    }
    assert_eq!((answer.all("set-cookie"), answer.field("location")), (Vec::new(), None));
}

#[tokio::test]
async fn the_apps_worker_is_ended_without_a_session_and_the_app_is_not_asked() {
    let app = worker_app().await;
    let world = plan().route("/", Access::SignedIn, &app.url).start();
    is_last_worker(&world.get("/sw.js", &FOR_WORKER).await);
    // Before browsers said what a request is for.
    is_last_worker(&world.get("/deep/sw.js?v=7", &["Service-Worker: script"]).await);
    let ended = world.keeper.sign_in(7);
    world.keeper.end(&ended);
    is_last_worker(&world.get_as(&ended, "/sw.js", &FOR_WORKER).await);
    let expired = world.keeper.sign_in(8);
    world.keeper.pass(Duration::from_secs(4000));
    is_last_worker(&world.get_as(&expired, "/sw.js", &FOR_WORKER).await);
    is_last_worker(&world.get("/sw.js", &[&FOR_WORKER[..], &["Authorization: Bearer access.token.x"]].concat()).await);
    assert_eq!(app.connections(), 0);
}

#[tokio::test]
async fn a_head_request_for_it_gets_the_head_alone() {
    let world = plan().route("/", Access::SignedIn, &dead_address().await).start();
    let mut client = world.connect();
    client.send(request("HEAD", "/sw.js", &FOR_WORKER, "")).await;
    let head = client.answer_head().await;
    assert_eq!((head.status, head.field("content-length")), (200, Some(LAST_WORKER.len().to_string().as_str())));
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 401);
}

#[tokio::test]
async fn who_is_signed_in_has_the_worker_of_the_app() {
    let app = worker_app().await;
    let plan = plan().route("/", Access::SignedIn, &app.url);
    let world = plan.route("/staff", Access::SignedIn, &app.url).for_groups(&["staff"]).start();
    let secret = world.keeper.sign_in(7);
    let answer = world.get_as(&secret, "/sw.js", &FOR_WORKER).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, OF_APP));
    // Who is signed in and not let in is refused as ever.
    let refused = world.get_as(&secret, "/staff/sw.js", &FOR_WORKER).await;
    assert_eq!((refused.status, refused.field("content-type")), (403, Some("application/problem+json")));
    let recovered = world.keeper.recover(8);
    let refused = world.get_as(&recovered, "/sw.js", &FOR_WORKER).await;
    assert_eq!((refused.status, refused.field("content-type")), (403, Some("application/problem+json")));
}

#[tokio::test]
async fn an_open_route_has_the_worker_of_the_app() {
    let app = worker_app().await;
    let plan = plan().route("/open", Access::Public, &app.url);
    let world = plan.route("/optional", Access::Optional, &app.url).start();
    for path in ["/open/sw.js", "/optional/sw.js"] {
        let answer = world.get(path, &FOR_WORKER).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, OF_APP), "{path}");
        assert_eq!(answer.field("service-worker-allowed"), None);
    }
}

#[tokio::test]
async fn a_store_that_is_down_ends_no_worker() {
    let world = plan().route("/", Access::SignedIn, &dead_address().await).start();
    let secret = world.keeper.sign_in(7);
    world.keeper.end(&secret);
    world.keeper.break_store();
    let answer = world.get_as(&secret, "/sw.js", &FOR_WORKER).await;
    assert_eq!((answer.status, answer.field("content-type")), (503, Some("application/problem+json")));
}

#[tokio::test]
async fn what_is_no_question_for_a_workers_script_is_refused_as_ever() {
    let world = plan().route("/", Access::SignedIn, &dead_address().await).start();
    for (method, lines, status) in [
        ("POST", &["Service-Worker: script"][..], 401),
        ("OPTIONS", &["Service-Worker: script"], 401),
        ("GET", &["Service-Worker: scripts"], 401),
        ("GET", &["Service-Worker-Navigation-Preload: true"], 401),
        ("GET", &["Sec-Fetch-Dest: serviceworker"], 401),
        ("GET", &["Service-Worker: script", "Sec-Fetch-Mode: navigate"], 303),
        ("GET", &["Service-Worker: script", "Upgrade: websocket", "Connection: upgrade"], 401),
    ] {
        let answer = world.ask(&request(method, "/sw.js", lines, "")).await;
        assert_eq!(answer.status, status, "{method} {lines:?}");
    }
    assert_eq!(world.get("/..%2fsw.js", &FOR_WORKER).await.status, 400);
}

#[tokio::test]
async fn a_proxy_in_front_that_asks_about_one_is_told_that_there_is_no_session() {
    let proxy = |settings: &mut bmauth::proxy::Settings| {
        settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    };
    let world = plan().route_to(HOST, "/", Access::SignedIn, &[]).set(proxy).start();
    let about = ["X-Original-URL: https://notes.example.com/sw.js", "X-Original-Method: GET"];
    let mut client = world.connect_from("10.0.0.1");
    client.send(get("/_bmauth/forward-auth", &[&about[..], &FOR_WORKER].concat())).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.field("content-type")), (401, Some("application/problem+json")));
    // The gateway itself has nothing at that address.
    assert_eq!(world.get("/sw.js", &FOR_WORKER).await.status, 404);
}

#[test]
fn the_last_worker_is_tiny() {
    assert!(LAST_WORKER.len() < 1536, "{} bytes", LAST_WORKER.len());
}
