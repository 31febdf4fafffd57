//! Drives the steps of [`crate::domain::hand_off`].

use std::sync::Arc;

use super::core::Core;
use super::failure::Failure;
use super::sessions::{LiveSession, Sessions};
use super::starting::SignedInBrowser;
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::hand_off::{self, HandOffClaims, HandOffCode, HandOffPurpose, HandOffRefusal};
use crate::domain::host::Host;
use crate::domain::secret::Secret;
use crate::domain::session::{Session, SignedIn};
use crate::domain::visitor::Visitor;
use crate::store::StoreError;

/// One sign-in for several hosts.
#[derive(Clone, Debug)]
pub struct HandOffFlow {
    core: Arc<Core>,
    sessions: Sessions,
}

/// What taking a code comes to.
#[derive(Debug)]
pub enum HandOffOutcome {
    /// The browser has a session at this host from now on.
    SignedIn(Box<SignedInBrowser>),
    /// It has one of the same family already.
    Already,
}

impl HandOffFlow {
    pub(super) fn new(core: Arc<Core>, sessions: Sessions) -> Self {
        Self { core, sessions }
    }

    /// The code by which that session is handed over; `None` where it has ended meanwhile, or has still to answer "Keep
    /// your account safe".
    ///
    /// # Errors
    /// The store failed.
    pub async fn give(
        &self,
        session: &LiveSession,
        purpose: HandOffPurpose<'_>,
    ) -> Result<Option<HandOffCode>, StoreError> {
        let Some(SignedIn { session, account, .. }) = self.sessions.signed_in(session).await? else { return Ok(None) };
        if account.aftermath.review.is_some() {
            return Ok(None);
        }
        Ok(Some(HandOffCode::new(&session, purpose, self.core.now(), &self.core.keys.hand_offs)))
    }

    /// Takes a code from the browser that has `state` at the host it came to. The same code again, while it is good, comes
    /// to the same session.
    ///
    /// # Errors
    /// Any [`HandOffRefusal`]; a failure of the store.
    pub async fn take(
        &self,
        code: &str,
        state: &Secret,
        visitor: &Visitor,
    ) -> Result<HandOffOutcome, Failure<HandOffRefusal>> {
        let core = &self.core;
        let key = &core.keys.hand_offs;
        let host = visitor.host().ok_or(Failure::Refused(HandOffRefusal::NoState))?;
        let (said, from, theirs) = self.open(code, state, host).await?;
        let here = match visitor.session {
            Some(token) => self.sessions.find_at(token, host).await?,
            None => None,
        };
        let (token, id) = said.session(state, key);
        if let Some(made) = core.records.session(token.digest()).await? {
            let session = Some(made).filter(|made| made.family() == from.family() && made.host.as_ref() == Some(host));
            return Ok(signed_in(token, session.ok_or(Failure::Refused(HandOffRefusal::Unknown))?));
        }
        if here.as_ref().is_some_and(|here| here.family() == from.family()) {
            return Ok(HandOffOutcome::Already);
        }
        let member = from.member(token.digest(), id, host.clone(), core.now());
        let replaced = here.map(|here| here.token());
        let member = core.carry_out(hand_off::take(&from, member, replaced, theirs)).await?;
        tracing::info!(account = %member.account, %host, "signed in by a hand-off");
        Ok(signed_in(token, member))
    }

    /// Whose session a code was made for that [`HandOffFlow::take`] would take.
    ///
    /// # Errors
    /// Any [`HandOffRefusal`]; a failure of the store.
    pub async fn whose(&self, code: &str, state: &Secret, visitor: &Visitor) -> Result<Email, Failure<HandOffRefusal>> {
        let host = visitor.host().ok_or(Failure::Refused(HandOffRefusal::NoState))?;
        let (said, ..) = self.open(code, state, host).await?;
        let account = self.core.records.account(said.account).await?;
        account.map(|account| account.email).ok_or(Failure::Refused(HandOffRefusal::SignedOut))
    }

    /// What a code says, the session that it was made for, and all of that account.
    async fn open(
        &self,
        code: &str,
        state: &Secret,
        host: &Host,
    ) -> Result<(HandOffClaims, Session, Vec<Session>), Failure<HandOffRefusal>> {
        let (core, purpose) = (&self.core, HandOffPurpose { host, state: state.digest() });
        let said = HandOffCode::open(code, purpose, core.now(), &core.keys.hand_offs).map_err(Failure::Refused)?;
        let theirs = core.records.sessions(said.account).await?;
        let from = self.handed_over(&said, &theirs).await?.ok_or(Failure::Refused(HandOffRefusal::SignedOut))?;
        Ok((said, from, theirs))
    }

    /// The session that a code was made for, where it may still be handed over.
    async fn handed_over(&self, said: &HandOffClaims, theirs: &[Session]) -> Result<Option<Session>, StoreError> {
        let Some(from) = theirs.iter().find(|session| session.id == said.session) else { return Ok(None) };
        let live = self.sessions.find(from.token).await?;
        Ok(live.filter(|live| !live.review()).map(|_| from.clone()))
    }
}

fn signed_in(token: Secret, session: Session) -> HandOffOutcome {
    HandOffOutcome::SignedIn(Box::new(SignedInBrowser { token, session, return_to: Destination::root() }))
}
