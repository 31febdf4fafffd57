//! Files that are made from the code and kept in the repository, so that people can read them there.

use std::fs;

use super::{read, root};

/// Compares a kept file with what is made now; with `BMAUTH_WRITE_DOCS=1` (`make docs`) it is written instead.
#[track_caller]
pub fn is_kept(path: &str, made: &str) {
    if std::env::var_os("BMAUTH_WRITE_DOCS").is_some() {
        fs::write(root().join(path), made).expect("a kept file can be written");
    }
    let kept = read(path);
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(made.lines().count()));
    assert!(
        kept == made,
        "{path} is not what the program says, from line {} on; write it with `make docs`.\nkept: {:?}\nmade: {:?}",
        line + 1,
        kept.lines().nth(line),
        made.lines().nth(line),
    );
}
