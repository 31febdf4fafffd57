//! Promise 19: one client, or one network, cannot take the connections of the others. CWE-400, CWE-770.

use bmauth::domain::route::Access;
use bmauth::proxy::Room;

use crate::harness::*;

/// A network with all the requests that it may have leaves others theirs, whatever it holds open.
#[tokio::test]
async fn one_network_leaves_room_for_others() {
    let app = hello().await;
    let slow = raw_app(async |_, stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .route("/slow", Access::Public, &slow)
        .set(|settings| settings.room = Room { requests: 8, requests_of_network: 4, ..settings.room })
        .start();
    let mut held = Vec::new();
    for number in 0..12 {
        let mut client = world.connect_from(&format!("2001:db8::{number:x}"));
        client.send(get("/slow", &[])).await;
        held.push(client);
    }
    // Four are with the app; the others are told at once.
    while !world.counts.text().contains("bmauth_requests_total{outcome=\"refused\"} 8\n") {
        tokio::task::yield_now().await;
    }
    let mut other = world.connect_from("192.0.2.9");
    other.send(get("/", &[])).await;
    assert_eq!(other.answer().await.status, 200);
}

/// Requests for our own pages that never end leave others theirs too.
#[tokio::test]
async fn one_network_leaves_our_own_pages_to_others() {
    let world = plan()
        .route("/", Access::SignedIn, &dead_address().await)
        .set(|settings| settings.room = Room { pages: 8, pages_of_network: 2, ..settings.room })
        .start();
    let mut held = Vec::new();
    for _ in 0..6 {
        let mut client = world.connect_from("203.0.113.9");
        client.send(request("POST", "/_bmauth/sign-in/options", &["Content-Length: 5"], "")).await;
        held.push(client);
    }
    while !world.counts.text().contains("bmauth_requests_total{outcome=\"refused\"} 4\n") {
        tokio::task::yield_now().await;
    }
    let mut other = world.connect_from("192.0.2.9");
    other.send(get("/_bmauth/sign-in", &[])).await;
    assert_eq!(other.answer().await.status, 200);
}

/// The bytes of a path cost what their length costs, however many routes there are.
#[tokio::test]
async fn a_path_of_many_readings_is_refused_and_not_worked_on() {
    let app = hello().await;
    let mut many = plan();
    for number in 0..1000 {
        many = many.route(&format!("/route-{number}/a/b"), Access::Public, &app.url);
    }
    let world = many.start();
    let odd = format!("/{}", "%25253B%2F;x/%2523".repeat(1700));
    assert_eq!(world.get(&odd, &[]).await.status, 400);
    let deep = format!("/route-7/a/b{}", "/x".repeat(15_000));
    assert_eq!(world.get(&deep, &[]).await.status, 200);
}
