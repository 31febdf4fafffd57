//! Sessions of clients of the API: the same flows, with tokens where a browser has a cookie.

use std::sync::Arc;

use uuid::Uuid;
use webauthn_rs::prelude::PublicKeyCredential;

use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::sessions::{LiveSession, Sessions};
use super::sign_in::SignInFlow;
use super::starting::Starting;
use crate::domain::account::Account;
use crate::domain::ceremony::CeremonyId;
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::manage;
use crate::domain::plan::{Conflict, TokensChange};
use crate::domain::secret::SecretDigest;
use crate::domain::session::{NewSession, Session, SessionId, SignedIn};
use crate::domain::sign_in::{self, FinishedSignIn};
use crate::domain::token_family::{RefreshToken, TokenFamily};
use crate::domain::tokens::{Presented, RefreshAnswer, TokensRefusal, present};
use crate::domain::visitor::Visitor;
use crate::identity::IdentityError;
use crate::identity::access::AccessToken;
use crate::store::{CommitError, StoreError};

/// What a client of the API gets for a session.
#[derive(Clone, Debug)]
pub struct SessionTokens {
    /// The session that the tokens are of.
    pub session: Session,
    /// The account that the session is of.
    pub account: Account,
    /// The refresh token that is out.
    pub refresh: RefreshToken,
    /// Its public name.
    pub refresh_id: Uuid,
    /// Until when the session is elevated.
    pub elevated_until: Option<Timestamp>,
}

/// What an address is, where the operator lets the API tell it before the client has proved anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressStanding {
    /// Of no account.
    Unknown,
    /// Of a person whose code is still to come.
    Unverified,
    /// Of a disabled account.
    Disabled,
    /// Of an account that may sign in.
    Active,
}

/// Sessions that carry tokens.
#[derive(Clone, Debug)]
pub struct TokensFlow {
    core: Arc<Core>,
    sessions: Sessions,
    sign_in: SignInFlow,
}

impl TokensFlow {
    pub(super) fn new(core: Arc<Core>, sessions: Sessions, sign_in: SignInFlow) -> Self {
        Self { core, sessions, sign_in }
    }

    /// What an address is. To be told only where the operator says so.
    ///
    /// # Errors
    /// The store failed.
    pub async fn standing(&self, email: &Email) -> Result<AddressStanding, StoreError> {
        if let Some(account) = self.core.records.account_by_email(email).await? {
            return Ok(if account.disabled { AddressStanding::Disabled } else { AddressStanding::Active });
        }
        let now = self.core.now();
        let pending = self.core.records.registrations_of(email).await?;
        let waits = pending.iter().any(|pending| pending.is_open(now));
        Ok(if waits { AddressStanding::Unverified } else { AddressStanding::Unknown })
    }

    /// The device answered a sign-in challenge of the API: verifies it and begins a session. Where an address was sent
    /// along, the passkey must be its account's.
    ///
    /// # Errors
    /// As [`SignInFlow::finish`].
    pub async fn sign_in(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        email: Option<Email>,
        visitor: &Visitor,
    ) -> Result<SessionTokens, Failure<sign_in::SignInRefusal>> {
        let (refresh, starting) = self.start(visitor);
        let finished = self.sign_in.finish_as(starting, ceremony, answer, email.as_ref(), visitor).await?;
        let FinishedSignIn { account, session, .. } = finished;
        Ok(self.of(account, session, refresh))
    }

    /// A refresh token is exchanged for the next one. One that was spent before ends its session, unless the client
    /// that spent it asks again at once.
    ///
    /// # Errors
    /// [`TokensRefusal::Unknown`], [`TokensRefusal::TooOften`]; a failure of the store.
    pub async fn refresh(
        &self,
        token: RefreshToken,
        visitor: &Visitor,
    ) -> Result<SessionTokens, Failure<TokensRefusal>> {
        let unknown = || Failure::Refused(TokensRefusal::Unknown);
        for _ in 0..RACES {
            let family = self.core.records.tokens_by_refresh(token.digest()).await?.ok_or_else(unknown)?;
            let live = self.sessions.find(family.session).await?.ok_or_else(unknown)?;
            let SignedIn { session, account, .. } = &self.sessions.signed_in(&live).await?.ok_or_else(unknown)?;
            let (key, moment) = (&self.core.keys.refresh_tokens, self.core.moment(visitor));
            let presented = present(token, family, session, key, moment);
            let RefreshAnswer { refresh, elevated_until } = match presented.map_err(Failure::Refused)? {
                Presented::Again(answered) => answered,
                Presented::Next(answered, plan) => match self.core.carry_out(plan).await {
                    Ok(()) => answered,
                    Err(CommitError::Conflict(Conflict::TokensChanged)) => continue,
                    Err(error) => return Err(error.into()),
                },
                Presented::Copied(plan) => {
                    tracing::warn!(account = %account.id, session = %session.id.0, "a spent refresh token was presented; its session was ended");
                    self.core.carry_out(plan).await?;
                    return Err(unknown());
                }
            };
            let tokens = self.of(account.clone(), session.clone(), refresh);
            return Ok(SessionTokens { elevated_until, ..tokens });
        }
        Err(WorldFailure::Raced.into())
    }

    /// The session whose refresh token that is, out or spent. A tab may not know yet that another one spent it, and a
    /// client with a spent one can end its session anyway.
    ///
    /// # Errors
    /// The store failed.
    pub async fn session_of_refresh(&self, token: RefreshToken) -> Result<Option<LiveSession>, StoreError> {
        match self.core.records.tokens_by_refresh(token.digest()).await? {
            Some(family) => self.sessions.find(family.session).await,
            None => Ok(None),
        }
    }

    /// Ends every session of an account, that one too.
    ///
    /// # Errors
    /// A failure of the store; some may still be live.
    pub async fn sign_out_all(&self, live: &LiveSession, visitor: &Visitor) -> Result<(), CommitError> {
        self.core.carry_out(manage::sign_out_all(live.account(), self.core.moment(visitor))).await
    }

    /// An access token for a session, and when it was made.
    ///
    /// # Errors
    /// No key signs.
    pub fn access_token(
        &self,
        session: Session,
        account: Account,
        elevated_until: Option<Timestamp>,
    ) -> Result<(AccessToken, Timestamp), IdentityError> {
        let now = self.core.now();
        let created_at = session.created_at.min(now);
        let absolute_end = self.sessions.limits().absolute_end(created_at);
        let session_end = self.sessions.limits().end(created_at, now);
        let signed_in = SignedIn { session, account, absolute_end };
        let token =
            self.core.identity.mint_access(&signed_in, elevated_until, session_end, self.core.entropy.uuid(), now)?;
        Ok((token, now))
    }

    /// A session about to be that a client of the API carries tokens of.
    pub(super) fn start(&self, visitor: &Visitor) -> (RefreshToken, Starting) {
        let entropy = &self.core.entropy;
        let id = SessionId(entropy.uuid());
        let token = self.core.keys.api_session(id);
        let refresh = RefreshToken::new(entropy.uuid());
        let with = vec![TokensChange::Add(TokenFamily::begin(token, refresh)).into()];
        (refresh, Starting { session: NewSession::new(token, id, visitor), with })
    }

    /// What a client gets for its session, of which that refresh token is out.
    pub(super) fn of(&self, account: Account, session: Session, refresh: RefreshToken) -> SessionTokens {
        let refresh_id = refresh.id(&self.core.keys.refresh_tokens);
        SessionTokens { session, account, refresh, refresh_id, elevated_until: None }
    }

    /// The tokens of a session, and another one that an elevation answers with.
    pub(super) async fn family_and_another(
        &self,
        session: SecretDigest,
    ) -> Result<Option<(TokenFamily, RefreshToken)>, StoreError> {
        let family = self.core.records.tokens(session).await?;
        Ok(family.map(|family| (family, RefreshToken::new(self.core.entropy.uuid()))))
    }
}
