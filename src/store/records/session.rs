//! Sessions as the stores keep them; see [`super`] for how a version follows another.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::destination::Destination;
use crate::domain::host::Host;
use crate::domain::secret::SecretDigest;
use crate::domain::session::{Authentication, Method, Session, SessionId};

#[derive(Serialize, Deserialize)]
struct SessionV1 {
    id: [u8; 16],
    account: [u8; 16],
    /// Empty for `None`, since no credential id is empty.
    credential_id: Vec<u8>,
    authenticated_at: u64,
    methods: Vec<MethodV1>,
    created_at: u64,
    last_seen_at: u64,
    browser: String,
    address: Option<IpAddr>,
}

#[derive(Serialize, Deserialize)]
struct SessionV2 {
    was: SessionV1,
    recovered_at: Option<u64>,
    /// Of no use any more: the review is the account's.
    review: bool,
}

#[derive(Serialize, Deserialize)]
struct SessionV3 {
    was: SessionV2,
    host: Option<String>,
    bound_for: String,
    head: Option<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
enum MethodV1 {
    HardwareKey,
    SoftwareKey,
    UserVerified,
    EmailCode,
}

impl MethodV1 {
    fn of(method: Method) -> Self {
        match method {
            Method::HardwareKey => Self::HardwareKey,
            Method::SoftwareKey => Self::SoftwareKey,
            Method::UserVerified => Self::UserVerified,
            Method::EmailCode => Self::EmailCode,
        }
    }

    fn read(self) -> Method {
        match self {
            Self::HardwareKey => Method::HardwareKey,
            Self::SoftwareKey => Method::SoftwareKey,
            Self::UserVerified => Method::UserVerified,
            Self::EmailCode => Method::EmailCode,
        }
    }
}

impl Row for Session {
    const TABLE: Table = Table::Sessions;

    fn key(&self) -> Vec<u8> {
        self.token.bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let token = self.token.bytes();
        let mut rows = vec![
            (Table::SessionsByAccount, [self.account.0.as_bytes(), &token[..]].concat(), Vec::new()),
            (Table::SessionsByCreation, at(self.created_at, token), Vec::new()),
        ];
        // A member of a family is idle when its head is.
        rows.push(match &self.head {
            None => (Table::SessionsByLastUse, at(self.last_seen_at, token), Vec::new()),
            Some(head) => (Table::SessionsByHead, [&head.bytes()[..], token].concat(), Vec::new()),
        });
        rows
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self {
            token: _,
            id,
            account,
            credential,
            authentication: Authentication { at, methods },
            created_at,
            last_seen_at,
            browser,
            address,
            recovered_at,
            host,
            bound_for,
            head,
        } = self;
        let was = SessionV1 {
            id: *id.0.as_bytes(),
            account: *account.0.as_bytes(),
            credential_id: credential.as_ref().map(|id| id.bytes().to_vec()).unwrap_or_default(),
            authenticated_at: at.unix(),
            methods: methods.iter().copied().map(MethodV1::of).collect(),
            created_at: created_at.unix(),
            last_seen_at: last_seen_at.unix(),
            browser: browser.clone(),
            address: *address,
        };
        let was = SessionV2 { was, recovered_at: recovered_at.map(Timestamp::unix), review: false };
        let host = host.as_ref().map(|host| host.as_str().to_owned());
        let (bound_for, head) = (bound_for.as_str().to_owned(), head.map(|head| *head.bytes()));
        super::encode(Self::TABLE, 3, &SessionV3 { was, host, bound_for, head })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let without_host =
            |was| SessionV3 { was, host: None, bound_for: Destination::root().as_str().to_owned(), head: None };
        let SessionV3 { was: SessionV2 { was, recovered_at, review: _ }, host, bound_for, head } =
            match super::version(Self::TABLE, value)? {
                (1, bytes) => without_host(SessionV2 {
                    was: super::record(Self::TABLE, bytes)?,
                    recovered_at: None,
                    review: false,
                }),
                (2, bytes) => without_host(super::record(Self::TABLE, bytes)?),
                (3, bytes) => super::record(Self::TABLE, bytes)?,
                (version, _) => return Err(super::newer(Self::TABLE, version)),
            };
        let SessionV1 {
            id,
            account,
            credential_id,
            authenticated_at,
            methods,
            created_at,
            last_seen_at,
            browser,
            address,
        } = was;
        Ok(Self {
            token: super::secret_key(Self::TABLE, key)?,
            id: SessionId(Uuid::from_bytes(id)),
            account: AccountId(Uuid::from_bytes(account)),
            credential: match credential_id.as_slice() {
                [] => None,
                id => Some(super::credential_id(Self::TABLE, id)?),
            },
            authentication: Authentication {
                at: Timestamp::from_unix(authenticated_at),
                methods: methods.into_iter().map(MethodV1::read).collect(),
            },
            created_at: Timestamp::from_unix(created_at),
            last_seen_at: Timestamp::from_unix(last_seen_at),
            browser,
            address,
            recovered_at: recovered_at.map(Timestamp::from_unix),
            host: host
                .map(|host| Host::parse(&host).map_err(|error| super::unreadable(Self::TABLE, error)))
                .transpose()?,
            bound_for: Destination::try_from(bound_for).unwrap_or_default(),
            head: head.map(SecretDigest::from_bytes),
        })
    }
}
