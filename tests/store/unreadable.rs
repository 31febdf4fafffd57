//! Rows that cannot be read: they refuse who needs them, hold up no one else, and go when their time is over.

use std::path::PathBuf;

use bmauth::domain::admin_code::AdminCode;
use bmauth::domain::link::{Link, LinkOffer, LinkStage};
use bmauth::domain::plan::{
    AccountChange, AdminCodeChange, BookmarkChange, CeremonyChange, Change, Conflict, CounterChange, Durability,
    EventChange, HoldChange, InvitationChange, LetterChange, LinkChange, MoveChange, PasskeyChange, RecoveryChange,
    RegistrationChange, SessionChange, SessionConflict, TokensChange,
};
use bmauth::domain::recovery::Recovery;
use bmauth::domain::registration::Registration;
use bmauth::store::redb::RedbStore;
use bmauth::store::{CommitError, Records as _, Store as _};
use redb::{Database, ReadableTable as _, TableDefinition};
use tempfile::TempDir;

use crate::claims::atomic::{keeps, refuses};
use crate::file::tables_with;
use crate::random::everything_of;
use crate::sample::*;
use crate::shown::Shown as _;

/// Every table whose rows expire or go with an account or a session.
const TABLES: [&str; 13] = [
    "ceremonies",
    "registrations",
    "sessions",
    "token-families",
    "links",
    "recoveries",
    "holds",
    "moves",
    "admin-codes",
    "bookmarks",
    "events",
    "letters",
    "counters",
];

/// How a row can be spoiled.
#[derive(Clone, Copy, Debug)]
enum Spoiled {
    /// By a version that is not known.
    Newer,
    /// By its end being lost.
    Cut,
    /// By being empty.
    Empty,
}

struct Kept {
    directory: TempDir,
    store: Option<RedbStore>,
}

impl Kept {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = RedbStore::open(&directory.path().join("bmauth.redb")).unwrap();
        Self { directory, store: Some(store) }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("bmauth.redb")
    }

    fn store(&self) -> &RedbStore {
        self.store.as_ref().unwrap()
    }

    /// Spoils rows while no process has the file open. Each table must have some.
    fn spoil(&mut self, tables: &[&str], like: impl Fn(&[u8]) -> bool, how: Spoiled) {
        self.store = None;
        {
            let database = Database::open(self.path()).unwrap();
            let transaction = database.begin_write().unwrap();
            for name in tables {
                let definition: TableDefinition<&[u8], &[u8]> = TableDefinition::new(name);
                let mut table = transaction.open_table(definition).unwrap();
                let rows = table.iter().unwrap().map(|row| row.unwrap());
                let rows: Vec<_> = rows.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())).collect();
                let rows: Vec<_> = rows.into_iter().filter(|(key, _)| like(key)).collect();
                assert!(!rows.is_empty(), "“{name}” has no such row");
                for (key, mut value) in rows {
                    match how {
                        Spoiled::Newer => value.splice(..1, [99]).for_each(drop),
                        Spoiled::Cut => value.truncate(value.len() - 1),
                        Spoiled::Empty => value.clear(),
                    }
                    table.insert(key.as_slice(), value.as_slice()).unwrap();
                }
            }
            transaction.commit().unwrap();
        }
        self.store = Some(RedbStore::open(&self.path()).unwrap());
    }

    /// The table of every row there is.
    fn tables(&mut self) -> Vec<String> {
        self.store = None;
        let tables = tables_with(&self.path(), |_, _| true);
        self.store = Some(RedbStore::open(&self.path()).unwrap());
        tables
    }

    #[track_caller]
    fn fails(&self, changes: impl Into<Vec<Change>>) -> impl Future<Output = ()> {
        let (changes, caller) = (changes.into(), std::panic::Location::caller());
        async move {
            let outcome = self.store().commit(changes, Durability::Durable).await;
            assert!(matches!(outcome, Err(CommitError::Store(_))), "{outcome:?} at {caller}");
        }
    }
}

/// One of everything, all of the person of that number.
fn everything_there_is(n: u32) -> Vec<Change> {
    let account = account_id(n);
    let mut changes = person(n);
    changes.extend([
        Change::Ceremony(CeremonyChange::Add(ceremony(n))),
        Change::Registration(RegistrationChange::Put(registration(n, n, n))),
        Change::Session(SessionChange::Add(session(n, n, n))),
        Change::Tokens(TokensChange::Add(tokens(n, 2, 2))),
        Change::Link(LinkChange::Add(Link {
            offer: Some(LinkOffer { account, session: digest(n) }),
            stage: LinkStage::Approved(approval(n)),
            ..link(n)
        })),
        Change::Recovery(RecoveryChange::Put(Recovery { account: Some(account), ..recovery(n, n) })),
        Change::Hold(HoldChange::Add(hold(n, n))),
        Change::Move(MoveChange::put(None, moved(n))),
        Change::AdminCode(AdminCodeChange::Put(AdminCode { expires_at: at(4000), ..admin_code(n, n) })),
        Change::Bookmark(BookmarkChange::Put(bookmark(n))),
        Change::Event(EventChange::Add(event(n, n, 50))),
        Change::Letter(LetterChange::Add(letter(n, 3000))),
        Change::Counter(CounterChange::Count {
            counter: counter(u8::try_from(n).unwrap()),
            limit: 9,
            window: std::time::Duration::from_secs(60),
            now: at(1000),
        }),
    ]);
    changes
}

/// Whether a key is that of person 1: their account id, or a digest or name of number 1.
fn is_of_1(key: &[u8]) -> bool {
    key == digest(1).bytes() || key == account_id(1).0.as_bytes() || key == counter(1).0
}

#[tokio::test]
async fn a_sweep_removes_what_cannot_be_read_when_its_time_is_over_and_all_that_names_it() {
    for how in [Spoiled::Newer, Spoiled::Cut, Spoiled::Empty] {
        let mut kept = Kept::new();
        keeps(kept.store(), everything_there_is(1)).await;
        keeps(kept.store(), everything_there_is(2)).await;
        let of_2 = everything_of(kept.store(), 2).await;
        kept.spoil(&TABLES, is_of_1, how);
        let before = kept.tables();
        assert_eq!(kept.store().sweep(at(0), at(0), at(0), 99).await.unwrap(), 0);
        assert_eq!(kept.tables(), before, "nothing goes before its time");

        assert_eq!(everything_of(kept.store(), 2).await, of_2);
        let end = at(u64::MAX);
        // Each of them stands in front of its like, and none of them twice.
        assert_eq!(kept.store().sweep(end, end, end, 1).await.unwrap(), 12, "{how:?}");
        assert_eq!(everything_of(kept.store(), 2).await, of_2, "{how:?}");
        assert_eq!(kept.store().sweep(end, end, end, 1).await.unwrap(), 12, "{how:?}");
        assert_eq!(kept.store().sweep(end, end, end, 1).await.unwrap(), 0, "{how:?}");
        let left = ["accounts", "accounts-by-email", "meta", "passkeys", "passkeys-by-account"];
        let mut tables = kept.tables();
        tables.dedup();
        assert_eq!(tables, left, "{how:?}: not even an index has a row more");
    }
}

#[tokio::test]
async fn many_that_cannot_be_read_go_together_with_those_that_can() {
    let mut kept = Kept::new();
    keeps(kept.store(), person(1)).await;
    for n in 0..20 {
        let browser = [
            Change::Registration(RegistrationChange::Put(registration(n, 1, n))),
            Change::Letter(LetterChange::Add(letter(n, 3000))),
        ];
        keeps(kept.store(), browser).await;
        keeps(
            kept.store(),
            [Change::Session(SessionChange::Add(session(n, 1, 1))), Change::Tokens(TokensChange::Add(tokens(n, 1, 1)))],
        )
        .await;
    }
    let odd = |key: &[u8]| {
        (0..20).filter(|n| n % 2 == 1).any(|n| key == digest(n).bytes() || key == letter_id(n).0.as_bytes())
    };
    kept.spoil(&["registrations", "letters", "sessions"], odd, Spoiled::Cut);
    let end = at(u64::MAX);
    assert_eq!(kept.store().sweep(end, end, end, 7).await.unwrap(), 21);
    assert_eq!(kept.store().sweep(end, end, end, 99).await.unwrap(), 39);
    assert_eq!(kept.tables(), ["accounts", "accounts-by-email", "meta", "passkeys", "passkeys-by-account"]);
}

#[tokio::test]
async fn a_ceremony_whose_state_a_library_no_longer_reads_is_refused_and_swept() {
    let mut kept = Kept::new();
    keeps(
        kept.store(),
        [Change::Ceremony(CeremonyChange::Add(ceremony(1))), Change::Ceremony(CeremonyChange::Add(ceremony(2)))],
    )
    .await;
    kept.store = None;
    {
        let database = Database::open(kept.path()).unwrap();
        let transaction = database.begin_write().unwrap();
        let ceremonies: TableDefinition<&[u8], &[u8]> = TableDefinition::new("ceremonies");
        let mut table = transaction.open_table(ceremonies).unwrap();
        let key = ceremony_id(1).0;
        let mut row = table.get(&key.as_bytes()[..]).unwrap().unwrap().value().to_vec();
        // The name of a field that webauthn-rs writes.
        let name = b"\"challenge\"";
        let found = row.windows(name.len()).position(|window| window == name).unwrap();
        row[found..found + name.len()].copy_from_slice(b"\"challeng3\"");
        table.insert(&key.as_bytes()[..], row.as_slice()).unwrap();
        drop(table);
        transaction.commit().unwrap();
    }
    kept.store = Some(RedbStore::open(&kept.path()).unwrap());
    let error = kept.store().ceremony(ceremony_id(1)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("“ceremonies”") && !cause.contains("challeng"), "{cause}");
    kept.fails([Change::Ceremony(CeremonyChange::Spend(ceremony_id(1)))]).await;
    keeps(kept.store(), [Change::Ceremony(CeremonyChange::Spend(ceremony_id(2)))]).await;
    assert_eq!(kept.store().sweep(at(2999), at(0), at(0), 9).await.unwrap(), 0);
    assert_eq!(kept.store().sweep(at(3000), at(0), at(0), 9).await.unwrap(), 1);
    refuses(kept.store(), [Change::Ceremony(CeremonyChange::Spend(ceremony_id(1)))], Conflict::CeremonySpent).await;
    assert_eq!(kept.tables(), ["meta"]);
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_holds_up_no_other() {
    let mut kept = Kept::new();
    let letters = [1, 2, 3, 4, 5].map(|n| letter(n, 3000 + u64::from(n)));
    keeps(kept.store(), letters.clone().map(LetterChange::Add).map(Change::from)).await;
    let [_, second, _, _, fifth] = letters;
    let spoiled = |key: &[u8]| [1, 3, 4].iter().any(|n| key == letter_id(*n).0.as_bytes());
    kept.spoil(&["letters"], spoiled, Spoiled::Newer);
    for (limit, expected) in [
        (0, vec![]),
        (1, vec![second.clone()]),
        (2, vec![second.clone(), fifth.clone()]),
        (9, vec![second.clone(), fifth.clone()]),
    ] {
        assert_eq!(kept.store().letters_due(at(9999), limit).await.unwrap(), expected, "limit {limit}");
    }
    assert_eq!(kept.store().letters_due(at(3004), 9).await.unwrap(), [second]);
    keeps(kept.store(), [Change::Letter(LetterChange::Drop(letter_id(2)))]).await;
    assert_eq!(kept.store().letters_due(at(9999), 1).await.unwrap(), [fifth]);
}

#[tokio::test]
async fn a_registration_that_cannot_be_read_holds_up_no_other_of_its_address() {
    let mut kept = Kept::new();
    let of_1 = [1, 2, 3].map(|n| Change::Registration(RegistrationChange::Put(registration(n, 1, n))));
    keeps(kept.store(), [&of_1[..], &[Change::Registration(RegistrationChange::Put(registration(4, 2, 4)))]].concat())
        .await;
    kept.spoil(&["registrations"], is_of_1, Spoiled::Cut);
    kept.store().registration(digest(1)).await.unwrap_err();
    kept.fails([Change::Registration(RegistrationChange::Spend { browser: digest(1), revision: 0 })]).await;
    let next = Registration { revision: 1, ..registration(1, 1, 1) };
    kept.fails([Change::Registration(RegistrationChange::Advance(next))]).await;
    let found = kept.store().registrations_of(&email(1)).await.unwrap();
    assert_eq!(found.shown(), vec![registration(2, 1, 2), registration(3, 1, 3)].shown());
    keeps(kept.store(), [Change::Registration(RegistrationChange::DropAll(email(1)))]).await;
    assert!(kept.store().registration(digest(1)).await.unwrap().is_none());
    assert_eq!(kept.tables(), ["meta", "registrations", "registrations-by-email", "registrations-by-expiry"]);
    assert!(kept.store().registration(digest(4)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_browser_begins_again_where_what_it_began_cannot_be_read() {
    let mut kept = Kept::new();
    keeps(kept.store(), person(1)).await;
    keeps(
        kept.store(),
        [
            Change::Registration(RegistrationChange::Put(registration(1, 2, 1))),
            Change::Recovery(RecoveryChange::Put(recovery(1, 1))),
        ],
    )
    .await;
    kept.spoil(&["registrations", "recoveries"], is_of_1, Spoiled::Newer);
    // Neither has the address, the account or the time of the one before.
    let again = Registration { expires_at: at(5000), ..registration(1, 3, 9) };
    let anew = Recovery { account: None, expires_at: at(5000), ..recovery(1, 4) };
    keeps(
        kept.store(),
        [
            Change::Registration(RegistrationChange::Put(again.clone())),
            Change::Recovery(RecoveryChange::Put(anew.clone())),
        ],
    )
    .await;
    assert_eq!(kept.store().registration(digest(1)).await.unwrap().shown(), Some(again).shown());
    assert_eq!(kept.store().recovery(digest(1)).await.unwrap(), Some(anew));
    // No index leads from the old address or account to what belongs to another now.
    assert_eq!(kept.store().registrations_of(&email(2)).await.unwrap().shown(), "");
    assert!(kept.store().recoveries_of(account_id(1)).await.unwrap().is_empty());
    keeps(
        kept.store(),
        [
            Change::Registration(RegistrationChange::DropAll(email(2))),
            Change::Recovery(RecoveryChange::DropAll(account_id(1))),
        ],
    )
    .await;
    assert_eq!(kept.store().sweep(at(4000), at(0), at(0), 9).await.unwrap(), 0);
    assert_eq!(kept.store().sweep(at(5000), at(0), at(0), 9).await.unwrap(), 2);
}

#[tokio::test]
async fn a_finished_recovery_takes_away_those_that_cannot_be_read() {
    let mut kept = Kept::new();
    let put = [1, 2, 4].map(|n| Change::Recovery(RecoveryChange::Put(recovery(n, 1 + u32::from(n == 4)))));
    keeps(kept.store(), put).await;
    kept.spoil(&["recoveries"], is_of_1, Spoiled::Newer);
    kept.fails([Change::Recovery(RecoveryChange::Spend { browser: digest(1), revision: 0 })]).await;
    kept.fails([Change::Recovery(RecoveryChange::Advance(Recovery { revision: 1, ..recovery(1, 1) }))]).await;
    assert_eq!(kept.store().recoveries_of(account_id(1)).await.unwrap(), [recovery(2, 1)]);
    keeps(kept.store(), [Change::Recovery(RecoveryChange::DropAll(account_id(1)))]).await;
    assert_eq!(
        kept.tables(),
        ["meta", "recoveries", "recoveries-by-account", "recoveries-by-email", "recoveries-by-expiry"]
    );
    assert_eq!(kept.store().recovery(digest(4)).await.unwrap(), Some(recovery(4, 2)));
}

#[tokio::test]
async fn a_session_that_cannot_be_read_opens_nothing_and_ends_as_others_do() {
    let (account, credential) = (account_id(1), credential(1));
    for ending in [
        Change::Session(SessionChange::End(digest(1))),
        Change::Session(SessionChange::EndAll { account, except: Some(digest(2)) }),
        Change::Account(AccountChange::SetDisabled { account, disabled: true }),
        Change::Passkey(PasskeyChange::Remove { credential, account, last: true }),
    ] {
        let mut kept = Kept::new();
        keeps(kept.store(), [everything_there_is(1), everything_there_is(2)].concat()).await;
        let of_2 = everything_of(kept.store(), 2).await;
        kept.spoil(&["sessions", "token-families"], is_of_1, Spoiled::Newer);
        kept.store().session(digest(1)).await.unwrap_err();
        kept.store().tokens(digest(1)).await.unwrap_err();
        kept.store().tokens_by_refresh(refresh(1, 100)).await.unwrap_err();
        kept.fails([Change::Session(SessionChange::Require(digest(1)))]).await;
        kept.fails([Change::Tokens(TokensChange::Add(tokens(1, 1, 1)))]).await;
        kept.fails([Change::Tokens(TokensChange::Advance(tokens(1, 1, 1)))]).await;

        keeps(kept.store(), [ending.clone()]).await;
        refuses(
            kept.store(),
            [Change::Session(SessionChange::Require(digest(1)))],
            Conflict::Session(SessionConflict::Ended),
        )
        .await;
        assert!(kept.store().session(digest(1)).await.unwrap().is_none(), "after {ending:?}");
        assert!(kept.store().tokens(digest(1)).await.unwrap().is_none(), "after {ending:?}");
        assert!(kept.store().tokens_by_refresh(refresh(1, 100)).await.unwrap().is_none(), "after {ending:?}");
        assert!(kept.store().sessions(account).await.unwrap().is_empty(), "after {ending:?}");
        assert_eq!(everything_of(kept.store(), 2).await, of_2, "after {ending:?}");
        let of_sessions = |name: &&String| name.starts_with("sessions") || name.starts_with("token-families");
        assert_eq!(kept.tables().iter().filter(of_sessions).count(), 5, "after {ending:?}");
    }
}

#[tokio::test]
async fn an_account_is_removed_with_what_of_it_cannot_be_read() {
    for how in [Spoiled::Newer, Spoiled::Empty] {
        let mut kept = Kept::new();
        keeps(kept.store(), everything_there_is(2)).await;
        // What belongs to no account stays.
        let expected = kept.tables();
        let of_account_1 = |change: &Change| {
            let of_nobody = matches!(
                change,
                Change::Ceremony(CeremonyChange::Add(_))
                    | Change::Bookmark(_)
                    | Change::Invitation(_)
                    | Change::Registration(RegistrationChange::Put(_))
                    | Change::Counter(CounterChange::Count { .. })
            );
            !of_nobody && !matches!(change, Change::Letter(LetterChange::Add(_)))
        };
        keeps(kept.store(), everything_there_is(1).into_iter().filter(of_account_1).collect::<Vec<_>>()).await;
        let tables =
            ["sessions", "token-families", "links", "recoveries", "holds", "admin-codes", "events", "passkeys"];
        kept.spoil(&tables, |key| is_of_1(key) || key == credential(1).bytes(), how);
        keeps(kept.store(), [Change::Account(AccountChange::Remove(account_id(1)))]).await;
        assert_eq!(kept.tables(), expected, "{how:?}");
    }
}

#[tokio::test]
async fn a_count_that_cannot_be_read_refuses_until_its_window_is_over() {
    let mut kept = Kept::new();
    let count = |now| {
        let window = std::time::Duration::from_secs(60);
        [Change::Counter(CounterChange::Count { counter: counter(1), limit: 9, window, now: at(now) })]
    };
    keeps(kept.store(), count(1000)).await;
    kept.spoil(&["counters"], is_of_1, Spoiled::Cut);
    kept.fails(count(1001)).await;
    assert_eq!(kept.store().sweep(at(1059), at(0), at(0), 9).await.unwrap(), 0);
    assert_eq!(kept.store().sweep(at(1060), at(0), at(0), 9).await.unwrap(), 1);
    keeps(kept.store(), count(1060)).await;
}

#[tokio::test]
async fn an_invitation_that_cannot_be_read_admits_no_address_hides_as_much_and_can_be_mended() {
    for how in [Spoiled::Newer, Spoiled::Cut, Spoiled::Empty] {
        let mut kept = Kept::new();
        keeps(kept.store(), [1, 2, 3].map(|n| Change::Invitation(InvitationChange::Put(invitation(n))))).await;
        let spoiled = |key: &[u8]| key == email(1).as_str().as_bytes() || key == email(2).as_str().as_bytes();
        kept.spoil(&["invitations"], spoiled, how);
        let of = |n| Change::Invitation(InvitationChange::Use { email: email(n), read: None });
        kept.store().invitation(&email(1)).await.unwrap_err();
        kept.fails([of(1)]).await;
        for limit in [1, 9] {
            assert_eq!(kept.store().invitations(None, limit).await.unwrap(), [invitation(3)], "{how:?}");
        }
        let take_back = |n| [Change::Invitation(InvitationChange::TakeBack(email(n)))];
        keeps(kept.store(), take_back(3)).await;
        assert_eq!(kept.store().invitations(None, 9).await.unwrap(), [], "{how:?}");
        assert!(kept.store().has_invitations().await.unwrap(), "{how:?}");
        // Made anew, or taken back.
        keeps(kept.store(), [Change::Invitation(InvitationChange::Put(invitation(1)))]).await;
        assert_eq!(kept.store().invitation(&email(1)).await.unwrap(), Some(invitation(1)));
        keeps(kept.store(), take_back(2)).await;
        keeps(kept.store(), [of(2)]).await;
        keeps(kept.store(), take_back(1)).await;
        assert!(!kept.store().has_invitations().await.unwrap(), "{how:?}");
        assert_eq!(kept.tables(), ["meta"], "{how:?}");
    }
}
