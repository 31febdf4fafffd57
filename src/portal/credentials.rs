//! Who a request says it is from: the one place where that is read, for the pages, the proxy and forward-auth alike.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

use crate::domain::cookies;
use crate::domain::secret::{Secret, SecretDigest};

/// The digest of the one session token that a request carries, in the cookie called `session_cookie`; two of that name
/// count as none.
pub fn session_token(headers: &HeaderMap, session_cookie: &str) -> Option<SecretDigest> {
    cookies::only(headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes), session_cookie)
        .and_then(|value| str::from_utf8(value).ok())
        .and_then(Secret::parse)
        .map(|secret| secret.digest())
}
