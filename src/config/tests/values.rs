//! What a configuration that is right becomes.

use std::time::Duration;

use super::super::email::{SmtpLogin, SmtpSecurity, TransportSettings};
use super::files::certificate;
use super::*;
use crate::config::storage::database::DatabaseTls;
use crate::domain::accent::Accent;
use crate::domain::api::{ClaimValue, Grants, Role};
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::link::LinkPolicy;
use crate::domain::origin::Origin;
use crate::domain::path::RequestPath;
use crate::domain::recover::RecoveryMode;
use crate::domain::register::NewAccounts;
use crate::domain::route::Access;
use crate::domain::signing_key::Algorithm;
use crate::domain::upstream::{Upstream, UpstreamUrl};

#[test]
fn the_minimal_file_loads_with_every_default() {
    let text = include_str!("../../../config/minimal.toml");
    let config = load(ConfigSource::text("/etc/bmauth/bmauth.toml", text)).expect("a configuration");
    let Config {
        public_url,
        former_public_urls,
        brand,
        server,
        storage,
        email,
        policy,
        recovery,
        recovery_delay,
        passkeys,
        sessions,
        link,
        identity,
        api,
        routes,
        written,
        warnings,
        faults,
        admins,
    } = config;
    assert!(written != Fingerprint::default());
    assert_eq!(recovery_delay, std::time::Duration::from_secs(24 * 3600));
    assert_eq!(former_public_urls, vec![]);
    assert_eq!((link.policy, link.path.as_str()), (LinkPolicy::On, "/link"));
    assert_eq!(
        (public_url.origin(), public_url.host().as_str(), public_url.is_https()),
        ("https://notes.example.com", "notes.example.com", true)
    );
    assert_eq!(
        (brand.name(), brand.accent(), brand.logo(), brand.support_url(), brand.links()),
        ("notes.example.com", Accent::default(), None, None, &[][..])
    );
    assert_eq!((server.listen, server.tls), (vec!["0.0.0.0:8443".parse().expect("an address")], None));
    assert_eq!((server.admin.to_string(), server.trusted_proxies), ("127.0.0.1:9091".to_owned(), vec![]));
    assert_eq!(file_of(&storage), path("/etc/bmauth/data/bmauth.redb"));
    assert_eq!((email.from.name.as_deref(), email.from.address.as_str()), (Some("Acme Notes"), "no-reply@example.com"));
    let TransportSettings::Smtp(smtp) = email.transport else { panic!("letters are sent") };
    assert_eq!((smtp.host.as_str(), smtp.port, smtp.security), ("mail.example.com", 465, SmtpSecurity::Tls));
    assert_eq!(admins, None);
    assert_eq!(
        (policy.new_accounts, policy.allowed_domains, recovery),
        (NewAccounts::Open, vec![], RecoveryMode::Email)
    );
    assert_eq!(passkeys.rp_id.as_str(), "notes.example.com");
    assert_eq!((sessions.idle, sessions.absolute), (Duration::from_secs(86_400), Duration::from_secs(2_592_000)));
    assert_eq!((identity.header.as_str(), identity.header.name().as_str()), ("X-BMAuth-JWT", "x-bmauth-jwt"));
    assert_eq!(
        (identity.algorithm, identity.lifetime, identity.plain_headers.len()),
        (Algorithm::Es256, Duration::from_secs(300), 0)
    );
    assert_eq!(identity.issuer, "https://notes.example.com");
    assert_eq!(
        api,
        Api {
            reveal_accounts: false,
            elevation: Duration::from_secs(300),
            allowed_origins: Vec::new(),
            audience: "https://notes.example.com/_bmauth/v1".to_owned(),
            grants: Grants::default(),
        }
    );
    let routes: Vec<_> = routes.iter().collect();
    let [route] = routes.as_slice() else { panic!("one route") };
    assert_eq!(
        (route.host.as_str(), route.path.as_str(), route.demands.access, &*route.demands.audience),
        ("notes.example.com", "/", Access::SignedIn, "notes.example.com")
    );
    assert!(!route.demands.forward_authorization);
    let server = UpstreamUrl::parse("http://127.0.0.1:8000").expect("an upstream");
    assert_eq!(route.upstream, Upstream::of(vec![server]));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let places: Vec<String> = faults.iter().map(|fault| fault.place.to_string()).collect();
    assert_eq!(places, ["3:14", "6:8", "7:12"].map(|place| format!("/etc/bmauth/bmauth.toml:{place}")), "{faults:?}");
}

#[test]
fn behind_a_proxy_that_asks_a_route_needs_no_upstream() {
    let config = loads(&format!(
        "{URL}{EMAIL}[server]\ntrusted_proxies = [\"10.0.0.1\"]\n[[route]]\n[[route]]\npath = \"/files\"\naccess = \"public\"\n\
         [[route]]\npath = \"/api\"\nupstream = [\"http://api\"]\n"
    ));
    let upstreams: Vec<_> =
        config.routes.iter().map(|route| (route.path.as_str(), route.upstream.servers.len())).collect();
    assert_eq!(upstreams, [("/", 0), ("/files", 0), ("/api", 1)]);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn the_template_loads() {
    let config = loads(TEMPLATE);
    assert_eq!((config.brand.name(), config.routes.iter().count()), ("Acme Notes", 1));
    // The pages have a host of their own, and the app another of the same passkey domain.
    assert_eq!(config.public_url.host().as_str(), "auth.example.com");
    assert_eq!(config.passkeys.rp_id.as_str(), "example.com");
    assert_eq!(config.routes.hosts().map(Host::as_str).collect::<Vec<_>>(), ["notes.example.com"]);
}

#[test]
fn the_template_loads_for_one_host_when_what_it_says_is_changed() {
    let one_host = TEMPLATE
        .replace("\npublic_url = \"https://auth.example.com\"", "\npublic_url = \"https://notes.example.com\"")
        .replace("\nrp_id = ", "\n# rp_id = ")
        .replace("\nhost = ", "\n# host = ");
    let config = loads(&one_host);
    assert_eq!(config.passkeys.rp_id.as_str(), "notes.example.com");
    assert!(config.routes.knows_host(config.public_url.host()));
}

#[test]
fn what_the_docs_write_for_several_apps_loads() {
    let docs = include_str!("../../../docs/several-apps.md");
    let text = docs.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a configuration");
    // These name files that a reader of the docs makes.
    let text = text
        .replace(
            "tls = { cert = \"tls/fullchain.pem\", key = \"tls/privkey.pem\" }\n",
            "trusted_proxies = [\"10.0.0.1\"]\n",
        )
        .replace("smtp_url_file = \"secrets/smtp_url\"", "smtp_url = \"smtps://user:password@mail.example.com\"");
    let config = loads(&text);
    assert_eq!(
        (config.public_url.host().as_str(), config.passkeys.rp_id.as_str()),
        ("auth.example.com", "example.com")
    );
    let hosts: Vec<_> = config.routes.hosts().map(Host::as_str).collect();
    assert_eq!(hosts, ["files.example.com", "notes.example.com", "wiki.example.com"]);
    assert_eq!(config.warnings, Vec::<String>::new());
}

/// The comments of the template are examples that hold: each one, uncommented, is right beside all others, but for
/// those in whose place it is written.
#[test]
fn every_commented_key_of_the_template_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = certificate("app.internal");
    let (cert, key) = (cert.as_str(), key.as_str());
    for (name, content) in [
        ("logo.svg", "<svg/>"),
        ("tls/fullchain.pem", cert),
        ("tls/privkey.pem", key),
        ("tls/ca.pem", cert),
        ("tls/client.pem", cert),
        ("tls/client.key", key),
        ("secrets/smtp_url", "smtps://post@mail.example.com"),
        ("secrets/mail-ca.pem", cert),
        ("secrets/mail", "s3cret"),
        ("secrets/storage.key", &"A".repeat(43)),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    let is_key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-')))
    };
    let mut seen = Vec::new();
    // A password and a file, then access tokens and a database.
    let file = "path = \"data/bmauth.redb\"";
    for left_out in [
        ["smtp_url_file", "oauth", "url", "owner_url", "migrate", "grace", "key_file"].as_slice(),
        ["smtp_url", file].as_slice(),
    ] {
        let mut text = String::new();
        for line in TEMPLATE.lines().filter(|line| *line != "trusted_proxies = []") {
            let bare = line.strip_prefix("# ").filter(|line| is_key(line) || line.starts_with("[["));
            let line = bare.unwrap_or(line);
            let key = line.split_once(" = ").map(|(key, _)| key);
            if key.is_some_and(|key| left_out.contains(&key)) || left_out.contains(&line) {
                continue;
            }
            seen.extend(key);
            text.push_str(line);
            text.push('\n');
        }
        // `upstream_tls` is for those.
        let text = text.replace("[\"http://127.0.0.1:8000\"]", "[\"https://127.0.0.1:8000\"]");
        let config = load(ConfigSource::text(folder.path().join("bmauth.toml"), text))
            .unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.routes.iter().count(), 2);
        let TransportSettings::Smtp(smtp) = config.email.transport else { panic!("letters are sent") };
        assert_eq!(smtp.authorities.len(), 1);
        let uses_tokens = matches!(smtp.login, Some(SmtpLogin::OAuth { username, .. }) if username == "post");
        assert_eq!(uses_tokens, left_out.contains(&"smtp_url"));
        assert_eq!(matches!(config.storage, Storage::Database(_)), left_out.contains(&file));
    }
    for key in [
        "public_url",
        "name",
        "accent",
        "logo",
        "support_url",
        "links",
        "listen",
        "tls",
        "admin",
        "trusted_proxies",
        "proxy_protocol",
        "admin_socket",
        "path",
        "url",
        "owner_url",
        "migrate",
        "grace",
        "key_file",
        "from",
        "smtp_url",
        "smtp_url_file",
        "smtp_ca_file",
        "reply_to",
        "hello",
        "oauth",
        "transport",
        "registration",
        "allowed_domains",
        "allowed_emails",
        "admins",
        "recovery",
        "recovery_delay",
        "rp_id",
        "user_verification",
        "idle",
        "absolute",
        "approve",
        "header",
        "algorithm",
        "lifetime",
        "issuer",
        "plain_headers",
        "reveal_accounts",
        "elevation",
        "allowed_origins",
        "default_role",
        "roles",
        "x-hasura-email",
        "x-hasura-org",
        "forward_authorization",
        "host",
        "upstream",
        "access",
        "audience",
        "balance",
        "health",
        "upstream_tls",
        "host_header",
        "strip_prefix",
        "request_headers",
        "response_headers",
        "underscore_headers",
        "timeout",
        "max_body",
        "upgrade",
        "websocket_origins",
    ] {
        assert!(seen.contains(&key), "{key} is not in the template");
    }
}

#[test]
fn every_key_is_taken_over() {
    let config = loads(
        r##"
public_url = "https://notes.example.com:8443"
[app]
name = " Notes "
accent = "#0a5c2f"
support_url = "mailto:help@example.com"
links = [{ text = "Imprint", url = "https://example.com/imprint" }, { text = "Privacy", url = "mailto:data@example.com" }]
[server]
listen = ["127.0.0.1:8443", "[::1]:8443"]
admin = "10.0.0.5:9000"
admin_socket = "/run/notes/bmauth.sock"
trusted_proxies = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]
[storage]
path = "/var/lib/bmauth/store.redb"
[email]
from = "a@example.com"
transport = "log"
[accounts]
registration = "open"
allowed_emails = ["Ann@Elsewhere.example"]
admins = "it"
allowed_domains = ["Example.com", "bücher.example"]
recovery = "delayed"
recovery_delay = "2d"
[passkeys]
rp_id = "Example.com"
user_verification = "required"
[sessions]
idle = "30m"
absolute = "12h"
[link]
approve = "same-network"
path = "/devices/add"
[identity]
header = "X-Who"
algorithm = "EdDSA"
lifetime = "10m"
issuer = "notes"
plain_headers = true
[api]
reveal_accounts = true
elevation = "10m"
allowed_origins = ["https://app.example.com", "https://example.com:8443"]
audience = "api"
default_role = "member"
roles = ["member", "me"]
[api.claims]
x-hasura-org = "acme"
x-hasura-email = "$email"
x-hasura-domain = "$email_domain"
x-hasura-groups = "$groups"
[[route]]
path = "/"
upstream = "http://app:8000"
[[route]]
host = "Files.example.com"
path = "/public/"
upstream = ["http://a", "https://b:8443"]
access = "public"
audience = "files"
forward_authorization = true
[[route]]
path = "/api"
upstream = ["http://api"]
access = "optional"
"##,
    );
    assert_eq!(config.public_url.origin(), "https://notes.example.com:8443");
    assert_eq!((config.brand.name(), config.brand.accent().light().to_string()), ("Notes", "#0a5c2f".to_owned()));
    assert_eq!(config.brand.support_url(), Some("mailto:help@example.com"));
    let links: Vec<_> = config.brand.links().iter().map(|link| (link.text(), link.url())).collect();
    assert_eq!(links, [("Imprint", "https://example.com/imprint"), ("Privacy", "mailto:data@example.com")]);
    assert_eq!(config.server.listen.len(), 2);
    assert_eq!(config.server.admin.to_string(), "10.0.0.5:9000");
    assert_eq!(config.server.admin_socket, Some(path("/run/notes/bmauth.sock")));
    assert_eq!(
        config.server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]
    );
    assert_eq!(file_of(&config.storage), path("/var/lib/bmauth/store.redb"));
    assert!(matches!(config.email.transport, TransportSettings::Log));
    assert_eq!(config.policy.new_accounts, NewAccounts::Open);
    assert_eq!(config.policy.allowed_emails, [Email::parse("ann@elsewhere.example").unwrap()]);
    assert_eq!(config.admins.as_deref(), Some("it"));
    assert_eq!(config.policy.allowed_domains, ["example.com", "xn--bcher-kva.example"]);
    assert_eq!(config.passkeys.rp_id.as_str(), "example.com");
    assert_eq!(
        (config.sessions.idle, config.sessions.absolute),
        (Duration::from_secs(1800), Duration::from_secs(43_200))
    );
    assert_eq!((config.link.policy, config.link.path.as_str()), (LinkPolicy::SameNetwork, "/devices/add"));
    assert_eq!((config.identity.header.as_str(), config.identity.algorithm), ("X-Who", Algorithm::EdDsa));
    assert_eq!(
        (config.identity.lifetime, config.identity.issuer.as_str(), config.identity.plain_headers.len()),
        (Duration::from_secs(600), "notes", 4)
    );
    let Api { reveal_accounts, elevation, allowed_origins, audience, grants } = &config.api;
    assert_eq!((*reveal_accounts, *elevation, audience.as_str()), (true, Duration::from_secs(600), "api"));
    let origins: Vec<&str> = allowed_origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["https://app.example.com", "https://example.com:8443"]);
    let roles: Vec<&str> = grants.roles.iter().map(Role::as_str).collect();
    assert_eq!((grants.default_role.as_str(), roles), ("member", vec!["member", "me"]));
    let claims: Vec<_> = grants.extra.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(
        claims,
        [
            ("x-hasura-domain", ClaimValue::EmailDomain),
            ("x-hasura-email", ClaimValue::Email),
            ("x-hasura-groups", ClaimValue::Groups),
            ("x-hasura-org", ClaimValue::Text("acme".into())),
        ]
    );
    let forwarding: Vec<_> =
        config.routes.iter().filter(|route| route.demands.forward_authorization).map(|route| route.id.0).collect();
    assert_eq!(forwarding, [1]);
    let find = |host: &str, path: &str| {
        let path = RequestPath::parse(path.as_bytes()).expect("a path");
        let route = config.routes.find(&Host::parse(host).expect("a host"), &path, "GET").ok()?;
        Some((route.id.0, route.demands.access, route.demands.audience.clone()))
    };
    assert_eq!(find("notes.example.com", "/x"), Some((0, Access::SignedIn, "notes.example.com".into())));
    assert_eq!(find("files.example.com", "/public/x"), Some((1, Access::Public, "files".into())));
    assert_eq!(find("files.example.com", "/"), None);
    assert_eq!(find("notes.example.com", "/api/x"), Some((2, Access::Optional, "notes.example.com".into())));
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn on_localhost_the_listener_follows_public_url() {
    let config = loads(&format!("public_url = \"http://localhost:8080\"\n{EMAIL}{ROUTE}"));
    assert_eq!(config.server.listen, ["127.0.0.1:8080".parse().expect("an address")]);
    assert_eq!(config.passkeys.rp_id.as_str(), "localhost");
    assert!(!config.public_url.is_https());
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn what_deserves_a_word_is_a_warning() {
    let plain = loads(&with(""));
    assert_eq!(
        plain.warnings,
        [
            "bmauth.toml:1:1: 0.0.0.0:8443 speaks plain HTTP because `server.tls` is not set. That is right behind a TLS terminator only; \
          name its address in `server.trusted_proxies`, or every visitor seems to come from it.",
            "bmauth.toml:1:1: Browsers ask for port 443, which `public_url` (https://notes.example.com) says, but the gateway listens on 0.0.0.0:8443. \
          Set `server.listen` to that port, have it forwarded to 8443, or name the proxy that has it in `server.trusted_proxies`."
        ]
    );
    let behind = "[server]\ntrusted_proxies = [\"10.0.0.1\"]\n";
    assert_eq!(loads(&with(behind)).warnings, Vec::<String>::new());
    // People sign in at public_url, wherever the route is.
    assert_eq!(loads(&with(&format!("host = \"other.example\"\n{behind}"))).warnings, Vec::<String>::new());
    let origins = "[api]\nallowed_origins = [\"https://a.notes.example.com\", \"https://app.example.com\", \"http://localhost:3000\"]\n";
    let elsewhere = loads(&with(&format!("{origins}{behind}")));
    assert_eq!(
        elsewhere.warnings,
        [("51", "https://app.example.com", "app.example.com"), ("78", "http://localhost:3000", "localhost")].map(
            |(column, origin, host)| format!(
                "bmauth.toml:8:{column}: pages of {origin} may call the API but cannot use passkeys: {host} is outside notes.example.com, their domain (`passkeys.rp_id`)."
            )
        )
    );
    let usable: Vec<&str> = elsewhere.api.passkey_origins(&elsewhere.passkeys.rp_id).map(Origin::as_str).collect();
    assert_eq!(usable, ["https://a.notes.example.com"]);
    let printed = format!(
        "{URL}{behind}{ROUTE}[email]\nfrom = \"a@example.com\"\ntransport = \"log\"\nsmtp_url = \"smtps://mail\"\n"
    );
    assert_eq!(
        loads(&printed).warnings,
        [
            "bmauth.toml:9:12: `email.smtp_url` is not used: `email.transport` is \"log\", so letters are printed and not sent."
        ]
    );
}

#[test]
fn debug_shows_no_secret() {
    let text =
        format!("{URL}{ROUTE}[email]\nfrom = \"boss@example.com\"\nsmtp_url = \"smtps://postman:hunter2@mail\"\n");
    let shown = format!("{:?}", loads(&text));
    assert!(!shown.contains("hunter2") && !shown.contains("boss@"), "{shown}");
}

#[test]
fn the_demo_goes_through_the_same_checks() {
    let upstream = UpstreamUrl::parse("http://127.0.0.1:4000").expect("an upstream");
    let config = load(ConfigSource::demo(8080, &upstream, Path::new("/tmp/demo"))).expect("a configuration");
    assert_eq!(config.public_url.origin(), "http://localhost:8080");
    assert_eq!(config.server.listen, ["127.0.0.1:8080".parse().expect("an address")]);
    assert_eq!(file_of(&config.storage), path("/tmp/demo/demo.redb"));
    assert!(matches!(config.email.transport, TransportSettings::Log));
    assert_eq!(config.routes.iter().map(|route| route.upstream.servers.clone()).collect::<Vec<_>>(), [vec![upstream]]);
    assert_eq!(config.warnings, Vec::<String>::new());

    let itself = UpstreamUrl::parse("http://localhost:8080").expect("an upstream");
    let errors = load(ConfigSource::demo(8080, &itself, Path::new("/tmp/demo"))).expect_err("a circle");
    assert!(errors.to_string().contains("go in a circle"), "{errors}");
}

#[test]
fn a_delay_that_delays_nothing_is_a_warning() {
    let config = loads(&with("[accounts]\nrecovery = \"admin\"\nrecovery_delay = \"24h\""));
    assert!(config.warnings.iter().any(|warning| warning.contains("recovery_delay")), "{:?}", config.warnings);
}

#[test]
fn who_may_register_is_one_of_three_and_lists_without_use_are_a_warning() {
    for (written, meant) in NewAccounts::ALL.map(|value| (value.as_str(), value)) {
        let written = |list: &str| loads(&with(&format!("[accounts]\nregistration = \"{written}\"\n{list}")));
        let warns = |list: &str| written(list).warnings.iter().any(|warning| warning.contains("bmauth users add"));
        assert_eq!(written("").policy.new_accounts, meant);
        assert!(!warns(""));
        for some in ["allowed_domains = [\"example.com\"]", "allowed_emails = [\"a@example.com\"]"] {
            assert_eq!(warns(some), meant != NewAccounts::Open, "{meant:?} {some}");
        }
    }
}

#[test]
fn plain_headers_are_those_that_are_named() {
    let read = |written: &str| {
        let headers = loads(&with(&format!("[identity]\nplain_headers = {written}"))).identity.plain_headers;
        headers.iter().map(|(name, fact)| format!("{name}={}", fact.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(read("false"), [""; 0]);
    assert_eq!(read("true"), ["remote-user=id", "remote-email=email", "remote-name=name", "remote-groups=groups"]);
    assert_eq!(
        read(
            "{ X-Remote-User = \"email\", \"X-WebAuth-User\" = \"email\", X-Forwarded-User = \"id\", Grp = \"groups\" }"
        ),
        ["grp=groups", "x-forwarded-user=id", "x-remote-user=email", "x-webauth-user=email"]
    );
    assert_eq!(read("{ Remote-User = \"email\" }"), ["remote-user=email"]);
}

#[test]
fn running_requests_are_waited_for_as_long_as_it_says() {
    let grace = |extra: &str| loads(&with(extra)).server.shutdown_grace.as_secs();
    assert_eq!(grace(""), 10);
    for (written, seconds) in [("0s", 0), ("45s", 45), ("1h", 3600)] {
        assert_eq!(grace(&format!("[server]\nshutdown_grace = \"{written}\"\n")), seconds);
    }
    let told = problems(&with("[server]\nshutdown_grace = \"61m\"\n"));
    assert!(told.contains("`server.shutdown_grace` is \"61m\": it must be from \"0s\" to \"1h\"."), "{told}");
}

#[test]
fn a_database_is_taken_over_with_its_owner_and_no_password_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, url) = (folder.path().join("storage.key"), folder.path().join("storage.url"));
    std::fs::write(&key, [7; 32]).expect("a file");
    std::fs::write(&url, "postgres://bmauth:hunter2@db1,db2/notes?sslmode=verify-full\n").expect("a file");
    let config = loads(&with(&format!(
        "[storage]\nurl_file = {url:?}\nkey_file = {key:?}\nmigrate = true\nowner_url = \"postgres://owner:hunter3@localhost/notes\"\ngrace = \"0s\"\n"
    )));
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    let Storage::Database(database) = config.storage else { panic!("it is a database") };
    assert_eq!(database.address.url.expose(), "postgres://bmauth:hunter2@db1,db2/notes");
    assert_eq!(database.address.tls, DatabaseTls::VerifyFull { authorities: None });
    let owner = database.owner.expect("an owner");
    assert_eq!((owner.url.expose(), owner.tls), ("postgres://owner:hunter3@localhost/notes", DatabaseTls::Prefer));
    assert_eq!((database.key.bytes(), database.migrate, database.grace), (&[7; 32], true, Duration::ZERO));
    let defaults = loads(&with(&format!("[storage]\nkey_file = {key:?}\nurl = \"postgres://db1/notes\"\n")));
    let Storage::Database(database) = defaults.storage else { panic!("it is a database") };
    assert!(!database.migrate && database.owner.is_none() && database.grace == Duration::from_secs(60));
    let warned = |about: &str| defaults.warnings.iter().filter(|warning| warning.contains(about)).count();
    assert_eq!((warned("who answers there is not looked at"), warned("every user of this machine can read")), (1, 1));
}
