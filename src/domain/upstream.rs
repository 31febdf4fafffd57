//! What stands behind a route: its servers, and how the gateway speaks to them.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use zeroize::Zeroizing;

use super::host::{Authority, Host, HostError};
use super::origin::Origin;

/// How long an app may be silent before or within an answer, where the route does not say.
const SILENCE: Duration = Duration::from_secs(5 * 60);

/// What is behind a route, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The servers, each once; none where a proxy in front has the app behind it and only asks.
    pub servers: Vec<UpstreamUrl>,
    /// Which of the servers a request goes to.
    pub balance: Balance,
    /// What each server is asked from time to time, to leave out those that are unwell.
    pub health: Option<HealthCheck>,
    /// How the certificates of `https` servers are judged, and ours for them.
    pub tls: UpstreamTls,
    /// The host that requests name to the app.
    pub host_header: HostHeader,
    /// Whether the route's path is cut from the start of each request's path.
    pub strip_prefix: bool,
    /// What is changed in the header of each request, after everything else.
    pub request_headers: HeaderChanges,
    /// What is changed in the header of each answer.
    pub response_headers: HeaderChanges,
    /// The client's headers with `_` in their names that are passed on, in lowercase.
    pub underscore_headers: Vec<Box<str>>,
    /// How long the app may be silent before or within an answer.
    pub timeout: Duration,
    /// The longest body of a request, in bytes.
    pub max_body: Option<u64>,
    /// Whether WebSockets are let through.
    pub upgrade: bool,
    /// Origins whose pages may open WebSockets, besides the route's own.
    pub websocket_origins: Vec<Origin>,
}

/// Which of several servers a request goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Each in its turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests under way.
    LeastRequests,
    /// Always the same one for one session; visitors without a session by their address.
    Session,
}

/// What each server is asked from time to time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// An absolute path with or without a query, in visible ASCII, which begins with exactly one slash.
    pub path: String,
    /// The pause between two checks.
    pub every: Duration,
}

/// How the certificate of `https` servers is judged, and ours for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The certificate authorities that may vouch for a server, each as DER (X.509); `None`: those of the system.
    pub authorities: Option<Arc<[Box<[u8]>]>>,
    /// What the gateway shows to servers that ask for a certificate.
    pub client: Option<Arc<ClientCertificate>>,
    /// What a server's certificate must name, instead of the host of its URL.
    pub name: Option<Host>,
}

/// A certificate of the gateway's own for servers, and its private key, which fit together.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate chain, each as DER, the gateway's own first.
    pub chain: Vec<Box<[u8]>>,
    /// The private key as DER, in PKCS#8, PKCS#1 or SEC 1; its memory is wiped when it is dropped.
    pub key: Zeroizing<Vec<u8>>,
}

/// The host that requests name to the app, in `Host` or `:authority`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostHeader {
    /// The one that the visitor asked for.
    #[default]
    Visitor,
    /// That of the server's URL, see [`UpstreamUrl::authority`].
    Upstream,
    /// Always this host.
    Named(Authority),
}

/// Headers to set or to remove: each name once, in lowercase, with the value it gets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderChanges(Vec<(Box<str>, Option<Box<str>>)>);

/// Why a header cannot be set or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderChangeError {
    /// It is no token (RFC 9110 §5.6.2), or longer than anyone would write.
    #[error("it is not the name of a header, like \"X-Env\"")]
    Name,
    /// It has characters that are not visible ASCII, or spaces at its ends.
    #[error("a value has visible ASCII characters, and spaces only between them")]
    Value,
    /// Another change is of the same name.
    #[error("the same header is named twice; names are compared without case")]
    Twice,
}

/// Where a server behind the gateway listens and what it speaks: `http://`, `https://` or `h2c://` with a host and a
/// port, or `unix:` with the path of a socket; nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    scheme: UpstreamScheme,
    place: OwnPlace,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum OwnPlace {
    Tcp { host: Host, port: u16 },
    Unix(Box<Path>),
}

/// What an upstream's URL begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamScheme {
    /// HTTP/1.1 without TLS.
    Http,
    /// HTTP over TLS: HTTP/2 where the server offers it, else HTTP/1.1.
    Https,
    /// HTTP/2 without TLS, with prior knowledge (RFC 9113 §3.3).
    H2c,
    /// Plain HTTP/1.1 over a Unix domain socket.
    Unix,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamPlace<'a> {
    /// A server that listens on a port.
    Tcp {
        /// The host, to resolve and, with TLS, to verify.
        host: &'a Host,
        /// The port, which the scheme gives where the URL does not.
        port: u16,
    },
    /// On a Unix domain socket at this absolute path.
    Unix(&'a Path),
}

/// Why a text is not an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UpstreamUrlError {
    /// None of the schemes.
    #[error("an upstream starts with http://, https://, h2c:// or unix:")]
    Scheme,
    /// A user name or password.
    #[error("an upstream cannot have a user name or password")]
    UserInfo,
    /// A path, query or fragment.
    #[error("an upstream is a scheme, a host and a port, without a path: paths are forwarded as they come")]
    Path,
    /// The host or the port.
    #[error("{0}")]
    Host(#[from] HostError),
    /// A socket without an absolute path.
    #[error("behind unix: stands the absolute path of a socket, like unix:/run/app.sock")]
    Socket,
    /// A `..` in the path of a socket.
    #[error("the path of a socket has no “..”; write where it leads")]
    SocketAbove,
    /// The path of a socket is longer than the system's `sun_path`.
    #[error("the path of a socket has at most 107 bytes")]
    SocketLong,
}

impl Upstream {
    /// These servers, and what holds where the configuration says nothing else.
    pub fn of(servers: Vec<UpstreamUrl>) -> Self {
        Self {
            servers,
            balance: Balance::default(),
            health: None,
            tls: UpstreamTls::default(),
            host_header: HostHeader::default(),
            strip_prefix: false,
            request_headers: HeaderChanges::default(),
            response_headers: HeaderChanges::default(),
            underscore_headers: Vec::new(),
            timeout: SILENCE,
            max_body: None,
            upgrade: true,
            websocket_origins: Vec::new(),
        }
    }
}

impl Upstream {
    /// Whether some server is behind both, as far as can be known: what a proxy in front has behind it is told by
    /// nothing.
    pub fn is_same_app(&self, other: &Self) -> bool {
        let (one, other) = (&self.servers, &other.servers);
        one.is_empty() && other.is_empty() || one.iter().any(|server| other.contains(server))
    }
}

impl Balance {
    /// Each way to balance.
    pub const ALL: [Self; 3] = [Self::RoundRobin, Self::LeastRequests, Self::Session];

    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::LeastRequests => "least-requests",
            Self::Session => "session",
        }
    }
}

impl HeaderChanges {
    /// The longest name, in bytes.
    const LONGEST_NAME: usize = 128;

    /// Adds a change: a header of that name gets `value` instead of any that it had, or is removed.
    ///
    /// # Errors
    /// Says what a name or a value cannot have; nothing is then added.
    pub fn add(&mut self, name: &str, value: Option<&str>) -> Result<(), HeaderChangeError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !(1..=Self::LONGEST_NAME).contains(&name.len()) || !name.bytes().all(is_token) {
            return Err(HeaderChangeError::Name);
        }
        let is_value = |value: &str| {
            let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
            !value.is_empty() && value.trim_matches(' ') == value && value.bytes().all(visible)
        };
        if !value.is_none_or(is_value) {
            return Err(HeaderChangeError::Value);
        }
        let name = name.to_ascii_lowercase();
        if self.iter().any(|(other, _)| other == name) {
            return Err(HeaderChangeError::Twice);
        }
        self.0.push((name.into(), value.map(Box::from)));
        Ok(())
    }

    /// The names in lowercase, each with its new value; `None` where the header is removed. Each is a valid name and a
    /// valid value of a header.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_deref()))
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl UpstreamUrl {
    /// The most bytes in the path of a Unix domain socket (`sun_path` less the zero at its end).
    const LONGEST_SOCKET: usize = 107;

    /// Reads an upstream's URL; one slash behind a host and port changes nothing.
    ///
    /// # Errors
    /// Says what it is that an upstream cannot have.
    pub fn parse(written: &str) -> Result<Self, UpstreamUrlError> {
        let (scheme, rest) = written.split_once(':').ok_or(UpstreamUrlError::Scheme)?;
        let scheme = UpstreamScheme::ALL
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(scheme))
            .ok_or(UpstreamUrlError::Scheme)?;
        let Some(default_port) = scheme.default_port() else {
            return Ok(Self { scheme, place: OwnPlace::Unix(read_socket(rest)?) });
        };
        let rest = rest.strip_prefix("//").ok_or(UpstreamUrlError::Scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(UpstreamUrlError::Path);
        }
        if rest.contains('@') {
            return Err(UpstreamUrlError::UserInfo);
        }
        let Authority { host, port } = Authority::parse(rest.as_bytes())?;
        Ok(Self { scheme, place: OwnPlace::Tcp { host, port: port.unwrap_or(default_port) } })
    }

    /// What is spoken to it.
    pub fn speaks(&self) -> UpstreamScheme {
        self.scheme
    }

    /// Where the server listens.
    pub fn place(&self) -> UpstreamPlace<'_> {
        match &self.place {
            OwnPlace::Tcp { host, port } => UpstreamPlace::Tcp { host, port: *port },
            OwnPlace::Unix(path) => UpstreamPlace::Unix(path),
        }
    }

    /// Whether the connection is made with TLS.
    pub fn is_tls(&self) -> bool {
        self.scheme == UpstreamScheme::Https
    }

    /// What a request names as its host where it names the server's own: host and port, without the port where it is
    /// the scheme's default; `localhost` for a socket.
    pub fn authority(&self) -> String {
        match &self.place {
            OwnPlace::Tcp { host, port } if self.scheme.default_port() == Some(*port) => host.to_string(),
            OwnPlace::Tcp { host, port } => format!("{host}:{port}"),
            OwnPlace::Unix(_) => "localhost".to_owned(),
        }
    }
}

fn read_socket(written: &str) -> Result<Box<Path>, UpstreamUrlError> {
    let path = Path::new(written);
    if !written.starts_with('/') || written.ends_with('/') || written.contains(char::is_control) {
        return Err(UpstreamUrlError::Socket);
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(UpstreamUrlError::SocketAbove);
    }
    // One spelling: without doubled slashes and “.”, so that one socket is not two servers.
    let path: Box<Path> = path.components().collect::<PathBuf>().into();
    if path.file_name().is_none() {
        return Err(UpstreamUrlError::Socket);
    }
    if path.as_os_str().len() > UpstreamUrl::LONGEST_SOCKET {
        return Err(UpstreamUrlError::SocketLong);
    }
    Ok(path)
}

impl UpstreamScheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::H2c, Self::Unix];

    /// The scheme as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
            Self::Unix => "unix",
        }
    }

    /// The port where none is named; a socket has none.
    const fn default_port(self) -> Option<u16> {
        match self {
            Self::Http | Self::H2c => Some(80),
            Self::Https => Some(443),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        match &self.place {
            OwnPlace::Tcp { .. } => write!(f, "{scheme}://{}", self.authority()),
            OwnPlace::Unix(path) => write!(f, "{scheme}:{}", path.display()),
        }
    }
}

/// Shows names alone: a value may be a password of the app.
impl fmt::Debug for HeaderChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// Shows nothing of the key.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_scheme_a_host_and_a_port_or_a_socket() {
        for (written, canonical) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://app/", "http://app"),
            ("HTTPS://App.Example:443", "https://app.example"),
            ("https://app:80", "https://app:80"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("h2c://grpc:50051", "h2c://grpc:50051"),
            ("H2C://grpc:80/", "h2c://grpc"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("UNIX:/run/App.sock", "unix:/run/App.sock"),
            ("unix:///run//./app.sock", "unix:/run/app.sock"),
            ("unix:/run/a b@c?.sock", "unix:/run/a b@c?.sock"),
        ] {
            let read = UpstreamUrl::parse(written).map(|url| url.to_string());
            assert_eq!(read, Ok(canonical.to_owned()), "{written}");
            assert_eq!(UpstreamUrl::parse(canonical), UpstreamUrl::parse(written), "{written}");
        }
    }

    #[test]
    fn an_upstream_says_where_it_listens_and_what_it_speaks() {
        let app = Host::parse("app_1").unwrap();
        let tcp = |port| UpstreamPlace::Tcp { host: &app, port };
        for (written, place, speaks, is_tls, authority) in [
            ("http://app_1", tcp(80), UpstreamScheme::Http, false, "app_1"),
            ("http://app_1:443", tcp(443), UpstreamScheme::Http, false, "app_1:443"),
            ("https://app_1", tcp(443), UpstreamScheme::Https, true, "app_1"),
            ("https://App_1:8443", tcp(8443), UpstreamScheme::Https, true, "app_1:8443"),
            ("h2c://app_1:80", tcp(80), UpstreamScheme::H2c, false, "app_1"),
            ("h2c://app_1:443", tcp(443), UpstreamScheme::H2c, false, "app_1:443"),
            ("unix:/a", UpstreamPlace::Unix(Path::new("/a")), UpstreamScheme::Unix, false, "localhost"),
        ] {
            let url = UpstreamUrl::parse(written).unwrap();
            let said = (url.place(), url.speaks(), url.is_tls(), url.authority());
            assert_eq!(said, (place, speaks, is_tls, authority.to_owned()), "{written}");
        }
        assert_eq!(UpstreamUrl::parse("http://[::1]:3000").unwrap().authority(), "[::1]:3000");
    }

    #[test]
    fn what_is_more_than_an_upstream_is_refused() {
        let long = format!("unix:/{}", "a".repeat(107));
        for (written, why) in [
            ("127.0.0.1:8000", UpstreamUrlError::Scheme),
            ("app", UpstreamUrlError::Scheme),
            ("ftp://app", UpstreamUrlError::Scheme),
            ("h2://app", UpstreamUrlError::Scheme),
            ("http:app", UpstreamUrlError::Scheme),
            ("h2c:/app", UpstreamUrlError::Scheme),
            ("/run/app.sock", UpstreamUrlError::Scheme),
            ("http://app/base", UpstreamUrlError::Path),
            ("http://app//", UpstreamUrlError::Path),
            ("http://app?x", UpstreamUrlError::Path),
            ("h2c://app#x", UpstreamUrlError::Path),
            ("http://user:pw@app", UpstreamUrlError::UserInfo),
            ("http://", UpstreamUrlError::Host(HostError::Empty)),
            ("http://app:0", UpstreamUrlError::Host(HostError::Port)),
            ("http://a b", UpstreamUrlError::Host(HostError::Character)),
            ("unix:", UpstreamUrlError::Socket),
            ("unix:/", UpstreamUrlError::Socket),
            ("unix:/.", UpstreamUrlError::Socket),
            ("unix:/run/", UpstreamUrlError::Socket),
            ("unix:run/app.sock", UpstreamUrlError::Socket),
            ("unix:./app.sock", UpstreamUrlError::Socket),
            ("unix://run/app.sock\0", UpstreamUrlError::Socket),
            ("unix:@abstract", UpstreamUrlError::Socket),
            ("unix:/run/../app.sock", UpstreamUrlError::SocketAbove),
            ("unix:/..", UpstreamUrlError::SocketAbove),
            (&long, UpstreamUrlError::SocketLong),
        ] {
            assert_eq!(UpstreamUrl::parse(written), Err(why), "{written}");
        }
        assert!(UpstreamUrl::parse(&long[..long.len() - 1]).is_ok());
    }

    #[test]
    fn a_field_is_changed_once_and_only_to_what_a_field_can_say() {
        let mut changes = HeaderChanges::default();
        assert!(changes.is_empty());
        assert_eq!(changes.add("X-Env", Some("prod, blue")), Ok(()));
        assert_eq!(changes.add("Accept-Encoding", None), Ok(()));
        for (name, value, why) in [
            ("x-env", None, HeaderChangeError::Twice),
            ("", None, HeaderChangeError::Name),
            ("X Env", None, HeaderChangeError::Name),
            ("X-Env:", None, HeaderChangeError::Name),
            ("X-Größe", None, HeaderChangeError::Name),
            (&"x".repeat(129), None, HeaderChangeError::Name),
            ("X-A", Some(""), HeaderChangeError::Value),
            ("X-A", Some(" a"), HeaderChangeError::Value),
            ("X-A", Some("a\r\nX-B: b"), HeaderChangeError::Value),
            ("X-A", Some("a\0"), HeaderChangeError::Value),
            ("X-A", Some("ü"), HeaderChangeError::Value),
        ] {
            assert_eq!(changes.add(name, value), Err(why), "{name}: {value:?}");
        }
        let all: Vec<_> = changes.iter().collect();
        assert_eq!(all, [("x-env", Some("prod, blue")), ("accept-encoding", None)]);
    }

    #[test]
    fn debug_shows_no_key_and_no_value() {
        let mut upstream = Upstream::of(Vec::new());
        upstream.request_headers.add("Authorization", Some("Basic aHVudGVyMg")).unwrap();
        let key = Zeroizing::new(vec![171, 205]);
        upstream.tls.client = Some(Arc::new(ClientCertificate { chain: vec![Box::from([1])], key }));
        let shown = format!("{upstream:?}");
        assert!(shown.contains("authorization") && !shown.contains("aHVudGVyMg") && !shown.contains("171"), "{shown}");
    }
}
