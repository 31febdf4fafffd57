//! Asks a server as a stranger would: one request to a connection, sent as written. Nothing is normalised, no redirect
//! is followed, no cookie is kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HOST};
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

/// How long one question may take, from connecting to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes; what follows does not change a verdict.
const LARGEST_BODY: usize = 256 * 1024;

/// A server, as a URL without path names it.
#[derive(Clone, Debug)]
pub(super) struct DoctorTarget {
    url: Url,
    connect_to: (String, u16),
    tls: Option<ServerName<'static>>,
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
    /// Another `Host` than the server's.
    pub(super) host: Option<HeaderValue>,
    /// Whether header names are written `X-Like-This` instead of in lowercase.
    pub(super) title_case: bool,
}

/// What the site answered to one request.
#[derive(Clone, Debug)]
pub(super) struct DoctorResponse {
    /// The status that came back.
    pub(super) status: StatusCode,
    /// The headers that came back.
    pub(super) headers: HeaderMap,
    /// The start of the body.
    pub(super) body: Bytes,
}

/// Why there was no answer: a sentence's end.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Silence {
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
    #[error("{0} took longer than {limit} seconds", limit = PATIENCE.as_secs())]
    TooLong(String),
    /// The request cannot be written at all.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
}

impl DoctorTarget {
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
        let tls = match url.scheme() {
            "https" => Some(ServerName::try_from(name.clone()).map_err(|_| "TLS knows no such host name".to_owned())?),
            _ => None,
        };
        Ok(Self { url, connect_to: (name, port), tls })
    }

    /// The server's URL, with `/` as its path.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Scheme, host and port, as they are said to people.
    pub(super) fn name(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Host and port as `Host` says them: without the port that the scheme has anyway.
    pub(super) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl DoctorRequest {
    /// A GET by a script: it takes any type.
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), headers: Vec::new(), host: None, title_case: false }
            .with("accept", "*/*")
    }

    /// A GET by a person who goes to a page.
    pub(super) fn page(target: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), headers: Vec::new(), host: None, title_case: false }
            .with("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .with("sec-fetch-mode", "navigate")
            .with("sec-fetch-dest", "document")
            .with("sec-fetch-site", "none")
    }

    /// The same with another method. One that carries a body carries an empty one.
    pub(super) fn by(mut self, method: Method) -> Self {
        let has_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
        self.method = method;
        if has_body { self.with("content-length", "0") } else { self }
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the doctor's own names are tokens");
        let value = HeaderValue::from_str(value).expect("the doctor's own values are visible ASCII");
        self.headers.push((name, value));
        self
    }

    /// The same for another host.
    pub(super) fn for_host(mut self, host: &str) -> Self {
        self.host = Some(HeaderValue::from_str(host).expect("the doctor's own hosts are visible ASCII"));
        self
    }

    /// The same with names written `X-Like-This`.
    pub(super) fn in_title_case(self) -> Self {
        Self { title_case: true, ..self }
    }
}

/// Sends questions to the site, each over a connection of its own.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    tls: Arc<ClientConfig>,
}

impl Asker {
    /// One that trusts the public authorities, and `more` in PEM.
    ///
    /// # Errors
    /// `more` holds no certificate that can be read: a sentence.
    pub(super) fn new(more: Option<&[u8]>) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = more {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let found = found.map_err(|error| format!("the certificate cannot be read: {error}"))?;
            if roots.add_parsable_certificates(found).0 == 0 {
                return Err("there is no certificate in it; it must be PEM".to_owned());
            }
        }
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Asks, on a connection of its own.
    ///
    /// # Errors
    /// There is no answer.
    pub(super) async fn ask(&self, server: &DoctorTarget, question: &DoctorRequest) -> Result<DoctorResponse, Silence> {
        let asked = async {
            let (host, port) = &server.connect_to;
            let stream = TcpStream::connect((host.as_str(), *port))
                .await
                .map_err(|error| Silence::NoConnection(server.name(), error.to_string()))?;
            match &server.tls {
                None => exchange(stream, server, question).await,
                Some(name) => {
                    let stream = TlsConnector::from(Arc::clone(&self.tls))
                        .connect(name.clone(), stream)
                        .await
                        .map_err(|error| Silence::NoTls(server.name(), error.to_string()))?;
                    exchange(stream, server, question).await
                }
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(Silence::TooLong(server.name())))
    }
}

async fn exchange<S>(stream: S, server: &DoctorTarget, question: &DoctorRequest) -> Result<DoctorResponse, Silence>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let no_answer = |error: hyper::Error| Silence::NoAnswer(server.name(), error.to_string());
    let request = to_request(server, question)?;
    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(question.title_case)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(no_answer)?;
    let driver = tokio::spawn(connection);
    let answered = async {
        let (head, mut body) = sender.send_request(request).await.map_err(no_answer)?.into_parts();
        let mut start = BytesMut::new();
        // Behind a switch of protocols there is no body; a body that breaks off is judged by what came.
        while head.status != StatusCode::SWITCHING_PROTOCOLS && start.len() < LARGEST_BODY {
            let Some(Ok(frame)) = body.frame().await else { break };
            if let Some(data) = frame.data_ref() {
                start.extend_from_slice(data);
            }
        }
        Ok(DoctorResponse { status: head.status, headers: head.headers, body: start.freeze() })
    };
    let answer = answered.await;
    driver.abort();
    answer
}

fn to_request(server: &DoctorTarget, question: &DoctorRequest) -> Result<Request<Empty<Bytes>>, Silence> {
    let unsendable = |error: String| Silence::Unsendable(error);
    let target: Uri = question.target.parse().map_err(|error: http::uri::InvalidUri| unsendable(error.to_string()))?;
    let host = match &question.host {
        Some(host) => host.clone(),
        None => HeaderValue::from_str(&server.authority()).map_err(|error| unsendable(error.to_string()))?,
    };
    let mut request = Request::new(Empty::new());
    *request.method_mut() = question.method.clone();
    *request.uri_mut() = target;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    for (name, value) in &question.headers {
        headers.append(name, value.clone());
    }
    if !headers.contains_key(CONNECTION) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// What goes over the wire for `question`, up to the empty line; it is answered with `reply`.
    async fn sent(question: DoctorRequest, reply: &'static str) -> (String, Result<DoctorResponse, Silence>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = DoctorTarget::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(reply.as_bytes()).await.unwrap();
            String::from_utf8(head).unwrap()
        });
        let asker = asker();
        let answer = asker.ask(&server, &question).await;
        (served.await.unwrap(), answer)
    }

    fn asker() -> Asker {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Asker::new(None).unwrap()
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
        let question =
            DoctorRequest::get("/").with("x_bmauth_jwt", "a").with("x.bmauth.jwt", "b").with("remote-user", "c");
        let (head, _) = sent(question.with("remote-user", "d"), "HTTP/1.1 204 No Content\r\n\r\n").await;
        for line in ["x_bmauth_jwt: a", "x.bmauth.jwt: b", "remote-user: c", "remote-user: d", "connection: close"] {
            assert!(head.lines().any(|found| found == line), "{line} is not in {head}");
        }
        let question = DoctorRequest::get("/").with("remote-user", "c").for_host("other.example").in_title_case();
        let (head, _) = sent(question, "HTTP/1.1 204 No Content\r\n\r\n").await;
        assert!(head.contains("Remote-User: c") && head.contains("Host: other.example"), "{head}");
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_and_a_switch_of_protocols_is_one() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let (_, answer) = sent(DoctorRequest::get("/"), chunked).await;
        assert_eq!(&answer.unwrap().body[..], b"abcde");
        let upgraded = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
        let question = DoctorRequest::get("/").with("connection", "upgrade").with("upgrade", "websocket");
        let (head, answer) = sent(question, upgraded).await;
        assert!(head.contains("connection: upgrade") && !head.contains("close"), "{head}");
        assert_eq!(answer.unwrap().status, StatusCode::SWITCHING_PROTOCOLS);
    }

    #[tokio::test]
    async fn what_is_no_answer_says_why() {
        let (_, answer) = sent(DoctorRequest::get("/"), "SSH-2.0-x\r\n\r\n").await;
        assert!(matches!(answer, Err(Silence::NoAnswer(..))), "{answer:?}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = DoctorTarget::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let answer = asker().ask(&closed, &DoctorRequest::get("/")).await;
        assert!(matches!(answer, Err(Silence::NoConnection(..))), "{answer:?}");
        let answer = asker().ask(&closed, &DoctorRequest::get("no path")).await;
        assert!(matches!(answer, Err(Silence::Unsendable(..) | Silence::NoConnection(..))), "{answer:?}");
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
        let ask = async |name: &str, asker: Asker| {
            let server = DoctorTarget::parse(&format!("https://{name}:{port}")).unwrap();
            asker.ask(&server, &DoctorRequest::get("/")).await
        };
        let trusting = Asker::new(Some(pem.as_bytes())).unwrap();
        assert_eq!(&ask("localhost", trusting.clone()).await.unwrap().body[..], b"hi");
        let foreign = ask("localhost", asker()).await;
        assert!(matches!(foreign, Err(Silence::NoTls(..))), "{foreign:?}");
        let elsewhere = ask("127.0.0.1", trusting).await;
        assert!(matches!(elsewhere, Err(Silence::NoTls(..))), "{elsewhere:?}");
    }

    #[test]
    fn a_server_is_a_url_without_a_path() {
        let server = |typed: &str| DoctorTarget::parse(typed).map(|server| (server.name(), server.authority()));
        let pair = |name: &str, authority: &str| Ok((name.to_owned(), authority.to_owned()));
        assert_eq!(server("https://notes.example.com"), pair("https://notes.example.com", "notes.example.com"));
        assert_eq!(server("http://localhost:8080/"), pair("http://localhost:8080", "localhost:8080"));
        assert_eq!(server("http://[::1]:80"), pair("http://[::1]", "[::1]"));
        for typed in
            ["notes.example.com", "ftp://a", "https://a/b", "https://a?b", "https://u:p@a", "https://a#b", "unix:/x"]
        {
            assert!(DoctorTarget::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(Asker::new(Some(b"")).is_err());
        assert!(Asker::new(Some(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")).is_err());
    }
}
