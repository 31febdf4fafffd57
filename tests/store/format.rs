//! A file that version 1 wrote, kept for ever: every later build has to read it.

use std::path::Path;
use std::time::Duration;

use bmauth::domain::account::Account;
use bmauth::domain::ceremony::{Ceremony, CeremonyPurpose};
use bmauth::domain::letter::Letter;
use bmauth::domain::passkey::Passkey;
use bmauth::domain::plan::{
    Change, CounterChange, Durability, EventChange, HoldChange, LinkChange, PasskeyChange, RecoveryChange,
    RegistrationChange, SessionChange,
};
use bmauth::domain::registration::Registration;
use bmauth::domain::session::{Authentication, Session};
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store as _};
use redb::{ReadableDatabase as _, TableDefinition};
use tempfile::TempDir;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::shown::Shown as _;

/// The id that the soft authenticator gave the credential in the file.
const CREDENTIAL_IN_FILE: &str = "[164,210,143,222,69,101,134,231,53,227,239,135,3,10,252,159,72,228,118,52,9,81,147,4,117,198,41,176,251,67,215,37]";

/// A copy of the file, opened.
fn opened() -> (TempDir, RedbStore) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-v1.redb"), &path).unwrap();
    let store = RedbStore::open(&path).unwrap();
    (directory, store)
}

// What was written: every kind of row in every variant, no two times alike.

fn account_1() -> Account {
    Account { disabled: true, created_at: at(11), ..account(1) }
}

fn passkey_1() -> Passkey {
    // What version 1 did not know reads as nothing.
    let (name, browser) = (None, String::new());
    Passkey { name, browser, created_at: at(21), last_used_at: Some(at(22)), ..passkey(1, 1) }
}

fn session_of(n: u32) -> Session {
    let authentication = Authentication { at: at(31), ..session(n, 2, 2).authentication };
    let (created_at, last_seen_at, recovered_at) = (at(32), at(33), None);
    Session { authentication, created_at, last_seen_at, recovered_at, ..session_without_host(n, 2, 2) }
}

fn registration_of(n: u32) -> Registration {
    Registration { code: mailed(n + 40, 3), ..registration(n, n, n + 40) }
}

fn count() -> [Change; 1] {
    [Change::Counter(CounterChange::Count {
        counter: counter(1),
        limit: 1,
        window: Duration::from_secs(60),
        now: at(1000),
    })]
}

fn letters() -> [Letter; 3] {
    [1, 2, 3].map(|n| Letter { failures: n, ..letter(n, 3001 + u64::from(n)) })
}

#[tokio::test]
async fn a_file_that_version_1_wrote_reads_as_it_was_written() {
    let (_directory, store) = opened();

    assert_eq!(store.account(account_id(1)).await.unwrap(), Some(account_1()));
    assert_eq!(store.account_by_email(&email(2)).await.unwrap(), Some(account(2)));
    let found = store.passkeys(account_id(1)).await.unwrap().remove(0);
    let written = Passkey { key: with_credential(CREDENTIAL_IN_FILE, &found.key, passkey_1().key), ..passkey_1() };
    assert_eq!(found.shown(), written.shown());
    for n in 1..=3 {
        assert_eq!(store.session(digest(n)).await.unwrap(), Some(session_of(n)));
    }
    for n in 0..4 {
        let found = store.ceremony(ceremony_id(n)).await.unwrap().unwrap();
        let mut written = Ceremony { origin: None, ..ceremony(n) };
        // A challenge is random; it only has to be readable.
        match (&mut written.purpose, &found.purpose) {
            (CeremonyPurpose::Make { state, .. }, CeremonyPurpose::Make { state: found, .. }) => *state = found.clone(),
            (CeremonyPurpose::Prove { state, .. }, CeremonyPurpose::Prove { state: found, .. }) => {
                *state = found.clone()
            }
            (written, found) => panic!("{found:?} instead of {written:?}"),
        }
        assert_eq!(found.shown(), written.shown());
    }
    for n in [1, 2] {
        let found = store.registration(digest(n)).await.unwrap().unwrap();
        let passkey = with_credential(CREDENTIAL_IN_FILE, &found.passkey, registration_of(n).passkey);
        assert_eq!(found.shown(), Registration { passkey, ..registration_of(n) }.shown());
    }
    assert_eq!(store.letters_due(at(9999), 9).await.unwrap(), letters());
    assert_eq!(store.master().await.unwrap().unwrap().bytes(), &[7; 32]);
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys.shown(), vec![signing_key("es", 100), signing_key("ed", 200)].shown());
    refuses(&store, count(), full(1, 60)).await;

    // The indexes are read too: 4 ceremonies, 3 letters, 1 counter, 3 sessions, and the registration that is left.
    store.commit(vec![Change::Registration(RegistrationChange::DropAll(email(1)))], Durability::Durable).await.unwrap();
    let removed = store.sweep(at(9999), at(0), at(34), 99).await.unwrap();
    assert_eq!(removed, 4 + 3 + 1 + 3 + 1);
}

#[tokio::test]
async fn a_file_that_version_1_wrote_takes_what_came_later_and_is_no_version_1_file_from_then_on() {
    let (directory, store) = opened();
    keeps(&store, [Change::Link(LinkChange::Add(link(1))), Change::Recovery(RecoveryChange::Put(recovery(1, 1)))])
        .await;
    keeps(&store, [Change::Hold(HoldChange::Add(hold(1, 1))), Change::Event(EventChange::Add(event(1, 1, 50)))]).await;
    keeps(
        &store,
        [Change::Passkey(PasskeyChange::Rename {
            credential: credential(1),
            account: account_id(1),
            name: Some("Ann’s phone".to_owned()),
        })],
    )
    .await;
    keeps(&store, [Change::Session(SessionChange::EndAll { account: account_id(2), except: Some(digest(2)) })]).await;
    drop(store);
    let path = directory.path().join("bmauth.redb");
    for _ in 0..2 {
        let store = RedbStore::open(&path).unwrap();
        assert_eq!(store.link_by_code(link_code(1)).await.unwrap(), Some(link(1)));
        assert_eq!(store.recovery(digest(1)).await.unwrap(), Some(recovery(1, 1)));
        assert_eq!(store.hold(account_id(1)).await.unwrap(), Some(hold(1, 1)));
        assert_eq!(store.events(account_id(1), 9).await.unwrap(), [event(1, 1, 50)]);
        let passkeys = store.passkeys(account_id(1)).await.unwrap();
        assert_eq!(passkeys[0].name.as_deref(), Some("Ann’s phone"));
        assert_eq!(store.sessions(account_id(2)).await.unwrap(), [session_of(2)]);
    }
    // An older bmauth looks here, and refuses what it does not know.
    let database = redb::Database::open(&path).unwrap();
    let snapshot = database.begin_read().unwrap();
    let meta = snapshot.open_table(TableDefinition::<&[u8], &[u8]>::new("meta")).unwrap();
    assert_eq!(meta.get(&b"schema"[..]).unwrap().unwrap().value(), 4_u32.to_be_bytes());
}
