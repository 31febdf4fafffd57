//! All routes, and which of them a request is for.

use std::sync::Arc;

use thiserror::Error;

use super::super::host::Host;
use super::super::path::{RequestPath, RoutePath};
use super::tree::{Branch, FoundRoute, Leaf};
use super::{Reach, Route, RouteId};

/// All routes, by host and then by path.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Sorted by host, so that a host is found without allocating.
    hosts: Vec<HostRoutes>,
}

#[derive(Clone, Debug)]
struct HostRoutes {
    host: Host,
    /// As they were written.
    routes: Vec<Arc<Route>>,
    tree: Branch,
}

/// Two routes that cannot stand beside each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoutesError {
    /// They answer for the same requests.
    #[error("two routes of the host “{host}” with the path “{path}” answer for the same methods")]
    Same {
        /// The host of both.
        host: Host,
        /// The path of both.
        path: RoutePath,
        /// A method that both name.
        method: Option<String>,
        /// The one that came first.
        first: RouteId,
        /// The one that came later.
        second: RouteId,
    },
    /// Their paths differ in case alone, and they ask for different things or lead to different servers.
    #[error(
        "the path “{path}” of the host “{host}” differs only in case from that of another route with other demands or servers"
    )]
    Alike {
        /// The host of both.
        host: Host,
        /// The path of the later one.
        path: RoutePath,
        /// The one that came first.
        first: RouteId,
        /// The one that came later.
        second: RouteId,
    },
}

/// Why a request is for no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nowhere {
    /// There is none for it.
    Unknown,
    /// Which one it is for depends on how its path is read.
    Unclear,
}

impl RoutesError {
    /// The route that came first.
    pub const fn first(&self) -> RouteId {
        match *self {
            Self::Same { first, .. } | Self::Alike { first, .. } => first,
        }
    }
}

impl Routes {
    /// Orders routes for finding.
    ///
    /// # Errors
    /// Two of them would answer for the same requests, or every request to one would be unclear.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Result<Self, RoutesError> {
        let mut all = Self::default();
        routes.into_iter().try_for_each(|route| all.add(route))?;
        Ok(all)
    }

    /// Adds a route to those of its host.
    ///
    /// # Errors
    /// It would answer for the same requests as another one, or every request to one of them would be unclear.
    pub fn add(&mut self, route: Route) -> Result<(), RoutesError> {
        let hosts = &mut self.hosts;
        let place = hosts.binary_search_by(|known| known.host.cmp(&route.host)).unwrap_or_else(|place| {
            let host = HostRoutes { host: route.host.clone(), routes: Vec::new(), tree: Branch::default() };
            hosts.insert(place, host);
            place
        });
        hosts.get_mut(place).map_or(Ok(()), |known| known.add(Arc::new(route)))
    }

    /// The route of a request. The host comes first, then the longest path by whole segments. An exact path comes
    /// before one that holds what is below, and a route with methods before one without.
    ///
    /// Each [reading](RequestPath::readings) of the path must lead to a route with the same [`super::Demands`] and the
    /// same upstream, with and without regard to case. The server behind may read it so, and neither `/admin;x` nor
    /// `/Admin`, `//x/admin` or `/%61dmin` may slip past `/admin`. That holds for everything that is demanded and said.
    /// A part of an app that is not to see access tokens must not get them by a spelling, nor may pages of other sites
    /// open its WebSockets by one.
    ///
    /// # Errors
    /// There is none, or it is not clear which one.
    pub fn find(&self, host: &Host, path: &RequestPath, method: &str) -> Result<&Arc<Route>, Nowhere> {
        let tree = &self.host(host).ok_or(Nowhere::Unknown)?.tree;
        let mut readings = path.readings();
        let mut next = || readings.next().map(|reading| tree.find(reading, method));
        let found = next().unwrap_or(FoundRoute::Nothing);
        let is_same = |other| match (found, other) {
            (FoundRoute::One(one), FoundRoute::One(other)) => one.sort == other.sort,
            (FoundRoute::Nothing, FoundRoute::Nothing) => true,
            _ => false,
        };
        while let Some(other) = next() {
            if !is_same(other) {
                return Err(Nowhere::Unclear);
            }
        }
        match found {
            FoundRoute::One(leaf) => Ok(&leaf.route),
            FoundRoute::Unclear => Err(Nowhere::Unclear),
            FoundRoute::Nothing => Err(Nowhere::Unknown),
        }
    }

    /// Whether what a request for `path` touches besides belongs to a route that asks for more than `route`, which it
    /// is for, or to none.
    pub fn ask_more(&self, route: &Route, path: &RequestPath, method: &str, reach: Reach<'_>) -> bool {
        let Some(known) = self.host(&route.host) else { return true };
        let asks_more = |other: &Route| other.demands.ask_more_than(&route.demands);
        let to_destination = reach.destination.is_some_and(|destination| {
            self.find(&route.host, destination, method).map_or(true, |other| asks_more(other))
        });
        let mut is_below = false;
        if reach.is_deep {
            let paths = [Some(path), reach.destination].into_iter().flatten();
            for reading in paths.flat_map(RequestPath::readings) {
                known.tree.below(reading, &mut |other| is_below |= asks_more(other));
            }
        }
        to_destination || is_below
    }

    /// Whether some route answers for this host. A request for another host gets 421.
    pub fn knows_host(&self, host: &Host) -> bool {
        self.host(host).is_some()
    }

    /// Whether it may depend on the method which route of a host a request is for.
    pub fn tell_methods_apart(&self, host: &Host) -> bool {
        self.host(host).is_some_and(|known| known.routes.iter().any(|route| !route.methods.are_all()))
    }

    /// All routes, by host, as they were written.
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

impl HostRoutes {
    fn add(&mut self, route: Arc<Route>) -> Result<(), RoutesError> {
        let same = |other: &&Arc<Route>| route.demands == other.demands && route.upstream == other.upstream;
        let sort = self.routes.iter().position(|other| same(&other)).unwrap_or(self.routes.len());
        for leaf in self.tree.at(route.path.folded_segments()) {
            let other = &leaf.route;
            let (host, path) = (route.host.clone(), route.path.clone());
            let (first, second) = (other.id, route.id);
            if !route.path.is_same(&other.path) {
                if leaf.sort == sort {
                    continue;
                }
                return Err(RoutesError::Alike { host, path, first, second });
            }
            let method = route.methods.named_by_both(&other.methods);
            let is_same = method.is_some() || route.methods.are_all() && other.methods.are_all();
            if is_same && route.exact == other.exact {
                let method = method.map(str::to_owned);
                return Err(RoutesError::Same { host, path, method, first, second });
            }
        }
        self.routes.push(Arc::clone(&route));
        self.tree.add(Leaf { route, sort });
        Ok(())
    }
}
