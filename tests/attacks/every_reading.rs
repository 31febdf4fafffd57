//! Promise 18: every reading of a path that an app might take leads to the same demands, or the request is refused.

use bmauth::domain::route::Access;

use crate::harness::*;

/// None of these gets to `/admin` or `/open/secret`.
async fn leads_nowhere(targets: &[&str]) {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .route("/admin", Access::SignedIn, &app.url)
        .route("/open/secret", Access::SignedIn, &app.url)
        .start();
    for target in targets {
        let status = world.get(target, &[]).await.status;
        assert!(matches!(status, 400 | 401), "{status}: {target}");
    }
    assert!(app.seen().is_empty());
}

/// CVE-2026-48020 (Traefik's StripPrefix), CWE-22, CWE-41: dots that another server resolves.
#[tokio::test]
async fn dots_lead_nowhere() {
    leads_nowhere(&[
        "/open/../admin",
        "/open/%2e%2e/admin",
        "/open/.%2E/admin",
        "/open/..;/admin",
        "/open/..;x=1/admin",
        "/open/..%2fadmin",
        "/open%2f..%2fadmin",
        "/open/%252e%252e/admin",
        "/./admin",
        "/%2e/admin",
        "/open/..\\admin",
        "/open/..%5cadmin",
        "/open/%c0%ae%c0%ae/admin",
        "/open/%e0%80%ae./admin",
        "/.;/admin",
    ])
    .await;
}

/// CWE-41, CWE-436: a path that another server cuts, merges or decodes to one below an open prefix, or out
/// of it.
#[tokio::test]
async fn prefixes_end_where_every_server_ends_them() {
    leads_nowhere(&[
        "//admin",
        "///admin",
        "//x/admin",
        "/%2Fadmin",
        "/admin%2Fx",
        "/admin;x",
        "/admin;/x",
        "/admin%3bx/y",
        "/admin%3F",
        "/admin%23",
        "/admin%253F",
        "/open//secret",
        "/open%2Fsecret",
        "/open/;/secret",
        "/;/admin",
        "/open/secret;x",
        "/open/secret%3Fx",
        "/%61dmin",
        "/%2561dmin",
        "/%252561dmin",
        "/open/%73ecret",
        "/%41DMIN",
    ])
    .await;
}

/// CWE-178: uppercase letters, of every script that some server folds.
#[tokio::test]
async fn uppercase_leads_nowhere() {
    leads_nowhere(&["/ADMIN", "/Admin/x", "/aDmIn", "/open/SECRET", "/OPEN/secret", "/open/\u{25}C5%BFecret"]).await;
}

/// CWE-863: WebDAV's second path, and methods that take what is below along.
#[tokio::test]
async fn no_method_reaches_further_than_its_path() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).route("/admin", Access::SignedIn, &app.url).start();
    for (method, lines) in [
        ("MOVE", &["Destination: https://notes.example.com/admin/x"][..]),
        ("COPY", &["Destination: /admin/x"]),
        ("copy", &["Destination: /%61dmin/x"]),
        ("MOVE", &["Destination: //x/admin"]),
        ("MOVE", &["Destination: https://other.example/admin"]),
        ("MOVE", &[]),
        ("DELETE", &[]),
        ("PROPFIND", &["Depth: infinity"]),
        ("PROPFIND", &[]),
        ("LOCK", &["Depth: infinity"]),
    ] {
        let status = world.ask(&request(method, "/", lines, "")).await.status;
        assert!(matches!(status, 400 | 403), "{status}: {method} {lines:?}");
    }
    assert!(app.seen().is_empty());
}
