//! Steps of a request one by one, so that `benches/` can measure each apart. Nothing else calls this: a request goes
//! through all of them, in the order of `proxy.rs`.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use pingora::http::RequestHeader;

use super::ProxyParts;
use super::admit::{self, RequestDestination};
use super::connection::{Arrival, ClientConnection};
use super::forward::{self, ForwardDestination, Saying, Spoofable};
use super::incoming::Incoming;
use super::logging::AccessLogLine;
use super::rewrites::Rewrites;
use crate::auth::principal::Principal;
use crate::counts::Outcome;
use crate::gate::peer::RequestId;

/// The steps of requests that come by one connection.
pub struct Steps {
    parts: ProxyParts,
    spoofable: Spoofable,
    connection: ClientConnection,
    rewrites: Rewrites,
    server: HeaderValue,
}

/// A head that has been read.
#[derive(Debug)]
pub struct Head(Incoming);

impl Steps {
    /// Those of requests from `peer`.
    pub fn new(parts: ProxyParts, peer: SocketAddr) -> Self {
        let spoofable = Spoofable::new(&parts.settings);
        let connection = ClientConnection::of(Arrival { peer: Some(peer), tls: false, http2: false, is_astray: false });
        Self { parts, spoofable, connection, rewrites: Rewrites::default(), server: HeaderValue::from_static("app") }
    }

    /// Reads a head; `None` where it is refused.
    pub fn read(&self, request: &RequestHeader) -> Option<Head> {
        let is_ours = |text: &str| self.parts.gatekeeper.is_access_token(text);
        Incoming::read(request, request.raw_path(), &self.connection, &self.parts.settings, is_ours).ok().map(Head)
    }

    /// Whether it may be forwarded.
    pub async fn admit(&self, head: &Head, request: &RequestHeader) -> bool {
        match admit::way(request, &head.0, &self.parts) {
            Ok(RequestDestination::App(route)) => {
                admit::decide(route, &head.0, &request.headers, &self.parts).await.is_ok()
            }
            Ok(
                RequestDestination::Portal
                | RequestDestination::Moved
                | RequestDestination::ToLocalhost
                | RequestDestination::Question,
            )
            | Err(_) => false,
        }
    }

    /// How many of its headers are not passed on, because an app could take them for ours.
    pub fn spoofed(&self, request: &RequestHeader) -> usize {
        self.spoofable.found_in(&request.headers, false, &self.rewrites).len()
    }

    /// Makes it the app's, from that session with its token. Returns whether that worked.
    pub fn rewrite(&self, head: &Head, request: &RequestHeader, principal: &Principal, token: HeaderValue) -> bool {
        let saying = Saying {
            incoming: &head.0,
            connection: &self.connection,
            settings: &self.parts.settings,
            spoofable: &self.spoofable,
            forwarded: None,
            only_asks: false,
            identity: Some((principal, token)),
            to: ForwardDestination { rewrites: &self.rewrites, target: None, server: &self.server },
        };
        forward::request(request, saying).is_ok()
    }

    /// Counts it, and writes its line where that is wanted: the app answered with `status`.
    pub fn write_down(&self, head: &Head, request: &RequestHeader, status: u16) {
        let mut line = AccessLogLine::new(Arc::clone(&self.parts.counts));
        line.outcome = Outcome::Forwarded;
        line.method = Some(request.method.clone());
        line.status = Some(status);
        line.is_complete = true;
        line.write(RequestId(0x6a09_e667_f3bc_c908), Some(&head.0), None);
    }
}
