//! The proxy over a pipe in memory, a scripted app behind it, and sessions made by hand.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bmauth::auth::principal::Principal;
use bmauth::auth::sessions::table::SessionTable;
use bmauth::counts::Counts;
use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::aftermath::Aftermath;
use bmauth::domain::clock::Timestamp;
use bmauth::domain::destination::Destination;
use bmauth::domain::email::Email;
use bmauth::domain::host::{Authority, Host};
use bmauth::domain::origin::{Origin, OwnOrigins};
use bmauth::domain::passkey::CredentialId;
use bmauth::domain::path::{RequestTarget, RoutePath};
use bmauth::domain::plain_header::STANDARD;
use bmauth::domain::return_to::ReturnTo;
use bmauth::domain::route::{Access, Demands, Methods, Route, RouteId, Routes, Scheme};
use bmauth::domain::secret::{Secret, SecretDigest};
use bmauth::domain::session::{Authentication, Method, Session, SessionId, SessionLimits, SignedIn};
use bmauth::domain::upstream::{Upstream, UpstreamUrl};
use bmauth::gate::cookies::CookieNames;
use bmauth::gate::forward_auth::{self, ForwardAuth};
use bmauth::gate::gatekeeper::Gatekeeper;
use bmauth::gate::hand_off::HandOffs;
use bmauth::gate::peer::PeerInfo;
use bmauth::gate::plain_headers::PlainHeaders;
use bmauth::identity::IdentityError;
use bmauth::proxy::{Arrival, Proxy, ProxyParts, ProxySettings, RefusalPage};
use bmauth::store::StoreError;
use bmauth::wire::system::SystemEntropy;
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use uuid::Uuid;

/// No answer takes so long; a test that waits for this has found a bug.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The session cookie on https.
pub const COOKIE: &str = "__Host-bmauth";
/// The host of every world.
pub const HOST: &str = "notes.example.com";

/// Sessions made by hand, and a clock that stands still.
pub struct Keeper {
    sessions: SessionTable,
    now: AtomicU64,
    store_is_down: AtomicBool,
    bookmarks: Mutex<Vec<(Host, String, Option<IpAddr>)>>,
    cannot_sign: AtomicBool,
    pub loads: AtomicU64,
}

impl Keeper {
    pub fn new() -> Self {
        let limits = SessionLimits { idle: Duration::from_secs(3600), absolute: Duration::from_secs(36000) };
        Self {
            sessions: SessionTable::new(limits),
            now: AtomicU64::new(1_800_000_000),
            store_is_down: AtomicBool::new(false),
            bookmarks: Mutex::default(),
            cannot_sign: AtomicBool::new(false),
            loads: AtomicU64::new(0),
        }
    }

    /// Signs a person in; returns the session's secret.
    pub fn sign_in(&self, number: u8) -> Secret {
        self.sign_in_as(number, Some("Maria Muster".to_owned()), vec!["editors".to_owned(), "a,b".to_owned()])
    }

    pub fn sign_in_as(&self, number: u8, name: Option<String>, groups: Vec<String>) -> Secret {
        self.admit(number, name, groups, |_, _| {})
    }

    /// Signs a person in on another host.
    pub fn sign_in_at(&self, number: u8, host: &str) -> Secret {
        let host = Host::parse(host).unwrap();
        self.admit(number, None, Vec::new(), |session, _| session.host = Some(host.clone()))
    }

    /// Signs a person in who has still to answer "Keep your account safe".
    pub fn recover(&self, number: u8) -> Secret {
        let recovered = |now| Aftermath::default().of_recovery(None, "Firefox on Linux", true, now);
        self.admit(number, None, Vec::new(), |_, aftermath| *aftermath = recovered(Gatekeeper::now(self)))
    }

    /// Signs a person in with a mailed code alone.
    pub fn sign_in_by_code(&self, number: u8) -> Secret {
        self.admit(number, None, Vec::new(), |session, _| {
            session.credential = None;
            session.authentication.methods = vec![Method::EmailCode];
        })
    }

    fn admit(
        &self,
        number: u8,
        name: Option<String>,
        groups: Vec<String>,
        is: impl Fn(&mut Session, &mut Aftermath),
    ) -> Secret {
        let now = Gatekeeper::now(self);
        let secret = Secret::from_bytes([number; 32]);
        let account = AccountId(Uuid::from_u128(u128::from(number)));
        let mut session = Session {
            token: secret.digest(),
            id: SessionId(Uuid::from_u128(u128::from(number) + 1000)),
            account,
            credential: CredentialId::new(&[number; 16]),
            authentication: Authentication { at: now, methods: vec![Method::HardwareKey] },
            created_at: now,
            last_seen_at: now,
            browser: "Firefox on Linux".to_owned(),
            address: None,
            recovered_at: None,
            host: Some(Host::parse(HOST).unwrap()),
            bound_for: Destination::root(),
            head: None,
        };
        let mut aftermath = Aftermath::default();
        is(&mut session, &mut aftermath);
        let email = Email::parse(&format!("user{number}@example.com")).unwrap();
        let (locale, metadata) = (None, None);
        let (disabled, created_at) = (false, now);
        let account = Account { id: account, email, name, locale, metadata, groups, disabled, created_at, aftermath };
        let signed_in = SignedIn { session, account, absolute_end: now.after(Duration::from_secs(36000)) };
        let generation = self.sessions.generation(secret.digest());
        self.sessions.admit(generation, &signed_in, now).unwrap().unwrap();
        secret
    }

    /// What this keeper takes for an access token of a session.
    pub fn access_token(&self, secret: &Secret) -> String {
        format!("access.token.{}", secret.text())
    }

    /// Ends a session as signing out does.
    pub fn end(&self, secret: &Secret) {
        self.sessions.end(secret.digest());
    }

    pub fn pass(&self, time: Duration) {
        self.now.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    pub fn break_store(&self) {
        self.store_is_down.store(true, Ordering::Relaxed);
    }

    /// What was kept: on which host, and for whom.
    pub fn bookmarks(&self) -> Vec<(Host, String, Option<IpAddr>)> {
        self.bookmarks.lock().unwrap().clone()
    }

    pub fn break_signing(&self) {
        self.cannot_sign.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Gatekeeper for Keeper {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.now.load(Ordering::Relaxed))
    }

    fn live(&self, token: SecretDigest, host: &Host) -> Option<Principal> {
        self.sessions.get_at(token, host, Gatekeeper::now(self)).map(Principal::Person)
    }

    async fn load(&self, _token: SecretDigest, _host: &Host) -> Result<Option<Principal>, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        if self.store_is_down.load(Ordering::Relaxed) {
            return Err(StoreError { problem: "reading a session".to_owned(), source: None });
        }
        Ok(None)
    }

    fn is_access_token(&self, text: &str) -> bool {
        text.starts_with("access.token.")
    }

    async fn bearer(&self, text: &str) -> Result<Option<Principal>, StoreError> {
        let token = text.strip_prefix("access.token.").and_then(Secret::parse).map(|secret| secret.digest());
        let live = |token| self.sessions.get(token, Gatekeeper::now(self)).map(Principal::Person);
        match token.map(|token| (token, live(token))) {
            Some((_, Some(live))) => Ok(Some(live)),
            Some((token, None)) => self.load(token, &Host::parse(HOST).unwrap()).await,
            None => Ok(None),
        }
    }

    fn identity_token(&self, principal: &Principal, audience: &Arc<str>) -> Result<HeaderValue, IdentityError> {
        if self.cannot_sign.load(Ordering::Relaxed) {
            return Err(IdentityError::NoKey);
        }
        let token = format!("token.{}.{audience}", principal.facts().email);
        Ok(HeaderValue::from_str(&token).unwrap())
    }

    fn forwarded_token(
        &self,
        principal: &Principal,
        presented: &str,
        audience: &Arc<str>,
    ) -> Result<Option<HeaderValue>, IdentityError> {
        assert!(self.is_access_token(presented));
        let token = format!("Bearer forwarded.{}.{audience}", principal.facts().email);
        Ok(Some(HeaderValue::from_str(&token).unwrap()))
    }

    async fn bookmark(&self, host: &Host, target: &RequestTarget, client: Option<IpAddr>) -> Option<Secret> {
        if self.store_is_down.load(Ordering::Relaxed) {
            return None;
        }
        self.bookmarks.lock().unwrap().push((host.clone(), target.to_string(), client));
        Some(Secret::from_bytes([9; 32]))
    }
}

/// How a world is laid out before it starts.
pub struct Plan {
    pub settings: ProxySettings,
    routes: Vec<Route>,
    portal: axum::Router,
}

/// A plan with https on the outside.
pub fn plan() -> Plan {
    Plan {
        settings: ProxySettings::new(Scheme::Https, Host::parse(HOST).unwrap()),
        routes: Vec::new(),
        portal: portal(),
    }
}

impl Plan {
    pub fn route(self, path: &str, access: Access, upstream: &str) -> Self {
        self.route_to(HOST, path, access, &[upstream])
    }

    pub fn route_to(mut self, host: &str, path: &str, access: Access, upstreams: &[&str]) -> Self {
        self.routes.push(Route {
            id: RouteId(self.routes.len()),
            host: Host::parse(host).unwrap(),
            path: RoutePath::parse(path).unwrap(),
            exact: false,
            methods: Methods::default(),
            upstream: Upstream::of(upstreams.iter().map(|url| UpstreamUrl::parse(url).unwrap()).collect()),
            demands: Demands { access, groups: Vec::new(), audience: host.into(), forward_authorization: false },
        });
        self
    }

    /// Has the route that was added last ask for one of these groups.
    pub fn for_groups(mut self, groups: &[&str]) -> Self {
        self.routes.last_mut().expect("a route").demands.groups =
            groups.iter().map(|&group| group.to_owned()).collect();
        self
    }

    /// Has the route that was added last answer for these methods alone.
    pub fn for_methods(mut self, methods: &[&str]) -> Self {
        let methods = methods.iter().map(|method| Methods::parse(method).unwrap()).collect();
        self.routes.last_mut().expect("a route").methods = Methods::these(methods);
        self
    }

    /// Has the route that was added last hold its path alone.
    pub fn exact(mut self) -> Self {
        self.routes.last_mut().expect("a route").exact = true;
        self
    }

    /// Changes how the route that was added last speaks to its app.
    pub fn app(mut self, change: impl FnOnce(&mut Upstream)) -> Self {
        change(&mut self.routes.last_mut().expect("a route").upstream);
        self
    }

    /// Has the route that was added last get a token in the place of its visitor's.
    pub fn forwarding(mut self) -> Self {
        self.routes.last_mut().unwrap().demands.forward_authorization = true;
        self
    }

    pub fn set(mut self, change: impl FnOnce(&mut ProxySettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Other pages of our own than those that say what they were asked.
    pub fn portal(mut self, portal: axum::Router) -> Self {
        self.portal = portal;
        self
    }

    pub fn start(self) -> World {
        let keeper = Arc::new(Keeper::new());
        let gatekeeper = Arc::clone(&keeper) as _;
        self.start_with(keeper, gatekeeper)
    }

    /// Starts with another gatekeeper than the world's own.
    pub fn start_with(self, keeper: Arc<Keeper>, gatekeeper: Arc<dyn Gatekeeper>) -> World {
        tokio::spawn(slow_down());
        let counts = Arc::new(Counts::default());
        let routes = Routes::new(self.routes).unwrap();
        let asked = forward_auth::ForwardAuthSettings {
            public_scheme: self.settings.public_scheme,
            public_port: None,
            identity_header: self.settings.identity_header.clone(),
            plain_headers: self.settings.plain_headers.clone(),
        };
        let ProxySettings { public_scheme, public_host, .. } = &self.settings;
        let origin = |host: &Host| Origin::of(*public_scheme, Authority { host: host.clone(), port: None });
        let others: Vec<_> = routes.hosts().filter(|host| *host != public_host).map(origin).collect();
        let cookies = CookieNames::new(*public_scheme == Scheme::Https);
        let origins = OwnOrigins::new(origin(public_host), others);
        let hand_offs = Arc::new(HandOffs::new(origins, cookies, Arc::new(SystemEntropy)));
        let keeper_of_proxies = Arc::clone(&gatekeeper);
        let parts = ProxyParts {
            forward_auth: Arc::new(ForwardAuth::new(routes.clone(), keeper_of_proxies, Arc::clone(&hand_offs), asked)),
            hand_offs,
            routes,
            gatekeeper,
            portal: self.portal,
            render: Arc::new(|page: &RefusalPage<'_>| {
                let status = page.refusal.status().as_u16();
                let told = page.principal.map(Principal::facts);
                let who = told.as_ref().map_or("somebody", |told| told.email);
                let back = page.return_to.as_ref().map_or("nowhere", ReturnTo::as_str);
                format!("<h1>{status}</h1><p>{}</p><p>{who}</p><p>{back}</p>", page.request_id)
            }),
            settings: self.settings,
            counts: Arc::clone(&counts),
            seed: 1,
        };
        World { proxy: Arc::new(Proxy::new(parts).unwrap()), keeper, counts }
    }
}

/// A gateway, its sessions and no client yet.
pub struct World {
    pub proxy: Arc<Proxy>,
    pub keeper: Arc<Keeper>,
    pub counts: Arc<Counts>,
}

/// One host, one app, signed in.
pub fn world(upstream: &str) -> World {
    plan().route("/", Access::SignedIn, upstream).start()
}

impl World {
    /// A connection from a visitor's address, over a TLS that is over already.
    pub fn connect(&self) -> Client {
        self.connect_from("192.0.2.1")
    }

    pub fn connect_from(&self, peer: &str) -> Client {
        Client { io: self.pipe(peer, true, false) }
    }

    pub fn pipe(&self, peer: &str, tls: bool, http2: bool) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let peer: IpAddr = peer.parse().unwrap();
        let arrival = Arrival { peer: Some((peer, 50000).into()), tls, http2, is_astray: false };
        let proxy = Arc::clone(&self.proxy);
        tokio::spawn(async move { proxy.connection(theirs, arrival).await });
        ours
    }

    /// Sends one request on a connection of its own.
    pub async fn ask(&self, request: &str) -> Answer {
        let mut client = self.connect();
        client.send(request).await;
        client.answer().await
    }

    /// GETs a path with the given lines of the head.
    pub async fn get(&self, path: &str, lines: &[&str]) -> Answer {
        self.ask(&get(path, lines)).await
    }

    /// GETs a path as a signed-in person.
    pub async fn get_as(&self, secret: &Secret, path: &str, lines: &[&str]) -> Answer {
        let cookie = cookie(secret);
        self.ask(&get(path, &[&[cookie.as_str()], lines].concat())).await
    }
}

/// A GET as text.
pub fn get(path: &str, lines: &[&str]) -> String {
    request("GET", path, lines, "")
}

/// A request to [`HOST`] as text, with a `Content-Length` where it has a body.
pub fn request(method: &str, path: &str, lines: &[&str], body: &str) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n");
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{head}\r\n{body}")
}

/// The line of the head that carries a session.
pub fn cookie(secret: &Secret) -> String {
    format!("Cookie: {COOKIE}={}", secret.text())
}

/// A client that speaks HTTP/1.1 by hand.
pub struct Client {
    pub io: DuplexStream,
}

impl Client {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer, whole.
    pub async fn answer(&mut self) -> Answer {
        tokio::time::timeout(PATIENCE, read_answer(&mut self.io)).await.expect("an answer in time")
    }

    /// As [`Client::answer`], but it may take long.
    pub async fn answer_within(&mut self, patience: Duration) -> Answer {
        tokio::time::timeout(patience, read_answer(&mut self.io)).await.expect("an answer in time")
    }

    /// The next answer's head.
    pub async fn answer_head(&mut self) -> Answer {
        let head = tokio::time::timeout(PATIENCE, read_head(&mut self.io)).await.expect("a head in time");
        Answer::parse(&head)
    }

    /// Exactly these bytes come next.
    pub async fn expect(&mut self, bytes: &[u8]) {
        let mut found = vec![0; bytes.len()];
        tokio::time::timeout(PATIENCE, self.io.read_exact(&mut found)).await.expect("bytes in time").unwrap();
        assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(bytes));
    }

    /// As [`Client::closes`], but it may take long.
    pub async fn closes_slowly(&mut self, patience: Duration) -> String {
        let mut rest = Vec::new();
        tokio::time::timeout(patience, self.io.read_to_end(&mut rest)).await.expect("an end in time").unwrap();
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// An answer, or an end without one.
    pub async fn closes_or_answers(&mut self) -> Option<Answer> {
        let head = tokio::time::timeout(PATIENCE, read_head(&mut self.io)).await.expect("an end in time");
        head.ends_with(b"\r\n\r\n").then(|| Answer::parse(&head))
    }

    /// Nothing more comes and the connection closes; returns what came before.
    pub async fn closes(&mut self) -> String {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.io.read_to_end(&mut rest)).await;
        read.expect("the connection closes in time").unwrap();
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head).into_owned();
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap_or_else(|| panic!("no status: {text:?}"));
        let fields = lines.map(|line| line.split_once(':').unwrap());
        Self {
            status: status.parse().unwrap(),
            fields: fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect(),
            body: Vec::new(),
        }
    }

    /// The one value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} comes {} times", values.len());
        values.first().copied()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn read_head<S: AsyncReadExt + Unpin>(io: &mut S) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match io.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    head
}

async fn read_answer(io: &mut DuplexStream) -> Answer {
    let mut answer = Answer::parse(&read_head(io).await);
    if answer.status == 304 || answer.status == 204 || answer.status < 200 {
        return answer;
    }
    answer.body = read_body(io, &answer.fields).await;
    answer
}

async fn read_body<S: AsyncReadExt + Unpin>(io: &mut S, fields: &[(String, String)]) -> Vec<u8> {
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(io.read_u8().await.unwrap());
            }
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            let mut piece = vec![0; size + 2];
            io.read_exact(&mut piece).await.unwrap();
            piece.truncate(size);
            if size == 0 {
                return body;
            }
            body.extend(piece);
        }
    }
    if let Some(length) = field("content-length") {
        body = vec![0; length.parse().unwrap()];
        io.read_exact(&mut body).await.unwrap();
    }
    body
}

/// What an app received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// The fields as they came, names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    fn parse(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head).into_owned();
        let mut lines = text.trim_end().split("\r\n");
        let mut first = lines.next().unwrap().split(' ');
        let fields = lines.map(|line| line.split_once(':').unwrap());
        Self {
            method: first.next().unwrap().to_owned(),
            target: first.next().unwrap().to_owned(),
            fields: fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect(),
            body: Vec::new(),
        }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let values: Vec<&str> =
            self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        assert!(values.len() < 2, "{name} comes {} times", values.len());
        values.first().copied()
    }

    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// An app on loopback that notes what it receives.
pub struct App {
    pub url: String,
    seen: Mutex<mpsc::UnboundedReceiver<Seen>>,
    connections: Arc<AtomicU64>,
}

/// An app that answers every request with the same bytes.
pub async fn app_saying(answer: &'static str) -> App {
    app(move |_| answer.as_bytes().to_vec()).await
}

/// An app that says "hello".
pub async fn hello() -> App {
    app_saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await
}

/// An app that answers whole requests, one after another on each connection.
pub async fn app(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> App {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (note, seen) = mpsc::unbounded_channel();
    let answer = Arc::new(answer);
    let connections = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let (note, answer) = (note.clone(), Arc::clone(&answer));
            tokio::spawn(async move {
                loop {
                    let head = read_head(&mut stream).await;
                    if !head.ends_with(b"\r\n\r\n") {
                        return;
                    }
                    let mut request = Seen::parse(&head);
                    request.body = read_body(&mut stream, &request.fields).await;
                    let reply = answer(&request);
                    let _ = note.send(request);
                    if reply.is_empty() || stream.write_all(&reply).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    App { url, seen: Mutex::new(seen), connections }
}

impl App {
    /// What it received since it was last asked.
    pub fn seen(&self) -> Vec<Seen> {
        let mut seen = self.seen.lock().unwrap();
        std::iter::from_fn(|| seen.try_recv().ok()).collect()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// The one request it received.
    pub fn saw(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "the app saw {seen:?}");
        seen.remove(0)
    }
}

/// An app that does as it is told with each connection, after the first request's head.
pub async fn raw_app<F, Done>(serve: F) -> String
where
    F: Fn(Seen, TcpStream) -> Done + Send + Sync + 'static,
    Done: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let serve = Arc::clone(&serve);
            tokio::spawn(async move {
                let head = read_head(&mut stream).await;
                if head.ends_with(b"\r\n\r\n") {
                    serve(Seen::parse(&head), stream).await;
                }
            });
        }
    });
    url
}

/// An app that answers nothing, and says when a request has arrived.
pub async fn silent() -> (String, mpsc::UnboundedReceiver<()>) {
    let (note, arrived) = mpsc::unbounded_channel();
    let url = raw_app(move |_, stream| {
        let note = note.clone();
        async move {
            let _open = stream;
            let _ = note.send(());
            std::future::pending().await
        }
    })
    .await;
    (url, arrived)
}

/// What a browser asks for a WebSocket with.
pub const UPGRADE: [&str; 4] = [
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// An app that looks at each request for a WebSocket, accepts it, says in `X-Who` who it was told is asking, and then
/// sends back what it gets.
pub async fn echo(look: fn(&Seen)) -> String {
    raw_app(move |seen, mut stream| async move {
        look(&seen);
        let who = seen.field("x-bmauth-jwt").unwrap_or("nobody");
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Who: {who}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut piece = [0; 64];
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            stream.write_all(&piece[..read]).await.unwrap();
        }
    })
    .await
}

/// Asks for a WebSocket, with these lines besides; how that is answered.
pub async fn open_socket(world: &World, path: &str, lines: &[&str]) -> (Client, Answer) {
    let mut client = world.connect();
    client.send(get(path, &[&UPGRADE[..], lines].concat())).await;
    let answer = client.answer_head().await;
    (client, answer)
}

/// Slows a paused clock down to a second a millisecond. Left to itself it jumps to the next deadline as soon as every task
/// waits, also for bytes that are still on their way between two sockets of this machine. It stands still while a thread
/// is kept waiting for it.
async fn slow_down() {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await;
    }
}

/// An address without a listener. Its port stays taken to the end of the process, so that no other test listens there.
pub async fn no_listener() -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    std::mem::forget(socket);
    url
}

/// A portal that says what it was asked.
fn portal() -> axum::Router {
    axum::Router::new().fallback(async |request: axum::extract::Request| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let peer = head.extensions.get::<PeerInfo>().unwrap();
        let fields: Vec<String> =
            head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?"))).collect();
        let said = serde_json::json!({
            "method": head.method.as_str(),
            "target": head.uri.to_string(),
            "fields": fields,
            "body": String::from_utf8_lossy(&body),
            "address": peer.address.map(|address| address.to_string()),
            "https": peer.https,
            "authority": peer.authority.to_string(),
        });
        ([("set-cookie", "__Host-bmauth=new"), ("x-portal", "yes")], said.to_string())
    })
}

/// The plain fields that are sent where no other names are wanted.
pub fn standard_fields() -> PlainHeaders {
    STANDARD.iter().map(|(name, fact)| (HeaderName::from_static(name), *fact)).collect()
}
