//! What a request touches besides the path it is for: WebDAV's second path, and all that stands below (RFC 4918).

use super::super::path::RequestPath;

/// What a request touches besides its own path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach<'a> {
    /// A second path on the same host, which it writes to.
    pub destination: Option<&'a RequestPath>,
    /// Whether it touches what stands below its paths.
    pub is_deep: bool,
}
