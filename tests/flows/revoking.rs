//! What is revoked ends at once: the next request is refused, and what is open closes. The whole gateway, with the
//! proxy in front and an app behind it.

use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::email::Email;
use bmauth::domain::host::Host;
use bmauth::domain::route::Scheme;
use bmauth::proxy::{Arrival, Proxy, ProxyParts, ProxySettings, RefusalPage};
use bmauth::store::Store;
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;

use crate::authenticator::{Passkey, encode};
use crate::browser::Browser;
use crate::world::{CONFIG, World, configured};

const MARIA: &str = "maria@example.com";
/// How long a test waits before it says that nothing comes, or that a stream outlives its session.
const PATIENCE: Duration = Duration::from_secs(60);

/// An app with a WebSocket that says back what it hears, events that never end, and a download that is never done.
async fn app() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = head(&mut stream).await;
                if head.starts_with("GET /socket") {
                    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
                    stream.write_all(head.as_bytes()).await.unwrap();
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                } else if head.starts_with("GET /events") {
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
                    stream.write_all(head.as_bytes()).await.unwrap();
                    let _ = stream.read_u8().await;
                } else if head.starts_with("GET /download") {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n").await.unwrap();
                    while stream.write_all(&[7; 4096]).await.is_ok() {}
                } else {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await.unwrap();
                }
            });
        }
    });
    url
}

async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A world with the proxy in front.
pub struct Gateway {
    pub world: World,
    proxy: Arc<Proxy>,
}

impl Gateway {
    pub async fn new() -> Self {
        Self::with(Arc::new(MemoryStore::new())).await
    }

    pub async fn with(store: Arc<dyn Store>) -> Self {
        let text = CONFIG.replace("http://127.0.0.1:8000", &app().await);
        let world = World::with(&text, store).await;
        let config = configured(&text);
        let proxy = Proxy::new(ProxyParts {
            forward_auth: Arc::clone(&world.portal.forward_auth),
            routes: config.routes,
            gatekeeper: Arc::clone(&world.auth) as _,
            hand_offs: Arc::clone(&world.portal.hand_offs),
            portal: world.router.clone(),
            render: Arc::new(|page: &RefusalPage<'_>| page.refusal.status().to_string()),
            settings: ProxySettings::new(Scheme::Https, Host::parse("notes.example.com").unwrap()),
            counts: Arc::default(),
            seed: 1,
        });
        let proxy = Arc::new(proxy.unwrap());
        Self { world, proxy }
    }

    /// Asks the app for `path` with a browser's cookies; returns the answer's head, and what follows it.
    pub async fn get(&self, browser: &Browser, path: &str, lines: &str) -> (String, DuplexStream) {
        let (mut ours, theirs) = tokio::io::duplex(16 * 1024);
        let peer = Some(([192, 0, 2, 1], 50000).into());
        let proxy = Arc::clone(&self.proxy);
        let arrival = Arrival { peer, tls: true, http2: false, is_astray: false };
        tokio::spawn(async move { proxy.connection(theirs, arrival).await });
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let asked = format!("GET {path} HTTP/1.1\r\nHost: notes.example.com\r\nCookie: {cookies}\r\n{lines}\r\n");
        ours.write_all(asked.as_bytes()).await.unwrap();
        (head(&mut ours).await, ours)
    }

    /// The status of the app's first page.
    pub async fn status(&self, browser: &Browser) -> u16 {
        let (head, _) = self.get(browser, "/", "").await;
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Opens a WebSocket, an event stream and a download, each of which is known to flow.
    async fn open(&self, browser: &Browser) -> Streams {
        const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://notes.example.com\r\n";
        let (switched, mut socket) = self.get(browser, "/socket", UPGRADE).await;
        assert!(switched.starts_with("HTTP/1.1 101"), "{switched}");
        says_back(&mut socket).await;
        let (head, mut events) = self.get(browser, "/events", "Accept: text/event-stream\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        events.read_u8().await.unwrap();
        let (head, mut download) = self.get(browser, "/download", "").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        download.read_u8().await.unwrap();
        Streams { socket, events, download }
    }
}

async fn says_back(socket: &mut DuplexStream) {
    socket.write_all(b"x").await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, socket.read_u8()).await.expect("an echo in time");
    assert_eq!(heard.unwrap(), b'x');
}

struct Streams {
    socket: DuplexStream,
    events: DuplexStream,
    download: DuplexStream,
}

impl Streams {
    /// All of them come to an end.
    async fn close(self) {
        let Self { socket, events, download } = self;
        for (name, mut stream) in [("socket", socket), ("events", events), ("download", download)] {
            let mut rest = Vec::new();
            let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
            assert!(end.is_ok(), "the {name} is still open");
        }
    }
}

/// Maria with two passkeys: one for the browser she acts with, one for the browser whose session is to end.
struct Marias {
    acting: Browser,
    ending: Browser,
    key: Passkey,
    lost: Passkey,
}

async fn maria(gateway: &Gateway) -> Marias {
    let (mut acting, mut key) = (gateway.world.browser(), Passkey::new(b"key"));
    acting.register(&gateway.world, MARIA, &mut key).await;
    acting.get("/_bmauth/devices").await;
    let begun = acting.begin_adding(&mut key, None).await;
    let mut lost = Passkey::new(b"lost");
    let credential = lost.create(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    assert_eq!(acting.post("/_bmauth/devices/passkey/verify", &body).await.status, StatusCode::OK);
    let mut ending = gateway.world.browser();
    assert_eq!(ending.sign_in(None, &mut lost).await.status, StatusCode::OK);
    Marias { acting, ending, key, lost }
}

/// Has Maria do something, and looks at what becomes of one of her sessions and of the other.
async fn check(goes_on: bool, act: impl AsyncFnOnce(&World, &mut Marias)) {
    let gateway = Gateway::new().await;
    let mut maria = maria(&gateway).await;
    let streams = gateway.open(&maria.ending).await;
    let mut others = gateway.open(&maria.acting).await;
    // The cookie of what ends, whatever the browser forgets.
    let mut kept = gateway.world.browser();
    kept.cookies.clone_from(&maria.ending.cookies);
    act(&gateway.world, &mut maria).await;
    assert_eq!(gateway.status(&kept).await, 401);
    streams.close().await;
    if goes_on {
        assert_eq!(gateway.status(&maria.acting).await, 200);
        says_back(&mut others.socket).await;
    } else {
        assert_eq!(gateway.status(&maria.acting).await, 401);
        others.close().await;
    }
}

#[tokio::test]
async fn signing_out_closes_what_the_session_has_open() {
    check(true, async |_, maria| {
        maria.ending.get("/_bmauth/sign-out").await;
        assert_eq!(maria.ending.submit("/_bmauth/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn removing_a_passkey_closes_what_its_sessions_have_open() {
    check(true, async |_, maria| {
        let act = json!({ "act": "remove", "passkey": encode(&maria.lost.id) });
        let asked = maria.acting.post("/_bmauth/devices/confirm", &act).await.json();
        let credential = maria.key.get(&asked["options"]);
        let body = json!({ "ceremony": asked["ceremony"], "credential": credential });
        let done = maria.acting.post("/_bmauth/devices/confirm/verify", &body).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    })
    .await;
}

#[tokio::test]
async fn signing_out_everywhere_closes_what_the_others_have_open() {
    check(true, async |_, maria| {
        let done = maria.acting.submit("/_bmauth/devices/sign-out-everywhere", &[]).await;
        assert_eq!(done.location(), "/_bmauth/devices");
    })
    .await;
}

#[tokio::test]
async fn signing_one_browser_out_closes_what_it_has_open() {
    check(true, async |world, maria| {
        let token = bmauth::domain::secret::Secret::parse(&maria.ending.cookies["__Host-bmauth"]).unwrap().digest();
        let id = world.auth.sessions.find(token).await.unwrap().unwrap().id().0.to_string();
        let done = maria.acting.submit("/_bmauth/devices/sign-out", &[("session", &id)]).await;
        assert_eq!(done.location(), "/_bmauth/devices");
    })
    .await;
}

#[tokio::test]
async fn disabling_an_account_closes_whatever_it_has_open() {
    check(false, async |world, maria| {
        let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
        world.auth.operate.set_disabled(&account, true).await.unwrap();
        assert_eq!(maria.acting.sign_in(None, &mut maria.key).await.refusal(), "account-disabled");
    })
    .await;
}

#[tokio::test]
async fn removing_an_account_closes_whatever_it_has_open() {
    check(false, async |world, maria| {
        let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
        world.auth.operate.remove_account(&account).await.unwrap();
        assert_eq!(maria.acting.sign_in(None, &mut maria.key).await.refusal(), "unknown-passkey");
    })
    .await;
}
