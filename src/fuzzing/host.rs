//! Hosts, as requests and configurations name them.

use std::net::IpAddr;

use url::Url;

use crate::domain::host::{Authority, Host};
use crate::domain::origin::{Origin, Scheme};
use crate::domain::upstream::{UpstreamPlace, UpstreamUrl};

/// Reads the value of a `Host` header, a host of a configuration, an origin and an upstream. What any of them reads is
/// read from its own spelling as the same again, and is to a browser what it is here.
pub fn host(input: &[u8]) {
    if let Ok(authority) = Authority::parse(input) {
        assert_eq!(Authority::parse(authority.to_string().as_bytes()).as_ref(), Ok(&authority));
        assert_ne!(authority.port, Some(0), "{authority}");
        is_one_host(&authority.host);
        for scheme in [Scheme::Http, Scheme::Https] {
            is_sent_by_browsers(&Origin::of(scheme, authority.clone()));
        }
    }
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(host) = Host::parse(text) {
        is_one_host(&host);
    }
    if let Ok(origin) = Origin::parse(text) {
        assert_eq!(origin.as_str(), text);
        is_sent_by_browsers(&origin);
    }
    if let Ok(upstream) = UpstreamUrl::parse(text) {
        assert_eq!(UpstreamUrl::parse(&upstream.to_string()).as_ref(), Ok(&upstream));
        match upstream.place() {
            UpstreamPlace::Tcp { host, .. } => is_one_host(host),
            UpstreamPlace::Unix(path) => assert!(path.is_absolute(), "{upstream}"),
        }
    }
}

fn is_one_host(host: &Host) {
    let text = host.as_str();
    assert_eq!(Host::parse(text).as_ref(), Ok(host));
    assert_eq!(Authority::parse(text.as_bytes()).map(|authority| authority.host).as_ref(), Ok(host));
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()), "{text}");
    assert!(!text.ends_with('.') && host.is_within(host), "{text}");

    let url = Url::parse(&format!("https://{text}/"));
    let read = url.as_ref().ok().and_then(Url::host);
    assert_eq!(read.as_ref().map(ToString::to_string).as_deref(), Some(text), "a browser reads another host");
    let ip = match read {
        Some(url::Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(url::Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        Some(url::Host::Domain(_)) | None => None,
    };
    assert_eq!(host.ip(), ip, "a browser reads another address");
}

fn is_sent_by_browsers(origin: &Origin) {
    let url = Url::parse(origin.as_str());
    let sent = url.map(|url| url.origin().ascii_serialization());
    assert_eq!(sent.as_deref(), Ok(origin.as_str()), "a browser spells it otherwise");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::fuzzing::inputs::holds;

    #[test]
    fn whatever_is_read_as_a_host_is_one_host_to_everybody() {
        let label = "[a-zA-Z0-9_-]{1,8}|xn--[a-z0-9-]{1,8}|0x[0-9a-f]{0,3}|[0-9]{1,3}|\\PC{1,4}";
        let name = proptest::collection::vec(label, 1..5).prop_map(|labels| labels.join("."));
        let v6 = "\\[[0-9a-fA-F:.]{2,24}\\]|\\[(::|::ffff:|64:ff9b::)[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]\\.[0-9]\\]";
        let host = prop_oneof![3 => name.boxed(), 1 => v6.boxed()];
        let start =
            prop_oneof![Just(""), Just("https://"), Just("http://"), Just("HTTPS://"), Just("h2c://"), Just("unix:/")];
        let end = "(:[0-9]{1,6})?[/.]?";
        holds("host", super::host, (start, host, end).prop_map(|(start, host, end)| format!("{start}{host}{end}")));
    }
}
