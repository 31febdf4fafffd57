//! A store that is copied to the other kind is the same store, and whatever is not well leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::plan::{
    AccountChange, AdminCodeChange, BookmarkChange, CeremonyChange, Change, CounterChange, Durability, EventChange,
    HoldChange, InvitationChange, KeyChange, LetterChange, LinkChange, MoveChange, RecoveryChange, RegistrationChange,
    SessionChange, TokensChange,
};
use bmauth::domain::secret::Secret;
use bmauth::domain::session::Session;
use bmauth::store::copying::{Copied, Copy, CopyDatabase, copy};
use bmauth::store::postgres::{PostgresStore, PostgresTarget, migrate};
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store, StoreError};
use bmauth::wire::system::SystemEntropy;
use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition, TableHandle as _};
use tempfile::tempdir;

use crate::random::everything;
use crate::sample::*;
use crate::server::server;
use crate::shared;

/// Rows of every kind in many of their states, and the gateway's own keys.
pub fn all_kinds() -> Vec<Change> {
    let mut changes: Vec<Change> = vec![
        KeyChange::SetMaster(Secret::from_bytes([7; 32])).into(),
        KeyChange::Advance { was: 0 }.into(),
        KeyChange::Put(signing_key("es", 100)).into(),
        KeyChange::Put(signing_key("ed", 200)).into(),
        KeyChange::NoteRpId(rp_id("notes.example.com")).into(),
    ];
    for n in 0..15 {
        changes.push(AccountChange::Add(account_of_api(n)).into());
        changes.push(bmauth::domain::plan::PasskeyChange::Add(passkey(n, n)).into());
        changes.push(SessionChange::Add(session(n, n, n)).into());
        changes.push(TokensChange::Add(tokens(n, 1 + n % 2, n % 4)).into());
        changes.push(CeremonyChange::Add(ceremony(n)).into());
        changes.push(RegistrationChange::Put(registration_of_api(n, 300 + n, n)).into());
        changes.push(LinkChange::Add(link(n)).into());
        changes.push(RecoveryChange::Put(recovery(n, n)).into());
        changes.push(HoldChange::Add(hold(n, n)).into());
        changes.push(AdminCodeChange::Put(admin_code(n, n)).into());
        changes.push(BookmarkChange::Put(bookmark(n)).into());
        changes.push(InvitationChange::Put(invitation(200 + n)).into());
        changes.push(EventChange::Add(event(n, n % 3, 50)).into());
        changes.push(LetterChange::Add(letter(n, 3000)).into());
        changes.push(count(u8::try_from(n).unwrap(), Duration::from_secs(60)));
    }
    // Once all accounts are there: an address that is kept is reserved.
    changes.extend((0..15).map(|n| {
        let is = Box::new(moving(n, n));
        Change::Move(MoveChange::Set { account: account_id(n), was: None, is: Some(is) })
    }));
    // The head of a family, whose key comes after its member's.
    changes.push(SessionChange::Add(session(900, 1, 1)).into());
    changes.push(SessionChange::Add(Session { head: Some(digest(900)), ..session(800, 1, 1) }).into());
    changes.push(SessionChange::Touch(vec![(digest(2), at(2050))]).into());
    changes.push(AccountChange::SetDisabled { account: account_id(5), disabled: true }.into());
    changes
}

fn count(n: u8, window: Duration) -> Change {
    CounterChange::Count { counter: counter(n), limit: 9, window, now: at(1000) }.into()
}

fn file_with(path: &Path, changes: Vec<Change>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(RedbStore::open(path).unwrap().commit(changes, Durability::Durable)).unwrap();
}

fn side(target: &PostgresTarget) -> CopyDatabase {
    CopyDatabase { target: target.clone(), owner: target.clone(), key: Secret::from_bytes([9; 32]) }
}

async fn copied(wanted: Copy) -> Result<Vec<Copied>, StoreError> {
    copy(&wanted, Arc::new(SystemEntropy), &|_, _| {}).await
}

async fn refused(wanted: Copy, why: &str) {
    let refused = copied(wanted).await.expect_err(why);
    let told = format!("{refused} {:?}", refused.source);
    assert!(told.contains(why), "{told}");
}

fn schema(target: &PostgresTarget) -> &str {
    target.url.rsplit("%3D").next().unwrap()
}

/// All of a database but what is wrapped, which is never the same.
fn dump_of(target: &PostgresTarget) -> String {
    let schema = schema(target);
    let tables = [
        "accounts",
        "passkeys",
        "sessions",
        "token_families",
        "refresh_tokens",
        "ceremonies",
        "registrations",
        "links",
        "link_codes",
        "recoveries",
        "holds",
        "moves",
        "admin_codes",
        "bookmarks",
        "invitations",
        "events",
        "letters",
        "counters",
    ];
    let all = tables.map(|table| format!("SELECT '{table}', * FROM {schema}.{table} ORDER BY 1, 2"));
    let own = [
        format!("SELECT kid, created_at, length(record) FROM {schema}.signing_keys ORDER BY 1"),
        format!("SELECT schema, oldest, length(master), key_generation, rp_id FROM {schema}.gateway"),
    ];
    all.iter().chain(&own).map(|statement| server().run(statement)).collect::<Vec<_>>().join("\n")
}

/// Every row of a file, those of the indexes too.
fn rows_of(path: &Path) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let database = redb::Database::open(path).unwrap();
    let snapshot = database.begin_read().unwrap();
    let mut rows = Vec::new();
    for table in snapshot.list_tables().unwrap() {
        let definition: TableDefinition<&[u8], &[u8]> = TableDefinition::new(table.name());
        for row in snapshot.open_table(definition).unwrap().iter().unwrap() {
            let (key, value) = row.unwrap();
            rows.push((table.name().to_owned(), key.value().to_vec(), value.value().to_vec()));
        }
    }
    rows
}

async fn nothing_in(target: &PostgresTarget) {
    let schema = schema(target);
    for table in ["accounts", "letters", "counters", "signing_keys"] {
        assert_eq!(server().run(&format!("SELECT count(*) FROM {schema}.{table}")), "0", "{table}");
    }
    assert!(shared::open(target).await.master().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_the_same_store_in_every_row_and_column_there_and_back() {
    let folder = tempdir().unwrap();
    let (first, back) = (folder.path().join("first.redb"), folder.path().join("back.redb"));
    let changes = all_kinds();
    let committed = shared::fresh();
    migrate(&committed).await.unwrap();
    shared::open(&committed).await.commit(changes.clone(), Durability::Durable).await.unwrap();
    let store = RedbStore::open(&first).unwrap();
    store.commit(changes, Durability::Durable).await.unwrap();
    let before = everything(&store).await;
    drop(store);

    let target = shared::fresh();
    let there = copied(Copy::ToDatabase(first.clone(), side(&target))).await.unwrap();
    // The last use of a session that was committed is in its column alone.
    let but_touched = |dump: String| {
        let (touched, others): (Vec<_>, Vec<_>) = dump.lines().partition(|line| line.contains("|2050|"));
        assert_eq!(touched.len(), 1, "{touched:?}");
        others.join("\n")
    };
    assert_eq!(but_touched(dump_of(&target)), but_touched(dump_of(&committed)));
    assert_eq!(everything(&shared::open(&target).await).await, before);

    let and_back = copied(Copy::ToFile(side(&target), back.clone())).await.unwrap();
    assert_eq!(there, and_back);
    assert!(there.iter().all(|copied| copied.rows > 0), "{there:?}");
    assert_eq!(rows_of(&back), rows_of(&first));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&back).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(everything(&RedbStore::open(&back).unwrap()).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_rows_than_are_in_memory_at_once_are_copied() {
    let folder = tempdir().unwrap();
    let (first, back) = (folder.path().join("first.redb"), folder.path().join("back.redb"));
    let store = RedbStore::open(&first).unwrap();
    let mut changes = all_kinds();
    changes.extend((100..2300).map(|n| LetterChange::Add(letter(n, 3000)).into()));
    changes.extend(
        (2000..3001)
            .flat_map(|n| [AccountChange::Add(account(n)).into(), SessionChange::Add(session_by_code(n, n)).into()]),
    );
    store.commit(changes, Durability::Durable).await.unwrap();
    drop(store);
    let target = shared::fresh();
    let there = copied(Copy::ToDatabase(first.clone(), side(&target))).await.unwrap();
    assert_eq!(there.iter().find(|copied| copied.kind == "letters").unwrap().rows, 2215);
    copied(Copy::ToFile(side(&target), back.clone())).await.unwrap();
    assert_eq!(rows_of(&back), rows_of(&first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_use_is_not_copied_and_one_that_is_copied_is_not_used() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("bmauth.redb");
    let target = shared::fresh();
    let store = RedbStore::open(&path).unwrap();
    store.commit(all_kinds(), Durability::Durable).await.unwrap();
    refused(Copy::ToDatabase(path.clone(), side(&target)), "another bmauth is using").await;
    drop(store);
    migrate(&target).await.unwrap();
    let gateway = shared::open(&target).await;
    refused(Copy::ToDatabase(path.clone(), side(&target)), "a gateway is running on the database").await;
    refused(Copy::ToFile(side(&target), folder.path().join("x")), "a gateway is running on the database").await;
    drop(gateway);
    copied(Copy::ToDatabase(path, side(&target))).await.unwrap();

    let mut config: tokio_postgres::Config = target.url.parse().unwrap();
    let (copying, connection) = config.application_name("copy").connect(tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let alone = "SELECT pg_advisory_lock(hashtext('bmauth gateway'), hashtext(current_schema()))";
    copying.batch_execute(alone).await.unwrap();
    let key = Secret::from_bytes([9; 32]);
    let opened = PostgresStore::open(&target, &key, Duration::ZERO, Arc::new(SystemEntropy)).await;
    let refused = opened.expect_err("it is being copied");
    assert!(format!("{:?}", refused.source).contains("Copied"), "{refused:?}");
    drop(copying);
    driver.await.unwrap().unwrap();
    shared::open(&target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_not_well_is_refused_and_leaves_nothing() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let whole = path("whole.redb");
    let written = whole.clone();
    std::thread::spawn(move || file_with(&written, all_kinds())).join().unwrap();
    let target = shared::fresh();
    let to_database = |file: &str| Copy::ToDatabase(folder.path().join(file), side(&target));

    refused(to_database("none.redb"), "there is no store at").await;
    assert!(!path("none.redb").exists());

    // It has not been served.
    drop(RedbStore::open(&path("empty.redb")).unwrap());
    refused(to_database("empty.redb"), "the source has no master secret").await;

    // A row that cannot be read is named.
    std::fs::copy(&whole, path("broken.redb")).unwrap();
    {
        let database = redb::Database::open(path("broken.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        let letters: TableDefinition<&[u8], &[u8]> = TableDefinition::new("letters");
        transaction.open_table(letters).unwrap().insert(&letter_id(3).0.as_bytes()[..], &[250, 1][..]).unwrap();
        transaction.commit().unwrap();
    }
    let named = format!("the row {} of “letters” cannot be read", letter_id(3).0.simple());
    refused(to_database("broken.redb"), &named).await;
    nothing_in(&target).await;

    // So is the table of one whose account is gone.
    std::fs::copy(&whole, path("lost.redb")).unwrap();
    {
        let database = redb::Database::open(path("lost.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        let accounts: TableDefinition<&[u8], &[u8]> = TableDefinition::new("accounts");
        transaction.open_table(accounts).unwrap().remove(&account_id(3).0.as_bytes()[..]).unwrap();
        transaction.commit().unwrap();
    }
    refused(to_database("lost.redb"), "“passkeys” could not be written").await;
    nothing_in(&target).await;

    // A number that the database cannot hold does not arrive as it was.
    let late = path("late.redb");
    std::thread::spawn(move || {
        let forever = count(99, Duration::from_secs(u64::MAX));
        file_with(&late, all_kinds().into_iter().chain([forever]).collect());
    })
    .join()
    .unwrap();
    refused(to_database("late.redb"), "“counters”").await;
    nothing_in(&target).await;

    // What is there is not written over.
    server().run(&format!("INSERT INTO {}.letters VALUES (gen_random_uuid(), 1, 1, '')", schema(&target)));
    refused(to_database("whole.redb"), "letters").await;
    server().run(&format!("DELETE FROM {}.letters", schema(&target)));
    copied(to_database("whole.redb")).await.unwrap();
    refused(to_database("whole.redb"), "it has a master secret").await;
    refused(Copy::ToFile(side(&target), whole.clone()), "is there already").await;

    // Back: another key, and a row that cannot be read.
    let mut other = side(&target);
    other.key = Secret::from_bytes([8; 32]);
    refused(Copy::ToFile(other, path("back.redb")), "storage.key_file").await;
    server().run(&format!(
        "UPDATE {}.events SET record = '\\xfa01' WHERE id = '{}'",
        schema(&target),
        event(3, 0, 1).id
    ));
    let named = format!("the row {} of “events” cannot be read", event(3, 0, 1).id.simple());
    refused(Copy::ToFile(side(&target), path("back.redb")), &named).await;
    server().run(&format!("UPDATE {}.gateway SET master = NULL", schema(&target)));
    refused(Copy::ToFile(side(&target), path("back.redb")), "the source has no master secret").await;
    let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["broken.redb", "empty.redb", "late.redb", "lost.redb", "whole.redb"]);
}
