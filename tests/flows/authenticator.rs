//! A software authenticator that can be told to cheat in any one detail.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What a key is asked from, unless it is told otherwise.
pub const ORIGIN: &str = "https://notes.example.com";
pub const UP: u8 = 0b0000_0001;
pub const UV: u8 = 0b0000_0100;
pub const BE: u8 = 0b0000_1000;
pub const BS: u8 = 0b0001_0000;
pub const AT: u8 = 0b0100_0000;
pub const ED: u8 = 0b1000_0000;

/// Makes a key lie.
pub type Cheat = fn(&mut Passkey);

/// One key on one device. Public fields are what it says of itself; change them to lie.
pub struct Passkey {
    key: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    pub id: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
    pub counter: u32,
    pub flags: u8,
    pub origin: String,
    pub rp_id: String,
    /// Put into the client data beside what belongs there.
    pub client_data: Value,
    /// The `type` of the credential.
    pub kind: String,
    /// The public key as handed over: its parts by name.
    pub cose: Vec<(i128, Cbor)>,
    /// Put behind the public key.
    pub behind_key: Vec<u8>,
    /// Put behind the authenticator data.
    pub behind_data: Vec<u8>,
    /// Put behind the attestation object.
    pub behind_object: Vec<u8>,
    /// Written into the attestation object besides, each a name and a value in CBOR.
    pub object_has: Vec<u8>,
    /// Whether the browser writes base64url with padding, in the client data too.
    pub pads: bool,
    /// The client data as text, where it is not what a browser writes. `{type}` and `{challenge}` in it are
    /// put in their places.
    pub client_data_text: Option<String>,
}

impl Passkey {
    pub fn new(id: &[u8]) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        Self::with_key(pkcs8.as_ref(), id)
    }

    /// The key that was written down as PKCS #8.
    pub fn with_key(pkcs8: &[u8], id: &[u8]) -> Self {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).unwrap();
        let point = key.public_key().as_ref();
        let cose = vec![
            (1, Cbor::Integer(2)),
            (3, Cbor::Integer(-7)),
            (-1, Cbor::Integer(1)),
            (-2, Cbor::Bytes(point[1..33].to_vec())),
            (-3, Cbor::Bytes(point[33..65].to_vec())),
        ];
        Self {
            key,
            pkcs8: pkcs8.to_vec(),
            id: id.to_vec(),
            user_handle: None,
            counter: 0,
            flags: UP | UV | BE | BS,
            origin: ORIGIN.to_owned(),
            rp_id: "notes.example.com".to_owned(),
            client_data: json!({}),
            kind: "public-key".to_owned(),
            cose,
            behind_key: Vec::new(),
            behind_data: Vec::new(),
            behind_object: Vec::new(),
            object_has: Vec::new(),
            pads: false,
            client_data_text: None,
        }
    }

    /// The same key with the same id and user handle, and no lies.
    pub fn again(&self) -> Self {
        Self { user_handle: self.user_handle.clone(), ..Self::with_key(&self.pkcs8, &self.id) }
    }

    /// Says something else in a part of its public key.
    pub fn says(&mut self, name: i128, value: Cbor) {
        self.cose.retain(|(other, _)| *other != name);
        self.cose.push((name, value));
    }

    /// Makes the key for creation options.
    pub fn create(&mut self, options: &Value) -> Value {
        self.user_handle = Some(decode(&options["user"]["id"]));
        let client_data = self.client_data_json("webauthn.create", &options["challenge"]);
        let cose = Cbor::Map(self.cose.iter().map(|(name, value)| (Cbor::Integer(*name), value.clone())).collect());
        let mut data = self.authenticator_data(self.flags | AT);
        data.extend_from_slice(&[0xAB; 16]);
        data.extend_from_slice(&u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&serde_cbor_2::to_vec(&cose).unwrap());
        data.extend_from_slice(&self.behind_key);
        data.extend_from_slice(&self.behind_data);
        let object = Cbor::Map(
            [
                (Cbor::Text("fmt".into()), Cbor::Text("none".into())),
                (Cbor::Text("attStmt".into()), Cbor::Map([].into())),
                (Cbor::Text("authData".into()), Cbor::Bytes(data)),
            ]
            .into(),
        );
        let mut object = serde_cbor_2::to_vec(&object).unwrap();
        if !self.object_has.is_empty() {
            object[0] += 1;
            object.extend_from_slice(&self.object_has);
        }
        object.extend_from_slice(&self.behind_object);
        json!({
            "id": self.text(&self.id), "rawId": self.text(&self.id), "type": self.kind,
            "response": {
                "attestationObject": self.text(&object),
                "clientDataJSON": self.text(&client_data),
            },
            "clientExtensionResults": {},
        })
    }

    /// Answers request options.
    pub fn get(&mut self, options: &Value) -> Value {
        let client_data = self.client_data_json("webauthn.get", &options["challenge"]);
        let mut data = self.authenticator_data(self.flags);
        data.extend_from_slice(&self.behind_data);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": self.text(&self.id), "rawId": self.text(&self.id), "type": self.kind,
            "response": {
                "authenticatorData": self.text(&data),
                "clientDataJSON": self.text(&client_data),
                "signature": self.text(signature.as_ref()),
                "userHandle": self.user_handle.as_ref().map(|handle| self.text(handle)),
            },
            "clientExtensionResults": {},
        })
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(&self.rp_id).to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn client_data_json(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let challenge = self.text(&decode(challenge));
        if let Some(text) = &self.client_data_text {
            return text.replace("{type}", kind).replace("{challenge}", &challenge).into_bytes();
        }
        let mut data = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        for (name, value) in self.client_data.as_object().unwrap() {
            data[name] = value.clone();
        }
        serde_json::to_vec(&data).unwrap()
    }

    fn text(&self, bytes: &[u8]) -> String {
        if self.pads { URL_SAFE.encode(bytes) } else { encode(bytes) }
    }
}

pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}
