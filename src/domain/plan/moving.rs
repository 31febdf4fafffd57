//! Changes of changes of address.

use super::effects::Effects;
use crate::domain::account::AccountId;
use crate::domain::address::{Move, MoveId};

/// A change of what is known of an account's change of address.
#[derive(Clone, Debug)]
pub enum MoveChange {
    /// Keeps the next state of it, or none. It must still be as it `was` read, and the account must exist that is to
    /// have one.
    Set {
        /// The account whose change of address it is.
        account: AccountId,
        /// Name and revision of what was read.
        was: Option<(MoveId, u32)>,
        /// What is from now on.
        is: Option<Box<Move>>,
    },
    /// Takes one away that waits for its code, if there is one.
    DropAsked(AccountId),
}

impl MoveChange {
    /// Keeps `is` in the place of what was `read` of the same account.
    pub fn put(read: Option<&Move>, is: Move) -> Self {
        Self::Set { account: is.account, was: read.map(Move::name), is: Some(Box::new(is)) }
    }

    /// Takes away what was `read`; where nothing was, there must be none.
    pub fn take(account: AccountId, read: Option<&Move>) -> Self {
        Self::Set { account, was: read.map(Move::name), is: None }
    }

    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Set { .. } | Self::DropAsked(_) => {}
        }
    }
}
