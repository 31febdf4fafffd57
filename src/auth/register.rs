//! Drives the steps of [`crate::domain::register`].

use std::sync::Arc;

use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::mailed_codes::tries_spent;
use super::starting::{SignedInBrowser, Starting};
use crate::domain::account::AccountId;
use crate::domain::attestation::Making;
use crate::domain::ceremony::{CeremonyId, Makes};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::invitation::Invitation;
use crate::domain::manage;
use crate::domain::plan::{Conflict, Plan};
use crate::domain::profile::Profile;
use crate::domain::register::{self, Answer, Applicant, CountedTry, NewAccounts, Policy, Refusal, Said};
use crate::domain::registration::{Outlook, Registration};
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

/// Registering.
#[derive(Clone, Debug)]
pub struct RegisterFlow {
    core: Arc<Core>,
    policy: Arc<Policy>,
}

impl RegisterFlow {
    pub(super) fn new(core: Arc<Core>, policy: Policy) -> Self {
        Self { core, policy: Arc::new(policy) }
    }

    /// Whom new accounts are for, as the pages say: where they are closed, and somebody is invited all the same, they are by
    /// invitation.
    ///
    /// # Errors
    /// The store failed.
    pub async fn new_accounts(&self) -> Result<NewAccounts, StoreError> {
        let said = self.policy.new_accounts;
        let by_invitation = said == NewAccounts::Closed && self.invites_anybody().await?;
        Ok(if by_invitation { NewAccounts::Invite } else { said })
    }

    /// Whether somebody may be refused by letter alone.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_for_some(&self) -> Result<bool, StoreError> {
        Ok(self.policy.hides(!self.policy.is_for_all() && self.invites_anybody().await?))
    }

    async fn invites_anybody(&self) -> Result<bool, StoreError> {
        self.core.records.has_invitations().await
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
        self.answer(&email).await?;
        let moment = self.core.moment(visitor);
        let makes = Makes::Registration { email: email.clone(), profile: profile.clone() };
        let account = self.account_to_be(&email, visitor).await?;
        let owner = Owner { account, email: &email, name: profile.name.as_deref(), passkeys: &[] };
        let (ceremony, options) = self.core.challenge(owner, makes, return_to, moment)?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// What the account is to be called: as in the visitor's registration of that address that waits, or as it would have
    /// been before; otherwise where an account is called so by now.
    async fn account_to_be(&self, email: &Email, visitor: &Visitor) -> Result<AccountId, StoreError> {
        let (core, moment) = (&self.core, self.core.moment(visitor));
        let waits = core.registration(visitor).await?.filter(|registration| registration.email == *email);
        let derived = core.keys.account_to_be(visitor.browser, email, moment.now);
        let account = waits.map_or(derived, |registration| registration.account);
        let is_somebodys = core.records.account(account).await?.is_some();
        Ok(if is_somebodys { AccountId(moment.uuid()) } else { account })
    }

    /// The device made a passkey: verifies it, keeps it with the registration, and sends the code. `said` is what the
    /// person says of it and of themselves now. Refused or not, the ceremony is over, unless nobody of that address may
    /// register. On our pages, the visitor goes on as [`Visitor::moved_on`].
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
        let received = self.receive(ceremony, answer, said, visitor).await;
        let moved = visitor.moved_on();
        match received {
            // The same press again, which has been answered.
            Err(Failure::Refused(_)) if visitor.press.is_some() && self.pending(&moved).await?.is_some() => Ok(()),
            received => received,
        }
    }

    async fn receive(
        &self,
        ceremony: CeremonyId,
        credential: RegisterPublicKeyCredential,
        said: Said,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let making = register::open(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let answer = self.answer(&making.made_for().email).await?;
        let id = making.id();
        let received = self.keep_passkey(making, credential, said, answer, visitor).await;
        self.core.over(id, "registration", received).await
    }

    async fn keep_passkey(
        &self,
        making: Making<Applicant>,
        credential: RegisterPublicKeyCredential,
        said: Said,
        answer: Answer,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let core = &self.core;
        let made = core.make(making, credential).await?;
        // Refused now, and again by the commit that makes the account: it may be somebody's by then.
        if core.records.passkey(&made.key().id).await?.is_some() {
            return Err(Failure::Refused(Refusal::BadPasskey));
        }
        let given_up = core.registration(visitor).await?;
        // From here on it belongs to the flow cookie that goes out with the answer.
        let visitor = &visitor.moved_on();
        let email = &made.made_for().email.clone();
        let taken = core.records.account_by_email(email).await?.is_some();
        let outlook = register::outlook(taken, answer);
        let counters = core.code_counters(email, visitor).await?;
        let said = Said { nickname: said.nickname.as_deref().and_then(manage::name), ..said };
        let plan = register::receive_passkey(made, said, outlook, given_up, counters, core.moment(visitor));
        core.carry_out(plan).await?;
        if outlook == Outlook::Uninvited {
            // The page tells nobody; an operator who is asked why it did not work finds it here.
            tracing::info!("an account was asked for by somebody whom nobody added; the letter says so");
        }
        Ok(core.tell_of_tries(email, counters, visitor).await?)
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
        let registration = self.begun(visitor).await?;
        self.resend_for(registration, visitor).await
    }

    async fn resend_for(&self, mut registration: Registration, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        for _ in 0..RACES {
            let answer = self.answer(&registration.email).await?;
            let (browser, email) = (registration.browser, registration.email.clone());
            let counters = self.core.code_counters(&email, visitor).await?;
            let plan = register::resend(registration, answer, counters, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // A try was counted meanwhile.
                Err(CommitError::Conflict(Conflict::RegistrationChanged)) => {
                    let now_there = self.core.records.registration(browser).await?;
                    registration = now_there.ok_or(Failure::Refused(Refusal::NoRegistration))?;
                }
                sent => {
                    sent?;
                    return Ok(self.core.tell_of_tries(&email, counters, visitor).await?);
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// A code was typed: counts the try, compares, and makes the account.
    ///
    /// # Errors
    /// Any [`Refusal`] of a code; a failure of the store.
    pub async fn finish(&self, typed: &str, visitor: &Visitor) -> Result<SignedInBrowser, Failure<Refusal>> {
        let counted = self.count_try(typed, visitor).await?;
        let (token, session) = self.core.start_in_browser(visitor);
        let starting = Starting { session, with: Vec::new() };
        let register::Finished { session, return_to, .. } = self.finish_as(&starting, counted, visitor).await?;
        Ok(SignedInBrowser { token, session, return_to })
    }

    /// Compares the code of a counted try, and makes the account with whatever session is `starting`.
    pub(super) async fn finish_as(
        &self,
        starting: &Starting,
        mut counted: CountedTry,
        visitor: &Visitor,
    ) -> Result<register::Finished, Failure<Refusal>> {
        for _ in 0..RACES {
            let code = self.core.code(counted.registration().code.id);
            counted.compare(&code).map_err(Failure::Refused)?;
            let (answer, invitation) = self.look_up(&counted.registration().email).await?;
            let answer = answer.map_err(Failure::Refused)?;
            let (session, moment) = (starting.session.clone(), self.core.moment(visitor));
            let plan = register::prove(&counted, &code, answer, invitation, session, moment);
            match self.core.carry_out(starting.along(plan.map_err(Failure::Refused)?)).await {
                // The operator invited somebody, or took that back, at the same moment.
                Err(CommitError::Conflict(Conflict::InvitationChanged)) => {}
                // Another try was counted meanwhile, which takes nothing from this one.
                Err(CommitError::Conflict(Conflict::RegistrationChanged)) => {
                    let now_there = self.core.records.registration(counted.registration().browser).await?;
                    counted = counted.again(now_there).ok_or(Failure::Refused(Refusal::NoRegistration))?;
                }
                finished => {
                    let finished = finished?;
                    self.core.counts.registration();
                    tracing::info!(account = %finished.account.id, "an account was made");
                    return Ok(finished);
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    async fn count_try(&self, typed: &str, visitor: &Visitor) -> Result<CountedTry, Failure<Refusal>> {
        for _ in 0..RACES {
            let registration = self.begun(visitor).await?;
            self.answer(&registration.email).await?;
            let counters = self.core.code_counters(&registration.email, visitor).await?;
            let plan = register::count_try(registration, typed, counters, self.core.now());
            let counted = self.core.carry_out(plan.map_err(Failure::Refused)?).await;
            if let Some(spent) = tries_spent(&counted, &counters) {
                return Err(Failure::Refused(spent.into()));
            }
            match counted {
                // Another try was counted meanwhile, or another code sent: this one has not been looked at.
                Err(CommitError::Conflict(Conflict::RegistrationChanged)) => {}
                counted => return Ok(counted?),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// How somebody is answered who wants an account of an address, and their invitation. It is asked anew at each step:
    /// registration may have been closed since it was begun, or its owner invited.
    pub(super) async fn look_up(
        &self,
        email: &Email,
    ) -> Result<(Result<Answer, Refusal>, Option<Invitation>), StoreError> {
        let invitation = self.core.records.invitation(email).await?;
        let anybody = !self.policy.is_for_all() && self.invites_anybody().await?;
        Ok((self.policy.answer(email, invitation.is_some(), anybody), invitation))
    }

    async fn answer(&self, email: &Email) -> Result<Answer, Failure<Refusal>> {
        self.look_up(email).await?.0.map_err(Failure::Refused)
    }

    /// The visitor's unfinished registration.
    async fn begun(&self, visitor: &Visitor) -> Result<Registration, Failure<Refusal>> {
        let registration = self.core.records.registration(visitor.browser).await?;
        registration.ok_or(Failure::Refused(Refusal::NoRegistration))
    }
}
