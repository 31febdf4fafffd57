//! What is refused before any flow: other sites, missing tokens, odd bodies; and a store that is down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use axum::body::Body;
use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::activity::Event;
use bmauth::domain::address::Move;
use bmauth::domain::bookmark::Bookmark;
use bmauth::domain::ceremony::{Ceremony, CeremonyId};
use bmauth::domain::clock::Timestamp;
use bmauth::domain::email::Email;
use bmauth::domain::host::Host;
use bmauth::domain::invitation::Invitation;
use bmauth::domain::letter::Letter;
use bmauth::domain::link::id::LinkId;
use bmauth::domain::link::{Link, LinkCodeDigest};
use bmauth::domain::passkey::{CredentialId, LockedOut, Passkey};
use bmauth::domain::plan::{Change, Durability};
use bmauth::domain::recovery::{Hold, Recovery};
use bmauth::domain::registration::Registration;
use bmauth::domain::secret::{Secret, SecretDigest};
use bmauth::domain::session::Session;
use bmauth::domain::token_family::TokenFamily;
use bmauth::store::memory::MemoryStore;
use bmauth::store::redb::RedbStore;
use bmauth::store::{CommitError, Records, Store, StoreError};
use http::{Method, Request, StatusCode, header};
use serde_json::json;
use tokio::sync::RwLock;

use crate::api::Client;
use crate::authenticator::ORIGIN;
use crate::world::{CONFIG, World};

#[tokio::test]
async fn changes_come_from_our_own_pages_only() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let csrf = browser.csrf.clone();
    let send = |origin: &[&str], site: &[&str], token: Option<&str>| {
        let mut request = Request::post("/_bmauth/sign-in/options").header(header::CONTENT_TYPE, "application/json");
        for origin in origin {
            request = request.header(header::ORIGIN, *origin);
        }
        for site in site {
            request = request.header("sec-fetch-site", *site);
        }
        if let Some(token) = token {
            request = request.header("x-bmauth-csrf", token);
        }
        request.body(Body::from(json!({ "email": null }).to_string())).unwrap()
    };
    let token = Some(csrf.as_str());
    for (name, request, status) in [
        ("ours", send(&[ORIGIN], &["same-origin"], token), 200),
        ("an old browser", send(&[ORIGIN], &[], token), 200),
        ("no origin", send(&[], &["same-origin"], token), 200),
        ("another origin", send(&["https://evil.example"], &["same-origin"], token), 403),
        ("http", send(&["http://notes.example.com"], &["same-origin"], token), 403),
        ("a form of a page without referrer", send(&["null"], &["same-origin"], token), 200),
        ("a framed page without origin", send(&["null"], &["cross-site"], token), 403),
        ("no origin, and nothing of the site", send(&["null"], &[], token), 403),
        ("two origins", send(&[ORIGIN, ORIGIN], &["same-origin"], token), 403),
        ("the same site", send(&[ORIGIN], &["same-site"], token), 403),
        ("another site", send(&[ORIGIN], &["cross-site"], token), 403),
        ("two sites", send(&[ORIGIN], &["same-origin", "same-origin"], token), 403),
        ("says nothing", send(&[], &[], token), 403),
        ("no token", send(&[ORIGIN], &["same-origin"], None), 403),
        ("an empty token", send(&[ORIGIN], &["same-origin"], Some("")), 403),
        ("another token", send(&[ORIGIN], &["same-origin"], Some(&csrf.replace(['a', 'b', 'c', 'd'], "e"))), 409),
    ] {
        let answer = browser.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_token_is_bound_to_its_browser() {
    let world = World::new().await;
    let (mut one, mut two) = (world.browser(), world.browser());
    one.get("/_bmauth/sign-in").await;
    two.get("/_bmauth/sign-in").await;
    two.csrf = one.csrf;
    let asked = json!({ "email": null, "return_to": "/a?b" });
    let refused = two.post("/_bmauth/sign-in/options", &asked).await;
    let page = json!({ "go_on": "/_bmauth/sign-in?return_to=%2Fa%3Fb" });
    assert_eq!((refused.status, refused.json()), (StatusCode::CONFLICT, page));
    // With the page that it is led to, it goes on.
    two.get("/_bmauth/sign-in?return_to=/a%3Fb").await;
    assert_eq!(two.post("/_bmauth/sign-in/options", &asked).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_without_our_cookie_says_that_cookies_are_off() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/register").await;
    browser.cookies.clear();
    let answer = browser.submit("/_bmauth/register/code", &[("code", "123456")]).await;
    assert!(answer.text.contains("cookie"), "{}", answer.text);
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn odd_bodies_are_refused_with_a_sentence() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let huge = "x".repeat(70_000);
    for (path, body, name) in [
        ("/_bmauth/sign-in/options", "{", "malformed"),
        ("/_bmauth/sign-in/options", "[]", "malformed"),
        ("/_bmauth/sign-in/options", r#"{"email": 7}"#, "malformed"),
        ("/_bmauth/sign-in/options", r#"{"email": "not an address"}"#, "invalid-email"),
        ("/_bmauth/sign-in/verify", r#"{"ceremony": "x", "credential": {}}"#, "malformed"),
        ("/_bmauth/register/options", r#"{"email": ""}"#, "invalid-email"),
        ("/_bmauth/register/options", r#"{"email": "a@b@c.de"}"#, "invalid-email"),
        ("/_bmauth/register/options", "{}", "malformed"),
        ("/_bmauth/register/verify", "null", "malformed"),
        ("/_bmauth/register/verify", huge.as_str(), "refused-form"),
    ] {
        let request = browser.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        let answer = browser.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        assert!(answer.status.is_client_error(), "{path} {body} {}", answer.status);
        assert_eq!(answer.refusal(), name, "{path} {body}");
        assert!(!answer.json()["message"].as_str().unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_network_that_asks_too_often_is_told_to_wait_and_others_are_not() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let mut refused = None;
    for _ in 0..2000 {
        let answer = browser.post("/_bmauth/sign-in/options", &json!({ "email": null })).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(refused.refusal(), "too-many-tries");
    let mut other = world.browser();
    other.address = "198.51.100.7".parse().unwrap();
    other.challenge(None).await;
}

#[tokio::test]
async fn a_network_has_so_many_challenges_open_and_no_more() {
    for over_api in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(RedbStore::open(&directory.path().join("bmauth.redb")).unwrap());
        let world = World::with(CONFIG, Arc::clone(&store) as _).await;
        let (mut page, mut app) = (world.browser(), Client::app(&world));
        page.get("/_bmauth/sign-in").await;
        let begun = Instant::now();
        let mut refused = 0;
        // Fewer than the network may ask for in all, so that it can do other things still.
        for _ in 0..350 {
            let answer = match over_api {
                true => app.post("/signin/webauthn", &json!({})).await,
                false => page.post("/_bmauth/sign-in/options", &json!({ "email": null })).await,
            };
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                refused += 1;
                assert_eq!(answer.headers[header::RETRY_AFTER], "1");
            }
        }
        assert!(refused > 0, "over the API: {over_api}");
        let elsewhere = app.post("/signin/otp/email", &json!({ "email": "maria@example.com" })).await;
        assert_eq!(elsewhere.status, StatusCode::OK, "other steps are counted apart");
        page.get("/_bmauth/recover").await;
        let recovers = page.submit("/_bmauth/recover", &[("email", "maria@example.com")]).await;
        assert_eq!(recovers.status, StatusCode::SEE_OTHER);
        for _ in 0..9_650 {
            page.post("/_bmauth/register/options", &json!({ "email": "maria@example.com" })).await;
            app.post("/signup/webauthn", &json!({ "email": "maria@example.com" })).await;
        }
        let most = 302 + usize::try_from(begun.elapsed().as_secs()).unwrap();
        let mut other = world.browser();
        other.address = "198.51.100.7".parse().unwrap();
        other.challenge(None).await;
        world.wait(301);
        let none = Timestamp::from_unix(0);
        let swept = store.sweep(world.auth.now(), none, none, usize::MAX).await.unwrap();
        // Among them are counters of codes.
        assert!(swept < most + 10, "{swept} rows, of at most {most} challenges");
    }
}

/// A store that can be switched off.
#[derive(Default)]
pub struct Fragile {
    pub store: MemoryStore,
    pub down: Arc<AtomicBool>,
    /// It can be read, and not written: its disk is full.
    pub full: Arc<AtomicBool>,
    /// Commits hang while a test holds this lock: its disk is slow.
    pub disk: Arc<RwLock<()>>,
    /// How many commits it was asked for, and how many of them were to be durable.
    pub commits: Arc<[AtomicUsize; 2]>,
    /// What another client commits just before a commit with such a change, once.
    pub meanwhile: Mutex<Option<Meanwhile>>,
}

pub struct Meanwhile {
    pub before: fn(&Change) -> bool,
    pub change: Change,
}

impl Fragile {
    fn check(&self) -> Result<&MemoryStore, StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError { problem: "reading".to_owned(), source: None });
        }
        Ok(&self.store)
    }
}

#[async_trait]
impl Records for Fragile {
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError> {
        self.check()?.ceremony(id).await
    }
    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError> {
        self.check()?.registration(browser).await
    }
    async fn registrations_of(&self, email: &Email) -> Result<Vec<Registration>, StoreError> {
        self.check()?.registrations_of(email).await
    }
    async fn recoveries_of(&self, account: AccountId) -> Result<Vec<Recovery>, StoreError> {
        self.check()?.recoveries_of(account).await
    }
    async fn recoveries_for(&self, email: &Email) -> Result<Vec<Recovery>, StoreError> {
        self.check()?.recoveries_for(email).await
    }
    async fn tokens(&self, session: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        self.check()?.tokens(session).await
    }
    async fn tokens_by_refresh(&self, token: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        self.check()?.tokens_by_refresh(token).await
    }
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.check()?.account(id).await
    }
    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        self.check()?.account_by_email(email).await
    }
    async fn passkey(&self, id: &CredentialId) -> Result<Option<Passkey>, StoreError> {
        self.check()?.passkey(id).await
    }
    async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, StoreError> {
        self.check()?.passkeys(account).await
    }
    async fn session(&self, token: SecretDigest) -> Result<Option<Session>, StoreError> {
        self.check()?.session(token).await
    }
    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        self.check()?.sessions(account).await
    }
    async fn events(&self, account: AccountId, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.check()?.events(account, limit).await
    }
    async fn accounts(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Account>, StoreError> {
        self.check()?.accounts(after, limit).await
    }
    async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        self.check()?.link(id).await
    }
    async fn link_by_code(&self, code: LinkCodeDigest) -> Result<Option<Link>, StoreError> {
        self.check()?.link_by_code(code).await
    }
    async fn recovery(&self, browser: SecretDigest) -> Result<Option<Recovery>, StoreError> {
        self.check()?.recovery(browser).await
    }
    async fn admin_code(
        &self,
        account: AccountId,
    ) -> Result<Option<bmauth::domain::admin_code::AdminCode>, StoreError> {
        self.check()?.admin_code(account).await
    }
    async fn hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        self.check()?.hold(account).await
    }
    async fn moving(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        self.check()?.moving(account).await
    }
    async fn moves_from(&self, email: &Email) -> Result<Vec<Move>, StoreError> {
        self.check()?.moves_from(email).await
    }
    async fn counted(
        &self,
        counter: bmauth::domain::plan::Counter,
        window: std::time::Duration,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        self.check()?.counted(counter, window, now).await
    }
    async fn letters_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.check()?.letters_due(now, limit).await
    }
    async fn invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        self.check()?.invitation(email).await
    }

    async fn invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError> {
        self.check()?.invitations(after, limit).await
    }

    async fn has_invitations(&self) -> Result<bool, StoreError> {
        self.check()?.has_invitations().await
    }

    async fn bookmark(&self, name: SecretDigest) -> Result<Option<Bookmark>, StoreError> {
        self.check()?.bookmark(name).await
    }
    async fn master(&self) -> Result<Option<Secret>, StoreError> {
        self.check()?.master().await
    }
    async fn key_generation(&self) -> Result<u64, StoreError> {
        self.check()?.key_generation().await
    }

    async fn signing_keys(&self) -> Result<Vec<bmauth::domain::signing_key::SigningKey>, StoreError> {
        self.check()?.signing_keys().await
    }
    async fn rp_id(&self) -> Result<Option<Host>, StoreError> {
        self.check()?.rp_id().await
    }
    async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError> {
        self.check()?.locked_out(rp_id).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.check()?.ready().await
    }
}

#[async_trait]
impl Store for Fragile {
    async fn commit(&self, changes: Vec<Change>, durability: Durability) -> Result<(), CommitError> {
        self.commits[0].fetch_add(1, Ordering::SeqCst);
        self.commits[1].fetch_add(usize::from(durability == Durability::Durable), Ordering::SeqCst);
        drop(self.disk.read().await);
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError { problem: "writing".to_owned(), source: None }.into());
        }
        let is_now = |meanwhile: &mut Meanwhile| changes.iter().any(meanwhile.before);
        let meanwhile = self.meanwhile.lock().unwrap().take_if(is_now);
        if let Some(Meanwhile { change, .. }) = meanwhile {
            self.check()?.commit(vec![change], Durability::Durable).await?;
        }
        self.check()?.commit(changes, durability).await
    }
    async fn sweep(
        &self,
        now: Timestamp,
        created: Timestamp,
        seen: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.check()?.sweep(now, created, seen, limit).await
    }
}

#[tokio::test]
async fn a_store_that_is_down_makes_no_session_and_says_so() {
    let down = Arc::new(AtomicBool::new(false));
    let store = Arc::new(Fragile { down: Arc::clone(&down), ..Fragile::default() });
    let world = World::with(CONFIG, store).await;
    let mut passkey = crate::authenticator::Passkey::new(b"key");
    let mut maria = world.browser();
    maria.register(&world, "maria@example.com", &mut passkey).await;
    let mut browser = world.browser();
    let challenge = browser.challenge(None).await;
    let credential = passkey.get(&challenge["options"]);
    let mut unknown = world.browser();
    unknown.cookies.insert("__Host-bmauth".into(), Secret::from_bytes([9; 32]).text());

    maria.get("/_bmauth/sign-out").await;

    down.store(true, Ordering::SeqCst);
    assert_eq!(browser.answer(&challenge, &credential).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let begun = browser.post("/_bmauth/sign-in/options", &json!({ "email": "maria@example.com" })).await;
    assert_eq!((begun.status, begun.refusal()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable".to_owned()));
    assert_eq!(unknown.get("/_bmauth/whoami").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(unknown.get("/_bmauth/sign-in").await.status, StatusCode::SERVICE_UNAVAILABLE);
    // Signing out must not be promised while the store still knows the session.
    let kept = maria.submit("/_bmauth/sign-out", &[]).await;
    assert_eq!(kept.status, StatusCode::SERVICE_UNAVAILABLE);

    down.store(false, Ordering::SeqCst);
    assert_eq!(maria.who().await.as_deref(), Some("maria@example.com"));
    assert_eq!(browser.answer(&challenge, &credential).await.status, StatusCode::OK, "it was not used up");
}

#[tokio::test]
async fn a_ceremony_that_cannot_be_given_up_is_not_said_to_be_over() {
    let full = Arc::new(AtomicBool::new(false));
    let store = Arc::new(Fragile { full: Arc::clone(&full), ..Fragile::default() });
    let world = World::with(CONFIG, store).await;
    let mut browser = world.browser();
    browser.get("/_bmauth/register").await;
    let mut begun = Vec::new();
    for _ in 0..2 {
        let options = browser.post("/_bmauth/register/options", &json!({ "email": "maria@example.com" })).await;
        begun.push(options.json());
    }
    let mut passkey = crate::authenticator::Passkey::new(b"key");
    let other = passkey.create(&begun[1]["options"]);
    let wrong = json!({ "ceremony": begun[0]["ceremony"], "credential": other });
    full.store(true, Ordering::SeqCst);
    let put_off = browser.post("/_bmauth/register/verify", &wrong).await;
    assert_eq!((put_off.status, put_off.refusal()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable".to_owned()));
    full.store(false, Ordering::SeqCst);
    assert_eq!(browser.post("/_bmauth/register/verify", &wrong).await.refusal(), "not-accepted");
    assert_eq!(browser.post("/_bmauth/register/verify", &wrong).await.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn a_store_that_cannot_write_sends_no_mail_twice() {
    let full = Arc::new(AtomicBool::new(false));
    let store = Arc::new(Fragile { full: Arc::clone(&full), ..Fragile::default() });
    let world = World::with(CONFIG, store).await;
    let mut passkey = crate::authenticator::Passkey::new(b"key");
    world.browser().ask_to_register("maria@example.com", &mut passkey).await;
    full.store(true, Ordering::SeqCst);
    let sent = world.mails("maria@example.com").await.len();
    full.store(false, Ordering::SeqCst);
    let then = world.mails("maria@example.com").await.len();
    assert_eq!((sent, then), (0, 1));
}

#[tokio::test]
async fn a_rotation_reads_keys_that_are_in_the_store_already() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let [one, other] = [World::with(CONFIG, Arc::clone(&store)).await, World::with(CONFIG, store).await];
    for world in [&one, &other] {
        world.wait(89 * 24 * 3600);
        bmauth::tasks::rotate(&world.auth).await.unwrap();
    }
    let keys = |world: &World| String::from_utf8(world.auth.identity().jwks().to_vec()).unwrap();
    assert_eq!(keys(&one).matches("\"kid\"").count(), 2);
    assert_eq!(keys(&one), keys(&other));
}
