//! A press that is sent twice, a page that outlived its token, and a flow cookie that an attacker has planted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use bmauth::domain::account::Account;
use bmauth::domain::email::Email;
use http::{Method, Request, StatusCode, header};
use serde_json::json;

use crate::api::wrong;
use crate::authenticator::{Passkey, encode};
use crate::browser::Browser;
use crate::edge::Fragile;
use crate::world::{CONFIG, World};
use crate::{contesting, linking, managing, recovering};

const MARIA: &str = "maria@example.com";
const FLOW: &str = "__Host-bmauth-flow";
const SESSION: &str = "__Host-bmauth";

/// What a browser had when it pressed, so that the press can be made again.
fn as_it_was(world: &World, browser: &Browser) -> Browser {
    let mut copy = world.browser();
    (copy.cookies, copy.csrf, copy.presses) = (browser.cookies.clone(), browser.csrf.clone(), browser.presses);
    copy
}

/// A browser whose line sends every press three times.
fn stuttering(world: &World) -> Browser {
    world.browser().stuttering()
}

async fn account(world: &World) -> Account {
    world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap()
}

/// How many passkeys, sessions and events there are of Maria's.
async fn made(world: &World) -> (usize, usize, usize) {
    let id = account(world).await.id;
    let (passkeys, sessions) = (world.store.passkeys(id).await.unwrap(), world.store.sessions(id).await.unwrap());
    (passkeys.len(), sessions.len(), world.store.events(id, 100).await.unwrap().len())
}

async fn mails(world: &World) -> usize {
    world.mails(MARIA).await.len()
}

/// A browser on the page that asks for the code by which Maria registers, and that code.
async fn at_the_code_page(world: &World) -> (Browser, String) {
    let mut browser = world.browser();
    browser.ask_to_register(MARIA, &mut Passkey::new(b"key of maria")).await;
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/register/code").await;
    (browser, code)
}

#[tokio::test]
async fn what_is_pressed_again_while_registering_is_done_once() {
    let world = World::new().await;
    let (mut browser, mut passkey) = (stuttering(&world), Passkey::new(b"key of maria"));
    let received = browser.ask_to_register(MARIA, &mut passkey).await;
    assert_eq!(received.json(), json!({ "location": "/_bmauth/register/code" }));
    let first = world.code(MARIA).await;
    // A wrong code counts once.
    browser.get("/_bmauth/register/code").await;
    let refused = browser.submit("/_bmauth/register/code", &[("code", &wrong(&first))]).await;
    assert!(refused.text.contains("4 tries left"), "{}", refused.text);
    // The page that came with it is another one.
    let refused = browser.submit("/_bmauth/register/code", &[("code", &wrong(&first))]).await;
    assert!(refused.text.contains("3 tries left"), "{}", refused.text);
    // One letter, and no word of waiting.
    world.wait(31);
    let sent = browser.submit("/_bmauth/register/code/resend", &[]).await;
    assert_eq!(sent.location(), "/_bmauth/register/code?resent");
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/register/code?resent").await;
    let done = browser.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(done.location(), "https://notes.example.com/notes?id=7");
    assert_eq!(mails(&world).await, 1, "one welcome");
    let (passkeys, sessions, _) = made(&world).await;
    assert_eq!((passkeys, sessions), (1, 1));
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn what_is_pressed_again_while_signing_in_and_out_is_done_once() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"key of maria");
    world.browser().register(&world, MARIA, &mut passkey).await;
    let mut browser = stuttering(&world);
    assert_eq!(browser.sign_in(None, &mut passkey).await.status, StatusCode::OK);
    assert_eq!(made(&world).await.1, 2);
    browser.get("/_bmauth/sign-out").await;
    let signed_out = browser.submit("/_bmauth/sign-out", &[]).await;
    assert_eq!(signed_out.location(), "/_bmauth/signed-out");
    assert_eq!((made(&world).await.1, browser.who().await), (1, None));
    // A refusal stands, too.
    let mut newcomer = Passkey::new(b"nobody's");
    assert_eq!(browser.sign_in(None, &mut newcomer).await.refusal(), "unknown-passkey");
}

#[tokio::test]
async fn what_is_pressed_again_on_the_way_back_in_is_done_once() {
    let world = World::new().await;
    let (_, mut old) = recovering::maria(&world).await;
    let (mut browser, mut new) = (stuttering(&world), Passkey::new(b"new"));
    assert_eq!(recovering::ask(&mut browser, MARIA).await.location(), "/_bmauth/recover/code");
    let first = world.code(MARIA).await;
    let refused = recovering::enter(&mut browser, &wrong(&first)).await;
    assert!(refused.text.contains("4 tries left"), "{}", refused.text);
    world.wait(31);
    assert_eq!(browser.submit("/_bmauth/recover/code/resend", &[]).await.location(), "/_bmauth/recover/code?resent");
    let code = world.code(MARIA).await;
    assert_eq!(recovering::enter(&mut browser, &code).await.location(), "/_bmauth/recover/device");
    let recovered = recovering::set_up(&mut browser, &mut new).await;
    assert_eq!(recovered.json(), json!({ "location": "/_bmauth/recover/review?return_to=%2Fnotes" }));
    let (passkeys, sessions, _) = made(&world).await;
    assert_eq!((passkeys, sessions), (2, 1));
    world.mails(MARIA).await;
    // The older passkey contests.
    let mut other = stuttering(&world);
    assert_eq!(contesting::contest(&mut other, &mut old).await.json(), json!({ "stopped": true }));
    assert_eq!(mails(&world).await, 1);
    assert_eq!((browser.who().await, made(&world).await.1), (None, 0));
    // And opens the account together with a code.
    assert_eq!(contesting::leads_to(&mut other, &mut old).await, "/_bmauth/recover/code");
    let code = world.code(MARIA).await;
    assert_eq!(recovering::enter(&mut other, &code).await.status, StatusCode::SEE_OTHER);
    assert_eq!((other.who().await.as_deref(), made(&world).await.1), (Some(MARIA), 1));
}

#[tokio::test]
async fn what_is_pressed_again_to_keep_an_account_safe_is_done_once() {
    let world = World::new().await;
    recovering::maria(&world).await;
    let (mut browser, mut new) = (stuttering(&world), Passkey::new(b"new"));
    recovering::recover(&world, &mut browser, &mut new).await;
    world.mails(MARIA).await;
    let answered = recovering::review(&mut browser, &mut new, &[b"key of maria"]).await;
    assert_eq!(answered.json(), json!({ "location": "https://notes.example.com/notes" }));
    let (passkeys, sessions, _) = made(&world).await;
    assert_eq!((passkeys, sessions, mails(&world).await), (1, 1, 1));
}

#[tokio::test]
async fn what_is_pressed_again_at_either_side_of_a_link_is_done_once() {
    let (world, phone, mut passkey) = linking::maria().await;
    let (mut phone, mut computer) = (phone.stuttering(), stuttering(&world));
    let shown = computer.ask().await;
    assert_eq!(phone.find(&shown.scan).await.json()["stage"], "found");
    let refused = phone.number(&shown.link, shown.number % 90 + 10).await;
    assert!(refused.text.contains("2 tries left"), "{}", refused.text);
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.json()["stage"], "approved");
    let linked = computer.set_up(&shown.link, &mut Passkey::new(b"key of the computer")).await;
    assert_eq!(linked.json(), json!({ "location": "https://notes.example.com/notes?id=7" }));
    let (passkeys, sessions, _) = made(&world).await;
    assert_eq!((passkeys, sessions), (2, 2));
    assert_eq!(mails(&world).await, 1, "one notice");
    // The other way round, and turned down.
    let offered = phone.offer().await;
    let mut tablet = stuttering(&world);
    assert_eq!(tablet.find(&offered.scan).await.json()["role"], "waiting");
    assert_eq!(phone.deny(&offered.link).await.json()["stage"], "denied");
}

#[tokio::test]
async fn what_is_pressed_again_on_my_devices_is_done_once() {
    let world = World::new().await;
    let mut known = Passkey::new(b"key of maria");
    let (mut one, mut browser) = (world.browser(), stuttering(&world));
    one.register(&world, MARIA, &mut known).await;
    browser.sign_in(None, &mut known).await;
    browser.get("/_bmauth/devices").await;
    let added = managing::add(&mut browser, &mut known, "another").await;
    assert_eq!((made(&world).await.0, mails(&world).await), (2, 1));
    let rename = [("passkey", encode(&added.id)), ("name", "Key".to_owned())];
    let rename = rename.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(browser.submit("/_bmauth/devices/rename", &rename).await.location(), "/_bmauth/devices");
    let before = made(&world).await.2;
    let removed = managing::confirm(&mut browser, &managing::remove(&added), &mut known).await;
    assert_eq!(removed.json(), json!({ "location": "/_bmauth/devices" }));
    assert_eq!((made(&world).await.0, made(&world).await.2, mails(&world).await), (1, before + 1, 1));
    // Sessions: those of others, and its own.
    browser.get("/_bmauth/devices").await;
    assert_eq!(browser.submit("/_bmauth/devices/sign-out-everywhere", &[]).await.location(), "/_bmauth/devices");
    assert_eq!((made(&world).await.1, one.who().await), (1, None));
    browser.get("/_bmauth/devices").await;
    let own = managing::public_id(&world, &browser).await;
    let ended = browser.submit("/_bmauth/devices/sign-out", &[("session", &own)]).await;
    assert_eq!((ended.location(), made(&world).await.1), ("/_bmauth/signed-out", 0));
}

#[tokio::test]
async fn a_hold_that_is_stopped_twice_was_stopped() {
    let world = recovering::world("\"delayed\"\nrecovery_delay = \"3d\"").await;
    let (browser, mut passkey) = recovering::maria(&world).await;
    let mut lost = stuttering(&world);
    recovering::ask(&mut lost, MARIA).await;
    let code = world.code(MARIA).await;
    assert_eq!(recovering::enter(&mut lost, &code).await.status, StatusCode::OK);
    let letters = world.mails(MARIA).await;
    assert_eq!(letters.len(), 1, "one notice");
    // By the link of the letter.
    let link = letters[0].text.split_whitespace().find(|word| word.contains("/recover/cancel#")).unwrap();
    let mut owner = stuttering(&world);
    owner.get("/_bmauth/recover/cancel").await;
    let stopped = recovering::cancel(&mut owner, link.split_once('#').unwrap().1).await;
    assert_eq!(stopped.status, StatusCode::OK, "{}", stopped.text);
    assert_eq!(mails(&world).await, 1, "one word of it");
    // By a passkey.
    world.wait(3600);
    let mut lost = stuttering(&world);
    recovering::ask(&mut lost, MARIA).await;
    let code = world.code(MARIA).await;
    recovering::enter(&mut lost, &code).await;
    let mut owner = browser.stuttering();
    owner.get("/_bmauth/devices").await;
    let stopped = managing::confirm(&mut owner, &json!({ "act": "stop-recovery" }), &mut passkey).await;
    assert_eq!(stopped.json(), json!({ "location": "/_bmauth/devices" }));
}

#[tokio::test]
async fn presses_that_arrive_at_once_are_one() {
    let world = World::new().await;
    let (browser, code) = at_the_code_page(&world).await;
    let three = || [(); 3].map(|()| as_it_was(&world, &browser));
    for (typed, status) in [(wrong(&code), StatusCode::UNPROCESSABLE_ENTITY), (code, StatusCode::SEE_OTHER)] {
        let [mut one, mut two, mut three] = three();
        let fields = [("code", typed.as_str())];
        let path = "/_bmauth/register/code";
        let all = tokio::join!(one.submit(path, &fields), two.submit(path, &fields), three.submit(path, &fields));
        assert_eq!(all.0.status, status);
        all.1.is(&all.0);
        all.2.is(&all.0);
        assert!(status.is_redirection() || all.0.text.contains("4 tries left"), "{}", all.0.text);
    }
    assert_eq!((mails(&world).await, made(&world).await.1), (1, 1));
}

#[tokio::test]
async fn a_step_goes_to_its_end_though_its_browser_broke_off_to_press_again() {
    let world = World::new().await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(&world, MARIA, &mut passkey).await;
    let mut browser = world.browser();
    let challenge = browser.challenge(None).await;
    let answer = json!({ "ceremony": challenge["ceremony"], "credential": passkey.get(&challenge["options"]) });
    let mut again = as_it_was(&world, &browser);
    // Its signature waits to be verified when the browser leaves.
    let let_go = world.hold_verifying().await;
    let left = tokio::time::timeout(Duration::from_millis(20), browser.post("/_bmauth/sign-in/verify", &answer)).await;
    assert!(left.is_err());
    let (answered, ()) = tokio::join!(again.post("/_bmauth/sign-in/verify", &answer), async {
        tokio::task::yield_now().await;
        drop(let_go);
    });
    assert_eq!((answered.status, made(&world).await.1), (StatusCode::OK, 2));
}

#[tokio::test]
async fn what_the_world_failed_at_is_done_when_it_is_pressed_again() {
    let down = Arc::new(AtomicBool::new(false));
    let world = World::with(CONFIG, Arc::new(Fragile { down: Arc::clone(&down), ..Fragile::default() })).await;
    let (mut browser, code) = at_the_code_page(&world).await;
    let mut again = as_it_was(&world, &browser);
    down.store(true, Ordering::SeqCst);
    let failed = browser.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    down.store(false, Ordering::SeqCst);
    assert_eq!(again.submit("/_bmauth/register/code", &[("code", &code)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_visitor_on_the_way_in_gets_on_though_the_gateway_was_started_again_between_two_presses() {
    let world = World::new().await;
    let (mut browser, code) = at_the_code_page(&world).await;
    let before = browser.clone();
    let done = browser.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let restarted = world.again(CONFIG).await;
    // With the cookies that it pressed with, and with those that it was answered.
    for cookies in [&before.cookies, &browser.cookies] {
        let mut again = as_it_was(&restarted, &before);
        again.cookies = cookies.clone();
        let answer = again.submit("/_bmauth/register/code", &[("code", &code)]).await;
        assert_eq!(answer.location(), done.location());
        assert_eq!(again.cookies[SESSION], browser.cookies[SESSION]);
    }
    assert_eq!(made(&world).await.1, 1);
}

#[tokio::test]
async fn what_was_answered_is_given_to_no_other_browser() {
    let world = World::new().await;
    let (mut browser, code) = at_the_code_page(&world).await;
    let before = browser.clone();
    browser.submit("/_bmauth/register/code", &[("code", &code)]).await;
    let mut other = world.browser();
    other.get("/_bmauth/sign-in").await;
    let mut signed_in = world.browser();
    signed_in.register(&world, "bob@example.com", &mut Passkey::new(b"key of bob")).await;
    // An attacker who has all that was sent but the cookies.
    for cookies in [&BTreeMap::new(), &other.cookies, &signed_in.cookies] {
        let mut thief = as_it_was(&world, &before);
        thief.cookies = cookies.clone();
        let answer = thief.submit("/_bmauth/register/code", &[("code", &code)]).await;
        assert_ne!(
            answer.headers.get(header::LOCATION),
            Some(&"https://notes.example.com/notes?id=7".parse().unwrap())
        );
        assert_ne!(thief.cookies.get(SESSION), browser.cookies.get(SESSION));
    }
    // Nor to a client that knows a press by which another session was signed out.
    browser.get("/_bmauth/sign-out").await;
    let signing_out = browser.clone();
    browser.submit("/_bmauth/sign-out", &[]).await;
    let mut bob = as_it_was(&world, &signing_out);
    bob.cookies = signed_in.cookies.clone();
    assert_eq!(bob.submit("/_bmauth/sign-out", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bob.who().await.as_deref(), Some("bob@example.com"));
}

#[tokio::test]
async fn presses_of_scripts_are_told_apart_by_their_names() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let ask = json!({ "email": MARIA, "return_to": "/" });
    let options = "/_bmauth/sign-in/options";
    let mut again = as_it_was(&world, &browser);
    let first = browser.post(options, &ask).await;
    again.post(options, &ask).await.is(&first);
    assert_ne!(browser.post(options, &ask).await.text, first.text);
    for name in [&"x".repeat(65), "\u{e9}"] {
        let request = browser.request(Method::POST, options).header(header::CONTENT_TYPE, "application/json");
        let request = request.header("x-bmauth-press", name.as_bytes());
        assert_eq!(browser.send(request.body(Body::from(ask.to_string())).unwrap()).await.refusal(), "refused-form");
    }
}

#[tokio::test]
async fn the_same_press_is_answered_for_a_minute_and_no_other_press_is() {
    let world = World::new().await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.ask_to_register(MARIA, &mut passkey).await;
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/register/code").await;
    let before = as_it_was(&world, &browser);
    assert_eq!(browser.submit("/_bmauth/register/code", &[("code", &code)]).await.status, StatusCode::SEE_OTHER);
    // The same code from another page of the same browser.
    let mut other_page = as_it_was(&world, &before);
    other_page.get("/_bmauth/sign-in").await;
    let refused = other_page.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!((refused.status, other_page.cookies.get(SESSION)), (StatusCode::GONE, None));
    // Another code from the same page.
    let mut other_code = as_it_was(&world, &before);
    assert_eq!(other_code.submit("/_bmauth/register/code", &[("code", "000000")]).await.status, StatusCode::GONE);
    world.wait(60);
    let mut in_time = as_it_was(&world, &before);
    in_time.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(in_time.cookies.get(SESSION), browser.cookies.get(SESSION));
    world.wait(1);
    let mut late = as_it_was(&world, &before);
    assert_eq!(late.submit("/_bmauth/register/code", &[("code", &code)]).await.status, StatusCode::GONE);
    // One that was signed out is not brought back.
    let mut signed_out = world.browser();
    let challenge = signed_out.challenge(None).await;
    let answer = json!({ "ceremony": challenge["ceremony"], "credential": passkey.get(&challenge["options"]) });
    let mut again = as_it_was(&world, &signed_out);
    signed_out.post("/_bmauth/sign-in/verify", &answer).await;
    signed_out.get("/_bmauth/sign-out").await;
    signed_out.submit("/_bmauth/sign-out", &[]).await;
    assert_eq!(again.post("/_bmauth/sign-in/verify", &answer).await.refusal(), "expired-ceremony");
}

/// Who knows a browser's flow cookie, for having planted it, and so any token of that flow.
async fn planter(world: &World, victim: &mut Browser, page: &str) -> Browser {
    let mut planter = world.browser();
    planter.get(page).await;
    victim.cookies.insert(FLOW.to_owned(), planter.cookies[FLOW].clone());
    planter
}

#[tokio::test]
async fn a_planted_flow_cookie_goes_no_further_than_the_first_proof() {
    let world = World::new().await;
    world.browser().register(&world, MARIA, &mut Passkey::new(b"key of maria")).await;
    // A recovery.
    let mut owner = world.browser();
    let mut planter = planter(&world, &mut owner, "/_bmauth/recover").await;
    owner.get("/_bmauth/recover").await;
    owner.submit("/_bmauth/recover", &[("email", MARIA)]).await;
    assert_ne!(owner.cookies[FLOW], planter.cookies[FLOW]);
    let code = world.code(MARIA).await;
    owner.get("/_bmauth/recover/code").await;
    // Even one that was planted after that.
    let mut later = as_it_was(&world, &owner);
    assert_eq!(owner.submit("/_bmauth/recover/code", &[("code", &code)]).await.location(), "/_bmauth/recover/device");
    for thief in [&mut planter, &mut later] {
        assert!(thief.get("/_bmauth/recover/device").await.status != StatusCode::OK);
        let refused = thief.post("/_bmauth/recover/passkey/options", &json!({})).await;
        assert_eq!(refused.refusal(), "recovery-ended");
    }
    assert_eq!(owner.get("/_bmauth/recover/device").await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_attacker_puts_a_key_in_the_place_of_one_that_waits_for_its_code() {
    let world = World::new().await;
    let mut owner = world.browser();
    let mut planter = planter(&world, &mut owner, "/_bmauth/register").await;
    assert_eq!(owner.ask_to_register(MARIA, &mut Passkey::new(b"key of maria")).await.status, StatusCode::OK);
    planter.ask_to_register(MARIA, &mut Passkey::new(b"key of the planter")).await;
    let mails = world.mails(MARIA).await;
    let codes = mails.iter().map(|mail| mail.subject.chars().filter(char::is_ascii_digit).collect::<String>());
    for code in codes {
        owner.get("/_bmauth/register/code").await;
        owner.submit("/_bmauth/register/code", &[("code", &code)]).await;
    }
    assert_eq!(owner.who().await.as_deref(), Some(MARIA));
    assert_eq!(planter.who().await, None);
    let refused = world.browser().sign_in(None, &mut Passkey::new(b"key of the planter")).await;
    assert_ne!(refused.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_whose_token_died_while_the_session_lives_goes_on() {
    let world = World::new().await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(&world, MARIA, &mut passkey).await;
    // Two tabs at the sign-in page; the first signs in.
    let mut first = world.browser();
    first.get("/_bmauth/sign-in?return_to=%2Fa").await;
    let token = first.csrf.clone();
    first.sign_in(None, &mut passkey).await;
    let mut second = as_it_was(&world, &first);
    second.csrf = token;
    let going_on = second.post("/_bmauth/sign-in/options", &json!({ "email": MARIA, "return_to": "/b" })).await;
    assert_eq!(going_on.json(), json!({ "go_on": "/_bmauth/sign-in?return_to=%2Fb" }));
    assert_eq!(second.get("/_bmauth/sign-in?return_to=%2Fb").await.location(), "https://notes.example.com/b");
    let going_on = second.submit("/_bmauth/recover", &[("email", MARIA), ("return_to", "/c")]).await;
    assert_eq!(going_on.location(), "/_bmauth/recover?return_to=%2Fc");
    // A form without a token, or with none of ours, is refused as ever.
    for token in ["", "x", "0123.abc"] {
        second.csrf = token.to_owned();
        assert_eq!(second.post("/_bmauth/sign-in/options", &json!({})).await.refusal(), "refused-form", "{token}");
    }
    // My devices is not left open by another session's token.
    second.csrf = first.csrf.clone();
    let mut others = world.browser();
    others.sign_in(None, &mut passkey).await;
    others.get("/_bmauth/devices").await;
    second.csrf = others.csrf.clone();
    assert_eq!(second.post("/_bmauth/devices/confirm", &json!({ "act": "add" })).await.refusal(), "refused-form");
}

#[tokio::test]
async fn a_page_is_shown_to_people_and_handed_to_no_script_and_no_frame() {
    let world = World::new().await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    browser.register(&world, MARIA, &mut passkey).await;
    let newcomers =
        ["/_bmauth/sign-in", "/_bmauth/register", "/_bmauth/recover", "/_bmauth/recover/cancel", "/_bmauth/nothing"];
    let signed_in = ["/_bmauth/devices", "/_bmauth/link", "/_bmauth/sign-out", "/_bmauth/faster"];
    for (is_signed_in, pages) in [(false, &newcomers[..]), (true, &signed_in[..])] {
        for page in pages {
            let ask = async |fields: &[(&str, &str)]| {
                let mut request = Request::builder().method(Method::GET).uri(*page);
                for (name, value) in fields {
                    request = request.header(*name, *value);
                }
                let mut visitor = if is_signed_in { as_it_was(&world, &browser) } else { world.browser() };
                visitor.send(request.body(Body::empty()).unwrap()).await
            };
            let shown = ask(&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]).await;
            assert!(shown.text.contains("<h1"), "{page} {}", shown.text);
            for (mode, destination) in [
                ("cors", "empty"),
                ("no-cors", "empty"),
                ("same-origin", "empty"),
                ("no-cors", "script"),
                ("navigate", "iframe"),
                ("navigate", "frame"),
                ("navigate", "object"),
                ("navigate", "embed"),
            ] {
                let refused = ask(&[("sec-fetch-mode", mode), ("sec-fetch-dest", destination)]).await;
                assert_eq!(refused.status, StatusCode::FORBIDDEN, "{page} {mode} {destination}");
                assert!(!refused.text.contains("csrf") && !refused.headers.contains_key(header::SET_COOKIE));
            }
        }
    }
}
