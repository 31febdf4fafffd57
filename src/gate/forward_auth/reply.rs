//! How the answers look.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::original::Original;
use super::{ForwardAuth, ForwardAuthQuestion, ForwardAuthReply, ForwardAuthSubject};
use crate::auth::principal::Principal;
use crate::domain::cookies::AppCookies;
use crate::domain::route::{Route, Scheme};
use crate::gate::credentials::{self, Credentials};
use crate::gate::detour;
use crate::gate::hand_off::SignInRedirect;
use crate::gate::peer::RequestId;
use crate::gate::refusal::GateRefusal;
use crate::gate::way_back::{self, Led};

static HEADERS_TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");
/// Says why in one word, for a proxy that drops the body of a refusal or has none to show (nginx, a redirect).
static PROBLEM: HeaderName = HeaderName::from_static("x-bmauth-problem");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const EMPTY: HeaderValue = HeaderValue::from_static("");

/// 200: the request may pass, and this is who sent it. Every header that tells an app so is there, also where it has no
/// value: a proxy that copies it writes over whatever the client sent.
pub(super) fn pass(
    this: &ForwardAuth,
    identity: Option<(&Principal, HeaderValue)>,
    theirs: Theirs,
) -> ForwardAuthReply {
    let Theirs { cookie, authorization } = theirs;
    let mut headers: Vec<(HeaderName, HeaderValue)> = this.identity.iter().map(|name| (name.clone(), EMPTY)).collect();
    if let Some((principal, token)) = identity {
        let plain = this.settings.plain_headers.of(principal);
        for (name, told) in std::iter::once((&this.settings.identity_header, token)).chain(plain) {
            for (_, value) in headers.iter_mut().filter(|(own, _)| own == name) {
                value.clone_from(&told);
            }
        }
    }
    let unsaid = headers.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name);
    let withheld = [(&COOKIE, &cookie), (&AUTHORIZATION, &authorization)].into_iter();
    let withheld = withheld.filter(|(_, left)| left.is_withheld()).map(|(name, _)| name);
    let to_remove = this.removals.with(unsaid.chain(withheld));
    headers.push((COOKIE, cookie.left.unwrap_or(EMPTY)));
    headers.push((AUTHORIZATION, authorization.left.unwrap_or(EMPTY)));
    headers.push((HEADERS_TO_REMOVE.clone(), to_remove));
    headers.push((CACHE_CONTROL, NO_STORE));
    ForwardAuthReply { status: StatusCode::OK, headers, body: Bytes::new(), about: ForwardAuthSubject::default() }
}

/// The client's credentials that are the app's affair, without ours. A proxy that copies these headers keeps our
/// secrets from the app, as the proxy here does.
pub(super) struct Theirs {
    cookie: Left,
    authorization: Left,
}

/// What is left of a header, if it came at all: a proxy need not show it here.
struct Left {
    came: bool,
    left: Option<HeaderValue>,
}

impl Left {
    fn is_withheld(&self) -> bool {
        self.came && self.left.as_ref().is_none_or(HeaderValue::is_empty)
    }
}

impl Theirs {
    /// Those in `headers`. Nothing is left of them for a route whose requests are passed on from here. No proxy needs
    /// to ask about one, and where a proxy in front hands everything on, a page's script could read by such a question
    /// the cookies that its app hides from scripts. `forwarded` is what the app is told in the place of an access token
    /// of ours.
    pub(super) fn of(
        headers: &HeaderMap,
        credentials: &Credentials,
        forwarded: Option<HeaderValue>,
        route: &Route,
    ) -> Self {
        let (came, authorized) = (headers.contains_key(COOKIE), headers.contains_key(AUTHORIZATION));
        let left =
            |came, left: Option<HeaderValue>| Left { came, left: left.filter(|_| route.upstream.servers.is_empty()) };
        let cookie = match credentials.cookies {
            AppCookies::AsItCame => headers.get(COOKIE).cloned(),
            AppCookies::Nothing => None,
            // What was taken out of valid headers is valid.
            AppCookies::Some => HeaderValue::from_bytes(&credentials::cookies_without_ours(headers)).ok(),
        };
        let mut values = headers.get_all(AUTHORIZATION).iter();
        // Two would be said in one header, which means neither.
        let only = values.next().filter(|_| values.next().is_none());
        let authorization = forwarded.or_else(|| only.filter(|_| !credentials.bearer.is_withheld()).cloned());
        Self { cookie: left(came, cookie), authorization: left(authorized, authorization) }
    }
}

/// Why it may not pass: 403, or what a proxy makes a redirect of.
pub(super) fn refuse(
    status: StatusCode,
    refusal: GateRefusal,
    request_id: RequestId,
    sign_in_url: Option<&str>,
) -> ForwardAuthReply {
    let (mut headers, body) = refusal.problem(status, request_id, sign_in_url);
    headers.push((PROBLEM.clone(), HeaderValue::from_static(refusal.name())));
    headers.push((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    headers.push((CACHE_CONTROL, NO_STORE));
    ForwardAuthReply {
        status,
        headers,
        body,
        about: ForwardAuthSubject { refusal: Some(refusal), ..ForwardAuthSubject::default() },
    }
}

/// A whole address of ours.
pub(super) fn whole_location(address: &str) -> (HeaderName, HeaderValue) {
    (LOCATION, HeaderValue::from_str(address).expect("a host and percent-encoded text are visible ASCII"))
}

impl ForwardAuth {
    /// Where the person of a script signs in, where that is what is missing.
    pub(super) fn leaving(
        &self,
        refusal: GateRefusal,
        question: &ForwardAuthQuestion<'_>,
        original: &Original,
    ) -> Option<SignInRedirect> {
        (refusal == GateRefusal::SignInRequired)
            .then(|| self.hand_offs.redirect_script_to_sign_in(&original.authority.host, question.headers))
    }

    /// 401: the visitor has to do something first, such as sign in.
    pub(super) fn unauthorized(
        &self,
        refusal: GateRefusal,
        question: &ForwardAuthQuestion<'_>,
        leaving: Option<SignInRedirect>,
    ) -> ForwardAuthReply {
        let sign_in_url = leaving.as_ref().map(|leaving| leaving.address.as_str());
        let mut reply = refuse(StatusCode::UNAUTHORIZED, refusal, question.request_id, sign_in_url);
        reply.headers.extend(leaving.and_then(|leaving| leaving.set_cookie).map(|cookie| (SET_COOKIE, cookie)));
        reply
    }

    /// 303: a person goes on by way of one of our pages.
    pub(super) async fn send_to(
        &self,
        page: &str,
        refusal: GateRefusal,
        question: &ForwardAuthQuestion<'_>,
        original: &Original,
    ) -> ForwardAuthReply {
        let problem = (PROBLEM.clone(), HeaderValue::from_static(refusal.name()));
        let headers = vec![self.location(page, question, original).await, problem, (CACHE_CONTROL, NO_STORE)];
        let about = ForwardAuthSubject { refusal: Some(refusal), ..ForwardAuthSubject::default() };
        ForwardAuthReply { status: StatusCode::SEE_OTHER, headers, body: Bytes::new(), about }
    }

    /// The whole address: a relative one would be the asked server's to some proxies (Traefik), not the app's.
    pub(super) async fn location(
        &self,
        page: &str,
        question: &ForwardAuthQuestion<'_>,
        original: &Original,
    ) -> (HeaderName, HeaderValue) {
        let Original { method, target, .. } = original;
        let ForwardAuthQuestion { headers, client, .. } = *question;
        let led = Led { method, target, headers, address: self.address(original), client };
        let return_to = way_back::way_back(led, &*self.gatekeeper).await;
        whole_location(&format!("{}{}", self.origin(original), detour::by_way_of(page, &return_to)))
    }

    /// Where the pages are that belong to what was asked about: on its host, by the scheme of `public_url`, since
    /// people cannot sign in by another.
    fn origin(&self, original: &Original) -> String {
        let scheme = self.settings.public_scheme;
        let same = original.scheme == scheme;
        let port = if same { original.authority.port } else { self.settings.public_port };
        let port = port.filter(|port| *port != Scheme::default_port(scheme));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", scheme.as_str(), original.authority.host)
    }
}
