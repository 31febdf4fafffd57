//! `public_url`: where people sign in.

use std::fmt;

use url::Url;

use super::example;
use super::problem::{Checks, SettingPlace};
use super::setting::{Setting, parse_url};
use crate::domain::host::Host;

/// The origin where people sign in. Cookies, links, passkeys and the issuer follow from it.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicUrl {
    url: Url,
    host: Host,
    origin: String,
}

impl PublicUrl {
    /// Reads an origin: `https://` and a domain name, or `http://localhost` to try things out.
    ///
    /// # Errors
    /// A sentence that says what is allowed and why.
    pub fn parse(written: &str) -> Result<Self, String> {
        let example = "write it like \"https://notes.example.com\".";
        let url = parse_url(written, ["https", "http"], "https://", example)?;
        let host = match url.host() {
            Some(url::Host::Domain(name)) if !name.ends_with('.') => Host::parse(name).ok(),
            Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => {
                return Err(
                    "passkeys belong to a domain name and cannot be made for an IP address; to try things out \
                            on this machine use http://localhost and a port."
                        .to_owned(),
                );
            }
            _ => None,
        };
        let host = host.ok_or_else(|| format!("its host is not a domain name; {example}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("it has a user name or password; {example}"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("it is more than a scheme, a host and a port; {example}"));
        }
        if url.scheme() == "http" && !host.is_loopback() {
            return Err(
                "browsers make passkeys on https only; http is allowed for http://localhost alone. Write https://, and put TLS in front or set server.tls."
                    .to_owned(),
            );
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { url, host, origin })
    }

    /// The host, without its port.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port that browsers use.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Scheme, host and, where it is not the scheme's own, port; without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether people come over https, so that cookies are `__Host-` and `Secure`.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The URL, ending in `/`.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicUrl({})", self.origin)
    }
}

/// Reads the key, which must be there. Its place is for what follows from it.
pub(super) fn check(
    setting: Option<Setting>,
    root: &SettingPlace,
    checks: &mut Checks,
) -> Option<(PublicUrl, SettingPlace)> {
    let Some(setting) = setting else {
        checks.refuse(
            root,
            "`public_url` is missing. It is the address where people sign in, like public_url = \"https://notes.example.com\".",
        );
        return None;
    };
    let place = setting.place().clone();
    let url = setting.parsed(checks, PublicUrl::parse)?;
    if example::is_host(url.host()) {
        checks
            .fault(&place, format!("`public_url` is {url}, which is an example. Write the address of your own site."));
    }
    Some((url, place))
}

/// Reads `former_public_urls`: by the scheme of `public_url`, and of other hosts.
pub(super) fn check_former(
    setting: Option<Setting>,
    public_url: Option<&PublicUrl>,
    checks: &mut Checks,
) -> Option<Vec<PublicUrl>> {
    let Some(setting) = setting else { return Some(Vec::new()) };
    let items = setting.list(checks)?;
    let count = items.len();
    let mut former: Vec<PublicUrl> = Vec::new();
    for item in items {
        former.extend(item.parsed(checks, |text| read_former(text, public_url, &former)));
    }
    (former.len() == count).then_some(former)
}

fn read_former(text: &str, public_url: Option<&PublicUrl>, others: &[PublicUrl]) -> Result<PublicUrl, String> {
    let url = PublicUrl::parse(text)?;
    if let Some(public) = public_url {
        if url.host == public.host {
            return Err(
                "it has the host of `public_url`; only what people reached by another host is a former one.".to_owned()
            );
        }
        if url.is_https() != public.is_https() {
            return Err(format!("it must start with {}://, as `public_url` does.", public.url.scheme()));
        }
    }
    if others.iter().any(|other| other.host == url.host) {
        return Err("its host is there twice.".to_owned());
    }
    Ok(url)
}
