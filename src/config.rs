//! The configuration: from what was written to what the program needs, with all that is wrong said at once.
//!
//! A file is read into a tree of values that know their places (`tree`), variables and flags are laid over
//! it (`overlay`), each section takes its keys (`setting::section!`, the file's shape) and turns them into
//! its part of [`Config`] (the program's shape). The conversion takes the file's shape apart field by field,
//! so that a key which is read but not used does not compile.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::brand::Brand;
use crate::domain::recover::RecoveryMode;
use crate::domain::register::RegisterPolicy;
use crate::domain::route::Routes;

pub mod api;
pub mod email;
pub mod hidden;
pub mod identity;
pub mod link;
pub mod passkeys;
pub mod pem;
pub mod public_url;
pub mod server;
pub mod sessions;
pub mod storage;
pub mod template;
pub mod written;

mod accounts;
mod app;
mod demo;
mod example;
mod folder;
mod overlay;
mod problem;
mod routes;
mod setting;
#[cfg(test)]
mod tests;
mod tree;

pub use accounts::read_registration;
pub use overlay::FlagSetting;
pub use problem::{ConfigErrors, Problem, SettingPlace};
pub use setting::without_password;

use accounts::AccountsFile;
use api::{Api, ApiFile, OtherSections};
use app::AppFile;
use email::{EmailFile, EmailSettings};
use identity::{IdentityFile, IdentitySettings};
use link::{LinkFile, Linking};
use passkeys::{Passkeys, PasskeysFile};
use problem::Checks;
use public_url::PublicUrl;
use routes::RouteSurroundings;
use server::{ServerFile, ServerSettings};
use sessions::{SessionSettings, SessionsFile};
use setting::{Setting, WrittenSection, section};
use storage::{Storage, StorageFile};
use tree::SettingTable;
use written::Fingerprint;

/// What `bmauth init` fills in: every key, with what it is for.
pub const TEMPLATE: &str = include_str!("../config/bmauth.toml");

/// Where a configuration is looked for when none is named, in this order.
pub const DEFAULT_FILES: [&str; 2] = ["bmauth.toml", "/etc/bmauth/bmauth.toml"];

/// Everything the program needs to know, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people sign in.
    pub public_url: PublicUrl,
    /// Where they signed in before: who comes there is sent on, and handed over.
    pub former_public_urls: Vec<PublicUrl>,
    /// How the pages look.
    pub brand: Brand,
    /// Where the gateway listens and whom it believes.
    pub server: ServerSettings,
    /// Where the gateway remembers.
    pub storage: Storage,
    /// Whom letters are from, and how they leave.
    pub email: EmailSettings,
    /// Who may have an account.
    pub policy: RegisterPolicy,
    /// The group that administers the others, if there is one.
    pub admins: Option<String>,
    /// How a person without their passkey gets back in.
    pub recovery: RecoveryMode,
    /// How long a recovery waits, where it is delayed, or the one before was contested.
    pub recovery_delay: Duration,
    /// The relying party.
    pub passkeys: Passkeys,
    /// How long people stay signed in.
    pub sessions: SessionSettings,
    /// How a second device is signed in.
    pub link: Linking,
    /// What upstreams are told of the principal.
    pub identity: IdentitySettings,
    /// The JSON API and its tokens.
    pub api: Api,
    /// What stands behind the gateway, and who may reach it.
    pub routes: Routes,
    /// What was written, to be held against what is written later.
    pub written: Fingerprint,
    /// What is allowed but deserves a word, each with its place: for the log at the start and for `bmauth check`.
    pub warnings: Vec<String>,
    /// What the gateway starts with although no visitor can be served so, such as values that are still an example's:
    /// an error for `bmauth check`, and in the log at the start.
    pub faults: Vec<Problem>,
}

/// What a configuration is read from: a file, then variables, then flags, each over the one before.
#[derive(Clone, Debug)]
pub struct ConfigSource {
    /// The file that comes first.
    pub file: FileSource,
    /// The process's environment; variables that do not start with `BMAUTH__` do not count.
    pub environment: Vec<(OsString, OsString)>,
    /// Flags that set a key.
    pub flags: Vec<FlagSetting>,
}

/// The file of a configuration.
#[derive(Clone, Debug)]
pub enum FileSource {
    /// The file at this path. Relative paths in it start from its folder.
    At(PathBuf),
    /// The first of [`DEFAULT_FILES`] that is there; where none is, variables may say everything.
    Default,
    /// A text, as if it were read from a file of this path.
    Text {
        /// The path it is known by.
        path: PathBuf,
        /// The text that stands for the file's content.
        text: String,
    },
}

impl ConfigSource {
    /// A file named by a person, or the default ones; nothing laid over it.
    pub fn file(path: Option<PathBuf>) -> Self {
        Self { file: path.map_or(FileSource::Default, FileSource::At), environment: Vec::new(), flags: Vec::new() }
    }

    /// A text, as if it were read from a file of this path; nothing laid over it.
    pub fn text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            file: FileSource::Text { path: path.into(), text: text.into() },
            environment: Vec::new(),
            flags: Vec::new(),
        }
    }

    /// Lays the environment of this process over it.
    #[must_use]
    pub fn with_process_environment(mut self) -> Self {
        self.environment = std::env::vars_os().collect();
        self
    }
}

section! {
    /// The whole file as it is written.
    struct File { public_url, former_public_urls, app, server, storage, email, accounts, passkeys, sessions, link, identity, api, route }
    not_built {
        audit: "Until then what happened lately stands in `bmauth users show`, and in the log.",
        telemetry: "Until then there are the log and /metrics.",
    }
}

/// Reads and checks a configuration.
///
/// # Errors
/// All that is wrong with it, at once.
pub fn load(source: ConfigSource) -> Result<Config, ConfigErrors> {
    let ConfigSource { file, environment, flags } = source;
    let (path, text, mut checks) = open(file, &environment)?;
    let name: Arc<str> = path.display().to_string().into();
    let mut root = SettingTable::from_toml(&name, &text, &mut checks);
    // What follows from a text that is only half understood would be noise.
    if let Some(errors) = checks.errors() {
        return Err(errors);
    }
    overlay::lay_environment(&mut root, &environment, &mut checks);
    overlay::lay_flags(&mut root, &flags, &mut checks);

    let mut written = Fingerprint::of(&root);
    let file = File::read("", root, &mut checks);
    let config = check(file, &mut checks);
    match (checks.errors(), config) {
        (None, Some(mut config)) => {
            config.faults = checks.take_faults();
            written.add_files(&checks.folder);
            config.written = written;
            config.warnings = checks.warnings;
            Ok(config)
        }
        (Some(errors), _) => Err(errors),
        (None, None) => {
            // Each check that gives nothing has said why; should one forget to, doubt still denies.
            let place = SettingPlace::in_text(&name, &text, 0);
            checks.refuse(
                &place,
                "The configuration cannot be used, and the check that knows why did not say so. Please report this.",
            );
            Err(checks.errors().expect("a problem was just added"))
        }
    }
}

/// The file's path and text, and checks that start from its folder.
fn open(file: FileSource, environment: &[(OsString, OsString)]) -> Result<(PathBuf, String, Checks), ConfigErrors> {
    let path = match file {
        FileSource::Text { path, text } => {
            let checks = Checks::new(folder_of(&path));
            return Ok((path, text, checks));
        }
        FileSource::At(path) => path,
        FileSource::Default => {
            let [first, second] = DEFAULT_FILES;
            match DEFAULT_FILES.iter().find(|path| Path::new(path).exists()) {
                Some(path) => PathBuf::from(path),
                None if environment.iter().any(|(name, _)| name.to_string_lossy().starts_with(overlay::PREFIX)) => {
                    return Ok((PathBuf::from(first), String::new(), Checks::new(Path::new(""))));
                }
                None => {
                    return Err(unreadable(
                        Path::new(first),
                        format!(
                            "There is no configuration: neither {first} nor {second} exists. Write one with `bmauth init`, or name one with --config."
                        ),
                    ));
                }
            }
        }
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let checks = Checks::new(folder_of(&path));
            Ok((path, text, checks))
        }
        Err(why) => {
            let message = format!(
                "The configuration cannot be read ({why}). Write one with `bmauth init`, or name another with --config."
            );
            Err(unreadable(&path, message))
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn unreadable(path: &Path, message: String) -> ConfigErrors {
    let mut checks = Checks::new(folder_of(path));
    checks.refuse(&SettingPlace::Whole(path.display().to_string().into()), message);
    checks.errors().expect("a problem was just added")
}

/// Turns the file's shape into the program's. Every section is checked, also where an earlier one is wrong.
fn check(file: WrittenSection<File>, checks: &mut Checks) -> Option<Config> {
    let WrittenSection { place: root, keys } = file;
    let File {
        public_url,
        former_public_urls,
        app,
        server,
        storage,
        email,
        accounts,
        passkeys,
        sessions,
        link,
        identity,
        api,
        route,
    } = keys;
    let located_url = public_url::check(public_url, &root, checks);
    let url = located_url.as_ref().map(|(url, _)| url);
    let former_public_urls = public_url::check_former(former_public_urls, url, checks);

    let brand = app::check(AppFile::read("app.", table(app, &root, checks), checks), url, checks);
    let server = ServerSettings::check(ServerFile::read("server.", table(server, &root, checks), checks), url, checks);
    let storage = Storage::check(StorageFile::read("storage.", table(storage, &root, checks), checks), checks);
    let email = EmailSettings::check(EmailFile::read("email.", table(email, &root, checks), checks), url, checks);
    let accounts = accounts::check(AccountsFile::read("accounts.", table(accounts, &root, checks), checks), checks);
    let passkeys = PasskeysFile::read("passkeys.", table(passkeys, &root, checks), checks);
    let passkeys = Passkeys::check(passkeys, located_url.as_ref(), checks);
    let is_shared = matches!(storage, Some(Storage::Database(_)));
    let sessions = SessionsFile::read("sessions.", table(sessions, &root, checks), checks);
    let sessions = SessionSettings::check(sessions, is_shared, checks);
    let link = Linking::check(LinkFile::read("link.", table(link, &root, checks), checks), checks);
    let identity =
        IdentitySettings::check(IdentityFile::read("identity.", table(identity, &root, checks), checks), url, checks);
    let identity_names = identity.as_ref().map(IdentitySettings::names).unwrap_or_default();
    let surroundings =
        RouteSurroundings { public_url: url, server: server.as_ref(), identity: identity_names, link: link.as_ref() };
    let routes = routes::check(route, &root, &surroundings, checks);
    let around = OtherSections { public_url: url, passkeys: passkeys.as_ref(), routes: routes.as_ref() };
    let api = Api::check(ApiFile::read("api.", table(api, &root, checks), checks), around, checks);
    let (public_url, _) = located_url?;
    let accounts = accounts?;
    Some(Config {
        public_url,
        former_public_urls: former_public_urls?,
        brand: brand?,
        server: server?,
        storage: storage?,
        email: email?,
        policy: accounts.policy,
        admins: accounts.admins,
        recovery: accounts.recovery,
        recovery_delay: accounts.recovery_delay,
        passkeys: passkeys?,
        sessions: sessions?,
        link: link?.0,
        identity: identity?,
        api: api?,
        routes: routes?,
        written: Fingerprint::default(),
        warnings: Vec::new(),
        faults: Vec::new(),
    })
}

/// A section's table; an empty one where it is not written, so that its defaults and its missing keys show.
fn table(section: Option<Setting>, root: &SettingPlace, checks: &mut Checks) -> SettingTable {
    section.and_then(|section| section.table(checks)).unwrap_or_else(|| SettingTable::empty(root.clone()))
}
