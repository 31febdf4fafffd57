//! Registrations that wait for the code: a passkey that is of no account yet.

use std::time::Duration;

use super::account::AccountId;
use super::claim::Claim;
use super::clock::Timestamp;
use super::destination::Destination;
use super::email::Email;
use super::mailed_code::MailedCode;
use super::passkey::{CredentialId, NewPasskey};
use super::profile::Profile;
use super::secret::SecretDigest;

/// How long a registration may stay unfinished, new codes included.
pub const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// How many dead passkeys a browser is told of. One that begins more often is told of the last ones.
const MOST_DEAD: usize = 8;

/// What a registration can come to. The visitor who began it sees the same pages in each case; the letter to the
/// address differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// An account, with the code of the letter.
    Account,
    /// Nothing: the address had an account, and its owner was told of it.
    Taken,
    /// Nothing: the address is kept for the account that had it, and the letter says so.
    Kept,
    /// Nothing: the address may not register, and the letter says so.
    Uninvited,
}

impl Outlook {
    /// Whether a code was sent that opens it.
    pub fn has_code(self) -> bool {
        self == Self::Account
    }
}

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
    /// Passkeys that the browser's device made for registrations that were given up for this one. They are of no
    /// account, and the browser is told so.
    pub dead: Vec<CredentialId>,
    /// What its owner calls the passkey.
    pub nickname: Option<String>,
    /// What the person says of themselves.
    pub profile: Profile,
    /// How the visitor who goes on with it is known to have begun it.
    pub claim: Claim,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
    /// What it can come to.
    pub outlook: Outlook,
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

    /// The passkeys that are dead once another one, called `new`, has taken this registration's place.
    pub fn dead_with(self, new: &CredentialId) -> Vec<CredentialId> {
        let mut dead = self.dead;
        dead.push(self.passkey.id);
        dead.retain(|id| id != new);
        dead.drain(..dead.len().saturating_sub(MOST_DEAD));
        dead
    }
}
