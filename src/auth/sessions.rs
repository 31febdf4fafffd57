//! The live-session table: who is signed in, in memory, by the digest of their token.
//!
//! The hot path takes one shard's read lock for the length of a map lookup and writes nothing but an atomic.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use http::HeaderValue;
use tokio_util::sync::CancellationToken;

use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::secret::SecretDigest;
use crate::domain::session::{Session, SessionLimits, SignedIn};

const SHARDS: usize = 64;

/// A session that is signed in now. Copies are handles on the same one.
#[derive(Clone, Debug)]
pub struct LiveSession(Arc<Live>);

#[derive(Debug)]
struct Live {
    signed_in: SignedIn,
    last_seen: AtomicU64,
    ended: CancellationToken,
    kept: ArcSwap<Vec<KeptToken>>,
    verified: ArcSwapOption<TextDigest>,
}

/// The SHA-256 of an access token's text.
pub type TextDigest = [u8; 32];

/// An identity token kept for the next request to the same audience.
#[derive(Clone, Debug)]
pub struct KeptToken {
    /// The audience it was made for.
    pub audience: Arc<str>,
    /// The token, ready to be sent.
    pub value: HeaderValue,
    /// Until when it is handed out: half of its life.
    pub fresh_until: Timestamp,
}

impl LiveSession {
    fn new(signed_in: SignedIn) -> Self {
        Self(Arc::new(Live {
            last_seen: AtomicU64::new(signed_in.session.last_seen_at.unix()),
            ended: CancellationToken::new(),
            kept: ArcSwap::from_pointee(Vec::new()),
            verified: ArcSwapOption::empty(),
            signed_in,
        }))
    }

    /// The session and its account.
    pub fn signed_in(&self) -> &SignedIn {
        &self.0.signed_in
    }

    /// Fires when the session ends, however it ends; open streams of it stop then.
    pub fn ended(&self) -> &CancellationToken {
        &self.0.ended
    }

    /// The kept token for `audience`, if it is fresh at `now`.
    pub fn kept(&self, audience: &str, now: Timestamp) -> Option<HeaderValue> {
        let kept = self.0.kept.load();
        let token = kept.iter().find(|kept| &*kept.audience == audience)?;
        (now < token.fresh_until).then(|| token.value.clone())
    }

    /// Keeps a token in place of the one of its audience.
    pub fn keep(&self, token: &KeptToken) {
        self.0.kept.rcu(|kept| {
            let others = kept.iter().filter(|other| other.audience != token.audience).cloned();
            others.chain([token.clone()]).collect::<Vec<_>>()
        });
    }

    /// Whether the access token last verified for this session is the one with this digest.
    pub fn has_verified(&self, token: &TextDigest) -> bool {
        self.0.verified.load().as_deref() == Some(token)
    }

    /// Remembers an access token of this session whose signature was verified, in place of the last one.
    pub fn remember_verified(&self, token: TextDigest) {
        self.0.verified.store(Some(Arc::new(token)));
    }

    fn last_seen(&self) -> Timestamp {
        Timestamp::from_unix(self.0.last_seen.load(Ordering::Relaxed))
    }
}

impl std::borrow::Borrow<SignedIn> for LiveSession {
    fn borrow(&self) -> &SignedIn {
        self.signed_in()
    }
}

/// The table.
#[derive(Debug)]
pub struct Sessions {
    limits: SessionLimits,
    shards: Vec<RwLock<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    live: HashMap<SecretDigest, LiveSession>,
    /// Counts the sessions that ended here, or may have, so that one read from the store just before does not come
    /// back.
    endings: u64,
}

/// A shard's state before a session was read from the store; see [`Sessions::admit`].
#[derive(Clone, Copy, Debug)]
pub struct Before(u64);

impl Sessions {
    /// An empty table; sessions are loaded as they come.
    pub fn new(limits: SessionLimits) -> Self {
        Self { limits, shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    /// How long sessions last.
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    fn shard(&self, token: SecretDigest) -> &RwLock<Shard> {
        let [first, ..] = *token.bytes();
        self.shards.get(usize::from(first) % SHARDS).expect("there are SHARDS shards")
    }

    /// The live session of that token, noting the use; `None` where the table has none or its time is up.
    pub fn get(&self, token: SecretDigest, now: Timestamp) -> Option<LiveSession> {
        let session = {
            let shard = self.shard(token).read().unwrap_or_else(PoisonError::into_inner);
            shard.live.get(&token).cloned()?
        };
        if now >= self.limits.end(session.signed_in().session.created_at, session.last_seen()) {
            self.end(token);
            return None;
        }
        session.0.last_seen.fetch_max(now.unix(), Ordering::Relaxed);
        Some(session)
    }

    /// The session of that token where it is in memory, whether or not its time is up, for a look that is no use of it.
    pub fn peek(&self, token: SecretDigest) -> Option<LiveSession> {
        self.shard(token).read().unwrap_or_else(PoisonError::into_inner).live.get(&token).cloned()
    }

    /// To be taken before a session is read from the store, and given to [`Sessions::admit`] with it.
    pub fn before(&self, token: SecretDigest) -> Before {
        Before(self.shard(token).read().unwrap_or_else(PoisonError::into_inner).endings)
    }

    /// Takes in a session that was read from the store after `before`; `None` where its time is up. Where any session
    /// of its shard ended meanwhile, `Err`: the caller reads the store again.
    ///
    /// # Errors
    /// [`Raced`].
    pub fn admit(&self, before: Before, signed_in: SignedIn, now: Timestamp) -> Result<Option<LiveSession>, Raced> {
        let Session { token, created_at, last_seen_at, .. } = signed_in.session;
        if now >= self.limits.end(created_at, last_seen_at) || signed_in.account.disabled {
            return Ok(None);
        }
        let mut shard = self.shard(token).write().unwrap_or_else(PoisonError::into_inner);
        if shard.endings != before.0 {
            return Err(Raced);
        }
        let session = shard.live.entry(token).or_insert_with(|| LiveSession::new(signed_in)).clone();
        session.0.last_seen.fetch_max(now.unix(), Ordering::Relaxed);
        Ok(Some(session))
    }

    /// Ends a session here and cancels its open streams. The store must have forgotten it before.
    pub fn end(&self, token: SecretDigest) {
        let ended = {
            let mut shard = self.shard(token).write().unwrap_or_else(PoisonError::into_inner);
            shard.endings = shard.endings.wrapping_add(1);
            shard.live.remove(&token)
        };
        if let Some(session) = ended {
            session.0.ended.cancel();
        }
    }

    /// Every live session of an account. One that is being read from the store meanwhile is read again, so that after a
    /// commit no session is missed: it is either in this list or sees what the commit left.
    pub fn live_of(&self, account: AccountId) -> Vec<SecretDigest> {
        let mut tokens = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.endings = shard.endings.wrapping_add(1);
            let theirs = shard.live.iter().filter(|(_, session)| session.signed_in().account.id == account);
            tokens.extend(theirs.map(|(token, _)| *token));
        }
        tokens
    }

    /// Ends every session whose time is up at `now`.
    pub fn end_expired(&self, now: Timestamp) {
        for shard in &self.shards {
            let over: Vec<_> = {
                let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
                let is_over =
                    |live: &LiveSession| now >= self.limits.end(live.signed_in().session.created_at, live.last_seen());
                shard.live.iter().filter(|(_, live)| is_over(live)).map(|(token, _)| *token).collect()
            };
            for token in over {
                self.end(token);
            }
        }
    }

    /// When each session that has been used since it was read from the store was last used.
    pub fn used(&self) -> Vec<(SecretDigest, Timestamp)> {
        let mut used = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let uses = shard.live.iter().map(|(token, live)| (*token, live.last_seen(), live.signed_in()));
            used.extend(
                uses.filter(|(_, at, stored)| *at > stored.session.last_seen_at).map(|(token, at, _)| (token, at)),
            );
        }
        used
    }
}

/// A session ended while another was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raced;
