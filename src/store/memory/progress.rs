//! Changes of what is under way: ceremonies, registrations, links, recoveries, bookmarks, invitations.

use super::state::MemoryState;
use crate::domain::account::AccountId;
use crate::domain::link::{Link, LinkStage};
use crate::domain::plan::{
    AccountConflict, BookmarkChange, CeremonyChange, Conflict, HoldChange, InvitationChange, LinkChange, MoveChange,
    RecoveryChange, RegistrationChange,
};

impl MemoryState {
    pub(super) fn make_ceremony(&mut self, change: CeremonyChange) -> Result<(), Conflict> {
        match change {
            CeremonyChange::Add(ceremony) => {
                self.ceremonies.insert(ceremony.id, ceremony);
            }
            CeremonyChange::Spend(id) => {
                self.ceremonies.remove(&id).ok_or(Conflict::CeremonySpent)?;
            }
        }
        Ok(())
    }

    pub(super) fn make_registration(&mut self, change: RegistrationChange) -> Result<(), Conflict> {
        match change {
            RegistrationChange::Put(registration) => {
                self.registrations.insert(registration.browser, registration);
            }
            RegistrationChange::Advance(registration) => {
                let was = self.registrations.get_mut(&registration.browser).ok_or(Conflict::RegistrationChanged)?;
                if was.revision.checked_add(1) != Some(registration.revision) {
                    return Err(Conflict::RegistrationChanged);
                }
                *was = registration;
            }
            RegistrationChange::Spend { browser, revision } => {
                let registration = self.registrations.remove(&browser);
                registration
                    .filter(|registration| registration.revision == revision)
                    .ok_or(Conflict::RegistrationChanged)?;
            }
            RegistrationChange::Drop(browser) => {
                self.registrations.remove(&browser);
            }
            RegistrationChange::DropAll(email) => self.registrations.retain(|_, other| other.email != email),
        }
        Ok(())
    }

    /// Takes away every link that an account offers or has approved.
    pub(super) fn drop_links(&mut self, account: AccountId) {
        self.links.retain(|_, link| {
            let offered = link.offer.is_some_and(|offer| offer.account == account);
            let approved = matches!(&link.stage, LinkStage::Approved(approval) if approval.account == account);
            !offered && !approved
        });
    }

    pub(super) fn make_link(&mut self, change: LinkChange) -> Result<(), Conflict> {
        match change {
            LinkChange::DropAll(account) => self.drop_links(account),
            LinkChange::Add(link) => {
                let codes = [link.scan_code, link.short_code];
                let taken = |other: &Link| codes.contains(&other.scan_code) || codes.contains(&other.short_code);
                if self.links.contains_key(&link.id) || self.links.values().any(taken) {
                    return Err(Conflict::LinkChanged);
                }
                self.links.insert(link.id, link);
            }
            LinkChange::Advance(link) => {
                let was = self.links.get_mut(&link.id).ok_or(Conflict::LinkChanged)?;
                let codes = |link: &Link| [link.scan_code, link.short_code];
                if was.revision.checked_add(1) != Some(link.revision) || codes(was) != codes(&link) {
                    return Err(Conflict::LinkChanged);
                }
                *was = link;
            }
            LinkChange::Spend { id, revision } => {
                let link = self.links.remove(&id);
                link.filter(|link| link.revision == revision).ok_or(Conflict::LinkChanged)?;
            }
        }
        Ok(())
    }

    pub(super) fn make_recovery(&mut self, change: RecoveryChange) -> Result<(), Conflict> {
        match change {
            RecoveryChange::Put(recovery) => {
                self.recoveries.insert(recovery.browser, recovery);
            }
            RecoveryChange::Advance(recovery) => {
                let was = self.recoveries.get_mut(&recovery.browser).ok_or(Conflict::RecoveryChanged)?;
                if was.revision.checked_add(1) != Some(recovery.revision) {
                    return Err(Conflict::RecoveryChanged);
                }
                *was = recovery;
            }
            RecoveryChange::Spend { browser, revision } => {
                let recovery = self.recoveries.remove(&browser);
                recovery.filter(|recovery| recovery.revision == revision).ok_or(Conflict::RecoveryChanged)?;
            }
            RecoveryChange::DropAll(account) => {
                self.recoveries.retain(|_, recovery| recovery.account != Some(account));
            }
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "every kind of change is made alike")]
    pub(super) fn make_bookmark(&mut self, BookmarkChange::Put(bookmark): BookmarkChange) -> Result<(), Conflict> {
        self.bookmarks.insert(bookmark.name, bookmark);
        Ok(())
    }

    pub(super) fn make_invitation(&mut self, change: InvitationChange) -> Result<(), Conflict> {
        match change {
            InvitationChange::Put(invitation) => {
                if self.accounts.values().any(|account| account.email == invitation.email) {
                    return Err(AccountConflict::EmailTaken.into());
                }
                self.invitations.insert(invitation.email.clone(), invitation);
            }
            InvitationChange::Use { email, read } => {
                if self.invitations.remove(&email).map(|there| there.id) != read {
                    return Err(Conflict::InvitationChanged);
                }
            }
            InvitationChange::TakeBack(email) => {
                self.invitations.remove(&email).ok_or(Conflict::InvitationChanged)?;
            }
        }
        Ok(())
    }

    pub(super) fn make_hold(&mut self, change: HoldChange) -> Result<(), Conflict> {
        match change {
            HoldChange::Add(hold) => {
                self.accounts.get(&hold.account).ok_or(AccountConflict::Gone)?;
                if self.holds.contains_key(&hold.account) {
                    return Err(Conflict::HoldChanged);
                }
                self.holds.insert(hold.account, hold);
            }
            HoldChange::Spend { account, id } => {
                let hold = self.holds.remove(&account);
                hold.filter(|hold| hold.id == id).ok_or(Conflict::HoldChanged)?;
            }
            HoldChange::RequireNone(account) => {
                if self.holds.contains_key(&account) {
                    return Err(Conflict::HoldChanged);
                }
            }
        }
        Ok(())
    }

    pub(super) fn make_move(&mut self, change: MoveChange) -> Result<(), Conflict> {
        match change {
            MoveChange::Set { account, was, is } => {
                if self.moves.remove(&account).map(|there| there.name()) != was {
                    return Err(Conflict::MoveChanged);
                }
                if let Some(is) = is {
                    self.accounts.get(&account).ok_or(AccountConflict::Gone)?;
                    self.moves.insert(account, *is);
                }
            }
            MoveChange::DropAsked(account) => {
                if self.moves.get(&account).is_some_and(|there| there.asked_for().is_some()) {
                    self.moves.remove(&account);
                }
            }
        }
        Ok(())
    }
}
