//! What is remembered: reads by name or by owner, and one atomic commit. One contract test runs against every kind of
//! store.

pub mod memory;
pub mod redb;

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::{Ceremony, CeremonyId};
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::invitation::Invitation;
use crate::domain::letter::Letter;
use crate::domain::link::id::LinkId;
use crate::domain::link::{Link, LinkCodeDigest};
use crate::domain::passkey::{CredentialId, LockedOut, Passkey};
use crate::domain::plan::{Change, Conflict, Counter, Durability};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::token_family::TokenFamily;

/// The world failed: the store could not be read or written. Whoever asks is refused.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {problem}")]
pub struct StoreError {
    /// What was being done, in words.
    pub problem: String,
    /// What the database said.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Why a commit changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A precondition did not hold.
    #[error("a precondition did not hold: {0:?}")]
    Conflict(Conflict),
    /// The store failed; whether the changes were kept is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a store remembers: accounts, passkeys, sessions and what is in progress.
///
/// Reads show a state that some commit left. What has expired may still be read until it is swept: the caller
/// compares with its clock.
///
/// What cannot be read (a library writes its state otherwise since an upgrade) refuses whoever needs it. Only where
/// somebody else would have to wait for it (letters, registrations and recoveries of an address, recoveries of an
/// account) it is passed over. What removes it need not read it, and a sweep removes it when its time is over.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// The ceremony of that name.
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError>;
    /// The unfinished registration of that browser.
    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError>;
    /// All unfinished registrations of an address, whoever began them.
    async fn registrations_of(&self, email: &Email) -> Result<Vec<Registration>, StoreError>;

    /// The account of that name.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// The account with that address.
    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError>;
    /// The passkey of that credential id, whosever it is.
    async fn passkey(&self, id: &CredentialId) -> Result<Option<Passkey>, StoreError>;
    /// All passkeys of an account, oldest first.
    async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, StoreError>;
    /// Their credential ids. Of the passkeys themselves nothing need be read.
    async fn passkey_ids(&self, account: AccountId) -> Result<Vec<CredentialId>, StoreError> {
        Ok(self.passkeys(account).await?.into_iter().map(|passkey| passkey.key.id).collect())
    }
    /// The session of that token.
    async fn session(&self, token: SecretDigest) -> Result<Option<Session>, StoreError>;
    /// The tokens of a session of the API.
    async fn tokens(&self, session: SecretDigest) -> Result<Option<TokenFamily>, StoreError>;

    /// The tokens of the session that has, or had, that refresh token.
    async fn tokens_by_refresh(&self, token: SecretDigest) -> Result<Option<TokenFamily>, StoreError>;

    /// All sessions of an account, the newest first.
    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError>;
    /// The newest events of an account, the newest first, at most `limit`.
    async fn events(&self, account: AccountId, limit: usize) -> Result<Vec<Event>, StoreError>;
    /// Accounts by address, those after `after`, at most `limit`.
    async fn accounts(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Account>, StoreError>;
    /// The link of that name.
    async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError>;
    /// The link one of whose codes that is.
    async fn link_by_code(&self, code: LinkCodeDigest) -> Result<Option<Link>, StoreError>;
    /// The recovery that browser began.
    async fn recovery(&self, browser: SecretDigest) -> Result<Option<Recovery>, StoreError>;
    /// All recoveries of an account, whoever began them; those of an address that has none are its
    /// [stand-in's](AccountId::stand_in).
    async fn recoveries_of(&self, account: AccountId) -> Result<Vec<Recovery>, StoreError>;
    /// All recoveries that were begun for an address, whether or not it has an account.
    async fn recoveries_for(&self, email: &Email) -> Result<Vec<Recovery>, StoreError>;

    /// The held recovery of an account.
    async fn hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError>;
    /// The operator's code of an account.
    async fn admin_code(&self, account: AccountId) -> Result<Option<AdminCode>, StoreError>;
    /// The bookmark of that name.
    async fn bookmark(&self, name: SecretDigest) -> Result<Option<Bookmark>, StoreError>;
    /// The invitation of an address.
    async fn invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError>;
    /// Invitations by address, those after `after`, at most `limit`. One that cannot be read holds up no other.
    async fn invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError>;
    /// Whether anybody is invited. One that cannot be read counts: nobody is to be told less than it may say.
    async fn has_invitations(&self) -> Result<bool, StoreError>;
    /// How many there are in a counter's window of that length at `now`.
    async fn counted(&self, counter: Counter, window: Duration, now: Timestamp) -> Result<u32, StoreError>;
    /// Letters due at `now`, the longest due first, at most `limit`.
    async fn letters_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Letter>, StoreError>;
    /// The gateway's master secret, once it has been set.
    async fn master(&self) -> Result<Option<Secret>, StoreError>;
    /// All signing keys, oldest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// The number of the state that the signing keys are in: it is read before them, and each change of them takes the next
    /// one ([`KeyChange::Advance`](crate::domain::plan::KeyChange)).
    async fn key_generation(&self) -> Result<u64, StoreError>;

    /// What the passkeys were made for that do not say so: the first `rp_id` that the store was served with since that is
    /// noted ([`KeyChange::NoteRpId`](crate::domain::plan::KeyChange)).
    async fn rp_id(&self) -> Result<Option<Host>, StoreError>;
    /// Which passkeys cannot be used with that `rp_id`. It looks at all there are.
    async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError>;

    /// Whether the store answers, and the last commit could be written.
    async fn ready(&self) -> Result<(), StoreError>;
}

/// A store, which is changed by commits alone. Whoever is to read only is given the [`Records`] of it.
#[async_trait]
pub trait Store: Records {
    /// Makes all `changes`, in order, or none of them. When it returns, they are as safe as `durability` asks; a durable
    /// commit makes every earlier one durable too. A caller that stops waiting does not stop the commit.
    ///
    /// Other commits wait meanwhile: a list of thousands (of touched sessions, say) is better made in parts.
    ///
    /// # Errors
    /// The first precondition that does not hold, or the store's own failure.
    async fn commit(&self, changes: Vec<Change>, durability: Durability) -> Result<(), CommitError>;

    /// Deals with what is from the future of `now`, but for [`LEEWAY`](crate::domain::clock::LEEWAY): a clock was ahead that
    /// has been set right. Sessions that were made or last used then count as made and used at `now`. Ceremonies,
    /// registrations, links, recoveries, codes and bookmarks that would last for longer than they were to are removed, so that
    /// they are not good again when their time comes. At most `limit` of each kind. Returns how many these were. A store that nothing
    /// outlives in need not do it.
    async fn set_back(&self, _now: Timestamp, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Removes ceremonies, registrations, links, recoveries, holds, codes, bookmarks, events, letters and counters that have
    /// expired at `now`, and sessions created before `session_created_before` or last seen before `session_seen_before`; at most
    /// `limit` of each kind, so that other commits are not held up.
    /// Returns how many were removed.
    async fn sweep(
        &self,
        now: Timestamp,
        session_created_before: Timestamp,
        session_seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;
}
