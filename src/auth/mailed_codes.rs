//! What the flows need of mailed codes: how they are written, and what is counted of them.

use super::core::Core;
use super::failure::Failure;
use crate::domain::code::{self, Code, CodeId, CodeKind};
use crate::domain::code_counters::{self, CodeCounters};
use crate::domain::email::Email;
use crate::domain::mailed_code::{CodeRefusal, MailedCode};
use crate::domain::plan::{Conflict, Plan};
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

impl Core {
    /// A code, as it is written.
    pub(super) fn code(&self, id: CodeId) -> Code {
        Code::derive(&self.keys.mailed_codes, id)
    }

    /// Why a code that was typed opens nothing, where it may be the one before.
    pub(super) fn or_earlier(&self, refusal: CodeRefusal, typed: &Code, mailed: &MailedCode) -> CodeRefusal {
        match mailed.earlier {
            Some(earlier) if typed.matches(&self.code(earlier)) => refusal.of_earlier(),
            Some(_) | None => refusal,
        }
    }

    /// What counts the codes of an address, and those that the visitor's network or browser causes.
    ///
    /// # Errors
    /// A failure of the store.
    pub(super) async fn code_counters(&self, email: &Email, visitor: &Visitor) -> Result<CodeCounters, StoreError> {
        let (address, network) = (email.as_str().as_bytes(), visitor.network());
        let name = |what: &[u8], by: &[&[u8]]| self.keys.counter(&[&[what, address], by].concat());
        let of = |what: &[u8], by: &[&[u8]]| [name(what, by), name(what, &[by, &[b"by the day"]].concat())];
        let network = self.keys.counter(&[b"letters of network", &network]);
        let operators_tries = name(b"operator's tries", &[]);
        let counters = match self.is_known(email, visitor).await? {
            Some(device) => CodeCounters {
                letters_from_there: of(b"letters from browser", &[&device]),
                letters: None,
                network,
                // All known browsers share these: a thief who had a passkey for a while may have made any number of
                // browsers known.
                tries: name(b"tries from known browsers", &[]),
                operators_tries,
                kind: CodeKind::Digits,
            },
            None => CodeCounters {
                letters_from_there: of(b"letters from", &[&visitor.network()]),
                letters: Some(of(b"letters", &[])),
                network,
                tries: name(b"tries", &[]),
                operators_tries,
                kind: CodeKind::Digits,
            },
        };
        let tries = self.records.counted(counters.tries, code::DAY, self.now()).await?;
        let kind = if tries < code::TRIES_PER_ADDRESS { CodeKind::Digits } else { CodeKind::Letters };
        Ok(CodeCounters { kind, ..counters })
    }

    /// The same for a code that is mailed beside an older passkey, which was proved. Its letters are counted apart, so
    /// that the owner is not kept out by what others asked for.
    ///
    /// # Errors
    /// A failure of the store.
    pub(super) async fn code_counters_beside(
        &self,
        email: &Email,
        visitor: &Visitor,
    ) -> Result<CodeCounters, StoreError> {
        let by = |window: &[u8]| self.keys.counter(&[b"letters beside a passkey", email.as_str().as_bytes(), window]);
        let letters_from_there = [by(b"by the hour"), by(b"by the day")];
        Ok(CodeCounters { letters_from_there, letters: None, ..self.code_counters(email, visitor).await? })
    }

    /// The name of the visitor's browser, where the account of that address knows it.
    async fn is_known(&self, email: &Email, visitor: &Visitor) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(device) = &visitor.device else { return Ok(None) };
        let account = self.records.account_by_email(email).await?;
        let is_known = account.is_some_and(|account| device.is_known_to(account.id, &self.keys.known_devices));
        Ok(is_known.then(|| device.id().to_vec()))
    }

    /// Counts a try of a code, before anything is compared. `None` where another try was counted meanwhile, or another
    /// code sent: this one has not been looked at.
    ///
    /// # Errors
    /// [`CodeRefusal::TriesSpent`] where there were too many tries of six digits of the address, so that another code
    /// is to be sent; a failure of the store.
    pub(super) async fn count_try<T, R: From<CodeRefusal> + From<Conflict>>(
        &self,
        plan: Plan<T>,
        counters: CodeCounters,
    ) -> Result<Option<T>, Failure<R>> {
        match self.carry_out(plan).await {
            Err(CommitError::Conflict(Conflict::Limit { counter, .. })) if counter == counters.tries => {
                Err(Failure::Refused(CodeRefusal::TriesSpent.into()))
            }
            Err(CommitError::Conflict(
                Conflict::RegistrationChanged | Conflict::RecoveryChanged | Conflict::MoveChanged,
            )) => Ok(None),
            counted => Ok(Some(counted?)),
        }
    }

    /// A code was sent, as `counters` say: where it is a long one, the owner of the address is told why, once a day.
    ///
    /// # Errors
    /// A failure of the store.
    pub(super) async fn tell_of_tries(
        &self,
        email: &Email,
        counters: CodeCounters,
        visitor: &Visitor,
    ) -> Result<(), StoreError> {
        if counters.kind == CodeKind::Digits {
            return Ok(());
        }
        let account = self.records.account_by_email(email).await?;
        let told = self.keys.counter(&[b"told of tries", email.as_str().as_bytes()]);
        let plan = code_counters::tell_of_tries(account.as_ref(), email, told, self.moment(visitor));
        match self.carry_out(plan).await {
            Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}
