use std::sync::Arc;

use bmauth::domain::account::Account;
use bmauth::domain::email::Email;
use bmauth::domain::invitation::{Invitation, InvitationId};
use bmauth::domain::plan::{AccountChange, AccountConflict, Change, Conflict, InvitationChange};
use bmauth::store::Store;

use crate::claims::atomic::{keeps, refuses};
use crate::sample::*;

fn put(invitation: &Invitation) -> [Change; 1] {
    [Change::Invitation(InvitationChange::Put(invitation.clone()))]
}

fn uses(email: &Email, read: Option<InvitationId>) -> [Change; 1] {
    [Change::Invitation(InvitationChange::Use { email: email.clone(), read })]
}

pub async fn an_invitation_is_found_by_its_address_and_made_anew(store: Arc<impl Store>) {
    let one = invitation(1);
    assert_eq!(store.invitation(&one.email).await.unwrap(), None);
    keeps(&*store, put(&one)).await;
    assert_eq!(store.invitation(&one.email).await.unwrap(), Some(one.clone()));
    assert_eq!(store.invitation(&email(2)).await.unwrap(), None);
    let anew = Invitation { id: invitation(7).id, groups: vec!["it".to_owned()], ..one };
    keeps(&*store, put(&anew)).await;
    assert_eq!(store.invitation(&anew.email).await.unwrap(), Some(anew));
}

pub async fn invitations_are_listed_by_address_from_where_the_last_list_ended(store: Arc<impl Store>) {
    for n in [3, 12, 1, 2] {
        keeps(&*store, put(&invitation(n))).await;
    }
    let emails = async |after: Option<&Email>, limit| {
        let listed = store.invitations(after, limit).await.unwrap();
        listed.into_iter().map(|invitation| invitation.email).collect::<Vec<_>>()
    };
    let mut all = [email(1), email(2), email(3), email(12)];
    all.sort();
    assert_eq!(emails(None, 9).await, all);
    assert_eq!(emails(None, 2).await, all[..2]);
    assert_eq!(emails(Some(&all[1]), 9).await, all[2..]);
    assert_eq!(emails(Some(&all[3]), 9).await, []);
}

pub async fn an_invitation_is_used_once_and_only_as_it_was_read(store: Arc<impl Store>) {
    let (one, other) = (invitation(1), invitation(2));
    let (changed, who) = (Conflict::InvitationChanged, &one.email);
    keeps(&*store, uses(who, None)).await;
    refuses(&*store, uses(who, Some(one.id)), changed).await;
    keeps(&*store, put(&one)).await;
    keeps(&*store, put(&other)).await;
    for read in [None, Some(other.id)] {
        refuses(&*store, uses(who, read), changed).await;
    }
    assert_eq!(store.invitation(who).await.unwrap(), Some(one.clone()));
    keeps(&*store, uses(who, Some(one.id))).await;
    assert_eq!(store.invitation(who).await.unwrap(), None);
    refuses(&*store, uses(who, Some(one.id)), changed).await;
    assert_eq!(store.invitation(&other.email).await.unwrap(), Some(other));
}

pub async fn an_invitation_is_taken_back_where_there_is_one(store: Arc<impl Store>) {
    let one = invitation(1);
    assert!(!store.has_invitations().await.unwrap());
    let take_back = || [Change::Invitation(InvitationChange::TakeBack(one.email.clone()))];
    refuses(&*store, take_back(), Conflict::InvitationChanged).await;
    keeps(&*store, put(&one)).await;
    assert!(store.has_invitations().await.unwrap());
    keeps(&*store, take_back()).await;
    assert!(!store.has_invitations().await.unwrap());
    assert_eq!(store.invitation(&one.email).await.unwrap(), None);
    refuses(&*store, take_back(), Conflict::InvitationChanged).await;
}

pub async fn an_address_with_an_account_is_not_invited(store: Arc<impl Store>) {
    let account: Account = account(1);
    keeps(&*store, [Change::Account(AccountChange::Add(account.clone()))]).await;
    refuses(&*store, put(&invitation(1)), Conflict::Account(AccountConflict::EmailTaken)).await;
    assert_eq!(store.invitation(&account.email).await.unwrap(), None);
    keeps(&*store, put(&invitation(2))).await;
}
