//! Changes of the tokens of sessions of the API.

use super::effects::Effects;
use crate::domain::secret::SecretDigest;
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
    /// The same, where tokens from before are dead: a client that used one is read anew with its next request, and what
    /// is open in the session ends.
    Cut(TokenFamily),
    /// The session's tokens must still be in that state.
    Require {
        /// Whose: the token of their session.
        session: SecretDigest,
        /// The revision they must be in.
        revision: u32,
    },
}

impl TokensChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::Cut(family) => effects.changes_session(family.session),
            Self::Add(_) | Self::Advance(_) | Self::Require { .. } => {}
        }
    }
}
