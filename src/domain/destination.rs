//! Where a visitor goes on to.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::host::Authority;
use super::origin::{Origin, OwnOrigins, Scheme};
use super::return_to::{self, ReturnTo, ReturnToError};
use super::secret::Secret;

/// Where a visitor goes on to: a target on the host that the flow runs on, or on another of our own origins.
///
/// A flow runs on one host from its beginning to its end, so that host need not be kept with it. What is sent to a
/// browser is always the whole address, which [`Destination::address`] makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    /// The origin, which is left out where it is that of the host the flow runs on, and the target.
    text: Box<str>,
    /// Where in it the target begins, in bytes.
    target_at: usize,
}

/// Why a kept text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DestinationError {
    /// Neither a path nor an address of http or https.
    #[error("it is neither a path nor an address")]
    Form,
    /// The target is none.
    #[error(transparent)]
    Target(#[from] ReturnToError),
}

impl Destination {
    /// The root of the app.
    pub fn root() -> Self {
        ReturnTo::root().into()
    }

    /// The page "My devices" on the same host.
    pub fn devices() -> Self {
        ReturnTo::devices().into()
    }

    /// Reads what a visitor's browser sent to a page at `here`: a target on that host, or a whole address whose origin
    /// is exactly one of `ours`. `None` for anything else.
    pub fn read(text: &str, here: &Origin, ours: &OwnOrigins) -> Option<Self> {
        if text.starts_with('/') {
            return ReturnTo::parse(text).ok().map(Self::from);
        }
        let target_of = |origin: &Origin| match text.strip_prefix(origin.as_str())? {
            "" => Some(ReturnTo::root()),
            target => ReturnTo::parse(target).ok(),
        };
        let (origin, target) = ours.iter().find_map(|origin| Some((origin, target_of(origin)?)))?;
        Some(if origin == here { target.into() } else { Self::new(origin.as_str(), &target) })
    }

    fn new(origin: &str, target: &ReturnTo) -> Self {
        Self { text: format!("{origin}{}", target.as_str()).into(), target_at: origin.len() }
    }

    /// The whole address, for a visitor of a page at `here`. An origin that is none of `ours` any more leads to the
    /// root here.
    pub fn address(&self, here: &Origin, ours: &OwnOrigins) -> String {
        match self.text.split_at_checked(self.target_at) {
            Some(("", target)) => format!("{here}{target}"),
            Some((origin, target)) if ours.find(origin).is_some() => format!("{origin}{target}"),
            Some(_) | None => format!("{here}/"),
        }
    }

    /// The origin and the target, where it is on another of `ours` than that of the host that the flow runs on.
    pub fn elsewhere<'a>(&'a self, ours: &'a OwnOrigins) -> Option<(&'a Origin, &'a str)> {
        let (origin, target) = self.text.split_at_checked(self.target_at)?;
        Some((ours.find(origin)?, target))
    }

    /// The name of the bookmark that it is, on the host that the flow runs on.
    pub fn bookmark(&self) -> Option<Secret> {
        return_to::bookmark(&self.text)
    }

    /// The same as text, to be sent along with a page; `None` for the front page, which needs no saying.
    pub fn unless_root(&self) -> Option<&str> {
        (*self != Self::root()).then_some(self.as_str())
    }

    /// As it is kept and sent along with a page: a target alone on the host that the flow runs on.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for Destination {
    fn default() -> Self {
        Self::root()
    }
}

impl From<ReturnTo> for Destination {
    fn from(target: ReturnTo) -> Self {
        Self::new("", &target)
    }
}

impl TryFrom<String> for Destination {
    type Error = DestinationError;

    /// Reads one that was kept.
    fn try_from(text: String) -> Result<Self, DestinationError> {
        if text.starts_with('/') {
            return Ok(ReturnTo::parse(&text)?.into());
        }
        let (scheme, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (Scheme::Https, rest),
            (None, Some(rest)) => (Scheme::Http, rest),
            (None, None) => return Err(DestinationError::Form),
        };
        let (authority, target) = rest.split_at(rest.find('/').ok_or(DestinationError::Form)?);
        let authority = Authority::parse(authority.as_bytes()).map_err(|_| DestinationError::Form)?;
        Ok(Self::new(Origin::of(scheme, authority).as_str(), &ReturnTo::parse(target)?))
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.text.into()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    fn ours() -> OwnOrigins {
        let others = ["https://wiki.example.com:8443", "https://files.example.com"];
        OwnOrigins::new(origin("https://notes.example.com"), others.map(origin))
    }

    /// Where a visitor of notes.example.com goes who says so.
    fn address(text: &str) -> Option<String> {
        let (here, ours) = (origin("https://notes.example.com"), ours());
        Destination::read(text, &here, &ours).map(|destination| destination.address(&here, &ours))
    }

    #[test]
    fn a_target_is_on_this_host_and_a_whole_address_on_exactly_one_of_ours() {
        for (text, expected) in [
            ("/", "https://notes.example.com/"),
            ("/notes/7?a=b&c=https://evil.example/", "https://notes.example.com/notes/7?a=b&c=https://evil.example/"),
            ("https://notes.example.com/notes?x", "https://notes.example.com/notes?x"),
            ("https://notes.example.com", "https://notes.example.com/"),
            ("//evil.example", "https://notes.example.com//evil.example"),
            ("https://notes.example.com//evil.example", "https://notes.example.com//evil.example"),
            ("https://wiki.example.com:8443/a", "https://wiki.example.com:8443/a"),
            ("https://files.example.com/_bmauth/devices", "https://files.example.com/_bmauth/devices"),
        ] {
            assert_eq!(address(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "notes",
            "/\\evil.example",
            "https://evil.example/",
            "https://notes.example.com.evil.example/",
            "https://notes.example.com@evil.example/",
            "https://notes.example.com:443/",
            "https://notes.example.com?x",
            "https://notes.example.com#x",
            "https://notes.example.com\\@evil.example/",
            "https://wiki.example.com/a",
            "https://wiki.example.com:84430/a",
            "http://notes.example.com/",
            "HTTPS://notes.example.com/",
            "https:/notes.example.com/",
            "https://notes.example.com/_bmauth/sign-out",
            "javascript:alert(1)",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_kept_is_read_back_and_an_origin_that_is_ours_no_more_leads_here() {
        let (here, ours) = (origin("https://notes.example.com"), ours());
        let elsewhere = Destination::read("https://wiki.example.com:8443/a?b", &here, &ours).unwrap();
        for (destination, text) in
            [(elsewhere.clone(), "https://wiki.example.com:8443/a?b"), (Destination::devices(), "/_bmauth/devices")]
        {
            assert_eq!(String::from(destination.clone()), text);
            assert_eq!(Destination::try_from(text.to_owned()), Ok(destination));
        }
        let alone = OwnOrigins::new(here.clone(), []);
        assert_eq!(elsewhere.address(&here, &alone), "https://notes.example.com/");
        for text in ["", "notes", "https://a", "ftp://a/", "https://a b/", "https://a.example/_bmauth/sign-in"] {
            assert!(Destination::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_visitor_is_sent_to_an_origin_of_others(
            start in prop_oneof![Just(""), Just("/"), Just("https://notes.example.com"), Just("https://wiki.example.com:8443/")],
            text in "[/\\\\.@:?#%a-z0-9\t\r\n ;_-]{0,24}|\\PC{0,16}",
        ) {
            let (here, ours) = (origin("https://notes.example.com"), ours());
            let Some(destination) = Destination::read(&format!("{start}{text}"), &here, &ours) else { return Ok(()) };
            let address = url::Url::parse(&destination.address(&here, &ours)).unwrap();
            prop_assert!(ours.find(&address.origin().ascii_serialization()).is_some(), "{}", address);
            prop_assert_eq!(Destination::try_from(destination.to_string()), Ok(destination));
        }
    }
}
