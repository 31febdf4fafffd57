use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::authenticator::ORIGIN;
use crate::authenticator::{BE, BS, Cheat, Passkey, UP, UV, decode};
use crate::browser::Browser;
use crate::edge::Fragile;
use crate::world::{CONFIG, World};
use bmauth::auth::principal::Principal;
use bmauth::domain::passkey::CredentialId;
use bmauth::domain::plan::{AccountChange, Change, Durability, PasskeyChange};
use bmauth::domain::secret::{Secret, SecretDigest};
use bmauth::store::memory::MemoryStore;

const MARIA: &str = "maria@example.com";

/// Maria with her passkey and a browser that she is signed in with.
async fn maria(world: &World) -> (Browser, Passkey) {
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(world, MARIA, &mut passkey).await;
    (browser, passkey)
}

#[tokio::test]
async fn people_sign_in_by_e_mail_and_without_typing_one() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    for email in [Some(" MARIA@example.com"), None] {
        let mut browser = world.browser();
        let answer = browser.sign_in(email, &mut passkey).await;
        assert_eq!(answer.json(), json!({ "location": "https://notes.example.com/a" }));
        assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    }
}

#[tokio::test]
async fn a_key_that_sends_no_user_handle_signs_in_by_e_mail_only() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    passkey.user_handle = None;
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut passkey).await.status, StatusCode::OK);
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn unknown_addresses_look_like_known_ones() {
    let world = World::new().await;
    let (_, passkey) = maria(&world).await;
    let known = world.browser().challenge(Some(MARIA)).await;
    let unknown = world.browser().challenge(Some("nobody@example.com")).await;
    let names = |value: &Value| value["options"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&known), names(&unknown));
    for (answer, at_least) in [(&known, 1), (&unknown, 1)] {
        let allowed = answer["options"]["allowCredentials"].as_array().unwrap();
        assert!(allowed.len() >= at_least);
        assert!(allowed.iter().all(|one| one["type"] == "public-key" && decode(&one["id"]).len() <= 1023));
    }
    assert_eq!(decode(&known["options"]["allowCredentials"][0]["id"]), passkey.id);
    // The made-up ids stay the same, and differ between addresses.
    let again = world.browser().challenge(Some("nobody@example.com")).await;
    assert_eq!(unknown["options"]["allowCredentials"], again["options"]["allowCredentials"]);
    let other = world.browser().challenge(Some("somebody@example.com")).await;
    assert_ne!(unknown["options"]["allowCredentials"], other["options"]["allowCredentials"]);
}

#[tokio::test]
async fn the_ids_of_a_challenge_do_not_tell_whether_they_were_made_up() {
    let world = World::new().await;
    let mut counted = Passkey::new(b"an id like many others");
    counted.counter = 5;
    world.browser().register(&world, MARIA, &mut counted).await;
    let addresses = std::iter::once(MARIA.to_owned()).chain((0..8).map(|n| format!("nobody{n}@example.com")));
    for email in addresses {
        let challenge = world.browser().challenge(Some(&email)).await;
        for allowed in challenge["options"]["allowCredentials"].as_array().unwrap() {
            // A key that an attacker made for an id that the challenge named.
            let mut forged = Passkey::new(&decode(&allowed["id"]));
            for handle in [None, Some(vec![7; 16])] {
                forged.user_handle = handle;
                for typed in [None, Some(email.as_str()), Some("another@example.com")] {
                    let answer = world.browser().sign_in(typed, &mut forged).await;
                    assert_eq!(answer.refusal(), "not-accepted", "{email} {typed:?}");
                }
            }
            let answer = world.browser().ask_to_register("thief@example.com", &mut forged).await;
            assert_eq!(answer.refusal(), "not-accepted", "{email}");
        }
    }
}

#[tokio::test]
async fn many_unknown_addresses_all_get_a_credential() {
    let world = World::new().await;
    let mut browser = world.browser();
    for n in 0..60 {
        let challenge = browser.challenge(Some(&format!("nobody{n}@example.com"))).await;
        assert!(!challenge["options"]["allowCredentials"].as_array().unwrap().is_empty(), "{n}");
    }
}

#[tokio::test]
async fn a_passkey_of_another_account_does_not_answer() {
    let world = World::new().await;
    let (_, mut marias) = maria(&world).await;
    let mut bobs = Passkey::new(b"key of bob");
    world.browser().register(&world, "bob@example.com", &mut bobs).await;
    for email in [MARIA, "nobody@example.com"] {
        assert_eq!(world.browser().sign_in(Some(email), &mut bobs).await.refusal(), "not-accepted", "{email}");
    }
    marias.user_handle.clone_from(&bobs.user_handle);
    for email in [None, Some(MARIA), Some("bob@example.com")] {
        assert_eq!(world.browser().sign_in(email, &mut marias).await.refusal(), "not-accepted", "{email:?}");
    }
}

#[tokio::test]
async fn a_cheating_device_is_refused() {
    let cheats: [(&str, Cheat); 13] = [
        ("unverified", |key| key.flags = UP | BE),
        ("absent", |key| key.flags = UV | BE),
        ("backed up, and not eligible for it", |key| key.flags = UP | UV | BS),
        ("an old challenge", |key| key.client_data = json!({ "challenge": "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xk" })),
        ("another ceremony", |key| key.client_data = json!({ "type": "webauthn.create" })),
        ("another port", |key| key.origin = "https://notes.example.com:8443".into()),
        ("no longer eligible for backup", |key| key.flags = UP | UV),
        ("another origin", |key| key.origin = "https://evil.example".into()),
        ("http", |key| key.origin = "http://notes.example.com".into()),
        ("another domain", |key| key.rp_id = "evil.example".into()),
        ("a frame", |key| key.client_data = json!({ "crossOrigin": true })),
        ("a top origin", |key| key.client_data = json!({ "topOrigin": "https://notes.example.com" })),
        ("another type", |key| key.kind = "password".into()),
    ];
    for (name, cheat) in cheats {
        let world = World::new().await;
        let (_, mut passkey) = maria(&world).await;
        cheat(&mut passkey);
        let mut browser = world.browser();
        assert_eq!(browser.sign_in(Some(MARIA), &mut passkey).await.refusal(), "not-accepted", "{name}");
        assert_eq!(browser.who().await, None, "{name}");
    }
}

#[tokio::test]
async fn another_key_with_the_same_id_does_not_verify() {
    let world = World::new().await;
    let (_, passkey) = maria(&world).await;
    let mut forged = Passkey::new(&passkey.id);
    forged.user_handle = passkey.user_handle;
    assert_eq!(world.browser().sign_in(None, &mut forged).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn an_answer_signs_in_once_from_any_browser() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    let mut browser = world.browser();
    let challenge = browser.challenge(None).await;
    let credential = passkey.get(&challenge["options"]);
    let mut thief = world.browser();
    thief.get("/_bmauth/sign-in").await;
    assert_eq!(thief.answer(&challenge, &credential).await.refusal(), "expired-ceremony");
    let (cookies, csrf) = (browser.cookies.clone(), browser.csrf.clone());
    assert_eq!(browser.answer(&challenge, &credential).await.status, StatusCode::OK);
    // Another press of the same browser is none of this one, and this one is not answered for ever.
    (thief.cookies, thief.csrf) = (cookies, csrf);
    let page = thief.csrf.clone();
    thief.get("/_bmauth/sign-in").await;
    assert_eq!(thief.answer(&challenge, &credential).await.refusal(), "expired-ceremony");
    world.wait(61);
    thief.csrf = page;
    assert_eq!(thief.answer(&challenge, &credential).await.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn a_refused_answer_has_used_its_ceremony_up() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    let mut browser = world.browser();
    let challenge = browser.challenge(None).await;
    passkey.origin = "https://evil.example".into();
    let bad = passkey.get(&challenge["options"]);
    assert_eq!(browser.answer(&challenge, &bad).await.refusal(), "not-accepted");
    passkey.origin = ORIGIN.into();
    let good = passkey.get(&challenge["options"]);
    assert_eq!(browser.answer(&challenge, &good).await.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn swapped_challenges_do_not_verify() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    let mut browser = world.browser();
    let (first, second) = (browser.challenge(None).await, browser.challenge(None).await);
    let credential = passkey.get(&first["options"]);
    assert_eq!(browser.answer(&second, &credential).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn a_ceremony_is_too_old_after_five_minutes() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    let mut browser = world.browser();
    let challenge = browser.challenge(None).await;
    world.wait(5 * 60);
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(browser.answer(&challenge, &credential).await.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn fifty_answers_to_one_challenge_begin_one_session_and_are_answered_alike() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    let mut browser = world.browser();
    let challenge = browser.challenge(None).await;
    let credential = passkey.get(&challenge["options"]);
    let answers: Vec<_> = (0..50)
        .map(|_| {
            let mut copy = browser.tab(&world);
            // The very same press.
            copy.presses = browser.presses;
            let (challenge, credential) = (challenge.clone(), credential.clone());
            tokio::spawn(async move {
                let status = copy.answer(&challenge, &credential).await.status;
                (status, copy.cookies["__Host-bmauth"].clone())
            })
        })
        .collect();
    let mut sessions = std::collections::BTreeSet::new();
    for answer in answers {
        let (status, session) = answer.await.unwrap();
        assert_eq!(status, StatusCode::OK);
        sessions.insert(session);
    }
    assert_eq!(sessions.len(), 1);
    let account = world.store.passkey(&CredentialId::new(&passkey.id).unwrap()).await.unwrap().unwrap().account;
    assert_eq!(world.store.sessions(account).await.unwrap().len(), 2, "that of her registration, and one more");
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"a key that counts");
    (passkey.counter, passkey.flags) = (5, UP | UV);
    world.browser().register(&world, MARIA, &mut passkey).await;
    for (counter, status) in [(6, 200), (6, 401), (5, 401), (0, 401), (7, 200)] {
        passkey.counter = counter;
        let answer = world.browser().sign_in(Some(MARIA), &mut passkey).await;
        assert_eq!(answer.status.as_u16(), status, "{counter}: {}", answer.text);
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let world = World::new().await;
    let (mut browser, _) = maria(&world).await;
    let page = browser.get("/_bmauth/sign-out").await;
    assert!(page.text.contains(MARIA));
    assert!(page.text.contains("what the app keeps in this browser"), "{}", page.text);
    assert_eq!(browser.who().await.as_deref(), Some(MARIA), "asking changes nothing");
    let mut thief = world.browser();
    thief.cookies.clone_from(&browser.cookies);
    let done = browser.submit("/_bmauth/sign-out", &[]).await;
    assert_eq!(done.location(), "/_bmauth/signed-out");
    assert_eq!(done.headers["clear-site-data"], "\"cache\", \"storage\"");
    // What the browser is known by opens nothing, and stays.
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-bmauth-device"]);
    assert_eq!(thief.who().await, None);
    // Signed out already: the same answer.
    assert_eq!(browser.get("/_bmauth/sign-out").await.location(), "/_bmauth/signed-out");
}

#[tokio::test]
async fn signing_out_on_a_host_that_the_pages_have_to_themselves_keeps_what_they_remember() {
    let text = CONFIG.replace("https://notes.example.com", "https://auth.example.com");
    let text = format!("{text}host = \"notes.example.com\"\n[passkeys]\nrp_id = \"example.com\"");
    let world = World::with(&text, Arc::new(MemoryStore::new())).await;
    let mut passkey = Passkey::new(b"key of maria");
    "https://auth.example.com".clone_into(&mut passkey.origin);
    "example.com".clone_into(&mut passkey.rp_id);
    let mut browser = world.browser();
    "auth.example.com".clone_into(&mut browser.host);
    browser.register(&world, MARIA, &mut passkey).await;
    let page = browser.get("/_bmauth/sign-out").await;
    assert!(page.text.contains(MARIA) && !page.text.contains("what the app keeps"), "{}", page.text);
    let done = browser.submit("/_bmauth/sign-out", &[]).await;
    assert_eq!(done.headers["clear-site-data"], "\"cache\"");
}

#[tokio::test]
async fn signing_out_cancels_the_open_streams_of_the_session_alone() {
    let world = World::new().await;
    let (mut browser, mut passkey) = maria(&world).await;
    let mut other = world.browser();
    other.sign_in(None, &mut passkey).await;
    let live = |browser: &Browser| {
        let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
        let auth = Arc::clone(&world.auth);
        async move { auth.sessions.find(token).await.unwrap().unwrap() }
    };
    let (ending, staying) = (live(&browser).await, live(&other).await);
    browser.get("/_bmauth/sign-out").await;
    browser.submit("/_bmauth/sign-out", &[]).await;
    assert!(ending.has_ended());
    assert!(!staying.has_ended());
}

#[tokio::test(start_paused = true)]
async fn the_open_streams_of_a_session_whose_time_is_up_stop_within_five_seconds() {
    let text = format!("{CONFIG}\n[sessions]\nidle = \"1h\"");
    let world = World::with(&text, Arc::new(MemoryStore::new())).await;
    let (browser, _) = maria(&world).await;
    let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    let live = world.auth.sessions.find(token).await.unwrap().unwrap();
    let shutdown = CancellationToken::new();
    let World { auth, portal, outbox, clock, .. } = world;
    let _tasks = bmauth::tasks::start(auth, portal, outbox, Duration::ZERO, &shutdown);
    let seconds = Duration::from_secs;
    clock.forward(3599);
    assert!(tokio::time::timeout(seconds(5), live.ended()).await.is_err(), "its time is not up");
    clock.forward(1);
    assert!(tokio::time::timeout(seconds(5), live.ended()).await.is_ok());
}

#[tokio::test]
async fn sessions_end_when_idle_and_at_the_latest_in_the_end() {
    let text = format!("{CONFIG}\n[sessions]\nidle = \"1h\"\nabsolute = \"3h\"");
    let world = World::with(&text, Arc::new(MemoryStore::new())).await;
    let (mut browser, _) = maria(&world).await;
    for _ in 0..3 {
        world.wait(3599);
        assert!(browser.who().await.is_some());
    }
    world.wait(3);
    assert_eq!(browser.who().await, None, "three hours are over");
    let world = World::with(&text, Arc::new(MemoryStore::new())).await;
    let (mut browser, _) = maria(&world).await;
    world.wait(3600);
    assert_eq!(browser.who().await, None, "an hour without a request");
}

#[tokio::test]
async fn a_session_survives_a_restart_and_idleness_is_counted_over_it() {
    let store: Arc<dyn bmauth::store::Store> = Arc::new(MemoryStore::new());
    let before = World::with(CONFIG, Arc::clone(&store)).await;
    let (browser, _) = maria(&before).await;
    before.wait(3600);
    let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    assert!(before.auth.sessions.find(token).await.unwrap().is_some());
    before.auth.sessions.write_down_uses().await.unwrap();
    let seen = store.session(token).await.unwrap().unwrap().last_seen_at;
    assert_eq!(seen, before.auth.now());
    let after = World::with(CONFIG, store).await;
    let mut again = after.browser();
    again.cookies = browser.cookies;
    assert_eq!(again.who().await.as_deref(), Some(MARIA));
}

/// A day: how long a session idles before it ends, where the configuration does not say.
const DAY: u64 = 24 * 3600;

fn token(browser: &Browser) -> SecretDigest {
    Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest()
}

/// Maria in so many browsers, in a store that can fail.
async fn fragile(browsers: usize) -> (Arc<Fragile>, World, Vec<Browser>) {
    let store = Arc::new(Fragile::default());
    let world = World::with(CONFIG, Arc::clone(&store) as _).await;
    let (first, mut passkey) = maria(&world).await;
    let mut all = vec![first];
    while all.len() < browsers {
        let mut browser = world.browser();
        assert_eq!(browser.sign_in(None, &mut passkey).await.status, StatusCode::OK);
        all.push(browser);
    }
    for browser in &mut all {
        assert!(browser.who().await.is_some());
    }
    (store, world, all)
}

#[tokio::test]
async fn the_last_use_of_many_sessions_is_written_down_in_one_commit_and_not_again() {
    let (store, world, mut browsers) = fragile(20).await;
    world.wait(60);
    for browser in &mut browsers {
        assert!(browser.who().await.is_some());
    }
    let commits = || store.commits[0].load(Ordering::SeqCst);
    store.full.store(true, Ordering::SeqCst);
    world.auth.sessions.write_down_uses().await.unwrap_err();
    store.full.store(false, Ordering::SeqCst);
    let before = commits();
    world.auth.sessions.write_down_uses().await.unwrap();
    assert_eq!(commits(), before + 1, "what could not be written before is now");
    for browser in &browsers {
        assert_eq!(world.store.session(token(browser)).await.unwrap().unwrap().last_seen_at, world.auth.now());
    }
    world.auth.sessions.write_down_uses().await.unwrap();
    assert_eq!(commits(), before + 1);
}

#[tokio::test]
async fn a_session_whose_use_could_not_be_written_down_is_not_swept_away() {
    let (store, world, mut browsers) = fragile(2).await;
    let [used, idle] = browsers.as_mut_slice() else { unreachable!("two browsers") };
    world.wait(DAY - 1);
    assert!(used.who().await.is_some());
    world.wait(2);
    store.full.store(true, Ordering::SeqCst);
    bmauth::tasks::sweep(&world.auth).await;
    store.full.store(false, Ordering::SeqCst);
    assert!(world.store.session(token(used)).await.unwrap().is_some());
    assert_eq!(used.get("/_bmauth/devices").await.status, StatusCode::OK);
    assert_eq!(idle.who().await, None);
    bmauth::tasks::sweep(&world.auth).await;
    assert!(world.store.session(token(used)).await.unwrap().is_some());
    assert!(world.store.session(token(idle)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_used_while_the_use_of_others_is_written_down_is_not_swept_away() {
    let (store, world, mut browsers) = fragile(2).await;
    let [before, meanwhile] = browsers.as_mut_slice() else { unreachable!("two browsers") };
    world.wait(DAY - 1);
    assert!(before.who().await.is_some());
    let stuck = store.disk.write().await;
    let commits = store.commits[0].load(Ordering::SeqCst);
    let auth = Arc::clone(&world.auth);
    let sweeping = tokio::spawn(async move { bmauth::tasks::sweep(&auth).await });
    while store.commits[0].load(Ordering::SeqCst) == commits {
        tokio::task::yield_now().await;
    }
    assert!(meanwhile.who().await.is_some());
    world.wait(2);
    drop(stuck);
    sweeping.await.unwrap();
    assert!(world.store.session(token(meanwhile)).await.unwrap().is_some(), "it is live");
    assert_eq!(meanwhile.get("/_bmauth/devices").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before_it() {
    let world = World::new().await;
    let (mut browser, mut passkey) = maria(&world).await;
    let before = browser.cookies.clone();
    // The sign-in page sends the signed-in on; another page of theirs may still ask.
    let mut fresh = world.browser();
    fresh.cookies.insert("__Host-bmauth".into(), before["__Host-bmauth"].clone());
    fresh.get("/_bmauth/devices").await;
    let challenge = fresh.post("/_bmauth/sign-in/options", &json!({})).await.json();
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(fresh.answer(&challenge, &credential).await.status, StatusCode::OK);
    assert_ne!(fresh.cookies["__Host-bmauth"], before["__Host-bmauth"], "a new id at every sign-in");
    assert_eq!(browser.who().await, None);
}

#[tokio::test]
async fn two_cookies_of_our_name_count_as_none() {
    let world = World::new().await;
    let (mut browser, _) = maria(&world).await;
    let ours = browser.cookies["__Host-bmauth"].clone();
    browser.cookies.insert("__Host-bmauth".into(), format!("{ours}; __Host-bmauth=other"));
    assert_eq!(browser.who().await, None);
}

#[tokio::test]
async fn a_disabled_account_gets_no_session() {
    let world = World::new().await;
    let (browser, mut passkey) = maria(&world).await;
    let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    let live = world.auth.sessions.find(token).await.unwrap().unwrap();
    // An account that is disabled already when it first comes up: the same passkey under another id.
    let mut account = world.auth.sessions.signed_in(&live).await.unwrap().unwrap().account;
    account.id = bmauth::domain::account::AccountId(uuid::Uuid::from_u128(99));
    account.email = bmauth::domain::email::Email::parse("off@example.com").unwrap();
    account.disabled = true;
    let mut key = world.store.passkeys(live.account()).await.unwrap().remove(0);
    key.account = account.id;
    key.key.id = CredentialId::new(b"key of nobody").unwrap();
    let text = serde_json::to_string(&key.key.credential).unwrap();
    let (was, is) = (crate::authenticator::encode(b"key of maria"), crate::authenticator::encode(b"key of nobody"));
    key.key.credential = serde_json::from_str(&text.replace(&was, &is)).unwrap();
    let changes = vec![Change::Account(AccountChange::Add(account)), Change::Passkey(PasskeyChange::Add(key))];
    world.store.commit(changes, Durability::Durable).await.unwrap();
    passkey.id = b"key of nobody".to_vec();
    passkey.user_handle = Some(uuid::Uuid::from_u128(99).as_bytes().to_vec());
    let mut off = world.browser();
    assert_eq!(off.sign_in(None, &mut passkey).await.refusal(), "account-disabled");
    assert_eq!(off.who().await, None);
}

#[tokio::test]
async fn an_app_elsewhere_uses_passkeys_where_it_is_allowed_to_and_within_their_domain() {
    let text = format!(
        "{CONFIG}[api]\nallowed_origins = [\"https://app.notes.example.com\", \"https://app.example.com\", \"https://notes.example.com:8443\"]\n"
    );
    let world = World::with(&text, Arc::new(MemoryStore::new())).await;
    let ours: Vec<&str> = world.portal.origins.iter().map(bmauth::domain::origin::Origin::as_str).collect();
    assert_eq!(ours, [ORIGIN], "its pages are still none of ours");
    let (_, mut passkey) = maria(&world).await;
    for (origin, status) in [
        ("https://app.notes.example.com", StatusCode::OK),
        ("https://notes.example.com:8443", StatusCode::OK),
        ("https://app.example.com", StatusCode::UNAUTHORIZED),
        ("https://other.notes.example.com", StatusCode::UNAUTHORIZED),
        ("https://app.notes.example.com:444", StatusCode::UNAUTHORIZED),
        ("http://app.notes.example.com", StatusCode::UNAUTHORIZED),
    ] {
        passkey.origin = origin.to_owned();
        assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut passkey).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn no_app_elsewhere_uses_passkeys_unless_it_is_allowed_to() {
    let world = World::new().await;
    let (_, mut passkey) = maria(&world).await;
    passkey.origin = "https://app.notes.example.com".to_owned();
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut passkey).await.refusal(), "not-accepted");
}

/// What an identity token says, by the published keys.
fn read(world: &World, token: &http::HeaderValue, audience: &str) -> Value {
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&world.auth.identity().jwks()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let mut checked = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    checked.set_audience(&[audience]);
    jsonwebtoken::decode::<Value>(token.to_str().unwrap(), &key, &checked).unwrap().claims
}

#[tokio::test]
async fn a_cached_token_that_was_dropped_for_others_is_signed_again_and_says_the_same() {
    let world = World::new().await;
    let (browser, _) = maria(&world).await;
    let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    let live = world.auth.sessions.find(token).await.unwrap().unwrap();
    let ask = |audience: &str| {
        world.auth.sessions.identity_token(&Principal::Person(live.clone()), &Arc::from(audience)).unwrap()
    };
    let first = ask("notes");
    assert_eq!(ask("notes"), first, "it is kept");
    // More than a session can have kept.
    for number in 0..100 {
        ask(&format!("app {number}"));
    }
    let again = ask("notes");
    assert_ne!(again, first);
    assert_eq!(ask("notes"), again, "it is kept in its turn");
    let (mut was, mut is) = (read(&world, &first, "notes"), read(&world, &again, "notes"));
    assert_ne!(was["jti"], is["jti"]);
    (was["jti"], is["jti"]) = (Value::Null, Value::Null);
    assert_eq!((&was, &is["email"]), (&is, &Value::from("maria@example.com")));
}
