use std::sync::Arc;

use bmauth::domain::account::Account;
use bmauth::domain::activity::{Event, What};
use bmauth::domain::address::{Move, MoveStage, UNDO};
use bmauth::domain::ceremony::{Act, Ceremony, Proves, Purpose};
use bmauth::domain::letter::{Letter, Message};
use bmauth::domain::plan::{
    AccountChange, AccountConflict, CeremonyChange, Change, Conflict, EventChange, HoldChange, LetterChange,
    MoveChange, RegistrationChange,
};
use bmauth::domain::registration::{Outlook, Registration};
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::claims::counting::race;
use crate::sample::*;
use crate::shown::Shown as _;

fn put(was: Option<&Move>, is: Move) -> [Change; 1] {
    [Change::Move(MoveChange::put(was, is))]
}

fn take(account: u32, was: Option<&Move>) -> [Change; 1] {
    [Change::Move(MoveChange::take(account_id(account), was))]
}

async fn people(store: &impl Store) {
    keeps(store, [1, 2, 3].map(|n| Change::Account(AccountChange::Add(account(n))))).await;
}

pub async fn a_move_reads_as_it_was_put_and_an_account_has_one(store: Arc<impl Store>) {
    people(&*store).await;
    let mut last = None;
    for n in 0..10 {
        let is = Move { account: account_id(1), ..moving(n, 1) };
        keeps(&*store, put(last.as_ref(), is.clone())).await;
        assert_eq!(store.moving(account_id(1)).await.unwrap(), Some(is.clone()));
        // Only one that is done keeps an address.
        let kept = is.former().is_some();
        assert_eq!(store.moves_from(&email(2)).await.unwrap().len(), usize::from(kept));
        last = Some(is);
    }
    assert_eq!(store.moving(account_id(2)).await.unwrap(), None);
    assert_eq!(store.moves_from(&email(1)).await.unwrap(), []);
    refuses(&*store, put(None, moving(1, 9)), Conflict::Account(AccountConflict::Gone)).await;
}

pub async fn a_move_goes_on_from_what_was_read_only(store: Arc<impl Store>) {
    people(&*store).await;
    refuses(&*store, take(1, Some(&moving(1, 1))), Conflict::MoveChanged).await;
    refuses(&*store, put(Some(&moving(1, 1)), moving(3, 1)), Conflict::MoveChanged).await;
    // There is none, which can be asked for by itself.
    keeps(&*store, take(1, None)).await;
    keeps(&*store, put(None, moving(1, 1))).await;
    refuses(&*store, take(1, None), Conflict::MoveChanged).await;
    for wrong in [moving(3, 1), Move { revision: 9, ..moving(1, 1) }] {
        refuses(&*store, put(Some(&wrong), moving(3, 1)), Conflict::MoveChanged).await;
        refuses(&*store, take(1, Some(&wrong)), Conflict::MoveChanged).await;
    }
    keeps(&*store, take(1, Some(&moving(1, 1)))).await;
    assert_eq!(store.moving(account_id(1)).await.unwrap(), None);
    refuses(&*store, take(1, Some(&moving(1, 1))), Conflict::MoveChanged).await;
}

pub async fn of_many_that_change_a_move_one_does(store: Arc<impl Store>) {
    people(&*store).await;
    keeps(&*store, put(None, moving(1, 1))).await;
    let commits = (0..30).map(|n| put(Some(&moving(1, 1)), Move { revision: 100 + n, ..moving(1, 1) }).to_vec());
    assert_eq!(race(&store, commits.collect(), Conflict::MoveChanged).await, 1);
}

pub async fn only_one_that_waits_for_its_code_is_dropped_as_such(store: Arc<impl Store>) {
    people(&*store).await;
    let drop = |n| [Change::Move(MoveChange::DropAsked(account_id(n)))];
    keeps(&*store, [put(None, moving(1, 1)), put(None, moving(2, 2))].concat()).await;
    keeps(&*store, put(None, moving(4, 3))).await;
    for n in 1..=3 {
        keeps(&*store, drop(n)).await;
    }
    assert_eq!(store.moving(account_id(1)).await.unwrap(), None);
    assert_eq!(store.moving(account_id(2)).await.unwrap(), Some(moving(2, 2)));
    assert_eq!(
        store.moving(account_id(3)).await.unwrap(),
        Some(moving(4, 3)),
        "one that was undone holds its account up"
    );
}

pub async fn an_address_that_is_kept_is_reserved_until_its_time_is_over(store: Arc<impl Store>) {
    people(&*store).await;
    let taken = || Conflict::Account(AccountConflict::EmailTaken);
    // Of account 3, which had the address of number 4 until then.
    let kept = Move { expires_at: at(2000), ..moving(2, 3) };
    keeps(&*store, put(None, kept.clone())).await;
    let registers = |now| [Change::Account(AccountChange::Add(Account { created_at: at(now), ..account(4) }))];
    let gets = |n, now| {
        let (account, was, is) = (account_id(n), email(n), email(4));
        [Change::Account(AccountChange::SetEmail { account, was, is, now: at(now) })]
    };
    for now in [1000, 1999] {
        refuses(&*store, registers(now), taken()).await;
        refuses(&*store, gets(1, now), taken()).await;
        // Not even its own account gets it back beside what is kept.
        refuses(&*store, gets(3, now), taken()).await;
    }
    // Undone, it is the account's again.
    let undone = Move { stage: MoveStage::Undone, revision: 9, ..kept.clone() };
    keeps(&*store, [put(Some(&kept), undone.clone()), gets(3, 1500)].concat()).await;
    assert_eq!(store.account_by_email(&email(4)).await.unwrap().map(|account| account.id), Some(account_id(3)));
    let back = AccountChange::SetEmail { account: account_id(3), was: email(4), is: email(3), now: at(1500) };
    keeps(&*store, [put(Some(&undone), kept.clone()).to_vec(), vec![Change::Account(back)]].concat()).await;
    // Over, also where a clock that was ahead kept it.
    keeps(&*store, registers(2000)).await;
    keeps(&*store, [Change::Account(AccountChange::Remove(account_id(4)))]).await;
    let far = Move { expires_at: at(2000).after(UNDO).after(UNDO), ..kept.clone() };
    keeps(&*store, put(Some(&kept), far)).await;
    keeps(&*store, registers(2000)).await;
}

pub async fn an_account_gets_another_address_where_it_is_free_and_as_it_was_read(store: Arc<impl Store>) {
    people(&*store).await;
    let gets = |n: u32, was: u32, is: u32| {
        let (account, was, is) = (account_id(n), email(was), email(is));
        [Change::Account(AccountChange::SetEmail { account, was, is, now: at(2000) })]
    };
    refuses(&*store, gets(9, 9, 5), Conflict::Account(AccountConflict::Gone)).await;
    refuses(&*store, gets(1, 2, 5), Conflict::Account(AccountConflict::Changed)).await;
    refuses(&*store, gets(1, 1, 2), Conflict::Account(AccountConflict::EmailTaken)).await;
    keeps(&*store, gets(1, 1, 5)).await;
    let found = async |n| store.account_by_email(&email(n)).await.unwrap().map(|account| account.id);
    assert_eq!((found(1).await, found(5).await), (None, Some(account_id(1))));
    let commits = [1, 2, 3].map(|n| gets(n, if n == 1 { 5 } else { n }, 6).to_vec()).to_vec();
    assert_eq!(race(&store, commits, Conflict::Account(AccountConflict::EmailTaken)).await, 1);
    assert!(found(6).await.is_some());
}

pub async fn an_account_with_a_hold_is_told_from_one_without(store: Arc<impl Store>) {
    people(&*store).await;
    let none = |n| [Change::Hold(HoldChange::RequireNone(account_id(n)))];
    keeps(&*store, none(1)).await;
    keeps(&*store, [Change::Hold(HoldChange::Add(hold(1, 1)))]).await;
    refuses(&*store, none(1), Conflict::HoldChanged).await;
    keeps(&*store, none(2)).await;
    let spent = Change::Hold(HoldChange::Spend { account: account_id(1), id: hold_id(1) });
    keeps(&*store, [&[spent], &none(1)[..]].concat()).await;
}

pub async fn what_a_person_says_of_themselves_is_said_anew(store: Arc<impl Store>) {
    people(&*store).await;
    let says = |n, name: Option<&str>| {
        let (account, name, locale) = (account_id(n), name.map(str::to_owned), profile(2).locale);
        [Change::Account(AccountChange::SetProfile { account, name, locale })]
    };
    refuses(&*store, says(9, None), Conflict::Account(AccountConflict::Gone)).await;
    for name in [Some("Zoë"), None] {
        keeps(&*store, says(1, name)).await;
        let said = Account { name: name.map(str::to_owned), locale: profile(2).locale, ..account(1) };
        assert_eq!(store.account(account_id(1)).await.unwrap(), Some(said));
    }
    assert_eq!(store.account(account_id(2)).await.unwrap(), Some(account(2)));
}

pub async fn a_move_is_swept_when_its_time_is_over_and_goes_with_its_account(store: Arc<impl Store>) {
    people(&*store).await;
    for n in 1..=3 {
        keeps(&*store, put(None, Move { expires_at: at(100 * u64::from(n)), ..moving(n, n) })).await;
    }
    assert_eq!(store.sweep(at(199), at(0), at(0), 9).await.unwrap(), 1);
    assert_eq!(store.sweep(at(200), at(0), at(0), 9).await.unwrap(), 1);
    assert_eq!(store.moves_from(&email(3)).await.unwrap(), []);
    assert!(store.moving(account_id(3)).await.unwrap().is_some());
    keeps(&*store, [Change::Account(AccountChange::Remove(account_id(3)))]).await;
    assert_eq!(store.moving(account_id(3)).await.unwrap(), None);
    // One from the future is not good again when its time comes.
    keeps(&*store, put(None, Move { expires_at: at(5000).after(UNDO), ..moving(2, 2) })).await;
    assert_eq!(store.set_back(at(5000), 9).await.unwrap(), 0);
    assert_eq!(store.set_back(at(4000), 9).await.unwrap(), 1);
    assert_eq!(store.moving(account_id(2)).await.unwrap(), None);
}

pub async fn what_is_new_of_the_account_page_reads_as_it_was_added(store: Arc<impl Store>) {
    people(&*store).await;
    for (n, act) in (1..).zip([Act::Download, Act::DeleteAccount, Act::ChangeAddress(email(4))]) {
        let proves = Proves::Confirm { account: account_id(n), session: digest(n), act };
        let purpose = Purpose::Prove { proves, state: sign_in_state() };
        let asked = Ceremony { purpose, ..ceremony(n) };
        keeps(&*store, [Change::Ceremony(CeremonyChange::Add(asked.clone()))]).await;
        assert_eq!(store.ceremony(ceremony_id(n)).await.unwrap().shown(), Some(asked).shown());
    }
    let messages = [
        Message::AccountDeleted,
        Message::AddressCode(code(1)),
        Message::AddressWanted,
        Message::AddressKept,
        Message::AddressChanged { account: account_id(1), undo: move_id(1) },
        Message::AddressRestored,
    ];
    for (n, message) in (1..).zip(messages.clone()) {
        keeps(&*store, [Change::Letter(LetterChange::Add(Letter { message, ..letter(n, u64::from(n)) }))]).await;
    }
    let letters = store.letters_due(at(99), 9).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.message.clone()).collect::<Vec<_>>(), messages);
    let all = [What::AddressAsked, What::AddressChanged, What::AddressRestored];
    for (n, what) in (1..).zip(all) {
        keeps(&*store, [Change::Event(EventChange::Add(Event { what, ..event(n, 1, 90 - u64::from(n)) }))]).await;
    }
    let events = store.events(account_id(1), 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.what).collect::<Vec<_>>(), all);
    for outlook in [Outlook::Account, Outlook::Taken, Outlook::Kept, Outlook::Uninvited] {
        let row = Registration { outlook, ..registration(1, 1, 1) };
        keeps(&*store, [Change::Registration(RegistrationChange::Put(row.clone()))]).await;
        assert_eq!(store.registration(digest(1)).await.unwrap().shown(), Some(row).shown());
    }
}
