//! What is mailed: to whom it can be, by whose clock, and how its code comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::authenticator::Passkey;
use crate::browser::Browser;
use crate::world::{CONFIG, World};
use crate::{operating, recovering};

const MARIA: &str = "maria@example.com";
const JOERG: &str = "jörg@example.com";

#[tokio::test]
async fn the_pasted_subject_and_other_keyboards_digits_are_the_code() {
    for (n, write) in [
        |subject: &str, _: &str| subject.to_owned(),
        |subject: &str, _: &str| format!("Re: {subject}"),
        |_: &str, code: &str| {
            let arabic = code.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0x660).unwrap());
            format!("\u{200f}{}\u{202c}", arabic.collect::<String>())
        },
        |_: &str, code: &str| format!("\u{feff}{}\u{a0}\u{2212}{}", &code[..3], &code[3..]),
    ]
    .into_iter()
    .enumerate()
    {
        let world = World::new().await;
        let mut browser = world.browser();
        browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
        let mail = world.mails(MARIA).await.pop().unwrap();
        let code: String = mail.subject.chars().filter(char::is_ascii_digit).collect();
        let done = browser.enter(&write(&mail.subject, &code)).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{n}");
    }
}

#[tokio::test]
async fn a_text_with_two_codes_costs_no_try() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = world.code(MARIA).await;
    for _ in 0..10 {
        assert_eq!(browser.enter(&format!("{code} or 123456")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(browser.enter(&code).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_address_with_letters_outside_ascii_is_one_account_however_it_is_typed() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"key of joerg");
    let mut browser = world.browser();
    browser.ask_to_register("Jo\u{308}rg@Example.com", &mut passkey).await;
    assert_eq!(browser.enter(&world.code(JOERG).await).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.who().await.as_deref(), Some(JOERG));
    for typed in ["JÖRG@example.com", "ｊörg@example.com", "jo\u{308}rg＠example.com"] {
        assert_eq!(world.browser().sign_in(Some(typed), &mut passkey).await.status, StatusCode::OK, "{typed}");
        let mut other = world.browser();
        other.ask_to_register(typed, &mut Passkey::new(typed.as_bytes())).await;
        let told = world.mails(JOERG).await.pop().unwrap();
        assert!(told.subject.starts_with("You already have an account"), "{}", told.subject);
    }
}

#[tokio::test]
async fn an_address_that_the_mail_server_cannot_write_to_is_told_so_before_the_device_is_asked() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.register(&world, JOERG, &mut Passkey::new(b"key of joerg")).await;
    world.mailbox.is_old.store(true, Ordering::SeqCst);
    // With and without an account for the address.
    for email in [JOERG, "j\u{f6}rgen@example.com"] {
        let mut browser = world.browser();
        browser.get("/_bmauth/register").await;
        let body = json!({ "email": email, "return_to": "/" });
        let begun = browser.post("/_bmauth/register/options", &body).await;
        assert_eq!((begun.status, begun.refusal().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "no-mail-to"));
        assert!(begun.text.contains("Use another one"), "{}", begun.text);
        let over_api = browser.post("/_bmauth/v1/signup/webauthn", &json!({ "email": email })).await;
        assert_eq!(over_api.status, StatusCode::BAD_REQUEST, "{}", over_api.text);
    }
    let asked = world.browser().ask_to_register(MARIA, &mut Passkey::new(b"key of maria")).await;
    assert_eq!(asked.status, StatusCode::OK, "every server writes to this one");
}

#[tokio::test]
async fn an_operator_who_adds_an_address_that_the_mail_server_cannot_write_to_is_told() {
    let world = World::new().await;
    let router = operating::router_of(CONFIG, &world);
    for (is_old, email, is_told) in [(false, "j%C3%B6rg", false), (true, "j%C3%B6rg", true), (true, "maria", false)] {
        world.mailbox.is_old.store(is_old, Ordering::SeqCst);
        let added = operating::post(&router, &format!("/invitations/{email}@example.com?groups=&admin=false")).await;
        assert_eq!(added["no_mail_to"], json!(is_told), "{is_old} {email}");
    }
}

#[tokio::test]
async fn no_change_to_an_address_that_the_mail_server_cannot_write_to_is_confirmed() {
    let world = World::new().await;
    let (mut maria, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    maria.register(&world, MARIA, &mut passkey).await;
    world.browser().register(&world, JOERG, &mut Passkey::new(b"key of joerg")).await;
    maria.get("/_bmauth/account").await;
    let to = |email: &str| json!({ "act": "change-address", "to": email });
    let free = "j\u{fc}rgen@example.com";
    let asked = maria.post("/_bmauth/devices/confirm", &to(free)).await.json();
    world.mailbox.is_old.store(true, Ordering::SeqCst);
    // With and without an account for the address.
    for email in [JOERG, free] {
        let refused = maria.post("/_bmauth/devices/confirm", &to(email)).await;
        assert_eq!((refused.status, refused.refusal().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "no-mail-to"));
        assert!(refused.text.contains("Use another one"), "{}", refused.text);
    }
    // Nor is it gone on with where the passkey was asked for before.
    let body = json!({ "ceremony": asked["ceremony"], "credential": passkey.get(&asked["options"]) });
    assert_eq!(maria.post("/_bmauth/devices/confirm/verify", &body).await.refusal(), "no-mail-to");
    world.mailbox.is_old.store(false, Ordering::SeqCst);
    assert!(world.mails(free).await.is_empty());
    assert_eq!(maria.post("/_bmauth/devices/confirm", &to(free)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_api_says_where_a_code_cannot_be_mailed_unless_codes_come_from_the_operator() {
    let world = World::new().await;
    world.browser().register(&world, JOERG, &mut Passkey::new(b"key of joerg")).await;
    world.mailbox.is_old.store(true, Ordering::SeqCst);
    for email in [JOERG, "j\u{fc}rgen@example.com"] {
        for ticket in [json!(false), json!(true)] {
            let body = json!({ "email": email, "ticket": ticket });
            let refused = world.browser().post("/_bmauth/v1/signin/otp/email", &body).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
            assert_eq!(refused.json()["error"], "invalid-request");
            assert!(refused.text.contains("/_bmauth/recover, by a code from"), "{}", refused.text);
        }
    }
    let by_hand = World::with(&by_operator(), Arc::new(MemoryStore::new())).await;
    by_hand.mailbox.is_old.store(true, Ordering::SeqCst);
    let sent = by_hand.browser().post("/_bmauth/v1/signin/otp/email", &json!({ "email": JOERG })).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
}

fn by_operator() -> String {
    format!("{CONFIG}\n[accounts]\nrecovery = \"admin\"")
}

#[tokio::test]
async fn an_owner_who_cannot_be_written_to_gets_back_in_by_the_operators_code() {
    let policies = [CONFIG.to_owned(), format!("{CONFIG}\n[accounts]\nrecovery = \"delayed\""), by_operator()];
    for (n, text) in policies.iter().enumerate() {
        let world = World::with(text, Arc::new(MemoryStore::new())).await;
        let router = operating::router_of(text, &world);
        world.browser().register(&world, JOERG, &mut Passkey::new(b"key of joerg")).await;
        world.mailbox.is_old.store(true, Ordering::SeqCst);
        // With and without an account for the address.
        for email in [JOERG, "j\u{fc}rgen@example.com"] {
            let mut browser = world.browser();
            assert_eq!(recovering::ask(&mut browser, email).await.location(), "/_bmauth/recover/code");
            let page = browser.get("/_bmauth/recover/code").await;
            assert_eq!(page.text.contains("Our mail server can"), n < 2, "{}", page.text);
            assert!(!page.text.contains("/resend"), "none can be sent");
        }
        let given = operating::post(&router, "/users/j%C3%B6rg@example.com/recover").await;
        let mut browser = world.browser();
        recovering::ask(&mut browser, JOERG).await;
        let wrong = recovering::enter(&mut browser, "ABCDE-FGHJK").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let right = recovering::enter(&mut browser, given["code"].as_str().unwrap()).await;
        assert_eq!(right.location(), "/_bmauth/recover/device", "{}", right.text);
        let done = recovering::set_up(&mut browser, &mut Passkey::new(b"new key")).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }
}

#[tokio::test]
async fn a_code_that_was_mailed_counts_also_where_the_server_does_not_write_to_such_addresses_by_now() {
    let world = World::new().await;
    world.browser().register(&world, JOERG, &mut Passkey::new(b"key of joerg")).await;
    let mut browser = world.browser();
    recovering::ask(&mut browser, JOERG).await;
    let code = world.code(JOERG).await;
    world.mailbox.is_old.store(true, Ordering::SeqCst);
    assert_eq!(recovering::enter(&mut browser, &code).await.location(), "/_bmauth/recover/device");
    let done = recovering::set_up(&mut browser, &mut Passkey::new(b"new key")).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_not_tried_again() {
    let world = World::new().await;
    world.mailbox.refuses.store(true, Ordering::SeqCst);
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    assert!(world.mails(MARIA).await.is_empty());
    world.mailbox.refuses.store(false, Ordering::SeqCst);
    world.wait(300);
    assert!(world.mails(MARIA).await.is_empty());
    // The next one is another letter.
    assert_eq!(browser.submit("/_bmauth/register/code/resend", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.mails(MARIA).await.len(), 1);
}

/// A gateway whose mail server holds up what it gets for Maria, who asked for a code.
async fn holding() -> (World, Browser) {
    let world = World::new().await;
    *world.mailbox.holds.lock().unwrap() = Some(MARIA);
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key of maria")).await;
    (world, browser)
}

/// Asks for a letter to `email`, which arrives while others are under way.
async fn gets_a_letter(world: &World, email: &str) {
    world.browser().ask_to_register(email, &mut Passkey::new(email.as_bytes())).await;
    for _ in 0..100 {
        if world.mailbox.arrived(email) > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{email} waits for the letter of another");
}

#[tokio::test]
async fn a_letter_that_the_mail_server_holds_up_delays_no_other_and_is_sent_once() {
    for jump in [0, 400, -60, -4000] {
        let (world, _browser) = holding().await;
        let meanwhile = async {
            world.mailbox.held.notified().await;
            // Whatever the clock says meanwhile.
            world.clock.jump(jump);
            for email in ["one@example.com", "two@example.com"] {
                gets_a_letter(&world, email).await;
            }
            world.mailbox.let_go.notify_waiters();
        };
        tokio::join!(world.outbox.deliver(), meanwhile);
        assert_eq!(world.mailbox.arrived(MARIA), 1, "{jump}");
        *world.mailbox.holds.lock().unwrap() = None;
        world.wait(599);
        assert_eq!(world.mails(MARIA).await.len(), 1, "{jump}");
    }
}

#[tokio::test]
async fn what_one_gateway_sends_another_takes_only_once_that_one_must_have_died() {
    let (world, _browser) = holding().await;
    let other = world.again(CONFIG).await;
    tokio::select! {
        () = world.outbox.deliver() => panic!("it is held up"),
        () = world.mailbox.held.notified() => {}
    }
    // The first one is gone.
    world.wait(299);
    assert!(other.mails(MARIA).await.is_empty());
    world.wait(1);
    assert_eq!(other.mails(MARIA).await.len(), 1);
    assert!(other.mails(MARIA).await.is_empty());
}

#[tokio::test]
async fn a_letter_that_failed_waits_as_long_as_its_tries_say() {
    let world = World::new().await;
    world.mailbox.broken.store(true, Ordering::SeqCst);
    world.browser().ask_to_register(MARIA, &mut Passkey::new(b"key of maria")).await;
    for waits in [10, 20, 40, 60] {
        world.mailbox.broken.store(true, Ordering::SeqCst);
        assert!(world.mails(MARIA).await.is_empty());
        world.mailbox.broken.store(false, Ordering::SeqCst);
        world.wait(waits - 1);
        assert!(world.mails(MARIA).await.is_empty(), "{waits}");
        world.wait(1);
    }
    assert_eq!(world.mails(MARIA).await.len(), 1);
}

#[tokio::test]
async fn a_letter_under_way_when_the_gateway_stops_is_tried_soon_after_the_start() {
    let (world, _browser) = holding().await;
    let again = world.again(CONFIG).await;
    let World { outbox, mailbox, .. } = world;
    tokio::time::pause();
    let stop = CancellationToken::new();
    let running = tokio::spawn(outbox.run(stop.clone()));
    mailbox.held.notified().await;
    stop.cancel();
    running.await.unwrap();
    assert!(again.mails(MARIA).await.is_empty());
    again.wait(10);
    assert_eq!(again.mails(MARIA).await.len(), 1);
}

#[tokio::test]
async fn a_letter_tells_times_by_the_clock_of_its_reader() {
    for (cookie, told) in [(Some("330"), "(UTC+5:30)"), (Some("0"), " UTC"), (Some("99999"), " UTC"), (None, " UTC")] {
        let world = World::new().await;
        let mut browser = world.browser();
        if let Some(minutes) = cookie {
            browser.cookies.insert("bmauth-offset".to_owned(), minutes.to_owned());
        }
        browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
        let mail = world.mails(MARIA).await.pop().unwrap();
        let when = mail.text.lines().find(|line| line.starts_with("When:")).unwrap().to_owned();
        assert!(when.ends_with(told), "{when}");
    }
}
