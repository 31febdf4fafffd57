//! A change of an account's address under way: from the code that is out until it cannot be undone any more, or a day
//! after it was.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::AccountId;
use super::clock::Timestamp;
use super::email::Email;
use super::mailed_code::MailedCode;
use super::passkey::CredentialId;
use super::secret::{MacKey, SecretDigest};
use super::word_link::{self, Reading};

/// How long a change may wait for its code, new codes included.
pub const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long a change can be undone, and the address from before is kept from other accounts.
pub const UNDO: Duration = Duration::from_secs(24 * 3600);

/// The name of a change of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MoveId(pub Uuid);

/// A change of an account's address: an account has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The account whose address changes.
    pub account: AccountId,
    /// Its name; the link that undoes it carries a keyed digest of this.
    pub id: MoveId,
    /// Raised by one with every change.
    pub revision: u32,
    /// How far it is.
    pub stage: MoveStage,
    /// From this moment on it is gone.
    pub expires_at: Timestamp,
}

/// How far a change of address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveStage {
    /// A code is out.
    Asked(AskedMove),
    /// The account has its new address, and the one from before is kept for it.
    Done {
        /// The address from before.
        from: Email,
    },
    /// It was undone by the link in the letter to the address from before. An attacker who made the change may have a
    /// passkey still. So until this is over, the account gets no other address and is not deleted.
    Undone,
}

/// A change of address that waits for its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedMove {
    /// The new address.
    pub to: Email,
    /// What it can come to.
    pub outlook: MoveOutlook,
    /// The session that asked, and alone goes on.
    pub session: SecretDigest,
    /// The passkey that confirmed it.
    pub credential: CredentialId,
    /// The code that is out.
    pub code: MailedCode,
}

/// What a change to an address can come to. The person who asked sees the same pages in each case; the letter to the
/// address differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveOutlook {
    /// The change, with the code of the letter.
    Address,
    /// Nothing: the address is another account's, whose owner is told.
    Taken,
    /// Nothing: the address is kept for the account that had it, and the letter says so.
    Kept,
    /// Nothing: the address may not have an account, and no letter goes out.
    NotAllowed,
}

impl Move {
    /// By what the store knows whether it is the one that was read.
    pub fn name(&self) -> (MoveId, u32) {
        (self.id, self.revision)
    }

    /// Whether it can still be gone on with, or undone, or holds its account up.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let lifetime = match self.stage {
            MoveStage::Asked(_) => LIFETIME,
            MoveStage::Done { .. } | MoveStage::Undone => UNDO,
        };
        self.expires_at.is_ahead(now, lifetime)
    }

    /// The address that it waits for the code of.
    pub fn asked_for(&self) -> Option<&Email> {
        match &self.stage {
            MoveStage::Asked(asked) => Some(&asked.to),
            MoveStage::Done { .. } | MoveStage::Undone => None,
        }
    }

    /// The address that is kept for its account.
    pub fn former(&self) -> Option<&Email> {
        match &self.stage {
            MoveStage::Asked(_) | MoveStage::Undone => None,
            MoveStage::Done { from } => Some(from),
        }
    }
}

/// What the link in the letter to the address from before says. It is a bearer link: the person who has it may undo the
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UndoLink {
    /// The account whose change is undone.
    pub account: AccountId,
    /// The change that is undone.
    pub undoes: MoveId,
}

impl UndoLink {
    /// The text: account and change.
    pub fn text(self, key: &MacKey) -> String {
        word_link::write([self.account.0, self.undoes.0], key)
    }

    /// Reads what has become of a text that [`UndoLink::text`] wrote with the same key.
    pub fn read(text: &str, key: &MacKey) -> Reading<Self> {
        word_link::read(text, key).map(|[account, undoes]| Self { account: AccountId(account), undoes: MoveId(undoes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn only_the_gateway_writes_links_that_undo() {
        let key = |byte| MacKey::derive(&Secret::from_bytes([byte; 32]), "changes of address");
        let link = UndoLink { account: AccountId(Uuid::from_u128(1)), undoes: MoveId(Uuid::from_u128(2)) };
        let text = link.text(&key(1));
        assert_eq!(UndoLink::read(&text, &key(1)), Reading::Right(link));
        assert_eq!(UndoLink::read(&text, &key(2)), Reading::Wrong);
        let other = UndoLink { undoes: MoveId(Uuid::from_u128(3)), ..link }.text(&key(1));
        let ((_, digest), (names, _)) = (text.split_once('.').unwrap(), other.split_once('.').unwrap());
        assert_eq!(UndoLink::read(&format!("{names}.{digest}"), &key(1)), Reading::Wrong);
        for cut in [names, ".", ""] {
            assert_eq!(UndoLink::read(cut, &key(1)), Reading::NotWhole, "{cut}");
        }
    }
}
