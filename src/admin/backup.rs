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

/// Where the copy goes, and of which store it has to be.
#[derive(Debug, Deserialize)]
pub(super) struct BackupRequest {
    /// The absolute path of the new file.
    to: PathBuf,
    /// The device and the inode of the store's file. The gateway that answers may be another than the one that was meant.
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
    let meant = StoreFile { device, inode };
    if store != meant {
        return Err(NotDone::unreadable("The gateway that answers has another store."));
    }
    let counted = operating.auth.operate.back_up(&to).await?;
    tracing::info!(to = %to.display(), "a copy of the store was written");
    Ok(Json(BackedUp { counted }))
}
