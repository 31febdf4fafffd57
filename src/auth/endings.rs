//! What a commit ends, ended here too: the live sessions that the store has forgotten go, and their open streams with
//! them.

use std::sync::Arc;

use super::sessions::Sessions;
use crate::domain::account::AccountId;
use crate::domain::plan::{Change, Durability};
use crate::domain::secret::SecretDigest;
use crate::store::{CommitError, Store, StoreError};

/// The sessions that some changes may end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Endings {
    tokens: Vec<SecretDigest>,
    accounts: Vec<AccountId>,
    /// Those whose sessions are all read again: what they may has changed.
    changed: Vec<AccountId>,
}

impl Endings {
    /// Those of a list of changes.
    pub(super) fn of(changes: &[Change]) -> Self {
        let mut endings = Self::default();
        for change in changes {
            match change {
                Change::EndSession(token) => endings.tokens.push(*token),
                Change::EndSessions { account, .. }
                | Change::RemovePasskey { account, .. }
                | Change::SetDisabled { account, .. }
                | Change::RemoveAccount(account) => endings.accounts.push(*account),
                Change::SetGroups { account, .. } => endings.changed.push(*account),
                // The next request reads it anew, as one that has answered, or has a passkey.
                Change::AnswerReview(session) | Change::TieSession { session, .. } => endings.tokens.push(*session),
                _ => {}
            }
        }
        endings
    }

    /// Whether nothing can end.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.accounts.is_empty() && self.changed.is_empty()
    }

    /// Commits the changes and then ends what they ended, even where the caller stops waiting in between: a browser
    /// that hangs up must not leave a session behind that is live here and gone from the store.
    ///
    /// # Errors
    /// As [`Store::commit`]; nothing has ended then.
    pub(super) async fn commit(
        self,
        store: &Arc<dyn Store>,
        sessions: &Arc<Sessions>,
        changes: Vec<Change>,
        durability: Durability,
    ) -> Result<(), CommitError> {
        let (store, sessions) = (Arc::clone(store), Arc::clone(sessions));
        let committing = tokio::spawn(async move {
            let committed = store.commit(changes, durability).await;
            // After a fault nobody knows whether the changes were kept: what is gone is ended, too.
            if !matches!(committed, Err(CommitError::Conflict(_))) {
                self.end(&*store, &sessions).await;
            }
            committed
        });
        committing.await.map_err(|error| StoreError {
            problem: "a commit was broken off".to_owned(),
            source: Some(Box::new(error)),
        })?
    }

    async fn end(self, store: &dyn Store, sessions: &Sessions) {
        for token in self.tokens {
            sessions.end(token);
        }
        for account in self.changed {
            for token in sessions.live_of(account) {
                sessions.end(token);
            }
        }
        for account in self.accounts {
            for token in sessions.live_of(account) {
                // A session that cannot be looked up ends here as well; if it is still stored, its next request loads
                // it again.
                if !matches!(store.session(token).await, Ok(Some(_))) {
                    sessions.end(token);
                }
            }
        }
    }
}
