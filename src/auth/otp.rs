//! Drives the steps of [`crate::domain::otp`]: e-mailed codes over the API.

use std::sync::Arc;

use super::core::{Core, RACES};
use super::failure::{Failure, refusal_apart};
use super::recover::RecoverFlow;
use super::register::RegisterFlow;
use super::tokens::{SessionTokens, TokensFlow};
use crate::domain::account::Account;
use crate::domain::code;
use crate::domain::code_counters::CodeCounters;
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::otp::{self, Candidates, CountedOtpTry, Pending};
use crate::domain::plan::{Conflict, Counter, CounterChange, Plan};
use crate::domain::recover::{self, RecoveryMode};
use crate::domain::register::{self, CountedRegisterTry};
use crate::domain::registration::Outlook;
use crate::domain::secret::Secret;
use crate::domain::visitor::{ClientKind, Visitor};
use crate::store::{CommitError, StoreError};

/// What a right code leads to.
#[derive(Debug)]
pub enum OtpOutcome {
    /// A session, with its tokens.
    SignedIn(Box<SessionTokens>),
    /// A recovery that waits, as the operator has it; then another code signs in.
    Held,
}

/// The code opens nothing. The client is not told why: that would tell which addresses have an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongCode;

impl From<Conflict> for WrongCode {
    fn from(_: Conflict) -> Self {
        Self
    }
}

/// The mail server cannot write to the address, with an account or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMailTo;

/// E-mailed codes over the API.
#[derive(Clone, Debug)]
pub struct OtpFlow {
    core: Arc<Core>,
    register: RegisterFlow,
    recover: RecoverFlow,
    tokens: TokensFlow,
}

impl OtpFlow {
    pub(super) fn new(core: Arc<Core>, register: RegisterFlow, recover: RecoverFlow, tokens: TokensFlow) -> Self {
        Self { core, register, recover, tokens }
    }

    /// A fresh ticket, which binds what is begun with it to the client that has it. Of it, its digest alone is kept.
    pub fn ticket(&self) -> Secret {
        Secret::generate(&*self.core.entropy)
    }

    /// Sends a code to an address: another one for the visitor's unfinished sign-up, or one to get back in. The answer
    /// is the same for every address, and where too many were sent lately.
    ///
    /// # Errors
    /// [`NoMailTo`], unless codes come from the operator; a failure of the store.
    pub async fn send_code(&self, email: Email, visitor: &Visitor) -> Result<(), Failure<NoMailTo>> {
        if self.recover.mode() != RecoveryMode::Admin && !self.core.writes_to(&email).await {
            return Err(Failure::Refused(NoMailTo));
        }
        match self.core.carry_out(otp::ask(self.asks(&email, visitor), self.core.now())).await {
            Ok(()) => {}
            // What was sent just now still opens what it was sent for.
            Err(CommitError::Conflict(_)) => return Ok(self.wait_in_vain(&email, visitor).await?),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        let counters = self.core.code_counters(&email, visitor).await?;
        for _ in 0..RACES {
            let plan = self.plan_letter(&email, counters, visitor).await?;
            let goes_out = plan.is_some();
            // Nothing was to be sent here. It counts all the same, or it could be told from what comes after.
            let plan = plan.unwrap_or_else(|| otp::in_vain(counters, self.core.now()));
            match self.core.carry_out(plan).await {
                // A try was counted meanwhile.
                Err(CommitError::Conflict(Conflict::RegistrationChanged | Conflict::RecoveryChanged)) => {}
                Ok(()) if goes_out => return Ok(self.core.tell_of_tries(&email, counters, visitor).await?),
                Ok(()) | Err(CommitError::Conflict(_)) => return Ok(self.wait_in_vain(&email, visitor).await?),
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What sends a code to an address, if anything is to be sent.
    async fn plan_letter(
        &self,
        email: &Email,
        counters: CodeCounters,
        visitor: &Visitor,
    ) -> Result<Option<Plan<()>>, StoreError> {
        let (account, waiting) = self.waiting(email).await?;
        let moment = self.core.moment(visitor);
        let sign_up = otp::own_sign_up(waiting.clone(), visitor, moment.now);
        let (answer, _) = self.register.look_up(email).await?;
        let again = sign_up.zip(answer.ok()).and_then(|(registration, answer)| {
            let taken = registration.outlook == Outlook::Taken;
            register::resend(registration, answer, counters, moment).ok().map(|plan| (plan, taken))
        });
        let (policy, return_to) = (self.recover.policy(), Destination::root());
        let recovery = recover::begin(policy, email.clone(), account.as_ref(), return_to, counters, moment).ok();
        Ok(match recovery {
            Some(recovery) => {
                let replaced = otp::replaced(waiting, visitor, moment.now);
                Some(otp::send(recover::in_place_of(&replaced, recovery), again))
            }
            None => again.map(|(plan, _)| plan),
        })
    }

    /// Nothing was sent to a client without cookie and ticket, but it waits all the same. Otherwise the only thing that
    /// waits might be another client's, and open with the code that this one types.
    async fn wait_in_vain(&self, email: &Email, visitor: &Visitor) -> Result<(), StoreError> {
        let is_bound = visitor.binding().is_some();
        if is_bound || !otp::replaced(self.waiting(email).await?.1, visitor, self.core.now()).is_empty() {
            return Ok(());
        }
        self.recover.begin_in_vain(email.clone(), visitor).await
    }

    /// The counters of how lately that client had a code sent to that address. It is counted by its cookie or ticket,
    /// or the cookie that it is given now. A client without a cookie is counted by its network, too.
    fn asks(&self, email: &Email, visitor: &Visitor) -> Vec<Counter> {
        let asked = |by: &[u8]| self.core.keys.counter(&[b"asked", email.as_str().as_bytes(), by]);
        let network = (visitor.client == ClientKind::Api { cookie: false }).then(|| asked(&visitor.network()));
        [asked(visitor.browser.bytes())].into_iter().chain(network).collect()
    }

    /// A code was sent with its address: counts the try against all that it may be for, and opens the one it is for,
    /// unless that cannot be told.
    ///
    /// # Errors
    /// [`WrongCode`]; a failure of the store.
    pub async fn open(&self, email: &Email, typed: &str, visitor: &Visitor) -> Result<OtpOutcome, Failure<WrongCode>> {
        let (counted, open) = self.count_tries(email, typed, visitor).await?;
        for counted in counted.into_iter().filter(|_| open) {
            let opened = match counted {
                CountedOtpTry::SignUp(counted) => refusal_apart(self.finish_sign_up(*counted, visitor).await)?.ok(),
                CountedOtpTry::Recovery(counted) => refusal_apart(self.finish_recovery(*counted, visitor).await)?.ok(),
            };
            if let Some(opened) = opened {
                return Ok(opened);
            }
        }
        tracing::info!("a code over the API was refused");
        Err(Failure::Refused(WrongCode))
    }

    /// The account of an address, unless it is disabled, and all that waits for a code of the address.
    async fn waiting(&self, email: &Email) -> Result<(Option<Account>, Vec<Pending>), StoreError> {
        let sign_ups = self.core.records.registrations_of(email).await?;
        let account = self.core.records.account_by_email(email).await?.filter(|account| !account.disabled);
        let recoveries = self.core.records.recoveries_for(email).await?;
        let waiting = sign_ups
            .into_iter()
            .map(Box::new)
            .map(Pending::SignUp)
            .chain(recoveries.into_iter().map(Pending::Recovery))
            .collect();
        Ok((account, waiting))
    }

    /// Commits something, as is done for an address where something waits or has to be sent: the time that an answer
    /// takes must not tell whether there was anything.
    async fn work_as_if(&self, email: &Email) -> Result<(), StoreError> {
        let counter = self.core.keys.counter(&[b"in vain", email.as_str().as_bytes()]);
        let now = self.core.now();
        let count = CounterChange::Count { counter, limit: u32::MAX, window: code::HOUR, now };
        match self.core.carry_out(Plan::durable(vec![count.into()], ())).await {
            Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// A code would have been compared with more than the tries of the address allow. It is compared with nothing, but
    /// uses up what was left: else nothing would ever count any more, and no letter carry a long code.
    async fn use_up_tries(&self, email: &Email, counters: CodeCounters) -> Result<(), StoreError> {
        match self.core.carry_out(otp::one_try_less(counters, self.core.now())).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict(_)) => self.work_as_if(email).await,
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    async fn count_tries(
        &self,
        email: &Email,
        typed: &str,
        visitor: &Visitor,
    ) -> Result<(Vec<CountedOtpTry>, bool), Failure<WrongCode>> {
        for _ in 0..RACES {
            let (_, waiting) = self.waiting(email).await?;
            let Candidates { entries, open } = otp::candidates(waiting, visitor, self.core.now());
            let counters = self.core.code_counters(email, visitor).await?;
            let plan = otp::count_try(entries, typed, self.recover.mode(), counters, self.core.now());
            if plan.then.is_empty() {
                self.work_as_if(email).await?;
                return Ok((plan.then, open));
            }
            match self.core.carry_out(plan).await {
                Err(CommitError::Conflict(Conflict::Limit { counter: limit, .. })) => {
                    if limit == counters.tries {
                        self.use_up_tries(email, counters).await?;
                    } else {
                        self.work_as_if(email).await?;
                    }
                    return Err(Failure::Refused(WrongCode));
                }
                // Another try was counted meanwhile, or spent what this one counts against.
                Err(CommitError::Conflict(Conflict::RecoveryChanged | Conflict::RegistrationChanged)) => {}
                counted => return Ok((counted?, open)),
            }
        }
        Err(Failure::Refused(WrongCode))
    }

    async fn finish_sign_up(
        &self,
        counted: CountedRegisterTry,
        visitor: &Visitor,
    ) -> Result<OtpOutcome, Failure<register::RegisterRefusal>> {
        let (refresh, starting) = self.tokens.start(visitor);
        let finished = self.register.finish_as(&starting, counted, visitor).await?;
        let register::FinishedRegistration { account, session, .. } = finished;
        Ok(OtpOutcome::SignedIn(Box::new(self.tokens.of(account, session, refresh))))
    }

    async fn finish_recovery(
        &self,
        counted: recover::CountedRecoveryTry,
        visitor: &Visitor,
    ) -> Result<OtpOutcome, Failure<recover::RecoverRefusal>> {
        let (refresh, starting) = self.tokens.start(visitor);
        Ok(match self.recover.finish_by_code(counted, starting, visitor).await? {
            Some((account, session)) => OtpOutcome::SignedIn(Box::new(self.tokens.of(account, session, refresh))),
            None => OtpOutcome::Held,
        })
    }
}
