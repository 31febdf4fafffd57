//! What an operator does to accounts and sessions, to help somebody or to lock somebody out.

use super::account::Account;
use super::admin_code::{AdminCode, CodeDigest};
use super::clock::Timestamp;
use super::plan::{Change, Conflict, Durability, Plan};
use super::secret::SecretDigest;

/// Why an operator's wish was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such account.
    NoAccount,
    /// There is no such session, or it has ended.
    NoSession,
    /// The account is disabled: a code would open nothing.
    Disabled,
    /// People here get back in without an operator's code, or not at all.
    CodesOff,
    /// Somebody else changed the same thing at the same moment.
    Raced,
}

impl From<Conflict> for Refusal {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::NoAccount => Self::NoAccount,
            Conflict::SessionEnded => Self::NoSession,
            _ => Self::Raced,
        }
    }
}

/// Disables an account, which ends its sessions, or enables it again. Recoveries and a code that is out die with the
/// first: they must not wait for the day of the second.
pub fn set_disabled(account: &Account, disabled: bool) -> Plan<()> {
    plan(vec![Change::SetDisabled { account: account.id, disabled }])
}

/// Removes an account and everything of it. Its address may register again, as somebody new.
pub fn remove(account: &Account) -> Plan<()> {
    plan(vec![Change::RemoveAccount(account.id)])
}

/// Ends one session, which must not have ended yet.
pub fn end_session(token: SecretDigest) -> Plan<()> {
    plan(vec![Change::RequireSession(token), Change::EndSession(token)])
}

/// Ends every session of an account.
pub fn end_sessions(account: &Account) -> Plan<()> {
    plan(vec![Change::EndSessions { account: account.id, except: None }])
}

/// Makes a code with which somebody gets back into an account, in place of the one before. `given_here` says whether
/// the recovery page takes such codes at all.
///
/// # Errors
/// [`Refusal::CodesOff`], [`Refusal::Disabled`].
pub fn give_code(
    account: &Account,
    digest: CodeDigest,
    given_here: bool,
    now: Timestamp,
) -> Result<Plan<Timestamp>, Refusal> {
    if !given_here {
        return Err(Refusal::CodesOff);
    }
    if account.disabled {
        return Err(Refusal::Disabled);
    }
    let code = AdminCode::new(account.id, digest, now);
    let expires_at = code.expires_at;
    Ok(Plan { changes: vec![Change::PutAdminCode(code)], durability: Durability::Durable, then: expires_at })
}

fn plan(changes: Vec<Change>) -> Plan<()> {
    Plan { changes, durability: Durability::Durable, then: () }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AccountId;
    use crate::domain::email::Email;
    use uuid::Uuid;

    fn account(disabled: bool) -> Account {
        Account {
            id: AccountId(Uuid::from_u128(1)),
            email: Email::parse("ann@example.com").unwrap(),
            name: None,
            locale: None,
            metadata: None,
            groups: Vec::new(),
            disabled,
            created_at: Timestamp::from_unix(0),
        }
    }

    #[test]
    fn a_code_is_given_only_where_one_is_asked_for_and_opens_something() {
        let now = Timestamp::from_unix(1000);
        let give = |disabled, here| give_code(&account(disabled), CodeDigest([7; 32]), here, now);
        assert_eq!(give(false, false).err(), Some(Refusal::CodesOff));
        assert_eq!(give(true, true).err(), Some(Refusal::Disabled));
        let plan = give(false, true).unwrap();
        assert_eq!(plan.then, Timestamp::from_unix(1000 + 24 * 3600));
        assert_eq!(plan.durability, Durability::Durable);
        assert!(matches!(&plan.changes[..], [Change::PutAdminCode(code)] if code.digest == CodeDigest([7; 32])));
    }
}
