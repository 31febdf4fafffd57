//! Behind an operator's own proxy: it hands our pages to us, sends the app's requests to the app itself, and asks about
//! each of them first. The whole gateway, reached through that proxy alone.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bmauth::auth::operate::Who;
use bmauth::domain::host::Authority;
use bmauth::domain::route::Scheme;
use bmauth::gate::peer::{PeerInfo, RequestId};
use bmauth::proxy::{Arrival, Proxy, ProxyParts, ProxySettings, RefusalPage};
use bmauth::store::memory::MemoryStore;
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt as _;

use crate::authenticator::Passkey;
use crate::browser::Browser;
use crate::world::{World, configured};

const MARIA: &str = "maria@example.com";
const CONFIG: &str = r#"
public_url = "https://notes.example.com"
[app]
name = "Acme Notes"
[server]
trusted_proxies = ["10.0.0.1"]
[email]
from = "Acme Notes <no-reply@example.com>"
transport = "log"
[identity]
plain_headers = true
[[route]]
[[route]]
path = "/optional"
access = "optional"
audience = "https://optional.example.com"
"#;

/// The gateway, with a trusted proxy in front that ends TLS.
pub struct Behind {
    pub world: World,
    proxy: Arc<Proxy>,
}

impl Behind {
    async fn new() -> Self {
        Self::with(CONFIG).await
    }

    pub async fn with(text: &str) -> Self {
        let world = World::with(text, Arc::new(MemoryStore::new())).await;
        let config = configured(text);
        let mut settings = ProxySettings::new(Scheme::Https, config.public_url.host().clone());
        settings.former_hosts = config.former_public_urls.iter().map(|url| url.host().clone()).collect();
        settings.trusted_proxies = config.server.trusted_proxies;
        let proxy = Proxy::new(ProxyParts {
            routes: config.routes,
            gatekeeper: Arc::clone(&world.auth) as _,
            hand_offs: Arc::clone(&world.portal.hand_offs),
            forward_auth: Arc::clone(&world.portal.forward_auth),
            portal: world.router.clone(),
            render: Arc::new(|page: &RefusalPage<'_>| page.refusal.status().to_string()),
            settings,
            counts: Arc::default(),
            seed: 1,
        });
        let proxy = Arc::new(proxy.unwrap());
        Self { world, proxy }
    }

    /// A browser whose every request goes by way of the proxy.
    pub fn browser(&self) -> Browser {
        let proxy = Arc::clone(&self.proxy);
        Browser::new(axum::Router::new().fallback(move |request: Request| hand_over(Arc::clone(&proxy), request)))
    }

    /// A browser with Maria's account, made by way of the proxy.
    async fn maria(&self) -> (Browser, Passkey) {
        let (mut browser, mut passkey) = (self.browser(), Passkey::new(b"key of maria"));
        browser.register(&self.world, MARIA, &mut passkey).await;
        (browser, passkey)
    }

    /// What the proxy is told about a page of the app that the browser wants.
    async fn told(&self, browser: &Browser, path: &str) -> Response {
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let question = Request::get("/_bmauth/forward-auth")
            .header(header::HOST, "bmauth.internal:8443")
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-host", "notes.example.com")
            .header("x-forwarded-uri", path)
            .header("sec-fetch-mode", "navigate")
            .header(header::COOKIE, format!("theirs=1; {}", cookies.join("; ")));
        hand_over(Arc::clone(&self.proxy), question.body(Body::empty()).unwrap()).await
    }

    async fn status(&self, browser: &Browser) -> u16 {
        self.told(browser, "/notes").await.status().as_u16()
    }
}

/// Hands a request over as a proxy does that has ended TLS: on a plain connection, with what it knows of the visitor.
async fn hand_over(proxy: Arc<Proxy>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let mut text = format!("{} {} HTTP/1.1\r\n", head.method, head.uri);
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text.push_str("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n");
    text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let (mut ours, theirs) = tokio::io::duplex(1 << 16);
    let arrival = Arrival { peer: Some(([10, 0, 0, 1], 50000).into()), tls: false, http2: false, is_astray: false };
    tokio::spawn(async move { proxy.connection(theirs, arrival).await });
    ours.write_all(&[text.as_bytes(), &body].concat()).await.unwrap();
    let mut answer = Vec::new();
    ours.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let fields = lines.map(|line| line.split_once(':').unwrap());
    let response =
        fields.fold(Response::builder().status(status), |response, (name, value)| response.header(name, value.trim()));
    response.body(Body::from(body.to_owned())).unwrap()
}

fn field<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

/// What the token in an answer says.
fn claims(answer: &Response) -> Value {
    let payload = field(answer, "x-bmauth-jwt").split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// What is on a page besides what the page itself is.
fn policies(answer: &Response) -> Vec<(String, String)> {
    const OF_THE_ANSWER: [&str; 7] =
        ["connection", "content-length", "content-type", "date", "location", "set-cookie", "www-authenticate"];
    let others = answer.headers().iter().filter(|(name, _)| !OF_THE_ANSWER.contains(&name.as_str()));
    let mut policies: Vec<_> =
        others.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    policies.sort();
    policies
}

#[tokio::test]
async fn a_page_made_by_the_proxy_carries_what_a_page_made_by_the_portal_does() {
    let behind = Behind::new().await;
    let ask = |host: &str, path: &str, accept: &str| {
        let request = Request::get(path).header(header::HOST, host).header(header::ACCEPT, accept);
        hand_over(Arc::clone(&behind.proxy), request.body(Body::empty()).unwrap())
    };
    let ours = ask("notes.example.com", "/_bmauth/sign-in", "text/html").await;
    assert_eq!(ours.status(), 200);
    let expected = policies(&ours);
    for name in
        ["content-security-policy", "x-frame-options", "cross-origin-opener-policy", "strict-transport-security"]
    {
        assert!(expected.iter().any(|(known, _)| known == name), "{name}");
    }
    for (status, host, path, accept) in [
        (421, "other.example.com", "/", "text/html"),
        (421, "other.example.com", "/", "*/*"),
        (404, "notes.example.com", "/notes", "text/html"),
        (400, "notes.example.com", "/a/./b", "text/html"),
        (404, "notes.example.com", "/_bmauth/nothing", "text/html"),
        (401, "notes.example.com", "/_bmauth/whoami", "*/*"),
    ] {
        let answer = ask(host, path, accept).await;
        assert_eq!((answer.status().as_u16(), policies(&answer)), (status, expected.clone()), "{host}{path}");
    }
}

#[tokio::test]
async fn a_visitor_is_sent_to_sign_in_registers_there_and_then_passes() {
    let behind = Behind::new().await;
    let mut browser = behind.browser();
    let newcomer = behind.told(&browser, "/notes?id=7").await;
    assert_eq!(newcomer.status(), StatusCode::SEE_OTHER);
    let address = field(&newcomer, "location").strip_prefix("https://notes.example.com").unwrap();
    let page = browser.get(address).await;
    assert_eq!(page.status, StatusCode::OK, "the proxy hands the page's address to us");
    assert!(page.text.contains("/notes?id=7"), "{}", page.text);

    // Its cookies are `Secure` ones, or this browser would not take them.
    browser.register(&behind.world, MARIA, &mut Passkey::new(b"key of maria")).await;
    let answer = behind.told(&browser, "/notes?id=7").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let claims = claims(&answer);
    assert_eq!((&claims["email"], &claims["aud"]), (&json!(MARIA), &json!("notes.example.com")));
    assert_eq!(field(&answer, "remote-email"), MARIA);
    assert_eq!(field(&answer, "remote-user"), claims["sub"].as_str().unwrap());
    assert_eq!(field(&answer, "cookie"), "theirs=1", "our secret is not the app's");
    let optional = behind.told(&browser, "/optional").await;
    assert_eq!(self::claims(&optional)["aud"], "https://optional.example.com");
}

#[tokio::test]
async fn signing_in_and_out_works_behind_the_proxy_and_the_next_question_knows_it() {
    let behind = Behind::new().await;
    let (mut browser, mut passkey) = behind.maria().await;
    assert_eq!(browser.who().await.as_deref(), Some(MARIA));
    assert_eq!(behind.status(&browser).await, 200);
    let kept = browser.cookies.clone();
    browser.get("/_bmauth/sign-out").await;
    assert_eq!(browser.submit("/_bmauth/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    browser.cookies = kept;
    assert_eq!(behind.status(&browser).await, 303, "the old cookie opens nothing");

    let mut browser = behind.browser();
    assert_eq!(browser.sign_in(None, &mut passkey).await.status, StatusCode::OK);
    assert_eq!(behind.status(&browser).await, 200);
    assert_eq!(browser.get("/_bmauth/jwks.json").await.json()["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_send_our_forms_by_way_of_the_proxy() {
    let behind = Behind::new().await;
    let (mut browser, _) = behind.maria().await;
    browser.get("/_bmauth/sign-out").await;
    let request = http::Request::post("/_bmauth/sign-out")
        .header(header::ORIGIN, "https://evil.example")
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let body = format!("csrf={}", browser.csrf);
    assert_eq!(browser.send(request.body(Body::from(body)).unwrap()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(behind.status(&browser).await, 200, "still signed in");
}

#[tokio::test]
async fn a_disabled_account_a_removed_one_and_an_ended_session_pass_no_more() {
    let behind = Behind::new().await;
    let (browser, mut passkey) = behind.maria().await;
    let auth = &behind.world.auth;
    let account = auth.operate.find_account(&Who::parse(MARIA).unwrap()).await.unwrap();
    assert_eq!(behind.status(&browser).await, 200);
    auth.operate.end_sessions(&account).await.unwrap();
    assert_eq!(behind.status(&browser).await, 303);

    let mut browser = behind.browser();
    browser.sign_in(None, &mut passkey).await;
    assert_eq!(behind.status(&browser).await, 200);
    auth.operate.set_disabled(&account, true).await.unwrap();
    assert_eq!(behind.status(&browser).await, 303);
    auth.operate.set_disabled(&account, false).await.unwrap();
    assert_eq!(behind.status(&browser).await, 303, "what has ended stays so");

    browser.sign_in(None, &mut passkey).await;
    assert_eq!(behind.status(&browser).await, 200);
    auth.operate.remove_account(&account).await.unwrap();
    assert_eq!(behind.status(&browser).await, 303);
}

#[tokio::test]
async fn a_session_that_is_out_of_time_passes_no_more() {
    let behind = Behind::new().await;
    let (browser, _) = behind.maria().await;
    assert_eq!(behind.status(&browser).await, 200);
    behind.world.wait(24 * 3600 + 1);
    assert_eq!(behind.status(&browser).await, 303, "a day without a request");
}

#[tokio::test]
async fn a_recovered_session_passes_only_after_its_review() {
    let behind = Behind::new().await;
    behind.maria().await;
    let (mut browser, mut passkey) = (behind.browser(), Passkey::new(b"new key"));
    browser.get("/_bmauth/recover").await;
    browser.submit("/_bmauth/recover", &[("email", MARIA)]).await;
    let code = behind.world.code(MARIA).await;
    browser.get("/_bmauth/recover/code").await;
    browser.submit("/_bmauth/recover/code", &[("code", &code)]).await;
    browser.get("/_bmauth/recover/device").await;
    let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    let body = json!({ "ceremony": begun["ceremony"], "credential": passkey.create(&begun["options"]) });
    assert_eq!(browser.post("/_bmauth/recover/passkey/verify", &body).await.status, StatusCode::OK);

    let cookie = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let review = "https://notes.example.com/_bmauth/recover/review?return_to=/notes";
    let page = behind.told(&browser, "/notes").await;
    assert_eq!((page.status().as_u16(), field(&page, "location")), (303, review));
    let ask = |url: &str, mode: &str| {
        let question = Request::get("/_bmauth/forward-auth")
            .header(header::HOST, "bmauth")
            .header("x-original-method", "GET")
            .header("x-original-url", format!("https://notes.example.com{url}"))
            .header("sec-fetch-mode", mode)
            .header(header::COOKIE, &cookie);
        hand_over(Arc::clone(&behind.proxy), question.body(Body::empty()).unwrap())
    };
    let page = ask("/notes", "navigate").await;
    assert_eq!((page.status().as_u16(), field(&page, "location")), (401, review), "nginx makes the redirect");
    let script = ask("/notes", "cors").await;
    assert_eq!((script.status().as_u16(), script.headers().get("location")), (403, None));
    let body = to_bytes(script.into_body(), 1 << 20).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["type"], "urn:bmauth:problem:review-required");
    let optional = ask("/optional", "navigate").await;
    assert_eq!((optional.status().as_u16(), field(&optional, "x-bmauth-jwt")), (200, ""), "no identity, to the app");
    assert_eq!(field(&optional, "remote-user"), "");

    assert_eq!(crate::recovering::review(&mut browser, &mut passkey, &[]).await.status, StatusCode::OK);
    let answer = behind.told(&browser, "/notes").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(claims(&answer)["recovered_at"].is_u64());
}

/// Asks the portal's router without the proxy, which says whether the peer is trusted.
async fn router_told(behind: &Behind, browser: &Browser, path: &str, trusted: bool) -> Response {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut request = Request::get(path)
        .header("x-forwarded-proto", "https")
        .header(header::COOKIE, cookies.join("; "))
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(PeerInfo {
        address: None,
        trusted,
        https: true,
        authority: Authority::parse(b"notes.example.com").unwrap(),
        request_id: RequestId(7),
    });
    behind.world.router.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn the_portals_router_answers_like_the_proxy() {
    let behind = Behind::new().await;
    let (browser, _) = behind.maria().await;
    let newcomer = behind.browser();
    for path in ["/_bmauth/forward-auth/", "/_bmauth/forward-auth/notes?x"] {
        let answer = router_told(&behind, &browser, path, true).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(claims(&answer)["email"], MARIA);
        assert_eq!(router_told(&behind, &newcomer, path, true).await.status(), StatusCode::UNAUTHORIZED);
    }
    for path in ["/_bmauth/forward-auth", "/_bmauth/forward-auth/a/./b", "/_bmauth/forward-auth/a%5cb"] {
        let answer = router_told(&behind, &browser, path, true).await;
        assert_eq!((answer.status(), answer.headers().get("x-bmauth-jwt")), (StatusCode::FORBIDDEN, None), "{path}");
    }
    for path in ["/_bmauth/forward-auth", "/_bmauth/forward-auth/", "/_bmauth/forward-auth/notes"] {
        let answer = router_told(&behind, &browser, path, false).await;
        assert_eq!((answer.status(), answer.headers().get("x-bmauth-jwt")), (StatusCode::FORBIDDEN, None), "{path}");
    }
}
