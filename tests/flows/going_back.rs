//! Where a visitor wanted to go, where that is kept as a bookmark.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bmauth::domain::host::Host;
use bmauth::domain::path::RequestTarget;
use bmauth::domain::secret::Secret;
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::json;

use crate::authenticator::Passkey;
use crate::edge::Fragile;
use crate::world::{CONFIG, World};

const WIKI: &str = "wiki.notes.example.com";
const HOST: &str = "notes.example.com";

async fn world() -> World {
    let text = format!("{CONFIG}\n[[route]]\nhost = \"{WIKI}\"\nupstream = [\"http://127.0.0.1:8001\"]");
    World::with(&text, Arc::new(MemoryStore::new())).await
}

fn long() -> String {
    format!("//evil.example/a%20b?{}", "q".repeat(30_000))
}

async fn keep(world: &World, host: &str, client: &str) -> Option<Secret> {
    let target = RequestTarget::parse(long().as_bytes()).unwrap();
    world.auth.bookmarks.keep(&Host::parse(host).unwrap(), &target, Some(client.parse().unwrap())).await
}

fn address(name: &Secret) -> String {
    format!("/_bmauth/back?to={}", name.text())
}

#[tokio::test]
async fn a_bookmark_leads_every_visitor_to_its_target_on_its_own_host() {
    let world = world().await;
    let mut browser = world.browser();
    for (host, other) in [(HOST, WIKI), (WIKI, HOST)] {
        let name = keep(&world, host, "192.0.2.1").await.unwrap();
        host.clone_into(&mut browser.host);
        for _ in 0..2 {
            let answer = browser.get(&address(&name)).await;
            assert_eq!(
                (answer.status, answer.location()),
                (StatusCode::SEE_OTHER, &*format!("https://{host}{}", long()))
            );
        }
        other.clone_into(&mut browser.host);
        assert_eq!(browser.get(&address(&name)).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_bookmark_that_is_over_or_never_was_leads_to_the_root() {
    let world = world().await;
    let mut browser = world.browser();
    let name = keep(&world, HOST, "192.0.2.1").await.unwrap();
    world.clock.forward(12 * 3600 - 1);
    assert!(browser.get(&address(&name)).await.location().ends_with('q'));
    world.clock.forward(1);
    for name in [name, Secret::from_bytes([7; 32])] {
        assert_eq!(browser.get(&address(&name)).await.location(), "https://notes.example.com/");
    }
    for path in ["/_bmauth/back", "/_bmauth/back?to=", "/_bmauth/back?to=x", "/_bmauth/back/x"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_visitor_who_signs_in_on_the_way_to_a_bookmark_is_sent_there() {
    let world = world().await;
    let mut passkey = Passkey::new(b"key of maria");
    world.browser().register(&world, "maria@example.com", &mut passkey).await;
    let name = keep(&world, HOST, "192.0.2.1").await.unwrap();
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let begun = browser.post("/_bmauth/sign-in/options", &json!({ "return_to": address(&name) })).await.json();
    let credential = passkey.get(&begun["options"]);
    // What a script reads has room for it.
    let whole = json!({ "location": format!("https://notes.example.com{}", long()) });
    assert_eq!(browser.answer(&begun, &credential).await.json(), whole);
    let page = format!("/_bmauth/sign-in?return_to=%2F_bmauth%2Fback%3Fto%3D{}", name.text());
    assert_eq!(browser.get(&page).await.location(), format!("https://notes.example.com{}", address(&name)));
    assert_eq!(browser.get(&address(&name)).await.location(), format!("https://notes.example.com{}", long()));
}

#[tokio::test]
async fn one_network_has_twenty_at_once_and_takes_none_of_the_others() {
    let world = world().await;
    for _ in 0..20 {
        assert!(keep(&world, HOST, "192.0.2.1").await.is_some());
    }
    assert!(keep(&world, HOST, "192.0.2.1").await.is_none());
    assert!(keep(&world, HOST, "192.0.2.2").await.is_some());
    assert!(keep(&world, HOST, "2001:db8::1").await.is_some());
}

#[tokio::test]
async fn nothing_is_kept_where_the_store_fails_or_on_the_way_to_ourselves() {
    let full = Arc::new(AtomicBool::new(false));
    let store = Arc::new(Fragile { full: Arc::clone(&full), ..Fragile::default() });
    let world = World::with(CONFIG, store).await;
    let own = RequestTarget::parse(b"/_bmauth/sign-out").unwrap();
    assert!(world.auth.bookmarks.keep(&Host::parse(HOST).unwrap(), &own, None).await.is_none());
    full.store(true, Ordering::SeqCst);
    assert!(keep(&world, HOST, "192.0.2.1").await.is_none());
}

#[tokio::test]
async fn every_page_goes_on_to_a_whole_address_of_ours_and_to_no_other() {
    let world = world().await;
    let (mut maria, mut newcomer) = (world.browser(), world.browser());
    maria.register(&world, "maria@example.com", &mut Passkey::new(b"key of maria")).await;
    for (asked, expected) in [
        ("/a?b", "https://notes.example.com/a?b"),
        ("//evil.example/a", "https://notes.example.com//evil.example/a"),
        ("https://notes.example.com/a?b", "https://notes.example.com/a?b"),
        ("https://notes.example.com//a", "https://notes.example.com//a"),
        ("https://wiki.notes.example.com/a?b", "https://wiki.notes.example.com/a?b"),
        ("https://wiki.notes.example.com", "https://wiki.notes.example.com/"),
        ("https://wiki.notes.example.com:8443/a", "https://notes.example.com/"),
        ("http://wiki.notes.example.com/a", "https://notes.example.com/"),
        ("https://evil.example/a", "https://notes.example.com/"),
        ("\\\\evil.example", "https://notes.example.com/"),
    ] {
        let written: String = url::form_urlencoded::byte_serialize(asked.as_bytes()).collect();
        for name in ["return_to", "rd"] {
            let page = |page: &str| format!("/_bmauth/{page}?{name}={written}");
            for known in ["sign-in", "register", "link/start", "recover/review"] {
                assert_eq!(maria.get(&page(known)).await.location(), expected, "{known} {name}={asked}");
            }
            assert_eq!(newcomer.get(&page("faster")).await.location(), expected, "faster {name}={asked}");
            let (link, data) = (format!("href=\"{expected}\""), format!("data-return-to=\"{expected}\""));
            for (shown, as_what) in [("sign-out", &link), ("faster", &link), ("faster", &data)] {
                let text = maria.get(&page(shown)).await.text;
                assert!(text.contains(as_what.as_str()), "{shown} {name}={asked}: {text}");
            }
            // Pages that lead in carry it along.
            let carried = if expected == "https://notes.example.com/" { "/" } else { expected };
            let carried = carried.strip_prefix("https://notes.example.com").unwrap_or(carried);
            for (leads_in, field) in
                [("sign-in", "data-return-to"), ("register", "data-return-to"), ("recover", "value")]
            {
                let text = newcomer.get(&page(leads_in)).await.text;
                assert!(text.contains(&format!("{field}=\"{carried}\"")), "{leads_in} {name}={asked}: {text}");
            }
        }
    }
}
