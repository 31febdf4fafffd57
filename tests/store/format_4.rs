//! A file that version 4 wrote, as bmauth 0.2.0 left it, kept for ever: every kind of row, in every variant that there
//! was.

use std::path::Path;
use std::time::Duration;

use bmauth::domain::activity::{Event, What};
use bmauth::domain::address::MoveId;
use bmauth::domain::ceremony::{Act, Ceremony, CeremonyPurpose, Proves};
use bmauth::domain::letter::{Letter, Message};
use bmauth::domain::plan::{
    AccountChange, AdminCodeChange, BookmarkChange, CeremonyChange, Change, CounterChange, EventChange, HoldChange,
    InvitationChange, KeyChange, LetterChange, LinkChange, MoveChange, PasskeyChange, RecoveryChange,
    RegistrationChange, SessionChange, TokensChange,
};
use bmauth::domain::recovery::Recovery;
use bmauth::domain::secret::Secret;
use bmauth::domain::session::Session;
use bmauth::domain::utc_offset::UtcOffset;
use bmauth::store::memory::MemoryStore;
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store};
use tempfile::TempDir;
use uuid::Uuid;

use crate::claims::atomic::keeps;
use crate::random::everything;
use crate::sample::*;
use crate::shown::Shown as _;

/// The ids of what the samples have less of than the program: they follow on those of the samples.
const MORE: u32 = 200;

/// What was written, commit by commit. No sample that the file was written from may change.
fn written() -> Vec<Vec<Change>> {
    let people = (1..9).map(|n| {
        let account = Change::from(AccountChange::Add(account_of_api(n)));
        vec![account, PasskeyChange::Add(passkey(n, n)).into(), PasskeyChange::Add(passkey(n + 20, n)).into()]
    });
    let sessions = (1..9).map(|n| {
        let member = Session { head: Some(digest(n)), ..session(n + 20, n, n) };
        let by_code = session_by_code(n + 40, n);
        vec![
            SessionChange::Add(session(n, n, n)).into(),
            SessionChange::Add(member).into(),
            SessionChange::Add(by_code).into(),
            TokensChange::Add(tokens(n, 2, n % 3)).into(),
        ]
    });
    let ceremonies = (0..12).map(ceremony).chain(more_ceremonies());
    let registrations = [registration(1, 11, 1), registration_of_api(2, 12, 2), registration_again(3, 13, 3)];
    let recoveries = (1..7).map(|n| recovery(n, n));
    let beside = Recovery { beside: Some(credential(8)), claim: claim(8), ..recovery(8, 8) };
    let letters = (0..13).map(|n| letter(n, 5 + u64::from(n) * 3)).chain(more_letters());
    let events = (0..14).map(|n| event(n, 1 + n % 3, 100 + u64::from(n))).chain(more_events());
    // Of an address that no other account has.
    let moves = (1..6).map(|n| if n == 2 { moved(n) } else { moving(n, n) });
    let one = |change: Change| vec![change];
    people
        .chain(sessions)
        .chain(ceremonies.map(|ceremony| one(CeremonyChange::Add(ceremony).into())))
        .chain(registrations.map(|registration| one(RegistrationChange::Put(registration).into())))
        .chain((1..9).map(|n| one(LinkChange::Add(link(n)).into())))
        .chain([one(LinkChange::Add(crowded_link(10)).into())])
        .chain(recoveries.chain([beside]).map(|recovery| one(RecoveryChange::Put(recovery).into())))
        .chain([one(HoldChange::Add(hold(2, 2)).into())])
        .chain(moves.map(|moving| one(MoveChange::put(None, moving).into())))
        .chain([one(AdminCodeChange::Put(admin_code(3, 3)).into())])
        .chain((1..3).map(|n| one(BookmarkChange::Put(bookmark(n)).into())))
        .chain((31..34).map(|n| one(InvitationChange::Put(invitation(n)).into())))
        .chain(events.map(|event| one(EventChange::Add(event).into())))
        .chain(letters.map(|letter| one(LetterChange::Add(letter).into())))
        .chain([vec![
            CounterChange::Count { counter: counter(1), limit: 9, window: Duration::from_secs(60), now: at(1000) }
                .into(),
            KeyChange::SetMaster(Secret::from_bytes([4; 32])).into(),
            KeyChange::Put(signing_key("1", 100)).into(),
            KeyChange::Put(signing_key("ed2", 200)).into(),
            KeyChange::Advance { was: 0 }.into(),
            KeyChange::NoteRpId(rp_id("notes.example.com")).into(),
        ]])
        .collect()
}

fn more_ceremonies() -> impl Iterator<Item = Ceremony> {
    let acts = [
        Act::AnswerReview { remove: vec![credential(1)], listed: vec![credential(1), credential(2)] },
        Act::StopRecovery,
        Act::Download,
        Act::ChangeAddress(email(9)),
        Act::DeleteAccount,
    ];
    let confirm = |act| Proves::Confirm { account: account_id(1), session: digest(1), act };
    let contest = Proves::Contest { account: account_id(1), credential: credential(1) };
    let proves = acts.map(confirm).into_iter().chain([contest]);
    (MORE..).zip(proves).map(|(n, proves)| {
        let purpose = CeremonyPurpose::Prove { proves, state: sign_in_state() };
        Ceremony { id: ceremony_id(n), purpose, ..ceremony(1) }
    })
}

fn more_letters() -> impl Iterator<Item = Letter> {
    let messages = [
        Message::NotInvited,
        Message::RecoveryContested,
        Message::RecoveryUndone,
        Message::AskOperator,
        Message::CodesTried,
        Message::AddressCode(code(1)),
        Message::AddressWanted,
        Message::AddressKept,
        Message::AddressChanged { account: account_id(1), undo: MoveId(Uuid::from_u128(7)) },
        Message::AddressRestored,
        Message::AccountDeleted,
    ];
    (MORE..).zip(messages).map(|(n, message)| {
        let (offset, failures) = (UtcOffset::of_minutes(-330), 3);
        Letter { id: letter_id(n), message, offset, failures, ..letter(1, 60 + u64::from(n - MORE)) }
    })
}

fn more_events() -> impl Iterator<Item = Event> {
    let what = [
        What::RecoveryContested,
        What::RecoveryUndone,
        What::ReviewAnswered,
        What::AddressAsked,
        What::AddressChanged,
        What::AddressRestored,
    ];
    (MORE..).zip(what).map(|(n, what)| Event { what, ..event(n, 4 + n % 3, 200 + u64::from(n)) })
}

/// All of a store as text, but for what an authenticator or WebAuthn's library drew.
async fn shown(store: &impl Store) -> String {
    let mut all = everything(store).await;
    for now in [20, 40, 60, 80] {
        all.push_str(&store.letters_due(at(now), 99).await.unwrap().shown());
    }
    for n in 0..4 {
        all.push_str(&store.events(account_id(n + 3), 99).await.unwrap().shown());
    }
    let mut drawn = Vec::new();
    for n in (0..12).chain(MORE..MORE + 6) {
        let ceremony = store.ceremony(ceremony_id(n)).await.unwrap().unwrap();
        all.push_str(&ceremony.shown());
        drawn.extend(match &ceremony.purpose {
            CeremonyPurpose::Make { state, .. } => [format!("{state:?}"), serde_json::to_string(state).unwrap()],
            CeremonyPurpose::Prove { state, .. } => [format!("{state:?}"), serde_json::to_string(state).unwrap()],
        });
    }
    let passkey = store.passkey(&credential(1)).await.unwrap().unwrap();
    let credential = &passkey.key.credential;
    drawn.extend([format!("{credential:?}"), serde_json::to_string(credential).unwrap()]);
    drawn.iter().fold(all, |all, drawn| all.replace(drawn, "…"))
}

/// A copy of the file, opened.
fn opened() -> (TempDir, RedbStore) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bmauth.redb");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-v4.redb"), &path).unwrap();
    let store = RedbStore::open(&path).unwrap();
    (directory, store)
}

#[tokio::test]
async fn all_that_version_4_wrote_is_read_as_it_was_meant() {
    let fresh = MemoryStore::new();
    for changes in written() {
        keeps(&fresh, changes).await;
    }
    let (directory, store) = opened();
    let (found, meant) = (shown(&store).await, shown(&fresh).await);
    for (found, meant) in found.lines().zip(meant.lines()) {
        assert_eq!(found, meant);
    }
    assert_eq!(found.lines().count(), meant.lines().count());
    let kinds = store.back_up(&directory.path().join("copy.redb")).await.unwrap();
    assert!(kinds.iter().all(|kind| kind.rows > 0), "a kind of row is not in the file: {kinds:?}");
}

#[tokio::test]
async fn what_version_4_wrote_goes_on() {
    let (directory, store) = opened();
    keeps(&store, [SessionChange::End(digest(1)).into()]).await;
    assert!(store.session(digest(21)).await.unwrap().is_none(), "its family ends with it");
    assert!(store.tokens(digest(1)).await.unwrap().is_none());
    let end = at(u64::MAX);
    while store.sweep(end, end, end, 99).await.unwrap() > 0 {}
    let copy = directory.path().join("copy.redb");
    let left = store.back_up(&copy).await.unwrap().into_iter().filter(|kind| kind.rows > 0);
    let left: Vec<_> = left.map(|kind| kind.kind).collect();
    assert_eq!(left, ["accounts", "passkeys", "invitations", "signing-keys"]);
}
