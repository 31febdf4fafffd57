//! A store in memory, for tests: the plainest reading of what every [`Change`] means.

mod accounts;
mod letters;
mod progress;
mod sessions;
mod state;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use self::state::MemoryState;
use super::{CommitError, Records, Store, StoreError};
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::{self, Move};
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::{Ceremony, CeremonyId};
use crate::domain::clock::{LEEWAY, Timestamp};
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::invitation::Invitation;
use crate::domain::letter::Letter;
use crate::domain::link::id::LinkId;
use crate::domain::link::{Link, LinkCodeDigest};
use crate::domain::passkey::{CredentialId, LockedOut, Passkey};
use crate::domain::plan::{Change, Counter, CounterChange, Durability};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::token_family::TokenFamily;
use crate::domain::{admin_code, bookmark, ceremony, link, recovery, registration};

/// A store that is gone with the process. A commit copies everything, so it suits a few thousand rows.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<MemoryState>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        // A panic cannot leave half a commit behind: the state is replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Records for MemoryStore {
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError> {
        Ok(self.state().ceremonies.get(&id).cloned())
    }

    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError> {
        Ok(self.state().registrations.get(&browser).cloned())
    }

    async fn registrations_of(&self, email: &Email) -> Result<Vec<Registration>, StoreError> {
        Ok(self.state().registrations.values().filter(|pending| pending.email == *email).cloned().collect())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.state().accounts.get(&id).cloned())
    }

    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        Ok(self.state().accounts.values().find(|account| account.email == *email).cloned())
    }

    async fn passkey(&self, id: &CredentialId) -> Result<Option<Passkey>, StoreError> {
        Ok(self.state().passkeys.get(id).cloned())
    }

    async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, StoreError> {
        let mut passkeys: Vec<_> =
            self.state().passkeys.values().filter(|passkey| passkey.account == account).cloned().collect();
        passkeys.sort_by_key(|passkey| passkey.created_at);
        Ok(passkeys)
    }

    async fn session(&self, token: SecretDigest) -> Result<Option<Session>, StoreError> {
        Ok(self.state().sessions.get(&token).cloned())
    }

    async fn tokens(&self, session: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        Ok(self.state().tokens.get(&session).cloned())
    }

    async fn tokens_by_refresh(&self, token: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        Ok(self.state().tokens.values().find(|family| family.all().any(|one| one == token)).cloned())
    }

    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        let mut sessions: Vec<_> =
            self.state().sessions.values().filter(|session| session.account == account).cloned().collect();
        sessions.sort_by_key(|session| Reverse(session.created_at));
        Ok(sessions)
    }

    async fn events(&self, account: AccountId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let mut events: Vec<_> =
            self.state().events.values().filter(|event| event.account == account).cloned().collect();
        events.sort_by_key(|event| Reverse((event.at, event.id)));
        events.truncate(limit);
        Ok(events)
    }

    async fn accounts(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let state = self.state();
        let later = state.accounts.values().filter(|account| after.is_none_or(|after| account.email > *after));
        let mut accounts: Vec<_> = later.cloned().collect();
        accounts.sort_by(|one, other| one.email.cmp(&other.email));
        accounts.truncate(limit);
        Ok(accounts)
    }

    async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        Ok(self.state().links.get(&id).cloned())
    }

    async fn link_by_code(&self, code: LinkCodeDigest) -> Result<Option<Link>, StoreError> {
        Ok(self.state().links.values().find(|link| link.scan_code == code || link.short_code == code).cloned())
    }

    async fn recovery(&self, browser: SecretDigest) -> Result<Option<Recovery>, StoreError> {
        Ok(self.state().recoveries.get(&browser).cloned())
    }

    async fn recoveries_of(&self, account: AccountId) -> Result<Vec<Recovery>, StoreError> {
        Ok(self.state().recoveries.values().filter(|pending| pending.owner() == account).cloned().collect())
    }

    async fn recoveries_for(&self, email: &Email) -> Result<Vec<Recovery>, StoreError> {
        Ok(self.state().recoveries.values().filter(|pending| pending.email == *email).cloned().collect())
    }

    async fn hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        Ok(self.state().holds.get(&account).cloned())
    }

    async fn moving(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        Ok(self.state().moves.get(&account).cloned())
    }

    async fn moves_from(&self, email: &Email) -> Result<Vec<Move>, StoreError> {
        Ok(self.state().moves.values().filter(|one| one.former() == Some(email)).cloned().collect())
    }

    async fn admin_code(&self, account: AccountId) -> Result<Option<AdminCode>, StoreError> {
        Ok(self.state().admin_codes.get(&account).cloned())
    }

    async fn bookmark(&self, name: SecretDigest) -> Result<Option<Bookmark>, StoreError> {
        Ok(self.state().bookmarks.get(&name).cloned())
    }

    async fn invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        Ok(self.state().invitations.get(email).cloned())
    }

    async fn has_invitations(&self) -> Result<bool, StoreError> {
        Ok(!self.state().invitations.is_empty())
    }

    async fn invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        Ok(state.invitations.range((from, Bound::Unbounded)).take(limit).map(|(_, one)| one.clone()).collect())
    }

    async fn counted(&self, counter: Counter, window: Duration, now: Timestamp) -> Result<u32, StoreError> {
        let running = self.state().counters.get(&counter).copied();
        Ok(running.filter(|count| CounterChange::runs(count.ends_at, window, now)).map_or(0, |count| count.count))
    }

    async fn letters_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let mut letters: Vec<_> =
            self.state().letters.values().filter(|letter| letter.due_at <= now).cloned().collect();
        letters.sort_by_key(|letter| letter.due_at);
        letters.truncate(limit);
        Ok(letters)
    }

    async fn master(&self) -> Result<Option<Secret>, StoreError> {
        Ok(self.state().master.clone())
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let mut keys: Vec<_> = self.state().signing_keys.values().cloned().collect();
        keys.sort_by_key(|key| key.created_at);
        Ok(keys)
    }

    async fn key_generation(&self) -> Result<u64, StoreError> {
        Ok(self.state().key_generation)
    }

    async fn rp_id(&self) -> Result<Option<Host>, StoreError> {
        Ok(self.state().rp_id.clone())
    }

    async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError> {
        let (state, mut locked_out) = (self.state(), LockedOut::default());
        for Passkey { account, key, .. } in state.passkeys.values() {
            locked_out.look(rp_id, state.rp_id.as_ref(), *account, key.rp_id.as_ref());
        }
        Ok(locked_out)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, changes: Vec<Change>, _: Durability) -> Result<(), CommitError> {
        let mut state = self.state();
        let mut next = state.clone();
        for change in changes {
            next.make(change).map_err(CommitError::Conflict)?;
            next.drop_orphans();
        }
        *state = next;
        Ok(())
    }

    async fn set_back(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut state = self.state();
        // When a member of a family was made counts for nothing but their order.
        let is_ahead = |session: &&mut Session| {
            !session.created_at.has_come(now) || session.head.is_none() && !session.last_seen_at.has_come(now)
        };
        let ahead = state.sessions.values_mut().filter(is_ahead).take(limit);
        let set_back = ahead.map(|session| session.set_back(now)).count();
        let after = |lifetime| now.after(lifetime).after(LEEWAY);
        Ok(set_back
            + remove_some(&mut state.ceremonies, limit, |one| one.expires_at > after(ceremony::LIFETIME))
            + remove_some(&mut state.registrations, limit, |one| one.expires_at > after(registration::LIFETIME))
            + remove_some(&mut state.links, limit, |one| one.expires_at > after(link::LIFETIME))
            + remove_some(&mut state.recoveries, limit, |one| one.expires_at > after(recovery::LIFETIME))
            + remove_some(&mut state.moves, limit, |one| one.expires_at > after(address::UNDO))
            + remove_some(&mut state.admin_codes, limit, |one| one.expires_at > after(admin_code::LIFETIME))
            + remove_some(&mut state.bookmarks, limit, |one| one.expires_at > after(bookmark::LIFETIME)))
    }

    async fn sweep(
        &self,
        now: Timestamp,
        session_created_before: Timestamp,
        session_seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut state = self.state();
        let swept = remove_some(&mut state.ceremonies, limit, |ceremony| ceremony.expires_at <= now)
            + remove_some(&mut state.registrations, limit, |registration| registration.expires_at <= now)
            + remove_some(&mut state.links, limit, |link| link.expires_at <= now)
            + remove_some(&mut state.recoveries, limit, |recovery| recovery.expires_at <= now)
            + remove_some(&mut state.holds, limit, |hold| hold.expires_at() <= now)
            + remove_some(&mut state.moves, limit, |one| one.expires_at <= now)
            + remove_some(&mut state.admin_codes, limit, |code| code.expires_at <= now)
            + remove_some(&mut state.bookmarks, limit, |bookmark| bookmark.expires_at <= now)
            + remove_some(&mut state.events, limit, |event| event.expires_at() <= now)
            + remove_some(&mut state.letters, limit, |letter| letter.expires_at <= now)
            + remove_some(&mut state.counters, limit, |count| count.ends_at <= now)
            + remove_some(&mut state.sessions, limit, |session| {
                let is_idle = session.head.is_none() && session.last_seen_at < session_seen_before;
                session.created_at < session_created_before || is_idle
            });
        state.drop_orphans();
        Ok(swept)
    }
}

fn remove_some<K: Ord + Clone, V>(rows: &mut BTreeMap<K, V>, limit: usize, over: impl Fn(&V) -> bool) -> usize {
    let keys: Vec<K> = rows.iter().filter(|(_, row)| over(row)).map(|(key, _)| key.clone()).take(limit).collect();
    for key in &keys {
        rows.remove(key);
    }
    keys.len()
}
