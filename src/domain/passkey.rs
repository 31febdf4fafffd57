//! Passkeys: the public halves of the keys that people's devices made.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use uuid::Uuid;
use webauthn_rs::prelude::Passkey as Credential;

use super::account::AccountId;
use super::clock::Timestamp;
use super::host::Host;
use super::provider;
use super::report::Report;
use super::user_agent::UserAgent;
use super::visitor::{ClientKind, Visitor};

pub use super::credential::CredentialId;

/// How many passkeys an account may have: enough for every device a person has. A recovery may add one more, since a
/// person who needs one has none of the others at hand; it asks which of them are lost.
pub const MOST: usize = 20;

/// What a device sent when it made a key, verified, but not yet of an account.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// The key's unique name.
    pub id: CredentialId,
    /// The public key and what verifying needs to know of it.
    pub credential: Credential,
    /// The signature counter last seen; synced passkeys always send 0 (WebAuthn L3 §6.1.1).
    pub counter: u32,
    /// The kind of authenticator, all zero where it did not say (WebAuthn L3 §6.5.1). Good for a name, never for
    /// policy.
    pub aaguid: Uuid,
    /// BE: the key may be copied to other devices (WebAuthn L3 §6.1.3).
    pub backup_eligible: bool,
    /// BS: the key is copied somewhere now.
    pub backed_up: bool,
    /// The relying party's id it was made for, which no browser offers it to any other (WebAuthn L3 §4, "RP ID"). One
    /// from before that was kept has none; then it is that of the store ([`LockedOut`]).
    pub rp_id: Option<Host>,
}

impl NewPasskey {
    /// What was reported of it last.
    pub fn report(&self) -> Report {
        let Self { counter, backup_eligible, backed_up, .. } = *self;
        Report { counter, backup_eligible, backed_up }
    }

    /// The passkey of an account, made in the visitor's browser, which is signed in with it at once. One that was made
    /// on our pages without a name gets one that tells it from the others. A client of the API reads back the names
    /// that it gave itself, and no other.
    pub fn of(
        self,
        account: AccountId,
        Naming { chosen, others }: Naming<'_>,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Passkey {
        let browser = visitor.description.clone();
        let proposed =
            || (visitor.client == ClientKind::Pages).then(|| told_apart(&title(self.aaguid, &browser), others));
        let name = chosen.or_else(proposed);
        Passkey { account, key: self, name, browser, created_at: now, last_used_at: Some(now) }
    }
}

/// How a new passkey gets its name.
#[derive(Clone, Debug, Default)]
pub struct Naming<'a> {
    /// What its owner typed, if anything.
    pub chosen: Option<String>,
    /// The other passkeys of the account, from which a proposed name tells it apart.
    pub others: &'a [Passkey],
}

/// A passkey of an account.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// The account that it belongs to.
    pub account: AccountId,
    /// The key itself.
    pub key: NewPasskey,
    /// What its owner calls it, or what it was given on our pages; [`Passkey::title`] otherwise.
    pub name: Option<String>,
    /// The browser and system it was made in, in words.
    pub browser: String,
    /// When the account got it.
    pub created_at: Timestamp,
    /// When it last signed its owner in.
    pub last_used_at: Option<Timestamp>,
}

impl Passkey {
    /// What people know it by: its name, or by whom and where it was made.
    pub fn title(&self) -> Cow<'_, str> {
        match &self.name {
            Some(name) => name.into(),
            None => title(self.key.aaguid, &self.browser).into(),
        }
    }

    /// When it was used last, or made where it never was: by this, lists begin with what is used most lately.
    pub fn last_seen(&self) -> Timestamp {
        self.last_used_at.unwrap_or(self.created_at)
    }
}

/// What a passkey is called by itself: by who keeps it and the system it was made on, "1Password (Windows)", or the
/// browser, "Chrome on Windows". Words of our own tables, in which nothing stands that a client sent.
fn title(aaguid: Uuid, browser: &str) -> String {
    let UserAgent { browser: known, system, .. } = UserAgent::named_in(browser);
    match (provider::known(aaguid), known, system) {
        (Some(provider), _, Some(system)) if !provider.contains(system) => format!("{provider} ({system})"),
        (Some(provider), _, _) => provider.to_owned(),
        (None, Some(_), _) => browser.to_owned(),
        (None, None, Some(system)) => system.to_owned(),
        (None, None, None) => provider::UNKNOWN.to_owned(),
    }
}

/// A title, with the first number behind it by which none of `others` is called.
fn told_apart(title: &str, others: &[Passkey]) -> String {
    let is_free = |name: &String| others.iter().all(|other| other.title() != name.as_str());
    let numbered = (2..).map(|number: usize| format!("{title} {number}"));
    std::iter::once(title.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// The passkeys that cannot be used with some `rp_id`, because they were made for another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedOut {
    /// How many these are.
    pub passkeys: usize,
    /// The accounts that they belong to.
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
    use uuid::uuid;

    use super::*;

    #[test]
    fn a_passkey_is_called_by_who_keeps_it_and_where_it_was_made() {
        const ONE: Uuid = uuid!("bada5566-a7aa-401f-bd96-45619a55120d");
        const HELLO: Uuid = uuid!("08987058-cadc-4b81-b6e1-30de50dcbe96");
        const MAC: Uuid = uuid!("adce0002-35bc-c60a-648b-0b25f1f05503");
        for (aaguid, browser, expected) in [
            (ONE, "Firefox on Windows", "1Password (Windows)"),
            (ONE, "Unknown browser", "1Password"),
            (HELLO, "Edge on Windows", "Windows Hello"),
            (MAC, "Chrome on Mac", "Chrome on Mac"),
            (Uuid::nil(), "Chrome unter Windows", "Chrome unter Windows"),
            (Uuid::nil(), "Unknown browser on Linux", "Linux"),
            (Uuid::nil(), "Unknown browser", "Passkey"),
        ] {
            assert_eq!(title(aaguid, browser), expected, "{browser}");
        }
    }

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
