//! Things to keep, made from small numbers.

use std::sync::LazyLock;

use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::ceremony::{Ceremony, CeremonyId, Purpose, Subject};
use bmauth::domain::clock::Timestamp;
use bmauth::domain::code::CodeId;
use bmauth::domain::email::Email;
use bmauth::domain::letter::{Letter, LetterId, Message};
use bmauth::domain::passkey::{CredentialId, NewPasskey, Passkey};
use bmauth::domain::plan::{Change, Counter};
use bmauth::domain::registration::Registration;
use bmauth::domain::return_to::ReturnTo;
use bmauth::domain::secret::SecretDigest;
use bmauth::domain::session::{Authentication, Method, Session, SessionId};
use bmauth::domain::signing_key::{Algorithm, PrivateKey, SigningKey};
use url::Url;
use uuid::Uuid;
use webauthn_authenticator_rs::WebauthnAuthenticator as _;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey as Credential, PasskeyRegistration};
use webauthn_rs::{Webauthn, WebauthnBuilder};

static ORIGIN: LazyLock<Url> = LazyLock::new(|| Url::parse("https://notes.example.com").unwrap());
static WEBAUTHN: LazyLock<Webauthn> =
    LazyLock::new(|| WebauthnBuilder::new("notes.example.com", &ORIGIN).unwrap().build().unwrap());

/// A credential that a (soft) authenticator really made; making one is slow, so all samples share it.
static CREDENTIAL: LazyLock<Credential> = LazyLock::new(|| {
    let (challenge, state) =
        WEBAUTHN.start_passkey_registration(Uuid::from_u128(7), "ann@example.com", "Ann", None).unwrap();
    let answer = SoftPasskey::new(true).do_registration(ORIGIN.clone(), challenge).unwrap();
    WEBAUTHN.finish_passkey_registration(&answer, &state).unwrap()
});

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

pub fn digest(n: u32) -> SecretDigest {
    let mut bytes = [0x5a; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    SecretDigest::from_bytes(bytes)
}

fn uuid(n: u32) -> Uuid {
    Uuid::from_u128(u128::from(n) << 64 | 0xabc)
}

pub fn account_id(n: u32) -> AccountId {
    AccountId(uuid(n))
}

pub fn ceremony_id(n: u32) -> CeremonyId {
    CeremonyId(uuid(n))
}

pub fn code(n: u32) -> CodeId {
    CodeId(uuid(n))
}

pub fn letter_id(n: u32) -> LetterId {
    LetterId(uuid(n))
}

pub fn email(n: u32) -> Email {
    // The first few are beginnings of each other: an index by address must not mix them up.
    let text = if n < 10 { format!("ann@example.co{}", "m".repeat(n as usize)) } else { format!("ann{n}@example.com") };
    Email::parse(&text).unwrap()
}

pub fn counter(n: u8) -> Counter {
    Counter([n; 32])
}

pub fn credential(n: u32) -> CredentialId {
    // Lengths differ, so that orders by bytes and by number can be told apart.
    let mut bytes = n.to_be_bytes().to_vec();
    bytes.resize(4 + n as usize % 40, 0xfe);
    CredentialId::new(&bytes).unwrap()
}

pub fn account(n: u32) -> Account {
    Account {
        id: account_id(n),
        email: email(n),
        name: (n % 2 == 1).then(|| format!("Ann {n}")),
        groups: (0..n % 3).map(|group| format!("group {group}")).collect(),
        disabled: false,
        created_at: at(1000),
    }
}

pub fn new_passkey(n: u32) -> NewPasskey {
    NewPasskey {
        id: credential(n),
        credential: CREDENTIAL.clone(),
        counter: n,
        aaguid: uuid(n),
        backup_eligible: n.is_multiple_of(2),
        backed_up: n.is_multiple_of(4),
    }
}

pub fn passkey(n: u32, account: u32) -> Passkey {
    Passkey {
        account: account_id(account),
        key: new_passkey(n),
        name: None,
        browser: String::new(),
        created_at: at(1000),
        last_used_at: None,
    }
}

pub fn session(n: u32, account: u32, credential_of: u32) -> Session {
    Session {
        token: digest(n),
        id: SessionId(uuid(n)),
        account: account_id(account),
        credential: credential(credential_of),
        authentication: Authentication {
            at: at(2000),
            methods: vec![Method::SoftwareKey, Method::UserVerified, Method::EmailCode, Method::HardwareKey],
        },
        created_at: at(2000),
        last_seen_at: at(2000),
        browser: "Firefox on Windows — naïve".to_owned(),
        address: match n % 3 {
            0 => None,
            1 => Some("192.0.2.7".parse().unwrap()),
            _ => Some("2001:db8::7".parse().unwrap()),
        },
        recovered_at: None,
        review: false,
    }
}

pub fn registration_state() -> PasskeyRegistration {
    WEBAUTHN.start_passkey_registration(Uuid::from_u128(8), "ann@example.com", "Ann", None).unwrap().1
}

pub fn sign_in_state() -> DiscoverableAuthentication {
    WEBAUTHN.start_discoverable_authentication().unwrap().1
}

pub fn ceremony(n: u32) -> Ceremony {
    let subject = match n % 4 {
        0 => None,
        1 => Some(Subject::Anyone),
        2 => Some(Subject::Account(account_id(n))),
        _ => Some(Subject::Nobody),
    };
    let purpose = match subject {
        None => Purpose::Register { email: email(n), account: account_id(n), state: registration_state() },
        Some(subject) => Purpose::SignIn { subject, state: sign_in_state() },
    };
    Ceremony {
        id: ceremony_id(n),
        browser: digest(n),
        purpose,
        return_to: ReturnTo::parse("/notes?tag=a%20b").unwrap(),
        expires_at: at(3000),
    }
}

pub fn registration(browser: u32, of_email: u32, of_code: u32) -> Registration {
    Registration {
        browser: digest(browser),
        email: email(of_email),
        account: account_id(of_email),
        passkey: new_passkey(browser),
        return_to: ReturnTo::root(),
        taken: browser.is_multiple_of(2),
        code: code(of_code),
        tries: 0,
        code_sent_at: at(3000),
        expires_at: at(4000),
    }
}

pub fn letter(n: u32, due_at: u64) -> Letter {
    Letter {
        id: letter_id(n),
        to: email(n),
        message: match n % 3 {
            0 => Message::Code(code(n)),
            1 => Message::AlreadyRegistered,
            _ => Message::Welcome,
        },
        language: "de-CH".to_owned(),
        browser: "Safari on iPhone".to_owned(),
        created_at: at(3000),
        due_at: at(due_at),
        failures: 0,
        expires_at: at(9000),
    }
}

pub fn signing_key(kid: &str, created_at: u64) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        algorithm: if kid.starts_with("ed") { Algorithm::EdDsa } else { Algorithm::Es256 },
        pkcs8: PrivateKey(kid.bytes().rev().collect()),
        created_at: at(created_at),
        active_from: at(created_at + 60),
    }
}

/// An account and its passkey, both of that number.
pub fn person(n: u32) -> Vec<Change> {
    vec![Change::AddAccount(account(n)), Change::AddPasskey(passkey(n, n))]
}
