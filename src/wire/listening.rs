//! Why an address cannot be listened on, said once and with what to do.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

/// An address that cannot be listened on: a sentence or two for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {address} {why}")]
pub struct CannotListen {
    /// The key, or flag, that names it.
    pub key: &'static str,
    /// The address that it was to listen on.
    pub address: SocketAddr,
    /// The rest of the sentence, and what to do.
    pub why: String,
}

impl CannotListen {
    /// What to say of that error of the system.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the system's errors, most of which are told alike")]
    pub fn because(key: &'static str, address: SocketAddr, error: &Error) -> Self {
        let why = match error.kind() {
            ErrorKind::AddrInUse => {
                "is taken already. Is another bmauth running? Stop it, or choose another port.".to_owned()
            }
            ErrorKind::AddrNotAvailable => "is no address of this machine.".to_owned(),
            ErrorKind::PermissionDenied => {
                "is not for this user to listen on, as ports below 1024 are for root alone by default. Choose another port."
                    .to_owned()
            }
            _ => format!("cannot be listened on ({error})."),
        };
        Self { key, address, why }
    }
}
