use proptest::prelude::*;

use super::super::origin::Origin;
use super::super::path::RequestPath;
use super::super::upstream::UpstreamUrl;
use super::*;

fn route(id: usize, host: &str, path: &str) -> Route {
    Route {
        id: RouteId(id),
        host: Host::parse(host).expect("a host"),
        path: RoutePath::parse(path).expect("a path"),
        exact: false,
        methods: Methods::default(),
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

fn open(route: Route) -> Route {
    demanding(route, |demands| demands.access = Access::Public)
}

fn exact(route: Route) -> Route {
    Route { exact: true, ..route }
}

fn for_methods(route: Route, methods: &[&str]) -> Route {
    let methods = methods.iter().map(|method| Methods::parse(method).expect("a method")).collect();
    Route { methods: Methods::these(methods), ..route }
}

fn routes(specs: &[(&str, &str)]) -> Routes {
    let all = specs.iter().enumerate().map(|(id, (host, path))| route(id, host, path));
    Routes::new(all).expect("no duplicates")
}

fn path(text: &str) -> RequestPath {
    RequestPath::parse(text.as_bytes()).expect("a path")
}

fn asked(routes: &Routes, method: &str, host: &str, text: &str) -> Result<usize, Nowhere> {
    routes.find(&Host::parse(host).expect("a host"), &path(text), method).map(|route| route.id.0)
}

fn find(routes: &Routes, host: &str, path: &str) -> Result<usize, Nowhere> {
    asked(routes, "GET", host, path)
}

const UNKNOWN: Result<usize, Nowhere> = Err(Nowhere::Unknown);
const UNCLEAR: Result<usize, Nowhere> = Err(Nowhere::Unclear);

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
        ("a.example", "/", Ok(2)),
        ("a.example", "/apix", Ok(2)),
        ("a.example", "/api", Ok(1)),
        ("a.example", "/api/", Ok(1)),
        ("a.example", "/api/v2", Ok(1)),
        ("a.example", "/api/v1", Ok(3)),
        ("A.Example.", "/api/v1/x", Ok(3)),
        ("b.example", "/api/v1", Ok(0)),
        ("c.example", "/x/y", Ok(4)),
        ("c.example", "/", UNKNOWN),
        ("c.example", "/xy", UNKNOWN),
        ("d.example", "/", UNKNOWN),
        ("sub.a.example", "/", UNKNOWN),
    ] {
        assert_eq!(find(&routes, host, path), expected, "{host}{path}");
    }
    assert!(routes.knows_host(&Host::parse("c.example").expect("a host")));
    assert!(!routes.knows_host(&Host::parse("d.example").expect("a host")));
}

#[test]
fn an_exact_route_holds_its_path_alone_and_comes_first() {
    let routes = Routes::new([
        route(0, "a.example", "/"),
        open(exact(route(1, "a.example", "/"))),
        open(exact(route(2, "a.example", "/api"))),
        route(3, "a.example", "/api"),
    ])
    .expect("no duplicates");
    for (path, expected) in [
        ("/", Ok(1)),
        ("/x", Ok(0)),
        ("/api", Ok(2)),
        ("/api/", Ok(2)),
        ("/api/x", Ok(3)),
        ("/api//", UNCLEAR),
        ("//", UNCLEAR),
    ] {
        assert_eq!(find(&routes, "a.example", path), expected, "{path}");
    }
}

#[test]
fn methods_tell_routes_of_one_path_apart() {
    let routes = Routes::new([
        route(0, "a.example", "/"),
        open(for_methods(route(1, "a.example", "/api"), &["GET"])),
        for_methods(route(2, "a.example", "/api"), &["POST", "PUT"]),
        open(for_methods(route(3, "a.example", "/"), &["OPTIONS"])),
    ])
    .expect("no duplicates");
    for (method, path, expected) in [
        ("GET", "/api/x", 1),
        ("HEAD", "/api", 1),
        ("get", "/api", 1),
        ("POST", "/api", 2),
        ("put", "/api", 2),
        ("DELETE", "/api", 0),
        ("OPTIONS", "/api", 3),
        ("OPTIONS", "/", 3),
        ("BREW", "/", 0),
    ] {
        assert_eq!(asked(&routes, method, "a.example", path), Ok(expected), "{method} {path}");
    }
    assert!(routes.tell_methods_apart(&Host::parse("a.example").expect("a host")));
    assert!(!self::routes(&[("a.example", "/")]).tell_methods_apart(&Host::parse("a.example").expect("a host")));
}

#[test]
fn no_spelling_slips_past_a_stricter_route() {
    let staff = |demands: &mut Demands| demands.groups = vec!["staff".to_owned()];
    let routes = Routes::new([
        open(route(0, "a.example", "/")),
        demanding(route(1, "a.example", "/admin"), staff),
        open(route(2, "a.example", "/sp")),
        route(3, "a.example", "/sp/secret"),
        route(4, "a.example", "/@me"),
    ])
    .expect("no duplicates");
    for (path, expected) in [
        ("/map;lat=50", Ok(0)),
        ("/admin", Ok(1)),
        ("/admin/x;y", Ok(1)),
        ("/admin/x%2Fy", Ok(1)),
        ("/admin//x", Ok(1)),
        ("/admin/%7Ex", Ok(1)),
        ("/admin/%E9", Ok(1)),
        ("/x%2Fy", Ok(0)),
        ("/x//y", Ok(0)),
        ("/%78", Ok(0)),
        ("/%40me/x", Ok(4)),
        ("/@me", Ok(4)),
        ("/@ME", UNCLEAR),
        ("/admin;x", UNCLEAR),
        ("/admin;x/y", UNCLEAR),
        ("/admin%3Bx/y", UNCLEAR),
        ("/Admin", UNCLEAR),
        ("/ADMIN/x", UNCLEAR),
        ("/%61dmin", UNCLEAR),
        ("/%2561dmin", UNCLEAR),
        ("/%41dmin", UNCLEAR),
        ("//admin", UNCLEAR),
        ("//h/admin", UNCLEAR),
        ("/%2Fadmin", UNCLEAR),
        ("/admin%2Fx", UNCLEAR),
        ("/x%2F%2Fadmin", Ok(0)),
        ("/sp%2Fsecret", UNCLEAR),
        ("/sp//secret", UNCLEAR),
        ("/sp/secret%23", Ok(3)),
        ("/sp/secret%3fx", Ok(3)),
        ("/sp/secret%23/x", Ok(3)),
        ("/sp/secretx%23", Ok(2)),
        ("/sp/%2573ecret", UNCLEAR),
        ("/sp/se%63ret", UNCLEAR),
        ("/sp/secret;%2Fx", Ok(3)),
    ] {
        let found = find(&routes, "a.example", path);
        let is_right = found == expected || expected != UNCLEAR && found == UNCLEAR && path.contains("secret");
        assert!(is_right, "{path}: {found:?}");
    }
}

#[test]
fn what_a_server_leaves_as_it_is_does_not_slip_past_a_stricter_route() {
    let routes = Routes::new([
        open(route(0, "a.example", "/")),
        route(1, "a.example", "/admin"),
        open(route(2, "a.example", "/admin/pub")),
    ])
    .expect("no duplicates");
    for path in [
        "/%61dmin/pub%2Fusers",
        "/%2561dmin/pub%252Fusers",
        "//admin//pub",
        "///admin//pub/x",
        "//admin///pub",
        "/%2Fadmin/%2Fpub",
        "/admin;x/pub;y",
        "/;x/admin//pub",
    ] {
        assert_eq!(find(&routes, "a.example", path), UNCLEAR, "{path}");
    }
    assert_eq!(find(&routes, "a.example", "/admin/pub/x%2Fy"), Ok(2));
}

#[test]
fn uppercase_does_not_slip_past_a_stricter_route() {
    let with = |root: Access, admin: Access| {
        let root = demanding(route(0, "a.example", "/"), |demands| demands.access = root);
        let admin = demanding(route(1, "a.example", "/Admin"), |demands| demands.access = admin);
        Routes::new([root, admin]).expect("no duplicates")
    };
    let open_around = with(Access::Public, Access::SignedIn);
    for (path, expected) in [
        ("/Admin", Ok(1)),
        ("/Admin/X", Ok(1)),
        ("/admin", UNCLEAR),
        ("/ADMIN/x", UNCLEAR),
        ("/adm%C4%B1n", Ok(0)),
        ("/adminx", Ok(0)),
        ("/Other", Ok(0)),
    ] {
        let found = find(&open_around, "a.example", path);
        assert!(found == expected || found == UNCLEAR && path.contains('%'), "{path}: {found:?}");
    }
    // Where both ask for the same, nothing is gained by a spelling.
    assert_eq!(find(&with(Access::SignedIn, Access::SignedIn), "a.example", "/admin"), Ok(0));
    let kiosk =
        Routes::new([open(route(0, "a.example", "/")), route(1, "a.example", "/kiosk")]).expect("no duplicates");
    assert_eq!(find(&kiosk, "a.example", "/%E2%84%AAiosk"), UNCLEAR, "the Kelvin sign is a K");
}

#[test]
fn a_spelling_brings_nothing_that_is_for_another_part() {
    let changes: [fn(&mut Route); 6] = [
        |route| route.demands.forward_authorization = true,
        |route| route.demands.audience = "api".into(),
        |route| route.demands.groups = vec!["staff".to_owned()],
        |route| route.demands.access = Access::Optional,
        |route| route.upstream.websocket_origins = vec![Origin::parse("https://b.example").expect("an origin")],
        |route| route.upstream.servers = vec![UpstreamUrl::parse("http://127.0.0.1:8001").expect("an upstream")],
    ];
    for (number, change) in changes.into_iter().enumerate() {
        for place in [0, 1] {
            let mut both = [route(0, "a.example", "/"), route(1, "a.example", "/Api")];
            change(&mut both[place]);
            let routes = Routes::new(both).expect("no duplicates");
            for (path, expected) in [
                ("/Api/x", Ok(1)),
                ("/api/x", UNCLEAR),
                ("/API", UNCLEAR),
                ("/Api%2Fx", UNCLEAR),
                ("/other%2Fx", Ok(0)),
            ] {
                assert_eq!(find(&routes, "a.example", path), expected, "{path}, {number}, {place}");
            }
        }
    }
}

#[test]
fn a_reading_that_leads_to_no_route_is_unclear_beside_one_that_does() {
    let routes = routes(&[("a.example", "/app")]);
    for (path, expected) in
        [("/app/x%2Fy", Ok(0)), ("/app%2Fx", UNCLEAR), ("/%61pp", UNCLEAR), ("/x%2Fy", UNKNOWN), ("/x//y", UNKNOWN)]
    {
        assert_eq!(find(&routes, "a.example", path), expected, "{path}");
    }
}

#[test]
fn two_routes_for_the_same_requests_are_refused() {
    let refused = |first: Route, second: Route| Routes::new([first, second]).map(|_| ()).err();
    for (first, second) in [("/", "/"), ("/api", "/api/"), ("/@me", "/%40me")] {
        let error = refused(route(0, "a.example", first), route(1, "A.example", second));
        assert!(matches!(error, Some(RoutesError::Same { first: RouteId(0), .. })), "{error:?}");
    }
    let api = |id, methods: &[&str]| for_methods(route(id, "a.example", "/api"), methods);
    for (first, second, is_refused) in [
        (&["GET"][..], &["get", "POST"][..], true),
        (&["GET"], &["HEAD"], true),
        (&["GET"], &["POST"], false),
        (&["GET"], &[], false),
        (&[], &["GET"], false),
    ] {
        assert_eq!(refused(api(0, first), api(1, second)).is_some(), is_refused, "{first:?} {second:?}");
    }
    assert_eq!(refused(exact(api(0, &[])), api(1, &[])), None);
}

#[test]
fn paths_that_only_case_tells_apart_must_ask_for_the_same() {
    let both = |second: Route| Routes::new([route(0, "a.example", "/api"), second]).map(|_| ());
    assert_eq!(both(route(1, "a.example", "/API")), Ok(()));
    let error = both(open(route(1, "a.example", "/API")));
    assert!(matches!(error, Err(RoutesError::Alike { first: RouteId(0), .. })), "{error:?}");
}

#[test]
fn what_a_request_touches_besides_its_path_is_asked_about_too() {
    let staff = |demands: &mut Demands| demands.groups = vec!["staff".to_owned()];
    let routes = Routes::new([
        route(0, "a.example", "/"),
        demanding(route(1, "a.example", "/files/staff"), staff),
        open(route(2, "a.example", "/public")),
        open(exact(route(3, "a.example", "/files/index.html"))),
    ])
    .expect("no duplicates");
    let ask_more = |text: &str, destination: Option<&str>, is_deep| {
        let (here, there) = (path(text), destination.map(path));
        let route = routes.find(&Host::parse("a.example").expect("a host"), &here, "MOVE").expect("a route");
        routes.ask_more(route, &here, "MOVE", Reach { destination: there.as_ref(), is_deep })
    };
    for (text, destination, is_deep, expected) in [
        ("/files/a", Some("/files/b"), true, false),
        ("/files/a", Some("/files/staff/b"), false, true),
        ("/files/a", Some("/files/Staff/b"), false, true),
        ("/files/a", Some("/files%2Fstaff"), false, true),
        ("/files/a", Some("/files"), false, false),
        ("/files/a", Some("/files"), true, true),
        ("/files/staff/a", Some("/files/b"), true, false),
        ("/public/a", Some("/files/b"), false, true),
        ("/files/a", Some("/public/b"), true, false),
        ("/", None, false, false),
        ("/", None, true, true),
        ("/files/", None, true, true),
        ("/Files", None, true, true),
        ("/fil", None, true, false),
        ("/files/staff", None, true, false),
        ("/files/other", None, true, false),
        ("/public", None, true, false),
    ] {
        assert_eq!(ask_more(text, destination, is_deep), expected, "{text} {destination:?} {is_deep}");
    }
}

#[test]
fn demands_ask_more_where_a_principal_gets_in_by_the_others_alone() {
    let with = |access, groups: &[&str]| Demands {
        access,
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        audience: "a".into(),
        forward_authorization: false,
    };
    let signed_in = |groups: &[&str]| with(Access::SignedIn, groups);
    for (one, other, expected) in [
        (signed_in(&[]), with(Access::Public, &[]), true),
        (signed_in(&[]), with(Access::Optional, &[]), true),
        (with(Access::Public, &[]), signed_in(&[]), false),
        (signed_in(&["a"]), signed_in(&[]), true),
        (signed_in(&[]), signed_in(&["a"]), false),
        (signed_in(&["a"]), signed_in(&["a"]), false),
        (signed_in(&["a", "b"]), signed_in(&["a"]), false),
        (signed_in(&["a"]), signed_in(&["a", "b"]), true),
        (signed_in(&["a"]), signed_in(&["b"]), true),
    ] {
        assert_eq!(one.ask_more_than(&other), expected, "{one:?} {other:?}");
    }
}

proptest! {
    #[test]
    fn the_route_found_is_the_longest_that_holds_the_path(
        written in proptest::collection::btree_set("(/[ab]){0,3}", 0..6),
        asked in "(/[abc]{1,2}){1,4}",
    ) {
        let all = written.iter().enumerate().map(|(id, text)| route(id, "a.example", &format!("{text}/")));
        let routes = Routes::new(all).expect("a set has no duplicates");
        let holds = |text: &&String| format!("{asked}/").starts_with(&format!("{text}/"));
        let expected = written.iter().filter(holds).max_by_key(|text| text.len());
        let host = Host::parse("a.example").expect("a host");
        let asked = path(&asked);
        let found = routes.find(&host, &asked, "GET").ok().map(|route| route.path.as_str().trim_end_matches('/'));
        prop_assert_eq!(found, expected.map(String::as_str));
    }
}
