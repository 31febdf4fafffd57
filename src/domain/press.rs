//! One press of a button, and what follows from it alone.
//!
//! A line that is slow, a thumb that is quick or a proxy that repeats may send the same press twice. The second is answered
//! as the first was: the secrets that a press brings about are derived from it, so that they need not be kept to be given
//! again.

use std::time::Duration;

use super::secret::{MacKey, Secret};

/// For how long a press is answered the same again.
pub const AGAIN: Duration = Duration::from_secs(60);

/// One press: the secret of the flow it was made in, the page's own token, the step and all that was sent.
#[derive(Clone, Debug)]
pub struct Press(Secret);

impl Press {
    /// The press that sends `body` to `step` from the page with that `token`, in the browser with that `flow` cookie. Who
    /// does not have the page cannot make it again: its token is random.
    pub fn new(key: &MacKey, flow: &Secret, token: &str, step: &str, body: &[u8]) -> Self {
        Self(Secret::from_bytes(key.mac(&[flow.bytes(), token.as_bytes(), step.as_bytes(), body])))
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
        let flow = |n| Secret::from_bytes([n; 32]);
        let one = Press::new(&key(1), &flow(1), "token", "/step", b"body");
        assert_eq!(one.session(), Press::new(&key(1), &flow(1), "token", "/step", b"body").session());
        assert_ne!(one.session(), one.flow());
        for other in [
            Press::new(&key(2), &flow(1), "token", "/step", b"body"),
            Press::new(&key(1), &flow(2), "token", "/step", b"body"),
            Press::new(&key(1), &flow(1), "other", "/step", b"body"),
            Press::new(&key(1), &flow(1), "token", "/other", b"body"),
            Press::new(&key(1), &flow(1), "token", "/step", b"other"),
        ] {
            assert_ne!(one.session(), other.session());
            assert_ne!(one.flow(), other.flow());
        }
    }
}
