//! Requests of others go on while sign-ins wait: for the disk, or for their turn to be verified.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::StatusCode;
use serde_json::json;

use crate::authenticator::Passkey;
use crate::browser::Browser;
use crate::edge::Fragile;
use crate::revoking::Gateway;

/// A gateway; a browser that has used the app, one that is signed in and has not, and its passkey.
async fn gateway(store: &Arc<Fragile>) -> (Gateway, Browser, Browser, Passkey) {
    let gateway = Gateway::with(Arc::clone(store) as _).await;
    let (mut known, mut passkey) = (gateway.world.browser(), Passkey::new(b"key"));
    known.register(&gateway.world, "maria@example.com", &mut passkey).await;
    assert_eq!(gateway.status(&known).await, 200);
    let mut new = gateway.world.browser();
    assert_eq!(new.sign_in(None, &mut passkey).await.status, StatusCode::OK);
    (gateway, known, new, passkey)
}

#[tokio::test]
async fn requests_of_the_signed_in_are_answered_while_a_commit_hangs_on_the_disk() {
    let store = Arc::new(Fragile::default());
    let (gateway, known, new, _) = gateway(&store).await;
    let mut third = gateway.world.browser();
    third.get("/_bmauth/sign-in").await;
    let stuck = store.disk.write().await;
    let commits = store.commits[0].load(Ordering::SeqCst);
    let beginning =
        tokio::spawn(async move { third.post("/_bmauth/sign-in/options", &json!({ "email": null })).await });
    while store.commits[0].load(Ordering::SeqCst) == commits {
        tokio::task::yield_now().await;
    }
    assert_eq!(gateway.status(&known).await, 200, "its session is in memory");
    assert_eq!(gateway.status(&new).await, 200, "its session is read from the store first");
    assert!(!beginning.is_finished());
    drop(stuck);
    assert_eq!(beginning.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn requests_of_the_signed_in_are_answered_while_sign_ins_wait_to_be_verified() {
    let store = Arc::new(Fragile::default());
    let (gateway, known, new, mut passkey) = gateway(&store).await;
    let mut third = gateway.world.browser();
    let challenge = third.challenge(None).await;
    let credential = passkey.get(&challenge["options"]);
    let let_go = gateway.world.hold_verifying().await;
    let signing_in = tokio::spawn(async move { third.answer(&challenge, &credential).await });
    assert_eq!(gateway.status(&known).await, 200, "its session is in memory");
    assert_eq!(gateway.status(&new).await, 200, "its session is read from the store first");
    assert!(!signing_in.is_finished());
    drop(let_go);
    assert_eq!(signing_in.await.unwrap().status, StatusCode::OK);
}
