//! The keys of a route that say how the gateway speaks to what is behind it.

use std::time::Duration;

use super::*;
use crate::domain::host::Authority;
use crate::domain::origin::Origin;
use crate::domain::upstream::{Balance, HealthCheck, HostHeader, Upstream};

/// The upstream of the one route, with these keys besides its server; `extra` starts on line 7.
#[track_caller]
fn upstream(extra: &str) -> Upstream {
    let config = loads(&with(extra));
    config.routes.iter().next().expect("a route").upstream.clone()
}

#[track_caller]
fn says(extra: &str, expected: &str) {
    assert_eq!(problems(&with(extra)), expected, "\n{extra}");
}

/// What a value of a key, which starts at column `key = `, is told.
#[track_caller]
fn value_says(key: &str, value: &str, why: &str) {
    let column = key.len() + " = ".len() + 1;
    says(&format!("{key} = {value:?}"), &format!("bmauth.toml:7:{column}: `route.{key}` is {value:?}: {why}"));
}

#[test]
fn each_key_is_taken_over() {
    let standard = upstream("");
    assert_eq!(standard, Upstream::of(standard.servers.clone()));
    let all = "path = \"/api\"\nbalance = \"least-requests\"\nhealth = { path = \"/healthz?deep=1\", every = \"1m\" }\n\
               host_header = \"upstream\"\nstrip_prefix = true\n\
               request_headers = { \"X-Env\" = \"prod\", Authorization = \"Basic dTpw\", X_Drop = \"\" }\n\
               underscore_headers = [\"X_Api_Key\", \"a_b\"]\n\
               response_headers = { Server = \"\", Strict-Transport-Security = \"max-age=1; preload\" }\n\
               timeout = \"1d\"\nmax_body = \"10MiB\"\nupgrade = true\n\
               websocket_origins = [\"https://app.example.com\", \"http://localhost:3000\"]\n";
    let read = upstream(all);
    let Upstream {
        servers,
        balance,
        health,
        tls: _,
        host_header,
        strip_prefix,
        request_headers,
        response_headers,
        underscore_headers,
        timeout,
        max_body,
        upgrade,
        websocket_origins,
    } = read;
    assert_eq!(underscore_headers, ["x_api_key".into(), "a_b".into()]);
    assert_eq!((servers, balance, host_header), (standard.servers, Balance::LeastRequests, HostHeader::Upstream));
    assert_eq!(health, Some(HealthCheck { path: "/healthz?deep=1".to_owned(), every: Duration::from_secs(60) }));
    assert!(strip_prefix && upgrade);
    let requests: Vec<_> = request_headers.iter().collect();
    assert_eq!(requests, [("authorization", Some("Basic dTpw")), ("x-env", Some("prod")), ("x_drop", None)]);
    let answers: Vec<_> = response_headers.iter().collect();
    assert_eq!(answers, [("server", None), ("strict-transport-security", Some("max-age=1; preload"))]);
    assert_eq!((timeout, max_body), (Duration::from_secs(86_400), Some(10_485_760)));
    let origins: Vec<&str> = websocket_origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["https://app.example.com", "http://localhost:3000"]);
}

#[test]
fn each_word_and_edge_is_taken() {
    for (word, balance) in [
        ("round-robin", Balance::RoundRobin),
        ("least-requests", Balance::LeastRequests),
        ("session", Balance::Session),
    ] {
        assert_eq!(upstream(&format!("balance = {word:?}")).balance, balance);
    }
    let named = |text: &str| HostHeader::Named(Authority::parse(text.as_bytes()).expect("a host"));
    for (word, host_header) in [
        ("visitor", HostHeader::Visitor),
        ("upstream", HostHeader::Upstream),
        ("App.internal", named("app.internal")),
        ("[::1]:8080", named("[::1]:8080")),
        ("upstream1:80", named("upstream1:80")),
    ] {
        assert_eq!(upstream(&format!("host_header = {word:?}")).host_header, host_header);
    }
    for (text, seconds) in [("1s", 1), ("90s", 90), ("1d", 86_400)] {
        assert_eq!(upstream(&format!("timeout = {text:?}")).timeout, Duration::from_secs(seconds));
    }
    for (text, bytes) in [("1B", 1), ("64KiB", 65_536), ("1GiB", 1 << 30)] {
        assert_eq!(upstream(&format!("max_body = {text:?}")).max_body, Some(bytes));
    }
    for (every, seconds) in [("every = \"1s\", ", 1), ("every = \"1h\", ", 3600), ("", 10)] {
        let health = upstream(&format!("health = {{ {every}path = \"/\" }}")).health;
        assert_eq!(health, Some(HealthCheck { path: "/".to_owned(), every: Duration::from_secs(seconds) }));
    }
    assert!(!upstream("upgrade = false\nwebsocket_origins = []").upgrade);
    assert!(!upstream("strip_prefix = false").strip_prefix);
    assert_eq!(upstream("request_headers = {}\nresponse_headers = {}"), upstream(""));
}

#[test]
fn a_host_that_is_nearly_one_of_the_words_is_a_warning() {
    for (written, meant) in [("vistor", "visitor"), ("Upstream", "upstream"), ("upstreams", "upstream")] {
        let warnings = loads(&with(&format!("host_header = {written:?}"))).warnings;
        let expected = format!(
            "bmauth.toml:7:15: `route.host_header` sends \"{}\" to the app as the host. Did you mean {meant:?}?",
            written.to_lowercase()
        );
        assert!(warnings.contains(&expected), "{warnings:?}");
    }
}

#[test]
fn words_lengths_and_sizes_are_checked() {
    value_says(
        "balance",
        "round_robin",
        "it must be \"round-robin\", \"least-requests\" or \"session\". Did you mean \"round-robin\"?",
    );
    for outside in ["0s", "25h"] {
        value_says("timeout", outside, "it must be from \"1s\" to \"1d\".");
    }
    value_says("max_body", "0B", "it must be at least \"1B\".");
    let size = "it must be a whole number and B, KiB, MiB or GiB, like \"64KiB\", \"10MiB\" or \"1GiB\".";
    value_says("max_body", "", size);
    value_says("max_body", "10M", &format!("{size} Did you mean \"10MiB\"?"));
    says("max_body = 1000", "bmauth.toml:7:12: `route.max_body` is 1000; it must be text in quotes.");
    says("upgrade = \"no\"", "bmauth.toml:7:11: `route.upgrade` is \"no\"; it must be true or false.");
    let host = "It must be \"visitor\", \"upstream\", or a host with or without a port, like \"app.internal\".";
    value_says("host_header", "", &format!("the host is empty. {host}"));
    value_says(
        "host_header",
        "http://app:80/",
        &format!("it is more than a host and a port. {host} Did you mean \"app:80\"?"),
    );
    value_says("host_header", "a b", &format!("the host has a character that a host cannot have. {host}"));
    value_says("host_header", "app:0", &format!("the port is not a number from 1 to 65535. {host}"));
}

#[test]
fn a_health_check_asks_a_path_now_and_then() {
    for outside in ["0s", "61m"] {
        says(
            &format!("health = {{ path = \"/\", every = {outside:?} }}"),
            &format!("bmauth.toml:7:32: `route.health.every` is {outside:?}: it must be from \"1s\" to \"1h\"."),
        );
    }
    for bad in ["", "healthz", "//healthz", "http://app/healthz", "/a b", "/ä", "/a#b", "/a\\b", "/a\r\nX: y"] {
        says(
            &format!("health = {{ path = {bad:?} }}"),
            &format!(
                "bmauth.toml:7:19: `route.health.path` is {bad:?}: it must be a path that begins with one “/”, in ASCII without spaces, like \"/healthz\"."
            ),
        );
    }
    says(
        "health = { every = \"5s\" }",
        "bmauth.toml:7:10: `route.health.path` is missing. It is what each server is asked, like path = \"/healthz\".",
    );
    says("health = \"/healthz\"", "bmauth.toml:7:10: `route.health` is \"/healthz\"; it must be a table.");
    says(
        "health = { path = \"/\", evry = \"5s\" }",
        "bmauth.toml:7:24: `route.health.evry` is not a key. Did you mean `route.health.every`?",
    );
}

#[test]
fn keys_that_would_do_nothing_are_told() {
    says(
        "upstream_tls = { name = \"app\" }",
        "bmauth.toml:7:16: `route.upstream_tls` is for servers whose URL starts with https://, and `route.upstream` has none; write https:// there, or remove it.",
    );
    for path in ["", "path = \"/\"\n"] {
        let line = 7 + path.lines().count();
        says(
            &format!("{path}strip_prefix = true"),
            &format!(
                "bmauth.toml:{line}:16: `route.strip_prefix` is true, but the path of this route is \"/\", so there is nothing to cut; give it a path like \"/api\", or remove it."
            ),
        );
    }
    says(
        "upgrade = false\nwebsocket_origins = [\"https://a.example\"]",
        "bmauth.toml:8:21: `route.websocket_origins` lets pages open WebSockets, which upgrade = false refuses to all; remove one of them.",
    );
}

#[test]
fn a_route_that_is_only_asked_about_has_no_app_to_speak_to() {
    let start = format!("{URL}{EMAIL}[server]\ntrusted_proxies = [\"10.0.0.1\"]\n[[route]]\n");
    for (key, value) in [
        ("balance", "\"session\""),
        ("health", "{ path = \"/\" }"),
        ("upstream_tls", "{}"),
        ("host_header", "\"visitor\""),
        ("strip_prefix", "true"),
        ("request_headers", "{}"),
        ("response_headers", "{}"),
        ("underscore_headers", "[]"),
        ("timeout", "\"5m\""),
        ("max_body", "\"1GiB\""),
        ("upgrade", "true"),
    ] {
        assert_eq!(
            problems(&format!("{start}{key} = {value}\n")),
            format!(
                "bmauth.toml:8:1: `route.{key}` is about requests that the gateway sends to the app itself, so it needs `route.upstream`; set that, or remove it."
            )
        );
    }
    let told = problems(&format!("{start}timeout = \"5m\"\nbalance = \"session\"\n"));
    assert_eq!(told.lines().count(), 2, "{told}");
    let config = loads(&format!("{start}websocket_origins = [\"https://a.example\"]\n"));
    let origins: Vec<_> = config.routes.iter().flat_map(|route| &route.upstream.websocket_origins).collect();
    assert_eq!(origins, [&Origin::parse("https://a.example").expect("an origin")]);
    // Where no proxy may ask, it is the server that is missing.
    let told = problems(&format!("{URL}{EMAIL}[[route]]\ntimeout = \"5m\"\n"));
    assert!(told.starts_with("bmauth.toml:5:1: `route.upstream` is missing.") && !told.contains('\n'), "{told}");
}

#[test]
fn origins_of_websockets_are_named_exactly() {
    let like = "It must be like \"https://app.example.com\".";
    for (origin, why) in [
        ("*", "name every origin exactly: a pattern would also let in pages that you do not know"),
        ("app.example.com", "an origin starts with https://"),
        ("http://app.example.com", "http:// is for localhost alone: an attacker on the way could change the page"),
        (
            "https://app.example.com/",
            "an origin is a scheme, a host and a port, with nothing behind them, not even a slash",
        ),
        ("https://App.example.com", "browsers spell it \"https://app.example.com\""),
    ] {
        says(
            &format!("websocket_origins = [\"https://a.example\", {origin:?}]"),
            &format!("bmauth.toml:7:43: `route.websocket_origins` is {origin:?}: {why}. {like}"),
        );
    }
    says(
        "websocket_origins = [\"https://a.example\", \"https://a.example\"]",
        "bmauth.toml:7:43: `route.websocket_origins` is \"https://a.example\": it is there twice.",
    );
}

#[test]
fn no_header_of_a_request_is_the_gateways_own() {
    let identity = "apps learn from it who is signed in, which the gateway alone tells them; choose another name";
    let connection = "it is about the connection to the app, and the gateway says it itself";
    let target =
        "some apps take it for another target than the one that was asked for, so the gateway sends it to none";
    for (name, why) in [
        ("X-BMAuth-JWT", identity),
        ("X-Who", identity),
        ("x_who", identity),
        ("Remote-User", identity),
        ("remote_groups", identity),
        ("X-Forwarded-User", identity),
        ("X-Auth-Request-Email", identity),
        ("Cf-Access-Jwt-Assertion", identity),
        ("Host", "what an app is told as the host is said by `route.host_header`"),
        ("Cookie", "the visitor’s cookies for the app go on as they come"),
        ("connection", connection),
        ("Transfer-Encoding", connection),
        ("Content-Length", connection),
        ("Content_Length", connection),
        ("Upgrade", connection),
        ("TE", connection),
        ("Trailer", connection),
        ("Expect", connection),
        ("Proxy", target),
        ("X-Original-URL", target),
        ("X-Rewrite-URL", target),
        ("Script-Name", target),
        ("Tailscale-User-Login", identity),
        ("Impersonate-User", identity),
    ] {
        for value in ["x", ""] {
            says(
                &format!("request_headers = {{ {name} = {value:?} }}\n[identity]\nheader = \"X-Who\""),
                &format!("bmauth.toml:7:21: `route.request_headers.{name}` cannot be set or removed: {why}."),
            );
        }
    }
}

#[test]
fn no_header_of_an_answer_is_the_gateways_own() {
    let connection = "it is about the connection to the visitor, and the gateway says it itself";
    for (name, why) in [
        ("Set-Cookie", "it could set or drop the gateway’s own cookies; let the app set its own"),
        ("set-cookie", "it could set or drop the gateway’s own cookies; let the app set its own"),
        ("Connection", connection),
        ("Transfer-Encoding", connection),
        ("Content-Length", connection),
        ("Upgrade", connection),
        ("Trailer", connection),
        ("Keep-Alive", connection),
    ] {
        says(
            &format!("response_headers = {{ {name} = \"x\" }}"),
            &format!("bmauth.toml:7:22: `route.response_headers.{name}` cannot be set or removed: {why}."),
        );
    }
}

#[test]
fn a_header_is_changed_to_what_a_header_can_say_and_no_message_shows_it() {
    for (name, value, column, why) in [
        ("\"X Env\"", "\"hunter2\"", 21, ": it is not the name of a header, like \"X-Env\"."),
        ("X-Env", "\"hunter2\\n\"", 29, ": a value has visible ASCII characters, and spaces only between them."),
        ("X-Env", "\" hunter2\"", 29, ": a value has visible ASCII characters, and spaces only between them."),
        ("X-Env", "271828", 29, " must be text in quotes; \"\" removes the header."),
    ] {
        let shown = name.trim_matches('"');
        says(
            &format!("request_headers = {{ {name} = {value} }}"),
            &format!("bmauth.toml:7:{column}: `route.request_headers.{shown}`{why}"),
        );
    }
    says(
        "response_headers = { X-A = \"1\", x-a = \"\" }",
        "bmauth.toml:7:33: `route.response_headers.x-a`: the same header is named twice; names are compared without case.",
    );
    says(
        "request_headers = \"X-A: 1\"",
        "bmauth.toml:7:19: `route.request_headers` is \"X-A: 1\"; it must be a table.",
    );
    let shown = format!("{:?}", loads(&with("request_headers = { Authorization = \"Basic hunter2\" }")));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn everything_that_is_wrong_with_an_upstream_is_told_at_once() {
    let told = problems(&with(
        "balance = \"x\"\nhealth = { path = \"x\", every = \"x\" }\nupstream_tls = { nam = \"x\" }\nhost_header = \"\"\n\
         strip_prefix = true\nrequest_headers = { Host = \"x\", \" \" = \"x\" }\nresponse_headers = 1\ntimeout = \"x\"\n\
         max_body = \"x\"\nupgrade = 1\nwebsocket_origins = [\"x\", \"y\"]\n",
    ));
    let places: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    let expected = [
        "7:11", "8:19", "8:32", "9:16", "9:18", "10:15", "11:16", "12:21", "12:33", "13:20", "14:11", "15:12", "16:11",
        "17:22", "17:27",
    ];
    let expected: Vec<String> = expected.iter().map(|place| format!("bmauth.toml:{place}")).collect();
    assert_eq!(places, expected, "{told}");
}

#[test]
fn headers_with_an_underscore_are_named_one_by_one() {
    let ours = "some apps take it for what only the gateway tells them, so it goes to none.";
    for (name, why) in [
        ("x-api-key", "it has no _ in it, and goes on anyway."),
        ("a b_", "it is not the name of a header, like \"x_api_key\"."),
        ("SCRIPT_NAME", ours),
        ("remote_user", ours),
        ("x_forwarded_for", ours),
        ("X_Who", ours),
    ] {
        let more = format!("underscore_headers = [\"a_b\", {name:?}]\n[identity]\nheader = \"X-Who\"");
        says(&more, &format!("bmauth.toml:7:30: `route.underscore_headers` is {name:?}: {why}"));
    }
}
