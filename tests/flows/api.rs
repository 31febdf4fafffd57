//! The JSON API through its front door, with a client that keeps tokens and, where it wants to, cookies.

mod walk;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::authenticator::Passkey;
use crate::browser::{Answer, Browser};
use crate::world::World;

pub const MARIA: &str = "maria@example.com";

/// A client of the API.
pub struct Client {
    pub browser: Browser,
    /// Whether it keeps the cookie it is given.
    pub keeps_cookies: bool,
    pub access: Option<String>,
    pub refresh: Option<String>,
}

impl Client {
    /// A mobile app: it keeps tokens alone.
    pub fn app(world: &World) -> Self {
        Self { browser: world.browser(), keeps_cookies: false, access: None, refresh: None }
    }

    /// A single-page app: its browser keeps the cookie.
    pub fn page(world: &World) -> Self {
        Self { keeps_cookies: true, ..Self::app(world) }
    }

    pub async fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/_bmauth/v1{path}"));
        if let Some(access) = &self.access {
            request = request.header(header::AUTHORIZATION, format!("Bearer {access}"));
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
        self.post("/signup/webauthn/verify", &json!({ "credential": credential })).await
    }

    /// The whole sign-up.
    pub async fn sign_up(&mut self, world: &World, email: &str, passkey: &mut Passkey) -> Value {
        let asked = self.ask_to_sign_up(email, passkey).await;
        assert_eq!((asked.status, asked.json()), (StatusCode::OK, json!({ "session": null })));
        let otp = world.code(email).await;
        let done = self.post("/signin/otp/email/verify", &json!({ "email": email, "otp": otp })).await;
        world.mails(email).await;
        self.keep(&done)
    }

    pub async fn sign_in(&mut self, email: Option<&str>, passkey: &mut Passkey) -> Answer {
        let begun = self.post("/signin/webauthn", &json!({ "email": email })).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let credential = passkey.get(&begun.json());
        self.post("/signin/webauthn/verify", &json!({ "email": email, "credential": credential })).await
    }

    pub async fn elevate(&mut self, passkey: &mut Passkey) -> Answer {
        let begun = self.post("/elevate/webauthn", &json!({})).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let credential = passkey.get(&begun.json());
        self.post("/elevate/webauthn/verify", &json!({ "credential": credential })).await
    }
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
