//! Identity tokens and forwarded tokens that were made, kept for the next request to the same audience. There is room
//! for a fixed number.
//!
//! Like the cache of a processor it is made of small sets. Where a session's tokens may stand is known from its own
//! token, so looking, keeping and giving up each touch one set.

use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderValue;

use super::live::{LiveSession, TextDigest};
use crate::domain::clock::Timestamp;

/// How many sets there are.
const SETS: usize = 4096;
/// How many tokens stand in a set.
const WAYS: usize = 8;
/// The most tokens that are kept. One takes some 720 bytes, so all of them take 24 MB; making one anew takes less than
/// thirty microseconds, so what is not kept is merely slower.
pub const MOST: usize = SETS * WAYS;

/// A token kept for the next request to the same audience.
#[derive(Clone, Debug)]
pub struct KeptToken {
    /// The audience it was made for.
    pub audience: Arc<str>,
    /// The access token in whose place it is handed out; `None` for an identity token.
    pub in_place_of: Option<TextDigest>,
    /// The token, ready to be sent.
    pub value: HeaderValue,
    /// From when on it is handed out: where the clock was set back, it would be from the future.
    pub fresh_from: Timestamp,
    /// Until when it is handed out: half of its life.
    pub fresh_until: Timestamp,
}

/// The tokens of all sessions.
pub(super) struct KeptTokens(Box<[RwLock<Set>]>);

type Set = Vec<(LiveSession, KeptToken)>;

impl KeptTokens {
    pub(super) fn new() -> Self {
        Self((0..SETS).map(|_| RwLock::default()).collect())
    }

    fn set(&self, session: &LiveSession) -> &RwLock<Set> {
        // Other bytes than those by which the table and the bells choose, so that a set's sessions are spread there.
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
        let is_it = |token: &KeptToken| &*token.audience == audience && token.in_place_of.as_ref() == in_place_of;
        let (_, token) = set.iter().find(|(whose, token)| whose.is(session) && is_it(token))?;
        (token.fresh_from <= now && now < token.fresh_until).then(|| token.value.clone())
    }

    /// Keeps a token in place of the one of its session and audience (and access token), or else of the one that would
    /// go first. That of a session which has ended meanwhile is not kept.
    pub(super) fn keep(&self, session: &LiveSession, token: KeptToken) {
        let mut set = self.set(session).write().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: a session is marked as ended before it is forgotten here, so one of the two sees the other.
        if session.has_ended() {
            return;
        }
        let same = |other: &KeptToken| (&other.audience, other.in_place_of) == (&token.audience, token.in_place_of);
        set.retain(|(whose, other)| !(whose.is(session) && same(other)));
        if set.len() >= WAYS {
            // Lives are alike but for those of forwarded tokens, so this is the one made first, or one that soon ends.
            let first = set.iter().enumerate().min_by_key(|(_, (_, token))| token.fresh_until);
            if let Some((place, _)) = first {
                set.swap_remove(place);
            }
        }
        set.push((session.clone(), token));
    }

    /// Gives up all of a session that was marked as ended.
    pub(super) fn forget(&self, session: &LiveSession) {
        let mut set = self.set(session).write().unwrap_or_else(PoisonError::into_inner);
        set.retain(|(whose, _)| !whose.is(session));
    }

    /// Gives up what is no longer handed out at `now`.
    pub(super) fn drop_stale(&self, now: Timestamp) {
        for set in &self.0 {
            let is_stale = |(_, token): &(LiveSession, KeptToken)| token.fresh_until <= now || now < token.fresh_from;
            if set.read().unwrap_or_else(PoisonError::into_inner).iter().any(is_stale) {
                set.write().unwrap_or_else(PoisonError::into_inner).retain(|kept| !is_stale(kept));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|set| set.read().unwrap().len()).sum()
    }
}

impl std::fmt::Debug for KeptTokens {
    /// Tokens open what their sessions open.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptTokens(…)")
    }
}
