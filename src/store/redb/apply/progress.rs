//! Changes of what is under way: ceremonies, registrations, links, recoveries, bookmarks, invitations.

use super::super::batch::Batch;
use super::super::fault::RedbFault;
use super::super::view::View as _;
use super::RedbStop;
use crate::domain::account::AccountId;
use crate::domain::address::Move;
use crate::domain::ceremony::Ceremony;
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::invitation::Invitation;
use crate::domain::link::Link;
use crate::domain::plan::{
    AccountConflict, BookmarkChange, CeremonyChange, Conflict, HoldChange, InvitationChange, LinkChange, MoveChange,
    RecoveryChange, RegistrationChange,
};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::{account_in, kept_for, of_email};
use crate::store::records::table::Table;

impl Batch<'_, '_> {
    pub(super) fn make_ceremony(&mut self, change: CeremonyChange) -> Result<(), RedbStop> {
        match change {
            CeremonyChange::Add(ceremony) => self.put(&ceremony)?,
            CeremonyChange::Spend(id) => {
                self.remove::<Ceremony>(id.0.as_bytes())?.ok_or(Conflict::CeremonySpent)?;
            }
        }
        Ok(())
    }

    pub(super) fn make_registration(&mut self, change: RegistrationChange) -> Result<(), RedbStop> {
        match change {
            RegistrationChange::Put(registration) => self.put(&registration)?,
            RegistrationChange::Advance(registration) => {
                let was = self.load::<Registration>(registration.browser.bytes())?;
                let was = was.filter(|was| was.revision.checked_add(1) == Some(registration.revision));
                was.ok_or(Conflict::RegistrationChanged)?;
                self.put(&registration)?;
            }
            RegistrationChange::Spend { browser, revision } => {
                let registration = self.remove::<Registration>(browser.bytes())?;
                registration
                    .filter(|registration| registration.revision == revision)
                    .ok_or(Conflict::RegistrationChanged)?;
            }
            RegistrationChange::Drop(browser) => self.discard_if_there::<Registration>(browser.bytes())?,
            RegistrationChange::DropAll(email) => {
                let first = of_email(email.as_str(), &[]);
                let last = of_email(email.as_str(), &[0xff; 32]);
                let prefix = first.len();
                let keys = self.keys(Table::RegistrationsByEmail, first..=last, usize::MAX)?;
                self.discard::<Registration>(keys.iter().map(|key| key.get(prefix..).unwrap_or_default().to_vec()))?;
            }
        }
        Ok(())
    }

    pub(super) fn make_link(&mut self, change: LinkChange) -> Result<(), RedbStop> {
        match change {
            LinkChange::Add(link) => self.add_link(&link)?,
            LinkChange::Advance(link) => self.advance_link(&link)?,
            LinkChange::DropAll(account) => self.discard_all::<Link>(Table::LinksByAccount, account)?,
            LinkChange::Spend { id, revision } => {
                let link = self.remove::<Link>(id.0.as_bytes())?;
                link.filter(|link| link.revision == revision).ok_or(Conflict::LinkChanged)?;
            }
        }
        Ok(())
    }

    pub(super) fn make_recovery(&mut self, change: RecoveryChange) -> Result<(), RedbStop> {
        match change {
            RecoveryChange::Put(recovery) => self.put(&recovery)?,
            RecoveryChange::Advance(recovery) => {
                let was = self.load::<Recovery>(recovery.browser.bytes())?;
                let was = was.filter(|was| was.revision.checked_add(1) == Some(recovery.revision));
                was.ok_or(Conflict::RecoveryChanged)?;
                self.put(&recovery)?;
            }
            RecoveryChange::Spend { browser, revision } => {
                let recovery = self.remove::<Recovery>(browser.bytes())?;
                recovery.filter(|recovery| recovery.revision == revision).ok_or(Conflict::RecoveryChanged)?;
            }
            RecoveryChange::DropAll(account) => self.drop_recoveries(account)?,
        }
        Ok(())
    }

    pub(super) fn make_bookmark(&mut self, BookmarkChange::Put(bookmark): BookmarkChange) -> Result<(), RedbStop> {
        Ok(self.put(&bookmark)?)
    }

    pub(super) fn make_invitation(&mut self, change: InvitationChange) -> Result<(), RedbStop> {
        match change {
            InvitationChange::Put(invitation) => {
                if self.get(Table::AccountsByEmail, invitation.email.as_str().as_bytes())?.is_some() {
                    return Err(AccountConflict::EmailTaken.into());
                }
                self.put(&invitation)?;
            }
            InvitationChange::Use { email, read } => {
                let there = self.remove::<Invitation>(email.as_str().as_bytes())?;
                if there.map(|there| there.id) != read {
                    return Err(Conflict::InvitationChanged.into());
                }
            }
            InvitationChange::TakeBack(email) => {
                // Readable or not: the operator has no other way to be rid of it.
                let key = email.as_str().as_bytes();
                self.get(Table::Invitations, key)?.ok_or(Conflict::InvitationChanged)?;
                self.discard_if_there::<Invitation>(key)?;
            }
        }
        Ok(())
    }

    pub(super) fn make_hold(&mut self, change: HoldChange) -> Result<(), RedbStop> {
        match change {
            HoldChange::Add(hold) => self.add_hold(&hold)?,
            HoldChange::Spend { account, id } => {
                let hold = self.remove::<Hold>(account.0.as_bytes())?;
                hold.filter(|hold| hold.id == id).ok_or(Conflict::HoldChanged)?;
            }
            HoldChange::RequireNone(account) => {
                if self.get(Table::Holds, account.0.as_bytes())?.is_some() {
                    return Err(Conflict::HoldChanged.into());
                }
            }
        }
        Ok(())
    }

    pub(super) fn make_move(&mut self, change: MoveChange) -> Result<(), RedbStop> {
        match change {
            MoveChange::Set { account, was, is } => {
                let there = self.remove::<Move>(account.0.as_bytes())?;
                if there.map(|there| there.name()) != was {
                    return Err(Conflict::MoveChanged.into());
                }
                if let Some(is) = is {
                    self.get(Table::Accounts, account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
                    self.put(&*is)?;
                }
            }
            MoveChange::DropAsked(account) => {
                let there = match self.load::<Move>(account.0.as_bytes()) {
                    // What cannot be read opens nothing, and must not keep its owner from signing out.
                    Err(RedbFault::Record(RecordFault::Unreadable { .. })) => None,
                    there => there?,
                };
                if there.is_some_and(|there| there.asked_for().is_some()) {
                    self.discard_if_there::<Move>(account.0.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Whether an address is an account's, or kept for one at `now`.
    pub(super) fn is_taken(&mut self, email: &Email, now: Timestamp) -> Result<bool, RedbFault> {
        if self.get(Table::AccountsByEmail, email.as_str().as_bytes())?.is_some() {
            return Ok(true);
        }
        for key in self.keys(Table::MovesByFormer, kept_for(email), usize::MAX)? {
            if self.load_indexed::<Move>(account_in(&key))?.is_open(now) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn add_link(&mut self, link: &Link) -> Result<(), RedbStop> {
        let is_new = self.get(Table::Links, link.id.0.as_bytes())?.is_none()
            && self.get(Table::LinksByCode, &link.scan_code.0)?.is_none()
            && self.get(Table::LinksByCode, &link.short_code.0)?.is_none();
        if !is_new {
            return Err(Conflict::LinkChanged.into());
        }
        Ok(self.put(link)?)
    }

    pub(super) fn advance_link(&mut self, link: &Link) -> Result<(), RedbStop> {
        let was = self.load::<Link>(link.id.0.as_bytes())?.filter(|was| {
            was.revision.checked_add(1) == Some(link.revision)
                && (was.scan_code, was.short_code) == (link.scan_code, link.short_code)
        });
        was.ok_or(Conflict::LinkChanged)?;
        Ok(self.put(link)?)
    }

    pub(super) fn drop_recoveries(&mut self, account: AccountId) -> Result<(), RedbFault> {
        self.discard_all::<Recovery>(Table::RecoveriesByAccount, account)
    }

    pub(super) fn add_hold(&mut self, hold: &Hold) -> Result<(), RedbStop> {
        self.get(Table::Accounts, hold.account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
        if self.get(Table::Holds, hold.account.0.as_bytes())?.is_some() {
            return Err(Conflict::HoldChanged.into());
        }
        Ok(self.put(hold)?)
    }
}
