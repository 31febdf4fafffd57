//! `[storage]`: where the gateway remembers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::hidden::{self, Hidden, cannot_read, warn_if_world_readable};
use super::problem::{Checks, SettingPlace};
use super::setting::{Setting, WrittenSection, section};
use crate::domain::secret::Secret;

pub mod database;

use database::DatabaseAddress;

section! {
    /// The section as it is written.
    struct StorageFile { path, url, url_file, key_file, owner_url, owner_url_file, migrate, grace }
    not_built {}
}

/// Where the gateway remembers.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In the file of the embedded store; its folder may not be there yet.
    File(PathBuf),
    /// In a PostgreSQL database.
    Database(Box<DatabaseSettings>),
}

/// A PostgreSQL database, which other gateways may share.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where it is, and as whom the gateway uses it.
    pub address: DatabaseAddress,
    /// The same for the role by which its tables are made and changed, where that is another one.
    pub owner: Option<DatabaseAddress>,
    /// What the gateway's own keys are wrapped with there.
    pub key: Secret,
    /// For how long known sessions go on while it is away.
    pub grace: Duration,
    /// Whether its tables are brought up to date at the start.
    pub migrate: bool,
}

/// The embedded store's file where none is named.
const DEFAULT_PATH: &str = "data/bmauth.redb";
/// How long known sessions go on while a database is away, where that is not said: a standby has taken its place by
/// then.
const GRACE: Duration = Duration::from_secs(60);
/// What is said of a file that holds no key, and of one that is not there.
const NO_KEY: &str =
    "it must hold 32 random bytes, as they are, in hex or in base64. Make one with `bmauth keys new-file PATH`";
const MAKE_KEY: &str = "Make one with `bmauth keys new-file PATH`";
const LONGEST_GRACE: Duration = Duration::from_secs(5 * 60);

impl Storage {
    pub(super) fn check(file: WrittenSection<StorageFile>, checks: &mut Checks) -> Option<Self> {
        let WrittenSection { place, keys } = file;
        let StorageFile { path, url, url_file, key_file, owner_url, owner_url_file, migrate, grace } = keys;
        if url.is_none() && url_file.is_none() {
            let alone = [key_file, owner_url, owner_url_file, migrate, grace];
            let refused = alone.into_iter().flatten().map(|setting| {
                setting.refuse(checks, "is for a database: set `storage.url`, or remove it.");
            });
            let is_file = refused.count() == 0;
            return read_path(path, checks).map(Self::File).filter(|_| is_file);
        }
        let beside = path.map(|path| {
            path.refuse(
                checks,
                "names the file of the embedded store, but `storage.url` a database; keep one of them.",
            );
        });
        let address = read_address(url, url_file, checks);
        let owner = match (owner_url, owner_url_file) {
            (None, None) => Some(None),
            (owner_url, owner_url_file) => read_address(owner_url, owner_url_file, checks).map(Some),
        };
        let key = match key_file {
            Some(key_file) => read_key(key_file, checks),
            None => {
                checks.refuse(
                    &place,
                    "`storage.key_file` is missing. Without it, anyone with a copy of the database could sign in as any person. Make one \
                     with `bmauth keys new-file PATH`; all gateways of the database have the same.",
                );
                None
            }
        };
        let migrate = match migrate {
            Some(migrate) => migrate.boolean(checks),
            None => Some(false),
        };
        let grace = match grace {
            Some(grace) => grace.duration(checks, Duration::ZERO..=LONGEST_GRACE),
            None => Some(GRACE),
        };
        let database =
            DatabaseSettings { address: address?, owner: owner?, key: key?, grace: grace?, migrate: migrate? };
        beside.is_none().then(|| Self::Database(Box::new(database)))
    }
}

fn read_path(path: Option<Setting>, checks: &mut Checks) -> Option<PathBuf> {
    let folder = checks.folder.clone();
    match path {
        Some(path) => path.parsed(checks, |text| {
            let path = folder.kept_by_us(text);
            if text.is_empty() || text.ends_with('/') || path.is_dir() {
                return Err("it must name a file, like \"data/bmauth.redb\".".to_owned());
            }
            Ok(path)
        }),
        None => Some(folder.kept_by_us(DEFAULT_PATH)),
    }
}

fn read_address(url: Option<Setting>, url_file: Option<Setting>, checks: &mut Checks) -> Option<DatabaseAddress> {
    let found = hidden::read(url, url_file, checks)?;
    let folder = checks.folder.clone();
    let read = DatabaseAddress::parse(&found.text, |path| folder.file(&found.key, path));
    match read {
        Ok(address) => {
            if let Some(warning) = address.warning() {
                checks.warn(&found.place, format_args!("`{}`: {warning}", found.key));
            }
            Some(address)
        }
        Err(why) => {
            // There may be a password anywhere in it, so the message does not show it.
            checks.refuse(&found.place, format!("`{}`: {why}", found.key));
            None
        }
    }
}

/// The database of an address that a command was given; paths in it are seen from its working folder.
///
/// # Errors
/// One sentence, which does not show the address.
pub fn parse_database_address(url: String) -> Result<DatabaseAddress, String> {
    DatabaseAddress::parse(&Hidden::new(url), |path| PathBuf::from(path))
}

/// The key in a file that a command was given.
///
/// # Errors
/// One sentence.
pub fn key_file(path: &Path) -> Result<Secret, String> {
    match std::fs::read(path) {
        Ok(bytes) => key_in(&bytes).ok_or_else(|| format!("{}: {NO_KEY}", path.display())),
        Err(error) => Err(format!("{}. {MAKE_KEY}", cannot_read(path, &error))),
    }
}

fn read_key(setting: Setting, checks: &mut Checks) -> Option<Secret> {
    let (key, place): (String, SettingPlace) = (setting.key.clone(), setting.place().clone());
    let text = setting.text(checks)?;
    let path = checks.folder.file(&key, &text);
    let read = key_file(&path);
    if read.is_ok() {
        warn_if_world_readable(&path, &key, &place, checks);
    }
    read.map_err(|why| checks.refuse(&place, format!("`{key}`: {why}."))).ok()
}

/// The key that a file holds: 32 bytes as they are, in hex or in base64 of either alphabet.
fn key_in(file: &[u8]) -> Option<Secret> {
    use base64::Engine as _;
    use base64::alphabet;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    if let Ok(bytes) = file.try_into() {
        return Some(Secret::from_bytes(bytes));
    }
    let text = std::str::from_utf8(file).ok()?.trim();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let byte = |n: usize| u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok();
        let bytes: Vec<u8> = (0..32).map(byte).collect::<Option<_>>()?;
        return bytes.try_into().ok().map(Secret::from_bytes);
    }
    let any_padding = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE].into_iter().find_map(|alphabet| {
        let bytes = GeneralPurpose::new(&alphabet, any_padding).decode(text).ok()?;
        bytes.try_into().ok().map(Secret::from_bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_whatever_form() {
        let expected = Some([0xfb; 32]);
        let read = |file: &[u8]| key_in(file).map(|key| *key.bytes());
        assert_eq!(read(&[0xfb; 32]), expected);
        let hex = "fb".repeat(32);
        for text in [
            format!("{hex}\n"),
            hex.to_uppercase(),
            "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=\n".to_owned(),
            "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s".to_owned(),
        ] {
            assert_eq!(read(text.as_bytes()), expected, "{text}");
        }
        for wrong in [&[][..], &[1; 31], &[1; 33], b"password", &hex.as_bytes()[1..]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
