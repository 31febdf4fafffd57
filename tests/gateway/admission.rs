//! Who gets through, and what visitors without a session are told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bmauth::domain::route::Access;

use crate::harness::*;

#[tokio::test]
async fn a_signed_in_person_reaches_the_app() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let answer = world.get_as(&secret, "/notes?tag=a%20b", &[]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let seen = app.saw();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/notes?tag=a%20b"));
    assert_eq!(seen.field("x-bmauth-jwt"), Some("token.user1@example.com.notes.example.com"));
    assert_eq!(world.keeper.loads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_visitor_going_to_a_page_is_sent_to_sign_in_and_back() {
    let app = hello().await;
    let world = world(&app.url);
    for lines in [&["Sec-Fetch-Mode: navigate"][..], &["Accept: text/html,*/*;q=0.8"]] {
        let answer = world.get("/notes/7?tag=a%20b&x=/y", lines).await;
        assert_eq!(answer.status, 303);
        let location = "/_bmauth/sign-in?return_to=/notes/7%3Ftag%3Da%2520b%26x%3D/y";
        assert_eq!(answer.field("location"), Some(location));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("content-length"), Some("0"));
    }
    assert!(app.seen().is_empty());
    assert_eq!(world.keeper.loads.load(Ordering::Relaxed), 0, "a visitor without a session touches no store");
}

#[tokio::test]
async fn a_script_without_a_session_is_told_to_sign_in() {
    let app = hello().await;
    let world = world(&app.url);
    let scripts = [
        get("/api", &["Sec-Fetch-Mode: cors", "Accept: text/html"]),
        get("/api", &["Accept: application/json"]),
        get("/api", &[]),
        request("POST", "/api", &["Accept: text/html"], "x=1"),
        get("/api", &["Upgrade: websocket", "Connection: Upgrade", "Origin: https://notes.example.com"]),
    ];
    for script in scripts {
        let answer = world.ask(&script).await;
        assert_eq!(answer.status, 401, "{script}");
        assert_eq!(answer.field("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["status"], 401);
        assert_eq!(problem["sign_in_url"], "https://notes.example.com/_bmauth/sign-in");
        assert!(problem["type"].is_string() && problem["title"].is_string());
    }
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn a_session_that_is_unknown_doubled_or_over_opens_nothing() {
    let app = hello().await;
    let world = world(&app.url);
    let (known, unknown) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&unknown);
    assert_eq!(world.get_as(&unknown, "/", &[]).await.status, 401);
    let twice = format!("{}; {COOKIE}={}", cookie(&known), known.text());
    assert_eq!(world.get("/", &[&twice]).await.status, 401);
    assert_eq!(world.get("/", &[&cookie(&known), &cookie(&known)]).await.status, 401);
    assert_eq!(world.get("/", &[&format!("Cookie: bmauth={}", known.text())]).await.status, 401);
    assert_eq!(world.get("/", &[&format!("Authorization: Bearer {}", known.text())]).await.status, 401);
    world.keeper.pass(Duration::from_secs(3601));
    assert_eq!(world.get_as(&known, "/", &[]).await.status, 401);
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn signing_out_takes_effect_on_the_next_request_of_the_same_connection() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let mut client = world.connect();
    client.send(get("/", &[&cookie(&secret)])).await;
    assert_eq!(client.answer().await.status, 200);
    world.keeper.end(&secret);
    client.send(get("/", &[&cookie(&secret)])).await;
    assert_eq!(client.answer().await.status, 401);
}

#[tokio::test]
async fn without_the_store_a_session_that_is_not_in_memory_is_refused() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/optional", Access::Optional, &app.url)
        .route("/public", Access::Public, &app.url)
        .start();
    let (known, unknown) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&unknown);
    world.keeper.break_store();
    assert_eq!(world.get_as(&unknown, "/", &[]).await.status, 503);
    assert_eq!(world.get_as(&unknown, "/optional", &[]).await.status, 503);
    let page = world.get_as(&unknown, "/", &["Sec-Fetch-Mode: navigate"]).await;
    assert!(page.text().contains("<h1>503</h1>"), "{page:?}");
    assert!(app.seen().is_empty());
    assert_eq!(world.get_as(&unknown, "/public", &[]).await.status, 200);
    assert_eq!(world.get_as(&known, "/", &[]).await.status, 200);
}

#[tokio::test]
async fn without_a_token_nothing_is_forwarded() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    world.keeper.break_signing();
    assert_eq!(world.get_as(&secret, "/", &[]).await.status, 500);
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn a_public_route_never_says_who_asks_and_an_optional_one_does_with_a_session() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).route("/maybe", Access::Optional, &app.url).start();
    let secret = world.keeper.sign_in(1);
    for (path, signed_in, token) in [
        ("/", false, None),
        ("/", true, None),
        ("/maybe", false, None),
        ("/maybe", true, Some("token.user1@example.com.notes.example.com")),
    ] {
        let spoof = "X-BMAuth-JWT: evil";
        let answer =
            if signed_in { world.get_as(&secret, path, &[spoof]).await } else { world.get(path, &[spoof]).await };
        assert_eq!(answer.status, 200);
        assert_eq!(app.saw().field("x-bmauth-jwt"), token, "{path} {signed_in}");
    }
}

#[tokio::test]
async fn a_preflight_goes_to_the_app_without_an_identity() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let lines = ["Origin: https://other.example", "Access-Control-Request-Method: PUT", "X-BMAuth-JWT: evil"];
    for cookie in [String::from("X-Nothing: 1"), cookie(&secret)] {
        let answer = world.ask(&request("OPTIONS", "/api", &[&[cookie.as_str()], &lines[..]].concat(), "")).await;
        assert_eq!(answer.status, 200);
        let seen = app.saw();
        assert_eq!((seen.method.as_str(), seen.field("x-bmauth-jwt"), seen.field("cookie")), ("OPTIONS", None, None));
    }
    assert_eq!(world.ask(&request("OPTIONS", "/api", &lines[..1], "")).await.status, 401);
}

#[tokio::test]
async fn a_preflight_brings_nothing_but_its_question() {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).route("/maybe", Access::Optional, &app.url).start();
    let question = ["Origin: https://other.example", "Access-Control-Request-Method: PUT"];
    let more = [
        "Access-Control-Request-Headers: x-a",
        "Access-Control-Request-Private-Network: true",
        "User-Agent: Firefox",
        "Cookie: app-session=1; __Host-bmauth=x",
        "Authorization: Basic eDp5",
        "X-Api-Key: 1",
        "X-HTTP-Method-Override: DELETE",
        "Content-Type: application/json",
        "Connection: Upgrade",
        "Upgrade: h2c",
    ];
    for path in ["/api", "/maybe"] {
        let answer = world.ask(&request("OPTIONS", path, &[&question[..], &more].concat(), "")).await;
        assert_eq!(answer.status, 200);
        let mut left = app.saw();
        left.fields.retain(|(name, _)| !name.starts_with("x-forwarded-"));
        let mut names = left.names();
        names.sort_unstable();
        let asked = [
            "access-control-request-headers",
            "access-control-request-method",
            "access-control-request-private-network",
        ];
        assert_eq!(names, [&asked[..], &["host", "origin", "user-agent"]].concat());
    }
}

#[tokio::test]
async fn what_has_a_body_is_no_preflight() {
    let app = hello().await;
    let world = world(&app.url);
    let question = ["Origin: https://other.example", "Access-Control-Request-Method: PUT"];
    assert_eq!(world.ask(&request("OPTIONS", "/api", &question, "x")).await.status, 401);
    let chunked = [&question[..], &["Transfer-Encoding: chunked"]].concat();
    let mut client = world.connect();
    client.send(format!("{}1\r\nx\r\n0\r\n\r\n", request("OPTIONS", "/api", &chunked, ""))).await;
    assert_eq!(client.answer().await.status, 401);
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn an_unknown_host_is_told_so_and_an_unknown_path_too() {
    let app = hello().await;
    let world = plan().route("/app", Access::SignedIn, &app.url).start();
    let secret = world.keeper.sign_in(1);
    let elsewhere = format!("GET /app HTTP/1.1\r\nHost: other.example\r\n{}\r\n\r\n", cookie(&secret));
    assert_eq!(world.ask(&elsewhere).await.status, 421);
    let own = "GET /_bmauth/sign-in HTTP/1.1\r\nHost: other.example\r\n\r\n";
    assert_eq!(world.ask(own).await.status, 421);
    assert_eq!(world.get_as(&secret, "/application", &[]).await.status, 404);
    assert_eq!(world.get_as(&secret, "/app", &[]).await.status, 200);
}

#[tokio::test]
async fn the_root_of_the_public_host_is_ours_where_no_route_takes_it() {
    let app = hello().await;
    let elsewhere = "files.example.com";
    let world = plan()
        .route("/app", Access::SignedIn, &app.url)
        .route("/", Access::Public, &app.url)
        .for_methods(&["POST"])
        .route_to(elsewhere, "/drive", Access::Public, &[&app.url])
        .start();
    for (method, target) in [("GET", "/"), ("GET", "/?a=b"), ("HEAD", "/")] {
        let mut client = world.connect();
        client.send(request(method, target, &[], "")).await;
        let answer = client.answer_head().await;
        assert_eq!((answer.status, answer.field("x-portal")), (200, Some("yes")), "{method} {target}");
    }
    for (method, target) in
        [("PUT", "/"), ("OPTIONS", "/"), ("GET", "//"), ("GET", "/;x"), ("GET", "/index.html"), ("get", "/")]
    {
        assert_eq!(world.ask(&request(method, target, &[], "")).await.status, 404, "{method} {target}");
    }
    assert_eq!(world.ask(&format!("GET / HTTP/1.1\r\nHost: {elsewhere}\r\n\r\n")).await.status, 404);
    assert!(app.seen().is_empty());
    assert_eq!(world.ask(&request("POST", "/", &[], "x")).await.status, 200);
    assert_eq!(app.saw().method, "POST");
}

#[tokio::test]
async fn a_port_and_an_uppercase_letter_do_not_make_another_host() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let spelled = format!("GET / HTTP/1.1\r\nHost: NOTES.example.com.:8443\r\n{}\r\n\r\n", cookie(&secret));
    assert_eq!(world.ask(&spelled).await.status, 200);
    assert_eq!(app.saw().field("host"), Some("notes.example.com:8443"));
}

#[tokio::test]
async fn a_route_for_groups_lets_in_only_those_in_one_of_them() {
    let app = hello().await;
    let plan = plan().route("/", Access::SignedIn, &app.url).route("/admin", Access::SignedIn, &app.url);
    let world = plan.for_groups(&["admins", "it"]).start();
    let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let admin = world.keeper.sign_in_as(1, None, groups(&["staff", "it"]));
    assert_eq!(world.get_as(&admin, "/admin/x", &[]).await.status, 200);
    app.saw();
    for names in [&[][..], &["staff"], &["IT"], &["admins2"]] {
        let other = world.keeper.sign_in_as(2, None, groups(names));
        assert_eq!(world.get_as(&other, "/", &[]).await.status, 200);
        app.saw();
        let answer = world.get_as(&other, "/admin", &["Accept: application/json"]).await;
        assert_eq!((answer.status, answer.json()["title"].as_str()), (403, Some("This account cannot open this page")));
        let page = world.get_as(&other, "/admin", &["Sec-Fetch-Mode: navigate"]).await;
        assert_eq!((page.status, page.field("location")), (403, None));
        assert!(page.field("content-type").is_some_and(|kind| kind.starts_with("text/html")));
        assert!(page.text().contains("<p>user2@example.com</p><p>/admin</p>"), "{}", page.text());
        // Another spelling of the path is none of a laxer route.
        assert_eq!(world.get_as(&other, "/Admin", &[]).await.status, 400);
    }
    assert_eq!(world.get("/admin", &["Accept: application/json"]).await.status, 401, "a visitor signs in first");
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn a_recovered_session_looks_through_its_devices_first() {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).route("/open", Access::Optional, &app.url).start();
    let secret = world.keeper.recover(1);
    let page = world.get_as(&secret, "/notes?a=b", &["Sec-Fetch-Mode: navigate"]).await;
    let location = "/_bmauth/recover/review?return_to=/notes%3Fa%3Db";
    assert_eq!((page.status, page.field("location")), (303, Some(location)));
    let script = world.get_as(&secret, "/notes", &[]).await;
    assert_eq!((script.status, script.json()["type"].as_str()), (403, Some("urn:bmauth:problem:review-required")));
    let open = world.get_as(&secret, "/open", &[]).await;
    assert_eq!(open.status, 200, "as a visitor who is not signed in");
}
