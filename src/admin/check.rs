//! What `bmauth check` asks while the gateway has the store, which no other process can open then.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::Operating;
use super::answer::NotDone;
use crate::domain::host::Host;
use crate::domain::passkey::LockedOut;

/// The running gateway's store, which answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreChecked {
    /// Which file it is; `None` where there is none.
    pub file: Option<StoreFile>,
    /// The passkeys that cannot be used with the `rp_id` that was asked about.
    pub lock_out: LockOut,
}

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreFile {
    /// The device it is on.
    pub device: u64,
    /// The inode of the store's file on that device.
    pub inode: u64,
}

/// The passkeys that cannot be used with an `rp_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOut {
    /// How many these are.
    pub passkeys: usize,
    /// How many do not say what they were made for.
    pub unknown: usize,
    /// How many of how many accounts were made for what, in words.
    pub words: String,
}

impl StoreFile {
    /// The file at a path; `None` where there is none that can be looked at.
    pub fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|found| Self { device: found.dev(), inode: found.ino() })
    }
}

impl From<LockedOut> for LockOut {
    fn from(locked_out: LockedOut) -> Self {
        Self { passkeys: locked_out.passkeys, unknown: locked_out.unknown, words: locked_out.to_string() }
    }
}

/// The passkey domain that the store is checked against.
#[derive(Debug, Deserialize)]
pub(super) struct CheckQuery {
    rp_id: String,
}

/// `GET /check?rp_id=` says which passkeys cannot be used with that domain.
pub(super) async fn store(
    State(operating): State<Arc<Operating>>,
    about: Result<Query<CheckQuery>, QueryRejection>,
) -> Result<Json<StoreChecked>, NotDone> {
    let Query(CheckQuery { rp_id }) = about?;
    let rp_id = Host::parse(&rp_id).map_err(|why| NotDone::unreadable(format!("rp_id: {why}.")))?;
    operating.auth.ready().await?;
    let lock_out = operating.auth.operate.locked_out(&rp_id).await?.into();
    Ok(Json(StoreChecked { file: operating.store.as_deref().and_then(StoreFile::at), lock_out }))
}
