//! The flows through the portal's front door: an in-memory gateway, a soft passkey, a mailbox and a hand clock.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in a test, a panic is how a failure is told"
)]

mod account;
mod alike;
mod api;
mod apps;
mod asking;
mod authenticator;
mod browser;
mod checking;
mod clock;
mod contesting;
mod edge;
mod exactness;
#[path = "../loopback/free_port.rs"]
mod free_port;
mod going_back;
mod guessing;
mod handing_over;
mod inviting;
mod linking;
mod locking_out;
mod mailing;
mod managing;
mod operating;
mod origins;
mod pages;
mod pressing;
mod recovering;
mod registering;
mod reports;
mod revoking;
mod room;
mod signing_in;
mod true_words;
mod under_load;
mod world;
