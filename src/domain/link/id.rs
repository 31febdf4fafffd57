//! The names of links.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A link's name, which tells nothing and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkId(pub Uuid);
