//! Many requests, each sent once, as far as the time goes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::browser::Connection;

/// Sends every one of `requests` over one of `connections` connections, and stops after that many `seconds`; returns
/// how many were sent. Each must be answered with 200.
///
/// # Errors
/// One was not.
pub async fn each(
    address: SocketAddr,
    requests: impl Iterator<Item = String>,
    connections: usize,
    seconds: f64,
) -> anyhow::Result<usize> {
    // The next free thread takes the next; the lines are cheap to hold against what answering them costs.
    let waiting = Arc::new(Mutex::new(requests.collect::<Vec<_>>().into_iter()));
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let waiting = Arc::clone(&waiting);
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let mut sent = 0;
            while Instant::now() < end
                && let Some(request) = next()
            {
                let answer = connection.send(request.as_bytes()).await?;
                ensure!(answer.status == 200, "a session was answered with {}", answer.status);
                sent += 1;
            }
            Ok(sent)
        });
    }
    let mut sent = 0;
    while let Some(done) = tasks.join_next().await {
        sent += done??;
    }
    Ok(sent)
}
