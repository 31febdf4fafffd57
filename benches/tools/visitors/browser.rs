//! A browser on one connection: it keeps cookies, sends `Origin`, and carries the page's token.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::Gateway;
use crate::authenticator::Passkey;

/// One kept connection of HTTP/1.1.
pub struct Connection(BufReader<TcpStream>);

/// What came back.
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("nothing listens on {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.0.write_all(request).await?;
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        let status = line.split(' ').nth(1).with_context(|| format!("no answer: {line:?}"))?.parse()?;
        let mut fields = Vec::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, fields, body: Vec::new() };
        let length = answer.field("content-length").context("an answer without a length")?.parse()?;
        answer.body.resize(length, 0);
        self.0.read_exact(&mut answer.body).await?;
        Ok(answer)
    }
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> anyhow::Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!(self.status == 200, "{}: {text}", self.status);
        Ok(serde_json::from_str(&text)?)
    }
}

/// A browser that has opened the gateway's pages.
pub struct Browser {
    connection: Connection,
    gateway: Gateway,
    cookies: BTreeMap<String, String>,
    csrf: String,
    /// Where it says it is; the gateway believes it where it trusts us as a proxy, and then counts each place apart.
    place: Ipv4Addr,
}

impl Browser {
    /// Opens the sign-in page.
    pub async fn open(gateway: &Gateway, place: u32) -> anyhow::Result<Self> {
        let connection = Connection::open(gateway.address).await?;
        let gateway = gateway.clone();
        let mut browser =
            Self { connection, gateway, cookies: BTreeMap::new(), csrf: String::new(), place: Ipv4Addr::UNSPECIFIED };
        browser.is_at(place);
        browser.get("/_bmauth/sign-in").await?;
        Ok(browser)
    }

    /// Moves to another network.
    pub fn is_at(&mut self, place: u32) {
        // Addresses that are not used on the public internet (RFC 6598), twenty-two bits of them.
        self.place = Ipv4Addr::from_bits(0x6440_0000 | (place & 0x003f_ffff));
    }

    pub fn origin(&self) -> &str {
        &self.gateway.origin
    }

    /// The secret of the session.
    pub fn session(&self) -> &str {
        self.cookies.get("bmauth").map_or("", String::as_str)
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let answer = self.send("GET", path, "text/html", "").await?;
        let page = String::from_utf8_lossy(&answer.body);
        let marks = ["name=\"csrf\" content=\"", "name=\"csrf\" value=\""];
        let token = marks.iter().find_map(|mark| page.split_once(mark)?.1.split('"').next());
        token.with_context(|| format!("{path} has no token: {}", answer.status))?.clone_into(&mut self.csrf);
        Ok(answer)
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send("POST", path, "application/json", &body.to_string()).await
    }

    pub async fn submit(&mut self, path: &str, field: &str) -> anyhow::Result<Answer> {
        let body = format!("csrf={}&{field}", self.csrf);
        self.send("POST", path, "application/x-www-form-urlencoded", &body).await
    }

    /// Signs in with `passkey` without typing an address. `Some` is the status of an answer that refused it.
    pub async fn sign_in(&mut self, passkey: &mut Passkey) -> anyhow::Result<Option<u16>> {
        let begun = self.post("/_bmauth/sign-in/options", &json!({ "email": null })).await?;
        if begun.status != 200 {
            return Ok(Some(begun.status));
        }
        let begun = begun.json()?;
        let credential = passkey.get(&begun["options"]);
        let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let done = self.post("/_bmauth/sign-in/verify", &body).await?;
        if done.status != 200 {
            return Ok(Some(done.status));
        }
        ensure!(done.fields.iter().any(|(_, value)| value.starts_with("bmauth=")), "signed in without a session");
        Ok(None)
    }

    async fn send(&mut self, method: &str, path: &str, kind: &str, body: &str) -> anyhow::Result<Answer> {
        let origin = &self.gateway.origin;
        let Some((_, host)) = origin.split_once("://") else { bail!("{origin} is no origin") };
        let cookies = ["bmauth-flow"].iter().filter_map(|name| Some(format!("{name}={}", self.cookies.get(*name)?)));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nSec-Fetch-Site: same-origin\r\n\
             X-BMAuth-CSRF: {}\r\nCookie: {}\r\nX-Forwarded-For: {}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.csrf,
            cookies.collect::<Vec<_>>().join("; "),
            self.place,
            body.len(),
        );
        let answer = self.connection.send(request.as_bytes()).await?;
        for (_, set) in answer.fields.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
            // The secret of a flow is kept when it is over, so that the next sign-in needs no page.
            if let (Some((name, value)), false) = (pair.split_once('='), attributes.contains("Max-Age=0")) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}
