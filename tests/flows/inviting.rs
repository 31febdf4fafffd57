//! Who may have an account: whom the operator names, under each policy, and what all others are shown and told.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bmauth::domain::clock::Timestamp;
use bmauth::domain::email::Email;
use bmauth::domain::invitation::{Invitation, InvitationId};
use bmauth::domain::plan::{AccountChange, Change, InvitationChange};
use bmauth::domain::recover::RecoveryMode;
use bmauth::store::memory::MemoryStore;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::api::{Client, looks};
use crate::authenticator::Passkey;
use crate::browser::Browser;
use crate::edge::{Fragile, Meanwhile};
use crate::operating::{ask, get, post, router_of};
use crate::recovering;
use crate::world::{CONFIG, World};

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";

/// A world with that `[accounts]`, and the router of its admin socket.
async fn world(accounts: &str) -> (World, axum::Router) {
    let text = format!("{CONFIG}\n[accounts]\n{accounts}\n");
    let world = World::with(&text, Arc::new(MemoryStore::new())).await;
    let router = router_of(&text, &world);
    (world, router)
}

async fn groups_of(world: &World, email: &str) -> Option<Vec<String>> {
    let account = world.store.account_by_email(&Email::parse(email).unwrap()).await.unwrap();
    account.map(|account| account.groups)
}

/// The one letter to an address that is not invited.
async fn told_that_it_is_by_invitation(world: &World, email: &str) {
    let mails = world.mails(email).await;
    let [mail] = mails.as_slice() else { panic!("{} mails to {email}", mails.len()) };
    assert_eq!(mail.subject, "New accounts with Acme Notes are by invitation");
    for version in [&mail.text, &mail.html] {
        assert!(version.contains("New accounts are by invitation, and there is none for this address"), "{version}");
        assert!(!version.contains("6-digit") && !version.contains("/_bmauth/"), "{version}");
    }
}

const POLICIES: [&str; 4] = [
    "registration = \"invite\"",
    "registration = \"closed\"",
    "registration = \"open\"\nallowed_domains = [\"acme.example\"]",
    "registration = \"open\"\nallowed_emails = [\"carla@example.com\"]",
];

#[tokio::test]
async fn an_invited_person_registers_like_others_under_each_policy_and_is_in_their_groups() {
    for policy in POLICIES {
        let (world, router) = world(&format!("{policy}\nadmins = \"it\"")).await;
        let added = post(&router, &format!("/invitations/{ANN}?groups=staff,it,staff&admin=true")).await;
        assert_eq!(added["invitation"]["groups"], json!(["staff", "it"]), "{policy}");
        assert_eq!(added["page"], "https://notes.example.com/_bmauth/register");
        let mut ann = world.browser();
        ann.register(&world, ANN, &mut Passkey::new(b"ann")).await;
        assert_eq!(ann.get("/_bmauth/whoami").await.json()["groups"], json!(["staff", "it"]), "{policy}");
        assert_eq!(groups_of(&world, ANN).await, Some(vec!["staff".to_owned(), "it".to_owned()]));
        assert_eq!(get(&router, &format!("/invitations/{ANN}")).await, Value::Null, "it is used up");
        // Over the API too.
        let mut client = Client::app(&world);
        post(&router, &format!("/invitations/{BOB}")).await;
        client.sign_up(&world, BOB, &mut Passkey::new(b"bob")).await;
        assert_eq!(groups_of(&world, BOB).await, Some(Vec::new()));
    }
}

/// What a visitor sees who asks for an account with an address, up to a wrong code and another letter.
async fn seen(world: &World, email: &str) -> Vec<(StatusCode, String)> {
    let mut browser = world.browser();
    let mut seen = Vec::new();
    let mut sees = |answer: crate::browser::Answer| {
        let text = answer.text.replace(email, "…@…");
        // What is random in every page, and the same length.
        let text: String = text.split('"').filter(|part| part.len() < 40 || part.contains(' ')).collect();
        seen.push((answer.status, text));
    };
    sees(browser.get("/_bmauth/sign-in").await);
    sees(browser.get("/_bmauth/register").await);
    let asked = browser.ask_to_register(email, &mut Passkey::new(email.as_bytes())).await;
    assert_eq!(asked.status, StatusCode::OK, "{email}");
    sees(browser.get("/_bmauth/register/code").await);
    sees(browser.enter("000000").await);
    world.wait(30);
    sees(browser.submit("/_bmauth/register/code/resend", &[]).await);
    sees(browser.get("/_bmauth/register/code").await);
    seen
}

#[tokio::test]
async fn every_visitor_sees_the_same_pages_and_only_the_letter_says_who_is_not_invited() {
    for policy in POLICIES {
        let (world, router) = world(policy).await;
        for email in [ANN, "zoe@example.com"] {
            post(&router, &format!("/invitations/{email}")).await;
        }
        let invited = seen(&world, ANN).await;
        assert!(invited[3].1.contains("not right"), "{invited:?}");
        assert!(invited[2].1.contains("If this address may have an account, the mail has a 6-digit code."));
        assert_eq!(world.mails(ANN).await.len(), 2);
        assert_eq!(invited, seen(&world, BOB).await, "{policy}");
        let mails = world.mails(BOB).await;
        assert_eq!(mails.len(), 2, "{policy}");
        assert!(mails.iter().all(|mail| mail.subject.contains("by invitation") && !mail.text.contains("code")));
    }
}

#[tokio::test]
async fn no_code_opens_the_registration_of_a_person_who_is_not_invited() {
    let (world, _) = world("registration = \"invite\"").await;
    let mut browser = world.browser();
    browser.ask_to_register(BOB, &mut Passkey::new(b"bob")).await;
    told_that_it_is_by_invitation(&world, BOB).await;
    // The code that was never sent, computed with the gateway's own keys.
    let flow = bmauth::domain::secret::Secret::parse(&browser.cookies["__Host-bmauth-flow"]).unwrap();
    let registration = world.store.registration(flow.digest()).await.unwrap().unwrap();
    let code = world.code_of(registration.code.id).await;
    assert_eq!(browser.enter(&code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((browser.who().await, groups_of(&world, BOB).await), (None, None));
    // Nor over the API.
    let mut client = Client::app(&world);
    client.ask_to_sign_up("carl@example.com", &mut Passkey::new(b"carl")).await;
    let waiting = world.store.registrations_of(&Email::parse("carl@example.com").unwrap()).await.unwrap();
    let code = world.code_of(waiting[0].code.id).await;
    assert_eq!(client.enter("carl@example.com", &code).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_api_answers_every_client_alike_where_some_are_invited() {
    for policy in POLICIES {
        let (world, router) = world(policy).await;
        post(&router, &format!("/invitations/{ANN}")).await;
        let mut answers = Vec::new();
        for email in [ANN, BOB] {
            let (mut client, mut key) = (Client::app(&world), Passkey::new(email.as_bytes()));
            let begun = client.post("/signup/webauthn", &json!({ "email": email })).await;
            let kept =
                client.post("/signup/webauthn/verify", &json!({ "credential": key.create(&begun.json()) })).await;
            let entered = client.enter(email, "000000").await;
            answers.push((begun.status, looks(&kept), looks(&entered)));
        }
        assert_eq!(answers[0], answers[1], "{policy}");
        assert_eq!(answers[0].0, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_an_invitation_the_page_says_at_once_that_new_accounts_are_closed() {
    let (world, router) = world("registration = \"closed\"").await;
    let mut browser = world.browser();
    let page = browser.get("/_bmauth/register").await;
    assert!(page.text.contains("New accounts are closed.") && !page.text.contains("<form"), "{}", page.text);
    assert!(!browser.get("/_bmauth/sign-in").await.text.contains("/_bmauth/register"));
    post(&router, &format!("/invitations/{ANN}")).await;
    let page = browser.get("/_bmauth/register").await;
    assert!(page.text.contains("New accounts are by invitation.") && page.text.contains("<form"), "{}", page.text);
    assert!(browser.get("/_bmauth/sign-in").await.text.contains("/_bmauth/register"));
    post(&router, &format!("/invitations/{ANN}/take-back")).await;
    assert!(browser.get("/_bmauth/register").await.text.contains("New accounts are closed."));
}

#[tokio::test]
async fn who_may_register_is_asked_anew_when_the_code_comes() {
    let (world, router) = world("registration = \"invite\"").await;
    post(&router, &format!("/invitations/{ANN}?groups=staff")).await;
    let mut ann = world.browser();
    ann.ask_to_register(ANN, &mut Passkey::new(b"ann")).await;
    let code = world.code(ANN).await;
    post(&router, &format!("/invitations/{ANN}/take-back")).await;
    assert_eq!(ann.enter(&code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(groups_of(&world, ANN).await, None);
    // Invited once more, into other groups, while the same code is out.
    post(&router, &format!("/invitations/{ANN}?groups=it")).await;
    assert_eq!(ann.enter(&code).await.status, StatusCode::SEE_OTHER);
    assert_eq!(groups_of(&world, ANN).await, Some(vec!["it".to_owned()]));
}

#[tokio::test]
async fn a_person_invited_after_they_asked_gets_a_code_with_the_next_letter() {
    let (world, router) = world("registration = \"invite\"").await;
    let mut ann = world.browser();
    ann.ask_to_register(ANN, &mut Passkey::new(b"ann")).await;
    told_that_it_is_by_invitation(&world, ANN).await;
    post(&router, &format!("/invitations/{ANN}")).await;
    world.wait(30);
    ann.get("/_bmauth/register/code").await;
    assert_eq!(ann.submit("/_bmauth/register/code/resend", &[]).await.status, StatusCode::SEE_OTHER);
    let code = world.code(ANN).await;
    assert_eq!(ann.enter(&code).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_invitation_is_for_an_address_without_an_account() {
    let (world, router) = world("registration = \"open\"").await;
    world.browser().register(&world, ANN, &mut Passkey::new(b"ann")).await;
    let (status, said) = ask(&router, Method::POST, &format!("/invitations/{ANN}")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    assert!(said["error"].as_str().unwrap().contains("has an account already"), "{said}");
    let (status, said) = ask(&router, Method::POST, &format!("/invitations/{BOB}/take-back")).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{said}");
    for (target, why) in [
        ("/invitations/bob?groups=", "no e-mail address"),
        ("/invitations/bob@example.com?groups=a%20b", "a group's name is"),
        ("/invitations/bob@example.com?admin=true", "set accounts.admins"),
    ] {
        let (status, said) = ask(&router, Method::POST, target).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{said}");
        assert!(said["error"].as_str().unwrap().contains(why), "{said}");
    }
    // Under open registration it gives the groups all the same.
    post(&router, &format!("/invitations/{BOB}?groups=staff")).await;
    world.browser().register(&world, BOB, &mut Passkey::new(b"bob")).await;
    assert_eq!(groups_of(&world, BOB).await, Some(vec!["staff".to_owned()]));
}

#[tokio::test]
async fn a_group_that_no_route_asks_for_is_pointed_out() {
    let text = "registration = \"open\"\nadmins = \"it\"\n[[route]]\npath = \"/staff\"\ngroups = [\"staff\"]\nupstream = [\"http://127.0.0.1:8000\"]";
    let (world, router) = world(text).await;
    let added = post(&router, &format!("/invitations/{ANN}?groups=staff,stff,it")).await;
    assert_eq!(added["unasked_groups"], json!(["stff"]));
    world.browser().register(&world, BOB, &mut Passkey::new(b"bob")).await;
    let changed = post(&router, &format!("/users/{BOB}/groups?add=staff,other")).await;
    assert_eq!((&changed["email"], &changed["unasked_groups"]), (&json!(BOB), &json!(["other"])));
}

#[tokio::test]
async fn two_codes_at_once_of_one_invitation_make_one_account() {
    let (world, router) = world("registration = \"invite\"").await;
    post(&router, &format!("/invitations/{ANN}?groups=staff")).await;
    let mut browsers: Vec<(Browser, String)> = Vec::new();
    for n in 0..4 {
        let mut browser = world.browser();
        browser.ask_to_register(ANN, &mut Passkey::new(&[n])).await;
        browsers.push((browser, world.code(ANN).await));
    }
    let entered = browsers.into_iter().map(|(mut browser, code)| {
        tokio::spawn(async move { browser.enter(&code).await.status == StatusCode::SEE_OTHER })
    });
    let mut made = 0;
    for entered in entered.collect::<Vec<_>>() {
        made += usize::from(entered.await.unwrap());
    }
    assert_eq!((made, groups_of(&world, ANN).await), (1, Some(vec!["staff".to_owned()])));
}

/// Ann, an administrator, with an account.
async fn administrator(recovery: &str) -> (World, axum::Router) {
    let (world, router) = world(&format!("registration = \"open\"\nadmins = \"it\"\nrecovery = \"{recovery}\"")).await;
    post(&router, &format!("/invitations/{ANN}?admin=true")).await;
    world.browser().register(&world, ANN, &mut Passkey::new(b"ann")).await;
    world.browser().register(&world, BOB, &mut Passkey::new(b"bob")).await;
    world.wait(3600);
    (world, router)
}

#[tokio::test]
async fn administrators_get_back_in_by_an_operators_code_alone() {
    for recovery in ["email", "delayed"] {
        let (world, router) = administrator(recovery).await;
        let mut browser = world.browser();
        assert_eq!(recovering::ask(&mut browser, ANN).await.status, StatusCode::SEE_OTHER);
        let mails = world.mails(ANN).await;
        let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
        assert!(mail.text.contains("no code is sent by mail") && !mail.subject.contains("is your"), "{}", mail.text);
        world.wait(30);
        browser.get("/_bmauth/recover/code").await;
        browser.submit("/_bmauth/recover/code/resend", &[]).await;
        assert!(world.mails(ANN).await[0].text.contains("no code is sent by mail"));
        // The code that a mail would have brought.
        let flow = bmauth::domain::secret::Secret::parse(&browser.cookies["__Host-bmauth-flow"]).unwrap();
        let recovery = world.store.recovery(flow.digest()).await.unwrap().unwrap();
        let mailed = world.code_of(recovery.code.id).await;
        assert_eq!(recovering::enter(&mut browser, &mailed).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let code = post(&router, &format!("/users/{ANN}/recover")).await["code"].as_str().unwrap().to_owned();
        assert_eq!(recovering::enter(&mut browser, &code).await.location(), "/_bmauth/recover/device");
        let done = recovering::set_up(&mut browser, &mut Passkey::new(b"new")).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        // Another person gets no operator's code, where mails are enough.
        let (status, said) = ask(&router, Method::POST, &format!("/users/{BOB}/recover")).await;
        assert_eq!(status, StatusCode::CONFLICT, "{said}");
    }
}

#[tokio::test]
async fn a_code_that_was_mailed_opens_nothing_once_its_owner_is_an_administrator() {
    let (world, router) = administrator("email").await;
    let mut browser = world.browser();
    recovering::ask(&mut browser, BOB).await;
    let code = world.code(BOB).await;
    post(&router, &format!("/users/{BOB}/groups?add=it")).await;
    assert_eq!(recovering::enter(&mut browser, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Nor over the API.
    post(&router, &format!("/users/{BOB}/groups?set=")).await;
    world.wait(60);
    let mut client = Client::app(&world);
    client.ask_for_code(BOB).await;
    let code = world.code(BOB).await;
    post(&router, &format!("/users/{BOB}/groups?add=it")).await;
    assert_eq!(client.enter(BOB, &code).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_recovery_administrators_have_none_either() {
    let (world, _) = administrator("off").await;
    assert_eq!(world.auth.recover.mode(), RecoveryMode::Off);
    let mut browser = world.browser();
    browser.get("/_bmauth/sign-in").await;
    let refused = browser.submit("/_bmauth/recover", &[("email", ANN), ("return_to", "/")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_invitation_is_for_the_mailbox_however_its_address_is_written() {
    for (added, typed) in [
        ("Ann%40EXAMPLE.com", "ann@example.COM"),
        ("bob%40b%C3%BCcher.example", "BOB@xn--bcher-kva.example"),
        ("carl%40XN--BCHER-KVA.example", " carl@BÜCHER.example "),
    ] {
        let (world, router) = world("registration = \"invite\"").await;
        let added = post(&router, &format!("/invitations/{added}?groups=staff")).await;
        let email = added["invitation"]["email"].as_str().unwrap();
        let mut browser = world.browser();
        browser.ask_to_register(typed, &mut Passkey::new(b"key")).await;
        let code = world.code(email).await;
        assert_eq!(browser.enter(&code).await.status, StatusCode::SEE_OTHER, "{typed}");
        assert_eq!(groups_of(&world, email).await, Some(vec!["staff".to_owned()]), "{typed}");
    }
}

#[tokio::test]
async fn whose_account_was_removed_is_not_invited_any_more() {
    for policy in POLICIES {
        let (world, router) = world(policy).await;
        for email in [ANN, BOB] {
            post(&router, &format!("/invitations/{email}?groups=staff")).await;
        }
        world.browser().register(&world, ANN, &mut Passkey::new(b"ann")).await;
        post(&router, &format!("/users/{ANN}/remove")).await;
        world.wait(3600);
        let mut again = world.browser();
        again.ask_to_register(ANN, &mut Passkey::new(b"ann again")).await;
        told_that_it_is_by_invitation(&world, ANN).await;
        assert_eq!(get(&router, &format!("/invitations/{ANN}")).await, Value::Null, "{policy}");
        assert_eq!(groups_of(&world, ANN).await, None, "{policy}");
    }
}

#[tokio::test]
async fn a_code_from_before_opens_nothing_once_the_gateway_starts_with_another_policy() {
    let (before, _) = world("registration = \"open\"").await;
    let mut ann = before.browser();
    ann.ask_to_register(ANN, &mut Passkey::new(b"ann")).await;
    let mut app = Client::ticketed(&before);
    app.ask_to_sign_up(BOB, &mut Passkey::new(b"bob")).await;
    let (code, of_bob) = (before.code(ANN).await, before.code(BOB).await);
    for policy in POLICIES.into_iter().chain(["registration = \"closed\"\nallowed_emails = [\"ann@example.com\"]"]) {
        let text = format!("{CONFIG}\n[accounts]\n{policy}\n");
        let now = before.again(&text).await;
        let mut browser = now.browser();
        browser.cookies.clone_from(&ann.cookies);
        let entered = browser.enter(&code).await.status;
        assert!(entered.is_client_error(), "{policy}: {entered}");
        assert!(browser.submit("/_bmauth/register/code/resend", &[]).await.status != StatusCode::OK, "{policy}");
        assert_eq!((browser.who().await, groups_of(&now, ANN).await), (None, None), "{policy}");
        let mut client = Client::ticketed(&now);
        client.ticket.clone_from(&app.ticket);
        assert_eq!(client.enter(BOB, &of_bob).await.status, StatusCode::UNAUTHORIZED, "{policy}");
        assert_eq!(groups_of(&now, BOB).await, None, "{policy}");
    }
}

#[tokio::test]
async fn what_was_proved_or_held_before_they_became_an_administrator_is_worth_nothing_then() {
    for recovery in ["email", "delayed"] {
        let (world, router) = administrator(recovery).await;
        let mut browser = world.browser();
        recovering::ask(&mut browser, BOB).await;
        let code = world.code(BOB).await;
        let proved = recovering::enter(&mut browser, &code).await;
        if recovery == "delayed" {
            // The day is over, and the next code would let them make a passkey.
            world.wait(24 * 3600);
            world.mails(BOB).await;
            recovering::ask(&mut browser, BOB).await;
            let code = world.code(BOB).await;
            post(&router, &format!("/users/{BOB}/groups?add=it")).await;
            assert_eq!(recovering::enter(&mut browser, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        } else {
            assert_eq!(proved.location(), "/_bmauth/recover/device");
            post(&router, &format!("/users/{BOB}/groups?add=it")).await;
        }
        let done = recovering::set_up(&mut browser, &mut Passkey::new(b"thief")).await;
        assert!(done.status.is_client_error(), "{recovery}: {} {}", done.status, done.text);
        assert_eq!(browser.who().await, None, "{recovery}");
    }
}

#[tokio::test]
async fn an_operators_code_for_an_administrator_is_good_once_and_leads_to_the_review() {
    let (world, router) = administrator("email").await;
    let code = post(&router, &format!("/users/{ANN}/recover")).await["code"].as_str().unwrap().to_owned();
    let mut browser = world.browser();
    recovering::ask(&mut browser, ANN).await;
    assert_eq!(recovering::enter(&mut browser, &code).await.location(), "/_bmauth/recover/device");
    let mut other = world.browser();
    recovering::ask(&mut other, ANN).await;
    assert_eq!(recovering::enter(&mut other, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Nor is it another person's.
    let code = post(&router, &format!("/users/{ANN}/recover")).await["code"].as_str().unwrap().to_owned();
    let mut bob = world.browser();
    recovering::ask(&mut bob, BOB).await;
    assert_eq!(recovering::enter(&mut bob, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut key = Passkey::new(b"new");
    assert_eq!(recovering::set_up(&mut browser, &mut key).await.status, StatusCode::OK);
    let reviewed = recovering::review(&mut browser, &mut key, &[]).await;
    assert_eq!(reviewed.status, StatusCode::OK, "{}", reviewed.text);
}

/// A world by invitation with a store that can be changed under its feet and switched off, and the router of its
/// socket.
async fn fragile() -> (World, axum::Router, Arc<Fragile>) {
    let text = format!("{CONFIG}\n[accounts]\nregistration = \"invite\"\n");
    let store = Arc::new(Fragile::default());
    let world = World::with(&text, Arc::clone(&store) as _).await;
    let router = router_of(&text, &world);
    (world, router, store)
}

#[tokio::test]
async fn what_an_operator_does_just_before_the_account_is_made_counts() {
    let is_last = |change: &Change| matches!(change, Change::Account(AccountChange::Add(_)));
    for change in [
        InvitationChange::Put(Invitation {
            id: InvitationId(uuid::Uuid::from_u128(7)),
            email: Email::parse(ANN).unwrap(),
            groups: vec!["it".to_owned()],
            made_at: Timestamp::from_unix(1),
        }),
        InvitationChange::TakeBack(Email::parse(ANN).unwrap()),
    ] {
        let (world, router, store) = fragile().await;
        post(&router, &format!("/invitations/{ANN}?groups=staff")).await;
        let mut ann = world.browser();
        ann.ask_to_register(ANN, &mut Passkey::new(b"ann")).await;
        let code = world.code(ANN).await;
        let is_taken_back = matches!(change, InvitationChange::TakeBack(_));
        *store.meanwhile.lock().unwrap() = Some(Meanwhile { before: is_last, change: change.into() });
        let entered = ann.enter(&code).await.status;
        assert!(store.meanwhile.lock().unwrap().is_none(), "it came in between");
        let (status, groups) = if is_taken_back {
            (StatusCode::UNPROCESSABLE_ENTITY, None)
        } else {
            (StatusCode::SEE_OTHER, Some(vec!["it".to_owned()]))
        };
        assert_eq!((entered, groups_of(&world, ANN).await), (status, groups));
    }
}

#[tokio::test]
async fn a_store_that_is_down_makes_no_account_and_no_invitation() {
    let (world, router, store) = fragile().await;
    post(&router, &format!("/invitations/{ANN}")).await;
    let mut ann = world.browser();
    ann.ask_to_register(ANN, &mut Passkey::new(b"ann")).await;
    let code = world.code(ANN).await;
    ann.get("/_bmauth/register/code").await;
    store.down.store(true, Ordering::SeqCst);
    let entered = ann.submit("/_bmauth/register/code", &[("code", &code)]).await;
    assert_eq!(entered.status, StatusCode::SERVICE_UNAVAILABLE, "{}", entered.text);
    let (status, said) = ask(&router, Method::POST, &format!("/invitations/{BOB}")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{said}");
    store.down.store(false, Ordering::SeqCst);
    assert_eq!((groups_of(&world, ANN).await, get(&router, &format!("/invitations/{BOB}")).await), (None, Value::Null));
    assert_eq!(ann.enter(&code).await.status, StatusCode::SEE_OTHER, "the same code is good afterwards");
}
