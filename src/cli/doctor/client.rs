//! The HTTP client of the doctor, which asks a server as a stranger would: one request to a connection, sent as written.
//! Nothing is normalised, no redirect is followed, no cookie is kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HOST};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, ParseError, Url};

/// How long one request may take, from connecting to the end of the response.
const DEADLINE: Duration = Duration::from_secs(10);
/// How many bytes of a body are enough: once there are as many, no more is read. What follows changes no verdict.
const ENOUGH_OF_BODY: usize = 256 * 1024;

/// A server that the doctor checks, as a URL without a path names it.
#[derive(Clone, Debug)]
pub(super) struct CheckedServer {
    url: Url,
    /// Its name or address, and its port.
    connect_to: (String, u16),
    /// What its certificate must name; `None` for http.
    certified_name: Option<ServerName<'static>>,
}

/// What one request says, besides `Host`.
#[derive(Clone, Debug)]
pub(super) struct DoctorRequest {
    /// The method to ask with.
    pub(super) method: Method,
    /// The request target as it goes over the wire: a path of any spelling, or a whole URL.
    pub(super) target: String,
    /// The headers in order, repetitions too.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The `Host`, where it is not the server's.
    pub(super) host: Option<HeaderValue>,
    /// Whether header names are written `X-Like-This` instead of in lowercase.
    pub(super) title_case: bool,
}

/// What the server answered to one request.
#[derive(Clone, Debug)]
pub(super) struct DoctorResponse {
    /// The status that came back.
    pub(super) status: StatusCode,
    /// The headers that came back.
    pub(super) headers: HeaderMap,
    /// The body, up to a little more than [`ENOUGH_OF_BODY`], or what came of it before it broke off.
    pub(super) body: Bytes,
}

/// Why there was no response. Each names the server, and most the cause; the text is the end of a sentence.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum NoResponse {
    /// No server takes the connection.
    #[error("no connection to {0}: {1}")]
    NoConnection(String, String),
    /// The certificate is not good, or TLS fails otherwise.
    #[error("no TLS with {0}: {1}")]
    NoTls(String, String),
    /// The connection was closed or reset, or what came is not HTTP.
    #[error("{0} gave no answer in HTTP: {1}")]
    NoAnswer(String, String),
    /// It took too long.
    #[error("{0} took longer than {limit} seconds", limit = DEADLINE.as_secs())]
    TooLong(String),
    /// The request is none that HTTP/1.1 can carry.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
}

impl CheckedServer {
    /// Reads `http://host[:port]` or `https://host[:port]`.
    ///
    /// # Errors
    /// A sentence that says what to type instead.
    pub(super) fn parse(typed: &str) -> Result<Self, String> {
        let example = "write it as https://notes.example.com or http://127.0.0.1:8000";
        let url = Url::parse(typed).map_err(|error| {
            if error == ParseError::RelativeUrlWithoutBase {
                format!("this is not a URL: it does not start with https:// or http://; {example}")
            } else {
                format!("this is not a URL ({error}); {example}")
            }
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("only http and https can be asked; {example}"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("leave the path out here and name paths with --route".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the doctor asks without a user name and password; leave them out".to_owned());
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(format!("this URL has no host; {example}"));
        };
        let name = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let certified_name = match url.scheme() {
            "https" => Some(ServerName::try_from(name.clone()).map_err(|_| "TLS knows no such host name".to_owned())?),
            _ => None,
        };
        Ok(Self { url, connect_to: (name, port), certified_name })
    }

    /// The server's URL, with `/` as its path.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Scheme, host and port, without the port that is the scheme's own: what reports call the server.
    pub(super) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The value of `Host`: host and port, without the port that is the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl DoctorRequest {
    /// A GET as a script sends it, which takes any type.
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self::bare(target.into()).with_header("accept", "*/*")
    }

    /// A GET as a browser sends it for a person who goes to a page.
    pub(super) fn page(target: impl Into<String>) -> Self {
        Self::bare(target.into())
            .with_header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .with_header("sec-fetch-mode", "navigate")
            .with_header("sec-fetch-dest", "document")
            .with_header("sec-fetch-site", "none")
    }

    fn bare(target: String) -> Self {
        Self { method: Method::GET, target, headers: Vec::new(), host: None, title_case: false }
    }

    /// The same with another method, and an empty body where the method has one.
    pub(super) fn with_method(mut self, method: Method) -> Self {
        let has_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
        self.method = method;
        if has_body { self.with_header("content-length", "0") } else { self }
    }

    /// The same with one more header, beside others of its name.
    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the doctor's own names are tokens");
        let value = HeaderValue::from_str(value).expect("the doctor's own values are visible ASCII");
        self.headers.push((name, value));
        self
    }

    /// The same with another `Host`.
    pub(super) fn for_host(mut self, host: &str) -> Self {
        self.host = Some(HeaderValue::from_str(host).expect("the doctor's own hosts are visible ASCII"));
        self
    }

    /// The same with the names of headers written `X-Like-This`.
    pub(super) fn in_title_case(self) -> Self {
        Self { title_case: true, ..self }
    }
}

/// Sends requests, each over a connection of its own.
#[derive(Clone, Debug)]
pub(super) struct DoctorClient {
    tls: Arc<ClientConfig>,
}

impl DoctorClient {
    /// A client that trusts the public certificate authorities of browsers, and those of `more`, in PEM.
    ///
    /// # Errors
    /// `more` has a part that cannot be read, or no certificate; in a sentence.
    pub(super) fn new(more: Option<&[u8]>) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = more {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let found = found.map_err(|error| format!("the certificate cannot be read: {error}"))?;
            let (added, _ignored) = roots.add_parsable_certificates(found);
            if added == 0 {
                return Err("there is no certificate in it; it must be PEM".to_owned());
            }
        }
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Sends a request to a server, and reads its response.
    ///
    /// # Errors
    /// Why there was no response within [`DEADLINE`].
    pub(super) async fn send(
        &self,
        server: &CheckedServer,
        request: &DoctorRequest,
    ) -> Result<DoctorResponse, NoResponse> {
        let sent = async {
            let (host, port) = &server.connect_to;
            let stream = TcpStream::connect((host.as_str(), *port))
                .await
                .map_err(|error| NoResponse::NoConnection(server.origin(), error.to_string()))?;
            match &server.certified_name {
                None => exchange(stream, server, request).await,
                Some(name) => {
                    let stream = TlsConnector::from(Arc::clone(&self.tls))
                        .connect(name.clone(), stream)
                        .await
                        .map_err(|error| NoResponse::NoTls(server.origin(), error.to_string()))?;
                    exchange(stream, server, request).await
                }
            }
        };
        timeout(DEADLINE, sent).await.unwrap_or_else(|_| Err(NoResponse::TooLong(server.origin())))
    }
}

/// Sends a request over a connected stream, and reads its response.
async fn exchange<S>(stream: S, server: &CheckedServer, request: &DoctorRequest) -> Result<DoctorResponse, NoResponse>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let no_answer = |error: hyper::Error| NoResponse::NoAnswer(server.origin(), error.to_string());
    let wire_request = to_wire_request(server, request)?;
    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(request.title_case)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(no_answer)?;
    // Reads and writes the stream while the request waits for its response.
    let driver = tokio::spawn(connection);
    let response = async {
        let (head, mut body) = sender.send_request(wire_request).await.map_err(no_answer)?.into_parts();
        let mut start = BytesMut::new();
        // After a switch of protocols there is no body. A body that breaks off is judged by what came of it.
        while head.status != StatusCode::SWITCHING_PROTOCOLS && start.len() < ENOUGH_OF_BODY {
            let Some(Ok(frame)) = body.frame().await else { break };
            if let Some(data) = frame.data_ref() {
                start.extend_from_slice(data);
            }
        }
        Ok(DoctorResponse { status: head.status, headers: head.headers, body: start.freeze() })
    };
    let response = response.await;
    driver.abort();
    response
}

/// The request as hyper takes it, which writes the target as it is.
fn to_wire_request(server: &CheckedServer, request: &DoctorRequest) -> Result<Request<Empty<Bytes>>, NoResponse> {
    let target: Uri = request.target.parse().map_err(|error: InvalidUri| NoResponse::Unsendable(error.to_string()))?;
    let host = match &request.host {
        Some(host) => host.clone(),
        None => {
            HeaderValue::from_str(&server.authority()).map_err(|error| NoResponse::Unsendable(error.to_string()))?
        }
    };
    let mut wire_request = Request::new(Empty::new());
    *wire_request.method_mut() = request.method.clone();
    *wire_request.uri_mut() = target;
    let headers = wire_request.headers_mut();
    headers.insert(HOST, host);
    for (name, value) in &request.headers {
        headers.append(name, value.clone());
    }
    // The connection is for this request alone, unless the request asks to switch its protocol.
    if !headers.contains_key(CONNECTION) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(wire_request)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// What goes over the wire for `request`, up to the empty line, and what the client makes of `reply`.
    async fn sent(request: DoctorRequest, reply: &'static str) -> (String, Result<DoctorResponse, NoResponse>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = CheckedServer::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(reply.as_bytes()).await.unwrap();
            String::from_utf8(head).unwrap()
        });
        let response = client().send(&server, &request).await;
        (served.await.unwrap(), response)
    }

    fn client() -> DoctorClient {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        DoctorClient::new(None).unwrap()
    }

    #[tokio::test]
    async fn a_target_goes_out_as_it_is_written() {
        for target in [
            "//",
            "//a",
            "/./a",
            "/x/../a",
            "/%2e%2e/a",
            "/..;/a",
            "/a%2fb",
            "/..%5ca",
            "/a\\b",
            "/a%00",
            "/A",
            "/a?x=/../",
        ] {
            let (head, answer) = sent(DoctorRequest::get(target), "HTTP/1.1 204 No Content\r\n\r\n").await;
            assert_eq!(head.lines().next(), Some(format!("GET {target} HTTP/1.1").as_str()));
            assert_eq!(answer.unwrap().status, StatusCode::NO_CONTENT, "{target}");
        }
        let (head, _) = sent(DoctorRequest::get("http://other.example/a"), "HTTP/1.1 204 No Content\r\n\r\n").await;
        assert!(head.starts_with("GET http://other.example/a HTTP/1.1\r\nhost: 127.0.0.1:"), "{head}");
    }

    #[tokio::test]
    async fn headers_go_out_in_every_spelling_and_repeated() {
        let request = DoctorRequest::get("/")
            .with_header("x_bmauth_jwt", "a")
            .with_header("x.bmauth.jwt", "b")
            .with_header("remote-user", "c");
        let (head, _) = sent(request.with_header("remote-user", "d"), "HTTP/1.1 204 No Content\r\n\r\n").await;
        for line in ["x_bmauth_jwt: a", "x.bmauth.jwt: b", "remote-user: c", "remote-user: d", "connection: close"] {
            assert!(head.lines().any(|found| found == line), "{line} is not in {head}");
        }
        let request = DoctorRequest::get("/").with_header("remote-user", "c").for_host("other.example").in_title_case();
        let (head, _) = sent(request, "HTTP/1.1 204 No Content\r\n\r\n").await;
        assert!(head.contains("Remote-User: c") && head.contains("Host: other.example"), "{head}");
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_and_a_switch_of_protocols_is_one() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let (_, answer) = sent(DoctorRequest::get("/"), chunked).await;
        assert_eq!(&answer.unwrap().body[..], b"abcde");
        let upgraded = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
        let request = DoctorRequest::get("/").with_header("connection", "upgrade").with_header("upgrade", "websocket");
        let (head, answer) = sent(request, upgraded).await;
        assert!(head.contains("connection: upgrade") && !head.contains("close"), "{head}");
        assert_eq!(answer.unwrap().status, StatusCode::SWITCHING_PROTOCOLS);
    }

    #[tokio::test]
    async fn what_is_no_answer_says_why() {
        let (_, answer) = sent(DoctorRequest::get("/"), "SSH-2.0-x\r\n\r\n").await;
        assert!(matches!(answer, Err(NoResponse::NoAnswer(..))), "{answer:?}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = CheckedServer::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let answer = client().send(&closed, &DoctorRequest::get("/")).await;
        assert!(matches!(answer, Err(NoResponse::NoConnection(..))), "{answer:?}");
        let answer = client().send(&closed, &DoctorRequest::get("no path")).await;
        assert!(matches!(answer, Err(NoResponse::Unsendable(..) | NoResponse::NoConnection(..))), "{answer:?}");
    }

    #[tokio::test]
    async fn a_certificate_is_believed_if_its_authority_is() {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pem = key.cert.pem();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], key.signing_key.into())
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
            }
        });
        let ask = async |name: &str, client: DoctorClient| {
            let server = CheckedServer::parse(&format!("https://{name}:{port}")).unwrap();
            client.send(&server, &DoctorRequest::get("/")).await
        };
        let trusting = DoctorClient::new(Some(pem.as_bytes())).unwrap();
        assert_eq!(&ask("localhost", trusting.clone()).await.unwrap().body[..], b"hi");
        let foreign = ask("localhost", client()).await;
        assert!(matches!(foreign, Err(NoResponse::NoTls(..))), "{foreign:?}");
        let elsewhere = ask("127.0.0.1", trusting).await;
        assert!(matches!(elsewhere, Err(NoResponse::NoTls(..))), "{elsewhere:?}");
    }

    #[test]
    fn a_server_is_a_url_without_a_path() {
        let server = |typed: &str| CheckedServer::parse(typed).map(|server| (server.origin(), server.authority()));
        let pair = |origin: &str, authority: &str| Ok((origin.to_owned(), authority.to_owned()));
        assert_eq!(server("https://notes.example.com"), pair("https://notes.example.com", "notes.example.com"));
        assert_eq!(server("http://localhost:8080/"), pair("http://localhost:8080", "localhost:8080"));
        assert_eq!(server("http://[::1]:80"), pair("http://[::1]", "[::1]"));
        for typed in
            ["notes.example.com", "ftp://a", "https://a/b", "https://a?b", "https://u:p@a", "https://a#b", "unix:/x"]
        {
            assert!(CheckedServer::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(DoctorClient::new(Some(b"")).is_err());
        assert!(DoctorClient::new(Some(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")).is_err());
    }
}
