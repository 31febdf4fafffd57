//! `bmauth store copy`: from the embedded store's file to a database, and back.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;

use super::table::{plain, table};
use super::{CommandError, load, of_store};
use crate::config::storage::database::DatabaseAddress;
use crate::config::storage::{self, DatabaseSettings, Storage};
use crate::store::copying::{Copied, Copy, copy};
use crate::wire::keeping::copied_database;
use crate::wire::system::SystemEntropy;

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Copy everything while no gateway runs, and verify the copy
    Copy(CopyArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct CopyArgs {
    /// redb:PATH, postgres://…, or `config` for the store in the configuration
    #[arg(long, value_name = "STORE")]
    from: String,
    /// Likewise; a file must not exist yet, and a database must have no accounts
    #[arg(long, value_name = "STORE")]
    to: String,
    /// The key that wraps the gateway's keys in the database; else storage.key_file of the configuration
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
}

/// One side of it.
enum Side {
    File(PathBuf),
    Database { address: Box<DatabaseAddress>, owner: Option<Box<DatabaseAddress>> },
}

/// Copies it, and says what was copied.
pub(super) fn run(config: Option<PathBuf>, StoreCommand::Copy(wanted): StoreCommand) -> Result<(), CommandError> {
    let CopyArgs { from, to, key_file } = wanted;
    let storage = match [&from, &to].iter().any(|side| *side == "config") || key_file.is_none() {
        true => Some(load(config)?.storage),
        false => None,
    };
    let storage = storage.as_ref();
    let (from, to) = (side("--from", from, storage)?, side("--to", to, storage)?);
    let key = match (key_file, storage) {
        (Some(path), _) => storage::key_file(&path).map_err(CommandError::Usage)?,
        (None, Some(Storage::Database(database))) => database.key.clone(),
        (None, _) => return Err(usage("the configuration names no storage.key_file: say --key-file PATH")),
    };
    let database = |address: &DatabaseAddress, owner: Option<Box<DatabaseAddress>>| {
        copied_database(address, owner.as_deref(), key)
    };
    let wanted = match (from, to) {
        (Side::File(file), Side::Database { address, owner }) => Copy::ToDatabase(file, database(&address, owner)),
        (Side::Database { address, owner }, Side::File(file)) => Copy::ToFile(database(&address, owner), file),
        (Side::File(_), Side::File(_)) => return Err(usage("both are files: `bmauth backup` copies one")),
        (Side::Database { .. }, Side::Database { .. }) => {
            return Err(usage("both are databases: pg_dump and pg_restore copy one"));
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread could be started")?;
    let progress = |kind: &'static str, rows| eprintln!("{kind}: {rows}");
    let copied = runtime.block_on(copy(&wanted, Arc::new(SystemEntropy), &progress)).map_err(of_store)?;
    print!("{}", describe_copy(&copied));
    println!(
        "All of it has arrived as it was. Name the new store in the configuration before a gateway starts again; what one \
         changes in the old one from now on is not in the new one."
    );
    Ok(())
}

fn usage(why: impl Into<String>) -> CommandError {
    CommandError::Usage(why.into())
}

fn side(flag: &str, text: String, storage: Option<&Storage>) -> Result<Side, CommandError> {
    if text == "config" {
        return Ok(match storage {
            Some(Storage::File(path)) => Side::File(path.clone()),
            Some(Storage::Database(database)) => {
                let DatabaseSettings { address, owner, .. } = &**database;
                Side::Database { address: Box::new(address.clone()), owner: owner.clone().map(Box::new) }
            }
            None => return Err(usage(format!("{flag}: there is no configuration"))),
        });
    }
    if let Some(path) = text.strip_prefix("redb:") {
        if path.is_empty() {
            return Err(usage(format!("{flag}: redb: is followed by the name of a file")));
        }
        return Ok(Side::File(PathBuf::from(path)));
    }
    // There may be a password in it, so it is not shown.
    if !text.contains("://") {
        return Err(usage(format!("{flag} must be redb:PATH, postgres://…, or config")));
    }
    let address = storage::parse_database_address(text).map_err(|why| usage(format!("{flag}: {why}")))?;
    if let Some(warning) = address.warning() {
        eprintln!("warning: {flag}: {}", plain(&warning));
    }
    Ok(Side::Database { address: Box::new(address), owner: None })
}

fn describe_copy(copied: &[Copied]) -> String {
    let shown = |Copied { kind, rows, digest }: &Copied| {
        let digest = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        [(*kind).to_owned(), rows.to_string(), digest]
    };
    table(["KIND", "ROWS", "SHA-256"], &copied.iter().map(shown).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) -> String {
        match side("--to", text.to_owned(), None) {
            Err(CommandError::Usage(why)) => why,
            _ => panic!("{text} is read"),
        }
    }

    #[test]
    fn a_side_is_a_file_a_database_or_the_configurations() {
        assert!(
            matches!(side("--to", "redb:data/a.redb".to_owned(), None), Ok(Side::File(path)) if path.ends_with("a.redb"))
        );
        assert!(matches!(side("--to", "postgres://a@localhost/b".to_owned(), None), Ok(Side::Database { .. })));
        let storage = Storage::File(PathBuf::from("x.redb"));
        assert!(
            matches!(side("--to", "config".to_owned(), Some(&storage)), Ok(Side::File(path)) if path.ends_with("x.redb"))
        );
        for wrong in ["data/a.redb", "redb:", "mysql://a:secret@b/c", "postgres://a:secret@b/c?x=y", ""] {
            let why = refused(wrong);
            assert!(why.starts_with("--to") && !why.contains("secret"), "{wrong}: {why}");
        }
    }
}
