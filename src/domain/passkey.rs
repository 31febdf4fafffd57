//! Passkeys: the public halves of the keys that people's devices made.

use uuid::Uuid;
use webauthn_rs::prelude::Passkey as Credential;

use super::account::AccountId;
use super::clock::Timestamp;
use super::report::Report;
use super::visitor::Visitor;

pub use super::credential::CredentialId;

/// How many passkeys an account may have: enough for every device somebody has. A recovery may add one more, since whoever
/// needs one has none of the others at hand; it asks which of them are lost.
pub const MOST: usize = 20;

/// What a device sent when it made a key, verified, but not yet anybody's.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// The key's unique name.
    pub id: CredentialId,
    /// The public key and what verifying needs to know of it.
    pub credential: Credential,
    /// The signature counter last seen; synced passkeys always send 0 (WebAuthn L3 §6.1.1).
    pub counter: u32,
    /// The kind of authenticator, all zero where it did not say (WebAuthn L3 §6.5.1). Good for a name, never for policy.
    pub aaguid: Uuid,
    /// BE: the key may be copied to other devices (WebAuthn L3 §6.1.3).
    pub backup_eligible: bool,
    /// BS: the key is copied somewhere now.
    pub backed_up: bool,
}

impl NewPasskey {
    /// What was reported of it last.
    pub fn report(&self) -> Report {
        let Self { counter, backup_eligible, backed_up, .. } = *self;
        Report { counter, backup_eligible, backed_up }
    }

    /// The passkey of an account, made in the visitor's browser, which is signed in with it at once.
    pub fn of(self, account: AccountId, name: Option<String>, visitor: &Visitor, now: Timestamp) -> Passkey {
        let browser = visitor.description.clone();
        Passkey { account, key: self, name, browser, created_at: now, last_used_at: Some(now) }
    }
}

/// A passkey of an account.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// Whose it is.
    pub account: AccountId,
    /// The key itself.
    pub key: NewPasskey,
    /// What its owner calls it; pages call it by its provider otherwise.
    pub name: Option<String>,
    /// The browser and system it was made in, in words.
    pub browser: String,
    /// When the account got it.
    pub created_at: Timestamp,
    /// When it last signed somebody in.
    pub last_used_at: Option<Timestamp>,
}
