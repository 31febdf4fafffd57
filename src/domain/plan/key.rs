//! Changes of the gateway's own keys, and of what it notes of people's.

use super::effects::Effects;
use crate::domain::host::Host;
use crate::domain::secret::Secret;
use crate::domain::signing_key::SigningKey;

/// A change of the gateway's own keys, or of what it notes of people's.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// Keeps the gateway's master secret. There must be none yet.
    SetMaster(Secret),
    /// Takes the next number for the state of the signing keys. It must still be at `was`, which the keys were read
    /// with.
    Advance {
        /// The number the keys were read with.
        was: u64,
    },
    /// Keeps a signing key in place of any other of the same `kid`.
    Put(SigningKey),
    /// Drops a signing key.
    Drop(String),
    /// Notes what the passkeys were made for that do not say so, unless that has been noted: it never changes.
    NoteRpId(Host),
}

/// Why a change of the gateway's own keys is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyConflict {
    /// There is a master secret already.
    MasterExists,
    /// The signing keys were changed meanwhile.
    Changed,
}

impl KeyChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::SetMaster(_) | Self::NoteRpId(_) => {}
            Self::Advance { .. } | Self::Put(_) | Self::Drop(_) => effects.changes_keys(),
        }
    }
}
