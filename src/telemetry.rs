//! Logs. What is never in them, at any level we choose: secrets, codes, tokens, addresses of people, queries.
//!
//! A line is made by the thread that has something to say and written by another ([`queue`]), so that no request ever
//! waits for the reader of the log.

mod escape;
pub mod json;
pub mod queue;
pub mod span;
mod stamp;
mod terminal;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use json::Json;
use queue::{LineQueue, QueueRoom};

/// What is logged unless `RUST_LOG` says otherwise. The libraries' own lines show requests and keys in full at finer
/// levels, and what matters of them is logged by us.
const DEFAULT_FILTER: &str = "info,pingora_core=error,pingora=error,webauthn_rs=off,webauthn_rs_core=off,lettre=off";
/// How long the end of the process waits for the reader of the log.
const PATIENCE: Duration = Duration::from_secs(5);

/// The log of this process. When it is dropped, what was said before is written.
#[derive(Debug)]
#[must_use = "what was said last is lost unless this is kept until the end"]
pub struct Log(Arc<LineQueue>);

impl Drop for Log {
    fn drop(&mut self) {
        // If it were not, there would be nowhere to tell it.
        let _: bool = self.0.flush(PATIENCE);
    }
}

/// Starts logging to standard error: lines for people on a terminal, JSON else.
///
/// # Errors
/// No thread could be started.
pub fn start() -> io::Result<Log> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let registry = tracing_subscriber::registry().with(filter);
    let is_terminal = io::stderr().is_terminal();
    let notice = if is_terminal { terminal::notice } else { json::notice };
    let queue = LineQueue::start(io::stderr(), QueueRoom::default(), notice)?;
    let to = Arc::clone(&queue);
    // A second start, in a process that logs already, changes nothing.
    let _: Result<(), _> = if is_terminal {
        registry.with(terminal::layer(to)).try_init()
    } else {
        registry.with(Json::new(to)).try_init()
    };
    Ok(Log(queue))
}

/// Whether a line may use the last of the room.
fn is_serious(level: Level) -> bool {
    level <= Level::WARN
}

/// What is said of lines that are not there.
fn loss(lines: u64, why: &str) -> String {
    match lines {
        1 => format!("1 line was lost here, because {why}"),
        _ => format!("{lines} lines were lost here, because {why}"),
    }
}
