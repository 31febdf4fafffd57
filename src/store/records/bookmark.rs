//! Bookmarks as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::bookmark::Bookmark;
use crate::domain::clock::Timestamp;
use crate::domain::host::Host;
use crate::domain::path::RequestTarget;

#[derive(Serialize, Deserialize)]
struct BookmarkV1 {
    host: String,
    target: String,
    expires_at: u64,
}

impl Row for Bookmark {
    const TABLE: Table = Table::Bookmarks;

    fn key(&self) -> Vec<u8> {
        self.name.bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::BookmarksByExpiry, at(self.expires_at, self.name.bytes()), Vec::new())]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { name: _, host, target, expires_at } = self;
        let record =
            BookmarkV1 { host: host.as_str().to_owned(), target: target.to_string(), expires_at: expires_at.unix() };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let BookmarkV1 { host, target, expires_at } = super::record(Self::TABLE, bytes)?;
                let target = RequestTarget::parse(target.as_bytes());
                let target = target.map_err(|error| super::unreadable(Self::TABLE, error))?;
                if target.path.is_reserved() {
                    return Err(super::unreadable(Self::TABLE, "it leads to one of the gateway's own paths"));
                }
                Ok(Self {
                    name: super::secret_key(Self::TABLE, key)?,
                    host: Host::parse(&host).map_err(|error| super::unreadable(Self::TABLE, error))?,
                    target,
                    expires_at: Timestamp::from_unix(expires_at),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
