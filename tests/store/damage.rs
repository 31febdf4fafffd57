//! A file that something else wrote to, or that was cut: each start works or ends with a sentence, and nothing panics.

use std::fs;
use std::path::Path;

use bmauth::domain::plan::{AccountChange, Change, Durability, EventChange, LetterChange, SessionChange};
use bmauth::store::redb::{RedbStore, apart};
use bmauth::store::{Records as _, Store as _, StoreError};
use tempfile::tempdir;

use crate::sample::*;

/// Numbers that are the same in every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

const PAGE: usize = 4096;

/// Something happens to a file. Returns what, in words.
#[expect(clippy::indexing_slicing, reason = "in a test, a panic is how a failure is told")]
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) -> &'static str {
    let pages = bytes.len() / PAGE;
    match dice.below(12) {
        0 => {
            let end = dice.below(bytes.len());
            bytes.truncate(end);
            "cut anywhere"
        }
        1 => {
            bytes.truncate(bytes.len() / 2);
            "cut in half"
        }
        2 => {
            let end = dice.below(pages) * PAGE;
            bytes.truncate(end);
            "cut at a page"
        }
        3 => {
            let (from, count) = (dice.below(PAGE), dice.below(256));
            for byte in bytes.iter_mut().skip(from).take(count) {
                *byte = dice.next() as u8;
            }
            "bytes of the header"
        }
        4 => {
            // The magic number stays, and with it the belief that it is a store.
            let (from, count) = (9 + dice.below(310), 1 + dice.below(40));
            for byte in bytes.iter_mut().skip(from).take(count) {
                *byte = dice.next() as u8;
            }
            "fields of the header"
        }
        5 => {
            let page = dice.below(pages);
            for byte in bytes.iter_mut().skip(page * PAGE).take(PAGE) {
                *byte = dice.next() as u8;
            }
            "a page of noise"
        }
        6 => {
            for _ in 0..1 + dice.below(pages) {
                let page = dice.below(pages);
                bytes[page * PAGE..][..PAGE].fill(0);
            }
            "pages of zeros"
        }
        7 => {
            for _ in 0..8 {
                let (from, to) = (dice.below(pages), dice.below(pages));
                bytes.copy_within(from * PAGE..(from + 1) * PAGE, to * PAGE);
            }
            "pages in other places"
        }
        8 => {
            for _ in 0..1 + dice.below(64) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
            "bits"
        }
        9 => {
            // The first bytes of pages say what they are and where others are.
            for _ in 0..1 + dice.below(8) {
                let (page, at) = (dice.below(pages), dice.below(64));
                bytes[page * PAGE + at] = dice.next() as u8;
            }
            "the heads of pages"
        }
        10 => {
            let more = dice.below(4 * PAGE);
            bytes.extend((0..more).map(|_| dice.next() as u8));
            "something after the end"
        }
        _ => {
            bytes[..PAGE].fill(dice.next() as u8);
            "the whole header"
        }
    }
}

async fn some_data(path: &Path) {
    let store = RedbStore::open(path).unwrap();
    for n in 0..120 {
        let mut changes = person(n);
        changes.push(Change::Session(SessionChange::Add(session(n, n, n))));
        changes.push(Change::Event(EventChange::Add(event(n, n, 50))));
        changes.push(Change::Letter(LetterChange::Add(letter(n, 100))));
        store.commit(changes, if n % 8 == 0 { Durability::Durable } else { Durability::Relaxed }).await.unwrap();
    }
    for n in 0..30 {
        let gone = Change::Account(AccountChange::Remove(account_id(3 * n)));
        store.commit(vec![gone], Durability::Durable).await.unwrap();
    }
}

/// Whatever a gateway does with a store that opens: reads and writes work, or fail.
async fn use_it(store: &RedbStore, writes: bool) {
    for n in 0..120 {
        store.account(account_id(n)).await.ok();
        store.account_by_email(&email(n)).await.ok();
        store.passkeys(account_id(n)).await.ok();
        store.sessions(account_id(n)).await.ok();
        store.events(account_id(n), 9).await.ok();
    }
    store.accounts(None, 999).await.ok();
    store.letters_due(at(u64::MAX), 999).await.ok();
    store.signing_keys().await.ok();
    store.master().await.ok();
    if !writes {
        return;
    }
    for n in 200..210 {
        store.commit(person(n), Durability::Durable).await.ok();
    }
    store.commit(vec![Change::Account(AccountChange::Remove(account_id(1)))], Durability::Durable).await.ok();
    store.sweep(at(u64::MAX), at(u64::MAX), at(u64::MAX), 999).await.ok();
    store.ready().await.ok();
}

/// One sentence for the operator.
fn is_a_sentence(error: &StoreError, path: &Path, what: &str) {
    let said = error.to_string();
    assert!(said.contains(&format!("“{}” ", path.display())), "{what}: {said}");
    let helps = ["put back a copy of it that is whole", "written by something older", "run the bmauth that wrote it"];
    assert!(helps.iter().any(|help| said.contains(help)) || said.contains("another program"), "{what}: {said}");
}

async fn damages(open: fn(&Path) -> Result<RedbStore, StoreError>, seeds: std::ops::Range<u64>, writes: bool) {
    let directory = tempdir().unwrap();
    let whole = directory.path().join("whole.redb");
    some_data(&whole).await;
    let whole = fs::read(&whole).unwrap();
    let path = directory.path().join("bmauth.redb");
    let (mut opened, mut refused) = (0, 0);
    for seed in seeds {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed << 20));
        for _ in 0..8 {
            dice.next();
        }
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut dice);
        fs::write(&path, &bytes).unwrap();
        match open(&path) {
            Ok(store) => {
                opened += 1;
                use_it(&store, writes).await;
            }
            Err(error) => {
                refused += 1;
                is_a_sentence(&error, &path, what);
            }
        }
    }
    assert!(refused > 20 && opened > 5, "{opened} opened, {refused} were refused");
}

#[tokio::test]
async fn a_damaged_store_opens_or_is_refused_with_a_sentence() {
    damages(RedbStore::open, 1..300, true).await;
}

#[tokio::test]
async fn a_large_damaged_store_opens_or_is_refused_with_a_sentence() {
    // Not written to: redb may panic while it cleans up after a panic, which ends any process.
    damages(apart::open_large, 1000..1300, false).await;
}
