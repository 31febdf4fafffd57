//! The gateway's own paths, answered by the portal.

use bmauth::domain::host::Host;
use bmauth::domain::route::{Access, Scheme};
use bmauth::proxy::{Room, Settings};

use crate::harness::*;

#[tokio::test]
async fn reserved_paths_reach_the_portal_as_they_are_written_and_nothing_in_any_other_spelling() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    for target in ["/_bmauth", "/_bmauth/", "/_bmauth/sign-in?return_to=/a", "/_bmauth/x?y=%2F"] {
        let answer = world.get(target, &[]).await;
        assert_eq!((answer.status, answer.field("x-portal")), (200, Some("yes")), "{target}");
        assert_eq!(answer.json()["target"], target);
    }
    for target in [
        "/_BMAuth/x",
        "/_bmauth;x/y",
        "/_bmauth%3Bx",
        "/%5fbmauth/sign-in",
        "/%255Fbmauth/sign-in",
        "//_bmauth",
        "//x/_bmauth/sign-in",
        "/_bmauth//sign-in",
        "/_bmauth%2Fsign-in",
        "/_bmauth/sign%2Din",
        "/_bmauth/assets%2Fx",
        "/_bmauth/assets/%78",
        "/_bmauth%2Fforward-auth",
        "/%2F_bmauth/x",
    ] {
        assert_eq!(world.get(target, &[]).await.status, 404, "{target}");
    }
    assert_eq!(world.get("/x/../_bmauth", &[]).await.status, 400);
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn well_known_paths_are_ours_on_the_relying_partys_host_alone() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .route_to("other.example.com", "/", Access::Public, &[&app.url])
        .start();
    for path in ["/.well-known/passkey-endpoints", "/.well-known/webauthn"] {
        assert_eq!(world.get(path, &[]).await.field("x-portal"), Some("yes"), "{path}");
        let elsewhere = format!("GET {path} HTTP/1.1\r\nHost: other.example.com\r\n\r\n");
        assert_eq!(world.ask(&elsewhere).await.text(), "hello");
    }
    assert_eq!(world.get("/.well-known/acme-challenge/x", &[]).await.text(), "hello");
}

#[tokio::test]
async fn whether_it_is_there_and_its_keys_are_told_by_whatever_name_it_is_asked() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    for target in ["/_bmauth/healthz", "/_bmauth/jwks.json", "/_bmauth/healthz?x"] {
        for head in [
            format!("GET {target} HTTP/1.1\r\nHost: bmauth:8443\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost: my_service:8443\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost: 10.0.0.5\r\n\r\n"),
            format!("GET {target} HTTP/1.0\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        ] {
            let answer = world.ask(&head).await;
            assert_eq!((answer.status, answer.field("x-portal")), (200, Some("yes")), "{head}");
        }
        let twice = format!("GET {target} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
        assert_eq!(world.ask(&twice).await.status, 400);
    }
    assert_eq!(world.ask("OPTIONS / HTTP/1.0\r\n\r\n").await.field("x-portal"), Some("yes"));
    for (head, status) in [
        ("GET / HTTP/1.0\r\n\r\n", 400),
        ("OPTIONS / HTTP/1.1\r\n\r\n", 400),
        ("OPTIONS /x HTTP/1.0\r\n\r\n", 400),
        ("OPTIONS / HTTP/1.0\r\nHost: other.example\r\n\r\n", 421),
        ("GET /_bmauth/sign-in HTTP/1.1\r\nHost: bmauth:8443\r\n\r\n", 421),
        ("GET /_bmauth/healthz/x HTTP/1.1\r\nHost: bmauth:8443\r\n\r\n", 421),
        ("GET /_bmauth%2Fhealthz HTTP/1.1\r\nHost: bmauth:8443\r\n\r\n", 421),
    ] {
        assert_eq!(world.ask(head).await.status, status, "{head}");
    }
}

#[tokio::test]
async fn the_public_host_has_our_pages_even_without_a_route() {
    let world = plan().route_to("app.example.com", "/", Access::Public, &[&dead_address().await]).start();
    for (path, status) in [("/_bmauth/sign-in", 200), ("/", 200), ("/notes", 404)] {
        assert_eq!(world.get(path, &[]).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_portal_is_told_who_asks_and_gets_the_body() {
    let world = plan()
        .route("/", Access::Public, &dead_address().await)
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
        .start();
    let lines = ["Content-Type: text/plain", "Cookie: __Host-bmauth-flow=x", "X-Forwarded-For: 203.0.113.9"];
    let post = request("POST", "/_bmauth/register", &lines, "e-mail");
    let said = world.ask(&post).await.json();
    assert_eq!((said["method"].as_str(), said["body"].as_str()), (Some("POST"), Some("e-mail")));
    assert_eq!((said["address"].as_str(), said["https"].as_bool()), (Some("192.0.2.1"), Some(true)));
    assert_eq!(said["authority"], HOST);
    let fields = said["fields"].to_string();
    assert!(fields.contains("cookie: __Host-bmauth-flow=x") && !fields.contains("203.0.113.9"), "{fields}");

    let mut client = world.connect_from("10.0.0.1");
    client.send(get("/_bmauth/x", &["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"])).await;
    let said = client.answer().await.json();
    assert_eq!((said["address"].as_str(), said["https"].as_bool()), (Some("203.0.113.9"), Some(true)));
}

#[tokio::test]
async fn the_portal_may_set_our_cookies() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    assert_eq!(world.get("/_bmauth/x", &[]).await.field("set-cookie"), Some("__Host-bmauth=new"));
}

#[tokio::test]
async fn how_a_message_of_the_portal_is_framed_is_not_up_to_the_portal() {
    let portal = axum::Router::new().fallback(async |request: axum::extract::Request| {
        let status = match request.uri().path() {
            "/_bmauth/nothing" => http::StatusCode::NO_CONTENT,
            _ => http::StatusCode::OK,
        };
        let framing = [("content-length", "3"), ("transfer-encoding", "chunked"), ("connection", "close, x-portal")];
        (status, framing, [("x-portal", "yes")], if status == 200 { "whole" } else { "" })
    });
    let world = plan().route("/", Access::Public, &dead_address().await).portal(portal).start();
    let mut client = world.connect();
    for (path, status, length, body) in [
        ("/_bmauth/x", 200, Some("5"), "whole"),
        ("/_bmauth/nothing", 204, None, ""),
        ("/_bmauth/x", 200, Some("5"), "whole"),
    ] {
        client.send(get(path, &[])).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{path}");
        assert_eq!((answer.field("content-length"), answer.field("transfer-encoding")), (length, None), "{path}");
        assert_eq!((answer.field("connection"), answer.field("x-portal")), (Some("keep-alive"), Some("yes")), "{path}");
    }
}

#[tokio::test]
async fn a_body_for_the_portal_has_a_limit() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let big = "a".repeat(64 * 1024);
    assert_eq!(world.ask(&request("POST", "/_bmauth/x", &[], &big)).await.status, 200);
    let mut client = world.connect();
    client.send(request("POST", "/_bmauth/x", &["Content-Length: 65537"], "")).await;
    assert_eq!(client.answer().await.status, 413, "refused before any of it is read");
    let mut client = world.connect();
    let chunks = format!("11000\r\n{}\r\n", "a".repeat(0x11000));
    client.send(request("POST", "/_bmauth/x", &["Transfer-Encoding: chunked"], "")).await;
    let (mut read, mut write) = tokio::io::split(client.io);
    let sent = tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut write, chunks.as_bytes()).await });
    let mut said = String::new();
    let _ = tokio::io::AsyncReadExt::read_to_string(&mut read, &mut said).await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    let _ = sent.await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_told_to_go_on() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let mut client = world.connect();
    client.send(request("POST", "/_bmauth/x", &["Expect: 100-continue", "Content-Length: 2"], "")).await;
    assert_eq!(client.answer_head().await.status, 100);
    client.send("hi").await;
    assert_eq!(client.answer().await.json()["body"], "hi");
    // A body that is too large is refused without being asked for.
    let mut client = world.connect();
    client.send(request("POST", "/_bmauth/x", &["Expect: 100-continue", "Content-Length: 99999"], "")).await;
    assert_eq!(client.answer_head().await.status, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_for_the_portal_that_does_not_come_is_not_waited_for() {
    let world = plan().route("/", Access::Public, "http://127.0.0.1:9").start();
    let mut client = world.connect();
    client.send(request("POST", "/_bmauth/x", &["Content-Length: 2"], "")).await;
    assert_eq!(client.answer().await.status, 408);
    client.closes().await;
}

/// What a client of the API is told by the proxy itself.
#[track_caller]
fn told_by_api(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.field("content-type")), (status, Some("application/json")));
    let said = answer.json();
    assert_eq!((said["status"].as_u64(), said["error"].as_str()), (Some(status.into()), Some(code)));
    assert!(said["message"].as_str().is_some_and(|message| message.ends_with('.')), "{said}");
    assert_eq!(said.as_object().unwrap().len(), 3, "{said}");
}

#[tokio::test]
async fn what_the_proxy_refuses_of_the_api_has_the_shape_of_the_api() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let page = "Accept: text/html";
    let post = |path: &str, length: usize| {
        request("POST", path, &[&format!("Content-Length: {length}"), "Accept: application/json"], "")
    };
    for path in ["/_bmauth/v1/signin/webauthn", "/_bmauth/v1/", "/_bmauth/v1", "/_bmauth/v1/nothing?x=/"] {
        let mut client = world.connect();
        client.send(post(path, 65537)).await;
        told_by_api(&client.answer().await, 413, "invalid-request");
        let traced = world.ask(&format!("TRACE {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        told_by_api(&traced, 405, "method-not-allowed");
        assert!(traced.field("allow").is_some());
        for host in ["other.example", "a b"] {
            let elsewhere = world.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{page}\r\n\r\n")).await;
            told_by_api(&elsewhere, if host == "a b" { 400 } else { 421 }, "invalid-request");
        }
    }
    told_by_api(&world.get("/_bmauth/v1/../x", &[page]).await, 400, "invalid-request");
    told_by_api(&world.get("/_bmauth/v1/%zz", &[]).await, 400, "invalid-request");
    // Chunks that are too many, and chunks that are none.
    let chunked = |path: &str| request("POST", path, &["Transfer-Encoding: chunked"], "");
    let mut client = world.connect();
    client.send(chunked("/_bmauth/v1/token")).await;
    client.send("zz\r\n").await;
    told_by_api(&client.answer().await, 400, "invalid-request");
    // Everything else is as it was.
    let mut client = world.connect();
    client.send(post("/_bmauth/v12", 65537)).await;
    assert_eq!(client.answer().await.field("content-type"), Some("application/problem+json"));
    let mut client = world.connect();
    client.send(post("/_bmauth/sign-in/options", 65537)).await;
    assert_eq!(client.answer().await.field("content-type"), Some("application/problem+json"));
}

#[tokio::test(start_paused = true)]
async fn a_body_for_the_api_that_does_not_come_is_answered_in_its_shape() {
    let world = plan().route("/", Access::Public, "http://127.0.0.1:9").start();
    let mut client = world.connect();
    client.send(request("POST", "/_bmauth/v1/token", &["Content-Length: 2"], "")).await;
    told_by_api(&client.answer().await, 408, "invalid-request");
    client.closes().await;
}

#[tokio::test]
async fn a_network_that_asks_the_api_too_much_at_once_is_told_so_in_its_shape() {
    let world = plan()
        .route("/", Access::Public, &dead_address().await)
        .set(|settings| settings.room = Room { pages: 2, pages_of_network: 1, ..settings.room })
        .start();
    let mut held = Vec::new();
    for (number, status, code) in [(0, 429, "too-many-requests"), (1, 503, "service-unavailable")] {
        let mut client = world.connect_from(&format!("203.0.113.{number}"));
        client.send(request("POST", "/_bmauth/v1/token", &["Content-Length: 5"], "")).await;
        held.push(client);
        let asking = if number == 0 { "203.0.113.0" } else { "203.0.113.9" };
        let answer = loop {
            let mut client = world.connect_from(asking);
            client.send(get("/_bmauth/v1/healthz", &[])).await;
            let answer = client.answer().await;
            if answer.status != 200 {
                break answer;
            }
        };
        assert_eq!(answer.field("retry-after"), Some("5"));
        told_by_api(&answer, status, code);
    }
}

/// A page that says that a host, or a head, is refused has its style from the same place.
#[tokio::test]
async fn what_pages_look_like_is_served_wherever_a_page_may_be_shown() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let style = "/_bmauth/assets/0123456789ab/bmauth.css";
    for host in ["Host: other.example", "Host: my_service:8443", "Host: 127.0.0.1:8080", "Host: [::1]", "Host: a b"] {
        let page = world.ask(&format!("GET / HTTP/1.1\r\n{host}\r\nSec-Fetch-Mode: navigate\r\n\r\n")).await;
        assert!([400, 421].contains(&page.status), "{host}: {}", page.status);
        let answer = world.ask(&format!("GET {style} HTTP/1.1\r\n{host}\r\n\r\n")).await;
        assert_eq!((answer.status, answer.field("x-portal")), (200, Some("yes")), "{host}");
    }
    let cookies = format!("Cookie: a={}", "x".repeat(33_000));
    assert_eq!(world.get("/", &[&cookies]).await.status, 431);
    assert_eq!(world.get(style, &[&cookies]).await.field("x-portal"), Some("yes"));
    // And nothing else is.
    for target in [
        "/_bmauth/assets",
        "/_bmauth/assets/",
        "/_bmauth/assetsx",
        "/_bmauth%2Fassets/x",
        "/_bmauth/assets/%78",
        "/_bmauth/assets//x",
        "/_bmauth/assets/x;y",
        "/x/_bmauth/assets/x",
    ] {
        let other = world.ask(&format!("GET {target} HTTP/1.1\r\nHost: other.example\r\n\r\n")).await;
        assert_eq!(other.status, 421, "{target}");
    }
    for target in ["/_bmauth/assets/../sign-in", "/_bmauth/assets/%2e%2e/sign-in", "/_bmauth/assets/%252e%252e/sign-in"]
    {
        let other = world.ask(&format!("GET {target} HTTP/1.1\r\nHost: other.example\r\n\r\n")).await;
        assert_eq!(other.status, 400, "{target}");
    }
}

#[tokio::test]
async fn the_address_of_this_machine_leads_to_localhost_where_people_sign_in_there() {
    let localhost = |port: Option<u16>| {
        move |settings: &mut Settings| {
            (settings.public_scheme, settings.public_port) = (Scheme::Http, port);
            settings.public_host = Host::parse("localhost").unwrap();
        }
    };
    let navigate = "Sec-Fetch-Mode: navigate";
    let ask = |method: &str, host: &str, line: &str| {
        format!("{method} /a//b%2Fc?x=1&y=%20 HTTP/1.1\r\nHost: {host}\r\n{line}\r\nContent-Length: 0\r\n\r\n")
    };
    let world =
        plan().route_to("localhost", "/", Access::Public, &[&dead_address().await]).set(localhost(Some(8080))).start();
    for host in ["127.0.0.1:8080", "[::1]:8080"] {
        for method in ["GET", "HEAD"] {
            let answer = world.ask(&ask(method, host, navigate)).await;
            let location = "http://localhost:8080/a//b%2Fc?x=1&y=%20";
            assert_eq!((answer.status, answer.field("location")), (307, Some(location)), "{method} {host}");
            assert_eq!(answer.field("cache-control"), Some("no-store"));
        }
        for (method, line) in [("POST", navigate), ("PUT", navigate), ("GET", "Accept: */*"), ("OPTIONS", navigate)] {
            assert_eq!(world.ask(&ask(method, host, line)).await.status, 421, "{method} {host} {line}");
        }
    }
    for host in ["127.0.0.1", "127.0.0.1:8081", "127.0.0.2:8080", "[::]:8080", "other.localhost:8080", "192.0.2.1:8080"]
    {
        assert_eq!(world.ask(&ask("GET", host, navigate)).await.status, 421, "{host}");
    }
    let on_80 =
        plan().route_to("localhost", "/", Access::Public, &[&dead_address().await]).set(localhost(None)).start();
    for host in ["127.0.0.1", "127.0.0.1:80"] {
        let answer = on_80.ask(&ask("GET", host, navigate)).await;
        assert_eq!(answer.field("location"), Some("http://localhost/a//b%2Fc?x=1&y=%20"), "{host}");
    }
    let elsewhere = plan().route("/", Access::Public, &dead_address().await).start();
    assert_eq!(elsewhere.ask(&ask("GET", "127.0.0.1", navigate)).await.status, 421);
}

#[tokio::test]
async fn another_host_of_the_relying_party_can_be_named() {
    let app = hello().await;
    let world = plan()
        .route_to("example.com", "/", Access::Public, &[&app.url])
        .set(|settings| settings.well_known_hosts.push(Host::parse("example.com").unwrap()))
        .start();
    let request = "GET /.well-known/webauthn HTTP/1.1\r\nHost: example.com\r\n\r\n";
    assert_eq!(world.ask(request).await.field("x-portal"), Some("yes"));
}

#[tokio::test]
async fn a_host_of_the_relying_party_needs_no_route_for_what_browsers_look_for_there() {
    for former in [false, true] {
        let world = plan()
            .route("/", Access::Public, &dead_address().await)
            .set(move |settings| {
                let host = Host::parse("example.com").unwrap();
                settings.well_known_hosts.push(host.clone());
                settings.former_hosts.extend(former.then_some(host));
            })
            .start();
        let ask = |host: &str, path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for path in ["/.well-known/passkey-endpoints", "/.well-known/webauthn"] {
            let answer = world.ask(&ask("example.com", path)).await;
            assert_eq!(answer.field("x-portal"), Some("yes"), "{path}, {former}: {}", answer.status);
            assert_eq!(world.ask(&ask("other.example.com", path)).await.status, 421);
        }
        for path in ["/", "/.well-known/webauthn/", "/.well-known//webauthn", "/.well-known/web%61uthn"] {
            let answer = world.ask(&ask("example.com", path)).await;
            assert_eq!(answer.status, if former { 308 } else { 421 }, "{path}");
        }
    }
}

#[tokio::test]
async fn the_short_address_of_links_is_ours_on_the_public_host_alone() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .route_to("other.example.com", "/", Access::Public, &[&app.url])
        .set(|settings| settings.link_path = Some("/link".to_owned()))
        .start();
    assert_eq!(world.get("/link?x", &[]).await.field("x-portal"), Some("yes"));
    for path in ["/link/", "/link/x", "/Link", "/linked", "/link;x"] {
        assert_eq!(world.get(path, &[]).await.text(), "hello", "{path}");
    }
    assert_eq!(world.ask("GET /link HTTP/1.1\r\nHost: other.example.com\r\n\r\n").await.text(), "hello");
    let world = plan().route("/", Access::Public, &app.url).start();
    assert_eq!(world.get("/link", &[]).await.text(), "hello", "switched off, it is the app's");
}
