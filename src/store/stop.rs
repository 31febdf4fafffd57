//! Why a commit is dropped, in either store that writes records.

use crate::domain::plan::{AccountConflict, Conflict, KeyConflict, PasskeyConflict, SessionConflict};

/// Why a commit is dropped, in a store that fails by `F`.
#[derive(Debug)]
pub(in crate::store) enum Stop<F> {
    /// A precondition did not hold.
    Conflict(Conflict),
    /// The store failed, or what is in it.
    Fault(F),
}

/// Lets `?` stop a commit for any of these.
macro_rules! stops {
    ($($conflict:ty),*) => {
        $(impl<F> From<$conflict> for Stop<F> {
            fn from(conflict: $conflict) -> Self {
                Self::Conflict(conflict.into())
            }
        })*
    };
}

stops!(Conflict, AccountConflict, PasskeyConflict, SessionConflict, KeyConflict);
