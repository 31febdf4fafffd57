//! "My account": name, language, address, the download of what is kept, the end; and what is refused there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bmauth::domain::account::Account;
use bmauth::domain::activity::Event;
use bmauth::domain::address::{Move, MoveStage};
use bmauth::domain::clock::Timestamp;
use bmauth::domain::email::Email;
use bmauth::domain::plan::{AccountChange, Change, Durability, EventChange, HoldChange, MoveChange, RecoveryChange};
use bmauth::domain::recover::RecoveryMode;
use bmauth::domain::recovery::{Hold, HoldId, Recovery};
use bmauth::store::memory::MemoryStore;
use http::{StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::authenticator::{Passkey, encode};
use crate::browser::{Answer, Browser};
use crate::edge::Meanwhile;
use crate::world::{CONFIG, World};

const MARIA: &str = "maria@example.com";
const BOB: &str = "bob@example.com";
const ACCOUNT: &str = "/_bmauth/account";

/// A person with a passkey and a browser that has just signed in with it.
async fn registered(world: &World, email: &str) -> (Browser, Passkey) {
    let mut passkey = Passkey::new(format!("key of {email}").as_bytes());
    let mut browser = world.browser();
    browser.register(world, email, &mut passkey).await;
    browser.get(ACCOUNT).await;
    (browser, passkey)
}

/// Another browser of the same person.
async fn another_browser(world: &World, passkey: &mut Passkey) -> Browser {
    let mut browser = world.browser();
    assert_eq!(browser.sign_in(None, passkey).await.status, StatusCode::OK);
    browser.get(ACCOUNT).await;
    browser
}

async fn find(world: &World, email: &str) -> Option<Account> {
    world.store.account_by_email(&Email::parse(email).unwrap()).await.unwrap()
}

async fn account(world: &World, email: &str) -> Account {
    find(world, email).await.unwrap()
}

/// Asks for a challenge to confirm.
async fn ask(browser: &mut Browser, act: &Value) -> Answer {
    browser.post("/_bmauth/devices/confirm", act).await
}

/// Sends what a device answers to that challenge.
async fn prove(browser: &mut Browser, asked: &Answer, passkey: &mut Passkey) -> Answer {
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    let asked = asked.json();
    let credential = passkey.get(&asked["options"]);
    let body = json!({ "ceremony": asked["ceremony"], "credential": credential });
    browser.post("/_bmauth/devices/confirm/verify", &body).await
}

/// Asks and answers.
async fn confirm(browser: &mut Browser, act: &Value, passkey: &mut Passkey) -> Answer {
    let asked = ask(browser, act).await;
    prove(browser, &asked, passkey).await
}

/// So many seconds from now, as the file writes it.
fn later(world: &World, seconds: u64) -> String {
    world.auth.now().after(std::time::Duration::from_secs(seconds)).rfc3339()
}

fn subjects(mails: &[bmauth::mail::letters::Rendered]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}

async fn describe(browser: &mut Browser, name: &str, language: &str) -> Answer {
    browser.submit("/_bmauth/account/profile", &[("name", name), ("language", language)]).await
}

#[tokio::test]
async fn the_page_is_for_signed_in_people() {
    let world = World::new().await;
    let mut visitor = world.browser();
    assert_eq!(visitor.get(ACCOUNT).await.location(), "/_bmauth/sign-in?return_to=%2F_bmauth%2Faccount");
    let (mut maria, _) = registered(&world, MARIA).await;
    let page = maria.get(ACCOUNT).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains(MARIA) && page.text.contains("My account"), "{}", page.text);
    for page in ["/_bmauth/devices", "/_bmauth/apps"] {
        assert!(maria.get(page).await.text.contains("href=\"/_bmauth/account\""), "{page}");
    }
    // A person who has signed out meanwhile changes nothing, and is asked to sign in.
    world.auth.operate.end_sessions(&account(&world, MARIA).await).await.unwrap();
    assert!(describe(&mut maria, "Maria", "").await.location().starts_with("/_bmauth/sign-in"));
    assert_eq!(ask(&mut maria, &json!({ "act": "download" })).await.refusal(), "not-signed-in");
    assert_eq!(account(&world, MARIA).await.name, None);
}

#[tokio::test]
async fn a_name_is_changed_at_once_and_apps_are_told_it_from_then_on() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let mut other = another_browser(&world, &mut passkey).await;
    let name = async |browser: &mut Browser| {
        let who = browser.get("/_bmauth/whoami").await.json();
        who["name"].as_str().map(str::to_owned)
    };
    assert_eq!(name(&mut other).await, None);
    for (typed, kept) in [
        ("Maria Muster", Some("Maria Muster")),
        ("  María \t de\r\nla  Ó ", Some("María de la Ó")),
        ("Ma\u{202e}ria\u{0}\u{200b}\u{7f}", Some("Maria")),
        (&"ä".repeat(70), Some(&*"ä".repeat(64))),
        ("\u{61c}Maria\u{61c}", Some("Maria")),
        (" \u{200b} ", None),
        ("<b>", Some("<b>")),
        ("", None),
    ] {
        let saved = describe(&mut maria, typed, "").await;
        assert_eq!(saved.location(), "/_bmauth/account?saved", "{typed:?}");
        assert_eq!(account(&world, MARIA).await.name.as_deref(), kept, "{typed:?}");
        for browser in [&mut maria, &mut other] {
            assert_eq!(name(browser).await.as_deref(), kept, "{typed:?}");
        }
        assert!(maria.get("/_bmauth/account?saved").await.text.contains("Saved."));
    }
}

#[tokio::test]
async fn a_name_is_taken_from_our_own_form_only() {
    let world = World::new().await;
    let (mut maria, _) = registered(&world, MARIA).await;
    let (mut bob, _) = registered(&world, BOB).await;
    let token = std::mem::replace(&mut maria.csrf, bob.csrf.clone());
    assert_eq!(describe(&mut maria, "Mallory", "").await.status, StatusCode::FORBIDDEN);
    maria.csrf = token;
    assert_eq!(describe(&mut maria, "Maria", "tlh").await.status, StatusCode::BAD_REQUEST, "no such language");
    assert_eq!(maria.submit("/_bmauth/account/profile", &[("name", "Mia")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(account(&world, MARIA).await.name, None);
    assert_eq!(describe(&mut bob, "Bob", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(account(&world, MARIA).await.name, None, "no other account has that name");
}

#[tokio::test]
async fn a_language_is_that_of_the_pages_here_and_of_all_mails() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    describe(&mut maria, "", "de").await;
    assert!(maria.get(ACCOUNT).await.text.contains("<h1 tabindex=\"-1\">Mein Konto</h1>"));
    // Another browser asks in English, and its owner reads German.
    let mut other = another_browser(&world, &mut passkey).await;
    assert!(other.get(ACCOUNT).await.text.contains("My account"));
    let begun = other.begin_adding(&mut passkey, None).await;
    let made = json!({
        "ceremony": begun["ceremony"],
        "credential": Passkey::new(b"second").create(&begun["options"]),
    });
    assert_eq!(other.post("/_bmauth/devices/passkey/verify", &made).await.status, StatusCode::OK);
    assert_eq!(subjects(&world.mails(MARIA).await), ["Ihr Konto bei Acme Notes hat einen neuen Passkey"]);
}

#[tokio::test]
async fn without_a_language_of_their_own_the_pages_are_in_the_browsers_again() {
    let world = World::new().await;
    let (mut maria, _) = registered(&world, MARIA).await;
    maria.choose_german().await;
    assert!(maria.cookies.contains_key("__Host-bmauth-lang"));
    assert_eq!(describe(&mut maria, "", "").await.status, StatusCode::SEE_OTHER);
    assert!(!maria.cookies.contains_key("__Host-bmauth-lang"), "{:?}", maria.cookies);
    assert!(maria.get(ACCOUNT).await.text.contains("My account"));
    // One that was chosen for the pages of this browser alone stays, whatever else is saved.
    maria.get("/_bmauth/account?lang=de").await;
    describe(&mut maria, "Maria", "").await;
    assert!(maria.get(ACCOUNT).await.text.contains("Mein Konto"));
}

#[tokio::test]
async fn what_is_kept_is_handed_out_to_a_passkey_used_for_that() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    describe(&mut maria, "Maria", "de").await;
    registered(&world, BOB).await;
    maria.get(ACCOUNT).await;
    let act = json!({ "act": "download" });
    let file = confirm(&mut maria, &act, &mut passkey).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text);
    assert_eq!(file.headers[header::CONTENT_DISPOSITION], "attachment; filename=\"account.json\"");
    assert_eq!(file.headers[header::CACHE_CONTROL], "no-store");
    let (id, data) = (account(&world, MARIA).await.id.to_string(), file.json());
    let told = &data["account"];
    assert_eq!((told["id"].as_str(), told["email"].as_str()), (Some(&*id), Some(MARIA)));
    assert_eq!((told["name"].as_str(), told["language"].as_str()), (Some("Maria"), Some("de")));
    assert_eq!(data["passkeys"][0]["id"], encode(&passkey.id));
    assert_eq!(data["sessions"][0]["address"], "192.0.2.1");
    assert_eq!(data["activity"][0]["what"], "registered");
    // Nothing that opens anything, and nothing of another account.
    assert!(!file.text.contains(BOB) && !file.text.contains(&maria.cookies["__Host-bmauth"]), "{}", file.text);
    // A proof is for one file, in its own session, and for nothing else.
    let asked = ask(&mut maria, &act).await;
    let mut other = another_browser(&world, &mut passkey).await;
    assert_eq!(prove(&mut other, &asked, &mut passkey).await.refusal(), "expired-ceremony");
    assert_eq!(prove(&mut maria, &asked, &mut passkey).await.status, StatusCode::OK);
    assert_eq!(prove(&mut maria, &asked, &mut passkey).await.refusal(), "expired-ceremony");
    let (_, mut bobs) = registered(&world, "ben@example.com").await;
    assert_eq!(confirm(&mut maria, &act, &mut bobs).await.refusal(), "not-accepted");
    let late = ask(&mut maria, &act).await;
    world.wait(5 * 60);
    assert_eq!(prove(&mut maria, &late, &mut passkey).await.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn all_that_happened_to_an_account_is_handed_out_however_much_it_is() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let id = account(&world, MARIA).await.id;
    let [event]: [Event; 1] = world.store.events(id, 1).await.unwrap().try_into().unwrap();
    let more = (0..5_000).map(|n| EventChange::Add(Event { id: Uuid::from_u128(n), ..event.clone() }).into());
    world.store.commit(more.collect(), Durability::Durable).await.unwrap();
    maria.get(ACCOUNT).await;
    let file = confirm(&mut maria, &json!({ "act": "download" }), &mut passkey).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text);
    assert!(file.json()["activity"].as_array().unwrap().len() > 5_000);
}

#[tokio::test]
async fn an_account_is_deleted_by_a_passkey_and_the_address_typed() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let (mut bob, mut bobs) = registered(&world, BOB).await;
    let mut other = another_browser(&world, &mut passkey).await;
    let delete = |email: &str| json!({ "act": "delete-account", "email": email });
    for wrong in ["", "maria", BOB, "maria@example.co"] {
        assert_eq!(ask(&mut maria, &delete(wrong)).await.refusal(), "email-mismatch", "{wrong}");
    }
    // Asked for, and confirmed by another person's passkey or not at all.
    let asked = ask(&mut maria, &delete(MARIA)).await;
    assert_eq!(prove(&mut maria, &asked, &mut bobs).await.refusal(), "not-accepted");
    assert_eq!(prove(&mut maria, &asked, &mut passkey).await.refusal(), "expired-ceremony");
    assert!(find(&world, MARIA).await.is_some());

    let id = account(&world, MARIA).await.id;
    let done = confirm(&mut maria, &delete(" Maria@Example.com"), &mut passkey).await;
    assert_eq!(done.json(), json!({ "location": "/_bmauth/account/deleted" }));
    assert!(maria.cookies.is_empty(), "{:?}", maria.cookies);
    assert!(find(&world, MARIA).await.is_none() && find(&world, BOB).await.is_some());
    assert_eq!(maria.who().await, None);
    assert_eq!(other.who().await, None);
    assert_eq!(bob.who().await.as_deref(), Some(BOB));
    assert!(world.store.passkeys(id).await.unwrap().is_empty() && world.store.events(id, 9).await.unwrap().is_empty());
    assert_eq!(subjects(&world.mails(MARIA).await), ["Your Acme Notes account was deleted"]);
    let page = maria.get("/_bmauth/account/deleted").await;
    assert!(page.text.contains("Your account is deleted") && page.text.contains("still there"), "{}", page.text);
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "unknown-passkey");
    // The address may register again, as a new account.
    registered(&world, MARIA).await;
    assert_ne!(account(&world, MARIA).await.id, id);
}

#[tokio::test]
async fn of_two_deletions_at_once_one_counts_and_one_last_mail_is_sent() {
    for round in 0..10 {
        let world = World::new().await;
        let (mut one, mut passkey) = registered(&world, MARIA).await;
        let mut two = another_browser(&world, &mut passkey).await;
        let act = json!({ "act": "delete-account", "email": MARIA });
        let (asked_one, asked_two) = (ask(&mut one, &act).await, ask(&mut two, &act).await);
        let (mut key_one, mut key_two) = (passkey.again(), passkey.again());
        let tasks = [
            tokio::spawn(async move { prove(&mut one, &asked_one, &mut key_one).await.status }),
            tokio::spawn(async move { prove(&mut two, &asked_two, &mut key_two).await.status }),
        ];
        let mut done = 0;
        for task in tasks {
            done += usize::from(task.await.unwrap() == StatusCode::OK);
        }
        assert_eq!((done, world.mails(MARIA).await.len()), (1, 1), "round {round}");
    }
}

// Another address.

const ADDRESS: &str = "/_bmauth/account/address";
const NEW: &str = "mary@example.com";
const DAY: u64 = 24 * 3600;

fn to(email: &str) -> Value {
    json!({ "act": "change-address", "to": email })
}

/// Asks for another address, with a passkey used for that.
async fn ask_for(browser: &mut Browser, email: &str, passkey: &mut Passkey) {
    let asked = confirm(browser, &to(email), passkey).await;
    assert_eq!(asked.json(), json!({ "location": ADDRESS }));
}

async fn enter(browser: &mut Browser, code: &str) -> Answer {
    browser.get(ADDRESS).await;
    browser.submit(ADDRESS, &[("code", code)]).await
}

/// Everything up to the new address; hands over what the link in the letter to the old one says.
async fn change(world: &World, browser: &mut Browser, passkey: &mut Passkey, email: &str) -> String {
    let before = browser.who().await.unwrap();
    browser.get(ACCOUNT).await;
    ask_for(browser, email, passkey).await;
    let code = world.code(email).await;
    let changed = enter(browser, &code).await;
    assert_eq!(changed.location(), "/_bmauth/account?changed", "{}", changed.text);
    undo_link(&world.mails(&before).await)
}

fn undo_link(mails: &[bmauth::mail::letters::Rendered]) -> String {
    let letters = mails.iter().filter(|mail| mail.subject.contains("was changed"));
    let links = letters.flat_map(|mail| mail.text.split_whitespace()).filter_map(|word| word.split_once("/undo#"));
    let [link] = links.map(|(_, link)| link.to_owned()).collect::<Vec<_>>().try_into().unwrap();
    link
}

async fn undo(browser: &mut Browser, link: &str) -> Answer {
    assert!(browser.get("/_bmauth/account/undo").await.text.contains("Undo the new address?"));
    browser.submit("/_bmauth/account/undo", &[("link", link)]).await
}

#[tokio::test]
async fn an_address_is_changed_by_a_passkey_and_a_code_to_the_new_one() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let mut other = another_browser(&world, &mut passkey).await;
    let id = account(&world, MARIA).await.id;
    ask_for(&mut maria, NEW, &mut passkey).await;
    assert!(maria.get(ACCOUNT).await.text.contains(NEW), "it is gone on with from the page");
    let data = confirm(&mut maria, &json!({ "act": "download" }), &mut passkey).await.json();
    assert_eq!(data["address_change"], json!({ "to": NEW, "from": null, "until": later(&world, 30 * 60) }));
    assert_eq!(data["held_recovery"], Value::Null);
    assert!(!other.get(ACCOUNT).await.text.contains(NEW));
    assert_eq!(account(&world, MARIA).await.id, id, "nothing is changed without the code");
    let code = world.code(NEW).await;
    assert!(world.mails(MARIA).await.is_empty());
    world.wait(1);
    let page = maria.get(ADDRESS).await.text;
    assert!(page.contains("If <strong>mary@example.com</strong> can be used for your account, we sent"), "{page}");
    assert_eq!(enter(&mut maria, &code).await.location(), "/_bmauth/account?changed");
    assert!(find(&world, MARIA).await.is_none());
    assert_eq!(account(&world, NEW).await.id, id);
    // Every session tells it from its next request on.
    for browser in [&mut maria, &mut other] {
        assert_eq!(browser.who().await.as_deref(), Some(NEW));
    }
    let page = maria.get("/_bmauth/account?changed").await.text;
    assert!(page.contains("Your address is changed.") && page.contains("It was maria@example.com before."), "{page}");
    assert_eq!(subjects(&world.mails(MARIA).await), ["The email address of your Acme Notes account was changed"]);
    assert!(world.mails(NEW).await.is_empty());
    let data = confirm(&mut maria, &json!({ "act": "download" }), &mut passkey).await.json();
    assert_eq!(data["address_change"], json!({ "to": null, "from": MARIA, "until": later(&world, DAY) }));
    assert_eq!(data["activity"][0]["what"], "address-changed");
    assert_eq!(data["activity"][1]["what"], "address-asked");
    // The new one signs in, and the old one is as unknown as any.
    assert_eq!(world.browser().sign_in(Some(NEW), &mut passkey).await.status, StatusCode::OK);
    let challenge = world.browser().challenge(Some(MARIA)).await;
    assert_ne!(challenge["options"]["allowCredentials"][0]["id"], encode(&passkey.id));
    // Entered again, the code leads nowhere else.
    assert_eq!(enter(&mut maria, &code).await.location(), ACCOUNT);
}

#[tokio::test]
async fn a_code_of_a_new_address_is_one_sessions_and_has_its_tries_and_its_time() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let mut other = another_browser(&world, &mut passkey).await;
    ask_for(&mut maria, NEW, &mut passkey).await;
    let code = world.code(NEW).await;
    // Another browser of the same person, even with the flow's secret.
    other.cookies.insert("__Host-bmauth-flow".into(), maria.cookies["__Host-bmauth-flow"].clone());
    other.get(ACCOUNT).await;
    assert_eq!(other.get(ADDRESS).await.location(), ACCOUNT);
    assert_eq!(other.submit(ADDRESS, &[("code", &code)]).await.location(), ACCOUNT);
    assert_eq!(other.submit("/_bmauth/account/address/resend", &[]).await.location(), ACCOUNT);
    assert_eq!(maria.submit(ADDRESS, &[("code", "nonsense")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    for left in [4, 3, 2, 1] {
        let again = enter(&mut maria, &crate::api::wrong(&code)).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.text.contains(&format!("{left} tr")), "{}", again.text);
    }
    enter(&mut maria, &crate::api::wrong(&code)).await;
    let spent = enter(&mut maria, &code).await;
    assert!(spent.text.contains("tried too many times"), "{}", spent.text);
    // Another code, not too soon; the one before it opens nothing.
    assert_eq!(maria.submit("/_bmauth/account/address/resend", &[]).await.status, StatusCode::TOO_MANY_REQUESTS);
    world.wait(30);
    maria.get(ADDRESS).await;
    let resent = maria.submit("/_bmauth/account/address/resend", &[]).await;
    assert_eq!(resent.location(), "/_bmauth/account/address?resent");
    let second = world.code(NEW).await;
    assert_ne!(code, second);
    world.wait(10 * 60);
    assert!(enter(&mut maria, &second).await.text.contains("too old"));
    world.wait(20 * 60);
    assert_eq!(maria.get(ADDRESS).await.location(), ACCOUNT);
    assert_eq!(account(&world, MARIA).await.email.as_str(), MARIA);
}

#[tokio::test]
async fn a_person_who_types_the_code_too_early_is_told_so() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    ask_for(&mut maria, NEW, &mut passkey).await;
    let first = world.code(NEW).await;
    world.wait(30);
    maria.get(ADDRESS).await;
    maria.submit("/_bmauth/account/address/resend", &[]).await;
    let second = world.code(NEW).await;
    let older = enter(&mut maria, &first).await;
    assert_eq!(older.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(older.text.contains("That is an older code.") && older.text.contains("4 tries"), "{}", older.text);
    assert_eq!(enter(&mut maria, &second).await.location(), "/_bmauth/account?changed");
}

/// Maria's code is typed while something else is committed just before the change, of what is there then.
async fn enter_while(change: fn(Move, Timestamp) -> Change) -> (World, Answer) {
    let store = Arc::<crate::edge::Fragile>::default();
    let world = World::with(CONFIG, Arc::clone(&store) as _).await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    ask_for(&mut maria, NEW, &mut passkey).await;
    let code = world.code(NEW).await;
    maria.get(ADDRESS).await;
    let asked = world.store.moving(account(&world, MARIA).await.id).await.unwrap().unwrap();
    // As it is once the try is counted.
    let counted = tried(asked);
    let before = |change: &Change| matches!(change, Change::Account(AccountChange::SetEmail { .. }));
    *store.meanwhile.lock().unwrap() = Some(Meanwhile { before, change: change(counted, world.auth.now()) });
    let answer = maria.submit(ADDRESS, &[("code", &code)]).await;
    assert!(store.meanwhile.lock().unwrap().is_none(), "it came in between");
    (world, answer)
}

/// The same change with one more try of its code.
fn tried(asked: Move) -> Move {
    let MoveStage::Asked(mut stage) = asked.stage else { panic!("no code is out") };
    stage.code = stage.code.tried_beside().unwrap();
    Move { revision: asked.revision + 1, stage: MoveStage::Asked(stage), ..asked }
}

#[tokio::test]
async fn a_right_code_is_right_also_where_another_try_was_counted_at_the_same_moment() {
    let (world, answer) =
        enter_while(|counted, _| MoveChange::put(Some(&counted), tried(counted.clone())).into()).await;
    assert_eq!(answer.location(), "/_bmauth/account?changed");
    assert!(find(&world, NEW).await.is_some());
}

#[tokio::test]
async fn a_right_code_changes_nothing_where_a_recovery_began_to_wait_at_the_same_moment_and_says_so() {
    let (world, answer) = enter_while(|counted, now| {
        let until = now.after(std::time::Duration::from_secs(3600));
        let (id, account) = (HoldId(Uuid::from_u128(1)), counted.account);
        HoldChange::Add(Hold { id, account, asked_at: now, until, browser: "Opera".to_owned() }).into()
    })
    .await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text.contains("Someone is getting back into this account."), "{}", answer.text);
    assert!(find(&world, NEW).await.is_none());
}

#[tokio::test]
async fn a_code_is_worth_nothing_once_what_asked_for_it_is_over() {
    for over in [
        "sign-out",
        "everywhere",
        "everywhere here",
        "disabled",
        "passkey",
        "getting back",
        "recovered",
        "asked anew",
        "held",
    ] {
        let world =
            World::with(&format!("{CONFIG}\n[accounts]\nrecovery = \"email\""), Arc::<MemoryStore>::default()).await;
        let (mut maria, mut passkey) = registered(&world, MARIA).await;
        let begun = maria.begin_adding(&mut passkey, None).await;
        let mut second = Passkey::new(b"second");
        let made = json!({ "ceremony": begun["ceremony"], "credential": second.create(&begun["options"]) });
        maria.post("/_bmauth/devices/passkey/verify", &made).await;
        let mut other = another_browser(&world, &mut passkey).await;
        maria.get(ACCOUNT).await;
        // Confirmed with another passkey than the one that the session was begun with.
        ask_for(&mut maria, NEW, &mut second).await;
        let code = world.code(NEW).await;
        world.mails(MARIA).await;
        let owner = account(&world, MARIA).await;
        match over {
            "sign-out" => drop(maria.submit("/_bmauth/sign-out", &[]).await),
            "everywhere" => drop(other.submit("/_bmauth/devices/sign-out-everywhere", &[]).await),
            "everywhere here" => drop(maria.submit("/_bmauth/devices/sign-out-everywhere", &[]).await),
            "disabled" => {
                for disabled in [true, false] {
                    world.auth.operate.set_disabled(&owner, disabled).await.unwrap();
                }
            }
            "passkey" => {
                let remove = json!({ "act": "remove", "passkey": encode(&second.id) });
                assert_eq!(confirm(&mut other, &remove, &mut passkey).await.status, StatusCode::OK);
            }
            "getting back" => {
                let mut lost = world.browser();
                crate::recovering::ask(&mut lost, MARIA).await;
                let proof = world.code(MARIA).await;
                crate::recovering::enter(&mut lost, &proof).await;
                let refused = enter(&mut maria, &code).await;
                assert_eq!(refused.status, StatusCode::CONFLICT);
                assert!(refused.text.contains("Someone is getting back into this account."), "{}", refused.text);
                let done = crate::recovering::set_up(&mut lost, &mut Passkey::new(b"new key")).await;
                assert_eq!(done.status, StatusCode::OK, "no one throws out a person who has proved the recovery");
            }
            "recovered" => {
                let (mut lost, mut new) = (world.browser(), Passkey::new(b"new key"));
                crate::recovering::recover(&world, &mut lost, &mut new).await;
            }
            "held" => {
                let (id, asked_at) = (HoldId(Uuid::from_u128(1)), world.auth.now());
                let until = asked_at.after(std::time::Duration::from_secs(3600));
                let hold = Hold { id, account: owner.id, asked_at, until, browser: "Opera".to_owned() };
                world.store.commit(vec![HoldChange::Add(hold).into()], Durability::Durable).await.unwrap();
            }
            _ => {
                world.wait(60);
                ask_for(&mut maria, "mia@example.com", &mut passkey).await;
            }
        }
        let refused = enter(&mut maria, &code).await;
        assert!(refused.status != StatusCode::SEE_OTHER || !refused.location().contains("changed"), "{over}");
        assert!(find(&world, NEW).await.is_none(), "{over}");
        assert_eq!(account(&world, MARIA).await.id, owner.id, "{over}");
    }
}

#[tokio::test]
async fn an_address_is_asked_for_by_who_may_have_it_and_by_a_passkey_used_for_that_one() {
    let world = World::with(
        &format!("{CONFIG}\n[accounts]\nregistration = \"open\"\nallowed_domains = [\"example.com\"]"),
        Arc::<MemoryStore>::default(),
    )
    .await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let (_, mut bobs) = registered(&world, BOB).await;
    for (typed, refusal) in [
        ("", "invalid-email"),
        ("mary", "invalid-email"),
        (" Maria@EXAMPLE.com ", "own-address"),
        ("mary@elsewhere.example", "email-not-allowed"),
    ] {
        assert_eq!(ask(&mut maria, &to(typed)).await.refusal(), refusal, "{typed}");
    }
    let asked = ask(&mut maria, &to(NEW)).await;
    assert_eq!(prove(&mut maria, &asked, &mut bobs).await.refusal(), "not-accepted");
    // A confirmation lately, or of something else, counts for nothing.
    confirm(&mut maria, &json!({ "act": "download" }), &mut passkey).await;
    assert_eq!(maria.get(ADDRESS).await.location(), ACCOUNT);
    assert!(world.mails(NEW).await.is_empty());
    maria.get(ACCOUNT).await;
    let asked = ask(&mut maria, &to(NEW)).await;
    let mut other = another_browser(&world, &mut passkey).await;
    assert_eq!(prove(&mut other, &asked, &mut passkey).await.refusal(), "expired-ceremony");
    assert_eq!(prove(&mut maria, &asked, &mut passkey).await.status, StatusCode::OK);
    assert_eq!(prove(&mut maria, &asked, &mut passkey).await.refusal(), "expired-ceremony");
    assert_eq!(world.mails(NEW).await.len(), 1);
}

#[tokio::test]
async fn an_address_that_the_mail_server_cannot_write_to_is_not_asked_for() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    maria.get(ACCOUNT).await;
    let asked = ask(&mut maria, &to("mária@example.com")).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    world.mailbox.is_old.store(true, Ordering::SeqCst);
    assert_eq!(ask(&mut maria, &to("mária@example.com")).await.refusal(), "no-mail-to");
    assert_eq!(prove(&mut maria, &asked, &mut passkey).await.refusal(), "no-mail-to", "also where it was asked before");
    ask_for(&mut maria, NEW, &mut passkey).await;
}

#[tokio::test]
async fn by_invitation_a_new_address_is_one_that_is_invited_and_no_page_tells_which_are() {
    for registration in ["invite", "closed"] {
        let text = format!("{CONFIG}\n[accounts]\nregistration = \"{registration}\"");
        let world = World::with(&text, Arc::<MemoryStore>::default()).await;
        for email in [MARIA, NEW] {
            world.auth.operate.invite(Email::parse(email).unwrap(), vec!["staff".to_owned()]).await.unwrap();
        }
        let (mut maria, mut passkey) = registered(&world, MARIA).await;
        ask_for(&mut maria, "nobody@example.com", &mut passkey).await;
        let page = maria.get(ADDRESS).await.text.replace("nobody@", "mary@");
        assert!(world.mails("nobody@example.com").await.is_empty());
        let code = world.code_of(waiting_code(&world, MARIA).await).await;
        assert_eq!(enter(&mut maria, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        maria.get(ACCOUNT).await;
        ask_for(&mut maria, NEW, &mut passkey).await;
        let without_token = |page: &str| -> Vec<String> {
            let parts = page.split("name=\"csrf\" value=\"");
            parts.map(|part| part.split_once('"').unwrap().1.to_owned()).collect()
        };
        assert_eq!(without_token(&maria.get(ADDRESS).await.text), without_token(&page));
        let code = world.code(NEW).await;
        assert_eq!(enter(&mut maria, &code).await.location(), "/_bmauth/account?changed");
        // The invitation is used up, and no groups come of it.
        let email = Email::parse(NEW).unwrap();
        assert!(world.auth.operate.find_invitation(&email).await.unwrap().is_none());
        assert_eq!(account(&world, NEW).await.groups, ["staff"]);
    }
}

/// The name of the code that is out for an account's new address.
async fn waiting_code(world: &World, email: &str) -> bmauth::domain::code::CodeId {
    let found = world.store.moving(account(world, email).await.id).await.unwrap().unwrap();
    match found.stage {
        MoveStage::Asked(asked) => asked.code.id,
        MoveStage::Done { .. } | MoveStage::Undone => panic!("no code is out"),
    }
}

#[tokio::test]
async fn an_address_of_another_gives_the_same_page_and_its_owner_a_letter() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    registered(&world, BOB).await;
    ask_for(&mut maria, BOB, &mut passkey).await;
    assert_eq!(maria.get(ADDRESS).await.status, StatusCode::OK);
    let [letter] = world.mails(BOB).await.try_into().unwrap();
    assert_eq!(letter.subject, "Someone wanted to use your email address with Acme Notes");
    assert!(!letter.text.contains(MARIA), "{}", letter.text);
    let code = world.code_of(waiting_code(&world, MARIA).await).await;
    assert_eq!(enter(&mut maria, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no code is right");
    assert_eq!(account(&world, MARIA).await.email.as_str(), MARIA);
}

#[tokio::test]
async fn what_others_began_for_an_address_dies_when_it_is_proved() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    // Another person registers with it before, and even knows the code.
    let mut thief = world.browser();
    thief.ask_to_register(NEW, &mut Passkey::new(b"thief")).await;
    let theirs = world.code(NEW).await;
    // Another account asks for it too.
    let (mut bob, mut bobs) = registered(&world, BOB).await;
    world.wait(60);
    ask_for(&mut bob, NEW, &mut bobs).await;
    let bobs_code = world.code(NEW).await;
    change(&world, &mut maria, &mut passkey, NEW).await;
    assert!(thief.enter(&theirs).await.status.is_client_error());
    let refused = enter(&mut bob, &bobs_code).await;
    assert_eq!((refused.status, refused.location()), (StatusCode::SEE_OTHER, ACCOUNT));
    assert_eq!(bob.who().await.as_deref(), Some(BOB));
    assert_eq!(maria.who().await.as_deref(), Some(NEW));
}

#[tokio::test]
async fn of_two_who_prove_the_same_new_address_at_once_one_gets_it() {
    for round in 0..10 {
        let world = World::new().await;
        let (mut maria, mut marias) = registered(&world, MARIA).await;
        let (mut bob, mut bobs) = registered(&world, BOB).await;
        ask_for(&mut maria, NEW, &mut marias).await;
        let code = world.code(NEW).await;
        ask_for(&mut bob, NEW, &mut bobs).await;
        let bobs_code = world.code(NEW).await;
        maria.get(ADDRESS).await;
        bob.get(ADDRESS).await;
        let tasks = [
            tokio::spawn(async move { maria.submit(ADDRESS, &[("code", &code)]).await.location().to_owned() }),
            tokio::spawn(async move { bob.submit(ADDRESS, &[("code", &bobs_code)]).await.location().to_owned() }),
        ];
        let mut winners = 0;
        for task in tasks {
            winners += usize::from(task.await.unwrap().ends_with("?changed"));
        }
        let left = [MARIA, BOB].map(|email| find(&world, email));
        let left = futures_util::future::join_all(left).await.into_iter().flatten().count();
        assert_eq!((winners, left), (1, 1), "round {round}");
    }
}

#[tokio::test]
async fn for_a_day_the_old_address_is_free_for_no_account_and_its_own_is_not_changed_again_nor_deleted() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    change(&world, &mut maria, &mut passkey, NEW).await;
    let (mut bob, mut bobs) = registered(&world, BOB).await;
    maria.get(ACCOUNT).await;
    for act in [to("mia@example.com"), to(MARIA), json!({ "act": "delete-account", "email": NEW })] {
        assert_eq!(ask(&mut maria, &act).await.refusal(), "changed-lately");
    }
    // It is reserved: not available by registering, not by another change, not by an invitation.
    world.auth.operate.invite(Email::parse(MARIA).unwrap(), Vec::new()).await.unwrap();
    let mut visitor = world.browser();
    assert_eq!(visitor.ask_to_register(MARIA, &mut Passkey::new(b"visitor")).await.status, StatusCode::OK);
    let subject = "This email address is kept with Acme Notes for a day";
    assert_eq!(subjects(&world.mails(MARIA).await), [subject]);
    ask_for(&mut bob, MARIA, &mut bobs).await;
    assert_eq!(subjects(&world.mails(MARIA).await), [subject]);
    let code = world.code_of(waiting_code(&world, BOB).await).await;
    assert_eq!(enter(&mut bob, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(find(&world, MARIA).await.is_none());
    // After that it is free, and the account can be changed again.
    world.wait(DAY);
    let mut maria = another_browser(&world, &mut passkey).await;
    ask_for(&mut maria, "mia@example.com", &mut passkey).await;
    world.browser().register(&world, MARIA, &mut Passkey::new(b"somebody new")).await;
}

#[tokio::test]
async fn the_link_undoes_a_change_and_ends_all_sessions() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let mut other = another_browser(&world, &mut passkey).await;
    let id = account(&world, MARIA).await.id;
    let link = change(&world, &mut maria, &mut passkey, NEW).await;
    // What is begun by the new address meanwhile dies too.
    let mut lost = world.browser();
    lost.get("/_bmauth/recover").await;
    lost.submit("/_bmauth/recover", &[("email", NEW)]).await;
    let code = world.code(NEW).await;
    let mut owner = world.browser();
    let page = owner.get("/_bmauth/account/undo").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(account(&world, NEW).await.id, id, "a GET changes nothing");
    let forged = &*link.replacen(|c: char| c.is_ascii_digit(), "a", 5);
    for brought in ["", "x", ".", forged, &link[1..], &link[..link.len() - 1]] {
        let refused = undo(&mut owner, brought).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{brought}");
        assert!(refused.text.contains("Nothing was undone"), "{}", refused.text);
    }
    // What a filter has moved into the path is found by the page's script.
    let mangled = owner.get(&format!("/_bmauth/account/undo%23{link}")).await;
    assert_eq!(mangled.status, StatusCode::NOT_FOUND);
    assert!(mangled.text.contains("Undo the new address?"), "{}", mangled.text);
    assert!(!mangled.text.contains(&link), "{}", mangled.text);
    assert_eq!(owner.get("/_bmauth/account/undone").await.text.matches("<h1>Undo the new").count(), 1);
    let mangling = format!("<https://notes.example.com/_bmauth/account/undo%23{link}>.");
    let done = undo(&mut owner, &mangling).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.text.contains("Your earlier address is back"), "{}", done.text);
    assert_eq!(account(&world, MARIA).await.id, id);
    assert!(find(&world, NEW).await.is_none());
    for browser in [&mut maria, &mut other] {
        assert_eq!(browser.who().await, None);
    }
    let subject = "The change of your Acme Notes email address was undone";
    for address in [MARIA, NEW] {
        assert_eq!(subjects(&world.mails(address).await), [subject]);
    }
    lost.get("/_bmauth/recover/code").await;
    let recovers = lost.submit("/_bmauth/recover/code", &[("code", &code)]).await;
    assert!(recovers.status.is_client_error(), "{}", recovers.status);
    // Once is enough, and the new address is free at once.
    assert_eq!(undo(&mut owner, &link).await.status, StatusCode::GONE);
    registered(&world, NEW).await;
}

/// A thief whose passkey stays after an undo, and their browser, that has just signed in with it again.
async fn thief_after_an_undo(world: &World) -> (Browser, Passkey) {
    let (mut thief, mut passkey) = registered(world, MARIA).await;
    let link = change(world, &mut thief, &mut passkey, NEW).await;
    // At the end of its day, so that what blocks is a day of its own.
    world.wait(DAY - 1);
    assert_eq!(undo(&mut world.browser(), &link).await.status, StatusCode::OK);
    (another_browser(world, &mut passkey).await, passkey)
}

#[tokio::test]
async fn an_address_that_was_restored_is_not_changed_again_for_a_day() {
    let world = World::new().await;
    let (mut thief, mut passkey) = thief_after_an_undo(&world).await;
    world.wait(2);
    assert_eq!(ask(&mut thief, &to("thief@example.com")).await.refusal(), "changed-lately");
    let page = thief.get(ACCOUNT).await.text;
    assert!(page.contains("A change of this address was undone") && !page.contains("data-do=\"change\""), "{page}");
    // Nothing that one presses ends that.
    thief.submit("/_bmauth/devices/sign-out-everywhere", &[]).await;
    assert_eq!(ask(&mut thief, &to("thief@example.com")).await.refusal(), "changed-lately");
    let known = world.auth.operate.look_up(account(&world, MARIA).await).await.unwrap();
    assert_eq!(known.moving.map(|moving| moving.stage), Some(MoveStage::Undone));
    // Its owner gets back in meanwhile, and throws out the passkey that is not theirs.
    world.mails(MARIA).await;
    let (mut owner, mut new) = (world.browser(), Passkey::new(b"new key"));
    crate::recovering::recover(&world, &mut owner, &mut new).await;
    let kept = crate::recovering::review(&mut owner, &mut new, &[&passkey.id]).await;
    assert_eq!(kept.status, StatusCode::OK, "{}", kept.text);
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "unknown-passkey");
    world.wait(DAY);
    let mut owner = another_browser(&world, &mut new).await;
    change(&world, &mut owner, &mut new, "mia@example.com").await;
}

#[tokio::test]
async fn an_account_whose_address_was_restored_is_not_deleted_for_a_day() {
    let world = World::new().await;
    let (mut thief, mut passkey) = thief_after_an_undo(&world).await;
    let delete = json!({ "act": "delete-account", "email": MARIA });
    world.wait(2);
    assert_eq!(ask(&mut thief, &delete).await.refusal(), "changed-lately");
    assert!(find(&world, MARIA).await.is_some());
    world.wait(DAY);
    let mut owner = another_browser(&world, &mut passkey).await;
    assert_eq!(confirm(&mut owner, &delete, &mut passkey).await.status, StatusCode::OK);
    assert!(find(&world, MARIA).await.is_none());
}

#[tokio::test]
async fn an_operators_code_that_was_given_meanwhile_dies_with_the_new_address() {
    let world =
        World::with(&format!("{CONFIG}\n[accounts]\nrecovery = \"admin\""), Arc::<MemoryStore>::default()).await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let link = change(&world, &mut maria, &mut passkey, NEW).await;
    let moved = account(&world, NEW).await;
    world.auth.operate.give_code(moved.clone(), RecoveryMode::Admin).await.unwrap();
    assert!(world.auth.operate.open_admin_code(moved.id).await.unwrap().is_some());
    let undone = undo(&mut world.browser(), &link).await;
    assert_eq!(undone.status, StatusCode::OK);
    // No code is promised that is not sent.
    assert!(undone.text.contains("or ask whoever runs Acme Notes"), "{}", undone.text);
    let letters = world.mails(MARIA).await;
    let told = letters.iter().find(|mail| mail.subject.contains("was undone")).unwrap();
    for text in [&undone.text, &told.text] {
        assert!(!text.contains("code sent to"), "{text}");
    }
    assert!(world.auth.operate.open_admin_code(moved.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_code_that_went_to_an_address_from_before_is_refused() {
    let world =
        World::with(&format!("{CONFIG}\n[accounts]\nrecovery = \"email\""), Arc::<MemoryStore>::default()).await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let mut other = world.browser();
    crate::recovering::ask(&mut other, MARIA).await;
    let code = world.code(MARIA).await;
    let [asked]: [Recovery; 1] =
        world.store.recoveries_of(account(&world, MARIA).await.id).await.unwrap().try_into().unwrap();
    change(&world, &mut maria, &mut passkey, NEW).await;
    // As one that was asked for at the very moment of the change.
    world.store.commit(vec![RecoveryChange::Put(asked).into()], Durability::Durable).await.unwrap();
    let refused = crate::recovering::enter(&mut other, &code).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_undo_has_its_day_and_no_clock_gives_it_more() {
    for (jump, is_open) in [(DAY as i64 - 1, true), (DAY as i64, false), (-30, true), (-400 * DAY as i64, false)] {
        let world = World::new().await;
        let (mut maria, mut passkey) = registered(&world, MARIA).await;
        let link = change(&world, &mut maria, &mut passkey, NEW).await;
        world.clock.jump(jump);
        let status = if is_open { StatusCode::OK } else { StatusCode::GONE };
        assert_eq!(undo(&mut world.browser(), &link).await.status, status, "{jump}");
        assert_eq!(find(&world, MARIA).await.is_some(), is_open, "{jump}");
    }
}

#[tokio::test]
async fn a_thief_who_changes_an_address_and_gets_back_in_by_it_is_thrown_out_by_its_owner() {
    let world = World::new().await;
    let (mut thief, mut passkey) = registered(&world, MARIA).await;
    let link = change(&world, &mut thief, &mut passkey, "thief@example.com").await;
    // Now the thief makes passkeys of their own by the mailbox that is theirs.
    let mut again = world.browser();
    again.get("/_bmauth/recover").await;
    again.submit("/_bmauth/recover", &[("email", "thief@example.com")]).await;
    let code = world.code("thief@example.com").await;
    crate::recovering::enter(&mut again, &code).await;
    assert_eq!(crate::recovering::set_up(&mut again, &mut Passkey::new(b"theirs")).await.status, StatusCode::OK);
    assert_eq!(undo(&mut world.browser(), &link).await.status, StatusCode::OK);
    assert_eq!(again.who().await, None);
    let (mut owner, mut new) = (world.browser(), Passkey::new(b"new key"));
    world.mails(MARIA).await;
    crate::recovering::recover(&world, &mut owner, &mut new).await;
    assert_eq!(world.browser().sign_in(None, &mut Passkey::new(b"theirs")).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn an_address_is_not_changed_during_a_recovery() {
    let world =
        World::with(&format!("{CONFIG}\n[accounts]\nrecovery = \"delayed\""), Arc::<MemoryStore>::default()).await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    let asked = ask(&mut maria, &to(NEW)).await;
    let mut other = world.browser();
    other.get("/_bmauth/recover").await;
    other.submit("/_bmauth/recover", &[("email", MARIA)]).await;
    // A code that is only asked for blocks nothing: any client can ask for one.
    assert_eq!(ask(&mut maria, &to(NEW)).await.status, StatusCode::OK);
    let code = world.code(MARIA).await;
    crate::recovering::enter(&mut other, &code).await;
    assert_eq!(ask(&mut maria, &to(NEW)).await.refusal(), "recovering");
    assert_eq!(prove(&mut maria, &asked, &mut passkey).await.refusal(), "recovering", "also where it was asked before");
    let held = confirm(&mut maria, &json!({ "act": "download" }), &mut passkey).await.json()["held_recovery"].clone();
    assert_eq!(held["asked_at"], later(&world, 0));
    assert!(held["until"].is_string() && held["browser"].is_string(), "{held}");
    let stop = json!({ "act": "stop-recovery" });
    assert_eq!(confirm(&mut maria, &stop, &mut passkey).await.status, StatusCode::OK);
    ask_for(&mut maria, NEW, &mut passkey).await;
}

#[tokio::test]
async fn an_operator_sees_a_change_of_address_and_is_held_up_by_none() {
    let world = World::new().await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    change(&world, &mut maria, &mut passkey, NEW).await;
    let owner = account(&world, NEW).await;
    let known = world.auth.operate.look_up(owner.clone()).await.unwrap();
    assert_eq!(known.moving.unwrap().former().map(Email::as_str), Some(MARIA));
    world.auth.operate.remove_account(&owner).await.unwrap();
    // With the account goes what was kept for it.
    registered(&world, MARIA).await;
}

#[tokio::test]
async fn a_store_that_is_down_changes_no_address_and_says_so() {
    let down = Arc::new(AtomicBool::new(false));
    let store = Arc::new(crate::edge::Fragile { down: Arc::clone(&down), ..Default::default() });
    let world = World::with(CONFIG, store).await;
    let (mut maria, mut passkey) = registered(&world, MARIA).await;
    ask_for(&mut maria, NEW, &mut passkey).await;
    let code = world.code(NEW).await;
    maria.get(ADDRESS).await;
    down.store(true, Ordering::SeqCst);
    assert_eq!(maria.submit(ADDRESS, &[("code", &code)]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    down.store(false, Ordering::SeqCst);
    assert_eq!(maria.submit(ADDRESS, &[("code", &code)]).await.location(), "/_bmauth/account?changed");
}
