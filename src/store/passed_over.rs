//! Broken rows that readers pass over.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use super::records::table::Table;

/// Of how many rows the log is told that they are passed over: whatever spoils more has been noticed by then.
const TOLD: usize = 100;

/// The rows that were passed over, so that the log is told once.
#[derive(Debug, Default)]
pub(super) struct PassedOver(Mutex<BTreeSet<(Table, Vec<u8>)>>);

impl PassedOver {
    /// Tells the log, where it has not been told yet.
    pub(super) fn log_unreadable(&self, table: Table, key: &[u8], fault: &(dyn Error + 'static)) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD && told.insert((table, key.to_vec())) {
            tracing::error!(error = fault, "a row is passed over until its time is over");
        }
    }
}
