//! Mails by way of a mail server: what they look like, who signs in, and what a refusal means.

mod conversation;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::letters::Rendered;
use super::oauth::{NoToken, OauthTokens};
use super::transport::{MailError, Transport};
use super::trust;
use crate::domain::email::Email;
use crate::domain::letter::{Stamp, UNDER_WAY};
use conversation::{Broken, Conversation, Login, Protection, SmtpPeer, Step};

pub use super::oauth::OauthClient;

/// How long one mail may take to leave: it is done with before others take it for lost.
const LONGEST: Duration = UNDER_WAY.saturating_sub(Duration::from_secs(10));
/// How long a connection waits for the next mail, and how many may.
const KEPT_FOR: Duration = Duration::from_secs(20);
const MOST_KEPT: usize = 8;
/// How long a visitor waits to learn whether a server takes an address.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long it is not asked again where it gave no answer.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// The last second of the year 9999: what no calendar of mail has is as good as that.
const LAST_SECOND: u64 = 253_402_300_799;

/// Where a mail server is and how it is spoken to.
pub struct SmtpServer<'a> {
    /// Its host name or address, as it stands in a URL.
    pub host: &'a str,
    /// The TCP port it listens on.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who may vouch for it besides those that the system knows: certificates in DER form.
    pub authorities: &'a [Box<[u8]>],
    /// What the gateway calls itself: a name, or an address literal.
    pub hello: &'a str,
    /// What to sign in with, where it asks for that.
    pub login: Option<SmtpSignIn<'a>>,
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

/// What to sign in with.
pub enum SmtpSignIn<'a> {
    /// A user name and a password.
    Password(&'a str, &'a str),
    /// A user name, and the client that gets access tokens for it.
    Tokens(&'a str, OauthClient<'a>),
}

/// Whom mails are from.
pub struct MailSender<'a> {
    /// The name that is shown.
    pub name: Option<&'a str>,
    /// The address, to which mails come back that cannot be delivered.
    pub address: &'a Email,
    /// Where answers go, with a name, where it is elsewhere.
    pub reply_to: Option<(Option<&'a str>, &'a Email)>,
}

/// A mail server, spoken to with SMTP.
pub struct SmtpTransport {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    peer: SmtpPeer,
    login: Option<KeptLogin>,
    kept: Arc<IdleConversations>,
    smtputf8: AtomicU8,
    /// When it was last asked for that alone. The task that asks holds this meanwhile, so that one asks for all.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

/// What is signed in with, in memory.
enum KeptLogin {
    Password { user: String, password: Zeroizing<String> },
    Tokens { user: String, tokens: OauthTokens },
}

/// Connections that wait for the next mail.
type IdleConversations = Mutex<Vec<(Instant, Conversation)>>;

/// Whether the server knows SMTPUTF8, by what it offered last.
const UNKNOWN: u8 = 0;
const KNOWS: u8 = 1;
const KNOWS_NOT: u8 = 2;

impl fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpTransport").finish_non_exhaustive()
    }
}

/// Why a letter did not leave, for the operator who tries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// What the mail server said, or what is in the way of asking it.
    pub said: String,
    /// What that means, as a sentence, where it is known.
    pub means: Option<&'static str>,
    /// The key that it is about, where it is not the one that names the server.
    pub key: Option<&'static str>,
}

/// What is in the way of a mail.
#[derive(Debug)]
enum SmtpFailure {
    /// The server, or the way to it.
    Broken(Broken),
    /// There is no access token.
    NoToken(NoToken),
}

impl From<Broken> for SmtpFailure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<NoToken> for SmtpFailure {
    fn from(none: NoToken) -> Self {
        Self::NoToken(none)
    }
}

impl SmtpTransport {
    /// Mails from that sender by way of `server`.
    ///
    /// # Errors
    /// A sender or host that cannot stand in a mail or a certificate.
    pub fn new(server: &SmtpServer<'_>, sender: &MailSender<'_>) -> Result<Self, MailError> {
        let mailbox = |name: Option<&str>, address: &Email| {
            Ok::<_, MailError>(Mailbox::new(name.map(str::to_owned), address_of(address)?))
        };
        let host = server.host.trim_matches(['[', ']']);
        let tls = || trust::client(server.authorities).map_err(|error| MailError::passing("setting up TLS", error));
        let name = || {
            ServerName::try_from(host.to_owned()).map_err(|error| MailError::passing("naming the mail server", error))
        };
        let protection = match server.security {
            Security::Plain => Protection::None,
            Security::Tls => Protection::Tls(tls()?, name()?),
            Security::StartTls => Protection::StartTls(tls()?, name()?),
        };
        let login = match &server.login {
            None => None,
            Some(SmtpSignIn::Password(user, password)) => {
                let password = Zeroizing::new((*password).to_owned());
                Some(KeptLogin::Password { user: (*user).to_owned(), password })
            }
            Some(SmtpSignIn::Tokens(user, client)) => {
                // The client's secret goes to a public host, for which an authority of one's own does not vouch.
                let public = trust::client(&[]).map_err(|error| MailError::passing("setting up TLS", error))?;
                Some(KeptLogin::Tokens { user: (*user).to_owned(), tokens: OauthTokens::new(client, public) })
            }
        };
        Ok(Self {
            from: mailbox(sender.name, sender.address)?,
            reply_to: sender.reply_to.map(|(name, address)| mailbox(name, address)).transpose()?,
            peer: SmtpPeer { host: host.to_owned(), port: server.port, protection, hello: server.hello.to_owned() },
            login,
            kept: Arc::default(),
            smtputf8: AtomicU8::new(UNKNOWN),
            asked: tokio::sync::Mutex::default(),
        })
    }

    /// Hands one mail over, and returns what the server said to it: `250 2.0.0 Ok: queued as 4F2A`.
    ///
    /// # Errors
    /// It did not take it. What it says may repeat the address, so this is for the operator who typed that, and for no
    /// log.
    pub async fn try_out(&self, to: &Email, mail: &Rendered, stamp: Stamp) -> Result<String, NotTaken> {
        let message = self.message(to, mail, stamp);
        let message = message.map_err(|error| NotTaken {
            said: format!("{error} ({})", error.source),
            means: None,
            key: None,
        })?;
        let sent = async {
            let mut talk = self.begin().await?;
            match talk.hand_over(self.from.email.as_ref(), to.as_str(), &message).await {
                Ok(said) => {
                    talk.end().await;
                    Ok(said)
                }
                Err(broken) => Err(quit_unless_lost(talk, broken).await.into()),
            }
        };
        sent.await.map_err(|failure| self.not_taken(&failure))
    }

    /// Whether it can be spoken to, and lets the gateway in.
    ///
    /// # Errors
    /// It cannot, or does not.
    pub async fn greet(&self) -> Result<(), NotTaken> {
        let talk = self.begin().await.map_err(|failure| self.not_taken(&failure))?;
        talk.end().await;
        Ok(())
    }

    async fn hand_over(&self, to: &Email, message: &[u8]) -> Result<(), SmtpFailure> {
        let mut talk = match self.take_kept().await {
            Some(talk) => talk,
            None => self.begin().await?,
        };
        match talk.hand_over(self.from.email.as_ref(), to.as_str(), message).await {
            Ok(_) => {
                self.keep(talk);
                Ok(())
            }
            Err(broken) => Err(quit_unless_lost(talk, broken).await.into()),
        }
    }

    /// A new conversation, signed in.
    async fn begin(&self) -> Result<Conversation, SmtpFailure> {
        match &self.login {
            None => Ok(self.connect().await?),
            Some(KeptLogin::Password { user, password }) => {
                Ok(self.sign_in(&Login::Password { user, password }).await?)
            }
            Some(KeptLogin::Tokens { user, tokens }) => {
                let token = tokens.get().await?;
                match self.sign_in(&Login::Token { user, token: &token }).await {
                    // It may have been revoked before its end.
                    Err(broken) if broken.is_of_login() => {
                        tokens.give_up(&token).await;
                        let fresh = tokens.get().await?;
                        Ok(self.sign_in(&Login::Token { user, token: &fresh }).await?)
                    }
                    signed_in => Ok(signed_in?),
                }
            }
        }
    }

    async fn connect(&self) -> Result<Conversation, Broken> {
        let talk = Conversation::begin(&self.peer).await?;
        self.smtputf8.store(if talk.offers().smtputf8 { KNOWS } else { KNOWS_NOT }, Ordering::Relaxed);
        Ok(talk)
    }

    async fn sign_in(&self, login: &Login<'_>) -> Result<Conversation, Broken> {
        let mut talk = self.connect().await?;
        match talk.sign_in(login).await {
            Ok(()) => Ok(talk),
            Err(broken) => Err(quit_unless_lost(talk, broken).await),
        }
    }

    /// Asks what it offers, unless that is known by now or was asked lately.
    async fn ask_what_it_offers(&self) {
        let mut asked = self.asked.lock().await;
        let is_lately = asked.is_some_and(|at| at.elapsed() < ASK_AGAIN);
        if self.smtputf8.load(Ordering::Relaxed) != UNKNOWN || is_lately {
            return;
        }
        // Before it is: who asks may be gone before there is an answer.
        *asked = Some(Instant::now());
        if let Ok(talk) = self.connect().await {
            talk.end().await;
        }
    }

    /// A conversation that waited, and that the server goes on with.
    async fn take_kept(&self) -> Option<Conversation> {
        loop {
            let last = lock(&self.kept).pop();
            let (_, mut talk) = last?;
            if talk.goes_on().await {
                return Some(talk);
            }
        }
    }

    /// Keeps a conversation for the next mail, for a while.
    fn keep(&self, talk: Conversation) {
        let since = Instant::now();
        let talk = {
            let mut kept = lock(&self.kept);
            if kept.len() < MOST_KEPT {
                kept.push((since, talk));
                None
            } else {
                Some(talk)
            }
        };
        let kept = Arc::clone(&self.kept);
        tokio::spawn(async move {
            if let Some(talk) = talk {
                return talk.end().await;
            }
            tokio::time::sleep(KEPT_FOR).await;
            let over: Vec<_> = lock(&kept).extract_if(.., |(since, _)| since.elapsed() >= KEPT_FOR).collect();
            for (_, talk) in over {
                talk.end().await;
            }
        });
    }

    fn not_taken(&self, failure: &SmtpFailure) -> NotTaken {
        let uses_tokens = matches!(self.login, Some(KeptLogin::Tokens { .. }));
        match failure {
            SmtpFailure::NoToken(none) => NotTaken {
                said: none.to_string(),
                means: matches!(none, NoToken::Refused(..)).then_some(
                    "It does not take this client: client_id, the secret (has it expired?) and scope must be those that were given out there.",
                ),
                key: Some("email.oauth"),
            },
            SmtpFailure::Broken(broken) => {
                NotTaken { said: broken.in_full(), means: meaning(broken, uses_tokens), key: None }
            }
        }
    }

    fn message(&self, to: &Email, mail: &Rendered, stamp: Stamp) -> Result<Vec<u8>, MailError> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(stamp.at.unix().min(LAST_SECOND));
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address_of(to)?))
            .subject(&mail.subject)
            .date(at)
            // Of our own domain, and the same each time a letter is tried, so that a server that gets it twice can
            // tell.
            .message_id(Some(format!("<{}@{}>", stamp.id.simple(), self.from.email.domain())))
            // Out-of-office replies have no reader (RFC 3834 §5).
            .header(AutoSubmitted);
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let message = message
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| MailError::passing("writing it", error))?;
        Ok(message.formatted())
    }
}

#[async_trait]
impl Transport for SmtpTransport {
    async fn send(&self, to: &Email, mail: &Rendered, stamp: Stamp) -> Result<(), MailError> {
        let message = self.message(to, mail, stamp)?;
        match timeout(LONGEST, self.hand_over(to, &message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(SmtpFailure::NoToken(none))) => Err(MailError::passing("getting an access token", none)),
            Ok(Err(SmtpFailure::Broken(broken))) => {
                let is_final = is_final(&broken);
                Err(MailError { problem: "handing it over", source: Box::new(broken), is_final })
            }
            Err(_) => Err(MailError::passing("handing it over", "the mail server takes too long over it")),
        }
    }

    async fn writes_to(&self, to: &Email) -> bool {
        if !to.needs_smtputf8() {
            return true;
        }
        if self.smtputf8.load(Ordering::Relaxed) == UNKNOWN {
            let _ = timeout(PATIENCE, self.ask_what_it_offers()).await;
        }
        self.smtputf8.load(Ordering::Relaxed) != KNOWS_NOT
    }
}

/// Takes leave of a server that goes on; one that hangs up or is silent is not waited for.
async fn quit_unless_lost(talk: Conversation, broken: Broken) -> Broken {
    if matches!(broken, Broken::Refused { .. } | Broken::NoMechanism(_) | Broken::NoSmtpUtf8) {
        talk.end().await;
    }
    broken
}

fn lock(kept: &IdleConversations) -> std::sync::MutexGuard<'_, Vec<(Instant, Conversation)>> {
    // Nothing that holds it can panic halfway.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An address as the library knows it. `Email` has read it more strictly than the library would.
fn address_of(email: &Email) -> Result<Address, MailError> {
    Address::new(email.local_part(), email.domain()).map_err(|error| MailError::passing("addressing it", error))
}

/// Whether a server says for good that it does not take this letter (RFC 5321 §4.2.1). Where it takes none from this
/// gateway, its operator may set that right meanwhile, so those are tried again.
fn is_final(broken: &Broken) -> bool {
    match broken {
        Broken::Refused { step: Step::Recipient | Step::Data | Step::Content, code: 500.., said } => {
            let is_of_policy = broken.enhanced().is_some_and(|detail| detail.starts_with("5.7."));
            let said = said.to_ascii_lowercase();
            let is_ours = ["relay", "authenti", "starttls", "sender"].iter().any(|word| said.contains(word));
            !is_of_policy && !is_ours
        }
        Broken::Refused { .. }
        | Broken::Lost { .. }
        | Broken::TooLong(_)
        | Broken::Unreadable(_)
        | Broken::Tls(_)
        | Broken::NoTls
        | Broken::NoMechanism(_)
        | Broken::NoSmtpUtf8 => false,
    }
}

/// What a failure means, for the operator who can mend it.
fn meaning(broken: &Broken, uses_tokens: bool) -> Option<&'static str> {
    match broken {
        Broken::Refused { step, code, said } => meaning_of_reply(*step, *code, said, uses_tokens),
        Broken::Tls(_) => Some(
            "The connection could not be protected: its certificate must be for that host and by an authority that the system or \
             email.smtp_ca_file knows, and the port must speak what the URL says (smtps:// on 465, smtp:// with ?tls=required on 587).",
        ),
        Broken::NoTls => Some(
            "The port does not protect the connection: write another port, or ?tls=off where the network is your own.",
        ),
        Broken::NoMechanism(offered) if offered.is_empty() => Some(
            "It offers no sign-in here: leave user and password out, or write a port where it does (587 with ?tls=required, or \
             smtps:// on 465).",
        ),
        Broken::NoMechanism(offered) => Some(if offered.iter().any(|offered| offered == "XOAUTH2") && !uses_tokens {
            "It wants access tokens in place of a password: set email.oauth."
        } else {
            "Passwords are sent by PLAIN or LOGIN, access tokens by XOAUTH2; it must offer one of them."
        }),
        Broken::NoSmtpUtf8 => Some(
            "People with such an address are told to register with another one, and get back in by your code (bmauth users recover).",
        ),
        Broken::Lost { .. } | Broken::TooLong(_) | Broken::Unreadable(_) => None,
    }
}

/// What a reply that refuses means (RFC 5321 §4.2.3, RFC 4954 §6).
fn meaning_of_reply(step: Step, code: u16, text: &str, uses_tokens: bool) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    match code {
        530 | 550 | 554 if text.contains("starttls") => {
            Some("It wants a protected connection: write smtp:// with ?tls=required.")
        }
        500..600 if step == Step::Hello => Some(
            "It does not take the name that this gateway calls itself: set email.hello to the full name of this machine.",
        ),
        530 => Some("It wants a user name and a password: write them into the URL."),
        500..600 if step == Step::SigningIn && uses_tokens => Some(
            "It does not take this access token: the client must be allowed to send as that mailbox, and scope must be the mail server's.",
        ),
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
