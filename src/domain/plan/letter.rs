//! Changes of letters that wait.

use super::effects::Effects;
use crate::domain::clock::Timestamp;
use crate::domain::letter::{Letter, LetterId, Message};

/// A change of a letter that waits.
#[derive(Clone, Debug)]
pub enum LetterChange {
    /// Keeps a letter to be sent.
    Add(Letter),
    /// Keeps a letter to be sent now, and one beside it that waits for what comes after, and is sent for nothing else.
    /// Where one waits already, and is not due, it is made to say `rest`, and no further letter is kept. So many things
    /// that happen together are told by two letters. While the waiting one is being sent, whatever happens is told by a
    /// letter of its own.
    Gather {
        /// To be sent now.
        first: Box<Letter>,
        /// What waits, by a name that all that is told together has in common.
        waits: Box<Letter>,
        /// What that says as soon as it has something to tell.
        rest: Message,
    },
    /// Keeps a letter for a later try. It must still wait for the moment `was`: several gateways may try to send it,
    /// and one of them does.
    Delay {
        /// The letter to be tried later.
        id: LetterId,
        /// The moment it was read with.
        was: Timestamp,
        /// When to try next.
        due_at: Timestamp,
        /// How many tries there were by then, with one that is under way.
        failures: u32,
    },
    /// Drops a letter, sent or useless.
    Drop(LetterId),
}

impl LetterChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::Add(_) | Self::Gather { .. } => effects.adds_letter(),
            Self::Delay { .. } | Self::Drop(_) => {}
        }
    }
}
