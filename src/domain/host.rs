//! The host a request names, in one spelling.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use idna::AsciiDenyList;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest domain name as text, in bytes (RFC 1035 §2.3.4, less the root's own byte).
const LONGEST: usize = 253;

/// A host without its port, in its canonical spelling, which is also that of browsers: a domain name in lower-case
/// ASCII without a dot at the end, an IPv4 address in four decimal numbers, or an IPv6 address in brackets (RFC 5952,
/// and without a dotted part).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(Box<str>);

/// A host and, where one was named, its port: what a `Host` header or `:authority` says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The host, which alone decides the route.
    pub host: Host,
    /// The port, where one was named.
    pub port: Option<u16>,
}

/// Why a text does not name a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// Nothing is there.
    #[error("the host is empty")]
    Empty,
    /// A byte that cannot stand in a host: space, control, `@`, `/`, `,`, or outside ASCII on the wire.
    #[error("the host has a character that a host cannot have")]
    Character,
    /// A label is empty, over 63 bytes, or has a hyphen at its edge; or the whole is over 253 bytes.
    #[error("this is not a domain name: its parts are 1 to 63 letters, digits and inner hyphens, at most 253 in all")]
    Name,
    /// The text looks like an IP address and is none in its usual spelling.
    #[error("this looks like an IP address but is not one in its usual spelling")]
    Address,
    /// The port is not a number from 1 to 65535 without leading zeros.
    #[error("the port is not a number from 1 to 65535")]
    Port,
}

impl Host {
    /// Reads a host as a person writes it in a configuration: case does not matter, a name may be in its own script,
    /// and a port is not allowed.
    ///
    /// # Errors
    /// Says what makes it not a host.
    pub fn parse(written: &str) -> Result<Self, HostError> {
        if written.is_ascii() {
            return Self::from_ascii(written);
        }
        let ascii = idna::domain_to_ascii_cow(written.as_bytes(), AsciiDenyList::URL).map_err(|_| HostError::Name)?;
        Self::from_ascii(&ascii)
    }

    /// The host, as it stands in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The IP address, where the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        if let Some(inner) = self.0.strip_prefix('[') {
            let inner = inner.strip_suffix(']')?;
            return inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
        }
        // A name that ends in a digit label cannot exist, so this is quick for names.
        self.0.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    }

    /// Whether this host is `localhost`, a name below it (RFC 6761 §6.3), or a loopback address.
    pub fn is_loopback(&self) -> bool {
        &*self.0 == "localhost" || self.0.ends_with(".localhost") || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// Whether this host is `parent` or stands below it, by whole labels. An address is only itself.
    pub fn is_within(&self, parent: &Self) -> bool {
        if self == parent {
            return true;
        }
        let below = self.0.strip_suffix(&*parent.0).is_some_and(|rest| rest.ends_with('.'));
        below && self.ip().is_none()
    }

    fn from_ascii(text: &str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(HostError::Address)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| HostError::Address)?;
            return Ok(Self(format!("[{}]", spelled(address)).into()));
        }
        // One dot at the end names the same host (RFC 1034 §3.1).
        let name = text.strip_suffix('.').unwrap_or(text);
        let mut punycode = false;
        let mut last = "";
        for label in name.split('.') {
            if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
                return Err(HostError::Character);
            }
            if !(1..=63).contains(&label.len()) || label.starts_with('-') || label.ends_with('-') {
                return Err(HostError::Name);
            }
            punycode |= label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
            last = label;
        }
        if name.len() > LONGEST {
            return Err(HostError::Name);
        }
        // The URL standard's "ends in a number": what a browser would read as an address must be one, in the only
        // spelling that all parsers read alike. `127.1` and `0x7f.1` are not.
        if ends_as_a_number(last) {
            let address: Ipv4Addr = name.parse().map_err(|_| HostError::Address)?;
            return Ok(Self(address.to_string().into()));
        }
        let lower = name.to_ascii_lowercase();
        if punycode {
            let (_, checked) = idna::domain_to_unicode(&lower);
            checked.map_err(|_| HostError::Name)?;
        }
        Ok(Self(lower.into()))
    }
}

/// An IPv6 address as browsers write it (the URL standard's IPv6 serializer): where an IPv4 address is inside, they
/// write it in hexadecimal too, which RFC 5952 §5 leaves open. An origin is compared by this text.
fn spelled(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("::ffff:{high:x}:{low:x}"),
        (None, _) => address.to_string(),
    }
}

fn ends_as_a_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl Authority {
    /// Reads the value of a `Host` header or `:authority`, strictly (RFC 9110 §7.2, RFC 3986 §3.2): a host and at most
    /// one port, with nothing before, between or after. Several headers are for the caller to refuse; several values in
    /// one header are refused here.
    ///
    /// # Errors
    /// The request is malformed and deserves a 400.
    pub fn parse(value: &[u8]) -> Result<Self, HostError> {
        if value.is_empty() {
            return Err(HostError::Empty);
        }
        let text = str::from_utf8(value).map_err(|_| HostError::Character)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HostError::Character);
        }
        // The colons of an IPv6 address are inside its brackets.
        let end_of_host = match text.find(']') {
            Some(bracket) => bracket + 1,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(end_of_host);
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(parse_port(digits)?),
            None if rest.is_empty() => None,
            None => return Err(HostError::Character),
        };
        Ok(Self { host: Host::from_ascii(host)?, port })
    }
}

fn parse_port(digits: &str) -> Result<u16, HostError> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if !plain {
        return Err(HostError::Port);
    }
    digits.parse().map_err(|_| HostError::Port)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

impl TryFrom<String> for Host {
    type Error = HostError;

    fn try_from(text: String) -> Result<Self, HostError> {
        Self::parse(&text)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).expect("a host")
    }

    #[track_caller]
    fn reads(value: &str, canonical: &str) {
        assert_eq!(Authority::parse(value.as_bytes()).map(|authority| authority.to_string()), Ok(canonical.to_owned()));
    }

    #[track_caller]
    fn refuses(value: &[u8], why: HostError) {
        assert_eq!(Authority::parse(value), Err(why), "{}", value.escape_ascii());
    }

    #[test]
    fn one_host_has_one_spelling() {
        reads("notes.example.com", "notes.example.com");
        reads("Notes.Example.COM:8443", "notes.example.com:8443");
        reads("example.com.", "example.com");
        reads("xn--bcher-kva.example", "xn--bcher-kva.example");
        reads("my_app:80", "my_app:80");
        reads("localhost", "localhost");
        reads("127.0.0.1:8080", "127.0.0.1:8080");
        reads("[::1]", "[::1]");
        reads("[0:0:0:0:0:0:0:1]:443", "[::1]:443");
        reads("[2001:DB8::1]", "[2001:db8::1]");
        // With an IPv4 address inside, as browsers write it.
        reads("[::ffff:192.0.2.7]:443", "[::ffff:c000:207]:443");
        reads("[::ffff:0:0]", "[::ffff:0:0]");
    }

    #[test]
    fn a_name_in_its_own_script_is_read_from_a_configuration_but_not_from_the_wire() {
        assert_eq!(host("Bücher.example").as_str(), "xn--bcher-kva.example");
        refuses("bücher.example".as_bytes(), HostError::Character);
    }

    #[test]
    fn what_is_not_one_host_is_refused() {
        refuses(b"", HostError::Empty);
        refuses(b":80", HostError::Empty);
        refuses(b".", HostError::Name);
        refuses(b"a..b", HostError::Name);
        refuses(b"example.com..", HostError::Name);
        refuses(b"-a.example", HostError::Name);
        refuses(b"a-.example", HostError::Name);
        refuses(b"xn--a.example", HostError::Name);
        refuses(b"user@example.com", HostError::Character);
        refuses(b"user:pw@example.com", HostError::Port);
        refuses(b" example.com", HostError::Character);
        refuses(b"exam ple.com", HostError::Character);
        refuses(b"example.com\t", HostError::Character);
        refuses(b"example.com\0", HostError::Character);
        refuses(b"example.com,other.example", HostError::Character);
        refuses(b"example.com/path", HostError::Character);
        refuses(b"example.com?q", HostError::Character);
        refuses(b"example.com#f", HostError::Character);
        refuses(b"example%2ecom", HostError::Character);
        refuses(b"http://example.com", HostError::Port);
        refuses(b"\xff.example", HostError::Character);
        refuses(b"127.1", HostError::Address);
        refuses(b"2130706433", HostError::Address);
        refuses(b"0x7f.0x1", HostError::Address);
        refuses(b"127.0.0.01", HostError::Address);
        refuses(b"127.0.0.256", HostError::Address);
        refuses(b"[::1", HostError::Port);
        refuses(b"::1", HostError::Port);
        refuses(b"[::1%25eth0]", HostError::Address);
        refuses(b"[127.0.0.1]", HostError::Address);
        refuses(b"[::1]x", HostError::Character);
        refuses(b"x[::1]", HostError::Character);
    }

    #[test]
    fn a_port_is_a_plain_number() {
        for bad in ["", "0", "080", "65536", "+80", "-1", "8o", "80:80", "99999999999999999999"] {
            refuses(format!("example.com:{bad}").as_bytes(), HostError::Port);
            refuses(format!("[::1]:{bad}").as_bytes(), HostError::Port);
        }
        reads("example.com:65535", "example.com:65535");
    }

    #[test]
    fn a_port_does_not_belong_to_a_configured_host() {
        assert_eq!(Host::parse("example.com:80"), Err(HostError::Character));
    }

    #[test]
    fn too_long_a_name_is_refused() {
        let longest = format!("{}aaaaa", "abcdefg.".repeat(31));
        assert_eq!(longest.len(), 253);
        assert!(Host::parse(&longest).is_ok());
        assert_eq!(Host::parse(&format!("{longest}a")), Err(HostError::Name));
        assert_eq!(Host::parse(&"a".repeat(64)), Err(HostError::Name));
    }

    #[test]
    fn a_host_is_within_its_parent_by_whole_labels() {
        assert!(host("notes.example.com").is_within(&host("example.com")));
        assert!(host("example.com").is_within(&host("example.com")));
        assert!(!host("badexample.com").is_within(&host("example.com")));
        assert!(!host("example.com").is_within(&host("notes.example.com")));
        assert!(!host("example.com.evil.example").is_within(&host("example.com")));
    }

    #[test]
    fn loopback_is_known_by_name_and_by_address() {
        for loopback in ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(host(loopback).is_loopback(), "{loopback}");
        }
        for other in ["example.com", "notlocalhost", "localhost.example", "192.0.2.1", "[2001:db8::1]"] {
            assert!(!host(other).is_loopback(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_reads_again_as_itself(value in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Ok(authority) = Authority::parse(&value) {
                prop_assert_eq!(Authority::parse(authority.to_string().as_bytes()), Ok(authority));
            }
        }

        #[test]
        fn whatever_looks_like_a_host_reads_again_as_itself(value in "[a-zA-Z0-9.:_\\[\\]-]{0,16}") {
            if let Ok(authority) = Authority::parse(value.as_bytes()) {
                let text = authority.to_string();
                prop_assert!(!text.bytes().any(|byte| byte.is_ascii_uppercase()));
                prop_assert!(!authority.host.as_str().ends_with('.'));
                prop_assert_eq!(Authority::parse(text.as_bytes()), Ok(authority));
            }
        }
    }
}
