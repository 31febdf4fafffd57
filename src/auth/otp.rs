//! Drives the steps of [`crate::domain::otp`]: e-mailed codes over the API.

use super::tokens::{RACES, Tokens};
use super::{Auth, Failure, WorldFailure};
use crate::domain::code;
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::otp::{self, Counted, Pending};
use crate::domain::plan::{Change, Conflict, Counter, CounterChange, Durability, Plan, RegistrationConflict};
use crate::domain::recover::{self, Proved};
use crate::domain::register;
use crate::domain::visitor::{Client, Visitor};
use crate::store::{CommitError, StoreError};

/// What a right code leads to.
#[derive(Debug)]
pub enum Opened {
    /// A session.
    SignedIn(Box<Tokens>),
    /// A recovery that waits, as the operator has it; then another code signs in.
    Held,
}

/// The code opens nothing. Nobody is told why: it would tell who has an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongCode;

impl From<Conflict> for WrongCode {
    fn from(_: Conflict) -> Self {
        Self
    }
}

impl Auth {
    /// Sends a code to an address: another one for the visitor's unfinished sign-up, or one to get back in. The answer is
    /// the same for every address, and where too many were sent lately.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn send_code(&self, email: Email, visitor: &Visitor) -> Result<(), StoreError> {
        match self.carry_out(otp::ask(self.asks(&email, visitor), self.now())).await {
            Ok(()) => {}
            // What was sent just now still opens what it was sent for.
            Err(CommitError::Conflict(_)) => return Ok(()),
            Err(CommitError::Store(error)) => return Err(error),
        }
        let counters = self.counters(&email, visitor);
        let mut waiting = otp::candidates(self.waiting(&email).await?, visitor, self.now());
        waiting.sort_by_key(Pending::sent_at);
        let sign_up = waiting.into_iter().rev().find_map(|pending| match pending {
            Pending::SignUp(registration) => Some(registration),
            Pending::Recovery(_) => None,
        });
        let sent = match sign_up {
            Some(registration) => {
                self.resend_for(&registration, visitor).await.map_err(|failure| failure.map_refusal(|_| WrongCode))
            }
            None => self
                .begin_recovery(email, Destination::root(), visitor)
                .await
                .map_err(|failure| failure.map_refusal(|_| WrongCode)),
        };
        match sent {
            Ok(()) | Err(Failure::World(WorldFailure::Busy | WorldFailure::RelyingParty(_))) => Ok(()),
            // Nothing was to be sent here. It counts all the same, or it could be told from what comes after.
            Err(Failure::Refused(WrongCode)) => match self.carry_out(otp::in_vain(counters, self.now())).await {
                Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
                Err(CommitError::Store(error)) => Err(error),
            },
            Err(Failure::World(WorldFailure::Store(error))) => Err(error),
        }
    }

    /// What counts how lately that client had a code sent to that address: by its cookie, or the one it is given now, and
    /// where it has none by its network too.
    fn asks(&self, email: &Email, visitor: &Visitor) -> Vec<Counter> {
        let asked = |by: &[u8]| self.keys.counter(&[b"asked", email.as_str().as_bytes(), by]);
        let network = (visitor.client == Client::Api { cookie: false }).then(|| asked(&visitor.network()));
        [asked(visitor.browser.bytes())].into_iter().chain(network).collect()
    }

    /// A code was sent with its address: counts the try against all that it may be for, and opens the one it is for.
    ///
    /// # Errors
    /// [`WrongCode`]; a failure of the store.
    pub async fn open_by_code(
        &self,
        email: &Email,
        typed: &str,
        visitor: &Visitor,
    ) -> Result<Opened, Failure<WrongCode>> {
        for counted in self.count_tries(email, typed, visitor).await? {
            let opened = match counted {
                Counted::SignUp(counted) => self
                    .finish_sign_up(*counted, visitor)
                    .await
                    .map_err(|failure| failure.map_refusal(|_| WrongCode))?,
                Counted::Recovery(counted) => self
                    .finish_by_code(counted, typed, visitor)
                    .await
                    .map_err(|failure| failure.map_refusal(|_| WrongCode))?,
            };
            if let Some(opened) = opened {
                return Ok(opened);
            }
        }
        tracing::info!("a code over the API was refused");
        Err(Failure::Refused(WrongCode))
    }

    /// All that waits for a code of an address.
    async fn waiting(&self, email: &Email) -> Result<Vec<Pending>, StoreError> {
        let sign_ups = self.store.registrations_of(email).await?;
        let recoveries = match self.store.account_by_email(email).await? {
            Some(account) => self.store.recoveries_of(account.id).await?,
            None => Vec::new(),
        };
        Ok(sign_ups
            .into_iter()
            .map(Box::new)
            .map(Pending::SignUp)
            .chain(recoveries.into_iter().map(Pending::Recovery))
            .collect())
    }

    /// Commits something, as is done for an address where something waits or has to be sent: the time that an answer takes
    /// must not tell whether there was anything.
    async fn work_as_if(&self, email: &Email) -> Result<(), StoreError> {
        let counter = self.keys.counter(&[b"in vain", email.as_str().as_bytes()]);
        let count = Change::Counter(CounterChange::Count {
            counter,
            limit: u32::MAX,
            window: code::ADDRESS_WINDOW,
            now: self.now(),
        });
        match self.carry_out(Plan { changes: vec![count], durability: Durability::Durable, then: () }).await {
            Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    async fn count_tries(
        &self,
        email: &Email,
        typed: &str,
        visitor: &Visitor,
    ) -> Result<Vec<Counted>, Failure<WrongCode>> {
        for _ in 0..RACES {
            let candidates = otp::candidates(self.waiting(email).await?, visitor, self.now());
            let counters = self.counters(email, visitor);
            let plan = otp::count_try(candidates, typed, self.recovery, counters, self.now());
            if plan.then.is_empty() {
                self.work_as_if(email).await?;
                return Ok(plan.then);
            }
            match self.carry_out(plan).await {
                Err(CommitError::Conflict(Conflict::Limit(_))) => {
                    self.work_as_if(email).await?;
                    return Err(Failure::Refused(WrongCode));
                }
                // Another try was counted meanwhile, or spent what this one counts against.
                Err(CommitError::Conflict(
                    Conflict::RecoveryChanged
                    | Conflict::Registration(RegistrationConflict::Spent)
                    | Conflict::Registration(RegistrationConflict::TriesSpent),
                )) => {}
                counted => return Ok(counted?),
            }
        }
        Err(Failure::Refused(WrongCode))
    }

    async fn finish_sign_up(
        &self,
        counted: register::CountedTry,
        visitor: &Visitor,
    ) -> Result<Option<Opened>, Failure<register::Refusal>> {
        if self.policy.allow(counted.email()).is_err() {
            return Ok(None);
        }
        let code = self.code(counted.code());
        let (refresh, starting) = self.start_by_tokens(visitor);
        let session = starting.session.clone();
        let plan = register::prove(counted, &code, session, self.fresh_letter(), visitor, self.now());
        let Ok(plan) = plan else { return Ok(None) };
        let register::Finished { account, session, .. } = self.carry_out(starting.along(plan)).await?;
        self.counts.registration();
        tracing::info!(account = %account.id, "an account was made");
        Ok(Some(Opened::SignedIn(Box::new(self.tokens(account, session, refresh)))))
    }

    async fn finish_by_code(
        &self,
        counted: recover::CountedTry,
        typed: &str,
        visitor: &Visitor,
    ) -> Result<Option<Opened>, Failure<recover::Refusal>> {
        let browser = counted.recovery().browser;
        match self.prove_counted(counted, typed, visitor).await {
            Ok(Proved::SetUp) => {}
            Ok(Proved::Held(_)) => return Ok(Some(Opened::Held)),
            Err(Failure::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
        let gone = || Failure::Refused(recover::Refusal::NoRecovery);
        let recovery = self.store.recovery(browser).await?.ok_or_else(gone)?;
        let account = recover::proved_account(&recovery, self.now()).map_err(Failure::Refused)?;
        let hold = self.store.hold(account).await?;
        let (refresh, starting) = self.start_by_tokens(visitor);
        let moment = self.moment(visitor);
        let plan = recover::finish_by_code(moment, &recovery, hold.as_ref(), starting.session.clone());
        let plan: Plan<_> = plan.map_err(Failure::Refused)?;
        let session = self.carry_out(starting.along(plan)).await?;
        let account = self.store.account(account).await?.ok_or_else(gone)?;
        tracing::info!(account = %account.id, "an account was recovered");
        Ok(Some(Opened::SignedIn(Box::new(self.tokens(account, session, refresh)))))
    }
}
