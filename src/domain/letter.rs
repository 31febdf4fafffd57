//! Letters to be mailed. They are rows of the commit that causes them, so that none is lost or sent for nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::AccountId;
use super::clock::Timestamp;
use super::code::CodeId;
use super::email::Email;
use super::recovery::HoldId;

/// How long a letter is worth sending that tells of something that has happened.
pub const NOTICE: Duration = Duration::from_secs(3 * 24 * 3600);

/// A letter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LetterId(pub Uuid);

/// What a letter says. It holds no secret: a code is written into the text when the letter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Here is your code.
    Code(CodeId),
    /// Somebody wanted to register with your address, which has an account already.
    AlreadyRegistered,
    /// Your account is ready.
    Welcome,
    /// Here is your code to get back in. If it was not you, do nothing.
    RecoveryCode(CodeId),
    /// Somebody with your code wants to get back in; it happens at that moment unless it is cancelled.
    RecoveryHeld {
        /// Whose account.
        account: AccountId,
        /// The hold, which the link to cancel it names.
        hold: HoldId,
        /// When it can be finished.
        until: Timestamp,
    },
    /// Your account was recovered; its other sessions have ended.
    RecoveryDone,
    /// A held recovery was cancelled.
    RecoveryCancelled,
    /// Your account's recovery was contested with an older passkey: it opens by that and a code, or by the operator.
    RecoveryContested,
    /// A contested recovery was undone: the older passkeys open the account again.
    RecoveryUndone,
    /// A passkey was added.
    PasskeyAdded {
        /// Its kind of authenticator.
        aaguid: Uuid,
    },
    /// A passkey was removed.
    PasskeyRemoved {
        /// Its kind of authenticator.
        aaguid: Uuid,
    },
    /// A passkey was refused because its signature counter went back: it may have been copied.
    PasskeyCopied {
        /// Its kind of authenticator.
        aaguid: Uuid,
    },
    /// A passkey was used whose signature counter began anew: it seems to have been moved to another manager.
    PasskeyMoved {
        /// Its kind of authenticator.
        aaguid: Uuid,
    },
}

/// A letter waiting to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its name.
    pub id: LetterId,
    /// To whom.
    pub to: Email,
    /// What it says.
    pub message: Message,
    /// The reader's language, as a BCP 47 tag.
    pub language: String,
    /// The browser that caused it, in words.
    pub browser: String,
    /// When that was.
    pub created_at: Timestamp,
    /// When to try next.
    pub due_at: Timestamp,
    /// How often sending was tried, so far in vain.
    pub failures: u32,
    /// From this moment on it is useless and is dropped.
    pub expires_at: Timestamp,
}
