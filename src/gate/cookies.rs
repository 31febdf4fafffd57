//! The cookies we set.

use std::borrow::Cow;
use std::time::Duration;

use cookie::{Cookie, CookieBuilder, SameSite};
use http::HeaderValue;

use crate::domain::hand_off::{self, StateId};
use crate::domain::known_device::KnownDevice;
use crate::domain::secret::Secret;

/// How long a browser keeps the secret of a flow.
const FLOW_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The names of our cookies, and whether they travel by https only.
///
/// On https the `__Host-` prefix makes browsers refuse the cookie from any other host or over http (RFC 6265bis
/// §4.1.3).
#[derive(Clone, Debug)]
pub struct CookieNames {
    secure: bool,
    /// The name of the session's cookie.
    pub session: &'static str,
    /// Of a flow in progress.
    pub flow: &'static str,
    /// Of what the browser is known by to accounts.
    pub device: &'static str,
    /// Of the chosen language.
    pub language: &'static str,
    /// What the names of the states of hand-offs begin with.
    hand_off: &'static str,
}

impl CookieNames {
    /// The names for pages that are served by https, or on `http://localhost`.
    pub const fn new(https: bool) -> Self {
        if https {
            Self {
                secure: true,
                session: "__Host-bmauth",
                flow: "__Host-bmauth-flow",
                device: "__Host-bmauth-device",
                language: "__Host-bmauth-lang",
                hand_off: "__Host-bmauth-handoff",
            }
        } else {
            Self {
                secure: false,
                session: "bmauth",
                flow: "bmauth-flow",
                device: "bmauth-device",
                language: "bmauth-lang",
                hand_off: "bmauth-handoff",
            }
        }
    }

    /// Sets the session cookie for as long as the session may last.
    pub fn set_session(&self, token: &Secret, absolute: Duration) -> HeaderValue {
        self.set(self.session, &token.text(), absolute)
    }

    /// Sets the flow cookie.
    pub fn set_flow(&self, secret: &Secret) -> HeaderValue {
        self.set(self.flow, &secret.text(), FLOW_LIFETIME)
    }

    /// Keeps what the browser is known by to accounts, for as long as browsers keep anything (RFC 6265bis §5.5).
    pub fn set_device(&self, device: &KnownDevice) -> HeaderValue {
        self.set(self.device, &device.text(), Duration::from_secs(400 * 24 * 3600))
    }

    /// Remembers a language for a year.
    pub fn set_language(&self, tag: &str) -> HeaderValue {
        self.set(self.language, tag, Duration::from_secs(365 * 24 * 3600))
    }

    /// The name of the state `id` of a hand-off.
    pub fn state(&self, id: StateId) -> String {
        format!("{}-{id}", self.hand_off)
    }

    /// Which state a cookie of that name is, if it is one.
    pub fn state_of(&self, name: &[u8]) -> Option<StateId> {
        let id = name.strip_prefix(self.hand_off.as_bytes())?.strip_prefix(b"-")?;
        StateId::parse(str::from_utf8(id).ok()?)
    }

    /// Keeps the state `id` of a hand-off. It comes back in a form of another host, which may be another site's;
    /// browsers take such a cookie with `Secure` alone, from `http://localhost` too (RFC 6265bis §5.7).
    pub fn set_state(&self, id: StateId, state: &Secret) -> HeaderValue {
        value(self.state_cookie(id, &state.text(), hand_off::STATE_LIFETIME))
    }

    /// Makes the browser forget the state `id` of a hand-off.
    pub fn clear_state(&self, id: StateId) -> HeaderValue {
        value(self.state_cookie(id, "", Duration::ZERO))
    }

    fn state_cookie(&self, id: StateId, text: &str, lifetime: Duration) -> CookieBuilder<'static> {
        cookie(self.state(id), text.to_owned(), lifetime).secure(true).same_site(SameSite::None)
    }

    /// Makes the browser forget the cookie called `name`.
    pub fn clear(&self, name: &'static str) -> HeaderValue {
        self.set(name, "", Duration::ZERO)
    }

    fn set(&self, name: &'static str, text: &str, lifetime: Duration) -> HeaderValue {
        value(cookie(name, text, lifetime).secure(self.secure).same_site(SameSite::Lax))
    }
}

fn cookie<'a>(name: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>, lifetime: Duration) -> CookieBuilder<'a> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    Cookie::build((name, text)).path("/").http_only(true).max_age(time::Duration::seconds(seconds))
}

fn value(cookie: CookieBuilder<'_>) -> HeaderValue {
    HeaderValue::try_from(cookie.to_string()).expect("our cookies are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_app_sees_or_sets_a_cookie_of_ours() {
        for names in [CookieNames::new(true), CookieNames::new(false)] {
            for name in [names.session, names.flow, names.device, names.language] {
                assert!(crate::domain::cookies::is_ours(name.as_bytes()), "{name}");
            }
        }
    }

    #[test]
    fn a_state_is_known_by_the_name_that_it_is_set_with() {
        for names in [CookieNames::new(true), CookieNames::new(false)] {
            let other = CookieNames::new(!names.secure);
            for id in ["0", "7", "31"].map(|id| StateId::parse(id).unwrap()) {
                let name = names.state(id);
                assert_eq!(names.state_of(name.as_bytes()), Some(id));
                for name in [other.state(id), format!("{name}0000"), format!("{name} "), name.to_uppercase()] {
                    assert_eq!(names.state_of(name.as_bytes()), None, "{name}");
                }
            }
            for name in [names.session, names.hand_off, "", "x"] {
                assert_eq!(names.state_of(name.as_bytes()), None, "{name}");
            }
        }
    }

    #[test]
    fn a_session_cookie_is_bound_to_its_host_and_hidden_from_scripts() {
        let token = Secret::from_bytes([0; 32]);
        let set = CookieNames::new(true).set_session(&token, Duration::from_secs(60));
        let expected = format!("__Host-bmauth={}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60", token.text());
        assert_eq!(set.to_str().unwrap(), expected);
        let local = CookieNames::new(false).clear("bmauth");
        assert_eq!(local.to_str().unwrap(), "bmauth=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }
}
