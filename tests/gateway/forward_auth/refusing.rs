//! Who is told nothing, and what is never let through.

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn a_peer_that_is_not_trusted_is_told_nothing_whatever_it_says() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    let forged = ["X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "Via: 1.1 10.0.0.1"];
    for family in FAMILIES {
        for uri in ["/", "/public", "/optional", "/nowhere"] {
            for lines in [vec![], vec![cookie.as_str()], [&[cookie.as_str()], &forged[..]].concat()] {
                let mut peer = world.connect();
                peer.send(question(family, about(uri, &lines))).await;
                is_refused(&peer.answer().await, "proxy-not-trusted");
            }
        }
    }
    // Nor is a proxy, where none is trusted.
    let world = asked().set(|settings| settings.trusted_proxies.clear()).start();
    is_refused(&world.asks(Family::Forwarded, about("/public", &[])).await, "proxy-not-trusted");
}

#[tokio::test]
async fn a_path_whose_readings_matter_is_refused_by_every_family() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    for uri in [
        "/public/../notes",
        "/public/..;/notes",
        "/public/./x",
        "/public/%2e%2e/notes",
        "/public%2f..%2fnotes",
        "/public%2fx",
        "//x/public",
        "//public",
        "/public\\x",
        "/public/%5cx",
        "/public%00",
        "/public/%",
        "/publi%63",
        "/public/\u{e9}",
        "/public?a#b",
    ] {
        for family in FAMILIES {
            for lines in [&[][..], &[cookie.as_str()]] {
                let answer = world.asks(family, about(uri, lines)).await;
                assert_eq!(answer.status, 403, "{family:?} {uri}");
                says_nothing_to_an_app(&answer);
            }
        }
    }
}

#[tokio::test]
async fn a_path_below_no_route_or_between_two_is_refused() {
    let world = plan()
        .route_to(HOST, "/app", Access::Public, &[])
        .route_to(HOST, "/app/admin", Access::SignedIn, &[])
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
        .start();
    for family in FAMILIES {
        for uri in ["/", "/other", "/apps"] {
            is_refused(&world.asks(family, about(uri, &[])).await, "not-found");
        }
        for uri in ["/app/admin;x/y", "/app/ADMIN", "/app//admin", "/app%2Fadmin", "/app/%61dmin", "/%61pp/x"] {
            is_refused(&world.asks(family, about(uri, &[])).await, "ambiguous-path");
        }
        passes_without_identity(&world.asks(family, about("/app/x", &[])).await);
        assert_eq!(world.asks(family, about("/app/admin/x", &[])).await.status, 401);
    }
}

#[tokio::test]
async fn our_own_paths_are_nothing_to_be_passed_to_an_app() {
    let world = asked().route_to("open.example.com", "/", Access::Public, &[]).start();
    for family in FAMILIES {
        for uri in ["/_bmauth/sign-in", "/_bmauth", "/_BMAuth/x", "/_bmauth;x/y", "/_bmauth/forward-auth/public"] {
            let about = About { host: "open.example.com", ..about(uri, &[]) };
            is_refused(&world.asks(family, about).await, "own-path");
        }
    }
}

#[tokio::test]
async fn a_method_that_is_never_let_through_is_refused_by_every_family() {
    let world = asked().start();
    for family in FAMILIES {
        for method in ["TRACE", "CONNECT", "PRI", "trace"] {
            let answer = world.asks(family, About { method, ..about("/public", &[]) }).await;
            assert!(matches!(answer.status, 400 | 403 | 405), "{family:?} {method} {}", answer.status);
            says_nothing_to_an_app(&answer);
        }
    }
}

#[tokio::test]
async fn a_person_in_none_of_a_routes_groups_is_refused_by_every_family() {
    let world = asked().route_to(HOST, "/admin", Access::SignedIn, &[]).for_groups(&["admins"]).start();
    let member = cookie(&world.keeper.sign_in_as(7, None, vec!["admins".to_owned()]));
    let other = cookie(&world.keeper.sign_in_as(8, None, vec!["staff".to_owned()]));
    for family in FAMILIES {
        assert_eq!(world.asks(family, about("/admin", &[&member])).await.status, 200, "{family:?}");
        is_refused(&world.asks(family, about("/admin", &[&other])).await, "forbidden");
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_refuses() {
    let world = asked().start();
    let unknown = format!("Cookie: {COOKIE}={}", bmauth::domain::secret::Secret::from_bytes([9; 32]).text());
    for family in FAMILIES {
        assert_eq!(world.asks(family, about("/", &[&unknown])).await.status, 401);
    }
    world.keeper.break_store();
    for family in FAMILIES {
        for uri in ["/", "/optional"] {
            is_refused(&world.asks(family, about(uri, &[&unknown])).await, "sign-in-unavailable");
            is_refused_with_a_page(&world.asks(family, about(uri, &[&unknown, PAGE])).await);
        }
        passes_without_identity(&world.asks(family, about("/public", &[&unknown])).await);
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_signed_refuses() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    world.keeper.break_signing();
    for family in FAMILIES {
        is_refused(&world.asks(family, about("/", &[&cookie])).await, "fault");
    }
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_refused_with_403_too() {
    let world = asked().start();
    let big = "a".repeat(33 * 1024);
    for question in [
        format!("GET /_bmauth/forward-auth/a/../b HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n\r\n"),
        format!("PRI /_bmauth/forward-auth/public HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n\r\n"),
        "GET /_bmauth/forward-auth HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(),
        format!("GET /_bmauth/forward-auth HTTP/1.1\r\nHost: {HOST}\r\nX-Big: {big}\r\n\r\n"),
    ] {
        let answer = world.told(&question).await;
        assert_eq!(answer.status, 403, "{question}");
        is_refused(&answer, "malformed-request");
        let mut peer = world.connect();
        peer.send(question).await;
        is_refused(&peer.answer().await, "malformed-request");
    }
}

#[tokio::test]
async fn a_person_is_refused_with_a_page_and_the_code_stays_403() {
    let world = asked().start();
    for family in FAMILIES {
        for uri in ["/public//x//..", "/a/../b", "/_bmauth/sign-in", "/a%5cb"] {
            for page in [PAGE, "Accept: text/html"] {
                is_refused_with_a_page(&world.asks(family, about(uri, &[page])).await);
            }
        }
        let elsewhere = About { host: "other.example.com", ..about("/", &[PAGE]) };
        is_refused_with_a_page(&world.asks(family, elsewhere).await);
    }
    let mut peer = world.connect();
    peer.send(question(Family::Forwarded, about("/", &[PAGE]))).await;
    is_refused(&peer.answer().await, "proxy-not-trusted");
}

#[track_caller]
fn is_refused_with_a_page(answer: &Answer) {
    assert_eq!((answer.status, answer.field("content-type")), (403, Some("text/html; charset=utf-8")), "{answer:?}");
    assert!(answer.field("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
    assert!(answer.text().starts_with("<h1>"));
    says_nothing_to_an_app(answer);
}

#[tokio::test]
async fn what_only_looks_like_the_endpoint_is_not_it() {
    let world = asked().start();
    for path in ["/_bmauth;x/forward-auth", "/_bmauth%2Fforward-auth", "/_bmauth//forward-auth"] {
        assert_eq!(world.get(path, &[]).await.status, 404, "{path}");
    }
    for path in ["/_bmauth/forward-authx", "/_bmauth/Forward-Auth", "/_bmauth/x/forward-auth"] {
        let answer = world.get(path, &[]).await;
        assert_eq!(answer.field("x-portal"), Some("yes"), "{path}");
        assert_eq!(answer.field("x-bmauth-jwt"), None);
    }
}

#[tokio::test]
async fn the_app_itself_is_not_reached_by_a_route_that_is_only_asked_about() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    for path in ["/", "/public", "/optional"] {
        for lines in [vec![], vec![cookie.as_str()]] {
            let answer = world.get(path, &lines).await;
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.json()["type"], "urn:bmauth:problem:asked-only");
            let page = world.get(path, &[&lines[..], &["Accept: text/html"]].concat()).await;
            assert!((page.status, page.text().contains("404")) == (404, true), "{}", page.text());
        }
    }
}

/// Any field that has to do with the endpoint, or nothing.
fn field() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "[xX][-_.]?(Forwarded|Original|Real|Rewrite|BMAuth|Envoy)[-_.]?(Method|Proto|Host|Uri|URL|For|JWT|IP|Internal)",
        "(Remote|REMOTE|remote)[-_](User|Groups|Email)",
        Just("Forwarded".to_owned()),
        Just("Authorization".to_owned()),
        Just("Cookie".to_owned()),
        Just("Via".to_owned()),
        Just("Accept".to_owned()),
        Just("Sec-Fetch-Mode".to_owned()),
    ];
    let value = prop_oneof![
        Just("10.0.0.1".to_owned()),
        Just("for=10.0.0.1;proto=https".to_owned()),
        Just("https".to_owned()),
        Just(HOST.to_owned()),
        Just("GET".to_owned()),
        "(/public|/optional|/)(/[a-z]{0,3})?",
        Just(format!("https://{HOST}/public")),
        Just("text/html".to_owned()),
        Just("navigate".to_owned()),
        Just(String::new()),
    ];
    (name, value).prop_map(|(name, value)| format!("{name}: {value}"))
}

/// One world for many questions.
fn one_world() -> (tokio::runtime::Runtime, World) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(async { asked().start() });
    (runtime, world)
}

fn family() -> impl Strategy<Value = Option<Family>> {
    prop_oneof![Just(None), Just(Some(Family::Forwarded)), Just(Some(Family::Original))]
}

/// A question by a family with further fields, or by whatever these fields are.
fn soup(family: Option<Family>, method: &str, path: &str, uri: &str, fields: &[String]) -> String {
    let lines: Vec<&str> = fields.iter().map(String::as_str).collect();
    match family {
        Some(family) => question(family, about(uri, &lines)),
        None => format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n\r\n", lines.join("\r\n")),
    }
}

#[test]
fn no_soup_of_headers_makes_an_unknown_client_a_proxy() {
    let (runtime, world) = one_world();
    let cookie = cookie(&world.keeper.sign_in(7));
    proptest!(ProptestConfig::with_cases(500), |(
        path in "/_bmauth/forward-auth(/|/public|/optional/x|\\?a=b)?",
        method in "GET|HEAD|POST|OPTIONS",
        fields in proptest::collection::vec(field(), 0..8),
        family in family(),
        signed_in in any::<bool>(),
    )| {
        let fields = [fields, if signed_in { vec![cookie.clone()] } else { vec![] }].concat();
        let status = runtime.block_on(async {
            let mut peer = world.connect();
            peer.send(soup(family, &method, &path, "/public", &fields)).await;
            peer.answer_head().await.status
        });
        prop_assert_eq!(status, 403);
    });
}

#[test]
fn whatever_a_trusted_proxy_passes_on_is_answered_with_one_of_four_codes_and_opens_nothing() {
    let (runtime, world) = one_world();
    proptest!(ProptestConfig::with_cases(500), |(
        path in "/_bmauth/forward-auth(/|/public|/optional/x|/notes|\\?a=b)?",
        fields in proptest::collection::vec(field(), 0..8),
        family in family(),
    )| {
        let answer = runtime.block_on(world.told(&soup(family, "GET", &path, "/notes", &fields)));
        prop_assert!(matches!(answer.status, 200 | 303 | 401 | 403), "{:?}", answer);
        // There is no session, so the protected route is never open, and there is no identity.
        let protected = family.is_some() || path.ends_with("/notes") || path.ends_with("/");
        prop_assert!(!(protected && answer.status == 200), "{:?}", answer);
        if answer.status == 200 {
            passes_without_identity(&answer);
        }
    });
}
