//! The keys that are derived from the gateway's master secret.

use crate::domain::plan::Counter;
use crate::domain::secret::{MacKey, Secret, SecretDigest};
use crate::domain::session::SessionId;

/// Keys derived from the gateway's master secret, one for each purpose.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Of e-mailed codes.
    pub codes: MacKey,
    /// Of the names of counters.
    pub counters: MacKey,
    /// Of form tokens.
    pub forms: MacKey,
    /// Of what is pressed.
    pub presses: MacKey,
    /// Of made-up credential ids.
    pub fakes: MacKey,
    /// Of the links that cancel held recoveries.
    pub holds: MacKey,
    /// Of the codes of links.
    pub links: MacKey,
    /// Of the codes that operators give out.
    pub admin_codes: MacKey,
    /// Of the names by which the store knows sessions of the API.
    pub api_sessions: MacKey,
    /// Of refresh tokens: which follows which.
    pub refresh_tokens: MacKey,
}

impl Keys {
    /// All keys of a master secret.
    pub fn derive(master: &Secret) -> Self {
        let key = |purpose| MacKey::derive(master, purpose);
        Self {
            codes: key("e-mail codes"),
            counters: key("counters"),
            forms: key("forms"),
            presses: key("presses"),
            fakes: key("fake credentials"),
            holds: key("held recoveries"),
            links: key("links"),
            admin_codes: key("admin codes"),
            api_sessions: key("API sessions"),
            refresh_tokens: key("refresh tokens"),
        }
    }

    /// What the store knows a session of the API by: no client carries it, its access tokens name the session.
    pub fn api_session(&self, id: SessionId) -> SecretDigest {
        SecretDigest::from_bytes(self.api_sessions.mac(&[id.0.as_bytes()]))
    }

    /// The name of the counter of `parts`.
    pub(super) fn counter(&self, parts: &[&[u8]]) -> Counter {
        Counter(self.counters.mac(parts))
    }
}
