//! Changes of sessions and their tokens.

use super::super::batch::Batch;
use super::super::fault::RedbFault;
use super::super::view::View as _;
use super::RedbStop;
use crate::domain::account::{Account, AccountId};
use crate::domain::plan::{AccountConflict, Conflict, SessionChange, SessionConflict, TokensChange};
use crate::domain::secret::SecretDigest;
use crate::domain::session::Session;
use crate::domain::token_family::TokenFamily;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::{after_account, of_account};
use crate::store::records::table::Table;

impl Batch<'_, '_> {
    pub(super) fn make_session(&mut self, change: SessionChange) -> Result<(), RedbStop> {
        match change {
            SessionChange::Add(session) => self.add_session(&session)?,
            SessionChange::End(token) => {
                let family = self.family(token)?;
                self.discard_if_there::<Session>(family.bytes())?;
                self.discard_if_there::<Session>(token.bytes())?;
            }
            SessionChange::Release(token) => {
                if self.family(token)? != token {
                    self.discard_if_there::<Session>(token.bytes())?;
                }
            }
            SessionChange::EndAll { account, except } => {
                let except = except.map(|token| self.family(token)).transpose()?;
                self.end_sessions(account, |session| Some(session.family()) != except)?;
            }
            SessionChange::Tie { session, credential, authentication } => {
                let session = self.load::<Session>(session.bytes())?.ok_or(SessionConflict::Ended)?;
                self.passkey(&credential, session.account)?;
                if session.credential.is_some() {
                    return Err(SessionConflict::Tied.into());
                }
                self.put(&Session { credential: Some(credential), authentication, ..session })?;
            }
            SessionChange::Bind { session, host } => {
                let session = self.load::<Session>(session.bytes())?.ok_or(SessionConflict::Ended)?;
                if session.host.is_some() {
                    return Err(SessionConflict::Tied.into());
                }
                self.put(&Session { host: Some(host), ..session })?;
            }
            SessionChange::Require(token) => {
                self.load::<Session>(token.bytes())?.ok_or(SessionConflict::Ended)?;
            }
            SessionChange::Touch(touched) => {
                for (token, at) in touched {
                    let session = self.load::<Session>(token.bytes())?;
                    if let Some(session) = session.filter(|session| session.last_seen_at < at) {
                        self.put(&Session { last_seen_at: at, ..session })?;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn make_tokens(&mut self, change: TokensChange) -> Result<(), RedbStop> {
        match change {
            TokensChange::Add(family) => self.add_tokens(&family)?,
            TokensChange::Advance(family) | TokensChange::Cut(family) => self.advance_tokens(&family)?,
            TokensChange::Require { session, revision } => {
                let family = self.load::<TokenFamily>(session.bytes())?;
                family.filter(|family| family.revision == revision).ok_or(Conflict::TokensChanged)?;
            }
        }
        Ok(())
    }

    pub(super) fn add_session(&mut self, session: &Session) -> Result<(), RedbStop> {
        let account = self.load::<Account>(session.account.0.as_bytes())?.ok_or(AccountConflict::Gone)?;
        if account.disabled {
            return Err(AccountConflict::Disabled.into());
        }
        if let Some(credential) = &session.credential {
            self.passkey(credential, session.account)?;
        }
        if let Some(head) = session.head {
            let head = self.load::<Session>(head.bytes())?;
            head.filter(|head| session.is_handed_over_from(head)).ok_or(SessionConflict::Ended)?;
        }
        Ok(self.put(session)?)
    }

    /// The family of a session; one that is gone, or cannot be read, is one by itself.
    fn family(&mut self, token: SecretDigest) -> Result<SecretDigest, RedbFault> {
        match self.load::<Session>(token.bytes()) {
            Err(RedbFault::Record(RecordFault::Unreadable { .. })) => Ok(token),
            session => Ok(session?.map_or(token, |session| session.family())),
        }
    }

    pub(super) fn add_tokens(&mut self, family: &TokenFamily) -> Result<(), RedbStop> {
        self.load::<Session>(family.session.bytes())?.ok_or(SessionConflict::Ended)?;
        if self.get(Table::TokenFamilies, family.session.bytes())?.is_some() {
            return Err(Conflict::TokensChanged.into());
        }
        self.are_of_one_session(family, |_| true)?;
        Ok(self.put(family)?)
    }

    pub(super) fn advance_tokens(&mut self, family: &TokenFamily) -> Result<(), RedbStop> {
        let was = self.load::<TokenFamily>(family.session.bytes())?;
        let was = was.filter(|was| was.revision.checked_add(1) == Some(family.revision));
        let was = was.ok_or(Conflict::TokensChanged)?;
        self.are_of_one_session(family, |token| !was.all().any(|one| one == token))?;
        Ok(self.put(family)?)
    }

    /// No token leads to two sessions. Those that are not new need not be looked up.
    fn are_of_one_session(
        &mut self,
        family: &TokenFamily,
        is_new: impl Fn(SecretDigest) -> bool,
    ) -> Result<(), RedbStop> {
        for token in family.all().filter(|token| is_new(*token)) {
            let session = self.get(Table::RefreshTokens, token.bytes())?;
            if session.is_some_and(|session| session != family.session.bytes()) {
                return Err(Conflict::TokensChanged.into());
            }
        }
        Ok(())
    }

    /// Ends those of an account's sessions that `over` says, and those that cannot be read, of which it is not known
    /// whether they may go on.
    pub(super) fn end_sessions(
        &mut self,
        account: AccountId,
        over: impl Fn(&Session) -> bool,
    ) -> Result<(), RedbFault> {
        let mut ended = Vec::new();
        for key in self.keys(Table::SessionsByAccount, of_account(account), usize::MAX)? {
            let token = after_account(&key);
            let ends = match self.load_indexed(token) {
                Err(RedbFault::Record(RecordFault::Unreadable { .. })) => true,
                session => over(&session?),
            };
            ended.extend(ends.then(|| token.to_vec()));
        }
        self.discard::<Session>(ended).map(drop)
    }
}
