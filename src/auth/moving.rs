//! Changing the address of an account: drives the steps of [`crate::domain::moving`].
//!
//! A person asks for another address and confirms that with a passkey (`ask`), and types the code from the mail to the
//! new address (`finish`). For a day, a link in the mail to the former address undoes the change (`undo`).

use std::sync::Arc;

use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::register::RegisterFlow;
use super::sessions::{LiveSession, Sessions};
use crate::domain::account::{Account, AccountId};
use crate::domain::address::{Move, MoveOutlook, UndoLink};
use crate::domain::assertion::Proof;
use crate::domain::email::Email;
use crate::domain::manage::{self, AccountRefusal, OpenedConfirmation};
use crate::domain::moving::{self, CountedMoveTry, MovingRefusal, WaitingMove};
use crate::domain::plan::Conflict;
use crate::domain::register::RegisterAnswer;
use crate::domain::session::SignedIn;
use crate::domain::visitor::Visitor;
use crate::domain::word_link::Reading;
use crate::store::{CommitError, StoreError};

/// The flow of changing an account's address.
#[derive(Clone, Debug)]
pub struct MoveFlow {
    core: Arc<Core>,
    sessions: Sessions,
    register: RegisterFlow,
}

impl MoveFlow {
    pub(super) fn new(core: Arc<Core>, sessions: Sessions, register: RegisterFlow) -> Self {
        Self { core, sessions, register }
    }

    /// The change of address of an account, unless it is over.
    ///
    /// # Errors
    /// The store failed.
    pub async fn of_account(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        self.core.open_move(account).await
    }

    /// Checks that the owner of an account may ask for that address, as far as a page tells: whether it is another
    /// account's it does not. Returns the last change of address that the store has.
    pub(super) async fn check_may_ask(
        &self,
        owner: &Account,
        to: &Email,
    ) -> Result<Option<Move>, Failure<manage::ManageRefusal>> {
        if *to == owner.email {
            return Err(Failure::Refused(AccountRefusal::OwnAddress.into()));
        }
        let (answer, _) = self.register.look_up(to).await?;
        answer.map_err(|_| Failure::Refused(AccountRefusal::AddressNotAllowed.into()))?;
        // Refused before the device is asked for a passkey, since no code can arrive there.
        if !self.core.writes_to(to).await {
            return Err(Failure::Refused(AccountRefusal::NoMailTo.into()));
        }
        let last = self.core.records.moving(owner.id).await?;
        let hold = self.core.records.hold(owner.id).await?;
        let recoveries = self.core.records.recoveries_of(owner.id).await?;
        let may = moving::may_change(owner, last.as_ref(), hold.as_ref(), &recoveries, self.core.now());
        may.map_err(|not_now| Failure::Refused(not_now.into()))?;
        Ok(last)
    }

    /// A passkey confirmed the change: a code goes out.
    pub(super) async fn ask(
        &self,
        proof: &Proof<OpenedConfirmation>,
        to: Email,
        SignedIn { session, account, .. }: &SignedIn,
        visitor: &Visitor,
    ) -> Result<(), Failure<manage::ManageRefusal>> {
        let last = self.check_may_ask(account, &to).await?;
        let outlook = self.outlook(&to).await?.ok_or(Failure::Refused(AccountRefusal::AddressNotAllowed.into()))?;
        let counters = self.core.code_counters(&to, visitor).await?;
        let moment = self.core.moment(visitor);
        let plan = proof.ask_for_address(account, (to.clone(), outlook), session, last.as_ref(), counters, moment);
        self.core.carry_out(plan).await?;
        tracing::info!(account = %account.id, "a change of address was asked for");
        Ok(self.core.tell_of_tries(&to, counters, visitor).await?)
    }

    /// What a change to that address can come to; `None` where a page tells that the address may not have an account.
    async fn outlook(&self, to: &Email) -> Result<Option<MoveOutlook>, StoreError> {
        let (answer, _) = self.register.look_up(to).await?;
        let is_taken = self.core.records.account_by_email(to).await?.is_some();
        let is_kept = self.core.is_kept(to).await?;
        Ok(answer.ok().map(|answer| moving::outlook(is_taken, is_kept, answer)))
    }

    /// The change that this session has asked for, and that waits for its code.
    ///
    /// # Errors
    /// [`MovingRefusal::NoMove`], [`MovingRefusal::SignedOut`]; a failure of the store.
    pub async fn waiting(&self, live: &LiveSession) -> Result<WaitingMove, Failure<MovingRefusal>> {
        let signed_in = self.sessions.signed_in_or(live, MovingRefusal::SignedOut).await?;
        self.waiting_of(&signed_in).await
    }

    async fn waiting_of(
        &self,
        SignedIn { session, account, .. }: &SignedIn,
    ) -> Result<WaitingMove, Failure<MovingRefusal>> {
        let found = self.core.records.moving(account.id).await?;
        WaitingMove::open(found, session, self.core.now()).map_err(Failure::Refused)
    }

    /// Sends another code to the new address.
    ///
    /// # Errors
    /// [`MovingRefusal::NoMove`], [`CodeRefusal::TooSoon`], [`CodeRefusal::TooMany`]; a failure of the store.
    pub async fn resend_code(&self, live: &LiveSession, visitor: &Visitor) -> Result<(), Failure<MovingRefusal>> {
        for _ in 0..RACES {
            let waiting = self.waiting(live).await?;
            let outlook = self.outlook(waiting.to()).await?.ok_or(Failure::Refused(MovingRefusal::NoMove))?;
            let counters = self.core.code_counters(waiting.to(), visitor).await?;
            let plan = moving::resend(&waiting, outlook, counters, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // A try was counted meanwhile: it is read again.
                Err(CommitError::Conflict(Conflict::MoveChanged)) => {}
                sent => {
                    sent?;
                    return Ok(self.core.tell_of_tries(waiting.to(), counters, visitor).await?);
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// A code was typed: counts the try, compares, and changes the address.
    ///
    /// # Errors
    /// Any [`MovingRefusal`]; a failure of the store.
    pub async fn finish(
        &self,
        typed: &str,
        live: &LiveSession,
        visitor: &Visitor,
    ) -> Result<(), Failure<MovingRefusal>> {
        let signed_in = self.sessions.signed_in_or(live, MovingRefusal::SignedOut).await?;
        let mut counted = self.count_try(typed, &signed_in, visitor).await?;
        for _ in 0..RACES {
            let code = self.core.code(counted.waiting().code().id);
            // A wrong code ends here for every address. What is looked up below would tell by its time which are taken.
            counted.compare(&code).map_err(|refusal| self.refusal_of_try(refusal, &counted))?;
            let owner = self.core.records.account(signed_in.account.id).await?;
            let owner = owner.ok_or(Failure::Refused(MovingRefusal::SignedOut))?;
            let (answer, invitation) = self.register.look_up(counted.waiting().to()).await?;
            // An address that may not have an account any more: the code is refused as a wrong one.
            let answer = answer.unwrap_or(RegisterAnswer::ByLetter);
            let hold = self.core.records.hold(owner.id).await?;
            let recoveries = self.core.records.recoveries_of(owner.id).await?;
            let (pending, moment) = ((hold.as_ref(), recoveries.as_slice()), self.core.moment(visitor));
            let plan = moving::prove(&counted, &code, &owner, (answer, invitation), pending, moment);
            let plan = plan.map_err(|refusal| self.refusal_of_try(refusal, &counted))?;
            match self.core.carry_out(plan).await {
                // The invitation of the address, or the held recovery of the account, came or went: both are read
                // again.
                Err(CommitError::Conflict(Conflict::InvitationChanged | Conflict::HoldChanged)) => {}
                // Another try was counted meanwhile, which takes nothing from this one.
                Err(CommitError::Conflict(Conflict::MoveChanged)) => {
                    let now_there = self.core.records.moving(owner.id).await?;
                    counted = counted.reread(now_there).ok_or(Failure::Refused(MovingRefusal::NoMove))?;
                }
                changed => {
                    changed?;
                    tracing::info!(account = %owner.id, "the address of an account was changed");
                    return Ok(());
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// The refusal of a counted try. A mailed code that a newer one has replaced is told as such.
    fn refusal_of_try(&self, refusal: MovingRefusal, counted: &CountedMoveTry) -> Failure<MovingRefusal> {
        let MovingRefusal::Code(refusal) = refusal else { return Failure::Refused(refusal) };
        let code = self.core.or_earlier(refusal, counted.typed(), &counted.waiting().code());
        Failure::Refused(code.into())
    }

    /// Counts a try of what was typed, before it is compared.
    async fn count_try(
        &self,
        typed: &str,
        signed_in: &SignedIn,
        visitor: &Visitor,
    ) -> Result<CountedMoveTry, Failure<MovingRefusal>> {
        for _ in 0..RACES {
            let waiting = self.waiting_of(signed_in).await?;
            let counters = self.core.code_counters(waiting.to(), visitor).await?;
            let plan = moving::count_try(&waiting, typed, counters, self.core.now());
            if let Some(counted) = self.core.count_try(plan.map_err(Failure::Refused)?, counters).await? {
                return Ok(counted);
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// Reads the link in the mail to the former address, as mail programs and people leave it.
    pub fn read_undo_link(&self, text: &str) -> Reading<UndoLink> {
        UndoLink::read(text, &self.core.keys.undo_links)
    }

    /// Undoes a change of address, for the person who has its link.
    ///
    /// # Errors
    /// [`MovingRefusal::NoMove`]; a failure of the store.
    pub async fn undo(&self, link: UndoLink, visitor: &Visitor) -> Result<(), Failure<MovingRefusal>> {
        let (records, UndoLink { account, undoes }) = (&self.core.records, link);
        for _ in 0..RACES {
            let owner = records.account(account).await?.ok_or(Failure::Refused(MovingRefusal::NoMove))?;
            let found = records.moving(account).await?;
            let (hold, operators_code) = (records.hold(account).await?, records.admin_code(account).await?);
            let invitation = match found.as_ref().and_then(Move::former) {
                Some(former) => records.invitation(former).await?,
                None => None,
            };
            let (pending, moment) = ((hold.as_ref(), operators_code.as_ref()), self.core.moment(visitor));
            let plan = moving::undo(found.as_ref(), undoes, &owner, pending, invitation, moment);
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // Something that ends with the change came or went meanwhile: all is read again.
                Err(CommitError::Conflict(
                    Conflict::InvitationChanged | Conflict::HoldChanged | Conflict::AdminCodeSpent,
                )) => {}
                undone => {
                    undone?;
                    tracing::info!(%account, "a change of address was undone");
                    return Ok(());
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }
}

impl Core {
    /// The change of address of an account, unless it is over.
    pub(super) async fn open_move(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        Ok(self.records.moving(account).await?.filter(|found| found.is_open(self.now())))
    }

    /// Whether an address is kept for the account that had it, which may undo the change for a day.
    pub(super) async fn is_kept(&self, email: &Email) -> Result<bool, StoreError> {
        Ok(self.records.moves_from(email).await?.iter().any(|found| found.is_open(self.now())))
    }
}
