//! A certificate is taken when its files change, without a signal.
//!
//! The files are looked at again and again, and what counts is what they hold. Being told by the system of changes
//! would be quicker by seconds, of which a certificate has months, and fails in silence where it matters: on network
//! mounts, and where a symbolic link above the file is exchanged, as for every Secret of Kubernetes.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::proxy::{ListenerTls, Looked};

/// How often the files are looked at.
pub const EVERY: Duration = Duration::from_secs(10);

/// Looks at the files of a certificate until `shutdown` fires.
pub async fn watch(tls: ListenerTls, every: Duration, shutdown: CancellationToken) {
    let looking = async {
        loop {
            tokio::time::sleep(every).await;
            let tls = tls.clone();
            // Reading may take as long as a network mount likes.
            if let Ok(looked) = tokio::task::spawn_blocking(move || tls.look()).await {
                log_certificate(looked);
            }
        }
    };
    let _stopped: Option<std::convert::Infallible> = shutdown.run_until_cancelled(looking).await;
}

fn log_certificate(looked: Looked) {
    match looked {
        Looked::Unchanged => {}
        Looked::Taken { good_until } => {
            tracing::info!(good_until, "the files of server.tls have another certificate; it is used from now on");
        }
        Looked::Refused(error) => tracing::warn!(
            error = format!("{:#}", anyhow::Error::from(error)),
            "the files of server.tls cannot be used as they are now; the certificate before is used until they can"
        ),
    }
}
