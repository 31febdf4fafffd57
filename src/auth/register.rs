//! Drives the steps of [`crate::domain::register`].

use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::{Auth, Failure, SignedInBrowser};
use crate::domain::account::AccountId;
use crate::domain::ceremony::CeremonyId;
use crate::domain::code::CodeId;
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::manage;
use crate::domain::passkey::CredentialId;
use crate::domain::profile::Profile;
use crate::domain::register::{self, Applicant, Counters, Fresh, Refusal};
use crate::domain::registration::Registration;
use crate::domain::visitor::{Visitor, over_api};
use crate::store::StoreError;

/// What a person says when their device has made a passkey.
#[derive(Debug, Default)]
pub struct Said {
    /// What they call the passkey.
    pub nickname: Option<String>,
    /// What they say of themselves beyond what they said at the beginning, or instead of it.
    pub profile: Profile,
}

impl Auth {
    /// An address was typed: makes a challenge for a new passkey, whoever has the address.
    ///
    /// # Errors
    /// [`Refusal::Closed`], [`Refusal::DomainNotAllowed`]; a failure of the store.
    pub async fn begin_registration(
        &self,
        email: Email,
        profile: Profile,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        self.policy.allow(&email).map_err(Failure::Refused)?;
        let account = AccountId(self.random_uuid());
        let (mut options, state) = self.relying_party.challenge_registration(account, &email, &[])?;
        if let Some(name) = &profile.name {
            options.user.display_name.clone_from(name);
        }
        let id = CeremonyId::of_challenge(options.challenge.as_ref());
        let applicant = Applicant { email, account, profile, return_to };
        self.carry_out(register::begin(applicant, id, state, visitor, self.now())).await?;
        Ok((id, options))
    }

    /// The device made a passkey: verifies it, keeps it with the registration, and sends the code. `said` is what the
    /// person says of it and of themselves now.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::BadPasskey`], [`Refusal::TooMany`], or as [`Auth::begin_registration`]; a failure
    /// of the store.
    pub async fn receive_registration(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        said: Said,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let now = self.now();
        let ceremony = self.store.ceremony(ceremony).await?.ok_or(Failure::Refused(Refusal::Stale))?;
        let mut opened = register::open(ceremony, visitor, now).map_err(Failure::Refused)?;
        opened.nickname = said.nickname.as_deref().and_then(manage::name);
        opened.profile = said.profile.over(opened.profile);
        self.policy.allow(&opened.email).map_err(Failure::Refused)?;
        let state = opened.state.clone();
        let verified = self.verify(move |relying_party| relying_party.verify_registration(&answer, &state)).await?;
        let passkey = match verified {
            Ok(passkey) => passkey,
            Err(unproved) => {
                tracing::info!(reason = %unproved, "a registration was refused");
                self.give_up(opened.id).await?;
                return Err(Failure::Refused(Refusal::BadPasskey));
            }
        };
        // Refused now, and again by the commit that makes the account: it may be somebody's by then.
        if self.store.passkey(&passkey.id).await?.is_some() {
            self.give_up(opened.id).await?;
            return Err(Failure::Refused(Refusal::BadPasskey));
        }
        let taken = self.store.account_by_email(&opened.email).await?.is_some();
        let counters = self.counters(&opened.email, visitor);
        let fresh = self.fresh_code();
        self.carry_out(register::receive_passkey(opened, passkey, taken, counters, fresh, visitor, now)).await?;
        Ok(())
    }

    /// The visitor's unfinished registration, if it has not expired.
    ///
    /// # Errors
    /// The store failed.
    pub async fn registration(&self, visitor: &Visitor) -> Result<Option<Registration>, StoreError> {
        let registration = self.store.registration(visitor.browser).await?;
        Ok(registration.filter(|registration| self.now() < registration.expires_at))
    }

    /// Whether a key waits for the code of a sign-up that the visitor's browser began over the API: it is not one to be
    /// forgotten.
    pub(super) async fn waits_over_api(&self, key: &CredentialId, visitor: &Visitor) -> Result<bool, StoreError> {
        let registration = self.store.registration(over_api(visitor.browser)).await?;
        Ok(registration.is_some_and(|registration| registration.passkey.id == *key))
    }

    /// Sends another code.
    ///
    /// # Errors
    /// [`Refusal::NoRegistration`], [`Refusal::TooSoon`], [`Refusal::TooMany`], or as [`Auth::begin_registration`]; a
    /// failure of the store.
    pub async fn resend_code(&self, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let registration = self.allowed_registration(visitor).await?;
        self.resend_for(&registration, visitor).await
    }

    pub(super) async fn resend_for(
        &self,
        registration: &Registration,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        self.policy.allow(&registration.email).map_err(Failure::Refused)?;
        let counters = self.counters(&registration.email, visitor);
        let plan = register::resend(registration, counters, self.fresh_code(), visitor, self.now());
        self.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok(())
    }

    /// A code was typed: counts the try, compares, and makes the account.
    ///
    /// # Errors
    /// Any [`Refusal`] of a code; a failure of the store.
    pub async fn finish_registration(
        &self,
        typed: &str,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<Refusal>> {
        let now = self.now();
        let registration = self.allowed_registration(visitor).await?;
        let counters = self.counters(&registration.email, visitor);
        let plan = register::count_try(registration, typed, counters, now).map_err(Failure::Refused)?;
        let counted = self.carry_out(plan).await?;
        let code = self.code(counted.code());
        let (token, session) = self.new_session(visitor);
        let plan = register::prove(counted, &code, session, self.fresh_letter(), visitor, now);
        let finished = self.carry_out(plan.map_err(Failure::Refused)?).await?;
        self.counts.registration();
        tracing::info!(account = %finished.account.id, "an account was made");
        Ok(SignedInBrowser { token, session: finished.session, return_to: finished.return_to })
    }

    /// The visitor's unfinished registration. Who may register is asked anew at each step: registration may have been
    /// closed since it was begun.
    async fn allowed_registration(&self, visitor: &Visitor) -> Result<Registration, Failure<Refusal>> {
        let registration =
            self.store.registration(visitor.browser).await?.ok_or(Failure::Refused(Refusal::NoRegistration))?;
        self.policy.allow(&registration.email).map_err(Failure::Refused)?;
        Ok(registration)
    }

    pub(super) fn counters(&self, email: &Email, visitor: &Visitor) -> Counters {
        let email = email.as_str().as_bytes();
        Counters {
            letters: self.keys.counter(&[b"letters", email]),
            letters_from_network: self.keys.counter(&[b"letters from", email, &visitor.network()]),
            network: self.keys.counter(&[b"letters of network", &visitor.network()]),
            tries: self.keys.counter(&[b"tries", email]),
        }
    }

    fn fresh_code(&self) -> Fresh {
        Fresh { code: CodeId(self.random_uuid()), letter: self.fresh_letter() }
    }
}
