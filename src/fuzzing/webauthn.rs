//! What devices answer to a challenge.

use std::sync::LazyLock;

use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
};

use crate::auth::passkeys::{self, RelyingParty, Unproved};
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::credential::MAX_CREDENTIAL_ID;
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::passkey::{CredentialId, NewPasskey, Passkey};
use crate::domain::secret::{MacKey, Secret};

/// The challenge of both questions, in base64url: `a challenge of 32 bytes, always!`.
const CHALLENGE: &str = "YSBjaGFsbGVuZ2Ugb2YgMzIgYnl0ZXMsIGFsd2F5cyE";
const ORIGINS: [&str; 2] = ["https://notes.example.com", "https://wiki.example.com:8443"];
/// The id of the passkey that is signed in with.
const ID: &[u8] = b"the key of everybody";
/// That id in base64url.
const ID_TEXT: &str = "dGhlIGtleSBvZiBldmVyeWJvZHk";

/// The relying party, and what it keeps of its two questions.
struct RelyingPartyState {
    party: RelyingParty,
    registration: PasskeyRegistration,
    sign_in: DiscoverableAuthentication,
    passkey: Passkey,
}

static ASKING: LazyLock<RelyingPartyState> = LazyLock::new(|| {
    let fakes = MacKey::derive(&Secret::from_bytes([1; 32]), "fakes");
    let [origin, other] = ORIGINS.map(|origin| Url::parse(origin).expect("a URL"));
    let rp_id = Host::parse("example.com").expect("a host");
    let party = RelyingParty::new(&rp_id, "Notes", &origin, &[other], &fakes).expect("a relying party");
    let email = Email::parse("maria@example.com").expect("an address");
    let account = AccountId(Uuid::from_u128(7));
    let (_, registration) = party.challenge_registration(account, &email, &[]).expect("a challenge");
    let (_, sign_in) = party.challenge_sign_in(None).expect("a challenge");
    // The same challenge each time, so that an input does the same each time.
    let registration = serde_json::from_value(challenging(serde_json::to_value(registration).expect("JSON")));
    let sign_in = serde_json::from_value(challenging(serde_json::to_value(sign_in).expect("JSON")));
    let key = NewPasskey {
        id: CredentialId::new(ID).expect("a credential id"),
        credential: serde_json::from_value(base_point()).expect("a credential"),
        counter: 0,
        aaguid: Uuid::nil(),
        backup_eligible: true,
        backed_up: true,
        rp_id: Some(rp_id),
    };
    let passkey = Passkey {
        account,
        key,
        name: None,
        browser: "Firefox on Linux".to_owned(),
        created_at: Timestamp::from_unix(1_800_000_000),
        last_used_at: None,
    };
    RelyingPartyState {
        party,
        registration: registration.expect("a state"),
        sign_in: sign_in.expect("a state"),
        passkey,
    }
});

/// The state of a question with our challenge in place of its own.
fn challenging(mut state: Value) -> Value {
    let states = state.as_object_mut().into_iter().flat_map(|state| state.values_mut());
    for challenge in states.filter_map(|state| state.get_mut("challenge")) {
        *challenge = CHALLENGE.into();
    }
    state
}

/// The key whose private half is 1: its public half is the base point of P-256 (SEC 2 §2.4.2).
fn base_point() -> Value {
    json!({ "cred": {
        "cred_id": ID_TEXT,
        "cred": { "type_": "ES256", "key": { "EC_EC2": {
            "curve": "SECP256R1",
            "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
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
    } })
}

/// Reads the answer of a device, to be registered and to sign in. What is accepted has an id of a length that WebAuthn
/// allows, answers our challenge on one of our origins outside of any frame, and is of a device that verified its user.
pub fn webauthn(input: &[u8]) {
    if let Ok(answer) = serde_json::from_slice(input) {
        signs_in(&answer);
    }
    if let Ok(answer) = serde_json::from_slice(input) {
        registers(&answer);
    }
}

fn signs_in(answer: &PublicKeyCredential) {
    let RelyingPartyState { party, sign_in, passkey, .. } = &*ASKING;
    let client_data = &answer.response.client_data_json;
    // Which ceremony it belongs to is looked up before anything is checked.
    let ceremony = passkeys::ceremony_of(client_data);
    assert!(matches!(party.verify_in_vain(answer, sign_in.clone()), Unproved::FailedCheck(_)));
    let claimed = party.claimed_credential(answer);
    let Ok(id) = claimed else { return };
    is_allowed(&id, &answer.raw_id);
    let Ok((key, _)) = party.verify_sign_in(answer, sign_in.clone(), passkey) else { return };
    assert_eq!((&id, &key.id), (&passkey.key.id, &passkey.key.id), "signed in with a key that was not named");
    is_of_our_page(client_data, "webauthn.get");
    assert!(ceremony.is_some(), "it belongs to no ceremony");
    verified_its_user(&answer.response.authenticator_data, key.counter);
}

fn registers(answer: &RegisterPublicKeyCredential) {
    let RelyingPartyState { party, registration, .. } = &*ASKING;
    let client_data = &answer.response.client_data_json;
    let ceremony = passkeys::ceremony_of(client_data);
    let Ok(key) = party.verify_registration(answer, registration) else { return };
    is_allowed(&key.id, &answer.raw_id);
    assert!(!party.is_fake(&key.id), "somebody registered an id that was made up here");
    assert_eq!(key.credential.cred_id().as_slice(), key.id.bytes());
    is_of_our_page(client_data, "webauthn.create");
    assert!(ceremony.is_some(), "it belongs to no ceremony");
    let object = serde_cbor_2::from_slice(&answer.response.attestation_object);
    let Ok(Cbor::Map(object)) = object else { return assert!(object.is_err(), "it has no authenticator data") };
    let data = object.get(&Cbor::Text("authData".to_owned()));
    let data = data.and_then(|data| if let Cbor::Bytes(data) = data { Some(&**data) } else { None });
    verified_its_user(data.unwrap_or_default(), key.counter);
}

fn is_allowed(id: &CredentialId, raw: &[u8]) {
    assert_eq!(id.bytes(), raw);
    assert!((1..=MAX_CREDENTIAL_ID).contains(&raw.len()), "an id of {} bytes", raw.len());
}

fn is_of_our_page(client_data: &[u8], wanted: &str) {
    let data: Value = serde_json::from_slice(client_data).unwrap_or_default();
    let says = |key| data.get(key).and_then(Value::as_str);
    assert_eq!(says("type"), Some(wanted));
    assert_eq!(says("challenge"), Some(CHALLENGE));
    assert!(says("origin").is_some_and(|origin| ORIGINS.contains(&origin)), "{data}");
    assert!(!matches!(data.get("crossOrigin"), Some(Value::Bool(true))), "{data}");
    assert!(data.get("topOrigin").is_none_or(Value::is_null), "{data}");
}

/// Whether the flags say that the user was there and was verified, and the counter is what was kept of it
/// (WebAuthn L3 §6.1).
fn verified_its_user(data: &[u8], counter: u32) {
    let flags = data.get(32).copied().unwrap_or_default();
    assert_eq!(flags & 0b101, 0b101, "its user was not verified");
    assert_eq!(data.get(33..37), Some(&counter.to_be_bytes()[..]));
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::fuzzing::inputs::holds;

    /// What a device answers, all of it true or nearly so.
    #[derive(Clone, Debug)]
    struct DeviceAnswer {
        registers: bool,
        kind: &'static str,
        challenge: &'static str,
        origin: &'static str,
        frame: Option<(&'static str, Value)>,
        flags: u8,
        counter: u32,
        id: Vec<u8>,
        attested: Vec<u8>,
        format: &'static str,
        signed: bool,
    }

    impl DeviceAnswer {
        fn right(registers: bool) -> Self {
            Self {
                registers,
                kind: if registers { "webauthn.create" } else { "webauthn.get" },
                challenge: CHALLENGE,
                origin: ORIGINS[0],
                frame: None,
                flags: if registers { 0b0101_1101 } else { 0b0001_1101 },
                counter: 1,
                id: ID.to_vec(),
                attested: ID.to_vec(),
                format: "none",
                signed: true,
            }
        }

        fn json(&self) -> Value {
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let mut client_data = json!({ "type": self.kind, "challenge": self.challenge, "origin": self.origin });
            if let Some((key, value)) = &self.frame {
                client_data[key] = value.clone();
            }
            let client_data = client_data.to_string().into_bytes();
            let data = [&Sha256::digest("example.com")[..], &[self.flags], &self.counter.to_be_bytes()].concat();
            let response = if self.registers {
                json!({ "clientDataJSON": encode(&client_data), "attestationObject": encode(&self.attestation(&data)) })
            } else {
                json!({
                    "clientDataJSON": encode(&client_data), "authenticatorData": encode(&data),
                    "signature": encode(&self.signature(&data, &client_data)), "userHandle": null,
                })
            };
            let id = encode(&self.id);
            json!({
                "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {},
            })
        }

        fn attestation(&self, data: &[u8]) -> Vec<u8> {
            let encode = |text: &str| Cbor::Bytes(URL_SAFE_NO_PAD.decode(text).unwrap());
            let key = &base_point()["cred"]["cred"]["key"]["EC_EC2"];
            let coordinate = |name: &str| encode(key[name].as_str().unwrap());
            let cose = [(1, Cbor::Integer(2)), (3, Cbor::Integer(-7)), (-1, Cbor::Integer(1))];
            let cose = cose.into_iter().chain([(-2, coordinate("x")), (-3, coordinate("y"))]);
            let cose = Cbor::Map(cose.map(|(name, value)| (Cbor::Integer(name), value)).collect());
            let length = u16::try_from(self.attested.len()).unwrap().to_be_bytes();
            let cose = serde_cbor_2::to_vec(&cose).unwrap();
            let data = [data, &[0xee; 16], &length, &self.attested, &cose].concat();
            let object = [
                ("fmt", Cbor::Text(self.format.to_owned())),
                ("attStmt", Cbor::Map([].into())),
                ("authData", Cbor::Bytes(data)),
            ];
            let object = object.into_iter().map(|(name, value)| (Cbor::Text(name.to_owned()), value));
            serde_cbor_2::to_vec(&Cbor::Map(object.collect())).unwrap()
        }

        fn signature(&self, data: &[u8], client_data: &[u8]) -> Vec<u8> {
            let key = &base_point()["cred"]["cred"]["key"]["EC_EC2"];
            let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
            let public = [&[4][..], &coordinate("x"), &coordinate("y")].concat();
            let one = [&[0; 31][..], &[u8::from(self.signed)]].concat();
            let Ok(key) = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, &one, &public)
            else {
                return vec![0x30, 0];
            };
            let signed = [data, &Sha256::digest(client_data)].concat();
            key.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec()
        }
    }

    #[test]
    fn a_right_answer_is_accepted() {
        let RelyingPartyState { party, registration, sign_in, passkey } = &*ASKING;
        let answer = serde_json::from_value(DeviceAnswer::right(true).json()).unwrap();
        party.verify_registration(&answer, registration).unwrap();
        let answer = serde_json::from_value(DeviceAnswer::right(false).json()).unwrap();
        party.verify_sign_in(&answer, sign_in.clone(), passkey).unwrap();
    }

    #[test]
    fn what_is_accepted_is_our_users_answer_to_our_question() {
        let answer = (any::<bool>(), 0_u8..12, any::<u8>(), any::<u32>(), id(), id()).prop_map(
            |(registers, wrong, flags, counter, id, attested)| {
                let right = DeviceAnswer::right(registers);
                let answer = match wrong {
                    0 => DeviceAnswer { kind: if registers { "webauthn.get" } else { "webauthn.create" }, ..right },
                    1 => DeviceAnswer { challenge: "YSBjaGFsbGVuZ2U", ..right },
                    2 => DeviceAnswer { origin: "https://evil.example.com", ..right },
                    3 => DeviceAnswer { origin: ORIGINS[1], ..right },
                    4 => DeviceAnswer { frame: Some(("crossOrigin", true.into())), ..right },
                    5 => DeviceAnswer { frame: Some(("topOrigin", "https://evil.example".into())), ..right },
                    6 => DeviceAnswer { flags, counter, ..right },
                    7 => DeviceAnswer { id, ..right },
                    8 => DeviceAnswer { id: id.clone(), attested: id, ..right },
                    9 => DeviceAnswer { id, attested, ..right },
                    10 => DeviceAnswer { format: "packed", signed: false, ..right },
                    _ => DeviceAnswer { flags: right.flags & !flags, counter, ..right },
                };
                answer.json().to_string()
            },
        );
        holds("webauthn", webauthn, answer);
    }

    fn id() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            (1020_usize..1027).prop_map(|length| vec![7; length])
        ]
    }
}
