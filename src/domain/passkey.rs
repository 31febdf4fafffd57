//! Passkeys: the public halves of the keys that people's devices made.

use std::collections::BTreeSet;
use std::fmt;

use uuid::Uuid;
use webauthn_rs::prelude::Passkey as Credential;

use super::account::AccountId;
use super::clock::Timestamp;
use super::host::Host;
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
    /// The relying party's id it was made for, which no browser offers it to any other (WebAuthn L3 §4, "RP ID"). One from
    /// before that was kept has none; then it is that of the store ([`LockedOut`]).
    pub rp_id: Option<Host>,
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

/// The passkeys that cannot be used with some `rp_id`, because they were made for another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedOut {
    /// How many these are.
    pub passkeys: usize,
    /// Whose they are.
    accounts: BTreeSet<AccountId>,
    /// What they were made for.
    pub made_for: BTreeSet<Host>,
    /// How many others do not say what they were made for, in a store that does not know it either.
    pub unknown: usize,
}

impl LockedOut {
    /// Looks at one more passkey: whose it is and what it was made for. `older` is what those were made for that do not
    /// say so.
    pub fn look(&mut self, rp_id: &Host, older: Option<&Host>, account: AccountId, made_for: Option<&Host>) {
        match made_for.or(older) {
            None => self.unknown += 1,
            Some(made_for) if made_for != rp_id => {
                self.passkeys += 1;
                self.accounts.insert(account);
                if !self.made_for.contains(made_for) {
                    self.made_for.insert(made_for.clone());
                }
            }
            Some(_) => {}
        }
    }

    /// How many accounts have such a passkey.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }
}

impl fmt::Display for LockedOut {
    /// How many they are and what they were made for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made_for: Vec<&str> = self.made_for.iter().map(Host::as_str).collect();
        let (passkeys, were) = if self.passkeys == 1 { ("passkey", "was") } else { ("passkeys", "were") };
        let accounts = if self.accounts() == 1 { "account" } else { "accounts" };
        let (count, whose, made_for) = (self.passkeys, self.accounts(), made_for.join(" and "));
        write!(f, "{count} {passkeys} of {whose} {accounts} {were} made for {made_for}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passkey_is_locked_out_by_every_rp_id_but_the_one_it_was_made_for() {
        let host = |text: &str| Host::parse(text).expect("a host");
        let [old, new] = ["notes.example.com", "example.com"].map(host);
        let account = |n| AccountId(Uuid::from_u128(n));
        let look = |rp_id: &Host, older: Option<&Host>, all: &[(u128, Option<&Host>)]| {
            let mut locked_out = LockedOut::default();
            all.iter().for_each(|(n, made_for)| locked_out.look(rp_id, older, account(*n), *made_for));
            locked_out
        };
        let all = [(1, None), (1, Some(&old)), (2, Some(&new)), (3, None)];
        let by_new = look(&new, Some(&old), &all);
        assert_eq!((by_new.passkeys, by_new.accounts(), by_new.unknown), (3, 2, 0));
        assert_eq!(by_new.to_string(), "3 passkeys of 2 accounts were made for notes.example.com");
        let by_old = look(&old, Some(&old), &all);
        assert_eq!(by_old.to_string(), "1 passkey of 1 account was made for example.com");
        // Nothing can be said of what does not say it and was never noted.
        let unknown = look(&new, None, &all);
        assert_eq!((unknown.passkeys, unknown.accounts(), unknown.unknown), (1, 1, 2));
        assert_eq!(look(&new, None, &[]), LockedOut::default());
        let neither = look(&host("example.org"), Some(&old), &all);
        assert_eq!(neither.to_string(), "4 passkeys of 3 accounts were made for example.com and notes.example.com");
    }
}
