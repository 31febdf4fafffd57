//! What a commit locks before anything else, always in the same order, so that two commits wait for each other in one
//! direction alone.
//!
//! An account's row stands for all that is its own. A commit that counts or ends what an account has locks it
//! exclusively; one that adds to it shares the lock with others. An address without an account has no row: it is locked
//! by its name.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::fault::PostgresFault;
use super::pool::PooledConnection;
use crate::domain::account::AccountId;
use crate::domain::email::Email;
use crate::domain::link::{Link, LinkStage};
use crate::domain::plan::{
    AccountChange, AdminCodeChange, Change, EventChange, HoldChange, InvitationChange, LinkChange, MoveChange,
    PasskeyChange, RecoveryChange, RegistrationChange, SessionChange,
};

/// What a commit locks first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Locks {
    emails: BTreeSet<String>,
    accounts: BTreeSet<Uuid>,
    alone: bool,
}

const EMAILS: &str = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || email, 0)) \
                      FROM unnest($1::text[]) AS named (email)";
const SHARED: &str = "SELECT 1 FROM accounts WHERE id = ANY ($1) ORDER BY id FOR SHARE";
const ALONE: &str = "SELECT 1 FROM accounts WHERE id = ANY ($1) ORDER BY id FOR UPDATE";

impl Locks {
    /// What these changes need.
    pub(super) fn of(changes: &[Change]) -> Self {
        let mut locks = Self::default();
        changes.iter().for_each(|change| locks.note(change));
        locks
    }

    /// Takes them. They are held until the transaction ends.
    pub(super) async fn take(&self, connection: &PooledConnection) -> Result<(), PostgresFault> {
        if !self.emails.is_empty() {
            let emails: Vec<&str> = self.emails.iter().map(String::as_str).collect();
            connection.rows(EMAILS, &[&emails]).await?;
        }
        if !self.accounts.is_empty() {
            let accounts: Vec<Uuid> = self.accounts.iter().copied().collect();
            connection.rows(if self.alone { ALONE } else { SHARED }, &[&accounts]).await?;
        }
        Ok(())
    }

    fn share(&mut self, account: AccountId) {
        self.accounts.insert(account.0);
    }

    fn alone(&mut self, account: AccountId) {
        self.accounts.insert(account.0);
        self.alone = true;
    }

    fn email(&mut self, email: &Email) {
        self.emails.insert(email.as_str().to_owned());
    }

    fn link(&mut self, link: &Link) {
        if let Some(offer) = link.offer {
            self.share(offer.account);
        }
        if let LinkStage::Approved(approval) = &link.stage {
            self.share(approval.account);
        }
    }

    fn note(&mut self, change: &Change) {
        match change {
            Change::Account(change) => self.note_account(change),
            Change::Passkey(change) => match change {
                PasskeyChange::Add(passkey) => self.share(passkey.account),
                PasskeyChange::Rename { account, .. } | PasskeyChange::Require { account, .. } => self.share(*account),
                PasskeyChange::Remove { account, .. }
                | PasskeyChange::RequireRoom { account, .. }
                | PasskeyChange::RequireNone(account) => self.alone(*account),
                PasskeyChange::Use { .. } => {}
            },
            Change::Session(change) => match change {
                SessionChange::Add(session) => self.share(session.account),
                SessionChange::EndAll { account, .. } => self.alone(*account),
                SessionChange::End(_)
                | SessionChange::Release(_)
                | SessionChange::Tie { .. }
                | SessionChange::Bind { .. }
                | SessionChange::Require(_)
                | SessionChange::Touch(_) => {}
            },
            Change::Link(change) => match change {
                LinkChange::Add(link) | LinkChange::Advance(link) => self.link(link),
                LinkChange::DropAll(account) => self.alone(*account),
                LinkChange::Spend { .. } => {}
            },
            Change::Recovery(change) => match change {
                RecoveryChange::Put(recovery) | RecoveryChange::Advance(recovery) => {
                    if let Some(account) = recovery.account {
                        self.share(account);
                    }
                }
                RecoveryChange::DropAll(account) => self.alone(*account),
                RecoveryChange::Spend { .. } => {}
            },
            Change::Hold(HoldChange::Add(hold)) => self.alone(hold.account),
            Change::Hold(HoldChange::Spend { account, .. } | HoldChange::RequireNone(account)) => self.alone(*account),
            Change::Move(MoveChange::Set { account, is, .. }) => {
                self.alone(*account);
                is.iter().filter_map(|is| is.former()).for_each(|former| self.email(former));
            }
            Change::Move(MoveChange::DropAsked(account)) => self.alone(*account),
            Change::AdminCode(AdminCodeChange::Put(code)) => self.alone(code.account),
            Change::AdminCode(AdminCodeChange::Spend { account, .. }) => self.alone(*account),
            Change::Event(EventChange::Add(event)) => self.share(event.account),
            Change::Invitation(InvitationChange::Put(invitation)) => self.email(&invitation.email),
            Change::Invitation(InvitationChange::Use { email, .. } | InvitationChange::TakeBack(email)) => {
                self.email(email);
            }
            Change::Registration(change) => match change {
                RegistrationChange::Put(registration) | RegistrationChange::Advance(registration) => {
                    self.email(&registration.email);
                }
                RegistrationChange::DropAll(email) => self.email(email),
                RegistrationChange::Spend { .. } | RegistrationChange::Drop(_) => {}
            },
            Change::Ceremony(_)
            | Change::Tokens(_)
            | Change::Bookmark(_)
            | Change::Letter(_)
            | Change::Counter(_)
            | Change::Key(_) => {}
        }
    }

    fn note_account(&mut self, change: &AccountChange) {
        match change {
            AccountChange::Add(account) => self.email(&account.email),
            AccountChange::SetEmail { account, was, is, .. } => {
                self.email(was);
                self.email(is);
                self.alone(*account);
            }
            AccountChange::Aftermath { account, was, is } if was == is => self.share(*account),
            AccountChange::SetDisabled { account, .. }
            | AccountChange::SetGroups { account, .. }
            | AccountChange::SetProfile { account, .. }
            | AccountChange::Aftermath { account, .. }
            | AccountChange::Remove(account) => self.alone(*account),
        }
    }
}
