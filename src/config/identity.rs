//! `[identity]`: what the backend sees.

use std::time::Duration;

use http::HeaderName;
use url::Url;

use super::problem::Checks;
use super::public_url::PublicUrl;
use super::setting::{Written, section};
use crate::domain::signing_key::Algorithm;

section! {
    /// The section as it is written.
    struct IdentityFile { header, algorithm, lifetime, issuer, plain_headers }
    not_built {}
}

/// What the backend sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of the field that carries the token.
    pub header: IdentityHeader,
    /// How tokens are signed.
    pub algorithm: Algorithm,
    /// How long a token is good.
    pub lifetime: Duration,
    /// The `iss` of tokens. Default: the origin of `public_url`.
    pub issuer: String,
    /// Whether `Remote-User`, `Remote-Email`, `Remote-Name` and `Remote-Groups` are sent as well.
    pub plain_headers: bool,
}

/// The name of the field that carries the token: letters, digits and hyphens, and none that means something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader {
    name: HeaderName,
    written: String,
}

/// The plain identity fields, which a client can never send.
pub const PLAIN_HEADERS: [&str; 4] = ["Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups"];

const MINUTE: Duration = Duration::from_secs(60);

impl Identity {
    pub(super) fn check(
        file: Written<IdentityFile>,
        public_url: Option<&PublicUrl>,
        checks: &mut Checks,
    ) -> Option<Self> {
        let IdentityFile { header, algorithm, lifetime, issuer, plain_headers } = file.keys;
        let header = match header {
            Some(setting) => setting.parsed(checks, IdentityHeader::parse),
            None => Some(IdentityHeader::default()),
        };
        let algorithm = match algorithm {
            Some(setting) => setting.choice(checks, &Algorithm::ALL.map(|algorithm| (algorithm.as_str(), algorithm))),
            None => Some(Algorithm::default()),
        };
        let lifetime = match lifetime {
            Some(setting) => setting.duration(checks, MINUTE..=60 * MINUTE),
            None => Some(5 * MINUTE),
        };
        let issuer = match issuer {
            Some(setting) => setting.parsed(checks, read_issuer),
            None => public_url.map(|url| url.origin().to_owned()),
        };
        let plain_headers = match plain_headers {
            Some(setting) => setting.boolean(checks),
            None => Some(false),
        };
        Some(Self {
            header: header?,
            algorithm: algorithm?,
            lifetime: lifetime?,
            issuer: issuer?,
            plain_headers: plain_headers?,
        })
    }
}

impl IdentityHeader {
    /// Reads the name of a field that is free for the token.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn parse(written: &str) -> Result<Self, String> {
        // Servers disagree about `_` and `.`: some drop the field, some take it for another.
        let plain = written.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let name = HeaderName::from_bytes(written.as_bytes()).ok().filter(|_| plain);
        let name = name
            .filter(|_| written.starts_with(|first: char| first.is_ascii_alphabetic()))
            .ok_or("it must be a header name of letters, digits and hyphens, like \"X-BMAuth-JWT\".")?;
        if is_taken(name.as_str()) {
            return Err("that header has a meaning of its own; choose a name like \"X-BMAuth-JWT\".".to_owned());
        }
        Ok(Self { name, written: written.to_owned() })
    }

    /// The name in lower case.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl Default for IdentityHeader {
    fn default() -> Self {
        Self { name: HeaderName::from_static("x-bmauth-jwt"), written: "X-BMAuth-JWT".to_owned() }
    }
}

/// Fields that HTTP, a proxy or another part of this contract gives a meaning.
fn is_taken(name: &str) -> bool {
    const FAMILIES: [&str; 9] =
        ["accept", "access-control-", "content-", "if-", "proxy-", "sec-", "x-forwarded-", "remote-", "x-envoy-"];
    const NAMES: [&str; 35] = [
        "age",
        "allow",
        "alt-svc",
        "authorization",
        "cache-control",
        "connection",
        "cookie",
        "date",
        "dnt",
        "early-data",
        "etag",
        "expect",
        "expires",
        "forwarded",
        "from",
        "host",
        "http2-settings",
        "keep-alive",
        "last-modified",
        "link",
        "location",
        "max-forwards",
        "origin",
        "pragma",
        "priority",
        "range",
        "referer",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    ];
    const MORE: [&str; 11] = [
        "upgrade-insecure-requests",
        "vary",
        "warning",
        "www-authenticate",
        "x-original-url",
        "x-original-method",
        "x-real-ip",
        "x-request-id",
        "x-requested-with",
        "traceparent",
        "tracestate",
    ];
    FAMILIES.iter().any(|family| name.starts_with(family)) || NAMES.contains(&name) || MORE.contains(&name)
}

/// A StringOrURI (RFC 7519 §2): a URL where it has a colon.
fn read_issuer(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.len() <= 255 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if !plain || (text.contains(':') && Url::parse(text).is_err()) {
        return Err("it must be a URL or a name without spaces, like \"https://notes.example.com\".".to_owned());
    }
    Ok(text.to_owned())
}
