//! Origins: those of our own pages, and those of other sites whose pages may call the API or open WebSockets.

use std::fmt;

use thiserror::Error;

use super::host::{Authority, Host, HostError};

/// The scheme by which a visitor's browser speaks to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP, without TLS.
    Http,
    /// HTTP over TLS.
    Https,
}

/// A web origin in the one spelling in which browsers send it (RFC 6454 §6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    text: Box<str>,
    host: Host,
}

/// Why a text is not an origin whose pages may be let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// A pattern instead of one origin.
    #[error("name every origin exactly: a pattern would also let in pages that you do not know")]
    Pattern,
    /// Neither `https://` nor `http://`.
    #[error("an origin starts with https://")]
    Scheme,
    /// `http://` and a host that is not this machine.
    #[error("http:// is for localhost alone: an attacker on the way could change the page")]
    Insecure,
    /// A path, query, fragment, user name or password.
    #[error("an origin is a scheme, a host and a port, with nothing behind them, not even a slash")]
    More,
    /// The host or the port.
    #[error("{0}")]
    Host(#[from] HostError),
    /// Browsers spell it otherwise.
    #[error("browsers spell it \"{0}\"")]
    Spelling(String),
}

impl Scheme {
    /// The port where none is named.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Origin {
    /// Reads an origin whose pages may be let in, which must be spelled as browsers send it.
    ///
    /// # Errors
    /// Says what it cannot have, or how it is spelled.
    pub fn parse(written: &str) -> Result<Self, OriginError> {
        if written.contains('*') {
            return Err(OriginError::Pattern);
        }
        let (scheme, rest) = written.split_once("://").ok_or(OriginError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(OriginError::Scheme),
        };
        if rest.contains(['/', '?', '#', '\\', '@']) {
            return Err(OriginError::More);
        }
        let Authority { host, port } = Authority::parse(rest.as_bytes())?;
        if scheme == Scheme::Http && !host.is_loopback() {
            return Err(OriginError::Insecure);
        }
        let origin = Self::of(scheme, Authority { host, port });
        if *origin.text != *written {
            return Err(OriginError::Spelling(origin.text.into()));
        }
        Ok(origin)
    }

    /// One that was kept, of our own pages too, which may be any.
    pub fn parse_kept(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let authority = Authority::parse(rest.as_bytes()).ok()?;
        Some(Self::of(scheme, authority)).filter(|origin| *origin.text == *text)
    }

    /// That of our own pages at `authority`.
    pub fn of(scheme: Scheme, authority: Authority) -> Self {
        let port = authority.port.filter(|port| *port != scheme.default_port());
        let host = authority.host.clone();
        let text = format!("{}://{}", scheme.as_str(), Authority { port, ..authority });
        Self { text: text.into(), host }
    }

    /// The origin as it stands in `Origin`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host of the origin.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The origins of our own pages.
#[derive(Clone, Debug)]
pub struct OwnOrigins {
    public: Origin,
    all: Vec<Origin>,
    former: Vec<Origin>,
}

impl OwnOrigins {
    /// That of `public_url`, and those of the routes' other hosts.
    pub fn new(public: Origin, others: impl IntoIterator<Item = Origin>) -> Self {
        let all = std::iter::once(public.clone()).chain(others).collect();
        Self { public, all, former: Vec::new() }
    }

    /// The same, with those where people signed in before. One whose host a route has is reached by the port of
    /// `public_url` now.
    #[must_use]
    pub fn with_former(mut self, former: Vec<Origin>) -> Self {
        for then in former {
            let now = self.find_host(then.host()).cloned();
            if now.is_none() {
                self.all.push(then.clone());
            }
            self.former.push(now.unwrap_or(then));
        }
        self
    }

    /// That where people signed in before, at `host`.
    pub fn former(&self, host: &Host) -> Option<&Origin> {
        self.former.iter().find(|origin| origin.host == *host)
    }

    /// The origin of `public_url`.
    pub fn public(&self) -> &Origin {
        &self.public
    }

    /// All of them, that of `public_url` first.
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.all.iter()
    }

    /// That of our pages at `host`; that of `public_url` where there are none.
    pub fn at(&self, host: &Host) -> &Origin {
        self.find_host(host).unwrap_or(&self.public)
    }

    fn find_host(&self, host: &Host) -> Option<&Origin> {
        self.iter().find(|origin| origin.host == *host)
    }

    /// The one that `text` is, if it is one.
    pub fn find(&self, text: &str) -> Option<&Origin> {
        self.iter().find(|origin| *origin.text == *text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_people_signed_in_before_is_where_that_host_is_now() {
        let origin = |text: &str| Origin::parse(text).unwrap();
        let ours = OwnOrigins::new(origin("https://auth.example.com"), [origin("https://wiki.example.com")]);
        let former = ["https://wiki.example.com:8443", "https://old.example.com:8443"].map(origin);
        let ours = ours.with_former(former.to_vec());
        let at = |host: &str| ours.former(&Host::parse(host).unwrap()).map(Origin::as_str);
        assert_eq!(at("wiki.example.com"), Some("https://wiki.example.com"));
        assert_eq!(at("old.example.com"), Some("https://old.example.com:8443"));
        assert_eq!(at("auth.example.com"), None);
        let all: Vec<&str> = ours.iter().map(Origin::as_str).collect();
        assert_eq!(all, ["https://auth.example.com", "https://wiki.example.com", "https://old.example.com:8443"]);
    }

    #[test]
    fn an_origin_is_exactly_what_browsers_send() {
        for good in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://app.localhost",
            "http://127.0.0.1:5173",
            "http://[::1]:5173",
            "https://[::ffff:c000:207]",
            "https://192.0.2.7",
        ] {
            assert_eq!(Origin::parse(good).map(|origin| origin.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(Origin::parse("https://app.example.com:8443").unwrap().host().as_str(), "app.example.com");
        for (bad, why) in [
            ("*", OriginError::Pattern),
            ("https://*.example.com", OriginError::Pattern),
            ("null", OriginError::Scheme),
            ("", OriginError::Scheme),
            ("app.example.com", OriginError::Scheme),
            ("file:///app", OriginError::Scheme),
            ("capacitor://localhost", OriginError::Scheme),
            ("http://app.example.com", OriginError::Insecure),
            ("http://localhost.example.com", OriginError::Insecure),
            ("https://app.example.com/", OriginError::More),
            ("https://app.example.com/app", OriginError::More),
            ("https://app.example.com?x", OriginError::More),
            ("https://app.example.com#x", OriginError::More),
            ("https://me@app.example.com", OriginError::More),
            ("https://", OriginError::Host(HostError::Empty)),
            ("https://a b", OriginError::Host(HostError::Character)),
            ("https://app.example.com:0", OriginError::Host(HostError::Port)),
            ("https://App.example.com", OriginError::Spelling("https://app.example.com".to_owned())),
            ("HTTPS://app.example.com", OriginError::Spelling("https://app.example.com".to_owned())),
            ("https://app.example.com.", OriginError::Spelling("https://app.example.com".to_owned())),
            ("https://app.example.com:443", OriginError::Spelling("https://app.example.com".to_owned())),
            ("http://localhost:80", OriginError::Spelling("http://localhost".to_owned())),
        ] {
            assert_eq!(Origin::parse(bad), Err(why), "{bad}");
        }
    }
}
