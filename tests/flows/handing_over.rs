//! One sign-in for several hosts: the way from one host to another and back, the family of sessions that comes of it,
//! and what an attacker gets that way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use bmauth::domain::family::Family;
use bmauth::domain::plan::{Durability, SessionChange};
use bmauth::domain::secret::Secret;
use bmauth::domain::session::{Session, SessionId};
use bmauth::store::memory::MemoryStore;
use bmauth::store::redb::RedbStore;
use http::{Request, StatusCode, header};
use serde_json::json;

use crate::asking::Behind;
use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::edge::Fragile;
use crate::world::World;

const MARIA: &str = "maria@example.com";
const AUTH: &str = "auth.example.com";
const WIKI: &str = "wiki.example.com";
const FILES: &str = "files.example.com";
/// Outside the passkey domain.
const SHOP: &str = "shop.example.org";

const CONFIG: &str = r#"
public_url = "https://auth.example.com"
[passkeys]
rp_id = "example.com"
[email]
from = "no-reply@example.com"
transport = "log"
[[route]]
host = "wiki.example.com"
upstream = ["http://127.0.0.1:8000"]
[[route]]
host = "files.example.com"
upstream = ["http://127.0.0.1:8001"]
[[route]]
host = "shop.example.org"
upstream = ["http://127.0.0.1:8002"]
"#;

async fn world() -> World {
    World::with(CONFIG, Arc::new(MemoryStore::new())).await
}

fn passkey(id: &[u8]) -> Passkey {
    let mut passkey = Passkey::new(id);
    passkey.origin = format!("https://{AUTH}");
    "example.com".clone_into(&mut passkey.rp_id);
    passkey
}

fn browser(world: &World) -> Browser {
    let mut browser = world.browser();
    browser.go(AUTH);
    browser
}

/// A browser with Maria's account, signed in where people sign in.
async fn maria(world: &World) -> (Browser, Passkey) {
    let (mut browser, mut passkey) = (browser(world), passkey(b"key of maria"));
    browser.register(world, MARIA, &mut passkey).await;
    (browser, passkey)
}

/// A page between two hosts.
#[derive(Clone)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The form of a page.
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let (_, form) = answer.text.split_once("<form ").unwrap_or_else(|| panic!("{}", answer.text));
        let (form, _) = form.split_once("</form>").unwrap();
        let value = |text: &str, name: &str| {
            let (_, rest) = text.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().replace("&#38;", "&").replace("&#47;", "/")
        };
        let fields = form.split("<input ").skip(1).map(|input| (value(input, "name"), value(input, "value"))).collect();
        Self { action: value(form, "action"), fields }
    }

    fn set(&mut self, name: &str, text: &str) {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        text.clone_into(&mut field.unwrap().1);
    }

    fn get(&self, name: &str) -> &str {
        &self.fields.iter().find(|(known, _)| known == name).unwrap().1
    }

    fn request(&self, origin: &str) -> http::request::Builder {
        Request::post(self.action.split_once(".org").or(self.action.split_once(".com")).unwrap().1)
            .header(header::ORIGIN, origin)
            .header("sec-fetch-site", "same-site")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
    }

    fn body(&self) -> Body {
        Body::from(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish())
    }

    fn host(&self) -> &str {
        self.action.strip_prefix("https://").unwrap().split('/').next().unwrap()
    }

    /// The browser sends it, as the page does.
    async fn send(&self, browser: &mut Browser) -> Answer {
        browser.go(self.host());
        browser.send(self.request(&format!("https://{AUTH}")).body(self.body()).unwrap()).await
    }
}

/// A browser goes to a host's sign-in page, and from there to the page between.
async fn ask(browser: &mut Browser, host: &str, target: &str) -> Form {
    browser.go(host);
    let leaves = browser.get(&format!("/_bmauth/sign-in?return_to={}", escaped(target))).await;
    assert_eq!(leaves.status, StatusCode::SEE_OTHER);
    let between = browser.follow(leaves.location()).await;
    Form::of(&between)
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Where a page leads on to that stands after a form.
fn leads_on_to(page: &Answer) -> String {
    let (_, url) = page.text.split_once("content=\"0;url=").unwrap_or_else(|| panic!("{}", page.text));
    url.split('"').next().unwrap().replace("&#38;", "&")
}

async fn signed_in_at(browser: &mut Browser, host: &str) {
    let form = ask(browser, host, "/page").await;
    let done = form.send(browser).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
}

async fn who_at(browser: &mut Browser, host: &str) -> Option<String> {
    browser.go(host);
    browser.who().await
}

async fn families(world: &World) -> Vec<Family> {
    let account = world.store.account_by_email(&bmauth::domain::email::Email::parse(MARIA).unwrap()).await.unwrap();
    world.auth.sessions.of_account(account.unwrap().id).await.unwrap()
}

#[tokio::test]
async fn a_signed_in_person_is_let_in_at_every_other_host_and_is_where_they_wanted() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    for host in [WIKI, FILES, SHOP] {
        browser.go(host);
        let leaves = browser.get("/_bmauth/sign-in?return_to=/report%3Fid%3D7%26x%3D%2523").await;
        let set = leaves.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
        assert!(set.starts_with("__Host-bmauth-handoff-"), "{set}");
        for attribute in ["HttpOnly", "SameSite=None", "Secure", "Path=/", "Max-Age=120"] {
            assert!(set.contains(attribute), "{set}");
        }
        let state = set.split(['=', ';']).nth(1).unwrap();
        let to = leaves.location().to_owned();
        assert!(to.starts_with(&format!("https://{AUTH}/_bmauth/sign-in?return_to=")), "{to}");
        assert!(!to.contains(state), "the secret stays behind");
        let page = browser.follow(&to).await;
        let header = |name: &str| page.headers[name].to_str().unwrap();
        assert_eq!(header("referrer-policy"), "strict-origin");
        assert!(header("content-security-policy").contains(&format!("form-action https://{host};")));
        assert!(!page.text.contains(state));
        let form = Form::of(&page);
        assert!(!to.contains(form.get("code")));
        let done = form.send(&mut browser).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
        assert_eq!(done.location(), format!("https://{host}/report?id=7&x=%23"));
        assert_eq!(browser.who().await.as_deref(), Some(MARIA));
        assert!(!browser.cookies.keys().any(|name| name.contains("handoff")), "{:?}", browser.cookies);
        // Once signed in there, nothing leads away any more.
        let again = browser.get("/_bmauth/sign-in?return_to=/other").await;
        assert_eq!(again.location(), format!("https://{host}/other"));
    }
}

#[tokio::test]
async fn a_visitor_without_a_session_signs_in_where_people_do_and_is_handed_over_then() {
    let world = world().await;
    let (_, mut passkey) = maria(&world).await;
    let mut browser = browser(&world);
    browser.go(FILES);
    let leaves = browser.get("/_bmauth/sign-in?return_to=/deep").await;
    let to = leaves.location().to_owned();
    let page = browser.follow(&to).await;
    assert!(page.text.contains("Sign in with a passkey"), "{}", page.text);
    assert!(page.text.contains(&escaped("https://files.example.com/deep")), "it leads there");
    let answer = browser.sign_in(Some(MARIA), &mut passkey).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    // The script asks for the very address again.
    let between = browser.follow(&to).await;
    let done = Form::of(&between).send(&mut browser).await;
    assert_eq!(done.location(), "https://files.example.com/deep");
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    // Without that address: the place itself, which leads here again.
    let begun = browser_challenge(&mut browser, "https://wiki.example.com/x").await;
    let credential = passkey.get(&begun["options"]);
    let answer = browser.answer(&begun, &credential).await;
    assert_eq!(answer.json(), json!({ "location": "https://wiki.example.com/x" }));
}

#[tokio::test]
async fn a_form_whose_answer_lies_on_another_host_is_answered_by_a_page_that_leads_there() {
    let world = world().await;
    let mut browser = browser(&world);
    let mut passkey = passkey(b"key of a visitor");
    let target = "https://wiki.example.com/deep?x=1";
    // Registering, with the code of the letter.
    browser.get(&format!("/_bmauth/register?return_to={}", escaped(target))).await;
    let begun = browser.post("/_bmauth/register/options", &json!({ "email": MARIA, "return_to": target })).await.json();
    let made = json!({ "ceremony": begun["ceremony"], "credential": passkey.create(&begun["options"]) });
    assert_eq!(browser.post("/_bmauth/register/verify", &made).await.status, StatusCode::OK);
    browser.get("/_bmauth/register/code").await;
    let policy = |answer: &Answer| answer.headers["content-security-policy"].to_str().unwrap().to_owned();
    let code = world.code(MARIA).await;
    let done = browser.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!((done.status, leads_on_to(&done)), (StatusCode::OK, target.to_owned()));
    assert!(policy(&done).contains("form-action 'self';"), "{}", policy(&done));
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
}

async fn browser_challenge(browser: &mut Browser, return_to: &str) -> serde_json::Value {
    browser.go(AUTH);
    browser.cookies.clear();
    browser.get("/_bmauth/sign-in").await;
    browser.post("/_bmauth/sign-in/options", &json!({ "return_to": return_to })).await.json()
}

#[tokio::test]
async fn every_other_page_is_where_people_sign_in() {
    let world = world().await;
    let mut browser = browser(&world);
    browser.go(WIKI);
    for (asked, expected) in [
        ("/_bmauth/devices", "/_bmauth/devices"),
        ("/_bmauth/", "/_bmauth/"),
        (
            "/_bmauth/register?return_to=/a&lang=de",
            "/_bmauth/register?lang=de&return_to=https%3A%2F%2Fwiki.example.com%2Fa",
        ),
        (
            "/_bmauth/recover?rd=https://files.example.com/b",
            "/_bmauth/recover?return_to=https%3A%2F%2Ffiles.example.com%2Fb",
        ),
        (
            "/_bmauth/link/start?return_to=https://evil.example/",
            "/_bmauth/link/start?return_to=https%3A%2F%2Fwiki.example.com%2F",
        ),
        ("/_bmauth/nothing", "/_bmauth/nothing"),
        ("/_bmauth/recover/review", "/_bmauth/recover/review"),
    ] {
        let answer = browser.get(asked).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, &*format!("https://{AUTH}{expected}")),
            "{asked}"
        );
    }
    for (path, status) in
        [("/_bmauth/healthz", 200), ("/_bmauth/jwks.json", 200), ("/_bmauth/whoami", 401), ("/_bmauth/v1/version", 200)]
    {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
    // What a page sends goes to the host of the page.
    for path in ["/_bmauth/sign-in/options", "/_bmauth/register/options", "/_bmauth/devices/rename", "/_bmauth/recover"]
    {
        assert_eq!(browser.post(path, &json!({})).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_refused_script_is_told_where_its_person_signs_in_and_its_browser_may_be_handed_over_then() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    browser.go(WIKI);
    let refused = browser.get("/_bmauth/whoami").await;
    let problem = refused.json();
    let sign_in_url = problem["sign_in_url"].as_str().unwrap();
    assert!(
        sign_in_url.starts_with(&format!("https://{AUTH}/_bmauth/sign-in?return_to=https%3A%2F%2F{WIKI}%2F&state=")),
        "{sign_in_url}"
    );
    // The page whose script it is, where the browser says so.
    for (referer, target) in [
        ("https://wiki.example.com/page?x=1", "%2Fpage%3Fx%3D1"),
        ("https://files.example.com/page", "%2F"),
        ("https://wiki.example.com/_bmauth/sign-out", "%2F"),
    ] {
        let asks = Request::get("/_bmauth/whoami").header(header::REFERER, referer);
        let url =
            browser.send(asks.body(Body::empty()).unwrap()).await.json()["sign_in_url"].as_str().unwrap().to_owned();
        assert!(url.contains(&format!("return_to=https%3A%2F%2F{WIKI}{target}&state=")), "{url}");
    }
    // However often it is refused, it is the same state.
    let again = browser.get("/_bmauth/whoami").await;
    assert_eq!(again.json()["sign_in_url"], sign_in_url);
    assert_eq!(browser.cookies.len(), 1);
    let between = browser.follow(sign_in_url).await;
    let done = Form::of(&between).send(&mut browser).await;
    assert_eq!(done.location(), format!("https://{WIKI}/"));
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn the_sessions_of_a_browser_are_one_line_last_as_long_as_each_other_and_end_together() {
    let world = world().await;
    let (mut browser, mut passkey) = maria(&world).await;
    signed_in_at(&mut browser, WIKI).await;
    signed_in_at(&mut browser, FILES).await;
    let all = families(&world).await;
    let [family] = &*all else { panic!("{all:?}") };
    let hosts: Vec<_> = family.hosts().into_iter().map(|host| host.as_str().to_owned()).collect();
    assert_eq!(hosts.len(), 3, "{hosts:?}");
    browser.go(AUTH);
    let page = browser.get("/_bmauth/devices").await.text;
    assert_eq!(page.matches("name=\"session\"").count(), 1, "{page}");
    for host in [AUTH, WIKI, FILES] {
        assert!(page.contains(host), "{host}");
    }
    // Any use is a use of all, and none of them lasts longer than the first.
    for _ in 0..8 {
        world.wait(20 * 3600);
        assert!(who_at(&mut browser, WIKI).await.is_some());
        world.auth.sessions.sweep(100, 10).await.unwrap();
    }
    assert!(who_at(&mut browser, AUTH).await.is_some() && who_at(&mut browser, FILES).await.is_some());
    // Started again, which reads what was written down.
    let restarted = world.again(CONFIG).await;
    let mut elsewhere = restarted.browser();
    elsewhere.go(FILES);
    browser.go(FILES);
    elsewhere.cookies.clone_from(&browser.cookies);
    restarted.wait(20 * 3600);
    assert!(elsewhere.who().await.is_some());
    // Signing out anywhere.
    browser.go(WIKI);
    browser.get("/_bmauth/sign-out").await;
    let done = browser.submit("/_bmauth/sign-out", &[]).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/_bmauth/signed-out"));
    // An app is there, and what it keeps in the browser goes.
    assert_eq!(done.headers["clear-site-data"], "\"cache\", \"storage\"");
    assert!(browser.get("/_bmauth/signed-out").await.text.contains("href=\"/_bmauth/sign-in\""));
    for host in [AUTH, WIKI, FILES] {
        assert_eq!(who_at(&mut browser, host).await, None, "{host}");
    }
    assert!(families(&world).await.is_empty());
    // What its browser still shows there is taken back.
    browser.go(AUTH);
    assert!(browser.cookies.contains_key("__Host-bmauth"));
    browser.get("/_bmauth/signed-out").await;
    assert!(!browser.cookies.contains_key("__Host-bmauth"));
    // A new sign-in takes the place of the family.
    assert_eq!(browser.sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    signed_in_at(&mut browser, WIKI).await;
    browser.go(AUTH);
    browser.get("/_bmauth/devices").await;
    let begun = browser.post("/_bmauth/sign-in/options", &json!({})).await.json();
    let credential = passkey.get(&begun["options"]);
    assert_eq!(browser.answer(&begun, &credential).await.status, StatusCode::OK);
    assert_eq!(who_at(&mut browser, WIKI).await, None);
    assert_eq!(families(&world).await.len(), 1);
    signed_in_at(&mut browser, WIKI).await;
    assert_eq!(families(&world).await.len(), 1);
}

#[tokio::test]
async fn no_session_of_a_family_outlives_the_time_of_the_first() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    for _ in 0..32 {
        world.wait(22 * 3600);
        assert!(who_at(&mut browser, AUTH).await.is_some());
    }
    // 29 days and some hours are over; a host that is handed over to now gets what is left.
    signed_in_at(&mut browser, WIKI).await;
    world.wait(20 * 3600);
    assert_eq!(who_at(&mut browser, WIKI).await, None);
}

#[tokio::test]
async fn whatever_ends_or_stops_the_first_session_does_so_for_all() {
    let world = world().await;
    let (mut first, mut passkey) = maria(&world).await;
    signed_in_at(&mut first, WIKI).await;
    let mut second = browser(&world);
    assert_eq!(second.sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    signed_in_at(&mut second, FILES).await;
    assert_eq!(families(&world).await.len(), 2);
    // "Sign out everywhere" leaves the browser that asked as it is, at every host.
    second.go(AUTH);
    second.get("/_bmauth/devices").await;
    second.submit("/_bmauth/devices/sign-out-everywhere", &[]).await;
    assert_eq!(who_at(&mut first, WIKI).await, None);
    assert!(who_at(&mut second, FILES).await.is_some());
    // By the one line of another browser.
    first.go(AUTH);
    first.cookies.clear();
    assert_eq!(first.sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    signed_in_at(&mut first, WIKI).await;
    let line =
        families(&world).await.into_iter().find(|family| family.hosts().iter().any(|host| host.as_str() == FILES));
    first.go(AUTH);
    first.get("/_bmauth/devices").await;
    let member = line.unwrap().members[0].id.0.to_string();
    first.submit("/_bmauth/devices/sign-out", &[("session", &member)]).await;
    assert_eq!((who_at(&mut second, FILES).await, who_at(&mut second, AUTH).await), (None, None));
    // Disabled.
    let account =
        world.store.account_by_email(&bmauth::domain::email::Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    let form = ask(&mut first, FILES, "/").await;
    world.auth.operate.set_disabled(&account, true).await.unwrap();
    assert_eq!(who_at(&mut first, WIKI).await, None);
    assert_eq!(form.send(&mut first).await.status, StatusCode::OK, "it is begun again");
    assert_eq!(who_at(&mut first, FILES).await, None);
}

#[tokio::test]
async fn a_recovered_account_hands_no_browser_over_before_its_review_and_its_older_sessions_are_gone() {
    let world = world().await;
    let (mut first, _) = maria(&world).await;
    signed_in_at(&mut first, WIKI).await;
    let form = ask(&mut first, FILES, "/").await;
    let mut finder = browser(&world);
    finder.get("/_bmauth/recover").await;
    finder.submit("/_bmauth/recover", &[("email", MARIA)]).await;
    let code = world.code_as_told(MARIA).await;
    finder.get("/_bmauth/recover/code").await;
    finder.submit("/_bmauth/recover/code", &[("code", &code)]).await;
    finder.get("/_bmauth/recover/device").await;
    let begun = finder.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    let mut found = passkey(b"key found");
    let credential = found.create(&begun["options"]);
    let made = json!({ "ceremony": begun["ceremony"], "credential": credential });
    assert_eq!(finder.post("/_bmauth/recover/passkey/verify", &made).await.status, StatusCode::OK);
    // What was on its way when it happened arrives nowhere.
    assert_eq!(form.send(&mut first).await.status, StatusCode::OK);
    assert_eq!((who_at(&mut first, FILES).await, who_at(&mut first, WIKI).await), (None, None));
    finder.go(WIKI);
    let leaves = finder.get("/_bmauth/sign-in?return_to=/x").await.location().to_owned();
    let review = finder.follow(&leaves).await;
    assert!(review.location().starts_with("/_bmauth/recover/review?return_to="), "{}", review.location());
}

/// What taking a code is refused with.
fn is_not_taken(answer: &Answer) -> bool {
    !answer.headers.get_all(header::SET_COOKIE).iter().any(|set| set.to_str().unwrap().starts_with("__Host-bmauth="))
}

#[tokio::test]
async fn a_code_is_good_once_for_one_browser_at_one_host_for_a_minute() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let form = ask(&mut browser, WIKI, "/page").await;

    // In another browser, with a state of its own or without one.
    let mut thief = world.browser();
    assert!(is_not_taken(&form.send(&mut thief).await));
    thief.go(WIKI);
    let leaves = thief.get("/_bmauth/sign-in").await.location().to_owned();
    let theirs = leaves.split("state=").nth(1).unwrap().split('.').next().unwrap();
    let mut with_their_state = form.clone();
    with_their_state.set("state", theirs);
    assert!(is_not_taken(&with_their_state.send(&mut thief).await));
    assert_eq!(thief.who().await, None);

    // At another host, with a state of that one.
    let at_files = ask(&mut browser, FILES, "/").await;
    let mut elsewhere = form.clone();
    elsewhere.action.clone_from(&at_files.action);
    elsewhere.set("state", at_files.get("state"));
    assert!(is_not_taken(&elsewhere.send(&mut browser).await));

    // Changed, empty, cut off.
    let code = form.get("code").to_owned();
    for other in
        [&code[..code.len() - 1], "", "AAAA", &code.replace(|letter| letter != 'A', "A"), &format!("{code}AAAA")]
    {
        let mut changed = form.clone();
        changed.set("code", other);
        assert!(is_not_taken(&changed.send(&mut browser).await), "{other}");
    }
    for state in ["", "32", "-1", "00", "x", "1.a"] {
        let mut changed = form.clone();
        changed.set("state", state);
        assert!(is_not_taken(&changed.send(&mut browser).await), "{state}");
    }

    // The very same press is answered the same again.
    browser.go(WIKI);
    let before = browser.cookies.clone();
    let first = form.send(&mut browser).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.text);
    let session = browser.cookies["__Host-bmauth"].clone();
    let mut twin = world.browser();
    twin.go(WIKI);
    twin.cookies = before;
    let second = form.send(&mut twin).await;
    assert_eq!((second.status, second.location()), (StatusCode::SEE_OTHER, first.location()));
    assert_eq!(twin.cookies["__Host-bmauth"], session);
    assert_eq!(families(&world).await[0].members.len(), 1, "there is no second one");

    // Late.
    let late = ask(&mut browser, FILES, "/").await;
    world.wait(61);
    assert!(is_not_taken(&late.send(&mut browser).await));
    assert_eq!(browser.who().await, None);

    // After signing out, by an attacker who has all of it.
    let form = ask(&mut browser, FILES, "/").await;
    let mut copy = world.browser();
    browser.go(FILES);
    copy.go(FILES);
    copy.cookies.clone_from(&browser.cookies);
    form.send(&mut browser).await;
    assert!(browser.who().await.is_some());
    browser.get("/_bmauth/sign-out").await;
    browser.submit("/_bmauth/sign-out", &[]).await;
    assert!(is_not_taken(&form.send(&mut copy).await));
    assert_eq!(copy.who().await, None);
}

#[tokio::test]
async fn no_visitor_is_signed_in_to_the_account_of_another() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let mut mallory = self::browser(&world);
    mallory.register(&world, "mallory@example.com", &mut passkey(b"key of mallory")).await;

    // Mallory's code, in a form that Maria's browser sends from a page of Mallory's, or of the app, or of no page.
    let form = ask(&mut mallory, WIKI, "/").await;
    for origin in [
        "https://evil.example",
        "https://wiki.example.com",
        "https://files.example.com",
        "null",
        "https://auth.example.com.evil.example",
    ] {
        browser.go(WIKI);
        let answer = browser.send(form.request(origin).body(form.body()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
    }
    let post = || Request::post("/_bmauth/hand-off").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert_eq!(browser.send(post().body(form.body()).unwrap()).await.status, StatusCode::FORBIDDEN);
    for (name, value) in [
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "iframe"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        let request = post().header(header::ORIGIN, format!("https://{AUTH}")).header(name, value);
        assert_eq!(
            browser.send(request.body(form.body()).unwrap()).await.status,
            StatusCode::FORBIDDEN,
            "{name}: {value}"
        );
    }
    // By the right page even, were that to be had: her browser does not have the state.
    assert!(is_not_taken(&form.send(&mut browser).await));
    assert_eq!(browser.who().await, None);

    // The other way round: Mallory's state in the address that Maria's browser opens. Her code goes to her own browser,
    // which cannot use it.
    mallory.go(FILES);
    let leaves = mallory.get("/_bmauth/sign-in?return_to=/").await.location().to_owned();
    let between = browser.follow(&leaves).await;
    let hers = Form::of(&between);
    let again = hers.send(&mut browser).await;
    assert!(again.status == StatusCode::OK && is_not_taken(&again));
    // Begun again by her own state, she is herself.
    let between = browser.follow(&leads_on_to(&again)).await;
    assert_eq!(Form::of(&between).send(&mut browser).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    assert_eq!(who_at(&mut mallory, FILES).await, None);
}

#[tokio::test]
async fn an_app_may_have_a_service_worker_that_sends_navigations_on() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let form = ask(&mut browser, WIKI, "/page").await;
    browser.go(WIKI);
    let as_sent_on = |mode: &'static str| {
        let mut request = form.request(&format!("https://{AUTH}")).body(form.body()).unwrap();
        request.headers_mut().insert("sec-fetch-mode", mode.parse().unwrap());
        request.headers_mut().insert("sec-fetch-dest", "empty".parse().unwrap());
        request
    };
    for mode in ["cors", "no-cors", "same-origin"] {
        assert_eq!(browser.send(as_sent_on(mode)).await.status, StatusCode::FORBIDDEN, "{mode}: a request of its own");
    }
    let done = browser.send(as_sent_on("navigate")).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "https://wiki.example.com/page"));
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookie_is_told_so_and_goes_round_once() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let form = ask(&mut browser, WIKI, "/page").await;
    browser.go(WIKI);
    browser.cookies.clear();
    let again = form.send(&mut browser).await;
    assert_eq!(again.status, StatusCode::OK);
    browser.cookies.clear();
    let url = leads_on_to(&again);
    assert!(url.contains("again=1"), "{url}");
    let between = browser.follow(&url).await;
    let last = Form::of(&between).send(&mut browser).await;
    assert_eq!(last.status, StatusCode::BAD_REQUEST);
    assert!(last.text.contains("keeping our cookie"), "{}", last.text);
}

#[tokio::test]
async fn two_tabs_and_the_back_button_come_to_one_session() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let first = ask(&mut browser, WIKI, "/first").await;
    let second = ask(&mut browser, WIKI, "/second").await;
    assert_eq!(second.send(&mut browser).await.location(), "https://wiki.example.com/second");
    let session = browser.cookies["__Host-bmauth"].clone();
    assert_eq!(first.send(&mut browser).await.location(), "https://wiki.example.com/first");
    // The page between is sent once more by the back button.
    assert_eq!(second.send(&mut browser).await.location(), "https://wiki.example.com/second");
    assert_eq!(browser.cookies["__Host-bmauth"], session);
    assert_eq!(families(&world).await[0].members.len(), 1);
}

#[tokio::test]
async fn a_browser_that_forgets_what_it_was_given_does_not_fill_the_store() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let mut tokens = Vec::new();
    for _ in 0..7 {
        world.wait(1);
        signed_in_at(&mut browser, WIKI).await;
        assert!(browser.who().await.is_some());
        tokens.push(browser.cookies.remove("__Host-bmauth").unwrap());
    }
    signed_in_at(&mut browser, FILES).await;
    assert_eq!(families(&world).await[0].members.len(), 4 + 1);
    // Those that made room open nothing any more, and the others do.
    for (n, token) in tokens.iter().enumerate() {
        browser.go(WIKI);
        browser.cookies.insert("__Host-bmauth".to_owned(), token.clone());
        assert_eq!(browser.who().await.is_some(), n >= 3, "{n}");
    }
    assert!(who_at(&mut browser, AUTH).await.is_some() && who_at(&mut browser, FILES).await.is_some());
}

#[tokio::test]
async fn a_visitor_who_has_to_sign_in_at_the_second_try_may_take_their_time() {
    let world = world().await;
    let mut browser = browser(&world);
    let state = "1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let to = format!("/_bmauth/sign-in?return_to=https%3A%2F%2F{WIKI}%2Fx&state={state}");
    let answer = browser.get(&format!("{to}&again=1")).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, &*to));
    assert_eq!(browser.get(&to).await.status, StatusCode::OK);
    assert_eq!(browser.get("/_bmauth/sign-in?again=1").await.location(), "/_bmauth/sign-in");
}

#[tokio::test]
async fn a_host_hands_over_only_to_itself_and_only_to_places_of_its_own() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let form = ask(&mut browser, WIKI, "/page").await;
    for (return_to, location) in [
        ("https://evil.example/", "https://wiki.example.com/"),
        ("//evil.example", "https://wiki.example.com//evil.example"),
        ("/\\evil.example", "https://wiki.example.com/"),
        ("/_bmauth/sign-out", "https://wiki.example.com/"),
        ("", "https://wiki.example.com/"),
    ] {
        let mut form = form.clone();
        form.set("return_to", return_to);
        assert_eq!(form.send(&mut browser).await.location(), location, "{return_to}");
    }
    // A state is of no use for what is none of our hosts, and the host where people sign in takes no one over.
    browser.go(AUTH);
    let state = "state=1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for foreign in ["https://evil.example/", "https://auth.example.com/x", "/x"] {
        let answer = browser.get(&format!("/_bmauth/sign-in?return_to={}&{state}", escaped(foreign))).await;
        assert!(answer.location().starts_with(&format!("https://{AUTH}/")), "{}", answer.location());
    }
    let mut home = form.clone();
    home.action = format!("https://{AUTH}/_bmauth/hand-off");
    assert_eq!(home.send(&mut browser).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/_bmauth/hand-off").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_of_another_account_at_a_host_ends_when_the_browser_is_handed_over_there() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    signed_in_at(&mut browser, WIKI).await;
    let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    let mut bob = self::browser(&world);
    bob.register(&world, "bob@example.com", &mut passkey(b"key of bob")).await;
    // The same browser by now, whose session of Maria's is still at that host alone.
    let form = ask(&mut bob, WIKI, "/").await;
    bob.go(WIKI);
    browser.go(WIKI);
    bob.cookies.extend(browser.cookies.clone());
    assert_eq!(form.send(&mut bob).await.status, StatusCode::SEE_OTHER);
    assert_eq!(bob.who().await.as_deref(), Some("bob@example.com"));
    assert!(world.store.session(token).await.unwrap().is_none());
    assert_eq!(who_at(&mut browser, AUTH).await, None, "with all of its family");
}

/// The same, where people signed in on the host of an app before, and on another that is no more.
fn moved() -> String {
    let former = "former_public_urls = [\"https://wiki.example.com\", \"https://old.example.com\"]\n";
    format!("{former}{CONFIG}[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n")
}

const OLD: &str = "old.example.com";

/// A browser that was signed in before, on the host where people signed in then.
async fn from_before(behind: &Behind, host: &str) -> Browser {
    let (mut browser, mut passkey) = (behind.browser(), passkey(b"key of maria"));
    browser.go(AUTH);
    browser.register(&behind.world, MARIA, &mut passkey).await;
    let token = Secret::parse(&browser.cookies.remove("__Host-bmauth").unwrap()).unwrap();
    let session = behind.world.store.session(token.digest()).await.unwrap().unwrap();
    let host_then = Some(bmauth::domain::host::Host::parse(host).unwrap());
    let then = Secret::from_bytes([9; 32]);
    let was = Session { token: then.digest(), id: SessionId(uuid::Uuid::from_u128(9)), host: host_then, ..session };
    let changes = vec![SessionChange::End(token.digest()).into(), SessionChange::Add(was).into()];
    behind.world.store.commit(changes, Durability::Durable).await.unwrap();
    behind.world.auth.sessions.end_expired().await;
    browser.go(host);
    browser.cookies.insert("__Host-bmauth".to_owned(), then.text());
    browser
}

/// The browser's person says that they are `email`, on a page that asks so.
async fn confirm(browser: &mut Browser, asks: &Answer, email: &str) -> Answer {
    assert!(is_not_taken(asks) && asks.text.contains(email), "{}", asks.text);
    let form = Form::of(asks);
    let fields: Vec<_> = form.fields.iter().filter(|(name, _)| name != "csrf").collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // No other page says so for them.
    let forged = Request::post(&form.action).header(header::ORIGIN, format!("https://{WIKI}"));
    let forged = forged.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.body()).unwrap();
    assert_eq!(browser.send(forged).await.status, StatusCode::FORBIDDEN);
    form.get("csrf").clone_into(&mut browser.csrf);
    // Sent three times, it is done once.
    browser.stutters = true;
    let done = browser.submit(&form.action, &fields).await;
    browser.stutters = false;
    done
}

fn navigates(target: &str) -> Request<Body> {
    Request::get(target).header("sec-fetch-mode", "navigate").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_visitor_to_where_people_signed_in_before_is_sent_on_and_handed_over() {
    let behind = Behind::with(&moved()).await;
    // A visitor without a session, and whatever else: the same place.
    let mut visitor = behind.browser();
    visitor.go(OLD);
    for target in
        ["/notes/7?a=%20b", "/", "/_bmauth/devices", "/_bmauth/v1/version", "/_bmauth/sign-in?return_to=/a", "/link"]
    {
        let answer = visitor.send(navigates(target)).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::PERMANENT_REDIRECT, &*format!("https://{AUTH}{target}"))
        );
    }
    let posted = Request::post("/save").header(header::ORIGIN, format!("https://{OLD}"));
    assert_eq!(visitor.send(posted.body(Body::empty()).unwrap()).await.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(visitor.get("/_bmauth/healthz").await.status, StatusCode::OK);
    visitor.go("older.example.com");
    assert_eq!(visitor.send(navigates("/")).await.status, StatusCode::MISDIRECTED_REQUEST);

    for (host, target, lands) in [
        (OLD, "/_bmauth/devices", "/_bmauth/devices"),
        (OLD, "/notes/7?a=%20b", "/notes/7?a=%20b"),
        (WIKI, "/_bmauth/devices", "/_bmauth/devices"),
    ] {
        let behind = Behind::with(&moved()).await;
        let mut browser = from_before(&behind, host).await;
        let sent_on = browser.send(navigates(target)).await;
        assert_eq!(sent_on.status, StatusCode::SEE_OTHER, "{host}{target}");
        assert!(sent_on.location().ends_with(&format!("&from={host}")), "{}", sent_on.location());
        let asks_back = browser.follow(sent_on.location()).await;
        assert!(
            asks_back.location().starts_with(&format!("https://{host}/_bmauth/hand-off?")),
            "{}",
            asks_back.location()
        );
        let between = browser.follow(asks_back.location()).await;
        let form = Form::of(&between);
        assert_eq!(form.host(), AUTH);
        browser.go(AUTH);
        // Only the page of that host hands over to this one.
        for origin in [AUTH, FILES, "older.example.com"] {
            let forged = form.request(&format!("https://{origin}")).body(form.body()).unwrap();
            assert_eq!(browser.send(forged).await.status, StatusCode::FORBIDDEN, "{origin}");
        }
        let sent = browser.send(form.request(&format!("https://{host}")).body(form.body()).unwrap()).await;
        // Where an app is by now, whose script may have sent it, they are asked.
        let done = if host == WIKI { confirm(&mut browser, &sent, MARIA).await } else { sent };
        assert_eq!(
            (done.status, done.location()),
            (StatusCode::SEE_OTHER, &*format!("https://{AUTH}{lands}")),
            "{}",
            done.text
        );
        assert_eq!(browser.who().await.as_deref(), Some(MARIA));
        // One family, by which other hosts are handed over to as well.
        signed_in_at(&mut browser, FILES).await;
        browser.get("/_bmauth/sign-out").await;
        browser.submit("/_bmauth/sign-out", &[]).await;
        for host in [AUTH, FILES] {
            assert_eq!(who_at(&mut browser, host).await, None, "{host}");
        }
    }
}

#[tokio::test]
async fn a_visitor_signed_in_nowhere_any_more_signs_in_where_people_do_now() {
    let behind = Behind::with(&moved()).await;
    let mut browser = from_before(&behind, OLD).await;
    behind.world.wait(31 * 24 * 3600);
    let sent_on = browser.send(navigates("/")).await;
    let asks_back = browser.follow(sent_on.location()).await;
    let back = browser.follow(asks_back.location()).await;
    assert_eq!(back.location(), format!("https://{AUTH}/_bmauth/sign-in?return_to=https%3A%2F%2F{AUTH}%2F"));
    assert!(browser.follow(back.location()).await.text.contains("Sign in with a passkey"));
    // No visitor is asked back at what is no such host.
    browser.go(AUTH);
    for from in ["files.example.com", "evil.example", "auth.example.com", ""] {
        assert_eq!(browser.get(&format!("/_bmauth/sign-in?from={from}")).await.status, StatusCode::OK, "{from}");
    }
}

#[tokio::test]
async fn an_app_where_people_signed_in_before_makes_no_session_where_they_do_now() {
    let behind = Behind::with(&moved()).await;
    // Mallory's session there is of after the move: she makes no code by it for a state that the app has told her.
    let mut mallory = behind.browser();
    mallory.go(AUTH);
    mallory.register(&behind.world, "mallory@example.com", &mut passkey(b"key of mallory")).await;
    signed_in_at(&mut mallory, WIKI).await;
    let mut browser = behind.browser();
    browser.go(AUTH);
    let asks_back = browser.get(&format!("/_bmauth/sign-in?from={WIKI}")).await.location().to_owned();
    let answer = mallory.follow(&asks_back).await;
    assert!(answer.location().starts_with(&format!("https://{AUTH}/_bmauth/sign-in?")), "{}", answer.location());

    // By one of before she does. It replaces no session of another person.
    let mut mallory = from_before(&behind, WIKI).await;
    let form = Form::of(&mallory.follow(&asks_back).await);
    browser.go(AUTH);
    let asks = browser.send(form.request(&format!("https://{WIKI}")).body(form.body()).unwrap()).await;
    assert!(asks.status == StatusCode::OK && is_not_taken(&asks) && asks.text.contains(MARIA), "{}", asks.text);
    assert!(asks.text.contains("Use another account") && browser.who().await.is_none());
    let mut bobs = passkey(b"key of bob");
    browser.go(AUTH);
    browser.register(&behind.world, "bob@example.com", &mut bobs).await;
    let sent = browser.send(form.request(&format!("https://{WIKI}")).body(form.body()).unwrap()).await;
    assert_eq!((sent.status, is_not_taken(&sent)), (StatusCode::SEE_OTHER, true));
    assert_eq!(browser.who().await.as_deref(), Some("bob@example.com"));
}

#[tokio::test]
async fn who_signs_out_at_a_host_before_they_were_handed_over_to_it_is_signed_out() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    browser.go(WIKI);
    let there = browser.get("/_bmauth/sign-out?return_to=/page").await.location().to_owned();
    assert_eq!(there, format!("https://{AUTH}/_bmauth/sign-out?return_to=https%3A%2F%2F{WIKI}%2Fpage"));
    let asks = browser.follow(&there).await;
    assert!(asks.status == StatusCode::OK && asks.text.contains(MARIA), "{}", asks.text);
    browser.submit("/_bmauth/sign-out", &[]).await;
    assert_eq!(browser.who().await, None);
    // Who is signed in nowhere is told so.
    assert_eq!(browser.follow(&there).await.location(), "/_bmauth/signed-out");
}

#[tokio::test]
async fn a_clock_that_is_set_right_parts_no_family() {
    let world = world().await;
    world.clock.jump(400 * 24 * 3600);
    let (mut browser, _) = maria(&world).await;
    signed_in_at(&mut browser, WIKI).await;
    let form = ask(&mut browser, FILES, "/").await;
    world.clock.jump(-400 * 24 * 3600);
    assert!(is_not_taken(&form.send(&mut browser).await));
    for _ in 0..3 {
        assert!(who_at(&mut browser, WIKI).await.is_some());
        world.auth.sessions.sweep(1, 2).await.unwrap();
        assert_eq!(families(&world).await.len(), 1);
        world.clock.jump(20 * 3600);
    }
    let restarted = world.again(CONFIG).await;
    let mut again = restarted.browser();
    again.go(WIKI);
    browser.go(WIKI);
    again.cookies.clone_from(&browser.cookies);
    assert!(again.who().await.is_some() && who_at(&mut browser, AUTH).await.is_some());
    world.clock.jump(31 * 24 * 3600);
    assert_eq!((who_at(&mut browser, WIKI).await, who_at(&mut browser, AUTH).await), (None, None));
    world.auth.sessions.sweep(9, 9).await.unwrap();
    assert!(families(&world).await.is_empty());
}

#[tokio::test]
async fn a_state_that_is_there_twice_is_none() {
    let world = world().await;
    let (mut browser, _) = maria(&world).await;
    let form = ask(&mut browser, WIKI, "/page").await;
    browser.go(WIKI);
    let (name, value) = browser.cookies.pop_first().unwrap();
    for planted in [format!("{name}={value}"), format!("{name}=x"), name.clone()] {
        let cookies = format!("{name}={value}; {planted}");
        let request = form.request(&format!("https://{AUTH}")).header(header::COOKIE, cookies);
        assert!(is_not_taken(&browser.send(request.body(form.body()).unwrap()).await), "{planted}");
        browser.cookies.clear();
    }
    for other in [name.to_uppercase(), name.replace("__Host-", ""), name.replace("__Host-", "__Secure-")] {
        let request = form.request(&format!("https://{AUTH}")).header(header::COOKIE, format!("{other}={value}"));
        assert!(is_not_taken(&browser.send(request.body(form.body()).unwrap()).await), "{other}");
        browser.cookies.clear();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_ends_a_session_while_its_code_is_taken_leaves_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&directory.path().join("bmauth.redb")).unwrap();
    let world = World::with(CONFIG, Arc::new(store)).await;
    let (mut browser, mut passkey) = maria(&world).await;
    let account = families(&world).await[0].head.account;
    for round in 0..30 {
        let form = ask(&mut browser, WIKI, "/").await;
        browser.go(AUTH);
        let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
        let (auth, store) = (Arc::clone(&world.auth), Arc::clone(&world.store));
        let ends = tokio::spawn(async move {
            // Sooner or later than the code is taken.
            for _ in 0..round % 6 * 40 {
                tokio::task::yield_now().await;
            }
            let theirs = || async { store.account(account).await.unwrap().unwrap() };
            match round % 3 {
                0 => auth.sessions.sign_out(token).await.unwrap(),
                1 => {
                    auth.operate.end_sessions(&theirs().await).await.unwrap();
                }
                _ => {
                    auth.operate.set_disabled(&theirs().await, true).await.unwrap();
                    auth.operate.set_disabled(&theirs().await, false).await.unwrap();
                }
            }
        });
        form.send(&mut browser).await;
        browser.who().await;
        ends.await.unwrap();
        assert_eq!((who_at(&mut browser, WIKI).await, who_at(&mut browser, AUTH).await), (None, None), "{round}");
        assert!(world.store.sessions(account).await.unwrap().is_empty(), "{round}");
        world.wait(60);
        assert_eq!(browser.sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_store_that_is_down_or_full_hands_no_browser_over_and_the_code_is_good_afterwards() {
    for is_full in [false, true] {
        let (down, full) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let store = Fragile { down: Arc::clone(&down), full: Arc::clone(&full), ..Fragile::default() };
        let world = World::with(CONFIG, Arc::new(store)).await;
        let (mut browser, _) = maria(&world).await;
        let form = ask(&mut browser, WIKI, "/page").await;
        let fails = if is_full { &full } else { &down };
        fails.store(true, Ordering::SeqCst);
        let refused = form.send(&mut browser).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{is_full} {}", refused.text);
        assert!(is_not_taken(&refused));
        fails.store(false, Ordering::SeqCst);
        assert_eq!(browser.who().await, None);
        assert_eq!(form.send(&mut browser).await.status, StatusCode::SEE_OTHER);
        assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    }
}
