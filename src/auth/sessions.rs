//! Who is signed in, when they were last used, and the identity tokens that apps get.
//!
//! A session is looked up in memory, and in the store if it is not there. `table` has the sessions in memory, each of
//! them a [`LiveSession`] (`live`). `token_cache` has the tokens for apps, and `bearer` finds the session of an access
//! token. A browser has one session for each host. These are a [`Family`]: the head was signed in to, and its members
//! end with it.

mod bearer;
pub(super) mod live;
pub mod table;
mod token_cache;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use http::HeaderValue;
use tokio::time::{Instant, timeout_at};

use super::core::Core;
use super::failure::Failure;
use super::principal::Principal;
use super::starting::SignedInBrowser;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::family::Family;
use crate::domain::host::Host;
use crate::domain::plan::{Plan, SessionChange};
use crate::domain::press;
use crate::domain::secret::SecretDigest;
use crate::domain::session::{Session, SessionLimits, SignedIn};
use crate::domain::sign_in;
use crate::domain::token_family::Cut;
use crate::domain::visitor::Visitor;
use crate::identity::IdentityError;
use crate::store::{CommitError, StoreError};

pub use live::{LiveSession, TextDigest};
pub use token_cache::{CAPACITY as TOKEN_CACHE_CAPACITY, CachedToken};

/// The last uses of how many sessions are written with one commit.
const USES_PER_COMMIT: usize = 1000;
/// How many idle sessions are looked up in the store at once, before they end.
const IDLE_LOOK_UPS: usize = 8;
/// The deadline for all of these look-ups.
const IDLE_LOOK_UP_DEADLINE: Duration = Duration::from_secs(1);
/// How often a session is read from the store at most, where others end while it is read.
const READS: usize = 8;

/// Finds sessions, ends them, and makes the identity tokens of signed-in people.
#[derive(Clone, Debug)]
pub struct Sessions {
    core: Arc<Core>,
}

impl Sessions {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// How long sessions last.
    pub fn limits(&self) -> SessionLimits {
        self.core.table.limits()
    }

    /// The live session of that token, if it is in memory and good at `host`. It does not wait for the store.
    pub fn live_at(&self, token: SecretDigest, host: &Host) -> Option<LiveSession> {
        self.core.table.get_at(token, host, self.core.now())
    }

    /// The live session that a cookie of `host` names, from memory or the store. One of another host counts as none;
    /// one from before sessions had a host is bound to this.
    ///
    /// # Errors
    /// The store could not be read, or not written: the caller refuses the request.
    pub async fn find_at(&self, token: SecretDigest, host: &Host) -> Result<Option<LiveSession>, StoreError> {
        if let Some(live) = self.live_at(token, host) {
            return Ok(Some(live));
        }
        // A token that is sent to another host does not count as a use of its session, so it is not looked up.
        if self.core.table.peek(token).is_some_and(|live| live.has_host() && !live.is_good_at(host)) {
            return Ok(None);
        }
        let Some(live) = self.find(token).await? else { return Ok(None) };
        if !live.has_host() {
            let bind = SessionChange::Bind { session: token, host: host.clone() };
            match self.core.carry_out(Plan::durable(vec![bind.into()], ())).await {
                // It ended, or another request bound it meanwhile.
                Ok(()) | Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
            return Ok(self.find(token).await?.filter(|live| live.is_good_at(host)));
        }
        Ok(Some(live).filter(|live| live.is_good_at(host)))
    }

    /// The live session of that token, from memory or the store, whatever host it is good at.
    ///
    /// # Errors
    /// The store could not be read: the caller refuses the request.
    pub async fn find(&self, token: SecretDigest) -> Result<Option<LiveSession>, StoreError> {
        let core = &self.core;
        // A session that ends while it is read must not come back, so it is read again; a few tries outlast any race.
        for _ in 0..READS {
            if let Some(live) = core.table.get(token, core.now()) {
                return Ok(Some(live));
            }
            let generation = core.table.generation(token);
            let Some(signed_in) = self.stored(token).await? else { return Ok(None) };
            let head = match signed_in.session.head {
                None => None,
                // A head has no head itself, so this goes no deeper.
                Some(head) => match Box::pin(self.find(head)).await? {
                    None => return Ok(None),
                    head => head,
                },
            };
            let cut = self.cut(&signed_in.session).await?;
            if let Ok(admitted) = core.table.admit_with(generation, &signed_in, head, cut, core.now()) {
                return Ok(admitted);
            }
        }
        Err(StoreError { problem: "a session changed again and again while it was read".to_owned(), source: None })
    }

    /// The session of that token as it is in the store, with its account.
    async fn stored(&self, token: SecretDigest) -> Result<Option<SignedIn>, StoreError> {
        let found = self.core.records.session_and_account(token).await?;
        let Some((session, account)) = found else { return Ok(None) };
        // One from the future was made when the clock was ahead: it counts from now.
        let absolute_end = self.limits().absolute_end(session.created_at.min(self.core.now()));
        Ok(Some(SignedIn { session, account, absolute_end }))
    }

    /// Which access tokens of a session are dead. A session of our pages has none; one of the API has a token that is
    /// derived from its id.
    async fn cut(&self, session: &Session) -> Result<Cut, StoreError> {
        let core = &self.core;
        if core.keys.api_session(session.id) != session.token {
            return Ok(Cut::NONE);
        }
        Ok(core.records.tokens(session.token).await?.map_or(Cut::NONE, |family| family.cut))
    }

    /// A live session and its account in full, read from the store: memory has only what each request needs. `None`
    /// where the session has ended meanwhile, or the account is disabled.
    ///
    /// # Errors
    /// The store could not be read: the caller refuses the request.
    pub async fn signed_in(&self, live: &LiveSession) -> Result<Option<SignedIn>, StoreError> {
        let stored = self.stored(live.token()).await?;
        Ok(stored.filter(|SignedIn { session, account, .. }| {
            session.id == live.id() && account.id == live.account() && !account.disabled
        }))
    }

    /// The same for a step that answers with `refusal` where the session has ended.
    pub(super) async fn signed_in_or<R>(&self, live: &LiveSession, refusal: R) -> Result<SignedIn, Failure<R>> {
        self.signed_in(live).await?.ok_or(Failure::Refused(refusal))
    }

    /// The visitor's session. One that has still to answer "Keep your account safe" counts as none.
    pub(super) async fn of(&self, visitor: &Visitor) -> Result<Option<LiveSession>, StoreError> {
        let (Some(token), Some(host)) = (visitor.session, visitor.host()) else { return Ok(None) };
        Ok(self.find_at(token, host).await?.filter(|live| !live.review()))
    }

    /// The outcome of a step that begins a session. Where it was refused because the same press has arrived before, the
    /// session that was begun then. It is found by the token that is derived from the press, so no other press leads to
    /// it.
    ///
    /// # Errors
    /// As the step's.
    pub async fn or_again<R>(
        &self,
        begun: Result<SignedInBrowser, Failure<R>>,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<R>> {
        let (Err(Failure::Refused(_)), Some(press)) = (&begun, &visitor.press) else { return begun };
        let token = press.session();
        let Some(session) = self.core.records.session(token.digest()).await? else { return begun };
        if self.core.now() > session.created_at.after(press::AGAIN) || session.host.as_ref() != visitor.host() {
            return begun;
        }
        let return_to = session.bound_for.clone();
        Ok(SignedInBrowser { token, session, return_to })
    }

    /// The families of sessions of an account that have not ended, the newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn of_account(&self, account: AccountId) -> Result<Vec<Family>, StoreError> {
        let (limits, now) = (self.limits(), self.core.now());
        let mut families = Family::all_of(self.core.records.sessions(account).await?);
        // Those whose time is up are in the store until it is swept.
        families.retain(|Family { head, .. }| now < limits.end(head.created_at.min(now), head.last_seen_at.min(now)));
        Ok(families)
    }

    /// Ends the session of that token: in the store first, then here, with its open streams.
    ///
    /// # Errors
    /// The store failed; the session may still be live.
    pub async fn sign_out(&self, token: SecretDigest) -> Result<(), CommitError> {
        self.core.carry_out(sign_in::sign_out(token)).await
    }

    /// The identity token of a principal for `audience`, ready to be sent: the cached one, or past half of its life a
    /// new one.
    ///
    /// # Errors
    /// There is no signing key, or the token could not be written: the request is refused.
    pub fn identity_token(&self, principal: &Principal, audience: &Arc<str>) -> Result<HeaderValue, IdentityError> {
        let core = &self.core;
        let Principal::Person(session) = principal;
        let now = core.now();
        if let Some(cached) = core.table.cached_token(session, audience, now) {
            return Ok(cached);
        }
        let end = core.table.end_if_used(session, now);
        let token = core.identity.mint(&session.facts(), audience, end, core.entropy.uuid(), now)?;
        let value = secret_value(token.text);
        let cached = CachedToken {
            audience: Arc::clone(audience),
            in_place_of: None,
            value: value.clone(),
            fresh_from: now,
            fresh_until: token.fresh_until,
        };
        core.table.cache_token(session, cached);
        Ok(value)
    }

    /// Ends sessions whose time is up, and their open streams with them. One that another gateway has seen since goes
    /// on.
    pub async fn end_expired(&self) {
        let core = &self.core;
        let now = core.now();
        if core.records.is_shared() {
            let until = Instant::now() + IDLE_LOOK_UP_DEADLINE;
            // A session without streams is read again by its next request, so it may end here unasked.
            let idle = stream::iter(core.table.idle_with_streams(now)).map(async |token| {
                // One that cannot be looked up in time ends here too.
                if let Ok(Ok(Some(session))) = timeout_at(until, core.records.session(token)).await {
                    core.table.used_elsewhere(token, session.last_seen_at.min(now));
                }
            });
            idle.buffer_unordered(IDLE_LOOK_UPS).collect::<()>().await;
        }
        core.table.end_expired(now);
    }

    /// Ends sessions whose time is up, and writes to the store when the others were last used, where the store lags
    /// behind by more than is allowed.
    ///
    /// # Errors
    /// The store could not be written; the next round tries again.
    pub async fn write_down_uses(&self) -> Result<(), CommitError> {
        let lag = allowed_lag(self.limits(), self.core.records.is_shared());
        self.write_down_uses_behind(lag).await
    }

    /// The same for every use that is not in the store, before the gateway stops.
    ///
    /// # Errors
    /// The store could not be written.
    pub async fn write_down_all_uses(&self) -> Result<(), CommitError> {
        self.write_down_uses_behind(Duration::ZERO).await
    }

    async fn write_down_uses_behind(&self, lag: Duration) -> Result<(), CommitError> {
        self.end_expired().await;
        let mut uses = Vec::new();
        for of_shard in self.core.table.unwritten_uses(lag) {
            uses.extend(of_shard);
            if uses.len() >= USES_PER_COMMIT {
                self.write_down(&uses).await?;
                uses.clear();
            }
        }
        self.write_down(&uses).await
    }

    async fn write_down(&self, uses: &[(SecretDigest, Timestamp)]) -> Result<(), CommitError> {
        for part in uses.chunks(USES_PER_COMMIT) {
            self.core.carry_out(Plan::relaxed(vec![SessionChange::Touch(part.to_vec()).into()], ())).await?;
            self.core.table.note_written(part);
        }
        Ok(())
    }

    /// Removes what has expired, sessions and everything else, in at most so many `batches` of so many `rows`: what is
    /// left waits for the next sweep. Sessions whose time is up end first, and the last uses of the others are written.
    /// Sessions from the future, made when the clock was ahead, count as made and used now: from then on their time
    /// runs like that of all others.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(&self, rows: usize, batches: usize) -> Result<(), StoreError> {
        // Taken before the uses are written: a session that is used while they are must not seem idle to the store,
        // which would remove it while it is live here.
        let (now, limits) = (self.core.now(), self.limits());
        let unused_since = match self.write_down_uses().await {
            Ok(()) => sweep_if_unused_since(now, limits, self.core.records.is_shared()),
            Err(error) => {
                tracing::warn!(%error, "the use of sessions was not written down");
                // The store does not know which sessions are idle, so none is removed for that.
                Timestamp::from_unix(0)
            }
        };
        for _ in 0..batches {
            if self.core.ledger.set_back(now, rows).await? < rows {
                break;
            }
        }
        for _ in 0..batches {
            if self.core.ledger.sweep(now, now.before(limits.absolute), unused_since, rows).await? < rows {
                break;
            }
        }
        Ok(())
    }
}

/// A token as the value of a header, marked as sensitive.
fn secret_value(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("a compact JWT is base64url and dots, behind `Bearer ` too");
    value.set_sensitive(true);
    value
}

/// How far the last use of a session in the store may lag behind the one in memory. Gateways that share a store write
/// the use of a session only once it lags by that much: a 48th of the idle time, a quarter of an hour for twelve hours.
/// A gateway that has the store to itself writes each use in the next round.
fn allowed_lag(limits: SessionLimits, is_shared: bool) -> Duration {
    const LEAST: Duration = Duration::from_secs(60);
    const MOST: Duration = Duration::from_secs(3600);
    if is_shared { (limits.idle / 48).clamp(LEAST, MOST) } else { Duration::ZERO }
}

/// A session whose last use in the store is from before this is swept. Where gateways share the store this leaves time
/// for a use at another gateway that is not written yet. A session that stays longer for it opens nothing, since each
/// read of a session checks whether its time is up.
fn sweep_if_unused_since(now: Timestamp, limits: SessionLimits, is_shared: bool) -> Timestamp {
    /// How long a round of writing uses takes at most, with a database that does not answer for a while.
    const ROUND: Duration = Duration::from_secs(120);
    let idle_since = now.before(limits.idle);
    if is_shared { idle_since.before(allowed_lag(limits, true) * 2).before(ROUND) } else { idle_since }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_whose_use_another_gateway_has_not_written_yet_is_not_removed() {
        let limits = |idle| SessionLimits { idle: Duration::from_secs(idle), absolute: Duration::from_secs(7_200_000) };
        for (idle, lag) in [(600, 60), (3600, 75), (12 * 3600, 900), (720 * 3600, 3600)] {
            let now = Timestamp::from_unix(10_000_000);
            assert_eq!(allowed_lag(limits(idle), false), Duration::ZERO);
            assert_eq!(allowed_lag(limits(idle), true), Duration::from_secs(lag));
            assert_eq!(sweep_if_unused_since(now, limits(idle), false), Timestamp::from_unix(10_000_000 - idle));
            let shared = Timestamp::from_unix(10_000_000 - idle - 2 * lag - 120);
            assert_eq!(sweep_if_unused_since(now, limits(idle), true), shared);
        }
    }
}
