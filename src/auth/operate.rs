//! Drives the steps of [`crate::domain::operate`], and finds what an operator asks for.

use std::path::Path;
use std::sync::Arc;

use super::core::Core;
use super::failure::Failure;
use super::sessions::Sessions;
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::admin_code::{AdminCode, AdminCodeText};
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::family::Family;
use crate::domain::host::Host;
use crate::domain::invitation::{Invitation, InvitationId};
use crate::domain::operate::{self, OperateRefusal, Regroup};
use crate::domain::passkey::{LockedOut, Passkey};
use crate::domain::recover::RecoveryMode;
use crate::domain::recovery::Hold;
use crate::domain::session::SessionId;
use crate::store::{RowCount, StoreError};

/// How many accounts are read at a time when all of them are looked through.
const PAGE: usize = 200;
/// How many events are shown.
const EVENTS: usize = 20;

/// How an operator names an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// By its address.
    Email(Email),
    /// By its stable name.
    Id(AccountId),
}

impl Who {
    /// Reads an address or an account's id.
    pub fn parse(text: &str) -> Option<Self> {
        match uuid::Uuid::try_parse(text) {
            Ok(id) => Some(Self::Id(AccountId(id))),
            Err(_) => Email::parse(text).ok().map(Self::Email),
        }
    }
}

/// Everything that is known of an account.
#[derive(Clone, Debug)]
pub struct KnownAccount {
    /// The account itself.
    pub account: Account,
    /// Its passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
    /// Its sessions that have not ended, by family, the newest first.
    pub sessions: Vec<Family>,
    /// What happened to it lately, the newest first.
    pub events: Vec<Event>,
    /// Its held recovery.
    pub hold: Option<Hold>,
    /// Its change of address.
    pub moving: Option<Move>,
    /// Until when an operator's code opens it.
    pub code_until: Option<Timestamp>,
}

/// A code for a person who lost their devices.
#[derive(Debug)]
pub struct GivenCode {
    /// The account that the code opens.
    pub account: Account,
    /// To be told to that person alone.
    pub code: AdminCodeText,
    /// Until when it can be entered.
    pub expires_at: Timestamp,
}

/// What an operator does.
#[derive(Clone, Debug)]
pub struct OperateFlow {
    core: Arc<Core>,
    sessions: Sessions,
}

impl OperateFlow {
    pub(super) fn new(core: Arc<Core>, sessions: Sessions) -> Self {
        Self { core, sessions }
    }

    /// Accounts by address, those after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list_accounts(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Account>, StoreError> {
        self.core.records.accounts(after, limit).await
    }

    /// Which passkeys cannot be used with that `rp_id`. It looks at all there are.
    ///
    /// # Errors
    /// The store failed.
    pub async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError> {
        self.core.records.locked_out(rp_id).await
    }

    /// Writes a whole copy of the store to a new file; returns what is in it.
    ///
    /// # Errors
    /// The file could not be written, or the store is no file.
    pub async fn back_up(&self, to: &Path) -> Result<Vec<RowCount>, StoreError> {
        self.core.records.back_up(to).await
    }

    /// The account an operator means.
    ///
    /// # Errors
    /// [`OperateRefusal::NoAccount`]; a failure of the store.
    pub async fn find_account(&self, who: &Who) -> Result<Account, Failure<OperateRefusal>> {
        let found = match who {
            Who::Email(email) => self.core.records.account_by_email(email).await?,
            Who::Id(id) => self.core.records.account(*id).await?,
        };
        found.ok_or(Failure::Refused(OperateRefusal::NoAccount))
    }

    /// Invitations by address, those after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list_invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError> {
        self.core.records.invitations(after, limit).await
    }

    /// The invitation of an address.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find_invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        self.core.records.invitation(email).await
    }

    /// Lets a person register, into those groups, in place of any invitation from before.
    ///
    /// # Errors
    /// [`OperateRefusal::HasAccount`], [`OperateRefusal::TooManyGroups`]; a failure of the store.
    pub async fn invite(&self, email: Email, groups: Vec<String>) -> Result<Invitation, Failure<OperateRefusal>> {
        let core = &self.core;
        let id = InvitationId(core.entropy.uuid());
        let plan = operate::invite(id, email, groups, core.now()).map_err(Failure::Refused)?;
        let invitation = core.carry_out(plan).await?;
        tracing::info!("an operator added an address");
        Ok(invitation)
    }

    /// Whether letters can be written to that address, as far as it is known.
    pub async fn writes_to(&self, email: &Email) -> bool {
        self.core.writes_to(email).await
    }

    /// Takes an invitation back, also one that cannot be read.
    ///
    /// # Errors
    /// [`OperateRefusal::NotInvited`], also where it has been used; a failure of the store.
    pub async fn take_back(&self, email: Email) -> Result<(), Failure<OperateRefusal>> {
        self.core.carry_out(operate::take_back(email)).await?;
        tracing::info!("an operator took an invitation back");
        Ok(())
    }

    /// Everything that is known of an account.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn look_up(&self, account: Account) -> Result<KnownAccount, StoreError> {
        let id = account.id;
        Ok(KnownAccount {
            passkeys: self.core.records.passkeys(id).await?,
            sessions: self.sessions.of_account(id).await?,
            events: self.core.records.events(id, EVENTS).await?,
            hold: self.core.open_hold(id).await?,
            moving: self.core.open_move(id).await?,
            code_until: self.open_admin_code(id).await?.map(|code| code.expires_at),
            account,
        })
    }

    /// The operator's code of an account, if it can still be tried.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open_admin_code(&self, account: AccountId) -> Result<Option<AdminCode>, StoreError> {
        Ok(self.core.records.admin_code(account).await?.filter(|code| code.is_open(self.core.now())))
    }

    /// Disables an account, or enables it again. Disabled, its sessions end at once, and their open streams with them.
    /// Returns how many sessions it had.
    ///
    /// # Errors
    /// [`OperateRefusal::NoAccount`], [`OperateRefusal::Raced`]; a failure of the store.
    pub async fn set_disabled(&self, account: &Account, disabled: bool) -> Result<usize, Failure<OperateRefusal>> {
        let sessions = self.sessions.of_account(account.id).await?.len();
        self.core.carry_out(operate::set_disabled(account, disabled)).await?;
        tracing::info!(account = %account.id, disabled, "an operator changed whether an account is disabled");
        Ok(sessions)
    }

    /// Puts an account into other groups. Its sessions have them from their next request on, and what streams meanwhile
    /// ends: it may be of a route that asks for a group. Returns the account as it is then.
    ///
    /// # Errors
    /// [`OperateRefusal::NoAccount`], [`OperateRefusal::TooManyGroups`], [`OperateRefusal::Raced`]; a failure of the
    /// store.
    pub async fn regroup(&self, account: Account, change: Regroup) -> Result<Account, Failure<OperateRefusal>> {
        let groups = change.of(&account).map_err(Failure::Refused)?;
        if groups == account.groups {
            return Ok(account);
        }
        self.core.carry_out(operate::set_groups(&account, groups.clone())).await?;
        tracing::info!(account = %account.id, "an operator changed the groups of an account");
        Ok(Account { groups, ..account })
    }

    /// Removes an account and everything of it; its sessions end at once. Returns how many it had.
    ///
    /// # Errors
    /// [`OperateRefusal::NoAccount`]; a failure of the store.
    pub async fn remove_account(&self, account: &Account) -> Result<usize, Failure<OperateRefusal>> {
        let sessions = self.sessions.of_account(account.id).await?.len();
        self.core.carry_out(operate::remove(account)).await?;
        tracing::info!(account = %account.id, "an operator removed an account");
        Ok(sessions)
    }

    /// Ends every session of an account; returns how many it had.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn end_sessions(&self, account: &Account) -> Result<usize, Failure<OperateRefusal>> {
        let sessions = self.sessions.of_account(account.id).await?.len();
        self.core.carry_out(operate::end_sessions(account)).await?;
        tracing::info!(account = %account.id, sessions, "an operator ended the sessions of an account");
        Ok(sessions)
    }

    /// Ends the session of that public name, and with it its family, which it returns with its account.
    ///
    /// # Errors
    /// [`OperateRefusal::NoSession`]; a failure of the store.
    pub async fn end_any_session(&self, id: SessionId) -> Result<(Account, Family), Failure<OperateRefusal>> {
        let (account, family) = self.find_session(id).await?.ok_or(Failure::Refused(OperateRefusal::NoSession))?;
        self.core.carry_out(operate::end_session(family.head.token)).await?;
        tracing::info!(account = %account.id, session = %id.0, "an operator ended a session");
        Ok((account, family))
    }

    /// Makes a code with which its owner gets back into an account, in place of the one before. `given_here` says
    /// whether the recovery page takes such codes at all.
    ///
    /// # Errors
    /// [`OperateRefusal::CodesOff`], [`OperateRefusal::Disabled`], [`OperateRefusal::NoAccount`]; a failure of the
    /// store.
    pub async fn give_code(&self, account: Account, mode: RecoveryMode) -> Result<GivenCode, Failure<OperateRefusal>> {
        let code = AdminCodeText::generate(&*self.core.entropy);
        let digest = code.digest(&self.core.keys.admin_codes, account.id);
        let plan = operate::give_code(&account, digest, mode, self.core.now()).map_err(Failure::Refused)?;
        let expires_at = self.core.carry_out(plan).await?;
        tracing::info!(account = %account.id, "an operator made a recovery code");
        Ok(GivenCode { account, code, expires_at })
    }

    /// No index finds a session by its public name, which opens nothing: operators wait for a look through all
    /// accounts.
    async fn find_session(&self, id: SessionId) -> Result<Option<(Account, Family)>, StoreError> {
        let mut after = None;
        loop {
            let accounts = self.core.records.accounts(after.as_ref(), PAGE).await?;
            after = accounts.last().map(|account| account.email.clone());
            if after.is_none() {
                return Ok(None);
            }
            for account in accounts {
                let mut families = self.sessions.of_account(account.id).await?.into_iter();
                if let Some(family) = families.find(|family| family.has(id)) {
                    return Ok(Some((account, family)));
                }
            }
        }
    }
}
