//! What a durable commit is worth when the process is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bmauth::domain::plan::{CeremonyChange, Change, Durability, SessionChange};
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store as _};

use crate::sample::*;

/// Tells the process that this test starts where the store is, and the first number to use.
const CHILD: &str = "BMAUTH_TEST_CRASH";
const TASKS: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_as_durable_survives_a_kill() {
    if let Ok(told) = std::env::var(CHILD) {
        let (first, path) = told.split_once(' ').unwrap();
        commit_for_ever(Path::new(path), first.parse().unwrap()).await;
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    let mut acknowledged = Vec::new();
    // The second and third find what the one before left behind.
    for round in 0..3 {
        let first = round * 100_000;
        acknowledged.extend(killed_after(60, first, &path));
        let store = RedbStore::open(&path).unwrap();
        for &n in &acknowledged {
            assert_eq!(store.account(account_id(n)).await.unwrap(), Some(account(n)), "account {n}");
            assert!(store.passkey(&credential(n)).await.unwrap().is_some(), "passkey {n}");
            assert_eq!(store.session(digest(n)).await.unwrap(), Some(session(n, n, n)), "session {n}");
        }
        // Of what was under way, all is there or nothing.
        let last = acknowledged.iter().max().unwrap() + 2 * TASKS;
        for n in first..=last {
            let there = store.account(account_id(n)).await.unwrap().is_some();
            assert_eq!(store.passkeys(account_id(n)).await.unwrap().len(), usize::from(there), "passkey {n}");
            assert_eq!(store.session(digest(n)).await.unwrap().is_some(), there, "session {n}");
        }
    }
}

/// Starts a process that commits, kills it after so many acknowledgements, and returns all of them.
fn killed_after(enough: usize, first: u32, path: &Path) -> Vec<u32> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::what_was_acknowledged_as_durable_survives_a_kill", "--nocapture"])
        .env(CHILD, format!("{first} {}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    // The lines end with the process; what it wrote before it died is read to the end.
    for line in lines {
        if let Some(n) = line.unwrap().strip_prefix("kept ") {
            acknowledged.push(n.parse().unwrap());
        }
        if acknowledged.len() == enough {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(acknowledged.len() >= enough, "{} acknowledged, then {status}", acknowledged.len());
    acknowledged
}

async fn commit_for_ever(path: &Path, first: u32) {
    let store = Arc::new(RedbStore::open(path).unwrap());
    let tasks = (0..TASKS).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in (first + task..).step_by(TASKS as usize) {
                store
                    .commit(vec![Change::Ceremony(CeremonyChange::Add(ceremony(n)))], Durability::Relaxed)
                    .await
                    .unwrap();
                let mut changes = person(n);
                changes.push(Change::Session(SessionChange::Add(session(n, n, n))));
                store.commit(changes, Durability::Durable).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "\nkept {n}").and_then(|()| out.flush()).unwrap();
            }
        })
    });
    futures_util::future::join_all(tasks).await;
}
