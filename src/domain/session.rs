//! Sessions: a browser that has proved who uses it.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::{Account, AccountId};
use super::clock::Timestamp;
use super::destination::Destination;
use super::host::Host;
use super::passkey::{CredentialId, NewPasskey};
use super::secret::SecretDigest;
use super::visitor::Visitor;

/// The public name of a session (`sid` in tokens): it opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub Uuid);

/// One way a person was authenticated, as `amr` names it (RFC 8176 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Method {
    /// `hwk`: a key that cannot leave its device.
    HardwareKey,
    /// `swk`: a key that may be copied between devices.
    SoftwareKey,
    /// `user`: the device verified its user by fingerprint, face or screen lock.
    UserVerified,
    /// `otp`: a code sent by e-mail.
    EmailCode,
}

impl Method {
    /// The value in `amr`.
    pub const fn amr(self) -> &'static str {
        match self {
            Self::HardwareKey => "hwk",
            Self::SoftwareKey => "swk",
            Self::UserVerified => "user",
            Self::EmailCode => "otp",
        }
    }

    /// The kind of key that a passkey is, by whether it may be copied.
    pub const fn of_key(backup_eligible: bool) -> Self {
        if backup_eligible { Self::SoftwareKey } else { Self::HardwareKey }
    }
}

/// How and when a session's user proved who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// The moment of the proof (`auth_time`).
    pub at: Timestamp,
    /// The ways in which the person was authenticated (`amr`).
    pub methods: Vec<Method>,
}

impl Authentication {
    /// `acr`: `phr` (phishing-resistant) where a passkey was used, else `otp`.
    pub fn acr(&self) -> &'static str {
        let passkey = |method: &Method| matches!(method, Method::HardwareKey | Method::SoftwareKey);
        if self.methods.iter().any(passkey) { "phr" } else { "otp" }
    }
}

/// A signed-in browser, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The digest of the token in the browser's cookie.
    pub token: SecretDigest,
    /// Its public name.
    pub id: SessionId,
    /// Who is signed in.
    pub account: AccountId,
    /// The passkey it was made with: removing that one ends it. `None` where an e-mailed code alone was proved.
    pub credential: Option<CredentialId>,
    /// How it was proved.
    pub authentication: Authentication,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute; of a member of a family, when it was made.
    pub last_seen_at: Timestamp,
    /// The browser and system in words, for its owner to recognise.
    pub browser: String,
    /// Where it was made from.
    pub address: Option<IpAddr>,
    /// When the account was recovered by e-mail, where this session came of that.
    pub recovered_at: Option<Timestamp>,
    /// The one host that it is good at. `None` for one of the API, whose tokens are good at every host, and for one
    /// from before sessions had a host, which is bound to the first that shows it.
    pub host: Option<Host>,
    /// Where its visitor wanted to go when it began: the press that began it is answered with this again.
    pub bound_for: Destination,
    /// The token of the session that it was handed over from, which it lives and ends with; `None` for one that was
    /// signed in to itself. See [`Session::family`].
    pub head: Option<SecretDigest>,
}

impl Session {
    /// The family of a browser's sessions over hosts: the token of the one that was signed in to, the head. The others
    /// are its members. They began with it, last as long as it, and end with it; whichever is used, the head counts as
    /// used.
    pub fn family(&self) -> SecretDigest {
        self.head.unwrap_or(self.token)
    }

    /// Whether it may be a member of the family of `head`: that is one that was signed in to, of the same account.
    pub fn is_handed_over_from(&self, head: &Self) -> bool {
        self.head == Some(head.token) && head.head.is_none() && self.account == head.account
    }

    /// The member of its family that its browser gets at `host`.
    pub fn member(&self, token: SecretDigest, id: SessionId, host: Host, now: Timestamp) -> Self {
        Self {
            token,
            id,
            host: Some(host),
            head: Some(self.family()),
            last_seen_at: now,
            bound_for: Destination::root(),
            ..self.clone()
        }
    }

    /// Whatever of it is in the future is now: all that lasts for a while from then lasts as long from now, and no
    /// longer.
    pub fn set_back(&mut self, now: Timestamp) {
        self.created_at = self.created_at.min(now);
        self.last_seen_at = self.last_seen_at.min(now);
        self.authentication.at = self.authentication.at.min(now);
        self.recovered_at = self.recovered_at.map(|at| at.min(now));
    }
}

/// A session about to be: all of it but whose it is.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The digest of the fresh token.
    pub token: SecretDigest,
    /// Its fresh public name.
    pub id: SessionId,
    /// The browser and system in words.
    pub browser: String,
    /// Where the visitor is.
    pub address: Option<IpAddr>,
    /// The host whose cookie carries it.
    pub host: Option<Host>,
}

impl NewSession {
    /// A session of this visitor's, known to the store by `token`.
    pub fn new(token: SecretDigest, id: SessionId, visitor: &Visitor) -> Self {
        Self {
            token,
            id,
            browser: visitor.description.clone(),
            address: visitor.address,
            host: visitor.host().cloned(),
        }
    }

    /// The session of `account`, proved with the passkey `key` and whatever else is in `also`.
    pub fn begin(self, account: AccountId, key: &NewPasskey, also: &[Method], now: Timestamp) -> Session {
        let mut methods = vec![Method::of_key(key.backup_eligible), Method::UserVerified];
        methods.extend_from_slice(also);
        Session { credential: Some(key.id.clone()), ..self.begin_by(account, methods, now) }
    }

    /// The session of `account`, proved without a passkey.
    pub fn begin_by_code(self, account: AccountId, methods: &[Method], now: Timestamp) -> Session {
        self.begin_by(account, methods.to_vec(), now)
    }

    fn begin_by(self, account: AccountId, methods: Vec<Method>, now: Timestamp) -> Session {
        Session {
            token: self.token,
            id: self.id,
            account,
            credential: None,
            authentication: Authentication { at: now, methods },
            created_at: now,
            last_seen_at: now,
            browser: self.browser,
            address: self.address,
            recovered_at: None,
            host: self.host,
            bound_for: Destination::root(),
            head: None,
        }
    }
}

impl Session {
    /// How its user has proved who they are once `key` was made in it: as in a session that was begun with it.
    pub fn authenticated_with(&self, key: &NewPasskey, now: Timestamp) -> Authentication {
        let mut methods = vec![Method::of_key(key.backup_eligible), Method::UserVerified];
        methods.extend(self.authentication.methods.iter().copied().filter(|method| *method == Method::EmailCode));
        Authentication { at: now, methods }
    }
}

/// How long sessions may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// How long a session lasts without any request.
    pub idle: Duration,
    /// The longest time from sign-in to the end, however much it is used.
    pub absolute: Duration,
}

impl SessionLimits {
    /// When a session ends that began at `created_at` and was last used at `last_seen_at`.
    pub fn end(&self, created_at: Timestamp, last_seen_at: Timestamp) -> Timestamp {
        self.absolute_end(created_at).min(last_seen_at.after(self.idle))
    }

    /// When a session that began at `created_at` ends however much it is used.
    pub fn absolute_end(&self, created_at: Timestamp) -> Timestamp {
        created_at.after(self.absolute)
    }
}

/// A session together with its account as they were read: what decisions and tokens are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The session as it was read.
    pub session: Session,
    /// The account that the session is of.
    pub account: Account,
    /// When the session ends however much it is used.
    pub absolute_end: Timestamp,
}

impl SignedIn {
    /// What an app may be told of it.
    pub fn facts(&self) -> SessionFacts<'_> {
        let Self { session, account, .. } = self;
        SessionFacts {
            session: session.id,
            account: account.id,
            email: account.email.as_str(),
            name: account.name.as_deref(),
            groups: account.groups.iter().map(String::as_str).collect(),
            authentication: session.authentication.clone(),
            recovered_at: session.recovered_at,
        }
    }
}

/// What an app may be told of a session and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts<'a> {
    /// The session's public name.
    pub session: SessionId,
    /// Who is signed in.
    pub account: AccountId,
    /// Their proved address.
    pub email: &'a str,
    /// What they want to be called.
    pub name: Option<&'a str>,
    /// The groups they are in.
    pub groups: Vec<&'a str>,
    /// How it was proved.
    pub authentication: Authentication,
    /// When the account was recovered by e-mail, where the session came of that.
    pub recovered_at: Option<Timestamp>,
}

#[cfg(test)]
impl Session {
    /// One of an account without a name, whose token and public name are made of `n`; of no host, and a member of no
    /// family.
    pub(crate) fn numbered(n: u8) -> Self {
        let at = Timestamp::from_unix(u64::from(n));
        Self {
            token: SecretDigest::from_bytes([n; 32]),
            id: SessionId(Uuid::from_u128(n.into())),
            account: AccountId(Uuid::nil()),
            credential: None,
            authentication: Authentication { at, methods: Vec::new() },
            created_at: at,
            last_seen_at: at,
            browser: String::new(),
            address: None,
            recovered_at: None,
            host: None,
            bound_for: Destination::root(),
            head: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_at_the_nearer_of_its_two_limits() {
        let limits = SessionLimits { idle: Duration::from_secs(60), absolute: Duration::from_secs(600) };
        let at = Timestamp::from_unix;
        assert_eq!(limits.end(at(0), at(10)), at(70));
        assert_eq!(limits.end(at(0), at(590)), at(600));
    }

    #[test]
    fn only_a_passkey_is_phishing_resistant() {
        let acr = |methods: &[Method]| Authentication { at: Timestamp::from_unix(0), methods: methods.to_vec() }.acr();
        assert_eq!(acr(&[Method::EmailCode]), "otp");
        assert_eq!(acr(&[Method::SoftwareKey, Method::UserVerified, Method::EmailCode]), "phr");
        assert_eq!(acr(&[Method::HardwareKey]), "phr");
    }
}
