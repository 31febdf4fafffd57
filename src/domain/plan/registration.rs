//! Changes of unfinished registrations.

use super::effects::Effects;
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::email::Email;
use crate::domain::registration::Registration;
use crate::domain::secret::SecretDigest;

/// A change of an unfinished registration.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a plan has a handful of changes, each of which is moved once")]
pub enum RegistrationChange {
    /// Keeps a registration in place of any other of the same browser.
    Put(Registration),
    /// Counts one try of a code. The browser's registration must still be out with that code, and its tries below `limit`.
    CountTry {
        /// Whose registration.
        browser: SecretDigest,
        /// The code tried.
        code: CodeId,
        /// How many tries there are.
        limit: u32,
    },
    /// Replaces the code of a registration, which must still have the code `was`; tries start again.
    ReplaceCode {
        /// Whose registration.
        browser: SecretDigest,
        /// The code that is out.
        was: CodeId,
        /// The one to take its place.
        code: CodeId,
        /// When it is sent.
        at: Timestamp,
    },
    /// Takes away a registration, which must still have that code.
    Spend {
        /// Whose registration.
        browser: SecretDigest,
        /// Its code.
        code: CodeId,
    },
    /// Takes away every registration of an address: somebody has proved it.
    DropAll(Email),
}

/// Why a change of a registration is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationConflict {
    /// It is finished, replaced, or has another code by now.
    Spent,
    /// Its code was tried as often as it may be.
    TriesSpent,
}

impl RegistrationChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Put(_) | Self::CountTry { .. } | Self::ReplaceCode { .. } | Self::Spend { .. } | Self::DropAll(_) => {
            }
        }
    }
}
