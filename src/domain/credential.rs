//! The names of keys.

use serde::{Deserialize, Serialize};

/// The longest credential id a relying party accepts, in bytes (WebAuthn L3 §7.1 step 25).
pub const MAX_CREDENTIAL_ID: usize = 1023;

/// The name a device gave its key; unique over all accounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// The id, where its length is one that WebAuthn allows.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty() && bytes.len() <= MAX_CREDENTIAL_ID).then(|| Self(bytes.to_vec()))
    }

    /// The id's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
