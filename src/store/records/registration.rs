//! Registrations as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::passkey::{KeyV1, rp_id_of};
use super::profile::{ProfileV1, claim, network_of};
use super::rows::{Row, at, of_email};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::destination::Destination;
use crate::domain::mailed_code::MailedCode;
use crate::domain::profile::Profile;
use crate::domain::registration::{Outlook, Registration};

#[derive(Serialize, Deserialize)]
struct RegistrationV1 {
    email: String,
    account: [u8; 16],
    credential_id: Vec<u8>,
    key: KeyV1,
    return_to: String,
    taken: bool,
    code: [u8; 16],
    tries: u32,
    code_sent_at: u64,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
struct RegistrationV2 {
    was: RegistrationV1,
    nickname: Option<String>,
    profile: ProfileV1,
    network: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct RegistrationV3 {
    was: RegistrationV2,
    revision: u32,
}

#[derive(Serialize, Deserialize)]
struct RegistrationV4 {
    was: RegistrationV3,
    dead: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct RegistrationV5 {
    was: RegistrationV4,
    rp_id: Option<String>,
    uninvited: bool,
}

#[derive(Serialize, Deserialize)]
struct RegistrationV6 {
    was: RegistrationV5,
    earlier: Option<[u8; 16]>,
}

impl Row for Registration {
    const TABLE: Table = Table::Registrations;

    fn key(&self) -> Vec<u8> {
        self.browser.bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let browser = self.browser.bytes();
        vec![
            (Table::RegistrationsByEmail, of_email(self.email.as_str(), browser), Vec::new()),
            (Table::RegistrationsByExpiry, at(self.expires_at, browser), Vec::new()),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self {
            browser: _,
            revision,
            email,
            account,
            passkey,
            dead,
            nickname,
            profile,
            claim,
            return_to,
            outlook,
            code,
            expires_at,
        } = self;
        let was = RegistrationV1 {
            email: email.as_str().to_owned(),
            account: *account.0.as_bytes(),
            credential_id: passkey.id.bytes().to_vec(),
            key: KeyV1::of(Self::TABLE, passkey)?,
            return_to: return_to.as_str().to_owned(),
            taken: matches!(outlook, Outlook::Taken | Outlook::Kept),
            code: *code.id.0.as_bytes(),
            tries: code.tries,
            code_sent_at: code.sent_at.unix(),
            expires_at: expires_at.unix(),
        };
        let (nickname, network) = (nickname.clone(), network_of(claim));
        let was = RegistrationV2 { was, nickname, profile: ProfileV1::of(profile), network };
        let was = RegistrationV3 { was, revision: *revision };
        let dead = dead.iter().map(|id| id.bytes().to_vec()).collect();
        let was = RegistrationV4 { was, dead };
        let uninvited = matches!(outlook, Outlook::Uninvited | Outlook::Kept);
        let was = RegistrationV5 { was, rp_id: rp_id_of(passkey), uninvited };
        let earlier = code.earlier.map(|earlier| earlier.0.into_bytes());
        super::encode(Self::TABLE, 6, &RegistrationV6 { was, earlier })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let browser = super::secret_key(Self::TABLE, key)?;
        let alone = |was| RegistrationV6 { was, earlier: None };
        let without = |was| alone(RegistrationV5 { was, rp_id: None, uninvited: false });
        let before = |was| without(RegistrationV4 { was, dead: Vec::new() });
        let RegistrationV6 { was, earlier } = match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let was = super::record(Self::TABLE, bytes)?;
                let profile = ProfileV1::of(&Profile::default());
                before(RegistrationV3 {
                    was: RegistrationV2 { was, nickname: None, profile, network: None },
                    revision: 0,
                })
            }
            (2, bytes) => before(RegistrationV3 { was: super::record(Self::TABLE, bytes)?, revision: 0 }),
            (3, bytes) => before(super::record(Self::TABLE, bytes)?),
            (4, bytes) => without(super::record(Self::TABLE, bytes)?),
            (5, bytes) => alone(super::record(Self::TABLE, bytes)?),
            (6, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        let RegistrationV5 { was, rp_id, uninvited } = was;
        let RegistrationV4 { was, dead } = was;
        let RegistrationV3 { was, revision } = was;
        let RegistrationV2 { was, nickname, profile, network } = was;
        let RegistrationV1 {
            email,
            account,
            credential_id,
            key,
            return_to,
            taken,
            code,
            tries,
            code_sent_at,
            expires_at,
        } = was;
        let outlook = match (taken, uninvited) {
            (true, false) => Outlook::Taken,
            (true, true) => Outlook::Kept,
            (false, true) => Outlook::Uninvited,
            (false, false) => Outlook::Account,
        };
        Ok(Self {
            browser,
            revision,
            email: super::email(Self::TABLE, &email)?,
            account: AccountId(Uuid::from_bytes(account)),
            passkey: key.read(Self::TABLE, super::credential_id(Self::TABLE, &credential_id)?, rp_id.as_deref())?,
            dead: dead.iter().map(|id| super::credential_id(Self::TABLE, id)).collect::<Result<_, _>>()?,
            nickname,
            profile: profile.read(Self::TABLE)?,
            claim: claim(network),
            return_to: Destination::try_from(return_to).unwrap_or_default(),
            outlook,
            code: MailedCode {
                id: CodeId(Uuid::from_bytes(code)),
                tries,
                sent_at: Timestamp::from_unix(code_sent_at),
                earlier: earlier.map(|earlier| CodeId(Uuid::from_bytes(earlier))),
            },
            expires_at: Timestamp::from_unix(expires_at),
        })
    }
}
