//! Changes of ceremonies.

use super::effects::Effects;
use crate::domain::ceremony::{Ceremony, CeremonyId};

/// A change of a ceremony.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a plan has a handful of changes, each of which is moved once")]
pub enum CeremonyChange {
    /// Keeps a new ceremony.
    Add(Ceremony),
    /// Takes a ceremony away. It must still be there: this is what makes it single-use.
    Spend(CeremonyId),
}

impl CeremonyChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Add(_) | Self::Spend(_) => {}
        }
    }
}
