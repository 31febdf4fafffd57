//! Registrations that wait for the code: a passkey that is nobody's yet.

use std::time::Duration;

use super::account::AccountId;
use super::claim::Claim;
use super::clock::Timestamp;
use super::destination::Destination;
use super::email::Email;
use super::mailed_code::MailedCode;
use super::passkey::NewPasskey;
use super::profile::Profile;
use super::secret::SecretDigest;

/// How long a registration may stay unfinished, new codes included.
pub const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A registration as stored, by the browser that began it: a browser has one at most.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The browser it belongs to; only that one can finish it.
    pub browser: SecretDigest,
    /// Raised by one with every change.
    pub revision: u32,
    /// The address to prove.
    pub email: Email,
    /// The account's name to be.
    pub account: AccountId,
    /// The passkey the browser's device made.
    pub passkey: NewPasskey,
    /// What its owner calls the passkey.
    pub nickname: Option<String>,
    /// What the person says of themselves.
    pub profile: Profile,
    /// How whoever goes on with it is known.
    pub claim: Claim,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
    /// The address had an account: the owner was written to, and no code opens this.
    pub taken: bool,
    /// The code that is out.
    pub code: MailedCode,
    /// From this moment on the registration is gone.
    pub expires_at: Timestamp,
}

impl Registration {
    /// Whether it can still be finished.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.expires_at.is_ahead(now, LIFETIME)
    }
}
