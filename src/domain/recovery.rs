//! Recoveries in progress: a proved code on its way to a new passkey.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::AccountId;
use super::clock::Timestamp;
use super::code::CodeId;
use super::email::Email;
use super::return_to::ReturnTo;
use super::secret::SecretDigest;

/// How long a recovery may stay unfinished.
pub const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long a held recovery may be finished once its time has come.
pub const HOLD_OPEN: Duration = Duration::from_secs(7 * 24 * 3600);

/// How far a recovery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// A code is out.
    Code,
    /// The code was proved and nothing holds it: a passkey may be made.
    Proved,
}

/// A recovery as stored, by the browser that began it: a browser has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The browser it belongs to; only that one can finish it.
    pub browser: SecretDigest,
    /// Raised by one with every change.
    pub revision: u32,
    /// The address that was typed.
    pub email: Email,
    /// Its account; `None` where it has none, and no code opens this.
    pub account: Option<AccountId>,
    /// How far it is.
    pub stage: Stage,
    /// The code that is out.
    pub code: CodeId,
    /// How often that code was tried.
    pub tries: u32,
    /// When it was sent.
    pub code_sent_at: Timestamp,
    /// Where the visitor wanted to go.
    pub return_to: ReturnTo,
    /// From this moment on the recovery is gone.
    pub expires_at: Timestamp,
}

/// The name of a held recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldId(pub Uuid);

/// A recovery that waits, so that its owner can cancel it: an account has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its name; the link that cancels it carries a keyed digest of this.
    pub id: HoldId,
    /// Whose account.
    pub account: AccountId,
    /// When the code was proved.
    pub asked_at: Timestamp,
    /// When it can be finished, by whoever proves a code then.
    pub until: Timestamp,
    /// The browser that asked, in words.
    pub browser: String,
}

impl Hold {
    /// From this moment on it is gone.
    pub fn expires_at(&self) -> Timestamp {
        self.until.after(HOLD_OPEN)
    }
}
