//! `bmauth backup` while the gateway has the store. No other process can open it then, so the gateway writes the copy.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::Operating;
use super::answer::NotDone;
use super::check::StoreFile;
use crate::store::RowCount;

/// A copy of the store that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// How many rows of each kind are in it.
    pub counted: Vec<RowCount>,
}

/// Where to, and of which file.
#[derive(Debug, Deserialize)]
pub(super) struct BackupRequest {
    /// The new file, from the root on.
    to: PathBuf,
    /// The store that is meant: another gateway may answer where this one was looked for.
    device: u64,
    inode: u64,
}

/// `POST /backup?to=&device=&inode=` writes a whole copy of the store to a new file.
pub(super) async fn write(
    State(operating): State<Arc<Operating>>,
    wanted: Result<Query<BackupRequest>, QueryRejection>,
) -> Result<Json<BackedUp>, NotDone> {
    let Query(BackupRequest { to, device, inode }) = wanted?;
    if !to.is_absolute() {
        return Err(NotDone::unreadable("The file must be named from the root on."));
    }
    let Some(store) = operating.store.as_deref().and_then(StoreFile::at) else {
        return Err(NotDone::unreadable("The gateway that answers has no store in a file."));
    };
    if (store != StoreFile { device, inode }) {
        return Err(NotDone::unreadable("The gateway that answers has another store."));
    }
    let counted = operating.auth.operate.back_up(&to).await?;
    tracing::info!(to = %to.display(), "a copy of the store was written");
    Ok(Json(BackedUp { counted }))
}
