//! The keys that are derived from the gateway's master secret.

use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::plan::Counter;
use crate::domain::secret::{MacKey, Secret, SecretDigest};
use crate::domain::session::SessionId;

/// Keys derived from the gateway's master secret, one for each purpose, so that what is made with one of them counts
/// nowhere else.
#[derive(Clone, Debug)]
pub struct DerivedKeys {
    /// Makes the [code](crate::domain::code::Code) of each id, so that the store keeps the id alone.
    pub mailed_codes: MacKey,
    /// Makes the names of [counters](Counter), so that the store lists no addresses.
    pub counters: MacKey,
    /// Signs the token of each form, so that only our own pages can send it.
    pub forms: MacKey,
    /// Names a [known device](crate::domain::known_device::KnownDevice), and signs which accounts know it.
    pub known_devices: MacKey,
    /// Makes the secrets that follow from a [press](crate::domain::press::Press).
    pub presses: MacKey,
    /// Makes up credential ids for an address without an account, the same ones each time.
    pub fake_credentials: MacKey,
    /// Signs the links in mails that [cancel](crate::domain::recovery::CancelLink) held recoveries.
    pub cancel_links: MacKey,
    /// Signs the links in mails that [undo](crate::domain::address::UndoLink) changes of address.
    pub undo_links: MacKey,
    /// Digests the codes that add a [device](crate::domain::link), which are too short for a plain digest.
    pub device_links: MacKey,
    /// Digests the [codes](crate::domain::admin_code) that operators give out, for the same reason.
    pub admin_codes: MacKey,
    /// Makes the names by which the store knows sessions of the API; see [`DerivedKeys::api_session`].
    pub api_sessions: MacKey,
    /// Makes the ids of accounts that are about to register; see [`DerivedKeys::account_to_be`].
    pub account_ids: MacKey,
    /// Makes each [refresh token](crate::domain::token_family::RefreshToken) from the one before, and what is noted of
    /// it: its public id, and the mark of the client that spent it.
    pub refresh_tokens: MacKey,
    /// Signs the [codes](crate::domain::hand_off::HandOffCode) that hand a browser over from one host to another.
    pub hand_offs: MacKey,
}

impl DerivedKeys {
    /// All keys of a master secret.
    pub fn derive(master: &Secret) -> Self {
        let key = |purpose| MacKey::derive(master, purpose);
        // A purpose must never change: all that was made with its key before would stop working.
        Self {
            mailed_codes: key("e-mail codes"),
            counters: key("counters"),
            forms: key("forms"),
            known_devices: key("known devices"),
            presses: key("presses"),
            fake_credentials: key("fake credentials"),
            cancel_links: key("held recoveries"),
            undo_links: key("changes of address"),
            device_links: key("links"),
            admin_codes: key("admin codes"),
            api_sessions: key("API sessions"),
            account_ids: key("accounts to be"),
            refresh_tokens: key("refresh tokens"),
            hand_offs: key("hand-offs"),
        }
    }

    /// What a session of the API has in place of the digest of a cookie: its key in the store. A client presents access
    /// tokens, which name the session by its public id, so the key is derived from that.
    pub fn api_session(&self, id: SessionId) -> SecretDigest {
        SecretDigest::from_bytes(self.api_sessions.mac(&[id.0.as_bytes()]))
    }

    /// The id of the account that this browser would register for an address in this hour of the clock.
    ///
    /// A visitor who begins twice within it gets the same id. An authenticator keeps one passkey for each user handle
    /// (WebAuthn L3 §6.3.2), so the second passkey replaces the first and leaves none that opens nothing. In the next
    /// hour the id is another one, so that a person who deletes an account and registers again does not get its id.
    pub(super) fn account_to_be(&self, browser: SecretDigest, email: &Email, now: Timestamp) -> AccountId {
        let hour = now.unix() / 3600;
        let mac = self.account_ids.mac(&[browser.bytes(), email.as_str().as_bytes(), &hour.to_be_bytes()]);
        let (head, _) = mac.split_first_chunk::<16>().expect("a digest has 32 bytes");
        AccountId(uuid::Builder::from_random_bytes(*head).into_uuid())
    }

    /// The counter of what `parts` name together: what is counted, and by what, such as an address or a network.
    pub(super) fn counter(&self, parts: &[&[u8]]) -> Counter {
        Counter(self.counters.mac(parts))
    }
}
