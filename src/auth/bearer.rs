//! Temporary.
use super::Auth;
use super::sessions::LiveSession;
use crate::store::StoreError;
impl Auth {
    /// The live session of an access token.
    ///
    /// # Errors
    /// The store.
    pub async fn bearer_session(&self, text: &str) -> Result<Option<LiveSession>, StoreError> {
        let Ok(claimed) = self.identity.verify_access(text, self.now()) else { return Ok(None) };
        let key = self.keys.api_session(claimed.session);
        Ok(self.session(key).await?.filter(|live| {
            let session = &live.signed_in().session;
            session.id == claimed.session && session.account == claimed.account
        }))
    }
}
