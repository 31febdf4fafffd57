//! Promise 1: nothing reaches a protected upstream without a live session that the route allows.

use bmauth::domain::route::Access;

use crate::harness::*;

fn guarded(app: &str) -> Plan {
    plan().route("/", Access::SignedIn, app).route("/api/public", Access::Public, app).route(
        "/login",
        Access::Public,
        app,
    )
}

/// Asks for `/admin` without a session in each of these ways; nothing reaches the app.
async fn stays_out(requests: impl IntoIterator<Item = String>) {
    let app = hello().await;
    let world = guarded(&app.url).start();
    for request in requests {
        let status = world.ask(&request).await.status;
        assert!(matches!(status, 303 | 400 | 401 | 403 | 404 | 421), "{status}: {request}");
    }
    assert!(app.seen().is_empty());
}

/// CVE-2026-34457, GHSA-5hvv-m4w4-gf6v: a health check's User-Agent was let through at any path.
#[tokio::test]
async fn a_health_checks_user_agent_opens_nothing() {
    let agents = ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "oauth2-proxy-ping", "HAProxy", ""];
    stays_out(agents.map(|agent| get("/admin", &[&format!("User-Agent: {agent}")]))).await;
}

/// CVE-2025-54576: rules for open paths were matched against the query too.
#[tokio::test]
async fn the_query_opens_nothing() {
    stays_out(
        ["/admin?/api/public", "/admin?x=/login", "/admin?../login", "/?/login#", "/admin/?a=//api/public"]
            .map(|target| get(target, &[])),
    )
    .await;
}

/// CVE-2026-41059, GHSA-pxq7-h93f-9jrg: what stands behind an encoded or plain `#` widened a rule for open paths.
#[tokio::test]
async fn a_fragment_opens_nothing() {
    stays_out(
        ["/admin%23/api/public", "/admin#/login", "/admin%2523/login", "/admin%3F/login"]
            .map(|target| get(target, &[])),
    )
    .await;
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).route("/foo/secret", Access::SignedIn, &app.url).start();
    for target in ["/foo/secret%23/bar", "/foo/secret%3f/bar", "/foo%2Fsecret%23x"] {
        assert_ne!(world.get(target, &[]).await.status, 200, "{target}");
    }
    assert!(app.seen().is_empty());
}

/// CVE-2026-40575, GHSA-7x63-xv5r-3p2x: a client's X-Forwarded-Uri was decided by in the place of its path. CWE-290.
#[tokio::test]
async fn no_header_names_another_path_to_be_decided_by() {
    let headers = [
        "X-Forwarded-Uri: /login",
        "X-Original-URL: /login",
        "X-Original-URI: /login",
        "X-Rewrite-URL: /login",
        "X-Forwarded-Path: /login",
        "X-Forwarded-Prefix: /login",
        "X_Forwarded_Uri: /login",
        "SCRIPT_NAME: /login",
        "X-HTTP-Method-Override: OPTIONS",
        "X-Forwarded-Host: open.example.com",
        "Forwarded: host=open.example.com;proto=https;for=127.0.0.1",
    ];
    stays_out(headers.map(|line| get("/admin", &[line]))).await;
}

/// CVE-2026-25748, GHSA-fj56-5763-j8pp: a session cookie that could not be read counted as one that needed no check.
#[tokio::test]
async fn a_cookie_that_cannot_be_read_opens_nothing() {
    let values = ["", "x", "\"", "%00", "a=b=c", "\\", "AAAA.BBBB.CCCC", "0", "null", "true", "{}"];
    let cookies = values.map(|value| format!("Cookie: {COOKIE}={value}"));
    let odd = ["Cookie: ;;;=", "Cookie: =", &format!("Cookie: {COOKIE}"), &format!("Cookie: {COOKIE}=a; {COOKIE}=a")];
    let odd = odd.map(str::to_owned);
    stays_out(cookies.into_iter().chain(odd).map(|line| get("/admin", &[&line]))).await;
}

/// CWE-178: hosts are one whatever their case; an unknown host is none.
#[tokio::test]
async fn the_case_of_a_host_changes_nothing_and_an_unknown_host_is_none() {
    let hosts =
        ["NOTES.example.com", "notes.example.com.", "notes.example.com:443", "127.0.0.1", "localhost", "evil.example"];
    stays_out(hosts.map(|host| format!("GET /admin HTTP/1.1\r\nHost: {host}\r\n\r\n"))).await;
}

/// CWE-287: a preflight is let through for being one, and for nothing else.
#[tokio::test]
async fn what_only_looks_like_a_preflight_opens_nothing() {
    let question = ["Origin: https://evil.example", "Access-Control-Request-Method: GET"];
    stays_out([
        request("OPTIONS", "/admin", &question[..1], ""),
        request("GET", "/admin", &question, ""),
        request("OPTIONS", "/admin", &[&question[..], &["Content-Length: 4"]].concat(), "body"),
        request("options", "/admin", &question, ""),
    ])
    .await;
}

/// CWE-306: what an app behind a proxy in front may take for coming from inside.
#[tokio::test]
async fn an_address_of_the_inside_opens_nothing() {
    let lines = [
        "X-Forwarded-For: 127.0.0.1",
        "X-Real-IP: 10.0.0.1",
        "Client-IP: ::1",
        "X-Envoy-Internal: true",
        "Via: 1.1 localhost",
    ];
    stays_out(lines.map(|line| get("/admin", &[line]))).await;
}
