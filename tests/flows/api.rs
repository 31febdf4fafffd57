//! The JSON API through its front door, with a client that keeps tokens and, where it wants to, cookies.

mod ceremonies;
mod codes;
mod cors;
mod described;
mod elevating;
mod fields;
mod hasura_clients;
mod pressure;
mod routes;
mod sessions;
mod sign_in;
mod sign_up;
mod tokens;
mod walk;

use std::sync::Arc;

use axum::body::Body;
use bmauth::domain::account::Account;
use bmauth::domain::activity::What;
use bmauth::domain::email::Email;
use bmauth::store::redb::RedbStore;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authenticator::{Passkey, decode};
use crate::browser::{Answer, Browser};
use crate::world::{CONFIG, World};

pub const MARIA: &str = "maria@example.com";
pub const BOB: &str = "bob@example.com";
/// Another network than that of every client that is not told so.
pub const ELSEWHERE: &str = "198.51.100.7";

/// A client of the API.
pub struct Client {
    pub browser: Browser,
    /// Whether it keeps the cookie it is given.
    pub keeps_cookies: bool,
    pub access: Option<String>,
    pub refresh: Option<String>,
    /// Whether it asks for tickets, and the one it has.
    pub keeps_tickets: bool,
    pub ticket: Option<String>,
    pub agent: Option<&'static str>,
    /// The page it is a script of; an app that is no browser has none.
    pub origin: Option<&'static str>,
}

impl Client {
    /// A mobile app: it keeps tokens alone.
    pub fn app(world: &World) -> Self {
        let (access, refresh, ticket, agent) = (None, None, None, None);
        let browser = world.browser();
        Self { browser, keeps_cookies: false, access, refresh, keeps_tickets: false, ticket, agent, origin: None }
    }

    /// A single-page app: its browser keeps the cookie.
    pub fn page(world: &World) -> Self {
        Self { keeps_cookies: true, ..Self::app(world) }
    }

    /// A mobile app that asks for tickets.
    pub fn ticketed(world: &World) -> Self {
        Self { keeps_tickets: true, ..Self::app(world) }
    }

    /// The same client in another network.
    pub fn at(mut self, address: &str) -> Self {
        self.browser.address = address.parse().unwrap();
        self
    }

    /// Another tab: the same tokens and cookies.
    pub fn tab(&self, world: &World) -> Self {
        let Self { keeps_cookies, keeps_tickets, agent, origin, .. } = *self;
        let mut browser = world.browser();
        browser.cookies.clone_from(&self.browser.cookies);
        (browser.address, browser.is_hidden) = (self.browser.address, self.browser.is_hidden);
        let (access, refresh, ticket) = (self.access.clone(), self.refresh.clone(), self.ticket.clone());
        Self { browser, keeps_cookies, access, refresh, keeps_tickets, ticket, agent, origin }
    }

    pub async fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/_bmauth/v1{path}"));
        if let Some(access) = &self.access {
            request = request.header(header::AUTHORIZATION, format!("Bearer {access}"));
        }
        if let Some(agent) = self.agent {
            request = request.header(header::USER_AGENT, agent);
        }
        if let Some(origin) = self.origin {
            request = request.header(header::ORIGIN, origin);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = self.browser.send(request.body(body).unwrap()).await;
        if !self.keeps_cookies {
            self.browser.cookies.clear();
        }
        answer
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// The answer's session, whose tokens are kept from now on.
    #[track_caller]
    pub fn keep(&mut self, answer: &Answer) -> Value {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let json = answer.json();
        let session = if json["accessToken"].is_string() { json } else { json["session"].clone() };
        self.access = Some(session["accessToken"].as_str().expect("a session").to_owned());
        self.refresh = Some(session["refreshToken"].as_str().expect("a session").to_owned());
        session
    }

    /// A new key for an address, up to the code.
    pub async fn ask_to_sign_up(&mut self, email: &str, passkey: &mut Passkey) -> Answer {
        let begun = self.post("/signup/webauthn", &json!({ "email": email })).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let credential = passkey.create(&begun.json());
        let asks = self.keeps_tickets.then_some(true);
        let kept = self.post("/signup/webauthn/verify", &json!({ "credential": credential, "ticket": asks })).await;
        self.keep_ticket(&kept);
        kept
    }

    /// Keeps the ticket of an answer, if there is one.
    pub fn keep_ticket(&mut self, answer: &Answer) {
        if let Some(ticket) = answer.json()["ticket"].as_str() {
            self.ticket = Some(ticket.to_owned());
        }
    }

    /// The whole sign-up.
    pub async fn sign_up(&mut self, world: &World, email: &str, passkey: &mut Passkey) -> Value {
        let asked = self.ask_to_sign_up(email, passkey).await;
        assert_eq!((asked.status, &asked.json()["session"]), (StatusCode::OK, &json!(null)));
        let otp = world.code(email).await;
        let done = self.enter(email, &otp).await;
        world.mails(email).await;
        self.keep(&done)
    }

    pub async fn sign_in(&mut self, email: Option<&str>, passkey: &mut Passkey) -> Answer {
        let begun = self.post("/signin/webauthn", &json!({ "email": email })).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let credential = passkey.get(&begun.json());
        self.post("/signin/webauthn/verify", &json!({ "email": email, "credential": credential })).await
    }

    /// Asks for a challenge.
    pub async fn begin(&mut self, path: &str, body: &Value) -> Value {
        let begun = self.post(path, body).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        begun.json()
    }

    /// Asks for a code, and is told nothing.
    pub async fn ask_for_code(&mut self, email: &str) {
        let ticket = self.ticket.clone().map(|ticket| json!(ticket)).or(self.keeps_tickets.then_some(json!(true)));
        let sent = self.post("/signin/otp/email", &json!({ "email": email, "ticket": ticket })).await;
        let ticket = ticket.is_some().then(|| sent.json()["ticket"].as_str().expect("a ticket").to_owned());
        let told = ticket.as_ref().map_or(json!("OK"), |ticket| json!({ "ticket": ticket }));
        assert_eq!((sent.status, sent.json()), (StatusCode::OK, told));
        self.ticket = ticket;
    }

    pub async fn enter(&mut self, email: &str, otp: &str) -> Answer {
        self.post("/signin/otp/email/verify", &json!({ "email": email, "otp": otp, "ticket": self.ticket })).await
    }

    /// Gets back in by code; the session's tokens are kept.
    pub async fn recover(&mut self, world: &World, email: &str) {
        self.ask_for_code(email).await;
        let otp = world.code(email).await;
        let done = self.enter(email, &otp).await;
        self.keep(&done);
    }

    pub async fn refresh(&mut self) -> Answer {
        self.post("/token", &json!({ "refreshToken": self.refresh.clone() })).await
    }

    /// Makes the key that the API asks for.
    pub async fn add(&mut self, passkey: &mut Passkey) -> Answer {
        let begun = self.post("/user/webauthn/add", &json!({})).await;
        if begun.status != StatusCode::OK {
            return begun;
        }
        let credential = passkey.create(&begun.json());
        self.post("/user/webauthn/verify", &json!({ "credential": credential })).await
    }

    /// Whether its access token is good.
    pub async fn is_signed_in(&mut self) -> bool {
        let user = self.get("/user").await;
        if user.status != StatusCode::OK {
            refused(&user, 401, "unauthenticated-user");
        }
        user.status == StatusCode::OK
    }

    pub async fn elevate(&mut self, passkey: &mut Passkey) -> Answer {
        let begun = self.post("/elevate/webauthn", &json!({})).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let credential = passkey.get(&begun.json());
        self.post("/elevate/webauthn/verify", &json!({ "credential": credential })).await
    }
}

/// A world that remembers in memory, and one that does on a disk.
pub async fn worlds() -> [(World, Option<TempDir>); 2] {
    let directory = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&directory.path().join("bmauth.redb")).unwrap();
    [(World::new().await, None), (World::with(CONFIG, Arc::new(store)).await, Some(directory))]
}

/// Maria with an app and a key; her mailbox is empty.
pub async fn maria(world: &World) -> (Client, Passkey) {
    registered(world, MARIA).await
}

/// The same for any address.
pub async fn registered(world: &World, email: &str) -> (Client, Passkey) {
    let (mut client, mut key) = (Client::app(world), Passkey::new(format!("key of {email}").as_bytes()));
    client.sign_up(world, email, &mut key).await;
    (client, key)
}

pub async fn account(world: &World, email: &str) -> Account {
    world.store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().expect("an account")
}

/// The credential ids of an account.
pub async fn keys(world: &World, email: &str) -> Vec<Vec<u8>> {
    let keys = world.store.passkeys(account(world, email).await.id).await.unwrap();
    keys.iter().map(|key| key.key.id.bytes().to_vec()).collect()
}

/// How many sessions an account has.
pub async fn sessions(world: &World, email: &str) -> usize {
    world.store.sessions(account(world, email).await.id).await.unwrap().len()
}

/// What happened to an account, the latest first.
pub async fn events(world: &World, email: &str) -> Vec<What> {
    let events = world.store.events(account(world, email).await.id, 100).await.unwrap();
    events.iter().map(|event| event.what).collect()
}

/// Another code than this one.
pub fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// What an access token says.
pub fn claims(access: &str) -> Value {
    let payload = access.split('.').nth(1).unwrap();
    serde_json::from_slice(&decode(&json!(payload))).unwrap()
}

/// Whether an access token says that its session is elevated.
pub fn says_elevated(access: &str) -> bool {
    claims(access)["https://hasura.io/jwt/claims"]["x-hasura-auth-elevated"].is_string()
}

/// An answer without what is random in it: the rest must not tell one address from another.
pub fn looks(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .map(|(name, value)| match value.split_once('=') {
            Some((cookie, rest)) if name == "set-cookie" => (name, format!("{cookie} {} {}", rest.len(), &rest[43..])),
            _ => (name, value),
        })
        .collect();
    headers.sort();
    let mut body = answer.json();
    for random in ["/challenge", "/user/id", "/ticket"] {
        if let Some(value) = body.pointer_mut(random) {
            *value = json!(decode(value).len());
        }
    }
    (answer.status.as_u16(), headers, body)
}

/// What the API says it refuses for.
#[track_caller]
pub fn error(answer: &Answer) -> (u16, String) {
    let json = answer.json();
    assert_eq!(json["status"], answer.status.as_u16());
    assert!(json["message"].as_str().is_some_and(|message| message.ends_with('.')), "{json}");
    (answer.status.as_u16(), json["error"].as_str().unwrap().to_owned())
}

#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(error(answer), (status, code.to_owned()));
}
