//! What the tests here hand to a function: anything, what is nearly one of the inputs that `make fuzz` begins with, and
//! what is made for it.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

/// Whether the function finds nothing wrong with the inputs that `make fuzz` begins with, what is near them, anything
/// at all, and what is `made` for it.
pub(super) fn holds(target: &str, check: fn(&[u8]), made: impl Strategy<Value = impl AsRef<[u8]> + Debug>) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| check(seed));
    // A few hundred of each take less than a second; `make fuzz` is for more.
    let config = || ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config(), |(input in proptest::collection::vec(any::<u8>(), 0..48))| check(&input));
    proptest!(config(), |(input in near(seeds))| check(&input));
    proptest!(ProptestConfig { cases: 256, ..config() }, |(input in made)| check(input.as_ref()));
}

/// The inputs that `make fuzz` begins with.
pub(super) fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "nothing to begin with");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// One of them with a few bytes changed, gone or come in from another.
fn near(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (0_u8..4, any::<Index>(), any::<Index>(), any::<u8>(), proptest::sample::select(seeds.clone()));
    let changes = proptest::collection::vec(change, 1..4);
    (proptest::sample::select(seeds), changes).prop_map(|(mut input, changes)| {
        for (kind, from, to, byte, other) in changes {
            let (from, to) = (from.index(input.len() + 1), to.index(input.len() + 1));
            let range = from.min(to)..from.max(to).min(from.min(to) + 16);
            match kind {
                0 if from < input.len() => input[from] = byte,
                0 | 1 => input.insert(from, byte),
                2 => drop(input.drain(range)),
                _ => {
                    let part = range.start.min(other.len())..range.end.min(other.len());
                    drop(input.splice(range, other[part].iter().copied()));
                }
            }
        }
        input
    })
}
