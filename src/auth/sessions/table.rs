//! The live-session table: who is signed in, in memory, by the digest of their token.
//!
//! The hot path takes one shard's read lock for the length of a lookup and writes nothing but an atomic.

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

use super::kept::{KeptToken, KeptTokens};
use super::live::{LiveSession, TextDigest};

/// How many parts the table has. Many small ones: a part that grows is copied whole, and its old place is given back in
/// pieces that sessions fit into. They follow each other as their sessions do in the store, so that what is written
/// down of one stands together there.
const SHARDS: usize = 1024;

/// The sessions that are kept in memory, in shards.
#[derive(Debug)]
pub struct SessionTable {
    limits: SessionLimits,
    shards: Vec<RwLock<Shard>>,
    /// The hosts of sessions, each once: there are as many as the gateway has hosts.
    hosts: RwLock<Vec<Arc<Host>>>,
    kept: KeptTokens,
    /// The latest time that a request came with: where it is earlier by now, the clock was set back.
    latest: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    /// Only handles, found by the token that each has: nine bytes a place.
    live: HashTable<LiveSession>,
    /// Counts the sessions that ended here, or may have, so that one read from the store just before does not come
    /// back.
    endings: u64,
    /// No session of this shard reaches its end before this; one may be ended earlier.
    first_end: Timestamp,
}

/// How far two requests of one moment may be apart in what time they think it is, in seconds.
const APART: u64 = 2;

/// The end of a session that never ends, for a shard without sessions.
const NEVER: Timestamp = Timestamp::from_unix(u64::MAX);

impl Default for Shard {
    fn default() -> Self {
        Self { live: HashTable::new(), endings: 0, first_end: NEVER }
    }
}

impl Shard {
    fn find(&self, token: SecretDigest) -> Option<&LiveSession> {
        self.live.find(hash(token), |live| live.token() == token)
    }
}

/// A token's digest is as good as a hash of it. An attacker cannot choose tokens whose digests fall together: only
/// those that were drawn here, or made with a key of ours, ever come into the table.
fn hash(token: SecretDigest) -> u64 {
    let [_, _, _, _, _, _, _, _, bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *token.bytes();
    u64::from_le_bytes(bytes)
}

/// A shard's state before a session was read from the store; see [`SessionTable::admit`].
#[derive(Clone, Copy, Debug)]
pub struct Before(u64);

impl SessionTable {
    /// An empty table; sessions are loaded as they come.
    pub fn new(limits: SessionLimits) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { limits, shards, hosts: RwLock::default(), latest: AtomicU64::new(0), kept: KeptTokens::new() }
    }

    /// How long sessions last.
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    fn shard(&self, token: SecretDigest) -> &RwLock<Shard> {
        let [first, second, ..] = *token.bytes();
        let place = (usize::from(u16::from_be_bytes([first, second])) * SHARDS) >> u16::BITS;
        self.shards.get(place).expect("there are SHARDS shards")
    }

    /// The live session of that token, noting the use; `None` where the table has none or its time is up.
    pub fn get(&self, token: SecretDigest, now: Timestamp) -> Option<LiveSession> {
        self.peek(token).and_then(|session| self.note(token, session, now))
    }

    /// The same, for what shows the token at `host`: `None` where it is good at another, and that is no use of it.
    pub fn get_at(&self, token: SecretDigest, host: &Host, now: Timestamp) -> Option<LiveSession> {
        let session = self.peek(token).filter(|session| session.is_good_at(host));
        session.and_then(|session| self.note(token, session, now))
    }

    fn note(&self, token: SecretDigest, session: LiveSession, now: Timestamp) -> Option<LiveSession> {
        self.note_time(now);
        session.set_back(now, self.limits);
        // That of a family which has ended is still here.
        if now >= session.end_at(self.limits) || session.has_ended() {
            self.end(token);
            return None;
        }
        session.note_use(now);
        Some(session)
    }

    /// A host as all its sessions have it.
    fn host(&self, host: &Host) -> Arc<Host> {
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

    /// The session of that token where it is in memory, whether or not its time is up, for a look that is no use of it.
    pub fn peek(&self, token: SecretDigest) -> Option<LiveSession> {
        self.shard(token).read().unwrap_or_else(PoisonError::into_inner).find(token).cloned()
    }

    /// To be taken before a session is read from the store, and given to [`SessionTable::admit`] with it.
    pub fn before(&self, token: SecretDigest) -> Before {
        Before(self.shard(token).read().unwrap_or_else(PoisonError::into_inner).endings)
    }

    /// Takes in a session that was read from the store after `before`. `head` is that of its family, where it is a
    /// member of one, and `cut` says which of its access tokens are dead. `None` where its time is up. Where the head,
    /// or any session of its shard, has ended meanwhile, the caller reads the store again.
    ///
    /// # Errors
    /// [`Raced`].
    pub fn admit_cut(
        &self,
        before: Before,
        signed_in: &SignedIn,
        head: Option<LiveSession>,
        cut: Cut,
        now: Timestamp,
    ) -> Result<Option<LiveSession>, Raced> {
        let Session { token, .. } = signed_in.session;
        let host = signed_in.session.host.as_ref().map(|host| self.host(host));
        let fresh = LiveSession::new(signed_in, host, head, cut, self.limits);
        if now >= fresh.end_at(self.limits) || signed_in.account.disabled {
            return Ok(None);
        }
        self.note_time(now);
        let mut shard = self.shard(token).write().unwrap_or_else(PoisonError::into_inner);
        if shard.endings != before.0 || fresh.has_ended() {
            return Err(Raced);
        }
        let is_it = |live: &LiveSession| live.token() == token;
        let session = match shard.live.entry(hash(token), is_it, |live| hash(live.token())) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => place.insert(fresh).get().clone(),
        };
        session.set_back(now, self.limits);
        session.note_use(now);
        shard.first_end = shard.first_end.min(session.end_at(self.limits));
        Ok(Some(session))
    }

    /// The same for a session by itself that has no access tokens.
    ///
    /// # Errors
    /// [`Raced`].
    pub fn admit(&self, before: Before, signed_in: &SignedIn, now: Timestamp) -> Result<Option<LiveSession>, Raced> {
        self.admit_cut(before, signed_in, None, Cut::NONE, now)
    }

    /// Ends a session here, stops its open streams and gives up its kept tokens. The store must have forgotten it
    /// before.
    pub fn end(&self, token: SecretDigest) {
        let ended = {
            let mut shard = self.shard(token).write().unwrap_or_else(PoisonError::into_inner);
            shard.endings = shard.endings.wrapping_add(1);
            shard.live.find_entry(hash(token), |live| live.token() == token).ok().map(|found| found.remove().0)
        };
        if let Some(session) = ended {
            session.end();
            self.kept.forget(&session);
        }
    }

    /// Every live session of an account. One that is being read from the store meanwhile is read again, so that after a
    /// commit no session is missed: it is either in this list or sees what the commit left.
    pub fn live_of(&self, account: AccountId) -> Vec<SecretDigest> {
        let mut tokens = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.endings = shard.endings.wrapping_add(1);
            tokens.extend(shard.live.iter().filter(|live| live.account() == account).map(LiveSession::token));
        }
        tokens
    }

    /// Every live session. One that is being read from the store meanwhile is read again, as in
    /// [`SessionTable::live_of`].
    pub fn all(&self) -> Vec<LiveSession> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.endings = shard.endings.wrapping_add(1);
            all.extend(shard.live.iter().cloned());
        }
        all
    }

    /// Ends every session here. Those that are being read from the store meanwhile are read again.
    pub fn end_all(&self) {
        for shard in &self.shards {
            let tokens: Vec<_> = {
                let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
                shard.endings = shard.endings.wrapping_add(1);
                shard.live.iter().map(LiveSession::token).collect()
            };
            tokens.into_iter().for_each(|token| self.end(token));
        }
    }

    fn note_time(&self, now: Timestamp) {
        // To look is cheaper than to write, which other cores would notice.
        if self.latest.load(Ordering::Relaxed) < now.unix() {
            self.latest.fetch_max(now.unix(), Ordering::Relaxed);
        }
    }

    /// Whether the clock was set back since this was last asked.
    fn was_set_back(&self, now: Timestamp) -> bool {
        let was_set_back = self.latest.load(Ordering::Relaxed) > now.unix().saturating_add(APART);
        if was_set_back {
            self.latest.store(now.unix(), Ordering::Relaxed);
        }
        was_set_back
    }

    /// Ends every session whose time is up at `now`, and gives up the kept tokens that are not handed out any more.
    pub fn end_expired(&self, now: Timestamp) {
        // Then no shard's first end is right any more.
        let all = self.was_set_back(now);
        for shard in &self.shards {
            let looked_at = {
                let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
                // Those that come while this looks through the others lower it again.
                (all || now >= shard.first_end).then(|| std::mem::replace(&mut shard.first_end, NEVER))
            };
            if looked_at.is_none() {
                continue;
            }
            let (mut over, mut first_end) = (Vec::new(), NEVER);
            for live in &shard.read().unwrap_or_else(PoisonError::into_inner).live {
                live.set_back(now, self.limits);
                let end = live.end_at(self.limits);
                if now >= end || live.has_ended() {
                    over.push(live.token());
                } else {
                    first_end = first_end.min(end);
                }
            }
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.first_end = shard.first_end.min(first_end);
            drop(shard);
            for token in over {
                self.end(token);
            }
        }
        self.kept.drop_stale(now);
    }

    /// When each session was last used, where the store is `behind` with that by so much or more. They come in parts,
    /// so that a list of all is never in memory, and in the order in which the store has them. What was written down is
    /// told to [`SessionTable::note_written`].
    pub fn used(&self, behind: Duration) -> impl Iterator<Item = Vec<(SecretDigest, Timestamp)>> {
        self.shards.iter().map(move |shard| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let mut used: Vec<_> =
                shard.live.iter().filter_map(|live| Some((live.token(), live.unwritten(behind)?))).collect();
            used.sort_unstable();
            used
        })
    }

    /// The sessions whose time is up at `now`, since they were not used here, while something is open in them. The
    /// store may know of a later use, which is told to [`SessionTable::used_elsewhere`].
    pub fn idle_with_streams(&self, now: Timestamp) -> Vec<SecretDigest> {
        let mut idle = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            if now < shard.first_end {
                continue;
            }
            let over =
                |live: &&LiveSession| now >= live.end_at(self.limits) && now < live.ends_at() && !live.has_ended();
            idle.extend(shard.live.iter().filter(over).filter(|live| live.is_held()).map(LiveSession::family));
        }
        // A family is found by each of its members.
        idle.sort_unstable();
        idle.dedup();
        idle
    }

    /// A session was used through another gateway, as the store knows.
    pub fn used_elsewhere(&self, token: SecretDigest, at: Timestamp) {
        if let Some(live) = self.peek(token) {
            live.note_use(at);
            live.note_written(at);
        }
    }

    /// These uses are in the store now.
    pub fn note_written(&self, used: &[(SecretDigest, Timestamp)]) {
        for (token, at) in used {
            if let Some(live) = self.peek(*token) {
                live.note_written(*at);
            }
        }
    }

    /// When a session ends that is used at `now` and not again.
    pub fn end_if_used(&self, session: &LiveSession, now: Timestamp) -> Timestamp {
        session.ends_at().min(now.after(self.limits.idle))
    }

    /// The kept token of a session for `audience`, if it is fresh at `now`.
    pub fn kept_token(&self, session: &LiveSession, audience: &str, now: Timestamp) -> Option<HeaderValue> {
        self.kept.get(session, audience, None, now)
    }

    /// The same in the place of an access token.
    pub fn kept_token_in_place_of(
        &self,
        access: &TextDigest,
        session: &LiveSession,
        audience: &str,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        self.kept.get(session, audience, Some(access), now)
    }

    /// Keeps a token in place of the one of its session and audience, unless the session has ended. There is room for
    /// [`super::MOST_KEPT`].
    pub fn keep(&self, session: &LiveSession, token: KeptToken) {
        self.kept.keep(session, token);
    }
}

/// A session ended while another was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raced;
