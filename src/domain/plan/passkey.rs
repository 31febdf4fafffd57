//! Changes of passkeys.

use super::effects::Effects;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::passkey::{CredentialId, NewPasskey, Passkey};

/// A change of a passkey.
#[derive(Clone, Debug)]
pub enum PasskeyChange {
    /// Adds a passkey. Its account must exist and its id be unused by every account (WebAuthn L3 §7.1 step 26).
    Add(Passkey),
    /// Notes the use of a passkey (WebAuthn L3 §7.2 step 26). It must still be there with the signature counter `was`.
    Use {
        /// The signature counter that the assertion was compared with.
        was_counter: u32,
        /// The passkey's key after the use.
        key: NewPasskey,
        /// The moment of the use.
        at: Timestamp,
    },
    /// Gives a passkey another name. It must be that account's.
    Rename {
        /// The passkey to be renamed.
        credential: CredentialId,
        /// The account that must have it.
        account: AccountId,
        /// The new name; `None` takes the old one away.
        name: Option<String>,
    },
    /// Removes a passkey, which must be that account's, and ends the sessions that were made with it.
    Remove {
        /// The passkey to be removed.
        credential: CredentialId,
        /// The account that must have it.
        account: AccountId,
        /// Whether it may be the account's last one.
        last: bool,
    },
    /// The account must have fewer passkeys than that.
    RequireRoom {
        /// The account that needs room for another.
        account: AccountId,
        /// How many it may have.
        most: usize,
    },
    /// The passkey must still be there and be that account's.
    Require {
        /// The passkey that must be there.
        credential: CredentialId,
        /// The account that must have it.
        account: AccountId,
    },
    /// The account must have none: what may be done without one is done once.
    RequireNone(AccountId),
}

/// Why a change of a passkey is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyConflict {
    /// The credential id is in use.
    Taken,
    /// It is gone, or was used meanwhile.
    Changed,
    /// It is the account's last one.
    Last,
    /// The account has one.
    NotNone,
    /// The account has as many as it may have.
    Full,
}

impl PasskeyChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::Add(_)
            | Self::Use { .. }
            | Self::Rename { .. }
            | Self::Require { .. }
            | Self::RequireNone(_)
            | Self::RequireRoom { .. } => {}
            Self::Remove { account, .. } => effects.may_end_sessions_of(*account),
        }
    }
}
