//! Drives the steps of [`crate::domain::sign_in`].

use webauthn_rs::prelude::PublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialRequestOptions;

use super::passkeys::{Unproved, claimed_credential};
use super::{Auth, Failure, SignedInBrowser, Starting};
use crate::domain::ceremony::{CeremonyId, Subject};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::manage::Deed;
use crate::domain::secret::SecretDigest;
use crate::domain::sign_in::{self, Finished, Opened, Refusal};
use crate::domain::visitor::Visitor;
use crate::store::CommitError;

impl Auth {
    /// Makes a challenge: for the passkeys of `email`, or for any passkey where none was typed. An address without an
    /// account gets one too.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn begin_sign_in(
        &self,
        email: Option<Email>,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<Refusal>> {
        let (subject, allowed) = match email {
            None => (Subject::Anyone, None),
            Some(email) => {
                // Made for every address, so that a known one takes no longer by more than its own reads.
                let fakes = self.relying_party.fake_credentials(&email)?;
                match self.store.account_by_email(&email).await? {
                    Some(account) => {
                        let passkeys = self.store.passkeys(account.id).await?;
                        let ids: Vec<_> = passkeys.into_iter().map(|passkey| passkey.key.id).collect();
                        // An account that lost its last passkey looks like one that never was.
                        (Subject::Account(account.id), Some(if ids.is_empty() { fakes } else { ids }))
                    }
                    None => (Subject::Nobody, Some(fakes)),
                }
            }
        };
        let (options, state) = self.relying_party.challenge_sign_in(allowed)?;
        let id = CeremonyId::of_challenge(options.challenge.as_ref());
        self.carry_out(sign_in::begin(subject, id, state, return_to, visitor, self.now())).await?;
        Ok((id, options))
    }

    /// The device answered: verifies it and begins a session. Refused or not, the ceremony is over.
    ///
    /// # Errors
    /// Any [`Refusal`]; a failure of the store.
    pub async fn finish_sign_in(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<Refusal>> {
        let (token, session) = self.new_session(visitor);
        let starting = Starting { session, with: Vec::new() };
        let Finished { session, return_to, .. } = self.prove_sign_in(ceremony, answer, None, starting, visitor).await?;
        Ok(SignedInBrowser { token, session, return_to })
    }

    /// The same, for whatever session is `starting`; where an `email` is named, only for a passkey of its account.
    pub(super) async fn prove_sign_in(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        email: Option<Email>,
        starting: Starting,
        visitor: &Visitor,
    ) -> Result<Finished, Failure<Refusal>> {
        let ceremony = self.store.ceremony(ceremony).await?.ok_or(Failure::Refused(Refusal::Stale))?;
        let opened = sign_in::open(ceremony, visitor, self.now()).map_err(Failure::Refused)?;
        let id = opened.id;
        match self.answer(opened, answer, email, starting, visitor).await {
            Err(Failure::Refused(refusal)) => {
                self.counts.sign_in(refusal.name());
                tracing::info!(reason = refusal.name(), "a sign-in was refused");
                match self.carry_out(sign_in::give_up(id)).await {
                    // Spent by another answer meanwhile: that is what was wanted.
                    Ok(()) | Err(CommitError::Conflict(_)) => Err(Failure::Refused(refusal)),
                    Err(CommitError::Store(error)) => Err(error.into()),
                }
            }
            other => other,
        }
    }

    async fn answer(
        &self,
        opened: Opened,
        answer: PublicKeyCredential,
        email: Option<Email>,
        starting: Starting,
        visitor: &Visitor,
    ) -> Result<Finished, Failure<Refusal>> {
        let claimed = claimed_credential(&answer).map_err(|unproved| refuse(&unproved))?;
        let (named, handle) = (self.store.passkey(&claimed).await?, answer.get_user_unique_id().map(<[u8]>::to_vec));
        let verified = self.verify_assertion(answer, opened.state.clone(), named.clone()).await?;
        let Some(passkey) = named else {
            let fake = self.relying_party.is_fake(&claimed);
            let pending = self.registration(visitor).await?;
            if pending.is_some_and(|registration| registration.passkey.id == claimed) {
                return Err(Failure::Refused(Refusal::Unfinished));
            }
            let known = fake || self.waits_over_api(&claimed, visitor).await?;
            return Err(Failure::Refused(if known { Refusal::NotProved } else { Refusal::UnknownPasskey }));
        };
        opened.accepts(&passkey, handle.as_deref()).map_err(Failure::Refused)?;
        let account = self.store.account(passkey.account).await?.ok_or(Failure::Refused(Refusal::NotProved))?;
        if email.is_some_and(|email| email != account.email) {
            return Err(Failure::Refused(Refusal::NotProved));
        }
        let used = match verified {
            Ok(used) => used,
            Err(unproved) => {
                if matches!(unproved, Unproved::CounterWentBack) {
                    let deed = Deed { account: &account, visitor, fresh: self.fresh_deed(), now: self.now() };
                    self.note_copy(deed, opened.id, passkey.key.aaguid).await?;
                }
                return Err(refuse(&unproved));
            }
        };
        let plan = sign_in::finish(opened, &passkey, used, account, starting.session.clone(), visitor, self.now());
        let finished = self.carry_out(starting.along(plan.map_err(Failure::Refused)?)).await?;
        self.counts.sign_in("ok");
        tracing::info!(account = %finished.account.id, "signed in");
        Ok(finished)
    }

    /// Ends the session of that token: in the store first, then here, with its open streams.
    ///
    /// # Errors
    /// The store failed; the session may still be live.
    pub async fn sign_out(&self, token: SecretDigest) -> Result<(), CommitError> {
        self.carry_out(sign_in::sign_out(token)).await
    }
}

fn refuse(unproved: &Unproved) -> Failure<Refusal> {
    tracing::info!(reason = %unproved, "a passkey's answer was not accepted");
    Failure::Refused(match unproved {
        Unproved::CounterWentBack => Refusal::CounterWentBack,
        Unproved::Webauthn(_) | Unproved::Malformed(_) => Refusal::NotProved,
    })
}
