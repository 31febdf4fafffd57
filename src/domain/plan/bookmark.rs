//! Changes of bookmarks.

use super::effects::Effects;
use crate::domain::bookmark::Bookmark;

/// A change of a bookmark.
#[derive(Clone, Debug)]
pub enum BookmarkChange {
    /// Keeps a bookmark, in place of any other of its name.
    Put(Bookmark),
}

impl BookmarkChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Put(_) => {}
        }
    }
}
