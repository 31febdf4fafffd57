//! A press that is sent twice, a page that outlived its token, and a flow cookie that somebody else has planted.

use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use axum::body::Body;

use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::world::World;

const MARIA: &str = "maria@example.com";
const FLOW: &str = "__Host-bmauth-flow";
const SESSION: &str = "__Host-bmauth";

/// What a browser had when it pressed, so that the press can be made again.
fn as_it_was(world: &World, browser: &Browser) -> Browser {
    let mut copy = world.browser();
    (copy.cookies, copy.csrf) = (browser.cookies.clone(), browser.csrf.clone());
    copy
}

fn same(one: &Answer, other: &Answer) {
    assert_eq!((one.status, &one.text), (other.status, &other.text));
    assert_eq!(one.headers.get(header::LOCATION), other.headers.get(header::LOCATION));
    let cookies = |answer: &Answer| {
        answer
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|set| set.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(cookies(one), cookies(other));
}

async fn press_twice(world: &World, browser: &mut Browser, path: &str, body: &Value) -> Answer {
    let mut again = as_it_was(world, browser);
    let first = browser.post(path, body).await;
    same(&first, &again.post(path, body).await);
    first
}

async fn submit_twice(world: &World, browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut again = as_it_was(world, browser);
    let first = browser.submit(path, fields).await;
    same(&first, &again.submit(path, fields).await);
    first
}

#[tokio::test]
async fn every_step_that_uses_something_up_answers_the_same_press_the_same_again() {
    let world = World::new().await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"key of maria"));
    // Registering.
    browser.get("/_bmauth/register").await;
    let begun =
        browser.post("/_bmauth/register/options", &json!({ "email": MARIA, "return_to": "/notes" })).await.json();
    let made = json!({ "ceremony": begun["ceremony"], "credential": passkey.create(&begun["options"]) });
    let received = press_twice(&world, &mut browser, "/_bmauth/register/verify", &made).await;
    assert_eq!(received.json(), json!({ "location": "/_bmauth/register/code" }));
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/register/code").await;
    let done = submit_twice(&world, &mut browser, "/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(done.location(), "https://notes.example.com/notes");
    assert_eq!(world.mails(MARIA).await.len(), 1, "one welcome");
    // Signing in.
    let mut browser = world.browser();
    let challenge = browser.challenge(None).await;
    let answer = json!({ "ceremony": challenge["ceremony"], "credential": passkey.get(&challenge["options"]) });
    assert_eq!(press_twice(&world, &mut browser, "/_bmauth/sign-in/verify", &answer).await.status, StatusCode::OK);
    // Getting back in.
    let mut browser = world.browser();
    browser.get("/_bmauth/recover").await;
    submit_twice(&world, &mut browser, "/_bmauth/recover", &[("email", MARIA), ("return_to", "/notes")]).await;
    let code = world.code(MARIA).await;
    browser.get("/_bmauth/recover/code").await;
    let proved = submit_twice(&world, &mut browser, "/_bmauth/recover/code", &[("code", &code)]).await;
    assert_eq!(proved.location(), "/_bmauth/recover/device");
    browser.get("/_bmauth/recover/device").await;
    let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    let made = json!({ "ceremony": begun["ceremony"], "credential": Passkey::new(b"new").create(&begun["options"]) });
    let recovered = press_twice(&world, &mut browser, "/_bmauth/recover/passkey/verify", &made).await;
    assert_eq!(recovered.json(), json!({ "location": "/_bmauth/recover/review?return_to=%2Fnotes" }));
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
async fn nobody_puts_a_key_of_theirs_in_the_place_of_one_that_waits_for_its_code() {
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
    let strangers =
        ["/_bmauth/sign-in", "/_bmauth/register", "/_bmauth/recover", "/_bmauth/recover/cancel", "/_bmauth/nothing"];
    let signed_in = ["/_bmauth/devices", "/_bmauth/link", "/_bmauth/sign-out", "/_bmauth/faster"];
    for (is_signed_in, pages) in [(false, &strangers[..]), (true, &signed_in[..])] {
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
