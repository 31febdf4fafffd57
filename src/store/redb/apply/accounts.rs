//! Changes of accounts, their passkeys, what happened to them, and operators' codes.

use super::super::batch::Batch;
use super::super::fault::RedbFault;
use super::super::view::View as _;
use super::RedbStop;
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::admin_code::AdminCode;
use crate::domain::aftermath::Aftermath;
use crate::domain::link::Link;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{
    AccountChange, AccountConflict, AdminCodeChange, Conflict, EventChange, PasskeyChange, PasskeyConflict,
};
use crate::domain::recovery::Hold;
use crate::store::records::rows::{Row, after_account, after_time, of_account};
use crate::store::records::table::Table;

impl Batch<'_, '_> {
    pub(super) fn make_account(&mut self, change: AccountChange) -> Result<(), RedbStop> {
        match change {
            AccountChange::Add(account) => self.add_account(&account)?,
            AccountChange::SetDisabled { account, disabled } => self.set_disabled(account, disabled)?,
            AccountChange::SetGroups { account, was, groups } => self.set_groups(account, &was, groups)?,
            AccountChange::SetEmail { account, was, is, now } => {
                let account = self.load::<Account>(account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
                if account.email != was {
                    return Err(AccountConflict::Changed.into());
                }
                if self.is_taken(&is, now)? {
                    return Err(AccountConflict::EmailTaken.into());
                }
                self.put(&Account { email: is, ..account })?;
            }
            AccountChange::SetProfile { account, name, locale } => {
                let was = self.load::<Account>(account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
                self.put(&Account { name, locale, ..was })?;
            }
            AccountChange::Aftermath { account, was, is } => self.set_aftermath(account, &was, is)?,
            AccountChange::Remove(account) => self.remove_account(account)?,
        }
        Ok(())
    }

    pub(super) fn make_passkey(&mut self, change: PasskeyChange) -> Result<(), RedbStop> {
        match change {
            PasskeyChange::Add(passkey) => self.add_passkey(&passkey)?,
            PasskeyChange::Use { was_counter, key, at } => {
                let passkey = self.load::<Passkey>(key.id.bytes())?;
                let passkey = passkey.filter(|passkey| passkey.key.counter == was_counter);
                let passkey = passkey.ok_or(PasskeyConflict::Changed)?;
                self.put(&Passkey { key, last_used_at: Some(at), ..passkey })?;
            }
            PasskeyChange::Rename { credential, account, name } => {
                let passkey = self.passkey(&credential, account)?;
                self.put(&Passkey { name, ..passkey })?;
            }
            PasskeyChange::Remove { credential, account, last } => self.remove_passkey(&credential, account, last)?,
            PasskeyChange::RequireRoom { account, most } => {
                if self.keys(Table::PasskeysByAccount, of_account(account), most)?.len() >= most {
                    return Err(PasskeyConflict::Full.into());
                }
            }
            PasskeyChange::Require { credential, account } => {
                self.passkey(&credential, account)?;
            }
            PasskeyChange::RequireNone(account) => {
                if !self.keys(Table::PasskeysByAccount, of_account(account), 1)?.is_empty() {
                    return Err(PasskeyConflict::NotNone.into());
                }
            }
        }
        Ok(())
    }

    pub(super) fn make_event(&mut self, change: EventChange) -> Result<(), RedbStop> {
        match change {
            EventChange::Add(event) => {
                if self.get(Table::Accounts, event.account.0.as_bytes())?.is_some() {
                    self.put(&event)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn make_admin_code(&mut self, change: AdminCodeChange) -> Result<(), RedbStop> {
        match change {
            AdminCodeChange::Put(code) => {
                self.get(Table::Accounts, code.account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
                self.put(&code)?;
            }
            AdminCodeChange::Spend { account, digest } => {
                let code = self.remove::<AdminCode>(account.0.as_bytes())?;
                code.filter(|code| code.digest == digest).ok_or(Conflict::AdminCodeSpent)?;
            }
        }
        Ok(())
    }

    pub(super) fn add_account(&mut self, account: &Account) -> Result<(), RedbStop> {
        if self.get(Table::Accounts, account.id.0.as_bytes())?.is_some() {
            return Err(AccountConflict::Exists.into());
        }
        if self.is_taken(&account.email, account.created_at)? {
            return Err(AccountConflict::EmailTaken.into());
        }
        Ok(self.put(account)?)
    }

    pub(super) fn set_disabled(&mut self, account: AccountId, disabled: bool) -> Result<(), RedbStop> {
        let was = self.load::<Account>(account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
        self.put(&Account { disabled, ..was })?;
        if disabled {
            self.end_sessions(account, |_| true)?;
            self.drop_recoveries(account)?;
            self.discard_if_there::<Hold>(account.0.as_bytes())?;
            self.discard_if_there::<AdminCode>(account.0.as_bytes())?;
        }
        Ok(())
    }

    pub(super) fn set_groups(
        &mut self,
        account: AccountId,
        was: &[String],
        groups: Vec<String>,
    ) -> Result<(), RedbStop> {
        let account = self.load::<Account>(account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
        if account.groups != was {
            return Err(AccountConflict::Changed.into());
        }
        Ok(self.put(&Account { groups, ..account })?)
    }

    pub(super) fn set_aftermath(&mut self, account: AccountId, was: &Aftermath, is: Aftermath) -> Result<(), RedbStop> {
        let account = self.load::<Account>(account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
        if account.aftermath != *was {
            return Err(AccountConflict::Changed.into());
        }
        if is != *was {
            self.put(&Account { aftermath: is, ..account })?;
        }
        Ok(())
    }

    /// Removes an account and everything that names it; ceremonies are left to expire.
    pub(super) fn remove_account(&mut self, account: AccountId) -> Result<(), RedbStop> {
        self.remove::<Account>(account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
        self.end_sessions(account, |_| true)?;
        let keys = self.keys(Table::PasskeysByAccount, of_account(account), usize::MAX)?;
        self.discard::<Passkey>(keys.iter().map(|key| after_time(after_account(key)).to_vec()))?;
        let keys = self.keys(Table::EventsByAccount, of_account(account), usize::MAX)?;
        self.discard::<Event>(keys.iter().map(|key| after_time(after_account(key)).to_vec()))?;
        self.discard_all::<Link>(Table::LinksByAccount, account)?;
        self.drop_recoveries(account)?;
        self.discard_if_there::<Hold>(account.0.as_bytes())?;
        self.discard_if_there::<Move>(account.0.as_bytes())?;
        self.discard_if_there::<AdminCode>(account.0.as_bytes())?;
        Ok(())
    }

    /// Removes the rows that an index by account alone names.
    pub(super) fn discard_all<R: Row>(&mut self, index: Table, account: AccountId) -> Result<(), RedbFault> {
        let keys = self.keys(index, of_account(account), usize::MAX)?;
        self.discard::<R>(keys.iter().map(|key| after_account(key).to_vec())).map(drop)
    }

    pub(super) fn add_passkey(&mut self, passkey: &Passkey) -> Result<(), RedbStop> {
        self.get(Table::Accounts, passkey.account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
        if self.get(Table::Passkeys, passkey.key.id.bytes())?.is_some() {
            return Err(PasskeyConflict::Taken.into());
        }
        Ok(self.put(passkey)?)
    }

    /// The passkey, where it is that account's.
    pub(super) fn passkey(&mut self, credential: &CredentialId, account: AccountId) -> Result<Passkey, RedbStop> {
        let passkey = self.load::<Passkey>(credential.bytes())?.filter(|passkey| passkey.account == account);
        passkey.ok_or(RedbStop::from(PasskeyConflict::Changed))
    }

    pub(super) fn remove_passkey(
        &mut self,
        credential: &CredentialId,
        account: AccountId,
        last: bool,
    ) -> Result<(), RedbStop> {
        self.passkey(credential, account)?;
        if !last && self.keys(Table::PasskeysByAccount, of_account(account), 2)?.len() < 2 {
            return Err(PasskeyConflict::Last.into());
        }
        self.remove::<Passkey>(credential.bytes())?;
        Ok(self.end_sessions(account, |session| session.credential.as_ref() == Some(credential))?)
    }
}
