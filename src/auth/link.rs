//! Drives the steps of [`crate::domain::link`].

pub(super) mod watch;

use std::sync::Arc;
use std::time::Duration;

use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions};

use super::attestation::Owner;
use super::core::{Core, RACES};
use super::failure::{Failure, WorldFailure};
use super::sessions::{LiveSession, Sessions};
use super::starting::SignedInBrowser;
use crate::domain::account::Account;
use crate::domain::assertion::AssertionChallenge;
use crate::domain::attestation::AttestationChallenge;
use crate::domain::ceremony::{CeremonyId, CeremonySubject};
use crate::domain::destination::Destination;
use crate::domain::link::code::{self, BroughtCode, ScanCode, ShortCode};
use crate::domain::link::id::LinkId;
use crate::domain::link::seen::{Device, LinkRole, SeenLink};
use crate::domain::link::steps::{self, Counters, FinishedLink, Picked, SignedInAs};
use crate::domain::link::{FreshLink, Link, LinkOffer, LinkRefusal};
use crate::domain::manage;
use crate::domain::passkey::Naming;
use crate::domain::plan::{Conflict, PasskeyConflict, Plan, SessionConflict};
use crate::domain::visitor::Visitor;
use crate::store::{CommitError, StoreError};

pub use crate::domain::link::LinkPolicy;
pub use watch::Watcher;
use watch::Watchers;

/// Signing a second device in from the first.
#[derive(Clone, Debug)]
pub struct LinkFlow {
    core: Arc<Core>,
    sessions: Sessions,
    watchers: Arc<Watchers>,
    policy: LinkPolicy,
}

/// A link that was just made, with the codes that only its page gets to know.
#[derive(Debug)]
pub struct ShownLink {
    /// The link as it was stored.
    pub link: Link,
    /// The code in the picture.
    pub scan_code: ScanCode,
    /// The code to be typed.
    pub short_code: ShortCode,
    /// How long it lives.
    pub left: Duration,
}

/// A code that was brought.
#[derive(Debug)]
pub struct FoundLink {
    /// What its browser is told.
    pub state: LinkState,
    /// Whether the browser is the one that waits now, as [`Visitor::moved_on`].
    pub has_moved: bool,
}

/// A number that was right.
#[derive(Debug)]
pub struct Picking {
    /// The question for a passkey.
    pub ceremony: CeremonyId,
    /// The challenge that the approving browser's passkey answers.
    pub options: PublicKeyCredentialRequestOptions,
    /// Who shows the number.
    pub device: Option<Device>,
}

/// What a browser of a link is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// The link as it sees it.
    pub seen: SeenLink,
    /// The address of the account that the approving browser is signed in to.
    pub account: Option<String>,
}

impl LinkState {
    /// Whether both say the same, but for how much time is left.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let at_the_end =
            |state: &Self| Self { seen: SeenLink { left: Duration::ZERO, ..state.seen.clone() }, ..state.clone() };
        at_the_end(self) == at_the_end(other)
    }
}

impl LinkFlow {
    pub(super) fn new(core: Arc<Core>, sessions: Sessions, watchers: Arc<Watchers>, policy: LinkPolicy) -> Self {
        Self { core, sessions, watchers, policy }
    }

    /// Whether, and between whom, a second device may be signed in from the first.
    pub fn policy(&self) -> LinkPolicy {
        self.policy
    }

    /// Nothing goes on where linking is off.
    fn on(&self) -> Result<LinkPolicy, Failure<LinkRefusal>> {
        match self.policy {
            LinkPolicy::Off => Err(Failure::Refused(LinkRefusal::Off)),
            policy @ (LinkPolicy::On | LinkPolicy::SameNetwork) => Ok(policy),
        }
    }

    /// A new device asks to be let in. It goes on as [`Visitor::moved_on`].
    ///
    /// # Errors
    /// [`LinkRefusal::Off`]; a failure of the store.
    pub async fn ask(&self, return_to: Destination, visitor: &Visitor) -> Result<ShownLink, Failure<LinkRefusal>> {
        self.on()?;
        let visitor = visitor.moved_on();
        self.show(|fresh| {
            let number = code::number(&*self.core.entropy, std::iter::empty());
            Link::ask(fresh, number, &visitor, return_to.clone(), self.core.now())
        })
        .await
    }

    /// A signed-in browser offers to let a new device in.
    ///
    /// # Errors
    /// [`LinkRefusal::Off`], [`LinkRefusal::NotSignedIn`]; a failure of the store.
    pub async fn offer(&self, visitor: &Visitor) -> Result<ShownLink, Failure<LinkRefusal>> {
        self.on()?;
        let (account, session) = self.signed_in_as(visitor).await?.ok_or(Failure::Refused(LinkRefusal::NotSignedIn))?;
        self.show(|fresh| Link::offer(fresh, visitor, LinkOffer { account, session }, self.core.now())).await
    }

    async fn show(&self, make: impl Fn(FreshLink) -> Link) -> Result<ShownLink, Failure<LinkRefusal>> {
        for _ in 0..RACES {
            let entropy = &*self.core.entropy;
            let (scan_code, short_code) = (ScanCode::generate(entropy), ShortCode::generate(entropy));
            let link = make(FreshLink {
                id: LinkId(entropy.uuid()),
                scan_code: scan_code.digest(&self.core.keys.device_links),
                short_code: short_code.digest(&self.core.keys.device_links),
            });
            match self.core.carry_out(steps::show(link)).await {
                Ok(link) => {
                    let left = link.expires_at.since(self.core.now());
                    return Ok(ShownLink { link, scan_code, short_code, left });
                }
                // A code that is out already: once in 2^40 for each link that is open.
                Err(CommitError::Conflict(Conflict::LinkChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// A code was scanned or typed: this browser is on the other side of its link, and once signed in by it goes on to
    /// `return_to`. Typed codes are counted first.
    ///
    /// # Errors
    /// [`LinkRefusal::Off`], [`LinkRefusal::NoLink`], [`LinkRefusal::Crowded`], [`LinkRefusal::TooMany`],
    /// [`LinkRefusal::OtherNetwork`]; a failure of the store.
    pub async fn find(
        &self,
        text: &str,
        return_to: Destination,
        visitor: &Visitor,
    ) -> Result<FoundLink, Failure<LinkRefusal>> {
        let policy = self.on()?;
        let brought = BroughtCode::parse(text).ok_or(Failure::Refused(LinkRefusal::NoLink))?;
        if let BroughtCode::Short(_) = brought {
            let counters = Counters {
                network: self.core.keys.counter(&[b"link codes from", &visitor.network()]),
                all: self.core.keys.counter(&[b"link codes"]),
            };
            self.core.carry_out(steps::count_code(counters, self.core.now())).await?;
        }
        for _ in 0..RACES {
            let link = self.core.records.link_by_code(brought.digest(&self.core.keys.device_links)).await?;
            let link = link.ok_or(Failure::Refused(LinkRefusal::NoLink))?;
            if !self.stands(&link).await? {
                return Err(Failure::Refused(LinkRefusal::NoLink));
            }
            let plan = steps::find(link, return_to.clone(), policy, self.core.moment(visitor));
            let plan = plan.map_err(Failure::Refused)?;
            let link = if plan.changes.is_empty() {
                plan.then
            } else {
                match self.core.carry_out(plan).await {
                    Ok(link) => link,
                    // Another browser brought it meanwhile, or a number was typed.
                    Err(CommitError::Conflict(Conflict::LinkChanged)) => continue,
                    Err(error) => return Err(error.into()),
                }
            };
            let moved = visitor.moved_on();
            let has_moved = link.waiting(moved.browser).is_some();
            let state = self.state(link.id, if has_moved { &moved } else { visitor }).await?;
            return Ok(FoundLink { state, has_moved });
        }
        Err(WorldFailure::Raced.into())
    }

    /// What this browser sees of a link.
    ///
    /// # Errors
    /// [`LinkRefusal::Off`]; [`LinkRefusal::NoLink`] for any browser but its own, and once it is finished; a failure of
    /// the store.
    pub async fn state(&self, id: LinkId, visitor: &Visitor) -> Result<LinkState, Failure<LinkRefusal>> {
        self.on()?;
        let link = self.load(id).await?;
        self.state_of(&link, visitor).await
    }

    async fn state_of(&self, link: &Link, visitor: &Visitor) -> Result<LinkState, Failure<LinkRefusal>> {
        let stands = self.stands(link).await?;
        let seen = link.seen_by(visitor, stands, self.core.now()).ok_or(Failure::Refused(LinkRefusal::NoLink))?;
        let account = match seen.role {
            LinkRole::Waiting => None,
            LinkRole::Approving => self.sessions.of(visitor).await?.map(|live| email_of(&live)),
        };
        Ok(LinkState { seen, account })
    }

    /// Waits for changes of a link, for a browser that sees it.
    ///
    /// # Errors
    /// As [`LinkFlow::state`]; [`LinkRefusal::TooMany`] where too many pages wait.
    pub async fn watch(&self, id: LinkId, visitor: &Visitor) -> Result<Watcher, Failure<LinkRefusal>> {
        self.state(id, visitor).await?;
        self.watchers.watch(id).ok_or(Failure::Refused(LinkRefusal::TooMany { wait: None }))
    }

    /// The number was typed. Where it is right, a challenge for this link with the browser that shows the number, and
    /// nothing else: for the passkeys of the account that is signed in, or for any passkey.
    ///
    /// # Errors
    /// Any [`LinkRefusal`] of an approving browser; a failure of the store.
    pub async fn type_number(&self, id: LinkId, typed: u8, visitor: &Visitor) -> Result<Picking, Failure<LinkRefusal>> {
        let policy = self.on()?;
        let right = self.count_number(id, typed, visitor, policy).await?;
        let (subject, allowed) = match self.signed_in_as(visitor).await? {
            Some((account, _)) => (CeremonySubject::Account(account), Some(self.core.passkey_ids(account).await?)),
            None => (CeremonySubject::Anyone, None),
        };
        let (proves, moment) = (right.proves(subject), self.core.moment(visitor));
        let (ceremony, options) = self.core.question(proves, allowed, Destination::root(), moment)?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony.until(right.expires_at()))).await?;
        Ok(Picking { ceremony: id, options, device: right.device(visitor) })
    }

    async fn count_number(
        &self,
        id: LinkId,
        typed: u8,
        visitor: &Visitor,
        policy: LinkPolicy,
    ) -> Result<steps::RightNumber, Failure<LinkRefusal>> {
        for _ in 0..RACES {
            let link = self.standing(id, visitor).await?;
            let moment = self.core.moment(visitor);
            let plan = steps::try_number(link, typed, policy, moment).map_err(Failure::Refused)?;
            match self.core.carry_out(plan).await {
                Ok(tried) => return tried.map_err(Failure::Refused),
                // Another number was counted meanwhile: this one has not been looked at.
                Err(CommitError::Conflict(Conflict::LinkChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// The device answered for the link: verifies it and approves. Refused or not, the ceremony is over.
    ///
    /// # Errors
    /// Any [`LinkRefusal`] of an approving browser; a failure of the store.
    pub async fn approve(
        &self,
        ceremony: CeremonyId,
        answer: PublicKeyCredential,
        visitor: &Visitor,
    ) -> Result<LinkState, Failure<LinkRefusal>> {
        let policy = self.on()?;
        let ceremony = self.core.ceremony(ceremony).await?;
        let question = steps::open_proof(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let id = question.id();
        let approved = self.prove(question, answer, visitor, policy).await;
        self.core.over(id, "link approval", approved).await
    }

    async fn prove(
        &self,
        question: AssertionChallenge<Picked>,
        answer: PublicKeyCredential,
        visitor: &Visitor,
        policy: LinkPolicy,
    ) -> Result<LinkState, Failure<LinkRefusal>> {
        let id = question.asked_for().link;
        let (proof, account) = self.core.prove(question, answer, None, visitor).await?;
        for _ in 0..RACES {
            // Read last, as whatever happened meanwhile has the word.
            let signed_in = self.signed_in_as(visitor).await?;
            let link = self.standing(id, visitor).await?;
            let plan = steps::approve(&proof, link, &account, signed_in, policy, self.core.moment(visitor));
            match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
                Ok(link) => {
                    tracing::info!(account = %account.id, "a link was approved");
                    return self.state_of(&link, visitor).await;
                }
                // Another browser brought the code, or approved, or one of them said no.
                Err(CommitError::Conflict(Conflict::LinkChanged)) => {}
                // Used somewhere else at the same time, or removed.
                Err(CommitError::Conflict(Conflict::Passkey(PasskeyConflict::Changed))) => {
                    return Err(Failure::Refused(LinkRefusal::NotProved));
                }
                Err(CommitError::Conflict(Conflict::Session(SessionConflict::Ended))) => {
                    return Err(Failure::Refused(LinkRefusal::NotSignedIn));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// One of its browsers turns the link down.
    ///
    /// # Errors
    /// [`LinkRefusal::Off`], [`LinkRefusal::NoLink`]; a failure of the store.
    pub async fn deny(&self, id: LinkId, visitor: &Visitor) -> Result<LinkState, Failure<LinkRefusal>> {
        self.on()?;
        let signed_in = self.signed_in_as(visitor).await?;
        for _ in 0..RACES {
            let link = self.load(id).await?;
            let plan = steps::deny(link, signed_in, self.core.moment(visitor)).map_err(Failure::Refused)?;
            if plan.changes.is_empty() {
                return self.state_of(&plan.then, visitor).await;
            }
            match self.core.carry_out(plan).await {
                Ok(link) => {
                    tracing::info!("a link was turned down");
                    return self.state_of(&link, visitor).await;
                }
                // A no outlasts whatever else happens, but for the end.
                Err(CommitError::Conflict(Conflict::LinkChanged)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(WorldFailure::Raced.into())
    }

    /// The link is approved: a challenge for the waiting browser to make its passkey.
    ///
    /// # Errors
    /// Any [`LinkRefusal`] of a waiting browser; a failure of the store.
    pub async fn begin_passkey(
        &self,
        id: LinkId,
        visitor: &Visitor,
    ) -> Result<(CeremonyId, PublicKeyCredentialCreationOptions), Failure<LinkRefusal>> {
        let policy = self.on()?;
        let link = self.standing(id, visitor).await?;
        let account = self.approved_account(&link, visitor, policy).await?;
        let passkeys = self.core.records.passkeys(account.id).await?;
        let makes = steps::makes(&link, &account, &passkeys, policy, self.core.moment(visitor));
        let makes = makes.map_err(Failure::Refused)?;
        let (owner, return_to) = (Owner::of(&account, &passkeys), link.return_to(visitor.browser));
        let (ceremony, options) = self.core.challenge(owner, makes, return_to, self.core.moment(visitor))?;
        let id = ceremony.id;
        self.core.carry_out(Plan::ask(ceremony.until(link.expires_at))).await?;
        Ok((id, options))
    }

    /// The new device made its passkey: verifies it, keeps it, and begins a session. Refused or not, the ceremony is
    /// over.
    ///
    /// # Errors
    /// Any [`LinkRefusal`] of a waiting browser; a failure of the store.
    pub async fn finish(
        &self,
        ceremony: CeremonyId,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        visitor: &Visitor,
    ) -> Result<SignedInBrowser, Failure<LinkRefusal>> {
        let policy = self.on()?;
        let ceremony = self.core.ceremony(ceremony).await?;
        let making = steps::open_making(ceremony, self.core.moment(visitor)).map_err(Failure::Refused)?;
        let id = making.id();
        let finished = self.keep_passkey(making, answer, name, (visitor, policy)).await;
        self.core.over(id, "linked passkey", finished).await
    }

    async fn keep_passkey(
        &self,
        making: AttestationChallenge<LinkId>,
        answer: RegisterPublicKeyCredential,
        name: Option<&str>,
        (visitor, policy): (&Visitor, LinkPolicy),
    ) -> Result<SignedInBrowser, Failure<LinkRefusal>> {
        let id = *making.made_for();
        let made = self.core.make(making, answer).await?;
        let link = self.standing(id, visitor).await?;
        let account = self.approved_account(&link, visitor, policy).await?;
        let (token, session) = self.core.start_in_browser(visitor);
        let others = self.core.records.passkeys(account.id).await?;
        let naming = Naming { chosen: name.and_then(manage::name), others: &others };
        let plan = steps::finish(made, link, &account, naming, session, policy, self.core.moment(visitor));
        match self.core.carry_out(plan.map_err(Failure::Refused)?).await {
            Ok(FinishedLink { session, return_to }) => {
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
        policy: LinkPolicy,
    ) -> Result<Account, Failure<LinkRefusal>> {
        let approval = link.approval(visitor, policy, self.core.now()).map_err(Failure::Refused)?;
        self.core.records.account(approval.account).await?.ok_or(Failure::Refused(LinkRefusal::Denied))
    }

    async fn load(&self, id: LinkId) -> Result<Link, Failure<LinkRefusal>> {
        self.core.records.link(id).await?.ok_or(Failure::Refused(LinkRefusal::NoLink))
    }

    /// A link that still stands, for one of its browsers; the others are told nothing.
    async fn standing(&self, id: LinkId, visitor: &Visitor) -> Result<Link, Failure<LinkRefusal>> {
        let link = self.load(id).await?;
        if !link.has(visitor.browser) {
            return Err(Failure::Refused(LinkRefusal::NoLink));
        }
        if self.stands(&link).await? { Ok(link) } else { Err(Failure::Refused(LinkRefusal::Denied)) }
    }

    /// Whether the approver is still who they were: their account, the session they are in, the passkey they used.
    async fn stands(&self, link: &Link) -> Result<bool, StoreError> {
        let footing = link.footing();
        if let Some(account) = footing.account {
            let Some(account) = self.core.records.account(account).await? else { return Ok(false) };
            if account.disabled {
                return Ok(false);
            }
        }
        if let Some(session) = footing.session
            && self.core.records.session(session).await?.is_none()
        {
            return Ok(false);
        }
        if let Some(credential) = footing.credential {
            let passkey = self.core.records.passkey(credential).await?;
            return Ok(passkey.is_some_and(|passkey| Some(passkey.account) == footing.account));
        }
        Ok(true)
    }

    /// What a browser is told that lost a race for a link.
    async fn why_changed(&self, id: LinkId) -> Result<Failure<LinkRefusal>, StoreError> {
        let refusal = match self.core.records.link(id).await? {
            None => LinkRefusal::NoLink,
            Some(link) => link.live(self.core.now()).err().unwrap_or(LinkRefusal::Stale),
        };
        Ok(Failure::Refused(refusal))
    }

    async fn signed_in_as(&self, visitor: &Visitor) -> Result<SignedInAs, StoreError> {
        let live = self.sessions.of(visitor).await?;
        Ok(live.map(|live| (live.account(), live.token())))
    }
}

fn email_of(live: &LiveSession) -> String {
    live.facts().email.to_owned()
}
