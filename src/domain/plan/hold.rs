//! Changes of held recoveries.

use super::effects::Effects;
use crate::domain::account::AccountId;
use crate::domain::recovery::{Hold, HoldId};

/// A change of a held recovery.
#[derive(Clone, Debug)]
pub enum HoldChange {
    /// Keeps a held recovery; the account must exist and have none.
    Add(Hold),
    /// Takes a held recovery away. It must still be there.
    Spend {
        /// The account whose recovery is held.
        account: AccountId,
        /// The name of the hold.
        id: HoldId,
    },
    /// The account must have none.
    RequireNone(AccountId),
}

impl HoldChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Add(_) | Self::Spend { .. } | Self::RequireNone(_) => {}
        }
    }
}
