//! What every flow stands on: the store and the one way to change it, time and randomness, keys, the relying party.

use std::fmt;
use std::sync::Arc;

use super::failure::Failure;
use super::keys::DerivedKeys;
use super::ledger::Ledger;
use super::passkeys::RelyingParty;
use super::sessions::table::SessionTable;
use super::verifying::Verifying;
use crate::counts::Counts;
use crate::domain::ceremony::{Ceremony, CeremonyId, Stale};
use crate::domain::clock::{Clock, Entropy, Timestamp};
use crate::domain::email::Email;
use crate::domain::moment::Moment;
use crate::domain::plan::Plan;
use crate::domain::visitor::Visitor;
use crate::identity::Identity;
use crate::mail::transport::Transport;
use crate::store::{CommitError, Records, StoreError};

/// How often what lost a race is read again and tried anew. The request that wins is one step further, and most of what
/// is raced for has fewer steps than this.
pub(super) const RACES: usize = 16;

/// What every flow stands on.
pub(super) struct Core {
    pub(super) ledger: Arc<Ledger>,
    pub(super) records: Arc<dyn Records>,
    pub(super) table: Arc<SessionTable>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) relying_party: Arc<RelyingParty>,
    pub(super) verifying: Arc<Verifying>,
    pub(super) identity: Arc<Identity>,
    pub(super) keys: DerivedKeys,
    pub(super) counts: Arc<Counts>,
    /// Letters leave by the outbox; here it is only asked whether they can.
    pub(super) post: Arc<dyn Transport>,
}

impl Core {
    /// The present moment.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present moment of a visitor, for a step.
    pub(super) fn moment<'a>(&'a self, visitor: &'a Visitor) -> Moment<'a> {
        Moment { visitor, now: self.now(), entropy: &*self.entropy }
    }

    /// Whether letters can be written to that address, with an account or without: some mail servers know no letters
    /// outside ASCII before the `@`.
    pub(super) async fn writes_to(&self, email: &Email) -> bool {
        self.post.writes_to(email).await
    }

    /// Carries a plan out; see [`Ledger::carry_out`].
    pub(super) async fn carry_out<T>(&self, plan: Plan<T>) -> Result<T, CommitError> {
        self.ledger.carry_out(plan).await
    }

    /// The ceremony that a device's answer names.
    pub(super) async fn ceremony<R: From<Stale>>(&self, id: CeremonyId) -> Result<Ceremony, Failure<R>> {
        self.records.ceremony(id).await?.ok_or(Failure::Refused(Stale.into()))
    }

    /// A ceremony that was answered is over, also where the answer was refused.
    pub(super) async fn over<T, R: fmt::Debug>(
        &self,
        id: CeremonyId,
        step: &'static str,
        answered: Result<T, Failure<R>>,
    ) -> Result<T, Failure<R>> {
        if let Err(Failure::Refused(refusal)) = &answered {
            tracing::info!(step, ?refusal, "a device's answer came to nothing");
            self.give_up(id).await?;
        }
        answered
    }

    /// A ceremony is over though nothing came of it.
    pub(super) async fn give_up(&self, id: CeremonyId) -> Result<(), StoreError> {
        match self.carry_out(Plan::give_up(id)).await {
            // Spent by another answer meanwhile: that is what was wanted.
            Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("relying_party", &self.relying_party).finish_non_exhaustive()
    }
}
