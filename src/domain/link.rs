//! Links: a new device beside one that has a passkey, in either direction.
//!
//! - The new device asks ([`Link::ask`]): it shows a code; the device with the passkey scans it.
//! - The signed-in device offers ([`Link::offer`]): it shows a code; the new device scans it.
//!
//! Either way there are two browsers. The *waiting* browser has no passkey, its flow cookie is never in the code, and
//! it shows a number. The *approving* browser sees who asks, types that number, and proves a passkey for this link
//! alone. Only the waiting browser whose number was typed can finish.
//!
//! Bringing the code claims nothing: the scanner's own browser, a wrong one or that of an onlooker may have brought it
//! first. Up to [`FINDERS`] browsers may, and the number and a passkey say which two of them it is between. Each that
//! waits has a number of its own. Any of them may say no, and wrong numbers are counted over all of them together.
//!
//! Whatever is counted or decided raises the link's revision. A change is only kept where the revision before it is
//! still there, so of two that happen at once, one wins.

pub mod code;
pub mod id;
pub mod seen;
pub mod steps;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::account::AccountId;
use super::ceremony::Stale;
use super::clock::Timestamp;
use super::destination::Destination;
use super::network::{self, Network};
use super::passkey::CredentialId;
use super::secret::SecretDigest;
use super::visitor::Visitor;
use id::LinkId;

/// How long a link may be approved, and once it was, how long the new device has for its passkey.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How many wrong numbers close a link, counted over all of its browsers.
pub const WRONG_NUMBERS: u8 = 3;
/// How many browsers may bring the code of one link: the scanner's own, a wrong one, the right one, and one more.
pub const FINDERS: usize = 4;

/// The keyed digest of a code, scanned (128 random bits) or typed (40).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkCodeDigest(pub [u8; 32]);

/// A browser of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The digest of its flow cookie.
    pub browser: SecretDigest,
    /// Browser and system in words.
    pub description: String,
    /// The IP address it came from, where that is known.
    pub address: Option<IpAddr>,
    /// When the browser came.
    pub at: Timestamp,
}

impl Party {
    fn of(visitor: &Visitor, at: Timestamp) -> Self {
        let Visitor { browser, description, address, .. } = visitor;
        Self { browser: *browser, description: description.clone(), address: *address, at }
    }

    /// What can be said of where both came from.
    pub fn nearness(&self, visitor: &Visitor) -> Nearness {
        match (self.address, visitor.address) {
            (Some(ours), Some(theirs)) if !network::is_local(ours) && !network::is_local(theirs) => {
                if Network::of(ours) == Network::of(theirs) { Nearness::Same } else { Nearness::Other }
            }
            _ => Nearness::Unknown,
        }
    }
}

/// Where two browsers are, as far as their addresses say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearness {
    /// At one public address, or in one /64: in one network, behind one carrier's NAT, or behind one VPN.
    Same,
    /// At two: in two networks, or in one that has IPv4 and IPv6.
    Other,
    /// Nothing can be said: an address is not known, or none of the internet, as all are behind a proxy that is not
    /// trusted.
    Unknown,
}

/// A browser that has no passkey and waits for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingBrowser {
    /// The browser itself, as a party of the link.
    pub party: Party,
    /// The number on its screen, from 10 to 99, which no other of the link has.
    pub number: u8,
    /// Where its visitor wants to go.
    pub return_to: Destination,
}

/// Who offers a link: a signed-in browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOffer {
    /// The account that the new device is to belong to.
    pub account: AccountId,
    /// In which session; its end closes the link.
    pub session: SecretDigest,
}

/// What a link was approved with; the end of any of it closes the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The account that the new device may sign in to.
    pub account: AccountId,
    /// The passkey by which it was approved.
    pub credential: CredentialId,
    /// In which session, where the approving browser was signed in.
    pub session: Option<SecretDigest>,
    /// The browser that approved.
    pub approving: SecretDigest,
    /// The one whose number was typed.
    pub waiting: SecretDigest,
}

/// How far a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStage {
    /// No browser has brought its code yet.
    Shown,
    /// Its code was brought: the approving browser is asked.
    Found,
    /// Approved: the waiting browser makes its passkey.
    Approved(Approval),
    /// Turned down, by either side or by wrong numbers.
    Closed(Closed),
}

/// Why a link was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Closed {
    /// One of its browsers said no.
    Denied,
    /// The number was wrong too often.
    WrongNumbers,
}

/// A link as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The random name of the link.
    pub id: LinkId,
    /// Raised by one with every change.
    pub revision: u32,
    /// The digest of the code in the picture.
    pub scan_code: LinkCodeDigest,
    /// The digest of the code to be typed.
    pub short_code: LinkCodeDigest,
    /// How often a number was typed wrongly.
    pub wrong_numbers: u8,
    /// Who waits: the browser that asks, or those that brought an offered code, in the order they came.
    pub waiting: Vec<WaitingBrowser>,
    /// Who may approve: the browser that offers, or those that brought an asking code, in the order they came.
    pub approving: Vec<Party>,
    /// Who offers, where the signed-in browser shows the code.
    pub offer: Option<LinkOffer>,
    /// How far it is.
    pub stage: LinkStage,
    /// From this moment on it is too old.
    pub expires_at: Timestamp,
}

/// What a link stands on. Once any of it is gone, the link is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footing<'a> {
    /// An account that is there and not disabled.
    pub account: Option<AccountId>,
    /// A session that has not ended.
    pub session: Option<SecretDigest>,
    /// A passkey of that account.
    pub credential: Option<&'a CredentialId>,
}

/// Random names for a new link.
#[derive(Clone, Copy, Debug)]
pub struct FreshLink {
    /// The random name of the link.
    pub id: LinkId,
    /// The digest of the code in the picture.
    pub scan_code: LinkCodeDigest,
    /// The digest of the code to be typed.
    pub short_code: LinkCodeDigest,
}

/// Whether approving works, and between whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkPolicy {
    /// Between any networks.
    #[default]
    On,
    /// Within one network.
    SameNetwork,
    /// Not at all.
    Off,
}

/// Why a step of a link was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    /// The operator has switched linking off.
    Off,
    /// No such code, a used one, or a link that is over. They are not told apart, so that a guesser learns nothing.
    NoLink,
    /// As many browsers as are allowed have brought the code.
    Crowded,
    /// The link is too old.
    TooOld,
    /// The link was turned down, or its approver is signed out or removed.
    Denied,
    /// The link was approved with another browser that has its code, on either side.
    Elsewhere,
    /// The two browsers are not seen to be in one network, and the operator allows nothing else.
    OtherNetwork,
    /// The number is wrong.
    WrongNumber {
        /// How often it may still be tried.
        tries_left: u8,
    },
    /// The number was wrong too often: the link is closed.
    NumbersSpent,
    /// The passkey does not prove what was asked.
    NotProved,
    /// The link is not approved yet.
    NotApproved,
    /// The approver must be signed in for this, and still as who they were.
    NotSignedIn,
    /// No account has this passkey (any more). The browser may be told to forget it.
    UnknownPasskey,
    /// The signature counter went back: the key may have been copied (WebAuthn L3 §6.1.1).
    CounterWentBack,
    /// The key could be copied to other devices, and now says that it cannot (WebAuthn L3 §6.1.3).
    NoLongerEligible,
    /// The account is disabled. Told only to a person who proved to be its owner.
    Disabled,
    /// The account was recovered, and until its owner has answered, this passkey approves nothing.
    Rests,
    /// The device's answer is not a passkey we can keep.
    BadPasskey,
    /// The account has as many passkeys as it may have.
    TooManyPasskeys,
    /// Too many codes were typed lately, or too many pages wait for one link.
    TooMany {
        /// How long to wait, where that is known.
        wait: Option<Duration>,
    },
    /// The page was open too long, or was answered already.
    Stale,
}

impl From<Stale> for LinkRefusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl Link {
    /// A new device asks: the visitor waits, showing `number`; the browser that scans may approve.
    pub fn ask(fresh: FreshLink, number: u8, visitor: &Visitor, return_to: Destination, now: Timestamp) -> Self {
        let waiting = WaitingBrowser { party: Party::of(visitor, now), number, return_to };
        Self::new(fresh, vec![waiting], Vec::new(), None, now)
    }

    /// A signed-in device offers: the visitor approves, and the browser that scans waits.
    pub fn offer(fresh: FreshLink, visitor: &Visitor, offer: LinkOffer, now: Timestamp) -> Self {
        Self::new(fresh, Vec::new(), vec![Party::of(visitor, now)], Some(offer), now)
    }

    fn new(
        fresh: FreshLink,
        waiting: Vec<WaitingBrowser>,
        approving: Vec<Party>,
        offer: Option<LinkOffer>,
        now: Timestamp,
    ) -> Self {
        let FreshLink { id, scan_code, short_code } = fresh;
        Self {
            id,
            revision: 0,
            scan_code,
            short_code,
            wrong_numbers: 0,
            waiting,
            approving,
            offer,
            stage: LinkStage::Shown,
            expires_at: now.after(LIFETIME),
        }
    }

    fn next(self, stage: LinkStage) -> Self {
        Self { revision: self.revision.saturating_add(1), stage, ..self }
    }

    /// The link while it is neither too old nor closed.
    ///
    /// # Errors
    /// [`LinkRefusal::TooOld`], [`LinkRefusal::Denied`], [`LinkRefusal::NumbersSpent`].
    pub fn live(self, now: Timestamp) -> Result<Self, LinkRefusal> {
        match self.stage {
            LinkStage::Closed(Closed::Denied) => Err(LinkRefusal::Denied),
            LinkStage::Closed(Closed::WrongNumbers) => Err(LinkRefusal::NumbersSpent),
            LinkStage::Shown | LinkStage::Found | LinkStage::Approved(_) => {
                if self.is_in_time(now) {
                    Ok(self)
                } else {
                    Err(LinkRefusal::TooOld)
                }
            }
        }
    }

    /// Whether it is not too old.
    pub fn is_in_time(&self, now: Timestamp) -> bool {
        self.expires_at.is_ahead(now, LIFETIME)
    }

    /// This browser, where it is one that may approve.
    pub fn approving(&self, browser: SecretDigest) -> Option<&Party> {
        self.approving.iter().find(|party| party.browser == browser)
    }

    /// This browser, where it is one that waits.
    pub fn waiting(&self, browser: SecretDigest) -> Option<&WaitingBrowser> {
        self.waiting.iter().find(|waiting| waiting.party.browser == browser)
    }

    /// Whether this browser is on either side.
    pub fn has(&self, browser: SecretDigest) -> bool {
        self.approving(browser).is_some() || self.waiting(browser).is_some()
    }

    /// Where the visitor of a waiting browser wants to go.
    pub fn return_to(&self, browser: SecretDigest) -> Destination {
        self.waiting(browser).map(|waiting| waiting.return_to.clone()).unwrap_or_default()
    }

    /// The numbers that are shown.
    pub fn numbers(&self) -> impl Iterator<Item = u8> {
        self.waiting.iter().map(|waiting| waiting.number)
    }

    /// What the link stands on by now.
    pub fn footing(&self) -> Footing<'_> {
        match (&self.stage, self.offer) {
            (LinkStage::Approved(Approval { account, credential, session, .. }), _) => {
                Footing { account: Some(*account), session: *session, credential: Some(credential) }
            }
            (_, Some(LinkOffer { account, session })) => {
                Footing { account: Some(account), session: Some(session), credential: None }
            }
            (_, None) => Footing::default(),
        }
    }

    /// Brings the code, from the browser on the side that does not show it. The one that waits shows `number`, goes on
    /// as [`Visitor::moved_on`], and once signed in to `return_to`.
    ///
    /// # Errors
    /// [`LinkRefusal::NoLink`] where the link is over or approved, or its code is brought back by the browser that
    /// shows it; [`LinkRefusal::OtherNetwork`], [`LinkRefusal::Crowded`].
    pub fn find(
        mut self,
        visitor: &Visitor,
        number: u8,
        return_to: Destination,
        policy: LinkPolicy,
        now: Timestamp,
    ) -> Result<CodeOutcome, LinkRefusal> {
        if policy == LinkPolicy::Off {
            return Err(LinkRefusal::Off);
        }
        let (moved, offers) = (visitor.moved_on(), self.offer.is_some());
        let has_found = |browser| {
            if offers { self.waiting(browser).is_some() } else { self.approving(browser).is_some() }
        };
        // Another tab of the same browser, the page read again, or the same press.
        if has_found(visitor.browser) || has_found(moved.browser) {
            return Ok(CodeOutcome::Before(self));
        }
        let (showing, finders) = if offers {
            (self.approving.first(), self.waiting.len())
        } else {
            (self.waiting.first().map(|waiting| &waiting.party), self.approving.len())
        };
        let showing = showing.ok_or(LinkRefusal::NoLink)?;
        let is_open = matches!(self.stage, LinkStage::Shown | LinkStage::Found) && self.is_in_time(now);
        if !is_open || showing.browser == visitor.browser {
            return Err(LinkRefusal::NoLink);
        }
        policy.allows(showing, visitor)?;
        if finders >= FINDERS {
            return Err(LinkRefusal::Crowded);
        }
        if offers {
            self.waiting.push(WaitingBrowser { party: Party::of(&moved, now), number, return_to });
        } else {
            self.approving.push(Party::of(visitor, now));
        }
        Ok(CodeOutcome::Now(self.next(LinkStage::Found)))
    }

    /// The link while this browser may approve it.
    ///
    /// # Errors
    /// [`LinkRefusal::NoLink`] for any other browser; [`LinkRefusal::Stale`] where it has approved already, and
    /// [`LinkRefusal::Elsewhere`] where another has; [`LinkRefusal::NotSignedIn`] where the browser that offers is not
    /// in its session; [`LinkRefusal::OtherNetwork`]; or it is over.
    fn asks(self, visitor: &Visitor, policy: LinkPolicy, now: Timestamp) -> Result<Self, LinkRefusal> {
        if self.approving(visitor.browser).is_none() {
            return Err(LinkRefusal::NoLink);
        }
        let link = self.live(now)?;
        match &link.stage {
            LinkStage::Found => {}
            LinkStage::Approved(approval) if approval.approving == visitor.browser => return Err(LinkRefusal::Stale),
            LinkStage::Approved(_) => return Err(LinkRefusal::Elsewhere),
            LinkStage::Shown | LinkStage::Closed(_) => return Err(LinkRefusal::NoLink),
        }
        if !link.waiting.iter().any(|waiting| policy.allows(&waiting.party, visitor).is_ok()) {
            return Err(LinkRefusal::OtherNetwork);
        }
        match link.offer {
            Some(offer) if visitor.session != Some(offer.session) => Err(LinkRefusal::NotSignedIn),
            _ => Ok(link),
        }
    }

    /// Counts a typed number. The state after it must be committed before anything is told, whether the number was
    /// right or not. Of numbers tried at once only one gets through then, so no two are compared with the same count.
    ///
    /// # Errors
    /// See `asks`.
    pub fn try_number(
        self,
        visitor: &Visitor,
        policy: LinkPolicy,
        typed: u8,
        now: Timestamp,
    ) -> Result<NumberTried, LinkRefusal> {
        let link = self.asks(visitor, policy, now)?;
        let is_it = |waiting: &&WaitingBrowser| {
            bool::from(waiting.number.ct_eq(&typed)) && policy.allows(&waiting.party, visitor).is_ok()
        };
        if let Some(waiting) = link.waiting.iter().find(is_it).map(|waiting| waiting.party.browser) {
            return Ok(NumberTried::Right { link: link.next(LinkStage::Found), waiting });
        }
        let wrong_numbers = link.wrong_numbers.saturating_add(1);
        let link = Self { wrong_numbers, ..link };
        Ok(NumberTried::Wrong(if wrong_numbers >= WRONG_NUMBERS {
            link.next(LinkStage::Closed(Closed::WrongNumbers))
        } else {
            link.next(LinkStage::Found)
        }))
    }

    /// Approved with a passkey that was proved for this link and the browser whose number was typed. The person who
    /// offers approves for themselves alone, and in the session that offers.
    ///
    /// # Errors
    /// See `asks`; [`LinkRefusal::NotProved`].
    pub fn approve(
        self,
        visitor: &Visitor,
        policy: LinkPolicy,
        approval: Approval,
        now: Timestamp,
    ) -> Result<Self, LinkRefusal> {
        let link = self.asks(visitor, policy, now)?;
        let waiting = link.waiting(approval.waiting).ok_or(LinkRefusal::NotProved)?;
        policy.allows(&waiting.party, visitor)?;
        if approval.approving != visitor.browser {
            return Err(LinkRefusal::NotProved);
        }
        if let Some(offer) = link.offer
            && (offer.account != approval.account || approval.session != Some(offer.session))
        {
            return Err(LinkRefusal::NotProved);
        }
        let link = Self { expires_at: now.after(LIFETIME), ..link };
        Ok(link.next(LinkStage::Approved(approval)))
    }

    /// Turned down by any of its browsers, as long as it is not finished.
    ///
    /// # Errors
    /// [`LinkRefusal::NoLink`] for any other browser; or it is over.
    pub fn deny(self, browser: SecretDigest, now: Timestamp) -> Result<Self, LinkRefusal> {
        if !self.has(browser) {
            return Err(LinkRefusal::NoLink);
        }
        Ok(self.live(now)?.next(LinkStage::Closed(Closed::Denied)))
    }

    /// What the waiting browser may finish with.
    ///
    /// # Errors
    /// [`LinkRefusal::NoLink`] for any other browser, [`LinkRefusal::Elsewhere`] where another one's number was typed,
    /// [`LinkRefusal::NotApproved`], [`LinkRefusal::OtherNetwork`]; or it is over.
    pub fn approval(&self, visitor: &Visitor, policy: LinkPolicy, now: Timestamp) -> Result<&Approval, LinkRefusal> {
        if self.waiting(visitor.browser).is_none() {
            return Err(LinkRefusal::NoLink);
        }
        match &self.stage {
            LinkStage::Closed(Closed::Denied) => Err(LinkRefusal::Denied),
            LinkStage::Closed(Closed::WrongNumbers) => Err(LinkRefusal::NumbersSpent),
            _ if !self.is_in_time(now) => Err(LinkRefusal::TooOld),
            LinkStage::Shown | LinkStage::Found => Err(LinkRefusal::NotApproved),
            LinkStage::Approved(approval) if approval.waiting != visitor.browser => Err(LinkRefusal::Elsewhere),
            LinkStage::Approved(approval) => {
                policy.allows(self.approving(approval.approving).ok_or(LinkRefusal::Denied)?, visitor)?;
                Ok(approval)
            }
        }
    }
}

impl LinkPolicy {
    /// Whether a browser may have to do with another one that is where `visitor` is.
    fn allows(self, party: &Party, visitor: &Visitor) -> Result<(), LinkRefusal> {
        match self {
            Self::On => Ok(()),
            Self::SameNetwork if party.nearness(visitor) == Nearness::Same => Ok(()),
            Self::SameNetwork => Err(LinkRefusal::OtherNetwork),
            Self::Off => Err(LinkRefusal::Off),
        }
    }
}

/// What became of a code that was brought.
#[derive(Debug)]
pub enum CodeOutcome {
    /// It was brought just now: this state is to be kept.
    Now(Link),
    /// The same browser had brought it before.
    Before(Link),
}

/// What became of a typed number; the state in it is to be kept first.
#[derive(Debug)]
pub enum NumberTried {
    /// It is right: a passkey may be asked for.
    Right {
        /// The link as it is to be stored.
        link: Link,
        /// The browser that shows it.
        waiting: SecretDigest,
    },
    /// The number is wrong, and the link counts that.
    Wrong(Link),
}
