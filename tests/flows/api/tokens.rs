//! Refresh tokens and access tokens: spent on use, ended by reuse, and gone with their session.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bmauth::auth::principal::Principal;
use bmauth::domain::activity::What;
use http::{StatusCode, header};
use serde_json::json;

use super::{BOB, Client, ELSEWHERE, MARIA, claims, events, maria, refused, sessions, signed_in_person, worlds};
use crate::world::World;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

#[tokio::test]
async fn a_refresh_token_is_answered_with_the_next_session_and_the_same_user() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let before = claims(client.access.as_deref().unwrap());
    world.wait(100);
    let (access, refresh) = (client.access.clone(), client.refresh.clone());
    let refreshed = client.refresh().await;
    let session = client.keep(&refreshed);
    assert!(refreshed.json()["session"].is_null(), "`/token` answers with the session itself");
    assert_eq!(session["accessTokenExpiresIn"], 900);
    assert_eq!(session["user"], client.get("/user").await.json());
    let id = session["refreshTokenId"].as_str().unwrap();
    assert!(uuid::Uuid::parse_str(id).is_ok() && Some(id) != client.refresh.as_deref());
    assert!(client.access != access && client.refresh != refresh);
    let after = claims(client.access.as_deref().unwrap());
    for same in ["iss", "aud", "sub", "sid", "auth_time", "amr", "email"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["exp"].as_u64().unwrap() - after["iat"].as_u64().unwrap(), 900 + 30);
    assert_ne!(before["jti"], after["jti"]);
    // The access token from before goes on until it expires.
    client.access = access;
    assert!(client.is_signed_in().await);
}

#[tokio::test]
async fn what_is_no_refresh_token_gets_nothing() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let session = client.refresh().await;
    let session = client.keep(&session);
    let good = client.refresh.clone().unwrap();
    for text in [
        String::new(),
        "x".into(),
        uuid::Uuid::from_u128(7).to_string(),
        "7d444840-9dc0-41d1-b245-5ffdce74fad2".into(),
        session["refreshTokenId"].as_str().unwrap().into(),
        client.access.clone().unwrap(),
        good.replace('-', ""),
        format!("{{{good}}}"),
        format!(" {good}"),
    ] {
        refused(&client.post("/token", &json!({ "refreshToken": text })).await, 401, "invalid-refresh-token");
        let out = json!({ "refreshToken": text });
        refused(&client.post("/signout", &out).await, 401, "invalid-refresh-token");
    }
    assert_eq!(client.refresh().await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_access_token_is_good_for_fifteen_minutes() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    world.wait(899);
    assert!(client.is_signed_in().await);
    let token = json!({ "token": client.access.clone() });
    assert_eq!(client.post("/token/verify", &token).await.json(), "OK");
    world.wait(1);
    assert!(!client.is_signed_in().await);
    refused(&client.post("/token/verify", &token).await, 401, "unauthenticated-user");
    refused(&client.post("/token/verify", &json!({})).await, 401, "unauthenticated-user");
    let refreshed = client.refresh().await;
    client.keep(&refreshed);
    assert!(client.is_signed_in().await);
}

#[tokio::test]
async fn a_token_to_verify_stands_in_the_body_or_the_header() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let access = client.access.clone();
    assert_eq!(client.post("/token/verify", &json!({})).await.json(), "OK");
    refused(&client.post("/token/verify", &json!({ "token": "x" })).await, 401, "unauthenticated-user");
    client.access = None;
    assert_eq!(client.post("/token/verify", &json!({ "token": access })).await.json(), "OK");
    refused(&client.post("/token/verify", &json!({})).await, 401, "unauthenticated-user");
    refused(&client.post("/token/verify", &json!({ "token": client.refresh })).await, 401, "unauthenticated-user");
}

#[tokio::test]
async fn an_identity_token_is_no_access_token() {
    let world = World::new().await;
    let (client, _) = maria(&world).await;
    let live = world.auth.sessions.of_access_token(client.access.as_deref().unwrap()).await.unwrap().unwrap();
    for audience in ["notes.example.com", "https://notes.example.com/_bmauth/v1"] {
        let identity =
            world.auth.sessions.identity_token(&Principal::Person(live.clone()), &Arc::from(audience)).unwrap();
        let mut thief = Client::app(&world);
        thief.access = Some(identity.to_str().unwrap().to_owned());
        assert!(!thief.is_signed_in().await, "{audience}");
    }
}

#[tokio::test]
async fn the_same_client_that_asks_again_at_once_gets_the_same_answer() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    client.agent = Some(FIREFOX);
    let spent = client.tab(&world);
    let first = client.refresh().await;
    client.keep(&first);
    for seconds in [0, 5, 5] {
        world.wait(seconds);
        let mut tab = spent.tab(&world);
        let again = tab.refresh().await;
        let session = tab.keep(&again);
        assert_eq!((&tab.refresh, &session["refreshTokenId"]), (&client.refresh, &first.json()["refreshTokenId"]));
        assert!(tab.is_signed_in().await);
    }
    assert_eq!(sessions(&world, MARIA).await, 1);
    // A client that is behind by more than one gets the one that is out.
    let second = client.refresh().await;
    client.keep(&second);
    world.wait(10);
    let mut behind = client.tab(&world);
    behind.refresh = Some(first.json()["refreshToken"].as_str().unwrap().to_owned());
    let again = behind.refresh().await;
    behind.keep(&again);
    assert_eq!(behind.refresh, client.refresh);
}

#[tokio::test]
async fn a_spent_token_from_another_client_or_later_ends_the_session_with_all_its_tokens() {
    for (name, seconds, agent, address) in [
        ("later", 11, FIREFOX, "192.0.2.1"),
        ("much later", 3600, FIREFOX, "192.0.2.1"),
        ("another network", 0, FIREFOX, ELSEWHERE),
        ("another client", 0, "okhttp/4.9", "192.0.2.1"),
    ] {
        let world = World::new().await;
        let (mut client, mut key) = maria(&world).await;
        client.agent = Some(FIREFOX);
        let mut other = Client::app(&world);
        let done = other.sign_in(None, &mut key).await;
        other.keep(&done);
        let spent = client.tab(&world);
        let first = client.refresh().await;
        client.keep(&first);
        world.wait(seconds);
        let mut thief = spent.tab(&world).at(address);
        thief.agent = Some(agent);
        refused(&thief.refresh().await, 401, "invalid-refresh-token");
        // The token that was out, and both access tokens.
        refused(&client.refresh().await, 401, "invalid-refresh-token");
        let (mut old, mut new) = (spent.tab(&world), client.tab(&world));
        assert!(!old.is_signed_in().await && !new.is_signed_in().await, "{name}");
        assert!(events(&world, MARIA).await.contains(&What::TokenCopied), "{name}");
        assert_eq!(sessions(&world, MARIA).await, 1, "{name}: no other session ends");
        let refreshed = other.refresh().await;
        other.keep(&refreshed);
        assert!(other.is_signed_in().await, "{name}");
    }
}

#[tokio::test]
async fn a_network_that_is_the_same_64_of_ipv6_is_the_same() {
    let world = World::new().await;
    let (client, _) = maria(&world).await;
    let mut client = client.at("2001:db8:1:2::1");
    let spent = client.tab(&world);
    let first = client.refresh().await;
    client.keep(&first);
    let mut tab = spent.tab(&world).at("2001:db8:1:2:ffff::9");
    let again = tab.refresh().await;
    tab.keep(&again);
    assert_eq!(tab.refresh, client.refresh);
    refused(&spent.tab(&world).at("2001:db8:1:3::1").refresh().await, 401, "invalid-refresh-token");
    assert!(!client.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_tabs_that_refresh_at_once_all_go_on_with_one_token() {
    for (world, _kept) in worlds().await {
        let (mut client, _) = maria(&world).await;
        for round in 0..3 {
            let tabs: Vec<_> = (0..20)
                .map(|_| client.tab(&world))
                .map(|mut tab| {
                    tokio::spawn(async move {
                        let refreshed = tab.refresh().await;
                        tab.keep(&refreshed);
                        assert!(tab.is_signed_in().await);
                        tab.refresh.unwrap()
                    })
                })
                .collect();
            let mut tokens = BTreeSet::new();
            for tab in tabs {
                tokens.insert(tab.await.unwrap());
            }
            assert_eq!(tokens.len(), 1, "round {round}");
            client.refresh = tokens.pop_first();
        }
        let last = client.refresh().await;
        client.keep(&last);
        assert_eq!(sessions(&world, MARIA).await, 1);
        assert!(!events(&world, MARIA).await.contains(&What::TokenCopied));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_while_tabs_refresh_stays_ended() {
    let world = World::new().await;
    let (client, _) = maria(&world).await;
    let over = Arc::new(AtomicBool::new(false));
    let tabs: Vec<_> = (0..4)
        .map(|_| (client.tab(&world), Arc::clone(&over)))
        .map(|(mut tab, over)| {
            tokio::spawn(async move {
                // Fewer than one session may ask for in an hour.
                for _ in 0..20 {
                    // Looked at before asking: what begins after the end is refused.
                    let ended = over.load(Ordering::SeqCst);
                    let refreshed = tab.refresh().await;
                    if refreshed.status != StatusCode::OK {
                        refused(&refreshed, 401, "invalid-refresh-token");
                        break;
                    }
                    assert!(!ended);
                    tab.keep(&refreshed);
                }
                tab
            })
        })
        .collect();
    let mut other = client.tab(&world);
    assert_eq!(other.post("/signout", &json!({ "all": true })).await.json(), "OK");
    over.store(true, Ordering::SeqCst);
    for tab in tabs {
        assert!(!tab.await.unwrap().is_signed_in().await);
    }
    assert_eq!(sessions(&world, MARIA).await, 0);
}

#[tokio::test]
async fn a_copy_that_is_refreshed_again_and_again_is_still_found_out() {
    let world = World::new().await;
    let (mut client, _) = maria(&world).await;
    let mut thief = client.tab(&world).at(ELSEWHERE);
    for _ in 0..100 {
        let refreshed = thief.refresh().await;
        thief.keep(&refreshed);
    }
    let full = thief.refresh().await;
    refused(&full, 429, "too-many-requests");
    assert_eq!(full.headers["retry-after"], "3600");
    assert!(thief.is_signed_in().await);
    refused(&client.refresh().await, 401, "invalid-refresh-token");
    assert!(!thief.is_signed_in().await);
    assert!(events(&world, MARIA).await.contains(&What::TokenCopied));
}

#[tokio::test]
async fn sessions_idle_and_absolute_limits_hold_for_tokens() {
    let world = World::new().await;
    let (mut idle, mut key) = maria(&world).await;
    let mut used = Client::app(&world);
    let done = used.sign_in(None, &mut key).await;
    used.keep(&done);
    // 30 days in all, refreshed every twelve hours; a day without a request.
    for half_day in 0..59 {
        world.wait(12 * 3600);
        let refreshed = used.refresh().await;
        used.keep(&refreshed);
        if half_day == 1 {
            refused(&idle.refresh().await, 401, "invalid-refresh-token");
        }
    }
    world.wait(12 * 3600 - 60);
    let last = used.refresh().await;
    let session = used.keep(&last);
    assert_eq!(session["accessTokenExpiresIn"], 60, "no token outlives its session");
    world.wait(60);
    refused(&used.refresh().await, 401, "invalid-refresh-token");
    assert!(!used.is_signed_in().await);
}

#[tokio::test]
async fn a_token_is_worth_nothing_for_another_account() {
    let world = World::new().await;
    let ((mut marias, _), (mut bobs, _)) = (maria(&world).await, signed_in_person(&world, BOB).await);
    assert_eq!(marias.get("/user").await.json()["email"], MARIA);
    // Signing out with another's refresh token is a mix-up.
    let mixed = json!({ "refreshToken": bobs.refresh.clone() });
    refused(&marias.post("/signout", &mixed).await, 401, "invalid-refresh-token");
    assert!(bobs.is_signed_in().await && marias.is_signed_in().await);
}

#[tokio::test]
async fn the_store_has_no_refresh_token_and_no_answer_is_repeated_by_the_log_of_events() {
    let world = World::new().await;
    let (client, _) = maria(&world).await;
    let refresh = client.refresh.clone().unwrap();
    let live = world.auth.sessions.of_access_token(client.access.as_deref().unwrap()).await.unwrap().unwrap();
    let family = world.store.tokens(live.token()).await.unwrap().unwrap();
    let told = format!("{family:?} {:?} {:?}", world.auth.sessions.signed_in(&live).await, events(&world, MARIA).await);
    assert!(!told.contains(&refresh) && !told.contains(&refresh.replace('-', "")));
    // Nor can the name of a session be used as the cookie of one.
    let mut browser = world.browser();
    let token = bmauth::domain::secret::Secret::from_bytes(*live.token().bytes());
    browser.cookies.insert("__Host-bmauth".into(), token.text());
    assert_eq!(browser.who().await, None);
    assert_eq!(browser.get("/_bmauth/v1/user").await.headers[header::WWW_AUTHENTICATE], "Bearer");
}
