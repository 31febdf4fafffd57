//! The live-session table: who is signed in, in memory, by the digest of their token.
//!
//! A request of a known session takes the read lock of one shard for the length of a lookup, and writes nothing but
//! atomics.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use http::HeaderValue;

use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::host::Host;
use crate::domain::secret::SecretDigest;
use crate::domain::session::{Session, SessionLimits, SignedIn};
use crate::domain::token_family::Cut;

use super::live::{LiveSession, TextDigest};
use super::token_cache::{CachedToken, TokenCache};

/// How many shards the table has. They are many and small, because a hash table that grows is copied whole, and the
/// memory of a small one is soon used again for sessions. A session's shard is chosen by the first bits of its token,
/// the key by which the store sorts. So the uses that one shard writes down are neighbours in the store.
const SHARDS: usize = 1024;

/// How far apart the clock readings of two requests at the same moment may be. A larger step back means that the clock
/// was set back.
const CLOCK_JITTER: Duration = Duration::from_secs(2);

/// The `first_end` of a shard without sessions.
const NEVER: Timestamp = Timestamp::from_unix(u64::MAX);

/// The sessions that are in memory, in shards.
#[derive(Debug)]
pub struct SessionTable {
    limits: SessionLimits,
    shards: Vec<RwLock<Shard>>,
    /// The hosts of all sessions, each once, so that sessions share them.
    hosts: RwLock<Vec<Arc<Host>>>,
    token_cache: TokenCache,
    /// The latest `now` of any request, in seconds since the Unix epoch, to notice a clock that was set back.
    latest_now: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    /// Handles of sessions, found by their tokens. Each takes a pointer and one byte of the hash table.
    live: HashTable<LiveSession>,
    /// Grows whenever a session ends or the sessions are listed to be ended. A session that was read from the store
    /// before that is not admitted, since it may have ended meanwhile.
    generation: u64,
    /// No session of this shard reaches its end before this. It may be earlier than the first end, never later.
    first_end: Timestamp,
}

impl Default for Shard {
    fn default() -> Self {
        Self { live: HashTable::new(), generation: 0, first_end: NEVER }
    }
}

impl Shard {
    fn find(&self, token: SecretDigest) -> Option<&LiveSession> {
        self.live.find(hash(token), |live| live.token() == token)
    }

    /// Makes sessions that are being read from the store fail with [`Raced`], so that they are read again.
    fn interrupt_reads(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}

/// The hash of a token: eight bytes of its digest, which is as good as a hash. They are not the first ones, by which the
/// shard is chosen. An attacker cannot choose tokens whose hashes collide, since only tokens that were drawn here, or
/// made with a key of ours, come into the table.
fn hash(token: SecretDigest) -> u64 {
    let bytes = token.bytes().get(8..16).and_then(<[u8]>::first_chunk);
    u64::from_le_bytes(*bytes.expect("a digest has 32 bytes"))
}

/// A shard's generation before a session was read from the store; see [`SessionTable::admit_with`].
#[derive(Clone, Copy, Debug)]
pub struct ShardGeneration(u64);

impl SessionTable {
    /// An empty table; sessions are loaded as they come.
    pub fn new(limits: SessionLimits) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { limits, shards, hosts: RwLock::default(), latest_now: AtomicU64::new(0), token_cache: TokenCache::new() }
    }

    /// How long sessions last.
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    fn shard(&self, token: SecretDigest) -> &RwLock<Shard> {
        let [first, second, ..] = *token.bytes();
        // The first bits of a number of 16 bits, as many as tell the shards apart.
        let place = (usize::from(u16::from_be_bytes([first, second])) * SHARDS) >> u16::BITS;
        self.shards.get(place).expect("there are SHARDS shards")
    }

    /// The live session of that token, with its use noted; `None` where the table has none or its time is up.
    pub fn get(&self, token: SecretDigest, now: Timestamp) -> Option<LiveSession> {
        self.peek(token).and_then(|session| self.use_or_end(token, session, now))
    }

    /// The same for a token that came in a cookie of `host`. `None`, too, where the session is good at another host, and
    /// then this does not count as a use.
    pub fn get_at(&self, token: SecretDigest, host: &Host, now: Timestamp) -> Option<LiveSession> {
        let session = self.peek(token).filter(|session| session.is_good_at(host));
        session.and_then(|session| self.use_or_end(token, session, now))
    }

    /// Notes a use of that session, or ends it and returns `None` where its time is up.
    fn use_or_end(&self, token: SecretDigest, session: LiveSession, now: Timestamp) -> Option<LiveSession> {
        self.note_time(now);
        session.set_back(now, self.limits);
        // A member whose head has ended stays in the table until it is looked up here, or swept.
        if now >= session.end_if_unused(self.limits) || session.has_ended() {
            self.end(token);
            return None;
        }
        session.note_use(now);
        Some(session)
    }

    /// The handle on a host that all its sessions share.
    fn shared_host(&self, host: &Host) -> Arc<Host> {
        let known = |hosts: &Vec<Arc<Host>>| hosts.iter().find(|known| ***known == *host).cloned();
        let found = known(&self.hosts.read().unwrap_or_else(PoisonError::into_inner));
        found.unwrap_or_else(|| {
            let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
            known(&hosts).unwrap_or_else(|| {
                let host = Arc::new(host.clone());
                hosts.push(Arc::clone(&host));
                host
            })
        })
    }

    /// The session of that token where it is in memory, whether or not its time is up. This does not count as a use.
    pub fn peek(&self, token: SecretDigest) -> Option<LiveSession> {
        self.shard(token).read().unwrap_or_else(PoisonError::into_inner).find(token).cloned()
    }

    /// The generation of a token's shard. It is taken before the session is read from the store, and given to
    /// [`SessionTable::admit_with`] with what was read.
    pub fn generation(&self, token: SecretDigest) -> ShardGeneration {
        ShardGeneration(self.shard(token).read().unwrap_or_else(PoisonError::into_inner).generation)
    }

    /// Takes in a session that was read from the store, and notes its use. `read_in` is the generation of its shard from
    /// before it was read. `head` is the head of its family, where it is a member of one, and `cut` says which of its
    /// access tokens are dead. `None` where its time is up, or its account is disabled.
    ///
    /// # Errors
    /// [`Raced`], where it may have ended since it was read: the caller reads it again.
    pub fn admit_with(
        &self,
        read_in: ShardGeneration,
        signed_in: &SignedIn,
        head: Option<LiveSession>,
        cut: Cut,
        now: Timestamp,
    ) -> Result<Option<LiveSession>, Raced> {
        let Session { token, .. } = signed_in.session;
        let host = signed_in.session.host.as_ref().map(|host| self.shared_host(host));
        let fresh = LiveSession::new(signed_in, host, head, cut, self.limits);
        if now >= fresh.end_if_unused(self.limits) || signed_in.account.disabled {
            return Ok(None);
        }
        self.note_time(now);
        let mut shard = self.shard(token).write().unwrap_or_else(PoisonError::into_inner);
        // The fresh session has ended where the head of its family has, which may be in another shard.
        if shard.generation != read_in.0 || fresh.has_ended() {
            return Err(Raced);
        }
        let is_it = |live: &LiveSession| live.token() == token;
        let session = match shard.live.entry(hash(token), is_it, |live| hash(live.token())) {
            // Another request has read the same session meanwhile: both get the one handle.
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => place.insert(fresh).get().clone(),
        };
        session.set_back(now, self.limits);
        session.note_use(now);
        shard.first_end = shard.first_end.min(session.end_if_unused(self.limits));
        Ok(Some(session))
    }

    /// The same for a session that is no member of a family and has no access tokens.
    ///
    /// # Errors
    /// As [`SessionTable::admit_with`].
    pub fn admit(
        &self,
        read_in: ShardGeneration,
        signed_in: &SignedIn,
        now: Timestamp,
    ) -> Result<Option<LiveSession>, Raced> {
        self.admit_with(read_in, signed_in, None, Cut::NONE, now)
    }

    /// Ends a session here, stops its open streams and drops its cached tokens. A session that ends for good must be
    /// removed from the store before this: its next request would read it from there again.
    pub fn end(&self, token: SecretDigest) {
        let ended = {
            let mut shard = self.shard(token).write().unwrap_or_else(PoisonError::into_inner);
            shard.interrupt_reads();
            shard.live.find_entry(hash(token), |live| live.token() == token).ok().map(|found| found.remove().0)
        };
        if let Some(session) = ended {
            session.end();
            self.token_cache.forget(&session);
        }
    }

    /// The tokens of all live sessions of an account. One that is being read from the store meanwhile is read again, so
    /// that after a commit no session is missed: it is either in this list or sees what the commit left.
    pub fn tokens_of(&self, account: AccountId) -> Vec<SecretDigest> {
        let mut tokens = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.interrupt_reads();
            tokens.extend(shard.live.iter().filter(|live| live.account() == account).map(LiveSession::token));
        }
        tokens
    }

    /// Every live session. One that is being read from the store meanwhile is read again, as in
    /// [`SessionTable::tokens_of`].
    pub fn all(&self) -> Vec<LiveSession> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.interrupt_reads();
            all.extend(shard.live.iter().cloned());
        }
        all
    }

    /// Ends every session here. Those that are being read from the store meanwhile are read again.
    pub fn end_all(&self) {
        for shard in &self.shards {
            let tokens: Vec<_> = {
                let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
                shard.interrupt_reads();
                shard.live.iter().map(LiveSession::token).collect()
            };
            tokens.into_iter().for_each(|token| self.end(token));
        }
    }

    fn note_time(&self, now: Timestamp) {
        // A read is cheaper than a write, which takes the value out of the caches of all other cores.
        if self.latest_now.load(Ordering::Relaxed) < now.unix() {
            self.latest_now.fetch_max(now.unix(), Ordering::Relaxed);
        }
    }

    /// Returns whether the clock was set back since the last call, and goes on from the time that it shows now.
    fn notice_set_back(&self, now: Timestamp) -> bool {
        let was_set_back = self.latest_now.load(Ordering::Relaxed) > now.after(CLOCK_JITTER).unix();
        if was_set_back {
            self.latest_now.store(now.unix(), Ordering::Relaxed);
        }
        was_set_back
    }

    /// Ends every session whose time is up at `now`, and drops the cached tokens that are not handed out any more.
    pub fn end_expired(&self, now: Timestamp) {
        // Sessions end earlier by a clock that was set back, so each shard's `first_end` may be too late.
        let look_at_all = self.notice_set_back(now);
        for shard in &self.shards {
            for token in self.take_expired(shard, look_at_all, now) {
                self.end(token);
            }
        }
        self.token_cache.drop_stale(now);
    }

    /// The sessions of a shard whose time is up at `now`; makes its `first_end` that of the others. A shard whose
    /// `first_end` is not reached has none, unless `look_at_all`.
    fn take_expired(&self, shard: &RwLock<Shard>, look_at_all: bool, now: Timestamp) -> Vec<SecretDigest> {
        {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            if !look_at_all && now < shard.first_end {
                return Vec::new();
            }
            // A session that is admitted while this looks through the others lowers it again.
            shard.first_end = NEVER;
        }
        let (mut expired, mut first_end) = (Vec::new(), NEVER);
        for live in &shard.read().unwrap_or_else(PoisonError::into_inner).live {
            live.set_back(now, self.limits);
            let end = live.end_if_unused(self.limits);
            if now >= end || live.has_ended() {
                expired.push(live.token());
            } else {
                first_end = first_end.min(end);
            }
        }
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        shard.first_end = shard.first_end.min(first_end);
        expired
    }

    /// The last use of each session where the store lags behind by `lag` or more. They come shard by shard, so that a
    /// list of all is never in memory, and in the order in which the store sorts them. Once they are written, the
    /// caller tells [`SessionTable::note_written`].
    pub fn unwritten_uses(&self, lag: Duration) -> impl Iterator<Item = Vec<(SecretDigest, Timestamp)>> {
        self.shards.iter().map(move |shard| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let mut uses: Vec<_> =
                shard.live.iter().filter_map(|live| Some((live.token(), live.unwritten_use(lag)?))).collect();
            uses.sort_unstable();
            uses
        })
    }

    /// The sessions that are idle at `now` by what is known here, while something is open in them; of a family the
    /// head. Another gateway may have written a later use to the store, of which the caller tells
    /// [`SessionTable::used_elsewhere`].
    pub fn idle_with_streams(&self, now: Timestamp) -> Vec<SecretDigest> {
        let mut idle = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            if now < shard.first_end {
                continue;
            }
            let is_idle = |live: &&LiveSession| {
                let could_go_on = now < live.absolute_end() && !live.has_ended();
                could_go_on && now >= live.end_if_unused(self.limits)
            };
            idle.extend(shard.live.iter().filter(is_idle).filter(|live| live.is_held()).map(LiveSession::family));
        }
        // Each member of a family has named its head.
        idle.sort_unstable();
        idle.dedup();
        idle
    }

    /// Notes a use of a session at another gateway, which the store has already.
    pub fn used_elsewhere(&self, token: SecretDigest, at: Timestamp) {
        if let Some(live) = self.peek(token) {
            live.note_use(at);
            live.note_written(at);
        }
    }

    /// Notes that these uses are in the store now.
    pub fn note_written(&self, uses: &[(SecretDigest, Timestamp)]) {
        for (token, at) in uses {
            if let Some(live) = self.peek(*token) {
                live.note_written(*at);
            }
        }
    }

    /// When a session ends that is used at `now` and not again.
    pub fn end_if_used(&self, session: &LiveSession, now: Timestamp) -> Timestamp {
        session.absolute_end().min(now.after(self.limits.idle))
    }

    /// The cached identity token of a session for `audience`, if it is fresh at `now`.
    pub fn cached_token(&self, session: &LiveSession, audience: &str, now: Timestamp) -> Option<HeaderValue> {
        self.token_cache.get(session, audience, None, now)
    }

    /// The cached token of a session that `audience` gets in the place of that access token, if it is fresh at `now`.
    pub fn cached_forwarded_token(
        &self,
        access: &TextDigest,
        session: &LiveSession,
        audience: &str,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        self.token_cache.get(session, audience, Some(access), now)
    }

    /// Caches a token of a session for the next request, unless the session has ended; see [`TokenCache::put`].
    pub fn cache_token(&self, session: &LiveSession, token: CachedToken) {
        self.token_cache.put(session, token);
    }
}

/// The session that was read may have ended meanwhile, so it was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raced;
