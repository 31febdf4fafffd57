//! Changes of links.

use super::effects::Effects;
use crate::domain::account::AccountId;
use crate::domain::link::Link;
use crate::domain::link::id::LinkId;

/// A change of a link.
#[derive(Clone, Debug)]
pub enum LinkChange {
    /// Keeps a new link. Neither its name nor its codes may belong to another link.
    Add(Link),
    /// Keeps the next state of a link: the one before it, by revision, must be there, with the same codes.
    Advance(Link),
    /// Takes away every link that an account offers or has approved, since a recovery of it was finished.
    DropAll(AccountId),
    /// Takes a link away. It must still be there in that revision.
    Spend {
        /// The link to be taken away.
        id: LinkId,
        /// The revision it must be in.
        revision: u32,
    },
}

impl LinkChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::Add(_) => {}
            Self::DropAll(_) => effects.changes_any_link(),
            Self::Advance(link) => effects.changes_link(link.id),
            Self::Spend { id, .. } => effects.changes_link(*id),
        }
    }
}
