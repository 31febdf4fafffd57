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
