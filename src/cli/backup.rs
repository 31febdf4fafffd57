//! `bmauth backup`: a whole copy of the store's file, also while the gateway has it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::gateway::{AdminClient, escaped};
use super::table::{plain, table};
use super::{CommandError, load, of_store};
use crate::admin::backup::BackedUp;
use crate::admin::check::StoreFile;
use crate::config::Config;
use crate::config::storage::Storage;
use crate::store::redb::RedbStore;
use crate::store::{Records as _, RowCount};

/// Writes it, and says what is in it.
pub(super) fn run(config: Option<PathBuf>, file: &Path) -> Result<(), CommandError> {
    let config = load(config)?;
    let store = embedded(&config, "pg_dump, base backups or snapshots")?;
    let file = std::path::absolute(file).context("there is no folder to begin from")?;
    // Looked at again by the process that writes it.
    if file.symlink_metadata().is_ok() {
        return Err(anyhow!("{} is there already: name a file that is not", plain(&file.display().to_string())).into());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread could be started")?;
    let counted = runtime.block_on(write(&config, store, &file))?;
    print!("{}", counts(&counted));
    println!(
        "{} is a whole copy of the store. It contains the gateway's keys: keep it where no other user can read it. \
         `bmauth restore` puts it back.",
        plain(&file.display().to_string())
    );
    Ok(())
}

/// The file of the embedded store of a configuration.
pub(super) fn embedded<'a>(config: &'a Config, instead: &str) -> Result<&'a Path, CommandError> {
    match &config.storage {
        Storage::File(path) => Ok(path),
        Storage::Database(database) => Err(CommandError::Usage(format!(
            "the store is the database {}, which has means of its own: use {instead}. `bmauth store copy` copies it to a file \
             while no gateway runs.",
            plain(&database.address.shown)
        ))),
    }
}

async fn write(config: &Config, store: &Path, file: &Path) -> anyhow::Result<Vec<RowCount>> {
    match RedbStore::open_existing(store) {
        Ok(opened) => opened.back_up(file).await.map_err(of_store),
        // The gateway that has the store open is asked to write the copy, and no other process.
        Err(error) if RedbStore::is_in_use(&error) => beside(config, store, file).await,
        Err(error) => Err(of_store(error)),
    }
}

async fn beside(config: &Config, store: &Path, file: &Path) -> anyhow::Result<Vec<RowCount>> {
    let StoreFile { device, inode } =
        StoreFile::at(store).ok_or_else(|| anyhow!("there is no store at {}", store.display()))?;
    let file = file.to_str().ok_or_else(|| anyhow!("{} is no text", file.display()))?;
    let target = format!("/backup?to={}&device={device}&inode={inode}", escaped(file));
    let BackedUp { counted } = AdminClient::at(config).post_at_length(&target).await?;
    Ok(counted)
}

/// How many rows of each kind there are, of those that there are some of.
pub(super) fn counts(counted: &[RowCount]) -> String {
    let some = counted.iter().filter(|counted| counted.rows > 0);
    let rows: Vec<_> = some.map(|RowCount { kind, rows }| [kind.clone(), rows.to_string()]).collect();
    table(["KIND", "ROWS"], &rows)
}
