//! How a mail leaves: over SMTP ([`super::smtp`]), or to the terminal for the demo.

use std::error::Error;
use std::io::Write as _;

use async_trait::async_trait;

use super::letters::Rendered;
use crate::domain::email::Email;
use crate::domain::letter::Stamp;

/// The world failed: a mail did not leave.
#[derive(Debug, thiserror::Error)]
#[error("a mail did not leave: {problem}")]
pub struct MailError {
    /// What was being done.
    pub problem: &'static str,
    /// What the mail server or the library said, with no address in it.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
    /// Whether it can never leave, so that it is not tried again.
    pub is_final: bool,
}

impl MailError {
    /// A failure that may be over the next time.
    pub fn passing(problem: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { problem, source: source.into(), is_final: false }
    }
}

/// A way for mails to leave.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Hands one mail over; when it returns, the other side is responsible for it. That takes less time than
    /// [`UNDER_WAY`](crate::domain::letter::UNDER_WAY).
    async fn send(&self, to: &Email, mail: &Rendered, stamp: Stamp) -> Result<(), MailError>;

    /// Whether it can write to that address. It says no only where it is known that it cannot, whether or not an
    /// account has the address.
    async fn writes_to(&self, to: &Email) -> bool;
}

/// The terminal, for the demo and for trying things out: codes can be read there.
#[derive(Debug, Default)]
pub struct Terminal;

#[async_trait]
impl Transport for Terminal {
    async fn send(&self, to: &Email, mail: &Rendered, _: Stamp) -> Result<(), MailError> {
        let rule = "─".repeat(60);
        let (to, subject, text) = (to.as_str(), &mail.subject, mail.text.trim());
        writeln!(std::io::stdout().lock(), "\n{rule}\nMail to {to}\n{subject}\n\n{text}\n{rule}")
            .map_err(|error| MailError::passing("printing it", error))
    }

    async fn writes_to(&self, _: &Email) -> bool {
        true
    }
}
