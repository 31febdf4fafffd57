//! Where a visitor wanted to go, where that is too long to be carried along in an address: it is kept under a name,
//! which is carried along instead.

use std::time::Duration;

use super::clock::Timestamp;
use super::host::Host;
use super::path::RequestTarget;
use super::secret::{Secret, SecretDigest};

/// How long one is kept: a visitor who comes back to the page in the evening still gets to where they wanted.
pub const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// A target that is too long for an address. It opens nothing: a visitor who is sent there is decided about like any
/// other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The digest of its name.
    pub name: SecretDigest,
    /// The host it is on, and the only one that it is told on.
    pub host: Host,
    /// The path and query, as they came in; none of the gateway's own.
    pub target: RequestTarget,
    /// When it is over.
    pub expires_at: Timestamp,
}

impl Bookmark {
    /// One that is made now; `None` for a target of the gateway's own.
    pub fn new(name: &Secret, host: Host, target: RequestTarget, now: Timestamp) -> Option<Self> {
        let expires_at = now.after(LIFETIME);
        (!target.path.is_reserved()).then(|| Self { name: name.digest(), host, target, expires_at })
    }

    /// Whether it is still kept.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.expires_at.is_ahead(now, LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(target: &str) -> Option<Bookmark> {
        let target = RequestTarget::parse(target.as_bytes()).unwrap();
        let host = Host::parse("notes.example.com").unwrap();
        Bookmark::new(&Secret::from_bytes([1; 32]), host, target, Timestamp::from_unix(1000))
    }

    #[test]
    fn one_is_kept_for_half_a_day() {
        let bookmark = new("/search?q=x").unwrap();
        assert_eq!(bookmark.name, Secret::from_bytes([1; 32]).digest());
        assert!(bookmark.is_open(Timestamp::from_unix(1000 + 12 * 3600 - 1)));
        assert!(!bookmark.is_open(Timestamp::from_unix(1000 + 12 * 3600)));
        // A clock that was ahead made it.
        assert!(!bookmark.is_open(Timestamp::from_unix(1000 - 61)));
    }

    #[test]
    fn none_leads_to_our_own_pages() {
        for target in ["/_bmauth/devices", "/_bmauth/sign-out?x", "/_BMAUTH", "/%5fbmauth/x"] {
            assert_eq!(new(target), None, "{target}");
        }
    }
}
