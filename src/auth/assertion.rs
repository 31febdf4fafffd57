//! Drives [`crate::domain::assertion`]: asks for the proof of a passkey, and verifies the answer. The same for signing
//! in, approving a link and confirming an act.

use uuid::Uuid;
use webauthn_rs::prelude::PublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialRequestOptions;

use super::core::Core;
use super::failure::{Failure, WorldFailure};
use super::passkeys::{RelyingPartyError, Unproved, check_origin};
use crate::domain::account::{Account, AccountId};
use crate::domain::assertion::{self, AssertionChallenge, AssertionRefusal, Proof};
use crate::domain::ceremony::{Ceremony, CeremonyId, CeremonyPurpose, Proves};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::moment::Moment;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{AccountChange, Change};
use crate::domain::registration::Registration;
use crate::domain::report::{Contradiction, ReportChanges};
use crate::domain::visitor::{Visitor, over_api};
use crate::store::{CommitError, StoreError};

impl Core {
    /// A challenge to use one of the passkeys `allowed`; any, where that is `None`. Nothing is kept yet.
    pub(super) fn question(
        &self,
        proves: Proves,
        allowed: Option<Vec<CredentialId>>,
        return_to: Destination,
        moment: Moment<'_>,
    ) -> Result<(Ceremony, PublicKeyCredentialRequestOptions), RelyingPartyError> {
        let (options, state) = self.relying_party.challenge_sign_in(allowed)?;
        let id = CeremonyId::of_challenge(options.challenge.as_ref());
        let ceremony =
            Ceremony::ask(id, CeremonyPurpose::Prove { proves, state }, return_to, moment.visitor, moment.now);
        Ok((ceremony, options))
    }

    /// The ids of the passkeys of an account.
    pub(super) async fn passkey_ids(&self, account: AccountId) -> Result<Vec<CredentialId>, StoreError> {
        self.records.passkey_ids(account).await
    }

    /// The device answered: verifies it, and returns the proof with the account whose passkey it is. Where an address
    /// is given, only for a passkey of its account. An owner whose passkey may have been copied is told.
    pub(super) async fn prove<T, R: From<AssertionRefusal>>(
        &self,
        question: AssertionChallenge<T>,
        answer: PublicKeyCredential,
        of: Option<&Email>,
        visitor: &Visitor,
    ) -> Result<(Proof<T>, Account), Failure<R>> {
        let (proof, owner) = self.prove_at_rest_too(question, answer, of, visitor).await?;
        if owner.aftermath.rests(&proof.used().id) {
            return Err(Failure::Refused(AssertionRefusal::Rests.into()));
        }
        Ok((proof, owner))
    }

    /// The same for a step that knows what to do with a passkey that rests.
    pub(super) async fn prove_at_rest_too<T, R: From<AssertionRefusal>>(
        &self,
        question: AssertionChallenge<T>,
        answer: PublicKeyCredential,
        of: Option<&Email>,
        visitor: &Visitor,
    ) -> Result<(Proof<T>, Account), Failure<R>> {
        let proved = self.verify_answer(question, answer, of, visitor).await;
        proved.map_err(|failure| failure.map_refusal(R::from))
    }

    async fn verify_answer<T>(
        &self,
        question: AssertionChallenge<T>,
        answer: PublicKeyCredential,
        of: Option<&Email>,
        visitor: &Visitor,
    ) -> Result<(Proof<T>, Account), Failure<AssertionRefusal>> {
        let claimed = self.relying_party.claimed_credential(&answer).map_err(|unproved| to_failure(&unproved))?;
        check_origin(&answer.response.client_data_json, question.posed()).map_err(|unproved| to_failure(&unproved))?;
        let (named, handle) = (self.records.passkey(&claimed).await?, user_handle(&answer));
        // By the key it names, or in vain where no account has that key. The caller waits as long, and is put off as
        // soon, either way.
        let (state, key, relying_party) = (question.state().clone(), named.clone(), self.relying_party.clone());
        let verified = self.verifying.run(move || match key {
            Some(passkey) => relying_party.verify_sign_in(&answer, state, &passkey),
            None => Err(relying_party.verify_in_vain(&answer, state)),
        });
        let verified = verified.await.map_err(|_refused| WorldFailure::Busy)?;
        // No account has the nil id; it stands for the owner of an unknown key, and is looked for all the same.
        let owner = named.as_ref().map_or(AccountId(Uuid::nil()), |passkey| passkey.account);
        let owner = self.records.account(owner).await?;
        if let (Some(passkey), Some(owner)) = (&named, owner)
            && question.accepts(passkey, handle.as_deref()).is_ok()
            && of.is_none_or(|email| *email == owner.email)
            && !owner.aftermath.is_after(question.posed().at, self.now())
        {
            match verified {
                Ok((used, news)) => {
                    // Whatever follows, the account must not have been recovered meanwhile.
                    let mut noted = vec![AccountChange::still(&owner).into()];
                    noted.extend(self.note_news(news, passkey, &owner, visitor).await?);
                    return Ok((question.answered(passkey.clone(), used, noted), owner));
                }
                Err(unproved @ Unproved::Contradicts(_)) => {
                    if matches!(unproved, Unproved::Contradicts(Contradiction::CounterWentBack)) {
                        self.note_copy(&question, passkey, &owner, visitor).await?;
                    }
                    return Err(to_failure(&unproved));
                }
                // Told no more than who names a passkey that was made up.
                Err(unproved) => log(&unproved),
            }
        }
        Err(Failure::Refused(self.unproved(&claimed, named.is_some(), visitor).await?))
    }

    /// Why an answer proves nothing, by the passkey it names. A made-up id is refused as if an account had it, and
    /// after as many reads. The key of a registration that waits for its code is not one to be forgotten.
    async fn unproved(
        &self,
        claimed: &CredentialId,
        is_of_account: bool,
        visitor: &Visitor,
    ) -> Result<AssertionRefusal, StoreError> {
        let waits = |registration: Option<Registration>| registration.is_some_and(|it| it.passkey.id == *claimed);
        let unfinished = waits(self.registration(visitor).await?);
        // The same browser's sign-up over the API is another one.
        let over_api = self.records.registration(over_api(visitor.browser)).await?;
        let is_known = is_of_account || self.relying_party.is_fake(claimed) || waits(over_api);
        Ok(match (unfinished && !is_of_account, is_known) {
            (true, _) => AssertionRefusal::Unfinished,
            (false, true) => AssertionRefusal::NotProved,
            (false, false) => AssertionRefusal::UnknownPasskey,
        })
    }

    /// The visitor's unfinished registration, if it has not expired.
    pub(super) async fn registration(&self, visitor: &Visitor) -> Result<Option<Registration>, StoreError> {
        let registration = self.records.registration(visitor.browser).await?;
        Ok(registration.filter(|registration| registration.is_open(self.now())))
    }

    /// What there is to note of a passkey in which something changed.
    async fn note_news(
        &self,
        news: ReportChanges,
        passkey: &Passkey,
        owner: &Account,
        visitor: &Visitor,
    ) -> Result<Vec<Change>, StoreError> {
        let ReportChanges { can_sync, moved } = news;
        if can_sync {
            tracing::info!(account = %owner.id, "a passkey may be copied to other devices from now on");
        }
        let mut may_write = false;
        if moved {
            tracing::info!(account = %owner.id, "a passkey's counter began anew: it was moved to another manager");
            // Counted by itself: too many letters must not keep the owner from signing in.
            let told = self.keys.counter(&[b"moved", owner.id.0.as_bytes()]);
            may_write = match self.carry_out(assertion::write_of_move(told, self.now())).await {
                Ok(()) => true,
                Err(CommitError::Conflict(_)) => false,
                Err(CommitError::Store(error)) => return Err(error),
            };
        }
        Ok(assertion::noted(news, passkey, owner, may_write, self.moment(visitor)))
    }

    /// Tells the owner of an answer whose counter went back; the ceremony is over in any case.
    async fn note_copy<T>(
        &self,
        question: &AssertionChallenge<T>,
        passkey: &Passkey,
        owner: &Account,
        visitor: &Visitor,
    ) -> Result<(), StoreError> {
        let told = self.keys.counter(&[b"copied", owner.id.0.as_bytes()]);
        match self.carry_out(assertion::copied(question, passkey, owner, told, self.moment(visitor))).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict(_)) => self.give_up(question.id()).await,
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

/// Whose key the authenticator says it is. Some browsers write nothing in the place of none.
fn user_handle(answer: &PublicKeyCredential) -> Option<Vec<u8>> {
    answer.get_user_unique_id().filter(|handle| !handle.is_empty()).map(<[u8]>::to_vec)
}

fn log(unproved: &Unproved) {
    tracing::info!(reason = %unproved, "a passkey's answer was not accepted");
}

fn to_failure(unproved: &Unproved) -> Failure<AssertionRefusal> {
    log(unproved);
    Failure::Refused(match unproved {
        Unproved::Contradicts(contradiction) => (*contradiction).into(),
        Unproved::Webauthn(_) | Unproved::FailedCheck(_) => AssertionRefusal::NotProved,
    })
}
