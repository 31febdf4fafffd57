//! The writer on a disk that can be watched, lose its power, and break.

use std::cell::Cell;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::{io, sync::mpsc};

use ::redb::{Builder, ReadableTableMetadata as _, StorageBackend};
use uuid::Uuid;

use super::super::RedbStore;
use super::super::view::definition;
use super::*;
use crate::domain::account::{Account, AccountId};
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::plan::{AccountChange, AccountConflict, KeyChange};
use crate::store::Records as _;
use crate::store::Store as _;
use crate::store::records::table::Table;

/// What is on a disk for good, and what a loss of power would take.
#[derive(Debug, Default)]
struct Disk {
    written: Vec<u8>,
    kept: Vec<u8>,
    syncs: usize,
    broken: bool,
    /// Nothing can be written or made longer.
    full: bool,
    /// Nothing can be read.
    unreadable: bool,
    /// After so many more calls it is `full`, in the middle of whatever is under way.
    full_in: Option<u32>,
    /// Told of every sync.
    watcher: Option<mpsc::Sender<()>>,
    /// The next sync of a commit says that it has begun, and hangs until it is let go.
    stuck: Option<(mpsc::Sender<()>, Receiver<()>)>,
}

impl Disk {
    fn fill_up(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.full_in {
            *left = left.saturating_sub(1);
            self.full |= *left == 0;
        }
        if self.full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[derive(Clone, Debug, Default)]
struct SharedDisk(Arc<Mutex<Disk>>);

impl SharedDisk {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    fn syncs(&self) -> usize {
        self.disk().syncs
    }

    /// How many accounts are there once the power is back.
    fn accounts_after_power_loss(&self) -> u64 {
        let kept = self.disk().kept.clone();
        let after = Self(Arc::new(Mutex::new(Disk { written: kept, ..Disk::default() })));
        accounts(&HeldDatabase::once(Builder::new().create_with_backend(after).unwrap()))
    }
}

impl StorageBackend for SharedDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.disk().unreadable {
            return Err(io::Error::other("the disk is gone"));
        }
        let offset = offset as usize;
        out.copy_from_slice(&self.disk().written[offset..offset + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk().fill_up()?;
        self.disk().written.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        // redb lets no read begin while it makes the file longer; that is once for many commits.
        let stuck = {
            let mut disk = self.disk();
            if disk.written.len() == disk.kept.len() { disk.stuck.take() } else { None }
        };
        if let Some((begun, let_go)) = stuck {
            begun.send(()).unwrap();
            let_go.recv().unwrap();
        }
        let mut disk = self.disk();
        disk.fill_up()?;
        if disk.broken {
            return Err(io::Error::other("the disk is broken"));
        }
        disk.kept = disk.written.clone();
        disk.syncs += 1;
        if let Some(watcher) = &disk.watcher {
            watcher.send(()).ok();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk().fill_up()?;
        let offset = offset as usize;
        self.disk().written[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}

fn accounts(held: &HeldDatabase) -> u64 {
    held.begin_read().unwrap().open_table(definition(Table::Accounts)).unwrap().len().unwrap()
}

fn start() -> (SharedDisk, Arc<HeldDatabase>, StoreWriter) {
    start_with(FLUSH_AFTER, PACE)
}

fn start_with(flush_after: Duration, pace: Duration) -> (SharedDisk, Arc<HeldDatabase>, StoreWriter) {
    let disk = SharedDisk::default();
    let database = Arc::new(HeldDatabase::once(Builder::new().create_with_backend(disk.clone()).unwrap()));
    let transaction = database.begin_write().unwrap();
    for table in Table::ALL {
        transaction.open_table(definition(table)).unwrap();
    }
    transaction.commit().unwrap();
    let writer = StoreWriter::start_with(Arc::clone(&database), flush_after, pace, RETRY_AFTER).unwrap();
    (disk, database, writer)
}

fn add(n: u32, durability: Durability) -> Work {
    let account = Account {
        id: AccountId(Uuid::from_u128(n.into())),
        email: Email::parse(&format!("ann{n}@example.com")).unwrap(),
        name: None,
        locale: None,
        metadata: None,
        groups: Vec::new(),
        disabled: false,
        created_at: Timestamp::from_unix(1),
        aftermath: crate::domain::aftermath::Aftermath::default(),
    };
    Work::Commit(vec![Change::Account(AccountChange::Add(account))], durability)
}

/// Hands the work over, and looks whether there is an answer already.
fn poll(writing: &mut std::pin::Pin<&mut impl Future<Output = Result<usize, CommitError>>>) -> Poll<String> {
    let mut context = Context::from_waker(Waker::noop());
    writing.as_mut().poll(&mut context).map(|answer| format!("{answer:?}"))
}

#[tokio::test]
async fn an_acknowledged_durable_commit_survives_a_loss_of_power() {
    let (disk, _database, writer) = start();
    for n in 1..=20 {
        writer.write(add(2 * n, Durability::Relaxed)).await.unwrap();
        writer.write(add(2 * n + 1, Durability::Durable)).await.unwrap();
        // The relaxed one that came before is taken along.
        assert_eq!(disk.accounts_after_power_loss(), u64::from(2 * n));
    }
}

#[tokio::test]
async fn a_relaxed_commit_does_not_wait_for_the_disk() {
    let (disk, database, writer) = start();
    let before = disk.syncs();
    for n in 0..RELAXED_GROUPS {
        writer.write(add(n, Durability::Relaxed)).await.unwrap();
        assert_eq!(accounts(&database), u64::from(n) + 1, "it is seen at once");
    }
    assert_eq!(disk.syncs(), before);
    // Now redb has held enough in memory.
    writer.write(add(RELAXED_GROUPS, Durability::Relaxed)).await.unwrap();
    assert!(disk.syncs() > before);
    assert_eq!(disk.accounts_after_power_loss(), u64::from(RELAXED_GROUPS) + 1);
}

#[tokio::test]
async fn a_reader_does_not_wait_while_a_commit_hangs_on_the_disk() {
    let (disk, database, writer) = start();
    writer.write(add(1, Durability::Durable)).await.unwrap();
    drop((writer, database));
    // Nothing is kept in memory, so that each read asks the disk.
    let database = Builder::new().set_cache_size(0).create_with_backend(disk.clone()).unwrap();
    let store = RedbStore::of(HeldDatabase::once(database)).unwrap();
    let ((begun, begins), (let_go, stuck)) = (mpsc::channel(), mpsc::channel());
    disk.disk().stuck = Some((begun, stuck));
    let Work::Commit(changes, durability) = add(2, Durability::Durable) else { unreachable!("add makes a commit") };
    let mut committing = store.commit(changes, durability);
    assert!(committing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    begins.recv().unwrap();
    let account = async |n| store.account(AccountId(Uuid::from_u128(n))).await.unwrap();
    assert!(account(1).await.is_some());
    assert!(account(2).await.is_none(), "it is not there before it is safe");
    assert!(committing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let_go.send(()).unwrap();
    committing.await.unwrap();
    assert!(account(2).await.is_some());
}

#[tokio::test]
async fn a_relaxed_commit_gets_to_the_disk_when_nothing_else_is_written() {
    let (disk, _database, writer) = start_with(Duration::from_millis(1), PACE);
    let (watcher, synced) = mpsc::channel();
    disk.disk().watcher = Some(watcher);
    writer.write(add(1, Durability::Relaxed)).await.unwrap();
    // A two-phase commit syncs twice.
    for _ in 0..2 {
        synced.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    assert_eq!(disk.accounts_after_power_loss(), 1);
}

#[tokio::test]
async fn commits_that_wait_together_share_one_wait_for_the_disk() {
    let (disk, database, writer) = start();
    writer.write(add(0, Durability::Durable)).await.unwrap();
    let alone = disk.syncs();
    writer.write(add(1, Durability::Durable)).await.unwrap();
    let each = disk.syncs() - alone;

    let held = database.begin_write().unwrap();
    let before = disk.syncs();
    let waiting = (2..100).map(|n| writer.write(add(n, Durability::Durable)));
    let mut waiting: Vec<_> = waiting.map(Box::pin).collect();
    for writing in &mut waiting {
        assert_eq!(poll(&mut writing.as_mut()), Poll::Pending);
    }
    held.abort().unwrap();
    for writing in waiting {
        writing.await.unwrap();
    }
    // The writer may have taken the first ones before the others came.
    let groups = (disk.syncs() - before) / each;
    assert!(groups <= 2, "98 commits took {groups} groups");
    assert_eq!(disk.accounts_after_power_loss(), 100);
}

#[tokio::test]
async fn a_commit_that_comes_alone_is_not_paced() {
    // A commit that had to wait for the next group would wait for an hour.
    let (disk, _database, writer) = start_with(FLUSH_AFTER, Duration::from_secs(3600));
    for n in 1..=3 {
        writer.write(add(n, Durability::Durable)).await.unwrap();
    }
    assert_eq!(disk.accounts_after_power_loss(), 3);
}

#[tokio::test]
async fn a_refused_commit_leaves_nothing_between_its_neighbours_of_one_group() {
    let (disk, database, writer) = start();
    let held = database.begin_write().unwrap();
    let mut refused = add(7, Durability::Durable);
    let Work::Commit(changes, _) = &mut refused else { unreachable!("add makes a commit") };
    changes.push(changes[0].clone());
    let mut waiting: Vec<_> = [add(1, Durability::Durable), refused, add(2, Durability::Durable)]
        .into_iter()
        .map(|work| Box::pin(writer.write(work)))
        .collect();
    for writing in &mut waiting {
        assert_eq!(poll(&mut writing.as_mut()), Poll::Pending);
    }
    held.abort().unwrap();
    let mut answers = Vec::new();
    for writing in waiting {
        answers.push(writing.await);
    }
    assert!(matches!(
        answers.as_slice(),
        [Ok(0), Err(CommitError::Conflict(Conflict::Account(AccountConflict::Exists))), Ok(0)]
    ));
    assert_eq!(disk.accounts_after_power_loss(), 2);
}

#[tokio::test]
async fn refusals_alone_do_not_make_the_disk_work() {
    let (disk, _database, writer) = start();
    writer.write(add(1, Durability::Durable)).await.unwrap();
    let before = disk.syncs();
    for _ in 0..10 {
        writer.write(add(1, Durability::Durable)).await.unwrap_err();
    }
    assert_eq!(disk.syncs(), before);
}

#[tokio::test]
async fn a_durable_commit_that_changes_nothing_still_waits_for_what_it_relied_on() {
    let (disk, _database, writer) = start();
    writer.write(add(1, Durability::Relaxed)).await.unwrap();
    let nothing = Change::Key(KeyChange::Drop("gone already".to_owned()));
    writer.write(Work::Commit(vec![nothing], Durability::Durable)).await.unwrap();
    assert_eq!(disk.accounts_after_power_loss(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_loses_nothing_it_took() {
    let (_disk, database, writer) = start();
    let held = database.begin_write().unwrap();
    let count = u32::try_from(QUEUE + GROUP + 10).unwrap();
    let mut taken = Vec::new();
    for n in 0..count {
        let mut writing = Box::pin(writer.write(add(n, Durability::Relaxed)));
        match poll(&mut writing.as_mut()) {
            Poll::Pending => taken.push(writing),
            Poll::Ready(answer) => assert!(answer.contains("too busy"), "{answer}"),
        }
    }
    assert!((QUEUE..=QUEUE + GROUP).contains(&taken.len()), "{} were taken", taken.len());
    held.abort().unwrap();
    let expected = taken.len() as u64;
    for writing in taken {
        writing.await.unwrap();
    }
    assert_eq!(accounts(&database), expected);
    writer.ready().unwrap();
}

#[tokio::test]
async fn a_broken_disk_is_told_to_every_caller_and_the_store_is_not_ready() {
    let (disk, database, writer) = start();
    writer.ready().unwrap();
    let held = database.begin_write().unwrap();
    let mut first = pin!(writer.write(add(1, Durability::Durable)));
    let mut second = pin!(writer.write(add(2, Durability::Relaxed)));
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    disk.disk().broken = true;
    held.abort().unwrap();
    assert!(matches!(first.await, Err(CommitError::Store(_))));
    // It came with the first one, or after it; either way the disk is gone by then.
    assert!(matches!(second.await, Err(CommitError::Store(_))));
    assert!(matches!(writer.write(add(3, Durability::Relaxed)).await, Err(CommitError::Store(_))));
    assert!(writer.ready().unwrap_err().to_string().contains("restart bmauth"));
    assert_eq!(disk.accounts_after_power_loss(), 0);
}

#[tokio::test]
async fn a_dropped_writer_finishes_what_it_took() {
    let (disk, database, writer) = start();
    let held = database.begin_write().unwrap();
    for n in 0..300 {
        let mut writing = Box::pin(writer.write(add(n, Durability::Relaxed)));
        assert!(poll(&mut writing.as_mut()).is_pending());
        // No caller waits for the answer.
        drop(writing);
    }
    let dropping = thread::spawn(move || drop(writer));
    held.abort().unwrap();
    dropping.join().unwrap();
    assert_eq!(disk.accounts_after_power_loss(), 300);
}

/// A store on a disk, which it opens again.
fn reopening() -> (SharedDisk, Arc<HeldDatabase>) {
    let (disk, held, writer) = start();
    drop((writer, held));
    let open = {
        let disk = disk.clone();
        move || {
            let opened = Builder::new().set_cache_size(0).create_with_backend(disk.clone());
            opened.map_err(|error| StoreError { problem: "opening".to_owned(), source: Some(Box::new(error)) })
        }
    };
    (disk, Arc::new(HeldDatabase::new(open().unwrap(), open)))
}

/// Waits until it holds, for as long as any machine takes.
async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..6000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never comes to that");
}

#[tokio::test]
async fn a_disk_that_was_full_for_a_moment_is_written_again_by_itself() {
    let (disk, held) = reopening();
    let writer = StoreWriter::start_with(Arc::clone(&held), FLUSH_AFTER, PACE, Duration::from_millis(1)).unwrap();
    writer.write(add(1, Durability::Durable)).await.unwrap();
    for (n, fault) in [(10, "full"), (20, "broken"), (30, "unreadable")] {
        let set = |on| {
            let mut disk = disk.disk();
            match fault {
                "full" => disk.full = on,
                "broken" => disk.broken = on,
                _ => (disk.unreadable, disk.full) = (on, on),
            }
        };
        set(true);
        for n in n..n + 3 {
            let failed = writer.write(add(n, Durability::Durable)).await;
            assert!(matches!(failed, Err(CommitError::Store(_))), "{fault}");
            let why = writer.ready().unwrap_err().to_string();
            assert!(why.contains("tried again each second"), "{why}");
        }
        set(false);
        until(async || writer.ready().is_ok()).await;
        assert!(held.is_open());
        assert_eq!(accounts(&held), u64::from(n) / 10, "{fault}");
        writer.write(add(n + 5, Durability::Durable)).await.unwrap();
        assert_eq!(disk.accounts_after_power_loss(), u64::from(n) / 10 + 1);
    }
}

#[tokio::test]
async fn whatever_a_disk_fails_at_what_was_acknowledged_stays_and_the_store_comes_back() {
    let (disk, held) = reopening();
    let writer = StoreWriter::start_with(Arc::clone(&held), FLUSH_AFTER, PACE, Duration::from_millis(1)).unwrap();
    let (mut acknowledged, mut number, mut failures) = (Vec::new(), 0, 0);
    for calls in (1..60).chain([100, 200, 400]) {
        disk.disk().full_in = Some(calls);
        for _ in 0..20 {
            number += 1;
            // In between there are some that need not be kept.
            writer.write(add(1_000_000 + number, Durability::Relaxed)).await.ok();
            match writer.write(add(number, Durability::Durable)).await {
                Ok(_) => acknowledged.push(number),
                Err(CommitError::Store(_)) => {
                    failures += 1;
                    break;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        {
            let mut disk = disk.disk();
            (disk.full_in, disk.full) = (None, false);
        }
        until(async || writer.ready().is_ok()).await;
        let snapshot = held.begin_read().unwrap();
        let table = snapshot.open_table(definition(Table::Accounts)).unwrap();
        for n in &acknowledged {
            let there = table.get(Uuid::from_u128(u128::from(*n)).as_bytes().as_slice()).unwrap().is_some();
            assert!(there, "{n} was acknowledged before the disk failed at its call {calls}");
        }
    }
    assert!(failures > 50, "{failures}");
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_opened_again_without_any_commit() {
    let (disk, held) = reopening();
    let store = RedbStore::of(Arc::into_inner(held).unwrap()).unwrap();
    let Work::Commit(changes, durability) = add(1, Durability::Durable) else { unreachable!("add makes a commit") };
    store.commit(changes, durability).await.unwrap();
    let account = async || store.account(AccountId(Uuid::from_u128(1))).await;
    assert!(account().await.unwrap().is_some());
    disk.disk().unreadable = true;
    until(async || account().await.is_err() && store.ready().await.is_err()).await;
    disk.disk().unreadable = false;
    until(async || store.ready().await.is_ok()).await;
    assert!(account().await.unwrap().is_some());
}

#[tokio::test]
async fn commits_that_keep_coming_do_not_put_off_the_next_try_to_open_the_store() {
    let (disk, held) = reopening();
    let retry_after = Duration::from_millis(200);
    let writer = StoreWriter::start_with(Arc::clone(&held), FLUSH_AFTER, PACE, retry_after).unwrap();
    let number = Cell::new(0);
    let commits_work = async || {
        // Another each time, since one that failed may have been written.
        number.set(number.get() + 1);
        writer.write(add(number.get(), Durability::Durable)).await.is_ok()
    };
    let set_broken = |is_broken| {
        let mut disk = disk.disk();
        (disk.unreadable, disk.full) = (is_broken, is_broken);
    };
    set_broken(true);
    until(async || !commits_work().await && !held.is_open()).await;
    set_broken(false);
    // One every 10 ms, so that the thread is never without work for as long as it waits between tries.
    until(commits_work).await;
}
