//! Changes of what happened to accounts.

use super::effects::Effects;
use crate::domain::activity::Event;

/// A change of what happened to an account.
#[derive(Clone, Debug)]
pub enum EventChange {
    /// Keeps an event of an account; of one that is gone it is passed over.
    Add(Event),
}

impl EventChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Add(_) => {}
        }
    }
}
