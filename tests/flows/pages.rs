//! What every answer of ours carries, and where pages send people.

use std::sync::Arc;

use bmauth::store::memory::MemoryStore;
use http::{Method, StatusCode, header};
use serde_json::json;

use crate::authenticator::Passkey;
use crate::world::{CONFIG, World};

#[tokio::test]
async fn every_answer_carries_our_headers() {
    let world = World::new().await;
    let mut browser = world.browser();
    for path in ["/_bmauth/sign-in", "/_bmauth/register", "/_bmauth/whoami", "/_bmauth/nothing", "/_bmauth/signed-out"]
    {
        let answer = browser.get(path).await;
        let is = |name: &str, value: &str| assert_eq!(answer.headers[name], value, "{path} {name}");
        is("cache-control", "no-store");
        is("x-content-type-options", "nosniff");
        is("referrer-policy", "no-referrer");
        is("strict-transport-security", "max-age=31536000");
        is("cross-origin-opener-policy", "noopener-allow-popups");
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for part in
            ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "require-trusted-types-for 'script'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.headers.get_all(header::CONTENT_SECURITY_POLICY).iter().count(), 1);
    }
}

#[tokio::test]
async fn a_hostile_way_back_ends_at_the_front_page() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"key");
    world.browser().register(&world, "maria@example.com", &mut passkey).await;
    for hostile in [
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/_bmauth/sign-out",
        "/a/../b",
        "/%2e%2e/",
        "x",
    ] {
        let mut browser = world.browser();
        browser.get("/_bmauth/sign-in").await;
        let begun = browser.post("/_bmauth/sign-in/options", &json!({ "return_to": hostile })).await.json();
        let credential = passkey.get(&begun["options"]);
        assert_eq!(
            browser.answer(&begun, &credential).await.json(),
            json!({ "location": "https://notes.example.com/" }),
            "{hostile}"
        );
        let query: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        let sent_on = browser.get(&format!("/_bmauth/sign-in?return_to={query}")).await;
        assert_eq!(
            (sent_on.status, sent_on.location()),
            (StatusCode::SEE_OTHER, "https://notes.example.com/"),
            "{hostile}"
        );
    }
}

#[tokio::test]
async fn what_ingress_nginx_calls_rd_is_where_to_go_on_to() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register(&world, "maria@example.com", &mut Passkey::new(b"key")).await;
    for (query, expected) in [
        ("rd=%2Fnotes", "https://notes.example.com/notes"),
        ("rd=https%3A%2F%2Fnotes.example.com%2F%2Fa%3Fb", "https://notes.example.com//a?b"),
        ("rd=https%3A%2F%2Fevil.example%2F", "https://notes.example.com/"),
        ("return_to=%2Fa&rd=%2Fb", "https://notes.example.com/a"),
        ("return_to=%2F%2Fevil.example", "https://notes.example.com//evil.example"),
    ] {
        let sent_on = browser.get(&format!("/_bmauth/sign-in?{query}")).await;
        assert_eq!((sent_on.status, sent_on.location()), (StatusCode::SEE_OTHER, expected), "{query}");
    }
}

#[tokio::test]
async fn a_language_is_chosen_on_pages_that_say_no_too() {
    let world = World::new().await;
    let mut browser = world.browser();
    // A page of ours that there is none of, at its own address, whose other parameters stay.
    let missing = browser.get("/_bmauth/nothing?a=b%26&lang=en").await;
    assert!(missing.text.contains("href=\"/_bmauth/nothing?a=b%26&#38;lang=de\""), "{}", missing.text);
    let german = browser.get("/_bmauth/nothing?a=b&lang=de").await;
    assert_eq!(german.status, StatusCode::NOT_FOUND);
    assert!(german.text.contains("<html lang=\"de\"") && browser.cookies["__Host-bmauth-lang"] == "de");
    // What answers a form leads to the page of the form.
    let refused = browser.submit("/_bmauth/recover/code", &[("code", "1")]).await;
    assert!(refused.text.contains("href=\"/_bmauth/recover/code?lang=en\""), "{}", refused.text);
    // Pages in the place of an app's lead back to it, and nowhere else.
    for (query, expected) in [
        ("lang=en&return_to=%2Fa%3Fb", "https://notes.example.com/a?b"),
        ("lang=en&return_to=https%3A%2F%2Fevil.example%2F", "https://notes.example.com/"),
        ("lang=en", "https://notes.example.com/"),
    ] {
        let chosen = browser.get(&format!("/_bmauth/language?{query}")).await;
        assert_eq!((chosen.status, chosen.location()), (StatusCode::SEE_OTHER, expected));
        assert_eq!(browser.cookies["__Host-bmauth-lang"], "en");
    }
    let unknown = browser.get("/_bmauth/language?lang=xx&return_to=%2Fa").await;
    assert!(!unknown.headers.contains_key(header::SET_COOKIE), "no language of ours");
}

#[tokio::test]
async fn another_account_is_signed_in_to_after_signing_out_of_this_one() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register(&world, "maria@example.com", &mut Passkey::new(b"key")).await;
    let path = "/_bmauth/sign-out?another&return_to=%2Fa%3Fb";
    let page = browser.get(path).await;
    assert!(page.text.contains("<h1>Use another account</h1>") && page.text.contains("maria@example.com"));
    assert_eq!(browser.who().await.as_deref(), Some("maria@example.com"), "asking changes nothing");
    let there = browser.submit("/_bmauth/sign-out", &[("return_to", "https://notes.example.com/a?b")]).await;
    assert_eq!((there.status, there.location()), (StatusCode::SEE_OTHER, "/_bmauth/sign-in?return_to=%2Fa%3Fb"));
    assert_eq!(browser.who().await, None);
    assert_eq!(browser.get(path).await.location(), "/_bmauth/sign-in?return_to=%2Fa%3Fb");
    // No other site is led to.
    browser.register(&world, "bob@example.com", &mut Passkey::new(b"other")).await;
    browser.get("/_bmauth/sign-out?another").await;
    let away = browser.submit("/_bmauth/sign-out", &[("return_to", "https://evil.example/")]).await;
    assert_eq!(away.location(), "/_bmauth/sign-in");
}

#[tokio::test]
async fn every_address_that_a_script_asks_is_answered() {
    let world = World::new().await;
    let mut browser = world.browser();
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/assets"));
    let mut asked = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "js") {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        // `ask` puts our prefix before what it is given; `setUp` is given where to send what was made.
        asked.extend(script.split("ask(\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        asked.extend(script.split('"').filter(|text| text.ends_with("/verify")).map(str::to_owned));
        for rest in script.split("/_bmauth/").skip(1) {
            let path: String =
                rest.chars().take_while(|letter| letter.is_ascii_lowercase() || "-/".contains(*letter)).collect();
            asked.extend(Some(path).filter(|path| !path.is_empty()));
        }
    }
    assert!(asked.len() > 15, "{asked:?}");
    for path in asked {
        let path = format!("/_bmauth/{path}");
        let (get, post) = (browser.get(&path).await, browser.post(&path, &json!({})).await);
        let is_there = |status: StatusCode| status != StatusCode::NOT_FOUND && status != StatusCode::METHOD_NOT_ALLOWED;
        assert!(is_there(get.status) || is_there(post.status), "{path}: {} {}", get.status, post.status);
    }
}

#[tokio::test]
async fn every_path_of_ours_has_a_route() {
    let world = World::new().await;
    let source = include_str!("../../src/domain/own_paths.rs");
    let paths = source.split("own!(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut asked = 0;
    // Paths with a part that the router reads have the start of another, and what only begins paths has no route.
    for path in paths.filter(|path| !path.contains('{') && !["", "/assets/", "/v1", "/v1/"].contains(path)) {
        // No page takes this method. One with a route says so, and where there is none nothing is found.
        let browser = &mut world.browser();
        let request = browser.request(Method::PUT, &format!("/_bmauth{path}")).body(axum::body::Body::empty());
        let status = browser.send(request.unwrap()).await.status;
        assert_ne!(status, StatusCode::NOT_FOUND, "neither `router` nor `steps` has a route for {path}");
        asked += 1;
    }
    assert!(asked > 50, "the paths are not where this test looks for them");
}

#[tokio::test]
async fn a_visitor_may_go_on_to_another_of_our_hosts_and_to_no_other() {
    let route = "[[route]]\nhost = \"wiki.example.com\"\nupstream = [\"http://127.0.0.1:8001\"]\n";
    let world = World::with(&format!("{CONFIG}{route}"), Arc::new(MemoryStore::new())).await;
    let mut passkey = Passkey::new(b"key");
    world.browser().register(&world, "maria@example.com", &mut passkey).await;
    for (wanted, location) in [
        ("https://wiki.example.com/page?a=b", "https://wiki.example.com/page?a=b"),
        ("https://notes.example.com/notes", "https://notes.example.com/notes"),
        ("https://wiki.example.com.evil.example/", "https://notes.example.com/"),
        ("http://wiki.example.com/", "https://notes.example.com/"),
    ] {
        let mut browser = world.browser();
        browser.get("/_bmauth/sign-in").await;
        let begun = browser.post("/_bmauth/sign-in/options", &json!({ "return_to": wanted })).await.json();
        let credential = passkey.get(&begun["options"]);
        assert_eq!(browser.answer(&begun, &credential).await.json(), json!({ "location": location }), "{wanted}");
        let query: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        let page = browser.get(&format!("/_bmauth/sign-out?return_to={query}")).await;
        assert!(page.text.contains(&format!("href=\"{location}\"")), "{}", page.text);
    }
}

#[tokio::test]
async fn a_signed_in_person_is_sent_on() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register(&world, "maria@example.com", &mut Passkey::new(b"key")).await;
    for page in ["sign-in", "register"] {
        let answer = browser.get(&format!("/_bmauth/{page}?return_to=%2Fnotes%3Fid%3D7")).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "https://notes.example.com/notes?id=7"));
    }
}

#[tokio::test]
async fn a_language_is_chosen_by_address_then_cookie_then_browser() {
    let world = World::new().await;
    let mut browser = world.browser();
    assert!(browser.get("/_bmauth/sign-in").await.text.contains("<html lang=\"en\""));
    let german = browser.get("/_bmauth/sign-in?lang=de").await;
    assert!(german.text.contains("<html lang=\"de\""), "{}", german.text);
    assert!(browser.get("/_bmauth/sign-in").await.text.contains("<html lang=\"de\""), "it is remembered");
    let request =
        world.browser().request(Method::GET, "/_bmauth/sign-in").header(header::ACCEPT_LANGUAGE, "de-AT, en;q=0.5");
    let asked = world.browser().send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert!(asked.text.contains("<html lang=\"de\""));
}

#[tokio::test]
async fn documents_for_machines() {
    let world = World::new().await;
    let mut browser = world.browser();
    let keys = browser.get("/_bmauth/jwks.json").await.json();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert!(keys["keys"][0].get("d").is_none());
    assert_eq!(
        browser.get("/.well-known/passkey-endpoints").await.json(),
        json!({ "enroll": "https://notes.example.com/_bmauth/register" })
    );
    assert_eq!(browser.get("/.well-known/webauthn").await.json(), json!({ "origins": ["https://notes.example.com"] }));
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_unknown_ones_are_not_found() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get("/_bmauth/sign-in").await.text;
    let mut found = 0;
    for part in page.split(['"', '\'']).filter(|part| part.starts_with("/_bmauth/assets/")) {
        let asset = browser.get(part).await;
        assert_eq!(asset.status, StatusCode::OK, "{part}");
        assert!(asset.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        found += 1;
    }
    assert!(found >= 2, "{page}");
    assert_eq!(browser.get("/_bmauth/assets/other.js").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    for (method, path) in [
        (Method::GET, "/_bmauth/sign-in/verify"),
        (Method::DELETE, "/_bmauth/sign-in"),
        (Method::PUT, "/_bmauth/sign-out"),
    ] {
        let request = browser.request(method.clone(), path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(browser.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
    }
}
