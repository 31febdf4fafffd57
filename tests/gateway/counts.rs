//! What became of requests, counted by outcome.

use bmauth::domain::route::Access;

use crate::harness::*;

/// Waits for the count, which is made when a request is over, just after its answer.
async fn counted(world: &World, outcome: &str, times: u64) {
    let line = format!("bmauth_requests_total{{outcome=\"{outcome}\"}} {times}\n");
    let found = async {
        while !world.counts.text().contains(&line) {
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    assert!(found.is_ok(), "no {line}in\n{}", world.counts.text());
}

#[tokio::test]
async fn a_question_is_counted_by_its_answer() {
    let world = plan()
        .route_to(HOST, "/", Access::SignedIn, &[])
        .set(|settings| settings.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()])
        .start();
    let (secret, unknown) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&unknown);
    let about = ["X-Original-URL: https://notes.example.com/a", "X-Original-Method: GET"];
    let question = "/_bmauth/forward-auth";
    world.get_as(&secret, question, &about).await;
    counted(&world, "allowed", 1).await;
    world.get(question, &about).await;
    counted(&world, "sign-in", 1).await;
    world.get(question, &[]).await;
    counted(&world, "refused", 1).await;
    world.keeper.break_store();
    world.get_as(&unknown, question, &about).await;
    counted(&world, "unavailable", 1).await;
    world.keeper.break_signing();
    world.get_as(&secret, question, &about).await;
    counted(&world, "fault", 1).await;
}

#[tokio::test]
async fn each_request_is_counted_once_by_what_became_of_it() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/public", Access::Public, &app.url)
        .route("/down", Access::Public, &dead_address().await)
        .start();
    let (secret, unknown) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&unknown);
    world.get_as(&secret, "/", &[]).await;
    world.get("/public", &[]).await;
    counted(&world, "forwarded", 2).await;
    world.get("/_bmauth/x", &[]).await;
    counted(&world, "own-page", 1).await;
    world.get("/", &[]).await;
    world.get("/", &["Sec-Fetch-Mode: navigate"]).await;
    counted(&world, "sign-in", 2).await;
    world.get("/a/./b", &[]).await;
    world.ask("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n").await;
    world.ask(&request("POST", "/_bmauth/x", &["Content-Length: 99999"], "")).await;
    counted(&world, "refused", 3).await;
    world.get("/down", &[]).await;
    counted(&world, "upstream-down", 1).await;
    world.keeper.break_store();
    world.get_as(&unknown, "/", &[]).await;
    counted(&world, "unavailable", 1).await;
    world.keeper.break_signing();
    world.get_as(&secret, "/", &[]).await;
    counted(&world, "fault", 1).await;
    let text = world.counts.text();
    let total: u64 = text
        .lines()
        .filter(|line| line.starts_with("bmauth_requests_total"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(total, 11, "{text}");
}
