//! The way round by one of our own pages, and from there back to what was asked for.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::path::RequestTarget;
use crate::domain::return_to::ReturnTo;

/// Where strangers are sent.
pub const SIGN_IN: &str = "/_bmauth/sign-in";
/// The page that asks what was lost, after a recovery.
pub const REVIEW: &str = "/_bmauth/recover/review";

/// What stands in a query unencoded: the unreserved characters (RFC 3986 §2.3), and `/` for legibility.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The path and query of `page`, which lead back to `target`; to the app's root where that cannot be gone back to.
pub fn by_way_of(page: &str, target: &RequestTarget) -> String {
    let return_to = ReturnTo::to(target).unwrap_or_default();
    let mut written = String::with_capacity(page.len() + return_to.as_str().len() + 32);
    written.push_str(page);
    written.push_str("?return_to=");
    written.extend(utf8_percent_encode(return_to.as_str(), IN_QUERY));
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_gone_back_to_becomes_the_root() {
        let by_way = |text: &str| by_way_of(SIGN_IN, &RequestTarget::parse(text.as_bytes()).unwrap());
        assert_eq!(by_way("/a?b=//c&d"), "/_bmauth/sign-in?return_to=/a%3Fb%3D//c%26d");
        assert_eq!(by_way(&format!("/{}", "a".repeat(2047))).len(), "/_bmauth/sign-in?return_to=".len() + 2048);
        let long = format!("/{}", "a".repeat(2048));
        for text in ["/_bmauth/sign-out", "/_BMAuth", "/_bmauth;x/y", &long] {
            assert_eq!(by_way(text), "/_bmauth/sign-in?return_to=/", "{text}");
        }
    }
}
