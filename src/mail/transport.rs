//! How a mail leaves: over SMTP, or to the terminal for the demo.

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use zeroize::Zeroizing;

use super::letters::Rendered;
use crate::domain::email::Email;

/// How long one mail may take to leave.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest password that is looked for in what a server says, in characters.
const SHORTEST_HIDDEN: usize = 4;

/// The world failed: a mail did not leave. It is tried again later.
#[derive(Debug, thiserror::Error)]
#[error("a mail did not leave: {problem}")]
pub struct MailError {
    /// What was being done.
    pub problem: &'static str,
    /// What the mail server or the library said, with no address in it.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// A way for mails to leave.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Hands one mail over; when it returns, somebody else is responsible for it.
    async fn send(&self, to: &Email, mail: &Rendered) -> Result<(), MailError>;

    /// Whether mails could leave now.
    async fn ready(&self) -> Result<(), MailError>;
}

/// Where a mail server is and how it is spoken to.
#[derive(Debug)]
pub struct Server<'a> {
    /// Its host name or address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User name and password, where it asks for them.
    pub credentials: Option<(&'a str, &'a str)>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 §3).
    Tls,
    /// STARTTLS, and nothing is said without it (RFC 3207).
    StartTls,
    /// Nothing: for a server on the same machine.
    Plain,
}

/// A mail server, spoken to with SMTP.
pub struct Smtp {
    from: Mailbox,
    server: AsyncSmtpTransport<Tokio1Executor>,
    /// The password in each form in which the server hears it, and may repeat it.
    secrets: Vec<Zeroizing<String>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").finish_non_exhaustive()
    }
}

impl Smtp {
    /// Mails from `name` and `address` by way of `server`.
    ///
    /// # Errors
    /// An address or host that the mail library does not take.
    pub fn new(server: &Server<'_>, name: Option<&str>, address: &Email) -> Result<Self, MailError> {
        let address = address.as_str().parse::<Address>().map_err(|error| failed("reading email.from", error))?;
        let protection = match server.security {
            Security::Plain => Tls::None,
            Security::Tls => Tls::Wrapper(tls_of(server)?),
            Security::StartTls => Tls::Required(tls_of(server)?),
        };
        // "Dangerous" is the library's word for a builder without TLS; every branch above says what is wanted.
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host)
            .port(server.port)
            .tls(protection)
            .timeout(Some(TIMEOUT));
        if let Some((user, password)) = server.credentials {
            builder = builder.credentials(Credentials::new(user.to_owned(), password.to_owned()));
        }
        let secrets = server.credentials.map(|(user, password)| spoken(user, password)).unwrap_or_default();
        Ok(Self { from: Mailbox::new(name.map(str::to_owned), address), server: builder.build(), secrets })
    }
}

/// Why a letter did not leave, for whoever runs the gateway and tries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// What the mail server said, or what is in the way of asking it.
    pub said: String,
    /// What that means, as a sentence, where it is known.
    pub means: Option<&'static str>,
}

impl Smtp {
    /// Hands one mail over, and returns what the server said to it: `250 2.0.0 Ok: queued as 4F2A`.
    ///
    /// # Errors
    /// It did not take it. What it says may repeat the address, so this is for whoever typed that, and for no log.
    pub async fn try_out(&self, to: &Email, mail: &Rendered) -> Result<String, NotTaken> {
        let unusable = |error: MailError| NotTaken { said: format!("{error} ({})", error.source), means: None };
        let message = self.message(to, mail).map_err(unusable)?;
        let said = self.server.send(message).await.map_err(|error| self.not_taken(&error))?;
        let text: Vec<&str> = said.message().collect();
        Ok(self.without_secrets(&format!("{} {}", said.code(), text.join(" "))))
    }

    /// Whether it can be spoken to, and takes the user name and password.
    ///
    /// # Errors
    /// It cannot, or does not.
    pub async fn greet(&self) -> Result<(), NotTaken> {
        match self.server.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotTaken { said: "it does not answer NOOP with OK".to_owned(), means: None }),
            Err(error) => Err(self.not_taken(&error)),
        }
    }

    fn not_taken(&self, error: &lettre::transport::smtp::Error) -> NotTaken {
        let NotTaken { said, means } = not_taken(error);
        NotTaken { said: self.without_secrets(&said), means }
    }

    /// What a server said, which some end with the line that they refuse: the one with the password.
    fn without_secrets(&self, said: &str) -> String {
        self.secrets.iter().fold(said.to_owned(), |said, secret| said.replace(secret.as_str(), "…"))
    }

    /// What may be logged of why a mail did not leave. Servers like to repeat the address in what they answer.
    fn without_address(&self, error: lettre::transport::smtp::Error) -> Box<dyn Error + Send + Sync> {
        let what = match error.status() {
            Some(code) => format!("the mail server answered {code}; what else it said is logged at level debug"),
            None if error.is_response() => "what the mail server answered cannot be read".to_owned(),
            // The network's own words.
            None => return error.into(),
        };
        tracing::debug!(error = self.without_secrets(&error.to_string()), "the mail server's answer");
        what.into()
    }

    fn message(&self, to: &Email, mail: &Rendered) -> Result<Message, MailError> {
        let to = to.as_str().parse::<Address>().map_err(|error| failed("addressing it", error))?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            // Out-of-office replies are of no use to anybody (RFC 3834 §5).
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| failed("writing it", error))
    }
}

/// What went wrong, in the server's own words where it said any.
fn not_taken(error: &lettre::transport::smtp::Error) -> NotTaken {
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) => {
            let (code, lines) = (u16::from(code), text.lines().collect::<Vec<_>>().join(" "));
            NotTaken { means: meaning(code, &lines), said: format!("{code} {lines}").trim_end().to_owned() }
        }
        None if is_of_tls(error) => NotTaken {
            said: error.to_string(),
            means: Some(
                "The connection could not be protected: its certificate must be for that host and by an authority that is known, \
                 and the port must speak what the URL says (smtps:// on 465, smtp:// with ?tls=required on 587).",
            ),
        },
        None => NotTaken { said: error.to_string(), means: None },
    }
}

/// What a reply that refuses means (RFC 5321 §4.2.3, RFC 4954 §6).
fn meaning(code: u16, text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    match code {
        530 | 550 | 554 if text.contains("starttls") => {
            Some("It wants a protected connection: write smtp:// with ?tls=required.")
        }
        530 => Some("It wants a user name and a password: write them into the URL."),
        534 | 535 | 538 => {
            Some("It does not take this user name and password. Perhaps it wants a password made for apps.")
        }
        _ if (500..600).contains(&code) && text.contains("relay") => Some(
            "It passes on no letters of ours to other domains: sign in to it with a user name and password, or allow this machine there.",
        ),
        550 | 551 | 553 | 554 => Some(
            "It does not take this sender or this recipient: `email.from` must be an address that it may send for.",
        ),
        400..500 => Some("It may take the letter later: try again in a few minutes."),
        _ => None,
    }
}

/// Whether TLS is what failed, however deep that is said.
fn is_of_tls(error: &lettre::transport::smtp::Error) -> bool {
    let mut source = Some(error as &(dyn Error + 'static));
    let mut is_rustls = error.is_tls();
    while let Some(error) = source {
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        is_rustls |= error.is::<rustls::Error>() || inside.is_some_and(|inside| inside.is::<rustls::Error>());
        source = error.source();
    }
    is_rustls
}

fn tls_of(server: &Server<'_>) -> Result<TlsParameters, MailError> {
    TlsParameters::new(server.host.to_owned()).map_err(|error| failed("setting up TLS", error))
}

#[async_trait]
impl Transport for Smtp {
    async fn send(&self, to: &Email, mail: &Rendered) -> Result<(), MailError> {
        let message = self.message(to, mail)?;
        self.server.send(message).await.map_err(|error| failed("sending it", self.without_address(error)))?;
        Ok(())
    }

    async fn ready(&self) -> Result<(), MailError> {
        match self.server.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(failed("asking the mail server", "it does not answer NOOP with OK")),
            Err(error) => Err(failed("asking the mail server", self.without_address(error))),
        }
    }
}

fn failed(problem: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> MailError {
    MailError { problem, source: source.into() }
}

/// What a server hears of a user and a password (RFC 4616 §2 and the LOGIN of old), and the password itself.
fn spoken(user: &str, password: &str) -> Vec<Zeroizing<String>> {
    let plain = Zeroizing::new(format!("\0{user}\0{password}"));
    let mut spoken = vec![STANDARD.encode(plain.as_bytes()), STANDARD.encode(password)];
    // One that is too short stands in many words, and gives away none by that.
    if password.chars().count() >= SHORTEST_HIDDEN {
        spoken.push(password.to_owned());
    }
    spoken.into_iter().filter(|secret| !secret.is_empty()).map(Zeroizing::new).collect()
}

#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The terminal, for the demo and for trying things out: codes can be read there.
#[derive(Debug, Default)]
pub struct Terminal;

#[async_trait]
impl Transport for Terminal {
    async fn send(&self, to: &Email, mail: &Rendered) -> Result<(), MailError> {
        let rule = "─".repeat(60);
        let (to, subject, text) = (to.as_str(), &mail.subject, mail.text.trim());
        writeln!(std::io::stdout().lock(), "\n{rule}\nMail to {to}\n{subject}\n\n{text}\n{rule}")
            .map_err(|error| failed("printing it", error))
    }

    async fn ready(&self) -> Result<(), MailError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// A mail server that says `answer` of each line, for one client.
    async fn saying(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 mail.example\r\n").await.unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 0 {
                stream.write_all(answer(line.trim_end()).as_bytes()).await.unwrap();
                line.clear();
            }
        });
        port
    }

    /// One that answers `RCPT` with `refusal`.
    async fn refusing(refusal: &'static str) -> u16 {
        saying(move |line| if line.starts_with("RCPT") { refusal } else { "250 ok\r\n" }.to_owned()).await
    }

    /// One that wants a password, and repeats the line that it refuses.
    async fn repeating() -> u16 {
        saying(|line| match line {
            line if line.starts_with("EHLO") => "250-mail.example\r\n250 AUTH PLAIN\r\n".to_owned(),
            line => format!("535 5.7.8 bad: {line}, hunter2 aHVudGVyMg==\r\n"),
        })
        .await
    }

    #[tokio::test]
    async fn a_password_that_a_mail_server_repeats_is_shown_in_no_form() {
        let server = |port| {
            let credentials = Some(("user", "hunter2"));
            let server = Server { host: "127.0.0.1", port, security: Security::Plain, credentials };
            Smtp::new(&server, None, &Email::parse("no-reply@example.com").unwrap()).unwrap()
        };
        let to = Email::parse("maria@example.com").unwrap();
        let mail = Rendered { subject: "Hello".into(), text: "Hello".into(), html: "<p>Hello".into() };
        let hidden = "535 5.7.8 bad: AUTH PLAIN …, … …";
        assert_eq!(server(repeating().await).try_out(&to, &mail).await.unwrap_err().said, hidden);
        assert_eq!(server(repeating().await).greet().await.unwrap_err().said, hidden);
        let smtp = server(repeating().await);
        let error = smtp.ready().await.unwrap_err();
        let shown = format!("{error} {error:?} {} {smtp:?}", error.source);
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
        assert!(shown.contains("answered 535"), "{shown}");
    }

    #[tokio::test]
    async fn what_a_mail_server_says_of_an_address_stays_out_of_the_error() {
        for refusal in [
            "550 5.1.1 <maria@example.com>: no such user\r\n",
            "451 4.2.1 <maria@example.com>: greylisted\r\n",
            "maria@example.com is nobody I know\r\n",
        ] {
            let port = refusing(refusal).await;
            let server = Server { host: "127.0.0.1", port, security: Security::Plain, credentials: None };
            let from = Email::parse("no-reply@example.com").unwrap();
            let smtp = Smtp::new(&server, None, &from).unwrap();
            let mail = Rendered { subject: "Hello".into(), text: "Hello".into(), html: "<p>Hello".into() };
            let error = smtp.send(&Email::parse("maria@example.com").unwrap(), &mail).await.unwrap_err();
            let (shown, source) = (format!("{error} {error:?}"), error.source.to_string());
            assert!(!shown.contains("maria") && !source.contains("maria"), "{shown}");
            assert!(
                source.contains(refusal.get(..3).filter(|_| refusal.starts_with(['4', '5'])).unwrap_or("answered"))
            );
        }
    }
}
