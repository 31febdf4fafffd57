//! `bmauth migrate`: brings the tables of the database up to date.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{CommandError, load};
use crate::config::storage::Storage;
use crate::store::postgres::Migrated;
use crate::wire::keeping;

/// Does it, and says what was done.
pub(super) fn run(config: Option<PathBuf>) -> Result<(), CommandError> {
    let config = load(config)?;
    let Storage::Database(database) = &config.storage else {
        println!("The store is a file of this machine (storage.path), which needs no migration.");
        return Ok(());
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread could be started")?;
    let migrated = runtime.block_on(keeping::migrate(database)).map_err(anyhow::Error::from)?;
    let shown = super::table::plain(&database.owner.as_ref().unwrap_or(&database.address).shown);
    println!("{shown}: {}", describe_migration(migrated));
    Ok(())
}

fn describe_migration(Migrated { from, to }: Migrated) -> String {
    match (from, to) {
        (from, to) if from == to => format!("the tables are up to date (step {to})."),
        (0, to) => format!("the tables were made (step {to})."),
        (from, to) => format!("the tables were brought from step {from} to step {to}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said() {
        for (from, to, said) in [
            (0, 1, "the tables were made (step 1)."),
            (1, 1, "the tables are up to date (step 1)."),
            (1, 3, "the tables were brought from step 1 to step 3."),
        ] {
            assert_eq!(describe_migration(Migrated { from, to }), said);
        }
    }
}
