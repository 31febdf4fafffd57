//! Changes of accounts, passkeys and sessions.

use super::super::batch::Batch;
use super::super::fault::Fault;
use super::super::rows::{Row, Table, after_account, after_time, of_account};
use super::super::view::View as _;
use super::Stop;
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::admin_code::AdminCode;
use crate::domain::link::Link;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::Conflict;
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::secret::SecretDigest;
use crate::domain::session::Session;
use crate::domain::tokens::TokenFamily;

impl Batch<'_, '_> {
    pub(super) fn add_account(&mut self, account: &Account) -> Result<(), Stop> {
        if self.get(Table::Accounts, account.id.0.as_bytes())?.is_some() {
            return Err(Conflict::AccountExists.into());
        }
        if self.get(Table::AccountsByEmail, account.email.as_str().as_bytes())?.is_some() {
            return Err(Conflict::EmailTaken.into());
        }
        Ok(self.put(account)?)
    }

    pub(super) fn set_disabled(&mut self, account: AccountId, disabled: bool) -> Result<(), Stop> {
        let was = self.load::<Account>(account.0.as_bytes())?.ok_or(Conflict::NoAccount)?;
        self.put(&Account { disabled, ..was })?;
        if disabled {
            self.end_sessions(account, |_| true)?;
            self.drop_recoveries(account)?;
            self.discard_if_there::<Hold>(account.0.as_bytes())?;
            self.discard_if_there::<AdminCode>(account.0.as_bytes())?;
        }
        Ok(())
    }

    pub(super) fn set_groups(&mut self, account: AccountId, was: &[String], groups: Vec<String>) -> Result<(), Stop> {
        let account = self.load::<Account>(account.0.as_bytes())?.ok_or(Conflict::NoAccount)?;
        if account.groups != was {
            return Err(Conflict::AccountChanged.into());
        }
        Ok(self.put(&Account { groups, ..account })?)
    }

    pub(super) fn drop_recoveries(&mut self, account: AccountId) -> Result<(), Fault> {
        self.discard_all::<Recovery>(Table::RecoveriesByAccount, account)
    }

    /// Removes an account and everything that names it; ceremonies are left to expire.
    pub(super) fn remove_account(&mut self, account: AccountId) -> Result<(), Stop> {
        self.remove::<Account>(account.0.as_bytes())?.ok_or(Conflict::NoAccount)?;
        self.end_sessions(account, |_| true)?;
        let keys = self.keys(Table::PasskeysByAccount, of_account(account), usize::MAX)?;
        self.discard::<Passkey>(keys.iter().map(|key| after_time(after_account(key)).to_vec()))?;
        let keys = self.keys(Table::EventsByAccount, of_account(account), usize::MAX)?;
        self.discard::<Event>(keys.iter().map(|key| after_time(after_account(key)).to_vec()))?;
        self.discard_all::<Link>(Table::LinksByAccount, account)?;
        self.drop_recoveries(account)?;
        self.discard_if_there::<Hold>(account.0.as_bytes())?;
        self.discard_if_there::<AdminCode>(account.0.as_bytes())?;
        Ok(())
    }

    /// Removes the rows that an index by account alone names.
    fn discard_all<R: Row>(&mut self, index: Table, account: AccountId) -> Result<(), Fault> {
        let keys = self.keys(index, of_account(account), usize::MAX)?;
        self.discard::<R>(keys.iter().map(|key| after_account(key).to_vec())).map(drop)
    }

    pub(super) fn add_passkey(&mut self, passkey: &Passkey) -> Result<(), Stop> {
        self.get(Table::Accounts, passkey.account.0.as_bytes())?.ok_or(Conflict::NoAccount)?;
        if self.get(Table::Passkeys, passkey.key.id.bytes())?.is_some() {
            return Err(Conflict::CredentialTaken.into());
        }
        Ok(self.put(passkey)?)
    }

    /// The passkey, where it is that account's.
    pub(super) fn passkey(&mut self, credential: &CredentialId, account: AccountId) -> Result<Passkey, Stop> {
        let passkey = self.load::<Passkey>(credential.bytes())?.filter(|passkey| passkey.account == account);
        passkey.ok_or(Stop::Conflict(Conflict::PasskeyChanged))
    }

    pub(super) fn remove_passkey(
        &mut self,
        credential: &CredentialId,
        account: AccountId,
        last: bool,
    ) -> Result<(), Stop> {
        self.passkey(credential, account)?;
        if !last && self.keys(Table::PasskeysByAccount, of_account(account), 2)?.len() < 2 {
            return Err(Conflict::LastPasskey.into());
        }
        self.remove::<Passkey>(credential.bytes())?;
        Ok(self.end_sessions(account, |session| session.credential.as_ref() == Some(credential))?)
    }

    pub(super) fn add_session(&mut self, session: &Session) -> Result<(), Stop> {
        let account = self.load::<Account>(session.account.0.as_bytes())?.ok_or(Conflict::NoAccount)?;
        if account.disabled {
            return Err(Conflict::AccountDisabled.into());
        }
        if let Some(credential) = &session.credential {
            self.passkey(credential, session.account)?;
        }
        Ok(self.put(session)?)
    }

    pub(super) fn add_tokens(&mut self, family: &TokenFamily) -> Result<(), Stop> {
        self.load::<Session>(family.session.bytes())?.ok_or(Conflict::SessionEnded)?;
        if self.get(Table::TokenFamilies, family.session.bytes())?.is_some() {
            return Err(Conflict::TokensChanged.into());
        }
        self.are_of_one_session(family, |_| true)?;
        Ok(self.put(family)?)
    }

    pub(super) fn advance_tokens(&mut self, family: &TokenFamily) -> Result<(), Stop> {
        let was = self.load::<TokenFamily>(family.session.bytes())?;
        let was = was.filter(|was| was.revision.checked_add(1) == Some(family.revision));
        let was = was.ok_or(Conflict::TokensChanged)?;
        self.are_of_one_session(family, |token| !was.all().any(|one| one == token))?;
        Ok(self.put(family)?)
    }

    /// No token leads to two sessions. Those that are not new need not be looked up.
    fn are_of_one_session(&mut self, family: &TokenFamily, is_new: impl Fn(SecretDigest) -> bool) -> Result<(), Stop> {
        for token in family.all().filter(|token| is_new(*token)) {
            let session = self.get(Table::RefreshTokens, token.bytes())?;
            if session.is_some_and(|session| session != family.session.bytes()) {
                return Err(Conflict::TokensChanged.into());
            }
        }
        Ok(())
    }

    /// Ends those of an account's sessions that `over` says, and those that cannot be read: nobody can say that they may
    /// go on.
    pub(super) fn end_sessions(&mut self, account: AccountId, over: impl Fn(&Session) -> bool) -> Result<(), Fault> {
        let mut ended = Vec::new();
        for key in self.keys(Table::SessionsByAccount, of_account(account), usize::MAX)? {
            let token = after_account(&key);
            let ends = match self.load_indexed(token) {
                Err(Fault::Unreadable { .. }) => true,
                session => over(&session?),
            };
            ended.extend(ends.then(|| token.to_vec()));
        }
        self.discard::<Session>(ended).map(drop)
    }
}
