//! Talks to the running gateway over its admin socket.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Body as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime;
use tokio::time::timeout;

use super::load;
use super::table::plain;
use crate::admin::answer::Wrong;
use crate::cli::CommandError;
use crate::config::Config;
use crate::wire::keeping;

/// How long one question may take, from connecting to the end of the answer. Looking through all accounts may take a
/// while; nothing else does.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The same where the gateway has much to write first.
const PATIENCE: Duration = Duration::from_secs(12 * 3600);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 20;
/// What is said of an answer without a whole head or body.
const CUT_OFF: &str = "The gateway's answer was cut off. Its log may say why.";

/// The running gateway of a configuration.
pub(super) struct AdminClient {
    socket: PathBuf,
}

impl AdminClient {
    /// The gateway of the configuration of that file; nothing is asked yet.
    pub(super) fn of(config: Option<PathBuf>) -> Result<Self, CommandError> {
        Ok(Self::at(&load(config)?))
    }

    /// The gateway of that configuration; nothing is asked yet.
    pub(super) fn at(config: &Config) -> Self {
        Self { socket: keeping::admin_socket(config) }
    }

    /// Where its admin socket is.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks for something, within a runtime.
    pub(super) async fn get_within<T: DeserializeOwned>(&self, target: &str) -> anyhow::Result<T> {
        let (status, body) = answer(&self.socket, Method::GET, target, TIMEOUT).await?;
        read(status, &body)
    }

    /// Asks within a runtime for something to be done that takes its time.
    pub(super) async fn post_at_length<T: DeserializeOwned>(&self, target: &str) -> anyhow::Result<T> {
        let (status, body) = answer(&self.socket, Method::POST, target, PATIENCE).await?;
        read(status, &body)
    }

    /// Asks for something.
    pub(super) fn get<T: DeserializeOwned>(&self, target: &str) -> anyhow::Result<T> {
        self.ask(Method::GET, target)
    }

    /// Asks for something to be done.
    pub(super) fn post<T: DeserializeOwned>(&self, target: &str) -> anyhow::Result<T> {
        self.ask(Method::POST, target)
    }

    fn ask<T: DeserializeOwned>(&self, method: Method, target: &str) -> anyhow::Result<T> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (status, body) = runtime.block_on(answer(&self.socket, method, target, TIMEOUT))?;
        read(status, &body)
    }
}

/// Asks the gateway that listens at `socket`, and waits for the whole answer.
async fn answer(
    socket: &Path,
    method: Method,
    target: &str,
    patience: Duration,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let broken = || format!("The gateway at {} did not answer", socket.display());
    let request = Request::builder().method(method).uri(target).header(HOST, "bmauth").header(CONNECTION, "close");
    let request = request.body(Empty::<Bytes>::new()).with_context(broken)?;
    let asked = async {
        let stream = UnixStream::connect(socket).await.map_err(|error| unreachable(socket, error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.with_context(broken)?;
        // It ends with the runtime at the latest, which is made for this one question.
        tokio::spawn(connection);
        let (head, body) = match sender.send_request(request).await {
            Ok(answer) => answer.into_parts(),
            Err(error) if error.is_incomplete_message() || error.is_parse() => bail!(CUT_OFF),
            Err(error) => return Err(error).with_context(broken),
        };
        // The gateway says the length of every answer. Without it, half of an answer could not be told from the whole.
        if body.size_hint().exact().is_none() {
            bail!(CUT_OFF);
        }
        let body = Limited::new(body, LONGEST).collect().await.map_err(|_| anyhow!(CUT_OFF))?;
        Ok((head.status, body.to_bytes()))
    };
    timeout(patience, asked).await.with_context(broken)?
}

/// Why there is no connection.
#[expect(clippy::wildcard_enum_match_arm, reason = "a library's errors, most of which are told alike")]
fn unreachable(socket: &Path, error: io::Error) -> anyhow::Error {
    let place = socket.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            anyhow!("The gateway is not running: nothing answers at {place}. Start it with bmauth serve.")
        }
        ErrorKind::PermissionDenied => {
            anyhow!("Only root and the user who runs the gateway may use {place}. Run this command as one of them.")
        }
        _ => anyhow!(error).context(format!("The gateway cannot be reached at {place}")),
    }
}

/// What an answer says: what was asked for, or a sentence why not.
fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> anyhow::Result<T> {
    let text = std::str::from_utf8(body).context("The gateway's answer is not text")?;
    let other_version = "The gateway's answer cannot be read. Start it again with this version of bmauth.";
    if status == StatusCode::OK {
        return serde_json::from_str(text).context(other_version);
    }
    let wrong: Wrong = serde_json::from_str(text).context(other_version)?;
    // The user who runs the gateway need not be the one who reads this on a terminal.
    bail!(plain(&wrong.error))
}

/// A part of a target's path or query, with everything escaped that could end it.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// What a command is told by a gateway that reads one request and answers these bytes, and that request's head.
    fn told(answer: &[u8]) -> (Result<Vec<u32>, String>, String) {
        let folder = tempfile::tempdir().unwrap();
        let gateway = AdminClient { socket: folder.path().join("s.sock") };
        let listener = UnixListener::bind(&gateway.socket).unwrap();
        thread::scope(|scope| {
            let served = scope.spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.extend(byte);
                }
                // A reader that has read enough may be gone.
                let _ = stream.write_all(answer);
                String::from_utf8(head).unwrap()
            });
            let told = gateway.post("/users/a%20b?c=d").map_err(|error| error.to_string());
            (told, served.join().unwrap())
        })
    }

    #[track_caller]
    fn check(answer: &str, expected: Result<Vec<u32>, &str>) {
        match (told(answer.as_bytes()).0, expected) {
            (Ok(told), Ok(expected)) => assert_eq!(told, expected),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (told, expected) => panic!("{told:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn an_answer_is_what_was_asked_for_or_a_sentence() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]", Ok(vec![1, 2]));
        check(
            "HTTP/1.1 404 Not Found\r\nx: y\r\ncontent-length: 23\r\n\r\n{\"error\":\"No account.\"}",
            Err("No account."),
        );
        check(
            "HTTP/1.1 409 Conflict\r\ncontent-length: 25\r\n\r\n{\"error\":\"\\u001b[31mNo.\"}",
            Err("\u{fffd}[31mNo."),
        );
    }

    #[test]
    fn half_an_answer_is_none() {
        for cut in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n[1,2]",
            "HTTP/1.1 200 OK\r\n\r\n[]",
            "SSH-2.0-x\r\n\r\n",
        ] {
            check(cut, Err("cut off"));
        }
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Err("this version"));
        check("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}", Err("this version"));
    }

    #[test]
    fn an_answer_that_is_no_text_is_said_to_be_none() {
        let (told, _) = told(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xff");
        assert!(told.is_err_and(|why| why.contains("not text")));
    }

    #[test]
    fn an_answer_of_any_length_is_not_taken_into_memory() {
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LONGEST + 1).into_bytes();
        answer.resize(answer.len() + LONGEST + 1, b' ');
        assert!(told(&answer).0.is_err_and(|why| why.contains("cut off")));
    }

    #[test]
    fn a_request_is_the_target_as_it_was_written() {
        let (told, head) = told(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
        assert_eq!(told, Ok(Vec::new()));
        assert!(head.starts_with("POST /users/a%20b?c=d HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("host: bmauth\r\n") && head.contains("connection: close\r\n"), "{head}");
    }

    #[test]
    fn a_gateway_that_does_not_run_is_said_to_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let gateway = AdminClient { socket: folder.path().join("s.sock") };
        let why = || gateway.get::<Vec<u32>>("/users").unwrap_err().to_string();
        assert!(why().contains("not running"), "{}", why());
        // Its listener is gone and its file is not: what SIGKILL leaves.
        drop(UnixListener::bind(&gateway.socket).unwrap());
        assert!(why().contains("not running"), "{}", why());
        let refused = unreachable(&gateway.socket, ErrorKind::PermissionDenied.into()).to_string();
        assert!(refused.contains("Only root"), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_says_nothing_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let why = answer(&path, Method::GET, "/users", TIMEOUT).await.unwrap_err().to_string();
        assert!(why.contains("did not answer"), "{why}");
    }

    #[test]
    fn no_address_ends_its_part_of_the_path() {
        assert_eq!(escaped("a/b?c#d%e@example.com"), "a%2Fb%3Fc%23d%25e%40example%2Ecom");
    }
}
