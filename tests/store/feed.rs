//! What gateways of one database hear of each other.

use bmauth::domain::plan::{
    AccountChange, Change, Conflict, Effects, KeyChange, KeyConflict, LinkChange, SessionChange, TouchedLinks,
};
use bmauth::domain::session::Session;
use bmauth::store::postgres::{PostgresStore, PostgresTarget, PostgresTls, migrate};
use bmauth::store::{Store as _, StoreNotification};

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::server::{Server, server};
use crate::shared;

/// Two gateways' stores, and the name of their schema.
async fn two() -> (PostgresStore, PostgresStore, String) {
    let target = shared::fresh();
    migrate(&target).await.unwrap();
    let (one, other) = (shared::open(&target).await, shared::open(&target).await);
    (one, other, target.url.rsplit("%3D").next().unwrap().to_owned())
}

/// What is heard next that is something.
async fn heard(store: &PostgresStore) -> Effects {
    for _ in 0..1000 {
        match store.hear().await.unwrap() {
            StoreNotification::Effects(effects) if effects == Effects::default() => {}
            StoreNotification::Effects(effects) => return effects,
            StoreNotification::Doubt => panic!("there is nothing to doubt"),
        }
    }
    panic!("nothing was heard")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_ends_the_other_hears_of_and_itself_does_not() {
    let (one, other, _) = two().await;
    let member = Session { head: Some(digest(1)), ..session(50, 1, 1) };
    keeps(&one, person(1)).await;
    keeps(&one, [SessionChange::Add(session(1, 1, 1)).into(), SessionChange::Add(member).into()]).await;
    // With a member ends its family, and the other may know the head alone.
    keeps(&one, [SessionChange::End(digest(50)).into()]).await;
    let ended = heard(&other).await;
    assert_eq!((ended.sessions, ended.links), (vec![digest(50), digest(1)], TouchedLinks::Any));
    keeps(&one, [LinkChange::Add(link(1)).into()]).await;
    keeps(&one, [LinkChange::Spend { id: link(1).id, revision: link(1).revision }.into()]).await;
    assert_eq!(heard(&other).await.links, TouchedLinks::Some(vec![link(1).id]));
    keeps(&one, [KeyChange::Advance { was: 0 }.into()]).await;
    assert!(heard(&other).await.keys);
    // What did not happen is not heard of.
    refuses(&one, [KeyChange::Advance { was: 0 }.into()], Conflict::Key(KeyConflict::Changed)).await;
    let disabled = AccountChange::SetDisabled { account: account_id(1), disabled: true };
    keeps(&one, [Change::from(disabled)]).await;
    let ended = heard(&other).await;
    assert_eq!((ended.accounts, ended.keys), (vec![account_id(1)], false));
    assert_eq!(one.hear().await.unwrap(), StoreNotification::Effects(Effects::default()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_began_earlier_and_ends_later_is_not_missed() {
    let (one, other, schema) = two().await;
    // It has its number, and stays open.
    let (client, connection) = tokio_postgres::connect(&server().url_of(&schema), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let told = "INSERT INTO changes (origin, kind, subject) VALUES (gen_random_uuid(), 'keys', '')";
    client.batch_execute(&format!("BEGIN; {told}")).await.unwrap();
    keeps(&one, [SessionChange::End(digest(7)).into()]).await;
    assert_eq!(heard(&other).await.sessions, [digest(7)]);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(heard(&other).await, Effects { keys: true, ..Effects::default() }, "and nothing twice");
    client.batch_execute(&told.replace("'keys'", "'a newer kind'")).await.unwrap();
    let mut doubted = false;
    for _ in 0..1000 {
        doubted = other.hear().await.unwrap() == StoreNotification::Doubt;
        if doubted {
            break;
        }
    }
    assert!(doubted, "what is not known may be anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_connection_broke_doubts_what_it_knew() {
    let mut server = Server::start();
    let target = PostgresTarget { url: server.fresh_schema(), tls: PostgresTls::Prefer };
    migrate(&target).await.unwrap();
    let store = shared::open(&target).await;
    assert_eq!(store.hear().await.unwrap(), StoreNotification::Effects(Effects::default()), "nothing was known before");
    server.kill();
    assert!(store.hear().await.is_err());
    assert!(store.hear().await.is_err(), "it is away");
    server.start_again();
    assert_eq!(store.hear().await.unwrap(), StoreNotification::Doubt);
    assert_eq!(store.hear().await.unwrap(), StoreNotification::Effects(Effects::default()));
}
