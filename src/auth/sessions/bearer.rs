//! Sessions that are named by an access token, for apps that carry one in place of the cookie.

use sha2::{Digest as _, Sha256};

use super::{LiveSession, Sessions, TextDigest};
use crate::store::StoreError;

impl Sessions {
    /// Whether a text says of itself that it is an access token of ours; nothing about it is verified.
    pub fn is_access_token(&self, text: &str) -> bool {
        self.0.identity.is_access_token(text)
    }

    /// The live session of an access token. `None` where the token is not good, or its session has ended, is not of the
    /// API, or is another account's than it says.
    ///
    /// # Errors
    /// The store could not be read: whoever asks is refused.
    pub async fn of_access_token(&self, text: &str) -> Result<Option<LiveSession>, StoreError> {
        let Self(core) = self;
        let token = match core.identity.read_access(text, core.now()) {
            Ok(token) => token,
            Err(reason) => {
                tracing::debug!(%reason, "an access token was refused");
                return Ok(None);
            }
        };
        let claimed = token.claimed();
        let key = core.keys.api_session(claimed.session);
        // The same text has the same signature. It is remembered with the session, and nobody is taken for somebody by
        // this look: it notes no use.
        let digest: TextDigest = Sha256::digest(text).into();
        let is_known = core.table.peek(key).is_some_and(|live| live.has_verified(&digest));
        if !is_known && let Err(reason) = token.verify() {
            tracing::debug!(%reason, "an access token was refused");
            return Ok(None);
        }
        let live =
            self.find(key).await?.filter(|live| live.id() == claimed.session && live.account() == claimed.account);
        if let (Some(live), false) = (&live, is_known) {
            live.remember_verified(digest);
        }
        Ok(live)
    }
}
