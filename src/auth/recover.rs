//! Drives the steps of [`crate::domain::recover`].

use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::sessions::LiveSession;
use super::{Auth, Failure, SignedInBrowser};
use crate::domain::account::AccountId;
use crate::domain::admin_code;
use crate::domain::ceremony::CeremonyId;
use crate::domain::code::{Code, CodeId};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{AdminCodeChange, Change};
use crate::domain::recover::{self, Finished, Fresh, Mode, Moment, Proved, Refusal};
use crate::domain::recovery::{CancelLink, Hold, HoldId, Recovery};
use crate::domain::session::SignedIn;
use crate::domain::visitor::Visitor;
use crate::store::StoreError;

impl Auth {
    /// How somebody without their passkey gets back in.
    pub fn recovery_mode(&self) -> Mode {
        self.recovery
    }

    /// An address was typed: sends a code where it has an account.
    ///
    /// # Errors
    /// [`Refusal::Off`], [`Refusal::TooMany`]; a failure of the store.
    pub async fn begin_recovery(
        &self,
        email: Email,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let account = self.store.account_by_email(&email).await?;
        let counters = self.counters(&email, visitor);
        let plan = recover::begin(self.moment(visitor), email, account.as_ref(), return_to, counters);
        self.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok(())
    }

    /// The visitor's unfinished recovery, if it has not expired.
    ///
    /// # Errors
    /// The store failed.
    pub async fn recovery(&self, visitor: &Visitor) -> Result<Option<Recovery>, StoreError> {
        let recovery = self.store.recovery(visitor.browser).await?;
        Ok(recovery.filter(|recovery| self.now() < recovery.expires_at))
    }

    /// Sends another code.
    ///
    /// # Errors
    /// [`Refusal::NoRecovery`], [`Refusal::TooSoon`], [`Refusal::TooMany`]; a failure of the store.
    pub async fn resend_recovery_code(&self, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let recovery = self.recovery(visitor).await?.ok_or(Failure::Refused(Refusal::NoRecovery))?;
        let counters = self.counters(&recovery.email, visitor);
        let plan = recover::resend(self.moment(visitor), recovery, counters);
        self.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok(())
    }

    /// A code was typed: counts the try, compares, and says what it leads to.
    ///
    /// # Errors
    /// Any [`Refusal`] of a code; a failure of the store.
    pub async fn prove_recovery(&self, typed: &str, visitor: &Visitor) -> Result<Proved, Failure<Refusal>> {
        let (mode, now) = (self.recovery, self.now());
        let recovery = self.recovery(visitor).await?.ok_or(Failure::Refused(Refusal::NoRecovery))?;
        Typed::parse(mode, typed).ok_or(Failure::Refused(Refusal::NotACode))?;
        let counters = self.counters(&recovery.email, visitor);
        let plan = recover::count_try(mode, recovery, counters, now).map_err(Failure::Refused)?;
        let counted = self.carry_out(plan).await?;
        self.prove_counted(counted, typed, visitor).await
    }

    /// Compares the code of a counted try, and says what it leads to.
    pub(super) async fn prove_counted(
        &self,
        counted: recover::CountedTry,
        typed: &str,
        visitor: &Visitor,
    ) -> Result<Proved, Failure<Refusal>> {
        let typed = Typed::parse(self.recovery, typed).ok_or(Failure::Refused(Refusal::NotACode))?;
        let account = counted.recovery().account;
        let (right, spends) = match typed {
            Typed::Mailed(code) => (code.matches(&self.code(counted.recovery().code)), None),
            Typed::FromOperator(code) => {
                let spends = match account {
                    Some(account) => self.operators_code(account, &code).await?,
                    None => None,
                };
                (spends.is_some(), spends)
            }
        };
        let hold = match account {
            Some(account) => self.store.hold(account).await?,
            None => None,
        };
        let plan = recover::prove(self.moment(visitor), counted, right, spends, hold);
        Ok(self.carry_out(plan.map_err(Failure::Refused)?).await?)
    }

    /// Makes a challenge for the new passkey of a proved recovery.
    ///
    /// # Errors
    /// [`Refusal::NoRecovery`]; a failure of the store.
    pub async fn begin_recovery_passkey(
        &self,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        let now = self.now();
        let recovery = self.recovery(visitor).await?.ok_or(Failure::Refused(Refusal::NoRecovery))?;
        let account = recover::proved_account(&recovery, now).map_err(Failure::Refused)?;
        // A passkey that is on this device after all is replaced by nothing: it can be used to sign in.
        let passkeys = self.store.passkeys(account).await?;
        let (options, state) = self.relying_party.challenge_registration(account, &recovery.email, &passkeys)?;
        let id = CeremonyId::of_challenge(options.challenge.as_ref());
        self.carry_out(recover::begin_passkey(account, id, state, visitor, now)).await?;
        Ok((id, options))
    }

    /// The device made the new passkey: a session, and every other one ends.
    ///
    /// # Errors
    /// Any [`Refusal`] of a passkey; a failure of the store.
    pub async fn finish_recovery(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<Refusal>> {
        let now = self.now();
        let ceremony = self.store.ceremony(ceremony).await?.ok_or(Failure::Refused(Refusal::Stale))?;
        let opened = recover::open(ceremony, visitor, now).map_err(Failure::Refused)?;
        let (id, state) = (opened.id, opened.state.clone());
        let verified = self.verify(move |relying_party| relying_party.verify_registration(&answer, &state)).await?;
        let passkey = match verified {
            Ok(passkey) => passkey,
            Err(unproved) => {
                tracing::info!(reason = %unproved, "a recovery's passkey was refused");
                self.give_up(id).await?;
                return Err(Failure::Refused(Refusal::BadPasskey));
            }
        };
        let recovery = self.recovery(visitor).await?.ok_or(Failure::Refused(Refusal::NoRecovery))?;
        let account = recover::proved_account(&recovery, now).map_err(Failure::Refused)?;
        let hold = self.store.hold(account).await?;
        let others = !self.store.passkeys(account).await?.is_empty();
        let (token, session) = self.new_session(visitor);
        let moment = self.moment(visitor);
        let plan = recover::finish(moment, opened, &recovery, hold.as_ref(), passkey, others, session);
        let Finished { session, return_to } = self.carry_out(plan.map_err(Failure::Refused)?).await?;
        tracing::info!(%account, "an account was recovered");
        Ok(SignedInBrowser { token, session, return_to })
    }

    /// The passkeys a session is asked to review: all but its own.
    ///
    /// # Errors
    /// [`Refusal::NoReview`]; a failure of the store.
    pub async fn passkeys_to_review(&self, live: &LiveSession) -> Result<Vec<Passkey>, Failure<Refusal>> {
        let SignedIn { session, .. } = self.signed_in_or(live, Refusal::NoReview).await?;
        if !session.review {
            return Err(Failure::Refused(Refusal::NoReview));
        }
        let mut passkeys = self.store.passkeys(session.account).await?;
        passkeys.retain(|passkey| Some(&passkey.key.id) != session.credential.as_ref());
        Ok(passkeys)
    }

    /// "Keep your account safe" is answered.
    ///
    /// # Errors
    /// [`Refusal::NoReview`]; a failure of the store.
    pub async fn answer_review(
        &self,
        live: &LiveSession,
        remove: &[CredentialId],
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let passkeys = self.passkeys_to_review(live).await?;
        let named: Vec<&Passkey> = passkeys.iter().filter(|passkey| remove.contains(&passkey.key.id)).collect();
        if named.len() != remove.len() {
            return Err(Failure::Refused(Refusal::NoReview));
        }
        let SignedIn { session, account, .. } = &self.signed_in_or(live, Refusal::NoReview).await?;
        let fresh = || self.fresh_recovery();
        let plan = recover::review(session, &account.email, &named, fresh, visitor, self.now());
        self.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok(())
    }

    /// The held recovery of an account, if it is not over.
    ///
    /// # Errors
    /// The store failed.
    pub async fn held_recovery(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        Ok(self.store.hold(account).await?.filter(|hold| hold.is_open(self.now())))
    }

    /// Reads the link in the letter of a held recovery.
    pub fn read_cancel_link(&self, text: &str) -> Option<CancelLink> {
        CancelLink::read(text, &self.keys.holds)
    }

    /// Cancels a held recovery. Whoever asks has its link, or is signed in to the account.
    ///
    /// # Errors
    /// [`Refusal::NoHold`]; a failure of the store.
    pub async fn cancel_recovery(&self, link: CancelLink, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let CancelLink { account, hold } = link;
        let found = self.store.hold(account).await?;
        let owner = self.store.account(account).await?.ok_or(Failure::Refused(Refusal::NoHold))?;
        let plan = recover::cancel(self.moment(visitor), found, hold, &owner.email);
        self.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok(())
    }

    /// What takes the operator's code away, where `typed` is it. Its tries are those of the address: a limit of its own
    /// would let anybody who knows the address burn it.
    async fn operators_code(&self, account: AccountId, typed: &admin_code::Code) -> Result<Option<Change>, StoreError> {
        let out = self.store.admin_code(account).await?.filter(|code| self.now() < code.expires_at);
        let right = out.filter(|code| code.is(typed, &self.keys.admin_codes));
        // To be committed with what the code is good for, so that it is used once.
        Ok(right.map(|code| AdminCodeChange::Spend { account, digest: code.digest }.into()))
    }

    pub(super) fn moment<'a>(&self, visitor: &'a Visitor) -> Moment<'a> {
        Moment { mode: self.recovery, fresh: self.fresh_recovery(), visitor, now: self.now() }
    }

    fn fresh_recovery(&self) -> Fresh {
        Fresh {
            code: CodeId(self.random_uuid()),
            letter: self.fresh_letter(),
            hold: HoldId(self.random_uuid()),
            event: self.random_uuid(),
        }
    }
}

/// A code as typed: where it came from is the operator's policy.
enum Typed {
    Mailed(Code),
    FromOperator(admin_code::Code),
}

impl Typed {
    fn parse(mode: Mode, typed: &str) -> Option<Self> {
        match mode {
            Mode::Admin => admin_code::Code::parse(typed).map(Self::FromOperator),
            Mode::Email | Mode::Delayed(_) | Mode::Off => Code::parse(typed).map(Self::Mailed),
        }
    }
}
