//! Logs. What is never in them, at any level we choose: secrets, codes, tokens, addresses of people, queries.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged unless `RUST_LOG` says otherwise. The libraries' own lines show requests and keys in full at finer
/// levels, and what matters of them is logged by us.
const DEFAULT_FILTER: &str =
    "info,pingora_core=error,pingora_proxy=error,pingora=error,webauthn_rs=off,webauthn_rs_core=off,lettre=off";

/// Starts logging to standard error: lines for people on a terminal, JSON else.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let registry = tracing_subscriber::registry().with(filter);
    // A second start, in a process that logs already, changes nothing.
    let _: Result<(), _> = if std::io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    } else {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    };
}
