//! The keys that are derived from the gateway's master secret.

use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::plan::Counter;
use crate::domain::secret::{MacKey, Secret, SecretDigest};
use crate::domain::session::SessionId;

/// Keys derived from the gateway's master secret, one for each purpose.
#[derive(Clone, Debug)]
pub struct DerivedKeys {
    /// For the digests of e-mailed codes.
    pub codes: MacKey,
    /// For the names of counters.
    pub counters: MacKey,
    /// For the tokens of forms.
    pub forms: MacKey,
    /// For what browsers are known by to accounts.
    pub devices: MacKey,
    /// For what is pressed.
    pub presses: MacKey,
    /// For made-up credential ids.
    pub fakes: MacKey,
    /// For the links that cancel held recoveries.
    pub holds: MacKey,
    /// For the links that undo changes of address.
    pub moves: MacKey,
    /// For the codes of links.
    pub links: MacKey,
    /// For the codes that operators give out.
    pub admin_codes: MacKey,
    /// For the names by which the store knows sessions of the API.
    pub api_sessions: MacKey,
    /// For the names of accounts to be.
    pub accounts: MacKey,
    /// For refresh tokens: which follows which.
    pub refresh_tokens: MacKey,
    /// For the codes by which a browser is handed over from one host to another.
    pub hand_offs: MacKey,
}

impl DerivedKeys {
    /// All keys of a master secret.
    pub fn derive(master: &Secret) -> Self {
        let key = |purpose| MacKey::derive(master, purpose);
        Self {
            codes: key("e-mail codes"),
            counters: key("counters"),
            forms: key("forms"),
            devices: key("known devices"),
            presses: key("presses"),
            fakes: key("fake credentials"),
            holds: key("held recoveries"),
            moves: key("changes of address"),
            links: key("links"),
            admin_codes: key("admin codes"),
            api_sessions: key("API sessions"),
            accounts: key("accounts to be"),
            refresh_tokens: key("refresh tokens"),
            hand_offs: key("hand-offs"),
        }
    }

    /// What the store knows a session of the API by: no client carries it, its access tokens name the session.
    pub fn api_session(&self, id: SessionId) -> SecretDigest {
        SecretDigest::from_bytes(self.api_sessions.mac(&[id.0.as_bytes()]))
    }

    /// The id of the account that this browser would make for an address about now. A visitor who begins twice gets the
    /// same one. So the second passkey takes the place of the first in the browser's manager, and is no dead twin
    /// beside it (WebAuthn L3 §5.1.3). An hour later the id is another one, since no account gets the id of one before
    /// it.
    pub(super) fn account_to_be(&self, browser: SecretDigest, email: &Email, now: Timestamp) -> AccountId {
        let hour = now.unix() / 3600;
        let mac = self.accounts.mac(&[browser.bytes(), email.as_str().as_bytes(), &hour.to_be_bytes()]);
        let (head, _) = mac.split_first_chunk::<16>().expect("a digest has 32 bytes");
        AccountId(uuid::Builder::from_random_bytes(*head).into_uuid())
    }

    /// The name of the counter of `parts`.
    pub(super) fn counter(&self, parts: &[&[u8]]) -> Counter {
        Counter(self.counters.mac(parts))
    }
}
