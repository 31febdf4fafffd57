//! A cache of the tokens that apps get: identity tokens and forwarded tokens, each for the next request of its session
//! to the same audience.
//!
//! It is set-associative, as the cache of a processor is: a fixed number of small sets. A session's set follows from its
//! token, so that a lookup, an insertion and the end of a session each touch one set.

use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderValue;

use super::live::{LiveSession, TextDigest};
use crate::domain::clock::Timestamp;

/// How many sets there are.
const SETS: usize = 4096;
/// How many tokens a set has room for, those of all its sessions together.
const WAYS: usize = 8;
/// How many tokens the cache has room for. One takes some 720 bytes, so all of them take 24 MB. A token that was evicted
/// costs its next request less than thirty microseconds, in which it is signed again.
pub const CAPACITY: usize = SETS * WAYS;

/// A token of a session, cached for its next request to the same audience.
#[derive(Clone, Debug)]
pub struct CachedToken {
    /// The audience it was made for.
    pub audience: Arc<str>,
    /// The access token in whose place it is handed out; `None` for an identity token.
    pub in_place_of: Option<TextDigest>,
    /// The token, ready to be sent.
    pub value: HeaderValue,
    /// When it was made. Before that it is not handed out: a clock that was set back would take it for one from the
    /// future.
    pub fresh_from: Timestamp,
    /// Until when it is handed out: half of its life for an identity token, all of it for a forwarded token, which lives
    /// no longer than the access token.
    pub fresh_until: Timestamp,
}

impl CachedToken {
    /// Whether it is what `audience` gets, in the place of that access token if there is one.
    fn is_for(&self, audience: &str, in_place_of: Option<&TextDigest>) -> bool {
        &*self.audience == audience && self.in_place_of.as_ref() == in_place_of
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.fresh_from <= now && now < self.fresh_until
    }
}

/// The cached tokens of all sessions.
pub(super) struct TokenCache(Box<[RwLock<Set>]>);

type Set = Vec<(LiveSession, CachedToken)>;

impl TokenCache {
    pub(super) fn new() -> Self {
        Self((0..SETS).map(|_| RwLock::default()).collect())
    }

    fn set(&self, session: &LiveSession) -> &RwLock<Set> {
        // The shard and the bell of a session are chosen by the first two bytes. By the next two, the sessions of one
        // shard are spread over all sets.
        let [_, _, first, second, ..] = *session.token().bytes();
        self.0.get(usize::from(u16::from_be_bytes([first, second])) % SETS).expect("there are SETS sets")
    }

    /// The session's token for `audience`, if it is fresh at `now`.
    pub(super) fn get(
        &self,
        session: &LiveSession,
        audience: &str,
        in_place_of: Option<&TextDigest>,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        let set = self.set(session).read().unwrap_or_else(PoisonError::into_inner);
        let (_, token) = set.iter().find(|(owner, token)| owner.is(session) && token.is_for(audience, in_place_of))?;
        token.is_fresh(now).then(|| token.value.clone())
    }

    /// Caches a token. It replaces the session's token for the same audience and access token. Where there is none and
    /// the set is full, it replaces the token that would go stale first. A token of a session that has ended is not
    /// cached.
    pub(super) fn put(&self, session: &LiveSession, token: CachedToken) {
        let mut set = self.set(session).write().unwrap_or_else(PoisonError::into_inner);
        // Checked under the lock. A session is marked as ended before `forget` takes the lock, so either this sees the
        // mark, or `forget` finds the token.
        if session.has_ended() {
            return;
        }
        set.retain(|(owner, other)| !(owner.is(session) && other.is_for(&token.audience, token.in_place_of.as_ref())));
        if set.len() >= WAYS {
            // Identity tokens all live equally long, so of them it is the one that was made first.
            let stalest = set.iter().enumerate().min_by_key(|(_, (_, token))| token.fresh_until);
            if let Some((place, _)) = stalest {
                set.swap_remove(place);
            }
        }
        set.push((session.clone(), token));
    }

    /// Drops all tokens of a session, which must have been marked as ended.
    pub(super) fn forget(&self, session: &LiveSession) {
        let mut set = self.set(session).write().unwrap_or_else(PoisonError::into_inner);
        set.retain(|(owner, _)| !owner.is(session));
    }

    /// Drops the tokens that are not handed out at `now`.
    pub(super) fn drop_stale(&self, now: Timestamp) {
        for set in &self.0 {
            let is_fresh = |(_, token): &(LiveSession, CachedToken)| token.is_fresh(now);
            // Most sets have nothing stale, and are only read.
            if !set.read().unwrap_or_else(PoisonError::into_inner).iter().all(is_fresh) {
                set.write().unwrap_or_else(PoisonError::into_inner).retain(is_fresh);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|set| set.read().unwrap().len()).sum()
    }
}

impl std::fmt::Debug for TokenCache {
    /// Shows no token: a token opens what its session opens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenCache(…)")
    }
}
