//! A file that version 1 wrote, kept for ever: every later build has to read it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bmauth::domain::account::Account;
use bmauth::domain::ceremony::Purpose;
use bmauth::domain::letter::Letter;
use bmauth::domain::passkey::{NewPasskey, Passkey};
use bmauth::domain::plan::{Change, Conflict, Durability};
use bmauth::domain::registration::Registration;
use bmauth::domain::secret::Secret;
use bmauth::domain::session::{Authentication, Session};
use bmauth::store::Store as _;
use bmauth::store::redb::RedbStore;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::shown::Shown as _;

/// The id that the soft authenticator gave the credential in the file.
const CREDENTIAL_IN_FILE: &str = "[164,210,143,222,69,101,134,231,53,227,239,135,3,10,252,159,72,228,118,52,9,81,147,4,117,198,41,176,251,67,215,37]";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-v1.redb")
}

// What was written: every kind of row in every variant, no two times alike.

fn account_1() -> Account {
    Account { disabled: true, created_at: at(11), ..account(1) }
}

fn passkey_1() -> Passkey {
    Passkey { created_at: at(21), last_used_at: Some(at(22)), ..passkey(1, 1) }
}

fn session_of(n: u32) -> Session {
    let authentication = Authentication { at: at(31), ..session(n, 2, 2).authentication };
    Session { authentication, created_at: at(32), last_seen_at: at(33), ..session(n, 2, 2) }
}

fn registration_of(n: u32) -> Registration {
    Registration { tries: 3, ..registration(n, n, n + 40) }
}

fn count() -> [Change; 1] {
    [Change::Count { counter: counter(1), limit: 1, window: Duration::from_secs(60), now: at(1000) }]
}

fn letters() -> [Letter; 3] {
    [1, 2, 3].map(|n| Letter { failures: n, ..letter(n, 3001 + u64::from(n)) })
}

#[tokio::test]
#[ignore = "writes the file of a new version, once; the files of older versions stay as they are"]
async fn write_the_file() {
    assert!(!kept().exists(), "the file is there; a changed record needs a new version and a new file");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let store = RedbStore::open(&path).unwrap();
    keeps(&store, [account_1(), account(2)].map(Change::AddAccount)).await;
    keeps(&store, [passkey_1(), passkey(2, 2)].map(Change::AddPasskey)).await;
    keeps(&store, [1, 2, 3].map(|n| Change::AddSession(session_of(n)))).await;
    keeps(&store, [0, 1, 2, 3].map(|n| Change::AddCeremony(ceremony(n)))).await;
    keeps(&store, [1, 2].map(|n| Change::PutRegistration(registration_of(n)))).await;
    keeps(&store, letters().map(Change::AddLetter)).await;
    keeps(&store, count()).await;
    keeps(&store, [Change::SetMaster(Secret::from_bytes([7; 32]))]).await;
    keeps(&store, [signing_key("es", 100), signing_key("ed", 200)].map(Change::PutSigningKey)).await;
    let credential = store.passkey(&credential(1)).await.unwrap().unwrap().key.credential;
    println!("CREDENTIAL_IN_FILE is {}", serde_json::to_string(credential.cred_id()).unwrap());
    drop(store);
    let mut database = redb::Database::open(&path).unwrap();
    database.compact().unwrap();
    drop(database);
    std::fs::copy(&path, kept()).unwrap();
}

/// The key as written, with the credential that is in the file, which no sample can make again.
fn with_credential_of(found: &NewPasskey, written: NewPasskey) -> NewPasskey {
    assert_eq!(serde_json::to_string(found.credential.cred_id()).unwrap(), CREDENTIAL_IN_FILE);
    NewPasskey { credential: found.credential.clone(), ..written }
}

#[tokio::test]
async fn a_file_that_version_1_wrote_reads_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    std::fs::copy(kept(), &path).unwrap();
    let store = RedbStore::open(&path).unwrap();

    assert_eq!(store.account(account_id(1)).await.unwrap(), Some(account_1()));
    assert_eq!(store.account_by_email(&email(2)).await.unwrap(), Some(account(2)));
    let found = store.passkeys(account_id(1)).await.unwrap().remove(0);
    let written = Passkey { key: with_credential_of(&found.key, passkey_1().key), ..passkey_1() };
    assert_eq!(found.shown(), written.shown());
    for n in 1..=3 {
        assert_eq!(store.session(digest(n)).await.unwrap(), Some(session_of(n)));
    }
    for n in 0..4 {
        let found = store.ceremony(ceremony_id(n)).await.unwrap().unwrap();
        let mut written = ceremony(n);
        // A challenge is random; it only has to be readable.
        match (&mut written.purpose, &found.purpose) {
            (Purpose::Register { state, .. }, Purpose::Register { state: found, .. }) => *state = found.clone(),
            (Purpose::SignIn { state, .. }, Purpose::SignIn { state: found, .. }) => *state = found.clone(),
            (written, found) => panic!("{found:?} instead of {written:?}"),
        }
        assert_eq!(found.shown(), written.shown());
    }
    for n in [1, 2] {
        let found = store.registration(digest(n)).await.unwrap().unwrap();
        let passkey = with_credential_of(&found.passkey, registration_of(n).passkey);
        assert_eq!(found.shown(), Registration { passkey, ..registration_of(n) }.shown());
    }
    assert_eq!(store.letters_due(at(9999), 9).await.unwrap(), letters());
    assert_eq!(store.master().await.unwrap().unwrap().bytes(), &[7; 32]);
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys.shown(), vec![signing_key("es", 100), signing_key("ed", 200)].shown());
    refuses(&store, count(), Conflict::Limit(counter(1))).await;

    // The indexes are read too: 4 ceremonies, 3 letters, 1 counter, 3 sessions, and the registration that is left.
    store.commit(vec![Change::DropRegistrations(email(1))], Durability::Durable).await.unwrap();
    let removed = store.sweep(at(9999), at(0), at(34), 99).await.unwrap();
    assert_eq!(removed, 4 + 3 + 1 + 3 + 1);
}
