//! Passed on or asked about: the decision is the same.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const PATHS: [&str; 24] = [
    "/",
    "/notes",
    "/notes?a=b&c=%20",
    "/admin",
    "/admin/x",
    "/adminx",
    "/admin;x",
    "/admin;x/y",
    "/ADMIN",
    "/Admin/x",
    "/public",
    "/public/a/b",
    "/public;x",
    "/PUBLIC",
    "/publi%63",
    "/public/%2e%2e/notes",
    "/public/../notes",
    "/public//x",
    "/optional/x",
    "/optional%2fx",
    "/%40me",
    "/a\\b",
    "/_bmauth/sign-in",
    "/_BMAUTH",
];
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND", "TRACE", "BREW"];
const HOSTS: [&str; 7] = [
    HOST,
    "NOTES.example.com",
    "notes.example.com.",
    "notes.example.com:8443",
    "other.example.com",
    "evil.example",
    "notes.example.com.evil.example",
];
const LINES: [&str; 10] = [
    "Accept: text/html",
    "Accept: application/json",
    "Accept: text/event-stream",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Mode: cors",
    "Origin: https://notes.example.com",
    "Origin: https://evil.example",
    "Access-Control-Request-Method: PUT",
    "Content-Type: application/json",
    "Cookie: a=1",
];

/// What a direct answer comes to for a proxy, which is told yes, no, or to sign in; nginx in its own way.
fn as_told(status: u16, family: Family) -> u16 {
    match status {
        303 if family == Family::Original => 401,
        200 | 303 | 401 => status,
        400 | 403 | 404 | 405 | 421 => 403,
        other => panic!("{other} is no decision"),
    }
}

#[test]
fn the_decision_is_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(hello());
    let keeper = Arc::new(Keeper::new());
    let with = |upstream: &[&str]| {
        let plan = plan()
            .route_to(HOST, "/", Access::SignedIn, upstream)
            .route_to(HOST, "/admin", Access::SignedIn, upstream)
            .route_to(HOST, "/public", Access::Public, upstream)
            .route_to(HOST, "/optional", Access::Optional, upstream)
            .forwarding()
            .route_to("other.example.com", "/notes", Access::Public, upstream)
            .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]);
        runtime.block_on(async { plan.start_with(Arc::clone(&keeper), Arc::clone(&keeper) as _) })
    };
    let (world, asked) = (with(&[&app.url]), with(&[]));
    let (live, ended) = (world.keeper.sign_in(7), world.keeper.sign_in(8));
    world.keeper.end(&ended);
    let cookies = vec![None, Some(cookie(&live)), Some(cookie(&ended))];
    let bearer = |token: &str| Some(format!("Authorization: Bearer {token}"));
    let authorizations = vec![
        None,
        bearer(&world.keeper.access_token(&live)),
        bearer(&world.keeper.access_token(&ended)),
        bearer(&format!("{} x", world.keeper.access_token(&live))),
        bearer("theirs"),
    ];
    proptest!(ProptestConfig::with_cases(1000), |(
        uri in prop::sample::select(&PATHS[..]),
        method in prop::sample::select(&METHODS[..]),
        host in prop::sample::select(&HOSTS[..]),
        lines in proptest::sample::subsequence(&LINES[..], 0..4),
        cookie in prop::sample::select(cookies.clone()),
        authorization in prop::sample::select(authorizations.clone()),
        family in prop::sample::select(&FAMILIES[..]),
    )| {
        let lines = [&lines[..], cookie.as_deref().as_slice(), authorization.as_deref().as_slice()].concat();
        // Of a preflight with more than its question, the proxy here takes the rest out; one that only asks cannot.
        let has = |name: &str| lines.iter().any(|line| line.starts_with(name));
        let preflight = method == "OPTIONS" && has("Access-Control") && has("Origin");
        prop_assume!(!(preflight && (has("Cookie") || has("Content-Type") || has("Authorization"))));
        let about = About { method, host, uri, scheme: "https", lines: &lines };
        let (direct, told) = runtime.block_on(async {
            let head: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut client = world.connect();
            client.send(format!("{method} {uri} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n")).await;
            let direct = client.answer_head().await;
            let mut proxy = asked.connect_from(PROXY);
            proxy.send(question(family, about)).await;
            (direct, proxy.answer_head().await)
        });
        let seen = app.seen();
        let own_page = direct.field("x-portal").is_some();
        prop_assert_eq!(told.status, if own_page { 403 } else { as_told(direct.status, family) }, "{:?} {:?}", family, about);
        if told.status == 200 {
            let saw = seen.first().expect("the app was asked");
            let said = told.field("x-bmauth-jwt").filter(|token| !token.is_empty());
            prop_assert_eq!(saw.field("x-bmauth-jwt"), said);
            prop_assert_eq!(saw.field("cookie"), told.field("cookie").filter(|line| !line.is_empty()));
            prop_assert_eq!(saw.field("authorization"), told.field("authorization").filter(|line| !line.is_empty()));
        }
    });
}
