//! Who is at the other end of a request, as far as a flow needs to know.

use std::net::IpAddr;

use super::claim::Claim;
use super::host::Host;
use super::known_device::KnownDevice;
use super::network::Network;
use super::origin::Origin;
use super::press::Press;
use super::secret::{Secret, SecretDigest};
use super::utc_offset::UtcOffset;

/// A browser in the middle of a flow.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The digest of its flow cookie.
    pub browser: SecretDigest,
    /// Browser and system in words, "Firefox on Windows".
    pub description: String,
    /// Its address; `None` where the outer proxy did not say.
    pub address: Option<IpAddr>,
    /// The language it reads, as a BCP 47 tag.
    pub language: String,
    /// How far its clock is from UTC, where it says so.
    pub offset: Option<UtcOffset>,
    /// The digest of the session token it came with, if any: a new session takes its place.
    pub session: Option<SecretDigest>,
    /// The origin of the page it is on, where its passkeys answer; `None` for a client of the API that is no browser.
    pub origin: Option<Origin>,
    /// What it is known by to accounts; `None` where it is to none.
    pub device: Option<KnownDevice>,
    /// What it pressed on one of our pages; `None` where nothing was.
    pub press: Option<Press>,
    /// What kind of client it is.
    pub client: ClientKind,
}

/// What kind of client a visitor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientKind {
    /// A browser on our pages, which keeps its flow cookie.
    #[default]
    Pages,
    /// A client of the API.
    Api {
        /// Whether it came with a flow cookie or a ticket; if not, `browser` is the digest of a fresh cookie, which it
        /// may keep.
        cookie: bool,
    },
}

impl Visitor {
    /// The flow cookie or ticket that what it begins is bound to; `None` where it has none to keep.
    pub fn binding(&self) -> Option<SecretDigest> {
        (self.client != ClientKind::Api { cookie: false }).then_some(self.browser)
    }

    /// The same client, bound to the ticket with that digest instead of to a cookie.
    pub fn with_ticket(&self, ticket: SecretDigest) -> Self {
        Self { browser: over_api(ticket), client: ClientKind::Api { cookie: true }, ..self.clone() }
    }

    /// How it is known when it comes again with a code.
    pub fn claim(&self) -> Claim {
        match self.client {
            ClientKind::Pages | ClientKind::Api { cookie: true } => Claim::Cookie,
            ClientKind::Api { cookie: false } => Claim::Code { network: self.network() },
        }
    }

    /// The same browser with the flow cookie that it goes on with after what it pressed. An attacker who knows the one
    /// before, for having planted it, is left behind.
    #[must_use]
    pub fn moved_on(&self) -> Self {
        let browser = self.press.as_ref().map_or(self.browser, |press| press.flow().digest());
        Self { browser, ..self.clone() }
    }

    /// The host whose cookie its session is carried in; `None` for a client of the API, which carries tokens.
    pub fn host(&self) -> Option<&Host> {
        self.origin.as_ref().filter(|_| self.client == ClientKind::Pages).map(Origin::host)
    }

    /// The bytes that name the network the visitor is in.
    pub fn network(&self) -> Vec<u8> {
        network(self.address)
    }
}

/// What a client is called over the API whose flow cookie or ticket has the digest `browser`. Of a browser, what it
/// begins on our pages goes on there alone, and what its scripts begin over the API goes on over the API.
pub fn over_api(browser: SecretDigest) -> SecretDigest {
    Secret::from_bytes(*browser.bytes()).digest()
}

/// The bytes that name the network of an address.
pub fn network(address: Option<IpAddr>) -> Vec<u8> {
    address.map(|address| Network::of(address).bytes()).unwrap_or_default()
}
