//! The commands. Each prints sentences for people; exit status 0 is well, 1 is failed, 2 is bad usage or configuration.

mod backup;
mod check;
mod demo;
mod doctor;
mod gateway;
mod health;
mod init;
mod keys;
mod migrate;
mod newcomers;
mod restore;
mod serve;
mod sessions;
mod shared_host;
mod store;
mod table;
mod users;
mod who;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config, ConfigErrors, ConfigSource};
use crate::domain::upstream::UpstreamUrl;
use crate::store::StoreError;

/// A reverse proxy that puts passkey sign-in in front of any web app.
#[derive(Debug, Parser)]
#[command(name = "bmauth", version, propagate_version = true)]
struct Arguments {
    /// The configuration file [default: ./bmauth.toml, then /etc/bmauth/bmauth.toml]
    #[arg(short, long, global = true, value_name = "FILE", env = "BMAUTH_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve,
    /// Try it out: a temporary store, a sample app, and mails printed here
    Demo {
        /// The port on localhost
        #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
        /// An app to put it in front of, instead of the sample app
        #[arg(long, value_name = "URL", value_parser = UpstreamUrl::parse)]
        upstream: Option<UpstreamUrl>,
    },
    /// Write a commented bmauth.toml
    Init(Box<init::InitArgs>),
    /// Check the configuration, and whether the store, the mail server and the apps answer
    Check(Box<check::Scope>),
    /// Show and change the accounts of the running gateway
    Users {
        #[command(subcommand)]
        command: users::UsersCommand,
        /// Print JSON, for scripts
        #[arg(long, global = true)]
        json: bool,
    },
    /// Show the sessions of the running gateway, and end them
    Sessions {
        #[command(subcommand)]
        command: sessions::SessionsCommand,
        /// Print JSON, for scripts
        #[arg(long, global = true)]
        json: bool,
    },
    /// Create a key file
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// Bring the tables of the database up to date (storage.url)
    Migrate,
    /// Copy the store between a file and a database
    Store {
        #[command(subcommand)]
        command: store::StoreCommand,
    },
    /// Write a complete copy of the store's file, also while the gateway runs
    Backup {
        /// The file, which must not exist yet. It contains the gateway's keys, and only its owner can read it
        file: PathBuf,
    },
    /// Replace the store's file with a copy; the gateway must not run
    Restore(restore::RestoreArgs),
    /// Ask the running gateway whether it is ready
    Health,
    /// Test a running site from outside, as an unknown client, and report where requests get through
    Doctor(Box<doctor::Patient>),
    /// Print the version
    Version,
    #[command(hide = true)]
    Explain(NotBuilt),
    #[command(hide = true)]
    Invites(NotBuilt),
    #[command(hide = true)]
    Tokens(NotBuilt),
    #[command(hide = true)]
    Events(NotBuilt),
    #[command(hide = true)]
    Reload(NotBuilt),
}

/// A command that is planned: the operator who types it is told what there is meanwhile.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
struct NotBuilt {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<String>,
}

impl NotBuilt {
    fn refuse(command: &str, instead: &str) -> Result<(), CommandError> {
        Err(CommandError::Usage(format!("`bmauth {command}` is not built yet: {instead}.")))
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
enum CommandError {
    /// The configuration is bad: everything that is wrong with it.
    Config(ConfigErrors),
    /// What was typed cannot be meant: a sentence.
    Usage(String),
    /// Something did not work.
    Other(anyhow::Error),
    /// It has been said already.
    Said,
    /// What is wrong with the configuration has been said already.
    SaidOfConfig,
}

impl From<ConfigErrors> for CommandError {
    fn from(errors: ConfigErrors) -> Self {
        Self::Config(errors)
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    let Arguments { config, command } = Arguments::parse();
    let done = match command {
        Command::Serve => serve::run(config),
        Command::Demo { port, upstream } => demo::run(port, upstream),
        Command::Init(wanted) => init::run(*wanted),
        Command::Check(scope) => check::run(config, *scope),
        Command::Users { command, json } => users::run(config, command, json),
        Command::Sessions { command, json } => sessions::run(config, command, json),
        Command::Keys { command } => keys::run(command),
        Command::Migrate => migrate::run(config),
        Command::Store { command } => store::run(config, command),
        Command::Backup { file } => backup::run(config, &file),
        Command::Restore(wanted) => restore::run(config, wanted),
        Command::Health => health::run(config),
        Command::Doctor(patient) => doctor::run(config, *patient),
        Command::Version => {
            println!("bmauth {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Command::Explain(_) => NotBuilt::refuse(
            "explain",
            "which route matches, and what is decided: `bmauth check`, and the log of a request, say part of it until then",
        ),
        Command::Invites(_) => {
            NotBuilt::refuse("invites", "`bmauth users add EMAIL` lets a person register until then")
        }
        Command::Tokens(_) => {
            NotBuilt::refuse("tokens", "programs use access tokens of the API until then (docs/api.md)")
        }
        Command::Events(_) => {
            NotBuilt::refuse("events", "`bmauth users show EMAIL` says what happened lately until then")
        }
        Command::Reload(_) => NotBuilt::refuse(
            "reload",
            "start the gateway again until then; SIGHUP says in the log what a change of the file would need that for",
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Config(errors)) => {
            eprintln!("{errors}");
            ExitCode::from(2)
        }
        Err(CommandError::Usage(why)) => {
            eprintln!("bmauth: {why}");
            ExitCode::from(2)
        }
        Err(CommandError::Other(error)) => {
            eprintln!("bmauth: {}", describe_error(&error));
            ExitCode::FAILURE
        }
        Err(CommandError::Said) => ExitCode::FAILURE,
        Err(CommandError::SaidOfConfig) => ExitCode::from(2),
    }
}

/// An error with its causes, each said once: many errors say their cause themselves.
fn describe_error(error: &anyhow::Error) -> String {
    error
        .chain()
        .skip(1)
        .map(ToString::to_string)
        .fold(error.to_string(), |told, cause| if told.ends_with(&cause) { told } else { format!("{told}: {cause}") })
}

/// Why a store was not opened, copied or put back: its own words, of which most are a refusal and no failure of the
/// store.
fn of_store(StoreError { problem, source }: StoreError) -> anyhow::Error {
    match source {
        Some(source) => anyhow::Error::from_boxed(source).context(problem),
        None => anyhow::Error::msg(problem),
    }
}

fn load(file: Option<PathBuf>) -> Result<Config, ConfigErrors> {
    config::load(ConfigSource::file(file).with_process_environment())
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_planned_command_is_read_whatever_it_is_given_and_no_help_lists_it() {
        let help = <Arguments as clap::CommandFactory>::command().render_help().to_string();
        for typed in ["explain https://a.test --user a@a.test", "events --follow", "reload"] {
            let arguments = Arguments::try_parse_from(["bmauth"].into_iter().chain(typed.split(' '))).unwrap();
            let name = typed.split(' ').next().unwrap();
            assert!(
                format!("{:?}", arguments.command).to_lowercase().starts_with(&format!("{name}(notbuilt")),
                "{typed}"
            );
            assert!(!help.contains(&format!("\n  {name} ")), "{help}");
        }
        let Err(CommandError::Usage(said)) = NotBuilt::refuse("reload", "start it again") else {
            panic!("it is refused")
        };
        assert_eq!(said, "`bmauth reload` is not built yet: start it again.");
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = anyhow!("no such file").context("data cannot be opened: no such file").context("the store failed");
        assert_eq!(describe_error(&error), "the store failed: data cannot be opened: no such file");
        assert_eq!(describe_error(&anyhow!("no such file").context("reading data")), "reading data: no such file");
    }
}
