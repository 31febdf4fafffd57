//! The one way by which the store is changed. What a commit ended there is ended here too, and pages that wait for it
//! are woken.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::link::watch::Watchers;
use super::sessions::live::LiveSession;
use super::sessions::table::SessionTable;
use crate::domain::clock::Timestamp;
use crate::domain::plan::{Change, Durability, Effects, Plan, TouchedLinks};
use crate::domain::session::{SessionLimits, SignedIn};
use crate::domain::token_family::Cut;
use crate::store::{BucketLevel, BucketTaken, CommitError, InForce, Records, Store, StoreError, StoreNotification};

/// Within how long all live sessions are held against the store, where something may have been missed.
const DOUBT: Duration = Duration::from_secs(1);
/// How many of them at once.
const LOOKED_AT_ONCE: usize = 8;

/// The store, which is read by [`Ledger::records`] and changed by [`Ledger::carry_out`] alone; and what a change of it
/// has to reach: the live sessions, the pages that wait for a link, the letters to be sent.
pub struct Ledger {
    store: Arc<dyn Store>,
    records: Arc<dyn Records>,
    sessions: Arc<SessionTable>,
    links: Arc<Watchers>,
    letters: Notify,
}

impl Ledger {
    /// That of a store, with no live session yet.
    pub fn new(store: Arc<dyn Store>, limits: SessionLimits) -> Self {
        Self {
            records: Arc::clone(&store) as _,
            store,
            sessions: Arc::new(SessionTable::new(limits)),
            links: Arc::default(),
            letters: Notify::new(),
        }
    }

    /// What the store remembers.
    pub fn records(&self) -> Arc<dyn Records> {
        Arc::clone(&self.records)
    }

    pub(super) fn sessions(&self) -> Arc<SessionTable> {
        Arc::clone(&self.sessions)
    }

    pub(super) fn links(&self) -> Arc<Watchers> {
        Arc::clone(&self.links)
    }

    /// Returns once a letter has been added after the last return.
    pub async fn letter_added(&self) {
        self.letters.notified().await;
    }

    /// Commits a plan, ends here what it ended in the store, and wakes the pages that wait for it.
    ///
    /// # Errors
    /// As [`Store::commit`]; after a conflict nothing has changed.
    pub async fn carry_out<T>(&self, plan: Plan<T>) -> Result<T, CommitError> {
        let effects = plan.effects();
        let Plan { changes, durability, then } = plan;
        if effects.ends_nothing() {
            self.store.commit(changes, durability).await?;
        } else {
            self.commit_and_end(changes, durability, effects.clone()).await?;
        }
        self.links.wake(&effects.links);
        if effects.letters {
            self.letters.notify_one();
        }
        Ok(then)
    }

    /// Commits the changes and then ends what they ended, even where the caller stops waiting in between: a browser
    /// that hangs up must not leave a session behind that is live here and gone from the store.
    async fn commit_and_end(
        &self,
        changes: Vec<Change>,
        durability: Durability,
        effects: Effects,
    ) -> Result<(), CommitError> {
        let (store, sessions) = (Arc::clone(&self.store), Arc::clone(&self.sessions));
        let effects = with_heads(effects, &*store, &sessions).await?;
        let committing = tokio::spawn(async move {
            let committed = store.commit(changes, durability).await;
            // After a fault it is not known whether the changes were kept, so what is gone is ended, too.
            if !matches!(committed, Err(CommitError::Conflict(_))) {
                end_sessions(&effects, &*store, &sessions).await;
            }
            committed
        });
        committing.await.map_err(|error| StoreError {
            problem: "a commit was broken off".to_owned(),
            source: Some(Box::new(error)),
        })?
    }

    /// Waits for what other gateways of the store do, as [`Store::hear`] does. Ends here what they ended, and wakes the
    /// pages that wait for it. Returns whether the signing keys are others.
    ///
    /// # Errors
    /// The store failed.
    pub async fn hear(&self) -> Result<bool, StoreError> {
        match self.store.hear().await? {
            StoreNotification::Effects(effects) => {
                end_sessions(&effects, &*self.store, &self.sessions).await;
                self.links.wake(&effects.links);
                Ok(effects.keys)
            }
            StoreNotification::Doubt => {
                self.doubt().await;
                Ok(true)
            }
        }
    }

    /// Says whether all that was heard so far is in force here, as [`Store::set_in_force`] does.
    pub fn set_in_force(&self, is_in_force: bool) {
        self.store.set_in_force(is_in_force);
    }

    /// Something may have been missed: each live session is held against the store, and ends here where it is not as it
    /// was. What has not been looked at within a moment ends, too: its next request reads it again. Pages look again.
    async fn doubt(&self) {
        let until = Instant::now() + DOUBT;
        let looked = stream::iter(self.sessions.all()).map(async |live| {
            if !matches!(timeout_at(until, is_still(&live, &*self.store, self.sessions.limits())).await, Ok(Ok(true))) {
                self.sessions.end(live.token());
            }
        });
        looked.buffer_unordered(LOOKED_AT_ONCE).collect::<()>().await;
        self.links.wake(&TouchedLinks::Any);
    }

    /// Forgets every session: each is read again with its next request, and what is open in it ends.
    pub fn forget_all(&self) {
        self.sessions.end_all();
        self.links.wake(&TouchedLinks::Any);
    }

    /// Waits until what was committed before is in force at every gateway, as [`Store::in_force`] does.
    ///
    /// # Errors
    /// The store failed.
    pub async fn in_force(&self, patience: Duration) -> Result<InForce, StoreError> {
        self.store.in_force(patience).await
    }

    /// What was taken out of the buckets of all gateways, as [`Store::share`] does.
    ///
    /// # Errors
    /// The store failed.
    pub async fn share(&self, taken: &[BucketTaken]) -> Result<Vec<BucketLevel>, StoreError> {
        self.store.share(taken).await
    }

    /// This gateway stops, as [`Store::leave`] says.
    ///
    /// # Errors
    /// The store failed.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.store.leave().await
    }

    /// Deals with what is from the future, as [`Store::set_back`] does. Live sessions know already.
    ///
    /// # Errors
    /// The store failed.
    pub async fn set_back(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.store.set_back(now, limit).await
    }

    /// Removes what has expired, as [`Store::sweep`] does: no live session is among it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(
        &self,
        now: Timestamp,
        session_created_before: Timestamp,
        session_seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.store.sweep(now, session_created_before, session_seen_before, limit).await
    }
}

/// Whether a live session is as the store has it.
async fn is_still(live: &LiveSession, store: &dyn Store, limits: SessionLimits) -> Result<bool, StoreError> {
    let Some((session, account)) = store.session_and_account(live.token()).await? else { return Ok(false) };
    // Those of the API alone have tokens, and are good at every host.
    let family = if session.host.is_none() { store.tokens(session.token).await? } else { None };
    let cut = family.map_or(Cut::NONE, |family| family.cut);
    let absolute_end = limits.absolute_end(session.created_at);
    Ok(live.is_still(&SignedIn { session, account, absolute_end }, cut, limits))
}

/// The same effects, with the head of each session that is a member of a family: with one of them ends the head, and so
/// do all. Once they have ended, which head it was could not be found any more.
async fn with_heads(mut effects: Effects, store: &dyn Records, sessions: &SessionTable) -> Result<Effects, StoreError> {
    for token in effects.sessions.clone() {
        let family = match sessions.peek(token) {
            Some(live) => live.family(),
            None => store.session(token).await?.map_or(token, |session| session.family()),
        };
        if family != token {
            effects.sessions.push(family);
        }
    }
    Ok(effects)
}

/// Ends the live sessions that a commit ended.
async fn end_sessions(effects: &Effects, store: &dyn Records, sessions: &SessionTable) {
    for token in effects.sessions.iter().chain(&effects.members) {
        sessions.end(*token);
    }
    for account in &effects.changed_accounts {
        for token in sessions.tokens_of(*account) {
            sessions.end(token);
        }
    }
    for account in &effects.accounts {
        for token in sessions.tokens_of(*account) {
            // A session that cannot be looked up ends here as well; if it is still stored, its next request loads it
            // again.
            if !matches!(store.session(token).await, Ok(Some(_))) {
                sessions.end(token);
            }
        }
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}
