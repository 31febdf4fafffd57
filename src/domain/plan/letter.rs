//! Changes of letters that wait.

use super::effects::Effects;
use crate::domain::clock::Timestamp;
use crate::domain::letter::{Letter, LetterId};

/// A change of a letter that waits.
#[derive(Clone, Debug)]
pub enum LetterChange {
    /// Keeps a letter to be sent.
    Add(Letter),
    /// Counts a try to send a letter and keeps it for a later one. It must still wait for the moment `was`: several
    /// gateways may try to send it, and one of them does.
    Delay {
        /// Which.
        id: LetterId,
        /// The moment it was read with.
        was: Timestamp,
        /// When to try next.
        due_at: Timestamp,
    },
    /// Drops a letter, sent or useless.
    Drop(LetterId),
}

impl LetterChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::Add(_) => effects.adds_letter(),
            Self::Delay { .. } | Self::Drop(_) => {}
        }
    }
}
