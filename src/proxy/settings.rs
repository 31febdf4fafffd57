//! What the operator decides about the proxy, checked before it gets here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::names::{Resolve, SystemResolver};
use super::room::Room;
use crate::domain::host::{Authority, Host};
use crate::domain::own_paths::{PASSKEY_ENDPOINTS, RELATED_ORIGINS};
use crate::domain::path::RequestTarget;
use crate::domain::route::Scheme;
use crate::gate::cookies::CookieNames;
use crate::gate::decide::OwnAddress;
use crate::gate::plain_headers::PlainHeaders;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// The scheme of `public_url`.
    pub public_scheme: Scheme,
    /// The host of `public_url`: answered with the gateway's own pages even where it has no route.
    pub public_host: Host,
    /// The hosts where people signed in before.
    pub former_hosts: Vec<Host>,
    /// Paths outside the reserved prefix that the gateway answers itself, whole and byte for byte, on
    /// `well_known_hosts`.
    pub well_known: Vec<String>,
    /// The hosts whose well-known paths are the gateway's: that of `public_url`, and the relying party's where it
    /// differs.
    pub well_known_hosts: Vec<Host>,
    /// The short address that people type on a device to be linked: one more path of the gateway’s own, on
    /// `public_host`.
    pub link_path: Option<String>,
    /// The header that carries the identity token.
    pub identity_header: HeaderName,
    /// The plain headers in which the identity also goes out.
    pub plain_headers: PlainHeaders,
    /// The networks of proxies in front whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether those proxies say by the PROXY protocol whose connection it is.
    pub proxy_protocol: bool,
    /// The port of `public_url`, where it is not the scheme's own.
    pub public_port: Option<u16>,
    /// How long a connection of a client is kept for the next request.
    pub keep_alive: Duration,
    /// How many threads serve requests: one for each core.
    pub threads: usize,
    /// How many connections and requests there is room for.
    pub room: Room,
    /// How long requests that are still running at shutdown are waited for.
    pub grace: Duration,
    /// What knows the addresses of apps that are named by a host name.
    pub resolver: Arc<dyn Resolve>,
}

impl ProxySettings {
    /// The defaults of a configuration file that sets none of this.
    pub fn new(public_scheme: Scheme, public_host: Host) -> Self {
        Self {
            public_scheme,
            well_known: vec![PASSKEY_ENDPOINTS.to_owned(), RELATED_ORIGINS.to_owned()],
            well_known_hosts: vec![public_host.clone()],
            public_host,
            former_hosts: Vec::new(),
            link_path: None,
            identity_header: HeaderName::from_static("x-bmauth-jwt"),
            plain_headers: PlainHeaders::default(),
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            public_port: None,
            keep_alive: Duration::from_secs(75),
            threads: 1,
            room: Room::for_files(1024),
            grace: Duration::from_secs(10),
            resolver: Arc::new(SystemResolver),
        }
    }

    /// The name of the session cookie.
    pub fn session_cookie(&self) -> &'static str {
        CookieNames::new(self.public_scheme == Scheme::Https).session
    }

    /// The whole address of a target on a host of ours, by the scheme of `public_url`. A port that is `written` is that
    /// of another scheme, or of ours.
    pub(super) fn address_of(&self, host: &Host, written: Option<u16>, target: &RequestTarget) -> String {
        let scheme = self.public_scheme;
        let port = written.filter(|port| *port != scheme.default_port());
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}{target}", scheme.as_str())
    }

    /// Whether a host is another name for that of `public_url`, where that is `localhost`: the address of this machine,
    /// by the same port.
    pub(super) fn means_localhost(&self, authority: &Authority) -> bool {
        let port = |port: Option<u16>| port.unwrap_or_else(|| self.public_scheme.default_port());
        self.public_host.as_str() == "localhost"
            && authority.host.ip().is_some_and(|ip| ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST)
            && port(authority.port) == port(self.public_port)
    }

    /// Where a request was sent.
    pub(super) fn own_address<'a>(&self, authority: &'a Authority) -> OwnAddress<'a> {
        let Self { public_scheme, public_port, .. } = *self;
        OwnAddress { authority, public_scheme, public_port }
    }

    /// Whether `peer` is a proxy whose `X-Forwarded-*` is believed.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&peer))
    }
}
