//! `[email]`: whom letters are from, and how they leave.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::{ParseError, Url};

use super::example;
use super::hidden::{self, Found, Hidden};
use super::problem::{Checks, Place};
use super::public_url::PublicUrl;
use super::setting::{Setting, Written, section};
use crate::domain::email::Email;
use crate::domain::host::Host;

section! {
    /// The section as it is written.
    struct EmailFile { from, smtp_url, smtp_url_file, transport }
    not_built {
        smtp_ca_file: "Until then the well-known authorities judge the mail server.",
        hello: "Until then the name of this machine is said.",
        reply_to: "Until then answers go to `from`.",
        oauth: "Until then a user and a password stand in `smtp_url`.",
    }
}

/// Whom letters are from, and how they leave.
#[derive(Clone, Debug)]
pub struct EmailSettings {
    /// The sender.
    pub from: Mailbox,
    /// How letters leave.
    pub transport: Transport,
    /// The key that names the mail server, for messages: `email.smtp_url`, or its twin where that is written.
    pub server_key: &'static str,
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
    pub(super) fn check(file: Written<EmailFile>, public_url: Option<&PublicUrl>, checks: &mut Checks) -> Option<Self> {
        let Written { place, keys: EmailFile { from, smtp_url, smtp_url_file, transport } } = file;
        let from_place = from.as_ref().map(|setting| setting.place().clone());
        let from = match from {
            Some(from) => from.parsed(checks, Mailbox::parse),
            None => {
                checks.refuse(&place, "`email.from` is missing. It is the sender of the codes, like from = \"Acme Notes <no-reply@example.com>\".");
                None
            }
        };
        let server_key = if smtp_url_file.is_some() { "email.smtp_url_file" } else { "email.smtp_url" };
        let transport_place = transport.as_ref().map_or_else(|| place.clone(), |setting| setting.place().clone());
        let is_log = match transport {
            Some(transport) => transport.choice(checks, &[("smtp", false), ("log", true)]),
            None => Some(false),
        };
        let transport = read_transport(is_log, smtp_url, smtp_url_file, &place, checks);
        let serves_people = public_url.is_some_and(PublicUrl::is_https);
        if serves_people && matches!(transport, Some(Transport::Log)) {
            checks.fault(
                &transport_place,
                "`email.transport` is \"log\", but `public_url` starts with https://: letters are printed here, so nobody gets a \
                 code and nobody can register. Set `email.smtp_url`, and remove transport.",
            );
        }
        if let (true, Some(Transport::Smtp(_)), Some(from), Some(place)) =
            (serves_people, &transport, &from, &from_place)
            && example::is_sender(&from.address)
        {
            checks.fault(
                place,
                "`email.from` is the address of an example; write the sender of your letters, in a domain of your own.",
            );
        }
        Some(Self { from: from?, transport: transport?, server_key })
    }
}

fn of_example(credentials: &SmtpCredentials) -> bool {
    example::are_credentials(&credentials.username, credentials.password.expose())
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
        Ok(smtp) => Some((smtp, key, place)),
        Err(why) => {
            // The URL is a secret, so the message does not show it.
            checks.refuse(&place, format!("`{key}`: {why}"));
            None
        }
    });
    match (is_log?, smtp) {
        (true, Some((_, key, place))) => {
            checks.warn(&place, format_args!("`{key}` is not used: `email.transport` is \"log\", so letters are printed and nobody receives them."));
            Some(Transport::Log)
        }
        (true, None) => Some(Transport::Log),
        (false, Some((smtp, key, place))) => {
            if example::is_host(&smtp.host) || smtp.credentials.as_ref().is_some_and(of_example) {
                checks.fault(
                    &place,
                    format!(
                        "`{key}` is that of an example; write your mail server, with your own user name and password."
                    ),
                );
            }
            Some(Transport::Smtp(smtp))
        }
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
        if let Some(why) = cut_short(written) {
            return Err(why);
        }
        let no_scheme = || format!("it does not start with smtps:// or smtp://; {example}");
        // "mail.example.com", a server's name alone.
        let is_bare = |why| why == ParseError::RelativeUrlWithoutBase;
        let no_url = |why| {
            let fault = if is_bare(why) { no_scheme() } else { format!("{why}; {example}") };
            format!("it is not a URL: {fault}")
        };
        let url = Url::parse(written).map_err(no_url)?;
        if !matches!(url.scheme(), "smtps" | "smtp") {
            return Err(no_scheme());
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
        match (security, port) {
            (SmtpSecurity::Tls, 587) => {
                return Err(
                    "port 587 speaks STARTTLS, which smtps:// does not: write smtp:// and ?tls=required behind the port, or \
                     smtps:// with port 465."
                        .to_owned(),
                );
            }
            (SmtpSecurity::StartTls, 465) => {
                return Err(
                    "port 465 speaks TLS from the first byte, and no STARTTLS: write smtps:// without ?tls=required, or port 587."
                        .to_owned(),
                );
            }
            (SmtpSecurity::Tls | SmtpSecurity::StartTls | SmtpSecurity::Off, _) => {}
        }
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

/// What is to be said of a character in the user name or password that ends the address before its `@`: the reader of URLs
/// would take what stands before it for the host. Of the secret it shows that character alone.
fn cut_short(written: &str) -> Option<String> {
    let (_, rest) = written.split_once("://")?;
    let end = rest.find(['/', '?', '#'])?;
    let after = rest.get(end..)?;
    let character = after.chars().next()?;
    // What may stand behind the host has no @.
    let is_secret = after.contains('@');
    is_secret.then(|| {
        format!(
            "a “{character}” in the user name or password ends the address there. Write %{:02X} in its place; in these, # is %23, \
             / is %2F, ? is %3F, @ is %40, : is %3A and % is %25.",
            u32::from(character)
        )
    })
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
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| "its user name or password is not UTF-8. A % in it is written %25.".to_owned())
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
        for (written, password) in [("p%23w", "p#w"), ("p@w", "p@w"), ("p%25w", "p%w"), ("p%w", "p%w")] {
            let smtp = smtp(&format!("smtps://u:{written}@mail"), "mail", 465, SmtpSecurity::Tls);
            assert_eq!(smtp.credentials.unwrap().password.expose(), password, "{written}");
        }
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
            ("smtps://u:hunter#2@mail", "a “#” in the user name or password ends the address there. Write %23"),
            ("smtps://u:123#hunter2@mail:465", "Write %23"),
            ("smtps://u:hunter/2@mail", "Write %2F"),
            ("smtp://u:hunter?2@mail?tls=required", "Write %3F"),
            ("smtps://u@c:hunter/2@mail", "Write %2F"),
            ("smtps://u:hunter2@mail:587", "STARTTLS"),
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
