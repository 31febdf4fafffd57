//! Configurations as an operator writes them, and what the gateway answers.

mod files;
mod mail;
mod overlays;
mod problems;
mod upstreams;
mod values;
mod written;

use std::path::PathBuf;

use super::*;

/// What every configuration must say, each part on lines of its own so that a test can leave one out.
const URL: &str = "public_url = \"https://notes.example.com\"\n";
const EMAIL: &str = "[email]\nfrom = \"no-reply@example.com\"\nsmtp_url = \"smtps://u:p@mail\"\n";
const ROUTE: &str = "[[route]]\nupstream = [\"http://127.0.0.1:8000\"]\n";

/// A configuration that is right, with `extra` after it. `extra` may go on with the keys of its route.
fn with(extra: &str) -> String {
    format!("{URL}{EMAIL}{ROUTE}{extra}")
}

fn load_text(text: &str) -> Result<Config, ConfigErrors> {
    load(open_to_all(ConfigSource::text("bmauth.toml", text), text))
}

/// The same, where every person may register unless its text says who may.
fn open_to_all(mut source: ConfigSource, text: &str) -> ConfigSource {
    if !text.contains("registration = ") {
        source.environment.push(("BMAUTH__ACCOUNTS__REGISTRATION".into(), "open".into()));
    }
    source
}

#[track_caller]
fn loads(text: &str) -> Config {
    match load_text(text) {
        Ok(config) => config,
        Err(errors) => panic!("{errors}"),
    }
}

/// Every problem of a text, one a line.
#[track_caller]
fn problems(text: &str) -> String {
    match load_text(text) {
        Ok(_) => panic!("nothing is wrong with it:\n{text}"),
        Err(errors) => errors.to_string(),
    }
}

fn path(text: &str) -> PathBuf {
    PathBuf::from(text)
}

/// The file of the embedded store.
#[track_caller]
fn file_of(storage: &Storage) -> &Path {
    match storage {
        Storage::File(path) => path,
        Storage::Database(_) => panic!("the store is a database"),
    }
}
