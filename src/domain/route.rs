//! Which upstream a request is for, and who may reach it.

use std::fmt;

use std::sync::Arc;

use thiserror::Error;

use super::host::Host;
use super::path::{CanonicalPath, PathPrefix};
use super::upstream::Upstream;

pub use super::origin::Scheme;

/// The place of a route in the configuration, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub usize);

/// One `[[route]]`: a host and a path prefix, and what is behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its place in the configuration.
    pub id: RouteId,
    /// The host it answers for, on any port.
    pub host: Host,
    /// The paths it answers for.
    pub path: PathPrefix,
    /// The servers behind it, and how they are spoken to.
    pub upstream: Upstream,
    /// Who may reach it, and what its upstream is told.
    pub demands: Demands,
}

/// What a route demands of a request, and lets its upstream be told of it: one value, so that it is compared whole
/// wherever two readings of a path lead to two routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demands {
    /// Who may come.
    pub access: Access,
    /// Only people in one of these may; none asks for no group.
    pub groups: Vec<String>,
    /// The `aud` of the tokens its upstream receives.
    pub audience: Arc<str>,
    /// Whether an access token of ours in `Authorization` is passed on; other credentials always are.
    pub forward_authorization: bool,
}

/// Who may reach a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// Signed-in people only.
    #[default]
    SignedIn,
    /// Everybody; the upstream is told who it is where somebody is signed in.
    Optional,
    /// Everybody; the upstream is never told who it is.
    Public,
}

/// All routes, by host and then the longest path prefix.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Sorted by host, so that a host is found without allocating.
    hosts: Vec<HostRoutes>,
}

#[derive(Clone, Debug)]
struct HostRoutes {
    host: Host,
    /// The longest path first.
    routes: Vec<Arc<Route>>,
}

/// Two routes with one host and one path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("two routes have the host “{host}” and the path “{path}”")]
pub struct DuplicateRoute {
    /// The host of both.
    pub host: Host,
    /// The path of both.
    pub path: PathPrefix,
    /// The one that came first.
    pub first: RouteId,
    /// The one that came later.
    pub second: RouteId,
}

impl Routes {
    /// Orders routes for finding.
    ///
    /// # Errors
    /// Two of them would answer for the same paths.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Result<Self, DuplicateRoute> {
        let mut hosts: Vec<HostRoutes> = Vec::new();
        for route in routes {
            let place = match hosts.binary_search_by(|known| known.host.cmp(&route.host)) {
                Ok(place) => place,
                Err(place) => {
                    hosts.insert(place, HostRoutes { host: route.host.clone(), routes: Vec::new() });
                    place
                }
            };
            if let Some(known) = hosts.get_mut(place) {
                if let Some(same) = known.routes.iter().find(|other| other.path.is_same(&route.path)) {
                    return Err(DuplicateRoute {
                        host: route.host,
                        path: route.path,
                        first: same.id,
                        second: route.id,
                    });
                }
                known.routes.push(Arc::new(route));
                known.routes.sort_by_key(|route| std::cmp::Reverse(route.path.length()));
            }
        }
        Ok(Self { hosts })
    }

    /// The route of a request: host first, then the longest path prefix by whole segments.
    ///
    /// A path whose route depends on whether its parameters (`;…`) count has none, nor has one whose route makes other
    /// demands where capitals do not count: the server behind may read it as a path of the stricter route, so neither
    /// `/admin;x` nor `/Admin` must slip past `/admin`. That holds for each of the [`Demands`]: a part of an app that is
    /// not to see access tokens must not get them by a spelling, nor tokens that are made for another part; nor may
    /// pages of other sites open its WebSockets by one.
    pub fn find(&self, host: &Host, path: &CanonicalPath) -> Option<&Arc<Route>> {
        let known = self.host(host)?;
        let route = known.routes.iter().find(|route| path.has_prefix(&route.path))?;
        let lax = known.routes.iter().find(|route| path.has_prefix_read_laxly(&route.path))?;
        let is_same = |lax: &Route| {
            route.demands == lax.demands && route.upstream.websocket_origins == lax.upstream.websocket_origins
        };
        (route.id == lax.id || !path.has_parameters() && is_same(lax)).then_some(route)
    }

    /// Whether some route answers for this host. A request for another host gets 421.
    pub fn knows_host(&self, host: &Host) -> bool {
        self.host(host).is_some()
    }

    /// All routes, by host, the longest path first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.hosts.iter().flat_map(|known| &known.routes)
    }

    /// All hosts, each once.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().map(|known| &known.host)
    }

    fn host(&self, host: &Host) -> Option<&HostRoutes> {
        let place = self.hosts.binary_search_by(|known| known.host.cmp(host)).ok()?;
        self.hosts.get(place)
    }
}

impl Access {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::Optional => "optional",
            Self::Public => "public",
        }
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::origin::Origin;
    use super::super::upstream::UpstreamUrl;
    use super::*;

    fn route(id: usize, host: &str, path: &str) -> Route {
        Route {
            id: RouteId(id),
            host: Host::parse(host).expect("a host"),
            path: PathPrefix::parse(path).expect("a path"),
            upstream: Upstream::of(vec![UpstreamUrl::parse("http://127.0.0.1:8000").expect("an upstream")]),
            demands: Demands {
                access: Access::SignedIn,
                groups: Vec::new(),
                audience: host.into(),
                forward_authorization: false,
            },
        }
    }

    /// The same with other demands.
    fn demanding(route: Route, change: impl FnOnce(&mut Demands)) -> Route {
        let mut demands = route.demands.clone();
        change(&mut demands);
        Route { demands, ..route }
    }

    fn routes(specs: &[(&str, &str)]) -> Routes {
        let all = specs.iter().enumerate().map(|(id, (host, path))| route(id, host, path));
        Routes::new(all).expect("no duplicates")
    }

    fn find(routes: &Routes, host: &str, path: &str) -> Option<usize> {
        let path = CanonicalPath::parse(path.as_bytes()).expect("a canonical path");
        routes.find(&Host::parse(host).expect("a host"), &path).map(|route| route.id.0)
    }

    #[test]
    fn the_host_comes_first_and_then_the_longest_path() {
        let routes = routes(&[
            ("b.example", "/"),
            ("a.example", "/api"),
            ("a.example", "/"),
            ("a.example", "/api/v1/"),
            ("c.example", "/x"),
        ]);
        for (host, path, expected) in [
            ("a.example", "/", Some(2)),
            ("a.example", "/apix", Some(2)),
            ("a.example", "/api", Some(1)),
            ("a.example", "/api/v2", Some(1)),
            ("a.example", "/api/v1", Some(3)),
            ("A.Example.", "/api/v1/x", Some(3)),
            ("b.example", "/api/v1", Some(0)),
            ("c.example", "/x/y", Some(4)),
            ("c.example", "/", None),
            ("d.example", "/", None),
            ("sub.a.example", "/", None),
        ] {
            assert_eq!(find(&routes, host, path), expected, "{host}{path}");
        }
        assert!(routes.knows_host(&Host::parse("c.example").expect("a host")));
        assert!(!routes.knows_host(&Host::parse("d.example").expect("a host")));
    }

    #[test]
    fn parameters_do_not_slip_past_a_route() {
        let routes = routes(&[("a.example", "/"), ("a.example", "/admin")]);
        for (path, expected) in [
            ("/map;lat=50", Some(0)),
            ("/admin", Some(1)),
            ("/admin/x;y", Some(1)),
            ("/admin;x", None),
            ("/admin;x/y", None),
            ("/admin%3Bx/y", None),
        ] {
            assert_eq!(find(&routes, "a.example", path), expected, "{path}");
        }
    }

    #[test]
    fn capitals_do_not_slip_past_a_stricter_route() {
        let with = |root: Access, admin: Access| {
            let root = demanding(route(0, "a.example", "/"), |demands| demands.access = root);
            let admin = demanding(route(1, "a.example", "/Admin"), |demands| demands.access = admin);
            Routes::new([root, admin]).expect("no duplicates")
        };
        let open_around = with(Access::Public, Access::SignedIn);
        for (path, expected) in [
            ("/Admin", Some(1)),
            ("/Admin/X", Some(1)),
            ("/admin", None),
            ("/ADMIN/x", None),
            ("/adminx", Some(0)),
            ("/Other", Some(0)),
        ] {
            assert_eq!(find(&open_around, "a.example", path), expected, "{path}");
        }
        let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let staff = demanding(route(1, "a.example", "/Admin"), |demands| demands.groups = groups(&["staff"]));
        let grouped = Routes::new([route(0, "a.example", "/"), staff]).expect("no duplicates");
        assert_eq!(find(&grouped, "a.example", "/admin"), None, "nor past a group");
        // Where both ask for the same, nothing is gained by a spelling.
        assert_eq!(find(&with(Access::SignedIn, Access::SignedIn), "a.example", "/admin"), Some(0));
    }

    #[test]
    fn a_spelling_brings_no_access_token_where_none_goes() {
        for (root, plugins) in [(true, false), (false, true)] {
            let root = demanding(route(0, "a.example", "/"), |demands| demands.forward_authorization = root);
            let plugins =
                demanding(route(1, "a.example", "/Plugins"), |demands| demands.forward_authorization = plugins);
            let routes = Routes::new([root, plugins]).expect("no duplicates");
            for (path, expected) in [("/Plugins/x", Some(1)), ("/plugins/x", None), ("/other", Some(0))] {
                assert_eq!(find(&routes, "a.example", path), expected, "{path}");
            }
        }
    }

    #[test]
    fn a_spelling_brings_no_token_that_is_made_for_another_part() {
        let api = demanding(route(1, "a.example", "/Api"), |demands| demands.audience = "api".into());
        let routes = Routes::new([route(0, "a.example", "/"), api]).expect("no duplicates");
        for (path, expected) in [("/Api/x", Some(1)), ("/api/x", None), ("/API", None), ("/other", Some(0))] {
            assert_eq!(find(&routes, "a.example", path), expected, "{path}");
        }
    }

    #[test]
    fn a_spelling_lets_no_page_open_a_websocket_of_another_part() {
        let mut root = route(0, "a.example", "/");
        root.upstream.websocket_origins = vec![Origin::parse("https://b.example").expect("an origin")];
        let routes = Routes::new([root, route(1, "a.example", "/Api")]).expect("no duplicates");
        for (path, expected) in [("/Api/x", Some(1)), ("/api/x", None), ("/other", Some(0))] {
            assert_eq!(find(&routes, "a.example", path), expected, "{path}");
        }
    }

    #[test]
    fn two_routes_for_the_same_paths_are_refused() {
        for (first, second) in [("/", "/"), ("/api", "/api/"), ("/@me", "/%40me")] {
            let refused = Routes::new([route(0, "a.example", first), route(1, "A.example", second)]);
            assert_eq!(
                refused.map(|_| ()).map_err(|duplicate| (duplicate.first, duplicate.second)),
                Err((RouteId(0), RouteId(1)))
            );
        }
    }

    proptest! {
        #[test]
        fn the_route_found_is_the_longest_that_holds_the_path(
            prefixes in proptest::collection::btree_set("(/[ab]){0,3}", 0..6),
            path in "(/[abc;]{1,2}){1,4}",
        ) {
            let all = prefixes.iter().enumerate().map(|(id, prefix)| route(id, "a.example", &format!("{prefix}/")));
            let routes = Routes::new(all).expect("a set has no duplicates");
            let Ok(path) = CanonicalPath::parse(path.as_bytes()) else { return Ok(()) };
            let longest = |text: &str| {
                let holds = |prefix: &&String| format!("{text}/").starts_with(&format!("{prefix}/"));
                prefixes.iter().filter(holds).max_by_key(|prefix| prefix.len())
            };
            let cut: String = path.as_str().split('/').skip(1).map(|segment| format!("/{}", segment.split(';').next().unwrap_or_default())).collect();
            let plain = longest(path.as_str());
            let expected = plain.filter(|_| plain == longest(&cut));
            let host = Host::parse("a.example").expect("a host");
            let found = routes.find(&host, &path).map(|route| route.path.as_str().trim_end_matches('/'));
            prop_assert_eq!(found, expected.map(String::as_str));
        }
    }
}
