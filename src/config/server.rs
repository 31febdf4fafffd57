//! `[server]`: where the gateway listens and whom it believes.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::problem::{Checks, SettingPlace};
use super::public_url::PublicUrl;
use super::setting::{Setting, WrittenSection, section};
use crate::domain::host::Host;
use crate::domain::network::is_local;

pub mod certificate;
pub mod tls;

use tls::TlsFiles;

section! {
    /// The section as it is written.
    struct ServerFile { listen, tls, admin, admin_hosts, admin_socket, trusted_proxies, proxy_protocol, keep_alive, shutdown_grace }
    not_built { redirect_http: "Until then something else listens on port 80." }
}

/// Where the gateway listens and whom it believes.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The public addresses; at least one, each once.
    pub listen: Vec<SocketAddr>,
    /// The certificate and key of the public addresses; none behind another TLS terminator.
    pub tls: Option<TlsFiles>,
    /// The address of `/livez`, `/readyz` and `/metrics`: loopback, private, or all of them.
    pub admin: SocketAddr,
    /// The names by which `/metrics` may be asked for, besides those that cannot be registered.
    pub admin_hosts: Vec<Host>,
    /// The socket that the commands reach the running gateway by, where it is named.
    pub admin_socket: Option<PathBuf>,
    /// The peers whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether those peers say by the PROXY protocol whose connection it is.
    pub proxy_protocol: bool,
    /// How long a connection of a client is kept for the next request.
    pub keep_alive: Duration,
    /// How long requests that run when the gateway is stopped are waited for.
    pub shutdown_grace: Duration,
}

/// An address and where it was written.
type LocatedAddress = (SocketAddr, SettingPlace);

impl ServerSettings {
    pub(super) fn check(
        file: WrittenSection<ServerFile>,
        public_url: Option<&PublicUrl>,
        checks: &mut Checks,
    ) -> Option<Self> {
        let WrittenSection {
            place,
            keys:
                ServerFile {
                    listen,
                    tls,
                    admin,
                    admin_hosts,
                    admin_socket,
                    trusted_proxies,
                    proxy_protocol,
                    keep_alive,
                    shutdown_grace,
                },
        } = file;
        let listen = match listen {
            Some(listen) => read_listen(listen, checks),
            None => public_url.map(|url| vec![(default_listen(url), place.clone())]),
        };
        let admin = match admin {
            Some(admin) => read_admin(admin, checks),
            None => Some((SocketAddr::from(([127, 0, 0, 1], 9091)), place.clone())),
        };
        if let (Some(listen), Some((admin, admin_place))) = (&listen, &admin)
            && let Some((taken, _)) = listen.iter().find(|(address, _)| overlap(*address, *admin))
        {
            checks.refuse(
                admin_place,
                format!("`server.admin` is {admin}, where the public listener {taken} is; give it a port of its own."),
            );
        }
        let admin_hosts = match admin_hosts {
            Some(hosts) => read_hosts(hosts, checks),
            None => Some(Vec::new()),
        };
        let folder = checks.folder.clone();
        let admin_socket = match admin_socket {
            Some(socket) => {
                let read = |text: &str| {
                    if text.is_empty() || text.ends_with('/') {
                        return Err("it must name a file, like \"/run/bmauth/bmauth.sock\".".to_owned());
                    }
                    Ok(folder.kept_by_us(text))
                };
                socket.parsed(checks, read).map(Some)
            }
            None => Some(None),
        };
        let keep_alive = match keep_alive {
            Some(keep_alive) => keep_alive.duration(checks, Duration::from_secs(1)..=Duration::from_secs(60 * 60)),
            None => Some(Duration::from_secs(75)),
        };
        let shutdown_grace = match shutdown_grace {
            Some(grace) => grace.duration(checks, Duration::ZERO..=Duration::from_secs(60 * 60)),
            None => Some(Duration::from_secs(10)),
        };
        let tls_is_written = tls.is_some();
        let tls = tls.and_then(|tls| tls::check(tls, public_url, checks));
        let trusted_proxies = match trusted_proxies {
            Some(trusted) => read_trusted(trusted, checks),
            None => Some(Vec::new()),
        };
        let proxy_protocol = match proxy_protocol {
            Some(setting) => read_proxy_protocol(setting, trusted_proxies.as_deref(), checks),
            None => Some(false),
        };
        if let (false, Some(url), Some([]), Some(listen)) =
            (tls_is_written, public_url, trusted_proxies.as_deref(), &listen)
            && url.is_https()
        {
            for (address, place) in listen {
                checks.warn(
                    place,
                    format_args!(
                        "{address} speaks plain HTTP because `server.tls` is not set. That is right behind a TLS terminator only; \
                         name its address in `server.trusted_proxies`, or every visitor seems to come from it."
                    ),
                );
            }
        }
        if let (Some(url), Some([]), Some(listen)) = (public_url, trusted_proxies.as_deref(), &listen) {
            warn_of_another_port(url, listen, checks);
        }
        Some(Self {
            listen: listen?.into_iter().map(|(address, _)| address).collect(),
            tls,
            admin: admin?.0,
            admin_hosts: admin_hosts?,
            admin_socket: admin_socket?,
            trusted_proxies: trusted_proxies?,
            proxy_protocol: proxy_protocol?,
            keep_alive: keep_alive?,
            shutdown_grace: shutdown_grace?,
        })
    }
}

/// Tells of a port that browsers will ask for and that nothing here has, where no proxy is named that could have it.
fn warn_of_another_port(url: &PublicUrl, listen: &[LocatedAddress], checks: &mut Checks) {
    // Port 0 is whatever is free.
    let has = |(address, _): &LocatedAddress| address.port() == url.port() || address.port() == 0;
    if let (false, Some((first, place))) = (listen.iter().any(has), listen.first()) {
        let port = url.port();
        checks.warn(
            place,
            format_args!(
                "Browsers ask for port {port}, which `public_url` ({url}) says, but the gateway listens on {first}. Set \
                 `server.listen` to that port, have it forwarded to {}, or name the proxy that has it in `server.trusted_proxies`.",
                first.port()
            ),
        );
    }
}

/// For `http://localhost`, the address a browser on this machine will ask; else all addresses.
fn default_listen(public_url: &PublicUrl) -> SocketAddr {
    if public_url.is_https() {
        SocketAddr::from(([0, 0, 0, 0], 8443))
    } else {
        SocketAddr::from(([127, 0, 0, 1], public_url.port()))
    }
}

fn read_listen(listen: Setting, checks: &mut Checks) -> Option<Vec<LocatedAddress>> {
    let place = listen.place().clone();
    let items = listen.list(checks)?;
    if items.is_empty() {
        checks.refuse(&place, "`server.listen` is empty; name at least one address, like \"0.0.0.0:8443\".");
        return None;
    }
    let mut read: Vec<LocatedAddress> = Vec::new();
    let mut complete = true;
    for item in items {
        let place = item.place().clone();
        let address = item.parsed(checks, |text| {
            let address = read_address(text)?;
            match read.iter().find(|(other, _)| overlap(*other, address)) {
                Some((other, _)) => Err(format!("it is already taken by {other}, above.")),
                None => Ok(address),
            }
        });
        match address {
            Some(address) => read.push((address, place)),
            None => complete = false,
        }
    }
    complete.then_some(read)
}

fn read_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.strip_prefix("localhost:").map(|port| ("127.0.0.1", port));
    let port = port.or_else(|| text.strip_prefix(['*', ':']).map(|rest| ("0.0.0.0", rest.trim_start_matches(':'))));
    let port = port.or(Some(("0.0.0.0", text)));
    let meant = port.filter(|(_, port)| port.parse::<u16>().is_ok());
    let help = meant.map(|(host, port)| format!(" Did you mean \"{host}:{port}\"?"));
    Err(format!(
        "it must be an IP address and a port, like \"0.0.0.0:8443\" or \"[::]:8443\".{}",
        help.unwrap_or_default()
    ))
}

fn read_admin(admin: Setting, checks: &mut Checks) -> Option<LocatedAddress> {
    let place = admin.place().clone();
    let address = admin.parsed(checks, |text| {
        let address = read_address(text)?;
        if address.ip().is_unspecified() || is_local(address.ip()) {
            Ok(address)
        } else {
            Err("it must be a loopback or private address, like \"127.0.0.1:9091\", or \"0.0.0.0:9091\" for such visitors of all of them: health and metrics are never public.".to_owned())
        }
    })?;
    Some((address, place))
}

fn read_proxy_protocol(setting: Setting, trusted: Option<&[IpNet]>, checks: &mut Checks) -> Option<bool> {
    let place = setting.place().clone();
    let is_on = setting.boolean(checks)?;
    if is_on && trusted.is_some_and(<[IpNet]>::is_empty) {
        checks.refuse(
            &place,
            "`server.proxy_protocol` is true, but `server.trusted_proxies` is empty; name the proxies that speak it there.",
        );
        return None;
    }
    Some(is_on)
}

fn read_hosts(hosts: Setting, checks: &mut Checks) -> Option<Vec<Host>> {
    let items = hosts.list(checks)?;
    let count = items.len();
    let read = |text: &str| {
        Host::parse(text)
            .map_err(|why| format!("{why}. It must be a host without scheme and port, like \"metrics.example.com\"."))
    };
    let read: Vec<Host> = items.into_iter().filter_map(|item| item.parsed(checks, read)).collect();
    (read.len() == count).then_some(read)
}

fn read_trusted(trusted: Setting, checks: &mut Checks) -> Option<Vec<IpNet>> {
    let items = trusted.list(checks)?;
    let count = items.len();
    let read: Vec<IpNet> = items.into_iter().filter_map(|item| item.parsed(checks, read_network)).collect();
    (read.len() == count).then_some(read)
}

fn read_network(text: &str) -> Result<IpNet, String> {
    let network = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(network), _) => network,
        (Err(_), Ok(address)) => IpNet::from(address),
        (Err(_), Err(_)) => {
            return Err("it must be a network or an address, like \"10.0.0.0/8\" or \"192.0.2.7\".".to_owned());
        }
    };
    if network.prefix_len() == 0 {
        return Err("it would let every client forge its address; name the proxies in front.".to_owned());
    }
    if network != network.trunc() {
        return Err(format!("an address inside a network does not name it. Did you mean \"{}\"?", network.trunc()));
    }
    Ok(network)
}

/// Whether two listeners would fight for one port. Port 0 is a new one each time.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || everywhere)
}
