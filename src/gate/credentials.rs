//! Who a request says it is from: the one place where that is read, for the proxy and forward-auth alike.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderValue};

use crate::domain::bearer::Bearer;
use crate::domain::cookies::{self, AppCookies};
use crate::domain::secret::{Secret, SecretDigest};

/// Who a request says it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The digest of the one session token it carries.
    pub token: Option<SecretDigest>,
    /// The access token that it carries instead: where there is any of ours, the cookie does not count.
    pub bearer: Bearer,
    /// What of its cookies is the app's.
    pub cookies: AppCookies,
}

impl Credentials {
    /// Reads the cookie called `session_cookie` and `Authorization`. `is_ours` says whether a text calls itself an
    /// access token of ours.
    pub fn read(headers: &HeaderMap, session_cookie: &str, is_ours: impl Fn(&str) -> bool) -> Self {
        let values = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        let bearer = Bearer::read(values, is_ours);
        let found = cookies::find(cookie_headers(headers), session_cookie);
        Self { token: found.only.and_then(digest), bearer, cookies: found.apps }
    }
}

/// The digest of the one session token that a request carries, in the cookie called `session_cookie`; two of that name
/// count as none.
pub fn session_token(headers: &HeaderMap, session_cookie: &str) -> Option<SecretDigest> {
    cookies::find(cookie_headers(headers), session_cookie).only.and_then(digest)
}

/// The cookies of a request without the gateway's own, in one line.
pub fn cookies_without_ours(headers: &HeaderMap) -> Vec<u8> {
    cookies::without_ours(cookie_headers(headers))
}

/// The headers that a request's cookies come in.
pub(super) fn cookie_headers(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes)
}

fn digest(value: &[u8]) -> Option<SecretDigest> {
    str::from_utf8(value).ok().and_then(Secret::parse).map(|secret| secret.digest())
}
