//! What the proxy knows of a request beyond its head. It travels in the request's extensions.

use std::fmt;
use std::net::IpAddr;

use crate::domain::host::Authority;

/// Who asks, by what way, and for which host: an extension of every request that the proxy hands to the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// The visitor's address; `None` where a trusted proxy in front did not say.
    pub address: Option<IpAddr>,
    /// Whether it is a proxy in `server.trusted_proxies` that sent the request.
    pub trusted: bool,
    /// Whether the visitor came over https, as far as the connection or a trusted proxy in front says.
    pub https: bool,
    /// The host, and the port where one was named, that the request is for.
    pub authority: Authority,
    /// The request's name in the log.
    pub request_id: RequestId,
}

/// The name of one request, shown on error pages and in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
