//! What a route changes on the way to its app and back: the host, the start of the path, and headers that the operator
//! sets or removes.

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::uri::PathAndQuery;
use pingora::http::ResponseHeader;

use crate::domain::path::{RequestPath, RequestTarget};
use crate::domain::route::{Route, Routes};
use crate::domain::upstream::{HeaderChanges, HostHeader};

static X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// What a route changes.
#[derive(Debug, Default)]
pub(super) struct Rewrites {
    host: RewrittenHost,
    /// What is cut from the start of each path.
    prefix: Option<Prefix>,
    request: Changes,
    answer: Changes,
    /// The client's headers with `_` in their names that are passed on.
    pub(super) underscored: Vec<HeaderName>,
    /// Whether it depends on the method which route a request is for, so that no header may name another one.
    pub(super) tells_methods_apart: bool,
}

#[derive(Debug, Default)]
enum RewrittenHost {
    #[default]
    Visitors,
    Servers,
    Named(HeaderValue),
}

/// The literal bytes that are cut.
#[derive(Debug)]
struct Prefix {
    path: Box<str>,
    value: HeaderValue,
}

type Changes = Vec<(HeaderName, Option<HeaderValue>)>;

/// Where a request goes at the app.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AppTarget {
    /// At the target that the request names.
    AsItCame,
    /// Without the start of its path.
    Cut(PathAndQuery),
    /// Nowhere: it is the start itself, and goes there with a slash behind it.
    WithSlash(String),
    /// Nowhere: what is left would not be one path that all servers read alike.
    Unclear,
}

impl Rewrites {
    /// What the route says, beside the others.
    pub(super) fn of(route: &Route, routes: &Routes) -> Self {
        let upstream = &route.upstream;
        let host = match &upstream.host_header {
            HostHeader::Visitor => RewrittenHost::Visitors,
            HostHeader::Upstream => RewrittenHost::Servers,
            HostHeader::Named(name) => RewrittenHost::Named(
                HeaderValue::try_from(name.to_string()).expect("a host and a port are visible ASCII"),
            ),
        };
        let prefix = upstream.strip_prefix.then(|| {
            let path = route.path.as_str();
            Prefix { path: path.into(), value: HeaderValue::from_str(path).expect("a path is visible ASCII") }
        });
        let underscored = upstream.underscore_headers.iter();
        let underscored = underscored.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect();
        let (request, answer) = (changes(&upstream.request_headers), changes(&upstream.response_headers));
        let tells_methods_apart = routes.tell_methods_apart(&route.host);
        Self { host, prefix, request, answer, underscored, tells_methods_apart }
    }

    /// Where a request goes at the app.
    pub(super) fn target(&self, target: &RequestTarget) -> AppTarget {
        let Some(Prefix { path: prefix, .. }) = &self.prefix else { return AppTarget::AsItCame };
        let query = |path: &str| match &target.query {
            None => path.to_owned(),
            Some(query) => format!("{path}?{}", query.as_str()),
        };
        match target.path.as_str().strip_prefix(&**prefix) {
            Some("") => AppTarget::WithSlash(query(&format!("{prefix}/"))),
            Some(rest) if begins_with_one_slash(rest) => {
                PathAndQuery::try_from(query(rest)).map_or(AppTarget::Unclear, AppTarget::Cut)
            }
            // Another spelling of it.
            _ => AppTarget::Unclear,
        }
    }

    /// Changes the headers of a request to a server that is called `server`.
    pub(super) fn apply_to_request(&self, headers: &mut HeaderMap, server: &HeaderValue) {
        match &self.host {
            RewrittenHost::Visitors => {}
            RewrittenHost::Servers => {
                headers.insert(HOST, server.clone());
            }
            RewrittenHost::Named(name) => {
                headers.insert(HOST, name.clone());
            }
        }
        if let Some(prefix) = &self.prefix {
            // A proxy in front may have cut something too, and that stands before it.
            let before = headers.get(&X_FORWARDED_PREFIX).map(|before| before.as_bytes().trim_ascii_end());
            let before = before.filter(|before| before.starts_with(b"/"));
            let before = before.map(|before| before.strip_suffix(b"/").unwrap_or(before));
            let whole =
                before.and_then(|before| HeaderValue::from_bytes(&[before, prefix.path.as_bytes()].concat()).ok());
            headers.insert(&X_FORWARDED_PREFIX, whole.unwrap_or_else(|| prefix.value.clone()));
        }
        for (name, value) in &self.request {
            match value {
                Some(value) => drop(headers.insert(name, value.clone())),
                None => drop(headers.remove(name)),
            }
        }
    }

    /// Changes the headers of an answer to a visitor who asked for `host`.
    ///
    /// # Errors
    /// A value could not be written back.
    pub(super) fn apply_to_answer(&self, head: &mut ResponseHeader, host: &HeaderValue) -> pingora::Result<()> {
        if let Some(Prefix { path: prefix, .. }) = &self.prefix {
            let location = head.headers.get(LOCATION).and_then(|location| below(location.as_bytes(), prefix, host));
            if let Some(location) = location {
                head.insert_header(LOCATION, location)?;
            }
            if head.headers.contains_key(SET_COOKIE) {
                let cookies = head.headers.get_all(SET_COOKIE).iter();
                let cookies: Vec<Vec<u8>> = cookies.map(|cookie| cookie_below(cookie.as_bytes(), prefix)).collect();
                head.remove_header(&SET_COOKIE);
                for cookie in cookies {
                    head.append_header(SET_COOKIE, cookie)?;
                }
            }
        }
        for (name, value) in &self.answer {
            match value {
                Some(value) => head.insert_header(name, value)?,
                None => drop(head.remove_header(name)),
            }
        }
        Ok(())
    }
}

/// Whether a path begins with one slash and no more in each of its readings: the app may take what follows two for a
/// host.
fn begins_with_one_slash(path: &str) -> bool {
    RequestPath::parse(path.as_bytes()).is_ok_and(|path| !path.may_begin_with_a_host())
}

fn changes(changes: &HeaderChanges) -> Changes {
    let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).expect("it was read as a name");
    let value = |value: &str| HeaderValue::from_str(value).expect("it was read as a value");
    changes.iter().map(|(known, new)| (name(known), new.map(value))).collect()
}

/// Whether a path is `prefix` or stands below it.
fn is_below(path: &[u8], prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix.as_bytes());
    rest.is_some_and(|rest| rest.first().is_none_or(|next| b"/?#".contains(next)))
}

/// An address on this host, with the prefix that its path lacks; `None` where it stays as it is.
fn below(location: &[u8], prefix: &str, host: &HeaderValue) -> Option<Vec<u8>> {
    let path_at = if location.starts_with(b"/") {
        // Two slashes lead to another host.
        (!location.starts_with(b"//")).then_some(0)?
    } else {
        let text = str::from_utf8(location).ok()?;
        let (scheme, rest) = text.split_once("://")?;
        let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let authority = rest.split(['/', '?', '#']).next()?;
        let is_here = is_http && authority.as_bytes().eq_ignore_ascii_case(host.as_bytes());
        is_here.then_some(scheme.len() + 3 + authority.len())?
    };
    let (start, path) = location.split_at_checked(path_at)?;
    // An address may end with its host.
    let slash: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
    (!is_below(path, prefix)).then(|| [start, prefix.as_bytes(), slash, path].concat())
}

/// A cookie whose path has the prefix. Without a path of its own, the browser takes the one that it asked for; with
/// `__Host-` it has to be the whole host's.
fn cookie_below(cookie: &[u8], prefix: &str) -> Vec<u8> {
    const HOST: &[u8] = b"__host-";
    if cookie.trim_ascii_start().get(..HOST.len()).is_some_and(|start| start.eq_ignore_ascii_case(HOST)) {
        return cookie.to_vec();
    }
    let mut parts = cookie.split(|byte| *byte == b';');
    let mut written: Vec<u8> = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        written.push(b';');
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let (name, path) = (halves.next().unwrap_or_default(), halves.next().map(<[u8]>::trim_ascii));
        match path {
            Some(path)
                if name.trim_ascii().eq_ignore_ascii_case(b"path")
                    && path.starts_with(b"/")
                    && !is_below(path, prefix) =>
            {
                written.extend([name, b"=", prefix.as_bytes(), path].concat());
            }
            _ => written.extend_from_slice(part),
        }
    }
    written
}
