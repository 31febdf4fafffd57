//! A file that version 2 wrote, kept for ever: every kind of row that version 1 had not, or wrote otherwise.

use std::path::{Path, PathBuf};

use bmauth::domain::letter::Letter;
use bmauth::domain::link::Link;
use bmauth::domain::plan::{AccountChange, AdminCodeChange, Change, Durability};
use bmauth::domain::recovery::Recovery;
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store as _};

use crate::claims::atomic::keeps;
use crate::sample::*;
use crate::shown::Shown as _;

/// The id that the soft authenticator gave the credential in the file.
const CREDENTIAL_IN_FILE: &str = "[135,142,217,227,131,82,243,138,200,192,241,164,158,130,75,174,22,111,165,118,102,229,117,212,169,239,213,82,59,207,184,152]";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-v2.redb")
}

fn links() -> Vec<Link> {
    (0..15).map(|n| Link { revision: n, ..link(n) }).collect()
}

fn recoveries() -> Vec<Recovery> {
    (0..6).map(|n| Recovery { revision: n + 7, ..recovery(n, n + 20) }).collect()
}

fn letters() -> Vec<Letter> {
    (0..10).map(|n| letter_from_before(n, 3000 + u64::from(n))).collect()
}

#[tokio::test]
async fn a_file_that_version_2_wrote_reads_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    std::fs::copy(kept(), &path).unwrap();
    let store = RedbStore::open(&path).unwrap();

    assert_eq!(store.accounts(None, 9).await.unwrap(), [account(1), account(2)]);
    for n in 1..=2 {
        let found = store.passkeys(account_id(n)).await.unwrap().remove(0);
        let credential = found.key.credential.clone();
        assert_eq!(serde_json::to_string(credential.cred_id()).unwrap(), CREDENTIAL_IN_FILE);
        let mut written = passkey(n, n);
        written.key.credential = credential;
        assert_eq!(found.shown(), written.shown());
    }
    for n in 1..=4 {
        assert_eq!(store.session(digest(n)).await.unwrap(), Some(session_without_host(n, 2, 2)));
    }
    has_ceremonies_of_before(&store).await;
    assert_eq!(store.letters_due(at(9999), 99).await.unwrap().shown(), letters().shown());
    for link in links() {
        assert_eq!(store.link(link.id).await.unwrap(), Some(link.clone()));
        for code in [link.scan_code, link.short_code] {
            assert_eq!(store.link_by_code(code).await.unwrap(), Some(link.clone()));
        }
    }
    for recovery in recoveries() {
        let found = store.recovery(recovery.browser).await.unwrap();
        assert_eq!(found.shown(), Some(recovery).shown());
    }
    for n in [1, 2] {
        assert_eq!(store.hold(account_id(n)).await.unwrap(), Some(hold(n + 5, n)));
    }
    let events: Vec<_> = (0..11).rev().map(|n| event(n, 1, 50 + u64::from(n))).collect();
    assert_eq!(store.events(account_id(1), 99).await.unwrap(), events);

    // What came later finds its tables.
    keeps(&store, [Change::AdminCode(AdminCodeChange::Put(admin_code(1, 1)))]).await;
    assert_eq!(store.admin_code(account_id(1)).await.unwrap(), Some(admin_code(1, 1)));

    // The indexes are read too. Account 2 has four sessions, a hold, and the one link that it both offers and approved.
    store.commit(vec![Change::Account(AccountChange::Remove(account_id(2)))], Durability::Durable).await.unwrap();
    assert!(store.link(link_id(2)).await.unwrap().is_none());
    let end = at(u64::MAX);
    let removed = store.sweep(end, end, end, 99).await.unwrap();
    assert_eq!(removed, 10 + 10 + 14 + 6 + 1 + 11 + 1);
}
