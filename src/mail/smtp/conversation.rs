//! One conversation with a mail server (RFC 5321): bounded in what it reads and in how long it waits.
//!
//! Servers differ in how they spell what they offer and in what they answer to a sign-in. That decides whether visitors
//! get their codes, so the lines of the conversation are our own. What a mail looks like is the library's business.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// How long one address of a server has to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may take to answer a line. Some let strangers wait for half a minute before they greet.
const ANSWER: Duration = Duration::from_secs(60);
/// How long it may take over a whole mail. The server may look into it before it takes it, and a client that gives up
/// then sends it twice.
const TAKE: Duration = Duration::from_secs(120);
/// The longest line of an answer, in bytes, and how many of them there may be (RFC 5321 §4.5.3.1.5 asks for 512).
const LONGEST_LINE: u64 = 4096;
const MOST_LINES: usize = 100;
/// The shortest password that is looked for in what a server says, in characters.
const SHORTEST_HIDDEN: usize = 4;

trait SmtpStream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> SmtpStream for S {}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connecting,
    Greeting,
    Hello,
    StartTls,
    Tls,
    SigningIn,
    Sender,
    Recipient,
    Data,
    Content,
    Again,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Greeting => "its greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Tls => "the TLS handshake",
            Self::SigningIn => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Content => "the letter itself",
            Self::Again => "RSET",
        })
    }
}

impl Step {
    /// Whether an answer with that code leads on: a go-ahead for the letter and a question of a sign-in are said in
    /// their place alone.
    fn goes_on_with(self, code: u16) -> bool {
        match self {
            Self::Data => code == 354,
            Self::SigningIn => matches!(code, 235 | 334),
            Self::Connecting
            | Self::Greeting
            | Self::Hello
            | Self::StartTls
            | Self::Tls
            | Self::Sender
            | Self::Recipient
            | Self::Content
            | Self::Again => (200..300).contains(&code),
        }
    }

    /// What is to be known of a conversation that ends in it.
    fn warning(self) -> &'static str {
        match self {
            Self::Content => ". It may have taken the letter all the same, which comes twice then",
            Self::Connecting
            | Self::Greeting
            | Self::Hello
            | Self::StartTls
            | Self::Tls
            | Self::SigningIn
            | Self::Sender
            | Self::Recipient
            | Self::Data
            | Self::Again => "",
        }
    }
}

/// Why a conversation went no further.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server refused: what it said, without what it was told in confidence.
    Refused { step: Step, code: u16, said: String },
    /// The connection failed or ended.
    Lost { step: Step, why: io::Error },
    /// The server did not answer in time.
    TooLong(Step),
    /// What it said is no answer.
    Unreadable(Step),
    /// TLS could not be begun, or its certificate was refused.
    Tls(io::Error),
    /// It offers no STARTTLS.
    NoTls,
    /// It offers no way to sign in that is known here: what it offers.
    NoMechanism(Vec<String>),
    /// It does not know SMTPUTF8, which the address needs.
    NoSmtpUtf8,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { step, code, .. } => {
                let detail = self.enhanced().map(|detail| format!(" {detail}")).unwrap_or_default();
                write!(
                    f,
                    "the mail server answered {code}{detail} to {step}; what else it said is logged at level debug"
                )
            }
            Self::Lost { step, why } => write!(f, "{step} failed: {why}{}", step.warning()),
            Self::TooLong(step) => write!(f, "the mail server takes too long over {step}{}", step.warning()),
            Self::Unreadable(step) => {
                write!(f, "what the mail server answered to {step} cannot be read{}", step.warning())
            }
            Self::Tls(why) => write!(f, "TLS with the mail server failed: {why}"),
            Self::NoTls => f.write_str("the mail server offers no STARTTLS"),
            Self::NoMechanism(offered) if offered.is_empty() => {
                f.write_str("the mail server offers no way to sign in over this connection")
            }
            Self::NoMechanism(offered) => {
                write!(f, "the mail server offers no way to sign in that is known here, only {}", offered.join(", "))
            }
            Self::NoSmtpUtf8 => f.write_str(
                "the mail server does not know SMTPUTF8, which this address needs for its letters outside ASCII",
            ),
        }
    }
}

impl std::error::Error for Broken {}

impl Broken {
    /// What the status codes of RFC 3463 say more: `5.1.1`.
    pub(super) fn enhanced(&self) -> Option<&str> {
        let Self::Refused { said, .. } = self else { return None };
        let word = said.split_whitespace().next()?;
        let mut parts = word.split('.');
        let is_one = parts.clone().count() == 3
            && parts.all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
        is_one.then_some(word)
    }

    /// Whether the server does not take what the gateway signs in with.
    pub(super) fn is_of_login(&self) -> bool {
        matches!(self, Self::Refused { step: Step::SigningIn, code: 500.., .. })
    }
}

/// What a server says it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    pub(super) smtputf8: bool,
    start_tls: bool,
    /// Ways to sign in, in uppercase.
    mechanisms: Vec<String>,
}

impl Offers {
    /// Reads an answer to EHLO: keywords are in uppercase or lowercase, and old servers write `AUTH=LOGIN` (RFC 4954 §3
    /// and what was before it).
    fn read(lines: &[String]) -> Self {
        let mut offers = Self::default();
        for line in lines.iter().skip(1).map(|line| line.to_ascii_uppercase()) {
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("SMTPUTF8") => offers.smtputf8 = true,
                Some("STARTTLS") => offers.start_tls = true,
                Some("AUTH") => offers.mechanisms.extend(words.map(str::to_owned)),
                Some(_) | None => {}
            }
        }
        offers.mechanisms.sort();
        offers.mechanisms.dedup();
        offers
    }

    fn has(&self, mechanism: &str) -> bool {
        self.mechanisms.iter().any(|offered| offered == mechanism)
    }
}

/// What a server is told to let the gateway in.
pub(super) enum Login<'a> {
    Password { user: &'a str, password: &'a str },
    Token { user: &'a str, token: &'a str },
}

/// Where a server is, and how the connection is protected.
pub(super) struct SmtpPeer {
    /// Name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) protection: Protection,
    /// What the gateway calls itself: a name, or an address literal.
    pub(super) hello: String,
}

/// How a connection is protected.
#[derive(Clone)]
pub(super) enum Protection {
    None,
    /// From the first byte (RFC 8314 §3).
    Tls(Arc<ClientConfig>, ServerName<'static>),
    /// By STARTTLS, and nothing is said without it (RFC 3207).
    StartTls(Arc<ClientConfig>, ServerName<'static>),
}

/// An answer: its code, and its lines.
struct SmtpReply {
    code: u16,
    lines: Vec<String>,
}

/// A conversation that has been begun.
pub(super) struct Conversation {
    stream: BufReader<Box<dyn SmtpStream>>,
    offers: Offers,
    /// What the server was told in confidence, in each form in which it may repeat it.
    secrets: Vec<Zeroizing<String>>,
}

impl Conversation {
    /// Connects, and says hello; protected as it has to be.
    pub(super) async fn begin(peer: &SmtpPeer) -> Result<Self, Broken> {
        let tcp = connect(&peer.host, peer.port).await?;
        let stream: Box<dyn SmtpStream> = match &peer.protection {
            Protection::None | Protection::StartTls(..) => Box::new(tcp),
            Protection::Tls(config, name) => protected(tcp, config, name).await?,
        };
        let mut talk = Self { stream: BufReader::new(stream), offers: Offers::default(), secrets: Vec::new() };
        talk.answer(Step::Greeting, ANSWER).await?;
        talk.hello(&peer.hello).await?;
        if let Protection::StartTls(config, name) = &peer.protection {
            if !talk.offers.start_tls {
                return Err(Broken::NoTls);
            }
            talk.send_command(Step::StartTls, "STARTTLS").await?;
            // What came behind the answer was not protected, and would be taken for what is.
            if !talk.stream.buffer().is_empty() {
                return Err(Broken::Unreadable(Step::StartTls));
            }
            talk.stream = BufReader::new(protected(talk.stream.into_inner(), config, name).await?);
            talk.hello(&peer.hello).await?;
        }
        Ok(talk)
    }

    pub(super) fn offers(&self) -> &Offers {
        &self.offers
    }

    /// EHLO; of a server that does not know it, HELO (RFC 5321 §3.2).
    async fn hello(&mut self, name: &str) -> Result<(), Broken> {
        self.offers = match self.send_command(Step::Hello, &format!("EHLO {name}")).await {
            Ok(reply) => Offers::read(&reply.lines),
            Err(Broken::Refused { code: 500.., .. }) => {
                self.send_command(Step::Hello, &format!("HELO {name}")).await?;
                Offers::default()
            }
            Err(broken) => return Err(broken),
        };
        Ok(())
    }

    /// Signs in, by the best way that the server offers for it.
    pub(super) async fn sign_in(&mut self, login: &Login<'_>) -> Result<(), Broken> {
        self.secrets = spoken(login);
        match *login {
            Login::Password { user, password } => {
                if self.offers.has("PLAIN") {
                    match self.plain(user, password).await {
                        // It offers what it does not do (RFC 4954 §4).
                        Err(Broken::Refused { code: 504, .. }) if self.offers.has("LOGIN") => {}
                        signed_in => return signed_in,
                    }
                }
                if self.offers.has("LOGIN") {
                    return self.login(user, password).await;
                }
            }
            Login::Token { user, token } if self.offers.has("XOAUTH2") => return self.xoauth2(user, token).await,
            Login::Token { .. } => {}
        }
        Err(Broken::NoMechanism(self.offers.mechanisms.clone()))
    }

    /// Signs in with the mechanism PLAIN (RFC 4616).
    async fn plain(&mut self, user: &str, password: &str) -> Result<(), Broken> {
        let answer = encoded(&format!("\0{user}\0{password}"));
        let reply = self.send_command(Step::SigningIn, &format!("AUTH PLAIN {}", *answer)).await?;
        // Some ask for what they were told already.
        let reply = if reply.code == 334 { self.send_command(Step::SigningIn, &answer).await? } else { reply };
        is_in(&reply)
    }

    /// What came before SASL: two questions, whose wording differs; the user name comes first.
    async fn login(&mut self, user: &str, password: &str) -> Result<(), Broken> {
        let mut reply = self.send_command(Step::SigningIn, "AUTH LOGIN").await?;
        for answer in [encoded(user), encoded(password)] {
            if reply.code != 334 {
                return Err(Broken::Unreadable(Step::SigningIn));
            }
            reply = self.send_command(Step::SigningIn, &answer).await?;
        }
        is_in(&reply)
    }

    /// As Google wrote it down and Microsoft took it over. A refusal comes as a question, to which the answer is empty.
    async fn xoauth2(&mut self, user: &str, token: &str) -> Result<(), Broken> {
        let answer = encoded(&xoauth2(user, token));
        let reply = self.send_command(Step::SigningIn, &format!("AUTH XOAUTH2 {}", *answer)).await?;
        let reply = if reply.code == 334 { self.send_command(Step::SigningIn, "").await? } else { reply };
        is_in(&reply)
    }

    /// Hands one mail over, and returns what the server said to it.
    pub(super) async fn hand_over(&mut self, from: &str, to: &str, mail: &[u8]) -> Result<String, Broken> {
        let is_ascii = from.is_ascii() && to.is_ascii();
        if !is_ascii && !self.offers.smtputf8 {
            return Err(Broken::NoSmtpUtf8);
        }
        // A server that knows SMTPUTF8 takes eight bits (RFC 6531 §3.1).
        let parameters = if is_ascii { "" } else { " BODY=8BITMIME SMTPUTF8" };
        self.send_command(Step::Sender, &format!("MAIL FROM:<{from}>{parameters}")).await?;
        self.send_command(Step::Recipient, &format!("RCPT TO:<{to}>")).await?;
        self.send_command(Step::Data, "DATA").await?;
        self.write(Step::Content, &with_dots(mail)).await?;
        let SmtpReply { code, lines } = self.answer(Step::Content, TAKE).await?;
        Ok(format!("{code} {}", lines.join(" ")).trim_end().to_owned())
    }

    /// Whether it can be gone on with after a while.
    pub(super) async fn goes_on(&mut self) -> bool {
        timeout(CONNECT, self.send_command(Step::Again, "RSET")).await.is_ok_and(|said| said.is_ok())
    }

    /// Says QUIT and closes the connection, without a look at whether that works.
    pub(super) async fn end(mut self) {
        let leave = async {
            let _ = self.send_command(Step::Again, "QUIT").await;
            let _ = self.stream.get_mut().shutdown().await;
        };
        let _ = timeout(CONNECT, leave).await;
    }

    async fn send_command(&mut self, step: Step, line: &str) -> Result<SmtpReply, Broken> {
        // Nothing that was typed can begin another line.
        if line.contains(['\r', '\n']) {
            let why = io::Error::new(io::ErrorKind::InvalidInput, "a line break where none may be");
            return Err(Broken::Lost { step, why });
        }
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.write(step, line.as_bytes()).await?;
        self.answer(step, ANSWER).await
    }

    async fn write(&mut self, step: Step, bytes: &[u8]) -> Result<(), Broken> {
        let stream = self.stream.get_mut();
        let write = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        match timeout(ANSWER, write).await {
            Ok(written) => written.map_err(|why| Broken::Lost { step, why }),
            Err(_) => Err(Broken::TooLong(step)),
        }
    }

    /// Reads an answer; one that refuses is an error, as is one that has no place in that step (RFC 5321 §4.3.2).
    async fn answer(&mut self, step: Step, patience: Duration) -> Result<SmtpReply, Broken> {
        let reply = timeout(patience, self.read(step)).await.map_err(|_| Broken::TooLong(step))??;
        match reply.code {
            code if step.goes_on_with(code) => Ok(reply),
            ..400 => Err(Broken::Unreadable(step)),
            code => {
                let said = reply.lines.join(" ").trim().to_owned();
                let broken = Broken::Refused { step, code, said };
                tracing::debug!(answer = %broken.in_full(), "the mail server refuses {step}");
                Err(broken)
            }
        }
    }

    async fn read(&mut self, step: Step) -> Result<SmtpReply, Broken> {
        let mut reply: Option<SmtpReply> = None;
        for _ in 0..MOST_LINES {
            let mut line = Vec::new();
            let read = (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
            read.map_err(|why| Broken::Lost { step, why })?;
            if line.last() != Some(&b'\n') {
                let why = io::ErrorKind::UnexpectedEof.into();
                let is_over = u64::try_from(line.len()).is_ok_and(|length| length < LONGEST_LINE);
                return Err(if is_over { Broken::Lost { step, why } } else { Broken::Unreadable(step) });
            }
            let (code, is_last, text) = read_line(&line).ok_or(Broken::Unreadable(step))?;
            let reply = reply.get_or_insert_with(|| SmtpReply { code, lines: Vec::new() });
            if reply.code != code {
                return Err(Broken::Unreadable(step));
            }
            reply.lines.push(self.secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "…")));
            if is_last {
                return Ok(SmtpReply { code, lines: std::mem::take(&mut reply.lines) });
            }
        }
        Err(Broken::Unreadable(step))
    }
}

impl Broken {
    /// With the server's own words, which may repeat the address.
    pub(super) fn in_full(&self) -> String {
        match self {
            Self::Refused { code, said, .. } => format!("{code} {said}").trim_end().to_owned(),
            Self::Lost { .. }
            | Self::TooLong(_)
            | Self::Unreadable(_)
            | Self::Tls(_)
            | Self::NoTls
            | Self::NoMechanism(_)
            | Self::NoSmtpUtf8 => self.to_string(),
        }
    }
}

/// `250-text` or `250 text`: the code, whether it is the last line, and the text.
fn read_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.trim_ascii_end();
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?;
    let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
    let is_last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    Some((code, is_last, String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned()))
}

/// Only 235 says that the sign-in was accepted (RFC 4954 §6).
fn is_in(reply: &SmtpReply) -> Result<(), Broken> {
    if reply.code == 235 { Ok(()) } else { Err(Broken::Unreadable(Step::SigningIn)) }
}

/// One address after another, as a name may have some that lead nowhere.
async fn connect(host: &str, port: u16) -> Result<TcpStream, Broken> {
    let lost = |why| Broken::Lost { step: Step::Connecting, why };
    let found = timeout(CONNECT, lookup_host((host, port))).await.map_err(|_| Broken::TooLong(Step::Connecting))?;
    let mut failed = Broken::Lost { step: Step::Connecting, why: io::ErrorKind::NotFound.into() };
    for address in found.map_err(lost)? {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(why)) => failed = lost(why),
            Err(_) => failed = Broken::TooLong(Step::Connecting),
        }
    }
    Err(failed)
}

async fn protected(
    stream: impl SmtpStream + 'static,
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
) -> Result<Box<dyn SmtpStream>, Broken> {
    let connecting = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
    match timeout(ANSWER, connecting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(why)) => Err(Broken::Tls(why)),
        Err(_) => Err(Broken::TooLong(Step::Tls)),
    }
}

/// A mail as it goes over the wire: no line of it is the dot that ends it (RFC 5321 §4.5.2).
fn with_dots(mail: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(mail.len() + 16);
    let mut at_start = true;
    for byte in mail {
        if at_start && *byte == b'.' {
            sent.push(b'.');
        }
        sent.push(*byte);
        at_start = *byte == b'\n';
    }
    if !sent.ends_with(b"\r\n") {
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b".\r\n");
    sent
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}

fn xoauth2(user: &str, token: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("user={user}\x01auth=Bearer {token}\x01\x01"))
}

/// What a server hears of a login, and the secret itself: some end with the line that they refuse.
fn spoken(login: &Login<'_>) -> Vec<Zeroizing<String>> {
    let (secret, whole) = match *login {
        Login::Password { user, password } => (password, Zeroizing::new(format!("\0{user}\0{password}"))),
        Login::Token { user, token } => (token, xoauth2(user, token)),
    };
    let mut spoken = vec![encoded(&whole), encoded(secret)];
    // One that is too short stands in many words, and gives away none by that.
    if secret.chars().count() >= SHORTEST_HIDDEN {
        spoken.push(Zeroizing::new(secret.to_owned()));
    }
    spoken.retain(|secret| !secret.is_empty());
    spoken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(lines: &[&str]) -> Offers {
        Offers::read(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_a_server_offers_is_read_in_every_spelling() {
        let read =
            offers(&["mail.example", "smtputf8", "starttls", "auth=login plain", "AUTH XOAUTH2 LOGIN", "SIZE 1"]);
        assert!(read.smtputf8 && read.start_tls);
        assert_eq!(read.mechanisms, ["LOGIN", "PLAIN", "XOAUTH2"]);
        // The first line is the server's name.
        assert_eq!(offers(&["SMTPUTF8", "AUTHOR", "X-AUTH PLAIN"]), Offers::default());
    }

    #[test]
    fn a_line_of_an_answer_has_a_code_and_a_text() {
        assert_eq!(read_line(b"250-a b\r\n"), Some((250, false, "a b".to_owned())));
        assert_eq!(read_line(b"250 ok\n"), Some((250, true, "ok".to_owned())));
        assert_eq!(read_line(b"354\r\n"), Some((354, true, String::new())));
        for bad in ["", "25", "2500 ok", "abc", "+50 a", "150 a", "600 a", "HTTP/1.1 400"] {
            assert_eq!(read_line(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn no_line_of_a_mail_ends_it() {
        assert_eq!(with_dots(b"a\r\n.\r\n..b\r\nc."), b"a\r\n..\r\n...b\r\nc.\r\n.\r\n");
        assert_eq!(with_dots(b".\r\n"), b"..\r\n.\r\n");
    }
}
