//! The folder of a configuration, and what is read of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The folder that relative paths start from. What is read of it is part of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    read: Rc<RefCell<BTreeSet<(String, PathBuf)>>>,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: Rc::default() }
    }

    /// The file that a key names, to be read.
    pub(super) fn file(&self, key: &str, written: &str) -> PathBuf {
        let path = self.path.join(written);
        self.read.borrow_mut().insert((key.to_owned(), path.clone()));
        path
    }

    /// A file that the gateway keeps itself: what is in it is no configuration.
    pub(super) fn kept_by_us(&self, written: &str) -> PathBuf {
        self.path.join(written)
    }

    /// The files that were named to be read, by key.
    pub(super) fn read(&self) -> BTreeSet<(String, PathBuf)> {
        self.read.borrow().clone()
    }
}
