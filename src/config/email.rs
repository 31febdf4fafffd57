//! `[email]`: whom letters are from, and how they leave.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

use super::hidden::{self, Found, Hidden};
use super::problem::{Checks, Place};
use super::setting::{Setting, Written, section};
use crate::domain::email::Email;
use crate::domain::host::Host;

section! {
    /// The section as it is written.
    struct EmailFile { from, smtp_url, smtp_url_file, transport }
    not_built {}
}

/// Whom letters are from, and how they leave.
#[derive(Clone, Debug)]
pub struct EmailSettings {
    /// The sender.
    pub from: Mailbox,
    /// How letters leave.
    pub transport: Transport,
}

/// How letters leave.
#[derive(Clone, Debug)]
pub enum Transport {
    /// They are printed to the log: for trying things out.
    Log,
    /// They are handed to an SMTP server.
    Smtp(Smtp),
}

/// An address with, where there is one, the name before it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, without quotes.
    pub name: Option<String>,
    /// The address.
    pub address: Email,
}

/// An SMTP server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its host.
    pub host: Host,
    /// Its port. Default: 465 for `smtps://`, 587 for `smtp://…?tls=required`, 25 without TLS.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// What to sign in with.
    pub credentials: Option<SmtpCredentials>,
}

/// How the connection to an SMTP server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (`smtps://`).
    Tls,
    /// STARTTLS, and nothing is sent without it (`smtp://…?tls=required`).
    StartTls,
    /// None (`smtp://` to this machine, or `smtp://…?tls=off`).
    Off,
}

/// What the gateway signs in to an SMTP server with.
#[derive(Clone, Debug)]
pub struct SmtpCredentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Hidden,
}

impl EmailSettings {
    pub(super) fn check(file: Written<EmailFile>, checks: &mut Checks) -> Option<Self> {
        let Written { place, keys: EmailFile { from, smtp_url, smtp_url_file, transport } } = file;
        let from = match from {
            Some(from) => from.parsed(checks, Mailbox::parse),
            None => {
                checks.refuse(&place, "`email.from` is missing. It is the sender of the codes, like from = \"Acme Notes <no-reply@example.com>\".");
                None
            }
        };
        let is_log = match transport {
            Some(transport) => transport.choice(checks, &[("smtp", false), ("log", true)]),
            None => Some(false),
        };
        let transport = read_transport(is_log, smtp_url, smtp_url_file, &place, checks);
        Some(Self { from: from?, transport: transport? })
    }
}

fn read_transport(
    is_log: Option<bool>,
    smtp_url: Option<Setting>,
    smtp_url_file: Option<Setting>,
    section: &Place,
    checks: &mut Checks,
) -> Option<Transport> {
    let is_written = smtp_url.is_some() || smtp_url_file.is_some();
    let found = hidden::read(smtp_url, smtp_url_file, checks);
    let smtp = found.and_then(|Found { text, key, place }| match Smtp::parse(text.expose()) {
        Ok(smtp) => Some((smtp, place)),
        Err(why) => {
            // The URL is a secret, so the message does not show it.
            checks.refuse(&place, format!("`{key}`: {why}"));
            None
        }
    });
    match (is_log?, smtp) {
        (true, Some((_, place))) => {
            checks.warn(&place, "`email.smtp_url` is not used: `email.transport` is \"log\", so letters are printed and nobody receives them.");
            Some(Transport::Log)
        }
        (true, None) => Some(Transport::Log),
        (false, Some((smtp, _))) => Some(Transport::Smtp(smtp)),
        (false, None) => {
            if !is_written {
                checks.refuse(
                    section,
                    "`email.smtp_url` is missing. It is the server that sends the codes, like \"smtps://user:password@mail.example.com\"; \
                     to only print them while trying things out, set transport = \"log\".",
                );
            }
            None
        }
    }
}

impl Mailbox {
    /// Reads `Name <address>` or an address alone.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn parse(written: &str) -> Result<Self, String> {
        let (name, address) = match written.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", written),
        };
        let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = unquoted.unwrap_or(name).trim();
        if name.chars().any(|character| character.is_control() || matches!(character, '<' | '>' | '"' | '\\')) {
            return Err("the name before the address has a character that it cannot have; write it like \"Acme Notes <no-reply@example.com>\".".to_owned());
        }
        let address = Email::parse(address)
            .map_err(|why| format!("it must be a mailbox like \"Acme Notes <no-reply@example.com>\". {why}"))?;
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { name, address })
    }
}

/// The operator's own sender is no secret, but `Email` keeps addresses out of logs altogether.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({:?}, {:?})", self.name, self.address)
    }
}

impl Smtp {
    /// Reads `smtps://user:password@host:port` or `smtp://host:port?tls=required`.
    ///
    /// # Errors
    /// A sentence that says what is allowed and does not show the URL, which is a secret.
    pub fn parse(written: &str) -> Result<Self, String> {
        let example = "write it like \"smtps://user:password@mail.example.com\".";
        let url = Url::parse(written).map_err(|why| format!("it is not a URL ({why}); {example}"))?;
        if !matches!(url.scheme(), "smtps" | "smtp") {
            return Err(format!("it does not start with smtps:// or smtp://; {example}"));
        }
        let host = url.host_str().and_then(|host| Host::parse(host).ok());
        let host = host.ok_or_else(|| format!("it names no host; {example}"))?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(format!("it has a path, which SMTP has not; {example}"));
        }
        let security = read_security(&url, &host)?;
        let port = url.port().unwrap_or(match security {
            SmtpSecurity::Tls => 465,
            SmtpSecurity::StartTls => 587,
            SmtpSecurity::Off => 25,
        });
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => {
                return Err(format!("it has a user name or a password without the other; {example}"));
            }
            (username, Some(password)) => {
                Some(SmtpCredentials { username: decode(username)?, password: Hidden::new(decode(password)?) })
            }
        };
        Ok(Self { host, port, security, credentials })
    }
}

fn read_security(url: &Url, host: &Host) -> Result<SmtpSecurity, String> {
    let mut tls = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" || tls.is_some() {
            return Err("the only thing that can stand behind the “?” is tls=required or tls=off.".to_owned());
        }
        tls = Some(value);
    }
    match (url.scheme(), tls.as_deref()) {
        ("smtps", None | Some("required")) => Ok(SmtpSecurity::Tls),
        ("smtp", Some("required")) => Ok(SmtpSecurity::StartTls),
        ("smtp", Some("off")) => Ok(SmtpSecurity::Off),
        ("smtp", None) if host.is_loopback() => Ok(SmtpSecurity::Off),
        ("smtp", None) => Err(
            "it would send codes and the password unprotected; write smtps://, or add ?tls=required (?tls=off where the network is your own)."
                .to_owned(),
        ),
        ("smtp", Some("opportunistic")) => {
            Err("with tls=opportunistic anybody in between can turn the protection off; write tls=required.".to_owned())
        }
        ("smtp" | "smtps", Some(_)) => Err("tls must be \"required\" (or, with smtp://, \"off\").".to_owned()),
        _ => Err("it does not start with smtps:// or smtp://.".to_owned()),
    }
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| "its user name or password is not UTF-8.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn smtp(url: &str, host: &str, port: u16, security: SmtpSecurity) -> Smtp {
        let smtp = Smtp::parse(url).expect("an SMTP server");
        assert_eq!((smtp.host.as_str(), smtp.port, smtp.security), (host, port, security));
        smtp
    }

    #[test]
    fn an_smtp_server_is_read_with_its_port_and_protection() {
        smtp("smtps://mail.example.com", "mail.example.com", 465, SmtpSecurity::Tls);
        smtp("smtps://mail:2465/", "mail", 2465, SmtpSecurity::Tls);
        smtp("smtp://mail.example.com?tls=required", "mail.example.com", 587, SmtpSecurity::StartTls);
        smtp("smtp://mailpit:1025?tls=off", "mailpit", 1025, SmtpSecurity::Off);
        smtp("smtp://127.0.0.1:2525", "127.0.0.1", 2525, SmtpSecurity::Off);
        smtp("smtp://[::1]", "[::1]", 25, SmtpSecurity::Off);
    }

    #[test]
    fn its_password_is_decoded_and_not_shown() {
        let smtp = smtp("smtps://us%40er:p%3Aw%2F@mail", "mail", 465, SmtpSecurity::Tls);
        let credentials = smtp.credentials.clone().expect("credentials");
        assert_eq!((credentials.username.as_str(), credentials.password.expose()), ("us@er", "p:w/"));
        assert!(!format!("{smtp:?}").contains("p:w/"));
    }

    #[test]
    fn what_is_no_smtp_server_is_refused_without_showing_it() {
        for (url, why) in [
            ("mail:25", "does not start with"),
            ("https://hunter2@mail", "does not start with"),
            ("smtps:hunter2", "no host"),
            ("smtp://mail.example.com", "unprotected"),
            ("smtp://u:hunter2@mail?tls=opportunistic", "turn the protection off"),
            ("smtp://mail?tls=yes", "must be \"required\""),
            ("smtps://mail?tls=off", "must be \"required\""),
            ("smtps://mail?timeout=3", "the only thing"),
            ("smtps://mail/hunter2", "a path"),
            ("smtps://u@mail", "without the other"),
            ("smtps://:hunter2@mail", "without the other"),
            ("smtps://u:%ff@mail", "not UTF-8"),
            ("smtps://", "no host"),
        ] {
            let refused = Smtp::parse(url).expect_err(url);
            assert!(refused.contains(why), "{url}: {refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_mailbox_is_an_address_with_or_without_a_name() {
        for (written, name, address) in [
            ("no-reply@example.com", None, "no-reply@example.com"),
            ("<no-reply@example.com>", None, "no-reply@example.com"),
            ("Acme Notes <no-reply@Example.com>", Some("Acme Notes"), "no-reply@example.com"),
            ("\"Acme, Inc.\" <a@example.com>", Some("Acme, Inc."), "a@example.com"),
            ("Bücher <a@example.com>", Some("Bücher"), "a@example.com"),
        ] {
            let mailbox = Mailbox::parse(written).expect("a mailbox");
            assert_eq!((mailbox.name.as_deref(), mailbox.address.as_str()), (name, address));
        }
        for bad in [
            "",
            "Acme",
            "Acme <>",
            "Acme <a>",
            "Acme <a@example.com",
            "A\r\nBcc: x <a@example.com>",
            "A <b> <a@example.com>",
        ] {
            assert!(Mailbox::parse(bad).is_err(), "{bad:?}");
        }
    }
}
