//! "Your apps": which of the routes a signed-in person may open, and what each is called.

use std::collections::HashMap;
use std::sync::Arc;

use super::access::{self, Standing};
use super::clock::Timestamp;
use super::host::Host;
use super::path::{RequestPath, RoutePath};
use super::route::{Nowhere, Route, RouteId, Routes};

/// A route as the person sees it who may open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App<'a> {
    /// What it is called. Routes have no names, so it is made of the address.
    pub name: String,
    /// The host it is opened at.
    pub host: &'a Host,
    /// The path it is opened at.
    pub path: &'a RoutePath,
}

/// Whether nothing is at the root of that host, so that "Your apps" may be there.
pub fn is_root_free(routes: &Routes, host: &Host) -> bool {
    let root = RequestPath::parse(b"/").expect("the root is a path");
    routes.find(host, &root, "GET").err() == Some(Nowhere::Unknown)
}

/// The apps that `person` may open at `now`: hosts in the order of the configuration, and those of a host by path.
///
/// A route is an app where a page can be asked for at its own address, and where it is no mere part of another app that
/// is listed. What asks for more than what is around it is an app of its own, like `/admin` for administrators.
pub fn open_to<'a, S: Standing + Clone>(routes: &'a Routes, person: &S, now: Timestamp) -> Vec<App<'a>> {
    let is_open = |route: &&Arc<Route>| access::is_open_to(route, person.clone(), now);
    let open: Vec<&Arc<Route>> = routes.iter().filter(|route| is_page(routes, route)).filter(is_open).collect();
    let is_app = |route: &&&Arc<Route>| !open.iter().any(|other| is_part(route, other));
    let mut apps: Vec<&Arc<Route>> = open.iter().filter(is_app).copied().collect();
    let first = first_of_each_host(routes);
    apps.sort_by_key(|route| (first.get(&route.host), route.path.as_str()));
    apps.iter().map(|route| App { name: name(route), host: &route.host, path: &route.path }).collect()
}

/// Whether a visitor who opens the address of a route gets there: it takes GET, and no other route does for the same
/// path.
fn is_page(routes: &Routes, route: &Route) -> bool {
    let path = RequestPath::parse(route.path.as_str().as_bytes());
    path.is_ok_and(|path| routes.find(&route.host, &path, "GET").is_ok_and(|found| found.id == route.id))
}

/// Whether a route is a part of the app that `around` leads to, for every account that may open that.
fn is_part(route: &Route, around: &Route) -> bool {
    let is_below = !around.exact && around.path.holds(&route.path) && !around.path.is_same(&route.path);
    route.host == around.host
        && is_below
        && route.upstream.is_same_app(&around.upstream)
        && !route.demands.ask_more_than(&around.demands)
}

/// Where each host stands first in the configuration.
fn first_of_each_host(routes: &Routes) -> HashMap<&Host, RouteId> {
    let mut first = HashMap::new();
    for route in routes.iter() {
        first.entry(&route.host).and_modify(|id: &mut RouteId| *id = route.id.min(*id)).or_insert(route.id);
    }
    first
}

/// The last segment of the path; at the root the first label of the host, or all of an address.
fn name(route: &Route) -> String {
    let path = String::from_utf8_lossy(route.path.understood());
    if let Some(segment) = path.rsplit('/').next().filter(|segment| !segment.is_empty()) {
        return capitalised(segment);
    }
    if route.host.ip().is_some() {
        return route.host.to_string();
    }
    // As its readers write it: a host is kept in the letters of DNS.
    let (host, _) = idna::domain_to_unicode(route.host.as_str());
    capitalised(host.split('.').next().unwrap_or_default())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::route::{Access, Demands, Methods};
    use super::super::upstream::{Upstream, UpstreamUrl};
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(0);

    #[derive(Clone)]
    struct Person {
        groups: &'static [&'static str],
        is_by_code_alone: bool,
        review: bool,
    }

    impl Standing for Person {
        fn is_live(&self, _: Timestamp) -> bool {
            true
        }

        fn review(&self) -> bool {
            self.review
        }

        fn is_by_code_alone(&self) -> bool {
            self.is_by_code_alone
        }

        fn is_in_one_of(&self, groups: &[String]) -> bool {
            groups.iter().any(|group| self.groups.contains(&group.as_str()))
        }
    }

    fn person(groups: &'static [&'static str]) -> Person {
        Person { groups, is_by_code_alone: false, review: false }
    }

    /// Who may come, by the words `public`, `optional`, `signed-in` and names of groups.
    fn route(id: usize, address: &str, app: u16, who: &str) -> Route {
        let (host, path) = address.split_at(address.find('/').expect("a path"));
        let access = [Access::Public, Access::Optional].into_iter().find(|access| access.as_str() == who);
        let groups = if who == "signed-in" || access.is_some() { Vec::new() } else { vec![who.to_owned()] };
        let upstream = UpstreamUrl::parse(&format!("http://127.0.0.1:{app}")).expect("an upstream");
        Route {
            id: RouteId(id),
            host: Host::parse(host).expect("a host"),
            path: RoutePath::parse(path).expect("a path"),
            exact: false,
            methods: Methods::default(),
            upstream: Upstream::of(vec![upstream]),
            demands: Demands {
                access: access.unwrap_or_default(),
                groups,
                audience: host.into(),
                forward_authorization: false,
            },
        }
    }

    fn routes(all: &[(&str, u16, &str)]) -> Routes {
        let all = all.iter().enumerate().map(|(id, (address, app, who))| route(id, address, *app, who));
        Routes::new(all).expect("routes that can stand beside each other")
    }

    /// The addresses that are listed.
    fn listed(routes: &Routes, person: &Person) -> Vec<String> {
        open_to(routes, person, NOW).iter().map(|app| format!("{}{}", app.host, app.path)).collect()
    }

    #[track_caller]
    fn check(all: &[(&str, u16, &str)], person: &Person, expected: &[&str]) {
        assert_eq!(listed(&routes(all), person), expected, "{all:?}");
    }

    #[test]
    fn hosts_stand_in_the_order_of_the_configuration_and_their_apps_by_path() {
        let all = [("wiki.example.com/", 1, "signed-in"), ("a.example.com/b", 2, "signed-in")];
        let all = [&all[..], &[("wiki.example.com/files", 3, "optional"), ("a.example.com/a", 4, "public")]].concat();
        let expected = ["wiki.example.com/", "wiki.example.com/files", "a.example.com/a", "a.example.com/b"];
        check(&all, &person(&[]), &expected);
        check(&[], &person(&[]), &[]);
    }

    #[test]
    fn what_is_for_groups_is_listed_to_those_in_one_of_them_alone() {
        let all =
            [("a.example.com/", 1, "signed-in"), ("a.example.com/admin", 1, "it"), ("b.example.com/", 2, "staff")];
        check(&all, &person(&[]), &["a.example.com/"]);
        check(&all, &person(&["staff"]), &["a.example.com/", "b.example.com/"]);
        check(&all, &person(&["it", "x"]), &["a.example.com/", "a.example.com/admin"]);
        check(&[("a.example.com/", 1, "it")], &person(&["staff"]), &[]);
    }

    #[test]
    fn a_part_of_an_app_is_none_of_its_own() {
        let around = ("a.example.com/", 1, "signed-in");
        for who in ["public", "optional", "signed-in"] {
            check(&[around, ("a.example.com/static", 1, who)], &person(&[]), &["a.example.com/"]);
            let other_app = [around, ("a.example.com/static", 2, who)];
            check(&other_app, &person(&[]), &["a.example.com/", "a.example.com/static"]);
        }
        let beside = [("a.example.com/wiki", 1, "signed-in"), ("a.example.com/wikis", 1, "public")];
        check(&beside, &person(&[]), &["a.example.com/wiki", "a.example.com/wikis"]);
        let elsewhere = [around, ("b.example.com/static", 1, "public")];
        check(&elsewhere, &person(&[]), &["a.example.com/", "b.example.com/static"]);
        // Who may not open the app around it may open the part all the same.
        let open_part = [("a.example.com/", 1, "it"), ("a.example.com/news", 1, "public")];
        check(&open_part, &person(&[]), &["a.example.com/news"]);
        check(&open_part, &person(&["it"]), &["a.example.com/"]);
    }

    #[test]
    fn only_an_address_that_answers_by_that_route_is_an_app() {
        let methods =
            |names: &[&str]| Methods::these(names.iter().map(|name| Methods::parse(name).expect("a method")).collect());
        let hook = |names| Route { methods: methods(names), ..route(0, "a.example.com/hook", 1, "public") };
        for (names, expected) in
            [(&["POST"][..], &[][..]), (&["HEAD"], &[]), (&["GET", "POST"], &["a.example.com/hook"])]
        {
            let routes = Routes::new([hook(names)]).expect("a route");
            assert_eq!(listed(&routes, &person(&[])), expected, "{names:?}");
        }
        // The one with methods, and the exact one, take the address; it is listed once, for those who may.
        let both = Routes::new([hook(&["GET"]), route(1, "a.example.com/hook", 1, "it")]).expect("routes");
        assert_eq!(listed(&both, &person(&["it"])), ["a.example.com/hook"]);
        let exact = Route { exact: true, ..route(0, "a.example.com/", 1, "it") };
        let landing = Routes::new([exact, route(1, "a.example.com/", 1, "signed-in")]).expect("routes");
        assert_eq!(listed(&landing, &person(&[])), [""; 0]);
        // What is below an exact one is no part of it.
        let exact = Route { exact: true, ..route(0, "a.example.com/", 1, "public") };
        let landing = Routes::new([exact, route(1, "a.example.com/wiki", 1, "public")]).expect("routes");
        assert_eq!(listed(&landing, &person(&[])), ["a.example.com/", "a.example.com/wiki"]);
    }

    #[test]
    fn a_session_that_opens_nothing_is_listed_what_everybody_may_open() {
        let all =
            [("a.example.com/", 1, "signed-in"), ("b.example.com/", 2, "public"), ("c.example.com/", 3, "optional")];
        for person in [Person { review: true, ..person(&[]) }, Person { is_by_code_alone: true, ..person(&[]) }] {
            check(&all, &person, &["b.example.com/", "c.example.com/"]);
        }
    }

    #[test]
    fn a_name_is_made_of_the_path_or_the_host() {
        for (address, expected) in [
            ("wiki.example.com/", "Wiki"),
            ("example.com/", "Example"),
            ("localhost/", "Localhost"),
            ("bücher.example.com/", "Bücher"),
            ("127.0.0.1/", "127.0.0.1"),
            ("[::1]/", "[::1]"),
            ("wiki.example.com/grafana", "Grafana"),
            ("wiki.example.com/team/notes/", "Notes"),
            ("wiki.example.com/%C3%BCbersicht", "Übersicht"),
            ("wiki.example.com/@me", "@me"),
        ] {
            let routes = routes(&[(address, 1, "signed-in")]);
            let names: Vec<String> = open_to(&routes, &person(&[]), NOW).into_iter().map(|app| app.name).collect();
            assert_eq!(names, [expected], "{address}");
        }
    }

    #[test]
    fn a_root_is_free_where_no_route_takes_a_page_of_it() {
        let is_free = |routes: &Routes| is_root_free(routes, &Host::parse("auth.example.com").expect("a host"));
        assert!(is_free(&routes(&[("wiki.example.com/", 1, "signed-in")])));
        assert!(is_free(&routes(&[("auth.example.com/wiki", 1, "signed-in")])));
        assert!(!is_free(&routes(&[("auth.example.com/", 1, "public")])));
        let only = |method: &str| Methods::these(vec![Methods::parse(method).expect("a method")]);
        let hook = Route { methods: only("POST"), ..route(0, "auth.example.com/", 1, "public") };
        assert!(is_free(&Routes::new([hook]).expect("a route")));
    }
}
