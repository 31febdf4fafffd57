//! What got past other gateways, tried on this one: a file for each promise of the security model
//! (docs/security-model.md), and above each attack the advisory or the weakness that it stands for.
//!
//! Everything runs in one process, by the harness of the gateway's own tests.

#[cfg(test)]
#[path = "../gateway/harness.rs"]
#[expect(dead_code, reason = "the gateway's own tests use the rest of it")]
mod harness;

#[cfg(test)]
mod every_reading;
#[cfg(test)]
mod no_access_without_a_session;
#[cfg(test)]
mod one_request;
#[cfg(test)]
mod room_for_others;
#[cfg(test)]
mod what_apps_are_told;
#[cfg(test)]
mod whose_request;
