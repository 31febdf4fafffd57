//! Changes of unfinished registrations.

use super::effects::Effects;
use crate::domain::email::Email;
use crate::domain::registration::Registration;
use crate::domain::secret::SecretDigest;

/// A change of an unfinished registration.
#[derive(Clone, Debug)]
pub enum RegistrationChange {
    /// Keeps a registration in place of any other of the same browser.
    Put(Registration),
    /// Keeps the next state of a registration: the one before it, by revision, must be there.
    Advance(Registration),
    /// Takes a registration away. It must still be there in that revision.
    Spend {
        /// The browser whose registration it is.
        browser: SecretDigest,
        /// The revision it must be in.
        revision: u32,
    },
    /// Takes a registration away, in whatever revision, where there is one.
    Drop(SecretDigest),
    /// Takes away every registration of an address, since it was proved.
    DropAll(Email),
}

impl RegistrationChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Put(_) | Self::Advance(_) | Self::Spend { .. } | Self::Drop(_) | Self::DropAll(_) => {}
        }
    }
}
