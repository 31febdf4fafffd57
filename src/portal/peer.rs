//! What the proxy tells the portal about a request, beside the request itself.

use std::net::IpAddr;

use crate::domain::host::Host;

/// Who asks, as the listener saw it: an extension of every request the portal gets.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// The client's address; `None` where a trusted outer proxy did not say.
    pub address: Option<IpAddr>,
    /// Whether the client came by https, to us or to a trusted outer proxy.
    pub https: bool,
    /// The host that was asked.
    pub host: Host,
    /// What the logs call this request.
    pub request_id: String,
}
