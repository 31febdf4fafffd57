//! Drives the steps of [`crate::domain::recover`].

use std::sync::Arc;

use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions};

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::mailed_codes::tries_spent;
use super::sessions::{LiveSession, Sessions};
use super::starting::{SignedInBrowser, Starting};
use crate::domain::account::{Account, AccountId};
use crate::domain::admin_code;
use crate::domain::aftermath::Review;
use crate::domain::assertion::{Proof, Question};
use crate::domain::attestation::Making;
use crate::domain::ceremony::{Act, CeremonyId, Leave, Makes, Proves, Purpose};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::mailed_code::CodeRefusal;
use crate::domain::manage;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{AdminCodeChange, CeremonyChange, Change, Conflict, Plan};
use crate::domain::recover::{
    self, Contesting, CountedTry, Finished, Mode, Proved, Recovering, RecoveryPolicy, Refusal, TypedCode,
};
use crate::domain::recovery::{CancelLink, Hold, Recovery};
use crate::domain::session::{Session, SignedIn};
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

/// What a code has come to.
#[derive(Debug)]
pub enum CameTo {
    /// It is proved.
    Proved(Proved),
    /// It has opened a contested account beside an older passkey.
    SignedIn(Box<SignedInBrowser>),
}

/// A recovery that the owner of an older passkey may contest.
#[derive(Debug)]
pub struct Contestable {
    /// The account as it is now.
    pub owner: Account,
    proves: Proves,
    spent: CeremonyId,
}

/// Getting back in.
#[derive(Clone, Debug)]
pub struct RecoverFlow {
    core: Arc<Core>,
    sessions: Sessions,
    policy: Arc<RecoveryPolicy>,
}

impl RecoverFlow {
    pub(super) fn new(core: Arc<Core>, sessions: Sessions, policy: RecoveryPolicy) -> Self {
        Self { core, sessions, policy: Arc::new(policy) }
    }

    /// How the owner of that account gets back in.
    pub fn mode_for(&self, account: Option<&Account>) -> Mode {
        self.policy.mode_for(account)
    }

    /// How somebody without their passkey gets back in, as far as a page tells.
    pub fn mode(&self) -> Mode {
        self.policy.mode
    }

    /// How people get back in.
    pub(super) fn policy(&self) -> &RecoveryPolicy {
        &self.policy
    }

    /// An address was typed: sends a code where it has an account. On our pages, the visitor goes on as
    /// [`Visitor::moved_on`].
    ///
    /// # Errors
    /// [`Refusal::Off`], too many codes; a failure of the store.
    pub async fn begin(&self, email: Email, return_to: Destination, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let visitor = &visitor.moved_on();
        // The same press again, which has been answered.
        if visitor.press.is_some() && self.pending(visitor).await?.is_some() {
            return Ok(());
        }
        let account = self.core.records.account_by_email(&email).await?;
        let (counters, moment) = (self.core.code_counters(&email, visitor).await?, self.core.moment(visitor));
        let plan = recover::begin(&self.policy, email.clone(), account.as_ref(), return_to, counters, moment);
        self.core.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok(self.core.tell_of_tries(&email, counters, visitor).await?)
    }

    /// Somebody waits for a code of an address that none is sent to.
    pub(super) async fn begin_in_vain(&self, email: Email, visitor: &Visitor) -> Result<(), StoreError> {
        match self.core.carry_out(recover::begin_in_vain(email, self.core.moment(visitor))).await {
            Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// The visitor's unfinished recovery, if it has not expired.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pending(&self, visitor: &Visitor) -> Result<Option<Recovery>, StoreError> {
        let recovery = self.core.records.recovery(visitor.browser).await?;
        Ok(recovery.filter(|recovery| recovery.is_open(self.core.now())))
    }

    async fn begun(&self, visitor: &Visitor) -> Result<Recovery, Failure<Refusal>> {
        self.pending(visitor).await?.ok_or(Failure::Refused(Refusal::NoRecovery))
    }

    /// Sends another code.
    ///
    /// # Errors
    /// [`Refusal::NoRecovery`], too soon, too many; a failure of the store.
    pub async fn resend_code(&self, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        for _ in 0..RACES {
            let recovery = self.begun(visitor).await?;
            let email = recovery.email.clone();
            let counters = match recovery.beside {
                Some(_) => self.core.code_counters_beside(&email, visitor).await?,
                None => self.core.code_counters(&email, visitor).await?,
            };
            let owner = self.core.records.account(recovery.owner()).await?;
            let plan = recover::resend(&self.policy, recovery, owner.as_ref(), counters, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // A try was counted meanwhile.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {}
                sent => {
                    sent?;
                    return Ok(self.core.tell_of_tries(&email, counters, visitor).await?);
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// A code was typed: counts the try, compares, and says what it leads to. On our pages, the visitor goes on as
    /// [`Visitor::moved_on`] to a new passkey.
    ///
    /// # Errors
    /// Any [`Refusal`] of a code; a failure of the store.
    pub async fn prove(&self, typed: &str, visitor: &Visitor) -> Result<CameTo, Failure<Refusal>> {
        match self.try_code(typed, visitor).await {
            // The same press again, which has been answered.
            Err(Failure::Refused(_)) if self.has_proved(&visitor.moved_on()).await? => {
                Ok(CameTo::Proved(Proved::SetUp))
            }
            Err(refused @ Failure::Refused(_)) => self
                .sessions
                .or_again(Err(refused), visitor)
                .await
                .map(|signed_in| CameTo::SignedIn(Box::new(signed_in))),
            proved => proved,
        }
    }

    async fn try_code(&self, typed: &str, visitor: &Visitor) -> Result<CameTo, Failure<Refusal>> {
        let counted = self.count_try(typed, visitor).await?;
        match counted.recovery().beside.clone() {
            Some(older) => self.open_beside(counted, &older, visitor).await,
            None => self.prove_counted(counted, visitor).await.map(CameTo::Proved),
        }
    }

    /// An older passkey of a contested account was proved: sends the code that opens it together with that. On our pages,
    /// the visitor goes on as [`Visitor::moved_on`].
    pub(super) async fn begin_beside(
        &self,
        proof: &Proof<Destination>,
        account: &Account,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let (counters, moment) =
            (self.core.code_counters_beside(&account.email, visitor).await?, self.core.moment(visitor));
        let plan = recover::begin_beside(proof, account, counters, moment).map_err(Failure::Refused)?;
        self.core.carry_out(plan).await?;
        Ok(self.core.tell_of_tries(&account.email, counters, visitor).await?)
    }

    /// Compares the code that opens a contested account beside an older passkey.
    async fn open_beside(
        &self,
        mut counted: CountedTry,
        older: &CredentialId,
        visitor: &Visitor,
    ) -> Result<CameTo, Failure<Refusal>> {
        let core = &self.core;
        let none = || Failure::Refused(Refusal::NoRecovery);
        for _ in 0..RACES {
            let Recovery { account, code: mailed, browser, .. } = counted.recovery().clone();
            let is_right =
                matches!(counted.typed(), Some(TypedCode::Mailed(code)) if code.matches(&core.code(mailed.id)));
            let owner = self.account(account.ok_or_else(none)?).await?;
            let older = core.records.passkey(older).await?.ok_or_else(none)?;
            let mut made = Vec::new();
            for id in owner.aftermath.review.iter().flat_map(Review::all_made) {
                made.extend(core.records.passkey(id).await?);
            }
            let hold = core.records.hold(owner.id).await?;
            let (token, session) = core.start_in_browser(visitor);
            let (keys, moment) = ((&older, made.as_slice()), core.moment(visitor));
            let plan = recover::open_beside(&counted, is_right, &owner, keys, hold.as_ref(), session, moment);
            match core.carry_out(plan.map_err(Failure::Refused)?).await {
                // Another try was counted meanwhile, which takes nothing from this one.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {
                    let now_there = core.records.recovery(browser).await?;
                    counted = counted.again(now_there).ok_or_else(none)?;
                }
                opened => {
                    let Finished { session, return_to } = opened?;
                    tracing::info!(account = %owner.id, "a contested recovery was undone");
                    return Ok(CameTo::SignedIn(Box::new(SignedInBrowser { token, session, return_to })));
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// Makes a challenge to contest a recovery with the older passkey that has just been proved; the question that stands
    /// for it is used up.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::NoReview`]; a failure of the store.
    pub async fn begin_contest(
        &self,
        ceremony: CeremonyId,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<Refusal>> {
        let Contestable { proves, spent, .. } = self.contestable(ceremony, visitor).await?;
        let Proves::Contest { credential, .. } = &proves else { return Err(Failure::Refused(Refusal::Stale)) };
        let (allowed, moment) = (vec![credential.clone()], self.core.moment(visitor));
        let (ceremony, options) = self.core.question(proves, Some(allowed), Destination::root(), moment)?;
        let id = ceremony.id;
        let changes = vec![CeremonyChange::Spend(spent).into(), CeremonyChange::Add(ceremony).into()];
        self.core.carry_out(Plan::relaxed(changes, ())).await?;
        Ok((id, options))
    }

    /// What a question leads to that stands for a proof of an older passkey.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::NoReview`]; a failure of the store.
    pub async fn contestable(&self, id: CeremonyId, visitor: &Visitor) -> Result<Contestable, Failure<Refusal>> {
        let ceremony = self.core.ceremony(id).await?;
        let opened = ceremony.open(visitor, self.core.now()).map_err(|stale| Failure::Refused(stale.into()))?;
        let Purpose::Prove { proves: proves @ Proves::Contest { account, .. }, .. } = opened.purpose else {
            return Err(Failure::Refused(Refusal::Stale));
        };
        let owner = self.account(account).await?;
        if owner.aftermath.review.is_none() {
            return Err(Failure::Refused(Refusal::NoReview));
        }
        Ok(Contestable { owner, proves, spent: id })
    }

    /// The device answered: an older passkey says that the recovery was somebody else's.
    ///
    /// # Errors
    /// Any [`Refusal`] of an answer; a failure of the store.
    pub async fn contest(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let question = recover::open_contest(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let id = question.id();
        let contested = self.contest_by(question, answer, visitor).await;
        self.core.over(id, "contest", contested).await
    }

    async fn contest_by(
        &self,
        question: Question<Contesting>,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let (proof, owner) = self.core.prove_at_rest_too(question, answer, None, visitor).await?;
        let hold = self.core.records.hold(owner.id).await?;
        let plan = recover::contest(&proof, &owner, hold.as_ref(), self.core.moment(visitor));
        self.core.carry_out(plan.map_err(Failure::Refused)?).await?;
        tracing::warn!(account = %owner.id, "a recovery was contested with an older passkey");
        Ok(())
    }

    /// Whether this visitor's recovery waits for a passkey.
    async fn has_proved(&self, visitor: &Visitor) -> Result<bool, StoreError> {
        let recovery = self.pending(visitor).await?;
        Ok(recovery.is_some_and(|recovery| recover::proved_account(&recovery, self.core.now()).is_ok()))
    }

    async fn count_try(&self, typed: &str, visitor: &Visitor) -> Result<CountedTry, Failure<Refusal>> {
        for _ in 0..RACES {
            let recovery = self.begun(visitor).await?;
            let counters = self.core.code_counters(&recovery.email, visitor).await?;
            let mode = recover::mode_of_code(self.policy.mode, &recovery);
            let typed = TypedCode::parse(mode, typed).ok_or(Failure::Refused(CodeRefusal::NotACode.into()))?;
            let plan = recover::count_try(mode, recovery, Some(typed), counters, self.core.now());
            let counted = self.core.carry_out(plan.map_err(Failure::Refused)?).await;
            if let Some(spent) = tries_spent(&counted, &counters) {
                return Err(Failure::Refused(spent.into()));
            }
            match counted {
                // Another try was counted meanwhile, or another code sent: this one has not been looked at.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {}
                counted => return Ok(counted?),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// Compares the code of a counted try, and says what it leads to.
    async fn prove_counted(&self, mut counted: CountedTry, visitor: &Visitor) -> Result<Proved, Failure<Refusal>> {
        for _ in 0..RACES {
            let Recovery { code: mailed, browser, .. } = counted.recovery();
            // Of an address without an account as much is looked for.
            let owner = counted.recovery().owner();
            let right = match counted.typed() {
                Some(TypedCode::Mailed(code)) => code.matches(&self.core.code(mailed.id)).then(Vec::new),
                Some(TypedCode::FromOperator(code)) => self.operators_code(owner, code).await?,
                None => None,
            };
            let hold = self.core.records.hold(owner).await?;
            let owner = self.core.records.account(owner).await?;
            let (mode, is_contested) =
                (self.mode_for(owner.as_ref()), owner.as_ref().is_some_and(|owner| owner.aftermath.is_contested()));
            let plan = recover::prove(mode, &counted, right, hold, is_contested, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // Another try was counted meanwhile, which takes nothing from this one.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {
                    let now_there = self.core.records.recovery(*browser).await?;
                    counted = counted.again(now_there).ok_or(Failure::Refused(Refusal::NoRecovery))?;
                }
                proved => return Ok(proved?),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// What takes the operator's code away, where `typed` is it. Its tries are those of the address: a limit of its own
    /// would let anybody who knows the address burn it.
    async fn operators_code(
        &self,
        account: AccountId,
        typed: &admin_code::Code,
    ) -> Result<Option<Vec<Change>>, StoreError> {
        let out = self.core.records.admin_code(account).await?.filter(|code| code.is_open(self.core.now()));
        let right = out.filter(|code| code.is(typed, &self.core.keys.admin_codes));
        // To be committed with what the code is good for, so that it is used once.
        Ok(right.map(|code| vec![AdminCodeChange::Spend { account, digest: code.digest }.into()]))
    }

    /// Makes a challenge for the new passkey of a proved recovery.
    ///
    /// # Errors
    /// [`Refusal::NoRecovery`]; a failure of the store.
    pub async fn begin_passkey(
        &self,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        let core = &self.core;
        let recovery = self.begun(visitor).await?;
        let account = recover::proved_account(&recovery, core.now()).map_err(Failure::Refused)?;
        let account = self.account(account).await?;
        // None is excluded: where a device still has a passkey that is refused, it must be able to replace it.
        let (owner, makes) = (Owner::of(&account, &[]), Makes::Another(Leave::Recovery));
        let (ceremony, options) = core.challenge(owner, makes, Destination::root(), core.moment(visitor))?;
        let id = ceremony.id;
        core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    async fn account(&self, id: AccountId) -> Result<Account, Failure<Refusal>> {
        self.core.records.account(id).await?.ok_or(Failure::Refused(Refusal::NoRecovery))
    }

    /// The device made the new passkey: a session, and every other one ends. Refused or not, the ceremony is over.
    ///
    /// # Errors
    /// Any [`Refusal`] of a passkey; a failure of the store.
    pub async fn finish(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<Refusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let making = recover::open(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let id = making.id();
        let finished = self.keep_passkey(making, answer, visitor).await;
        self.core.over(id, "passkey after a recovery", finished).await
    }

    async fn keep_passkey(
        &self,
        making: Making<Recovering>,
        answer: RegisterPublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<Refusal>> {
        let core = &self.core;
        let made = core.make(making, answer).await?;
        let recovery = self.begun(visitor).await?;
        let account = recover::proved_account(&recovery, core.now()).map_err(Failure::Refused)?;
        let owner = self.account(account).await?;
        let hold = core.records.hold(account).await?;
        let others = !core.records.passkeys(account).await?.is_empty();
        let (token, session) = core.start_in_browser(visitor);
        let moment = core.moment(visitor);
        let mode = self.mode_for(Some(&owner));
        let plan = recover::finish(mode, made, &owner, (&recovery, hold.as_ref()), others, session, moment);
        let Finished { session, return_to } = core.carry_out(plan.map_err(Failure::Refused)?).await?;
        tracing::info!(%account, "an account was recovered");
        Ok(SignedInBrowser { token, session, return_to })
    }

    /// A recovery of a client of the API, whose counted code opens whatever session is `starting`; `None` where it is
    /// held.
    pub(super) async fn finish_by_code(
        &self,
        counted: CountedTry,
        starting: Starting,
        visitor: &Visitor,
    ) -> Result<Option<(Account, Session)>, Failure<Refusal>> {
        let core = &self.core;
        let browser = counted.recovery().browser;
        match self.prove_counted(counted, visitor).await? {
            Proved::SetUp => {}
            Proved::Held(_) => return Ok(None),
        }
        let recovery = core.records.recovery(browser).await?.ok_or(Failure::Refused(Refusal::NoRecovery))?;
        let account = recover::proved_account(&recovery, core.now()).map_err(Failure::Refused)?;
        let hold = core.records.hold(account).await?;
        let owner = self.account(account).await?;
        let others = !core.records.passkeys(account).await?.is_empty();
        let (session, moment) = (starting.session.clone(), core.moment(visitor));
        let mode = self.mode_for(Some(&owner));
        let plan = recover::finish_by_code(mode, &owner, &recovery, hold.as_ref(), others, session, moment);
        let session = core.carry_out(starting.along(plan.map_err(Failure::Refused)?)).await?;
        let account = self.account(account).await?;
        tracing::info!(account = %account.id, "an account was recovered");
        Ok(Some((account, session)))
    }

    /// The passkeys a session is asked to review: all but its own.
    ///
    /// # Errors
    /// [`Refusal::NoReview`]; a failure of the store.
    pub async fn passkeys_to_review(&self, live: &LiveSession) -> Result<Vec<Passkey>, Failure<Refusal>> {
        let signed_in = self.sessions.signed_in_or(live, Refusal::NoReview).await?;
        self.to_review(&signed_in).await
    }

    async fn to_review(&self, SignedIn { session, account, .. }: &SignedIn) -> Result<Vec<Passkey>, Failure<Refusal>> {
        if !manage::may_review(account, session) {
            return Err(Failure::Refused(Refusal::NoReview));
        }
        let mut passkeys = self.core.records.passkeys(session.account).await?;
        passkeys.retain(|passkey| Some(&passkey.key.id) != session.credential.as_ref());
        Ok(passkeys)
    }

    /// Makes a challenge for the session's own passkey, to answer "Keep your account safe" by removing those named. The
    /// list is the one that was shown, or is asked for again.
    ///
    /// # Errors
    /// [`Refusal::NoReview`] where there is none, or a passkey is named that was not listed; [`Refusal::Stale`] where the
    /// list has changed; a failure of the store.
    pub async fn begin_review(
        &self,
        live: &LiveSession,
        remove: Vec<CredentialId>,
        listed: Vec<CredentialId>,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<Refusal>> {
        let signed_in = self.sessions.signed_in_or(live, Refusal::NoReview).await?;
        let passkeys = self.to_review(&signed_in).await?;
        if passkeys.len() != listed.len() || !passkeys.iter().all(|passkey| listed.contains(&passkey.key.id)) {
            return Err(Failure::Refused(Refusal::Stale));
        }
        if !remove.iter().all(|named| listed.contains(named)) {
            return Err(Failure::Refused(Refusal::NoReview));
        }
        let own = signed_in.session.credential.clone().into_iter().collect();
        let (proves, moment) =
            (Act::AnswerReview { remove, listed }.proved_in(&signed_in.session), self.core.moment(visitor));
        let (ceremony, options) = self.core.question(proves, Some(own), return_to, moment)?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// Reads the link in the letter of a held recovery.
    pub fn read_cancel_link(&self, text: &str) -> Option<CancelLink> {
        CancelLink::read(text, &self.core.keys.holds)
    }

    /// Cancels a held recovery, for whoever has its link.
    ///
    /// # Errors
    /// [`Refusal::NoHold`]; a failure of the store.
    pub async fn cancel(&self, link: CancelLink, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let CancelLink { account, hold } = link;
        let owner = self.core.records.account(account).await?.ok_or(Failure::Refused(Refusal::NoHold))?;
        let found = self.core.records.hold(account).await?;
        let plan = recover::cancel(found, hold, &owner, self.core.moment(visitor));
        self.core.carry_out(plan.map_err(|no_hold| Failure::Refused(no_hold.into()))?).await?;
        tracing::info!(%account, "a held recovery was cancelled");
        Ok(())
    }
}

impl Core {
    /// The held recovery of an account, if it is not over.
    pub(super) async fn open_hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        Ok(self.records.hold(account).await?.filter(|hold| hold.is_open(self.now())))
    }
}
