//! What the browsers of a link see of it; any other sees nothing.

use std::time::Duration;

use super::{Closed, Link, LinkId, LinkStage, Nearness, WaitingBrowser};
use crate::domain::clock::Timestamp;
use crate::domain::visitor::Visitor;

/// Which side of a link a browser is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRole {
    /// It has no passkey and waits for one.
    Waiting,
    /// It has a passkey, or the person in front of it has one.
    Approving,
}

/// How far a link is, as its browsers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkProgress {
    /// No browser has brought its code yet.
    Shown,
    /// The approving browser is asked.
    Found,
    /// The waiting browser may make its passkey.
    Approved,
    /// Approved, with another browser on this one's side.
    Elsewhere,
    /// Turned down, or its approver is signed out or removed.
    Denied,
    /// The number was wrong too often.
    NumbersSpent,
    /// It is older than a link may be.
    TooOld,
}

impl LinkProgress {
    /// Whether nothing can become of it any more.
    pub fn is_over(self) -> bool {
        match self {
            Self::Shown | Self::Found | Self::Approved => false,
            Self::Elsewhere | Self::Denied | Self::NumbersSpent | Self::TooOld => true,
        }
    }
}

/// A waiting browser, as its approver is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Browser and system in words.
    pub description: String,
    /// Where it is, seen from the browser that is asked.
    pub nearness: Nearness,
    /// When the browser came.
    pub at: Timestamp,
}

/// What one browser sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLink {
    /// The link that is seen.
    pub link: LinkId,
    /// The side that this browser is on.
    pub role: LinkRole,
    /// How far it is.
    pub progress: LinkProgress,
    /// How long it still lives.
    pub left: Duration,
    /// The number to be typed on the other screen. Only the waiting browser has its own: it proves who stands before
    /// it.
    pub number: Option<u8>,
    /// Who waits, and once it is approved, who was approved. Only an approving browser sees it.
    pub devices: Vec<Device>,
}

impl Device {
    /// A waiting browser, as `visitor` is shown it.
    pub fn seen_by(visitor: &Visitor, waiting: &WaitingBrowser) -> Self {
        let WaitingBrowser { party, .. } = waiting;
        Self { description: party.description.clone(), nearness: party.nearness(visitor), at: party.at }
    }
}

impl Link {
    /// What `visitor` sees of the link; `None` for any but its browsers. `stands` says whether the approver is still
    /// who they were.
    pub fn seen_by(&self, visitor: &Visitor, stands: bool, now: Timestamp) -> Option<SeenLink> {
        let waiting = self.waiting(visitor.browser);
        let role = match waiting {
            Some(_) => LinkRole::Waiting,
            None => self.approving(visitor.browser).map(|_| LinkRole::Approving)?,
        };
        let progress = match &self.stage {
            LinkStage::Closed(Closed::Denied) => LinkProgress::Denied,
            LinkStage::Closed(Closed::WrongNumbers) => LinkProgress::NumbersSpent,
            _ if !self.is_in_time(now) => LinkProgress::TooOld,
            _ if !stands => LinkProgress::Denied,
            LinkStage::Shown => LinkProgress::Shown,
            LinkStage::Found => LinkProgress::Found,
            LinkStage::Approved(approval) if [approval.approving, approval.waiting].contains(&visitor.browser) => {
                LinkProgress::Approved
            }
            LinkStage::Approved(_) => LinkProgress::Elsewhere,
        };
        let is_asked = matches!(progress, LinkProgress::Shown | LinkProgress::Found);
        let is_meant = |waiting: &&WaitingBrowser| match &self.stage {
            LinkStage::Approved(approval) => waiting.party.browser == approval.waiting,
            LinkStage::Shown | LinkStage::Found | LinkStage::Closed(_) => true,
        };
        let devices = match role {
            LinkRole::Waiting => Vec::new(),
            LinkRole::Approving => {
                self.waiting.iter().filter(is_meant).map(|waiting| Device::seen_by(visitor, waiting)).collect()
            }
        };
        Some(SeenLink {
            link: self.id,
            role,
            progress,
            left: if progress.is_over() { Duration::ZERO } else { self.expires_at.since(now) },
            number: waiting.filter(|_| is_asked).map(|waiting| waiting.number),
            devices,
        })
    }
}
