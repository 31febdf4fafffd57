//! Invitations as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::Row;
use super::table::Table;
use crate::domain::clock::Timestamp;
use crate::domain::invitation::{Invitation, InvitationId};

#[derive(Serialize, Deserialize)]
struct InvitationV1 {
    id: [u8; 16],
    groups: Vec<String>,
    made_at: u64,
}

impl Row for Invitation {
    const TABLE: Table = Table::Invitations;

    fn key(&self) -> Vec<u8> {
        self.email.as_str().as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        Vec::new()
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { id, email: _, groups, made_at } = self;
        let record = InvitationV1 { id: id.0.into_bytes(), groups: groups.clone(), made_at: made_at.unix() };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let InvitationV1 { id, groups, made_at } = super::record(Self::TABLE, bytes)?;
                let email = std::str::from_utf8(key).map_err(|error| super::unreadable(Self::TABLE, error))?;
                Ok(Self {
                    id: InvitationId(Uuid::from_bytes(id)),
                    email: super::email(Self::TABLE, email)?,
                    groups,
                    made_at: Timestamp::from_unix(made_at),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
