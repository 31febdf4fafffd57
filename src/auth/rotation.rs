//! Rotates the signing keys, of which several gateways may share one set.

use super::ledger::Ledger;
use crate::domain::clock::Timestamp;
use crate::domain::plan::{Conflict, Durability, KeyConflict, Plan};
use crate::domain::signing_key::{Algorithm, SigningKey};
use crate::identity::rotation;
use crate::store::CommitError;

/// Why the keys were not rotated; those in use stay.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CommitError),
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] rotation::KeyError),
}

/// The signing keys after a look at them.
#[derive(Debug)]
pub struct Rotated {
    /// All that there are now.
    pub keys: Vec<SigningKey>,
    /// Whether any was made or dropped.
    pub changed: bool,
}

/// Makes, activates and drops signing keys as they come due at `now`.
///
/// # Errors
/// [`RotationError`].
pub async fn rotate(ledger: &Ledger, algorithm: Algorithm, now: Timestamp) -> Result<Rotated, RotationError> {
    let records = ledger.records();
    // Before the keys, so that a change in between is noticed.
    let generation = records.key_generation().await.map_err(CommitError::from)?;
    let keys = records.signing_keys().await.map_err(CommitError::from)?;
    let changes = rotation::plan(generation, &keys, algorithm, now)?;
    if changes.is_empty() {
        return Ok(Rotated { keys, changed: false });
    }
    let changed = match ledger.carry_out(Plan { changes, durability: Durability::Durable, then: () }).await {
        Ok(()) => true,
        // Another gateway was first; its keys are as good.
        Err(CommitError::Conflict(Conflict::Key(KeyConflict::Changed))) => false,
        Err(error) => return Err(error.into()),
    };
    Ok(Rotated { keys: records.signing_keys().await.map_err(CommitError::from)?, changed })
}
