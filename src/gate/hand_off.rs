//! How a browser leaves a host of ours for the one where people sign in, so that it can be handed back.
//!
//! What it takes along is said in the address: where it wants to go, and the digest of the state. The state itself stays
//! behind in a cookie of that host, which comes back with the hand-off alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::cookies::CookieNames;
use super::credentials::cookie_headers;
use super::{detour, way_back};
use crate::domain::clock::Entropy;
use crate::domain::cookies;
use crate::domain::hand_off::{KnownState, StateId};
use crate::domain::host::Host;
use crate::domain::origin::OwnOrigins;
use crate::domain::own_paths::{HAND_OFF, SIGN_IN};
use crate::domain::return_to::ReturnTo;
use crate::domain::secret::Secret;

/// Where a browser goes to sign in, and what it keeps meanwhile.
#[derive(Debug)]
pub struct SignInRedirect {
    /// The address that the browser goes to, as a whole.
    pub address: String,
    /// The cookie with the state; `None` where people sign in on the very host.
    pub set_cookie: Option<HeaderValue>,
}

/// How browsers leave for the host where people sign in.
#[derive(Clone)]
pub struct HandOffs {
    origins: OwnOrigins,
    cookies: CookieNames,
    entropy: Arc<dyn Entropy>,
}

impl HandOffs {
    /// Between these origins, with these cookies.
    pub fn new(origins: OwnOrigins, cookies: CookieNames, entropy: Arc<dyn Entropy>) -> Self {
        Self { origins, cookies, entropy }
    }

    /// Whether people sign in at `host` itself.
    pub fn is_home(&self, host: &Host) -> bool {
        self.origins.public().host() == host
    }

    /// The way of a browser at `host`, which sends `headers`, to where people sign in, with a fresh state. `return_to`
    /// says where it wants to go, as a whole address.
    pub fn redirect_to_sign_in(&self, host: &Host, return_to: &str, headers: &HeaderMap) -> SignInRedirect {
        self.redirect_with_state(host, return_to, self.fresh_state(headers))
    }

    /// The same for a script of the app at `host`. A script may be refused again and again, so a state that its browser
    /// has already is used once more. Its visitor comes back to the page that the script runs on, where that is known.
    pub fn redirect_script_to_sign_in(&self, host: &Host, headers: &HeaderMap) -> SignInRedirect {
        if self.is_home(host) {
            return SignInRedirect { address: format!("{}{SIGN_IN}", self.origins.public()), set_cookie: None };
        }
        let origin = self.origins.at(host);
        let page = way_back::page_asked_from(headers, |asked_from| asked_from == origin.as_str());
        let target = page.and_then(|target| ReturnTo::to(&target).ok()).unwrap_or_default();
        let return_to = format!("{origin}{}", target.as_str());
        match self.known(headers) {
            Some(state) => self.redirect_with_state(host, &return_to, state),
            None => self.redirect_to_sign_in(host, &return_to, headers),
        }
    }

    /// The way of a browser that may be signed in at `host`, where people signed in before, and wants to go to
    /// `return_to`. It leads to where they sign in now, which asks back there. `None` for any other host.
    pub fn from_former(&self, host: &Host, return_to: &str) -> Option<String> {
        let from = self.origins.former(host)?.host().as_str();
        let sign_in = detour::with(&detour::returning(SIGN_IN, Some(return_to)), "from", from);
        Some(format!("{}{sign_in}", self.origins.public()))
    }

    /// The way of a browser to `host`, where people signed in before, to be handed over from there, with a fresh state.
    /// `None` for any other host.
    pub fn ask_former(&self, host: &Host, return_to: &str, headers: &HeaderMap) -> Option<SignInRedirect> {
        let former = self.origins.former(host)?;
        let (id, secret) = self.fresh_state(headers);
        let state = KnownState { id, digest: secret.digest() };
        let hand_off = detour::with(&detour::returning(HAND_OFF, Some(return_to)), "state", &state.to_string());
        Some(SignInRedirect {
            address: format!("{former}{hand_off}"),
            set_cookie: Some(self.cookies.set_state(id, &secret)),
        })
    }

    /// Whether pages of `origin` hand browsers over to `host`. The host where people sign in takes them from the hosts
    /// where they signed in before; every other host takes them from the one where they sign in.
    pub fn hands_over(&self, origin: &str, host: &Host) -> bool {
        if self.is_home(host) {
            self.origins.find(origin).is_some_and(|origin| self.origins.former(origin.host()) == Some(origin))
        } else {
            self.origins.public().as_str() == origin
        }
    }

    /// The state of that name which a request carries.
    pub fn state(&self, id: StateId, headers: &HeaderMap) -> Option<Secret> {
        cookies::find(cookie_headers(headers), &self.cookies.state(id)).only.and_then(read)
    }

    /// The way of a browser at `host` to where people sign in, with that state.
    fn redirect_with_state(&self, host: &Host, return_to: &str, (id, secret): (StateId, Secret)) -> SignInRedirect {
        let sign_in = detour::returning(SIGN_IN, Some(return_to));
        let public = self.origins.public();
        if self.is_home(host) {
            return SignInRedirect { address: format!("{public}{sign_in}"), set_cookie: None };
        }
        let state = KnownState { id, digest: secret.digest() };
        let address = format!("{public}{}", detour::with(&sign_in, "state", &state.to_string()));
        SignInRedirect { address, set_cookie: Some(self.cookies.set_state(id, &secret)) }
    }

    /// A state for a browser that sends `headers`, under a name that none of its states has.
    fn fresh_state(&self, headers: &HeaderMap) -> (StateId, Secret) {
        let taken = self.states(headers);
        (StateId::draw(|id| !taken.contains_key(&id), &*self.entropy), Secret::generate(&*self.entropy))
    }

    /// The first of the states that a request carries.
    fn known(&self, headers: &HeaderMap) -> Option<(StateId, Secret)> {
        self.states(headers).into_iter().find_map(|(id, value)| Some((id, read(value?)?)))
    }

    /// The states that a request carries. Its cookies are looked through once, since a client may send many.
    fn states<'a>(&self, headers: &'a HeaderMap) -> BTreeMap<StateId, Option<&'a [u8]>> {
        let mut states = BTreeMap::new();
        for (name, value) in cookies::all(cookie_headers(headers)) {
            if let Some(id) = self.cookies.state_of(name) {
                // Two of a name count as none.
                states.entry(id).and_modify(|value| *value = None).or_insert(value);
            }
        }
        states
    }
}

fn read(value: &[u8]) -> Option<Secret> {
    str::from_utf8(value).ok().and_then(Secret::parse)
}

impl fmt::Debug for HandOffs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOffs").field("origins", &self.origins).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Zeros;
    use crate::domain::origin::Origin;

    #[test]
    fn a_state_that_a_browser_has_goes_on() {
        let origin = |text: &str| Origin::parse(text).unwrap();
        let origins = OwnOrigins::new(origin("https://auth.example.com"), [origin("https://wiki.example.com")]);
        let cookies = CookieNames::new(true);
        let hand_offs = HandOffs::new(origins, cookies.clone(), Arc::new(Zeros));
        let [one, two] = [1, 2].map(|n| Secret::from_bytes([n; 32]));
        let id = |text: &str| StateId::parse(text).unwrap();
        let cookie = |text: &str, secret: &Secret| format!("{}={}", cookies.state(id(text)), secret.text());
        let drawn = Secret::generate(&Zeros);
        let (first, second) = (cookie("3", &one), cookie("31", &two));
        for (sent, expected) in [
            (vec![first.clone()], ("3", &one)),
            (vec![format!("a=1; {second}; {first}")], ("3", &one)),
            (vec![second.clone(), "a=1".to_owned(), first.clone()], ("3", &one)),
            // One that is there twice, or is no secret, is none.
            (vec![format!("{first}; {second}; {first}")], ("31", &two)),
            (vec![format!("{first}; {}; {second}", cookies.state(id("3")))], ("31", &two)),
            (vec![format!("{}=x; {second}", cookies.state(id("3")))], ("31", &two)),
            (vec![format!("{first}; {first}; {first}")], ("0", &drawn)),
            (vec![], ("0", &drawn)),
        ] {
            let mut headers = HeaderMap::new();
            for cookies in &sent {
                headers.append(http::header::COOKIE, cookies.parse().unwrap());
            }
            let SignInRedirect { address, set_cookie } =
                hand_offs.redirect_script_to_sign_in(&Host::parse("wiki.example.com").unwrap(), &headers);
            let state = KnownState { id: id(expected.0), digest: expected.1.digest() };
            assert!(address.ends_with(&format!("&state={state}")), "{sent:?}: {address}");
            let set = set_cookie.unwrap();
            assert!(set.to_str().unwrap().starts_with(&cookie(expected.0, expected.1)), "{sent:?}: {set:?}");
        }
    }
}
