//! People with passkeys, who use a gateway over HTTP as their browsers would. Every command prints one JSON value.

#[expect(dead_code, reason = "the tests' authenticator can also cheat, which is not used here")]
#[path = "../../../tests/flows/authenticator.rs"]
mod authenticator;
mod browser;
mod people;
mod storm;
mod touch;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use browser::{Browser, Connection};
use people::People;

/// Uses a gateway as browsers would.
#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Registers one person, with the code from the gateway's printed mail, and writes down their passkey.
    Register {
        #[command(flatten)]
        gateway: Gateway,
        /// What the gateway printed so far.
        #[arg(long)]
        mails: PathBuf,
        /// Where the passkey is written down.
        #[arg(long)]
        people: PathBuf,
    },
    /// Signs in `count` times, one after the other, and prints the sessions' secrets.
    SignIn {
        #[command(flatten)]
        gateway: Gateway,
        /// Where the passkeys are written down.
        #[arg(long)]
        people: PathBuf,
        /// How often.
        #[arg(long, default_value_t = 1)]
        count: usize,
    },
    /// Signs in from many browsers at once and prints how many did and how long it took them.
    Storm {
        #[command(flatten)]
        gateway: Gateway,
        /// Where the passkeys are written down.
        #[arg(long)]
        people: PathBuf,
        /// For how long, in seconds.
        #[arg(long)]
        seconds: f64,
        /// From how many browsers.
        #[arg(long, default_value_t = 64)]
        browsers: usize,
        /// How many begin in a second, in all; without it, each browser begins again as soon as it has ended.
        #[arg(long)]
        rate: Option<f64>,
    },
    /// Sends one request for each session of a file, from several connections at once.
    Touch {
        /// Where to.
        #[arg(long)]
        address: SocketAddr,
        /// As for `requests`; a `Cookie` line is added.
        #[arg(long)]
        head: String,
        /// The sessions' secrets, one a line.
        #[arg(long)]
        secrets: PathBuf,
        /// Over how many connections.
        #[arg(long, default_value_t = 32)]
        connections: usize,
        /// After how many seconds it stops.
        #[arg(long)]
        seconds: f64,
    },
    /// Sends exactly `count` requests over kept connections, in turn. Each must be answered with `status`.
    Requests {
        /// Where to.
        #[arg(long)]
        address: SocketAddr,
        /// The whole head but for its last empty line, with `\n` between the lines.
        #[arg(long)]
        head: String,
        /// How many.
        #[arg(long)]
        count: usize,
        /// Over how many connections.
        #[arg(long, default_value_t = 8)]
        connections: usize,
        /// What is expected.
        #[arg(long, default_value_t = 200)]
        status: u16,
    },
}

/// Which gateway.
#[derive(Args, Clone)]
pub struct Gateway {
    /// Where it listens.
    #[arg(long)]
    pub address: SocketAddr,
    /// The origin of its `public_url`.
    #[arg(long)]
    pub origin: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let printed = match Command::parse().what {
        What::Register { gateway, mails, people } => {
            let mut someone = Browser::open(&gateway, 0).await?;
            let written = People::register(&mut someone, &mails).await?;
            written.write(&people)?;
            json!({ "session": someone.session() })
        }
        What::SignIn { gateway, people, count } => {
            let people = People::read(&people)?;
            let mut sessions = Vec::with_capacity(count);
            let mut browser = Browser::open(&gateway, 0).await?;
            for number in 0..count {
                browser.is_at(u32::try_from(number)?);
                let refused = browser.sign_in(&mut people.passkey(number, &gateway.origin)).await?;
                anyhow::ensure!(refused.is_none(), "a sign-in was answered with {refused:?}");
                sessions.push(browser.session().to_owned());
            }
            json!({ "sessions": sessions })
        }
        What::Storm { gateway, people, seconds, browsers, rate } => {
            serde_json::to_value(storm::storm(&gateway, &People::read(&people)?, seconds, browsers, rate).await?)?
        }
        What::Touch { address, head, secrets, connections, seconds } => {
            let head = head.replace('\n', "\r\n");
            let secrets = fs::read_to_string(secrets)?;
            let requests = secrets.lines().map(|secret| format!("{head}\r\nCookie: bmauth={secret}\r\n\r\n"));
            json!({ "requests": touch::each(address, requests, connections, seconds).await? })
        }
        What::Requests { address, head, count, connections, status } => {
            let request = format!("{}\r\n\r\n", head.replace('\n', "\r\n"));
            let mut open = Vec::with_capacity(connections);
            for _ in 0..connections {
                open.push(Connection::open(address).await?);
            }
            for number in 0..count {
                let answer = open[number % connections].send(request.as_bytes()).await?;
                anyhow::ensure!(answer.status == status, "request {number} was answered with {}", answer.status);
            }
            json!({ "requests": count })
        }
    };
    println!("{printed}");
    Ok(())
}
