//! What happened to an account, for its owner to look through.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::AccountId;
use super::clock::Timestamp;
use super::visitor::Visitor;

/// How long an event is kept.
pub const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// What can happen to an account that its owner is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// The account was made.
    Registered,
    /// The owner signed in.
    SignedIn,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A passkey was refused because its signature counter went back.
    PasskeyCopied,
    /// Another device was approved.
    LinkApproved,
    /// Another device was turned down.
    LinkDenied,
    /// Recovery was asked for and its code proved; it is held.
    RecoveryHeld,
    /// A held recovery was cancelled.
    RecoveryCancelled,
    /// The account was recovered.
    Recovered,
    /// Every other browser was signed out.
    SignedOutEverywhere,
    /// A refresh token was presented that had been used before: the session it belonged to was ended.
    TokenCopied,
    /// A passkey may be copied to other devices from now on.
    PasskeyCanSync,
    /// A passkey's signature counter began anew: it was moved to another manager.
    PasskeyMoved,
    /// A recovery was contested with an older passkey.
    RecoveryContested,
    /// A contested recovery was undone.
    RecoveryUndone,
    /// "Keep your account safe" was answered.
    ReviewAnswered,
    /// Another address was asked for.
    AddressAsked,
    /// The account got another address.
    AddressChanged,
    /// A change of address was undone.
    AddressRestored,
}

impl What {
    /// Its name, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SignedIn => "signed-in",
            Self::PasskeyAdded => "passkey-added",
            Self::PasskeyRemoved => "passkey-removed",
            Self::PasskeyCopied => "passkey-copied",
            Self::LinkApproved => "link-approved",
            Self::LinkDenied => "link-denied",
            Self::RecoveryHeld => "recovery-held",
            Self::RecoveryCancelled => "recovery-cancelled",
            Self::RecoveryContested => "recovery-contested",
            Self::RecoveryUndone => "recovery-undone",
            Self::ReviewAnswered => "review-answered",
            Self::Recovered => "recovered",
            Self::SignedOutEverywhere => "signed-out-everywhere",
            Self::TokenCopied => "token-copied",
            Self::PasskeyCanSync => "passkey-can-sync",
            Self::PasskeyMoved => "passkey-moved",
            Self::AddressAsked => "address-asked",
            Self::AddressChanged => "address-changed",
            Self::AddressRestored => "address-restored",
        }
    }
}

/// One thing that happened to an account, as its owner finds it on "My devices".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's random name.
    pub id: Uuid,
    /// The account that it happened to.
    pub account: AccountId,
    /// The kind of event.
    pub what: What,
    /// The moment it happened.
    pub at: Timestamp,
    /// The browser it happened in, in words.
    pub browser: String,
    /// The address it came from.
    pub address: Option<IpAddr>,
}

impl Event {
    /// Something that `visitor` did to `account`.
    pub fn by(visitor: &Visitor, account: AccountId, what: What, id: Uuid, at: Timestamp) -> Self {
        Self { id, account, what, at, browser: visitor.description.clone(), address: visitor.address }
    }

    /// From this moment on it is gone.
    pub fn expires_at(&self) -> Timestamp {
        self.at.after(KEPT)
    }
}
