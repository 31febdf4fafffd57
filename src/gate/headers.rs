//! The headers on every answer of ours.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::domain::origin::Origin;

/// Nothing but our own files, no frames, and no script may write markup; forms go to `$form_action` alone.
macro_rules! content_security_policy {
    ($form_action:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action ",
            $form_action,
            "; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        )
    };
}

const CONTENT_SECURITY_POLICY: &str = content_security_policy!("'self'");

/// What a page that scans may do besides what every page may.
pub const WITH_CAMERA: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(self), microphone=(), geolocation=()";

/// What an answer may say otherwise.
const UNLESS_SAID: [(HeaderName, HeaderValue); 2] = [
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

const FIXED: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("noopener-allow-popups")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// The headers that every page of ours leaves with, whichever part of the gateway made it.
#[derive(Clone, Debug)]
pub struct PageHeaders(HeaderMap);

impl PageHeaders {
    /// Those of a gateway whose pages are served by https, or on `http://localhost`; only the first say so for the
    /// future (HSTS, RFC 6797).
    pub fn new(https: bool) -> Self {
        let mut headers: HeaderMap = FIXED.into_iter().chain(UNLESS_SAID).collect();
        if https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
        Self(headers)
    }

    /// All of them, for an answer that has no others yet.
    pub fn all(&self) -> HeaderMap {
        self.0.clone()
    }

    /// Sets those of the one page whose form goes to another origin of ours, after all others. There its `Origin` must
    /// say where it comes from, which it does only with a referrer policy that lets it (Fetch §3.1).
    pub fn hand_to(origin: &Origin, headers: &mut HeaderMap) {
        let policy = HeaderValue::try_from(format!(content_security_policy!("{}"), origin));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.expect("an origin is visible ASCII"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    }

    /// Sets them on an answer; no camera and `no-store` only where the answer does not say otherwise.
    pub fn set(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            let may_differ = UNLESS_SAID.iter().any(|(other, _)| other == name);
            if !(may_differ && headers.contains_key(name)) {
                headers.insert(name, value.clone());
            }
        }
    }
}
