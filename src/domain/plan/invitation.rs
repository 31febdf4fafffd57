//! Changes of invitations.

use super::effects::Effects;
use crate::domain::email::Email;
use crate::domain::invitation::{Invitation, InvitationId};

/// A change of an invitation.
#[derive(Clone, Debug)]
pub enum InvitationChange {
    /// Keeps an invitation, in place of any other of its address, which must not have an account.
    Put(Invitation),
    /// Takes away the invitation of an address that was proved. It must be the one that was read, or none as then.
    Use {
        /// The address that was proved.
        email: Email,
        /// The invitation that was read.
        read: Option<InvitationId>,
    },
    /// Takes an invitation back. There must be one.
    TakeBack(Email),
}

impl InvitationChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Put(_) | Self::Use { .. } | Self::TakeBack(_) => {}
        }
    }
}
