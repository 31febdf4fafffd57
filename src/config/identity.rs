//! `[identity]`: what upstreams are told of the principal.

mod plain_headers;

use std::time::Duration;

use http::HeaderName;
use url::Url;

use super::problem::Checks;
use super::public_url::PublicUrl;
use super::setting::{WrittenSection, section};
use crate::domain::header_name::{self, IdentityNames};
use crate::domain::plain_header::Fact;
use crate::domain::signing_key::Algorithm;

section! {
    /// The section as it is written.
    struct IdentityFile { header, algorithm, lifetime, issuer, plain_headers }
    not_built {
        compat: "Until then `header` and `plain_headers` say what the app is told.",
        claims: "Until then the claims are those of the README.",
    }
}

/// What upstreams are told of the principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// The name of the header that carries the token.
    pub header: IdentityHeader,
    /// How tokens are signed.
    pub algorithm: Algorithm,
    /// How long a token is good.
    pub lifetime: Duration,
    /// The `iss` of tokens. Default: the origin of `public_url`.
    pub issuer: String,
    /// The plain headers that are sent as well, and what each of them tells.
    pub plain_headers: Vec<(HeaderName, Fact)>,
}

/// The name of the header that carries the token: letters, digits and hyphens, and none that means something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader {
    name: HeaderName,
    written: String,
}

const MINUTE: Duration = Duration::from_secs(60);

impl IdentitySettings {
    pub(super) fn check(
        file: WrittenSection<IdentityFile>,
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
            Some(setting) => plain_headers::read(setting, header.as_ref(), checks),
            None => Some(Vec::new()),
        };
        Some(Self {
            header: header?,
            algorithm: algorithm?,
            lifetime: lifetime?,
            issuer: issuer?,
            plain_headers: plain_headers?,
        })
    }

    /// Every name by which the identity is told here.
    pub fn names(&self) -> IdentityNames {
        let plain = self.plain_headers.iter().map(|(name, _)| name.as_str());
        IdentityNames::of(std::iter::once(self.header.as_str()).chain(plain))
    }
}

impl IdentityHeader {
    /// Reads the name of a header that is free for the token.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn parse(written: &str) -> Result<Self, String> {
        let name = read_name(written, "X-BMAuth-JWT")?;
        if is_taken(written) {
            return Err("that header has a meaning of its own; choose a name like \"X-BMAuth-JWT\".".to_owned());
        }
        Ok(Self { name, written: written.to_owned() })
    }

    /// The name in lowercase, as it is compared and sent.
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

/// Reads the name of a header of ours, of which `example` is one.
fn read_name(written: &str, example: &str) -> Result<HeaderName, String> {
    // Servers disagree about `_` and `.`: some drop the header, some take it for another.
    let plain = written.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let name = HeaderName::from_bytes(written.as_bytes()).ok().filter(|_| plain);
    name.filter(|_| written.starts_with(|first: char| first.is_ascii_alphabetic()))
        .ok_or_else(|| format!("it must be a header name of letters, digits and hyphens, like {example:?}."))
}

/// Headers that HTTP, a proxy or the gateway's own documentation gives a meaning. Whatever reads like a name of ours is
/// taken from clients, so a name that only differs by its hyphens is as bad.
fn is_taken(name: &str) -> bool {
    const FAMILIES: [&str; 9] =
        ["accept", "access-control-", "content-", "if-", "proxy-", "sec-", "x-forwarded-", "remote-", "x-envoy-"];
    const NAMES: [&str; 45] = [
        "age",
        "allow",
        "alt-svc",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
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
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "keep-alive",
        "last-modified",
        "link",
        "location",
        "max-forwards",
        "origin",
        "pragma",
        "priority",
        "proxy-authorization",
        "range",
        "referer",
        "sec-websocket-key",
        "sec-websocket-version",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    ];
    const MORE: [&str; 20] = [
        // WebDAV (RFC 4918 §10) says by these what a request reaches.
        "depth",
        "destination",
        "if",
        "lock-token",
        "overwrite",
        "last-event-id",
        "service-worker",
        "timeout",
        "upgrade-insecure-requests",
        "vary",
        "warning",
        "www-authenticate",
        "x-bmauth-token",
        "x-original-url",
        "x-original-method",
        "x-real-ip",
        "x-request-id",
        "x-requested-with",
        "traceparent",
        "tracestate",
    ];
    let lower = name.to_ascii_lowercase();
    let folded = header_name::fold(name);
    FAMILIES.iter().any(|family| lower.starts_with(family))
        || NAMES.iter().chain(&MORE).any(|taken| header_name::reads_as(taken, &folded))
}

/// A StringOrURI (RFC 7519 §2): a URL where it has a colon.
fn read_issuer(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.len() <= 255 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if !plain || (text.contains(':') && Url::parse(text).is_err()) {
        return Err("it must be a URL or a name without spaces, like \"https://notes.example.com\".".to_owned());
    }
    Ok(text.to_owned())
}
