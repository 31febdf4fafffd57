//! What goes on in the background: mails leave, sessions and leftovers end, keys rotate. Each loop ends on shutdown.

pub mod outbox;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::auth::{Auth, rotation};
use crate::portal::Portal;
use outbox::Outbox;

/// How often sessions whose time is up are ended: nobody else ends those that have an open stream and send nothing.
const END_EVERY: Duration = Duration::from_secs(3);
/// How often sessions and leftovers are swept, and the use of sessions is written down.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often it is asked whether a signing key is due.
const ROTATE_EVERY: Duration = Duration::from_secs(3600);
/// How many rows of each kind one sweep removes before other commits get their turn.
const SWEEP_ROWS: usize = 1000;
/// How many such parts are removed in a round: what is left waits for the next one.
const SWEEP_ROUNDS: usize = 100;

/// Starts everything; it stops when `shutdown` fires.
pub fn start(auth: Arc<Auth>, portal: Arc<Portal>, outbox: Outbox, shutdown: &CancellationToken) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(outbox.run(shutdown.clone()));
    let ending = Arc::clone(&auth);
    tasks.spawn(every(END_EVERY, shutdown.clone(), move || {
        let auth = Arc::clone(&ending);
        async move { auth.sessions.end_expired() }
    }));
    let sweeping = Arc::clone(&auth);
    tasks.spawn(every(SWEEP_EVERY, shutdown.clone(), move || {
        let (auth, portal) = (Arc::clone(&sweeping), Arc::clone(&portal));
        async move {
            portal.limits.sweep();
            auth.bookmarks.forget_networks();
            sweep(&auth).await;
        }
    }));
    tasks.spawn(every(ROTATE_EVERY, shutdown.clone(), move || {
        let auth = Arc::clone(&auth);
        async move {
            if let Err(error) = rotate(&auth).await {
                tracing::error!(error = format!("{error:#}"), "signing keys did not rotate");
            }
        }
    }));
    tasks
}

async fn every<F: Future<Output = ()>>(period: Duration, shutdown: CancellationToken, work: impl Fn() -> F) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(period) => work().await,
        }
    }
}

/// Ends sessions whose time is up and removes what has expired.
pub async fn sweep(auth: &Auth) {
    if let Err(error) = auth.sessions.sweep(SWEEP_ROWS, SWEEP_ROUNDS).await {
        tracing::warn!(%error, "what has expired was not removed");
    }
}

/// Makes, activates and drops signing keys as they come due.
///
/// # Errors
/// The store or the key generator failed; the keys in use stay.
pub async fn rotate(auth: &Auth) -> anyhow::Result<()> {
    let rotated = rotation::rotate(auth.ledger(), auth.identity().settings().algorithm, auth.now()).await?;
    if rotated.changed {
        tracing::info!("signing keys rotated");
    }
    // Also where nothing was due: the last round may have failed halfway, or another process rotated.
    auth.identity().replace_keys(&rotated.keys)?;
    Ok(())
}
