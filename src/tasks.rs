//! What goes on in the background: mails leave, sessions and leftovers end, keys rotate. Each loop ends on shutdown.

pub mod outbox;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::domain::clock::Timestamp;
use crate::domain::plan::Durability;
use crate::identity::rotation;
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

/// Starts everything; it stops when `shutdown` fires.
pub fn start(auth: Arc<Auth>, portal: Arc<Portal>, outbox: Outbox, shutdown: &CancellationToken) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(outbox.run(shutdown.clone()));
    let ending = Arc::clone(&auth);
    tasks.spawn(every(END_EVERY, shutdown.clone(), move || {
        let auth = Arc::clone(&ending);
        async move { auth.end_expired_sessions() }
    }));
    let sweeping = Arc::clone(&auth);
    tasks.spawn(every(SWEEP_EVERY, shutdown.clone(), move || {
        let (auth, portal) = (Arc::clone(&sweeping), Arc::clone(&portal));
        async move {
            portal.limits.sweep();
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
    // Before the use is written down: a session used while that goes on must not seem idle to the store, which would
    // forget it while it is live here.
    let (now, limits) = (auth.now(), auth.limits());
    let unused_since = match auth.sweep_sessions().await {
        Ok(()) => now.before(limits.idle),
        Err(error) => {
            tracing::warn!(%error, "the use of sessions was not written down");
            // The store does not know which of them are idle.
            Timestamp::from_unix(0)
        }
    };
    // Bounded: what is left waits for the next round.
    for _ in 0..100 {
        let swept = auth.store().sweep(now, now.before(limits.absolute), unused_since, SWEEP_ROWS).await;
        match swept {
            Ok(removed) if removed >= SWEEP_ROWS => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "what has expired was not removed");
                return;
            }
        }
    }
}

/// Makes, activates and drops signing keys as they come due.
///
/// # Errors
/// The store or the key generator failed; the keys in use stay.
pub async fn rotate(auth: &Auth) -> anyhow::Result<()> {
    let keys = auth.store().signing_keys().await?;
    let changes = rotation::plan(&keys, auth.identity().settings().algorithm, auth.now())?;
    if !changes.is_empty() {
        auth.store().commit(changes, Durability::Durable).await?;
        tracing::info!("signing keys rotated");
    }
    // Also where nothing was due: the last round may have failed halfway, or another process rotated.
    auth.identity().replace_keys(&auth.store().signing_keys().await?)?;
    Ok(())
}
