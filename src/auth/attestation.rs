//! Drives [`crate::domain::attestation`]: asks for a new passkey, and verifies what the device made. The same for
//! registering, a linked device, a recovery and My devices.

use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::core::Core;
use super::failure::{Failure, WorldFailure};
use super::passkeys::{RelyingPartyError, check_origin};
use crate::domain::account::{Account, AccountId};
use crate::domain::attestation::{AttestationChallenge, BadPasskey, MadePasskey};
use crate::domain::ceremony::{Ceremony, CeremonyId, CeremonyPurpose, Makes};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::moment::Moment;
use crate::domain::passkey::Passkey;

/// Whose passkey is to be made.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) account: AccountId,
    pub(super) email: &'a Email,
    pub(super) name: Option<&'a str>,
    /// Those there are, which browsers are told not to make again.
    pub(super) passkeys: &'a [Passkey],
}

impl<'a> Owner<'a> {
    /// A person with an account, who has those passkeys that are not to be made again.
    pub(super) fn of(account: &'a Account, passkeys: &'a [Passkey]) -> Self {
        Self { account: account.id, email: &account.email, name: account.name.as_deref(), passkeys }
    }
}

impl Core {
    /// A challenge to make a passkey. Nothing is kept yet.
    pub(super) fn challenge(
        &self,
        owner: Owner<'_>,
        makes: Makes,
        return_to: Destination,
        moment: Moment<'_>,
    ) -> Result<(Ceremony, PublicKeyCredentialCreationOptions), RelyingPartyError> {
        let Owner { account, email, name, passkeys } = owner;
        let (mut options, state) = self.relying_party.challenge_registration(account, email, passkeys)?;
        if let Some(name) = name {
            name.clone_into(&mut options.user.display_name);
        }
        let id = CeremonyId::of_challenge(options.challenge.as_ref());
        let purpose = CeremonyPurpose::Make { account, makes, state };
        Ok((Ceremony::ask(id, purpose, return_to, moment.visitor, moment.now), options))
    }

    /// The device made a passkey: verifies it.
    pub(super) async fn make<T, R: From<BadPasskey>>(
        &self,
        making: AttestationChallenge<T>,
        answer: RegisterPublicKeyCredential,
    ) -> Result<MadePasskey<T>, Failure<R>> {
        let (state, relying_party, posed) =
            (making.state().clone(), self.relying_party.clone(), making.posed().clone());
        let verified = self.verifying.run(move || {
            check_origin(&answer.response.client_data_json, &posed)?;
            relying_party.verify_registration(&answer, &state)
        });
        let verified = verified.await;
        match verified.map_err(|_refused| WorldFailure::Busy)? {
            Ok(key) => Ok(making.answered(key)),
            Err(unproved) => {
                tracing::info!(reason = %unproved, "a new passkey was not accepted");
                Err(Failure::Refused(BadPasskey.into()))
            }
        }
    }
}
