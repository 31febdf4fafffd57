//! Changes of sessions.

use super::effects::Effects;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::host::Host;
use crate::domain::passkey::CredentialId;
use crate::domain::secret::SecretDigest;
use crate::domain::session::{Authentication, Session};

/// A change of a session.
#[derive(Clone, Debug)]
pub enum SessionChange {
    /// Adds a session. Its account must exist and not be disabled. Its passkey, where it has one, must be that
    /// account's. The head of its family, where it is a member of one, must be that account's and not have ended.
    Add(Session),
    /// Ends a session with all of its family, where it has not ended yet. Its tokens go with it, however it ends.
    End(SecretDigest),
    /// Takes a member out of its family, where it has not ended: it ends alone.
    Release(SecretDigest),
    /// Ends every session of an account, but for the family of `except`.
    EndAll {
        /// The account whose sessions end.
        account: AccountId,
        /// The token of the one that stays.
        except: Option<SecretDigest>,
    },
    /// Ties a session that was made without a passkey to the one that was made in it: from then on they end together.
    /// It must be there without one, and the passkey be its account's.
    Tie {
        /// The digest of the session's token.
        session: SecretDigest,
        /// The passkey to tie it to.
        credential: CredentialId,
        /// How its user has proved who they are, the passkey included.
        authentication: Authentication,
    },
    /// Binds a session from before sessions had a host to the one that shows it. It must be there without one.
    Bind {
        /// The digest of the session's token.
        session: SecretDigest,
        /// The host to bind it to.
        host: Host,
    },
    /// The session must not have ended.
    Require(SecretDigest),
    /// Notes when sessions were last used; those that have ended are passed over.
    Touch(Vec<(SecretDigest, Timestamp)>),
}

/// Why a change of a session is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionConflict {
    /// It has ended.
    Ended,
    /// It has a passkey, or a host.
    Tied,
}

impl SessionChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, effects: &mut Effects) {
        match self {
            Self::Add(_) | Self::Require(_) | Self::Touch(_) => {}
            Self::End(token) => effects.ends_session(*token),
            Self::Release(token) => effects.ends_member(*token),
            Self::EndAll { account, .. } => effects.may_end_sessions_of(*account),
            // The next request reads it anew, as one that has a passkey or a host.
            Self::Tie { session, .. } | Self::Bind { session, .. } => effects.changes_session(*session),
        }
    }
}
