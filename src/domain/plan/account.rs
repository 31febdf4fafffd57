//! Changes of accounts.

use super::effects::Effects;
use crate::domain::account::{Account, AccountId};
use crate::domain::aftermath::Aftermath;
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::profile::Locale;

/// A change of an account.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// Adds an account. Neither its id nor its address may be in use, nor may its address be kept for an account that
    /// had it before.
    Add(Account),
    /// Disables an account, or enables it again. It must exist. Disabling ends its sessions and takes away what would
    /// let a person in later: recoveries, held or not, and an operator's code.
    SetDisabled {
        /// The account to be disabled or enabled.
        account: AccountId,
        /// Whether it gets no sessions from now on.
        disabled: bool,
    },
    /// Puts an account into other groups. It must still be in those it `was` in.
    SetGroups {
        /// The account to be put into groups.
        account: AccountId,
        /// The groups it was read with.
        was: Vec<String>,
        /// The groups it is in from now on.
        groups: Vec<String>,
    },
    /// Gives an account another address. It must still have the one it `was` read with, and the new one must be no
    /// other account's, nor be kept for one.
    SetEmail {
        /// The account to get the address.
        account: AccountId,
        /// The address it was read with.
        was: Email,
        /// The address it has from now on.
        is: Email,
        /// The time, by which it is told whether the new address is kept for another account.
        now: Timestamp,
    },
    /// Says what the person wants to be called, and the language they read. It must exist.
    SetProfile {
        /// The account of that person.
        account: AccountId,
        /// What they want to be called from now on.
        name: Option<String>,
        /// What they read from now on.
        locale: Option<Locale>,
    },
    /// Says what a recovery leaves behind. It must still be as it `was` read; where it `is` the same, nothing changes.
    Aftermath {
        /// The account that was recovered.
        account: AccountId,
        /// What it was read with.
        was: Aftermath,
        /// What it is from now on.
        is: Aftermath,
    },
    /// Removes an account with everything of it: passkeys, sessions, events, recoveries, held or not, an operator's
    /// code, a change of address, and links that it offers or has approved. It must exist.
    Remove(AccountId),
}

/// Why a change of an account is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountConflict {
    /// Its id is in use.
    Exists,
    /// The address has an account, or is kept for one.
    EmailTaken,
    /// It is gone.
    Gone,
    /// It is disabled.
    Disabled,
    /// It was changed meanwhile.
    Changed,
}

impl AccountChange {
    /// The account must not have been recovered, nor its review answered, since it was read.
    pub fn still(account: &Account) -> Self {
        Self::leaving(account, account.aftermath.clone())
    }

    /// What a recovery leaves behind is this from now on, where it is still what was read.
    pub fn leaving(account: &Account, is: Aftermath) -> Self {
        Self::Aftermath { account: account.id, was: account.aftermath.clone(), is }
    }

    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::Add(_) => {}
            Self::SetDisabled { account, .. } | Self::Remove(account) => effects.may_end_sessions_of(*account),
            Self::SetGroups { account, .. } | Self::SetProfile { account, .. } | Self::SetEmail { account, .. } => {
                effects.changes_account(*account)
            }
            Self::Aftermath { account, was, is } if was != is => effects.may_end_and_changes(*account),
            Self::Aftermath { .. } => {}
        }
    }
}
