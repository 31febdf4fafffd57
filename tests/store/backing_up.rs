//! Copies of the file that are written while it is in use, and what is put back of them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bmauth::domain::plan::{Durability, SessionChange};
use bmauth::store::redb::RedbStore;
use bmauth::store::redb::restore::{Restored, Restoring, restore};
use bmauth::store::{Records as _, Store as _, StoreError};
use tempfile::tempdir;

use crate::copying::all_kinds;
use crate::sample::*;
use crate::shared;

const TASKS: u32 = 4;

fn restored(from: &Path, to: &Path, replace: bool) -> Result<Restored, StoreError> {
    restore(Restoring { from, to, replace, keep_invitations: false })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_under_load_is_a_state_that_some_commit_left() {
    let folder = tempdir().unwrap();
    let store = Arc::new(RedbStore::open(&folder.path().join("bmauth.redb")).unwrap());
    let acknowledged: Arc<[AtomicU32; TASKS as usize]> = Arc::default();
    let ends = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, acknowledged, ends) = (Arc::clone(&store), Arc::clone(&acknowledged), Arc::clone(&ends));
            tokio::spawn(async move {
                for round in 0.. {
                    if ends.load(Ordering::Relaxed) > 0 {
                        return;
                    }
                    let n = TASKS * round + task;
                    let mut changes = person(n);
                    changes.push(SessionChange::Add(session(n, n, n)).into());
                    store.commit(changes, Durability::Durable).await.unwrap();
                    acknowledged[task as usize].store(round + 1, Ordering::Release);
                }
            })
        })
        .collect();
    for copy in 0..5 {
        let before: Vec<u32> = acknowledged.iter().map(|rounds| rounds.load(Ordering::Acquire)).collect();
        let to = folder.path().join(format!("copy-{copy}.redb"));
        let counted = store.back_up(&to).await.unwrap();
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        let copied = RedbStore::open(&to).unwrap();
        let rows = |kind: &str| counted.iter().find(|counted| counted.kind == kind).unwrap().rows;
        assert!(rows("accounts") == rows("passkeys") && rows("accounts") == rows("sessions"), "{counted:?}");
        let mut found = 0;
        for (task, before) in (0..TASKS).zip(before) {
            let mut round = 0;
            // Of each task, all up to some commit and nothing after it.
            while copied.account(account_id(TASKS * round + task)).await.unwrap().is_some() {
                let n = TASKS * round + task;
                assert!(copied.passkey(&credential(n)).await.unwrap().is_some(), "passkey {n}");
                assert_eq!(copied.session(digest(n)).await.unwrap(), Some(session(n, n, n)), "session {n}");
                assert_eq!(copied.account_by_email(&email(n)).await.unwrap(), Some(account(n)), "address {n}");
                round += 1;
            }
            assert!(round >= before, "task {task}: {round} of {before}");
            found += u64::from(round);
        }
        assert_eq!(found, rows("accounts"));
        // What is there is left as it is.
        let again = store.back_up(&to).await.unwrap_err().to_string();
        assert!(again.contains("is there already"), "{again}");
    }
    ends.store(1, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let names = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 6, "the store and five copies");
}

#[tokio::test]
async fn a_database_has_copies_of_its_own() {
    let folder = tempdir().unwrap();
    let refused = shared::store().await.back_up(&folder.path().join("copy")).await.unwrap_err().to_string();
    assert!(refused.contains("means of its own"), "{refused}");
}

#[tokio::test]
async fn what_is_restored_lets_no_one_in_by_what_was_under_way() {
    let folder = tempdir().unwrap();
    let (path, copy) = (folder.path().join("bmauth.redb"), folder.path().join("copy.redb"));
    let store = RedbStore::open(&path).unwrap();
    store.commit(all_kinds(), Durability::Durable).await.unwrap();
    store.back_up(&copy).await.unwrap();
    drop(store);
    let written = std::fs::read(&copy).unwrap();

    let Restored { in_copy, in_store, unreadable, disabled, uninvited, kept_as } =
        restored(&copy, &path, true).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), written, "the copy is as it was");
    assert_eq!((unreadable, disabled), (vec![], vec![email(5)]));
    assert_eq!(uninvited, (200..215).map(email).collect::<Vec<_>>());
    let gone = [
        "sessions",
        "token-families",
        "ceremonies",
        "registrations",
        "links",
        "recoveries",
        "holds",
        "admin-codes",
        "invitations",
    ];
    for (copied, stored) in in_copy.iter().zip(&in_store) {
        assert!(copied.rows > 0 && copied.kind == stored.kind);
        match copied.kind.as_str() {
            kind if gone.contains(&kind) => assert_eq!(stored.rows, 0, "{kind}"),
            // Those that wait for a code.
            "moves" => assert!(0 < stored.rows && stored.rows < copied.rows),
            kind => assert_eq!(stored.rows, copied.rows, "{kind}"),
        }
    }

    let store = RedbStore::open(&path).unwrap();
    for n in (0..15).chain([800, 900]) {
        assert_eq!(store.session(digest(n)).await.unwrap(), None, "{n}");
        assert_eq!(store.sessions(account_id(n)).await.unwrap(), [], "{n}");
        assert!(store.tokens_by_refresh(refresh(n, 100)).await.unwrap().is_none(), "{n}");
        assert!(store.link_by_code(link(n).scan_code).await.unwrap().is_none(), "{n}");
        assert!(store.admin_code(account_id(n)).await.unwrap().is_none(), "{n}");
        assert!(store.recoveries_of(account_id(n)).await.unwrap().is_empty(), "{n}");
        assert!(store.registrations_of(&email(300 + n)).await.unwrap().is_empty(), "{n}");
        let moving = store.moving(account_id(n)).await.unwrap();
        assert!(moving.is_none_or(|moving| moving.asked_for().is_none()), "{n}");
    }
    assert_eq!(store.moves_from(&email(3)).await.unwrap(), [moving(2, 2)], "an owner can undo it still");
    assert_eq!(store.account(account_id(3)).await.unwrap(), Some(account_of_api(3)));
    assert_eq!(store.passkeys(account_id(3)).await.unwrap().len(), 1);
    assert_eq!(store.master().await.unwrap().unwrap().bytes(), &[7; 32]);
    assert_eq!(store.signing_keys().await.unwrap().len(), 2);
    drop(store);

    // What was there is beside it, and is not written over by another restore.
    let kept = kept_as.unwrap();
    assert_eq!(kept, folder.path().join("bmauth.redb.before-restore"));
    let again = restored(&copy, &path, true).unwrap_err().to_string();
    assert!(again.contains("is there already, of an earlier restore"), "{again}");
    assert!(RedbStore::open(&kept).unwrap().session(digest(1)).await.unwrap().is_some());

    // Where none was there, none has to be replaced; and invitations can be kept.
    let other = folder.path().join("other.redb");
    let kept = restore(Restoring { from: &copy, to: &other, replace: false, keep_invitations: true }).unwrap();
    assert_eq!((kept.uninvited, kept.kept_as), (vec![], None));
    let store = RedbStore::open(&other).unwrap();
    assert_eq!(store.invitation(&email(201)).await.unwrap(), Some(invitation(201)));
    assert_eq!(store.session(digest(1)).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_copy_of_a_store_replaces_nothing() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let there = path("bmauth.redb");
    let store = RedbStore::open(&there).unwrap();
    store.commit(all_kinds(), Durability::Durable).await.unwrap();
    store.back_up(&path("copy")).await.unwrap();
    let why = |from: &str, to: &Path, replace: bool| {
        restored(&folder.path().join(from), to, replace).unwrap_err().to_string()
    };
    assert!(why("copy", &there, true).contains("a bmauth is using"), "{}", why("copy", &there, true));
    drop(store);
    let before = std::fs::read(&there).unwrap();
    assert!(why("copy", &there, false).contains("say --replace"));
    assert!(why("none", &there, true).contains("there is no file at"));
    assert!(why("bmauth.redb", &there, true).contains("is the store itself"));

    std::fs::write(path("text"), "a letter home").unwrap();
    assert!(why("text", &there, true).contains("is not a store of bmauth"), "{}", why("text", &there, true));
    std::fs::write(path("empty"), "").unwrap();
    assert!(why("empty", &there, true).contains("is empty"));
    let copied = std::fs::read(path("copy")).unwrap();
    std::fs::write(path("half"), &copied[..copied.len() / 2]).unwrap();
    let half = why("half", &there, true);
    assert!(half.contains("damaged"), "{half}");

    let meta: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("meta");
    let changed = |name: &str, key: &[u8], value: Option<&[u8]>| {
        std::fs::copy(path("copy"), path(name)).unwrap();
        let database = redb::Database::open(path(name)).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut meta = transaction.open_table(meta).unwrap();
        match value {
            Some(value) => drop(meta.insert(key, value).unwrap()),
            None => drop(meta.remove(key).unwrap()),
        }
        drop(meta);
        transaction.commit().unwrap();
    };
    changed("newer", b"schema", Some(&5_u32.to_be_bytes()));
    changed("part", b"master", None);
    assert!(why("newer", &there, true).contains("has version 5, and this bmauth knows version 4"));
    assert!(why("part", &there, true).contains("accounts and no master secret"));

    let in_use = RedbStore::open(&path("copy")).unwrap();
    assert!(why("copy", &there, true).contains("a bmauth is using"));
    drop(in_use);
    assert_eq!(std::fs::read(&there).unwrap(), before, "it is as it was");
    assert!(!path("bmauth.redb.before-restore").exists());
    let unfinished = std::fs::read_dir(folder.path()).unwrap();
    let unfinished = unfinished.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".new"));
    assert_eq!(unfinished.count(), 0);
    // A store that is damaged is what a copy is for.
    std::fs::write(&there, &copied[..copied.len() / 2]).unwrap();
    restored(&path("copy"), &there, true).unwrap();
    RedbStore::open(&there).unwrap();
}
