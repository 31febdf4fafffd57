//! `bmauth restore`: puts a copy of the store's file in its place.

use std::path::PathBuf;

use super::backup::embedded;
use super::table::{plain, table};
use super::{CommandError, load, of_store};
use crate::domain::email::Email;
use crate::store::redb::restore::{Restored, Restoring, restore};

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The copy that `bmauth backup` wrote. It is not changed
    file: PathBuf,
    /// Replace the existing store, which is kept beside the new one
    #[arg(long)]
    replace: bool,
    /// Keep invitations
    #[arg(long)]
    keep_tokens: bool,
}

/// Restores it, and says what there is now.
pub(super) fn run(config: Option<PathBuf>, wanted: RestoreArgs) -> Result<(), CommandError> {
    let config = load(config)?;
    let to = embedded(
        &config,
        "pg_restore or a base backup, and see docs/postgresql.md for what to end before a gateway starts",
    )?;
    let RestoreArgs { file, replace, keep_tokens } = wanted;
    let restoring = Restoring { from: &file, to, replace, keep_invitations: keep_tokens };
    let restored = restore(restoring).map_err(of_store)?;
    print!("{}", describe_restore(&restored));
    println!(
        "{} is restored. What was removed or changed since the copy was written is as it was then: look whether disabled \
         accounts, removed passkeys and groups are as they should be before the gateway starts.",
        plain(&to.display().to_string())
    );
    Ok(())
}

fn describe_restore(restored: &Restored) -> String {
    let Restored { in_copy, in_store, unreadable, disabled, uninvited, kept_as } = restored;
    let rows = in_copy.iter().zip(in_store).filter(|(copy, _)| copy.rows > 0);
    let rows: Vec<_> =
        rows.map(|(copy, store)| [copy.kind.clone(), copy.rows.to_string(), store.rows.to_string()]).collect();
    let mut told = table(["KIND", "IN THE COPY", "RESTORED"], &rows);
    for counted in unreadable {
        told += &format!(
            "warning: {} rows of “{}” cannot be read; they are kept as they are.\n",
            counted.rows, counted.kind
        );
    }
    told += "All sessions have ended, and so has what was under way: people sign in again with their passkeys.\n";
    told += &match disabled.as_slice() {
        [] => "No account is disabled.\n".to_owned(),
        disabled => format!("Disabled: {}\n", listed(disabled)),
    };
    if !uninvited.is_empty() {
        told += &format!(
            "Not invited any more, for they may have been taken back since (add them again with bmauth users add, or restore \
             with --keep-tokens): {}\n",
            listed(uninvited)
        );
    }
    if let Some(kept) = kept_as {
        told += &format!("What was there is {} now.\n", plain(&kept.display().to_string()));
    }
    told
}

fn listed(emails: &[Email]) -> String {
    emails.iter().map(|email| plain(email.as_str())).collect::<Vec<_>>().join(", ")
}
