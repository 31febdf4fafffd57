//! Where a visitor goes after signing in.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::own_paths::{APPS, BACK, BACK_NAME, DEVICES};
use super::path::{PathError, RequestTarget};
use super::secret::Secret;

/// The longest one kept, in bytes.
const LONGEST: usize = 2048;

/// A path on the same host, with its query: the page a visitor first asked for.
///
/// It never has a byte outside visible ASCII. It never leads back into the gateway's own pages, but for three. "My
/// devices", which mails lead to, and "Your apps" ask for nothing but a session and change nothing; a bookmark leads on
/// to a page that is none of ours. It may begin with `//`, which browsers take for another host, so it is only ever
/// sent behind one, as [`super::destination::Destination`] writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReturnTo(Box<str>);

/// Why a text is no place to return to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReturnToError {
    /// Over 2048 bytes.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// Not a path with an optional query.
    #[error(transparent)]
    Path(#[from] PathError),
    /// One of the gateway's own paths.
    #[error("it is one of the gateway’s own paths")]
    Reserved,
}

impl ReturnTo {
    /// The root of the app.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// The page "My devices".
    pub fn devices() -> Self {
        Self(DEVICES.into())
    }

    /// The target that is kept as the bookmark of that name.
    pub fn bookmarked(name: &Secret) -> Self {
        Self(format!("{BACK}{BACK_NAME}{}", name.text()).into())
    }

    /// Reads a path with an optional query.
    ///
    /// # Errors
    /// It is not a path on this host that leads into the app, to "My devices", to "Your apps" or to a bookmark.
    pub fn parse(text: &str) -> Result<Self, ReturnToError> {
        if text.len() > LONGEST {
            return Err(ReturnToError::TooLong);
        }
        Self::to(&RequestTarget::parse(text.as_bytes())?)
    }

    /// The place that a request is for.
    ///
    /// # Errors
    /// It does not lead into the app, to "My devices", to "Your apps" or to a bookmark.
    pub fn to(target: &RequestTarget) -> Result<Self, ReturnToError> {
        let text = target.to_string();
        if text.len() > LONGEST {
            return Err(ReturnToError::TooLong);
        }
        if target.path.is_reserved() && ![DEVICES, APPS].contains(&text.as_str()) && bookmark(&text).is_none() {
            return Err(ReturnToError::Reserved);
        }
        Ok(Self(text.into()))
    }

    /// Reads what a visitor's browser sent; anything that is not a place in the app becomes `/`.
    pub fn parse_or_root(text: Option<&str>) -> Self {
        text.and_then(|text| Self::parse(text).ok()).unwrap_or_else(Self::root)
    }

    /// The path and query, as they came in.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of the bookmark that a target leads to, if it is one.
pub(super) fn bookmark(target: &str) -> Option<Secret> {
    target.strip_prefix(BACK).and_then(|rest| rest.strip_prefix(BACK_NAME)).and_then(Secret::parse)
}

impl Default for ReturnTo {
    fn default() -> Self {
        Self::root()
    }
}

impl TryFrom<String> for ReturnTo {
    type Error = ReturnToError;

    fn try_from(text: String) -> Result<Self, ReturnToError> {
        Self::parse(&text)
    }
}

impl From<ReturnTo> for String {
    fn from(return_to: ReturnTo) -> Self {
        return_to.0.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_of_the_app_is_kept_with_its_query() {
        for text in [
            "/",
            "/notes/7",
            "/notes?tag=a%20b&next=https://example.com/",
            "/a/?x",
            "/link",
            "/_bmauth/devices",
            "/_bmauth/apps",
            "/a//evil.example",
            "//evil.example",
            "/%2f/evil.example",
        ] {
            assert_eq!(ReturnTo::parse(text).map(String::from), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_request_is_returned_to_as_it_was_made_unless_it_is_too_long_or_for_us() {
        let to = |text: &str| ReturnTo::to(&RequestTarget::parse(text.as_bytes()).unwrap());
        let longest = format!("/a?{}", "b".repeat(LONGEST - 3));
        for text in ["/", "/a?", "/a?b=//c", "/_bmauth/devices", &longest] {
            assert_eq!(to(text).map(String::from).as_deref(), Ok(text));
        }
        assert_eq!(to(&format!("{longest}b")), Err(ReturnToError::TooLong));
        for text in ["/_bmauth", "/_BMAuth/devices", "/_bmauth/devices?x", "/_bmauth;x/y", "/_bmauth/sign-out"] {
            assert_eq!(to(text), Err(ReturnToError::Reserved), "{text}");
        }
    }

    #[test]
    fn a_bookmark_is_returned_to_by_its_name_alone() {
        let name = Secret::from_bytes([1; 32]);
        let written = ReturnTo::bookmarked(&name);
        assert_eq!(ReturnTo::parse(written.as_str()), Ok(written.clone()));
        let name = name.text();
        for text in [
            "/_bmauth/back".to_owned(),
            "/_bmauth/back?to=".to_owned(),
            format!("/_bmauth/back?to={}", &name[1..]),
            format!("/_bmauth/back?to={name}x"),
            format!("/_bmauth/back?to={name}&to={name}"),
            format!("/_bmauth/back?x=1&to={name}"),
            format!("/_bmauth/back/?to={name}"),
            format!("/_bmauth/back;x?to={name}"),
            format!("/_BMAUTH/back?to={name}"),
            format!("/_bmauth/%62ack?to={name}"),
            format!("/_bmauth/sign-out?to={name}"),
        ] {
            assert_eq!(ReturnTo::parse(&text), Err(ReturnToError::Reserved), "{text}");
        }
    }

    #[test]
    fn anything_else_becomes_the_root() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for text in [
            "",
            "notes",
            "https://evil.example/",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/%5cevil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x=1",
            "/a?b\r\nc",
            "/a#b",
            "/a?b#c",
            "/../a",
            "/a b",
            "/ä",
            "/_bmauth",
            "/_bmauth/sign-in?x",
            "/_BMAUTH/sign-out",
            "/_bmauth/devices/rename",
            "/_bmauth/devices?x",
            "/_BMAUTH/devices",
            "/_bmauth/apps?x",
            "/_bmauth/apps/",
            "/_BMAUTH/apps",
            " /a",
            "?a",
            &long,
        ] {
            assert_eq!(ReturnTo::parse_or_root(Some(text)).as_str(), "/", "{text:?}");
        }
        assert_eq!(ReturnTo::parse_or_root(None).as_str(), "/");
    }

    proptest! {
        #[test]
        fn a_browser_stays_on_the_host(text in "[/\\\\.@:?#%a-z0-9\t\r\n ;_-]{0,24}|\\PC{0,16}") {
            let return_to = ReturnTo::parse_or_root(Some(&text));
            let here = url::Url::parse("https://notes.example.com/").expect("a URL");
            let there = url::Url::parse(&format!("https://notes.example.com{}", return_to.as_str())).expect("a URL");
            prop_assert_eq!(there.origin(), here.origin());
            prop_assert!(!there.path().to_ascii_lowercase().starts_with("/_bmauth/"));
            prop_assert!(return_to.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
