//! BMAuth: a reverse proxy that owns passkey accounts.
//!
//! The modules are layers, lowest first; each may import only what stands above it in this list, and less where
//! `tests/layers.rs`, which holds the rule, says so. ARCHITECTURE.md walks through them.

#![warn(unreachable_pub, clippy::unused_async)]
// A test may fail at whatever it does not expect.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

pub mod domain;

pub mod telemetry;
pub mod threads;

pub mod counts;
pub mod wording;

pub mod config;
pub mod identity;
pub mod mail;
pub mod store;

pub mod auth;

pub mod gate;

pub mod portal;

pub mod proxy;

pub mod admin;

pub mod tasks;

pub mod wire;

pub mod cli;

#[doc(hidden)]
pub mod fuzzing;
