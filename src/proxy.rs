//! The proxy: the only user of Pingora. One file for each phase of a request; the `ProxyPhases` here only calls them.

mod admit;
mod announced;
mod answers;
#[doc(hidden)]
pub mod apart;
mod body;
mod bridge;
mod broken;
mod chunks;
mod connection;
mod context;
mod dial;
mod exchange;
mod first_line;
mod forward;
mod gathering;
mod guard;
mod health;
mod hop_by_hop;
mod incoming;
mod informational;
mod link;
mod listen;
mod logging;
mod named;
mod names;
mod patience;
mod probe;
mod response;
mod rewrites;
mod room;
mod served;
mod server;
mod settings;
mod streams;
#[cfg(test)]
mod tests;
mod tunnel;
mod upload;
mod upstreams;
mod wire;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::header::TRANSFER_ENCODING;
use http::uri::PathAndQuery;
use http::{Method, StatusCode};
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::{Error, ErrorSource, ErrorType, ImmutStr, OrErr as _};
use tokio_util::sync::CancellationToken;

use crate::auth::principal::Principal;
use crate::counts::{Counts, Outcome};
use crate::domain::access::Admission;
use crate::domain::host::Host;
use crate::domain::own_paths;
use crate::domain::return_to::ReturnTo;
use crate::domain::route::{Access, Routes, Scheme};
use crate::gate::decide::Denied;
use crate::gate::forward_auth::{self, ForwardAuth, ForwardAuthQuestion, ForwardAuthReply};
use crate::gate::gatekeeper::{self, Gatekeeper};
use crate::gate::hand_off::HandOffs;
use crate::gate::headers::PageHeaders;
use crate::gate::kind::{self, RequestKind};
use crate::gate::refusal::GateRefusal;
use crate::gate::way_back::{self, Led};

pub use answers::{LAST_WORKER, RefusalPage, RenderPage};
pub use connection::Arrival;
pub use listen::{CertificateError, Listener, ListenerTls, Looked, Proxy};
pub use names::{Resolve, SystemResolver};
pub use probe::probe;
pub use room::Room;
pub use settings::ProxySettings;

use admit::RequestDestination;
use answers::ProxyAnswer;
use connection::ClientConnection;
use context::Context;
use exchange::Terms;
use forward::{ForwardDestination, Saying, Spoofable};
use incoming::Incoming;
use link::{CallerKey, RequestSender};
use rewrites::AppTarget;
use room::Lanes;
use streams::Surroundings;
use upload::Upload;
use upstreams::{ServerPool, Upstreams};

/// How long a client may take for [`CLIENT_LEAST`] of a request's body.
const CLIENT_PAUSE: Duration = Duration::from_secs(60);
/// The least that a client has to send of it in that time, in bytes.
const CLIENT_LEAST: usize = 1024;
/// How long a client may take to accept a piece of an answer.
const CLIENT_WRITE: Duration = Duration::from_secs(120);
/// How long the rest of a request's body is awaited after its answer, so that the connection can be used again.
const DRAIN: Duration = Duration::from_secs(5);

/// What the proxy is made of.
pub struct ProxyParts {
    /// The routes that requests are matched against.
    pub routes: Routes,
    /// Who is signed in.
    pub gatekeeper: Arc<dyn Gatekeeper>,
    /// How browsers get to where people sign in.
    pub hand_offs: Arc<HandOffs>,
    /// Answers the proxies in front that ask about requests.
    pub forward_auth: Arc<ForwardAuth>,
    /// Our own pages and API.
    pub portal: Router,
    /// Writes the pages that say what is in the way.
    pub render: RenderPage,
    /// What the operator decides.
    pub settings: ProxySettings,
    /// Where it is counted what becomes of requests.
    pub counts: Arc<Counts>,
    /// A random number, so that the names of requests differ from one run to the next.
    pub seed: u64,
}

/// The phases of a request.
struct ProxyPhases {
    parts: ProxyParts,
    upstreams: Arc<Upstreams>,
    to_apps: Lanes,
    to_pages: Lanes,
    spoofable: Spoofable,
    page_headers: PageHeaders,
    /// Fires at shutdown: event streams of our own end then.
    stop: CancellationToken,
}

impl ProxyPhases {
    fn new(parts: ProxyParts, stop: CancellationToken) -> Result<Self, rustls::Error> {
        let upstreams = Arc::new(Upstreams::new(&parts.routes, &parts.settings, &parts.counts)?);
        let (to_apps, to_pages) = (Lanes::to_apps(&parts.settings.room), Lanes::to_pages(&parts.settings.room));
        let spoofable = Spoofable::new(&parts.settings);
        let page_headers = PageHeaders::new(parts.settings.public_scheme == Scheme::Https);
        Ok(Self { upstreams, to_apps, to_pages, spoofable, page_headers, parts, stop })
    }

    /// Reads a request's head into its context.
    fn read(&self, session: &mut ServerSession, context: &mut Context) -> Result<(), GateRefusal> {
        let head = session.req_header();
        context.line.method = Some(head.method.clone());
        if let Some(http1) = session.as_http1() {
            let (raw, connection) = (http1.get_headers_raw_bytes(), &context.surroundings.connection);
            if connection.first_line().is_odd() || !incoming::is_whole_target(&raw, head.raw_path()) {
                return Err(GateRefusal::MalformedRequest(
                    "the first line has more than a method, a target and a version, or a control character",
                ));
            }
            if head.headers.contains_key(TRANSFER_ENCODING) && !connection.begin_chunks(raw.len()) {
                return Err(GateRefusal::MalformedRequest(guard::BROKEN_CHUNK));
            }
        }
        let is_ours = |text: &str| self.parts.gatekeeper.is_access_token(text);
        let connection = &context.surroundings.connection;
        let mut incoming = Incoming::read(head, head.raw_path(), connection, &self.parts.settings, is_ours)?;
        self.hear_host_of_proxy(head, connection, &mut incoming);
        // The question is all in the head.
        if incoming.kind == RequestKind::Preflight && !session.is_body_empty() {
            incoming.kind = RequestKind::Other;
        }
        context.set_incoming(incoming);
        Ok(())
    }

    /// Takes the host that a trusted proxy says the visitor asked for, where the proxy asks by a name of its own.
    fn hear_host_of_proxy(&self, head: &RequestHeader, connection: &ClientConnection, incoming: &mut Incoming) {
        let ProxySettings { public_host, former_hosts, .. } = &self.parts.settings;
        let is_ours =
            |host: &Host| self.parts.routes.knows_host(host) || host == public_host || former_hosts.contains(host);
        if incoming.from_trusted
            && !is_ours(&incoming.authority.host)
            && !forward_auth::is_asked(incoming.target.path.as_str())
            && let Some(said) = incoming::forwarded_host(&head.headers)
            && let Ok(named) = connection.named(said)
            && is_ours(&named.host)
        {
            incoming.authority = named;
        }
    }

    /// Answers a request whose head was refused.
    async fn refuse_unread(
        &self,
        session: &mut ServerSession,
        context: &mut Context,
        refusal: GateRefusal,
    ) -> pingora::Result<()> {
        let head = session.req_header();
        let is_question = forward_auth::is_meant(head.raw_path());
        context.line.unread(head, head.raw_path(), context.surroundings.connection.peer());
        if !is_question {
            return self.refuse(session, context, refusal).await;
        }
        // A proxy in front takes any other refusal for a failure, and some let requests pass then.
        let said = GateRefusal::MalformedRequest("the head of the question cannot be read");
        let reply = self.parts.forward_auth.refuse(said, context.request_id());
        self.send_forward_auth_reply(session, context, reply).await?;
        context.line.refuse(refusal);
        Ok(())
    }

    /// Answers a request that gets no further.
    async fn refuse(
        &self,
        session: &mut ServerSession,
        context: &mut Context,
        refusal: GateRefusal,
    ) -> pingora::Result<()> {
        context.line.refuse(refusal);
        let incoming = context.incoming.as_ref();
        if let Some((page, incoming)) = refusal.detour().zip(incoming)
            && incoming.kind == RequestKind::Navigation
        {
            let answer = ProxyAnswer::detour(page, &self.way_back(session.req_header(), incoming).await);
            return self.send(session, context, answer).await;
        }
        if let Some(answer) = incoming.and_then(|incoming| ProxyAnswer::last_worker(refusal, incoming)) {
            return self.send(session, context, answer).await;
        }
        if is_of_api(session.req_header(), incoming) {
            return self.send(session, context, ProxyAnswer::api_error(refusal)).await;
        }
        let kind = incoming.map_or_else(|| incoming::request_kind(session.req_header()), |known| known.kind);
        // What is sent cannot be asked for again with GET.
        let asks = matches!(session.req_header().method, Method::GET | Method::HEAD);
        let return_to = incoming.filter(|_| refusal != GateRefusal::Misdirected).map(|incoming| {
            let asked_for = ReturnTo::to(&incoming.target).ok().filter(|_| asks);
            asked_for.unwrap_or_else(ReturnTo::root)
        });
        let page = RefusalPage {
            refusal,
            request_id: context.request_id(),
            headers: &session.req_header().headers,
            principal: context.principal.as_ref().filter(|_| refusal == GateRefusal::Forbidden),
            return_to,
        };
        let leaving = incoming.filter(|_| refusal == GateRefusal::SignInRequired && kind != RequestKind::Navigation);
        let leaving = leaving
            .map(|incoming| self.parts.hand_offs.redirect_script_to_sign_in(&incoming.authority.host, page.headers));
        let answer = ProxyAnswer::refusal(page, refusal.status(), kind, &self.parts.render, leaving);
        self.send(session, context, answer).await
    }

    /// Where a person goes back to who is sent by way of one of our pages.
    async fn way_back(&self, head: &RequestHeader, incoming: &Incoming) -> ReturnTo {
        let address = self.parts.settings.own_address(&incoming.authority);
        let Incoming { target, client, .. } = incoming;
        let led = Led { method: &head.method, target, headers: &head.headers, address, client: *client };
        way_back::way_back(led, &*self.parts.gatekeeper).await
    }

    async fn send(
        &self,
        session: &mut ServerSession,
        context: &mut Context,
        answer: ProxyAnswer,
    ) -> pingora::Result<()> {
        context.line.status = Some(answer.status().as_u16());
        answer.send(session, &self.page_headers).await
    }

    /// Answers a proxy in front that asked about a request.
    async fn send_forward_auth_reply(
        &self,
        session: &mut ServerSession,
        context: &mut Context,
        reply: ForwardAuthReply,
    ) -> pingora::Result<()> {
        let ForwardAuthReply { status, headers, body, about } = reply;
        let refusal = about.refusal;
        let asked = about.target.as_ref().filter(|(method, ..)| matches!(*method, Method::GET | Method::HEAD));
        let return_to = asked.map(|(_, _, path)| ReturnTo::parse_or_root(Some(path.as_str())));
        context.line.asked(about, status);
        let head = session.req_header();
        // The proxy in front passes the refusal on to the client that sent the request: to a person, a page.
        let for_a_person = status == StatusCode::FORBIDDEN && incoming::request_kind(head) == RequestKind::Navigation;
        match refusal.filter(|refusal| for_a_person && refusal.page().is_some()) {
            Some(refusal) => {
                let request_id = context.request_id();
                let page = RefusalPage { refusal, request_id, headers: &head.headers, principal: None, return_to };
                let answer = ProxyAnswer::refusal(page, status, RequestKind::Navigation, &self.parts.render, None);
                answer.send(session, &self.page_headers).await
            }
            None => answers::send_bare(session, status, headers, body).await,
        }
    }

    /// Forwards the request, unless something about the route is in the way.
    async fn forward(&self, session: &mut ServerSession, context: &mut Context) -> pingora::Result<()> {
        // Without leave nothing is sent anywhere.
        let (Some(admission), Some(incoming)) = (&context.admission, &context.incoming) else {
            return Error::e_explain(ErrorType::HTTPStatus(500), "a request without an admission");
        };
        let Some(pool) = self.upstreams.of(admission.route().id) else {
            return Error::e_explain(ErrorType::HTTPStatus(502), "a route without a server");
        };
        let refusal = if incoming.kind == RequestKind::WebSocket && !pool.takes_websockets {
            GateRefusal::NoWebSockets
        } else if incoming::is_longer(session.req_header(), pool.max_body) {
            GateRefusal::BodyTooLarge
        } else {
            let target = match pool.rewrites.target(&incoming.target) {
                AppTarget::AsItCame => Ok(None),
                AppTarget::Cut(target) => Ok(Some(target)),
                AppTarget::WithSlash(address) => {
                    return self.send(session, context, ProxyAnswer::moved(&address)).await;
                }
                AppTarget::Unclear => Err(GateRefusal::MalformedRequest(
                    "the path does not begin with the route's own, as it is written, and one slash",
                )),
            };
            match target.and_then(|target| Ok((target, self.to_apps.take(incoming.client)?))) {
                Ok((target, _lane)) => return self.send_to_app(session, context, pool, target).await,
                Err(refusal) => refusal,
            }
        };
        self.refuse(session, context, refusal).await
    }

    /// Sends the request to a server of the pool, and its answer to the client. `target` is where it goes there, if not
    /// where the client asked for.
    async fn send_to_app(
        &self,
        session: &mut ServerSession,
        context: &Context,
        pool: &ServerPool,
        target: Option<PathAndQuery>,
    ) -> pingora::Result<()> {
        let (Some(admission), Some(incoming)) = (&context.admission, &context.incoming) else {
            return Error::e_explain(ErrorType::HTTPStatus(500), "a request without an admission");
        };
        let kind = incoming.kind;
        let caller = CallerKey { connection: context.surroundings.connection.id, client: incoming.client };
        let is_idempotent = kind::is_idempotent(&session.req_header().method);
        let mut upload = Upload::of(session, is_idempotent, pool.max_body);
        let (mut tries_left, mut is_repeat) = (pool.tries(), false);
        loop {
            let Some(server) = pool.choose(|| whom(incoming, context)) else {
                return Error::e_explain(ErrorType::HTTPStatus(502), "a route without a server");
            };
            let to =
                ForwardDestination { rewrites: &pool.rewrites, target: target.as_ref(), server: &server.authority };
            let mut request = forward::request(session.req_header(), self.saying(admission, incoming, context, to))?;
            let link = match server.link(kind, caller, is_repeat).await {
                Ok(link) => link,
                Err(error) => {
                    let why = error.context.as_ref().map_or(error.etype().as_str(), ImmutStr::as_str);
                    tracing::warn!(upstream = %*server, error = why, "an upstream cannot be reached");
                    server.leave_out();
                    tries_left -= 1;
                    // Nothing has been sent yet, so even a POST may go to another one.
                    if tries_left > 0 {
                        continue;
                    }
                    return Err(error);
                }
            };
            // A kept connection may have been closed by the app just then.
            let may_repeat = link.is_used && is_idempotent && !is_repeat;
            if matches!(link.sender, RequestSender::Http2(_)) {
                forward::for_http2(&mut request, incoming.scheme.as_str())
                    .or_err(ErrorType::InternalError, "the host cannot be written as it came")?;
            }
            let (silence, host) = (pool.patience(kind), &incoming.authority.written);
            let is_for_one = admission.principal().is_some();
            let terms = Terms {
                kind,
                silence,
                is_for_one,
                pace: ServerPool::pace(kind),
                rewrites: &pool.rewrites,
                host,
                stop: &self.stop,
            };
            match exchange::exchange(session, link, request, &mut upload, terms).await {
                Ok(link) => {
                    link.into_iter().for_each(|link| server.keep(link));
                    return Ok(());
                }
                Err(unanswered) if unanswered.may_repeat && may_repeat && upload.can_begin_again() => is_repeat = true,
                Err(unanswered) => return Err(unanswered.error),
            }
        }
    }

    /// What is said to the app about a request.
    fn saying<'a>(
        &'a self,
        admission: &'a Admission<Principal>,
        incoming: &'a Incoming,
        context: &'a Context,
        to: ForwardDestination<'a>,
    ) -> Saying<'a> {
        Saying {
            incoming,
            connection: &context.surroundings.connection,
            settings: &self.parts.settings,
            spoofable: &self.spoofable,
            forwarded: context.forwarded.clone(),
            only_asks: incoming.kind == RequestKind::Preflight && admission.route().demands.access != Access::Public,
            identity: admission.principal().zip(context.identity.clone()),
            to,
        }
    }

    /// Makes the token before anything is sent, so that a request whose user cannot be named is answered, not sent.
    fn name_principal(&self, context: &mut Context, admission: Admission<Principal>) -> Result<(), GateRefusal> {
        if let Some(principal) = admission.principal() {
            context.set_principal(principal.clone());
            let fault = |error| {
                tracing::error!(error = &error as &dyn std::error::Error, "an identity token could not be made");
                GateRefusal::Fault
            };
            let gatekeeper = &*self.parts.gatekeeper;
            let token = gatekeeper.identity_token(principal, &admission.route().demands.audience);
            context.identity = Some(token.map_err(fault)?);
            let bearer = context.incoming.as_ref().map(|incoming| &incoming.credentials.bearer);
            context.forwarded = match bearer {
                Some(bearer) => gatekeeper::forwarded(gatekeeper, &admission, bearer).map_err(fault)?,
                None => None,
            };
        }
        context.admit(admission);
        Ok(())
    }

    /// The context of a request whose head has come.
    fn context(&self, surroundings: Surroundings) -> Context {
        Context::new(surroundings, Arc::clone(&self.parts.counts))
    }

    /// Answers a request whose head has come; says whether its answer is whole.
    async fn serve(&self, session: &mut ServerSession, context: &mut Context) -> bool {
        set_limits(session);
        let answered = self.answer(session, context).await;
        let is_whole = match &answered {
            Ok(()) => true,
            Err(error) => Box::pin(self.fail(session, error, context)).await,
        };
        context.line.end(session, answered.as_ref().err().map(Box::as_ref));
        is_whole
    }

    /// Whether the head of a request has come.
    async fn is_asked(&self, session: &mut ServerSession) -> bool {
        let read = tokio::select! {
            // What has come already is served.
            biased;
            read = session.read_request() => read,
            () = self.stop.cancelled() => return false,
        };
        let status = match read {
            // Over HTTP/1.1 it is not known what follows such a head (RFC 9112 §6.3). Over HTTP/2 it is refused like
            // others.
            Ok(true) if session.is_http2() || session.req_header().method != Method::CONNECT => return true,
            Ok(true) => 405,
            Ok(false) => return false,
            Err(error) if *error.etype() == ErrorType::InvalidHTTPHeader => 400,
            Err(error) => {
                tracing::debug!(%error, "a connection broke off where a head was awaited");
                session.shutdown().await;
                return false;
            }
        };
        // `guard` puts our own words in the place of these.
        if let Err(error) = session.respond_error(status).await {
            tracing::debug!(%error, "the client was gone before it could be told");
        }
        session.shutdown().await;
        false
    }

    async fn answer(&self, session: &mut ServerSession, context: &mut Context) -> pingora::Result<()> {
        if let Err(refusal) = self.read(session, context) {
            self.refuse_unread(session, context, refusal).await?;
            return Ok(());
        }
        let Some(incoming) = &context.incoming else { return Ok(()) };
        match admit::way(session.req_header(), incoming, &self.parts) {
            Err(GateRefusal::PlainHttp) if matches!(session.req_header().method, Method::GET | Method::HEAD) => {
                let settings = &self.parts.settings;
                let connection = &context.surroundings.connection;
                // Behind a port of TLS, that is the right one.
                let port = if connection.is_astray { incoming.authority.port } else { settings.public_port };
                let address = settings.address_of(&incoming.authority.host, port, &incoming.target);
                context.line.refuse(GateRefusal::PlainHttp);
                self.send(session, context, ProxyAnswer::moved(&address)).await?;
            }
            Ok(RequestDestination::App(route)) => {
                context.surroundings.served.is_of(route.id);
                context.line.route = Some(route.id);
                match admit::decide(route, incoming, &session.req_header().headers, &self.parts).await {
                    Ok(admission) => {
                        if incoming.kind == RequestKind::WebSocket {
                            session.set_read_timeout(Some(upstreams::STREAM_SILENCE));
                        }
                        context.line.outcome = Outcome::Forwarded;
                        match self.name_principal(context, admission) {
                            Ok(()) => self.forward(session, context).await?,
                            Err(refusal) => self.refuse(session, context, refusal).await?,
                        }
                    }
                    Err(Denied { refusal, principal }) => {
                        if let Some(principal) = principal {
                            context.set_principal(principal);
                        }
                        self.refuse(session, context, refusal).await?;
                    }
                }
            }
            Ok(RequestDestination::Portal) => {
                context.line.outcome = Outcome::OwnPage;
                let (request_id, portal) = (context.request_id(), self.parts.portal.clone());
                let _lane = match self.to_pages.take(incoming.client) {
                    Ok(lane) => lane,
                    Err(refusal) => return self.refuse(session, context, refusal).await,
                };
                let answered = bridge::answer(session, incoming, request_id, portal, &self.spoofable, &self.stop);
                match answered.await? {
                    Ok((status, refusal)) => {
                        (context.line.status, context.line.refusal) = (Some(status.as_u16()), refusal);
                    }
                    Err(refusal) => self.refuse(session, context, refusal).await?,
                }
            }
            Ok(RequestDestination::Moved) => {
                context.line.outcome = Outcome::OwnPage;
                let answer = self.moved(incoming);
                self.send(session, context, answer).await?;
            }
            Ok(RequestDestination::ToLocalhost) => {
                context.line.outcome = Outcome::OwnPage;
                let ProxySettings { public_host, public_port, .. } = &self.parts.settings;
                let address = self.parts.settings.address_of(public_host, *public_port, &incoming.target);
                self.send(session, context, ProxyAnswer::moved_for_now(&address)).await?;
            }
            Ok(RequestDestination::Question) => {
                let head = session.req_header();
                let question = ForwardAuthQuestion {
                    method: &head.method,
                    target: &incoming.target,
                    authority: &incoming.authority,
                    headers: &head.headers,
                    credentials: &incoming.credentials,
                    trusted: incoming.from_trusted,
                    client: incoming.client,
                    request_id: context.request_id(),
                };
                let reply = self.parts.forward_auth.answer(question).await;
                self.send_forward_auth_reply(session, context, reply).await?;
            }
            Err(refusal) => self.refuse(session, context, refusal).await?,
        }
        Ok(())
    }

    /// The way from where people signed in before to the same place where they do now; of a browser that may be signed
    /// in there still, by way of signing in, which hands it over.
    fn moved(&self, incoming: &Incoming) -> ProxyAnswer {
        let ProxySettings { public_host, public_port, .. } = &self.parts.settings;
        let address = self.parts.settings.address_of(public_host, *public_port, &incoming.target);
        let shows_session = incoming.kind == RequestKind::Navigation && incoming.credentials.token.is_some();
        match self.parts.hand_offs.from_former(&incoming.authority.host, &address).filter(|_| shows_session) {
            Some(sign_in) => ProxyAnswer::see_other(&sign_in),
            None => ProxyAnswer::moved(&address),
        }
    }

    /// Tells the client that its request failed, as far as it can still be told; says whether it was.
    async fn fail(&self, session: &mut ServerSession, error: &Error, context: &mut Context) -> bool {
        context.line.error = Some(format!("{} {}", error.esource().as_str(), error.etype().as_str()));
        let answered = session.response_written().is_some_and(|response| !response.status.is_informational());
        let refusal = refusal_of(error).filter(|_| !answered);
        if let Some(refusal) = refusal {
            session.set_keepalive(None);
            match self.refuse(session, context, refusal).await {
                Ok(()) => return true,
                Err(error) => tracing::debug!(%error, "the client was gone before it could be told"),
            }
        } else if answered && !session.is_http2() {
            // What there is of the answer goes out before its end is cut off.
            session.shutdown().await;
        }
        false
    }
}

/// Sets how long a client may pause.
fn set_limits(session: &mut ServerSession) {
    // Only where it is kept at all: not for `Connection: close`, ambiguous lengths, or at shutdown. How long is up to
    // `guard`, so that there is one timer for it.
    if session.get_keepalive().is_some() {
        session.set_keepalive(Some(0));
    }
    session.set_read_timeout(Some(CLIENT_PAUSE));
    session.set_write_timeout(Some(CLIENT_WRITE));
    session.set_total_drain_timeout(Some(DRAIN));
}

/// Whether it is a request of a client of the API, also where no more of it could be read than that.
fn is_of_api(head: &RequestHeader, incoming: Option<&Incoming>) -> bool {
    let asked = |target: &[u8]| own_paths::is_of_api(target.split(|&byte| byte == b'?').next().unwrap_or_default());
    incoming.map_or_else(|| asked(head.raw_path()), |known| own_paths::is_of_api(known.target.path.as_str().as_bytes()))
}

/// Tells visitors apart, for a route that keeps each at one server: by their session, or without one by their address.
fn whom(incoming: &Incoming, context: &Context) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &context.principal {
        Some(principal) => principal.id().to_string().hash(&mut hasher),
        None => incoming.client.or(context.surroundings.connection.peer()).hash(&mut hasher),
    }
    hasher.finish()
}

/// What a client is told about an error; nothing where it is gone.
fn refusal_of(error: &Error) -> Option<GateRefusal> {
    match (error.etype(), error.esource()) {
        (&upload::TOO_LARGE, _) => Some(GateRefusal::BodyTooLarge),
        (ErrorType::HTTPStatus(502), _) => Some(GateRefusal::UpstreamDown),
        (ErrorType::HTTPStatus(_), _) => Some(GateRefusal::Fault),
        (ErrorType::ReadTimedout | ErrorType::WriteTimedout | ErrorType::ConnectTimedout, ErrorSource::Upstream) => {
            Some(GateRefusal::UpstreamTimeout)
        }
        (_, ErrorSource::Upstream) => Some(GateRefusal::UpstreamDown),
        (ErrorType::ReadTimedout, ErrorSource::Downstream) => Some(GateRefusal::RequestTimeout),
        (ErrorType::ReadError, ErrorSource::Downstream) if broken::is_broken_chunk(error) => {
            Some(GateRefusal::MalformedRequest(guard::BROKEN_CHUNK))
        }
        (
            // A stream of HTTP/2 was reset, so no client hears an answer on it.
            ErrorType::H2Error
            | ErrorType::ReadError
            | ErrorType::WriteError
            | ErrorType::ConnectionClosed
            | ErrorType::WriteTimedout,
            ErrorSource::Downstream,
        ) => None,
        (_, ErrorSource::Downstream) => Some(GateRefusal::MalformedRequest("the client broke the rules of HTTP")),
        (_, ErrorSource::Internal | ErrorSource::Unset) => Some(GateRefusal::Fault),
    }
}
