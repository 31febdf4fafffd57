//! A proxy in front asks whether a request may pass.

use std::time::Duration;

use bmauth::domain::plain_header::Fact;
use bmauth::domain::route::Access;
use bmauth::gate::plain_headers::PlainHeaders;

use crate::harness::*;

mod alike;
mod families;
mod not_signed_in;
mod passing;
mod refusing;
mod way_back;

/// A proxy that is trusted.
const PROXY: &str = "10.0.0.1";

/// A person goes to a page.
const PAGE: &str = "Sec-Fetch-Mode: navigate";

/// The fields that tell an app who asks.
const IDENTITY: [&str; 5] = ["x-bmauth-jwt", "remote-user", "remote-email", "remote-name", "remote-groups"];

/// By which fields a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Traefik and Caddy.
    Forwarded,
    /// nginx.
    Original,
    /// Envoy.
    Suffix,
}

const FAMILIES: [Family; 3] = [Family::Forwarded, Family::Original, Family::Suffix];

/// The request that is asked about.
#[derive(Clone, Copy, Debug)]
struct About<'a> {
    method: &'a str,
    scheme: &'a str,
    host: &'a str,
    uri: &'a str,
    /// The lines of its head that come along.
    lines: &'a [&'a str],
}

fn about<'a>(uri: &'a str, lines: &'a [&'a str]) -> About<'a> {
    About { method: "GET", scheme: "https", host: HOST, uri, lines }
}

/// The question as that family asks it.
fn question(family: Family, about: About<'_>) -> String {
    let About { method, scheme, host, uri, lines } = about;
    let (line, own_host, fields) = match family {
        Family::Forwarded => (
            "GET /_bmauth/forward-auth".to_owned(),
            "bmauth:8443",
            format!(
                "X-Forwarded-Method: {method}\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-Host: {host}\r\n\
                 X-Forwarded-Uri: {uri}\r\nX-Forwarded-For: 203.0.113.9\r\n"
            ),
        ),
        Family::Original => (
            "GET /_bmauth/forward-auth".to_owned(),
            "127.0.0.1",
            format!("X-Original-URL: {scheme}://{host}{uri}\r\nX-Original-Method: {method}\r\n"),
        ),
        Family::Suffix => (
            format!("{method} /_bmauth/forward-auth{uri}"),
            host,
            format!("X-Forwarded-Proto: {scheme}\r\nContent-Length: 0\r\n"),
        ),
    };
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{line} HTTP/1.1\r\nHost: {own_host}\r\n{fields}{lines}\r\n")
}

/// A world that a proxy in front asks: nothing behind, a route of each kind.
fn asked() -> Plan {
    asked_with(&[])
}

/// The same, with these servers behind.
fn asked_with(servers: &[&str]) -> Plan {
    plan()
        .route_to(HOST, "/", Access::SignedIn, servers)
        .route_to(HOST, "/public", Access::Public, servers)
        .route_to(HOST, "/optional", Access::Optional, servers)
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
}

impl World {
    /// What a proxy is answered.
    async fn told(&self, question: &str) -> Answer {
        let mut proxy = self.connect_from(PROXY);
        proxy.send(question).await;
        proxy.answer().await
    }

    async fn asks(&self, family: Family, about: About<'_>) -> Answer {
        self.told(&question(family, about)).await
    }
}

/// It passes, and the app gets no identity.
#[track_caller]
fn passes_without_identity(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{answer:?}");
    for name in IDENTITY {
        assert_eq!(answer.field(name), Some(""), "{name} in {answer:?}");
    }
}

/// It is refused, for this reason.
#[track_caller]
fn is_refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 403, "{answer:?} {}", answer.text());
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    assert_eq!(answer.json()["type"], format!("urn:bmauth:problem:{why}"));
    assert_eq!(answer.json()["status"], 403);
    assert_eq!(answer.field("x-bmauth-problem"), Some(why));
    says_nothing_to_an_app(answer);
}

/// A proxy that copies headers of a refusal copies no identity.
#[track_caller]
fn says_nothing_to_an_app(answer: &Answer) {
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    for name in IDENTITY {
        assert_eq!(answer.field(name), None, "{name} in {answer:?}");
    }
}

/// What Envoy takes out.
fn removed(answer: &Answer) -> Vec<String> {
    let names = answer.field("x-envoy-auth-headers-to-remove").unwrap();
    names.split(',').map(|name| name.trim().to_owned()).collect()
}

const HOUR: Duration = Duration::from_secs(3600);
