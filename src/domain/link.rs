//! Links: a new device beside one that has a passkey, in either direction.
//!
//! - The new device asks ([`Link::ask`]): it shows a code; the device with the passkey scans it.
//! - The signed-in device offers ([`Link::offer`]): it shows a code; the new device scans it.
//!
//! Either way there is one *waiting* browser, which has no passkey and whose flow cookie is never in the code, and one
//! *approving* browser, which sees who asks, types the number that the other screen shows, and proves a passkey for
//! this link alone. Only the waiting browser can finish.
//!
//! Whatever is counted or decided raises the link's revision, and a change is only kept where the revision before it is
//! still there: of two that happen at once, one wins.

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
use super::passkey::CredentialId;
use super::secret::SecretDigest;
use super::visitor::{self, Visitor};
use id::LinkId;

/// How long a link may be approved, and once it was, how long the new device has for its passkey.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How many wrong numbers close a link.
pub const WRONG_NUMBERS: u8 = 3;

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
    /// Its address.
    pub address: Option<IpAddr>,
    /// When it came.
    pub at: Timestamp,
}

impl Party {
    fn of(visitor: &Visitor, at: Timestamp) -> Self {
        let Visitor { browser, description, address, .. } = visitor;
        Self { browser: *browser, description: description.clone(), address: *address, at }
    }

    /// Whether both came from one network.
    pub fn is_beside(&self, visitor: &Visitor) -> bool {
        let ours = visitor::network(self.address);
        !ours.is_empty() && ours == visitor.network()
    }
}

/// Who offers a link: a signed-in browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whose account.
    pub account: AccountId,
    /// In which session; its end closes the link.
    pub session: SecretDigest,
}

/// What a link was approved with; the end of any of it closes the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// For whose account.
    pub account: AccountId,
    /// With which passkey.
    pub credential: CredentialId,
    /// In which session, where the approving browser was signed in.
    pub session: Option<SecretDigest>,
}

/// How far a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has used its code yet.
    Shown,
    /// Its code was used: the approving browser is asked.
    Found,
    /// Approved: the waiting browser makes its passkey.
    Approved(Approval),
    /// Turned down, by either side or by wrong numbers.
    Closed(Closed),
}

/// Why a link was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Closed {
    /// Somebody said no.
    Denied,
    /// The number was wrong too often.
    WrongNumbers,
}

/// A link as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub id: LinkId,
    /// Raised by one with every change.
    pub revision: u32,
    /// The digest of the code in the picture.
    pub scan_code: LinkCodeDigest,
    /// The digest of the code to be typed.
    pub short_code: LinkCodeDigest,
    /// The number on the waiting screen, from 10 to 99.
    pub number: u8,
    /// How often the number was typed wrongly.
    pub wrong_numbers: u8,
    /// The browser that waits; `None` until an offered code is used.
    pub waiting: Option<Party>,
    /// The browser that approves; `None` until an asking code is used.
    pub approving: Option<Party>,
    /// Who offers, where the signed-in browser shows the code.
    pub offer: Option<Offer>,
    /// How far it is.
    pub stage: Stage,
    /// Where the waiting visitor wanted to go.
    pub return_to: Destination,
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
    /// For the link.
    pub id: LinkId,
    /// The digest of the code in the picture.
    pub scan_code: LinkCodeDigest,
    /// The digest of the code to be typed.
    pub short_code: LinkCodeDigest,
    /// From 10 to 99.
    pub number: u8,
}

/// Whether approving works, and between whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
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
pub enum Refusal {
    /// The operator has switched linking off.
    Off,
    /// No such code, a used one, or a link that is over: whoever guesses learns nothing.
    NoLink,
    /// The link is too old.
    TooOld,
    /// The link was turned down, or whoever approves is signed out or removed.
    Denied,
    /// The two browsers are in different networks, and the operator allows one only.
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
    /// Somebody must be signed in for this, and still as who they were.
    NotSignedIn,
    /// No account has this passkey (any more). The browser may be told to forget it.
    UnknownPasskey,
    /// The signature counter went back: the key may have been copied (WebAuthn L3 §6.1.1).
    CounterWentBack,
    /// The key could be copied to other devices, and now says that it cannot (WebAuthn L3 §6.1.3).
    NoLongerEligible,
    /// The account is disabled. Told only to whoever proved to be its owner.
    Disabled,
    /// The account was recovered, and until its owner has answered, this passkey approves nothing.
    Rests,
    /// The device's answer is not a passkey we can keep.
    BadPasskey,
    /// The account has as many passkeys as it may have.
    TooManyPasskeys,
    /// Too many codes were typed lately, or too many pages wait for one link.
    TooMany,
    /// The page was open too long, or was answered already.
    Stale,
}

impl From<Stale> for Refusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl Link {
    /// A new device asks: the visitor waits, whoever scans approves.
    pub fn ask(fresh: FreshLink, visitor: &Visitor, return_to: Destination, now: Timestamp) -> Self {
        Self::new(fresh, Some(Party::of(visitor, now)), None, None, return_to, now)
    }

    /// A signed-in device offers: the visitor approves, whoever scans waits.
    pub fn offer(fresh: FreshLink, visitor: &Visitor, offer: Offer, now: Timestamp) -> Self {
        Self::new(fresh, None, Some(Party::of(visitor, now)), Some(offer), Destination::root(), now)
    }

    fn new(
        fresh: FreshLink,
        waiting: Option<Party>,
        approving: Option<Party>,
        offer: Option<Offer>,
        return_to: Destination,
        now: Timestamp,
    ) -> Self {
        let FreshLink { id, scan_code, short_code, number } = fresh;
        Self {
            id,
            revision: 0,
            scan_code,
            short_code,
            number,
            wrong_numbers: 0,
            waiting,
            approving,
            offer,
            stage: Stage::Shown,
            return_to,
            expires_at: now.after(LIFETIME),
        }
    }

    fn next(self, stage: Stage) -> Self {
        Self { revision: self.revision.saturating_add(1), stage, ..self }
    }

    /// The link while it is neither too old nor closed.
    ///
    /// # Errors
    /// [`Refusal::TooOld`], [`Refusal::Denied`], [`Refusal::NumbersSpent`].
    pub fn live(self, now: Timestamp) -> Result<Self, Refusal> {
        match self.stage {
            Stage::Closed(Closed::Denied) => Err(Refusal::Denied),
            Stage::Closed(Closed::WrongNumbers) => Err(Refusal::NumbersSpent),
            Stage::Shown | Stage::Found | Stage::Approved(_) => {
                if self.is_in_time(now) {
                    Ok(self)
                } else {
                    Err(Refusal::TooOld)
                }
            }
        }
    }

    /// Whether it is not too old.
    pub fn is_in_time(&self, now: Timestamp) -> bool {
        self.expires_at.is_ahead(now, LIFETIME)
    }

    /// Whether this browser is the one that approves.
    pub fn is_approved_by(&self, browser: SecretDigest) -> bool {
        self.approving.as_ref().is_some_and(|party| party.browser == browser)
    }

    /// Whether this browser is the one that waits.
    pub fn is_awaited_by(&self, browser: SecretDigest) -> bool {
        self.waiting.as_ref().is_some_and(|party| party.browser == browser)
    }

    /// What the link stands on by now.
    pub fn footing(&self) -> Footing<'_> {
        match (&self.stage, self.offer) {
            (Stage::Approved(Approval { account, credential, session }), _) => {
                Footing { account: Some(*account), session: *session, credential: Some(credential) }
            }
            (_, Some(Offer { account, session })) => {
                Footing { account: Some(account), session: Some(session), credential: None }
            }
            (_, None) => Footing::default(),
        }
    }

    /// Uses the code: whoever brings it becomes the side that was missing, once. The one that waits goes on as
    /// [`Visitor::moved_on`].
    ///
    /// # Errors
    /// [`Refusal::NoLink`] where the link is over, its code was used by another browser, or is brought back by the one
    /// that shows it; [`Refusal::OtherNetwork`].
    pub fn find(self, visitor: &Visitor, policy: Policy, now: Timestamp) -> Result<Found, Refusal> {
        if policy == Policy::Off {
            return Err(Refusal::Off);
        }
        let (shows, finds) =
            if self.offer.is_some() { (&self.approving, &self.waiting) } else { (&self.waiting, &self.approving) };
        // Another tab of the same browser, the page read again, or the same press.
        let moved = visitor.moved_on();
        if finds.as_ref().is_some_and(|party| [visitor.browser, moved.browser].contains(&party.browser)) {
            return Ok(Found::Before(self));
        }
        let showing = shows.as_ref().ok_or(Refusal::NoLink)?;
        let is_free = finds.is_none() && self.stage == Stage::Shown && self.is_in_time(now);
        if !is_free || showing.browser == visitor.browser {
            return Err(Refusal::NoLink);
        }
        policy.allows(showing, visitor)?;
        let link = if self.offer.is_some() {
            Self { waiting: Some(Party::of(&moved, now)), ..self }
        } else {
            Self { approving: Some(Party::of(visitor, now)), ..self }
        };
        Ok(Found::Now(link.next(Stage::Found)))
    }

    /// The link while this browser may approve it.
    ///
    /// # Errors
    /// [`Refusal::NoLink`] for any other browser; [`Refusal::Stale`] where it was approved already;
    /// [`Refusal::NotSignedIn`] where whoever offers is not in their session; [`Refusal::OtherNetwork`]; or it is over.
    fn asks(self, visitor: &Visitor, policy: Policy, now: Timestamp) -> Result<Self, Refusal> {
        if !self.is_approved_by(visitor.browser) {
            return Err(Refusal::NoLink);
        }
        let link = self.live(now)?;
        match (&link.stage, &link.waiting) {
            (Stage::Found, Some(waiting)) => policy.allows(waiting, visitor)?,
            (Stage::Approved(_), _) => return Err(Refusal::Stale),
            _ => return Err(Refusal::NoLink),
        }
        match link.offer {
            Some(offer) if visitor.session != Some(offer.session) => Err(Refusal::NotSignedIn),
            _ => Ok(link),
        }
    }

    /// Counts a typed number. The state after it must be committed before anything is told, whether it was right or not:
    /// of numbers tried at once only one gets through, so no two are compared with the same count.
    ///
    /// # Errors
    /// See `asks`.
    pub fn try_number(
        self,
        visitor: &Visitor,
        policy: Policy,
        typed: u8,
        now: Timestamp,
    ) -> Result<NumberTried, Refusal> {
        let link = self.asks(visitor, policy, now)?;
        if link.number.ct_eq(&typed).into() {
            return Ok(NumberTried::Right(link.next(Stage::Found)));
        }
        let wrong_numbers = link.wrong_numbers.saturating_add(1);
        let link = Self { wrong_numbers, ..link };
        Ok(NumberTried::Wrong(if wrong_numbers >= WRONG_NUMBERS {
            link.next(Stage::Closed(Closed::WrongNumbers))
        } else {
            link.next(Stage::Found)
        }))
    }

    /// Approved with a passkey that was proved for this link. Whoever offers approves for themselves alone, and in the
    /// session that offers.
    ///
    /// # Errors
    /// See `asks`; [`Refusal::NotProved`].
    pub fn approve(
        self,
        visitor: &Visitor,
        policy: Policy,
        approval: Approval,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let link = self.asks(visitor, policy, now)?;
        if let Some(offer) = link.offer
            && (offer.account != approval.account || approval.session != Some(offer.session))
        {
            return Err(Refusal::NotProved);
        }
        let link = Self { expires_at: now.after(LIFETIME), ..link };
        Ok(link.next(Stage::Approved(approval)))
    }

    /// Turned down by either side, as long as it is not finished.
    ///
    /// # Errors
    /// [`Refusal::NoLink`] for any other browser; or it is over.
    pub fn deny(self, browser: SecretDigest, now: Timestamp) -> Result<Self, Refusal> {
        if !self.is_approved_by(browser) && !self.is_awaited_by(browser) {
            return Err(Refusal::NoLink);
        }
        Ok(self.live(now)?.next(Stage::Closed(Closed::Denied)))
    }

    /// What the waiting browser may finish with.
    ///
    /// # Errors
    /// [`Refusal::NoLink`] for any other browser, [`Refusal::NotApproved`], [`Refusal::OtherNetwork`]; or it is over.
    pub fn approval(&self, visitor: &Visitor, policy: Policy, now: Timestamp) -> Result<&Approval, Refusal> {
        if !self.is_awaited_by(visitor.browser) {
            return Err(Refusal::NoLink);
        }
        match (&self.stage, &self.approving) {
            (Stage::Closed(Closed::Denied), _) => Err(Refusal::Denied),
            (Stage::Closed(Closed::WrongNumbers), _) => Err(Refusal::NumbersSpent),
            _ if !self.is_in_time(now) => Err(Refusal::TooOld),
            (Stage::Approved(approval), Some(approving)) => {
                policy.allows(approving, visitor)?;
                Ok(approval)
            }
            _ => Err(Refusal::NotApproved),
        }
    }
}

impl Policy {
    /// Whether a browser may have to do with another one that is where `visitor` is.
    fn allows(self, party: &Party, visitor: &Visitor) -> Result<(), Refusal> {
        match self {
            Self::On => Ok(()),
            Self::SameNetwork if party.is_beside(visitor) => Ok(()),
            Self::SameNetwork => Err(Refusal::OtherNetwork),
            Self::Off => Err(Refusal::Off),
        }
    }
}

/// What became of a code that was brought.
#[derive(Debug)]
pub enum Found {
    /// It was used just now: this state is to be kept.
    Now(Link),
    /// The same browser had used it before.
    Before(Link),
}

/// What became of a typed number; the state in it is to be kept first.
#[derive(Debug)]
pub enum NumberTried {
    /// It is right: a passkey may be asked for.
    Right(Link),
    /// It is wrong.
    Wrong(Link),
}
