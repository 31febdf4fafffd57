//! Who is signed in: looked up in memory first, in the store where a session is not there yet; what an app is told of
//! them; and when they were last used.
//!
//! `table` are the sessions in memory, `live` is one of them, `kept` are the identity tokens that were made, `bearer`
//! finds the session of an access token.

mod bearer;
mod kept;
pub(super) mod live;
pub mod table;

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

pub use kept::{KeptToken, MOST as MOST_KEPT};
pub use live::{LiveSession, TextDigest};

/// A token as the value of a header, marked as sensitive.
fn secret_value(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("a compact JWT is base64url and dots");
    value.set_sensitive(true);
    value
}

/// Of how many sessions one commit writes down the last use.
const AT_ONCE: usize = 1000;
/// How many sessions are looked up at once.
const LOOKED_AT_ONCE: usize = 8;
/// How long sessions whose time may be up are looked up before they end.
const LOOKED_FOR: Duration = Duration::from_secs(1);
/// How often a session is read that ends while it is read.
const READS: usize = 8;

/// By how much the store may be behind with when a session was last used, where many gateways write that down. Of an
/// idle time of twelve hours it is a quarter of an hour. A gateway that has the store to itself writes each use down in
/// the next round.
fn may_be_behind(limits: SessionLimits, is_shared: bool) -> Duration {
    const LEAST: Duration = Duration::from_secs(60);
    const MOST: Duration = Duration::from_secs(3600);
    if is_shared { (limits.idle / 48).clamp(LEAST, MOST) } else { Duration::ZERO }
}

/// Since when a session must have been used to be kept. That its time is up is looked at whenever it is read. Where
/// other gateways may have the same store, one that was used there may not have been written down yet.
fn unused_since(now: Timestamp, limits: SessionLimits, is_shared: bool) -> Timestamp {
    /// How long a round, and what a database may be away for meanwhile, take.
    const ROUND: Duration = Duration::from_secs(120);
    let unused_since = now.before(limits.idle);
    if is_shared { unused_since.before(may_be_behind(limits, true) * 2).before(ROUND) } else { unused_since }
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Core>);

impl Sessions {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self(core)
    }

    /// How long sessions last.
    pub fn limits(&self) -> SessionLimits {
        self.0.table.limits()
    }

    /// The live session of that token, from memory only, where `host` is the one it is good at; it costs no wait.
    pub fn live_at(&self, token: SecretDigest, host: &Host) -> Option<LiveSession> {
        self.0.table.get_at(token, host, self.0.now())
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
        // What is shown at another host is no use of it.
        if self.0.table.peek(token).is_some_and(|live| live.has_host() && !live.is_good_at(host)) {
            return Ok(None);
        }
        let Some(live) = self.find(token).await? else { return Ok(None) };
        if !live.has_host() {
            let bind = SessionChange::Bind { session: token, host: host.clone() };
            match self.0.carry_out(Plan::durable(vec![bind.into()], ())).await {
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
        let Self(core) = self;
        // A session that ends while it is read must not come back; a few tries outlast any race.
        for _ in 0..READS {
            if let Some(live) = self.0.table.get(token, self.0.now()) {
                return Ok(Some(live));
            }
            let before = core.table.before(token);
            let Some(signed_in) = self.stored(token).await? else { return Ok(None) };
            let head = match signed_in.session.head {
                None => None,
                // A head has none itself.
                Some(head) => match Box::pin(self.find(head)).await? {
                    None => return Ok(None),
                    head => head,
                },
            };
            let cut = self.cut(&signed_in.session).await?;
            if let Ok(admitted) = core.table.admit_cut(before, &signed_in, head, cut, core.now()) {
                return Ok(admitted);
            }
        }
        Err(StoreError { problem: "a session changed again and again while it was read".to_owned(), source: None })
    }

    async fn stored(&self, token: SecretDigest) -> Result<Option<SignedIn>, StoreError> {
        let found = self.0.records.session_and_account(token).await?;
        let Some((session, account)) = found else { return Ok(None) };
        let ends_at = self.limits().absolute_end(session.created_at.min(self.0.now()));
        Ok(Some(SignedIn { session, account, ends_at }))
    }

    /// Which access tokens of a session are dead. Those of our pages have none.
    async fn cut(&self, session: &Session) -> Result<Cut, StoreError> {
        let Self(core) = self;
        if core.keys.api_session(session.id) != session.token {
            return Ok(Cut::NONE);
        }
        Ok(core.records.tokens(session.token).await?.map_or(Cut::NONE, |family| family.cut))
    }

    /// All of a live session and its account: of most of it nothing is in memory. `None` where it has ended meanwhile.
    ///
    /// # Errors
    /// The store could not be read: the caller refuses the request.
    pub async fn signed_in(&self, live: &LiveSession) -> Result<Option<SignedIn>, StoreError> {
        let stored = self.stored(live.token()).await?;
        Ok(stored.filter(|SignedIn { session, account, .. }| {
            session.id == live.id() && account.id == live.account() && !account.disabled
        }))
    }

    /// The same for a step that refuses a person who is not signed in any more.
    pub(super) async fn signed_in_or<R>(&self, live: &LiveSession, refusal: R) -> Result<SignedIn, Failure<R>> {
        self.signed_in(live).await?.ok_or(Failure::Refused(refusal))
    }

    /// The visitor's session. One that has still to answer "Keep your account safe" counts as none.
    pub(super) async fn of(&self, visitor: &Visitor) -> Result<Option<LiveSession>, StoreError> {
        let (Some(token), Some(host)) = (visitor.session, visitor.host()) else { return Ok(None) };
        Ok(self.find_at(token, host).await?.filter(|live| !live.review()))
    }

    /// What a step came to that begins a session; where it was refused, the session that the very same press has begun
    /// already. No other press leads to one.
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
        let Some(session) = self.0.records.session(token.digest()).await? else { return begun };
        if self.0.now() > session.created_at.after(press::AGAIN) || session.host.as_ref() != visitor.host() {
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
        let (limits, now) = (self.limits(), self.0.now());
        let mut families = Family::all_of(self.0.records.sessions(account).await?);
        // Those whose time is up are in the store until it is swept.
        families.retain(|Family { head, .. }| now < limits.end(head.created_at.min(now), head.last_seen_at.min(now)));
        Ok(families)
    }

    /// Ends the session of that token: in the store first, then here, with its open streams.
    ///
    /// # Errors
    /// The store failed; the session may still be live.
    pub async fn sign_out(&self, token: SecretDigest) -> Result<(), CommitError> {
        self.0.carry_out(sign_in::sign_out(token)).await
    }

    /// The identity token of a principal for `audience`, ready to be sent: the kept one, or past half of its life a new
    /// one.
    ///
    /// # Errors
    /// No key signs: the request is refused.
    pub fn identity_token(&self, principal: &Principal, audience: &Arc<str>) -> Result<HeaderValue, IdentityError> {
        let Self(core) = self;
        let Principal::Person(session) = principal;
        let now = core.now();
        if let Some(kept) = core.table.kept_token(session, audience, now) {
            return Ok(kept);
        }
        let end = core.table.end_if_used(session, now);
        let token = core.identity.mint(&session.facts(), audience, end, core.entropy.uuid(), now)?;
        let value = secret_value(token.text);
        let (audience, in_place_of, fresh_until) = (Arc::clone(audience), None, token.fresh_until);
        let kept = KeptToken { audience, in_place_of, value: value.clone(), fresh_from: now, fresh_until };
        core.table.keep(session, kept);
        Ok(value)
    }

    /// Ends sessions whose time is up, and their open streams with them. One that another gateway has seen since goes
    /// on.
    pub async fn end_expired(&self) {
        let Self(core) = self;
        let now = core.now();
        if core.records.is_shared() {
            let until = Instant::now() + LOOKED_FOR;
            let idle = stream::iter(core.table.idle_with_streams(now)).map(async |token| {
                // What cannot be looked up in time ends: its next request asks again.
                if let Ok(Ok(Some(session))) = timeout_at(until, core.records.session(token)).await {
                    core.table.used_elsewhere(token, session.last_seen_at.min(now));
                }
            });
            idle.buffer_unordered(LOOKED_AT_ONCE).collect::<()>().await;
        }
        core.table.end_expired(now);
    }

    /// Ends sessions whose time is up and writes down when the others were last used, where the store is behind by more
    /// than it may.
    ///
    /// # Errors
    /// The store could not be written; the next round tries again.
    pub async fn write_down_uses(&self) -> Result<(), CommitError> {
        let behind = may_be_behind(self.limits(), self.0.records.is_shared());
        self.write_down_those(behind).await
    }

    /// The same with every use, before the gateway stops.
    ///
    /// # Errors
    /// The store could not be written.
    pub async fn write_down_all_uses(&self) -> Result<(), CommitError> {
        self.write_down_those(Duration::ZERO).await
    }

    async fn write_down_those(&self, behind: Duration) -> Result<(), CommitError> {
        self.end_expired().await;
        let mut used = Vec::new();
        for some in self.0.table.used(behind) {
            used.extend(some);
            if used.len() >= AT_ONCE {
                self.write_down(&used).await?;
                used.clear();
            }
        }
        self.write_down(&used).await
    }

    async fn write_down(&self, used: &[(SecretDigest, Timestamp)]) -> Result<(), CommitError> {
        for part in used.chunks(AT_ONCE) {
            self.0.carry_out(Plan::relaxed(vec![SessionChange::Touch(part.to_vec()).into()], ())).await?;
            self.0.table.note_written(part);
        }
        Ok(())
    }

    /// Removes what has expired, sessions and everything else, a part at a time: what is left waits for the next round.
    /// Sessions whose time is up end first, and when the others were last used is written down. Those from the future,
    /// which a clock made that was ahead, count as made and used now: from then on their time runs as that of all
    /// others.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(&self, rows: usize, rounds: usize) -> Result<(), StoreError> {
        // Before the use is written down: a session used while that goes on must not seem idle to the store, which
        // would forget it while it is live here.
        let (now, limits) = (self.0.now(), self.limits());
        let unused_since = match self.write_down_uses().await {
            Ok(()) => unused_since(now, limits, self.0.records.is_shared()),
            Err(error) => {
                tracing::warn!(%error, "the use of sessions was not written down");
                // The store does not know which of them are idle.
                Timestamp::from_unix(0)
            }
        };
        for _ in 0..rounds {
            if self.0.ledger.set_back(now, rows).await? < rows {
                break;
            }
        }
        for _ in 0..rounds {
            if self.0.ledger.sweep(now, now.before(limits.absolute), unused_since, rows).await? < rows {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_gateway_may_not_have_written_down_yet_is_not_removed() {
        let limits = |idle| SessionLimits { idle: Duration::from_secs(idle), absolute: Duration::from_secs(7_200_000) };
        for (idle, behind) in [(600, 60), (3600, 75), (12 * 3600, 900), (720 * 3600, 3600)] {
            let now = Timestamp::from_unix(10_000_000);
            assert_eq!(may_be_behind(limits(idle), false), Duration::ZERO);
            assert_eq!(may_be_behind(limits(idle), true), Duration::from_secs(behind));
            assert_eq!(unused_since(now, limits(idle), false), Timestamp::from_unix(10_000_000 - idle));
            let shared = Timestamp::from_unix(10_000_000 - idle - 2 * behind - 120);
            assert_eq!(unused_since(now, limits(idle), true), shared);
        }
    }
}
