//! Opens connections to apps: TCP, and TLS over it, which the system's authorities have to vouch for.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a server has to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long connecting may take with TLS.
const CONNECT_WITH_TLS: Duration = Duration::from_secs(10);

/// What is spoken over a connection to an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// An open connection to an app.
#[derive(Debug)]
pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Whom a server's certificate has to name, and who has to vouch for it.
#[derive(Clone, Debug)]
pub(super) struct Certified {
    /// `None` where no certificate can name it.
    name: Option<ServerName<'static>>,
    trust: Arc<Trust>,
}

/// Who vouches for certificates: the authorities that the system knows, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
#[derive(Debug)]
pub(super) struct Trust {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Trust {
    /// That of the system. Where it cannot be read, no certificate is taken.
    pub(super) fn of_system() -> Self {
        let mut roots = RootCertStore::empty();
        match rustls_native_certs::load_native_certs() {
            Ok(found) => {
                roots.add_parsable_certificates(found);
            }
            Err(error) => tracing::error!(%error, "the system's certificate authorities cannot be read"),
        }
        let config = |protocol: &[u8]| {
            let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("ring has the versions of TLS that rustls takes");
            let mut config = builder.with_root_certificates(roots.clone()).with_no_client_auth();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        Self { http1: config(b"http/1.1"), http2: config(b"h2") }
    }
}

impl Certified {
    /// Certificates that name that host or address.
    pub(super) fn by(trust: &Arc<Trust>, name: String) -> Self {
        Self { name: ServerName::try_from(name).ok(), trust: Arc::clone(trust) }
    }
}

impl Socket {
    /// Connects to an address, where a server is `certified` with TLS.
    ///
    /// # Errors
    /// It accepts no connection, or not in time, or has no certificate that is taken.
    pub(super) async fn open(address: SocketAddr, certified: Option<&Certified>, speaks: Speaks) -> io::Result<Self> {
        let patience = if certified.is_some() { CONNECT_WITH_TLS } else { CONNECT };
        tokio::time::timeout(patience, Self::dial(address, certified, speaks)).await?
    }

    async fn dial(address: SocketAddr, certified: Option<&Certified>, speaks: Speaks) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let Some(Certified { name, trust }) = certified else { return Ok(Self::Plain(socket)) };
        let config = match speaks {
            Speaks::Http1 => &trust.http1,
            Speaks::Http2 => &trust.http2,
        };
        let Some(name) = name else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no certificate can name the host"));
        };
        let stream = TlsConnector::from(Arc::clone(config)).connect(name.clone(), socket).await?;
        if speaks == Speaks::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the app does not speak HTTP/2"));
        }
        Ok(Self::Tls(Box::new(stream)))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
