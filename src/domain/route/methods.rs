//! The methods that a route answers for.

use std::fmt;

use thiserror::Error;

/// The methods of a route, compared without case. An empty list stands for every method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Methods(Vec<Box<str>>);

/// Why a text is no method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MethodError {
    /// Not a token (RFC 9110 §5.6.2).
    #[error("a method is made of letters, digits and some of “!#$%&'*+-.^_`|~”")]
    NoToken,
    /// One that is about the way itself.
    #[error("CONNECT, TRACE and PRI are never let through")]
    Never,
}

impl Methods {
    /// Reads the name of a method.
    ///
    /// # Errors
    /// It is none, or is never let through.
    pub fn parse(text: &str) -> Result<Box<str>, MethodError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_token) {
            return Err(MethodError::NoToken);
        }
        if is_about_the_way(text) { Err(MethodError::Never) } else { Ok(text.to_ascii_uppercase().into()) }
    }

    /// These methods, each as [`Self::parse`] read it.
    pub fn these(mut methods: Vec<Box<str>>) -> Self {
        methods.sort();
        methods.dedup();
        Self(methods)
    }

    /// Whether they are every method there is.
    pub fn are_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `method` is among them. A route for GET is one for HEAD too (RFC 9110 §9.3.2).
    pub fn hold(&self, method: &str) -> bool {
        let has = |wanted: &str| self.0.iter().any(|known| known.eq_ignore_ascii_case(wanted));
        self.are_all() || has(method) || (method.eq_ignore_ascii_case("HEAD") && has("GET"))
    }

    /// A method that both lists name, if there is one. A list that stands for every method names none.
    pub fn named_by_both(&self, other: &Self) -> Option<&str> {
        let found = self.0.iter().find(|method| !other.are_all() && other.hold(method));
        let theirs = || other.0.iter().find(|method| !self.are_all() && self.hold(method)).map(|_| "HEAD");
        found.map(AsRef::as_ref).or_else(theirs)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Whether a method is about the connection and not about anything at its other end, in any case: some servers take
/// `trace` for TRACE.
pub fn is_about_the_way(method: &str) -> bool {
    ["CONNECT", "TRACE", "PRI"].iter().any(|known| known.eq_ignore_ascii_case(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(names: &[&str]) -> Methods {
        Methods::these(names.iter().map(|name| Methods::parse(name).expect("a method")).collect())
    }

    #[test]
    fn methods_are_compared_without_case_and_get_includes_head() {
        let get = methods(&["get"]);
        for method in ["GET", "get", "HEAD", "Head"] {
            assert!(get.hold(method), "{method}");
        }
        assert!(!get.hold("POST") && !methods(&["HEAD"]).hold("GET"));
        assert!(methods(&[]).hold("BREW") && methods(&[]).are_all());
        assert_eq!(methods(&["POST", "get", "GET"]).to_string(), "GET, POST");
    }

    #[test]
    fn lists_that_share_a_method_are_found_in_either_order() {
        for (one, other, shared) in [
            (&["GET"][..], &["GET", "POST"][..], Some("GET")),
            (&["GET"], &["HEAD"], Some("HEAD")),
            (&["HEAD"], &["GET"], Some("HEAD")),
            (&["GET"], &["POST"], None),
            (&["GET"], &[], None),
            (&[], &["GET"], None),
            (&[], &[], None),
        ] {
            assert_eq!(methods(one).named_by_both(&methods(other)), shared, "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_is_no_method_is_refused() {
        for text in ["", "GET POST", "GÉT", "GET,"] {
            assert_eq!(Methods::parse(text), Err(MethodError::NoToken), "{text}");
        }
        for text in ["TRACE", "connect", "Pri"] {
            assert_eq!(Methods::parse(text), Err(MethodError::Never), "{text}");
        }
        assert_eq!(Methods::parse("m-search").as_deref(), Ok("M-SEARCH"));
    }
}
