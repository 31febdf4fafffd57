//! Rows of the store's file.

use crate::store::redb::apart::TABLES;

/// Reads a row: its table's number, its key's length and its key, then its value. What reads as a row is written down
/// under the same key, and that reads as the same row again.
pub fn record(input: &[u8]) {
    let [table, length, row @ ..] = input else { return };
    let Some((name, rewrite_row)) = TABLES.get(usize::from(*table)) else { return };
    let Some((key, value)) = row.split_at_checked(usize::from(*length)) else { return };
    let Some(written) = rewrite_row(key, value) else { return };
    assert!(written.is_ok(), "a row of {name} cannot be written: {written:?}");
    let Ok(written) = written else { return };
    assert_eq!(written.key, key, "a row of {name} would be written under another key");
    let read = rewrite_row(&written.key, &written.value).and_then(Result::ok);
    assert_eq!(read.as_ref(), Some(&written), "a row of {name} does not read as it was written");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing::inputs::{holds, seeds};

    #[test]
    fn what_reads_as_a_row_is_written_as_the_same_row() {
        let value = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(2), any::<u8>()], 0..160),
        ];
        let key_length = prop_oneof![Just(16_usize), Just(32), 0..40_usize];
        let row = (0..TABLES.len(), key_length, 0_u8..4, value);
        let row = row.prop_map(|(table, key_length, version, value)| {
            let head = [u8::try_from(table).unwrap(), u8::try_from(key_length).unwrap()];
            [&head[..], &vec![7; key_length], &[version], &value].concat()
        });
        holds("record", record, row);
    }

    #[test]
    fn what_is_begun_with_are_rows_of_every_table() {
        let mut tables = std::collections::BTreeSet::new();
        for seed in seeds("record") {
            let (key, value) = seed[2..].split_at(seed[1].into());
            let (name, rewrite_row) = TABLES[usize::from(seed[0])];
            // Also those that were written by an earlier version.
            assert!(rewrite_row(key, value).is_some(), "a row of {name} is not read: {}", seed.escape_ascii());
            tables.insert(name);
        }
        assert_eq!(tables.len(), TABLES.len());
    }
}
