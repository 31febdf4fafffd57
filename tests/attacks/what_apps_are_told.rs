//! Promise 17: what tells an app who, where from, which path, host, scheme or method is ours or removed.

use bmauth::domain::route::Access;

use crate::harness::*;

/// The app sees the path that was decided about, and nothing that names another.
async fn is_told_nothing(lines: &[&str]) {
    let app = hello().await;
    let world = plan().route("/public", Access::Public, &app.url).start();
    assert_eq!(world.get("/public/admin/users", lines).await.status, 200);
    let seen = app.saw();
    assert_eq!(seen.target, "/public/admin/users");
    assert!(!seen.fields.iter().any(|(_, value)| value.contains("evil")), "{seen:?}");
    assert_eq!(seen.field("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!((seen.field("x-forwarded-proto"), seen.field("x-forwarded-host")), (Some("https"), Some(HOST)));
}

/// gunicorn and uWSGI take SCRIPT_NAME of a client from the path. CWE-444, CWE-290.
#[tokio::test]
async fn no_script_name_is_cut_off_the_path() {
    for name in [
        "SCRIPT_NAME",
        "Script-Name",
        "script.name",
        "PATH_INFO",
        "Path-Info",
        "X-Script-Name",
        "X_Script_Name",
        "Path-Translated",
    ] {
        is_told_nothing(&[&format!("{name}: /public-evil")]).await;
    }
}

/// CVE-2018-14773 (Symfony, Zend): X-Original-URL and X-Rewrite-URL. CVE-2016-5385: Proxy.
#[tokio::test]
async fn no_header_names_another_target() {
    for name in [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-URI",
        "X-Forwarded-Uri",
        "X-Forwarded-Path",
        "Proxy",
        "X-Envoy-Original-Path",
    ] {
        is_told_nothing(&[&format!("{name}: /evil")]).await;
    }
}

/// CVE-2026-35051, CVE-2026-39858 (Traefik): X-Forwarded-Prefix, and aliases of X-Forwarded-*.
#[tokio::test]
async fn no_header_names_another_way() {
    for line in [
        "X-Forwarded-Prefix: /evil",
        "X_Forwarded_Prefix: /evil",
        "X.Forwarded.Prefix: /evil",
        "X-Forwarded-For: evil",
        "X-Forwarded--For: evil",
        "X-Forwarded-Port: evil",
        "X-Url-Scheme: evil",
        "X-Scheme: evil",
        "Front-End-Https: evil",
        "Client-IP: evil",
        "Fastly-Client-IP: evil",
        "True-Client-IP: evil",
        "CF-Connecting-IP: evil",
        "Forwarded: for=evil",
        "X-Forwarded-Host: evil",
    ] {
        is_told_nothing(&[line]).await;
    }
}

/// CWE-601: where a redirect of ours leads is an address of ours.
#[tokio::test]
async fn no_redirect_leads_to_another_host() {
    let world = plan()
        .route("/", Access::SignedIn, &dead_address().await)
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
        .start();
    for target in ["//evil.example/", "///evil.example", "/%2Fevil.example", "/x?//evil.example", "/@evil.example"] {
        let sent = world.get(target, &["Sec-Fetch-Mode: navigate"]).await;
        let location = sent.field("location").unwrap();
        assert!(location.starts_with("/_bmauth/sign-in?return_to="), "{location}");
        let mut proxy = world.connect_from("10.0.0.1");
        proxy.send(get(target, &["X-Forwarded-Proto: http"])).await;
        let moved = proxy.answer().await;
        let location = moved.field("location").unwrap();
        assert_eq!((moved.status, location), (308, &*format!("https://{HOST}{target}")));
    }
}
