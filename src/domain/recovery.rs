//! Recoveries in progress: a proved code on its way to a new passkey.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::AccountId;
use super::activity::{Event, What};
use super::claim::Claim;
use super::clock::Timestamp;
use super::destination::Destination;
use super::email::Email;
use super::mailed_code::MailedCode;
use super::passkey::CredentialId;
use super::secret::{MacKey, SecretDigest};
use super::word_link::{self, Reading};

/// How long a recovery may stay unfinished.
pub const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long a held recovery may be finished once its time has come.
pub const HOLD_OPEN: Duration = Duration::from_secs(7 * 24 * 3600);

/// How far a recovery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryStage {
    /// A code is out.
    Code,
    /// An e-mailed code was proved and nothing holds it: a passkey may be made.
    Proved,
    /// The same by the operator's code.
    Vouched,
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
    pub stage: RecoveryStage,
    /// The code that is out.
    pub code: MailedCode,
    /// How the visitor who goes on with it is known to have begun it.
    pub claim: Claim,
    /// The older passkey that was proved, where the account is contested: the code opens the account beside it, and no
    /// new passkey is made.
    pub beside: Option<CredentialId>,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
    /// From this moment on the recovery is gone.
    pub expires_at: Timestamp,
}

impl Recovery {
    /// Whether it can still be gone on with.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.expires_at.is_ahead(now, LIFETIME)
    }

    /// Whose it is in the store: where the address has no account, that of a stand-in, of which nothing else is kept.
    pub fn owner(&self) -> AccountId {
        self.account.unwrap_or_else(|| AccountId::stand_in(&self.email))
    }
}

/// The name of a held recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldId(pub Uuid);

/// A recovery that waits, so that its owner can cancel it: an account has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its name; the link that cancels it carries a keyed digest of this.
    pub id: HoldId,
    /// The account that will be recovered.
    pub account: AccountId,
    /// When the code was proved.
    pub asked_at: Timestamp,
    /// When it can be finished, by a person who proves a code then.
    pub until: Timestamp,
    /// The browser that asked, in words.
    pub browser: String,
}

/// What the link in the letter of a held recovery says. It is a bearer link: the person who has it may cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelLink {
    /// The account whose recovery is held.
    pub account: AccountId,
    /// The hold that the link cancels.
    pub hold: HoldId,
}

impl CancelLink {
    /// The text: account and hold.
    pub fn text(self, key: &MacKey) -> String {
        word_link::write([self.account.0, self.hold.0], key)
    }

    /// Reads what has become of a text that [`CancelLink::text`] wrote with the same key.
    pub fn read(text: &str, key: &MacKey) -> Reading<Self> {
        word_link::read(text, key).map(|[account, hold]| Self { account: AccountId(account), hold: HoldId(hold) })
    }
}

/// What is known of an account's recoveries, to answer a person who comes with the link of one that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Over {
    /// Whether another one waits, which that link does not stop.
    pub another_waits: bool,
    /// When the newest was finished, or another one since: a person got back in.
    pub recovered: Option<Timestamp>,
    /// When the newest was stopped.
    pub stopped: Option<Timestamp>,
}

impl Over {
    /// From what happened to the account, and whether a recovery waits.
    pub fn of(events: &[Event], another_waits: bool) -> Self {
        let last = |what| events.iter().filter(|event| event.what == what).map(|event| event.at).max();
        // What ended before the newest of them was held ended another.
        let held = last(What::RecoveryHeld);
        let ended = |what| last(what).filter(|at| held.is_some_and(|held| held <= *at));
        Self { another_waits, recovered: ended(What::Recovered), stopped: ended(What::RecoveryCancelled) }
    }
}

impl Hold {
    /// From this moment on it is gone.
    pub fn expires_at(&self) -> Timestamp {
        self.until.after(HOLD_OPEN)
    }

    /// Whether it can still be finished, or cancelled. One that was asked for in the future is over: it would hold its
    /// account up for as long as a clock was ahead.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.asked_at.has_come(now) && now < self.expires_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn only_the_gateway_writes_links_that_cancel() {
        let key = MacKey::derive(&Secret::from_bytes([1; 32]), "held recoveries");
        let link = CancelLink { account: AccountId(Uuid::from_u128(1)), hold: HoldId(Uuid::from_u128(2)) };
        let text = link.text(&key);
        for text in [text.clone(), text.to_uppercase(), text.to_lowercase(), format!("{text}."), format!("<{text}>")] {
            assert_eq!(CancelLink::read(&text, &key), Reading::Right(link), "{text}");
        }
        assert_eq!(text.len(), word_link::LEAST + 1);
        let other = MacKey::derive(&Secret::from_bytes([2; 32]), "held recoveries");
        assert_eq!(CancelLink::read(&text, &other), Reading::Wrong);
        let swapped = CancelLink { hold: HoldId(Uuid::from_u128(3)), ..link }.text(&key);
        let (_, digest) = text.rsplit_once('.').unwrap();
        let (names, _) = swapped.rsplit_once('.').unwrap();
        assert_eq!(CancelLink::read(&format!("{names}.{digest}"), &key), Reading::Wrong);
        for cut in ["..", "", names, digest, &text[1..], &text[..text.len() - 1]] {
            assert_eq!(CancelLink::read(cut, &key), Reading::NotWhole, "{cut}");
        }
    }
}
