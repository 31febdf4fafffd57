//! Drives the steps of [`crate::domain::manage`].

use std::sync::Arc;
use std::time::Duration;

use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions};

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::moving::MoveFlow;
use super::sessions::{LiveSession, Sessions};
use super::tokens::{SessionTokens, TokensFlow};
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::assertion::{AssertionChallenge, Proof};
use crate::domain::attestation::AttestationChallenge;
use crate::domain::ceremony::{Act, Ceremony, CeremonyId, Leave, Makes};
use crate::domain::clock::Timestamp;
use crate::domain::destination::Destination;
use crate::domain::family::Family;
use crate::domain::language::Language;
use crate::domain::manage::{self, Adding, EndedSession, ManageRefusal, MayAdd, OpenedConfirmation, RequestedAct};
use crate::domain::moment::Moment;
use crate::domain::moving;
use crate::domain::passkey::{CredentialId, Naming, Passkey};
use crate::domain::plan::{Conflict, PasskeyConflict, Plan, SessionConflict};
use crate::domain::profile::Locale;
use crate::domain::recovery::Hold;
use crate::domain::session::{SessionId, SignedIn};
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

/// How many events "My devices" shows.
const EVENTS: usize = 20;
/// How many events are handed out with everything else, the newest of them: more than a person causes while they are
/// kept.
const ALL_EVENTS: usize = 10_000;

/// Everything that "My devices" shows of an account.
#[derive(Debug)]
pub struct AccountDevices {
    /// Its passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
    /// Its signed-in browsers, newest first.
    pub sessions: Vec<Family>,
    /// What happened lately, newest first.
    pub events: Vec<Event>,
    /// The recovery that is held, if there is one.
    pub hold: Option<Hold>,
}

/// What is kept of an account, as its owner may have it.
#[derive(Debug)]
pub struct Kept {
    /// The account itself.
    pub account: Account,
    /// The rest of it.
    pub devices: AccountDevices,
    /// Its change of address, unless it is over.
    pub moving: Option<Move>,
    /// When it was read.
    pub at: Timestamp,
}

/// What a confirmation came to.
#[derive(Debug)]
pub enum Confirmed {
    /// A passkey may be added: the challenge to make it.
    MayAdd {
        /// The ceremony that the answer belongs to.
        ceremony: CeremonyId,
        /// What the browser is asked to make a passkey with.
        options: Box<PublicKeyCredentialCreationOptions>,
    },
    /// A passkey was removed.
    Removed(manage::Removed),
    /// The held recovery was stopped.
    Stopped,
    /// "Keep your account safe" was answered: where to go on to.
    Reviewed(Destination),
    /// What is kept of the account is handed out.
    Kept(Box<Kept>),
    /// A code is on its way to the new address.
    CodeSent,
    /// The account was deleted.
    Deleted,
    /// The session is elevated: what its client gets.
    Elevated(Box<SessionTokens>),
}

/// A passkey was added.
#[derive(Debug)]
pub struct AddedPasskey {
    /// What its owner calls it.
    pub name: Option<String>,
    /// Where to go on to.
    pub return_to: Destination,
}

/// Leave to add a passkey; and over the API, where it is asked for again, whether the access token said that its
/// session is elevated.
type LeaveToAdd = (MayAdd, Option<bool>);

/// What "My devices" and "My account" do, for a signed-in person.
#[derive(Clone, Debug)]
pub struct ManageFlow {
    core: Arc<Core>,
    sessions: Sessions,
    tokens: TokensFlow,
    moving: MoveFlow,
    elevation: Duration,
}

impl ManageFlow {
    pub(super) fn new(
        core: Arc<Core>,
        sessions: Sessions,
        tokens: TokensFlow,
        moving: MoveFlow,
        elevation: Duration,
    ) -> Self {
        Self { core, sessions, tokens, moving, elevation }
    }

    /// What there is to look after in the account of that session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn devices(&self, session: &LiveSession) -> Result<AccountDevices, StoreError> {
        self.devices_of(session.account(), EVENTS).await
    }

    async fn devices_of(&self, account: AccountId, events: usize) -> Result<AccountDevices, StoreError> {
        let core = &self.core;
        Ok(AccountDevices {
            passkeys: core.records.passkeys(account).await?,
            sessions: self.sessions.of_account(account).await?,
            events: core.records.events(account, events).await?,
            hold: core.open_hold(account).await?,
        })
    }

    /// Makes a challenge for one of the account's passkeys, to confirm one act.
    ///
    /// # Errors
    /// Any [`ManageRefusal`] of what is asked; a failure of the store.
    pub async fn begin_confirmation(
        &self,
        asked: RequestedAct,
        return_to: Destination,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<ManageRefusal>> {
        let SignedIn { session, account, .. } = &self.signed_in(session).await?;
        let passkeys = self.core.records.passkeys(account.id).await?;
        let act = asked.act(&passkeys, &account.email).map_err(Failure::Refused)?;
        self.is_possible(&act, account).await?;
        let ids = passkeys.into_iter().map(|passkey| passkey.key.id).collect();
        let (proves, moment) = (act.proved_in(session), self.core.moment(visitor));
        let (ceremony, options) = self.core.question(proves, Some(ids), return_to, moment)?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony)).await?;
        Ok((id, options))
    }

    /// Whether an act can be done now, apart from what the account's passkeys say. Its owner is not asked to confirm
    /// what is refused afterwards.
    async fn is_possible(&self, act: &Act, account: &Account) -> Result<(), Failure<ManageRefusal>> {
        match act {
            Act::ChangeAddress(to) => self.moving.check_may_ask(account, to).await.map(drop),
            Act::DeleteAccount => {
                let last = self.core.records.moving(account.id).await?;
                moving::is_settled(last.as_ref(), self.core.now()).map_err(|not_now| Failure::Refused(not_now.into()))
            }
            Act::AddPasskey
            | Act::RemovePasskey { .. }
            | Act::AnswerReview { .. }
            | Act::StopRecovery
            | Act::Elevate
            | Act::Download => Ok(()),
        }
    }

    async fn signed_in(&self, session: &LiveSession) -> Result<SignedIn, Failure<ManageRefusal>> {
        self.sessions.signed_in_or(session, ManageRefusal::SignedOut).await
    }

    /// The device answered a confirmation: verifies it and does what was confirmed. Refused or not, it is over.
    ///
    /// # Errors
    /// Any [`ManageRefusal`] of an answer; a failure of the store.
    pub async fn finish_confirmation(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<Confirmed, Failure<ManageRefusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let signed_in = self.signed_in(session).await?;
        let moment = self.core.moment(visitor);
        let question = manage::open_confirmation(ceremony, &signed_in.session, moment).map_err(Failure::Refused)?;
        let id = question.id();
        let done = self.confirm(question, answer, &signed_in, visitor).await;
        self.core.over(id, "confirmation", done).await
    }

    async fn confirm(
        &self,
        question: AssertionChallenge<OpenedConfirmation>,
        answer: PublicKeyCredential,
        signed_in: &SignedIn,
        visitor: &Visitor,
    ) -> Result<Confirmed, Failure<ManageRefusal>> {
        let SignedIn { session, account, .. } = signed_in;
        let (proof, _) = self.core.prove(question, answer, None, visitor).await?;
        let moment = self.core.moment(visitor);
        match proof.asked_for().act.clone() {
            Act::AddPasskey => {
                let return_to = proof.asked_for().return_to().clone();
                let (ceremony, options) = self.challenge_another(signed_in, return_to, moment).await?;
                let id = ceremony.id;
                self.core.carry_out(proof.begin_adding(ceremony, moment.now)).await?;
                Ok(Confirmed::MayAdd { ceremony: id, options: Box::new(options) })
            }
            Act::AnswerReview { .. } => {
                let made = account.aftermath.made();
                let mut older = self.core.records.passkeys(account.id).await?;
                older.retain(|passkey| Some(&passkey.key.id) != made);
                let plan = proof.answer_review(account, &older, session, moment).map_err(Failure::Refused)?;
                let return_to = self.core.carry_out(plan).await?;
                tracing::info!(account = %account.id, "the review after a recovery was answered");
                Ok(Confirmed::Reviewed(return_to))
            }
            Act::StopRecovery => {
                let hold = self.core.records.hold(account.id).await?;
                let plan = proof.stop_recovery(hold, account, moment).map_err(Failure::Refused)?;
                self.core.carry_out(plan).await?;
                tracing::info!(account = %account.id, "a held recovery was cancelled");
                Ok(Confirmed::Stopped)
            }
            Act::Download => {
                self.core.carry_out(proof.download(moment.now)).await?;
                let devices = self.devices_of(account.id, ALL_EVENTS).await?;
                tracing::info!(account = %account.id, "what is kept of an account was downloaded");
                let moving = self.core.open_move(account.id).await?;
                Ok(Confirmed::Kept(Box::new(Kept { account: account.clone(), devices, moving, at: moment.now })))
            }
            Act::ChangeAddress(to) => {
                self.moving.ask(&proof, to, signed_in, visitor).await?;
                Ok(Confirmed::CodeSent)
            }
            Act::DeleteAccount => {
                let last = self.core.records.moving(account.id).await?;
                let plan = proof.delete_account(account, last.as_ref(), moment).map_err(Failure::Refused)?;
                self.core.carry_out(plan).await?;
                tracing::info!(account = %account.id, "an account was deleted by its owner");
                Ok(Confirmed::Deleted)
            }
            Act::Elevate => {
                let tokens = self.elevate(&proof, signed_in).await?;
                Ok(Confirmed::Elevated(Box::new(tokens)))
            }
            Act::RemovePasskey { credential, last } => {
                let target = self.core.records.passkey(&credential).await?;
                let target = target
                    .filter(|target| target.account == account.id)
                    .ok_or(Failure::Refused(ManageRefusal::Unknown))?;
                let plan = proof.remove(&target, last, session, account, moment);
                let removed = self.core.carry_out(plan).await?;
                tracing::info!(account = %account.id, "a passkey was removed");
                Ok(Confirmed::Removed(removed))
            }
        }
    }

    async fn elevate(
        &self,
        proof: &Proof<OpenedConfirmation>,
        signed_in: &SignedIn,
    ) -> Result<SessionTokens, Failure<ManageRefusal>> {
        let SignedIn { session, account, .. } = signed_in;
        for _ in 0..RACES {
            let family = self.tokens.family_and_another(session.token).await?;
            let (family, another) = family.ok_or(Failure::Refused(ManageRefusal::SignedOut))?;
            let now = self.core.now();
            let until = now.after(self.elevation);
            match self.core.carry_out(proof.elevate(family.elevated(now, until, another), now)).await {
                // Another tab refreshed its tokens meanwhile.
                Err(CommitError::Conflict(Conflict::TokensChanged)) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    tracing::info!(account = %account.id, "a session was elevated");
                    let tokens = self.tokens.of(account.clone(), session.clone(), another);
                    return Ok(SessionTokens { elevated_until: Some(until), ..tokens });
                }
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// Makes a challenge for another passkey over the API, in a session that is elevated, or needs not be. It is, where
    /// its access token `says_elevated` and the store says so too.
    ///
    /// # Errors
    /// [`ManageRefusal::ConfirmNeeded`], [`ManageRefusal::SignedOut`]; a failure of the store.
    pub async fn begin_adding_over_api(
        &self,
        session: &LiveSession,
        says_elevated: bool,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<ManageRefusal>> {
        let signed_in = self.signed_in(session).await?;
        let may = self.may_add_over_api(&signed_in, says_elevated).await?;
        let (return_to, moment) = (Destination::root(), self.core.moment(visitor));
        let (ceremony, options) = self.challenge_another(&signed_in, return_to, moment).await?;
        let id = ceremony.id;
        self.core.carry_out(manage::begin_adding(&may, ceremony, &signed_in.session)).await?;
        Ok((id, options))
    }

    /// A challenge for a passkey beside those the account has, in this session. There must be room for it, unless it is
    /// a recovery's.
    async fn challenge_another(
        &self,
        SignedIn { session, account, .. }: &SignedIn,
        return_to: Destination,
        moment: Moment<'_>,
    ) -> Result<(Ceremony, PublicKeyCredentialCreationOptions), Failure<ManageRefusal>> {
        // In a recovery a device may replace what it has.
        let passkeys = match session.credential {
            Some(_) => {
                let passkeys = self.core.records.passkeys(account.id).await?;
                manage::room_among(&passkeys).map_err(Failure::Refused)?;
                passkeys
            }
            None => Vec::new(),
        };
        let makes = Makes::Another(Leave::Session(session.token));
        Ok(self.core.challenge(Owner::of(account, &passkeys), makes, return_to, moment)?)
    }

    /// The device made a passkey: verifies it and gives it to the account. Refused or not, the ceremony is over.
    ///
    /// # Errors
    /// [`ManageRefusal::Stale`], [`ManageRefusal::BadPasskey`], [`ManageRefusal::SignedOut`]; a failure of the store.
    pub async fn finish_adding(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<AddedPasskey, Failure<ManageRefusal>> {
        let signed_in = self.signed_in(session).await?;
        let leave = (MayAdd::was_confirmed(), None);
        self.finish_allowed(ceremony, answer, name, (leave, signed_in), (session, visitor)).await
    }

    /// The same over the API, where leave is asked for again: challenges that were made while there was leave for one
    /// passkey must not make several.
    ///
    /// # Errors
    /// [`ManageRefusal::ConfirmNeeded`], or as [`ManageFlow::finish_adding`].
    pub async fn finish_adding_over_api(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        (session, says_elevated): (&LiveSession, bool),
        visitor: &Visitor,
    ) -> Result<AddedPasskey, Failure<ManageRefusal>> {
        let signed_in = self.signed_in(session).await?;
        let leave = (self.may_add_over_api(&signed_in, says_elevated).await?, Some(says_elevated));
        self.finish_allowed(ceremony, answer, name, (leave, signed_in), (session, visitor)).await
    }

    async fn may_add_over_api(
        &self,
        signed_in: &SignedIn,
        says_elevated: bool,
    ) -> Result<MayAdd, Failure<ManageRefusal>> {
        let SignedIn { session, account, .. } = signed_in;
        let family = if says_elevated { self.core.records.tokens(session.token).await? } else { None };
        let passkeys = self.core.records.passkeys(account.id).await?;
        MayAdd::over_api(session, &passkeys, family.as_ref(), self.core.now()).map_err(Failure::Refused)
    }

    async fn finish_allowed(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        (leave, signed_in): (LeaveToAdd, SignedIn),
        (live, visitor): (&LiveSession, &Visitor),
    ) -> Result<AddedPasskey, Failure<ManageRefusal>> {
        let ceremony = self.core.ceremony(ceremony).await?;
        let moment = self.core.moment(visitor);
        let making = manage::open_adding(ceremony, &signed_in.session, moment).map_err(Failure::Refused)?;
        let id = making.id();
        let name = name.and_then(manage::name);
        let added = self.keep_passkey(making, answer, name, (leave, signed_in), (live, visitor)).await;
        self.core.over(id, "another passkey", added).await
    }

    async fn keep_passkey(
        &self,
        making: AttestationChallenge<Adding>,
        answer: RegisterPublicKeyCredential,
        name: Option<String>,
        ((mut may, says_elevated), mut signed_in): (LeaveToAdd, SignedIn),
        (live, visitor): (&LiveSession, &Visitor),
    ) -> Result<AddedPasskey, Failure<ManageRefusal>> {
        let made = self.core.make(making, answer).await?;
        let others = self.core.records.passkeys(signed_in.account.id).await?;
        for _ in 0..RACES {
            let naming = Naming { chosen: name.clone(), others: &others };
            let plan = manage::add(&made, &may, naming, &signed_in, self.core.moment(visitor));
            match (self.core.carry_out(plan).await, says_elevated) {
                (Ok(return_to), _) => {
                    tracing::info!(account = %signed_in.account.id, "a passkey was added");
                    return Ok(AddedPasskey { name, return_to });
                }
                // What there was leave for is not so any more, or its tokens have gone on: there may be leave still.
                (
                    Err(CommitError::Conflict(
                        Conflict::TokensChanged
                        | Conflict::Session(SessionConflict::Tied)
                        | Conflict::Passkey(PasskeyConflict::NotNone),
                    )),
                    Some(says_elevated),
                ) => {
                    signed_in = self.signed_in(live).await?;
                    may = self.may_add_over_api(&signed_in, says_elevated).await?;
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// Gives a passkey of the account the name that was typed, or none where nothing was.
    ///
    /// # Errors
    /// [`ManageRefusal::Unknown`], [`ManageRefusal::SignedOut`]; a failure of the store.
    pub async fn rename_passkey(
        &self,
        credential: CredentialId,
        typed: &str,
        session: &LiveSession,
    ) -> Result<(), Failure<ManageRefusal>> {
        let signed_in = self.signed_in(session).await?;
        let plan = manage::rename(credential, manage::name(typed), &signed_in.session);
        Ok(self.core.carry_out(plan).await?)
    }

    /// Calls the signed-in person by the name that was typed, or by none, and writes to them in that language. Hands
    /// over the one that it was until now.
    ///
    /// # Errors
    /// [`ManageRefusal::SignedOut`]; a failure of the store.
    pub async fn describe(
        &self,
        typed: &str,
        language: Option<Language>,
        session: &LiveSession,
    ) -> Result<Option<Language>, Failure<ManageRefusal>> {
        let signed_in = self.signed_in(session).await?;
        self.core.carry_out(manage::describe(manage::name(typed), language, &signed_in)).await?;
        Ok(signed_in.account.locale.as_ref().and_then(Locale::language))
    }

    /// Ends the session called `id`, where it is the account's.
    ///
    /// # Errors
    /// [`ManageRefusal::Unknown`], [`ManageRefusal::SignedOut`]; a failure of the store.
    pub async fn end_own_session(
        &self,
        id: SessionId,
        session: &LiveSession,
    ) -> Result<EndedSession, Failure<ManageRefusal>> {
        let SignedIn { session, .. } = &self.signed_in(session).await?;
        let theirs = self.core.records.sessions(session.account).await?;
        let plan = manage::end_session(id, session, &theirs).map_err(Failure::Refused)?;
        Ok(self.core.carry_out(plan).await?)
    }

    /// Ends every other session of the account.
    ///
    /// # Errors
    /// [`ManageRefusal::SignedOut`]; a failure of the store.
    pub async fn sign_out_everywhere(
        &self,
        session: &LiveSession,
        visitor: &Visitor,
    ) -> Result<(), Failure<ManageRefusal>> {
        let SignedIn { session, account, .. } = &self.signed_in(session).await?;
        self.core.carry_out(manage::sign_out_everywhere(session, self.core.moment(visitor))).await?;
        tracing::info!(account = %account.id, "signed out everywhere else");
        Ok(())
    }
}
