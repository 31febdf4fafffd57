//! `bmauth keys`: files with keys that the gateway is given.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;

use super::CommandError;
use crate::domain::clock::Entropy;
use crate::domain::secret::Secret;
use crate::wire::system::SystemEntropy;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Create a file with a new key for storage.key_file
    NewFile {
        /// The file, which must not exist yet
        path: PathBuf,
    },
}

/// Does it, and says so.
pub(super) fn run(command: KeysCommand) -> Result<(), CommandError> {
    match command {
        KeysCommand::NewFile { path } => {
            new_file(&path, &SystemEntropy)?;
            let path = path.display();
            println!(
                "{path} has a new key. Name it with storage.key_file, on every gateway of the database the same, and keep a copy \
                 elsewhere than the database: without it the gateway's keys there cannot be read."
            );
            Ok(())
        }
    }
}

/// Writes 32 random bytes in base64 to a new file, which only its owner may read.
fn new_file(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| {
        let shown = path.display();
        if error.kind() == ErrorKind::AlreadyExists {
            return anyhow!(
                "{shown} is there already. If you replace a key that is in use, what it wrapped cannot be read any more."
            );
        }
        anyhow!(error).context(format!("{shown} cannot be made"))
    })?;
    let text = format!("{}\n", Secret::generate(entropy).text());
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::clock::Zeros;

    #[test]
    fn a_new_file_is_its_owners_alone_and_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("storage.key");
        new_file(&path, &Zeros).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let written = fs::read_to_string(&path).unwrap();
        assert_eq!(written, format!("{}\n", "A".repeat(43)));
        let refused = new_file(&path, &Zeros).unwrap_err().to_string();
        assert!(refused.contains("is there already"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), written);
        assert!(new_file(&folder.path().join("nowhere/key"), &Zeros).is_err());
    }
}
