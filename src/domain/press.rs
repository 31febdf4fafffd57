//! One press of a button, and what follows from it alone.
//!
//! A line that is slow, a thumb that is quick or a proxy that repeats may send the same press twice. The second is
//! answered as the first was: the secrets that a press brings about are derived from it, so that they need not be kept
//! to be given again.

use std::time::Duration;

use super::secret::{MacKey, Secret, SecretDigest};

/// For how long a press is answered the same again.
pub const AGAIN: Duration = Duration::from_secs(60);

/// The longest name of a press, in bytes.
pub const LONGEST_NAME: usize = 64;

/// One press: the page's own token, which is its browser's alone, the step and all that was sent.
#[derive(Clone, Debug)]
pub struct Press(Secret);

impl Press {
    /// The press that sends `body` to `step` from the page with that `token`. Who does not have the page cannot make it
    /// again: its token is random. Scripts, which press more than once on one page, give each press a `name`.
    pub fn new(key: &MacKey, token: &str, name: &str, step: &str, body: &[u8]) -> Self {
        Self(Secret::from_bytes(key.mac(&[token.as_bytes(), name.as_bytes(), step.as_bytes(), body])))
    }

    /// What it is told apart by from all others, which says nothing of what follows from it.
    pub fn id(&self) -> SecretDigest {
        self.derive("id").digest()
    }

    /// The token of the session that it begins.
    pub fn session(&self) -> Secret {
        self.derive("session")
    }

    /// The flow cookie that its browser goes on with.
    pub fn flow(&self) -> Secret {
        self.derive("flow")
    }

    fn derive(&self, what: &str) -> Secret {
        Secret::from_bytes(*MacKey::derive(&self.0, what).bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_press_brings_about_the_same_and_no_other_does() {
        let key = |n| MacKey::derive(&Secret::from_bytes([n; 32]), "presses");
        let one = Press::new(&key(1), "token", "name", "/step", b"body");
        let again = Press::new(&key(1), "token", "name", "/step", b"body");
        assert_eq!((one.session(), one.id()), (again.session(), again.id()));
        assert_ne!(one.session(), one.flow());
        assert!(one.id() != one.session().digest() && one.id() != one.flow().digest());
        for other in [
            Press::new(&key(2), "token", "name", "/step", b"body"),
            Press::new(&key(1), "other", "name", "/step", b"body"),
            Press::new(&key(1), "token", "other", "/step", b"body"),
            Press::new(&key(1), "token", "name", "/other", b"body"),
            Press::new(&key(1), "token", "name", "/step", b"other"),
        ] {
            assert_ne!(one.session(), other.session());
            assert_ne!(one.flow(), other.flow());
            assert_ne!(one.id(), other.id());
        }
    }
}
