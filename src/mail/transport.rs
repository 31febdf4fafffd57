//! How a mail leaves: over SMTP, or to the terminal for the demo.

use std::io::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::letters::Rendered;
use crate::domain::email::Email;

/// How long one mail may take to leave.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The world failed: a mail did not leave. It is tried again later.
#[derive(Debug, thiserror::Error)]
#[error("a mail did not leave: {problem}")]
pub struct MailError {
    /// What was being done.
    pub problem: &'static str,
    /// What the mail server or the library said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A way for mails to leave.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Hands one mail over; when it returns, somebody else is responsible for it.
    async fn send(&self, to: &Email, mail: &Rendered) -> Result<(), MailError>;

    /// Whether mails could leave now.
    async fn ready(&self) -> Result<(), MailError>;
}

/// A mail server, spoken to with SMTP.
#[derive(Debug)]
pub struct Smtp {
    from: Mailbox,
    server: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    /// The server at `url` (`smtps://user:password@host:465`, `smtp://host?tls=required`), mails coming from `from`.
    ///
    /// # Errors
    /// An address or URL that the mail library does not take.
    pub fn new(url: &str, from: &str) -> Result<Self, MailError> {
        let from = from.parse().map_err(|error| failed("reading email.from", error))?;
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| failed("reading email.smtp_url", error))?
            .timeout(Some(TIMEOUT))
            .build();
        Ok(Self { from, server })
    }
}

#[async_trait]
impl Transport for Smtp {
    async fn send(&self, to: &Email, mail: &Rendered) -> Result<(), MailError> {
        let to = to.as_str().parse::<Address>().map_err(|error| failed("addressing it", error))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            // Out-of-office replies are of no use to anybody (RFC 3834 §5).
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| failed("writing it", error))?;
        self.server.send(message).await.map_err(|error| failed("sending it", error))?;
        Ok(())
    }

    async fn ready(&self) -> Result<(), MailError> {
        match self.server.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(failed("asking the mail server", "it does not answer NOOP with OK")),
            Err(error) => Err(failed("asking the mail server", error)),
        }
    }
}

fn failed(problem: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MailError {
    MailError { problem, source: source.into() }
}

#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
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
