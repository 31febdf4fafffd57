//! Drives the steps of [`crate::domain::sign_in`].

use std::sync::Arc;

use webauthn_rs::prelude::PublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialRequestOptions;

use super::core::Core;
use super::failure::Failure;
use super::recover::RecoverFlow;
use super::starting::{SignedInBrowser, Starting};
use crate::domain::account::{Account, AccountId};
use crate::domain::assertion::{AssertionChallenge, Proof};
use crate::domain::ceremony::{CeremonyId, CeremonySubject, Proves};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::plan::Plan;
use crate::domain::sign_in::{self, FinishedSignIn, SignInRefusal};
use crate::domain::visitor::Visitor;

/// Signing in with a passkey: the steps of the page.
#[derive(Clone, Debug)]
pub struct SignInFlow {
    core: Arc<Core>,
    recover: RecoverFlow,
}

/// What a sign-in on our pages comes to.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session, and the token for its cookie.
    SignedIn(Box<SignedInBrowser>),
    /// The passkey rests since the account was recovered: the question with which its owner may contest that.
    MayContest(CeremonyId),
    /// The account is contested, and opens by this passkey together with a code, which was sent.
    AsksCode,
}

impl SignInFlow {
    pub(super) fn new(core: Arc<Core>, recover: RecoverFlow) -> Self {
        Self { core, recover }
    }

    /// Makes a challenge: for the passkeys of `email`, or for any passkey where none was typed. An address without an
    /// account gets one too.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn begin(
        &self,
        email: Option<Email>,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<SignInRefusal>> {
        let core = &self.core;
        let (subject, allowed) = match email {
            None => (CeremonySubject::Anyone, None),
            Some(email) => {
                // Made for every address, as all else that follows is: how long it takes tells nothing.
                let fakes = core.relying_party.fake_credentials(&email)?;
                let account = core.records.account_by_email(&email).await?.map(|account| account.id);
                let ids = core.passkey_ids(account.unwrap_or_else(|| AccountId::stand_in(&email))).await?;
                let subject = account.map_or(CeremonySubject::NoAccount, CeremonySubject::Account);
                // An account that lost its last passkey looks like one that never was.
                (subject, Some(if ids.is_empty() { fakes } else { ids }))
            }
        };
        let (ceremony, options) = core.question(Proves::SignIn(subject), allowed, return_to, core.moment(visitor))?;
        let id = ceremony.id;
        core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// The device answered: verifies it and begins a session. Refused or not, the ceremony is over. Where the passkey
    /// rests, its owner goes on as [`Visitor::moved_on`].
    ///
    /// # Errors
    /// Any [`SignInRefusal`]; a failure of the store.
    pub async fn finish(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<SignInOutcome, Failure<SignInRefusal>> {
        let (token, session) = self.core.start_in_browser(visitor);
        let starting = Starting { session, with: Vec::new() };
        Ok(match self.answer(starting, ceremony, answer, None, visitor).await? {
            Ok(FinishedSignIn { session, return_to, .. }) => {
                SignInOutcome::SignedIn(Box::new(SignedInBrowser { token, session, return_to }))
            }
            Err(at_rest) => self.at_rest(*at_rest, &visitor.moved_on()).await?,
        })
    }

    /// A passkey was proved that rests.
    async fn at_rest(
        &self,
        AtRest { proof, account }: AtRest,
        visitor: &Visitor,
    ) -> Result<SignInOutcome, Failure<SignInRefusal>> {
        if account.aftermath.is_contested() {
            let begun = self.recover.begin_beside(&proof, &account, visitor).await;
            begun.map_err(|failure| failure.map_refusal(|_| SignInRefusal::Rests))?;
            return Ok(SignInOutcome::AsksCode);
        }
        let proves = Proves::Contest { account: account.id, credential: proof.used().id.clone() };
        let (ceremony, _) = self.core.question(proves, None, Destination::root(), self.core.moment(visitor))?;
        let plan = sign_in::may_contest(&proof, &account, ceremony).map_err(Failure::Refused)?;
        Ok(SignInOutcome::MayContest(self.core.carry_out(plan).await?))
    }

    /// The same, for whatever session is `starting`; where an `email` is named, only for a passkey of its account.
    pub(super) async fn finish_as(
        &self,
        starting: Starting,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        email: Option<&Email>,
        visitor: &Visitor,
    ) -> Result<FinishedSignIn, Failure<SignInRefusal>> {
        match self.answer(starting, ceremony, answer, email, visitor).await? {
            Ok(finished) => Ok(finished),
            Err(_at_rest) => {
                self.core.give_up(ceremony).await?;
                Err(Failure::Refused(SignInRefusal::Rests))
            }
        }
    }

    async fn answer(
        &self,
        starting: Starting,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        email: Option<&Email>,
        visitor: &Visitor,
    ) -> Result<Result<FinishedSignIn, Box<AtRest>>, Failure<SignInRefusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let question = sign_in::open(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let id = question.id();
        let finished = self.prove(question, starting, answer, email, visitor).await;
        match &finished {
            Ok(Ok(FinishedSignIn { account, .. })) => {
                self.core.counts.sign_in("ok");
                tracing::info!(account = %account.id, "signed in");
            }
            Ok(Err(_at_rest)) => self.core.counts.sign_in(SignInRefusal::Rests.name()),
            Err(Failure::Refused(refusal)) => self.core.counts.sign_in(refusal.name()),
            Err(Failure::World(_)) => {}
        }
        self.core.over(id, "sign-in", finished).await
    }

    async fn prove(
        &self,
        question: AssertionChallenge<Destination>,
        starting: Starting,
        answer: PublicKeyCredential,
        email: Option<&Email>,
        visitor: &Visitor,
    ) -> Result<Result<FinishedSignIn, Box<AtRest>>, Failure<SignInRefusal>> {
        let (proof, account) = self.core.prove_at_rest_too(question, answer, email, visitor).await?;
        if account.aftermath.rests(&proof.used().id) && !account.disabled {
            tracing::info!(account = %account.id, "a passkey was proved that rests since a recovery");
            return Ok(Err(Box::new(AtRest { proof, account })));
        }
        let moment = self.core.moment(visitor);
        let plan = sign_in::finish(&proof, account, starting.session.clone(), moment);
        Ok(Ok(self.core.carry_out(starting.along(plan.map_err(Failure::Refused)?)).await?))
    }
}

/// A passkey that was proved, and rests.
struct AtRest {
    proof: Proof<Destination>,
    account: Account,
}
