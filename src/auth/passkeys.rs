//! The WebAuthn relying party: webauthn-rs, and the checks of the standard that it leaves to us.
//!
//! No answer tells which addresses have an account. So an address without one gets made-up credential ids in its
//! challenge, and an assertion that names no account's passkey is verified against a decoy key.

mod authenticator_data;
mod cbor;
mod client_data;
mod public_key;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use url::Url;
use webauthn_rs::fake::{FakePasskeyDistribution, WebauthnFakeCredentialGenerator};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey as Credential, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder, WebauthnError,
};
use webauthn_rs_proto::{
    AllowCredentials, PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions, ResidentKeyRequirement,
};

use crate::domain::account::AccountId;
use crate::domain::ceremony;
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::passkey::{CredentialId, NewPasskey, Passkey};
use crate::domain::report::{Contradiction, Report, ReportChanges};
use crate::domain::secret::MacKey;

pub use client_data::{ceremony_of, check_origin};

/// base64url: written without padding, read with or without it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The length of the keyed tag at the end of a made-up credential id, in bytes. By the tag the gateway recognises such
/// an id, and no other party does.
const TAG_LENGTH: usize = 8;

/// The relying party of this gateway.
pub struct RelyingParty {
    webauthn: Webauthn,
    rp_id: Host,
    /// The origins whose pages may use passkeys, each as browsers write it.
    origins: BTreeSet<String>,
    fakes: WebauthnFakeCredentialGenerator<FakePasskeyDistribution>,
    /// The key of the tags in made-up credential ids.
    fake_key: MacKey,
}

impl std::fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelyingParty").field("origins", &self.webauthn.get_allowed_origins()).finish_non_exhaustive()
    }
}

/// Why a device's answer was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Unproved {
    /// webauthn-rs refused it.
    #[error("the answer does not verify")]
    Webauthn(#[from] WebauthnError),
    /// It verifies, and contradicts what the device said before.
    #[error("the device contradicts what it said before: {0:?}")]
    Contradicts(Contradiction),
    /// A check of our own failed, as the text says: one that webauthn-rs does not make.
    #[error("{0}")]
    FailedCheck(&'static str),
}

/// The relying party could not be set up, or could not make a challenge.
#[derive(Debug, thiserror::Error)]
#[error("the passkey domain does not work: {0}")]
pub struct RelyingPartyError(#[from] WebauthnError);

impl RelyingParty {
    /// A relying party for passkeys of the domain `rp_id`, used on pages of `origin` and `other_origins`. Credential
    /// ids are made up with `fake_key`.
    ///
    /// # Errors
    /// `rp_id` is not a parent of the origin's host.
    pub fn new(
        rp_id: &Host,
        name: &str,
        origin: &Url,
        other_origins: &[Url],
        fake_key: &MacKey,
    ) -> Result<Self, RelyingPartyError> {
        let mut builder = WebauthnBuilder::new(rp_id.as_str(), origin)?.rp_name(name).timeout(ceremony::LIFETIME);
        for other in other_origins {
            builder = builder.append_allowed_origin(other);
        }
        let origins = std::iter::once(origin).chain(other_origins).map(|url| url.origin().ascii_serialization());
        Ok(Self {
            webauthn: builder.build()?,
            rp_id: rp_id.clone(),
            origins: origins.collect(),
            fakes: WebauthnFakeCredentialGenerator::new(fake_key.bytes())?,
            fake_key: fake_key.clone(),
        })
    }

    /// A challenge to make a passkey for an account, on a device that has none of `exclude`.
    ///
    /// # Errors
    /// webauthn-rs could not make one.
    pub fn challenge_registration(
        &self,
        account: AccountId,
        email: &Email,
        exclude: &[Passkey],
    ) -> Result<(PublicKeyCredentialCreationOptions, PasskeyRegistration), RelyingPartyError> {
        let exclude = exclude.iter().map(|passkey| passkey.key.id.bytes().to_vec()).collect();
        let (options, state) =
            self.webauthn.start_passkey_registration(account.0, email.as_str(), email.as_str(), Some(exclude))?;
        let mut options = options.public_key;
        if let Some(selection) = options.authenticator_selection.as_mut() {
            // webauthn-rs does not ask for a discoverable credential. Only with one can a visitor sign in without
            // typing an address.
            selection.resident_key = Some(ResidentKeyRequirement::Preferred);
            selection.require_resident_key = false;
        }
        Ok((options, state))
    }

    /// A challenge to sign in with one of the passkeys `allowed`; with any, where that is `None` or empty. The browser
    /// offers these and no others. Whose passkey has answered is checked by the caller.
    ///
    /// # Errors
    /// webauthn-rs could not make one.
    pub fn challenge_sign_in(
        &self,
        allowed: Option<Vec<CredentialId>>,
    ) -> Result<(PublicKeyCredentialRequestOptions, DiscoverableAuthentication), RelyingPartyError> {
        let (options, state) = self.webauthn.start_discoverable_authentication()?;
        // webauthn-rs makes every such request one for autofill. That part is left out here: it is the page's choice.
        let mut options = options.public_key;
        options.extensions = None;
        let allow = |id: CredentialId| AllowCredentials {
            type_: "public-key".to_owned(),
            id: id.bytes().to_vec(),
            transports: None,
        };
        options.allow_credentials = allowed.into_iter().flatten().map(allow).collect();
        Ok((options, state))
    }

    /// Made-up credential ids for an address without an account: always the same ones, and of the form of real ones.
    ///
    /// # Errors
    /// webauthn-rs could not make any.
    pub fn fake_credentials(&self, email: &Email) -> Result<Vec<CredentialId>, RelyingPartyError> {
        // The generator imitates services where some accounts have no passkey. Here every account has one, so the next
        // few seeds are tried, always in the same order.
        for seed in 0_u8..8 {
            let ids = self.fakes.generate(&[email.as_str().as_bytes(), &[0, seed]].concat())?;
            let ids: Vec<_> = ids.into_iter().filter_map(|id| self.with_tag(id)).collect();
            if !ids.is_empty() {
                return Ok(ids);
            }
        }
        // No seed gave any: one id of our own.
        let id = self.fake_key.mac(&[b"fake", email.as_str().as_bytes()]).to_vec();
        Ok(self.with_tag(id).into_iter().collect())
    }

    /// Whether [`RelyingParty::fake_credentials`] made that id up. An answer that names it must be refused like one
    /// that names an account's passkey. Otherwise the refusal tells that the address of the challenge has no account.
    pub fn is_fake(&self, id: &CredentialId) -> bool {
        id.bytes().split_last_chunk::<TAG_LENGTH>().is_some_and(|(head, tag)| *tag == self.tag(head))
    }

    /// The id with its last bytes replaced by the tag.
    fn with_tag(&self, mut id: Vec<u8>) -> Option<CredentialId> {
        let (head, tag) = id.split_last_chunk_mut::<TAG_LENGTH>()?;
        *tag = self.tag(head);
        CredentialId::new(&id)
    }

    fn tag(&self, head: &[u8]) -> [u8; TAG_LENGTH] {
        let digest = self.fake_key.mac(&[b"mark", head]);
        *digest.first_chunk().expect("a digest has 32 bytes")
    }

    /// Verifies a registration (WebAuthn L3 §7.1).
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify_registration(
        &self,
        answer: &RegisterPublicKeyCredential,
        state: &PasskeyRegistration,
    ) -> Result<NewPasskey, Unproved> {
        let response = &answer.response;
        let id =
            self.check_type_id_and_origin(&answer.id, &answer.raw_id, &answer.type_, &response.client_data_json)?;
        let (data, aaguid) = authenticator_data::of_attestation(&response.attestation_object)?;
        let credential = self.webauthn.finish_passkey_registration(answer, state)?;
        if credential.cred_id().as_slice() != id.bytes() {
            return Err(Unproved::FailedCheck("the attested credential is not the one that was named"));
        }
        // An id that an account's passkey has is refused as well. If a made-up one were not, registering an id from a
        // challenge would tell whether the address of the challenge has an account.
        if self.is_fake(&id) {
            return Err(Unproved::FailedCheck("the credential id is one that was made up here"));
        }
        Ok(NewPasskey {
            id,
            credential,
            counter: data.counter,
            aaguid,
            backup_eligible: data.backup_eligible,
            backed_up: data.backed_up,
            rp_id: Some(self.rp_id.clone()),
        })
    }

    /// The credential id of an assertion, after the checks that need no key.
    ///
    /// # Errors
    /// [`Unproved::FailedCheck`].
    pub fn claimed_credential(&self, answer: &PublicKeyCredential) -> Result<CredentialId, Unproved> {
        let response = &answer.response;
        authenticator_data::of_assertion(&response.authenticator_data)?;
        self.check_type_id_and_origin(&answer.id, &answer.raw_id, &answer.type_, &response.client_data_json)
    }

    /// The checks that are the same for a registration and an assertion; returns the credential id.
    fn check_type_id_and_origin(
        &self,
        id: &str,
        raw_id: &[u8],
        type_: &str,
        client_data: &[u8],
    ) -> Result<CredentialId, Unproved> {
        if type_ != "public-key" {
            return Err(Unproved::FailedCheck("the type is not public-key"));
        }
        if decode_base64url(id).as_deref() != Some(raw_id) {
            return Err(Unproved::FailedCheck("id and rawId differ"));
        }
        // webauthn-rs compares origins as URLs, which may be spelled in many ways. Browsers spell an origin in one way,
        // so it is compared as text.
        if !self.origins.contains(&client_data::top_level_origin(client_data)?) {
            return Err(Unproved::FailedCheck("a page of another origin asked"));
        }
        CredentialId::new(raw_id).ok_or(Unproved::FailedCheck("the credential id is empty or too long"))
    }

    /// Verifies an assertion that names no account's passkey against a decoy key, and refuses it in any case. It takes
    /// as long as [`RelyingParty::verify_sign_in`], so that the time does not tell whether an account has that passkey.
    pub fn verify_in_vain(&self, answer: &PublicKeyCredential, state: DiscoverableAuthentication) -> Unproved {
        let report = authenticator_data::of_assertion(&answer.response.authenticator_data);
        if let Ok(decoy) = decoy(&answer.id)
            && let Ok(report) = report
            && let Ok(decoy) = agreeing_with(&decoy, report)
        {
            let _: Result<_, _> = self.webauthn.finish_discoverable_authentication_v2(answer, state, &decoy);
        }
        Unproved::FailedCheck("no account has the credential")
    }

    /// Verifies an assertion by `passkey` (WebAuthn L3 §7.2). Returns the key as it is after this use, and what has
    /// changed in it. Whose passkey it is, and who may answer, is checked by the caller.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify_sign_in(
        &self,
        answer: &PublicKeyCredential,
        state: DiscoverableAuthentication,
        passkey: &Passkey,
    ) -> Result<(NewPasskey, ReportChanges), Unproved> {
        self.claimed_credential(answer)?;
        let report = authenticator_data::of_assertion(&answer.response.authenticator_data)?;
        let mut credential = agreeing_with(&passkey.key.credential, report)
            .map_err(|_| Unproved::FailedCheck("the passkey that is kept cannot be read"))?;
        let result = self.webauthn.finish_discoverable_authentication_v2(answer, state, &credential)?;
        if !result.user_verified() {
            return Err(Unproved::FailedCheck("the device did not verify its user"));
        }
        // Only after the signature is verified: until then the report may be forged.
        let news = report.after(passkey.key.report()).map_err(Unproved::Contradicts)?;
        credential.update_credential(&result);
        let Report { counter, backup_eligible, backed_up } = report;
        Ok((NewPasskey { credential, counter, backup_eligible, backed_up, ..passkey.key.clone() }, news))
    }
}

/// Reads base64url, in which devices' answers have their bytes, with or without padding.
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(text).ok()
}

/// Writes base64url without padding.
pub fn encode_base64url(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

/// The credential with the counter at zero and the backup eligibility of `report`, so that webauthn-rs has nothing to
/// compare: it refuses some changes that are allowed, and accepts some that are not. [`Report::after`] decides instead.
fn agreeing_with(credential: &Credential, report: Report) -> Result<Credential, serde_json::Error> {
    let mut written = serde_json::to_value(credential)?;
    if let Some(parts) = written.get_mut("cred").and_then(serde_json::Value::as_object_mut) {
        parts.insert("counter".to_owned(), 0.into());
        parts.insert("backup_eligible".to_owned(), report.backup_eligible.into());
    }
    serde_json::from_value(written)
}

/// The decoy's public key: the base point of P-256 (SEC 2 §2.4.2), whose private key is 1.
const DECOY_X: [u8; 32] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
];
/// The y coordinate of the decoy's public key.
const DECOY_Y: [u8; 32] = [
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// A credential of that id with the decoy's key, written as webauthn-rs writes credentials.
fn decoy(id: &str) -> Result<Credential, serde_json::Error> {
    serde_json::from_value(serde_json::json!({ "cred": {
        "cred_id": id,
        "cred": { "type_": "ES256", "key": { "EC_EC2": {
            "curve": "SECP256R1",
            "x": encode_base64url(&DECOY_X),
            "y": encode_base64url(&DECOY_Y),
        } } },
        "counter": 0,
        "transports": null,
        "user_verified": true,
        "backup_eligible": true,
        "backup_state": true,
        "registration_policy": "required",
        "extensions": {},
        "attestation": { "data": "None", "metadata": "None" },
        "attestation_format": "none",
    } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;
    use sha2::{Digest as _, Sha256};

    use crate::domain::secret::Secret;

    /// An assertion by the private key 1, whose public half is the base point.
    fn by_key_one(id: &[u8], challenge: &[u8]) -> PublicKeyCredential {
        let base = [&[4][..], &DECOY_X, &DECOY_Y].concat();
        let one = [&[0; 31][..], &[1]].concat();
        let key = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, &one, &base).unwrap();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let client_data = json!({
            "type": "webauthn.get", "challenge": encode(challenge), "origin": "https://notes.example.com",
        });
        let client_data = client_data.to_string().into_bytes();
        let data = [&Sha256::digest("notes.example.com")[..], &[0b0001_1101, 0, 0, 0, 0]].concat();
        let signed = [&data[..], &Sha256::digest(&client_data)].concat();
        let signature = key.sign(&SystemRandom::new(), &signed).unwrap();
        let credential = json!({
            "id": encode(id), "rawId": encode(id), "type": "public-key",
            "response": {
                "authenticatorData": encode(&data), "clientDataJSON": encode(&client_data),
                "signature": encode(signature.as_ref()), "userHandle": null,
            },
            "clientExtensionResults": {},
        });
        serde_json::from_value(credential).unwrap()
    }

    #[test]
    fn an_answer_of_a_made_up_key_is_verified_to_the_end_and_refused() {
        let origin = Url::parse("https://notes.example.com").unwrap();
        let fakes = MacKey::derive(&Secret::from_bytes([1; 32]), "fakes");
        let party =
            RelyingParty::new(&Host::parse("notes.example.com").unwrap(), "Notes", &origin, &[], &fakes).unwrap();
        let (options, state) = party.challenge_sign_in(None).unwrap();
        let answer = by_key_one(b"unknown", options.challenge.as_ref());
        let decoy = decoy(&answer.id).unwrap();
        let verified = party.webauthn.finish_discoverable_authentication_v2(&answer, state.clone(), &decoy);
        assert!(verified.is_ok_and(|result| result.user_verified()));
        assert!(matches!(party.verify_in_vain(&answer, state), Unproved::FailedCheck(_)));
    }
}
