//! A browser as the portal sees one: it keeps cookies, sends `Origin`, and carries the page's token.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, to_bytes};
use bmauth::domain::host::Authority;
use bmauth::gate::peer::{PeerInfo, RequestId};
use http::header::HeaderName;
use http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::authenticator::Passkey;
use crate::world::World;

#[derive(Clone)]
pub struct Browser {
    router: axum::Router,
    pub cookies: BTreeMap<String, String>,
    pub address: IpAddr,
    /// The host it is at, whose cookies are in `cookies`.
    pub host: String,
    /// The cookies of other hosts it was at.
    jars: BTreeMap<String, BTreeMap<String, String>>,
    /// The outer proxy does not say where it is.
    pub is_hidden: bool,
    pub csrf: String,
    /// The name of the last press of its scripts; no two browsers, or tabs, have the same.
    pub presses: u64,
    /// Whatever it presses arrives three times: with the cookies it had, and with those that it was answered.
    pub stutters: bool,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }

    pub fn refusal(&self) -> String {
        assert!(!self.status.is_success(), "{}", self.text);
        self.json()["refusal"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }

    pub fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

impl Answer {
    /// It is the other one, given again.
    pub fn is(&self, other: &Self) {
        assert_eq!((self.status, &self.text), (other.status, &other.text));
        for name in [header::LOCATION, header::SET_COOKIE, HeaderName::from_static("clear-site-data")] {
            let all = |answer: &Self| answer.headers.get_all(&name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(all(self), all(other), "{name}");
        }
    }
}

impl Browser {
    pub fn new(router: axum::Router) -> Self {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let host = "notes.example.com".to_owned();
        let (cookies, jars) = (BTreeMap::new(), BTreeMap::new());
        static PRESSES: AtomicU64 = AtomicU64::new(0);
        Self {
            router,
            cookies,
            address,
            host,
            jars,
            is_hidden: false,
            csrf: String::new(),
            presses: PRESSES.fetch_add(1 << 32, Ordering::Relaxed),
            stutters: false,
        }
    }

    /// The same browser once more, with the cookies it has now and the page it is on.
    pub fn tab(&self, world: &World) -> Self {
        let mut tab = world.browser();
        (tab.cookies, tab.address, tab.csrf) = (self.cookies.clone(), self.address, self.csrf.clone());
        tab
    }

    /// The same, by a line that sends every press three times.
    pub fn stuttering(self) -> Self {
        Self { stutters: true, ..self }
    }

    /// It goes to another host, whose cookies it has by itself.
    pub fn go(&mut self, host: &str) {
        let theirs = self.jars.remove(host).unwrap_or_default();
        let before = std::mem::replace(&mut self.host, host.to_owned());
        if before == host {
            return;
        }
        self.jars.insert(before, std::mem::replace(&mut self.cookies, theirs));
    }

    /// It follows where an answer leads: the host, and the answer there.
    pub async fn follow(&mut self, address: &str) -> Answer {
        let (host, target) = address.strip_prefix("https://").unwrap().split_once('/').unwrap();
        self.go(host);
        self.get(&format!("/{target}")).await
    }

    /// Sends exactly this request, with the browser's cookies.
    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        if !self.cookies.is_empty() {
            let line: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request.headers_mut().insert(header::COOKIE, line.join("; ").parse().unwrap());
        }
        request.headers_mut().insert(header::HOST, self.host.parse().unwrap());
        request.extensions_mut().insert(PeerInfo {
            address: (!self.is_hidden).then_some(self.address),
            trusted: false,
            https: true,
            authority: Authority::parse(self.host.as_bytes()).unwrap(),
            request_id: RequestId(7),
        });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(attributes.contains("HttpOnly") && attributes.contains("Secure"), "{attributes}");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = parts.headers.get("x-bmauth-csrf") {
            token.to_str().unwrap().clone_into(&mut self.csrf);
        }
        let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        self.take_token(&answer);
        answer
    }

    /// Its page is the one that it was answered.
    fn take_token(&mut self, answer: &Answer) {
        for (before, after) in [("name=\"csrf\" content=\"", '"'), ("name=\"csrf\" value=\"", '"')] {
            if let Some((_, rest)) = answer.text.split_once(before) {
                self.csrf = rest.split(after).next().unwrap().to_owned();
            }
        }
    }

    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::ORIGIN, format!("https://{}", self.host))
            .header("sec-fetch-site", "same-origin")
            .header("x-bmauth-csrf", &self.csrf)
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.presses += 1;
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-bmauth-press", self.presses);
        self.press(request.body(body.to_string()).unwrap()).await
    }

    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("csrf", &self.csrf).extend_pairs(fields).finish()
        };
        let request = Request::post(path)
            .header(header::ORIGIN, format!("https://{}", self.host))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.press(request.body(body).unwrap()).await;
        self.take_token(&answer);
        answer
    }

    async fn press(&mut self, request: Request<String>) -> Answer {
        let before = self.clone();
        let answer = self.send(request.clone().map(Body::from)).await;
        if self.stutters {
            for mut again in [before, self.clone()] {
                again.send(request.clone().map(Body::from)).await.is(&answer);
            }
        }
        answer
    }

    /// Types an address on the register page and lets the device make `passkey`.
    pub async fn ask_to_register(&mut self, email: &str, passkey: &mut Passkey) -> Answer {
        self.get("/_bmauth/register").await;
        let begun =
            self.post("/_bmauth/register/options", &json!({ "email": email, "return_to": "/notes?id=7" })).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let credential = passkey.create(&begun.json()["options"]);
        let body = json!({ "ceremony": begun.json()["ceremony"], "credential": credential });
        self.post("/_bmauth/register/verify", &body).await
    }

    /// Types a code on the code page.
    pub async fn enter(&mut self, code: &str) -> Answer {
        self.get("/_bmauth/register/code").await;
        self.submit("/_bmauth/register/code", &[("code", code)]).await
    }

    /// The whole registration; the browser is signed in afterwards.
    pub async fn register(&mut self, world: &World, email: &str, passkey: &mut Passkey) {
        assert_eq!(self.ask_to_register(email, passkey).await.status, StatusCode::OK);
        let done = self.enter(&world.code(email).await).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
        assert_eq!(world.mails(email).await.len(), 1, "a welcome");
    }

    /// Begins a sign-in.
    pub async fn challenge(&mut self, email: Option<&str>) -> Value {
        self.get("/_bmauth/sign-in").await;
        let begun = self.post("/_bmauth/sign-in/options", &json!({ "email": email, "return_to": "/a" })).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        begun.json()
    }

    /// Answers a sign-in.
    pub async fn answer(&mut self, challenge: &Value, credential: &Value) -> Answer {
        let body = json!({ "ceremony": challenge["ceremony"], "credential": credential });
        self.post("/_bmauth/sign-in/verify", &body).await
    }

    pub async fn sign_in(&mut self, email: Option<&str>, passkey: &mut Passkey) -> Answer {
        let challenge = self.challenge(email).await;
        let credential = passkey.get(&challenge["options"]);
        self.answer(&challenge, &credential).await
    }

    /// Confirms with `passkey` that another one is to be added, on a page of "My devices": the challenge to make it.
    pub async fn begin_adding(&mut self, passkey: &mut Passkey, return_to: Option<&str>) -> Value {
        let asked = json!({ "act": "add", "return_to": return_to });
        let asked = self.post("/_bmauth/devices/confirm", &asked).await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
        let asked = asked.json();
        let body = json!({ "ceremony": asked["ceremony"], "credential": passkey.get(&asked["options"]) });
        let begun = self.post("/_bmauth/devices/confirm/verify", &body).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        begun.json()
    }

    /// The signed-in person wants to be written to in German; this browser's pages are German from now on.
    pub async fn choose_german(&mut self) {
        self.get("/_bmauth/account").await;
        let chosen = [("name", ""), ("language", "de")];
        assert_eq!(self.submit("/_bmauth/account/profile", &chosen).await.status, StatusCode::SEE_OTHER);
    }

    /// The address of the person who is signed in.
    pub async fn who(&mut self) -> Option<String> {
        let answer = self.get("/_bmauth/whoami").await;
        (answer.status == StatusCode::OK).then(|| answer.json()["email"].as_str().unwrap().to_owned())
    }
}
