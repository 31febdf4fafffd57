//! Changes of recoveries that are under way.

use super::effects::Effects;
use crate::domain::account::AccountId;
use crate::domain::recovery::Recovery;
use crate::domain::secret::SecretDigest;

/// A change of a recovery that is under way.
#[derive(Clone, Debug)]
pub enum RecoveryChange {
    /// Keeps a recovery in place of any other of the same browser.
    Put(Recovery),
    /// Keeps the next state of a recovery: the one before it, by revision, must be there.
    Advance(Recovery),
    /// Takes a recovery away. It must still be there in that revision.
    Spend {
        /// The browser whose recovery it is.
        browser: SecretDigest,
        /// The revision it must be in.
        revision: u32,
    },
    /// Takes away every recovery of an account, proved or not, since one of them was finished.
    DropAll(AccountId),
}

impl RecoveryChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Put(_) | Self::Advance(_) | Self::Spend { .. } | Self::DropAll(_) => {}
        }
    }
}
