//! Configurations in a folder, with the files they name.

use std::fs;

use tempfile::TempDir;

use super::super::email::{SmtpLogin, TransportSettings};
use super::*;
use crate::domain::brand::Logo;
use crate::domain::upstream::{Upstream, UpstreamTls};

/// A folder with these files, and `bmauth.toml` among them.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    folder
}

pub(super) fn load_from(folder: &TempDir) -> Result<Config, ConfigErrors> {
    let path = folder.path().join("bmauth.toml");
    let text = fs::read_to_string(&path).unwrap_or_default();
    load(open_to_all(ConfigSource::file(Some(path)), &text))
}

/// The problems, with the folder's own name left out.
pub(super) fn problems_in(folder: &TempDir) -> String {
    let errors = load_from(folder).expect_err("something is wrong");
    errors.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[cfg(unix)]
fn set_mode(folder: &TempDir, file: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder.path().join(file), fs::Permissions::from_mode(mode)).expect("a mode");
}

/// A self-signed certificate and its key, in PEM form.
pub(super) fn certificate(host: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

const TLS: &str = "[server]\nlisten = \"0.0.0.0:443\"\ntls = { cert = \"cert.pem\", key = \"key.pem\" }\n";

#[test]
fn a_file_that_is_not_there_is_told() {
    let folder = folder(&[]);
    let told = problems_in(&folder);
    assert!(told.starts_with("bmauth.toml: The configuration cannot be read (No such file"), "{told}");
    assert!(told.contains("`bmauth init`"), "{told}");
}

#[test]
fn paths_start_from_the_folder_of_the_file() {
    let extra = "[storage]\npath = \"here/store.redb\"\n[app]\nlogo = \"logo.svg\"\n";
    let folder = folder(&[("bmauth.toml", &with(extra)), ("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")]);
    let config = load_from(&folder).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(file_of(&config.storage), folder.path().join("here/store.redb"));
    assert_eq!(config.brand.logo().map(Logo::content_type), Some("image/svg+xml"));
}

#[test]
fn a_secret_is_read_from_its_file_without_the_newline_at_its_end() {
    let text = format!("{URL}{ROUTE}[email]\nfrom = \"a@example.com\"\nsmtp_url_file = \"smtp\"\n");
    let folder = folder(&[("bmauth.toml", &text), ("smtp", "smtps://user:hunter2@mail\n")]);
    let config = load_from(&folder).unwrap_or_else(|errors| panic!("{errors}"));
    let TransportSettings::Smtp(smtp) = config.email.transport else { panic!("letters are sent") };
    let Some(SmtpLogin::Password { password, .. }) = smtp.login else { panic!("a password is sent") };
    assert_eq!((smtp.host.as_str(), password.expose()), ("mail", "hunter2"));
}

#[test]
fn what_is_wrong_inside_a_secret_file_is_told_without_showing_it() {
    let text = format!("{URL}{ROUTE}[email]\nfrom = \"a@example.com\"\nsmtp_url_file = \"smtp\"\n");
    let folder = folder(&[("bmauth.toml", &text), ("smtp", "hunter2")]);
    let told = problems_in(&folder);
    assert!(
        told.starts_with(
            "bmauth.toml:6:17: `email.smtp_url_file`: it is not a URL: it does not start with smtps:// or smtp://"
        ),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_everybody_can_read_is_a_warning() {
    let text = format!(
        "{URL}{ROUTE}[email]\nfrom = \"a@example.com\"\nsmtp_url_file = \"smtp\"\n[server]\ntrusted_proxies = [\"10.0.0.1\"]\n"
    );
    let folder = folder(&[("bmauth.toml", &text), ("smtp", "smtps://mail")]);
    set_mode(&folder, "smtp", 0o644);
    let warnings = load_from(&folder).unwrap_or_else(|errors| panic!("{errors}")).warnings;
    let [warning] = warnings.as_slice() else { panic!("one warning: {warnings:?}") };
    assert!(warning.contains(":6:17: `email.smtp_url_file`: every user of this machine can read"), "{warning}");
    set_mode(&folder, "smtp", 0o640);
    let warnings = load_from(&folder).map(|config| config.warnings);
    assert_eq!(warnings, Ok(vec![]));
}

#[cfg(unix)]
#[test]
fn a_certificate_and_its_key_are_read_together() {
    let (cert, key) = certificate("notes.example.com");
    let folder = folder(&[("bmauth.toml", &with(TLS)), ("cert.pem", &cert), ("key.pem", &key)]);
    set_mode(&folder, "key.pem", 0o600);
    let config = load_from(&folder).unwrap_or_else(|errors| panic!("{errors}"));
    let tls = config.server.tls.expect("TLS");
    assert_eq!(tls.cert, folder.path().join("cert.pem"));
    assert_eq!(tls.load().expect("both fit").cert.len(), 1);
    assert_eq!(config.warnings, Vec::<String>::new());

    set_mode(&folder, "key.pem", 0o644);
    let warnings = load_from(&folder).unwrap_or_else(|errors| panic!("{errors}")).warnings;
    assert!(warnings.iter().any(|warning| warning.contains("`server.tls.key`: every user")), "{warnings:?}");
}

#[test]
fn a_certificate_for_another_host_is_a_warning() {
    let (cert, key) = certificate("other.example");
    let folder = folder(&[("bmauth.toml", &with(TLS)), ("cert.pem", &cert), ("key.pem", &key)]);
    let warnings = load_from(&folder).unwrap_or_else(|errors| panic!("{errors}")).warnings;
    assert!(
        warnings
            .iter()
            .any(|warning| warning
                .ends_with("`server.tls.cert` is not for notes.example.com, the host of `public_url`.")),
        "{warnings:?}"
    );
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (cert, _) = certificate("notes.example.com");
    let (_, key) = certificate("notes.example.com");
    let folder = folder(&[("bmauth.toml", &with(TLS)), ("cert.pem", &cert), ("key.pem", &key)]);
    let told = problems_in(&folder);
    assert!(
        told.starts_with("bmauth.toml:9:34: `server.tls.key`: the certificate and the key cannot be used together"),
        "{told}"
    );
}

#[test]
fn tls_files_that_are_none_are_both_told() {
    let folder = folder(&[("bmauth.toml", &with(TLS)), ("cert.pem", "hello")]);
    assert_eq!(
        problems_in(&folder),
        "bmauth.toml:9:16: `server.tls.cert`: cert.pem has no certificate chain in PEM form (no items found).\n\
         bmauth.toml:9:34: `server.tls.key`: key.pem has no private key in PEM form (I/O error: No such file or directory (os error 2))."
    );
}

#[test]
fn tls_needs_both_files_and_https() {
    let text =
        format!("public_url = \"http://localhost:8080\"\n{EMAIL}{ROUTE}[server]\ntls = {{ certificate = \"a\" }}\n");
    let folder = folder(&[("bmauth.toml", &text)]);
    assert_eq!(
        problems_in(&folder),
        "bmauth.toml:8:7: `server.tls` is set, but `public_url` starts with http://. Make it https://, or remove `server.tls`.\n\
         bmauth.toml:8:7: `server.tls.cert` is missing. It is the PEM file with the certificate chain.\n\
         bmauth.toml:8:7: `server.tls.key` is missing. It is the PEM file with the private key.\n\
         bmauth.toml:8:9: `server.tls.certificate` is not a key. The keys here are cert, key."
    );
}

/// A route to `https://app` whose `upstream_tls` has these keys.
fn with_upstream_tls(keys: &str) -> String {
    format!("{URL}{EMAIL}[[route]]\nupstream = [\"https://app\"]\nupstream_tls = {{ {keys} }}\n")
}

#[track_caller]
fn upstream_of(folder: &TempDir) -> Upstream {
    let config = load_from(folder).unwrap_or_else(|errors| panic!("{errors}"));
    config.routes.iter().next().expect("a route").upstream.clone()
}

#[cfg(unix)]
#[test]
fn what_judges_https_servers_and_is_shown_to_them_is_read_from_files() {
    let (ca, _) = certificate("ca.example");
    let (cert, key) = certificate("gateway.example");
    let text = with_upstream_tls("ca = \"ca.pem\", cert = \"cert.pem\", key = \"key.pem\", name = \"App.internal\"");
    let two = format!("{ca}{cert}");
    let folder = folder(&[("bmauth.toml", &text), ("ca.pem", &two), ("cert.pem", &cert), ("key.pem", &key)]);
    set_mode(&folder, "key.pem", 0o600);
    let UpstreamTls { authorities, client, name } = upstream_of(&folder).tls;
    let (authorities, client) = (authorities.expect("authorities"), client.expect("a certificate"));
    assert_eq!((authorities.len(), client.chain.len()), (2, 1));
    assert_eq!(authorities[1], client.chain[0]);
    assert_eq!(name.expect("a name").as_str(), "app.internal");
    let private = rustls::pki_types::PrivateKeyDer::try_from(client.key.as_slice()).expect("a private key");
    let chain = client.chain.iter().map(|one| one.to_vec().into()).collect();
    rustls::sign::CertifiedKey::from_der(chain, private.clone_key(), &rustls::crypto::ring::default_provider())
        .expect("both fit");
    let is_of_the_key = |warning: &String| warning.contains("`route.upstream_tls.key`: every user");
    let warnings = || load_from(&folder).expect("a configuration").warnings;
    assert!(!warnings().iter().any(is_of_the_key));
    set_mode(&folder, "key.pem", 0o644);
    assert!(warnings().iter().any(is_of_the_key));
}

#[test]
fn what_upstream_tls_does_not_say_is_left_to_the_system_and_the_url() {
    for keys in ["", "name = \"127.0.0.1\"", "name = \"[::1]\"", "name = \"app_1\""] {
        let folder = folder(&[("bmauth.toml", &with_upstream_tls(keys))]);
        let tls = upstream_of(&folder).tls;
        assert_eq!((tls.authorities, tls.client, tls.name.is_some()), (None, None, !keys.is_empty()));
    }
}

#[test]
fn what_is_wrong_with_upstream_tls_is_told() {
    let (cert, key) = certificate("gateway.example");
    let (_, other) = certificate("gateway.example");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let says = |keys: &str, expected: &str| {
        let files = [("cert.pem", &*cert), ("key.pem", &key), ("other.pem", &other), ("broken.pem", broken)];
        let text = with_upstream_tls(keys);
        let folder = folder(&[&files[..], &[("bmauth.toml", &text)]].concat());
        assert_eq!(problems_in(&folder), expected, "{keys}");
    };
    says(
        "cert = \"cert.pem\"",
        "bmauth.toml:7:16: `route.upstream_tls.key` is missing. It is the PEM file with the private key; a certificate for servers needs both `cert` and `key`.",
    );
    says(
        "key = \"key.pem\"",
        "bmauth.toml:7:16: `route.upstream_tls.cert` is missing. It is the PEM file with the certificate chain; a certificate for servers needs both `cert` and `key`.",
    );
    says(
        "cert = \"key.pem\", key = \"no-such.pem\", ca = \"key.pem\"",
        "bmauth.toml:7:25: `route.upstream_tls.cert`: key.pem has no certificate chain in PEM form (no items found).\n\
         bmauth.toml:7:42: `route.upstream_tls.key`: no-such.pem has no private key in PEM form (I/O error: No such file or directory (os error 2)).\n\
         bmauth.toml:7:62: `route.upstream_tls.ca`: key.pem has no certificates in PEM form (no items found).",
    );
    says(
        "ca = \"broken.pem\"",
        "bmauth.toml:7:23: `route.upstream_tls.ca`: broken.pem has a certificate that cannot be read (invalid peer certificate: BadEncoding).",
    );
    says(
        "name = \"https://app\"",
        "bmauth.toml:7:25: `route.upstream_tls.name` is \"https://app\": the host has a character that a host cannot have. It must be a host without scheme and port, like \"app.internal\", which the certificate names.",
    );
    says(
        "certs = \"cert.pem\"",
        "bmauth.toml:7:18: `route.upstream_tls.certs` is not a key. Did you mean `route.upstream_tls.cert`?",
    );
    let folder = folder(&[
        ("bmauth.toml", &with_upstream_tls("cert = \"cert.pem\", key = \"other.pem\"")),
        ("cert.pem", &cert),
        ("other.pem", &other),
    ]);
    let told = problems_in(&folder);
    assert!(
        told.starts_with(
            "bmauth.toml:7:43: `route.upstream_tls.key`: the certificate and the key cannot be used together"
        ),
        "{told}"
    );
}

#[test]
fn a_short_idle_time_is_a_warning_where_gateways_share_a_database() {
    let key = [9; 32];
    let folder = folder(&[]);
    fs::write(folder.path().join("storage.key"), key).expect("a file");
    #[cfg(unix)]
    set_mode(&folder, "storage.key", 0o600);
    let warned = |storage: &str, idle: &str| {
        let extra = format!("[storage]\n{storage}\n[sessions]\nidle = \"{idle}\"\n");
        fs::write(folder.path().join("bmauth.toml"), with(&extra)).expect("a file");
        let warnings = load_from(&folder).unwrap_or_else(|errors| panic!("{errors}")).warnings;
        warnings.iter().filter(|warning| warning.contains("`sessions.idle` is ")).count()
    };
    let database = "key_file = \"storage.key\"\nurl = \"postgres://bmauth@localhost/bmauth\"";
    assert_eq!(warned(database, "9m"), 1);
    assert_eq!(warned(database, "10m"), 0);
    assert_eq!(warned("path = \"x.redb\"", "1m"), 0);
}
