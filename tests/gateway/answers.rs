//! The answers of the proxy's own.

use bmauth::domain::route::Access;

use crate::harness::*;

#[tokio::test]
async fn a_person_gets_a_page_and_a_script_a_problem() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let page = world.get("/", &["Accept: text/html"]).await;
    assert_eq!((page.status, page.field("content-type")), (502, Some("text/html; charset=utf-8")));
    assert!(page.text().starts_with("<h1>502</h1>"), "{page:?}");
    let problem = world.get("/", &["Accept: application/json"]).await;
    assert_eq!((problem.status, problem.field("content-type")), (502, Some("application/problem+json")));
    assert_eq!(problem.json()["type"], "urn:bmauth:problem:app-down");
    assert_eq!(problem.json()["request_id"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn every_answer_of_ours_has_our_policies_and_a_length_and_names_no_server() {
    let world = plan().route("/app", Access::SignedIn, &dead_address().await).start();
    for (path, lines) in [
        ("/app", &["Sec-Fetch-Mode: navigate"][..]),
        ("/app", &[]),
        ("/nothing", &["Sec-Fetch-Mode: navigate"]),
        ("/nothing", &[]),
        ("//", &[]),
    ] {
        let answer = world.get(path, lines).await;
        assert!(answer.field("content-length").is_some(), "{path}");
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.field("referrer-policy"), Some("no-referrer"));
        assert!(answer.field("content-security-policy").unwrap().starts_with("default-src 'none';"));
        assert!(answer.field("permissions-policy").is_some());
        assert_eq!(answer.field("strict-transport-security"), Some("max-age=31536000"));
        assert_eq!(answer.field("server"), None);
    }
}

#[tokio::test]
async fn on_http_no_answer_of_ours_asks_for_https() {
    let world = plan()
        .route("/app", Access::SignedIn, &dead_address().await)
        .set(|settings| settings.public_scheme = bmauth::domain::route::Scheme::Http)
        .start();
    for (path, lines) in [("/app", &["Sec-Fetch-Mode: navigate"][..]), ("/app", &[]), ("//", &[])] {
        let answer = world.get(path, lines).await;
        assert_eq!(answer.field("strict-transport-security"), None);
        assert_eq!(answer.field("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn a_head_request_gets_the_head_of_the_answer_alone() {
    let world = plan().route("/", Access::SignedIn, &dead_address().await).start();
    let mut client = world.connect();
    client.send(request("HEAD", "/", &[], "")).await;
    let head = client.answer_head().await;
    assert_eq!(head.status, 401);
    assert!(head.field("content-length").unwrap().parse::<usize>().unwrap() > 0);
    // The next answer begins where the body would have been.
    client.send(request("HEAD", "/_bmauth/x", &[], "")).await;
    assert_eq!(client.answer_head().await.status, 200);
    client.send(get("/", &[])).await;
    assert_eq!(client.answer().await.status, 401);
}

#[tokio::test]
async fn a_refused_request_keeps_the_connection_where_its_end_is_known() {
    let world = plan().route("/", Access::SignedIn, &dead_address().await).start();
    let mut client = world.connect();
    for _ in 0..3 {
        client.send(get("/", &[])).await;
        assert_eq!(client.answer().await.status, 401);
    }
    client.send(get("/", &["Connection: close"])).await;
    assert_eq!(client.answer().await.status, 401);
    assert_eq!(client.closes().await, "");
}

#[tokio::test]
async fn what_is_made_for_one_person_is_kept_from_caches_unless_the_app_says_otherwise() {
    for (said, kept) in [
        ("", Some("private")),
        ("Cache-Control: public, max-age=60\r\n", Some("public, max-age=60")),
        ("Expires: Thu, 01 Jan 2099 00:00:00 GMT\r\n", None),
        ("Pragma: no-cache\r\n", None),
    ] {
        let app = app(move |_| format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{said}\r\n").into_bytes()).await;
        let plan = plan().route("/", Access::SignedIn, &app.url).route("/optional", Access::Optional, &app.url);
        let world = plan.route("/public", Access::Public, &app.url).start();
        let secret = world.keeper.sign_in(7);
        let theirs = said.strip_prefix("Cache-Control: ").map(str::trim_end);
        for (path, is_known, expected) in
            [("/", true, kept), ("/optional", true, kept), ("/optional", false, theirs), ("/public", true, theirs)]
        {
            let cookie = cookie(&secret);
            let lines: &[&str] = if is_known { &[&cookie] } else { &[] };
            let answer = world.get(path, lines).await;
            assert_eq!((answer.status, answer.field("cache-control")), (200, expected), "{said:?} {path} {is_known}");
        }
    }
}
