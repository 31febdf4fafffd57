//! Sockets and certificates, checked before anything runs; connections, from accept to close.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::apps::ServerApp as _;
use pingora::time::fast_timeout::set_fast_timeout_to_tokio_threshold;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use super::connection::Arrival;
use super::guard::Guarded;
use super::room::{ConnectionPlace, Seat, Seats};
use super::served::RequestIds;
use super::streams::Requests;
use super::upstreams::Upstreams;
use super::{ProxyParts, ProxyPhases, announced, health};
use crate::counts::Open;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often connections to apps are looked through for unused ones, and names for those that are due.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long a silent TCP connection stays unasked whether it is still there.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(60);
/// How long is waited after a connection could not be accepted, as when there are no more file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A certificate or key file could not be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file that cannot be read.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The certificate file has no certificate.
    #[error("{} has no certificate", path.display())]
    NoCertificate {
        /// The certificate file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or are of a kind that TLS cannot use.
    #[error("the certificate and its key cannot be used together")]
    Certificate(#[from] rustls::Error),
}

/// A certificate with its key, which can be exchanged while connections come in.
#[derive(Clone, Debug)]
pub struct ListenerTls {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
    /// What the files held when they were last looked at.
    seen: Arc<Mutex<SeenFiles>>,
}

/// What two files held, and what became of it.
#[derive(Debug)]
enum SeenFiles {
    /// This pair, by its digest.
    Pair([u8; 32]),
    /// They could not be read, and this was told of it.
    Unreadable(String),
}

/// What a look at the files of a certificate found.
#[derive(Debug)]
pub enum Looked {
    /// What was there the last time.
    Unchanged,
    /// Another certificate, which new connections get from now on.
    Taken {
        /// The last moment at which it is good, as a text; empty where it does not say.
        good_until: String,
    },
    /// Something that cannot be used, as when half of a pair is written. The certificate before stays.
    Refused(CertificateError),
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl ListenerTls {
    /// Reads a certificate chain and its key from PEM files.
    ///
    /// # Errors
    /// They cannot be read or used.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = CertificatePair::read(certificate, key)?;
        let seen = Arc::new(Mutex::new(SeenFiles::Pair(pair.digest())));
        let current = Arc::new(Current(ArcSwap::from_pointee(pair.certified(certificate, key, &provider)?)));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&current) as _;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), current, config: Arc::new(config), seen })
    }

    /// Reads the files again; new connections get what is in them now. It blocks.
    ///
    /// # Errors
    /// They cannot be read or used; the old ones stay.
    pub fn reload(&self) -> Result<(), CertificateError> {
        match self.look_again(true) {
            Looked::Unchanged | Looked::Taken { .. } => Ok(()),
            Looked::Refused(error) => Err(error),
        }
    }

    /// Looks whether the files hold another pair than the last time, and if so, uses it from now on. Says once of each
    /// state of the files what became of it. It blocks.
    ///
    /// What counts is what they hold, whatever became of the files themselves. They may be written over or renamed.
    /// They may be reached by symbolic links, of the file or of a folder above it, that lead elsewhere now.
    pub fn look(&self) -> Looked {
        self.look_again(false)
    }

    fn look_again(&self, whatever_was_seen: bool) -> Looked {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let read = CertificatePair::read(&self.certificate, &self.key);
        let now = match &read {
            Ok(pair) => SeenFiles::Pair(pair.digest()),
            Err(error) => SeenFiles::Unreadable(format!("{error:?}")),
        };
        let is_known = match (&now, &*seen) {
            (SeenFiles::Pair(now), SeenFiles::Pair(before)) => now == before,
            (SeenFiles::Unreadable(now), SeenFiles::Unreadable(before)) => now == before,
            (SeenFiles::Pair(_), SeenFiles::Unreadable(_)) | (SeenFiles::Unreadable(_), SeenFiles::Pair(_)) => false,
        };
        if is_known && !whatever_was_seen {
            return Looked::Unchanged;
        }
        *seen = now;
        let provider = self.config.crypto_provider();
        match read.and_then(|pair| pair.certified(&self.certificate, &self.key, provider)) {
            Ok(certified) => {
                let good_until = certified.cert.first().map(|own| good_until(own)).unwrap_or_default();
                self.current.0.store(Arc::new(certified));
                Looked::Taken { good_until }
            }
            Err(error) => Looked::Refused(error),
        }
    }
}

fn good_until(certificate: &CertificateDer<'_>) -> String {
    x509_parser::parse_x509_certificate(certificate)
        .map(|(_, certificate)| certificate.validity().not_after.to_string())
        .unwrap_or_default()
}

/// What the two files hold: judged as it was read, whatever is written to them meanwhile.
struct CertificatePair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl CertificatePair {
    fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let read = |path: &Path| {
            std::fs::read(path)
                .map_err(|why| CertificateError::File { path: path.to_owned(), source: pem::Error::Io(why) })
        };
        Ok(Self { certificate: read(certificate)?, key: Zeroizing::new(read(key)?) })
    }

    fn digest(&self) -> [u8; 32] {
        // One digest for each, so that nothing can move from one to the other unseen.
        let [certificate, key] = [&self.certificate, &*self.key].map(Sha256::digest);
        Sha256::new().chain_update(certificate).chain_update(key).finalize().into()
    }

    fn certified(
        &self,
        certificate: &Path,
        key: &Path,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, CertificateError> {
        let file = |path: &Path, source| CertificateError::File { path: path.to_owned(), source };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| file(certificate, source))?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate { path: certificate.to_owned() });
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| file(key, source))?;
        // Checks that the two belong together.
        Ok(CertifiedKey::from_der(chain, key, provider)?)
    }
}

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<ListenerTls>,
}

/// The proxy, ready for connections.
pub struct Proxy {
    app: Arc<Requests>,
    upstreams: Arc<Upstreams>,
    seats: Arc<Seats>,
    shutdown: watch::Sender<bool>,
    /// Ends event streams of our own, which would be waited for in vain.
    stop: CancellationToken,
    /// Ends every connection, once the grace time is over.
    cut: CancellationToken,
    grace: Duration,
}

impl Listener {
    /// Takes the address; connections queue from now on.
    ///
    /// # Errors
    /// The address is taken, not ours, or not allowed.
    pub async fn bind(address: SocketAddr, tls: Option<ListenerTls>) -> std::io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, tls })
    }

    /// The address, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl Proxy {
    /// Puts the parts together.
    ///
    /// # Errors
    /// A certificate or key for the servers behind a route cannot be used.
    pub fn new(parts: ProxyParts) -> Result<Self, rustls::Error> {
        // Pingora's own timers are kept until they are due, which the few minutes of ours seldom are, and looked after
        // by a thread that wakes a hundred times a second.
        set_fast_timeout_to_tokio_threshold(Some(Duration::ZERO));
        let (seats, grace) = (Seats::new(&parts.settings.room), parts.settings.grace);
        let ids = RequestIds::new(parts.seed);
        let stop = CancellationToken::new();
        let gateway = ProxyPhases::new(parts, stop.clone())?;
        let upstreams = Arc::clone(&gateway.upstreams);
        Ok(Self {
            app: Arc::new(Requests { gateway, ids }),
            upstreams,
            seats,
            shutdown: watch::Sender::new(false),
            stop,
            cut: CancellationToken::new(),
            grace,
        })
    }

    /// Serves until `shutdown` fires and the requests then running have ended. After the grace time they are cut off,
    /// WebSockets and streams of apps among them.
    pub async fn serve(self: Arc<Self>, listeners: Vec<Listener>, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        let accepting = TaskTracker::new();
        for listener in listeners {
            let (proxy, connections, shutdown) = (Arc::clone(&self), connections.clone(), shutdown.clone());
            accepting.spawn(async move {
                // Dropped at shutdown, which closes the socket.
                let _ = shutdown.run_until_cancelled(proxy.accept(&listener, &connections)).await;
            });
        }
        let (upstreams, ends) = (Arc::clone(&self.upstreams), shutdown.clone());
        accepting.spawn(async move {
            let looking = async { tokio::join!(tend(&upstreams), health::watch(&upstreams)) };
            let _ = ends.run_until_cancelled(looking).await;
        });
        accepting.close();
        accepting.wait().await;
        shutdown.cancelled().await;
        self.shutdown.send_replace(true);
        self.stop.cancel();
        connections.close();
        if tokio::time::timeout(self.grace, connections.wait()).await.is_err() {
            let connections_left = connections.len();
            tracing::warn!(connections = connections_left, "connections that did not end in time are closed");
            self.cut.cancel();
            connections.wait().await;
        }
    }

    async fn accept(self: &Arc<Self>, listener: &Listener, connections: &TaskTracker) {
        loop {
            let (stream, peer) = match listener.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            // A connection more than there is room for is closed at once: waiting would not help its client.
            let is_trusted = self.app.gateway.parts.settings.trusts(peer.ip().to_canonical());
            let Some(seat) = self.seats.take(peer.ip(), is_trusted) else { continue };
            let (proxy, tls) = (Arc::clone(self), listener.tls.clone());
            connections.spawn(async move {
                let taken = async {
                    let Some((stream, peer, seat)) = proxy.announced(stream, peer, seat).await else { return };
                    tokio::select! {
                        () = proxy.take(stream, peer, tls, &seat.place) => {}
                        () = seat.place.given_away() => {}
                    }
                };
                proxy.cut.run_until_cancelled(taken).await;
            });
        }
    }

    /// The connection behind what a proxy in front says of it, with its source for a peer and a place of that one's,
    /// where the PROXY protocol is spoken.
    async fn announced(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        seat: Seat,
    ) -> Option<(TcpStream, SocketAddr, Seat)> {
        let settings = &self.app.gateway.parts.settings;
        if !settings.proxy_protocol || !settings.trusts(peer.ip().to_canonical()) {
            return Some((stream, peer, seat));
        }
        match tokio::time::timeout(HANDSHAKE, announced::source(&mut stream)).await {
            Ok(Ok(None)) => Some((stream, peer, seat)),
            Ok(Ok(Some(source))) => {
                drop(seat);
                let seat = self.seats.take(source.ip(), settings.trusts(source.ip().to_canonical()))?;
                Some((stream, source, seat))
            }
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                tracing::warn!(%peer, %error, "a connection of a trusted proxy is closed, because server.proxy_protocol is on");
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn take(&self, stream: TcpStream, peer: SocketAddr, tls: Option<ListenerTls>, place: &ConnectionPlace) {
        let keep_alive = socket2::TcpKeepalive::new().with_time(TCP_KEEP_ALIVE);
        // A connection that is already gone shows below.
        let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keep_alive);
        let _ = stream.set_nodelay(true);
        let plain = Arrival { peer: Some(peer), ..Arrival::default() };
        let Some(tls) = tls else { return self.serve_on(stream, plain, place).await };
        // A client that speaks plain HTTP here is told where to go: no TLS handshake begins with an uppercase letter.
        let mut first = [0];
        let begins = tokio::time::timeout(HANDSHAKE, stream.peek(&mut first)).await;
        if matches!(begins, Ok(Ok(1))) && first.first().is_some_and(u8::is_ascii_uppercase) {
            return self.serve_on(stream, Arrival { is_astray: true, ..plain }, place).await;
        }
        let handshake = TlsAcceptor::from(tls.config).accept(stream);
        match tokio::time::timeout(HANDSHAKE, handshake).await {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.serve_on(stream, Arrival { tls: true, http2, ..plain }, place).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_late) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// Serves one connection, however it came in, until it closes.
    pub async fn connection<S>(&self, stream: S, arrival: Arrival)
    where
        S: AsyncRead + AsyncWrite + std::fmt::Debug + Unpin + Send + Sync + 'static,
    {
        self.serve_on(stream, arrival, &ConnectionPlace::default()).await;
    }

    async fn serve_on<S>(&self, stream: S, arrival: Arrival, place: &ConnectionPlace)
    where
        S: AsyncRead + AsyncWrite + std::fmt::Debug + Unpin + Send + Sync + 'static,
    {
        let _open = self.app.gateway.parts.counts.open(Open::Connections);
        let keep_alive = self.app.gateway.parts.settings.keep_alive;
        let stream = Box::new(Guarded::new(stream, arrival, keep_alive));
        let (connection, shutdown) = (stream.connection(), self.shutdown.subscribe());
        place.is_of(&connection);
        if !arrival.http2 {
            return self.app.serve_http1(stream, &shutdown).await;
        }
        tokio::select! {
            _ = self.app.process_new(stream, &shutdown) => {}
            // Pingora's own timer for this is one of those that wake a thread all the time.
            () = connection.unused(keep_alive) => {}
        }
    }
}

/// Closes, for ever, the connections to apps that are not used, and keeps their names' addresses fresh. It is in one
/// place, so that none of them costs a timer.
async fn tend(upstreams: &Upstreams) {
    loop {
        tokio::time::sleep(LOOK_AFTER).await;
        upstreams.tend();
    }
}
