use std::sync::Arc;

use bmauth::domain::mailed_code::MailedCode;
use bmauth::domain::plan::{Change, Conflict, Durability, RegistrationChange};
use bmauth::domain::registration::Registration;
use bmauth::domain::secret::Secret;
use bmauth::store::CommitError;
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::json;

use crate::authenticator::{BE, BS, Cheat, Passkey, UP, UV};
use crate::browser::Browser;
use crate::edge::{Fragile, Meanwhile};
use crate::world::{CONFIG, World, fifty_wrong_codes};

const MARIA: &str = "maria@example.com";

#[tokio::test]
async fn a_registration_ends_signed_in_at_the_page_asked_for() {
    let world = World::new().await;
    let mut browser = world.browser();
    let mut passkey = Passkey::new(b"key of maria");
    let asked = browser.ask_to_register(" Maria@Example.com ", &mut passkey).await;
    assert_eq!(asked.json(), json!({ "location": "/_bmauth/register/code" }));
    assert_eq!(browser.who().await, None, "nothing usable exists before the code");
    let code = world.code(MARIA).await;
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let done = browser.enter(&spaced).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "https://notes.example.com/notes?id=7"));
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    assert!(world.mails(MARIA).await[0].subject.contains("Acme Notes"), "a welcome");
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.status, StatusCode::OK);
}

#[tokio::test]
async fn before_the_code_the_passkey_makes_no_session() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"key of maria");
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut passkey).await;
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "unknown-passkey");
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut passkey).await.refusal(), "unknown-passkey");
    // The browser whose registration it is is led back to the code, and does not forget the passkey.
    for email in [None, Some(MARIA)] {
        let answer = browser.sign_in(email, &mut passkey).await;
        assert_eq!(answer.json(), json!({ "location": "/_bmauth/register/code" }));
        assert_eq!(browser.who().await, None);
    }
    assert_eq!(browser.enter(&world.code(MARIA).await).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn one_network_causes_a_bounded_number_of_mails() {
    let world = World::new().await;
    let mut refused = 0;
    for n in 0..155 {
        let mut browser = world.browser();
        let mut passkey = Passkey::new(format!("key {n}").as_bytes());
        let asked = browser.ask_to_register(&format!("a{n}@example.com"), &mut passkey).await;
        refused += usize::from(asked.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 5);
    let mut elsewhere = world.browser();
    elsewhere.address = "198.51.100.7".parse().unwrap();
    assert_eq!(elsewhere.ask_to_register(MARIA, &mut Passkey::new(b"key")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn five_wrong_codes_close_a_code_and_the_right_one_comes_too_late() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = world.code(MARIA).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for left in ["4 tries", "3 tries", "2 tries", "1 try"] {
        let answer = browser.enter(wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text.contains(left), "{left}: {}", answer.text);
    }
    assert_eq!(browser.enter(wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.enter(&code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.who().await, None);
}

#[tokio::test]
async fn what_is_not_six_digits_costs_no_try() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    for _ in 0..10 {
        assert_eq!(browser.enter("12 45").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(browser.enter(&world.code(MARIA).await).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_code_older_than_ten_minutes_is_refused() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = world.code(MARIA).await;
    world.wait(10 * 60);
    let late = browser.enter(&code).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.text.contains("too old"), "{}", late.text);
}

#[tokio::test]
async fn a_code_works_up_to_its_last_second() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = world.code(MARIA).await;
    world.wait(10 * 60 - 1);
    assert_eq!(browser.enter(&code).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn another_code_replaces_the_first_after_half_a_minute() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let first = world.code(MARIA).await;
    browser.get("/_bmauth/register/code").await;
    let soon = browser.submit("/_bmauth/register/code/resend", &[]).await;
    assert_eq!(soon.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(soon.text.contains("30 seconds"), "{}", soon.text);
    world.wait(30);
    let again = browser.submit("/_bmauth/register/code/resend", &[]).await;
    assert_eq!(again.location(), "/_bmauth/register/code?resent");
    let second = world.code(MARIA).await;
    assert_ne!(first, second);
    assert_eq!(browser.enter(&first).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.enter(&second).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn new_codes_do_not_give_endless_tries() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let mut sent = 1;
    for _ in 0..15 {
        world.wait(30);
        browser.get("/_bmauth/register/code").await;
        match browser.submit("/_bmauth/register/code/resend", &[]).await.status {
            StatusCode::SEE_OTHER => sent += 1,
            status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
        }
    }
    assert_eq!(sent, 6, "one network causes six letters an hour to one address");
    assert_eq!(world.mails(MARIA).await.len(), 6);
    // Other networks may cause some more, all together a bounded number, and beginning anew does not help.
    for network in 0..60 {
        let mut other = world.browser();
        other.address = format!("198.51.100.{network}").parse().unwrap();
        other.ask_to_register(MARIA, &mut Passkey::new(format!("key {network}").as_bytes())).await;
    }
    assert_eq!(world.mails(MARIA).await.len(), 14, "an address gets twenty an hour");
}

#[tokio::test]
async fn a_spent_code_is_refused() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/register/code").await;
    let (cookies, csrf) = (browser.cookies.clone(), browser.csrf.clone());
    assert_eq!(browser.enter(&code).await.status, StatusCode::SEE_OTHER);
    let mut replayed = world.browser();
    (replayed.cookies, replayed.csrf) = (cookies, csrf);
    let again = replayed.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert_eq!(replayed.who().await, None);
}

#[tokio::test]
async fn only_the_browser_that_began_can_enter_the_code() {
    let world = World::new().await;
    world.browser().ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = world.code(MARIA).await;
    let mut other = world.browser();
    other.get("/_bmauth/register").await;
    let answer = other.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert_eq!(other.who().await, None);
}

#[tokio::test]
async fn an_unfinished_registration_expires() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    world.wait(30 * 60);
    assert_eq!(browser.get("/_bmauth/register/code").await.status, StatusCode::GONE);
    let csrf_page = browser.get("/_bmauth/register").await;
    assert_eq!(csrf_page.status, StatusCode::OK);
    let resent = browser.submit("/_bmauth/register/code/resend", &[]).await;
    assert_eq!(resent.status, StatusCode::GONE);
}

#[tokio::test]
async fn the_browser_that_proves_the_address_wins_and_the_rest_dies() {
    let world = World::new().await;
    let (mut thief, mut maria) = (world.browser(), world.browser());
    let (mut thiefs, mut marias) = (Passkey::new(b"thief's"), Passkey::new(b"maria's"));
    thief.ask_to_register(MARIA, &mut thiefs).await;
    let thiefs_code = world.code(MARIA).await;
    maria.register(&world, MARIA, &mut marias).await;
    assert_eq!(thief.enter(&thiefs_code).await.status, StatusCode::GONE);
    assert_eq!(thief.who().await, None);
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut thiefs).await.refusal(), "unknown-passkey");
    assert_eq!(world.browser().sign_in(Some(MARIA), &mut marias).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_taken_address_shows_the_same_pages_and_its_owner_gets_a_mail() {
    let world = World::new().await;
    world.browser().register(&world, MARIA, &mut Passkey::new(b"maria's")).await;
    let (mut known, mut unknown) = (world.browser(), world.browser());
    let of_known = known.ask_to_register(MARIA, &mut Passkey::new(b"second")).await;
    let of_unknown = unknown.ask_to_register("bobby@example.com", &mut Passkey::new(b"bobby's")).await;
    assert_eq!((of_known.status, &of_known.text), (of_unknown.status, &of_unknown.text));
    let pages = [
        known.get("/_bmauth/register/code").await.text.replace(MARIA, "bobby@example.com"),
        unknown.get("/_bmauth/register/code").await.text,
    ];
    let [of_known, of_unknown] = pages.map(|page| {
        page.split("name=\"csrf\"").map(|part| part.get(120..).unwrap_or_default().to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(of_known, of_unknown);
    let mails = world.mails(MARIA).await;
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert!(!mail.subject.chars().any(|c| c.is_ascii_digit()), "{}", mail.subject);
    assert!(mail.text.contains("https://notes.example.com/_bmauth/sign-in"), "{}", mail.text);
    // No code opens it, and wrong ones are counted alike.
    for browser in [&mut known, &mut unknown] {
        let wrong = browser.enter("000000").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.text.contains("4 tries"), "{}", wrong.text);
    }
}

#[tokio::test]
async fn a_credential_id_belongs_to_one_account() {
    let world = World::new().await;
    let mut marias = Passkey::new(b"the same id");
    world.browser().register(&world, MARIA, &mut marias).await;
    let mut thief = world.browser();
    let refused = thief.ask_to_register("thief@example.com", &mut Passkey::new(b"the same id")).await;
    assert_eq!(refused.refusal(), "not-accepted");
}

#[tokio::test]
async fn two_registrations_with_one_credential_id_make_one_account() {
    let world = World::new().await;
    let (mut first, mut second) = (world.browser(), world.browser());
    first.ask_to_register(MARIA, &mut Passkey::new(b"the same id")).await;
    second.ask_to_register("thief@example.com", &mut Passkey::new(b"the same id")).await;
    let (marias, thiefs) = (world.code(MARIA).await, world.code("thief@example.com").await);
    assert_eq!(first.enter(&marias).await.status, StatusCode::SEE_OTHER);
    assert_ne!(second.enter(&thiefs).await.status, StatusCode::SEE_OTHER);
    assert_eq!(second.who().await, None);
}

#[tokio::test]
async fn a_ceremony_is_answered_once_in_time_by_its_browser_and_for_its_purpose() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/register").await;
    let begin = json!({ "email": MARIA, "return_to": null });
    let begun = browser.post("/_bmauth/register/options", &begin).await.json();
    let credential = Passkey::new(b"key").create(&begun["options"]);
    let answer = json!({ "ceremony": begun["ceremony"], "credential": credential });
    let mut other = world.browser();
    other.get("/_bmauth/register").await;
    assert_eq!(other.post("/_bmauth/register/verify", &answer).await.refusal(), "expired-ceremony");
    assert_eq!(browser.post("/_bmauth/sign-in/verify", &json!({
        "ceremony": begun["ceremony"], "credential": Passkey::new(b"key").get(&json!({ "challenge": begun["options"]["challenge"] })),
    })).await.refusal(), "expired-ceremony");
    assert_eq!(browser.post("/_bmauth/register/verify", &answer).await.status, StatusCode::OK);
    assert_eq!(browser.post("/_bmauth/register/verify", &answer).await.refusal(), "expired-ceremony");
    let begun = browser.post("/_bmauth/register/options", &begin).await.json();
    let credential = Passkey::new(b"late").create(&begun["options"]);
    world.wait(5 * 60);
    let late = json!({ "ceremony": begun["ceremony"], "credential": credential });
    assert_eq!(browser.post("/_bmauth/register/verify", &late).await.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn a_cheating_device_makes_no_passkey() {
    let cheats: [(&str, Cheat); 11] = [
        ("unverified", |key| key.flags = UP | BE),
        ("absent", |key| key.flags = UV | BE),
        ("backed up, and not eligible for it", |key| key.flags = UP | UV | BS),
        ("an old challenge", |key| key.client_data = json!({ "challenge": "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xk" })),
        ("another ceremony", |key| key.client_data = json!({ "type": "webauthn.get" })),
        ("another origin", |key| key.origin = "https://evil.example".into()),
        ("another domain", |key| key.rp_id = "evil.example".into()),
        ("a frame", |key| key.client_data = json!({ "crossOrigin": true })),
        ("a top origin", |key| key.client_data = json!({ "topOrigin": "https://evil.example" })),
        ("another type", |key| key.kind = "password".into()),
        ("a long id", |key| key.id = vec![7; 1024]),
    ];
    let world = World::new().await;
    for (name, cheat) in cheats {
        let mut passkey = Passkey::new(b"key");
        cheat(&mut passkey);
        let answer = world.browser().ask_to_register(MARIA, &mut passkey).await;
        assert_eq!(answer.refusal(), "not-accepted", "{name}");
    }
    assert!(world.mails(MARIA).await.is_empty());
}

#[tokio::test]
async fn an_id_that_names_another_credential_is_refused() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/register").await;
    let begun = browser.post("/_bmauth/register/options", &json!({ "email": MARIA })).await.json();
    let mut credential = Passkey::new(b"key").create(&begun["options"]);
    credential["id"] = json!("b3RoZXI");
    let answer = json!({ "ceremony": begun["ceremony"], "credential": credential });
    assert_eq!(browser.post("/_bmauth/register/verify", &answer).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn closed_registration_and_foreign_domains_are_refused() {
    let closed = format!("{CONFIG}\n[accounts]\nregistration = \"closed\"");
    let world = World::with(&closed, Arc::new(MemoryStore::new())).await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let refused = browser.post("/_bmauth/register/options", &json!({ "email": MARIA })).await;
    assert_eq!((refused.status, refused.refusal()), (StatusCode::FORBIDDEN, "registration-closed".to_owned()));
    let ours = format!("{CONFIG}\n[accounts]\nallowed_domains = [\"acme.example\"]");
    let world = World::with(&ours, Arc::new(MemoryStore::new())).await;
    let mut browser = world.browser();
    browser.get("/_bmauth/register").await;
    for (email, refusal) in [(MARIA, true), ("a@sub.acme.example", true), ("a@acme.example", false)] {
        let answer = browser.post("/_bmauth/register/options", &json!({ "email": email })).await;
        assert_eq!(answer.status == StatusCode::FORBIDDEN, refusal, "{email}");
    }
}

#[tokio::test]
async fn fifty_wrong_codes_at_once_count_five() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/register/code").await;
    let answers = fifty_wrong_codes(&world, &browser, "/_bmauth/register/code", &code).await;
    assert_eq!(answers, [StatusCode::UNPROCESSABLE_ENTITY; 50]);
    let flow = Secret::parse(&browser.cookies["__Host-bmauth-flow"]).unwrap();
    assert_eq!(world.store.registration(flow.digest()).await.unwrap().unwrap().code.tries, 5);
    assert_eq!(browser.enter(&code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_mail_that_fails_is_sent_later() {
    let world = World::new().await;
    world.mailbox.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    assert!(world.mails(MARIA).await.is_empty());
    world.mailbox.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(world.mails(MARIA).await.is_empty(), "not before its time");
    world.wait(10);
    let code = world.code(MARIA).await;
    assert_eq!(browser.enter(&code).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_registration_that_was_begun_before_registration_closed_is_not_finished() {
    let store: Arc<dyn bmauth::store::Store> = Arc::new(MemoryStore::new());
    let open = World::with(CONFIG, Arc::clone(&store)).await;
    let (mut with_code, mut with_challenge) = (open.browser(), open.browser());
    with_code.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let code = open.code(MARIA).await;
    with_challenge.get("/_bmauth/register").await;
    let begun = with_challenge.post("/_bmauth/register/options", &json!({ "email": MARIA })).await.json();
    let credential = Passkey::new(b"other").create(&begun["options"]);
    for accounts in ["registration = \"closed\"", "allowed_domains = [\"acme.example\"]"] {
        let closed = World::with(&format!("{CONFIG}\n[accounts]\n{accounts}"), Arc::clone(&store)).await;
        let restarted = |before: &Browser| {
            let mut browser = closed.browser();
            (browser.cookies, browser.csrf) = (before.cookies.clone(), before.csrf.clone());
            browser
        };
        let mut browser = restarted(&with_code);
        closed.wait(60);
        browser.get("/_bmauth/register/code").await;
        let resent = browser.submit("/_bmauth/register/code/resend", &[]).await;
        assert_eq!(resent.status, StatusCode::GONE, "{accounts}");
        let entered = browser.submit("/_bmauth/register/code", &[("code", &code)]).await;
        assert_eq!((entered.status, browser.who().await), (StatusCode::GONE, None), "{accounts}");
        let answer = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let answered = restarted(&with_challenge).post("/_bmauth/register/verify", &answer).await;
        assert_eq!(answered.status, StatusCode::FORBIDDEN, "{accounts}");
        assert!(closed.mails(MARIA).await.is_empty(), "{accounts}");
    }
}

#[tokio::test]
async fn a_registration_that_is_begun_again_is_not_taken_for_the_one_before() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    let flow = |browser: &Browser| Secret::parse(&browser.cookies["__Host-bmauth-flow"]).unwrap().digest();
    let before = world.store.registration(flow(&browser)).await.unwrap().unwrap();
    browser.ask_to_register("bob@example.com", &mut Passkey::new(b"another key")).await;
    // A try of the code of the first that was on its way meanwhile.
    let next = Registration { revision: before.revision + 1, ..before };
    let late = world.store.commit(vec![RegistrationChange::Advance(next).into()], Durability::Durable).await;
    assert!(matches!(late, Err(CommitError::Conflict(Conflict::RegistrationChanged))), "it was given up");
    let found = world.store.registration(flow(&browser)).await.unwrap().unwrap();
    assert_eq!((found.email.as_str(), found.code.tries), ("bob@example.com", 0));
}

#[tokio::test]
async fn a_right_code_wins_and_another_is_sent_whatever_else_is_typed_at_that_moment() {
    let store = Arc::new(Fragile::default());
    let world = World::with(CONFIG, Arc::clone(&store) as _).await;
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await;
    world.mails(MARIA).await;
    let flow = Secret::parse(&browser.cookies["__Host-bmauth-flow"]).unwrap().digest();
    // Another tab's wrong code is counted just before the commit with such a change.
    let counted_before = async |tries: u32, before: fn(&Change) -> bool| {
        let was = world.store.registration(flow).await.unwrap().unwrap();
        let (revision, code) = (was.revision + tries, MailedCode { tries, ..was.code });
        let change = RegistrationChange::Advance(Registration { revision, code, ..was }).into();
        *store.meanwhile.lock().unwrap() = Some(Meanwhile { before, change });
    };
    world.wait(30);
    counted_before(1, |change| matches!(change, Change::Registration(RegistrationChange::Advance(_)))).await;
    browser.get("/_bmauth/register/code").await;
    let resent = browser.submit("/_bmauth/register/code/resend", &[]).await;
    assert_eq!(resent.location(), "/_bmauth/register/code?resent");
    let code = world.code(MARIA).await;
    // The right one is counted first, and the other one second.
    counted_before(2, |change| matches!(change, Change::Registration(RegistrationChange::Spend { .. }))).await;
    assert_eq!(browser.enter(&code).await.status, StatusCode::SEE_OTHER);
    assert!(store.meanwhile.lock().unwrap().is_none());
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
}

/// The options to make a passkey for an address.
async fn begin(browser: &mut Browser, email: &str) -> serde_json::Value {
    browser.get("/_bmauth/register").await;
    let begun = browser.post("/_bmauth/register/options", &json!({ "email": email })).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
    begun.json()["options"].clone()
}

#[tokio::test]
async fn a_browser_that_begins_twice_gets_the_same_user_handle_and_no_other_does() {
    let world = World::new().await;
    world.browser().register(&world, MARIA, &mut Passkey::new(b"key of maria")).await;
    // With and without an account for the address.
    for email in [MARIA, "nobody@example.com"] {
        let (mut browser, mut other) = (world.browser(), world.browser());
        let first = begin(&mut browser, email).await["user"].clone();
        assert_eq!(first, begin(&mut browser, email).await["user"], "before the device has answered");
        assert_ne!(first, begin(&mut other, email).await["user"]);
        assert_ne!(first["id"], begin(&mut browser, "another@example.com").await["user"]["id"]);
        let flow = browser.cookies["__Host-bmauth-flow"].clone();
        browser.ask_to_register(email, &mut Passkey::new(format!("one of {email}").as_bytes())).await;
        assert_ne!(browser.cookies["__Host-bmauth-flow"], flow);
        world.wait(20 * 60);
        assert_eq!(first, begin(&mut browser, email).await["user"], "while it waits for the code");
        assert_ne!(first["id"], begin(&mut browser, "another@example.com").await["user"]["id"]);
    }
}

#[tokio::test]
async fn no_account_to_be_is_called_as_one_that_is_there() {
    let world = World::new().await;
    let mut browser = world.browser();
    let first = begin(&mut browser, MARIA).await["user"]["id"].clone();
    let jar = browser.cookies.clone();
    browser.register(&world, MARIA, &mut Passkey::new(b"key")).await;
    let account = world.store.accounts(None, 9).await.unwrap().remove(0);
    assert_eq!(crate::authenticator::decode(&first), account.id.0.as_bytes());
    // A client with the flow cookie from before, which types the same address.
    browser.cookies = jar;
    let [second, third] = [
        begin(&mut browser, MARIA).await["user"]["id"].clone(),
        begin(&mut browser, MARIA).await["user"]["id"].clone(),
    ];
    assert!(second != first && third != first && second != third);
}

/// The credential ids that the code page has the browser forget.
async fn forgotten(browser: &mut Browser) -> Vec<Vec<u8>> {
    let page = browser.get("/_bmauth/register/code").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let Some((_, rest)) = page.text.split_once("data-rp=\"notes.example.com\" data-forget=\"") else {
        return Vec::new();
    };
    assert!(page.text.contains("/forget.js\""));
    let ids = rest.split('"').next().unwrap().split(' ');
    ids.map(|id| crate::authenticator::decode(&json!(id))).collect()
}

#[tokio::test]
async fn the_passkeys_of_registrations_that_were_given_up_are_told_to_the_browser() {
    let world = World::new().await;
    let mut browser = world.browser();
    let ids: Vec<_> = (0..11).map(|n| format!("key {n}").into_bytes()).collect();
    assert_eq!(browser.ask_to_register("another@example.com", &mut Passkey::new(&ids[0])).await.status, StatusCode::OK);
    assert_eq!(forgotten(&mut browser).await, [[0_u8; 0]; 0]);
    let flow = browser.cookies.clone();
    let mut code = String::new();
    for n in 1..5 {
        let mut key = Passkey::new(&ids[n]);
        assert_eq!(browser.ask_to_register(MARIA, &mut key).await.status, StatusCode::OK);
        assert_eq!(forgotten(&mut browser).await, ids[..n], "those before {n}");
        code = world.code(MARIA).await;
    }
    // The one before is over, also for a client with its cookie.
    let mut left_behind = world.browser();
    left_behind.cookies = flow;
    assert_eq!(left_behind.get("/_bmauth/register/code").await.status, StatusCode::GONE);
    // The last one is finished by its own code, and is the account's; the others belong to no account.
    assert_eq!(browser.enter(&code).await.status, StatusCode::SEE_OTHER);
    let account = world.store.accounts(None, 9).await.unwrap().remove(0);
    let kept: Vec<_> = world.store.passkey_ids(account.id).await.unwrap();
    assert_eq!(kept.iter().map(|id| id.bytes()).collect::<Vec<_>>(), [ids[4].as_slice()]);
    // However often a visitor begins, only the last ones are kept.
    let mut again = world.browser();
    for (n, id) in ids.iter().enumerate() {
        let email = format!("a{n}@example.com");
        again.ask_to_register(&email, &mut Passkey::new(&[id.as_slice(), b" again"].concat())).await;
    }
    assert_eq!(forgotten(&mut again).await.len(), 8);
}

#[tokio::test]
async fn a_dead_passkey_that_is_chosen_is_explained_and_made_up_ones_are_not() {
    let world = World::new().await;
    let (mut browser, mut dead, mut alive) = (world.browser(), Passkey::new(b"dead"), Passkey::new(b"alive"));
    browser.ask_to_register(MARIA, &mut dead).await;
    browser.ask_to_register(MARIA, &mut alive).await;
    assert_eq!(browser.sign_in(None, &mut alive).await.json(), json!({ "location": "/_bmauth/register/code" }));
    for email in [None, Some(MARIA), Some("nobody@example.com")] {
        let refused = browser.sign_in(email, &mut dead).await;
        assert_eq!(refused.refusal(), "unknown-passkey", "{email:?}");
        let sentence = "This passkey was never finished or was removed. Use another one.";
        assert_eq!(refused.json()["message"], sentence, "{email:?}");
    }
    let page = browser.get("/_bmauth/sign-in").await.text;
    let (_, gone) = page.split_once("<template id=\"gone\">").unwrap();
    let (gone, _) = gone.split_once("</template>").unwrap();
    for part in [
        "This passkey was never finished or was removed.",
        "data-do=\"again\"",
        "/_bmauth/register",
        "/_bmauth/recover",
    ] {
        assert!(gone.contains(part), "{part}: {gone}");
    }
    // What was made up here belongs to no account either, and no answer says so.
    let challenge = browser.challenge(Some(MARIA)).await;
    let mut made_up = Passkey::new(&crate::authenticator::decode(&challenge["options"]["allowCredentials"][0]["id"]));
    let credential = made_up.get(&challenge["options"]);
    assert_eq!(browser.answer(&challenge, &credential).await.refusal(), "not-accepted");
}
