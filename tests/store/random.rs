//! Random commits on both stores: the file answers as the model in memory does.

use std::sync::LazyLock;
use std::time::Duration;

use bmauth::domain::account::Account;
use bmauth::domain::ceremony::Ceremony;
use bmauth::domain::clock::Timestamp;
use bmauth::domain::letter::Letter;
use bmauth::domain::passkey::{NewPasskey, Passkey};
use bmauth::domain::plan::{Change, Durability};
use bmauth::domain::registration::Registration;
use bmauth::domain::secret::Secret;
use bmauth::domain::session::Session;
use bmauth::store::memory::MemoryStore;
use bmauth::store::redb::RedbStore;
use bmauth::store::{CommitError, Store};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::sample::*;
use crate::shown::Shown as _;

/// Few of each kind, so that they meet.
const FEW: u32 = 4;

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>, Durability),
    Sweep { now: Timestamp, created_before: Timestamp, seen_before: Timestamp },
    Reopen,
}

/// Their challenges are random; made once, they do not keep a failure from shrinking.
static CEREMONIES: LazyLock<Vec<Ceremony>> = LazyLock::new(|| (0..FEW).map(ceremony).collect());

fn step() -> impl Strategy<Value = Step> {
    let durability = prop_oneof![9 => Just(Durability::Relaxed), 1 => Just(Durability::Durable)];
    prop_oneof![
        20 => (vec(change(), 1..5), durability).prop_map(|(changes, durability)| Step::Commit(changes, durability)),
        2 => (time(), time(), time())
            .prop_map(|(now, created_before, seen_before)| Step::Sweep { now, created_before, seen_before }),
        1 => Just(Step::Reopen),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..20_u64).prop_map(at)
}

fn change() -> impl Strategy<Value = Change> {
    let n = || 0..FEW;
    prop_oneof![
        (proptest::sample::select(CEREMONIES.as_slice()), time())
            .prop_map(|(ceremony, expires_at)| Change::AddCeremony(Ceremony { expires_at, ..ceremony })),
        n().prop_map(|n| Change::SpendCeremony(ceremony_id(n))),
        (n(), n(), n(), time()).prop_map(|(browser, email, code, expires_at)| {
            Change::PutRegistration(Registration { expires_at, ..registration(browser, email, code) })
        }),
        (n(), n(), 1..3_u32).prop_map(|(n, of, limit)| Change::CountTry { browser: digest(n), code: code(of), limit }),
        (n(), n(), n(), time()).prop_map(|(n, was, with, at)| Change::ReplaceCode {
            browser: digest(n),
            was: code(was),
            code: code(with),
            at
        }),
        (n(), n()).prop_map(|(n, of)| Change::SpendRegistration { browser: digest(n), code: code(of) }),
        n().prop_map(|n| Change::DropRegistrations(email(n))),
        (n(), n(), any::<bool>()).prop_map(|(n, with, disabled)| {
            Change::AddAccount(Account { email: email(with), disabled, ..account(n) })
        }),
        (n(), n(), time()).prop_map(|(n, of, created_at)| Change::AddPasskey(Passkey { created_at, ..passkey(n, of) })),
        (n(), 0..6_u32, 0..6_u32, time()).prop_map(|(n, was_counter, counter, at)| Change::UsePasskey {
            was_counter,
            key: NewPasskey { counter, ..new_passkey(n) },
            at
        }),
        (n(), n(), n(), time(), time()).prop_map(|(n, of, with, created_at, last_seen_at)| {
            Change::AddSession(Session { created_at, last_seen_at, ..session(n, of, with) })
        }),
        n().prop_map(|n| Change::EndSession(digest(n))),
        vec((n().prop_map(digest), time()), 0..4).prop_map(Change::TouchSessions),
        (n(), time(), time()).prop_map(|(n, due_at, expires_at)| {
            Change::AddLetter(Letter { expires_at, ..letter(n, due_at.unix()) })
        }),
        (n(), time()).prop_map(|(n, due_at)| Change::DelayLetter { id: letter_id(n), due_at }),
        n().prop_map(|n| Change::DropLetter(letter_id(n))),
        (0..3_u8, 0..4_u32, 0..9_u64, time()).prop_map(|(n, limit, window, now)| Change::Count {
            counter: counter(n),
            limit,
            window: Duration::from_secs(window),
            now
        }),
        (0..2_u8).prop_map(|n| Change::SetMaster(Secret::from_bytes([n; 32]))),
        (n(), 0..20_u64).prop_map(|(n, at)| Change::PutSigningKey(signing_key(&n.to_string(), at))),
        n().prop_map(|n| Change::DropSigningKey(n.to_string())),
    ]
}

/// All that can be read, as text.
async fn everything(store: &impl Store) -> String {
    let mut all = Vec::new();
    for n in 0..FEW {
        all.push(store.ceremony(ceremony_id(n)).await.unwrap().shown());
        all.push(store.registration(digest(n)).await.unwrap().shown());
        all.push(store.account(account_id(n)).await.unwrap().shown());
        all.push(store.account_by_email(&email(n)).await.unwrap().shown());
        all.push(store.passkey(&credential(n)).await.unwrap().shown());
        all.push(store.passkeys(account_id(n)).await.unwrap().shown());
        all.push(store.session(digest(n)).await.unwrap().shown());
    }
    for now in [5, 10, 99] {
        all.push(store.letters_due(at(now), 3).await.unwrap().shown());
    }
    all.push(format!("{:?}", store.master().await.unwrap().map(|master| *master.bytes())));
    all.push(store.signing_keys().await.unwrap().shown());
    all.join("\n\n")
}

fn outcome(committed: Result<(), CommitError>) -> String {
    match committed {
        Ok(()) => "kept".to_owned(),
        Err(CommitError::Conflict(conflict)) => format!("{conflict:?}"),
        Err(CommitError::Store(error)) => panic!("{error}: {:?}", error.source),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_file_and_the_model_cannot_be_told_apart(steps in vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("bmauth.redb");
            let (model, mut file) = (MemoryStore::new(), RedbStore::open(&path).unwrap());
            for step in steps {
                match step {
                    Step::Commit(changes, durability) => {
                        let expected = outcome(model.commit(changes.clone(), durability).await);
                        prop_assert_eq!(outcome(file.commit(changes, durability).await), expected);
                    }
                    Step::Sweep { now, created_before, seen_before } => {
                        let expected = model.sweep(now, created_before, seen_before, 99).await.unwrap();
                        prop_assert_eq!(file.sweep(now, created_before, seen_before, 99).await.unwrap(), expected);
                    }
                    Step::Reopen => {
                        drop(file);
                        file = RedbStore::open(&path).unwrap();
                    }
                }
                prop_assert_eq!(everything(&file).await, everything(&model).await);
            }
            // An index that had kept what its row has lost would break this.
            let end = at(u64::MAX);
            let expected = model.sweep(end, end, end, 99).await.unwrap();
            prop_assert_eq!(file.sweep(end, end, end, 99).await.unwrap(), expected);
            Ok(())
        })?;
    }
}
