//! A file that version 3 wrote, kept for ever: every kind of row there was, as the last bmauth before the JSON API left
//! them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bmauth::domain::account::Account;
use bmauth::domain::admin_code::AdminCode;
use bmauth::domain::letter::Letter;
use bmauth::domain::link::Link;
use bmauth::domain::plan::{
    AccountChange, CeremonyChange, Change, Conflict, CounterChange, EventChange, KeyChange, PasskeyChange,
    RecoveryChange, RegistrationChange, SessionChange, SessionConflict, TokensChange,
};
use bmauth::domain::recovery::{Recovery, RecoveryStage};
use bmauth::domain::registration::Registration;
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store as _};
use redb::{ReadableDatabase as _, TableDefinition};
use tempfile::TempDir;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;
use crate::shown::Shown as _;

/// The id that the soft authenticator gave the credential in the file.
const CREDENTIAL_IN_FILE: &str = "[178,224,69,30,168,154,3,97,176,51,72,66,98,214,131,89,181,157,166,231,10,55,126,207,240,227,88,244,89,236,254,104]";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-v3.redb")
}

fn path_in(directory: &TempDir) -> PathBuf {
    directory.path().join("bmauth.redb")
}

/// A copy of the file, opened.
fn opened() -> (TempDir, RedbStore) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(kept(), path_in(&directory)).unwrap();
    let store = RedbStore::open(&path_in(&directory)).unwrap();
    (directory, store)
}

/// The version of the schema, as the file has it.
fn schema(directory: &TempDir) -> u32 {
    let database = redb::Database::open(path_in(directory)).unwrap();
    let snapshot = database.begin_read().unwrap();
    let meta = snapshot.open_table(TableDefinition::<&[u8], &[u8]>::new("meta")).unwrap();
    let schema = meta.get(&b"schema"[..]).unwrap().unwrap();
    u32::from_be_bytes(schema.value().try_into().unwrap())
}

// What was written. No sample that the file was written from may change.

fn accounts() -> [Account; 3] {
    [account(1), account(2), Account { disabled: true, created_at: at(11), ..account(3) }]
}

fn registrations() -> [Registration; 3] {
    // Two of one address.
    [(1, 5), (2, 5), (3, 6)].map(|(n, of)| Registration { code: mailed(n + 40, n), ..registration(n, of, n + 40) })
}

fn links() -> Vec<Link> {
    (0..15).map(|n| Link { revision: n, ..link(n) }).collect()
}

fn recoveries() -> Vec<Recovery> {
    let stages = [RecoveryStage::Code, RecoveryStage::Proved, RecoveryStage::Vouched];
    (0..6).zip(stages.into_iter().cycle()).map(|(n, stage)| Recovery { stage, ..recovery(n, 1 + n % 2) }).collect()
}

fn admin_codes() -> [AdminCode; 2] {
    [admin_code(1, 1), AdminCode { expires_at: at(5001), ..admin_code(2, 2) }]
}

fn letters() -> Vec<Letter> {
    (0..10).map(|n| Letter { failures: n, ..letter_from_before(n, 3000 + u64::from(n)) }).collect()
}

fn count() -> [Change; 1] {
    [Change::Counter(CounterChange::Count {
        counter: counter(1),
        limit: 1,
        window: Duration::from_secs(60),
        now: at(1000),
    })]
}

#[tokio::test]
async fn what_its_passkeys_were_made_for_is_noted_later() {
    let (_directory, store) = opened();
    assert_eq!(store.rp_id().await.unwrap(), None);
    let old = rp_id("notes.example.com");
    assert_eq!(store.locked_out(&old).await.unwrap().unknown, 2);
    keeps(&store, [KeyChange::NoteRpId(old.clone()).into()]).await;
    for (text, passkeys) in [("notes.example.com", 0), ("example.com", 2)] {
        let locked_out = store.locked_out(&rp_id(text)).await.unwrap();
        assert_eq!((locked_out.passkeys, locked_out.unknown), (passkeys, 0), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_version_3_wrote_reads_as_it_was_written() {
    let (_directory, store) = opened();

    assert_eq!(store.accounts(None, 9).await.unwrap(), accounts());
    for account in accounts() {
        assert_eq!(store.account_by_email(&account.email).await.unwrap(), Some(account));
    }
    for n in 1..=2 {
        let found = store.passkeys(account_id(n)).await.unwrap().remove(0);
        let mut written = passkey(n, n);
        written.key = with_credential(CREDENTIAL_IN_FILE, &found.key, written.key);
        assert_eq!(found.shown(), written.shown());
    }
    for (n, of) in [(1, 1), (2, 2), (3, 2), (4, 2)] {
        assert_eq!(store.session(digest(n)).await.unwrap(), Some(session_without_host(n, of, of)));
    }
    has_ceremonies_of_before(&store).await;
    for written in registrations() {
        let found = store.registration(written.browser).await.unwrap().unwrap();
        let passkey = with_credential(CREDENTIAL_IN_FILE, &found.passkey, written.passkey.clone());
        assert_eq!(found.shown(), Registration { passkey, ..written }.shown());
    }
    assert_eq!(store.letters_due(at(9999), 99).await.unwrap(), letters());
    for link in links() {
        assert_eq!(store.link(link.id).await.unwrap(), Some(link.clone()));
        for code in [link.scan_code, link.short_code] {
            assert_eq!(store.link_by_code(code).await.unwrap(), Some(link.clone()));
        }
    }
    for recovery in recoveries() {
        assert_eq!(store.recovery(recovery.browser).await.unwrap(), Some(recovery));
    }
    for n in [1, 2] {
        assert_eq!(store.hold(account_id(n)).await.unwrap(), Some(hold(n + 5, n)));
    }
    for code in admin_codes() {
        assert_eq!(store.admin_code(code.account).await.unwrap(), Some(code));
    }
    let events: Vec<_> = (0..11).rev().map(|n| event(n, 1, 50 + u64::from(n))).collect();
    assert_eq!(store.events(account_id(1), 99).await.unwrap(), events);
    assert_eq!(store.master().await.unwrap().unwrap().bytes(), &[7; 32]);
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys.shown(), vec![signing_key("es", 100), signing_key("ed", 200)].shown());
    refuses(&store, count(), full(1, 60)).await;

    // The indexes are read too: account 2 has three sessions, a hold, a code, two recoveries with an account, and the
    // one link that it both offers and approved.
    keeps(
        &store,
        [
            Change::Registration(RegistrationChange::DropAll(email(5))),
            Change::Account(AccountChange::Remove(account_id(2))),
        ],
    )
    .await;
    let end = at(u64::MAX);
    let (sessions, ceremonies, registrations, letters, links) = (1, 10, 1, 10, 14);
    let (recoveries, holds, codes, events, counters) = (4, 1, 1, 11, 1);
    let removed = store.sweep(end, end, end, 99).await.unwrap();
    assert_eq!(
        removed,
        sessions + ceremonies + registrations + letters + links + recoveries + holds + codes + events + counters
    );
}

#[tokio::test]
async fn a_file_that_version_3_wrote_takes_what_came_later_and_is_no_version_3_file_from_then_on() {
    let (directory, mut store) = opened();
    // What is there goes on as something that version 4 writes otherwise, and what is new finds its tables.
    let by_code = Recovery { claim: claim(7), ..recovery(7, 1) };
    let account_4 = account_of_api(4);
    keeps(&store, [Change::Account(AccountChange::SetDisabled { account: account_id(3), disabled: false })]).await;
    keeps(
        &store,
        [Change::Registration(RegistrationChange::Advance(Registration {
            revision: 1,
            code: mailed(41, 2),
            ..registration(1, 5, 41)
        }))],
    )
    .await;
    keeps(
        &store,
        [Change::Recovery(RecoveryChange::Advance(Recovery { revision: 1, claim: claim(1), ..recovery(1, 2) }))],
    )
    .await;
    keeps(
        &store,
        [
            Change::Account(AccountChange::Add(account_4.clone())),
            Change::Recovery(RecoveryChange::Put(by_code.clone())),
        ],
    )
    .await;
    keeps(&store, [Change::Registration(RegistrationChange::Put(registration_of_api(7, 5, 47)))]).await;
    keeps(&store, [10, 11].map(|n| Change::Ceremony(CeremonyChange::Add(ceremony(n))))).await;
    keeps(&store, [Change::Event(EventChange::Add(event(11, 1, 99)))]).await;
    keeps(
        &store,
        [
            Change::Session(SessionChange::Add(session_by_code(5, 1))),
            Change::Tokens(TokensChange::Add(tokens(5, 1, 2))),
        ],
    )
    .await;
    // A session of version 3 may get tokens; it has a passkey, and ends with it.
    keeps(
        &store,
        [Change::Tokens(TokensChange::Add(tokens(1, 1, 0))), Change::Tokens(TokensChange::Add(tokens(2, 1, 0)))],
    )
    .await;
    let (with, authentication) = (credential(1), session_by_code(1, 1).authentication);
    let tie = [Change::Session(SessionChange::Tie { session: digest(1), credential: with, authentication })];
    refuses(&store, tie, Conflict::Session(SessionConflict::Tied)).await;
    for _ in 0..2 {
        drop(store);
        store = RedbStore::open(&path_in(&directory)).unwrap();
        assert_eq!(
            store.account(account_id(3)).await.unwrap(),
            Some(Account { disabled: false, ..accounts()[2].clone() })
        );
        assert_eq!(store.account_by_email(&email(4)).await.unwrap(), Some(account_4.clone()));
        let of_5 = store.registrations_of(&email(5)).await.unwrap();
        assert_eq!(of_5.iter().map(|found| found.code.tries).collect::<Vec<_>>(), [2, 2, 0]);
        assert_eq!(of_5[2].profile, profile(7));
        assert_eq!(of_5[2].claim, claim(7));
        let of_1 = store.recoveries_of(account_id(1)).await.unwrap();
        assert_eq!(of_1, [recoveries()[2].clone(), recoveries()[4].clone(), by_code.clone()]);
        assert_eq!(store.recovery(digest(1)).await.unwrap().unwrap().claim, claim(1));
        for n in [10, 11] {
            assert!(store.ceremony(ceremony_id(n)).await.unwrap().unwrap().browser.is_none());
        }
        assert_eq!(store.events(account_id(1), 1).await.unwrap(), [event(11, 1, 99)]);
        assert_eq!(store.session(digest(5)).await.unwrap(), Some(session_by_code(5, 1)));
        for family in [tokens(1, 1, 0), tokens(2, 1, 0), tokens(5, 1, 2)] {
            assert_eq!(store.tokens(family.session).await.unwrap(), Some(family.clone()));
            assert_eq!(store.tokens_by_refresh(family.out[0]).await.unwrap(), Some(family));
        }
    }
    keeps(
        &store,
        [Change::Passkey(PasskeyChange::Remove { credential: credential(2), account: account_id(2), last: true })],
    )
    .await;
    assert_eq!(store.tokens(digest(2)).await.unwrap(), None);
    assert_eq!(store.tokens_by_refresh(refresh(2, 100)).await.unwrap(), None);
    drop(store);
    // An older bmauth looks here, and refuses what it does not know.
    assert_eq!(schema(&directory), 4);
}
