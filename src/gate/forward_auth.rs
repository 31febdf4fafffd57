//! `/_bmauth/forward-auth`: a proxy in front asks whether a request may pass (nginx `auth_request`, Caddy
//! `forward_auth`, Traefik ForwardAuth, Envoy `ext_authz` over HTTP).
//!
//! The answer is the decision of [`super::decide`] about the request that is asked about. Any doubt refuses with 403:
//! to every one of these proxies anything but a 2xx is a no, and a 5xx is one that some of them can be told to ignore.

mod original;
mod removals;
mod reply;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::credentials::Credentials;
use super::decide::{self, Denied, OwnAddress};
use super::gatekeeper::{self, Gatekeeper};
use super::hand_off::HandOffs;
use super::kind::RequestKind;
use super::peer::RequestId;
use super::plain_headers::PlainHeaders;
use super::reach::{self, Reaching};
use super::refusal::GateRefusal;
use crate::auth::principal::{Principal, PrincipalId};
use crate::domain::access::Admission;
use crate::domain::header_name::{self, Tells};
use crate::domain::host::{Authority, Host};
use crate::domain::own_paths::FORWARD_AUTH;
use crate::domain::path::{RequestPath, RequestTarget};
use crate::domain::route::{Route, RouteId, Routes, Scheme};

use original::{HeaderFamily, KnownHeaderNames, Original};
use removals::Removals;
use reply::Theirs;

/// Whether a request for that path is such a question.
pub fn is_asked(path: &str) -> bool {
    path.strip_prefix(FORWARD_AUTH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a target that could not be read was meant as such a question: it is answered like one all the same.
pub fn is_meant(raw_target: &[u8]) -> bool {
    raw_target.starts_with(FORWARD_AUTH.as_bytes())
}

/// What the operator decides about it.
#[derive(Clone, Debug)]
pub struct ForwardAuthSettings {
    /// The scheme of `public_url`.
    pub public_scheme: Scheme,
    /// The port of `public_url`, where it is not the scheme's own.
    pub public_port: Option<u16>,
    /// The header that carries the identity token.
    pub identity_header: HeaderName,
    /// The plain headers in which the identity is said as well.
    pub plain_headers: PlainHeaders,
}

/// Answers the questions of proxies in front.
pub struct ForwardAuth {
    routes: Routes,
    gatekeeper: Arc<dyn Gatekeeper>,
    hand_offs: Arc<HandOffs>,
    settings: ForwardAuthSettings,
    /// The header of the token, then the plain ones, in use or not.
    identity: Vec<HeaderName>,
    names: KnownHeaderNames,
    removals: Removals,
}

/// A question: the head of the request that asks it, and who sent that.
#[derive(Clone, Copy, Debug)]
pub struct ForwardAuthQuestion<'a> {
    /// Its method. Envoy sends the method it asks about; the others say that in a header.
    pub method: &'a Method,
    /// Its own path and query.
    pub target: &'a RequestTarget,
    /// Its host. Envoy sends the host it asks about; the others say that in a header.
    pub authority: &'a Authority,
    /// Its headers: the proxy's, and of the request it asks about those that the proxy passes on.
    pub headers: &'a HeaderMap,
    /// Who they say the request it asks about is from.
    pub credentials: &'a Credentials,
    /// Whether it comes from a proxy in `server.trusted_proxies`.
    pub trusted: bool,
    /// The address of the client that sent the request it asks about.
    pub client: Option<IpAddr>,
    /// Its name in the log.
    pub request_id: RequestId,
}

/// The answer: whole, and without the headers of our own pages.
#[derive(Debug)]
pub struct ForwardAuthReply {
    /// 200, 303, 401 or 403.
    pub status: StatusCode,
    /// The headers of the answer, in order.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Nothing, or `application/problem+json`.
    pub body: Bytes,
    /// What the log says of it.
    pub about: ForwardAuthSubject,
}

/// What the log says of a question.
#[derive(Clone, Debug, Default)]
pub struct ForwardAuthSubject {
    /// The method, host and path that were asked about, where they could be read.
    pub target: Option<(Method, Host, RequestPath)>,
    /// The route they belong to.
    pub route: Option<RouteId>,
    /// Whose request it is.
    pub principal: Option<PrincipalId>,
    /// Why it was refused.
    pub refusal: Option<GateRefusal>,
}

impl ForwardAuth {
    /// Decides by these routes and sessions.
    pub fn new(
        routes: Routes,
        gatekeeper: Arc<dyn Gatekeeper>,
        hand_offs: Arc<HandOffs>,
        settings: ForwardAuthSettings,
    ) -> Self {
        let mut identity = settings.plain_headers.names_with_standard();
        identity.insert(0, settings.identity_header.clone());
        let (names, removals) = (KnownHeaderNames::new(&identity), Removals::new(&identity));
        Self { identity, routes, gatekeeper, hand_offs, settings, names, removals }
    }

    /// Answers a question. The request's body, if it has one, does not matter.
    pub async fn answer(&self, question: ForwardAuthQuestion<'_>) -> ForwardAuthReply {
        // An unknown client, one that is not a proxy of ours, is told nothing, not even which addresses are public.
        if !question.trusted {
            return self.refuse(GateRefusal::ProxyNotTrusted, question.request_id);
        }
        let original = match Original::read(&question, &self.names) {
            Ok(original) => original,
            Err(refusal) => return self.refuse(refusal, question.request_id),
        };
        let mut reply = match self.route(&question, &original) {
            Ok(route) => self.decide(&question, &original, route).await,
            Err(refusal) => self.refuse(refusal, question.request_id),
        };
        reply.about.target = Some((original.method, original.authority.host, original.target.path));
        reply
    }

    /// The answer to a question that could not even be read as a request.
    pub fn refuse(&self, refusal: GateRefusal, request_id: RequestId) -> ForwardAuthReply {
        reply::refuse(StatusCode::FORBIDDEN, refusal, request_id, None)
    }

    fn route(&self, question: &ForwardAuthQuestion<'_>, original: &Original) -> Result<&Arc<Route>, GateRefusal> {
        // Our own pages are handed to us, and nothing below them is ever the app's.
        if original.target.path.is_reserved() {
            return Err(GateRefusal::OwnPath);
        }
        let host = &original.authority.host;
        if !self.routes.knows_host(host) {
            return Err(GateRefusal::Misdirected);
        }
        let Original { method, authority, target, .. } = original;
        let route = self.routes.find(host, &target.path, method.as_str())?;
        // The gateway cannot take it out of the request, which does not pass here.
        let names_a_method = |name: &HeaderName| header_name::tells(name.as_str()) == Some(Tells::Method);
        if self.routes.tell_methods_apart(host) && question.headers.keys().any(names_a_method) {
            return Err(GateRefusal::OtherTarget);
        }
        reach::check(&self.routes, route, Reaching { method, authority, target, headers: question.headers })?;
        Ok(route)
    }

    async fn decide(
        &self,
        question: &ForwardAuthQuestion<'_>,
        original: &Original,
        route: &Arc<Route>,
    ) -> ForwardAuthReply {
        let asked = decide::AccessRequest {
            kind: original.kind,
            credentials: question.credentials,
            headers: question.headers,
            address: self.address(original),
        };
        let mut reply = match decide::decide(route, asked, &*self.gatekeeper).await {
            Ok(admission) => self.allow(question, &admission),
            Err(Denied { refusal, principal }) => {
                let mut reply = self.deny(refusal, question, original).await;
                reply.about.principal = principal.map(|principal| principal.id());
                reply
            }
        };
        reply.about.route = Some(route.id);
        reply
    }

    /// The answer to a refusal: where a person gets on by way of one of our pages, it leads there.
    async fn deny(
        &self,
        refusal: GateRefusal,
        question: &ForwardAuthQuestion<'_>,
        original: &Original,
    ) -> ForwardAuthReply {
        let request_id = question.request_id;
        let Some(page) = refusal.detour() else { return self.refuse(refusal, request_id) };
        let navigates = original.kind == RequestKind::Navigation;
        let asks = refusal.status() == StatusCode::UNAUTHORIZED;
        match original.family {
            // nginx makes an error of a redirect; its configuration makes one of the 401 and its `Location`.
            HeaderFamily::Original if navigates || asks => {
                let leaving = self.leaving(refusal, question, original);
                let location = match &leaving {
                    // What the body says too, which nginx drops.
                    Some(leaving) if !navigates => reply::whole_location(&leaving.address),
                    _ => self.location(page, question, original).await,
                };
                let mut reply = self.unauthorized(refusal, question, leaving);
                reply.headers.push(location);
                reply
            }
            HeaderFamily::Forwarded | HeaderFamily::Suffix if navigates => {
                self.send_to(page, refusal, question, original).await
            }
            HeaderFamily::Forwarded | HeaderFamily::Suffix if asks => {
                self.unauthorized(refusal, question, self.leaving(refusal, question, original))
            }
            HeaderFamily::Original | HeaderFamily::Forwarded | HeaderFamily::Suffix => self.refuse(refusal, request_id),
        }
    }

    /// Where the request that is asked about was sent.
    fn address<'a>(&self, original: &'a Original) -> OwnAddress<'a> {
        let ForwardAuthSettings { public_scheme, public_port, .. } = self.settings;
        OwnAddress { authority: &original.authority, public_scheme, public_port }
    }

    fn allow(&self, question: &ForwardAuthQuestion<'_>, admission: &Admission<Principal>) -> ForwardAuthReply {
        let fault = |error| {
            tracing::error!(error = &error as &dyn std::error::Error, "an identity token could not be made");
            self.refuse(GateRefusal::Fault, question.request_id)
        };
        let forwarded = match gatekeeper::forwarded(&*self.gatekeeper, admission, &question.credentials.bearer) {
            Ok(forwarded) => forwarded,
            Err(error) => return fault(error),
        };
        let theirs = Theirs::of(question.headers, question.credentials, forwarded, admission.route());
        let Some(principal) = admission.principal() else {
            return reply::pass(self, None, theirs);
        };
        let token = match self.gatekeeper.identity_token(principal, &admission.route().demands.audience) {
            Ok(token) => token,
            Err(error) => return fault(error),
        };
        let mut reply = reply::pass(self, Some((principal, token)), theirs);
        reply.about.principal = Some(principal.id());
        reply
    }
}

impl std::fmt::Debug for ForwardAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForwardAuth").field("settings", &self.settings).finish_non_exhaustive()
    }
}
