//! What the app is told about who asks and from where: by us alone.

use bmauth::domain::plain_header::Fact;
use bmauth::domain::route::Access;
use bmauth::gate::plain_headers::PlainHeaders;

use crate::harness::*;

const IDENTITY: [&str; 24] = [
    "X-BMAuth-JWT",
    "Remote-User",
    "Remote-Email",
    "Remote-Name",
    "Remote-Groups",
    "X-Remote-User",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Access-Token",
    "X-Forwarded-Access-Token",
    "X-WebAuth-User",
    "X-Authenticated-User",
    "X-Authenticated-Userid",
    "X-Authentik-Username",
    "X-Pomerium-Jwt-Assertion",
    "X-Goog-IAP-JWT-Assertion",
    "X-Goog-Authenticated-User-Email",
    "Cf-Access-Jwt-Assertion",
    "Cf-Access-Authenticated-User-Email",
    "Proxy",
];

/// The spellings that some server reads as the same name.
fn spellings(name: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        name.to_lowercase(),
        name.to_uppercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
        name.replacen('-', "_", 1),
        name.replace('-', "--"),
        name.replace('-', "~"),
        format!("{name}_"),
        format!("_{name}"),
        format!("{name}-"),
    ]
}

fn is_identity(name: &str) -> bool {
    let fold = |name: &str| name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    IDENTITY.iter().any(|known| fold(known) == fold(name))
}

#[tokio::test]
async fn no_spelling_of_an_identity_header_gets_through() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/public", Access::Public, &app.url)
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
        .start();
    let secret = world.keeper.sign_in(1);
    for peer in ["192.0.2.1", "10.0.0.1"] {
        for name in IDENTITY {
            for spelling in spellings(name) {
                for path in ["/", "/public"] {
                    let lines = [&cookie(&secret), &format!("{spelling}: evil"), &format!("{spelling}: worse")];
                    let mut client = world.connect_from(peer);
                    client.send(get(path, &lines.map(String::as_str))).await;
                    assert_eq!(client.answer().await.status, 200);
                    let seen = app.saw();
                    let left: Vec<_> = seen.fields.iter().filter(|(name, _)| is_identity(name)).collect();
                    match path {
                        "/" => {
                            assert_eq!(left.len(), 1, "{spelling} {left:?}");
                            assert_eq!(seen.field("x-bmauth-jwt"), Some("token.user1@example.com.notes.example.com"));
                        }
                        _ => assert!(left.is_empty(), "{spelling} {left:?}"),
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn another_name_for_the_token_is_protected_like_the_first() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Optional, &app.url)
        .set(|settings| settings.identity_header = http::HeaderName::from_static("acme-user-token"))
        .start();
    let secret = world.keeper.sign_in(1);
    for spelling in spellings("Acme-User-Token").into_iter().chain(spellings("X-BMAuth-JWT")) {
        world.get("/", &[&format!("{spelling}: evil")]).await;
        let seen = app.saw();
        assert!(!seen.fields.iter().any(|(_, value)| value == "evil"), "{spelling} {seen:?}");
    }
    world.get_as(&secret, "/", &[]).await;
    assert_eq!(app.saw().field("acme-user-token"), Some("token.user1@example.com.notes.example.com"));
}

#[tokio::test]
async fn a_connection_field_cannot_name_ours() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .set(|settings| settings.plain_headers = standard_fields())
        .start();
    let secret = world.keeper.sign_in(1);
    for named in [
        "close, X-BMAuth-JWT",
        "X-BMAuth-JWT, Remote-User, Remote-Email",
        "keep-alive, x-bmauth-jwt",
        "Cookie",
        "Content-Length",
    ] {
        let answer = world.get_as(&secret, "/", &[&format!("Connection: {named}")]).await;
        assert_eq!(answer.status, 200, "{named}");
        let seen = app.saw();
        assert!(seen.field("x-bmauth-jwt").is_some() && seen.field("remote-user").is_some(), "{named}");
        assert_eq!(seen.field("connection").filter(|value| !value.eq_ignore_ascii_case("keep-alive")), None, "{named}");
    }
    let mixed = format!("Cookie: a=1; {COOKIE}={}", secret.text());
    assert_eq!(world.get("/", &["Connection: Cookie", &mixed]).await.status, 200);
    assert_eq!(app.saw().field("cookie"), None);
    for named in ["X-Forwarded-For", "X-Forwarded-Host", "Host"] {
        let answer = world.get_as(&secret, "/", &[&format!("Connection: {named}")]).await;
        let seen = app.seen();
        let told = seen.iter().all(|seen| seen.field("x-forwarded-for") == Some("192.0.2.1"));
        assert!(answer.status == 400 && seen.is_empty() || told, "{named} {seen:?}");
    }
}

#[tokio::test]
async fn request_trailers_do_not_arrive() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let lines = [&cookie(&secret), "Transfer-Encoding: chunked", "Trailer: X-BMAuth-JWT", "TE: trailers"];
    let head = request("POST", "/", &lines, "");
    let mut client = world.connect();
    client.send(format!("{head}2\r\nhi\r\n0\r\nX-BMAuth-JWT: evil\r\nRemote-User: evil\r\n\r\n")).await;
    let _ = client.closes_or_answers().await;
    for seen in app.seen() {
        assert_eq!(seen.field("x-bmauth-jwt"), Some("token.user1@example.com.notes.example.com"));
        assert_eq!((seen.field("trailer"), seen.field("remote-user"), seen.field("te")), (None, None, None));
        assert_eq!(seen.body, b"hi");
    }
}

#[tokio::test]
async fn the_identity_goes_out_in_plain_fields_where_asked_for() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Optional, &app.url)
        .set(|settings| settings.plain_headers = standard_fields())
        .start();
    let secret = world.keeper.sign_in(1);
    world.get_as(&secret, "/", &["Remote-User: admin"]).await;
    let seen = app.saw();
    assert_eq!(seen.field("remote-user"), Some("00000000-0000-0000-0000-000000000001"));
    assert_eq!(seen.field("remote-email"), Some("user1@example.com"));
    assert_eq!(seen.field("remote-name"), Some("Maria Muster"));
    assert_eq!(seen.field("remote-groups"), Some("editors"), "a comma cannot make two groups of one");

    let forger = world.keeper.sign_in_as(2, Some("Eve\r\nRemote-User: admin".to_owned()), vec!["x\r\ny".to_owned()]);
    assert_eq!(world.get_as(&forger, "/", &[]).await.status, 200);
    let seen = app.saw();
    assert_eq!(seen.field("remote-user"), Some("00000000-0000-0000-0000-000000000002"));
    assert_eq!((seen.field("remote-name"), seen.field("remote-groups")), (None, None));

    world.get("/", &["Remote-User: admin"]).await;
    let seen = app.saw();
    assert!(!seen.names().iter().any(|name| name.starts_with("remote-")), "{seen:?}");
}

const PROVENANCE: [&str; 12] = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Anything",
    "X-Real-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Client-IP",
    "X-Original-Host",
];

#[tokio::test]
async fn an_unknown_client_cannot_say_where_a_request_comes_from() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    for name in PROVENANCE {
        for spelling in spellings(name) {
            world.get("/", &[&format!("{spelling}: evil.example")]).await;
            let seen = app.saw();
            assert!(!seen.fields.iter().any(|(_, value)| value.contains("evil")), "{spelling} {seen:?}");
            assert_eq!(seen.field("x-forwarded-for"), Some("192.0.2.1"));
            assert_eq!(seen.field("x-forwarded-proto"), Some("https"));
            assert_eq!(seen.field("x-forwarded-host"), Some(HOST));
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_in_its_own_spelling() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
        .start();
    let mut client = world.connect_from("10.0.0.1");
    client
        .send(get(
            "/",
            &[
                "X-Forwarded-For: 203.0.113.9",
                "X-Forwarded-For: 10.0.0.2",
                "X-Forwarded-Proto: wss",
                "X-Forwarded-Host: other.example",
                "X-Forwarded-Port: 443",
                "X_Forwarded_For: evil",
                "X.Forwarded.Port: evil",
                "X-Forwarded--For: evil",
            ],
        ))
        .await;
    client.answer().await;
    let seen = app.saw();
    assert_eq!(seen.field("x-forwarded-for"), Some("203.0.113.9, 10.0.0.2, 10.0.0.1"));
    assert_eq!(seen.field("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.field("x-forwarded-host"), Some(HOST), "the host that was decided by");
    assert_eq!(seen.field("x-forwarded-port"), Some("443"));
    assert!(!seen.fields.iter().any(|(_, value)| value.contains("evil")), "{seen:?}");
}

#[tokio::test]
async fn no_header_names_another_target_than_the_one_decided_by() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .set(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()])
        .start();
    for peer in ["192.0.2.1", "10.0.0.1"] {
        for name in ["X-Original-URL", "X-Rewrite-URL", "X_Original_Uri", "X-Forwarded-Uri", "X-Forwarded-Path"] {
            let mut client = world.connect_from(peer);
            client.send(get("/", &[&format!("{name}: /admin")])).await;
            client.answer().await;
            let seen = app.saw();
            assert!(!seen.fields.iter().any(|(_, value)| value == "/admin"), "{name} {seen:?}");
        }
    }
}

#[tokio::test]
async fn other_fields_pass_as_they_are() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let lines =
        ["Accept-Language: de", "X-Custom: a,  b", "X-Custom: c", "Authorization: Basic eDp5", "Fetch-Me: 1", "X-F: 2"];
    world.get_as(&secret, "/", &lines).await;
    let seen = app.saw();
    let custom: Vec<_> = seen.fields.iter().filter(|(name, _)| name == "x-custom").map(|(_, value)| value).collect();
    assert_eq!(custom, ["a,  b", "c"]);
    for (name, value) in [("accept-language", "de"), ("authorization", "Basic eDp5"), ("fetch-me", "1"), ("x-f", "2")] {
        assert_eq!(seen.field(name), Some(value));
    }
}

#[tokio::test]
async fn a_header_with_an_underscore_arrives_only_where_the_route_names_it() {
    let app = hello().await;
    for (named, arrives) in [(vec![], None), (vec!["x_api_key".into()], Some("1"))] {
        let world = plan().route("/", Access::Public, &app.url).app(|app| app.underscore_headers = named).start();
        for spelled in ["X_Api_Key: 1", "x_api_key: 1"] {
            world.get("/", &[spelled, "X_Other: 1", "SCRIPT_NAME: /x", "PATH_INFO: /x"]).await;
            let seen = app.saw();
            assert_eq!(seen.field("x_api_key"), arrives);
            for dropped in ["x_other", "script_name", "path_info"] {
                assert_eq!(seen.field(dropped), None, "{dropped}");
            }
        }
    }
}

#[tokio::test]
async fn what_tells_an_app_another_script_or_way_does_not_arrive() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    for name in [
        "Script-Name",
        "Path-Info",
        "X-Script-Name",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Url-Scheme",
        "X-Scheme",
        "Front-End-Https",
        "Client-IP",
        "Fastly-Client-IP",
        "Tailscale-User-Login",
        "X-Amzn-Oidc-Identity",
        "X-MS-CLIENT-PRINCIPAL-NAME",
        "X-Vouch-User",
        "X-Consumer-Username",
        "OIDC-CLAIM-sub",
        "Impersonate-User",
        "Remote-Addr",
        "X-Remote-Group",
    ] {
        for spelled in [name.to_owned(), name.replace('-', "_"), name.replace('-', ".")] {
            world.get("/", &[&format!("{spelled}: x")]).await;
            assert_eq!(app.saw().field(&spelled.to_lowercase()), None, "{spelled}");
        }
    }
}

/// What of a person's name goes out.
const ZOE: (&str, &str) = ("Zoë Ångström 100 %", "Zo%C3%AB %C3%85ngstr%C3%B6m 100 %25");

#[tokio::test]
async fn a_name_outside_ascii_goes_out_percent_encoded() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .set(|settings| settings.plain_headers = standard_fields())
        .start();
    let zoe = world.keeper.sign_in_as(3, Some(ZOE.0.to_owned()), Vec::new());
    world.get_as(&zoe, "/", &[]).await;
    assert_eq!(app.saw().field("remote-name"), Some(ZOE.1));
    for control in ["\t", "\r\n", "\u{85}", "\u{7f}"] {
        let eve = world.keeper.sign_in_as(4, Some(format!("Eve{control}X")), Vec::new());
        assert_eq!(world.get_as(&eve, "/", &[]).await.status, 200);
        assert_eq!(app.saw().field("remote-name"), None, "{control:?}");
    }
}

/// Two names for one fact, and one of those that other gateways use.
fn named() -> PlainHeaders {
    let names = ["acme-mail", "x-remote-user", "acme-called", "acme-groups"].map(http::HeaderName::from_static);
    names.into_iter().zip([Fact::Email, Fact::Email, Fact::Name, Fact::Groups]).collect()
}

#[tokio::test]
async fn plain_fields_have_the_names_and_tell_what_was_configured() {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).set(|settings| settings.plain_headers = named()).start();
    let zoe = world.keeper.sign_in_as(3, Some(ZOE.0.to_owned()), vec!["editors".to_owned(), "it".to_owned()]);
    let forged = ["Acme-Mail: admin", "X-Remote-User: admin", "Remote-User: admin", "Connection: Acme-Mail"];
    world.get_as(&zoe, "/", &forged).await;
    let seen = app.saw();
    assert_eq!(seen.field("acme-mail"), Some("user3@example.com"));
    assert_eq!(seen.field("x-remote-user"), Some("user3@example.com"));
    assert_eq!(seen.field("acme-called"), Some(ZOE.1));
    assert_eq!(seen.field("acme-groups"), Some("editors,it"));
    assert!(!seen.names().iter().any(|name| name.starts_with("remote-")), "{seen:?}");
    assert!(seen.field("x-bmauth-jwt").is_some());
    let nameless = world.keeper.sign_in_as(4, None, Vec::new());
    world.get_as(&nameless, "/", &["Acme-Called: Admin", "acme.called: Admin"]).await;
    assert_eq!(app.saw().field("acme-called"), None);
}

#[tokio::test]
async fn no_client_can_send_a_plain_header_of_any_name() {
    let app = hello().await;
    for plain in [PlainHeaders::default(), standard_fields(), named()] {
        let is_named = plain == named();
        let world = plan()
            .route("/", Access::Optional, &app.url)
            .route("/public", Access::Public, &app.url)
            .set(|settings| settings.plain_headers = plain)
            .start();
        let secret = world.keeper.sign_in(1);
        let own: &[&str] = if is_named { &["Acme-Mail", "Acme-Called", "Acme-Groups", "X-Remote-User"] } else { &[] };
        let standard = ["Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Remote-User"];
        for spelling in standard.iter().chain(own).flat_map(|name| spellings(name)) {
            let forged = format!("{spelling}: evil");
            world.get("/", &[&forged]).await;
            world.get("/public", &[&forged]).await;
            world.get_as(&secret, "/", &[&forged]).await;
            world.get_as(&secret, "/public", &[&forged]).await;
            for seen in app.seen() {
                assert!(!seen.fields.iter().any(|(_, value)| value == "evil"), "{spelling} {seen:?}");
            }
        }
    }
}
