//! The table of live sessions, small and large: a lookup should take as long in both.

use std::hint::black_box;
use std::time::Duration;

use bmauth::auth::sessions::table::SessionTable;
use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::aftermath::Aftermath;
use bmauth::domain::clock::Timestamp;
use bmauth::domain::destination::Destination;
use bmauth::domain::email::Email;
use bmauth::domain::secret::{Secret, SecretDigest};
use bmauth::domain::session::{Authentication, Method, Session, SessionId, SessionLimits, SignedIn};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The gateway's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn token(number: usize) -> SecretDigest {
    Secret::from_bytes(Sha256::digest(number.to_be_bytes()).into()).digest()
}

fn person(number: usize) -> SignedIn {
    let id = AccountId(Uuid::from_u128(number as u128));
    let email = Email::parse(&format!("person{number}@example.com")).expect("an address");
    let (name, locale, metadata, groups) = (None, None, None, Vec::new());
    let account = Account {
        id,
        email,
        name,
        locale,
        metadata,
        groups,
        disabled: false,
        created_at: NOW,
        aftermath: Aftermath::default(),
    };
    let session = Session {
        token: token(number),
        id: SessionId(Uuid::from_u128(number as u128)),
        account: id,
        credential: None,
        authentication: Authentication { at: NOW, methods: vec![Method::SoftwareKey, Method::UserVerified] },
        created_at: NOW,
        last_seen_at: NOW,
        browser: "Firefox on Linux".to_owned(),
        address: None,
        recovered_at: None,
        host: None,
        bound_for: Destination::root(),
        head: None,
    };
    SignedIn { session, account, absolute_end: NOW.after(30 * DAY) }
}

fn full(number: usize) -> SessionTable {
    let sessions = SessionTable::new(SessionLimits { idle: DAY, absolute: 30 * DAY });
    for number in 0..number {
        let signed_in = person(number);
        let generation = sessions.generation(signed_in.session.token);
        assert!(sessions.admit(generation, &signed_in, NOW).is_ok_and(|live| live.is_some()));
    }
    sessions
}

fn lookups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sessions");
    for number in [10_000, 1_000_000] {
        let sessions = full(number);
        // In an order that no cache knows.
        let tokens: Vec<_> = (0..number).map(|place| token(place * 7919 % number)).collect();
        let mut turn = tokens.iter().cycle();
        group.bench_function(format!("look up one of {number}"), |b| {
            b.iter(|| sessions.get(black_box(*turn.next().expect("a cycle")), NOW).expect("it is live"));
        });
        group.bench_function(format!("look for an unknown one among {number}"), |b| {
            let unknown = token(usize::MAX);
            b.iter(|| sessions.get(black_box(unknown), NOW).is_none());
        });
        let visitor = person(number + 1);
        group.bench_function(format!("take one in among {number}"), |b| {
            b.iter_batched(
                || {
                    sessions.end(visitor.session.token);
                    (sessions.generation(visitor.session.token), visitor.clone())
                },
                |(generation, visitor)| sessions.admit(generation, &visitor, NOW).expect("nothing ended meanwhile"),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, lookups);
criterion_main!(benches);
