//! `[email]`: whom letters are from, and how they leave.

use std::fmt;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use super::example;
use super::hidden::{self, FoundHidden, Hidden};
use super::pem::read_authorities;
use super::problem::{Checks, SettingPlace};
use super::public_url::PublicUrl;
use super::setting::{Setting, WrittenSection, parse_url, section};
use crate::domain::email::Email;
use crate::domain::host::Host;

section! {
    /// The section as it is written.
    struct EmailFile { from, reply_to, smtp_url, smtp_url_file, smtp_ca_file, hello, oauth, transport }
    not_built {}
}

section! {
    /// The table `oauth` as it is written.
    struct OAuthTable { token_url, client_id, client_secret, client_secret_file, scope }
    not_built {}
}

/// Whom letters are from, and how they leave.
#[derive(Clone, Debug)]
pub struct EmailSettings {
    /// The sender of all letters.
    pub from: Mailbox,
    /// Where answers go, where it is not to the sender.
    pub reply_to: Option<Mailbox>,
    /// How letters leave.
    pub transport: TransportSettings,
    /// The key that names the mail server, for messages: `email.smtp_url`, or its twin where that is written.
    pub server_key: &'static str,
}

/// How letters leave.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, read at the start")]
pub enum TransportSettings {
    /// They are printed to the log: for trying things out.
    Log,
    /// They are handed to an SMTP server.
    Smtp(SmtpSettings),
}

/// An address with, where there is one, the name before it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, without quotes.
    pub name: Option<String>,
    /// The address, without the name.
    pub address: Email,
}

/// An SMTP server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// The host name or address of the server.
    pub host: Host,
    /// Its port. Default: 465 for `smtps://`, 587 for `smtp://…?tls=required`, 25 without TLS.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// What to sign in with.
    pub login: Option<SmtpLogin>,
    /// Who may vouch for it besides those that the system knows: certificates in DER form.
    pub authorities: Arc<[Box<[u8]>]>,
    /// What the gateway calls itself there.
    pub hello: Hello,
}

/// What the gateway calls itself to a mail server (RFC 5321 §4.1.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hello {
    /// A full domain name.
    Name(Host),
    /// An address, where there is no name.
    Address(IpAddr),
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
pub enum SmtpLogin {
    /// A user name and a password.
    Password {
        /// The user name.
        username: String,
        /// The password of that user.
        password: Hidden,
    },
    /// A user name and access tokens (XOAUTH2).
    OAuth {
        /// The user name: the mailbox that is sent from.
        username: String,
        /// Where tokens come from.
        client: OAuthClient,
    },
}

/// A client that gets access tokens for itself (RFC 6749 §4.4).
#[derive(Clone, Debug)]
pub struct OAuthClient {
    /// Where tokens are asked for: `https`, or on this machine.
    pub token_url: Url,
    /// The client's name at the token endpoint.
    pub client_id: String,
    /// The secret by which it proves that it is that client.
    pub client_secret: Hidden,
    /// What the tokens are to be good for.
    pub scope: Option<String>,
}

/// A mail server as its URL names it.
struct NamedServer {
    host: Host,
    port: u16,
    security: SmtpSecurity,
    username: Option<String>,
    password: Option<Hidden>,
}

/// A mail server that was named, and where.
struct LocatedServer {
    server: NamedServer,
    key: String,
    place: SettingPlace,
}

/// What is written of a mail server beside its URL.
struct Beside {
    authorities: Option<Setting>,
    hello: Option<Setting>,
    oauth: Option<Setting>,
}

impl EmailSettings {
    pub(super) fn check(
        file: WrittenSection<EmailFile>,
        public_url: Option<&PublicUrl>,
        checks: &mut Checks,
    ) -> Option<Self> {
        let WrittenSection { place, keys } = file;
        let EmailFile { from, reply_to, smtp_url, smtp_url_file, smtp_ca_file, hello, oauth, transport } = keys;
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
        let reply_to = match reply_to {
            Some(reply_to) => reply_to.parsed(checks, Mailbox::parse).map(Some),
            None => Some(None),
        };
        let beside = Beside { authorities: smtp_ca_file, hello, oauth };
        let transport = match is_log {
            Some(true) => read_log(smtp_url, smtp_url_file, &beside, checks),
            Some(false) | None => {
                let named = read_url(smtp_url, smtp_url_file, &place, checks);
                let smtp = read_server(named, beside, from.as_ref(), public_url, checks);
                smtp.map(TransportSettings::Smtp).filter(|_| is_log.is_some())
            }
        };
        let serves_people = public_url.is_some_and(PublicUrl::is_https);
        if serves_people && matches!(transport, Some(TransportSettings::Log)) {
            checks.fault(
                &transport_place,
                "`email.transport` is \"log\", but `public_url` starts with https://: letters are printed here and not \
                 sent, so people cannot register. Set `email.smtp_url`, and remove transport.",
            );
        }
        if let (true, Some(TransportSettings::Smtp(_)), Some(from), Some(place)) =
            (serves_people, &transport, &from, &from_place)
            && example::is_sender(&from.address)
        {
            checks.fault(
                place,
                "`email.from` is the address of an example; write the sender of your letters, in a domain of your own.",
            );
        }
        Some(Self { from: from?, reply_to: reply_to?, transport: transport?, server_key })
    }
}

/// Letters are printed; what is written of a mail server is not used.
fn read_log(
    smtp_url: Option<Setting>,
    smtp_url_file: Option<Setting>,
    beside: &Beside,
    checks: &mut Checks,
) -> Option<TransportSettings> {
    let url = hidden::read(smtp_url, smtp_url_file, checks).map(|FoundHidden { text, key, place }| {
        if let Err(why) = NamedServer::parse(text.expose()) {
            checks.refuse(&place, format!("`{key}`: {why}"));
        }
        (key, place)
    });
    let Beside { authorities, hello, oauth } = beside;
    let others = [authorities, hello, oauth].into_iter().flatten();
    let others = others.map(|setting| (setting.key.clone(), setting.key_place.clone()));
    for (key, place) in url.into_iter().chain(others) {
        checks.warn(
            &place,
            format_args!("`{key}` is not used: `email.transport` is \"log\", so letters are printed and not sent."),
        );
    }
    Some(TransportSettings::Log)
}

fn read_url(
    smtp_url: Option<Setting>,
    smtp_url_file: Option<Setting>,
    section: &SettingPlace,
    checks: &mut Checks,
) -> Option<LocatedServer> {
    if smtp_url.is_none() && smtp_url_file.is_none() {
        checks.refuse(
            section,
            "`email.smtp_url` is missing. It is the server that sends the codes, like \"smtps://user:password@mail.example.com\"; \
             to only print them while trying things out, set transport = \"log\".",
        );
    }
    let FoundHidden { text, key, place } = hidden::read(smtp_url, smtp_url_file, checks)?;
    match NamedServer::parse(text.expose()) {
        Ok(server) => Some(LocatedServer { server, key, place }),
        Err(why) => {
            // The URL is a secret, so the message does not show it.
            checks.refuse(&place, format!("`{key}`: {why}"));
            None
        }
    }
}

/// The server with what is written beside its URL. All of that is read, also where the URL is wrong.
fn read_server(
    named: Option<LocatedServer>,
    beside: Beside,
    from: Option<&Mailbox>,
    public_url: Option<&PublicUrl>,
    checks: &mut Checks,
) -> Option<SmtpSettings> {
    let Beside { authorities, hello, oauth } = beside;
    let security = named.as_ref().map(|named| named.server.security);
    let authorities = match authorities {
        Some(file) => {
            if security == Some(SmtpSecurity::Off) {
                file.refuse(checks, "is for a protected connection, and that to the mail server has no TLS; write smtps:// or ?tls=required there, or remove it.");
            }
            read_authorities(file, checks)
        }
        None => Some(Arc::default()),
    };
    let hello = match hello {
        Some(hello) => hello.parsed(checks, Hello::parse),
        None => public_url.map(|url| Hello::of(url.host())),
    };
    let oauth_place = oauth.as_ref().map(|oauth| oauth.key_place.clone());
    let client = oauth.map(|oauth| OAuthClient::read(oauth, checks));
    let LocatedServer { server, key, place } = named?;
    let NamedServer { host, port, security, username, password } = server;
    let example_login = |user: &str, password: &Hidden| example::are_credentials(user, password.expose());
    let is_examples =
        username.as_deref().zip(password.as_ref()).is_some_and(|(user, password)| example_login(user, password));
    if example::is_host(&host) || is_examples {
        checks.fault(
            &place,
            format!("`{key}` is that of an example; write your mail server, with your own user name and password."),
        );
    }
    let login = match (username, password, client, &oauth_place) {
        (None, None, None, _) => None,
        (Some(username), Some(password), None, _) => Some(SmtpLogin::Password { username, password }),
        (username, None, Some(client), Some(place)) => {
            if security == SmtpSecurity::Off && !host.is_loopback() {
                checks.refuse(place, "`email.oauth` would send access tokens unprotected: `email.smtp_url` has tls=off. Write smtps:// or ?tls=required there.");
            }
            let username = username.or_else(|| from.map(|from| from.address.as_str().to_owned()));
            Some(SmtpLogin::OAuth { username: username?, client: client? })
        }
        (_, Some(_), Some(_), Some(place)) => {
            checks.refuse(place, format!("`email.oauth` and a password in `{key}` are both set; keep one of them. With oauth, the user name alone may stand in the URL."));
            return None;
        }
        (Some(_), None, None, _) | (None, Some(_), None, _) | (_, _, Some(_), None) => {
            checks.refuse(&place, format!("`{key}`: it has a user name or a password without the other; {EXAMPLE}"));
            return None;
        }
    };
    Some(SmtpSettings { host, port, security, login, authorities: authorities?, hello: hello? })
}

impl Hello {
    /// Reads a full domain name, or an IP address.
    fn parse(written: &str) -> Result<Self, String> {
        let what = "it must be the full name of this machine, like \"mail.example.com\", or its IP address.";
        let bare = written.parse().ok().filter(|ip: &IpAddr| ip.is_ipv6());
        if let Some(ip) = bare {
            return Ok(Self::Address(ip));
        }
        let host = Host::parse(written).map_err(|why| format!("{why}; {what}"))?;
        if let Some(ip) = host.ip() {
            return Ok(Self::Address(ip));
        }
        if !host.as_str().contains('.') || host.as_str().contains('_') {
            return Err(format!("mail servers refuse a name that is not a full domain name; {what}"));
        }
        Ok(Self::Name(host))
    }

    /// What a gateway calls itself by default: what it is found by. A machine that people try things out on has no name
    /// elsewhere.
    fn of(public: &Host) -> Self {
        match public.ip() {
            Some(ip) => Self::Address(ip),
            None if public.is_loopback() || !public.as_str().contains('.') => Self::Address(Ipv4Addr::LOCALHOST.into()),
            None => Self::Name(public.clone()),
        }
    }
}

impl OAuthClient {
    /// `None` where something is missing or wrong; `checks` then knows.
    fn read(setting: Setting, checks: &mut Checks) -> Option<Self> {
        let WrittenSection { place, keys } = OAuthTable::read("email.oauth.", setting.table(checks)?, checks);
        let OAuthTable { token_url, client_id, client_secret, client_secret_file, scope } = keys;
        let missing = |key, what| format!("`email.oauth.{key}` is missing. It is {what}.");
        let token_url = match token_url {
            Some(setting) => setting.parsed(checks, read_token_url),
            None => {
                checks.refuse(
                    &place,
                    missing("token_url", "where access tokens are asked for, like \"https://login.example.com/token\""),
                );
                None
            }
        };
        let client_id = match client_id {
            Some(setting) => setting.parsed(checks, one_line),
            None => {
                checks.refuse(&place, missing("client_id", "the name of this client there"));
                None
            }
        };
        if client_secret.is_none() && client_secret_file.is_none() {
            checks.refuse(&place, missing("client_secret_file", "the file with the secret of this client"));
        }
        let secret =
            hidden::read(client_secret, client_secret_file, checks).and_then(|FoundHidden { text, key, place }| {
                if text.expose().trim().is_empty() {
                    checks.refuse(&place, format!("`{key}`: it is empty."));
                    return None;
                }
                Some(text)
            });
        let scope = match scope {
            Some(setting) => setting.parsed(checks, one_line).map(Some),
            None => Some(None),
        };
        Some(Self { token_url: token_url?, client_id: client_id?, client_secret: secret?, scope: scope? })
    }
}

fn one_line(text: &str) -> Result<String, String> {
    let is_line = !text.trim().is_empty() && !text.chars().any(char::is_control);
    is_line.then(|| text.to_owned()).ok_or_else(|| "it must be one line of text.".to_owned())
}

fn read_token_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|why| format!("it is not a URL: {why}."))?;
    let host = url.host_str().and_then(|host| Host::parse(host).ok());
    let is_protected = match url.scheme() {
        "https" => host.is_some(),
        "http" => host.is_some_and(|host| host.is_loopback()),
        _ => false,
    };
    if !is_protected {
        return Err("it must start with https://, as the secret of the client goes there.".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("it has a user name, a password or a “#”; write the address alone.".to_owned());
    }
    Ok(url)
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
        // It stands in letters to every address, also by way of servers that know nothing else.
        if address.needs_smtputf8() {
            return Err("before the @ it must be ASCII, since many mail servers pass no other on.".to_owned());
        }
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

/// How the URL of a mail server is written.
const EXAMPLE: &str = "write it like \"smtps://user:password@mail.example.com\".";

/// Whether a text is the URL of a mail server, as `smtps://user:password@host:port` or `smtp://host:port?tls=required`.
///
/// # Errors
/// A sentence that says what is allowed and does not show the URL, which is a secret.
pub fn check_url(written: &str) -> Result<(), String> {
    let NamedServer { username, password, .. } = NamedServer::parse(written)?;
    if username.is_some() && password.is_none() {
        return Err(format!("it has a user name or a password without the other; {EXAMPLE}"));
    }
    Ok(())
}

impl NamedServer {
    fn parse(written: &str) -> Result<Self, String> {
        let example = EXAMPLE;
        if let Some(why) = cut_short(written) {
            return Err(why);
        }
        let url = parse_url(written, ["smtps", "smtp"], "smtps:// or smtp://", example)?;
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
        let (username, password) = match (url.username(), url.password()) {
            ("", None) => (None, None),
            ("", Some(_)) => {
                return Err(format!("it has a user name or a password without the other; {example}"));
            }
            (username, password) => (Some(decode(username)?), password.map(decode).transpose()?.map(Hidden::new)),
        };
        Ok(Self { host, port, security, username, password })
    }
}

/// What is to be said of a character in the user name or password that ends the address before its `@`. The reader of
/// URLs would take what stands before it for the host. Of the secret, the sentence shows that character alone.
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
            Err("with tls=opportunistic an attacker in between can turn the protection off; write tls=required.".to_owned())
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
    fn smtp(url: &str, host: &str, port: u16, security: SmtpSecurity) -> NamedServer {
        let smtp = NamedServer::parse(url).expect("an SMTP server");
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
            assert_eq!(smtp.password.unwrap().expose(), password, "{written}");
        }
        let smtp = smtp("smtps://us%40er:p%3Aw%2F@mail", "mail", 465, SmtpSecurity::Tls);
        let password = smtp.password.expect("a password");
        assert_eq!((smtp.username.as_deref(), password.expose()), (Some("us@er"), "p:w/"));
        assert!(!format!("{password:?}").contains("p:w/"));
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
            let refused = check_url(url).expect_err(url);
            assert!(refused.contains(why), "{url}: {refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_gateway_calls_itself_by_a_full_name_or_an_address() {
        let address = |text: &str| Hello::Address(text.parse().unwrap());
        let host = |text: &str| Host::parse(text).unwrap();
        for (written, hello) in [
            ("Mail.Example.com", Hello::Name(host("mail.example.com"))),
            ("bücher.example", Hello::Name(host("xn--bcher-kva.example"))),
            ("192.0.2.1", address("192.0.2.1")),
            ("[2001:db8::1]", address("2001:db8::1")),
            ("2001:db8::1", address("2001:db8::1")),
        ] {
            assert_eq!(Hello::parse(written), Ok(hello), "{written}");
        }
        for bad in
            ["", "mail", "https://mail.example.com", "mail.example.com:25", "a b", "mail_1.example.com", "a.b\r\nX"]
        {
            assert!(Hello::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Hello::of(&host("notes.example.com")), Hello::Name(host("notes.example.com")));
        for (public, itself) in [("localhost", "127.0.0.1"), ("notes.localhost", "127.0.0.1"), ("notes", "127.0.0.1")] {
            assert_eq!(Hello::of(&host(public)), address(itself), "{public}");
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
