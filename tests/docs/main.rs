//! Holds the pages of docs/ and what the code does together: what can be generated is compared with what is written,
//! and what is written by hand is compared with the code's own tables.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "in a test, a panic is how a failure is told")]

mod addresses;
mod asked;
mod dependencies;
mod generated;
mod glossary;
mod languages;
mod links;
mod operations;
mod reference;
mod schema;
mod source;
mod tables;
mod troubleshooting;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository, as text.
#[track_caller]
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a folder of the repository whose name ends so, sorted, by its path from there.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn visit(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                // What the tests have installed there.
                if !path.ends_with("node_modules") && !path.ends_with(".venv") {
                    visit(&path, ending, found);
                }
            } else if path.to_str().is_some_and(|path| path.ends_with(ending)) {
                found.push(path.strip_prefix(root()).expect("a path of the repository").to_owned());
            }
        }
    }
    let mut found = Vec::new();
    visit(&root().join(folder), ending, &mut found);
    found.sort();
    assert!(!found.is_empty(), "nothing in {folder} ends in {ending}");
    found
}
