//! The rules: pure values and decisions. No I/O, no clock, no randomness, no HTTP server, no store.

pub mod accent;
pub mod brand;
pub mod clock;
pub mod email;
pub mod host;
pub mod language;
pub mod path;
pub mod return_to;
pub mod route;
pub mod user_agent;
