//! Sessions that are named by an access token, for apps that carry one in place of the cookie.

use std::sync::Arc;

use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::{CachedToken, LiveSession, Sessions, TextDigest, secret_value};
use crate::auth::principal::Principal;
use crate::identity::IdentityError;
use crate::store::StoreError;

impl Sessions {
    /// Whether a text says of itself that it is an access token of ours; nothing about it is verified.
    pub fn is_access_token(&self, text: &str) -> bool {
        self.core.identity.is_access_token(text)
    }

    /// The live session of an access token. `None` where the token is not good or from before an elevation that
    /// was used, or its session has ended, is not of the API, or is another account's than it says.
    ///
    /// # Errors
    /// The store could not be read: the caller refuses the request.
    pub async fn of_access_token(&self, text: &str) -> Result<Option<LiveSession>, StoreError> {
        let core = &self.core;
        let token = match core.identity.read_access(text, core.now()) {
            Ok(token) => token,
            Err(reason) => {
                tracing::debug!(%reason, "an access token was refused");
                return Ok(None);
            }
        };
        let claimed = token.claimed();
        let key = core.keys.api_session(claimed.session);
        // The same text has the same signature, which is remembered with the session. This look decides nothing about
        // who asks, and notes no use.
        let digest: TextDigest = Sha256::digest(text).into();
        let is_known = core.table.peek(key).is_some_and(|live| live.has_verified(&digest));
        if !is_known && let Err(reason) = token.verify() {
            tracing::debug!(%reason, "an access token was refused");
            return Ok(None);
        }
        let is_good = |live: &LiveSession| {
            live.id() == claimed.session
                && live.account() == claimed.account
                && !live.cut().is_before(claimed.issued_at, claimed.elevated)
        };
        let live = self.find(key).await?.filter(is_good);
        if let (Some(live), false) = (&live, is_known) {
            live.remember_verified(digest);
        }
        Ok(live)
    }

    /// The `Authorization` for an app of that audience in the place of its visitor's, whose access token `presented` is:
    /// the kept one, or a new one. `None` where that one has expired meanwhile.
    ///
    /// # Errors
    /// No key signs: the request is refused.
    pub fn forwarded_token(
        &self,
        principal: &Principal,
        presented: &str,
        audience: &Arc<str>,
    ) -> Result<Option<HeaderValue>, IdentityError> {
        let core = &self.core;
        let Principal::Person(session) = principal;
        let (now, digest): (_, TextDigest) = (core.now(), Sha256::digest(presented).into());
        if let Some(cached) = core.table.cached_forwarded_token(&digest, session, audience, now) {
            return Ok(Some(cached));
        }
        let Ok(presented) = core.identity.read_access(presented, now) else { return Ok(None) };
        let (told, end, jti) = (session.facts(), core.table.end_if_used(session, now), core.entropy.uuid());
        let token = core.identity.mint_forwarded(&told, presented.claimed(), audience, end, jti, now)?;
        let value = secret_value(format!("Bearer {}", token.text));
        let (audience, in_place_of, fresh_until) = (Arc::clone(audience), Some(digest), token.expires_at);
        let cached = CachedToken { audience, in_place_of, value: value.clone(), fresh_from: now, fresh_until };
        core.table.cache_token(session, cached);
        Ok(Some(value))
    }
}
