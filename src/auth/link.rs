//! Drives the steps of [`crate::domain::link`].

pub(super) mod watch;

use std::time::Duration;

use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions};

use super::passkeys::{Unproved, claimed_credential};
use super::sessions::LiveSession;
use super::{Auth, Failure, SignedInBrowser, WorldFailure};
use crate::domain::account::Account;
use crate::domain::ceremony::{CeremonyId, Subject};
use crate::domain::destination::Destination;
use crate::domain::link::code::{self, Brought, ScanCode, ShortCode};
use crate::domain::link::id::LinkId;
use crate::domain::link::seen::{Role, Seen};
use crate::domain::link::steps::{self, Counters, Finished, Fresh, Making, Proof, SignedInAs};
use crate::domain::link::{FreshLink, Link, Offer, Refusal};
use crate::domain::manage::Deed;
use crate::domain::plan::{Conflict, PasskeyConflict, SessionConflict};
use crate::domain::sign_in;
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

pub use crate::domain::link::Policy;
pub use watch::Watcher;

/// How often what lost a race is tried again.
const TRIES: usize = 8;

/// A link that was just made, with the codes that only its page gets to know.
#[derive(Debug)]
pub struct ShownLink {
    /// The link.
    pub link: Link,
    /// The code in the picture.
    pub scan_code: ScanCode,
    /// The code to be typed.
    pub short_code: ShortCode,
    /// How long it lives.
    pub left: Duration,
}

/// What a browser of a link is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// The link as it sees it.
    pub seen: Seen,
    /// The address of the account that the approving browser is signed in to.
    pub account: Option<String>,
}

impl LinkState {
    /// Whether both say the same, but for how much time is left.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let at_the_end =
            |state: &Self| Self { seen: Seen { left: Duration::ZERO, ..state.seen.clone() }, ..state.clone() };
        at_the_end(self) == at_the_end(other)
    }
}

impl Auth {
    /// Whether, and between whom, a second device may be signed in from the first.
    pub fn linking(&self) -> Policy {
        self.linking
    }

    fn link_policy<R: From<Refusal>>(&self) -> Result<Policy, Failure<R>> {
        match self.linking {
            Policy::Off => Err(Failure::Refused(Refusal::Off.into())),
            policy @ (Policy::On | Policy::SameNetwork) => Ok(policy),
        }
    }

    /// A new device asks to be let in.
    ///
    /// # Errors
    /// [`Refusal::Off`]; a failure of the store.
    pub async fn ask_for_link(&self, return_to: Destination, visitor: &Visitor) -> Result<ShownLink, Failure<Refusal>> {
        self.link_policy()?;
        self.show(|fresh| Link::ask(fresh, visitor, return_to.clone(), self.now())).await
    }

    /// A signed-in browser offers to let a new device in.
    ///
    /// # Errors
    /// [`Refusal::Off`], [`Refusal::NotSignedIn`]; a failure of the store.
    pub async fn offer_link(&self, visitor: &Visitor) -> Result<ShownLink, Failure<Refusal>> {
        self.link_policy()?;
        let (account, session) = self.signed_in_as(visitor).await?.ok_or(Failure::Refused(Refusal::NotSignedIn))?;
        self.show(|fresh| Link::offer(fresh, visitor, Offer { account, session }, self.now())).await
    }

    async fn show(&self, make: impl Fn(FreshLink) -> Link) -> Result<ShownLink, Failure<Refusal>> {
        for _ in 0..TRIES {
            let entropy = self.entropy();
            let (scan_code, short_code) = (ScanCode::generate(entropy), ShortCode::generate(entropy));
            let link = make(FreshLink {
                id: LinkId(self.random_uuid()),
                scan_code: scan_code.digest(&self.keys.links),
                short_code: short_code.digest(&self.keys.links),
                number: code::number(entropy),
            });
            match self.carry_out(steps::show(link)).await {
                Ok(link) => {
                    let left = link.expires_at.since(self.now());
                    return Ok(ShownLink { link, scan_code, short_code, left });
                }
                // A code that is out already: once in 2^40 for each link that is open.
                Err(CommitError::Conflict(Conflict::LinkChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Busy.into())
    }

    /// A code was scanned or typed: this browser becomes the other side of its link, and once signed in by it goes on to
    /// `return_to`. Typed codes are counted first.
    ///
    /// # Errors
    /// [`Refusal::Off`], [`Refusal::NoLink`], [`Refusal::TooMany`], [`Refusal::OtherNetwork`]; a failure of the store.
    pub async fn find_link(
        &self,
        text: &str,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<LinkState, Failure<Refusal>> {
        let policy = self.link_policy()?;
        let brought = Brought::parse(text).ok_or(Failure::Refused(Refusal::NoLink))?;
        if let Brought::Short(_) = brought {
            let counters = Counters {
                network: self.keys.counter(&[b"link codes from", &visitor.network()]),
                all: self.keys.counter(&[b"link codes"]),
            };
            self.carry_out(steps::count_code(counters, self.now())).await?;
        }
        let link = self.store.link_by_code(brought.digest(&self.keys.links)).await?;
        let link = link.ok_or(Failure::Refused(Refusal::NoLink))?;
        if !self.stands(&link).await? {
            return Err(Failure::Refused(Refusal::NoLink));
        }
        let id = link.id;
        let plan = steps::find(link, visitor, return_to, policy, self.now()).map_err(Failure::Refused)?;
        if !plan.changes.is_empty() {
            self.carry_out(plan).await?;
        }
        self.link_state(id, visitor).await
    }

    /// What this browser sees of a link.
    ///
    /// # Errors
    /// [`Refusal::Off`]; [`Refusal::NoLink`] for any browser but its two, and once it is finished; a failure of the store.
    pub async fn link_state(&self, id: LinkId, visitor: &Visitor) -> Result<LinkState, Failure<Refusal>> {
        self.link_policy()?;
        let link = self.load_link(id).await?;
        self.state_of(&link, visitor).await
    }

    async fn state_of(&self, link: &Link, visitor: &Visitor) -> Result<LinkState, Failure<Refusal>> {
        let stands = self.stands(link).await?;
        let seen = link.seen_by(visitor, stands, self.now()).ok_or(Failure::Refused(Refusal::NoLink))?;
        let account = match seen.role {
            Role::Waiting => None,
            Role::Approving => self.session_of(visitor).await?.map(|live| email_of(&live)),
        };
        Ok(LinkState { seen, account })
    }

    /// Waits for changes of a link, for a browser that sees it.
    ///
    /// # Errors
    /// As [`Auth::link_state`]; [`Refusal::TooMany`] where too many pages wait.
    pub async fn watch_link(&self, id: LinkId, visitor: &Visitor) -> Result<Watcher, Failure<Refusal>> {
        self.link_state(id, visitor).await?;
        self.links.watch(id).ok_or(Failure::Refused(Refusal::TooMany))
    }

    /// The number was typed. Where it is right, a challenge for this link alone: for the passkeys of the account that is
    /// signed in, or for any passkey.
    ///
    /// # Errors
    /// Any [`Refusal`] of an approving browser; a failure of the store.
    pub async fn type_number(
        &self,
        id: LinkId,
        typed: u8,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialRequestOptions), Failure<Refusal>> {
        let policy = self.link_policy()?;
        let right = self.count_number(id, typed, visitor, policy).await?;
        let (subject, allowed) = match self.signed_in_as(visitor).await? {
            Some((account, _)) => {
                let passkeys = self.store.passkeys(account).await?;
                (Subject::Account(account), Some(passkeys.into_iter().map(|passkey| passkey.key.id).collect()))
            }
            None => (Subject::Anyone, None),
        };
        let (options, state) = self.relying_party.challenge_sign_in(allowed)?;
        let ceremony = CeremonyId(self.random_uuid());
        self.carry_out(steps::challenge(right, subject, ceremony, state, visitor, self.now())).await?;
        Ok((ceremony, options))
    }

    async fn count_number(
        &self,
        id: LinkId,
        typed: u8,
        visitor: &Visitor,
        policy: Policy,
    ) -> Result<steps::RightNumber, Failure<Refusal>> {
        for _ in 0..TRIES {
            let link = self.load_standing_link(id, visitor).await?;
            let plan = steps::try_number(link, visitor, policy, typed, self.now()).map_err(Failure::Refused)?;
            match self.carry_out(plan).await {
                Ok(tried) => return tried.map_err(Failure::Refused),
                // Another number was counted meanwhile: this one has not been looked at.
                Err(CommitError::Conflict(Conflict::LinkChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Busy.into())
    }

    /// The device answered for the link: verifies it and approves. Refused or not, the ceremony is over.
    ///
    /// # Errors
    /// Any [`Refusal`] of an approving browser; a failure of the store.
    pub async fn approve_link(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<LinkState, Failure<Refusal>> {
        let policy = self.link_policy()?;
        let ceremony = self.store.ceremony(ceremony).await?.ok_or(Failure::Refused(Refusal::Stale))?;
        let proof = steps::open_proof(ceremony, visitor, self.now()).map_err(Failure::Refused)?;
        let id = proof.id;
        let approved = self.prove(proof, answer, visitor, policy).await;
        self.give_up_where_refused(id, approved).await
    }

    async fn prove(
        &self,
        proof: Proof,
        answer: PublicKeyCredential,
        visitor: &Visitor,
        policy: Policy,
    ) -> Result<LinkState, Failure<Refusal>> {
        let id = proof.link;
        let claimed = claimed_credential(&answer).map_err(|unproved| refuse(&unproved))?;
        let (named, handle) = (self.store.passkey(&claimed).await?, answer.get_user_unique_id().map(<[u8]>::to_vec));
        let verified = self.verify_assertion(answer, proof.state.clone(), named.clone()).await?;
        let Some(passkey) = named else {
            // A made-up id is refused as if it were somebody's, and the key of a registration that waits for its code is
            // not one to be forgotten.
            let fake = self.relying_party.is_fake(&claimed);
            let pending = self.registration(visitor).await?;
            let is_pending = pending.is_some_and(|registration| registration.passkey.id == claimed)
                || self.waits_over_api(&claimed, visitor).await?;
            return Err(Failure::Refused(if fake || is_pending {
                Refusal::NotProved
            } else {
                Refusal::UnknownPasskey
            }));
        };
        proof.accepts(&passkey, handle.as_deref()).map_err(Failure::Refused)?;
        let account = self.store.account(passkey.account).await?.ok_or(Failure::Refused(Refusal::NotProved))?;
        let used = match verified {
            Ok(used) => used,
            Err(unproved) => {
                if matches!(unproved, Unproved::CounterWentBack) {
                    let deed = Deed { account: &account, visitor, fresh: self.fresh_deed(), now: self.now() };
                    self.note_copy(deed, proof.id, passkey.key.aaguid).await?;
                }
                return Err(refuse(&unproved));
            }
        };
        // Read last, as whatever happened meanwhile has the word.
        let signed_in = self.signed_in_as(visitor).await?;
        let link = self.load_standing_link(id, visitor).await?;
        let plan = steps::approve(
            proof,
            link,
            &passkey,
            used,
            &account,
            signed_in,
            self.random_uuid(),
            visitor,
            policy,
            self.now(),
        );
        match self.carry_out(plan.map_err(Failure::Refused)?).await {
            Ok(link) => {
                tracing::info!(account = %account.id, "a link was approved");
                self.state_of(&link, visitor).await
            }
            Err(CommitError::Conflict(Conflict::LinkChanged)) => Err(self.why_changed(id).await?),
            // Used somewhere else at the same time, or removed.
            Err(CommitError::Conflict(Conflict::Passkey(PasskeyConflict::Changed))) => {
                Err(Failure::Refused(Refusal::NotProved))
            }
            Err(CommitError::Conflict(Conflict::Session(SessionConflict::Ended))) => {
                Err(Failure::Refused(Refusal::NotSignedIn))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// One of the two browsers turns the link down.
    ///
    /// # Errors
    /// [`Refusal::Off`], [`Refusal::NoLink`]; a failure of the store.
    pub async fn deny_link(&self, id: LinkId, visitor: &Visitor) -> Result<LinkState, Failure<Refusal>> {
        self.link_policy()?;
        let signed_in = self.signed_in_as(visitor).await?;
        for _ in 0..TRIES {
            let link = self.load_link(id).await?;
            let plan =
                steps::deny(link, signed_in, self.random_uuid(), visitor, self.now()).map_err(Failure::Refused)?;
            if plan.changes.is_empty() {
                return self.state_of(&plan.then, visitor).await;
            }
            match self.carry_out(plan).await {
                Ok(link) => {
                    tracing::info!("a link was turned down");
                    return self.state_of(&link, visitor).await;
                }
                // A no outlasts whatever else happens, but for the end.
                Err(CommitError::Conflict(Conflict::LinkChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Busy.into())
    }

    /// The link is approved: a challenge for the waiting browser to make its passkey.
    ///
    /// # Errors
    /// Any [`Refusal`] of a waiting browser; a failure of the store.
    pub async fn begin_linked_passkey(
        &self,
        id: LinkId,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<Refusal>> {
        let policy = self.link_policy()?;
        let link = self.load_standing_link(id, visitor).await?;
        let account = self.approved_account(&link, visitor, policy).await?;
        let passkeys = self.store.passkeys(account.id).await?;
        let (options, state) = self.relying_party.challenge_registration(account.id, &account.email, &passkeys)?;
        let ceremony = CeremonyId(self.random_uuid());
        let plan = steps::begin_passkey(&link, &account, ceremony, state, visitor, policy, self.now());
        self.carry_out(plan.map_err(Failure::Refused)?).await?;
        Ok((ceremony, options))
    }

    /// The new device made its passkey: verifies it, keeps it, and begins a session. Refused or not, the ceremony is over.
    ///
    /// # Errors
    /// Any [`Refusal`] of a waiting browser; a failure of the store.
    pub async fn finish_link(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<Refusal>> {
        let policy = self.link_policy()?;
        let ceremony = self.store.ceremony(ceremony).await?.ok_or(Failure::Refused(Refusal::Stale))?;
        let making = steps::open_making(ceremony, visitor, self.now()).map_err(Failure::Refused)?;
        let id = making.id;
        let finished = self.keep_passkey(making, answer, visitor, policy).await;
        self.give_up_where_refused(id, finished).await
    }

    async fn keep_passkey(
        &self,
        making: Making,
        answer: RegisterPublicKeyCredential,
        visitor: &Visitor,
        policy: Policy,
    ) -> Result<SignedInBrowser, Failure<Refusal>> {
        let id = making.link;
        let state = making.state.clone();
        let verified = self.verify(move |relying_party| relying_party.verify_registration(&answer, &state)).await?;
        let key = verified.map_err(|unproved| {
            tracing::info!(reason = %unproved, "a passkey for a link was refused");
            Failure::Refused(Refusal::BadPasskey)
        })?;
        let link = self.load_standing_link(id, visitor).await?;
        let account = self.approved_account(&link, visitor, policy).await?;
        let (token, session) = self.new_session(visitor);
        let fresh = Fresh { letter: self.fresh_letter(), event: self.random_uuid(), session };
        let plan = steps::finish(making, link, key, &account, fresh, visitor, policy, self.now());
        match self.carry_out(plan.map_err(Failure::Refused)?).await {
            Ok(Finished { session, return_to }) => {
                tracing::info!(account = %account.id, "a device was linked");
                Ok(SignedInBrowser { token, session, return_to })
            }
            Err(CommitError::Conflict(Conflict::LinkChanged)) => Err(self.why_changed(id).await?),
            Err(error) => Err(error.into()),
        }
    }

    /// The account that an approved link is for.
    async fn approved_account(
        &self,
        link: &Link,
        visitor: &Visitor,
        policy: Policy,
    ) -> Result<Account, Failure<Refusal>> {
        let approval = link.approval(visitor, policy, self.now()).map_err(Failure::Refused)?;
        self.store.account(approval.account).await?.ok_or(Failure::Refused(Refusal::Denied))
    }

    /// A refused answer has used its ceremony up too.
    async fn give_up_where_refused<T>(
        &self,
        ceremony: CeremonyId,
        result: Result<T, Failure<Refusal>>,
    ) -> Result<T, Failure<Refusal>> {
        let Err(Failure::Refused(refusal)) = result else { return result };
        tracing::info!(reason = refusal.name(), "a step of a link was refused");
        match self.carry_out(sign_in::give_up(ceremony)).await {
            // Spent by another answer meanwhile: that is what was wanted.
            Ok(()) | Err(CommitError::Conflict(_)) => Err(Failure::Refused(refusal)),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    async fn load_link(&self, id: LinkId) -> Result<Link, Failure<Refusal>> {
        self.store.link(id).await?.ok_or(Failure::Refused(Refusal::NoLink))
    }

    /// A link that still stands, for one of its browsers; the others are told nothing.
    async fn load_standing_link(&self, id: LinkId, visitor: &Visitor) -> Result<Link, Failure<Refusal>> {
        let link = self.load_link(id).await?;
        if !link.is_awaited_by(visitor.browser) && !link.is_approved_by(visitor.browser) {
            return Err(Failure::Refused(Refusal::NoLink));
        }
        if self.stands(&link).await? { Ok(link) } else { Err(Failure::Refused(Refusal::Denied)) }
    }

    /// Whether whoever approves is still who they were: their account, the session they are in, the passkey they used.
    async fn stands(&self, link: &Link) -> Result<bool, StoreError> {
        let footing = link.footing();
        if let Some(account) = footing.account {
            let Some(account) = self.store.account(account).await? else { return Ok(false) };
            if account.disabled {
                return Ok(false);
            }
        }
        if let Some(session) = footing.session
            && self.store.session(session).await?.is_none()
        {
            return Ok(false);
        }
        if let Some(credential) = footing.credential {
            let passkey = self.store.passkey(credential).await?;
            return Ok(passkey.is_some_and(|passkey| Some(passkey.account) == footing.account));
        }
        Ok(true)
    }

    /// What a browser is told that lost a race for a link.
    async fn why_changed(&self, id: LinkId) -> Result<Failure<Refusal>, StoreError> {
        let refusal = match self.store.link(id).await? {
            None => Refusal::NoLink,
            Some(link) => link.live(self.now()).err().unwrap_or(Refusal::Stale),
        };
        Ok(Failure::Refused(refusal))
    }

    /// The visitor's session. One that has still to answer "Keep your account safe" lets nobody in.
    async fn session_of(&self, visitor: &Visitor) -> Result<Option<LiveSession>, StoreError> {
        let Some(token) = visitor.session else { return Ok(None) };
        Ok(self.session(token).await?.filter(|live| !live.review()))
    }

    async fn signed_in_as(&self, visitor: &Visitor) -> Result<SignedInAs, StoreError> {
        let live = self.session_of(visitor).await?;
        Ok(live.map(|live| (live.account(), live.token())))
    }
}

fn email_of(live: &LiveSession) -> String {
    live.told().email.to_owned()
}

fn refuse(unproved: &Unproved) -> Failure<Refusal> {
    tracing::info!(reason = %unproved, "a passkey's answer was not accepted");
    Failure::Refused(match unproved {
        Unproved::CounterWentBack => Refusal::CounterWentBack,
        Unproved::Webauthn(_) | Unproved::Malformed(_) => Refusal::NotProved,
    })
}
