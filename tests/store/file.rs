//! The file of the embedded store: who may read it, who has it, what it may be.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bmauth::domain::link::{Link, LinkStage, Offer};
use bmauth::domain::plan::{
    AccountChange, AdminCodeChange, CeremonyChange, Change, Durability, EventChange, HoldChange, LinkChange,
    MoveChange, RecoveryChange, SessionChange, TokensChange,
};
use bmauth::domain::recovery::Recovery;
use bmauth::store::redb::RedbStore;
use bmauth::store::{CommitError, Records as _, Store as _, StoreError};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableHandle as _};
use tempfile::tempdir;

use crate::sample::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[track_caller]
fn is_refused(opened: Result<RedbStore, StoreError>, why: &str) {
    let error = opened.expect_err("it should not open").to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_new_store_is_for_its_owner_only_and_so_is_its_directory() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("data/of/bmauth.redb");
    RedbStore::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&directory.path().join("data")), 0o700);
}

#[test]
fn a_store_that_others_could_read_is_closed_to_them() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    for lax in [0o644, 0o660, 0o604] {
        drop(RedbStore::open(&path).unwrap());
        fs::set_permissions(&path, Permissions::from_mode(lax)).unwrap();
        drop(RedbStore::open(&path).unwrap());
        assert_eq!(mode(&path), 0o600);
    }
}

#[test]
fn a_store_in_use_is_refused_with_a_sentence_that_says_so() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let first = RedbStore::open(&path).unwrap();
    is_refused(RedbStore::open(&path), "another bmauth is using");
    drop(first);
    RedbStore::open(&path).unwrap();
}

#[test]
fn a_newer_store_is_refused_with_both_versions() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    drop(RedbStore::open(&path).unwrap());
    {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let meta: TableDefinition<&[u8], &[u8]> = TableDefinition::new("meta");
        let newer = 5_u32.to_be_bytes();
        transaction.open_table(meta).unwrap().insert(&b"schema"[..], &newer[..]).unwrap();
        transaction.commit().unwrap();
    }
    is_refused(RedbStore::open(&path), "has version 5, and this bmauth knows version 4");
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    let text = "Buy milk.\n".repeat(1000);
    fs::write(&path, &text).unwrap();
    is_refused(RedbStore::open(&path), "is not a store of bmauth");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn an_empty_file_is_no_new_store_and_is_left_as_it_is() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    fs::write(&path, "").unwrap();
    is_refused(RedbStore::open(&path), "is empty: if it is meant to become a new store, delete it");
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    fs::remove_file(&path).unwrap();
    RedbStore::open(&path).unwrap();
}

#[test]
fn a_new_store_has_its_name_once_it_is_whole_and_leaves_nothing_beside_it() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let seen = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            loop {
                // Whatever has the name is a store at once.
                if let Ok(metadata) = fs::metadata(&path) {
                    break metadata.len();
                }
            }
        });
        drop(RedbStore::open(&path).unwrap());
        watching.join().unwrap()
    });
    assert!(seen > 0);
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["bmauth.redb"]);
}

#[test]
fn of_several_that_make_one_store_one_has_it() {
    for _ in 0..10 {
        let directory = tempdir().unwrap();
        let path = directory.path().join("bmauth.redb");
        let opened: Vec<_> = std::thread::scope(|scope| {
            let opening: Vec<_> = (0..4).map(|_| scope.spawn(|| RedbStore::open(&path))).collect();
            opening.into_iter().map(|opening| opening.join().unwrap()).collect()
        });
        let (made, others): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        for other in others {
            is_refused(other, "another bmauth is using");
        }
    }
}

#[test]
fn a_link_to_a_store_that_is_not_there_yet_stays_a_link() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    std::os::unix::fs::symlink("elsewhere.redb", &path).unwrap();
    for _ in 0..2 {
        drop(RedbStore::open(&path).unwrap());
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(mode(&directory.path().join("elsewhere.redb")), 0o600);
    }
}

#[test]
fn the_command_says_in_a_sentence_what_is_wrong_with_its_store() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let config = directory.path().join("bmauth.toml");
    let text = r#"
public_url = "http://localhost:8080"
[server]
listen = ["127.0.0.1:0"]
admin = "127.0.0.1:0"
[app]
name = "Notes"
[email]
from = "no-reply@example.com"
transport = "log"
[accounts]
registration = "open"
[[route]]
upstream = ["http://127.0.0.1:8000"]
[storage]
path = "bmauth.redb"
"#;
    fs::write(&config, text).unwrap();
    drop(RedbStore::open(&path).unwrap());
    let whole = fs::read(&path).unwrap();
    let mut noise = whole.clone();
    noise[4096..].fill(0xa5);
    for (bytes, why) in [
        (&b""[..], "is empty"),
        (&whole[..whole.len() / 2], "is damaged; put back a copy of it that is whole"),
        (&noise, "is damaged; put back a copy of it that is whole"),
    ] {
        fs::write(&path, bytes).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bmauth"));
        let done = command.args(["serve", "--config"]).arg(&config).current_dir(directory.path()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("bmauth: ") && last.contains(why), "{said}");
        assert!(!said.contains("panicked") && !said.contains("backtrace"), "{said}");
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let directory = tempdir().unwrap();
    for table in ["notes", "meta"] {
        let path = directory.path().join(table);
        {
            let transaction = Database::create(&path).unwrap();
            let transaction = transaction.begin_write().unwrap();
            let notes: TableDefinition<&str, u64> = TableDefinition::new(table);
            transaction.open_table(notes).unwrap().insert("milk", 1).unwrap();
            transaction.commit().unwrap();
        }
        is_refused(RedbStore::open(&path), "is a database of another program");
    }
}

#[test]
fn a_path_that_cannot_be_a_file_is_refused_by_name() {
    let directory = tempdir().unwrap();
    is_refused(RedbStore::open(directory.path()), &directory.path().display().to_string());
    is_refused(RedbStore::open(Path::new("/")), "/");
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    is_refused(RedbStore::open(&file.join("bmauth.redb")), "bmauth.redb");
}

#[tokio::test]
async fn what_was_kept_is_there_after_reopening_relaxed_commits_too() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let store = RedbStore::open(&path).unwrap();
    store.commit(person(1), Durability::Durable).await.unwrap();
    store.commit(vec![Change::Ceremony(CeremonyChange::Add(ceremony(1)))], Durability::Relaxed).await.unwrap();
    drop(store);
    let store = RedbStore::open(&path).unwrap();
    assert_eq!(store.account_by_email(&email(1)).await.unwrap(), Some(account(1)));
    assert!(store.ceremony(ceremony_id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_commit_without_a_waiter_is_written_before_the_store_closes() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let store = RedbStore::open(&path).unwrap();
    for n in 0..50 {
        // Polled once, which hands the commit over, and dropped.
        let commit = store.commit(vec![Change::Ceremony(CeremonyChange::Add(ceremony(n)))], Durability::Relaxed);
        futures_util::FutureExt::now_or_never(commit);
    }
    drop(store);
    let store = RedbStore::open(&path).unwrap();
    for n in 0..50 {
        assert!(store.ceremony(ceremony_id(n)).await.unwrap().is_some(), "ceremony {n}");
    }
}

#[tokio::test]
async fn no_table_names_an_account_that_was_removed() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let store = RedbStore::open(&path).unwrap();
    for n in 11..=12 {
        let mut changes = person(n);
        changes.extend([
            Change::Session(SessionChange::Add(session(n, n, n))),
            Change::Tokens(TokensChange::Add(tokens(n, 2, 2))),
            Change::Event(EventChange::Add(event(n, n, 50))),
            Change::Hold(HoldChange::Add(hold(n, n))),
            Change::Move(MoveChange::put(None, moved(n))),
            Change::AdminCode(AdminCodeChange::Put(admin_code(n, n))),
            Change::Recovery(RecoveryChange::Put(Recovery { account: Some(account_id(n)), ..recovery(n, n) })),
            // One of them offers its link, the other has approved it.
            Change::Link(LinkChange::Add(Link {
                offer: (n == 11).then(|| Offer { account: account_id(n), session: digest(n) }),
                stage: if n == 11 { LinkStage::Shown } else { LinkStage::Approved(approval(n)) },
                ..link(n)
            })),
        ]);
        store.commit(changes, Durability::Durable).await.unwrap();
    }
    drop(store);
    let tables = tables_naming(&path, 12);
    assert!(tables_naming(&path, 11).len() > 10);
    for table in [
        "accounts",
        "passkeys",
        "sessions",
        "events",
        "holds",
        "moves",
        "admin-codes",
        "recoveries",
        "links",
        "links-by-account",
    ] {
        assert!(tables.iter().any(|name| name == table), "{table} is not among {tables:?}");
    }
    for (removed, left) in [(11, tables), (12, vec![])] {
        let store = RedbStore::open(&path).unwrap();
        store
            .commit(vec![Change::Account(AccountChange::Remove(account_id(removed)))], Durability::Durable)
            .await
            .unwrap();
        drop(store);
        assert!(tables_naming(&path, removed).is_empty());
        assert_eq!(tables_naming(&path, 12), left);
    }
    assert_eq!(tables_with(&path, |_, _| true), ["meta"], "not even an index has a row more");
}

/// The table of each row that names the account, its address or its credential.
fn tables_naming(path: &Path, account: u32) -> Vec<String> {
    let (id, email, credential) = (account_id(account).0, email(account), credential(account));
    let names = [&id.as_bytes()[..], email.as_str().as_bytes(), credential.bytes()];
    let names = |bytes: &[u8]| names.iter().any(|name| bytes.windows(name.len()).any(|window| window == *name));
    tables_with(path, |key, value| names(key) || names(value))
}

/// The table of each row that is like that.
pub fn tables_with(path: &Path, is: impl Fn(&[u8], &[u8]) -> bool) -> Vec<String> {
    let database = Database::open(path).unwrap();
    let snapshot = database.begin_read().unwrap();
    let mut found = Vec::new();
    for table in snapshot.list_tables().unwrap() {
        let definition: TableDefinition<&[u8], &[u8]> = TableDefinition::new(table.name());
        for row in snapshot.open_table(definition).unwrap().iter().unwrap() {
            let (key, value) = row.unwrap();
            if is(key.value(), value.value()) {
                found.push(table.name().to_owned());
            }
        }
    }
    found
}

#[tokio::test]
async fn an_unreadable_row_refuses_who_needs_it_and_no_one_else() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let store = RedbStore::open(&path).unwrap();
    for n in 1..=2 {
        let mut changes = person(n);
        changes.push(Change::Session(SessionChange::Add(session(n, n, n))));
        store.commit(changes, Durability::Durable).await.unwrap();
    }
    drop(store);
    {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let sessions: TableDefinition<&[u8], &[u8]> = TableDefinition::new("sessions");
        // A version that is not known yet, and nothing else.
        transaction.open_table(sessions).unwrap().insert(&digest(1).bytes()[..], &[9_u8][..]).unwrap();
        transaction.commit().unwrap();
    }
    let store = RedbStore::open(&path).unwrap();
    let error = store.session(digest(1)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("“sessions”") && cause.contains("version 9"), "{cause}");
    let both = vec![Change::Session(SessionChange::End(digest(2))), Change::Session(SessionChange::Require(digest(1)))];
    let outcome = store.commit(both, Durability::Durable).await;
    assert!(matches!(outcome, Err(CommitError::Store(_))), "{outcome:?}");
    assert_eq!(store.session(digest(2)).await.unwrap(), Some(session(2, 2, 2)));
    store.commit(vec![Change::Session(SessionChange::End(digest(2)))], Durability::Durable).await.unwrap();
    store.ready().await.unwrap();
}
