//! What is remembered: reads by name or by owner, and one atomic commit. The same tests (`tests/store`) run against
//! every kind of store.

mod contents;
pub mod copying;
pub mod memory;
mod passed_over;
pub mod postgres;
mod records;
pub mod redb;
mod stop;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::counts::store::StoreCounts;
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::Move;
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
use crate::domain::plan::{Change, Conflict, Counter, Durability, Effects};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::token_family::TokenFamily;

/// The world failed: the store could not be read or written. The request is refused.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {problem}")]
pub struct StoreError {
    /// What was being done, in words.
    pub problem: String,
    /// What the database said.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// How many rows of a kind there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCount {
    /// The kind, by the name of its table.
    pub kind: String,
    /// How many there are.
    pub rows: u64,
}

/// What was heard of other gateways of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreNotification {
    /// What their commits brought about, or nothing.
    Effects(Effects),
    /// Something may have been missed: whatever was known before is to be read again.
    Doubt,
}

/// How far what was committed has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// How many gateways of the store run, this one included.
    pub gateways: usize,
    /// The names of those in which it is not known to be in force.
    pub waited_for: Vec<String>,
}

/// What was taken out of a bucket that all gateways of a store have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketTaken {
    /// The bucket that was taken from.
    pub bucket: Counter,
    /// How much more than was told of before.
    pub more: u32,
    /// How much leaks out of the bucket in a second.
    pub per_second: u32,
}

/// What was taken out of such a bucket by all gateways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketLevel {
    /// In all. It may begin anew at any time.
    pub total: u64,
    /// What of it has not leaked out again.
    pub level: u32,
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
/// A row that cannot be read (a library writes its state otherwise since an upgrade) refuses the step that needs it. It
/// is passed over only where another person would have to wait for it: letters, registrations and recoveries of an
/// address, recoveries of an account. What removes it need not read it, and a sweep removes it when its time is over.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// The ceremony of that name.
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError>;
    /// The unfinished registration of that browser.
    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError>;
    /// All unfinished registrations of an address, from all browsers.
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
    /// The session of that token and its account, where both are there.
    async fn session_and_account(&self, token: SecretDigest) -> Result<Option<(Session, Account)>, StoreError> {
        let Some(session) = self.session(token).await? else { return Ok(None) };
        Ok(self.account(session.account).await?.map(|account| (session, account)))
    }

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
    /// All recoveries of an account, from all browsers; those of an address that has none are its
    /// [stand-in's](AccountId::stand_in).
    async fn recoveries_of(&self, account: AccountId) -> Result<Vec<Recovery>, StoreError>;
    /// All recoveries that were begun for an address, whether or not it has an account.
    async fn recoveries_for(&self, email: &Email) -> Result<Vec<Recovery>, StoreError>;

    /// The held recovery of an account.
    async fn hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError>;
    /// The change of address of an account.
    async fn moving(&self, account: AccountId) -> Result<Option<Move>, StoreError>;
    /// The changes that an address is kept by for the accounts that had it. It is over for all but one.
    async fn moves_from(&self, email: &Email) -> Result<Vec<Move>, StoreError>;
    /// The operator's code of an account.
    async fn admin_code(&self, account: AccountId) -> Result<Option<AdminCode>, StoreError>;
    /// The bookmark of that name.
    async fn bookmark(&self, name: SecretDigest) -> Result<Option<Bookmark>, StoreError>;
    /// The invitation of an address.
    async fn invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError>;
    /// Invitations by address, those after `after`, at most `limit`. One that cannot be read holds up no other.
    async fn invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError>;
    /// Whether there is any invitation. One that cannot be read counts: pages must not say less than the letter may.
    async fn has_invitations(&self) -> Result<bool, StoreError>;
    /// How many there are in a counter's window of that length at `now`.
    async fn counted(&self, counter: Counter, window: Duration, now: Timestamp) -> Result<u32, StoreError>;
    /// Letters due at `now`, the longest due first, at most `limit`.
    async fn letters_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Letter>, StoreError>;
    /// The gateway's master secret, once it has been set.
    async fn master(&self) -> Result<Option<Secret>, StoreError>;
    /// All signing keys, oldest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// The number of the state that the signing keys are in: it is read before them, and each change of them takes the
    /// next one ([`KeyChange::Advance`](crate::domain::plan::KeyChange)).
    async fn key_generation(&self) -> Result<u64, StoreError>;

    /// What the passkeys were made for that do not say so: the first `rp_id` that the store was served with since that
    /// is noted ([`KeyChange::NoteRpId`](crate::domain::plan::KeyChange)).
    async fn rp_id(&self) -> Result<Option<Host>, StoreError>;
    /// Which passkeys cannot be used with that `rp_id`. It looks at all there are.
    async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError>;

    /// Writes a whole copy of the state that some commit left to a new file, which is there once it is whole; commits
    /// go on meanwhile. Returns what is in it.
    ///
    /// # Errors
    /// The file is there already or could not be written; the store has copies of its own. One sentence for the
    /// operator.
    async fn back_up(&self, _to: &Path) -> Result<Vec<RowCount>, StoreError> {
        Err(StoreError {
            problem: "it is no file, and has means of its own to be copied (pg_dump, base backups, snapshots)"
                .to_owned(),
            source: None,
        })
    }

    /// Whether the store answers, and the last commit could be written.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Whether other gateways may have the same store: where it is away, it is away for all of them.
    fn is_shared(&self) -> bool {
        false
    }

    /// What is counted of it, where something is.
    fn counts(&self) -> Option<&StoreCounts> {
        None
    }
}

/// A store, which is changed by commits alone. A caller that only reads is given the [`Records`] of it.
#[async_trait]
pub trait Store: Records {
    /// Makes all `changes`, in order, or none of them. When it returns, they are as safe as `durability` asks; a
    /// durable commit makes every earlier one durable too. A caller that stops waiting does not stop the commit.
    ///
    /// Other commits wait meanwhile: a list of thousands (of touched sessions, say) is better made in parts.
    ///
    /// # Errors
    /// The first precondition that does not hold, or the store's own failure.
    async fn commit(&self, changes: Vec<Change>, durability: Durability) -> Result<(), CommitError>;

    /// Waits until other gateways of the store have committed something that is to be heard here, or for a moment. One
    /// at a time waits. A store that no other gateway has waits for ever.
    ///
    /// # Errors
    /// The store's own failure. The next call doubts, or fails again.
    async fn hear(&self) -> Result<StoreNotification, StoreError> {
        std::future::pending().await
    }

    /// Says whether all that was heard so far is in force here. While it is not, other gateways are not told so.
    fn set_in_force(&self, _is_in_force: bool) {}

    /// Waits until what was committed before is in force at every gateway of the store, for at most `patience`. In a
    /// store that no other gateway has, it is in force at once.
    ///
    /// # Errors
    /// The store failed.
    async fn in_force(&self, _patience: Duration) -> Result<InForce, StoreError> {
        Ok(InForce { gateways: 1, waited_for: Vec::new() })
    }

    /// Adds what was taken here out of buckets that all gateways of the store have in common. Returns how much was
    /// taken out of each in all, or nothing where there are no other gateways. A little of it may be lost.
    ///
    /// # Errors
    /// The store failed; what was to be added may have been, or not.
    async fn share(&self, _taken: &[BucketTaken]) -> Result<Vec<BucketLevel>, StoreError> {
        Ok(Vec::new())
    }

    /// Says that this gateway stops, so that others do not wait for it.
    ///
    /// # Errors
    /// The store failed; they stop waiting after a moment.
    async fn leave(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Deals with what is from the future of `now`, but for [`LEEWAY`](crate::domain::clock::LEEWAY): a clock was ahead
    /// that has been set right. Sessions that were made or last used then count as made and used at `now`. Ceremonies,
    /// registrations, links, recoveries, changes of address, codes and bookmarks that would last for longer than they
    /// were to are removed, so that they are not good again when their time comes. At most `limit` of each kind.
    /// Returns how many these were. A store that nothing outlives in need not do it.
    async fn set_back(&self, _now: Timestamp, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Removes ceremonies, registrations, links, recoveries, holds, changes of address, codes, bookmarks, events,
    /// letters and counters that have expired at `now`. Removes sessions that were created before
    /// `session_created_before` or last seen before `session_seen_before`. It takes at most `limit` of each kind, so
    /// that other commits are not held up, and returns how many were removed.
    async fn sweep(
        &self,
        now: Timestamp,
        session_created_before: Timestamp,
        session_seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;
}
