//! What has to hold whatever strangers send, files say or a store has kept: a function for each reader of such bytes,
//! which panics where it does not.
//!
//! `fuzz/` hands them what libFuzzer thinks up, and the tests beside them what is random, nearly right or right.
//! Nothing else calls them.

mod configuration;
mod cookies;
mod destination;
mod host;
#[cfg(test)]
mod inputs;
mod path;
mod question;
mod record;
mod webauthn;

pub use configuration::configuration;
pub use cookies::cookies;
pub use destination::destination;
pub use host::host;
pub use path::path;
pub use question::question;
pub use record::record;
pub use webauthn::webauthn;
