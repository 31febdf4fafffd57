//! The headers on every answer of ours.

use http::HeaderValue;
use http::header::{self, HeaderName};

/// Nothing but our own files, no frames, and no script may write markup.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// What a page that scans may do besides what every page may.
pub const WITH_CAMERA: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(self), microphone=(), geolocation=()";

static PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()",
);

const FIXED: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Sets our headers on an answer; HSTS where the gateway is served by https (RFC 6797).
pub fn apply(headers: &mut http::HeaderMap, https: bool) {
    headers.extend(FIXED);
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(PERMISSIONS_POLICY.clone()).or_insert(PERMISSIONS);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
