//! Letters to be mailed. They are rows of the commit that causes them, so that none is lost or sent for nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::account::AccountId;
use super::clock::Timestamp;
use super::code::CodeId;
use super::email::Email;
use super::recovery::HoldId;

/// How long a letter is worth sending that tells of something that has happened.
pub const NOTICE: Duration = Duration::from_secs(3 * 24 * 3600);

/// The wait from the first try to the second; it doubles with each, up to [`DOUBLES`] times.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How often it doubles.
const DOUBLES: u32 = 8;

/// A letter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LetterId(pub Uuid);

/// Passkeys that are added within so long are told of by two letters: one of the first, and one of all others.
pub const ADDED_TOGETHER: Duration = Duration::from_secs(10 * 60);

impl LetterId {
    /// The name of the letter that waits for more passkeys to be added to an account (RFC 9562 §5.8).
    pub fn of_more_passkeys(account: AccountId) -> Self {
        let digest: [u8; 32] = Sha256::new().chain_update(b"more passkeys").chain_update(account.0).finalize().into();
        let (head, _) = digest.split_first_chunk::<16>().expect("a digest has 32 bytes");
        Self(uuid::Builder::from_custom_bytes(*head).into_uuid())
    }
}

/// What a letter says. It holds no secret: a code is written into the text when the letter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Here is your code.
    Code(CodeId),
    /// Somebody wanted to register with your address, which has an account already.
    AlreadyRegistered,
    /// Somebody wanted to register with your address, for which there is no account without an invitation.
    NotInvited,
    /// Your account is ready.
    Welcome,
    /// Here is your code to get back in. If it was not you, do nothing.
    RecoveryCode(CodeId),
    /// Nothing: it waits like a letter, is taken away like one that was sent, and never leaves. It stands where an address
    /// has no account, so that as much is written there as where it has one; and where something may have to be told later.
    Nothing,
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
    /// Somebody wants to get back into your account, which the operator alone lets you into.
    AskOperator,
    /// Codes of the account were tried so often that letters carry long ones today.
    CodesTried,
    /// A passkey was added.
    PasskeyAdded {
        /// Its kind of authenticator.
        aaguid: Uuid,
    },
    /// After a passkey of which there was a letter, more were added.
    MorePasskeysAdded,
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

impl Letter {
    /// How long to wait for the next try, where this one is in vain.
    pub fn wait(&self) -> Duration {
        wait(self.failures)
    }

    /// Whether it is to be tried at `now`: also where it is to wait for longer than any letter does that was tried so
    /// often, or was written in the future. It was written, or put off, by a clock that was ahead.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let longest = match self.failures.checked_sub(1) {
            Some(before) => wait(before),
            None => self.due_at.since(self.created_at),
        };
        self.due_at <= now || self.due_at > now.after(longest)
    }

    /// Whether it is still worth sending at `now`. One from the future is for as long as it was to be, as its tries tell.
    pub fn is_useful(&self, now: Timestamp) -> bool {
        let tried_for = || (0..self.failures).map(wait).take(1000).fold(Duration::ZERO, Duration::saturating_add);
        let lasts = self.expires_at.since(self.created_at);
        now < self.expires_at && (self.created_at.has_come(now) || tried_for() < lasts)
    }

    /// It waits, and tells of what has happened since, which is `rest`. Whoever has read it as it was must not send it as
    /// that, nor take it away: so it comes a little later.
    #[must_use]
    pub fn telling(self, rest: Message) -> Self {
        if self.message == rest {
            return self;
        }
        Self { message: rest, due_at: self.due_at.after(Duration::from_secs(1)), ..self }
    }

    /// Whether it can be made to tell of something that happens `now`: nobody has begun to send it.
    pub fn still_waits(&self, now: Timestamp) -> bool {
        self.failures == 0 && !self.is_due(now)
    }
}

fn wait(failures: u32) -> Duration {
    RETRY_AFTER * 2_u32.saturating_pow(failures.min(DOUBLES))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(2_000_000_000);

    fn letter(ahead: u64, failures: u32) -> Letter {
        let created_at = NOW.after(Duration::from_secs(ahead));
        Letter {
            id: LetterId(Uuid::nil()),
            to: Email::parse("maria@example.com").unwrap(),
            message: Message::Welcome,
            language: "en".to_owned(),
            browser: String::new(),
            created_at,
            due_at: created_at,
            failures,
            expires_at: created_at.after(Duration::from_secs(600)),
        }
    }

    #[test]
    fn a_letter_waits_no_longer_than_its_tries_say() {
        for (ahead, failures, is_due) in [
            (0, 0, true),
            (1, 0, true),
            (1, 1, false),
            (10, 1, false),
            (11, 1, true),
            (2560, 9, false),
            (2561, 9, true),
            (2561, u32::MAX, true),
            (10 * 365 * 24 * 3600, 3, true),
        ] {
            assert_eq!(letter(ahead, failures).is_due(NOW), is_due, "{ahead} {failures}");
        }
        // Put off as it is when it is tried, it waits.
        for failures in 0..20 {
            let tried = Letter { due_at: NOW.after(wait(failures)), ..letter(9999, failures + 1) };
            assert!(!tried.is_due(NOW) && tried.is_due(tried.due_at), "{failures}");
        }
    }

    #[test]
    fn a_letter_from_the_future_is_sent_and_not_tried_for_years() {
        let years = 10 * 365 * 24 * 3600;
        // 10 + 20 + … + 320 s are more than the ten minutes it is worth sending.
        for (failures, is_useful) in [(0, true), (5, true), (6, false), (u32::MAX, false)] {
            assert_eq!(letter(years, failures).is_useful(NOW), is_useful, "{failures}");
        }
        assert!(letter(0, 1000).is_useful(NOW), "by the clock, where it can be told by that");
        assert!(!letter(0, 0).is_useful(NOW.after(Duration::from_secs(600))));
    }
}
