use std::sync::Arc;

use bmauth::domain::email::Email;
use bmauth::domain::plan::{Durability, HoldChange, RecoveryChange};
use bmauth::domain::recover::RecoveryMode;
use bmauth::domain::recovery::Recovery;
use bmauth::domain::secret::{Secret, SecretDigest};
use bmauth::store::Store;
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::json;

use crate::api::{Client, worlds, wrong};
use crate::authenticator::{Passkey, encode};
use crate::browser::{Answer, Browser};
use crate::world::{CONFIG, World, fifty_wrong_codes};

const MARIA: &str = "maria@example.com";

pub async fn world(recovery: &str) -> World {
    let text = format!("{CONFIG}\n[accounts]\nrecovery = {recovery}");
    World::with(&text, Arc::new(MemoryStore::new())).await
}

/// Maria with an account; her browser and passkey.
pub async fn maria(world: &World) -> (Browser, Passkey) {
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(world, MARIA, &mut passkey).await;
    (browser, passkey)
}

pub async fn ask(browser: &mut Browser, email: &str) -> Answer {
    browser.get("/_bmauth/recover?return_to=%2Fnotes").await;
    browser.submit("/_bmauth/recover", &[("email", email), ("return_to", "/notes")]).await
}

pub async fn enter(browser: &mut Browser, code: &str) -> Answer {
    browser.get("/_bmauth/recover/code").await;
    browser.submit("/_bmauth/recover/code", &[("code", code)]).await
}

pub async fn set_up(browser: &mut Browser, passkey: &mut Passkey) -> Answer {
    browser.get("/_bmauth/recover/device").await;
    let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await;
    if begun.status != StatusCode::OK {
        return begun;
    }
    let begun = begun.json();
    let credential = passkey.create(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    browser.post("/_bmauth/recover/passkey/verify", &body).await
}

/// Everything up to the review page.
pub async fn recover(world: &World, browser: &mut Browser, passkey: &mut Passkey) {
    assert_eq!(ask(browser, MARIA).await.status, StatusCode::SEE_OTHER);
    let code = world.code(MARIA).await;
    assert_eq!(enter(browser, &code).await.location(), "/_bmauth/recover/device");
    let done = set_up(browser, passkey).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
}

/// The passkeys that the review page lists.
async fn listed(browser: &mut Browser) -> Vec<String> {
    let page = browser.get("/_bmauth/recover/review?return_to=%2Fnotes").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let boxes = page.text.split("name=\"passkey\" value=\"").skip(1);
    boxes.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// Answers "Keep your account safe" with the passkey that the recovery made.
pub async fn review(browser: &mut Browser, passkey: &mut Passkey, remove: &[&[u8]]) -> Answer {
    let listed = listed(browser).await;
    let remove: Vec<String> = remove.iter().map(|id| encode(id)).collect();
    let asked = json!({ "remove": remove, "listed": listed, "return_to": "/notes" });
    let begun = browser.post("/_bmauth/recover/review/options", &asked).await;
    if begun.status != StatusCode::OK {
        return begun;
    }
    let begun = begun.json();
    let body = json!({ "ceremony": begun["ceremony"], "credential": passkey.get(&begun["options"]) });
    browser.post("/_bmauth/recover/review/verify", &body).await
}

/// Signs in with the passkey that a recovery made and keeps all others.
pub async fn keep_all(world: &World, made: &mut Passkey) {
    let mut browser = world.browser();
    browser.sign_in(None, made).await;
    assert_eq!(review(&mut browser, made, &[]).await.status, StatusCode::OK);
}

const REVIEWED: &str = "https://notes.example.com/notes";

#[tokio::test]
async fn a_code_gets_the_owner_back_in_and_ends_every_other_session() {
    let world = World::new().await;
    let (mut lost, mut old) = maria(&world).await;
    let (mut browser, mut new) = (world.browser(), Passkey::new(b"new key"));
    recover(&world, &mut browser, &mut new).await;
    assert_eq!(lost.who().await, None, "other sessions end");
    let mails = world.mails(MARIA).await;
    assert!(mails.iter().any(|mail| mail.subject.contains("recovered")), "{mails:?}");
    let kept = review(&mut browser, &mut new, &[]).await;
    assert_eq!(kept.json(), json!({ "location": REVIEWED }));
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    for passkey in [&mut old, &mut new] {
        assert_eq!(world.browser().sign_in(None, passkey).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_session_says_that_it_was_recovered() {
    let world = World::new().await;
    maria(&world).await;
    let mut browser = world.browser();
    recover(&world, &mut browser, &mut Passkey::new(b"new key")).await;
    let token = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    let session = world.store.session(token).await.unwrap().unwrap();
    assert_eq!(session.recovered_at, Some(world.auth.now()));
    let account = world.store.account(session.account).await.unwrap().unwrap();
    assert_eq!(account.aftermath.made().map(bmauth::domain::passkey::CredentialId::bytes), Some(&b"new key"[..]));
    let methods: Vec<_> = session.authentication.methods.iter().map(|method| method.amr()).collect();
    assert_eq!(methods, ["swk", "user", "otp"]);
}

#[tokio::test]
async fn a_lost_device_that_is_removed_makes_no_session() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    let (mut browser, mut new) = (world.browser(), Passkey::new(b"new key"));
    recover(&world, &mut browser, &mut new).await;
    world.mails(MARIA).await;
    let done = review(&mut browser, &mut new, &[b"key of maria"]).await;
    assert_eq!(done.json(), json!({ "location": REVIEWED }));
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut old).await.refusal(), "unknown-passkey");
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut new).await.status, StatusCode::OK);
    assert!(world.mails(MARIA).await.iter().any(|mail| mail.subject.contains("removed")));
    // It is asked once.
    assert_eq!(browser.get("/_bmauth/recover/review").await.status, StatusCode::SEE_OTHER);
    let again = json!({ "remove": [encode(b"new key")], "listed": [encode(b"new key")] });
    assert_eq!(browser.post("/_bmauth/recover/review/options", &again).await.refusal(), "not-signed-in");
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_review_removes_neither_its_own_passkey_nor_that_of_another_account() {
    let world = World::new().await;
    maria(&world).await;
    let mut bobs = Passkey::new(b"key of bob");
    world.browser().register(&world, "bob@example.com", &mut bobs).await;
    let (mut browser, mut new) = (world.browser(), Passkey::new(b"new key"));
    recover(&world, &mut browser, &mut new).await;
    for foreign in [&b"new key"[..], b"key of bob", b"nothing"] {
        assert_eq!(review(&mut browser, &mut new, &[foreign]).await.refusal(), "review-changed");
    }
    for passkey in [&mut bobs, &mut new] {
        assert_eq!(world.browser().sign_in(None, passkey).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn unknown_addresses_look_the_same_and_no_code_opens_them() {
    let world = World::new().await;
    maria(&world).await;
    let (mut known, mut unknown) = (world.browser(), world.browser());
    let answers = [ask(&mut known, MARIA).await, ask(&mut unknown, "nobody@example.com").await];
    assert_eq!((answers[0].status, &answers[0].text), (answers[1].status, &answers[1].text));
    assert_eq!(answers[0].location(), answers[1].location());
    assert!(world.mails("nobody@example.com").await.is_empty());
    for browser in [&mut known, &mut unknown] {
        for left in ["4 tries", "3 tries", "2 tries", "1 try"] {
            let wrong = enter(browser, "000000").await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(wrong.text.contains(left), "{left} {}", wrong.text);
        }
        enter(browser, "000000").await;
    }
    let code = world.code(MARIA).await;
    assert_eq!(enter(&mut known, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY, "five wrong ones close it");
}

#[tokio::test]
async fn a_code_belongs_to_the_browser_that_asked_and_to_recovery() {
    let world = World::new().await;
    maria(&world).await;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    let code = world.code(MARIA).await;
    let mut other = world.browser();
    other.get("/_bmauth/recover").await;
    assert_eq!(other.submit("/_bmauth/recover/code", &[("code", &code)]).await.status, StatusCode::GONE);
    assert_eq!(browser.submit("/_bmauth/register/code", &[("code", &code)]).await.status, StatusCode::GONE);
    let mut passkey = Passkey::new(b"too early");
    assert_ne!(set_up(&mut browser, &mut passkey).await.status, StatusCode::OK, "before the code");
    world.wait(600);
    let late = enter(&mut browser, &code).await;
    assert!(late.text.contains("too old"), "{}", late.text);
}

#[tokio::test]
async fn a_proved_code_makes_one_passkey_in_time() {
    let world = World::new().await;
    maria(&world).await;
    let mut browser = world.browser();
    recover(&world, &mut browser, &mut Passkey::new(b"new key")).await;
    let mut second = Passkey::new(b"another key");
    assert_ne!(set_up(&mut browser, &mut second).await.status, StatusCode::OK);
    let mut late = world.browser();
    ask(&mut late, MARIA).await;
    world.mails(MARIA).await;
    let mut slow = world.browser();
    ask(&mut slow, MARIA).await;
    let code = world.code(MARIA).await;
    assert_eq!(enter(&mut slow, &code).await.location(), "/_bmauth/recover/device");
    world.wait(30 * 60);
    assert_ne!(set_up(&mut slow, &mut second).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_delayed_recovery_is_held_told_and_finished_later() {
    let world = world("\"delayed\"\nrecovery_delay = \"24h\"").await;
    let (mut old_browser, _) = maria(&world).await;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    let held = enter(&mut browser, &world.code(MARIA).await).await;
    assert_eq!(held.status, StatusCode::OK, "{}", held.text);
    assert!(held.text.contains("2027"), "it says when: {}", held.text);
    let mails = world.mails(MARIA).await;
    assert!(mails[0].text.contains("/_bmauth/recover/cancel#"), "{}", mails[0].text);
    let mut new = Passkey::new(b"new key");
    assert_ne!(set_up(&mut browser, &mut new).await.status, StatusCode::OK);
    assert_eq!(old_browser.who().await.as_deref(), Some(MARIA), "nothing has ended yet");
    // A second code does not shorten it.
    world.wait(23 * 3600);
    ask(&mut browser, MARIA).await;
    let still = enter(&mut browser, &world.code(MARIA).await).await;
    assert_eq!(still.status, StatusCode::OK, "{}", still.text);
    assert!(world.mails(MARIA).await.is_empty(), "one hold, one letter");
    world.wait(3600);
    ask(&mut browser, MARIA).await;
    let code = world.code(MARIA).await;
    assert_eq!(enter(&mut browser, &code).await.location(), "/_bmauth/recover/device");
    assert_eq!(set_up(&mut browser, &mut new).await.status, StatusCode::OK);
    review(&mut browser, &mut new, &[]).await;
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    // It is used up: the next one is held anew.
    let mut again = world.browser();
    ask(&mut again, MARIA).await;
    world.outbox.deliver().await;
    let code = world.mails(MARIA).await.into_iter().find(|mail| mail.subject.contains("code")).unwrap();
    let digits: String = code.subject.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(enter(&mut again, &digits).await.status, StatusCode::OK);
}

/// Sends what the page's script found, or the visitor pasted.
pub async fn cancel(browser: &mut Browser, link: &str) -> Answer {
    browser.get("/_bmauth/recover/cancel").await;
    browser.submit("/_bmauth/recover/cancel", &[("link", link)]).await
}

/// A person asks for a way back in: what is held, and its link in the letter.
async fn held_with_link(world: &World, thief: &mut Browser) -> String {
    ask(thief, MARIA).await;
    enter(thief, &world.code(MARIA).await).await;
    let mail = world.mails(MARIA).await.remove(0);
    // On a line of its own, with nothing before or behind it, and of characters that no mail program ends a link at.
    let link = mail.text.lines().find(|line| line.contains("/recover/cancel#")).unwrap().trim().to_owned();
    let (page, fragment) = link.split_once('#').unwrap();
    assert_eq!(page, "https://notes.example.com/_bmauth/recover/cancel");
    assert!(fragment.ends_with(|c: char| c.is_ascii_alphanumeric()), "{fragment}");
    assert!(fragment.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{fragment}");
    link
}

async fn is_held(world: &World) -> bool {
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    world.store.hold(account.id).await.unwrap().is_some()
}

#[tokio::test]
async fn the_link_in_the_mail_cancels_a_held_recovery() {
    let world = world("\"delayed\"").await;
    maria(&world).await;
    let mut thief = world.browser();
    ask(&mut thief, MARIA).await;
    enter(&mut thief, &world.code(MARIA).await).await;
    let mail = world.mails(MARIA).await.remove(0);
    let link = mail.text.split_whitespace().find(|word| word.contains("/recover/cancel#")).unwrap().to_owned();
    let word = link.split_once('#').unwrap().1.to_owned();
    let mut owner = world.browser();
    let forged = word.replace(|c: char| c.is_ascii_digit(), "0");
    for (bad, says) in [
        (forged.as_str(), "This link is not right."),
        (".", "did not arrive complete"),
        ("x.y.z", "did not arrive complete"),
        ("", "did not arrive complete"),
        (&word[..word.len() - 1], "did not arrive complete"),
    ] {
        let told = cancel(&mut owner, bad).await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert!(told.text.contains("Nothing was stopped") && told.text.contains(says), "{bad}: {}", told.text);
        assert!(told.text.contains("name=\"link\"") && told.text.contains("/_bmauth/devices"), "a way on");
        assert!(is_held(&world).await, "and so it is");
    }
    let done = cancel(&mut owner, &word).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(world.mails(MARIA).await[0].subject.contains("cancelled"));
    let again = cancel(&mut owner, &word).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert!(again.text.contains("It was stopped already"), "{}", again.text);
    world.wait(24 * 3600);
    ask(&mut thief, MARIA).await;
    let held = enter(&mut thief, &world.code(MARIA).await).await;
    assert_eq!(held.status, StatusCode::OK, "it starts from the beginning: {}", held.text);
}

#[tokio::test]
async fn a_link_that_mail_programs_have_mangled_cancels_all_the_same() {
    type Mangling = (&'static str, fn(&str) -> String);
    fn escaped(link: &str) -> String {
        link.replace(':', "%3A").replace('/', "%2F").replace('#', "%23")
    }
    let manglings: [Mangling; 14] = [
        ("whole", |link| link.to_owned()),
        ("a full stop", |link| format!("{link}.")),
        ("a bracket", |link| format!("<{link}>")),
        ("an entity", |link| format!("{link}&gt;")),
        ("in the path", |link| link.replace('#', "%23")),
        ("in the path, twice", |link| link.replace('#', "%2523")),
        ("the dot too", |link| link.replace('#', "%23").replace('.', "%2E")),
        ("lowercase", |link| link.to_lowercase()),
        ("uppercase", |link| link.to_uppercase()),
        ("a line break", |link| format!("{}\r\n{}", &link[..90], &link[90..])),
        ("a soft break", |link| format!("{}=\r\n{}", &link[..70], &link[70..])),
        ("tracked", |link| format!("{}&utm_source=x", link.replace('#', "?utm_medium=mail#"))),
        ("a safe link", |link| format!("https://safe.example/?url={}&data=05%7C02", escaped(link))),
        ("the whole mail", |link| format!("Hello\n\n    {link}\n\nWhen: today\n-- \nAcme Notes")),
    ];
    for (name, mangled) in manglings {
        let world = world("\"delayed\"").await;
        maria(&world).await;
        let link = held_with_link(&world, &mut world.browser()).await;
        let done = cancel(&mut world.browser(), &mangled(&link)).await;
        assert_eq!(done.status, StatusCode::OK, "{name}: {}", done.text);
        assert!(!is_held(&world).await, "{name}");
    }
}

#[tokio::test]
async fn opening_the_link_changes_nothing_and_the_path_has_no_say() {
    let world = world("\"delayed\"").await;
    maria(&world).await;
    let link = held_with_link(&world, &mut world.browser()).await;
    let fragment = link.split_once('#').unwrap().1;
    for path in [
        format!("/_bmauth/recover/cancel%23{fragment}"),
        format!("/_bmauth/recover/cancel{fragment}"),
        format!("/_bmauth/recover/cancel%23{}", fragment.replace('.', "%2E")),
        "/_bmauth/recover/cancel%3E".to_owned(),
    ] {
        let mut scanner = world.browser();
        let page = scanner.get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.text.contains("Stop getting back in?") && page.text.contains("word-link.js"), "{path}");
        assert!(!page.text.contains(fragment) && !page.text.contains("%23"), "the page repeats it");
        assert!(is_held(&world).await);
    }
    let page = world.browser().get("/_bmauth/recover/cancel?utm_source=x").await;
    assert_eq!(page.status, StatusCode::OK);
    for path in ["/_bmauth/recover/nothing", "/_bmauth/recover/cancel/x"] {
        let page = world.browser().get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!page.text.contains("Stop getting back in?"), "{path}");
    }
}

#[tokio::test]
async fn the_link_of_a_recovery_that_is_over_says_what_became_of_it() {
    let world = world("\"delayed\"").await;
    maria(&world).await;
    let mut thief = world.browser();
    let first = held_with_link(&world, &mut thief).await;
    let mut owner = world.browser();
    assert_eq!(cancel(&mut owner, &first).await.status, StatusCode::OK);
    world.mails(MARIA).await;

    world.wait(3600);
    let second = held_with_link(&world, &mut thief).await;
    let told = cancel(&mut owner, &first).await;
    assert_eq!(told.status, StatusCode::GONE);
    assert!(told.text.contains("Nothing was stopped") && told.text.contains("newer email"), "{}", told.text);
    assert!(is_held(&world).await);

    world.wait(24 * 3600);
    ask(&mut thief, MARIA).await;
    enter(&mut thief, &world.code(MARIA).await).await;
    assert_eq!(set_up(&mut thief, &mut Passkey::new(b"thief's")).await.status, StatusCode::OK);
    for link in [&first, &second] {
        let told = cancel(&mut owner, link).await;
        assert_eq!(told.status, StatusCode::GONE);
        // It is too late, and no page says that it was stopped.
        assert!(
            told.text.contains("can\u{2019}t be stopped") || told.text.contains("stopped any more"),
            "{}",
            told.text
        );
        assert!(!told.text.contains("It was stopped"), "{}", told.text);
        assert!(told.text.contains("2027"), "it says when: {}", told.text);
    }
}

#[tokio::test]
async fn an_owner_is_told_of_a_recovery_in_their_own_language() {
    let world = world("\"delayed\"").await;
    let (mut owner, _) = maria(&world).await;
    owner.choose_german().await;
    let mut thief = world.browser();
    ask(&mut thief, MARIA).await;
    enter(&mut thief, &world.code(MARIA).await).await;
    let held = "Jemand möchte wieder Zugang zu Ihrem Konto bei Acme Notes";
    assert_eq!(world.mails(MARIA).await[0].subject, held);
    world.wait(24 * 3600);
    ask(&mut thief, MARIA).await;
    enter(&mut thief, &world.code(MARIA).await).await;
    assert_eq!(set_up(&mut thief, &mut Passkey::new(b"thief's")).await.status, StatusCode::OK);
    let done = "Ihr Konto bei Acme Notes wurde wiederhergestellt";
    assert_eq!(world.mails(MARIA).await[0].subject, done);
}

#[tokio::test]
async fn an_earlier_recovery_is_not_taken_for_the_one_of_a_link_that_ran_out() {
    let day = 24 * 3600;
    let world = world("\"delayed\"").await;
    maria(&world).await;
    let mut owner = world.browser();
    // One that was stopped, and one that was finished.
    let stopped = held_with_link(&world, &mut owner).await;
    assert_eq!(cancel(&mut owner, &stopped).await.status, StatusCode::OK);
    world.mails(MARIA).await;
    world.wait(day);
    let mut new = Passkey::new(b"new key");
    held_with_link(&world, &mut owner).await;
    world.wait(day);
    recover(&world, &mut owner, &mut new).await;
    review(&mut owner, &mut new, &[]).await;
    world.mails(MARIA).await;
    // Weeks later another one is held, and not finished.
    world.wait(30 * day);
    let link = held_with_link(&world, &mut world.browser()).await;
    world.wait(9 * day);
    let told = cancel(&mut world.browser(), &link).await;
    assert_eq!(told.status, StatusCode::GONE);
    assert!(told.text.contains("This is over") && !told.text.contains("got back in"), "{}", told.text);
}

#[tokio::test]
async fn the_link_of_an_unfinished_recovery_says_that_it_is_over() {
    let world = world("\"delayed\"").await;
    maria(&world).await;
    let link = held_with_link(&world, &mut world.browser()).await;
    world.wait(9 * 24 * 3600);
    let told = cancel(&mut world.browser(), &link).await;
    assert_eq!(told.status, StatusCode::GONE);
    assert!(told.text.contains("This is over"), "{}", told.text);
}

#[tokio::test]
async fn a_hold_that_is_cancelled_while_the_passkey_is_made_stops_it() {
    let world = world("\"delayed\"").await;
    maria(&world).await;
    let mut thief = world.browser();
    ask(&mut thief, MARIA).await;
    enter(&mut thief, &world.code(MARIA).await).await;
    let mail = world.mails(MARIA).await.remove(0);
    let word = mail.text.split_whitespace().find(|word| word.contains("/recover/cancel#")).unwrap();
    let word = word.split_once('#').unwrap().1.to_owned();
    world.wait(24 * 3600);
    ask(&mut thief, MARIA).await;
    assert_eq!(enter(&mut thief, &world.code(MARIA).await).await.location(), "/_bmauth/recover/device");
    let mut owner = world.browser();
    cancel(&mut owner, &word).await;
    let refused = set_up(&mut thief, &mut Passkey::new(b"thief's")).await;
    assert_ne!(refused.status, StatusCode::OK);
    assert_eq!(thief.who().await, None);
}

#[tokio::test]
async fn without_recovery_there_is_none() {
    let world = world("\"off\"").await;
    maria(&world).await;
    let mut browser = world.browser();
    let page = browser.get("/_bmauth/recover").await;
    assert_eq!(page.status, StatusCode::OK);
    browser.get("/_bmauth/sign-in").await;
    let refused = browser.submit("/_bmauth/recover", &[("email", MARIA), ("return_to", "/")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(world.mails(MARIA).await.is_empty());
    assert!(!browser.get("/_bmauth/sign-in").await.text.contains("/_bmauth/recover"));
}

#[tokio::test]
async fn in_admin_mode_no_mailed_code_exists() {
    let world = world("\"admin\"").await;
    maria(&world).await;
    let mut browser = world.browser();
    assert_eq!(ask(&mut browser, MARIA).await.status, StatusCode::SEE_OTHER);
    assert!(world.mails(MARIA).await.is_empty());
    assert_eq!(enter(&mut browser, "482139").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn two_browsers_that_recover_at_once_have_one_that_stays() {
    let world = World::new().await;
    maria(&world).await;
    let (mut one, mut two) = (world.browser(), world.browser());
    recover(&world, &mut one, &mut Passkey::new(b"one")).await;
    world.mails(MARIA).await;
    recover(&world, &mut two, &mut Passkey::new(b"two")).await;
    assert_eq!(one.who().await, None);
    let store: &Arc<dyn Store> = &world.store;
    let account = store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    assert_eq!(store.sessions(account.id).await.unwrap().len(), 1);
    assert_eq!(store.passkeys(account.id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_unfinished_hold_makes_room_for_the_next() {
    let world = world("\"delayed\"").await;
    maria(&world).await;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    enter(&mut browser, &world.code(MARIA).await).await;
    world.mails(MARIA).await;
    world.wait(8 * 24 * 3600);
    ask(&mut browser, MARIA).await;
    let held = enter(&mut browser, &world.code(MARIA).await).await;
    assert_eq!(held.status, StatusCode::OK, "{}", held.text);
    assert!(world.mails(MARIA).await[0].text.contains("/_bmauth/recover/cancel#"));
}

#[tokio::test]
async fn the_operators_code_gets_the_owner_back_in_once() {
    let world = world("\"admin\"").await;
    maria(&world).await;
    let owner = Email::parse(MARIA).unwrap();
    let account = world.store.account_by_email(&owner).await.unwrap().unwrap();
    let code = world.auth.operate.give_code(account.clone(), RecoveryMode::Admin).await.unwrap().code;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    assert_eq!(enter(&mut browser, "ZZZZZ-ZZZZZ").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let typed = code.text().to_lowercase().replace('-', " ");
    assert_eq!(enter(&mut browser, &typed).await.location(), "/_bmauth/recover/device");
    let mut second = world.browser();
    ask(&mut second, MARIA).await;
    assert_eq!(enter(&mut second, &typed).await.status, StatusCode::UNPROCESSABLE_ENTITY, "one use");
    let mut new = Passkey::new(b"new key");
    assert_eq!(set_up(&mut browser, &mut new).await.status, StatusCode::OK);
    let late = world.auth.operate.give_code(account, RecoveryMode::Admin).await.unwrap().code;
    world.wait(24 * 3600);
    ask(&mut second, MARIA).await;
    assert_eq!(enter(&mut second, &late.text()).await.status, StatusCode::UNPROCESSABLE_ENTITY, "a day old");
}

#[tokio::test]
async fn a_recovered_session_takes_the_place_of_the_browsers_own() {
    let world = World::new().await;
    maria(&world).await;
    let mut browser = world.browser();
    browser.register(&world, "bob@example.com", &mut Passkey::new(b"key of bob")).await;
    let old = Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap().digest();
    recover(&world, &mut browser, &mut Passkey::new(b"new key")).await;
    assert_eq!(world.store.session(old).await.unwrap(), None);
}

#[tokio::test]
async fn a_finished_recovery_ends_those_of_other_browsers() {
    let world = World::new().await;
    maria(&world).await;
    let mut thief = world.browser();
    ask(&mut thief, MARIA).await;
    assert_eq!(enter(&mut thief, &world.code(MARIA).await).await.location(), "/_bmauth/recover/device");
    thief.get("/_bmauth/recover/device").await;
    let begun = thief.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    let mut owner = world.browser();
    let mut new = Passkey::new(b"new key");
    recover(&world, &mut owner, &mut new).await;
    review(&mut owner, &mut new, &[]).await;
    let credential = Passkey::new(b"thief's").create(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    assert_eq!(thief.post("/_bmauth/recover/passkey/verify", &body).await.refusal(), "recovery-ended");
    assert_ne!(set_up(&mut thief, &mut Passkey::new(b"thief's")).await.status, StatusCode::OK);
    assert_eq!((owner.who().await.as_deref(), thief.who().await), (Some(MARIA), None));
}

#[tokio::test]
async fn a_recovery_does_not_wait_for_a_disabled_account_to_be_enabled() {
    let account = async |world: &World| {
        let email = Email::parse(MARIA).unwrap();
        world.store.account_by_email(&email).await.unwrap().unwrap()
    };
    let world_now = World::new().await;
    maria(&world_now).await;
    let mut thief = world_now.browser();
    ask(&mut thief, MARIA).await;
    assert_eq!(enter(&mut thief, &world_now.code(MARIA).await).await.location(), "/_bmauth/recover/device");
    for disabled in [true, false] {
        world_now.auth.operate.set_disabled(&account(&world_now).await, disabled).await.unwrap();
    }
    assert_ne!(set_up(&mut thief, &mut Passkey::new(b"thief's")).await.status, StatusCode::OK);

    let held = world("\"delayed\"").await;
    maria(&held).await;
    let mut thief = held.browser();
    ask(&mut thief, MARIA).await;
    enter(&mut thief, &held.code(MARIA).await).await;
    held.mails(MARIA).await;
    let maria = account(&held).await;
    held.auth.operate.set_disabled(&maria, true).await.unwrap();
    held.wait(24 * 3600);
    held.auth.operate.set_disabled(&maria, false).await.unwrap();
    ask(&mut thief, MARIA).await;
    let again = enter(&mut thief, &held.code(MARIA).await).await;
    assert_eq!(again.status, StatusCode::OK, "it is held anew: {}", again.text);
}

#[tokio::test]
async fn until_the_review_is_answered_the_session_has_no_principal() {
    let world = World::new().await;
    maria(&world).await;
    let mut browser = world.browser();
    let mut new = Passkey::new(b"new key");
    recover(&world, &mut browser, &mut new).await;
    assert_eq!(browser.who().await, None);
    browser.get("/_bmauth/recover/review").await;
    assert_eq!(browser.post("/_bmauth/link/offer", &json!({})).await.refusal(), "not-signed-in");
    assert_eq!(browser.get("/_bmauth/link").await.location(), "/_bmauth/recover/review#");
    // A visitor who is sent to sign in, as by ingress-nginx, gets on by it, and not back to where they were sent from.
    let sent_on = browser.get("/_bmauth/sign-in?rd=https%3A%2F%2Fnotes.example.com%2Fa").await;
    assert_eq!(sent_on.location(), "/_bmauth/recover/review?return_to=%2Fa");
    review(&mut browser, &mut new, &[]).await;
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    assert_eq!(browser.get("/_bmauth/link").await.status, StatusCode::OK);
    assert_eq!(browser.post("/_bmauth/link/offer", &json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn tries_of_others_keep_no_owner_out_who_has_a_code_of_the_operator() {
    let world = world("\"admin\"").await;
    maria(&world).await;
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    let code = world.auth.operate.give_code(account, RecoveryMode::Admin).await.unwrap().code;
    for n in 1..=12 {
        let mut visitor = world.browser();
        visitor.address = format!("198.51.100.{n}").parse().unwrap();
        ask(&mut visitor, MARIA).await;
        for _ in 0..5 {
            enter(&mut visitor, "ABCDE-FGHJK").await;
        }
    }
    let mut owner = world.browser();
    assert_eq!(ask(&mut owner, MARIA).await.status, StatusCode::SEE_OTHER);
    assert_eq!(enter(&mut owner, &code.text()).await.location(), "/_bmauth/recover/device");
}

#[tokio::test]
async fn a_mailed_code_opens_nothing_where_the_operator_gives_codes_by_now() {
    let store = Arc::new(MemoryStore::new());
    let before = World::with(CONFIG, store.clone()).await;
    maria(&before).await;
    let mut thief = before.browser();
    ask(&mut thief, MARIA).await;
    assert_eq!(enter(&mut thief, &before.code(MARIA).await).await.location(), "/_bmauth/recover/device");
    let after = World::with(&format!("{CONFIG}\n[accounts]\nrecovery = \"admin\""), store).await;
    let mut restarted = after.browser();
    restarted.cookies = thief.cookies.clone();
    assert_ne!(set_up(&mut restarted, &mut Passkey::new(b"thief's")).await.status, StatusCode::OK);
    assert_eq!(restarted.who().await, None);
}

#[tokio::test]
async fn fifty_wrong_codes_at_once_count_five_and_end_nothing() {
    let world = World::new().await;
    maria(&world).await;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/recover/code").await;
    // The request that lost a race for the count gets the answer for a code all the same, not that the recovery is
    // over.
    let answers = fifty_wrong_codes(&world, &browser, "/_bmauth/recover/code", &code).await;
    assert_eq!(answers, [StatusCode::UNPROCESSABLE_ENTITY; 50]);
    assert_eq!(world.store.recovery(flow(&browser)).await.unwrap().unwrap().code.tries, 5);
    assert_eq!(enter(&mut browser, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_code_wins_whatever_else_is_typed_at_that_moment() {
    for (world, _directory) in worlds().await {
        maria(&world).await;
        for _ in 0..5 {
            let mut browser = world.browser();
            ask(&mut browser, MARIA).await;
            let code = world.code(MARIA).await;
            browser.get("/_bmauth/recover/code").await;
            let typed = [wrong(&code), code.clone(), wrong(&code), wrong(&code)];
            let answers = typed.map(|typed| {
                let mut copy = browser.tab(&world);
                tokio::spawn(
                    async move { (copy.submit("/_bmauth/recover/code", &[("code", &typed)]).await.status, typed) },
                )
            });
            for answer in answers {
                let (status, typed) = answer.await.unwrap();
                assert_eq!(status == StatusCode::SEE_OTHER, typed == code, "{typed} {status}");
            }
        }
    }
}

#[tokio::test]
async fn a_recovery_that_is_begun_again_is_not_taken_for_the_one_before() {
    let world = World::new().await;
    maria(&world).await;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    let before = world.store.recovery(flow(&browser)).await.unwrap().unwrap();
    ask(&mut browser, "bob@example.com").await;
    // A try of the code of the first that was on its way meanwhile.
    let next = Recovery { revision: before.revision + 1, ..before };
    world.store.commit(vec![RecoveryChange::Advance(next).into()], Durability::Durable).await.unwrap();
    let found = world.store.recovery(flow(&browser)).await.unwrap().unwrap();
    assert_eq!((found.email.as_str(), found.code.tries), ("bob@example.com", 0));
}

#[tokio::test]
async fn a_refused_passkey_has_used_its_challenge_up() {
    let world = world("\"delayed\"\nrecovery_delay = \"1h\"").await;
    maria(&world).await;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    let code = world.code(MARIA).await;
    enter(&mut browser, &code).await;
    world.wait(3600);
    ask(&mut browser, MARIA).await;
    let codes = world.mails(MARIA).await;
    let code = codes.iter().rev().find_map(|mail| {
        let digits: String = mail.subject.chars().filter(char::is_ascii_digit).collect();
        (digits.len() == 6).then_some(digits)
    });
    assert_eq!(enter(&mut browser, &code.unwrap()).await.location(), "/_bmauth/recover/device");
    browser.get("/_bmauth/recover/device").await;
    let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    // Cancelled meanwhile, with its link or from a signed-in browser.
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap().id;
    let hold = world.store.hold(account).await.unwrap().unwrap();
    let cancel = vec![HoldChange::Spend { account, id: hold.id }.into()];
    world.store.commit(cancel, Durability::Durable).await.unwrap();
    let credential = Passkey::new(b"new key").create(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    assert_eq!(browser.post("/_bmauth/recover/passkey/verify", &body).await.refusal(), "recovery-ended");
    let id = serde_json::from_value(begun["ceremony"].clone()).unwrap();
    assert!(world.store.ceremony(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_new_passkey_is_called_as_its_owner_is() {
    let world = World::new().await;
    let mut app = Client::app(&world);
    let begun = app.begin("/signup/webauthn", &json!({ "email": MARIA, "options": { "displayName": "Mary" } })).await;
    let credential = Passkey::new(b"first key").create(&begun);
    app.post("/signup/webauthn/verify", &json!({ "credential": credential })).await;
    let otp = world.code(MARIA).await;
    assert_eq!(app.enter(MARIA, &otp).await.status, StatusCode::OK);
    world.mails(MARIA).await;
    let mut browser = world.browser();
    ask(&mut browser, MARIA).await;
    let code = world.code(MARIA).await;
    enter(&mut browser, &code).await;
    browser.get("/_bmauth/recover/device").await;
    let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    assert_eq!(
        (&begun["options"]["user"]["displayName"], &begun["options"]["user"]["name"]),
        (&json!("Mary"), &json!(MARIA))
    );
}

fn flow(browser: &Browser) -> SecretDigest {
    Secret::parse(&browser.cookies["__Host-bmauth-flow"]).unwrap().digest()
}
