//! Changes of accounts, their passkeys, what happened to them, and operators' codes.

use super::state::MemoryState;

use crate::domain::plan::{
    AccountChange, AccountConflict, AdminCodeChange, Conflict, EventChange, PasskeyChange, PasskeyConflict,
};

impl MemoryState {
    pub(super) fn make_account(&mut self, change: AccountChange) -> Result<(), Conflict> {
        match change {
            AccountChange::Add(account) => {
                if self.accounts.contains_key(&account.id) {
                    return Err(AccountConflict::Exists.into());
                }
                if self.is_taken(&account.email, account.created_at) {
                    return Err(AccountConflict::EmailTaken.into());
                }
                self.accounts.insert(account.id, account);
            }
            AccountChange::SetDisabled { account, disabled } => {
                self.accounts.get_mut(&account).ok_or(AccountConflict::Gone)?.disabled = disabled;
                if disabled {
                    self.sessions.retain(|_, session| session.account != account);
                    self.recoveries.retain(|_, recovery| recovery.account != Some(account));
                    self.holds.remove(&account);
                    self.admin_codes.remove(&account);
                }
            }
            AccountChange::SetGroups { account, was, groups } => {
                let account = self.accounts.get_mut(&account).ok_or(AccountConflict::Gone)?;
                if account.groups != was {
                    return Err(AccountConflict::Changed.into());
                }
                account.groups = groups;
            }
            AccountChange::SetEmail { account, was, is, now } => {
                let found = self.accounts.get(&account).ok_or(AccountConflict::Gone)?;
                if found.email != was {
                    return Err(AccountConflict::Changed.into());
                }
                if self.is_taken(&is, now) {
                    return Err(AccountConflict::EmailTaken.into());
                }
                self.accounts.get_mut(&account).ok_or(AccountConflict::Gone)?.email = is;
            }
            AccountChange::SetProfile { account, name, locale } => {
                let account = self.accounts.get_mut(&account).ok_or(AccountConflict::Gone)?;
                (account.name, account.locale) = (name, locale);
            }
            AccountChange::Aftermath { account, was, is } => {
                let account = self.accounts.get_mut(&account).ok_or(AccountConflict::Gone)?;
                if account.aftermath != was {
                    return Err(AccountConflict::Changed.into());
                }
                account.aftermath = is;
            }
            AccountChange::Remove(account) => {
                self.accounts.remove(&account).ok_or(AccountConflict::Gone)?;
                self.passkeys.retain(|_, passkey| passkey.account != account);
                self.sessions.retain(|_, session| session.account != account);
                self.events.retain(|_, event| event.account != account);
                self.recoveries.retain(|_, recovery| recovery.account != Some(account));
                self.drop_links(account);
                self.holds.remove(&account);
                self.moves.remove(&account);
                self.admin_codes.remove(&account);
            }
        }
        Ok(())
    }

    pub(super) fn make_passkey(&mut self, change: PasskeyChange) -> Result<(), Conflict> {
        match change {
            PasskeyChange::Add(passkey) => {
                self.accounts.get(&passkey.account).ok_or(AccountConflict::Gone)?;
                if self.passkeys.contains_key(&passkey.key.id) {
                    return Err(PasskeyConflict::Taken.into());
                }
                self.passkeys.insert(passkey.key.id.clone(), passkey);
            }
            PasskeyChange::Use { was_counter, key, at } => {
                let passkey = self
                    .passkeys
                    .get_mut(&key.id)
                    .filter(|passkey| passkey.key.counter == was_counter)
                    .ok_or(PasskeyConflict::Changed)?;
                passkey.key = key;
                passkey.last_used_at = Some(at);
            }
            PasskeyChange::Rename { credential, account, name } => self.passkey(&credential, account)?.name = name,
            PasskeyChange::Remove { credential, account, last } => {
                self.passkey(&credential, account)?;
                if !last && self.passkeys.values().filter(|passkey| passkey.account == account).count() == 1 {
                    return Err(PasskeyConflict::Last.into());
                }
                self.passkeys.remove(&credential);
                self.sessions.retain(|_, session| session.credential.as_ref() != Some(&credential));
            }
            PasskeyChange::RequireRoom { account, most } => {
                if self.passkeys.values().filter(|passkey| passkey.account == account).count() >= most {
                    return Err(PasskeyConflict::Full.into());
                }
            }
            PasskeyChange::Require { credential, account } => {
                self.passkey(&credential, account)?;
            }
            PasskeyChange::RequireNone(account) => {
                if self.passkeys.values().any(|passkey| passkey.account == account) {
                    return Err(PasskeyConflict::NotNone.into());
                }
            }
        }
        Ok(())
    }

    pub(super) fn make_event(&mut self, change: EventChange) -> Result<(), Conflict> {
        match change {
            EventChange::Add(event) => {
                if self.accounts.contains_key(&event.account) {
                    self.events.insert(event.id, event);
                }
            }
        }
        Ok(())
    }

    pub(super) fn make_admin_code(&mut self, change: AdminCodeChange) -> Result<(), Conflict> {
        match change {
            AdminCodeChange::Put(code) => {
                self.accounts.get(&code.account).ok_or(AccountConflict::Gone)?;
                self.admin_codes.insert(code.account, code);
            }
            AdminCodeChange::Spend { account, digest } => {
                let code = self.admin_codes.remove(&account);
                code.filter(|code| code.digest == digest).ok_or(Conflict::AdminCodeSpent)?;
            }
        }
        Ok(())
    }
}
