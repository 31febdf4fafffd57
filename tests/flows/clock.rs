//! A clock that jumps, by seconds or years, in either direction, at every step: no one gets a 500, the next sign-in
//! works, and nothing is valid for longer than it was to be.

use bmauth::domain::clock::{Clock as _, Timestamp};
use bmauth::tasks;
use http::StatusCode;
use serde_json::json;

use crate::api::{Client, MARIA, account, claims, says_elevated, worlds, wrong};
use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::world::{CONFIG, World};

const HOUR: i64 = 3600;
const YEARS: i64 = 10 * 365 * 24 * HOUR;
const JUMPS: [i64; 6] = [-YEARS, -HOUR, -30, 30, HOUR, YEARS];

#[track_caller]
fn sane(answer: &Answer) -> StatusCode {
    assert!(!answer.status.is_server_error(), "{} {}", answer.status, answer.text);
    answer.status
}

/// What goes on in the background meanwhile.
async fn rounds(world: &World) {
    world.auth.sessions.end_expired().await;
    tasks::sweep(&world.auth).await;
    tasks::rotate(&world.auth).await.unwrap();
    world.outbox.deliver().await;
}

/// A new person registers, signs out, and signs in.
async fn newcomer(world: &World, number: &mut u32) {
    *number += 1;
    let email = format!("new{number}@example.com");
    let [_, _, high, low] = number.to_be_bytes();
    let address = format!("203.0.{high}.{low}");
    let (mut browser, mut key) = (world.browser(), Passkey::new(email.as_bytes()));
    browser.address = address.parse().unwrap();
    browser.register(world, &email, &mut key).await;
    let mut again = world.browser();
    assert_eq!(again.sign_in(Some(&email), &mut key).await.status, StatusCode::OK);
    assert_eq!(again.who().await.as_deref(), Some(email.as_str()));
    let mut client = Client::app(world).at(&address);
    let done = client.sign_in(None, &mut key).await;
    client.keep(&done);
    assert!(client.is_signed_in().await);
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    let claims = claims(client.access.as_deref().unwrap());
    let (now, claim) = (world.clock.now().unix(), |name: &str| claims[name].as_u64().unwrap());
    assert!(claim("nbf") <= now && now < claim("exp") && claim("exp") <= now + 900, "{claims} at {now}");
    assert!(claim("auth_time") <= now);
}

/// The steps of everything, of which each may meet another clock than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Registered,
    Coded,
    SignedIn,
    Requested,
    Refreshed,
    Recovering,
    Recovered,
    Linking,
    Linked,
    Resent,
    Limited,
    Rotated,
    Over,
}

const STEPS: [Step; 13] = [
    Step::Registered,
    Step::Coded,
    Step::SignedIn,
    Step::Requested,
    Step::Refreshed,
    Step::Recovering,
    Step::Recovered,
    Step::Linking,
    Step::Linked,
    Step::Resent,
    Step::Limited,
    Step::Rotated,
    Step::Over,
];

/// One person who does everything, as far as the clock lets her: what she began may be too old, or from the future, and
/// then she is told so.
struct Walk {
    browser: Browser,
    key: Passkey,
    phone: Client,
    link: Option<(Browser, serde_json::Value)>,
}

impl Walk {
    async fn step(&mut self, world: &World, step: Step) {
        let Self { browser, key, phone, link } = self;
        match step {
            Step::Registered => {
                sane(&browser.ask_to_register(MARIA, key).await);
            }
            Step::Coded => {
                let mails = world.mails(MARIA).await;
                assert_eq!(mails.len(), 1, "a letter that is not sent until the clock is right again");
                let code: String = mails[0].subject.chars().filter(char::is_ascii_digit).collect();
                if sane(&browser.enter(&code).await) != StatusCode::SEE_OTHER {
                    // Too old, or from the future: she begins again.
                    browser.register(world, MARIA, key).await;
                }
                world.mails(MARIA).await;
            }
            Step::SignedIn => {
                *browser = world.browser();
                assert_eq!(sane(&browser.sign_in(Some(MARIA), key).await), StatusCode::OK);
                let done = phone.sign_in(None, key).await;
                phone.keep(&done);
            }
            Step::Requested => {
                browser.who().await;
                sane(&browser.get("/_bmauth/devices").await);
                phone.is_signed_in().await;
            }
            Step::Refreshed => {
                let refreshed = phone.refresh().await;
                if sane(&refreshed) == StatusCode::OK {
                    phone.keep(&refreshed);
                    assert!(phone.is_signed_in().await);
                }
            }
            Step::Recovering => {
                browser.get("/_bmauth/recover?return_to=%2Fnotes").await;
                sane(&browser.submit("/_bmauth/recover", &[("email", MARIA), ("return_to", "/notes")]).await);
            }
            Step::Recovered => {
                for mail in world.mails(MARIA).await {
                    let code: String = mail.subject.chars().filter(char::is_ascii_digit).collect();
                    browser.get("/_bmauth/recover/code").await;
                    sane(&browser.submit("/_bmauth/recover/code", &[("code", &code)]).await);
                    sane(&browser.post("/_bmauth/recover/passkey/options", &json!({})).await);
                }
            }
            Step::Linking => {
                let mut computer = world.browser();
                computer.get("/_bmauth/link/start?return_to=%2Fnotes").await;
                let shown = computer.post("/_bmauth/link/ask", &json!({ "return_to": "/notes" })).await;
                assert_eq!(sane(&shown), StatusCode::OK);
                *link = Some((computer, shown.json()));
            }
            Step::Linked => {
                let Some((computer, shown)) = link else { panic!("no link was asked for") };
                let code = shown["short"].as_str().unwrap();
                browser.get("/_bmauth/link").await;
                sane(&browser.post("/_bmauth/link/find", &json!({ "code": code, "return_to": "/" })).await);
                let number = json!({ "link": shown["link"], "number": shown["number"] });
                sane(&browser.post("/_bmauth/link/number", &number).await);
                sane(&computer.post("/_bmauth/link/passkey/options", &json!({ "link": shown["link"] })).await);
            }
            Step::Resent => {
                browser.get("/_bmauth/recover?return_to=%2Fnotes").await;
                sane(&browser.submit("/_bmauth/recover", &[("email", MARIA), ("return_to", "/notes")]).await);
                browser.get("/_bmauth/recover/code").await;
                sane(&browser.submit("/_bmauth/recover/code/resend", &[]).await);
            }
            Step::Limited => {
                for _ in 0..8 {
                    sane(&phone.post("/signin/otp/email", &json!({ "email": MARIA })).await);
                    sane(&phone.enter(MARIA, "000000").await);
                }
            }
            Step::Rotated => rounds(world).await,
            Step::Over => {
                sane(&world.browser().sign_in(None, key).await);
                browser.get("/_bmauth/sign-out").await;
                sane(&browser.submit("/_bmauth/sign-out", &[]).await);
            }
        }
        world.outbox.deliver().await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_at_any_step_takes_nothing_down() {
    let mut number = 0;
    for (which, jump) in JUMPS.into_iter().enumerate() {
        for (place, jumps_before) in STEPS.into_iter().enumerate() {
            // Each step and each jump meets the disk, too, which is slower.
            let stores = if place % JUMPS.len() == which { 2 } else { 1 };
            for (world, _kept) in worlds().await.into_iter().take(stores) {
                let mut walk = Walk {
                    browser: world.browser(),
                    key: Passkey::new(b"key of maria"),
                    phone: Client::app(&world),
                    link: None,
                };
                for step in STEPS {
                    if step == jumps_before {
                        world.clock.jump(jump);
                        newcomer(&world, &mut number).await;
                    }
                    walk.step(&world, step).await;
                    if step == jumps_before {
                        rounds(&world).await;
                        world.clock.jump(-jump);
                        newcomer(&world, &mut number).await;
                    }
                }
                rounds(&world).await;
                // The account is what no clock takes away.
                let maria = account(&world, MARIA).await.id;
                assert!(!world.store.passkeys(maria).await.unwrap().is_empty(), "{jump} {jumps_before:?}");
                let again = world.again(CONFIG).await;
                newcomer(&again, &mut number).await;
                assert_eq!(world.browser().sign_in(None, &mut walk.key).await.status, StatusCode::OK);
            }
        }
    }
}

#[tokio::test]
async fn a_gateway_that_starts_while_the_clock_is_wrong_goes_on_when_it_is_right() {
    let mut number = 0;
    // 1970, before a time server has been asked.
    for jump in JUMPS.into_iter().chain([-1_800_000_000]) {
        for (right, _kept) in worlds().await {
            for starts_again in [false, true] {
                right.clock.jump(jump);
                let wrong = right.again(CONFIG).await;
                newcomer(&wrong, &mut number).await;
                right.clock.jump(-jump);
                let now = if starts_again { right.again(CONFIG).await } else { wrong };
                // Before any round, and after one.
                newcomer(&now, &mut number).await;
                rounds(&now).await;
                newcomer(&now, &mut number).await;
            }
        }
    }
}

/// Whether a browser is let in, tried without staying longer by it.
async fn seconds_signed_in(world: &World, browser: &mut Browser, every: u64, restarts: bool) -> u64 {
    let began = world.clock.now();
    let mut restarted = None;
    loop {
        let world_now = restarted.as_ref().unwrap_or(world);
        let mut tab = world_now.browser();
        tab.cookies.clone_from(&browser.cookies);
        if tab.who().await.is_none() {
            return world.clock.now().since(began).as_secs();
        }
        world.wait(every);
        rounds(world_now).await;
        if restarts {
            restarted = Some(world.again(CONFIG).await);
        }
        assert!(world.clock.now() < began.after(std::time::Duration::from_secs(400 * 24 * 3600)), "it never ends");
    }
}

#[tokio::test]
async fn a_session_of_a_clock_that_was_ahead_lasts_no_longer_than_from_now() {
    for jump in [30, HOUR, YEARS] {
        for restarts in [false, true] {
            for is_used_first in [false, true] {
                for (world, _kept) in worlds().await {
                    let limits = world.auth.sessions.limits();
                    let (idle, absolute) = (limits.idle.as_secs(), limits.absolute.as_secs());
                    let (mut used, mut unused, mut key) = (world.browser(), world.browser(), Passkey::new(b"key"));
                    world.clock.jump(jump);
                    used.register(&world, MARIA, &mut key).await;
                    unused.sign_in(None, &mut key).await;
                    assert!(used.who().await.is_some() && unused.who().await.is_some());
                    world.clock.jump(-jump);
                    if is_used_first {
                        assert!(used.who().await.is_some() && unused.who().await.is_some(), "it stays good");
                    }
                    let world = if restarts { world.again(CONFIG).await } else { world };
                    let lasted = seconds_signed_in(&world, &mut used, idle / 2, restarts).await;
                    assert!((absolute - idle..=absolute + idle / 2).contains(&lasted), "{lasted} of {absolute}");
                    // The other one was not used meanwhile.
                    let mut tab = world.browser();
                    tab.cookies.clone_from(&unused.cookies);
                    assert_eq!(tab.who().await, None, "{jump} {restarts} {is_used_first}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_a_clock_made_that_was_ahead_is_over_or_is_so_in_its_time() {
    for jump in [30, 90, HOUR, YEARS] {
        for (world, _kept) in worlds().await {
            let (mut browser, mut key) = (world.browser(), Passkey::new(b"key"));
            browser.register(&world, MARIA, &mut key).await;
            world.clock.jump(jump);
            let mut client = Client::app(&world);
            let done = client.sign_in(None, &mut key).await;
            client.keep(&done);
            let refreshed = client.refresh().await;
            client.keep(&refreshed);
            let elevated = client.elevate(&mut key).await;
            client.keep(&elevated);
            assert!(says_elevated(client.access.as_deref().unwrap()));
            let mut asked = world.browser();
            let challenge = asked.challenge(None).await;
            let mut registering = world.browser();
            registering.ask_to_register("new@example.com", &mut Passkey::new(b"new")).await;
            let code = world.code("new@example.com").await;
            let mut recovering = Client::app(&world);
            recovering.ask_for_code(MARIA).await;
            let recovery = world.code(MARIA).await;
            let mut computer = world.browser();
            computer.get("/_bmauth/link/start?return_to=%2Fnotes").await;
            let shown = computer.post("/_bmauth/link/ask", &json!({ "return_to": "/notes" })).await.json();
            world.clock.jump(-jump);
            // As long as each of them may last, and what a clock may be wrong by.
            world.wait(60);
            rounds(&world).await;
            world.wait(61 + 5 * 60);
            let refreshed = client.refresh().await;
            client.keep(&refreshed);
            assert!(!says_elevated(client.access.as_deref().unwrap()), "{jump}");
            let credential = key.get(&challenge["options"]);
            assert!(sane(&asked.answer(&challenge, &credential).await).is_client_error(), "{jump}");
            browser.get("/_bmauth/link").await;
            let found = browser.post("/_bmauth/link/find", &json!({ "code": shown["short"], "return_to": "/" })).await;
            assert!(sane(&found).is_client_error(), "{jump}");
            world.wait(5 * 60);
            assert!(sane(&registering.enter(&code).await).is_client_error(), "{jump}");
            assert!(sane(&recovering.enter(MARIA, &recovery).await).is_client_error(), "{jump}");
            // Nor is any of it good once the clock has come to where it was.
            for _ in 0..2 {
                if jump == HOUR {
                    world.clock.jump(HOUR - 10 * 60);
                }
                assert!(sane(&registering.enter(&code).await).is_client_error(), "{jump}");
                assert!(sane(&recovering.enter(MARIA, &recovery).await).is_client_error(), "{jump}");
                assert!(sane(&asked.answer(&challenge, &credential).await).is_client_error(), "{jump}");
            }
            // And no one has to wait for another.
            recovering.ask_for_code(MARIA).await;
            let recovery = world.code(MARIA).await;
            let done = recovering.enter(MARIA, &recovery).await;
            recovering.keep(&done);
        }
    }
}

#[tokio::test]
async fn no_visitor_waits_for_a_clock_that_was_ahead() {
    for jump in [30, HOUR, YEARS] {
        for (world, _kept) in worlds().await {
            let (mut client, mut key) = (Client::app(&world), Passkey::new(b"key"));
            client.sign_up(&world, MARIA, &mut key).await;
            world.clock.jump(jump);
            // All that there may be of an hour.
            let mut waited = 0;
            loop {
                client.ask_for_code(MARIA).await;
                let Some(mail) = world.mails(MARIA).await.pop() else { break };
                let code: String = mail.subject.chars().filter(char::is_ascii_digit).collect();
                assert_eq!(sane(&client.enter(MARIA, &wrong(&code)).await), StatusCode::UNAUTHORIZED);
                world.wait(31);
                waited += 31;
            }
            world.clock.jump(-jump - waited);
            world.wait(31);
            if jump >= HOUR {
                client.ask_for_code(MARIA).await;
                assert_eq!(world.mails(MARIA).await.len(), 1, "{jump}");
            }
        }
    }
}

#[tokio::test]
async fn a_letter_that_a_clock_dated_which_was_ahead_is_sent_and_put_off_as_ever() {
    use std::sync::atomic::Ordering;
    for jump in [1, 30, HOUR, YEARS] {
        for (world, _kept) in worlds().await {
            world.clock.jump(jump);
            let (mut browser, mut key) = (world.browser(), Passkey::new(b"key"));
            browser.ask_to_register(MARIA, &mut key).await;
            world.mailbox.broken.store(true, Ordering::SeqCst);
            if jump == HOUR {
                world.outbox.deliver().await;
            }
            world.clock.jump(-jump);
            world.outbox.deliver().await;
            world.mailbox.broken.store(false, Ordering::SeqCst);
            assert_eq!(world.mails(MARIA).await.len(), 0, "it was tried, and is put off");
            world.wait(21);
            assert_eq!(world.mails(MARIA).await.len(), 1, "{jump}");
            let waiting = world.store.letters_due(Timestamp::from_unix(u64::MAX), 9).await.unwrap();
            assert!(waiting.is_empty());
        }
    }
}

#[tokio::test]
async fn a_hold_of_a_clock_that_was_ahead_is_over_in_time() {
    let text = format!("{CONFIG}\n[accounts]\nrecovery = \"delayed\"\nrecovery_delay = \"1d\"");
    for jump in [HOUR, YEARS] {
        let world = World::with(&text, std::sync::Arc::new(bmauth::store::memory::MemoryStore::new())).await;
        let mut browser = world.browser();
        browser.register(&world, MARIA, &mut Passkey::new(b"lost")).await;
        let (mut browser, mut key) = (world.browser(), Passkey::new(b"key"));
        let prove = async |browser: &mut Browser| {
            browser.get("/_bmauth/recover?return_to=%2Fnotes").await;
            browser.submit("/_bmauth/recover", &[("email", MARIA), ("return_to", "/notes")]).await;
            let code = world.code(MARIA).await;
            browser.get("/_bmauth/recover/code").await;
            let proved = browser.submit("/_bmauth/recover/code", &[("code", &code)]).await;
            world.mails(MARIA).await;
            sane(&proved);
            proved
        };
        world.clock.jump(jump);
        prove(&mut browser).await;
        world.clock.jump(-jump);
        // The hold from the future is none: the day begins now.
        prove(&mut browser).await;
        world.wait(24 * 3600);
        prove(&mut browser).await;
        browser.get("/_bmauth/recover/device").await;
        let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await;
        assert_eq!(begun.status, StatusCode::OK, "{jump} {}", begun.text);
        let begun = begun.json();
        let body = json!({ "ceremony": begun["ceremony"], "credential": key.create(&begun["options"]) });
        let done = browser.post("/_bmauth/recover/passkey/verify", &body).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }
}
