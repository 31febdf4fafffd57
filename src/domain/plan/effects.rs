//! What a commit brings about beside itself.

use crate::domain::account::AccountId;
use crate::domain::link::id::LinkId;
use crate::domain::secret::SecretDigest;

/// What a commit brings about beside itself: which live sessions end or are read again, which waiting pages wake, and
/// whether there is something to send. It is told to this gateway, and to whatever other one shares the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Sessions that have ended, or whose next request reads them anew: what is open in them ends.
    pub sessions: Vec<SecretDigest>,
    /// Members of families that have ended alone.
    pub members: Vec<SecretDigest>,
    /// Accounts of which some sessions may have ended: each live one that the store does not have any more ends.
    pub accounts: Vec<AccountId>,
    /// Accounts whose people may other things from now on: each live session is read anew at its next request.
    pub changed_accounts: Vec<AccountId>,
    /// The links whose pages look again.
    pub links: TouchedLinks,
    /// Whether a letter waits.
    pub letters: bool,
    /// Whether the signing keys are others.
    pub keys: bool,
}

/// The links that a commit touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TouchedLinks {
    /// These links, and no others.
    Some(Vec<LinkId>),
    /// Perhaps any: a session, a passkey or an account that links stand on has ended.
    Any,
}

impl Default for TouchedLinks {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl Effects {
    /// Whether no live session can end by it.
    pub fn ends_nothing(&self) -> bool {
        let Self { sessions, members, accounts, changed_accounts, links: _, letters: _, keys: _ } = self;
        sessions.is_empty() && members.is_empty() && accounts.is_empty() && changed_accounts.is_empty()
    }

    pub(super) fn ends_member(&mut self, token: SecretDigest) {
        self.members.push(token);
        self.links = TouchedLinks::Any;
    }

    pub(super) fn ends_session(&mut self, token: SecretDigest) {
        self.sessions.push(token);
        self.links = TouchedLinks::Any;
    }

    pub(super) fn changes_session(&mut self, token: SecretDigest) {
        self.sessions.push(token);
    }

    pub(super) fn may_end_sessions_of(&mut self, account: AccountId) {
        self.accounts.push(account);
        self.links = TouchedLinks::Any;
    }

    pub(super) fn changes_account(&mut self, account: AccountId) {
        self.changed_accounts.push(account);
    }

    /// Both: sessions may have ended, and those that have not may other things.
    pub(super) fn may_end_and_changes(&mut self, account: AccountId) {
        self.may_end_sessions_of(account);
        self.changes_account(account);
    }

    pub(super) fn changes_link(&mut self, link: LinkId) {
        if let TouchedLinks::Some(links) = &mut self.links {
            links.push(link);
        }
    }

    pub(super) fn changes_any_link(&mut self) {
        self.links = TouchedLinks::Any;
    }

    pub(super) fn adds_letter(&mut self) {
        self.letters = true;
    }

    pub(super) fn changes_keys(&mut self) {
        self.keys = true;
    }
}
