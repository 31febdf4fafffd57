//! A mail server that does what it is told to, well or not.

use std::sync::atomic::AtomicUsize;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use url::Url;
use uuid::Uuid;

use super::*;
use crate::domain::clock::Timestamp;

/// What it says to a line; `None` for what any server says.
type ServerScript = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// It says nothing more, and keeps the connection.
const STALLS: &str = "stalls";
/// It hangs up.
const CUTS: &str = "cuts";
/// What the hook is asked about a mail, and about a new connection.
const MAIL: &str = "<mail>";
const GREETING: &str = "<greeting>";

#[derive(Clone)]
struct Fake {
    says: ServerScript,
    tls: Option<(TlsAcceptor, bool)>,
    /// All lines of all connections.
    heard: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    stalled: Arc<Notify>,
}

impl Fake {
    fn saying(says: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            says: Arc::new(says),
            tls: None,
            heard: Arc::default(),
            mails: Arc::default(),
            connections: Arc::default(),
            stalled: Arc::default(),
        }
    }

    fn well() -> Self {
        Self::saying(|_| None)
    }

    /// One whose EHLO answer has these lines.
    fn offering(lines: &'static [&'static str]) -> Self {
        Self::saying(move |line| line.starts_with("EHLO").then(|| offer(lines)))
    }

    async fn listen(&self) -> u16 {
        self.listen_at("127.0.0.1:0").await
    }

    async fn listen_at(&self, address: &str) -> u16 {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                fake.connections.fetch_add(1, Ordering::SeqCst);
                let fake = fake.clone();
                tokio::spawn(async move {
                    match &fake.tls {
                        Some((acceptor, true)) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                fake.talk(BufReader::new(stream), true).await;
                            }
                        }
                        Some((acceptor, false)) => {
                            let Some(stream) = fake.talk(BufReader::new(stream), true).await else { return };
                            if let Ok(stream) = acceptor.accept(stream.into_inner()).await {
                                fake.talk(BufReader::new(stream), false).await;
                            }
                        }
                        None => drop(fake.talk(BufReader::new(stream), true).await),
                    }
                });
            }
        });
        port
    }

    /// Until the end, or `STARTTLS`: then the stream.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufReader<S>,
        greets: bool,
    ) -> Option<BufReader<S>> {
        let mut line = if greets { GREETING.to_owned() } else { next(&mut stream).await? };
        loop {
            if line != GREETING {
                self.heard.lock().unwrap().push(line.clone());
            }
            let is_data = line == "DATA";
            let said = (self.says)(&line).unwrap_or_else(|| usual(&line).to_owned());
            match said.as_str() {
                CUTS => return None,
                STALLS => {
                    self.stalled.notify_one();
                    std::future::pending::<()>().await;
                }
                said => stream.write_all(said.as_bytes()).await.ok()?,
            }
            if line == "STARTTLS" && said.starts_with('2') {
                return Some(stream);
            }
            line = if is_data && said.starts_with('3') {
                let mut mail = String::new();
                loop {
                    match next(&mut stream).await? {
                        end if end == "." => break,
                        line => mail.push_str(&format!("{line}\n")),
                    }
                }
                self.mails.lock().unwrap().push(mail);
                MAIL.to_owned()
            } else {
                next(&mut stream).await?
            };
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn next<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

fn usual(line: &str) -> &'static str {
    match line.split(' ').next().unwrap() {
        GREETING => "220 mail.example\r\n",
        "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
        "DATA" => "354 go on\r\n",
        MAIL => "250 2.0.0 Ok: queued as 1\r\n",
        "AUTH" => "235 2.7.0 in\r\n",
        "QUIT" => "221 bye\r\n",
        _ => "250 ok\r\n",
    }
}

fn offer(lines: &[&str]) -> String {
    let (last, others) = lines.split_last().unwrap();
    let others: String = others.iter().map(|line| format!("250-{line}\r\n")).collect();
    format!("250-mail.example\r\n{others}250 {last}\r\n")
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn server(port: u16) -> SmtpServer<'static> {
    SmtpServer {
        host: "127.0.0.1",
        port,
        security: Security::Plain,
        authorities: &[],
        hello: "notes.example.com",
        login: None,
    }
}

fn smtp_of(server: &SmtpServer<'_>) -> SmtpTransport {
    let from = email("no-reply@acme.example");
    SmtpTransport::new(server, &MailSender { name: Some("Acme Notes"), address: &from, reply_to: None }).unwrap()
}

fn with_password(port: u16) -> SmtpTransport {
    smtp_of(&SmtpServer { login: Some(SmtpSignIn::Password("user", "hunter2")), ..server(port) })
}

fn mail() -> Rendered {
    Rendered { subject: "Hello".into(), text: "Hello\n.\n..\nend\n".into(), html: "<p>Hello".into() }
}

fn stamp() -> Stamp {
    Stamp { id: Uuid::from_u128(7), at: Timestamp::from_unix(1_795_305_480) }
}

async fn sends(smtp: &SmtpTransport, to: &str) -> Result<(), MailError> {
    smtp.send(&email(to), &mail(), stamp()).await
}

fn shown(error: &MailError) -> String {
    format!("{error} {error:?} {}", error.source)
}

#[tokio::test]
async fn a_mail_has_a_name_of_our_own_domain_its_time_and_where_answers_go() {
    let fake = Fake::well();
    let (from, help) = (email("no-reply@acme.example"), email("help@acme.example"));
    let sender = MailSender { name: Some("Acme Notes"), address: &from, reply_to: Some((Some("Help"), &help)) };
    let smtp = SmtpTransport::new(&server(fake.listen().await), &sender).unwrap();
    assert_eq!(smtp.try_out(&email("maria@example.com"), &mail(), stamp()).await.unwrap(), "250 2.0.0 Ok: queued as 1");
    let [mail] = &fake.mails()[..] else { panic!("{:?}", fake.mails()) };
    for line in [
        "Message-ID: <00000000000000000000000000000007@acme.example>",
        "Date: Sat, 21 Nov 2026 23:58:00 +0000",
        "From: \"Acme Notes\" <no-reply@acme.example>",
        "Reply-To: Help <help@acme.example>",
        "To: maria@example.com",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(mail.lines().any(|found| found == line), "{line} is not in\n{mail}");
    }
    // The dots of the text arrived doubled, and ended nothing.
    assert!(mail.contains("\n..\n") && mail.contains("\n...\n") && mail.contains("end"), "{mail}");
    assert_eq!(
        fake.heard()[..4],
        ["EHLO notes.example.com", "MAIL FROM:<no-reply@acme.example>", "RCPT TO:<maria@example.com>", "DATA"]
    );
}

#[tokio::test]
async fn a_server_that_knows_no_ehlo_is_said_helo_to() {
    for refusal in ["500 5.5.1 what?\r\n", "502 no\r\n"] {
        let fake = Fake::saying(move |line| line.starts_with("EHLO").then(|| refusal.to_owned()));
        sends(&smtp_of(&server(fake.listen().await)), "maria@example.com").await.unwrap();
        assert_eq!(fake.heard()[..2], ["EHLO notes.example.com", "HELO notes.example.com"]);
    }
}

#[tokio::test]
async fn a_server_that_refuses_the_name_is_understood() {
    let strict = |line: &str| {
        let (verb, name) = line.split_once(' ')?;
        let is_full = name.contains('.') || name.starts_with('[');
        (matches!(verb, "EHLO" | "HELO") && !is_full).then(|| "504 5.5.2 need fully-qualified hostname\r\n".to_owned())
    };
    let fake = Fake::saying(strict);
    let port = fake.listen().await;
    let not_taken = smtp_of(&SmtpServer { hello: "notes", ..server(port) }).greet().await.unwrap_err();
    assert_eq!(not_taken.said, "504 5.5.2 need fully-qualified hostname");
    assert!(not_taken.means.unwrap().contains("email.hello"), "{not_taken:?}");
    for hello in ["notes.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
        smtp_of(&SmtpServer { hello, ..server(port) }).greet().await.unwrap();
    }
}

#[tokio::test]
async fn only_login_in_the_old_spelling_is_a_way_in() {
    for lines in [&["AUTH=LOGIN", "SIZE 1"][..], &["auth login"], &["AUTH=LOGIN DIGEST-MD5", "AUTH DIGEST-MD5"]] {
        // The wording of the questions is the server's own.
        let fake = Fake::saying(move |line| match line {
            line if line.starts_with("EHLO") => Some(offer(lines)),
            "AUTH LOGIN" => Some("334 VXNlcm5hbWU6\r\n".to_owned()),
            "dXNlcg==" => Some("334 UGFzc3dvcnQ6\r\n".to_owned()),
            "aHVudGVyMg==" => Some("235 in\r\n".to_owned()),
            line if line.starts_with("AUTH") => Some("535 no\r\n".to_owned()),
            _ => None,
        });
        with_password(fake.listen().await).greet().await.unwrap();
        assert_eq!(fake.heard()[1..4], ["AUTH LOGIN", "dXNlcg==", "aHVudGVyMg=="]);
    }
}

#[tokio::test]
async fn a_way_in_that_is_offered_and_not_known_leads_to_the_other() {
    let fake = Fake::saying(|line| match line {
        line if line.starts_with("EHLO") => Some(offer(&["AUTH PLAIN LOGIN"])),
        line if line.starts_with("AUTH PLAIN") => Some("504 5.5.4 what?\r\n".to_owned()),
        "AUTH LOGIN" | "dXNlcg==" => Some("334 x\r\n".to_owned()),
        "aHVudGVyMg==" => Some("235 in\r\n".to_owned()),
        _ => None,
    });
    with_password(fake.listen().await).greet().await.unwrap();
    // One that asks for what it was told.
    let fake = Fake::saying(|line| match line {
        line if line.starts_with("EHLO") => Some(offer(&["AUTH PLAIN"])),
        line if line.starts_with("AUTH PLAIN") => Some("334 \r\n".to_owned()),
        line if line == STANDARD.encode("\0user\0hunter2") => Some("235 in\r\n".to_owned()),
        _ => None,
    });
    with_password(fake.listen().await).greet().await.unwrap();
}

#[tokio::test]
async fn a_server_that_offers_no_way_in_is_told_no_password() {
    for (lines, said, means) in [
        (&["AUTH CRAM-MD5 GSSAPI"][..], "only CRAM-MD5, GSSAPI", "PLAIN or LOGIN"),
        (&["AUTH XOAUTH2"], "only XOAUTH2", "set email.oauth"),
        (&["SIZE 1"], "no way to sign in over this connection", "587"),
    ] {
        let fake = Fake::saying(move |line| line.starts_with("EHLO").then(|| offer(lines)));
        let not_taken = with_password(fake.listen().await).greet().await.unwrap_err();
        assert!(not_taken.said.contains(said) && not_taken.means.unwrap().contains(means), "{not_taken:?}");
        assert!(!fake.heard().iter().any(|line| line.starts_with("AUTH")), "{:?}", fake.heard());
    }
}

#[tokio::test]
async fn an_answer_to_a_sign_in_that_is_no_yes_is_a_failure() {
    for answer in ["250 ok\r\n", "334 \r\n", "354 go on\r\n"] {
        let fake = Fake::saying(move |line| match line {
            line if line.starts_with("EHLO") => Some(offer(&["AUTH PLAIN"])),
            "QUIT" => None,
            line if line.starts_with("MAIL") => panic!("let in by {answer}"),
            _ if line.starts_with("AUTH") || line.starts_with("AHVz") => Some(answer.to_owned()),
            _ => None,
        });
        assert!(sends(&with_password(fake.listen().await), "maria@example.com").await.is_err(), "{answer}");
        assert!(!fake.heard().iter().any(|line| line.starts_with("MAIL")));
    }
}

/// One that wants a password, and repeats the line that it refuses.
fn repeating() -> Fake {
    Fake::saying(|line| match line {
        GREETING => None,
        line if line.starts_with("EHLO") => Some(offer(&["AUTH PLAIN"])),
        line => Some(format!("535 5.7.8 bad: {line}, hunter2 aHVudGVyMg==\r\n")),
    })
}

#[tokio::test]
async fn a_password_that_a_mail_server_repeats_is_shown_in_no_form() {
    let smtp = with_password(repeating().listen().await);
    let hidden = "535 5.7.8 bad: AUTH PLAIN …, … …";
    assert_eq!(smtp.try_out(&email("maria@example.com"), &mail(), stamp()).await.unwrap_err().said, hidden);
    assert_eq!(smtp.greet().await.unwrap_err().said, hidden);
    let shown = format!("{} {smtp:?}", shown(&sends(&smtp, "maria@example.com").await.unwrap_err()));
    assert!(!shown.contains("hunter2\"") && !shown.contains("aHVudGVyMg"), "{shown}");
    assert!(shown.contains("answered 535 5.7.8 to AUTH"), "{shown}");
}

#[tokio::test]
async fn what_a_mail_server_says_of_an_address_stays_out_of_what_is_logged() {
    for (refusal, is_logged) in [
        ("550 5.1.1 <maria@example.com>: no such user\r\n", "550 5.1.1 to RCPT TO"),
        ("451 4.2.1 <maria@example.com>: greylisted\r\n", "451 4.2.1 to RCPT TO"),
        ("550-maria@example.com\r\n550 is nobody\r\n", "550 to RCPT TO"),
        ("maria@example.com is nobody I know\r\n", "cannot be read"),
    ] {
        let fake = Fake::saying(move |line| line.starts_with("RCPT").then(|| refusal.to_owned()));
        let error = sends(&smtp_of(&server(fake.listen().await)), "maria@example.com").await.unwrap_err();
        let logged = format!("{error} {}", error.source);
        assert!(!logged.contains("maria") && logged.contains(is_logged), "{logged}");
    }
}

#[tokio::test]
async fn a_server_that_puts_strangers_off_gets_the_same_mail_again() {
    let tries = AtomicUsize::new(0);
    let fake = Fake::saying(move |line| {
        let is_first = line.starts_with("RCPT") && tries.fetch_add(1, Ordering::SeqCst) == 0;
        is_first.then(|| "451 4.7.1 Greylisted, try again in 300 seconds\r\n".to_owned())
    });
    let smtp = smtp_of(&server(fake.listen().await));
    let error = sends(&smtp, "maria@example.com").await.unwrap_err();
    assert!(!error.is_final, "{error:?}");
    sends(&smtp, "maria@example.com").await.unwrap();
    assert_eq!(fake.mails().len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_cut_after_the_mail_may_have_delivered_it_and_the_name_stays() {
    let tries = AtomicUsize::new(0);
    let fake =
        Fake::saying(move |line| (line == MAIL && tries.fetch_add(1, Ordering::SeqCst) == 0).then(|| CUTS.to_owned()));
    let smtp = smtp_of(&server(fake.listen().await));
    let error = sends(&smtp, "maria@example.com").await.unwrap_err();
    assert!(!error.is_final && error.source.to_string().contains("may have taken the letter"), "{error:?}");
    sends(&smtp, "maria@example.com").await.unwrap();
    let name = |mail: &String| mail.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
    let mails = fake.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(name(&mails[0]), name(&mails[1]));
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_wherever_it_does() {
    for at in [GREETING, "EHLO", "MAIL", "RCPT", "DATA", MAIL] {
        let fake = Fake::saying(move |line| line.starts_with(at).then(|| STALLS.to_owned()));
        let smtp = smtp_of(&server(fake.listen().await));
        let sending = tokio::spawn(async move { sends(&smtp, "maria@example.com").await });
        fake.stalled.notified().await;
        // From here on nothing but time can pass.
        tokio::time::pause();
        let error = sending.await.unwrap().unwrap_err();
        assert!(!error.is_final && error.source.to_string().contains("takes too long"), "{at}: {error:?}");
        assert_eq!(error.source.to_string().contains("may have taken"), at == MAIL, "{at}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_server_that_stalls_in_tls_is_said_to() {
    // It accepts the connection, and waits for nothing.
    let fake = Fake::saying(|line| (line == GREETING).then(|| STALLS.to_owned()));
    let smtp = smtp_of(&SmtpServer { security: Security::Tls, ..server(fake.listen().await) });
    let greeting = tokio::spawn(async move { smtp.greet().await });
    fake.stalled.notified().await;
    tokio::time::pause();
    let not_taken = greeting.await.unwrap().unwrap_err();
    assert_eq!(not_taken.said, "the mail server takes too long over the TLS handshake");
}

#[tokio::test]
async fn what_is_no_end_of_an_answer_is_not_read_to_it() {
    let long = "x".repeat(100_000);
    for flood in [format!("250-{long}\r\n250 ok\r\n"), "250-more\r\n".repeat(1000), "250-a\r\n251 b\r\n".to_owned()] {
        let fake = Fake::saying(move |line| line.starts_with("RCPT").then(|| flood.clone()));
        let error = sends(&smtp_of(&server(fake.listen().await)), "maria@example.com").await.unwrap_err();
        assert!(error.source.to_string().contains("cannot be read"), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_has_no_place_in_its_step_is_no_yes() {
    for (at, answer, step) in [
        (GREETING, "354 go on\r\n", "its greeting"),
        ("EHLO", "354 go on\r\n", "EHLO"),
        ("MAIL", "354 go on\r\n", "MAIL FROM"),
        ("RCPT", "334 \r\n", "RCPT TO"),
        ("DATA", "250 ok\r\n", "DATA"),
        ("DATA", "334 \r\n", "DATA"),
        (MAIL, "354 go on\r\n", "the letter itself"),
        (MAIL, "334 \r\n", "the letter itself"),
    ] {
        let fake = Fake::saying(move |line| line.starts_with(at).then(|| answer.to_owned()));
        let error = sends(&smtp_of(&server(fake.listen().await)), "maria@example.com").await.unwrap_err();
        let said = error.source.to_string();
        assert!(!error.is_final && said.contains(&format!("to {step} cannot be read")), "{at} {answer}: {said}");
        assert_eq!(said.contains("may have taken"), at == MAIL, "{at} {answer}: {said}");
        assert_eq!(fake.mails().len(), usize::from(at == MAIL), "{at} {answer}");
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_told_from_one_that_may_be_mended() {
    for (at, refusal, is_final) in [
        ("RCPT", "550 5.1.1 no such user\r\n", true),
        ("RCPT", "550 no such user\r\n", true),
        ("RCPT", "552 5.2.2 mailbox full\r\n", true),
        (MAIL, "554 5.6.0 not like this\r\n", true),
        ("RCPT", "450 4.1.1 later\r\n", false),
        ("RCPT", "554 5.7.1 Relay access denied\r\n", false),
        ("RCPT", "550 relay not permitted\r\n", false),
        ("RCPT", "530 authentication required\r\n", false),
        (MAIL, "550 5.7.26 no DMARC\r\n", false),
        ("MAIL", "550 5.1.8 sender unknown\r\n", false),
        ("EHLO", "550 go away\r\n", false),
    ] {
        let refuses = move |line: &str| {
            let is_hello = at == "EHLO" && line.starts_with("HELO");
            (line.starts_with(at) || is_hello).then(|| refusal.to_owned())
        };
        let error =
            sends(&smtp_of(&server(Fake::saying(refuses).listen().await)), "maria@example.com").await.unwrap_err();
        assert_eq!(error.is_final, is_final, "{at} {refusal}");
    }
}

#[tokio::test]
async fn a_connection_is_used_for_the_next_mail_unless_the_server_has_hung_up() {
    let fake = Fake::well();
    let smtp = smtp_of(&server(fake.listen().await));
    for _ in 0..3 {
        sends(&smtp, "maria@example.com").await.unwrap();
    }
    assert_eq!(fake.connections(), 1);
    let fake = Fake::saying(|line| (line == "RSET").then(|| CUTS.to_owned()));
    let smtp = smtp_of(&server(fake.listen().await));
    for _ in 0..3 {
        sends(&smtp, "maria@example.com").await.unwrap();
    }
    assert_eq!((fake.connections(), fake.mails().len()), (3, 3));
}

#[tokio::test]
async fn letters_outside_ascii_go_out_where_the_server_knows_them() {
    let fake = Fake::well();
    let smtp = smtp_of(&server(fake.listen().await));
    let joerg = email("jörg@Bücher.example");
    assert!(smtp.writes_to(&joerg).await);
    sends(&smtp, "jörg@Bücher.example").await.unwrap();
    let heard = fake.heard();
    assert!(heard.contains(&"RCPT TO:<jörg@xn--bcher-kva.example>".to_owned()), "{heard:?}");
    assert!(heard.contains(&"MAIL FROM:<no-reply@acme.example> BODY=8BITMIME SMTPUTF8".to_owned()), "{heard:?}");
    assert!(fake.mails()[0].contains("To: jörg@xn--bcher-kva.example"), "{}", fake.mails()[0]);

    let old = Fake::offering(&["8BITMIME"]);
    let smtp = smtp_of(&server(old.listen().await));
    assert!(smtp.writes_to(&email("maria@example.com")).await);
    assert_eq!(old.connections(), 0, "whom every server writes to is not asked about");
    assert!(!smtp.writes_to(&joerg).await && !smtp.writes_to(&joerg).await);
    assert_eq!(old.connections(), 1, "it is asked once");
    let error = sends(&smtp, "jörg@bücher.example").await.unwrap_err();
    assert!(!error.is_final && error.source.to_string().contains("SMTPUTF8"), "{error:?}");
    assert!(!old.heard().iter().any(|line| line.starts_with("MAIL")));
    // Where no server can be asked, no visitor is sent away: this port is taken, and nothing listens there.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refusing = silent.local_addr().unwrap().port();
    assert!(smtp_of(&server(refusing)).writes_to(&joerg).await);
}

#[tokio::test]
async fn one_asks_for_all_whether_letters_outside_ascii_can_be_written_to() {
    let joerg = email("jörg@example.com");
    // One that answers.
    let old = Fake::offering(&["8BITMIME"]);
    let smtp = smtp_of(&server(old.listen().await));
    assert!(join_all((0..20).map(|_| smtp.writes_to(&joerg))).await.iter().all(|writes| !writes));
    assert_eq!(old.connections(), 1);
    // One that does not, however many want to know it, and for a minute.
    let silent = Fake::saying(|line| (line == GREETING).then(|| STALLS.to_owned()));
    let smtp = Arc::new(smtp_of(&server(silent.listen().await)));
    for asked in 1..3 {
        let (all, joerg) = (Arc::clone(&smtp), joerg.clone());
        let asking = tokio::spawn(async move { join_all((0..20).map(|_| all.writes_to(&joerg))).await });
        silent.stalled.notified().await;
        // From here on nothing but time can pass.
        tokio::time::pause();
        assert!(asking.await.unwrap().iter().all(|writes| *writes));
        assert!(smtp.writes_to(&email("jürgen@example.com")).await);
        assert_eq!(silent.connections(), asked);
        tokio::time::advance(Duration::from_secs(60)).await;
        tokio::time::resume();
    }
}

/// An authority of one's own, in DER form, and what proves a server to be one of `names`.
fn authority(names: &[&str]) -> (Box<[u8]>, TlsAcceptor) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], private)
        .unwrap();
    (Box::from(issuer.der().as_ref()), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn a_server_of_ones_own_authority_is_believed_and_no_other() {
    let (own, acceptor) = authority(&["localhost", "127.0.0.1"]);
    let (foreign, _) = authority(&["localhost"]);
    for (security, at_once) in [(Security::Tls, true), (Security::StartTls, false)] {
        let says = move |line: &str| {
            let offers = if at_once { &["AUTH PLAIN"][..] } else { &["AUTH PLAIN", "STARTTLS"] };
            line.starts_with("EHLO").then(|| offer(offers))
        };
        let fake = Fake { tls: Some((acceptor.clone(), at_once)), ..Fake::saying(says) };
        let port = fake.listen().await;
        let reach = async |host, authorities: &[Box<[u8]>]| {
            let login = Some(SmtpSignIn::Password("user", "hunter2"));
            smtp_of(&SmtpServer { host, security, authorities, login, ..server(port) }).greet().await
        };
        for host in ["localhost", "127.0.0.1"] {
            reach(host, std::slice::from_ref(&own)).await.unwrap();
        }
        fake.heard.lock().unwrap().clear();
        for authorities in [&[][..], std::slice::from_ref(&foreign)] {
            let not_taken = reach("localhost", authorities).await.unwrap_err();
            assert!(not_taken.means.unwrap().contains("smtp_ca_file"), "{not_taken:?}");
        }
        assert!(!fake.heard().iter().any(|line| line.starts_with("AUTH")), "{:?}", fake.heard());
    }
}

#[tokio::test]
async fn nothing_is_said_without_the_tls_that_is_wanted() {
    let fake = Fake::offering(&["AUTH PLAIN"]);
    let starting = |port| {
        let login = Some(SmtpSignIn::Password("user", "hunter2"));
        smtp_of(&SmtpServer { security: Security::StartTls, login, ..server(port) })
    };
    let not_taken = starting(fake.listen().await).greet().await.unwrap_err();
    assert!(not_taken.said.contains("no STARTTLS"), "{not_taken:?}");
    assert_eq!(fake.heard(), ["EHLO notes.example.com"]);
    // What an attacker on the way says before TLS is not taken for the server's.
    let fake = Fake::saying(|line| match line {
        line if line.starts_with("EHLO") => Some(offer(&["STARTTLS"])),
        "STARTTLS" => Some("220 go\r\n250-mail.example\r\n250 AUTH PLAIN\r\n".to_owned()),
        _ => None,
    });
    let fake = Fake { tls: Some((authority(&["localhost"]).1, false)), ..fake };
    let not_taken = starting(fake.listen().await).greet().await.unwrap_err();
    assert!(not_taken.said.contains("cannot be read"), "{not_taken:?}");
}

#[tokio::test]
async fn a_server_is_found_at_an_address_of_either_kind() {
    let (own, acceptor) = authority(&["::1"]);
    let plain = Fake::well();
    let port = plain.listen_at("[::1]:0").await;
    sends(&smtp_of(&SmtpServer { host: "[::1]", ..server(port) }), "maria@example.com").await.unwrap();
    let protected = Fake { tls: Some((acceptor, true)), ..Fake::well() };
    let port = protected.listen_at("[::1]:0").await;
    let authorities = &[own];
    let server = SmtpServer { host: "[::1]", security: Security::Tls, authorities, ..server(port) };
    sends(&smtp_of(&server), "maria@example.com").await.unwrap();
}

/// Gives what `answer` says, and counts; the questions are kept.
async fn token_server(answer: impl Fn(usize) -> String + Send + 'static) -> (Url, Arc<Mutex<Vec<String>>>) {
    protected_token_server(None, answer).await
}

async fn protected_token_server(
    tls: Option<TlsAcceptor>,
    answer: impl Fn(usize) -> String + Send + 'static,
) -> (Url, Arc<Mutex<Vec<String>>>) {
    trait TestStream: AsyncRead + AsyncWrite + Unpin + Send {}
    impl<S: AsyncRead + AsyncWrite + Unpin + Send> TestStream for S {}

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}/tenant/token?v=2", listener.local_addr().unwrap()).parse().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream: Box<dyn TestStream> = match &tls {
                None => Box::new(stream),
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => continue,
                },
            };
            let mut question = Vec::new();
            let ends = |question: &[u8]| {
                let text = String::from_utf8_lossy(question).into_owned();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
                (body.len() >= length).then_some(text)
            };
            let question = loop {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).await.unwrap();
                question.extend_from_slice(&part[..read]);
                if let Some(text) = ends(&question) {
                    break text;
                }
            };
            let count = {
                let mut kept = kept.lock().unwrap();
                kept.push(question);
                kept.len()
            };
            let _ = stream.write_all(answer(count).as_bytes()).await;
            let _ = stream.flush().await;
        }
    });
    (url, asked)
}

fn json(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn with_tokens(port: u16, url: &Url) -> SmtpTransport {
    let client = OauthClient {
        token_url: url,
        id: "client 1",
        secret: "s3cret&=",
        scope: Some("https://outlook.example/.default"),
    };
    smtp_of(&SmtpServer { login: Some(SmtpSignIn::Tokens("no-reply@acme.example", client)), ..server(port) })
}

fn bearer(token: &str) -> String {
    format!("AUTH XOAUTH2 {}", STANDARD.encode(format!("user=no-reply@acme.example\x01auth=Bearer {token}\x01\x01")))
}

/// A server that takes access tokens alone, and of those one.
fn taking(token: &'static str) -> Fake {
    Fake::saying(move |line| match line {
        line if line.starts_with("EHLO") => Some(offer(&["AUTH XOAUTH2"])),
        line if line == bearer(token) => Some("235 2.7.0 in\r\n".to_owned()),
        line if line.starts_with("AUTH") => Some("334 eyJzdGF0dXMiOiI0MDAifQ==\r\n".to_owned()),
        "" => Some("535 5.7.3 Authentication unsuccessful\r\n".to_owned()),
        _ => None,
    })
}

#[tokio::test]
async fn an_access_token_is_asked_for_once_and_lets_the_gateway_in() {
    let fake = taking("abc.1");
    let answer = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"abc.1"}"#;
    let (url, asked) = token_server(|_| json(200, answer)).await;
    let smtp = with_tokens(fake.listen().await, &url);
    smtp.greet().await.unwrap();
    sends(&smtp, "maria@example.com").await.unwrap();
    let asked = asked.lock().unwrap();
    let [question] = &asked[..] else { panic!("{asked:?}") };
    assert!(question.starts_with("POST /tenant/token?v=2 HTTP/1.1\r\n"), "{question}");
    assert!(
        question.ends_with(
            "\r\n\r\ngrant_type=client_credentials&client_id=client+1&client_secret=s3cret%26%3D&scope=https%3A%2F%2Foutlook.example%2F.default"
        ),
        "{question}"
    );
}

#[tokio::test]
async fn an_authority_of_ones_own_vouches_for_the_mail_server_and_for_no_token_server() {
    let (own, acceptor) = authority(&["127.0.0.1"]);
    let fake = Fake { tls: Some((acceptor.clone(), true)), ..taking("abc.1") };
    let (url, asked) = protected_token_server(Some(acceptor), |_| json(200, r#"{"access_token":"abc.1"}"#)).await;
    let client = || OauthClient { token_url: &url, id: "client 1", secret: "s3cret&=", scope: None };
    let authorities = std::slice::from_ref(&own);
    let login = Some(SmtpSignIn::Tokens("no-reply@acme.example", client()));
    let smtp = smtp_of(&SmtpServer { security: Security::Tls, authorities, login, ..server(fake.listen().await) });
    let not_taken = smtp.greet().await.unwrap_err();
    assert!(not_taken.said.contains("token_url does not answer"), "{not_taken:?}");
    assert!(asked.lock().unwrap().is_empty(), "the secret was told");
    // Nothing else is wrong with it.
    let tokens = OauthTokens::new(&client(), trust::client(authorities).unwrap());
    assert_eq!(tokens.get().await.unwrap().as_str(), "abc.1");
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_anew_once() {
    let fake = taking("abc.2");
    let (url, asked) =
        token_server(|count| json(200, &format!(r#"{{"access_token":"abc.{count}","expires_in":"3599"}}"#))).await;
    let smtp = with_tokens(fake.listen().await, &url);
    smtp.greet().await.unwrap();
    smtp.greet().await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 2);

    let fake = taking("another");
    let (url, asked) = token_server(|count| json(200, &format!(r#"{{"access_token":"abc.{count}"}}"#))).await;
    let not_taken = with_tokens(fake.listen().await, &url).greet().await.unwrap_err();
    assert_eq!(not_taken.said, "535 5.7.3 Authentication unsuccessful");
    assert!(not_taken.means.unwrap().contains("access token"), "{not_taken:?}");
    assert_eq!(asked.lock().unwrap().len(), 2, "and not again and again");
}

#[tokio::test]
async fn a_token_is_not_used_past_its_end() {
    let fake = taking("abc.1");
    let (url, asked) = token_server(|_| json(200, r#"{"access_token":"abc.1","expires_in":0}"#)).await;
    let smtp = with_tokens(fake.listen().await, &url);
    smtp.greet().await.unwrap();
    smtp.greet().await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_gives_no_token_is_said_without_a_secret() {
    for (answer, said) in [
        (
            json(401, r#"{"error":"invalid_client","error_description":"s3cret&= is wrong"}"#),
            "answered 401 (invalid_client)",
        ),
        (json(400, r#"{"error":"s3cret&="}"#), "answered 400"),
        (json(400, "no"), "answered 400"),
        (json(200, r#"{"access_token":""}"#), "no access token"),
        (json(200, r#"{"access_token":"a\r\nQUIT"}"#), "no access token"),
        (json(200, r#"{"access_token":"a","token_type":"mac"}"#), "no access token"),
        (json(200, "<html>"), "no access token"),
        (json(200, &"x".repeat(100_000)), "no access token"),
        ("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned(), "answered 302"),
        ("SSH-2.0-x\r\n".to_owned(), "does not answer"),
    ] {
        let fake = taking("abc");
        let (url, asked) = token_server(move |_| answer.clone()).await;
        let smtp = with_tokens(fake.listen().await, &url);
        let not_taken = smtp.greet().await.unwrap_err();
        assert!(not_taken.said.contains(said), "{not_taken:?}");
        let error = sends(&smtp, "maria@example.com").await.unwrap_err();
        let all = format!("{not_taken:?} {} {smtp:?}", shown(&error));
        assert!(!all.contains("s3cret") && !error.is_final, "{all}");
        assert_eq!((fake.connections(), asked.lock().unwrap().len()), (0, 2), "no mail server hears of that");
    }
}

#[tokio::test]
async fn a_token_that_a_mail_server_repeats_is_not_shown() {
    let fake = Fake::saying(|line| match line {
        GREETING => None,
        line if line.starts_with("EHLO") => Some(offer(&["AUTH XOAUTH2"])),
        line => Some(format!("535 bad: {line} t0ken.{}\r\n", "1")),
    });
    let (url, _) = token_server(|_| json(200, r#"{"access_token":"t0ken.1"}"#)).await;
    let not_taken = with_tokens(fake.listen().await, &url).greet().await.unwrap_err();
    assert_eq!(not_taken.said, "535 bad: AUTH XOAUTH2 … …");
}
