//! People whom the operator lets register, even where registration is closed to others.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::Timestamp;
use super::email::Email;

/// An invitation's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationId(pub Uuid);

/// Leave to register for a person without an account. It lasts until it is used or taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its name: one that is made again has another.
    pub id: InvitationId,
    /// Who, by the address they have to prove. An address has one invitation at most.
    pub email: Email,
    /// The groups that their account is in from the beginning.
    pub groups: Vec<String>,
    /// When it was made.
    pub made_at: Timestamp,
}
