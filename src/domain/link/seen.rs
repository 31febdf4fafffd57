//! What the two browsers of a link see of it; any other sees nothing.

use std::time::Duration;

use super::{Closed, Link, LinkId, Stage};
use crate::domain::clock::Timestamp;
use crate::domain::visitor::Visitor;

/// Which side of a link a browser is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has no passkey and waits for one.
    Waiting,
    /// It has a passkey, or somebody in front of it has.
    Approving,
}

/// How far a link is, as its browsers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody has used its code yet.
    Shown,
    /// The approving browser is asked.
    Found,
    /// The waiting browser may make its passkey.
    Approved,
    /// Turned down, or whoever approves is signed out or removed.
    Denied,
    /// The number was wrong too often.
    NumbersSpent,
    /// Too old.
    TooOld,
}

impl Progress {
    /// Whether nothing can become of it any more.
    pub fn is_over(self) -> bool {
        match self {
            Self::Shown | Self::Found | Self::Approved => false,
            Self::Denied | Self::NumbersSpent | Self::TooOld => true,
        }
    }
}

/// The waiting browser, as whoever approves is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Browser and system in words.
    pub description: String,
    /// Whether it is in the network of the browser that is asked.
    pub same_network: bool,
    /// When it came.
    pub at: Timestamp,
}

/// What one browser sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which link.
    pub link: LinkId,
    /// Its side.
    pub role: Role,
    /// How far it is.
    pub progress: Progress,
    /// How long it still lives.
    pub left: Duration,
    /// The number to be typed on the other screen. Only the waiting browser has it: it proves who stands before it.
    pub number: Option<u8>,
    /// Who waits. Only the approving browser sees it.
    pub device: Option<Device>,
}

impl Link {
    /// What `visitor` sees of the link; `None` for any but its two browsers. `stands` says whether whoever approves is
    /// still who they were.
    pub fn seen_by(&self, visitor: &Visitor, stands: bool, now: Timestamp) -> Option<Seen> {
        let role = if self.is_awaited_by(visitor.browser) {
            Role::Waiting
        } else if self.is_approved_by(visitor.browser) {
            Role::Approving
        } else {
            return None;
        };
        let progress = match &self.stage {
            Stage::Closed(Closed::Denied) => Progress::Denied,
            Stage::Closed(Closed::WrongNumbers) => Progress::NumbersSpent,
            _ if !self.is_in_time(now) => Progress::TooOld,
            _ if !stands => Progress::Denied,
            Stage::Shown => Progress::Shown,
            Stage::Found => Progress::Found,
            Stage::Approved(_) => Progress::Approved,
        };
        let is_asked = matches!(progress, Progress::Shown | Progress::Found);
        let device = self.waiting.as_ref().map(|waiting| Device {
            description: waiting.description.clone(),
            same_network: waiting.is_beside(visitor),
            at: waiting.at,
        });
        Some(Seen {
            link: self.id,
            role,
            progress,
            left: if progress.is_over() { Duration::ZERO } else { self.expires_at.since(now) },
            number: (role == Role::Waiting && is_asked).then_some(self.number),
            device: device.filter(|_| role == Role::Approving),
        })
    }
}
