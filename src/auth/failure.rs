//! What became of a step that did not succeed: the visitor is refused, or the world failed.

use super::passkeys::RelyingPartyError;
use crate::domain::plan::Conflict;
use crate::store::{CommitError, StoreError};

/// Why a step did not succeed: the visitor is refused, or the world failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R> {
    /// The visitor is refused.
    #[error("refused")]
    Refused(R),
    /// The world failed.
    #[error(transparent)]
    World(#[from] WorldFailure),
}

/// What failed of the world, which is nothing that the visitor did.
#[derive(Debug, thiserror::Error)]
pub enum WorldFailure {
    /// Too many sign-ins at once.
    #[error("more sign-ins at once than can be verified")]
    Busy,
    /// What was to be changed was changed by others, again and again.
    #[error("others changed the same thing again and again meanwhile")]
    Raced,
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The relying party failed.
    #[error("no challenge could be made: {0}")]
    RelyingParty(#[from] RelyingPartyError),
}

impl WorldFailure {
    /// Whether it may pass by itself, so that it is worth trying again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Raced | Self::Store(_) => true,
            Self::RelyingParty(_) => false,
        }
    }

    /// Logs it, which is done once: where it is answered.
    pub fn log(&self) {
        match self {
            Self::Busy | Self::Raced => tracing::warn!("{self}"),
            Self::Store(error) => tracing::error!(%error, source = ?error.source, "the store failed"),
            Self::RelyingParty(error) => tracing::error!(%error, "no challenge could be made"),
        }
    }
}

impl<R> Failure<R> {
    /// The same, refused in other words.
    pub fn map_refusal<T>(self, word: impl FnOnce(R) -> T) -> Failure<T> {
        match self {
            Self::Refused(refusal) => Failure::Refused(word(refusal)),
            Self::World(failure) => Failure::World(failure),
        }
    }
}

impl<R> From<StoreError> for Failure<R> {
    fn from(error: StoreError) -> Self {
        Self::World(error.into())
    }
}

impl<R> From<RelyingPartyError> for Failure<R> {
    fn from(error: RelyingPartyError) -> Self {
        Self::World(error.into())
    }
}

impl<R: From<Conflict>> From<CommitError> for Failure<R> {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(conflict) => Self::Refused(conflict.into()),
            CommitError::Store(error) => error.into(),
        }
    }
}

/// What a step came to, apart from the world's failures, which `?` hands on.
///
/// # Errors
/// The world failed.
pub fn refusal_apart<T, R>(step: Result<T, Failure<R>>) -> Result<Result<T, R>, WorldFailure> {
    match step {
        Ok(done) => Ok(Ok(done)),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(Failure::World(failure)) => Err(failure),
    }
}
