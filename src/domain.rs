//! The rules: pure values and decisions. No I/O, no clock, no randomness, no HTTP server, no store.

pub mod accent;
pub mod access;
pub mod account;
pub mod activity;
pub mod brand;
pub mod ceremony;
pub mod clock;
pub mod code;
pub mod cookies;
pub mod email;
pub mod host;
pub mod language;
pub mod letter;
pub mod passkey;
pub mod path;
pub mod plan;
pub mod register;
pub mod registration;
pub mod return_to;
pub mod route;
pub mod secret;
pub mod session;
pub mod sign_in;
pub mod signing_key;
pub mod user_agent;
pub mod visitor;
