//! Getting back in without a passkey: drives the steps of [`crate::domain::recover`].
//!
//! A person types an address (`begin`), proves the code from a mail or from the operator (`prove`), makes a passkey
//! (`finish`), and reviews what else can sign in (`begin_review`). The operator may have a proved recovery wait first:
//! that is a hold, which a link in a mail stops (`cancel`). The owner of an older passkey may contest a recovery
//! (`contest`). The account then opens by that passkey and a mailed code together: such a recovery is begun beside the
//! passkey (`begin_beside`).

use std::borrow::Cow;
use std::sync::Arc;

use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions};

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::sessions::{LiveSession, Sessions};
use super::starting::{SignedInBrowser, Starting};
use crate::domain::account::{Account, AccountId};
use crate::domain::admin_code;
use crate::domain::aftermath::Review;
use crate::domain::assertion::{AssertionChallenge, Proof};
use crate::domain::attestation::AttestationChallenge;
use crate::domain::ceremony::{Act, CeremonyId, CeremonyPurpose, Leave, Makes, Proves};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::mailed_code::CodeRefusal;
use crate::domain::manage;
use crate::domain::passkey::{CredentialId, Naming, Passkey};
use crate::domain::plan::{AdminCodeChange, CeremonyChange, Change, Conflict, Plan};
use crate::domain::recover::{
    self, Contesting, CountedRecoveryTry, FinishedRecovery, Proved, RecoverRefusal, Recovering, RecoveryMode,
    RecoveryPolicy, TypedCode,
};
use crate::domain::recovery::{CancelLink, Hold, Over, Recovery, RecoveryStage};
use crate::domain::session::{Session, SignedIn};
use crate::domain::visitor::Visitor;
use crate::domain::word_link::Reading;
use crate::store::{CommitError, StoreError};

/// How many of an account's newest events are read to find out what became of a recovery: too many for a stranger to
/// cause within days.
const EVENTS_READ: usize = 1000;

/// The flow of getting back in.
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
    pub async fn mode_for(&self, account: &Account) -> RecoveryMode {
        self.policy_for(&account.email).await.mode_for(Some(account))
    }

    /// How the owner of that address gets back in: by the operator's code, where no mail can be written to it.
    pub async fn policy_for(&self, email: &Email) -> Cow<'_, RecoveryPolicy> {
        if self.core.writes_to(email).await {
            Cow::Borrowed(&self.policy)
        } else {
            Cow::Owned(self.policy.without_mail())
        }
    }

    /// How that owner gets back in by a recovery whose code was proved. A mailed code has arrived, so mail can be
    /// written to the address.
    async fn mode_once_proved(&self, recovery: &Recovery, owner: &Account) -> RecoveryMode {
        match recovery.stage {
            RecoveryStage::Vouched => self.mode_for(owner).await,
            RecoveryStage::Code | RecoveryStage::Proved => self.policy.mode_for(Some(owner)),
        }
    }

    /// How people get back in, as every page says it: without looking at an address or an account.
    pub fn mode(&self) -> RecoveryMode {
        self.policy.mode
    }

    /// How people get back in, as the operator has it.
    pub(super) fn policy(&self) -> &RecoveryPolicy {
        &self.policy
    }

    /// An address was typed: sends a code where it has an account. On our pages, the visitor goes on with the next flow
    /// cookie ([`Visitor::moved_on`]).
    ///
    /// # Errors
    /// [`RecoverRefusal::Off`], [`CodeRefusal::TooMany`]; a failure of the store.
    pub async fn begin(
        &self,
        email: Email,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(), Failure<RecoverRefusal>> {
        let visitor = &visitor.moved_on();
        // The same press has arrived again, and was answered before.
        if visitor.press.is_some() && self.pending(visitor).await?.is_some() {
            return Ok(());
        }
        let policy = self.policy_for(&email).await;
        let account = self.core.records.account_by_email(&email).await?;
        let (counters, moment) = (self.core.code_counters(&email, visitor).await?, self.core.moment(visitor));
        let plan = recover::begin(&policy, email.clone(), account.as_ref(), return_to, counters, moment);
        self.core.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok(self.core.tell_of_tries(&email, counters, visitor).await?)
    }

    /// Begins a recovery of an address to which no code is sent, so that the visitor waits for one like any other.
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

    async fn pending_or_refused(&self, visitor: &Visitor) -> Result<Recovery, Failure<RecoverRefusal>> {
        self.pending(visitor).await?.ok_or(Failure::Refused(RecoverRefusal::NoRecovery))
    }

    /// Sends another code to the address that was typed.
    ///
    /// # Errors
    /// [`RecoverRefusal::NoRecovery`], [`CodeRefusal::TooSoon`], [`CodeRefusal::TooMany`]; a failure of the store.
    pub async fn resend_code(&self, visitor: &Visitor) -> Result<(), Failure<RecoverRefusal>> {
        for _ in 0..RACES {
            let recovery = self.pending_or_refused(visitor).await?;
            let email = recovery.email.clone();
            let counters = match recovery.beside {
                Some(_) => self.core.code_counters_beside(&email, visitor).await?,
                None => self.core.code_counters(&email, visitor).await?,
            };
            let owner = self.core.records.account(recovery.owner()).await?;
            let policy = self.policy_for(&email).await;
            let plan = recover::resend(&policy, recovery, owner.as_ref(), counters, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // A try was counted meanwhile: it is read again.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {}
                sent => {
                    sent?;
                    return Ok(self.core.tell_of_tries(&email, counters, visitor).await?);
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// A code was typed: counts the try, compares, and says what it leads to. On our pages, the visitor goes on to a
    /// new passkey with the next flow cookie ([`Visitor::moved_on`]).
    ///
    /// # Errors
    /// Any [`RecoverRefusal`] of a code; a failure of the store.
    pub async fn prove(&self, typed: &str, visitor: &Visitor) -> Result<RecoveryCodeOutcome, Failure<RecoverRefusal>> {
        match self.try_code(typed, visitor).await {
            // The same press has arrived again, and was answered before: the code was proved, or a session begun.
            Err(Failure::Refused(_)) if self.has_proved(&visitor.moved_on()).await? => {
                Ok(RecoveryCodeOutcome::Proved(Proved::SetUp))
            }
            Err(refused @ Failure::Refused(_)) => self
                .sessions
                .or_again(Err(refused), visitor)
                .await
                .map(|signed_in| RecoveryCodeOutcome::SignedIn(Box::new(signed_in))),
            proved => proved,
        }
    }

    async fn try_code(&self, typed: &str, visitor: &Visitor) -> Result<RecoveryCodeOutcome, Failure<RecoverRefusal>> {
        let counted = self.count_try(typed, visitor).await?;
        match counted.recovery().beside.clone() {
            Some(older) => self.open_beside(counted, &older, visitor).await,
            None => self.prove_counted(counted, visitor).await.map(RecoveryCodeOutcome::Proved),
        }
    }

    /// Whether this visitor has proved a code, and goes on to the new passkey.
    async fn has_proved(&self, visitor: &Visitor) -> Result<bool, StoreError> {
        let recovery = self.pending(visitor).await?;
        Ok(recovery.is_some_and(|recovery| recover::proved_account(&recovery, self.core.now()).is_ok()))
    }

    /// Counts a try of what was typed, before it is compared.
    async fn count_try(&self, typed: &str, visitor: &Visitor) -> Result<CountedRecoveryTry, Failure<RecoverRefusal>> {
        for _ in 0..RACES {
            let recovery = self.pending_or_refused(visitor).await?;
            let counters = self.core.code_counters(&recovery.email, visitor).await?;
            let mode = recover::mode_of_code(self.policy.mode, &recovery);
            let typed = TypedCode::parse(mode, typed).ok_or(Failure::Refused(CodeRefusal::NotACode.into()))?;
            let plan = recover::count_try(mode, recovery, Some(typed), counters, self.core.now());
            if let Some(counted) = self.core.count_try(plan.map_err(Failure::Refused)?, counters).await? {
                return Ok(counted);
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// Compares the code of a counted try, and says what it leads to.
    async fn prove_counted(
        &self,
        mut counted: CountedRecoveryTry,
        visitor: &Visitor,
    ) -> Result<Proved, Failure<RecoverRefusal>> {
        for _ in 0..RACES {
            let Recovery { code: mailed, browser, .. } = counted.recovery();
            // Where the address has no account, as much is looked up with the id of a stand-in.
            let owner = counted.recovery().owner();
            // Where the code is right, what it uses up besides the recovery.
            let right = match counted.typed() {
                Some(TypedCode::Mailed(code)) => code.matches(&self.core.code(mailed.id)).then(Vec::new),
                Some(TypedCode::FromOperator(code)) => self.operators_code(owner, code).await?,
                None => None,
            };
            let hold = self.core.records.hold(owner).await?;
            let owner = self.core.records.account(owner).await?;
            // Where the account got another address meanwhile, the code went to the former one, and is not right.
            let has_address = |owner: &Account| owner.email == counted.recovery().email;
            let right = right.filter(|_| owner.as_ref().is_none_or(has_address));
            let policy = match counted.typed() {
                Some(TypedCode::FromOperator(_)) => self.policy_for(&counted.recovery().email).await,
                // A mailed code has arrived, whatever the mail server says by now.
                Some(TypedCode::Mailed(_)) | None => Cow::Borrowed(&*self.policy),
            };
            let mode = policy.mode_for(owner.as_ref());
            let plan = recover::prove(mode, &counted, right, owner.as_ref(), hold, self.core.moment(visitor));
            let plan = plan.map_err(|refusal| self.refusal_of_try(refusal, &counted))?;
            match self.core.carry_out(plan).await {
                // Another try was counted meanwhile, which takes nothing from this one.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {
                    let now_there = self.core.records.recovery(*browser).await?;
                    counted = counted.reread(now_there).ok_or(Failure::Refused(RecoverRefusal::NoRecovery))?;
                }
                proved => return Ok(proved?),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// The refusal of a counted try. A mailed code that a newer one has replaced is told as such.
    fn refusal_of_try(&self, refusal: RecoverRefusal, counted: &CountedRecoveryTry) -> Failure<RecoverRefusal> {
        Failure::Refused(match (refusal, counted.typed()) {
            (RecoverRefusal::Code(refusal), Some(TypedCode::Mailed(typed))) => {
                self.core.or_earlier(refusal, typed, &counted.recovery().code).into()
            }
            (refusal, Some(TypedCode::Mailed(_) | TypedCode::FromOperator(_)) | None) => refusal,
        })
    }

    /// The change that spends the operator's code of an account, where `typed` is that code. Wrong tries are counted
    /// for the address, and do not spend the code: otherwise a stranger who knows the address could.
    async fn operators_code(
        &self,
        account: AccountId,
        typed: &admin_code::AdminCodeText,
    ) -> Result<Option<Vec<Change>>, StoreError> {
        let open = self.core.records.admin_code(account).await?.filter(|code| code.is_open(self.core.now()));
        let right = open.filter(|code| code.is(typed, &self.core.keys.admin_codes));
        // It is committed together with what the code opens, so that the code is used once.
        Ok(right.map(|code| vec![AdminCodeChange::Spend { account, digest: code.digest }.into()]))
    }

    /// An older passkey of a contested account was proved: sends the code that opens the account together with it. On
    /// our pages, the visitor goes on with the next flow cookie ([`Visitor::moved_on`]).
    pub(super) async fn begin_beside(
        &self,
        proof: &Proof<Destination>,
        account: &Account,
        visitor: &Visitor,
    ) -> Result<(), Failure<RecoverRefusal>> {
        let (counters, moment) =
            (self.core.code_counters_beside(&account.email, visitor).await?, self.core.moment(visitor));
        let plan = recover::begin_beside(proof, account, counters, moment).map_err(Failure::Refused)?;
        self.core.carry_out(plan).await?;
        Ok(self.core.tell_of_tries(&account.email, counters, visitor).await?)
    }

    /// Compares the code that opens a contested account beside an older passkey.
    async fn open_beside(
        &self,
        mut counted: CountedRecoveryTry,
        older: &CredentialId,
        visitor: &Visitor,
    ) -> Result<RecoveryCodeOutcome, Failure<RecoverRefusal>> {
        let core = &self.core;
        let no_recovery = || Failure::Refused(RecoverRefusal::NoRecovery);
        for _ in 0..RACES {
            let Recovery { account, code: mailed, browser, .. } = counted.recovery().clone();
            let is_right =
                matches!(counted.typed(), Some(TypedCode::Mailed(code)) if code.matches(&core.code(mailed.id)));
            let owner = self.account(account.ok_or_else(no_recovery)?).await?;
            let older = core.records.passkey(older).await?.ok_or_else(no_recovery)?;
            let mut made = Vec::new();
            for id in owner.aftermath.review.iter().flat_map(Review::all_made) {
                made.extend(core.records.passkey(id).await?);
            }
            let hold = core.records.hold(owner.id).await?;
            let (token, session) = core.start_in_browser(visitor);
            let (keys, moment) = ((&older, made.as_slice()), core.moment(visitor));
            let plan = recover::open_beside(&counted, is_right, &owner, keys, hold.as_ref(), session, moment);
            let plan = plan.map_err(|refusal| self.refusal_of_try(refusal, &counted))?;
            match core.carry_out(plan).await {
                // Another try was counted meanwhile, which takes nothing from this one.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {
                    let now_there = core.records.recovery(browser).await?;
                    counted = counted.reread(now_there).ok_or_else(no_recovery)?;
                }
                opened => {
                    let FinishedRecovery { session, return_to } = opened?;
                    tracing::info!(account = %owner.id, "a contested recovery was undone");
                    return Ok(RecoveryCodeOutcome::SignedIn(Box::new(SignedInBrowser { token, session, return_to })));
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// Makes a challenge for the new passkey of a proved recovery.
    ///
    /// # Errors
    /// [`RecoverRefusal::NoRecovery`]; a failure of the store.
    pub async fn begin_passkey(
        &self,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<RecoverRefusal>> {
        let core = &self.core;
        let recovery = self.pending_or_refused(visitor).await?;
        let account = recover::proved_account(&recovery, core.now()).map_err(Failure::Refused)?;
        let account = self.account(account).await?;
        // No passkey is excluded: a device that still has one that is refused must be able to replace it.
        let (owner, makes) = (Owner::of(&account, &[]), Makes::Another(Leave::Recovery));
        let (ceremony, options) = core.challenge(owner, makes, Destination::root(), core.moment(visitor))?;
        let id = ceremony.id;
        core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// That account, unless it is gone.
    async fn account(&self, id: AccountId) -> Result<Account, Failure<RecoverRefusal>> {
        self.core.records.account(id).await?.ok_or(Failure::Refused(RecoverRefusal::NoRecovery))
    }

    /// The device made the new passkey: keeps it, begins a session, and ends every other one. Refused or not, the
    /// ceremony is over.
    ///
    /// # Errors
    /// Any [`RecoverRefusal`] of a passkey; a failure of the store.
    pub async fn finish(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<RecoverRefusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let making = recover::open(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let id = making.id();
        let finished = self.keep_passkey(making, answer, name, visitor).await;
        self.core.over(id, "passkey after a recovery", finished).await
    }

    async fn keep_passkey(
        &self,
        making: AttestationChallenge<Recovering>,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<RecoverRefusal>> {
        let core = &self.core;
        let made = core.make(making, answer).await?;
        let recovery = self.pending_or_refused(visitor).await?;
        let account = recover::proved_account(&recovery, core.now()).map_err(Failure::Refused)?;
        let owner = self.account(account).await?;
        let hold = core.records.hold(account).await?;
        let others = core.records.passkeys(account).await?;
        let naming = Naming { chosen: name.and_then(manage::name), others: &others };
        let (token, session) = core.start_in_browser(visitor);
        let moment = core.moment(visitor);
        let mode = self.mode_once_proved(&recovery, &owner).await;
        let plan = recover::finish(mode, made, &owner, (&recovery, hold.as_ref()), naming, session, moment);
        let FinishedRecovery { session, return_to } = core.carry_out(plan.map_err(Failure::Refused)?).await?;
        tracing::info!(%account, "an account was recovered");
        Ok(SignedInBrowser { token, session, return_to })
    }

    /// The end of a recovery over the API. The right code begins the session that is `starting`, before a passkey is
    /// made; `None` where the recovery is held.
    pub(super) async fn finish_by_code(
        &self,
        counted: CountedRecoveryTry,
        starting: Starting,
        visitor: &Visitor,
    ) -> Result<Option<(Account, Session)>, Failure<RecoverRefusal>> {
        let core = &self.core;
        let browser = counted.recovery().browser;
        match self.prove_counted(counted, visitor).await? {
            Proved::SetUp => {}
            Proved::Held(_) => return Ok(None),
        }
        let recovery = core.records.recovery(browser).await?.ok_or(Failure::Refused(RecoverRefusal::NoRecovery))?;
        let account = recover::proved_account(&recovery, core.now()).map_err(Failure::Refused)?;
        let hold = core.records.hold(account).await?;
        let owner = self.account(account).await?;
        let has_passkeys = !core.records.passkeys(account).await?.is_empty();
        let (session, moment) = (starting.session.clone(), core.moment(visitor));
        let mode = self.mode_once_proved(&recovery, &owner).await;
        let plan = recover::finish_by_code(mode, &owner, &recovery, hold.as_ref(), has_passkeys, session, moment);
        let session = core.carry_out(starting.along(plan.map_err(Failure::Refused)?)).await?;
        let account = self.account(account).await?;
        tracing::info!(account = %account.id, "an account was recovered");
        Ok(Some((account, session)))
    }

    /// Makes a challenge to contest a recovery with the older passkey that has just been proved. It takes the place of
    /// `ceremony`, which remembers that proof.
    ///
    /// # Errors
    /// [`RecoverRefusal::Stale`], [`RecoverRefusal::NoReview`]; a failure of the store.
    pub async fn begin_contest(
        &self,
        ceremony: CeremonyId,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<RecoverRefusal>> {
        let Contestable { proves, question, .. } = self.contestable(ceremony, visitor).await?;
        let Proves::Contest { credential, .. } = &proves else { return Err(Failure::Refused(RecoverRefusal::Stale)) };
        let (allowed, moment) = (vec![credential.clone()], self.core.moment(visitor));
        let (ceremony, options) = self.core.question(proves, Some(allowed), Destination::root(), moment)?;
        let id = ceremony.id;
        let changes = vec![CeremonyChange::Spend(question).into(), CeremonyChange::Add(ceremony).into()];
        self.core.carry_out(Plan::relaxed(changes, ())).await?;
        Ok((id, options))
    }

    /// The recovery that a person may contest who has proved an older passkey. The ceremony `id` remembers the proof:
    /// it was begun then, and its challenge was sent to no browser.
    ///
    /// # Errors
    /// [`RecoverRefusal::Stale`], [`RecoverRefusal::NoReview`]; a failure of the store.
    pub async fn contestable(&self, id: CeremonyId, visitor: &Visitor) -> Result<Contestable, Failure<RecoverRefusal>> {
        let ceremony = self.core.ceremony(id).await?;
        let opened = ceremony.open(visitor, self.core.now()).map_err(|stale| Failure::Refused(stale.into()))?;
        let CeremonyPurpose::Prove { proves, .. } = opened.purpose else {
            return Err(Failure::Refused(RecoverRefusal::Stale));
        };
        let Proves::Contest { account, credential } = &proves else {
            return Err(Failure::Refused(RecoverRefusal::Stale));
        };
        let owner = self.account(*account).await?;
        if owner.aftermath.review.is_none() {
            return Err(Failure::Refused(RecoverRefusal::NoReview));
        }
        let mut passkeys = self.core.records.passkeys(*account).await?;
        let mut take = |id: &CredentialId| {
            passkeys.iter().position(|passkey| passkey.key.id == *id).map(|at| passkeys.swap_remove(at))
        };
        let (made, older) = (owner.aftermath.made().and_then(&mut take), take(credential));
        Ok(Contestable { owner, made, older, proves, question: id })
    }

    /// The device answered: an older passkey says that the recovery was not the owner's.
    ///
    /// # Errors
    /// Any [`RecoverRefusal`] of an answer; a failure of the store.
    pub async fn contest(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<(), Failure<RecoverRefusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let question = recover::open_contest(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let id = question.id();
        let contested = self.contest_by(question, answer, visitor).await;
        self.core.over(id, "contest", contested).await
    }

    async fn contest_by(
        &self,
        question: AssertionChallenge<Contesting>,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<(), Failure<RecoverRefusal>> {
        // An older passkey rests until the review, and may do this all the same.
        let (proof, owner) = self.core.prove_at_rest_too(question, answer, None, visitor).await?;
        let hold = self.core.records.hold(owner.id).await?;
        let plan = recover::contest(&proof, &owner, hold.as_ref(), self.core.moment(visitor));
        self.core.carry_out(plan.map_err(Failure::Refused)?).await?;
        tracing::warn!(account = %owner.id, "a recovery was contested with an older passkey");
        Ok(())
    }

    /// The passkeys a session is asked to review: all but its own.
    ///
    /// # Errors
    /// [`RecoverRefusal::NoReview`]; a failure of the store.
    pub async fn passkeys_to_review(&self, live: &LiveSession) -> Result<Vec<Passkey>, Failure<RecoverRefusal>> {
        let signed_in = self.sessions.signed_in_or(live, RecoverRefusal::NoReview).await?;
        self.to_review(&signed_in).await
    }

    async fn to_review(
        &self,
        SignedIn { session, account, .. }: &SignedIn,
    ) -> Result<Vec<Passkey>, Failure<RecoverRefusal>> {
        if !manage::may_review(account, session) {
            return Err(Failure::Refused(RecoverRefusal::NoReview));
        }
        let mut passkeys = self.core.records.passkeys(session.account).await?;
        passkeys.retain(|passkey| Some(&passkey.key.id) != session.credential.as_ref());
        Ok(passkeys)
    }

    /// Makes a challenge for the session's own passkey, to answer "Keep your account safe" by removing the passkeys
    /// `remove`. `listed` are those that the page showed.
    ///
    /// # Errors
    /// [`RecoverRefusal::NoReview`] where there is no review, or a passkey is to be removed that was not listed;
    /// [`RecoverRefusal::Stale`] where the list has changed, and must be shown again; a failure of the store.
    pub async fn begin_review(
        &self,
        live: &LiveSession,
        remove: Vec<CredentialId>,
        listed: Vec<CredentialId>,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<RecoverRefusal>> {
        let signed_in = self.sessions.signed_in_or(live, RecoverRefusal::NoReview).await?;
        let passkeys = self.to_review(&signed_in).await?;
        if passkeys.len() != listed.len() || !passkeys.iter().all(|passkey| listed.contains(&passkey.key.id)) {
            return Err(Failure::Refused(RecoverRefusal::Stale));
        }
        if !remove.iter().all(|named| listed.contains(named)) {
            return Err(Failure::Refused(RecoverRefusal::NoReview));
        }
        let own = signed_in.session.credential.clone().into_iter().collect();
        let (proves, moment) =
            (Act::AnswerReview { remove, listed }.proved_in(&signed_in.session), self.core.moment(visitor));
        let (ceremony, options) = self.core.question(proves, Some(own), return_to, moment)?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// Reads the link in the mail about a held recovery, as mail programs and people leave it.
    pub fn read_cancel_link(&self, text: &str) -> Reading<CancelLink> {
        CancelLink::read(text, &self.core.keys.cancel_links)
    }

    /// Cancels a held recovery, for the person who has its link. Where it is over, says what became of it.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn cancel(&self, link: CancelLink, visitor: &Visitor) -> Result<CancelOutcome, Failure<RecoverRefusal>> {
        let CancelLink { account, hold } = link;
        let Some(owner) = self.core.records.account(account).await? else {
            return Ok(CancelOutcome::Over(Over::default()));
        };
        let found = self.core.records.hold(account).await?;
        if let Ok(plan) = recover::cancel(found, hold, &owner, self.core.moment(visitor)) {
            match self.core.carry_out(plan).await {
                Ok(()) => {
                    tracing::info!(%account, "a held recovery was cancelled");
                    return Ok(CancelOutcome::Stopped);
                }
                // Stopped or finished meanwhile.
                Err(CommitError::Conflict(Conflict::HoldChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let events = self.core.records.events(account, EVENTS_READ).await?;
        let another_waits = self.core.open_hold(account).await?.is_some();
        Ok(CancelOutcome::Over(Over::of(&events, another_waits)))
    }
}

/// What a right code leads to.
#[derive(Debug)]
pub enum RecoveryCodeOutcome {
    /// It is proved: the visitor makes a passkey, now or later.
    Proved(Proved),
    /// It has opened a contested account together with an older passkey.
    SignedIn(Box<SignedInBrowser>),
}

/// What the link in the mail about a held recovery did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// Its recovery is stopped.
    Stopped,
    /// Its recovery is over, and nothing was done.
    Over(Over),
}

/// A recovery that the owner of an older passkey may contest.
#[derive(Debug)]
pub struct Contestable {
    /// The account as it is now.
    pub owner: Account,
    /// The passkey that the recovery made, where it has made one.
    pub made: Option<Passkey>,
    /// The older passkey that was proved, where the account still has it.
    pub older: Option<Passkey>,
    /// What the next challenge is to prove.
    proves: Proves,
    /// The ceremony that remembers the proof, and is spent by that challenge.
    question: CeremonyId,
}

impl Core {
    /// The held recovery of an account, if it is not over.
    pub(super) async fn open_hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        Ok(self.records.hold(account).await?.filter(|hold| hold.is_open(self.now())))
    }
}
