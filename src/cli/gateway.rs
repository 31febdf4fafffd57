//! Talks to the running gateway over its admin socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::load;
use crate::admin::answer::Wrong;
use crate::admin::socket;
use crate::cli::Failed;

/// Looking through all accounts may take a while; nothing else does.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// The running gateway of a configuration.
pub struct Gateway {
    socket: PathBuf,
}

impl Gateway {
    /// The gateway of that configuration; nothing is asked yet.
    pub fn of(config: Option<PathBuf>) -> Result<Self, Failed> {
        Ok(Self { socket: socket::beside(&load(config)?.storage.path) })
    }

    /// Asks for something.
    pub fn get<T: DeserializeOwned>(&self, target: &str) -> anyhow::Result<T> {
        self.ask("GET", target)
    }

    /// Asks for something to be done.
    pub fn post<T: DeserializeOwned>(&self, target: &str) -> anyhow::Result<T> {
        self.ask("POST", target)
    }

    fn ask<T: DeserializeOwned>(&self, method: &str, target: &str) -> anyhow::Result<T> {
        let place = self.socket.display();
        let mut stream = UnixStream::connect(&self.socket).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                anyhow!("The gateway is not running: nothing answers at {place}. Start it with bmauth serve.")
            }
            ErrorKind::PermissionDenied => {
                anyhow!("Only root and the user who runs the gateway may use {place}. Run this command as one of them.")
            }
            _ => anyhow!(error).context(format!("The gateway cannot be reached at {place}")),
        })?;
        let broken = || format!("The gateway at {place} did not answer");
        stream.set_read_timeout(Some(TIMEOUT)).with_context(broken)?;
        stream.set_write_timeout(Some(TIMEOUT)).with_context(broken)?;
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: bmauth\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).with_context(broken)?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer).with_context(broken)?;
        read(&answer)
    }
}

/// What follows the head of an answer, whatever it is: what was asked for, or a sentence why not.
fn read<T: DeserializeOwned>(answer: &[u8]) -> anyhow::Result<T> {
    let cut_off = "The gateway's answer was cut off. Its log may say why.";
    let text = std::str::from_utf8(answer).context("The gateway's answer is not text")?;
    let (head, body) = text.split_once("\r\n\r\n").context(cut_off)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|line| line.get(..3));
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    if length != Some(body.len()) {
        bail!(cut_off);
    }
    let other_version = "The gateway's answer cannot be read. Start it again with this version of bmauth.";
    if status == Some("200") {
        return serde_json::from_str(body).context(other_version);
    }
    let wrong: Wrong = serde_json::from_str(body).context(other_version)?;
    bail!(wrong.error)
}

/// A part of a target's path or query, with everything escaped that could end it.
pub fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: Result<Vec<u32>, &str>) {
        let read: Result<Vec<u32>, String> = read(answer.as_bytes()).map_err(|error| error.to_string());
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (read, expected) => panic!("{read:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn an_answer_is_what_was_asked_for_or_a_sentence() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]", Ok(vec![1, 2]));
        check(
            "HTTP/1.1 404 Not Found\r\nx: y\r\ncontent-length: 23\r\n\r\n{\"error\":\"No account.\"}",
            Err("No account."),
        );
    }

    #[test]
    fn half_an_answer_is_none() {
        for cut in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n[1,2]",
            "HTTP/1.1 200 OK\r\n\r\n[]",
        ] {
            check(cut, Err("cut off"));
        }
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Err("this version"));
        check("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}", Err("this version"));
    }

    #[test]
    fn no_address_ends_its_part_of_the_path() {
        assert_eq!(escaped("a/b?c#d%e@example.com"), "a%2Fb%3Fc%23d%25e%40example%2Ecom");
    }
}
