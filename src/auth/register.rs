//! Drives the steps of [`crate::domain::register`].

use std::sync::Arc;

use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::starting::SignedInBrowser;
use crate::domain::account::AccountId;
use crate::domain::attestation::Making;
use crate::domain::ceremony::{CeremonyId, Makes};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::manage;
use crate::domain::plan::{Conflict, Plan};
use crate::domain::profile::Profile;
use crate::domain::register::{self, Applicant, CountedTry, Policy, Refusal};
use crate::domain::registration::Registration;
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

/// Registering.
#[derive(Clone, Debug)]
pub struct RegisterFlow {
    core: Arc<Core>,
    policy: Arc<Policy>,
}

/// What a person says when their device has made a passkey.
#[derive(Debug, Default)]
pub struct Said {
    /// What they call the passkey.
    pub nickname: Option<String>,
    /// What they say of themselves beyond what they said at the beginning, or instead of it.
    pub profile: Profile,
}

impl RegisterFlow {
    pub(super) fn new(core: Arc<Core>, policy: Policy) -> Self {
        Self { core, policy: Arc::new(policy) }
    }

    /// Whether new accounts are open.
    pub fn is_open(&self) -> bool {
        self.policy.open
    }

    /// An address was typed: makes a challenge for a new passkey, whoever has the address.
    ///
    /// # Errors
    /// [`Refusal::Closed`], [`Refusal::DomainNotAllowed`]; a failure of the store.
    pub async fn begin(
        &self,
        email: Email,
        profile: Profile,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        self.allow(&email)?;
        let moment = self.core.moment(visitor);
        let makes = Makes::Registration { email: email.clone(), profile: profile.clone() };
        let owner =
            Owner { account: AccountId(moment.uuid()), email: &email, name: profile.name.as_deref(), passkeys: &[] };
        let (ceremony, options) = self.core.challenge(owner, makes, return_to, moment)?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// The device made a passkey: verifies it, keeps it with the registration, and sends the code. `said` is what the
    /// person says of it and of themselves now. Refused or not, the ceremony is over.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::BadPasskey`], too many codes, or as [`RegisterFlow::begin`]; a failure of the
    /// store.
    pub async fn receive_passkey(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        said: Said,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let (making, applicant) = register::open(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        self.allow(&applicant.email)?;
        let id = making.id;
        let received = self.keep_passkey(making, applicant, answer, said, visitor).await;
        self.core.over(id, received).await
    }

    async fn keep_passkey(
        &self,
        making: Making,
        applicant: Applicant,
        answer: RegisterPublicKeyCredential,
        said: Said,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let core = &self.core;
        let made = core.make(making, answer).await?;
        // Refused now, and again by the commit that makes the account: it may be somebody's by then.
        if core.records.passkey(&made.key.id).await?.is_some() {
            return Err(Failure::Refused(Refusal::BadPasskey));
        }
        let taken = core.records.account_by_email(&applicant.email).await?.is_some();
        let counters = core.code_counters(&applicant.email, visitor);
        let applicant = Applicant { profile: said.profile.over(applicant.profile), ..applicant };
        let nickname = said.nickname.as_deref().and_then(manage::name);
        let plan = register::receive_passkey(made, applicant, nickname, taken, counters, core.moment(visitor));
        Ok(core.carry_out(plan).await?)
    }

    /// The visitor's unfinished registration, if it has not expired.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pending(&self, visitor: &Visitor) -> Result<Option<Registration>, StoreError> {
        self.core.registration(visitor).await
    }

    /// Sends another code.
    ///
    /// # Errors
    /// [`Refusal::NoRegistration`], too soon, too many, or as [`RegisterFlow::begin`]; a failure of the store.
    pub async fn resend_code(&self, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let registration = self.allowed(visitor).await?;
        self.resend_for(registration, visitor).await
    }

    pub(super) async fn resend_for(
        &self,
        registration: Registration,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        self.allow(&registration.email)?;
        let counters = self.core.code_counters(&registration.email, visitor);
        let plan = register::resend(registration, counters, self.core.moment(visitor));
        Ok(self.core.carry_out(plan.map_err(Failure::Refused)?).await?)
    }

    /// A code was typed: counts the try, compares, and makes the account.
    ///
    /// # Errors
    /// Any [`Refusal`] of a code; a failure of the store.
    pub async fn finish(&self, typed: &str, visitor: &Visitor) -> Result<SignedInBrowser, Failure<Refusal>> {
        let counted = self.count_try(typed, visitor).await?;
        let code = self.core.code(counted.registration().code.id);
        let (token, session) = self.core.start_in_browser(visitor);
        let plan = register::prove(counted, &code, session, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let register::Finished { session, return_to, .. } = self.carry_out(plan).await?;
        Ok(SignedInBrowser { token, session, return_to })
    }

    async fn count_try(&self, typed: &str, visitor: &Visitor) -> Result<CountedTry, Failure<Refusal>> {
        for _ in 0..RACES {
            let registration = self.allowed(visitor).await?;
            let counters = self.core.code_counters(&registration.email, visitor);
            let plan = register::count_try(registration, typed, counters, self.core.now());
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // Another try was counted meanwhile, or another code sent: this one has not been looked at.
                Err(CommitError::Conflict(Conflict::RegistrationChanged)) => {}
                counted => return Ok(counted?),
            }
        }
        Err(WorldFailure::Busy.into())
    }

    /// Makes the account of a plan that the code allowed.
    pub(super) async fn carry_out(
        &self,
        plan: Plan<register::Finished>,
    ) -> Result<register::Finished, Failure<Refusal>> {
        let finished = self.core.carry_out(plan).await?;
        self.core.counts.registration();
        tracing::info!(account = %finished.account.id, "an account was made");
        Ok(finished)
    }

    /// Who may register is asked anew at each step: registration may have been closed since it was begun.
    pub(super) fn allow(&self, email: &Email) -> Result<(), Failure<Refusal>> {
        self.policy.allow(email).map_err(Failure::Refused)
    }

    /// The visitor's unfinished registration, where its address may still register.
    async fn allowed(&self, visitor: &Visitor) -> Result<Registration, Failure<Refusal>> {
        let registration = self.core.records.registration(visitor.browser).await?;
        let registration = registration.ok_or(Failure::Refused(Refusal::NoRegistration))?;
        self.allow(&registration.email)?;
        Ok(registration)
    }
}
