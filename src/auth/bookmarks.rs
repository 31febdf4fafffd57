//! Where visitors wanted to go, where that is too long to be carried along in an address.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::core::Core;
use crate::domain::bookmark::Bookmark;
use crate::domain::host::Host;
use crate::domain::path::RequestTarget;
use crate::domain::plan::{BookmarkChange, Plan};
use crate::domain::secret::Secret;
use crate::domain::visitor;
use crate::store::StoreError;

/// How many a network may have kept at once, and how many more each minute. Any visitor can ask for one, and each takes
/// as much of the store as the largest head of a request. Visitors who cannot be told apart share one network's.
const BURST: NonZeroU32 = NonZeroU32::new(20).expect("20 is not 0");
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(1).expect("1 is not 0");

/// Keeps such targets, and tells them.
pub struct Bookmarks {
    core: Arc<Core>,
    networks: DefaultKeyedRateLimiter<Vec<u8>>,
}

impl Bookmarks {
    /// A flow on that core.
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, networks: RateLimiter::keyed(Quota::per_minute(PER_MINUTE).allow_burst(BURST)) }
    }

    /// Keeps a target on `host`, for a visitor at the address `client`. Returns its name; `None` where that network has
    /// had its share, where the target is one of our own, or where the store failed. What is kept may be lost with the
    /// process: its visitor gets to the root then.
    pub async fn keep(&self, host: &Host, target: &RequestTarget, client: Option<IpAddr>) -> Option<Secret> {
        self.networks.check_key(&visitor::network(client)).ok()?;
        let name = Secret::generate(&*self.core.entropy);
        let bookmark = Bookmark::new(&name, host.clone(), target.clone(), self.core.now())?;
        let plan = Plan::relaxed(vec![BookmarkChange::Put(bookmark).into()], ());
        match self.core.carry_out(plan).await {
            Ok(()) => Some(name),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "where a visitor wanted to go was not kept");
                None
            }
        }
    }

    /// What is kept under that name, if it still is.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn find(&self, name: &Secret) -> Result<Option<Bookmark>, StoreError> {
        let bookmark = self.core.records.bookmark(name.digest()).await?;
        Ok(bookmark.filter(|bookmark| bookmark.is_open(self.core.now())))
    }

    /// Forgets networks that may keep as many as any other.
    pub fn forget_networks(&self) {
        self.networks.retain_recent();
        self.networks.shrink_to_fit();
    }
}

impl fmt::Debug for Bookmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bookmarks").finish_non_exhaustive()
    }
}
