//! One line a request, at info, and one count. The line has no query, no cookie, no token and nothing of the visitor's
//! account; the count has nothing but what became of the request.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use pingora::Error;
use pingora::protocols::http::ServerSession;
use tokio::time::Instant;

use super::incoming::Incoming;
use crate::auth::principal::{Principal, PrincipalId};
use crate::counts::{Counts, Outcome};
use crate::domain::host::Host;
use crate::domain::own_paths;
use crate::domain::path::RequestPath;
use crate::domain::route::RouteId;
use crate::gate::forward_auth::ForwardAuthSubject;
use crate::gate::peer::RequestId;
use crate::gate::refusal::{GateRefusal, LoggedRefusal};

/// The most of a host or path that could not be read and is logged, in bytes.
const LONGEST_UNREAD: usize = 256;

/// What becomes of a request, noted as it becomes known.
#[derive(Debug)]
pub(super) struct AccessLogLine {
    counts: Arc<Counts>,
    begun: Instant,
    pub(super) outcome: Outcome,
    pub(super) method: Option<Method>,
    pub(super) route: Option<RouteId>,
    /// What it is about, where that is not what its head says.
    about: Option<LoggedSubject>,
    /// Whose request a proxy in front asked about.
    asked_for: Option<PrincipalId>,
    pub(super) status: Option<u16>,
    pub(super) sent: usize,
    /// Why it got no further.
    pub(super) refusal: Option<LoggedRefusal>,
    /// The kind of error that ended it, in a word or two.
    pub(super) error: Option<String>,
    pub(super) is_complete: bool,
}

/// What a request is about, where its own head does not say or cannot be read.
#[derive(Debug)]
enum LoggedSubject {
    /// What a proxy in front asked about, in place of the question itself.
    Asked(Host, RequestPath),
    /// What a head that was refused seems to be for.
    Unread { host: String, path: String, client: Option<IpAddr> },
}

impl AccessLogLine {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self {
            counts,
            begun: Instant::now(),
            outcome: Outcome::Unanswered,
            method: None,
            route: None,
            about: None,
            asked_for: None,
            status: None,
            sent: 0,
            refusal: None,
            error: None,
            is_complete: false,
        }
    }

    /// It gets no further, for this reason.
    pub(super) fn refuse(&mut self, refusal: GateRefusal) {
        (self.outcome, self.refusal) = (refusal.outcome(), Some(refusal.into()));
    }

    /// Its head was refused, which came from `client`.
    pub(super) fn unread(&mut self, head: &Parts, raw_target: &[u8], client: Option<IpAddr>) {
        self.about = Some(LoggedSubject::Unread { host: host_of(head), path: path_of(raw_target), client });
    }

    /// It was the question of a proxy in front about another request, and was answered with `status`.
    pub(super) fn asked(&mut self, about: ForwardAuthSubject, status: StatusCode) {
        let ForwardAuthSubject { target, route, principal, refusal } = about;
        (self.route, self.asked_for, self.refusal) = (route, principal, refusal.map(LoggedRefusal::from));
        self.outcome = refusal.map_or(Outcome::Allowed, GateRefusal::outcome);
        self.status = Some(status.as_u16());
        if let Some((method, host, path)) = target {
            self.method = Some(method);
            self.about = Some(LoggedSubject::Asked(host, path));
        }
    }

    /// All that becomes of it is known.
    pub(super) fn end(&mut self, session: &ServerSession, error: Option<&Error>) {
        self.is_complete = true;
        self.sent = session.body_bytes_sent();
        if let Some(response) = session.response_written() {
            self.status = Some(response.status.as_u16());
        }
        if let (Some(error), None) = (error, &self.error) {
            self.error = Some(format!("{} {}", error.esource().as_str(), error.etype().as_str()));
        }
    }

    /// Writes the line, and counts the request.
    pub(super) fn write(&self, request_id: RequestId, incoming: Option<&Incoming>, principal: Option<&Principal>) {
        self.counts.request(self.outcome);
        let target = match &self.about {
            Some(LoggedSubject::Asked(host, path)) => Some((host.as_str(), path.as_str())),
            Some(LoggedSubject::Unread { host, path, .. }) => Some((host.as_str(), path.as_str())),
            None => incoming.map(|incoming| (incoming.authority.host.as_str(), incoming.target.path.as_str())),
        };
        let client = match &self.about {
            Some(LoggedSubject::Unread { client, .. }) => *client,
            Some(LoggedSubject::Asked(..)) | None => incoming.and_then(|incoming| incoming.client),
        };
        let principal = principal.map(Principal::id).or(self.asked_for);
        // What stands in here is worked out only where the line is wanted.
        // It says all that its span does.
        tracing::info!(
            parent: None,
            request = %request_id,
            client = client.map(tracing::field::display),
            method = self.method.as_ref().map(Method::as_str),
            host = target.map(|(host, _)| host),
            path = target.map(|(_, path)| own_paths::mangled_word_link(path).unwrap_or(path)),
            route = self.route.map(|route| route.0),
            principal = principal.map(tracing::field::display),
            status = self.status,
            sent = self.sent,
            milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            refusal = self.refusal.as_ref().map(|refusal| refusal.name),
            why = self.refusal.as_ref().map(|refusal| &*refusal.why),
            error = self.error.as_deref(),
            stopped = !self.is_complete,
            "request"
        );
    }
}

/// Writes the line of a head that was refused before it was a request: nothing of it is known but who sent it.
pub(super) fn head_refused(client: Option<IpAddr>, refusal: GateRefusal, status: Option<StatusCode>) {
    tracing::info!(
        parent: None,
        client = client.map(tracing::field::display),
        status = status.map(|status| status.as_u16()),
        refusal = refusal.name(),
        why = &*refusal.why(),
        "request"
    );
}

/// The host that a head seems to name, without its port. A host that cannot be read may carry a user's name and
/// password, or something like a path or query: those are left out, too.
fn host_of(head: &Parts) -> String {
    let pseudo = || head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let written = head.headers.get(HOST).map(HeaderValue::as_bytes).or_else(pseudo).unwrap_or_default();
    let host = behind_user(until(shortened(written), b"/\\?#;"));
    let is_port = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let port = host.iter().rposition(|&byte| byte == b':').filter(|&at| host.get(at + 1..).is_some_and(is_port));
    shown(host.get(..port.unwrap_or(host.len())).unwrap_or_default())
}

/// The path of a target that could not be read, without what could be a query or a parameter to any server, and without
/// what stands before its path in an address.
fn path_of(raw_target: &[u8]) -> String {
    let target = until(shortened(raw_target), b"?#;");
    // What stands in a path may hold an `@`; what could be a host to any server may have a user's password before it.
    let authority = match target.strip_prefix(b"//") {
        Some(rest) => Some((&b"//"[..], rest)),
        None if target.starts_with(b"/") => None,
        None => {
            let scheme = target.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
            target.get(scheme..).map(|rest| (&b""[..], rest))
        }
    };
    let Some((before, rest)) = authority else { return shown(target) };
    let end = rest.iter().position(|byte| b"/\\".contains(byte)).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).unwrap_or((rest, b""));
    // Of a whole address, its host is what the `Host` header says.
    if before.is_empty() && host != b"*" { shown(path) } else { shown(&[before, behind_user(host), path].concat()) }
}

/// No more of a text than is logged.
fn shortened(written: &[u8]) -> &[u8] {
    written.get(..LONGEST_UNREAD).unwrap_or(written)
}

/// What stands before the first of these bytes, written as itself or percent-encoded any number of times.
fn until<'a>(written: &'a [u8], ends: &[u8]) -> &'a [u8] {
    let end = (0..written.len()).find(|&at| written.get(at..).and_then(meant).is_some_and(|byte| ends.contains(&byte)));
    written.get(..end.unwrap_or(written.len())).unwrap_or(written)
}

/// What stands behind the last `@`, written as itself or percent-encoded any number of times.
fn behind_user(written: &[u8]) -> &[u8] {
    let user = (0..written.len()).rfind(|&at| written.get(at..).and_then(meant) == Some(b'@'));
    let Some(behind) = user.and_then(|at| written.get(at..)) else { return written };
    let length =
        if behind.starts_with(b"@") { 1 } else { behind.windows(2).position(|two| two == b"40").unwrap_or(0) + 2 };
    behind.get(length..).unwrap_or_default()
}

/// The byte that a text begins with once everything is decoded: `%` is `%25` encoded, and so on.
fn meant(text: &[u8]) -> Option<u8> {
    let Some(mut encoded) = text.strip_prefix(b"%") else { return text.first().copied() };
    while let Some(rest) = encoded.strip_prefix(b"25") {
        encoded = rest;
    }
    let digit = |at: usize| char::from(*encoded.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

fn shown(written: &[u8]) -> String {
    String::from_utf8_lossy(written).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_cannot_be_read_is_shown_without_anything_like_a_query() {
        for (target, path) in [
            ("//x?code=SECRET", "//x"),
            ("/a/../b#SECRET", "/a/../b"),
            ("/a//b%3Fcode=SECRET", "/a//b"),
            ("/a//b%3fcode=SECRET?x", "/a//b"),
            ("/a//b%23SECRET", "/a//b"),
            ("http://user:SECRET@notes.example.com/a?b", "/a"),
            ("http://user:SECRET@notes.example.com", ""),
            ("/http://x/../y", "/http://x/../y"),
            ("*", "*"),
            ("", ""),
            ("http://notes.example.com?x=SECRET/SECRET", ""),
            ("//user:SECRET@host/a", "//host/a"),
            ("//user:SECRET%2540host/a", "//host/a"),
            ("user:SECRET@host/a", "/a"),
            ("SECRET", ""),
            ("//a%253Fx=SECRET", "//a"),
            ("//a%252525253fx=SECRET", "//a"),
            ("//a%25%3fx=SECRET", "//a%25"),
            ("//a;jsessionid=SECRET", "//a"),
            ("//a%3Bjsessionid=SECRET", "//a"),
            ("/a//b%", "/a//b%"),
            ("/a//@b%2", "/a//@b%2"),
        ] {
            assert_eq!(path_of(target.as_bytes()), path, "{target}");
        }
        assert_eq!(path_of("/a".repeat(5000).as_bytes()).len(), LONGEST_UNREAD);
    }

    #[test]
    fn a_host_that_cannot_be_read_is_shown_without_user_and_password() {
        let host = |host: &str| host_of(&http::Request::get("/").header("host", host).body(()).unwrap().into_parts().0);
        assert_eq!(host("user:SECRET@notes.example.com"), "notes.example.com");
        assert_eq!(host("user:SECRET%40notes.example.com"), "notes.example.com");
        assert_eq!(host("user:SECRET%2540notes.example.com:443"), "notes.example.com");
        for behind in ["/?x=SECRET", "?x=SECRET", "#SECRET", "\\SECRET", "%2f?x=SECRET", ";SECRET", ":443", ":"] {
            assert_eq!(host(&format!("notes.example.com{behind}")), "notes.example.com", "{behind}");
        }
        assert_eq!(host("a b"), "a b");
        assert_eq!(host("[::1]:8080"), "[::1]");
        assert_eq!(host("[::1]"), "[::1]");
    }
}
