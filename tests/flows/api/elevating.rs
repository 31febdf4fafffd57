//! Elevation, and the keys that it takes to add another one.

use std::collections::BTreeSet;

use bmauth::domain::activity::What;
use bmauth::domain::passkey::CredentialId;
use bmauth::domain::plan::{Durability, PasskeyChange};
use http::StatusCode;
use serde_json::json;

use super::{
    BOB, Client, ELSEWHERE, MARIA, account, claims, error, events, keys, maria, refused, registered, says_elevated,
    sessions, worlds,
};
use crate::authenticator::{BE, Cheat, Passkey, UP, decode, encode};
use crate::browser::Browser;
use crate::world::World;

/// Takes the one key away that Maria has.
async fn without_a_key(world: &World, key: &Passkey) {
    let (credential, account) = (CredentialId::new(&key.id).unwrap(), account(world, MARIA).await.id);
    let gone = PasskeyChange::Remove { credential, account, last: true };
    world.store.commit(vec![gone.into()], Durability::Durable).await.unwrap();
}

/// Removes a key on "My devices", the last one by typing the address.
async fn remove(browser: &mut Browser, key: &mut Passkey, target: &[u8], email: Option<&str>) {
    browser.get("/_bmauth/devices").await;
    let act = json!({ "act": "remove", "passkey": encode(target), "email": email });
    let asked = browser.post("/_bmauth/devices/confirm", &act).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    let credential = key.get(&asked.json()["options"]);
    let body = json!({ "ceremony": asked.json()["ceremony"], "credential": credential });
    let done = browser.post("/_bmauth/devices/confirm/verify", &body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
}

#[tokio::test]
async fn an_elevation_lasts_over_refreshes_until_it_expires_and_is_gone_then() {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    assert!(!says_elevated(client.access.as_deref().unwrap()));
    let elevated = client.elevate(&mut key).await;
    let session = client.keep(&elevated);
    assert_eq!(session["accessTokenExpiresIn"], 300);
    let says = claims(client.access.as_deref().unwrap());
    assert_eq!(says["https://hasura.io/jwt/claims"]["x-hasura-auth-elevated"], says["sub"]);
    for (wait, left) in [(100, 200), (199, 1)] {
        world.wait(wait);
        let refreshed = client.refresh().await;
        let session = client.keep(&refreshed);
        assert_eq!(session["accessTokenExpiresIn"], left);
        assert!(says_elevated(client.access.as_deref().unwrap()));
        client.begin("/user/webauthn/add", &json!({})).await;
    }
    world.wait(1);
    assert!(!client.is_signed_in().await, "the elevated token ends with the elevation");
    let refreshed = client.refresh().await;
    let session = client.keep(&refreshed);
    assert_eq!(session["accessTokenExpiresIn"], 900);
    assert!(!says_elevated(client.access.as_deref().unwrap()));
    refused(&client.post("/user/webauthn/add", &json!({})).await, 403, "elevated-claim-required");
}

/// What an attacker with a copy of the client's tokens gets out of them.
async fn refreshed_copy(world: &World, of: &Client) -> Client {
    let mut thief = of.tab(world).at(ELSEWHERE);
    let refreshed = thief.refresh().await;
    thief.keep(&refreshed);
    thief
}

/// Nothing of it is good any more, here and at apps, and it ended no session.
async fn is_dead(world: &World, thief: &mut Client) {
    let access = thief.access.clone().unwrap();
    assert!(world.auth.sessions.of_access_token(&access).await.unwrap().is_none());
    assert!(!thief.is_signed_in().await);
    refused(&thief.post("/elevate/webauthn", &json!({})).await, 401, "unauthenticated-user");
    for _ in 0..2 {
        refused(&thief.refresh().await, 401, "invalid-refresh-token");
    }
    let out = json!({ "refreshToken": thief.refresh.clone() });
    refused(&thief.post("/signout", &out).await, 401, "invalid-refresh-token");
    assert_eq!(sessions(world, MARIA).await, 1);
    assert!(!events(world, MARIA).await.contains(&What::TokenCopied));
}

#[tokio::test]
async fn a_copied_token_is_not_elevated_with_its_owner_and_dies_when_the_elevation_is_used() {
    for (world, _kept) in worlds().await {
        for by_refresh in [false, true] {
            let mut client = Client::app(&world);
            let mut key = Passkey::new(&[u8::from(by_refresh) + 1; 8]);
            if by_refresh {
                world.mails(MARIA).await;
                client.recover(&world, MARIA).await;
                assert_eq!(client.add(&mut key).await.status, StatusCode::OK);
                let refreshed = client.refresh().await;
                client.keep(&refreshed);
            } else {
                client.sign_up(&world, MARIA, &mut key).await;
            }
            world.wait(5);
            let mut copy = client.tab(&world).at(ELSEWHERE);
            let elevated = client.elevate(&mut key).await;
            client.keep(&elevated);
            world.wait(5);
            let mut thief = refreshed_copy(&world, &copy).await;
            assert!(!says_elevated(thief.access.as_deref().unwrap()));
            refused(&thief.add(&mut Passkey::new(b"evil")).await, 403, "elevated-claim-required");
            assert!(thief.is_signed_in().await && copy.is_signed_in().await, "it was not used yet");
            let before = keys(&world, MARIA).await.len();
            if by_refresh {
                let refreshed = client.refresh().await;
                client.keep(&refreshed);
            } else {
                assert_eq!(client.add(&mut Passkey::new(b"desk")).await.status, StatusCode::OK);
            }
            // The one that was spent, and the one that was out.
            is_dead(&world, &mut copy).await;
            is_dead(&world, &mut thief).await;
            assert!(client.is_signed_in().await, "who elevated goes on");
            for n in 0..2_u8 {
                assert!(says_elevated(client.access.as_deref().unwrap()));
                assert_eq!(client.add(&mut Passkey::new(&[9, n, u8::from(by_refresh)])).await.status, StatusCode::OK);
                let refreshed = client.refresh().await;
                client.keep(&refreshed);
            }
            assert_eq!(keys(&world, MARIA).await.len(), before + 2 + usize::from(!by_refresh));
            world.wait(300);
            let refreshed = client.refresh().await;
            client.keep(&refreshed);
            assert!(client.is_signed_in().await && !says_elevated(client.access.as_deref().unwrap()));
        }
    }
}

#[tokio::test]
async fn a_line_that_is_refreshed_after_its_elevation_cuts_a_copy_off_too() {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    let copy = client.tab(&world).at(ELSEWHERE);
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    world.wait(299);
    let mut thief = refreshed_copy(&world, &copy).await;
    world.wait(1);
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    is_dead(&world, &mut thief).await;
    assert!(client.is_signed_in().await && !says_elevated(client.access.as_deref().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_answer_sent_many_times_one_elevates_and_of_many_the_last() {
    for (world, _kept) in worlds().await {
        let (mut client, mut key) = maria(&world).await;
        let options = client.begin("/elevate/webauthn", &json!({})).await;
        let body = json!({ "credential": key.get(&options) });
        let sending: Vec<_> = (0..8)
            .map(|_| (client.tab(&world), body.clone()))
            .map(|(mut tab, body)| tokio::spawn(async move { tab.post("/elevate/webauthn/verify", &body).await }))
            .collect();
        let mut won = Vec::new();
        for answer in sending {
            let answer = answer.await.unwrap();
            match answer.status {
                StatusCode::OK => won.push(answer),
                _ => refused(&answer, 401, "invalid-email-password"),
            }
        }
        assert_eq!(won.len(), 1);
        // Of several elevations each is its own line's, and the last one is the session's.
        let mut tabs = Vec::new();
        for _ in 0..3 {
            let mut tab = client.tab(&world);
            let elevated = tab.elevate(&mut key).await;
            tab.keep(&elevated);
            tabs.push(tab);
        }
        let mut last = tabs.pop().unwrap();
        for tab in &mut tabs {
            let refreshed = tab.refresh().await;
            tab.keep(&refreshed);
            assert!(!says_elevated(tab.access.as_deref().unwrap()));
        }
        let refreshed = last.refresh().await;
        last.keep(&refreshed);
        assert!(says_elevated(last.access.as_deref().unwrap()));
        for tab in tabs.iter_mut().chain([&mut client]) {
            is_dead(&world, tab).await;
        }
        assert!(last.is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_at_the_same_time_as_the_use_is_before_it_or_refused() {
    for (world, _kept) in worlds().await {
        let (_, mut key) = maria(&world).await;
        for round in 0..8_u8 {
            let mut client = Client::app(&world);
            let done = client.sign_in(None, &mut key).await;
            client.keep(&done);
            let copy = client.tab(&world).at(ELSEWHERE);
            let elevated = client.elevate(&mut key).await;
            client.keep(&elevated);
            let options = client.begin("/user/webauthn/add", &json!({})).await;
            let body = json!({ "credential": Passkey::new(&[round; 8]).create(&options) });
            let (mut adds, mut thief) = (client.tab(&world), copy.tab(&world));
            let using = tokio::spawn(async move { adds.post("/user/webauthn/verify", &body).await.status });
            let refreshing = tokio::spawn(async move { (thief.refresh().await, thief) });
            let (used, (refreshed, mut thief)) = (using.await.unwrap(), refreshing.await.unwrap());
            assert_eq!(used, StatusCode::OK);
            if refreshed.status == StatusCode::OK {
                thief.keep(&refreshed);
                assert!(!says_elevated(thief.access.as_deref().unwrap()));
            } else {
                refused(&refreshed, 401, "invalid-refresh-token");
            }
            for mut dead in [thief, copy] {
                assert!(!dead.is_signed_in().await);
                refused(&dead.refresh().await, 401, "invalid-refresh-token");
            }
            let refreshed = client.refresh().await;
            client.keep(&refreshed);
            assert!(client.is_signed_in().await);
        }
        assert!(!events(&world, MARIA).await.contains(&What::TokenCopied));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_elevated_session_adds_all_of_many_keys_at_once() {
    for (world, _kept) in worlds().await {
        let (mut client, mut key) = maria(&world).await;
        let elevated = client.elevate(&mut key).await;
        client.keep(&elevated);
        let mut bodies = Vec::new();
        for n in 0..12_u8 {
            let options = client.begin("/user/webauthn/add", &json!({})).await;
            bodies.push(json!({ "credential": Passkey::new(&[n; 8]).create(&options) }));
        }
        assert_eq!(added_at_once(&world, &client, bodies).await, 12);
        assert!(client.is_signed_in().await);
    }
}

#[tokio::test]
async fn an_elevation_is_that_of_one_session() {
    let world = World::new().await;
    let (mut one, mut key) = maria(&world).await;
    let mut other = Client::app(&world);
    let done = other.sign_in(None, &mut key).await;
    other.keep(&done);
    let mut browser = world.browser();
    browser.sign_in(None, &mut key).await;
    world.wait(301);
    let elevated = one.elevate(&mut key).await;
    one.keep(&elevated);
    let refreshed = other.refresh().await;
    other.keep(&refreshed);
    assert!(!says_elevated(other.access.as_deref().unwrap()));
    refused(&other.post("/user/webauthn/add", &json!({})).await, 403, "elevated-claim-required");
    assert_eq!(sessions(&world, MARIA).await, 3);
    assert!(other.is_signed_in().await && browser.who().await.is_some());
    // What was said before the elevation does not say so, and what the store does not say is not so.
    assert_eq!(one.post("/user/webauthn/add", &json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_ones_own_key_used_just_now_elevates() {
    let world = World::new().await;
    let (mut client, mut own) = maria(&world).await;
    let (_, mut bobs) = registered(&world, BOB).await;
    refused(&client.elevate(&mut bobs).await, 401, "invalid-email-password");
    bobs.user_handle.clone_from(&own.user_handle);
    refused(&client.elevate(&mut bobs).await, 401, "invalid-email-password");
    bobs.id.clone_from(&own.id);
    refused(&client.elevate(&mut bobs).await, 401, "invalid-email-password");
    let cheats: [(&str, Cheat); 3] = [
        ("unverified", |key| key.flags = UP | BE),
        ("another origin", |key| key.origin = "https://evil.example".into()),
        ("nobody's", |key| key.id = b"nobody's".to_vec()),
    ];
    let honest = (own.flags, own.origin.clone(), own.id.clone());
    for (name, cheat) in cheats {
        cheat(&mut own);
        let answer = client.elevate(&mut own).await;
        assert_eq!(error(&answer), (401, "invalid-email-password".into()), "{name}");
        (own.flags, own.origin, own.id) = honest.clone();
    }
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    assert!(!says_elevated(client.access.as_deref().unwrap()));
    let elevated = client.elevate(&mut own).await;
    client.keep(&elevated);
    assert!(says_elevated(client.access.as_deref().unwrap()));
}

#[tokio::test]
async fn elevation_is_asked_with_the_keys_of_the_account() {
    let world = World::new().await;
    let (mut client, key) = maria(&world).await;
    let options = client.begin("/elevate/webauthn", &json!({})).await;
    let [allowed] = options["allowCredentials"].as_array().unwrap().as_slice() else { panic!("{options}") };
    assert_eq!(decode(&allowed["id"]), key.id);
    assert_eq!((&options["publicKey"], &options["userVerification"]), (&json!(null), &json!("required")));
}

#[tokio::test]
async fn a_counter_that_went_back_does_not_elevate() {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    key.counter = 5;
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    key.counter = 5;
    refused(&client.elevate(&mut key).await, 401, "invalid-email-password");
    assert_eq!(world.mails(MARIA).await.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_added_is_named_told_and_excluded_from_then_on() {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    let mut ids = BTreeSet::from([key.id.clone()]);
    for (id, nickname, expected) in [
        (b"two".to_vec(), json!("  Desk \n key "), json!("Desk key")),
        (b"three".to_vec(), json!(null), json!(null)),
        (b"four".to_vec(), json!("\u{202e}\u{200b}"), json!(null)),
        (b"five".to_vec(), json!("x".repeat(200)), json!("x".repeat(64))),
    ] {
        let options = client.begin("/user/webauthn/add", &json!({})).await;
        let excluded = options["excludeCredentials"].as_array().unwrap();
        assert_eq!(excluded.iter().map(|id| decode(&id["id"])).collect::<BTreeSet<_>>(), ids);
        assert_eq!(decode(&options["user"]["id"]), key.user_handle.clone().unwrap());
        assert_eq!(options["publicKey"], json!(null));
        let mut new = Passkey::new(&id);
        let body = json!({ "credential": new.create(&options), "nickname": nickname });
        let added = client.begin("/user/webauthn/verify", &body).await;
        let mut answer = json!({ "id": encode(&id) });
        if !expected.is_null() {
            answer["nickname"] = expected;
        }
        assert_eq!(added, answer);
        let mails = world.mails(MARIA).await;
        // The others are told of later, all at once.
        assert_eq!(mails.len(), usize::from(ids.len() == 1));
        assert!(mails.iter().all(|mail| mail.subject.contains("A passkey was added")), "{mails:?}");
        assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut new).await.status, StatusCode::OK);
        ids.insert(id);
    }
    assert_eq!(keys(&world, MARIA).await.len(), 5);
    world.wait(601);
    assert_eq!(world.mails(MARIA).await.len(), 1);
}

#[tokio::test]
async fn an_elevation_that_is_over_adds_no_key_that_was_begun_in_it() {
    let world = World::new().await;
    let (mut client, mut key) = maria(&world).await;
    let plain = client.access.clone();
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    world.wait(290);
    let body =
        json!({ "credential": Passkey::new(b"new").create(&client.begin("/user/webauthn/add", &json!({})).await) });
    let elevated = std::mem::replace(&mut client.access, plain);
    refused(&client.post("/user/webauthn/verify", &body).await, 403, "elevated-claim-required");
    client.access = elevated;
    world.wait(10);
    refused(&client.post("/user/webauthn/verify", &body).await, 401, "unauthenticated-user");
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    refused(&client.post("/user/webauthn/verify", &body).await, 403, "elevated-claim-required");
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    assert_eq!(client.post("/user/webauthn/verify", &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_first_key_of_an_account_that_has_none_is_added_without_elevation_and_no_other() {
    let world = World::new().await;
    let (_, old) = maria(&world).await;
    let mut client = Client::app(&world);
    client.recover(&world, MARIA).await;
    // A recovery's own leave is over.
    world.wait(31 * 60);
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    refused(&client.post("/user/webauthn/add", &json!({})).await, 403, "elevated-claim-required");
    without_a_key(&world, &old).await;
    assert!(client.is_signed_in().await, "it was made without that key");

    refused(&client.post("/elevate/webauthn", &json!({})).await, 400, "invalid-request");
    let first = client.begin("/user/webauthn/add", &json!({})).await;
    let second = client.begin("/user/webauthn/add", &json!({})).await;
    let (mut one, mut two) = (Passkey::new(b"one"), Passkey::new(b"two"));
    let body = json!({ "credential": one.create(&first) });
    assert_eq!(client.post("/user/webauthn/verify", &body).await.status, StatusCode::OK);
    let body = json!({ "credential": two.create(&second) });
    refused(&client.post("/user/webauthn/verify", &body).await, 403, "elevated-claim-required");
    refused(&client.post("/user/webauthn/add", &json!({})).await, 403, "elevated-claim-required");
    assert_eq!(keys(&world, MARIA).await, [b"one".to_vec()]);
    let elevated = client.elevate(&mut one).await;
    client.keep(&elevated);
    assert_eq!(client.add(&mut two).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_recovered_session_adds_one_key_of_however_many_challenges() {
    let world = World::new().await;
    maria(&world).await;
    let mut client = Client::app(&world);
    client.recover(&world, MARIA).await;
    assert!(!says_elevated(client.access.as_deref().unwrap()));
    let mut bodies = Vec::new();
    for n in 0..3_u8 {
        let options = client.begin("/user/webauthn/add", &json!({})).await;
        bodies.push(json!({ "credential": Passkey::new(&[n; 8]).create(&options) }));
    }
    assert_eq!(client.post("/user/webauthn/verify", &bodies[0]).await.status, StatusCode::OK);
    for body in &bodies[1..] {
        refused(&client.post("/user/webauthn/verify", body).await, 403, "elevated-claim-required");
    }
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    refused(&client.post("/user/webauthn/verify", &bodies[1]).await, 403, "elevated-claim-required");
    assert_eq!(keys(&world, MARIA).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovered_session_adds_one_key_of_20_at_once() {
    for (world, _kept) in worlds().await {
        maria(&world).await;
        let mut client = Client::app(&world);
        client.recover(&world, MARIA).await;
        let bodies = begun(&mut client, 20).await;
        let won = added_at_once(&world, &client, bodies).await;
        assert_eq!((won, keys(&world, MARIA).await.len()), (1, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_a_key_gets_one_of_16_made_at_once() {
    for (world, _kept) in worlds().await {
        let (_, old) = maria(&world).await;
        let mut client = Client::app(&world);
        client.recover(&world, MARIA).await;
        world.wait(31 * 60);
        let refreshed = client.refresh().await;
        client.keep(&refreshed);
        without_a_key(&world, &old).await;
        let bodies = begun(&mut client, 16).await;
        let won = added_at_once(&world, &client, bodies).await;
        assert_eq!((won, keys(&world, MARIA).await.len()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovered_session_makes_one_key_of_16_that_are_begun_and_made_at_once() {
    for (world, _kept) in worlds().await {
        maria(&world).await;
        let mut client = Client::app(&world);
        client.recover(&world, MARIA).await;
        let adding: Vec<_> = (0..16_u8)
            .map(|n| (client.tab(&world), Passkey::new(&[n; 8])))
            .map(|(mut tab, mut key)| tokio::spawn(async move { tab.add(&mut key).await }))
            .collect();
        let mut won = 0;
        for answer in adding {
            let answer = answer.await.unwrap();
            match answer.status {
                StatusCode::OK => won += 1,
                _ => refused(&answer, 403, "elevated-claim-required"),
            }
        }
        assert_eq!((won, keys(&world, MARIA).await.len()), (1, 2));
    }
}

/// That many keys, each made to a challenge of its own.
async fn begun(client: &mut Client, keys: u8) -> Vec<serde_json::Value> {
    let mut bodies = Vec::new();
    for n in 0..keys {
        let options = client.begin("/user/webauthn/add", &json!({})).await;
        bodies.push(json!({ "credential": Passkey::new(&[n; 8]).create(&options) }));
    }
    bodies
}

/// How many of these keys are added that are sent at the same time; of the others each is told to elevate.
async fn added_at_once(world: &World, client: &Client, bodies: Vec<serde_json::Value>) -> usize {
    let adding: Vec<_> = bodies
        .into_iter()
        .map(|body| (client.tab(world), body))
        .map(|(mut tab, body)| tokio::spawn(async move { tab.post("/user/webauthn/verify", &body).await }))
        .collect();
    let mut won = 0;
    for answer in adding {
        let answer = answer.await.unwrap();
        match answer.status {
            StatusCode::OK => won += 1,
            _ => refused(&answer, 403, "elevated-claim-required"),
        }
    }
    won
}

#[tokio::test]
async fn a_session_that_made_its_key_is_like_any_other() {
    let world = World::new().await;
    maria(&world).await;
    let mut client = Client::app(&world);
    client.recover(&world, MARIA).await;
    world.wait(60);
    assert_eq!(client.add(&mut Passkey::new(b"new")).await.status, StatusCode::OK);
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    let says = claims(client.access.as_deref().unwrap());
    assert_eq!((&says["amr"], &says["acr"]), (&json!(["swk", "user", "otp"]), &json!("phr")));
    assert_eq!(says["auth_time"], world.auth.now().unix());
}

#[tokio::test]
async fn a_recovered_session_says_so_and_ends_with_the_key_it_made() {
    let world = World::new().await;
    let (mut lost, mut old) = maria(&world).await;
    let mut client = Client::app(&world);
    client.recover(&world, MARIA).await;
    assert!(!lost.is_signed_in().await, "every other session ended");
    let says = claims(client.access.as_deref().unwrap());
    assert_eq!((&says["amr"], &says["acr"]), (&json!(["otp"]), &json!("otp")));
    assert_eq!(says["recovered_at"], world.auth.now().unix());
    assert!(world.mails(MARIA).await.iter().any(|mail| mail.subject.contains("recovered")));
    let mut new = Passkey::new(b"new");
    assert_eq!(client.add(&mut new).await.status, StatusCode::OK);
    crate::recovering::keep_all(&world, &mut new).await;
    let mut browser = world.browser();
    assert_eq!(browser.sign_in(None, &mut old).await.status, StatusCode::OK);
    remove(&mut browser, &mut old, b"new", None).await;
    assert!(!client.is_signed_in().await);
    refused(&client.refresh().await, 401, "invalid-refresh-token");
}

#[tokio::test]
async fn a_key_that_is_removed_ends_the_sessions_of_the_api_that_it_made() {
    let world = World::new().await;
    let (mut first, mut key) = maria(&world).await;
    let elevated = first.elevate(&mut key).await;
    first.keep(&elevated);
    let mut second = Passkey::new(b"second");
    assert_eq!(first.add(&mut second).await.status, StatusCode::OK);
    let mut client = Client::app(&world);
    let done = client.sign_in(None, &mut second).await;
    client.keep(&done);
    // Elevating with another key ties it to none.
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    let mut browser = world.browser();
    browser.sign_in(None, &mut key).await;
    remove(&mut browser, &mut key, b"second", None).await;
    assert!(!client.is_signed_in().await && first.is_signed_in().await);
    refused(&client.refresh().await, 401, "invalid-refresh-token");
    assert_eq!(account(&world, MARIA).await.email.as_str(), MARIA);
}
