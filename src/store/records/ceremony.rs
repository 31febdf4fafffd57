//! Ceremonies as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::profile::ProfileV1;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::ceremony::{
    self, Act, Ceremony, CeremonyId, CeremonyPurpose, CeremonySubject, Leave, Makes, Proves,
};
use crate::domain::clock::Timestamp;
use crate::domain::destination::Destination;
use crate::domain::link::id::LinkId;
use crate::domain::origin::Origin;
use crate::domain::passkey::CredentialId;
use crate::domain::profile::Profile;
use crate::domain::secret::SecretDigest;

/// Written in the place of an account where the question is for none, so that such a row is as long as another; no
/// account is called so.
const NO_ACCOUNT: [u8; 16] = [0; 16];
const NO_BROWSER: [u8; 32] = [0; 32];

#[derive(Serialize, Deserialize)]
struct CeremonyV1 {
    /// All zero where there is none: no digest is known to be.
    browser: [u8; 32],
    purpose: PurposeV1,
    return_to: String,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
struct CeremonyV2 {
    was: CeremonyV1,
    origin: Option<String>,
    begun_at: u64,
}

#[derive(Serialize, Deserialize)]
enum PurposeV1 {
    Register {
        email: String,
        account: [u8; 16],
        state_json: Vec<u8>,
    },
    SignIn {
        subject: SubjectV1,
        state_json: Vec<u8>,
    },
    AddPasskey {
        account: [u8; 16],
        leave: LeaveV1,
        state_json: Vec<u8>,
    },
    /// As older ones wrote it: it does not say whose number was typed.
    ApproveLink {
        link: [u8; 16],
        subject: SubjectV1,
        state_json: Vec<u8>,
    },
    Confirm {
        account: [u8; 16],
        session: [u8; 32],
        act: ActV1,
        state_json: Vec<u8>,
    },
    RegisterAs {
        email: String,
        account: [u8; 16],
        state_json: Vec<u8>,
        profile: ProfileV1,
    },
    Contest {
        account: [u8; 16],
        credential_id: Vec<u8>,
        state_json: Vec<u8>,
    },
    ApproveLinkOf {
        link: [u8; 16],
        waiting: [u8; 32],
        subject: SubjectV1,
        state_json: Vec<u8>,
    },
}

#[derive(Serialize, Deserialize)]
enum SubjectV1 {
    Anyone,
    Account([u8; 16]),
    /// As older ones wrote it.
    NoAccount,
}

#[derive(Serialize, Deserialize)]
enum LeaveV1 {
    Link([u8; 16]),
    Recovery,
    Session([u8; 32]),
}

#[derive(Serialize, Deserialize)]
enum ActV1 {
    AddPasskey,
    RemovePasskey { credential_id: Vec<u8>, last: bool },
    Elevate,
    StopRecovery,
    AnswerReview { remove: Vec<Vec<u8>>, listed: Vec<Vec<u8>> },
    Download,
    DeleteAccount,
    ChangeAddress { to: String },
}

impl Row for Ceremony {
    const TABLE: Table = Table::Ceremonies;

    fn key(&self) -> Vec<u8> {
        self.id.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::CeremoniesByExpiry, at(self.expires_at, self.id.0.as_bytes()), Vec::new())]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { id: _, browser, origin, purpose, return_to, begun_at, expires_at } = self;
        let was = CeremonyV1 {
            browser: browser.map_or(NO_BROWSER, |browser| *browser.bytes()),
            purpose: PurposeV1::of(purpose)?,
            return_to: return_to.as_str().to_owned(),
            expires_at: expires_at.unix(),
        };
        let origin = origin.as_ref().map(|origin| origin.as_str().to_owned());
        super::encode(Self::TABLE, 2, &CeremonyV2 { was, origin, begun_at: begun_at.unix() })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let CeremonyV2 { was, origin, begun_at } = match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let was: CeremonyV1 = super::record(Self::TABLE, bytes)?;
                let begun_at = Timestamp::from_unix(was.expires_at).before(ceremony::LIFETIME).unix();
                CeremonyV2 { was, origin: None, begun_at }
            }
            (2, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        let CeremonyV1 { browser, purpose, return_to, expires_at } = was;
        let origin = origin
            .map(|text| Origin::parse_kept(&text).ok_or_else(|| super::unreadable(Self::TABLE, "its origin is none")));
        Ok(Self {
            id: CeremonyId(super::uuid_key(Self::TABLE, key)?),
            browser: (browser != NO_BROWSER).then(|| SecretDigest::from_bytes(browser)),
            origin: origin.transpose()?,
            purpose: purpose.read()?,
            return_to: Destination::try_from(return_to).unwrap_or_default(),
            begun_at: Timestamp::from_unix(begun_at),
            expires_at: Timestamp::from_unix(expires_at),
        })
    }
}

impl PurposeV1 {
    fn of(purpose: &CeremonyPurpose) -> Result<Self, RecordFault> {
        const TABLE: Table = Table::Ceremonies;
        Ok(match purpose {
            CeremonyPurpose::Prove { proves, state } => {
                let state_json = super::to_json(TABLE, state)?;
                match proves {
                    Proves::SignIn(subject) => Self::SignIn { subject: SubjectV1::of(*subject), state_json },
                    Proves::Link { link, waiting, subject } => {
                        let (link, waiting) = (link.0.into_bytes(), *waiting.bytes());
                        Self::ApproveLinkOf { link, waiting, subject: SubjectV1::of(*subject), state_json }
                    }
                    Proves::Contest { account, credential } => Self::Contest {
                        account: account.0.into_bytes(),
                        credential_id: credential.bytes().to_vec(),
                        state_json,
                    },
                    Proves::Confirm { account, session, act } => Self::Confirm {
                        account: account.0.into_bytes(),
                        session: *session.bytes(),
                        act: ActV1::of(act),
                        state_json,
                    },
                }
            }
            CeremonyPurpose::Make { account, makes, state } => {
                let (account, state_json) = (account.0.into_bytes(), super::to_json(TABLE, state)?);
                match makes {
                    Makes::Registration { email, profile } => {
                        let (email, profile) = (email.as_str().to_owned(), ProfileV1::of(profile));
                        Self::RegisterAs { email, account, state_json, profile }
                    }
                    Makes::Another(leave) => Self::AddPasskey { account, leave: LeaveV1::of(*leave), state_json },
                }
            }
        })
    }

    fn read(self) -> Result<CeremonyPurpose, RecordFault> {
        const TABLE: Table = Table::Ceremonies;
        let account = |bytes| AccountId(Uuid::from_bytes(bytes));
        let prove =
            |proves, state: &[u8]| Ok(CeremonyPurpose::Prove { proves, state: super::from_json(TABLE, state)? });
        let make = |of, makes, state: &[u8]| {
            Ok(CeremonyPurpose::Make { account: account(of), makes, state: super::from_json(TABLE, state)? })
        };
        let approve = |link, waiting, subject: SubjectV1, state: &[u8]| {
            let (link, waiting) = (LinkId(Uuid::from_bytes(link)), SecretDigest::from_bytes(waiting));
            prove(Proves::Link { link, waiting, subject: subject.read() }, state)
        };
        let register = |email: &str, profile| {
            Ok::<_, RecordFault>(Makes::Registration { email: super::email(TABLE, email)?, profile })
        };
        match self {
            Self::Register { email, account, state_json } => {
                make(account, register(&email, Profile::default())?, &state_json)
            }
            Self::RegisterAs { email, account, state_json, profile } => {
                make(account, register(&email, profile.read(TABLE)?)?, &state_json)
            }
            Self::AddPasskey { account, leave, state_json } => make(account, Makes::Another(leave.read()), &state_json),
            Self::SignIn { subject, state_json } => prove(Proves::SignIn(subject.read()), &state_json),
            // No browser waits under this digest, so it approves nothing.
            Self::ApproveLink { link, subject, state_json } => approve(link, NO_BROWSER, subject, &state_json),
            Self::ApproveLinkOf { link, waiting, subject, state_json } => approve(link, waiting, subject, &state_json),
            Self::Contest { account: of, credential_id, state_json } => {
                let credential = super::credential_id(TABLE, &credential_id)?;
                prove(Proves::Contest { account: account(of), credential }, &state_json)
            }
            Self::Confirm { account: of, session, act, state_json } => {
                let (account, session, act) = (account(of), SecretDigest::from_bytes(session), act.read()?);
                prove(Proves::Confirm { account, session, act }, &state_json)
            }
        }
    }
}

impl SubjectV1 {
    fn of(subject: CeremonySubject) -> Self {
        match subject {
            CeremonySubject::Anyone => Self::Anyone,
            CeremonySubject::Account(account) => Self::Account(account.0.into_bytes()),
            CeremonySubject::NoAccount => Self::Account(NO_ACCOUNT),
        }
    }

    fn read(self) -> CeremonySubject {
        match self {
            Self::Anyone => CeremonySubject::Anyone,
            Self::Account(NO_ACCOUNT) | Self::NoAccount => CeremonySubject::NoAccount,
            Self::Account(account) => CeremonySubject::Account(AccountId(Uuid::from_bytes(account))),
        }
    }
}

impl LeaveV1 {
    fn of(leave: Leave) -> Self {
        match leave {
            Leave::Link(link) => Self::Link(link.0.into_bytes()),
            Leave::Recovery => Self::Recovery,
            Leave::Session(session) => Self::Session(*session.bytes()),
        }
    }

    fn read(self) -> Leave {
        match self {
            Self::Link(link) => Leave::Link(LinkId(Uuid::from_bytes(link))),
            Self::Recovery => Leave::Recovery,
            Self::Session(session) => Leave::Session(SecretDigest::from_bytes(session)),
        }
    }
}

impl ActV1 {
    fn of(act: &Act) -> Self {
        match act {
            Act::AddPasskey => Self::AddPasskey,
            Act::Elevate => Self::Elevate,
            Act::Download => Self::Download,
            Act::DeleteAccount => Self::DeleteAccount,
            Act::ChangeAddress(to) => Self::ChangeAddress { to: to.as_str().to_owned() },
            Act::StopRecovery => Self::StopRecovery,
            Act::AnswerReview { remove, listed } => {
                let bytes = |ids: &[CredentialId]| ids.iter().map(|id| id.bytes().to_vec()).collect();
                Self::AnswerReview { remove: bytes(remove), listed: bytes(listed) }
            }
            Act::RemovePasskey { credential, last } => {
                Self::RemovePasskey { credential_id: credential.bytes().to_vec(), last: *last }
            }
        }
    }

    fn read(self) -> Result<Act, RecordFault> {
        Ok(match self {
            Self::AddPasskey => Act::AddPasskey,
            Self::Elevate => Act::Elevate,
            Self::Download => Act::Download,
            Self::DeleteAccount => Act::DeleteAccount,
            Self::ChangeAddress { to } => Act::ChangeAddress(super::email(Table::Ceremonies, &to)?),
            Self::StopRecovery => Act::StopRecovery,
            Self::AnswerReview { remove, listed } => {
                let id = |id: &Vec<u8>| super::credential_id(Table::Ceremonies, id);
                let ids = |all: Vec<Vec<u8>>| all.iter().map(id).collect::<Result<Vec<_>, _>>();
                Act::AnswerReview { remove: ids(remove)?, listed: ids(listed)? }
            }
            Self::RemovePasskey { credential_id, last } => {
                Act::RemovePasskey { credential: super::credential_id(Table::Ceremonies, &credential_id)?, last }
            }
        })
    }
}
