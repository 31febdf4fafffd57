//! Drives the steps of [`crate::domain::register`].

use std::sync::Arc;

use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::starting::{SignedInBrowser, Starting};
use crate::domain::account::AccountId;
use crate::domain::attestation::AttestationChallenge;
use crate::domain::ceremony::{CeremonyId, Makes};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::invitation::Invitation;
use crate::domain::manage;
use crate::domain::plan::{Conflict, Plan};
use crate::domain::profile::Profile;
use crate::domain::register::{
    self, Applicant, CountedRegisterTry, NewAccounts, RegisterAnswer, RegisterPolicy, RegisterRefusal,
    RegistrationDetails,
};
use crate::domain::registration::{Outlook, Registration};
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

/// Registering: the steps from an address to a new account.
#[derive(Clone, Debug)]
pub struct RegisterFlow {
    core: Arc<Core>,
    policy: Arc<RegisterPolicy>,
}

impl RegisterFlow {
    pub(super) fn new(core: Arc<Core>, policy: RegisterPolicy) -> Self {
        Self { core, policy: Arc::new(policy) }
    }

    /// Whom new accounts are for, as the pages say: where they are closed, but there are invitations all the same, they
    /// are by invitation.
    ///
    /// # Errors
    /// The store failed.
    pub async fn new_accounts(&self) -> Result<NewAccounts, StoreError> {
        let said = self.policy.new_accounts;
        let by_invitation = said == NewAccounts::Closed && self.has_invitations().await?;
        Ok(if by_invitation { NewAccounts::Invite } else { said })
    }

    /// Whether a person may be refused by letter alone.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_for_some(&self) -> Result<bool, StoreError> {
        Ok(self.policy.hides(!self.policy.is_for_all() && self.has_invitations().await?))
    }

    async fn has_invitations(&self) -> Result<bool, StoreError> {
        self.core.records.has_invitations().await
    }

    /// An address was typed: makes a challenge for a new passkey, whether or not an account has the address.
    ///
    /// # Errors
    /// [`RegisterRefusal::Closed`], [`RegisterRefusal::DomainNotAllowed`], [`RegisterRefusal::NoMailTo`]; a failure of
    /// the store.
    pub async fn begin(
        &self,
        email: Email,
        profile: Profile,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<RegisterRefusal>> {
        self.answer(&email).await?;
        // Told before the device is asked: its passkey would wait for a code that cannot come.
        if !self.core.writes_to(&email).await {
            return Err(Failure::Refused(RegisterRefusal::NoMailTo));
        }
        let moment = self.core.moment(visitor);
        let makes = Makes::Registration { email: email.clone(), profile: profile.clone() };
        let account = self.account_to_be(&email, visitor).await?;
        let owner = Owner { account, email: &email, name: profile.name.as_deref(), passkeys: &[] };
        let (ceremony, options) = self.core.challenge(owner, makes, return_to, moment)?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// The id of the account to be. It is that of the visitor's registration of this address that waits, or the one
    /// that this browser would make again. Where an account has that id by now, it is a new one.
    async fn account_to_be(&self, email: &Email, visitor: &Visitor) -> Result<AccountId, StoreError> {
        let (core, moment) = (&self.core, self.core.moment(visitor));
        let waits = core.registration(visitor).await?.filter(|registration| registration.email == *email);
        let derived = core.keys.account_to_be(visitor.browser, email, moment.now);
        let account = waits.map_or(derived, |registration| registration.account);
        let is_taken = core.records.account(account).await?.is_some();
        Ok(if is_taken { AccountId(moment.uuid()) } else { account })
    }

    /// The device made a passkey: verifies it, keeps it with the registration, and sends the code. `said` is what the
    /// person says of it and of themselves now. Refused or not, the ceremony is over, unless that address may not
    /// register. On our pages, the visitor goes on as [`Visitor::moved_on`].
    ///
    /// # Errors
    /// [`RegisterRefusal::Stale`], [`RegisterRefusal::BadPasskey`], too many codes, or as [`RegisterFlow::begin`]; a
    /// failure of the store.
    pub async fn receive_passkey(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        said: RegistrationDetails,
        visitor: &Visitor,
    ) -> Result<(), Failure<RegisterRefusal>> {
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
        said: RegistrationDetails,
        visitor: &Visitor,
    ) -> Result<(), Failure<RegisterRefusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let making = register::open(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let answer = self.answer(&making.made_for().email).await?;
        let id = making.id();
        let received = self.keep_passkey(making, credential, said, answer, visitor).await;
        self.core.over(id, "registration", received).await
    }

    async fn keep_passkey(
        &self,
        making: AttestationChallenge<Applicant>,
        credential: RegisterPublicKeyCredential,
        said: RegistrationDetails,
        answer: RegisterAnswer,
        visitor: &Visitor,
    ) -> Result<(), Failure<RegisterRefusal>> {
        let core = &self.core;
        let made = core.make(making, credential).await?;
        // Refused now, and again by the commit that makes the account: an account may have it by then.
        if core.records.passkey(&made.key().id).await?.is_some() {
            return Err(Failure::Refused(RegisterRefusal::BadPasskey));
        }
        let given_up = core.registration(visitor).await?;
        // From here on it belongs to the flow cookie that goes out with the answer.
        let visitor = &visitor.moved_on();
        let email = &made.made_for().email.clone();
        let taken = core.records.account_by_email(email).await?.is_some();
        let outlook = register::outlook(taken, core.is_kept(email).await?, answer);
        let counters = core.code_counters(email, visitor).await?;
        let said = RegistrationDetails { nickname: said.nickname.as_deref().and_then(manage::name), ..said };
        let plan = register::receive_passkey(made, said, outlook, given_up, counters, core.moment(visitor));
        core.carry_out(plan).await?;
        if outlook == Outlook::Uninvited {
            // No page tells; an operator who is asked why it did not work finds it here.
            tracing::info!("an account was asked for with an address that was not added; the letter says so");
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

    /// Sends another code to the address that was typed.
    ///
    /// # Errors
    /// [`RegisterRefusal::NoRegistration`], too soon, too many, or as [`RegisterFlow::begin`]; a failure of the store.
    pub async fn resend_code(&self, visitor: &Visitor) -> Result<(), Failure<RegisterRefusal>> {
        let registration = self.begun(visitor).await?;
        self.resend_for(registration, visitor).await
    }

    async fn resend_for(
        &self,
        mut registration: Registration,
        visitor: &Visitor,
    ) -> Result<(), Failure<RegisterRefusal>> {
        for _ in 0..RACES {
            let answer = self.answer(&registration.email).await?;
            let (browser, email) = (registration.browser, registration.email.clone());
            let counters = self.core.code_counters(&email, visitor).await?;
            let plan = register::resend(registration, answer, counters, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // A try was counted meanwhile.
                Err(CommitError::Conflict(Conflict::RegistrationChanged)) => {
                    let now_there = self.core.records.registration(browser).await?;
                    registration = now_there.ok_or(Failure::Refused(RegisterRefusal::NoRegistration))?;
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
    /// Any [`RegisterRefusal`] of a code; a failure of the store.
    pub async fn finish(&self, typed: &str, visitor: &Visitor) -> Result<SignedInBrowser, Failure<RegisterRefusal>> {
        let counted = self.count_try(typed, visitor).await?;
        let (token, session) = self.core.start_in_browser(visitor);
        let starting = Starting { session, with: Vec::new() };
        let register::FinishedRegistration { session, return_to, .. } =
            self.finish_as(&starting, counted, visitor).await?;
        Ok(SignedInBrowser { token, session, return_to })
    }

    /// Compares the code of a counted try, and makes the account with whatever session is `starting`.
    pub(super) async fn finish_as(
        &self,
        starting: &Starting,
        mut counted: CountedRegisterTry,
        visitor: &Visitor,
    ) -> Result<register::FinishedRegistration, Failure<RegisterRefusal>> {
        for _ in 0..RACES {
            let code = self.core.code(counted.registration().code.id);
            counted.compare(&code).map_err(|refusal| self.refusal_of_try(refusal, &counted))?;
            let (answer, invitation) = self.look_up(&counted.registration().email).await?;
            let answer = answer.map_err(Failure::Refused)?;
            let (session, moment) = (starting.session.clone(), self.core.moment(visitor));
            let plan = register::prove(&counted, &code, answer, invitation, session, moment);
            match self.core.carry_out(starting.along(plan.map_err(Failure::Refused)?)).await {
                // The operator invited a person, or took that back, at the same moment.
                Err(CommitError::Conflict(Conflict::InvitationChanged)) => {}
                // Another try was counted meanwhile, which takes nothing from this one.
                Err(CommitError::Conflict(Conflict::RegistrationChanged)) => {
                    let now_there = self.core.records.registration(counted.registration().browser).await?;
                    counted = counted.reread(now_there).ok_or(Failure::Refused(RegisterRefusal::NoRegistration))?;
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

    /// The refusal of a counted try. A mailed code that a newer one has replaced is told as such.
    fn refusal_of_try(&self, refusal: RegisterRefusal, counted: &CountedRegisterTry) -> Failure<RegisterRefusal> {
        let RegisterRefusal::Code(refusal) = refusal else { return Failure::Refused(refusal) };
        let code = self.core.or_earlier(refusal, counted.typed(), &counted.registration().code);
        Failure::Refused(code.into())
    }

    async fn count_try(&self, typed: &str, visitor: &Visitor) -> Result<CountedRegisterTry, Failure<RegisterRefusal>> {
        for _ in 0..RACES {
            let registration = self.begun(visitor).await?;
            self.answer(&registration.email).await?;
            let counters = self.core.code_counters(&registration.email, visitor).await?;
            let plan = register::count_try(registration, typed, counters, self.core.now());
            if let Some(counted) = self.core.count_try(plan.map_err(Failure::Refused)?, counters).await? {
                return Ok(counted);
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// How a person is answered who wants an account of an address, and their invitation. It is asked anew at each
    /// step: registration may have been closed since it was begun, or its owner invited.
    pub(super) async fn look_up(
        &self,
        email: &Email,
    ) -> Result<(Result<RegisterAnswer, RegisterRefusal>, Option<Invitation>), StoreError> {
        let invitation = self.core.records.invitation(email).await?;
        let has_invitations = !self.policy.is_for_all() && self.has_invitations().await?;
        Ok((self.policy.answer(email, invitation.is_some(), has_invitations), invitation))
    }

    async fn answer(&self, email: &Email) -> Result<RegisterAnswer, Failure<RegisterRefusal>> {
        self.look_up(email).await?.0.map_err(Failure::Refused)
    }

    /// The visitor's unfinished registration.
    async fn begun(&self, visitor: &Visitor) -> Result<Registration, Failure<RegisterRefusal>> {
        let registration = self.core.records.registration(visitor.browser).await?;
        registration.ok_or(Failure::Refused(RegisterRefusal::NoRegistration))
    }
}
