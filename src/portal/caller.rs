//! Who asks: the visitor, their language and their session, read from a request once.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use http::{HeaderMap, Uri};
use url::form_urlencoded;

use super::Portal;
use super::views::chrome::Chrome;
use crate::auth::sessions::LiveSession;
use crate::domain::cookies;
use crate::domain::destination::Destination;
use crate::domain::known_device::KnownDevice;
use crate::domain::language::Language;
use crate::domain::origin::Origin;
use crate::domain::secret::Secret;
use crate::domain::user_agent::UserAgent;
use crate::domain::utc_offset::UtcOffset;
use crate::domain::visitor::{ClientKind, Visitor};
use crate::gate::credentials;
use crate::gate::peer::PeerInfo;
use crate::store::StoreError;
use crate::wording::Words;

/// Who sent a request to the portal.
#[derive(Clone, Debug)]
pub struct Caller {
    /// As the flows know them.
    pub visitor: Visitor,
    /// As the listener saw them.
    pub peer: PeerInfo,
    /// The language they read.
    pub language: Language,
    /// The language was asked for in the address, and is to be remembered.
    pub chose_language: bool,
    /// Whether they came with a flow cookie; without one, `flow` is fresh and to be set.
    pub has_flow: bool,
    /// The secret of their flow cookie.
    pub flow: Secret,
    /// Whether they look at our pages inside of another app, as far as their browser says.
    pub inside_app: bool,
    /// What the log calls this request.
    pub request_id: String,
    /// Where they want to go, as the address says.
    pub return_to: Option<Destination>,
}

impl Caller {
    /// The words of their language.
    pub fn words<'a>(&self, portal: &'a Portal) -> Words<'a> {
        Words::new(self.language, portal.brand.name())
    }

    /// Their session, if they have one that is live.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn session(&self, portal: &Portal) -> Result<Option<LiveSession>, StoreError> {
        match (self.visitor.session, self.visitor.host()) {
            (Some(token), Some(host)) => portal.auth.sessions.find_at(token, host).await,
            _ => Ok(None),
        }
    }

    /// What a page for them needs, with the form token `csrf`.
    pub fn chrome<'a>(&'a self, portal: &'a Portal, csrf: &'a str) -> Chrome<'a> {
        Chrome {
            language: self.language,
            brand: &portal.brand,
            assets: &portal.assets,
            csrf,
            request_id: &self.request_id,
            inside_app: self.inside_app,
        }
    }

    /// Where to go on to.
    pub fn destination(&self) -> Destination {
        self.return_to.clone().unwrap_or_default()
    }

    /// The same, on the way to where a form of theirs says, if it says anything that can be gone to.
    pub fn bound_for(self, text: Option<&str>, portal: &Portal) -> Self {
        let return_to = text.and_then(|text| self.read_destination(text, portal)).or(self.return_to.clone());
        Self { return_to, ..self }
    }

    /// Where they want to go, for a link that keeps it.
    pub fn return_path(&self) -> Option<&str> {
        self.return_to.as_ref().map(Destination::as_str)
    }

    /// Where a text of theirs leads, if that can be gone to.
    pub fn read_destination(&self, text: &str, portal: &Portal) -> Option<Destination> {
        Destination::read(text, self.origin(portal), &portal.origins)
    }

    /// Where a text of theirs leads; to the app's root where it says nothing that can be gone to.
    pub fn destination_or_root(&self, text: Option<&str>, portal: &Portal) -> Destination {
        text.and_then(|text| self.read_destination(text, portal)).unwrap_or_default()
    }

    /// The whole address of a destination of theirs.
    pub fn address(&self, destination: &Destination, portal: &Portal) -> String {
        destination.address(self.origin(portal), &portal.origins)
    }

    /// The same for a script, whole also where it is kept as a bookmark: what a script reads has room for it, which the
    /// headers of an answer do not have behind every proxy.
    pub async fn whole_address(&self, destination: &Destination, portal: &Portal) -> String {
        let kept = match destination.bookmark() {
            // Where it cannot be read, the bookmark itself may lead there yet.
            Some(name) => portal.auth.bookmarks.find(&name).await.ok().flatten(),
            None => None,
        };
        match kept.filter(|bookmark| bookmark.host == self.peer.authority.host) {
            Some(bookmark) => format!("{}{}", self.origin(portal), bookmark.target),
            None => self.address(destination, portal),
        }
    }

    /// The origin of our pages on the host they came to.
    fn origin<'a>(&self, portal: &'a Portal) -> &'a Origin {
        portal.origins.at(&self.peer.authority.host)
    }
}

/// The cookie in which our scripts say how far the browser's clock is from UTC. It goes to our pages alone, and is
/// never set by us.
const OFFSET: &str = "bmauth-offset";

/// The parameters that say where a visitor wants to go. The other name is what oauth2-proxy calls it, and what
/// ingress-nginx writes by itself.
pub const RETURN_TO: [&str; 2] = ["return_to", "rd"];

/// The first value of a parameter of an address.
pub fn query(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default().as_bytes();
    form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl FromRequestParts<Arc<Portal>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Infallible> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let caller = read(parts, portal);
        // Layers and handler see the same one, or a fresh flow secret would be two.
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

fn read(parts: &Parts, portal: &Portal) -> Caller {
    let headers = &parts.headers;
    let peer = parts.extensions.get::<PeerInfo>().cloned().expect("whoever calls the portal says for whom");
    let lang = query(&parts.uri, "lang");
    let language = language(portal, lang.as_deref(), headers);
    let flow = cookie(headers, portal.cookies.flow).and_then(|text| Secret::parse(&text));
    let has_flow = flow.is_some();
    let flow = flow.unwrap_or_else(|| Secret::generate(portal.auth.entropy()));
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user_agent = UserAgent::parse(user_agent);
    let visitor = Visitor {
        browser: flow.digest(),
        description: Words::new(language, portal.brand.name()).browser(user_agent),
        address: peer.address,
        language: language.tag().to_owned(),
        offset: cookie(headers, OFFSET).and_then(|text| UtcOffset::parse(&text)),
        session: credentials::session_token(headers, portal.cookies.session),
        origin: Some(portal.origins.at(&peer.authority.host).clone()),
        device: cookie(headers, portal.cookies.device).and_then(|text| KnownDevice::read(&text)),
        press: None,
        client: ClientKind::Pages,
    };
    let caller = Caller {
        visitor,
        inside_app: user_agent.inside_app,
        request_id: peer.request_id.to_string(),
        peer,
        language,
        chose_language: lang.and_then(|tag| Language::from_tag(&tag)).is_some(),
        has_flow,
        flow,
        return_to: None,
    };
    let return_to = RETURN_TO.iter().find_map(|name| query(&parts.uri, name));
    let return_to = return_to.map(|text| caller.destination_or_root(Some(&text), portal));
    Caller { return_to, ..caller }
}

/// The language of a visitor who sent these headers, and perhaps `?lang=`.
pub(super) fn language(portal: &Portal, lang: Option<&str>, headers: &HeaderMap) -> Language {
    Language::negotiate(
        lang,
        cookie(headers, portal.cookies.language).as_deref(),
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()),
    )
}

/// The one value of a cookie; two values of one name count as none.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes);
    cookies::find(values, name).only.and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned)
}
