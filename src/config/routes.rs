//! `[[route]]`: what stands behind the gateway, and who may reach it.

mod headers;
mod upstream;
mod upstream_tls;

use super::example;
use super::link::Linking;
use super::problem::{Checks, SettingPlace};
use super::public_url::PublicUrl;
use super::server::ServerSettings;
use super::setting::{Setting, WrittenSection, section};
use super::tree::SettingValue;
use crate::domain::group;
use crate::domain::header_name::IdentityNames;
use crate::domain::host::Host;
use crate::domain::link;
use crate::domain::own_paths::PREFIX;
use crate::domain::path::{RequestPath, RoutePath};
use crate::domain::route::{Access, Demands, Methods, Route, RouteId, Routes, RoutesError};

use upstream::UpstreamKeys;

section! {
    /// One route as it is written.
    struct RouteFile {
        host, path, exact, methods, upstream, balance, health, upstream_tls, host_header, strip_prefix, request_headers, response_headers,
        underscore_headers, timeout, max_body, upgrade, websocket_origins, access, audience, groups, forward_authorization,
    }
    not_built {
        step_up: "Until then no passkey is asked for again, which is not what it says.",
        users: "Until then `groups` says who gets in: `bmauth users add EMAIL --group G`.",
        services: "Until then no service gets in but by an access token of the API.",
        keep_post: "Until then a form that met the wall is not kept.",
        cors: "Until then the app answers CORS requests itself.",
    }
}

/// What the other sections say that routes must agree with; nothing where they are wrong themselves.
pub(super) struct RouteSurroundings<'a> {
    pub public_url: Option<&'a PublicUrl>,
    pub server: Option<&'a ServerSettings>,
    /// Every name by which the identity is told.
    pub identity: IdentityNames,
    /// With the place of its short address, where that was written.
    pub link: Option<&'a (Linking, Option<SettingPlace>)>,
}

/// Reads all routes; there must be at least one.
pub(super) fn check(
    setting: Option<Setting>,
    root: &SettingPlace,
    around: &RouteSurroundings<'_>,
    checks: &mut Checks,
) -> Option<Routes> {
    let missing = "There is no [[route]], so nothing stands behind the gateway. Add one with upstream = [\"http://127.0.0.1:8000\"].";
    let Some(setting) = setting else {
        checks.refuse(root, missing);
        return None;
    };
    let items = match setting.node.value {
        SettingValue::List(ref items) => items.clone(),
        // `[route]` where `[[route]]` was meant: told, and read all the same.
        SettingValue::Table(_) if setting.node.written.is_none() => {
            setting.refuse(checks, "is one table; write [[route]] with two brackets, once for each route.");
            vec![setting.node.clone()]
        }
        SettingValue::Text(_) | SettingValue::Boolean(_) | SettingValue::Other(_) | SettingValue::Table(_) => {
            setting.refuse(checks, "must be written as [[route]], once for each route.");
            return None;
        }
    };
    if items.is_empty() {
        checks.refuse(setting.place(), missing);
        return None;
    }
    let mut complete = true;
    let mut routes = Routes::default();
    // By their numbers.
    let mut places: Vec<SettingPlace> = Vec::new();
    for (index, node) in items.into_iter().enumerate() {
        let one = Setting { key: "route".to_owned(), key_place: setting.key_place.clone(), node };
        let Some(table) = one.table(checks) else {
            complete = false;
            continue;
        };
        let file = RouteFile::read("route.", table, checks);
        let place = file.place.clone();
        places.push(place.clone());
        let Some(route) = check_one(file, RouteId(index), around, checks) else {
            complete = false;
            continue;
        };
        if let Err(error) = routes.add(route) {
            let first = places.get(error.first().0).unwrap_or(root);
            checks.refuse(&place, not_beside(&error, first));
            complete = false;
        }
    }
    for route in routes.iter() {
        if let Some(place) = places.get(route.id.0) {
            warn_of_aliases(route, &routes, place, checks);
        }
    }
    complete.then_some(routes)
}

/// Warns of a route around this one, or with the same path, that asks for less and leads to the same app. The app may
/// answer for this path by an address that looks like another one, and there less is asked for.
fn warn_of_aliases(route: &Route, routes: &Routes, place: &SettingPlace, checks: &mut Checks) {
    let laxer = routes.iter().filter(|other| {
        other.host == route.host
            && other.path.holds(&route.path)
            && route.demands.ask_more_than(&other.demands)
            && route.upstream.is_same_app(&other.upstream)
    });
    let Some(laxer) = laxer.max_by_key(|other| other.path.as_str().len()) else { return };
    let (path, around) = (&route.path, &laxer.path);
    if path.is_same(around) {
        let message = format!(
            "This route asks for more than the other one with the path {path}, which leads to the same app. If that app takes \
             another method from the query (?_method=) or from a form, it does so where less is asked for."
        );
        return checks.warn(place, message);
    }
    let message = format!(
        "{path} asks for more than {around}, which leads to the same app. If that app also answers for it by an address that \
         does not look like it ({path}.json, /index.php{path}, {path}%20, or ?_method= in a query), that is open to everyone who may \
         see {around}."
    );
    checks.warn(place, message);
}

/// Why a route cannot stand beside the one at `first`.
fn not_beside(error: &RoutesError, first: &SettingPlace) -> String {
    match error {
        RoutesError::Same { host, path, method, .. } => {
            let method = method.as_ref().map(|method| format!(", and the method {method},")).unwrap_or_default();
            format!(
                "This route has the host {host} and the path {path}{method} of the one at {first}; only one can be right."
            )
        }
        RoutesError::Alike { host, path, .. } => format!(
            "The path {path} of this route differs only in case from that of the one at {first}, and an app at {host} that \
             ignores case would confuse them. Give both the same demands and upstream, or other paths."
        ),
    }
}

fn check_one(
    file: WrittenSection<RouteFile>,
    id: RouteId,
    around: &RouteSurroundings<'_>,
    checks: &mut Checks,
) -> Option<Route> {
    let WrittenSection {
        place,
        keys:
            RouteFile {
                host,
                path,
                exact,
                methods,
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
                access,
                audience,
                groups,
                forward_authorization,
            },
    } = file;
    let host = match host {
        Some(setting) => {
            let place = setting.place().clone();
            let host = setting.parsed(checks, read_host);
            if let Some(host) = host.as_ref().filter(|host| example::is_host(host)) {
                checks
                    .fault(&place, format!("`route.host` is {host}, which is an example; write the host of your app."));
            }
            host
        }
        None => around.public_url.map(|url| url.host().clone()),
    };
    let path = match path {
        Some(setting) => {
            let place = setting.place().clone();
            let path = setting.parsed(checks, read_path);
            match (host.as_ref(), path) {
                (Some(host), Some(path)) if let Some(why) = shadowed(host, &path, around) => {
                    checks.refuse(&place, why);
                    None
                }
                (_, path) => path,
            }
        }
        None => RoutePath::parse("/").ok(),
    };
    let exact = match exact {
        Some(setting) => setting.boolean(checks),
        None => Some(false),
    };
    let methods = match methods {
        Some(setting) => read_methods(setting, checks),
        None => Some(Methods::default()),
    };
    let upstream = upstream::check(
        UpstreamKeys {
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
        },
        &place,
        path.as_ref(),
        around,
        checks,
    );
    let access = match access {
        Some(setting) => {
            let words = [Access::SignedIn, Access::Optional, Access::Public].map(|access| (access.as_str(), access));
            setting.choice(checks, &words)
        }
        None => Some(Access::default()),
    };
    let audience = match audience {
        Some(setting) => setting.parsed(checks, read_audience),
        None => host.as_ref().map(|host| host.to_string()),
    };
    let forward_authorization = match forward_authorization {
        Some(setting) => setting.boolean(checks),
        None => Some(false),
    };
    let groups = match groups {
        Some(setting) => read_groups(setting, access, checks),
        None => Some(Vec::new()),
    };
    Some(Route {
        id,
        host: host?,
        path: path?,
        exact: exact?,
        methods: methods?,
        upstream: upstream?,
        demands: Demands {
            access: access?,
            groups: groups?,
            audience: audience?.into(),
            forward_authorization: forward_authorization?,
        },
    })
}

/// Why no request would reach a route with that path: the gateway answers for it itself.
fn shadowed(host: &Host, path: &RoutePath, around: &RouteSurroundings<'_>) -> Option<String> {
    let (linking, place) = around.link?;
    let is_answered =
        linking.policy != link::LinkPolicy::Off && around.public_url.is_some_and(|url| url.host() == host);
    let own = linking.path.as_str();
    let is_its = RoutePath::parse(own).is_ok_and(|own| own.is_same(path));
    (is_answered && is_its).then(|| {
        let place = place.as_ref().map_or_else(|| "its default".to_owned(), |place| format!("at {place}"));
        format!(
            "`route.path` is {own:?}, which the gateway answers itself on {host}: it is `link.path` ({place}), the short address \
             for signing in another device. Give `link.path` another value, like \"/device\", or this route another path."
        )
    })
}

fn read_methods(setting: Setting, checks: &mut Checks) -> Option<Methods> {
    let items = setting.list(checks)?;
    let count = items.len();
    let methods: Vec<_> = items
        .into_iter()
        .filter_map(|item| item.parsed(checks, |text| Methods::parse(text).map_err(|why| format!("{why}."))))
        .collect();
    (methods.len() == count).then(|| Methods::these(methods))
}

fn read_groups(setting: Setting, access: Option<Access>, checks: &mut Checks) -> Option<Vec<String>> {
    let place = setting.place().clone();
    let items = setting.list(checks)?;
    let count = items.len();
    let groups: Vec<String> = items
        .into_iter()
        .filter_map(|item| item.parsed(checks, |text| group::parse(text).map_err(|why| format!("{why}."))))
        .collect();
    // A principal that the app is not told, or that there need not be, is in no group.
    if let Some(access @ (Access::Optional | Access::Public)) = access
        && count > 0
    {
        let message = format!(
            "`route.groups` is for routes with access = \"signed-in\": with access = \"{}\" everyone gets in.",
            access.as_str()
        );
        checks.refuse(&place, message);
        return None;
    }
    (groups.len() == count).then_some(groups)
}

fn read_host(text: &str) -> Result<Host, String> {
    Host::parse(text).map_err(|why| {
        let without_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        let meant = without_scheme.split(['/', ':']).next().and_then(|host| Host::parse(host).ok());
        let help = meant.map(|host| format!(" Did you mean {:?}?", host.as_str()));
        format!(
            "{why}. It must be a host without scheme and port, like \"notes.example.com\".{}",
            help.unwrap_or_default()
        )
    })
}

/// What stands before the first part of a path that people write for patterns elsewhere, where there is one:
/// `/admin/*`, `/admin/(.*)`, `/admin/:id`, `/admin/{id}`, `^/admin`.
fn literal_of_pattern(text: &str) -> Option<String> {
    let path = text.trim_start_matches(['^', '~', '=', ' ']);
    let is_pattern = |segment: &str| segment.starts_with([':', '<']) || segment.contains(['*', '(', '[', '{', '|']);
    let literal: Vec<&str> = path.split('/').skip(1).take_while(|segment| !is_pattern(segment)).collect();
    let is_one = path.len() < text.len() || path.ends_with('$') || path.split('/').any(is_pattern);
    is_one.then(|| format!("/{}", literal.join("/").trim_end_matches('$')))
}

fn read_path(text: &str) -> Result<RoutePath, String> {
    if let Some(literal) = literal_of_pattern(text) {
        return Err(format!(
            "it looks like a pattern, but paths are taken as they are written: a route holds its path and everything below it. \
             Write {literal:?}."
        ));
    }
    let prefix = RoutePath::parse(text).map_err(|why| format!("{why}. It must be a path like \"/\" or \"/api\"."))?;
    match RequestPath::parse(text.as_bytes()) {
        Ok(path) if path.is_reserved() => {
            Err(format!("paths below {PREFIX} are the gateway’s own on every host and are never forwarded."))
        }
        _ => Ok(prefix),
    }
}

/// A StringOrURI (RFC 7519 §2), as the audience of tokens.
pub(super) fn read_audience(text: &str) -> Result<String, String> {
    let plain = (1..=255).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if plain {
        Ok(text.to_owned())
    } else {
        Err("it must be 1 to 255 characters without spaces, like \"notes.example.com\".".to_owned())
    }
}
