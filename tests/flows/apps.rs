//! "Your apps": who comes there, and what is listed to whom.

use std::sync::Arc;

use bmauth::domain::email::Email;
use bmauth::domain::operate::Regroup;
use bmauth::store::memory::MemoryStore;
use http::{Method, StatusCode};
use serde_json::json;

use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::recovering;
use crate::world::World;

const MARIA: &str = "maria@example.com";
const HERE: &str = "https://notes.example.com/";

/// Pages on a host of their own, and apps on others.
const CONFIG: &str = r#"
public_url = "https://notes.example.com"
[app]
name = "Acme"
[email]
from = "Acme <no-reply@example.com>"
transport = "log"
[[route]]
host = "wiki.example.com"
upstream = ["http://127.0.0.1:8001"]
[[route]]
host = "wiki.example.com"
path = "/admin"
groups = ["it"]
upstream = ["http://127.0.0.1:8001"]
[[route]]
host = "wiki.example.com"
path = "/healthz"
access = "public"
upstream = ["http://127.0.0.1:8001"]
[[route]]
host = "hooks.example.com"
methods = ["POST"]
access = "public"
upstream = ["http://127.0.0.1:8002"]
[[route]]
host = "files.example.com"
path = "/drive"
access = "optional"
upstream = ["http://127.0.0.1:8003"]
"#;

async fn world() -> World {
    World::with(CONFIG, Arc::new(MemoryStore::new())).await
}

async fn maria(world: &World) -> Browser {
    let mut browser = world.browser();
    browser.register(world, MARIA, &mut Passkey::new(b"key of maria")).await;
    browser
}

/// The names and addresses on the page.
fn listed(page: &Answer) -> Vec<(String, String)> {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let rows = page.text.split("<li class=\"row\"><a href=\"").skip(1);
    let row = |row: &str| {
        let (address, rest) = row.split_once("\"><strong>").unwrap();
        let (name, rest) = rest.split_once("</strong></a>").unwrap();
        assert!(rest.trim_start().starts_with(&format!("<small>{address}</small>")), "{rest}");
        (name.to_owned(), address.to_owned())
    };
    rows.map(row).collect()
}

fn apps(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, address)| ((*name).to_owned(), (*address).to_owned())).collect()
}

#[tokio::test]
async fn what_a_person_may_open_is_listed_with_its_address() {
    let world = world().await;
    let mut browser = maria(&world).await;
    let page = browser.get("/_bmauth/apps").await;
    let expected = [("Wiki", "https://wiki.example.com/"), ("Drive", "https://files.example.com/drive")];
    assert_eq!(listed(&page), apps(&expected));
    for part in [
        "<h1>Your apps</h1>",
        MARIA,
        "href=\"/_bmauth/devices\"",
        "href=\"/_bmauth/sign-out?return_to=%2F_bmauth%2Fapps\"",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(
        browser
            .get("/_bmauth/sign-out?return_to=%2F_bmauth%2Fapps")
            .await
            .text
            .contains(&format!("{HERE}_bmauth/apps"))
    );
    let german = browser.get("/_bmauth/apps?lang=de").await;
    assert!(german.text.contains("<h1>Ihre Apps</h1>"), "{}", german.text);
}

#[tokio::test]
async fn what_is_for_a_group_is_listed_to_those_in_it() {
    let world = world().await;
    let mut browser = maria(&world).await;
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    let change = Regroup { set: None, add: vec!["it".to_owned()], remove: Vec::new() };
    world.auth.operate.regroup(account, change).await.unwrap();
    let listed = listed(&browser.get("/_bmauth/apps").await);
    assert_eq!(listed[1], ("Admin".to_owned(), "https://wiki.example.com/admin".to_owned()));
    assert_eq!(listed.len(), 3);
}

#[tokio::test]
async fn nothing_to_open_is_said() {
    let text = CONFIG.split("[[route]]").next().unwrap();
    let route = "[[route]]\nhost = \"wiki.example.com\"\ngroups = [\"it\"]\nupstream = [\"http://127.0.0.1:8001\"]";
    let world = World::with(&format!("{text}{route}"), Arc::new(MemoryStore::new())).await;
    let page = maria(&world).await.get("/_bmauth/apps").await;
    assert_eq!(listed(&page), apps(&[]));
    assert!(page.text.contains("You have no apps here yet."), "{}", page.text);
}

#[tokio::test]
async fn a_visitor_signs_in_first_and_comes_back() {
    let world = world().await;
    let mut passkey = Passkey::new(b"key of maria");
    world.browser().register(&world, MARIA, &mut passkey).await;
    let mut browser = world.browser();
    let sent = browser.get("/_bmauth/apps").await;
    let location = "/_bmauth/sign-in?return_to=%2F_bmauth%2Fapps";
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, location));
    assert_eq!(browser.get(location).await.status, StatusCode::OK);
    for (return_to, goes_on) in [("/_bmauth/apps", format!("{HERE}_bmauth/apps")), ("/", HERE.to_owned())] {
        let mut browser = world.browser();
        browser.get(location).await;
        let begun = browser.post("/_bmauth/sign-in/options", &json!({ "return_to": return_to })).await.json();
        let credential = passkey.get(&begun["options"]);
        assert_eq!(browser.answer(&begun, &credential).await.json(), json!({ "location": goes_on }));
    }
}

#[tokio::test]
async fn the_root_and_the_front_lead_there() {
    let world = world().await;
    let mut browser = maria(&world).await;
    for method in [Method::GET, Method::HEAD] {
        let request = browser.request(method.clone(), "/").body(axum::body::Body::empty()).unwrap();
        let root = browser.send(request).await;
        assert_eq!((root.status, root.location()), (StatusCode::SEE_OTHER, "/_bmauth/apps"), "{method}");
    }
    assert_eq!(browser.get("/_bmauth/").await.location(), "/_bmauth/sign-in");
    assert_eq!(browser.get("/_bmauth/sign-in").await.location(), HERE);
}

#[tokio::test]
async fn a_recovered_account_is_made_safe_first() {
    let world = recovering::world("\"email\"").await;
    recovering::maria(&world).await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"new key of maria"));
    recovering::recover(&world, &mut browser, &mut passkey).await;
    let sent = browser.get("/_bmauth/apps").await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/_bmauth/recover/review"));
}

#[tokio::test]
async fn my_devices_leads_to_the_apps_where_no_app_is_at_the_root() {
    let world = world().await;
    let page = maria(&world).await.get("/_bmauth/devices").await;
    assert!(page.text.contains("<a href=\"/_bmauth/apps\">Your apps</a>"), "{}", page.text);
    assert!(!page.text.contains("href=\"/\""), "{}", page.text);
    let world = World::new().await;
    let page = maria(&world).await.get("/_bmauth/devices").await;
    assert!(page.text.contains("<a href=\"/\">Go to Acme Notes</a>"), "{}", page.text);
    assert!(!page.text.contains("/_bmauth/apps"), "{}", page.text);
}
