//! The answer to a visitor who is not signed in.

use super::*;

const PREFLIGHT: [&str; 3] =
    ["Origin: https://a.example", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a"];

#[tokio::test]
async fn a_page_is_sent_to_sign_in_by_its_whole_address_and_comes_back_to_where_it_wanted() {
    let world = asked().start();
    for family in [Family::Forwarded, Family::Suffix] {
        for lines in [&[PAGE][..], &["Accept: text/html,*/*"]] {
            let answer = world.asks(family, about("/notes/7?tag=a%20b&x=1", lines)).await;
            let location = "https://notes.example.com/_bmauth/sign-in?return_to=/notes/7%3Ftag%3Da%2520b%26x%3D1";
            assert_eq!((answer.status, answer.field("location")), (303, Some(location)), "{family:?}");
            assert_eq!(answer.field("x-bmauth-problem"), Some("sign-in-required"));
            assert!(answer.body.is_empty());
            says_nothing_to_an_app(&answer);
        }
    }
}

#[tokio::test]
async fn the_port_people_use_stays_in_the_address() {
    let world = asked().start();
    for (scheme, host, origin) in [
        ("https", "notes.example.com:8443", "https://notes.example.com:8443"),
        ("https", "Notes.Example.com.:443", "https://notes.example.com"),
        // People cannot sign in over http.
        ("http", "notes.example.com:8080", "https://notes.example.com"),
        ("http", "notes.example.com", "https://notes.example.com"),
    ] {
        for family in FAMILIES {
            let answer = world.asks(family, About { scheme, host, ..about("/a", &[PAGE]) }).await;
            let location = format!("{origin}/_bmauth/sign-in?return_to=/a");
            assert_eq!(answer.field("location"), Some(location.as_str()), "{family:?} {scheme} {host}");
        }
    }
}

#[tokio::test]
async fn a_script_gets_401_and_where_to_sign_in() {
    let world = asked().start();
    for family in FAMILIES {
        for (method, lines) in [
            ("GET", &["Accept: application/json"][..]),
            ("GET", &["Sec-Fetch-Mode: cors", "Accept: text/html"]),
            ("POST", &["Accept: text/html"]),
            ("GET", &["Accept: text/event-stream"]),
            ("GET", &[]),
        ] {
            let answer = world.asks(family, About { method, ..about("/api/x", lines) }).await;
            assert_eq!(answer.status, 401, "{family:?} {method} {lines:?}");
            assert_eq!(answer.field("content-type"), Some("application/problem+json"));
            assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.field("x-bmauth-problem"), Some("sign-in-required"));
            let said = answer.json();
            assert_eq!(said["type"], "urn:bmauth:problem:sign-in-required");
            assert_eq!(said["title"], "Please sign in to continue");
            assert_eq!(said["status"], 401);
            assert_eq!(said["sign_in_url"], "https://notes.example.com/_bmauth/sign-in");
            assert_eq!(answer.field("location").is_some(), family == Family::Original);
            says_nothing_to_an_app(&answer);
        }
    }
}

#[tokio::test]
async fn nginx_gets_401_with_where_a_page_goes_and_with_where_a_scripts_person_signs_in() {
    let world = asked().start();
    let page = world.asks(Family::Original, about("/notes?x", &[PAGE])).await;
    let location = "https://notes.example.com/_bmauth/sign-in?return_to=/notes%3Fx";
    assert_eq!((page.status, page.field("location")), (401, Some(location)));
    for lines in [&["Accept: application/json"][..], &["Upgrade: websocket"]] {
        let answer = world.asks(Family::Original, about("/notes?x", lines)).await;
        assert_eq!(answer.status, 401, "{lines:?}");
        assert_eq!(answer.field("location"), answer.json()["sign_in_url"].as_str(), "{lines:?}");
        assert_eq!(answer.field("location"), Some("https://notes.example.com/_bmauth/sign-in"));
    }
}

#[tokio::test]
async fn a_websocket_gets_401_whatever_of_its_handshake_comes_along() {
    let world = asked().start();
    for family in FAMILIES {
        for lines in [
            &["Connection: Upgrade", "Upgrade: websocket", "Accept: text/html"][..],
            &["Sec-WebSocket-Key: x", "Accept: text/html"],
            &["Sec-WebSocket-Version: 13", PAGE],
            &["Sec-Fetch-Mode: websocket"],
        ] {
            assert_eq!(world.asks(family, about("/ws", lines)).await.status, 401, "{family:?} {lines:?}");
        }
    }
    let answer = world.asks(Family::Forwarded, About { scheme: "wss", ..about("/ws", &[PAGE]) }).await;
    assert_eq!(answer.status, 401, "Traefik says it in the scheme");
}

#[tokio::test]
async fn a_websocket_of_another_sites_page_is_refused_also_with_a_session() {
    let world = asked().start();
    let session = world.keeper.sign_in(7);
    let cookie = cookie(&session);
    for family in FAMILIES {
        for (origin, status) in [
            ("Origin: https://notes.example.com", 200),
            ("Origin: https://evil.example", 403),
            ("Origin: null", 403),
            ("X-None: none", 403),
        ] {
            for handshake in ["Sec-WebSocket-Version: 13", "Sec-Fetch-Mode: websocket", "Upgrade: websocket"] {
                let answer = world.asks(family, about("/ws", &[&cookie, origin, handshake])).await;
                assert_eq!(answer.status, status, "{family:?} {origin} {handshake}");
            }
        }
        let bearer = format!("Authorization: Bearer {}", world.keeper.access_token(&session));
        let answer = world.asks(family, about("/ws", &[&bearer, "Upgrade: websocket"])).await;
        assert_eq!(answer.status, 200, "no browser adds it by itself");
        let foreign = ["Origin: https://evil.example", "Upgrade: websocket"];
        assert_eq!(world.asks(family, about("/public", &foreign)).await.status, 200, "the app's own affair");
        is_refused(&world.asks(family, about("/optional", &foreign)).await, "foreign-origin");
    }
}

#[tokio::test]
async fn a_preflight_passes_where_it_has_nothing_but_its_question() {
    let world = asked().start();
    for family in FAMILIES {
        let ask = |lines: Vec<&'static str>| {
            let lines = [&PREFLIGHT[..], &lines].concat();
            let world = &world;
            async move { world.asks(family, About { method: "OPTIONS", ..about("/api", &lines) }).await }
        };
        for lines in [
            vec![],
            vec![
                "Accept: */*",
                "Accept-Encoding: gzip",
                "Sec-Fetch-Mode: cors",
                "User-Agent: x",
                "Referer: https://a.example/",
            ],
            vec![
                "X-Real-IP: 203.0.113.9",
                "X-Request-Id: 1",
                "Via: 1.1 x",
                "traceparent: 00",
                "Cf-Ray: 1",
                "X-Forwarded-Port: 443",
            ],
        ] {
            passes_without_identity(&ask(lines).await);
        }
        for line in [
            "Cookie: a=1",
            "Authorization: Bearer x",
            "Proxy-Authorization: Basic x",
            "X-HTTP-Method-Override: DELETE",
            "X-Api-Key: x",
            "Remote-User: admin",
            "Content-Type: application/json",
        ] {
            assert_eq!(ask(vec![line]).await.status, 401, "{family:?} {line}");
        }
    }
}

#[tokio::test]
async fn a_preflight_with_a_body_is_a_strangers_request() {
    let world = asked().start();
    for family in [Family::Forwarded, Family::Original] {
        for (line, body) in [("Content-Length: 1", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n")] {
            let lines = [&PREFLIGHT[..], &[line]].concat();
            let question = question(family, About { method: "OPTIONS", ..about("/api", &lines) }) + body;
            assert_eq!(world.told(&question).await.status, 401, "{family:?} {line}");
        }
    }
    let question = question(Family::Suffix, About { method: "OPTIONS", ..about("/api", &PREFLIGHT) });
    let question = question.replace("Content-Length: 0", "Content-Length: 1") + "x";
    assert_eq!(world.told(&question).await.status, 401);
}

#[tokio::test]
async fn a_preflight_with_a_session_is_a_request_like_any_other() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    let lines = [&PREFLIGHT[..], &[cookie.as_str()]].concat();
    let answer = world.asks(Family::Forwarded, About { method: "OPTIONS", ..about("/api", &lines) }).await;
    assert_eq!(answer.status, 200, "with a cookie it is a request like any other, of a person who may");
    assert!(answer.field("x-bmauth-jwt").is_some_and(|token| token.starts_with("token.user7")));
}
