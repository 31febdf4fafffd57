//! Random commits on all stores: file and database answer as the model in memory does, and two clients of one database
//! as if one of them had waited for the other each time.

use std::sync::LazyLock;
use std::time::Duration;

use bmauth::domain::account::Account;
use bmauth::domain::activity::{Event, KEPT};
use bmauth::domain::address::Move;
use bmauth::domain::admin_code::AdminCode;
use bmauth::domain::aftermath::Aftermath;
use bmauth::domain::bookmark::Bookmark;
use bmauth::domain::ceremony::Ceremony;
use bmauth::domain::clock::Timestamp;
use bmauth::domain::host::Host;
use bmauth::domain::invitation::Invitation;
use bmauth::domain::letter::{Letter, Message};
use bmauth::domain::link::{Link, LinkOffer, LinkStage};
use bmauth::domain::passkey::{NewPasskey, Passkey};
use bmauth::domain::plan::{
    AccountChange, AdminCodeChange, BookmarkChange, CeremonyChange, Change, CounterChange, Durability, EventChange,
    HoldChange, InvitationChange, KeyChange, LetterChange, LinkChange, MoveChange, PasskeyChange, RecoveryChange,
    RegistrationChange, SessionChange, TokensChange,
};
use bmauth::domain::recovery::{HOLD_OPEN, Hold, Recovery};
use bmauth::domain::registration::Registration;
use bmauth::domain::secret::Secret;
use bmauth::domain::session::{Authentication, Method, Session};
use bmauth::domain::token_family::TokenFamily;
use bmauth::store::memory::MemoryStore;
use bmauth::store::postgres::migrate;
use bmauth::store::redb::RedbStore;
use bmauth::store::{CommitError, Store};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::sample::*;
use crate::shared;
use crate::shown::Shown as _;

/// Few of each kind, so that they meet.
const FEW: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>, Durability),
    Sweep { now: Timestamp, created_before: Timestamp, seen_before: Timestamp },
    SetBack { now: Timestamp },
    Reopen,
}

/// Their challenges are random; made once, they do not keep a failure from shrinking.
static CEREMONIES: LazyLock<Vec<Ceremony>> =
    LazyLock::new(|| (0..12).map(|n| Ceremony { id: ceremony_id(n % FEW), ..ceremony(n) }).collect());

fn step() -> impl Strategy<Value = Step> {
    // The more there are, the likelier it is that one of them conflicts.
    let changes = prop_oneof![3 => vec(change(), 1), 1 => vec(change(), 2..5)];
    let durability = prop_oneof![9 => Just(Durability::Relaxed), 1 => Just(Durability::Durable)];
    prop_oneof![
        60 => (changes, durability).prop_map(|(changes, durability)| Step::Commit(changes, durability)),
        2 => (late(), time(), time())
            .prop_map(|(now, created_before, seen_before)| Step::Sweep { now, created_before, seen_before }),
        1 => time().prop_map(|now| Step::SetBack { now }),
        2 => Just(Step::Reopen),
    ]
}

/// All accounts with a passkey, a session with tokens, and a link, so that most changes find what they change.
fn beginning() -> Vec<Change> {
    let of = |n| {
        let session = Session { created_at: at(5), last_seen_at: at(5), ..session(n, n, n) };
        let link = Link { expires_at: at(10), ..link(n) };
        person(n).into_iter().chain([
            Change::Session(SessionChange::Add(session)),
            Change::Tokens(TokensChange::Add(tokens(n, 1, 1))),
            Change::Link(LinkChange::Add(link)),
        ])
    };
    (0..FEW).flat_map(of).collect()
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..20_u64).prop_map(at)
}

/// Late enough, now and then, for what is kept for days.
fn late() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => time(),
        1 => time().prop_map(|time| time.after(HOLD_OPEN)),
        1 => time().prop_map(|time| time.after(KEPT)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![3 => of_registrations(), 4 => of_people(), 4 => in_progress(), 2 => of_the_gateway()]
}

fn n() -> impl Strategy<Value = u32> {
    0..FEW
}

/// Two numbers, alike more often than not: what has the one belongs to the other then.
fn pair() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![n().prop_map(|n| (n, n)), (n(), n())]
}

fn of_registrations() -> impl Strategy<Value = Change> {
    prop_oneof![
        (pair(), n(), time()).prop_map(|((browser, code), email, expires_at)| {
            Change::Registration(RegistrationChange::Put(Registration {
                expires_at,
                ..registration(browser, email, code)
            }))
        }),
        (pair(), n(), time()).prop_map(|((browser, code), email, expires_at)| {
            Change::Registration(RegistrationChange::Put(Registration {
                expires_at,
                ..registration_of_api(browser, email, code)
            }))
        }),
        (pair(), n(), 1..4_u32, time()).prop_map(|((browser, code), email, revision, expires_at)| {
            Change::Registration(RegistrationChange::Advance(Registration {
                revision,
                expires_at,
                ..registration(browser, email, code)
            }))
        }),
        (n(), 0..4_u32)
            .prop_map(|(n, revision)| Change::Registration(RegistrationChange::Spend { browser: digest(n), revision })),
        n().prop_map(|n| Change::Registration(RegistrationChange::Drop(digest(n)))),
        n().prop_map(|n| Change::Registration(RegistrationChange::DropAll(email(n)))),
    ]
}

/// What is added is right more often than not, so that there is something to lose.
fn of_people() -> impl Strategy<Value = Change> {
    let add = prop_oneof![
        (n(), n(), any::<bool>()).prop_map(|(n, with, disabled)| {
            Change::Account(AccountChange::Add(Account { email: email(with), disabled, ..account(n) }))
        }),
        prop_oneof![n().prop_map(account), n().prop_map(account_of_api)].prop_map(|row| AccountChange::Add(row).into()),
        (n(), n(), time()).prop_map(|(n, of, created_at)| Change::Passkey(PasskeyChange::Add(Passkey {
            created_at,
            ..passkey(n, of)
        }))),
        n().prop_map(|n| Change::Passkey(PasskeyChange::Add(passkey(n, n)))),
        (n(), n(), n(), time(), time()).prop_map(|(n, of, with, created_at, last_seen_at)| {
            Change::Session(SessionChange::Add(Session { created_at, last_seen_at, ..session(n, of, with) }))
        }),
        (n(), n(), time()).prop_map(|(n, of, created_at)| {
            Change::Session(SessionChange::Add(Session { created_at, last_seen_at: created_at, ..session(n, of, of) }))
        }),
        (n(), n(), time()).prop_map(|(n, of, created_at)| {
            Change::Session(SessionChange::Add(Session {
                created_at,
                last_seen_at: created_at,
                ..session_by_code(n, of)
            }))
        }),
        // Members of families, of the right account and of another.
        (pair(), n(), time()).prop_map(|((n, of), with, created_at)| {
            let (token, head) = (digest(50 + n), Some(digest(n)));
            Change::Session(SessionChange::Add(Session { token, head, created_at, ..session(50 + n, of, with) }))
        }),
        family().prop_map(|row| TokensChange::Add(row).into()),
        (n(), n(), time()).prop_map(|(n, of, at)| Change::Event(EventChange::Add(Event { at, ..event(n, of, 0) }))),
    ];
    let change = prop_oneof![
        (pair(), n(), time()).prop_map(|((n, was_counter), counter, at)| Change::Passkey(PasskeyChange::Use {
            was_counter,
            key: NewPasskey { counter, ..new_passkey(n) },
            at
        })),
        vec((n().prop_map(digest), time()), 0..4).prop_map(|row| SessionChange::Touch(row).into()),
        n().prop_map(|n| {
            let host = Host::parse("host.example.com").unwrap();
            Change::Session(SessionChange::Bind { session: digest(n), host })
        }),
        (n(), any::<bool>()).prop_map(|(n, none)| {
            let (account, name) = (account_id(n), (!none).then(|| format!("Ann {n}")));
            Change::Account(AccountChange::SetProfile { account, name, locale: profile(n).locale })
        }),
        (pair(), n(), time()).prop_map(|((n, was), is, now)| {
            Change::Account(AccountChange::SetEmail { account: account_id(n), was: email(was), is: email(is), now })
        }),
        (n(), n(), n()).prop_map(|(n, was, is)| Change::Account(AccountChange::Aftermath {
            account: account_id(n),
            was: if was % 2 == 0 { Aftermath::default() } else { aftermath(was) },
            is: if is % 2 == 0 { Aftermath::default() } else { aftermath(is) },
        })),
        n().prop_map(|n| Change::Link(LinkChange::DropAll(account_id(n)))),
        family().prop_map(|family| Change::Tokens(TokensChange::Cut(TokenFamily {
            revision: family.revision + 1,
            ..family
        }))),
        family().prop_map(|family| Change::Tokens(TokensChange::Advance(TokenFamily {
            revision: family.revision + 1,
            ..family
        }))),
        (n(), n(), n()).prop_map(|(n, was, with)| Change::Account(AccountChange::SetGroups {
            account: account_id(n),
            was: account(was).groups,
            groups: account(with).groups
        })),
        (pair(), time()).prop_map(|((n, with), at)| Change::Session(SessionChange::Tie {
            session: digest(n),
            credential: credential(with),
            authentication: Authentication { at, methods: vec![Method::HardwareKey] }
        })),
        n().prop_map(|n| Change::Passkey(PasskeyChange::RequireNone(account_id(n)))),
        (n(), revision())
            .prop_map(|(n, revision)| Change::Tokens(TokensChange::Require { session: digest(n), revision })),
        (pair(), proptest::option::of(Just("Name".to_owned()))).prop_map(|((n, of), name)| Change::Passkey(
            PasskeyChange::Rename { credential: credential(n), account: account_id(of), name }
        )),
        (n(), 0..4_usize)
            .prop_map(|(n, most)| Change::Passkey(PasskeyChange::RequireRoom { account: account_id(n), most })),
        pair().prop_map(|(n, of)| Change::Passkey(PasskeyChange::Require {
            credential: credential(n),
            account: account_id(of)
        })),
        n().prop_map(|n| Change::Session(SessionChange::Require(digest(n)))),
    ];
    let end = prop_oneof![
        2 => n().prop_map(|n| Change::Session(SessionChange::End(digest(n)))),
        1 => n().prop_map(|n| Change::Session(SessionChange::End(digest(50 + n)))),
        1 => n().prop_map(|n| Change::Session(SessionChange::Release(digest(50 + n)))),
        1 => (n(), n()).prop_map(|(of, except)| Change::Session(SessionChange::EndAll {
            account: account_id(of),
            except: Some(digest(50 + except))
        })),
        2 => (n(), proptest::option::of(n())).prop_map(|(of, except)| Change::Session(SessionChange::EndAll {
            account: account_id(of),
            except: except.map(digest)
        })),
        2 => (pair(), any::<bool>()).prop_map(|((n, of), last)| Change::Passkey(PasskeyChange::Remove {
            credential: credential(n),
            account: account_id(of),
            last
        })),
        2 => (n(), any::<bool>()).prop_map(|(of, disabled)| Change::Account(AccountChange::SetDisabled { account: account_id(of), disabled })),
        1 => n().prop_map(|n| Change::Account(AccountChange::Remove(account_id(n)))),
    ];
    prop_oneof![3 => add, 1 => change, 1 => end]
}

fn revision() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 2 => Just(1), 1 => Just(2)]
}

/// Tokens, now and then with some of another session among them.
fn family() -> impl Strategy<Value = TokenFamily> {
    let others = prop_oneof![5 => Just(None), 1 => n().prop_map(Some)];
    (n(), revision(), 0..3_u32, 0..3_u32, others).prop_map(|(n, revision, out, spent, others)| {
        let mut family = TokenFamily { revision, ..tokens(n, out, spent) };
        family.out.extend(others.map(|other| refresh(other, 100)));
        family
    })
}

fn in_progress() -> impl Strategy<Value = Change> {
    // Of a few codes, so that two links want the same.
    let links = (n(), 0..15_u32, prop_oneof![3 => Just(None), 1 => (n(), n()).prop_map(Some)], revision(), time());
    let link = links.prop_map(|(n, like, codes, revision, expires_at)| {
        let (scan, short) = codes.unwrap_or((n, n));
        let like = if like % 3 == 0 { crowded_link(like) } else { link(like) };
        // What it names is one of the few.
        let offer = like.offer.map(|offer| LinkOffer { account: account_id(n), ..offer });
        let stage = match like.stage {
            LinkStage::Approved(_) => LinkStage::Approved(approval((n + 1) % FEW)),
            other => other,
        };
        let (scan_code, short_code) = (link_code(scan), link_code(short + 1000));
        Link { id: link_id(n), scan_code, short_code, revision, offer, stage, expires_at, ..like }
    });
    let link = link.boxed();
    let recoveries = (n(), n(), any::<bool>(), revision(), time());
    let recovery = recoveries.prop_map(|(n, of, by_code, revision, expires_at)| {
        let like = recovery(n, of);
        Recovery { revision, expires_at, claim: if by_code { claim(n) } else { like.claim }, ..like }
    });
    let recovery = recovery.boxed();
    prop_oneof![
        (proptest::sample::select(CEREMONIES.as_slice()), time()).prop_map(|(ceremony, expires_at)| Change::Ceremony(
            CeremonyChange::Add(Ceremony { expires_at, ..ceremony })
        )),
        n().prop_map(|n| Change::Ceremony(CeremonyChange::Spend(ceremony_id(n)))),
        link.clone().prop_map(|row| LinkChange::Add(row).into()),
        link.prop_map(|link| Change::Link(LinkChange::Advance(Link { revision: link.revision + 1, ..link }))),
        (n(), revision()).prop_map(|(n, revision)| Change::Link(LinkChange::Spend { id: link_id(n), revision })),
        recovery.clone().prop_map(|row| RecoveryChange::Put(row).into()),
        recovery.prop_map(|recovery| {
            Change::Recovery(RecoveryChange::Advance(Recovery { revision: recovery.revision + 1, ..recovery }))
        }),
        (n(), revision())
            .prop_map(|(n, revision)| Change::Recovery(RecoveryChange::Spend { browser: digest(n), revision })),
        (pair(), time()).prop_map(|((n, of), until)| Change::Hold(HoldChange::Add(Hold { until, ..hold(n, of) }))),
        pair().prop_map(|(n, of)| Change::Hold(HoldChange::Spend { account: account_id(of), id: hold_id(n) })),
        n().prop_map(|n| Change::Hold(HoldChange::RequireNone(account_id(n)))),
        (pair(), 0..6_u32, time(), any::<bool>()).prop_map(|((n, of), was, expires_at, none)| {
            // Of the three that there are of an account, one after the other.
            let (read, is) = (moving(was, of), Move { expires_at, ..moving(n, of) });
            let was = (!none).then(|| read.name());
            Change::Move(MoveChange::Set { account: account_id(of), was, is: Some(Box::new(is)) })
        }),
        (pair(), any::<bool>()).prop_map(|((n, of), none)| {
            let was = (!none).then(|| moving(n, of).name());
            Change::Move(MoveChange::Set { account: account_id(of), was, is: None })
        }),
        n().prop_map(|n| Change::Move(MoveChange::DropAsked(account_id(n)))),
        (n(), n(), time()).prop_map(|(n, of, expires_at)| Change::AdminCode(AdminCodeChange::Put(AdminCode {
            expires_at,
            ..admin_code(n % 2, of)
        }))),
        (n(), time()).prop_map(|(n, expires_at)| {
            Change::Bookmark(BookmarkChange::Put(Bookmark { expires_at, ..bookmark(n) }))
        }),
        (n(), n()).prop_map(|(n, id)| {
            let id = invitation(id).id;
            Change::Invitation(InvitationChange::Put(Invitation { id, ..invitation(n) }))
        }),
        (n(), n(), any::<bool>()).prop_map(|(n, id, none)| Change::Invitation(InvitationChange::Use {
            email: email(n),
            read: (!none).then_some(invitation(id).id)
        })),
        n().prop_map(|n| Change::Invitation(InvitationChange::TakeBack(email(n)))),
        n().prop_map(|n| Change::Recovery(RecoveryChange::DropAll(account_id(n)))),
        (n(), n()).prop_map(|(n, of)| Change::AdminCode(AdminCodeChange::Spend {
            account: account_id(of),
            digest: code_digest(n % 2)
        })),
    ]
}

fn of_the_gateway() -> impl Strategy<Value = Change> {
    prop_oneof![
        (n(), 0..10_u32, time(), time()).prop_map(|(n, like, due_at, expires_at)| {
            Change::Letter(LetterChange::Add(Letter { id: letter_id(n), expires_at, ..letter(like, due_at.unix()) }))
        }),
        (n(), n(), time(), time()).prop_map(|(n, other, now, due_at)| {
            let first = letter(n, now.unix());
            let waits = Letter { created_at: now, ..letter(other + 100, due_at.unix()) };
            Change::Letter(LetterChange::Gather {
                first: Box::new(first),
                waits: Box::new(waits),
                rest: Message::Welcome,
            })
        }),
        (n(), 0..9_u32, time(), time()).prop_map(|(n, failures, was, due_at)| {
            Change::Letter(LetterChange::Delay { id: letter_id(n), was, due_at, failures })
        }),
        (0..4_u64).prop_map(|was| KeyChange::Advance { was }.into()),
        n().prop_map(|n| Change::Letter(LetterChange::Drop(letter_id(n)))),
        (0..3_u8, 0..4_u32, 0..9_u64, time()).prop_map(|(n, limit, window, now)| Change::Counter(
            CounterChange::Count { counter: counter(n), limit, window: Duration::from_secs(window), now }
        )),
        (0..2_u8).prop_map(|n| Change::Key(KeyChange::SetMaster(Secret::from_bytes([n; 32])))),
        (n(), 0..20_u64).prop_map(|(n, at)| Change::Key(KeyChange::Put(signing_key(&n.to_string(), at)))),
        n().prop_map(|n| Change::Key(KeyChange::Drop(n.to_string()))),
        n().prop_map(|n| Change::Key(KeyChange::NoteRpId(rp_id(&format!("host{n}.example.com"))))),
    ]
}

/// All that can be read of the first few of each kind, as text.
pub async fn everything(store: &impl Store) -> String {
    let mut all = Vec::new();
    for n in 0..FEW {
        all.push(everything_of(store, n).await);
    }
    for now in [5, 10, 99] {
        all.push(store.letters_due(at(now), 3).await.unwrap().shown());
    }
    all.push(store.accounts(None, 2).await.unwrap().shown());
    all.push(store.accounts(Some(&email(1)), 9).await.unwrap().shown());
    all.push(format!("{:?}", store.master().await.unwrap().map(|master| *master.bytes())));
    all.push(store.signing_keys().await.unwrap().shown());
    all.push(store.key_generation().await.unwrap().to_string());
    all.push(format!("{:?}", store.rp_id().await.unwrap()));
    for text in ["notes.example.com", "host1.example.com"] {
        all.push(format!("{:?}", store.locked_out(&rp_id(text)).await.unwrap()));
    }
    all.join("\n\n")
}

/// All that can be read of those of one number, as text.
pub async fn everything_of(store: &impl Store, n: u32) -> String {
    [
        store.ceremony(ceremony_id(n)).await.unwrap().shown(),
        store.registration(digest(n)).await.unwrap().shown(),
        store.registrations_of(&email(n)).await.unwrap().shown(),
        store.account(account_id(n)).await.unwrap().shown(),
        store.account_by_email(&email(n)).await.unwrap().shown(),
        store.passkey(&credential(n)).await.unwrap().shown(),
        store.passkeys(account_id(n)).await.unwrap().shown(),
        store.session(digest(n)).await.unwrap().shown(),
        store.sessions(account_id(n)).await.unwrap().shown(),
        store.tokens(digest(n)).await.unwrap().shown(),
        tokens_by_refresh(store, n).await,
        store.events(account_id(n), 3).await.unwrap().shown(),
        store.link(link_id(n)).await.unwrap().shown(),
        store.link_by_code(link_code(n)).await.unwrap().shown(),
        store.link_by_code(link_code(n + 1000)).await.unwrap().shown(),
        store.recovery(digest(n)).await.unwrap().shown(),
        store.recoveries_of(account_id(n)).await.unwrap().shown(),
        store.recoveries_for(&email(n)).await.unwrap().shown(),
        store.hold(account_id(n)).await.unwrap().shown(),
        format!("{:?}", store.moving(account_id(n)).await.unwrap()),
        format!("{:?}", store.moves_from(&email(n + 1)).await.unwrap()),
        format!("{:?}", store.admin_code(account_id(n)).await.unwrap()),
        format!("{:?}", store.bookmark(digest(n)).await.unwrap()),
        format!("{:?}", store.invitation(&email(n)).await.unwrap()),
        format!("{:?}", store.invitations(Some(&email(n)), 2).await.unwrap()),
    ]
    .join("\n")
}

/// What the refresh tokens of one number lead to.
async fn tokens_by_refresh(store: &impl Store, n: u32) -> String {
    let mut found = Vec::new();
    for token in (0..FEW).chain(100..100 + FEW) {
        found.push(store.tokens_by_refresh(refresh(n, token)).await.unwrap());
    }
    found.into_iter().map(|family| family.map(|family| family.session)).map(|session| format!("{session:?}")).collect()
}

fn outcome(committed: Result<(), CommitError>) -> String {
    match committed {
        Ok(()) => "kept".to_owned(),
        Err(CommitError::Conflict(conflict)) => format!("{conflict:?}"),
        Err(CommitError::Store(error)) => panic!("{error}: {:?}", error.source),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_file_and_the_model_cannot_be_told_apart(peopled in any::<bool>(), steps in vec(step(), 1..100)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("bmauth.redb");
            let (model, mut file) = (MemoryStore::new(), RedbStore::open(&path).unwrap());
            if peopled {
                model.commit(beginning(), Durability::Relaxed).await.unwrap();
                file.commit(beginning(), Durability::Relaxed).await.unwrap();
            }
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
                    Step::SetBack { now } => {
                        let expected = model.set_back(now, 99).await.unwrap();
                        prop_assert_eq!(file.set_back(now, 99).await.unwrap(), expected);
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

/// Every way in which the commits of two clients can have come one after the other: whose turn it is, `true` for the
/// first.
fn orders(first: usize, second: usize) -> Vec<Vec<bool>> {
    if first == 0 || second == 0 {
        return vec![vec![second == 0; first + second]];
    }
    let after = |turn, rest: Vec<Vec<bool>>| rest.into_iter().map(move |rest| [vec![turn], rest].concat());
    after(true, orders(first - 1, second)).chain(after(false, orders(first, second - 1))).collect()
}

/// Commits of one client, one after the other, and what came of each.
async fn carry_out(store: &impl Store, commits: &[Vec<Change>]) -> Vec<String> {
    let mut outcomes = Vec::new();
    for changes in commits {
        outcomes.push(outcome(store.commit(changes.clone(), Durability::Relaxed).await));
    }
    outcomes
}

/// The commits of a client, and what came of each.
type Done<'a> = (&'a [Vec<Change>], &'a [String]);

/// What the model comes to in that order; `None` where a commit of it comes to something else than in the database.
async fn in_order(order: &[bool], first: Done<'_>, second: Done<'_>) -> Option<String> {
    let model = MemoryStore::new();
    model.commit(beginning(), Durability::Relaxed).await.unwrap();
    let [mut first, mut second] = [first, second].map(|(commits, outcomes)| commits.iter().zip(outcomes));
    for is_first in order {
        let next = if *is_first { first.next() } else { second.next() };
        let (changes, expected) = next.unwrap();
        if outcome(model.commit(changes.clone(), Durability::Relaxed).await) != *expected {
            return None;
        }
    }
    Some(everything(&model).await)
}

fn commits() -> impl Strategy<Value = Vec<Vec<Change>>> {
    vec(vec(change(), 1..4), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_database_and_the_model_cannot_be_told_apart(peopled in any::<bool>(), steps in vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (model, target) = (MemoryStore::new(), shared::fresh());
            migrate(&target).await.unwrap();
            let mut database = shared::open(&target).await;
            if peopled {
                model.commit(beginning(), Durability::Relaxed).await.unwrap();
                database.commit(beginning(), Durability::Relaxed).await.unwrap();
            }
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Commit(changes, durability) => {
                        let expected = outcome(model.commit(changes.clone(), durability).await);
                        prop_assert_eq!(outcome(database.commit(changes, durability).await), expected);
                    }
                    Step::Sweep { now, created_before, seen_before } => {
                        let expected = model.sweep(now, created_before, seen_before, 99).await.unwrap();
                        prop_assert_eq!(database.sweep(now, created_before, seen_before, 99).await.unwrap(), expected);
                    }
                    Step::SetBack { now } => {
                        let expected = model.set_back(now, 99).await.unwrap();
                        prop_assert_eq!(database.set_back(now, 99).await.unwrap(), expected);
                    }
                    Step::Reopen => {
                        // What only one gateway does is for the next one to do.
                        database.leave().await.unwrap();
                        database = shared::open(&target).await;
                    }
                }
                // What a step left wrong, later ones seldom put right.
                if n % 4 == 0 {
                    prop_assert_eq!(everything(&database).await, everything(&model).await);
                }
            }
            prop_assert_eq!(everything(&database).await, everything(&model).await);
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_two_clients_of_the_database_do_could_have_happened_one_after_the_other(
        first in commits(),
        second in commits(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let target = shared::fresh();
            migrate(&target).await.unwrap();
            let (one, other) = (shared::open(&target).await, shared::open(&target).await);
            one.commit(beginning(), Durability::Relaxed).await.unwrap();
            let (ones, others) = tokio::join!(carry_out(&one, &first), carry_out(&other, &second));
            let is = everything(&one).await;
            for order in orders(first.len(), second.len()) {
                if in_order(&order, (&first, &ones), (&second, &others)).await.as_ref() == Some(&is) {
                    return Ok(());
                }
            }
            Err(TestCaseError::fail(format!("no order explains it: {ones:?} {others:?}")))
        })?;
    }
}
