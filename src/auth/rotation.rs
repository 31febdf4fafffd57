//! Rotates the signing keys, of which several gateways may share one set.

use std::time::Duration;

use super::ledger::Ledger;
use crate::domain::clock::Timestamp;
use crate::domain::plan::{Change, Conflict, Durability, KeyChange, KeyConflict, Plan};
use crate::domain::signing_key::{Algorithm, SigningKey};
use crate::identity::rotation;
use crate::store::{CommitError, InForce};

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
    /// Whether one was made that signs already, here or by another gateway at the same time.
    pub signs_at_once: bool,
}

/// How long a key that signs at once waits for other gateways to publish it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes, activates and drops signing keys as they come due at `now`. Where a new one signs at once, this waits a
/// moment: an app may ask another gateway for the keys, which must know the new one by then.
///
/// # Errors
/// [`RotationError`].
pub async fn rotate_and_wait(ledger: &Ledger, algorithm: Algorithm, now: Timestamp) -> Result<Rotated, RotationError> {
    let rotated = rotate(ledger, algorithm, now).await?;
    if rotated.signs_at_once {
        match ledger.in_force(PATIENCE).await {
            Ok(InForce { waited_for, .. }) if waited_for.is_empty() => {}
            Ok(InForce { waited_for, .. }) => tracing::warn!(
                gateways = waited_for.join(", "),
                "a new signing key is in use that these may not publish yet"
            ),
            Err(error) => {
                tracing::warn!(%error, "a new signing key is in use that other gateways may not publish yet");
            }
        }
    }
    Ok(rotated)
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
        return Ok(Rotated { keys, changed: false, signs_at_once: false });
    }
    let signs_at_once =
        changes.iter().any(|change| matches!(change, Change::Key(KeyChange::Put(key)) if key.active_from <= now));
    let changed = match ledger.carry_out(Plan { changes, durability: Durability::Durable, then: () }).await {
        Ok(()) => true,
        // Another gateway was first; its keys are as good.
        Err(CommitError::Conflict(Conflict::Key(KeyConflict::Changed))) => false,
        Err(error) => return Err(error.into()),
    };
    let keys = records.signing_keys().await.map_err(CommitError::from)?;
    Ok(Rotated { keys, changed, signs_at_once })
}
