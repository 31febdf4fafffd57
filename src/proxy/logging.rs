//! One line a request, at info, and one count. The line has no query, no cookie, no token and nothing of the visitor's
//! account; the count has nothing but what became of the request.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::{Method, StatusCode};
use tokio::time::Instant;

use super::incoming::Incoming;
use crate::auth::principal::{Principal, PrincipalId};
use crate::counts::{Counts, Outcome};
use crate::domain::host::Host;
use crate::domain::path::CanonicalPath;
use crate::domain::route::RouteId;
use crate::gate::forward_auth::About;
use crate::gate::peer::RequestId;
use crate::gate::refusal::GateRefusal;

/// The most of a host or path that could not be read and is logged, in bytes.
const LONGEST_UNREAD: usize = 256;

/// What becomes of a request, noted as it becomes known.
#[derive(Debug)]
pub(super) struct Line {
    counts: Arc<Counts>,
    begun: Instant,
    pub(super) outcome: Outcome,
    pub(super) method: Option<Method>,
    pub(super) route: Option<RouteId>,
    /// What it is about, where that is not what its head says.
    about: Option<Subject>,
    /// Whose request a proxy in front asked about.
    asked_for: Option<PrincipalId>,
    pub(super) status: Option<u16>,
    pub(super) sent: usize,
    /// Why it got no further.
    pub(super) refusal: Option<GateRefusal>,
    /// The kind of error that ended it, in a word or two.
    pub(super) error: Option<String>,
    pub(super) is_complete: bool,
}

/// What a request is about, where its own head does not say or cannot be read.
#[derive(Debug)]
enum Subject {
    /// What a proxy in front asked about, in place of the question itself.
    Asked(Host, CanonicalPath),
    /// What a head that was refused seems to be for.
    Unread { host: String, path: String },
}

impl Line {
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
        (self.outcome, self.refusal) = (refusal.outcome(), Some(refusal));
    }

    /// Its head was refused.
    pub(super) fn unread(&mut self, head: &Parts, raw_target: &[u8]) {
        self.about = Some(Subject::Unread { host: host_of(head), path: path_of(raw_target) });
    }

    /// It was the question of a proxy in front about another request, and was answered with `status`.
    pub(super) fn asked(&mut self, about: About, status: StatusCode) {
        let About { target, route, principal, refusal } = about;
        (self.route, self.asked_for, self.refusal) = (route, principal, refusal);
        self.outcome = refusal.map_or(Outcome::Allowed, GateRefusal::outcome);
        self.status = Some(status.as_u16());
        if let Some((method, host, path)) = target {
            self.method = Some(method);
            self.about = Some(Subject::Asked(host, path));
        }
    }

    /// Writes the line, and counts the request.
    pub(super) fn write(&self, request_id: RequestId, incoming: Option<&Incoming>, principal: Option<&Principal>) {
        self.counts.request(self.outcome);
        let target = match &self.about {
            Some(Subject::Asked(host, path)) => Some((host.as_str(), path.as_str())),
            Some(Subject::Unread { host, path }) => Some((host.as_str(), path.as_str())),
            None => incoming.map(|incoming| (incoming.authority.host.as_str(), incoming.target.path.as_str())),
        };
        let principal = principal.map(Principal::id).or(self.asked_for);
        // What stands in here is worked out only where the line is wanted.
        // It says all that its span does.
        tracing::info!(
            parent: None,
            request = %request_id,
            client = incoming.and_then(|incoming| incoming.client).map(tracing::field::display),
            method = self.method.as_ref().map(Method::as_str),
            host = target.map(|(host, _)| host),
            path = target.map(|(_, path)| path),
            route = self.route.map(|route| route.0),
            principal = principal.map(tracing::field::display),
            status = self.status,
            sent = self.sent,
            milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            refusal = self.refusal.map(GateRefusal::name),
            why = self.refusal.map(|refusal| tracing::field::display(refusal.why())),
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
        why = %refusal.why(),
        "request"
    );
}

/// The host that a head seems to name, without a user's name and password before it.
fn host_of(head: &Parts) -> String {
    let pseudo = || head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let written = head.headers.get(HOST).map(http::HeaderValue::as_bytes).or_else(pseudo).unwrap_or_default();
    shown(written.rsplit(|&byte| byte == b'@').next().unwrap_or_default())
}

/// The path of a target that could not be read, without what could be a query to any server: cut at `?` and `#`, also
/// encoded ones. Of an address, what stands behind its host.
fn path_of(raw_target: &[u8]) -> String {
    let behind_host = |rest: &[u8]| {
        rest.iter().position(|&byte| byte == b'/').and_then(|slash| rest.get(slash..)).map(<[u8]>::to_vec)
    };
    let path = match raw_target.windows(3).position(|three| three == b"://") {
        Some(place) if !raw_target.starts_with(b"/") => {
            raw_target.get(place + 3..).and_then(behind_host).unwrap_or_default()
        }
        _ => raw_target.to_vec(),
    };
    let ends = |rest: &[u8]| {
        let encoded = rest.get(..3).map(<[u8]>::to_ascii_lowercase);
        rest.starts_with(b"?") || rest.starts_with(b"#") || matches!(encoded.as_deref(), Some(b"%3f" | b"%23"))
    };
    let end = (0..path.len()).find(|&at| path.get(at..).is_some_and(ends)).unwrap_or(path.len());
    shown(path.get(..end).unwrap_or_default())
}

fn shown(written: &[u8]) -> String {
    String::from_utf8_lossy(written.get(..LONGEST_UNREAD).unwrap_or(written)).into_owned()
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
        ] {
            assert_eq!(path_of(target.as_bytes()), path, "{target}");
        }
        assert_eq!(path_of("/a".repeat(5000).as_bytes()).len(), LONGEST_UNREAD);
    }

    #[test]
    fn a_host_that_cannot_be_read_is_shown_without_user_and_password() {
        let host = |host: &str| host_of(&http::Request::get("/").header("host", host).body(()).unwrap().into_parts().0);
        assert_eq!(host("user:SECRET@notes.example.com"), "notes.example.com");
        assert_eq!(host("a b"), "a b");
    }
}
