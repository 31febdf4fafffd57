//! The store in a file: reads, and commits alone and in groups. A durable commit waits for the disk of this machine.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::aftermath::Aftermath;
use bmauth::domain::clock::Timestamp;
use bmauth::domain::email::Email;
use bmauth::domain::plan::{AccountChange, Change, Durability};
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Makes one account after the other.
#[derive(Default)]
struct People(AtomicU64);

impl People {
    fn next(&self) -> Vec<Change> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let email = Email::parse(&format!("person{number}@example.com")).expect("an address");
        let (name, locale, metadata, groups) = (None, None, None, Vec::new());
        let (id, created_at) = (AccountId(Uuid::from_u128(number.into())), Timestamp::from_unix(1_800_000_000));
        vec![Change::Account(AccountChange::Add(Account {
            id,
            email,
            name,
            locale,
            metadata,
            groups,
            disabled: false,
            created_at,
            aftermath: Aftermath::default(),
        }))]
    }
}

fn store(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(RedbStore::open(&folder.path().join("bench.redb")).expect("a store"));
    let runtime = Runtime::new().expect("a runtime");
    let people = People::default();
    let mut group = criterion.benchmark_group("store");
    for (name, durability) in [("relaxed", Durability::Relaxed), ("durable", Durability::Durable)] {
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("a {name} commit alone"), |b| {
            b.iter(|| runtime.block_on(store.commit(people.next(), durability)).expect("a commit"));
        });
        for together in [32, 256] {
            group.throughput(Throughput::Elements(together));
            group.bench_function(format!("{together} {name} commits at once"), |b| {
                b.iter(|| {
                    runtime.block_on(async {
                        let mut tasks = JoinSet::new();
                        for _ in 0..together {
                            let (store, changes) = (Arc::clone(&store), people.next());
                            tasks.spawn(async move { store.commit(changes, durability).await });
                        }
                        while let Some(done) = tasks.join_next().await {
                            done.expect("a task").expect("a commit");
                        }
                    });
                });
            });
        }
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("read an account", |b| {
        let id = AccountId(Uuid::from_u128(0));
        b.iter(|| runtime.block_on(store.account(black_box(id))).expect("a read").expect("the first account"));
    });
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
