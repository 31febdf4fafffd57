//! Drives the steps of [`crate::domain::recover`].

use std::sync::Arc;

use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::sessions::{LiveSession, Sessions};
use super::starting::{SignedInBrowser, Starting};
use crate::domain::account::{Account, AccountId};
use crate::domain::admin_code;
use crate::domain::attestation::Making;
use crate::domain::ceremony::{CeremonyId, Leave, Makes};
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::mailed_code::CodeRefusal;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{AdminCodeChange, Change, Conflict, Plan};
use crate::domain::recover::{self, CountedTry, Finished, Mode, Proved, Recovering, Refusal, TypedCode};
use crate::domain::recovery::{CancelLink, Hold, Recovery};
use crate::domain::session::{Session, SignedIn};
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

/// Getting back in.
#[derive(Clone, Debug)]
pub struct RecoverFlow {
    core: Arc<Core>,
    sessions: Sessions,
    mode: Mode,
}

impl RecoverFlow {
    pub(super) fn new(core: Arc<Core>, sessions: Sessions, mode: Mode) -> Self {
        Self { core, sessions, mode }
    }

    /// How somebody without their passkey gets back in.
    pub fn mode(&self) -> Mode {
        self.mode
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
        let (counters, moment) = (self.core.code_counters(&email, visitor), self.core.moment(visitor));
        let plan = recover::begin(self.mode, email, account.as_ref(), return_to, counters, moment);
        Ok(self.core.carry_out(plan.map_err(Failure::Refused)?).await?)
    }

    /// The visitor's unfinished recovery, if it has not expired.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pending(&self, visitor: &Visitor) -> Result<Option<Recovery>, StoreError> {
        let recovery = self.core.records.recovery(visitor.browser).await?;
        Ok(recovery.filter(|recovery| self.core.now() < recovery.expires_at))
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
            let counters = self.core.code_counters(&recovery.email, visitor);
            let plan = recover::resend(self.mode, recovery, counters, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                // A try was counted meanwhile.
                Err(CommitError::Conflict(Conflict::RecoveryChanged)) => {}
                sent => return Ok(sent?),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// A code was typed: counts the try, compares, and says what it leads to. On our pages, the visitor goes on as
    /// [`Visitor::moved_on`] to a new passkey.
    ///
    /// # Errors
    /// Any [`Refusal`] of a code; a failure of the store.
    pub async fn prove(&self, typed: &str, visitor: &Visitor) -> Result<Proved, Failure<Refusal>> {
        match self.try_code(typed, visitor).await {
            // The same press again, which has been answered.
            Err(Failure::Refused(_)) if self.has_proved(&visitor.moved_on()).await? => Ok(Proved::SetUp),
            proved => proved,
        }
    }

    async fn try_code(&self, typed: &str, visitor: &Visitor) -> Result<Proved, Failure<Refusal>> {
        let counted = self.count_try(typed, visitor).await?;
        self.prove_counted(counted, visitor).await
    }

    /// Whether this visitor's recovery waits for a passkey.
    async fn has_proved(&self, visitor: &Visitor) -> Result<bool, StoreError> {
        let recovery = self.pending(visitor).await?;
        Ok(recovery.is_some_and(|recovery| recover::proved_account(&recovery, self.core.now()).is_ok()))
    }

    async fn count_try(&self, typed: &str, visitor: &Visitor) -> Result<CountedTry, Failure<Refusal>> {
        for _ in 0..RACES {
            let recovery = self.begun(visitor).await?;
            let counters = self.core.code_counters(&recovery.email, visitor);
            let typed = TypedCode::parse(self.mode, typed).ok_or(Failure::Refused(CodeRefusal::NotACode.into()))?;
            let plan = recover::count_try(self.mode, recovery, Some(typed), counters, self.core.now());
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
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
            let Recovery { account, code: mailed, browser, .. } = counted.recovery();
            let right = match (counted.typed(), account) {
                (Some(TypedCode::Mailed(code)), _) => code.matches(&self.core.code(mailed.id)).then(Vec::new),
                (Some(TypedCode::FromOperator(code)), Some(account)) => self.operators_code(*account, code).await?,
                (Some(TypedCode::FromOperator(_)), None) | (None, _) => None,
            };
            let hold = match account {
                Some(account) => self.core.records.hold(*account).await?,
                None => None,
            };
            let plan = recover::prove(self.mode, &counted, right, hold, self.core.moment(visitor));
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
        let hold = core.records.hold(account).await?;
        let others = !core.records.passkeys(account).await?.is_empty();
        let (token, session) = core.start_in_browser(visitor);
        let moment = core.moment(visitor);
        let plan = recover::finish(self.mode, made, &recovery, hold.as_ref(), others, session, moment);
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
        let (session, moment) = (starting.session.clone(), core.moment(visitor));
        let plan = recover::finish_by_code(self.mode, &recovery, hold.as_ref(), session, moment);
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
        let SignedIn { session, .. } = self.sessions.signed_in_or(live, Refusal::NoReview).await?;
        self.to_review(&session).await
    }

    async fn to_review(&self, session: &Session) -> Result<Vec<Passkey>, Failure<Refusal>> {
        if !session.review {
            return Err(Failure::Refused(Refusal::NoReview));
        }
        let mut passkeys = self.core.records.passkeys(session.account).await?;
        passkeys.retain(|passkey| Some(&passkey.key.id) != session.credential.as_ref());
        Ok(passkeys)
    }

    /// "Keep your account safe" is answered.
    ///
    /// # Errors
    /// [`Refusal::NoReview`]; a failure of the store.
    pub async fn answer_review(
        &self,
        live: &LiveSession,
        remove: &[CredentialId],
        visitor: &Visitor,
    ) -> Result<(), Failure<Refusal>> {
        let SignedIn { session, account, .. } = &self.sessions.signed_in_or(live, Refusal::NoReview).await?;
        let passkeys = self.to_review(session).await?;
        let named: Vec<&Passkey> = passkeys.iter().filter(|passkey| remove.contains(&passkey.key.id)).collect();
        if named.len() != remove.len() {
            return Err(Failure::Refused(Refusal::NoReview));
        }
        let plan = recover::review(session, account, &named, self.core.moment(visitor));
        Ok(self.core.carry_out(plan.map_err(Failure::Refused)?).await?)
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
