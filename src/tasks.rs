//! What goes on in the background: mails leave, sessions and leftovers end, keys rotate. Each loop ends on shutdown.

pub mod outbox;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::auth::{Auth, rotation};
use crate::portal::Portal;
use crate::portal::limits::TELL_EVERY;
use outbox::Outbox;

/// How often sessions whose time is up are ended: no request ends those that have an open stream and send nothing.
const END_EVERY: Duration = Duration::from_secs(3);
/// How often sessions and leftovers are swept, and the use of sessions is written down.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often it is asked whether a signing key is due.
const ROTATE_EVERY: Duration = Duration::from_secs(3600);
/// How long it takes to listen again to other gateways of the store, where that failed.
const LISTEN_AGAIN: Duration = Duration::from_millis(250);
/// How many rows of each kind one sweep removes before other commits get their turn.
const SWEEP_ROWS: usize = 1000;
/// How many such parts are removed in a round: what is left waits for the next one.
const SWEEP_ROUNDS: usize = 100;

/// Starts everything; it stops when `shutdown` fires. Where other gateways of the store are not heard for longer than
/// `grace`, no session is known any more.
pub fn start(
    auth: Arc<Auth>,
    portal: Arc<Portal>,
    outbox: Outbox,
    grace: Duration,
    shutdown: &CancellationToken,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (listening, stop) = (Arc::clone(&auth), shutdown.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = listen(&listening, grace) => {}
        }
    });
    tasks.spawn(outbox.run(shutdown.clone()));
    let ending = Arc::clone(&auth);
    tasks.spawn(every(END_EVERY, shutdown.clone(), move || {
        let auth = Arc::clone(&ending);
        async move { auth.sessions.end_expired().await }
    }));
    if auth.shares_its_store() {
        let (sharing, limiting) = (Arc::clone(&auth), Arc::clone(&portal));
        tasks.spawn(every(TELL_EVERY, shutdown.clone(), move || {
            let (auth, portal) = (Arc::clone(&sharing), Arc::clone(&limiting));
            async move {
                if let Err(error) = portal.limits.share(&auth).await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "limits are this gateway's alone for now"
                    );
                }
            }
        }));
    }
    let sweeping = Arc::clone(&auth);
    tasks.spawn(every(SWEEP_EVERY, shutdown.clone(), move || {
        let (auth, portal) = (Arc::clone(&sweeping), Arc::clone(&portal));
        async move {
            portal.limits.sweep();
            portal.repeats.sweep(auth.now());
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

/// Hears what other gateways of the store do, for ever.
async fn listen(auth: &Auth, grace: Duration) {
    let (mut heard_at, mut has_keys) = (Instant::now(), false);
    loop {
        match auth.ledger().hear().await {
            Ok(keys) => {
                heard_at = Instant::now();
                has_keys |= keys;
                if has_keys {
                    match rotate(auth).await {
                        Ok(()) => has_keys = false,
                        Err(error) => {
                            tracing::error!(error = format!("{error:#}"), "the signing keys were not read again");
                        }
                    }
                }
                // What others did is heard all the same; they are not told that a key is shown here which is not.
                auth.ledger().set_in_force(!has_keys);
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "nothing is heard of other gateways");
                if heard_at.elapsed() >= grace {
                    // Each time anew: a session that was let in since was read from the store a moment ago, or not at
                    // all.
                    auth.ledger().forget_all();
                }
                tokio::time::sleep(LISTEN_AGAIN).await;
            }
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
