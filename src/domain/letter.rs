//! Letters to be mailed. They are rows of the commit that causes them, so that none is lost or sent for nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::account::AccountId;
use super::address::MoveId;
use super::clock::Timestamp;
use super::code::CodeId;
use super::email::Email;
use super::recovery::HoldId;
use super::utc_offset::UtcOffset;

/// How long a letter is worth sending that tells of something that has happened.
pub const NOTICE: Duration = Duration::from_secs(3 * 24 * 3600);

/// For how long a letter that is being sent is out of reach of other senders. A sender needs less than this, or has
/// died over it.
pub const UNDER_WAY: Duration = Duration::from_secs(300);

/// The waits from the first try to the second, and so on. Then it is a minute for as long as codes are good: a server
/// that puts strangers off for some minutes ("greylisting") gets the code in time. Later it doubles.
const FIRST_WAITS: [u64; 3] = [10, 20, 40];
/// After how many tries it doubles.
const DOUBLES_AFTER: u32 = 12;
/// How often it doubles, up to a bit more than an hour.
const DOUBLES: u32 = 6;

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

/// What a mail is known by to mail servers. It is the same each time that it is tried, so that a server that gets it
/// twice can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its name: random, and no secret.
    pub id: Uuid,
    /// When it was written.
    pub at: Timestamp,
}

/// What a letter says. It holds no secret: a code is written into the text when the letter is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Here is your code.
    Code(CodeId),
    /// A person wanted to register with your address, which has an account already.
    AlreadyRegistered,
    /// A person wanted to register with your address, for which there is no account without an invitation.
    NotInvited,
    /// Your account is ready.
    Welcome,
    /// Here is your code to get back in. If it was not you, do nothing.
    RecoveryCode(CodeId),
    /// Nothing: it waits like a letter, is taken away like one that was sent, and never leaves. It stands where an
    /// address has no account, so that as much is written there as where it has one; and where something may have to be
    /// told later.
    Nothing,
    /// A person with your code wants to get back in; it happens at that moment unless it is cancelled.
    RecoveryHeld {
        /// The account that is recovered.
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
    /// A person wants to get back into your account, which the operator alone lets you into.
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
        /// The browser and system it was made in, in words. What its owner calls it is in no letter: an intruder in the
        /// account would write there what its owner reads.
        made_in: String,
    },
    /// A passkey was refused because its signature counter went back: it may have been copied.
    PasskeyCopied {
        /// Its kind of authenticator.
        aaguid: Uuid,
        /// The browser and system it was made in, in words.
        made_in: String,
    },
    /// Here is your code to make this the address of your account.
    AddressCode(CodeId),
    /// A person wanted to make your address the one of another account.
    AddressWanted,
    /// A person wanted an account of an address that is kept for the account that had it.
    AddressKept,
    /// Your account has another address; the link in the letter undoes that for a day.
    AddressChanged {
        /// The account whose address was changed.
        account: AccountId,
        /// The change, which the link to undo it names.
        undo: MoveId,
    },
    /// A change of address was undone; all sessions have ended.
    AddressRestored,
    /// The account was deleted, which was confirmed with a passkey of it.
    AccountDeleted,
    /// A passkey was used whose signature counter began anew: it seems to have been moved to another manager.
    PasskeyMoved {
        /// Its kind of authenticator.
        aaguid: Uuid,
        /// The browser and system it was made in, in words.
        made_in: String,
    },
}

/// A letter waiting to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The random name of the letter.
    pub id: LetterId,
    /// The address it goes to.
    pub to: Email,
    /// What it says.
    pub message: Message,
    /// The reader's language, as a BCP 47 tag.
    pub language: String,
    /// How far the reader's clock is from UTC, where it is known.
    pub offset: Option<UtcOffset>,
    /// The browser that caused it, in words.
    pub browser: String,
    /// When that was.
    pub created_at: Timestamp,
    /// When to try next.
    pub due_at: Timestamp,
    /// How often sending was tried, so far in vain. One that is under way counts.
    pub failures: u32,
    /// From this moment on it is useless and is dropped.
    pub expires_at: Timestamp,
}

impl Letter {
    /// What its mail is known by. A letter's own name may be that of another, later one.
    pub fn stamp(&self) -> Stamp {
        let named = Sha256::new()
            .chain_update(b"mail")
            .chain_update(self.id.0)
            .chain_update(self.created_at.unix().to_be_bytes());
        let digest: [u8; 32] = named.finalize().into();
        let (head, _) = digest.split_first_chunk::<16>().expect("a digest has 32 bytes");
        Stamp { id: uuid::Builder::from_custom_bytes(*head).into_uuid(), at: self.created_at }
    }

    /// How long to wait for the next try, where this one is in vain.
    pub fn wait(&self) -> Duration {
        wait(self.failures)
    }

    /// As it is while it is being sent: others take it for lost only later.
    #[must_use]
    pub fn under_way(&self, now: Timestamp) -> Self {
        Self { due_at: now.after(UNDER_WAY), failures: self.failures.saturating_add(1), ..self.clone() }
    }

    /// Whether it is to be tried at `now`. It is, too, where it would wait for longer than any letter does that was
    /// tried so often: then it was written, or put off, by a clock that was ahead.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let longest = match self.failures.checked_sub(1) {
            Some(before) => wait(before).max(UNDER_WAY),
            None => self.due_at.since(self.created_at),
        };
        self.due_at <= now || self.due_at > now.after(longest)
    }

    /// Whether it is still worth sending at `now`. One from the future is for as long as it was to be, as its tries
    /// tell.
    pub fn is_useful(&self, now: Timestamp) -> bool {
        let tried_for = || (0..self.failures).map(wait).take(1000).fold(Duration::ZERO, Duration::saturating_add);
        let lasts = self.expires_at.since(self.created_at);
        now < self.expires_at && (self.created_at.has_come(now) || tried_for() < lasts)
    }

    /// It waits, and tells of what has happened since, which is `rest`. A sender that has read it as it was must
    /// neither send it so nor take it away: so it comes a little later.
    #[must_use]
    pub fn telling(self, rest: Message) -> Self {
        if self.message == rest {
            return self;
        }
        Self { message: rest, due_at: self.due_at.after(Duration::from_secs(1)), ..self }
    }

    /// Whether it can be made to tell of something that happens `now`: no sender has begun with it.
    pub fn still_waits(&self, now: Timestamp) -> bool {
        self.failures == 0 && !self.is_due(now)
    }
}

fn wait(failures: u32) -> Duration {
    let first = usize::try_from(failures).ok().and_then(|failures| FIRST_WAITS.get(failures));
    let later = || 60 << failures.saturating_sub(DOUBLES_AFTER).min(DOUBLES);
    Duration::from_secs(first.copied().unwrap_or_else(later))
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
            offset: None,
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
            // It may be under way.
            (300, 1, false),
            (301, 1, true),
            (300, 9, false),
            (301, 9, true),
            (3840, 30, false),
            (3841, 30, true),
            (3841, u32::MAX, true),
            (10 * 365 * 24 * 3600, 3, true),
        ] {
            assert_eq!(letter(ahead, failures).is_due(NOW), is_due, "{ahead} {failures}");
        }
        // Put off as it is when it is tried, it waits.
        for failures in 0..20 {
            let under_way = letter(9999, failures).under_way(NOW);
            let tried = Letter { due_at: NOW.after(wait(failures)), ..under_way.clone() };
            for waits in [under_way, tried] {
                assert!(!waits.is_due(NOW) && waits.is_due(waits.due_at), "{failures}");
            }
        }
    }

    #[test]
    fn a_server_that_puts_strangers_off_gets_a_code_in_time() {
        let tries: Vec<u64> = (0..13)
            .scan(0, |at, failures| {
                *at += wait(failures).as_secs();
                Some(*at)
            })
            .collect();
        let within = |minutes: u64| tries.iter().find(|at| **at >= minutes * 60).copied().unwrap_or_default();
        for minutes in 1..9 {
            assert!(within(minutes) < (minutes + 1) * 60 + 30, "{minutes}: {tries:?}");
        }
    }

    #[test]
    fn a_mail_is_known_by_the_same_each_time_and_no_other_mail_is() {
        let one = letter(0, 0);
        let tried = Letter { failures: 3, due_at: NOW.after(Duration::from_secs(60)), ..one.clone() };
        assert_eq!(one.stamp(), tried.stamp());
        let later = Letter { created_at: one.created_at.after(Duration::from_secs(1)), ..one.clone() };
        assert_ne!(one.stamp().id, later.stamp().id, "of more passkeys, again");
        let other = Letter { id: LetterId(Uuid::from_u128(1)), ..one.clone() };
        assert_ne!(one.stamp().id, other.stamp().id);
    }

    #[test]
    fn a_letter_from_the_future_is_sent_and_not_tried_for_years() {
        let years = 10 * 365 * 24 * 3600;
        // 10 + 20 + 40 + 9 × 60 s are more than the ten minutes it is worth sending.
        for (failures, is_useful) in [(0, true), (11, true), (12, false), (u32::MAX, false)] {
            assert_eq!(letter(years, failures).is_useful(NOW), is_useful, "{failures}");
        }
        assert!(letter(0, 1000).is_useful(NOW), "by the clock, where it can be told by that");
        assert!(!letter(0, 0).is_useful(NOW.after(Duration::from_secs(600))));
    }
}
