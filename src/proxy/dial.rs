//! Opens connections to apps: TCP and Unix sockets, and TLS over TCP, for which an authority has to vouch.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::counts::{Counts, Open, StaysOpen};
use crate::domain::upstream::UpstreamTls;

/// How long a server has to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long connecting may take with TLS.
const CONNECT_WITH_TLS: Duration = Duration::from_secs(10);

/// The authorities that the system knows, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`. Read once they are needed.
static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    match rustls_native_certs::load_native_certs() {
        Ok(found) => {
            roots.add_parsable_certificates(found);
        }
        // No certificate is taken then.
        Err(error) => tracing::error!(%error, "the system's certificate authorities cannot be read"),
    }
    Arc::new(roots)
});

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UpstreamAddress {
    /// A port of an address.
    Tcp(SocketAddr),
    /// On a Unix domain socket.
    Unix(Arc<Path>),
}

/// What is spoken over a connection to an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    Http1,
    Http2,
}

/// What may be spoken over a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProtocolOffer {
    /// Only this version.
    Only(Speaks),
    /// HTTP/2 where the server takes it, which only TLS can tell (ALPN, RFC 7301), else HTTP/1.1.
    Either,
}

/// An open connection to an app.
#[derive(Debug)]
pub(super) struct UpstreamSocket {
    stream: UpstreamStream,
    /// Counts the connection as open until it is dropped.
    _open: StaysOpen,
}

#[derive(Debug)]
enum UpstreamStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// Whom a server's certificate has to name, and who has to vouch for it.
#[derive(Clone, Debug)]
pub(super) struct Certified {
    /// `None` where no certificate can name it.
    name: Option<ServerName<'static>>,
    trust: Arc<Trust>,
}

/// Who vouches for certificates, and what is shown to servers that ask for one.
#[derive(Debug)]
pub(super) struct Trust {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    either: Arc<ClientConfig>,
}

impl Trust {
    /// What the configuration says of the certificates of a route's servers.
    ///
    /// # Errors
    /// An authority is no certificate, or the key is not that of the certificate.
    pub(super) fn of(tls: &UpstreamTls) -> Result<Self, rustls::Error> {
        let roots = match &tls.authorities {
            None => Arc::clone(&SYSTEM),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in authorities.iter() {
                    roots.add(CertificateDer::from(authority.to_vec()))?;
                }
                Arc::new(roots)
            }
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match &tls.client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let chain = client.chain.iter().map(|one| CertificateDer::from(one.to_vec())).collect();
                let key =
                    PrivateKeyDer::try_from(client.key.to_vec()).map_err(|why| rustls::Error::General(why.into()))?;
                builder.with_client_auth_cert(chain, key)?
            }
        };
        let speaking = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Self { http1: speaking(&[b"http/1.1"]), http2: speaking(&[b"h2"]), either: speaking(&[b"h2", b"http/1.1"]) })
    }

    fn config(&self, offer: ProtocolOffer) -> &Arc<ClientConfig> {
        match offer {
            ProtocolOffer::Only(Speaks::Http1) => &self.http1,
            ProtocolOffer::Only(Speaks::Http2) => &self.http2,
            ProtocolOffer::Either => &self.either,
        }
    }
}

impl Certified {
    /// Certificates that name that host or address.
    pub(super) fn by(trust: &Arc<Trust>, name: String) -> Self {
        Self { name: ServerName::try_from(name).ok(), trust: Arc::clone(trust) }
    }
}

impl UpstreamSocket {
    /// Connects to an address, where a server is `certified` with TLS; says what is spoken then.
    ///
    /// # Errors
    /// It accepts no connection, or not in time, has no certificate that is taken, or speaks none of what is offered.
    pub(super) async fn open(
        address: &UpstreamAddress,
        certified: Option<&Certified>,
        offer: ProtocolOffer,
        counts: &Counts,
    ) -> io::Result<(Self, Speaks)> {
        let patience = if certified.is_some() { CONNECT_WITH_TLS } else { CONNECT };
        let (stream, speaks) =
            tokio::time::timeout(patience, UpstreamStream::dial(address, certified, offer)).await??;
        Ok((Self { stream, _open: counts.open(Open::AppConnections) }, speaks))
    }
}

impl UpstreamStream {
    async fn dial(
        address: &UpstreamAddress,
        certified: Option<&Certified>,
        offer: ProtocolOffer,
    ) -> io::Result<(Self, Speaks)> {
        let plainly = if offer == ProtocolOffer::Only(Speaks::Http2) { Speaks::Http2 } else { Speaks::Http1 };
        let address = match address {
            UpstreamAddress::Tcp(address) => address,
            UpstreamAddress::Unix(path) => return Ok((Self::Unix(UnixStream::connect(path).await?), plainly)),
        };
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let Some(Certified { name, trust }) = certified else { return Ok((Self::Plain(socket), plainly)) };
        let Some(name) = name else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no certificate can name the host"));
        };
        let stream = TlsConnector::from(Arc::clone(trust.config(offer))).connect(name.clone(), socket).await?;
        // A server that knows nothing of ALPN speaks what was spoken before there was any.
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if offer == ProtocolOffer::Only(Speaks::Http2) && !is_http2 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the app does not speak HTTP/2"));
        }
        Ok((Self::Tls(Box::new(stream)), if is_http2 { Speaks::Http2 } else { Speaks::Http1 }))
    }
}

/// Why a connection failed, as the rest of a sentence that begins with the server.
pub(super) fn why(error: &io::Error) -> String {
    use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error};
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let trust = "`route.upstream_tls.ca` or SSL_CERT_FILE can name that authority";
    match of_tls {
        Some(Error::InvalidCertificate(Certificate::UnknownIssuer)) => {
            format!("has a certificate of an authority that is not trusted here; {trust}.")
        }
        Some(Error::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. })) => {
            "has a certificate for another name; `route.upstream_tls.name` can say which.".to_owned()
        }
        Some(Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. })) => {
            "has a certificate that has expired.".to_owned()
        }
        Some(Error::InvalidCertificate(Certificate::NotValidYet | Certificate::NotValidYetContext { .. })) => {
            "has a certificate that is not valid yet; is the clock right?".to_owned()
        }
        Some(Error::AlertReceived(Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA)) => {
            "asks for another certificate than `route.upstream_tls.cert`, or for one at all.".to_owned()
        }
        Some(Error::InvalidMessage(_)) => "does not speak TLS; is it http:// or h2c://?".to_owned(),
        Some(other) => format!("cannot be spoken to with TLS ({other})."),
        None if error.kind() == io::ErrorKind::TimedOut => {
            "takes too long to take a connection. Is the app running?".to_owned()
        }
        None => format!("does not take connections ({error}). Is the app running?"),
    }
}

impl AsyncRead for UpstreamSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            UpstreamStream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            UpstreamStream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            UpstreamStream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for UpstreamSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            UpstreamStream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            UpstreamStream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            UpstreamStream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            UpstreamStream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            UpstreamStream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            UpstreamStream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            UpstreamStream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            UpstreamStream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            UpstreamStream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            UpstreamStream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            UpstreamStream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            UpstreamStream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            UpstreamStream::Plain(stream) => stream.is_write_vectored(),
            UpstreamStream::Tls(stream) => stream.is_write_vectored(),
            UpstreamStream::Unix(stream) => stream.is_write_vectored(),
        }
    }
}
