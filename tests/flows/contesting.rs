//! From a recovery until its review is answered: what the older passkeys may not, and how a recovery is contested.

use bmauth::domain::activity::What;
use bmauth::domain::email::Email;
use bmauth::domain::recover::RecoveryMode;
use http::StatusCode;
use serde_json::json;

use crate::api::Client;
use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::recovering::{ask, enter, maria, recover, review, set_up, world};
use crate::world::World;

const MARIA: &str = "maria@example.com";
const CONTEST: &str = "/_bmauth/contest?question=";

async fn keys(world: &World) -> Vec<Vec<u8>> {
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    let passkeys = world.store.passkeys(account.id).await.unwrap();
    passkeys.into_iter().map(|passkey| passkey.key.id.bytes().to_vec()).collect()
}

async fn events(world: &World) -> Vec<What> {
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    world.store.events(account.id, 3).await.unwrap().into_iter().map(|event| event.what).collect()
}

/// Proves a passkey at the sign-in page; where it leads.
pub async fn leads_to(browser: &mut Browser, passkey: &mut Passkey) -> String {
    let answer = browser.sign_in(None, passkey).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()["location"].as_str().unwrap().to_owned()
}

/// Says on the page for an older passkey that the recovery was another person's.
pub async fn contest(browser: &mut Browser, passkey: &mut Passkey) -> Answer {
    let page = leads_to(browser, passkey).await;
    let question = page.strip_prefix(CONTEST).unwrap_or_else(|| panic!("{page}")).to_owned();
    assert!(browser.get(&page).await.text.contains("This account was recovered"));
    let begun = browser.post("/_bmauth/contest/options", &json!({ "question": question })).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
    let begun = begun.json();
    let body = json!({ "ceremony": begun["ceremony"], "credential": passkey.get(&begun["options"]) });
    browser.post("/_bmauth/contest/verify", &body).await
}

/// The code in the newest mail that has one.
async fn newest_code(world: &World) -> String {
    let mails = world.mails(MARIA).await;
    let digits = |subject: &str| subject.chars().filter(char::is_ascii_digit).collect::<String>();
    mails.iter().rev().map(|mail| digits(&mail.subject)).find(|digits| digits.len() == 6).expect("a code")
}

#[tokio::test]
async fn until_the_review_is_answered_an_older_passkey_opens_adds_removes_and_approves_nothing() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    // A link that was approved before, and a confirmation that was asked for before.
    let (mut thief, mut waiting) = (world.browser(), world.browser());
    thief.sign_in(None, &mut old).await;
    waiting.get("/_bmauth/link/start").await;
    let shown = waiting.post("/_bmauth/link/ask", &json!({})).await.json();
    let code = shown["url"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    thief.get("/_bmauth/link").await;
    thief.post("/_bmauth/link/find", &json!({ "code": code })).await;
    let number = json!({ "link": shown["link"], "number": shown["number"] });
    let begun = thief.post("/_bmauth/link/number", &number).await.json();
    let body = json!({ "ceremony": begun["ceremony"], "credential": old.get(&begun["options"]) });
    assert_eq!(thief.post("/_bmauth/link/approve", &body).await.status, StatusCode::OK);
    thief.get("/_bmauth/devices").await;
    let asked = thief.post("/_bmauth/devices/confirm", &json!({ "act": "add" })).await.json();
    let mut early = world.browser();
    let challenge = early.challenge(None).await;

    world.wait(1);
    let (mut owner, mut new) = (world.browser(), Passkey::new(b"new key"));
    recover(&world, &mut owner, &mut new).await;
    world.mails(MARIA).await;

    let finish = waiting.post("/_bmauth/link/passkey/options", &json!({ "link": shown["link"] })).await;
    assert_eq!(finish.refusal(), "no-link");
    let body = json!({ "ceremony": asked["ceremony"], "credential": old.get(&asked["options"]) });
    assert_eq!(thief.post("/_bmauth/devices/confirm/verify", &body).await.refusal(), "not-signed-in");
    // A challenge from before cannot be answered, not with the new passkey either.
    let answer = new.get(&challenge["options"]);
    assert_eq!(early.answer(&challenge, &answer).await.refusal(), "not-accepted");
    // Signing in leads to the contest alone.
    let mut again = world.browser();
    assert!(leads_to(&mut again, &mut old).await.starts_with(CONTEST));
    assert_eq!(again.who().await, None);
    assert!(again.get("/_bmauth/devices").await.status.is_redirection());
    let over_api = Client::app(&world).sign_in(Some(MARIA), &mut old).await;
    assert_eq!(over_api.status, StatusCode::UNAUTHORIZED);
    // As does approving a link.
    let mut another = world.browser();
    another.get("/_bmauth/link/start").await;
    let shown = another.post("/_bmauth/link/ask", &json!({})).await.json();
    let code = shown["url"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let mut phone = world.browser();
    phone.get("/_bmauth/link").await;
    phone.post("/_bmauth/link/find", &json!({ "code": code })).await;
    let number = json!({ "link": shown["link"], "number": shown["number"] });
    let begun = phone.post("/_bmauth/link/number", &number).await.json();
    let body = json!({ "ceremony": begun["ceremony"], "credential": old.get(&begun["options"]) });
    assert_eq!(phone.post("/_bmauth/link/approve", &body).await.refusal(), "rests");
    assert_eq!(keys(&world).await, [b"key of maria".to_vec(), b"new key".to_vec()]);
    assert!(world.mails(MARIA).await.is_empty(), "nothing has happened");

    // The review is the account's: every sign-in with the new passkey shows it.
    let mut elsewhere = world.browser();
    elsewhere.sign_in(None, &mut new).await;
    assert_eq!(elsewhere.who().await, None);
    assert_eq!(elsewhere.get("/_bmauth/devices").await.location(), "/_bmauth/recover/review");
    world.wait(1);
    assert_eq!(review(&mut elsewhere, &mut new, &[]).await.status, StatusCode::OK);
    assert_eq!((owner.who().await.as_deref(), elsewhere.who().await.as_deref()), (Some(MARIA), Some(MARIA)));
    // Kept, the older passkey is as good as before.
    world.wait(1);
    let mut back = world.browser();
    back.sign_in(None, &mut old).await;
    assert_eq!(back.who().await.as_deref(), Some(MARIA));
    assert_eq!(events(&world).await[..2], [What::SignedIn, What::ReviewAnswered]);
}

#[tokio::test]
async fn a_review_is_confirmed_with_the_new_passkey_for_the_list_that_was_shown() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    let (mut owner, mut new) = (world.browser(), Passkey::new(b"new key"));
    recover(&world, &mut owner, &mut new).await;
    assert_eq!(review(&mut owner, &mut old, &[b"new key"]).await.refusal(), "review-changed", "it is not listed");
    // The older passkey confirms nothing.
    assert_eq!(review(&mut owner, &mut old, &[]).await.refusal(), "not-accepted");
    // A list that was shown before another was there.
    let listed = json!({ "remove": [], "listed": [] });
    assert_eq!(owner.post("/_bmauth/recover/review/options", &listed).await.refusal(), "review-changed");
    // A second recovery makes a list of its own, and the first one's passkey rests: it is none of the older ones.
    let (mut second, mut newer) = (world.browser(), Passkey::new(b"newer key"));
    world.mails(MARIA).await;
    recover(&world, &mut second, &mut newer).await;
    assert_eq!(owner.get("/_bmauth/recover/review").await.location(), "/_bmauth/sign-in");
    assert_eq!(owner.sign_in(None, &mut new).await.refusal(), "rests");
    assert_eq!(review(&mut second, &mut newer, &[b"key of maria", b"new key"]).await.status, StatusCode::OK);
    assert_eq!(keys(&world).await, [b"newer key".to_vec()]);
}

#[tokio::test]
async fn a_contested_recovery_opens_nothing_and_the_owner_of_both_gets_back_in() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    // An attacker who reads her mail.
    let (mut thief, mut made) = (world.browser(), Passkey::new(b"the thief's key"));
    recover(&world, &mut thief, &mut made).await;
    world.mails(MARIA).await;
    world.wait(1);
    let mut owner = world.browser();
    let stopped = contest(&mut owner, &mut old).await;
    assert_eq!(stopped.json(), json!({ "stopped": true }));
    assert!(world.mails(MARIA).await[0].subject.contains("contested"));
    assert_eq!(thief.get("/_bmauth/recover/review").await.location(), "/_bmauth/sign-in", "the session has ended");
    assert_eq!(world.browser().sign_in(None, &mut made).await.refusal(), "rests");
    // The older passkey opens it with a code, which only the two together do.
    world.wait(1);
    assert_eq!(leads_to(&mut owner, &mut old).await, "/_bmauth/recover/code");
    assert_eq!(owner.who().await, None);
    let wrong = enter(&mut owner, "000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut thief = world.browser();
    thief.get("/_bmauth/recover").await;
    let code = newest_code(&world).await;
    assert_eq!(thief.submit("/_bmauth/recover/code", &[("code", &code)]).await.status, StatusCode::GONE);
    let done = enter(&mut owner, &code).await;
    assert_eq!(done.location(), "https://notes.example.com/a", "{}", done.text);
    assert_eq!(owner.who().await.as_deref(), Some(MARIA));
    assert_eq!(keys(&world).await, [b"key of maria".to_vec()], "the recovery is undone");
    assert!(world.mails(MARIA).await.iter().any(|mail| mail.subject.contains("undone")));
    assert_eq!(events(&world).await[..2], [What::RecoveryUndone, What::RecoveryContested]);
    let mut later = world.browser();
    later.sign_in(None, &mut old).await;
    assert_eq!(later.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn where_only_the_operator_lets_people_back_in_a_contested_account_opens_with_a_mailed_code_too() {
    let world = world("\"admin\"").await;
    let (_, mut old) = maria(&world).await;
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    let given = world.auth.operate.give_code(account, RecoveryMode::Admin).await.unwrap();
    let mut other = world.browser();
    ask(&mut other, MARIA).await;
    assert_eq!(enter(&mut other, &given.code.text()).await.location(), "/_bmauth/recover/device");
    assert_eq!(set_up(&mut other, &mut Passkey::new(b"new key")).await.status, StatusCode::OK);
    let mut owner = world.browser();
    let page = leads_to(&mut owner, &mut old).await;
    assert!(owner.get(&page).await.text.contains("with a code from whoever runs"));
    assert_eq!(contest(&mut owner, &mut old).await.status, StatusCode::OK);
    world.mails(MARIA).await;
    assert_eq!(leads_to(&mut owner, &mut old).await, "/_bmauth/recover/code");
    assert!(owner.get("/_bmauth/recover/code").await.text.contains("we sent a 6-digit code"));
    // The first one is lost on its way.
    world.mails(MARIA).await;
    world.wait(60);
    assert_eq!(owner.submit("/_bmauth/recover/code/resend", &[]).await.status, StatusCode::SEE_OTHER);
    let code = newest_code(&world).await;
    let done = enter(&mut owner, &code).await;
    assert!(done.status.is_redirection(), "{}", done.text);
    assert_eq!(owner.who().await.as_deref(), Some(MARIA));
    assert_eq!(keys(&world).await, [b"key of maria".to_vec()]);
}

#[tokio::test]
async fn after_a_contest_another_recovery_waits_and_the_thief_of_a_phone_does_not_win() {
    let world = World::new().await;
    let (_, mut stolen) = maria(&world).await;
    let (mut owner, mut new) = (world.browser(), Passkey::new(b"new key"));
    recover(&world, &mut owner, &mut new).await;
    assert_eq!(contest(&mut world.browser(), &mut stolen).await.status, StatusCode::OK);
    world.mails(MARIA).await;
    // The owner has the mailbox, and no device that works.
    let mut owner = world.browser();
    ask(&mut owner, MARIA).await;
    let held = enter(&mut owner, &newest_code(&world).await).await;
    assert_eq!(held.status, StatusCode::OK, "{}", held.text);
    assert_ne!(set_up(&mut owner, &mut Passkey::new(b"too early")).await.status, StatusCode::OK);
    world.wait(24 * 3600);
    ask(&mut owner, MARIA).await;
    let code = newest_code(&world).await;
    assert_eq!(enter(&mut owner, &code).await.location(), "/_bmauth/recover/device");
    let mut newer = Passkey::new(b"newer key");
    assert_eq!(set_up(&mut owner, &mut newer).await.status, StatusCode::OK);
    // It may be stopped again, and the page says that it was before.
    let mut thief = world.browser();
    let page = leads_to(&mut thief, &mut stolen).await;
    assert!(thief.get(&page).await.text.contains("stopped once before"));
    let done = review(&mut owner, &mut newer, &[b"key of maria", b"new key"]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(world.browser().sign_in(None, &mut stolen).await.refusal(), "unknown-passkey");
    assert_eq!(keys(&world).await, [b"newer key".to_vec()]);
}

#[tokio::test]
async fn the_operator_may_open_a_contested_account_and_no_other() {
    let world = World::new().await;
    let (_, mut stolen) = maria(&world).await;
    let account = async || world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    assert!(world.auth.operate.give_code(account().await, RecoveryMode::Email).await.is_err());
    recover(&world, &mut world.browser(), &mut Passkey::new(b"new key")).await;
    contest(&mut world.browser(), &mut stolen).await;
    // Where recovery is off, no page takes one.
    assert!(world.auth.operate.give_code(account().await, RecoveryMode::Off).await.is_err());
    let given = world.auth.operate.give_code(account().await, RecoveryMode::Email).await.unwrap();
    let (mut owner, mut newer) = (world.browser(), Passkey::new(b"newer key"));
    ask(&mut owner, MARIA).await;
    assert_eq!(enter(&mut owner, &given.code.text()).await.location(), "/_bmauth/recover/device");
    assert_eq!(set_up(&mut owner, &mut newer).await.status, StatusCode::OK);
    assert_eq!(review(&mut owner, &mut newer, &[b"key of maria", b"new key"]).await.status, StatusCode::OK);
    assert_eq!(owner.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn a_contest_is_of_the_browser_and_the_passkey_that_were_proved_and_for_once() {
    let world = World::new().await;
    let (mut first, mut old) = maria(&world).await;
    let mut second = Passkey::new(b"second");
    first.get("/_bmauth/devices").await;
    let begun = first.begin_adding(&mut old, None).await;
    let body = json!({ "ceremony": begun["ceremony"], "credential": second.create(&begun["options"]) });
    assert_eq!(first.post("/_bmauth/devices/passkey/verify", &body).await.status, StatusCode::OK);
    let (mut owner, mut new) = (world.browser(), Passkey::new(b"new key"));
    world.mails(MARIA).await;
    recover(&world, &mut owner, &mut new).await;
    let mut browser = world.browser();
    let page = leads_to(&mut browser, &mut old).await;
    let question = json!({ "question": page.strip_prefix(CONTEST).unwrap() });
    let mut other = world.browser();
    other.get("/_bmauth/sign-in").await;
    assert_eq!(other.get(&page).await.status, StatusCode::GONE);
    assert_eq!(other.post("/_bmauth/contest/options", &question).await.refusal(), "expired-ceremony");
    browser.get(&page).await;
    let begun = browser.post("/_bmauth/contest/options", &question).await.json();
    for (mut wrong, id) in [(new, &b"new key"[..]), (second, b"second")] {
        let begun = match id {
            b"new key" => begun.clone(),
            _ => {
                let page = leads_to(&mut browser, &mut old).await;
                browser.get(&page).await;
                let question = json!({ "question": page.strip_prefix(CONTEST).unwrap() });
                browser.post("/_bmauth/contest/options", &question).await.json()
            }
        };
        let body = json!({ "ceremony": begun["ceremony"], "credential": wrong.get(&begun["options"]) });
        assert!(!browser.post("/_bmauth/contest/verify", &body).await.refusal().is_empty(), "{id:?}");
        let body = json!({ "ceremony": begun["ceremony"], "credential": old.get(&begun["options"]) });
        assert_eq!(browser.post("/_bmauth/contest/verify", &body).await.refusal(), "expired-ceremony");
    }
}

#[tokio::test]
async fn a_recovery_over_the_api_is_reviewed_too() {
    let world = world("\"email\"").await;
    let (_, mut old) = maria(&world).await;
    let mut client = Client::app(&world);
    assert_eq!(client.post("/signin/otp/email", &json!({ "email": MARIA })).await.status, StatusCode::OK);
    let otp = newest_code(&world).await;
    let opened = client.post("/signin/otp/email/verify", &json!({ "email": MARIA, "otp": otp })).await;
    client.keep(&opened);
    assert!(leads_to(&mut world.browser(), &mut old).await.starts_with(CONTEST));
    let mut new = Passkey::new(b"new key");
    let options = client.post("/user/webauthn/add", &json!({})).await;
    let credential = new.create(&options.json());
    let added = client.post("/user/webauthn/verify", &json!({ "credential": credential })).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.text);
    // The key that was made is the one that answers; on our pages.
    let mut owner = world.browser();
    owner.sign_in(None, &mut new).await;
    assert_eq!(owner.who().await, None);
    assert_eq!(review(&mut owner, &mut new, &[b"key of maria"]).await.status, StatusCode::OK);
    assert_eq!(owner.who().await.as_deref(), Some(MARIA));
    assert_eq!(keys(&world).await, [b"new key".to_vec()]);
}

#[tokio::test]
async fn undoing_a_recovery_undoes_those_before_it_that_were_not_reviewed() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    // An attacker who reads her mail recovers twice, and answers no review.
    for id in [b"first of the thief", b"later of the thief"] {
        recover(&world, &mut world.browser(), &mut Passkey::new(id)).await;
        world.mails(MARIA).await;
        world.wait(60);
    }
    let mut owner = world.browser();
    assert_eq!(contest(&mut owner, &mut old).await.status, StatusCode::OK);
    world.mails(MARIA).await;
    world.wait(60);
    assert_eq!(leads_to(&mut owner, &mut old).await, "/_bmauth/recover/code");
    let code = newest_code(&world).await;
    assert!(enter(&mut owner, &code).await.status.is_redirection());
    assert_eq!(keys(&world).await, [b"key of maria".to_vec()]);
}

#[tokio::test]
async fn the_owner_hears_why_the_code_beside_an_older_passkey_is_a_long_one() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    recover(&world, &mut world.browser(), &mut Passkey::new(b"the thief's key")).await;
    contest(&mut world.browser(), &mut old).await;
    for n in 1..=4 {
        let mut visitor = world.browser();
        visitor.address = format!("198.51.100.{n}").parse().unwrap();
        ask(&mut visitor, MARIA).await;
        for _ in 0..5 {
            enter(&mut visitor, "000000").await;
        }
    }
    world.mails(MARIA).await;
    world.wait(1);
    let mut owner = world.browser();
    assert_eq!(leads_to(&mut owner, &mut old).await, "/_bmauth/recover/code");
    assert!(world.mails(MARIA).await.iter().any(|mail| mail.subject.contains("Many codes were tried")));
}

#[tokio::test]
async fn the_letter_beside_an_older_passkey_comes_however_many_others_asked_for() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    recover(&world, &mut world.browser(), &mut Passkey::new(b"the thief's key")).await;
    contest(&mut world.browser(), &mut old).await;
    for n in 1..=40 {
        let mut visitor = world.browser();
        visitor.address = format!("198.51.100.{n}").parse().unwrap();
        ask(&mut visitor, MARIA).await;
    }
    world.mails(MARIA).await;
    world.wait(1);
    let mut owner = world.browser();
    assert_eq!(leads_to(&mut owner, &mut old).await, "/_bmauth/recover/code");
    let told = world.mails(MARIA).await;
    assert_eq!(told.iter().filter(|mail| mail.subject.contains(" is your ")).count(), 1, "{told:?}");
}

#[tokio::test]
async fn what_an_unreviewed_recovery_made_is_no_older_passkey() {
    let world = World::new().await;
    let (_, mut old) = maria(&world).await;
    let (mut first, mut later) = (Passkey::new(b"first"), Passkey::new(b"later"));
    for key in [&mut first, &mut later] {
        recover(&world, &mut world.browser(), key).await;
        world.mails(MARIA).await;
        world.wait(60);
    }
    // It contests nothing, and opens nothing together with a code once another passkey has.
    let mut browser = world.browser();
    assert_eq!(browser.sign_in(None, &mut first).await.refusal(), "rests");
    assert_eq!(contest(&mut world.browser(), &mut old).await.status, StatusCode::OK);
    assert_eq!(world.browser().sign_in(None, &mut first).await.refusal(), "rests");
    assert_eq!(leads_to(&mut world.browser(), &mut old).await, "/_bmauth/recover/code");
}
