//! Accounts: one person, one proved e-mail address.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::clock::Timestamp;
use super::email::Email;
use super::profile::{Locale, Metadata};

/// The stable name of an account: `sub` in tokens, and the WebAuthn user handle (its 16 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(pub Uuid);

impl AccountId {
    /// What is looked up in the place of the account of an address that has none, so that as much is read there as
    /// where it has one. No account is called so: this is a name of version 8 (RFC 9562 §5.8), and theirs are random
    /// ones.
    pub fn stand_in(email: &Email) -> Self {
        let digest: [u8; 32] = Sha256::digest(email.as_str()).into();
        let (head, _) = digest.split_first_chunk::<16>().expect("a digest has 32 bytes");
        Self(uuid::Builder::from_custom_bytes(*head).into_uuid())
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A person who can sign in. An account exists only once its address has been proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The stable name, never reused.
    pub id: AccountId,
    /// The proved address; no two accounts share one.
    pub email: Email,
    /// What the person wants to be called.
    pub name: Option<String>,
    /// The language the person reads, as they said.
    pub locale: Option<Locale>,
    /// What the app's own client keeps of the person, as they said.
    pub metadata: Option<Metadata>,
    /// The groups that routes ask for.
    pub groups: Vec<String>,
    /// A disabled account keeps its data and gets no session.
    pub disabled: bool,
    /// When the address was proved.
    pub created_at: Timestamp,
    /// What its last recovery left behind.
    pub aftermath: Aftermath,
}
