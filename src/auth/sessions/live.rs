//! One live session: what each request needs of it, in as few bytes as that takes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::domain::access::Standing;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::host::Host;
use crate::domain::secret::SecretDigest;
use crate::domain::session::{Authentication, SessionFacts, SessionId, SessionLimits, SignedIn};
use crate::domain::token_family::Cut;

/// The SHA-256 of an access token's text.
pub type TextDigest = [u8; 32];

/// How many bells there are; a power of two.
const BELLS: usize = 1024;

/// Rung when a session ends: the requests that are open in sessions of the same bell look whether it was theirs. So a
/// session that nothing is open in, as most are, takes no memory for it. They are the process's, and not a table's: a
/// pointer to them would be eight bytes more in each session.
static RUNG: [Notify; BELLS] = [const { Notify::const_new() }; BELLS];

/// A session that is signed in now. Copies are handles on the same one.
///
/// It holds what it was admitted with and what an app may be told. For the rest there is the store; see
/// [`super::Sessions::signed_in`].
#[derive(Clone, Debug)]
pub struct LiveSession(Arc<Live>);

#[derive(Debug)]
struct Live {
    token: SecretDigest,
    id: SessionId,
    account: AccountId,
    /// When it ends however much it is used. It only moves back, where the clock was set back.
    absolute_end: AtomicMoment,
    last_seen: AtomicMoment,
    /// The use that the store knows of.
    written: AtomicMoment,
    review: bool,
    /// The one host it is good at; one of the API has none. Sessions of one host have it in common.
    host: Option<Arc<Host>>,
    /// Of a member of a family: its head, which it lives and ends with.
    head: Option<LiveSession>,
    /// It has no passkey.
    is_by_code_alone: bool,
    /// Before when its access tokens are dead: those that say that it is elevated, and the others.
    cut: [ShortTimestamp; 2],
    ended: AtomicBool,
    verified: ArcSwapOption<TextDigest>,
    /// [`Packed`], as postcard writes it.
    packed: Box<[u8]>,
}

/// What only tokens and pages say, and nothing is decided by but the groups.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    email: &'a str,
    name: Option<&'a str>,
    #[serde(borrow)]
    groups: Vec<&'a str>,
    authentication: Authentication,
    recovered_at: Option<Timestamp>,
}

/// A [`Timestamp`] in half the room. Past the year 2106 it stands still, so that sessions end sooner then, never later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ShortTimestamp(u32);

impl From<Timestamp> for ShortTimestamp {
    fn from(at: Timestamp) -> Self {
        Self(u32::try_from(at.unix()).unwrap_or(u32::MAX))
    }
}

impl From<ShortTimestamp> for Timestamp {
    fn from(ShortTimestamp(seconds): ShortTimestamp) -> Self {
        Self::from_unix(u64::from(seconds))
    }
}

/// A moment that moves forward, and back only where the clock did.
#[derive(Debug)]
struct AtomicMoment(AtomicU32);

impl AtomicMoment {
    fn new(at: Timestamp) -> Self {
        Self(ShortTimestamp::from(at).0.into())
    }

    fn get(&self) -> Timestamp {
        ShortTimestamp(self.0.load(Ordering::Relaxed)).into()
    }

    fn forward(&self, at: Timestamp) {
        let ShortTimestamp(at) = at.into();
        // Nearly every time it is there already: to look is cheaper than to write, which other cores would notice.
        if self.0.load(Ordering::Relaxed) < at {
            self.0.fetch_max(at, Ordering::Relaxed);
        }
    }

    fn back(&self, at: Timestamp) {
        let ShortTimestamp(at) = at.into();
        if self.0.load(Ordering::Relaxed) > at {
            self.0.fetch_min(at, Ordering::Relaxed);
        }
    }
}

impl LiveSession {
    /// A session as it was read, and as it was [`Self::set_back`]. It must not be of a disabled account. `head` is that
    /// of its family, where it is a member of one, and `cut` says which of its access tokens are dead.
    pub(super) fn new(
        signed_in: &SignedIn,
        host: Option<Arc<Host>>,
        head: Option<Self>,
        cut: Cut,
        limits: SessionLimits,
    ) -> Self {
        let SignedIn { session, account, absolute_end } = signed_in;
        let packed = Packed {
            email: account.email.as_str(),
            name: account.name.as_deref(),
            groups: account.groups.iter().map(String::as_str).collect(),
            authentication: session.authentication.clone(),
            recovered_at: session.recovered_at,
        };
        let packed = postcard::to_stdvec(&packed).expect("texts, numbers and lists of them can be written");
        Self(Arc::new(Live {
            token: session.token,
            id: session.id,
            account: account.id,
            absolute_end: AtomicMoment::new(limits.absolute_end(session.created_at).min(*absolute_end)),
            last_seen: AtomicMoment::new(session.last_seen_at),
            written: AtomicMoment::new(session.last_seen_at),
            review: account.aftermath.review.is_some(),
            host,
            head,
            is_by_code_alone: session.credential.is_none(),
            cut: [cut.elevated, cut.plain].map(ShortTimestamp::from),
            ended: AtomicBool::new(false),
            verified: ArcSwapOption::empty(),
            packed: packed.into_boxed_slice(),
        }))
    }

    /// The digest of its token.
    pub fn token(&self) -> SecretDigest {
        self.0.token
    }

    /// Its public name.
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Who is signed in.
    pub fn account(&self) -> AccountId {
        self.0.account
    }

    /// Whether "Keep your account safe" is still to be answered in it.
    pub fn review(&self) -> bool {
        self.0.review
    }

    /// Whether it is good at `host`: what carries it in a cookie was given there.
    pub fn is_good_at(&self, host: &Host) -> bool {
        self.0.host.as_deref() == Some(host)
    }

    /// The token of the head of its family: its own, where it is no member of one.
    pub fn family(&self) -> SecretDigest {
        self.family_head().token()
    }

    /// Whether it was handed over from another, and not signed in to itself.
    pub fn is_member(&self) -> bool {
        self.0.head.is_some()
    }

    fn family_head(&self) -> &Self {
        self.0.head.as_ref().unwrap_or(self)
    }

    /// Whether it has a host.
    pub(super) fn has_host(&self) -> bool {
        self.0.host.is_some()
    }

    /// Which of its access tokens are dead.
    pub fn cut(&self) -> Cut {
        let [elevated, plain] = self.0.cut.map(Timestamp::from);
        Cut { elevated, plain }
    }

    /// What an app may be told of it.
    pub fn facts(&self) -> SessionFacts<'_> {
        let Packed { email, name, groups, authentication, recovered_at } = self.unpack();
        SessionFacts { session: self.0.id, account: self.0.account, email, name, groups, authentication, recovered_at }
    }

    fn unpack(&self) -> Packed<'_> {
        postcard::from_bytes(&self.0.packed).expect("it was packed by the same program")
    }

    /// Whether it is still as the store has it: what every request needs of it, and what apps are told.
    pub(in crate::auth) fn is_still(&self, stored: &SignedIn, cut: Cut, limits: SessionLimits) -> bool {
        let Live { host, head, .. } = &*self.0;
        let stored_host = stored.session.host.as_ref();
        let fresh = Self::new(stored, host.clone(), head.clone(), cut, limits);
        !stored.account.disabled
            && host.as_deref() == stored_host
            && head.as_ref().map(Self::token) == stored.session.head
            && (self.0.account, self.0.review, self.0.is_by_code_alone, self.0.cut, &self.0.packed)
                == (fresh.0.account, fresh.0.review, fresh.0.is_by_code_alone, fresh.0.cut, &fresh.0.packed)
    }

    /// Whether it has ended, however it ended, or the head of its family has.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::SeqCst) || self.0.head.as_ref().is_some_and(Self::has_ended)
    }

    /// Waits until it ends, however it ends; open streams of it stop then.
    pub async fn ended(&self) {
        loop {
            // Whatever rings from here on wakes this, even before it is polled: nothing is missed between the lines.
            let (rung, rung_for_all) = (pin!(self.bell().notified()), pin!(self.family_head().bell().notified()));
            if self.has_ended() {
                return;
            }
            future::select(rung, rung_for_all).await;
        }
    }

    pub(super) fn end(&self) {
        self.0.ended.store(true, Ordering::SeqCst);
        self.bell().notify_waiters();
    }

    fn bell(&self) -> &'static Notify {
        let [first, second, ..] = *self.0.token.bytes();
        let bell = usize::from(u16::from_be_bytes([first, second])) % BELLS;
        RUNG.get(bell).expect("there are BELLS bells")
    }

    /// Whether the access token last verified for this session is the one with this digest.
    pub fn has_verified(&self, token: &TextDigest) -> bool {
        self.0.verified.load().as_deref() == Some(token)
    }

    /// Remembers an access token of this session whose signature was verified, in place of the last one.
    pub fn remember_verified(&self, token: TextDigest) {
        self.0.verified.store(Some(Arc::new(token)));
    }

    /// When it ends however much it is used.
    pub(super) fn absolute_end(&self) -> Timestamp {
        self.0.absolute_end.get()
    }

    /// Nothing of it counts from the future: a clock that was ahead would make it last for as long as that.
    pub(super) fn set_back(&self, now: Timestamp, limits: SessionLimits) {
        let Live { absolute_end, last_seen, written, head, .. } = &*self.0;
        absolute_end.back(limits.absolute_end(now));
        last_seen.back(now);
        // The store is set back as well, and is told of the next use.
        written.back(now);
        if let Some(head) = head {
            head.set_back(now, limits);
        }
    }

    /// When it ends, unless it or another of its family is used again.
    pub(super) fn end_if_unused(&self, limits: SessionLimits) -> Timestamp {
        self.absolute_end().min(self.family_head().0.last_seen.get().after(limits.idle))
    }

    pub(super) fn note_use(&self, now: Timestamp) {
        self.family_head().0.last_seen.forward(now);
    }

    /// When the session was last used, where the store lags behind that by `lag` or more. The uses of a family are noted
    /// with its head alone, so its members have none.
    pub(super) fn unwritten_use(&self, lag: Duration) -> Option<Timestamp> {
        let (last_seen, written) = (self.0.last_seen.get(), self.0.written.get());
        (last_seen > written && last_seen >= written.after(lag)).then_some(last_seen)
    }

    /// Whether something else than the table has it: what is open in it, or a member of its family.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(super) fn note_written(&self, at: Timestamp) {
        self.0.written.forward(at);
    }

    /// Whether both are handles on the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Standing for LiveSession {
    fn is_live(&self, now: Timestamp) -> bool {
        // One of a disabled account is never admitted.
        now < self.absolute_end() && !self.has_ended()
    }

    fn review(&self) -> bool {
        self.0.review
    }

    fn is_by_code_alone(&self) -> bool {
        self.0.is_by_code_alone
    }

    fn is_in_one_of(&self, groups: &[String]) -> bool {
        self.unpack().groups.iter().any(|theirs| groups.iter().any(|group| group == theirs))
    }
}
