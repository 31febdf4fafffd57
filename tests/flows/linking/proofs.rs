//! A passkey's proof serves the one link it was given for, and must be one of the side that may approve.

use super::*;
use crate::authenticator::{BE, Cheat, UP, UV};

#[tokio::test]
async fn a_proof_for_one_link_does_not_approve_another() {
    let (world, mut phone, mut passkey) = maria().await;
    let (mut first, mut second) = (world.browser(), world.browser());
    let (one, two) = (first.ask().await, second.ask().await);
    phone.find(&one.scan).await;
    phone.find(&two.scan).await;
    let for_one = phone.number(&one.link, one.number).await.json();
    let for_two = phone.number(&two.link, two.number).await.json();
    let credential = passkey.get(&for_one["options"]);
    assert_eq!(phone.prove(&for_two, &credential).await.refusal(), "not-accepted");
    assert_eq!(phone.prove(&for_one, &credential).await.status, StatusCode::OK);
    assert_eq!((first.stage(&one.link).await, second.stage(&two.link).await), ("approved".into(), "found".into()));
    // What approved is used up, and so is what was tried with it.
    assert_eq!(phone.prove(&for_one, &credential).await.refusal(), "expired-ceremony");
    let credential = passkey.get(&for_two["options"]);
    assert_eq!(phone.prove(&for_two, &credential).await.refusal(), "expired-ceremony");
}

#[tokio::test]
async fn a_sign_in_is_no_approval_and_an_approval_no_sign_in() {
    let (world, _, mut passkey) = maria().await;
    let (mut computer, mut phone) = (world.browser(), world.browser());
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    let approval = phone.number(&shown.link, shown.number).await.json();
    let sign_in = phone.challenge(None).await;
    let (for_approval, for_sign_in) = (passkey.get(&approval["options"]), passkey.get(&sign_in["options"]));
    // Neither ceremony opens at the other's door,
    assert_eq!(phone.answer(&approval, &for_approval).await.refusal(), "expired-ceremony");
    assert_eq!(phone.prove(&sign_in, &for_sign_in).await.refusal(), "expired-ceremony");
    // and neither answer fits the other's challenge.
    assert_eq!(phone.prove(&approval, &for_sign_in).await.refusal(), "not-accepted");
    assert_eq!(phone.answer(&sign_in, &for_approval).await.refusal(), "not-accepted");
    assert_eq!((computer.stage(&shown.link).await.as_str(), phone.who().await), ("found", None));
}

#[tokio::test]
async fn a_passkey_ceremony_of_a_link_makes_no_account_and_the_reverse() {
    let (world, mut phone, mut passkey) = maria().await;
    let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    let making = computer.set_up_options(&shown.link).await.json();
    let begun = computer.post("/_bmauth/register/options", &json!({ "email": "eve@example.com" })).await.json();
    let mut new = Passkey::new(b"new");
    let body = |challenge: &Value, new: &mut Passkey| {
        let credential = new.create(&challenge["options"]);
        json!({ "ceremony": challenge["ceremony"], "credential": credential })
    };
    let linked = body(&making, &mut new);
    assert_eq!(computer.post("/_bmauth/register/verify", &linked).await.refusal(), "expired-ceremony");
    let registered = body(&begun, &mut new);
    assert_eq!(computer.post("/_bmauth/link/passkey/verify", &registered).await.refusal(), "expired-ceremony");
    assert_eq!(computer.post("/_bmauth/link/passkey/verify", &linked).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_the_signed_in_account_approves_in_its_browser() {
    for offered in [false, true] {
        let (world, mut marias, mut passkey) = maria().await;
        let mut bobs = Passkey::new(b"bob's passkey");
        world.browser().register(&world, "bob@example.com", &mut bobs).await;
        let (link, number, mut other) = if offered {
            let shown = marias.offer().await;
            let mut other = world.browser();
            let number = other.find(&shown.scan).await.json()["number"].as_u64().unwrap();
            (shown.link, number, other)
        } else {
            let mut other = world.browser();
            let shown = other.ask().await;
            marias.find(&shown.scan).await;
            (shown.link, shown.number, other)
        };
        assert_eq!(marias.approve(&link, number, &mut bobs).await.refusal(), "not-accepted");
        bobs.user_handle.clone_from(&passkey.user_handle);
        assert_eq!(marias.approve(&link, number, &mut bobs).await.refusal(), "not-accepted");
        assert_eq!(other.stage(&link).await, "found");
        assert_eq!(marias.approve(&link, number, &mut passkey).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_a_session_the_key_says_whose_it_is_and_is_believed_only_about_itself() {
    let (world, _, mut passkey) = maria().await;
    let mut bobs = Passkey::new(b"bob's passkey");
    world.browser().register(&world, "bob@example.com", &mut bobs).await;
    let (mut computer, mut phone) = (world.browser(), world.browser());
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    let own = std::mem::replace(&mut passkey.user_handle, bobs.user_handle.clone());
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.refusal(), "not-accepted");
    passkey.user_handle = None;
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.refusal(), "not-accepted");
    let mut unknown = Passkey::new(b"nobody's");
    unknown.user_handle = own.clone();
    assert_eq!(phone.approve(&shown.link, shown.number, &mut unknown).await.refusal(), "unknown-passkey");
    passkey.user_handle = own;
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_made_up_credential_id_is_refused_like_a_real_one() {
    use crate::authenticator::decode;
    let (world, mut phone, mut passkey) = maria().await;
    let fake = world.browser().challenge(Some("nobody@example.com")).await;
    let fake = decode(&fake["options"]["allowCredentials"][0]["id"]);
    let mut visitor = world.browser();
    let shown = world.browser().ask().await;
    visitor.find(&shown.scan).await;
    for id in [fake.clone(), passkey.id.clone()] {
        let mut forged = Passkey::new(&id);
        forged.user_handle.clone_from(&passkey.user_handle);
        assert_eq!(visitor.approve(&shown.link, shown.number, &mut forged).await.refusal(), "not-accepted");
    }
    // Nor can it become a real one.
    let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(&fake)).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn a_key_whose_registration_waits_for_its_code_is_not_to_be_forgotten() {
    let world = World::new().await;
    let (mut phone, mut waits) = (world.browser(), Passkey::new(b"waits for its code"));
    assert_eq!(phone.ask_to_register(MARIA, &mut waits).await.status, StatusCode::OK);
    let shown = world.browser().ask().await;
    phone.find(&shown.scan).await;
    assert_eq!(phone.approve(&shown.link, shown.number, &mut waits).await.refusal(), "not-accepted");
}

#[tokio::test]
async fn a_cheating_device_approves_nothing() {
    let cheats: [(&str, Cheat); 6] = [
        ("unverified", |key| key.flags = UP | BE),
        ("absent", |key| key.flags = UV | BE),
        ("another origin", |key| key.origin = "https://evil.example".into()),
        ("another domain", |key| key.rp_id = "evil.example".into()),
        ("a frame", |key| key.client_data = json!({ "crossOrigin": true })),
        ("a top origin", |key| key.client_data = json!({ "topOrigin": "https://notes.example.com" })),
    ];
    for (name, cheat) in cheats {
        let (world, mut phone, mut passkey) = maria().await;
        let mut computer = world.browser();
        let shown = computer.ask().await;
        phone.find(&shown.scan).await;
        cheat(&mut passkey);
        assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.refusal(), "not-accepted", "{name}");
        assert_eq!(computer.stage(&shown.link).await, "found", "{name}");
    }
}

#[tokio::test]
async fn a_counter_that_goes_back_approves_nothing() {
    let (world, mut phone, mut passkey) = maria().await;
    passkey.counter = 7;
    let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
    passkey.counter = 6;
    let shown = world.browser().ask().await;
    phone.find(&shown.scan).await;
    world.mails(MARIA).await;
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.refusal(), "not-accepted");
    assert!(activity(&world).await.contains(&What::PasskeyCopied));
    assert_eq!(world.mails(MARIA).await.len(), 1, "its owner is told");
    passkey.counter = 8;
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_disabled_account_approves_nothing() {
    use bmauth::domain::plan::{AccountChange, Change, Durability};
    let (world, _, mut passkey) = maria().await;
    let mut phone = world.browser();
    let shown = world.browser().ask().await;
    phone.find(&shown.scan).await;
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap().id;
    let disable = Change::Account(AccountChange::SetDisabled { account, disabled: true });
    world.store.commit(vec![disable], Durability::Durable).await.unwrap();
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.refusal(), "account-disabled");
}

#[tokio::test]
async fn a_key_of_an_account_is_not_taken_again() {
    let (world, mut phone, mut passkey) = maria().await;
    let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    let mut same = Passkey::new(&passkey.id);
    assert_eq!(computer.set_up(&shown.link, &mut same).await.refusal(), "not-accepted");
    let mut unverified = Passkey::new(b"unverified");
    unverified.flags = UP | BE;
    assert_eq!(computer.set_up(&shown.link, &mut unverified).await.refusal(), "not-accepted");
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK, "try again");
}

#[tokio::test]
async fn a_new_session_takes_the_place_of_the_waiting_browsers_own() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    computer.register(&world, "bob@example.com", &mut Passkey::new(b"bob's passkey")).await;
    let old = computer.session();
    computer.get("/_bmauth/link").await;
    let shown = Shown::of(&computer.post("/_bmauth/link/ask", &json!({})).await);
    phone.find(&shown.scan).await;
    phone.approve(&shown.link, shown.number, &mut passkey).await;
    assert_eq!(
        computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.json(),
        json!({ "location": "https://notes.example.com/" })
    );
    assert_eq!(computer.who().await.as_deref(), Some(MARIA));
    assert!(world.store.session(old).await.unwrap().is_none());
}

#[tokio::test]
async fn the_owner_is_told_of_a_copied_passkey_that_would_approve() {
    let (world, phone, mut passkey) = maria().await;
    passkey.counter = 7;
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.status, StatusCode::OK);
    world.mails(MARIA).await;
    passkey.counter = 6;
    for mut approving in [world.browser(), phone] {
        world.wait(60);
        let shown = world.browser().ask().await;
        approving.find(&shown.scan).await;
        let challenge = approving.number(&shown.link, shown.number).await.json();
        let credential = passkey.get(&challenge["options"]);
        assert_eq!(approving.prove(&challenge, &credential).await.refusal(), "not-accepted");
        assert_eq!(approving.prove(&challenge, &credential).await.refusal(), "expired-ceremony", "used up");
        assert!(world.mails(MARIA).await[0].subject.contains("copied"));
        assert_eq!(activity(&world).await[0], What::PasskeyCopied);
    }
}
