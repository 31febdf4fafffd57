//! `[storage]`: where the gateway remembers.

use std::path::PathBuf;

use super::problem::Checks;
use super::setting::{Written, section};

section! {
    /// The section as it is written.
    struct StorageFile { path }
    not_built {
        url: "This version has the embedded store alone: `storage.path`.",
        url_file: "This version has the embedded store alone: `storage.path`.",
        key_file: "Until then the keys in the store are kept by the mode of its file alone.",
        grace: "This version has the embedded store alone: `storage.path`.",
        migrate: "This version has the embedded store alone: `storage.path`.",
    }
}

/// Where the gateway remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The file of the embedded store; its folder may not be there yet.
    pub path: PathBuf,
}

/// The embedded store's file where none is named.
const DEFAULT_PATH: &str = "data/bmauth.redb";

impl Storage {
    pub(super) fn check(file: Written<StorageFile>, checks: &mut Checks) -> Option<Self> {
        let StorageFile { path } = file.keys;
        let folder = checks.folder.clone();
        let path = match path {
            Some(path) => path.parsed(checks, |text| {
                let path = folder.kept_by_us(text);
                if text.is_empty() || text.ends_with('/') || path.is_dir() {
                    return Err("it must name a file, like \"data/bmauth.redb\".".to_owned());
                }
                Ok(path)
            })?,
            None => folder.kept_by_us(DEFAULT_PATH),
        };
        Some(Self { path })
    }
}
