//! `bmauth init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::config::TEMPLATE;

/// Writes the commented configuration to `dir`; never over one that is there.
pub(super) fn run(dir: &Path) -> anyhow::Result<()> {
    let path = dir.join("bmauth.toml");
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    // Secrets may be written into it.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = match file {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already. Move it away, or name another folder.", path.display())
        }
        file => file.with_context(|| format!("{} cannot be written", path.display()))?,
    };
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("Wrote {}. Set public_url, [email] and [[route]], then: bmauth check", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_configuration_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path()).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("bmauth.toml")).unwrap(), TEMPLATE);
        std::fs::write(dir.path().join("bmauth.toml"), "mine").unwrap();
        assert!(run(dir.path()).is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join("bmauth.toml")).unwrap(), "mine");
    }
}
