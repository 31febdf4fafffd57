//! Counters as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::clock::Timestamp;
use crate::domain::plan::Counter;

/// A counter within its window.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct CountRow {
    /// What is counted.
    pub counter: Counter,
    /// How many there have been.
    pub count: u32,
    /// From this moment on it starts again.
    pub ends_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct CountV1 {
    count: u32,
    ends_at: u64,
}

impl Row for CountRow {
    const TABLE: Table = Table::Counters;

    fn key(&self) -> Vec<u8> {
        self.counter.0.to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::CountersByEnd, at(self.ends_at, &self.counter.0), Vec::new())]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { counter: _, count, ends_at } = self;
        super::encode(Self::TABLE, 1, &CountV1 { count: *count, ends_at: ends_at.unix() })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let CountV1 { count, ends_at } = super::record(Self::TABLE, bytes)?;
                let counter = Counter(super::digest_key(Self::TABLE, key)?);
                Ok(Self { counter, count, ends_at: Timestamp::from_unix(ends_at) })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
