//! The keys of a route that say what is behind it and how the gateway speaks to that.

use std::net::SocketAddr;
use std::time::Duration;

use http::uri::PathAndQuery;

use super::headers::{read_request_headers, read_response_headers, read_underscore_headers};
use super::{RouteSurroundings, upstream_tls};
use crate::config::problem::{Checks, SettingPlace};
use crate::config::server::ServerSettings;
use crate::config::setting::{Setting, WrittenSection, nearest, section};
use crate::domain::host::Authority;
use crate::domain::origin::Origin;
use crate::domain::path::RoutePath;
use crate::domain::upstream::{
    Balance, HealthCheck, HostHeader, Upstream, UpstreamPlace, UpstreamTls, UpstreamUrl, UpstreamUrlError,
};

/// Those keys, as they were written.
#[derive(Debug)]
pub(super) struct UpstreamKeys {
    pub upstream: Option<Setting>,
    pub balance: Option<Setting>,
    pub health: Option<Setting>,
    pub upstream_tls: Option<Setting>,
    pub host_header: Option<Setting>,
    pub strip_prefix: Option<Setting>,
    pub request_headers: Option<Setting>,
    pub response_headers: Option<Setting>,
    pub underscore_headers: Option<Setting>,
    pub timeout: Option<Setting>,
    pub max_body: Option<Setting>,
    pub upgrade: Option<Setting>,
    pub websocket_origins: Option<Setting>,
}

section! {
    /// `health` as it is written.
    struct HealthTable { path, every }
    not_built {}
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Reads what is behind a route. `place` is that of the route, and `path` its own.
pub(super) fn check(
    keys: UpstreamKeys,
    place: &SettingPlace,
    path: Option<&RoutePath>,
    around: &RouteSurroundings<'_>,
    checks: &mut Checks,
) -> Option<Upstream> {
    if keys.upstream.is_none() && around.server.is_some_and(|server| !server.trusted_proxies.is_empty()) {
        return check_asked_only(keys, checks);
    }
    let UpstreamKeys {
        upstream,
        balance,
        health,
        upstream_tls,
        host_header,
        strip_prefix,
        request_headers,
        response_headers,
        underscore_headers,
        timeout,
        max_body,
        upgrade,
        websocket_origins,
    } = keys;
    let servers = match upstream {
        Some(setting) => read_servers(setting, around.server, checks),
        None => {
            let message = "`route.upstream` is missing. It is the server behind this route, like upstream = [\"http://127.0.0.1:8000\"]. \
                           It can be left out only where a proxy in front sends requests to the app itself and asks here about \
                           each (forward-auth); then name that proxy in `server.trusted_proxies`.";
            checks.refuse(place, message);
            None
        }
    };
    let standard = Upstream::of(Vec::new());
    let balance = match balance {
        Some(setting) => setting.choice(checks, &Balance::ALL.map(|balance| (balance.as_str(), balance))),
        None => Some(standard.balance),
    };
    let health = match health {
        Some(setting) => read_health(setting, checks).map(Some),
        None => Some(standard.health),
    };
    let tls = match upstream_tls {
        Some(setting) => upstream_tls::check(setting, servers.as_deref(), checks),
        None => Some(UpstreamTls::default()),
    };
    let host_header = match host_header {
        Some(setting) => read_host_header(setting, checks),
        None => Some(standard.host_header),
    };
    let strip_prefix = match strip_prefix {
        Some(setting) => read_strip_prefix(setting, path, checks),
        None => Some(standard.strip_prefix),
    };
    let request_headers = match request_headers {
        Some(setting) => read_request_headers(setting, &around.identity, checks),
        None => Some(standard.request_headers),
    };
    let response_headers = match response_headers {
        Some(setting) => read_response_headers(setting, checks),
        None => Some(standard.response_headers),
    };
    let underscore_headers = match underscore_headers {
        Some(setting) => read_underscore_headers(setting, &around.identity, checks),
        None => Some(standard.underscore_headers),
    };
    let timeout = match timeout {
        Some(setting) => setting.duration(checks, SECOND..=24 * HOUR),
        None => Some(standard.timeout),
    };
    let max_body = match max_body {
        Some(setting) => setting.size(checks, 1).map(Some),
        None => Some(standard.max_body),
    };
    let upgrade = match upgrade {
        Some(setting) => setting.boolean(checks),
        None => Some(standard.upgrade),
    };
    let websocket_origins = match websocket_origins {
        Some(setting) => read_websocket_origins(setting, upgrade, checks),
        None => Some(standard.websocket_origins),
    };
    Some(Upstream {
        servers: servers?,
        balance: balance?,
        health: health?,
        tls: tls?,
        host_header: host_header?,
        strip_prefix: strip_prefix?,
        request_headers: request_headers?,
        response_headers: response_headers?,
        underscore_headers: underscore_headers?,
        timeout: timeout?,
        max_body: max_body?,
        upgrade: upgrade?,
        websocket_origins: websocket_origins?,
    })
}

/// What is behind a route whose requests a proxy in front sends to the app itself: of these keys, only the origins of
/// WebSockets are part of what it asks about.
fn check_asked_only(keys: UpstreamKeys, checks: &mut Checks) -> Option<Upstream> {
    let UpstreamKeys {
        upstream: _,
        balance,
        health,
        upstream_tls,
        host_header,
        strip_prefix,
        request_headers,
        response_headers,
        underscore_headers,
        timeout,
        max_body,
        upgrade,
        websocket_origins,
    } = keys;
    let unused = [
        balance,
        health,
        upstream_tls,
        host_header,
        strip_prefix,
        request_headers,
        response_headers,
        underscore_headers,
        timeout,
        max_body,
        upgrade,
    ];
    let mut complete = true;
    for setting in unused.into_iter().flatten() {
        let message = format!(
            "`{}` is about requests that the gateway sends to the app itself, so it needs `route.upstream`; set that, or remove it.",
            setting.key
        );
        checks.refuse(&setting.key_place, message);
        complete = false;
    }
    let websocket_origins = match websocket_origins {
        Some(setting) => read_websocket_origins(setting, None, checks)?,
        None => Vec::new(),
    };
    complete.then(|| Upstream { websocket_origins, ..Upstream::of(Vec::new()) })
}

fn read_servers(setting: Setting, server: Option<&ServerSettings>, checks: &mut Checks) -> Option<Vec<UpstreamUrl>> {
    let place = setting.place().clone();
    let items = setting.list(checks)?;
    if items.is_empty() {
        checks.refuse(&place, "`route.upstream` is empty; name at least one server, like \"http://127.0.0.1:8000\".");
        return None;
    }
    let count = items.len();
    let mut read: Vec<UpstreamUrl> = Vec::new();
    for item in items {
        let url = item.parsed(checks, |text| {
            let url = UpstreamUrl::parse(text).map_err(|why| match why {
                UpstreamUrlError::Socket | UpstreamUrlError::SocketAbove | UpstreamUrlError::SocketLong => {
                    format!("{why}.")
                }
                UpstreamUrlError::Scheme
                | UpstreamUrlError::UserInfo
                | UpstreamUrlError::Path
                | UpstreamUrlError::Host(_) => format!("{why}. It must be like \"http://127.0.0.1:8000\"."),
            })?;
            if let Some(ServerSettings { admin, .. }) =
                server.filter(|server| own_address(&url, &[server.admin]).is_some())
            {
                return Err(format!("it is `server.admin`, {admin}, which is never public."));
            }
            if let Some(own) = server.and_then(|server| own_address(&url, &server.listen)) {
                return Err(format!("it is the gateway’s own address {own}; requests would go in a circle."));
            }
            if read.iter().any(|other| other.place() == url.place()) {
                return Err("it is there twice.".to_owned());
            }
            Ok(url)
        });
        read.extend(url);
    }
    (read.len() == count).then_some(read)
}

/// The address of ours that an upstream is, if it is one: to a public one each request would come back for ever.
fn own_address<'a>(upstream: &UpstreamUrl, listen: &'a [SocketAddr]) -> Option<&'a SocketAddr> {
    let UpstreamPlace::Tcp { host, port } = upstream.place() else { return None };
    listen.iter().find(|own| {
        let here = own.ip().is_loopback() || own.ip().is_unspecified();
        let same_host = match host.ip() {
            Some(ip) => ip == own.ip() || (own.ip().is_unspecified() && ip.is_loopback()),
            None => here && host.is_loopback(),
        };
        same_host && own.port() == port
    })
}

fn read_health(setting: Setting, checks: &mut Checks) -> Option<HealthCheck> {
    let table = setting.table(checks)?;
    let WrittenSection { place, keys: HealthTable { path, every } } = HealthTable::read("route.health.", table, checks);
    let path = match path {
        Some(setting) => setting.parsed(checks, read_health_path),
        None => {
            checks.refuse(
                &place,
                "`route.health.path` is missing. It is what each server is asked, like path = \"/healthz\".",
            );
            None
        }
    };
    let every = match every {
        Some(setting) => setting.duration(checks, SECOND..=HOUR),
        None => Some(10 * SECOND),
    };
    Some(HealthCheck { path: path?, every: every? })
}

fn read_health_path(text: &str) -> Result<String, String> {
    let begins_well = text.starts_with('/') && !text.starts_with("//");
    let sendable = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\'));
    if begins_well && sendable && PathAndQuery::try_from(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err("it must be a path that begins with one “/”, in ASCII without spaces, like \"/healthz\".".to_owned())
    }
}

fn read_host_header(setting: Setting, checks: &mut Checks) -> Option<HostHeader> {
    let place = setting.place().clone();
    let read = setting.parsed(checks, |text| match text {
        "visitor" => Ok(HostHeader::Visitor),
        "upstream" => Ok(HostHeader::Upstream),
        name => Authority::parse(name.as_bytes()).map(HostHeader::Named).map_err(|why| {
            let url = name.split_once("://").map(|(_, rest)| rest.trim_end_matches('/'));
            let meant = url.and_then(|rest| Authority::parse(rest.as_bytes()).ok());
            let help = meant.map(|meant| format!(" Did you mean \"{meant}\"?")).unwrap_or_default();
            let why = url.map_or_else(|| why.to_string(), |_| "it is more than a host and a port".to_owned());
            format!(
                "{why}. It must be \"visitor\", \"upstream\", or a host with or without a port, like \"app.internal\".{help}"
            )
        }),
    })?;
    if let HostHeader::Named(Authority { host, port: None }) = &read
        && let Some(meant) = nearest(host.as_str(), &["visitor", "upstream"])
    {
        checks.warn(
            &place,
            format_args!("`route.host_header` sends \"{host}\" to the app as the host. Did you mean {meant:?}?"),
        );
    }
    Some(read)
}

fn read_strip_prefix(setting: Setting, path: Option<&RoutePath>, checks: &mut Checks) -> Option<bool> {
    let place = setting.place().clone();
    let strip = setting.boolean(checks)?;
    if strip && path.is_some_and(|path| path.as_str() == "/") {
        checks.refuse(
            &place,
            "`route.strip_prefix` is true, but the path of this route is \"/\", so there is nothing to cut; give it a path like \"/api\", or remove it.",
        );
        return None;
    }
    Some(strip)
}

fn read_websocket_origins(setting: Setting, upgrade: Option<bool>, checks: &mut Checks) -> Option<Vec<Origin>> {
    let place = setting.place().clone();
    let items = setting.list(checks)?;
    let count = items.len();
    let mut read: Vec<Origin> = Vec::new();
    for item in items {
        read.extend(item.another_origin(&read, checks));
    }
    if upgrade == Some(false) && count > 0 {
        checks.refuse(
            &place,
            "`route.websocket_origins` lets pages open WebSockets, which upgrade = false refuses to all; remove one of them.",
        );
        return None;
    }
    (read.len() == count).then_some(read)
}
