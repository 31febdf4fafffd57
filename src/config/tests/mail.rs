//! The mail server of a configuration, with what is written beside its URL.

use super::super::email::{EmailSettings, Hello, SmtpLogin, SmtpSettings, TransportSettings};
use super::files::{certificate, folder, load_from, problems_in};
use super::*;
use crate::domain::host::Host;

/// A configuration whose `[email]` section says this besides a sender.
fn text(email: &str) -> String {
    format!("{URL}{ROUTE}[email]\nfrom = \"Acme Notes <no-reply@acme.test>\"\n{email}\n")
}

#[track_caller]
fn email(email: &str) -> EmailSettings {
    loads(&text(email)).email
}

#[track_caller]
fn smtp(settings: &str) -> SmtpSettings {
    match email(settings).transport {
        TransportSettings::Smtp(smtp) => smtp,
        TransportSettings::Log => panic!("letters are sent"),
    }
}

const OAUTH: &str =
    "token_url = \"https://login.acme.test/token\", client_id = \"id\", client_secret = \"s3cret\", scope = \"mail\"";

#[test]
fn the_gateway_calls_itself_by_the_host_people_come_to_unless_it_is_told_another_name() {
    let host = |text: &str| Hello::Name(Host::parse(text).unwrap());
    assert_eq!(smtp("smtp_url = \"smtps://mail\"").hello, host("notes.example.com"));
    assert_eq!(smtp("smtp_url = \"smtps://mail\"\nhello = \"Out.Acme.test\"").hello, host("out.acme.test"));
    assert!(smtp("smtp_url = \"smtps://mail\"").login.is_none());
}

#[test]
fn a_senders_name_may_have_any_letters_and_the_address_is_ascii() {
    let from = |from: &str| format!("{URL}{ROUTE}[email]\nfrom = {from:?}\nsmtp_url = \"smtps://mail\"\n");
    let settings = loads(&from("Bücher <post@bücher.test>")).email;
    assert_eq!(settings.from.name.as_deref(), Some("Bücher"));
    assert!(settings.from.address.as_str().is_ascii());
    assert!(problems(&from("bücher@acme.test")).contains("`email.from` is \"bücher@acme.test\": before the @"));
}

#[test]
fn answers_go_where_they_are_said_to() {
    let settings = email("smtp_url = \"smtps://mail\"\nreply_to = \"Help <help@acme.test>\"");
    assert_eq!(
        settings.reply_to.map(|reply_to| reply_to.address.as_str().to_owned()),
        Some("help@acme.test".to_owned())
    );
    assert!(email("smtp_url = \"smtps://mail\"").reply_to.is_none());
}

#[test]
fn access_tokens_are_for_the_user_in_the_url_or_the_sender() {
    for (url, user) in
        [("smtp://mail?tls=required", "no-reply@acme.test"), ("smtps://post%40acme.test@mail", "post@acme.test")]
    {
        let smtp = smtp(&format!("smtp_url = {url:?}\noauth = {{ {OAUTH} }}"));
        let Some(SmtpLogin::OAuth { username, client }) = smtp.login.clone() else { panic!("{smtp:?}") };
        assert_eq!((username.as_str(), client.client_secret.expose()), (user, "s3cret"));
        assert_eq!(
            (client.token_url.as_str(), client.scope.as_deref()),
            ("https://login.acme.test/token", Some("mail"))
        );
        assert!(!format!("{smtp:?}").contains("s3cret"));
    }
    // Also as a table of its own, and without a scope.
    let table = "smtp_url = \"smtps://mail\"\n[email.oauth]\ntoken_url = \"http://127.0.0.1:9/t\"\nclient_id = \"id\"\nclient_secret = \"s\"";
    assert!(matches!(smtp(table).login, Some(SmtpLogin::OAuth { client, .. }) if client.scope.is_none()));
}

#[test]
fn what_is_wrong_beside_the_url_of_a_mail_server_is_told_with_its_place() {
    let oauth = |keys: &str| format!("smtp_url = \"smtps://mail\"\noauth = {{ {keys} }}");
    for (settings, told) in [
        (
            "smtp_url = \"smtps://mail\"\nhello = \"mail\"".to_owned(),
            "bmauth.toml:7:9: `email.hello` is \"mail\": mail servers refuse a name that is not a full domain name",
        ),
        (
            "smtp_url = \"smtps://mail\"\nreply_to = \"help\"".to_owned(),
            "bmauth.toml:7:12: `email.reply_to` is \"help\": it must be a mailbox",
        ),
        (
            "smtp_url = \"smtps://mail\"\nreply_to = \"Hülfe <hülfe@acme.test>\"".to_owned(),
            "bmauth.toml:7:12: `email.reply_to` is \"Hülfe <hülfe@acme.test>\": before the @ it must be ASCII",
        ),
        (
            format!("smtp_url = \"smtps://u:hunter2@mail\"\noauth = {{ {OAUTH} }}"),
            "bmauth.toml:7:1: `email.oauth` and a password in `email.smtp_url` are both set; keep one of them.",
        ),
        (
            format!("smtp_url = \"smtp://mail?tls=off\"\noauth = {{ {OAUTH} }}"),
            "bmauth.toml:7:1: `email.oauth` would send access tokens unprotected",
        ),
        (
            "smtp_url = \"smtps://u@mail\"".to_owned(),
            "bmauth.toml:6:12: `email.smtp_url`: it has a user name or a password without the other",
        ),
        (oauth("client_id = \"id\", client_secret = \"s\""), "bmauth.toml:7:9: `email.oauth.token_url` is missing."),
        (
            oauth("token_url = \"https://a.test\", client_secret = \"s\""),
            "bmauth.toml:7:9: `email.oauth.client_id` is missing.",
        ),
        (
            oauth("token_url = \"https://a.test\", client_id = \"id\""),
            "bmauth.toml:7:9: `email.oauth.client_secret_file` is missing.",
        ),
        (
            oauth("token_url = \"http://a.test\", client_id = \"id\", client_secret = \"s\""),
            "bmauth.toml:7:23: `email.oauth.token_url` is \"http://a.test\": it must start with https://",
        ),
        (
            oauth("token_url = \"https://u:hunter2@a.test\", client_id = \"id\", client_secret = \"s\""),
            "bmauth.toml:7:23: `email.oauth.token_url` is \"https://…@a.test\": it has a user name",
        ),
        (
            oauth("token_url = \"https://a.test\", client_id = \"\", client_secret = \"s\""),
            "`email.oauth.client_id` is \"\": it must be one line of text.",
        ),
        (
            oauth("token_url = \"https://a.test\", client_id = \"id\", client_secret = \" \""),
            "`email.oauth.client_secret`: it is empty.",
        ),
        (
            oauth("token_url = \"https://a.test\", client_id = \"id\", client_secret = 1"),
            "`email.oauth.client_secret` must be text in quotes.",
        ),
        (oauth(&format!("{OAUTH}, tenant = \"x\"")), "`email.oauth.tenant` is not a key."),
        ("smtp_url = \"smtps://mail\"\noauth = \"x\"".to_owned(), "`email.oauth` is \"x\"; it must be a table."),
    ] {
        let problems = problems(&text(&settings));
        assert!(problems.contains(told), "{settings}\n{problems}");
        assert!(!problems.contains("hunter2") && !problems.contains("s3cret"), "{problems}");
    }
}

#[test]
fn what_is_not_used_where_letters_are_printed_is_told() {
    let settings = format!("transport = \"log\"\nhello = \"a.test\"\noauth = {{ {OAUTH} }}\nsmtp_ca_file = \"ca.pem\"");
    let text = text(&settings).replace("https://notes.example.com", "http://localhost");
    let warnings = loads(&text).warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for key in ["hello", "oauth", "smtp_ca_file"] {
        assert!(warnings.contains(&format!("`email.{key}` is not used")), "{warnings}");
    }
}

#[test]
fn authorities_of_ones_own_are_read_from_their_file() {
    let settings = text("smtp_url = \"smtps://mail\"\nsmtp_ca_file = \"ca.pem\"");
    let (pem, _) = certificate("ca.acme.test");
    let files = folder(&[("bmauth.toml", &settings), ("ca.pem", &format!("{pem}{pem}"))]);
    let config = load_from(&files).unwrap_or_else(|errors| panic!("{errors}"));
    let TransportSettings::Smtp(smtp) = config.email.transport else { panic!("letters are sent") };
    assert_eq!(smtp.authorities.len(), 2);
    for (content, told) in [
        (Some(""), "bmauth.toml:7:16: `email.smtp_ca_file`: ca.pem has no certificates in PEM form"),
        (
            Some("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"),
            "ca.pem has a certificate that cannot be read",
        ),
        (
            None,
            "bmauth.toml:7:16: `email.smtp_ca_file`: ca.pem has no certificates in PEM form (I/O error: No such file",
        ),
    ] {
        let mut files = vec![("bmauth.toml", settings.as_str())];
        files.extend(content.map(|content| ("ca.pem", content)));
        let problems = problems_in(&folder(&files));
        assert!(problems.contains(told), "{problems}");
    }
    let unprotected = settings.replace("smtps://mail", "smtp://127.0.0.1");
    let problems = problems_in(&folder(&[("bmauth.toml", &unprotected), ("ca.pem", &pem)]));
    assert!(problems.contains("`email.smtp_ca_file` is for a protected connection"), "{problems}");
}

#[test]
fn a_client_secret_is_read_from_its_file() {
    let keys = OAUTH.replace("client_secret = \"s3cret\"", "client_secret_file = \"secret\"");
    let settings = text(&format!("smtp_url = \"smtps://mail\"\noauth = {{ {keys} }}"));
    let files = folder(&[("bmauth.toml", &settings), ("secret", "s3cret\n")]);
    let config = load_from(&files).unwrap_or_else(|errors| panic!("{errors}"));
    let TransportSettings::Smtp(SmtpSettings { login: Some(SmtpLogin::OAuth { client, .. }), .. }) =
        config.email.transport
    else {
        panic!("tokens are asked for")
    };
    assert_eq!(client.client_secret.expose(), "s3cret");
}
