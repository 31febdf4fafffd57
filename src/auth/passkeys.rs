//! The WebAuthn relying party: webauthn-rs, and the checks of the standard that it leaves to us.

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
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How many bytes at the end of a made-up credential id tell the gateway alone that it was made up.
const MARK: usize = 8;

/// The relying party of this gateway.
pub struct RelyingParty {
    webauthn: Webauthn,
    rp_id: Host,
    /// The origins whose pages may ask, each as browsers write it.
    origins: BTreeSet<String>,
    fakes: WebauthnFakeCredentialGenerator<FakePasskeyDistribution>,
    marks: MacKey,
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
    /// A check that webauthn-rs does not make.
    #[error("{0}")]
    Malformed(&'static str),
}

/// The relying party could not be set up, or could not make a challenge.
#[derive(Debug, thiserror::Error)]
#[error("the passkey domain does not work: {0}")]
pub struct RelyingPartyError(#[from] WebauthnError);

impl RelyingParty {
    /// A relying party for passkeys of the domain `rp_id`, used on pages of `origin` and `other_origins`.
    ///
    /// # Errors
    /// `rp_id` is not a parent of the origin's host.
    pub fn new(
        rp_id: &Host,
        name: &str,
        origin: &Url,
        other_origins: &[Url],
        fakes: &MacKey,
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
            fakes: WebauthnFakeCredentialGenerator::new(fakes.bytes())?,
            marks: fakes.clone(),
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
            // The library asks for none; without a discoverable key no visitor could sign in without typing an address.
            selection.resident_key = Some(ResidentKeyRequirement::Preferred);
            selection.require_resident_key = false;
        }
        Ok((options, state))
    }

    /// A challenge to sign in with one of the passkeys `allowed`; with any, where that is `None`.
    ///
    /// # Errors
    /// webauthn-rs could not make one.
    pub fn challenge_sign_in(
        &self,
        allowed: Option<Vec<CredentialId>>,
    ) -> Result<(PublicKeyCredentialRequestOptions, DiscoverableAuthentication), RelyingPartyError> {
        let (options, state) = self.webauthn.start_discoverable_authentication()?;
        // The library marks the request for autofill; whether it is one is the page's choice.
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

    /// Credential ids for an address without an account: always the same ones, and like real ones.
    ///
    /// # Errors
    /// webauthn-rs could not make any.
    pub fn fake_credentials(&self, email: &Email) -> Result<Vec<CredentialId>, RelyingPartyError> {
        // The generator imitates services where some accounts have no passkey. Here every account has one, so the next
        // few seeds are tried, always in the same order.
        for seed in 0_u8..8 {
            let ids = self.fakes.generate(&[email.as_str().as_bytes(), &[0, seed]].concat())?;
            let ids: Vec<_> = ids.into_iter().filter_map(|id| self.marked(id)).collect();
            if !ids.is_empty() {
                return Ok(ids);
            }
        }
        Ok(self.marked(self.marks.mac(&[b"fake", email.as_str().as_bytes()]).to_vec()).into_iter().collect())
    }

    /// Whether [`RelyingParty::fake_credentials`] made that id up. An answer with one must be refused as if an account
    /// had that passkey, or the refusal tells whether the address it was made up for has an account.
    pub fn is_fake(&self, id: &CredentialId) -> bool {
        id.bytes().split_last_chunk::<MARK>().is_some_and(|(head, mark)| *mark == self.mark(head))
    }

    fn marked(&self, mut id: Vec<u8>) -> Option<CredentialId> {
        let (head, mark) = id.split_last_chunk_mut::<MARK>()?;
        *mark = self.mark(head);
        CredentialId::new(&id)
    }

    fn mark(&self, head: &[u8]) -> [u8; MARK] {
        let digest = self.marks.mac(&[b"mark", head]);
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
        let id = self.check_shape(&answer.id, &answer.raw_id, &answer.type_, &answer.response.client_data_json)?;
        let (data, aaguid) = authenticator_data::of_attestation(&answer.response.attestation_object)?;
        let credential = self.webauthn.finish_passkey_registration(answer, state)?;
        if credential.cred_id().as_slice() != id.bytes() {
            return Err(Unproved::Malformed("the attested credential is not the one that was named"));
        }
        // A passkey that an account has is refused too, so that trying an id of a challenge does not tell which
        // addresses have no account.
        if self.is_fake(&id) {
            return Err(Unproved::Malformed("the credential id is one that was made up here"));
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
    /// [`Unproved::Malformed`].
    pub fn claimed_credential(&self, answer: &PublicKeyCredential) -> Result<CredentialId, Unproved> {
        authenticator_data::of_assertion(&answer.response.authenticator_data)?;
        self.check_shape(&answer.id, &answer.raw_id, &answer.type_, &answer.response.client_data_json)
    }

    /// The checks that are the same for a new key and an assertion.
    fn check_shape(&self, id: &str, raw_id: &[u8], type_: &str, client_data: &[u8]) -> Result<CredentialId, Unproved> {
        if type_ != "public-key" {
            return Err(Unproved::Malformed("the type is not public-key"));
        }
        if bytes_of(id).as_deref() != Some(raw_id) {
            return Err(Unproved::Malformed("id and rawId differ"));
        }
        // webauthn-rs reads an origin as a URL, of which there are many spellings. Browsers write it in one.
        if !self.origins.contains(&client_data::origin_of(client_data)?) {
            return Err(Unproved::Malformed("a page of another origin asked"));
        }
        CredentialId::new(raw_id).ok_or(Unproved::Malformed("the credential id is empty or too long"))
    }

    /// As much work as [`RelyingParty::verify_sign_in`], for an assertion by a key of no account: how long the answer
    /// takes must not tell whether an account has the id it names or it was made up here. Nothing comes of it.
    pub fn verify_in_vain(&self, answer: &PublicKeyCredential, state: DiscoverableAuthentication) -> Unproved {
        let report = authenticator_data::of_assertion(&answer.response.authenticator_data);
        if let Ok(decoy) = decoy(&answer.id)
            && let Ok(report) = report
            && let Ok(decoy) = following(&decoy, report)
        {
            let _: Result<_, _> = self.webauthn.finish_discoverable_authentication_v2(answer, state, &decoy);
        }
        Unproved::Malformed("the credential is nobody's")
    }

    /// Verifies an assertion by `passkey`, whose owner has been checked (WebAuthn L3 §7.2); returns the key after it.
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
        let mut credential = following(&passkey.key.credential, report)
            .map_err(|_| Unproved::Malformed("the passkey that is kept cannot be read"))?;
        let result = self.webauthn.finish_discoverable_authentication_v2(answer, state, &credential)?;
        if !result.user_verified() {
            return Err(Unproved::Malformed("the device did not verify its user"));
        }
        // Only now: what is not signed says nothing of the key.
        let news = report.after(passkey.key.report()).map_err(Unproved::Contradicts)?;
        credential.update_credential(&result);
        let Report { counter, backup_eligible, backed_up } = report;
        Ok((NewPasskey { credential, counter, backup_eligible, backed_up, ..passkey.key.clone() }, news))
    }
}

/// Bytes as they are written in answers of devices: base64url, with or without padding.
pub fn bytes_of(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Bytes as we write them.
pub fn text_of(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The credential as if it had said before what is in `report`: webauthn-rs refuses some of what may change, and takes
/// some of what may not. [`Report::after`] decides on both.
fn following(credential: &Credential, report: Report) -> Result<Credential, serde_json::Error> {
    let mut written = serde_json::to_value(credential)?;
    if let Some(parts) = written.get_mut("cred").and_then(serde_json::Value::as_object_mut) {
        parts.insert("counter".to_owned(), 0.into());
        parts.insert("backup_eligible".to_owned(), report.backup_eligible.into());
    }
    serde_json::from_value(written)
}

/// The base point of P-256 (SEC 2 §2.4.2).
const X: [u8; 32] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
];
const Y: [u8; 32] = [
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// A key of that id whose private half is no secret.
fn decoy(id: &str) -> Result<Credential, serde_json::Error> {
    let encode = |bytes: [u8; 32]| BASE64.encode(bytes);
    serde_json::from_value(serde_json::json!({ "cred": {
        "cred_id": id,
        "cred": { "type_": "ES256", "key": { "EC_EC2": {
            "curve": "SECP256R1",
            "x": encode(X),
            "y": encode(Y),
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
        let base = [&[4][..], &X, &Y].concat();
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
        let answer = by_key_one(b"nobody", options.challenge.as_ref());
        let decoy = decoy(&answer.id).unwrap();
        let verified = party.webauthn.finish_discoverable_authentication_v2(&answer, state.clone(), &decoy);
        assert!(verified.is_ok_and(|result| result.user_verified()));
        assert!(matches!(party.verify_in_vain(&answer, state), Unproved::Malformed(_)));
    }
}
