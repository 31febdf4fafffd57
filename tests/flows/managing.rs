//! "My devices": adding, renaming and removing passkeys, ending sessions; and what is refused there.

use bmauth::domain::account::AccountId;
use bmauth::domain::activity::What;
use bmauth::domain::email::Email;
use bmauth::domain::plan::{AccountChange, Change, Durability, HoldChange};
use bmauth::domain::recovery::{Hold, HoldId};
use bmauth::domain::session::SessionId;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::authenticator::ORIGIN;
use crate::authenticator::{BE, Cheat, Passkey, UP, UV, encode};
use crate::browser::{Answer, Browser};
use crate::world::World;

const MARIA: &str = "maria@example.com";
const BOB: &str = "bob@example.com";
const DEVICES: &str = "/_bmauth/devices";

/// A person with a passkey and a browser that has just signed in with it.
async fn registered(world: &World, email: &str) -> (Browser, Passkey) {
    let mut passkey = Passkey::new(format!("key of {email}").as_bytes());
    let mut browser = world.browser();
    browser.register(world, email, &mut passkey).await;
    browser.get(DEVICES).await;
    (browser, passkey)
}

/// Another browser of the same person.
async fn another_browser(world: &World, passkey: &mut Passkey) -> Browser {
    let mut browser = world.browser();
    assert_eq!(browser.sign_in(None, passkey).await.status, StatusCode::OK);
    browser.get(DEVICES).await;
    browser
}

/// A key that says something else of itself.
fn with(mut passkey: Passkey, say: Cheat) -> Passkey {
    say(&mut passkey);
    passkey
}

async fn account(world: &World, email: &str) -> AccountId {
    world.store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap().id
}

/// The credential ids that an account has.
async fn keys(world: &World, email: &str) -> Vec<Vec<u8>> {
    let passkeys = world.store.passkeys(account(world, email).await).await.unwrap();
    passkeys.iter().map(|passkey| passkey.key.id.bytes().to_vec()).collect()
}

/// What happened to an account, the latest first.
async fn events(world: &World, email: &str) -> Vec<What> {
    let events = world.store.events(account(world, email).await, 100).await.unwrap();
    events.iter().map(|event| event.what).collect()
}

async fn post(browser: &mut Browser, path: &str, body: &Value) -> Answer {
    browser.post(&format!("{DEVICES}/{path}"), body).await
}

pub fn remove(passkey: &Passkey) -> Value {
    json!({ "act": "remove", "passkey": encode(&passkey.id) })
}

/// Asks for a challenge to confirm.
async fn ask(browser: &mut Browser, act: &Value) -> Value {
    let asked = post(browser, "confirm", act).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    asked.json()
}

/// Sends what a device answers to a challenge of `ceremony`.
async fn prove(browser: &mut Browser, ceremony: &Value, credential: &Value) -> Answer {
    let body = json!({ "ceremony": ceremony["ceremony"], "credential": credential });
    post(browser, "confirm/verify", &body).await
}

/// Asks and answers.
pub async fn confirm(browser: &mut Browser, act: &Value, passkey: &mut Passkey) -> Answer {
    let asked = ask(browser, act).await;
    let credential = passkey.get(&asked["options"]);
    prove(browser, &asked, &credential).await
}

/// Makes the passkey that `begun` asks for.
async fn make(browser: &mut Browser, begun: &Value, passkey: &mut Passkey, name: Option<&str>) -> Answer {
    let credential = passkey.create(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential, "name": name });
    post(browser, "passkey/verify", &body).await
}

/// Adds a passkey, which `known` confirms.
pub async fn add(browser: &mut Browser, known: &mut Passkey, id: &str) -> Passkey {
    let begun = browser.begin_adding(known, None).await;
    let mut passkey = Passkey::new(id.as_bytes());
    let made = make(browser, &begun, &mut passkey, None).await;
    assert_eq!(made.json(), json!({ "location": format!("{ORIGIN}{DEVICES}") }));
    passkey
}

fn subjects(mails: &[bmauth::mail::letters::Rendered]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}

#[tokio::test]
async fn the_page_is_for_signed_in_people() {
    let world = World::new().await;
    let mut newcomer = world.browser();
    let sent = newcomer.get(DEVICES).await;
    assert_eq!(sent.location(), "/_bmauth/sign-in?return_to=%2F_bmauth%2Fdevices");
    // And from there back to it.
    let (_, mut passkey) = registered(&world, MARIA).await;
    newcomer.get(sent.location()).await;
    let begun = newcomer.post("/_bmauth/sign-in/options", &json!({ "return_to": DEVICES })).await.json();
    let credential = passkey.get(&begun["options"]);
    assert_eq!(newcomer.answer(&begun, &credential).await.json(), json!({ "location": format!("{ORIGIN}{DEVICES}") }));
}

#[tokio::test]
async fn the_page_shows_passkeys_browsers_and_what_happened() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let second = add(&mut browser, &mut passkey, "second key").await;
    let page = browser.get(DEVICES).await.text;
    for passkey in [&passkey, &second] {
        assert!(page.contains(&format!("data-passkey=\"{}\"", encode(&passkey.id))), "{page}");
    }
    // What `signalAllAcceptedCredentials` is told: the relying party, the user handle, every id.
    let handle = encode(account(&world, MARIA).await.0.as_bytes());
    assert!(page.contains("data-rp=\"notes.example.com\"") && page.contains(&format!("data-user=\"{handle}\"")));
    assert_eq!(page.matches("data-passkey=").count(), 2);
    assert_eq!(page.matches("<span class=\"tag\">This device</span>").count(), 1, "the one that signed in");
    assert!(page.contains("Saved in your password manager"));
    assert!(page.contains("Account created") && page.contains("Passkey added"));
    assert!(page.contains("This browser") && page.contains("192.0.2.1"));
}

#[tokio::test]
async fn a_key_that_cannot_be_copied_is_said_to_be_on_its_device_only() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"bound");
    passkey.flags = UP | UV;
    let mut browser = world.browser();
    browser.register(&world, MARIA, &mut passkey).await;
    assert!(browser.get(DEVICES).await.text.contains("Only on this device"));
}

#[tokio::test]
async fn a_passkey_is_added_once_one_has_confirmed_it() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    world.wait(5 * 60);
    let begun = browser.begin_adding(&mut passkey, None).await;
    assert_eq!(begun["options"]["excludeCredentials"][0]["id"], encode(&passkey.id));
    assert_eq!(begun["options"]["user"]["id"], encode(account(&world, MARIA).await.0.as_bytes()));
    let mut second = Passkey::new(b"second");
    let made = make(&mut browser, &begun, &mut second, Some(" Work\nlaptop ")).await;
    assert_eq!(made.json(), json!({ "location": format!("{ORIGIN}{DEVICES}") }));
    assert!(browser.get(DEVICES).await.text.contains("Work laptop"));
    assert_eq!(subjects(&world.mails(MARIA).await), ["A passkey was added to your Acme Notes account"]);
    assert_eq!(events(&world, MARIA).await, [What::PasskeyAdded, What::Registered]);
    let mut elsewhere = world.browser();
    assert_eq!(elsewhere.sign_in(Some(MARIA), &mut second).await.status, StatusCode::OK);
    assert_eq!(elsewhere.who().await.as_deref(), Some(MARIA));
}

/// The names of the passkeys on a page, in its order.
fn titles(page: &str) -> Vec<&str> {
    let rows = page.split("data-passkey=").skip(1);
    rows.map(|row| row.split("<strong>").nth(1).unwrap().split("</strong>").next().unwrap()).collect()
}

#[tokio::test]
async fn each_passkey_has_a_name_that_tells_it_apart_and_the_one_used_last_is_first() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    assert_eq!(titles(&browser.get(DEVICES).await.text), ["Passkey"]);
    let mut second = add(&mut browser, &mut passkey, "second").await;
    world.wait(60);
    add(&mut browser, &mut passkey, "third").await;
    world.wait(60);
    let begun = browser.begin_adding(&mut passkey, None).await;
    make(&mut browser, &begun, &mut Passkey::new(b"fourth"), Some("Work")).await;
    world.wait(60);
    another_browser(&world, &mut second).await;
    assert_eq!(titles(&browser.get(DEVICES).await.text), ["Passkey 2", "Work", "Passkey", "Passkey 3"]);
    let fresh = add(&mut browser, &mut second, "fifth").await;
    let page = browser.get(DEVICES).await.text;
    assert!(page.split(&encode(&fresh.id)).nth(1).unwrap().contains("<strong>Passkey 4</strong>"), "{page}");
}

#[tokio::test]
async fn a_confirmation_is_for_that_very_act_however_fresh_the_session_is() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    // A session that was begun with a passkey a moment ago is leave for nothing.
    let straight = post(&mut browser, "passkey/options", &json!({})).await;
    assert_eq!(straight.status, StatusCode::NOT_FOUND, "{}", straight.text);
    let begun = browser.begin_adding(&mut passkey, Some("/notes")).await;
    assert_eq!(begun["options"]["excludeCredentials"][0]["id"], encode(&passkey.id));
    let mut second = Passkey::new(b"second");
    assert_eq!(
        make(&mut browser, &begun, &mut second, None).await.json(),
        json!({ "location": "https://notes.example.com/notes" })
    );
    assert_eq!(keys(&world, MARIA).await.len(), 2);
    // One proof allows one passkey.
    let again = make(&mut browser, &begun, &mut Passkey::new(b"third"), None).await;
    assert_eq!(again.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn a_new_passkey_is_made_in_time_by_the_session_that_asked() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let mut other = another_browser(&world, &mut passkey).await;
    let begun = browser.begin_adding(&mut passkey, None).await;
    // Another session of the same person, even with the flow's secret.
    other.cookies.insert("__Host-bmauth-flow".into(), browser.cookies["__Host-bmauth-flow"].clone());
    assert_eq!(make(&mut other, &begun, &mut Passkey::new(b"a"), None).await.refusal(), "expired-ceremony");
    // Another person, likewise.
    let (mut bobs, _) = registered(&world, BOB).await;
    bobs.cookies.insert("__Host-bmauth-flow".into(), browser.cookies["__Host-bmauth-flow"].clone());
    assert_eq!(make(&mut bobs, &begun, &mut Passkey::new(b"b"), None).await.refusal(), "expired-ceremony");
    // Without a session.
    let mut unknown = world.browser();
    unknown.cookies.insert("__Host-bmauth-flow".into(), browser.cookies["__Host-bmauth-flow"].clone());
    unknown.get("/_bmauth/sign-in").await;
    assert_eq!(make(&mut unknown, &begun, &mut Passkey::new(b"c"), None).await.refusal(), "not-signed-in");
    world.wait(5 * 60);
    assert_eq!(make(&mut browser, &begun, &mut Passkey::new(b"d"), None).await.refusal(), "expired-ceremony");
    assert_eq!(keys(&world, MARIA).await, [passkey.id]);
    assert_eq!(keys(&world, BOB).await.len(), 1);
}

#[tokio::test]
async fn a_bad_or_known_passkey_is_not_added() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let (_, bobs) = registered(&world, BOB).await;
    for mut bad in [
        Passkey::new(&passkey.id),
        Passkey::new(&bobs.id),
        with(Passkey::new(b"other origin"), |key| key.origin = "https://evil.example".into()),
        with(Passkey::new(b"unverified"), |key| key.flags = UP | BE),
    ] {
        let begun = browser.begin_adding(&mut passkey, None).await;
        assert_eq!(make(&mut browser, &begun, &mut bad, None).await.refusal(), "not-accepted");
        // The ceremony is used up.
        let again = make(&mut browser, &begun, &mut Passkey::new(b"good"), None).await;
        assert_eq!(again.refusal(), "expired-ceremony");
    }
    assert_eq!(keys(&world, MARIA).await, [passkey.id]);
    assert!(world.mails(MARIA).await.is_empty());
}

#[tokio::test]
async fn a_passkey_is_removed_with_its_sessions() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let mut second = add(&mut browser, &mut passkey, "second").await;
    world.mails(MARIA).await;
    let mut lost = another_browser(&world, &mut second).await;
    world.wait(60);
    let done = confirm(&mut browser, &remove(&second), &mut passkey).await;
    assert_eq!(done.json(), json!({ "location": DEVICES }));
    assert_eq!(lost.who().await, None);
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    assert_eq!(keys(&world, MARIA).await, [passkey.id]);
    assert_eq!(subjects(&world.mails(MARIA).await), ["A passkey was removed from your Acme Notes account"]);
    assert_eq!(events(&world, MARIA).await[0], What::PasskeyRemoved);
    assert_eq!(world.browser().sign_in(None, &mut second).await.refusal(), "unknown-passkey");
    // What the browser is told of no longer has it.
    assert!(!browser.get(DEVICES).await.text.contains(&encode(&second.id)));
}

#[tokio::test]
async fn removing_this_devices_passkey_ends_this_session() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let mut second = add(&mut browser, &mut passkey, "second").await;
    let mut other = another_browser(&world, &mut second).await;
    let act = remove(&passkey);
    let done = confirm(&mut browser, &act, &mut passkey).await;
    assert_eq!(done.json(), json!({ "location": "/_bmauth/sign-in?return_to=%2F_bmauth%2Fdevices" }));
    assert!(!browser.cookies.contains_key("__Host-bmauth"));
    assert_eq!(other.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn the_last_passkey_goes_only_with_the_address_typed() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let act = |email: Value| json!({ "act": "remove", "passkey": encode(b"key of maria@example.com"), "email": email });
    for (email, refusal) in [
        (json!(null), "last-passkey"),
        (json!(" "), "last-passkey"),
        (json!(BOB), "email-mismatch"),
        (json!("maria"), "email-mismatch"),
    ] {
        assert_eq!(post(&mut browser, "confirm", &act(email.clone())).await.refusal(), refusal, "{email}");
    }
    assert_eq!(keys(&world, MARIA).await.len(), 1);
    let done = confirm(&mut browser, &act(json!(" Maria@Example.com")), &mut passkey).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(keys(&world, MARIA).await.is_empty());
    assert_eq!(browser.who().await, None);
}

#[tokio::test]
async fn a_passkey_that_became_the_last_one_stays() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let second = add(&mut browser, &mut passkey, "second").await;
    let mut other = another_browser(&world, &mut passkey).await;
    // Asked for while there were two, so that no address was typed.
    let asked = ask(&mut other, &remove(&passkey)).await;
    assert_eq!(confirm(&mut browser, &remove(&second), &mut passkey).await.status, StatusCode::OK);
    let credential = passkey.get(&asked["options"]);
    assert_eq!(prove(&mut other, &asked, &credential).await.refusal(), "last-passkey");
    assert_eq!(keys(&world, MARIA).await, [passkey.id]);
}

#[tokio::test]
async fn two_removals_of_the_last_two_passkeys_leave_one() {
    for round in 0..20 {
        let world = World::new().await;
        let (mut one, mut first) = registered(&world, MARIA).await;
        let mut second = add(&mut one, &mut first, "second").await;
        let mut two = another_browser(&world, &mut second).await;
        let (asked_one, asked_two) = (ask(&mut one, &remove(&second)).await, ask(&mut two, &remove(&first)).await);
        let (proof_one, proof_two) = (first.get(&asked_one["options"]), second.get(&asked_two["options"]));
        let tasks = [
            tokio::spawn(async move { prove(&mut one, &asked_one, &proof_one).await.status }),
            tokio::spawn(async move { prove(&mut two, &asked_two, &proof_two).await.status }),
        ];
        let mut winners = 0;
        for task in tasks {
            winners += usize::from(task.await.unwrap() == StatusCode::OK);
        }
        assert_eq!((winners, keys(&world, MARIA).await.len()), (1, 1), "round {round}");
    }
}

#[tokio::test]
async fn a_proof_is_for_one_act_of_one_session_in_time() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let second = add(&mut browser, &mut passkey, "second").await;
    let third = add(&mut browser, &mut passkey, "third").await;
    let (_, mut bobs) = registered(&world, BOB).await;
    let mut other = another_browser(&world, &mut passkey).await;

    // Another challenge's answer.
    let (to_add, to_remove) =
        (ask(&mut browser, &json!({ "act": "add" })).await, ask(&mut browser, &remove(&second)).await);
    let proof = passkey.get(&to_add["options"]);
    assert_eq!(prove(&mut browser, &to_remove, &proof).await.refusal(), "not-accepted");
    // A refused answer has used the ceremony up.
    let proof = passkey.get(&to_remove["options"]);
    assert_eq!(prove(&mut browser, &to_remove, &proof).await.refusal(), "expired-ceremony");
    // A proof to remove one passkey removes no other.
    let to_remove = ask(&mut browser, &remove(&third)).await;
    let proof = passkey.get(&to_remove["options"]);
    let body = json!({ "ceremony": to_remove["ceremony"], "credential": proof, "passkey": encode(&second.id) });
    assert_eq!(post(&mut browser, "confirm/verify", &body).await.status, StatusCode::OK);
    assert_eq!(keys(&world, MARIA).await, [passkey.id.clone(), second.id.clone()]);
    // Nor a second time.
    assert_eq!(prove(&mut browser, &to_remove, &proof).await.refusal(), "expired-ceremony");
    // Another account's passkey, with its own user handle and with Maria's.
    for steal in [false, true] {
        let asked = ask(&mut browser, &remove(&second)).await;
        if steal {
            bobs.user_handle.clone_from(&passkey.user_handle);
        }
        let proof = bobs.get(&asked["options"]);
        assert_eq!(prove(&mut browser, &asked, &proof).await.refusal(), "not-accepted");
    }
    // Another session of hers, first as it is, then with the flow's secret.
    let asked = ask(&mut browser, &remove(&second)).await;
    let proof = passkey.get(&asked["options"]);
    assert_eq!(prove(&mut other, &asked, &proof).await.refusal(), "expired-ceremony");
    other.cookies.insert("__Host-bmauth-flow".into(), browser.cookies["__Host-bmauth-flow"].clone());
    assert_eq!(prove(&mut other, &asked, &proof).await.refusal(), "expired-ceremony");
    // Where a sign-in is asked for, and the other way round.
    let signed_in = browser.answer(&asked, &proof).await;
    assert_eq!(signed_in.refusal(), "expired-ceremony");
    let sign_in = browser.post("/_bmauth/sign-in/options", &json!({ "email": MARIA })).await.json();
    let proof = passkey.get(&sign_in["options"]);
    assert_eq!(prove(&mut browser, &sign_in, &proof).await.refusal(), "expired-ceremony");
    // A challenge to make a passkey takes no proof.
    let begun = browser.begin_adding(&mut passkey, None).await;
    let proof = passkey.get(&begun["options"]);
    assert_eq!(prove(&mut browser, &begun, &proof).await.refusal(), "expired-ceremony");
    // Too late.
    world.wait(5 * 60);
    let proof = passkey.get(&asked["options"]);
    assert_eq!(prove(&mut browser, &asked, &proof).await.refusal(), "expired-ceremony");
    // Invented.
    let invented = json!({ "ceremony": Uuid::from_u128(5), "options": asked["options"] });
    assert_eq!(prove(&mut browser, &invented, &proof).await.refusal(), "expired-ceremony");
    assert_eq!(keys(&world, MARIA).await, [passkey.id, second.id]);
}

#[tokio::test]
async fn a_proof_for_one_session_is_void_when_it_has_ended() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let second = add(&mut browser, &mut passkey, "second").await;
    let mut other = another_browser(&world, &mut passkey).await;
    let asked = ask(&mut other, &remove(&second)).await;
    browser.submit("/_bmauth/devices/sign-out-everywhere", &[]).await;
    let proof = passkey.get(&asked["options"]);
    assert_eq!(prove(&mut other, &asked, &proof).await.refusal(), "not-signed-in");
    assert_eq!(keys(&world, MARIA).await.len(), 2);
}

#[tokio::test]
async fn another_accounts_passkeys_are_refused_like_unknown_ones() {
    let world = World::new().await;
    let (mut browser, passkey) = registered(&world, MARIA).await;
    let (_, bobs) = registered(&world, BOB).await;
    let bobs = encode(&bobs.id);
    let unknown = encode(b"no such key");
    for id in [bobs.as_str(), unknown.as_str(), "", "%"] {
        let act = json!({ "act": "remove", "passkey": id, "email": MARIA });
        assert_eq!(post(&mut browser, "confirm", &act).await.refusal(), "no-passkey", "{id}");
    }
    for id in [&bobs, &unknown] {
        let renamed = browser.submit("/_bmauth/devices/rename", &[("passkey", id), ("name", "mine")]).await;
        assert_eq!(renamed.status, StatusCode::NOT_FOUND);
    }
    let names: Vec<_> = world.store.passkeys(account(&world, BOB).await).await.unwrap();
    assert_eq!((names.len(), names[0].name.as_deref()), (1, Some("Passkey")));
    assert_eq!(keys(&world, MARIA).await, [passkey.id]);
}

#[tokio::test]
async fn names_are_shown_as_text_whatever_is_typed() {
    let world = World::new().await;
    let (mut browser, passkey) = registered(&world, MARIA).await;
    let id = encode(&passkey.id);
    for (typed, shown) in [
        ("My phone", "My phone"),
        ("<script>alert(1)</script>", "&#60;script&#62;alert(1)&#60;/script&#62;"),
        ("\"'><img src=x onerror=alert(1)>", "&#34;&#39;&#62;&#60;img src=x onerror=alert(1)&#62;"),
        ("tx\u{202e}gpj\u{0}", "txgpj"),
    ] {
        let done = browser.submit("/_bmauth/devices/rename", &[("passkey", &id), ("name", typed)]).await;
        assert_eq!(done.location(), DEVICES);
        let page = browser.get(DEVICES).await.text;
        assert!(page.contains(&format!("<strong>{shown}</strong>")), "{shown}\n{page}");
        assert!(!page.contains("<script>") && !page.contains("<img") && !page.contains('\u{202e}'));
    }
    // Without a name it is called by its provider again.
    browser.submit("/_bmauth/devices/rename", &[("passkey", &id), ("name", " ")]).await;
    assert!(browser.get(DEVICES).await.text.contains("<strong>Passkey</strong>"));
}

/// The public id of a browser's session.
pub async fn public_id(world: &World, browser: &Browser) -> String {
    let SessionId(id) = session_of(world, browser).await.unwrap().id();
    id.to_string()
}

async fn session_of(world: &World, browser: &Browser) -> Option<bmauth::auth::sessions::LiveSession> {
    let token = bmauth::domain::secret::Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    world.auth.sessions.find(token).await.unwrap()
}

#[tokio::test]
async fn a_browser_is_signed_out_from_another() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let mut other = another_browser(&world, &mut passkey).await;
    let mut third = another_browser(&world, &mut passkey).await;
    let id = public_id(&world, &other).await;
    let done = browser.submit("/_bmauth/devices/sign-out", &[("session", &id)]).await;
    assert_eq!(done.location(), DEVICES);
    assert_eq!((other.who().await, third.who().await.is_some()), (None, true));
    assert!(!browser.get(DEVICES).await.text.contains(&id));
    // Itself.
    let id = public_id(&world, &browser).await;
    let done = browser.submit("/_bmauth/devices/sign-out", &[("session", &id)]).await;
    assert_eq!(done.location(), "/_bmauth/signed-out");
    assert!(!browser.cookies.contains_key("__Host-bmauth"));
    assert!(third.who().await.is_some());
}

#[tokio::test]
async fn another_accounts_session_is_refused_like_an_unknown_one() {
    let world = World::new().await;
    let (mut browser, _) = registered(&world, MARIA).await;
    let (mut bobs, _) = registered(&world, BOB).await;
    for id in [public_id(&world, &bobs).await, Uuid::from_u128(7).to_string()] {
        let done = browser.submit("/_bmauth/devices/sign-out", &[("session", &id)]).await;
        assert_eq!(done.status, StatusCode::NOT_FOUND);
    }
    let done = browser.submit("/_bmauth/devices/sign-out", &[("session", "x")]).await;
    assert_eq!(done.status, StatusCode::BAD_REQUEST);
    assert_eq!(bobs.who().await.as_deref(), Some(BOB));
}

#[tokio::test]
async fn signing_out_everywhere_leaves_this_browser() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let (mut bobs, _) = registered(&world, BOB).await;
    let mut others = [another_browser(&world, &mut passkey).await, another_browser(&world, &mut passkey).await];
    world.wait(60);
    let done = browser.submit("/_bmauth/devices/sign-out-everywhere", &[]).await;
    assert_eq!(done.location(), DEVICES);
    for other in &mut others {
        assert_eq!(other.who().await, None);
    }
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    assert_eq!(bobs.who().await.as_deref(), Some(BOB));
    assert_eq!(events(&world, MARIA).await[0], What::SignedOutEverywhere);
    assert_eq!(events(&world, BOB).await, [What::Registered]);
}

#[tokio::test]
async fn a_held_recovery_is_cancelled_by_a_signed_in_browser() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let account = account(&world, MARIA).await;
    let until = world.auth.now().after(std::time::Duration::from_secs(3600));
    let (id, asked_at) = (HoldId(Uuid::from_u128(1)), world.auth.now());
    let hold = Hold { id, account, asked_at, until, browser: "Opera on Windows".to_owned() };
    world.store.commit(vec![Change::Hold(HoldChange::Add(hold))], Durability::Durable).await.unwrap();
    assert!(browser.get(DEVICES).await.text.contains("Opera on Windows"));
    world.wait(60);
    let stop = json!({ "act": "stop-recovery" });
    let stopped = confirm(&mut browser, &stop, &mut passkey).await;
    assert_eq!(stopped.json(), json!({ "location": DEVICES }));
    assert!(world.store.hold(account).await.unwrap().is_none());
    assert!(!browser.get(DEVICES).await.text.contains("Opera on Windows"));
    assert_eq!(events(&world, MARIA).await[0], What::RecoveryCancelled);
    assert_eq!(world.mails(MARIA).await.len(), 1);
    assert_eq!(confirm(&mut browser, &stop, &mut passkey).await.refusal(), "no-passkey");
}

#[tokio::test]
async fn a_held_recovery_that_is_over_is_not_cancelled_and_no_letter_says_so() {
    let world = World::new().await;
    let (id, asked_at) = (HoldId(Uuid::from_u128(1)), world.auth.now());
    let hold = Hold { id, account: AccountId(Uuid::nil()), asked_at, until: asked_at, browser: "Opera".to_owned() };
    world.wait(hold.expires_at().since(asked_at).as_secs());
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let hold = Hold { account: account(&world, MARIA).await, ..hold };
    world.store.commit(vec![Change::Hold(HoldChange::Add(hold))], Durability::Durable).await.unwrap();
    let refused = confirm(&mut browser, &json!({ "act": "stop-recovery" }), &mut passkey).await;
    assert_eq!(refused.refusal(), "no-passkey");
    assert!(!events(&world, MARIA).await.contains(&What::RecoveryCancelled));
    assert!(world.mails(MARIA).await.is_empty());
}

#[tokio::test]
async fn a_disabled_accounts_browser_can_do_nothing() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let second = add(&mut browser, &mut passkey, "second").await;
    let asked = ask(&mut browser, &remove(&second)).await;
    let begun = browser.begin_adding(&mut passkey, None).await;
    let change = Change::Account(AccountChange::SetDisabled { account: account(&world, MARIA).await, disabled: true });
    world.store.commit(vec![change], Durability::Durable).await.unwrap();
    // Even while the session is still in memory, as if the table had not heard of it.
    let proof = passkey.get(&asked["options"]);
    assert_eq!(prove(&mut browser, &asked, &proof).await.refusal(), "not-signed-in");
    assert_eq!(make(&mut browser, &begun, &mut Passkey::new(b"third"), None).await.refusal(), "not-signed-in");
    assert_eq!(post(&mut browser, "confirm", &json!({ "act": "add" })).await.refusal(), "not-signed-in");
    let id = encode(&second.id);
    let renamed = browser.submit("/_bmauth/devices/rename", &[("passkey", &id), ("name", "x")]).await;
    assert!(renamed.location().starts_with("/_bmauth/sign-in"));
    let everywhere = browser.submit("/_bmauth/devices/sign-out-everywhere", &[]).await;
    assert!(everywhere.location().starts_with("/_bmauth/sign-in"));
    assert_eq!(keys(&world, MARIA).await.len(), 2);
}

#[tokio::test]
async fn a_copied_passkey_is_refused_noted_and_told() {
    let world = World::new().await;
    let (mut browser, mut passkey) = registered(&world, MARIA).await;
    let begun = browser.begin_adding(&mut passkey, None).await;
    let mut counting = with(Passkey::new(b"counting"), |key| key.counter = 5);
    make(&mut browser, &begun, &mut counting, None).await;
    world.mails(MARIA).await;
    const SUBJECT: &str = "Someone may have copied a passkey of your Acme Notes account";
    // At a sign-in.
    world.wait(60);
    counting.counter = 4;
    assert_eq!(world.browser().sign_in(None, &mut counting).await.refusal(), "not-accepted");
    assert_eq!(subjects(&world.mails(MARIA).await), [SUBJECT]);
    assert_eq!(events(&world, MARIA).await[0], What::PasskeyCopied);
    // At a confirmation.
    world.wait(60);
    let act = remove(&passkey);
    let asked = ask(&mut browser, &act).await;
    let proof = counting.get(&asked["options"]);
    assert_eq!(prove(&mut browser, &asked, &proof).await.refusal(), "not-accepted");
    assert_eq!(subjects(&world.mails(MARIA).await), [SUBJECT]);
    assert_eq!(events(&world, MARIA).await[..2], [What::PasskeyCopied; 2]);
    let proof = passkey.get(&asked["options"]);
    assert_eq!(prove(&mut browser, &asked, &proof).await.refusal(), "expired-ceremony", "the answer used it up");
    // A forged answer with an old counter says nothing of the key.
    let mut forged = with(Passkey::new(b"counting"), |key| key.counter = 1);
    forged.user_handle.clone_from(&counting.user_handle);
    assert_eq!(world.browser().sign_in(None, &mut forged).await.refusal(), "not-accepted");
    assert!(world.mails(MARIA).await.is_empty());
    assert_eq!(keys(&world, MARIA).await.len(), 2);
}

#[tokio::test]
async fn a_copy_of_a_passkey_cannot_fill_the_owners_mailbox() {
    let world = World::new().await;
    let mut passkey = with(Passkey::new(b"counting"), |key| key.counter = 5);
    world.browser().register(&world, MARIA, &mut passkey).await;
    passkey.counter = 4;
    for told in [1, 1, 1, 1, 1, 0, 0] {
        let mut browser = world.browser();
        let challenge = browser.challenge(None).await;
        let credential = passkey.get(&challenge["options"]);
        assert_eq!(browser.answer(&challenge, &credential).await.refusal(), "not-accepted");
        assert_eq!(world.mails(MARIA).await.len(), told);
        assert_eq!(browser.answer(&challenge, &credential).await.refusal(), "expired-ceremony", "used up");
    }
    world.wait(24 * 3600);
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "not-accepted");
    assert_eq!(world.mails(MARIA).await.len(), 1);
}

#[tokio::test]
async fn every_sign_in_is_noted() {
    let world = World::new().await;
    let (_, mut passkey) = registered(&world, MARIA).await;
    world.wait(60);
    another_browser(&world, &mut passkey).await;
    assert_eq!(events(&world, MARIA).await, [What::SignedIn, What::Registered]);
}

#[tokio::test]
async fn a_sign_in_with_another_device_offers_a_passkey_here_once() {
    let world = World::new().await;
    let (_, mut passkey) = registered(&world, MARIA).await;
    for (attachment, location) in [
        (json!("cross-platform"), "/_bmauth/faster?return_to=%2Fa"),
        (json!("platform"), "https://notes.example.com/a"),
        (json!(null), "https://notes.example.com/a"),
        (json!("something new"), "https://notes.example.com/a"),
    ] {
        let mut browser = world.browser();
        let challenge = browser.challenge(None).await;
        let mut credential = passkey.get(&challenge["options"]);
        credential["authenticatorAttachment"] = attachment.clone();
        let answer = browser.answer(&challenge, &credential).await;
        assert_eq!(answer.json(), json!({ "location": location }), "{attachment}");
        let asked = browser.get("/_bmauth/faster?return_to=%2Fa").await;
        assert_eq!(asked.status, StatusCode::OK);
        assert!(
            asked.text.contains("Sign in faster next time?")
                && asked.text.contains("href=\"https://notes.example.com/a\"")
        );
    }
    let mut newcomer = world.browser();
    assert_eq!(newcomer.get("/_bmauth/faster?return_to=%2Fa").await.location(), "https://notes.example.com/a");
    assert_eq!(
        newcomer.get("/_bmauth/faster?return_to=//evil.example").await.location(),
        "https://notes.example.com//evil.example"
    );
    // The passkey is made once it is confirmed, and the visitor goes on.
    let mut browser = another_browser(&world, &mut passkey).await;
    let begun = browser.begin_adding(&mut passkey, Some("/a?b")).await;
    let made = make(&mut browser, &begun, &mut Passkey::new(b"here"), None).await;
    assert_eq!(made.json(), json!({ "location": "https://notes.example.com/a?b" }));
}

#[tokio::test]
async fn unknown_clients_and_odd_bodies_are_refused() {
    let world = World::new().await;
    let mut newcomer = world.browser();
    newcomer.get("/_bmauth/sign-in").await;
    for path in ["confirm", "confirm/verify", "passkey/verify"] {
        assert_eq!(post(&mut newcomer, path, &json!({ "act": "add" })).await.refusal(), "not-signed-in", "{path}");
    }
    for path in ["rename", "sign-out", "sign-out-everywhere"] {
        let answer = newcomer.submit(&format!("{DEVICES}/{path}"), &[]).await;
        assert_eq!(answer.location(), "/_bmauth/sign-in?return_to=%2F_bmauth%2Fdevices", "{path}");
    }
    let (mut browser, _) = registered(&world, MARIA).await;
    for (path, body) in [
        ("confirm", json!({})),
        ("confirm", json!({ "act": "everything" })),
        ("confirm", json!({ "act": "remove" })),
        ("confirm/verify", json!({})),
        ("confirm", json!([1])),
        ("passkey/verify", json!({ "ceremony": 1 })),
    ] {
        assert!(!post(&mut browser, path, &body).await.refusal().is_empty(), "{path} {body}");
    }
    for path in ["rename", "sign-out"] {
        let answer = browser.submit(&format!("{DEVICES}/{path}"), &[("x", "y")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    // From another site.
    browser.csrf = String::new();
    for path in ["rename", "sign-out", "sign-out-everywhere"] {
        let answer = browser.submit(&format!("{DEVICES}/{path}"), &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.text.contains("href=\"/_bmauth/devices\""), "{}", answer.text);
    }
}
