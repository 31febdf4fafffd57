//! Drives the steps of [`crate::domain::manage`].

use uuid::Uuid;
use webauthn_rs::prelude::{PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions};

use super::passkeys::{Unproved, claimed_credential};
use super::sessions::LiveSession;
use super::tokens::{RACES, Tokens};
use super::{Auth, Failure, WorldFailure};
use crate::domain::account::Account;
use crate::domain::activity::Event;
use crate::domain::ceremony::{Act, CeremonyId};
use crate::domain::destination::Destination;
use crate::domain::manage::{self, Asked, Confirming, Deed, Ended, Fresh, MayAdd, Refusal};
use crate::domain::passkey::{CredentialId, NewPasskey, Passkey};
use crate::domain::plan::Conflict;
use crate::domain::recovery::Hold;
use crate::domain::session::{Session, SessionId, SignedIn};
use crate::domain::sign_in;
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

/// How many events "My devices" shows.
const EVENTS: usize = 20;

/// Everything that "My devices" shows of an account.
#[derive(Debug)]
pub struct Devices {
    /// Its passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
    /// Its signed-in browsers, newest first.
    pub sessions: Vec<Session>,
    /// What happened lately, newest first.
    pub events: Vec<Event>,
    /// The recovery that is held, if there is one.
    pub hold: Option<Hold>,
}

/// What a confirmation came to.
#[derive(Debug)]
pub enum Confirmed {
    /// A passkey may be added: the challenge to make it.
    MayAdd {
        /// The ceremony that the answer belongs to.
        ceremony: CeremonyId,
        /// For the browser.
        options: Box<PublicKeyCredentialCreationOptions>,
    },
    /// A passkey was removed.
    Removed(manage::Removed),
    /// The session is elevated: what its client gets.
    Elevated(Box<Tokens>),
}

/// A passkey was added.
#[derive(Debug)]
pub struct Added {
    /// What its owner calls it.
    pub name: Option<String>,
    /// Where to go on to.
    pub return_to: Destination,
}

impl Auth {
    /// What there is to look after in the account of that session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn devices(&self, session: &LiveSession) -> Result<Devices, StoreError> {
        let account = session.account();
        let now = self.now();
        let mut sessions = self.store.sessions(account).await?;
        sessions.retain(|other| now < self.limits().end(other.created_at, other.last_seen_at));
        let hold = self.store.hold(account).await?;
        Ok(Devices {
            passkeys: self.store.passkeys(account).await?,
            sessions,
            events: self.store.events(account, EVENTS).await?,
            hold: hold.filter(|hold| hold.is_open(now)),
        })
    }

    /// Makes a challenge for one of the account's passkeys, to confirm one act.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], [`Refusal::LastPasskey`], [`Refusal::WrongEmail`]; a failure of the store.
    pub async fn begin_confirmation(
        &self,
        asked: Asked,
        return_to: Destination,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<Refusal>> {
        let SignedIn { session, account, .. } = &self.signed_in_or(session, Refusal::SignedOut).await?;
        let passkeys = self.store.passkeys(account.id).await?;
        let act = asked.act(&passkeys, &account.email).map_err(Failure::Refused)?;
        let ids = passkeys.into_iter().map(|passkey| passkey.key.id).collect();
        let (options, state) = self.relying_party.challenge_sign_in(Some(ids))?;
        let id = CeremonyId::of_challenge(options.challenge.as_ref());
        let plan = manage::begin_confirmation(act, id, state, session, return_to, visitor, self.now());
        self.carry_out(plan).await?;
        Ok((id, options))
    }

    /// The device answered a confirmation: verifies it and does what was confirmed. Refused or not, it is over.
    ///
    /// # Errors
    /// Any [`Refusal`] of an answer; a failure of the store.
    pub async fn finish_confirmation(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<Confirmed, Failure<Refusal>> {
        let ceremony = self.store.ceremony(ceremony).await?.ok_or(Failure::Refused(Refusal::Stale))?;
        let signed_in = self.signed_in_or(session, Refusal::SignedOut).await?;
        let confirming =
            manage::open_confirmation(ceremony, &signed_in.session, visitor, self.now()).map_err(Failure::Refused)?;
        let id = confirming.id;
        let done = self.confirm(confirming, answer, &signed_in, visitor).await;
        if let Err(Failure::Refused(refusal)) = done {
            tracing::info!(?refusal, "a confirmation was refused");
            self.give_up(id).await?;
        }
        done
    }

    async fn confirm(
        &self,
        confirming: Confirming,
        answer: PublicKeyCredential,
        signed_in: &SignedIn,
        visitor: &Visitor,
    ) -> Result<Confirmed, Failure<Refusal>> {
        let SignedIn { session, account, .. } = signed_in;
        let deed = Deed { account, visitor, fresh: self.fresh_deed(), now: self.now() };
        let claimed = claimed_credential(&answer).map_err(|unproved| refuse(&unproved))?;
        let passkey = self.store.passkey(&claimed).await?.ok_or(Failure::Refused(Refusal::NotProved))?;
        confirming.accepts(&passkey, answer.get_user_unique_id()).map_err(Failure::Refused)?;
        let used = self.verify_use(&confirming, answer, &passkey, deed).await?;
        let was_counter = passkey.key.counter;
        match confirming.act.clone() {
            Act::AddPasskey => {
                let (options, state) = self.challenge_another(account).await?;
                let id = CeremonyId::of_challenge(options.challenge.as_ref());
                let plan = confirming.begin_adding(was_counter, used, id, state, visitor, deed.now);
                self.carry_out(plan).await?;
                Ok(Confirmed::MayAdd { ceremony: id, options: Box::new(options) })
            }
            Act::Elevate => {
                let tokens = self.elevate(&confirming, was_counter, used, signed_in).await?;
                Ok(Confirmed::Elevated(Box::new(tokens)))
            }
            Act::RemovePasskey { credential, last } => {
                let target = self.store.passkey(&credential).await?;
                let target =
                    target.filter(|target| target.account == account.id).ok_or(Failure::Refused(Refusal::Unknown))?;
                let removed =
                    self.carry_out(confirming.remove(was_counter, used, &target, last, session, deed)).await?;
                tracing::info!(account = %account.id, "a passkey was removed");
                Ok(Confirmed::Removed(removed))
            }
        }
    }

    async fn elevate(
        &self,
        confirming: &Confirming,
        was_counter: u32,
        used: NewPasskey,
        signed_in: &SignedIn,
    ) -> Result<Tokens, Failure<Refusal>> {
        let SignedIn { session, account, .. } = signed_in;
        for _ in 0..RACES {
            let family = self.family_and_another(session.token).await?;
            let (family, another) = family.ok_or(Failure::Refused(Refusal::SignedOut))?;
            let now = self.now();
            let until = now.after(self.elevation);
            let plan = confirming.elevate(was_counter, used.clone(), family.elevated(until, another), now);
            match self.carry_out(plan).await {
                // Another tab refreshed its tokens meanwhile.
                Err(CommitError::Conflict(Conflict::TokensChanged)) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    tracing::info!(account = %account.id, "a session was elevated");
                    let tokens = self.tokens(account.clone(), session.clone(), another);
                    return Ok(Tokens { elevated_until: Some(until), ..tokens });
                }
            }
        }
        Err(WorldFailure::Busy.into())
    }

    async fn verify_use(
        &self,
        confirming: &Confirming,
        answer: PublicKeyCredential,
        passkey: &Passkey,
        deed: Deed<'_>,
    ) -> Result<NewPasskey, Failure<Refusal>> {
        let (state, stored) = (confirming.state.clone(), passkey.clone());
        let verified = self.verify(move |relying_party| relying_party.verify_sign_in(&answer, state, &stored)).await?;
        match verified {
            Ok(used) => Ok(used),
            Err(unproved) => {
                if matches!(unproved, Unproved::CounterWentBack) {
                    self.note_copy(deed, confirming.id, passkey.key.aaguid).await?;
                }
                Err(refuse(&unproved))
            }
        }
    }

    /// Makes a challenge for another passkey, in a session that was begun with one just now.
    ///
    /// # Errors
    /// [`Refusal::ConfirmNeeded`], [`Refusal::SignedOut`]; a failure of the store.
    pub async fn begin_adding(
        &self,
        return_to: Destination,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        let signed_in = self.signed_in_or(session, Refusal::SignedOut).await?;
        let may = MayAdd::on_pages(&signed_in.session, self.now()).map_err(Failure::Refused)?;
        self.begin_allowed(may, return_to, &signed_in, visitor).await
    }

    /// The same over the API, for a session that is elevated, or needs not be. It is, where its access token
    /// `says_elevated` and the store says so too.
    ///
    /// # Errors
    /// [`Refusal::ConfirmNeeded`], [`Refusal::SignedOut`]; a failure of the store.
    pub async fn begin_adding_over_api(
        &self,
        session: &LiveSession,
        says_elevated: bool,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        let signed_in = self.signed_in_or(session, Refusal::SignedOut).await?;
        let may = self.may_add_over_api(&signed_in, says_elevated).await?;
        self.begin_allowed(may, Destination::root(), &signed_in, visitor).await
    }

    async fn begin_allowed(
        &self,
        may: MayAdd,
        return_to: Destination,
        signed_in: &SignedIn,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        let SignedIn { session, account, .. } = signed_in;
        let (options, state) = self.challenge_another(account).await?;
        let id = CeremonyId::of_challenge(options.challenge.as_ref());
        self.carry_out(manage::begin_adding(may, id, state, session, return_to, visitor, self.now())).await?;
        Ok((id, options))
    }

    /// As [`Auth::finish_adding`] over the API, where leave is asked for again: challenges that were made while there was
    /// leave for one passkey must not make several.
    ///
    /// # Errors
    /// [`Refusal::ConfirmNeeded`], or as [`Auth::finish_adding`].
    pub async fn finish_adding_over_api(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        (session, says_elevated): (&LiveSession, bool),
        visitor: &Visitor,
    ) -> Result<Added, Failure<Refusal>> {
        let signed_in = self.signed_in_or(session, Refusal::SignedOut).await?;
        self.may_add_over_api(&signed_in, says_elevated).await?;
        self.finish_allowed(ceremony, answer, name, &signed_in, visitor).await
    }

    async fn may_add_over_api(&self, signed_in: &SignedIn, says_elevated: bool) -> Result<MayAdd, Failure<Refusal>> {
        let elevated = says_elevated && self.elevation(signed_in.session.token).await?.is_some();
        let passkeys = self.store.passkeys(signed_in.account.id).await?;
        MayAdd::over_api(&signed_in.session, &passkeys, elevated, self.now()).map_err(Failure::Refused)
    }

    /// The device made a passkey: verifies it and gives it to the account.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::BadPasskey`], [`Refusal::SignedOut`]; a failure of the store.
    pub async fn finish_adding(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<Added, Failure<Refusal>> {
        let signed_in = self.signed_in_or(session, Refusal::SignedOut).await?;
        self.finish_allowed(ceremony, answer, name, &signed_in, visitor).await
    }

    /// The session is the one that leave was asked for, as it was read then: read again, it may have made its one
    /// passkey meanwhile, and the commit would no longer ask that it has none.
    async fn finish_allowed(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        SignedIn { session, account, .. }: &SignedIn,
        visitor: &Visitor,
    ) -> Result<Added, Failure<Refusal>> {
        let ceremony = self.store.ceremony(ceremony).await?.ok_or(Failure::Refused(Refusal::Stale))?;
        let adding = manage::open_adding(ceremony, session, visitor, self.now()).map_err(Failure::Refused)?;
        let (id, state) = (adding.id, adding.state.clone());
        let verified = self.verify(move |relying_party| relying_party.verify_registration(&answer, &state)).await?;
        let key = match verified {
            Ok(key) => key,
            Err(unproved) => {
                tracing::info!(reason = %unproved, "a new passkey was refused");
                self.give_up(id).await?;
                return Err(Failure::Refused(Refusal::BadPasskey));
            }
        };
        let deed = Deed { account, visitor, fresh: self.fresh_deed(), now: self.now() };
        let name = name.and_then(manage::name);
        let plan = manage::add(adding, key, name.clone(), deed);
        match self.carry_out(plan).await {
            Ok(return_to) => {
                tracing::info!(account = %account.id, "a passkey was added");
                Ok(Added { name, return_to })
            }
            Err(CommitError::Conflict(conflict)) => {
                self.give_up(id).await?;
                Err(Failure::Refused(conflict.into()))
            }
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Gives a passkey of the account the name that was typed, or none where nothing was.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], [`Refusal::SignedOut`]; a failure of the store.
    pub async fn rename_passkey(
        &self,
        credential: CredentialId,
        typed: &str,
        session: &LiveSession,
    ) -> Result<(), Failure<Refusal>> {
        let signed_in = self.signed_in_or(session, Refusal::SignedOut).await?;
        let plan = manage::rename(credential, manage::name(typed), &signed_in.session);
        Ok(self.carry_out(plan).await?)
    }

    /// Ends the session called `id`, where it is the account's.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], [`Refusal::SignedOut`]; a failure of the store.
    pub async fn end_own_session(&self, id: SessionId, session: &LiveSession) -> Result<Ended, Failure<Refusal>> {
        let SignedIn { session, .. } = &self.signed_in_or(session, Refusal::SignedOut).await?;
        let theirs = self.store.sessions(session.account).await?;
        let plan = manage::end_session(id, session, &theirs).map_err(Failure::Refused)?;
        Ok(self.carry_out(plan).await?)
    }

    /// Ends every other session of the account.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`]; a failure of the store.
    pub async fn sign_out_everywhere(&self, session: &LiveSession, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let SignedIn { session, account, .. } = &self.signed_in_or(session, Refusal::SignedOut).await?;
        let deed = Deed { account, visitor, fresh: self.fresh_deed(), now: self.now() };
        self.carry_out(manage::sign_out_everywhere(session, deed)).await?;
        tracing::info!(account = %account.id, "signed out everywhere else");
        Ok(())
    }

    /// Cancels the account's held recovery.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] where there is none, [`Refusal::SignedOut`]; a failure of the store.
    pub async fn cancel_held_recovery(&self, session: &LiveSession, visitor: &Visitor) -> Result<(), Failure<Refusal>> {
        let SignedIn { session, account, .. } = &self.signed_in_or(session, Refusal::SignedOut).await?;
        let hold = self.store.hold(account.id).await?;
        let deed = Deed { account, visitor, fresh: self.fresh_deed(), now: self.now() };
        let plan = manage::cancel_hold(hold, session, deed).map_err(Failure::Refused)?;
        self.carry_out(plan).await?;
        tracing::info!(account = %account.id, "a held recovery was cancelled");
        Ok(())
    }

    /// A challenge for a passkey beside those the account has, which browsers are told not to make again.
    async fn challenge_another(
        &self,
        account: &Account,
    ) -> Result<(PublicKeyCredentialCreationOptions, PasskeyRegistration), Failure<Refusal>> {
        let passkeys = self.store.passkeys(account.id).await?;
        let (mut options, state) = self.relying_party.challenge_registration(account.id, &account.email, &passkeys)?;
        if let Some(name) = &account.name {
            options.user.display_name.clone_from(name);
        }
        Ok((options, state))
    }

    /// Tells an account of an answer whose counter went back; the ceremony is used up in any case.
    pub(super) async fn note_copy(&self, deed: Deed<'_>, ceremony: CeremonyId, aaguid: Uuid) -> Result<(), StoreError> {
        let told = self.keys.counter(&[b"copied", deed.account.id.0.as_bytes()]);
        match self.carry_out(deed.copied(ceremony, aaguid, told)).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict(_)) => self.give_up(ceremony).await,
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// A refused answer has used its ceremony up.
    /// A ceremony is used up though nothing came of it.
    pub(super) async fn give_up(&self, ceremony: CeremonyId) -> Result<(), StoreError> {
        match self.carry_out(sign_in::give_up(ceremony)).await {
            // Spent by another answer meanwhile: that is what was wanted.
            Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    pub(super) fn fresh_deed(&self) -> Fresh {
        Fresh { event: self.random_uuid(), letter: self.fresh_letter() }
    }
}

fn refuse(unproved: &Unproved) -> Failure<Refusal> {
    tracing::info!(reason = %unproved, "a passkey's answer was not accepted");
    Failure::Refused(match unproved {
        Unproved::CounterWentBack => Refusal::CounterWentBack,
        Unproved::Webauthn(_) | Unproved::Malformed(_) => Refusal::NotProved,
    })
}
