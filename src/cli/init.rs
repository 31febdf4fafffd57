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
    println!("{}", next_steps(&path));
    Ok(())
}

/// What is to be done with the file that was written.
fn next_steps(path: &Path) -> String {
    format!(
        "Wrote {}. It gives BMAuth's pages a host of their own (auth.example.com) and your app another (notes.example.com), \
         which is safer and makes room for more apps; it says what to change for one host only.\n\
         Set public_url, passkeys.rp_id, [email] and [[route]], then: bmauth check",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_names_what_the_file_proposes() {
        let said = next_steps(Path::new("bmauth.toml"));
        for (word, line) in [
            ("auth.example.com", "\npublic_url = \"https://auth.example.com\"\n"),
            ("notes.example.com", "\nhost = \"notes.example.com\"\n"),
            ("passkeys.rp_id", "\nrp_id = \"example.com\"\n"),
            ("for one host only", "# For one host only, change three lines"),
        ] {
            assert!(said.contains(word) && TEMPLATE.contains(line), "{word}");
        }
    }

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
