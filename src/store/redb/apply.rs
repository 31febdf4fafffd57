//! What each change means for the rows, and what must hold for it.

mod people;
mod progress;

use super::batch::Batch;
use super::fault::Fault;
use super::records::Count;
use super::rows::{MASTER, Table, of_email};
use super::view::View as _;
use crate::domain::admin_code::AdminCode;
use crate::domain::ceremony::Ceremony;
use crate::domain::code::CodeId;
use crate::domain::letter::Letter;
use crate::domain::link::Link;
use crate::domain::passkey::Passkey;
use crate::domain::plan::{Change, Conflict};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::secret::SecretDigest;
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;

/// Why a commit is dropped.
#[derive(Debug)]
pub(super) enum Stop {
    /// A precondition did not hold.
    Conflict(Conflict),
    /// Its rows could not be read or written down.
    Fault(Fault),
}

impl From<Conflict> for Stop {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Batch<'_, '_> {
    /// Adds one change to the commit.
    ///
    /// # Errors
    /// Its precondition does not hold, or the store failed; then the whole commit must be dropped.
    pub(super) fn make(&mut self, change: Change) -> Result<(), Stop> {
        match change {
            Change::AddCeremony(ceremony) => self.put(&ceremony)?,
            Change::SpendCeremony(id) => {
                self.remove::<Ceremony>(id.0.as_bytes())?.ok_or(Conflict::CeremonySpent)?;
            }
            Change::PutRegistration(registration) => self.put(&registration)?,
            Change::CountTry { browser, code, limit } => {
                let registration = self.registration(browser, code)?;
                if registration.tries >= limit {
                    return Err(Conflict::TriesSpent.into());
                }
                self.put(&Registration { tries: registration.tries.saturating_add(1), ..registration })?;
            }
            Change::ReplaceCode { browser, was, code, at } => {
                let registration = self.registration(browser, was)?;
                self.put(&Registration { code, tries: 0, code_sent_at: at, ..registration })?;
            }
            Change::SpendRegistration { browser, code } => {
                self.registration(browser, code)?;
                self.remove::<Registration>(browser.bytes())?;
            }
            Change::DropRegistrations(email) => {
                let first = of_email(email.as_str(), &[]);
                let last = of_email(email.as_str(), &[0xff; 32]);
                let prefix = first.len();
                let keys = self.keys(Table::RegistrationsByEmail, first..=last, usize::MAX)?;
                self.discard::<Registration>(keys.iter().map(|key| key.get(prefix..).unwrap_or_default().to_vec()))?;
            }
            Change::AddAccount(account) => self.add_account(&account)?,
            Change::AddPasskey(passkey) => self.add_passkey(&passkey)?,
            Change::UsePasskey { was_counter, key, at } => {
                let passkey = self.load::<Passkey>(key.id.bytes())?;
                let passkey = passkey.filter(|passkey| passkey.key.counter == was_counter);
                let passkey = passkey.ok_or(Conflict::PasskeyChanged)?;
                self.put(&Passkey { key, last_used_at: Some(at), ..passkey })?;
            }
            Change::AddSession(session) => self.add_session(&session)?,
            Change::EndSession(token) => self.discard_if_there::<Session>(token.bytes())?,
            Change::EndSessions { account, except } => {
                self.end_sessions(account, |session| Some(session.token) != except)?;
            }
            Change::AddTokens(family) => self.add_tokens(&family)?,
            Change::AdvanceTokens(family) => self.advance_tokens(&family)?,
            Change::TieSession { session, credential } => {
                let session = self.load::<Session>(session.bytes())?.ok_or(Conflict::SessionEnded)?;
                self.passkey(&credential, session.account)?;
                if session.credential.is_some() {
                    return Err(Conflict::SessionTied.into());
                }
                self.put(&Session { credential: Some(credential), ..session })?;
            }
            Change::AnswerReview(token) => {
                let session = self.load::<Session>(token.bytes())?.ok_or(Conflict::SessionEnded)?;
                self.put(&Session { review: false, ..session })?;
            }
            Change::RenamePasskey { credential, account, name } => {
                let passkey = self.passkey(&credential, account)?;
                self.put(&Passkey { name, ..passkey })?;
            }
            Change::RemovePasskey { credential, account, last } => self.remove_passkey(&credential, account, last)?,
            Change::SetDisabled { account, disabled } => self.set_disabled(account, disabled)?,
            Change::SetGroups { account, was, groups } => self.set_groups(account, &was, groups)?,
            Change::RemoveAccount(account) => self.remove_account(account)?,
            Change::RequirePasskey { credential, account } => {
                self.passkey(&credential, account)?;
            }
            Change::RequireSession(token) => {
                self.load::<Session>(token.bytes())?.ok_or(Conflict::SessionEnded)?;
            }
            Change::AddLink(link) => self.add_link(&link)?,
            Change::AdvanceLink(link) => self.advance_link(&link)?,
            Change::SpendLink { id, revision } => {
                let link = self.remove::<Link>(id.0.as_bytes())?;
                link.filter(|link| link.revision == revision).ok_or(Conflict::LinkChanged)?;
            }
            Change::PutRecovery(recovery) => self.put(&recovery)?,
            Change::AdvanceRecovery(recovery) => {
                let was = self.load::<Recovery>(recovery.browser.bytes())?;
                let was = was.filter(|was| was.revision.checked_add(1) == Some(recovery.revision));
                was.ok_or(Conflict::RecoveryChanged)?;
                self.put(&recovery)?;
            }
            Change::SpendRecovery { browser, revision } => {
                let recovery = self.remove::<Recovery>(browser.bytes())?;
                recovery.filter(|recovery| recovery.revision == revision).ok_or(Conflict::RecoveryChanged)?;
            }
            Change::DropRecoveries(account) => self.drop_recoveries(account)?,
            Change::AddHold(hold) => self.add_hold(&hold)?,
            Change::SpendHold { account, id } => {
                let hold = self.remove::<Hold>(account.0.as_bytes())?;
                hold.filter(|hold| hold.id == id).ok_or(Conflict::HoldChanged)?;
            }
            Change::PutAdminCode(code) => {
                self.get(Table::Accounts, code.account.0.as_bytes())?.ok_or(Conflict::NoAccount)?;
                self.put(&code)?;
            }
            Change::SpendAdminCode { account, digest } => {
                let code = self.remove::<AdminCode>(account.0.as_bytes())?;
                code.filter(|code| code.digest == digest).ok_or(Conflict::AdminCodeSpent)?;
            }
            Change::AddEvent(event) => {
                if self.get(Table::Accounts, event.account.0.as_bytes())?.is_some() {
                    self.put(&event)?;
                }
            }
            Change::TouchSessions(touched) => {
                for (token, at) in touched {
                    let session = self.load::<Session>(token.bytes())?;
                    if let Some(session) = session.filter(|session| session.last_seen_at < at) {
                        self.put(&Session { last_seen_at: at, ..session })?;
                    }
                }
            }
            Change::AddLetter(letter) => self.put(&letter)?,
            Change::DelayLetter { id, due_at } => {
                if let Some(letter) = self.load::<Letter>(id.0.as_bytes())? {
                    self.put(&Letter { due_at, failures: letter.failures.saturating_add(1), ..letter })?;
                }
            }
            Change::DropLetter(id) => {
                self.remove::<Letter>(id.0.as_bytes())?;
            }
            Change::Count { counter, limit, window, now } => {
                let running = self.load::<Count>(&counter.0)?.filter(|count| now < count.ends_at);
                let count = running.unwrap_or(Count { counter, count: 0, ends_at: now.after(window) });
                if count.count >= limit {
                    return Err(Conflict::Limit(counter).into());
                }
                self.put(&Count { count: count.count.saturating_add(1), ..count })?;
            }
            Change::SetMaster(master) => {
                if self.get(Table::Meta, MASTER)?.is_some() {
                    return Err(Conflict::MasterExists.into());
                }
                self.set(Table::Meta, MASTER.to_vec(), master.bytes().to_vec());
            }
            Change::PutSigningKey(key) => self.put(&key)?,
            Change::DropSigningKey(kid) => {
                self.remove::<SigningKey>(kid.as_bytes())?;
            }
        }
        Ok(())
    }

    fn registration(&mut self, browser: SecretDigest, code: CodeId) -> Result<Registration, Stop> {
        let registration = self.load::<Registration>(browser.bytes())?;
        let registration = registration.filter(|registration| registration.code == code);
        registration.ok_or(Stop::Conflict(Conflict::RegistrationSpent))
    }
}
