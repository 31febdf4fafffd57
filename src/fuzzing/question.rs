//! Questions of a proxy in front.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use http::header::{COOKIE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use url::Url;
use uuid::Uuid;

use crate::auth::principal::Principal;
use crate::auth::sessions::table::SessionTable;
use crate::domain::account::{Account, AccountId};
use crate::domain::aftermath::Aftermath;
use crate::domain::clock::Timestamp;
use crate::domain::cookies::is_ours;
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::host::{Authority, Host};
use crate::domain::origin::{Origin, OwnOrigins};
use crate::domain::own_paths::SEGMENT;
use crate::domain::passkey::CredentialId;
use crate::domain::path::{RequestTarget, RoutePath};
use crate::domain::plain_header::Fact;
use crate::domain::route::{Access, Demands, Methods, Route, RouteId, Routes, Scheme};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::{Authentication, Method as Proof, Session, SessionId, SessionLimits, SignedIn};
use crate::domain::upstream::{Upstream, UpstreamUrl};
use crate::gate::cookies::CookieNames;
use crate::gate::credentials::Credentials;
use crate::gate::forward_auth::{ForwardAuth, ForwardAuthQuestion, ForwardAuthReply, ForwardAuthSettings};
use crate::gate::gatekeeper::Gatekeeper;
use crate::gate::hand_off::HandOffs;
use crate::gate::peer::RequestId;
use crate::gate::plain_headers::PlainHeaders;
use crate::gate::refusal::GateRefusal;
use crate::identity::IdentityError;
use crate::store::StoreError;
use crate::wire::system::SystemEntropy;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const SESSION_COOKIE: &str = "__Host-bmauth";
/// What the keeper here takes for an access token of ours, with a session's secret behind it.
const ACCESS_TOKEN: &str = "access.token.";
/// What every identity token is here.
const TOKEN: &str = "header.claims.signature";
static IDENTITY: HeaderName = HeaderName::from_static("x-bmauth-jwt");
static PLAIN: LazyLock<PlainHeaders> = LazyLock::new(|| {
    let names = ["remote-user", "remote-name", "acme-mail"].map(HeaderName::from_static);
    names.into_iter().zip([Fact::Id, Fact::Name, Fact::Email]).collect()
});

/// A person who may, in one of the groups.
const EDITOR: u8 = 7;
/// A person who has still to answer "Keep your account safe".
const RECOVERED: u8 = 8;

/// Who is signed in.
struct Keeper(SessionTable);

static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let asked = |id, host, path, access, groups: &[&str]| Route {
        id: RouteId(id),
        host: Host::parse(host).expect("a host"),
        path: RoutePath::parse(path).expect("a path"),
        exact: false,
        methods: Methods::default(),
        upstream: Upstream::of(Vec::new()),
        demands: Demands {
            access,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            audience: Arc::from("https://notes.example.com"),
            forward_authorization: false,
        },
    };
    let server = || UpstreamUrl::parse("http://127.0.0.1:8000").expect("a URL");
    let passed_on = |route| Route { upstream: Upstream::of(vec![server()]), ..route };
    Routes::new([
        asked(0, "notes.example.com", "/", Access::SignedIn, &[]),
        asked(1, "notes.example.com", "/public", Access::Public, &[]),
        asked(2, "notes.example.com", "/optional", Access::Optional, &[]),
        asked(3, "notes.example.com", "/editors", Access::SignedIn, &["editors"]),
        asked(4, "notes.example.com", "/admins", Access::SignedIn, &["admins"]),
        passed_on(asked(5, "notes.example.com", "/here", Access::Optional, &[])),
        asked(6, "open.example.com", "/", Access::Public, &[]),
        asked(7, "[::1]", "/a", Access::Optional, &[]),
    ])
    .expect("each host and path once")
});

static ANSWERING: LazyLock<ForwardAuth> = LazyLock::new(|| {
    let limits = SessionLimits { idle: Duration::from_secs(3600), absolute: Duration::from_secs(36_000) };
    let keeper = Keeper(SessionTable::new(limits));
    keeper.admit(EDITOR, false);
    keeper.admit(RECOVERED, true);
    let settings = ForwardAuthSettings {
        public_scheme: Scheme::Https,
        public_port: None,
        identity_header: IDENTITY.clone(),
        plain_headers: PLAIN.clone(),
    };
    let origin = |host: &Host| Origin::of(Scheme::Https, Authority { host: host.clone(), port: None });
    let public = Host::parse("notes.example.com").expect("a host");
    let origins = OwnOrigins::new(origin(&public), ROUTES.hosts().filter(|host| **host != public).map(origin));
    let hand_offs = HandOffs::new(origins, CookieNames::new(true), Arc::new(SystemEntropy));
    ForwardAuth::new(ROUTES.clone(), Arc::new(keeper), Arc::new(hand_offs), settings)
});

/// What a recovery leaves behind that is still to be reviewed.
fn aftermath(review: bool) -> Aftermath {
    Aftermath::default().of_recovery(None, "Firefox on Linux", review, NOW)
}

impl Keeper {
    fn admit(&self, number: u8, review: bool) {
        let id = AccountId(Uuid::from_u128(u128::from(number)));
        let token = Secret::from_bytes([number; 32]).digest();
        let session = Session {
            token,
            id: SessionId(Uuid::from_u128(u128::from(number) + 1000)),
            account: id,
            credential: CredentialId::new(&[number; 16]),
            authentication: Authentication { at: NOW, methods: vec![Proof::HardwareKey] },
            created_at: NOW,
            last_seen_at: NOW,
            browser: "Firefox on Linux".to_owned(),
            address: None,
            recovered_at: None,
            host: Host::parse("notes.example.com").ok(),
            bound_for: Destination::root(),
            head: None,
        };
        let account = Account {
            id,
            email: Email::parse("maria@example.com").expect("an address"),
            name: Some("Zoë Muster".to_owned()),
            locale: None,
            metadata: None,
            groups: vec!["editors".to_owned()],
            disabled: false,
            created_at: NOW,
            aftermath: aftermath(review),
        };
        let signed_in = SignedIn { session, account, absolute_end: NOW.after(Duration::from_secs(36_000)) };
        let generation = self.0.generation(token);
        assert!(self.0.admit(generation, &signed_in, NOW).is_ok_and(|live| live.is_some()));
    }
}

#[async_trait]
impl Gatekeeper for Keeper {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn live(&self, token: SecretDigest, host: &Host) -> Option<Principal> {
        self.0.get_at(token, host, NOW).map(Principal::Person)
    }

    async fn load(&self, _: SecretDigest, _: &Host) -> Result<Option<Principal>, StoreError> {
        Ok(None)
    }

    fn is_access_token(&self, text: &str) -> bool {
        text.starts_with(ACCESS_TOKEN)
    }

    async fn bearer(&self, text: &str) -> Result<Option<Principal>, StoreError> {
        let secret = text.strip_prefix(ACCESS_TOKEN).and_then(Secret::parse);
        Ok(secret.and_then(|secret| self.0.get(secret.digest(), NOW)).map(Principal::Person))
    }

    fn identity_token(&self, _: &Principal, _: &Arc<str>) -> Result<HeaderValue, IdentityError> {
        Ok(HeaderValue::from_static(TOKEN))
    }

    fn forwarded_token(&self, _: &Principal, _: &str, _: &Arc<str>) -> Result<Option<HeaderValue>, IdentityError> {
        Ok(None)
    }

    async fn bookmark(&self, _: &Host, _: &RequestTarget, _: Option<IpAddr>) -> Option<Secret> {
        Some(Secret::from_bytes([9; 32]))
    }
}

/// Reads a question: its method, target and host in the first line, and `stranger` behind them where it is from no
/// proxy of ours; then its headers, one a line. It is answered with 200, 303, 401 or 403; with 200 only about what the
/// question itself names, where a route lets it pass, and never about a path of ours; and an app is told who asks by us
/// alone.
pub fn question(input: &[u8]) {
    answered(input);
}

/// The code it is answered with, where it is a question.
fn answered(input: &[u8]) -> Option<StatusCode> {
    let mut lines = input.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut words = lines.next().unwrap_or_default().split(|&byte| byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let method = Method::from_bytes(method).ok()?;
    let target = RequestTarget::parse(target).ok()?;
    let authority = Authority::parse(words.next().unwrap_or_default()).ok()?;
    let trusted = words.next() != Some(b"stranger");
    let headers: HeaderMap = lines.filter_map(read_header).collect();
    let credentials = Credentials::read(&headers, SESSION_COOKIE, |text| text.starts_with(ACCESS_TOKEN));
    let question = ForwardAuthQuestion {
        method: &method,
        target: &target,
        authority: &authority,
        headers: &headers,
        credentials: &credentials,
        trusted,
        client: None,
        request_id: RequestId(1),
    };
    let reply = ANSWERING.answer(question).now_or_never().expect("nothing here waits");
    if !trusted {
        assert_eq!(reply.about.refusal, Some(GateRefusal::ProxyNotTrusted));
        assert!(reply.about.target.is_none() && reply.status == StatusCode::FORBIDDEN, "a stranger is told something");
    }
    match reply.status {
        StatusCode::OK => is_transient(&question, &reply),
        StatusCode::SEE_OTHER | StatusCode::UNAUTHORIZED => is_led_on(&reply),
        other => {
            assert_eq!(other, StatusCode::FORBIDDEN);
            is_refused(&reply);
        }
    }
    Some(reply.status)
}

/// A header in a line; what is none is left out.
fn read_header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
    let value = HeaderValue::from_bytes(line.get(colon + 1..)?.trim_ascii()).ok()?;
    Some((name, value))
}

fn is_transient(question: &ForwardAuthQuestion<'_>, reply: &ForwardAuthReply) {
    assert_eq!(reply.about.refusal, None);
    assert!(reply.about.target.is_some(), "something may pass, and nobody knows what");
    let Some((method, host, path)) = &reply.about.target else { return };
    let first = path.as_str().split(['/', ';']).nth(1).unwrap_or_default();
    assert!(!path.is_reserved() && !first.eq_ignore_ascii_case(SEGMENT), "{path} is ours");

    let route = ROUTES.find(host, path, method.as_str()).ok();
    assert_eq!(reply.about.route, route.map(|route| route.id));
    assert!(route.is_some(), "no route is for {host}{path}");
    let Some(route) = route else { return };
    let told = reply.about.principal.is_some();
    match route.demands.access {
        // A preflight passes for no visitor.
        Access::SignedIn => assert!(told || *method == Method::OPTIONS, "{path} is open to everybody"),
        Access::Public => assert!(!told, "somebody is named where nobody may be"),
        Access::Optional => {}
    }
    assert!(!told || route.demands.groups.iter().all(|group| group == "editors"), "{path} is for others");

    let target = question.target.to_string();
    let said = ["x-forwarded-uri", "x-original-url"].map(|name| question.headers.get(name));
    let mut said = said.iter().flatten().map(|value| value.as_bytes()).chain([target.as_bytes()]);
    let is_said = |text: &[u8]| text.windows(path.as_str().len()).any(|part| part == path.as_str().as_bytes());
    assert!(said.any(is_said), "{path} stands nowhere in the question");

    // A proxy that copies them writes over what the client sent.
    assert_eq!(values(reply, &IDENTITY), [if told { TOKEN.as_bytes() } else { b"" }]);
    for plain in PLAIN.names_with_standard() {
        let values = values(reply, &plain);
        assert!(values.len() == 1 && (told || values == [b""]), "{plain}: {values:?}");
        assert!(values.iter().all(|value| value.is_ascii()), "{plain}: {values:?}");
    }
    let left = values(reply, &COOKIE);
    assert_eq!(left.len(), 1, "the app is not told once which cookies are its own");
    let mut left = left.iter().flat_map(|left| left.split(|&byte| byte == b';')).map(<[u8]>::trim_ascii_start);
    assert!(!left.any(is_ours), "a cookie of ours is left");
}

fn is_led_on(reply: &ForwardAuthReply) {
    tells_no_app_anything(reply);
    assert!(reply.about.refusal.is_some_and(|refusal| refusal.detour().is_some()));
    assert!(reply.about.target.is_some(), "led on, and nobody knows from where");
    let Some((_, host, path)) = &reply.about.target else { return };
    assert!(ROUTES.find(host, path, "GET").is_ok(), "no route is for {host}{path}");
    let locations = values(reply, &LOCATION);
    assert!(locations.len() <= 1 && (reply.status == StatusCode::UNAUTHORIZED || locations.len() == 1));
    for location in locations {
        let url = str::from_utf8(location).ok().and_then(|location| Url::parse(location).ok());
        let led = url.as_ref().map(|url| (url.scheme(), url.host_str(), url.path().split('/').nth(1)));
        assert_eq!(led, Some(("https", Some(host.as_str()), Some(SEGMENT))));
    }
}

fn is_refused(reply: &ForwardAuthReply) {
    tells_no_app_anything(reply);
    assert!(reply.about.refusal.is_some(), "refused for nothing");
    assert!(values(reply, &LOCATION).is_empty(), "refused, and led on");
}

fn tells_no_app_anything(reply: &ForwardAuthReply) {
    let plain = PLAIN.names_with_standard();
    let says = |(name, _): &(HeaderName, HeaderValue)| *name == IDENTITY || plain.contains(name) || *name == COOKIE;
    assert!(!reply.headers.iter().any(says), "{:?}", reply.headers);
}

fn values<'a>(reply: &'a ForwardAuthReply, name: &HeaderName) -> Vec<&'a [u8]> {
    reply.headers.iter().filter(|(its, _)| its == name).map(|(_, value)| value.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing::inputs::{holds, seeds};

    #[test]
    fn a_question_is_answered_with_one_of_four_codes_and_opens_nothing_of_ours() {
        let uri = "(/|/public|/optional|/editors|/admins|/here|/_bmauth|/_BMAuth;x|/\\.\\.)(/[a-z%;.]{0,4})?(\\?[a-z=]{0,3})?";
        let host = "(notes|open|other)\\.example\\.com(:8?443)?|\\[::1\\]";
        let target = prop_oneof![
            2 => Just("/_bmauth/forward-auth".to_owned()).boxed(),
            1 => uri.prop_map(|uri| format!("/_bmauth/forward-auth{uri}")).boxed(),
        ];
        let secret = (6_u8..10).prop_map(|number| Secret::from_bytes([number; 32]).text());
        let soup = prop_oneof![
            secret.clone().prop_map(|secret| format!("Cookie: a=1; {SESSION_COOKIE}={secret}; bmauth-lang=de")),
            secret.prop_map(|secret| format!("Authorization: Bearer {ACCESS_TOKEN}{secret}")),
            "X-Forwarded-(Proto: (https?|wss)|Host: notes\\.example\\.com|Method: GET|Uri: /public|For: 10\\.0\\.0\\.1)",
            "X[-_.](Original|Forwarded|Rewrite)[-_.](URL|Uri|Method|Path): [!-~]{0,8}",
            "Accept: text/html|Sec-Fetch-Mode: (navigate|cors|websocket)|Upgrade: websocket",
            "Origin: https://(notes|evil)\\.example\\.com|Access-Control-Request-Method: PUT",
            "(Remote-User|X-BMAuth-JWT|X_BMAuth_JWT|remote_user): admin",
        ];
        let family = (0_u8..4, "GET|HEAD|POST|OPTIONS|TRACE|get", uri, host).prop_map(|(family, method, uri, host)| {
            match family {
                0 => format!(
                    "X-Forwarded-Method: {method}\nX-Forwarded-Proto: https\nX-Forwarded-Host: {host}\nX-Forwarded-Uri: {uri}"
                ),
                1 => format!("X-Original-Method: {method}\nX-Original-URL: https://{host}{uri}"),
                2 => "X-Forwarded-Proto: https".to_owned(),
                _ => String::new(),
            }
        });
        let first = ("GET|POST|OPTIONS", target, host, "( stranger)?");
        let question = (first, family, proptest::collection::vec(soup, 0..4));
        let question = question.prop_map(|((method, target, host, stranger), family, soup)| {
            format!("{method} {target} {host}{stranger}\n{family}\n{}", soup.join("\n"))
        });
        holds("question", super::question, question);
    }

    #[test]
    fn a_question_for_each_of_the_four_codes_is_among_what_is_begun_with() {
        let mut codes: Vec<u16> = seeds("question").iter().filter_map(|seed| Some(answered(seed)?.as_u16())).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, [200, 303, 401, 403]);
    }
}
