//! BMAuth: a reverse proxy that owns passkey accounts.
//!
//! The modules are layers, lowest first; each may import only what stands above it in this list.
//! ARCHITECTURE.md walks through them, and `tests/layers.rs` holds the rule.

pub mod domain;

pub mod counts;
pub mod wording;

pub mod config;
pub mod store;

pub mod identity;
pub mod mail;

pub mod auth;

pub mod portal;

pub mod proxy;

pub mod admin;

pub mod cli;
pub mod tasks;
pub mod telemetry;
pub mod wire;
