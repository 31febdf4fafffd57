//! `bmauth sessions`: see who is signed in where, and end it.

use std::path::PathBuf;

use clap::Subcommand;
use uuid::Uuid;

use super::Failed;
use super::gateway::{Gateway, escaped};
use super::table::{moment, print, table};
use super::who::who;
use crate::admin::session::Session;
use crate::admin::sessions::{SessionEnded, Sessions};
use crate::admin::users::UserChanged;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List sessions by the address of their account
    List {
        /// Of this account alone: its e-mail address or its id
        #[arg(long, value_parser = who)]
        user: Option<String>,
    },
    /// End a session, or all sessions of an account
    End {
        /// The session, as list shows it, or the `sid` of any token of that browser
        #[arg(required_unless_present = "user", conflicts_with = "user")]
        session: Option<Uuid>,
        /// All sessions of this account: its e-mail address or its id
        #[arg(long, value_parser = who)]
        user: Option<String>,
    },
}

/// Runs one of the commands.
pub(super) fn run(config: Option<PathBuf>, command: Command, json: bool) -> Result<(), Failed> {
    let gateway = Gateway::of(config)?;
    match command {
        Command::List { user: Some(user) } => {
            let sessions: Sessions = gateway.get(&format!("/sessions?user={}", escaped(&user)))?;
            print(json, &sessions, |sessions| list(&sessions.sessions))
        }
        Command::List { user: None } => print(json, &all(&gateway)?, |sessions| list(&sessions.sessions)),
        Command::End { session: Some(session), .. } => {
            let ended: SessionEnded = gateway.post(&format!("/sessions/{session}/end"))?;
            print(json, &ended, |SessionEnded { session }| {
                format!("{} is signed out of {}.", session.email, session.browser)
            })
        }
        Command::End { user: Some(user), .. } => {
            let changed: UserChanged = gateway.post(&format!("/users/{}/sessions/end", escaped(&user)))?;
            print(json, &changed, |changed| match changed.sessions_ended {
                0 => format!("{} was not signed in.", changed.user.email),
                1 => format!("{} is signed out; 1 session ended.", changed.user.email),
                many => format!("{} is signed out everywhere; {many} sessions ended.", changed.user.email),
            })
        }
        Command::End { session: None, user: None } => {
            Err(Failed::Usage("Name a session, or an account with --user.".to_owned()))
        }
    }
}

/// Every session, page by page.
fn all(gateway: &Gateway) -> Result<Sessions, Failed> {
    let mut sessions: Sessions = gateway.get("/sessions?limit=500")?;
    while let Some(after) = sessions.next.take() {
        let page: Sessions = gateway.get(&format!("/sessions?limit=500&after={}", escaped(&after)))?;
        sessions.sessions.extend(page.sessions);
        sessions.next = page.next;
    }
    Ok(sessions)
}

/// Sessions for people.
pub(super) fn list(sessions: &[Session]) -> String {
    if sessions.is_empty() {
        return "Nobody is signed in.\n".to_owned();
    }
    let row = |session: &Session| {
        [
            session.email.clone(),
            session.browser.clone(),
            if session.hosts.is_empty() { "-".to_owned() } else { session.hosts.join(", ") },
            session.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
            moment(&session.created_at),
            moment(&session.last_seen_at),
            session.id.to_string(),
        ]
    };
    table(
        ["EMAIL", "BROWSER", "AT", "FROM", "SINCE", "LAST SEEN", "SESSION"],
        &sessions.iter().map(row).collect::<Vec<_>>(),
    )
}
