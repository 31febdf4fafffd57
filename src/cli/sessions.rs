//! `bmauth sessions`: see who is signed in where, and end it.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;
use uuid::Uuid;

use super::CommandError;
use super::gateway::{AdminClient, escaped};
use super::table::{moment, plain, print, table};
use super::who::who;
use crate::admin::session::AdminSession;
use crate::admin::sessions::{AdminSessions, SessionEnded};
use crate::admin::users::UserChanged;
use crate::store::InForce;

#[derive(Debug, Subcommand)]
pub(super) enum SessionsCommand {
    /// List sessions by the address of their account
    List {
        /// Only sessions of this account: its e-mail address or its id
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
        /// Wait until the end is in force on every gateway of the store
        #[arg(long)]
        wait: bool,
    },
}

/// What was ended, and where that is in force, where it was asked for.
#[derive(Debug, Serialize)]
struct EndedReport<T> {
    #[serde(flatten)]
    ended: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_force: Option<InForce>,
}

impl<T: Serialize> EndedReport<T> {
    /// Says what was ended, after the other gateways were waited for, where that is asked for.
    ///
    /// # Errors
    /// It is not known to be in force everywhere: what was ended is said all the same.
    fn print_result(
        gateway: &AdminClient,
        ended: T,
        wait: bool,
        json: bool,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), CommandError> {
        let waited = wait.then(|| gateway.post::<InForce>("/in-force")).transpose();
        let (in_force, problem) = match waited {
            Ok(in_force) => (in_force, None),
            Err(error) => (None, Some(error.context("whether it is in force at every gateway is not known"))),
        };
        print(json, &Self { ended, in_force: in_force.clone() }, |Self { ended, in_force }| {
            let in_force = in_force.as_ref().map(where_in_force);
            [Some(text(ended)), in_force].into_iter().flatten().collect::<Vec<_>>().join(" ")
        })?;
        match (problem, in_force) {
            (Some(problem), _) => Err(problem.into()),
            (None, Some(InForce { waited_for, .. })) if !waited_for.is_empty() => Err(CommandError::Said),
            (None, Some(_) | None) => Ok(()),
        }
    }
}

/// Where it is in force, for people.
fn where_in_force(in_force: &InForce) -> String {
    let InForce { gateways, waited_for } = in_force;
    let heard = gateways.saturating_sub(waited_for.len());
    if waited_for.is_empty() {
        return format!("It is in force on {heard} of {gateways} gateways.");
    }
    let names = waited_for.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
    format!(
        "It is in force on {heard} of {gateways} gateways. Not known to have heard of it: {names}. One that cannot reach the \
         database takes no session for signed in any more after storage.grace."
    )
}

/// Runs one of the commands.
pub(super) fn run(config: Option<PathBuf>, command: SessionsCommand, json: bool) -> Result<(), CommandError> {
    let gateway = AdminClient::of(config)?;
    match command {
        SessionsCommand::List { user: Some(user) } => {
            let sessions: AdminSessions = gateway.get(&format!("/sessions?user={}", escaped(&user)))?;
            print(json, &sessions, |sessions| list(&sessions.sessions))
        }
        SessionsCommand::List { user: None } => print(json, &all(&gateway)?, |sessions| list(&sessions.sessions)),
        SessionsCommand::End { session: Some(session), wait, .. } => {
            let ended: SessionEnded = gateway.post(&format!("/sessions/{session}/end"))?;
            EndedReport::print_result(&gateway, ended, wait, json, |SessionEnded { session }| {
                format!("{} is signed out of {}.", plain(&session.email), plain(&session.browser))
            })
        }
        SessionsCommand::End { user: Some(user), wait, .. } => {
            let changed: UserChanged = gateway.post(&format!("/users/{}/sessions/end", escaped(&user)))?;
            EndedReport::print_result(&gateway, changed, wait, json, |changed| match changed.sessions_ended {
                0 => format!("{} was not signed in.", plain(&changed.user.email)),
                1 => format!("{} is signed out; 1 session ended.", plain(&changed.user.email)),
                many => format!("{} is signed out everywhere; {many} sessions ended.", plain(&changed.user.email)),
            })
        }
        SessionsCommand::End { session: None, user: None, .. } => {
            Err(CommandError::Usage("Name a session, or an account with --user.".to_owned()))
        }
    }
}

/// Every session, page by page.
fn all(gateway: &AdminClient) -> Result<AdminSessions, CommandError> {
    let mut sessions: AdminSessions = gateway.get("/sessions?limit=500")?;
    while let Some(after) = sessions.next.take() {
        let page: AdminSessions = gateway.get(&format!("/sessions?limit=500&after={}", escaped(&after)))?;
        sessions.sessions.extend(page.sessions);
        sessions.next = page.next;
    }
    Ok(sessions)
}

/// Sessions for people.
pub(super) fn list(sessions: &[AdminSession]) -> String {
    if sessions.is_empty() {
        return "There are no sessions.\n".to_owned();
    }
    let row = |session: &AdminSession| {
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
