//! What the store in memory remembers, and what every [`Change`] does to it.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::admin_code::AdminCode;
use crate::domain::ceremony::{Ceremony, CeremonyId};
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::letter::{Letter, LetterId};
use crate::domain::link::{Link, LinkId, Stage};
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{Change, Conflict, Counter};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::tokens::TokenFamily;

/// What is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) ceremonies: BTreeMap<CeremonyId, Ceremony>,
    pub(super) registrations: BTreeMap<SecretDigest, Registration>,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) passkeys: BTreeMap<CredentialId, Passkey>,
    pub(super) sessions: BTreeMap<SecretDigest, Session>,
    pub(super) tokens: BTreeMap<SecretDigest, TokenFamily>,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) recoveries: BTreeMap<SecretDigest, Recovery>,
    pub(super) holds: BTreeMap<AccountId, Hold>,
    pub(super) admin_codes: BTreeMap<AccountId, AdminCode>,
    pub(super) events: BTreeMap<Uuid, Event>,
    pub(super) letters: BTreeMap<LetterId, Letter>,
    pub(super) counters: BTreeMap<Counter, Count>,
    pub(super) master: Option<Secret>,
    pub(super) signing_keys: BTreeMap<String, SigningKey>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    pub(super) count: u32,
    pub(super) ends_at: Timestamp,
}

impl State {
    /// Makes one change; where it conflicts, the state is of no more use.
    pub(super) fn make(&mut self, change: Change) -> Result<(), Conflict> {
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
                if let Some(credential) = &session.credential {
                    self.passkey(credential, session.account)?;
                }
                self.sessions.insert(session.token, session);
            }
            Change::EndSession(token) => {
                self.sessions.remove(&token);
            }
            Change::EndSessions { account, except } => {
                self.sessions.retain(|token, session| session.account != account || Some(*token) == except);
            }
            Change::AddTokens(family) => {
                self.sessions.get(&family.session).ok_or(Conflict::SessionEnded)?;
                if self.tokens.contains_key(&family.session) {
                    return Err(Conflict::TokensChanged);
                }
                self.are_of_one_session(&family)?;
                self.tokens.insert(family.session, family);
            }
            Change::AdvanceTokens(family) => {
                self.are_of_one_session(&family)?;
                let was = self.tokens.get_mut(&family.session).ok_or(Conflict::TokensChanged)?;
                if was.revision.checked_add(1) != Some(family.revision) {
                    return Err(Conflict::TokensChanged);
                }
                *was = family;
            }
            Change::TieSession { session, credential } => {
                let account = self.sessions.get(&session).ok_or(Conflict::SessionEnded)?.account;
                self.passkey(&credential, account)?;
                let session = self.sessions.get_mut(&session).ok_or(Conflict::SessionEnded)?;
                if session.credential.is_some() {
                    return Err(Conflict::SessionTied);
                }
                session.credential = Some(credential);
            }
            Change::AnswerReview(token) => {
                self.sessions.get_mut(&token).ok_or(Conflict::SessionEnded)?.review = false;
            }
            Change::RenamePasskey { credential, account, name } => self.passkey(&credential, account)?.name = name,
            Change::RemovePasskey { credential, account, last } => {
                self.passkey(&credential, account)?;
                if !last && self.passkeys.values().filter(|passkey| passkey.account == account).count() == 1 {
                    return Err(Conflict::LastPasskey);
                }
                self.passkeys.remove(&credential);
                self.sessions.retain(|_, session| session.credential.as_ref() != Some(&credential));
            }
            Change::SetDisabled { account, disabled } => {
                self.accounts.get_mut(&account).ok_or(Conflict::NoAccount)?.disabled = disabled;
                if disabled {
                    self.sessions.retain(|_, session| session.account != account);
                    self.recoveries.retain(|_, recovery| recovery.account != Some(account));
                    self.holds.remove(&account);
                    self.admin_codes.remove(&account);
                }
            }
            Change::SetGroups { account, was, groups } => {
                let account = self.accounts.get_mut(&account).ok_or(Conflict::NoAccount)?;
                if account.groups != was {
                    return Err(Conflict::AccountChanged);
                }
                account.groups = groups;
            }
            Change::RemoveAccount(account) => {
                self.accounts.remove(&account).ok_or(Conflict::NoAccount)?;
                self.passkeys.retain(|_, passkey| passkey.account != account);
                self.sessions.retain(|_, session| session.account != account);
                self.events.retain(|_, event| event.account != account);
                self.recoveries.retain(|_, recovery| recovery.account != Some(account));
                self.links.retain(|_, link| {
                    let offered = link.offer.is_some_and(|offer| offer.account == account);
                    let approved = matches!(&link.stage, Stage::Approved(approval) if approval.account == account);
                    !offered && !approved
                });
                self.holds.remove(&account);
                self.admin_codes.remove(&account);
            }
            Change::RequirePasskey { credential, account } => {
                self.passkey(&credential, account)?;
            }
            Change::RequireSession(token) => {
                self.sessions.get(&token).ok_or(Conflict::SessionEnded)?;
            }
            Change::AddLink(link) => {
                let codes = [link.scan_code, link.short_code];
                let taken = |other: &Link| codes.contains(&other.scan_code) || codes.contains(&other.short_code);
                if self.links.contains_key(&link.id) || self.links.values().any(taken) {
                    return Err(Conflict::LinkChanged);
                }
                self.links.insert(link.id, link);
            }
            Change::AdvanceLink(link) => {
                let was = self.links.get_mut(&link.id).ok_or(Conflict::LinkChanged)?;
                let codes = |link: &Link| [link.scan_code, link.short_code];
                if was.revision.checked_add(1) != Some(link.revision) || codes(was) != codes(&link) {
                    return Err(Conflict::LinkChanged);
                }
                *was = link;
            }
            Change::SpendLink { id, revision } => {
                let link = self.links.remove(&id);
                link.filter(|link| link.revision == revision).ok_or(Conflict::LinkChanged)?;
            }
            Change::PutRecovery(recovery) => {
                self.recoveries.insert(recovery.browser, recovery);
            }
            Change::AdvanceRecovery(recovery) => {
                let was = self.recoveries.get_mut(&recovery.browser).ok_or(Conflict::RecoveryChanged)?;
                if was.revision.checked_add(1) != Some(recovery.revision) {
                    return Err(Conflict::RecoveryChanged);
                }
                *was = recovery;
            }
            Change::SpendRecovery { browser, revision } => {
                let recovery = self.recoveries.remove(&browser);
                recovery.filter(|recovery| recovery.revision == revision).ok_or(Conflict::RecoveryChanged)?;
            }
            Change::DropRecoveries(account) => {
                self.recoveries.retain(|_, recovery| recovery.account != Some(account));
            }
            Change::AddHold(hold) => {
                self.accounts.get(&hold.account).ok_or(Conflict::NoAccount)?;
                if self.holds.contains_key(&hold.account) {
                    return Err(Conflict::HoldChanged);
                }
                self.holds.insert(hold.account, hold);
            }
            Change::SpendHold { account, id } => {
                let hold = self.holds.remove(&account);
                hold.filter(|hold| hold.id == id).ok_or(Conflict::HoldChanged)?;
            }
            Change::PutAdminCode(code) => {
                self.accounts.get(&code.account).ok_or(Conflict::NoAccount)?;
                self.admin_codes.insert(code.account, code);
            }
            Change::SpendAdminCode { account, digest } => {
                let code = self.admin_codes.remove(&account);
                code.filter(|code| code.digest == digest).ok_or(Conflict::AdminCodeSpent)?;
            }
            Change::AddEvent(event) => {
                if self.accounts.contains_key(&event.account) {
                    self.events.insert(event.id, event);
                }
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

    /// A session's tokens go with it, however it ends.
    pub(super) fn drop_orphaned_tokens(&mut self) {
        let Self { tokens, sessions, .. } = self;
        tokens.retain(|session, _| sessions.contains_key(session));
    }

    /// No token leads to two sessions.
    fn are_of_one_session(&self, family: &TokenFamily) -> Result<(), Conflict> {
        let others = self.tokens.values().filter(|other| other.session != family.session);
        let taken = others.flat_map(TokenFamily::all).any(|token| family.all().any(|one| one == token));
        if taken { Err(Conflict::TokensChanged) } else { Ok(()) }
    }

    fn registration(&mut self, browser: SecretDigest, code: CodeId) -> Result<&mut Registration, Conflict> {
        self.registrations
            .get_mut(&browser)
            .filter(|registration| registration.code == code)
            .ok_or(Conflict::RegistrationSpent)
    }

    fn passkey(&mut self, credential: &CredentialId, account: AccountId) -> Result<&mut Passkey, Conflict> {
        self.passkeys.get_mut(credential).filter(|passkey| passkey.account == account).ok_or(Conflict::PasskeyChanged)
    }
}
