//! E-mailed codes: each for its own entry, counted, and worth nothing to or through any other client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bmauth::domain::code::CodeKind;
use bmauth::domain::email::Email;
use bmauth::domain::recover::RecoveryMode;
use bmauth::store::Store;
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    BOB, Client, ELSEWHERE, MARIA, account, claims, keys, looks, maria, refused, registered, sessions, worlds, wrong,
};
use crate::authenticator::{Passkey, decode};
use crate::browser::Answer;
use crate::edge::Fragile;
use crate::world::{CONFIG, World};

/// Where every client is that is not told otherwise.
const OWN: &str = "192.0.2.1";
const UNKNOWN: &str = "nobody@example.com";

fn opens(answer: &Answer) -> bool {
    if answer.status != StatusCode::OK {
        refused(answer, 401, "invalid-otp");
    }
    answer.status == StatusCode::OK
}

async fn with_recovery(mode: &str) -> World {
    let text = format!("{CONFIG}\n[accounts]\nrecovery = {mode}");
    World::with(&text, Arc::new(MemoryStore::new())).await
}

/// A client that keeps cookies, tickets, or neither.
fn client(world: &World, kind: &str) -> Client {
    match kind {
        "page" => Client::page(world),
        "ticket" => Client::ticketed(world),
        _ => Client::app(world),
    }
}

const KINDS: [&str; 3] = ["page", "ticket", "app"];

/// How often the codes of an address that are out were tried.
async fn tries(world: &World, email: &str) -> Vec<u32> {
    let email = Email::parse(email).unwrap();
    let mut tries: Vec<u32> =
        world.store.registrations_of(&email).await.unwrap().iter().map(|pending| pending.code.tries).collect();
    if let Some(account) = world.store.account_by_email(&email).await.unwrap() {
        tries.extend(world.store.recoveries_of(account.id).await.unwrap().iter().map(|pending| pending.code.tries));
    }
    tries
}

/// The key that came with a sign-up is not the account's, if there is one.
async fn is_locked_out(world: &World, key: &mut Passkey) {
    for email in [Some(MARIA), None] {
        let mut anywhere = Client::app(world);
        refused(&anywhere.sign_in(email, key).await, 401, "invalid-email-password");
    }
}

/// Another client, elsewhere, which has no mailbox of Maria's, but began a sign-up in her name; and the code she gets.
async fn attack(world: &World, mut attacker: Client) -> (Passkey, String) {
    let mut key = Passkey::new(b"key of the attacker");
    let asked = attacker.ask_to_sign_up(MARIA, &mut key).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    (key, world.code(MARIA).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_right_codes_at_once_one_makes_the_account() {
    for (world, _kept) in worlds().await {
        for page in [false, true] {
            let mut client = if page { Client::page(&world) } else { Client::app(&world) };
            let email = if page { BOB } else { MARIA };
            let mut key = Passkey::new(email.as_bytes());
            client.ask_to_sign_up(email, &mut key).await;
            let otp = world.code(email).await;
            let entering: Vec<_> = (0..50)
                .map(|_| (client.tab(&world), otp.clone()))
                .map(|(mut tab, otp)| tokio::spawn(async move { tab.enter(email, &otp).await }))
                .collect();
            let mut won = 0;
            for answer in entering {
                won += usize::from(opens(&answer.await.unwrap()));
            }
            assert_eq!((won, sessions(&world, email).await, keys(&world, email).await.len()), (1, 1, 1));
        }
    }
}

/// The code of a letter that a client has asked for: to get back into Maria's account, or to make it.
async fn asked_for(world: &World, client: &mut Client, recovering: bool) -> String {
    if recovering {
        maria(world).await;
        client.ask_for_code(MARIA).await;
    } else {
        client.ask_to_sign_up(MARIA, &mut Passkey::new(b"key")).await;
    }
    world.code(MARIA).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_wrong_codes_at_once_five_are_counted() {
    for (kind, recovering) in [("page", false), ("page", true), ("ticket", false), ("ticket", true), ("app", true)] {
        for (world, _kept) in worlds().await {
            let mut client = client(&world, kind);
            let otp = asked_for(&world, &mut client, recovering).await;
            let entering: Vec<_> = (0..200)
                .map(|_| (client.tab(&world), wrong(&otp)))
                .map(|(mut tab, otp)| tokio::spawn(async move { tab.enter(MARIA, &otp).await }))
                .collect();
            for answer in entering {
                assert!(!opens(&answer.await.unwrap()));
            }
            assert_eq!(tries(&world, MARIA).await, [5], "{kind}, recovering: {recovering}");
            assert!(!opens(&client.enter(MARIA, &otp).await), "the right one is spent with them");
            // Only those count against the address: another code works.
            world.wait(30);
            client.ask_for_code(MARIA).await;
            let otp = world.code(MARIA).await;
            assert!(opens(&client.enter(MARIA, &otp).await), "{kind}, recovering: {recovering}");
        }
    }
}

#[tokio::test]
async fn six_digits_of_an_address_are_guessed_at_twenty_times_a_day_and_its_passkey_works_on() {
    let world = World::new().await;
    let (_, mut key) = maria(&world).await;
    let (mut guesses, mut is_long) = (0, 0);
    for network in 1..=3 {
        for _ in 0..6 {
            let mut guesser = Client::page(&world).at(&format!("198.51.100.{network}"));
            guesser.begin("/signin/webauthn", &json!({})).await;
            guesser.ask_for_code(MARIA).await;
            is_long += usize::from(world.code_as_told(MARIA).await.len() > 7);
            for _ in 0..5 {
                assert!(!opens(&guesser.enter(MARIA, "12345x").await), "no code at all counts as well");
                guesses += 1;
            }
        }
    }
    // Four letters with six digits went out, with one try left of those; one was her own, when the account was made.
    assert_eq!((guesses, is_long), (90, 14));
    let digits = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap().id;
    let recoveries = world.store.recoveries_of(digits).await.unwrap();
    let of = |kind| recoveries.iter().filter(move |it| it.code.id.kind() == kind).map(|it| it.code.tries).sum::<u32>();
    assert_eq!((of(CodeKind::Digits), of(CodeKind::Letters)), (19, 14 * 5));
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut key).await.status, StatusCode::OK);
    // Others asked for as many letters as the address gets in an hour.
    world.wait(3600);
    let mut owner = Client::page(&world);
    owner.begin("/signin/webauthn", &json!({})).await;
    owner.ask_for_code(MARIA).await;
    let code = world.code_as_told(MARIA).await;
    assert_eq!(code.len(), 17, "{code}");
    assert!(opens(&owner.enter(MARIA, &code.to_lowercase().replace('-', " ")).await));
}

#[tokio::test]
async fn a_code_opens_the_sign_up_of_its_ticket_alone() {
    for second in [false, true] {
        let world = World::new().await;
        let mut clients = [Client::ticketed(&world), Client::ticketed(&world)];
        let mut keys = [Passkey::new(b"one"), Passkey::new(b"two")];
        let mut codes = Vec::new();
        for (client, key) in clients.iter_mut().zip(&mut keys) {
            let asked = client.ask_to_sign_up(MARIA, key).await;
            assert_eq!(asked.json(), json!({ "session": null, "ticket": client.ticket }));
            codes.push(world.code(MARIA).await);
        }
        assert_ne!(codes[0], codes[1]);
        let place = usize::from(second);
        // The other's code opens neither, and counts against one's own alone; without a ticket nothing is counted or
        // opened.
        assert!(!opens(&clients[place].enter(MARIA, &codes[1 - place]).await));
        let mut counted = tries(&world, MARIA).await;
        counted.sort_unstable();
        assert_eq!(counted, [0, 1]);
        for code in &codes {
            assert!(!opens(&Client::app(&world).enter(MARIA, code).await));
        }
        assert_eq!(tries(&world, MARIA).await.iter().sum::<u32>(), 1);
        assert!(opens(&clients[place].enter(MARIA, &codes[place]).await));
        assert_eq!(super::keys(&world, MARIA).await, [keys[place].id.clone()]);
        is_locked_out(&world, &mut keys[1 - place]).await;
        assert!(!opens(&clients[1 - place].enter(MARIA, &codes[1 - place]).await), "the other sign-up died with it");
        assert_eq!(tries(&world, MARIA).await, [0; 0]);
    }
}

#[tokio::test]
async fn where_two_wait_without_ticket_or_cookie_neither_opens() {
    let world = World::new().await;
    let (mut client, mut keys) = (Client::app(&world), [Passkey::new(b"one"), Passkey::new(b"two")]);
    let mut codes = Vec::new();
    for key in &mut keys {
        client.ask_to_sign_up(MARIA, key).await;
        codes.push(world.code(MARIA).await);
    }
    for code in &codes {
        assert!(!opens(&client.enter(MARIA, code).await));
    }
    assert_eq!(tries(&world, MARIA).await, [2, 2], "each counts against both");
    for key in &mut keys {
        is_locked_out(&world, key).await;
    }
    assert!(world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().is_none());
    // When they are over, one that is alone opens.
    world.wait(31 * 60);
    client.ask_to_sign_up(MARIA, &mut keys[1]).await;
    let otp = world.code(MARIA).await;
    assert!(opens(&client.enter(MARIA, &otp).await));
    assert_eq!(super::keys(&world, MARIA).await, [keys[1].id.clone()]);
}

#[tokio::test]
async fn a_client_behind_the_same_address_does_not_finish_a_sign_up_of_another() {
    let world = World::new().await;
    for kind in KINDS {
        let (mut theirs, code) = attack(&world, Client::app(&world)).await;
        let mut owner = client(&world, kind);
        // Once at once, and again when another code would be sent.
        for _ in 0..2 {
            owner.ask_for_code(MARIA).await;
            assert_eq!(world.mails(MARIA).await.len(), 0, "{kind}: the other's is not gone on with");
            assert!(!opens(&owner.enter(MARIA, &code).await), "{kind}");
            assert!(!opens(&owner.enter(MARIA, &code).await), "{kind}");
            world.wait(31);
        }
        is_locked_out(&world, &mut theirs).await;
        assert!(world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().is_none(), "{kind}");
        world.wait(3600);
    }
}

#[tokio::test]
async fn a_client_that_asked_for_a_code_that_is_not_sent_does_not_finish_a_sign_up_of_another() {
    for (mode, uses_up) in [("\"off\"", false), ("\"admin\"", false), ("\"email\"", true)] {
        let world = with_recovery(mode).await;
        if uses_up {
            // All letters but one of an hour, the last of them when what the others were for is over.
            let mut attacker = Client::page(&world);
            attacker.begin("/signin/webauthn", &json!({})).await;
            for _ in 0..5 {
                attacker.ask_for_code(MARIA).await;
                world.wait(31);
            }
            world.wait(31 * 60);
        }
        let (mut theirs, code) = attack(&world, Client::app(&world)).await;
        let mut owner = Client::app(&world);
        if uses_up {
            refused(&owner.ask_to_sign_up(MARIA, &mut Passkey::new(b"own")).await, 429, "too-many-requests");
        }
        for _ in 0..2 {
            owner.ask_for_code(MARIA).await;
            assert_eq!(world.mails(MARIA).await.len(), 0);
            assert!(!opens(&owner.enter(MARIA, &code).await), "{mode}");
            world.wait(31);
        }
        is_locked_out(&world, &mut theirs).await;
    }
}

#[tokio::test]
async fn a_client_that_asks_too_soon_for_a_code_does_not_finish_a_sign_up_of_another() {
    let world = World::new().await;
    let (mut theirs, code) = attack(&world, Client::app(&world)).await;
    // They ask first, behind the same address, and take what they began away to another address.
    let mut attacker = Client::page(&world);
    attacker.ask_for_code(MARIA).await;
    attacker.ask_for_code(BOB).await;
    let mut owner = Client::app(&world);
    owner.ask_for_code(MARIA).await;
    assert!(!opens(&owner.enter(MARIA, &code).await));
    is_locked_out(&world, &mut theirs).await;
}

#[tokio::test]
async fn an_ask_in_vain_takes_nothing_from_the_code_that_is_out() {
    let world = World::new().await;
    maria(&world).await;
    world.wait(3600);
    for kind in KINDS {
        let mut client = client(&world, kind);
        client.begin("/signin/webauthn", &json!({})).await;
        let mut otp = String::new();
        for _ in 0..6 {
            client.ask_for_code(MARIA).await;
            otp = world.code(MARIA).await;
            world.wait(31);
        }
        client.ask_for_code(MARIA).await;
        assert_eq!(world.mails(MARIA).await.len(), 0);
        assert!(opens(&client.enter(MARIA, &otp).await), "{kind}");
        world.mails(MARIA).await;
        world.wait(3600);
    }
}

#[tokio::test]
async fn each_of_two_who_ask_with_tickets_at_once_behind_one_address_is_sent_a_code() {
    let world = World::new().await;
    maria(&world).await;
    let (mut one, mut other) = (Client::ticketed(&world), Client::ticketed(&world));
    one.ask_for_code(MARIA).await;
    let ones = world.code(MARIA).await;
    other.ask_for_code(MARIA).await;
    let others = world.code(MARIA).await;
    assert!(!opens(&one.enter(MARIA, &others).await) && opens(&one.enter(MARIA, &ones).await));
}

#[tokio::test]
async fn a_ticket_is_good_for_its_address_and_no_client_opens_without_it() {
    let world = World::new().await;
    let (mut client, mut key) = (Client::ticketed(&world), Passkey::new(b"key"));
    client.ask_to_sign_up(MARIA, &mut key).await;
    let otp = world.code(MARIA).await;
    let ticket = client.ticket.clone().unwrap();
    assert_eq!(decode(&json!(ticket)).len(), 32, "256 bits");
    // The store has its digest's digest, at most.
    let pending = world.store.registrations_of(&Email::parse(MARIA).unwrap()).await.unwrap().remove(0);
    let secret = bmauth::domain::secret::Secret::parse(&ticket).unwrap();
    assert!(*pending.browser.bytes() != *secret.bytes() && pending.browser != secret.digest());
    assert!(!format!("{pending:?}").contains(&ticket));

    let mut others = client.tab(&world);
    others.ticket = None;
    assert!(!opens(&others.enter(MARIA, &otp).await), "without it");
    for bad in ["", "x", &"A".repeat(43), &format!("{ticket}x"), &ticket.to_uppercase()] {
        others.ticket = Some(bad.to_owned());
        assert!(!opens(&others.enter(MARIA, &otp).await), "{bad}");
    }
    // As a cookie of our pages it is unknown.
    let mut browser = world.browser();
    browser.cookies.insert("__Host-bmauth-flow".into(), ticket.clone());
    assert_ne!(browser.enter(&otp).await.status, StatusCode::SEE_OTHER);
    others.ticket = Some(ticket.clone());
    assert!(!opens(&others.enter(BOB, &otp).await), "another address");
    assert_eq!(tries(&world, MARIA).await, [0], "none of that counts against it");
    // Padded it is the same.
    others.ticket = Some(format!("{ticket}="));
    assert!(opens(&others.at(ELSEWHERE).enter(MARIA, &otp).await));
    assert_eq!(keys(&world, MARIA).await, [key.id.clone()]);
}

#[tokio::test]
async fn a_ticket_is_asked_for_in_words_that_are_understood() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    let mut ask =
        async |ticket: Value| client.post("/signin/otp/email", &json!({ "email": MARIA, "ticket": ticket })).await;
    for none in [json!(false), json!(null)] {
        assert_eq!(ask(none).await.json(), json!("OK"));
    }
    for bad in [json!("x"), json!(1), json!({}), json!(""), json!("A".repeat(44))] {
        refused(&ask(bad).await, 400, "invalid-request");
    }
    let (one, other) = (ask(json!(true)).await.json(), ask(json!(true)).await.json());
    assert_ne!(one["ticket"], other["ticket"]);
    assert_eq!(ask(one["ticket"].clone()).await.json(), one, "the same goes on");
}

#[tokio::test]
async fn a_ticket_binds_a_recovery_and_its_next_code_too() {
    let world = World::new().await;
    maria(&world).await;
    let (mut client, mut other) = (Client::ticketed(&world), Client::ticketed(&world).at(ELSEWHERE));
    client.ask_for_code(MARIA).await;
    let first = world.code(MARIA).await;
    other.ask_for_code(MARIA).await;
    let others = world.code(MARIA).await;
    assert!(!opens(&client.enter(MARIA, &others).await) && !opens(&other.enter(MARIA, &first).await));
    world.wait(30);
    let ticket = client.ticket.clone();
    client.ask_for_code(MARIA).await;
    assert_eq!(client.ticket, ticket);
    let second = world.code(MARIA).await;
    assert!(first == second || !opens(&client.enter(MARIA, &first).await));
    // On its way from one network to the other, as telephones are.
    let mut client = client.at("2001:db8:7::1");
    let done = client.enter(MARIA, &second).await;
    client.keep(&done);
    assert!(!opens(&other.enter(MARIA, &others).await), "one recovery ends the others");
}

#[tokio::test]
async fn a_code_of_one_address_opens_no_other() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    client.ask_to_sign_up(MARIA, &mut Passkey::new(b"maria")).await;
    client.ask_to_sign_up(BOB, &mut Passkey::new(b"bob")).await;
    let (marias, bobs) = (world.code(MARIA).await, world.code(BOB).await);
    assert_ne!(marias, bobs);
    assert!(!opens(&client.enter(MARIA, &bobs).await) && !opens(&client.enter(BOB, &marias).await));
    assert!(!opens(&client.enter(UNKNOWN, &marias).await));
    assert!(opens(&client.enter(MARIA, &marias).await) && opens(&client.enter(BOB, &bobs).await));
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes_and_once() {
    for (seconds, good) in [(599, true), (600, false)] {
        for recovering in [false, true] {
            let world = World::new().await;
            let mut client = Client::app(&world);
            let otp = asked_for(&world, &mut client, recovering).await;
            world.wait(seconds);
            assert_eq!(opens(&client.enter(MARIA, &otp).await), good, "{seconds} {recovering}");
            assert!(!opens(&client.enter(MARIA, &otp).await));
        }
    }
}

#[tokio::test]
async fn another_code_takes_the_place_of_the_first_after_half_a_minute() {
    let world = World::new().await;
    let (mut client, mut key) = (Client::ticketed(&world), Passkey::new(b"key"));
    client.ask_to_sign_up(MARIA, &mut key).await;
    let first = world.code(MARIA).await;
    for seconds in [0, 29] {
        world.wait(seconds);
        client.ask_for_code(MARIA).await;
        assert_eq!(world.mails(MARIA).await.len(), 0, "{seconds}");
    }
    world.wait(1);
    client.ask_for_code(MARIA).await;
    let second = world.code(MARIA).await;
    assert!(first == second || !opens(&client.enter(MARIA, &first).await));
    assert!(opens(&client.enter(MARIA, &second).await));
    assert_eq!(client.sign_in(Some(MARIA), &mut key).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_sign_up_that_another_began_makes_no_account_through_its_owner() {
    for (of_attacker, address) in
        [("app", ELSEWHERE), ("page", ELSEWHERE), ("ticket", ELSEWHERE), ("app", OWN), ("ticket", OWN)]
    {
        for own in ["a code", "ticket", "page", "our pages"] {
            let world = World::new().await;
            let attacker = client(&world, of_attacker).at(address);
            let (mut theirs, code) = attack(&world, attacker).await;
            let case = format!("of {of_attacker} at {address}, Maria began: {own}");
            // Maria types whatever code she gets, wherever she can.
            let (mut app, mut page, mut browser) = (Client::app(&world), Client::page(&world), world.browser());
            let mut ticketed = Client::ticketed(&world);
            let mut key = Passkey::new(b"key of maria");
            let asked = match own {
                "ticket" => Some(ticketed.ask_to_sign_up(MARIA, &mut key).await),
                "page" => Some(page.ask_to_sign_up(MARIA, &mut key).await),
                "our pages" => Some(browser.ask_to_register(MARIA, &mut key).await),
                // A client that enters a code has asked for one.
                _ => {
                    app.ask_for_code(MARIA).await;
                    None
                }
            };
            let own_code = match asked {
                Some(asked) => {
                    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
                    Some(world.code(MARIA).await)
                }
                None => None,
            };
            assert!(own_code.as_ref() != Some(&code), "{case}");
            page.begin("/signin/webauthn", &json!({})).await;
            let mut with_pages_cookies = Client::page(&world);
            with_pages_cookies.browser.cookies.clone_from(&browser.cookies);
            for client in [&mut app, &mut page, &mut with_pages_cookies, &mut ticketed] {
                assert!(!opens(&client.enter(MARIA, &code).await), "{case}");
            }
            assert_ne!(browser.enter(&code).await.status, StatusCode::SEE_OTHER, "{case}");
            // She asks for another one.
            world.wait(30);
            for client in [&mut app, &mut page, &mut with_pages_cookies, &mut ticketed] {
                client.ask_for_code(MARIA).await;
            }
            let mails = world.mails(MARIA).await;
            let again = usize::from(own == "ticket" || own == "page");
            assert_eq!(mails.len(), again, "{case}: none for what she did not begin");
            let newest =
                mails.first().map(|mail| mail.subject.chars().filter(char::is_ascii_digit).collect::<String>());
            assert!(world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().is_none(), "{case}");
            // Her own makes her account, and what else was pending dies.
            let made = match own {
                "ticket" => opens(&ticketed.enter(MARIA, &newest.unwrap()).await),
                "page" => opens(&page.enter(MARIA, &newest.unwrap()).await),
                "our pages" => browser.enter(&own_code.unwrap()).await.status == StatusCode::SEE_OTHER,
                _ => continue,
            };
            assert!(made, "{case}");
            assert_eq!(keys(&world, MARIA).await, [key.id.clone()], "{case}");
            is_locked_out(&world, &mut theirs).await;
            let mut attacker = Client::app(&world).at(ELSEWHERE);
            assert!(!opens(&attacker.enter(MARIA, &code).await), "{case}");
        }
    }
}

#[tokio::test]
async fn a_sign_up_of_another_makes_no_account_when_ones_own_is_over() {
    let world = World::new().await;
    let (mut app, mut key) = (Client::app(&world), Passkey::new(b"key of maria"));
    app.ask_to_sign_up(MARIA, &mut key).await;
    world.code(MARIA).await;
    world.wait(29 * 60);
    let (mut theirs, code) = attack(&world, Client::app(&world).at(ELSEWHERE)).await;
    world.wait(2 * 60);
    app.ask_for_code(MARIA).await;
    assert_eq!(world.mails(MARIA).await.len(), 0);
    assert!(!opens(&app.enter(MARIA, &code).await));
    is_locked_out(&world, &mut theirs).await;
}

#[tokio::test]
async fn an_account_that_is_there_already_is_opened_by_no_sign_up() {
    let world = World::new().await;
    let (_, mut own) = maria(&world).await;
    let mut theirs = Passkey::new(b"key of the attacker");
    // Another client signs up with Maria's address while she gets back in.
    let (mut attacker, mut app) = (Client::app(&world), Client::app(&world));
    attacker.ask_to_sign_up(MARIA, &mut theirs).await;
    let note = world.mails(MARIA).await;
    assert!(note.len() == 1 && !note[0].subject.chars().any(|c| c.is_ascii_digit()), "{note:?}");
    app.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    let done = app.enter(MARIA, &otp).await;
    assert_eq!(app.keep(&done)["user"]["id"], account(&world, MARIA).await.id.0.to_string());
    is_locked_out(&world, &mut theirs).await;
    assert_eq!(keys(&world, MARIA).await, [own.id.clone()]);
    // Her older key rests until the review is answered with the one that this recovery makes.
    let mut new = Passkey::new(b"new key");
    assert_eq!(app.add(&mut new).await.status, StatusCode::OK);
    crate::recovering::keep_all(&world, &mut new).await;
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut own).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_sign_up_that_was_begun_before_the_account_was_made_dies_with_it() {
    let world = World::new().await;
    // Both are asked for their keys while the address has no account.
    let (mut app, mut attacker) = (Client::ticketed(&world), Client::app(&world).at(ELSEWHERE));
    let (mut key, mut theirs) = (Passkey::new(b"key of maria"), Passkey::new(b"key of the attacker"));
    let options = attacker.begin("/signup/webauthn", &json!({ "email": MARIA })).await;
    let late = json!({ "credential": theirs.create(&options) });
    let (mut early, code) = attack(&world, Client::app(&world).at("203.0.113.9")).await;
    app.sign_up(&world, MARIA, &mut key).await;
    assert_eq!(attacker.begin("/signup/webauthn/verify", &late).await, json!({ "session": null }));
    let note = world.mails(MARIA).await;
    assert!(note.len() == 1 && !note[0].subject.chars().any(|c| c.is_ascii_digit()), "{note:?}");
    assert!(!opens(&Client::app(&world).at("203.0.113.9").enter(MARIA, &code).await));
    for key in [&mut early, &mut theirs] {
        is_locked_out(&world, key).await;
    }
    assert_eq!(keys(&world, MARIA).await, [key.id.clone()]);
}

#[tokio::test]
async fn a_client_on_its_way_from_network_to_network_signs_up() {
    for kind in KINDS {
        for addresses in [["192.0.2.1", "2001:db8:1::1"], [ELSEWHERE, "192.0.2.1"]] {
            let world = World::new().await;
            let (mut client, mut key) = (client(&world, kind).at(addresses[0]), Passkey::new(b"key"));
            client.ask_to_sign_up(MARIA, &mut key).await;
            let otp = world.code(MARIA).await;
            let mut on_the_way = client.at(addresses[1]);
            assert!(!opens(&on_the_way.enter(MARIA, &wrong(&otp)).await));
            assert!(opens(&on_the_way.enter(MARIA, &otp).await), "{kind}");
        }
        let world = World::new().await;
        let mut client = client(&world, kind);
        client.browser.is_hidden = true;
        client.ask_to_sign_up(MARIA, &mut Passkey::new(b"key")).await;
        let otp = world.code(MARIA).await;
        assert!(opens(&client.enter(MARIA, &otp).await), "{kind}, where networks are not known");
    }
}

#[tokio::test]
async fn of_two_asked_for_at_once_one_code_is_sent() {
    let world = World::new().await;
    maria(&world).await;
    for mut client in [Client::app(&world), Client::page(&world)] {
        client.begin("/signin/webauthn", &json!({})).await;
        world.wait(30);
        client.ask_for_code(MARIA).await;
        client.ask_for_code(MARIA).await;
        let otp = world.code(MARIA).await;
        world.wait(30);
        client.ask_for_code(MARIA).await;
        let another = world.code(MARIA).await;
        assert_ne!(otp, another);
        let done = client.enter(MARIA, &another).await;
        client.keep(&done);
        world.mails(MARIA).await;
    }
}

#[tokio::test]
async fn a_code_to_get_back_in_is_typed_in_the_client_that_asked() {
    let world = World::new().await;
    maria(&world).await;
    let (mut page, mut other) = (Client::page(&world), Client::page(&world));
    for client in [&mut page, &mut other] {
        client.begin("/signin/webauthn", &json!({})).await;
    }
    page.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    for client in [&mut other, &mut Client::app(&world)] {
        assert!(!opens(&client.enter(MARIA, &otp).await));
    }
    assert_eq!(tries(&world, MARIA).await, [0], "only its own tries count");
    // Nor is what a page asked for finished over the API.
    let mut browser = world.browser();
    browser.get("/_bmauth/recover").await;
    browser.submit("/_bmauth/recover", &[("email", MARIA)]).await;
    let of_page = world.code(MARIA).await;
    let mut with_its_cookie = Client::page(&world);
    with_its_cookie.browser.cookies.clone_from(&browser.cookies);
    assert!(!opens(&with_its_cookie.enter(MARIA, &of_page).await));
    assert!(opens(&page.enter(MARIA, &otp).await));
}

#[tokio::test]
async fn of_several_who_wait_without_cookies_or_tickets_none_opens() {
    let world = World::new().await;
    maria(&world).await;
    let (mut one, mut other) = (Client::app(&world), Client::app(&world).at(ELSEWHERE));
    one.ask_for_code(MARIA).await;
    let ones = world.code(MARIA).await;
    // A telephone may leave its network, as long as no other client waits.
    assert!(!opens(&other.enter(MARIA, &wrong(&ones)).await));
    assert_eq!(tries(&world, MARIA).await, [1]);
    other.ask_for_code(MARIA).await;
    let others = world.code(MARIA).await;
    for client in [&mut one, &mut other, &mut Client::app(&world).at("203.0.113.9")] {
        for code in [&ones, &others] {
            assert!(!opens(&client.enter(MARIA, code).await));
        }
    }
    // One with a ticket does.
    let mut bound = Client::ticketed(&world).at("203.0.113.10");
    bound.recover(&world, MARIA).await;
    assert!(bound.is_signed_in().await);
}

#[tokio::test]
async fn recovery_by_mail_is_a_session_at_once_and_told_to_the_owner() {
    let world = with_recovery("\"email\"").await;
    let (mut lost, _) = maria(&world).await;
    let mut client = Client::app(&world);
    client.recover(&world, MARIA).await;
    assert!(!lost.is_signed_in().await && client.is_signed_in().await);
    assert_eq!(sessions(&world, MARIA).await, 1);
    let mails = world.mails(MARIA).await;
    assert!(mails.len() == 1 && mails[0].subject.contains("recovered"), "{mails:?}");
}

#[tokio::test]
async fn delayed_recovery_is_told_held_and_finished_by_another_code() {
    let world = with_recovery("\"delayed\"\nrecovery_delay = \"24h\"").await;
    let (mut signed_in, _) = maria(&world).await;
    let mut client = Client::app(&world);
    client.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    assert_eq!(client.enter(MARIA, &otp).await.json(), json!({ "session": null }));
    let mails = world.mails(MARIA).await;
    assert_eq!(mails.len(), 1, "how to cancel it");
    assert!(!opens(&client.enter(MARIA, &otp).await) && signed_in.is_signed_in().await);
    world.wait(23 * 3600);
    let refreshed = signed_in.refresh().await;
    signed_in.keep(&refreshed);
    client.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    assert_eq!(client.enter(MARIA, &otp).await.json(), json!({ "session": null }), "not yet");
    world.wait(3600);
    client.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    let done = client.enter(MARIA, &otp).await;
    client.keep(&done);
    assert!(client.is_signed_in().await);
    refused(&signed_in.refresh().await, 401, "invalid-refresh-token");
}

#[tokio::test]
async fn a_delayed_recovery_that_was_cancelled_gives_nothing() {
    let world = with_recovery("\"delayed\"\nrecovery_delay = \"24h\"").await;
    let (_, mut key) = maria(&world).await;
    let mut client = Client::app(&world);
    client.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    client.enter(MARIA, &otp).await;
    let mut browser = world.browser();
    browser.sign_in(None, &mut key).await;
    browser.get("/_bmauth/devices").await;
    let asked = browser.post("/_bmauth/devices/confirm", &json!({ "act": "stop-recovery" })).await.json();
    let proof = json!({ "ceremony": asked["ceremony"], "credential": key.get(&asked["options"]) });
    assert_eq!(browser.post("/_bmauth/devices/confirm/verify", &proof).await.status, StatusCode::OK);
    world.mails(MARIA).await;
    world.wait(25 * 3600);
    client.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    assert_eq!(client.enter(MARIA, &otp).await.json(), json!({ "session": null }), "held anew");
}

#[tokio::test]
async fn recovery_by_the_operator_takes_the_operators_code() {
    let world = with_recovery("\"admin\"").await;
    let (mut lost, _) = maria(&world).await;
    let mut client = Client::app(&world);
    client.ask_for_code(MARIA).await;
    assert_eq!(world.mails(MARIA).await.len(), 0, "no code by mail");
    let given =
        world.auth.operate.give_code(account(&world, MARIA).await, RecoveryMode::Admin).await.unwrap().code.text();
    assert!(!opens(&client.enter(MARIA, "123456").await) && !opens(&client.enter(BOB, &given).await));
    let done = client.enter(MARIA, &given).await;
    client.keep(&done);
    let says = claims(client.access.as_deref().unwrap());
    assert_eq!((&says["amr"], &says["acr"]), (&json!([]), &json!("otp")));
    assert!(!lost.is_signed_in().await);
    client.ask_for_code(MARIA).await;
    assert!(!opens(&client.enter(MARIA, &given).await), "it was used");
}

#[tokio::test]
async fn where_there_is_no_recovery_no_code_is_sent_and_none_is_taken() {
    let world = with_recovery("\"off\"").await;
    maria(&world).await;
    let mut client = Client::app(&world);
    for email in [MARIA, UNKNOWN] {
        client.ask_for_code(email).await;
        assert_eq!(world.mails(email).await.len(), 0);
        assert!(!opens(&client.enter(email, "123456").await));
    }
    // A sign-up's code still is.
    let mut client = Client::ticketed(&world);
    client.ask_to_sign_up(BOB, &mut Passkey::new(b"bob")).await;
    world.code(BOB).await;
    world.wait(30);
    client.ask_for_code(BOB).await;
    let otp = world.code(BOB).await;
    assert!(opens(&client.enter(BOB, &otp).await));
}

#[tokio::test]
async fn a_sign_up_that_is_closed_meanwhile_makes_no_account() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let open = World::with(CONFIG, Arc::clone(&store)).await;
    let mut client = Client::app(&open);
    client.ask_to_sign_up(MARIA, &mut Passkey::new(b"key")).await;
    let otp = open.code(MARIA).await;
    let closed = World::with(&format!("{CONFIG}\n[accounts]\nregistration = \"closed\""), store).await;
    assert!(!opens(&Client::app(&closed).enter(MARIA, &otp).await));
    assert!(opens(&client.enter(MARIA, &otp).await));
}

#[tokio::test]
async fn a_disabled_user_is_sent_no_code_and_opened_by_none() {
    let world = World::new().await;
    maria(&world).await;
    let mut client = Client::app(&world);
    client.ask_for_code(MARIA).await;
    let otp = world.code(MARIA).await;
    world.auth.operate.set_disabled(&account(&world, MARIA).await, true).await.unwrap();
    assert!(!opens(&client.enter(MARIA, &otp).await));
    client.ask_for_code(MARIA).await;
    assert_eq!(world.mails(MARIA).await.len(), 0);
    assert_eq!(sessions(&world, MARIA).await, 0);
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answers_for_the_same_work() {
    for kind in KINDS {
        for mode in ["\"email\"", "\"delayed\"", "\"admin\"", "\"off\""] {
            let store = Arc::new(Fragile::default());
            let commits = Arc::clone(&store.commits);
            let world = World::with(&format!("{CONFIG}\n[accounts]\nrecovery = {mode}"), store).await;
            maria(&world).await;
            let (_, mut bobs) = registered(&world, BOB).await;
            world.auth.operate.set_disabled(&account(&world, BOB).await, true).await.unwrap();
            bobs.counter = 1;
            let mut all: Vec<(&str, Vec<(usize, Value)>)> = Vec::new();
            for email in [MARIA, BOB, UNKNOWN] {
                let mut client = client(&world, kind);
                let mut seen = Vec::new();
                for step in [
                    "ask", "ask", "enter", "enter", "wait", "ask", "enter", "enter", "enter", "enter", "enter", "enter",
                ] {
                    let before = commits[1].load(Ordering::SeqCst);
                    let asks = match &client.ticket {
                        Some(ticket) => json!({ "email": email, "ticket": ticket }),
                        None => json!({ "email": email, "ticket": kind == "ticket" }),
                    };
                    let answer = match step {
                        "ask" => client.post("/signin/otp/email", &asks).await,
                        "enter" => client.enter(email, "12 34 56 7").await,
                        _ => {
                            world.wait(30);
                            continue;
                        }
                    };
                    client.keep_ticket(&answer);
                    let durable = commits[1].load(Ordering::SeqCst) - before;
                    seen.push((durable, json!(format!("{step} {:?}", looks(&answer)))));
                }
                all.push((email, seen));
            }
            for (email, seen) in &all[1..] {
                assert_eq!(*seen, all[0].1, "{email} {mode}, {kind}");
            }
        }
    }
}

#[tokio::test]
async fn a_network_that_has_too_many_letters_sent_is_told_no_more_by_one_address_than_by_another() {
    let world = World::new().await;
    maria(&world).await;
    let mut answers = Vec::new();
    for (email, known) in [(MARIA, true), (UNKNOWN, false)] {
        let mut client = Client::app(&world);
        let mut letters = 0;
        for _ in 0..8 {
            let answer = client.post("/signin/otp/email", &json!({ "email": email })).await;
            answers.push(format!("{:?}", looks(&answer)));
            letters += world.mails(email).await.len();
            world.wait(31);
        }
        // One went out when the account was made.
        assert_eq!(letters, if known { 5 } else { 0 });
        // A sign-up says so, to every client.
        let options = client.begin("/signup/webauthn", &json!({ "email": email })).await;
        let body = json!({ "credential": Passkey::new(email.as_bytes()).create(&options) });
        let full = client.post("/signup/webauthn/verify", &body).await;
        refused(&full, 429, "too-many-requests");
        let wait: u64 = full.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((60..=3600).contains(&wait), "what is left of the hour: {wait}");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn how_often_an_address_may_be_written_to_does_not_tell_whether_it_has_an_account() {
    let scripts: [&[&str]; 6] = [
        &["ask", "ask", "ask"],
        &["ask", "wait", "ask"],
        &["sign up"],
        &["sign up", "ask"],
        &["sign up", "wait", "ask"],
        &["ask", "sign up", "wait", "ask", "ask"],
    ];
    for mode in ["\"email\"", "\"admin\"", "\"off\""] {
        for kind in KINDS {
            for script in scripts {
                let mut left = Vec::new();
                for email in [MARIA, BOB, UNKNOWN] {
                    let world = with_recovery(mode).await;
                    maria(&world).await;
                    registered(&world, BOB).await;
                    world.auth.operate.set_disabled(&account(&world, BOB).await, true).await.unwrap();
                    world.wait(3600);
                    let mut client = client(&world, kind);
                    client.begin("/signin/webauthn", &json!({})).await;
                    for step in script {
                        match *step {
                            "ask" => client.ask_for_code(email).await,
                            "wait" => world.wait(30),
                            _ => {
                                client.ask_to_sign_up(email, &mut Passkey::new(b"key")).await;
                            }
                        }
                    }
                    let mut sent = 0;
                    while client.ask_to_sign_up(email, &mut Passkey::new(b"key")).await.status == StatusCode::OK {
                        sent += 1;
                    }
                    left.push(sent);
                }
                assert!(left[0] >= 1 && left.iter().all(|sent| *sent == left[0]), "{mode} {kind} {script:?} {left:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_attacker_who_planted_a_cookie_does_not_put_a_key_in_the_place_of_the_owners() {
    let world = World::new().await;
    let (mut owner, mut planter) = (Client::page(&world), Client::page(&world));
    planter.begin("/signin/webauthn", &json!({})).await;
    owner.browser.cookies.clone_from(&planter.browser.cookies);
    let mut keys = [Passkey::new(b"owner's"), Passkey::new(b"planter's")];
    let [of_owner, of_planter] = &mut keys;
    assert_eq!(owner.ask_to_sign_up(MARIA, of_owner).await.status, StatusCode::OK);
    let code = world.code(MARIA).await;
    assert_ne!(owner.browser.cookies, planter.browser.cookies);
    assert_eq!(planter.ask_to_sign_up(MARIA, of_planter).await.status, StatusCode::OK);
    let of_planter = world.code(MARIA).await;
    assert!(!opens(&owner.enter(MARIA, &of_planter).await));
    assert!(opens(&owner.enter(MARIA, &code).await));
    assert_eq!(super::keys(&world, MARIA).await, [keys[0].id.clone()]);
}
