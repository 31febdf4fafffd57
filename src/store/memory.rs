//! A store in memory, for tests: the plainest reading of what every [`Change`] means.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{CommitError, Store, StoreError};
use crate::domain::account::{Account, AccountId};
use crate::domain::ceremony::{Ceremony, CeremonyId};
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::email::Email;
use crate::domain::letter::{Letter, LetterId};
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{Change, Conflict, Counter, Durability};
use crate::domain::registration::Registration;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;

/// A store that is gone with the process. A commit copies everything, so it suits a few thousand rows.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Clone, Debug, Default)]
struct State {
    ceremonies: BTreeMap<CeremonyId, Ceremony>,
    registrations: BTreeMap<SecretDigest, Registration>,
    accounts: BTreeMap<AccountId, Account>,
    passkeys: BTreeMap<CredentialId, Passkey>,
    sessions: BTreeMap<SecretDigest, Session>,
    letters: BTreeMap<LetterId, Letter>,
    counters: BTreeMap<Counter, Count>,
    master: Option<Secret>,
    signing_keys: BTreeMap<String, SigningKey>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    count: u32,
    ends_at: Timestamp,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave half a commit behind: the state is replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError> {
        Ok(self.state().ceremonies.get(&id).cloned())
    }

    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError> {
        Ok(self.state().registrations.get(&browser).cloned())
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

    async fn commit(&self, changes: Vec<Change>, _: Durability) -> Result<(), CommitError> {
        let mut state = self.state();
        let mut next = state.clone();
        for change in changes {
            next.make(change).map_err(CommitError::Conflict)?;
        }
        *state = next;
        Ok(())
    }

    async fn sweep(
        &self,
        now: Timestamp,
        session_created_before: Timestamp,
        session_seen_before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut state = self.state();
        Ok(remove_some(&mut state.ceremonies, limit, |ceremony| ceremony.expires_at <= now)
            + remove_some(&mut state.registrations, limit, |registration| registration.expires_at <= now)
            + remove_some(&mut state.letters, limit, |letter| letter.expires_at <= now)
            + remove_some(&mut state.counters, limit, |count| count.ends_at <= now)
            + remove_some(&mut state.sessions, limit, |session| {
                session.created_at < session_created_before || session.last_seen_at < session_seen_before
            }))
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn remove_some<K: Ord + Clone, V>(rows: &mut BTreeMap<K, V>, limit: usize, over: impl Fn(&V) -> bool) -> usize {
    let keys: Vec<K> = rows.iter().filter(|(_, row)| over(row)).map(|(key, _)| key.clone()).take(limit).collect();
    for key in &keys {
        rows.remove(key);
    }
    keys.len()
}

impl State {
    fn make(&mut self, change: Change) -> Result<(), Conflict> {
        match change {
            Change::AddCeremony(ceremony) => {
                self.ceremonies.insert(ceremony.id, ceremony);
            }
            Change::SpendCeremony(id) => {
                self.ceremonies.remove(&id).ok_or(Conflict::CeremonySpent)?;
            }
            Change::PutRegistration(registration) => {
                self.registrations.insert(registration.browser, registration);
            }
            Change::CountTry { browser, code, limit } => {
                let registration = self.registration(browser, code)?;
                if registration.tries >= limit {
                    return Err(Conflict::TriesSpent);
                }
                registration.tries += 1;
            }
            Change::ReplaceCode { browser, was, code, at } => {
                let registration = self.registration(browser, was)?;
                registration.code = code;
                registration.tries = 0;
                registration.code_sent_at = at;
            }
            Change::SpendRegistration { browser, code } => {
                self.registration(browser, code)?;
                self.registrations.remove(&browser);
            }
            Change::DropRegistrations(email) => self.registrations.retain(|_, other| other.email != email),
            Change::AddAccount(account) => {
                if self.accounts.contains_key(&account.id) {
                    return Err(Conflict::AccountExists);
                }
                if self.accounts.values().any(|other| other.email == account.email) {
                    return Err(Conflict::EmailTaken);
                }
                self.accounts.insert(account.id, account);
            }
            Change::AddPasskey(passkey) => {
                self.accounts.get(&passkey.account).ok_or(Conflict::NoAccount)?;
                if self.passkeys.contains_key(&passkey.key.id) {
                    return Err(Conflict::CredentialTaken);
                }
                self.passkeys.insert(passkey.key.id.clone(), passkey);
            }
            Change::UsePasskey { was_counter, key, at } => {
                let passkey = self
                    .passkeys
                    .get_mut(&key.id)
                    .filter(|passkey| passkey.key.counter == was_counter)
                    .ok_or(Conflict::PasskeyChanged)?;
                passkey.key = key;
                passkey.last_used_at = Some(at);
            }
            Change::AddSession(session) => {
                let account = self.accounts.get(&session.account).ok_or(Conflict::NoAccount)?;
                if account.disabled {
                    return Err(Conflict::AccountDisabled);
                }
                self.passkeys
                    .get(&session.credential)
                    .filter(|passkey| passkey.account == session.account)
                    .ok_or(Conflict::PasskeyChanged)?;
                self.sessions.insert(session.token, session);
            }
            Change::EndSession(token) => {
                self.sessions.remove(&token);
            }
            Change::TouchSessions(touched) => {
                for (token, at) in touched {
                    if let Some(session) = self.sessions.get_mut(&token) {
                        session.last_seen_at = session.last_seen_at.max(at);
                    }
                }
            }
            Change::AddLetter(letter) => {
                self.letters.insert(letter.id, letter);
            }
            Change::DelayLetter { id, due_at } => {
                if let Some(letter) = self.letters.get_mut(&id) {
                    letter.due_at = due_at;
                    letter.failures = letter.failures.saturating_add(1);
                }
            }
            Change::DropLetter(id) => {
                self.letters.remove(&id);
            }
            Change::Count { counter, limit, window, now } => {
                let running = self.counters.get(&counter).copied().filter(|count| now < count.ends_at);
                let count = running.unwrap_or(Count { count: 0, ends_at: now.after(window) });
                if count.count >= limit {
                    return Err(Conflict::Limit(counter));
                }
                self.counters.insert(counter, Count { count: count.count + 1, ..count });
            }
            Change::SetMaster(master) => {
                if self.master.is_some() {
                    return Err(Conflict::MasterExists);
                }
                self.master = Some(master);
            }
            Change::PutSigningKey(key) => {
                self.signing_keys.insert(key.kid.clone(), key);
            }
            Change::DropSigningKey(kid) => {
                self.signing_keys.remove(&kid);
            }
        }
        Ok(())
    }

    fn registration(&mut self, browser: SecretDigest, code: CodeId) -> Result<&mut Registration, Conflict> {
        self.registrations
            .get_mut(&browser)
            .filter(|registration| registration.code == code)
            .ok_or(Conflict::RegistrationSpent)
    }
}
