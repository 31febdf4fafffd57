//! Paths and queries of requests, and paths of routes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, LazyLock};

use percent_encoding::percent_decode;
use url::Url;

use crate::domain::host::Host;
use crate::domain::own_paths::SEGMENT;
use crate::domain::path::{RequestPath, RequestTarget, RoutePath};
use crate::domain::route::{Access, Demands, Methods, Route, RouteId, Routes};
use crate::domain::upstream::{Upstream, UpstreamUrl};

/// How many apps read a path, each in its own way.
const APPS: usize = 24;
/// How often each of them does something to it.
const ACTS: usize = 7;

const ASKED_FOR: [(&str, bool, Access); 7] = [
    ("/", false, Access::SignedIn),
    ("/api", false, Access::Public),
    ("/api/Admin", false, Access::SignedIn),
    ("/a/b", true, Access::Optional),
    ("/a", false, Access::Public),
    ("/@é", false, Access::Public),
    ("/x/a/api", false, Access::Optional),
];

static HOST: LazyLock<Host> = LazyLock::new(|| Host::parse("notes.example.com").expect("a host"));

static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let route = |(id, &(path, exact, access)): (usize, &(&str, bool, Access))| Route {
        id: RouteId(id),
        host: HOST.clone(),
        path: RoutePath::parse(&path.replace('é', "%C3%A9")).expect("a path"),
        exact,
        methods: Methods::default(),
        upstream: Upstream::of(vec![UpstreamUrl::parse("http://127.0.0.1:8000").expect("a URL")]),
        demands: Demands { access, groups: Vec::new(), audience: Arc::from("a"), forward_authorization: false },
    };
    Routes::new(ASKED_FOR.iter().enumerate().map(route)).expect("each has a path of its own")
});

/// Reads the target of a request. What is read is byte for byte what came in, climbs nowhere in any reading, is one of
/// our own wherever some reading makes it one, and leads to the same route for every app, in whatever order that takes
/// it apart.
pub fn path(input: &[u8]) {
    let Ok(target) = RequestTarget::parse(input) else { return };
    assert!(target.is_written(input));
    let text = target.to_string();
    assert_eq!(text.as_bytes(), input);
    assert_eq!(RequestTarget::parse(text.as_bytes()).as_ref(), Ok(&target));

    let path = &target.path;
    let kept = RequestPath::try_from(String::from(path.clone()));
    assert_eq!(kept.as_ref(), Ok(path));
    let found = ROUTES.find(&HOST, path, "GET");
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let mut chance = hasher.finish() | 1;
    for _ in 0..APPS {
        let mut read = Read { path: path.as_str().as_bytes().to_vec(), is_lowered: false, decoded: 0 };
        for _ in 0..ACTS {
            // A multiplier of L'Ecuyer's.
            chance = chance.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
            read.act(chance >> 40);
            goes_down_only(&read.path);
            assert!(!is_ours(&read.path) || path.is_reserved(), "{path} is one of our own, read as {read:?}");
            if let Ok(route) = found {
                let theirs = read.route().and_then(|at| ASKED_FOR.get(at)).map(|&(.., access)| access);
                assert_eq!(theirs, Some(route.demands.access), "{path} is let through, and read as {read:?}");
            }
        }
    }
    is_of_a_route(path);
}

/// A path in the hands of an app that knows nothing of ours.
#[derive(Debug)]
struct Read {
    path: Vec<u8>,
    is_lowered: bool,
    decoded: usize,
}

impl Read {
    fn act(&mut self, which: u64) {
        let text = &self.path;
        let cut = |at: u8| text.iter().position(|&byte| byte == at).and_then(|end| text.get(..end)).map(<[u8]>::to_vec);
        let changed = match which % 11 {
            0 | 1 if self.decoded < 3 => {
                self.decoded += 1;
                Some(percent_decode(text).collect())
            }
            2 => Some(joined(text, |segments| segments.retain(|segment| !segment.is_empty()))),
            3 => Some(joined(text, |segments| {
                for segment in segments {
                    *segment = segment.split(|&byte| byte == b';').next().unwrap_or_default();
                }
            })),
            4 => cut(b'?'),
            5 => cut(b'#'),
            6 if text.len() > 1 => text.strip_suffix(b"/").map(<[u8]>::to_vec),
            7 => {
                self.is_lowered = true;
                Some(text.to_ascii_lowercase())
            }
            // Of a path that is split first, each part is decoded.
            9 if self.decoded < 3 => {
                self.decoded += 1;
                let parts = String::from_utf8_lossy(text).replace("%2F", "%252F").replace("%2f", "%252f");
                Some(percent_decode(parts.as_bytes()).collect())
            }
            10 if text.starts_with(b"//") => {
                let slashes = text.iter().take_while(|&&byte| byte == b'/').count();
                text.get(slashes - 1..).map(<[u8]>::to_vec)
            }
            8 if text.starts_with(b"//") => {
                let here = Url::parse("http://localhost/").ok();
                let asked = String::from_utf8_lossy(text).into_owned();
                here.and_then(|here| here.join(&asked).ok()).map(|url| url.path().as_bytes().to_vec())
            }
            _ => None,
        };
        self.path = changed.unwrap_or_else(|| std::mem::take(&mut self.path));
    }

    /// The place of the route that it leads to.
    fn route(&self) -> Option<usize> {
        // `@` and letters outside ASCII may be written either way, so a comparison decodes them.
        let text: Vec<u8> = String::from_utf8_lossy(&self.path)
            .replace("%40", "@")
            .replace("%C3%A9", "é")
            .replace("%c3%a9", "é")
            .replace("%C3%a9", "é")
            .replace("%c3%A9", "é")
            .into_bytes();
        let is_it = |&(_, &(path, exact, _)): &(usize, &(&str, bool, Access))| {
            let path = path.trim_end_matches('/');
            let path = if self.is_lowered { path.to_ascii_lowercase() } else { path.to_owned() };
            let rest = text.strip_prefix(path.as_bytes());
            rest.is_some_and(|rest| matches!(rest, b"" | b"/") || rest.starts_with(b"/") && !exact)
        };
        let all = ASKED_FOR.iter().enumerate().filter(is_it);
        all.max_by_key(|(_, (path, exact, _))| (path.len(), *exact)).map(|(at, _)| at)
    }
}

/// The path with its segments changed; the slashes at both ends stay.
fn joined(path: &[u8], change: impl FnOnce(&mut Vec<&[u8]>)) -> Vec<u8> {
    let Some(inner) = path.strip_prefix(b"/") else { return path.to_vec() };
    let is_open = inner.ends_with(b"/");
    let mut segments: Vec<&[u8]> = inner.split(|&byte| byte == b'/').collect();
    change(&mut segments);
    let mut whole = [b"/", segments.join(&b'/').as_slice()].concat();
    if is_open && !whole.ends_with(b"/") {
        whole.push(b'/');
    }
    whole
}

fn goes_down_only(reading: &[u8]) {
    let shown = reading.escape_ascii();
    assert!(reading.starts_with(b"/"), "{shown}");
    assert!(!reading.iter().any(|&byte| byte == b'\\' || byte.is_ascii_control()), "{shown}");
    let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    assert!(!reading.split(|&byte| byte == b'/').any(is_dots), "{shown} has a dot segment");
}

fn is_ours(reading: &[u8]) -> bool {
    reading.split(|&byte| byte == b'/').nth(1).is_some_and(|first| first.eq_ignore_ascii_case(SEGMENT.as_bytes()))
}

/// A path that can be a route's holds itself and what is below it, and stands below what is above it.
fn is_of_a_route(path: &RequestPath) {
    let Ok(of_route) = RoutePath::parse(path.as_str()) else { return };
    let again = RoutePath::parse(of_route.as_str());
    assert!(again.is_ok_and(|again| again.is_same(&of_route)), "{path}");
    let route = |path: RoutePath| ROUTES.iter().next().map(|route| Route { path, ..Route::clone(route) });
    let alone = |path: RoutePath| Routes::new(route(path)).expect("it is the only one");
    let is_found = |routes: &Routes, path: &str| {
        RequestPath::parse(path.as_bytes()).is_ok_and(|path| routes.find(&HOST, &path, "GET").is_ok())
    };
    let text = of_route.as_str().trim_end_matches('/').to_owned();
    let routes = alone(of_route);
    assert!(is_found(&routes, path.as_str()) && is_found(&routes, &format!("{text}/x")), "{path} is not its own");
    for (at, _) in text.match_indices('/') {
        let above = RoutePath::parse(text.get(..at.max(1)).unwrap_or_default());
        assert!(above.is_ok(), "{path} stands below something that is no path");
        let Ok(above) = above else { return };
        assert!(is_found(&alone(above), path.as_str()), "{path} is not below what is above it");
    }
    if let Ok(longer) = RoutePath::parse(&format!("{text}/x")) {
        assert!(!is_found(&alone(longer), path.as_str()), "{path} is below what is below it");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::fuzzing::inputs::holds;

    #[test]
    fn whatever_is_let_through_leads_every_app_to_the_same_route() {
        let name = "(a|b|api|Admin|admin|@%C3%A9|%40%c3%a9|_bmauth|_BMAuth|%5fbmauth|x)";
        let piece = prop_oneof![
            4 => name.boxed(),
            3 => "[a-zA-Z0-9._~!$&'()*+,;=:@|^\\[\\]-]{0,3}".boxed(),
            2 => "%[0-9a-fA-F]{2}".boxed(),
            3 => "(%25)?(%25)?%(2F|2f|3B|3b|3F|23|61|41|2525|40)".boxed(),
            1 => "(\\.\\.?|%2e|%2E%2e|%252e|\\\\|%c0%ae|%c3%a9|%e9|%c2%85|\u{e9}|;x|/)".boxed(),
        ];
        let segments = proptest::collection::vec(proptest::collection::vec(piece, 0..3), 1..5);
        let query = "(\\?[a-z0-9=&%?/'\"<>|#]{0,8})?";
        let target = (segments, query).prop_map(|(segments, query)| {
            let segments: Vec<String> = segments.iter().map(|pieces| pieces.concat()).collect();
            format!("/{}{query}", segments.join("/"))
        });
        holds("path", super::path, target);
    }
}
