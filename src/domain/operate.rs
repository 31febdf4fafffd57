//! What an operator does to accounts and sessions, to help a person or to lock one out.

use super::account::Account;
use super::admin_code::{AdminCode, CodeDigest};
use super::clock::Timestamp;
use super::email::Email;
use super::group;
use super::invitation::{Invitation, InvitationId};
use super::plan::{
    AccountChange, AccountConflict, AdminCodeChange, Conflict, InvitationChange, MoveChange, Plan, SessionChange,
    SessionConflict,
};
use super::recover::RecoveryMode;
use super::secret::SecretDigest;

/// Why an operator's wish was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperateRefusal {
    /// There is no such account.
    NoAccount,
    /// There is no such session, or it has ended.
    NoSession,
    /// The account is disabled: a code would open nothing.
    Disabled,
    /// People here get back in without an operator's code, or not at all.
    CodesOff,
    /// The account would be in more groups than it may.
    TooManyGroups,
    /// The address has an account already.
    HasAccount,
    /// The address has neither an account nor an invitation.
    NotInvited,
    /// Another caller changed the same thing at the same moment.
    Raced,
}

impl From<Conflict> for OperateRefusal {
    /// What an operator is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Account(AccountConflict::Gone) => Self::NoAccount,
            Conflict::Account(AccountConflict::EmailTaken) => Self::HasAccount,
            Conflict::InvitationChanged => Self::NotInvited,
            Conflict::Session(SessionConflict::Ended) => Self::NoSession,
            Conflict::Account(AccountConflict::Exists | AccountConflict::Disabled | AccountConflict::Changed)
            | Conflict::Session(SessionConflict::Tied)
            | Conflict::CeremonySpent
            | Conflict::RegistrationChanged
            | Conflict::Passkey(_)
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::HoldChanged
            | Conflict::MoveChanged
            | Conflict::AdminCodeSpent
            | Conflict::LetterTaken
            | Conflict::Limit { .. }
            | Conflict::Key(_) => Self::Raced,
        }
    }
}

/// Disables an account, which ends its sessions, or enables it again. Recoveries and a code that is out die with the
/// first: they must not wait for the day of the second.
pub fn set_disabled(account: &Account, disabled: bool) -> Plan<()> {
    let mut changes = vec![AccountChange::SetDisabled { account: account.id, disabled }.into()];
    changes.extend(disabled.then(|| MoveChange::DropAsked(account.id).into()));
    Plan::durable(changes, ())
}

/// A change of groups: in these and no others, or in some more and some less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regroup {
    /// The groups to begin with; `None` begins with those the account is in.
    pub set: Option<Vec<String>>,
    /// To be in as well.
    pub add: Vec<String>,
    /// To be in no more.
    pub remove: Vec<String>,
}

impl Regroup {
    /// The groups of an account after it, each once.
    ///
    /// # Errors
    /// [`OperateRefusal::TooManyGroups`].
    pub fn of(self, account: &Account) -> Result<Vec<String>, OperateRefusal> {
        let Self { set, add, remove } = self;
        let groups = set.unwrap_or_else(|| account.groups.clone()).into_iter().chain(add);
        each_once(groups.filter(|group| !remove.contains(group)))
    }
}

fn each_once(named: impl Iterator<Item = String>) -> Result<Vec<String>, OperateRefusal> {
    let mut groups: Vec<String> = Vec::new();
    for group in named {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    if groups.len() > group::MOST { Err(OperateRefusal::TooManyGroups) } else { Ok(groups) }
}

/// Lets a person without an account register, into those groups, in place of any invitation from before.
///
/// # Errors
/// [`OperateRefusal::TooManyGroups`].
pub fn invite(
    id: InvitationId,
    email: Email,
    groups: Vec<String>,
    now: Timestamp,
) -> Result<Plan<Invitation>, OperateRefusal> {
    let invitation = Invitation { id, email, groups: each_once(groups.into_iter())?, made_at: now };
    Ok(Plan::durable(vec![InvitationChange::Put(invitation.clone()).into()], invitation))
}

/// Takes the invitation of an address back. It must not have been used.
pub fn take_back(email: Email) -> Plan<()> {
    Plan::durable(vec![InvitationChange::TakeBack(email).into()], ())
}

/// Puts an account into other groups, which its sessions have at once.
pub fn set_groups(account: &Account, groups: Vec<String>) -> Plan<()> {
    Plan::durable(
        vec![AccountChange::SetGroups { account: account.id, was: account.groups.clone(), groups }.into()],
        (),
    )
}

/// Removes an account and everything of it. Its address may register again, as a new account.
pub fn remove(account: &Account) -> Plan<()> {
    Plan::durable(vec![AccountChange::Remove(account.id).into()], ())
}

/// Ends one session, which must not have ended yet.
pub fn end_session(token: SecretDigest) -> Plan<()> {
    Plan::durable(vec![SessionChange::Require(token).into(), SessionChange::End(token).into()], ())
}

/// Ends every session of an account.
pub fn end_sessions(account: &Account) -> Plan<()> {
    Plan::durable(vec![SessionChange::EndAll { account: account.id, except: None }.into()], ())
}

/// Makes a code with which its owner gets back into an account, in place of the one before. The operator says under
/// which [`RecoveryMode`] the recovery page takes such codes.
///
/// # Errors
/// [`OperateRefusal::CodesOff`], [`OperateRefusal::Disabled`].
pub fn give_code(
    account: &Account,
    digest: CodeDigest,
    mode: RecoveryMode,
    now: Timestamp,
) -> Result<Plan<Timestamp>, OperateRefusal> {
    // The operator may let in an owner whom a contest keeps out, wherever there is a page to type the code at.
    if mode == RecoveryMode::Off || mode != RecoveryMode::Admin && !account.aftermath.is_contested() {
        return Err(OperateRefusal::CodesOff);
    }
    if account.disabled {
        return Err(OperateRefusal::Disabled);
    }
    let code = AdminCode::new(account.id, digest, now);
    let expires_at = code.expires_at;
    Ok(Plan::durable(vec![AdminCodeChange::Put(code).into()], expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AccountId;
    use crate::domain::email::Email;
    use crate::domain::plan::{Change, Durability};
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
            aftermath: crate::domain::aftermath::Aftermath::default(),
        }
    }

    #[test]
    fn a_code_is_given_only_where_one_is_asked_for_and_opens_something() {
        let now = Timestamp::from_unix(1000);
        let give = |disabled, mode| give_code(&account(disabled), CodeDigest([7; 32]), mode, now);
        assert_eq!(give(false, RecoveryMode::Email).err(), Some(OperateRefusal::CodesOff));
        assert_eq!(give(true, RecoveryMode::Admin).err(), Some(OperateRefusal::Disabled));
        let plan = give(false, RecoveryMode::Admin).unwrap();
        assert_eq!(plan.then, Timestamp::from_unix(1000 + 24 * 3600));
        assert_eq!(plan.durability, Durability::Durable);
        assert!(
            matches!(&plan.changes[..], [Change::AdminCode(AdminCodeChange::Put(code))] if code.digest == CodeDigest([7; 32]))
        );
    }

    #[test]
    fn groups_are_set_added_and_removed_each_once() {
        let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let is_in = |regroup: Regroup| regroup.of(&Account { groups: groups(&["a", "b"]), ..account(false) });
        let change = |add: &[&str], remove: &[&str]| Regroup { set: None, add: groups(add), remove: groups(remove) };
        assert_eq!(is_in(change(&["c", "a", "c"], &[])), Ok(groups(&["a", "b", "c"])));
        assert_eq!(is_in(change(&[], &["a", "x"])), Ok(groups(&["b"])));
        assert_eq!(is_in(Regroup { set: Some(groups(&["z", "z"])), ..Regroup::default() }), Ok(groups(&["z"])));
        let many: Vec<String> = (0..=group::MOST).map(|number| number.to_string()).collect();
        assert_eq!(is_in(Regroup { set: Some(many), ..Regroup::default() }), Err(OperateRefusal::TooManyGroups));
    }
}
