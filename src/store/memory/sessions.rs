//! Changes of sessions and their tokens.

use super::state::MemoryState;
use crate::domain::plan::{AccountConflict, Conflict, SessionChange, SessionConflict, TokensChange};
use crate::domain::secret::SecretDigest;
use crate::domain::session::Session;

impl MemoryState {
    pub(super) fn make_session(&mut self, change: SessionChange) -> Result<(), Conflict> {
        match change {
            SessionChange::Add(session) => {
                let account = self.accounts.get(&session.account).ok_or(AccountConflict::Gone)?;
                if account.disabled {
                    return Err(AccountConflict::Disabled.into());
                }
                if let Some(credential) = &session.credential {
                    self.passkey(credential, session.account)?;
                }
                if let Some(head) = session.head {
                    let head = self.sessions.get(&head).filter(|head| session.is_handed_over_from(head));
                    head.ok_or(SessionConflict::Ended)?;
                }
                self.sessions.insert(session.token, session);
            }
            SessionChange::End(token) => {
                let family = self.family(token);
                self.sessions.retain(|_, session| session.family() != family);
            }
            SessionChange::Release(token) => {
                self.sessions.retain(|_, session| session.token != token || session.head.is_none());
            }
            SessionChange::EndAll { account, except } => {
                let except = except.map(|token| self.family(token));
                self.sessions.retain(|_, session| session.account != account || Some(session.family()) == except);
            }
            SessionChange::Tie { session, credential, authentication } => {
                let account = self.sessions.get(&session).ok_or(SessionConflict::Ended)?.account;
                self.passkey(&credential, account)?;
                let session = self.sessions.get_mut(&session).ok_or(SessionConflict::Ended)?;
                if session.credential.is_some() {
                    return Err(SessionConflict::Tied.into());
                }
                session.credential = Some(credential);
                session.authentication = authentication;
            }
            SessionChange::Bind { session, host } => {
                let session = self.sessions.get_mut(&session).ok_or(SessionConflict::Ended)?;
                if session.host.is_some() {
                    return Err(SessionConflict::Tied.into());
                }
                session.host = Some(host);
            }
            SessionChange::Require(token) => {
                self.sessions.get(&token).ok_or(SessionConflict::Ended)?;
            }
            SessionChange::Touch(touched) => {
                for (token, at) in touched {
                    if let Some(session) = self.sessions.get_mut(&token) {
                        session.last_seen_at = session.last_seen_at.max(at);
                    }
                }
            }
        }
        Ok(())
    }

    fn family(&self, token: SecretDigest) -> SecretDigest {
        self.sessions.get(&token).map_or(token, Session::family)
    }

    pub(super) fn make_tokens(&mut self, change: TokensChange) -> Result<(), Conflict> {
        match change {
            TokensChange::Add(family) => {
                self.sessions.get(&family.session).ok_or(SessionConflict::Ended)?;
                if self.tokens.contains_key(&family.session) {
                    return Err(Conflict::TokensChanged);
                }
                self.are_of_one_session(&family)?;
                self.tokens.insert(family.session, family);
            }
            TokensChange::Advance(family) | TokensChange::Cut(family) => {
                self.are_of_one_session(&family)?;
                let was = self.tokens.get_mut(&family.session).ok_or(Conflict::TokensChanged)?;
                if was.revision.checked_add(1) != Some(family.revision) {
                    return Err(Conflict::TokensChanged);
                }
                *was = family;
            }
            TokensChange::Require { session, revision } => {
                let family = self.tokens.get(&session).ok_or(Conflict::TokensChanged)?;
                if family.revision != revision {
                    return Err(Conflict::TokensChanged);
                }
            }
        }
        Ok(())
    }
}
