//! Changes of the tokens of sessions of the API.

use super::effects::Effects;
use crate::domain::token_family::TokenFamily;

/// A change of the tokens of a session of the API.
#[derive(Clone, Debug)]
pub enum TokensChange {
    /// Keeps the tokens of a session of the API, which must be there and have none. None of them may be another
    /// session's.
    Add(TokenFamily),
    /// Keeps the next state of a session's tokens: the one before it, by revision, must be there. None of them may be
    /// another session's.
    Advance(TokenFamily),
}

impl TokensChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Add(_) | Self::Advance(_) => {}
        }
    }
}
