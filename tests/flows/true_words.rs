//! What people are told is true for them, and says what to do.

use http::{Method, StatusCode, header};
use serde_json::json;

use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::world::World;

const MARIA: &str = "maria@example.com";
const ERROR: &str = "/_bmauth/webauthn-error";
const INSTAGRAM: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 350.0.0.0.0 (iPhone16,1; iOS 18_1; de_DE)";

/// What the page's script is told of an error, in a browser that calls itself `agent`.
async fn told(browser: &mut Browser, agent: &str, ceremony: &str, name: &str) -> Answer {
    let request = browser.request(Method::POST, ERROR).header(header::CONTENT_TYPE, "application/json");
    let body = json!({ "ceremony": ceremony, "name": name }).to_string();
    browser.send(request.header(header::USER_AGENT, agent).body(body.into()).unwrap()).await
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

async fn ask_for_recovery(browser: &mut Browser, email: &str) -> Answer {
    browser.get("/_bmauth/recover").await;
    browser.submit("/_bmauth/recover", &[("email", email)]).await
}

/// Of the same length, and another.
fn another(code: &str) -> String {
    let last = if code.ends_with('7') { '8' } else { '7' };
    format!("{}{last}", &code[..code.len() - 1])
}

#[tokio::test]
async fn an_error_of_the_browser_is_counted_by_its_name_and_explained() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    for (ceremony, name, says) in [
        ("create", "NotAllowedError", None),
        ("create", "InvalidStateError", None),
        ("get", "InvalidStateError", Some("Your browser couldn't reach your passkeys.")),
        ("create", "ConstraintError", Some("Your device needs a screen lock, or your security key a PIN")),
        ("create", "NotSupportedError", Some("This device or security key can't be used for our passkeys.")),
        ("get", "NotReadableError", Some("Your browser couldn't reach your passkeys.")),
        ("get", "UnknownError", Some("Your browser couldn't reach your passkeys.")),
        ("get", "AbortError", Some("Something in your browser stopped this")),
        ("create", "SecurityError", Some("Please tell whoever runs Acme Notes.")),
        ("create", "TypeError", Some("answered in a way we can't read.")),
        ("create", "maria@example.com", Some("answered in a way we can't read.")),
    ] {
        let answer = told(&mut browser, "", ceremony, name).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let message = answer.json()["message"].as_str().map(str::to_owned);
        match says {
            None => assert_eq!(message, None, "{name}"),
            Some(says) => {
                assert!(message.as_ref().is_some_and(|message| message.contains(says)), "{name}: {message:?}")
            }
        }
    }
    let counted = world.portal.counts.text();
    for (labels, count) in [
        ("ceremony=\"create\",name=\"NotAllowedError\"", 1),
        ("ceremony=\"get\",name=\"UnknownError\"", 1),
        ("ceremony=\"create\",name=\"other\"", 1),
    ] {
        let line = format!("bmauth_webauthn_errors_total{{{labels}}} {count}\n");
        assert!(counted.contains(&line), "{line}{counted}");
    }
    assert!(!counted.contains("maria"), "{counted}");
}

#[tokio::test]
async fn only_a_page_of_ours_has_an_error_counted_and_only_by_its_fixed_words() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    for body in [json!({}), json!({ "ceremony": "signal", "name": "NotAllowedError" }), json!({ "ceremony": "get" })] {
        assert_eq!(browser.post(ERROR, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let sent = json!({ "ceremony": "get", "name": "NotAllowedError" });
    "0".repeat(32).clone_into(&mut browser.csrf);
    assert_eq!(browser.post(ERROR, &sent).await.status, StatusCode::FORBIDDEN);
    let mut visitor = world.browser();
    assert_eq!(visitor.post(ERROR, &sent).await.status, StatusCode::FORBIDDEN);
    assert!(!world.portal.counts.text().contains("bmauth_webauthn_errors_total{"), "nothing was counted");
}

#[tokio::test]
async fn inside_of_another_app_what_is_not_allowed_is_said_to_be_that_apps_doing() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let answer = told(&mut browser, INSTAGRAM, "get", "NotAllowedError").await.json();
    assert!(answer["message"].as_str().unwrap().starts_with("You're inside another app's browser"), "{answer}");
    let answer = told(&mut browser, INSTAGRAM, "create", "InvalidStateError").await.json();
    assert_eq!(answer["message"], json!(null));
}

#[tokio::test]
async fn a_browser_without_passkeys_is_told_which_address_to_open_in_another() {
    let world = World::new().await;
    let mut browser = world.browser();
    let path = "/_bmauth/unsupported?from=/_bmauth/register&return_to=%2Fnotes%3Fid%3D7&state=secret";
    let page = browser.get(path).await;
    assert_eq!(page.status, StatusCode::OK);
    let address = "https://notes.example.com/_bmauth/register?return_to=%2Fnotes%3Fid%3D7";
    assert!(
        page.text.contains(address)
            && page.text.contains("This browser can't use passkeys".replace('\'', "&#39;").as_str()),
        "{}",
        page.text
    );
    assert!(!page.text.contains("secret"));
    let inside = browser.request(Method::GET, path).header(header::USER_AGENT, INSTAGRAM);
    let inside = browser.send(inside.body(axum::body::Body::empty()).unwrap()).await;
    assert!(inside.text.contains("Open this page in your browser") && inside.text.contains(address), "{}", inside.text);
    for hostile in [
        "from=https://evil.example/&return_to=https://evil.example/",
        "from=//evil.example",
        "return_to=//evil.example",
    ] {
        let page = browser.get(&format!("/_bmauth/unsupported?{hostile}")).await;
        assert!(page.text.contains("https://notes.example.com/_bmauth/sign-in"), "{}", page.text);
        assert!(!page.text.contains("https://evil.example"), "{}", page.text);
    }
}

#[tokio::test]
async fn getting_back_in_inside_of_another_app_is_doubted_before_a_code_is_asked_for() {
    let world = World::new().await;
    let mut browser = world.browser();
    let asked = browser.request(Method::GET, "/_bmauth/recover").header(header::USER_AGENT, INSTAGRAM);
    let page = browser.send(asked.body(axum::body::Body::empty()).unwrap()).await;
    assert!(page.text.contains("id=\"inside\" hidden"), "{}", page.text);
    let plain = browser.get("/_bmauth/recover").await;
    assert!(!plain.text.contains("id=\"inside\""));
    assert!(plain.text.contains("<noscript>"), "without scripts it is said before the code is asked for, too");
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookie_is_told_so_and_one_with_an_old_page_is_not() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let kept = std::mem::take(&mut browser.cookies);
    let refused = browser.post("/_bmauth/sign-in/options", &json!({})).await;
    assert_eq!((refused.status, refused.refusal()), (StatusCode::FORBIDDEN, "no-cookie".to_owned()));
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("sent us no cookie") && message.contains("allow cookies"), "{message}");
    assert_eq!(refused.json()["reload"], true);
    browser.cookies.clear();
    let form = browser.submit("/_bmauth/recover", &[("email", MARIA)]).await;
    assert!(form.text.contains("Your browser isn&#39;t keeping our cookie"), "{}", form.text);
    // With a cookie, the page is what is old.
    browser.cookies = kept;
    "x".clone_into(&mut browser.csrf);
    assert_eq!(browser.post("/_bmauth/sign-in/options", &json!({})).await.refusal(), "refused-form");
    // Another site's page is told nothing of cookies.
    browser.cookies.clear();
    let foreign = browser.request(Method::POST, "/_bmauth/sign-in/options").header("sec-fetch-site", "cross-site");
    let foreign = foreign.header(header::CONTENT_TYPE, "application/json").body("{}".into()).unwrap();
    assert_eq!(browser.send(foreign).await.refusal(), "refused-form");
}

#[tokio::test]
async fn who_asked_for_too_many_codes_is_told_for_how_long_there_are_none() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"key");
    // Six letters an hour to one address from one network, and each other one counts for the hour that runs.
    for _ in 0..6 {
        assert_eq!(world.browser().ask_to_register(MARIA, &mut passkey).await.status, StatusCode::OK);
        world.clock.forward(120);
    }
    let refused = world.browser().ask_to_register(MARIA, &mut passkey).await;
    assert_eq!((refused.status, refused.refusal()), (StatusCode::TOO_MANY_REQUESTS, "too-many-tries".to_owned()));
    assert_eq!(retry_after(&refused), 3600 - 6 * 120);
    assert_eq!(refused.json()["message"], "Please try again in 48 minutes.");
    let page = ask_for_recovery(&mut world.browser(), MARIA).await;
    assert_eq!((page.status, retry_after(&page)), (StatusCode::TOO_MANY_REQUESTS, 3600 - 6 * 120));
    assert!(page.text.contains("Try again in 48 minutes."), "{}", page.text);
    world.clock.forward(retry_after(&page));
    assert_eq!(ask_for_recovery(&mut world.browser(), MARIA).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_network_that_asks_too_often_is_told_for_how_long() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let refused = loop {
        let answer = browser.post("/_bmauth/sign-in/options", &json!({})).await;
        if answer.status != StatusCode::OK {
            break answer;
        }
    };
    assert_eq!((refused.status, retry_after(&refused)), (StatusCode::TOO_MANY_REQUESTS, 1));
    assert_eq!(refused.json()["message"], "Please try again in 1 second.");
}

#[tokio::test]
async fn the_code_before_is_said_to_be_that_and_costs_a_try_all_the_same() {
    let world = World::new().await;
    let mut browser = world.browser();
    assert_eq!(browser.ask_to_register(MARIA, &mut Passkey::new(b"key")).await.status, StatusCode::OK);
    let older = world.code(MARIA).await;
    world.clock.forward(31);
    assert_eq!(browser.submit("/_bmauth/register/code/resend", &[]).await.status, StatusCode::SEE_OTHER);
    let newer = world.code(MARIA).await;
    assert_ne!(older, newer);
    for left in ["4 tries left", "3 tries left"] {
        let told = browser.enter(&older).await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(told.text.contains("That is an older code.") && told.text.contains(left), "{}", told.text);
    }
    let told = browser.enter(&another(&newer)).await;
    assert!(told.text.contains("That code is not right.") && told.text.contains("2 tries left"), "{}", told.text);
    assert_eq!(browser.enter(&newer).await.status, StatusCode::SEE_OTHER);

    // Recovery does the same, with or without an account for the address.
    world.mails(MARIA).await;
    let mut lost = world.browser();
    assert_eq!(ask_for_recovery(&mut lost, MARIA).await.status, StatusCode::SEE_OTHER);
    let older = world.code(MARIA).await;
    world.clock.forward(31);
    lost.get("/_bmauth/recover/code").await;
    assert_eq!(lost.submit("/_bmauth/recover/code/resend", &[]).await.status, StatusCode::SEE_OTHER);
    lost.get("/_bmauth/recover/code").await;
    let told = lost.submit("/_bmauth/recover/code", &[("code", &older)]).await;
    assert!(told.text.contains("That is an older code.") && told.text.contains("4 tries left"), "{}", told.text);
}
